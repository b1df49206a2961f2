"""The SQLAlchemy models of a service, and the factories that their rows need."""

import ast
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpgen.classes.trees import model_of
from tpgen.errors import Misuse
from tpgen.naming import alike
from tpgen.progress import waiting
from tpgen.service import Service

if TYPE_CHECKING:
    from .factories import Factories

# Seconds that reading a service may take.
READING = 60
PROBE = Path(__file__).parents[1] / "probes" / "models.py"
MARKS = ("mapped_column", "Column(", "Mapped[", "__tablename__", "__table__", "__mapper_args__")
NO_BASES = {"object", "Generic", "Protocol", "ABC", "MappedAsDataclass", "Enum", "BaseModel"}


def names(service: Service) -> list[str]:
    """The models of the service, by the look of their classes; nothing is imported."""
    return sorted({name for found in _models(service).values() for name in found})


def without_factory(service: Service, factories: str, path: str) -> list[str]:
    """Return the models that have no factory in a text.

    Args:
        service: where the models are.
        factories: the text of the factories.
        path: of its file, for errors.
    """
    return sorted(set(names(service)) - set(factories_of(factories, path)))


def read(service: Service, name: str, factories: str, path: str) -> "Factories":
    """Find out which factories a model needs that are not there yet.

    Args:
        service: where to look.
        name: the class of the model, in any way of writing it: `order_line` is `OrderLine`.
        factories: the text of the service's factories; empty if it has none.
        path: of that file, for errors.

    Raises:
        Misuse: two models have the name, the models can't be imported, or the text is no Python.
    """
    from .factories import Factories, factory, imports

    present = factories_of(factories, path)
    modules = _models(service)
    name = _meant(name, modules)
    homes = sorted(module for module, found in modules.items() if name in found)
    if not homes:
        near = tuple(_nearest(name, modules))
        return Factories(name, known=False, nearest=near, unknown=_unknown(name, near))
    if len(homes) > 1:
        raise Misuse(
            f"{' and '.join(homes)} both define a model {name}, and a factory is called by the "
            f"name of its model: write both in {path}, each with a different name"
        )
    if name in present:
        return Factories(name, present=present[name])
    others = sorted(set(modules) - set(homes))
    probed = {model["name"]: model for model in _probe(service, name, [*homes, *others], path)}
    models = [probed[each] for each in _in_order(name, probed, set(present))]
    made = []
    for model in models:
        made.append(factory(model, present))
        present[model["name"]] = made[-1].name
    packages = [package.name for package in service.packages]
    return Factories(name, made=tuple(made), imports=imports(made, models, packages))


def _meant(name: str, modules: Mapping[str, Collection[str]]) -> str:
    """The name as the model has it, where one model alone may be meant."""
    known = {each for found in modules.values() for each in found}
    same = [each for each in known if alike(each) == alike(name)]
    return same[0] if len(same) == 1 and name not in known else name


def _nearest(name: str, modules: Mapping[str, Collection[str]]) -> list[str]:
    known: dict[str, list[str]] = {}
    for each in sorted({each for found in modules.values() for each in found}):
        known.setdefault(alike(each), []).append(each)
    near = get_close_matches(alike(name), known, cutoff=0.7)
    return [each for one in near for each in known[one]]


def _unknown(name: str, near: Sequence[str]) -> str:
    if near:
        return f"the service has no model {name}: did you mean {' or '.join(near)}?"
    return f"the service has no model {name}: write the model first, then run this again"


def _probe(service: Service, name: str, modules: list[str], path: str) -> list[dict[str, Any]]:
    with waiting("reading the models"):
        ended = service.run([str(PROBE), name, *modules], seconds=READING)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip() and line[0] != "("]
        said = lines[-1] if lines else f"Python ended with {ended.returncode}"
        raise Misuse(
            f"the models of {service.root} can't be read: {said}; see it whole by "
            f"`{service.python} -c 'import {', '.join(modules)}'`"
        )
    found: list[dict[str, Any]] = json.loads(ended.stdout.splitlines()[-1])
    twice = {each["name"] for each in found if sum(e["name"] == each["name"] for e in found) > 1}
    if twice:
        homes = sorted(each["module"] for each in found if each["name"] in twice)
        raise Misuse(
            f"{name} needs a {twice.pop()} of each of {' and '.join(homes)}, and a factory is "
            f"called by the name of its model: write those in {path} first"
        )
    return found


def _in_order(name: str, models: Mapping[str, dict[str, Any]], done: set[str]) -> Iterator[str]:
    """The model and those that it needs, each after what it needs itself."""
    done.add(name)
    for reference in models[name]["references"]:
        target = reference["target"]
        if target and target["name"] not in done:
            yield from _in_order(target["name"], models, done)
    yield name


# What the syntax trees tell.


def factories_of(factories: str, path: str) -> dict[str, str]:
    """The factories of the text, by their models.

    Raises:
        Misuse: the text is no Python.
    """
    try:
        tree = ast.parse(factories)
    except SyntaxError as error:
        raise Misuse(
            f"{path}:{error.lineno}: {error.msg}; correct it, then run the same command again"
        ) from None
    classes = reversed(_classes(tree))
    return {model: owner.name for owner in classes if (model := model_of(owner))}


def _classes(node: ast.Module | ast.ClassDef) -> list[ast.ClassDef]:
    return [each for each in node.body if isinstance(each, ast.ClassDef)]


def places(service: Service) -> dict[str, tuple[str, int]]:
    """The file and the line of each model, by its name."""
    return {
        name: (_file(service, module), line)
        for module, found in _models(service).items()
        for name, line in found.items()
    }


def primary_keys(service: Service) -> dict[str, str]:
    """Return the attribute of the primary key of each model that states one column as its key."""
    found = {}
    for _, tree in _trees(service):
        for cls in _classes(tree):
            keys = [
                name
                for line in cls.body
                if isinstance(line, ast.Assign | ast.AnnAssign) and isinstance(line.value, ast.Call)
                if any(word.arg == "primary_key" for word in line.value.keywords)
                for name in _targets(line)
            ]
            if len(keys) == 1:
                found[cls.name] = keys[0]
    return found


def _file(service: Service, module: str) -> str:
    """The file of a module, relative to the service."""
    folder = service.packages[0].parent / module.replace(".", "/")
    file = folder.with_suffix(".py")
    found = file if file.is_file() else folder / "__init__.py"
    return found.relative_to(service.root).as_posix()


def _models(service: Service) -> dict[str, dict[str, int]]:
    """The names of the models with their lines, by the module that defines them."""
    classes = {module: _classes(tree) for module, tree in _trees(service)}
    everywhere = [cls for found in classes.values() for cls in found]
    rooted = _closure(everywhere, {cls.name for cls in everywhere if _has_root(cls, everywhere)})
    models = _closure(
        [cls for cls in everywhere if not _is_base(cls)],
        {cls.name for cls in everywhere if _looks_mapped(cls, rooted)},
    )
    found = {
        module: {cls.name: cls.lineno for cls in each if cls.name in models and not _is_base(cls)}
        for module, each in classes.items()
    }
    return {module: each for module, each in found.items() if each}


def _trees(service: Service) -> Iterator[tuple[str, ast.Module]]:
    for package in service.packages:
        for path in sorted(package.rglob("*.py")):
            if _is_migration(path):
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            if any(mark in text for mark in MARKS) or "table=True" in text:
                parts = path.relative_to(package.parent).with_suffix("").parts
                try:
                    yield ".".join(parts).removesuffix(".__init__"), ast.parse(text)
                except SyntaxError:
                    # Half written: the import says so, where this module is asked for.
                    continue


def _is_migration(path: Path) -> bool:
    """Return whether a module belongs to Alembic, whose mapped classes are those of the past."""
    return path.parent.name == "versions" and (path.parents[1] / "env.py").is_file()


def _closure(classes: list[ast.ClassDef], names: set[str]) -> set[str]:
    """The names, and those of the classes that inherit from one of them."""
    size = -1
    while size != len(names):
        size = len(names)
        names = names | {cls.name for cls in classes if names & set(map(_last, cls.bases))}
    return names


def _has_root(cls: ast.ClassDef, classes: list[ast.ClassDef]) -> bool:
    """Whether it has a base that may be the declarative one: an import, or a variable."""
    own = {each.name for each in classes}
    return bool(set(map(_last, cls.bases)) - own - NO_BASES - {""})


def _is_base(cls: ast.ClassDef) -> bool:
    bases = set(map(_last, cls.bases))
    abstract = any("__abstract__" in _targets(line) for line in cls.body)
    return abstract or bool(bases & {"DeclarativeBase", "DeclarativeBaseNoMeta"})


def _looks_mapped(cls: ast.ClassDef, rooted: set[str]) -> bool:
    if _is_base(cls):
        return False
    decorated = any("mapped" in _last(_called(each)) for each in cls.decorator_list)
    table = any(each.arg == "table" for each in cls.keywords)
    has_columns = any(
        _last(_called(getattr(line, "value", None))) in {"mapped_column", "Column"}
        or (isinstance(line, ast.AnnAssign) and _last(line.annotation) == "Mapped")
        or bool({"__tablename__", "__table__"} & _targets(line))
        for line in cls.body
    )
    return decorated or table or (has_columns and cls.name in rooted)


def _targets(line: ast.stmt) -> set[str]:
    if isinstance(line, ast.Assign):
        return {_last(target) for target in line.targets}
    return {_last(line.target)} if isinstance(line, ast.AnnAssign) else set()


def _called(node: ast.AST | None) -> ast.AST | None:
    return node.func if isinstance(node, ast.Call) else node


def _last(node: ast.AST | None) -> str:
    """The last part of a dotted name; of `Base[int]` that of `Base`."""
    while isinstance(node, ast.Subscript | ast.Call):
        node = node.value if isinstance(node, ast.Subscript) else node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
