"""`make wheel`: the engine as a wheel in the template, for services that can't fetch it by git."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tpgen.core.errors import UserError

TEMPLATE = Path(__file__).parents[2]
ENGINE = "extensions/pytest-tpgen"
FOLDER = "template/service/{% if engine_source == 'wheel' %}vendor{% endif %}"
# The same sources give the same bytes: no file in the wheel has the time of the build.
EPOCH = "1580601600"


def main() -> int:
    """Build the wheel of this repository.

    Returns:
        0, or 2 if it can't be built.
    """
    try:
        print(f"wrote {build(TEMPLATE).relative_to(TEMPLATE)}")
    except UserError as error:
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
        UserError: uv can't build it; the old one stays.
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
        raise UserError(f"uv can't be run ({error.strerror}): use `make wheel`") from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())
        raise UserError(f"uv can't build {ENGINE}: {said}") from None


if __name__ == "__main__":
    sys.exit(main())
