"""The test of the public surface of a class: written, extended, and changed to what is there now."""

import ast
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from tpgen.core import policy
from tpgen.core.errors import UserError
from tpgen.core.files import Change
from tpgen.core.names import to_snake
from tpgen.core.service import POLICY, Service
from tpgen.introspect.reading import read_surface
from tpgen.source import trees

from . import skeletons
from .targets import read

KIND = "sdk"
SUITE = "pytest_tpgen.surface"
# As the skeleton of the policy, for a project without one.
NEW = '''\
"""The public surface of {class_name}, which customers' code relies on.

`{command} --accept` records an intended change.
"""

from {suite} import SurfaceSuite


class Test{class_name}Surface(SurfaceSuite):
    of = "{of}"
    stub = {stub}
'''


@dataclass(frozen=True)
class Stub:
    """The stub in a test file: the string at `start` to `end` of the text."""

    path: Path
    text: str
    start: int
    end: int
    value: str

    def replaced(self, stub: str) -> Change:
        """Return the change of the file that writes another stub."""
        margin = re.search(r"^[ \t]*(?=class )", self.value, re.MULTILINE)
        inside = indent(stub, margin[0] if margin else "")
        last = self.value.rpartition("\n")[2]
        literal = quoted("\n" + inside + (last if not last.strip() else ""))
        if "\r\n" in self.text:
            literal = literal.replace("\n", "\r\n")
        after = f"{self.text[: self.start]}{literal}{self.text[self.end :]}"
        return Change(self.path, self.text.encode(), after.encode())


@dataclass(frozen=True)
class Surface:
    """A class, its test, and what the engine says of both.

    Attributes:
        of: the class, as `package.module:Class`.
        path: the test file.
        stub: the stub in it; None if there is no test yet.
        answer: what the engine says.
    """

    of: str
    path: Path
    stub: Stub | None
    answer: Mapping[str, Any]

    @property
    def class_name(self) -> str:
        return re.split("[:.]", self.of)[-1]

    @property
    def changes(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.answer["changes"]
        return found

    @property
    def is_breaking(self) -> bool:
        return any(change["is_breaking"] for change in self.changes.values())


def class_of(service: Service, name: str) -> str:
    """Return a class as `package.module:Class`, from its name among the public ones, or as given.

    Raises:
        UserError: no class or several have this name.
    """
    if ":" in name:
        return name
    packages = [package.name for package in service.packages]
    found = read_surface(service, {"name": name, "packages": packages})["found"]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UserError(f"{name} may be {' or '.join(found)}: say which, as package.module:Class")
    known = ", ".join(packages) or f"a folder with modules in {service.root}"
    raise UserError(
        f"there is no public class {name} in {known}: name another class, as package.module:Class"
    )


def read_class(service: Service, of: str, stated: str) -> Surface:
    """Return a class and its test.

    Args:
        stated: the version of the project; empty if it is not known.

    Raises:
        UserError: the class or the stub can't be read.
    """
    stub = _stub(service, of)
    answer = _compared(service, of, stub, stated)
    return Surface(of, stub.path if stub else _new_path(service, of), stub, answer)


def since_release(service: Service, surface: Surface, before: bytes, stated: str) -> Surface:
    """Return what differs from the last release, in the members that differ from the test now.

    Args:
        before: the test file at the last release.
        stated: the version of the project.

    Raises:
        UserError: that test can't be read.
    """
    stub = _stub_in(surface.path, before.decode(errors="replace"), surface.of)
    if stub is None:
        return surface
    answer = _compared(service, surface.of, stub, stated)
    changes = {name: each for name, each in answer["changes"].items() if name in surface.changes}
    return replace(surface, answer={**answer, "changes": changes})


def _compared(service: Service, of: str, stub: Stub | None, stated: str) -> Mapping[str, Any]:
    text = dedent(stub.value).strip() + "\n" if stub else ""
    return read_surface(service, {"of": of, "stub": text, "stated": stated})


def written(service: Service, surface: Surface, command: str) -> Change | None:
    """Return the change that writes the test, or adds the missing members; None if all are there."""
    if surface.stub:
        is_complete = not surface.answer["missing"]
        return None if is_complete else surface.stub.replaced(surface.answer["stub"])
    context = {
        "of": surface.of,
        "class_name": surface.class_name,
        "command": command,
        "stub": quoted("\n" + surface.answer["stub"]),
        "suite": SUITE,
    }
    kind = _kind(service)
    if kind:
        module, _, _ = kind.tests[0].suites[0].rpartition(".")
        context["suite"] = f"tests.policy.suites.{module}"
        text = skeletons.render(service, kind.tests[0].skeleton, context)
    else:
        text = NEW.format_map(context)
    return Change(surface.path, None, text.encode())


def accepted(surface: Surface) -> Change | None:
    """Return the change that writes the members as they are now; None if nothing changed."""
    if surface.stub is None or not surface.changes:
        return None
    return surface.stub.replaced(surface.answer["accepted"])


def quoted(text: str) -> str:
    """Return a literal of several lines."""
    marks = "'''" if '"""' in text or text.endswith('"') else '"""'
    if marks in text or ("\\" in text and text.endswith("\\")):
        return repr(text)
    prefix = "r" if "\\" in text else ""
    return f"{prefix}{marks}{text}{marks}"


def changelog_lines(surface: Surface, text: str, headings: Collection[str]) -> list[str]:
    """Return the lines that a changelog lacks: each changed member needs one that names it.

    Args:
        text: of the changelog.
        headings: below which a line counts, such as "Unreleased".
    """
    section = _section(text, headings)
    missing = []
    for name, change in surface.changes.items():
        if not re.search(_named(surface.class_name, name), section):
            full = surface.class_name if name == "class" else f"{surface.class_name}.{name}"
            mark = "**Breaking:** " if change["is_breaking"] else ""
            missing.append(f"- {mark}`{full}`: {'; '.join(change['words'])}.")
    return missing


def _named(class_name: str, member: str) -> str:
    """Return the pattern of a text that names a member: `Agent.chat`, or `chat` as code."""
    owner, name = re.escape(class_name), re.escape(member)
    if member in ("class", "__init__"):
        return rf"(?<![\w.]){owner}(?:\.__init__)?(?![\w.]\w)"
    return rf"(?<!\w){owner}\.{name}(?!\w)|`{name}[`(]|(?<![\w.]){name}\("


def _section(text: str, headings: Collection[str]) -> str:
    """Return what stands below some headings of the second level."""
    found = []
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        words = re.findall(r"[\w.+-]+", title.lower())
        if any(heading.lower() in words for heading in headings):
            found.append(body)
    return "\n".join(found)


def _kind(service: Service) -> policy.Kind | None:
    if not (service.root / POLICY).is_file():
        return None
    return policy.kinds(service.root).get(KIND)


def _new_path(service: Service, of: str) -> Path:
    name = to_snake(re.split("[:.]", of)[-1])
    kind = _kind(service)
    pattern = kind.tests[0].path if kind else "tests/test_{name}_surface.py"
    path = Path(pattern.replace("{name}", name))
    if (service.root / path).exists():  # the test of a class of the same name
        path = Path(pattern.replace("{name}", f"{of.partition(':')[0].replace('.', '_')}_{name}"))
    if (service.root / path).exists():
        raise UserError(f"{path} exists, and has no class with `of = {of!r}`: move or correct it")
    return path


def _stub(service: Service, of: str) -> Stub | None:
    """Return the stub of a class in the tests."""
    for file in sorted((service.root / "tests").rglob("test_*.py")):
        path = file.relative_to(service.root)
        text = read(service, path) or ""
        if of in text and (found := _stub_in(path, text, of)):
            return found
    return None


def _stub_in(path: Path, text: str, of: str) -> Stub | None:
    try:
        tree = ast.parse(text.encode())  # which may begin with a BOM
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno} can't be read ({error.msg})") from None
    for owner in trees.classes(tree):
        stated = {
            name: line.value
            for line in owner.body
            if isinstance(line, ast.Assign | ast.AnnAssign)
            for name in trees.names(line)
        }
        subject, stub = stated.get("of"), stated.get("stub")
        if getattr(subject, "value", None) != of:
            continue
        if isinstance(stub, ast.Constant) and isinstance(stub.value, str):
            return Stub(path, text, *_place(text, stub), stub.value)
        raise UserError(f"{path}:{owner.lineno}: {owner.name} needs a text `stub` in quotes")
    return None


def _place(text: str, node: ast.Constant) -> tuple[int, int]:
    """Return where an expression stands in a text."""
    lines = trees.lines(text)

    def offset(line: int, column: int) -> int:
        before = sum(map(len, lines[: line - 1]))
        # Python counts the columns in bytes.
        return before + len(lines[line - 1].encode()[:column].decode())

    end_line, end_column = node.end_lineno or 0, node.end_col_offset or 0
    return offset(node.lineno, node.col_offset), offset(end_line, end_column)
