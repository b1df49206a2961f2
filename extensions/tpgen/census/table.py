"""The census: the required cases of each component, filled from a run record."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from tpgen.check import requirements
from tpgen.check.project import Project
from tpgen.core import policy
from tpgen.core.policy import Kind
from tpgen.source import cases
from tpgen.source.cases import Case
from tpgen.source.code import Code

from .records import Record

Status = Literal["proved", "failed", "missing", "exempt", "later", "elsewhere"]
Test = Mapping[str, Any]
Requests = Sequence[Mapping[str, Any]]
# What is proved by requests that were seen, in whatever test.
NO_KEY, STRANGER = "test_401_without_a_key", "test_403_with_the_key_of_another_tenant"
REVOKED, UNKNOWN = "test_401_with_a_revoked_key", "test_401_with_an_unknown_key"
NO_TOKEN = "test_401_with_a_malformed_key"
FITS = "test_the_suite_fits_the_route"
MALFORMED, HAPPY = "test_422_on_a_malformed_request", "test_happy_path"
# What decides about a case, and is the service's own where a conftest has it.
WIRING = {
    *("run_step", "send_messages", "audit_events", "new_tenant", "app", "schema", "databases"),
    *("pg_container", "sandbox", "committed"),
}
REPLACEMENTS = {"mock", "patch", "replaced attribute", "mock fixture"}
NOT_SEEN = {
    NO_KEY: "no passing test got a 401 for a request without credentials",
    REVOKED: "no passing test of the suite got a 401 with `revoked_auth`",
    UNKNOWN: "no passing test of the suite got a 401 with credentials that nobody has",
    NO_TOKEN: "no passing test of the suite got a 401 with credentials that nobody has",
    STRANGER: "no passing test sent one request both with `auth`, which succeeded, and with "
    "`stranger_auth`, which was refused",
    MALFORMED: "no passing test got a 422 with `auth`",
    HAPPY: "no passing test of the suite sent a request with `auth` that succeeded",
}
OF_THE_SUITE = {HAPPY, REVOKED, UNKNOWN, NO_TOKEN}
# The case of the models' suite that is about one of them.
OF_A_MODEL = "test_every_model_has_a_factory"


@dataclass(frozen=True)
class Cell:
    """A required case of a component.

    Attributes:
        case: its name.
        suite: the class that states it.
        status: "proved" by a passing test; "failed"; "missing"; "exempt" by pyproject.toml;
            "later" where its day is ahead; "elsewhere" in a layer that only runs by name.
        tests: the ids of the tests that prove it, or that failed.
        why: of a missing one, what was not seen; of an exempt one, the reason.
        issue: of the exemption.
        until: the last day of the exemption, or the day from which on the case is required.
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
        """The case as a person says it: "403 with the key of another tenant"."""
        return cases.words(self.case)


@dataclass(frozen=True)
class Row:
    """A component and its required cases.

    Attributes:
        kind: of the policy, such as "route".
        title: the component, as `tpgen` takes it: "route GET /v1/agents".
        file: where it is; empty where a library has it.
        line: of it.
        cells: its cases; none where nothing is required of it.
        note: why nothing is required.
        can_be_written: whether `tpgen` writes its tests.
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
    """The required cases of each component of a service, and what else the run has shown.

    Attributes:
        record: of the run.
        rows: the components.
        has_routes: whether the source has routes.
    """

    record: Record
    rows: Sequence[Row]
    has_routes: bool = False

    @cached_property
    def counts(self) -> Mapping[str, int]:
        """How many cells there are, by status."""
        return Counter(cell.status for row in self.rows for cell in row.cells)

    @property
    def is_complete(self) -> bool:
        """Whether no case is missing or failed, and the run was about all of these files."""
        bad = self.counts.get("missing") or self.counts.get("failed") or self.lost
        return not (bad or self.record.stale or self.has_no_app)

    @property
    def has_no_app(self) -> bool:
        """Whether no test used the app, so that its routes are unknown."""
        return self.has_routes and not self.record.routes

    @cached_property
    def lost(self) -> list[str]:
        """The ids of required cases that failed before it was known what they are about."""
        shown = {test for row in self.rows for cell in row.cells for test in cell.tests}
        bad = [one for one in self.record.tests if one["outcome"] in ("failed", "error")]
        return [one["id"] for one in bad if one["case"] and one["id"] not in shown]

    @property
    def notes(self) -> list[Mapping[str, Any]]:
        """Mocks, patches, sleeps and tests without an assertion; `test` is empty for an import."""
        found: list[Mapping[str, Any]] = [
            {**one, "test": ""} for one in self.record.content["imports"]
        ]
        for test in self.record.tests:
            found += [{**one, "test": test["id"]} for one in test["notes"]]
            if test["outcome"] == "passed" and test["assertions"] == 0:
                place = {"file": test["file"], "line": test["line"] or 0}
                found += [{"kind": "no assertion", "what": "", **place, "test": test["id"]}]
        return found


def make(record: Record, here: Project) -> Census:
    """Return the census of a service.

    Args:
        record: of a run of it.
        here: the service.

    Raises:
        Misuse: its policy is broken.
    """
    routes = [one for one in policy.kinds(here.root).values() if one.introspect == "route"]
    has_routes = any(any(requirements.of_kind(here, kind)) for kind in routes)
    return Census(record, [*_Rows(record, here).all()], has_routes)


class _Rows:
    """The rows of a census."""

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
        self._layers = policy.read(here.root).get("layers", {})
        self._of_case: dict[str, list[Test]] = defaultdict(list)
        for test in record.tests:
            if test["case"]:
                self._of_case[test["case"]["name"]].append(test)
        self._routes_of_class = {
            (test["file"], test["class"]): test["component"]["route"]
            for test in record.tests
            if test["component"]["route"]
        }

    def all(self) -> Iterator[Row]:
        """Yield the rows of each kind; what is required once only where there is a component."""
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
            title, file, line = f"{kind.name} {name}", route["file"] or "", route["line"] or 0
            if not route["file"]:
                yield Row(kind.name, title, file, line, (), "a library has it", False)
            elif route["method"] in ("WEBSOCKET", "ANY"):
                note = "no suite is for it; AppSuite asks whether it demands credentials"
                yield Row(kind.name, title, file, line, (), note, False)
            else:
                found = {case.name: case for suite in _suites(route) for case in self._of(suite)}
                cells = [self._of_route(route, name, case) for case in found.values()]
                yield Row(kind.name, title, file, line, cells)

    def _of(self, suite: str) -> Sequence[Case]:
        return self._cases.get(suite, [])

    def _of_route(self, route: Mapping[str, Any], name: str, case: Case) -> Cell:
        mine = [test for test in self._of_case[case.name] if self._route_of(test) == name]
        if case.name == MALFORMED and not route["takes_input"]:
            proving = [test for test in mine if _is_passed(test)]
            return self._cell(case, mine, proving, "no passing test of the suite")
        if case.name not in NOT_SEEN:
            proving = [test for test in mine if _is_passed(test) and _sends(test, route)]
            why = "no passing test of the suite sent a request to the route"
            return self._cell(case, mine, proving, why)
        anywhere = mine if case.name in OF_THE_SUITE else self._record.tests
        refusal = self._record.content["refusal"]
        proving = [
            test
            for test in anywhere
            if _is_passed(test) and _is_proof(case.name, _requests(test, route), route, refusal)
        ]
        return self._cell(case, mine, proving, NOT_SEEN[case.name] + _hint(anywhere, route))

    def _route_of(self, test: Test) -> str | None:
        known = test["component"]["route"]
        return known or self._routes_of_class.get((test["file"], test["class"]))

    def _of_classes(self, kind: Kind) -> Iterator[Row]:
        components = [*requirements.of_kind(self._here, kind)]
        for one in [*components, *self._others(kind, components)]:
            cells = []
            for home, suites in one.required.items():
                layer = home.removeprefix("tests/").partition("/")[0]
                is_elsewhere = not self._layers.get(layer, {}).get("by_default", True)
                for case in self._cases_of(suites):
                    mine = [
                        test
                        for test in self._of_case[case.name]
                        if test["case"]["suite"] == case.suite
                        and _is_about(test, (one.path, one.class_name), home)
                    ]
                    proving = [*filter(_is_passed, mine)]
                    why = f"no passing test of {' or '.join(suites)}"
                    cells.append(self._cell(case, mine, proving, why, is_elsewhere=is_elsewhere))
            if kind.introspect == "model":
                cells = [self._of_model(one)]
            yield Row(kind.name, one.title, one.path, one.line, cells)

    def _others(
        self, kind: Kind, components: Sequence[requirements.Component]
    ) -> Iterator[requirements.Component]:
        """Yield what the suites of a kind were run on and its patterns do not name."""
        known = {(one.path, one.class_name) for one in components}
        suites = {suite for test in kind.tests for suite in test.suite_names}
        for test in self._record.tests if kind.introspect == "source" else ():
            for made in test["component"]["made"]:
                found = (made["file"], made["name"])
                if made["is_product"] and found not in known and suites & set(test["suites"]):
                    known.add(found)
                    yield requirements.made(kind, *found)

    def _of_model(self, one: requirements.Component) -> Cell:
        known = next(
            case for found in self._cases.values() for case in found if case.name == OF_A_MODEL
        )
        mine = [
            test
            for test in self._of_case[OF_A_MODEL]
            if _is_among(one, test["component"]["classes"])
        ]
        return self._cell(
            known, mine, [*filter(_is_passed, mine)], "no passing test with a factory"
        )

    def _cases_of(self, suites: Sequence[str]) -> list[Case]:
        return list({case.name: case for suite in suites for case in self._of(suite)}.values())

    def _shared(self, kind: Kind) -> Iterator[Row]:
        """Yield a row for each suite that is about all components of a kind at once."""
        for test in kind.tests:
            for suite in test.suite_names if test.is_shared else ():
                cells = []
                for case in self._of(suite):
                    if case.name != OF_A_MODEL:
                        mine = self._of_case[case.name]
                        passed = [test for test in mine if _is_passed(test) and _asks(test)]
                        cells.append(self._cell(case, mine, passed, f"no passing test of {suite}"))
                yield Row(kind.name, suite, test.path, 1, cells, can_be_written=False)

    def _cell(
        self,
        case: Case,
        mine: Sequence[Test],
        proving: Sequence[Test],
        why: str,
        *,
        is_elsewhere: bool = False,
    ) -> Cell:
        failed = [test["id"] for test in mine if test["outcome"] in ("failed", "error")]
        exempt = next((test["exempt"] for test in mine if test["exempt"]), None)
        if exempt and not failed:
            texts = (exempt["issue"] or "", exempt["until"] or "")
            return Cell(case.name, case.suite, "exempt", (), exempt["reason"], *texts)
        if failed:
            until = case.required_from.isoformat() if case.required_from else ""
            status: Status = "later" if case.is_future else "failed"
            return Cell(case.name, case.suite, status, failed, "", "", until)
        if proving:
            return Cell(case.name, case.suite, "proved", [test["id"] for test in proving])
        if is_elsewhere:
            return Cell(case.name, case.suite, "elsewhere", (), "its layer only runs by name")
        for test in mine:
            if test["outcome"] != "passed":
                why = f"{test['id']} was {test['outcome']}: {test['reason'] or 'no reason'}"
        if case.is_future and case.required_from:
            until = case.required_from.isoformat()
            return Cell(case.name, case.suite, "later", (), why, "", until)
        return Cell(case.name, case.suite, "missing", (), why)


def _suites(route: Mapping[str, Any]) -> list[str]:
    """The suites that a route must have."""
    if route["is_public"]:
        return ["PublicRouteSuite"]
    more = {"is_list": "ListRouteSuite", "is_idempotent": "IdempotentRouteSuite"}
    return ["RouteSuite", *(suite for fact, suite in more.items() if route[fact])]


def _is_passed(test: Test) -> bool:
    """Whether a test passed with the service's own wiring and code, so that it can prove a case."""
    is_own = not WIRING.intersection(test["own_fixtures"]) and not _replaces(test)
    return test["outcome"] == "passed" and is_own


def _replaces(test: Test) -> bool:
    """Whether a test replaced a part of the service."""
    return any(note["kind"] in REPLACEMENTS for note in test["notes"])


def _is_among(one: requirements.Component, classes: Sequence[Mapping[str, Any]]) -> bool:
    return (one.path, one.class_name) in [(known["file"], known["name"]) for known in classes]


def _is_about(test: Test, component: tuple[str, str], home: str) -> bool:
    """Whether a test is about a class: it made one, or makes none and is where its tests belong."""
    made = {(one["file"], one["name"]) for one in test["component"]["made"]}
    return made == {component} if made else bool(test["file"] == home)


def _requests(test: Test, route: Mapping[str, Any]) -> Requests:
    method, path = route["method"], route["path"]
    return [one for one in test["requests"] if (one["method"], one["route"]) == (method, path)]


def _sends(test: Test, route: Mapping[str, Any]) -> bool:
    """Whether a test sent a request to a route; the case about the suite itself sends none."""
    return bool(test["case"]["name"] == FITS or _requests(test, route))


def _asks(test: Test) -> bool:
    """Whether a test that has a client used it on the app."""
    return not test["uses_client"] or any(one["route"] for one in test["requests"])


def _hint(tests: Sequence[Test], route: Mapping[str, Any]) -> str:
    """Say which overridden dependencies kept requests from counting."""
    sent = [one for test in tests if test["outcome"] == "passed" for one in _requests(test, route)]
    names = sorted({name for one in sent for name in one["overridden"]})
    return f" (with {', '.join(names)} overridden, no refusal counts)" if names else ""


def _is_proof(case: str, requests: Requests, route: Mapping[str, Any], refusal: int) -> bool:
    """Whether the requests of one test to a route prove a case.

    Who is refused is decided by the service's own dependencies alone.
    """
    callers = ("auth", "none") if route["is_public"] else ("auth",)
    statuses = {one["status"] or 0 for one in requests if one["credentials"] in callers}
    if case == MALFORMED:
        return 422 in statuses
    if case == HAPPY:
        return any(200 <= status < 300 for status in statuses)
    own = [one for one in requests if not one["overridden"]]
    if case == STRANGER:
        allowed = {
            one["request"]
            for one in own
            if one["credentials"] == "auth" and 200 <= (one["status"] or 0) < 300
        }
        refused = {
            one["request"]
            for one in own
            if (one["credentials"], one["status"]) == ("stranger_auth", refusal)
        }
        return bool(allowed & refused)
    whose = {NO_KEY: "none", REVOKED: "revoked_auth"}.get(case, "unknown")
    return (whose, 401) in {(one["credentials"], one["status"]) for one in own}
