"""Assignments: exercises chosen by name or chapter, handed out as one notebook that needs only NumPy."""

import base64
import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from instructor import handed_in, lms, runner, seal, written
from book.notebook import ROOT, chapter_paths, label_of, parts, read, plain_text
from nnlib.exercises import all_exercises
from nnlib.exercises.judging.judge import judge

DRAWS = 3
TITLE, CHECKS = "title", "checks"  # the ids of the first two cells
_WORTH = re.compile(r"\s*\*\d+ minutes?, \d+ points?\.\*")  # the heading says it, with the points that count
INTRODUCTION = """# {title}

Run the cells from the top. Write your answers in place of `raise NotImplementedError` or `...`. Each `check`
says what is right and what is wrong, with a hint. You may add cells. NumPy is all you need, and all there is
when your notebook is graded, with other numbers than here.

{table}"""


@dataclass(frozen=True)
class Assignment:
    """What is handed out and graded. ``secret`` decides the numbers submissions are tried on: keep it.

    ``questions`` are answered in words, each with its rubric, ``[[points, what earns them], ...]``, and have ``titles``.
    ``worth`` holds points of exercises where they are not the book's. ``due`` is a local time in ISO format; for each day
    begun after it ``late`` percent are taken off, and after ``days`` days all.
    """

    name: str
    title: str
    exercises: list
    secret: str
    questions: dict = field(default_factory=dict)
    titles: dict = field(default_factory=dict)
    worth: dict = field(default_factory=dict)
    due: str = ""
    late: float = 0
    days: int | None = None

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

    @cached_property
    def full(self):
        """Points of each exercise and question, by name."""
        coded = {entry.name: self.worth.get(entry.name, entry.points) for entry in self.entries()}
        return coded | {name: sum(points for points, _ in rubric) for name, rubric in self.questions.items()}

    @property
    def points(self):
        """Points of all exercises and questions together."""
        return sum(self.full.values())

    def file(self, student=""):
        """What the notebook that is handed out is called, or a student's own."""
        return f"{self.name}-{student}.ipynb" if student else f"{self.name}.ipynb"

    def code(self, student):
        """A name under which a student's answers are marked: the same each time, and not to be guessed."""
        return base64.b32encode(self.seed("code", student).to_bytes(8, "big")).decode().lower()[:6]


def stored(folder):
    """What stands in ``assignment.json``; None where there is none."""
    path = Path(folder, "assignment.json")
    try:
        return Assignment(**json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is not what python -m instructor assignment wrote: {error}") from None


def load(folder):
    """The assignment that ``make`` wrote to ``folder``."""
    made = stored(folder)
    if made is None:
        raise ValueError(f"{Path(folder, 'assignment.json')} is not there: make it with python -m instructor assignment")
    titles = {name: made.titles.get(name, name) for name in made.questions}
    made = replace(made, titles=titles, questions=written.read_rubric(Path(folder, "rubric.csv"), list(titles)))
    check_policy(made)
    return made


def choose(names, chapters, questions=()):
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
    if not chosen and not questions:
        raise ValueError("choose exercises by name or chapter")
    return chosen


def make(folder, name, exercises, title=None, students=(), questions=(), root=ROOT, **policy):
    """Write the assignment to ``folder``: for the student, for the instructor, and ``assignment.json``.

    With ``students``, each gets a notebook with numbers of its own. A second run keeps the secret, so that
    what was handed out stays valid. ``questions`` are names; ``policy`` are the other fields of :class:`Assignment`.
    Raises ValueError if the solutions do not get all points from the grader.
    """
    folder, old = Path(folder), stored(folder)
    if lms.safe(name) != name:
        raise ValueError(f"expected a name for files, such as week2, got {name!r}")
    titles = {question.name: question.title for question in written.choose(questions, root)}
    rubrics = written.read_rubric(folder / "rubric.csv", list(titles))
    secret = old.secret if old else secrets.token_hex(16)
    assignment = Assignment(name, " ".join((title or name).split()), list(exercises), secret, rubrics, titles, **policy)
    check_policy(assignment)
    blocks = {entry.name: exercise_cells(entry, root) for entry in assignment.entries()}
    solutions = solution_notebook(assignment, blocks, root)
    solve(assignment, solutions)
    (folder / "student").mkdir(parents=True, exist_ok=True)
    (folder / "instructor").mkdir(exist_ok=True)
    (folder / "assignment.json").write_text(json.dumps(asdict(assignment), indent=1) + "\n", encoding="utf-8")
    written.write_rubric(folder / "rubric.csv", rubrics)
    for student in students or [""]:
        nbformat.write(student_notebook(assignment, blocks, student, root), folder / "student" / assignment.file(student))
    nbformat.write(solutions, folder / "instructor" / f"{name}-solutions.ipynb")
    return assignment


def check_policy(assignment):
    """ValueError for points, a deadline or a late policy that cannot be meant."""
    strangers = assignment.worth.keys() - set(assignment.exercises)
    if strangers:
        raise ValueError(f"points are given for {', '.join(sorted(strangers))}, which is no exercise of this assignment")
    if not assignment.points:
        raise ValueError("nothing in this assignment earns points")
    if assignment.due:
        try:
            datetime.fromisoformat(assignment.due)
            datetime.strptime(assignment.due[11:16], "%H:%M")  # a day alone would mean its first minute
        except ValueError:
            raise ValueError(f"expected a deadline such as \"2026-10-09 18:00\", got {assignment.due!r}") from None
    elif assignment.late or assignment.days is not None:
        raise ValueError("a late policy needs a deadline: --due \"2026-10-09 18:00\"")
    if (assignment.days or 0) < 0:
        raise ValueError(f"expected a number of days, got {assignment.days}")
    if not 0 <= assignment.late <= 100:
        raise ValueError(f"expected percent between 0 and 100 a day, got {assignment.late:g}")


def solve(assignment, solutions):
    """Grade the assignment's own solutions; ValueError if anything is missing to full marks."""
    notebook = handed_in.read_notebook(nbformat.writes(solutions).encode())
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


def student_notebook(assignment, blocks, student="", root=ROOT):
    """The notebook that is handed out; ``blocks`` maps each exercise's name to its ``exercise_cells``."""
    entries = assignment.entries()
    setup = seal.cell_source(entries, assignment.seed("check", student))
    cells = [
        new_markdown_cell(INTRODUCTION.format(title=assignment.title, table=table(assignment)), id=TITLE),
        new_code_cell(f"import numpy as np\n\n{setup}", id=CHECKS,
                      metadata={"jupyter": {"source_hidden": True}}),
    ]
    for entry in entries:
        cells.append(new_markdown_cell(f"## {heading(entry, assignment)}", id=f"{entry.name}-title"))
        cells += plain_cells(blocks[entry.name]["exercise"], f"{entry.name}-task")
    for question in written.choose(assignment.questions, root):
        cells += written.cells(question, assignment.full[question.name])
    return new_notebook(cells=cells, metadata=metadata(assignment, student))


def solution_notebook(assignment, blocks, root=ROOT):
    """The instructor's notebook: each task with its solution, its points and the mistakes to expect."""
    title = f"# {assignment.title}: solutions\n\n{table(assignment)}"
    cells = [new_markdown_cell(title, id=TITLE), new_code_cell("import numpy as np", id="imports")]
    for entry in assignment.entries():
        cells.append(new_markdown_cell(f"## {heading(entry, assignment)}", id=f"{entry.name}-title"))
        cells += plain_cells(blocks[entry.name]["exercise"], f"{entry.name}-task")
        cells.append(new_markdown_cell("### Solution", id=f"{entry.name}-solution"))
        cells += plain_cells(blocks[entry.name]["solution"], f"{entry.name}-solution")
        cells.append(new_markdown_cell(rubric(entry), id=f"{entry.name}-rubric"))
    for question in written.choose(assignment.questions, root):
        cells += written.cells(question, assignment.full[question.name])[:1]
        text = f"### Solution\n\n{question.solution}\n\n{written.rubric_table(assignment.questions[question.name])}"
        cells.append(new_markdown_cell(text, id=f"{question.name}-solution"))
    return new_notebook(cells=cells, metadata=metadata(assignment, ""))


def plain_cells(block, prefix):
    """The cells of a block as new cells without fences, outputs and the book's metadata."""
    cells = []
    for number, cell in enumerate(block, 1):
        if cell.cell_type == "code":
            cells.append(new_code_cell(cell.source, id=f"{prefix}-{number}"))
        elif text := _WORTH.sub("", plain_text(cell)):
            cells.append(new_markdown_cell(text, id=f"{prefix}-{number}"))
    return cells


def metadata(assignment, student):
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"kernelspec": kernel, "language_info": {"name": "python"},
            "assignment": {"name": assignment.name, "student": student}}


def heading(entry, assignment):
    points = assignment.full[entry.name]
    return f"{entry.title} ({points:g} point{'' if points == 1 else 's'}, {entry.minutes} minutes)"


def table(assignment):
    """Exercises with points and minutes, questions with points, and the deadline, as Markdown."""
    entries, full = assignment.entries(), assignment.full
    rows = ["| exercise | points | minutes |", "|---|---|---|"]
    rows += [f"| {entry.title} (`{entry.name}`) | {full[entry.name]:g} | {entry.minutes} |" for entry in entries]
    rows += [f"| {title} (in words) | {full[name]:g} | |" for name, title in assignment.titles.items()]
    rows.append(f"| **together** | **{assignment.points:g}** | **{sum(entry.minutes for entry in entries)}** |")
    return "\n".join([*rows, *(["", deadline(assignment)] if assignment.due else [])])


def deadline(assignment):
    """The deadline and what being late costs, as a sentence."""
    off = f" Each day begun after it takes {assignment.late:g} % off." if assignment.late else ""
    end = f" After {assignment.days} days nothing counts." if assignment.days is not None else ""
    return f"Due {assignment.due}.{off}{end}"


def rubric(entry):
    """What is worth how much, what the exercise builds on, and the mistakes to expect, as Markdown."""
    lines = [f"**Rubric**: {entry.points} points, about {entry.minutes} minutes."]
    if entry.prerequisites:
        lines.append(f"Builds on: {', '.join(entry.prerequisites)}.")
    lines += ["", "| right on | points |", "|---|---|"]
    lines += [f"| {case.label} | {case.points} |" for case in entry.cases(np.random.default_rng(0))]
    lines += ["", "Mistakes to expect, with the hint that the reader gets:", ""]
    return "\n".join(lines + [f"- {mistake.hint}" for mistake in entry.mistakes])
