"""The gate is repeatable: what a property tries does not depend on the run."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st


def test_a_property_tries_the_same_values_whatever_is_loaded_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the order of the tests decides whether a build is red, and only that once."""
    # given a property, and what it tried
    tried: list[int] = []

    @given(st.integers())
    def law(number: int) -> None:
        tried.append(number)

    law()
    first, tried[:] = tried.copy(), []

    # when it is tried again beside another module, full of constants that one might try
    source = tmp_path / "laden.py"
    source.write_text(f"CONSTANTS = {list(range(1_000_000, 1_000_500))}")
    spec = spec_from_file_location("laden", source)
    assert spec is not None
    monkeypatch.setitem(sys.modules, "laden", module_from_spec(spec))
    law()

    # then it tries the same values
    assert tried == first
