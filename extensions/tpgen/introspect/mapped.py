"""What SQLAlchemy says about the models of a service: read in a process of the service's own."""

import json
from pathlib import Path
from typing import Any

from tpgen.core.errors import Misuse
from tpgen.core.service import Service
from tpgen.core.terminal import waiting

# Seconds that reading a service may take.
READING = 60
PROBE = Path(__file__).parent / "probes" / "probe_models.py"


def read(service: Service, name: str, modules: list[str], path: str) -> list[dict[str, Any]]:
    """Return the columns and references of a model and of the models that it needs.

    Args:
        service: where the models are.
        name: the class of the model.
        modules: those that define models, that of `name` first.
        path: of the file of the factories, for errors.

    Raises:
        Misuse: the models can't be imported, or two of them have one name.
    """
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
