"""What is read of a file that a student has handed in."""

import json
import threading
import unicodedata
from contextlib import nullcontext
from typing import NamedTuple

from instructor import written

SOURCE = 4 << 20  # characters of code in a notebook
CELLS = 2000
VALUES = 5_000_000  # in a notebook, outputs included: each takes a hundred bytes, were it written in two
LARGE = 32 << 20  # bytes of a file from which on only one is read at a time
_large = threading.Lock()


class Notebook(NamedTuple):
    """What is read of a submission's file."""

    cells: list  # (number, source) of the code cells
    made_for: str
    answers: dict = {}  # to questions, as text


def clean(text, length=300):
    """Text of a stranger, safe to store and to show: no control characters, no half of a surrogate pair, not long."""
    text = str(text)[:length].encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if unicodedata.category(c)[0] == "C" and c != "\u200d" else c for c in text)


def read_notebook(data, questions=()):
    """The code cells, and the answers to ``questions``, in the bytes of a file; ValueError if it is no notebook."""
    if sum(map(data.count, (b",", b"[", b"{"))) > VALUES:
        raise ValueError(f"more than {VALUES} values")
    with _large if len(data) > LARGE else nullcontext():
        return _read(data, questions)


def _read(data, questions):
    try:
        tree = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if not data.strip(b"\0 \r\n\t"):
            raise ValueError("the file is empty") from None
        raise ValueError(clean(f"{type(error).__name__}: {error}", 150)) from None
    if isinstance(tree, dict) and "cells" not in tree and isinstance(tree.get("worksheets"), list):  # format 3
        sheets = [sheet.get("cells") for sheet in tree["worksheets"] if isinstance(sheet, dict)]
        tree["cells"] = [cell for cells in sheets if isinstance(cells, list) for cell in cells]
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        raise ValueError("no cells")
    cells = []
    for number, cell in enumerate(tree["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            lines = source if isinstance(source, list) else [source]
            cells.append((number, "".join(line for line in lines if isinstance(line, str))))
    if len(cells) > CELLS or sum(len(source) for _, source in cells) > SOURCE:
        raise ValueError(f"more than {CELLS} code cells, or than {SOURCE >> 20} million characters of code")
    facts = tree.get("metadata")
    facts = facts.get("assignment") if isinstance(facts, dict) else None
    made_for = facts.get("student") if isinstance(facts, dict) else ""
    answers = {name: "\n".join(clean(line, len(line)) for line in text.split("\n"))
               for name, text in written.answers(tree, questions).items()}
    return Notebook(cells, clean(made_for, 100) if isinstance(made_for, str) else "", answers)
