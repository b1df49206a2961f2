"""The context of a route's skeleton: names, requests as source, and the rows that they name."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import getitem
from textwrap import indent
from typing import Any

from tpgen.core.service import Service
from tpgen.generate.snapshots import HAPPY_PATH, MALFORMED, Failure

from .naming import name_of_class
from .route import Route
from .rows import Row, Rows
from .values import Change, names_a_row, source

NEXT_PAGE = """\
following: dict[str, Any] | None = fill_in(
    "following = …  # the request for the page after `response`; None after the last page"
)
return following"""
# Statuses of a router that has the path for other values or another method only.
REFUSED_BY_ROUTER = (404, 405, 307, 308)


@dataclass
class Expression:
    """The path or the valid request: an attribute of the class, or a fixture if it names rows.

    Attributes:
        unknown: what a placeholder shows if `text` is empty.
        before: a row that must exist, although the text does not name it.
    """

    attribute: str
    fixture: str
    returns: str
    unknown: str
    text: str = ""
    rows: list[Row] = field(default_factory=list)
    before: Row | None = None


@dataclass(frozen=True)
class RouteContext:
    """What a skeleton needs for a route's test class.

    Attributes:
        taken: the classes of the test file that are about other routes.
        failures: the tests that failed when they were written without placeholders.
    """

    route: Route
    rows: Rows
    taken: Collection[str] = ()
    failures: Sequence[Failure] = ()

    @property
    def class_name(self) -> str:
        return name_of_class(self.route, self.taken)

    @property
    def names_a_row(self) -> bool:
        """Return whether a request may name a row, by its path, its parameters or its body."""
        route = self.route
        named = [*route.valid.get("params", {}), *route.valid.get("headers", {})]
        in_request = bool(route.references) or any(map(names_a_row, named))
        return in_request or "{" in route.path or not route.exists

    @property
    def is_list(self) -> bool:
        return self.route.listing is not None

    @property
    def is_known(self) -> bool:
        """Return whether a valid request is known in full."""
        return self.route.exists and bool(self.url.text and self.valid.text)

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
        """Return the guess that the answer disproves: `status`, `path`, `valid` or an empty text."""
        status, route = self.refused.status if self.refused else 0, self.route
        if 200 <= status < 400:
            return "status"
        if not 400 <= status < 500 or status in (405, 406, 429):
            return ""
        has_input = bool(route.valid or route.malformed)
        if "{" in route.path and status != 401 and (status in (403, 404) or not has_input):
            return "path"
        is_of_credentials = status == 401 or (status == 403 and "{" not in route.path)
        return "valid" if has_input and (route.is_public or not is_of_credentials) else ""

    @property
    def attributes(self) -> dict[str, str]:
        """Return the attributes of the test class, as source."""
        route = self.route
        if not route.exists:
            build = f"# build {route.method} {route.path} first"
            path = placeholder(f'path = "{route.path}"  {build}')
            return {"path": path, "malformed": placeholder(f"malformed = [{{}}]  {build}")}
        found = {"path": self._stated(self.url)[0]}
        if self.refused and self.blamed == "status":
            lines = f"status = {self.refused.status}  # the app says: {self.refused}"
            found["status"] = placeholder(lines)
        elif route.status != 200:
            found["status"] = str(route.status)
        if route.valid or self.blamed == "valid":
            found["valid"] = self._stated(self.valid)[0]
        if route.idempotent:
            lines = 'other = {"json": …}  # a valid request that differs from `valid`'
            is_known = route.other and self.valid.text and not self.valid.rows
            found["other"] = source(route.other) if is_known else placeholder(lines)
        if route.listing and route.listing.has_pages:
            lines = 'page = {"params": {…}}  # a request for fewer than six rows'
            found["page"] = route.listing.page or placeholder(lines)
        malformed = []
        for number, change in enumerate(route.malformed):
            answer = self.contradicted.get(number)
            if not answer:
                malformed.append(change.source)
            elif answer.status not in REFUSED_BY_ROUTER:
                malformed.append(placeholder(f"{change.source}  # the app says: {answer}"))
        found["malformed"] = f"[{', '.join(malformed)}]"
        return {name: code for name, code in found.items() if code}

    @property
    def fixtures(self) -> list[str]:
        """Return the fixtures and other methods of the test class, as source."""
        route, found = self.route, []
        for row in self.made:
            lines = [f"row = {row.create}", "await session.commit()", "return row"]
            found.append(self._fixture(row.name, "Any", lines))
        found += filter(None, (self._stated(code)[1] for code in (self.url, self.valid)))
        if route.listing and route.listing.has_pages:
            start = "def next_page(self, response: httpx.Response) -> dict[str, Any] | None:\n"
            found.append(start + indent(route.listing.next_page or NEXT_PAGE, "    "))
        if route.listing:
            found += [self._rows_fixture(name) for name in ("own_rows", "foreign_rows")]
        return found

    @property
    def made(self) -> list[Row]:
        """Return the rows that have a fixture, since the path or the valid request names them."""
        rows = {row.name: row for row in [*self.url.rows, *self.valid.rows] if row.factory}
        return [*rows.values()]

    @property
    def listed_row(self) -> Row | None:
        """Return a row of the caller that the route lists; None if the factories show none."""
        row = self.rows.named([self.route.path.rstrip("/").rpartition("/")[2]], self.url.rows)
        is_shown = self.route.listing and self.route.listing.shows_id and self.url.text
        return row if is_shown and row and row.belongs else None

    @cached_property
    def url(self) -> Expression:
        """Return the path with its ids filled in; without a text if it is not known."""
        unknown = f'f"{self.route.path}"  # of a row that the caller may see'
        code = Expression("path", "url", "str", unknown)
        parts, filled = self.route.path.split("/"), self.route.url({}).split("/")
        for number, part in enumerate(parts):
            name = part[1:-1] if re.fullmatch(r"\{[^{}]*\}", part) else ""
            if name and (row := self.rows.find(name, parts[number - 1], code.rows)):
                parts[number] = f"{{{row.name}.{self.rows.key(row, name)}}}"
                code.rows.append(row)
            elif ("path", name) in self.route.references:
                return replace(code, rows=[])
            elif "{" in part:
                parts[number] = filled[number]
        path = source("/".join(parts))
        code.text = f"f{path}" if code.rows else path
        # An empty list would show little of its shape.
        row = self.rows.named([parts[-1]], code.rows) if self.route.method == "GET" else None
        if row and row.model != self.rows.caller[1] and (row.belongs or not self.is_list):
            code.before = row
        return code

    @cached_property
    def valid(self) -> Expression:
        """Return the valid request; without a text if it is not known."""
        unknown = '{"json": …}  # with ids of rows that exist'
        code = Expression("valid", "valid_request", "dict[str, Any]", unknown)
        request: Any = self.route.valid
        for place in (place for place in self.route.references if place[0] != "path"):
            row = self.rows.find(str(place[-1]), made=[*self.url.rows, *code.rows])
            if row is None:
                return replace(code, rows=[])
            named = f"{row.name}.{self.rows.key(row)}"
            is_text = isinstance(reduce(getitem, place, request), str)
            marked = f"@str({named})@" if is_text else f"@{named}@"
            request = Change(place, marked).apply(request)
            code.rows.append(row)
        code.text = re.sub(r'"@([\w.()]+)@"', r"\1", source(request))
        return code

    def _stated(self, code: Expression) -> tuple[str, str]:
        """Return an expression as the value of its attribute and as a fixture; one is empty."""
        before = [code.before.create, "await session.commit()"] if code.before else []
        lines = [*before, f"return {code.text or code.unknown}"]
        fixture = self._fixture(code.fixture, code.returns, lines)
        is_constant = bool(code.text) and not code.rows and not before
        if code.text and self.blamed != code.attribute:
            return (code.text, "") if is_constant else ("", fixture)
        stated = f"{code.attribute} = {code.text}" if is_constant else fixture
        is_refused = self.refused and self.blamed
        return placeholder(
            f"{stated}\n# the app says: {self.refused}" if is_refused else stated
        ), ""

    def _rows_fixture(self, name: str) -> str:
        """Return the fixture of six rows; a placeholder if it is not known whose rows they are."""
        of_caller = f"…={self.rows.caller[0] or '…'}"
        row = self.listed_row or Row("row", "", "…Factory", (of_caller,))
        own = row.belongs if name == "own_rows" else ()
        lines = [
            f"rows = await {row.factory}.create_batch({', '.join(['6', 'session=session', *own])})",
            "await session.commit()",
            f"return [str(row.{self.rows.key(row)}) for row in rows]",
        ]
        if not self.listed_row:
            text = indent("\n".join(lines), "    ")
            lines = [f'rows: list[str] = fill_in("""\n{text}\n""")', "return rows"]
        return self._fixture(name, "list[str]", lines)

    def _fixture(self, name: str, returns: str, lines: Sequence[str]) -> str:
        """Return the source of a fixture, with the fixtures that its lines use as arguments."""
        body = "\n".join(lines)
        types = {"session": "AsyncSession", "valid_request": "dict[str, Any]"}
        types |= {**dict([self.rows.caller]), **{row.name: "Any" for row in self.made}}
        used = [
            f"{fixture}: {kind}"
            for fixture, kind in types.items()
            if fixture not in ("", name) and re.search(rf'(?<![\w/."]){fixture}\b(?![/="])', body)
        ]
        start = "async def" if "await" in body else "def"
        signature = f"{start} {name}({', '.join(['self', *used])}) -> {returns}:"
        return f"@pytest.fixture\n{signature}\n{indent(body, '    ')}"


def context(
    service: Service, route: Route, taken: Collection[str], failures: Sequence[Failure]
) -> dict[str, Any]:
    """Return the names that the skeleton of a route may use."""
    rows = Rows(service)
    found = RouteContext(route, rows, taken, failures)
    used = [*found.made, found.url.before, found.listed_row]
    return {
        "route": found,
        "method": route.method,
        "path": route.path,
        "who": rows.caller,
        "who_module": rows.caller_module,
        "factories": sorted({row.factory for row in used if row}),
    }


def placeholder(lines: str) -> str:
    """Return the source of a placeholder with these lines, as wide as a test file."""
    pieces = re.findall(r".{1,80}(?:\s|$)|.{1,80}", lines)
    return f"placeholder({' '.join(map(repr, pieces))})"
