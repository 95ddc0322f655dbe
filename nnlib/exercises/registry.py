"""What an exercise is, and the list of all of them."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

_entries = {}


class Case(NamedTuple):
    """One set of arguments, with what it is called and what it is worth."""

    label: str
    points: int
    args: tuple


class Mistake(NamedTuple):
    """A plausible wrong answer and the hint for whoever gives it."""

    hint: str
    answer: Callable


@dataclass
class Exercise:
    """One exercise; the package's docstring shows how an entry is written.

    ``name`` is what the reader defines, ``reference`` the right answer to it, ``value`` says that the answer is a number or an
    array and not a function. ``adapter(answer, *args)``, if any, says how the answer is used.
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


def exercise(*, chapter, title, minutes, prerequisites=(), **options):
    """Decorator that registers a reference solution as an :class:`Exercise` under its own name."""
    def register(reference):
        name = reference.__name__
        if name in _entries and _entries[name].reference.__module__ != reference.__module__:
            raise ValueError(f"two exercises are called {name!r}: in {_entries[name].chapter} and in {chapter}")
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
