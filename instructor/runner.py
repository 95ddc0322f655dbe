"""Runs submissions in the small Python and brings back plain arrays.

The only wall is WebAssembly: a submission sees the files that are listed here and nothing else. Its cells run in an
interpreter that resumes a snapshot with everything imported; each exercise then runs in one that resumes a snapshot of what
the cells left, so that none can spoil another. Limits are fuel, and the same in every run.
"""

import functools
import importlib.util
import json
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np

from book.python import host
from instructor import written
from nnlib.exercises import judging
from nnlib.exercises.judging.outcome import ENDED, ERROR, NONE, OK, UNUSABLE, UNWRITTEN, Outcome
from nnlib.exercises.judging.plain import decode, encode

EXERCISE = 3 * 10**9  # fuel for one exercise, all its cases; the book's solutions need a sixtieth of it
CELLS = 9 * 10**9  # for all cells of a notebook
CELL = 3 * 10**9  # for one of them
AGAIN = 2 * 10**8  # what it costs to begin again
SOURCE = 4 << 20  # characters of code in a notebook
CELLS_MOST = 2000
PREPARE = 10**10
_STATUSES = {UNWRITTEN, NONE, ERROR, UNUSABLE, OK}


class Notebook(NamedTuple):
    """What is read of a submission's file."""

    cells: list  # (number, source) of the code cells
    made_for: str
    made_of: str
    answers: dict = {}  # to questions, as text


class Result(NamedTuple):
    """What a submission did: ``outcomes[name]`` has an outcome for each case; ``notes`` are sentences."""

    outcomes: dict
    notes: list


def clean(text, length=300):
    """Text of a stranger, safe to store and to show: no control characters, no half of a surrogate pair, not long."""
    text = str(text)[:length].encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if unicodedata.category(c)[0] == "C" and c != "\u200d" else c for c in text)


def read_notebook(data, questions=()):
    """The code cells, and the answers to ``questions``, in the bytes of a file; ValueError if it is no notebook."""
    try:
        tree = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        if not data.strip(b"\0 \r\n\t"):
            raise ValueError("the file is empty") from None
        raise ValueError(clean(f"{type(error).__name__}: {error}", 150)) from None
    if isinstance(tree, dict) and "cells" not in tree and isinstance(tree.get("worksheets"), list):  # format 3
        sheets = [sheet for sheet in tree["worksheets"] if isinstance(sheet, dict)]
        tree["cells"] = [cell for sheet in sheets for cell in sheet.get("cells") or []]
    if not isinstance(tree, dict) or not isinstance(tree.get("cells"), list):
        raise ValueError("no cells")
    cells = []
    for number, cell in enumerate(tree["cells"], 1):
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", ""))
            lines = source if isinstance(source, list) else [source]
            cells.append((number, "".join(line for line in lines if isinstance(line, str))))
    if len(cells) > CELLS_MOST or sum(len(source) for _, source in cells) > SOURCE:
        raise ValueError(f"more than {CELLS_MOST} code cells, or than {SOURCE >> 20} million characters of code")
    facts = tree.get("metadata")
    facts = facts.get("assignment") if isinstance(facts, dict) else None
    facts = facts if isinstance(facts, dict) else {}
    made = [facts.get(key) if isinstance(facts.get(key), str) else "" for key in ("student", "name")]
    answers = {name: "\n".join(clean(line, len(line)) for line in text.split("\n"))
               for name, text in written.answers(tree, questions).items()}
    return Notebook(cells, *(clean(text, 100) for text in made), answers)


@functools.cache
def _begin():
    """The interpreter in which every notebook begins, made once."""
    files = {f"book/judging/{name}": source.encode() for name, source in judging.bundle().items()}
    for name in ("IPython.core.inputtransformer2", "IPython.utils.tokenutil"):
        package, part, _ = name.split(".")
        files |= {f"book/{package}/__init__.py": b"", f"book/{package}/{part}/__init__.py": b""}
        files[f"book/{name.replace('.', '/')}.py"] = Path(importlib.util.find_spec(name).origin).read_bytes()
    files["book/submission.py"] = Path(__file__).with_name("submission.py").read_bytes()
    python = host.Python(files)
    status, said = python.run("import submission, linecache, fractions, dataclasses, typing, itertools, math, random\n"
                              "submission.start()\nsubmission.cell('', '%time x = 1')\ndel submission.scope['x']", PREPARE)
    if status:
        raise host.Ended(f"it does not start: {said}")
    python.records()
    return python.snapshot()


def prepare():
    """Make what all submissions share, before there are several threads."""
    _begin()


def _records(python):
    """What the guest wrote, as far as it is what a guest writes."""
    for line in python.records().splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def _call(python, function, *arguments, fuel):
    """Call a function of the guest's; "" or why Python is no more."""
    try:
        status, _ = python.run(f"import submission; submission.{function}({', '.join(map(ascii, arguments))})", fuel)
    except host.Ended as error:
        return str(error)
    return "it failed" if status else ""


def run_cells(cells, work=1):
    """Run the cells one after the other; a snapshot of what they left, and notes.

    A cell that ends Python is begun again without the statement that did so and those after it.
    """
    stops, notes = {}, {}
    left, last = CELLS * work, False
    while True:
        python = host.Python.resume(_begin())
        for place, (number, source) in enumerate(cells):
            if stops.get(number) == 0:
                continue
            name = f"cell {number}"
            ended = _call(python, "cell", name, source, stops.get(number), fuel=min(CELL * work, max(left, 0)) or 1)
            left -= python.used()
            at, found = 0, []
            for record in _records(python):
                if type(record.get("at")) is int and 0 <= record["at"] < 10**5:
                    at = record["at"]
                found += [f"{name}: {clean(record[kind])}" for kind in ("error", "ignored") if isinstance(record.get(kind), str)]
            if not ended or number not in stops:
                notes[number] = list(dict.fromkeys([*notes.get(number, []), *found]))[:20]
            if ended:
                stops[number] = min(at, stops[number] - 1) if number in stops else at
                notes[number] = [*notes.get(number, []), f"{name}: {ended}; the rest of the cell was left out"]
                break
        else:
            break
        python.close()
        left -= AGAIN * work
        if left <= 0:  # begin a last time, without this cell and what follows it
            if last:
                return _begin(), [f"no cell was run: {ended}"]
            for later, _ in cells[place:]:
                stops[later] = 0
            notes[-1] = [f"cells from number {number} on were not run: those before had used up the work allowed"]
            left, last = CELLS * work, True
    snapshot = python.snapshot()
    python.close()
    return snapshot, [note for number in sorted(notes) for note in notes[number]]


def _outcome(record):
    """The outcome in a record; what the guest would not write counts as an error."""
    try:
        status, arrays, note, line, changed = decode(record["outcome"])
        plain = isinstance(arrays, tuple) and all(isinstance(array, np.ndarray) for array in arrays)
        if status not in _STATUSES or not plain or (status == OK) != bool(arrays):
            raise ValueError("not an outcome")
        for array in arrays:
            if array.dtype.kind == "U":
                "".join(map(str, array.ravel())).encode()
        return Outcome(status, arrays, clean(note), clean(line, 200), tuple(int(k) for k in changed))
    except Exception:  # whatever a stranger wrote
        return Outcome(ERROR, note="what it gives cannot be read")


def run_exercise(snapshot, key, adapter, given=None, work=1):
    """Outcomes of one exercise, one for each case, from what the notebook left; or from a value that is ``given``."""
    python = host.Python.resume(snapshot)
    task = {"name": key.name, "value": key.value, "adapter": adapter, "cases": [encode(case.args) for case in key.cases],
            "given": given if given is None else encode(given)}
    ended = _call(python, "answer", json.dumps(task), fuel=EXERCISE * work)
    outcomes = [_outcome(record) for record in _records(python) if "outcome" in record]
    python.close()
    if key.value and given is None and outcomes:
        first = outcomes[0]
        if adapter and first.status == OK:  # used where the student's code is not
            return run_exercise(_begin(), key, adapter, first.arrays if len(first.arrays) > 1 else first.arrays[0], work)
        outcomes = [first] * len(key.cases)
    lost = Outcome(ENDED, note=f"did not come back: {ended or 'it ended Python'}")
    return (outcomes + [lost] * len(key.cases))[: len(key.cases)]


def run_submission(notebook, keys, adapters, work=1):
    """Run a notebook on the cases of ``keys``; ``work`` multiplies the limits."""
    snapshot, notes = run_cells(notebook.cells, work)
    return Result({key.name: run_exercise(snapshot, key, adapters[key.name], work=work) for key in keys}, notes)
