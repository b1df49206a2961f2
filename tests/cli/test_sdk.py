"""`tpgen sdk`: the test of a class's surface in a project that was not rendered, and in one that was."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path

import pytest
from pytest_tpgen.surface.versions import last_tag
from tpgen.cli import command_line

from tests.checking import Said, git, repository, tpgen, write
from tests.processes import clean_environment

ROOT = Path(__file__).parents[2]
AGENT = """\
class Agent:
    def __init__(self, key: str, *, mark: str = "a\\n") -> None:
        self.key = key

    def chat(self, message: str) -> str:
        return message
"""
CHANGED = AGENT.replace("message: str)", "message: str, model: str)")
ADDED = f"{AGENT}\n    def close(self) -> None: ...\n"
STATED = '''\
"""The public surface of Agent, which customers' code relies on.

`tpgen sdk Agent --accept` records an intended change.
"""

from pytest_tpgen.surface import SurfaceSuite


class TestAgentSurface(SurfaceSuite):
    of = "acme_sdk:Agent"
    stub = r"""
class Agent:
    key: str
    def __init__(self, key: str, *, mark: str = "a\\n") -> None: ...
    def chat(self, message: str) -> str: ...
"""
'''
TEST = "tests/test_agent_surface.py"
PYPROJECT = '[project]\nname = "acme-sdk"\nversion = "1.4.2"\n'
FILES = {
    "pyproject.toml": PYPROJECT,
    "CHANGELOG.md": "# Changelog\n\n## Unreleased\n\n## 1.4.2\n\n- `chat` is new.\n",
    ".gitignore": ".venv\n.tpgen\n__pycache__\n",
    "src/acme_sdk/__init__.py": "from ._agent import Agent\n",
    "src/acme_sdk/_agent.py": AGENT,
}
SOURCE = "src/acme_sdk/_agent.py"


def project(root: Path, files: Mapping[str, str]) -> Path:
    """A project with our own environment, whose release is tagged."""
    repository(root, before=files)
    git(root, "tag", "v1.4.2")
    (root / ".venv").symlink_to(sys.prefix)
    return root


@pytest.fixture
def sdk(tmp_path: Path) -> Path:
    """An SDK without a policy, released as 1.4.2 together with its test."""
    return project(tmp_path / "sdk", FILES | {TEST: STATED})


def run_pytest(root: Path) -> str:
    """What pytest says of the test."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST],
        cwd=root,
        env={**clean_environment(), "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def accept(root: Path, *options: str) -> Said:
    return tpgen(root, "sdk", "Agent", "--accept", *options)


def test_writes_a_test_that_passes_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    root = project(tmp_path / "sdk", FILES)
    said = tpgen(root, "sdk", "Agent", "--dry-run")
    assert said.out.startswith(f"diff --git a/{TEST} b/{TEST}\nnew file mode 100644\n")
    assert not (root / TEST).exists()
    said = tpgen(root, "sdk", "Agent")
    assert (said.code, said.err) == (0, "")
    assert said.out == f"wrote    {TEST}: 3 members\nrun      pytest {TEST}\n"
    assert (root / TEST).read_text() == STATED
    assert "4 passed" in run_pytest(root)
    again = tpgen(root, "sdk", "acme_sdk:Agent")
    assert again.out == f"there    {TEST}\nrun      pytest {TEST}\n"
    assert (root / TEST).read_text() == STATED
    tpgen(root, "undo")


def test_a_required_argument_fails_the_suite_as_breaking(sdk: Path) -> None:
    write(sdk, {SOURCE: CHANGED})
    said = run_pytest(sdk)
    assert "acme_sdk:Agent.chat: breaking (1.4.2 → 2.0.0)" in said
    assert "`model` was added and is required" in said
    assert "1 failed, 3 passed" in said


def test_adds_missing_members_and_leaves_what_differs(sdk: Path) -> None:
    write(sdk, {SOURCE: ADDED.replace("message: str)", "message: str, model: str)")})
    said = tpgen(sdk, "sdk", "Agent")
    assert said.out.splitlines() == [
        f"extended {TEST}: close",
        "differs  acme_sdk:Agent.chat: breaking (1.4.2 → 2.0.0): `tpgen sdk Agent --accept`",
        f"run      pytest {TEST}",
    ]
    after = STATED.replace('str: ...\n"""', 'str: ...\n    def close(self) -> None: ...\n"""')
    assert (sdk / TEST).read_text() == after


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("# a page\f ends\n", "\n"),
        ("# \u2028 \x85 \x1c \v\n", "\n"),
        ("", "\r\n"),
        ("\ufeff", "\n"),
    ],
    ids=["form feed", "other line ends", "CRLF", "BOM"],
)
def test_all_other_bytes_of_a_test_file_stay(sdk: Path, start: str, end: str) -> None:
    before = (start + STATED).replace("\n", end).encode()
    (sdk / TEST).write_bytes(before)
    write(sdk, {SOURCE: ADDED})
    assert tpgen(sdk, "sdk", "Agent").out.startswith("extended")
    added = f"    def close(self) -> None: ...{end}".encode()
    after = (sdk / TEST).read_bytes()
    assert after.count(added) == 1
    assert after.replace(added, b"") == before


def test_an_addition_that_breaks_customers_needs_accept(sdk: Path) -> None:
    write(sdk, {SOURCE: f"import abc\n\n\n{ADDED}".replace("Agent:", "Agent(abc.ABC):")})
    git(sdk, "commit", "--quiet", "--all", "--message=abstract")
    (sdk / TEST).unlink()
    assert tpgen(sdk, "sdk", "Agent").code == 0
    before = (sdk / TEST).read_text()
    more = "\n    @abc.abstractmethod\n    def send(self) -> None: ...\n"
    with (sdk / SOURCE).open("a") as file:
        file.write(more)
    said = tpgen(sdk, "sdk", "Agent")
    assert "differs  acme_sdk:Agent.send: breaking (1.4.2 → 2.0.0)" in said.out
    assert (sdk / TEST).read_text() == before
    assert accept(sdk).code == 1


@pytest.mark.parametrize(
    ("line", "is_enough"),
    [
        ("- We chat about nothing.", False),
        ("- `AsyncAgent.chat` needs a model.", False),
        ("- `Agent.chats` is new.", False),
        ("- Agent.chat needs a model.", True),
        ("- `chat` needs a model.", True),
        ("- `chat(model)` is required.", True),
    ],
)
def test_a_line_of_the_changelog_names_the_member(sdk: Path, line: str, is_enough: bool) -> None:
    changelog = f"# Changelog\n\n## Unreleased\n\n{line}\n\n## 1.4.2\n"
    version = PYPROJECT.replace("1.4.2", "2.0.0")
    write(sdk, {SOURCE: CHANGED, "CHANGELOG.md": changelog, "pyproject.toml": version})
    assert (accept(sdk, "--dry-run").code == 0) == is_enough


def test_what_was_added_since_the_release_can_be_taken_back(sdk: Path) -> None:
    write(sdk, {SOURCE: ADDED})
    tpgen(sdk, "sdk", "Agent")
    git(sdk, "commit", "--quiet", "--all", "--message=an addition")
    write(sdk, {SOURCE: AGENT})
    assert "Agent.close: breaking" in run_pytest(sdk)
    assert accept(sdk).out.startswith(f"changed  {TEST}: close\n")
    assert (sdk / TEST).read_text() == STATED


def test_the_lock_file_has_the_version_too(sdk: Path) -> None:
    write(sdk, {SOURCE: CHANGED, "uv.lock": "version = 1\n"})
    assert "Then run `uv lock` and `tpgen sdk Agent --accept` again." in accept(sdk).err


def test_accept_demands_the_changelog_and_the_version(sdk: Path) -> None:
    write(sdk, {SOURCE: CHANGED})
    refused = accept(sdk)
    assert refused.code == 1
    assert refused.err == (
        "tpgen: nothing was written. Record the change of acme_sdk:Agent first:\n\n"
        "CHANGELOG.md, below `## Unreleased`:\n\n"
        "    - **Breaking:** `Agent.chat`: `model` was added and is required.\n\n"
        "pyproject.toml (v1.4.2 is the last release, and this is breaking):\n\n"
        '    version = "2.0.0"\n\n'
        "Then run `tpgen sdk Agent --accept` again.\n"
    )
    assert (sdk / TEST).read_text() == STATED
    # A line of the last release is no line about this change.
    line = "## Unreleased\n\n- **Breaking:** `Agent.chat` takes the model.\n"
    changelog = FILES["CHANGELOG.md"].replace("## Unreleased\n", line)
    write(sdk, {"CHANGELOG.md": changelog, "pyproject.toml": PYPROJECT.replace("1.4.2", "1.5.0")})
    refused = accept(sdk)
    assert "CHANGELOG.md" not in refused.err
    assert 'version = "2.0.0"' in refused.err
    write(sdk, {"pyproject.toml": PYPROJECT.replace("1.4.2", "2.0.0rc1")})
    assert accept(sdk, "--dry-run").out.count("+    def chat(self, message: str, model: str)") == 1
    said = accept(sdk)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"changed  {TEST}: chat\nrun      pytest {TEST}\n"
    assert (sdk / TEST).read_text() == STATED.replace(
        "chat(self, message: str)", "chat(self, message: str, model: str)"
    )
    assert "4 passed" in run_pytest(sdk)
    assert accept(sdk).out.startswith("there ")


def test_accept_of_an_addition_needs_a_minor_step_below_the_next_version(sdk: Path) -> None:
    write(sdk, {SOURCE: ADDED})
    assert 'version = "1.5.0"' in accept(sdk).err
    changelog = "## 1.5.0\n\n- `close` ends the connections.\n"
    write(sdk, {"CHANGELOG.md": changelog, "pyproject.toml": PYPROJECT.replace("4.2", "5.0")})
    assert accept(sdk).code == 0


def test_without_a_release_no_version_is_demanded(sdk: Path) -> None:
    git(sdk, "tag", "-d", "v1.4.2")
    write(sdk, {SOURCE: CHANGED, "CHANGELOG.md": "## Unreleased\n\n- `chat` takes the model.\n"})
    assert accept(sdk).code == 0
    assert "nothing was released yet" in tpgen(sdk, "sdk", "--last-release").out


def test_a_tagged_pre_release_is_not_the_last_release(sdk: Path) -> None:
    for tag in ("v2.0.0a1", "2.0.0-beta.1", "v2.0.0rc1", "v2.0.0.dev3", "v3.0.0-next.1", "v9", "7"):
        git(sdk, "tag", tag)
    git(sdk, "tag", "-d", "v9")
    assert last_tag(sdk) == ("v1.4.2", "1.4.2")
    git(sdk, "tag", "-d", "v1.4.2")
    assert last_tag(sdk) == ("", "")


def test_the_highest_release_is_the_last_one_also_after_a_correction_of_an_older_one(
    sdk: Path,
) -> None:
    git(sdk, "tag", "v2.0.0")
    git(sdk, "switch", "--quiet", "--create=old", "v1.4.2")
    git(sdk, "commit", "--quiet", "--allow-empty", "--message=a correction")
    git(sdk, "tag", "v1.4.10")
    assert last_tag(sdk) == ("v2.0.0", "2.0.0")
    git(sdk, "tag", "-d", "v2.0.0")
    assert last_tag(sdk) == ("v1.4.10", "1.4.10")


def test_the_line_that_accept_asks_for_is_enough(sdk: Path) -> None:
    version = PYPROJECT.replace("1.4.2", "2.0.0")
    changed = AGENT.replace("key: str, *,", "url: str, *,")
    assert changed != AGENT
    write(sdk, {SOURCE: changed, "pyproject.toml": version})
    lines = [each.strip() for each in accept(sdk).err.splitlines() if "- **Breaking" in each]
    assert "`Agent.__init__`" in lines[-1]
    write(sdk, {"CHANGELOG.md": "\n".join(["## Unreleased\n", *lines, ""])})
    assert accept(sdk).code == 0


def test_the_tests_of_the_last_release_run_against_the_working_tree(sdk: Path) -> None:
    said = tpgen(sdk, "sdk", "--last-release")
    assert (said.code, said.out) == (0, "v1.4.2: all 4 tests pass against the working tree\n")
    write(sdk, {SOURCE: CHANGED, TEST: STATED.replace("str) -> str", "str, model: str) -> str")})
    said = tpgen(sdk, "sdk", "--last-release")
    assert said.code == 1
    assert "v1.4.2: 1 of 4 tests fail against the working tree: breaking" in said.out
    assert "test_signature[chat]: " in said.out
    assert 'set `version = "2.0.0"` in pyproject.toml' in said.out
    write(sdk, {"pyproject.toml": PYPROJECT.replace("1.4.2", "2.0.0")})
    said = tpgen(sdk, "sdk", "--last-release")
    assert (said.code, "Version 2.0.0 makes the breaking step." in said.out) == (0, True)


def test_what_only_is_to_be_recorded_breaks_no_test_of_the_last_release(sdk: Path) -> None:
    write(sdk, {TEST: STATED})
    git(sdk, "add", "--all")
    git(sdk, "commit", "--quiet", "--allow-empty", "--message=test")
    git(sdk, "tag", "v1.4.3")
    write(sdk, {SOURCE: ADDED})
    said = tpgen(sdk, "sdk", "--last-release")
    assert (said.code, "v1.4.3: all" in said.out) == (0, True), said
    dynamic = PYPROJECT.replace('version = "1.4.2"', 'dynamic = ["version"]')
    write(sdk, {SOURCE: CHANGED, "pyproject.toml": dynamic})
    said = tpgen(sdk, "sdk", "--last-release")
    assert (said.code, "pyproject.toml states no version" in said.out) == (1, True), said


def test_a_class_of_an_installed_package(sdk: Path) -> None:
    said = tpgen(sdk, "sdk", "httpx:Timeout")
    assert said.out.startswith("wrote    tests/test_timeout_surface.py: ")
    assert 'of = "httpx:Timeout"' in (sdk / "tests/test_timeout_surface.py").read_text()


def test_refuses_a_module_that_ends_the_process(sdk: Path) -> None:
    for text, reason in (
        ("raise SystemExit(3)", "acme_sdk.broken can't be imported: SystemExit(3)"),
        ("import os\nos._exit(4)", "`python -m pytest_tpgen.surface` ends with 4 and says nothing"),
    ):
        write(sdk, {"src/acme_sdk/broken.py": f"{text}\n"})
        said = tpgen(sdk, "sdk", "acme_sdk.broken:B")
        assert (said.code, reason in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["Missing"], "there is no public class Missing in acme_sdk"),
        (["acme_sdk:Missing"], "acme_sdk has no Missing"),
        ([], "name a class: `tpgen sdk Agent`"),
        (["Agent", "--last-release"], "--last-release takes no other argument"),
        (["httpx:Client", "--accept"], "httpx:Client has no test yet: `tpgen sdk httpx:Client`"),
    ],
)
def test_refuses(sdk: Path, words: list[str], reason: str) -> None:
    said = tpgen(sdk, "sdk", *words)
    assert said.code == 2
    assert reason in said.err
    assert git(sdk, "status", "--porcelain") == ""


KIND = """\
[kinds.sdk]
help = "the public surface of a class that customers use"
introspect = "class"
tests = [
  { path = "tests/unit/test_{name}_surface.py", skeleton = "surface.py.j2", suites = ["surface.SurfaceSuite"] },
]
"""


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """An SDK with the policy of the template."""
    policy = "tests/policy"
    template = ROOT / "template/sdk" / policy
    copied = ("suites/surface.py", "skeletons/surface.py.j2")
    files = {f"{policy}/{path}": (template / path).read_text() for path in copied}
    packages = ("tests", "tests/unit", policy, f"{policy}/suites")
    files |= {f"{folder}/__init__.py": "" for folder in packages}
    layers = "[layers]\nunit = { io = false, by_default = true }\n"
    slow = "[slow]\nseconds = 1\n[time_limit]\nseconds = 30\n"
    files[f"{policy}/policy.toml"] = f"{slow}{layers}{KIND}"
    return project(tmp_path / "sdk", FILES | files)


def test_in_an_sdk_with_the_policy(rendered: Path) -> None:
    said = tpgen(rendered, "check", "--select", "TPG302")
    assert "sdk Agent has no test class that inherits from SurfaceSuite" in said.out
    assert "`tpgen sdk Agent` writes it" in said.out
    said = tpgen(rendered, "sdk", "Agent")
    path = "tests/unit/test_agent_surface.py"
    assert said.out.startswith(f"wrote    {path}: 3 members")
    written = (rendered / path).read_text()
    assert written == STATED.replace("pytest_tpgen.surface", "tests.policy.suites.surface")
    assert "TPG302" not in tpgen(rendered, "check", "--select", "TPG302").out
    assert tpgen(rendered, "sdk", "Agent").out.startswith("there ")
    with chdir(rendered):
        assert command_line.parser(["--help"]).format_help().count("public surface") == 1
