r"""Initial weights (chapter 5). Each is called as ``he_normal(shape, rng)`` and returns an array of that shape.

``fan_in`` is the number of inputs one unit sums, ``fan_out`` the number of units one input feeds: (in, out) for the
weights of a dense layer, shape (in, out); (C K², F K²) for those of a convolution, shape (F, C, K, K).

Parameters (each of them): ``shape``, a tuple of sizes; ``rng``, a ``numpy.random.Generator`` (None: a fresh one, different
each time); ``dtype``, float64 unless given. The same generator state gives the same weights in float32 and float64, up to
rounding. Raises ``ValueError`` for a shape without fans and for a negative scale, ``TypeError`` for another ``rng``.
"""

import math

import numpy as np

from nnlib import checks


def fans(shape):
    """(fan_in, fan_out) of a weight array of this shape: (in, out) or (F, C, K, ...)."""
    if len(shape) < 2:
        raise ValueError(f"fans expects the shape (in, out) or (F, C, K, ...), got {tuple(shape)}")
    if len(shape) == 2:
        return shape
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def zeros(shape, rng=None, dtype=np.float64):
    """All zeros: right for biases; for weights it leaves all units of a layer alike for ever."""
    return np.zeros(shape, dtype)


def normal(shape, rng=None, dtype=np.float64, std=0.01):
    """Normal distribution with mean 0 and standard deviation ``std``."""
    checks.number("normal", "std", std, 0)
    return (std * checks.generator("normal", rng).standard_normal(shape)).astype(dtype)


def _uniform(who, shape, rng, dtype, std):
    """Uniform distribution with mean 0 and standard deviation ``std``: its bound is √3 std."""
    bound = math.sqrt(3) * std
    return checks.generator(who, rng).uniform(-bound, bound, shape).astype(dtype)


def _xavier_std(who, shape, gain):
    checks.number(who, "gain", gain, 0)
    return gain * math.sqrt(2 / max(1, sum(fans(shape))))


def _he_std(who, shape, gain, mode):
    checks.number(who, "gain", gain, 0)
    checks.choice(who, "mode", mode, ("fan_in", "fan_out"))
    return gain / math.sqrt(max(1, fans(shape)[mode == "fan_out"]))


def xavier_uniform(shape, rng=None, dtype=np.float64, gain=1.0):
    """Uniform in ±gain √(6 / (fan_in + fan_out)): keeps the variance of signals and gradients under tanh.

    Glorot and Bengio, *AISTATS*, 2010.
    """
    return _uniform("xavier_uniform", shape, rng, dtype, _xavier_std("xavier_uniform", shape, gain))


def xavier_normal(shape, rng=None, dtype=np.float64, gain=1.0):
    """Normal with standard deviation gain √(2 / (fan_in + fan_out)). Glorot and Bengio, *AISTATS*, 2010."""
    return normal(shape, rng, dtype, _xavier_std("xavier_normal", shape, gain))


def he_uniform(shape, rng=None, dtype=np.float64, gain=math.sqrt(2), mode="fan_in"):
    """Uniform in ±gain √(3 / fan): keeps the mean square of signals under ReLU (``mode="fan_out"``: of gradients).

    The gain √2 makes up for the half that ReLU cuts off. He, Zhang, Ren and Sun, *ICCV*, 2015.
    """
    return _uniform("he_uniform", shape, rng, dtype, _he_std("he_uniform", shape, gain, mode))


def he_normal(shape, rng=None, dtype=np.float64, gain=math.sqrt(2), mode="fan_in"):
    """Normal with standard deviation gain / √fan. He, Zhang, Ren and Sun, *ICCV*, 2015."""
    return normal(shape, rng, dtype, _he_std("he_normal", shape, gain, mode))


def orthogonal(shape, rng=None, dtype=np.float64, gain=1.0):
    """gain · Q with orthonormal rows or columns, whichever are fewer; more than two axes count as (first, all others).

    Q is uniform over such matrices: the QR decomposition of a normal matrix, with R's diagonal made positive (Mezzadri,
    *Notices of the AMS* 54, 2007). Lengths of signals and gradients are kept. Saxe, McClelland and Ganguli, *ICLR*, 2014.
    """
    checks.number("orthogonal", "gain", gain, 0)
    fans(shape)                                 # refuses shapes with fewer than two axes
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = np.linalg.qr(normal((max(rows, columns), min(rows, columns)), rng, std=1.0))
    q *= np.sign(np.diag(r))
    return (gain * (q if rows >= columns else q.T)).reshape(shape).astype(dtype)
