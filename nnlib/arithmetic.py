"""Arithmetic on arrays as operations, for :class:`nnlib.Tensor` (chapter 4).

Where NumPy's broadcasting repeats an array, the pullback sums over the repeats. Shapes that do not fit are
refused by NumPy, with a ``ValueError``.
"""

import numpy as np

from nnlib import checks
from nnlib.operation import operation


def _unbroadcast(dy, shape):
    """Sum ``dy`` over the axes along which an array of ``shape`` was repeated."""
    extra = dy.ndim - len(shape)
    repeated = [i for i, n in enumerate(dy.shape) if i < extra or n != shape[i - extra]]
    return dy.sum(axis=tuple(repeated)).reshape(shape)


@operation
def add(a, b):
    """a + b, with NumPy's broadcasting."""
    return a + b, lambda dy: (_unbroadcast(dy, a.shape), _unbroadcast(dy, b.shape))


@operation
def subtract(a, b):
    """a − b, with NumPy's broadcasting."""
    return a - b, lambda dy: (_unbroadcast(dy, a.shape), _unbroadcast(-dy, b.shape))


@operation
def multiply(a, b):
    """a b, element by element, with NumPy's broadcasting."""
    return a * b, lambda dy: (_unbroadcast(dy * b, a.shape), _unbroadcast(dy * a, b.shape))


@operation
def divide(a, b):
    """a / b, element by element, with NumPy's broadcasting; b without 0 (``ValueError``)."""
    if not b.all():
        raise ValueError("divide expects b without 0, got 0")
    y = a / b
    return y, lambda dy: (_unbroadcast(dy / b, a.shape), _unbroadcast(-dy * (y / b), b.shape))


@operation
def power(x, *, exponent):
    """x to a constant power, element by element; a power of x <= 0 must exist (``ValueError``)."""
    checks.number("power", -np.inf, np.inf, above=True, below=True, exponent=exponent)
    if exponent % 1 != 0 and x.size and x.min() < 0:
        raise ValueError(f"power expects x >= 0 for the exponent {exponent}, got {x.min():.6g}")
    if exponent < 0 and not x.all():
        raise ValueError(f"power expects x without 0 for the exponent {exponent}, got 0")
    return x**exponent, lambda dy: (dy * exponent * x ** (exponent - 1) if exponent else np.zeros_like(x),)


@operation
def matmul(a, b):
    """Matrix product; vectors and stacks of matrices as in NumPy."""
    rows, columns = a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b

    def pullback(dy):
        dy = np.expand_dims(dy, [i for i, one in ((-2, a.ndim == 1), (-1, b.ndim == 1)) if one])
        da, db = dy @ columns.swapaxes(-1, -2), rows.swapaxes(-1, -2) @ dy
        return _unbroadcast(da, rows.shape).reshape(a.shape), _unbroadcast(db, columns.shape).reshape(b.shape)
    return a @ b, pullback


@operation(elementwise=True)
def exp(x):
    """e to the power x."""
    y = np.exp(x)
    return y, lambda dy: (dy * y,)


@operation(elementwise=True)
def log(x):
    """Natural logarithm; x > 0 (``ValueError``)."""
    if x.size and x.min() <= 0:
        raise ValueError(f"log expects x > 0, got {x.min():.6g}")
    return np.log(x), lambda dy: (dy / x,)


@operation
def sum(x, *, axis=None, keepdims=False):
    """Sum over one axis, several, or all."""
    axis = None if axis is None else checks.axes("sum", axis, x.ndim)
    kept = x.sum(axis=axis, keepdims=True).shape
    return x.sum(axis=axis, keepdims=keepdims), lambda dy: (np.broadcast_to(dy.reshape(kept), x.shape),)


@operation
def mean(x, *, axis=None, keepdims=False):
    """Mean over one axis, several, or all, of at least one element (``ValueError``)."""
    axis = None if axis is None else checks.axes("mean", axis, x.ndim)
    y, pullback = sum.vjp(x, axis=axis, keepdims=keepdims)
    if x.size == 0:
        raise ValueError(f"mean expects at least one element, got shape {x.shape}")
    n = x.size // y.size
    return y / n, lambda dy: pullback(dy / n)


@operation
def reshape(x, *, shape):
    """The same elements in another shape."""
    return x.reshape(shape), lambda dy: (dy.reshape(x.shape),)


@operation
def transpose(x, *, axes=None):
    """The axes in another order, or reversed."""
    order = tuple(reversed(range(x.ndim))) if axes is None else checks.axes("transpose", axes, x.ndim)
    if len(order) != x.ndim:
        raise ValueError(f"transpose expects each of the {x.ndim} axes, got {axes}")
    return x.transpose(order), lambda dy: (dy.transpose(np.argsort(order)),)


@operation
def index(x, *, at):
    """x[at]; an element taken twice gets the sum of both gradients."""
    def pullback(dy):
        dx = np.zeros_like(x)
        np.add.at(dx, at, dy)
        return (dx,)
    return x[at], pullback
