"""How long a class takes to grade: ``python benchmarks/grading.py [STUDENTS]``, by default 200.

Half of the students solve everything, a quarter leave one stub, the rest all. Beside it stands nbgrader's time on the same
submissions where nbgrader is installed: for a few of them, from which all follow. On a busy machine only processor time says
something.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from book.notebook import ROOT, chapter_paths  # noqa: E402
from instructor import assignment, grade, nbgrader_export, report  # noqa: E402
from nnlib.exercises import all_exercises  # noqa: E402

NBGRADER_STUDENTS = 11


def submissions(notebook, solutions, count):
    """One notebook after the other, of a class of ``count``."""
    for k in range(count):
        copy = nbformat.reads(notebook, as_version=4)
        for cell in copy.cells:
            for name, (stub, solution) in solutions.items():
                if k % 4 < 2 or k % 4 == 2 and name != next(iter(solutions)):
                    cell.source = cell.source.replace(stub, solution)
        yield f"student{k:03d}", nbformat.writes(copy)


def tools():
    """Environment in which ``nbgrader`` runs, or None: on the PATH, or where the tests have put it."""
    paths = [*map(str, ROOT.glob("_build/course-tools-*/bin")), os.environ["PATH"]]
    if not shutil.which("nbgrader", path=os.pathsep.join(paths)):
        return None
    share = Path(sys.prefix, "share", "jupyter")
    return {**os.environ, "PATH": os.pathsep.join(paths), "JUPYTER_PATH": str(share)}


def time_nbgrader(made, notebooks, folder):
    """What ``nbgrader autograde`` takes for one of these notebooks and for the others, each by the clock and of processor time.

    None without nbgrader.
    """
    environment = tools()
    if environment is None:
        return None
    nbgrader_export.export(made, folder)

    def nbgrader(*arguments):
        subprocess.run(["nbgrader", *arguments], cwd=folder, env=environment, check=True, capture_output=True)
    nbgrader("generate_assignment", made.name, "--create")
    released = (folder / "release" / made.name / f"{made.name}.ipynb").read_text(encoding="utf-8")
    for student, text in notebooks(released):
        path = folder / "submitted" / student / made.name / f"{made.name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")

    def autograde(*which):
        started = time.perf_counter(), worked()
        nbgrader("autograde", made.name, "--create", *which)
        return time.perf_counter() - started[0], worked() - started[1]
    return autograde("--student=student000"), autograde()


def worked():
    """Processor time of all that was started and has ended, in seconds."""
    return sum(os.times()[2:4])


def time_grading(made, folder):
    """Seconds by the clock and of processor time that grading takes, and its results."""
    started = time.perf_counter(), time.process_time()
    solutions = folder / "bench" / "instructor" / "bench-solutions.ipynb"
    results = grade.grade(made, folder / "in", folder / "out", solutions=solutions, progress=False)
    return time.perf_counter() - started[0], time.process_time() - started[1], results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("students", nargs="?", type=int, default=200)
    count = parser.parse_args().students
    chapters = {path.stem for path in chapter_paths()}
    names = [name for name, entry in all_exercises().items() if entry.chapter in chapters][:5]
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        made = assignment.make(folder / "bench", "bench", names)
        solutions = {}
        for entry in made.entries():
            call = f'check({entry.name}, "{entry.name}")' if entry.value else f"check({entry.name})"
            block = assignment.exercise_cells(entry)
            solutions[entry.name] = [nbgrader_export.code_of(block[kind], call) for kind in ("exercise", "solution")]
        (folder / "in").mkdir()
        text = (folder / "bench" / "student" / "bench.ipynb").read_text(encoding="utf-8")
        for student, content in submissions(text, solutions, count):
            (folder / "in" / f"{student}.ipynb").write_text(content, encoding="utf-8")
        seconds, worked_all, results = time_grading(made, folder)
        again, worked_again, _ = time_grading(made, folder)
        full = sum(report.score(result) == made.points for result in results)
        print(f"{count} submissions of {len(names)} exercises, {os.cpu_count()} cores: {seconds:.1f} s, "
              f"{seconds / count:.2f} s each; {full} with full points")
        print(f"processor time: {worked_all:.1f} s, {worked_all / count:.2f} s each; from what is stored: {again:.1f} s, "
              f"{worked_again:.1f} s of processor time")
        theirs = time_nbgrader(made, lambda released: submissions(released, solutions, NBGRADER_STUDENTS), folder / "course")
        if theirs is None:
            print("nbgrader: not installed here (instructor/requirements-nbgrader.txt)")
        else:
            clock, processor = ((others - one) / (NBGRADER_STUDENTS - 2) for one, others in zip(*theirs))  # without its start
            print(f"nbgrader, measured on {NBGRADER_STUDENTS} of them: {clock:.2f} s each, one after the other, "
                  f"{processor:.2f} s of processor time: {processor * count / worked_all:.0f} times as much")
    return 0 if worked_all / count <= 0.6 and worked_again < 4 else 1  # on two cores


if __name__ == "__main__":
    sys.exit(main())
