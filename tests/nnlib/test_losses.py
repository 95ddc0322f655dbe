import re
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nnlib
from nnlib import (
    binary_cross_entropy, check_operation, cross_entropy, hinge, huber, kl_divergence, log_softmax, mae, mse, softmax,
)

CLASS_WEIGHTS = np.array([0.5, 2.0, 0.0, 32.0])
STORED = [("mse", {}), ("mae", {}), ("huber", {}), ("huber/delta=0.3", {"delta": 0.3}), ("binary_cross_entropy", {}),
          ("cross_entropy", {}), ("cross_entropy/probabilities", {}), ("cross_entropy/sequences", {}),
          ("cross_entropy/weight", {"weight": CLASS_WEIGHTS}), ("cross_entropy/weight/sequences", {"weight": CLASS_WEIGHTS}),
          ("hinge", {}), ("kl_divergence", {})]
LOSSES = [mse, mae, huber, binary_cross_entropy, cross_entropy, hinge, kl_divergence]


def example(loss, rng, n=4, classes=3):
    """A prediction and a target that fit the loss."""
    logits = rng.normal(size=(n, classes))
    if loss is cross_entropy:
        return logits, rng.integers(classes, size=n)
    if loss is kl_divergence:
        return log_softmax(logits), softmax(rng.normal(size=(n, classes)))
    target = {hinge: np.sign, binary_cross_entropy: lambda t: (t > 0).astype(float)}.get(loss, lambda t: t)
    return logits, target(rng.normal(size=(n, classes)))


@pytest.mark.parametrize("key, options", STORED)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_loss_and_gradient_are_pytorchs(reference, key, options, reduction):
    stored = reference("losses")
    loss = getattr(nnlib, key.split("/")[0])
    prediction, target = stored[f"{key}/prediction"].copy(), stored[f"{key}/target"].copy()
    value, pullback = loss.vjp(prediction, target, reduction=reduction, **options)
    np.testing.assert_allclose(value, stored[f"{key}/{reduction}/loss"], rtol=1e-12, atol=1e-12)
    gradient, none = pullback(stored[f"{key}/{reduction}/dy"])
    np.testing.assert_allclose(gradient, stored[f"{key}/{reduction}/dprediction"], rtol=1e-12, atol=1e-12)
    assert none is None
    np.testing.assert_array_equal(loss(prediction, target, reduction=reduction, **options), value)
    np.testing.assert_array_equal(prediction, stored[f"{key}/prediction"])      # untouched
    np.testing.assert_array_equal(target, stored[f"{key}/target"])


@pytest.mark.parametrize("loss", LOSSES)
def test_mean_is_the_default(rng, loss):
    prediction, target = example(loss, rng)
    each = loss(prediction, target, reduction="none")
    np.testing.assert_allclose(loss(prediction, target), each.mean(), rtol=1e-15)
    np.testing.assert_allclose(loss(prediction, target, reduction="sum"), each.sum(), rtol=1e-15)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradient(rng, loss, reduction):
    assert check_operation(loss, *example(loss, rng), rng=rng, reduction=reduction) < 1e-7


def test_worked_values():
    assert mse([1.0, 2.0], [0.0, 4.0]) == 2.5
    assert mae([1.0, 2.0], [0.0, 4.0]) == 1.5
    np.testing.assert_allclose(huber([0.5, 1.0, 3.0], [0.0, 0.0, 0.0], reduction="none"), [0.125, 0.5, 2.5])
    np.testing.assert_allclose(huber([0.5, -3.0], [0.0, 0.0], delta=2.0, reduction="none"), [0.125, 4])
    np.testing.assert_allclose(binary_cross_entropy([0.0, 0.0], [0, 1]), np.log(2))
    np.testing.assert_allclose(cross_entropy(np.log([[0.2, 0.8], [0.5, 0.5]]), [1, 0], reduction="none"),
                               -np.log([0.8, 0.5]))
    np.testing.assert_array_equal(hinge([2.0, 0.5, -1.0, 1.0], [1, 1, 1, 1], reduction="none"), [0, 0.5, 2, 0])
    np.testing.assert_array_equal(hinge.vjp(np.array([2.0, 0.5, -1.0, 1.0]), [1, 1, 1, 1], reduction="sum")[1](1)[0],
                                  [0, -1, -1, 0])           # at the kink: 0
    np.testing.assert_allclose(kl_divergence(np.log([[0.5, 0.5]]), [[0.25, 0.75]]),
                               0.25 * np.log(0.5) + 0.75 * np.log(1.5))


def test_one_hot_labels_are_labels(rng):
    logits, labels = rng.normal(size=(5, 4)), np.array([0, 3, 1, 1, 2])
    for one_hot in (np.eye(4)[labels], np.eye(4, dtype=int)[labels], np.eye(4, dtype=bool)[labels]):
        for reduction in ("mean", "none"):
            (a, pull_a), (b, pull_b) = (cross_entropy.vjp(logits, t, reduction=reduction) for t in (labels, one_hot))
            np.testing.assert_allclose(a, b, rtol=1e-14)
            np.testing.assert_allclose(pull_a(np.ones_like(a))[0], pull_b(np.ones_like(a))[0], atol=1e-16)


def test_cross_entropy_takes_any_leading_axes(rng):
    logits, labels = rng.normal(size=(2, 3, 4)), rng.integers(4, size=(2, 3))
    each, pullback = cross_entropy.vjp(logits, labels, reduction="none")
    assert each.shape == (2, 3)
    np.testing.assert_allclose(each[1], cross_entropy(logits[1], labels[1], reduction="none"))
    dy = rng.normal(size=(2, 3))
    np.testing.assert_allclose(pullback(dy)[0][1], cross_entropy.vjp(logits[1], labels[1], reduction="none")[1](dy[1])[0])
    one = cross_entropy(logits[0, 0], labels[0, 0])
    np.testing.assert_allclose(one, each[0, 0])
    soft = softmax(rng.normal(size=(2, 3, 4)))
    np.testing.assert_allclose(cross_entropy(logits, soft, reduction="none")[1, 2],
                               cross_entropy(logits[1, 2], soft[1, 2]))


def test_kl_is_cross_entropy_less_entropy(rng):
    logits, p = rng.normal(size=(5, 4)), softmax(rng.normal(size=(5, 4)))
    entropy = -(p * np.log(p)).sum(axis=1)
    np.testing.assert_allclose(kl_divergence(log_softmax(logits), p, reduction="none"),
                               cross_entropy(logits, p, reduction="none") - entropy, atol=1e-14)
    np.testing.assert_allclose(kl_divergence(np.log(p), p), 0, atol=1e-16)
    assert kl_divergence([[0.0, -np.inf]], [[1.0, 0.0]]) == 0           # 0 log 0 = 0
    assert kl_divergence([[0.0, -np.inf]], [[0.5, 0.5]]) == np.inf
    assert abs(kl_divergence([[1e-9, -40.0]], [[1 + 1e-9, -1e-9]])) < 1e-7      # rounding is forgiven


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_dtype_is_the_predictions(rng, loss, dtype, reduction):
    prediction, target = example(loss, rng)
    value, pullback = loss.vjp(prediction.astype(dtype), target, reduction=reduction)
    assert value.dtype == dtype and pullback(np.ones_like(value))[0].dtype == dtype


@pytest.mark.parametrize("loss", [mse, mae, huber, binary_cross_entropy, cross_entropy, hinge])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_extreme_predictions_give_finite_losses(loss, dtype, data):
    n, classes = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 4))
    prediction = data.draw(arrays(dtype, (n, classes), elements=st.floats(-1e4, 1e4, width=32)))
    _, target = example(loss, np.random.default_rng(data.draw(st.integers(0, 99))), n, classes)
    reduction = data.draw(st.sampled_from(["mean", "sum", "none"] if n else ["sum", "none"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        value, pullback = loss.vjp(prediction, target, reduction=reduction)
        gradient, _ = pullback(np.ones_like(value))
    assert np.isfinite(value).all() and np.isfinite(gradient).all() and (value >= 0).all()
    assert gradient.shape == prediction.shape and value.dtype == gradient.dtype == dtype


def test_softmax_and_sigmoid_gradients_are_differences(rng):
    logits, labels = rng.normal(size=(3, 4)), np.array([1, 0, 3])
    gradient = cross_entropy.vjp(logits, labels)[1](1.0)[0]
    np.testing.assert_allclose(gradient, (softmax(logits) - np.eye(4)[labels]) / 3, atol=1e-16)
    t = rng.uniform(size=(3, 4))
    np.testing.assert_allclose(binary_cross_entropy.vjp(logits, t)[1](1.0)[0], (nnlib.sigmoid(logits) - t) / 12,
                               atol=1e-16)


@pytest.mark.parametrize("loss", LOSSES)
def test_empty_batch(rng, loss):
    prediction, target = example(loss, rng, n=0)
    with pytest.raises(ValueError, match=f"{loss.__name__} expects at least one element .*, got none"):
        loss(prediction, target)
    assert loss(prediction, target, reduction="sum") == 0
    value, pullback = loss.vjp(prediction, target, reduction="none")
    assert len(value) == 0 and pullback(value)[0].shape == prediction.shape


@pytest.mark.parametrize("loss", LOSSES)
def test_bad_input(rng, loss):
    prediction, target = example(loss, rng)
    name, who = loss.arrays[0], loss.__name__
    with pytest.raises(ValueError, match=f"{who} expects reduction as one of 'mean', 'sum', 'none', got 'average'"):
        loss(prediction, target, reduction="average")
    with pytest.raises(ValueError, match=f"{who} expects {name} without NaN, got 1 NaN of 12, first at"):
        loss(np.where(np.arange(12).reshape(4, 3) == 5, np.nan, prediction), target)
    with pytest.raises(ValueError, match=f"{who} expects {loss.arrays[1]} without NaN"):
        loss(prediction, np.full((4, 3), np.nan))
    with pytest.raises(TypeError, match=f"{who} expects {name} as an array of real numbers"):
        loss("text", target)
    for wrong in (target[:3], target[..., None], prediction[:, :2]):
        with pytest.raises(ValueError, match=f"{who} expects .*" + re.escape(str(wrong.shape))):
            loss(prediction, wrong)


@pytest.mark.parametrize("loss, prediction, target, message", [
    (mse, [1.0, 2.0], [[1.0], [2.0]], "mse expects prediction and target of one shape, got (2,) and (2, 1)"),
    (cross_entropy, np.ones((2, 3)), [0, 3], "cross_entropy expects labels in 0 to 2, got 0 to 3"),
    (cross_entropy, np.ones((2, 3)), [-1, 0], "cross_entropy expects labels in 0 to 2, got -1 to 0"),
    (cross_entropy, np.ones((2, 3)), np.ones((2, 3)), "cross_entropy expects labels to sum to 1 along the last axis, got 3"),
    (cross_entropy, np.ones((2, 3)), [[2, -1, 0]] * 2, "cross_entropy expects labels >= 0, got -1"),
    (cross_entropy, np.ones((2, 3)), [0], "cross_entropy expects labels (2,), got (1,)"),
    (cross_entropy, np.ones((2, 0)), [0, 0], "cross_entropy expects logits (N, K) with K >= 1, got (2, 0)"),
    (cross_entropy, 1.0, 0, "cross_entropy expects logits (N, K) with K >= 1, got ()"),
    (binary_cross_entropy, [1.0], [1.5], "binary_cross_entropy expects labels in [0, 1], got 1.5 to 1.5"),
    (binary_cross_entropy, [1.0], [-1], "binary_cross_entropy expects labels in [0, 1], got -1 to -1"),
    (hinge, [1.0, 1.0], [1, 0], "hinge expects labels -1 and 1, got 0"),
    (hinge, [1.0, 1.0], [2, 1], "hinge expects labels -1 and 1, got 2"),
    (kl_divergence, [[0.5, 0.5]], [[0.5, 0.5]],
     "kl_divergence expects log_prediction <= 0, the logarithm of probabilities, got 0.5"),
    (kl_divergence, [[-1.0, -1.0]], [[0.5, 0.6]], "kl_divergence expects target to sum to 1 along the last axis, got 1.1"),
    (kl_divergence, np.zeros((2, 0)), np.zeros((2, 0)), "kl_divergence expects log_prediction (N, K) with K >= 1, got (2, 0)"),
    (kl_divergence, 0.0, 1.0, "kl_divergence expects log_prediction (N, K) with K >= 1, got ()"),
])
def test_targets_that_do_not_fit(loss, prediction, target, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        loss(prediction, target)


def test_labels_of_the_wrong_kind():
    with pytest.raises(TypeError, match="cross_entropy expects labels as integers 0 to 2, got float64"):
        cross_entropy(np.ones((2, 3)), [0.0, 1.0])


def test_delta_out_of_range():
    for bad in (0, -1.0, np.nan):
        with pytest.raises(ValueError, match="huber expects 0 < delta"):
            huber([1.0], [2.0], delta=bad)
    with pytest.raises(TypeError, match="huber expects delta as a number"):
        huber([1.0], [2.0], delta="1")


def test_huber_is_between_squares_and_absolute_values(rng):
    prediction, target = rng.normal(size=20), rng.normal(size=20)
    np.testing.assert_allclose(huber(prediction, target, delta=100.0), mse(prediction, target) / 2)
    np.testing.assert_allclose(huber(prediction, target, delta=1e-9) / 1e-9, mae(prediction, target), rtol=1e-6)


def test_too_many_labels_are_counted():
    with pytest.raises(ValueError, match=re.escape("cross_entropy expects labels (4,), got (5,)")):
        cross_entropy(np.zeros((4, 3)), np.zeros(5, int))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_gradient_of_a_weighted_cross_entropy(rng, reduction):
    logits, labels = rng.normal(size=(5, 4)), np.array([0, 3, 1, 2, 3])
    assert check_operation(cross_entropy, logits, labels, rng=rng, reduction=reduction, weight=CLASS_WEIGHTS) < 1e-7


def test_a_weight_counts_a_sample_as_often(rng):
    logits, labels = rng.normal(size=(4, 2)), np.array([0, 1, 0, 0])
    copies = np.repeat(np.arange(4), np.array([1, 3])[labels])
    np.testing.assert_allclose(cross_entropy(logits, labels, weight=np.array([1.0, 3.0])),
                               cross_entropy(logits[copies], labels[copies]), rtol=1e-14)
    assert cross_entropy(logits.astype(np.float32), labels, weight=np.array([1.0, 3.0])).dtype == np.float32


@pytest.mark.parametrize("weight, message", [
    ([1.0, 2.0], "weight"), ([1.0, -1.0, 1.0], "weight"), ([1.0, np.nan, 1.0], "weight"),
    ([0.0, 1.0, 1.0], "expects a class with a weight above 0 among the labels, got none")])
def test_weights_that_do_not_fit_are_refused(weight, message):
    with pytest.raises(ValueError, match=message):
        cross_entropy(np.zeros((2, 3)), np.array([0, 0]), weight=np.array(weight))


def test_without_a_mean_all_weights_may_be_zero():
    weight = np.array([0.0, 1.0, 1.0])
    assert cross_entropy(np.zeros((2, 3)), np.array([0, 0]), weight=weight, reduction="sum") == 0


def test_weights_are_of_class_indices():
    with pytest.raises(ValueError, match="expects class indices with weight, got probabilities of the classes"):
        cross_entropy(np.zeros((2, 2)), np.full((2, 2), 0.5), weight=np.ones(2))
