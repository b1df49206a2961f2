"""What the gate says of edited lines, by coverage data that state which test ran them."""

import pytest
from tpgen.census.records import Record
from tpgen.census.table import Cell, Census, Row
from tpgen.gate import case_rules, diff, line_rules
from tpgen.gate.facts import Facts, Measured

from tests.hooks import Repository, repository

MAIN = "shop/main.py"
TEST = "tests/integration/test_a.py::test_a"
POLICY = "[layers.integration]\nio = true\n[coverage]\nnew_code = 80\n"
AREA = '[tool.tpgen.areas]\nroutes = ["main.py"]\n'
APP = """\
def create_app():
    app = FastAPI(title="Shop")
    return app

app = create_app()
"""
MODELS = "class Loan: ...\n\nclass Book: ...\n"


@pytest.fixture
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = repository(tmp_path_factory.mktemp("shop"))
    made.commit(
        {
            "tests/policy/policy.toml": POLICY,
            "pyproject.toml": AREA,
            MAIN: APP,
            "shop/__init__.py": "",
            "shop/models.py": MODELS,
        }
    )
    return made


def judged(repo: Repository, *contexts: str) -> list[str]:
    """Judge an edited line 2, which ran in some contexts."""
    test = {"id": TEST, "layer": "integration", "outcome": "passed"}
    lines = dict.fromkeys((1, 2, 3, 5), True)
    measured = Measured(lines, [], {1: [""], 2: contexts, 3: contexts, 5: [""]})
    facts = Facts(Record({"tests": [test]}, repo.path), {MAIN: measured}, None)
    found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
    return [each.code for each in found]


def test_a_function_that_a_module_calls_runs_while_it_is_imported(repo: Repository) -> None:
    """No context of a test holds it, as with other lines outside of functions."""
    repo.write({MAIN: APP.replace("Shop", "A shop")})
    assert judged(repo, "") == []
    assert judged(repo, "tests/unit/test_b.py::test_b|run") == ["TPG604"]
    assert judged(repo, f"{TEST}|run") == []


def test_a_change_cannot_take_its_files_out_of_an_area(repo: Repository) -> None:
    repo.write({MAIN: APP.replace("Shop", "A shop"), "pyproject.toml": "[tool.tpgen]\n"})
    assert judged(repo, "tests/unit/test_b.py::test_b|run") == ["TPG604"]


def test_a_file_does_not_leave_its_area_by_being_moved(repo: Repository) -> None:
    repo.git("mv", MAIN, "shop/other.py")
    repo.write({"shop/other.py": APP.replace("Shop", "A shop")})
    measured = Measured(
        dict.fromkeys((1, 2, 3, 5), True), [], {2: ["tests/unit/test_b.py::test|run"]}
    )
    facts = Facts(Record({"tests": []}, repo.path), {"shop/other.py": measured}, None)
    found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
    assert [(each.code, each.path) for each in found] == [("TPG604", "shop/other.py")]


def test_a_change_cannot_lower_the_numbers_that_judge_it(repo: Repository) -> None:
    repo.write({MAIN: APP.replace("Shop", "A shop")})
    measured = Measured({1: True, 2: True, 3: False, 5: True}, [], {2: [f"{TEST}|run"]})
    facts = Facts(Record({"tests": []}, repo.path), {MAIN: measured}, None)
    for number in (80, 70):  # of the 75 % of the file
        repo.write({"tests/policy/policy.toml": POLICY.replace("80", str(number))})
        found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
        assert "TPG602" in {each.code for each in found}


TWO_MODELS = """\
class Note:
    pinned = {}

class User:
    size = {}
    def short(self):
        return 1
"""


@pytest.mark.parametrize(("note", "user", "codes"), [(2, 1, []), (1, 2, ["TPG604"])])
def test_lines_of_a_class_without_functions_run_on_import(
    note: int, user: int, codes: list[str], repo: Repository
) -> None:
    """A unit test of a function of another class in the module does not matter."""
    repo.commit({MAIN: TWO_MODELS.format(1, 1)})
    repo.write({MAIN: TWO_MODELS.format(note, user)})
    lines = dict.fromkeys((1, 2, 4, 5, 6, 7), True)
    contexts = {**{key: [""] for key in lines}, 7: ["tests/unit/test_b.py::test_b|run"]}
    facts = Facts(Record({"tests": []}, repo.path), {MAIN: Measured(lines, [], contexts)}, None)
    found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
    assert [each.code for each in found] == codes


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("name: Mapped[str] = mapped_column()", []),
        ("name = Column(String)", []),
        ("limit = 30", ["TPG604"]),
    ],
)
def test_a_field_needs_no_test_that_runs_a_method_beside_it(
    line: str, codes: list[str], repo: Repository
) -> None:
    model = "class User:\n    {}\n    def __repr__(self):\n        return 1\n"
    repo.commit({MAIN: model.format("x = 1")})
    repo.write({MAIN: model.format(line)})
    lines = {1: True, 2: True, 3: True, 4: False}
    contexts = {key: [""] for key in (1, 2, 3)}
    repo.write({"tests/policy/policy.toml": POLICY.replace("80", "1")})
    repo.git("commit", "--quiet", "--message=the target", "--", "tests/policy/policy.toml")
    facts = Facts(Record({"tests": []}, repo.path), {MAIN: Measured(lines, [], contexts)}, None)
    found, _ = line_rules.judge(repo.path, diff.read(repo.path, "HEAD"), facts, None)
    assert [each.code for each in found] == codes


def test_lines_that_new_settings_of_coverage_leave_out(repo: Repository) -> None:
    repo.write({MAIN: f'{APP}\n\ndef untested():\n    """Docs."""\n    return 1\n'})
    measured = Measured(dict.fromkeys((1, 2, 3, 5), True), [], {})
    facts = Facts(Record({"tests": []}, repo.path), {MAIN: measured}, None)
    for file, more, codes in (
        ("pyproject.toml", AREA, []),
        ("pyproject.toml", f"{AREA}[tool.coverage.report]\nfail_under = 80\n", []),
        (
            "pyproject.toml",
            f'{AREA}[tool.coverage.report]\nexclude_also = ["def untested"]\n',
            ["TPG601"],
        ),
        ("pyproject.toml", AREA, []),
        ("setup.cfg", "[flake8]\nmax-complexity = 9\n", []),
        ("setup.cfg", "[coverage:report]\nexclude_lines = untested\n", ["TPG601"]),
        ("setup.cfg", "", []),
        (".coveragerc", "[run]\nomit = shop/a.py\n", ["TPG601"]),
    ):
        repo.write({file: more})
        found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
        assert [each.code for each in found] == codes
        assert [each.line for each in found] == [8] * len(codes)


@pytest.mark.parametrize(
    ("now", "codes"),
    [(MODELS, ["TPG606"]), (MODELS + "x = 1\n", ["TPG606"]), (MODELS.partition("\n")[2], [])],
)
def test_a_deleted_component_needs_no_test(now: str, codes: list[str], repo: Repository) -> None:
    """Also where its module stays, with other components."""
    repo.write({"shop/models.py": now})
    case = "test_every_model_has_a_factory"
    known = {("factory Loan", case): "proved"}
    census = Census(Record({"tests": []}, repo.path), [])
    change = diff.read(repo.path, "main")
    places = {"factory Loan": "shop/models.py"}
    found, _ = case_rules.cases(repo.path, change, census, known, places)
    assert [each.code for each in found] == codes


def test_only_the_exempted_test_is_not_proved_for_an_unknown_base(repo: Repository) -> None:
    """Another route may have the same case, and the same reason."""
    exemption = '[[tool.tpgen.exempt]]\ncase = "TestMe.test_403"\nreason = "names no row"\n'
    repo.write({"pyproject.toml": exemption})
    rows = [
        Row(
            "route", f"route GET /{name}", "", 0, [Cell("test_403", "RouteSuite", "exempt", [test])]
        )
        for name, test in (("me", "a.py::TestMe::test_403[x]"), ("books", "a.py::TestB::test_403"))
    ]
    census = Census(Record({"tests": []}, repo.path), rows)
    found, _ = case_rules.cases(repo.path, diff.read(repo.path, "main"), census, None, {})
    assert ["route GET /me" in each.message for each in found] == [True]


@pytest.mark.parametrize(
    ("now", "codes"),
    [
        ("@get(\n    '/a',\n)\ndef a(\n    x,\n):\n    return x\n", []),
        ("# A comment.\n\n@get('/a')\ndef a(x):\n    return x  # so\n", []),
        ("@get('/a')\ndef a(x):\n    return x + 1\n", ["TPG605"]),
        ("@get('/b')\ndef a(x):\n    return x\n", ["TPG605"]),
    ],
)
def test_a_component_with_another_layout_is_not_edited(
    now: str, codes: list[str], repo: Repository
) -> None:
    repo.commit({MAIN: "@get('/a')\ndef a(x):\n    return x\n"})
    repo.write({MAIN: now})
    line = 1 + now.split("\n").index(next(each for each in now.split("\n") if "@get" in each))
    cell = Cell("test_happy_path", "RouteSuite", "missing")
    census = Census(
        Record({"tests": []}, repo.path), [Row("route", "route GET /a", MAIN, line, [cell])]
    )
    known = {("route GET /a", "test_happy_path"): "missing"}
    found, _ = case_rules.cases(repo.path, diff.read(repo.path, "main"), census, known, {})
    assert [each.code for each in found] == codes


def test_old_code_that_no_test_runs_is_said_beside_the_new(repo: Repository) -> None:
    """Else the next push would only find the second reason."""
    repo.write({MAIN: APP.replace("Shop", "A shop")})
    for missing, codes in (((2,), ["TPG601"]), ((2, 3), ["TPG601", "TPG602"])):
        lines = {line: line not in missing for line in (1, 2, 3, 5)}
        facts = Facts(Record({"tests": []}, repo.path), {MAIN: Measured(lines, [], {})}, None)
        found, _ = line_rules.judge(repo.path, diff.read(repo.path, "main"), facts, None)
        assert [each.code for each in found if each.code != "TPG604"] == codes
