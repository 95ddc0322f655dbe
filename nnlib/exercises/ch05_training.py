"""Exercises of chapter 05, Training."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="05_training",
    title="Adam with a maximum",
    minutes=15,
    prerequisites=["Adam", "moving averages", "bias correction"],
)
def adamax_step(w, g, m, u, t, lr):
    m = 0.9 * m + 0.1 * g
    u = np.maximum(0.999 * u, np.abs(g))
    return w - lr * m / (1 - 0.9**t) / u, m, u


@adamax_step.inputs
def _(rng):
    def gradient(n):
        return rng.permutation([-1, 1] * (n // 2)) * (0.1 + rng.random(n))

    yield "the first step", 1, (rng.normal(size=4), gradient(4), np.zeros(4), np.zeros(4), 1, 0.1)
    yield "a gradient larger than before", 1, (rng.normal(size=4), gradient(4), gradient(4), 0.05 * rng.random(4), 7, 0.01)
    yield "a gradient smaller than before", 1, (rng.normal(size=4), gradient(4), gradient(4), 2 + rng.random(4), 7, 0.01)


@adamax_step.mistake(
    "Only what starts too small needs a correction. After the first step the average is a tenth of the gradient. "
    "How large is the maximum then?"
)
def _(w, g, m, u, t, lr):
    return adamax_step.reference(w, g, m, u, t, lr * (1 - 0.999**t))


@adamax_step.mistake(
    "The average starts at zero, so at first it is too small: your first step is a tenth of the rate. Correct it for "
    "that before it is used."
)
def _(w, g, m, u, t, lr):
    return adamax_step.reference(w, g, m, u, t, lr * (1 - 0.9**t))


@adamax_step.mistake("A large negative gradient is large too: the maximum is over the sizes of the gradients.")
def _(w, g, m, u, t, lr):
    m = 0.9 * m + 0.1 * g
    u = np.maximum(0.999 * u, g)
    return w - lr * m / (1 - 0.9**t) / u, m, u


@adamax_step.mistake("u is the size of a gradient, not a square as in Adam: it is divided by as it is, without a root.")
def _(w, g, m, u, t, lr):
    m = 0.9 * m + 0.1 * g
    u = np.maximum(0.999 * u, np.abs(g))
    return w - lr * m / (1 - 0.9**t) / np.sqrt(u), m, u


@adamax_step.mistake(
    "The corrected average is for this step's update only. What is carried to the next step stays uncorrected."
)
def _(w, g, m, u, t, lr):
    w, m, u = adamax_step.reference(w, g, m, u, t, lr)
    return w, m / (1 - 0.9**t), u


@exercise(
    chapter="05_training",
    title="The fastest rate",
    minutes=15,
    prerequisites=["the factor of one step", "the stability limit", "eigenvalues"],
)
def fastest_rate(H):
    curvatures = np.linalg.eigvalsh(H)
    return 2 / (curvatures.min() + curvatures.max())


@fastest_rate.inputs
def _(rng):
    yield "a ravine along the axes", 1, (np.diag([1.0, 20.0]) * (1 + rng.random()),)
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    yield "a turned ravine", 1, (turn @ np.diag([1.0, 20.0 + 20.0 * rng.random()]) @ turn.T,)
    X = rng.normal(size=(50, 6)) + 2 * rng.normal(size=(50, 1))
    yield "least squares with six related features", 1, (2 / 50 * X.T @ X,)


@fastest_rate.mistake(
    "This is the limit of stability. Along the steepest direction the factor is -1 there, and the walk jumps to and fro "
    "for ever."
)
def _(H):
    return 2 / np.linalg.eigvalsh(H).max()


@fastest_rate.mistake(
    "The steepest direction is done in one step, and the flattest is the slow one. A higher rate helps the flattest, until "
    "the steepest becomes as slow."
)
def _(H):
    return 1 / np.linalg.eigvalsh(H).max()


@fastest_rate.mistake("With this rate the flattest direction is done in one step, but the steepest one diverges.")
def _(H):
    return 1 / np.linalg.eigvalsh(H).min()


@fastest_rate.mistake(
    "The trace is the sum of all eigenvalues. Directions between the flattest and the steepest do not decide: their "
    "factors lie between the other two."
)
def _(H):
    return 2 / np.trace(H)


@fastest_rate.mistake(
    "The diagonal holds the curvatures along the axes. A ravine that lies across them is steeper than the steepest of "
    "these, and flatter than the flattest."
)
def _(H):
    return 2 / (np.diag(H).min() + np.diag(H).max())


@exercise(
    chapter="05_training",
    title="A start for leaky units",
    minutes=10,
    prerequisites=["the variance of a sum", "He initialisation"],
)
def leaky_scale(n, alpha):
    return np.sqrt(2 / ((1 + alpha**2) * n))


@leaky_scale.inputs
def _(rng):
    yield "a small slope", 1, (int(rng.integers(50, 200)), 0.1 + 0.3 * float(rng.random()))
    yield "the slope 0, an ordinary ReLU", 1, (int(rng.integers(50, 200)), 0.0)
    yield "the slope 1, where nothing bends", 1, (int(rng.integers(50, 200)), 1.0)


@leaky_scale.mistake("This is He's rule, for a ReLU that passes nothing on its left side. A leaky one passes something.")
def _(n, alpha):
    return np.sqrt(2 / n)


@leaky_scale.mistake("This is the variance of the weights. Their standard deviation is asked for.")
def _(n, alpha):
    return 2 / ((1 + alpha**2) * n)


@leaky_scale.mistake(
    "Variances are about squares: a value that is multiplied by the slope has its square multiplied by what?"
)
def _(n, alpha):
    return np.sqrt(2 / ((1 + alpha) * n))


@leaky_scale.mistake(
    "You took the mean slope of both sides and squared it. The mean of the squares is larger than the square of the mean."
)
def _(n, alpha):
    return np.sqrt(4 / ((1 + alpha) ** 2 * n))


@leaky_scale.mistake(
    "This is the spread of the outputs about their mean. The weights have mean 0, so what arrives in the next sum is the mean "
    "square of the outputs, whatever their mean is."
)
def _(n, alpha):
    return np.sqrt(1 / (n * (0.5 * (1 + alpha**2) - (1 - alpha) ** 2 / (2 * np.pi))))


@leaky_scale.mistake("Each side holds only half of the values, so each has a share of one half in the mean square.")
def _(n, alpha):
    return np.sqrt(1 / ((1 + alpha**2) * n))


@exercise(
    chapter="05_training",
    title="The noise of a mini-batch",
    minutes=10,
    prerequisites=["mini-batches", "the variance of a mean"],
)
def batch_noise(gradients, B):
    away = gradients - gradients.mean(axis=0)
    return np.sqrt((away**2).sum(axis=1).mean() / B)


@batch_noise.inputs
def _(rng):
    yield "a few samples", 1, (1 + rng.normal(size=(6, 3)), 4)
    yield "many weights", 1, (rng.normal(size=(20, 30)) + 2 * rng.normal(size=30), 16)
    yield "one sample far from the others", 1, (rng.normal(size=(8, 5)) + 9 * np.eye(8, 5), 9)


@batch_noise.mistake(
    "The squares of errors that point anywhere add up, so the error of a mean of B falls with the root of B, not with B."
)
def _(gradients, B):
    return batch_noise.reference(gradients, B) / np.sqrt(B)


@batch_noise.mistake("These are the lengths of the gradients. The noise is how far they lie from their mean, the full gradient.")
def _(gradients, B):
    return np.sqrt((gradients**2).sum(axis=1).mean() / B)


@batch_noise.mistake("A distance adds up the squares over all weights. You took their mean over the weights, too.")
def _(gradients, B):
    return np.sqrt(((gradients - gradients.mean(axis=0)) ** 2).mean() / B)


@batch_noise.mistake(
    "You took the mean of the distances. Square them first, take the mean, and then the root: only squares add up."
)
def _(gradients, B):
    return np.linalg.norm(gradients - gradients.mean(axis=0), axis=1).mean() / np.sqrt(B)


@batch_noise.mistake(
    "N - 1 is for samples that stand for others. Here mini-batches are drawn from these very N, and their mean is known exactly."
)
def _(gradients, B):
    N = len(gradients)
    return batch_noise.reference(gradients, B) * np.sqrt(N / (N - 1))


@batch_noise.mistake("This is the mean square of the distance. Take its root.")
def _(gradients, B):
    return batch_noise.reference(gradients, B) ** 2
