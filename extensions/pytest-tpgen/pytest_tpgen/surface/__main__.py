"""`python -m pytest_tpgen.surface`: what `tpgen sdk` asks in the project's own interpreter.

The question is JSON on standard input, the answer is JSON on the last line of standard output.
"""

import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from .comparing import compare
from .merging import merged
from .model import SurfaceError
from .parsing import parse
from .reading import find, load, read
from .subtypes import Types
from .verdict import verdict


def answer(question: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `found`, the classes of a name; or what differs between a class and its stub."""
    if "name" in question:
        return {"found": list(_classes(question["name"], question["packages"]))}
    of, stub = question["of"], question["stub"]
    cls = load(of)
    now = read(cls, of.rpartition(":")[2].rpartition(".")[2])
    if not stub:
        return {"stub": str(now), "changes": {}, "members": list(now.members)}
    before = parse(stub)
    changes = compare(before, now, Types(find(cls)))
    missing = [name for name in now.members if name not in before.members]
    version = question.get("version", "")
    return {
        "changes": {
            name: {
                "is_breaking": any(each.is_breaking for each in found),
                "words": [each.words for each in found],
                "verdict": verdict(of, name, before, now, found, version),
            }
            for name, found in changes.items()
        },
        "missing": missing,
        "members": list(now.members),
        "stub": stub,
        "extended": merged(stub, now, missing) if missing else stub,
        "accepted": merged(stub, now, changes) if changes else stub,
    }


def _classes(name: str, packages: list[str]) -> Iterator[str]:
    """Yield the classes of a name among the public names of packages, shortest path first."""
    for package in packages:
        root = import_module(package)
        if isinstance(getattr(root, name, None), type):
            yield f"{package}:{name}"
            continue
        for module in pkgutil.walk_packages(getattr(root, "__path__", []), f"{package}."):
            if any(part.startswith("_") for part in module.name.split(".")):
                continue
            found = getattr(import_module(module.name), name, None)
            if isinstance(found, type) and found.__module__ == module.name:
                yield f"{module.name}:{name}"


def main() -> int:
    try:
        found = answer(json.load(sys.stdin))
    except SurfaceError as error:
        found = {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - the code of the package may raise anything
        found = {"error": f"the package can't be imported: {error!r}"}
    print(f"\n{json.dumps(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
