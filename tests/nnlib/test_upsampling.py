from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    Activation, AvgPool2D, Concatenate, Conv2D, ConvTranspose2D, Dense, Flatten, MaxPool2D, MaxUnpool2D, Sequential,
    Upsample2D, avg_pool2d, check_layer, check_operation, conv2d, conv_transpose2d, max_pool2d, max_unpool2d, upsample2d,
)

STORED = np.load(Path(__file__).parent / "reference" / "upsampling.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED})


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    name, options = case.split("/")
    op = getattr(nnlib, name)
    y, pullback = op.vjp(*(STORED[f"{case}/{array}"] for array in op.arrays),
                         **eval(f"dict({options.removesuffix(',ties')})"))
    np.testing.assert_allclose(y, STORED[f"{case}/y"], rtol=1e-12, atol=1e-12)
    for array, gradient in zip(op.arrays, pullback(STORED[f"{case}/dy"]), strict=True):
        if f"{case}/d{array}" in STORED:
            np.testing.assert_allclose(gradient, STORED[f"{case}/d{array}"], rtol=1e-12, atol=1e-12)
        else:
            assert gradient is None


def test_by_hand():
    x, W = np.array([[[[1., 2., -1.]]]]), np.array([[[[1., 2., 1.]]]])
    assert conv_transpose2d(x, W, stride=2).tolist() == [[[[1., 2., 3., 4., 1., -2., -1.]]]]
    assert conv_transpose2d(x, W, [10.], stride=2, padding=(0, 1)).tolist() == [[[[12., 13., 14., 11., 8.]]]]
    assert upsample2d(x, scale_factor=(2, 3)).tolist() == [[[[1., 1., 1., 2., 2., 2., -1., -1., -1.]] * 2]]
    before = np.array([[[[1., 5., 4., 4.], [2., 3., 4., 0.]]]])
    assert max_unpool2d(np.array([[[[7., 8.]]]]), before, kernel_size=2).tolist() == [[[[0., 7., 8., 0.], [0.] * 4]]]


def transposed_by_loops(x, W, b, stride, padding):
    N, C, H, V = x.shape
    K, kh, kw = W.shape[1:]
    y = np.zeros((N, K, (H - 1) * stride[0] + kh, (V - 1) * stride[1] + kw))
    for n, c, i, j in np.ndindex(x.shape):
        y[n, :, i * stride[0]:i * stride[0] + kh, j * stride[1]:j * stride[1] + kw] += x[n, c, i, j] * W[c]
    inside = slice(padding[0], y.shape[2] - padding[0]), slice(padding[1], y.shape[3] - padding[1])
    return y[..., *inside] + b[:, None, None]


@st.composite
def geometries(draw):
    """size, kernel, stride and padding along two axes, of which something is left."""
    axes = []
    for _ in range(2):
        size, kernel, stride = (draw(st.integers(1, 4)) for _ in range(3))
        axes.append((size, kernel, stride, draw(st.integers(0, ((size - 1) * stride + kernel - 1) // 2))))
    return tuple(zip(*axes))


@settings(deadline=None)
@given(geometries(), st.integers(0, 2**32))
def test_transposed_convolution_is_its_loops_and_the_way_back_of_a_convolution(geometry, seed):
    size, kernel, stride, padding = geometry
    rng = np.random.default_rng(seed)
    x, W, b = rng.normal(size=(2, 3, *size)), rng.normal(size=(3, 2, *kernel)), rng.normal(size=2)
    options = dict(stride=stride, padding=padding)
    y = conv_transpose2d(x, W, b, **options)
    np.testing.assert_allclose(y, transposed_by_loops(x, W, b, stride, padding), rtol=1e-12, atol=1e-12)
    assert check_operation(conv_transpose2d, x, W, b, rng=rng, **options) < 1e-7
    _, back = conv2d.vjp(y, W, **options)       # from K channels to C, with the same W
    np.testing.assert_allclose(back(x)[0], conv_transpose2d(x, W, **options), rtol=1e-12, atol=1e-12)


@settings(deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2**32))
def test_each_way_up_is_the_way_back_of_a_pooling(rows, columns, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, 3, 2, 4))
    before = rng.integers(-2, 3, (2, 3, 2 * rows, 4 * columns)).astype(float)
    kernel = rows, columns
    up, back = upsample2d.vjp(x, scale_factor=kernel)
    assert up.shape == before.shape
    np.testing.assert_allclose(up, avg_pool2d.vjp(before, kernel_size=kernel)[1](x)[0] * rows * columns, rtol=1e-12)
    np.testing.assert_allclose(back(before)[0], avg_pool2d(before, kernel_size=kernel) * rows * columns, atol=1e-12)
    np.testing.assert_array_equal(max_unpool2d(x, before, kernel_size=kernel),
                                  max_pool2d.vjp(before, kernel_size=kernel)[1](x)[0])
    np.testing.assert_allclose(avg_pool2d(up, kernel_size=kernel), x, rtol=1e-12)
    assert check_operation(upsample2d, x, rng=rng, scale_factor=kernel) < 1e-7
    assert check_operation(max_unpool2d, x, before, rng=rng, kernel_size=kernel) < 1e-7


def test_unpooling_leaves_pixels_that_no_window_reached_at_zero(rng):
    before = rng.normal(size=(1, 2, 5, 7))
    x = rng.normal(size=(1, 2, 2, 3))
    y, pullback = max_unpool2d.vjp(x, before, kernel_size=2)
    assert y.shape == before.shape and not y[:, :, 4].any() and not y[..., 6].any()
    np.testing.assert_allclose(max_pool2d(np.where(y, before, -9), kernel_size=2), max_pool2d(before, kernel_size=2))
    np.testing.assert_allclose(pullback(y)[0], x, rtol=1e-12)


def test_layers_are_their_operations(rng):
    x = rng.normal(size=(2, 3, 4, 5))
    layer = ConvTranspose2D(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), rng=rng)
    layer.b.value = rng.normal(size=4)
    np.testing.assert_array_equal(
        layer(x), conv_transpose2d(x, layer.W.value, layer.b.value, stride=(2, 1), padding=(1, 0)))
    assert layer.W.value.shape == (3, 4, 3, 2) and check_layer(layer, x, rng=rng) < 1e-7
    without = ConvTranspose2D(3, 2, 2, bias=False, rng=rng)
    np.testing.assert_array_equal(without(x), conv_transpose2d(x, without.W.value))
    assert without.b is None and len(without.parameters()) == 1 and check_layer(without, x, rng=rng) < 1e-7
    np.testing.assert_array_equal(Upsample2D((1, 2))(x), upsample2d(x, scale_factor=(1, 2)))
    assert check_layer(Upsample2D(3), x, rng=rng) < 1e-7
    assert repr(layer) == ("ConvTranspose2D(in_channels=3, out_channels=4, kernel_size=(3, 2), stride=(2, 1), "
                           "padding=(1, 0), bias=True)")
    assert repr(Upsample2D(2)) == "Upsample2D(scale_factor=(2, 2))"


def test_weights_of_the_layer_start_as_init_says():
    layer = ConvTranspose2D(2, 3, 4, init=nnlib.he_normal, rng=np.random.default_rng(5), dtype=np.float32)
    np.testing.assert_array_equal(layer.W.value, nnlib.he_normal((2, 3, 4, 4), np.random.default_rng(5), np.float32))
    assert layer.W.value.dtype == layer.b.value.dtype == np.float32 and not layer.b.value.any()


def test_unpooling_around_layers(rng):
    x = rng.permutation(np.arange(2 * 3 * 6 * 4) / 10).reshape(2, 3, 6, 4)         # no ties within h
    nothing = MaxUnpool2D(kernel_size=(3, 2))
    y = nothing(x)
    pooled = max_pool2d(x, kernel_size=(3, 2))
    np.testing.assert_array_equal(y, max_unpool2d(pooled, x, kernel_size=(3, 2)))
    np.testing.assert_array_equal(y[y > 0], x[y > 0])
    convolution = Conv2D(3, 3, 1, rng=rng)
    layer = MaxUnpool2D(convolution, kernel_size=(3, 2))
    np.testing.assert_array_equal(layer(x), max_unpool2d(convolution(pooled), x, kernel_size=(3, 2)))
    assert check_layer(layer, x, rng=rng) < 1e-7
    assert check_layer(Sequential(Conv2D(3, 3, 1, rng=rng), MaxUnpool2D(layer, kernel_size=1)), x, rng=rng) < 1e-7


def test_concatenate_stacks_channels(rng):
    x = rng.normal(size=(2, 3, 4, 4))
    first, second = Conv2D(3, 2, 3, padding=1, rng=rng), Conv2D(3, 4, 1, rng=rng)
    same = Activation(nnlib.identity)
    layer = Concatenate(same, first, second)
    y = layer(x)
    assert y.shape == (2, 9, 4, 4)
    for part, want in zip(np.split(y, [3, 5], axis=1), (x, first(x), second(x)), strict=True):
        np.testing.assert_array_equal(part, want)
    assert check_layer(layer, x, rng=rng) < 1e-7
    assert check_layer(Concatenate(first), x, rng=rng) < 1e-7
    dense = Concatenate(Dense(5, 2, rng=rng), Dense(5, 3, rng=rng))
    assert check_layer(dense, rng.normal(size=(4, 5)), rng=rng) < 1e-7
    assert [name for name, _ in layer.children()] == ["branches.0", "branches.1", "branches.2"]


def test_a_layer_may_stand_in_two_branches(rng):
    shared = Conv2D(2, 2, 3, padding=1, rng=rng)
    assert check_layer(Concatenate(shared, Sequential(shared, shared)), rng.normal(size=(2, 2, 4, 4)), rng=rng) < 1e-7


def test_a_u_net_is_a_nest(rng):
    same = Activation(nnlib.identity)
    inner = Concatenate(same, Sequential(MaxPool2D(2), Conv2D(2, 3, 3, padding=1, rng=rng), Upsample2D(2)))
    outer = Concatenate(Activation(nnlib.identity), Sequential(
        AvgPool2D(2), inner, ConvTranspose2D(5, 2, 2, stride=2, rng=rng)))
    network = Sequential(Conv2D(1, 2, 3, padding=1, rng=rng), outer, Conv2D(4, 2, 1, rng=rng))
    x = rng.normal(size=(2, 1, 8, 8))
    assert network(x).shape == (2, 2, 8, 8) and check_layer(network, x, rng=rng) < 1e-7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("op, shapes, options", [
    (conv_transpose2d, [(2, 3, 4, 4), (3, 2, 3, 3), (2,)], dict(stride=2, padding=1)),
    (conv_transpose2d, [(2, 3, 4, 4), (3, 2, 3, 3)], dict()),
    (upsample2d, [(2, 3, 4, 4)], dict(scale_factor=2)), (upsample2d, [(2, 3, 4, 4)], dict(scale_factor=1)),
    (max_unpool2d, [(2, 3, 2, 2), (2, 3, 4, 4)], dict(kernel_size=2)),
])
def test_precision_is_kept_and_nothing_is_touched(rng, keeps_precision, op, shapes, options, dtype):
    arrays = [rng.normal(size=shape) for shape in shapes]
    constant = len(shapes) == 2                 # the bias that is not there; where the maxima were
    keeps_precision(op, arrays, dtype, constant=constant, **options)


@pytest.mark.parametrize("op, shapes, options", [
    (conv_transpose2d, [(0, 3, 4, 4), (3, 2, 3, 3), (2,)], {}), (upsample2d, [(0, 3, 4, 4)], dict(scale_factor=2)),
    (max_unpool2d, [(0, 3, 2, 2), (0, 3, 4, 4)], dict(kernel_size=2)),
])
def test_empty_batch(op, shapes, options):
    arrays = [np.empty(shape) for shape in shapes]
    y, pullback = op.vjp(*arrays, **options)
    assert [g.shape for g in pullback(y) if g is not None] == shapes[:3 if op is conv_transpose2d else 1]


IMAGES = np.ones((2, 3, 4, 4))


@pytest.mark.parametrize("call, error, message", [
    (lambda: conv_transpose2d(IMAGES[0], np.ones((3, 2, 3, 3))), ValueError,
     r"conv_transpose2d expects x \(N, C, H, W\), got \(3, 4, 4\)"),
    (lambda: conv_transpose2d(IMAGES, np.ones((2, 3, 3, 3))), ValueError,
     r"conv_transpose2d expects W \(3, K, kh, kw\), got \(2, 3, 3, 3\)"),
    (lambda: conv_transpose2d(IMAGES, np.ones((3, 2, 3, 3)), np.ones(3)), ValueError,
     r"conv_transpose2d expects \(?b \(2,\), got \(3,\)"),
    (lambda: conv_transpose2d(IMAGES, np.ones((3, 2, 2, 2)), padding=3), ValueError,
     r"conv_transpose2d expects padding that leaves a pixel, got \(3, 3\) for x \(2, 3, 4, 4\)"),
    (lambda: conv_transpose2d(IMAGES, np.ones((3, 2, 2, 3)), padding=(0, 3)), ValueError,      # nothing is left
     r"conv_transpose2d expects padding that leaves a pixel, got \(0, 3\)"),
    (lambda: conv_transpose2d(IMAGES, np.ones((3, 2, 3, 3)), stride=0), ValueError,
     "conv_transpose2d expects stride >= 1, got 0"),
    (lambda: conv_transpose2d(IMAGES, np.ones((3, 2, 3, 3)), padding=-1), ValueError,
     "conv_transpose2d expects padding >= 0, got -1"),
    (lambda: upsample2d(IMAGES, scale_factor=0), ValueError, "upsample2d expects scale_factor >= 1, got 0"),
    (lambda: upsample2d(IMAGES, scale_factor=1.5), TypeError, "upsample2d expects scale_factor as an integer, got 1.5"),
    (lambda: upsample2d(IMAGES[0], scale_factor=2), ValueError, r"upsample2d expects \(N, C, H, W\), got \(3, 4, 4\)"),
    (lambda: max_unpool2d(IMAGES, IMAGES, kernel_size=2), ValueError,
     r"max_unpool2d expects x \(2, 3, 2, 2\), got \(2, 3, 4, 4\)"),
    (lambda: Upsample2D(0), ValueError, "Upsample2D expects scale_factor >= 1, got 0"),
    (lambda: Upsample2D(2)(IMAGES[0]), ValueError, r"Upsample2D expects \(N, C, H, W\), got \(3, 4, 4\)"),
    (lambda: ConvTranspose2D(0, 2, 3), ValueError, "ConvTranspose2D expects in_channels >= 1, got 0"),
    (lambda: ConvTranspose2D(2, 2, 3, padding=-1), ValueError, "ConvTranspose2D expects padding >= 0, got -1"),
    (lambda: ConvTranspose2D(2, 2, 3, stride=0), ValueError, "ConvTranspose2D expects stride >= 1, got 0"),
    (lambda: ConvTranspose2D(2, 2, 3)(IMAGES), ValueError,
     r"ConvTranspose2D expects \(N, 2, H, W\), got \(2, 3, 4, 4\)"),
    (lambda: MaxUnpool2D(kernel_size=0), ValueError, "MaxUnpool2D expects kernel_size >= 1, got 0"),
    (lambda: MaxUnpool2D(kernel_size=2)(IMAGES[0]), ValueError, r"MaxUnpool2D expects \(N, C, H, W\), got \(3, 4, 4\)"),
    (lambda: MaxUnpool2D(MaxPool2D(2), kernel_size=2)(IMAGES), ValueError,
     r"max_unpool2d expects x \(2, 3, 2, 2\), got \(2, 3, 1, 1\)"),
    (lambda: Concatenate(), TypeError, r"Concatenate expects layers, got \(\)"),
    (lambda: Concatenate(Flatten(), nnlib.relu), TypeError, "Concatenate expects layers, got"),
    (lambda: Concatenate(MaxPool2D(2), Activation(nnlib.relu))(IMAGES), ValueError,
     r"Concatenate expects outputs that differ in their channels alone, got \[\(2, 3, 2, 2\), \(2, 3, 4, 4\)\]"),
    (lambda: Concatenate(Activation(nnlib.relu), MaxPool2D(2))(IMAGES), ValueError,
     r"Concatenate expects outputs that differ in their channels alone, got \[\(2, 3, 4, 4\), \(2, 3, 2, 2\)\]"),
    (lambda: Concatenate(Activation(nnlib.relu))(np.ones(3)), ValueError,
     r"Concatenate expects outputs that differ in their channels alone, got \[\(3,\)\]"),
    (lambda: Concatenate(Flatten(), Flatten()).vjp(IMAGES)[1](1.0), ValueError,
     r"Concatenate.backward expects dy \(2, 96\), got \(\)"),
    (lambda: Concatenate(Flatten(), Flatten()).vjp(IMAGES)[1](IMAGES), ValueError,
     r"Concatenate.backward expects dy \(2, 96\), got \(2, 3, 4, 4\)"),
])
def test_wrong_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
