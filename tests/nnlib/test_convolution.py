from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Activation, Conv2D, Dense, Flatten, MaxPool2D, Sequential, check_layer, check_operation, conv1d, conv2d, he_normal,
    im2col, output_size, receptive_field, relu,
)

STORED = np.load(Path(__file__).parent / "reference" / "convolution.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED if key.startswith("conv")})


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    name, options = case.split("/")
    x, W, b, dy = (STORED[f"{case}/{key}"] for key in ("x", "W", "b", "dy"))
    y, pullback = getattr(nnlib, name).vjp(x, W, b, **eval(f"dict({options})"))
    np.testing.assert_allclose(y, STORED[f"{case}/y"], rtol=1e-12, atol=1e-12)
    for key, gradient in zip(("x", "W", "b"), pullback(dy), strict=True):
        np.testing.assert_allclose(gradient, STORED[f"{case}/d{key}"], rtol=1e-12, atol=1e-12)
    for key, gradient in zip(("x", "W", "b"), pullback(dy, input_grad=False), strict=True):
        assert key != "x" or gradient is None
        assert key == "x" or np.allclose(gradient, STORED[f"{case}/d{key}"], rtol=1e-12, atol=1e-12)


def by_loops(x, W, b, dy, stride, padding, dilation):
    """y, dx, dW, db of a convolution, straight from the formula: a pixel off the image is zero."""
    (N, C, height, width), (F, _, kh, kw), (_, _, H, V) = x.shape, W.shape, dy.shape
    y, dx, dW, db = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
    for n in range(N):
        for f in range(F):
            for i in range(H):
                for j in range(V):
                    y[n, f, i, j] = b[f]
                    db[f] += dy[n, f, i, j]
                    for c in range(C):
                        for u in range(kh):
                            for v in range(kw):
                                r = i * stride[0] + u * dilation[0] - padding[0]
                                s = j * stride[1] + v * dilation[1] - padding[1]
                                if 0 <= r < height and 0 <= s < width:
                                    y[n, f, i, j] += W[f, c, u, v] * x[n, c, r, s]
                                    dx[n, c, r, s] += W[f, c, u, v] * dy[n, f, i, j]
                                    dW[f, c, u, v] += x[n, c, r, s] * dy[n, f, i, j]
    return y, dx, dW, db


@st.composite
def geometries(draw):
    """kernel, stride, padding, dilation and an image large enough for them, along two axes."""
    axes = []
    for _ in range(2):
        kernel, stride, dilation = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
        padding = draw(st.integers(0, 3))
        least = max(1, dilation * (kernel - 1) + 1 - 2 * padding)
        axes.append((draw(st.integers(least, least + 4)), kernel, stride, padding, dilation))
    return tuple(zip(*axes))


@settings(deadline=None)
@given(geometries(), st.integers(1, 2), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2**32))
def test_convolution_is_its_loops(geometry, N, C, F, seed):
    size, kernel, stride, padding, dilation = geometry
    options = dict(stride=stride, padding=padding, dilation=dilation)
    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(N, C, *size)), rng.normal(size=(F, C, *kernel)), rng.normal(size=F)
    y, pullback = conv2d.vjp(x, W, b, **options)
    assert y.shape == (N, F, *map(output_size, size, kernel, stride, padding, dilation))
    dy = rng.normal(size=y.shape)
    for fast, slow in zip((y, *pullback(dy)), by_loops(x, W, b, dy, **options), strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(geometries(), st.integers(0, 2**32))
def test_gradient(geometry, seed):
    size, kernel, stride, padding, dilation = geometry
    options = dict(stride=stride, padding=padding, dilation=dilation)
    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(2, 2, *size)), rng.normal(size=(3, 2, *kernel)), rng.normal(size=3)
    assert check_operation(conv2d, x, W, b, rng=rng, **options) < 1e-7
    assert check_operation(conv2d, x, W, rng=rng, **options) < 1e-7
    assert check_operation(im2col, x, kernel_size=kernel, rng=rng, **options) < 1e-7
    options = {name: pair[1] for name, pair in options.items()}
    assert check_operation(conv1d, x[:, :, 0], W[:, :, 0], b, rng=rng, **options) < 1e-7


def test_convolution_by_hand():
    x = np.array([[[[1., 2., 3.], [4., 5., 6.], [7., 8., 9.]]]])
    W = np.array([[[[1., 0.], [0., -2.]]]])
    np.testing.assert_array_equal(conv2d(x, W)[0, 0], [[1 - 10, 2 - 12], [4 - 16, 5 - 18]])    # no flip
    np.testing.assert_array_equal(conv1d([[[1., 2., 3., 4.]]], [[[1., 10.]]], [100.]), [[[121., 132., 143.]]])
    np.testing.assert_array_equal(conv1d([[[1., 2., 3., 4.]]], [[[1., 10.]]], stride=2, padding=1),
                                  [[[10., 32., 4.]]])


def test_columns_hold_what_each_window_sees(rng):
    x = rng.normal(size=(2, 3, 5, 4))
    columns = im2col(x, kernel_size=(2, 3), stride=(2, 1), dilation=1)
    assert columns.shape == (2, 3 * 2 * 3, 2, 2)
    np.testing.assert_array_equal(columns[1, :, 1, 0], x[1, :, 2:4, 0:3].ravel())
    assert im2col(x, kernel_size=1, padding=(1, 0)).shape == (2, 3, 7, 4)


def test_no_bias_is_a_bias_of_zero(rng):
    x, W = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3))
    y, pullback = conv2d.vjp(x, W)
    with_zero, pullback_with_zero = conv2d.vjp(x, W, np.zeros(4))
    np.testing.assert_array_equal(y, with_zero)
    dy = rng.normal(size=y.shape)
    dx, dW, db = pullback(dy)
    assert db is None
    np.testing.assert_array_equal(dx, pullback_with_zero(dy)[0])
    np.testing.assert_array_equal(dW, pullback_with_zero(dy)[1])
    assert len(Conv2D(3, 4, 3, bias=False).parameters()) == 1


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 5), st.integers(0, 4), st.integers(1, 3))
def test_output_size_counts_the_places(size, kernel_size, stride, padding, dilation):
    seen = range(-padding, size + padding)
    places = [start for start in range(-padding, size + padding, stride)
              if start + dilation * (kernel_size - 1) in seen]
    if places:
        assert output_size(size, kernel_size, stride, padding, dilation) == len(places)
    else:
        with pytest.raises(ValueError, match="does not fit"):
            output_size(size, kernel_size, stride, padding, dilation)


def test_output_size_by_hand():
    assert output_size(28, 3) == 26
    assert output_size(28, 3, padding=1) == 28
    assert output_size(28, 2, 2) == 14
    assert output_size(5, 3, dilation=2) == 1
    assert output_size(1, 1) == 1


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)), min_size=1, max_size=4))
def test_receptive_field_is_what_the_gradient_reaches(layers):
    size = 1
    for kernel_size, stride, dilation in reversed(layers):      # the smallest image that gives one pixel
        size = (size - 1) * stride + dilation * (kernel_size - 1) + 1
    assert receptive_field(*layers) == size
    x, pullbacks = np.ones((1, 1, size)), []
    for kernel_size, stride, dilation in layers:
        x, pullback = conv1d.vjp(x, np.ones((1, 1, kernel_size)), stride=stride, dilation=dilation)
        pullbacks.append(pullback)
    assert x.shape == (1, 1, 1)
    gradient = x
    for pullback in reversed(pullbacks):
        gradient = pullback(gradient)[0]
    assert gradient[0, 0, 0] > 0 and gradient[0, 0, -1] > 0


def test_receptive_field_of_a_small_network():
    assert receptive_field() == 1
    assert receptive_field((3, 1), (2, 2), (3, 1), (2, 2)) == 10
    assert receptive_field((3, 2, 2), (3, 1)) == 9


def model(rng, dtype=float):
    new = dict(rng=rng, dtype=dtype)
    return Sequential(Conv2D(2, 4, 3, padding=1, **new), Activation(relu), MaxPool2D(2),
                      Conv2D(4, 3, (2, 3), stride=(1, 2), dilation=(2, 1), bias=False, **new), Flatten(),
                      Dense(12, 3, **new))


def test_network_of_convolutions(rng):
    x = rng.normal(size=(3, 2, 8, 11))
    network = model(rng)
    assert network(x).shape == (3, 3)
    assert check_layer(network, x, rng=rng) < 1e-7
    assert check_layer(network[0], x, rng=rng) < 1e-7


def test_layer_passes_its_options_on(rng):
    layer = Conv2D(2, 3, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), rng=rng)
    layer.b.value = rng.normal(size=3)
    x = rng.normal(size=(2, 2, 6, 7))
    np.testing.assert_array_equal(layer(x), conv2d(x, layer.W.value, layer.b.value, stride=(2, 1), padding=(1, 0),
                                                   dilation=(1, 2)))
    y = layer(x)
    dx = layer.backward(np.ones_like(y))
    assert dx.shape == x.shape and np.array_equal(layer.b.grad, np.full(3, y[:, 0].size))
    layer(x)
    assert layer.backward(np.ones_like(y), input_grad=False) is None


def test_first_weights_of_a_layer():
    layer = Conv2D(8, 16, 3, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(layer.W.value, nnlib.xavier_uniform((16, 8, 3, 3), np.random.default_rng(0)))
    assert not layer.b.value.any() and layer.W.value.dtype == np.float64
    layer = Conv2D(8, 16, (3, 5), init=he_normal, rng=np.random.default_rng(0), dtype=np.float32)
    np.testing.assert_array_equal(layer.W.value, he_normal((16, 8, 3, 5), np.random.default_rng(0), np.float32))
    assert [(p.name, p.value.shape, p.value.dtype) for p in layer.parameters()] == [
        ("W", (16, 8, 3, 5), np.float32), ("b", (16,), np.float32)]
    assert repr(Conv2D(1, 8, 3, padding=1)) == ("Conv2D(in_channels=1, out_channels=8, kernel_size=(3, 3), stride=(1, 1), "
                                                "dilation=(1, 1), padding=(1, 1), bias=True)")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(rng, dtype):
    x, W, b = (rng.normal(size=shape).astype(dtype) for shape in ((2, 3, 6, 6), (4, 3, 3, 3), (4,)))
    for op, arrays, options in ((conv2d, (x, W, b), dict(padding=1, stride=2)), (im2col, (x,), dict(kernel_size=2)),
                                (conv1d, (x[:, :, 0], W[:, :, 0], b), dict(padding=1))):
        y, pullback = op.vjp(*arrays, **options)
        assert y.dtype == dtype
        for gradient in pullback(np.ones(y.shape, dtype)):
            assert gradient.dtype == dtype
    network = model(rng, dtype)
    assert network(rng.normal(size=(3, 2, 8, 11)).astype(dtype)).dtype == dtype


def test_arrays_are_left_as_they_are(rng):
    arrays = rng.normal(size=(2, 3, 6, 6)), rng.normal(size=(4, 3, 3, 3)), rng.normal(size=4)
    copies = [a.copy() for a in arrays]
    y, pullback = conv2d.vjp(*arrays)
    dy = rng.normal(size=y.shape)
    dy_copy = dy.copy()
    first = pullback(dy)
    for a, b in zip((*first, dy), (*pullback(dy), dy_copy)):
        np.testing.assert_array_equal(a, b)                     # and a pullback may be called twice
    for a, copy in zip(arrays, copies):
        np.testing.assert_array_equal(a, copy)


def test_empty_batch(rng):
    network = model(rng)
    assert network(np.empty((0, 2, 8, 11))).shape == (0, 3)
    network.backward(np.empty((0, 3)), input_grad=True)
    assert not any(p.grad.any() for p in network.parameters())


IMAGES, KERNELS = np.ones((2, 3, 5, 5)), np.ones((4, 3, 3, 3))


@pytest.mark.parametrize("call, error, message", [
    (lambda: conv2d(IMAGES[0], KERNELS), ValueError, r"conv2d expects x \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: conv2d(IMAGES, KERNELS[0]), ValueError, r"conv2d expects W \(F, 3, kh, kw\), got \(3, 3, 3\)"),
    (lambda: conv2d(IMAGES[:, :2], KERNELS), ValueError, r"conv2d expects W \(F, 2, kh, kw\), got \(4, 3, 3, 3\)"),
    (lambda: conv2d(IMAGES, KERNELS, np.ones(3)), ValueError, r"conv2d expects b \(4,\), got \(3,\)"),
    (lambda: conv2d(IMAGES, KERNELS, stride=0), ValueError, "expects stride >= 1, got 0"),
    (lambda: conv2d(IMAGES, KERNELS, stride=(1, 2, 3)), ValueError, r"stride as one integer or \(rows, columns\)"),
    (lambda: conv2d(IMAGES, KERNELS, stride=(2,)), ValueError, r"stride as one integer or \(rows, columns\)"),
    (lambda: conv2d(IMAGES, KERNELS, stride=1.5), TypeError, "expects stride as an integer, got 1.5"),
    (lambda: conv2d(IMAGES, KERNELS, padding=-1), ValueError, "expects padding >= 0, got -1"),
    (lambda: conv2d(IMAGES, KERNELS, padding="same"), TypeError, "expects padding as an integer, got 'same'"),
    (lambda: conv2d(IMAGES, KERNELS, dilation=(0, 1)), ValueError, "expects dilation >= 1, got 0"),
    (lambda: conv2d(IMAGES, KERNELS, dilation=3), ValueError, "window of 7 pixels .* does not fit into 5 pixels"),
    (lambda: conv2d(IMAGES * np.nan, KERNELS), ValueError, "conv2d expects x without NaN"),
    (lambda: conv2d(IMAGES.astype(str), KERNELS), TypeError, "conv2d expects x as an array of real numbers"),
    (lambda: conv1d(IMAGES, KERNELS), ValueError, r"conv1d expects x \(N, C, L\), got \(2, 3, 5, 5\)"),
    (lambda: conv1d(IMAGES[0], KERNELS), ValueError, r"conv1d expects W \(F, 5, k\), got \(4, 3, 3, 3\)"),
    (lambda: im2col(IMAGES[0], kernel_size=2), ValueError, r"im2col expects \(N, C, H, W\), got \(3, 5, 5\)"),
    (lambda: im2col(IMAGES, kernel_size=0), ValueError, "im2col expects kernel_size >= 1, got 0"),
    (lambda: Conv2D(3, 4, 3)(IMAGES[:, :2]), ValueError, r"Conv2D expects \(N, 3, H, W\), got \(2, 2, 5, 5\)"),
    (lambda: Conv2D(3, 4, 6)(IMAGES), ValueError, "window of 6 pixels .* does not fit into 5 pixels with padding 0"),
    (lambda: Conv2D(0, 4, 3), ValueError, "Conv2D expects in_channels >= 1, got 0"),
    (lambda: Conv2D(3, 4.0, 3), TypeError, "Conv2D expects out_channels as an integer, got 4.0"),
    (lambda: Conv2D(3, 4, (3, 0)), ValueError, "Conv2D expects kernel_size >= 1, got 0"),
    (lambda: Conv2D(3, 4, 3, stride=0), ValueError, "Conv2D expects stride >= 1, got 0"),
    (lambda: Conv2D(3, 4, 3, padding=-1), ValueError, "Conv2D expects padding >= 0, got -1"),
    (lambda: Conv2D(3, 4, 3, dilation=0), ValueError, "Conv2D expects dilation >= 1, got 0"),
    (lambda: Conv2D(3, 4, 3, rng=0), TypeError, "Conv2D expects rng as numpy.random.default_rng"),
    (lambda: output_size(5, 3, stride=0), ValueError, "output_size expects stride >= 1, got 0"),
    (lambda: output_size(0, 3), ValueError, "output_size expects size >= 1, got 0"),
    (lambda: output_size(5, 3, padding=-1), ValueError, "output_size expects padding >= 0, got -1"),
    (lambda: output_size(5, 0), ValueError, "output_size expects kernel_size >= 1, got 0"),
    (lambda: output_size(5, 3, dilation=0), ValueError, "output_size expects dilation >= 1, got 0"),
    (lambda: output_size(4, 5), ValueError, r"window of 5 pixels \(kernel_size 5, dilation 1\) does not fit into 4 pixels "
                                            "with padding 0"),
    (lambda: receptive_field((3,)), ValueError, r"receptive_field expects \(kernel_size, stride\[, dilation\]\), got \(3,\)"),
    (lambda: receptive_field((3, 1, 1, 1)), ValueError, "receptive_field expects"),
    (lambda: receptive_field((0, 1)), ValueError, "receptive_field expects kernel_size >= 1, got 0"),
    (lambda: receptive_field((1, 0)), ValueError, "receptive_field expects stride >= 1, got 0"),
    (lambda: receptive_field((1, 1, 0)), ValueError, "receptive_field expects dilation >= 1, got 0"),
])
def test_wrong_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
