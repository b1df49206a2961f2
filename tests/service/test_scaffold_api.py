"""`tpgen route` and `tpgen factory`, on routes and models of another hand than the starter's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import clean_environment
from tests.rendering import Service, Suite

SAMPLES = Path(__file__).parents[1] / "samples/api"
NOTES = "src/gateway/api/notes.py"
TEST = "tests/integration/api/test_notes.py"
ROUTES = [
    "POST /v1/notes",
    "GET /v1/folders/{folder_id}",
    "GET /v1/folders/{id}/notes",
    "DELETE /v1/notes/{note_id}",
    "PUT /v1/folders/{number}",
    "POST /v1/ping",
    "GET /v1/stats",
]
PUBLIC = ["POST /v1/ping", "POST /v1/ratings"]

EACH = """
import sys
from tpgen.cli.main import main
for command in sys.argv[1:]:
    print(end="\\0", flush=True)
    if code := main(command.split()):
        sys.exit(code)
"""


@pytest.fixture(scope="module")
def api(rendered: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service with notes and folders, and without their tests."""
    service = rendered.copy(tmp_path_factory.mktemp("api") / "service")
    shutil.copy(SAMPLES / "notes.py.txt", service.path / NOTES)
    migrations = service.path / "src/gateway/migrations/versions"
    shutil.copy(SAMPLES / "0002_notes.py.txt", migrations / "0002_notes.py")
    app = "src/gateway/app.py"
    service.replace(app, "from .api import agents, chat", "from .api import agents, chat, notes")
    service.replace(
        app, "(agents.router, chat.router)", "(agents.router, chat.router, notes.router)"
    )
    health = '    app.add_api_route("/healthz", _healthz)\n'
    public = "    app.include_router(notes.public, prefix=API_PREFIX)\n"
    service.replace(app, health, health + public)
    header = "[tool.tpgen.public]\n"
    listed = "".join(f'"{route}" = "it needs no credentials"\n' for route in PUBLIC)
    service.replace("pyproject.toml", header, header + listed)
    return service


@pytest.fixture(scope="module")
def scaffolded(api: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The same, with the tests that the commands write."""
    service = api.copy(tmp_path_factory.mktemp("scaffolded") / "service")
    factory, *routes = _all(service, "factory Note", *(f"route {route}" for route in ROUTES))
    assert "extended tests/factories.py: FolderFactory, NoteFactory" in factory
    for number, said in enumerate(routes):
        assert f"{'extended' if number else 'wrote   '} {TEST}" in said
        assert "recorded tests/integration/api/__snapshots__/test_notes.ambr: review it" in said
        assert "to fill" not in said
        _paste(service, said)
    return service


def _paste(service: Service, said: str) -> None:
    """Paste the lines for pyproject.toml that a command prints."""
    exempt = re.findall(r"^\[\[tool\.tpgen\.exempt\]\]\n.*\n.*\n", said, re.MULTILINE)
    with (service.path / "pyproject.toml").open("a") as settings:
        settings.write("\n" + "\n".join(exempt))


def _all(service: Service, *commands: str) -> list[str]:
    """What each command says; on one Postgres and in one process, which takes half the time."""
    python = service.environment / "bin/python"
    variables = {"VIRTUAL_ENV": str(service.environment), "TEST_POSTGRES": "embedded"}
    done = subprocess.run(
        [python, "-m", "pytest_tpgen.postgres", sys.executable, "-c", EACH, *commands],
        cwd=service.path,
        env=clean_environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\0")[1:]


def test_all_pass_as_written(scaffolded: Service, suite: Suite) -> None:
    red, text = suite.red(scaffolded)
    assert red == set(), text
    assert "12 snapshots passed" in text


def test_what_is_written_is_linted_formatted_and_typed(scaffolded: Service) -> None:
    for command in (["ruff", "check", "tests"], ["ruff", "format", "--check", "tests"], ["mypy"]):
        done = scaffolded.run(*command)
        assert done.code == 0, done.text


def test_twice_changes_nothing(scaffolded: Service) -> None:
    before = (scaffolded.path / TEST).read_bytes()
    for command in (["route", "GET", "/v1/folders/{x}/notes"], ["factory", "Folder"]):
        assert "has all of its tests" in scaffolded.tpgen(*command).text
    assert (scaffolded.path / TEST).read_bytes() == before


MUTATIONS = {
    "another shape": ('"title": folder.title,', "", {"TestReadFolder::test_happy_path"}),
    "another status": (
        "status_code=204)\nasync def drop",
        "status_code=200)\nasync def drop",
        {
            "TestDropNote::test_happy_path",
            "TestDropNote::test_403_with_the_key_of_another_tenant",
        },
    ),
    "a folder of any tenant": (
        "    if folder.tenant_id != caller.tenant_id:\n        raise HTTPException(403)\n",
        "",
        {
            f"Test{name}::test_403_with_the_key_of_another_tenant"
            for name in ("AddNote", "ReadFolder", "ListNotes", "RenameFolder")
        },
    ),
    "any text": (
        "text: str = Field(min_length=1, max_length=500)",
        "text: str",
        {"TestAddNote::test_422_on_a_malformed_request"},
    ),
    "any limit": (
        "limit: Annotated[int, Query(gt=0, lt=1000)] = 10",
        "limit: int = 10",
        {"TestListNotes::test_422_on_a_malformed_request"},
    ),
    "any colour": (
        "colour: Annotated[list[Colour] | None, Query()] = None",
        "colour: str = ''",
        {"TestListNotes::test_422_on_a_malformed_request"},
    ),
    "an id that is a text": (
        "async def drop_note(note_id: UUID,",
        "async def drop_note(note_id: str,",
        {"TestDropNote::test_422_on_a_malformed_request"},
    ),
    "any trace": (
        "Header(min_length=4)",
        "Header()",
        {"TestPing::test_422_on_a_malformed_request"},
    ),
    "two events": (
        'await record("folder.renamed", caller.tenant_id, caller.id)\n        return',
        "return",
        {
            "TestRenameFolder::test_two_identical_requests_give_one_audit_event",
            "TestRenameFolder::test_two_at_once_give_one_audit_event",
        },
    ),
    "another's answer": (
        'body.model_dump(mode="json"), work',
        "None, work",
        {"TestRenameFolder::test_409_on_another_request_with_the_same_key"},
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_case_is_able_to_fail(
    name: str, scaffolded: Service, suite: Suite, tmp_path: Path
) -> None:
    old, new, red = MUTATIONS[name]
    broken = scaffolded.copy(tmp_path / "service")
    broken.replace(NOTES, old, new)
    failed, text = suite.red(broken, TEST)
    assert {one.partition("[")[0] for one in failed} == red, text


def test_no_key_is_asked_for(scaffolded: Service, suite: Suite, tmp_path: Path) -> None:
    """Where the routes stand without the dependency that all others have."""
    broken = scaffolded.copy(tmp_path / "service")
    broken.replace(NOTES, "caller: Annotated[Any, Depends(current_agent)]", "")
    broken.replace("src/gateway/app.py", "chat.router, notes.router)", "chat.router)")
    broken.replace(
        "src/gateway/app.py",
        "notes.public,",
        "notes.public, prefix=API_PREFIX)\n    app.include_router(notes.router,",
    )
    failed, text = suite.red(broken, TEST, "-k", "TestStats")
    assert failed == {
        "TestStats::test_401_without_a_key",
        "TestStats::test_401_with_an_unknown_key",
        "TestStats::test_401_with_a_malformed_key",
        "TestStats::test_401_with_a_revoked_key",
    }, text


def test_undo_takes_the_snapshot_back_too(api: Service, tmp_path: Path) -> None:
    service = api.copy(tmp_path / "service")
    assert "recorded" in service.tpgen("route", "GET", "/v1/stats").text
    snapshot = service.path / "tests/integration/api/__snapshots__/test_notes.ambr"
    assert snapshot.exists()
    assert service.tpgen("undo").code == 0
    assert not snapshot.exists()
    assert not (service.path / TEST).exists()


def test_rows_that_no_factory_makes_are_a_placeholder(
    api: Service, tmp_path: Path, suite: Suite
) -> None:
    service = api.copy(tmp_path / "service")
    done = service.tpgen("route", "GET", "/v1/folders/{folder_id}")
    assert f"to fill  {TEST}:" in done.text
    assert "fails    the happy path" not in done.text
    failed, text = suite.red(service, TEST)
    assert "TestReadFolder::test_happy_path" in failed
    assert "# of a row that the caller may see" in text
    service.tpgen("factory", "Folder")
    done = service.tpgen("route", "GET", "/v1/folders/{folder_id}")
    assert f"extended {TEST}: TestReadFolder.folder_row, TestReadFolder.url\n" in done.text
    assert suite.red(service, TEST)[0] == set()


def test_a_guess_that_the_app_refuses_is_a_placeholder(
    api: Service, tmp_path: Path, suite: Suite
) -> None:
    """With what was tried and the answer; mended, it mends the malformed requests too."""
    service = api.copy(tmp_path / "service")
    done = service.tpgen("route", "POST", "/v1/ratings")
    assert f"to fill  {TEST}:" in done.text
    assert "fails" not in done.text
    assert not (service.path / TEST).parent.joinpath("__snapshots__/test_notes.ambr").exists()
    failed, text = suite.red(service, TEST)
    assert 'valid = {"json": {"stars": 1}}' in text
    assert "# the app says: 422 body: Value error, a bad one needs a reason" in text
    assert "TestRate::test_422_on_a_malformed_request[json.stars=wrong]" in failed
    written = (service.path / TEST).read_text()
    start = written.index("valid = placeholder(")
    placeholder = written[start : written.index("malformed =")]
    service.replace(TEST, placeholder, 'valid = {"json": {"stars": 1, "reason": "it"}}\n    ')
    assert suite.red(service, TEST)[0] == {
        "TestRate::test_happy_path",
    }
    service.write({TEST: written})
    assert service.tpgen("undo").code == 0
    assert not (service.path / TEST).exists()


def test_a_route_that_is_not_built(api: Service, tmp_path: Path, suite: Suite) -> None:
    """Its tests say what to build; once it is there, the same command fills in the rest."""
    service = api.copy(tmp_path / "service")
    notes = (service.path / NOTES).read_text()
    stats = notes[notes.index('@public.get("/stats")') :]
    service.write({NOTES: notes.replace(stats, "")})
    done = service.tpgen("route", "GET", "/v1/stats")
    assert done.text.startswith("route GET /v1/stats is not in the app yet")
    failed, text = suite.red(service, "tests/integration/api/test_stats.py")
    assert len(failed) == 9
    assert "build GET /v1/stats first" in text
    service.write({NOTES: notes})
    done = service.tpgen("route", "GET", "/v1/stats")
    assert "extended tests/integration/api/test_stats.py: TestStats\n" in done.text
    _paste(service, done.text)
    assert suite.red(service, "tests/integration/api/test_stats.py")[0] == set()


def test_a_route_that_answers_without_credentials_must_be_listed(
    api: Service, tmp_path: Path
) -> None:
    """Nothing is written before a person has said that it is public; `--dry-run` sends nothing."""
    service = api.copy(tmp_path / "service")
    listed = '"POST /v1/ping" = "it needs no credentials"\n'
    service.replace("pyproject.toml", listed, "")
    done = service.tpgen("route", "POST", "/v1/ping")
    assert done.code == 2
    assert done.text == (
        "tpgen: POST /v1/ping runs its handler without credentials. If it is public, add this below "
        "[tool.tpgen.public] in pyproject.toml, and run the command again:\n\n"
        '"POST /v1/ping" = "why it needs no credentials"\n\n'
        "If not, let a dependency demand credentials first; if the handler itself does, or its "
        "decorator, run the command again with --guarded\n"
    )
    assert not (service.path / TEST).exists()
    planned = service.tpgen("route", "POST", "/v1/ping", "--dry-run")
    assert "+class TestPing(RouteSuite):" in planned.text
    done = service.tpgen("route", "POST", "/v1/ping", "--guarded")
    assert "fails    test_401_without_a_key" in done.text


def test_what_the_app_contradicts_is_a_placeholder_or_left_out(
    rendered: Service, tmp_path: Path, suite: Suite
) -> None:
    """Each case is run once: redirects, values that are taken, values that the router refuses."""
    service = _with_things(rendered.copy(tmp_path / "service"))
    routes = ["POST loose", "GET numbers/{number}", "GET gone", "GET broken"]
    *_, gone, broken = _all(service, *(f"route {one.replace(' ', ' /v1/')}" for one in routes))
    text = (service.path / "tests/integration/api/test_things.py").read_text()
    assert 'placeholder(\'with_value("json.name", 7)  # the app says: 200 {"name":"7"}\'),' in text
    assert 'path = "/v1/numbers/1"\n    malformed = []\n' in text
    assert 'status = placeholder("status = 303  # the app says: 303")\n' in text
    assert "fails" not in gone
    assert "fails    test_happy_path: ValueError\n" in broken
    failed, said = suite.red(service, "tests/integration/api/test_things.py", "-k", "TestLoose")
    assert {one.partition("[")[0] for one in failed} == {
        "TestLoose::test_422_on_a_malformed_request",
        "TestLoose::test_403_with_the_key_of_another_tenant",
    }
    assert "# the app says: 200" in said


def test_tests_first(rendered: Service, tmp_path: Path, suite: Suite) -> None:
    """Write, build, run the same command again: all that is known by then is filled in."""
    service = rendered.copy(tmp_path / "service")
    done = service.tpgen("route", "POST", "/v1/made")
    assert "to fill" in done.text
    _with_things(service)
    done = service.tpgen("route", "POST", "/v1/made")
    path = "tests/integration/api/test_made.py"
    assert f"extended {path}: TestMade\n" in done.text
    assert "to fill" not in done.text
    text = (service.path / path).read_text()
    assert 'status = 201\n    valid = {"json": {"name": "name"}}\n' in text
    assert "# Required cases of RouteSuite" in text
    _paste(service, done.text)
    assert suite.red(service, path)[0] == set()
    again = service.tpgen("route", "POST", "/v1/made").text
    assert again.startswith("route POST /v1/made has all of its tests\n")


def test_tests_first_that_a_person_began_to_fill(service: Service, suite: Suite) -> None:
    """What they wrote stays, and the rest is filled in; a route beside another one is its own."""
    service.tpgen("route", "POST", "/v1/made")
    path = "tests/integration/api/test_made.py"
    text = (service.path / path).read_text()
    start, end = text.index("    path = placeholder("), text.index("    malformed = ")
    mine = '    # where it is\n    path = "/v1/made"\n'
    service.write({path: text[:start] + mine + text[end:]})
    _with_things(service)
    done = service.tpgen("route", "POST", "/v1/made")
    assert (
        f"extended {path}: TestPostMade.status, TestPostMade.valid, TestPostMade.malf" in done.text
    )
    text = (service.path / path).read_text()
    assert mine in text
    assert 'valid = {"json": {"name": "name"}}\n' in text
    _paste(service, done.text)
    assert suite.red(service, path)[0] == set()
    done = service.tpgen("route", "GET", "/v1/agents/latest")
    assert done.text.startswith("route GET /v1/agents/latest is not in the app yet")
    assert "to fill" in done.text


def _with_things(service: Service) -> Service:
    """Add the routes of the sample `things.py`."""
    shutil.copy(SAMPLES / "things.py.txt", service.path / "src/gateway/api/things.py")
    app = "src/gateway/app.py"
    service.replace(app, "from .api import agents, chat", "from .api import agents, chat, things")
    service.replace(
        app, "(agents.router, chat.router)", "(agents.router, chat.router, things.router)"
    )
    return service


def test_a_start_of_a_route(api: Service, tmp_path: Path, suite: Suite) -> None:
    service = api.copy(tmp_path / "service")
    done = service.tpgen("route", "PUT", "/v1/tags/{tag_id}", "--with-source")
    assert "include the router of the new module in it; if you give it a prefix, " in done.text
    start = (service.path / "src/gateway/api/tags.py").read_text()
    assert '@router.put("/v1/tags/{tag_id}")\nasync def put_tags_tag_id(tag_id: str)' in start
    new = ["tests", "src/gateway/api/tags.py"]
    for command in (["ruff", "check", *new], ["ruff", "format", "--check"], ["mypy"]):
        checked = service.run(*command)
        assert checked.code == 0, checked.text
    failed, text = suite.red(service, "tests/integration/api/test_tags.py")
    assert failed
    assert "build PUT /v1/tags/{tag_id} first" in text
    again = service.tpgen("route", "GET", "/v1/tags", "--with-source")
    assert (again.code, "api/tags.py is there" in again.text) == (2, True)


def test_what_cannot_be_a_route(api: Service) -> None:
    for words, said in {
        ("FETCH", "/v1/notes"): "FETCH",
        ("GET", "v1/notes"): "is not the path of a route",
        ("/v1/notes", "GET"): "write `tpgen route POST /v1/agents`",
    }.items():
        done = api.tpgen("route", *words)
        assert (done.code, said in done.text) == (2, True), done.text


def test_a_model_that_is_not_there(api: Service) -> None:
    done = api.tpgen("factory", "Notes")
    assert done.code == 2
    assert "has no model Notes: did you mean Note?" in done.text


def test_an_answer_that_differs_from_run_to_run_is_not_recorded(
    api: Service, tmp_path: Path
) -> None:
    """The command says what differs."""
    service = api.copy(tmp_path / "service")
    with (service.path / NOTES).open("a") as module:
        module.write(MOMENT)
    done = service.tpgen("route", "GET", "/v1/moment")
    found = re.search(r"fails    test_happy_path: two runs gave different (.*)", done.text)
    assert found, done.text
    assert re.search(r"- 'nanoseconds': \d+, \+ 'nanoseconds': \d+", found[1])
    assert "recorded" not in done.text
    assert not (service.path / TEST).parent.joinpath("__snapshots__/test_notes.ambr").exists()


MOMENT = """

@router.get("/moment")
async def read_moment(agent: CurrentAgent) -> dict[str, int]:
    import time

    return {"nanoseconds": time.time_ns(), "kind": 1}
"""
