"""The census: the required cases of each component, filled from a run record."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.check.requirements import Component
from tpgen.core import policy
from tpgen.core.policy import Kind
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code

from .records import Record

Status = Literal["proved", "failed", "missing", "exempt", "later", "elsewhere"]
Test = Mapping[str, Any]
Route = Mapping[str, Any]
NO_KEY, STRANGER = "test_401_without_a_key", "test_403_with_the_key_of_another_tenant"
MALFORMED, HAPPY = "test_422_on_a_malformed_request", "test_happy_path"
REVOKED = "test_401_with_a_revoked_key"
# The cases that certain requests prove, and what is printed if there was none.
NOT_SEEN = {
    NO_KEY: "no passing test got a 401 for a request without credentials",
    REVOKED: "no passing test of the suite got a 401 with `revoked_auth`",
    STRANGER: "no passing test sent one request both with `auth`, which succeeded, and with "
    "`stranger_auth`, which was refused",
    MALFORMED: "no passing test got a 422 with `auth`",
    HAPPY: "no passing test of the suite sent a request with `auth` that succeeded",
} | dict.fromkeys(
    ("test_401_with_an_unknown_key", "test_401_with_a_malformed_key"),
    "no passing test of the suite got a 401 with credentials that nobody has",
)
OF_ANY_TEST = {NO_KEY, STRANGER, MALFORMED}
SENDS_NOTHING = "test_the_suite_fits_the_route"
# The case of the suite of models that is about a single model.
OF_A_MODEL = "test_every_model_has_a_factory"
# Fixtures that decide about a case; only those of a conftest belong to the service.
WIRING = {
    *("run_step", "send_messages", "audit_events", "new_tenant", "app", "schema", "databases"),
    *("pg_container", "sandbox", "committed"),
}
REPLACEMENTS = {"mock", "patch", "replaced attribute", "mock fixture"}
FAILURES = ("failed", "error")
# Suites of a route that is not public, besides `RouteSuite`.
MORE_SUITES = {"is_list": "ListRouteSuite", "is_idempotent": "IdempotentRouteSuite"}


@dataclass(frozen=True)
class Cell:
    """A required case of a component, which the class `suite` states.

    Attributes:
        status: "proved" by a passing test; "failed"; "missing"; "exempt" by pyproject.toml;
            "later" if its date is ahead; "elsewhere" in a layer that only runs by name.
        tests: the ids of the tests that prove it, that failed, or that are exempt.
        why: what was not seen, or the reason of the exemption.
        until: the last day of the exemption, or the date from which the case is required.
    """

    case: str
    suite: str
    status: Status
    tests: Sequence[str] = ()
    why: str = ""
    issue: str = ""
    until: str = ""

    @property
    def words(self) -> str:
        """Return the case in words, such as "403 with the key of another tenant"."""
        return cases.words(self.case)


@dataclass(frozen=True)
class Row:
    """A component of a kind and its required cases; a `note` says why nothing is required.

    Its `title` is what `tpgen` takes: "route GET /v1/agents".
    """

    kind: str
    title: str
    file: str
    line: int
    cells: Sequence[Cell] = ()
    note: str = ""
    can_be_written: bool = True


@dataclass(frozen=True)
class Census:
    """The required cases of each component of a service, and what else the run showed."""

    record: Record
    rows: Sequence[Row]
    has_routes: bool = False

    @cached_property
    def counts(self) -> Mapping[str, int]:
        return Counter(cell.status for row in self.rows for cell in row.cells)

    @property
    def is_complete(self) -> bool:
        """Return whether no case is missing or failed, and the run was about all of these files."""
        bad = self.counts.get("missing") or self.counts.get("failed") or self.lost
        return not (bad or self.record.stale or self.has_no_app)

    @property
    def has_no_app(self) -> bool:
        """Return whether no test used the app, so that its routes are unknown."""
        return self.has_routes and not self.record.routes

    @cached_property
    def lost(self) -> list[str]:
        """Return the ids of required cases that failed before it was known what they are about."""
        shown = {test for row in self.rows for cell in row.cells for test in cell.tests}
        failed = (test for test in self.record.tests if test["outcome"] in FAILURES)
        return [test["id"] for test in failed if test["case"] and test["id"] not in shown]

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """Mocks, patches, sleeps and tests without an assertion; `test` is empty for an import."""
        found: list[Mapping[str, Any]] = []
        found += [{**note, "test": ""} for note in self.record.content["imports"]]
        for test in self.record.tests:
            found += [{**note, "test": test["id"]} for note in test["notes"]]
            # A suite's own case may prove something without `assert`.
            if test["outcome"] == "passed" and test["assertions"] == 0 and not test["case"]:
                place = {"file": test["file"], "line": test["line"] or 0}
                found.append({"kind": "no assertion", "what": "", **place, "test": test["id"]})
        return found


def make(record: Record, here: Project) -> Census:
    """Return the census of a service from the record of a run of it."""
    kinds = [kind for kind in policy.kinds(here.root).values() if kind.introspect == "route"]
    has_routes = any(any(requirements.of_kind(here, kind)) for kind in kinds)
    return Census(record, [*_Rows(record, here).all()], has_routes)


class _Rows:
    def __init__(self, record: Record, here: Project) -> None:
        self._record = record
        self._here = here
        code = Code([here.root / "tests"])
        own: dict[str, list[Case]] = defaultdict(list)
        for case in cases.read(code):
            own[case.suite].append(case)
        # The cases of each suite, with those that it inherits.
        self._cases = {
            suite.name: [case for base in reversed(code.lineage(suite)) for case in own[base.name]]
            for suite in cases.suites(code)
        }
        self._named_layers = policy.named_layers(here.root)
        self._of_case: dict[str, list[Test]] = defaultdict(list)
        self._routes_of_class: dict[tuple[str, str], str] = {}
        for test in record.tests:
            if test["case"]:
                self._of_case[test["case"]["name"]].append(test)
            if test["component"]["route"]:
                self._routes_of_class[test["file"], test["class"]] = test["component"]["route"]

    def all(self) -> Iterator[Row]:
        """Yield the rows of each kind, then those of suites about all of its components."""
        for kind in policy.kinds(self._here.root).values():
            rows: list[Row] = []
            if kind.introspect == "route":
                rows = [*self._of_routes(kind)]
            elif any(test.suites for test in kind.tests):
                rows = [*self._of_classes(kind)]
            yield from rows
            if rows or any(requirements.of_kind(self._here, kind)):
                yield from self._shared(kind)

    def _of_routes(self, kind: Kind) -> Iterator[Row]:
        for route in self._record.routes:
            name = f"{route['method']} {route['path']}"
            row = partial(
                Row, kind.name, f"{kind.name} {name}", route["file"] or "", route["line"] or 0
            )
            if not route["file"]:
                yield row(note="a library has it", can_be_written=False)
            elif route["method"] in ("WEBSOCKET", "ANY"):
                note = "no suite is for it; AppSuite asks whether it demands credentials"
                yield row(note=note, can_be_written=False)
            else:
                more = (suite for fact, suite in MORE_SUITES.items() if route[fact])
                suites = ["PublicRouteSuite"] if route["is_public"] else ["RouteSuite", *more]
                yield row([self._of_route(route, name, case) for case in self._required(suites)])

    def _required(self, suites: Sequence[str]) -> list[Case]:
        found = (case for suite in suites for case in self._cases.get(suite, []))
        return list({case.name: case for case in found}.values())

    def _of_route(self, route: Route, name: str, case: Case) -> Cell:
        by_class, mine = self._routes_of_class, []
        for test in self._of_case[case.name]:
            known = test["component"]["route"] or by_class.get((test["file"], test["class"]))
            if known == name:
                mine.append(test)
        why = "no passing test of the suite"
        if case.name == MALFORMED and not route["takes_input"]:
            proving = mine
        elif case.name in NOT_SEEN:
            anywhere = self._record.tests if case.name in OF_ANY_TEST else mine
            refusal = self._record.content["refusal"]
            proving = [test for test in anywhere if _is_proof(case.name, test, route, refusal)]
            why = NOT_SEEN[case.name]
            passed = (test for test in anywhere if test["outcome"] == "passed")
            sent = (request for test in passed for request in _requests(test, route))
            if names := sorted({name for request in sent for name in request["overridden"]}):
                why += f" (with {', '.join(names)} overridden, no refusal counts)"
        else:
            sends_nothing = case.name == SENDS_NOTHING
            proving = [test for test in mine if sends_nothing or _requests(test, route)]
            why += " sent a request to the route"
        return _cell(case, mine, proving, why)

    def _of_classes(self, kind: Kind) -> Iterator[Row]:
        components = [*requirements.of_kind(self._here, kind)]
        for component in [*components, *self._others(kind, components)]:
            cells = [
                self._of_class(component, case, file, suites)
                for file, suites in component.required.items()
                for case in self._required(suites)
            ]
            if kind.introspect == "model":
                cells = [self._of_model(component)]
            yield Row(kind.name, component.title, component.path, component.line, cells)

    def _of_class(self, component: Component, case: Case, file: str, suites: Sequence[str]) -> Cell:
        """Return the cell of a case that belongs in a test file."""
        mine = [
            test
            for test in self._of_case[case.name]
            if test["case"]["suite"] == case.suite and _is_about(test, component, file)
        ]
        cell = _cell(case, mine, mine, f"no passing test of {' or '.join(suites)}")
        is_named = file.removeprefix("tests/").partition("/")[0] in self._named_layers
        if is_named and cell.status in ("missing", "later") and not cell.tests:
            return Cell(case.name, case.suite, "elsewhere", why="its layer only runs by name")
        return cell

    def _others(self, kind: Kind, components: Sequence[Component]) -> Iterator[Component]:
        """Yield what the suites of a kind were run on and its patterns do not name."""
        known = {(component.path, component.class_name) for component in components}
        suites = {name for test in kind.tests for name in test.suite_names}
        for test in self._record.tests if kind.introspect == "source" else ():
            for made in test["component"]["made"]:
                found = (made["file"], made["name"])
                if made["is_product"] and found not in known and suites & set(test["suites"]):
                    known.add(found)
                    name = made["file"].rpartition("/")[2].removesuffix(".py")
                    yield requirements.of_class(kind, name, made["name"], made["file"])

    def _of_model(self, component: Component) -> Cell:
        stated = (case for found in self._cases.values() for case in found)
        case = next(case for case in stated if case.name == OF_A_MODEL)
        model = {"file": component.path, "name": component.class_name}
        mine = [
            test
            for test in self._of_case[OF_A_MODEL]
            if any(model.items() <= known.items() for known in test["component"]["classes"])
        ]
        return _cell(case, mine, mine, "no passing test with a factory")

    def _shared(self, kind: Kind) -> Iterator[Row]:
        """Yield a row for each suite that is about all components of a kind at once."""
        for test in kind.tests:
            for suite in test.suite_names if test.is_shared else ():
                cells = []
                for case in self._cases.get(suite, []):
                    mine = self._of_case[case.name]
                    # A test that has a client must use it on the app, unless each route is public.
                    proving = [
                        test
                        for test in mine
                        if not test["uses_client"]
                        or any(sent["route"] for sent in test["requests"])
                        or all(route["is_public"] for route in self._record.routes)
                    ]
                    if case.name != OF_A_MODEL:
                        cells.append(_cell(case, mine, proving, f"no passing test of {suite}"))
                yield Row(kind.name, suite, test.path, 1, cells, can_be_written=False)


def _cell(case: Case, mine: Sequence[Test], proving: Sequence[Test], why: str) -> Cell:
    """Return the cell of a case from the tests about it, of which `proving` may prove it."""
    date = case.required_from.isoformat() if case.required_from else ""
    cell = partial(Cell, case.name, case.suite)
    if failed := [test["id"] for test in mine if test["outcome"] in FAILURES]:
        return cell("later" if case.is_future else "failed", failed, until=date)
    if left_out := [test for test in mine if test["exempt"]]:
        exempt, names = left_out[0]["exempt"], [test["id"] for test in left_out]
        issue, until = exempt["issue"] or "", exempt["until"] or ""
        return cell("exempt", names, exempt["reason"], issue, until)
    if proved_by := [test["id"] for test in proving if _is_passed(test)]:
        return cell("proved", proved_by)
    for test in mine:
        if test["outcome"] != "passed":
            why = f"{test['id']} was {test['outcome']}: {test['reason'] or 'no reason'}"
    return cell("later" if case.is_future else "missing", why=why, until=date)


def _is_passed(test: Test) -> bool:
    """Return whether a test passed with the wiring and the code of the service."""
    replaced = any(note["kind"] in REPLACEMENTS for note in test["notes"])
    is_wired = WIRING.isdisjoint(test["own_fixtures"])
    return bool(test["outcome"] == "passed" and is_wired and not replaced)


def _is_about(test: Test, component: Component, file: str) -> bool:
    """Return whether a test made a class, or makes none and is where its tests belong."""
    made = {(known["file"], known["name"]) for known in test["component"]["made"]}
    if not made:
        return bool(test["file"] == file)
    return made == {(component.path, component.class_name)}


def _requests(test: Test, route: Route) -> Sequence[Mapping[str, Any]]:
    where = route["method"], route["path"]
    return [sent for sent in test["requests"] if (sent["method"], sent["route"]) == where]


def _is_proof(case: str, test: Test, route: Route, refusal: int) -> bool:
    """Return whether the requests of a test to a route prove a case of `NOT_SEEN`."""
    requests = _requests(test, route)
    callers = ("auth", "none") if route["is_public"] else ("auth",)
    statuses = {sent["status"] or 0 for sent in requests if sent["credentials"] in callers}
    if case == MALFORMED:
        return 422 in statuses
    if case == HAPPY:
        return any(200 <= status < 300 for status in statuses)
    # Only the service's own dependencies decide who is refused.
    own = [sent for sent in requests if not sent["overridden"]]
    answers = {(sent["credentials"], sent["status"] or 0, sent["request"]) for sent in own}
    if case == STRANGER:
        allowed = {
            request
            for caller, status, request in answers
            if caller == "auth" and 200 <= status < 300
        }
        return any(("stranger_auth", refusal, request) in answers for request in allowed)
    caller = {NO_KEY: "none", REVOKED: "revoked_auth"}.get(case, "unknown")
    return any(answer == [caller, 401] for *answer, _ in answers)
