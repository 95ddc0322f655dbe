"""Grade a folder of submissions: scores as CSV, a feedback page for each student.

Every student's result is stored as soon as it is known. Stopping and starting again repeats nothing, unless
the submission, the assignment or the exercises have changed.
"""

import csv
import hashlib
import html
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

import nnlib.exercises
from book.python import host
from instructor import lms, runner, seal
from nnlib.exercises.judging.judge import judge

STATUSES = {
    "graded": "the notebook was graded",
    "missing": "nothing was handed in, or nothing that can be graded",
    "unreadable": "the file is not a notebook",
    "failed": "grading itself failed: please report it",
}
NO_NUMPY = "NameError: name 'np' is not defined"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #222 }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #ccc; padding: .2em .6em; text-align: left }}
.hint {{ background: #fff6dd; padding: .4em .8em; border-left: 4px solid #d9a400 }}
.right {{ color: #1a6b2f }}
.wrong {{ color: #a3261b }}
</style>
{body}
</html>
"""


def grade(assignment, source, folder, students=(), workers=None, progress=True):
    """Grade the submissions in ``source``; write scores, feedback and results to ``folder``, return the
    results.

    ``students`` are those who should have handed in something, as ``lms.roster`` lists them: who has not is
    listed as missing.
    """
    folder = Path(folder)
    for name in ("results", "feedback"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    submissions = lms.collect(source, folder / "unpacked", assignment.name, students)
    present = {name for submission in submissions for name in (submission.student, submission.lms_id) if name}
    submissions += [student for student in students if not present & {student.student, student.lms_id}]
    entries = assignment.entries()
    adapters = {entry.name: seal.adapter_source(entry) for entry in entries}
    version = _version(assignment)
    runner.prepare()

    def one(submission):
        path = folder / "results" / f"{submission.student}.json"
        digest = ""
        try:
            data = _read(submission.path)
            digest = hashlib.sha256(data or b"").hexdigest() + submission.note
            stored = _stored(path)
            if stored and (stored["version"], stored["sha256"]) == (version, digest):
                return stored
            result = _grade_one(assignment, submission, data, adapters)
        except Exception as error:  # one broken submission must not stop the others; the row says so
            result = _nothing("failed", runner.clean(f"{type(error).__name__}: {error}", 200))
        result |= {"student": submission.student, "lms_id": submission.lms_id, "sha256": digest, "version": version}
        _write(path, json.dumps(result, indent=1))
        _write(folder / "feedback" / f"{submission.student}.html", feedback(assignment, result))
        return result

    results = []
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        done = pool.map(one, submissions)
        for result in tqdm(done, total=len(submissions), unit="student", disable=not progress):
            results.append(result)
    finally:
        pool.shutdown(cancel_futures=True)
        _write(folder / "scores.csv", scores_csv(assignment, results))
    return results


def _nothing(status, note):
    return {"status": status, "note": note, "private": "", "exercises": {}}


def _grade_one(assignment, submission, data, adapters):
    """Status, notes (one of them for the instructor alone) and what each exercise earned."""
    if submission.path is None:
        return _nothing("missing", submission.note)
    if data is None:
        return _nothing("unreadable", "the file cannot be read")
    try:
        notebook = runner.read_notebook(data)
    except ValueError as error:
        return _nothing("unreadable", f"not a notebook: {error}")
    keys = assignment.keys(submission.student)
    ran = runner.run_submission(notebook, keys, adapters)
    private = submission.private
    if notebook.made_for and not _same(notebook.made_for, submission):
        private = "; ".join(filter(None, [private, f"the notebook was made for {notebook.made_for}"]))
    notes = [submission.note, *ran.notes]
    exercises = {}
    for key in keys:
        report = judge(key, ran.outcomes[key.name])
        cases = [[case.label, case.points, fault] for case, fault in zip(key.cases, report.faults)]
        exercises[key.name] = {"points": report.points, "written": report.written, "hints": report.hints,
                               "cases": cases}
    if any(NO_NUMPY in text for text in [*notes, *(case[2] for entry in exercises.values() for case in entry["cases"])]):
        notes.insert(1, "is the cell with `import numpy as np` gone?")
    return {"status": "graded", "note": "; ".join(filter(None, notes))[:1000], "private": private, "exercises": exercises}


def _same(student, submission):
    """Whether a student named in a roster is the one who handed in: an LMS writes the names in its own way."""
    return student == submission.student or bool(submission.lms_id) and student.endswith(f"_{submission.lms_id}")


def _version(assignment):
    """Changes whenever the same submission could get other points."""
    digest = hashlib.sha256(repr(assignment).encode())
    folders = Path(nnlib.exercises.__file__).parent, Path(__file__).parent, host.DIST.parent
    for path in [path for folder in folders for path in sorted(folder.rglob("*.py"))]:
        digest.update(path.read_bytes())
    digest.update((host.DIST / "manifest.json").read_bytes())
    return digest.hexdigest()[:16]


def _read(path):
    try:
        return b"" if path is None else lms.content(path)
    except OSError:
        return None


def _stored(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write(path, text):
    """Write a whole file or none of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def score(result):
    """The points of one result."""
    return sum(entry["points"] for entry in result["exercises"].values())


def scores_csv(assignment, results):
    """One row for each student, as CSV."""
    names = assignment.exercises
    rows = [["student", "status", *names, "score", "maximum", "note"]]
    for result in sorted(results, key=lambda result: result["student"]):
        points = [result["exercises"].get(name, {"points": 0})["points"] for name in names]
        rows.append([result["student"], result["status"], *points, sum(points), assignment.points,
                     "; ".join(filter(None, [result["note"], result["private"]]))])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _harmless(cell):
    """Text that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def feedback(assignment, result):
    """The page for one student."""
    escape = html.escape
    body = [f"<h1>{escape(assignment.title)}</h1>",
            f"<p>{escape(result['student'])}: "
            f"<strong>{score(result)} of {assignment.points} points</strong></p>"]
    if result["status"] != "graded":
        body.append(f"<p class=wrong>{escape(result['status'])}: {escape(STATUSES[result['status']])}.</p>")
    if result["note"]:
        body.append(f"<p>{escape(result['note'])}</p>")
    for entry in assignment.entries():
        done = result["exercises"].get(entry.name)
        body.append(f"<h2>{escape(entry.title)} ({done['points'] if done else 0} of {entry.points})</h2>")
        if not done or not done["written"]:
            body.append("<p>Not written yet.</p>")
            continue
        body.append("<table><tr><th>case<th>points<th>")
        for label, points, fault in done["cases"]:
            verdict = f"<td class=wrong>{escape(fault)}" if fault else "<td class=right>right"
            body.append(f"<tr><td>{escape(label)}<td>{0 if fault else points} of {points}{verdict}")
        body.append("</table>")
        body += [f"<p class=hint>{escape(hint)}</p>" for hint in done["hints"]]
    return PAGE.format(title=escape(f"{assignment.title}: {result['student']}"), body="\n".join(body))
