"""Written answers: a chapter's questions to think about, handed out, shown side by side for marking, and counted.

Nobody but a person marks them. The page for marking shows what the rubric asks for, and hands out a file of marks, which
grading reads each time.
"""

import csv
import re
from pathlib import Path
from typing import NamedTuple

from nbformat.v4 import new_markdown_cell

from book.notebook import ROOT, chapter_paths, parts, plain_text, read
from instructor import lms

RUBRIC = [[1, "the answer is right"], [1, "the reason given for it holds"]]
PLACE = "*Write your answer here. Double-click to edit.*"
MOST = 20_000  # characters of an answer
_FENCED = re.compile(r"^(`{3,}|:{3,})\{(?:exercise|solution)\}.*\n(?:^:.*\n)*((?:.*\n)*?)\1 *$", re.MULTILINE)
_ROLE = re.compile(r"\{[\w:-]+\}`")
_CITED = re.compile(r"\s*\{cite(:\w+)?\}`[^`]*`")


class Question(NamedTuple):
    """A question to think about: Markdown of its text and of its answer."""

    name: str
    chapter: str
    title: str
    text: str
    solution: str


def all_questions(root=ROOT):
    """Every question that stands by itself, by its label without ``ex-``; those that point to figures of their page do not."""
    found = {}
    for path in chapter_paths(root):
        texts, coded = {}, set()
        for part in parts(read(path)):
            if part.kind and part.cell.cell_type == "code":
                coded.add(part.label)
            elif part.kind:
                text = _CITED.sub("", _FENCED.sub(r"\2", plain_text(part.cell))).strip()
                texts.setdefault(part.label, {}).setdefault(part.kind, [part.title]).append(text)
        for label, text in texts.items():
            title, *asked = text.get("exercise", [""])
            if asked and label not in coded and not _ROLE.search("\n".join(asked)):
                name = label.removeprefix("ex-")
                found[name] = Question(name, path.stem, title, "\n\n".join(asked), "\n\n".join(text.get("solution", [""])[1:]))
    return found


def choose(names, root=ROOT):
    """The questions with these names; ValueError for one that is not there or cannot stand alone."""
    known = all_questions(root) if names else {}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no question that stands by itself: {', '.join(unknown)}; there are: {', '.join(known)}")
    return [known[name] for name in dict.fromkeys(names)]


def cells(question, points):
    """What a student gets: the question, and a cell for the answer, marked in its metadata."""
    plural = "" if points == 1 else "s"
    return [new_markdown_cell(f"## {question.title} ({points:g} point{plural}, in words)\n\n{question.text}",
                              id=f"{question.name}-task", metadata={"question": ""}),
            new_markdown_cell(PLACE, id=f"{question.name}-answer", metadata={"question": question.name})]


def answers(tree, names):
    """``{name: text}`` from a notebook as JSON: the marked cell, and text cells that the student put below it."""
    found, name = {}, ""
    for cell in tree["cells"]:
        if not isinstance(cell, dict):
            continue
        facts, source = cell.get("metadata"), cell.get("source", "")
        mark = facts.get("question") if isinstance(facts, dict) else None
        mark = mark if isinstance(mark, str) else None
        place = cell.get("id") if isinstance(cell.get("id"), str) else ""
        if mark is not None or place.endswith(("-title", "-task", "-answer")) or cell.get("cell_type") != "markdown":
            name = mark if mark in names else place.removesuffix("-answer")
        if name in names and cell.get("cell_type") == "markdown":
            text = "".join(line for line in source if isinstance(line, str)) if isinstance(source, list) else str(source)
            found[name] = f"{found.get(name, '')}\n\n{text.replace(PLACE, '').strip()}".strip()[:MOST]
    return {name: text for name, text in found.items() if text}


def read_rubric(path, questions):
    """``{name: [[points, what earns them], ...]}`` from a CSV file with these columns; ``RUBRIC`` where it has no row."""
    found = {name: [] for name in questions}
    for line, cells in lms.rows(path, "question") if Path(path).exists() else ():
        name, points, text = (cells + [""] * 3)[:3]
        if name not in found:
            raise ValueError(f"{path}, line {line}: no question {name!r}; there are: {', '.join(questions)}")
        found[name].append([lms.points(points, path, line, least=0), text])
    return {name: rows or RUBRIC for name, rows in found.items()}


def write_rubric(path, rubrics):
    """Write the rubric where there is none yet: it is the instructor's to change."""
    if rubrics and not path.exists():
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["question", "points", "what earns them"])
            writer.writerows([name, f"{points:g}", text] for name, rows in rubrics.items() for points, text in rows)


def rubric_table(rows):
    """A rubric as Markdown."""
    return "\n".join(["| for | points |", "|---|---|", *(f"| {text} | {points:g} |" for points, text in rows)])
