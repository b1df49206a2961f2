"""Skeletons: the templates in the service's policy from which `tpgen` renders tests."""

import ast
import json
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from tpgen.core.errors import UserError
from tpgen.core.service import Service

FOLDER = "tests/policy/skeletons"


def render(service: Service, skeleton: str, context: Mapping[str, Any]) -> str:
    """Return the Python module that a skeleton gives for a component; `UserError` if it fails."""
    environment = SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(service.root / FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["source"] = json.dumps
    try:
        text = environment.get_template(skeleton).render(context)
        ast.parse(text)
    except UserError:
        raise
    except jinja2.TemplateNotFound as error:
        raise UserError(
            f"there is no skeleton {FOLDER}/{error.name}: write it, or correct its name in "
            "policy.toml"
        ) from None
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise UserError(
            f"{FOLDER}/{skeleton} gives text that is not Python ({error.msg}): `{line}`; correct "
            "the skeleton"
        ) from None
    except Exception as error:  # A skeleton may call any method of its context.
        # Jinja puts the lines of templates into tracebacks.
        places = [f"{FOLDER}/{skeleton}"]
        for frame in traceback.extract_tb(error.__traceback__):
            if (file := Path(frame.filename)).is_relative_to(service.root / FOLDER):
                places.append(f"{file.relative_to(service.root).as_posix()}:{frame.lineno}")
        kind = "" if isinstance(error, jinja2.TemplateError) else f"{type(error).__name__}: "
        raise UserError(f"{places[-1]}: {kind}{error}; correct the skeleton") from error
    return text
