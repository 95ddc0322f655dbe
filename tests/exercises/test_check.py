"""What check() says, and that it says it calmly whatever it is given."""

import re

import numpy as np
import pytest

from nnlib.exercises import all_exercises, check, exercise
from nnlib.exercises import registry


@pytest.fixture
def register(monkeypatch):
    """The registry's decorator, on a registry of its own."""
    all_exercises()
    monkeypatch.setattr(registry, "_entries", {})
    return exercise


@pytest.fixture
def double(register):
    @register(chapter="99_test", title="Twice", minutes=1)
    def double(x):
        return 2 * x

    @double.inputs
    def _(rng):
        yield "small numbers", 1, (rng.normal(size=3),)
        yield "large numbers", 2, (1e6 + rng.normal(size=3),)

    @double.mistake("Twice is not the square.")
    def _(x):
        return x**2

    @double.mistake("The large ones are cut off.")
    def _(x):
        return np.minimum(2 * x, 1e6)

    return double


def said(capsys, *arguments):
    check(*arguments)
    return " ".join(capsys.readouterr().out.split())


def test_right(double, capsys):
    assert said(capsys, lambda x: x + x, "double") == "double: right on small numbers and large numbers"


def test_the_name_of_the_function_finds_the_exercise(double, capsys):
    assert said(capsys, double.reference).startswith("double: right")


def test_a_list_of_numbers_is_as_good_as_an_array(double, capsys):
    assert said(capsys, lambda x: [2 * v for v in x], "double").startswith("double: right")


def test_half_right_with_the_hint_of_that_mistake(double, capsys):
    assert said(capsys, lambda x: np.minimum(2 * x, 1e6), "double") == (
        "double: right on small numbers; wrong on large numbers. Hint: The large ones are cut off.")


def test_two_mistakes_at_once_give_both_hints(double, capsys):
    both = said(capsys, lambda x: x**2 if x[0] < 1e3 else np.minimum(2 * x, 1e6), "double")
    assert both.endswith("Hint: Twice is not the square. Hint: The large ones are cut off.")


@pytest.mark.parametrize("answer, says", [
    (lambda x: None, "it returns None: is the return missing?"),
    (lambda x: 2 * x[:, None], "the result has shape (3, 1), not (3,)"),
    (lambda x: (2 * x, x), "it gives 2 values, not one value"),
    (lambda x: x * np.nan, "the result contains nan"),
    (lambda x: x / np.float64(0) if x[0] > 0 else -x / np.float64(0), "the result contains inf"),
    (lambda x: {"a": 1}, "the result is a dict that cannot be read as numbers"),
    (lambda x: object(), "the result is a object that cannot be read as numbers"),
    (lambda x: 2 * x + 1, r"the result has \S+ at index 0, not \S+"),
    (lambda x: x.foo, r"it raises AttributeError: \S+ object has no attribute 'foo', in the line `.*x\.foo"),
    (lambda x: exit(3), "it raises SystemExit: 3"),
    (lambda: 1, r"it raises TypeError: \S+ takes 0 positional arguments but 1 was given"),
])
def test_explanations_without_a_listed_mistake(double, capsys, answer, says):
    with np.errstate(all="ignore"):
        text = said(capsys, answer, "double")
    pattern = says if "\\" in says else re.escape(says)
    assert re.search(f"Hint: on small numbers {pattern}", text), text


def test_changing_the_argument_is_a_mistake(double, capsys):
    def in_place(x):
        x *= 2
        return x
    assert "the call alters argument 1" in said(capsys, in_place, "double")


def test_stub(double, capsys):
    def double(x):
        raise NotImplementedError
    assert said(capsys, double) == "double: not written yet"


class _Hostile:
    def __array__(self, *args, **kwargs):
        raise SystemExit

    def __eq__(self, other):
        return True

    __hash__ = None

    def __getattribute__(self, name):
        raise GeneratorExit


class _BadError(Exception):
    def __str__(self):
        raise RuntimeError


def _raise(error):
    raise error


@pytest.mark.parametrize("make", [
    _Hostile, lambda: lambda x: _Hostile(), *(lambda answer=answer: answer for answer in [
        lambda x: _raise(_BadError()), lambda x: _raise(BaseException("no")),
    lambda x: _raise(MemoryError()), lambda f=None: f(f), 3, None, "double", ..., np.ones(3)])
])
@pytest.mark.parametrize("name", ["double", None, "no such exercise", 7])
def test_never_raises(double, capsys, make, name):
    assert said(capsys, make(), name)


def test_ctrl_c_passes_through(double):
    with pytest.raises(KeyboardInterrupt):
        check(lambda x: _raise(KeyboardInterrupt()), "double")


def test_objects_that_equal_everything_are_not_right(double, capsys):
    class Equal:
        def __eq__(self, other):
            return True
        __hash__ = None
    assert "cannot be read as numbers" in said(capsys, lambda x: Equal(), "double")


def test_same_text_every_time(double, capsys):
    first, again = (said(capsys, lambda x: 3 * x, "double") for _ in range(2))
    assert first == again


def test_unknown_name_lists_the_known(double, capsys):
    text = said(capsys, lambda x: x, "doubel")
    assert text == "check: there is no exercise called 'doubel'; there are: double"


def test_value_needs_its_name(double, capsys):
    assert "check(answer, \"name\")" in said(capsys, 42)


@pytest.fixture
def parameters(register):
    @register(chapter="99_test", title="Count", minutes=1, value=True)
    def parameters():
        return 784 * 10 + 10

    @parameters.mistake("The biases are missing.")
    def _():
        return 784 * 10


def test_a_value(parameters, capsys):
    assert said(capsys, 7850, "parameters") == "parameters: right"
    assert said(capsys, 7840, "parameters") == "parameters: wrong. Hint: The biases are missing."
    assert said(capsys, 7, "parameters") == "parameters: wrong. Hint: the result is not the right answer."
    assert said(capsys, ..., "parameters") == "parameters: not written yet"


def test_a_value_judged_by_what_it_does(register, capsys):
    @register(chapter="99_test", title="AND", minutes=1, value=True)
    def and_neuron():
        return np.array([1.0, 1.0]), -1.5

    @and_neuron.call
    def _(answer):
        w, b = answer
        return np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) @ w + b > 0

    @and_neuron.mistake("One input alone must not be enough.")
    def _():
        return np.array([1.0, 1.0]), -0.5

    assert said(capsys, ([3, 2], -4), "and_neuron") == "and_neuron: right"
    assert said(capsys, ([3, 2], -1), "and_neuron").endswith("One input alone must not be enough.")
    assert "it raises" in said(capsys, 3, "and_neuron")


def test_a_class(register, capsys):
    @register(chapter="99_test", title="Counter", minutes=1)
    class Counter:
        def __init__(self):
            self.n = 0

        def add(self, k):
            self.n += k

    @Counter.inputs
    def _(rng):
        yield "one step", 1, (int(rng.integers(5, 9)),)

    @Counter.call
    def _(Counter, k):
        counter = Counter()
        counter.add(k)
        counter.add(1)
        return counter.n

    @Counter.mistake("Add to what is there.")
    class _(Counter.reference):
        def add(self, k):
            self.n = k

    assert said(capsys, Counter.reference) == "Counter: right"
    assert said(capsys, Counter.mistakes[0].answer, "Counter").endswith("Add to what is there.")


def test_dtype_on_request(register, capsys):
    @register(chapter="99_test", title="Half", minutes=1, keep_dtype=True)
    def half(x):
        return x / 2

    @half.inputs
    def _(rng):
        yield "float32", 1, (rng.normal(size=3).astype(np.float32),)

    assert said(capsys, half.reference) == "half: right"
    assert "has dtype float64, not float32" in said(capsys, lambda x: x.astype(float) / 2, "half")


def test_two_exercises_of_one_name_are_refused(double, register):
    with pytest.raises(ValueError, match="double"):
        @register(chapter="98_other", title="Twice", minutes=1)
        def double(x):
            return x


def test_a_mistake_met_by_chance_gives_no_hint(register, capsys):
    @register(chapter="99_test", title="Square", minutes=1)
    def square(x):
        return x**2

    @square.inputs
    def _(rng):
        yield "two", 1, (2,)
        yield "three", 1, (3,)

    @square.mistake("Times two is not squared.")
    def _(x):
        return 2 * x + (x > 2)

    @square.mistake("Minus.")
    def _(x):
        return -x**2 if x > 2 else x

    text = said(capsys, lambda x: {2: 2, 3: 100}[x], "square")
    assert "Minus" not in text and "on two the result is 2, not 4" in text


@pytest.mark.parametrize("wrong, right", [
    (0.21567, 0.21569), (0.25, 0.250001), (5.07, 5.07001),
    (1.0, 1 + 4e-6), (-0.5, 0.5), (np.float32(0.1), np.float32(0.1001))])
def test_numbers_are_shown_with_the_digits_that_differ(register, capsys, wrong, right):
    @register(chapter="99_test", title="Number", minutes=1)
    def number(x):
        return right

    @number.inputs
    def _(rng):
        yield "one", 1, (1,)

    text = said(capsys, lambda x: wrong, "number")
    shown = re.search(r"the result is (\S+), not (\S+)\.$", text)
    assert shown and shown[1] != shown[2], text


def test_rows_in_a_tuple_are_an_array(register, capsys):
    @register(chapter="99_test", title="Matrix", minutes=1)
    def matrix(x):
        return np.array([[x, 0], [0, 1]])

    @matrix.inputs
    def _(rng):
        yield "one", 1, (3,)

    for answer in (((3, 0), (0, 1)), [(3, 0), (0, 1)], ([3, 0], np.array([0, 1]))):
        assert said(capsys, lambda x: answer, "matrix") == "matrix: right"
    assert "has 2 at index (0, 0), not 3" in said(capsys, lambda x: ((2, 0), (0, 1)), "matrix")
    assert "2 values" in said(capsys, lambda x: (3, (0, 1)), "matrix")
