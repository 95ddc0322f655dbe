import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import nnlib
from nnlib import check_operation, gelu, hard_sigmoid, leaky_relu, log_softmax, prelu, relu, sigmoid, softmax, step, tanh
from nnlib.special import erfc

ELEMENTWISE = ["identity", "step", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "softplus", "swish", "mish",
               "gelu", "hard_sigmoid", "hard_tanh"]
ALONG_AXIS = ["softmax", "log_softmax"]
OPTIONS = [("leaky_relu", {"negative_slope": 0.3}), ("leaky_relu", {"negative_slope": -0.5}), ("elu", {"alpha": 0.4}),
           ("softplus", {"beta": 2.5}), ("swish", {"beta": 1.7}), ("gelu", {"approximate": "tanh"}),
           ("hard_sigmoid", {"slope": 1 / 6}), ("softmax", {"axis": 0}), ("log_softmax", {"axis": 0})]
STORED = [(name, {}) for name in ELEMENTWISE + ALONG_AXIS if name not in ("step", "hard_sigmoid")] + OPTIONS


@pytest.mark.parametrize("name, options", STORED)
def test_value_and_gradient_are_pytorchs(reference, name, options):
    stored = reference("activations")
    key = "/".join([name, *(f"{k}={v}" for k, v in options.items())])
    y, pullback = getattr(nnlib, name).vjp(stored["x"], **options)
    np.testing.assert_allclose(y, stored[f"{key}/y"], rtol=1e-12, atol=1e-12)
    dx, = pullback(stored["dy"])
    np.testing.assert_allclose(dx, stored[f"{key}/dx"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", ["one", "channel", "features"])
def test_prelu_is_pytorchs(reference, case):
    stored = {key: reference("activations")[f"prelu/{case}/{key}"] for key in ("x", "alpha", "dy", "y", "dx", "dalpha")}
    y, pullback = prelu.vjp(stored["x"], stored["alpha"])
    np.testing.assert_allclose(y, stored["y"], rtol=1e-14)
    dx, dalpha = pullback(stored["dy"])
    np.testing.assert_allclose(dx, stored["dx"], rtol=1e-14)
    np.testing.assert_allclose(dalpha, stored["dalpha"], rtol=1e-12)


def test_prelu_takes_alpha_in_several_shapes(rng):
    x = rng.normal(size=(4, 3))
    expected = leaky_relu(x, negative_slope=0.25)
    for alpha in (0.25, [0.25], [0.25] * 3):
        np.testing.assert_array_equal(prelu(x, alpha), expected)
        assert check_operation(prelu, x, np.array(alpha), rng=rng) < 1e-7
    assert prelu(-2.0, 0.25) == -0.5 and prelu([-2.0], 0.25).shape == (1,)
    np.testing.assert_array_equal(prelu.derivative([-1.0, 1.0], alpha=0.25), [0.25, 1])
    for shape in [(2,), (4,), (3, 1), (0,)]:
        with pytest.raises(ValueError, match=r"prelu expects alpha \(3,\), got"):
            prelu(x, np.zeros(shape))
    with pytest.raises(ValueError, match=r"prelu expects alpha \(1,\), got \(3,\)"):
        prelu(np.ones(3), np.zeros(3))


@pytest.mark.parametrize("name, options", [*STORED, ("step", {}), ("hard_sigmoid", {})])
def test_gradient(rng, name, options):
    assert check_operation(getattr(nnlib, name), rng.normal(size=(4, 5), scale=2), rng=rng, **options) < 1e-7


@pytest.mark.parametrize("name", ELEMENTWISE + ALONG_AXIS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_any_input_keeps_shape_and_dtype_and_stays_finite(name, dtype, data):
    op = getattr(nnlib, name)
    shape = data.draw(array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    if data.draw(st.booleans()):
        shape = (0, *shape)
    x = data.draw(arrays(dtype, shape, elements=st.floats(-1e4, 1e4, width=32)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        y, pullback = op.vjp(x)
        dx, = pullback(np.full_like(y, -2))
        again = op(x)
    assert y.shape == dx.shape == shape and y.dtype == dx.dtype == dtype
    assert np.isfinite(y).all() and np.isfinite(dx).all()
    np.testing.assert_array_equal(again, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name, options, slopes", [("softplus", {"beta": 10.0}, [0, 1]), ("swish", {"beta": 10.0}, [0, 1]),
                                                   ("swish", {"beta": -10.0}, [1, 0]), ("gelu", {"approximate": "tanh"}, [0, 1])])
def test_the_largest_numbers_stay_finite(name, options, slopes, dtype):
    op, largest = getattr(nnlib, name), np.finfo(dtype).max
    x = np.array([-largest, largest])
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        y, slope = op(x, **options), op.derivative(x, **options)
    np.testing.assert_array_equal(y, x * slopes)
    np.testing.assert_array_equal(slope, slopes)
    assert y.dtype == slope.dtype == dtype


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numbers_lists_and_integers_are_taken(name):
    op = getattr(nnlib, name)
    ys = op([-2.0, 3.0])
    assert op(3).shape == () and op(3) == ys[1]
    np.testing.assert_array_equal(op(np.array([-2, 3])), ys)
    assert op.derivative(3.0).shape == ()


def test_derivative_at_kinks():
    assert relu.derivative(0.0) == 0
    assert leaky_relu.derivative(0.0, negative_slope=0.2) == 0.2
    assert nnlib.elu.derivative(0.0, alpha=0.5) == 0.5
    assert prelu.derivative(0.0, alpha=0.3) == 0.3
    np.testing.assert_array_equal(nnlib.hard_tanh.derivative([-1.0, -0.999, 0.999, 1.0]), [0, 1, 1, 0])
    np.testing.assert_array_equal(hard_sigmoid.derivative([-1.0, -0.999, 0.999, 1.0]), [0, 0.5, 0.5, 0])


def test_step_fires_at_zero_and_has_no_slope():
    np.testing.assert_array_equal(step([-1.0, -1e-300, 0.0, 2.0]), [0, 0, 1, 1])
    np.testing.assert_array_equal(step.derivative([-1.0, 0.0, 2.0]), [0, 0, 0])


def test_hard_sigmoid_has_several_slopes():
    x = [-10, -1, -0.5, 0, 0.5, 1, 10]
    np.testing.assert_array_equal(hard_sigmoid(x), [0, 0, 0.25, 0.5, 0.75, 1, 1])
    np.testing.assert_allclose(hard_sigmoid(x, slope=0.2), [0, 0.3, 0.4, 0.5, 0.6, 0.7, 1])


def test_tails_keep_their_relative_accuracy():
    np.testing.assert_allclose(sigmoid([-40.0, -700.0]), np.exp([-40.0, -700.0]), rtol=1e-13)
    assert sigmoid(-1000.0) == 0 and sigmoid(1000.0) == 1
    np.testing.assert_allclose(nnlib.softplus([-40.0, 30.0]), [np.exp(-40), 30 + 9.357622968839737e-14], rtol=1e-15)
    np.testing.assert_allclose(gelu(-10.0), -7.619853024160527e-23, rtol=1e-12)     # mpmath, 30 digits
    np.testing.assert_allclose(nnlib.elu(-1e-12), -1e-12, rtol=1e-11)


def test_tanh_is_a_stretched_sigmoid(rng):
    x = rng.normal(size=50)
    np.testing.assert_allclose(tanh(x), 2 * sigmoid(2 * x) - 1, atol=1e-15)


def test_gelu_in_single_precision(reference):
    stored = reference("activations")
    y = gelu(stored["x"].astype(np.float32))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, stored["gelu/y"], rtol=1e-6, atol=1e-6)


def test_selu_keeps_mean_and_variance():
    x = np.linspace(-9, 9, 200_001)
    density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi) * (x[1] - x[0])
    y = nnlib.selu(x)
    assert abs((y * density).sum()) < 1e-6 and abs((y * y * density).sum() - 1) < 1e-6


def test_softmax_is_a_distribution_unmoved_by_shifts(rng):
    x = rng.normal(size=(3, 4, 5))
    for axis in (0, 1, -1):
        p = softmax(x, axis=axis)
        np.testing.assert_allclose(p.sum(axis=axis), 1, rtol=1e-15)
        np.testing.assert_allclose(softmax(x + 1000.0, axis=axis), p, rtol=1e-12)
        np.testing.assert_allclose(np.exp(log_softmax(x, axis=axis)), p, rtol=1e-13)
    np.testing.assert_array_equal(softmax([1e4, -1e4, 1e4]), [0.5, 0, 0.5])
    np.testing.assert_array_equal(log_softmax([1e4, -1e4]), [0, -2e4])


@pytest.mark.parametrize("op", [softmax, log_softmax])
def test_softmax_refuses_an_axis_it_does_not_have(op):
    for x, axis, error, message in [
            (np.ones((2, 3)), 2, ValueError, "axes of -2 to 1, each once, got 2"),
            (np.ones((2, 3)), -3, ValueError, "axes of -2 to 1"),
            (1.0, -1, ValueError, r"one axis with at least one element, got axis -1 of \(\)"),
            (np.ones((2, 3)), (0, 0), ValueError, r"axes of .*, got \(0, 0\)"),
            (np.ones(3), 0.0, TypeError, "an axis as an integer, got 0.0"),
            (np.ones(3), True, TypeError, "an axis as an integer"),
            (np.ones(3), None, TypeError, "an axis as an integer, got None"),
            (np.ones((2, 0)), 1, ValueError, r"one axis with at least one element, got axis 1 of \(2, 0\)"),
            (np.ones((2, 3)), (0, 1), ValueError, r"one axis with at least one element, got axis \(0, 1\)")]:
        with pytest.raises(error, match=f"{op.__name__} expects {message}"):
            op(x, axis=axis)
    for axis in (-2, np.int64(0), (0,)):
        np.testing.assert_array_equal(op(np.eye(2, 3), axis=axis), op(np.eye(2, 3), axis=0))
    assert op(np.ones((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("name, option, bad", [
    ("softplus", "beta", 0), ("softplus", "beta", -1.0), ("hard_sigmoid", "slope", 0), ("gelu", "approximate", "erf"),
    ("elu", "alpha", np.nan), ("leaky_relu", "negative_slope", np.nan), ("swish", "beta", np.nan),
])
def test_options_out_of_range(name, option, bad):
    with pytest.raises(ValueError, match=f"{name} expects .*{option}"):
        getattr(nnlib, name)([1.0], **{option: bad})


@pytest.mark.parametrize("name, option", [("softplus", "beta"), ("hard_sigmoid", "slope"), ("elu", "alpha"),
                                          ("leaky_relu", "negative_slope"), ("swish", "beta")])
def test_options_that_are_no_numbers(name, option):
    for bad in ("1", None, [1.0]):
        with pytest.raises(TypeError, match=f"{name} expects {option} as a number"):
            getattr(nnlib, name)([1.0], **{option: bad})


@pytest.mark.parametrize("name", ELEMENTWISE + ALONG_AXIS)
def test_nan_and_text_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} expects x without NaN, got 1 NaN of 2"):
        getattr(nnlib, name)([1.0, np.nan])
    with pytest.raises(TypeError, match=f"{name} expects x as an array of real numbers"):
        getattr(nnlib, name)(["a"])


def test_erfc(reference):
    x, y = reference("erfc")["x"], reference("erfc")["y"]
    assert np.abs(erfc(x) - y).max() < 1e-15
    assert np.abs(erfc(x) / y - 1)[x < 10].max() < 1e-14
    assert np.abs(erfc(x) / y - 1)[x < 3].max() < 2e-15
    single = erfc(x.astype(np.float32))
    assert single.dtype == np.float32 and np.abs(single - y).max() < 4e-7
    assert erfc(np.array([1e4, -1e4])).tolist() == [0, 2]
