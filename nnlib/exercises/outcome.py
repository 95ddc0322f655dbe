"""Run somebody's answer and keep what came out as plain arrays, whatever it does.

This file needs NumPy only and knows no solution: a grading sandbox runs a copy of it beside the student's code.
"""

import copy
import os
import traceback
from typing import NamedTuple

import numpy as np

UNWRITTEN, NONE, ERROR, UNUSABLE, OK = "unwritten", "none", "error", "unusable", "ok"


class Outcome(NamedTuple):
    """What one call gave: ``arrays`` if ``status`` is OK; ``changed`` numbers the arguments that the call altered."""

    status: str
    arrays: tuple = ()
    note: str = ""
    line: str = ""
    changed: tuple = ()


def run(function, args, several=False):
    """Call ``function`` on copies of ``args``. ``several`` says that several values are expected, so a list will do."""
    copies = copy.deepcopy(args)
    try:
        value = function(*copies)
    except KeyboardInterrupt:
        raise
    except NotImplementedError:
        return Outcome(UNWRITTEN)
    except BaseException as error:  # SystemExit too: a reader's exit() must not end the page
        return Outcome(ERROR, note=_describe(error), line=_line(error))
    try:
        outcome = convert(value, several)
        return outcome._replace(changed=tuple(k for k, pair in enumerate(zip(args, copies)) if not _same(*pair)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the value's own methods run here, and may do anything
        return Outcome(UNUSABLE, note=f"cannot be read as numbers ({_describe(error)})")


def convert(value, several=False):
    """A returned value as an outcome with one plain array for each value."""
    if value is Ellipsis:
        return Outcome(UNWRITTEN)
    if value is None:
        return Outcome(NONE)
    values = value if isinstance(value, tuple) or several and isinstance(value, list) else (value,)
    arrays = []
    for item in values:
        try:
            array = np.array(item)
        except (TypeError, ValueError):
            array = np.array(None)
        if array.dtype.kind not in "biufU":
            return Outcome(UNUSABLE, note=f"is a {type(item).__name__} that cannot be read as an array of numbers")
        arrays.append(array)
    return Outcome(OK, tuple(arrays))


def _same(before, after):
    """Whether an argument is as it was."""
    if isinstance(before, (list, tuple)):
        return type(before) is type(after) and len(before) == len(after) and all(map(_same, before, after))
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    return before == after or before != before


def _describe(error):
    try:
        text = " ".join(str(error).split())
        return f"{type(error).__name__}: {text}"[:200] if text else type(error).__name__
    except BaseException:
        return "an exception that cannot be printed"


def _line(error):
    """The deepest source line of the answer itself, without the library code that it called."""
    here = os.path.dirname(__file__)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if os.path.dirname(f.filename) != here]
    own = [f for f in frames if f.filename == frames[0].filename]
    return own[-1].line or "" if own else ""
