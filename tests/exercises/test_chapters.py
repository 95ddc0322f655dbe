"""Every chapter's exercises as the reader meets them: task, stub, check, folded solution."""

import ast
import functools
import re

import numpy as np
import pytest

from book import check
from book.notebook import chapter_paths, label_of, parts, read, plain_text
from nnlib.exercises import all_exercises
from nnlib.exercises.judging.judge import judge

CHAPTERS = {path.stem: path for path in chapter_paths()}
EXERCISES = {name: entry for name, entry in all_exercises().items() if entry.chapter in CHAPTERS}
each_exercise = pytest.mark.parametrize("name", EXERCISES)
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS)


@functools.cache
def chapter_parts(chapter):
    return parts(read(CHAPTERS[chapter]))


def block(name, kind):
    """The cells of an exercise's task or solution."""
    label = label_of(name)
    chapter = EXERCISES[name].chapter
    found = [part for part in chapter_parts(chapter) if (part.kind, part.label) == (kind, label)]
    assert found, f"{chapter} has no {kind} {label}: make check C={chapter} says all that it lacks"
    return found


def code(cells):
    return [part.cell for part in cells if part.cell.cell_type == "code"]


def names(source, context):
    return {node.id for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def check_call(entry):
    return f'check({entry.name}, "{entry.name}")' if entry.value else f"check({entry.name})"


@each_exercise
def test_task_has_a_stub_and_a_check(name):
    entry, task = EXERCISES[name], block(name, "exercise")
    cells = code(task)
    source = "\n".join(cell.source for cell in cells)
    stub, call = ast.parse(source).body[-2:]
    assert ast.unparse(call) == ast.unparse(ast.parse(check_call(entry)).body[0])
    assert "".join(output.get("text", "") for output in cells[-1].outputs) == f"{name}: not written yet\n"
    if entry.value:
        assert ast.unparse(stub) == f"{name} = ..."
    else:
        assert isinstance(stub, (ast.FunctionDef, ast.ClassDef)) and stub.name == name
        assert "raise NotImplementedError" in ast.unparse(stub)


@each_exercise
def test_task_stands_by_itself(name):
    """It is also handed out alone, in a plain notebook: no other fence, no reference to its page, no ``nnlib``."""
    prose = [part.cell for part in block(name, "exercise") if part.cell.cell_type == "markdown"]
    text = "\n".join(map(plain_text, prose))
    assert not re.search(r"\{(eq|ref|numref|doc|cite\S*)\}`|^(```|:::)\{|nnlib", text, re.MULTILINE), text


@each_exercise
def test_the_page_s_solution_passes(name):
    entry = EXERCISES[name]
    cells = code(block(name, "solution"))
    folded = [cell.metadata.get("jupyter", {}).get("source_hidden") for cell in cells]
    assert all(folded), "the solution is not folded in JupyterLab"
    scope = {"np": np, "check": lambda *args: None}  # graded where nnlib is not installed
    for cell in cells:
        exec(compile(cell.source, name, "exec"), scope)
    key = entry.key(np.random.default_rng(0))
    report = judge(key, key.outcomes(scope[name]))
    assert not any(report.faults), str(report)
    stored = "".join(output.get("text", "") for cell in cells for output in cell.outputs)
    assert "wrong" not in stored and "not written" not in stored


@each_chapter
@pytest.mark.parametrize("rule", ["exercises_of_each_kind", "exercises_agree_with_the_registry"])
def test_page_and_registry_agree(chapter, rule):
    assert check.lacks(CHAPTERS[chapter], [check.RULES[rule]]) == []


@each_chapter
def test_the_page_does_not_use_what_the_reader_writes(chapter):
    """Later cells use nnlib, so that the page runs whatever stands in the exercises."""
    pages = [part for part in chapter_parts(chapter) if part.cell.cell_type == "code"]
    written = set()
    for part in pages:
        source = re.sub(r"^(\s*)[%!].*$", r"\1pass", part.cell.source, flags=re.MULTILINE)
        if part.kind:
            written |= {name for name in EXERCISES if EXERCISES[name].chapter == chapter
                        and part.label == label_of(name)}
        else:
            used = names(source, ast.Load) & written
            assert not used, f"cell {part.number} uses {used}, which an exercise defines"
