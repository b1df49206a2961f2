"""What is said of routes that a document describes."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_tpgen.requests import request_id
from pytest_tpgen.suites import Placeholder
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.generate.routes.app import App
from tpgen.generate.routes.context import RouteContext
from tpgen.generate.routes.naming import name_of_class
from tpgen.generate.routes.route import Route
from tpgen.generate.routes.rows import Rows
from tpgen.generate.snapshots import Failure
from tpgen.source.covered import Covered

from tests.rendering import Service as Rendered

POLICY = """
[postgres]
image = "postgres:15"

[slow]
seconds = 1.0

[layers.unit]
io = false

[layers.integration]
io = true

[engine]
requires = ">=0"

[kinds.factory]
help = "the factory of a model"
introspect = "model"

[[kinds.factory.tests]]
path = "tests/factories.py"
skeleton = "factory.py.j2"
"""


def route_of(app: App, method: str, path: str) -> Route:
    route = app.find(method, path)
    assert route, (method, path)
    return route


def _asked(method: str, content: Mapping[str, Any]) -> Route:
    operation = {"requestBody": {"content": content}}
    return route_of(App({"": {"paths": {"/x": {method.lower(): operation}}}}, {}), method, "/x")


def test_a_change_of_nothing_is_no_change() -> None:
    """A body whose properties are all optional has each of them, where it is to change a row."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    body = {"application/json": {"schema": schema}}
    assert _asked("PATCH", body).valid == {"json": {"name": "name"}}
    assert _asked("POST", body).valid == {"json": {}}


@pytest.mark.parametrize(
    ("function", "method", "path", "taken", "expected"),
    [
        ("read_task", "GET", "/v1/tasks/{id}", [], "TestReadTask"),
        ("read_task", "GET", "/v2/tasks/{id}", ["TestReadTask"], "TestGetTasksId"),
        ("tasks", "GET", "/v2/task-lists", ["TestTasks"], "TestGetTaskLists"),
        ("", "GET", "/", [], "TestGet"),
    ],
)
def test_the_name_of_a_class(
    function: str, method: str, path: str, taken: list[str], expected: str
) -> None:
    """After the function; after method and path if another route's class has that name."""
    facts = {(method, path): {"name": function, "module": "app.main"}}
    route = route_of(App({"": {"paths": {path: {method.lower(): {}}}}}, facts), method, path)
    assert name_of_class(route, taken) == expected


FACTORIES = """
class UserFactory:
    class Meta:
        model = User


class OrderFactory:
    class Meta:
        model = Order

    user = SubFactory(UserFactory)


class OrderLineFactory:
    class Meta:
        model = OrderLine

    order = SubFactory(OrderFactory)
"""


@pytest.mark.parametrize(
    ("method", "path", "lines"),
    [
        (
            "GET",
            "/orders/{order_id}/lines/{line_id}",
            [
                "async def order_row(self, session: AsyncSession, user: User) -> Any:",
                "row = await OrderFactory.create(session=session, user=user)",
                "await session.commit()",
                "return row",
                "async def order_line_row(self, session: AsyncSession, order_row: Any) -> Any:",
                "row = await OrderLineFactory.create(session=session, order=order_row)",
                "await session.commit()",
                "return row",
                "def url(self, order_row: Any, order_line_row: Any) -> str:",
                'return f"/orders/{order_row.id}/lines/{order_line_row.id}"',
            ],
        ),
        (
            "GET",
            "/orders",
            [
                "async def url(self, session: AsyncSession, user: User) -> str:",
                "await OrderFactory.create(session=session, user=user)",
                "await session.commit()",
                'return "/orders"',
            ],
        ),
        (
            "GET",
            "/lines/{line_id}",
            [
                "async def order_line_row(self, session: AsyncSession, user: User) -> Any:",
                "row = await OrderLineFactory.create(session=session, order__user=user)",
                "await session.commit()",
                "return row",
                "def url(self, order_line_row: Any) -> str:",
                'return f"/lines/{order_line_row.id}"',
            ],
        ),
        ("POST", "/orders", []),
    ],
)
def test_the_rows_of_a_path(tmp_path: Path, method: str, path: str, lines: list[str]) -> None:
    """A row is a part of the one before it; a list is not empty."""
    auth = "def auth(user: User) -> dict[str, str]: ..."
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": FACTORIES}
    Rendered(tmp_path, tmp_path).write({**files, "tests/conftest.py": auth})
    route = route_of(App({"": {"paths": {path: {method.lower(): {}}}}}, {}), method, path)
    fixtures = "\n".join(RouteContext(route, Rows(Service(tmp_path))).fixtures)
    code = [line.strip() for line in fixtures.splitlines() if line != "@pytest.fixture"]
    assert code == lines


def test_rows_without_a_caller(tmp_path: Path) -> None:
    """A service whose `auth` names no model: no fixture has an argument without a name."""
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": FACTORIES}
    Rendered(tmp_path, tmp_path).write(files)
    path = "/orders/{order_id}/lines/{line_id}"
    route = route_of(App({"": {"paths": {path: {"get": {}}}}}, {}), "GET", path)
    order, *_ = RouteContext(route, Rows(Service(tmp_path))).fixtures
    assert "async def order_row(self, session: AsyncSession) -> Any:" in order


@pytest.mark.parametrize(
    ("conftest", "auth"),
    [
        ("tests/conftest.py", "def auth(user): ..."),
        (
            "tests/integration/conftest.py",
            "from shop.db import User\nasync def auth(user: User): ...",
        ),
    ],
)
def test_the_caller_of_a_service_that_is_wired_by_hand(
    conftest: str, auth: str, tmp_path: Path
) -> None:
    factories = f"from shop.db import User\n{FACTORIES}"
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": factories, conftest: auth}
    Rendered(tmp_path, tmp_path).write(files)
    rows = Rows(Service(tmp_path))
    assert (rows.caller, rows.caller_module) == (("user", "User"), "shop.db")


def test_the_rows_of_a_list_that_only_a_person_knows(tmp_path: Path) -> None:
    """Nobody sees how the rows are the caller's: none is made, and a placeholder says what to do."""
    files = {
        "tests/policy/policy.toml": POLICY,
        "tests/factories.py": FACTORIES.replace(
            "    user = SubFactory(UserFactory)\n", "    n = 1\n"
        ),
        "tests/conftest.py": "def auth(user: User): ...",
    }
    Rendered(tmp_path, tmp_path).write(files)
    rows = {"type": "object", "properties": {"id": {"type": "string"}}}
    answer = {"content": {"application/json": {"schema": {"type": "array", "items": rows}}}}
    operation = {"responses": {"200": answer}, "security": [{"Key": []}]}
    facts = {("GET", "/orders"): {"rows": ["orders"]}}
    route = route_of(App({"": {"paths": {"/orders": {"get": operation}}}}, facts), "GET", "/orders")
    found = RouteContext(route, Rows(Service(tmp_path)))
    assert (found.is_list, found.url.rows, found.listed_row) == (True, [], None)
    own, foreign = found.fixtures
    assert "async def own_rows(self, session: AsyncSession, user: User) -> list[str]:" in own
    assert "…Factory.create_batch(6, session=session, …=user)\n" in own
    assert "async def foreign_rows(self, session: AsyncSession) -> list[str]:" in foreign
    assert "…Factory.create_batch(6, session=session)\n" in foreign


def test_a_key_that_is_not_called_id(tmp_path: Path) -> None:
    model = "class Order(Base):\n    number: Mapped[int] = mapped_column(primary_key=True)\n"
    files = {
        "tests/policy/policy.toml": POLICY,
        "tests/factories.py": FACTORIES,
        "shop/models.py": model,
        # A flat package beside Alembic's folder: its classes are those of the past.
        "alembic/env.py": "",
        "alembic/versions/a.py": model.replace("number", "old"),
        "shop/migrations/env.py": "",
        "shop/migrations/versions/a.py": model.replace("number", "old"),
    }
    Rendered(tmp_path, tmp_path).write(files)
    path: dict[str, Any] = {"paths": {"/orders/{order_id}": {"get": {}}}}
    route = route_of(App({"": path}, {}), "GET", "/orders/{order_id}")
    rows = Rows(Service(tmp_path))
    row = rows.find("order_id", "orders")
    assert row is not None
    assert (rows.key(row, "order_id"), rows.key(row)) == ("number", "number")
    assert "{order_row.number}" in RouteContext(route, rows).url.text


@pytest.mark.parametrize(
    ("codes", "status"),
    [(["307"], 307), (["304", "422"], 304), (["200", "303"], 200), (["404"], 200), ([], 200)],
    ids=str,
)
def test_the_status_of_a_redirect(codes: list[str], status: int) -> None:
    operation: dict[str, Any] = {"responses": {code: {} for code in codes}}
    path: dict[str, Any] = {"paths": {"/x": {"get": operation}}}
    assert route_of(App({"": path}, {}), "GET", "/x").status == status


def test_a_parameter_that_is_a_part_of_a_segment(tmp_path: Path) -> None:
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": FACTORIES}
    Rendered(tmp_path, tmp_path).write(files)
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    path: dict[str, Any] = {"paths": {"/export/{name}.csv": {"get": {"parameters": [name]}}}}
    route = route_of(App({"": path}, {}), "GET", "/export/{name}.csv")
    url = RouteContext(route, Rows(Service(tmp_path))).url.text
    assert re.fullmatch(r'"/export/\w+\.csv"', url), url


def _listed(schema: Mapping[str, Any], *query: str) -> dict[str, Any]:
    """An operation that answers with a list."""
    parameters = [{"name": name, "in": "query", "schema": {"type": "integer"}} for name in query]
    answer = {"content": {"application/json": {"schema": schema}}}
    return {"parameters": parameters, "responses": {"200": answer}}


@pytest.mark.parametrize(
    ("query", "page", "lines"),
    [
        ([], "", []),
        (["after"], "", []),
        (["limit", "before"], '{"params": {"limit": 2}}', []),
        (
            ["limit", "cursor"],
            '{"params": {"limit": 2}}',
            [
                'following = response.json()["next"]',
                'return {"params": {"limit": 2, "cursor": following}} if following else None',
            ],
        ),
        (["limit", "startingAfter"], '{"params": {"limit": 2}}', []),
    ],
    ids=str,
)
def test_the_pages_of_a_list(query: list[str], page: str, lines: list[str]) -> None:
    """For common names of parameters; else nothing is said, and a placeholder asks for it."""
    rows = {"type": "array", "items": {"type": "object"}}
    schema = {"type": "object", "properties": {"data": rows, "next": {"type": "string"}}}
    document = {"paths": {"/orders": {"get": _listed(schema, *query)}}}
    named: dict[str, Any] = {"rows": ["data"]}
    listing = route_of(App({"": document}, {("GET", "/orders"): named}), "GET", "/orders").listing
    assert listing is not None
    assert (listing.page, listing.next_page.splitlines()) == (page, lines)
    assert listing.has_pages is bool({"after", "cursor", "startingAfter"} & set(query))


def test_the_rows_of_an_answer_with_two_arrays_are_those_that_the_suite_takes_for_rows() -> None:
    row = {"type": "object", "properties": {"id": {"type": "string"}}}
    arrays = {"warnings": {"type": "array"}, "items": {"type": "array", "items": row}}
    page = {"type": "object", "properties": arrays}
    document = {"paths": {"/orders": {"get": _listed(page)}}}
    named: dict[str, Any] = {"rows": ["orders", "items"]}
    route = route_of(App({"": document}, {("GET", "/orders"): named}), "GET", "/orders")
    assert route.listing is not None
    assert route.listing.shows_id
    assert (
        route_of(App({"": document}, {("GET", "/orders"): {"rows": []}}), "GET", "/orders").listing
        is None
    )


@pytest.mark.parametrize(
    ("method", "path", "public", "status", "blamed"),
    [
        ("POST", "/x", True, 422, "valid"),
        ("POST", "/x", True, 401, "valid"),
        ("POST", "/x", False, 401, ""),
        ("POST", "/x", False, 403, ""),
        ("POST", "/x", False, 500, ""),
        ("POST", "/x", False, 405, ""),
        ("POST", "/x/{id}", False, 422, "valid"),
        ("POST", "/x/{id}", False, 404, "path"),
        ("GET", "/x/{id}", False, 403, "path"),
        ("GET", "/x/{id}", False, 409, "path"),
        ("GET", "/x", False, 404, ""),
    ],
)
def test_the_guess_that_an_answer_proves_wrong(
    tmp_path: Path, method: str, path: str, public: bool, status: int, blamed: str
) -> None:
    """The app's own failure proves none, and that of the credentials none that is in the class."""
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    body = {"requestBody": {"content": {"application/json": {"schema": schema}}}}
    operation = body if method == "POST" else {}
    listed = [f"{method} {path}"] if public else []
    document = {"paths": {path: {method.lower(): operation}}}
    route = route_of(App({"": document}, {}, listed), method, path)
    (tmp_path / "tests/policy").mkdir(parents=True)
    (tmp_path / "tests/policy/policy.toml").write_text(POLICY)
    found = RouteContext(route, Rows(Service(tmp_path)), failures=[Failure("no", status)])
    assert found.blamed == blamed
    assert f"the app says: {status} no" in found.attributes.get("valid", "") or blamed != "valid"


def test_a_placeholder_says_which_route_its_class_is_about() -> None:
    """So that the class is found once the route is built."""
    text = r"""
class TestA:
    method = "GET"
    path = placeholder('path = "/a"  # build it')

class TestB:
    method = "GET"
    path = placeholder('@pytest.fixture\ndef url(self) -> str:\n    return f"/b/{id}"')
"""
    tree = ast.parse(text)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found = [Covered([]).identity(tree, one) for one in classes]
    assert found == [("GET", "/a"), ("GET", "/b/{}")]


def test_two_routes_that_differ_in_the_slash_are_two() -> None:
    operation: dict[str, Any] = {"get": {}}
    app = App({"": {"paths": {"/v1/agents": operation, "/v1/agents/": operation}}}, {})
    assert [route_of(app, "GET", path).path for path in ("/v1/agents/", "/v1/agents")] == [
        "/v1/agents/",
        "/v1/agents",
    ]


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        (
            "POTS",
            "/orders",
            "POTS is not an HTTP method: write `tpgen route POST /v1/agents`",
        ),
        ("/orders", "post", "/orders is not an HTTP method: write `tpgen route POST /v1/agents`"),
        *(
            ("GET", path, r".* is not the path of a route: write it as the app does, .*")
            for path in ("orders", "/x y", "/x{", "/{}", "/x?y=1", "/../../etc", "/a'b", "/a\nb")
        ),
    ],
)
def test_a_slip_of_the_pen_is_told(method: str, path: str, reason: str) -> None:
    with pytest.raises(UserError, match="^" + reason.replace("?", r"\?") + "$"):
        App({"": {}}, {}).find(method, path)


def test_placeholders_among_the_malformed_requests_have_different_ids() -> None:
    """In strict mode pytest refuses two equal ids."""
    malformed = [Placeholder(f'without("params.{name}")') for name in "ab"]
    assert len({request_id(request) for request in malformed}) == 2
