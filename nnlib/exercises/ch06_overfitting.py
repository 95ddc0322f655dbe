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
    title="The simplest good model",
    minutes=15,
    prerequisites=["cross-validation", "standard error"],
)
def simplest_good(errors):
    mean = errors.mean(axis=0)
    best = mean.argmin()
    noise = errors[:, best].std(ddof=1) / np.sqrt(len(errors))
    return int(np.flatnonzero(mean <= mean[best] + noise)[0])


def _folds(rng, k, above, spread):
    """Fold errors (k, models) whose means lie ``above`` the best, in its standard errors; spreads relative to its own."""
    z = rng.normal(size=(k, len(above)))
    z = (z - z.mean(axis=0)) / z.std(axis=0, ddof=1)
    return 10 + np.asarray(above) / np.sqrt(k) + z * spread


@simplest_good.inputs
def _(rng):
    bad = [20.0 + k for k in range(rng.integers(1, 4))][::-1]
    above = [*bad, 2.7, 2.0, 0.6, 0.0, 0.3, 5.0]
    spread = [1.0] * len(bad) + [0.5, 2.6, 0.7, 1.0, 0.8, 1.0]
    yield "ten folds", 1, (_folds(rng, 10, above, spread),)
    above = [9.0, *bad, 2.0, 1.7, 0.8, 0.2, 0.0, 0.9, 0.4]
    spread = [1.0] * (1 + len(bad)) + [0.4, 2.2, 0.5, 0.9, 1.0, 0.6, 1.0]
    yield "five folds", 1, (_folds(rng, 5, above, spread),)


@simplest_good.mistake(
    "You return the model with the lowest mean. A simpler one may be as good, as far as the spread of the folds can tell."
)
def _(errors):
    return int(errors.mean(axis=0).argmin())


@simplest_good.mistake(
    "The spread of single folds is not the uncertainty of their mean. A mean of k folds is surer than each of them."
)
def _(errors):
    mean = errors.mean(axis=0)
    best = mean.argmin()
    return int(np.flatnonzero(mean <= mean[best] + errors[:, best].std(ddof=1))[0])


@simplest_good.mistake(
    "You give each model its own allowance, so the most erratic one is forgiven most. The allowance is the best model's."
)
def _(errors):
    mean = errors.mean(axis=0)
    noise = errors.std(axis=0, ddof=1) / np.sqrt(len(errors))
    return int(np.flatnonzero(mean - noise <= mean.min())[0])


@simplest_good.mistake("This is the most complex model within the allowance. The columns begin with the simplest.")
def _(errors):
    mean = errors.mean(axis=0)
    best = mean.argmin()
    noise = errors[:, best].std(ddof=1) / np.sqrt(len(errors))
    return int(np.flatnonzero(mean <= mean[best] + noise)[-1])
