"""An assignment as the source of an nbgrader course.

Each case of each exercise becomes an autograded test cell with its points. The tests are hidden: nbgrader takes
them out of what students get and puts them back when it grades. They hold inputs and expected results, no
solutions, but they run, as everything in nbgrader, in the student's own process.
"""

from pathlib import Path

import nbformat
import numpy as np
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from instructor import seal, written
from instructor.assignment import CHECKS, INTRODUCTION, TITLE, exercise_cells, heading, metadata, plain_cells, table

CONFIG = """c = get_config()
c.CourseDirectory.course_id = {course!r}
c.ClearSolutions.code_stub = {{"python": ""}}  # the stub stands above the solution
c.ExecutePreprocessor.timeout = 60
"""
ANSWER = """{stub}

### BEGIN SOLUTION
{solution}
### END SOLUTION


{call}"""
TEST = """# {name} on {label}: {points} point{plural}
### BEGIN HIDDEN TESTS
import contextlib, io
{checks}
from judging.judge import judge
from judging.sealed import key_from_json
_key = key_from_json(_keys[{name!r}])
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    _report = judge(_key, _key.outcomes({name}))  # nbgrader gives no points where a warning is printed
assert not _report.faults[{case}], str(_report)
### END HIDDEN TESTS"""


def export(assignment, course, root=None):
    """Write the assignment to ``source/`` of the nbgrader course in the folder ``course``; the notebook's path."""
    course = Path(course)
    folder = course / "source" / assignment.name
    folder.mkdir(parents=True, exist_ok=True)
    config = course / "nbgrader_config.py"
    if not config.exists():
        config.write_text(CONFIG.format(course=course.resolve().name), encoding="utf-8")
    path = folder / f"{assignment.name}.ipynb"
    nbformat.write(source_notebook(assignment, *([root] if root else [])), path)
    return path


def source_notebook(assignment, *root):
    """The notebook with nbgrader's metadata, solutions between its marks, and hidden tests."""
    entries = assignment.entries()
    setup = "import numpy as np\n\n" + seal.cell_source(entries, assignment.seed("check", ""))
    cells = [
        new_markdown_cell(INTRODUCTION.format(title=assignment.title, table=table(assignment)), id=TITLE),
        marked(new_code_cell(setup, id=CHECKS), CHECKS, locked=True),
    ]
    for entry in entries:
        blocks = exercise_cells(entry, *root)
        cells.append(new_markdown_cell(f"## {heading(entry, assignment)}", id=f"{entry.name}-title"))
        task = plain_cells(blocks["exercise"], f"{entry.name}-task")
        cells += [cell for cell in task if cell.cell_type == "markdown"]
        call = f'check({entry.name}, "{entry.name}")' if entry.value else f"check({entry.name})"
        stub, solution = (code_of(blocks[kind], call) for kind in ("exercise", "solution"))
        answer = ANSWER.format(stub=stub, solution=solution, call=call)
        cells.append(marked(new_code_cell(answer, id=f"{entry.name}-answer"), entry.name, solution=True))
        cells += tests(assignment, entry)
    for question in written.choose(assignment.questions, *root):
        points = assignment.full[question.name]
        task, answer = written.cells(question, points)
        cells += [task, marked(answer, question.name, grade=True, solution=True, points=points)]  # marked by hand, there
    return new_notebook(cells=cells, metadata=metadata(assignment, ""))


def code_of(block, call):
    """The code of a block without its call of ``check``."""
    code = "\n\n".join(cell.source for cell in block if cell.cell_type == "code")
    return code.replace(call, "").strip()


def tests(assignment, entry):
    """One locked cell for each case, with its points."""
    checks = seal.packed_source([entry], assignment.seed("grade", "", entry.name))
    for number, case in enumerate(entry.cases(np.random.default_rng(0))):
        plural = "" if case.points == 1 else "s"
        source = TEST.format(name=entry.name, label=case.label, points=case.points, plural=plural,
                             checks=checks, case=number)
        cell = new_code_cell(source, id=f"{entry.name}-test-{number}")
        yield marked(cell, f"{entry.name}-{number}", grade=True, locked=True, points=case.points)


def marked(cell, name, grade=False, solution=False, locked=False, points=None):
    """The cell with nbgrader's metadata (schema 3)."""
    cell.metadata["nbgrader"] = {"schema_version": 3, "grade_id": name, "grade": grade, "solution": solution,
                                 "locked": locked, "task": False}
    if points is not None:
        cell.metadata["nbgrader"]["points"] = points
    return cell
