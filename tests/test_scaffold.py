"""`tpgen KIND NAME`, on components that were not written with a skeleton in view."""

import ast
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import indent

import pytest

from tests.service import Service, Suite

SAMPLES = Path(__file__).parent / "samples/components"
STEPS = "tests/unit/pipeline/steps"
REQUESTS = "tests/integration/pipeline"
PACKAGE = "src/gateway"
BLANK = "leaves a blank; write there"


@dataclass(frozen=True)
class Sample:
    """A component, what a person fills into its test, and ways to break it.

    Attributes:
        command: what is typed.
        test: the unit test file that it gives.
        filled: what takes the place of each blank, by the line that it begins with.
        file: the component's file, in the package.
        mutations: an edit of it, and the cases that must fail.
    """

    command: str
    test: str
    filled: Mapping[str, str]
    file: str
    mutations: Mapping[tuple[str, str], set[str]] = field(default_factory=dict)


WRITE = 'message = "write 123456 to /etc/passwd"'
SAMPLE_STEPS = [
    Sample(
        "step detect_secrets",
        f"{STEPS}/test_detect_secrets.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("secret", 6, 12)]
redacted = "write [secret] to /etc/passwd\"""",
            "answer": 'answer = "1"',
        },
        "pipeline/steps/detect_secrets.py",
        {
            ("        return found\n", "        return []\n"): {"test_detects"},
            ("ctx.react(found, self.on_detection)", "pass"): {"test_redacts"},
        },
    ),
    Sample(
        "step mask_numbers",
        f"{STEPS}/test_mask_numbers.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("number", 6, 12)]
redacted = "write [number] to /etc/passwd\"""",
        },
        "pipeline/steps/mask_numbers.py",
        {
            (r"\d+", r"\w+"): {"test_detects", "test_redacts"},
            ("ctx.react(found, self.on_detection)", "pass"): {"test_redacts"},
        },
    ),
    Sample(
        "step toxicity",
        f"{STEPS}/test_toxicity.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("word", 0, 5)]
redacted = "[word] 123456 to /etc/passwd\"""",
        },
        "pipeline/engines.py",
        {
            ("return found", "return found * 2"): {"test_detects"},
            ("self.on_detection = on_detection", 'self.on_detection = "flag"'): {"test_redacts"},
        },
    ),
    Sample(
        "step FindURLs",
        f"{STEPS}/test_find_urls.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("url", 16, 27)]
redacted = "write 123456 to [url]\"""",
        },
        "pipeline/steps/misc.py",
        {
            ("[*self.finder(ctx.user_message)]", "[]"): {"test_detects", "test_redacts"},
        },
    ),
    Sample(
        "step file-paths",
        f"{STEPS}/test_file_paths.py",
        {
            "detections": f"""{WRITE}
detections = [Detection("path", 16, 27)]
redacted = "write 123456 to [path]\"""",
        },
        "pipeline/steps/misc.py",
        {('"/etc/"', '"/opt/"'): {"test_detects", "test_redacts"}},
    ),
]
SAMPLE_VAULTS = [
    Sample(
        "vault memory",
        "tests/integration/vault/test_memory.py",
        {},
        "vault_memory.py",
        {
            ("return versions[version or", "return versions[None or"): {
                "test_an_old_version_stays_readable"
            },
            ('await record("secret.deleted", tenant_id)', "pass"): {
                "test_a_deleted_secret_is_unreadable_and_audited"
            },
        },
    ),
    Sample(
        "vault sealed",
        "tests/integration/vault/test_sealed.py",
        {},
        "vault_sealed.py",
        {
            ("self.cipher.encrypt(nonce, value.encode(), self.prefix)", "value.encode()"): {
                "test_round_trip",
                "test_raw_rows_never_hold_the_plaintext",
                "test_equal_plaintexts_leave_no_equal_cells",
                "test_an_old_version_stays_readable",
                "test_a_deleted_secret_is_unreadable_and_audited",
            },
        },
    ),
]
SAMPLE_CLIENTS = [
    Sample(
        "client stripe",
        "tests/unit/test_stripe.py",
        {"answer": 'answer = {"available": "12"}\nresult = 12'},
        "clients/stripe.py",
        {
            ("        response.raise_for_status()\n", ""): {"test_tells_of"},
            ('["available"])', '["available"]) + 1'): {"test_returns_what_the_upstream_answers"},
        },
    ),
    Sample(
        "client weather",
        "tests/unit/test_weather.py",
        {"answer": 'answer = {"forecast": "rain"}\nresult = "rain"'},
        "weather.py",
        {("httpx.HTTPError, ", ""): {"test_tells_of"}},
    ),
]
ALL = SAMPLE_STEPS + SAMPLE_VAULTS + SAMPLE_CLIENTS


def fill(service: Service, sample: Sample) -> None:
    """Do what a person does with the blanks: write lines in the place of each."""
    path = service.path / sample.test
    lines = path.read_text().splitlines()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign | ast.AnnAssign) and "blank(" in ast.unparse(node):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            said = indent(sample.filled[ast.unparse(target)], " " * node.col_offset)
            # The number of lines stays, so that the other places do.
            height = (node.end_lineno or 0) - node.lineno + 1
            lines[node.lineno - 1 : node.end_lineno] = [said, *[""] * (height - 1)]
    path.write_text("\n".join(lines) + "\n")
    service.run("ruff", "format", sample.test)
    service.run("ruff", "check", "--fix", "--select=F401", sample.test)


@pytest.fixture(scope="module")
def scaffolded(rendered: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service with all samples, and the tests that the commands write for them."""
    service = rendered.copy(tmp_path_factory.mktemp("scaffolded") / "service")
    for sample in SAMPLES.rglob("*.txt"):
        target = service.path / PACKAGE / sample.relative_to(SAMPLES).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sample, target)
    for one in ALL:
        done = service.tpgen(*one.command.split())
        assert done.code == 0, done.text
    return service


@pytest.fixture(scope="module")
def filled(scaffolded: Service, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """The same, after a person said what no tool can know."""
    service = scaffolded.copy(tmp_path_factory.mktemp("filled") / "service")
    for one in ALL:
        fill(service, one)
    return service


UNIT = [one.test for one in ALL]


def test_as_written_only_what_has_a_blank_fails(scaffolded: Service) -> None:
    """And it says so; each other case passes."""
    done = scaffolded.pytest("-q", *UNIT)
    assert done.failed == {
        "test_detects",
        "test_redacts",
        "test_returns_what_the_upstream_answers",
        "test_tells_of",
    }, done.text
    assert done.text.count(BLANK) == done.count("failed") == 2 * 5 + 2 * 5, done.text


def test_filled_all_pass(filled: Service) -> None:
    done = filled.pytest("-q", *UNIT)
    assert (done.code, done.count("failed")) == (0, 0), done.text
    assert done.count("passed") == 10 + 10 + 10


@pytest.mark.parametrize("service_name", ["scaffolded", "filled"])
def test_what_is_written_is_linted_formatted_and_typed(
    service_name: str, request: pytest.FixtureRequest
) -> None:
    service: Service = request.getfixturevalue(service_name)
    for command in (["ruff", "check", "tests"], ["ruff", "format", "--check"], ["mypy"]):
        done = service.run(*command)
        assert done.code == 0, done.text


MUTATIONS = [
    pytest.param(one, edit, red, id=f"{one.command}-{number}")
    for one in ALL
    for number, (edit, red) in enumerate(one.mutations.items())
]


@pytest.mark.parametrize(("sample", "edit", "red"), MUTATIONS)
def test_each_case_is_able_to_fail(
    sample: Sample,
    edit: tuple[str, str],
    red: set[str],
    filled: Service,
    suite: Suite,
    tmp_path: Path,
) -> None:
    broken = filled.copy(tmp_path / "service")
    broken.replace(f"{PACKAGE}/{sample.file}", *edit)
    failed, text = suite.red(broken, sample.test)
    assert {name.partition("::")[2].partition("[")[0] for name in failed} == red, text
