"""Services of releases whose engine lay in `tests/policy`: update, fix, install, run."""

import json
from pathlib import Path

import pytest

from tests.hooks import Repository, once, renew, repository, template
from tests.rendering import Service
from tests.updating import Pair, copy, releases

PARTS = ("pipeline", "vault", "frontend")
OLD = [version for version in ("0.1.0", "0.2.0") if version in releases()]
# The chat route of the old starter passes on what the upstream says of an error.
LEAK = "tests/integration/api/test_chat.py::TestChat::test_an_error_quotes_neither_the_upstream"
CLOSED = 'HTTPException(502, "the upstream gave no usable answer")'
LACKS_APP = "has no test class that inherits from AppSuite"
# What docs/update.md says to write.
APP = """\
from tests.policy.suites.app import AppSuite


class TestApp(AppSuite):
    pass
"""
# What a person wrote into the conftest.
EXTRA = """

MINE = 'mine'   # in a layout of our own


@pytest.fixture(scope='session')
def title(  ) -> str:
    return MINE


def test_the_app_is_ours(app: FastAPI) -> None:
    assert app.title == MINE
"""
OURS = ("def app(title: str) -> FastAPI:", "# ours: another title", *EXTRA.strip().splitlines())


def edited(conftest: str) -> str:
    """A conftest with another `app`, a comment, a test and one more fixture."""
    text = conftest.replace("def app() -> FastAPI:", "def app(title: str) -> FastAPI:")
    before, after = text.split("    return create_app(", 1)
    body, rest = after.split("\n    )\n", 1)
    ours = (
        f"    made = create_app({body}\n    )\n    # ours: another title\n    made.title = title\n"
    )
    return f"{before}{ours}    return made\n{rest.rstrip()}{EXTRA}"


def old(folder: Path, version: str, *, parts: bool) -> Pair:
    """A service of an old release, with an edited conftest; its template is released again."""
    source = template(folder / "tpgen", f"v{version}", releases()[version])
    options = [word for part in PARTS for word in ("-d", f"{part}={parts}")]
    copy(source, folder / "service", *options)
    pair = Pair(source, repository(folder / "service"))
    conftest = edited(pair.read("tests/conftest.py"))
    assert pair.service.commit({"tests/conftest.py": conftest}, "--no-verify").code == 0
    renew(source, "v99.0.0")
    return pair


def moved(pair: Pair) -> dict[str, object]:
    """Update a service and fix its own files; return what the update says."""
    said = pair.tpgen("update", "--json")
    assert said.code == 0, said.text
    fixed = pair.tpgen("check", "--fix")
    # The class that docs/update.md says to write next is all that is left to do.
    assert fixed.code == 1, fixed.text
    left = [line for line in fixed.text.splitlines() if ": TPG" in line and "warning:" not in line]
    assert left and all(LACKS_APP in line for line in left), fixed.text
    pair.service.git("add", "--all")
    pair.service.git("commit", "--quiet", "--no-verify", "-m", "update")
    found: dict[str, object] = json.loads(said.text[said.text.index("{") :])
    return found


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of a service after its update, by the lock that the update wrote."""

    def make(folder: Path) -> None:
        pair = old(folder, OLD[-1], parts=True)
        assert pair.service.run("uv", "lock", "--quiet").code == 0
        assert pair.service.commit({}, "--no-verify").code == 0
        assert moved(pair)["lock"] == "uv lock --upgrade-package pytest-tpgen"
        place = {"UV_PROJECT_ENVIRONMENT": str(folder.with_name("moved-environment"))}
        done = pair.service.run("uv", "sync", "--quiet", "--locked", **place)
        assert done.code == 0, done.text

    return once(tmp_path_factory, "moved", make).with_name("moved-environment")


def suite(service: Repository, environment: Path) -> None:
    """Its suite passes but for a leak of the old starter and a list without its cases; ruff makes
    its files tidy, and the check warns.
    """
    moved = Service(service.path, environment)
    moved.write({"tests/integration/test_app.py": APP})
    done = moved.pytest("-q", "tests", "tests/conftest.py")
    assert done.count("failed") == 2 and not done.count("errors"), done.text
    assert f"FAILED {LEAK}" in done.text, done.text
    advice = "GET /v1/agents lists rows, by its OpenAPI document: inherit from ListRouteSuite"
    assert advice in done.text
    moved.replace("src/gateway/api/chat.py", "HTTPException(502, str(error))", CLOSED)
    fixed = moved.pytest("-q", "tests/integration/api/test_chat.py")
    assert fixed.code == 0, fixed.text
    # The conftest has a layout of its own, which stays.
    shape = ["ruff", "format", "--exclude", "conftest.py", "tests"]
    for command in (["ruff", "check", "--fix", "tests"], shape):
        tidy = moved.run(*command)
        assert tidy.code == 0, tidy.text
    service.git("add", "--all")
    checked = service.run("tpgen", "check", "--format=json")
    levels = {one["level"] for one in json.loads(checked.text)["findings"]}
    assert levels <= {"warning"}, checked.text


@pytest.mark.parametrize(
    ("version", "parts"), [*((one, True) for one in OLD), *((one, False) for one in OLD[-1:])]
)
def test_a_service_moves(version: str, parts: bool, environment: Path, tmp_path: Path) -> None:
    pair = old(tmp_path, version, parts=parts)
    own = {one["path"] for one in moved(pair)["own_files"]}  # type: ignore[attr-defined]
    assert {"tests/conftest.py", "tests/factories.py"} <= own
    conftest = pair.read("tests/conftest.py")
    assert [line for line in OURS if line not in conftest] == []
    assert "tests.policy" not in conftest and "wrong_tenant_auth" not in conftest
    suite(pair.service, environment)
