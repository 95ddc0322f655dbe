"""Learning management systems: whose submission is which, and scores into the instructor's own file.

Canvas names the files of its download ``doejane_LATE_1234_5678_week3-1.ipynb`` (user id 1234, second
attempt) and its gradebook has a column ``ID``. Moodle names folders or files ``Jane
Doe_1234_assignsubmission_file_`` (participant 1234) and its grading worksheet has a column ``Identifier``
with ``Participant 1234``.
"""

import csv
import io
import re
import shutil
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import NamedTuple

FILE_BYTES = 256 << 20   # a submission larger than this is refused
ZIP_BYTES = 8 << 30      # and so is a download that unpacks to more
_CANVAS = re.compile(r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_(?P<attempt>\d+)_(?P<file>.+)$")
_MOODLE = re.compile(r"^(?P<name>[^_]+)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)$")


COLUMNS = [("Student", "ID"), ("Full name", "Identifier")]  # of names and identifiers: Canvas's, Moodle's


class Submission(NamedTuple):
    """One student's submission; where there is nothing to grade, ``path`` is None and ``note`` says why."""

    student: str   # a name that is safe for files
    path: Path | None
    note: str = ""
    lms_id: str = ""


def roster(path):
    """Everybody in the class, as submissions of nothing.

    ``path`` is a CSV file with a header, whose first column names the students, or the Canvas gradebook or
    Moodle grading worksheet.
    """
    with open(path, encoding="utf-8-sig", newline="") as file:
        header, *rows = [[cell.strip() for cell in row] for row in csv.reader(file) if row] or [[]]
    columns = _columns(header)
    if columns:
        name, identity = columns
        people = [(row[name], re.sub(r"\D", "", row[identity])) for row in rows if len(row) > max(name, identity)]
        people = [(f"{student}_{lms_id}", lms_id) for student, lms_id in people if lms_id]  # not Canvas's row of points
    else:
        people = [(row[0], "") for row in rows if row[0]]
    return [Submission(_safe(student), None, "nothing handed in", lms_id) for student, lms_id in people]


def collect(source, unpacked, assignment=""):
    """The submissions in a folder, or in a zip as Canvas and Moodle make it, one for each student.

    In a plain folder the student is the file's name without its ending and without the name of the
    ``assignment`` before it, or the folder of one's own that the file lies in. Zips are unpacked into the folder
    ``unpacked``.
    """
    source = Path(source)
    if not source.exists():
        raise ValueError(f"{source} is not there: expected a folder or a zip of submissions")
    refused = {}
    if source.is_file():
        if not zipfile.is_zipfile(source):
            raise ValueError(f"{source} is neither a folder nor a zip")
        refused = _unpack(source, unpacked)
        source = Path(unpacked)
    found = {}
    for path in [*sorted(source.rglob("*")), *(source / name for name in refused)]:
        name = path.relative_to(source)
        hidden = any(part.startswith((".", "__MACOSX")) for part in name.parts)
        if hidden or path.is_dir() or path.is_symlink() and not path.exists():
            continue
        student, lms_id, note = _owner(name, assignment)
        found.setdefault(student, []).append((path, lms_id, refused.get(str(name), note)))
    return [_choose(student, files, refused, source) for student, files in sorted(found.items())]


def _owner(name, assignment):
    """Student, LMS id and a note, from a path inside the submissions."""
    for pattern in (_CANVAS, _MOODLE):
        match = pattern.match(name.parts[0])
        if match:
            late = "handed in late" if match.groupdict().get("late") else ""
            return _safe(f"{match['name']}_{match['id']}"), match["id"], late
    return _safe(name.parts[0] if len(name.parts) > 1 else name.stem.removeprefix(f"{assignment}-")), "", ""


def _safe(name):
    return re.sub(r"[^\w.@+, -]", "_", name).strip(" .")[:100] or "unnamed"


def _choose(student, files, refused, source):
    """The file to grade among those of one student: the last notebook."""
    lms_id, note = files[0][1], "; ".join(dict.fromkeys(note for _, _, note in files if note))
    notebooks = [path for path, _, _ in files
                 if path.suffix == ".ipynb" and str(path.relative_to(source)) not in refused]
    if not notebooks:
        names = ", ".join(path.name for path, _, _ in files)
        return Submission(student, None, note or f"no notebook among: {names}"[:200], lms_id)

    def attempt(path):
        match = _CANVAS.match(path.name)
        number = re.search(r"-(\d+)\.ipynb$", path.name)
        return (int(match["attempt"]) if match else 0, int(number[1]) if number else 0, path.name)

    last = max(notebooks, key=attempt)
    if len(notebooks) > 1:
        note = "; ".join(filter(None, [note, f"{len(notebooks)} notebooks, graded {last.name}"]))
    if last.stat().st_size > FILE_BYTES:
        return Submission(student, None, f"larger than {FILE_BYTES >> 20} MB", lms_id)
    return Submission(student, last, note, lms_id)


def _unpack(source, folder):
    """Unpack a zip without trusting it; the names that were refused, with the reason."""
    shutil.rmtree(folder, ignore_errors=True)
    refused, total = {}, 0
    with zipfile.ZipFile(source) as archive:
        for info in archive.infolist():
            name = PurePosixPath(info.filename)
            if info.is_dir() or ".." in name.parts or name.is_absolute():
                continue
            total += info.file_size
            if info.file_size > FILE_BYTES or total > ZIP_BYTES:
                refused[str(name)] = f"unpacks to more than {FILE_BYTES >> 20} MB"
                total -= info.file_size
                continue
            target = Path(folder, *name.parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(info) as packed, open(target, "wb") as file:
                    _copy(packed, file, info.file_size)
            except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
                target.unlink(missing_ok=True)
                refused[str(name)] = f"cannot be unpacked ({type(error).__name__})"
    return refused


def _copy(packed, file, size):
    """Copy at most the size that the zip declares: a zip bomb declares less than it holds."""
    for _ in range(0, size + 1, 1 << 20):
        file.write(packed.read(1 << 20))
        if file.tell() > size:
            raise ValueError("larger than declared")


def merge(lms_file, scores, column=None):
    """The text of the instructor's exported file with scores filled in, and how many rows were filled.

    Where the file names a maximum of its own, scores are scaled to it.

    Parameters
    ----------
    lms_file : path
        A Canvas gradebook (columns ``ID`` and one for the assignment) or a Moodle grading worksheet.
    scores : dict
        ``lms_id -> (score, maximum, note)``.
    column : str, optional
        Canvas: the assignment's column, or its beginning.
    """
    text = Path(lms_file).read_bytes().decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows:
        raise ValueError(f"{lms_file} is empty")
    header, columns = rows[0], _columns(rows[0])
    if not columns:
        raise ValueError(f"{lms_file} is neither a Canvas gradebook (columns Student, ID) "
                         "nor a Moodle grading worksheet (columns Full name, Identifier)")
    identity = columns[1]
    target = header.index("Grade") if "Grade" in header else _canvas_column(header, column, lms_file)
    comments = header.index("Feedback comments") if "Feedback comments" in header else None
    full, filled = None, 0
    for row in rows[1:]:
        if len(row) <= max(identity, target):
            continue
        if row[0].strip() == "Points Possible":
            full = row[target]
        if "Maximum Grade" in header:
            full = row[header.index("Maximum Grade")]
        lms_id = re.sub(r"\D", "", row[identity])
        if lms_id not in scores:
            continue
        score, maximum, note = scores[lms_id]
        row[target] = f"{score * (_number(full) or maximum) / maximum:g}"
        if comments is not None and len(row) > comments:
            row[comments] = note
        filled += 1
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(rows)
    return out.getvalue(), filled


def _columns(header):
    """Places of the names and of the identifiers in a file of an LMS; None in any other file."""
    for pair in COLUMNS:
        if {*pair} <= {*header}:
            return tuple(map(header.index, pair))
    return None


def _canvas_column(header, column, lms_file):
    columns = [name for name in header if re.search(r" \(\d+\)$", name)]
    fitting = [name for name in columns if column and name.startswith(column)]
    if len(fitting) != 1:
        raise ValueError(f"{lms_file}: name the assignment's column with --column: {', '.join(columns)}")
    return header.index(fitting[0])


def _number(text):
    try:
        return float(text.replace(",", "."))
    except (AttributeError, ValueError):
        return 0.0
