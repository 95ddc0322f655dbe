r"""Checking gradients against finite differences (chapter 4).

The derivative of the scalar L(x) = Σ dy f(x) along a random direction v is found twice: with the pullback, as
dx · v, and as the central difference (L(x + h v) − L(x − h v)) / 2h. That takes two evaluations a direction,
whatever the size of x, and a wrong element shows with probability 1. The measure is the relative error
\|a − b\| / max(\|a\|, \|b\|). Two floors keep rounding from looking like an error where both are nearly zero:
the norm of the terms that dx · v sums, and a thousandth of the norm of the terms that L sums.

In float64 with h = 1e-5 a right gradient gives about 1e-10. Above 1e-7 look for a mistake, or for a kink (relu
at 0, a tie in a maximum) within h of an element: there a difference is no derivative.

References
----------
Griewank and Walther, "Evaluating derivatives", 2008; Stanford's CS231n, notes on gradient checks.
"""

import copy

import numpy as np

from nnlib import checks
from nnlib.layer import Layer
from nnlib.operation import Operation


def relative_error(a, b, floor=0.0):
    r"""Largest \|a − b\| / max(\|a\|, \|b\|, floor) over the elements; 0 where a and b are both 0.

    Raises
    ------
    ValueError
        If the two arrays have different shapes.
    """
    a, b = (np.asarray(checks.numeric("relative_error", name, x), float) for name, x in (("a", a), ("b", b)))
    checks.same_shape("relative_error", a=a, b=b)
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), floor)
    error = np.abs(a - b) / np.where(size == 0, 1, size)
    return float(error.max(initial=0.0))


def numerical_gradient(f, x, h=1e-5):
    """Gradient of a scalar function at x, by central differences: two evaluations for each element.

    Parameters
    ----------
    f : function of an array like x that returns a number
    x : array of any shape
    h : half the distance of the two evaluations

    Returns
    -------
    Array of the shape of x, in float64.
    """
    x = np.array(x, float)
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        start = x[i]
        x[i] = start + h
        above = f(x.copy())
        x[i] = start - h
        below = f(x.copy())
        x[i] = start
        gradient[i] = (above - below) / (2 * h)
    return gradient


def check_operation(op, *arrays, rng=None, h=1e-5, directions=3, verbose=False, **options):
    """Largest relative error of an operation's gradients at the given arrays, in float64.

    Parameters
    ----------
    op : operation
    arrays : its arrays, which stay as they are; labels (integers, or without a gradient) are not moved
    rng : numpy Generator for dy and the directions
    h : step of the differences
    directions : how many for each array
    verbose : print a line for each array
    options : those of the operation

    Raises
    ------
    TypeError
        If ``op`` is no operation.
    ValueError
        If a gradient has another shape than its array, there is none, h <= 0 or directions < 1.
    """
    if not isinstance(op, Operation):
        raise TypeError(f"check_operation expects an operation, got {op!r}")
    rng = _own_generator("check_operation", rng)
    arrays = [np.array(x, float) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in arrays]
    y, pullback = op.vjp(*arrays, **options)
    dy = rng.standard_normal(y.shape)
    gradients = dict(zip(op.arrays, pullback(dy)))
    point = {name: x for name, x in zip(op.arrays, arrays)
             if x.dtype.kind == "f" and gradients[name] is not None}
    return _largest_error(op.__name__, point, gradients, lambda: np.sum(dy * op(*arrays, **options)),
                          1e-3 * np.linalg.norm(dy * y), rng, h, directions, verbose)


def check_layer(layer, x, *, rng=None, h=1e-5, directions=3, verbose=False, **context):
    """Largest relative error of the gradients of a layer or a whole model: of its input and every parameter.

    The layer stays as it is: copies of it are asked. So random layers draw the same each time.

    Parameters
    ----------
    layer : Layer, with float64 parameters
    x : its input; integers are not moved
    rng, h, directions, verbose : as in :func:`check_operation`
    context : what else the layer is called with, such as ``mask=mask`` or ``A=A``; it is not moved

    Raises
    ------
    TypeError
        If ``layer`` is no layer.
    ValueError
        If a parameter is not float64 (differences would drown in rounding), or there is no gradient.
    """
    if not isinstance(layer, Layer):
        raise TypeError(f"check_layer expects a layer, got {layer!r}")
    rng = _own_generator("check_layer", rng)
    model = copy.deepcopy(layer)
    parameters = model.named_parameters()
    for name, p in parameters.items():
        if p.value.dtype != np.float64:
            raise ValueError(f"check_layer expects float64 parameters, got {name} in {p.value.dtype}")
    x = np.array(x, float) if np.asarray(x).dtype.kind == "f" else np.asarray(x)
    checks.no_nan(type(layer).__name__, "x", x)
    taught = copy.deepcopy(model)
    taught.zero_grad()
    y, pullback = taught.vjp(x, **context)
    dy = rng.standard_normal(y.shape)
    gradients, point = {"x": pullback(dy)}, {name: p.value for name, p in parameters.items()}
    gradients |= {name: p.grad for name, p in taught.named_parameters().items()}
    if x.dtype.kind == "f":
        point = {"x": x, **point}
    return _largest_error(type(layer).__name__, point, gradients,
                          lambda: np.sum(dy * copy.deepcopy(model).forward(x, **context)),
                          1e-3 * np.linalg.norm(dy * y), rng, h, directions, verbose)


def _own_generator(who, rng):
    """A generator that no layer shares: drawing from it moves no dropout mask."""
    return np.random.default_rng(checks.generator(who, rng).integers(2**63))


def _largest_error(who, point, gradients, evaluate, floor, rng, h, directions, verbose):
    """Largest relative error over the arrays of ``point`` (by name), each moved alone, in place, and put back.

    ``evaluate()`` is L at what the arrays hold now, ``floor`` a slope too small to be told from rounding.
    """
    checks.number(who, 0, above=True, h=h)
    checks.count(who, directions=directions)
    if not point:
        raise ValueError(f"{who} has no gradient to check")
    worst = 0.0
    for name, x in point.items():
        gradient, start, error = gradients[name], x.copy(), 0.0
        if gradient.shape != x.shape:
            raise ValueError(f"{who} expects a gradient {x.shape} of {name}, got {gradient.shape}")
        for _ in range(directions):
            v = rng.standard_normal(x.shape)
            x[...] = start + h * v
            above = evaluate()
            x[...] = start - h * v
            below = evaluate()
            x[...] = start
            terms = gradient * v
            numerical = (above - below) / (2 * h)
            error = np.maximum(error, relative_error(terms.sum(), numerical, max(np.linalg.norm(terms), floor)))
        worst = np.maximum(worst, error)        # which is NaN if one is
        if verbose:
            print(f"{who}: d{name} {x.shape}: relative error {error:.1e}")
    return float(worst)
