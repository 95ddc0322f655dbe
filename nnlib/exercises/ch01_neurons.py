"""Exercises of chapter 01, Neurons."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="01_neurons",
    title="How far from the line?",
    minutes=10,
    prerequisites=["the decision line", "the length of a vector"],
)
def signed_distance(X, w, b):
    return (X @ w + b) / np.linalg.norm(w)


@signed_distance.inputs
def _(rng):
    yield "a line through the origin", 1, (rng.normal(size=(4, 2)), rng.normal(size=2), 0.0)
    yield "lines that are shifted", 1, (rng.normal(size=(5, 2)), 3 * rng.normal(size=2), 1.0 + float(rng.random()))
    yield "a single point", 1, (rng.normal(size=(1, 2)), rng.normal(size=2), -2.0 - float(rng.random()))


@signed_distance.mistake(
    "This is the sum z, and z grows when all weights are doubled, although the line stays where it is. "
    "What has to be divided out?"
)
def _(X, w, b):
    return X @ w + b


@signed_distance.mistake("The length was divided out twice: |w| squared is w · w.")
def _(X, w, b):
    return (X @ w + b) / (w @ w)


@signed_distance.mistake("The distance has lost its sign: points on the side away from w should get a negative number.")
def _(X, w, b):
    return np.abs(X @ w + b) / np.linalg.norm(w)


@signed_distance.mistake("The bias is in the same units as w · x, so it has to be divided by |w| too.")
def _(X, w, b):
    return X @ w / np.linalg.norm(w) + b


@signed_distance.mistake("This is right only for lines through the origin: the bias shifts the line.")
def _(X, w, b):
    return X @ w / np.linalg.norm(w)


def _triangle(X, W1, b1, threshold):
    hidden = (X @ W1 + b1 > 0).astype(float)
    return (hidden.sum(axis=1) > threshold).astype(float)


_INWARDS = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]), np.array([0.0, 0.0, 1.0])


@exercise(
    chapter="01_neurons",
    title="Inside a triangle",
    minutes=15,
    prerequisites=["threshold units", "AND as a neuron", "the weight vector points to the positive side"],
)
def inside_triangle(X):
    return _triangle(X, *_INWARDS, 2.5)


@inside_triangle.inputs
def _(rng):
    def between(low, high, n):  # points of which x1 + x2 lies between the two
        total, share = rng.uniform(low, high, (n, 1)), rng.uniform(0.1, 0.9, (n, 1))
        return np.hstack([total * share, total * (1 - share)])

    def some(low):  # each set has a few of the other kind, so that no constant is right
        return int(rng.integers(low, low + 5))

    yield "points inside", 1, (rng.permutation(np.vstack([between(0.1, 0.9, some(5)), between(1.1, 2.1, 2)])),)
    yield "points beyond the slanted side", 1, (
        rng.permutation(np.vstack([between(1.1, 2.1, some(4)), between(0.1, 0.9, 2)])),)
    corners = np.array([[-0.5, 0.5], [0.5, -0.5], [-1.0, -1.0]]) * (0.5 + rng.random())
    yield "points left of and below it", 1, (rng.permutation(np.vstack([corners, between(0.1, 0.9, some(1))])),)


@inside_triangle.mistake(
    "A point counts as inside as soon as one half-plane has it: the output unit computes OR. It has to "
    "wait until all three units fire."
)
def _(X):
    return _triangle(X, *_INWARDS, 0.5)


@inside_triangle.mistake(
    "Two of three are enough for your output unit. Where must its threshold lie so that only three will do?"
)
def _(X):
    return _triangle(X, *_INWARDS, 1.5)


@inside_triangle.mistake(
    "The unit for the slanted side looks outwards. Its weight vector must point into the triangle, and the bias "
    "has to be turned with it."
)
def _(X):
    return _triangle(X, np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]]), np.array([0.0, 0.0, -1.0]), 2.5)


@inside_triangle.mistake("The slanted side has no bias: x1 + x2 is compared with 0 where it should be compared with 1.")
def _(X):
    return _triangle(X, _INWARDS[0], np.zeros(3), 2.5)


@inside_triangle.mistake("Your output is turned round: 1 outside and 0 inside.")
def _(X):
    return 1.0 - _triangle(X, *_INWARDS, 2.5)
