"""Gated recurrent networks (chapter 12): LSTM and GRU, whose gates decide what is kept, written and shown.

Shapes, states and ``mask`` are as in :mod:`nnlib.recurrent`. The weights of the gates lie side by side in one
matrix: W_xh is (D, gates H), W_hh (H, gates H), b_h (gates H,).
"""

import functools

import numpy as np

from nnlib import checks
from nnlib.init import zeros
from nnlib.layers import Parameter
from nnlib.operation import operation
from nnlib.recurrent import Recurrent, gates_first, gates_last, recurrence


def _lstm_cell(W_hh):
    """The cell for :func:`~nnlib.recurrent.recurrence`."""
    Wh = gates_first(W_hh, 4)
    WhT = _back(Wh)

    def cell(z, state, new):
        h, c = state
        z += h @ Wh
        i, f, o, g = z
        _sigmoid_(z[:3])
        np.tanh(g, out=g)
        new[1] = f * c + i * g
        shown = np.tanh(new[1])
        new[0] = o * shown

        def pullback(dnew, dz):
            dh, dc = dnew
            dc += dh * o * (1 - shown ** 2)
            dz[0], dz[1], dz[2], dz[3] = dc * g, dc * c, dh * shown, dc * i
            dz[:3] *= z[:3] * (1 - z[:3])
            dz[3] *= 1 - g ** 2
            dc *= f
            np.sum(dz @ WhT(), axis=0, out=dh)
            return dnew
        return pullback
    return cell


@operation("(N,T,D),(D,4H),(H,4H),(4H),(2,N,H)")
def lstm(x, W_xh, W_hh, b_h, state=None, *, mask=None):
    """Long short-term memory: :func:`lstm_cell` at every step.

    i, f, o = σ(x_t W_xh + h_(t−1) W_hh + b_h), g = tanh(the same, with weights of its own),
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
    def own(h, z, dz):
        return gates_last(h.T @ dz), gates_last(_total(dz))

    return recurrence("lstm", _lstm_cell(W_hh), own, x, W_xh, W_hh, b_h, state, mask, parts=(2,))


@operation("(N,D),(D,4H),(H,4H),(4H),(2,N,H)")
def lstm_cell(x, W_xh, W_hh, b_h, state):
    """One step of :func:`lstm`: x (N, D) and state = (h, c), (2, N, H) -> the next state, (2, N, H).

    c' = f ∗ c + i ∗ g and h' = o ∗ tanh(c'), with the gates of :func:`lstm_gates`.
    """
    return _one_step(lstm, x, W_xh, W_hh, b_h, state)


def lstm_gates(x, h, W_xh, W_hh, b_h):
    """The gates i, f, o = σ(·) and the candidate g = tanh(·) of an LSTM, each (..., H).

    x is (..., D), h before it (..., H): one step or all steps at once. The dot stands for a quarter each of
    x W_xh + h W_hh + b_h, with the weights of :func:`lstm`. Raises ``ValueError`` if shapes do not match.
    """
    return _gates("lstm_gates", 4, _lstm_cell, x, h, W_xh, W_hh, b_h)


def _gru_cell(W_hh, b_n, reset_after):
    """The cell for :func:`~nnlib.recurrent.recurrence`."""
    Wh = gates_first(W_hh, 3)
    WhT = _back(Wh)

    def cell(gates, h, new):
        r, z, n = gates
        gates[:2] += h @ Wh[:2]
        _sigmoid_(gates[:2])
        past = (h if reset_after else r * h) @ Wh[2] + b_n
        n += r * past if reset_after else past
        np.tanh(n, out=n)
        new[...] = n + z * (h - n)

        def pullback(dnew, dgates):
            dr, dz, dn = dgates
            dn[...] = dnew * (1 - z) * (1 - n ** 2)
            dz[...] = dnew * (h - n) * z * (1 - z)
            dseen = (dn * r if reset_after else dn) @ WhT()[2]
            dr[...] = dn * past if reset_after else dseen * h
            dr *= r * (1 - r)
            return (dseen if reset_after else dseen * r) + dnew * z + dr @ WhT()[0] + dz @ WhT()[1]
        return pullback
    return cell


@operation("(N,T,D),(D,3H),(H,3H),(3H),(H),(N,H)")
def gru(x, W_xh, W_hh, b_h, b_n, state=None, *, reset_after=True, mask=None):
    """Gated recurrent unit: :func:`gru_cell` at every step.

    r, z = σ(x_t W_xh + h_(t−1) W_hh + b_h), n = tanh(x_t W_xn + b_hn + r ∗ (h_(t−1) W_hn + b_n)),
    h_t = (1 − z) ∗ n + z ∗ h_(t−1).

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
        the paper: n = tanh(x_t W_xn + b_hn + (r ∗ h_(t−1)) W_hn + b_n). The two are different functions.
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
    translation", 2014. (In Chung et al., 2014, z and 1 − z have changed places.)
    """
    def own(h, z, dz):
        seen, dpast = (h, dz[2] * z[0]) if reset_after else (z[0] * h, dz[2])
        dWh = np.concatenate([h.T @ dz[:2], (seen.T @ dpast)[None]])
        return gates_last(dWh), gates_last(_total(dz)), _total(dpast)

    return recurrence("gru", _gru_cell(W_hh, b_n, reset_after), own, x, W_xh, W_hh, b_h, state, mask)


@operation("(N,D),(D,3H),(H,3H),(3H),(H),(N,H)")
def gru_cell(x, W_xh, W_hh, b_h, b_n, state, *, reset_after=True):
    """One step of :func:`gru`: x (N, D) and state = h, (N, H) -> the next state, (N, H).

    h' = (1 − z) ∗ n + z ∗ h, with the gates of :func:`gru_gates`.
    """
    return _one_step(gru, x, W_xh, W_hh, b_h, b_n, state, reset_after=reset_after)


def gru_gates(x, h, W_xh, W_hh, b_h, b_n, *, reset_after=True):
    """The gates r, z and the candidate n of a GRU, each (..., H), by the formulas of :func:`gru`.

    x is (..., D), h before it (..., H): one step or all steps at once. Raises ``ValueError`` if shapes do not
    match.
    """
    return _gates("gru_gates", 3, _gru_cell, x, h, W_xh, W_hh, b_h, b_n, reset_after=reset_after)


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
        checks.number("LSTM", forget_bias=forget_bias)
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


def _gates(who, gates, cell_of, x, h, W_xh, W_hh, b_h, *b_n, **options):
    """What a cell makes of its gates, for x (..., D) and h (..., H), one step or all at once: (gates, ..., H)."""
    sizes, width, lead = {}, f"{gates}H", np.shape(x)[:-1]
    expected = dict(x=(..., "D"), h=(*lead, "H"), W_xh=("D", width), W_hh=("H", width), b_h=(width,), b_n=("H",))
    arrays = [checks.no_nan(who, name, checks.shape(who, array, expected[name], name, sizes))
              for name, array in zip(expected, (x, h, W_xh, W_hh, b_h, *b_n))]
    dtype = next((array.dtype for array in arrays if array.dtype.kind == "f"), float)
    x, h, W_xh, W_hh, b_h, *b_n = (np.asarray(array, dtype) for array in arrays)
    z, h = gates_first((x @ W_xh + b_h).reshape(-1, len(b_h)), gates), h.reshape(-1, sizes["H"])
    state = np.array([h, np.zeros_like(h)]) if gates == 4 else h
    cell_of(W_hh, *b_n, **options)(z, state, np.empty(state.shape))
    return tuple(z.reshape(gates, *lead, -1))


def _one_step(op, x, *arrays, **options):
    """A sequence of one step: value and pullback of a cell."""
    states, through_time = op.function(x[:, None], *arrays, **options)

    def pullback(dstate, input_grad=True):
        dx, *gradients = through_time(np.expand_dims(dstate, -2), input_grad)
        return dx[:, 0] if input_grad else None, *gradients

    return states[..., 0, :], pullback


def _sigmoid_(z):
    """Logistic function in place, as ½ + ½ tanh(z / 2): faster than with exp, and never overflows."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def _total(d):
    """The sum over the rows of each matrix, as a product: in a third of the time."""
    return np.ones(d.shape[-2], d.dtype) @ d


def _back(Wh):
    """The transposed weights of each gate, copied when somebody goes backward: contiguous, they are faster."""
    return functools.cache(lambda: np.ascontiguousarray(Wh.swapaxes(1, 2)))
