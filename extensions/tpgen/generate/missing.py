"""The components without tests, for shell completion."""

from collections.abc import Sequence

from tpgen.core.policy import Kind, factories
from tpgen.core.service import Service
from tpgen.source import components
from tpgen.source.covered import Covered, normalize_path


def names(service: Service, kind: Kind, typed: Sequence[str]) -> list[str]:
    """Return the next words of a command line.

    Args:
        service: where.
        kind: of the component.
        typed: the words after the kind so far.
    """
    if kind.introspect == "source":
        found = components.names(service, kind)
        return [name for name in found if not _has_tests(service, kind, name)]
    if kind.introspect == "model":
        return _models(service)
    routes = _routes(service, kind)
    if not typed:
        return sorted({method for method, _ in routes})
    return sorted(path for method, path in routes if method == typed[0].upper())


def _has_tests(service: Service, kind: Kind, name: str) -> bool:
    return all((service.root / test.path.replace("{name}", name)).exists() for test in kind.tests)


def _models(service: Service) -> list[str]:
    from tpgen.source import models

    path = factories(service.root)
    file = service.root / path
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    return models.without_factory(service, text, str(path))


def _routes(service: Service, kind: Kind) -> list[tuple[str, str]]:
    """Return the routes without a test class; loading the app takes a second or two."""
    from .routes.app import read

    app = read(service)
    covered = Covered(app.routes).files(service, kind)
    return [
        (method, path)
        for method, path in app.routes
        if (method, normalize_path(path)) not in covered
    ]
