"""The baseline: the findings that a project had when it adopted the policy.

An entry names file, rule and symbol, and how many findings there are. It covers no other file and
no other function, and lines may move.
"""

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tpgen.core import files
from tpgen.core.errors import UserError
from tpgen.core.finding import Finding

from . import registry
from .file import Unreadable
from .places import is_python
from .project import Project
from .rule import CODE_OF_BASELINE, CODE_OF_EXEMPTIONS, Rule
from .tests import functions

WHERE = "tpgen-baseline.json"
COMMAND = "tpgen check --write-baseline"
VERSION = 1
KEYS = ("path", "rule", "symbol", "count")
# These are about exceptions themselves.
NEVER = {CODE_OF_EXEMPTIONS, CODE_OF_BASELINE}

# The path, the code of the rule and the symbol.
Entry = tuple[str, str, str]


def uncovered(
    entries: Mapping[Entry, int], project: Project, found: Iterable[Finding]
) -> list[Finding]:
    """Return the findings that are new: of a symbol with too many, the last ones."""
    left, new = Counter(entries), []
    keys = {entry[:2] for entry in entries}
    for finding in sorted(found, key=lambda finding: finding.order):
        is_known = (finding.path, finding.code) in keys and finding.level != "note"
        entry = (finding.path, finding.code, symbol(project, finding) if is_known else "")
        if is_known and left[entry] > 0:
            left[entry] -= 1
        else:
            new.append(finding)
    return new


def stale(
    entries: Counter[Entry], project: Project, rules: Sequence[Rule], found: Iterable[Finding]
) -> Iterator[Finding]:
    """Yield a warning for each entry that covers more than there is."""
    ran = {rule.code for rule in rules}
    paths = {path for path, _code, _name in entries}
    now = _counted(project, (finding for finding in found if finding.path in paths))
    for (path, code, name), number in sorted((entries - now).items()):
        if (code in ran or code not in registry.all_rules()) and project.is_asked(path):
            place = f"{path}: {name}" if name else path
            message = (
                f"{number} of the findings of {code} in {place} no longer exist: "
                f"`{COMMAND}` updates the baseline"
            )
            yield Finding(WHERE, 1, 1, message, CODE_OF_BASELINE, "warning")


def read(root: Path) -> Counter[Entry]:
    """Return the entries of a baseline, each with its number of findings."""
    try:
        content = json.loads((root / WHERE).read_bytes())
        if content["version"] != VERSION:
            raise ValueError(f"version {content['version']} is not {VERSION}")
        entries = Counter[Entry]()
        for table in content["findings"]:
            path, code, name, count = (table[key] for key in KEYS)
            if not all(isinstance(text, str) for text in (path, code, name)):
                raise TypeError(f"an entry is {table}")
            entries[path, code, name] = int(count)
        return entries
    except FileNotFoundError:
        return Counter()
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UserError(
            f"{WHERE} can't be read ({error!r}): restore it from Git, or `{COMMAND}` writes it"
        ) from None


def write(project: Project, rules: Sequence[Rule], found: Iterable[Finding]) -> int:
    """Write the findings as the baseline of a project; return how many there are."""
    lasting = {rule.code for rule in rules if not rule.diff_only} - NEVER
    kept = [finding for finding in found if finding.code in lasting and finding.level != "note"]
    entries = _counted(project, kept)
    before = (project.root / WHERE).read_bytes() if (project.root / WHERE).exists() else None
    change = files.Change(Path(WHERE), before, as_text(entries).encode())
    files.write(project.root, [change])
    return entries.total()


def as_text(entries: dict[Entry, int]) -> str:
    """Return the file: an entry a line, sorted, so that Git can merge it."""
    lines = [
        json.dumps(dict(zip(KEYS, (*entry, count), strict=True)))
        for entry, count in sorted(entries.items())
    ]
    inner = ",\n".join(f"    {line}" for line in lines)
    return f'{{\n  "version": {VERSION},\n  "findings": [\n{inner}\n  ]\n}}\n'


def symbol(project: Project, finding: Finding) -> str:
    """Return the class and function around a finding, such as `TestA.test_b`; empty outside."""
    file = project.file(finding.path)
    if file is None or not is_python(finding.path):
        return ""
    try:
        nodes = [*functions(file), *file.nodes(ast.ClassDef)]
    except Unreadable:
        return ""
    around = []
    for node in nodes:
        first = min(part.lineno for part in [node, *node.decorator_list])
        if first <= finding.line <= (node.end_lineno or first):
            around.append((first, node.name))
    return ".".join(name for _line, name in sorted(around))


def _counted(project: Project, found: Iterable[Finding]) -> Counter[Entry]:
    return Counter((finding.path, finding.code, symbol(project, finding)) for finding in found)
