"""The temporary folder in which an update works."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tpgen.core.errors import UserError
from tpgen.core.git import OF_A_HOOK

from .git_merge import complaint


@contextmanager
def workshop() -> Iterator[Path]:
    """Give a temporary folder for what is fetched and rendered.

    The variables by which a Git hook names its repository are removed: they would win over the
    folders that git is run in.

    Raises:
        UserError: it can't be written, or git can't do its work in it or in the service.
    """
    for name in OF_A_HOOK:
        os.environ.pop(name, None)
    try:
        with TemporaryDirectory(prefix="tpgen-", ignore_cleanup_errors=True) as folder:
            # Two updates at once would fetch into the same clone in Copier's usual cache.
            os.environ.setdefault("COPIER_CACHE_DIR", f"{folder}/copier")
            yield Path(folder)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise UserError(f"{error.strerror or error}{where}, and nothing was changed") from None
    except subprocess.CalledProcessError as error:
        raise UserError(f"git failed, and nothing was changed: {complaint(error)}") from None
