"""Exercises of chapter 07, Regularisation."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="07_regularization",
    title="Dropout, there and back",
    minutes=10,
    prerequisites=["dropout", "inverted scaling", "pullbacks"],
)
def dropout_step(h, u, p, dy):
    scale = (u >= p) / (1 - p)
    return h * scale, dy * scale


@dropout_step.inputs
def _(rng):
    def case(N, K, p):
        u = rng.permutation(np.arange(N * K) / (N * K)).reshape(N, K)
        return rng.normal(size=(N, K)), u, p, rng.normal(size=(N, K))

    yield "a small rate", 1, case(4, 5, 0.2)
    yield "a large rate", 1, case(3, 6, 0.7)
    yield "the rate 0, where nothing is dropped", 1, case(2, 3, 0.0)


@dropout_step.mistake(
    "What is kept has to be scaled up, or the next layer receives less while training than it will afterwards."
)
def _(h, u, p, dy):
    return h * (u >= p), dy * (u >= p)


@dropout_step.mistake("p is the rate at which units are dropped. How large is the share that is kept?")
def _(h, u, p, dy):
    scale = (u >= p) / (p if p > 0 else 1)
    return h * scale, dy * scale


@dropout_step.mistake("You keep what should be dropped: a unit is dropped where its random number is below p.")
def _(h, u, p, dy):
    scale = (u < p) / (1 - p)
    return h * scale, dy * scale


@dropout_step.mistake(
    "The output is right. On the way back a kept unit's gradient is multiplied by the same factor as its value."
)
def _(h, u, p, dy):
    return h * (u >= p) / (1 - p), dy * (u >= p)


@dropout_step.mistake("The output is right. A dropped unit had no part in it, so no gradient comes back to it.")
def _(h, u, p, dy):
    return h * (u >= p) / (1 - p), dy / (1 - p)


@exercise(
    chapter="07_regularization",
    title="When to stop",
    minutes=15,
    prerequisites=["early stopping", "patience"],
)
def stopping_epochs(losses, patience):
    best = np.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss < best:
            best_epoch, best = epoch, loss
        if epoch - best_epoch == patience:
            break
    return best_epoch, epoch


@stopping_epochs.inputs
def _(rng):
    start = 1 + float(rng.random())

    def before():  # any number of epochs of progress
        return [start + 0.1 * k for k in range(int(rng.integers(1, 9)), 0, -1)]

    def after():  # and any number that must not be looked at
        return [float(loss) for loss in rng.random(int(rng.integers(0, 9)))]

    waves = [0, 0.1, -0.2, -0.4, -0.3, -0.35, -0.33, -0.31, -0.5, -0.9]
    yield "a valley with bumps, and a deeper one behind it", 1, ([*before(), *(start + w for w in waves), *after()], 3)
    ties = [0, -0.3, -0.3, -0.2, -0.3, -0.1]
    yield "equal losses, and a list that ends before patience does", 1, ([*before(), *(start + w for w in ties)], 6)
    ties = [0, -0.1, -0.3, -0.3, -0.2, -0.3, -0.4, -0.1, -0.2, -0.15, -0.8]
    falling = [start * 0.9**k for k in range(int(rng.integers(5, 20)))]
    yield "equal losses in a row", 1, ([*before(), *(start + w for w in ties), *after()], 3)
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


@stopping_epochs.mistake(
    "You count the kept epoch back from the last one by the patience. That holds only where patience ended the "
    "training; the list may end before it does."
)
def _(losses, patience):
    last = stopping_epochs.reference(losses, patience)[1]
    return last - patience, last


@stopping_epochs.mistake("An equal loss is no improvement: it does not start the count again, and its epoch is not kept.")
def _(losses, patience):
    best_epoch, best = 0, np.inf
    for epoch, loss in enumerate(losses, start=1):
        if loss <= best:
            best_epoch, best = epoch, loss
        if epoch - best_epoch == patience:
            break
    return best_epoch, epoch


@stopping_epochs.mistake(
    "Your count of epochs without a new lowest loss goes on from where it was. A new lowest loss starts it again."
)
def _(losses, patience):
    best_epoch, waited = 0, 0
    for epoch, loss in enumerate(losses, start=1):
        if epoch == 1 or loss < losses[best_epoch - 1]:
            best_epoch = epoch
        else:
            waited += 1
        if waited == patience:
            break
    return best_epoch, epoch


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
