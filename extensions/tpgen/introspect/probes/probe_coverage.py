"""Write what coverage measured in files as JSON: what ran, and by which tests.

The service's own interpreter runs this, so that coverage reads its data with the syntax, the
settings and the plugins of the service. Its arguments are a JSON file with the question, and the
file for the answer. It needs the standard library and coverage.
"""

import json
import sys
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

try:
    from coverage import Coverage, __version__
    from coverage.exceptions import CoverageException, NoDataError
    from coverage.files import GlobMatcher, prep_patterns
except ImportError:
    Coverage = None  # type: ignore[assignment, misc]


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    if Coverage is None:
        return {"error": "absent"}
    root = Path(asked["root"])
    with chdir(root):
        try:
            loaded = _load(asked["data"])
        except CoverageException as error:
            return {"error": "data", "said": str(error)}
        data = loaded.get_data()
        concurrency: Any = loaded.get_option("run:concurrency") or []
        has_contexts = any("::" in name for name in data.measured_contexts())
        try:
            files = _measured(loaded, root, asked)
            here = root.resolve()
            names = data.measured_files()
            return {
                "has_contexts": has_contexts,
                "is_elsewhere": bool(names)
                and not any(Path(name).resolve().is_relative_to(here) for name in names),
                "settings": _settings(loaded, here),
                "follows_greenlets": "greenlet" in concurrency or not find_spec("greenlet"),
                "files": files,
                "percent": _percent(loaded) if asked["needs_percent"] else None,
            }
        except CoverageException as error:
            return {"error": "report", "said": f"{error} (coverage {__version__})"}


def _settings(loaded: Coverage, root: Path) -> str:
    """Return the file that coverage reads its settings from."""
    file = Path(loaded.config.config_file or root / "pyproject.toml")
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)


def _load(places: list[str]) -> Coverage:
    if len(places) == 1:
        loaded = Coverage(data_file=places[0])
        loaded.load()
    else:
        loaded = Coverage(data_file=None)
        loaded.combine(places, strict=True, keep=True)
    return loaded


def _measured(loaded: Coverage, root: Path, asked: dict[str, Any]) -> dict[str, Any]:
    known = loaded.get_data().measured_files()
    paths = _sources(loaded, root, asked, known)
    # The report applies `[tool.coverage.paths]` to the data.
    report = _lcov(loaded, [str(root / path) for path in paths]) if paths else []
    data = loaded.get_data()
    # With the setting `context`, coverage writes `STATIC|ID|run`.
    static = f"{loaded.get_option('run:context')}|"
    found: dict[str, Any] = {path: None for path in paths}
    for line in report:
        key, _, value = line.partition(":")
        if key == "SF":
            place = (root / value).resolve()
            # The names in the data may be relative.
            name = str(place) if str(place) in known else value
            path = place.relative_to(root.resolve()).as_posix()
            file = found[path] = {"lines": {}, "branches": []}
            file |= _contexts(data.contexts_by_lineno(name), static)
        elif key == "DA":
            number, ran = value.split(",")[:2]
            file["lines"][number] = ran != "0"
        elif key == "BRDA":
            number, *_, taken = value.split(",")
            file["branches"].append((int(number), taken not in "0-"))
    return found


def _contexts(by_line: dict[int, list[str]], static: str) -> dict[str, Any]:
    """Return the sets of contexts, each once, and the number of the set of each line."""
    sets: dict[tuple[str, ...], int] = {}
    lines = {
        line: sets.setdefault(tuple(sorted(names)), len(sets)) for line, names in by_line.items()
    }
    return {
        "sets": [[name.removeprefix(static) for name in names] for names in sets],
        "set_of": lines,
    }


def _sources(loaded: Coverage, root: Path, asked: dict[str, Any], known: set[str]) -> list[str]:
    """Return the files that coverage measured, or should have."""
    omit: Any = loaded.get_option("run:omit") or []
    sources: Any = loaded.get_option("run:source") or []
    # A source is a folder or the name of a package.
    folders = [root / above / name for name in sources for above in ("", "src")]
    folders = [each.resolve() for each in folders or map(Path, asked["packages"])]
    omitted = GlobMatcher(prep_patterns(omit))

    def is_source(path: str) -> bool:
        place = root / path
        is_below = any(place.is_relative_to(folder) for folder in folders)
        is_measured = bool({str(place), path} & known)
        return is_measured or (is_below and not omitted.match(str(place)))

    return [path for path in asked["paths"] if is_source(path)]


def _lcov(loaded: Coverage, files: list[str]) -> list[str]:
    """Return coverage's report of files, in the format of lcov."""
    with TemporaryDirectory() as folder:
        out = Path(folder) / "lcov"
        try:
            loaded.lcov_report(files, outfile=str(out))
        except NoDataError:
            return []
        return out.read_text(encoding="utf-8").splitlines()


def _percent(loaded: Coverage) -> float:
    with TemporaryDirectory() as folder:
        return loaded.lcov_report(outfile=f"{folder}/lcov")


def main(question: str, answer: str) -> None:
    """Answer the question of a file."""
    asked = json.loads(Path(question).read_text(encoding="utf-8"))
    Path(answer).write_text(json.dumps(_answer(asked)), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
