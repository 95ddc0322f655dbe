"""Downloads and exports as Canvas and Moodle make them."""

import csv
import io
import struct

import pytest

from instructor import lms
from tests.instructor.course import notebook, solved

CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Week 1 (4711),Week 10 (4712)\r
    Points Possible,,,,,7,5\r
"Doe, Jane",101,s1,jane,"A, B",,3\r
"Roe, Rich",102,s2,rich,A,1,\r
"Poe, Al",103,s3,al,A,,\r
"""
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed,Feedback comments
Participant 101,Jane Doe,jane@x.org,Submitted,,100.00,Yes,
Participant 102,Rich Roe,rich@x.org,,,100.00,Yes,old
"""


def collected(source, tmp_path):
    return {submission.student: submission for submission in lms.collect(source, tmp_path / "unpacked")}


def test_canvas_download(tmp_path, make_zip):
    found = collected(make_zip({
        "doejane_101_5001_week1.ipynb": notebook("1"),
        "doejane_101_5009_week1-2.ipynb": notebook("2"),
        "roerich_LATE_102_5002_week1.ipynb": notebook("3"),
        "poeal_103_5003_week1.pdf": b"%PDF",
        "__MACOSX/._doejane_101_5001_week1.ipynb": b"junk",
    }), tmp_path)
    assert found.keys() == {"doejane_101", "roerich_102", "poeal_103"}
    jane, rich, al = found["doejane_101"], found["roerich_102"], found["poeal_103"]
    assert jane.lms_id == "101" and jane.path.name.endswith("week1-2.ipynb") and "2 notebooks" in jane.note
    assert rich.lms_id == "102" and rich.note == "handed in late"
    assert al.path is None and "no notebook" in al.note and al.lms_id == "103"


def test_moodle_download(tmp_path, make_zip):
    found = collected(make_zip({
        "Jane Doe_101_assignsubmission_file_/week1.ipynb": notebook("1"),
        "Jane Doe_101_assignsubmission_file_/notes.txt": b"",
        "Rich Roe_102_assignsubmission_file_week1.ipynb": notebook("1"),
        "Ål Poe_103_assignsubmission_file/deep/in/week1.ipynb": notebook("1"),
    }), tmp_path)
    assert {student: submission.lms_id for student, submission in found.items()} == {
        "Jane Doe_101": "101", "Rich Roe_102": "102", "Ål Poe_103": "103"}
    assert all(submission.path for submission in found.values())


def test_folder_with_any_names(tmp_path, hand_in):
    hand_in("Jane.ipynb", "1")
    hand_in("Rich/Untitled (3).ipynb", "1")
    hand_in(".ipynb_checkpoints/Jane-checkpoint.ipynb", "1")
    found = collected(hand_in.folder, tmp_path)
    assert found.keys() == {"Jane", "Rich"}


def test_zip_that_leaves_its_folder(tmp_path, make_zip):
    found = collected(make_zip({"../../evil.ipynb": b"{}", "/etc/evil.ipynb": b"{}", "jo.ipynb": b"{}"}), tmp_path)
    assert found.keys() == {"jo"} and not list(tmp_path.parent.glob("evil*"))


def test_zip_bomb(tmp_path, make_zip):
    honest = notebook(*solved())
    path = make_zip({"bomb.ipynb": bytes(300 << 20), "jo.ipynb": honest})
    assert path.stat().st_size < 1 << 20
    found = collected(path, tmp_path)
    assert found["bomb"].path is None and "unpacks to more than 256 MB" in found["bomb"].note
    assert found["jo"].path.read_text() == honest


def test_zip_that_lies_about_its_size(tmp_path, make_zip):
    path = make_zip({"bomb.ipynb": bytes(2 << 20), "jo.ipynb": b"{}"})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(struct.pack("<I", 2 << 20), struct.pack("<I", 10)))
    found = collected(path, tmp_path)
    assert found["bomb"].path is None and "cannot be unpacked" in found["bomb"].note
    assert found["jo"].path and not (tmp_path / "unpacked" / "bomb.ipynb").exists()


def test_too_large_in_a_folder(tmp_path, hand_in, monkeypatch):
    monkeypatch.setattr(lms, "FILE_BYTES", 1 << 20)
    hand_in("jo.ipynb", text=b" " * (2 << 20))
    assert collected(hand_in.folder, tmp_path)["jo"].note == "larger than 1 MB"


def test_links_and_neither_folder_nor_zip(tmp_path, hand_in):
    (hand_in.folder / "dangling.ipynb").symlink_to("/nowhere")
    assert collected(hand_in.folder, tmp_path) == {}
    with pytest.raises(ValueError, match="not there"):
        lms.collect(tmp_path / "nothing", tmp_path)
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        lms.collect(text, tmp_path)


@pytest.mark.parametrize("text, expected", [
    ("name,mail\njo,jo@x.org\n\n al ,\nO'Neil,\n", [("jo", ""), ("al", ""), ("O_Neil", "")]),
    ("ID\n17\n", [("17", "")]),
    (CANVAS, [("Doe, Jane_101", "101"), ("Roe, Rich_102", "102"), ("Poe, Al_103", "103")]),
    (MOODLE, [("Jane Doe_101", "101"), ("Rich Roe_102", "102")]),
    ("", []),
])
def test_roster(tmp_path, text, expected):
    path = tmp_path / "class.csv"
    path.write_text(text, encoding="utf-8", newline="")
    assert [(student.student, student.lms_id) for student in lms.roster(path)] == expected


def test_a_file_that_is_named_as_it_was_handed_out(tmp_path, hand_in):
    for name in ("week-jo.ipynb", "al.ipynb", "week-ed/week-jo.ipynb"):
        hand_in(name, "1")
    found = [submission.student for submission in lms.collect(hand_in.folder, tmp_path, "week")]
    assert found == ["al", "jo", "week-ed"]


def merged(tmp_path, text, scores, column=None):
    path = tmp_path / "export.csv"
    path.write_text(text, encoding="utf-8", newline="")
    text, filled = lms.merge(path, scores, column)
    return list(csv.DictReader(io.StringIO(text, newline=""))), filled, text


SCORES = {"101": (6, 7, "cell 3: NameError"), "102": (0, 7, "nothing handed in"), "999": (7, 7, "")}


def test_canvas_gradebook(tmp_path):
    rows, filled, text = merged(tmp_path, CANVAS, SCORES, "Week 1 (")
    assert filled == 2
    assert [row["Week 1 (4711)"] for row in rows] == ["7", "6", "0", ""]
    assert [row["Week 10 (4712)"] for row in rows] == ["5", "3", "", ""], "another column was touched"
    assert rows[1]["Student"] == "Doe, Jane" and rows[1]["Section"] == "A, B"
    assert text.count("\r\n") == CANVAS.count("\r\n")


def test_canvas_points_of_another_number(tmp_path):
    rows, _, _ = merged(tmp_path, CANVAS.replace(",7,5", ",14,5"), SCORES, "Week 1 (")
    assert [row["Week 1 (4711)"] for row in rows] == ["14", "12", "0", ""]


def test_canvas_needs_one_column(tmp_path):
    for column in (None, "Week 1", "Month"):
        with pytest.raises(ValueError, match=r"--column: Week 1 \(4711\), Week 10 \(4712\)"):
            merged(tmp_path, CANVAS, SCORES, column)


def test_moodle_worksheet_has_its_own_scale(tmp_path):
    rows, filled, _ = merged(tmp_path, MOODLE, SCORES)
    assert filled == 2
    assert [row["Grade"] for row in rows] == ["85.7143", "0"]
    assert [row["Feedback comments"] for row in rows] == ["cell 3: NameError", "nothing handed in"]


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "\n"])
def test_another_file_is_refused(tmp_path, text):
    with pytest.raises(ValueError):
        merged(tmp_path, text, SCORES)
