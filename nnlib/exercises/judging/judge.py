"""Compare what an answer gave with what it should give, and say what is wrong.

A :class:`Key` holds inputs, expected results and the results of the plausible mistakes: numbers, not code. So
this file serves a reader's page, a sealed student edition and an instructor's grading alike.
"""

import hashlib
import textwrap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .outcome import ENDED, ERROR, NONE, OK, UNUSABLE, UNWRITTEN, run

ROUNDS = 100_000  # of hashing an answer


class Case(NamedTuple):
    """One set of arguments, with what it is called and what it is worth."""

    label: str
    points: int
    args: tuple


@dataclass
class Key:
    """What is needed to judge answers to one exercise; ``mistakes()`` lists each hint with its outcomes.

    With ``hidden``, a salt, expected values and mistakes are fingerprints of the numbers: see :func:`fingerprint`.
    """

    name: str
    cases: list
    value: bool = False
    adapter: Callable | None = None
    rtol: float = 1e-6
    atol: float = 1e-8
    keep_dtype: bool = False
    hidden: str = ""
    expected: list = ()
    mistakes: Callable = list

    def outcomes(self, answer):
        """What ``answer`` gives on each case, run here in this process."""
        if not self.value:
            return [run(answer, case.args, self.adapter) for case in self.cases]
        return self.use_value(run(lambda: answer))

    def use_value(self, given):
        """The outcome on each case of an answer that is a value and was turned into plain arrays already."""
        if self.hidden:
            arrays = _fitted(given.arrays, self.expected[0])
            given = given._replace(arrays=tuple(fingerprint(array, self.hidden) for array in arrays))
        if given.status != OK or self.adapter is None:
            return [given] * len(self.cases)
        value = given.arrays if len(given.arrays) > 1 else given.arrays[0]
        return [run(value, case.args, self.adapter) for case in self.cases]


def fingerprint(array, salt):
    """A slow hash of all numbers together, to five digits, in each place: compares with an answer, and to try all takes long.

    Together, so that one number is not found without the others. Of the first hundred; from there on they only count.
    """
    texts = [str(x) if array.dtype.kind == "U" else f"{round(float(x), 8) + 0.0:.4e}" for x in array.ravel()[:100]]
    digest = "/".join([salt, *texts]).encode("utf-8", "surrogatepass")
    for _ in range(ROUNDS):
        digest = hashlib.sha256(digest).digest()
    return np.full(array.shape, digest.hex()[:16])


@dataclass
class Report:
    """The verdict on one answer: ``faults[k]`` says what is wrong on case ``k`` ("" if it is right)."""

    key: Key
    faults: list
    hints: list
    written: bool = True

    @property
    def points(self):
        """Points earned."""
        return sum(case.points for case, fault in zip(self.key.cases, self.faults) if not fault)

    def __str__(self):
        name, cases = self.key.name, self.key.cases
        if not self.written:
            return f"{name}: not written yet"
        right = [case.label for case, fault in zip(cases, self.faults) if not fault]
        wrong = [case.label for case, fault in zip(cases, self.faults) if fault]
        if not wrong:
            return f"{name}: right" + (f" on {_list(right)}" if len(right) > 1 else "")
        verdict = f"right on {_list(right)}; wrong" if right else "wrong"
        if len(cases) > 1:
            verdict += f" on {_list(wrong)}"
        hints = [textwrap.fill(f"Hint: {hint}", 100) for hint in self.hints]
        return "\n".join([f"{name}: {verdict}.", *hints])


def judge(key, given):
    """Report on the outcomes ``given``, one for each case of the key."""
    if all(outcome.status == UNWRITTEN for outcome in given):
        return Report(key, ["it is not written yet"] * len(given), [], written=False)
    faults = [_fault(key, outcome, expected) for outcome, expected in zip(given, key.expected)]
    if not key.value and constant([outcome.arrays for outcome in given]) and not constant(key.expected):
        faults = [fault or "it gives the same, whatever it is given" for fault in faults]
    return Report(key, faults, _hints(key, given, faults) if any(faults) else [])


def constant(results):
    """Whether several results, each of some arrays, are one and the same, or hold one and the same number everywhere."""
    if len(results) < 2 or not all(results):
        return False
    numbers = {x for arrays in results for array in arrays for x in array.ravel().tolist()}
    first = [array.tolist() for array in results[0]]
    return len(numbers) == 1 or all([array.tolist() for array in arrays] == first for arrays in results)


def _hints(key, given, faults):
    """The hint of the mistake with the very same outcomes; else of those that were made; else the fault.

    A mistake is met on a case where it and the answer are wrong in the same way. It was made if the answer is
    wrong in another way on no case where the mistake is wrong: else that it was met may be chance. Several
    mistakes were made if each wrong case meets one of them.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        mistakes = key.mistakes()
    for hint, theirs in mistakes:
        if all(_alike(key, a, b) for a, b in zip(given, theirs)):
            return [hint]
    wrong = [k for k, fault in enumerate(faults) if fault]
    met = {k: [] for k in wrong}
    made = []
    for hint, theirs in mistakes:
        shown = [k for k in wrong if _fault(key, theirs[k], key.expected[k])]
        here = [k for k in shown if _alike(key, given[k], theirs[k])]
        for k in here:
            met[k].append(hint)
        if here and here == shown:
            made.append(hint)
    if all(met.values()):
        made = [hints[0] for hints in met.values()]
    where = f"on {key.cases[wrong[0]].label} " if len(key.cases) > 1 else ""
    return list(dict.fromkeys(made)) or [f"{where}{faults[wrong[0]]}."]


def _alike(key, a, b):
    """Whether two outcomes are the same for all that a reader can see."""
    if (a.status, a.note, a.changed, len(a.arrays)) != (b.status, b.note, b.changed, len(b.arrays)):
        return False
    return not any(_difference(key, x, y, nan=True) for x, y in zip(a.arrays, b.arrays))


def _fault(key, outcome, expected):
    """What is wrong with one outcome, as a sentence without its end ("" if it is right)."""
    if outcome.status == UNWRITTEN:
        return "it is not written yet"
    if outcome.status == NONE:
        return "it returns None: is the return missing?"
    if outcome.status == ERROR:
        return f"it raises {outcome.note}" + (f", in the line `{outcome.line}`" if outcome.line else "")
    if outcome.status == ENDED:
        return f"it {outcome.note}"
    if outcome.status == UNUSABLE:
        return f"the result {outcome.note}"
    arrays, n = _fitted(outcome.arrays, expected), len(expected)
    if len(arrays) != n:
        return f"it gives {_values(len(arrays))}, not {_values(n)}"
    for k, (got, want) in enumerate(zip(arrays, expected)):
        difference = _difference(key, got, want)
        if difference:
            return (f"value {k + 1} of {n} " if n > 1 else "the result ") + difference
    if outcome.changed:
        return f"the result is right, but the call alters argument {outcome.changed[0] + 1}: work on a copy"
    return ""


def _fitted(arrays, expected):
    """The arrays of an answer as they are compared."""
    n = len(expected)
    if n > 1 and len(arrays) == 1 and arrays[0].shape[:1] == (n,):
        return tuple(map(np.asarray, arrays[0]))  # several values of one shape, returned as a list
    if n == 1 and len(arrays) > 1 and expected[0].shape[:1] == (len(arrays),) and len({a.shape for a in arrays}) == 1:
        return (np.array(arrays),)  # one array, returned as a tuple of its rows
    return arrays


def _difference(key, got, want, nan=False):
    """How an array differs from the wanted one, as the end of a sentence ("" if it does not)."""
    if got.shape != want.shape:
        return f"has shape {got.shape}, not {want.shape}"
    if "U" in (got.dtype.kind, want.dtype.kind):
        same = got.dtype.kind == want.dtype.kind and np.array_equal(got, want)
        return "" if same else "is not the right answer"
    if key.keep_dtype and got.dtype != want.dtype:
        return f"has dtype {got.dtype}, not {want.dtype}"
    close = np.isclose(got, want, rtol=key.rtol, atol=key.atol, equal_nan=nan)
    if close.all():
        return ""
    if key.value and key.adapter is None:
        return "is not the right answer"  # the number itself would give it away
    if np.isnan(got).any() and not np.isnan(want).any():
        return "contains nan"
    if np.isinf(got).any() and not np.isinf(want).any():
        return "contains inf"
    if got.ndim == 0:
        return "is {}, not {}".format(*_numbers(got, want))
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    where = index[0] if len(index) == 1 else index
    return "has {} at index {}, not {}".format(*_numbers(got[index], want[index], where))


def _numbers(got, want, *between):
    """Both numbers with as many digits as it takes to tell them apart, four or more."""
    texts = ([str(x) if x.dtype.kind == "b" else f"{x:.{digits}g}" for x in (got, want)] for digits in range(4, 18))
    first, second = next((pair for pair in texts if pair[0] != pair[1]), (repr(got.item()), repr(want.item())))
    return first, *between, second


def _values(number):
    return "one value" if number == 1 else f"{number} values"


def _list(labels):
    return labels[0] if len(labels) == 1 else ", ".join(labels[:-1]) + " and " + labels[-1]


listeners = []  # functions that are told each report, as by a page that ticks what is solved


def check_against(keys, answer, name=None):
    """Print the verdict on ``answer``; ``keys[name]()`` makes the key. Never raises, except on Ctrl-C."""
    try:
        if name is None:
            name = str(getattr(answer, "__name__", ""))
        if not name:
            verdict = 'check: to check a value, give its name too, as in check(answer, "name")'
        elif name not in keys:
            verdict = f"check: there is no exercise called {name!r}; there are: {', '.join(keys)}"
        else:
            key = keys[name]()
            verdict = judge(key, key.outcomes(answer))
        print(verdict)
        for listener in listeners if isinstance(verdict, Report) else ():
            listener(verdict)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        print(f"check: this answer cannot be checked ({type(error).__name__})")
