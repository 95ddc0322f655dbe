import copy
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlib
from nnlib import (
    VAE, Activation, Adam, Dense, Flatten, Sequential, check_layer, check_operation, fit, gaussian_kl, predict,
    reparameterize, tanh, vae_loss,
)

STORED = np.load(Path(__file__).parent / "reference" / "autoencoder.npz")
CASES = sorted({key.rsplit("/", 1)[0] for key in STORED})


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_are_pytorchs(case):
    name, _, options = case.partition("/")
    op = getattr(nnlib, name)
    y, pullback = op.vjp(*(STORED[f"{case}/{array}"] for array in op.arrays), **eval(f"dict({options})"))
    np.testing.assert_allclose(y, STORED[f"{case}/y"], rtol=1e-12, atol=1e-12)
    for array, gradient in zip(op.arrays, pullback(STORED[f"{case}/dy"]), strict=True):
        if array == "target":
            assert gradient is None
        else:
            np.testing.assert_allclose(gradient, STORED[f"{case}/d{array}"], rtol=1e-12, atol=1e-12)


def test_by_hand():
    z, pullback = reparameterize.vjp([[1.0, -2.0]], [[0.0, np.log(4)]], [[0.5, -1.0]])
    np.testing.assert_allclose(z, [[1.5, -4.0]])
    np.testing.assert_allclose(pullback([[1.0, 3.0]]), [[[1.0, 3.0]], [[0.25, -3.0]], [[1.0, 6.0]]])
    kl = gaussian_kl([[1.0, 0.0], [0.0, -2.0]], [[0.0, np.log(4)], [0.0, 0.0]], reduction="none")
    np.testing.assert_allclose(kl, [0.5 + 0.5 * (3 - np.log(4)), 2.0])
    output, target = [[1.0, 2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]], [[1.5, 2.0], [0.0, 0.0]]
    normal = 2 * np.log(0.5) + np.log(2 * np.pi)
    each = vae_loss(output, target, sigma=0.5, beta=2, reduction="none")
    np.testing.assert_allclose(each, [0.25 / 0.5 + normal + 2 * 4.5, normal])


def test_the_divergence_counts_once_unless_weighed(rng):
    output, target = rng.normal(size=(4, 7)), rng.normal(size=(4, 3))
    assert vae_loss(output, target) == vae_loss(output, target, sigma=1, beta=1) != vae_loss(output, target, beta=0)
    with pytest.raises(ValueError, match=r"with Z >= 1|\(N, 2 Z\)"):
        VAE(Flatten(), Dense(1, 2))(np.ones((2, 3)))


@pytest.mark.parametrize("op, shapes", [(gaussian_kl, [(4, 2), (4, 2)]), (vae_loss, [(4, 7), (4, 3)])])
def test_reductions_are_of_the_samples_losses(rng, op, shapes):
    arrays = [rng.normal(size=shape) for shape in shapes]
    each = op(*arrays, reduction="none")
    assert each.shape == (4,)
    np.testing.assert_allclose(op(*arrays), each.mean())
    np.testing.assert_allclose(op(*arrays, reduction="sum"), each.sum())
    assert op(*(a[:0] for a in arrays), reduction="sum") == 0
    with pytest.raises(ValueError, match=f"{op.__name__} expects at least one element"):
        op(*(a[:0] for a in arrays))
    with pytest.raises(ValueError, match=f"{op.__name__} expects reduction as one of"):
        op(*arrays, reduction="batchmean")


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 4), st.sampled_from(["mean", "sum", "none"]),
       st.floats(0.1, 5), st.floats(0, 5), st.integers(0, 2**32))
def test_gradients(N, Z, D, reduction, sigma, beta, seed):
    rng = np.random.default_rng(seed)
    mean, log_var, noise = rng.normal(size=(3, N, Z))
    assert check_operation(reparameterize, mean, log_var, noise, rng=rng) < 1e-6
    assert check_operation(gaussian_kl, mean, log_var, rng=rng, reduction=reduction) < 1e-6
    arrays = rng.normal(size=(N, D + 2 * Z)), rng.normal(size=(N, D))
    assert check_operation(vae_loss, *arrays, rng=rng, reduction=reduction, sigma=sigma, beta=beta) < 1e-6


def test_divergence_is_the_mean_of_the_log_ratio_over_draws(rng):
    mean, log_var = np.array([[0.7, -1.2]]), np.array([[-1.0, 0.8]])
    noise = rng.standard_normal((200_000, 2))
    z = reparameterize(*np.broadcast_arrays(mean, noise)[:1], np.broadcast_to(log_var, noise.shape), noise)
    log_ratio = 0.5 * (z ** 2 - noise ** 2 - log_var).sum(axis=1)       # log q(z) - log p(z)
    assert abs(log_ratio.mean() - gaussian_kl(mean, log_var)) < 5 * log_ratio.std() / np.sqrt(len(z))


def test_divergence_is_exact_where_it_is_small_and_finite_where_it_is_large():
    small = np.array([[1e-5]])
    np.testing.assert_allclose(gaussian_kl(0 * small, small), 2.5e-11, rtol=1e-4)
    assert gaussian_kl([[0.0]], [[0.0]]) == 0
    np.testing.assert_allclose(gaussian_kl([[0.0]], [[-2000.0]]), 0.5 * 1999)
    assert gaussian_kl(np.float32([[3]]), np.float32([[1]])).dtype == np.float32


def small_vae(rng, dtype=np.float64, hidden=6):
    new = dict(rng=rng, dtype=dtype)
    encoder = Sequential(Dense(5, hidden, **new), Activation(tanh), Dense(hidden, 4, **new))
    return VAE(encoder, Sequential(Dense(2, hidden, **new), Activation(tanh), Dense(hidden, 5, **new)), rng=rng)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_gradients_of_the_model(rng, mode):
    model = getattr(small_vae(rng), mode)()
    assert check_layer(model, rng.normal(size=(3, 5)), rng=np.random.default_rng(1)) < 1e-7


def test_model_is_its_parts(rng):
    model, x = small_vae(rng), rng.normal(size=(3, 5))
    mean, log_var = model.encode(x)
    assert mean.shape == log_var.shape == (3, 2)
    drawn, noise = copy.deepcopy(model)(x), copy.deepcopy(model.rng).standard_normal((3, 2))
    z = mean + np.exp(log_var / 2) * noise
    np.testing.assert_allclose(drawn, np.concatenate([model.decoder.forward(z), mean, log_var], axis=1))
    assert not np.allclose(model(x)[:, :5], model(x)[:, :5])            # drawn anew
    model.eval()
    np.testing.assert_array_equal(model(x), np.concatenate([model.decoder.forward(mean), mean, log_var], axis=1))
    assert len(model.parameters()) == 8


def test_input_gradient_is_left_out_on_request(rng):
    model, x = small_vae(rng), rng.normal(size=(3, 5))
    output = model(x)
    assert model.backward(np.ones_like(output), input_grad=False) is None
    assert all(np.abs(p.grad).max() > 0 for p in model.parameters())
    output = model(x)
    assert model.backward(np.ones_like(output)).shape == x.shape


def test_fit_lowers_the_bound_and_keeps_float32(rng):
    x = (rng.normal(size=(60, 1)) @ np.ones((1, 5)) + 0.1 * rng.normal(size=(60, 5))).astype(np.float32)
    model = small_vae(np.random.default_rng(0), np.float32)
    before = vae_loss(predict(model, x), x)
    history = fit(model, x, x, loss=vae_loss, optimizer=Adam(model.parameters(), lr=0.01), epochs=60, batch_size=20,
                  rng=np.random.default_rng(0))
    assert history["loss"][-1] < history["loss"][0] and vae_loss(predict(model, x), x) < before - 1
    y = model(x)
    loss, pullback = vae_loss.vjp(y, x, sigma=0.3, beta=2.0)
    dx = model.backward(pullback(1.0)[0])
    assert {a.dtype for a in (y, loss, dx, *(p.grad for p in model.parameters()))} == {np.dtype(np.float32)}


def test_same_seed_same_draws(rng):
    x = rng.normal(size=(3, 5))
    first, second = (small_vae(np.random.default_rng(4))(x) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("message, wrong", [
    (r"vae_loss expects output \(N, 3 \+ 2 Z\) with Z >= 1, got \(2, 3\)", lambda: vae_loss(np.ones((2, 3)), np.ones((2, 3)))),
    (r"vae_loss expects output \(N, 3 \+ 2 Z\) with Z >= 1, got \(2, 1\)", lambda: vae_loss(np.ones((2, 1)), np.ones((2, 3)))),
    (r"vae_loss expects output \(N, 3 \+ 2 Z\) with Z >= 1, got \(2, 6\)", lambda: vae_loss(np.ones((2, 6)), np.ones((2, 3)))),
    (r"vae_loss expects target \(2, D\), got \(3, 3\)", lambda: vae_loss(np.ones((2, 5)), np.ones((3, 3)))),
    (r"vae_loss expects 0 < sigma", lambda: vae_loss(np.ones((2, 5)), np.ones((2, 3)), sigma=0)),
    (r"vae_loss expects 0 <= beta", lambda: vae_loss(np.ones((2, 5)), np.ones((2, 3)), beta=-0.1)),
    (r"gaussian_kl expects log_var \(2, 3\), got \(2, 1\)", lambda: gaussian_kl(np.ones((2, 3)), np.ones((2, 1)))),
    (r"reparameterize expects noise \(2, 3\), got \(3,\)",
     lambda: reparameterize(np.ones((2, 3)), np.ones((2, 3)), np.ones(3))),
    (r"VAE expects mean and log_var, \(N, 2 Z\) with Z >= 1, got \(2, 3\)",
     lambda: VAE(Dense(5, 3), Dense(1, 5))(np.ones((2, 5)))),
    (r"VAE expects mean and log_var, \(N, 2 Z\) with Z >= 1, got \(2, 3\)",
     lambda: VAE(Dense(5, 3), Dense(1, 5)).encode(np.ones((2, 5)))),
    (r"VAE expects mean and log_var, \(N, 2 Z\) with Z >= 1, got \(2, 3, 4\)",
     lambda: VAE(Dense(5, 4), Dense(2, 5))(np.ones((2, 3, 5)))),
    (r"VAE expects mean and log_var, \(N, 2 Z\) with Z >= 1, got \(2, 0\)",
     lambda: VAE(Flatten(), Dense(1, 5))(np.ones((2, 0)))),
])
def test_wrong_shapes_and_options(message, wrong):
    with pytest.raises(ValueError, match=message):
        wrong()


@pytest.mark.parametrize("shape", [(5, 4), (5, 3), (5, 8), (1, 7), ()])
def test_a_gradient_of_another_shape_is_refused(shape):
    model = VAE(Dense(3, 4), Dense(2, 3))
    model(np.ones((5, 3)))
    with pytest.raises(ValueError, match=re.escape(f"VAE.backward expects dy (5, 7), got {shape}")):
        model.backward(np.ones(shape))


def test_wrong_parts():
    with pytest.raises(TypeError, match="VAE expects encoder as a layer, got 3"):
        VAE(3, Dense(2, 5))
    with pytest.raises(TypeError, match="VAE expects decoder as a layer, got <operation tanh>"):
        VAE(Dense(5, 4), tanh)
    with pytest.raises(TypeError, match="VAE expects rng as"):
        VAE(Dense(5, 4), Dense(2, 5), rng=0)
    with pytest.raises(ValueError, match=r"VAE expects the decoder's output as \(2, D\), got \(2, 1, 2\)"):
        class Wrong(nnlib.Layer):
            def vjp(self, x):
                return x[:, None], lambda dy, input_grad=True: dy[:, 0]
        VAE(Dense(5, 4), Wrong())(np.ones((2, 5)))
