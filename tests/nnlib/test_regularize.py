import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    L1, L2, SGD, Activation, BatchNorm, Dense, Dropout, EarlyStopping, ElasticNet, LayerNorm, Parameter,
    Sequential, batch_norm, check_layer, check_operation, dropout, layer_norm, relu,
)
from nnlib.regularize import batch_statistics

STORED = np.load(Path(__file__).parent / "reference" / "regularize.npz")


# Penalties

@pytest.mark.parametrize("l1, l2", [(0.3, 0.0), (0.0, 0.7), (0.3, 0.7)])
def test_penalties_are_pytorchs(l1, l2):
    makers = [ElasticNet(l1=l1, l2=l2)] + [L1(l1)] * (l2 == 0) + [L2(l2)] * (l1 == 0)
    for regularizer in makers:
        p = Parameter(STORED["penalty/w"], "W")
        p.grad[...] = 1.0
        penalty = regularizer.penalty([p])
        assert isinstance(penalty, float)
        np.testing.assert_allclose(penalty, STORED[f"penalty/{l1},{l2}/value"], rtol=1e-14)
        regularizer.add_gradients([p])
        np.testing.assert_allclose(p.grad - 1.0, STORED[f"penalty/{l1},{l2}/gradient"], rtol=1e-12,
                                   atol=1e-15)
        assert p.grad[1, 1] == 1.0  # no pull at w = 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_penalties_choose_weights_and_keep_dtype(dtype, rng):
    model = Sequential(Dense(3, 4, rng=rng, dtype=dtype), LayerNorm(4, dtype=dtype),
                       Dense(4, 2, rng=rng, dtype=dtype))
    for p in model.parameters():
        p.value = rng.normal(size=p.value.shape)
    weights = [model[0].W.value, model[2].W.value]
    regularizer = ElasticNet(l1=0.5, l2=2.0)
    expected = sum(0.5 * abs(W).sum() + (W**2).sum() for W in weights)
    assert regularizer.penalty(model.parameters()) == pytest.approx(expected, rel=1e-6)
    regularizer.add_gradients(model.parameters())
    for p in model.parameters():
        assert p.grad.dtype == dtype
        expected = 0.5 * np.sign(p.value) + 2 * p.value if p.value.ndim == 2 else 0 * p.value
        np.testing.assert_allclose(p.grad, expected, rtol=1e-6)


def test_select_decides_what_is_penalised():
    W, b = Parameter(np.ones((2, 2)), "W"), Parameter(np.full(2, 3.0), "b")
    assert L1(1.0).penalty([W, b]) == 4
    assert L1(1.0, select=lambda p: True).penalty([W, b]) == 10
    assert L2(1.0, select=lambda p: p.name == "b").penalty([W, b]) == 9
    L2(1.0, select=lambda p: p.name == "b").add_gradients([W, b])
    assert not W.grad.any() and (b.grad == 3).all()
    assert L1(1.0).penalty([]) == 0.0
    assert L1(1.0).penalty([Parameter(np.ones((2, 3, 1, 1)), "filters")]) == 6


def test_l2_under_sgd_is_weight_decay(rng):
    start, grad = rng.normal(size=(2, 3, 4))
    p, q = Parameter(start, "W"), Parameter(start, "W")
    one, other = SGD([p], lr=0.1), SGD([q], lr=0.1, weight_decay=0.3)
    for _ in range(3):
        p.grad, q.grad = grad, grad
        L2(0.3).add_gradients([p])
        one.step()
        other.step()
    np.testing.assert_allclose(p.value, q.value, rtol=1e-13)


def test_penalties_refuse():
    for make, message in [(lambda: L1(-1), "L1 expects 0 <= l1"), (lambda: L2(-1), "L2 expects 0 <= l2"),
                          (lambda: ElasticNet(l1=-0.1), "ElasticNet expects 0 <= l1"),
                          (lambda: ElasticNet(l2=-0.1), "ElasticNet expects 0 <= l2")]:
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="L1 expects l1 as a number, got None"):
        L1(None)
    for make in (lambda: L1(1, select="W"), lambda: L2(1, select="W"), lambda: ElasticNet(select="W")):
        with pytest.raises(TypeError, match="expects select as a function of a parameter, got 'W'"):
            make()
    for make in (lambda: L1(1, bool), lambda: L2(1, bool), lambda: ElasticNet(1, 1, bool)):
        with pytest.raises(TypeError, match="positional"):
            make()
    p = Parameter(np.ones((2, 2)), "W")
    for regularizer in (L1(0), L2(0), ElasticNet()):
        regularizer.add_gradients([p])
        assert regularizer.penalty([p]) == 0 and not p.grad.any()


# Dropout

@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_and_scales(p, dtype, rng):
    x = rng.normal(size=(200, 300)).astype(dtype) + 5
    dy = rng.normal(size=x.shape).astype(dtype)
    y, pullback = dropout.vjp(x, p=p, rng=np.random.default_rng(3))
    (dx,) = pullback(dy)
    assert y.dtype == dx.dtype == dtype
    dropped = y == 0
    assert dropped.mean() == pytest.approx(p, abs=0.01)
    np.testing.assert_allclose(y[~dropped], x[~dropped] / dtype(1 - p), rtol=1e-6)
    np.testing.assert_allclose(dx, np.where(dropped, 0, dy / dtype(1 - p)), rtol=1e-6)
    assert y.mean() == pytest.approx(5, abs=0.15)  # the mean stays


def test_dropout_draws_do_not_depend_on_dtype_and_repeat(rng):
    x = rng.normal(size=(30, 40))
    draws = [dropout(x.astype(d), p=0.4, rng=np.random.default_rng(s)) == 0
             for d, s in [(np.float64, 1), (np.float32, 1), (np.float64, 2)]]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_dropout_default_rate_is_one_half():
    y = dropout(np.ones((200, 200)), rng=np.random.default_rng(0))
    assert set(np.unique(y)) == {0.0, 2.0} and (y == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert Dropout().p == 0.5


def test_dropout_layer_modes(rng):
    x = rng.normal(size=(5, 40))
    layer = Dropout(0.5, rng=np.random.default_rng(4))
    first, dx = layer(x), layer.backward(np.ones_like(x))
    np.testing.assert_array_equal(dx, np.where(first == 0, 0, 2.0))
    assert (layer(x) != first).any()  # new draws each pass
    layer.eval()
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer.backward(2 * x), 2 * x)
    layer.train()
    assert (layer(x) == 0).any()
    nothing = Dropout(0.0, rng=np.random.default_rng(4))
    state = nothing.rng.bit_generator.state
    np.testing.assert_array_equal(nothing(x), x)
    assert nothing.rng.bit_generator.state == state
    assert repr(layer) == "Dropout(p=0.5)"


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5, math.nan])
def test_dropout_refuses_rates(p):
    with pytest.raises(ValueError, match="Dropout expects 0 <= p < 1"):
        Dropout(p)
    with pytest.raises(ValueError, match="dropout expects 0 <= p < 1"):
        dropout(np.ones(3), p=p)


def test_dropout_refuses_other_generators():
    with pytest.raises(TypeError, match="Dropout expects rng"):
        Dropout(0.5, rng=3)
    with pytest.raises(TypeError, match="dropout expects rng"):
        dropout(np.ones(3), rng=3)
    with pytest.raises(TypeError, match="Dropout expects p as a number"):
        Dropout("0.5")


# Batch norm

@pytest.mark.parametrize("name", ["flat", "images"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batch_norm_is_pytorchs(name, dtype):
    layer = BatchNorm(3, dtype=dtype)
    layer.gamma.value, layer.beta.value = (STORED[f"batch_norm/{name}/{key}"] for key in ("gamma", "beta"))
    buffers = layer.buffers()
    tolerance = dict(rtol=1e-10, atol=1e-12) if dtype == np.float64 else dict(rtol=2e-4, atol=2e-5)
    for step in range(4):
        stored = {key: STORED[f"batch_norm/{name}/{step}/{key}"]
                  for key in "x dy y dx dgamma dbeta running_mean running_var".split()}
        layer.train() if step < 3 else layer.eval()
        layer.zero_grad()
        y = layer(stored["x"].astype(dtype))
        dx = layer.backward(stored["dy"].astype(dtype))
        ours = {"y": y, "dx": dx, "dgamma": layer.gamma.grad, "dbeta": layer.beta.grad,
                "running_mean": layer.running_mean, "running_var": layer.running_var}
        for key, value in ours.items():
            assert value.dtype == dtype, key
            np.testing.assert_allclose(value, stored[key], err_msg=f"{key} at step {step}", **tolerance)
    assert buffers["running_mean"] is layer.running_mean and buffers["running_var"] is layer.running_var
    assert list(buffers) == ["running_mean", "running_var"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_batch_norm_float32_input_to_float64_layer(dtype, rng):
    layer = BatchNorm(4)
    x = rng.normal(size=(6, 4)).astype(dtype)
    assert layer(x).dtype == dtype and layer.backward(x).dtype == dtype
    layer.eval()
    assert layer(x).dtype == dtype and layer.backward(x).dtype == dtype
    assert layer.running_mean.dtype == layer.running_var.dtype == np.float64


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 5), c=st.integers(1, 4), h=st.integers(1, 3), w=st.integers(1, 3), flat=st.booleans(),
       seed=st.integers(0, 999))
def test_batch_norm_gradients(n, c, h, w, flat, seed):
    rng = np.random.default_rng(seed)
    shape = (n + 2, c) if flat else (n + 1, c, h, w)
    x, gamma, beta = rng.normal(size=shape), rng.normal(size=c), rng.normal(size=c)
    assert check_operation(batch_norm, x, gamma, beta, rng=rng, eps=0.1) < 1e-7
    statistics = rng.normal(size=c), rng.uniform(0.5, 2, size=c)
    assert check_operation(batch_norm, x, gamma, beta, rng=rng, statistics=statistics) < 1e-7
    layer = BatchNorm(c, eps=0.1)
    assert check_layer(layer, x, rng=rng) < 1e-7
    assert check_layer(layer.eval(), x, rng=rng) < 1e-7


def test_batch_norm_normalises_each_channel(rng):
    x = 7 + 3 * rng.normal(size=(8, 3, 5, 4)) * np.array([1.0, 10, 100])[:, None, None]
    y = batch_norm(x, np.ones(3), np.zeros(3), eps=0.0)
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, rtol=1e-12)
    mean, var = batch_statistics(x)
    np.testing.assert_allclose(mean, [x[:, c].mean() for c in range(3)])
    np.testing.assert_allclose(var, [x[:, c].var() for c in range(3)])


def test_batch_norm_running_statistics_by_hand():
    layer = BatchNorm(1, momentum=0.25)
    layer(np.array([[1.0], [3.0], [8.0]]))  # mean 4, unbiased variance 13
    assert layer.running_mean == pytest.approx(1.0)
    assert layer.running_var == pytest.approx(0.75 * 1 + 0.25 * 13)
    layer.eval()
    before = layer.running_mean.copy(), layer.running_var.copy()
    y = layer(np.array([[1.0]]))  # a single sample, fine in evaluation
    np.testing.assert_allclose(y, 0.0, atol=1e-12)
    assert (layer.running_mean, layer.running_var) == before


def test_batch_norm_momentum_ends():
    x = np.array([[1.0], [3.0], [8.0]])
    still, latest = BatchNorm(1, momentum=0), BatchNorm(1, momentum=1)
    still(x), latest(x)
    assert (still.running_mean, still.running_var) == (0, 1)
    assert latest.running_mean == pytest.approx(4) and latest.running_var == pytest.approx(13)
    assert BatchNorm(1).momentum == 0.1 and BatchNorm(1).eps == 1e-5


def test_batch_norm_refuses(rng):
    layer = BatchNorm(3)
    for shape in [(4, 2), (3,), (4, 3, 5), (4, 2, 5, 5)]:
        message = r"BatchNorm expects \(N, 3\) or \(N, 3, H, W\), got \(" + str(shape)[1:-1]
        with pytest.raises(ValueError, match=message):
            layer(np.ones(shape))
        with pytest.raises(ValueError, match="batch_norm expects"):
            batch_norm(np.ones(shape), np.ones(3), np.ones(3))
    for shape in [(1, 3), (1, 3, 1, 1), (0, 3)]:
        with pytest.raises(ValueError, match="batch_norm expects more than one number a channel"):
            layer(np.ones(shape))
    np.testing.assert_array_equal(layer.running_var, 1)
    assert layer(rng.normal(size=(1, 3, 1, 2))).shape == (1, 3, 1, 2)
    with pytest.raises(ValueError, match="batch_norm expects gamma"):
        batch_norm(np.ones((4, 3)), np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="batch_norm expects beta"):
        batch_norm(np.ones((4, 3)), np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="batch_norm expects mean"):
        batch_norm(np.ones((4, 3)), np.ones(3), np.ones(3), statistics=(np.ones(2), np.ones(3)))
    with pytest.raises(ValueError, match="batch_norm expects var"):
        batch_norm(np.ones((4, 3)), np.ones(3), np.ones(3), statistics=(np.ones(3), np.ones(1)))
    for count in (1, 3):
        with pytest.raises(ValueError):
            batch_norm(np.ones((4, 3)), np.ones(3), np.ones(3), statistics=[np.ones(3)] * count)
    with pytest.raises(ValueError, match="batch_norm expects 0 <= eps"):
        batch_norm(np.ones((4, 3)), np.ones(3), np.ones(3), eps=-1)
    for make, message in [(lambda: BatchNorm(0), "BatchNorm expects num_features >= 1"),
                          (lambda: BatchNorm(3, eps=-1), "BatchNorm expects 0 <= eps"),
                          (lambda: BatchNorm(3, momentum=1.1), "BatchNorm expects 0 <= momentum"),
                          (lambda: BatchNorm(3, momentum=-0.1), "BatchNorm expects 0 <= momentum")]:
        with pytest.raises(ValueError, match=message):
            make()
    assert repr(layer) == "BatchNorm(num_features=3, eps=1e-05, momentum=0.1)"
    BatchNorm(1, eps=0)


# Layer norm

@pytest.mark.parametrize("name", ["flat", "sequences", "images"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_layer_norm_is_pytorchs(name, dtype):
    stored = {key: STORED[f"layer_norm/{name}/{key}"] for key in "x dy gamma beta y dx dgamma dbeta".split()}
    layer = LayerNorm(stored["gamma"].shape, dtype=dtype)
    layer.gamma.value, layer.beta.value = stored["gamma"], stored["beta"]
    for mode in layer.train, layer.eval:
        mode()
        layer.zero_grad()
        y = layer(stored["x"].astype(dtype))
        dx = layer.backward(stored["dy"].astype(dtype))
        for key, value in {"y": y, "dx": dx, "dgamma": layer.gamma.grad, "dbeta": layer.beta.grad}.items():
            assert value.dtype == dtype
            tolerance = dict(rtol=1e-10, atol=1e-12) if dtype == np.float64 else dict(rtol=2e-4, atol=2e-5)
            np.testing.assert_allclose(value, stored[key], err_msg=key, **tolerance)


@settings(max_examples=25, deadline=None)
@given(lead=st.lists(st.integers(1, 4), min_size=1, max_size=2),
       tail=st.lists(st.integers(2, 4), min_size=1, max_size=3), seed=st.integers(0, 999))
def test_layer_norm_gradients(lead, tail, seed):
    rng = np.random.default_rng(seed)
    x, gamma, beta = rng.normal(size=(*lead, *tail)), rng.normal(size=tail), rng.normal(size=tail)
    # Two numbers are always normalised to -1 and 1: a large eps leaves a gradient that differences can find.
    assert check_operation(layer_norm, x, gamma, beta, rng=rng, eps=0.1) < 1e-7
    assert check_layer(LayerNorm(tuple(tail), eps=0.1), x, rng=rng) < 1e-7


def test_layer_norm_normalises_each_sample(rng):
    x = 7 + 3 * rng.normal(size=(5, 2, 6)) * np.array([1, 10, 100, 1e3, 1e4])[:, None, None]
    y = layer_norm(x, np.ones(6), np.zeros(6), eps=0.0)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-12)


def test_layer_norm_shapes_and_refusals():
    assert all(LayerNorm(shape).normalized_shape == (4,) for shape in (4, (4,), [4]))
    assert LayerNorm(4)(np.ones((2, 3, 4))).shape == (2, 3, 4)
    assert LayerNorm(4).eps == 1e-5
    assert repr(LayerNorm((2, 3))) == "LayerNorm(normalized_shape=(2, 3), eps=1e-05)"
    with pytest.raises(ValueError, match=r"LayerNorm expects \(N, 4\), got \(2, 3\)"):
        LayerNorm(4)(np.ones((2, 3)))
    for shape in [(2, 3), (3,), (4, 2, 4), (4, 2, 2)]:
        with pytest.raises(ValueError, match=rf"LayerNorm expects \(N, 2, 3\), got {re.escape(str(shape))}"):
            LayerNorm((2, 3))(np.ones(shape))
    for shapes, message in [
            (((3,), (3,), (3,)), "x (..., N, D), got (3,)"), (((3, 2), (), ()), "gamma (..., 2), got ()"),
            (((2, 3), (4,), (4,)), "gamma (..., 3), got (4,)"), (((2, 3), (3,), (1,)), "beta (..., 3), got (1,)"),
            (((4, 3), (2, 3), (2, 3)), "x (..., N, 2, 3), got (4, 3)"),
            (((2, 3), (2, 3), (2, 3)), "x (..., N, 2, 3), got (2, 3)"),
            (((4, 2, 3), (2, 3), (3,)), "gamma and beta of one shape, got (2, 3) and (3,)")]:
        with pytest.raises(ValueError, match=re.escape(f"layer_norm expects {message}")):
            layer_norm(*map(np.ones, shapes))
    with pytest.raises(ValueError, match="layer_norm expects 0 <= eps"):
        layer_norm(np.ones((2, 3)), np.ones(3), np.ones(3), eps=-1)
    with pytest.raises(ValueError, match="LayerNorm expects normalized_shape >= 1"):
        LayerNorm((2, 0))
    with pytest.raises(ValueError, match="LayerNorm expects 0 <= eps"):
        LayerNorm(2, eps=-1)
    LayerNorm(2, eps=0)


@pytest.mark.parametrize("norm", [batch_norm, layer_norm])
def test_eps_of_the_operations(norm, rng):
    x, ones = rng.normal(size=(5, 4)), np.ones(4)
    np.testing.assert_array_equal(norm(x, ones, ones), norm(x, ones, ones, eps=1e-5))
    assert (norm(x, ones, ones) != norm(x, ones, ones, eps=1e-4)).any()


def test_norms_and_dropout_inside_a_model(rng):
    # No bias before batch norm: it is subtracted again, so that its gradient is zero up to rounding.
    model = Sequential(Dense(5, 6, bias=False, rng=rng), BatchNorm(6), Activation(relu),
                       Dropout(0.3, rng=np.random.default_rng(1)), LayerNorm(6), Dense(6, 2, rng=rng))
    x = rng.normal(size=(7, 5))
    assert check_layer(model, x, rng=rng) < 1e-7
    assert check_layer(model.eval(), x, rng=rng) < 1e-7


def test_a_layer_used_twice_in_one_pass(rng):
    norm = BatchNorm(4)
    model = Sequential(norm, Dense(4, 4, bias=False, rng=rng), norm)
    assert check_layer(model, rng.normal(size=(6, 4)), rng=rng) < 1e-7


# Early stopping

def model_with(value):
    model = Sequential(Dense(2, 1), BatchNorm(1))
    for p in model.parameters():
        p.value = np.full(p.value.shape, value)
    model[1].running_mean[...] = model[1].running_var[...] = value
    return model


def everything(model):
    return np.concatenate([*(p.value.ravel() for p in model.parameters()), *model[1].buffers().values()])


def test_early_stopping_waits_and_restores():
    stopping, model = EarlyStopping(patience=2), model_with(0.0)
    stopped = []
    for epoch, loss in enumerate([5.0, 3.0, 4.0, 2.0, 2.5, 2.0, 1.0], start=1):
        for array in [p.value for p in model.parameters()] + list(model[1].buffers().values()):
            array[...] = epoch
        stopped.append(stopping.update(loss, model))
        if stopped[-1]:
            break
    assert stopped == [False, False, False, False, False, True]  # 2.0 again is no improvement on 2.0
    assert (stopping.best_value, stopping.best_epoch, stopping.epoch) == (2.0, 4, 6)
    values = [p.value for p in model.parameters()]
    stopping.restore(model)
    np.testing.assert_array_equal(everything(model), 4.0)
    assert all(p.value is v for p, v in zip(model.parameters(), values))


def test_early_stopping_restores_the_model_that_it_has_watched():
    stopping = EarlyStopping()
    stopping.update(1.0, Sequential(Dense(1, 1)))
    for other in Dense(4, 3), Dense(1, 1, bias=False):     # the first would take one number twelve times
        with pytest.raises(ValueError, match="EarlyStopping expects the model that it has watched, with .*, got"):
            stopping.restore(Sequential(other))


def test_early_stopping_min_delta_and_reset():
    stopping, model = EarlyStopping(patience=1, min_delta=0.5), model_with(1.0)
    assert not stopping.update(3.0, model)
    assert not stopping.update(2.0, model)
    assert stopping.update(1.5, model)  # a fall of exactly min_delta is none
    assert stopping.update(1.5, model)  # whoever goes on is told again
    assert stopping.best_epoch == 2
    stopping.reset()
    assert (stopping.best_value, stopping.best_epoch, stopping.epoch) == (math.inf, 0, 0)
    other = model_with(7.0)
    stopping.restore(other)
    np.testing.assert_array_equal(everything(other), 7.0)


def test_early_stopping_takes_nan_for_no_improvement():
    stopping, model = EarlyStopping(patience=2), model_with(1.0)
    assert not stopping.update(math.nan, model)
    assert stopping.best_epoch == 0 and stopping.best_value == math.inf
    assert stopping.update(math.nan, model)


def test_early_stopping_defaults_and_refusals():
    assert (EarlyStopping().patience, EarlyStopping().min_delta) == (5, 0.0)
    with pytest.raises(ValueError, match="EarlyStopping expects patience >= 1"):
        EarlyStopping(0)
    with pytest.raises(TypeError, match="EarlyStopping expects patience as an integer"):
        EarlyStopping(2.5)
    with pytest.raises(ValueError, match="EarlyStopping expects 0 <= min_delta"):
        EarlyStopping(3, -1)


def test_public_names():
    for name in ("L1 L2 ElasticNet EarlyStopping Dropout BatchNorm LayerNorm dropout batch_norm "
                 "layer_norm").split():
        assert hasattr(nnlib, name)
