"""The commands of ours that messages recommend: the command line takes each of them."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from tpgen.cli import command_line

from tests.rendering import Service

ROOT = Path(__file__).parents[2]


def texts(module: ast.Module) -> Iterator[str]:
    """Yield the strings of a module; what is filled in is WORD."""
    for node in ast.walk(module):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(getattr(part, "value", "")) if isinstance(part, ast.Constant) else "WORD"
                for part in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def recommended() -> Iterator[str]:
    for path in (ROOT / "extensions").rglob("*.py"):
        for text in texts(ast.parse(path.read_text("utf-8"))):
            yield from re.findall(r"`(tpgen [^`]+)`", text)


def test_the_command_line_takes_them(rendered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of a rule, a kind or a version is taken for any word."""
    commands = set(recommended())
    assert len(commands) > 12
    monkeypatch.chdir(rendered.path)
    for command in commands:
        known = command.replace("KIND", "step").replace("tpgen WORD", "tpgen step NAME")
        words = shlex.split(known)[1:]
        assert command_line.parser(words).parse_args(words), command
