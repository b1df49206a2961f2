"""What `tpgen` says, and that nothing is written where a person must change something first."""

import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import Outcome, clean_environment
from tests.rendering import Service, Suite

Tpgen = Callable[..., Outcome]
UNIT = "tests/unit/pipeline/steps"
POLICY = "tests/policy/policy.toml"
STEP = "src/gateway/pipeline/steps/detect_pii.py"


def tree(folder: Path) -> dict[str, bytes]:
    """All files of a folder, but for what Python and git keep for themselves."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    hidden = {".git", "__pycache__", ".ruff_cache"}
    return {str(one): one.read_bytes() for one in files if not hidden & set(one.parts)}


@pytest.fixture
def tpgen(
    service: Service, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Tpgen:
    """The command in the service, run in this process."""
    from tpgen.cli.main import main

    monkeypatch.setenv("VIRTUAL_ENV", str(service.environment))

    def run(*arguments: str, at: str = ".") -> Outcome:
        monkeypatch.chdir(service.path / at)
        code = main(arguments)
        said = capsys.readouterr()
        return Outcome(code, said.out + said.err)

    return run


NAMES = [
    *("../detect_pii", "steps/detect_pii", "detect_pii.py", "detect.pii", "détect", "detect pii"),
    *("class", "none", "true", "1st", "_private", ""),
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_none(name: str, tpgen: Tpgen, service: Service) -> None:
    before = tree(service.path)
    done = tpgen("step", name)
    assert done.code == 2
    assert re.fullmatch(rf"tpgen: {re.escape(repr(name))} can.t be the name .*\n", done.text), (
        done.text
    )
    assert tree(service.path) == before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("step", 300 * "a"), "use at most 80 letters"),
        (("route", "GET", "/" + 300 * "a"), "File name too long"),
    ],
    ids=["step", "route"],
)
def test_a_name_that_is_too_long(
    words: tuple[str, ...], reason: str, tpgen: Tpgen, service: Service
) -> None:
    before = tree(service.path)
    done = tpgen(*words)
    assert (done.code, reason in done.text) == (2, True), done.text
    assert tree(service.path) == before


BROKEN = {
    "no TOML": ("[slow]", "[slow", r"policy.toml is not TOML: .*line \d+"),
    "an unknown key": (
        'methods = ["run"]',
        'method = ["run"]',
        "`method` of .kinds.step. is unknown: .*methods",
    ),
    "an old key": (
        'introspect = "route"',
        'reads = "route"',
        "`reads` .* is unknown: the keys are .*introspect",
    ),
    "no help": (
        'help = "a pipeline step"\n',
        "",
        ":\\d+: .kinds.step. needs the key `help`",
    ),
    "help is a number": (
        'help = "a pipeline step"',
        "help = 3",
        "`help` of .kinds.step. must be a text, got 3",
    ),
    "not a list": (
        'methods = ["run"]',
        'methods = "run"',
        "`methods` .* must be a list of texts, got 'run'",
    ),
    "out of the package": (
        '"pipeline/steps/{name}.py"',
        '"../{name}.py"',
        "`sources` .* must be the relative path of a Python file",
    ),
    "out of tests/": (
        '"tests/unit/pipeline/steps/test_{name}.py"',
        '"src/test_{name}.py"',
        "`path` of ..kinds.step.tests.. must be in tests/",
    ),
    "into the policy": (
        '"tests/unit/pipeline/steps/test_{name}.py"',
        '"tests/policy/test_{name}.py"',
        "must be in tests/ and not in tests/policy/",
    ),
    "another way to introspect": (
        'introspect = "route"',
        'introspect = "routes"',
        "`introspect` .* must be one of source, route, model, class, got 'routes'",
    ),
    "the name of a command": ("[kinds.route]", "[kinds.undo]", "must have a lower-case name"),
    "a skeleton that is a number": (
        'skeleton = "step.py.j2"',
        "skeleton = 1",
        "`skeleton` .* must be a text, got 1",
    ),
    "no skeleton": ('skeleton = "step.py.j2", ', "", "needs the key `skeleton`"),
    "a skeleton that is not there": (
        '= "step.py.j2"',
        '= "gone.j2"',
        "there is no skeleton tests/policy/skeletons/gone.j2: write it",
    ),
    "a suite that is not there": (
        '"step.StepSuite"',
        '"step.StepSuit"',
        "names 'step.StepSuit', and there is no class StepSuit in tests/policy/suites/step.py;",
    ),
    "a file of suites that is not there": (
        '"step.StepSuite"',
        '"steps.StepSuite"',
        "names 'steps.StepSuite', and there is no class StepSuite in tests/policy/suites/steps.py;",
    ),
    "an empty source": (
        '"pipeline/steps/**/*.py"',
        '""',
        "`sources` .* must be the relative path of a Python file",
    ),
    "an unknown placeholder": (
        '"pipeline/steps/{name}.py"',
        '"pipeline/steps/{nme}.py"',
        "`sources` .* with no variable but {name}, got 'pipeline/steps/{nme}.py'",
    ),
    "one in a test": ("steps/test_{name}.py", "steps/test_{nme}.py", "no variable but {name}"),
    "a test that is not Python": (
        "steps/test_{name}.py",
        "steps/test_{name}",
        "must be the relative path of a Python file",
    ),
    "one file twice": (
        '"tests/integration/pipeline/test_{name}.py"',
        '"tests/unit/pipeline/steps/test_{name}.py"',
        "has the path '.*steps/test_{name}.py' twice: keep one",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_policy(what: str, tpgen: Tpgen, service: Service) -> None:
    """Table, key and line are named."""
    old, new, said = BROKEN[what]
    service.replace(POLICY, old, new)
    before = tree(service.path)
    done = tpgen("step", "nothing")
    assert (done.code, done.text.count("\n")) == (2, 1), done.text
    assert re.search(said, done.text), done.text
    assert tree(service.path) == before


SKELETONS = {
    "an error of a call": (
        "\n\n{{ component.make(1, 2, 3, 4) }}",
        r"skeletons/step.py.j2:3: TypeError: .*; correct the skeleton",
    ),
    "a key that is not there": (
        "{{ component.returns('nope') }}",
        "step.py.j2:1: .*nope.*; correct the skeleton",
    ),
    "an unknown name": ("x\n{{ compnent }}", "step.py.j2:2: 'compnent' is undefined; correct"),
    "no Python": (
        "class Test(:\n    pass",
        r"step.py.j2 gives text that is not Python \(.*`class Test\(:`",
    ),
    "no Jinja": ("{% if %}", "step.py.j2:1: Expected an expression"),
}


@pytest.mark.parametrize("what", SKELETONS)
def test_a_broken_skeleton(what: str, tpgen: Tpgen, service: Service) -> None:
    """One sentence, with file and line."""
    text, said = SKELETONS[what]
    service.write({"tests/policy/skeletons/step.py.j2": text})
    done = tpgen("step", "detect_pii")
    assert (done.code, done.text.count("\n")) == (2, 1), done.text
    assert re.search(said, done.text), done.text


def test_a_skeleton_for_what_is_there_alone(tpgen: Tpgen, service: Service) -> None:
    service.write({"tests/policy/skeletons/step.py.j2": "{{ component.call('run', 'step') }}"})
    done = tpgen("step", "nothing")
    assert (done.code, done.text.count("\n")) == (2, 1), done.text
    assert "there is no Nothing yet, and its skeleton asks how it is made: build it" in done.text


def test_a_policy_without_kinds(tpgen: Tpgen, service: Service) -> None:
    (service.path / POLICY).write_text("")
    done = tpgen("step", "nothing")
    assert (done.code, "has no [kinds.NAME]" in done.text) == (2, True), done.text
    assert "nothing to undo" in tpgen("undo").text


def test_a_policy_that_is_no_text(tpgen: Tpgen, service: Service) -> None:
    """Said also to who asks for help; what needs no policy runs."""
    (service.path / POLICY).write_bytes(b"\xff")
    done = tpgen("--help")
    assert (done.code, "can't be read" in done.text) == (2, True), done.text
    assert tpgen("completion", "bash").code == 0


def test_the_line_is_the_one_of_the_key(tpgen: Tpgen, service: Service) -> None:
    service.replace(POLICY, 'methods = ["run"]', "methods = [7]")
    lines = (service.path / POLICY).read_text().splitlines()
    assert f"{POLICY}:{lines.index('methods = [7]') + 1}: " in tpgen("step", "nothing").text


def test_outside_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tpgen", "step", "detect_pii"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"tpgen: .* is not in a service: .* `tpgen new DEST`\n", done.stderr)


def test_from_a_folder_below(tpgen: Tpgen, service: Service) -> None:
    done = tpgen("step", "detect_keys", at="src/gateway")
    assert done.code == 0, done.text
    assert (service.path / UNIT / "test_detect_keys.py").exists()
    *_, run = done.text.splitlines()
    assert f" ../../{UNIT}/test_detect_keys.py" in run
    files = run.partition("pytest ")[2].split()
    ran = subprocess.run(
        [service.environment / "bin/python", "-m", "pytest", "--collect-only", "-q", *files],
        cwd=service.path / "src/gateway",
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_too_many_words(tpgen: Tpgen) -> None:
    done = tpgen("step", "detect_pii", "detect_keys")
    assert done.code == 2
    assert "unexpected argument: detect_keys; `tpgen step --help`" in done.text


def test_an_unknown_command_names_those_there_are(tpgen: Tpgen) -> None:
    done = tpgen("stpe", "detect_pii")
    assert done.code == 2
    assert "did you mean `step`?" in done.text


def test_a_component_that_cannot_be_read(tpgen: Tpgen, service: Service) -> None:
    (service.path / STEP).write_text("class DetectPII:\n    async def run(self, ctx:\n")
    before = tree(service.path)
    done = tpgen("step", "detect_pii")
    assert done.code == 2
    assert f"{STEP.removeprefix('src/')}:2 can't be read" in done.text
    assert tree(service.path) == before


def test_two_classes_that_may_be_it(tpgen: Tpgen, service: Service) -> None:
    text = (service.path / STEP).read_text()
    (service.path / STEP).write_text(
        text.replace("class DetectPII", "class First")
        + text.replace("class DetectPII", "class Two")
    )
    service.write(
        {STEP: (service.path / STEP).read_text().replace('    name = "detect_pii"\n', "")}
    )
    done = tpgen("step", "detect_pii")
    assert done.code == 2
    assert "First (gateway.pipeline.steps.detect_pii) or Two (gateway." in done.text


def test_a_half_written_test_is_left_alone(tpgen: Tpgen, service: Service) -> None:
    service.write({f"{UNIT}/test_detect_pii.py": "class TestDetectPII(\n"})
    before = tree(service.path)
    done = tpgen("step", "detect_pii")
    assert done.code == 2
    assert f"{UNIT}/test_detect_pii.py" in done.text
    assert tree(service.path) == before


def test_a_link_out_of_the_tree(tpgen: Tpgen, service: Service, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (service.path / "tests/unit/pipeline").rename(service.path / "kept")
    (service.path / "tests/unit/pipeline").symlink_to(outside)
    done = tpgen("step", "detect_keys")
    assert done.code == 2
    assert "tests/unit/pipeline/steps/test_detect_keys.py leads out of the service, to" in done.text
    assert [*outside.iterdir()] == []
    assert not (service.path / "tests/integration/pipeline/test_detect_keys.py").exists()


def test_a_diff_instead(tpgen: Tpgen, service: Service) -> None:
    """And one that git takes."""
    before = tree(service.path)
    done = tpgen("step", "detect_keys", "--with-source", "--dry-run")
    assert done.code == 0
    assert tree(service.path) == before
    subprocess.run(["git", "apply"], cwd=service.path, input=done.text, text=True, check=True)
    assert len(tree(service.path)) == len(before) + 3
    again = tpgen("step", "detect_keys").text
    assert "there    tests/unit/pipeline/steps/test_detect_keys.py\n" in again
    assert ("has all of its tests" in again, "wrote" in again) == (False, False)


def test_the_tests_come_first(tpgen: Tpgen, service: Service, suite: Suite) -> None:
    """Of what is not there yet; they say what to build."""
    told = tpgen("step", "detect_keys").text + tpgen("vault", "aws").text
    told += tpgen("client", "stripe").text
    assert "there is no step detect_keys yet: build DetectKeys in src/gateway/" in told
    files = [
        f"{UNIT}/test_detect_keys.py",
        "tests/integration/vault/test_aws.py",
        "tests/unit/test_stripe.py",
    ]
    _, said = suite.red(service, *files)
    assert "passed" not in said
    for name, file in [
        ("DetectKeys", "src/gateway/pipeline/steps/detect_keys.py"),
        ("AwsVault", "src/gateway/vault_aws.py"),
        ("StripeClient", "src/gateway/stripe.py"),
    ]:
        assert f"there is no {name} yet: build it in {file}" in said


def test_a_start_of_the_component(tpgen: Tpgen, service: Service) -> None:
    """Which the tests are then written for."""
    for kind, name in [("step", "detect_keys"), ("vault", "aws"), ("client", "stripe")]:
        done = tpgen(kind, name, "--with-source")
        assert done.code == 0, done.text
        assert "wrote    src/gateway/" in done.text
    for command in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        checked = service.run(*command)
        assert checked.code == 0, checked.text
    assert "no " not in service.pytest("-q", "tests/unit", "--collect-only").text.splitlines()[-1]


def test_a_start_never_takes_the_place_of_a_file(tpgen: Tpgen, service: Service) -> None:
    service.write({"src/gateway/pipeline/steps/detect_keys.py": "# mine\n"})
    before = tree(service.path)
    done = tpgen("step", "detect_keys", "--with-source")
    assert done.code == 2
    assert "detect_keys.py is there, and holds no such step" in done.text
    assert tree(service.path) == before


def test_twice_changes_nothing(tpgen: Tpgen, service: Service) -> None:
    tpgen("step", "detect_keys", "--with-source")
    before = tree(service.path)
    done = tpgen("step", "detect_keys")
    assert done.code == 0
    assert done.text.startswith("there    tests/unit/pipeline/steps/test_detect_keys.py\n")
    assert tree(service.path) == before


def test_a_complete_file_needs_no_slow_import(service: Service) -> None:
    script = "import sys; from tpgen.cli.main import main; main(['step', 'detect_pii'])"
    loaded = "; print(*{'copier', 'jsonschema'} & set(sys.modules))"
    command = [sys.executable, "-c", script + loaded]
    said = subprocess.check_output(command, cwd=service.path, env=clean_environment(), text=True)
    assert said.startswith("step detect_pii has all of its tests\n")
    assert said.endswith("\n\n")


def test_only_what_lacks_is_added(tpgen: Tpgen, service: Service) -> None:
    """A person's lines stay, in their order; what is added is formatted as the file was."""
    path = service.path / UNIT / "test_detect_pii.py"
    lines = path.read_text().splitlines()
    lacking = [line for line in lines if "redacted =" not in line] + ["", "# mine"]
    path.write_text("\n".join(lacking) + "\n")
    done = tpgen("step", "detect_pii")
    assert f"extended {UNIT}/test_detect_pii.py: TestDetectPII.redacted" in done.text
    now = path.read_text().splitlines()
    remaining = iter(now)
    assert all(line in remaining for line in lacking)
    assert "redacted = " in "\n".join(line for line in now if line not in lacking)


MINE = """import os
import sys

from gateway.models import Tenant

print(os, sys, Tenant)
"""


@pytest.mark.parametrize(
    ("mine", "expected"),
    [
        (MINE, "import os\nimport sys\n\nfrom factory import "),
        (
            MINE.replace("os\nimport sys", "sys\nimport os"),
            "from gateway.models import Tenant\nfrom ",
        ),
    ],
    ids=["sorted", "not sorted"],
)
def test_imports_are_sorted_if_they_were(
    mine: str, expected: str, tpgen: Tpgen, service: Service
) -> None:
    service.write({"tests/factories.py": mine})
    tpgen("factory", "Secret")
    text = (service.path / "tests/factories.py").read_text()
    assert expected in text
    assert ("from gateway.models import Secret, Tenant\n" in text) == (mine is MINE)


def test_undo(tpgen: Tpgen, service: Service) -> None:
    before = tree(service.path)
    tpgen("step", "detect_keys", "--with-source")
    done = tpgen("undo")
    assert (done.code, done.text.count("removed ")) == (0, 3)
    after = {path: text for path, text in tree(service.path).items() if ".tpgen" not in path}
    assert after == before
    again = tpgen("undo")
    assert again.code == 2
    assert "nothing to undo" in again.text


def test_placeholders_are_listed_in_what_was_added(tpgen: Tpgen, service: Service) -> None:
    """If nothing was, in the whole file."""
    old = 'class OldFactory:\n    a = fill_in("a = 1")\n    b = fill_in("b = 1")\n'
    mine = "class SecretFactory:\n    c = fill_in('c')\n\n    class Meta:\n        model = Secret\n"
    service.write({"tests/factories.py": f"{old}\n\n{mine}"})
    done = tpgen("factory", "Secret")
    lines = "".join(f"to fill  tests/factories.py:{line}\n" for line in (2, 3, 7))
    assert lines in done.text
    done = tpgen("factory", "Tenant")
    assert "extended tests/factories.py: TenantFactory\n" in done.text
    assert "to fill" not in done.text


def test_a_service_without_the_engine(service: Service, tmp_path: Path) -> None:
    """Its routes can't be listed: one sentence says what to install."""
    subprocess.run(["uv", "venv", "--quiet", tmp_path / "venv"], check=True)
    done = Service(service.path, tmp_path / "venv").tpgen("route", "GET", "/v1/agents")
    assert (done.code, done.text.count("\n")) == (2, 1), done.text
    assert "has no pytest, which lists the routes of the app: install" in done.text


def test_a_stale_list_of_cases_is_refreshed(tpgen: Tpgen, service: Service) -> None:
    path = f"{UNIT}/test_detect_pii.py"
    before = (service.path / path).read_text()
    service.replace(path, "test_detects, test_redacts", "test_detects")
    assert f"extended {path}: the list of required cases" in tpgen("step", "detect_pii").text
    assert (service.path / path).read_text() == before


def test_undo_tells_how_to_go_on(tpgen: Tpgen, service: Service) -> None:
    tpgen("step", "detect_keys")
    path = service.path / UNIT / "test_detect_keys.py"
    written = path.read_text()
    path.write_text(written + "# mine\n")
    assert "left     " in (said := tpgen("undo").text)
    assert "revert your own changes of these files" in said
    path.write_text(written)
    assert tpgen("undo").text == f"removed  {UNIT}/test_detect_keys.py\n"
    assert "nothing to undo" in tpgen("undo").text


def complete(service: Service, line: str) -> list[str]:
    """What argcomplete offers for a line, as a shell asks it."""
    script = f"import sys; from tpgen.cli.main import main; sys.exit(main({line.split()[1:]!r}))"
    answer = service.path / "answer"
    variables = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "_ARGCOMPLETE_IFS": "\n",
    }
    env = clean_environment() | {"VIRTUAL_ENV": str(service.environment), **variables}
    subprocess.run([sys.executable, "-c", script], cwd=service.path, env=env, check=False)
    return [name.strip() for name in answer.read_text().split("\n") if name.strip()]


def test_completion_offers_the_components_that_lack_tests(service: Service) -> None:
    assert "step" in complete(service, "tpgen s")
    assert all(name.startswith("-") for name in complete(service, "tpgen step "))
    text = (service.path / STEP).read_text().replace("detect_pii", "detect_keys")
    service.write({"src/gateway/pipeline/steps/detect_keys.py": text.replace("PII", "Keys")})
    assert "detect_keys" in complete(service, "tpgen step d")
    os.remove(service.path / UNIT / "test_detect_pii.py")
    assert {"detect_keys", "detect_pii"} <= set(complete(service, "tpgen step d"))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for(shell: str, tpgen: Tpgen) -> None:
    done = tpgen("completion", shell)
    assert done.code == 0
    assert "tpgen" in done.text


def anywhere(folder: Path, *arguments: str) -> Outcome:
    """Run the command in a folder that is in no service."""
    command = [sys.executable, "-m", "tpgen", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, check=False
    )
    return Outcome(done.returncode, done.stdout + done.stderr)


def test_the_version(tmp_path: Path) -> None:
    """Anywhere, as everybody types it."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for option in ("--version", "-V"):
        assert anywhere(tmp_path, option).text == f"tpgen {version}\n"


def test_outside_of_a_service(tmp_path: Path) -> None:
    """Every command prints its help, and a misspelt one gets a suggestion."""
    said = anywhere(tmp_path)
    assert (said.code, said.text.startswith("usage: tpgen [-h]")) == (0, True)
    for kind in ("step", "route", "vault", "factory", "client"):
        said = anywhere(tmp_path, kind, "--help")
        assert said.text.startswith(f"usage: tpgen {kind} [-h]"), said
        assert "Run it in a service." in said.text
    said = anywhere(tmp_path, "chek")
    assert (said.code, said.text) == (2, "tpgen: `chek` is not a command: did you mean `check`?\n")
    assert "did you mean `step`?" in anywhere(tmp_path, "stepp", "x").text


def test_a_slip_in_a_service(tpgen: Tpgen) -> None:
    done = tpgen("chek")
    assert "`chek` is not a command: did you mean `check`?" in done.text


def test_quiet(tpgen: Tpgen) -> None:
    """Before and after the command."""
    assert tpgen("-q", "step", "detect_pii").text == ""
    assert tpgen("step", "detect_pii", "--quiet").text == ""
    assert tpgen("-q", "step", "x y").code == 2


def test_a_long_wait_is_explained_at_a_terminal() -> None:
    script = "import time; from tpgen.core.terminal import waiting\n"
    script += "with waiting('reading the models'): time.sleep(1.5)"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert (told.stdout, told.stderr) == (b"", b"")
    terminal, end = pty.openpty()
    subprocess.run([sys.executable, "-c", script], stdout=end, stderr=end, check=True)
    assert os.read(terminal, 100).decode() == "tpgen: reading the models …\r\n"
    os.close(terminal)
    os.close(end)


def test_a_new_service_from_where_the_tool_is_from(tmp_path: Path) -> None:
    """This clone, for an editable install; without a terminal, by the proposed answers."""
    said = anywhere(tmp_path, "new", "shop", "--defaults", "--data", "engine_source=wheel")
    assert said.code == 0, said.text
    assert (tmp_path / "shop/tests/policy/policy.toml").is_file()
    again = anywhere(tmp_path, "new", "shop", "--defaults")
    assert (again.code, again.text) == (
        2,
        "tpgen: shop exists and is not empty: give a new folder\n",
    )
    wrong = anywhere(tmp_path, "new", "b", "--defaults", "--data", "vault=maybe")
    assert (wrong.code, 'vault: "maybe" must be yes or no' in wrong.text) == (2, True), wrong.text
    assert not (tmp_path / "b").exists()


def test_a_new_sdk(tmp_path: Path) -> None:
    options = ("--project", "sdk", "--defaults", "--data", "engine_source=wheel")
    said = anywhere(tmp_path, "new", "client", *options)
    assert said.code == 0, said.text
    assert (tmp_path / "client/src/gateway_sdk/agent.py").is_file()
    wrong = anywhere(tmp_path, "new", "b", "--defaults", "--project", "shop")
    assert (wrong.code, 'project: "shop" must be service, sdk or examples' in wrong.text) == (
        2,
        True,
    )
