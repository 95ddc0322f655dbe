"""Recurrent networks (chapter 11): the same weights at every step, and a state that carries on what was seen.

Sequences are (N, T, D): samples, steps, features. Weights are (in, out). An operation returns the state after
every step, so that the last one is ``states[..., -1, :]``.

``mask`` (N, T), True for real steps, is for sequences of different lengths: a padded step leaves the state as
it is. The last state is then that of the last real step, as with PyTorch's packed sequences.
"""

import numpy as np

from nnlib import checks
from nnlib.activations import tanh
from nnlib.init import orthogonal, xavier_uniform, zeros
from nnlib.layers import Layer, Parameter
from nnlib.operation import operation


@operation("(N,T,D),(D,H),(H,H),(H),(N,H)")
def rnn(x, W_xh, W_hh, b_h, state=None, *, activation=tanh, mask=None):
    """Plain recurrent network, h_t = f(x_t W_xh + h_(t−1) W_hh + b_h).

    Parameters
    ----------
    x : (N, T, D)
    W_xh : (D, H)
    W_hh : (H, H)
    b_h : (H,)
    state : (N, H), optional
        h_0, the state before the first step; zeros unless given.
    activation : element-wise operation
        f, such as ``nnlib.tanh``.
    mask : (N, T) of bool, optional
        False for padding.

    Returns
    -------
    (N, T, H), the states h_1 ... h_T

    Raises
    ------
    TypeError, ValueError
        If shapes do not match, there is no step, ``mask`` is not boolean or f is not element-wise.

    References
    ----------
    Elman, "Finding structure in time", 1990.
    """
    _elementwise("rnn", activation)

    def cell(z, h, new):
        new[...], pull = activation.function(z[0] + h @ W_hh)    # what comes in has been checked

        def pullback(dnew, dz):
            dz[0], = pull(dnew)
            return dz[0] @ W_hh.T
        return pullback

    def own(h, z, dz):
        return h.T @ dz[0], dz[0].sum(axis=0)

    return recurrence("rnn", cell, own, x, W_xh, W_hh, b_h, state, mask)


def _elementwise(who, activation):
    if not getattr(activation, "elementwise", False):
        raise TypeError(f"{who} expects activation as an operation such as nnlib.tanh, got {activation!r}")


def recurrence(who, cell, own, x, W_xh, W_hh, b_h, state, mask, parts=()):
    """The same cell at every step, and backpropagation through time: the states ``(*parts, N, T, H)`` and their pullback.

    ``cell(z, state, new)`` writes the state after a step into ``new``, ``(*parts, N, H)`` as the one before. Of its gates z
    (gates, N, H) it gets the inputs' share, x_t W_xh + b_h, and completes them in place. It returns ``pull(dnew, dz)``,
    which writes the gradient of z into dz and returns that of the state before; it may use dnew up. ``own(h, z, dz)``
    gives the gradients of W_hh and all after it, from the state before each step (T N, H), the first of its parts, and from
    all gates and their gradients (gates, T N, H).

    References
    ----------
    Werbos, "Backpropagation through time: what it does and how to do it", 1990.
    """
    (N, T, D), H, gates = x.shape, len(W_hh), len(b_h) // len(W_hh)
    if T == 0:
        raise ValueError(f"{who} expects at least one step, got x {x.shape}")
    if mask is not None:
        mask = checks.shape(who, mask, (N, T), "mask")
        if mask.dtype != bool:
            raise TypeError(f"{who} expects mask as booleans, True for real steps, got {mask.dtype}")
        padded = ~mask.T[:, :, None]
    X, W, b = x.swapaxes(0, 1).reshape(T * N, D), gates_first(W_xh, gates), gates_first(b_h, gates)
    z = X @ W                                   # the inputs' share of all steps at once
    z += b[:, None]
    steps = z.reshape(gates, T, N, H)
    states = np.empty((*parts, T + 1, N, H), x.dtype)
    states[..., 0, :, :] = 0 if state is None else state
    pulls = []
    for t in range(T):
        before, new = states[..., t, :, :], states[..., t + 1, :, :]
        pulls.append(cell(steps[:, t], before, new))
        if mask is not None:
            np.copyto(new, before, where=padded[t])

    def pullback(dstates, input_grad=True):
        dstates, dz, dstate = dstates.swapaxes(-3, -2), np.empty_like(steps), np.zeros_like(states[..., 0, :, :])
        for t in reversed(range(T)):
            dstate = dstate + dstates[..., t, :, :]
            if mask is None:
                dstate = pulls[t](dstate, dz[:, t])
            else:
                passed = dstate * padded[t]
                dstate = pulls[t](dstate - passed, dz[:, t]) + passed
        dz = dz.reshape(z.shape)                # weights are shared, so their gradients sum over the steps
        dx = (dz @ W.swapaxes(1, 2)).sum(axis=0).reshape(T, N, D).swapaxes(0, 1) if input_grad else None
        h = states[(0,) * len(parts)][:-1].reshape(T * N, H)
        return dx, gates_last(X.T @ dz), *own(h, z, dz), dstate

    return states[..., 1:, :, :].swapaxes(-3, -2), pullback


def gates_first(W, gates):
    """(..., gates H) as (gates, ..., H): each gate on its own, contiguous, is what NumPy computes fastest."""
    return np.ascontiguousarray(np.moveaxis(W.reshape(*W.shape[:-1], gates, -1), -2, 0))


def gates_last(W):
    """The inverse of :func:`gates_first`."""
    return np.moveaxis(W, 0, -2).reshape(*W.shape[1:-1], -1)


def rtrl(x, W_xh, W_hh, b_h, dy, state=None, *, activation=tanh):
    """Real-time recurrent learning: the weights' gradients of :func:`rnn`, carried forward in time.

    With v_t = [x_t, h_(t−1), 1] and W = [W_xh; W_hh; b_h], the sensitivities S[k, i, j] = ∂h_k / ∂W[i, j]
    obey S_t[k, i, j] = f'(z_t)[k] (Σ_l W_hh[l, k] S_(t-1)[l, i, j] + v_t[i] [j = k]). They need no memory of
    the past, but a step costs H³ (D + H + 1) products, where backpropagation through time needs
    2 H (D + H + 1).

    Parameters and errors are those of :func:`rnn`, and ``dy`` (N, T, H), the gradient that comes to each h_t.
    Returns (dW_xh, dW_hh, db_h).

    References
    ----------
    Williams and Zipser, "A learning algorithm for continually running fully recurrent neural networks", 1989.
    """
    states = rnn(x, W_xh, W_hh, b_h, state, activation=activation)     # checks all that comes in
    x, dy = np.asarray(x, states.dtype), checks.shape("rtrl", dy, states.shape, "dy").astype(states.dtype)
    (N, T, D), H = x.shape, len(W_hh)
    h = np.zeros((N, H), states.dtype) if state is None else np.asarray(state, states.dtype)
    S = np.zeros((N, H, D + H + 1, H), states.dtype)
    gradient = np.zeros(S.shape[2:], states.dtype)
    k = np.arange(H)
    for t in range(T):
        v = np.concatenate([x[:, t], h, np.ones((N, 1), states.dtype)], axis=1)
        slope = activation.derivative(x[:, t] @ W_xh + h @ W_hh + b_h)
        S = np.einsum("lk,nlij->nkij", W_hh, S)
        S[:, k, :, k] += v                      # what W[:, k] does to unit k, and to no other, at this step
        S *= slope[:, :, None, None]
        gradient += np.einsum("nk,nkij->ij", dy[:, t], S)
        h = states[:, t]
    return gradient[:D], gradient[D:-1], gradient[-1]


class Recurrent(Layer):
    """Base of :class:`RNN`, :class:`~nnlib.LSTM` and :class:`~nnlib.GRU`: x (N, T, input_size).

    The output is h at every step, (N, T, hidden_size); with ``return_sequences=False`` only the last h, (N,
    hidden_size). After the call ``layer.state`` is the state after the last step. ``layer(x, state=state)``
    goes on from there: a long sequence in pieces, with no gradient from one piece to the one before
    (truncated backpropagation through time). ``layer(x, mask=mask)`` passes over padded steps.

    ``backward(dy, dstate=dstate)`` takes in the gradient that comes to ``layer.state``, too. That of the
    first state is left in ``layer.state_grad``.
    """

    op, gates, context = None, 1, ("mask",)

    def __init__(self, input_size, hidden_size, return_sequences, rng, dtype, **options):
        who = type(self).__name__
        checks.count(who, input_size=input_size, hidden_size=hidden_size)
        rng = checks.generator(who, rng)
        self.input_size, self.hidden_size = input_size, hidden_size
        self.return_sequences, self.options = return_sequences, options

        def weights(init, rows):                # for each gate a matrix of its own, side by side
            return np.concatenate([init((rows, hidden_size), rng, dtype) for _ in range(self.gates)], axis=1)

        self.W_xh = Parameter(weights(xavier_uniform, input_size), "W_xh")
        self.W_hh = Parameter(weights(orthogonal, hidden_size), "W_hh")
        self.b_h = Parameter(zeros(self.gates * hidden_size, dtype=dtype), "b_h")
        self.state = self.state_grad = None

    @property
    def weights(self):
        """The parameters, in the order in which the operation takes them."""
        return [getattr(self, name) for name in self.op.arrays[1:-1]]

    def vjp(self, x, state=None, mask=None):
        states, through_time = self.apply(self.op, x, *self.weights, state=state, mask=mask, **self.options)
        self.state = states[..., -1, :].copy()
        who, output = f"{type(self).__name__}.backward", self._output(states)

        def pullback(dy, input_grad=True, dstate=None):
            dstates = np.zeros_like(states)
            self._output(dstates)[...] = checks.shape(who, dy, output.shape, "dy")
            if dstate is not None:
                dstates[..., -1, :] += checks.shape(who, dstate, self.state.shape, "dstate")
            dx, self.state_grad = through_time(dstates, input_grad)
            return dx
        return output, pullback

    def _output(self, states):
        h = states if states.ndim == 3 else states[0]       # an LSTM's states are h and c
        return h if self.return_sequences else h[:, -1]


class RNN(Recurrent):
    """Plain recurrent layer, :func:`rnn`: (N, T, input_size) -> (N, T, hidden_size).

    ``W_xh`` (input_size, hidden_size) starts Xavier-uniform, ``W_hh`` (hidden_size, hidden_size) orthogonal,
    ``b_h`` zero. What ``return_sequences=False``, states and masks do is said at
    :class:`~nnlib.recurrent.Recurrent`.

    Raises ``TypeError`` or ``ValueError`` for sizes that are no integers of at least 1 and x of another
    shape.
    """

    op = rnn

    def __init__(self, input_size, hidden_size, *, activation=tanh, return_sequences=True, rng=None,
                 dtype=np.float64):
        _elementwise("RNN", activation)
        super().__init__(input_size, hidden_size, return_sequences, rng, dtype, activation=activation)
