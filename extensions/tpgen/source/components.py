"""Components that are classes: where they are, and what a test must give them."""

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tpgen.core.errors import Misuse
from tpgen.core.names import alike, to_class, to_snake
from tpgen.core.policy import Kind
from tpgen.core.service import Service

from .code import Code, Definition, Module, Parameter
from .trees import is_component


@dataclass(frozen=True)
class Component:
    """A component, or the place where it is to be built.

    Attributes:
        name: as a module has it: `detect_pii`.
        class_name: the class it is.
        module: the dotted name of its module.
        path: its file, relative to the service.
        code: the service's code.
        definition: the class itself; None where nobody has built it yet.
    """

    name: str
    class_name: str
    module: str
    path: Path
    code: Code
    definition: Definition | None = None

    @property
    def exists(self) -> bool:
        """Whether there is such a class."""
        return self.definition is not None

    @property
    def built(self) -> Definition:
        """The class itself.

        Raises:
            Misuse: nobody has built it yet.
        """
        if self.definition is None:
            raise Misuse(
                f"there is no {self.class_name} yet, and its skeleton asks how it is made: build "
                "it first, or let the skeleton ask `component.exists`"
            )
        return self.definition

    @cached_property
    def parameters(self) -> list[Parameter]:
        """What its constructor takes."""
        return self.code.parameters(self.definition) if self.definition else []


def find(service: Service, kind: Kind, name: str) -> Component:
    """Look for a component: in the module of its name, then among all classes of the kind.

    Raises:
        Misuse: several classes could be meant, or the component's module can't be read.
    """
    code = Code(service.packages)
    own = [one for pattern in _patterns(kind, name) for one in _classes(code, kind, pattern)]
    called = [one for one in own if _is_called(kind, one, name)]
    found = called or own or [one for one in _all(code, kind) if _is_called(kind, one, name)]
    if len({one.node for one in found}) > 1:
        several = " or ".join(sorted(f"{one.name} ({one.module.name})" for one in found))
        raise Misuse(f"{kind.name} {name} may be {several}: say the name of the class instead")
    for one in found:
        path = one.module.path.relative_to(service.root)
        name = name if name == path.stem else _name(kind, one)
        return Component(name, one.name, one.module.name, path, code, one)
    return _to_build(service, kind, name, code)


def names(service: Service, kind: Kind) -> list[str]:
    """The names of the components that a service has of a kind."""
    return sorted(definitions(Code(service.packages), kind))


def definitions(code: Code, kind: Kind) -> dict[str, Definition]:
    """The components of a kind, by name; nothing is imported."""
    found = _all(code, kind)
    bases = {base.node for one in found for base in code.lineage(one)[1:]}
    return {_name(kind, one): one for one in found if not _is_only_a_base(one, bases)}


def _is_only_a_base(one: Definition, bases: Collection[ast.stmt]) -> bool:
    """Whether a class is there for others to inherit from: nobody calls it by a name."""
    is_private = one.module.path.stem.startswith("_") and one.module.path.stem != "__init__"
    is_named = any(_own_name(node) for node in getattr(one.node, "body", []))
    return is_private or (one.node in bases and not is_named)


def _patterns(kind: Kind, name: str) -> list[str]:
    """Where a module of this name would be."""
    paths = [one.replace("{name}", name) for one in kind.sources if "{name}" in one]
    return [*paths, *(one.replace(f"/{name}.py", f"/{name}/__init__.py") for one in paths)]


def _all(code: Code, kind: Kind) -> list[Definition]:
    """All classes of a kind, wherever they are; what can't be read is passed over."""
    patterns = [one.replace("{name}", "*") for one in kind.sources]
    modules = {module.path: module for one in patterns for module in code.matching(one)}
    readable = [module for module in modules.values() if module.is_readable]
    return [one for module in readable for one in _of_module(code, kind, module, by_name=True)]


def _classes(code: Code, kind: Kind, pattern: str) -> list[Definition]:
    modules = list(code.matching(pattern))
    return [one for module in modules for one in _of_module(code, kind, module, by_name=False)]


def _of_module(code: Code, kind: Kind, module: Module, by_name: bool) -> Iterator[Definition]:
    """The components of a module: classes with the kind's methods.

    Args:
        by_name: of a kind that names no methods, take only what is called after the kind.
    """
    for node in module.definitions.values():
        if not isinstance(node, ast.ClassDef) or not is_component(node):
            continue
        one = Definition(module, node)
        methods = code.methods(one).keys()
        is_one = bool(kind.methods) or not by_name or kind.name in alike(node.name)
        if methods and methods >= set(kind.methods) and is_one:
            yield one


def _is_called(kind: Kind, one: Definition, name: str) -> bool:
    return alike(name) in {alike(known) for known in _known_as(kind, one)}


def _name(kind: Kind, one: Definition) -> str:
    """The name of a component, as a module would have it."""
    return to_snake(_known_as(kind, one)[0].replace("-", "_"))


def _known_as(kind: Kind, one: Definition) -> list[str]:
    """The names that a person may call a component by, the best one first."""
    words = to_snake(one.name).split("_")
    short = "_".join(word for word in words if word not in {kind.name, "provider"}) or one.name
    own = [found for node in getattr(one.node, "body", []) if (found := _own_name(node))]
    stem = one.module.path.stem
    return [*own, stem if alike(stem) == alike(short) else short, one.name]


def _own_name(node: ast.stmt) -> str:
    """The text of `name = "detect_pii"` in the body of a class."""
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    value = getattr(node, "value", None)
    is_name = isinstance(target, ast.Name) and target.id == "name"
    text = value.value if is_name and isinstance(value, ast.Constant) else None
    return text if isinstance(text, str) else ""


def _to_build(service: Service, kind: Kind, name: str, code: Code) -> Component:
    """The place of a component that is not there, beside those that are."""
    if not service.packages:
        raise Misuse(f"{service.root} has no package, in src/ or beside tests/: add one first")
    package = service.packages[0]
    path = package / _home(kind, package, _all(code, kind)).replace("{name}", name)
    module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    class_name = to_class(name) + ("" if "run" in kind.methods else to_class(kind.name))
    return Component(name, class_name, module, path.relative_to(service.root), code)


def _home(kind: Kind, package: Path, others: list[Definition]) -> str:
    """Where a new component belongs: beside the others, where all are in one folder.

    A module `vault.py` would hide what is in `vault/`.
    """
    folders = {one.module.path.parent for one in others}
    patterns = [one for one in kind.sources if "{name}" in one]
    beside = []
    if len(folders) == 1 and (folder := folders.pop()).is_relative_to(package):
        here = (one.replace("**", folder.relative_to(package).as_posix()) for one in patterns)
        beside = [one for one in here if "*" not in one and (package / one).parent == folder]
    homes = [one for one in patterns if "*" not in one]
    free = [one for one in homes if not (package / one).parent.with_suffix(".py").exists()]
    return next(iter([*beside, *free]), "{name}.py")
