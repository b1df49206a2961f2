"""Components that are classes: where they are, and what a test must give them."""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tpgen.core.errors import UserError
from tpgen.core.names import alike, to_class, to_snake
from tpgen.core.policy import Kind
from tpgen.core.service import Service

from .code import Code, Definition, Parameter
from .trees import is_component
from .trees import names as names_of


@dataclass(frozen=True)
class Component:
    """A component, or the place where it is to be built: then it has no `definition`."""

    name: str
    class_name: str
    module: str
    path: Path
    code: Code
    definition: Definition | None = None

    @property
    def exists(self) -> bool:
        return self.definition is not None

    @property
    def built(self) -> Definition:
        """Return its class, or raise `UserError` if it does not exist yet."""
        if self.definition is None:
            raise UserError(
                f"there is no {self.class_name} yet, and its skeleton asks how it is made: build "
                "it first, or let the skeleton ask `component.exists`"
            )
        return self.definition

    @cached_property
    def parameters(self) -> list[Parameter]:
        return self.code.parameters(self.definition) if self.definition else []


def find(service: Service, kind: Kind, name: str) -> Component:
    """Return a component: from the module of its name, else from all classes of the kind."""
    code = Code(service.packages)
    paths = [source.replace("{name}", name) for source in kind.sources if "{name}" in source]
    paths += [path.replace(f"/{name}.py", f"/{name}/__init__.py") for path in paths]
    own = _classes(code, kind, paths, by_name=False)
    called = [found for found in own if _is_called(kind, found, name)]
    found = called or own or [other for other in _all(code, kind) if _is_called(kind, other, name)]
    if len({definition.node for definition in found}) > 1:
        several = " or ".join(sorted(f"{other.name} ({other.module.name})" for other in found))
        raise UserError(f"{kind.name} {name} may be {several}: say the name of the class instead")
    if not found:
        return _to_build(service, kind, name, code)
    path = found[0].module.path.relative_to(service.root)
    name = name if name == path.stem else _known_as(kind, found[0])[0]
    return Component(name, found[0].name, found[0].module.name, path, code, found[0])


def names(service: Service, kind: Kind) -> list[str]:
    return sorted(definitions(Code(service.packages), kind))


def definitions(code: Code, kind: Kind) -> dict[str, Definition]:
    """Return the components of a kind, by name; nothing is imported.

    A class without a name of its own that others inherit from, or in a private module, is none.
    """
    found = _all(code, kind)
    bases = {base.node for definition in found for base in code.lineage(definition)[1:]}
    return {
        _known_as(kind, definition)[0]: definition
        for definition in found
        if definition.node not in bases or _own_names(definition)
        if definition.module.path.stem == "__init__" or definition.module.path.stem[0] != "_"
    }


def exported(code: Code) -> dict[str, Definition]:
    """Return the classes with public methods that packages export in `__init__.py`, by name."""
    found = {}
    for module in code.matching("__init__.py"):
        for name in {**module.imports, **module.definitions} if module.is_readable else ():
            definition = code.resolve(module, ast.Name(name))
            if definition is None or not isinstance(definition.node, ast.ClassDef):
                continue
            if not name.startswith("_") and code.methods(definition):
                found[name] = definition
    return found


def _all(code: Code, kind: Kind) -> list[Definition]:
    return _classes(code, kind, [source.replace("{name}", "*") for source in kind.sources])


def _classes(
    code: Code, kind: Kind, patterns: list[str], *, by_name: bool = True
) -> list[Definition]:
    """Return the classes with the methods of a kind in the modules that match some patterns.

    With `by_name`, modules that can't be read are skipped, and if the kind names no methods, only
    classes that are called like the kind are taken.
    """
    found = []
    modules = {module.path: module for pattern in patterns for module in code.matching(pattern)}
    # Many modules match `**/{name}.py`: those without the word need no parsing.
    word = "class" if kind.methods or not by_name else kind.name
    for module in (module for module in modules.values() if module.mentions(word)):
        nodes = module.definitions.values() if module.is_readable or not by_name else ()
        for definition in (Definition(module, node) for node in nodes if is_component(node)):
            methods = code.methods(definition).keys()
            is_of_kind = bool(kind.methods) or not by_name or kind.name in alike(definition.name)
            if methods and methods >= set(kind.methods) and is_of_kind:
                found.append(definition)
    return found


def _is_called(kind: Kind, definition: Definition, name: str) -> bool:
    return alike(name) in {alike(known) for known in _known_as(kind, definition)}


def _known_as(kind: Kind, definition: Definition) -> list[str]:
    """Return the names of a component; the first is that of its module, as it would be called."""
    words = to_snake(definition.name).split("_")
    short = "_".join(word for word in words if word not in {kind.name, "provider"})
    short = short or definition.name
    stem = definition.module.path.stem
    own = _own_names(definition)
    names = [*own, stem if alike(stem) == alike(short) else short, definition.name]
    return [to_snake(names[0].replace("-", "_")), *names]


def _own_names(definition: Definition) -> list[str]:
    """Return the texts of `name = "detect_pii"` in the body of a class."""
    values = (
        getattr(getattr(node, "value", None), "value", None)
        for node in getattr(definition.node, "body", [])
        if isinstance(node, ast.Assign | ast.AnnAssign) and "name" in names_of(node)
    )
    return [value for value in values if isinstance(value, str)]


def _to_build(service: Service, kind: Kind, name: str, code: Code) -> Component:
    """Return a component that does not exist, in its place beside the others."""
    if not service.packages:
        raise UserError(f"{service.root} has no package, in src/ or beside tests/: add one first")
    package = service.packages[0]
    homes = {definition.module.path.parent for definition in _all(code, kind)}
    folders = [str(home.relative_to(package)) for home in homes if home.is_relative_to(package)]
    paths = [source.replace("{name}", name) for source in kind.sources if "{name}" in source]
    paths = [path.replace("**", folder) for path in paths for folder in sorted(folders) or ["."]]
    places = [package / path for path in paths if "*" not in path]
    # A module `vault.py` would hide what is in `vault/`.
    free = [place for place in places if not place.parent.with_suffix(".py").exists()]
    beside = [place for place in free if place.parent in homes]
    path = next(iter([*beside, *free]), package / f"{name}.py")
    module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    class_name = to_class(name) + ("" if "run" in kind.methods else to_class(kind.name))
    return Component(name, class_name, module, path.relative_to(service.root), code)
