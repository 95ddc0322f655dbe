"""Downloads and exports as Canvas and Moodle make them."""

import contextlib
import csv
import io
import os
import socket
import struct
import subprocess
import zipfile

import pytest

from instructor import grade, lms
from tests.instructor.course import notebook, solved

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),Week 10 (4712),Final Score\r
,,,,,Manual Posting,,(read only)\r
    Points Possible,,,,,7,5,(read only)\r
"Doe, Jane",101,s1,jane,"A, B",,3,\r
"Roe, Rich",102,s2,rich,A,1,,\r
"Poe, Al",103,s3,al,A,,,\r
"""
MOODLE = """Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",\
"Last modified (submission)","Online text","Last modified (grade)","Feedback comments"
"Participant 101","Jane Doe",jane@x.org,"Submitted for grading - ",,100.00,Yes,"Thursday, 9 October 2025, 6:12 PM",,-,
"Participant 102","Rich Roe",rich@x.org,"No submission - ",,100.00,Yes,-,,-,old
"""
GERMAN = """ID;"Vollständiger Name";E-Mail-Adresse;Status;Bewertung;Bestwertung;"Bewertung kann geändert werden";\
"Zuletzt geändert (Abgabe)";"Zuletzt geändert (Bewertung)";"Feedback als Kommentar"
Teilnehmer/in101;"Jane Döe";j@x.org;"Zur Bewertung abgegeben - ";;100,00;Ja;"Dienstag, 2. Dezember 2025, 10:37";-;
Teilnehmer/in102;"Rich Roe";r@x.org;"Keine Abgabe - ";;100,00;Ja;-;-;
"""
ANONYMOUS = """Identifier,Status,Grade,"Maximum grade","Last modified (submission)","Last modified (grade)","Feedback comments"
"Participant 101","Submitted for grading - ",,10.00,"Thursday, 9 October 2025, 6:12 PM",-,
"Participant 102","No submission - ",,10.00,-,-,
"""


def collected(source):
    return {submission.student: submission for submission in lms.collect(source)}


def test_canvas_download(tmp_path, make_zip):
    found = collected(make_zip({
        "doejane_101_5001_week1.ipynb": notebook("1"),
        "doejane_101_5009_week1-2.ipynb": notebook("2"),
        "roerich_LATE_102_5002_week1.ipynb": notebook("3"),
        "poeal_103_5003_week1.pdf": b"%PDF",
        "__MACOSX/._doejane_101_5001_week1.ipynb": b"junk",
    }))
    assert found.keys() == {"doejane_101", "roerich_102", "poeal_103"}
    jane, rich, al = found["doejane_101"], found["roerich_102"], found["poeal_103"]
    assert jane.lms_id == "101" and jane.label.endswith("week1-2.ipynb") and "2 notebooks" in jane.note
    assert rich.lms_id == "102" and rich.note == "handed in late"
    assert al.path is None and "no notebook" in al.note and al.lms_id == "103"


def test_moodle_download(tmp_path, make_zip):
    found = collected(make_zip({
        "Jane Doe_101_assignsubmission_file_/week1.ipynb": notebook("1"),
        "Jane Doe_101_assignsubmission_file_/notes.txt": b"",
        "Rich Roe_102_assignsubmission_file_week1.ipynb": notebook("1"),
        "Ål Poe_103_assignsubmission_file/deep/in/week1.ipynb": notebook("1"),
    }))
    assert {student: submission.lms_id for student, submission in found.items()} == {
        "Jane Doe_101": "101", "Rich Roe_102": "102", "Ål Poe_103": "103"}
    assert all(submission.path for submission in found.values())


def test_folder_with_any_names(tmp_path, hand_in):
    hand_in("Jane.ipynb", "1")
    hand_in("Rich/Untitled (3).ipynb", "1")
    hand_in(".ipynb_checkpoints/Jane-checkpoint.ipynb", "1")
    hand_in(".Al.ipynb", "1")
    hand_in(".ipynb", "1")
    for junk in ("._Jane.ipynb", ".DS_Store", ".git/x.ipynb", "__MACOSX/Jane.ipynb"):
        hand_in(junk, "1")
    found = collected(hand_in.folder)
    assert found.keys() == {"Jane", "Rich", "Al", "unnamed"}


def test_zip_that_leaves_its_folder(tmp_path, make_zip):
    found = collected(make_zip({"../../evil.ipynb": b"{}", "/etc/evil.ipynb": b"{}", "jo.ipynb": b"{}"}))
    assert found.keys() == {"jo"} and not list(tmp_path.parent.glob("evil*"))


def test_zip_bomb(tmp_path, make_zip):
    honest = notebook(*solved())
    path = make_zip({"bomb.ipynb": bytes(300 << 20), "jo.ipynb": honest})
    assert path.stat().st_size < 1 << 20
    found = collected(path)
    assert found["bomb"].path is None and "unpacks to more than 256 MB" in found["bomb"].note
    assert lms.content(found["jo"].path).decode() == honest


def test_zip_that_lies_about_its_size(tmp_path, make_zip):
    path = make_zip({"bomb.ipynb": bytes(2 << 20), "jo.ipynb": b"{}"})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", 2 << 20), struct.pack("<I", 10)))
    found = collected(path)
    with pytest.raises(OSError, match="cannot be unpacked"):
        lms.content(found["bomb"].path)
    assert lms.content(found["jo"].path) == b"{}"


def zipped(contents, compression=zipfile.ZIP_DEFLATED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_without_a_limit_is_not_unpacked(tmp_path, hand_in, compression):
    """A kilobyte of these may hold gigabytes, which Python's zipfile makes in one piece."""
    hand_in("ada.zip", text=zipped({"a.ipynb": bytes(1 << 20)}, compression))
    assert "packed in a way" in collected(hand_in.folder)["ada"].note


def test_zips_in_zips_have_an_end(tmp_path, hand_in, monkeypatch):
    monkeypatch.setattr(lms, "FILE_BYTES", 1 << 20)
    layer = {"x.ipynb": notebook("1")}
    for depth in range(20):
        layer = {"in.zip": zipped(layer)}
    hand_in("deep.zip", text=zipped(layer))
    inner = zipped({"x.txt": bytes(1 << 19)}, zipfile.ZIP_STORED)
    hand_in("wide.zip", text=zipped({f"{k}.zip": inner for k in range(50)}))
    reads = []
    monkeypatch.setattr(lms, "content", lambda path, content=lms.content: reads.append(path) or content(path))
    found = collected(hand_in.folder)
    assert "no notebook" in found["deep"].note and "zips in zips of more than 1 MB" in found["wide"].note
    assert len(reads) < 10


def test_a_zip_of_a_million_names_is_not_listed(tmp_path, hand_in, monkeypatch):
    monkeypatch.setattr(lms, "DIRECTORY", 10_000)
    hand_in("ada.zip", text=zipped({f"{k}.ipynb": b"" for k in range(500)}))
    hand_in("bob.zip", text=zipped({f"{k}.txt": b"" for k in range(50)} | {"x.ipynb": notebook("1")}))
    found = collected(hand_in.folder)
    assert "cannot be opened" in found["ada"].note and found["bob"].path


def test_nobody_takes_the_place_of_another(tmp_path, hand_in):
    """By a file that is called as somebody else is: in a zip, in one's own folder, in a folder of any name."""
    students = [lms.Submission(name) for name in ("ada", "bob", "cem", "dan")]
    hand_in("bob.ipynb", "bob's")
    hand_in("ada/bob.ipynb", "not bob's")
    hand_in("ada/dan.ipynb", "not dan's")
    hand_in("cem.zip", text=zipped({"BOB.ipynb": notebook("not bob's"), "week-dan-99.ipynb": notebook("not dan's")}))
    hand_in("team/bob.ipynb", "not bob's")
    found = {one.student: one for one in lms.collect(hand_in.folder, "week", students)}
    assert found.keys() == {"ada", "bob", "cem", "team"}
    assert b"not" not in lms.content(found["bob"].path) and not found["bob"].others


def test_one_hand_in_alone_keeps_its_name(tmp_path, make_zip, hand_in):
    contents = {"a.ipynb": notebook("1"), "data/b.csv": b""}
    assert collected(make_zip({"doejane_101_5001_work.zip": zipped(contents)})).keys() == {"doejane_101"}
    for name, content in contents.items():
        hand_in(f"ada/{name}", text=content)
    assert [one.student for one in lms.collect(hand_in.folder, "week", [lms.Submission("Ada")])] == ["ada"]


def test_what_cannot_even_be_looked_at_has_a_row(tmp_path, hand_in, monkeypatch):
    hand_in("ada/x.ipynb", "1")
    hand_in("bob.ipynb", "1")
    scan = os.scandir

    class Entry:
        def __init__(self, entry):
            self.name, self.path = entry.name, entry.path

        def stat(self, **options):
            raise PermissionError(13, "Permission denied")
    monkeypatch.setattr(os, "scandir", lambda path: map(Entry, scan(path)) if str(path).endswith("ada") else scan(path))
    found = collected(hand_in.folder)
    assert "cannot be read" in found["ada"].note and found["bob"].path


@pytest.mark.parametrize("text, shown", [
    ("=cmd()", "'=cmd()"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\t=1", "'\t'=1"), ("\uff1d1", "'\uff1d1"),
    ("cell 1: ValueError: ;=cmd()", "cell 1: ValueError: ;'=cmd()"), ("a; -1 points", "a; -1 points"), (-1, -1),
    ("1 + 1", "1 + 1")])
def test_nothing_is_a_formula(text, shown):
    assert lms.harmless(text) == shown


def test_comments_for_moodle_are_no_formulas(tmp_path):
    _, _, text = merged(tmp_path, MOODLE, {"101": (6, 7, "+cmd.ipynb: a link;=1")})
    assert "'+cmd.ipynb: a link;'=1" in text


def test_too_large_in_a_folder(tmp_path, hand_in, monkeypatch):
    monkeypatch.setattr(lms, "FILE_BYTES", 1 << 20)
    hand_in("jo.ipynb", text=b" " * (2 << 20))
    assert "larger than 1 MB" in collected(hand_in.folder)["jo"].note


def test_links_and_neither_folder_nor_zip(tmp_path, hand_in):
    (hand_in.folder / "dangling.ipynb").symlink_to("/nowhere")
    assert "a link" in collected(hand_in.folder)["dangling"].note
    with pytest.raises(ValueError, match="not there"):
        lms.collect(tmp_path / "nothing")
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        lms.collect(text)


def test_nothing_is_followed_or_waited_for(tmp_path, hand_in):
    """Each odd thing has a row of its own, and the honest one beside them is graded."""
    hand_in("ada.ipynb", "1")
    (hand_in.folder / "thief.ipynb").symlink_to(hand_in.folder / "ada.ipynb")
    (hand_in.folder / "zero.ipynb").symlink_to("/dev/zero")
    (hand_in.folder / "loop").symlink_to(hand_in.folder)
    os.mkfifo(hand_in.folder / "pipe.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(hand_in.folder / "s.ipynb"))
    deep = hand_in.folder / "deep"
    deep.mkdir()
    place = os.open(deep, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    try:
        found = collected(hand_in.folder)
    finally:
        subprocess.run(["rm", "-rf", str(deep)], check=True)
    assert {name for name, submission in found.items() if submission.path} == {"ada"}
    notes = {name: submission.note for name, submission in found.items()}
    assert "a link" in notes["thief"] and "a link" in notes["zero"] and "a link" in notes["loop"]
    assert "not a plain file" in notes["pipe"] and "not a plain file" in notes["s"] and "more than 20 deep" in notes["deep"]


@pytest.mark.parametrize("name", ["link", "pipe"])
def test_a_file_that_has_changed_since_is_not_read(name, tmp_path):
    path = tmp_path / "x.ipynb"
    path.symlink_to("/dev/zero") if name == "link" else os.mkfifo(path)
    with pytest.raises(OSError):
        lms.content(path)


def test_names_that_are_hard(tmp_path, hand_in):
    for name in ("राम", "रीम", "Rene\u0301e", "Ada", "王小明", "x" * 240, "y" * 200 + "1", "y" * 200 + "2", "a b's (1)"):
        hand_in(f"{name}.ipynb", name)
    (hand_in.folder / os.fsdecode(b"Ren\xe9.ipynb")).write_text(notebook("1"))
    (hand_in.folder / os.fsdecode(b"Ren\xe8.txt")).write_text("")
    found = collected(hand_in.folder)
    assert len(found) == 11 and {"राम", "रीम", "Ren\u00e9e", "王小明"} <= set(found)
    assert all(len(f"{name}.json.part".encode()) < 255 for name in found)
    for name in found:
        name.encode()


def test_two_of_one_name_are_two(tmp_path, hand_in):
    hand_in("Rene\u0301e.ipynb", "1")
    hand_in("Ren\u00e9e.ipynb", "2")
    hand_in("ada.ipynb", "1")
    hand_in("ADA.ipynb", "2")
    hand_in("ada/other.ipynb", "3")
    found = collected(hand_in.folder)
    assert len(found) == 4 and sum("another hand-in has the name" in submission.private for submission in found.values()) == 2
    assert "2 notebooks, graded" in found["ada-2"].note


def test_two_hand_ins_of_one_student_that_capitals_tell_apart(tmp_path, make_zip):
    """With a roster one of them is the student's, and the other has a row and a note; no disk takes the one for the other."""
    students = [lms.Submission("Ada", note="nothing handed in"), lms.Submission("bob", note="nothing handed in")]
    source = make_zip({"ada/x.ipynb": notebook("1"), "ADA/x.ipynb": notebook("2"), "Bob.ipynb": notebook("3"),
                       "bob/y.ipynb": notebook("4"), "BOB.zip": zipped({"z.ipynb": notebook("5")})})
    found = grade._match(lms.collect(source, "week", students), students)
    names = [one.student for one in found]
    assert len({name.casefold() for name in names}) == 5 and {"Ada", "bob"} <= set(names)
    assert [one.private for one in found].count("") == 2 and sum("has the name" in one.private for one in found) == 3


def test_two_students_of_one_name_are_told_apart_by_their_number(tmp_path, make_zip):
    path = tmp_path / "class.csv"
    path.write_text('Student,ID,Week 1 (9)\n"Doe, Jo",1,\n"Doe, Jo",2,\n"DOE, JO",3,\n', encoding="utf-8")
    students = lms.roster(path)
    assert [one.lms_id for one in students] == ["1", "2", "3"]
    found = lms.collect(make_zip({f"doejo_{k}_5{k}_week.ipynb": notebook("1") for k in (1, 2, 3)}), "week", students)
    assert [one.lms_id for one in grade._match(found, students)] == ["1", "2", "3"]
    path.write_text("name,mail\nJo Doe,a\nJO DOE,b\n")
    with pytest.raises(ValueError, match="line 3: 'JO DOE' stands in line 2 already"):
        lms.roster(path)


@pytest.mark.parametrize("name", ["con", "NUL", "aux.x", "Com1", "lpt9"])
def test_nobody_is_called_as_a_device_of_windows(name, tmp_path, hand_in):
    hand_in(f"{name}.ipynb", "1")
    (tmp_path / "class.csv").write_text(f"name\n{name}\n")
    assert [one.student for one in lms.roster(tmp_path / "class.csv")] == list(collected(hand_in.folder)) == [f"_{name}"]


def test_a_zip_with_a_folder_around_all(tmp_path, make_zip):
    for slash in "/\\":
        found = collected(make_zip({f"submissions{slash}ada.ipynb": notebook("1"), f"submissions{slash}bob.ipynb": notebook("2"),
                                    f"submissions{slash}cem{slash}x.ipynb": notebook("3")}))
        assert found.keys() == {"ada", "bob", "cem"} and all(submission.path for submission in found.values())


def test_files_in_one_folder_that_are_named_as_the_class_is(tmp_path, hand_in):
    for name in ("group1/ada.ipynb", "group1/bob.ipynb", "group2/week-cem.ipynb", "dan/draft.ipynb"):
        hand_in(name, "1")
    students = [lms.Submission(name) for name in ("ada", "bob", "cem", "dan")]
    found = [one.student for one in lms.collect(hand_in.folder, "week", students)]
    assert found == ["ada", "bob", "cem", "dan"]


def test_odd_endings_and_zips_in_zips(tmp_path, hand_in, make_zip):
    inner = make_zip({"work/answer.ipynb": notebook("1")}).read_bytes()
    hand_in("HW.IPYNB", "1")
    hand_in("ada.ipynb.txt", "1")
    hand_in("bob.ipynb.json", "1")
    hand_in("cem.zip", text=inner)
    hand_in("dan.zip", text="no zip")
    hand_in("eva.zip", text=make_zip({"inner.zip": inner}).read_bytes())
    hand_in("fay.zip", text=make_zip({"x" * 300 + ".ipynb": notebook("1"), "a": b"", "a/b.ipynb": notebook("2")}).read_bytes())
    hand_in("gil.zip", text=b"PK\x05\x06" + bytes(18))
    hand_in("hal.py", text="x = 1")
    found = collected(hand_in.folder)
    assert {name for name, one in found.items() if one.path} == {"HW", "ada", "bob", "cem", "eva", "fay"}
    assert "cannot be opened" in found["dan"].note and "empty zip" in found["gil"].note and "hal.py" in found["hal"].note


def test_names_in_a_zip_of_macos(make_zip):
    """They are UTF-8, in parts, and the zip does not say so; one of Windows has the letters of DOS."""
    path = make_zip({"xxxxxx.ipynb": notebook("1"), "yyyyy.ipynb": notebook("2")})
    raw = path.read_bytes().replace(b"xxxxxx", "Re\u0301mi".encode())
    path.write_bytes(raw.replace(b"yyyyy", "Müllr".encode("cp850")))
    assert collected(path).keys() == {"R\u00e9mi", "Müllr"}


def test_a_broken_zip_of_all_is_refused_or_has_rows(tmp_path, make_zip):
    path = make_zip({f"{name}.ipynb": notebook("1") * 9 for name in ("ada", "bob", "cem")})
    raw = path.read_bytes()
    for cut in range(0, len(raw), max(len(raw) // 60, 1)):
        path.write_bytes(raw[:cut] + bytes([raw[cut] ^ 255]) + raw[cut + 1:])
        try:
            for submission in lms.collect(path):
                with contextlib.suppress(OSError):
                    assert submission.path is None or lms.content(submission.path)
        except ValueError as error:
            assert "neither a folder nor a zip" in str(error)


@pytest.mark.parametrize("text, expected", [
    ("name,mail\njo,jo@x.org\n\n al ,\nO'Neil,\n", [("jo", ""), ("al", ""), ("O_Neil", "")]),
    ("ID\n17\n", [("17", "")]),
    (CANVAS, [("Doe, Jane_101", "101"), ("Roe, Rich_102", "102"), ("Poe, Al_103", "103")]),
    (MOODLE, [("Jane Doe_101", "101"), ("Rich Roe_102", "102")]),
    ("", []),
    ("name;mail\r\njo;jo@x.org\r\nal;\r\n", [("jo", ""), ("al", "")]),
    ("name\tmail\njo\tjo@x.org\n", [("jo", "")]),
    ('"name; all";mail\njo;1\n', [("jo", "")]),
    ("\ufeffname\nRene\u0301e\nराम\n", [("Ren\u00e9e", ""), ("राम", "")]),
    ("sep=;\r\nName;Mail\r\njo;a,b,c\r\n", [("jo", "")]),
    ("name|mail\njo|jo@x.org\n", [("jo", "")]),
    ('"Full\nname",mail\n"Jo\nDoe",a\n', [("Jo_Doe", "")]),
    (GERMAN, [("Jane Döe_101", "101"), ("Rich Roe_102", "102")]),
    (ANONYMOUS, [("Participant_101", "101"), ("Participant_102", "102")]),
])
def test_roster(tmp_path, text, expected):
    path = tmp_path / "class.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert [(student.student, student.lms_id) for student in lms.roster(path)] == expected


def test_a_file_that_is_named_as_it_was_handed_out(tmp_path, hand_in):
    for name in ("week-jo.ipynb", "al.ipynb", "week-ed/week-jo.ipynb"):
        hand_in(name, "1")
    found = [submission.student for submission in lms.collect(hand_in.folder, "week")]
    assert found == ["al", "jo", "week-ed"]


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8-sig", "utf-16"])
def test_a_roster_that_a_spreadsheet_has_saved(tmp_path, encoding):
    path = tmp_path / "class.csv"
    path.write_bytes("Name;Mail\r\nRenée;r@x.org\r\nMüller;m@x.org\r\n".encode(encoding))
    assert [student.student for student in lms.roster(path)] == ["Renée", "Müller"]


@pytest.mark.parametrize("raw, says", [
    (b"name\njo\n\x00\x00\n", "class.csv, line 3: not text"), (b"name\nRen\x81e\n", "class.csv, line 2: neither UTF-8"),
    (b"name\njo\nal\njo\n", "class.csv, line 4: 'jo' stands in line 2"),
    (b"Full name,Identifier\nJo,Participant 1\nAl\n", "class.csv, line 3: expected 2 columns, got 1"),
    (b"Student,ID,Week 1 (9)\nJo,1,\nAl,2,\nJoan,1,\n", "class.csv, line 4: 'Joan_1' stands in line 2"),
    (b'name,mail\njo,"a\nal,b\nbo,c\n', "class.csv, line 2: unexpected end of data"),
    (b"name\njo,,\nDoe, Jane\n", "class.csv, line 3: expected 1 columns, got 2"),
    (b'sep=,\nname,note\njo,"two\nlines"\nal,\njo,\n', "class.csv, line 6: 'jo' stands in line 3"),
    (b'name\n"' + b"x" * 200_000 + b'"\n', "class.csv, line 2: field larger"),
])
def test_a_roster_that_cannot_be_read_is_refused_with_its_line(tmp_path, raw, says):
    path = tmp_path / "class.csv"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=says):
        lms.roster(path)


def test_a_german_worksheet_stays_as_it_is(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(GERMAN.encode("cp1252"))
    data, filled = lms.merge(path, SCORES)
    assert filled == 2
    lines = data.decode("cp1252").splitlines()
    assert lines[0].replace('"', "") == GERMAN.splitlines()[0].replace('"', "")
    assert lines[1] == ("Teilnehmer/in101;Jane Döe;j@x.org;Zur Bewertung abgegeben - ;85,7143;100,00;Ja;"
                        "Dienstag, 2. Dezember 2025, 10:37;-;cell 3: NameError")


def merged(tmp_path, text, scores, column=None):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    data, filled = lms.merge(path, scores, column)
    text = data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""))), filled, text


SCORES = {"101": (6, 7, "cell 3: NameError"), "102": (0, 7, "nothing handed in"), "999": (7, 7, "")}


def test_canvas_gradebook(tmp_path):
    rows, filled, text = merged(tmp_path, CANVAS, SCORES, "Week 1")
    assert filled == 2
    assert [row["Week 1 (4711)"] for row in rows] == ["Manual Posting", "7", "6", "0", ""]
    assert [row["Week 10 (4712)"] for row in rows] == ["", "5", "3", "", ""], "another column was touched"
    assert rows[2]["Student"] == "Doe, Jane" and rows[2]["Section"] == "A, B"
    assert text.count("\r\n") == CANVAS.count("\r\n")


def test_canvas_points_of_another_number(tmp_path):
    rows, _, _ = merged(tmp_path, CANVAS.replace(",7,5", ",14,5"), SCORES, "Week 1")
    assert [row["Week 1 (4711)"] for row in rows] == ["Manual Posting", "14", "12", "0", ""]


def test_what_excel_says_of_itself_stays(tmp_path):
    path = tmp_path / "export.csv"
    path.write_bytes(b"sep=;\r\n" + GERMAN.replace("\n", "\r\n").encode("cp1252"))
    data, filled = lms.merge(path, SCORES)
    assert filled == 2 and data.startswith(b"sep=;\r\nID;") and b";85,7143;" in data


def test_canvas_needs_one_column(tmp_path):
    for column in (None, "Week", "Month"):
        with pytest.raises(ValueError, match=r"--column: Week 1 \(4711\), Week 10 \(4712\)"):
            merged(tmp_path, CANVAS, SCORES, column)


def test_moodle_where_marking_is_anonymous(tmp_path, make_zip):
    rows, filled, _ = merged(tmp_path, ANONYMOUS, SCORES)
    assert filled == 2 and [row["Grade"] for row in rows] == ["8.57143", "0"]
    found = collected(make_zip({"Participant_101_assignsubmission_file/week1.ipynb": notebook("1")}))
    assert found["Participant_101"].lms_id == "101"
    assert found["Participant_101"].reply == "Participant_101_assignsubmission_file/feedback.html"


def test_moodle_worksheet_has_its_own_scale(tmp_path):
    rows, filled, _ = merged(tmp_path, MOODLE, SCORES)
    assert filled == 2
    assert [row["Grade"] for row in rows] == ["85.7143", "0"]
    assert [row["Feedback comments"] for row in rows] == ["cell 3: NameError", "nothing handed in"]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "\n"])
def test_another_file_is_refused(tmp_path, text):
    with pytest.raises(ValueError):
        merged(tmp_path, text, SCORES)
