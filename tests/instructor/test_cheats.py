"""What can be earned with nothing solved: by constants, and by replaying what the handed-out notebook holds."""

import itertools
import json
import time
from dataclasses import replace

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


def by_numbers(shown, key, k):
    """What was wanted where the arguments were most like these."""
    mine = flat(key.cases[k].args)
    far = [np.abs(other - mine).sum() if other.shape == mine.shape else np.inf
           for other in (flat(case.args) for case in shown.cases)]
    return shown.expected[int(np.argmin(far))]


def arrays(args):
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from arrays(arg)
        elif np.asarray(arg).dtype.kind in "biuf":
            yield np.asarray(arg)


def flat(args):
    return np.concatenate([np.zeros(1), *(array.ravel().astype(float) for array in arrays(args))])


def last(shown, key, k):
    return shown.expected[-1]


def everywhere(make):
    """A cheat who knows the shapes of what is wanted, and fills them."""
    return lambda shown, key, k: tuple(np.asarray(make(want)) for want in key.expected[k])


def argument(number):
    """A cheat who hands back what it was given, by place."""
    def cheat(shown, key, k):
        given = list(arrays(key.cases[k].args)) or [np.zeros(())]
        return (given[number % len(given)],)
    return cheat


def fitting(number):
    """A cheat who hands back arguments that have the shapes of what is wanted."""
    def cheat(shown, key, k):
        given = [turned for array in arrays(key.cases[k].args) for turned in (array, array.T)]
        for want in key.expected[k]:
            same = [array for array in given if array.shape == want.shape] or [np.zeros(want.shape)]
            yield same[number % len(same)]
    return lambda *args: tuple(cheat(*args))


def summed(reduce, number):
    def cheat(shown, key, k):
        given = [array for array in arrays(key.cases[k].args) if array.size] or [np.zeros(1)]
        return tuple(np.full(want.shape, reduce(given[number % len(given)])) for want in key.expected[k])
    return cheat


CHEATS = {
    "by place": by_place, "by shape": by_shape, "by numbers": by_numbers, "the last": last,
    "the first": lambda shown, key, k: shown.expected[0],
    **{f"everywhere {x}": everywhere(lambda want, x=x: np.full(want.shape, x)) for x in (0, 1, -1, 0.5, np.nan, np.inf, True)},
    "of its kind": everywhere(np.zeros_like),
    "one over the columns": everywhere(lambda want: np.full(want.shape, 1 / max((*want.shape, 1)[-1 - (want.ndim > 0)], 1))),
    "one over the rows": everywhere(lambda want: np.full(want.shape, 1 / max((*want.shape, 1)[0], 1))),
    "the identity": everywhere(lambda want: np.ones(want.shape) * np.eye(*want.shape[-2:]) if want.ndim > 1 else want * 0),
    "counted": everywhere(lambda want: np.arange(want.size).reshape(want.shape)),
    **{f"argument {k}": argument(k) for k in range(4)}, **{f"fitting {k}": fitting(k) for k in range(3)},
    **{f"{reduce.__name__} {k}": summed(reduce, k) for reduce in (np.sum, np.mean, np.max, np.size, np.argmax) for k in range(3)},
}


@pytest.fixture(scope="module")
def shown():
    """What ``check`` stores in a notebook."""
    return {name: key_from_json(seal.key_to_json(all_exercises()[name], np.random.default_rng(5))) for name in NAMES}


@pytest.fixture(scope="module")
def students():
    """An assignment of everything, and what two students are graded on."""
    made = assignment.Assignment("all", "All", NAMES, "secret")
    return made, [made.keys(student) for student in ("ada", "bob")]


@pytest.mark.parametrize("name", NAMES)
def test_without_solving_anything_no_exercise_gives_a_tenth(name, shown, students):
    made, classes = students
    for keys in classes:
        key = replace(next(key for key in keys if key.name == name), mistakes=list)  # hints are not what this is about
        for cheat, give in CHEATS.items():
            given = [Outcome(OK, give(shown[name], key, k)) for k in range(len(key.cases))]
            graded = grade.verdict(key, given)
            assert graded["points"] < 0.1 * made.full[name], (cheat, graded["cases"])


def test_an_edge_that_asks_for_no_work_counts_beside_another_case():
    entry = all_exercises()["collapse"]
    key = entry.key(np.random.default_rng(0), 3)
    first = [Outcome(OK, tuple(case.args[0][0])) for case in key.cases]
    right = [Outcome(OK, arrays) for arrays in key.expected]
    edge = [case.label == "a single layer" for case in key.cases]
    assert any(edge) and grade.verdict(key, first)["points"] == 0
    assert any(fault == grade.IDLE for _, _, fault in grade.verdict(key, first)["cases"])
    assert grade.verdict(key, right)["points"] == entry.points
    label = next(case.label for case, idle in zip(key.cases, edge) if not idle)
    some = [one if idle or case.label == label else Outcome(OK, (np.zeros(1),) * 2)
            for one, case, idle in zip(right, key.cases, edge)]
    assert grade.verdict(key, some)["points"] == sum({c.label: c.points for c in key.cases}[x] for x in (label, "a single layer"))


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
    assert judge.ROUNDS >= 100_000


def test_what_the_guide_says_of_trying_numbers(monkeypatch):
    """How long one try takes, that small whole numbers are found so, and that none is found without the others."""
    started = time.process_time()
    judge.fingerprint(np.zeros(4), "salt")
    assert 0.005 < time.process_time() - started < 0.3
    monkeypatch.setattr(judge, "ROUNDS", 1)
    entry = all_exercises()["paper_attention"]
    key = key_from_json(seal.key_to_json(entry, np.random.default_rng(0)))
    tried = {pair: judge.judge(key, key.outcomes(np.array(pair))).points for pair in itertools.product(range(20), repeat=2)}
    assert [pair for pair, points in tried.items() if points] == [tuple(entry.reference())]
    first, second = (judge.fingerprint(np.array(pair), "salt") for pair in ((5, 6), (5, 7)))
    assert not any(np.array_equal(a, b) for a, b in zip(first, second))


def test_every_solution_of_the_book_needs_little_of_the_work_allowed(monkeypatch):
    """An answer thirty times as slow as the book's is still graded."""
    from instructor import runner

    monkeypatch.setattr(runner, "EACH", runner.EACH // 30)
    made = assignment.Assignment("all", "All", list(all_exercises()), "secret")
    blocks = {entry.name: assignment.exercise_cells(entry) for entry in made.entries()}
    assignment.solve(made, assignment.solution_notebook(made, blocks))
