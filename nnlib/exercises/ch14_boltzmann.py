"""Exercises of chapter 14, Boltzmann machines."""

import numpy as np

from nnlib.exercises import exercise


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


@exercise(
    chapter="14_boltzmann",
    title="A machine on paper",
    minutes=10,
    prerequisites=["energy", "partition function"],
    value=True,
)
def paper_boltzmann():
    return np.array([9 / 11, 2 / 3])


@paper_boltzmann.mistake(
    "The states were weighted by exp(E). Low energy means a high probability: mind the minus sign in front of E."
)
def _():
    return np.array([(1 / 2 + 1 / 4) / (1 + 1 / 2 + 3 + 1 / 4), 1 / 3])


@paper_boltzmann.mistake(
    "The first number is the probability that the visible unit alone is on. v = 1 holds in two states: add them."
)
def _():
    return np.array([2 / (22 / 3), 2 / 3])


@paper_boltzmann.mistake(
    "The second number is the probability that both are on. Given v = 1, only the two states with v = 1 are left: "
    "divide by their sum."
)
def _():
    return np.array([9 / 11, 4 / (22 / 3)])


@paper_boltzmann.mistake(
    "In the state with both units on, all three terms of the energy count: both biases and the weight."
)
def _():
    return np.array([(2 + 6) / (1 + 2 + 1 / 3 + 6), 6 / 8])


@exercise(
    chapter="14_boltzmann",
    title="The free energy of a batch",
    minutes=15,
    prerequisites=["the sum over the hidden units as a product", "log(1 + exp(z)) without overflow"],
)
def free_energy(v, W, b, c):
    return -(v @ b) - np.logaddexp(0, v @ W + c).sum(axis=1)


def _machine(rng, N, D, K, scale=1.0):
    v = rng.integers(2, size=(N, D)).astype(float)
    v[0] = 1                                    # some unit is on, so that weights and biases count
    return v, scale * rng.normal(size=(D, K)), rng.normal(size=D), rng.normal(size=K)


@free_energy.inputs
def _(rng):
    yield "one state and one hidden unit", 1, _machine(rng, 1, 2, 1)
    yield "a batch", 2, _machine(rng, 5, 4, 3)
    v, W, b, c = _machine(rng, 4, 3, 3)
    yield "large weights", 1, (v, 1000 * W + 3000, b, c)


@free_energy.mistake(
    "Right for ordinary weights. For large ones exp overflows: take log(1 + exp(z)) in a form that does not."
)
def _(v, W, b, c):
    with np.errstate(over="ignore"):
        return -(v @ b) - np.log(1 + np.exp(v @ W + c)).sum(axis=1)


@free_energy.mistake("The sign is turned: this is the logarithm of the sum. The free energy is minus that logarithm.")
def _(v, W, b, c):
    return v @ b + np.logaddexp(0, v @ W + c).sum(axis=1)


@free_energy.mistake("The visible biases are missing. They stand in the energy of every state of the hidden units.")
def _(v, W, b, c):
    return -np.logaddexp(0, v @ W + c).sum(axis=1)


@free_energy.mistake("The hidden biases are missing: each hidden unit's z is its bias plus what comes from v.")
def _(v, W, b, c):
    return -(v @ b) - np.logaddexp(0, v @ W).sum(axis=1)


@free_energy.mistake(
    "This is the mean energy with hidden units at their probabilities. The logarithm of a sum is not a mean of "
    "logarithms: their randomness counts too."
)
def _(v, W, b, c):
    z = v @ W + c
    return -(v @ b) - (z * 0.5 * (np.tanh(z / 2) + 1)).sum(axis=1)


@free_energy.mistake(
    "This is the lowest energy that the hidden units can reach, a limit of the free energy. The other states count too."
)
def _(v, W, b, c):
    return -(v @ b) - np.maximum(0, v @ W + c).sum(axis=1)


@exercise(
    chapter="14_boltzmann",
    title="One step of CD-1",
    minutes=20,
    prerequisites=["the two expectations", "Gibbs sampling"],
)
def cd1_gradient(v, W, b, c, u_h, u_v):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    p = sigmoid(v @ W + c)
    h = (u_h < p).astype(float)
    v1 = (u_v < sigmoid(h @ W.T + b)).astype(float)
    p1 = sigmoid(v1 @ W + c)
    return (v.T @ p - v1.T @ p1) / len(v), (v - v1).mean(axis=0), (p - p1).mean(axis=0)


@cd1_gradient.inputs
def _(rng):
    for label, points, N, D, K in (("one sample", 1, 1, 6, 5), ("a batch", 2, 8, 5, 4), ("more hidden units", 1, 6, 4, 7)):
        yield label, points, (*_machine(rng, N, D, K), rng.random((N, K)), rng.random((N, D)))


@cd1_gradient.mistake(
    "The sign is turned: this lowers the probability of the data. The data come with plus, the machine's own with minus."
)
def _(v, W, b, c, u_h, u_v):
    return tuple(-d for d in cd1_gradient.reference(v, W, b, c, u_h, u_v))


@cd1_gradient.mistake("These are sums over the batch. Divide by the number of samples.")
def _(v, W, b, c, u_h, u_v):
    return tuple(len(v) * d for d in cd1_gradient.reference(v, W, b, c, u_h, u_v)) if len(v) > 1 else 0.0


@cd1_gradient.mistake(
    "The visible units were computed from probabilities of the hidden ones. In the chain hidden units are drawn, 0 or 1."
)
def _(v, W, b, c, u_h, u_v):
    p = _sigmoid(v @ W + c)
    v1 = (u_v < _sigmoid(p @ W.T + b)).astype(float)
    p1 = _sigmoid(v1 @ W + c)
    return (v.T @ p - v1.T @ p1) / len(v), (v - v1).mean(axis=0), (p - p1).mean(axis=0)


@cd1_gradient.mistake("The visible units were left as probabilities. Here they are to be drawn too, with u_v.")
def _(v, W, b, c, u_h, u_v):
    p = _sigmoid(v @ W + c)
    v1 = _sigmoid((u_h < p) @ W.T + b)
    p1 = _sigmoid(v1 @ W + c)
    return (v.T @ p - v1.T @ p1) / len(v), (v - v1).mean(axis=0), (p - p1).mean(axis=0)


@cd1_gradient.mistake(
    "The samples of the hidden units went into the average over the data. Their probabilities have the same mean and "
    "less noise."
)
def _(v, W, b, c, u_h, u_v):
    h = (u_h < _sigmoid(v @ W + c)).astype(float)
    v1 = (u_v < _sigmoid(h @ W.T + b)).astype(float)
    p1 = _sigmoid(v1 @ W + c)
    return (v.T @ h - v1.T @ p1) / len(v), (v - v1).mean(axis=0), (h - p1).mean(axis=0)


@cd1_gradient.mistake(
    "The new visible units were paired with the old hidden ones. Go up once more: their own probabilities, given v1."
)
def _(v, W, b, c, u_h, u_v):
    p = _sigmoid(v @ W + c)
    v1 = (u_v < _sigmoid((u_h < p) @ W.T + b)).astype(float)
    return (v.T @ p - v1.T @ p) / len(v), (v - v1).mean(axis=0), (p - p).mean(axis=0)


@exercise(
    chapter="14_boltzmann",
    title="What a flip costs",
    minutes=10,
    prerequisites=["the energy of a Hopfield network"],
)
def flip_energy(x, W):
    return 2 * x * (W @ x)


@flip_energy.inputs
def _(rng):
    for label, points, D, M in (("three units", 1, 3, 1), ("eight units, two patterns", 1, 8, 2), ("random weights", 1, 6, 0)):
        x = rng.choice([-1.0, 1.0], size=(M, D))
        W = x.T @ x if M else rng.normal(size=(D, D))
        W = W + W.T
        np.fill_diagonal(W, 0)
        yield label, points, (rng.choice([-1.0, 1.0], size=D), W)


@flip_energy.mistake(
    "Half of the change: a flip does not take the unit's share away, it turns the share's sign."
)
def _(x, W):
    return x * (W @ x)


@flip_energy.mistake("The sign is turned. A unit that agrees with its input sits in a valley: its flip costs energy.")
def _(x, W):
    return -2 * x * (W @ x)


@flip_energy.mistake(
    "This is twice the input of each unit. Whether it raises or lowers the energy depends on the unit's own sign."
)
def _(x, W):
    return 2 * (W @ x)


@flip_energy.mistake("These are the energies after each flip. Asked is by how much they differ from the energy before.")
def _(x, W):
    return -0.5 * x @ W @ x + 2 * x * (W @ x)
