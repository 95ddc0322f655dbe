r"""Checking gradients against finite differences (chapter 4).

Along a random direction v, the derivative of the scalar :math:`L(x) = \sum dy \cdot f(x)` is found twice: as
:math:`\nabla L \cdot v` with the pullback's gradient, and as the central difference
:math:`(L(x + h v) - L(x - h v)) / 2h`. The cost is two evaluations a direction, whatever the size of x, and an error in any
element shows with probability one. The measure is the relative error ``|a - b| / max(|a|, |b|)`` of CS231n, with the size of
the terms that make up a in place of a, lest a sum that happens to be near zero look like an error.

In float64 with h = 1e-5 a right gradient gives about 1e-10; above 1e-7 look for a mistake, or for a kink (relu at 0, a
tie in a maximum) within h of a point: there the difference is no derivative.
"""

import numpy as np

from nnlib import checks
from nnlib.operation import Operation


def relative_error(a, b, scale=0.0):
    """max \\|a - b\\| / max(\\|a\\|, \\|b\\|, scale) over the elements of two arrays of one shape; 0 where both are 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    checks.same_shape("relative_error", a=a, b=b)
    size = np.maximum(np.maximum(np.abs(a), np.abs(b)), scale)
    error = np.abs(a - b) / np.where(size == 0, 1, size)
    return float(error.max(initial=0.0))


def numerical_gradient(f, x, h=1e-5):
    """Gradient of the scalar function ``f`` at the array ``x``, in its shape, by central differences: two evaluations an element."""
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
    """Largest relative error of the gradients of an operation at the given arrays, in float64.

    dy is random. Arrays of integers and those whose gradient is None (labels) are not moved. ``verbose`` prints one line
    an array. The arrays are left as they are.

    Raises ``TypeError`` if ``op`` is no operation, ``ValueError`` if a gradient has the wrong shape or there is none.
    """
    if not isinstance(op, Operation):
        raise TypeError(f"check_operation expects an operation, got {op!r}")
    rng = checks.generator("check_operation", rng)
    arrays = [np.array(x, float) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in arrays]
    y, pullback = op.vjp(*arrays, **options)
    dy = rng.standard_normal(y.shape)
    gradients = dict(zip(op.arrays, pullback(dy)))
    point = {name: x for name, x in zip(op.arrays, arrays) if x.dtype.kind == "f" and gradients[name] is not None}
    return _largest_error(op.__name__, point, gradients, lambda: np.sum(dy * op(*arrays, **options)),
                          1e-3 * np.linalg.norm(dy * y), rng, h, directions, verbose)


def check_layer(layer, x, *, rng=None, h=1e-5, directions=3, verbose=False):
    """Largest relative error of the gradients of a layer or whole model: of its input and of every parameter.

    As :func:`check_operation`. Random layers draw the same numbers each time. Gradients, buffers and generators of the
    layer are left as they were.

    Raises ``ValueError`` if a parameter is not float64: differences would drown in rounding.
    """
    rng = checks.generator("check_layer", rng)
    parameters = layer.named_parameters()
    for name, p in parameters.items():
        if p.value.dtype != np.float64:
            raise ValueError(f"check_layer expects float64 parameters, got {name} in {p.value.dtype}")
    x = np.array(x, float) if np.asarray(x).dtype.kind == "f" else np.asarray(x)
    parts = layer.layers_inside()
    buffers = [(b, b.copy()) for part in parts for b in part.buffers().values()]
    generators = [(g, g.bit_generator.state) for part in parts for g in vars(part).values()
                  if isinstance(g, np.random.Generator)]
    old_gradients = {name: p.grad.copy() for name, p in parameters.items()}

    def restore():
        for b, saved in buffers:
            b[...] = saved
        for g, state in generators:
            g.bit_generator.state = state

    def evaluate():
        y = layer(x)
        restore()
        return np.sum(dy * y)

    y = layer(x)
    dy = rng.standard_normal(y.shape)
    layer.zero_grad()
    gradients, point = {"x": layer.backward(dy, input_grad=True)}, {"x": x}
    restore()
    for name, p in parameters.items():
        gradients[name], point[name] = p.grad.copy(), p.value
        p.grad = old_gradients[name]
    if x.dtype.kind != "f":
        del point["x"]
    return _largest_error(type(layer).__name__, point, gradients, evaluate, 1e-3 * np.linalg.norm(dy * y),
                          rng, h, directions, verbose)


def _largest_error(who, point, gradients, evaluate, floor, rng, h, directions, verbose):
    """Largest relative error over the arrays of ``point`` (name to array), each moved alone, in place, and put back.

    ``evaluate()`` is the scalar L at what the arrays hold now, ``floor`` a slope too small to be told from rounding.
    """
    if not point:
        raise ValueError(f"{who} has no gradient to check")
    worst = 0.0
    for name, x in point.items():
        gradient, start, error = gradients[name], x.copy(), 0.0
        if gradient.shape != x.shape:
            raise ValueError(f"{who}: the gradient of {name} should have shape {x.shape}, got {gradient.shape}")
        for _ in range(directions):
            v = rng.standard_normal(x.shape)
            x[...] = start + h * v
            above = evaluate()
            x[...] = start - h * v
            below = evaluate()
            x[...] = start
            terms = gradient * v
            scale = max(np.linalg.norm(terms), floor)
            error = max(error, relative_error(terms.sum(), (above - below) / (2 * h), scale))
        worst = max(worst, error)
        if verbose:
            print(f"{who}: d{name} {x.shape}: relative error {error:.1e}")
    return worst
