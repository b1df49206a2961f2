"""The testing policy, for this service and every other one: owned by the template.

`tpgen update` brings what changes in here; what you want otherwise goes beside it.
"""

import tomllib
from pathlib import Path
from typing import Any

import pytest

# The parts of the plugin, and the suites, whose asserts explain themselves as a test file's do.
PARTS = ("factory", "http", "layers", "required", "slow", "snapshots")
PLUGINS = [f"{__name__}.{part}" for part in PARTS]
pytest.register_assert_rewrite(*PLUGINS, f"{__name__}.suites")

POLICY: dict[str, Any] = tomllib.loads((Path(__file__).parent / "policy.toml").read_text())
