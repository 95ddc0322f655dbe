r"""Against overfitting: penalties, dropout, batch and layer normalisation, early stopping (chapter 7)."""

import math

import numpy as np

from nnlib import checks
from nnlib.activations import identity
from nnlib.layers import Layer, Parameter
from nnlib.operation import operation


def is_weight(parameter):
    """Whether a parameter is a weight: an array of two axes or more. Biases, gains and shifts have one."""
    return parameter.value.ndim >= 2


class ElasticNet:
    r"""Penalty :math:`\lambda_1 \sum |w| + \frac{\lambda_2}{2} \sum w^2` on the size of the weights.

    Its gradient is :math:`\lambda_1 \operatorname{sign}(w) + \lambda_2 w`, with sign(0) = 0.

    Parameters
    ----------
    l1, l2 : float
        :math:`\lambda_1` and :math:`\lambda_2`, at least 0 (``ValueError``).
    select : callable
        ``select(parameter)`` says whether it is penalised. By default weights are, biases are not: a bias
        moves a decision line without making the function any wilder.

    References
    ----------
    Zou and Hastie, "Regularization and variable selection via the elastic net", 2005.
    """

    def __init__(self, l1=0.0, l2=0.0, *, select=is_weight):
        who = type(self).__name__
        checks.number(who, 0, l1=l1, l2=l2)
        if not callable(select):
            raise TypeError(f"{who} expects select as a function of a parameter, got {select!r}")
        self.l1, self.l2, self.select = float(l1), float(l2), select

    def penalty(self, parameters):
        """The penalty of a list of parameters, a float."""
        chosen = [p.value for p in parameters if self.select(p)]
        return float(sum(self.l1 * np.abs(w).sum() + self.l2 / 2 * np.vdot(w, w) for w in chosen))

    def add_gradients(self, parameters):
        """Add the penalty's gradient to ``grad`` of each penalised parameter."""
        for p in parameters:
            if self.select(p):
                if self.l1:
                    p.grad += self.l1 * np.sign(p.value)
                if self.l2:
                    p.grad += self.l2 * p.value


class L1(ElasticNet):
    r"""Penalty :math:`\lambda \sum |w|`; pulls every weight towards 0 with the same force (lasso).

    References
    ----------
    Tibshirani, "Regression shrinkage and selection via the lasso", 1996.
    """

    def __init__(self, strength, *, select=is_weight):
        super().__init__(l1=strength, select=select)


class L2(ElasticNet):
    r"""Penalty :math:`\frac{\lambda}{2} \sum w^2`; pulls a weight towards 0 in proportion to its size
    (ridge).

    Under plain SGD the same as ``weight_decay`` of that strength.

    References
    ----------
    Hoerl and Kennard, "Ridge regression: biased estimation for nonorthogonal problems", 1970.
    """

    def __init__(self, strength, *, select=is_weight):
        super().__init__(l2=strength, select=select)


@operation
def dropout(x, *, p=0.5, rng=None):
    """Set each element to 0 with probability ``p`` and divide the others by 1 − p, so that the mean stays.

    x of any shape; 0 <= p < 1 (``ValueError``).

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to prevent neural networks from
    overfitting", 2014.
    """
    checks.number("dropout", 0, 1, below=True, p=p)
    rng = checks.generator("dropout", rng)
    keep = rng.random(x.shape, dtype=np.float32) >= p  # the same draws for float32 and float64
    scaled = keep * x.dtype.type(1 / (1 - p))
    return x * scaled, lambda dy: (dy * scaled,)


class Dropout(Layer):
    """:func:`dropout` in training mode, nothing at all in evaluation mode.

    Parameters
    ----------
    p : float
        Probability that an element is dropped, 0 <= p < 1 (``ValueError``).
    rng : numpy.random.Generator
    """

    def __init__(self, p=0.5, *, rng=None):
        checks.number("Dropout", 0, 1, below=True, p=p)
        self.p, self.rng = p, checks.generator("Dropout", rng)

    def vjp(self, x):
        if self.training and self.p > 0:
            return self.apply(dropout, x, p=self.p, rng=self.rng)
        return self.apply(identity, x)


def _channel_axes(x):
    """All axes but the second: those that one channel's statistics run over."""
    return (0, *range(2, x.ndim))


def batch_statistics(x):
    """Mean and biased variance of each channel: x (N, C) or (N, C, H, W) -> (C,), (C,)."""
    return x.mean(axis=_channel_axes(x)), x.var(axis=_channel_axes(x))


@operation("(N,C)|(N,C,H,W),(C),(C)")
def batch_norm(x, gamma, beta, *, statistics=None, eps=1e-5):
    r"""Each channel to mean 0 and variance 1, then scaled and shifted: :math:`\gamma \hat x + \beta`.

    :math:`\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}`, with :math:`\mu` and the biased :math:`\sigma^2`
    of the channel over the batch, and over height and width in images. With m numbers in a channel,
    :math:`dx = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}} (dy - \frac{1}{m} \sum dy - \frac{\hat x}{m} \sum
    dy\, \hat x)`:
    the last two terms are there because mean and variance depend on x.

    x (N, C) or (N, C, H, W); gamma, beta (C,). ``statistics``: (mean, var), each (C,), fixed numbers to use
    instead of the batch's own, as in evaluation; then dx is just :math:`dy\, \gamma / \sqrt{\sigma^2 +
    \epsilon}`.

    Raises ``ValueError`` for other shapes, and for one number a channel without ``statistics``: it has no
    variance.

    References
    ----------
    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015.
    """
    checks.number("batch_norm", 0, eps=eps)
    axes, column = _channel_axes(x), (-1,) + (1,) * (x.ndim - 2)
    m = math.prod(x.shape[axis] for axis in axes)
    if statistics is None and m < 2:
        raise ValueError(f"batch_norm expects more than one number a channel in training, got {x.shape}: take larger "
                         "batches, and leave out a last one of one sample, as fit(..., drop_last=True) does")
    mean, var = batch_statistics(x) if statistics is None else (
        checks.shape("batch_norm", s, x.shape[1:2], name).astype(x.dtype, copy=False)
        for s, name in zip(statistics, ("mean", "var"), strict=True))
    scale = 1 / np.sqrt(var + eps)
    normal = (x - mean.reshape(column)) * scale.reshape(column)
    y = normal * gamma.reshape(column)
    y += beta.reshape(column)

    def pullback(dy):
        dbeta, dgamma = dy.sum(axis=axes), (dy * normal).sum(axis=axes)
        dx = dy
        if statistics is None:
            dx = dy - (dbeta / m).reshape(column) - normal * (dgamma / m).reshape(column)
        return dx * (gamma * scale).reshape(column), dgamma, dbeta
    return y, pullback


class BatchNorm(Layer):
    """:func:`batch_norm` with the batch's statistics in training, with running ones in evaluation.

    After each batch, running = (1 − momentum) · running + momentum · batch; the batch's variance enters
    unbiased, divided by m − 1. So ``momentum`` is PyTorch's (0.1), one minus the one of some other libraries.

    Parameters
    ----------
    num_features : int
        C, for x (N, C) or (N, C, H, W).
    eps : float
        At least 0.
    momentum : float
        0 to 1.
    dtype : float64 unless float32 is given

    Attributes
    ----------
    gamma, beta : Parameter (C,)
        Scale, ones at first, and shift, zeros at first.
    running_mean, running_var : arrays (C,)
        Buffers, saved with the weights; zeros and ones at first.

    Raises ``ValueError`` for x of another shape.
    """

    def __init__(self, num_features, eps=1e-5, momentum=0.1, *, dtype=np.float64):
        checks.count("BatchNorm", num_features=num_features)
        checks.number("BatchNorm", 0, eps=eps)
        checks.number("BatchNorm", 0, 1, momentum=momentum)
        dtype = checks.precision("BatchNorm", dtype)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.gamma = Parameter(np.ones(num_features, dtype), "gamma")
        self.beta = Parameter(np.zeros(num_features, dtype), "beta")
        self.running_mean, self.running_var = np.zeros(num_features, dtype), np.ones(num_features, dtype)

    def buffers(self):
        return {"running_mean": self.running_mean, "running_var": self.running_var}

    def vjp(self, x):
        fixed = None if self.training else (self.running_mean, self.running_var)
        y, pullback = self.apply(batch_norm, x, self.gamma, self.beta, eps=self.eps, statistics=fixed)
        if self.training:
            m, (mean, var) = y.size // self.num_features, batch_statistics(np.asarray(x))
            for running, new in (self.running_mean, mean), (self.running_var, var * (m / (m - 1))):
                running *= 1 - self.momentum
                running += self.momentum * new
        return y, pullback


@operation("(...,N,D),(...,D),(...,D)")
def layer_norm(x, gamma, beta, *, eps=1e-5):
    r"""Each sample to mean 0 and variance 1 over its features, then :math:`\gamma \hat x + \beta`.

    The features are the last axes, as many as gamma has: x (N, D) or (N, T, D) with gamma, beta (D,); x (N,
    C, H, W) with (C, H, W). :math:`\hat x = (x - \mu) / \sqrt{\sigma^2 + \epsilon}` with the biased variance;
    dx as in :func:`batch_norm`, with sums over the features and :math:`dy\,\gamma` for dy. Training and
    evaluation do not differ.

    Raises ``ValueError`` for other shapes.

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization", 2016.
    """
    checks.fits("layer_norm", x.shape, (..., "N", *gamma.shape), "x")
    checks.same_shape("layer_norm", gamma=gamma, beta=beta)
    checks.number("layer_norm", 0, eps=eps)
    axes, samples = tuple(range(-gamma.ndim, 0)), tuple(range(x.ndim - gamma.ndim))
    scale = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + eps)
    normal = (x - x.mean(axis=axes, keepdims=True)) * scale
    y = normal * gamma
    y += beta

    def pullback(dy):
        dnormal = dy * gamma
        dx = dnormal - dnormal.mean(axis=axes, keepdims=True)
        dx -= normal * (dnormal * normal).mean(axis=axes, keepdims=True)
        dx *= scale
        return dx, (dy * normal).sum(axis=samples), dy.sum(axis=samples)
    return y, pullback


class LayerNorm(Layer):
    """:func:`layer_norm` as a layer; no running statistics, the same in training and evaluation.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        D, or the last axes of x, such as (C, H, W).
    eps : float
        At least 0.
    dtype : float64 unless float32 is given

    Attributes
    ----------
    gamma, beta : Parameter
        Scale, ones at first, and shift, zeros at first, of ``normalized_shape``.
    """

    def __init__(self, normalized_shape, eps=1e-5, *, dtype=np.float64):
        shape = tuple(normalized_shape) if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        for size in shape:
            checks.count("LayerNorm", normalized_shape=size)
        checks.number("LayerNorm", 0, eps=eps)
        dtype = checks.precision("LayerNorm", dtype)
        self.normalized_shape, self.eps = shape, eps
        self.gamma = Parameter(np.ones(shape, dtype), "gamma")
        self.beta = Parameter(np.zeros(shape, dtype), "beta")

    def vjp(self, x):
        checks.fits("LayerNorm", np.shape(x), (..., "N", *self.normalized_shape), brief=True)
        return self.apply(layer_norm, x, self.gamma, self.beta, eps=self.eps)


class EarlyStopping:
    """Stop when the validation loss has not improved for ``patience`` epochs; keep the weights of the best
    epoch.

    Parameters
    ----------
    patience : int
        Epochs without improvement after which to stop, at least 1.
    min_delta : float
        An improvement is a fall of more than this, at least 0.

    Attributes
    ----------
    best_value : float
        Lowest loss so far, infinity at first.
    best_epoch : int
        Its epoch, counted from 1; 0 before any.

    References
    ----------
    Prechelt, "Early stopping, but when?", 1998.
    """

    def __init__(self, patience=5, min_delta=0.0):
        checks.count("EarlyStopping", patience=patience)
        checks.number("EarlyStopping", 0, min_delta=min_delta)
        self.patience, self.min_delta = patience, min_delta
        self.reset()

    def reset(self):
        """Forget everything seen, for a new training."""
        self.best_value, self.best_epoch, self.epoch, self._best = math.inf, 0, 0, None

    def update(self, value, model):
        """Take the loss after one more epoch; copy the weights if it is the best. Returns whether to stop."""
        self.epoch += 1
        if value < self.best_value - self.min_delta:
            self.best_value, self.best_epoch = value, self.epoch
            self._best = {name: array.copy() for name, array in model.named_arrays().items()}
        return self.epoch - self.best_epoch >= self.patience

    def restore(self, model):
        """Give ``model`` the weights of its best epoch; before any, leave it as it is."""
        if self._best is not None:
            arrays = model.named_arrays()
            mine, its = ({name: array.shape for name, array in each.items()} for each in (self._best, arrays))
            if mine != its:
                raise ValueError(f"EarlyStopping expects the model that it has watched, with {mine}, got {its}")
            for name, array in arrays.items():
                array[...] = self._best[name]
