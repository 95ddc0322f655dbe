r"""Activation functions, each with its derivative beside it (chapter 2).

Every activation is an :class:`~nnlib.operation.Operation` on an array ``x`` of any shape and returns an array of that
shape. ``tanh(x)`` is the value, ``tanh.derivative(x)`` the derivative at each element, ``tanh.vjp(x)`` the value and the
pullback. Options have PyTorch's names and, unless noted, its defaults. All are finite for finite inputs.

Raises (each of them): ``TypeError`` if ``x`` does not hold real numbers or an option is no number, ``ValueError`` if
``x`` holds NaN or an option is out of range.

At a kink the derivative is that of the left side, as in PyTorch: relu'(0) = 0, leaky_relu'(0) = negative_slope.
"""

import numpy as np

from nnlib import checks
from nnlib.operation import operation
from nnlib.special import erfc


@operation(elementwise=True)
def identity(x):
    """f(x) = x, f'(x) = 1: the output of a regression network."""
    return x, lambda dy: (dy,)


@operation(elementwise=True)
def step(x):
    """Heaviside step: 1 where x >= 0, else 0; the derivative is 0 everywhere (undefined at 0), so nothing is learned.

    McCulloch and Pitts, *Bulletin of Mathematical Biophysics* 5, 1943.
    """
    return (x >= 0).astype(x.dtype), lambda dy: (np.zeros_like(dy),)


@operation(elementwise=True)
def sigmoid(x):
    r"""Logistic function :math:`\sigma(x) = 1 / (1 + e^{-x})`, range (0, 1); :math:`\sigma' = \sigma (1 - \sigma)`."""
    with np.errstate(over="ignore"):            # e^1000 becomes inf, and 1 / inf the right answer, 0
        y = np.exp(-x)
        y += 1
        y = 1 / y
    return y, lambda dy: (dy * (y * (1 - y)),)


@operation(elementwise=True)
def tanh(x):
    r"""Hyperbolic tangent, range (-1, 1); :math:`\tanh' = 1 - \tanh^2`. tanh(x) = 2 sigmoid(2x) - 1."""
    y = np.tanh(x)
    return y, lambda dy: (dy * (1 - y * y),)


@operation(elementwise=True)
def relu(x):
    """Rectified linear unit max(0, x); the derivative is 1 for x > 0, else 0.

    Nair and Hinton, *ICML*, 2010.
    """
    y = np.maximum(x, 0)
    return y, lambda dy: (dy * (y > 0),)


@operation(elementwise=True)
def leaky_relu(x, *, negative_slope=0.01):
    """x for x > 0, else ``negative_slope`` · x.

    Maas, Hannun and Ng, *ICML workshop on deep learning for audio, speech and language processing*, 2013.
    """
    checks.number("leaky_relu", "negative_slope", negative_slope)
    slope = np.where(x > 0, x.dtype.type(1), x.dtype.type(negative_slope))
    return x * slope, lambda dy: (dy * slope,)


@operation(elementwise=True)
def prelu(x, alpha):
    """x for x > 0, else α · x, where α is learned: one α (shape () or (1,)), or one a channel (x (N, C, ...), alpha (C,)).

    The gradient with respect to α sums dy · x over the elements with x <= 0 that use it.
    He, Zhang, Ren and Sun, *ICCV*, 2015.
    """
    if alpha.size == 1:
        a, others = alpha.reshape(()), None
    else:                                       # channels are axis 1
        checks.shape("prelu", alpha, (x.shape[1] if x.ndim > 1 else 1,), "alpha")
        a, others = alpha.reshape((-1,) + (1,) * (x.ndim - 2)), tuple(i for i in range(x.ndim) if i != 1)
    negative = np.minimum(x, 0)

    def pullback(dy):
        return dy * np.where(x > 0, 1, a), (dy * negative).sum(axis=others).reshape(alpha.shape)
    return np.maximum(x, 0) + a * negative, pullback


@operation(elementwise=True)
def elu(x, *, alpha=1.0):
    r"""Exponential linear unit: x for x > 0, else :math:`\alpha (e^x - 1)`, with derivative :math:`\alpha e^x`.

    Clevert, Unterthiner and Hochreiter, *ICLR*, 2016.
    """
    checks.number("elu", "alpha", alpha)
    negative = np.minimum(x, 0)
    y = np.where(x > 0, x, alpha * np.expm1(negative))
    return y, lambda dy: (dy * np.where(x > 0, 1, alpha * np.exp(negative)),)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805     # mean 0 and variance 1 are a fixed point


@operation(elementwise=True)
def selu(x):
    """Self-normalising ELU: 1.0507 · elu(x, alpha=1.6733). Its two constants keep mean 0 and variance 1 from layer to layer.

    Klambauer, Unterthiner, Mayr and Hochreiter, *NeurIPS*, 2017.
    """
    y, pullback = elu.vjp(x, alpha=SELU_ALPHA)
    return SELU_SCALE * y, lambda dy: pullback(SELU_SCALE * dy)


@operation(elementwise=True)
def softplus(x, *, beta=1.0):
    r"""Smooth ReLU :math:`\log(1 + e^{\beta x}) / \beta`; the derivative is :math:`\sigma(\beta x)`.

    Exact everywhere (PyTorch switches to x above ``beta * x = 20``, an error of 2e-9). Dugas et al., *NeurIPS*, 2000.
    """
    checks.number("softplus", "beta", beta, 0, above=True)
    return np.logaddexp(0, beta * x) / beta, lambda dy: (dy * sigmoid.vjp(beta * x)[0],)


@operation(elementwise=True)
def swish(x, *, beta=1.0):
    r"""Swish :math:`x \sigma(\beta x)`; with beta = 1 also called SiLU.

    Ramachandran, Zoph and Le, *Searching for activation functions*, arXiv:1710.05941, 2017.
    """
    checks.number("swish", "beta", beta)
    s = sigmoid.vjp(beta * x)[0]
    return x * s, lambda dy: (dy * (s + beta * x * s * (1 - s)),)


@operation(elementwise=True)
def mish(x):
    r"""Mish :math:`x \tanh(\operatorname{softplus}(x))`. Misra, *BMVC*, 2020."""
    t = np.tanh(np.logaddexp(0, x))
    return x * t, lambda dy: (dy * (t + x * (1 - t * t) * sigmoid.vjp(x)[0]),)


@operation(elementwise=True)
def gelu(x, *, approximate="none"):
    r"""Gaussian error linear unit :math:`x \Phi(x)`, where Φ is the standard normal distribution function.

    ``approximate="tanh"`` is the older approximation
    :math:`\frac{x}{2} (1 + \tanh(\sqrt{2/\pi} (x + 0.044715 x^3)))`, off by at most 5e-4.
    Hendrycks and Gimpel, *Gaussian error linear units*, arXiv:1606.08415, 2016.
    """
    checks.choice("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        c, a = float(np.sqrt(2 / np.pi)), 0.044715
        t = np.tanh(c * (x + a * x * x * x))
        return 0.5 * x * (1 + t), lambda dy: (
            dy * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * c * (1 + 3 * a * x * x)),)
    cdf = 0.5 * erfc(x * -float(np.sqrt(0.5)))
    return x * cdf, lambda dy: (dy * (cdf + x * np.exp(-0.5 * x * x) / float(np.sqrt(2 * np.pi))),)


@operation(elementwise=True)
def hard_sigmoid(x, *, slope=0.5):
    """Straight-line sigmoid max(0, min(1, slope · x + 1/2)); the derivative is ``slope`` between the two kinks, else 0.

    Three slopes are in use: 1/2 (the default here; binary networks), 1/5 (Theano, older Keras) and 1/6 (PyTorch).
    Courbariaux et al., *Binarized neural networks*, arXiv:1602.02830, 2016.
    """
    checks.number("hard_sigmoid", "slope", slope, 0, above=True)
    line = slope * x + 0.5
    return np.clip(line, 0, 1), lambda dy: (dy * slope * ((line > 0) & (line < 1)),)


@operation(elementwise=True)
def hard_tanh(x):
    """Straight-line tanh max(-1, min(1, x)); the derivative is 1 for -1 < x < 1, else 0.

    Collobert, *Large scale machine learning*, PhD thesis, Université Paris 6, 2004.
    """
    return np.clip(x, -1, 1), lambda dy: (dy * ((x > -1) & (x < 1)),)


@operation
def softmax(x, *, axis=-1):
    r"""Probabilities :math:`p_i = e^{x_i} / \sum_j e^{x_j}` along ``axis``: positive, and their sum is 1.

    The largest x is taken off first, which changes nothing in exact arithmetic and keeps e^x from overflowing.
    The Jacobian is diag(p) - p pᵀ (``softmax.jacobian(x)`` for one vector x), so dx = p (dy - p · dy).
    Bridle, *NATO ASI series* F 68, 1990.
    """
    p = np.exp(x - _largest("softmax", x, axis))
    p /= p.sum(axis=axis, keepdims=True)
    return p, lambda dy: (p * (dy - (p * dy).sum(axis=axis, keepdims=True)),)


@operation
def log_softmax(x, *, axis=-1):
    r"""Logarithm of softmax, :math:`x_i - \log \sum_j e^{x_j}` along ``axis``, without ever taking log(0)."""
    y = x - _largest("log_softmax", x, axis)
    y -= np.log(np.exp(y).sum(axis=axis, keepdims=True))
    return y, lambda dy: (dy - np.exp(y) * dy.sum(axis=axis, keepdims=True),)


def _largest(who, x, axis):
    """Maximum along ``axis``, kept as an axis of size 1."""
    if not isinstance(axis, (int, np.integer)) or not -x.ndim <= axis < x.ndim or x.shape[axis] == 0:
        raise ValueError(f"{who} expects an axis with at least one element, got axis {axis!r} of shape {x.shape}")
    return x.max(axis=axis, keepdims=True)
