"""Failed assertions in the shared checks show their values too."""

import pytest

pytest.register_assert_rewrite("tests.settings.expectations", "tests.settings.configurations")
