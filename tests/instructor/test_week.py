"""The week of the instructor's guide, acted out: its commands as they stand there, with files as Canvas and Moodle make them."""

import csv
import io
import os
import re
import shlex
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest

from instructor import assignment, grade, lms, report, similarity
from instructor.__main__ import main
from tests.instructor.course import ALL, CHAPTER, solved

GUIDE = Path(assignment.ROOT, "appendix", "instructor_guide.md")
RIGHT = {"softmax": "def softmax(z):\n    e = np.exp(z - z.max(axis=1, keepdims=True))\n"
                    "    return e / e.sum(axis=1, keepdims=True)",
         "collapse": "def collapse(layers):\n    W, b = layers[0]\n    for V, c in layers[1:]:\n        W, b = W @ V, b @ V + c\n"
                     "    return W, b"}
WRONG = "def softmax(z):\n    e = np.exp(z)\n    return e / e.sum(axis=1, keepdims=True)"
CANVAS = """\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,Week 2 (4711),Week 20 (4799)\r
,,,,,Manual Posting,\r
    Points Possible,,,,,12,5\r
"Doe, Ada",101,s1,ada,A,,\r
"Roe, Bob",102,s2,bob,A,,\r
"Poe, Cem",103,s3,cem,A,,\r
"""
MOODLE = """ID;"Vollständiger Name";E-Mail-Adresse;Status;Bewertung;Bestwertung;"Bewertung kann geändert werden";\
"Zuletzt geändert (Abgabe)";"Zuletzt geändert (Bewertung)";"Feedback als Kommentar"
Teilnehmer/in101;"Ada Döe";a@x.org;"Zur Bewertung abgegeben - ";;100,00;Ja;"Freitag, 9. Oktober 2026, 17:12";-;
Teilnehmer/in102;"Bob Roe";b@x.org;"Zur Bewertung abgegeben - ";;100,00;Ja;"Freitag, 9. Oktober 2026, 17:40";-;
Teilnehmer/in103;"Cem Poe";c@x.org;"Keine Abgabe - ";;100,00;Ja;-;-;
"""


def days():
    """The commands below the guide's two days, in order."""
    text = GUIDE.read_text(encoding="utf-8")
    text = text[text.index("## Monday"):text.index("## With nbgrader")]
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).replace("\\\n", " ")
    return [shlex.split(line)[3:] for line in blocks.splitlines() if line.startswith("python -m instructor")]


def filled(path, **answers):
    """A handed-out notebook with answers in place of its stubs."""
    made = nbformat.read(path, as_version=4)
    for cell in made.cells:
        for name, answer in answers.items():
            if cell.source.startswith(f"def {name}("):
                cell.source = f"{answer}\n\n\ncheck({name})"
    return nbformat.writes(made)


def zipped(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)


def test_monday_to_friday(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("students.csv").write_text("name;mail\nada;a@x.org\nbob;b@x.org\ncem;c@x.org\n", encoding="utf-8")
    Path("gradebook.csv").write_text(CANVAS, encoding="utf-8", newline="")
    Path("worksheet.csv").write_bytes(MOODLE.encode("cp1252"))
    commands = days()
    assert [command[0] for command in commands] == ["list", *["assignment"] * 3, *["grade"] * 3]
    for command in commands[:4]:
        assert main(command) == 0, capsys.readouterr().err
    assert "softmax" in capsys.readouterr().out
    assert len(list(Path("assignments/week3/student").glob("*.ipynb"))) == 3
    handed_out = Path("assignments/week2/student/week2.ipynb")
    ada, bob = filled(handed_out, **RIGHT), filled(handed_out, softmax=WRONG)
    Path("submissions").mkdir()
    Path("submissions/week2-ada.ipynb").write_text(ada, encoding="utf-8")
    Path("submissions/bob.ipynb").write_text(bob, encoding="utf-8")
    zipped("canvas.zip", {"doeada_101_5001_week2.ipynb": ada, "roebob_LATE_102_5002_week2-1.ipynb": bob})
    zipped("moodle.zip", {"Ada Döe_101_assignsubmission_file/week2.ipynb": ada,
                          "Bob Roe_102_assignsubmission_file/week2.ipynb": bob,
                          "Bob Roe_102_assignsubmission_onlinetext/onlinetext.html": "<p>hello"})
    graded = Path("assignments/week2/graded")

    def feedback():
        with zipfile.ZipFile(graded / "feedback.zip") as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}
    assert main(commands[4]) == 0, capsys.readouterr().err
    with open(graded / "scores.csv", newline="") as file:
        assert [(row["student"], row["status"], row["score"]) for row in csv.DictReader(file)] == [
            ("ada", "graded", "6"), ("bob", "graded", "1"), ("cem", "missing", "0")]
    assert feedback().keys() == {"ada.html", "bob.html"}
    assert main(commands[5]) == 0, capsys.readouterr().err
    back = list(csv.reader(io.StringIO((graded / "gradebook.csv").read_bytes().decode("utf-8-sig"), newline="")))
    assert [row[5] for row in back] == ["Week 2 (4711)", "Manual Posting", "12", "12", "2", ""]
    pages = feedback()
    assert pages.keys() == {"doeada_101_5001_feedback.html", "roebob_LATE_102_5002_feedback.html"}
    assert "bob" not in pages["doeada_101_5001_feedback.html"] and "handed in late" in pages["roebob_LATE_102_5002_feedback.html"]
    assert {path.name for path in (graded / "feedback").iterdir()} == {
        "doeada_101.html", "roebob_102.html", "Poe, Cem_103.html"}
    assert main(commands[6]) == 0, capsys.readouterr().err
    back = (graded / "worksheet.csv").read_bytes().decode("cp1252").splitlines()
    assert [line.split(";")[4] for line in back] == ["Bewertung", "100", "16,6667", ""]
    assert feedback().keys() == {"Ada Döe_101_assignsubmission_file/feedback.html",
                                 "Bob Roe_102_assignsubmission_file/feedback.html"}
    page = (graded / "statistics.html").read_text(encoding="utf-8")
    assert "2 of 3 graded" in page and "Written by 2 of 2; mean 2.0 of 3 points" in page and "np.exp(1000) is inf" in page
    assert "Ada" not in page and "Bob" not in page


def test_personal_notebooks_are_handed_out_by_moodle(tmp_path, monkeypatch, capsys):
    """From the worksheet to a zip, each notebook in the folder by which Moodle knows its student; handed in, it is its own."""
    monkeypatch.chdir(tmp_path)
    Path("worksheet.csv").write_text(MOODLE.replace("Cem Poe", "Cem/O_Poe"), encoding="utf-8")
    assert main(["assignment", "w", "--exercises", "softmax", "--roster", "worksheet.csv"]) == 0
    assert "assignments/w/student/w-moodle.zip" in capsys.readouterr().out
    with zipfile.ZipFile("assignments/w/student/w-moodle.zip") as archive:
        made = {name: nbformat.reads(archive.read(name).decode(), as_version=4) for name in archive.namelist()}
    assert made.keys() == {f"{name}_assignsubmission_file/w.ipynb" for name in ("Ada Döe_101", "Bob Roe_102", "Cem O Poe_103")}
    assert made["Bob Roe_102_assignsubmission_file/w.ipynb"].metadata.assignment.student == "Bob Roe_102"
    Path("handed.zip").write_bytes(Path("assignments/w/student/w-moodle.zip").read_bytes())
    assert main(["grade", "w", "handed.zip", "--merge", "worksheet.csv"]) == 0
    assert "3 graded" in capsys.readouterr().out
    assert "made for" not in Path("assignments/w/graded/scores.csv").read_text(encoding="utf-8")


TEAMS = """Identifier,"Full name","Email address",Status,Group,Grade,"Maximum grade","Last modified (submission)",\
"Last modified (grade)","Feedback comments"
"Participant 101","Ada Doe",a@x.org,"Submitted for grading - ","Team O'Hara",,6.00,-,-,
"Participant 7","Bob Roe",b@x.org,"No submission - ","Default group",,6.00,-,-,
"Participant 8","Cem Poe",c@x.org,"Submitted for grading - ","Team O'Hara",,6.00,-,-,
"Participant 9","Dan Foe",d@x.org,"Submitted for grading - ","Team_2",,6.00,-,-,
"""


@pytest.mark.parametrize("version", ["Moodle from 4.1 on", "Moodle before 4.1"])
def test_groups_of_moodle(version, tmp_path, monkeypatch, capsys):
    """Its zip has a group's folder, with the group's number, or one for each member; a score goes to members and nobody else."""
    monkeypatch.chdir(tmp_path)
    Path("worksheet.csv").write_text(TEAMS, encoding="utf-8")
    assert main(["assignment", "w", "--exercises", "softmax", "collapse"]) == 0
    right, wrong = (filled("assignments/w/student/w.ipynb", **answers) for answers in (RIGHT, {"softmax": WRONG}))
    if version == "Moodle from 4.1 on":
        handed = {"Team OHara_7": right, "Team 2_101": wrong}
    else:
        handed = {"Team OHara-Ada Doe_101": right, "Team OHara-Cem Poe_8": right, "Team 2-Dan Foe_9": wrong}
    zipped("moodle.zip", {f"{name}_assignsubmission_file/w.ipynb": text for name, text in handed.items()})
    assert main(["grade", "w", "moodle.zip", "--merge", "worksheet.csv"]) == 0, capsys.readouterr().err
    graded = Path("assignments/w/graded")
    with open(graded / "worksheet.csv", newline="", encoding="utf-8") as file:
        assert {row["Full name"]: row["Grade"] for row in csv.DictReader(file)} == {
            "Ada Doe": "6", "Bob Roe": "", "Cem Poe": "6", "Dan Foe": "1"}
    with zipfile.ZipFile(graded / "feedback.zip") as archive:
        numbers = {re.search(r"_(\d+)_assignsubmission_file/feedback.html$", name)[1]: archive.read(name).decode()
                   for name in archive.namelist()}
    assert numbers.keys() >= {"101", "8", "9"} and "Ada" not in numbers["8"] and "Ada" not in numbers["9"]


def test_those_in_no_group_of_moodle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("worksheet.csv").write_text(TEAMS, encoding="utf-8")
    zipped("moodle.zip", {"Default group_assignsubmission_file/w.ipynb": "{}"})
    students = lms.roster("worksheet.csv")
    [one] = grade._match(lms.collect("moodle.zip", "w", students), students)
    assert (one.student, one.lms_id) == ("Bob Roe_7", "7")


SECTIONS = {"A": ['"Doe, Ada",101,s1,ada,A,,', '"Roe, Bob",102,s2,bob,"A and B",,'],
            "B": ['"Roe, Bob",102,s2,bob,"A and B",,', '"Doe, Ada",104,s4,ada2,B,,']}


def test_two_sections_of_canvas(tmp_path, monkeypatch, capsys):
    """One download for all, a gradebook for each; one student is in both, and two have one name."""
    monkeypatch.chdir(tmp_path)
    assert main(["assignment", "w", "--exercises", "softmax", "collapse"]) == 0
    right, wrong = (filled("assignments/w/student/w.ipynb", **answers) for answers in (RIGHT, {"softmax": WRONG}))
    zipped("canvas.zip", {"doeada_101_5001_w.ipynb": right, "roebob_102_5002_w.ipynb": wrong, "doeada_104_5003_w.ipynb": wrong})
    head = CANVAS.split("\r\n")[:3]
    for section, rows in SECTIONS.items():
        text = "\r\n".join([*head, *rows, '"Student, Test",199,,,A,,', ""]).replace(",12,5", ",6,5")
        Path(f"{section}.csv").write_text(text, encoding="utf-8", newline="")
        assert main(["grade", "w", "canvas.zip", "--merge", f"{section}.csv", "--column", "Week 2"]) == 0
        assert "2 of 3 scores filled in" in capsys.readouterr().out
        with open(f"assignments/w/graded/{section}.csv", newline="", encoding="utf-8-sig") as file:
            back = {row["ID"]: row["Week 2 (4711)"] for row in csv.DictReader(file) if row["ID"]}
        assert back == {"A": {"101": "6", "102": "1", "199": ""}, "B": {"102": "1", "104": "1", "199": ""}}[section]
    with zipfile.ZipFile("assignments/w/graded/feedback.zip") as archive:
        assert archive.namelist() == [f"{name}_feedback.html" for name in (
            "doeada_101_5001", "doeada_104_5003", "roebob_102_5002")]


def test_the_bare_command_explains_itself(capsys):
    assert main([]) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("list", "assignment", "grade", "--help", "instructor_guide.md"))


def test_a_console_of_few_letters_stops_nothing(monkeypatch):
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BytesIO(), "cp1252"))
    assert main(["list", "\u795e"]) == 1
    sys.stderr.flush()
    assert b"no exercises in: " in sys.stderr.buffer.getvalue()


def test_the_list_has_minutes_and_points(exercises, capsys):
    assert main(["list"]) == 0 and main(["list", "90"]) == 0
    assert f"4 exercises, 20 minutes, {ALL} points" in capsys.readouterr().out
    assert main(["list", "12"]) == 1


def run(course, hand_in, tmp_path, **options):
    results = grade.grade(course, hand_in.folder, tmp_path / "graded", progress=False, **options)
    return {result["student"]: result for result in results}


def test_points_by_hand_are_kept_by_every_run(tmp_path, course, hand_in):
    hand_in("ada.ipynb", *solved("softmax"))
    hand_in("bob.ipynb", *solved())
    by_hand = tmp_path / "overrides.csv"
    by_hand.write_text("student;exercise;points;comment\nada;softmax;1,5;half of it\nbob;;-2;late\nbob;Counter;;well done\n")
    for _ in range(2):
        results = run(course, hand_in, tmp_path, overrides=by_hand)
        assert report.score(results["ada"]) == ALL - 2 + 1.5 and report.score(results["bob"]) == ALL - 2
    page = (tmp_path / "graded" / "feedback" / "ada.html").read_text()
    assert "half of it" in page and f"{ALL - 0.5} of {ALL}" in page and "late" not in page
    assert "well done" in (tmp_path / "graded" / "feedback" / "bob.html").read_text()
    by_hand.unlink()
    assert report.score(run(course, hand_in, tmp_path, overrides=by_hand)["bob"]) == ALL


@pytest.mark.parametrize("row, says", [
    ("cem,softmax,1,", "line 2: nobody is called 'cem'"), ("ada,sofmax,1,", "no exercise 'sofmax'"),
    ("ada,softmax,many,", "expected points, got 'many'"), ("ada,softmax,nan,", "expected points"),
    ("ada,softmax,-1,", "expected points")])
def test_a_slip_in_the_points_by_hand_is_named(tmp_path, course, hand_in, row, says):
    hand_in("ada.ipynb", "1")
    path = tmp_path / "overrides.csv"
    path.write_text(f"student,exercise,points,comment\n{row}\n")
    with pytest.raises(ValueError, match=says):
        run(course, hand_in, tmp_path, overrides=path)


def test_of_two_notebooks_the_latest_or_the_best(tmp_path, course, hand_in):
    hand_in("ada/first-1.ipynb", *solved())
    hand_in("ada/second-2.ipynb", *solved("softmax"))
    latest = run(course, hand_in, tmp_path)["ada"]
    assert report.score(latest) == ALL - 2 and "2 notebooks, graded second-2.ipynb" in latest["note"]
    best = run(course, hand_in, tmp_path, take="best")["ada"]
    assert report.score(best) == ALL and "the best is first-1.ipynb" in best["note"]


def test_a_file_named_otherwise_is_found_by_what_stands_in_it(tmp_path, course, hand_in):
    students = [lms.Submission(name, note="nothing handed in") for name in ("ada", "bob", "Rene\u0301e")]
    hand_in("final version.ipynb", *solved(), assignment={"name": "week", "student": "bob"})
    hand_in("ADA.ipynb", *solved(), assignment={"name": "week", "student": "bob"})
    hand_in("stranger.ipynb", *solved(), assignment={"name": "week", "student": "ada"})
    results = run(course, hand_in, tmp_path, students=students)
    assert results.keys() == {"ada", "bob", "stranger", "Rene\u0301e"}
    assert "handed in as final version" in results["bob"]["private"] and report.score(results["bob"]) == ALL
    assert "made for bob" in results["ada"]["private"] and "made for ada" in results["stranger"]["private"]


def test_results_of_earlier_runs_are_not_mixed_in(tmp_path, course, hand_in):
    hand_in("ada.ipynb", *solved())
    path = hand_in("bob.ipynb", *solved())
    run(course, hand_in, tmp_path)
    path.unlink()
    run(course, hand_in, tmp_path)
    assert [path.name for path in (tmp_path / "graded" / "feedback").iterdir()] == ["ada.html"]
    assert "bob" not in (tmp_path / "graded" / "scores.csv").read_text()


def test_what_its_own_solution_does_not_solve_is_not_handed_out(tmp_path, root, exercises):
    path = root / "chapters" / f"{CHAPTER}.ipynb"
    path.write_text(path.read_text().replace("784 * 10 + 10", "784 * 10"))
    with pytest.raises(ValueError, match="the solution of parameters does not get all points"):
        assignment.make(tmp_path / "week", "week", ["softmax", "parameters"], root=root)
    path.write_text(path.read_text().replace("def softmax(z):\\n", "import torch\\ndef softmax(z):\\n"))
    with pytest.raises(ValueError, match="torch cannot be imported here"):
        assignment.make(tmp_path / "week", "week", ["softmax"], root=root)
    assert not (tmp_path / "week" / "student").exists()


def test_the_solutions_notebook_scores_full_marks(tmp_path, course, hand_in):
    path = tmp_path / "week" / "instructor" / "week-solutions.ipynb"
    hand_in("solutions.ipynb", text=path.read_bytes())
    assert report.score(run(course, hand_in, tmp_path)["solutions"]) == ALL


def test_unreadable_for_its_permissions(tmp_path, course, hand_in, monkeypatch):
    hand_in("ada.ipynb", *solved())
    hand_in("bob.ipynb", *solved())
    read = lms.content

    def content(path):
        if path.name == "bob.ipynb":
            raise PermissionError(13, "Permission denied")
        return read(path)
    monkeypatch.setattr(lms, "content", content)
    results = run(course, hand_in, tmp_path)
    assert results["bob"]["status"] == "unreadable" and report.score(results["ada"]) == ALL


def test_names_that_no_file_has_in_a_zip(tmp_path, course, hand_in):
    """A folder as an LMS names it, whose bytes are no text: it goes back as nearly as can be."""
    name = os.fsdecode(b"Ren\xe9_101_assignsubmission_file")
    hand_in(f"{name}/x.ipynb", *solved())
    hand_in("\u0645\u062d\u0645\u062f \u200f_102_assignsubmission_file/x.ipynb", *solved())
    hand_in("\u738b\u5c0f\u660e_103_assignsubmission_file/x.ipynb", *solved())
    hand_in("Rene\u0301e_104_assignsubmission_file/x.ipynb", *solved())
    results = run(course, hand_in, tmp_path)
    assert len(results) == 4 and all(report.score(result) == ALL for result in results.values())
    with zipfile.ZipFile(tmp_path / "graded" / "feedback.zip") as archive:
        names = set(archive.namelist())
    assert names >= {"\u0645\u062d\u0645\u062f \u200f_102_assignsubmission_file/feedback.html",
                     "\u738b\u5c0f\u660e_103_assignsubmission_file/feedback.html",
                     "Rene\u0301e_104_assignsubmission_file/feedback.html"} and len(names) == 4


@pytest.mark.parametrize("source", ["x = [" + "1," * 200_000 + "]", "x = '\ud800'\n" * 9 + "y = 1 + 2 * (3 - 4) / 5\n" * 9,
                                    "# " + "x" * 10**6 + "\ny = [" + "1, 2 + 3,\n" * 99 + "]", "(" * 10**5, "\0" * 9])
def test_odd_code_that_two_share_is_compared_in_no_time(tmp_path, course, source):
    started = time.process_time()
    shared = similarity.pairs({name: [source, "y = [" + "a + f(b) * c,\n" * k + "]"] for k, name in enumerate("ab", 20)}, [])
    grade._write(tmp_path / "page.html", similarity.page(course, shared))
    assert time.process_time() - started < 5


def test_a_name_as_scores_csv_has_it(tmp_path, course, hand_in):
    hand_in("-ada.ipynb", *solved("softmax"))
    (tmp_path / "overrides.csv").write_text("student,exercise,points,comment\n'-ada,softmax,1,=1+1\n")
    (tmp_path / "groups.csv").write_text("student,group\n'-ada,1\n")
    results = run(course, hand_in, tmp_path, overrides=tmp_path / "overrides.csv", groups=tmp_path / "groups.csv")
    assert report.score(results["-ada"]) == ALL - 1
    text = (tmp_path / "graded" / "scores.csv").read_text()
    assert "\n'-ada," in text and ",'=1+1" in text
