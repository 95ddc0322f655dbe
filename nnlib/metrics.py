"""What a classifier's answers are worth: accuracy (chapter 3), precision and recall, where one class is rare (chapter 8)."""

import math

import numpy as np

from nnlib import checks


def accuracy(scores, labels):
    """Share of samples whose highest score is that of their class.

    Parameters
    ----------
    scores : (N, K) with K >= 2, or (N, 1) or (N,)
        One score for each class (logits or probabilities), or one logit: class 1 where it is above 0.
        More axes may stand in front.
    labels : (N,) integers 0 .. K − 1; with one logit, 0 and 1, also (N, 1) and as floats

    Returns
    -------
    float
        0 to 1.
    """
    scores = checks.no_nan("accuracy", "scores", scores)
    labels = checks.numeric("accuracy", "labels", labels)
    if scores.size == 0:
        raise ValueError(f"accuracy expects at least one sample, got {scores.shape}")
    if scores.ndim >= 2 and scores.shape[-1] >= 2 and scores.shape[:-1] == labels.shape:
        checks.indices("accuracy", "labels", labels, scores.shape[-1])
        return float((scores.argmax(axis=-1) == labels).mean())
    one_logit = scores.ndim == 1 or scores.shape[-1:] == (1,)
    if one_logit and labels.size == scores.size and labels.shape in (scores.shape, scores.shape[:-1]):
        _zeros_and_ones("accuracy", labels)
        return float(((scores > 0).reshape(labels.shape) == labels).mean())
    raise ValueError(f"accuracy expects scores (N, K) or (N, 1) and labels (N,), got {scores.shape} and "
                     f"{labels.shape}")


def precision(scores, labels, *, threshold=0.0):
    """Share of the samples called positive that are positive: TP / (TP + FP).

    Parameters
    ----------
    scores : (N,) or (N, 1)
        One score for each sample, a logit or a probability. Positive are those above ``threshold``.
    labels : (N,) or (N, 1), 0 or 1
    threshold : number
        0 for logits; 0.5 for probabilities.

    Returns
    -------
    float
        0 to 1; NaN if no sample is called positive.

    Raises
    ------
    TypeError
        If an argument holds no numbers.
    ValueError
        If the shapes differ, a label is neither 0 nor 1, an array holds NaN, or there is no sample.

    References
    ----------
    Van Rijsbergen, "Information retrieval", 1979, chapter 7.
    """
    called, positive = _called("precision", scores, labels, threshold)
    return float(positive[called].mean()) if called.any() else math.nan


def recall(scores, labels, *, threshold=0.0):
    """Share of the positive samples that are called positive: TP / (TP + FN).

    Parameters
    ----------
    scores : (N,) or (N, 1)
        One score for each sample, a logit or a probability. Positive are those above ``threshold``.
    labels : (N,) or (N, 1), 0 or 1
    threshold : number
        0 for logits; 0.5 for probabilities.

    Returns
    -------
    float
        0 to 1; NaN if no sample is positive.

    Raises
    ------
    TypeError
        If an argument holds no numbers.
    ValueError
        If the shapes differ, a label is neither 0 nor 1, an array holds NaN, or there is no sample.

    References
    ----------
    Van Rijsbergen, "Information retrieval", 1979, chapter 7.
    """
    called, positive = _called("recall", scores, labels, threshold)
    return float(called[positive].mean()) if positive.any() else math.nan


def _called(who, scores, labels, threshold):
    """Which samples are called positive and which are, (N,) bool each."""
    scores, labels = checks.numeric(who, "scores", scores), checks.numeric(who, "labels", labels)
    checks.number(who, threshold=threshold)
    column = scores.ndim == 1 or (scores.ndim == 2 and scores.shape[1] == 1)
    if not column or scores.size == 0 or labels.shape not in (scores.shape, scores.shape[:1]):
        raise ValueError(f"{who} expects scores (N,) or (N, 1) and labels (N,), got {scores.shape} and {labels.shape}")
    checks.no_nan(who, "scores", scores)
    _zeros_and_ones(who, labels)
    return (scores > threshold).reshape(-1), (labels == 1).reshape(-1)


def _zeros_and_ones(who, labels):
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"{who} expects labels 0 and 1, got {np.unique(labels)[:5].tolist()}")
