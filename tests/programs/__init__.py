"""Programs that were written for Flask or for Quart, with one import changed."""

import pytest

pytest.register_assert_rewrite(f"{__name__}.tours")
