"""A module, what its names stand for, and the bases of its classes."""

import ast
from collections.abc import Sequence
from pathlib import Path

import libcst as cst
from libcst.metadata import GlobalScope, MetadataWrapper, ScopeProvider

from tpgen.source.code import Code, Definition
from tpgen.source.comments import is_suite

from .statements import last_name, walk


class Source:
    """A module, and what its names stand for."""

    def __init__(self, module: cst.Module, path: Path, code: Code | None = None) -> None:
        self.module = module
        self.path = path
        self.code = code
        self.classes = {
            node.name.value: node for node in module.body if isinstance(node, cst.ClassDef)
        }
        scope = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ScopeProvider)[module]
        assert isinstance(scope, GlobalScope)
        typing_only = {id(node) for block in _typing_blocks(module) for node in walk(block)}
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
        return {self.names[id(part)] for part in walk(node) if id(part) in self.names}

    def lineage(self, found: cst.ClassDef) -> list[cst.ClassDef]:
        """A class and its bases, those of the same file first; of the suites none."""
        line = [found]
        for one in line:
            bases = [self.classes.get(last_name(arg.value)) for arg in one.bases]
            line += [base for base in bases if base and base not in line]
        nodes = [base.node for base in self._elsewhere(line) if not is_suite(base)]
        return line + [_as_cst(node) for node in nodes if isinstance(node, ast.ClassDef)]

    def base_names(self, found: cst.ClassDef) -> set[str]:
        """The names of all bases, also by which they were imported."""
        line = self.lineage(found)
        names = {last_name(arg.value) for one in line for arg in one.bases}
        origins = {origin for name in names for origin in self.bound.get(name, ())}
        elsewhere = {base.name for base in self._elsewhere(line)}
        return names | elsewhere | {origin.rpartition(".")[2] for origin in origins}

    def _elsewhere(self, line: Sequence[cst.ClassDef]) -> list[Definition]:
        """The bases of these that other files of the tests define."""
        if self.code is None:
            return []
        bases = [arg.value for one in line for arg in one.bases]
        found = [self._found(self.code, cst.Module([]).code_for_node(_whole(one))) for one in bases]
        return [each for one in found if one for each in self.code.lineage(one)]

    def _found(self, code: Code, name: str) -> Definition | None:
        """What a name of this module stands for, if that is in the tests of the service."""
        first, _, rest = name.partition(".")
        for origin in self.bound.get(first, ()):
            dotted = f"{origin}.{rest}" if rest else origin
            short = dotted.lstrip(".")
            level = len(dotted) - len(short)
            parts = self.path.parts[: -level or -1]
            # Without dots it may lie beside this file, as pytest puts that folder on the path.
            names = [".".join([*parts, short])] if level else [dotted, ".".join([*parts, dotted])]
            if one := next(filter(None, map(code.find, names)), None):
                return one
        return None


def _typing_blocks(module: cst.Module) -> list[cst.BaseSuite]:
    ifs = [node for node in walk(module) if isinstance(node, cst.If)]
    return [node.body for node in ifs if last_name(node.test) == "TYPE_CHECKING"]


def _as_cst(node: ast.ClassDef) -> cst.ClassDef:
    [found] = cst.parse_module(ast.unparse(node)).body
    assert isinstance(found, cst.ClassDef)
    return found


def _whole(base: cst.BaseExpression) -> cst.BaseExpression:
    return base.value if isinstance(base, cst.Subscript) else base
