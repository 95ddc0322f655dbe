"""Activation functions, each with its derivative beside it (chapter 2).

``tanh(x)`` is the value, ``tanh.derivative(x)`` the derivative at each element, ``tanh.vjp(x)`` the value and
the pullback. Options have PyTorch's names and, unless noted, its defaults. All are finite for finite inputs,
where the value is one that floats reach.

At a kink the derivative is that of the left side, as in PyTorch: relu'(0) = 0.
"""

import numpy as np

from nnlib import checks
from nnlib.operation import operation
from nnlib.special import erfc


@operation(elementwise=True)
def identity(x):
    """f(x) = x, with f'(x) = 1: the output of a network for regression."""
    return x, lambda dy: (dy,)


@operation(elementwise=True)
def step(x):
    """Heaviside step: 1 where x >= 0, else 0. The derivative is 0 (undefined at 0), so nothing can be learned.

    References
    ----------
    McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.
    """
    return (x >= 0).astype(x.dtype), lambda dy: (np.zeros_like(dy),)


@operation(elementwise=True)
def sigmoid(x):
    r"""Logistic function :math:`\sigma(x) = 1 / (1 + e^{-x})`, range (0, 1), with :math:`\sigma' = \sigma (1 - \sigma)`.

    References
    ----------
    Rumelhart, Hinton and Williams, "Learning representations by back-propagating errors", 1986.
    """
    with np.errstate(over="ignore"):            # e^1000 becomes inf, and 1 / inf the right answer, 0
        y = 1 / (1 + np.exp(-x))
    return y, lambda dy: (dy * (y * (1 - y)),)


@operation(elementwise=True)
def tanh(x):
    r"""Hyperbolic tangent, range (−1, 1), with :math:`\tanh' = 1 - \tanh^2`; tanh(x) = 2 sigmoid(2x) − 1.

    References
    ----------
    LeCun, Bottou, Orr and Müller, "Efficient backprop", 1998.
    """
    y = np.tanh(x)
    return y, lambda dy: (dy * (1 - y * y),)


@operation(elementwise=True)
def relu(x):
    """Rectified linear unit max(0, x); the derivative is 1 for x > 0, else 0.

    References
    ----------
    Nair and Hinton, "Rectified linear units improve restricted Boltzmann machines", 2010.
    """
    y = np.maximum(x, 0)
    return y, lambda dy: (dy * (y > 0),)


@operation(elementwise=True)
def leaky_relu(x, *, negative_slope=0.01):
    """x for x > 0, else ``negative_slope`` · x; the derivative is 1 for x > 0, else ``negative_slope``.

    References
    ----------
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models", 2013.
    """
    checks.number("leaky_relu", negative_slope=negative_slope)
    return np.where(x > 0, x, negative_slope * x), lambda dy: (np.where(x > 0, dy, negative_slope * dy),)


@operation(elementwise=True)
def prelu(x, alpha):
    """x for x > 0, else α x, where α is learned: one for all, or one for each channel.

    ``alpha`` is an array: () or (1,); or (C,) for ``x`` (N, C) or (N, C, ...). Its gradient sums dy x over the
    elements with x <= 0.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
    """
    if alpha.size == 1:
        a, others = alpha.reshape(()), None
    else:                                       # channels are axis 1
        checks.shape("prelu", alpha, (x.shape[1] if x.ndim > 1 else 1,), "alpha")
        a, others = alpha.reshape((-1,) + (1,) * (x.ndim - 2)), tuple(i for i in range(x.ndim) if i != 1)
    return np.where(x > 0, x, a * x), lambda dy: (
        np.where(x > 0, dy, a * dy), np.where(x > 0, 0, dy * x).sum(axis=others).reshape(alpha.shape))


@operation(elementwise=True)
def elu(x, *, alpha=1.0):
    r"""Exponential linear unit: x for x > 0, else :math:`\alpha (e^x - 1)`, with derivative :math:`\alpha e^x`.

    References
    ----------
    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by ELUs", 2016.
    """
    checks.number("elu", alpha=alpha)
    negative = np.minimum(x, 0)                 # e^x would overflow where it is not used
    return np.where(x > 0, x, alpha * np.expm1(negative)), lambda dy: (
        np.where(x > 0, dy, dy * alpha * np.exp(negative)),)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805     # mean 0 and variance 1 are a fixed point


@operation(elementwise=True)
def selu(x):
    """1.0507 · elu(x, alpha=1.6733): its two constants keep mean 0 and variance 1 from layer to layer.

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", 2017.
    """
    y, pullback = elu.vjp(x, alpha=SELU_ALPHA)
    return SELU_SCALE * y, lambda dy: pullback(SELU_SCALE * dy)


@operation(elementwise=True)
def softplus(x, *, beta=1.0):
    r"""Smooth ReLU :math:`\log(1 + e^{\beta x}) / \beta`; the derivative is :math:`\sigma(\beta x)`. beta > 0.

    Exact everywhere; PyTorch gives x where beta x > 20, which is off by up to 2e-9.

    References
    ----------
    Dugas, Bengio, Bélisle, Nadeau and Garcia, "Incorporating second-order functional knowledge for better
    option pricing", 2000.
    """
    checks.number("softplus", 0, above=True, beta=beta)
    with np.errstate(over="ignore"):
        z = beta * x
    y = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))     # four times as fast as logaddexp
    y = y / beta
    if beta > 1:                                # beta x may be too large where y = x is not
        y = np.where(np.isinf(z), np.maximum(x, 0), y)[()]
    return y, lambda dy: (dy * sigmoid.vjp(z)[0],)


@operation(elementwise=True)
def swish(x, *, beta=1.0):
    r"""Swish :math:`x \sigma(\beta x)`, called SiLU when beta = 1.

    The derivative is :math:`\sigma(\beta x) + \beta x \sigma(\beta x) (1 - \sigma(\beta x))`.

    References
    ----------
    Ramachandran, Zoph and Le, "Searching for activation functions", 2017.
    """
    checks.number("swish", beta=beta)
    with np.errstate(over="ignore"):
        z = np.clip(beta * x, -1e3, 1e3)        # beyond, s is 0 or 1 and inf times 0 no number
    s = sigmoid.vjp(z)[0]
    return x * s, lambda dy: (dy * (s + z * s * (1 - s)),)


@operation(elementwise=True)
def mish(x):
    r"""Mish :math:`x t` with :math:`t = \tanh(\log(1 + e^x))`; the derivative is :math:`t + x (1 - t^2) \sigma(x)`.

    References
    ----------
    Misra, "Mish: a self regularized non-monotonic activation function", 2020.
    """
    t = np.tanh(np.logaddexp(0, x))
    return x * t, lambda dy: (dy * (t + x * (1 - t * t) * sigmoid.vjp(x)[0]),)


@operation(elementwise=True)
def gelu(x, *, approximate="none"):
    r"""Gaussian error linear unit :math:`x \Phi(x)`, with Φ the distribution function of the standard normal.

    The derivative is :math:`\Phi(x) + x e^{-x^2/2} / \sqrt{2\pi}`. ``approximate="tanh"`` is the older
    :math:`\frac{x}{2} (1 + \tanh(\sqrt{2/\pi} (x + 0.044715 x^3)))`, off by at most 5e-4.

    References
    ----------
    Hendrycks and Gimpel, "Gaussian error linear units", 2016.
    """
    checks.choice("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        c, a = float(np.sqrt(2 / np.pi)), 0.044715
        z = np.clip(x, -1e3, 1e3)               # beyond, t is −1 or 1 and inf times 0 no number
        t = np.tanh(c * (z + a * z * z * z))
        return 0.5 * x * (1 + t), lambda dy: (
            dy * (0.5 * (1 + t) + 0.5 * z * (1 - t * t) * c * (1 + 3 * a * z * z)),)
    cdf = 0.5 * erfc(x * -float(np.sqrt(0.5)))
    return x * cdf, lambda dy: (dy * (cdf + x * np.exp(-0.5 * x * x) / float(np.sqrt(2 * np.pi))),)


@operation(elementwise=True)
def hard_sigmoid(x, *, slope=0.5):
    """Straight-line sigmoid max(0, min(1, slope x + 1/2)); the derivative is ``slope`` between its kinks, else 0.

    Three slopes are in use: 1/2 (here, and in binary networks), 1/5 (Theano, older Keras), 1/6 (PyTorch).
    slope > 0.

    References
    ----------
    Courbariaux, Hubara, Soudry, El-Yaniv and Bengio, "Binarized neural networks", 2016.
    """
    checks.number("hard_sigmoid", 0, above=True, slope=slope)
    line = slope * x + 0.5
    return np.clip(line, 0, 1), lambda dy: (dy * slope * ((line > 0) & (line < 1)),)


@operation(elementwise=True)
def hard_tanh(x):
    """Straight-line tanh max(−1, min(1, x)); the derivative is 1 for −1 < x < 1, else 0.

    References
    ----------
    Collobert, "Large scale machine learning", 2004.
    """
    return np.clip(x, -1, 1), lambda dy: (dy * ((x > -1) & (x < 1)),)


@operation
def softmax(x, *, axis=-1):
    r"""Probabilities :math:`p_i = e^{x_i} / \sum_j e^{x_j}` along ``axis``: positive, with sum 1.

    The largest x is taken off first: the same in exact arithmetic, and no e^x overflows. The Jacobian is
    diag(p) − p pᵀ (for one vector, ``softmax.jacobian(x)``), so dx = p (dy − p · dy).

    Parameters
    ----------
    x : array of any shape with at least one element along ``axis``

    Returns
    -------
    Array of the shape and dtype of ``x``.

    Raises
    ------
    TypeError
        If ``x`` does not hold real numbers, or ``axis`` is no integer.
    ValueError
        If ``x`` holds NaN or has no such axis.

    References
    ----------
    Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """
    axis = _along("softmax", x, axis)
    p = np.exp(x - x.max(axis, keepdims=True))
    p /= p.sum(axis, keepdims=True)
    return p, lambda dy: (p * (dy - (p * dy).sum(axis, keepdims=True)),)


@operation
def log_softmax(x, *, axis=-1):
    r"""Logarithm of :func:`softmax`, :math:`x_i - \log \sum_j e^{x_j}`, which never takes log(0).

    Its pullback is dx = dy − p Σ dy. Parameters, result and errors are those of softmax.
    """
    axis = _along("log_softmax", x, axis)
    y = x - x.max(axis, keepdims=True)
    y -= np.log(np.exp(y).sum(axis, keepdims=True))
    return y, lambda dy: (dy - np.exp(y) * dy.sum(axis, keepdims=True),)


def _along(who, x, axis):
    """``axis`` as one of the axes 0 .. x.ndim − 1 that holds an element."""
    found = checks.axes(who, axis, x.ndim) if x.ndim else ()
    if len(found) != 1 or x.shape[found[0]] == 0:
        raise ValueError(f"{who} expects one axis with at least one element, got axis {axis} of {x.shape}")
    return found[0]
