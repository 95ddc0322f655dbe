"""Run somebody's answer and keep what came out as plain arrays, whatever it does.

This file needs NumPy only and knows no solution: a grading sandbox runs it beside the student's code.
"""

import copy
import traceback
from typing import NamedTuple

import numpy as np

UNWRITTEN, NONE, ERROR, ENDED, UNUSABLE, OK = "unwritten", "none", "error", "ended", "unusable", "ok"


class Outcome(NamedTuple):
    """What one call gave: ``arrays`` if ``status`` is OK; ``changed`` numbers the altered arguments.

    ENDED is a call that never came back, as only a grading sandbox sees it; ``note`` says why.
    """

    status: str
    arrays: tuple = ()
    note: str = ""
    line: str = ""
    changed: tuple = ()


def run(answer, args=(), adapter=None):
    """Call ``answer`` on copies of ``args``, or ``adapter(answer, *args)`` if there is an adapter."""
    copies = copy.deepcopy(args)
    try:
        value = answer(*copies) if adapter is None else adapter(answer, *copies)
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        return Outcome(UNWRITTEN)
    except BaseException as error:  # SystemExit too: a reader's exit() must not end the page
        return Outcome(ERROR, note=_describe(error), line=_line(error, skip=1 if adapter is None else 2))
    try:
        changed = [k for k, (before, after) in enumerate(zip(args, copies)) if not _same(before, after)]
        return convert(value)._replace(changed=() if adapter else tuple(changed))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the value's own methods run here, and may do anything
        return Outcome(UNUSABLE, note=f"cannot be read as numbers ({_describe(error)})")


def convert(value):
    """What was returned, as an outcome with one plain array for each value.

    Several values are a tuple, or a list that does not make one array.
    """
    if value is Ellipsis:
        return Outcome(UNWRITTEN)
    if value is None:
        return Outcome(NONE)
    arrays = [_array(item) for item in value] if isinstance(value, tuple) else [_array(value)]
    if isinstance(value, list) and arrays[0] is None:
        arrays = [_array(item) for item in value]
    if any(array is None for array in arrays):
        return Outcome(UNUSABLE, note=f"is a {type(value).__name__} that cannot be read as numbers")
    return Outcome(OK, tuple(arrays))


def _array(value):
    """A new plain array, or None if it would not hold numbers, booleans or text."""
    try:
        array = np.array(value)
    except (TypeError, ValueError):
        return None
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:  # a long double is another one on each machine
        array = array.astype(float)
    return array if array.dtype.kind in "biufU" else None


def _same(before, after):
    """Whether an argument is as it was."""
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    return True  # numbers and strings cannot be altered


def _describe(error):
    try:
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
    except BaseException:
        return "an exception that cannot be printed"


def _line(error, skip):
    """The deepest source line of the answer itself, between our own frames and the libraries it called."""
    frames = traceback.extract_tb(error.__traceback__)[skip:]
    own = [frame for frame in frames if frame.filename == frames[0].filename]
    return own[-1].line or "" if own else ""
