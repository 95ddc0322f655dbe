"""Initial weights (chapter 5).

Each function is called as ``he_normal(shape, rng)``. The same state of the generator gives the same weights in
float32 and float64, up to rounding.
"""

import math

import numpy as np

from nnlib import checks


def fans(shape):
    """(fan_in, fan_out): how many inputs one unit sums, and how many units one input feeds.

    (in, out) for the weights of a dense layer, shape (in, out); (C K K, F K K) for a convolution's, (F, C, K, K).

    Raises
    ------
    ValueError
        If ``shape`` has fewer than two axes.
    """
    if np.ndim(shape) == 0 or len(shape) < 2:
        raise ValueError(f"fans expects the shape (in, out) or (F, C, K, ...), got {shape}")
    if len(shape) == 2:
        return shape
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def drawn(who, init, shape, rng, dtype):
    """The first weights of a layer, as ``init`` draws them; another shape would make another layer."""
    return checks.shape(who, init(shape, checks.generator(who, rng), dtype), shape, "from init")


def zeros(shape, rng=None, dtype=np.float64):
    """All zeros: right for biases; for weights it leaves all units of a layer alike for ever.

    Parameters
    ----------
    shape : int or tuple
    rng : not used
    dtype : float64 or float32
    """
    return np.zeros(shape, checks.precision("zeros", dtype))


def normal(shape, rng=None, dtype=np.float64, std=0.01):
    """Normal distribution with mean 0 and standard deviation ``std``.

    Parameters
    ----------
    shape : tuple
    rng : numpy Generator; without one, numbers differ each time
    dtype : float64 or float32
    std : number of at least 0

    Raises
    ------
    TypeError, ValueError
        If ``rng`` is no generator or ``std`` no such number.
    """
    checks.number("normal", 0, std=std)
    return (std * checks.generator("normal", rng).standard_normal(shape)).astype(checks.precision("normal", dtype))


def xavier_uniform(shape, rng=None, dtype=np.float64, gain=1.0):
    """Uniform in ±gain √(6 / (fan_in + fan_out)): under tanh, signals and gradients keep their variance.

    Parameters, errors and source as in :func:`xavier_normal`.
    """
    return _uniform("xavier_uniform", shape, rng, dtype, _xavier_std("xavier_uniform", shape, gain))


def xavier_normal(shape, rng=None, dtype=np.float64, gain=1.0):
    """Normal distribution with standard deviation gain √(2 / (fan_in + fan_out)).

    Parameters
    ----------
    shape : tuple, (in, out) or (F, C, K, K)
    rng : numpy Generator; without one, numbers differ each time
    dtype : float64 or float32
    gain : number of at least 0

    Raises
    ------
    TypeError, ValueError
        If ``shape`` has fewer than two axes, ``rng`` is no generator, or ``gain`` no such number.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.
    """
    return normal(shape, rng, dtype, _xavier_std("xavier_normal", shape, gain))


def he_uniform(shape, rng=None, dtype=np.float64, gain=math.sqrt(2), mode="fan_in"):
    """Uniform in ±gain √(3 / fan): under ReLU, signals keep their mean square.

    Parameters, errors and source as in :func:`he_normal`.
    """
    return _uniform("he_uniform", shape, rng, dtype, _he_std("he_uniform", shape, gain, mode))


def he_normal(shape, rng=None, dtype=np.float64, gain=math.sqrt(2), mode="fan_in"):
    """Normal distribution with standard deviation gain / √fan. The gain √2 makes up for what ReLU cuts off.

    Parameters
    ----------
    shape : tuple, (in, out) or (F, C, K, K)
    rng : numpy Generator; without one, numbers differ each time
    dtype : float64 or float32
    gain : number of at least 0
    mode : "fan_in" keeps the size of signals, "fan_out" that of gradients

    Raises
    ------
    TypeError, ValueError
        If ``shape`` has fewer than two axes, ``rng`` is no generator, ``gain`` no such number or ``mode`` unknown.

    References
    ----------
    He, Zhang, Ren and Sun, "Delving deep into rectifiers", 2015.
    """
    return normal(shape, rng, dtype, _he_std("he_normal", shape, gain, mode))


def orthogonal(shape, rng=None, dtype=np.float64, gain=1.0):
    """gain · Q with orthonormal rows or columns, whichever are fewer: signals and gradients keep their length.

    Q comes from the QR decomposition of a normal matrix. With the diagonal of R made positive, all orthogonal
    matrices are equally likely (Mezzadri, "How to generate random matrices from the classical compact groups",
    2007). More than two axes count as (first, all others).

    Parameters
    ----------
    shape, rng, dtype, gain : as in :func:`xavier_normal`, with its errors

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks", 2014.
    """
    checks.number("orthogonal", 0, gain=gain)
    fans(shape)                                 # refuses shapes with fewer than two axes
    rows, columns = shape[0], math.prod(shape[1:])
    rng = checks.generator("orthogonal", rng)
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(checks.precision("orthogonal", dtype))


def _uniform(who, shape, rng, dtype, std):
    """Uniform distribution with mean 0 and standard deviation ``std``, whose bound is √3 std."""
    bound = math.sqrt(3) * std
    return checks.generator(who, rng).uniform(-bound, bound, shape).astype(checks.precision(who, dtype))


def _xavier_std(who, shape, gain):
    checks.number(who, 0, gain=gain)
    return gain * math.sqrt(2 / max(1, sum(fans(shape))))


def _he_std(who, shape, gain, mode):
    checks.number(who, 0, gain=gain)
    checks.choice(who, "mode", mode, ("fan_in", "fan_out"))
    return gain / math.sqrt(max(1, fans(shape)[mode == "fan_out"]))
