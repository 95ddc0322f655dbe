import copy
import dataclasses
import functools
import gc
import io
import itertools
import pickle
import re
import subprocess
import sys
import time
import weakref
import zipfile
from collections import UserList, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Activation, Dense, Dropout, Embedding, Flatten, Layer, Parameter, Residual, Sequential, check_layer, check_operation,
    cross_entropy, dense, gelu, he_normal, identity, leaky_relu, load_weights, mse, operation, prelu, relu, save_weights, tanh,
)
from nnlib.layers import embedding, flatten


def filled(layer, stored, name):
    """The layer with stored weights."""
    layer.W.value = stored[f"{name}/W"]
    if getattr(layer, "b", None) is not None:
        layer.b.value = stored[f"{name}/b"]
    return layer


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)


def network(rng):
    return Sequential(Flatten(), Dense(6, 5, rng=rng), Activation(prelu, alpha=[0.3] * 5),
                      Residual(Dense(5, 5, rng=rng), Activation(tanh)), Dense(5, 3, rng=rng))


# Parameter

def test_parameter_keeps_its_array():
    p = Parameter([1, 2], "W")
    held = p.value
    p.value = [3, 4]
    assert p.value is held and held.tolist() == [3, 4] and held.dtype == np.float64
    p.value -= 1
    assert p.value is held and held.tolist() == [2, 3]
    assert Parameter(np.ones(2, np.float32), "W").value.dtype == np.float32
    assert Parameter([True], "W").value.dtype == np.float64
    start = np.ones(2)
    Parameter(start, "W").value[0] = 5          # the caller's array is not the parameter's
    assert start[0] == 1


def test_parameter_gradient_starts_at_zero_and_adds():
    p = Parameter(np.ones(2, np.float32), "W")
    assert p.grad.tolist() == [0, 0] and p.grad.dtype == np.float32
    gradient = np.array([1.0, 2.0])
    p.add_grad(gradient)
    p.add_grad(gradient)
    assert p.grad.tolist() == [2, 4] and p.grad.dtype == np.float32
    p.grad += [1, 1]
    p.grad *= 2
    assert p.grad.tolist() == [6, 10] and gradient.tolist() == [1, 2]
    p.grad = gradient
    p.grad += 1
    assert p.grad.tolist() == [2, 3] and gradient.tolist() == [1, 2] and p.grad.dtype == np.float32
    p.zero_grad()
    assert p.grad.tolist() == [0, 0]
    p.grad[0] = 7                               # zeros that were looked at can be written to
    assert p.grad.tolist() == [7, 0]


def test_parameter_copies_a_gradient_unless_told():
    p, gradient = Parameter([1.0], "W"), np.array([2.0])
    p.add_grad(gradient)
    assert p.grad is not gradient
    p.zero_grad()
    p.add_grad(gradient, copy=False)
    assert p.grad is gradient


def test_parameter_refuses_other_shapes():
    p = Parameter(np.zeros((2, 3)), "W")
    for shape in [(3,), (1,), (3, 2), (2, 3, 1), ()]:
        new = np.zeros(shape)
        for assign in (lambda: setattr(p, "value", new), lambda: setattr(p, "grad", new), lambda: p.add_grad(new)):
            with pytest.raises(ValueError, match=re.escape(f"Parameter W expects (2, 3), got {shape}")):
                assign()
    with pytest.raises(TypeError, match="Parameter expects W as an array of real numbers"):
        p.value = "text"
    with pytest.raises(TypeError, match="Parameter expects b as an array of real numbers"):
        Parameter("text", "b")
    assert repr(p) == "Parameter(W, shape=(2, 3), dtype=float64)"


# Against PyTorch

@pytest.mark.parametrize("case, bias", [("dense", True), ("dense/no_bias", False), ("dense/steps", True)])
def test_dense_is_pytorchs(reference, case, bias):
    stored = reference("layers")
    layer = filled(Dense(5, 3, bias=bias), stored, case)
    close(layer(stored[f"{case}/x"]), stored[f"{case}/y"])
    close(layer.backward(stored[f"{case}/dy"]), stored[f"{case}/dx"])
    close(layer.W.grad, stored[f"{case}/dW"])
    if bias:
        close(layer.b.grad, stored[f"{case}/db"])


def test_embedding_is_pytorchs(reference):
    stored = reference("layers")
    layer = filled(Embedding(6, 4), stored, "embedding")
    close(layer(stored["embedding/x"]), stored["embedding/y"])
    assert layer.backward(stored["embedding/dy"]) is None
    close(layer.W.grad, stored["embedding/dW"])


def test_whole_network_is_pytorchs(reference):
    stored = reference("layers")
    a, b, c, d, e = (filled(Dense(*sizes), stored, f"network/{i}")
                     for i, sizes in enumerate([(6, 5), (5, 5), (5, 5), (5, 4), (5, 4)]))
    model = Sequential(Flatten(), a, Activation(tanh), Residual(b, Activation(relu), c),
                       Residual(d, Activation(gelu), shortcut=e))
    close(model(stored["network/x"]), stored["network/y"])
    close(model.backward(stored["network/dy"], input_grad=True), stored["network/dx"])
    for i, layer in enumerate((a, b, c, d, e)):
        close(layer.W.grad, stored[f"network/{i}/dW"])
        close(layer.b.grad, stored[f"network/{i}/db"])


def test_a_layer_used_three_times_is_pytorchs(reference):
    stored = reference("layers")
    shared, out = filled(Dense(4, 4), stored, "shared/0"), filled(Dense(4, 2), stored, "shared/1")
    squash = Activation(tanh)
    model = Sequential(shared, squash, shared, squash, shared, out)
    assert model.parameters() == [shared.W, shared.b, out.W, out.b]
    close(model(stored["shared/x"]), stored["shared/y"])
    close(model.backward(stored["shared/dy"], input_grad=True), stored["shared/dx"])
    close(shared.W.grad, stored["shared/0/dW"])
    close(shared.b.grad, stored["shared/0/db"])
    close(out.W.grad, stored["shared/1/dW"])


# Gradients of random shapes

@settings(deadline=None, max_examples=30)
@given(shape=st.lists(st.integers(1, 4), min_size=2, max_size=3), out=st.integers(1, 4), bias=st.booleans(),
       seed=st.integers(0, 99))
def test_dense_gradient(shape, out, bias, seed):
    rng = np.random.default_rng(seed)
    layer = Dense(shape[-1], out, bias, init=he_normal, rng=rng)
    if bias:
        layer.b.value = rng.normal(size=out)
    x = rng.normal(size=shape)
    assert check_layer(layer, x, rng=rng) < 1e-7
    expected = np.einsum("...d,dk->...k", x, layer.W.value) + (layer.b.value if bias else 0)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(7, 3), (2, 5, 3), (0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_portable_dense_sums_in_one_order(rng, shape, bias):
    layer = Dense(3, 4, bias, rng=rng, portable=True)
    x = rng.normal(size=shape)
    y = layer(x)
    for place in np.ndindex(*shape[:-1]):
        for k in range(4):
            total = 0.0
            for d in range(3):                  # Python rounds each product, then each sum
                total += float(x[place][d]) * float(layer.W.value[d, k])
            assert y[place][k] == total + (float(layer.b.value[k]) if bias else 0)
    if y.size:
        assert check_layer(layer, x, rng=rng) < 1e-7


@pytest.mark.parametrize("shape", [(3,), (3, 4), (2, 3, 4, 2), (0, 4, 2), (3, 0)])
def test_flatten(rng, shape):
    x = rng.normal(size=shape)
    layer = Flatten()
    y = layer(x)
    assert y.shape == (shape[0], int(np.prod(shape[1:])))
    np.testing.assert_array_equal(layer.backward(y), x)
    with pytest.raises(ValueError, match=re.escape("flatten expects (N, ...), got ()")):
        flatten(3.0)


@pytest.mark.parametrize("model", [
    lambda rng: network(rng),
    lambda rng: Sequential(Sequential(Flatten(), Dense(6, 2, rng=rng)), Residual(shortcut=Dense(2, 2, rng=rng))),
    lambda rng: Sequential(Flatten(), Residual(Dense(6, 3, rng=rng), shortcut=Dense(6, 3, rng=rng))),
    lambda rng: Sequential(Flatten(), Activation(leaky_relu, negative_slope=0.2)),
])
def test_whole_model_gradient(rng, model):
    assert check_layer(model(rng), rng.normal(size=(4, 2, 3)), rng=rng) < 1e-7


def test_embedding_gradient(rng):
    model = Sequential(Embedding(5, 3, rng=rng), Flatten(), Dense(6, 2, rng=rng))
    assert check_layer(model, rng.integers(5, size=(4, 2)), rng=rng) < 1e-7
    indices = np.array([[0, 0], [4, 0]])
    assert check_operation(embedding, indices, rng.normal(size=(5, 3)), rng=rng) < 1e-7


# Dense

def test_dense_starts_as_told(rng):
    same = copy.deepcopy(rng)
    layer = Dense(6, 4, init=he_normal, rng=rng)
    np.testing.assert_array_equal(layer.W.value, he_normal((6, 4), same))
    assert layer.b.value.tolist() == [0] * 4 and layer.W.name == "W" and layer.b.name == "b"
    assert np.abs(Dense(300, 300, rng=rng).W.value).max() <= np.sqrt(6 / 600)       # xavier_uniform
    assert not np.array_equal(Dense(6, 4).W.value, Dense(6, 4).W.value)
    assert Dense(6, 4, bias=False).b is None


@pytest.mark.parametrize("parameters", [np.float32, np.float64])
@pytest.mark.parametrize("data", [np.float32, np.float64])
def test_data_decides_the_precision(rng, parameters, data):
    model = Sequential(Dense(3, 4, rng=rng, dtype=parameters), Activation(relu),
                       Residual(Dense(4, 4, rng=rng, dtype=parameters)), Dense(4, 2, rng=rng, dtype=parameters))
    y = model(rng.normal(size=(5, 3)).astype(data))
    assert y.dtype == data
    assert model.backward(np.ones((5, 2)), input_grad=True).dtype == data
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(parameters)}


def test_integers_take_the_precision_of_the_weights(rng):
    layer = Dense(3, 2, rng=rng, dtype=np.float32)
    assert layer(np.ones((2, 3), np.uint8)).dtype == np.float32
    assert layer([[1, 2, 3]]).dtype == np.float32


def test_empty_batches(rng):
    model = network(rng)
    assert model(np.zeros((0, 2, 3))).shape == (0, 3)
    assert model.backward(np.zeros((0, 3)), input_grad=True).shape == (0, 2, 3)
    assert not any(p.grad.any() for p in model.parameters())
    assert Embedding(5, 3)(np.zeros((0, 2), int)).shape == (0, 2, 3)
    assert dense(np.zeros((0, 4, 3)), np.ones((3, 2))).shape == (0, 4, 2)


# One pass forward and back

def test_backward_adds(rng):
    model, x, dy = network(rng), rng.normal(size=(4, 2, 3)), rng.normal(size=(4, 3))
    model(x)
    model.backward(dy)
    once = [p.grad.copy() for p in model.parameters()]
    model(x)
    model.backward(dy)
    for p, gradient in zip(model.parameters(), once):
        np.testing.assert_allclose(p.grad, 2 * gradient, rtol=1e-15)
    model.zero_grad()
    assert not any(p.grad.any() for p in model.parameters())


def test_backward_needs_a_forward_pass_each_time(rng):
    with pytest.raises(ValueError, match="Dense.backward expects a forward pass for each call, got none"):
        Dense(2, 3).backward(np.ones((1, 3)))
    model = Sequential(Dense(2, 3, rng=rng), Dense(3, 3, rng=rng))
    model(np.ones((1, 2)))
    model.backward(np.ones((1, 3)))
    with pytest.raises(ValueError, match="Sequential.backward expects a forward pass for each call, got none"):
        model.backward(np.ones((1, 3)))


def test_backward_refuses_another_shape(rng):
    model = Sequential(Dense(2, 1, rng=rng))
    model(np.ones((4, 2)))
    with pytest.raises(ValueError, match=re.escape("pullback of dense expects dy (4, 1), got (4,)")):
        model.backward(np.ones(4))


def test_a_call_forgets_the_last(rng):
    layer, kept = Dense(2, 2, rng=rng), []

    class Spy(Layer):
        def vjp(self, x):
            kept.append(weakref.ref(x))
            return x, lambda dy, input_grad=True: (x, dy)[1]
    model = Sequential(layer, Spy())
    for _ in range(3):
        model(np.ones((1, 2)))
    assert [ref() is None for ref in kept] == [True, True, False]
    model.backward(np.ones((1, 2)))
    assert kept[-1]() is None
    for _ in range(3):                          # nothing is kept of a value alone
        model.forward(np.ones((1, 2)))
        assert kept[-1]() is None
    with pytest.raises(ValueError, match="expects a forward pass"):
        model.backward(np.ones((1, 2)))


class Twice(Layer):
    """A layer used twice in another one."""

    def __init__(self, part):
        self.part = part

    def vjp(self, x):
        y, first = self.part.vjp(x)
        z, second = self.part.vjp(y)
        return z, lambda dz, input_grad=True: first(second(dz), input_grad)


def test_a_layer_used_several_times(rng):
    part = Dense(3, 3, rng=rng)
    model = Sequential(part, Twice(part), part)
    assert check_layer(model, rng.normal(size=(2, 3)), rng=rng) < 1e-7
    assert len(model.parameters()) == 2


def gradients_of(model, x, dy, between=lambda: None):
    model.zero_grad()
    y = model(x)
    between()
    dx = model.backward(dy(y), input_grad=True)
    return [y, dx, *(p.grad.copy() for p in model.parameters())]


MODELS = [
    (lambda rng: network(rng), (4, 2, 3)),
    (lambda rng: Sequential(nnlib.BatchNorm(3), Dense(3, 4, rng=rng), Twice(Dense(4, 4, rng=rng)), nnlib.LayerNorm(4)), (5, 3)),
    (lambda rng: Sequential(nnlib.Conv2D(2, 3, 3, rng=rng), nnlib.MaxPool2D(2), Flatten()), (2, 2, 6, 6)),
    (lambda rng: Sequential(nnlib.Stacked(nnlib.LSTM(3, 4, rng=rng), nnlib.Bidirectional(
        nnlib.GRU(4, 2, rng=rng), nnlib.GRU(4, 2, rng=rng))), Dense(4, 2, rng=rng)), (2, 5, 3)),
    (lambda rng: nnlib.RNN(3, 4, rng=rng), (2, 5, 3)),
]


@pytest.mark.parametrize("make, shape", MODELS)
def test_nothing_between_call_and_backward_changes_the_gradient(rng, make, shape, tmp_path):
    model, x = make(rng), rng.normal(size=shape)
    upstream = {}

    def dy(y):
        return upstream.setdefault("dy", rng.normal(size=y.shape))
    expected = gradients_of(model, x, dy)
    for between in (lambda: nnlib.predict(model, rng.normal(size=shape)), lambda: model.forward(rng.normal(size=shape)),
                    lambda: check_layer(model, rng.normal(size=shape)), lambda: model.vjp(rng.normal(size=shape)),
                    lambda: printed(model.summary, x), lambda: save_weights(model, tmp_path / "w.npz"),
                    lambda: make(rng)(rng.normal(size=shape)), lambda: copy.deepcopy(model)(rng.normal(size=shape))):
        for a, b in zip(gradients_of(model, x, dy, between), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make, shape", MODELS)
@pytest.mark.parametrize("duplicate", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_models_can_be_copied_at_any_time(rng, make, shape, duplicate):
    model, x = make(rng), rng.normal(size=shape)

    def dy(y):
        return np.cos(np.arange(y.size)).reshape(y.shape)
    copies = [duplicate(model)]
    expected = gradients_of(model, x, dy, lambda: copies.append(duplicate(model)))
    copies.append(duplicate(model))
    for other in copies:
        assert repr(other) == repr(model) and list(other.named_parameters()) == list(model.named_parameters())
        for a, b in zip(gradients_of(other, x, dy), expected, strict=True):
            np.testing.assert_array_equal(a, b)
        other.parameters()[0].value += 1
        assert (other.parameters()[0].value != model.parameters()[0].value).all()
    waiting = model(x) is not None and duplicate(model)
    with pytest.raises(ValueError, match="expects a forward pass"):     # a pullback is not copied
        waiting.backward(x)


def test_shared_layers_stay_shared_in_a_copy(rng):
    shared = Dense(3, 3, rng=rng)
    for other in (copy.deepcopy(Sequential(shared, shared)), pickle.loads(pickle.dumps(Sequential(shared, shared)))):
        assert other[0] is other[1] and other[0] is not shared


def test_training_goes_on_where_a_copy_of_model_and_optimiser_was_made(rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    model = Sequential(Dense(3, 4, rng=rng), Activation(tanh), Dense(4, 2, rng=rng))
    for optimizer in (nnlib.Adam(model.parameters(), 0.1), nnlib.Momentum(model.parameters(), 0.1)):
        nnlib.fit(model, X, y, loss=mse, optimizer=optimizer, epochs=2, rng=np.random.default_rng(0))
        for both in (copy.deepcopy((model, optimizer)), pickle.loads(pickle.dumps((model, optimizer)))):
            twin, other = both
            a = nnlib.fit(twin, X, y, loss=mse, optimizer=other, epochs=2, rng=np.random.default_rng(1))
            saved = copy.deepcopy((model, optimizer))
            b = nnlib.fit(saved[0], X, y, loss=mse, optimizer=saved[1], epochs=2, rng=np.random.default_rng(1))
            assert a == b and a["loss"][-1] < a["loss"][0]


def test_operations_are_pickled_by_name():
    square = operation(lambda x: (x * x, lambda dy: (2 * x * dy,)))
    assert copy.deepcopy(square) is square
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(square)                    # it has no name by which another process would find it
    for op in (relu, dense, mse, nnlib.lstm):
        assert pickle.loads(pickle.dumps(op)) is op and copy.deepcopy(op) is op and copy.copy(op) is op
        assert op == op and op != square and len({op, op, square}) == 2


@pytest.mark.parametrize("make, shape", MODELS)
def test_models_in_threads_are_independent(make, shape):
    def work(seed):
        rng = np.random.default_rng(seed)
        model, sums = make(rng), []
        for _ in range(10):
            sums += gradients_of(model, rng.normal(size=shape), lambda y: rng.normal(size=y.shape),
                                 lambda: time.sleep(1e-4))
        return sums
    alone = [work(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(work, range(4))):
            for one, other in zip(a, b, strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_calculation_in_forward_is_refused():
    with pytest.raises(TypeError, match="Old expects its calculation in vjp"):
        class Old(Dense):
            def forward(self, x):
                return x


def test_an_error_in_a_part_is_told_and_leaves_no_pullback(rng):
    model = Sequential(Dense(3, 2, rng=rng), Dense(3, 2, rng=rng))
    with pytest.raises(ValueError, match=re.escape("Dense expects (N, 3), got (1, 2)")):
        model(np.ones((1, 3)))
    with pytest.raises(ValueError, match="expects a forward pass"):
        model.backward(np.ones((1, 2)))
    with pytest.raises(ValueError, match="Sequential expects x without NaN"):
        model(np.full((1, 3), np.nan))


def test_the_gradients_of_the_caller_stay_his(rng):
    @operation
    def shifted(x, b):
        return x + b, lambda dy: (dy, dy)

    @operation
    def sheared(x, a, b):
        def pullback(dy):
            shared = dy * 2
            return dy, shared, shared
        return x + 2 * a + 2 * b, pullback

    @operation
    def viewed(x, b):
        return x + b, lambda dy: (None, dy[...])

    @operation
    def constant(x, b):
        return b + 0 * x, lambda dy: (None, dy)

    @operation
    def doubled(x, b):
        return 2 * (x + b), lambda dy: (2 * dy,) * 2

    class Custom(Layer):
        def __init__(self, op, n):
            self.op, self.a, self.b = op, Parameter(np.zeros(3), "a"), Parameter(np.zeros(3), "b")
            self.used = (self.a, self.b)[:n]

        def vjp(self, x):
            return self.apply(self.op, x, *self.used)

    for op, n in [(shifted, 1), (sheared, 2), (viewed, 1), (constant, 1), (doubled, 1)]:
        layer, dy = Custom(op, n), np.ones(3)
        layer(np.ones(3))
        dx = layer.backward(dy)
        layer.a.grad *= 100
        assert dy.tolist() == [1, 1, 1] and (dx is None or dx.max() < 100)
        assert n == 1 or layer.b.grad.tolist() == [2, 2, 2]

    made = np.full(3, 5.0)
    layer = Custom(operation(lambda x, b: (x + b, lambda dy: (dy, made))), 1)
    layer(np.ones(3))
    layer.backward(np.ones(3))
    assert layer.a.grad is made                 # what has no other holder is kept, not copied


def test_first_gradient_is_left_out_unless_asked(rng):
    calls = []

    class Spy(Layer):
        def __init__(self, name, learns=False):
            self.name = name
            self.W = Parameter([1.0], "W") if learns else None

        def vjp(self, x):
            def pullback(dy, input_grad=True):
                calls.append((self.name, input_grad))
                return dy
            return x, pullback

    def run(*layers, **options):
        calls.clear()
        model = Sequential(*layers)
        model(np.ones(1))
        dx = model.backward(np.ones(1), **options)
        return dx, list(calls)

    a, b, c = Spy("a"), Spy("b", learns=True), Spy("c")
    assert run(a, b, c) == (None, [("c", True), ("b", False)])
    assert run(b, c) == (None, [("c", True), ("b", False)])
    assert run(a, c) == (None, [])
    assert run(a, b, c, input_grad=True) == (1, [("c", True), ("b", True), ("a", True)])
    assert run(a, Sequential(a, b), c) == (None, [("c", True), ("b", False)])
    assert run(b, Sequential(c, a)) == (None, [("a", True), ("c", True), ("b", False)])


class Late(Layer):
    """Makes its parameter in its first pass."""

    W = None

    def vjp(self, x):
        self.W = self.W or Parameter(np.eye(2), "W")
        return self.apply(dense, x, self.W, None)


def replaced(model):
    model.layers = (Dense(2, 2), *model.layers[1:])


def made_a_list(model):
    model.layers = [Dense(2, 2), *model.layers]


def changed_in_a_list(model):
    made_a_list(model)
    model.layers[0] = Activation(tanh)
    learn(model)
    model.layers[0] = Dense(2, 2)


def replaced_inside(model):
    replaced(model[0])


def given_a_parameter(model):
    model[0].layers[0].extra = Parameter([1.0], "extra")
    model[0].layers[0].vjp = lambda x: model[0].layers[0].apply(operation(lambda x, p: (
        x * p, lambda dy: (dy * p, np.array([(dy * x).sum()])))), x, model[0].layers[0].extra)


def learn(model):
    optimizer = nnlib.SGD(model.parameters(), lr=0.1)
    nnlib.fit(model, np.ones((4, 2)), np.arange(8.0).reshape(4, 2), loss=mse, optimizer=optimizer, epochs=1)


@pytest.mark.parametrize("change", [replaced, made_a_list, changed_in_a_list, replaced_inside, given_a_parameter])
def test_layers_that_come_later_learn(change):
    model = Sequential(Sequential(Activation(tanh)), Dense(2, 2))
    learn(model)
    change(model)
    before = {name: p.value.copy() for name, p in model.named_parameters().items()}
    learn(model)
    assert all((p.value != before[name]).any() for name, p in model.named_parameters().items()) and len(before) > 2


@pytest.mark.parametrize("first", [Late, lambda: Sequential(Late()), lambda: Residual(Late())])
def test_parameters_made_in_the_first_pass_learn(first):
    model = Sequential(Activation(tanh), first(), Dense(2, 2))
    model(np.ones((1, 2)))
    model.backward(np.ones((1, 2)))
    assert all(p.grad.any() for p in model.parameters()) and len(model.parameters()) == 3
    model.layers = (Dense(2, 2), *model.layers)
    model(np.ones((1, 2)))
    model.backward(np.ones((1, 2)))             # with nobody looking through the layers in between
    assert model[0].W.grad.any()


@pytest.mark.parametrize("make", [
    lambda inner: inner, lambda inner: Residual(inner), lambda inner: nnlib.Concatenate(inner, inner)])
def test_layers_that_come_later_get_their_context(make):
    inner = Sequential(Activation(tanh))
    model = make(inner)
    inner.layers = (nnlib.RNN(2, 2),)
    assert model.context == {"mask"} and model(np.ones((1, 3, 2)), mask=np.ones((1, 3), bool)).shape[0] == 1


def test_residual_hands_on_that_no_gradient_is_needed(rng):
    layer = Residual(Dense(2, 2, rng=rng))
    layer(np.ones((1, 2)))
    assert layer.backward(np.ones((1, 2))).shape == (1, 2)
    layer(np.ones((1, 2)))
    assert layer.backward(np.ones((1, 2)), input_grad=False) is None
    assert layer.inner[0].W.grad.any()


def test_gradients_can_be_had_in_evaluation_mode(rng):
    model = Sequential(Dense(2, 3, rng=rng), Activation(tanh)).eval()
    assert check_layer(model, rng.normal(size=(4, 2)), rng=rng) < 1e-7


# Structure

def test_names_and_modes(rng):
    model = Sequential(network(rng), Activation(relu))
    assert list(model.named_parameters()) == [
        "0.1.W", "0.1.b", "0.2.alpha", "0.3.inner.0.W", "0.3.inner.0.b", "0.4.W", "0.4.b"]
    assert model.parameters() == list(model.named_parameters().values())
    layers = model.named_layers()
    assert layers[""] is model and layers["0.3.inner.1"] is model[0][3].inner[1]
    assert model.layers_inside() == list(layers.values()) and len(layers) == 12
    assert model.training
    assert model.eval() is model and not any(layer.training for layer in layers.values())
    assert model.train() is model and all(layer.training for layer in layers.values())
    assert model.buffers() == {}
    assert len(model[0]) == 5 and model[1] is model.layers[1]


def test_parts_in_a_list_are_found(rng):
    class Branches(Layer):
        def __init__(self):
            self.ways = [Dense(2, 2, rng=rng), Dense(2, 2, rng=rng), "not a layer"]
            self.more = (Activation(relu),)

        def vjp(self, x):
            (y, first), (z, second) = self.ways[0].vjp(x), self.ways[1].vjp(x)
            return y + z, lambda dy, input_grad=True: first(dy) + second(dy)

    layer = Branches()
    assert list(layer.named_parameters()) == ["ways.0.W", "ways.0.b", "ways.1.W", "ways.1.b"]
    assert list(layer.named_layers()) == ["", "ways.0", "ways.1", "more.0"]
    layer(np.ones((1, 2)))
    layer(np.ones((1, 2)))
    assert layer.eval().ways[1].training is False


class Holder(Layer):
    """Adds up W of all its parameters, and applies all its layers."""

    def __init__(self, **things):
        vars(self).update(things)

    def vjp(self, x):
        own = [p for name, p in self.named_parameters().items() if p.name == "own"]
        pullbacks = [pullback for _, pullback in (layer.vjp(x) for layer in self.layers_inside() if layer is not self)]

        def back(dy, input_grad=True):
            for p in own:
                p.add_grad(dy.sum(axis=0))
            return dy + sum(pullback(dy) for pullback in pullbacks)
        return x + sum(p.value for p in own) + sum(layer.vjp(x)[0] for layer in self.layers_inside() if layer is not self), back


nested = st.recursive(st.sampled_from(["p", "layer", "other"]), lambda inner: st.one_of(
    st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple), st.lists(inner, max_size=3).map(deque),
    st.dictionaries(st.sampled_from(["a", "b", "file", "self", 0, 1]), inner, max_size=3)), max_leaves=8)


@settings(deadline=None, max_examples=60)
@given(plan=st.dictionaries(st.sampled_from(["W", "file", "args", "parts", "x"]), nested, min_size=1, max_size=4))
def test_parameters_and_layers_are_found_wherever_they_are(plan, tmp_path_factory):
    rng, made = np.random.default_rng(0), []

    def build(thing):
        if isinstance(thing, dict):
            return {name: build(x) for name, x in thing.items()}
        if isinstance(thing, (list, tuple, deque)):
            return type(thing)(build(x) for x in thing)
        if thing == "p":
            made.append(Parameter(rng.normal(size=2), "own"))
            return made[-1]
        if thing == "layer":
            layer = Dense(2, 2, rng=rng)
            made.extend([layer.W, layer.b])
            return layer
        return thing

    layer = Holder(**build(plan))
    assert {id(p) for p in layer.parameters()} == {id(p) for p in made} and len(layer.parameters()) == len(made)
    assert check_layer(layer, rng.normal(size=(3, 2)), rng=rng) < 1e-7
    if not made:
        return
    layer(np.ones((1, 2)))
    layer.backward(np.ones((1, 2)))
    before = [p.value.copy() for p in layer.parameters()]
    nnlib.SGD(layer.parameters(), lr=0.1).step()
    assert all((p.value != value).any() for p, value in zip(layer.parameters(), before))
    path = tmp_path_factory.mktemp("weights") / "w.npz"
    save_weights(layer, path)
    saved = [p.value.copy() for p in layer.parameters()]
    for p in layer.parameters():
        p.value += 1
    load_weights(layer, path)
    for p, value in zip(layer.parameters(), saved):
        np.testing.assert_array_equal(p.value, value)
    assert set(np.load(path).files) == set(layer.named_parameters())


@pytest.mark.parametrize("name", ["file", "args", "kwds", "self", "allow_pickle", "arr_0", "a/b", "x.npy", "names", "W"])
def test_a_parameter_of_any_name_can_be_saved(name, tmp_path):
    layer = Holder(**{name: Parameter([1.0, 2.0], "own")}) if name != "self" else Holder()
    vars(layer)[name] = Parameter([1.0, 2.0], "own")
    save_weights(layer, tmp_path / "w.npz")
    layer.parameters()[0].value = [3.0, 4.0]
    load_weights(layer, tmp_path / "w.npz")
    assert layer.parameters()[0].value.tolist() == [1, 2] and list(layer.named_parameters()) == [name]


def test_what_cannot_be_found_by_name_is_refused_aloud(tmp_path):
    p, q = Parameter([1.0], "own"), Parameter([2.0], "own")
    both = np.empty((1, 2), object)
    both[0, 0], both[0, 1] = p, q
    for things in ({p}, frozenset([p]), [{"a": {Dense(2, 2)}}], {p: 1}, {Dense(2, 2): "name"}, {"a": p}.values(),
                   {"a": p}.items(), {p: 1}.keys(),
                   (p for _ in "ab"), map(Parameter, "a", "b"), zip([p]), reversed([p]), reversed((p,)), iter([p]), iter((p,)),
                   enumerate([p]), iter({"a": p}.values()), reversed({"a": p}.values()), iter({p}), iter(deque([p])),
                   iter({"a": p}.items()), iter({p: 1}), itertools.chain([p]), itertools.islice([p], 1), itertools.cycle([p]),
                   itertools.repeat(p), itertools.zip_longest([p]),
                   both.flat, both, (both[0],)):
        with pytest.raises(TypeError, match=r"Layer expects parameters and layers in lists, or in dictionaries as values, "
                                            r"got a [\w_]+ as things"):
            Holder(things=things).parameters()
    assert Holder(things={1, "a"}, more={"a": 1}, x=np.ones(2), y=np.array([None, 1]), z=range(3)).parameters() == []
    assert Holder(a=itertools.count(), b=iter([1]), c=reversed("ab"), d=itertools.cycle([p.name])).parameters() == []
    assert Holder(things=MappingProxyType({"a": p}), more=UserList([q])).parameters() == [p, q]
    for clash in (dict(a={"b": p}, **{"a.b": q}), dict(a={1: p, "1": q}), dict(a={"b": Dense(1, 1)}, **{"a.b": Dense(1, 1)})):
        with pytest.raises(ValueError, match=r"a name of its own for each parameter, part and buffer, got 'a\.[b1]' twice"):
            save_weights(Holder(**clash), tmp_path / "w.npz")
    assert Holder(a=p, b=[p]).parameters() == [p]               # one parameter in two places is one


def test_parameters_that_no_instance_holds_are_refused_aloud():
    class Net(Layer):
        pass

    for held in [Dense(2, 2)], {0: Dense(2, 2)}, Dense(2, 2), Parameter([1.0], "p"):
        Net.held = held                         # after the class was made
        with pytest.raises(TypeError, match=r"Net expects parameters and parts set in __init__, got held[.0]* for all its"):
            Sequential(Net(), Dense(2, 1)).parameters()
    with pytest.raises(TypeError, match="Slim expects parameters and parts as plain attributes, got __slots__"):
        class Slim(Layer):
            __slots__ = ("W",)


def test_long_and_deep_things_are_looked_through():
    total, nested = nnlib.Value(0.0), []
    for _ in range(3000):
        total, nested = total + 1, [nested]
    p = Parameter([1.0], "p")
    assert Holder(total=total, nested=nested, words=["a"] * 10, p=[p]).parameters() == [p]


def test_an_array_in_a_parameters_place_is_refused():
    layer = Dense(2, 3)
    for wrong in np.ones((2, 3)), np.ones((1, 1)), nnlib.Tensor(np.ones((2, 3))), 1.0:
        with pytest.raises(TypeError, match=rf"Dense expects W as a Parameter, got {type(wrong).__name__}: assign to W.value"):
            layer.W = wrong
    layer.W, layer.b = Dense(2, 3).W, None      # tied weights, and none
    assert layer(np.ones((4, 2))).shape == (4, 3)


def test_what_is_applied_to_no_parameters_is_refused():
    class Bare(Layer):
        def __init__(self, W):
            self.held = [W]

        def vjp(self, x):
            return self.apply(nnlib.dense, x, *self.held)

    for wrong in np.ones((2, 2)), np.ones((1, 1)), nnlib.Tensor(np.ones((2, 2))), [1.0]:
        with pytest.raises(TypeError, match=f"Bare expects parameters behind x in apply, got {type(wrong).__name__}"):
            Bare(wrong)(np.ones((3, 2)))


@pytest.mark.parametrize("use", [np.size, np.shape, np.exp, np.asarray, lambda p: np.ones((4, 2)) @ p, lambda p: p * 2])
def test_a_parameter_is_no_array(use):
    with pytest.raises(TypeError, match="take its value, W.value|does not support ufuncs|unsupported operand"):
        use(Dense(2, 3).W)


@pytest.mark.parametrize("give", [lambda *both: both[0], lambda *both: both[:1], lambda y, _: (y, y), lambda *both: [*both]])
def test_a_vjp_that_gives_no_pair_is_refused(give):
    class Wrong(Layer):
        def vjp(self, x):
            return give(*self.apply(nnlib.identity, x))

    x = np.array([[1.0, 2.0], [3.0, 4.0]])      # of which the first row would pass for the output
    for run in Wrong(), Wrong().forward, Sequential(Wrong()), Sequential(Wrong()).forward:
        with pytest.raises(TypeError, match="Wrong expects to give its value and pullback, as in return y, pullback, got"):
            run(x)


def test_gradients_that_reach_no_parameter_are_refused():
    class Loose(Layer):
        def __init__(self):
            self.W = Parameter(np.ones((2, 2)), "W")

        def vjp(self, x):
            return nnlib.dense.vjp(x, self.W.value)

    for model in Sequential(Loose(), Dense(2, 1)), Sequential(Dense(2, 2), Loose(), Dense(2, 1)):
        model(np.ones((3, 2)))
        with pytest.raises(TypeError, match=r"Loose expects a pullback that gives dx alone, as of self.*got [23] gradients"):
            model.backward(np.ones((3, 1)))


def test_a_part_of_a_sequential_is_one():
    model = Sequential(Dense(2, 3), Activation(nnlib.relu), Dense(3, 1))
    x = np.ones((4, 2))
    assert isinstance(model[:2], Sequential) and len(model[1:]) == 2
    np.testing.assert_array_equal(model[2:](model[:2](x)), model(x))


def test_what_only_looks_keeps_the_state():
    model = Sequential(nnlib.RNN(2, 2), nnlib.LSTM(2, 3))
    model(np.ones((1, 3, 2)))
    states = [layer.state.copy() for layer in model]
    for ask in functools.partial(nnlib.predict, model), functools.partial(nnlib.check_layer, model):
        ask(np.full((1, 3, 2), 5.0))
        assert all(np.array_equal(layer.state, state) for layer, state in zip(model, states))


def test_weights_are_read_as_they_were_written_or_not_at_all(tmp_path):
    class Counting(Dense):
        def __init__(self, dtype):
            super().__init__(2, 3)
            self.count = np.zeros(1, dtype)

        def buffers(self):
            return {"count": self.count}

    one, path = Counting(float), tmp_path / "w.npz"
    one.count[:] = 2.7
    save_weights(one, path)
    assert "expects int64 (1,) for count, got float64" in unchanged_by(two := Counting(int), lambda: load_weights(two, path))
    one.count[:] = 1e300
    save_weights(one, path)
    assert "numbers for count that float32 holds, got 1e+300" in unchanged_by(
        three := Counting(np.float32), lambda: load_weights(three, path))
    with zipfile.ZipFile(path, "w") as archive:
        for name in Counting(float).named_arrays():
            archive.writestr(name, b"1")
    assert "load_weights expects float64" in unchanged_by(one, lambda: load_weights(one, path))


def test_models_saved_to_one_path_at_once_leave_one_of_them(tmp_path):
    models = [Sequential(Dense(100, 100, init=lambda shape, rng, dtype, k=k: np.full(shape, k, dtype))) for k in (1.0, 2.0)]
    path = tmp_path / ("w" * 250)
    for _ in range(10):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(save_weights, models, [path, path]))
        read = Sequential(Dense(100, 100))
        load_weights(read, path)
        assert np.unique(read[0].W.value).tolist() in ([1.0], [2.0])
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_buffer_does_not_take_a_parameters_place_in_a_file():
    class Counting(Dense):
        def buffers(self):
            return {"W": np.zeros(3)}

    with pytest.raises(ValueError, match=r"a name of its own for each parameter, part and buffer, got 'W' twice"):
        Counting(2, 3).named_arrays()


class Plain:
    """An object of one's own that is no layer."""

    def __init__(self, **things):
        vars(self).update(things)


def test_parameters_and_layers_in_other_objects_are_found(rng, tmp_path):
    p, layer = Parameter([1.0, 2.0], "own"), Dense(2, 2, rng=rng)
    for thing, path in [(Plain(p=p, inner=Plain(layers=[layer])), "thing.inner.layers.0"),
                        (functools.partial(layer, p), "thing.func"), (functools.partial(max, layer, key=p), "thing.args.0"),
                        (functools.partial(max, p, key=[layer]), "thing.key.0"), ([functools.partial(layer)], "thing.0.func"),
                        (Plain(own=functools.partial(Plain(p=p).__init__, layer=layer)), "thing.own.layer"),
                        (layer.forward, "thing.__self__")]:
        model = Holder(thing=thing)
        assert model.named_layers() == {"": model, path: layer}
        assert {layer.W, layer.b} <= set(model.parameters()) <= {p, layer.W, layer.b}
        assert not model.eval().named_layers()[path].training and model.train() is model and layer.training
        save_weights(model, tmp_path / "w.npz")
        assert set(np.load(tmp_path / "w.npz").files) == set(model.named_parameters()) >= {f"{path}.W", f"{path}.b"}
    @dataclasses.dataclass(slots=True)
    class Slotted:
        inner: object

    class Both(Slotted):
        """With attributes of its own besides."""

    both = Both([layer])
    both.p = p
    for thing, paths in (Slotted([layer]), ["thing.inner.0"]), (both, ["thing.p", "thing.inner.0"]):
        assert list(dict(Holder(thing=thing).members())) == paths
    other = functools.partial(relu, layer)
    assert check_layer(Holder(thing=Plain(p=p, layer=layer)), rng.normal(size=(3, 2)), rng=rng) < 1e-7
    assert Holder(a=np, b=Dense, c=relu, d=check_layer, e=other.func, f=rng, g=Plain).parameters() == []
    with pytest.raises(TypeError, match=r"got a set as thing\.parts"):
        Holder(thing=Plain(parts={layer})).parameters()


def test_what_contains_itself_is_looked_into_once(rng):
    p, layer = Parameter([1.0], "own"), Dense(2, 2, rng=rng)
    things, names, plain = [p], {"layer": layer}, Plain()
    things.append(things)
    names["names"], plain.things, plain.self = names, things, plain
    model = Holder(things=things, names=names, plain=plain)
    model.me = plain.owner = model              # a layer that can be reached from itself is listed once
    assert list(model.named_parameters()) == ["things.0", "names.layer.W", "names.layer.b"]
    assert model.layers_inside() == [model, layer] and repr(model).count("Dense") == 1 and "..." in repr(model)
    assert copy.deepcopy(model).parameters()[0].value == pickle.loads(pickle.dumps(model)).parameters()[0].value == 1


def test_parameters_of_a_subclass_of_sequential_are_found(rng):
    class Scaled(Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            self.scale, self.head = Parameter([1.0], "scale"), Dense(2, 2, rng=rng)

    model = Scaled(Dense(2, 2, rng=rng), Activation(relu))
    assert list(model.named_parameters()) == ["0.W", "0.b", "scale", "head.W", "head.b"]
    assert [name for name, _ in model.children()] == ["0", "1", "head"]


@pytest.mark.parametrize("make, name", [
    (lambda thing: thing, "W"), (lambda thing: [3, thing], "W.1"), (lambda thing: {"a": (thing,)}, "W.a.0"),
    (lambda thing: Plain(own=thing), "W.own"),
])
def test_a_parameter_of_the_class_is_refused(make, name):
    for thing in Parameter([1.0], "own"), Dense(2, 2):
        with pytest.raises(TypeError, match="Shared expects parameters and parts set in __init__, "
                                            f"got {re.escape(name)} for all its instances"):
            type("Shared", (Layer,), {"W": make(thing)})


@pytest.mark.parametrize("name", [
    *(name for name, thing in vars(Layer).items() if callable(thing) and not name.startswith("__")), "training", "context"])
def test_nothing_takes_the_place_of_a_name_of_layers(name):
    things = [Dense(2, 2), Parameter([1.0], "own")]
    for thing in things if name in ("training", "context") else [*things, things, {"a": things[0]}, None, 3]:
        with pytest.raises(TypeError, match=f"Holder expects {name} as in Layer, got {type(thing).__name__}: give it "):
            setattr(Holder(), name, thing)


def test_other_names_are_free_and_a_function_may_look_on(rng):
    class Free(Dense):
        def __init__(self):
            super().__init__(2, 2, rng=rng)
            self.options, self.state, self.training, self.context = [Dense(2, 2)], self.W, False, {"mask"}
            self.vjp = lambda x, mask=None, vjp=self.vjp: vjp(seen.append(x) or x)

    seen, x = [], np.ones((1, 2))
    Free()(x)
    assert seen == [x] and repr(Free()).startswith("Free(") and "options.0.W" in Free().named_parameters()


def test_both_paths_of_a_shortcut_have_one_shape_and_a_gradient(rng):
    for out in (1, 3):
        with pytest.raises(ValueError, match="Residual expects both paths of one shape"):
            Residual(Dense(2, out, rng=rng))(np.ones((4, 2)))
    y, pullback = Residual(Dense(2, 2, rng=rng)).vjp(np.ones((4, 2)))
    assert pullback(y).shape == (4, 2)


def test_what_no_layer_takes_is_refused_unless_it_is_nothing(rng):
    model, x = Sequential(Dense(2, 2, rng=rng)), np.ones((4, 2))
    np.testing.assert_array_equal(model(x, mask=None), model(x))
    with pytest.raises(TypeError, match="Sequential expects no mask, which it hands on to none of its layers, got bool"):
        model(x, mask=True)


def test_a_shortcut_is_a_layer():
    with pytest.raises(TypeError, match="Residual expects shortcut as a layer, got <operation relu>"):
        Residual(Dense(2, 2), shortcut=relu)


def test_prelu_learns_its_slope(rng):
    layer = Activation(prelu, alpha=0.25)
    assert layer.parameters() == [layer.alpha] and layer.alpha.value.shape == ()
    layer(np.array([[-2.0, 3.0]]))
    layer.backward(np.array([[1.0, 1.0]]))
    assert layer.alpha.grad == -2


def test_repr(rng):
    assert repr(network(rng)) == """Sequential(
  (0): Flatten()
  (1): Dense(in_features=6, out_features=5, bias=True)
  (2): Activation(prelu)
  (3): Residual(
    (inner): Sequential(
      (0): Dense(in_features=5, out_features=5, bias=True)
      (1): Activation(tanh)
    )
    (shortcut): Activation(identity)
  )
  (4): Dense(in_features=5, out_features=3, bias=True)
)"""
    assert repr(Dense(1, 2, bias=False)) == "Dense(in_features=1, out_features=2, bias=False)"
    assert repr(Activation(leaky_relu, negative_slope=0.2)) == "Activation(leaky_relu, negative_slope=0.2)"
    assert repr(Embedding(5, 3)) == "Embedding(num_embeddings=5, embedding_dim=3)"

    class Power(Layer):
        def __init__(self, size, *more, degree, **other):
            self.size, self.more, self.degree, self.other = size, more, degree, other

    assert repr(Power(3, degree=2)) == "Power(size=3, degree=2, other={})"


def printed(function, *arguments):
    with redirect_stdout(io.StringIO()) as out:
        assert function(*arguments) is None
    return out.getvalue()


def test_summary(rng):
    squash = Activation(relu)
    model = Sequential(Flatten(), Dense(784, 256, rng=rng), squash, Residual(Dense(256, 256, rng=rng), squash),
                       Dropout(0.5, rng=rng), Dense(256, 1, bias=False, rng=rng))
    model[1].training = False
    state = rng.bit_generator.state
    assert printed(model.summary, np.zeros((2, 28, 28))) == """\
layer                   output shape   parameters
0 Flatten               (N, 784)                0
1 Dense                 (N, 256)          200,960
2 Activation            (N, 256)                0
3.shortcut Activation   (N, 256)                0
3.inner.0 Dense         (N, 256)           65,792
2 Activation            (N, 256)                0
4 Dropout               (N, 256)                0
5 Dense                 (N, 1)                256
total                                     267,008
"""
    assert rng.bit_generator.state == state and model.training and not model[1].training
    assert "vjp" not in vars(model[1]) and model(np.zeros((3, 28, 28))).shape == (3, 1)
    shared = Dense(2, 2, rng=rng)
    assert printed(Sequential(shared, shared).summary, np.zeros((1, 2))) == """\
layer     output shape   parameters
0 Dense   (N, 2)                  6
0 Dense   (N, 2)                  0
total                             6
"""
    assert "Dense   (N, 2)                  6" in printed(shared.summary, np.zeros((1, 2)))
    assert "(N,)" in printed(Activation(relu).summary, np.zeros(3))
    with pytest.raises(ValueError, match="Dense expects"):
        model.summary(np.zeros((2, 3)))
    assert "vjp" not in vars(model[1]) and model.training


# Refusals

def test_shapes_that_do_not_fit(rng):
    layer = Dense(784, 10, rng=rng)
    for shape in [(64, 28, 28), (784,), (64, 783), (64, 785), ()]:
        with pytest.raises(ValueError, match=re.escape(f"Dense expects (N, 784), got {shape}")):
            layer(np.zeros(shape))
        with pytest.raises(ValueError, match=re.escape(f"Dense expects (N, 784), got {shape}")):
            layer.forward(np.zeros(shape).tolist())
    for arrays, message in [((np.ones((2, 3)), np.ones((4, 5))), "dense expects W (3, K), got (4, 5)"),
                            ((np.ones(3), np.ones((3, 5))), "dense expects x (..., N, D), got (3,)"),
                            ((np.ones((2, 3)), np.ones(3)), "dense expects W (3, K), got (3,)"),
                            ((np.ones((2, 3)), np.ones((3, 5)), np.ones(4)), "dense expects b (5,), got (4,)"),
                            ((np.ones((2, 3)), np.ones((3, 5)), np.ones((2, 5))), "dense expects b (5,), got (2, 5)")]:
        with pytest.raises(ValueError, match=re.escape(message)):
            dense(*arrays)
    with pytest.raises(ValueError, match=re.escape("Residual expects both paths of one shape, got (1, 2) and (1, 3)")):
        Residual(Dense(2, 3, rng=rng))(np.ones((1, 2)))


def test_nan_is_refused_by_the_outermost_call(rng):
    model = network(rng)
    with pytest.raises(ValueError, match="Sequential expects x without NaN, got 24 NaN of 24, first at .0, 0, 0."):
        model(np.full((4, 2, 3), np.nan))
    assert np.isnan(model.forward(np.full((4, 2, 3), np.nan))).all()
    with pytest.raises(TypeError, match="Sequential expects x as an array of real numbers, got <U1"):
        model(["a"])


def test_dense_takes_sequences_without_features():
    y, pullback = dense.vjp(np.ones((2, 3, 0)), np.ones((0, 4)), np.arange(4.0))
    np.testing.assert_array_equal(y, np.broadcast_to(np.arange(4), (2, 3, 4)))
    assert [gradient.shape for gradient in pullback(y)] == [(2, 3, 0), (0, 4), (4,)]


def test_bad_sizes_and_parts():
    for sizes in [(0, 3), (3, -1)]:
        with pytest.raises(ValueError, match=f"Dense expects {'in' if sizes[0] == 0 else 'out'}_features >= 1"):
            Dense(*sizes)
        with pytest.raises(ValueError, match="Embedding expects .* >= 1"):
            Embedding(*sizes)
    for make in (lambda: Dense(2.0, 3), lambda: Embedding(2, "3"), lambda: Dense(2, 3, rng=1), lambda: Embedding(2, 3, rng=1)):
        with pytest.raises(TypeError, match=r"(Dense|Embedding) expects (in_features|embedding_dim|rng) as"):
            make()
    with pytest.raises(TypeError, match="Sequential expects layers, got <operation relu>"):
        Sequential(Dense(2, 3), relu)
    with pytest.raises(TypeError, match="Sequential expects layers, got"):
        Residual(3)
    with pytest.raises(TypeError, match="Activation expects an operation such as relu, got"):
        Activation(np.tanh)
    with pytest.raises(TypeError, match="Activation expects what mse takes besides x: missing .* 'target'"):
        Activation(mse)
    with pytest.raises(TypeError, match="Activation expects what relu takes besides x: .* 'slope'"):
        Activation(relu, slope=2)
    with pytest.raises(TypeError, match="leaky_relu expects negative_slope as a number, got 'a'"):
        Activation(leaky_relu, negative_slope="a")
    with pytest.raises(ValueError, match="gelu expects approximate as one of"):
        Activation(gelu, approximate="erf")
    with pytest.raises(NotImplementedError, match="Layer has no vjp"):
        Layer()(np.ones(3))


def test_bad_indices():
    layer = Embedding(5, 3)
    with pytest.raises(TypeError, match="embedding expects indices as integers 0 to 4, got float64"):
        layer(np.array([0.0]))
    for bad in (-1, 5):
        with pytest.raises(ValueError, match=f"embedding expects indices in 0 to 4, got {bad} to {bad}"):
            layer(np.array([bad]))
    with pytest.raises(ValueError, match=re.escape("embedding expects W (V, D), got (3,)")):
        embedding([0], np.ones(3))


def test_embedding_starts_standard_normal(rng):
    same = copy.deepcopy(rng)
    layer = Embedding(6, 4, rng=rng, dtype=np.float32)
    np.testing.assert_allclose(layer.W.value, same.standard_normal((6, 4)), rtol=1e-6)
    assert layer.W.value.dtype == np.float32 and layer.W.name == "W"
    assert layer(3).tolist() == layer.W.value[3].tolist()


# Saving and loading

def test_weights_survive_a_round_trip(rng, tmp_path):
    def make():
        return Sequential(Dense(3, 4, rng=rng), nnlib.BatchNorm(4), Activation(prelu, alpha=0.3), Dense(4, 2, rng=rng))
    model, other, path = make(), make(), tmp_path / "weights.npz"
    model(rng.normal(size=(8, 3)))                          # moves the running statistics
    save_weights(model, path)
    load_weights(other, str(path))
    x = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(model.eval()(x), other.eval()(x))
    assert [f.name for f in tmp_path.iterdir()] == ["weights.npz"]
    assert "1.running_mean" in np.load(path).files and "2.alpha" in np.load(path).files
    layer, alone = Dense(2, 2, rng=rng), Dense(2, 2, rng=rng, dtype=np.float32)
    save_weights(layer, path)                               # replaces the file
    load_weights(alone, path)
    np.testing.assert_array_equal(alone.W.value, layer.W.value.astype(np.float32))


def unchanged_by(model, load):
    before = [p.value.copy() for p in model.parameters()]
    with pytest.raises(ValueError) as caught:
        load()
    for p, value in zip(model.parameters(), before):
        np.testing.assert_array_equal(p.value, value)
    return str(caught.value)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning", "error::ResourceWarning")
def test_a_damaged_file_is_closed(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 and nothing else")
    for name in "bad.npz", "none.npz":
        with pytest.raises((ValueError, FileNotFoundError)):
            load_weights(Dense(1, 1), tmp_path / name)
    gc.collect()


def test_damaged_files_are_refused(rng, tmp_path):
    model, path, bad = Dense(30, 20, rng=rng), tmp_path / "good.npz", tmp_path / "bad.npz"
    save_weights(model, path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[1000] ^= 255
    for content in [b"", b"PK", whole[:100], whole[:len(whole) // 2], whole[:-10], bytes(flipped), b"not a file of weights" * 99]:
        bad.write_bytes(content)
        assert "load_weights expects a file of save_weights, got" in unchanged_by(model, lambda: load_weights(model, bad))
    np.save(tmp_path / "array.npy", np.ones(3))
    assert "array.npy" in unchanged_by(model, lambda: load_weights(model, tmp_path / "array.npy"))
    np.savez(bad, W=np.array([{}], dtype=object), b=np.zeros(20))
    assert "expects a file of save_weights" in unchanged_by(model, lambda: load_weights(model, bad))
    with pytest.raises(FileNotFoundError):
        load_weights(model, tmp_path / "missing.npz")
    for call in (save_weights, load_weights):
        with pytest.raises(TypeError, match="save_weights and load_weights expect a layer, got 'model'"):
            call("model", path)


def test_weights_of_another_model_are_refused(rng, tmp_path):
    path = tmp_path / "weights.npz"
    model = Sequential(Dense(3, 2, rng=rng))
    save_weights(Sequential(Dense(3, 2, rng=rng), Dense(2, 2, rng=rng)), path)
    message = unchanged_by(model, lambda: load_weights(model, path))
    assert "without [] and with unknown ['1.W', '1.b']" in message
    save_weights(Sequential(Dense(3, 2, bias=False, rng=rng)), path)
    assert "without ['0.b'] and with unknown []" in unchanged_by(model, lambda: load_weights(model, path))
    save_weights(Sequential(Dense(2, 3, rng=rng)), path)
    message = unchanged_by(model, lambda: load_weights(model, path))
    assert "load_weights expects float64 (3, 2) for 0.W, got float64 (2, 3)" in message
    save_weights(Sequential(Dense(4, 2, rng=rng)), path)
    assert "expects float64 (3, 2) for 0.W, got float64 (4, 2)" in unchanged_by(model, lambda: load_weights(model, path))
    np.savez(path, **{"0.W": np.ones((3, 2)), "0.b": np.array(["a", "b"])})
    assert "expects float64 (2,) for 0.b, got <U1 (2,)" in unchanged_by(model, lambda: load_weights(model, path))


def test_an_interrupted_save_leaves_the_old_file(rng, tmp_path, monkeypatch):
    model, path = Dense(3, 2, rng=rng), tmp_path / "weights.npz"
    save_weights(model, path)
    before = path.read_bytes()

    def interrupted(file, array, **options):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np.lib.format, "write_array", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_weights(Dense(3, 2, rng=rng), path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(FileNotFoundError):
        save_weights(model, tmp_path / "no such folder" / "weights.npz")


# The whole

def test_training_learns(rng):
    x = rng.normal(size=(200, 2))
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = Sequential(Dense(2, 16, rng=rng), Activation(tanh), Dense(16, 2, rng=rng))
    for _ in range(300):
        loss, pullback = cross_entropy.vjp(model(x), labels)
        model.zero_grad()
        model.backward(pullback(1.0)[0])
        for p in model.parameters():
            p.value -= 0.5 * p.grad
    assert loss < 0.15 and (model(x).argmax(axis=1) == labels).mean() > 0.95


def test_the_core_imports_numpy_alone():
    code = "import sys, numpy; before = set(sys.modules); import nnlib; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    packages = {name.partition(".")[0] for name in loaded.split()}
    assert packages - set(sys.stdlib_module_names) == {"nnlib", "numpy"}


def test_identity_shortcut_is_an_activation():
    assert Residual().shortcut.op is identity
