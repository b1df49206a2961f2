"""The components without tests, for shell completion."""

from collections.abc import Sequence
from pathlib import Path

from tpgen.core.policy import Kind, factories
from tpgen.core.service import Service
from tpgen.source import components, models
from tpgen.source.code import Code
from tpgen.source.covered import Covered, normalize_path


def names(service: Service, kind: Kind, typed: Sequence[str]) -> list[str]:
    """Return the next words of a command line, after those that are typed behind the kind."""
    if kind.introspect == "source":
        paths = [str(service.root / test.path) for test in kind.tests]
        return [
            name
            for name in components.names(service, kind)
            if not all(Path(path.replace("{name}", name)).exists() for path in paths)
        ]
    if kind.introspect == "class":
        return []
    if kind.introspect == "model":
        path = factories(service.root)
        file = service.root / path
        text = file.read_text(encoding="utf-8") if file.is_file() else ""
        return models.without_factory(Code(service.packages), text, str(path))
    # Loading the app takes a second or two.
    from .routes import app

    routes = app.read(service).routes
    covered = Covered(routes).files(service, kind)
    missing = {route for route in routes if (route[0], normalize_path(route[1])) not in covered}
    if not typed:
        return sorted({method for method, _ in missing})
    return sorted(path for method, path in missing if method == typed[0].upper())
