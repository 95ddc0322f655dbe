"""Loss functions, each with its gradient beside it (chapter 3).

``mse(prediction, target)`` is the value, ``mse.vjp(prediction, target)`` the value and the pullback::

    loss, pullback = cross_entropy.vjp(logits, labels)
    dlogits, _ = pullback(1.0)

Reductions are PyTorch's: ``"mean"`` and ``"sum"`` give one number, ``"none"`` the loss of each element, or of
each sample where a loss is one of whole samples. There is no gradient with respect to the target (None).

Raises (each of them): ``ValueError`` for shapes that do not fit, NaN, a reduction of another name, and the mean of an
empty batch, which is no number; below stands only what is refused besides.
"""

import numpy as np

from nnlib import checks
from nnlib.activations import sigmoid
from nnlib.operation import operation


def reduced(who, each, reduction, gradient, total=None):
    """Value and pullback of the loss whose elements are ``each``; ``gradient(dy)`` carries dy back through them. ``total``
    is what the mean divides by, the number of elements unless they are weighted."""
    checks.choice(who, "reduction", reduction, ("mean", "sum", "none"))
    if reduction == "none":
        return each, lambda dy: (gradient(dy), None)
    if reduction == "sum":
        return each.sum(), lambda dy: (gradient(dy), None)
    if each.size == 0:
        raise ValueError(f"{who} expects at least one element (reduction='sum' gives 0), got none")
    total = each.size if total is None else total
    return each.sum() / total, lambda dy: (gradient(dy / total), None)


@operation
def mse(prediction, target, *, reduction="mean"):
    """Mean squared error: the mean of (prediction − target)², without a factor ½; slope 2 (prediction − target).

    It is the maximum-likelihood loss of Gaussian noise.

    Parameters
    ----------
    prediction, target : arrays of one shape
    reduction : "mean", "sum" or "none"

    References
    ----------
    Gauss, "Theoria combinationis observationum", 1823.
    """
    checks.same_shape("mse", prediction=prediction, target=target)
    error = prediction - target
    return reduced("mse", error * error, reduction, lambda dy: 2 * dy * error)


@operation
def mae(prediction, target, *, reduction="mean"):
    """Mean absolute error: the mean of abs(prediction − target); slope −1, 0 or 1, however far off.

    It is the maximum-likelihood loss of Laplace noise.

    Parameters
    ----------
    prediction, target : arrays of one shape
    reduction : "mean", "sum" or "none"

    References
    ----------
    Bishop, "Pattern recognition and machine learning", 2006, chapter 1.
    """
    checks.same_shape("mae", prediction=prediction, target=target)
    error = prediction - target
    return reduced("mae", np.abs(error), reduction, lambda dy: dy * np.sign(error))


@operation
def huber(prediction, target, *, delta=1.0, reduction="mean"):
    """Huber's loss: ½ error² where abs(error) <= delta, else delta (abs(error) − ½ delta).

    The slope is the error, clipped to ±delta.

    Parameters
    ----------
    prediction, target : arrays of one shape
    delta : number above 0
    reduction : "mean", "sum" or "none"

    Raises
    ------
    TypeError, ValueError
        If ``delta`` is no number above 0.

    References
    ----------
    Huber, "Robust estimation of a location parameter", 1964.
    """
    checks.number("huber", 0, above=True, delta=delta)
    checks.same_shape("huber", prediction=prediction, target=target)
    error = prediction - target
    slope = np.clip(error, -delta, delta)
    return reduced("huber", slope * (error - 0.5 * slope), reduction, lambda dy: dy * slope)


@operation
def binary_cross_entropy(logits, labels, *, reduction="mean"):
    r"""Cross-entropy of the labels with p = sigmoid(z), from the logits z.

    It is :math:`-t \log p - (1 - t) \log(1 - p)`, or :math:`\log(1 + e^z) - t z`, and the slope is p − t. PyTorch
    calls it ``binary_cross_entropy_with_logits``.

    Parameters
    ----------
    logits, labels : arrays of one shape; labels 0, 1 or probabilities
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        If labels lie outside [0, 1].

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep learning", 2016, section 6.2.2.
    """
    checks.same_shape("binary_cross_entropy", logits=logits, labels=labels)
    checks.in_range("binary_cross_entropy", 0, 1, labels=labels)
    return reduced("binary_cross_entropy", np.logaddexp(0, logits) - labels * logits, reduction,
                   lambda dy: dy * (sigmoid.vjp(logits)[0] - labels))


def _class_weights(weight, labels, logits):
    """The weight of each sample's class, (N,) or (N T,)."""
    weight = checks.numeric("cross_entropy", "weight", weight).astype(logits.dtype, copy=False)
    if labels.shape == logits.shape:
        raise ValueError("cross_entropy expects class indices with weight, got probabilities of the classes")
    checks.shape("cross_entropy", weight, logits.shape[-1:], "weight")
    checks.no_nan("cross_entropy", "weight", weight)
    checks.in_range("cross_entropy", 0, np.inf, weight=weight)
    return weight[labels.reshape(-1)]


def _positive_sum(counts):
    total = counts.sum()
    if total == 0:
        raise ValueError("cross_entropy expects a class with a weight above 0 among the labels, got none")
    return total


@operation(integers=("labels",))
def cross_entropy(logits, labels, *, weight=None, reduction="mean"):
    r"""Cross-entropy of the labels with p = softmax(z), from the logits z.

    For class indices it is :math:`-\log p_{label} = \log \sum_j e^{z_j} - z_{label}`, for probabilities t of the
    classes :math:`-\sum_j t_j \log p_j`. The slope is p − t, with t one-hot for class indices.

    Parameters
    ----------
    logits : array (N, K), or (N, T, K) for sequences
    labels : integers 0 .. K − 1 (N,), or (N, T); or probabilities in the shape of ``logits``
    weight : array (K,) of numbers from 0, optional
        Weight of each class, for class indices: a sample counts as many times as its class's weight says. The
        mean is over these counts, :math:`\sum_n w_n L_n / \sum_n w_n`, as in PyTorch.
    reduction : "mean", "sum" or "none", which gives the (weighted) loss of each sample (N,)

    Raises
    ------
    TypeError
        If class indices are no integers, or ``weight`` holds no numbers.
    ValueError
        If labels lie outside the classes, probabilities do not sum to 1 or come with weights, or a weight is negative
        or NaN.

    References
    ----------
    Goodfellow, Bengio and Courville, "Deep learning", 2016, section 6.2.2.
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
        checks.fits("cross_entropy", labels.shape, logits.shape[:-1], "labels")
        checks.indices("cross_entropy", "labels", labels, logits.shape[-1])
        picked = np.arange(len(z)), labels.reshape(-1)
        each = np.log(total[:, 0]) - z[picked]
    counts = None
    if weight is not None:
        counts = _class_weights(weight, labels, logits)
        each = counts * each

    def gradient(dy):
        dz = p / total
        if labels.shape == logits.shape:
            dz -= t
        else:
            dz[picked] -= 1
        dz *= dy.reshape(-1, 1)
        if counts is not None:
            dz *= counts[:, None]
        return dz.reshape(logits.shape)
    return reduced("cross_entropy", each.reshape(logits.shape[:-1]), reduction, gradient,
                   None if counts is None or reduction != "mean" else _positive_sum(counts))


@operation
def hinge(scores, labels, *, reduction="mean"):
    """Hinge loss max(0, 1 − t s) of labels t = ±1; the slope is −t inside the margin (t s < 1), else 0.

    Parameters
    ----------
    scores, labels : arrays of one shape; labels −1 or 1
    reduction : "mean", "sum" or "none"

    Raises
    ------
    ValueError
        If a label is not −1 or 1.

    References
    ----------
    Cortes and Vapnik, "Support-vector networks", 1995.
    """
    checks.same_shape("hinge", scores=scores, labels=labels)
    wrong = np.abs(labels) != 1
    if wrong.any():
        raise ValueError(f"hinge expects labels -1 and 1, got {labels[wrong].flat[0]:.6g}")
    margin = 1 - labels * scores
    return reduced("hinge", np.maximum(margin, 0), reduction, lambda dy: -dy * labels * (margin > 0))


@operation
def kl_divergence(log_prediction, target, *, reduction="mean"):
    r"""Kullback–Leibler divergence :math:`\sum_j p_j (\log p_j - \log q_j)` of the prediction q from the target p.

    Its slope with respect to log q is −p. The arguments are those of PyTorch's ``kl_div``; the mean is over
    samples, PyTorch's ``"batchmean"`` (its ``"mean"`` divides by N K, which gives no divergence).

    Parameters
    ----------
    log_prediction : log q, array (N, K) or (N, T, K), as from ``log_softmax``
    target : p, array of the same shape, which sums to 1 along the last axis
    reduction : "mean", "sum" or "none", which gives the divergence of each sample (N,)

    Raises
    ------
    ValueError
        If log q > 0 (as when it is q itself), or the target is no distribution.

    References
    ----------
    Kullback and Leibler, "On information and sufficiency", 1951.
    """
    checks.same_shape("kl_divergence", log_prediction=log_prediction, target=target)
    if log_prediction.ndim == 0 or log_prediction.shape[-1] == 0:
        raise ValueError(f"kl_divergence expects log_prediction (N, K) with K >= 1, got {log_prediction.shape}")
    if log_prediction.size and log_prediction.max() > 1e-3:                     # up to rounding
        raise ValueError("kl_divergence expects log_prediction <= 0, the logarithm of probabilities, "
                         f"got {log_prediction.max():.6g}")
    checks.distribution("kl_divergence", "target", target)
    present = target > 0                        # 0 log 0 = 0
    log_target = np.log(target, where=present, out=np.zeros_like(target))
    each = (target * (log_target - np.where(present, log_prediction, 0))).sum(axis=-1)
    return reduced("kl_divergence", each, reduction, lambda dy: -dy[..., None] * target)
