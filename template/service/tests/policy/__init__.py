"""The testing policy of all services, owned by the template."""

import pytest

# pytest then shows the values in a failed assert of a suite, as it does for a test file.
pytest.register_assert_rewrite(f"{__name__}.suites")
