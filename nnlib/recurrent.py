"""Recurrent networks (chapter 11): one step with the same weights at every time, the state carrying what was seen.

Sequences are (N, T, D): samples, steps, features. Weights are (in, out). An operation returns the states after every
step; the state after the last one is ``states[..., -1, :]``, and may be the first state of the next piece.

``mask`` (N, T), boolean, is for sequences of different lengths: where it is False, the step is padding and the
state passes through unchanged, so that the last state is that of the last real step (as PyTorch's packed sequences).
"""

import numpy as np

from nnlib import checks
from nnlib.activations import tanh
from nnlib.operation import Operation, operation


def unroll(step, states, padded):
    """Run ``step(t, state, new)`` for every t; it writes the state after step t into ``new``. ``states`` is
    (..., T + 1, N, H) and starts with the first state, ``padded`` is (T, N, 1) or None."""
    for t in range(states.shape[-3] - 1):
        state, new = states[..., t, :, :], states[..., t + 1, :, :]
        step(t, state, new)
        if padded is not None:
            np.copyto(new, state, where=padded[t])


def backpropagate(step, dstates, padded):
    """Backpropagation through time: ``step(t, dnew)`` turns the gradient of the state after step t into that of the
    state before it. ``dstates`` (..., T, N, H) is what the loss sends to each state. Returns the first state's gradient.

    References
    ----------
    Werbos, "Backpropagation through time: what it does and how to do it", 1990.
    """
    dstate = np.zeros_like(dstates[..., 0, :, :])
    for t in reversed(range(dstates.shape[-3])):
        dstate = dstate + dstates[..., t, :, :]
        if padded is None:
            dstate = step(t, dstate)
        else:
            passed = dstate * padded[t]
            dstate = step(t, dstate - passed) + passed
    return dstate


def check_weights(who, features, W_xh, W_hh, b_h, gates=1):
    """Refuse weights whose shapes do not fit ``features`` inputs and each other; returns the number of units."""
    H = len(W_hh)
    checks.shape(who, W_xh, (features, gates * H), "W_xh")
    checks.shape(who, W_hh, (H, gates * H), "W_hh")
    checks.shape(who, b_h, (gates * H,), "b_h")
    return H


def time_first(who, x, mask):
    """x (N, T, D) as (T N, D), and where it is padded, (T, N, 1) or None."""
    checks.shape(who, x, ("N", "T", "D"), "x")
    N, T, D = x.shape
    if T == 0:
        raise ValueError(f"{who} expects at least one step, got x {x.shape}")
    if mask is not None:
        mask = np.asarray(mask)
        checks.shape(who, mask, (N, T), "mask")
        if mask.dtype != bool:
            raise TypeError(f"{who} expects mask as booleans, True for real steps, got {mask.dtype}")
        mask = ~mask.T[:, :, None]
    return x.swapaxes(0, 1).reshape(T * N, D), mask


@operation
def rnn(x, h0, W_xh, W_hh, b_h, *, activation=tanh, mask=None):
    """Plain recurrent network, h_t = f(x_t W_xh + h_(t-1) W_hh + b_h).

    Parameters
    ----------
    x : (N, T, D)
    h0 : (N, H), the state before the first step
    W_xh : (D, H)
    W_hh : (H, H)
    b_h : (H,)
    activation : element-wise operation f
    mask : (N, T) of bool, False for padding

    Returns
    -------
    (N, T, H), the states h_1 ... h_T

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, there is no step, ``mask`` is not boolean, or ``activation`` is not element-wise.

    References
    ----------
    Elman, "Finding structure in time", 1990.
    """
    X, padded = time_first("rnn", x, mask)
    N, T, D = x.shape
    H = check_weights("rnn", D, W_xh, W_hh, b_h)
    checks.shape("rnn", h0, (N, H), "h0")
    if not (isinstance(activation, Operation) and activation.elementwise):
        raise TypeError(f"rnn expects activation as an element-wise operation such as nnlib.tanh, got {activation!r}")
    z = (X @ W_xh + b_h).reshape(T, N, H)       # the inputs' share of all steps, in one product
    h = np.empty((T + 1, N, H), x.dtype)
    h[0] = h0
    slopes = [None] * T

    def step(t, h, new):
        new[...], slopes[t] = activation.vjp(z[t] + h @ W_hh)

    unroll(step, h, padded)

    def pullback(dy, input_grad=True):
        dz = np.empty((T, N, H), x.dtype)

        def step(t, dnew):
            dz[t], = slopes[t](dnew)
            return dz[t] @ W_hh.T

        dh0 = backpropagate(step, dy.swapaxes(0, 1), padded)
        flat = dz.reshape(T * N, H)             # the same weights at every step: their gradients sum over the steps
        dx = (flat @ W_xh.T).reshape(T, N, D).swapaxes(0, 1) if input_grad else None
        return dx, dh0, X.T @ flat, h[:-1].reshape(T * N, H).T @ flat, flat.sum(axis=0)

    return h[1:].swapaxes(0, 1), pullback


def rtrl(x, h0, W_xh, W_hh, b_h, dy, *, activation=tanh):
    """Real-time recurrent learning: the weight gradients of :func:`rnn`, carried forward in time instead of backward.

    The sensitivities S[k, i, j] = ∂h_k / ∂W[i, j], for W = [W_xh; W_hh; b_h], obey S_t = f'(z_t) (W_hhᵀ S_(t-1) + v_t δ)
    with v_t = [x_t, h_(t-1), 1]. They need no memory of the past, but each step costs N H³ (D + H + 1) products, where
    backpropagation through time needs N H (D + H + 1).

    Parameters: as :func:`rnn`, and ``dy`` (N, T, H), the gradient of the loss with respect to each state.
    Returns (dW_xh, dW_hh, db_h), equal to those of the pullback of :func:`rnn`. Errors as :func:`rnn`.

    References
    ----------
    Williams and Zipser, "A learning algorithm for continually running fully recurrent neural networks", 1989.
    """
    states = rnn(x, h0, W_xh, W_hh, b_h, activation=activation)     # checks all that comes in
    x, h, dy = np.asarray(x), np.asarray(h0), np.asarray(dy)
    checks.shape("rtrl", dy, states.shape, "dy")
    (N, T, D), H = x.shape, len(W_hh)
    S = np.zeros((N, H, D + H + 1, H), states.dtype)
    gradient = np.zeros(S.shape[2:], states.dtype)
    k = np.arange(H)
    for t in range(T):
        v = np.concatenate([x[:, t], h, np.ones((N, 1))], axis=1)
        slope = activation.derivative(x[:, t] @ W_xh + h @ W_hh + b_h)
        S = np.einsum("lk,nlij->nkij", W_hh, S)
        S[:, k, :, k] += v                      # the direct influence: weight (i, k) meets unit k alone
        S *= slope[:, :, None, None]
        gradient += np.einsum("nk,nkij->ij", dy[:, t], S)
        h = states[:, t]
    return gradient[:D], gradient[D:-1], gradient[-1]
