"""Gated recurrent networks (chapter 12): LSTM and GRU, whose gates decide what is kept, written and shown.

Shapes, states and ``mask`` are as in :mod:`nnlib.recurrent`. The weights of the gates lie side by side in one matrix:
W_xh is (D, gates H), W_hh (H, gates H), b_h (gates H,).
"""

import numpy as np

from nnlib import checks
from nnlib.activations import sigmoid, tanh
from nnlib.operation import operation
from nnlib.recurrent import backpropagate, check_weights, time_first, unroll


def _gates_first(W, gates):
    """(..., gates H) as (gates, ..., H): each gate on its own, contiguous, is what NumPy computes fastest."""
    return np.ascontiguousarray(np.moveaxis(W.reshape(*W.shape[:-1], gates, -1), -2, 0))


def _gates_last(W):
    """The inverse of :func:`_gates_first`."""
    return np.moveaxis(W, 0, -2).reshape(*W.shape[1:-1], -1)


def _sigmoid_(z):
    """Logistic function in place, as ½ + ½ tanh(z / 2): faster than with exp, and never overflows."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def lstm_gates(x, h, W_xh, W_hh, b_h):
    """Input, forget and output gate and candidate, each (..., H): i, f, o = σ(·) and g = tanh(·) of x W_xh + h W_hh + b_h.

    x (..., D) and the state before it, h (..., H); weights as in :func:`lstm`. Raises ``ValueError`` for other shapes.
    """
    H = check_weights("lstm_gates", np.shape(x)[-1], W_xh, W_hh, b_h, gates=4)
    checks.shape("lstm_gates", h, (*np.shape(x)[:-1], H), "h")
    i, f, o, g = np.split(x @ W_xh + h @ W_hh + b_h, 4, axis=-1)
    return *(sigmoid.vjp(gate)[0] for gate in (i, f, o)), np.tanh(g)


@operation
def lstm_cell(x, state, W_xh, W_hh, b_h):
    """One step of :func:`lstm`, as the page writes it: x (N, D), state = (h, c) (2, N, H) -> the next state (2, N, H).

    c' = f ∗ c + i ∗ g,  h' = o ∗ tanh(c'), with the gates of :func:`lstm_gates`.
    """
    checks.shape("lstm_cell", x, ("N", "D"), "x")
    checks.shape("lstm_cell", state, (2, len(x), len(W_hh)), "state")
    h, c = state
    i, f, o, g = lstm_gates(x, h, W_xh, W_hh, b_h)
    new_c = f * c + i * g
    shown = np.tanh(new_c)

    def pullback(dstate):
        dh, dc = dstate
        dc = dc + dh * o * (1 - shown ** 2)
        di, df, do, dg = dc * g, dc * c, dh * shown, dc * i
        dz = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)], axis=1)
        return dz @ W_xh.T, np.stack([dz @ W_hh.T, dc * f]), x.T @ dz, h.T @ dz, dz.sum(axis=0)

    return np.stack([o * shown, new_c]), pullback


@operation
def lstm(x, state, W_xh, W_hh, b_h, *, mask=None):
    """Long short-term memory: :func:`lstm_cell` at every step.

    i, f, o = σ(x_t W_xh + h_(t-1) W_hh + b_h), g = tanh(the same, with weights of its own),
    c_t = f ∗ c_(t-1) + i ∗ g, h_t = o ∗ tanh(c_t).

    Parameters
    ----------
    x : (N, T, D)
    state : (2, N, H)
        h and c before the first step.
    W_xh : (D, 4H)
    W_hh : (H, 4H)
    b_h : (4H,)
        The gates in the order i, f, o, g. (PyTorch has i, f, g, o, matrices (out, in) and two biases, which add.)
    mask : (N, T) of bool, optional
        False for padding.

    Returns
    -------
    (2, N, T, H), the states after every step: ``h, c = lstm(...)``

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, there is no step, or ``mask`` is not boolean.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", 1997; the forget gate: Gers, Schmidhuber and Cummins, "Learning to
    forget: continual prediction with LSTM", 2000.
    """
    X, padded = time_first("lstm", x, mask)
    N, T, D = x.shape
    H = check_weights("lstm", D, W_xh, W_hh, b_h, gates=4)
    checks.shape("lstm", state, (2, N, H), "state")
    Wx, Wh = _gates_first(W_xh, 4), _gates_first(W_hh, 4)
    z = X @ Wx                                  # the inputs' share of all steps at once
    z += _gates_first(b_h, 4)[:, None]
    z = z.reshape(4, T, N, H)
    states = np.empty((2, T + 1, N, H), x.dtype)
    states[:, 0] = state
    shown = np.empty((T, N, H), x.dtype)        # tanh(c_t)

    def step(t, state, new):
        i, f, o, g = gates = z[:, t]
        gates += state[0] @ Wh
        _sigmoid_(gates[:3])
        np.tanh(g, out=g)
        new[1] = f * state[1] + i * g
        np.tanh(new[1], out=shown[t])
        new[0] = o * shown[t]

    unroll(step, states, padded)

    def pullback(dstates, input_grad=True):
        dz = np.empty_like(z)
        WhT = np.ascontiguousarray(Wh.swapaxes(1, 2))

        def step(t, dnew):
            i, f, o, g = gates = z[:, t]
            dh, dc = dnew
            dc += dh * o * (1 - shown[t] ** 2)
            d = dz[:, t]
            d[0], d[1], d[2], d[3] = dc * g, dc * states[1, t], dh * shown[t], dc * i
            d[:3] *= gates[:3] * (1 - gates[:3])
            d[3] *= 1 - g ** 2
            np.sum(d @ WhT, axis=0, out=dh)
            dc *= f
            return dnew

        dstate = backpropagate(step, dstates.swapaxes(1, 2), padded)
        d = dz.reshape(4, T * N, H)             # the weights' share of all steps at once
        dx = (d @ Wx.swapaxes(1, 2)).sum(axis=0).reshape(T, N, D).swapaxes(0, 1) if input_grad else None
        h = states[0, :-1].reshape(T * N, H)
        return dx, dstate, _gates_last(X.T @ d), _gates_last(h.T @ d), _gates_last(np.ones(T * N, x.dtype) @ d)

    return states[:, 1:].swapaxes(1, 2), pullback


def gru_gates(x, h, W_xh, W_hh, b_h, b_n, *, reset_after=True):
    """Reset and update gate and candidate, each (..., H): r, z = σ(·) and n = tanh(·), by the formulas of :func:`gru`.

    x (..., D) and the state before it, h (..., H). Raises ``ValueError`` for other shapes.
    """
    H = check_weights("gru_gates", np.shape(x)[-1], W_xh, W_hh, b_h, gates=3)
    checks.shape("gru_gates", h, (*np.shape(x)[:-1], H), "h")
    checks.shape("gru_gates", b_n, (H,), "b_n")
    xr, xz, xn = np.split(x @ W_xh + b_h, 3, axis=-1)
    Wr, Wz, Wn = np.split(W_hh, 3, axis=-1)
    r, z = sigmoid.vjp(xr + h @ Wr)[0], sigmoid.vjp(xz + h @ Wz)[0]
    past = r * (h @ Wn + b_n) if reset_after else (r * h) @ Wn + b_n
    return r, z, np.tanh(xn + past)


@operation
def gru_cell(x, h, W_xh, W_hh, b_h, b_n, *, reset_after=True):
    """One step of :func:`gru`, as the page writes it: x (N, D), h (N, H) -> the next state (N, H).

    h' = (1 - z) ∗ n + z ∗ h, with the gates of :func:`gru_gates`.
    """
    checks.shape("gru_cell", x, ("N", "D"), "x")
    checks.shape("gru_cell", h, (len(x), len(W_hh)), "h")
    r, z, n = gru_gates(x, h, W_xh, W_hh, b_h, b_n, reset_after=reset_after)
    Wr, Wz, Wn = np.split(W_hh, 3, axis=1)

    def pullback(dnew):
        dn = dnew * (1 - z) * (1 - n ** 2)
        dz = dnew * (h - n) * z * (1 - z)
        if reset_after:
            dr, dpast, seen = dn * (h @ Wn + b_n), dn * r, h
            dh = dpast @ Wn.T
        else:
            dr, dpast, seen = dn @ Wn.T * h, dn, r * h
            dh = dn @ Wn.T * r
        dr = dr * r * (1 - r)
        dgates = np.concatenate([dr, dz, dn], axis=1)
        dW_hh = np.concatenate([h.T @ dr, h.T @ dz, seen.T @ dpast], axis=1)
        return (dgates @ W_xh.T, dh + dnew * z + dr @ Wr.T + dz @ Wz.T,
                x.T @ dgates, dW_hh, dgates.sum(axis=0), dpast.sum(axis=0))

    return (1 - z) * n + z * h, pullback


@operation
def gru(x, h0, W_xh, W_hh, b_h, b_n, *, reset_after=True, mask=None):
    """Gated recurrent unit: :func:`gru_cell` at every step.

    r, z = σ(x_t W_xh + h_(t-1) W_hh + b_h), n = tanh(x_t W_xn + b_hn + r ∗ (h_(t-1) W_hn + b_n)),
    h_t = (1 - z) ∗ n + z ∗ h_(t-1).

    Parameters
    ----------
    x : (N, T, D)
    h0 : (N, H)
        The state before the first step.
    W_xh : (D, 3H)
    W_hh : (H, 3H)
    b_h : (3H,)
        The gates in the order r, z, n, as in PyTorch.
    b_n : (H,)
        The bias of the candidate's second product. (PyTorch's two biases: b_h is their sum for r and z and ``bias_ih`` for
        n, b_n is ``bias_hh`` for n.)
    reset_after : bool
        True: the reset gate acts after the product, as above (PyTorch, cuDNN, Keras). False: before it,
        n = tanh(x_t W_xn + b_hn + (r ∗ h_(t-1)) W_hn + b_n), as in the paper. The two are different functions.
    mask : (N, T) of bool, optional
        False for padding.

    Returns
    -------
    (N, T, H), the states h_1 ... h_T

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, there is no step, or ``mask`` is not boolean.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine translation", 2014. (Chung et
    al., 2014, swap the meanings of z and 1 - z.)
    """
    X, padded = time_first("gru", x, mask)
    N, T, D = x.shape
    H = check_weights("gru", D, W_xh, W_hh, b_h, gates=3)
    checks.shape("gru", b_n, (H,), "b_n")
    checks.shape("gru", h0, (N, H), "h0")
    Wx, Wh = _gates_first(W_xh, 3), _gates_first(W_hh, 3)
    gates = X @ Wx                              # the inputs' share of all steps at once
    gates += _gates_first(b_h, 3)[:, None]
    gates = gates.reshape(3, T, N, H)
    h = np.empty((T + 1, N, H), x.dtype)
    h[0] = h0
    past = np.empty((T, N, H), x.dtype)         # the candidate's second product

    def step(t, h, new):
        r, z, n = gates[:, t]
        gates[:2, t] += h @ Wh[:2]
        _sigmoid_(gates[:2, t])
        past[t] = (h if reset_after else r * h) @ Wh[2] + b_n
        n += r * past[t] if reset_after else past[t]
        np.tanh(n, out=n)
        new[...] = n + z * (h - n)

    unroll(step, h, padded)

    def pullback(dy, input_grad=True):
        d = np.empty_like(gates)
        dpast = np.empty_like(past)
        WhT = np.ascontiguousarray(Wh.swapaxes(1, 2))

        def step(t, dnew):
            r, z, n = gates[:, t]
            dr, dz, dn = d[:, t]
            dn[...] = dnew * (1 - z) * (1 - n ** 2)
            dz[...] = dnew * (h[t] - n) * z * (1 - z)
            if reset_after:
                dpast[t] = dn * r
                dr[...] = dn * past[t]
                dh = dpast[t] @ WhT[2]
            else:
                dpast[t] = dn
                dh = dn @ WhT[2]
                dr[...] = dh * h[t]
                dh *= r
            dr *= r * (1 - r)
            return dh + dnew * z + dr @ WhT[0] + dz @ WhT[1]

        dh0 = backpropagate(step, dy.swapaxes(0, 1), padded)
        flat, last, seen = d.reshape(3, T * N, H), dpast.reshape(T * N, H), h[:-1].reshape(T * N, H)
        dx = (flat @ Wx.swapaxes(1, 2)).sum(axis=0).reshape(T, N, D).swapaxes(0, 1) if input_grad else None
        dWh = np.empty_like(Wh)
        dWh[:2] = seen.T @ flat[:2]
        dWh[2] = (seen if reset_after else gates[0].reshape(T * N, H) * seen).T @ last
        one = np.ones(T * N, x.dtype)
        return dx, dh0, _gates_last(X.T @ flat), _gates_last(dWh), _gates_last(one @ flat), one @ last

    return h[1:].swapaxes(0, 1), pullback
