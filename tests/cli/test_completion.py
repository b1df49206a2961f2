"""Each shell completes what `tpgen` prints for it, asked as it asks when a person presses TAB."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.processes import clean_environment
from tests.rendering import Service

BASH = """
eval "$(tpgen completion bash)"
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDBREAKS=' '
read -ra COMP_WORDS <<< "$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_python_argcomplete tpgen
printf '%s\\n' "${COMPREPLY[@]}"
"""


def environment() -> dict[str, str]:
    return clean_environment() | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "TERM": "dumb",
    }


def in_bash(line: str, folder: Path) -> str:
    command = ["bash", "-c", BASH, "bash", line]
    return subprocess.check_output(command, cwd=folder, env=environment(), text=True)


def in_fish(line: str, folder: Path) -> str:
    script = f"tpgen completion fish | source; complete -C '{line}'"
    command = ["fish", "--no-config", "-c", script]
    return subprocess.check_output(command, cwd=folder, env=environment(), text=True)


def in_zsh(line: str, folder: Path) -> str:
    """zsh completes only for a person at a terminal."""
    shell = pexpect.spawn("zsh", ["-f", "-i"], cwd=folder, env=environment(), encoding="utf-8")
    shell.sendline(
        'autoload -U compinit; compinit -u -D; eval "$(tpgen completion zsh)"; PS1=RE; PS1+=ADY'
    )
    shell.expect("READY", timeout=30)
    shell.send(f"{line}\t")
    shell.expect(["detect_pii", pexpect.TIMEOUT], timeout=30)
    said = f"{shell.before}{shell.after}"
    shell.close(force=True)
    return said


SHELLS = {"bash": in_bash, "fish": in_fish, "zsh": in_zsh}


@pytest.mark.parametrize("shell", SHELLS)
def test_completes_the_components_that_lack_tests(shell: str, service: Service) -> None:
    if shutil.which(shell) is None and "CI" not in os.environ:
        pytest.skip(f"there is no {shell} here")
    (service.path / "tests/unit/pipeline/steps/test_detect_pii.py").unlink()
    assert "detect_pii" in SHELLS[shell]("tpgen step de", service.path)
