"""Exercises of chapter 11, Recurrent networks."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="11_rnn",
    title="The last real state",
    minutes=20,
    prerequisites=["the recurrent layer", "padding"],
)
def last_real_state(x, lengths, W_xh, W_hh, b_h):
    h = np.zeros((len(x), len(W_hh)))
    for t in range(x.shape[1]):
        new = np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h)
        h = np.where(t < lengths[:, None], new, h)
    return h


@last_real_state.inputs
def _(rng):
    def weights(D, H):
        return rng.normal(size=(D, H)), 0.7 * rng.normal(size=(H, H)), rng.normal(size=H)

    yield "sequences of one length", 1, (rng.normal(size=(3, 4, 2)), np.array([4, 4, 4]), *weights(2, 3))
    x = rng.normal(size=(4, 5, 2))
    lengths = np.array([5, 2, 4, 1])
    x[np.arange(5) >= lengths[:, None]] = 0.0
    yield "padding with zeros", 2, (x, lengths, *weights(2, 3))
    yield "other padding", 1, (rng.normal(size=(3, 4, 3)), np.array([2, 4, 3]), *weights(3, 2))


@last_real_state.mistake(
    "The network has gone on reading after the end. Even an input of zeros changes the state, through the recurrent "
    "weights and the bias."
)
def _(x, lengths, W_xh, W_hh, b_h):
    h = np.zeros((len(x), len(W_hh)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h)
    return h


@last_real_state.mistake(
    "The state is set to zero where a sequence has ended. It should wait there, as it was after the last real step."
)
def _(x, lengths, W_xh, W_hh, b_h):
    h = np.zeros((len(x), len(W_hh)))
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h) * (t < lengths[:, None])
    return h


@last_real_state.mistake("One step too many is read: a sequence of length 1 has its only step at t = 0.")
def _(x, lengths, W_xh, W_hh, b_h):
    h = np.zeros((len(x), len(W_hh)))
    for t in range(x.shape[1]):
        h = np.where(t <= lengths[:, None], np.tanh(x[:, t] @ W_xh + h @ W_hh + b_h), h)
    return h


@last_real_state.mistake("Samples are rows here, so the state stands to the left of its matrix. Yours is transposed.")
def _(x, lengths, W_xh, W_hh, b_h):
    h = np.zeros((len(x), len(W_hh)))
    for t in range(x.shape[1]):
        h = np.where(t < lengths[:, None], np.tanh(x[:, t] @ W_xh + h @ W_hh.T + b_h), h)
    return h


@last_real_state.mistake(
    "Each step starts from a state of zeros: nothing is handed on, and the answer depends on the last input only."
)
def _(x, lengths, W_xh, W_hh, b_h):
    return np.tanh(x[np.arange(len(x)), lengths - 1] @ W_xh + b_h)


@exercise(
    chapter="11_rnn",
    title="A leaky memory",
    minutes=25,
    prerequisites=["backpropagation through time", "the derivative of tanh", "gradients along two paths add"],
)
def leaky_gradient(x, w, u, a):
    h, f = [0.0], []
    for x_t in x:
        f.append(np.tanh(w * h[-1] + u * x_t))
        h.append((1 - a) * h[-1] + a * f[-1])
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * a * (1 - f[t] ** 2)
        dw, du = dw + dz * h[t], du + dz * x[t]
        dh = (1 - a) * dh + w * dz
    return dw, du


@leaky_gradient.inputs
def _(rng):
    yield "two steps", 1, (rng.normal(size=2), 0.5 + rng.random(), 1 + rng.random(), 0.3)
    yield "eight steps", 2, (rng.normal(size=8), -0.5 - rng.random(), 1 + rng.random(), 0.2 + 0.2 * rng.random())
    yield "a = 1", 1, (rng.normal(size=5), 1 + rng.random(), 1 + rng.random(), 1.0)


def _states(x, w, u, a):
    """Forwards, as the solution does: the states and the values of tanh."""
    h, f = [0.0], []
    for x_t in x:
        f.append(np.tanh(w * h[-1] + u * x_t))
        h.append((1 - a) * h[-1] + a * f[-1])
    return h, f


@leaky_gradient.mistake(
    "A state reaches the next one along two paths. The leak, which passes by the activation, is missing."
)
def _(x, w, u, a):
    h, f = _states(x, w, u, a)
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * a * (1 - f[t] ** 2)
        dw, du = dw + dz * h[t], du + dz * x[t]
        dh = w * dz
    return dw, du


@leaky_gradient.mistake("A state reaches the next one along two paths. The one through w and tanh is missing.")
def _(x, w, u, a):
    h, f = _states(x, w, u, a)
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * a * (1 - f[t] ** 2)
        dw, du = dw + dz * h[t], du + dz * x[t]
        dh = (1 - a) * dh
    return dw, du


@leaky_gradient.mistake("At step t, w is multiplied by the state before the step. You used the state after it.")
def _(x, w, u, a):
    h, f = _states(x, w, u, a)
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * a * (1 - f[t] ** 2)
        dw, du = dw + dz * h[t + 1], du + dz * x[t]
        dh = (1 - a) * dh + w * dz
    return dw, du


@leaky_gradient.mistake("The slope of tanh belongs to the value of tanh. The state is a mixture of it and of the past.")
def _(x, w, u, a):
    h, f = _states(x, w, u, a)
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * a * (1 - h[t + 1] ** 2)
        dw, du = dw + dz * h[t], du + dz * x[t]
        dh = (1 - a) * dh + w * dz
    return dw, du


@leaky_gradient.mistake("What is written into the state is only the share a of the activation, and so is its gradient.")
def _(x, w, u, a):
    h, f = _states(x, w, u, a)
    dw = du = 0.0
    dh = 1.0
    for t in reversed(range(len(x))):
        dz = dh * (1 - f[t] ** 2)
        dw, du = dw + dz * h[t], du + dz * x[t]
        dh = (1 - a) * dh + w * dz
    return dw, du


@exercise(
    chapter="11_rnn",
    title="Steps until it is gone",
    minutes=15,
    prerequisites=["spectral radius", "logarithms"],
)
def steps_to_fade(W_hh, share):
    radius = np.abs(np.linalg.eigvals(W_hh)).max()
    return np.ceil(np.log(share) / np.log(radius))


@steps_to_fade.inputs
def _(rng):
    turn = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    values = np.array([0.93, -0.97, 0.4, 0.2]) - 0.01 * rng.random(4)
    yield "a negative eigenvalue", 1, (turn @ np.diag(values) @ turn.T, 0.01)
    angle = 0.5 + 0.5 * rng.random()
    c, s = np.cos(angle), np.sin(angle)
    yield "a shrinking rotation", 1, (0.95 * np.array([[c, -s], [s, c]]), 0.05 + 0.01 * rng.random())
    far = np.triu(3 * rng.random((3, 3)) + 1, 1) + np.diag([0.9, 0.8, 0.7] - 0.02 * rng.random(3))
    yield "large entries", 1, (far, 0.001)


@steps_to_fade.mistake(
    "This is the longest stretch of a single step. After many steps the eigenvalues decide, and those may be much smaller."
)
def _(W_hh, share):
    return np.ceil(np.log(share) / np.log(np.linalg.norm(W_hh, 2)))


@steps_to_fade.mistake("An eigenvalue of -0.9 fades as slowly as one of 0.9. Take sizes before you take the largest.")
def _(W_hh, share):
    return np.ceil(np.log(share) / np.log(np.linalg.eigvals(W_hh).real.max()))


@steps_to_fade.mistake(
    "Complex eigenvalues turn and shrink at once. How fast they shrink is told by their size, not by their real part."
)
def _(W_hh, share):
    return np.ceil(np.log(share) / np.log(np.abs(np.linalg.eigvals(W_hh).real).max()))


@steps_to_fade.mistake("Count whole steps, and the last one must have brought it below: round up, not down.")
def _(W_hh, share):
    return np.floor(np.log(share) / np.log(np.abs(np.linalg.eigvals(W_hh)).max()))


@steps_to_fade.mistake("The smallest eigenvalue fades first. What remains longest belongs to the largest.")
def _(W_hh, share):
    return np.ceil(np.log(share) / np.log(np.abs(np.linalg.eigvals(W_hh)).min()))


@steps_to_fade.mistake("Steps are whole. This is the moment in between at which the share is reached: take the next whole step.")
def _(W_hh, share):
    return np.log(share) / np.log(np.abs(np.linalg.eigvals(W_hh)).max())
