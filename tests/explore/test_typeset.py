"""Numbers and quotes as a book prints them, and numbers back to what ``float`` reads."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.explore.typeset import plain, typeset


@pytest.mark.parametrize(
    "text, printed",
    [
        ("-2", "−2"),
        ("(-2, -0.5)", "(−2, −0.5)"),
        ("slope -.5 at x-1, in 3-4 steps of ResNet-50", "slope −.5 at x-1, in 3-4 steps of ResNet-50"),
        ("-0, -0.00, -0.01, -05", "0, 0.00, −0.01, −05"),
        ("1e+00, 2e+02, 2.5e-02", "1, 200, 0.025"),
        ("1.1e+01 and -3e-05", "11 and −3·10⁻⁵"),
        ("1e+09, 1.0e-12, -1e+04", "10⁹, 10⁻¹², −10⁴"),
        ("1e-10 of 2e5 in a 1e-3x", "10⁻¹⁰ of 2·10⁵ in a 1e-3x"),
        ("15%, 2.5 % of x, 7%d", "15\N{NO-BREAK SPACE}%, 2.5\N{NO-BREAK SPACE}% of x, 7%d"),
        ("He's at the windows' edge, f'(x) = 2", "He’s at the windows’ edge, f'(x) = 2"),
        ("after 'th', ' ' or 'it's': \"show\"", "after ‘th’, ‘ ’ or ‘it’s’: “show”"),
    ],
)
def test_numbers_and_quotes_are_printed_as_in_a_book(text, printed):
    assert typeset(text) == printed
    assert typeset(printed) == printed


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_what_is_printed_can_be_read_again(value, digits):
    text = f"{value:.{digits}g}"
    printed = typeset(text)
    assert "-" not in printed and "e" not in printed
    assert math.isclose(float(plain(printed)), float(text), rel_tol=1e-12)
