"""Exercises of chapter 04, Backpropagation."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="04_backpropagation",
    title="On paper",
    minutes=15,
    value=True,
    prerequisites=["the worked network", "the derivative of ReLU"],
)
def paper_gradient():
    return np.array([[-0.0184, -0.02208], [0.0, 0.0]])


@paper_gradient.inputs
def _(rng):
    yield "the answer", 3, ()


@paper_gradient.mistake(
    "Unit 2 has the sum -0.01: ReLU is off, its slope is 0, and nothing passes through to the weights below."
)
def _():
    return np.array([[-0.0184, -0.02208], [-0.0276, -0.03312]])


@paper_gradient.mistake(
    "Row i holds the weights of hidden unit i, and column j those that come from input j. Yours is transposed."
)
def _():
    return np.array([[-0.0184, 0.0], [-0.02208, 0.0]])


@paper_gradient.mistake(
    "All signs are turned: the derivative of ½(y - t)² with respect to y is y - t, and y is smaller than t."
)
def _():
    return np.array([[0.0184, 0.02208], [0.0, 0.0]])


@paper_gradient.mistake("Twice too large: the ½ in the loss cancels the 2 of the square.")
def _():
    return np.array([[-0.0368, -0.04416], [0.0, 0.0]])


@paper_gradient.mistake(
    "This is δ times the inputs. On its way from the output to unit 1 the gradient is multiplied by v₁."
)
def _():
    return np.array([[-0.046, -0.0552], [0.0, 0.0]])


@exercise(
    chapter="04_backpropagation",
    title="Two paths",
    minutes=15,
    prerequisites=["backpropagation through a layer", "a value used twice"],
)
def shortcut_gradient(x, W, dy):
    return dy + dy * (x @ W > 0) @ W.T


@shortcut_gradient.inputs
def _(rng):
    yield "one sample", 1, (rng.normal(size=(1, 3)), rng.normal(size=(3, 3)), rng.normal(size=(1, 3)))
    yield "a batch", 1, (rng.normal(size=(6, 4)), rng.normal(size=(4, 4)), rng.normal(size=(6, 4)))
    yield (
        "units that are all switched off",
        1,
        (1 + rng.random((2, 3)), -1 - rng.random((3, 3)), rng.normal(size=(2, 3))),
    )


@shortcut_gradient.mistake("x reaches y along two paths. Yours goes through the layer; the shortcut is missing.")
def _(x, W, dy):
    return dy * (x @ W > 0) @ W.T


@shortcut_gradient.mistake("ReLU's slope is missing: where the sum xW is negative, the layer's path passes nothing.")
def _(x, W, dy):
    return dy + dy @ W.T


@shortcut_gradient.mistake(
    "W leads from inputs to units, so on the way back it has to be transposed. With a square W the shapes do not tell."
)
def _(x, W, dy):
    return dy + dy * (x @ W > 0) @ W


@shortcut_gradient.mistake("The slope of ReLU is taken at x. It belongs to the sum xW that goes into ReLU.")
def _(x, W, dy):
    return dy + dy * (x > 0) @ W.T


@shortcut_gradient.mistake("The paths add. Multiplying is for the steps along one path.")
def _(x, W, dy):
    return dy * (dy * (x @ W > 0) @ W.T)


@exercise(
    chapter="04_backpropagation",
    title="An operation of your own",
    minutes=20,
    prerequisites=["value and pullback", "the chain rule"],
)
def normalize(x):
    length = np.sqrt((x * x).sum())
    y = x / length
    return y, lambda dy: (dy - y * (dy @ y)) / length


@normalize.inputs
def _(rng):
    yield "a vector of three numbers", 1, (rng.normal(size=3), rng.normal(size=3))
    yield "a long vector", 1, (10 * rng.normal(size=8), rng.normal(size=8))
    x = rng.normal(size=int(rng.integers(2, 6)))
    yield "a gradient along x itself", 1, (x * (1 + rng.random()), x)


@normalize.call
def _(normalize, x, dy):
    y, pullback = normalize(x)
    return y, pullback(dy)


@normalize.mistake(
    "Your pullback treats the length as a constant. It depends on every element of x, so there is a second path."
)
def _(x):
    length = np.sqrt((x * x).sum())
    return x / length, lambda dy: dy / length


@normalize.mistake("The second path has the wrong size: the derivative of 1/length with respect to x is -x / length³.")
def _(x):
    length = np.sqrt((x * x).sum())
    return x / length, lambda dy: dy / length - x * (dy @ x) / length**2


@normalize.mistake(
    "The second path needs the whole dy, summed over the elements (dy · x), because each x changes every y."
)
def _(x):
    length = np.sqrt((x * x).sum())
    return x / length, lambda dy: dy / length - dy * x * x / length**3


@normalize.mistake("The second path has the wrong sign: a longer x makes 1/length smaller.")
def _(x):
    length = np.sqrt((x * x).sum())
    return x / length, lambda dy: dy / length + x * (dy @ x) / length**3
