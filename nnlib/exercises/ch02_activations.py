"""Exercises of chapter 02, Activations."""

import numpy as np

from nnlib.exercises import exercise


@exercise(chapter="02_activations", title="Softmax without overflow", minutes=10,
          prerequisites=["sums along an axis", "broadcasting"])
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@softmax.inputs
def _(rng):
    yield "ordinary scores", 1, (rng.normal(size=(4, 3)),)
    yield "large scores", 1, (1000 + rng.normal(size=(3, 4)),)
    yield "rows on very different levels", 1, (rng.normal(size=(3, 4)) + [[-900], [0], [900]],)


@softmax.mistake("np.exp(1000) is inf, and inf / inf is nan. Softmax does not change when the same number is taken "
                 "from every score of a row: choose that number so that no exponential can overflow.")
def _(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


@softmax.mistake("One maximum for the whole array is not enough: a row that lies far below it underflows to 0 / 0. "
                 "Each row needs its own maximum.")
def _(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


@softmax.mistake("The columns sum to 1, not the rows. Each row is one sample: which axis runs along a row?")
def _(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@softmax.mistake("All the numbers together sum to 1. Each row is a distribution of its own.")
def _(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum()
