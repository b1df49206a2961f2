"""`python -m pytest_tpgen.surface QUESTION`: what `tpgen sdk` asks in the project's interpreter.

Question and answer are JSON; the answer is the last line of the output.
"""

import json
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from .comparing import compare
from .merging import merged
from .model import SurfaceError
from .parsing import parse
from .reading import load, read
from .scopes import types_of
from .verdict import verdict
from .versions import last_tag, next_version, reaches


def answer(question: Mapping[str, Any], tag: str, released: str) -> Mapping[str, Any]:
    """Return the classes of a name (`found`), or what differs between a class and its stub.

    `missing` are the new members that break nobody.

    Args:
        question: `name` and `packages`; or `of`, `stub`, which is empty for a new test, and
            `stated`, the version of the project; or that alone, for a breaking change.
        tag: of the last release, whose version is `released`; empty if there is none.

    Raises:
        SurfaceError: the class or the stub can't be read.
    """
    if "name" in question:
        return {"found": list(_classes(question["name"], question["packages"]))}
    if "of" not in question:
        return version_step(tag, released, question["stated"], is_breaking=True)
    of, stub = question["of"], question["stub"]
    cls = load(of)
    now = read(cls, re.split("[:.]", of)[-1])
    if not stub:
        return {"stub": str(now), "changes": {}, "missing": [], "members": list(now.members)}
    before = parse(stub)
    changes = compare(before, now, types_of(cls))
    added = (name for name in now.members if name not in before.members)
    missing = [name for name in added if not any(each.is_breaking for each in changes[name])]
    is_breaking = any(each.is_breaking for found in changes.values() for each in found)
    return {
        "changes": {
            name: {
                "is_breaking": any(each.is_breaking for each in found),
                "words": [each.words for each in found],
                "verdict": verdict(of, name, before, now, found, released),
            }
            for name, found in changes.items()
        },
        "missing": missing,
        "members": list(now.members),
        "stub": merged(stub, now, missing) if missing else stub,
        "accepted": merged(stub, now, changes) if changes else stub,
        **version_step(tag, released, question["stated"], is_breaking=is_breaking),
    }


def version_step(tag: str, released: str, stated: str, *, is_breaking: bool) -> Mapping[str, Any]:
    """Return the last tag, the version that is needed, and whether the stated one is enough."""
    needed = next_version(released, is_breaking=is_breaking) if released else ""
    is_reached = not (needed and stated) or reaches(stated, needed)
    return {"tag": tag, "needed": needed, "is_reached": is_reached}


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
    question = json.loads(sys.argv[1])
    try:
        found = answer(question, *last_tag(Path.cwd()))
    except (SurfaceError, ValueError) as error:
        found = {"error": str(error)}
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the package may do anything
        found = {"error": f"{question.get('of', 'the class')} can't be read: {error!r}"}
    print(f"\n{json.dumps(found)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
