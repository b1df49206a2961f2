"""Read the models of a service from SQLAlchemy, in a process of the service's own."""

from collections import Counter
from typing import Any

from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.core.terminal import waiting

from . import probing


def read(service: Service, name: str, modules: list[str], path: str) -> list[dict[str, Any]]:
    """Return the columns and references of a model and of the models that it needs.

    The first module defines it; the path is that of the factories, for errors.

    Raises:
        UserError: the models can't be imported, or two of them have one name.
    """
    with waiting("reading the models"):
        found = probing.run(service, "probe_models.py", name, *modules)
    if isinstance(found, dict):
        raise UserError(
            f"the models of {service.root} can't be read: {found['error']}; see the traceback with "
            f"`{service.python} -c 'import {', '.join(modules)}'`"
        )
    models: list[dict[str, Any]] = found
    [(twice, count)] = Counter(model["name"] for model in models).most_common(1)
    if count > 1:
        homes = sorted(model["module"] for model in models if model["name"] == twice)
        raise UserError(
            f"{name} needs two models called {twice}, of {' and '.join(homes)}, and a "
            f"factory has the name of its model: write the factories of both in {path} first"
        )
    return models
