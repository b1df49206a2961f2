"""Routes are read from the app as it runs, and what is said of them holds when it is asked."""

import ast
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tpgen.core.errors import Misuse
from tpgen.core.service import Service
from tpgen.generate.routes import requests as routes
from tpgen.generate.routes.context import RouteFacts
from tpgen.generate.routes.expressions import source
from tpgen.generate.routes.malformed import changed
from tpgen.generate.routes.naming import name_of_class
from tpgen.generate.routes.parameters import PNG
from tpgen.generate.routes.requests import App, Route
from tpgen.generate.routes.rows import Rows
from tpgen.generate.snapshots import Failure
from tpgen.source.covered import Covered

from tests.service import Service as Rendered

SAMPLES = Path(__file__).parent / "samples" / "routes"
APP = (SAMPLES / "app.py.txt").read_text()
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

# A constraint of the shop removed: a request that was refused for it alone must pass then.
CUSTOMERS, ORDERS, LINES = (
    "POST /customers",
    "POST /orders",
    "GET /orders/{order_id}/lines/{number}",
)
THINGS, REPORTS, LOGIN = "GET /things", "GET /reports", "POST /login"
EDITS = [
    (CUSTOMERS, 'extra="forbid"', 'extra="ignore"'),
    (CUSTOMERS, 'alias="fullName", min_length=1, ', 'alias="fullName", '),
    (CUSTOMERS, "min_length=1, max_length=80", "min_length=1"),
    (
        CUSTOMERS,
        'full_name: str = Field(alias="fullName"',
        'full_name: Any = Field("", alias="fullName"',
    ),
    (CUSTOMERS, "email: EmailStr", "email: str"),
    (CUSTOMERS, "billing: Address", "billing: Address | None = None"),
    (
        CUSTOMERS,
        "street: str = Field(min_length=3, max_length=40)",
        "street: str = Field(max_length=40)",
    ),
    (CUSTOMERS, "min_length=3, max_length=40", "min_length=3"),
    (CUSTOMERS, 'Field(pattern=r"^\\d{4} ?[A-Z]{2}$")', "Field()"),
    (CUSTOMERS, 'Literal["NL", "BE"]', "str"),
    (CUSTOMERS, "born_on: date", "born_on: str"),
    (CUSTOMERS, "site: HttpUrl | None", "site: str | None"),
    (CUSTOMERS, "host: IPv4Address | None", "host: str | None"),
    (CUSTOMERS, "Annotated[str, Field(max_length=9)]", "str"),
    (CUSTOMERS, "Field(default=[], max_length=3)", "[]"),
    (ORDERS, "article_id: UUID", "article_id: str"),
    (ORDERS, "ge=1, le=99, ", "le=99, "),
    (ORDERS, "ge=1, le=99, ", "ge=1, "),
    (ORDERS, ", multiple_of=3", ""),
    (ORDERS, "price: Decimal = Field(gt=0, ", "price: Decimal = Field("),
    (ORDERS, "default=0, ge=0, lt=1", "default=0, lt=1"),
    (ORDERS, "default=0, ge=0, lt=1", "default=0, ge=0"),
    (ORDERS, "customer_id: int = Field(gt=0)", "customer_id: int"),
    (ORDERS, "min_length=1, max_length=20", "max_length=20"),
    (ORDERS, "min_length=1, max_length=20", "min_length=1"),
    (ORDERS, "    colour: Colour\n    level", "    colour: str\n    level"),
    (ORDERS, "level: Level\n", "level: int\n"),
    (ORDERS, "gift: bool", "gift: str"),
    (ORDERS, "placed_at: datetime", "placed_at: str"),
    (ORDERS, "deliver_at: time | None", "deliver_at: str | None"),
    (ORDERS, "patience: timedelta = timedelta(days=1)", 'patience: str = ""'),
    (ORDERS, "default_factory=set, min_length=2, ", "default_factory=set, "),
    (ORDERS, "min_length=2, max_length=4", "min_length=2"),
    (ORDERS, "extra: dict[str, int]", "extra: dict[str, str | int]"),
    (ORDERS, "max_length=500, ", ""),
    (ORDERS, "Header(max_length=64)", "Header()"),
    (LINES, "order_id: UUID", "order_id: str"),
    (LINES, "Path(ge=1)", "Path()"),
    (LINES, "number: Annotated[int, Path(ge=1)]", "number: str"),
    (THINGS, "min_length=2, max_length=10, pattern", "max_length=10, pattern"),
    (THINGS, "min_length=2, max_length=10, pattern", "min_length=2, pattern"),
    (THINGS, ', pattern="^[a-z]+$"', ""),
    (THINGS, "Query(max_length=3)", "Query()"),
    (THINGS, "size: Annotated[list[int]", "size: Annotated[list[str]"),
    (THINGS, "since: date | None", "since: str | None"),
    (THINGS, "deep: bool = False", 'deep: str = ""'),
    (THINGS, "colour: Colour = Colour.RED", 'colour: str = "red"'),
    (REPORTS, "ge=1, le=12", "le=12"),
    (REPORTS, "ge=1, le=12", "ge=1"),
    (REPORTS, "Header(ge=1, le=12)]", "Header(ge=1, le=12)] = 1"),
    (REPORTS, 'Cookie(pattern="^[a-z]{2}$")', "Cookie()"),
    (LOGIN, "Form(min_length=3)", "Form()"),
    (LOGIN, "Form(ge=18)", "Form()"),
    (LOGIN, "Form(max_length=2)", "Form()"),
    (LOGIN, "age: Annotated[int, Form(ge=18)]", "age: Annotated[int, Form(ge=18)] = 18"),
    ("POST /pictures", "Form(max_length=20)", "Form()"),
    ("POST /pictures", "picture: UploadFile", "picture: UploadFile = None"),
    ("POST /owners", "Field(le=9)", "Field()"),
    ("POST /owners", "barks: bool", "barks: str"),
    ("PUT /trees/{name}", "Path(max_length=12)", "Path()"),
    ("PUT /trees/{name}", 'children: list["Tree"]', 'children: list["Tree"] = []'),
    ("POST /points", "Body(min_length=1)", "Body()"),
    ("POST /points", "tuple[float, float]", "tuple[float, ...]"),
    ("PATCH /levels/{colour}", "level: Annotated[Level", "level: Annotated[int"),
    ("DELETE /carts/{cart_id}/", "cart_id: int", "cart_id: str"),
]


@dataclass(frozen=True)
class Shop:
    """The sample, read; and what it said to the requests, whole and with each of the edits."""

    app: App
    said: Mapping[str, Mapping[str, list[int]]]
    edited: list[list[int]]


@pytest.fixture(scope="session")
def shop(rendered: Rendered, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The sample with the interpreter of the rendered service, which has no forms of its own."""
    folder = tmp_path_factory.mktemp("shop")
    service = _service(folder, rendered, {"src/shop/__init__.py": "", "src/shop/main.py": APP})
    packages = folder / "packages"
    more = ["python-multipart", "email-validator"]
    command = ["uv", "pip", "install", "--quiet", "--python", str(service.python)]
    subprocess.run([*command, "--target", str(packages), *more], check=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(packages))
        app = routes.read(service)
        requests = {" ".join(one): _requests(_found(app, *one)) for one in app.routes}
        (folder / "asked.py").write_text(source((requests, EDITS)))
        asking = [str(SAMPLES / "ask.py.txt"), "src/shop/main.py", "asked.py"]
        answer = service.run(asking)
    assert answer.returncode == 0, answer.stderr
    said, edited = json.loads(answer.stdout)
    return Shop(app, said, edited)


def _service(folder: Path, rendered: Rendered, files: Mapping[str, str]) -> Service:
    (folder / ".venv").symlink_to(rendered.environment)
    Rendered(folder, rendered.environment).write({"tests/policy/policy.toml": POLICY, **files})
    return Service(folder)


def _found(app: App, method: str, path: str) -> Route:
    route = app.find(method, path)
    assert route, (method, path)
    return route


def _requests(route: Route) -> dict[str, Any]:
    valid = [request for request in (route.valid, route.other) if request is not None]
    return {"method": route.method, "url": route.url, "valid": valid, "malformed": route.malformed}


def test_what_is_called_valid_is_accepted(shop: Shop) -> None:
    """By the app itself, with the status that it documents."""
    for name, said in shop.said.items():
        route = _found(shop.app, *name.split(" "))
        assert set(said["valid"]) == {route.status}, name
    assert len(shop.said) == 13


def test_what_is_called_malformed_is_refused(shop: Shop) -> None:
    """Each with 422; a route without input has none."""
    wrong = {
        source(_found(shop.app, *name.split(" ")).malformed[index]): status
        for name, said in shop.said.items()
        for index, status in enumerate(said["malformed"])
        if status != 422
    }
    assert wrong == {}
    assert [name for name, said in shop.said.items() if not said["malformed"]] == ["GET /health"]


def test_each_constraint_has_a_request_that_breaks_it(shop: Shop) -> None:
    """Without the constraint, one that was refused is accepted."""
    assert [old for _, old, _ in EDITS if APP.count(old) != 1] == []
    missed = [edit for edit, said in zip(EDITS, shop.edited, strict=True) if min(said) >= 300]
    assert missed == [], missed


def test_the_facts_of_a_route(shop: Shop) -> None:
    """Where it is, what it asks for, and which rows it needs."""
    order = _found(shop.app, "POST", "/orders")
    assert (order.module, order.name, order.tag) == ("shop.main", "add_order", "")
    assert order.idempotent
    assert order.references == [("customer_id",), ("lines", 0, "article_id")]
    customer = _found(shop.app, "post", "/customers")
    assert (customer.idempotent, customer.tag) == (False, "customers")
    assert (customer.method, customer.status) == ("POST", 201)
    line = _found(shop.app, "GET", "/orders/{order_id}/lines/{number}")
    assert line.path_references == ["order_id"]
    assert list(line.path_parameters) == ["order_id", "number"]


def _asked(method: str, content: Mapping[str, Any]) -> Route:
    operation = {"requestBody": {"content": content}}
    return _found(App({"": {"paths": {"/x": {method.lower(): operation}}}}, {}), method, "/x")


def test_a_change_of_nothing_is_no_change() -> None:
    """A body whose properties are all optional has each of them, where it is to change a row."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    body = {"application/json": {"schema": schema}}
    assert _asked("PATCH", body).valid == {"json": {"name": "name"}}
    assert _asked("POST", body).valid == {"json": {}}


def test_a_picture_is_one() -> None:
    file = {"type": "string", "format": "binary"}
    schema = {"type": "object", "properties": {"photo": file}, "required": ["photo"]}
    request = _asked("POST", {"multipart/form-data": {"schema": schema}}).valid
    assert request["files"]["photo"] == ("photo.png", PNG)


@pytest.mark.parametrize(
    ("malformed", "code"),
    [
        ({"json": {"a": 1, "b": [{"c": 2}]}}, 'without("params.limit")'),
        ({"json": {"a": 1}, "params": {"limit": 1}}, 'without("json.b")'),
        (
            {"json": {"a": True, "b": [{"c": 2}]}, "params": {"limit": 1}},
            'with_value("json.a", True)',
        ),
        (
            {"json": {"a": 1, "b": [{"c": "x"}]}, "params": {"limit": 1}},
            'with_value("json.b.0.c", "x")',
        ),
        ({"json": {"a": 1, "b": []}, "params": {"limit": 1}}, 'with_value("json.b", [])'),
        ({"json": "text", "params": {"limit": 1}}, 'with_value("json", "text")'),
        (
            {"json": {"a": 1, "b": [{"c": 2}], "d.e": 3}, "params": {"limit": 1}},
            'with_value("json", "d.e", 3)',
        ),
        (
            {"json": {"a": 1, "b": [{"c": 2}]}, "params": {"limit": 1}, "headers": {"X": "y"}},
            'with_value("headers.X", "y")',
        ),
        (
            {"json": {"a": 1, "b": [{"c": 2}]}, "params": {"limit": 1}, "url": "/x/no"},
            'with_value("url", "/x/no")',
        ),
        (
            {"content": b"{", "params": {"limit": 1}},
            '{"content": b"{", "params": {"limit": 1}}',
        ),
    ],
    ids=str,
)
def test_a_malformed_request_is_what_it_changes(malformed: dict[str, Any], code: str) -> None:
    """In the valid one; a whole request where it differs in more than one argument."""
    valid = {"json": {"a": 1, "b": [{"c": 2}]}, "params": {"limit": 1}}
    assert changed(valid, malformed) == code


@pytest.mark.parametrize(
    ("function", "method", "path", "taken", "expected"),
    [
        ("read_task", "GET", "/v1/tasks/{id}", [], "TestReadTask"),
        ("get", "GET", "/v1/products/{id}", [], "TestGetProduct"),
        ("list", "GET", "/v1/products", [], "TestListProducts"),
        ("create", "POST", "/categories", [], "TestCreateCategory"),
        ("update", "PUT", "/orders/{id}/status", [], "TestUpdateStatus"),
        ("read_task", "GET", "/v2/tasks/{id}", ["TestReadTask"], "TestReadV2Task"),
        ("tasks", "GET", "/v2/tasks", ["TestTasks"], "TestGetTasks"),
        ("", "GET", "/", [], "TestGetRoot"),
    ],
)
def test_the_name_of_a_class(
    function: str, method: str, path: str, taken: list[str], expected: str
) -> None:
    """After the function; after verb and noun where that says too little or is another's."""
    facts = {(method, path): {"name": function, "module": "app.main"}}
    route = _found(App({"": {"paths": {path: {method.lower(): {}}}}}, facts), method, path)
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
                "order = await OrderFactory.create(session=session, user=user)",
                "order_line = await OrderLineFactory.create(session=session, order=order)",
                "await session.commit()",
                'return f"/orders/{order.id}/lines/{order_line.id}"',
            ],
        ),
        (
            "GET",
            "/orders",
            [
                "await OrderFactory.create(session=session, user=user)",
                "await session.commit()",
                'return "/orders"',
            ],
        ),
        (
            "GET",
            "/lines/{line_id}",
            [
                "order_line = await OrderLineFactory.create(session=session, order__user=user)",
                "await session.commit()",
                'return f"/lines/{order_line.id}"',
            ],
        ),
        ("POST", "/orders", ['return "/orders"']),
    ],
)
def test_the_rows_of_a_path(tmp_path: Path, method: str, path: str, lines: list[str]) -> None:
    """A row is a part of the one before it; a list is not empty."""
    auth = "def auth(user: User) -> dict[str, str]: ..."
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": FACTORIES}
    Rendered(tmp_path, tmp_path).write({**files, "tests/conftest.py": auth})
    route = _found(App({"": {"paths": {path: {method.lower(): {}}}}}, {}), method, path)
    fixture = RouteFacts(route, Rows(Service(tmp_path))).url.fixture("url", "str")
    assert [line.strip() for line in fixture.splitlines()[2:]] == lines


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
    route = _found(App({"": {"paths": {"/orders": {"get": operation}}}}, facts), "GET", "/orders")
    found = RouteFacts(route, Rows(Service(tmp_path)))
    assert (found.is_list, found.url.rows, found.listed_row) == (True, [], None)
    own, foreign = found.fixtures
    assert "async def own_rows(self, session: AsyncSession, user: User) -> list[str]:" in own
    assert "OrderFactory.create_batch(6, session=session, …=user)\n" in own
    assert "async def foreign_rows(self, session: AsyncSession) -> list[str]:" in foreign
    assert "OrderFactory.create_batch(6, session=session)\n" in foreign


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
    route = _found(App({"": path}, {}), "GET", "/orders/{order_id}")
    rows = Rows(Service(tmp_path))
    row = rows.find("order_id", "orders")
    assert row is not None
    assert (rows.attribute(row, "order_id"), rows.key(row)) == ("number", "number")
    assert "{order.number}" in RouteFacts(route, rows).url.text
    body = {"properties": {"number": {"type": "integer"}}, "required": ["number"], "type": "object"}
    for name, named in (("number", True), ("amount", False)):
        schema = json.loads(json.dumps(body).replace("number", name))
        asked = _asked("POST", {"application/json": {"schema": schema}})
        assert RouteFacts(asked, rows).names_a_row is named


@pytest.mark.parametrize(
    ("codes", "status"),
    [(["307"], 307), (["304", "422"], 304), (["200", "303"], 200), (["404"], 200), ([], 200)],
    ids=str,
)
def test_the_status_of_a_redirect(codes: list[str], status: int) -> None:
    operation: dict[str, Any] = {"responses": {code: {} for code in codes}}
    path: dict[str, Any] = {"paths": {"/x": {"get": operation}}}
    assert _found(App({"": path}, {}), "GET", "/x").status == status


def test_a_parameter_that_is_a_part_of_a_segment(tmp_path: Path) -> None:
    files = {"tests/policy/policy.toml": POLICY, "tests/factories.py": FACTORIES}
    Rendered(tmp_path, tmp_path).write(files)
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    path: dict[str, Any] = {"paths": {"/export/{name}.csv": {"get": {"parameters": [name]}}}}
    route = _found(App({"": path}, {}), "GET", "/export/{name}.csv")
    url = RouteFacts(route, Rows(Service(tmp_path))).url.text
    assert re.fullmatch(r'"/export/\w+\.csv"', url), url


def test_the_rows_of_an_answer_with_two_arrays_are_those_that_the_suite_takes_for_rows() -> None:
    rows = {"type": "array", "items": {"type": "object"}}
    page = {"type": "object", "properties": {"warnings": rows, "items": rows}}
    answer = {"content": {"application/json": {"schema": page}}}
    document = {"paths": {"/orders": {"get": {"responses": {"200": answer}}}}}
    named: dict[str, Any] = {"rows": ["orders", "items"]}
    route = _found(App({"": document}, {("GET", "/orders"): named}), "GET", "/orders")
    assert route.listing is not None
    assert route.listing.rows == 'response.json()["items"]'
    assert (
        _found(App({"": document}, {("GET", "/orders"): {"rows": []}}), "GET", "/orders").listing
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
        ("POST", "/x/{id}", False, 404, "url"),
        ("GET", "/x/{id}", False, 403, "url"),
        ("GET", "/x/{id}", False, 409, "url"),
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
    route = _found(App({"": document}, {}, listed), method, path)
    (tmp_path / "tests/policy").mkdir(parents=True)
    (tmp_path / "tests/policy/policy.toml").write_text(POLICY)
    found = RouteFacts(route, Rows(Service(tmp_path)), failures=[Failure("no", status)])
    assert found.blamed == blamed
    assert f"the app says: {status} no" in found.valid_placeholder or blamed != "valid"


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


def test_a_route_is_found_as_people_write_it(shop: Shop) -> None:
    """With another name for a parameter, and with or without the last slash."""
    for path in ("/carts/{cart_id}/", "/carts/{id}", "/carts/{id:int}/"):
        assert _found(shop.app, "DELETE", path).path == "/carts/{cart_id}/"
    assert shop.app.find("GET", "/order") is None
    assert shop.app.nearest("GET", "/order") != []
    assert shop.app.nearest("POST", "/ordres")[0] == "POST /orders"


def test_two_routes_that_differ_in_the_slash_are_two() -> None:
    operation: dict[str, Any] = {"get": {}}
    app = App({"": {"paths": {"/v1/agents": operation, "/v1/agents/": operation}}}, {})
    assert [_found(app, "GET", path).path for path in ("/v1/agents/", "/v1/agents")] == [
        "/v1/agents/",
        "/v1/agents",
    ]


@pytest.mark.parametrize(
    ("method", "path", "reason"),
    [
        ("POTS", "/orders", "POTS is no HTTP method: did you mean POST?"),
        ("/orders", "post", "the method comes first: `tpgen route POST /orders`"),
        ("POST", "orders", "a path begins with a slash: `tpgen route POST /orders`"),
        *(
            ("GET", path, r".* is not the path of a route: give it as the app states it, .*")
            for path in ("/x y", "/x{", "/{}", "/x?y=1", "/../../etc", "/a'b", "/a\nb")
        ),
    ],
)
def test_a_slip_of_the_pen_is_told(method: str, path: str, reason: str) -> None:
    with pytest.raises(Misuse, match="^" + reason.replace("?", r"\?") + "$"):
        App({"": {}}, {}).find(method, path)


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".venv" not in path.parts}


def test_the_fixture_of_the_tests_gives_the_app(service: Rendered) -> None:
    """The rendered service, whose app needs settings; no Postgres starts, no file is written."""
    (service.path / ".venv").symlink_to(service.environment)
    # A server that nothing can start: it would be asked for first.
    (service.path / "conftest.py").write_text(
        "def pytest_configure(config):\n    config.option.postgres = 'postgresql://localhost:1/none'\n"
    )
    before = _files(service.path)
    app = routes.read(Service(service.path))
    chat = _found(app, "POST", "/v1/chat/completions")
    assert (chat.is_public, chat.idempotent, chat.name) == (False, True, "complete")
    assert _files(service.path) == before
    agent = _found(app, "GET", "/v1/agents/{id}")
    assert agent.malformed == [{"url": "/v1/agents/no-uuid"}]
    assert _found(app, "GET", "/healthz").is_public


HELLO = "from fastapi import FastAPI\n{}\n"
CONFTEST = """
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
{}
"""


@pytest.mark.parametrize(
    "files",
    [
        {
            "src/app/__init__.py": "",
            "src/app/web.py": HELLO.format("service = FastAPI(title='it')"),
        },
        {"main.py": HELLO.format("class API(FastAPI): pass\napi = API(title='it')")},
        {
            "src/app/__init__.py": HELLO.format(
                "def build(n=1) -> FastAPI: return FastAPI(title='it')"
            )
        },
        {
            "app.py": HELLO.format(
                "def make(*, a=1):\n    app = FastAPI(title='it')\n    return app"
            )
        },
        {
            "pytest.ini": "[pytest]\naddopts = -m fast --strict-markers\nmarkers = fast\n",
            "tests/conftest.py": CONFTEST.format(
                "@pytest.fixture\ndef client(): return TestClient(FastAPI(title='it'))"
            ),
        },
        {
            "main.py": HELLO.format("app = FastAPI(title='it')"),
            "tests/conftest.py": "import pytest\n@pytest.fixture\ndef client(): return 1",
        },
    ],
    ids=["variable", "subclass", "factory", "made", "client", "no-app-in-client"],
)
def test_the_app_is_found(rendered: Rendered, tmp_path: Path, files: dict[str, str]) -> None:
    """In any service: its module may also be called as our own file."""
    app = routes.read(_service(tmp_path, rendered, files))
    assert app.documents[""]["info"]["title"] == "it"


APP_OF_MANY = HELLO.format("app = FastAPI(title='it')")
PROXY = HELLO.format("app = FastAPI(title='a proxy')")
MADE = HELLO.format("def create_app(): return FastAPI(title='it')\napp = create_app()")


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": 'CMD ["uvicorn", "shop.main:app"]'},
        {"pyproject.toml": '[tool.tpgen]\napp = "shop.main:app"\n'},
        {"tests/test_it.py": "from shop.main import app\n"},
        {"tests/test_it.py": "from shop import main\n"},
        {"Makefile": "# uvicorn shop.proxy:app\nrun:\n\tfastapi run src/shop/main.py\n"},
        {
            "pyproject.toml": '[tool.tpgen]\napp = "shop.main:app"\n',
            "tests/conftest.py": CONFTEST.format(
                "@pytest.fixture\ndef app(): return FastAPI(title='another')"
            ),
        },
        {"src/shop/main.py": MADE, "src/shop/proxy.py": ""},
    ],
    ids=["entry", "setting", "tests", "module", "file", "setting and fixture", "made"],
)
def test_of_several_apps_the_one_that_is_used(
    rendered: Rendered, tmp_path: Path, files: dict[str, str]
) -> None:
    package = {
        "src/shop/__init__.py": "",
        "src/shop/main.py": APP_OF_MANY,
        "src/shop/proxy.py": PROXY,
    }
    app = routes.read(_service(tmp_path, rendered, {**package, **files}))
    assert app.documents[""]["info"]["title"] == "it"


@pytest.mark.parametrize(
    ("files", "reasons"),
    [
        (
            {"main.py": APP_OF_MANY, "proxy.py": PROXY},
            ["several apps: main:app, proxy:app;", 'pyproject.toml: [tool.tpgen] app = "main:app"'],
        ),
        ({}, ["found no app in", "write that fixture"]),
        (
            {"main.py": HELLO.format("app = FastAPI()\nraise OSError('no settings')")},
            ["main:app can't be made: OSError: no settings", "tests/conftest.py"],
        ),
        (
            {"tests/conftest.py": "import missing_module"},
            ["tests/conftest.py", "No module named 'missing_module'"],
        ),
        (
            {
                "tests/conftest.py": CONFTEST.format(
                    "@pytest.fixture\ndef app(): raise OSError('no disk')"
                )
            },
            ["fixtures of tests/conftest.py: OSError: no disk;"],
        ),
    ],
    ids=["several", "nowhere", "import", "conftest", "fixture"],
)
def test_why_there_is_no_app(
    rendered: Rendered, tmp_path: Path, files: dict[str, str], reasons: list[str]
) -> None:
    """As one sentence that quotes what the interpreter said."""
    with pytest.raises(Misuse) as told:
        routes.read(_service(tmp_path, rendered, files))
    for reason in reasons:
        assert reason in str(told.value)
    assert "\n" not in str(told.value)
