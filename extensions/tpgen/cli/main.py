"""Run what was typed, and turn errors into messages and exit codes."""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack, redirect_stdout

from tpgen.core import terminal
from tpgen.core.commands import COMMANDS
from tpgen.core.errors import UserError
from tpgen.core.terminal import say_no_more

from . import command_line


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; by default the one of the process's command line.

    Returns:
        0 if clean; 1 if `check`, `census`, `update`, `drift` or `sdk` found something to look at; 2
        for misuse or broken input, and nothing was written; 3 for a fault of tpgen; 130, 141 and 143
        after Ctrl-C, a closed pipe and SIGTERM, as shells have it.
    """
    typed = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        # As after Ctrl-C, the processes that work for the command end with it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return _run(typed)
    except UserError as error:
        print(f"tpgen: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        return _missing(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # what reads the output, such as `head`, has enough
        say_no_more()
        return 141
    except OSError as error:
        say_no_more()
        print(f"tpgen: {error}", file=sys.stderr)
        return 2
    except Exception:  # noqa: BLE001 - 1 would say that something was found
        return _fault()


def _run(typed: Sequence[str]) -> int:
    if typed[:1] in (["-V"], ["--version"]):
        from importlib import metadata

        print(f"tpgen {metadata.version('tpgen')}")
        return 0
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete

        # Of a command that is half typed, nothing is known yet; as for help, outside a service the
        # kinds are those of the template.
        words = [word for word in os.environ.get("COMP_LINE", "").split() if word in COMMANDS]
        argcomplete.autocomplete(command_line.parser([*words, "--help"]))
    parser = command_line.parser(typed)
    if not typed:
        parser.print_help()
        return 0
    chosen, rest = parser.parse_known_args(typed)
    if rest:
        chosen.parser.error(f"unexpected argument: {shlex.join(rest)}")
    terminal.is_verbose = chosen.verbose
    with ExitStack() as stack:
        if chosen.quiet:
            nothing = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            stack.enter_context(redirect_stdout(nothing))
        code = int(chosen.run(chosen))
        sys.stdout.flush()
    return code


def _missing(error: ModuleNotFoundError) -> int:
    from tpgen.core import installation

    package = (error.name or "").partition(".")[0]
    extra = installation.extra_of(package)
    if not extra:
        return _fault()
    print(
        f"tpgen: this command needs {package}, which the extra `{extra}` of tpgen installs: "
        f"`{installation.command()}` installs all extras",
        file=sys.stderr,
    )
    return 2


def _fault() -> int:
    traceback.print_exc()
    print("tpgen: this is a fault of tpgen: please report it, with these lines", file=sys.stderr)
    return 3
