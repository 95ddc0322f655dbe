"""Exercises of chapter 05, Training."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="05_training",
    title="One step of Adam",
    minutes=20,
    prerequisites=["Adam", "moving averages", "bias correction"],
)
def adam_step(w, g, m, s, t, lr):
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    m_hat = m / (1 - 0.9**t)
    s_hat = s / (1 - 0.999**t)
    return w - lr * m_hat / (np.sqrt(s_hat) + 1e-8), m, s


@adam_step.inputs
def _(rng):
    zero = np.zeros(4)
    yield "the first step", 1, (rng.normal(size=4), rng.normal(size=4), zero, zero, 1, 0.1)
    later = (rng.normal(size=3), rng.normal(size=3), rng.normal(size=3), 0.1 + rng.random(3), 7, 0.01)
    yield "the seventh step", 1, later
    tiny = 1e-6 * (1 + rng.random(4))
    yield "gradients of a millionth", 1, (rng.normal(size=4), tiny, zero, zero, 1, 0.1)


@adam_step.mistake(
    "Both averages start at zero, so at first they are too small, and not by the same factor. "
    "Correct them for that before they are used."
)
def _(w, g, m, s, t, lr):
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    return w - lr * m / (np.sqrt(s) + 1e-8), m, s


@adam_step.mistake(
    "The correction belongs to the first step only: at step t, the share of the zero start has shrunk to a power of t."
)
def _(w, g, m, s, t, lr):
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    return w - lr * (m / 0.1) / (np.sqrt(s / 0.001) + 1e-8), m, s


@adam_step.mistake("The small number 1e-8 is added to the root. Under the root it is four orders of magnitude larger.")
def _(w, g, m, s, t, lr):
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    return w - lr * m / (1 - 0.9**t) / np.sqrt(s / (1 - 0.999**t) + 1e-8), m, s


@adam_step.mistake(
    "The root is missing: dividing by the squared gradient itself makes steps larger where gradients are smaller."
)
def _(w, g, m, s, t, lr):
    m = 0.9 * m + 0.1 * g
    s = 0.999 * s + 0.001 * g**2
    return w - lr * m / (1 - 0.9**t) / (s / (1 - 0.999**t) + 1e-8), m, s


@adam_step.mistake(
    "The corrected averages are for this step's update only. What is carried to the next step stays uncorrected."
)
def _(w, g, m, s, t, lr):
    m = (0.9 * m + 0.1 * g) / (1 - 0.9**t)
    s = (0.999 * s + 0.001 * g**2) / (1 - 0.999**t)
    return w - lr * m / (np.sqrt(s) + 1e-8), m, s


@exercise(
    chapter="05_training",
    title="The largest rate",
    minutes=10,
    prerequisites=["the stability limit", "eigenvalues"],
)
def largest_rate(H):
    return 2 / np.linalg.eigvalsh(H).max()


@largest_rate.inputs
def _(rng):
    yield "a ravine along the axes", 1, (np.diag([1.0, 20.0]) * (1 + rng.random()),)
    turn = np.linalg.qr(rng.normal(size=(2, 2)))[0]
    yield "a turned ravine", 1, (turn @ np.diag([1.0, 30.0]) @ turn.T,)
    X = rng.normal(size=(50, 6)) + 2 * rng.normal(size=(50, 1))
    yield "least squares with related features", 1, (2 / 50 * X.T @ X,)


@largest_rate.mistake(
    "With this rate the steepest direction reaches its minimum in one step. It may overshoot, up to a mirror image."
)
def _(H):
    return 1 / np.linalg.eigvalsh(H).max()


@largest_rate.mistake(
    "The trace is the sum of all eigenvalues. Rates below yours are safe, but the limit is set by the largest alone."
)
def _(H):
    return 2 / np.trace(H)


@largest_rate.mistake("The flattest direction would allow this rate. The steepest one diverges first.")
def _(H):
    return 2 / np.linalg.eigvalsh(H).min()


@largest_rate.mistake(
    "The diagonal holds the curvatures along the axes. A ravine that lies across them is steeper than each of these."
)
def _(H):
    return 2 / np.diag(H).max()


@largest_rate.mistake("This norm mixes all eigenvalues (the root of the sum of their squares). One of them decides.")
def _(H):
    return 2 / np.linalg.norm(H)
