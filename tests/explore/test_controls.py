"""Controls: the abbreviations of ``ipywidgets.interact``, start values, and what is refused."""

import datetime
from fractions import Fraction

import ipywidgets
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlib.explore.controls import Control, fixed_point, read_controls
from nnlib.explore.typeset import plain


def test_a_pair_is_a_slider_with_the_step_of_interact():
    assert Control("n", (1, 5)).values == [1, 2, 3, 4, 5]
    assert Control("x", (0.0, 0.5)).values == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]
    assert Control("x", (0, 1, 0.25)).values == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert Control("n", (1, 10, 4)).values == [1, 5, 9]
    assert all(type(v) is int for v in Control("n", (np.int64(1), 5)).values)


@given(low=st.integers(-50, 50), count=st.integers(1, 60), places=st.integers(0, 3), step=st.integers(1, 9))
def test_a_slider_has_exactly_the_values_of_its_range(low, count, places, step):
    scale = 10.0**-places
    control = Control("x", (low * scale, (low + (count - 1) * step) * scale, step * scale))
    assert len(control.values) == count == len(control.labels) == len(set(control.labels))
    np.testing.assert_allclose(control.values, (low + step * np.arange(count)) * scale, atol=1e-9)
    assert [float(text.replace("\N{MINUS SIGN}", "-")) for text in control.labels] == pytest.approx(control.values)


def test_lists_dicts_and_booleans():
    rates = Control("rate", [0.001, 0.1, 1.0])
    assert (rates.kind, rates.labels) == ("select", ["0.001", "0.1", "1"])
    assert Control("rate", np.array([1.0, 2.0])).values == [1.0, 2.0]
    assert Control("n", range(3)).values == [0, 1, 2]
    words = Control("f", ["tanh", "relu"])
    assert (words.kind, words.labels, words.start) == ("select", ["tanh", "relu"], 0)
    named = Control("f", {"hyperbolic tangent": np.tanh, "sine": np.sin}, np.sin)
    assert (named.kind, named.labels, named.start) == ("select", ["hyperbolic tangent", "sine"], 1)
    pairs = Control("f", [("small", 1), ("large", 9)])
    assert (pairs.kind, pairs.labels, pairs.values) == ("select", ["small", "large"], [1, 9])
    check = Control("grid", True, False)
    assert (check.kind, check.values, check.start) == ("check", [False, True], 1)
    assert Control("grid", np.False_).start == 0 and Control("w", (2, 2)).values == [2]


@pytest.mark.parametrize(
    "widget, kind, values, start",
    [
        (ipywidgets.IntSlider(value=2, min=0, max=4, step=2), "range", [0, 2, 4], 1),
        (ipywidgets.FloatSlider(value=0.5, min=0, max=1, step=0.5), "range", [0.0, 0.5, 1.0], 1),
        (ipywidgets.FloatLogSlider(value=0.1, base=10, min=-2, max=0, step=1), "range", [0.01, 0.1, 1.0], 1),
        (ipywidgets.BoundedIntText(value=3, min=1, max=3), "range", [1, 2, 3], 2),
        (ipywidgets.SelectionSlider(options=[("a", 5), ("b", 7)], value=7), "range", [5, 7], 1),
        (ipywidgets.Dropdown(options={"one": 1, "two": 2}, value=2), "select", [1, 2], 1),
        (ipywidgets.RadioButtons(options=["x", "y"]), "select", ["x", "y"], 0),
        (ipywidgets.Checkbox(value=True), "check", [False, True], 1),
    ],
    ids=lambda w: type(w).__name__ if isinstance(w, ipywidgets.Widget) else None,
)
def test_ready_made_widgets(widget, kind, values, start):
    widget.description = "what the reader sees"
    control = Control("w", widget, default="not asked")
    assert (control.kind, control.values, control.start) == (kind, values, start)
    assert control.label == "what the reader sees" and control.widget is widget


@pytest.mark.parametrize("spec", [
    ipywidgets.Text("a"), ipywidgets.IntRangeSlider(value=(1, 2)), ipywidgets.HBox(), ipywidgets.Output(), ipywidgets.HTML("a"),
    ipywidgets.Combobox(options=["a", "b"]),
    3, "tanh", None, object(),
])  # fmt: skip
def test_what_has_no_list_of_values_is_refused(spec):
    with pytest.raises(TypeError, match="control w"):
        Control("w", spec)


@pytest.mark.parametrize(
    "spec, words",
    [
        ([], "has no values"),
        ({}, "has no values"),
        ((3, 1), "empty: its low end 3 is above its high end 1"),
        ((0.0, 1.0, -0.1), "step of w must be positive, got -0.1"),
        ((0.0, 1.0, 0.0), "step of w must be positive"),
        ((0.0, float("inf"), 1.0), "must be finite"),
        ((float("nan"), 1.0), "must be finite"),
        ((0, 1, 2), r"the step of w, 2, leads from 0 beyond 1: give it a smaller one, or write \[\] around a list"),
        ((0.1, 0.5, 0.9), "the step of w, 0.9, leads from 0.1 beyond 0.5"),
    ],
)
def test_empty_and_endless_ranges_are_refused(spec, words):
    with pytest.raises(ValueError, match=words):
        Control("w", spec)


@pytest.mark.parametrize("spec, count", [
    ((0, 100_000), 100_001), ((0, 10**15), 10**15 + 1), ((0.0, 1.0, 1e-12), 10**12 + 1),
    (ipywidgets.IntSlider(min=0, max=10**9), 10**9 + 1),
], ids=str)  # fmt: skip
def test_endlessly_many_values_are_refused_before_they_are_listed(spec, count):
    with pytest.raises(ValueError, match=f"explore: the range of w has {count} values, at most 10000 fit: give it a larger step"):
        Control("w", spec)


def test_many_values_are_looked_at_once():
    asked = 0

    class Label(str):
        def __eq__(self, other):
            nonlocal asked
            asked += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__
        __str__ = lambda self: self  # noqa: E731

    Control("w", {Label(k): k for k in range(1000)})
    assert asked < 10_000


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_number_is_drawn_as_it_is_shown(dtype):
    tenths, wanted = np.linspace(0, 1, 11, dtype=dtype), [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert Control("w", tenths).values == Control("w", list(tenths)).values == wanted
    assert Control("w", (dtype(0), dtype(1), dtype(0.1))).values == wanted
    assert Control("w", tenths, dtype(0.3)).start == Control("w", tenths, 0.3).start == 3
    assert Control("w", [dtype(0.1), dtype("inf")]).values == [0.1, float("inf")]
    assert Control("w", tenths[:2, None]).values == [[0.0], [0.1]]


INF, NAN = float("inf"), float("nan")
TENTHS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@pytest.mark.parametrize("spec, values", [
    ([1e-16, 1e-8, 1.0], [1e-16, 1e-8, 1.0]), ([1.0, 1e300], [1.0, 1e300]),
    (np.logspace(-20, 0, 5), [1e-20, 1e-15, 1e-10, 1e-5, 1.0]),
    (np.arange(-1, 1.05, 0.5) + 2e-16, [-1.0, -0.5, 0.0, 0.5, 1.0]),
    (np.append(np.linspace(0, 1, 11), INF), [*TENTHS, INF]), ([*np.linspace(0, 1, 11), "auto"], [*TENTHS, "auto"]),
    ([-0.0], [0.0]), ([-0.0, NAN], [0.0, NAN]), ([-0.0, 1.0, INF], [0.0, 1.0, INF]),
    ((1e9, 1e9 + 1, 0.25), [1e9, 1e9 + 0.25, 1e9 + 0.5, 1e9 + 0.75, 1e9 + 1]),
    ((1.7e9, 1.7e9 + 1, 0.5), [1.7e9, 1.7e9 + 0.5, 1.7e9 + 1]),
    ((1e300, 1e300), [1e300]), ((-1.7e308, 1.7e308, 1.7e308), [-1.7e308, 0.0, 1.7e308]),
    ((10**400, 10**400 + 1), [10**400, 10**400 + 1]),
    ([10**400, 1.0], [10**400, 1.0]), ([Fraction(1, 3), Fraction(2, 3)], [Fraction(1, 3), Fraction(2, 3)]),
    (np.array(["2024-01-01"], "datetime64[ns]"), [datetime.datetime(2024, 1, 1)]),
    (np.array([1, 2], "timedelta64[ns]"), [np.timedelta64(1, "ns"), np.timedelta64(2, "ns")]),
    ([np.tanh, abs], [np.tanh, abs]),
], ids=lambda spec: str(spec)[:40])  # fmt: skip
def test_what_was_typed_is_drawn(spec, values):
    control = Control("w", spec)
    assert list(map(repr, control.values)) == list(map(repr, values)) and len(set(control.labels)) == len(values)


@pytest.mark.parametrize("spec", [
    [1234567.0, 2345678.0], [0.1234567, 0.5], np.linspace(-2e-5, 2e-5, 401),
    np.linspace(-1000.5, -999.5, 1001), (1e8, 1e8 + 1, 0.1),
])  # fmt: skip
def test_a_number_is_shown_as_it_is_drawn(spec):
    control = Control("w", spec)
    assert [float(plain(label)) for label in control.labels] == control.values


def test_labels_are_the_same_in_each_run():
    assert Control("f", [np.tanh, abs]).labels == ["tanh", "abs"]
    for nameless in (lambda x: x, object()):
        with pytest.raises(TypeError, match="the control f expects a dictionary from label to value for what has no name, got <"):
            Control("f", [np.tanh, nameless])


def test_numbers_of_few_bits_do_not_overflow():
    assert Control("n", (np.int8(-100), np.int8(100), np.int8(50))).values == [-100, -50, 0, 50, 100]
    assert len(Control("n", (np.int8(-100), np.int8(100))).values) == 201
    assert Control("n", (np.uint8(3), np.uint8(200)), np.uint8(3)).start == 0
    ends = [np.int8(-100), np.int8(0), np.int8(100)]
    assert Control("n", ends, 100).start == 2 and Control("n", np.array(ends), np.int8(100)).start == 2


def test_start_values():
    assert Control("w", (-3.0, 3.0, 0.5), 1.0).values[Control("w", (-3.0, 3.0, 0.5), 1.0).start] == 1.0
    assert Control("w", (0.0, 1.0, 0.1), 0.1 + 0.2).start == 3
    assert Control("w", (-2, 2)).start == 2
    with pytest.raises(ValueError, match=r"w starts at 0\.3.*nearest are 0\.25 and 0\.5"):
        Control("w", (0.0, 1.0, 0.25), 0.3)
    with pytest.raises(ValueError, match="f starts at 'gelu', which is not among the values.*'tanh', 'relu'"):
        Control("f", ["tanh", "relu"], "gelu")


def test_labels_have_one_number_of_decimals_and_a_real_minus():
    assert fixed_point([-0.5, -0.25, 0.0, 0.25]) == ["−0.50", "−0.25", "0.00", "0.25"]
    assert fixed_point([-2, 0, 10]) == ["−2", "0", "10"]
    assert fixed_point([-0.1 + 0.1, 1.0]) == ["0", "1"]
    assert Control("x", [1e-8, 1.0]).labels == ["10⁻⁸", "1"]


def draw(ax, w=1.0, b=0.0): ...


def test_controls_must_fit_the_parameters():
    assert [c.name for c in read_controls(draw, {"b": (-1.0, 1.0), "w": (0.0, 2.0)})] == ["b", "w"]
    with pytest.raises(ValueError, match=r"draw\(\) has no parameter 'v'.*its parameters are w, b"):
        read_controls(draw, {"v": (0, 1)})
    with pytest.raises(ValueError, match=r"needs a value for 'w': give it a control or a default"):
        read_controls(lambda ax, w: None, {})
    with pytest.raises(ValueError, match="'ax' is the axes"):
        read_controls(draw, {"ax": (0, 1)})
    with pytest.raises(ValueError, match="'explore' is the figure: rename this parameter"):
        read_controls(lambda ax, explore=0: None, {"explore": (0, 1)})
    with pytest.raises(ValueError, match=r"must take the axes as its first argument"):
        read_controls(lambda: None, {})
    with pytest.raises(TypeError, match="expects a drawing function"):
        read_controls("draw", {})
    with pytest.raises(ValueError, match="labels names 'q', which is no control; the controls are w"):
        read_controls(draw, {"w": (0.0, 2.0)}, {"q": "Q"})
    assert read_controls(lambda ax, **rest: None, {"anything": [1, 2]})[0].values == [1, 2]


def test_labels():
    control, other = read_controls(draw, {"w": (0.0, 2.0), "b": (0.0, 1.0)}, {"w": "weight w₁"})
    assert (control.label, other.label) == ("weight w₁", "b")
    controls = read_controls(draw, {"w": (0.0, 2.0), "b": ipywidgets.Checkbox(True, description="bias")}, {"w": 3, "b": 0})
    assert [c.label for c in controls] == ["3", "0"]
