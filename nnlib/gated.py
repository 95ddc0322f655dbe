"""Gated recurrent networks (chapter 12): LSTM and GRU, whose gates decide what is kept, written and shown.

Shapes, states and ``mask`` are as in :mod:`nnlib.recurrent`. The weights of the gates lie side by side in one
matrix: W_xh is (D, gates H), W_hh (H, gates H), b_h (gates H,).
"""

import numpy as np

from nnlib import checks
from nnlib.activations import sigmoid
from nnlib.init import zeros
from nnlib.layers import Parameter
from nnlib.operation import operation
from nnlib.recurrent import Recurrent, backpropagate, time_first, unroll


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


def _point(who, x, h, W_xh, W_hh, b_h, gates):
    """x (..., D) and h (..., H) as arrays, checked against the weights."""
    x, h, sizes = checks.numeric(who, "x", x), checks.numeric(who, "h", h), {}
    checks.shape(who, x, (..., "D"), "x", sizes)
    checks.shape(who, h, (*x.shape[:-1], "H"), "h", sizes)
    checks.shape(who, W_xh, ("D", f"{gates}H"), "W_xh", sizes)
    checks.shape(who, W_hh, ("H", f"{gates}H"), "W_hh", sizes)
    checks.shape(who, b_h, (f"{gates}H",), "b_h", sizes)
    return x, h


def lstm_gates(x, h, W_xh, W_hh, b_h):
    """The gates i, f, o = σ(·) and the candidate g = tanh(·) of an LSTM, each (..., H).

    x is (..., D), h before it (..., H): one step or all steps at once. The dot stands for a quarter each of
    x W_xh + h W_hh + b_h, with the weights of :func:`lstm`. Raises ``ValueError`` if shapes do not match.
    """
    x, h = _point("lstm_gates", x, h, W_xh, W_hh, b_h, gates=4)
    i, f, o, g = np.split(x @ W_xh + h @ W_hh + b_h, 4, axis=-1)
    return *(sigmoid.vjp(gate)[0] for gate in (i, f, o)), np.tanh(g)


@operation("(N,D),(D,4H),(H,4H),(4H),(2,N,H)")
def lstm_cell(x, W_xh, W_hh, b_h, state):
    """One step of :func:`lstm`: x (N, D) and state = (h, c), (2, N, H) -> the next state, (2, N, H).

    c' = f ∗ c + i ∗ g and h' = o ∗ tanh(c'), with the gates of :func:`lstm_gates`.
    """
    h, c = state
    i, f, o, g = lstm_gates(x, h, W_xh, W_hh, b_h)
    new_c = f * c + i * g
    shown = np.tanh(new_c)

    def pullback(dstate):
        dh, dc = dstate
        dc = dc + dh * o * (1 - shown ** 2)
        di, df, do, dg = dc * g, dc * c, dh * shown, dc * i
        dz = np.concatenate([di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)], axis=1)
        return dz @ W_xh.T, x.T @ dz, h.T @ dz, dz.sum(axis=0), np.stack([dz @ W_hh.T, dc * f])

    return np.stack([o * shown, new_c]), pullback


@operation("(N,T,D),(D,4H),(H,4H),(4H),(2,N,H)")
def lstm(x, W_xh, W_hh, b_h, state=None, *, mask=None):
    """Long short-term memory: :func:`lstm_cell` at every step.

    i, f, o = σ(x_t W_xh + h_(t-1) W_hh + b_h), g = tanh(the same, with weights of its own),
    c_t = f ∗ c_(t-1) + i ∗ g, h_t = o ∗ tanh(c_t).

    Parameters
    ----------
    x : (N, T, D)
    W_xh : (D, 4H)
    W_hh : (H, 4H)
    b_h : (4H,)
        The gates in the order i, f, o, g. (PyTorch has i, f, g, o, and two biases, whose sum this is.)
    state : (2, N, H), optional
        h and c before the first step; zeros unless given.
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
    Hochreiter and Schmidhuber, "Long short-term memory", 1997; with the forget gate of Gers, Schmidhuber and
    Cummins, "Learning to forget: continual prediction with LSTM", 2000.
    """
    X, padded = time_first("lstm", x, mask)
    (N, T, D), H = x.shape, len(W_hh)
    Wx, Wh = _gates_first(W_xh, 4), _gates_first(W_hh, 4)
    z = X @ Wx                                  # the inputs' share of all steps at once
    z += _gates_first(b_h, 4)[:, None]
    z = z.reshape(4, T, N, H)
    states = np.zeros((2, T + 1, N, H), x.dtype)
    if state is not None:
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
        one = np.ones(T * N, x.dtype)           # one @ d is d.sum(axis=1), in a third of the time
        return dx, _gates_last(X.T @ d), _gates_last(h.T @ d), _gates_last(one @ d), dstate

    return states[:, 1:].swapaxes(1, 2), pullback


def gru_gates(x, h, W_xh, W_hh, b_h, b_n, *, reset_after=True):
    """The gates r, z and the candidate n of a GRU, each (..., H), by the formulas of :func:`gru`.

    x is (..., D), h before it (..., H): one step or all steps at once. Raises ``ValueError`` if shapes do not
    match.
    """
    x, h = _point("gru_gates", x, h, W_xh, W_hh, b_h, gates=3)
    checks.shape("gru_gates", b_n, h.shape[-1:], "b_n")
    xr, xz, xn = np.split(x @ W_xh + b_h, 3, axis=-1)
    Wr, Wz, Wn = np.split(W_hh, 3, axis=-1)
    r, z = sigmoid.vjp(xr + h @ Wr)[0], sigmoid.vjp(xz + h @ Wz)[0]
    past = r * (h @ Wn + b_n) if reset_after else (r * h) @ Wn + b_n
    return r, z, np.tanh(xn + past)


@operation("(N,D),(D,3H),(H,3H),(3H),(H),(N,H)")
def gru_cell(x, W_xh, W_hh, b_h, b_n, state, *, reset_after=True):
    """One step of :func:`gru`: x (N, D) and state = h, (N, H) -> the next state, (N, H).

    h' = (1 - z) ∗ n + z ∗ h, with the gates of :func:`gru_gates`.
    """
    h = state
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
        return (dgates @ W_xh.T, x.T @ dgates, dW_hh, dgates.sum(axis=0), dpast.sum(axis=0),
                dh + dnew * z + dr @ Wr.T + dz @ Wz.T)

    return (1 - z) * n + z * h, pullback


@operation("(N,T,D),(D,3H),(H,3H),(3H),(H),(N,H)")
def gru(x, W_xh, W_hh, b_h, b_n, state=None, *, reset_after=True, mask=None):
    """Gated recurrent unit: :func:`gru_cell` at every step.

    r, z = σ(x_t W_xh + h_(t-1) W_hh + b_h), n = tanh(x_t W_xn + b_hn + r ∗ (h_(t-1) W_hn + b_n)),
    h_t = (1 - z) ∗ n + z ∗ h_(t-1).

    Parameters
    ----------
    x : (N, T, D)
    W_xh : (D, 3H)
    W_hh : (H, 3H)
    b_h : (3H,)
        The gates in the order r, z, n, as in PyTorch.
    b_n : (H,)
        The bias of the candidate's second product. (PyTorch's two biases: b_h is their sum for r and z and
        ``bias_ih`` for n, b_n is ``bias_hh`` for n.)
    state : (N, H), optional
        h_0, the state before the first step; zeros unless given.
    reset_after : bool
        True: the reset gate acts after the product, as above (PyTorch, cuDNN, Keras). False: before it, as in
        the paper: n = tanh(x_t W_xn + b_hn + (r ∗ h_(t-1)) W_hn + b_n). The two are different functions.
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
    Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
    translation", 2014. (In Chung et al., 2014, z and 1 - z have changed places.)
    """
    X, padded = time_first("gru", x, mask)
    (N, T, D), H = x.shape, len(W_hh)
    Wx, Wh = _gates_first(W_xh, 3), _gates_first(W_hh, 3)
    gates = X @ Wx                              # the inputs' share of all steps at once
    gates += _gates_first(b_h, 3)[:, None]
    gates = gates.reshape(3, T, N, H)
    h = np.zeros((T + 1, N, H), x.dtype)
    if state is not None:
        h[0] = state
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

        dstate = backpropagate(step, dy.swapaxes(0, 1), padded)
        flat, last, seen = d.reshape(3, T * N, H), dpast.reshape(T * N, H), h[:-1].reshape(T * N, H)
        dx = (flat @ Wx.swapaxes(1, 2)).sum(axis=0).reshape(T, N, D).swapaxes(0, 1) if input_grad else None
        dWh = np.empty_like(Wh)
        dWh[:2] = seen.T @ flat[:2]
        dWh[2] = (seen if reset_after else gates[0].reshape(T * N, H) * seen).T @ last
        one = np.ones(T * N, x.dtype)
        return dx, _gates_last(X.T @ flat), _gates_last(dWh), _gates_last(one @ flat), one @ last, dstate

    return h[1:].swapaxes(0, 1), pullback


class LSTM(Recurrent):
    """LSTM layer, :func:`lstm`: (N, T, input_size) -> (N, T, hidden_size).

    The weights are ``W_xh`` (D, 4H), ``W_hh`` (H, 4H) and ``b_h`` (4H,), their gates in the order i, f, o, g.
    The forget gate's bias starts at ``forget_bias``: with 1, a new cell keeps most of what it holds. States
    are h and c, (2, N, H). Everything else is as in :class:`~nnlib.RNN`.

    References
    ----------
    Jozefowicz, Zaremba and Sutskever, "An empirical exploration of recurrent network architectures", 2015.
    """

    op, gates = lstm, 4

    def __init__(self, input_size, hidden_size, *, forget_bias=1.0, return_sequences=True, rng=None,
                 dtype=np.float64):
        checks.number("LSTM", "forget_bias", forget_bias)
        super().__init__(input_size, hidden_size, return_sequences, rng, dtype)
        self.b_h.value[hidden_size:2 * hidden_size] = forget_bias


class GRU(Recurrent):
    """GRU layer, :func:`gru`: (N, T, input_size) -> (N, T, hidden_size).

    The weights are ``W_xh`` (D, 3H), ``W_hh`` (H, 3H) and ``b_h`` (3H,), with the gates in the order r, z, n,
    and ``b_n`` (H,). ``reset_after`` is as in :func:`gru`, everything else as in :class:`~nnlib.RNN`.
    """

    op, gates = gru, 3

    def __init__(self, input_size, hidden_size, *, reset_after=True, return_sequences=True, rng=None,
                 dtype=np.float64):
        super().__init__(input_size, hidden_size, return_sequences, rng, dtype, reset_after=reset_after)
        self.b_n = Parameter(zeros(hidden_size, dtype=dtype), "b_n")
        self.weights.append(self.b_n)
