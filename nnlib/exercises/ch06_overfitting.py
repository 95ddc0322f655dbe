"""Exercises of chapter 06, Overfitting and generalisation."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="06_overfitting",
    title="Bias and variance from predictions",
    minutes=10,
    prerequisites=["bias and variance", "means along an axis"],
)
def bias_variance(predictions, truth):
    mean = predictions.mean(axis=0)
    return np.mean((mean - truth) ** 2), np.mean((predictions - mean) ** 2)


@bias_variance.inputs
def _(rng):
    truth = rng.normal(size=7)
    yield "few models and more points", 1, (truth + 0.5 + 0.3 * rng.normal(size=(4, 7)), truth)
    truth = rng.normal(size=5)
    yield "biases of both signs", 1, (truth + [1, -1, 1, -1, 2] + rng.normal(size=(30, 5)), truth)
    truth = np.zeros(6)
    yield "as many models as points", 1, (rng.normal(size=6) + 0.1 * rng.normal(size=(6, 6)), truth)


@bias_variance.mistake(
    "The bias is squared at each point, before the mean over the points. Otherwise a curve too high here and too low there "
    "has no bias."
)
def _(predictions, truth):
    mean = predictions.mean(axis=0)
    return np.mean(mean - truth) ** 2, np.mean((predictions - mean) ** 2)


@bias_variance.mistake(
    "What you call squared bias is the whole error. Bias belongs to the mean prediction: average the models first."
)
def _(predictions, truth):
    mean = predictions.mean(axis=0)
    return np.mean((predictions - truth) ** 2), np.mean((predictions - mean) ** 2)


@bias_variance.mistake(
    "Your variance compares all predictions with one number. Variance is the spread of the models at the same point."
)
def _(predictions, truth):
    return np.mean((predictions.mean(axis=0) - truth) ** 2), predictions.var()


@bias_variance.mistake("Your variance is the spread along one curve. What is wanted is the spread between curves.")
def _(predictions, truth):
    return np.mean((predictions.mean(axis=0) - truth) ** 2), predictions.var(axis=1).mean()


@bias_variance.mistake(
    "With S - 1 in place of S the two parts no longer add up to the mean squared error of these very models."
)
def _(predictions, truth):
    return np.mean((predictions.mean(axis=0) - truth) ** 2), predictions.var(axis=0, ddof=1).mean()


@exercise(
    chapter="06_overfitting",
    title="Leave one out",
    minutes=20,
    prerequisites=["cross-validation", "least squares"],
)
def leave_one_out(X, t):
    errors = []
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        w = np.linalg.lstsq(X[others], t[others], rcond=None)[0]
        errors.append((X[i] @ w - t[i]) ** 2)
    return np.mean(errors)


@leave_one_out.inputs
def _(rng):
    x = np.arange(6) + rng.random(6)
    t = 3 * rng.normal(size=6)
    yield "a straight line", 1, (np.column_stack([np.ones(6), x]), t)
    X = rng.normal(size=(12, 5))
    yield "five features, twelve samples", 1, (X, X @ rng.normal(size=5) + rng.normal(size=12))
    X = rng.normal(size=(10, 2))
    X[0] *= 8
    yield "one sample far from the others", 1, (X, rng.normal(size=10))


@leave_one_out.mistake(
    "This is the training error: each sample was among those that the weights were fitted to when its own turn came."
)
def _(X, t):
    return np.mean((X @ np.linalg.lstsq(X, t, rcond=None)[0] - t) ** 2)


@leave_one_out.mistake(
    "Each of your models is judged on the samples that it was fitted to. Judge it on the one that it has not seen."
)
def _(X, t):
    errors = []
    for i in range(len(X)):
        others = np.arange(len(X)) != i
        w = np.linalg.lstsq(X[others], t[others], rcond=None)[0]
        errors.append(np.mean((X[others] @ w - t[others]) ** 2))
    return np.mean(errors)


@leave_one_out.mistake(
    "You stretch every residual by N / (N - 1). That is right for a plain mean only. A sample far from the others pulls harder."
)
def _(X, t):
    residual = X @ np.linalg.lstsq(X, t, rcond=None)[0] - t
    return np.mean((residual * len(t) / (len(t) - 1)) ** 2)


@leave_one_out.mistake("The average weights of all your models have seen every sample. Use each model for its own sample.")
def _(X, t):
    keep = [np.arange(len(X)) != i for i in range(len(X))]
    w = np.mean([np.linalg.lstsq(X[k], t[k], rcond=None)[0] for k in keep], axis=0)
    return np.mean((X @ w - t) ** 2)


@exercise(
    chapter="06_overfitting",
    title="Is it a difference?",
    minutes=10,
    prerequisites=["standard error", "differences in pairs"],
)
def paired_effect(before, after):
    difference = after - before
    return difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))


@paired_effect.inputs
def _(rng):
    luck = 20 + 5 * rng.normal(size=8)
    yield "a small effect under much luck", 1, (luck, luck - 1 + 0.5 * rng.normal(size=8))
    luck = 20 + 5 * rng.normal(size=5)
    yield "an effect that is different in each draw", 1, (luck, 10 + 4 * rng.normal(size=5))
    luck = 8 + rng.normal(size=30)
    yield "many draws", 1, (luck, luck + 0.3 + rng.normal(size=30))


@paired_effect.mistake(
    "You treat the two as unrelated. Both have the luck of the same draw in them, and it cancels in each difference: take "
    "the differences first, their spread afterwards."
)
def _(before, after):
    return np.mean(after - before), np.sqrt((before.var(ddof=1) + after.var(ddof=1)) / len(before))


@paired_effect.mistake("This is the spread of the single differences. Their mean is surer than each of them.")
def _(before, after):
    return np.mean(after - before), np.std(after - before, ddof=1)


@paired_effect.mistake(
    "Divide the squares by one less than their number: the differences lie a little closer to their mean than to the true one."
)
def _(before, after):
    return np.mean(after - before), np.std(after - before) / np.sqrt(len(before))


@paired_effect.mistake(
    "You take one from the number of draws twice. It belongs in the spread of the differences; the root below the spread "
    "is that of all draws."
)
def _(before, after):
    return np.mean(after - before), np.std(after - before, ddof=1) / np.sqrt(len(before) - 1)


@paired_effect.mistake("The sign is turned: an error that fell is a negative change.")
def _(before, after):
    return np.mean(before - after), np.std(before - after, ddof=1) / np.sqrt(len(before))


@paired_effect.mistake("The spread of a mean falls with the root of the number of draws, not with the number.")
def _(before, after):
    return np.mean(after - before), np.std(after - before, ddof=1) / len(before)
