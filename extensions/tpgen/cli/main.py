"""The command `tpgen`: what is typed. Its kinds of components come from the service's policy."""

import argparse
import difflib
import math
import os
import re
import shlex
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import NoReturn

from tpgen.core import policy, service, terminal
from tpgen.core.errors import Misuse
from tpgen.core.policy import Kind
from tpgen.core.terminal import say, say_no_more

FORMATS = ("text", "json", "sarif", "github")
FORMATS_OF_CENSUS = ("text", "markdown", "json")
SHELLS = ("bash", "zsh", "fish")
UPDATE = """\
Brings the newest version of the testing policy into this service: says what it changes, lets
Copier render it, and git merge it. Nothing is committed, and no edit is lost: what can't be
merged is left as a conflict."""
CHECK = """\
Finds where the files fall short of the testing policy: in a service, or in any other project.
Without a PATH these are the files that git knows, or could add."""
CODES = """\
RULES are codes, their beginnings or names, between commas: TPG1,sleep-in-test.
`tpgen explain` lists them. `pyproject.toml` exempts from one for a while: `tpgen exemptions`.

exit codes: 0 no findings, 1 findings, 2 something must be changed first"""
CENSUS = """\
Shows which required cases of which components are proved, by what `pytest --census` saw: prints
what is missing, and what failed."""
CENSUS_CODES = """\
exit codes: 0 all are proved, exempt or not required yet, 1 some are not, 2 something must be
changed first"""
UPDATE_CODES = """\
exit codes: 0 done, 1 a person must look (with --check: an update waits), 2 something must be
changed first, and nothing was written"""
WORDS = {
    "source": [("NAME", "its name, such as detect_pii")],
    "model": [("NAME", "the model, such as Invoice")],
    "route": [("METHOD", "such as POST"), ("PATH", "such as /v1/agents")],
}
# The kinds of the template, for `--help` outside of a service.
KINDS = (
    ("step", "a pipeline step"),
    ("route", "an API route"),
    ("vault", "a vault provider"),
    ("factory", "the factory of a model"),
    ("client", "a client of an upstream API"),
)
WORDS_OF = {"route": "route", "factory": "model"}


class Parser(argparse.ArgumentParser):
    """A parser whose errors look like all others of ours."""

    def error(self, message: str) -> NoReturn:
        raise Misuse(f"{_with_guess(message)}; `{self.prog} --help` lists what there is")


def _with_guess(message: str) -> str:
    """Return argparse's message about a wrong word, with the one that was probably meant."""
    found = re.fullmatch(r"argument (\w+): invalid choice: '(.*)' \(choose from (.*)\)", message)
    if found is None:
        return message
    what, word, known = found.groups()
    guess = _guess(word, re.findall(r"[\w-]+", known)) or f": choose from {known}"
    return f"`{word}` is not a {what.lower()}{guess}"


def _guess(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, known, 1)
    return f": did you mean `{near[0]}`?" if near else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0 where all is well; 1 where `check` finds something, or `update` or `drift` something to
        look at; 2 where a person must change something first, and nothing was written; 130 after
        Ctrl-C, 141 where nobody reads on, as shells have it; 3 for a fault of our own.
    """
    typed = sys.argv[1:] if arguments is None else list(arguments)
    if arguments is None:
        # As Ctrl-C does, it ends what is under way, and the processes that work for it.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if typed[:1] in (["-V"], ["--version"]):
            from importlib import metadata

            print(f"tpgen {metadata.version('tpgen')}")
            return 0
        parser = _parser(_kinds(typed))
        if "_ARGCOMPLETE" in os.environ:
            import argcomplete

            argcomplete.autocomplete(parser)
        if not typed:
            parser.print_help()
            return 0
        chosen, rest = parser.parse_known_args(typed)
        is_watched = sys.stderr.isatty() and not chosen.quiet
        terminal.after(0.0 if chosen.verbose else 1.0 if is_watched else math.inf)
        if rest:
            chosen.parser.error(f"there is no use for {shlex.join(rest)}")
        with _standard_output(chosen.quiet):
            code = int(chosen.run(chosen))
            sys.stdout.flush()
        return code
    except Misuse as error:
        print(f"tpgen: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read on, such as `head`, has enough
        say_no_more()
        return 141
    except OSError as error:
        say_no_more()
        print(f"tpgen: {error}", file=sys.stderr)
        return 2
    except Exception:  # noqa: BLE001 - 1 would say that something was found
        traceback.print_exc()
        print(
            "tpgen: this is a fault of tpgen: please report it, with these lines", file=sys.stderr
        )
        return 3


@contextmanager
def _standard_output(is_quiet: bool) -> Iterator[None]:
    """Let nothing be printed but errors, if that was asked for."""
    if not is_quiet:
        yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nothing, redirect_stdout(nothing):
        yield


def _kinds(typed: Sequence[str]) -> Mapping[str, Kind]:
    """The kinds of the service here.

    Raises:
        Misuse: there is no service, and what is typed is about one; or its policy is broken.
    """
    if policy.COMMANDS & set(typed[:2]):
        return {}
    words = [word for word in typed if not word.startswith("-")]
    asks_for_help = not words or {"-h", "--help"} & set(typed)
    try:
        root = service.find(Path.cwd()).root
    except Misuse as error:
        if asks_for_help:
            return {
                name: Kind(name, text, (), WORDS_OF.get(name, "source")) for name, text in KINDS
            }
        if words[0] not in dict(KINDS) and (guess := _guess(words[0], policy.COMMANDS)):
            raise Misuse(f"`{words[0]}` is not a command{guess}") from None
        raise Misuse(str(error)) from None
    kinds = policy.kinds(root)
    if not kinds and not asks_for_help:
        raise Misuse(f"{service.POLICY} has no [kinds.NAME], so there is no command `{typed[0]}`")
    return kinds


def _parser(kinds: Mapping[str, Kind]) -> Parser:
    parser = Parser(
        prog="tpgen",
        description="Writes the tests that the testing policy asks of a component, and finds "
        "where a project falls short of it.",
        epilog=None if kinds else "In a service there is a command for each kind of component.",
    )
    text = "print the version"
    parser.add_argument("-V", "--version", action="store_true", help=text)
    _add_volume(parser, default=False)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for kind in kinds.values():
        _add_kind(commands, kind)
    _add_check(commands)
    _add_census(commands)
    _add_update(commands)
    undo = commands.add_parser("undo", help="take back what the last command wrote")
    undo.set_defaults(run=_undo, parser=undo)
    completion = commands.add_parser("completion", help="print what makes a shell complete names")
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(run=_completion, parser=completion)
    _add_new(commands)
    for command in commands.choices.values():
        _add_volume(command, default=argparse.SUPPRESS)
    return parser


def _add_volume(parser: argparse.ArgumentParser, default: object) -> None:
    """Add the options that every command has, before and after its name."""
    volume = parser.add_mutually_exclusive_group()
    text = "print errors only"
    volume.add_argument("-q", "--quiet", action="store_true", default=default, help=text)
    text = "say on standard error what the command waits for"
    volume.add_argument("-v", "--verbose", action="store_true", default=default, help=text)


def _add_new(commands: "argparse._SubParsersAction[Parser]") -> None:
    text = "render a new service"
    new = commands.add_parser(
        "new", help=text, description="Renders a new service from the template."
    )
    new.add_argument("folder", metavar="DEST", help="a folder that is not there, or empty")
    text = "address of the template (default: the one that tpgen was installed from)"
    new.add_argument("--template", default="", metavar="ADDRESS", help=text)
    text = "tag or commit of the template (default: the newest release)"
    new.add_argument("--version", default="", metavar="VERSION", help=text)
    text = "answer a question; the others are asked"
    new.add_argument("--data", action="append", default=[], metavar="KEY=VALUE", help=text)
    text = "take the proposed answers instead of asking"
    new.add_argument("--defaults", action="store_true", help=text)
    new.set_defaults(run=_new, parser=new)


def _add_kind(commands: "argparse._SubParsersAction[Parser]", kind: Kind) -> None:
    files = "\n".join(f"  {test.path}" for test in kind.tests)
    where = f", to\n\n{files}" if files else ". Run it in a service."
    command = commands.add_parser(
        kind.name,
        help=f"write the tests of {kind.help}",
        description=f"Writes the tests of {kind.help}, as far as they are missing{where}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for word, text in WORDS[kind.introspect]:
        argument = command.add_argument("words", metavar=word, action="append", help=text)
        argument.completer = _Completer(kind)  # type: ignore[attr-defined]
    command.add_argument("--dry-run", action="store_true", help="print the diff, write nothing")
    if kind.introspect == "route":
        text = "take it that the handler itself, or its decorator, demands credentials"
        command.add_argument("--guarded", action="store_true", help=text)
    if kind.source:
        text = "write a start of the component too, where it is not there"
        command.add_argument("--with-source", action="store_true", help=text)
    command.set_defaults(run=_scaffold, parser=command, kind=kind, with_source=False, guarded=False)


def _add_check(commands: "argparse._SubParsersAction[Parser]") -> None:
    check = commands.add_parser(
        "check",
        help="find where the files fall short of the policy",
        description=CHECK,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.add_argument("paths", metavar="PATH", nargs="*", help="a file or folder; all, if none")
    for option, text in (("--select", "run these rules alone"), ("--ignore", "leave these out")):
        words = check.add_argument(option, action="append", default=[], metavar="RULES", help=text)
        words.completer = _rules  # type: ignore[attr-defined]
    text = "mend what is safe to mend, marked [*]; `tpgen undo` takes it back"
    check.add_argument("--fix", action="store_true", help=text)
    check.add_argument("--format", choices=FORMATS, help="text, in GitHub's workflows github")
    text = "compare with this revision, where a rule is about a change (HEAD)"
    check.add_argument("--base", default="", metavar="REVISION", help=text)
    check.set_defaults(run=_check, parser=check)
    explain = commands.add_parser("explain", help="say what a rule is about, and what to do")
    code = explain.add_argument(
        "code", nargs="?", default="", metavar="RULE", help="its code or name; lists all, if none"
    )
    code.completer = _rules  # type: ignore[attr-defined]
    explain.set_defaults(run=_explain, parser=explain)
    exemptions = commands.add_parser("exemptions", help="list what is exempt, why and until when")
    exemptions.set_defaults(run=_exemptions, parser=exemptions)


def _add_census(commands: "argparse._SubParsersAction[Parser]") -> None:
    census = commands.add_parser(
        "census",
        help="show which required cases a run has proved",
        description=CENSUS,
        epilog=CENSUS_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    census.add_argument("--all", action="store_true", help="print what is proved too")
    census.add_argument("--format", choices=FORMATS_OF_CENSUS, help="output format (default: text)")
    census.add_argument("--html", metavar="FILE", help="write one self-contained page too")
    text = "take these run records, such as those of shards (default: the newest in .tpgen)"
    census.add_argument("--merge", metavar="RECORD", nargs="+", default=[], help=text)
    census.set_defaults(run=_census, parser=census)


def _add_update(commands: "argparse._SubParsersAction[Parser]") -> None:
    update = commands.add_parser(
        "update",
        help="bring the newest policy into the service",
        description=UPDATE,
        epilog=UPDATE_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    update.add_argument("--check", action="store_true", help="only say whether an update waits")
    text = "say what it would change, write nothing"
    update.add_argument("--dry-run", action="store_true", help=text)
    text = "update to this tag or commit of the template (the newest release)"
    update.add_argument("--to", default="", metavar="VERSION", help=text)
    text = "answer a question of the template anew"
    update.add_argument("--data", action="append", default=[], metavar="KEY=VALUE", help=text)
    update.add_argument("--json", action="store_true", help="print one object for programs")
    update.set_defaults(run=_update, parser=update)
    drift = commands.add_parser("drift", help="find where the template's files were edited by hand")
    drift.add_argument("paths", metavar="PATH", nargs="*", help="a file or folder; all, if none")
    drift.add_argument("--json", action="store_true", help="print one object for programs")
    drift.set_defaults(run=_drift, parser=drift)


def _rules(prefix: str, **_: object) -> list[str]:
    """The rules, for whoever presses TAB; what stands before a comma stays."""
    from tpgen.check import registry

    head, comma, _word = prefix.rpartition(",")
    known = registry.all_rules().values()
    return [f"{head}{comma}{name}" for rule in known for name in (rule.code, rule.name)]


class _Completer:
    """Offers the components that lack tests, to whoever presses TAB."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def __call__(self, parsed_args: argparse.Namespace, **_: object) -> list[str]:
        from tpgen.generate import missing

        try:
            return missing.names(service.find(Path.cwd()), self.kind, parsed_args.words or [])
        except Misuse:
            return []


def _completion(chosen: argparse.Namespace) -> int:
    from argcomplete.shell_integration import shellcode

    print(shellcode(["tpgen"], shell=chosen.shell))
    return 0


def _scaffold(chosen: argparse.Namespace) -> int:
    from tpgen.generate import messages, scaffold

    here = service.find(Path.cwd())
    done = scaffold.plan(
        here,
        chosen.kind,
        chosen.words,
        with_source=chosen.with_source,
        observe=not chosen.dry_run and not chosen.guarded,
    )
    if chosen.dry_run:
        print(messages.dry_run(here, done), end="")
    else:
        scaffold.write(here, done, shlex.join(["tpgen", chosen.kind.name, *chosen.words]))
        print(messages.outcome(here, done))
    return 0


def _census(chosen: argparse.Namespace) -> int:
    from . import census as command

    return command.census(chosen)


def _check(chosen: argparse.Namespace) -> int:
    from . import check as command

    return command.check(chosen)


def _explain(chosen: argparse.Namespace) -> int:
    from . import check as command

    say(command.explain(chosen.code))
    return 0


def _exemptions(chosen: argparse.Namespace) -> int:
    from . import check as command

    say(command.exemptions())
    return 0


def _update(chosen: argparse.Namespace) -> int:
    from . import update as command

    return command.update(chosen)


def _drift(chosen: argparse.Namespace) -> int:
    from . import update as command

    return command.drift(chosen)


def _new(chosen: argparse.Namespace) -> int:
    from . import new

    return new.new(chosen)


def _undo(chosen: argparse.Namespace) -> int:
    from tpgen.check import project
    from tpgen.core import files

    # Also where `check --fix` wrote, which needs no service.
    undone = files.undo(project.find(Path.cwd(), []).root)
    for one in undone:
        print(f"{one.outcome:9}{one.path}{f': {one.reason}' if one.reason else ''}")
    if any(one.outcome == "left" for one in undone):
        print("take your change of what was left away, and `tpgen undo` takes back the rest")
    return 0
