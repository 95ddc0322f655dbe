"""A small course: four exercises of different kinds, and notebooks that solve them."""

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_notebook

from nnlib.exercises import exercise

CHAPTER = "90_course"
SOLUTIONS = {
    "softmax": """def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)""",
    "dense_backward": """def dense_backward(x, W, dy):
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)""",
    "Counter": """class Counter:
    def __init__(self):
        self.n = 0

    def add(self, k):
        self.n += k""",
    "parameters": "parameters = 784 * 10 + 10",
}
STUBS = {
    "softmax": "def softmax(z):\n    raise NotImplementedError",
    "dense_backward": "def dense_backward(x, W, dy):\n    raise NotImplementedError",
    "Counter": "class Counter:\n    def __init__(self):\n        raise NotImplementedError",
    "parameters": "parameters = ...",
}
POINTS = {"softmax": 2, "dense_backward": 3, "Counter": 1, "parameters": 1}
ALL = sum(POINTS.values())


def define_exercises():
    common = {"chapter": CHAPTER, "minutes": 5}

    @exercise(title="Softmax", prerequisites=["exp"], **common)
    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    @softmax.inputs
    def _(rng):
        yield "ordinary scores", 1, (rng.normal(size=(4, 3)),)
        yield "large scores", 1, (1000 + rng.normal(size=(3, 4)),)

    @softmax.mistake("np.exp overflows.")
    def _(z):
        e = np.exp(z)
        return e / e.sum(axis=1, keepdims=True)

    @exercise(title="Backward through a layer", **common)
    def dense_backward(x, W, dy):
        return dy @ W.T, x.T @ dy, dy.sum(axis=0)

    @dense_backward.inputs
    def _(rng):
        n, d, k = rng.permutation([2, 3, 4])
        yield "a batch", 3, (rng.normal(size=(n, d)), rng.normal(size=(d, k)), rng.normal(size=(n, k)))

    @exercise(title="Count", **common)
    class Counter:
        def __init__(self):
            self.n = 0

        def add(self, k):
            self.n += k

    @Counter.inputs
    def _(rng):
        yield "two steps", 1, (int(rng.integers(5, 90)),)

    @Counter.call
    def _(Counter, k):
        counter = Counter()
        counter.add(k)
        counter.add(np.float64(1))
        return counter.n

    @exercise(title="Parameters", value=True, **common)
    def parameters():
        return 784 * 10 + 10

    @parameters.mistake("The biases are missing.")
    def _():
        return 784 * 10


def notebook(*sources, **metadata):
    """A notebook of code cells, as JSON text."""
    return nbformat.writes(new_notebook(cells=[new_code_cell(source) for source in sources], metadata=metadata))


def solved(*but, **replaced):
    """Cells that solve every exercise, without those in ``but``, with those in ``replaced`` changed."""
    answers = {**SOLUTIONS, **replaced}
    return ["import numpy as np", *(answers[name] for name in answers if name not in but)]
