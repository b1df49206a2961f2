"""Skeletons: the templates of the service's policy from which `tpgen` renders tests."""

import ast
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from tpgen.core.errors import Misuse
from tpgen.core.names import to_class, to_snake
from tpgen.core.service import Service

FOLDER = "tests/policy/skeletons"


def render(service: Service, skeleton: str, facts: Mapping[str, Any]) -> str:
    """The text that a skeleton gives for the facts of a component.

    Raises:
        Misuse: there is no such skeleton, it fails, or what it gives is no Python.
    """
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(service.root / FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"snake": to_snake, "pascal": to_class, "source": json.dumps}
    try:
        text = environment.get_template(skeleton).render(facts)
    except jinja2.TemplateNotFound as error:
        raise Misuse(
            f"there is no skeleton {FOLDER}/{error.name}: write it, or correct its name in "
            "policy.toml"
        ) from None
    except jinja2.TemplateSyntaxError as error:
        where = f"{FOLDER}/{error.name or skeleton}:{error.lineno}"
        raise Misuse(f"{where}: {error.message}; correct the skeleton") from None
    except Misuse:
        raise
    except Exception as error:  # A skeleton may call whatever a component offers.
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        reason = error.message if isinstance(error, jinja2.UndefinedError) else said
        raise Misuse(
            f"{_place(service, skeleton, error)}: {reason}; correct the skeleton"
        ) from error
    _require_python(text, skeleton)
    return text


def _place(service: Service, skeleton: str, error: Exception) -> str:
    """Where in a skeleton it failed: Jinja puts the lines of templates into tracebacks."""
    folder = service.root / FOLDER
    frames = traceback.extract_tb(error.__traceback__)
    inside = [one for one in frames if Path(one.filename).is_relative_to(folder)]
    if not inside:
        return f"{FOLDER}/{skeleton}"
    return f"{Path(inside[-1].filename).relative_to(service.root).as_posix()}:{inside[-1].lineno}"


def _require_python(text: str, skeleton: str) -> None:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = (getattr(error, "text", "") or "").strip()
        reason = getattr(error, "msg", "") or str(error)
        raise Misuse(
            f"{FOLDER}/{skeleton} gives no Python ({reason}): `{line}`; correct the skeleton"
        ) from None
