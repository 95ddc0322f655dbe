from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    AvgPool2D, GlobalAvgPool2D, MaxPool2D, MinPool2D, Sequential, avg_pool2d, check_layer, check_operation,
    global_avg_pool2d, max_pool2d, min_pool2d, output_size,
)

STORED = np.load(Path(__file__).parent / "reference" / "convolution.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED if "_pool2d/" in key})
OPERATIONS = [max_pool2d, min_pool2d, avg_pool2d]
LAYERS = {MaxPool2D: max_pool2d, MinPool2D: min_pool2d, AvgPool2D: avg_pool2d}


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    name, options = case.split("/")
    y, pullback = getattr(nnlib, name).vjp(STORED[f"{case}/x"], **eval(f"dict({options.removesuffix(',ties')})"))
    np.testing.assert_allclose(y, STORED[f"{case}/y"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(pullback(STORED[f"{case}/dy"])[0], STORED[f"{case}/dx"], rtol=1e-12, atol=1e-12)


def by_loops(op, x, dy, kernel, stride, padding):
    """y and dx of a pooling, window by window."""
    y, dx = np.zeros_like(dy), np.zeros_like(x)
    for n, c, i, j in np.ndindex(dy.shape):
        window = [(r, s) for r in range(i * stride[0] - padding[0], i * stride[0] - padding[0] + kernel[0])
                  for s in range(j * stride[1] - padding[1], j * stride[1] - padding[1] + kernel[1])
                  if 0 <= r < x.shape[2] and 0 <= s < x.shape[3]]
        if op is avg_pool2d:
            for r, s in window:
                y[n, c, i, j] += x[n, c, r, s] / (kernel[0] * kernel[1])
                dx[n, c, r, s] += dy[n, c, i, j] / (kernel[0] * kernel[1])
        else:
            best = (max if op is max_pool2d else min)(window, key=lambda place: x[n, c, *place])    # the first of equals
            y[n, c, i, j] = x[n, c, *best]
            dx[n, c, *best] += dy[n, c, i, j]
    return y, dx


@st.composite
def geometries(draw):
    """kernel, stride, padding of at most half the kernel, and an image large enough, along two axes."""
    axes = []
    for _ in range(2):
        kernel, stride = draw(st.integers(1, 4)), draw(st.integers(1, 4))
        padding = draw(st.integers(0, kernel // 2))
        least = max(1, kernel - 2 * padding)
        axes.append((draw(st.integers(least, least + 5)), kernel, stride, padding))
    return tuple(zip(*axes))


@pytest.mark.parametrize("op", OPERATIONS)
@settings(deadline=None)
@given(geometries(), st.sampled_from([2, 5, 100]), st.integers(0, 2**32))
def test_pooling_is_its_loops(op, geometry, different, seed):
    size, kernel, stride, padding = geometry
    rng = np.random.default_rng(seed)
    x = rng.integers(-different, different, (2, 2, *size)).astype(float)
    y, pullback = op.vjp(x, kernel_size=kernel, stride=stride, padding=padding)
    assert y.shape == (2, 2, *map(output_size, size, kernel, stride, padding))
    dy = rng.normal(size=y.shape)
    for fast, slow in zip((y, *pullback(dy)), by_loops(op, x, dy, kernel, stride, padding), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op", OPERATIONS)
@settings(deadline=None)
@given(geometries(), st.integers(0, 2**32))
def test_gradient(op, geometry, seed):
    size, kernel, stride, padding = geometry
    rng = np.random.default_rng(seed)
    x = rng.permutation(np.arange(4 * size[0] * size[1]) / 10).reshape(2, 2, *size)      # no ties within h
    assert check_operation(op, x, rng=rng, kernel_size=kernel, stride=stride, padding=padding) < 1e-7
    assert check_operation(global_avg_pool2d, x, rng=rng) < 1e-7


def test_pooling_by_hand():
    x = np.array([[[[1., 2., 5., 5.], [3., 4., 5., 0.]]]])
    assert max_pool2d(x, kernel_size=2).tolist() == [[[[4., 5.]]]]
    assert min_pool2d(x, kernel_size=2).tolist() == [[[[1., 0.]]]]
    assert avg_pool2d(x, kernel_size=2).tolist() == [[[[2.5, 3.75]]]]
    assert global_avg_pool2d(x).tolist() == [[3.125]]
    y, pullback = max_pool2d.vjp(x, kernel_size=2)
    assert pullback([[[[7., 8.]]]])[0].tolist() == [[[[0., 0., 8., 0.], [0., 7., 0., 0.]]]]     # the first of equals


def test_padding_of_half_a_large_kernel(rng):
    x = rng.normal(size=(1, 1, 6, 6))
    np.testing.assert_array_equal(max_pool2d(x, kernel_size=6, padding=3)[0, 0],
                                  [[x[..., :3, :3].max(), x[..., :3, 3:].max()], [x[..., 3:, :3].max(), x[..., 3:, 3:].max()]])


def test_negative_images_are_not_beaten_by_padding():
    x = np.full((1, 1, 2, 2), -3.0)
    assert (max_pool2d(x, kernel_size=2, stride=1, padding=1) == -3).all()
    assert (min_pool2d(-x, kernel_size=2, stride=1, padding=1) == 3).all()
    assert avg_pool2d(x, kernel_size=2, stride=1, padding=1)[0, 0].tolist() == [
        [-0.75, -1.5, -0.75], [-1.5, -3, -1.5], [-0.75, -1.5, -0.75]]


@pytest.mark.parametrize("layer, op", LAYERS.items())
def test_layers(rng, layer, op):
    x = rng.normal(size=(2, 3, 7, 8))
    np.testing.assert_array_equal(layer(2)(x), op(x, kernel_size=2))
    np.testing.assert_array_equal(layer((3, 2), 2, padding=(1, 0))(x),
                                  op(x, kernel_size=(3, 2), stride=(2, 2), padding=(1, 0)))
    assert check_layer(layer((2, 3), stride=(1, 2), padding=1), x, rng=rng) < 1e-7
    assert repr(layer(2, padding=1)) == f"{layer.__name__}(kernel_size=(2, 2), stride=(2, 2), padding=(1, 1))"
    assert layer(2).parameters() == []


def test_global_layer(rng):
    x = rng.normal(size=(2, 3, 7, 8))
    np.testing.assert_allclose(GlobalAvgPool2D()(x), x.mean(axis=(2, 3)), rtol=1e-15)
    network = Sequential(MaxPool2D(2), AvgPool2D(2, 1), MinPool2D(1), GlobalAvgPool2D())
    assert check_layer(network, x, rng=rng) < 1e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op, options", [*((op, dict(kernel_size=3, stride=stride, padding=1)) for op in OPERATIONS
                                           for stride in (1, 3)), (global_avg_pool2d, {})])
def test_precision_is_kept_and_nothing_is_touched(rng, keeps_precision, op, options, dtype):
    keeps_precision(op, [rng.normal(size=(2, 3, 5, 6))], dtype, **options)


@pytest.mark.parametrize("op", OPERATIONS)
def test_empty_batch(op):
    y, pullback = op.vjp(np.empty((0, 3, 4, 4)), kernel_size=2)
    assert y.shape == (0, 3, 2, 2) and pullback(y)[0].shape == (0, 3, 4, 4)
    y, pullback = global_avg_pool2d.vjp(np.empty((0, 3, 4, 4)))
    assert y.shape == (0, 3) and pullback(y)[0].shape == (0, 3, 4, 4)


IMAGES = np.ones((2, 3, 5, 5))


@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d", "MaxPool2D", "AvgPool2D", "MinPool2D"])
@pytest.mark.parametrize("options, error, message", [
    (dict(kernel_size=0), ValueError, "expects kernel_size >= 1, got 0"),
    (dict(kernel_size=2.0), TypeError, "expects kernel_size as an integer, got 2.0"),
    (dict(kernel_size=(2, 2, 2)), ValueError, r"expects kernel_size as one integer or \(rows, columns\), got \(2, 2, 2\)"),
    (dict(kernel_size=2, stride=0), ValueError, "expects stride >= 1, got 0"),
    (dict(kernel_size=2, padding=-1), ValueError, "expects padding >= 0, got -1"),
    (dict(kernel_size=3, padding=2), ValueError, r"expects padding <= half of kernel_size \(3, 3\), got \(2, 2\)"),
])
def test_wrong_options_are_refused(name, options, error, message):
    with pytest.raises(error, match=f"^{name} {message}"):
        thing = getattr(nnlib, name)
        thing(**options) if isinstance(thing, type) else thing(IMAGES, **options)


@pytest.mark.parametrize("call, message", [
    (lambda: max_pool2d(IMAGES[0], kernel_size=2), r"max_pool2d expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: avg_pool2d(IMAGES[0], kernel_size=2), r"avg_pool2d expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: max_pool2d(IMAGES, kernel_size=6), "window of 6 pixels .* does not fit into 5 pixels"),
    (lambda: max_pool2d(IMAGES * np.nan, kernel_size=2), "max_pool2d expects x without NaN"),
    (lambda: global_avg_pool2d(IMAGES[0]), r"global_avg_pool2d expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: global_avg_pool2d(IMAGES[:, :, :0]), r"global_avg_pool2d expects at least one pixel, got \(2, 3, 0, 5\)"),
    (lambda: global_avg_pool2d(IMAGES[..., :0]), r"global_avg_pool2d expects at least one pixel, got \(2, 3, 5, 0\)"),
    (lambda: MinPool2D(2)(IMAGES[0]), r"MinPool2D expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: GlobalAvgPool2D()(IMAGES[0]), r"GlobalAvgPool2D expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: MaxPool2D(2).backward(IMAGES), "MaxPool2D.backward expects a forward pass"),
])
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
