import re

import numpy as np
import pytest

from nnlib import (
    Activation, BatchNorm, Dense, Dropout, Embedding, Layer, Sequential, check_layer, check_operation, cross_entropy, dense,
    numerical_gradient, operation, relative_error, relu, sigmoid, tanh,
)


@operation
def product(a, b):
    return a * b, lambda dy: (dy * b, dy * a)


def wrong(change):
    """The product with a wrong gradient."""
    @operation
    def wrong_product(a, b):
        return a * b, lambda dy: change(dy * b, dy * a)
    return wrong_product


def test_right_gradients_pass(rng):
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    kept = a.copy(), b.copy()
    assert check_operation(product, a, b, rng=rng) < 1e-9
    np.testing.assert_array_equal(a, kept[0])
    np.testing.assert_array_equal(b, kept[1])


@pytest.mark.parametrize("change", [
    lambda da, db: (da * 1.0001, db), lambda da, db: (da, db * 0.9999), lambda da, db: (-da, db), lambda da, db: (db, da),
    lambda da, db: (da, np.zeros_like(db)), lambda da, db: (da + 1e-4, db), lambda da, db: (da.copy(), db[::-1]),
    lambda da, db: (da * (np.arange(12).reshape(3, 4) != 7), db),
])
def test_wrong_gradients_are_caught(rng, change):
    assert check_operation(wrong(change), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng=rng) > 1e-6


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_a_gradient_that_is_no_number_is_never_right(rng, number):
    spoilt = np.where(np.arange(12).reshape(3, 4) == 7, number, 1)
    for change in (lambda da, db: (da * spoilt, db), lambda da, db: (da, db * spoilt), lambda da, db: (da * spoilt, db * spoilt)):
        assert not check_operation(wrong(change), rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), rng=rng) < np.inf
    for mistake in (lambda layer, dx: dx * number, lambda layer, dx: layer.W.add_grad(np.full((3, 4), number)) or dx,
                    lambda layer, dx: layer.b.add_grad(np.full(4, number)) or dx):
        assert not check_layer(Wrong(3, 4, mistake=mistake, rng=rng), rng.normal(size=(5, 3)), rng=rng) < np.inf


def test_size_of_the_error_is_relative(rng):
    for scale in (1e-6, 1, 1e6):
        a, b = scale * rng.normal(size=(20, 20)), rng.normal(size=(20, 20))
        error = check_operation(wrong(lambda da, db: (da, 1.01 * db)), a, b, rng=rng, h=1e-5 * min(scale, 1))
        assert 1e-5 < error < 0.02
    # the gradient along one direction is off by exactly a hundredth
    assert check_operation(wrong(lambda da, db: (da * 1.01, db)), np.array(2.0), np.array(3.0), rng=rng) == \
        pytest.approx(0.01 / 1.01)


def test_a_gradient_of_zero_is_no_error(rng):
    model = Sequential(Dense(3, 4, rng=rng), BatchNorm(4), Activation(tanh))       # batch norm takes the bias off
    assert check_layer(model, rng.normal(size=(8, 3)), rng=rng) < 1e-7
    assert check_operation(wrong(lambda da, db: (0 * da, 0 * db)), np.zeros(3), np.zeros(3), rng=rng) == 0


def test_labels_are_not_moved(rng):
    labels = rng.integers(4, size=5)
    assert check_operation(cross_entropy, rng.normal(size=(5, 4)), labels, rng=rng) < 1e-7
    assert check_operation(cross_entropy, rng.normal(size=(5, 4)).tolist(), labels.tolist(), rng=rng) < 1e-7


def test_single_precision_is_checked_in_double(rng):
    assert check_operation(sigmoid, rng.normal(size=(3, 4)).astype(np.float32), rng=rng) < 1e-8
    assert check_layer(Activation(sigmoid), rng.normal(size=(3, 4)).astype(np.float32), rng=rng) < 1e-8


def test_integers_are_no_point_to_differentiate_at(rng):
    """Neither bool and int, whose letters stand before and after float's, nor what has no gradient."""
    @operation(integers=("keep", "times"))
    def some(x, keep, times):
        return x * keep * times, lambda dy: (dy * keep * times, np.ones(3), np.ones(3))
    keep, times = np.array([True, False, True]), np.array([2, 3, 4])
    kinds = []

    @operation(integers=("keep", "times"))
    def spied(x, keep, times):
        kinds.append(keep.dtype.kind + times.dtype.kind)
        return some.function(x, keep, times)
    assert check_operation(spied, rng.normal(size=3), keep, times, rng=rng) < 1e-9
    assert set(kinds) == {"bi"}


def test_an_error_below_what_rounding_hides_is_none(rng):
    """A slope is measured against a thousandth of |dy y|, for a layer as for an operation: no less, no more."""
    @operation
    def shifted(x):
        return x + 1e4, lambda dy: (dy * 1.01,)

    class Shifted(Layer):
        def vjp(self, x):
            return self.apply(shifted, x)
    for error in (check_operation(shifted, np.zeros(3), rng=rng), check_layer(Shifted(), np.zeros(3), rng=rng)):
        assert 1e-4 < error < 2e-3


def test_a_layer_is_checked_along_three_directions_quietly(rng, capsys):
    passes = []

    class Counted(Activation):
        def vjp(self, x):
            passes.append(x.copy())
            return super().vjp(x)
    check_layer(Counted(tanh), np.ones((2, 3)), rng=rng)
    assert len(passes) == 1 + 2 * 3 and capsys.readouterr().out == ""


def test_a_kink_shows(rng):
    assert check_operation(relu, np.zeros(5), rng=rng) > 0.1
    assert check_operation(relu, np.full(5, 1e-6), rng=rng, h=1e-5) > 1e-3
    assert check_operation(relu, np.full(5, 1e-3), rng=rng, h=1e-5) < 1e-7


def test_directions_and_step(rng):
    seen = []

    @operation
    def spied(x):
        seen.append(x.copy())
        return x * 2, lambda dy: (2 * dy,)
    check_operation(spied, np.zeros(1000), rng=rng, directions=4, h=1e-3)
    assert len(seen) == 1 + 2 * 4
    steps = [np.std(x) for x in seen[1:]]
    assert 0.9e-3 < min(steps) and max(steps) < 1.1e-3
    np.testing.assert_allclose(seen[1], -seen[2])
    assert not np.allclose(seen[1], seen[3])


def test_same_seed_same_result():
    x = np.linspace(-1, 1, 12).reshape(3, 4)
    one, two, other = (check_operation(tanh, x, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one == two != other
    assert check_operation(tanh, x) < 1e-7 and check_layer(Activation(tanh), x) < 1e-7


def test_verbose_prints_a_line_an_array(rng, capsys):
    check_operation(dense, rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=2), rng=rng, verbose=True)
    out = capsys.readouterr().out
    assert re.fullmatch(r"(dense: d(x|W|b) \(\d, ?\d?\): relative error \d\.\de-\d\d\n){3}", out)
    check_layer(Sequential(Dense(4, 2, rng=rng)), rng.normal(size=(3, 4)), rng=rng, verbose=True)
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines()] == ["dx", "d0.W", "d0.b"]
    check_operation(tanh, [1.0], rng=rng)
    assert capsys.readouterr().out == ""


def test_layers_are_left_as_they_were(rng):
    model = Sequential(Dense(3, 4, rng=rng), BatchNorm(4), Dropout(0.5, rng=np.random.default_rng(7)))
    for p in model.parameters():
        p.grad += 3
    before = [p.value.copy() for p in model.parameters()]
    buffers = [b.copy() for layer in model.layers_inside() for b in layer.buffers().values()]
    state = model[2].rng.bit_generator.state
    x = rng.normal(size=(6, 3))
    kept = x.copy()
    assert check_layer(model, x, rng=rng) < 1e-7                    # the mask is the same each time
    np.testing.assert_array_equal(x, kept)
    for p, value in zip(model.parameters(), before):
        np.testing.assert_array_equal(p.value, value)
        assert (p.grad == 3).all()
    for b, saved in zip((b for layer in model.layers_inside() for b in layer.buffers().values()), buffers):
        np.testing.assert_array_equal(b, saved)
    assert model[2].rng.bit_generator.state == state


def test_a_generator_shared_with_a_layer_does_no_harm():
    rng = np.random.default_rng(3)
    model = Sequential(Dense(5, 5, rng=rng), Dropout(0.5, rng=rng))
    assert check_layer(model, np.ones((4, 5)), rng=rng) < 1e-7


def test_a_generator_may_be_kept_anywhere():
    class Noisy(Layer):
        def __init__(self):
            self.own = {"rng": np.random.default_rng(4)}

        def vjp(self, x):
            mask = self.own["rng"].normal(size=x.shape)
            return x * mask, lambda dy, input_grad=True: dy * mask

    layer = Noisy()
    assert check_layer(layer, np.ones((4, 5))) < 1e-7
    assert layer.own["rng"].normal() == np.random.default_rng(4).normal()


class Wrong(Dense):
    """A dense layer with a mistake in its backward pass."""

    def __init__(self, *sizes, mistake, rng):
        super().__init__(*sizes, rng=rng)
        self.mistake = mistake

    def vjp(self, x):
        y, pullback = super().vjp(x)
        return y, lambda dy, input_grad=True: self.mistake(self, pullback(dy))


@pytest.mark.parametrize("mistake", [
    lambda layer, dx: dx * 1.001,
    lambda layer, dx: layer.W.add_grad(layer.W.grad * 1e-3) or dx,
    lambda layer, dx: layer.b.add_grad(np.full(4, 1e-3)) or dx,
    lambda layer, dx: dx[::-1],
])
def test_wrong_layers_are_caught(rng, mistake):
    x = rng.normal(size=(5, 3))
    assert check_layer(Wrong(3, 4, mistake=mistake, rng=rng), x, rng=rng) > 1e-6
    assert check_layer(Sequential(Dense(3, 3, rng=rng), Wrong(3, 4, mistake=mistake, rng=rng)), x, rng=rng) > 1e-6
    assert check_layer(Wrong(3, 4, mistake=lambda layer, dx: dx, rng=rng), x, rng=rng) < 1e-7


def test_integer_inputs_are_not_moved(rng):
    layer = Embedding(5, 3, rng=rng)
    assert check_layer(layer, np.array([0, 4, 4]), rng=rng) < 1e-7


def test_numerical_gradient(rng):
    x = rng.normal(size=(3, 4))
    kept = x.copy()
    gradient = numerical_gradient(lambda x: np.sin(x).sum() + x[1, 2] ** 2, x)
    expected = np.cos(x)
    expected[1, 2] += 2 * x[1, 2]
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(x, kept)
    assert numerical_gradient(lambda x: x**2, 3) == pytest.approx(6) and numerical_gradient(lambda x: 1.0, []).shape == (0,)
    coarse = numerical_gradient(lambda x: (x**3).sum(), np.zeros(2), h=0.1)
    np.testing.assert_allclose(coarse, 0.01)                        # the error of the step: h²

    def greedy(x):
        x *= 0
        return x.sum()
    assert numerical_gradient(greedy, np.ones(3)).tolist() == [0, 0, 0]


def test_relative_error():
    assert relative_error([1.0, 2.0], [1.0, 2.0]) == 0
    with pytest.raises(TypeError, match="relative_error expects a without a mask"):
        relative_error(np.ma.array([1.0, 99.0], mask=[0, 1]), [1.0, 3.0])
    assert relative_error([0.0], [0.0]) == 0 and relative_error([], []) == 0
    assert relative_error([1e-3], [2e-3]) == pytest.approx(0.5)
    assert relative_error([1.0, 2.0], [1.0, -2.0]) == 2
    assert relative_error(0.0, 1e-30) == 1
    assert relative_error([1.0], [1.1]) == pytest.approx(0.1 / 1.1)
    assert relative_error([1.0], [1.1], floor=10) == pytest.approx(0.01)
    with pytest.raises(ValueError, match=re.escape("relative_error expects a and b of one shape, got (1,) and (2,)")):
        relative_error([1.0], [1.0, 2.0])


def test_refusals(rng):
    with pytest.raises(TypeError, match="check_operation expects an operation, got"):
        check_operation(np.tanh, [1.0])
    with pytest.raises(TypeError, match="check_layer expects a layer, got <operation tanh>"):
        check_layer(tanh, [1.0])
    with pytest.raises(ValueError, match="check_layer expects float64 parameters, got 0.W in float32"):
        check_layer(Sequential(Dense(2, 2, rng=rng, dtype=np.float32)), [[1.0, 2.0]])
    with pytest.raises(ValueError, match=re.escape("wrong_product expects a gradient (3,) of b, got (2,)")):
        check_operation(wrong(lambda da, db: (da, db[:2])), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match=re.escape("wrong_product expects a gradient (3,) of b, got (4,)")):
        check_operation(wrong(lambda da, db: (da, np.append(db, 0))), np.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="wrong_product has no gradient to check"):
        check_operation(wrong(lambda da, db: (None, None)), np.ones(3), np.ones(3))
    for options, message in [({"h": 0}, "tanh expects 0 < h"), ({"directions": 0}, "tanh expects directions >= 1")]:
        with pytest.raises(ValueError, match=message):
            check_operation(tanh, [1.0], **options)
    with pytest.raises(TypeError, match="check_operation expects rng as"):
        check_operation(tanh, [1.0], rng=1)

    class Same(Layer):
        def vjp(self, x):
            return x, lambda dy: None
    with pytest.raises(ValueError, match="Same has no gradient to check"):
        check_layer(Same(), np.array([1, 2]))
