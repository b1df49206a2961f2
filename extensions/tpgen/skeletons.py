"""Skeletons: what `tpgen` renders a component's tests from. They belong to the service's policy."""

import json
from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from .errors import Misuse
from .naming import to_class, to_snake
from .service import Service

FOLDER = "tests/policy/skeletons"


def render(service: Service, skeleton: str, facts: Mapping[str, Any]) -> str:
    """The text that a skeleton gives for the facts of a component.

    Raises:
        Misuse: there is no such skeleton, or it asks for what is not there.
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
        return environment.get_template(skeleton).render(facts)
    except jinja2.TemplateNotFound as error:
        raise Misuse(
            f"there is no skeleton {FOLDER}/{error}: write it, or correct its name in policy.toml"
        ) from None
    except jinja2.TemplateSyntaxError as error:
        where = f"{FOLDER}/{error.name or skeleton}:{error.lineno}"
        raise Misuse(f"{where}: {error.message}; correct the skeleton") from None
    except jinja2.UndefinedError as error:
        raise Misuse(f"{FOLDER}/{skeleton}: {error.message}; correct the skeleton") from None
