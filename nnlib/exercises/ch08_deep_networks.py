"""Exercises of chapter 08, Deep networks."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="08_deep_networks",
    title="A curve from hinges",
    minutes=20,
    prerequisites=["ReLU", "slope of a straight line", "sums along an array"],
)
def hinge_weights(knots, heights):
    slopes = np.diff(heights) / np.diff(knots)
    return np.diff(slopes, prepend=0.0)


@hinge_weights.inputs
def _(rng):
    def case(steps):
        knots = np.cumsum(np.array(steps)) - 1
        return knots, rng.normal(size=len(steps)) + np.arange(len(steps)) % 2

    yield "knots at distances of 1", 1, case([1.0, 1.0, 1.0, 1.0, 1.0])
    yield "knots at uneven distances", 1, case(0.2 + rng.random(6))
    yield "one straight line", 1, case([0.5, 2 + float(rng.random())])


@hinge_weights.mistake(
    "These are the slopes of the pieces. The hinges to the left of a piece are still on: a new hinge adds only the "
    "change of slope."
)
def _(knots, heights):
    return np.diff(heights) / np.diff(knots)


@hinge_weights.mistake(
    "These are differences of heights, not of slopes: the distance between two knots is missing."
)
def _(knots, heights):
    return np.diff(np.diff(heights), prepend=0.0)


@hinge_weights.mistake(
    "The first hinge is missing. Before the first knot every hinge is off and the slope is 0, so the first piece "
    "needs one too."
)
def _(knots, heights):
    return np.diff(np.diff(heights) / np.diff(knots))


@hinge_weights.mistake("The changes of slope have the wrong sign: where the curve turns upwards, the weight is positive.")
def _(knots, heights):
    return -hinge_weights.reference(knots, heights)


@hinge_weights.mistake("The slopes are upside down: rise over run, not run over rise.")
def _(knots, heights):
    return np.diff(np.diff(knots) / np.diff(heights), prepend=0.0)


@exercise(
    chapter="08_deep_networks",
    title="Precision and recall",
    minutes=15,
    prerequisites=["boolean arrays", "precision and recall"],
)
def precision_recall(scores, labels, threshold):
    called = scores > threshold
    hits = np.sum(called & (labels == 1))
    precision = hits / np.sum(called) if called.any() else 1.0
    return precision, hits / np.sum(labels == 1)


@precision_recall.inputs
def _(rng):
    positive, negative = int(rng.integers(4, 7)), int(rng.integers(11, 15))
    highest = [2.5] * (positive - 3) + [0.9, 0.8, -0.5]  # of the positive ones: one is missed at 0, two more at 1.2
    lowest = [2.0, 0.6, 0.5] + [-1.5] * (negative - 3)
    order = rng.permutation(positive + negative)
    labels = np.repeat([1, 0], [positive, negative])[order]
    scores = np.array(highest + lowest)[order] + 0.1 * rng.random(positive + negative)
    yield "a threshold of 0", 1, (scores, labels, 0.0)
    yield "a threshold that misses more", 1, (scores, labels, 1.2 + 0.2 * float(rng.random()))
    yield "a threshold above all scores", 1, (scores, labels, 5 + float(rng.random()))
    alarm = np.where(scores == scores[labels == 0].max(), 4.0, scores)
    yield "a threshold that no positive one passes", 1, (alarm, labels, 3 + 0.5 * float(rng.random()))


@precision_recall.mistake(
    "The two are exchanged. Precision is a share of those you called positive, recall a share of those that are."
)
def _(scores, labels, threshold):
    precision, recall = precision_recall.reference(scores, labels, threshold)
    return recall, precision


@precision_recall.mistake(
    "Your first number is the accuracy: it also counts negatives that were left alone. Precision looks only at those "
    "called positive."
)
def _(scores, labels, threshold):
    right = np.mean((scores > threshold) == (labels == 1))
    return right, precision_recall.reference(scores, labels, threshold)[1]


@precision_recall.mistake(
    "Your second number is a share of all samples. Recall is a share of the positive ones."
)
def _(scores, labels, threshold):
    precision, _ = precision_recall.reference(scores, labels, threshold)
    return precision, np.mean((scores > threshold) & (labels == 1))


@precision_recall.mistake(
    "Your second number is the share of negatives that were called positive, the false alarm rate. "
    "Recall asks how many of the positive ones were found."
)
def _(scores, labels, threshold):
    precision, _ = precision_recall.reference(scores, labels, threshold)
    return precision, np.mean((scores > threshold)[labels == 0])


@precision_recall.mistake("The threshold is ignored: you cut at 0 whatever it says.")
def _(scores, labels, threshold):
    return precision_recall.reference(scores, labels, 0.0)
