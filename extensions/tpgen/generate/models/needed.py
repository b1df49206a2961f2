"""The factories that the rows of a model need, and which of them a service lacks."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from tpgen.core.errors import Misuse
from tpgen.core.names import alike
from tpgen.core.service import Service
from tpgen.introspect import mapped
from tpgen.source.models import by_module, factories_of

from .factories import Factories, factory, imports


def read(service: Service, name: str, factories: str, path: str) -> Factories:
    """Find out which factories a model needs that are not there yet.

    Args:
        service: where to look.
        name: the class of the model, in any way of writing it: `order_line` is `OrderLine`.
        factories: the text of the service's factories; empty if it has none.
        path: of that file, for errors.

    Raises:
        Misuse: two models have the name, the models can't be imported, or the text is no Python.
    """
    present = factories_of(factories, path)
    modules = by_module(service)
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
    probed = {model["name"]: model for model in mapped.read(service, name, [*homes, *others], path)}
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


def _in_order(name: str, models: Mapping[str, dict[str, Any]], done: set[str]) -> Iterator[str]:
    """The model and those that it needs, each after what it needs itself."""
    done.add(name)
    for reference in models[name]["references"]:
        target = reference["target"]
        if target and target["name"] not in done:
            yield from _in_order(target["name"], models, done)
    yield name
