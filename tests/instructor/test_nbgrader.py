"""The released assignment goes through nbgrader's own generate, autograde and export."""

import csv
import subprocess
import tempfile

import nbformat
import pytest

from instructor import grade, report, nbgrader_export
from tests.instructor.course import ALL, SOLUTIONS, STUBS

WRONG = SOLUTIONS["softmax"].replace(" - z.max(axis=1, keepdims=True)", "")
STUDENTS = {
    "right": SOLUTIONS,
    "half": {"softmax": WRONG, "parameters": "parameters = 784 * 10", "Counter": SOLUTIONS["Counter"]},
    "untouched": {},
    "breaks": {**SOLUTIONS, "softmax": "def softmax(z): raise SystemExit"},
    "warns": {**SOLUTIONS, "softmax": SOLUTIONS["softmax"].replace("e = ", "np.log(0); print(3); e = ", 1)},
}
POINTS = {"right": ALL, "half": 2, "untouched": 0, "breaks": ALL - 2, "warns": ALL}


@pytest.mark.slow(every=3)
def test_generate_autograde_export(tmp_path, root, course, tools):
    folder = tmp_path / "course"
    source = nbgrader_export.export(course, folder, root)
    sockets = tempfile.TemporaryDirectory(prefix="nbgrader-")  # as in book/kernels.py: a port can be taken meanwhile
    with open(folder / "nbgrader_config.py", "a") as config:
        config.write(f'c.KernelManager.transport, c.KernelManager.ip = "ipc", "{sockets.name}/socket"\n')

    def nbgrader(*arguments):
        done = subprocess.run(["nbgrader", *arguments], cwd=folder, env=tools, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    assert "784 * 10 + 10" in source.read_text()
    nbgrader("generate_assignment", "week", "--create")
    released = nbformat.read(folder / "release" / "week" / "week.ipynb", as_version=4)
    text = nbformat.writes(released)
    assert "z.max(" not in text and "784 * 10" not in text and "HIDDEN" not in text and "_KEYS" not in text
    for student, answers in STUDENTS.items():
        notebook = nbformat.reads(text, as_version=4)
        for cell in notebook.cells:
            for name, answer in answers.items():
                cell.source = cell.source.replace(STUBS[name], answer)
        path = folder / "submitted" / student / "week" / "week.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    nbgrader("autograde", "week", "--create")
    nbgrader("export")
    with open(folder / "grades.csv", newline="") as file:
        scores = {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in csv.DictReader(file)}
    assert scores == {student: (points, ALL) for student, points in POINTS.items()}

    flat = tmp_path / "flat"
    flat.mkdir()
    for student in STUDENTS:
        (flat / f"{student}.ipynb").write_bytes(
            (folder / "submitted" / student / "week" / "week.ipynb").read_bytes())
    results = grade.grade(course, flat, tmp_path / "graded", progress=False)
    assert {result["student"]: report.score(result) for result in results} == POINTS, "our own grading differs"
