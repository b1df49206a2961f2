"""`tpgen KIND NAME`: write the tests of a component. The kinds are those of `policy.toml`."""

import argparse
from functools import partial
from pathlib import Path

from tpgen.core import service
from tpgen.core.errors import UserError
from tpgen.core.policy import Kind

# The words that name a component, by what tpgen reads about it.
WORDS = {
    "source": [("NAME", "name, such as detect_pii")],
    "model": [("NAME", "the model, such as Invoice")],
    "route": [("METHOD", "such as POST"), ("PATH", "such as /v1/agents")],
}


def add_arguments(parser: argparse.ArgumentParser, kind: Kind) -> None:
    files = "\n".join(f"  {test.path}" for test in kind.tests)
    where = f" to\n\n{files}" if files else ". Run it in a service."
    parser.description = f"Writes the missing tests of {kind.help}{where}"
    for word, text in WORDS[kind.introspect]:
        argument = parser.add_argument("words", metavar=word, action="append", help=text)
        argument.completer = partial(_complete, kind)  # type: ignore[attr-defined]
    text = "print the diff without writing files"
    parser.add_argument("--dry-run", action="store_true", help=text)
    if kind.introspect == "route":
        text = "assert that the handler itself, or its decorator, demands credentials"
        parser.add_argument("--guarded", action="store_true", help=text)
    if kind.source:
        text = "also write a start of the component if it does not exist"
        parser.add_argument("--with-source", action="store_true", help=text)
    parser.set_defaults(run=run, kind=kind, with_source=False, guarded=False)


def _complete(kind: Kind, *, parsed_args: argparse.Namespace, **_: object) -> list[str]:
    from tpgen.generate import missing

    try:
        return missing.names(service.find(Path.cwd()), kind, parsed_args.words or [])
    except (UserError, ModuleNotFoundError):
        return []


def run(chosen: argparse.Namespace) -> int:
    from tpgen.generate import messages, scaffold, targets

    here = service.find(Path.cwd())
    observe = not chosen.dry_run and not chosen.guarded
    target = targets.find(here, chosen.kind, chosen.words, chosen.with_source, observe)
    done = scaffold.plan(here, target)
    if chosen.dry_run:
        print(messages.dry_run(here, done), end="")
    else:
        scaffold.write(here, done)
        print(messages.outcome(here, done))
    return 0
