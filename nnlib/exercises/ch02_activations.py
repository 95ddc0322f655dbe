"""Exercises of chapter 02, Activations."""

import numpy as np

from nnlib.exercises import exercise


@exercise(chapter="02_activations", title="Collapse the stack", minutes=10,
          prerequisites=["matrix product", "a layer as x W + b"])
def collapse(layers):
    W, b = layers[0]
    for next_W, next_b in layers[1:]:
        W, b = W @ next_W, b @ next_W + next_b
    return W, b


@collapse.inputs
def _(rng):
    def layer(m, n):
        return rng.normal(size=(m, n)), rng.normal(size=n)

    yield "two square layers", 1, ([layer(3, 3), layer(3, 3)],)
    yield "layers of different width", 1, ([layer(2, 5), layer(5, 4), layer(4, 1)],)
    yield "a single layer", 1, ([layer(3, 2)],)


@collapse.mistake("The matrices are multiplied in the wrong order. A sample is a row and meets the first "
                  "W first: x W1 W2.")
def _(layers):
    W, b = layers[0]
    for next_W, next_b in layers[1:]:
        W, b = next_W @ W, b @ next_W + next_b
    return W, b


@collapse.mistake("The bias of an earlier layer does not reach the output as it is: it goes through every "
                  "later W.")
def _(layers):
    W, b = layers[0]
    for next_W, next_b in layers[1:]:
        W, b = W @ next_W, b + next_b
    return W, b


@collapse.mistake("Only the last bias is left. The earlier ones arrive as well, multiplied by the "
                  "matrices after them.")
def _(layers):
    W, b = layers[0]
    for next_W, next_b in layers[1:]:
        W, b = W @ next_W, next_b
    return W, b


@collapse.mistake("The biases of the later layers are missing: each layer adds its own after the product.")
def _(layers):
    W, b = layers[0]
    for next_W, _ in layers[1:]:
        W, b = W @ next_W, b @ next_W
    return W, b


@collapse.mistake("The first two layers are collapsed and the rest forgotten. A list has any number of "
                  "layers, one of them or ten.")
def _(layers):
    (W1, b1), (W2, b2) = layers[:2]
    return W1 @ W2, b1 @ W2 + b2


@exercise(chapter="02_activations", title="Softmax without overflow", minutes=10,
          prerequisites=["sums along an axis", "broadcasting"])
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@softmax.inputs
def _(rng):
    yield "ordinary scores", 1, (rng.normal(size=(4, 3)),)
    yield "large scores", 1, (rng.normal(size=(3, 4)) + [1000, 1000, 1000, -1000],)
    yield "rows on very different levels", 1, (rng.normal(size=(3, 4)) + [[-900], [0], [900]],)


@softmax.mistake("np.exp(1000) is inf, and inf / inf is nan. Softmax does not change when the same number "
                 "is taken from every score of a row: choose that number so that no exponential can "
                 "overflow.")
def _(z):
    e = np.exp(z)
    return e / e.sum(axis=1, keepdims=True)


@softmax.mistake("One maximum for the whole array is not enough: a row that lies far below it underflows "
                 "to 0 / 0. Each row needs its own maximum.")
def _(z):
    e = np.exp(z - z.max())
    return e / e.sum(axis=1, keepdims=True)


@softmax.mistake("The columns sum to 1, not the rows. Each row is one sample: which axis runs along a "
                 "row?")
def _(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


@softmax.mistake("All the numbers together sum to 1. Each row is a distribution of its own.")
def _(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum()


@exercise(chapter="02_activations", title="Through the softmax without its Jacobian", minutes=15,
          prerequisites=["the Jacobian of softmax", "sums along an axis"])
def softmax_gradient(p, v):
    return p * (v - (p * v).sum(axis=1, keepdims=True))


@softmax_gradient.inputs
def _(rng):
    def distributions(*shape):
        e = np.exp(rng.normal(size=shape))
        return e / e.sum(axis=1, keepdims=True)

    yield "a single row", 1, (distributions(1, 3), rng.normal(size=(1, 3)))
    yield "several rows", 1, (distributions(4, 3), rng.normal(size=(4, 3)))
    yield "two classes", 1, (distributions(3, 2), 10 * rng.normal(size=(3, 2)))


@softmax_gradient.mistake("p (1 - p) is only the diagonal of the Jacobian, as if each probability "
                          "depended on its own score alone. Raising one score also lowers all the other "
                          "probabilities.")
def _(p, v):
    return v * p * (1 - p)


@softmax_gradient.mistake("The gradient must sum to zero in each row, because a common shift of the "
                          "scores changes nothing. The part - p pᵀ of the Jacobian is missing.")
def _(p, v):
    return p * v


@softmax_gradient.mistake("The sum runs over all rows at once. Each row has an expected gain of its own.")
def _(p, v):
    return p * (v - (p * v).sum())


@softmax_gradient.mistake("The sum of the gains is not their average: each v counts with its probability.")
def _(p, v):
    return p * (v - v.sum(axis=1, keepdims=True))


@softmax_gradient.mistake("The sign is turned: if a class pays more than the average, raising its score "
                          "raises g.")
def _(p, v):
    return p * ((p * v).sum(axis=1, keepdims=True) - v)
