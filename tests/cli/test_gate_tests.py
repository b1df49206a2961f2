"""What the gate says of edited tests and snapshots, by records that state what ran."""

from pathlib import Path
from typing import Any

import pytest
from tpgen.census.records import Record
from tpgen.gate import diff, edited_tests
from tpgen.gate.facts import Facts

from tests.hooks import Repository, repository

FILE = "tests/integration/test_a.py"
SNAPSHOT = "tests/integration/__snapshots__/test_a.ambr"
INHERITED = """\
class Base:
    def test_a(self):
        {}


class TestB(Base):
    x = 1
"""
NESTED = """\
class TestA:
    class TestB:
        def test_a(self):
            {}
"""
OF_MODULE = """\
EXPECTED = {}


async def test_a(client, snapshot):
    body = await client.get("/a")
    assert body["id"] == EXPECTED
    assert body == snapshot
"""
AMBR = "# serializer version: 1\n# name: test_a\n  dict({{\n    'id': {},\n  }})\n# ---\n"


NOTHING_ELSE: dict[str, Any] = {"uncollected": [], "files": {}}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = repository(tmp_path / "repo")
    made.commit({"tests/policy/policy.toml": "[layers.contract]\nby_default = false\n"})
    return made


BELOW_IF = """\
if True:
    def test_a():
        {}
"""


def facts(repo: Repository, name: str, assertions: int | None, **more: Any) -> Facts:
    test: dict[str, Any] = {
        "id": f"{FILE}::{name}",
        "file": FILE,
        "line": 1,
        "outcome": "passed",
        "reason": None,
        "assertions": assertions,
        "requests": [],
    }
    return Facts(Record({"tests": [test | more], **NOTHING_ELSE}, repo.path), {}, None)


@pytest.mark.parametrize(
    ("text", "name"),
    [(INHERITED, "TestB::test_a"), (NESTED, "TestA::TestB::test_a"), (BELOW_IF, "test_a")],
)
@pytest.mark.parametrize("assertions", [0, 1])
def test_the_assertions_of_inherited_and_nested_tests(
    text: str, name: str, assertions: int, repo: Repository
) -> None:
    repo.commit({FILE: text.format("assert 1")})
    repo.write({FILE: text.format("assert 1" if assertions else "pass") + "# edited\n"})
    change = diff.read(repo.path, "main")
    found = [*edited_tests.weakened(repo.path, change, facts(repo, name, assertions))]
    assert [each.code for each in found] == ["TPG607"] * (not assertions)


def test_an_assertion_in_an_imported_helper(repo: Repository) -> None:
    """The run does not count it: the names of helpers tell."""
    repo.commit({FILE: "def test_a():\n    expect_status(get(), 409)\n"})
    for now, assertions, codes in (
        ("expect_status(get(), 410)", None, []),
        ("get().read()", 0, ["TPG607"]),
    ):
        repo.write({FILE: f"def test_a():\n    {now}\n"})
        change = diff.read(repo.path, "main")
        found = edited_tests.weakened(repo.path, change, facts(repo, "test_a", assertions))
        assert [each.code for each in found] == codes


SKIPIF = """\
import shutil
SLOW = {}

@pytest.mark.skipif(shutil.which("oracle") is None, reason="needs the oracle client")
def test_parse():
    assert parse() == 1

class TestOthers:
    {}
    def test_b(self):
        assert SLOW
"""
CONDITION = """\
SLOW = {}
slow = pytest.mark.skipif(SLOW, reason="slow disk")

@slow
def test_parse():
    assert parse() == 1
"""
IN_SET_UP = """\
class TestA(unittest.TestCase):
    def setUp(self):
        {}

    {}
    def test_parse(self):
        self.assertEqual(parse(), 1)
"""


@pytest.mark.parametrize(
    ("before", "now", "is_new"),
    [
        (SKIPIF.format(1, "x = 1"), SKIPIF.format(1, "x = 1").replace("(shu", "(\n  shu"), False),
        (SKIPIF.format(1, "x = 1"), SKIPIF.format(1, '@pytest.mark.skip("#9")'), False),
        (SKIPIF.format(1, "x = 1"), SKIPIF.format("2\nSKIPPED_SKUS = []", "x = 1"), False),
        (CONDITION.format(False), CONDITION.format(True), True),
        (IN_SET_UP.format("x()", "x = 1"), IN_SET_UP.format("self.skipTest(1)", "x = 1"), True),
        (
            IN_SET_UP.format("x()", "").replace("def setUp", "async def asyncSetUp"),
            IN_SET_UP.format("raise SkipTest()", "").replace("def setUp", "async def asyncSetUp"),
            True,
        ),
        (CONDITION.format(1), CONDITION.format(1) + "    raise pytest.skip.Exception(1)\n", True),
        (IN_SET_UP.format("x()", ""), IN_SET_UP.format("x()", "@unittest.expectedFailure"), True),
        (CONDITION.format(1), CONDITION.format(1) + "pytestmark = pytest.mark.xfail\n", True),
        (CONDITION.format(1), CONDITION.format(1) + "pytest.importorskip('x')\n", True),
    ],
)
def test_a_skip_that_was_there_is_not_of_the_change(
    before: str, now: str, is_new: bool, repo: Repository
) -> None:
    """Whatever its lines look like; the values that it uses belong to it."""
    repo.commit({FILE: before})
    repo.write({FILE: now + "# edited\n"})
    name = "TestA::test_parse" if "TestA" in now else "test_parse"
    known = facts(repo, name, None, outcome="skipped", reason="skipped")
    found = edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)
    assert [each.code for each in found] == ["TPG607"] * is_new


def left_out(repo: Repository, file: str, name: str, reason: str) -> list[str]:
    """What the gate says if pytest did not run something."""
    test = {"file": file, "line": 0, "name": name, "reason": reason}
    content = {"tests": [], "uncollected": [test], "files": {}}
    known = Facts(Record(content, repo.path), {}, None)
    found = [*edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)]
    assert {each.code for each in found} <= {"TPG607"}
    return [each.message for each in found]


def test_a_class_that_is_no_longer_collected(repo: Repository) -> None:
    repo.commit({FILE: INHERITED.format("assert 1")})
    repo.write({FILE: INHERITED.format("assert 1") + "    __test__ = False\n"})
    (message,) = left_out(repo, FILE, "TestB", "`__test__` is False")
    assert message.startswith(f"{FILE}::TestB is not collected since this change")


def test_a_module_that_skips_itself(repo: Repository) -> None:
    """Only if the change lets it."""
    skipped = f"import pytest\npytest.importorskip('x')\n{INHERITED.format('assert 1')}"
    repo.commit({FILE: INHERITED.format("assert 1")})
    repo.write({FILE: skipped})
    (message,) = left_out(repo, FILE, "", "Skipped: could not import 'x'")
    assert message.startswith(f"{FILE} is not collected since this change: Skipped")
    repo.git("commit", "--quiet", "--all", "--message=skips")
    repo.git("branch", "--force", "other")
    repo.write({FILE: f"{skipped}# edited\n"})
    test = {"file": FILE, "line": 0, "name": "", "reason": "Skipped: could not import 'x'"}
    content = {"tests": [], "uncollected": [test], "files": {}}
    known = Facts(Record(content, repo.path), {}, None)
    assert [*edited_tests.weakened(repo.path, diff.read(repo.path, "other"), known)] == []


def test_a_file_that_moves_to_a_layer_that_runs_only_by_name(repo: Repository) -> None:
    repo.commit({FILE: "def test_a():\n    assert 1\n"})
    (repo.path / "tests/contract").mkdir()
    repo.git("mv", FILE, "tests/contract/test_a.py")
    (message,) = left_out(repo, "tests/contract/test_a.py", "test_a", "deselected")
    assert message.startswith("tests/contract/test_a.py was moved to the layer contract")
    repo.git("commit", "--quiet", "--all", "--message=moved")
    (repo.path / "tests/contract/deep").mkdir()
    repo.git("mv", "tests/contract/test_a.py", "tests/contract/deep/test_a.py")
    assert left_out(repo, "tests/contract/deep/test_a.py", "test_a", "deselected") == []


OLD_TABLE = "[tool.pytest.ini_options]\naddopts = {}\n"


@pytest.mark.parametrize(
    ("file", "table", "before", "now", "said"),
    [
        ("pyproject.toml", OLD_TABLE, '"-q"', "\"-q -m 'not slow'\"", "-m not slow"),
        (
            "pyproject.toml",
            OLD_TABLE,
            '["-q"]',
            '["-q", "--ignore=tests/perf"]',
            "--ignore=tests/perf",
        ),
        ("pyproject.toml", OLD_TABLE, '"-m slow"', '"-m slow -q"', ""),
        ("pyproject.toml", "[tool.pytest]\naddopts = {}\n", "[]", '["-m", "a"]', "-m a"),
        ("pytest.toml", "[pytest]\naddopts = {}\n", "[]", '["--deselect=a"]', "--deselect=a"),
        ("pytest.ini", "[pytest]\naddopts =\n    -q\n    {}\n", "-v", "--ignore=a", "--ignore=a"),
        ("tox.ini", "[pytest]\naddopts = {}\n", "-q", "-q", ""),
        ("setup.cfg", "[tool:pytest]\naddopts = {}\n", "", "-k 'not a'", "-k not a"),
        ("setup.cfg", "[flake8]\naddopts = {}\n", "", "-k 'not a'", ""),
    ],
)
def test_addopts_that_leave_out_more(
    file: str, table: str, before: str, now: str, said: str, repo: Repository
) -> None:
    repo.commit({file: table.format(before)})
    repo.write({file: f"{table.format(now)}\n# edited\n"})
    found = left_out(repo, "tests/perf/test_a.py", "test_a", "deselected")
    assert found == [f"addopts leave out tests since this change: {said}; remove them"] * bool(said)


@pytest.mark.parametrize(
    "edited",
    [{"pytest.ini": "[pytest]\ntestpaths = tests/unit\n"}, {"tests/conftest.py": "x = 1\n"}],
)
def test_a_file_that_pytest_no_longer_finds(edited: dict[str, str], repo: Repository) -> None:
    """Only edited settings, or a conftest, can be the cause."""
    repo.commit({FILE: "def test_a():\n    assert 1\n", "tests/unit/test_b.py": "x = 1\n"})
    files = dict.fromkeys((FILE, "tests/unit/test_b.py"), "hash")
    known = Facts(Record({"tests": [], "uncollected": [], "files": files}, repo.path), {}, None)
    repo.write({"shop.py": ""})
    assert [*edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)] == []
    repo.write(edited)
    [found] = edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)
    assert (found.path, found.code) == (FILE, "TPG607")
    assert (
        f"no test of it was collected, and this change edits {next(iter(edited))}" in found.message
    )


def test_a_parameter_that_asserts_nothing_beside_one_that_does(repo: Repository) -> None:
    text = "def test_a(x):\n    for each in x:\n        assert each\n"
    repo.commit({FILE: text})
    repo.write({FILE: f"{text}\n\ndef test_b():\n    assert 1\n"})
    tests = [facts(repo, f"test_a[{n}]", n).record.tests[0] for n in range(2)]
    known = Facts(Record({"tests": tests, **NOTHING_ELSE}, repo.path), {}, None)
    assert [*edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)] == []


def test_one_finding_for_all_parameters_of_a_test(repo: Repository) -> None:
    repo.commit({FILE: "def test_a(x):\n    assert x\n"})
    repo.write({FILE: "def test_a(x):\n    pass\n"})
    tests = [facts(repo, f"test_a[{n}]", 0).record.tests[0] for n in range(3)]
    known = Facts(Record({"tests": tests, **NOTHING_ELSE}, repo.path), {}, None)
    assert len([*edited_tests.weakened(repo.path, diff.read(repo.path, "main"), known)]) == 1


def test_only_an_edited_assertion_goes_with_a_snapshot(repo: Repository) -> None:
    repo.commit({FILE: OF_MODULE.format(1), SNAPSHOT: AMBR.format(1)})
    for old, new, codes in (
        ("    assert body", "    more = 1\n    assert body", ["TPG608"]),
        ("    assert body", "    assert more == 1\n    assert body", []),
        ('await client.get("/a")', 'await client.get("/a?b")', []),
    ):
        repo.write({SNAPSHOT: AMBR.format(2), FILE: OF_MODULE.format(1).replace(old, new, 1)})
        change = diff.read(repo.path, "main")
        found = edited_tests.silent_snapshots(repo.path, change, facts(repo, "test_a", 2))
        assert [each.code for each in found] == codes


def test_a_comment_is_no_assertion(repo: Repository) -> None:
    repo.commit({FILE: OF_MODULE.format(1), SNAPSHOT: AMBR.format(1)})
    text = OF_MODULE.format(1).replace("== snapshot", "== snapshot  # a remark")
    repo.write({SNAPSHOT: AMBR.format(2), FILE: text})
    change = diff.read(repo.path, "main")
    found = edited_tests.silent_snapshots(repo.path, change, facts(repo, "test_a", 2))
    assert [each.code for each in found] == ["TPG608"]


@pytest.mark.parametrize("is_asserted", [False, True])
def test_an_expected_value_of_the_module_belongs_to_its_tests(
    is_asserted: bool, repo: Repository
) -> None:
    repo.commit({FILE: OF_MODULE.format(1), SNAPSHOT: AMBR.format(1)})
    repo.write({SNAPSHOT: AMBR.format(2), FILE: OF_MODULE.format(2 if is_asserted else 1)})
    change = diff.read(repo.path, "main")
    found = [*edited_tests.silent_snapshots(repo.path, change, facts(repo, "test_a", 2))]
    assert [each.code for each in found] == ["TPG608"] * (not is_asserted)


def test_files_that_a_run_does_not_hash_are_not_new(repo: Repository) -> None:
    repo.commit(
        {
            "node_modules/tool/setup.py": "",
            "site-packages/x.py": "",
            "env/pyvenv.cfg": "",
            "env/lib/deep/x.py": "",
            ".hidden/x.py": "",
        }
    )
    record = Record({"files": {}}, repo.path)
    assert record.stale == ["tests/policy/policy.toml"]
    repo.write({"src/node.py": "", ".coveragerc": ""})
    record = Record({"files": {}}, repo.path)
    assert sorted(record.stale) == [
        ".coveragerc",
        "src/node.py",
        "tests/policy/policy.toml",
    ]
