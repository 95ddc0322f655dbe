"""What can be earned with nothing solved: by constants, and by replaying what the handed-out notebook holds."""

import json

import numpy as np
import pytest

from instructor import assignment, grade, seal
from nnlib.exercises import all_exercises
from nnlib.exercises.judging import judge
from nnlib.exercises.judging.outcome import OK, Outcome
from nnlib.exercises.judging.sealed import key_from_json

NAMES = [name for name, entry in all_exercises().items() if not entry.value]


def shapes(value):
    """What a cheat can see of arguments without computing anything with them."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.kind
    return [shapes(item) for item in value] if isinstance(value, (list, tuple)) else type(value).__name__


def by_place(shown, key, k):
    return shown.expected[k % len(shown.cases)]


def by_shape(shown, key, k):
    """What was wanted for arguments of these shapes, or of the nearest place where there were none."""
    like = [j for j, case in enumerate(shown.cases) if shapes(case.args) == shapes(key.cases[k].args)]
    return shown.expected[like[0] if like else k % len(shown.cases)]


def zeros(shown, key, k):
    return tuple(map(np.zeros_like, key.expected[k]))


def ones(shown, key, k):
    return tuple(map(np.ones_like, key.expected[k]))


def first(shown, key, k):
    return shown.expected[0]


def last(shown, key, k):
    return shown.expected[-1]


@pytest.fixture(scope="module")
def shown():
    """What ``check`` stores in a notebook."""
    return {name: key_from_json(seal.key_to_json(all_exercises()[name], np.random.default_rng(5))) for name in NAMES}


@pytest.fixture(scope="module")
def students():
    """An assignment of everything, and what two students are graded on."""
    made = assignment.Assignment("all", "All", NAMES, "secret")
    return made, [made.keys(student) for student in ("ada", "bob")]


@pytest.mark.parametrize("cheat", [by_place, by_shape, zeros, ones, first, last])
def test_without_solving_anything_there_is_next_to_nothing(cheat, shown, students):
    made, classes = students
    for keys in classes:
        earned = {}
        for key in keys:
            given = [Outcome(OK, cheat(shown[key.name], key, k)) for k in range(len(key.cases))]
            earned[key.name] = grade.verdict(key, given)["points"]
        assert sum(earned.values()) < 0.1 * made.points, {name: points for name, points in earned.items() if points}


def test_a_table_of_sizes_does_not_know_a_triangle():
    made = assignment.Assignment("one", "One", ["inside_triangle"], "secret")
    for seed in range(10):
        [key] = made.keys(str(seed))
        for cut in (5, 8, 10):
            given = [Outcome(OK, (np.full(len(case.args[0]), float(len(case.args[0]) == cut)),)) for case in key.cases]
            assert grade.verdict(key, given)["points"] == 0


def test_constants_earn_nothing_even_where_they_are_right():
    name = "precision_recall"
    key = all_exercises()[name].key(np.random.default_rng(0), 3)
    given = [Outcome(OK, (np.array(1.0), np.array(0.0)))] * len(key.cases)
    report = grade.verdict(key, given)
    assert report["points"] == 0 and any("whatever it is given" in fault for _, _, fault in report["cases"])


def test_each_case_must_be_right_each_time_it_is_drawn():
    entry = all_exercises()["softmax"]
    key = entry.key(np.random.default_rng(0), 3)
    n = len(key.cases) // 3
    right = [Outcome(OK, arrays) for arrays in key.expected]
    assert grade.verdict(key, right)["points"] == entry.points
    once = [right[k] if k < n else Outcome(OK, (np.zeros((1, 1)),)) for k in range(3 * n)]
    assert grade.verdict(key, once)["points"] == 0


def test_the_grade_says_of_each_mistake_what_check_says():
    """With other numbers, and never for all points."""
    made = assignment.Assignment("all", "All", list(all_exercises()), "secret")
    with np.errstate(all="ignore"):
        for key in made.keys("ada"):
            shown = all_exercises()[key.name].key(np.random.default_rng(5))
            for (hint, theirs), (_, ours) in zip(key.mistakes(), shown.mistakes()):
                graded = grade.verdict(key, theirs)
                assert graded["hints"] == judge.judge(shown, ours).hints, (key.name, hint)
                assert graded["points"] < sum(case.points for case in shown.cases), (key.name, hint)


def test_a_hashed_value_has_a_salt_and_takes_long_to_guess():
    entry = next(entry for entry in all_exercises().values() if entry.value and not entry.adapter)
    first, second = (seal.key_to_json(entry, np.random.default_rng(seed)) for seed in (1, 2))
    assert json.dumps(first["dict"]["expected"]) != json.dumps(second["dict"]["expected"])
    assert judge.ROUNDS >= 20_000


def test_every_solution_of_the_book_needs_little_of_the_work_allowed(monkeypatch):
    """An answer thirty times as slow as the book's is still graded."""
    from instructor import runner

    monkeypatch.setattr(runner, "EXERCISE", runner.EXERCISE // 30)
    made = assignment.Assignment("all", "All", list(all_exercises()), "secret")
    blocks = {entry.name: assignment.exercise_cells(entry) for entry in made.entries()}
    assignment.solve(made, assignment.solution_notebook(made, blocks))
