"""Checks at the door: every public entry names what it expected and what came.

Shapes, labels and ranges are checked wherever they come in. NaN is looked for once a call, at the outermost
door: ``op(...)`` and ``layer(x)`` refuse it. ``op.vjp``, ``forward`` and ``backward`` let it pass, for they
are the inside of a training step: a NaN born there reaches the loss, where ``fit`` finds it and says at which
step.
"""

import functools
import numbers
import re

import numpy as np


def numeric(who, name, x):
    """``x`` as an array of floats or integers; ``TypeError`` if it holds anything else."""
    if type(x) is np.ndarray and x.dtype.char in "fd":      # what a training step brings
        return x
    unmasked(who, name, x)
    try:
        x = np.asarray(x)
    except ValueError as error:
        raise ValueError(f"{who} expects {name} as an array, got rows of unequal length") from error
    if x.dtype.kind not in "fiub":
        got = type(x.item()).__name__ if x.dtype == object and not x.ndim else x.dtype
        raise TypeError(f"{who} expects {name} as an array of real numbers, got {got}")
    if x.dtype == np.float16:                   # 70,000 is too large for it, and so are many sums
        raise TypeError(f"{who} expects {name} in float32 or float64, got float16")
    return x


def unmasked(who, name, x):
    """Refuse a masked array, whose mask would be lost without a word."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{who} expects {name} without a mask, got a masked array")


def precision(who, dtype):
    """``dtype`` as NumPy's, refused unless weights of it hold fractions, and sums of many of them."""
    dtype = np.dtype(dtype)
    if dtype.kind != "f" or dtype == np.float16:
        raise TypeError(f"{who} expects dtype in float32 or float64, got {dtype}")
    return dtype


def no_nan(who, name, x):
    """``x`` as :func:`numeric` gives it, without NaN. The minimum is NaN just if an element is: one fast pass clears it."""
    x = numeric(who, name, x)
    if x.dtype.kind == "f" and np.isnan(x.min(initial=np.inf)):
        found = np.argwhere(np.isnan(x)).tolist()
        raise ValueError(f"{who} expects {name} without NaN, got {len(found)} NaN of {x.size}, first at {tuple(found[0])}")
    return x


def pair(who, given):
    """What an operation's function or a layer's vjp gives, refused unless it is a value and its pullback."""
    if type(given) is not tuple or len(given) != 2 or not callable(given[1]):
        raise TypeError(f"{getattr(who, '__name__', type(who).__name__)} expects to give its value and pullback, as in "
                        f"return y, pullback, got {type(given).__name__}")
    return given


def notation(text):
    """The shapes of arrays from NumPy's own notation, ``"(N,C)|(N,C,H,W),(C,4H)"``: for each array a list of those it may have.

    A letter is one size, wherever it stands; ``4H`` is four times H, and ``...`` in front any leading axes.
    """
    compact = "".join(text.split())
    arrays = re.findall(r"\([^)]*\)(?:\|\([^)]*\))*", compact)
    if ",".join(arrays) != compact:
        raise ValueError(f"operation expects shapes as in '(N,D),(D,K)', got {text!r}")
    return [[tuple(... if axis == "..." else axis for axis in re.findall(r"[\w.]+", shape)) for shape in choices.split("|")]
            for choices in arrays]


@functools.cache
def _factor(axis):
    """784 as (784, ""), "H" as (1, "H"), "4H" as (4, "H")."""
    times, letter = re.fullmatch(r"(\d*) ?(\w*)", str(axis)).groups()
    return int(times or 1), letter


def shape(who, x, expected, name="", sizes=None, brief=False):
    """``x`` as :func:`numeric` gives it, refused unless its shape :func:`fits`."""
    x = numeric(who, name or "x", x)
    fits(who, x.shape, expected, name, sizes, brief)
    return x


def fits(who, got, expected, name="", sizes=None, brief=False):
    """Refuse a shape unless it fits ``expected``, a tuple such as ``("N", 784)``, or one of several in a list.

    ``sizes`` is a dictionary of the letters that are known; those which ``x`` decides are added. For tuples see
    :func:`notation`. A brief error does not speak of leading axes.
    """
    if got == expected:                         # as in most calls
        return
    sizes = {} if sizes is None else sizes
    choices = expected if isinstance(expected, list) else [expected]
    if not any(_fits(got, axes, sizes) for axes in choices):
        wanted = " or ".join(worded(axes[brief and axes[:1] == (...,):], sizes) for axes in choices)
        raise ValueError(f"{who} expects {name + ' ' if name else ''}{wanted}, got {got}")


def _fits(got, axes, sizes):
    """Whether the shape ``got`` fits ``axes``. If so, the letters that it decides are added to ``sizes``."""
    if axes[:1] == (...,):
        axes = axes[1:]
        got = got[max(len(got) - len(axes), 0):]
    if len(got) != len(axes):
        return False
    found = dict(sizes)
    for size, (times, letter) in zip(got, map(_factor, axes)):
        if size != times * (found.setdefault(letter, size // times) if letter else 1):
            return False
    sizes.update(found)
    return True


def worded(axes, sizes):
    """``("N", "4H", 3)`` with the sizes that are known: "(N, 64, 3)"."""
    words = []
    for axis in axes:
        times, letter = (1, "...") if axis is ... else _factor(axis)
        one = 1 if not letter else sizes.get(letter)
        words.append(str(times * one) if one is not None else letter if times == 1 else f"{times} {letter}")
    return f"({', '.join(words)}{',' * (len(words) == 1)})"


def same_shape(who, **arrays):
    """Refuse two arrays of different shapes: (N,) with (N, 1) would broadcast to (N, N) and go unnoticed."""
    (first, a), (second, b) = arrays.items()
    if a.shape != b.shape:
        raise ValueError(f"{who} expects {first} and {second} of one shape, got {a.shape} and {b.shape}")


def in_range(who, low, high, **arrays):
    """Refuse arrays with an element outside [low, high]. NaN passes."""
    for name, x in arrays.items():
        if x.size and (x.min() < low or x.max() > high):
            raise ValueError(f"{who} expects {name} in [{low}, {high}], got {x.min():.6g} to {x.max():.6g}")


def distribution(who, name, p):
    """Refuse ``p`` (..., K) unless each row is a probability distribution, up to rounding. NaN passes."""
    if p.size and p.min() < -1e-6:
        raise ValueError(f"{who} expects {name} >= 0, got {p.min():.6g}")
    total = p.sum(axis=-1)
    wrong = np.abs(total - 1) > 1e-3
    if wrong.any():
        raise ValueError(f"{who} expects {name} to sum to 1 along the last axis, "
                         f"got {total[wrong].flat[0]:.6g}")


def indices(who, name, labels, classes):
    """Refuse ``labels`` unless they are integers in 0 .. classes − 1."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{who} expects {name} as integers 0 to {classes - 1}, got {labels.dtype}")
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        raise ValueError(f"{who} expects {name} in 0 to {classes - 1}, got {labels.min()} to {labels.max()}")


def number(who, low=-np.inf, high=np.inf, *, above=False, below=False, **options):
    """Refuse an option that is no real number in [low, high] (``above``, ``below``: that end excluded)."""
    for name, x in options.items():
        if type(x) is not float and (isinstance(x, bool) or not isinstance(x, numbers.Real)):     # the first is fast
            raise TypeError(f"{who} expects {name} as a number, got {x!r}")
        if not (low < x if above else low <= x) or not (x < high if below else x <= high):
            interval = f"{low} {'<' if above else '<='} {name} {'<' if below else '<='} {high}"
            raise ValueError(f"{who} expects {interval}, got {x}")


def count(who, least=1, **sizes):
    """Refuse a size (features, channels, steps) that is no integer of at least ``least``."""
    for name, n in sizes.items():
        if type(n) is not int and (isinstance(n, bool) or not isinstance(n, numbers.Integral)):     # the first is fast
            raise TypeError(f"{who} expects {name} as an integer, got {n!r}")
        if n < least:
            raise ValueError(f"{who} expects {name} >= {least}, got {n}")


def choice(who, name, x, allowed):
    """Refuse an option that is not one of ``allowed``."""
    if x not in allowed:
        raise ValueError(f"{who} expects {name} as one of {', '.join(map(repr, allowed))}, got {x!r}")


def axes(who, axis, ndim):
    """``axis``, one integer or several, as a tuple of axes 0 .. ndim − 1, none of them twice."""
    several = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    for i in several:
        if isinstance(i, bool) or not isinstance(i, numbers.Integral):
            raise TypeError(f"{who} expects an axis as an integer, got {i!r}")
    found = tuple(int(i) % ndim for i in several if -ndim <= i < ndim)
    if len(set(found)) < len(several):
        raise ValueError(f"{who} expects axes of {-ndim} to {ndim - 1}, each once, got {axis}")
    return found


def generator(who, rng):
    """``rng``, or for None a fresh generator, different each time; all but a numpy Generator is refused."""
    if rng is None:
        return np.random.default_rng()
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"{who} expects rng as numpy.random.default_rng(seed), got {rng!r}")
    return rng
