"""TPG101: imports of mock libraries, and names that only look like one."""

from pathlib import Path

import pytest

from tests.checking import findings

IMPORTS = {
    "plain": "import unittest.mock\n",
    "other name": "from unittest import mock as m  # noqa: TID251\n",
    "of the module": "from unittest.mock import patch, Mock\n",
    "star": "from unittest.mock import *\n",
    "several lines": "from unittest import (\n    TestCase,\n    mock,\n)\n",
    "under if": "if True:\n    import mock\n",
    "in a function": "def helper():\n    from unittest import mock\n    return mock\n",
    "after a semicolon": "x = 1; from unittest import mock\n",
    "over two lines": "from unittest \\\n    import mock\n",
    "of the library mock": "from mock import patch\n",
    "a helper": "from tests.helpers import MagicMock\n",
    "respx": "import respx\n",
}
FINE = {
    "transport": "from httpx import MockTransport\n",
    "own module": "from .mock import Upstream\n",
    "own module called mock": "from mock import Upstream\n",
    "patch of JSON": "from jsonpatch import patch\n",
    "a text": 'TEXT = """\nfrom unittest import mock\n"""\n',
    "another part": "from unittest import TestCase\n",
}


@pytest.mark.parametrize("source", IMPORTS.values(), ids=IMPORTS)
def test_an_import_is_found_once(tmp_path: Path, source: str) -> None:
    found = findings(tmp_path, {"tests/test_a.py": source}, select="TPG101")
    assert [finding.split()[1] for finding in found] == ["TPG101"]


@pytest.mark.parametrize("source", FINE.values(), ids=FINE)
def test_another_name_is_not_found(tmp_path: Path, source: str) -> None:
    assert findings(tmp_path, {"tests/test_a.py": source}, select="TPG101") == []
