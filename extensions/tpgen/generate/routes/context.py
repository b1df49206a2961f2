"""The context of a route's skeleton: names, requests as source, and the rows that they name."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import getitem
from textwrap import indent
from typing import Any

from tpgen.core.service import Service
from tpgen.generate.snapshots import HAPPY_PATH, MALFORMED, Failure

from .expressions import Change, source
from .lists import Listing
from .naming import name_by_path, name_of_class
from .route import Route
from .rows import Row, Rows
from .values import names_a_row

NEXT_PAGE = """\
def next_page(self, response: httpx.Response) -> dict[str, Any] | None:
    following: dict[str, Any] | None = fill_in(
        "following = …  # the request for the page after `response`; None after the last page"
    )
    return following"""
# The length of a line of a placeholder's text in the test file.
LINE = 80
# Statuses of a router that has the path for other values or another method only.
REFUSED_BY_ROUTER = (404, 405, 307, 308)


@dataclass
class Expression:
    """An expression of a test, and the rows that must be made before it.

    Attributes:
        text: the source; empty if it is not known.
        rows: made by factories.
        caller: the caller's fixture with its type, if the expression needs it.
        shared: those of `rows` that have a fixture of their own.
    """

    text: str = ""
    rows: list[Row] = field(default_factory=list)
    caller: str = ""
    shared: list[Row] = field(default_factory=list)

    @property
    def is_constant(self) -> bool:
        """Return whether it can be an attribute of the class, without a fixture."""
        return bool(self.text) and not self.rows and not self.caller

    def use(self, row: Row, caller: tuple[str, str]) -> None:
        """Add a row that it names."""
        if row.factory and row not in self.rows:
            self.rows.append(row)
        if not row.factory or row.uses(caller[0]):
            self.caller = ": ".join(caller)

    def fixture(self, name: str, returns: str) -> str:
        """Return the source of a fixture that makes the rows and returns the expression.

        Args:
            name: of the fixture.
            returns: its type.
        """
        made = [row for row in self.rows if row not in self.shared]
        session = "session: AsyncSession" if made else ""
        used = " ".join([*(text for row in made for text in row.belongs), self.text])
        is_called = re.search(rf"\b{self.caller.partition(':')[0]}\b", used)
        caller = self.caller if is_called else ""
        shared = [f"{row.name}: Any" for row in self.shared]
        arguments = ", ".join(filter(None, ["self", session, caller, *shared]))
        body = [*self._statements(made), f"return {self.text}"]
        start = f"{'async ' if made else ''}def {name}({arguments}) -> {returns}:"
        return "\n".join(["@pytest.fixture", start, *(indent(line, "    ") for line in body)])

    def _statements(self, made: Sequence[Row]) -> Iterator[str]:
        for number, row in enumerate(made):
            is_used = any(later.uses(row.name) for later in made[number + 1 :])
            is_named = is_used or re.search(rf"(^|[{{ (]){row.name}\b", self.text)
            yield f"{row.name} = {row.create}" if is_named else row.create
        if made:
            yield "await session.commit()"


@dataclass(frozen=True)
class RouteContext:
    """The variables of a skeleton that renders a route's test class.

    Attributes:
        route: as the app describes it.
        rows: the rows that the tests can make.
        taken: the classes of the test file that are about other routes.
        failures: the tests that failed when they were written without placeholders.
    """

    route: Route
    rows: Rows
    taken: Collection[str] = ()
    failures: Sequence[Failure] = ()

    @property
    def class_name(self) -> str:
        """Return the name of the test class."""
        if not self.route.exists:
            return name_by_path(self.route.method, self.route.path)
        return name_of_class(self.route, self.taken)

    @property
    def names_a_row(self) -> bool:
        """Return whether a request may name a row, by its path, its parameters or its body."""
        route = self.route
        body = route.valid.get("json")
        named = [*route.valid.get("params", {}), *route.valid.get("headers", {})]
        return bool(
            not route.exists
            or "{" in route.path
            or route.references
            or any(map(names_a_row, named))
            or (isinstance(body, dict) and self.rows.keys & body.keys())
        )

    @property
    def is_list(self) -> bool:
        """Return whether it lists rows of the caller's tenant."""
        return bool(self.route.listing and not self.route.is_public and not self.route.idempotent)

    @property
    def is_known(self) -> bool:
        """Return whether a valid request is known in full."""
        return bool(self.url.text and self.valid.text)

    @property
    def refused(self) -> Failure | None:
        """Return the app's answer to the valid request, if it refused that."""
        return next((failure for failure in self.failures if failure.case == HAPPY_PATH), None)

    @property
    def contradicted(self) -> dict[int, Failure]:
        """Return the app's answers to malformed requests other than 422, by number."""
        answers = (each for each in self.failures if each.case == MALFORMED and each.status)
        return {failure.number: failure for failure in answers}

    @property
    def blamed(self) -> str:
        """Return the guess that the answer disproves: `status`, `url`, `valid` or an empty text."""
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
    def attributes(self) -> dict[str, str]:
        """Return the attributes of the test class, as source."""
        route, found = self.route, {}
        if self.url.is_constant or not self.url.text:
            found["path"] = self.url.text or self.url_placeholder
        if self.refused and self.blamed == "status":
            found["status"] = placeholder(
                f"status = {self.refused.status}  # the app says: {self.refused}"
            )
        elif route.status != 200:
            found["status"] = str(route.status)
        if not self.valid.text or (self.valid.is_constant and route.valid):
            found["valid"] = self.valid.text or self.valid_placeholder
        if route.idempotent and not (route.references and self.other):
            lines = 'other = {"json": …}  # a valid request that differs from `valid`'
            found["other"] = self.other or placeholder(lines)
        if self.is_list and self._listing.has_pages:
            lines = 'page = {"params": {…}}  # a request for fewer than six rows'
            found["page"] = self._listing.first_request or placeholder(lines)
        unbuilt = f"malformed = [{{}}]  # build {route.method} {route.path} first"
        malformed = f"[{', '.join(self.malformed)}]"
        return {**found, "malformed": malformed if route.exists else placeholder(unbuilt)}

    @property
    def fixtures(self) -> list[str]:
        """Return the fixtures and other methods of the test class, as source."""
        found = list(self._parent_fixtures())
        if self.url.text and not self.url.is_constant:
            found.append(self.url.fixture("url", "str"))
        if self.valid.text and not self.valid.is_constant:
            found.append(self.valid.fixture("valid_request", "dict[str, Any]"))
        if self.route.idempotent and self.route.references and self.other:
            start = "def other_request(self, valid_request: dict[str, Any]) -> dict[str, Any]:"
            found.append(f"@pytest.fixture\n{start}\n    return {self.other}")
        return [*found, *self._list_methods()] if self.is_list else found

    @property
    def url(self) -> Expression:
        """Return the path with its ids filled in; without a text if it is not known."""
        is_unknown = self.blamed == "url" or not self.route.exists
        return Expression() if is_unknown else self._guessed_url

    @property
    def url_placeholder(self) -> str:
        """Return the placeholder for a path that is not known."""
        route = self.route
        if not route.exists:
            return placeholder(f'path = "{route.path}"  # build {route.method} {route.path} first')
        unknown = Expression(f'f"{route.path}"  # of a row that the caller may see')
        code = self._guessed_url if self._guessed_url.text else unknown
        return self._placeholder(code.fixture("url", "str"))

    @property
    def valid(self) -> Expression:
        """Return the valid request; without a text if it is not known."""
        return Expression() if self.blamed == "valid" else self._guessed_valid

    @property
    def valid_placeholder(self) -> str:
        """Return the placeholder for a valid request that is not known."""
        code = self._guessed_valid
        if code.is_constant:
            return self._placeholder(f"valid = {code.text}")
        code = code if code.text else Expression('{"json": …}  # with ids of rows that exist')
        return self._placeholder(code.fixture("valid_request", "dict[str, Any]"))

    @property
    def other(self) -> str:
        """Another valid request; only what differs if the valid one names rows."""
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
        """Return the malformed requests, without those that the router itself refuses."""
        found = []
        for number, change in enumerate(self.route.malformed):
            answer = self.contradicted.get(number)
            if answer and answer.status not in REFUSED_BY_ROUTER:
                found.append(placeholder(f"{change.source}  # the app says: {answer}"))
            elif not answer:
                found.append(change.source)
        return found

    @property
    def listed_row(self) -> Row | None:
        """Return a row of the caller that the route lists; None if the factories show none."""
        if not (self.is_list and self._listing.shows_id and self.url.text):
            return None
        row = self.rows.listed(self._last_word, self._parents)
        return row if row and row.belongs else None

    @property
    def _last_word(self) -> str:
        """Return the last part of the path, such as `agents`."""
        return self.route.path.rstrip("/").rpartition("/")[2]

    @property
    def _listing(self) -> Listing:
        assert self.route.listing
        return self.route.listing

    @property
    def _parents(self) -> list[Row]:
        """Return the rows that the path of a list names."""
        return self.url.shared

    def _parent_fixtures(self) -> Iterator[str]:
        for number, row in enumerate(self._parents):
            parents = self._parents[:number]
            made = Expression(row.name, [*parents, row], self.url.caller, parents)
            yield made.fixture(row.name, "Any")

    def _list_methods(self) -> Iterator[str]:
        if self._listing.has_pages:
            yield self._listing.next_page or NEXT_PAGE
        for name in ("own_rows", "foreign_rows"):
            yield self._rows_fixture(name)

    def _rows_fixture(self, name: str) -> str:
        """Return the fixture of six rows; a placeholder if it is not known whose rows they are."""
        row, caller = self.listed_row, self.rows.caller
        made = row or self.rows.listed(self._last_word, self._parents) or Row("row", "", "…Factory")
        if name == "foreign_rows":
            made = replace(made, belongs=())
        elif not row:
            made = replace(made, belongs=(f"…={caller[0] or '…'}",))
        fixtures = [caller, *((parent.name, "Any") for parent in self._parents)]
        used = [": ".join(fixture) for fixture in fixtures if made.uses(fixture[0])]
        created = ", ".join(["6", "session=session", *made.belongs])
        body = (
            f"rows = await {made.factory}.create_batch({created})\n"
            "await session.commit()\n"
            f"return [str(row.{self.rows.key(made)}) for row in rows]\n"
        )
        if not row:
            body = f'rows: list[str] = fill_in("""\n{indent(body, "    ")}""")\nreturn rows\n'
        arguments = ", ".join(["self", "session: AsyncSession", *used])
        start = f"@pytest.fixture\nasync def {name}({arguments}) -> list[str]:\n"
        return start + indent(body, "    ").rstrip()

    @cached_property
    def _guessed_url(self) -> Expression:
        code = Expression()
        parts, filled = self.route.path.split("/"), self.route.url.split("/")
        for number, part in enumerate(parts):
            name = part[1:-1] if re.fullmatch(r"\{[^{}]*\}", part) else ""
            row = self.rows.find(name, parts[number - 1], code.rows) if name else None
            if row:
                parts[number] = f"{{{row.name}.{self.rows.attribute(row, name)}}}"
                code.use(row, self.rows.caller)
            elif name in self.route.path_references:
                return Expression()
            elif "{" in part:
                parts[number] = filled[number]
        path = source("/".join(parts))
        code.text = f"f{path}" if code.rows or code.caller else path
        if self.is_list:
            code.shared = [*code.rows]
        # An empty list would show little of its shape.
        row = self.rows.listed(parts[-1], code.rows) if self.route.method == "GET" else None
        if row and row.model != self.rows.caller[1] and (row.belongs or not self.is_list):
            code.use(row, self.rows.caller)
        return code

    @cached_property
    def _guessed_valid(self) -> Expression:
        code = Expression()
        request: Any = self.route.valid
        for place in self.route.references:
            row = self.rows.find(str(place[-1]), made=code.rows)
            if row is None:
                return Expression()
            named = f"{row.name}.{self.rows.key(row)}"
            is_text = isinstance(reduce(getitem, place, request["json"]), str)
            marked = f"@str({named})@" if is_text else f"@{named}@"
            request = Change(("json", *place), marked).apply(request)
            code.use(row, self.rows.caller)
        code.text = re.sub(r'"@([\w.()]+)@"', r"\1", source(request))
        return code

    def _placeholder(self, lines: str) -> str:
        answer = f"\n# the app says: {self.refused}" if self.refused and self.blamed else ""
        return placeholder(lines + answer)


def context(
    service: Service,
    route: Route,
    taken: Collection[str] = (),
    failures: Sequence[Failure] = (),
) -> dict[str, Any]:
    """Return the names that the skeleton of a route may use.

    Args:
        service: whose factories make the rows that a request names.
        route: as the app describes it.
        taken: the classes of the test file that are about other routes.
        failures: the tests that failed when they were written without placeholders.
    """
    rows = Rows(service)
    found = RouteContext(route, rows, taken, failures)
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
    """Return the source of a placeholder with these lines, as wide as a test file."""
    width = rf".{{1,{LINE}}}(?:\s|$)|.{{1,{LINE}}}"
    pieces = [
        piece for line in lines.splitlines(keepends=True) for piece in re.findall(width, line)
    ]
    return f"placeholder({' '.join(map(repr, pieces))})"
