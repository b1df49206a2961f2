"""The testing policy of this service and of every other one: owned by the template."""

import pytest

# A failing assert of a suite explains itself, as one in a test file does.
pytest.register_assert_rewrite(f"{__name__}.suites")
