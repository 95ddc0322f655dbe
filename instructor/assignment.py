"""Assignments: exercises chosen by name or chapter, handed out as one notebook that needs only NumPy."""

import hashlib
import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from instructor import runner, seal
from book.notebook import ROOT, chapter_paths, label_of, parts, read, plain_text
from nnlib.exercises import all_exercises
from nnlib.exercises.judging.judge import judge

DRAWS = 3
TITLE, CHECKS = "title", "checks"  # the ids of the first two cells
INTRODUCTION = """# {title}

Run the cells from the top. Write your answers in place of `raise NotImplementedError` or `...`. Each `check`
says what is right and what is wrong, with a hint. You may add cells. NumPy is all you need, and all there is
when your notebook is graded, with other numbers than here.

{table}"""


@dataclass(frozen=True)
class Assignment:
    """What is handed out and graded. ``secret`` decides the numbers submissions are tried on: keep it."""

    name: str
    title: str
    exercises: list
    secret: str

    def entries(self):
        """The exercises themselves. Raises ValueError for a name that the registry does not know."""
        known = all_exercises()
        unknown = [name for name in self.exercises if name not in known]
        if unknown:
            raise ValueError(f"no such exercise: {', '.join(unknown)}; there are: {', '.join(known)}")
        return [known[name] for name in self.exercises]

    def seed(self, *purpose):
        """A seed for one purpose: the same each time, and not to be guessed without the secret."""
        text = "/".join([self.secret, *purpose])
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")

    def keys(self, student):
        """The answer keys on which this student's submission is graded: each case is drawn ``DRAWS`` times."""
        return [entry.key(np.random.default_rng(self.seed("grade", student, entry.name)), 1 if entry.value else DRAWS)
                for entry in self.entries()]

    @property
    def points(self):
        """Points of all exercises together."""
        return sum(entry.points for entry in self.entries())


def load(folder):
    """The assignment that ``make`` wrote to ``folder``."""
    path = Path(folder, "assignment.json")
    if not path.exists():
        raise ValueError(f"{path} is not there: make it with python -m instructor assignment")
    return Assignment(**json.loads(path.read_text(encoding="utf-8")))


def choose(names, chapters):
    """Names of the exercises asked for by name or chapter (2, "02_activations"), in the book's order."""
    known, chapters = all_exercises(), [str(chapter).zfill(2) for chapter in chapters]
    strangers = [name for name in names if name not in known]
    strangers += [chapter for chapter in chapters
                  if not any(entry.chapter.startswith(chapter) for entry in known.values())]
    if strangers:
        raise ValueError(f"no such exercise or chapter: {', '.join(strangers)}; "
                         f"the exercises are: {', '.join(known)}")
    chosen = [name for name, entry in known.items()
              if name in names or any(entry.chapter.startswith(chapter) for chapter in chapters)]
    if not chosen:
        raise ValueError("choose exercises by name or chapter")
    return chosen


def make(folder, name, exercises, title=None, students=(), root=ROOT):
    """Write the assignment to ``folder``: for the student, for the instructor, and ``assignment.json``.

    With ``students``, each gets a notebook with numbers of its own. A second run keeps the secret, so that
    what was handed out stays valid. Raises ValueError if the solutions do not get all points from the grader.
    """
    folder = Path(folder)
    old = load(folder).secret if (folder / "assignment.json").exists() else None
    assignment = Assignment(name, title or name, list(exercises), old or secrets.token_hex(16))
    blocks = {entry.name: exercise_cells(entry, root) for entry in assignment.entries()}
    solutions = solution_notebook(assignment, blocks)
    solve(assignment, solutions)
    (folder / "student").mkdir(parents=True, exist_ok=True)
    (folder / "instructor").mkdir(exist_ok=True)
    (folder / "assignment.json").write_text(json.dumps(asdict(assignment), indent=1) + "\n", encoding="utf-8")
    for student in students or [""]:
        file = f"{name}-{student}.ipynb" if student else f"{name}.ipynb"
        nbformat.write(student_notebook(assignment, blocks, student), folder / "student" / file)
    nbformat.write(solutions, folder / "instructor" / f"{name}-solutions.ipynb")
    return assignment


def solve(assignment, solutions):
    """Grade the assignment's own solutions; ValueError if anything is missing to full marks."""
    notebook = runner.read_notebook(nbformat.writes(solutions).encode())
    keys = assignment.keys("")
    ran = runner.run_submission(notebook, keys, {entry.name: seal.adapter_source(entry) for entry in assignment.entries()})
    lacking = [note for note in ran.notes if "cannot be imported" in note]
    for key in keys:
        wrong = [fault for fault in judge(key, ran.outcomes[key.name]).faults if fault]
        if wrong or lacking:
            raise ValueError(f"the solution of {key.name} does not get all points from the grader: "
                             + "; ".join([*wrong[:1], *ran.notes[:3]]))


def exercise_cells(entry, root=ROOT):
    """The cells of an exercise's task and of its solution in its chapter."""
    path = next((path for path in chapter_paths(root) if path.stem == entry.chapter), None)
    if path is None:
        raise ValueError(f"exercise {entry.name!r} belongs to {entry.chapter}, which is not in chapters/")
    found = {"exercise": [], "solution": []}
    for part in parts(read(path)):
        if part.label == label_of(entry.name):
            found[part.kind].append(part.cell)
    if not found["exercise"]:
        raise ValueError(f"{path.name} has no exercise labelled {label_of(entry.name)}")
    return found


def student_notebook(assignment, blocks, student=""):
    """The notebook that is handed out; ``blocks`` maps each exercise's name to its ``exercise_cells``."""
    entries = assignment.entries()
    setup = seal.cell_source(entries, assignment.seed("check", student))
    cells = [
        new_markdown_cell(INTRODUCTION.format(title=assignment.title, table=table(entries)), id=TITLE),
        new_code_cell(f"import numpy as np\n\n{setup}", id=CHECKS,
                      metadata={"jupyter": {"source_hidden": True}}),
    ]
    for entry in entries:
        cells.append(new_markdown_cell(f"## {heading(entry)}", id=f"{entry.name}-title"))
        cells += plain_cells(blocks[entry.name]["exercise"], f"{entry.name}-task")
    return new_notebook(cells=cells, metadata=metadata(assignment, student))


def solution_notebook(assignment, blocks):
    """The instructor's notebook: each task with its solution, its points and the mistakes to expect."""
    title = f"# {assignment.title}: solutions\n\n{table(assignment.entries())}"
    cells = [new_markdown_cell(title, id="title"), new_code_cell("import numpy as np", id="imports")]
    for entry in assignment.entries():
        cells.append(new_markdown_cell(f"## {heading(entry)}", id=f"{entry.name}-title"))
        cells += plain_cells(blocks[entry.name]["exercise"], f"{entry.name}-task")
        cells.append(new_markdown_cell("### Solution", id=f"{entry.name}-solution"))
        cells += plain_cells(blocks[entry.name]["solution"], f"{entry.name}-solution")
        cells.append(new_markdown_cell(rubric(entry), id=f"{entry.name}-rubric"))
    return new_notebook(cells=cells, metadata=metadata(assignment, ""))


def plain_cells(block, prefix):
    """The cells of a block as new cells without fences, outputs and the book's metadata."""
    cells = []
    for number, cell in enumerate(block, 1):
        if cell.cell_type == "code":
            cells.append(new_code_cell(cell.source, id=f"{prefix}-{number}"))
        elif plain_text(cell):
            cells.append(new_markdown_cell(plain_text(cell), id=f"{prefix}-{number}"))
    return cells


def metadata(assignment, student):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"kernelspec": kernel, "language_info": {"name": "python"},
            "assignment": {"name": assignment.name, "student": student}}


def heading(entry):
    plural = "" if entry.points == 1 else "s"
    return f"{entry.title} ({entry.points} point{plural}, {entry.minutes} minutes)"


def table(entries):
    """Exercises with points and minutes, as a Markdown table."""
    rows = ["| exercise | points | minutes |", "|---|---|---|"]
    rows += [f"| {entry.title} (`{entry.name}`) | {entry.points} | {entry.minutes} |" for entry in entries]
    total = sum(entry.points for entry in entries), sum(entry.minutes for entry in entries)
    return "\n".join([*rows, f"| **together** | **{total[0]}** | **{total[1]}** |"])


def rubric(entry):
    """What is worth how much, what the exercise builds on, and the mistakes to expect, as Markdown."""
    lines = [f"**Rubric**: {entry.points} points, about {entry.minutes} minutes."]
    if entry.prerequisites:
        lines.append(f"Builds on: {', '.join(entry.prerequisites)}.")
    lines += ["", "| right on | points |", "|---|---|"]
    lines += [f"| {case.label} | {case.points} |" for case in entry.cases(np.random.default_rng(0))]
    lines += ["", "Mistakes to expect, with the hint that the reader gets:", ""]
    return "\n".join(lines + [f"- {mistake.hint}" for mistake in entry.mistakes])
