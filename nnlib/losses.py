r"""Loss functions, each with its gradient beside it (chapter 3).

Every loss is an :class:`~nnlib.operation.Operation` ``loss(prediction, target, *, reduction="mean")``. Reductions are
PyTorch's: ``"mean"`` and ``"sum"`` return one number, ``"none"`` the loss of each element (of each sample, for
``cross_entropy`` and ``kl_divergence``). The gradient with respect to the target is None.

    value, pullback = cross_entropy.vjp(logits, labels)
    dlogits, _ = pullback(1.0)

Raises (each of them): ``TypeError`` for targets of the wrong kind; ``ValueError`` for shapes that do not fit, targets out
of range, NaN, an unknown reduction, and for the mean of an empty batch, which is no number.
"""

import numpy as np

from nnlib import checks
from nnlib.operation import operation


def _reduce(who, each, reduction, gradient):
    """Value and pullback of the loss whose elements are ``each``; ``gradient(dy)`` carries dy back through them."""
    checks.choice(who, "reduction", reduction, ("mean", "sum", "none"))
    if reduction == "none":
        return each, lambda dy: (gradient(dy), None)
    if reduction == "sum":
        return each.sum(), lambda dy: (gradient(dy), None)
    if each.size == 0:
        raise ValueError(f"{who} expects at least one element: the mean of none is undefined (reduction='sum' gives 0)")
    return each.sum() / each.size, lambda dy: (gradient(dy / each.size), None)


@operation
def mse(prediction, target, *, reduction="mean"):
    """Mean squared error, the mean of (prediction - target)²; slope 2 (prediction - target).

    prediction, target: one shape. No factor ½. The maximum-likelihood loss of Gaussian noise.
    """
    checks.same_shape("mse", prediction=prediction, target=target)
    error = prediction - target
    return _reduce("mse", error * error, reduction, lambda dy: 2 * dy * error)


@operation
def mae(prediction, target, *, reduction="mean"):
    """Mean absolute error, the mean of \\|prediction - target\\|; slope -1, 0 or 1.

    prediction, target: one shape. The maximum-likelihood loss of Laplace noise; an outlier pulls no harder than any point.
    """
    checks.same_shape("mae", prediction=prediction, target=target)
    error = prediction - target
    return _reduce("mae", np.abs(error), reduction, lambda dy: dy * np.sign(error))


@operation
def huber(prediction, target, *, delta=1.0, reduction="mean"):
    """Huber's loss: ½ error² where \\|error\\| <= delta, else delta (\\|error\\| - ½ delta); the slope is clipped to ±delta.

    prediction, target: one shape. delta > 0 (``ValueError``). Huber, *Annals of Mathematical Statistics* 35, 1964.
    """
    checks.number("huber", "delta", delta, 0, above=True)
    checks.same_shape("huber", prediction=prediction, target=target)
    error = prediction - target
    slope = np.clip(error, -delta, delta)
    return _reduce("huber", slope * (error - 0.5 * slope), reduction, lambda dy: dy * slope)


@operation
def binary_cross_entropy(logits, labels, *, reduction="mean"):
    r"""Cross-entropy of labels t in [0, 1] with p = sigmoid(z), from the logits z.

    :math:`-t \log p - (1 - t) \log(1 - p) = \log(1 + e^z) - t z`; the slope is p - t. logits, labels: one shape.
    PyTorch: ``binary_cross_entropy_with_logits``.
    """
    checks.same_shape("binary_cross_entropy", logits=logits, labels=labels)
    checks.in_range("binary_cross_entropy", 0, 1, labels=labels)
    each = np.logaddexp(0, logits) - labels * logits

    def gradient(dy):
        with np.errstate(over="ignore"):
            return dy * (1 / (1 + np.exp(-logits)) - labels)
    return _reduce("binary_cross_entropy", each, reduction, gradient)


@operation(integers=("labels",))
def cross_entropy(logits, labels, *, reduction="mean"):
    r"""Cross-entropy of labels with softmax(z), from the logits z.

    logits (N, K) and labels (N,), integers 0 .. K - 1:
    :math:`-\log p_{label} = \log \sum_j e^{z_j} - z_{label}`; or labels (N, K), the probabilities of the classes:
    :math:`-\sum_j t_j \log p_j`. The slope is p - t, with t one-hot for class indices. More axes may stand in front:
    logits (N, T, K), labels (N, T).
    """
    if logits.ndim == 0 or logits.shape[-1] == 0:
        raise ValueError(f"cross_entropy expects logits (N, K) with K >= 1, got {logits.shape}")
    rows = logits.reshape(-1, logits.shape[-1])
    z = rows - rows.max(axis=1, keepdims=True)
    p = np.exp(z)
    total = p.sum(axis=1, keepdims=True)
    if labels.shape == logits.shape:
        t = labels.astype(logits.dtype, copy=False).reshape(z.shape)
        checks.distribution("cross_entropy", "labels", t)
        each = np.log(total[:, 0]) - (t * z).sum(axis=1)
    else:
        checks.shape("cross_entropy", labels, logits.shape[:-1], "labels")
        checks.indices("cross_entropy", "labels", labels, logits.shape[-1])
        picked = np.arange(len(z)), labels.reshape(-1)
        each = np.log(total[:, 0]) - z[picked]

    def gradient(dy):
        dz = p / total
        if labels.shape == logits.shape:
            dz -= t
        else:
            dz[picked] -= 1
        dz *= dy.reshape(-1, 1)
        return dz.reshape(logits.shape)
    each = each.reshape(logits.shape[:-1])
    return _reduce("cross_entropy", each, reduction, gradient)


@operation
def hinge(scores, labels, *, reduction="mean"):
    """Hinge loss max(0, 1 - t s) of labels t = ±1; the slope is -t inside the margin (t s < 1), else 0.

    scores, labels: one shape. Labels other than -1 and 1 are refused (``ValueError``).
    Cortes and Vapnik, *Machine Learning* 20, 1995.
    """
    checks.same_shape("hinge", scores=scores, labels=labels)
    if not (np.abs(labels) == 1).all():
        raise ValueError(f"hinge expects labels -1 and 1, got {labels[np.abs(labels) != 1].flat[0]:.6g}")
    margin = 1 - labels * scores
    return _reduce("hinge", np.maximum(margin, 0), reduction, lambda dy: dy * np.where(margin > 0, -labels, 0))


@operation
def kl_divergence(log_prediction, target, *, reduction="mean"):
    r"""Kullback–Leibler divergence of the prediction q from the target p: :math:`\sum_j p_j (\log p_j - \log q_j)`.

    log_prediction (N, K): log q, as from ``log_softmax``; target (N, K): p, whose rows sum to 1. More axes may stand in
    front. The slope with respect to log q is -p. Arguments as in PyTorch's ``kl_div``; the mean is over the N samples
    (PyTorch's ``"batchmean"``; its ``"mean"`` divides by N K, which is no divergence).
    Kullback and Leibler, *Annals of Mathematical Statistics* 22, 1951.
    """
    checks.same_shape("kl_divergence", log_prediction=log_prediction, target=target)
    if log_prediction.ndim == 0 or log_prediction.shape[-1] == 0:
        raise ValueError(f"kl_divergence expects log_prediction (N, K) with K >= 1, got {log_prediction.shape}")
    checks.in_range("kl_divergence", -np.inf, 0, log_prediction=log_prediction)
    checks.distribution("kl_divergence", "target", target)
    present = target > 0                        # 0 log 0 = 0
    terms = target * (np.log(target, where=present, out=np.zeros_like(target)) - np.where(present, log_prediction, 0))
    return _reduce("kl_divergence", terms.sum(axis=-1), reduction, lambda dy: -dy[..., None] * target)
