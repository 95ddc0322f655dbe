"""Exercises of chapter 12, LSTM and GRU."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="12_lstm_gru",
    title="One step of an LSTM",
    minutes=20,
    prerequisites=["gates", "the cell update", "np.split"],
)
def lstm_step(x, h, c, W_x, W_h, b):
    i, f, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c


def _lstm_case(rng, N, D, H):
    state = rng.normal(size=(2, N, H))
    weights = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)), rng.normal(size=4 * H)
    return rng.normal(size=(N, D)), *state, *weights


@lstm_step.inputs
def _(rng):
    yield "one sample and one unit", 1, _lstm_case(rng, 1, 1, 1)
    yield "a batch", 2, _lstm_case(rng, 5, 3, 4)
    x, h, c, *weights = _lstm_case(rng, 3, 2, 3)
    yield "a full cell", 1, (x, h, 4 + c, *weights)


@lstm_step.mistake(
    "Nothing of the old cell state is left in yours. The cell update has two terms: what is kept, and what is written."
)
def _(x, h, c, W_x, W_h, b):
    i, f, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = i * np.tanh(g)
    return o * np.tanh(c), c


@lstm_step.mistake(
    "The cell state can grow beyond 1. Before it is shown as h it passes through a function that brings it back."
)
def _(x, h, c, W_x, W_h, b):
    i, f, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * c, c


@lstm_step.mistake("c is right, h is not: what is shown at this step is the new cell state, not the one before it.")
def _(x, h, c, W_x, W_h, b):
    i, f, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    return o * np.tanh(c), f * c + i * np.tanh(g)


@lstm_step.mistake(
    "Input and forget gate have changed places. Look up the order in which the weights lie side by side."
)
def _(x, h, c, W_x, W_h, b):
    f, i, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c


@lstm_step.mistake(
    "The candidate is content, not a factor: it must be able to be negative, so it is no sigmoid."
)
def _(x, h, c, W_x, W_h, b):
    i, f, o, g = (1 / (1 + np.exp(-z)) for z in np.split(x @ W_x + h @ W_h + b, 4, axis=1))
    c = f * c + i * g
    return o * np.tanh(c), c


@lstm_step.mistake("The two states are handed back in the other order: first h, which is shown, then c, which is kept.")
def _(x, h, c, W_x, W_h, b):
    i, f, o, g = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return c, o * np.tanh(c)


@lstm_step.mistake("That is PyTorch's order of the gates, with the candidate third. Here the output gate comes third.")
def _(x, h, c, W_x, W_h, b):
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
    c = f * c + i * np.tanh(g)
    return o * np.tanh(c), c


@exercise(
    chapter="12_lstm_gru",
    title="A bias for a half-life",
    minutes=10,
    prerequisites=["the forget gate", "sigmoid and logit"],
)
def forget_bias(steps):
    f = 0.5 ** (1 / steps)
    return np.log(f / (1 - f))


@forget_bias.inputs
def _(rng):
    yield "a few steps", 1, (2 + int(rng.integers(4)),)
    yield "twenty to forty steps", 1, (20 + int(rng.integers(20)),)
    yield "a thousand steps and more", 1, (1000 + int(rng.integers(1000)),)


@forget_bias.mistake(
    "This is the gate's value: right, but not yet its bias. The gate is the sigmoid of the bias; go back through it."
)
def _(steps):
    return 0.5 ** (1 / steps)


@forget_bias.mistake(
    "With this bias the gate loses one part in so many steps. Over that time a share of about 0.37 is left, not half."
)
def _(steps):
    f = np.exp(-1 / steps)
    return np.log(f / (1 - f))


@forget_bias.mistake(
    "The logarithm of the number of steps is the rule of thumb for a long memory. Here the share left must be one half."
)
def _(steps):
    return np.log(steps)


@forget_bias.mistake(
    "The sign is turned: with this bias the gate keeps at each step only the share that it should lose."
)
def _(steps):
    f = 0.5 ** (1 / steps)
    return np.log((1 - f) / f)


@forget_bias.mistake(
    "Content is not lost by equal amounts. Each step multiplies it, so the factor for one step is a root of one half."
)
def _(steps):
    f = 1 - 0.5 / steps
    return np.log(f / (1 - f))


@exercise(
    chapter="12_lstm_gru",
    title="A GRU from another library",
    minutes=15,
    prerequisites=["the update gate's two conventions", "σ(-a) = 1 - σ(a)"],
)
def convert_gru(W_x, W_h, b):
    def convert(W):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([r, -z, n], axis=-1)

    return convert(W_x), convert(W_h), convert(b)


@convert_gru.inputs
def _(rng):
    for label, points, D, H in (("one unit", 1, 1, 1), ("four units", 2, 3, 4), ("more inputs than units", 1, 6, 2)):
        weights = rng.normal(size=(D, 3 * H)), rng.normal(size=(H, 3 * H)), rng.normal(size=3 * H)
        yield label, points, weights


@convert_gru.mistake(
    "The order is right. But their update gate is one minus yours: their 'write' would be taken for 'keep'."
)
def _(W_x, W_h, b):
    def convert(W):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([r, z, n], axis=-1)

    return convert(W_x), convert(W_h), convert(b)


@convert_gru.mistake("The update gate is turned, but the order is still that of the other library.")
def _(W_x, W_h, b):
    def convert(W):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([-z, r, n], axis=-1)

    return convert(W_x), convert(W_h), convert(b)


@convert_gru.mistake(
    "The weights of the update gate are turned, its bias is not. One minus a sigmoid turns everything inside it."
)
def _(W_x, W_h, b):
    def convert(W, sign):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([r, sign * z, n], axis=-1)

    return convert(W_x, -1), convert(W_h, -1), convert(b, 1)


@convert_gru.mistake(
    "The gate is a sigmoid of its weights: taking the weights themselves from one is not taking the gate from one."
)
def _(W_x, W_h, b):
    def convert(W):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([r, 1 - z, n], axis=-1)

    return convert(W_x), convert(W_h), convert(b)


@convert_gru.mistake("Only the update gate differs between the two. Reset gate and candidate keep their sign.")
def _(W_x, W_h, b):
    def convert(W):
        z, r, n = np.split(W, 3, axis=-1)
        return np.concatenate([-r, -z, -n], axis=-1)

    return convert(W_x), convert(W_h), convert(b)
