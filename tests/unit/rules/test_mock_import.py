"""TPG101: each road by which the mock library gets in, and what only looks like one."""

from pathlib import Path

import pytest

from tests.checking import findings

ROADS = {
    "plain": "import unittest.mock\n",
    "other name": "from unittest import mock as m  # noqa: TID251\n",
    "of the module": "from unittest.mock import patch\n",
    "star": "from unittest.mock import *\n",
    "several lines": "from unittest import (\n    TestCase,\n    mock,\n)\n",
    "under if": "if True:\n    import mock\n",
    "in a function": "def helper():\n    from unittest import mock\n    return mock\n",
    "import_module": 'from importlib import import_module\nm = import_module("unittest.mock")\n',
    "put together": 'import importlib\nm = importlib.import_module("unittest" + ".mock")\n',
    "f-string": 'NAME = "mock"\nm = __import__(f"unittest.{NAME}")\n',
    "joined": 'import importlib\nm = importlib.import_module(".".join(["unittest", "mock"]))\n',
    "fromlist": 'm = __import__("unittest", fromlist=["mock"])\n',
    "find_spec": 'from importlib.util import find_spec\ns = find_spec("unittest.mock")\n',
    "importorskip": 'import pytest\nm = pytest.importorskip("mock")\n',
    "resolve_name": 'import pkgutil\np = pkgutil.resolve_name("unittest.mock:patch")\n',
    "sys.modules": 'import sys\nm = sys.modules["unittest.mock"]\n',
    "attribute": "import unittest\nm = unittest.mock.Mock()\n",
    "getattr": 'import unittest\nm = getattr(unittest, "mock")\n',
    "exec": 'exec("from unittest import mock")\n',
    "helper": "from tests.helpers import MagicMock\n",
    "helper's patch": "from tests.helpers import patch\n",
    "loader by another name": 'from importlib import import_module as f\nm = f("unittest.mock")\n',
    "loader by assignment": 'import importlib\nf = importlib.import_module\nm = f("unittest.mock")\n',
    "builtins": 'import builtins\nm = builtins.__import__("unittest.mock")\n',
    "vars": 'import unittest\nm = vars(unittest)["mock"]\n',
    "locate": 'import pydoc\nm = pydoc.locate("unittest.mock")\n',
    "run_module": 'import runpy\nm = runpy.run_module("unittest.mock")\n',
    "type checking": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import unittest.mock\n",
    "after a semicolon": "x = 1; from unittest import mock\n",
    "over two lines": "from unittest \\\n    import mock\n",
    "vendored": "from tests.vendor.mock import patch\n",
    "respx": "import respx\n",
    "plugin": 'pytest_plugins = ["pytest_mock"]\n',
}
FINE = {
    "transport": "from httpx import MockTransport\n",
    "own module": "from .mock import Upstream\n",
    "patch of JSON": "from jsonpatch import patch\n",
    "a text": 'TEXT = """\nfrom unittest import mock\n"""\n',
    "another part": "from unittest import TestCase\n",
}


@pytest.mark.parametrize("source", ROADS.values(), ids=ROADS)
def test_each_road_is_found(tmp_path: Path, source: str) -> None:
    """One finding, wherever the library comes from."""
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG101")
    assert [one.split()[1] for one in found] == ["TPG101"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_what_is_no_mock_is_not_found(tmp_path: Path, source: str) -> None:
    """Names that only look like the library's."""
    assert findings(tmp_path, {"tests/test_a.py": source}, select="TPG101") == []


def test_a_module_of_ones_own_may_be_called_mock(tmp_path: Path) -> None:
    """The file beside it is what is imported."""
    tree = {"tests/test_a.py": "import mock\n", "tests/mock.py": "answer = 1\n"}
    assert findings(tmp_path, tree, select="TPG101") == []


def test_the_plugin_in_a_configuration_is_found(tmp_path: Path) -> None:
    """`-p pytest_mock` gives the fixture to all tests; a comment doesn't."""
    tree = {"pytest.ini": "[pytest]\n# -p pytest_mock\naddopts = -q -p pytest_mock\n"}
    assert findings(tmp_path, tree, select="TPG101") == ["pytest.ini:3:1 TPG101"]
