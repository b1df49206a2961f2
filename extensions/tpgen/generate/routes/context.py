"""What the skeleton of a route needs: names, requests as code, and the rows they speak of."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from textwrap import indent
from typing import Any

from tpgen.core.service import Service
from tpgen.generate.snapshots import HAPPY_PATH, MALFORMED, Failure

from .expressions import source
from .lists import Listing
from .malformed import changed
from .naming import name_of_class, name_when_unbuilt
from .requests import Route
from .rows import Row, Rows
from .values import names_a_row

NEXT_PAGE = """\
def next_page(self, response: httpx.Response) -> dict[str, Any] | None:
    following: dict[str, Any] | None = fill_in(
        "following = …  # the request for the page after `response`; None after the last page"
    )
    return following"""
ROWS_PLACEHOLDER = '''\
@pytest.fixture
async def {name}({arguments}) -> list[str]:
    rows: list[str] = fill_in("""
        made = await {factory}.create_batch(6, session=session{belongs})
        await session.commit()
        rows = [str(one.{key}) for one in made]  # texts that only these rows show
    """)
    return rows'''
# The longest part of a placeholder's text on one line of the test file.
LINE = 80


@dataclass
class Code:
    """An expression of a test, and the rows that must be made before it.

    Attributes:
        text: the expression; empty where no tool can know it.
        rows: made by factories.
        caller: the fixture with its type, where it speaks of the caller.
        shared: those of `rows` that are fixtures of their own.
    """

    text: str = ""
    rows: list[Row] = field(default_factory=list)
    caller: str = ""
    shared: list[Row] = field(default_factory=list)

    @property
    def is_fact(self) -> bool:
        """Whether it can stand in the class itself, without a fixture."""
        return bool(self.text) and not self.rows and not self.caller

    def use(self, row: Row, caller: tuple[str, str]) -> None:
        """Note a row that it speaks of."""
        if row.factory and row not in self.rows:
            self.rows.append(row)
        if not row.factory or row.uses(caller[0]):
            self.caller = ": ".join(caller)

    def fixture(self, name: str, returns: str) -> str:
        """The fixture that makes the rows and returns the expression.

        Args:
            name: of the fixture.
            returns: its type.
        """
        made = [row for row in self.rows if row not in self.shared]
        session = "session: AsyncSession" if made else ""
        fixtures = [f"{row.name}: Any" for row in self.shared]
        used = " ".join([*(text for row in made for text in row.belongs), self.text])
        is_called = re.search(rf"\b{self.caller.partition(':')[0]}\b", used)
        caller = self.caller if is_called else ""
        arguments = ", ".join(filter(None, ["self", session, caller, *fixtures]))
        body = [*self._statements(), f"return {self.text}"]
        start = f"{'async ' if made else ''}def {name}({arguments}) -> {returns}:"
        return "\n".join(["@pytest.fixture", start, *(indent(line, "    ") for line in body)])

    def _statements(self) -> Iterator[str]:
        made = [row for row in self.rows if row not in self.shared]
        for number, row in enumerate(made):
            later = any(one.uses(row.name) for one in made[number + 1 :])
            named = later or re.search(rf"(^|[{{ (]){row.name}\b", self.text)
            yield f"{row.name} = {row.create}" if named else row.create
        if made:
            yield "await session.commit()"


# A path that a router knows with other values only, or by another method.
REFUSED_BY_ROUTER = (404, 405, 307, 308)


@dataclass(frozen=True)
class RouteFacts:
    """A route of the app, as a skeleton sees it.

    Attributes:
        route: what the app says of it.
        rows: what rows the tests can make.
        taken: the classes of its test file that are about other routes.
        failures: the tests that failed when they were written without placeholders.
    """

    route: Route
    rows: Rows
    taken: Collection[str] = ()
    failures: Sequence[Failure] = ()

    @property
    def refused(self) -> Failure | None:
        """What the app said to the valid request, where that proved wrong."""
        return next((one for one in self.failures if one.case == HAPPY_PATH), None)

    @property
    def contradicted(self) -> dict[int, Failure]:
        """What the app said to the malformed requests that it does not refuse with 422."""
        return {one.number: one for one in self.failures if one.case == MALFORMED and one.status}

    @property
    def names_a_row(self) -> bool:
        """Whether a request may name a row, by its path, its parameters or its body."""
        route = self.route
        named = [*route.valid.get("params", {}), *route.valid.get("headers", {})]
        return bool(
            not route.exists
            or "{" in route.path
            or route.references
            or any(map(names_a_row, named))
            or any(name in self.rows.keys for name in self._fields)
        )

    @property
    def _fields(self) -> list[str]:
        """The names of the fields of the valid body."""
        body = self.route.valid.get("json")
        return list(body) if isinstance(body, dict) else []

    @property
    def is_list(self) -> bool:
        """Whether it lists rows of the caller's tenant."""
        return bool(self.route.listing and not self.route.is_public and not self.route.idempotent)

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes of the test class, as code."""
        route, found = self.route, {}
        if self.url.is_fact or not self.url.text:
            found["path"] = self.url.text or self.url_placeholder
        if self.blamed == "status":
            lines = (
                f"status = {self.refused and self.refused.status}  # the app says: {self.refused}"
            )
            found["status"] = placeholder(lines)
        elif route.status != 200:
            found["status"] = str(route.status)
        if not self.valid.text or (self.valid.is_fact and route.valid):
            found["valid"] = self.valid.text or self.valid_placeholder
        if route.idempotent and not (route.references and self.other):
            lines = 'other = {"json": …}  # a valid request unlike `valid`'
            found["other"] = self.other or placeholder(lines)
        if self.is_list and self._listing.has_pages:
            lines = 'page = {"params": {…}}  # that asks for less than six rows'
            found["page"] = self._listing.first_request or placeholder(lines)
        unbuilt = f"malformed = [{{}}]  # build {route.method} {route.path} first"
        malformed = f"[{', '.join(self.malformed)}]"
        return {**found, "malformed": malformed if route.exists else placeholder(unbuilt)}

    @property
    def fixtures(self) -> list[str]:
        """The fixtures and other methods of the test class, as code."""
        found = []
        if self.is_list:
            rows = self._parents
            found += [
                Code(row.name, [*rows[: number + 1]], self.url.caller, rows[:number]).fixture(
                    row.name, "Any"
                )
                for number, row in enumerate(rows)
            ]
        if self.url.text and not self.url.is_fact:
            found.append(self.url.fixture("url", "str"))
        if self.valid.text and not self.valid.is_fact:
            found.append(self.valid.fixture("valid_request", "dict[str, Any]"))
        if self.route.idempotent and self.route.references and self.other:
            start = "def other_request(self, valid_request: dict[str, Any]) -> dict[str, Any]:"
            found.append(f"@pytest.fixture\n{start}\n    return {self.other}")
        return [*found, *self._list_methods()] if self.is_list else found

    def _list_methods(self) -> Iterator[str]:
        if self._listing.has_pages:
            yield self._listing.next_page or NEXT_PAGE
        row = self.listed_row
        for name in ("own_rows", "foreign_rows"):
            yield self._rows_fixture(name, row) if row else self._rows_placeholder(name)

    def _rows_placeholder(self, name: str) -> str:
        """The fixture of rows that no one but a person can connect with the caller."""
        fixture, model = self.rows.caller
        row = self.rows.one_of(self._last_word, self._parents)
        is_own = name == "own_rows"
        caller = f", {fixture}: {model}" if is_own and model else ""
        return ROWS_PLACEHOLDER.format(
            name=name,
            arguments=f"self, session: AsyncSession{caller}",
            factory=(row and row.factory) or "…Factory",
            key=self.rows.key(row) if row else "id",
            belongs=f", …={fixture or '…'}" if is_own else "",
        )

    def _rows_fixture(self, name: str, row: Row) -> str:
        belongs = row.belongs if name == "own_rows" else ()
        used = replace(row, belongs=belongs)
        caller = ": ".join(self.rows.caller) if used.uses(self.rows.caller[0]) else ""
        parents = [f"{one.name}: Any" for one in self._parents if used.uses(one.name)]
        arguments = ", ".join(filter(None, ["self", "session: AsyncSession", caller, *parents]))
        created = ", ".join(["6", "session=session", *belongs])
        return (
            f"@pytest.fixture\nasync def {name}({arguments}) -> list[str]:\n"
            f"    rows = await {row.factory}.create_batch({created})\n"
            f"    await session.commit()\n    return [str(row.{self.rows.key(row)}) for row in rows]"
        )

    @property
    def listed_row(self) -> Row | None:
        """A row of the caller that the route lists; None if the factories don't show which."""
        if not (self.is_list and self._listing.shows_id and self.url.text):
            return None
        row = self.rows.listed(self._last_word, self._parents)
        return row if row and row.belongs else None

    @property
    def _last_word(self) -> str:
        """The last part of the path, such as `agents`."""
        return self.route.path.rstrip("/").rpartition("/")[2]

    @property
    def _listing(self) -> Listing:
        assert self.route.listing
        return self.route.listing

    @property
    def _parents(self) -> list[Row]:
        """The rows that the path of a list names."""
        return self.url.shared

    @property
    def class_name(self) -> str:
        """Of the test."""
        if not self.route.exists:
            return name_when_unbuilt(self.route.method, self.route.path)
        return name_of_class(self.route, self.taken)

    @property
    def blamed(self) -> str:
        """The guess that the app's answer proves wrong: `status`, `url`, `valid`, or none."""
        status = self.refused.status if self.refused else 0
        if 200 <= status < 400:
            return "status"
        known = 400 <= status < 500 and status not in (405, 406, 429)
        if not known or (status == 401 and not self.route.is_public):
            return ""
        has_input = "valid" if self.route.valid or self.route.malformed else ""
        if "{" not in self.route.path:
            return "" if status == 403 and not self.route.is_public else has_input
        return "url" if status in (403, 404) else has_input or "url"

    @property
    def is_known(self) -> bool:
        """Whether all is said that a valid request needs."""
        return bool(self.url.text and self.valid.text)

    @property
    def url(self) -> Code:
        """The path with its ids filled in; no text where that can't be known."""
        is_unknown = self.blamed == "url" or not self.route.exists
        return Code() if is_unknown else self._guessed_url

    @property
    def url_placeholder(self) -> str:
        """What stands for the path where it can't be known."""
        route = self.route
        if not route.exists:
            return placeholder(f'path = "{route.path}"  # build {route.method} {route.path} first')
        code = self._guessed_url
        if not code.text:
            code = Code(f'f"{self.route.path}"  # of a row that the caller may see')
        return self._placeholder(code.fixture("url", "str"))

    @property
    def valid(self) -> Code:
        """The valid request; no text where that can't be known."""
        return Code() if self.blamed == "valid" else self._guessed_valid

    @property
    def valid_placeholder(self) -> str:
        """What stands for the valid request where it can't be known."""
        code = self._guessed_valid
        if code.is_fact:
            return self._placeholder(f"valid = {code.text}")
        code = code if code.text else Code('{"json": …}  # naming rows that are there')
        return self._placeholder(code.fixture("valid_request", "dict[str, Any]"))

    @cached_property
    def _guessed_url(self) -> Code:
        code = Code()
        parts = self.route.path.split("/")
        filled = self.route.url.split("/")
        for number, part in enumerate(parts):
            if name := part.strip("{}") if part.startswith("{") and part.endswith("}") else "":
                row = self.rows.find(name, parts[number - 1], code.rows)
                if row:
                    parts[number] = f"{{{row.name}.{self.rows.attribute(row, name)}}}"
                    code.use(row, self.rows.caller)
                elif name in self.route.path_references:
                    return Code()
                else:
                    parts[number] = filled[number]
            elif "{" in part:
                # A parameter that is a part of it, as in `{name}.csv`.
                parts[number] = filled[number]
        path = source("/".join(parts))
        code.text = f"f{path}" if code.rows or code.caller else path
        if self.is_list:
            code.shared = [*code.rows]
        # A list of nothing would show little of its shape; of others' rows it shows none.
        row = self.rows.one_of(parts[-1], code.rows) if self.route.method == "GET" else None
        if row and row.factory and (row.belongs or not self.is_list):
            code.use(row, self.rows.caller)
        return code

    @cached_property
    def _guessed_valid(self) -> Code:
        code = Code()
        request: Any = self.route.valid
        for place in self.route.references:
            row = self.rows.find(str(place[-1]), made=code.rows)
            if row is None:
                return Code()
            wanted = f"{row.name}.{self.rows.key(row)}"
            is_text = isinstance(_at(request, ("json", *place)), str)
            request = _put(
                request, ("json", *place), f"@{f'str({wanted})' if is_text else wanted}@"
            )
            code.use(row, self.rows.caller)
        code.text = re.sub(r'"@([\w.()]+)@"', r"\1", source(request))
        return code

    def _placeholder(self, lines: str) -> str:
        answer = f"\n# the app says: {self.refused}" if self.refused and self.blamed else ""
        return placeholder(lines + answer)

    @property
    def other(self) -> str:
        """Another valid request, as code; by what differs where the valid one speaks of rows."""
        if self.route.other is None:
            return ""
        if not self.route.references:
            return source(self.route.other)
        valid, other = self.route.valid["json"], self.route.other["json"]
        differing = {key: value for key, value in other.items() if valid.get(key) != value}
        pairs = "".join(f", {source(k)}: {source(v)}" for k, v in differing.items())
        return f'{{"json": {{**valid_request["json"]{pairs}}}}}'

    @property
    def malformed(self) -> list[str]:
        """The requests to refuse, as code; without those that the router itself refuses."""
        found = []
        for number, request in enumerate(self.route.malformed):
            code, answer = changed(self.route.valid, request), self.contradicted.get(number)
            if answer and answer.status not in REFUSED_BY_ROUTER:
                found.append(placeholder(f"{code}  # the app says: {answer}"))
            elif not answer:
                found.append(code)
        return found


def facts(
    service: Service,
    route: Route,
    taken: Collection[str] = (),
    failures: Sequence[Failure] = (),
) -> dict[str, Any]:
    """What the skeleton of a route may use.

    Args:
        service: whose factories make the rows that a request speaks of.
        route: what the app says of it.
        taken: the classes of its test file that are about other routes.
        failures: the tests that failed when they were written without placeholders.
    """
    rows = Rows(service)
    found = RouteFacts(route, rows, taken, failures)
    listed = [found.listed_row] if found.listed_row else []
    used = [*found.url.rows, *found.valid.rows, *listed]
    return {
        "route": found,
        "method": route.method,
        "path": route.path,
        "class_name": found.class_name,
        "who": rows.caller,
        "who_module": rows.caller_module,
        "factories": sorted({row.factory for row in used}),
    }


def placeholder(lines: str) -> str:
    """Return the code of a placeholder with these lines, as wide as a test file."""
    width = rf".{{1,{LINE}}}(?:\s|$)|.{{1,{LINE}}}"
    pieces = [one for line in lines.splitlines(keepends=True) for one in re.findall(width, line)]
    return f"placeholder({' '.join(map(repr, pieces))})"


def _at(value: Any, place: Sequence[str | int]) -> Any:
    for key in place:
        value = value[key]
    return value


def _put(value: Any, place: Sequence[str | int], new: Any) -> Any:
    """The value with another one at a place; the first one stays as it was."""
    if not place:
        return new
    copy = value.copy()
    copy[place[0]] = _put(value[place[0]], place[1:], new)
    return copy
