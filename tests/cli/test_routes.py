"""Routes are read from the app as it runs, and what is said of them holds when it is asked."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.generate.routes import app as routes
from tpgen.generate.routes.app import App
from tpgen.generate.routes.route import Route
from tpgen.generate.routes.values import source

from tests.rendering import Service as Rendered
from tests.unit.test_routes import POLICY, route_of

SAMPLES = Path(__file__).parents[1] / "samples" / "routes"
APP = (SAMPLES / "app.py.txt").read_text()

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
    (CUSTOMERS, r'pattern=r"^\d{4} ?[A-Z]{2}$", ', ""),
    (CUSTOMERS, 'Literal["NL", "BE"]', "str"),
    (CUSTOMERS, "born_on: date", "born_on: str"),
    (CUSTOMERS, "site: HttpUrl | None", "site: str | None"),
    (CUSTOMERS, "host: IPv4Address | None", "host: str | None"),
    (CUSTOMERS, "Annotated[str, Field(max_length=9)]", "str"),
    (CUSTOMERS, "Field(default=[], max_length=3)", "[]"),
    (ORDERS, "article_id: UUID", "article_id: str"),
    (ORDERS, "ge=1, le=99)", "le=99)"),
    (ORDERS, "ge=1, le=99)", "ge=1)"),
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
    (LOGIN, "Form(min_length=3)", "Form()"),
    (LOGIN, "Form(ge=18)", "Form()"),
    (LOGIN, "Form(max_length=2)", "Form()"),
    (LOGIN, "age: Annotated[int, Form(ge=18)]", "age: Annotated[int, Form(ge=18)] = 18"),
    ("POST /owners", "Field(le=9)", "Field()"),
    ("PUT /trees/{name}", "Path(max_length=12)", "Path()"),
    ("PUT /trees/{name}", 'children: list["Tree"]', 'children: list["Tree"] = []'),
    ("POST /points", "Body(min_length=1)", "Body()"),
    ("POST /points", "list[float]", "list[str]"),
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
        requests = {" ".join(one): _requests(route_of(app, *one)) for one in app.routes}
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


def _requests(route: Route) -> dict[str, Any]:
    valid = [request for request in (route.valid, route.other) if request is not None]
    malformed = [change.apply(route.valid) for change in route.malformed]
    return {"method": route.method, "url": route.url({}), "valid": valid, "malformed": malformed}


def test_what_is_called_valid_is_accepted(shop: Shop) -> None:
    """By the app itself, with the status that it documents."""
    for name, said in shop.said.items():
        route = route_of(shop.app, *name.split(" "))
        assert set(said["valid"]) == {route.status}, name
    assert len(shop.said) == 12


def test_what_is_called_malformed_is_refused(shop: Shop) -> None:
    """Each with 422; a route without input has none."""
    wrong = {
        route_of(shop.app, *name.split(" ")).malformed[index].source: status
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
    assert missed == []


def test_the_facts_of_a_route(shop: Shop) -> None:
    """Where it is, what it asks for, and which rows it needs."""
    order = route_of(shop.app, "POST", "/orders")
    assert (order.module, order.name) == ("shop.main", "add_order")
    assert order.idempotent
    assert order.references == [("json", "customer_id"), ("json", "lines", 0, "article_id")]
    customer = route_of(shop.app, "post", "/customers")
    assert not customer.idempotent
    assert (customer.method, customer.status) == ("POST", 201)
    line = route_of(shop.app, "GET", "/orders/{order_id}/lines/{number}")
    assert line.references == [("path", "order_id")]


def test_a_route_is_found_as_people_write_it(shop: Shop) -> None:
    """With another name for a parameter, and with or without the last slash."""
    for path in ("/carts/{cart_id}/", "/carts/{id}", "/carts/{id:int}/"):
        assert route_of(shop.app, "DELETE", path).path == "/carts/{cart_id}/"
    assert shop.app.find("GET", "/order") is None
    assert shop.app.nearest("GET", "/order") != []
    assert shop.app.nearest("POST", "/ordres")[0] == "POST /orders"


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
    chat = route_of(app, "POST", "/v1/chat/completions")
    assert (chat.is_public, chat.idempotent, chat.name) == (False, True, "complete")
    assert _files(service.path) == before
    agent = route_of(app, "GET", "/v1/agents/{id}")
    assert [change.source for change in agent.malformed] == [
        'with_value("url", "/v1/agents/no-uuid")'
    ]
    assert route_of(app, "GET", "/healthz").is_public


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
        {
            "src/app/__init__.py": HELLO.format(
                "def create_app(n=1): return FastAPI(title='it')\ndef build(n): return FastAPI()"
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
    ids=["variable", "factory", "client", "no-app-in-client"],
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
        {"pyproject.toml": '[tool.tpgen]\napp = "shop.main:app"\n'},
        {
            "pyproject.toml": '[tool.tpgen]\napp = "shop.main:app"\n',
            "tests/conftest.py": CONFTEST.format(
                "@pytest.fixture\ndef app(): return FastAPI(title='another')"
            ),
        },
        {"src/shop/main.py": MADE, "src/shop/proxy.py": ""},
    ],
    ids=["setting", "setting and fixture", "made"],
)
def test_of_several_apps_the_one_of_the_setting(
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
        (
            {"main.py": HELLO.format("class API(FastAPI): pass\napi = API()")},
            ["found no app in", "write that fixture", '[tool.tpgen] app = "package.module:name"'],
        ),
        (
            {"main.py": HELLO.format("app = FastAPI()\nraise OSError('no settings')")},
            ["main:app can't be made: OSError: no settings", "tests/conftest.py"],
        ),
        (
            {"tests/conftest.py": "import missing_module"},
            ["tests/conftest.py", "No module named 'missing_module'"],
        ),
        (
            {"tests/conftest.py": "raise ValueError('2 errors\\nurl\\n  see https://example.com')"},
            ["fixtures of tests/conftest.py: ValueError: 2 errors url see https://example.com;"],
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
    ids=["several", "nowhere", "import", "conftest", "lines", "fixture"],
)
def test_why_there_is_no_app(
    rendered: Rendered, tmp_path: Path, files: dict[str, str], reasons: list[str]
) -> None:
    """As one sentence that quotes what the interpreter said."""
    with pytest.raises(UserError) as told:
        routes.read(_service(tmp_path, rendered, files))
    for reason in reasons:
        assert reason in str(told.value)
    assert "\n" not in str(told.value)
