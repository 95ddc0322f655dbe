import copy
import math
import pickle
import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Activation, Dense, Flatten, Residual, Sequential, Tensor, Value, arithmetic, check_operation, cross_entropy, dense, gelu,
    mse, prelu, relu, softmax, tanh,
)
from nnlib.autodiff import graph
from nnlib.layers import embedding

# Value


def test_the_worked_network():
    """2-2-1 with ReLU and a linear output, by hand: z1 = (0.27, 0.59), y = 0.789."""
    x1, x2 = Value(0.5), Value(0.6)
    W1 = [[Value(0.1), Value(0.2)], [Value(0.3), Value(0.4)]]
    b1, W2, b2 = [Value(0.1), Value(0.2)], [Value(0.5), Value(0.6)], Value(0.3)
    z = [W1[i][0] * x1 + W1[i][1] * x2 + b1[i] for i in range(2)]
    y = W2[0] * z[0].relu() + W2[1] * z[1].relu() + b2
    loss = 0.5 * (y - 1) ** 2
    loss.backward()
    np.testing.assert_allclose([z[0].data, z[1].data, y.data], [0.27, 0.59, 0.789])
    delta = 0.789 - 1
    np.testing.assert_allclose([W2[0].grad, W2[1].grad, b2.grad], [delta * 0.27, delta * 0.59, delta])
    np.testing.assert_allclose([W1[0][1].grad, W1[1][0].grad], [delta * 0.5 * 0.6, delta * 0.6 * 0.5])
    np.testing.assert_allclose(x1.grad, delta * (0.5 * 0.1 + 0.6 * 0.3))


OPERATIONS = [
    lambda a, b: a + b, lambda a, b: a - b, lambda a, b: a * b, lambda a, b: a / b, lambda a, b: -a * -b,
    lambda a, b: a**3 + b**-1, lambda a, b: a**0 + b**0.5, lambda a, b: a.exp() * b.log(), lambda a, b: a.tanh() + b,
    lambda a, b: a.relu() * b + (-b).relu(), lambda a, b: 2 + a * 3 - 1 + 2 * b / 4, lambda a, b: 2 / a - (3 - b),
    lambda a, b: a * a * a + a * b + a,
]


@pytest.mark.parametrize("f", OPERATIONS)
@pytest.mark.parametrize("at", [(0.7, 1.3), (-1.2, 0.4)])
def test_value_gradients(f, at):
    a, b = map(Value, at)
    f(a, b).backward()
    h = 1e-6
    for i, v in enumerate((a, b)):
        above, below = ([x + sign * h * (i == j) for j, x in enumerate(at)] for sign in (1, -1))
        numerical = (f(*map(Value, above)).data - f(*map(Value, below)).data) / (2 * h)
        assert v.grad == pytest.approx(numerical, rel=1e-8, abs=1e-9)


def test_values_are_those_of_python():
    a, b = Value(3.0), Value(-2.0)
    results = [a + b, a - b, a * b, a / b, -a, a**2, b**-2, b.exp(), a.log(), b.tanh(), a.relu(), b.relu(),
               1 + a, 1 - a, 2 * a, 2 / a]
    expected = [1, 5, -6, -1.5, -3, 9, 0.25, math.exp(-2), math.log(3), math.tanh(-2), 3, 0, 4, -2, 6, 2 / 3]
    assert [v.data for v in results] == expected
    assert [v.op for v in results] == ["+", "-", "*", "/", "neg", "**2", "**-2", "exp", "log", "tanh", "relu", "relu",
                                       "+", "-", "*", "/"]
    assert Value(0.0).relu().slopes == (0.0,) and (Value(0.0) ** 1.5).slopes == (0.0,)
    assert (Value(0.0) ** 1).slopes == (1.0,) and (Value(0.0) ** 0).slopes == (0.0,) and (Value(-2.0) ** 3).data == -8


def test_value_used_twice_gets_the_sum():
    a = Value(3.0)
    y = a * a + a
    y.backward()
    assert a.grad == 7 and y.grad == 1
    y.backward()
    assert a.grad == 7                          # every backward starts from zero
    (a * 2).backward()
    assert a.grad == 2


def test_graph_lists_inputs_first_and_each_once():
    a, b = Value(1.0, label="a"), Value(2.0, label="b")
    c = a * b
    d = c + a
    assert graph(d) == [a, b, c, d]
    assert d.parents == (c, a) and d.slopes == (1, 1) and c.slopes == (2, 1) and graph(a) == [a] and a.parents == ()


def test_deep_graphs_need_no_recursion():
    x = Value(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.backward()
    assert x.grad == 1 and y.data == 20_001


@pytest.mark.parametrize("another", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_or_pickled_value_is_a_leaf(another):
    x = Value(1.0)
    y = x
    for _ in range(5000):
        y = y * x
    y.label = "y"
    y.backward()
    z = another(y)
    assert (z.data, z.grad, z.parents, z.slopes, z.op, z.label) == (1, 1, (), (), "", "y")
    (2 * z).backward()
    assert (z.grad, y.grad, x.grad) == (2, 1, 5001) and y.parents[1] is x, "the original is as it was"


def test_value_refuses():
    for bad in ("1", None, [1.0], True, 1j):
        with pytest.raises(TypeError, match="Value expects data as a number"):
            Value(bad)
    with pytest.raises(TypeError, match="Value expects data as a number"):
        Value(1.0) + "1"
    with pytest.raises(ValueError, match="Value expects .* got nan"):
        Value(math.nan)
    with pytest.raises(ValueError, match="log expects a positive Value, got 0.0"):
        Value(0.0).log()
    with pytest.raises(ValueError, match="divided by something else than 0"):
        Value(1.0) / 0
    with pytest.raises(TypeError, match="expects exponent as a number"):
        Value(1.0) ** Value(2.0)
    for base, exponent in [(-1.0, 0.5), (0.0, -1), (0.0, 0.5)]:
        with pytest.raises(ValueError, match=re.escape(f"a power with a derivative, got {base} ** {exponent}")):
            Value(base) ** exponent


def test_value_repr():
    a = Value(2, label="a")
    (3 * a).backward()
    assert repr(a) == "Value(a: data=2, grad=3)" and repr(Value(0.5)) == "Value(data=0.5, grad=0)"


# Arithmetic of arrays

SHAPES = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 4), ()), ((), (2,)), ((3, 1), (1, 4)), ((2, 1, 4), (3, 1)), ((0, 3), (3,)),
          ((1,), (1,)), ((1, 3), (3,))]


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide"])
@pytest.mark.parametrize("shapes", SHAPES)
def test_broadcasting(rng, name, shapes):
    op = getattr(arithmetic, name)
    a, b = rng.normal(size=shapes[0]), rng.uniform(1, 2, size=shapes[1]) * rng.choice([-1, 1], size=shapes[1])
    np.testing.assert_array_equal(op(a, b), getattr(np, name)(a, b))
    assert check_operation(op, a, b, rng=rng) < 1e-7
    assert op(a.astype(np.float32), b).dtype == np.float32


@pytest.mark.parametrize("a, b", [((3, 4), (4, 2)), ((4,), (4, 2)), ((3, 4), (4,)), ((4,), (4,)), ((2, 3, 4), (4, 2)),
                                  ((2, 3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 2)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)),
                                  ((0, 4), (4, 2)), ((1, 1), (1, 1))])
def test_matmul(rng, a, b):
    a, b = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_array_equal(arithmetic.matmul(a, b), a @ b)
    assert check_operation(arithmetic.matmul, a, b, rng=rng) < 1e-7


@pytest.mark.parametrize("name", ["sum", "mean"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sum_and_mean(rng, name, axis, keepdims):
    op, x = getattr(arithmetic, name), rng.normal(size=(2, 3, 4))
    np.testing.assert_allclose(op(x, axis=axis, keepdims=keepdims), getattr(x, name)(axis=axis, keepdims=keepdims), rtol=1e-14)
    assert op(x, axis=axis, keepdims=keepdims).shape == x.sum(axis=axis, keepdims=keepdims).shape
    assert check_operation(op, x, rng=rng, axis=axis, keepdims=keepdims) < 1e-7


@pytest.mark.parametrize("op, options, expected", [
    (arithmetic.exp, {}, np.exp), (arithmetic.log, {}, np.log), (arithmetic.power, {"exponent": 3}, lambda x: x**3),
    (arithmetic.power, {"exponent": -0.5}, lambda x: x**-0.5), (arithmetic.power, {"exponent": 0}, lambda x: x**0),
    (arithmetic.power, {"exponent": 1}, lambda x: x), (arithmetic.reshape, {"shape": (4, -1)}, lambda x: x.reshape(4, 6)),
    (arithmetic.transpose, {}, lambda x: x.T), (arithmetic.transpose, {"axes": (2, 0, 1)}, lambda x: x.transpose(2, 0, 1)),
    (arithmetic.index, {"at": 1}, lambda x: x[1]), (arithmetic.index, {"at": np.int64(0)}, lambda x: x[0]),
    (arithmetic.index, {"at": (slice(None), [0, 0, 2])}, lambda x: x[:, [0, 0, 2]]),
    (arithmetic.index, {"at": (..., slice(1, None, 2))}, lambda x: x[..., 1::2]),
])
def test_other_arithmetic(rng, op, options, expected):
    x = rng.uniform(0.5, 2, size=(2, 3, 4))
    np.testing.assert_array_equal(op(x, **options), expected(x))
    assert check_operation(op, x, rng=rng, **options) < 1e-7


def test_arithmetic_refuses():
    with pytest.raises(ValueError, match="log expects x > 0, got 0"):
        arithmetic.log([1.0, 0.0])
    with pytest.raises(ValueError, match="divide expects b without 0, got 0"):
        arithmetic.divide([1.0, 2.0], [1.0, 0.0])
    with pytest.raises(ValueError, match="power expects x without 0 for the exponent -0.5"):
        arithmetic.power([1.0, 0.0], exponent=-0.5)
    with pytest.raises(ValueError, match="power expects x >= 0 for the exponent 0.5, got -1"):
        arithmetic.power([1.0, -1.0], exponent=0.5)
    with pytest.raises(ValueError, match="power expects x without 0 for the exponent -2, got 0"):
        arithmetic.power([1.0, 0.0], exponent=-2)
    with pytest.raises(ValueError, match=r"mean expects at least one element, got shape \(0, 3\)"):
        arithmetic.mean(np.ones((0, 3)), axis=0)
    with pytest.raises(TypeError, match="power expects exponent as a number"):
        arithmetic.power([1.0], exponent=[2])
    with pytest.raises(ValueError):
        arithmetic.add(np.ones(3), np.ones(4))
    assert arithmetic.log(np.ones(0)).shape == (0,) and arithmetic.power([-2.0, 0.0], exponent=3).tolist() == [-8, 0]
    assert arithmetic.power(np.ones(0), exponent=0.5).shape == (0,) and arithmetic.power([0.0], exponent=0.5) == 0


# Tensor

def numerical(f, arrays, h=1e-6):
    gradients = []
    for x in arrays:
        gradient = np.zeros_like(x)
        for i in np.ndindex(x.shape):
            start = x[i]
            x[i] = start + h
            above = f(*arrays)
            x[i] = start - h
            gradient[i], x[i] = (above - f(*arrays)) / (2 * h), start
        gradients.append(gradient)
    return gradients


@pytest.mark.parametrize("f", [
    lambda a, b: (a + b * 2 - 1).sum(),
    lambda a, b: (3 - a / (b * b + 1)).mean(),
    lambda a, b: ((-a) ** 2 @ b.T).sum(axis=0)[1],
    lambda a, b: (2 / (a * a + 1) + (b * 0.1).exp().log()).reshape(6).sum(),
    lambda a, b: (a.reshape(3, 2) @ b).transpose().mean(axis=1, keepdims=True)[0, 0],
    lambda a, b: (a.transpose(1, 0)[0] + b[:, 1]).sum(),
    lambda a, b: a[0] @ b[1] + (np.ones((2, 2)) @ a).sum() - (a @ np.ones(3)).sum(),
    lambda a, b: (np.ones((2, 3)) - b + np.ones(3) * b * b + (np.ones((2, 1)) + a)).sum(),
    lambda a, b: (np.ones((2, 3)) / (a**2 + 1) + np.float64(2) * b).sum(),
])
def test_tensor_gradients(rng, f):
    arrays = [rng.normal(size=(2, 3)), rng.normal(size=(2, 3))]

    def value(*arrays):
        return f(*map(Tensor, arrays)).data
    tensors = [Tensor(x.copy()) for x in arrays]
    f(*tensors).backward()
    for tensor, expected in zip(tensors, numerical(value, arrays)):
        np.testing.assert_allclose(tensor.grad, expected, rtol=1e-7, atol=1e-8)


def test_tape_and_layers_agree_to_the_last_bit(rng):
    """The same operations in the same order: not close, equal."""
    inner, outer = Dense(6, 6, rng=rng), Dense(6, 3, rng=rng)
    first, slope = Dense(8, 6, rng=rng), Activation(prelu, alpha=0.2)
    last = Dense(3, 4, rng=rng)
    model = Sequential(Flatten(), first, slope, Residual(inner, Activation(gelu)), outer, Activation(tanh), last)
    x, labels = rng.normal(size=(10, 2, 4)), rng.integers(4, size=10)
    loss, pullback = cross_entropy.vjp(model(x), labels)
    dx = model.backward(pullback(1.0)[0], input_grad=True)

    parameters = [Tensor(p.value) for p in model.parameters()]
    W1, b1, alpha, W2, b2, W3, b3, W4, b4 = parameters
    input_ = Tensor(x)
    h = prelu(dense(input_.reshape(10, 8), W1, b1), alpha)
    h = gelu(dense(h, W2, b2)) + h
    tape_loss = cross_entropy(dense(tanh(dense(h, W3, b3)), W4, b4), labels)
    tape_loss.backward()

    assert tape_loss.data == loss
    np.testing.assert_array_equal(input_.grad, dx)
    for p, tensor in zip(model.parameters(), parameters):
        np.testing.assert_array_equal(tensor.grad, p.grad)


def test_shared_weights_on_tape_and_in_layers(rng):
    shared = Dense(3, 3, rng=rng)
    model, x, dy = Sequential(shared, Activation(tanh), shared), rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    y = model(x)
    model.backward(dy)
    W, b = Tensor(shared.W.value), Tensor(shared.b.value)
    out = dense(tanh(dense(x, W, b)), W, b)
    out.backward(dy)
    np.testing.assert_array_equal(out.data, y)
    np.testing.assert_array_equal(W.grad, shared.W.grad)
    np.testing.assert_array_equal(b.grad, shared.b.grad)


def test_every_operation_takes_tensors(rng):
    x = Tensor(rng.normal(size=(3, 4)))
    y = softmax(x, axis=0)
    assert isinstance(y, Tensor) and y.parents == (x,)
    y.backward(np.ones((3, 4)))
    np.testing.assert_allclose(x.grad, 0, atol=1e-15)
    W = Tensor(rng.normal(size=(5, 2)))
    embedding([1, 1], W).sum().backward()
    assert W.grad[:, 0].tolist() == [0, 2, 0, 0, 0]
    alpha = Tensor([0.25])
    prelu([-2.0, 3.0], alpha=alpha).sum().backward()
    assert alpha.grad.tolist() == [-2]


def test_constants_have_no_gradient(rng):
    seen = []
    x = Tensor(rng.normal(size=(3, 4)))
    y = dense(np.ones((2, 3)), x)
    assert y.parents == (x,)
    original = y.pullback
    y.pullback = lambda dy: seen.append(dy) or original(dy)
    y.sum().backward()
    assert len(seen) == 1 and x.grad.tolist() == [[2] * 4] * 3


def test_signs_and_shapes_of_tensors():
    x = Tensor([[1.0, -2.0, 3.0]])
    y = -x
    assert y.data.tolist() == [[-1, 2, -3]] and y.reshape((3, 1)).shape == y.reshape(3, 1).shape == (3, 1)
    y.reshape(3).sum().backward()
    assert x.grad.tolist() == [[-1, -1, -1]]


def test_backward_starts_from_zero_each_time():
    x = Tensor([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    first = x.grad
    y.backward()
    assert x.grad.tolist() == first.tolist() == [2, 4] and x.grad is not first
    y.backward(3.0)
    assert x.grad.tolist() == [6, 12]


def test_gradients_do_not_share_memory():
    a, b, dy = Tensor([1.0, 2.0]), Tensor([3.0, 4.0]), np.ones(2)
    (a + b).backward(dy)
    a.grad *= 5
    assert b.grad.tolist() == [1, 1] and dy.tolist() == [1, 1]
    total = a.sum()
    total.backward()
    a.grad[0] = 7                               # writable, and one element alone
    assert a.grad.tolist() == [7, 1]
    single = Tensor(2.0)
    single.backward()
    assert single.grad == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tensor_keeps_the_precision(dtype):
    x = Tensor(np.ones((2, 3), dtype))
    y = (2 * x / np.float64(3) - np.ones(3) + x**2 @ np.ones((3, 3))).exp().mean()
    y.backward()
    assert y.data.dtype == x.grad.dtype == dtype
    assert Tensor([1, 2]).data.dtype == np.float64


@pytest.mark.parametrize("another", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_or_pickled_tensor_is_a_leaf(another):
    x = Tensor(np.ones(3))
    y = x
    for _ in range(2000):                       # a long tape is no obstacle either
        y = y * 1.0
    y.backward(np.ones(3))
    z = another(y)
    assert (z.data == y.data).all() and (z.grad == 1).all() and z.parents == () and z.pullback is None
    (2 * z).sum().backward()
    assert (z.grad == 2).all() and (x.grad == 1).all() and y.parents, "the original is as it was"


@settings(deadline=None, max_examples=20)
@given(depth=st.integers(1, 400))
def test_long_tapes(depth):
    x = Tensor(1.0)
    y = x
    for _ in range(depth):
        y = y + x
    y.backward()
    assert x.grad == depth + 1


def test_tensor_refuses():
    with pytest.raises(TypeError, match="Tensor expects data as an array of real numbers, got <U1"):
        Tensor("a")
    with pytest.raises(ValueError, match="Tensor expects data without NaN, got 1 NaN of 2"):
        Tensor([1.0, np.nan])
    with pytest.raises(ValueError, match=re.escape("backward expects dy of shape (2,), got ()")):
        Tensor([1.0, 2.0]).backward()
    with pytest.raises(ValueError, match=re.escape("backward expects dy of shape (), got (2,)")):
        Tensor([1.0, 2.0]).sum().backward(np.ones(2))
    loss = mse(Tensor([1.0]), Tensor([2.0]))
    with pytest.raises(ValueError, match="mse expects target as an array: it has no gradient, got a Tensor"):
        loss.backward()
    with pytest.raises(ValueError, match="mse expects prediction and target of one shape"):
        mse(Tensor([1.0]), [1.0, 2.0])
    with pytest.raises(TypeError):
        Tensor([1.0]) ** Tensor([2.0])


def test_tensor_looks_like_an_array():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.shape == (2, 2) and len(x) == 2 and x.T.data.tolist() == [[1, 3], [2, 4]]
    assert repr(x) == "Tensor([[1., 2.],\n        [3., 4.]])"
    assert relu(x).grad is None and x.grad is None and x.parents == ()


# ---- kinds of faults ---------------------------------------------------------------------------------------

shapes = st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)


@settings(deadline=None, max_examples=60)
@given(shapes, st.data())
def test_axes_are_numpys_with_the_right_gradient(shape, data):
    rng, n = np.random.default_rng(0), len(shape)
    x = rng.normal(size=shape)
    order = data.draw(st.permutations(range(n)).flatmap(lambda order: st.tuples(*(st.sampled_from([i, i - n]) for i in order))))
    several = data.draw(st.lists(st.integers(0, n - 1), unique=True).map(lambda s: tuple(i - n * (i % 2) for i in s)))
    one, keepdims = data.draw(st.integers(-n, n - 1)), data.draw(st.booleans())
    for op, options, expected in [
            (arithmetic.transpose, dict(axes=order), x.transpose(order)),
            (arithmetic.transpose, dict(axes=list(order)), x.transpose(order)),
            (arithmetic.sum, dict(axis=several, keepdims=keepdims), x.sum(axis=several, keepdims=keepdims)),
            (arithmetic.mean, dict(axis=several, keepdims=keepdims), x.mean(axis=several, keepdims=keepdims)),
            (arithmetic.sum, dict(axis=one, keepdims=keepdims), x.sum(axis=one, keepdims=keepdims)),
            (arithmetic.mean, dict(axis=np.int64(one), keepdims=keepdims), x.mean(axis=one, keepdims=keepdims)),
            (softmax, dict(axis=one), np.exp(x) / np.exp(x).sum(axis=one, keepdims=True)),
            (nnlib.log_softmax, dict(axis=one), x - np.log(np.exp(x).sum(axis=one, keepdims=True)))]:
        np.testing.assert_allclose(op(x, **options), expected, rtol=1e-12, atol=1e-12)
        assert check_operation(op, x, rng=rng, **options) < 1e-6
    t = Tensor(x)
    for result in (t.transpose(*order), t.transpose(order), t.transpose(list(order)), np.transpose(t, order)):
        weight = rng.normal(size=result.shape)
        (result * weight).sum().backward()
        np.testing.assert_allclose(t.grad, weight.transpose(np.argsort([i % n for i in order])))


@pytest.mark.parametrize("name", ["sum", "mean", "transpose", "softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [(0, 0), (1, -1), 2, -3, (0, 2), 1.0, True, "0", (0, None)])
def test_axes_that_do_not_exist_are_refused(name, axis):
    op = getattr(arithmetic, name, None) or getattr(nnlib, name)
    option = "axes" if name == "transpose" else "axis"
    with pytest.raises((TypeError, ValueError), match=f"^{name} expects (an axis|axes)"):
        op(np.ones((2, 2)), **{option: axis})


def test_transpose_wants_every_axis():
    for axes in (0, (0,), (1, 0)):
        with pytest.raises(ValueError, match="transpose expects each of the 3 axes, got"):
            Tensor(np.ones((2, 2, 2))).transpose(axes)
    assert Tensor(np.ones(3)).transpose(0).shape == Tensor(np.ones(3)).transpose(-1).shape == (3,)
    assert Tensor(np.ones((2, 3))).transpose().shape == Tensor(np.ones((2, 3))).transpose(None).shape == (3, 2)


def test_numpys_functions_of_a_tensor():
    x = Tensor([[1.0, 2.0], [3.0, 5.0]])
    assert np.mean(x).data == 2.75 and np.sum(x, axis=0).data.tolist() == [4, 7] and np.shape(x) == (2, 2)
    np.mean(x).backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 0.25))
    for f in (np.median, np.linalg.norm, lambda x: np.concatenate([x, x]), lambda x: np.where(x, x, x), np.max,
              lambda x: np.mean(x, 0, "float64"), lambda x: np.sum(x, 1, None), lambda x: np.reshape(x, 4, "F")):
        with pytest.raises(TypeError, match=r"np\.\w+ expects arrays, got a Tensor: take x.data"):
            f(x)
    for f in (np.asarray, np.array, lambda x: np.array([x, x]), relu.vjp, nnlib.Dense(2, 2), nnlib.Parameter, Tensor):
        with pytest.raises(TypeError, match="NumPy expects arrays, got a Tensor: take x.data"):
            f(x, "W") if f is nnlib.Parameter else f(x)


numbers = st.floats(allow_nan=False).filter(lambda x: abs(x) > 0)


def as_floats(f):
    with np.errstate(all="ignore"):
        return float(f())


@settings(deadline=None, max_examples=300)
@given(numbers, numbers, st.sampled_from([-3, -2, -1, 1, 2, 3, 1.5, -0.5, 700]))
def test_values_are_what_floats_give(a, b, n):
    x, y = np.float64(a), np.float64(b)
    cases = [(lambda: Value(a) * Value(b), lambda: x * y, lambda: (y, x)),
             (lambda: Value(a) / Value(b), lambda: x / y, lambda: (1 / y, -(x / y) / y)),
             (lambda: Value(a) + Value(b), lambda: x + y, lambda: (1.0, 1.0)),
             (lambda: Value(a).exp(), lambda: np.exp(x), lambda: (np.exp(x),)),
             (lambda: Value(a).tanh(), lambda: math.tanh(a), lambda: (1 - math.tanh(a) ** 2,))]
    if a > 0 or n == int(n):
        cases.append((lambda: Value(a) ** n, lambda: x ** n, lambda: (n * x ** (n - 1),)))
    if a > 0:
        cases.append((lambda: Value(a).log(), lambda: np.log(x), lambda: (1 / x,)))
    for make, value, slopes in cases:
        expected = as_floats(value)
        if math.isnan(expected):
            with pytest.raises(ValueError, match="Value expects -inf <= data <= inf, got nan"):
                make()
            continue
        made = make()
        assert made.data == pytest.approx(expected, rel=1e-12, abs=1e-320)
        with np.errstate(all="ignore"):
            for slope, right in zip(made.slopes, map(float, slopes()), strict=True):
                assert slope == pytest.approx(right, rel=1e-12, abs=1e-320, nan_ok=True)
        made.backward()


def test_values_at_the_ends_of_floats():
    assert (Value(1.0) / Value(1e-170)).data == 1e170 and (Value(1.0) / Value(1e-170)).slopes == (1e170, -math.inf)
    assert (Value(1.0) / Value(1e200)).slopes == (1e-200, 0.0)
    assert (Value(1e-170) / Value(1e-170)).slopes == pytest.approx((1e170, -1e170))
    assert Value(1000.0).exp().data == math.inf and Value(-1000.0).exp().data == 0
    assert (Value(-1e200) ** 3).data == -math.inf and (Value(-1e200) ** 2).data == math.inf
    assert (Value(-1e-200) ** -3).data == -math.inf and (Value(1e-320) ** -1).data == math.inf
    assert Value(10**400).data == math.inf and Value(-(10**400)).data == -math.inf
    for x, n in (-2.0, math.inf), (0.5, math.inf), (2.0, -math.inf), (2.0, 10**400):
        with pytest.raises(ValueError, match=f"a power with a derivative, got {x} "):
            Value(x) ** n
    for n in np.int64(-1), np.float32(2), Fraction(1, 2), np.int64(5000):       # NumPy's numbers would warn, or stay
        assert [type(slope) for slope in (Value(3.0) ** n).slopes] == [float]
    assert (Value(3.0) ** np.int64(5000)).data == math.inf


@pytest.mark.parametrize("function, expected", [
    (np.exp, lambda x: x.exp()), (np.log, lambda x: x.log()), (lambda x: np.add(x, 2), lambda x: x + 2),
    (lambda x: np.multiply(2, x), lambda x: 2 * x), (lambda x: np.subtract(np.ones(2), x), lambda x: 1 - x),
    (lambda x: np.divide(1, x), lambda x: 1 / x), (lambda x: np.ones(2) * x, lambda x: x),
    (lambda x: np.float64(2) * x, lambda x: 2 * x),
    (lambda x: np.ones((3, 2)) @ x, lambda x: x.sum() + np.zeros(3)), (np.mean, lambda x: x.mean()), (np.sum, lambda x: x.sum()),
])
def test_numpys_functions_are_recorded(function, expected):
    grads = []
    for f in function, expected:
        x = Tensor(np.array([0.5, 2.0]))
        y = f(x)
        y.backward(np.ones(y.shape))
        grads.append((y.data, x.grad))
    np.testing.assert_allclose(*(y for y, _ in grads))
    np.testing.assert_allclose(*(grad for _, grad in grads))


def test_numpys_other_functions_are_refused():
    x = Tensor(np.ones(2))
    for f in (np.abs, np.sqrt, np.isnan, np.maximum.reduce, lambda x: np.power(x, 2), lambda x: np.add(x, 1, out=np.ones(2)),
              lambda x: np.maximum(x, 0), np.std, np.size, lambda x: np.stack([x, x]), lambda x: np.mean(a=x),
              lambda x: np.sum(a=x, axis=0), lambda x: np.mean(x, dtype=float), lambda x: np.sum(x, initial=1.0),
              lambda x: np.transpose(x, axes=(0,)), lambda x: np.transpose(a=x), lambda x: np.reshape(x, shape=(1, 2)),
              lambda x: np.reshape(x, (1, 2), order="F"), lambda x: np.mean(np.ones(2), where=x)):
        with pytest.raises(TypeError, match=r"np\.\w+ expects arrays, got a Tensor: take x\.data, or nnlib's operations"):
            f(x)


def test_a_tensor_is_no_truth_and_one_number_no_sequence():
    for x in (Tensor(np.zeros(1)), Value(0.0), Value(1.0)):
        with pytest.raises(TypeError, match=f"{type(x).__name__} has no truth value of its own: take x.data"):
            bool(x)
    assert [part.data.tolist() for part in Tensor(np.array([[1.0], [2.0]]))] == [[1], [2]]
    with pytest.raises(TypeError, match="unsized"):
        list(Tensor(1.0))


def test_a_power_is_finite():
    with pytest.raises(ValueError, match="power expects -inf < exponent < inf, got inf"):
        Tensor(np.ones(1)) ** math.inf


@pytest.mark.parametrize("dtype, tiny", [(np.float64, 1e-170), (np.float32, 1e-25)])
def test_division_by_small_numbers(dtype, tiny):
    a, b = Tensor(np.array([tiny], dtype)), Tensor(np.array([tiny], dtype))
    (a / b).sum().backward()
    np.testing.assert_allclose(b.grad, [-1 / tiny], rtol=1e-5)
    np.testing.assert_allclose(a.grad, [1 / tiny], rtol=1e-5)
