"""Runs submissions in the small Python and brings back plain arrays.

The only wall is WebAssembly: a submission sees no file and nothing else of the outside. Its cells run in an interpreter that
resumes a snapshot with everything imported; each exercise then runs in one that resumes a snapshot of what the cells left,
so that none can spoil another. Limits are fuel, and the same in every run.
"""

import functools
import importlib.util
import json
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from book.python import host
from instructor.handed_in import clean
from nnlib.exercises import judging
from nnlib.exercises.judging.outcome import ENDED, ERROR, NONE, OK, UNUSABLE, UNWRITTEN, Outcome
from nnlib.exercises.judging.plain import decode, encode

EACH = 3 * 10**9  # fuel for one cell, and for one exercise with all its cases; the book's solutions need a sixtieth of it
CELLS = 9 * 10**9  # for all cells of a notebook
AGAIN = 2 * 10**8  # what it costs to begin again


class Result(NamedTuple):
    """What a submission did: ``outcomes[name]`` has an outcome for each case; ``notes`` are sentences."""

    outcomes: dict
    notes: list


@functools.cache
def begin():
    """The interpreter in which every notebook begins, made once."""
    files = {f"book/judging/{name}": source.encode() for name, source in judging.bundle().items()}
    files["book/submission.py"] = Path(__file__).with_name("submission.py").read_bytes()
    for name in ("IPython.core.inputtransformer2", "IPython.utils.tokenutil"):
        files[f"book/{name.replace('.', '/')}.py"] = Path(importlib.util.find_spec(name).origin).read_bytes()
    python = host.Python(files)
    status, said = python.run("import submission, linecache, fractions, dataclasses, typing, itertools, math, random\n"
                              "submission.start()\nsubmission.cell('', '%time x = 1')\ndel submission.scope['x']", host.START)
    if status:
        raise host.Ended(f"it does not start: {said}")
    return python.snapshot()


def _call(python, function, *arguments, fuel):
    """Call a function of the guest's; "" or why Python is no more, and the records that it wrote, as far as they are any."""
    records, call = [], f"import submission; submission.{function}({', '.join(map(ascii, arguments))})"
    try:
        ended = "it failed" if python.run(call, fuel)[0] else ""
    except host.Ended as error:
        ended = str(error)
    for line in python.written(2).split("\n"):
        with suppress(ValueError, TypeError, RecursionError):  # whatever a stranger wrote
            records.append(dict(json.loads(line)))
    return ended, records


def run_cells(cells, work=1):
    """Run the cells one after the other; a snapshot of what they left, and notes.

    If a cell ends Python, all begin again, that one without the statement that did so and those after it.
    """
    stops, why, cut, left = {}, {}, [], CELLS * work
    while True:
        notes = []
        with closing(host.Python.resume(begin())) as python:
            for place, (number, source) in enumerate(cells):
                name = f"cell {number}"
                fuel = max(min(EACH * work, left), 1)
                ended, records = _call(python, "cell", name, source, stops.get(number), fuel=fuel)
                left -= fuel - python.store.get_fuel()
                if ended:
                    break
                said = [f"{name}: {clean(record[kind])}" for record in records for kind in ("error", "ignored")
                        if isinstance(record.get(kind), str)]
                notes += list(dict.fromkeys(said))[:20] + why.get(number, [])
            else:
                return python.snapshot(), notes + cut
        begun = [record["at"] for record in records if isinstance(record.get("at"), int)]
        stops[number] = begun[-1] if begun and number not in stops else 0
        why[number] = [f"{name}: {ended}; the rest of the cell was left out"]
        left -= AGAIN * work
        if left <= 0:
            cells, left = cells[:place], CELLS * work
            cut = [f"cells from number {number} on were not run: those before had used up the work allowed"]


def _outcome(record):
    """The outcome in a record; what the guest would not write counts as an error."""
    try:
        status, arrays, note, line, changed = decode(record["outcome"])
        if status not in (UNWRITTEN, NONE, ERROR, UNUSABLE, OK) or (status == OK) != bool(arrays):
            raise ValueError("not an outcome")
        [array.tolist() for array in arrays if array.dtype.kind == "U"]  # arrays, and of letters that there are
        return Outcome(status, tuple(arrays), clean(note), clean(line, 200), tuple(int(k) for k in changed))
    except Exception:  # whatever a stranger wrote
        return Outcome(ERROR, note="what it gives cannot be read")


def run_exercise(snapshot, key, adapter, given=None, work=1):
    """Outcomes of one exercise, one for each case, from what the notebook left; or from a value that is ``given``."""
    task = {"name": key.name, "value": key.value, "adapter": adapter, "cases": [encode(case.args) for case in key.cases],
            "given": given if given is None else encode(given)}
    with closing(host.Python.resume(snapshot)) as python:
        ended, records = _call(python, "answer", json.dumps(task), fuel=EACH * work)
    outcomes = [_outcome(record) for record in records if "outcome" in record]
    if key.value and given is None and outcomes:
        first = outcomes[0]
        if adapter and first.status == OK:  # used where the student's code is not
            return run_exercise(begin(), key, adapter, first.arrays if len(first.arrays) > 1 else first.arrays[0], work)
        outcomes = [first] * len(key.cases)
    lost = Outcome(ENDED, note=f"did not come back: {ended or 'it ended Python'}")
    return (outcomes + [lost] * len(key.cases))[: len(key.cases)]


def run_submission(notebook, keys, adapters, work=1):
    """Run a notebook on the cases of ``keys``; ``work`` multiplies the limits."""
    snapshot, notes = run_cells(notebook.cells, work)
    return Result({key.name: run_exercise(snapshot, key, adapters[key.name], work=work) for key in keys}, notes)
