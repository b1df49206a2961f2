"""Find out which factories the rows of a model need, and which of them a service lacks."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from tpgen.core.errors import UserError
from tpgen.core.names import alike
from tpgen.core.service import Service
from tpgen.introspect.reading import read_models
from tpgen.source.code import Code
from tpgen.source.models import definitions, factories_of

from .factories import Factory, factory, imports


@dataclass(frozen=True)
class Factories:
    """The factories that a model lacks, each after those that it uses, and the lines they import."""

    model: str
    made: tuple[Factory, ...] = ()
    imports: tuple[str, ...] = ()


def read(service: Service, name: str, factories: str, path: str) -> Factories:
    """Return the factories that a model needs and that do not exist yet.

    Args:
        name: the class of the model, in any spelling: `order_line` is `OrderLine`.
        factories: the text of the service's factories; `path` is their file, for errors.

    Raises:
        UserError: there is no such model, or there are two; or code can't be read or imported.
    """
    present = factories_of(factories, path)
    known = definitions(Code(service.packages))
    name = _spelled(name, {model.name for model in known})
    homes = sorted({model.module.name for model in known if model.name == name})
    if len(homes) > 1:
        raise UserError(
            f"{' and '.join(homes)} both define a model {name}, and a factory is called by the "
            f"name of its model: write both in {path}, each with a different name"
        )
    if name in present:
        return Factories(name)
    others = sorted({model.module.name for model in known} - set(homes))
    probed = {model["name"]: model for model in read_models(service, name, [*homes, *others], path)}
    models = [probed[model] for model in _in_order(name, probed, set(present))]
    made = []
    for model in models:
        made.append(factory(model, present))
        present[model["name"]] = made[-1].name
    return Factories(name, tuple(made), imports(models))


def _spelled(name: str, models: Collection[str]) -> str:
    """Return the name as the model has it."""
    same = sorted(model for model in models if alike(model) == alike(name))
    if name in same or len(same) == 1:
        return name if name in same else same[0]
    near = " or ".join(same or get_close_matches(name, models))
    hint = f"did you mean {near}?" if near else "write the model first, then run this again"
    raise UserError(f"the service has no model {name}: {hint}")


def _in_order(name: str, models: Mapping[str, dict[str, Any]], done: set[str]) -> Iterator[str]:
    """Yield the model and those that it needs, each after what it needs itself."""
    done.add(name)
    for reference in models[name]["references"]:
        target = reference["target"]
        if target and target["name"] not in done:
            yield from _in_order(target["name"], models, done)
    yield name
