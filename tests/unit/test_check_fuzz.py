"""No rule breaks on what it reads: any bytes, and files that are damaged."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from tpgen.check import engine, registry
from tpgen.check.project import Project
from tpgen.core.errors import UserError

from tests.checking import write
from tests.conftest import ROOT

PLACES_OF_FUZZ = [
    "tests/test_a.py",
    "tests/conftest.py",
    "src/a.py",
    "tests/data.json",
    "tests/a.yaml",
    "tests/a.sql",
    "tests/__snapshots__/test_a.ambr",
    "tests/a.zip",
    ".gitleaks.toml",
    "pytest.ini",
    "Makefile",
    ".github/workflows/ci.yml",
    "tests/policy/policy.toml",
    "tests/policy/plugin.py",
]
SOURCES = sorted(
    [*ROOT.glob("tests/*/test_*.py"), *ROOT.glob("template/service/tests/policy/*.py")]
)


def broken_rules(root: Path, path: str, content: bytes) -> list[str]:
    """What the rules say of a fault of their own, over one file."""
    write(root, {path: content})
    try:
        found = engine.run(
            Project(root, frozenset([path])), [*registry.all_rules().values()]
        ).findings
    except UserError:
        found = []
    (root / path).unlink()
    return [one.message for one in found if "broke here" in one.message]


@given(path=st.sampled_from(PLACES_OF_FUZZ), content=st.binary(max_size=400))
def test_no_rule_breaks_on_any_bytes(tmp_path: Path, path: str, content: bytes) -> None:
    assert broken_rules(tmp_path, path, content) == []


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file of ours in which a few pieces were swapped, doubled or cut."""
    content = draw(st.sampled_from(SOURCES)).read_bytes()[:6_000]
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = start + draw(st.integers(0, 60))
        other = draw(st.integers(0, len(content)))
        piece = draw(st.sampled_from([b"", b"\0", b"(", b'"""', b"\n    ", content[other:][:60]]))
        content = content[:start] + piece + content[end:]
    return content


@given(path=st.sampled_from(PLACES_OF_FUZZ[:4]), content=mutated())
def test_no_rule_breaks_on_files_that_are_damaged(
    tmp_path: Path, path: str, content: bytes
) -> None:
    assert broken_rules(tmp_path, path, content) == []
