"""Exercises of chapter 03, Losses."""

import numpy as np

from nnlib.exercises import exercise


@exercise(chapter="03_losses", title="Better early than late", minutes=15,
          prerequisites=["mean absolute error and its slope", "mean and gradient"])
def pinball(y, t, q):
    e = y - t
    slope = np.where(e > 0, 1 - q, -q) * (e != 0)
    return np.mean(slope * e), slope / len(e)


@pinball.inputs
def _(rng):
    t = 25 + 5 * rng.random(6)
    yield "short predictions", 1, (t - 1 - 4 * rng.random(6), t, 0.7 + 0.2 * float(rng.random()))
    yield "long predictions", 1, (t + 1 + 4 * rng.random(6), t, 0.7 + 0.2 * float(rng.random()))
    miss = (1 + 4 * rng.random(5)) * [0.15, -0.15, 0, 1, -1]
    yield "a mixture with exact ones", 1, (t[:5] + miss, t[:5], 0.1 + 0.2 * float(rng.random()))


@pinball.mistake("The two sides are exchanged. q near 1 should make it dear when the journey took longer "
                 "than predicted, that is, when y lies below t.")
def _(y, t, q):
    return pinball.reference(y, t, 1 - q)


@pinball.mistake("The loss is a mean, so each sample has a share of 1/N in it. Its gradient has the same "
                 "share.")
def _(y, t, q):
    loss, gradient = pinball.reference(y, t, q)
    return loss, gradient * len(y)


@pinball.mistake("The value is right, but the gradient points the wrong way: it is taken with respect to "
                 "y, not to t. If a prediction is too short, does raising it raise the loss or lower it?")
def _(y, t, q):
    loss, gradient = pinball.reference(y, t, q)
    return loss, -gradient


@pinball.mistake("Where y = t the slope should be 0: of the two slopes that meet in the kink, neither is "
                 "meant.")
def _(y, t, q):
    e = y - t
    slope = np.where(e > 0, 1 - q, -q)
    return np.mean(slope * e), slope / len(e)


@pinball.mistake("This is the sum over the samples, for the loss and for the gradient. The mean is asked "
                 "for.")
def _(y, t, q):
    loss, gradient = pinball.reference(y, t, q)
    return loss * len(y), gradient * len(y)


def _labels(rng, n):
    """Labels 0 and 1 in random order, both present."""
    return rng.permutation(np.arange(n) % 2).astype(float)


@exercise(chapter="03_losses", title="Two classes from a logit", minutes=15,
          prerequisites=["binary cross-entropy", "log-sum-exp"])
def bce_from_logits(z, t):
    m = np.maximum(z, 0)
    return np.mean(m + np.log1p(np.exp(-np.abs(z))) - t * z)


@bce_from_logits.inputs
def _(rng):
    yield "ordinary logits", 1, (3 * rng.normal(size=6), _labels(rng, 6))
    for side, name in ((1, "positive"), (-1, "negative")):
        yield f"huge {name} logits", 1, (side * (800 + 400 * rng.random(4)), _labels(rng, 4))
    small = 50 + 50 * rng.random(4)
    yield "logits whose probability rounds to 1", 1, (small, np.zeros(4))


@bce_from_logits.mistake("The probability rounds to exactly 0 or 1, and its logarithm is infinite or is "
                         "multiplied by 0. Do not go through p: put the logarithm and the exponentials "
                         "into one formula first.")
def _(z, t):
    p = 0.5 * (np.tanh(z / 2) + 1)
    return np.mean(-t * np.log(p) - (1 - t) * np.log(1 - p))


@bce_from_logits.mistake("Clipping p avoids the infinity, but the loss of a sure wrong answer stays at the "
                         "clipping value. A logit of 1000 on the wrong side costs 1000: work from z, not "
                         "from p.")
def _(z, t):
    p = np.clip(0.5 * (np.tanh(z / 2) + 1), 1e-7, 1 - 1e-7)
    return np.mean(-t * np.log(p) - (1 - t) * np.log(1 - p))


@bce_from_logits.mistake("log(1 + e^z) is the right formula, but e^1000 overflows. Take the larger of the "
                         "two scores, z and 0, out of the sum before the exponential.")
def _(z, t):
    return np.mean(np.log1p(np.exp(z)) - t * z)


@bce_from_logits.mistake("This is right only for z >= 0. The larger of the two scores is z or 0, and which "
                         "one depends on the sample.")
def _(z, t):
    return np.mean(z + np.log1p(np.exp(-z)) - t * z)


@bce_from_logits.mistake("This is the sum over the samples; the mean is asked for.")
def _(z, t):
    return bce_from_logits.reference(z, t) * len(z)


def _probabilities(z):
    p = np.exp(z - z.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


@exercise(chapter="03_losses", title="Labels that may be wrong", minutes=15,
          prerequisites=["the gradient p - t", "one-hot targets"])
def smoothed_gradient(z, labels, epsilon):
    N, K = z.shape
    t = (1 - epsilon) * np.eye(K)[labels] + epsilon / K
    return (_probabilities(z) - t) / N


@smoothed_gradient.inputs
def _(rng):
    three, seven = 0.1 + 0.1 * float(rng.random()), 0.3 + 0.1 * float(rng.random())
    yield "three classes", 1, (rng.normal(size=(4, 3)), rng.permutation([0, 1, 2, 1]), three)
    yield "seven classes", 1, (2 * rng.normal(size=(5, 7)), rng.integers(0, 7, size=5), seven)
    yield "large scores", 1, (900 + rng.normal(size=(3, 4)), rng.integers(0, 4, size=3), 0.2)


@smoothed_gradient.mistake("Every row is right but for a factor: the loss is the mean over the N samples.")
def _(z, labels, epsilon):
    return smoothed_gradient.reference(z, labels, epsilon) * len(z)


@smoothed_gradient.mistake("The sign is turned over. The gradient points uphill: it is prediction minus "
                           "target.")
def _(z, labels, epsilon):
    return -smoothed_gradient.reference(z, labels, epsilon)


@smoothed_gradient.mistake("These are the targets without smoothing. With epsilon they are less than 1 at "
                           "the label and more than 0 elsewhere.")
def _(z, labels, epsilon):
    return smoothed_gradient.reference(z, labels, 0.0)


@smoothed_gradient.mistake("Your epsilon is shared among the wrong classes only. The uniform distribution "
                           "gives epsilon/K to every class, the labelled one too.")
def _(z, labels, epsilon):
    N, K = z.shape
    t = np.full((N, K), epsilon / (K - 1))
    t[np.arange(N), labels] = 1 - epsilon
    return (_probabilities(z) - t) / N


@smoothed_gradient.mistake("Each row should sum to 0, as prediction and target both sum to 1. Your targets "
                           "add epsilon/K without taking epsilon away from the label.")
def _(z, labels, epsilon):
    N, K = z.shape
    return (_probabilities(z) - np.eye(K)[labels] - epsilon / K) / N
