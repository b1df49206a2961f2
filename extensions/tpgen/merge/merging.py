"""Adds to a person's test module what it lacks of a rendered one, and takes nothing away."""

import ast
import codecs
import io
import re
import tokenize
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import cast

import libcst as cst
from libcst.metadata import GlobalScope, MetadataWrapper, ScopeProvider

from tpgen.errors import Misuse
from tpgen.suites import Suite

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
BLANK_LINE = cst.EmptyLine(indent=False)
# What a line of code states, in the text of a blank.
STATES = re.compile(r"^\s*(?:(?:async\s+)?def\s+(\w+)|(\w+)\s*(?::[^=\n]+)?=(?!=))", re.MULTILINE)


@dataclass(frozen=True)
class Merged:
    """A person's module with what it lacked.

    Attributes:
        text: the whole file.
        added: the classes and members that were added; none where nothing lacked.
    """

    text: bytes
    added: tuple[str, ...]


Identity = Callable[[cst.Module, cst.ClassDef], Hashable | None]


def name_of_tests(module: cst.Module, found: cst.ClassDef) -> str | None:
    """The identity of a class where nothing better is known: its name, if it holds tests."""
    return found.name.value if found.name.value.startswith("Test") else None


def merge(
    mine: bytes,
    rendered: str,
    suite: Suite,
    identity: Identity = name_of_tests,
    path: Path = Path("the test module"),
) -> Merged:
    """Add to a module what it lacks of a rendered one: classes, required members, cases.

    Args:
        mine: the person's file.
        rendered: the module that a skeleton gives for one component.
        suite: what the rendered classes inherit.
        identity: what tells which component a class is about; None for a helper. A class for
            tests for which it gives None is known by its name.
        path: where the file lies, for the errors.

    Raises:
        Misuse: the file can't be read as Python, or uses a name that is needed for another thing.
    """
    text, encoding = _decode(mine, path)
    yours, ours = _Source(_parse(text, path), path), _Source(cst.parse_module(rendered), path)
    addition = _Addition(yours, ours)
    for template in ours.classes.values():
        addition.consider(template, suite, identity)
    if not addition.added:
        return Merged(mine, ())
    after = addition.module().code
    _parse(after, path)
    _keep_lines(text, after, addition.replaced, path)
    return Merged(_encode(after, encoding, path), tuple(addition.added))


def _decode(mine: bytes, path: Path) -> tuple[str, str]:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(mine).readline)
        return codecs.decode(mine, encoding), encoding
    except (SyntaxError, UnicodeError) as error:
        raise Misuse(f"{path} is no text that Python reads ({error}): repair it first") from error


def _encode(text: str, encoding: str, path: Path) -> bytes:
    try:
        return codecs.encode(text, encoding)
    except UnicodeEncodeError as error:
        character = text[error.start]
        raise Misuse(
            f"{path} is in {encoding}, which has no {character!r} for what must be added: "
            "make it UTF-8 first"
        ) from error


def _parse(text: str, path: Path) -> cst.Module:
    try:
        module = cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        line, reason = _reason(text, error)
        raise Misuse(f"{path}:{line} is not Python yet ({reason}): finish it first") from error
    if module.code != text:
        raise Misuse(f"{path} can't be read and written back unchanged: add to it by hand")
    return module


def _reason(text: str, error: cst.ParserSyntaxError) -> tuple[int, str]:
    """Python's own words where it refuses too, as they are better."""
    try:
        ast.parse(text)
    except SyntaxError as known:
        return known.lineno or error.raw_line, known.msg
    except ValueError as known:
        return error.raw_line, str(known)
    return error.raw_line, error.message


def _keep_lines(before: str, after: str, replaced: Iterable[str], path: Path) -> None:
    """Every line is still there, in order, but for those of statements that were replaced."""
    gone = {line.strip() for code in replaced for line in code.splitlines()}
    rest = iter(after.splitlines())
    for number, line in enumerate(before.splitlines(), 1):
        if line.strip() not in gone and line not in rest:
            raise AssertionError(f"{path}:{number} would be lost, so nothing was written: {line}")


class _Source:
    """A module, and what its names stand for."""

    def __init__(self, module: cst.Module, path: Path) -> None:
        self.module = module
        self.path = path
        self.classes = {
            node.name.value: node for node in module.body if isinstance(node, cst.ClassDef)
        }
        scope = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ScopeProvider)[module]
        assert isinstance(scope, GlobalScope)
        typing_only = {id(node) for block in _typing_blocks(module) for node in _walk(block)}
        self.bound: dict[str, set[str]] = {}
        self.names: dict[int, str] = {}
        for one in scope.assignments:
            if id(getattr(one, "node", None)) in typing_only:
                continue
            origins = {name.name for name in one.get_qualified_names_for(one.name)}
            self.bound.setdefault(one.name, set()).update(origins)
            self.names |= {id(access.node): one.name for access in one.references}

    def uses(self, node: cst.CSTNode) -> set[str]:
        """The names of the module that are used in a part of it."""
        return {self.names[id(part)] for part in _walk(node) if id(part) in self.names}

    def lineage(self, found: cst.ClassDef) -> list[cst.ClassDef]:
        """A class and its bases in the same file, nearest first."""
        line = [found]
        for one in line:
            bases = [self.classes.get(_last_name(arg.value)) for arg in one.bases]
            line += [base for base in bases if base and base not in line]
        return line

    def base_names(self, found: cst.ClassDef) -> set[str]:
        """The names of all bases, also by which they were imported."""
        names = {_last_name(arg.value) for one in self.lineage(found) for arg in one.bases}
        origins = {origin for name in names for origin in self.bound.get(name, ())}
        return names | {origin.rpartition(".")[2] for origin in origins}

    def tests(self, found: cst.ClassDef) -> set[str]:
        """The names of the tests that a class holds itself or has from its file."""
        nodes = (node for one in self.lineage(found) for node in _walk(one.body))
        return {node.name.value for node in nodes if isinstance(node, cst.FunctionDef)}


class _Addition:
    """What is to be added to a module, and the module with it."""

    def __init__(self, yours: _Source, ours: _Source) -> None:
        self.yours, self.ours = yours, ours
        self.added: list[str] = []
        self.replaced: list[str] = []
        self._changed: dict[int, tuple[Statement, Sequence[Statement]]] = {}
        self._appended: list[tuple[cst.ClassDef, cst.ClassDef]] = []

    def consider(self, template: cst.ClassDef, suite: Suite, identity: Identity) -> None:
        """Add of a rendered class what the module lacks."""
        wanted = identity(self.ours.module, template)
        if wanted is None and name_of_tests(self.ours.module, template) is None:
            return
        matches = [
            one
            for one in self.yours.classes.values()
            if _restriction_of(template, one)
            or _same(wanted, identity(self.yours.module, one), template, one)
        ]
        bases = {_last_name(arg.value) for arg in template.bases}
        heirs = [one for one in matches if bases & self.yours.base_names(one) and not _only(one)]
        if heirs:
            self._complete(heirs[0], template, suite)
        elif not matches:
            self._append(template, template.name.value)
        elif missing := suite.cases - self._proved(matches, suite):
            restricted = template.with_changes(keywords=[*template.keywords, _only_these(missing)])
            self._append(template, f"{template.name.value}Required", restricted)

    def _proved(self, matches: Iterable[cst.ClassDef], suite: Suite) -> set[str]:
        proved: set[str] = set()
        for one in matches:
            proved |= self.yours.tests(one) | _only(one)
            if not _only(one):
                for base in self.yours.base_names(one) & suite.others.keys():
                    proved |= suite.others[base]
        return proved

    def _append(
        self, template: cst.ClassDef, name: str, changed: cst.ClassDef | None = None
    ) -> None:
        free, number = name, 1
        while free in self.yours.bound or free in self.added:
            if free not in self.yours.classes and free not in self.added:
                raise Misuse(
                    f"{self.yours.path} uses the name {free} for something that is no class, and "
                    "the tests to add need it: rename yours"
                )
            number += 1
            free = f"{name}{number}"
        self._appended.append((template, (changed or template).with_changes(name=cst.Name(free))))
        self.added.append(free)

    def _complete(self, found: cst.ClassDef, template: cst.ClassDef, suite: Suite) -> None:
        lacking = _lacking(self.yours.lineage(found), template, suite.required)
        if not lacking:
            return
        replaced = {id(blank): blank for _, blank in lacking if blank}
        code = self.yours.module.code_for_node
        self.replaced += [code(blank) for blank in replaced.values()]
        if isinstance(found.body, cst.SimpleStatementSuite):
            self.replaced.append(code(found))
        name = found.name.value
        members = [member for member, _ in lacking]
        self._changed[id(found)] = (_with_members(found, lacking), members)
        self.added += [f"{name}.{_names(member)[0]}" for member in members]

    def module(self) -> cst.Module:
        """The module with all that was added."""
        body: list[Statement] = []
        given: set[str] = set()
        for node in self.yours.module.body:
            changed, members = self._changed.get(id(node), (node, ()))
            helpers = self._helpers(members, given)
            lead = node.leading_lines[:1] if helpers else ()
            crowded = helpers and not (lead and lead[0].comment is None)
            body += [*helpers, _led(changed, 2 * [BLANK_LINE]) if crowded else changed]
        footer = self.yours.module.footer
        tail: list[Statement] = []
        for template, added in self._appended:
            tail += [*self._helpers([template], given), _apart(added, 2)]
        if tail:
            body, footer = [*body, _led(tail[0], footer), *tail[1:]], ()
        imports = self._imports(given)
        return self.yours.module.with_changes(body=self._import(imports, body), footer=footer)

    def _helpers(self, nodes: Sequence[Statement], given: set[str]) -> list[Statement]:
        """The helpers that these use and that are not there yet, in rendered order."""
        fresh = self._needed(nodes) - given
        given |= fresh
        for name in sorted(fresh & self.yours.bound.keys()):
            self._refuse_another_constant(name)
        appended = [template for template, _ in self._appended]
        return [
            _apart(node, 2)
            for node in self.ours.module.body
            if fresh.intersection(_names(node)) - self.yours.bound.keys() and node not in appended
        ]

    def _needed(self, nodes: Sequence[Statement]) -> set[str]:
        """The names that these use, themselves or through helpers."""
        needed: set[str] = set()
        todo = list(nodes)
        for node in todo:
            fresh = self.ours.uses(node) - needed
            needed |= fresh
            for name in sorted(fresh - self.yours.bound.keys()):
                todo += self._helper(name)
        return needed

    def _helper(self, name: str) -> list[Statement]:
        return [node for node in self.ours.module.body if name in _names(node)]

    def _refuse_another_constant(self, name: str) -> None:
        for node in self._helper(name):
            same = [yours for yours in self.yours.module.body if name in _names(yours)]
            code = {_bare_code(one) for one in same}
            if isinstance(node, cst.SimpleStatementLine) and code != {_bare_code(node)}:
                raise Misuse(
                    f"{self.yours.path} gives {name} another value than the tests to add need, "
                    f"`{_bare_code(node)}`: rename yours"
                )

    def _imports(self, used: set[str]) -> list[cst.Import | cst.ImportFrom]:
        """Imports of the names that are used and not bound yet, a statement for each."""
        wanted = []
        for statement, alias in _imported(self.ours.module):
            name = alias.evaluated_alias or alias.evaluated_name
            if name in used and not self._has(name):
                names = [alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)]
                bare = {} if isinstance(statement, cst.Import) else {"lpar": None, "rpar": None}
                wanted.append(statement.with_changes(names=names, **bare))
        return wanted

    def _has(self, name: str) -> bool:
        """Whether the person's module binds a name to the same thing as the rendered one."""
        if name not in self.yours.bound:
            return False
        origin, bound = min(self.ours.bound[name]), self.yours.bound[name]
        # A relative import is taken for the same where it ends alike.
        relative = [one.lstrip(".") for one in bound if one.startswith(".")]
        if origin in bound or any(f".{origin}".endswith(f".{one}") for one in relative):
            return True
        other = "something of its own" if name in bound else min(bound)
        raise Misuse(
            f"{self.yours.path} uses the name {name} for {other}, and the tests to add need it "
            f"for {origin}: rename yours"
        )

    def _import(
        self, imports: Iterable[cst.Import | cst.ImportFrom], body: Sequence[Statement]
    ) -> list[Statement]:
        body = list(body)
        for wanted in imports:
            at, extended = _place(body, wanted)
            if extended:
                self.replaced.append(self.yours.module.code_for_node(body[at]))
                body[at] = extended
            else:
                body.insert(at, cst.SimpleStatementLine([wanted]))
        return body


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _typing_blocks(module: cst.Module) -> list[cst.BaseSuite]:
    ifs = [node for node in _walk(module) if isinstance(node, cst.If)]
    return [node.body for node in ifs if _last_name(node.test) == "TYPE_CHECKING"]


def _last_name(node: cst.BaseExpression) -> str:
    """`StepSuite` of `StepSuite`, of `suites.step.StepSuite` and of `StepSuite[Model]`."""
    if isinstance(node, cst.Subscript):
        return _last_name(node.value)
    if isinstance(node, cst.Attribute):
        return node.attr.value
    return node.value if isinstance(node, cst.Name) else ""


def _same(wanted: Hashable, theirs: Hashable, template: cst.ClassDef, one: cst.ClassDef) -> bool:
    if wanted is None or theirs is None:
        return template.name.value == one.name.value
    return wanted == theirs


def _restriction_of(template: cst.ClassDef, one: cst.ClassDef) -> bool:
    """Whether a class was added for the cases that a class of the person lacked."""
    name = re.escape(template.name.value)
    return bool(re.fullmatch(f"{name}Required\\d*", one.name.value) and _only(one))


def _only(found: cst.ClassDef) -> set[str]:
    """The cases to which a class restricts its suite."""
    lists = [arg.value for arg in found.keywords if arg.keyword and arg.keyword.value == "only"]
    return {text for one in lists for node in _walk(one) if (text := _text(node))}


def _only_these(cases: Iterable[str]) -> cst.Arg:
    elements = [cst.Element(cst.SimpleString(f'"{case}"')) for case in sorted(cases)]
    bare = cst.SimpleWhitespace("")
    return cst.Arg(cst.List(elements), keyword=cst.Name("only"), equal=cst.AssignEqual(bare, bare))


def _text(node: cst.CSTNode) -> str:
    if not isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        return ""
    value = node.evaluated_value
    return value if isinstance(value, str) else ""


def _body(found: cst.ClassDef | cst.FunctionDef) -> list[Statement]:
    if isinstance(found.body, cst.IndentedBlock):
        return cast("list[Statement]", list(found.body.body))
    assert isinstance(found.body, cst.SimpleStatementSuite)
    return [cst.SimpleStatementLine(found.body.body, (), found.body.trailing_whitespace)]


def _names(node: cst.CSTNode) -> list[str]:
    """What a statement states: the names that it binds, and those in the text of a blank."""
    if isinstance(node, cst.FunctionDef):
        fixture = [text for one in node.decorators for part in _walk(one) if (text := _text(part))]
        names = [node.name.value, *fixture]
    elif isinstance(node, cst.ClassDef):
        names = [node.name.value]
    else:
        names = [name for part in _walk(node) for name in _targets(part)]
    states = STATES.findall(_blank(node) or "")
    return [*names, *(function or name for function, name in states)]


def _targets(part: cst.CSTNode) -> list[str]:
    if isinstance(part, cst.Assign):
        targets: Iterable[cst.CSTNode] = [one.target for one in part.targets]
    elif isinstance(part, cst.AnnAssign) and part.value:
        targets = [part.target]
    elif isinstance(part, cst.TypeAlias | cst.FunctionDef):
        targets = [part.name]
    else:
        return []
    return [name.value for one in targets for name in _walk(one) if isinstance(name, cst.Name)]


def _blank(node: cst.CSTNode) -> str | None:
    """The text of `name = blank("…")`, or of a function that only gives a blank."""
    lines = _body(node) if isinstance(node, cst.FunctionDef) else [node]
    parts = [part for line in lines for part in _parts(line) if not _is_docstring(part)]
    value = getattr(parts[0], "value", None) if len(parts) == 1 else None
    if not isinstance(value, cst.Call) or _last_name(value.func) != "blank":
        return None
    return _text(value.args[0].value) if value.args else ""


def _parts(line: cst.CSTNode) -> Sequence[cst.CSTNode]:
    return line.body if isinstance(line, cst.SimpleStatementLine) else [line]


def _is_docstring(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and bool(_text(node.value))


def _lacking(
    lineage: Sequence[cst.ClassDef],
    template: cst.ClassDef,
    required: Mapping[str, frozenset[str]],
) -> list[tuple[Statement, Statement | None]]:
    """The members to add to a class, each with the blank in whose place it comes."""
    own = _body(lineage[0])
    inherited = [member for base in lineage[1:] for member in _body(base)]
    stating = [*inherited, *(member for member in own if _blank(member) is None)]
    filled = {name for member in stating for name in _names(member)}
    blanks = {
        name: member for member in own if _blank(member) is not None for name in _names(member)
    }
    found: dict[int, Statement | None] = {}
    for member in _body(template):
        names = set(_names(member))
        facts = [{fact, *others} for fact, others in required.items()]
        enough = {name for fact in facts if names & fact for name in fact}
        blank = next((blanks[name] for name in sorted(enough & blanks.keys())), None)
        if enough and not enough & filled and not (blank and _blank(member) is not None):
            found[id(member)] = blank
    _add_mentioned(found, template, filled | blanks.keys())
    left = {id(one) for one in _body(template)} - found.keys()
    rest = _left_open(template, left, required, filled | blanks.keys())
    return [(one, found[id(one)]) for one in _body(template) if id(one) in found] + rest


def _left_open(
    template: cst.ClassDef, left: set[int], required: Mapping[str, frozenset[str]], stated: set[str]
) -> list[tuple[Statement, Statement | None]]:
    """A blank for each fact that a person forgot, of several that one rendered blank stands for."""
    return [
        (cst.parse_statement(f"{line.partition('=')[0].strip()} = blank({line!r})"), None)
        for member in _body(template)
        if id(member) in left
        for line in dedent(_blank(member) or "").strip().splitlines()
        if (states := STATES.match(line)) and (name := states[2])
        if name in required and not {name, *required[name]} & stated
    ]


def _add_mentioned(
    found: dict[int, Statement | None], template: cst.ClassDef, stated: set[str]
) -> None:
    """Add what the members mention of their own class, such as the fixtures that they ask for."""
    members = _body(template)
    todo = [member for member in members if id(member) in found]
    for one in todo:
        mentioned = {node.value for node in _walk(one) if isinstance(node, cst.Name)} - stated
        for member in members:
            if id(member) not in found and mentioned.intersection(_names(member)):
                found[id(member)] = None
                todo.append(member)


def _with_members(
    found: cst.ClassDef, lacking: Sequence[tuple[Statement, Statement | None]]
) -> cst.ClassDef:
    """The class with its members: in the place of blanks, after the facts, or at its end."""
    body: list[Statement] = []
    for node in _body(found):
        fillers = [member for member, blank in lacking if blank is node]
        body += _in_place(node, fillers) if fillers else [node]
    new = [member for member, blank in lacking if blank is None]
    block = found.body if isinstance(found.body, cst.IndentedBlock) else cst.IndentedBlock([])
    at = next((at for at, one in enumerate(body) if not _is_line(one)), len(body))
    at = at or len(body)
    start = at
    for member in new:
        body.insert(at, _spaced(member, body[at - 1]))
        at += 1
    if new and at == len(body):
        body[start] = _led(body[start], block.footer)
        block = block.with_changes(footer=())
    return found.with_changes(body=block.with_changes(body=body))


def _in_place(blank: Statement, members: Sequence[Statement]) -> list[Statement]:
    """The members that fill a blank, below the comments that stood at it."""
    above = list(blank.leading_lines)
    inside = [node for node in _walk(blank) if isinstance(node, cst.Comment)]
    inside = [one for one in inside if all(one is not line.comment for line in above)]
    above += [cst.EmptyLine(comment=one) for one in inside]
    body: list[Statement] = [members[0].with_changes(leading_lines=above)]
    for member in members[1:]:
        body.append(_spaced(member, body[-1]))
    return body


def _is_line(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine)


def _is_docstring_line(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and _is_docstring(node.body[0])


def _spaced(member: Statement, previous: Statement) -> Statement:
    """A member as it stands below another one: facts together, all else a line apart."""
    facts = _is_line(member) and _is_line(previous) and not _is_docstring_line(previous)
    return _apart(member, 0 if facts else 1)


def _apart(node: Statement, lines: int) -> Statement:
    """The statement below a number of blank lines; its comments stay with it."""
    comments = [line for line in node.leading_lines if line.comment]
    return node.with_changes(leading_lines=[*lines * [BLANK_LINE], *comments])


def _led(node: Statement, lines: Sequence[cst.EmptyLine]) -> Statement:
    return node.with_changes(leading_lines=[*lines, *node.leading_lines])


def _bare_code(node: Statement) -> str:
    return cst.Module([_apart(node, 0)]).code.strip()


def _imported(module: cst.Module) -> Iterator[tuple[cst.Import | cst.ImportFrom, cst.ImportAlias]]:
    for line in module.body:
        for node in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(node, cst.Import | cst.ImportFrom):
                for alias in node.names if not isinstance(node.names, cst.ImportStar) else ():
                    yield node, alias


def _place(
    body: Sequence[Statement], wanted: cst.Import | cst.ImportFrom
) -> tuple[int, Statement | None]:
    """Where an import goes: into a line that is given too, near its kin, or below the others."""
    last, kin = (1 if body and _is_docstring_line(body[0]) else 0), None
    for at, line in enumerate(body):
        if isinstance(line, cst.FunctionDef | cst.ClassDef):
            break
        if not isinstance(line, cst.SimpleStatementLine):
            continue
        if extended := _extended(line, wanted):
            return at, extended
        packages = {_package(one) for one in line.body}
        last = last if packages == {""} else at + 1
        kin = at + 1 if _package(wanted) in packages else kin
    return kin or last, None


def _package(node: cst.CSTNode) -> str:
    """The first part of what an import statement names; nothing for another statement."""
    if isinstance(node, cst.Import):
        return node.names[0].evaluated_name.partition(".")[0]
    if isinstance(node, cst.ImportFrom):
        return _module_of(node).partition(".")[0] or "."
    return ""


def _module_of(node: cst.ImportFrom) -> str:
    name = cst.Module([]).code_for_node(node.module) if node.module else ""
    return "." * len(node.relative) + name


def _extended(
    line: cst.SimpleStatementLine, wanted: cst.Import | cst.ImportFrom
) -> cst.SimpleStatementLine | None:
    """The line with one name more, in its own layout, if it imports from the same module."""
    [given, *others] = line.body
    if others or not isinstance(given, cst.ImportFrom) or not isinstance(wanted, cst.ImportFrom):
        return None
    if isinstance(given.names, cst.ImportStar) or _module_of(given) != _module_of(wanted):
        return None
    assert not isinstance(wanted.names, cst.ImportStar)
    *before, last = given.names
    between, closing = _layout(given, before, last)
    new = wanted.names[0]
    if isinstance(last.comma, cst.Comma):
        new = new.with_changes(comma=cst.Comma(whitespace_after=closing))
    elif given.rpar:
        given = given.with_changes(rpar=cst.RightParen(whitespace_before=closing))
    last = last.with_changes(comma=cst.Comma(whitespace_after=between))
    return line.with_changes(body=[given.with_changes(names=[*before, last, new])])


def _layout(
    given: cst.ImportFrom, before: Sequence[cst.ImportAlias], last: cst.ImportAlias
) -> tuple[cst.BaseParenthesizableWhitespace, cst.BaseParenthesizableWhitespace]:
    """What stands between the last name and one more, and after that one."""
    commas = [one.comma.whitespace_after for one in before if isinstance(one.comma, cst.Comma)]
    opening = [given.lpar.whitespace_after] if given.lpar else []
    broken = [one for one in [*opening, *commas] if isinstance(one, cst.ParenthesizedWhitespace)]
    end: cst.BaseParenthesizableWhitespace = cst.SimpleWhitespace("")
    if isinstance(last.comma, cst.Comma):
        end = last.comma.whitespace_after
    elif given.rpar:
        end = given.rpar.whitespace_before
    if isinstance(end, cst.ParenthesizedWhitespace):
        indentation = broken[0].last_line if broken else cst.SimpleWhitespace("    ")
        bare = cst.ParenthesizedWhitespace(indent=end.indent, last_line=end.last_line)
        return end.with_changes(last_line=indentation), bare
    if broken:
        return cst.ParenthesizedWhitespace(indent=True, last_line=broken[-1].last_line), end
    return (commas or [cst.SimpleWhitespace(" ")])[-1], end
