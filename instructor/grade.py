"""Grade a folder of submissions.

Every student's result is stored as soon as it is known. Stopping and starting again repeats nothing, unless
the submission, the assignment or the exercises have changed.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock

import numpy as np
from tqdm import tqdm

import nnlib.exercises
from book.python import host
from instructor import decided, handed_in, lms, marking, report, runner, seal, similarity
from nnlib.exercises.judging.judge import constant, judge
from nnlib.exercises.judging.outcome import ENDED

STATUSES = {
    "graded": "the notebook was graded",
    "missing": "nothing was handed in, or nothing that can be graded",
    "unreadable": "the file is not a notebook",
    "failed": "grading itself failed: please report it",
}
IDLE = "it is right, and counts once a case that asks for more is right, too"
NO_NUMPY = "NameError: name 'np' is not defined"


def grade(assignment, source, folder, students=(), workers=None, progress=True, take="latest", overrides=None, work=1,
          marks=None, groups=None, again=(), solutions=None):
    """Grade the submissions in ``source``; write what ``report`` makes of them to ``folder``, return the results.

    ``students`` are those who should have handed in something, as ``lms.roster`` lists them: who has not is listed as
    missing. Of several notebooks the ``take`` "latest" or "best" one counts. ``overrides`` is a file of the instructor's
    own, see :mod:`instructor.decided`, and so are ``marks``, of the same form, and ``groups``.
    ``work`` multiplies the limits: what ran out of less is graded again, and so are the students and exercises in ``again``.
    ``solutions`` is the instructor's notebook of the assignment; with it, similar code is looked for beyond that notebook's.
    """
    folder = Path(folder)
    for name in ("results", "feedback"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    submissions = _match(lms.collect(source, assignment.name, students), students)
    present = {name for submission in submissions for name in (submission.student.casefold(), submission.lms_id) if name}
    submissions += [student for student in students if not present & {student.student.casefold(), student.lms_id}]
    names = {submission.student for submission in submissions}
    rows = {}
    for path in (overrides, marks):  # in this order: the first that speaks of an exercise counts
        for student, more in decided.read_overrides(path, assignment, names).items():
            rows.setdefault(student, []).extend(more)
    team = {student.student: student.team for student in students if student.team} | decided.read_groups(groups, names)
    strangers = set(again) - names - set(assignment.exercises)
    if strangers:
        raise ValueError(f"neither student nor exercise: {', '.join(sorted(strangers))}")
    told = {student.lms_id: student.time for student in students if student.lms_id}
    one = _Run(assignment, folder, told, take, work, again, solutions)
    results = []
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        for result in tqdm(pool.map(one, submissions), total=len(submissions), unit="student", disable=not progress):
            results.append(result)
    finally:  # also of a run that was stopped
        pool.shutdown(cancel_futures=True)
        for result in results:
            result["overrides"] = rows.get(result["student"], [])
        decided.share(results, team)
        _publish(assignment, folder, results, names)
        if one.plain:
            found = similarity.pairs(one.code, one.plain, lambda one, other: one in team and team[one] == team.get(other))
            _write(folder / "similarity.html", similarity.page(assignment, found))
    return results


class _Run:
    """Grades one submission after the other, as far as what is stored of each does not hold any more."""

    def __init__(self, assignment, folder, told, take, work, again, solutions):
        self.assignment, self.folder, self.told, self.take, self.work, self.again = assignment, folder, told, take, work, again
        self.adapters = {entry.name: seal.adapter_source(entry) for entry in assignment.entries()}
        self.version = _version(assignment)
        known = handed_in.read_notebook(lms.content(solutions)).cells if solutions and Path(solutions).exists() else []
        self.plain = {source for _, source in known}  # cells that everybody may have
        self.code = {}  # what each wrote
        self.first = Lock()

    def __call__(self, submission):
        """The result of one submission; whatever is wrong with it stops no other: its row says so."""
        assignment = self.assignment
        try:
            result = self._result(submission)
        except Exception as error:
            result = _empty("failed", handed_in.clean(f"{type(error).__name__}: {error}", 200))
            result |= {"student": submission.student, "lms_id": submission.lms_id}
        return result | {"reply": submission.reply, "full": assignment.full, "code": assignment.code(submission.student)}

    def _result(self, submission):
        files = [*submission.others, (submission.label, submission.path, submission.time)]
        files = files[-1:] if self.take == "latest" else files
        digest = hashlib.sha256(repr((submission[2:5], [name for name, *_ in files])).encode("utf-8", "replace"))
        for _, file, _ in files:
            data = _read(file)
            digest.update(hashlib.sha256(data or b"").digest() + bytes([data is None]))
        if self.plain and data:
            with suppress(ValueError):
                cells = handed_in.read_notebook(data).cells
                self.code[submission.student] = [source for _, source in cells if source not in self.plain]
        digest = digest.hexdigest()
        path = self.folder / "results" / f"{submission.student}.json"
        result = _stored(path)
        wanted = self._wanted(result, digest, submission.student)
        if wanted is not None:
            with self.first:
                runner.begin()  # once; where all is stored, never: a user without a home waits for it each time
            known = result["exercises"] if wanted.keys() != self.adapters.keys() else {}
            result = _best(self.assignment, submission, files, wanted, self.work)
            result |= {"exercises": known | result["exercises"], "student": submission.student, "lms_id": submission.lms_id,
                       "sha256": digest, "version": self.version, "work": self.work}
            _write(path, json.dumps(result, indent=1))
        when = next((time for name, _, time in files if name == result["label"]), 0)
        return result | {"late": decided.late(self.assignment, self.told.get(submission.lms_id) or when, submission.late)}

    def _wanted(self, result, digest, student):
        """The exercises that are to be graded, with their adapters; None where all that is stored holds."""
        if not result or (result["version"], result["sha256"]) != (self.version, digest) or student in self.again or (
                result["out of work"] and result["work"] < self.work):
            return self.adapters
        return {name: self.adapters[name] for name in self.adapters if name in self.again} or None


def _publish(assignment, folder, results, names):
    """Write what ``report`` makes of the results, and remove what earlier runs left of others than ``names``."""
    pages = {result["student"]: report.feedback(assignment, result, STATUSES) for result in results}
    for student, text in pages.items():
        _write(folder / "feedback" / f"{student}.html", text)
    for name, ending in (("results", ".json"), ("feedback", ".html")):
        for path in (folder / name).iterdir():
            if path.name not in {f"{student}{ending}" for student in names}:
                path.unlink()
    _write(folder / "scores.csv", report.scores_csv(assignment, results))
    _write(folder / "statistics.html", report.statistics(assignment, results))
    if assignment.questions:
        _write(folder / "marking.html", marking.page(assignment, results))
    report.write_zip(folder / "feedback.zip", [
        (result["reply"] or f"{result['student']}.html", pages[result["student"]])
        for result in results if result["status"] != "missing" or result["reply"]])


def _match(submissions, students):
    """Give a group's notebook to its first member, and one named otherwise to whom it was made for, where nobody else's is."""
    teams = {lms.letters(student.team): student for student in reversed(students) if student.team}
    names = {student.student.casefold(): student.student for student in students}
    here = {submission.student.casefold() for submission in submissions}
    matched = []
    for submission in submissions:
        first = submission.reply and teams.get(lms.letters(submission.student.removesuffix(f"_{submission.lms_id}")))
        if first:
            note = "; ".join(filter(None, [submission.private, f"handed in by the group {first.team}"]))
            submission = submission._replace(student=first.student, lms_id=first.lms_id, reply=first.reply, private=note)
        name = submission.student.casefold()
        if names and submission.path and not submission.lms_id:
            made_for = ""
            if name not in names:
                with suppress(OSError, ValueError):
                    made_for = handed_in.read_notebook(lms.content(submission.path)).made_for.casefold()
            if made_for in names and made_for not in here:
                note = f"handed in as {submission.student}, found by what stands in the notebook"
                submission = submission._replace(student=names[made_for], private="; ".join(filter(None, [
                    submission.private, note])))
                here.add(made_for)
            elif name in names:
                submission = submission._replace(student=names[name])
        matched.append(submission)
    return matched


def _empty(status, note):
    return {"status": status, "note": note, "private": "", "exercises": {}, "answers": {}, "out of work": False, "label": ""}


def _best(assignment, submission, files, adapters, work):
    """The result of the notebook with the most points among those that count, and which that is."""
    results = [_grade_one(assignment, submission, _read(file), adapters, work) for _, file, _ in files]
    best = max(range(len(files)), key=lambda k: (report.score(results[k]), k))
    results[best]["label"] = files[best][0]
    if len(files) > 1:
        results[best]["note"] = "; ".join(filter(None, [
            f"{len(files)} notebooks, the best is {files[best][0]}", results[best]["note"]]))
    return results[best]


def _grade_one(assignment, submission, data, adapters, work=1):
    """Status, notes (one of them for the instructor alone) and what each exercise earned."""
    if submission.path is None:
        return _empty("missing", submission.note) | {"private": submission.private}
    if data is None:
        return _empty("unreadable", "the file cannot be read")
    try:
        notebook = handed_in.read_notebook(data, assignment.questions)
    except ValueError as error:
        return _empty("unreadable", f"not a notebook: {error}")
    keys = [key for key in assignment.keys(submission.student) if key.name in adapters]
    ran = runner.run_submission(notebook, keys, adapters, work)
    private = submission.private
    if notebook.made_for and not _same(notebook.made_for, submission):
        private = "; ".join(filter(None, [private, f"the notebook was made for {notebook.made_for}"]))
    notes = ran.notes
    exercises = {}
    for key in keys:
        exercises[key.name] = verdict(key, ran.outcomes[key.name])
    if any(NO_NUMPY in text for text in [*notes, *(case[2] for entry in exercises.values() for case in entry["cases"])]):
        notes.insert(0, "is the cell with `import numpy as np` gone?")
    ended = any(outcome.status == ENDED for outcomes in ran.outcomes.values() for outcome in outcomes)
    said = "; ".join(notes)[:1000]
    return _empty("graded", "; ".join(filter(None, [submission.note, said]))) | {
        "ran": said, "private": private, "exercises": exercises, "answers": notebook.answers,
        "out of work": ended or any(host.TOO_MUCH in note for note in ran.notes)}


def verdict(key, outcomes):
    """Points, hints and what is wrong on each case. A case that was drawn several times is right if it always is.

    A case whose result asks for no work counts beside one whose result does, or with all others.
    """
    judged = judge(key, outcomes)
    drawn = {}
    for k, case in enumerate(key.cases):
        drawn.setdefault(case.label, []).append(k)
    faults = {label: next((judged.faults[k] for k in places if judged.faults[k]), "") for label, places in drawn.items()}
    if any(faults.values()) and all(fault or _idle(key, drawn[label]) for label, fault in faults.items()):
        faults = {label: fault or IDLE for label, fault in faults.items()}
    cases = [[label, key.cases[places[0]].points, faults[label]] for label, places in drawn.items()]
    return {"points": sum(points for _, points, fault in cases if not fault), "written": judged.written,
            "hints": judged.hints, "cases": cases}


def _idle(key, places):
    """Whether a case asks for no work: its results are one and the same, or its arguments, or sums and the like of these."""
    if constant([key.expected[k] for k in places]):
        return True
    given = [list(_arrays(key.cases[k].args)) for k in places]
    return all(any(np.shape(x) == want.shape and np.allclose(x, want, key.rtol, key.atol) for x in arrays)
               for arrays, k in zip(given, places) for want in key.expected[k])


def _arrays(args):
    """Numbers in arguments, as they stand there and summed up, as anybody has them without an idea."""
    for arg in args:
        if isinstance(arg, (list, tuple)):
            yield from _arrays(arg)
        elif (array := np.asarray(arg)).size and array.dtype.kind in "biuf":
            yield from (array, array.T, array.size, array.sum(), array.mean(), array.max(), array.min())


def _same(student, submission):
    """Whether a student named in a roster is the one who handed in: an LMS writes the names in its own way."""
    return student == submission.student or bool(submission.lms_id) and student.endswith(f"_{submission.lms_id}")


def _version(assignment):
    """Changes whenever the same submission could get other points."""
    digest = hashlib.sha256(repr([assignment.exercises, list(assignment.questions), assignment.secret]).encode())
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
    part.write_text(text, encoding="utf-8", errors="replace")
    part.replace(path)
