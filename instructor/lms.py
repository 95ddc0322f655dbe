"""Learning management systems: whose submission is which, and scores into the instructor's own file.

Canvas names the files of its download ``doejane_LATE_1234_5678_week3-1.ipynb`` (user id 1234, second
attempt) and its gradebook has a column ``ID``. Moodle names folders or files ``Jane
Doe_1234_assignsubmission_file`` (participant 1234) and its grading worksheet has a column ``Identifier``
with ``Participant 1234``; both also in German, and without names where marking is anonymous. Where students
hand in as groups, a folder is named ``Group A_77_assignsubmission_file``, by the number of the group, which may be
somebody's number too, and the worksheet has a column ``Group``.
"""

import csv
import hashlib
import io
import math
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import NamedTuple

FILE_BYTES = 256 << 20   # a submission larger than this is refused
DEEP = 20                # folders in folders
DIRECTORY = 4 << 20      # bytes that list what is in a zip: some forty thousand files
UNZIPPABLE = zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, struct.error
_CANVAS = re.compile(r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<id>\d+)_(?P<attempt>\d+)_(?P<file>.+)$", re.DOTALL)
_MOODLE = re.compile(r"^(?P<name>[^_]+)(_(?P<id>\d+))?_assignsubmission_[a-z]+_?(?P<file>.*)$", re.DOTALL)
_NOTEBOOK = re.compile(r"\.ipynb(\.(txt|json))?$", re.IGNORECASE)
COLUMNS = {  # what the columns are called, in small letters
    "name": {"student", "full name", "vollständiger name", "studierende", "studierende/r"},
    "identity": {"id", "identifier", "identifikator"},
    "team": {"group", "gruppe"},
    "grade": {"grade", "bewertung"},
    "maximum": {"maximum grade", "bestwertung", "maximale bewertung"},
    "time": {"last modified (submission)", "zuletzt geändert (abgabe)"},
    "comments": {"feedback comments", "feedback als kommentar", "kommentare"},
}


_MONTHS = ["jan", "feb", "mar mär", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"]
MONTHS = {name: k for k, names in enumerate(_MONTHS, 1) for name in names.split()}


class Submission(NamedTuple):
    """One student's submission; where there is nothing to grade, ``path`` is None and ``note`` says why."""

    student: str   # a name that is safe for files
    path: Path | None = None
    note: str = ""
    lms_id: str = ""
    private: str = ""  # a note for the instructor alone
    others: tuple = ()  # earlier notebooks of the same hand-in
    label: str = ""  # what the chosen file was called
    reply: str = ""  # what a page of feedback has to be called for the LMS to take it
    time: float = 0.0  # when it was handed in, in seconds since 1970; 0 if nothing tells
    late: bool = False  # the LMS says so
    folder: str = ""  # Moodle hands out to this student what lies there in a zip of feedback files
    team: str = ""  # the group with which this student hands in, in Moodle


class File(NamedTuple):
    """Something that was handed in: ``path`` is None where it cannot be used, and ``fault`` says why."""

    name: PurePosixPath
    path: Path | None
    fault: str = ""
    time: float = 0.0


class Table(NamedTuple):
    """A CSV file as it came; ``rows`` are pairs of the line where one begins and its cells."""

    rows: list
    encoding: str
    delimiter: str
    newline: str
    head: str  # a line before all others, in which Excel says what delimits


def table(path):
    """Read a CSV file of UTF-8, UTF-16 or cp1252, with commas, semicolons, tabs or bars; ValueError with file and line."""
    raw = Path(path).read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    else:
        encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        try:
            encoding, text = "cp1252", raw.decode("cp1252")
        except UnicodeDecodeError:
            raise ValueError(f"{path}, line {line}: neither UTF-8 nor Windows text (cp1252)") from None
    if "\0" in text:
        raise ValueError(f"{path}, line {text[: text.index(chr(0))].count(chr(10)) + 1}: not text, it has a zero byte")
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = re.sub(r'"[^"]*"', "", first)
    head = re.match(r"(?:sep=(.)(\r\n|\r|\n))?", text)
    delimiter = head[1] or max(",;\t|", key=outside.count)
    reader, rows, line = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), [], 1
    try:
        for row in reader:
            rows.append((line, row))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}") from None
    return Table(rows[bool(head[0]):], encoding, delimiter, "\r\n" if "\r\n" in text else "\n", head[0])


def rows(path, header=None):
    """``(line, cells)`` of a CSV file, letters composed, without rows of nothing and without a first row that begins as told."""
    found = [(line, [unicodedata.normalize("NFC", cell).strip() for cell in row]) for line, row in table(path).rows]
    found = [(line, cells) for line, cells in found if any(cells)]
    return found[1:] if found and found[0][1][0].lower() == header else found


def roster(path):
    """Everybody in the class, as submissions of nothing.

    ``path`` is a CSV file with a header, whose first column names the students, or the Canvas gradebook or
    Moodle grading worksheet. Two students of one name or number are a ValueError.
    """
    (_, header), *lines = rows(path) or [(1, [])]
    name, identity, grade, time, team = (_column(header, kind) for kind in ("name", "identity", "grade", "time", "team"))
    from_lms = identity is not None and (name is not None or grade is not None)
    people, seen = [], {}
    for line, row in lines:
        if any(row[len(header):]) or from_lms and len(row) <= max(name or 0, identity):
            raise ValueError(f"{path}, line {line}: expected {len(header)} columns, got {len(row)}")
        if from_lms:
            lms_id = re.sub(r"\D", "", row[identity])
            who = row[name] if name is not None else row[identity].removesuffix(lms_id).strip()  # anonymous: Participant
            student = f"{who}_{lms_id}" if lms_id else ""  # not Canvas's rows of points and posting
        else:
            student, lms_id = row[0], ""
        if not student:
            continue
        file = safe(student)
        for known in filter(None, (file.casefold(), lms_id)):
            if seen.setdefault(known, line) != line:
                raise ValueError(f"{path}, line {line}: {file!r} stands in line {seen[known]} already")
        when = moment(row[time]) if time is not None and time < len(row) else 0.0
        from_moodle = from_lms and grade is not None
        folder = re.sub(r"[_/\\]+", " ", who) + f"_{lms_id}_assignsubmission_file" if from_moodle else ""
        group = row[team] if from_moodle and team is not None and team < len(row) else ""
        reply = f"{folder}/feedback.html" if group else ""  # to each member, though one handed in for all
        people.append(Submission(file, None, "nothing handed in", lms_id, reply=reply, time=when, folder=folder, team=group))
    return people


def letters(name):
    """What is left of a name in every file's name: an LMS drops some signs and writes others differently."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFC", name)).casefold()


def moment(text):
    """Seconds since 1970 of a local time as Moodle writes it, in English or German; 0 if it is none."""
    found = re.search(r"(\d+)\.? (\w{3})\w* (\d{4}), (\d+):(\d+)\s*([AP]M)?", text.replace("\u202f", " "), re.IGNORECASE)
    if not found or found[2].lower() not in MONTHS:
        return 0.0
    hour = int(found[4]) % 12 + 12 * (found[6].upper() == "PM") if found[6] else int(found[4])
    try:
        return datetime(int(found[3]), MONTHS[found[2].lower()], int(found[1]), hour, int(found[5])).timestamp()
    except ValueError:
        return 0.0


def points(text, path, line, least=-math.inf):
    """Points that a person wrote into a file; ValueError, with file and line, if they are none."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < least:
        raise ValueError(f"{path}, line {line}: expected points, got {text!r}")
    return int(value) if value == int(value) else value


class Member(NamedTuple):
    """A file in a zip, which may lie in a zip itself. Nothing is unpacked to a disk."""

    archive: "Path | Member"
    number: int  # in the zip: two may have one name


def opened(path):
    """A stranger's file, open for reading: a plain one, or one in a zip; OSError for any other."""
    if isinstance(path, Member):
        return io.BytesIO(content(path))
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(os.open(path, flags), "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("not a plain file")
    return file


def content(path):
    """The bytes of a stranger's file, which is not too large; OSError for any other."""
    try:
        if isinstance(path, Member):
            with opened(path.archive) as file, zipfile.ZipFile(file) as archive:
                with archive.open(archive.infolist()[path.number]) as packed:
                    data = packed.read(FILE_BYTES + 1)
        else:
            with opened(path) as file:
                data = file.read(FILE_BYTES + 1)
    except UNZIPPABLE as error:
        raise OSError(f"cannot be unpacked ({type(error).__name__})") from None
    if len(data) > FILE_BYTES:
        raise OSError("not of reasonable size")
    return data


def collect(source, assignment="", students=()):
    """The submissions in a folder, or in a zip as Canvas and Moodle make it, one for each student.

    In a plain folder the student is the file's name without its ending and without the name of the
    ``assignment`` before it, or the folder of one's own that the file lies in. Files in one folder that are named as
    several of the ``students`` belong to them, unless these have handed in something themselves.
    """
    source = Path(source)
    if not source.exists():
        raise ValueError(f"{source} is not there: expected a folder or a zip of submissions")
    if source.is_file():
        if not zipfile.is_zipfile(source):
            raise ValueError(f"{source} is neither a folder nor a zip")
        files = _inside(source, PurePosixPath())
    else:
        files = _walk(source)
    files = [file for file in files if not _hidden(*file.name.parts)]
    known = {student.student.casefold() for student in students}

    def ours(top):
        return _CANVAS.match(top) or _MOODLE.match(top) or safe(top).casefold() in known
    tops = {file.name.parts[0] for file in files}
    if len(tops) == 1 and len(files) > 1 and all(len(file.name.parts) > 1 for file in files) and not ours(*tops):
        if source.is_file() or any(len(file.name.parts) > 2 for file in files):
            files = [file._replace(name=PurePosixPath(*file.name.parts[1:])) for file in files]  # a folder around all
    there = {safe(_owner(file.name, assignment)[0]).casefold() for file in files}
    found = {}
    for file in sorted(files, key=lambda file: str(file.name)):
        owner = _owner(file.name, assignment, set() if ours(file.name.parts[0]) else known - there)
        found.setdefault(owner[:2], []).append((file, *owner[2:]))
    chosen = {}
    for (raw, lms_id), group in found.items():
        submission = _choose(safe(raw), lms_id, group)
        same, number = submission.student, 1
        while submission.student.casefold() in chosen:  # also where capitals are the only difference: so some disks have it
            number += 1
            submission = submission._replace(student=f"{same}-{number}", private=f"another hand-in has the name {same}")
        chosen[submission.student.casefold()] = submission
    return sorted(chosen.values(), key=lambda submission: submission.student)


def _hidden(*parts):
    """Whether it is what systems leave beside files; a notebook may have a name that begins with a dot."""
    *folders, name = parts
    return any(folder.startswith((".", "__MACOSX")) for folder in folders) or name.startswith(".") and (
        name.startswith("._") or not _NOTEBOOK.search(name))


def _walk(source):
    """All that lies in a folder: links are not followed, and zips are opened."""
    found, folders = [], [(source, PurePosixPath())]
    while folders:
        folder, name = folders.pop()
        if len(name.parts) > DEEP:
            found.append(File(name, None, f"folders lie more than {DEEP} deep"))
            continue
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            found.append(File(name / "?", None, f"the folder cannot be read ({type(error).__name__})"))
            continue
        for entry in entries:
            path, here = Path(entry.path), name / entry.name
            try:
                facts = entry.stat(follow_symlinks=False)
            except OSError as error:
                found.append(File(here, None, f"cannot be read ({type(error).__name__})"))
                continue
            if entry.is_symlink():
                found.append(File(here, None, "a link, not a file"))
            elif stat.S_ISDIR(facts.st_mode):
                folders.append((path, here))
            elif not stat.S_ISREG(facts.st_mode):
                found.append(File(here, None, "not a plain file"))
            elif facts.st_size > FILE_BYTES and here.suffix.lower() != ".zip":
                found.append(File(here, None, f"larger than {FILE_BYTES >> 20} MB"))
            else:
                found += _file(path, here, facts.st_mtime, facts.st_size)
    return found


def _file(path, name, time, size, depth=0, room=None):
    """A file, or what is in it if it is a zip; all zips in a hand-in's zip find room for so many bytes."""
    if name.suffix.lower() != ".zip" or depth == 3:
        return [File(name, path, "", time)]
    if depth:
        room[0] -= size
        if room[0] < 0:
            return [File(name, None, f"zips in zips of more than {FILE_BYTES >> 20} MB")]
    return _inside(path, name.with_suffix(""), depth + 1, room or [FILE_BYTES]) or [File(name, None, "an empty zip")]


def _inside(source, below, depth=0, room=None):
    """What is in a zip: no name in it names a file here."""
    try:
        with opened(source) as file:
            if depth and (zipfile._EndRecData(file) or [0] * 9)[5] > DIRECTORY:  # before a million entries are made of it
                raise ValueError("more files than anybody writes")
            with zipfile.ZipFile(file) as archive:
                entries = archive.infolist()
    except (OSError, *UNZIPPABLE) as error:
        return [File(below / "?", None, f"a zip that cannot be opened ({type(error).__name__})")]
    found = []
    for number, info in enumerate(entries):
        filename = info.filename
        with suppress(UnicodeError):  # macOS writes UTF-8, and does not say so
            filename = filename if info.flag_bits & 0x800 else filename.encode("cp437").decode()
        parts = re.split(r"[/\\]+", filename)
        if info.is_dir() or parts[-1] == "" or ".." in parts or parts[0] == "" or re.match(r"^[A-Za-z]:$", parts[0]):
            continue
        name = below / PurePosixPath(*parts)
        if len(name.parts) > DEEP:
            found.append(File(PurePosixPath(*name.parts[:2]), None, f"folders lie more than {DEEP} deep"))
        elif info.file_size > FILE_BYTES:
            found.append(File(name, None, f"unpacks to more than {FILE_BYTES >> 20} MB"))
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # others unpack without any limit
            found.append(File(name, None, "packed in a way that is not read here"))
        elif info.flag_bits & 1:
            found.append(File(name, None, "encrypted"))
        else:
            found += _file(Member(source, number), name, _stamp(info.date_time), info.file_size, depth, room)
    return found


def _stamp(time):
    try:
        return datetime(*time).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _owner(name, assignment, known=()):
    """Student, LMS id, what a reply is called and whether it was late (None: its time tells), from a path.

    Whoever is ``known`` owns what is called so, wherever it lies.
    """
    for pattern in (_CANVAS, _MOODLE):
        match = pattern.match(name.parts[0])
        if match:
            late = bool(match.groupdict().get("late"))
            reply = f"{name.parts[0]}/feedback.html"
            if pattern is _CANVAS or len(name.parts) == 1:
                reply = name.parts[0][: match.start("file")] + "feedback.html"
            lms_id = match["id"] or ""  # Moodle's group of those who are in none has no number
            return "_".join(filter(None, [match["name"], lms_id])), lms_id, reply, late
    stem = _NOTEBOOK.sub("", name.name)
    stem = (stem if stem != name.name else name.stem).removeprefix(f"{assignment}-")
    if len(name.parts) == 1 or safe(stem).casefold() in known:
        return stem, "", "", None
    return name.parts[0], "", "", None


def safe(name):
    """A name that every file system takes; whole letters with their marks, in Unicode's composed form."""
    name = unicodedata.normalize("NFC", name)
    plain = "".join(c if re.match(r"[\w.@+, -]", c) or unicodedata.category(c)[0] == "M" else "_" for c in name).strip(" .")
    while len(plain.encode("utf-8", "replace")) > 160:
        plain = plain[: len(plain) * 3 // 4]
    if plain and plain != name.strip(" .") and len(plain) < len(name.strip(" .")):
        plain += "-" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    if re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", plain, re.IGNORECASE):  # Windows' devices, whatever the ending
        plain = f"_{plain}"
    return plain or "unnamed"


def _choose(student, lms_id, group):
    """The file to grade among those of one student: the last notebook; the others are kept beside it."""
    late = "handed in late" if any(late for _, _, late in group) else ""
    usable = [file for file, _, _ in group if file.path and _NOTEBOOK.search(file.name.name)]
    faults = [f"{safe(file.name.name)}: {file.fault}" for file, _, _ in group if file.fault]
    if not usable:
        names = ", ".join(safe(file.name.name) for file, _, _ in group)
        why = "; ".join(dict.fromkeys([*faults[:3]])) or f"no notebook among: {names}"[:200]
        return Submission(student, note="; ".join(filter(None, [late, why])), lms_id=lms_id, reply=group[0][1])

    def order(file):
        match = _CANVAS.match(file.name.name)
        number = re.search(r"-(\d+)$", _NOTEBOOK.sub("", file.name.name))
        return int(match["attempt"]) if match else 0, int(number[1][:9]) if number else 0, file.time, file.name.name

    *others, last = sorted(usable, key=order)
    label, reply = safe(last.name.name), next(reply for file, reply, _ in group if file is last)
    notes = [late, f"{len(usable)} notebooks, graded {label}" if others else "", *faults[:3]]
    times = {file: file.time if told is None else 0.0 for file, _, told in group}  # an LMS packs with times of its own
    return Submission(student, last.path, "; ".join(filter(None, notes)), lms_id, "", tuple(
        (safe(file.name.name), file.path, times[file]) for file in others[-4:]), label, reply, times[last], bool(late))


def merge(lms_file, scores, column=None):
    """The bytes of the instructor's exported file with scores filled in, and how many rows were filled.

    Where the file names a maximum of its own, scores are scaled to it. Encoding, delimiter and line ends stay.

    Parameters
    ----------
    lms_file : path
        A Canvas gradebook (columns ``ID`` and one for the assignment) or a Moodle grading worksheet.
    scores : dict
        ``lms_id -> (score, maximum, note)``.
    column : str, optional
        Canvas: the assignment's column, or its beginning.
    """
    found = table(lms_file)
    rows = [row for _, row in found.rows]
    if not rows:
        raise ValueError(f"{lms_file} is empty")
    header = [cell.strip() for cell in rows[0]]
    name, identity, target, most, comments = (
        _column(header, kind) for kind in ("name", "identity", "grade", "maximum", "comments"))
    if identity is None or name is None and target is None:
        raise ValueError(f"{lms_file} is neither a Canvas gradebook (columns Student, ID) "
                         "nor a Moodle grading worksheet (columns Full name, Identifier)")
    if target is None:
        target = _canvas_column(header, column, lms_file)
    full, filled = None, 0
    for row in rows[1:]:
        if len(row) <= max(identity, target):
            continue
        lms_id = re.sub(r"\D", "", row[identity])
        if not lms_id and _number(row[target]):  # Canvas's row of points
            full = row[target]
        if most is not None and len(row) > most:
            full = row[most]
        if lms_id not in scores:
            continue
        score, maximum, note = scores[lms_id]
        text = f"{score * (_number(full) or maximum) / maximum:g}"
        row[target] = text.replace(".", ",") if "," in (full or "") else text
        if comments is not None and len(row) > comments:
            row[comments] = harmless(note)
        filled += 1
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=found.delimiter, lineterminator=found.newline).writerows(rows)
    return (found.head + out.getvalue()).encode(found.encoding, "replace"), filled


def harmless(cell):
    """Text that no spreadsheet takes for a formula, nor its rest for one that splits lines at semicolons or tabs."""
    return re.sub(r"(^|[;\t\r\n])(?=[\t\r\n]*[=+@\uff0b\uff1d\uff20\uff0d-])", r"\1'", cell) if isinstance(cell, str) else cell


def _column(header, kind):
    """The place of a column, whatever language the LMS speaks; None if there is none."""
    return next((k for k, name in enumerate(header) if name.lower() in COLUMNS[kind]), None)


def _canvas_column(header, column, lms_file):
    columns = [name for name in header if re.search(r" \(\d+\)$", name)]
    fitting = [name for name in columns if column and name.startswith(f"{column} (")]
    fitting = fitting or [name for name in columns if column and name.startswith(column)]
    if len(fitting) != 1:
        raise ValueError(f"{lms_file}: name the assignment's column with --column: {', '.join(columns)}")
    return header.index(fitting[0])


def _number(text):
    try:
        return float(text.replace(",", "."))
    except (AttributeError, ValueError):
        return 0.0
