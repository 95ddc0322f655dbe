"""Chapters as notebooks: where an exercise and its solution begin and end."""

import re
from pathlib import Path
from typing import NamedTuple

import nbformat

ROOT = Path(__file__).resolve().parent.parent
_FENCE = re.compile(
    r"^(?P<fence>`{3,}|:{3,})\{(?P<kind>exercise|solution)(?P<gate>-start|-end|)\}\s*(?P<title>.*)$"
)
_GATE = re.compile(r"^(`{3,}|:{3,})\{(?:exercise|solution)-(?:start|end)\}.*\n(^:.*\n)*\1 *$", re.MULTILINE)


class Part(NamedTuple):
    """A cell, or the piece of a Markdown cell, that lies in one exercise or solution, or in neither."""

    kind: str  # "exercise", "solution" or ""
    label: str
    title: str
    cell: dict
    number: int  # of the cell in its notebook


def read(path):
    """The notebook at ``path``."""
    return nbformat.read(path, as_version=4)


def chapter_paths(root=ROOT):
    """The chapters' notebooks, in reading order."""
    return sorted(Path(root, "chapters").glob("*.ipynb"))


def parts(notebook):
    """Cut a notebook at the fences of its exercises and solutions, into a list of :class:`Part`.

    Raises ValueError where a fence is not closed or not opened.
    """
    found, kind, label, title = [], "", "", ""
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
            if match and (match["kind"] != kind if match["gate"] == "-end" else kind):
                raise ValueError(f"cell {number}: {line!r} is not expected here")
            if match and match["gate"] != "-end":
                flush()
                kind, title = match["kind"], match["title"].strip()
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
        raise ValueError(f"the {kind} {label!r} is not closed")
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
