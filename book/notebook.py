"""Chapters as notebooks: where an exercise and its solution begin and end."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>exercise|solution)(?P<gate>-start|-end|)\}\s*(?P<title>.*)$"
)
NAME = r"(?!00)\d\d_[a-z][a-z0-9_]*"  # of a chapter
_GATE = re.compile(r"^(`{3,}|:{3,})\{(?:exercise|solution)-(?:start|end)\}.*\n(^:.*\n)*\1 *$", re.MULTILINE)


class ChapterError(ValueError):
    """What keeps a chapter from being read, run or stored; the message names the chapter and, where there is one, the cell."""


class Part(NamedTuple):
    """A cell, or the piece of a Markdown cell, that lies in one exercise or solution, or in neither."""

    kind: str  # "exercise", "solution" or ""
    label: str
    title: str
    cell: dict
    number: int  # of the cell in its notebook


def read(path):
    """The notebook at ``path``, with its cells' ids as they are stored; see :func:`parse`."""
    return parse(Path(path).read_bytes(), Path(path).name)


def parse(content, name):
    """The notebook in the bytes of the file ``name``; ChapterError if there is none, or an exercise in it stays open."""
    try:
        text = content.decode("utf-8")
        if marks := re.search(r"^(<{7}|={7}|>{7})", text, re.MULTILINE):
            line = text.count("\n", 0, marks.start()) + 1
            raise ChapterError(f"line {line}: has the marks of a merge: choose one of the two sides")
        notebook = nbformat.v4.reads(text)
        parts(notebook)
        return notebook
    except ChapterError as error:
        raise ChapterError(f"{name}, {error}") from None
    except (ValueError, AttributeError, TypeError) as error:
        raise ChapterError(f"{name} is no notebook ({error}): mend it there, or take it back with git restore") from error


def chapter_paths(root=ROOT):
    """The chapters' notebooks, in reading order."""
    return sorted(Path(root, "chapters").glob("*.ipynb"))


def parts(notebook):
    """Cut a notebook at the fences of its exercises and solutions, into a list of :class:`Part`.

    Raises ChapterError where a fence is not closed or not opened.
    """
    found, kind, label, title, opened = [], "", "", "", 0

    def unclosed(number):
        where = f"cell {number + 1}: the {kind} {label!r} (cell {opened + 1})"
        return ChapterError(f"{where} is not closed: add its closing fence above")

    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "markdown":
            found.append(Part(kind, label, title, cell, number))
            continue
        lines, piece, end = cell.source.split("\n"), [], ""

        def flush():
            if any(line.strip() for line in piece):
                whole = len(piece) == len(lines)
                text = cell if whole else nbformat.from_dict({**cell, "source": "\n".join(piece).strip("\n")})
                found.append(Part(kind, label, title, text, number))
            piece.clear()

        for k, line in enumerate(lines):
            match = _FENCE.match(line)
            if match and kind and (match["gate"], match["kind"]) != ("-end", kind):
                raise unclosed(number)
            if match and not kind and match["gate"] == "-end":
                raise ChapterError(f"cell {number + 1}: {line!r} closes nothing: open it above, or remove it")
            if match and match["gate"] != "-end":
                flush()
                kind, title, opened = match["kind"], match["title"].strip(), number
                named = re.search(r"^:label: *(\S+)", "\n".join(lines[k + 1 : k + 6]), re.MULTILINE)
                label = title if kind == "solution" else named[1] if named else ""
            piece.append(line)
            if match and match["gate"] != "-start":
                end = match["fence"]  # the next line like this closes the exercise or solution
            elif end and line.strip() == end:
                flush()
                kind = label = title = end = ""
        flush()
    if kind:
        raise unclosed(number)
    return found


def without_solutions(notebook):
    """A copy of the notebook from which every solution is gone: cells, outputs, fingerprints and all."""
    kept = {}
    for part in parts(notebook):
        if part.kind != "solution":
            kept.setdefault(part.number, []).append(part.cell)
    cells = []
    for pieces in kept.values():
        cell = nbformat.from_dict(dict(pieces[0]))
        cell.source = "\n\n".join(piece.source for piece in pieces)
        cells.append(cell)
    metadata = {key: value for key, value in notebook.metadata.items() if key != "ran"}
    return nbformat.from_dict({**notebook, "cells": cells, "metadata": metadata})


def label_of(name):
    """The label that the exercise ``name`` has in its chapter."""
    return "ex-" + name.replace("_", "-")


def plain_text(cell):
    """The prose of a piece of an exercise or solution, without its gates: for a notebook that is no page."""
    return _GATE.sub("", cell.source).strip()
