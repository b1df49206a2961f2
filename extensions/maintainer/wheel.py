"""`make wheel`: the engine as a wheel in the template, for services that can't fetch it by git."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from tempfile import TemporaryDirectory

from tpgen.core.errors import Misuse

TEMPLATE = Path(__file__).parents[2]
ENGINE = "extensions/pytest-tpgen"
PACKAGE = "pytest_tpgen"
FOLDER = "template/{% if engine_source == 'wheel' %}vendor{% endif %}"
# The same sources give the same bytes: no file in the wheel has the time of the build.
EPOCH = "1580601600"


def main() -> int:
    """Build the wheel of this repository.

    Returns:
        0, or 2 if it can't be built.
    """
    try:
        print(f"wrote {build(TEMPLATE).relative_to(TEMPLATE)}")
    except Misuse as error:
        print(f"wheel: {error}", file=sys.stderr)
        return 2
    return 0


def build(template: Path) -> Path:
    """Build the wheel into the template, instead of the one that is there.

    Args:
        template: the folder of a template's repository.

    Returns:
        The wheel.

    Raises:
        Misuse: uv can't build it; the old one stays.
    """
    with TemporaryDirectory(prefix="tpgen-") as folder:
        _run_uv(template / ENGINE, folder)
        [built] = Path(folder).glob("*.whl")
        shutil.rmtree(template / FOLDER, ignore_errors=True)
        (template / FOLDER).mkdir()
        return Path(shutil.copy(built, template / FOLDER))


def _run_uv(engine: Path, into: str) -> None:
    command = [os.environ.get("UV", "uv"), "build", "--quiet", "--wheel", "--out-dir", into, "."]
    env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH}
    try:
        subprocess.run(command, cwd=engine, env=env, check=True, capture_output=True, text=True)
    except OSError as error:
        raise Misuse(f"uv can't be run ({error.strerror}): use `make wheel`") from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())
        raise Misuse(f"uv can't build {ENGINE}: {said}") from None


def differences(template: Path) -> list[str]:
    """Return what the wheel in the template has in other words than the engine's sources.

    Args:
        template: the folder of a template's repository.

    Returns:
        paths of files, "METADATA" for version and dependencies; the folder if it has no wheel.
    """
    wheels = sorted((template / FOLDER).glob("*.whl"))
    if len(wheels) != 1:
        return [FOLDER]
    engine = template / ENGINE
    with zipfile.ZipFile(wheels[0]) as wheel:
        names = [name for name in wheel.namelist() if name.startswith(f"{PACKAGE}/")]
        held = {name: wheel.read(name) for name in names}
        [metadata] = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        about = Parser().parsestr(wheel.read(metadata).decode())
    sources = {
        path.relative_to(engine).as_posix(): path.read_bytes()
        for path in (engine / PACKAGE).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    differing = {name for name in held.keys() | sources if held.get(name) != sources.get(name)}
    stated = _stated(engine)
    given = {about["Version"], *map(_plain, about.get_all("Requires-Dist", []))}
    return sorted(differing) + ["METADATA"] * (given != stated)


def _stated(engine: Path) -> set[str]:
    project = tomllib.loads((engine / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    optional = [_of_extra(requirement, extra) for extra, all_ in extras for requirement in all_]
    return {project["version"], *map(_plain, [*project["dependencies"], *optional])}


def _of_extra(requirement: str, extra: str) -> str:
    name, _, marker = requirement.partition(";")
    condition = f"({marker.strip()}) and " if marker else ""
    return f"{name}; {condition}extra == '{extra}'"


def _plain(requirement: str) -> str:
    from packaging.requirements import Requirement

    return str(Requirement(requirement))


if __name__ == "__main__":
    sys.exit(main())
