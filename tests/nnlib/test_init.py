import math

import numpy as np
import pytest

from nnlib import (
    Conv2D, ConvTranspose2D, Dense, GATConv, GCNConv, he_normal, he_uniform, normal, orthogonal, xavier_normal, xavier_uniform,
    zeros,
)
from nnlib.init import fans

RANDOM = [normal, xavier_uniform, xavier_normal, he_uniform, he_normal, orthogonal]
SHAPES = [(5, 3), (8, 2, 3, 3), (4, 6, 5)]


def same_generators():
    return np.random.default_rng(5), np.random.default_rng(5)


@pytest.mark.parametrize("shape", SHAPES)
def test_fans_are_pytorchs(reference, shape):
    stored = reference("layers")["fans/" + "x".join(map(str, shape))]
    assert tuple(fans(shape)) == tuple(stored)


@pytest.mark.parametrize("shape", [(), (3,), 3])
def test_fans_need_two_axes(shape):
    for init in (fans, xavier_uniform, xavier_normal, he_uniform, he_normal, orthogonal):
        with pytest.raises(ValueError, match=r"fans expects the shape \(in, out\) or \(F, C, K, ...\), got"):
            init(shape)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 3), (3, 1)])
def test_scales_are_the_papers(shape):
    fan_in, fan_out = fans(shape)
    for init, options, std in [
        (normal, {}, 0.01), (normal, {"std": 2.0}, 2.0),
        (xavier_normal, {}, math.sqrt(2 / (fan_in + fan_out))),
        (xavier_normal, {"gain": 3}, 3 * math.sqrt(2 / (fan_in + fan_out))),
        (he_normal, {}, math.sqrt(2 / fan_in)), (he_normal, {"gain": 1}, math.sqrt(1 / fan_in)),
        (he_normal, {"mode": "fan_out"}, math.sqrt(2 / fan_out)),
    ]:
        ours, plain = same_generators()
        np.testing.assert_allclose(init(shape, ours, **options), std * plain.standard_normal(shape), rtol=1e-14)
    for init, options, bound in [
        (xavier_uniform, {}, math.sqrt(6 / (fan_in + fan_out))),
        (xavier_uniform, {"gain": 0.5}, 0.5 * math.sqrt(6 / (fan_in + fan_out))),
        (he_uniform, {}, math.sqrt(6 / fan_in)), (he_uniform, {"mode": "fan_out"}, math.sqrt(6 / fan_out)),
        (he_uniform, {"gain": 1}, math.sqrt(3 / fan_in)),
    ]:
        ours, plain = same_generators()
        np.testing.assert_allclose(init(shape, ours, **options), plain.uniform(-bound, bound, shape), rtol=1e-14)


@pytest.mark.parametrize("init", RANDOM)
def test_generator_and_precision(init):
    ours, same = same_generators()
    x, y = init((6, 4), ours), init((6, 4), same, dtype=np.float32)
    assert x.shape == (6, 4) and x.dtype == np.float64 and y.dtype == np.float32
    np.testing.assert_allclose(x, y, rtol=1e-6)
    assert not np.array_equal(init((6, 4), ours), x)                    # the generator went on
    assert not np.array_equal(init((6, 4)), init((6, 4)))               # without one, different each time
    with pytest.raises(TypeError, match="expects rng as numpy.random.default_rng"):
        init((6, 4), 3)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (8, 2, 3, 3), (2, 3, 3, 3)])
@pytest.mark.parametrize("gain", [1.0, 1.5])
def test_orthogonal(rng, shape, gain):
    W = orthogonal(shape, rng, gain=gain)
    assert W.shape == shape
    flat = W.reshape(shape[0], -1)
    gram = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    np.testing.assert_allclose(gram, gain**2 * np.eye(len(gram)), atol=1e-14)


def test_orthogonal_is_uniform(rng):
    draws = np.array([orthogonal((3, 3), rng) for _ in range(600)])
    assert np.abs(draws.mean(axis=0)).max() < 5 * math.sqrt(1 / 3 / 600)       # QR alone favours one sign


def test_signals_keep_their_size_through_twenty_layers(rng):
    x, y = rng.normal(size=(200, 256)), rng.normal(size=(200, 256))
    for _ in range(20):
        x = np.maximum(x @ he_normal((256, 256), rng), 0)
        y = y @ orthogonal((256, 256), rng)
    assert 0.3 < np.square(x).mean() < 1.7
    assert abs(np.square(y).mean() - 1) < 0.02


def test_zeros():
    assert zeros((2, 3)).tolist() == [[0] * 3] * 2
    assert zeros((2, 3)).dtype == np.float64 and zeros(3, dtype=np.float32).dtype == np.float32
    assert zeros((2,), np.random.default_rng()).shape == (2,)


@pytest.mark.parametrize("make", [lambda init: Dense(2, 3, bias=False, init=init), lambda init: Conv2D(2, 3, 3, init=init),
                                  lambda init: ConvTranspose2D(2, 3, 3, init=init), lambda init: GCNConv(2, 3, init=init),
                                  lambda init: GATConv(2, 3, init=lambda s, *_: np.zeros(s if s[0] == 2 else s[::-1]))])
def test_weights_of_another_shape_are_refused(make):
    with pytest.raises(ValueError, match=r"expects from init \(.*\), got \(.*\)"):
        make(lambda shape, rng, dtype: np.zeros(shape[::-1]))


def test_bad_options():
    for init, option in [(normal, "std"), (xavier_uniform, "gain"), (xavier_normal, "gain"), (he_uniform, "gain"),
                         (he_normal, "gain"), (orthogonal, "gain")]:
        with pytest.raises(ValueError, match=f"{init.__name__} expects 0 <= {option}"):
            init((2, 3), **{option: -0.1})
        with pytest.raises(TypeError, match=f"{init.__name__} expects {option} as a number"):
            init((2, 3), **{option: "1"})
        assert not init((2, 3), **{option: 0}).any()
    for init in (he_uniform, he_normal):
        with pytest.raises(ValueError, match=f"{init.__name__} expects mode as one of 'fan_in', 'fan_out', got 'fan_avg'"):
            init((2, 3), mode="fan_avg")
    for init in (xavier_uniform, xavier_normal, he_uniform, he_normal):
        assert init((0, 0)).shape == (0, 0)
