"""What the text of a test file says: its functions, what they assert, and what skips them."""

import ast
from collections.abc import Iterable, Mapping
from functools import cache

from tpgen.source import trees
from tpgen.source.trees import Function, last_name

# What skips: marks, decorators and functions of pytest and unittest.
SKIPS = {"skip", "skipif", "xfail", "importorskip", "expectedFailure"}
SKIPS |= {"skipIf", "skipUnless", "skipTest", "SkipTest"}
SET_UPS = {"setUp", "setUpClass", "setUpModule", "setup_method", "setup_class", "setup_module"}
SET_UPS |= {"asyncSetUp"}
# Names of functions that assert, as the engine knows them.
ASSERTING = ("assert", "expect", "check_")
RAISES = {"raises", "warns", "deprecated_call", "fail", "verify"}


def functions(text: str) -> dict[str, Function]:
    """Return the functions of a module by name, and the methods by `Class.name`.

    A class has the methods of its bases in the same module.
    """
    return _members(parsed(text), {})


def _members(
    holder: ast.Module | ast.ClassDef, above: Mapping[str, dict[str, Function]]
) -> dict[str, Function]:
    classes = {**above}
    found: dict[str, Function] = {}
    nodes: list[ast.stmt] = list(holder.body)
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, ast.If | ast.Try | ast.With):
            nodes[:0] = [*node.body, *getattr(node, "orelse", ())]
        elif isinstance(node, Function):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            classes[node.name] = {}
            for base in reversed(node.bases):
                classes[node.name] |= classes.get(last_name(base), {})
            classes[node.name] |= _members(node, classes)
            found |= {f"{node.name}.{name}": each for name, each in classes[node.name].items()}
    return found


def asserting(text: str) -> set[str]:
    """Return the functions of a test file that assert, themselves or by a function beside them."""
    found = functions(text)
    helpers = {name.rpartition(".")[2] for name, node in found.items() if _asserts(node, ())}
    return {name for name, node in found.items() if _asserts(node, helpers)}


def _asserts(node: ast.AST, helpers: Iterable[str]) -> bool:
    calls = {*RAISES, *helpers}
    return any(
        isinstance(each, ast.Assert)
        or (isinstance(each, ast.Call) and last_name(each.func) in calls)
        # Of unittest, and helpers called so.
        or (isinstance(each, ast.Call) and last_name(each.func).startswith(ASSERTING))
        for each in ast.walk(node)
    )


def edits_assertion(function: Function, before: Function | None, values: set[str]) -> bool:
    """Return whether an assertion of a function, or a value that it uses, is new or edited."""
    now = _asserted_in(function)
    known = {*map(ast.unparse, _asserted_in(before) if before else ())}
    return not known.issuperset(map(ast.unparse, now)) or not values.isdisjoint(_used(now))


def _asserted_in(function: Function) -> list[ast.stmt]:
    """Return the assertions of a function, and what it assigns to the names in them."""
    nodes = [*ast.walk(function)]
    found: list[ast.stmt] = [node for node in nodes if isinstance(node, ast.Assert)]
    used = _used(found)
    assigned = (node for node in nodes if isinstance(node, ast.Assign | ast.AnnAssign))
    return found + [node for node in assigned if used & {*trees.names(node)}]


def _used(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names in some nodes."""
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def edited_values(text: str, lines: frozenset[int]) -> set[str]:
    """Return the variables of a module whose values are new or edited."""
    return {
        last_name(target)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and lines & {*range(node.lineno, (node.end_lineno or 0) + 1)}
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }


def skips(text: str, name: str) -> list[str]:
    """Return what skips a test: in it, its set-up, its classes and its module, with the values used.

    Without a name: what skips the module.
    """
    *owners, function = name.split(".")
    tree = parsed(text)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: list[ast.AST] = []
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    scopes += [node for node in classes if node.name in owners]
    for scope in scopes:
        found += getattr(scope, "decorator_list", [])
        for line in scope.body:
            if isinstance(line, Function):
                if line.name == function or line.name in SET_UPS:
                    found += [*line.decorator_list, *_calls_that_skip(line)]
            elif "pytestmark" in trees.names(line):
                found.append(line)
            elif not isinstance(line, ast.ClassDef | ast.Assign | ast.AnnAssign):
                found += _calls_that_skip(line)
    values = {name: line for line in tree.body for name in trees.names(line)}
    texts = []
    for node in found:
        # A mark may be a variable, and a condition too.
        parts = [node]
        for part in parts:
            new = (values[each] for each in sorted(_used([part]) & values.keys()))
            parts += [each for each in new if each not in parts]
        if any(_skipping(part) for part in parts):
            texts += [ast.unparse(part) for part in parts]
    return texts


def _calls_that_skip(node: ast.AST) -> list[ast.AST]:
    calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
    return [each for each in calls if _skipping(each.func)]


def _skipping(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Attribute | ast.Name) and last_name(each) in SKIPS
        for each in ast.walk(node)
    )


def lines_of(node: Function | ast.ClassDef) -> range:
    """Return the lines of a definition with its decorators."""
    start = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return range(start, (node.end_lineno or start) + 1)


def function_of(test: str) -> str:
    """Return `TestA.test_b` of the id of a test."""
    return ".".join(test.partition("[")[0].split("::")[1:])


@cache
def parsed(text: str) -> ast.Module:
    """Return the tree of a text, which each test of a file asks for; an empty one if it is not Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])
