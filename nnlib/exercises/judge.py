"""Compare what an answer gave with what the reference gives, and say what is wrong."""

import difflib
import textwrap
import warnings
from dataclasses import dataclass

import numpy as np

from nnlib.exercises.outcome import ERROR, NONE, OK, UNUSABLE, UNWRITTEN, convert, run
from nnlib.exercises.registry import all_exercises


@dataclass
class Report:
    """The verdict on one answer: ``faults[k]`` says what is wrong on case ``k`` ("" if it is right)."""

    exercise: object
    cases: list
    faults: list
    hints: list
    written: bool = True

    @property
    def points(self):
        """Points earned."""
        return sum(case.points for case, fault in zip(self.cases, self.faults) if not fault)

    def __str__(self):
        name = self.exercise.name
        if not self.written:
            return f"{name}: not written yet"
        right = [case.label for case, fault in zip(self.cases, self.faults) if not fault]
        wrong = [case.label for case, fault in zip(self.cases, self.faults) if fault]
        if not wrong:
            return f"{name}: right" + (f" on {_list(right)}" if len(right) > 1 else "")
        if len(self.cases) == 1:
            text = f"{name}: wrong."
        else:
            text = f"{name}: " + (f"right on {_list(right)}; " if right else "") + f"wrong on {_list(wrong)}."
        return "\n".join([text, *(textwrap.fill(f"Hint: {hint}", 100) for hint in self.hints)])


def outcomes(exercise, answer, cases):
    """What ``answer`` gives on each case, run here in this process."""
    if exercise.value:
        given = run(lambda: answer, ())
        return [use_value(exercise, given, case) for case in cases]
    several = isinstance(_expected(exercise, cases[0]), tuple)
    if exercise.adapter is None:
        return [run(answer, case.args, several) for case in cases]
    return [run(lambda *args: exercise.adapter(answer, *args), case.args, several)._replace(changed=())
            for case in cases]


def use_value(exercise, given, case):
    """The outcome of a value on one case, once the value has been turned into plain arrays."""
    if given.status != OK or exercise.adapter is None:
        return given
    value = given.arrays if len(given.arrays) > 1 else given.arrays[0]
    return run(lambda *args: exercise.adapter(value, *args), case.args)._replace(changed=())


def judge(exercise, cases, given):
    """Report on the outcomes ``given``, one for each case."""
    if all(outcome.status == UNWRITTEN for outcome in given):
        return Report(exercise, cases, ["not written yet"] * len(cases), [], written=False)
    faults = [_fault(exercise, outcome, case) for outcome, case in zip(given, cases)]
    wrong = [k for k, fault in enumerate(faults) if fault]
    return Report(exercise, cases, faults, _hints(exercise, cases, given, faults, wrong) if wrong else [])


def _hints(exercise, cases, given, faults, wrong):
    """The hint of the mistake that gives the same outcomes; else of each wrong case's own mistake; else the fault."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        tried = [(mistake.hint, outcomes(exercise, _answer(exercise, mistake.answer), cases))
                 for mistake in exercise.mistakes]
        for hint, theirs in tried:
            if all(_alike(exercise, a, b) for a, b in zip(given, theirs)):
                return [hint]
        hints = []
        for k in wrong:
            for hint, theirs in tried:
                if _alike(exercise, given[k], theirs[k]) and _fault(exercise, theirs[k], cases[k]):
                    hints.append(hint)
                    break
    if hints:
        return list(dict.fromkeys(hints))
    where = f"on {cases[wrong[0]].label} " if len(cases) > 1 else ""
    return [f"{where}{faults[wrong[0]]}."]


def _answer(exercise, function):
    """What a reader with this (right or wrong) solution would hand to ``check``."""
    return function() if exercise.value else function


def _expected(exercise, case):
    """The reference's answer on a case: a tuple if there are several values."""
    if exercise.value:
        answer = exercise.reference()
        return answer if exercise.adapter is None else exercise.adapter(answer, *case.args)
    if exercise.adapter is not None:
        return exercise.adapter(exercise.reference, *case.args)
    return exercise.reference(*case.args)


def _alike(exercise, a, b):
    """Whether two outcomes are the same for all that a reader can see."""
    if (a.status, a.note, a.changed, len(a.arrays)) != (b.status, b.note, b.changed, len(b.arrays)):
        return False
    return not any(_difference(exercise, x, y, nan=True) for x, y in zip(a.arrays, b.arrays))


def _fault(exercise, outcome, case):
    """What is wrong with one outcome, as the end of the sentence "it ..." ("" if it is right)."""
    if outcome.status == UNWRITTEN:
        return "it is not written yet"
    if outcome.status == NONE:
        return "it returns None: is the return missing?"
    if outcome.status == ERROR:
        return f"it raises {outcome.note}" + (f", in the line `{outcome.line}`" if outcome.line else "")
    if outcome.status == UNUSABLE:
        return f"the result {outcome.note}"
    expected = convert(_expected(exercise, case)).arrays
    if len(outcome.arrays) != len(expected):
        return f"it gives {_count(len(outcome.arrays))}, not {_count(len(expected))}"
    for k, (got, want) in enumerate(zip(outcome.arrays, expected)):
        difference = _difference(exercise, got, want)
        if difference:
            return f"value {k + 1} of {len(expected)} {difference}" if len(expected) > 1 else f"the result {difference}"
    if outcome.changed:
        return f"the result is right, but the call changes argument {outcome.changed[0] + 1} in place: work on a copy"
    return ""


def _difference(exercise, got, want, nan=False):
    """How an array differs from the wanted one, as the end of the sentence "the result ..." ("" if it does not)."""
    if got.shape != want.shape:
        return f"has shape {got.shape}, not {want.shape}"
    if "U" in (got.dtype.kind, want.dtype.kind):
        same = got.dtype.kind == want.dtype.kind and np.array_equal(got, want)
        return "" if same else "is not the right answer"
    if exercise.keep_dtype and got.dtype != want.dtype:
        return f"has dtype {got.dtype}, not {want.dtype}"
    close = np.isclose(got, want, rtol=exercise.rtol, atol=exercise.atol, equal_nan=nan)
    if close.all():
        return ""
    if exercise.value and exercise.adapter is None:
        return "is not the right answer"
    if np.isnan(got).any() and not np.isnan(want).any():
        return "contains nan"
    if np.isinf(got).any() and not np.isinf(want).any():
        return "contains inf"
    if got.ndim == 0:
        return f"is {_number(got)}, not {_number(want)}"
    index = tuple(int(i) for i in np.argwhere(~close)[0])
    at = index[0] if len(index) == 1 else index
    return f"has {_number(got[index])} at index {at}, not {_number(want[index])}"


def _number(x):
    return str(x) if x.dtype.kind == "b" else f"{x:.4g}"


def _count(number):
    return "one value" if number == 1 else f"{number} values"


def _list(labels):
    return labels[0] if len(labels) == 1 else ", ".join(labels[:-1]) + " and " + labels[-1]


def check(answer, name=None, seed=0):
    """Say what is right and what is wrong with an answer to an exercise, with a hint. Prints; never raises.

    Parameters
    ----------
    answer : callable or value
        The function (or class) that the exercise asks for; its name tells which exercise it is. Or the number or array.
    name : str, optional
        The exercise, where ``answer`` does not carry its name.
    seed : int
        Seed of the random inputs.
    """
    if name is None:
        name = getattr(type(answer) if not callable(answer) else answer, "__name__", "")
    exercises = all_exercises()
    if name not in exercises:
        close = difflib.get_close_matches(str(name), exercises, n=1)
        print(f"check: there is no exercise called {name!r}" + (f"; is it {close[0]!r}?" if close else ""))
        return
    exercise = exercises[name]
    cases = exercise.cases(np.random.default_rng(seed))
    print(judge(exercise, cases, outcomes(exercise, answer, cases)))
