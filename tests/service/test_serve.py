"""The starter starts with one command and serves: to a program, and to a person's browser."""

import os
import shutil
import subprocess
from base64 import b64encode

import pytest
from pytest_copie.plugin import Copie

from tests.rendering import Service, install, render
from tests.serving import TENANT, serving

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")


def test_serves_with_one_command(rendered: Service) -> None:
    with serving(rendered) as running:
        assert running.ask("/healthz") == (200, {"status": "ok"})
        status, agent = running.ask("/v1/agents", {"label": "reporter"})
        assert status == 201
        message = {"role": "user", "content": "write to jane@example.com"}
        chat = {"model": "m", "messages": [message]}
        status, answer = running.ask("/v1/chat/completions", chat, key=agent["key"])
        assert (status, answer["choices"][0]["message"]["content"]) == (200, "write to [email]")
        assert running.ask("/v1/agents", key="tp_live_unknown")[0] == 401


def test_make_serve_is_that_command(rendered: Service) -> None:
    done = subprocess.run(
        ["make", "--dry-run", "serve"],
        cwd=rendered.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"python -m pytest_tpgen.postgres sh -c '{TENANT} demo &&" in done.stdout


@pytest.mark.parametrize("setting", ["DATABASE_URL", "VAULT_KEY"])
def test_a_missing_setting_is_one_sentence(setting: str, rendered: Service) -> None:
    there = {"DATABASE_URL": "postgresql://localhost:1/none", "VAULT_KEY": b64encode(b"k" * 32)}
    variables = {name: str(value) for name, value in there.items() if name != setting}
    done = rendered.run("gateway", "serve", **variables)
    assert (done.code, len(done.text.splitlines())) == (2, 1)
    assert setting in done.text


@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="no Chromium here")
def test_a_person_uses_the_page(copie: Copie) -> None:
    service = install(render(copie, frontend=True))
    with serving(service) as running:
        done = service.pytest(
            "tests/e2e", E2E_URL=running.url, E2E_API_KEY=running.key, E2E_BROWSER=str(BROWSER)
        )
    assert done.count("passed") == 2, done.text
