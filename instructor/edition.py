"""The student edition, in which no solution exists anywhere, and the instructor edition, with rubrics.

Solutions are cut out of the notebooks before the book is built, and the exercise registry is replaced by
sealed checks. Hiding them would leave them in the page's source, the downloads and the search index.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell

from instructor import seal
from instructor.assignment import rubric
from book.__main__ import BUILD
from book.notebook import ROOT, chapter_paths, label_of, parts, read, without_solutions
from nnlib.exercises import all_exercises

# named one by one: whatever else lies in an instructor's folder, as marks or a coming exam, goes to nobody
BOOK = ["_config.yml", "_toc.yml", "intro.md", "references.bib", "requirements.txt", "requirements.in",
        "pyproject.toml", "Makefile", "book", "chapters", "appendix", "nnlib", "binder", "LICENSE",
        "LICENSE-CONTENT"]

GUIDE = "appendix/instructor_guide"


def make(kind, out=None, book=True, root=ROOT):
    """Write the ``student`` edition or the instructor's (``edition``) to ``out``, and build its book.

    The folder is a repository of its own: it can be published for a class, and Binder starts it.
    """
    out = Path(out or root / "_build" / kind)
    if out.exists() and not (out / "nnlib").exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not an edition of the book; choose another folder")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    ignore = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints", "_build")
    for name in BOOK:
        if (root / name).is_dir():
            shutil.copytree(root / name, out / name, ignore=ignore)
        elif (root / name).exists():
            shutil.copy2(root / name, out / name)
    edit = without_solutions if kind == "student" else with_rubrics
    for path in chapter_paths(out):
        nbformat.write(edit(read(path)), path)
    if kind == "student":
        seal_package(out / "nnlib" / "exercises")
        without_guide(out)
    print(f"notebooks     {out / 'chapters'}")
    if book:
        print(f"book          {build(out)}")
    return out


def seal_package(folder):
    """Replace the exercises' package by one that checks without solutions."""
    shutil.rmtree(folder)
    seal.write_package(folder, all_exercises().values(), seed=0)


def without_guide(folder):
    """Take out the page for instructors, and its line in the contents."""
    (folder / GUIDE).with_suffix(".md").unlink(missing_ok=True)
    contents = folder / "_toc.yml"
    if contents.exists():
        lines = contents.read_text(encoding="utf-8").splitlines(keepends=True)
        contents.write_text("".join(line for line in lines if GUIDE not in line), encoding="utf-8")


def with_rubrics(notebook):
    """A copy of the notebook with each exercise's rubric after its solution."""
    rubrics = {label_of(name): entry for name, entry in all_exercises().items()}
    cells, found = [], parts(notebook)
    for part, after in zip(found, [*found[1:], None]):
        cells.append(nbformat.from_dict({**part.cell, "id": f"edition-{len(cells)}"}))
        ends = after is None or (after.kind, after.label) != (part.kind, part.label)
        if part.kind == "solution" and ends and part.label in rubrics:
            cells.append(new_markdown_cell(rubric(rubrics[part.label]), id=f"edition-{len(cells)}"))
    return nbformat.from_dict({**notebook, "cells": cells})


def build(folder):
    """Build the book in ``folder``; the path of its first page."""
    done = subprocess.run(
        [sys.executable, *BUILD], cwd=folder, env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True)
    if done.returncode:
        said = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)
        raise ValueError(f"the book does not build:\n{said[-3000:]}")
    for name in (".doctrees", "jupyter_execute"):
        shutil.rmtree(folder / "_build" / name, ignore_errors=True)
    return folder / "_build" / "html" / "index.html"
