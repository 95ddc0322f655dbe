"""Exercises of chapter 07, Regularisation."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="07_regularization",
    title="The elastic net's answer",
    minutes=15,
    prerequisites=["L1 and L2 penalties", "soft thresholding"],
)
def elastic_minimum(a, l1, l2):
    return np.sign(a) * np.maximum(np.abs(a) - l1, 0) / (1 + l2)


@elastic_minimum.inputs
def _(rng):
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    large = (2 + rng.random(4)) * signs
    yield "large values of both signs", 1, (large, 0.5 + 0.2 * float(rng.random()), 0.5 + 0.4 * float(rng.random()))
    yield "values below the threshold", 1, (0.3 * rng.random(4) * signs, 0.4, 1 + float(rng.random()))
    near = np.array([0.7, -0.75, 0.3, -2.0]) + 0.02 * rng.normal(size=4)
    yield "values near the threshold", 1, (near, 0.5, 0.8 + 0.2 * float(rng.random()))


@elastic_minimum.mistake(
    "The division comes too early: it makes small values smaller before the threshold is asked. Set the slope "
    "to zero for w > 0: which of a's values give a positive w?"
)
def _(a, l1, l2):
    b = a / (1 + l2)
    return np.sign(b) * np.maximum(np.abs(b) - l1, 0)


@elastic_minimum.mistake(
    "Where |a| is smaller than l1 the subtraction has gone past zero and turned the sign. The weight stops at zero."
)
def _(a, l1, l2):
    return (a - l1 * np.sign(a)) / (1 + l2)


@elastic_minimum.mistake("The sizes are right, the signs are lost: for a negative a the minimum is negative.")
def _(a, l1, l2):
    return np.maximum(np.abs(a) - l1, 0) / (1 + l2)


@elastic_minimum.mistake(
    "This is right for positive a only. For negative a the penalty pulls upwards, towards zero from below."
)
def _(a, l1, l2):
    return np.maximum(a - l1, 0) / (1 + l2)


@elastic_minimum.mistake("This is L1's answer alone. The slope of l2 w²/2 is l2 w, and it divides what is left.")
def _(a, l1, l2):
    return np.sign(a) * np.maximum(np.abs(a) - l1, 0)


@exercise(
    chapter="07_regularization",
    title="When to stop",
    minutes=15,
    prerequisites=["early stopping", "patience"],
)
def stopping_epochs(losses, patience):
    best_epoch, best = 0, np.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best_epoch, best = epoch, loss
        if epoch - best_epoch == patience:
            break
    return best_epoch, epoch


@stopping_epochs.inputs
def _(rng):
    start = 1 + float(rng.random())
    waves = [0, -0.2, -0.4, -0.3, -0.35, -0.33, -0.31, -0.5, -0.9]
    yield "a valley with bumps, and a deeper one behind it", 1, ([start + w for w in waves], 3)
    ties = [0, -0.3, -0.3, -0.2, -0.3, -0.1, -0.8]
    yield "equal losses", 1, ([start + w for w in ties], 4)
    falling = [start * 0.9**k for k in range(int(rng.integers(5, 9)))]
    yield "a loss that only falls", 1, (falling, 2)


@stopping_epochs.mistake(
    "You count the epochs in a row in which the loss did not fall. Count those since the lowest loss "
    "so far: a loss may fall and still be above the best."
)
def _(losses, patience):
    best_epoch, rises = 1, 0
    for epoch, loss in enumerate(losses, start=1):
        if loss < losses[best_epoch - 1]:
            best_epoch = epoch
        rises = rises + 1 if epoch > 1 and loss >= losses[epoch - 2] else 0
        if rises == patience:
            break
    return best_epoch, epoch


@stopping_epochs.mistake(
    "The kept epoch is the lowest of the whole list. Epochs after the stop are never trained, so their losses "
    "cannot be known."
)
def _(losses, patience):
    return int(np.argmin(losses)) + 1, stopping_epochs.reference(losses, patience)[1]


@stopping_epochs.mistake(
    "You wait one epoch too long. With patience 1, the first epoch without a new best is the last one trained."
)
def _(losses, patience):
    best_epoch, epoch = stopping_epochs.reference(losses, patience + 1)
    return best_epoch, epoch


@stopping_epochs.mistake("An equal loss is no improvement: it does not start the count again, and its epoch is not kept.")
def _(losses, patience):
    best_epoch, best = 0, np.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss <= best:
            best_epoch, best = epoch, loss
        if epoch - best_epoch == patience:
            break
    return best_epoch, epoch


@stopping_epochs.mistake("Your epochs are counted from 0; the first is epoch 1.")
def _(losses, patience):
    best_epoch, epoch = stopping_epochs.reference(losses, patience)
    return best_epoch - 1, epoch - 1


@exercise(
    chapter="07_regularization",
    title="Batch norm that vanishes",
    minutes=20,
    prerequisites=["batch normalisation in evaluation mode", "a layer as x W + b"],
)
def fold(W, b, gamma, beta, mean, var, eps):
    factor = gamma / np.sqrt(var + eps)
    return W * factor, (b - mean) * factor + beta


@fold.inputs
def _(rng):
    def case(D, K, eps):
        def numbers(*shape):
            return rng.normal(size=shape)

        return numbers(D, K), numbers(K), 1 + rng.random(K), numbers(K), numbers(K), 0.5 + 3 * rng.random(K), eps

    yield "a square layer", 1, case(3, 3, 1e-5)
    yield "more inputs than units", 1, case(5, 2, 1e-3)
    yield "a large eps", 1, case(2, 4, 0.5)


@fold.mistake("The running variance has to be turned into a standard deviation: a square root is missing.")
def _(W, b, gamma, beta, mean, var, eps):
    factor = gamma / (var + eps)
    return W * factor, (b - mean) * factor + beta


@fold.mistake(
    "The weights are right. The old bias goes through the normalisation too: the mean is subtracted from a sum "
    "that contains it, and all of that is scaled."
)
def _(W, b, gamma, beta, mean, var, eps):
    factor = gamma / np.sqrt(var + eps)
    return W * factor, b - mean * factor + beta


@fold.mistake("The weights are right. The old bias is lost: the normalisation shifts and scales it, but does not remove it.")
def _(W, b, gamma, beta, mean, var, eps):
    factor = gamma / np.sqrt(var + eps)
    return W * factor, beta - mean * factor


@fold.mistake("eps belongs under the root, with the variance. With a small eps you would hardly see the difference.")
def _(W, b, gamma, beta, mean, var, eps):
    factor = gamma / (np.sqrt(var) + eps)
    return W * factor, (b - mean) * factor + beta


@fold.mistake("The weights are right. beta is added at the very end; it is neither divided nor multiplied.")
def _(W, b, gamma, beta, mean, var, eps):
    factor = gamma / np.sqrt(var + eps)
    return W * factor, (b - mean + beta) * factor
