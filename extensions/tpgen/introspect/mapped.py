"""Read the models of a service from SQLAlchemy, in a process of the service's own."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

from tpgen.core.errors import UserError
from tpgen.core.service import Service
from tpgen.core.terminal import waiting

PROBE = Path(__file__).parent / "probes" / "probe_models.py"


def read(service: Service, name: str, modules: list[str], path: str) -> list[dict[str, Any]]:
    """Return the columns and references of a model and of the models that it needs.

    Args:
        service: the service.
        name: the class of the model.
        modules: the modules that define models, that of `name` first.
        path: the file of the factories, for errors.

    Raises:
        UserError: the models can't be imported, or two of them have one name.
    """
    with waiting("reading the models"):
        ended = service.run([str(PROBE), name, *modules], seconds=service.reading_seconds)
    if ended.returncode:
        lines = [line for line in ended.stderr.splitlines() if line.strip() and line[0] != "("]
        said = lines[-1] if lines else f"Python ended with {ended.returncode}"
        raise UserError(
            f"the models of {service.root} can't be read: {said}; see the traceback with "
            f"`{service.python} -c 'import {', '.join(modules)}'`"
        )
    found: list[dict[str, Any]] = json.loads(ended.stdout.splitlines()[-1])
    names = Counter(model["name"] for model in found)
    twice = {name for name, count in names.items() if count > 1}
    if twice:
        homes = sorted(model["module"] for model in found if model["name"] in twice)
        raise UserError(
            f"{name} needs two models called {twice.pop()}, of {' and '.join(homes)}, and a "
            f"factory has the name of its model: write the factories of both in {path} first"
        )
    return found
