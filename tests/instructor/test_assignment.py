"""What is handed out: it stands by itself, checks itself, and holds no solution."""

import base64
import contextlib
import io
import json
import subprocess
import sys
import zlib

import nbformat
import numpy as np
import pytest

from instructor import assignment, lms, seal
from instructor.__main__ import main
from nnlib.exercises import all_exercises, check
from nnlib.exercises.judging.judge import judge
from nnlib.exercises.judging.plain import decode, encode
from nnlib.exercises.judging.sealed import key_from_json
from tests.instructor.course import ALL, POINTS, SOLUTIONS, STUBS


def handed_out(tmp_path, name="week.ipynb"):
    return nbformat.read(tmp_path / "week" / "student" / name, as_version=4)


def run_apart(tmp_path, cells, isolated="-I"):
    """Run cells in a Python that finds no nnlib; what they print."""
    script = tmp_path / "script.py"
    block = "import sys\nsys.modules['nnlib'] = None\n"
    script.write_text(block + "\n".join(cells))
    done = subprocess.run([sys.executable, isolated, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_untouched_it_runs_and_says_what_is_to_do(tmp_path, course):
    notebook = handed_out(tmp_path)
    nbformat.validate(notebook)
    printed = run_apart(tmp_path, [cell.source for cell in notebook.cells if cell.cell_type == "code"])
    assert printed.splitlines() == [f"{name}: not written yet" for name in POINTS]


def test_solved_everything_is_right(tmp_path, course):
    sources = [cell.source for cell in handed_out(tmp_path).cells if cell.cell_type == "code"]
    for name, stub in STUBS.items():
        sources = [source.replace(stub, SOLUTIONS[name]) for source in sources]
    printed = run_apart(tmp_path, sources).splitlines()
    assert [line.split(":")[1].split()[0] for line in printed] == ["right"] * len(POINTS)


def test_a_mistake_gets_its_hint(tmp_path, course):
    wrong = SOLUTIONS["softmax"].replace(" - z.max(axis=1, keepdims=True)", "")
    sources = [cell.source.replace(STUBS["softmax"], f"np.seterr(all='ignore')\n{wrong}")
               for cell in handed_out(tmp_path).cells if cell.cell_type == "code"]
    assert "right on ordinary scores; wrong on large scores.\nHint: np.exp overflows." in run_apart(tmp_path, sources)


def unpacked(notebook):
    """Everything that stands in a notebook, with the packed checks unpacked."""
    return nbformat.writes(notebook) + packed_checks(notebook)


def packed_checks(notebook):
    packed = next(cell.source for cell in notebook.cells if "b85decode" in cell.source).split("b85decode('")[1]
    return zlib.decompress(base64.b85decode(packed.split("')")[0])).decode()


def test_no_solution_in_it(tmp_path, course):
    text = unpacked(handed_out(tmp_path))
    assert "canary" not in text
    assert "z.max(" not in text and "dy @ W.T" not in text and "784 * 10" not in text


def test_the_instructors_notebook_has_solution_rubric_and_hints(tmp_path, course):
    path = tmp_path / "week" / "instructor" / "week-solutions.ipynb"
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    assert all(solution in text for solution in SOLUTIONS.values())
    assert "| large scores | 1 |" in text and "- np.exp overflows." in text and f"**{ALL}**" in text
    assert "```" not in text.replace("`softmax`", ""), "fences of the book are left"


def test_a_task_leaves_its_points_to_the_heading():
    """Where an assignment gives others than the book, two numbers would stand in one cell."""
    entry = all_exercises()["softmax"]
    block = assignment.exercise_cells(entry)["exercise"]
    said = f"*{entry.minutes} minutes, {entry.points} points.*"
    assert any(said in cell.source for cell in block)
    cells = assignment.plain_cells(block, "softmax-task")
    assert cells[0].source.endswith("levels.") and not any("points" in cell.source for cell in cells)


def test_numbers_of_ones_own(tmp_path, root, exercises):
    roster = tmp_path / "roster.csv"
    roster.write_text("student,email\njo,jo@x.org\n\nal,\n")
    students = [student.student for student in lms.roster(roster)]
    made = assignment.make(tmp_path / "week", "week", ["softmax"], students=students, root=root)
    texts = {name: unpacked(handed_out(tmp_path, f"week-{name}.ipynb")) for name in ("jo", "al")}
    keys = {name: json.loads(packed_checks(handed_out(tmp_path, f"week-{name}.ipynb")))[1] for name in ("jo", "al")}
    assert keys["jo"] != keys["al"]
    again = assignment.make(tmp_path / "week", "week", ["softmax"], students=["jo"], root=root)
    assert again.secret == made.secret and unpacked(handed_out(tmp_path, "week-jo.ipynb")) == texts["jo"]
    assert made.secret not in texts["jo"]


def test_checks_and_grading_use_other_numbers(course):
    graded = course.keys("")[0].cases[0].args[0]
    shown = all_exercises()["softmax"].key(np.random.default_rng(course.seed("check", ""))).cases[0].args[0]
    assert not np.allclose(graded, shown)


def test_choose(exercises):
    assert assignment.choose(["parameters", "softmax"], []) == ["softmax", "parameters"]
    assert assignment.choose([], ["90"]) == assignment.choose([], ["90_course"]) == list(POINTS)
    for wrong in (["sofmax"], []), ([], ["9"]), ([], []):
        with pytest.raises(ValueError, match="exercise"):
            assignment.choose(*wrong)


@pytest.mark.parametrize("arguments, says", [
    (["grade", "nothing", "."], "assignment.json is not there"),
    (["assignment", "w", "--exercises", "no_such"], "no such exercise or chapter: no_such"),
    (["assignment", "w", "--exercises", "softmax", "--roster", "none.csv"], "none.csv"),
    *((["assignment", name, "--exercises", "softmax"], "expected a name for files") for name in ("../x", "a/b", "", ".", "w\n")),
    (["assignment", "w", "--exercises", "softmax", "--points", "softmax=0"], "nothing in this assignment earns points"),
    (["assignment", "w", "--exercises", "softmax", "--due", "2026-10-09"], "expected a deadline such as"),
    (["grade", "w", ".", "--column", "Week 2"], "in the gradebook of --merge"),
])
def test_mistakes_on_the_command_line(arguments, says, exercises, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "w"}', '{"new": 3}', "\xff", "tomorrow"])
def test_what_was_made_and_then_spoilt_is_named(text, course, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "assignments" / "w" / "assignment.json"
    path.parent.mkdir(parents=True)
    made = (tmp_path / "week" / "assignment.json").read_text(encoding="utf-8")
    path.write_text(made.replace('"due": ""', '"due": "tomorrow"') if text == "tomorrow" else text, encoding="latin-1")
    assert main(["grade", "w", "."]) == 1
    assert ("expected a deadline" if text == "tomorrow" else "assignment.json is not what") in capsys.readouterr().err
    assert text == "tomorrow" or main(["assignment", "w", "--exercises", "softmax"]) == 1


@pytest.mark.parametrize("option", ["--work", "--workers"])
@pytest.mark.parametrize("value", ["0", "-2", "two"])
def test_no_work_and_no_workers_are_refused(option, value, capsys):
    with pytest.raises(SystemExit):
        main(["grade", "w", ".", option, value])
    assert option in capsys.readouterr().err


def said(function, *arguments):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        function(*arguments)
    return printed.getvalue()


@pytest.mark.parametrize("name", all_exercises())
def test_sealed_checks_say_the_same_as_the_registry(name):
    """For every exercise of the book: solution, stub and each mistake."""
    entry = all_exercises()[name]
    scope = {}
    exec(seal.cell_source([entry], seed=0), scope)
    answers = [entry.reference, *(mistake.answer for mistake in entry.mistakes)]
    for answer in map(entry.answer, answers):
        assert said(scope["check"], answer, name) == said(check, answer, name)


@pytest.mark.parametrize("name", all_exercises())
def test_sealed_checks_hold_no_solution(name):
    """No line of a reference or of a mistake, beyond what the adapter itself says."""
    import inspect
    entry = all_exercises()[name]
    source = json.dumps(seal.keys_json([entry], seed=0))
    lines = {line.strip() for line in inspect.getsource(entry.reference).splitlines()[1:]}
    telling = [line for line in lines if len(line) > 15 and not line.startswith(("@", "def ", "class "))]
    assert not [line for line in telling if line in source and line not in seal.adapter_source(entry)]


@pytest.mark.parametrize("name", [name for name, entry in all_exercises().items() if entry.value and not entry.adapter])
def test_a_number_that_is_the_answer_is_not_in_the_sealed_check(name):
    """Its fingerprint is, and an answer within the tolerance has the same."""
    entry = all_exercises()[name]
    key = key_from_json(seal.key_to_json(entry, np.random.default_rng(0)))
    assert all(array.dtype.kind == "U" for arrays in key.expected for array in arrays)
    for factor in (1 - 0.3 * entry.rtol, 1 + 0.3 * entry.rtol):
        answer = np.multiply(entry.reference(), factor)
        for form in (answer, answer.tolist(), tuple(answer) if answer.ndim else answer):
            assert said(check, form, name) == f"{name}: right\n"
            assert not any(judge(key, key.outcomes(form)).faults)


@pytest.mark.parametrize("value", [
    3, 2.5, True, None, "text", np.float32(1.5), np.arange(6).reshape(2, 3), np.zeros((0, 3)), np.array("text"),
    np.array([[1.5, np.nan], [np.inf, -0.0]], dtype=np.float32), (1, [2, (np.ones(2),)]), {"a": [np.ones(1)]}, [], (),
])
def test_plain_values_come_back(value):
    back = decode(json.loads(json.dumps(encode(value))))
    assert repr(back) == repr(np.asarray(value) if isinstance(value, np.generic) else value)


@pytest.mark.parametrize("value", [object(), 1j, {1, 2}, np.array([object()]), lambda: 0])
def test_nothing_else_is_encoded(value):
    with pytest.raises((TypeError, ValueError)):
        decode(encode(value))


@pytest.mark.parametrize("tree", [
    {}, {"array": "AAAA"}, {"array": "AAAA", "dtype": "O", "shape": [1]}, {"array": 3, "dtype": "f8", "shape": []},
    {"array": "", "dtype": "f8", "shape": [-1, 10**30]}, {"array": "AAAA", "dtype": "f8", "shape": [1]},
    {"tuple": 3}, {"dict": [1]}, {"array": "", "dtype": "f8,O", "shape": [0]}, {"array": "", "dtype": "V8", "shape": []},
    {"array": "", "dtype": "no", "shape": []},
    {"array": "A" * 22 + "==", "dtype": "<f16", "shape": []}, {"array": "", "dtype": "f8", "shape": 3},
])
def test_a_forged_tree_is_a_value_error(tree):
    with pytest.raises(ValueError):
        decode(tree)
