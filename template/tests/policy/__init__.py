"""The testing policy of all services, owned by the template."""

import pytest

# A failing assert of a suite shows its values, like one of a test file.
pytest.register_assert_rewrite(f"{__name__}.suites")
