"""What an exercise is, and the list of all of them."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from nnlib.exercises.judging.judge import Case, Key, check_against
from nnlib.exercises.judging.outcome import OK

_entries = {}


class Mistake(NamedTuple):
    """A plausible wrong answer and the hint for whoever gives it."""

    hint: str
    answer: Callable


@dataclass
class Exercise:
    """One exercise; the package's docstring shows how an entry is written.

    ``name`` is what the reader defines, ``reference`` the right answer to it, ``value`` says that the answer
    is a number or an array, not a function. ``adapter(answer, *args)``, if any, says how the answer is used.
    """

    name: str
    reference: Callable
    chapter: str
    title: str
    minutes: int
    prerequisites: tuple = ()
    value: bool = False
    rtol: float = 1e-6
    atol: float = 1e-8
    keep_dtype: bool = False
    adapter: Callable | None = None
    mistakes: list = field(default_factory=list)
    _inputs: Callable | None = None

    def inputs(self, function):
        """Decorator: ``function(rng)`` yields ``label, points, arguments`` for each case."""
        self._inputs = function
        return function

    def mistake(self, hint):
        """Decorator: a plausible wrong answer and its hint."""
        def add(answer):
            self.mistakes.append(Mistake(hint, answer))
            return answer
        return add

    def call(self, function):
        """Decorator: ``function(answer, *args)`` returns what is compared."""
        self.adapter = function
        return function

    def cases(self, rng):
        """The cases, with arguments drawn from ``rng``."""
        if self._inputs is None:
            return [Case("the answer", 1, ())]
        return [Case(*case) for case in self._inputs(rng)]

    @property
    def points(self):
        """The sum of the cases' points."""
        return sum(case.points for case in self.cases(np.random.default_rng(0)))

    def answer(self, solution):
        """What a reader with this solution hands to ``check``: the function, or the value that it returns."""
        return solution() if self.value else solution

    def key(self, rng, draws=1):
        """Inputs drawn from ``rng``, each case so often, with what the reference and the mistakes give on them."""
        cases = [case for _ in range(draws) for case in self.cases(rng)]
        key = Key(self.name, cases, self.value, self.adapter, self.rtol, self.atol, self.keep_dtype)
        right = key.outcomes(self.answer(self.reference))
        if any(outcome.status != OK for outcome in right):
            raise ValueError(f"the reference of exercise {self.name!r} fails: {right}")
        key.expected = [outcome.arrays for outcome in right]
        key.mistakes = lambda: [(hint, key.outcomes(self.answer(wrong))) for hint, wrong in self.mistakes]
        return key


def exercise(*, chapter, title, minutes, prerequisites=(), **options):
    """Decorator that registers a reference solution as an :class:`Exercise` under its own name."""
    def register(reference):
        name = reference.__name__
        if name in _entries and _entries[name].chapter != chapter:
            raise ValueError(f"exercise {name!r} is both in {_entries[name].chapter} and in {chapter}")
        _entries[name] = Exercise(name, reference, chapter, title, minutes, tuple(prerequisites), **options)
        return _entries[name]
    return register


@functools.cache
def _load_chapters():
    package = importlib.import_module("nnlib.exercises")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("ch"):
            importlib.import_module(f"nnlib.exercises.{module.name}")


def all_exercises():
    """Every exercise by its name, in the order of the chapters."""
    _load_chapters()
    return dict(sorted(_entries.items(), key=lambda item: item[1].chapter))


def check(answer, name=None, seed=0):
    """Say what is right and what is wrong with an answer to an exercise, with a hint. Prints; never raises.

    Parameters
    ----------
    answer : callable or value
        The function (or class) that the exercise asks for; its own name tells which exercise it is. Or the
        number or array.
    name : str, optional
        The exercise, where ``answer`` does not carry its name.
    seed : int
        Seed of the random inputs.
    """
    rng = np.random.default_rng(seed)
    keys = {known: functools.partial(entry.key, rng) for known, entry in all_exercises().items()}
    check_against(keys, answer, name)
