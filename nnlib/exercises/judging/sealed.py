"""Exercises written down as data: inputs, expected results and the results of the plausible mistakes."""

import numpy as np

from .judge import Case, Key, check_against
from .outcome import Outcome
from .plain import decode


def key_from_json(tree):
    """The :class:`~nnlib.exercises.judging.judge.Key` that ``instructor.seal.key_to_json`` wrote."""
    data = decode(tree)
    scope = {"np": np}
    exec(data.pop("adapter"), scope)
    cases = [Case(*case) for case in data.pop("cases")]
    mistakes = [(hint, [Outcome(*outcome) for outcome in given]) for hint, given in data.pop("mistakes")]
    return Key(**data, cases=cases, adapter=scope.get("adapter"), mistakes=lambda: mistakes)


def checker(trees):
    """``check`` for the exercises whose keys are in ``trees``, by name."""
    def check(answer, name=None):
        """Say what is right and what is wrong with an answer, with a hint. Prints; never raises."""
        check_against({key: lambda tree=tree: key_from_json(tree) for key, tree in trees.items()}, answer, name)
    return check
