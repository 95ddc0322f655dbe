"""Every entry of the registry, tried as a reader would: a new entry is tested without a line here."""

import contextlib
import io

import numpy as np
import pytest

from nnlib.exercises import all_exercises, check
from nnlib.exercises.judging.judge import judge

EXERCISES = all_exercises()
SEEDS = [0, 1, 20_240]
each_exercise = pytest.mark.parametrize("name", EXERCISES)
each_mistake = pytest.mark.parametrize(
    "name, number", [(name, k) for name, entry in EXERCISES.items() for k in range(len(entry.mistakes))])


def report(entry, solution, seed):
    key = entry.key(np.random.default_rng(seed))
    return judge(key, key.outcomes(entry.answer(solution)))


def stub(*args, **kwargs):
    raise NotImplementedError


@each_exercise
def test_entry_is_complete(name):
    entry = EXERCISES[name]
    assert 3 <= len(entry.mistakes) <= 7, "an exercise lists three to seven plausible wrong answers"
    hints = [mistake.hint for mistake in entry.mistakes]
    assert len(set(hints)) == len(hints)
    assert all(hint.endswith((".", "?", "!")) for hint in hints)
    assert 1 <= entry.minutes <= 60 and entry.title and len(entry.title) <= 60
    assert entry.chapter.removeprefix("0")[0].isdigit() and not isinstance(entry.prerequisites, str)


@each_exercise
def test_inputs_come_from_the_seed_alone(name):
    entry = EXERCISES[name]
    first, again, other = (entry.cases(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert repr(first) == repr(again)
    worth = [[(case.label, case.points) for case in cases] for cases in (first, again, other)]
    assert worth[0] == worth[1] == worth[2]
    labels = [label for label, _ in worth[0]]
    assert len(set(labels)) == len(labels) and all(points >= 1 for _, points in worth[0])
    assert entry.value or repr(first) != repr(other), "every student would get the same numbers"


@each_exercise
@pytest.mark.parametrize("seed", SEEDS)
def test_the_solution_is_right(name, seed):
    entry = EXERCISES[name]
    result = report(entry, entry.reference, seed)
    assert not any(result.faults), str(result)
    assert result.points == entry.points


@each_exercise
def test_the_stub_is_not_written_yet(name):
    entry = EXERCISES[name]
    result = report(entry, (lambda: ...) if entry.value else stub, 0)
    assert str(result) == f"{name}: not written yet" and result.points == 0


@each_mistake
@pytest.mark.parametrize("seed", SEEDS)
def test_each_mistake_fails_with_its_own_hint_alone(name, number, seed):
    entry = EXERCISES[name]
    mistake = entry.mistakes[number]
    with np.errstate(all="ignore"):
        result = report(entry, mistake.answer, seed)
    assert result.written and any(result.faults), "the mistake is not noticed"
    assert result.points < entry.points
    assert result.hints == [mistake.hint]


@each_mistake
def test_check_prints_the_hint(name, number):
    entry = EXERCISES[name]
    mistake = entry.mistakes[number]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        check(entry.answer(mistake.answer), name)
    text = " ".join(printed.getvalue().split())
    assert text.startswith(f"{name}: ") and text.endswith("Hint: " + " ".join(mistake.hint.split()))
