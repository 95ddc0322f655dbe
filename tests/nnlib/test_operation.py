import pydoc
import re

import numpy as np
import pytest

from nnlib import (
    Layer, Parameter, Tensor, check_layer, check_operation, cross_entropy, dense, elu, identity, leaky_relu, operation, prelu,
    softmax, tanh,
)
from nnlib.operation import Operation


@operation
def scaled_product(a, b, *, factor=1.0):
    """a b times a factor."""
    def pullback(dy, input_grad=True):
        return factor * b * dy if input_grad else None, factor * a * dy
    return factor * a * b, pullback


@operation(elementwise=True)
def square(x):
    return x * x, lambda dy: (2 * x * dy,)


@operation(integers=("at",))
def pick(x, at):
    return x[at], lambda dy: (None, None)


def test_value_and_pullback():
    y, pullback = scaled_product.vjp(np.array([1.0, 2.0]), np.array([5.0, 7.0]), factor=3)
    np.testing.assert_array_equal(y, [15, 42])
    da, db = pullback(np.array([1.0, 10.0]))
    np.testing.assert_array_equal(da, [15, 210])
    np.testing.assert_array_equal(db, [3, 60])
    np.testing.assert_array_equal(scaled_product([1.0, 2.0], [5, 7], factor=3), [15, 42])


def test_the_first_gradient_can_be_left_out_where_that_saves_work():
    one = np.ones(2)
    assert scaled_product.vjp(one, one)[1](one, input_grad=False)[0] is None
    np.testing.assert_array_equal(square.vjp(one)[1](one, input_grad=False)[0], [2, 2])     # this one cannot


def test_arrays_may_come_by_keyword():
    y = scaled_product([1.0, 2.0], b=[5.0, 7.0], factor=2)
    np.testing.assert_array_equal(y, [10, 28])
    np.testing.assert_array_equal(scaled_product(b=[5.0, 7.0], a=[1.0, 2.0]), [5, 14])
    value, pullback = scaled_product.vjp(b=np.array([5.0]), a=np.array([1.0]))
    assert pullback(np.ones(1)) == (5.0, 1.0)
    with pytest.raises(TypeError, match="'a'"):
        scaled_product(b=[1.0])
    with pytest.raises(TypeError, match="colour"):
        scaled_product([1.0], [1.0], colour=1)
    with pytest.raises(TypeError):
        scaled_product([1.0], [1.0], [1.0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_array_of_floats_decides_the_precision(dtype):
    other = np.float64 if dtype == np.float32 else np.float32
    x = np.ones(3, dtype)
    for rest in (np.ones(3, other), [1.0, 1, 1], np.ones(3, int), 2.0):
        y, pullback = scaled_product.vjp(x, rest)
        assert y.dtype == dtype
        assert [g.dtype for g in pullback(np.ones(3, other))] == [dtype, dtype]
    assert scaled_product([1, 2, 3], x).dtype == dtype
    assert scaled_product(np.arange(3), x).dtype == dtype
    assert scaled_product(x, x, factor=np.float64(2)).dtype == dtype


def test_without_floats_the_precision_is_double():
    assert scaled_product([1, 2], [3, 4]).dtype == np.float64
    assert square(np.array([True, False])).dtype == np.float64
    assert square(3).dtype == np.float64


def test_an_array_may_be_left_out():
    np.testing.assert_array_equal(dense([[1.0, 2.0]], [[3.0], [4.0]], None), [[11]])
    assert len(dense.vjp([[1.0, 2.0]], [[3.0], [4.0]], b=None)[1]([[1.0]])) == 2


def test_declared_integers_stay_as_they_are():
    assert pick([5.0, 6.0], [1]) == [6.0]


@pytest.mark.parametrize("call", [scaled_product, scaled_product.vjp])
def test_other_things_than_numbers_are_refused(call):
    with pytest.raises(TypeError, match="scaled_product expects b as an array of real numbers, got <U4"):
        call([1.0], "text")
    with pytest.raises(TypeError, match="scaled_product expects a as an array of real numbers, got complex128"):
        call([1j], [1.0])
    with pytest.raises(ValueError, match="scaled_product expects a as an array, got rows of unequal length"):
        call([[1, 2], [3]], [1.0])


def test_nan_is_refused_at_the_door_and_passes_inside():
    x = np.ones((2, 3))
    x[1, 2] = np.nan
    message = "scaled_product expects b without NaN, got 1 NaN of 6, first at (1, 2)"
    with pytest.raises(ValueError, match=re.escape(message)):
        scaled_product(np.ones((2, 3)), x)
    with pytest.raises(ValueError, match="expects x without NaN"):
        tanh.derivative(x)
    with pytest.raises(ValueError, match="expects x without NaN"):
        tanh.jacobian(x)
    assert np.isnan(tanh.vjp(x)[0][1, 2])
    assert square(np.array([np.inf, -np.inf])).tolist() == [np.inf, np.inf]      # whose sum would be NaN


def test_pullback_refuses_another_shape():
    _, pullback = tanh.vjp(np.ones((4, 1)))
    with pytest.raises(ValueError, match=re.escape("pullback of tanh expects dy (4, 1), got (4,)")):
        pullback(np.ones(4))
    for other in ((), (4, 2), (5, 1), (4, 1, 1)):
        with pytest.raises(ValueError, match="expects dy"):
            pullback(np.ones(other))


@pytest.mark.parametrize("gradients, got", [
    (lambda dy: dy * 3, "ndarray"), (lambda dy: [dy * 3], "list"), (lambda dy: (g for g in [dy]), "generator"),
    (lambda dy: None, "NoneType"), (lambda dy: (), "0"),
])
def test_pullback_gives_a_tuple_with_a_gradient_for_each_array(gradients, got):
    @operation(elementwise=True)
    def tripled(x):
        return x * 3, gradients

    @operation
    def scaled(x, W, b=None):
        return x * W, lambda dy: gradients(dy) if got != "0" else (dy * W,)

    class Scaled(Layer):
        def __init__(self):
            self.W = Parameter([2.0], "W")

        def vjp(self, x):
            return self.apply(scaled, x, self.W, None)

    layer, x = Scaled(), np.ones(1)
    layer(x)
    for op, run in [(tripled, lambda: tripled.derivative(x)), (tripled, lambda: tripled.jacobian(x)),
                    (tripled, lambda: tripled(Tensor(x)).sum().backward()), (scaled, lambda: layer.backward(x)),
                    (scaled, lambda: check_operation(scaled, x, x)), (scaled, lambda: check_layer(layer, x))]:
        count = got if op is tripled or got != "0" else "1"
        with pytest.raises(TypeError, match=f"pullback of {op.__name__} expects a tuple with one gradient for each array, "
                                            f"got {count}"):
            run()


@pytest.mark.parametrize("give", [lambda x: x, lambda x: 2.0, lambda x: [x, x], lambda x: (x, x)])
def test_an_operation_gives_its_value_and_its_pullback(give):
    op = operation(give)
    for run in op, op.vjp, op.jacobian, lambda x: op(Tensor(x)):
        with pytest.raises(TypeError, match="<lambda> expects to give its value and pullback, as in return y, pullback, got "):
            run(np.ones((2, 2)))


def test_pullback_does_not_touch_its_argument(rng):
    for op, arrays in [(tanh, [(3, 4)]), (softmax, [(3, 4)]), (dense, [(3, 4), (4, 2), (2,)])]:
        y, pullback = op.vjp(*(rng.normal(size=shape) for shape in arrays))
        dy = rng.normal(size=y.shape)
        kept = dy.copy()
        pullback(dy)
        np.testing.assert_array_equal(dy, kept)


def test_derivative_is_for_elementwise_operations():
    np.testing.assert_allclose(square.derivative([[1.0, 3.0]]), [[2, 6]])
    np.testing.assert_allclose(leaky_relu.derivative([-1.0, 2.0], negative_slope=0.5), [0.5, 1])
    np.testing.assert_allclose(prelu.derivative([-1.0, 2.0], alpha=0.5), [0.5, 1])
    with pytest.raises(TypeError, match="softmax is not element-wise: use jacobian"):
        softmax.derivative([1.0, 2.0])


def test_jacobian(rng):
    x = rng.normal(size=4)
    p = softmax(x)
    np.testing.assert_allclose(softmax.jacobian(x), np.diag(p) - np.outer(p, p), rtol=0, atol=1e-16)
    batch = rng.normal(size=(2, 3))
    full = softmax.jacobian(batch)
    assert full.shape == (2, 3, 2, 3)
    np.testing.assert_array_equal(full[0, :, 1], np.zeros((3, 3)))
    np.testing.assert_allclose(full[1, :, 1], softmax.jacobian(batch[1]), atol=1e-16)
    assert softmax.jacobian(batch.astype(np.float32)).dtype == np.float32
    np.testing.assert_array_equal(square.jacobian([2.0, 3.0]), [[4, 0], [0, 6]])
    np.testing.assert_array_equal(scaled_product.jacobian([2.0, 3.0], b=[5.0, 7.0]), [[5, 0], [0, 7]])


def test_decorator_keeps_name_and_docstring():
    assert square.elementwise and isinstance(scaled_product, Operation) and not scaled_product.elementwise
    assert scaled_product.__name__ == "scaled_product" and scaled_product.__doc__ == "a b times a factor."
    assert scaled_product.arrays == ("a", "b") and cross_entropy.integers == ("labels",)
    assert repr(square) == "<operation square>"


def test_help_shows_the_operation():
    text = pydoc.plain(pydoc.render_doc(elu))
    assert "elu(x, *, alpha=1.0)" in text
    places = [text.index(word) for word in ("Exponential linear unit", "Parameters\n", "Raises\n", "References\n", "Clevert")]
    assert places == sorted(places)
    assert square.__doc__ is None and identity.__doc__.count("Parameters") == 1

    class Holder:
        op = square
    assert Holder().op is square and Holder.op is square


@operation("(N,D),(D,K),(K),(N,K)")
def affine(x, W, b=None, state=None):
    y = x @ W + (0 if b is None else b) + (0 if state is None else state)
    return y, lambda dy: (dy @ W.T, x.T @ dy, dy.sum(axis=0), dy)


def refusal(call):
    with pytest.raises(ValueError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("call", [affine, affine.vjp])
def test_shapes_are_refused_in_the_order_of_the_arrays(call):
    x, W, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
    assert refusal(lambda: call(b, W)) == "affine expects x (N, D), got (4,)"
    assert refusal(lambda: call(x, b)) == "affine expects W (3, K), got (4,)"
    assert refusal(lambda: call(x, W.T)) == "affine expects W (3, K), got (4, 3)"
    assert refusal(lambda: call(x, W, b[:3])) == "affine expects b (4,), got (3,)"
    assert refusal(lambda: call(x, W, b, state=np.ones((3, 4)))) == "affine expects state (2, 4), got (3, 4)"
    assert refusal(lambda: call(x, W, None, np.ones((2, 3)))) == "affine expects state (2, 4), got (2, 3)"
    for _ in range(2):                          # also when they came before
        assert refusal(lambda: call(x, W[:2], b)) == "affine expects W (3, K), got (2, 4)"


def test_in_a_layer_the_parameters_say_what_the_input_must_be():
    x, W, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
    assert refusal(lambda: affine.vjp_in("Affine", 2, np.ones((2, 5)), W, b)) == "Affine expects (N, 3), got (2, 5)"
    assert refusal(lambda: affine.vjp_in("Affine", 2, np.ones(5), W, None)) == "Affine expects (N, 3), got (5,)"
    assert refusal(lambda: affine.vjp_in("Affine", 2, x, W, b[:3])) == "affine expects b (4,), got (3,)"
    assert refusal(lambda: affine.vjp_in("Affine", 2, x, W, b, np.ones((3, 4)))) == "affine expects state (2, 4), got (3, 4)"
    assert refusal(lambda: affine.vjp_in("Affine", 0, x, np.ones((5, 4)))) == "affine expects W (3, K), got (5, 4)"
    assert refusal(lambda: dense.vjp_in("Dense", 1, np.ones((2, 5)), W)) == "Dense expects (N, 3), got (2, 5)"
    y, pullback = affine.vjp_in("Affine", 2, x, W, None, state=np.ones((2, 4)))
    assert y.tolist() == [[4] * 4] * 2 and pullback(y)[3].shape == (2, 4)

    @operation("(N,C)")
    def alone(x):
        return x, lambda dy: (dy,)
    assert refusal(lambda: alone(np.ones(3))) == "alone expects (N, C), got (3,)"
    assert alone.integers == ()
    with pytest.raises(TypeError, match="alone is not element-wise"):
        alone.derivative(np.ones((1, 1)))


def test_in_a_layer_every_other_array_keeps_its_name():
    @operation("(N),(M)")
    def first(a, b):
        return a.sum() + b.sum(), lambda dy: (np.full_like(a, dy), np.full_like(b, dy))
    assert refusal(lambda: first.vjp_in("Layer", 1, np.ones(3), np.ones((2, 2)))) == "first expects b (M,), got (2, 2)"
    assert refusal(lambda: first(np.ones((2, 2)), np.ones(3))) == "first expects a (N,), got (2, 2)"


@pytest.mark.parametrize("dy", [[1, 2], np.ones(2, np.float32), np.ones(2, np.uint8)])
def test_a_gradient_takes_the_precision_of_the_value(dy):
    assert identity.vjp(np.ones(2))[1](dy)[0].dtype == np.float64
