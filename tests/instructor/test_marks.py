"""What a person decides and grading respects: marks of written answers, deadlines, points, groups, grading again."""

import csv
import functools
import json
import os
import time
import zipfile
from datetime import datetime

import nbformat
import pytest
from playwright.sync_api import expect

from instructor import assignment, decided, grade, handed_in, lms, marking, nbgrader_export, report, runner, similarity, written
from instructor.__main__ import main
from tests.conftest import again
from tests.instructor.course import ALL, POINTS, solved

DUE = "2026-10-09 18:00"
ANSWER = "It is steeper at the same place: the boundary depends on <b>w/b</b> alone."


@pytest.fixture
def asked(tmp_path):
    """An assignment with one exercise and one question of the book, and the notebook that is handed out."""
    made = assignment.make(tmp_path / "week", "week", ["softmax"], "Week 1", questions=["twice"])
    return made, nbformat.read(tmp_path / "week" / "student" / "week.ipynb", as_version=4)


def answered(handed_out, text):
    copy = nbformat.from_dict(handed_out)
    next(cell for cell in copy.cells if cell.metadata.get("question")).source = text
    return nbformat.writes(copy)


def run(made, folder, tmp_path, **options):
    results = grade.grade(made, folder, tmp_path / "graded", progress=False, marks=tmp_path / "marks.csv", **options)
    return {result["student"]: result for result in results}


def test_a_question_is_handed_out_marked_and_counts(tmp_path, asked, hand_in, capsys):
    made, handed_out = asked
    assert made.full == {"softmax": 3, "twice": 2} and made.points == 5
    text = nbformat.writes(handed_out)
    title = written.choose(["twice"])[0].title
    assert f"| {title} (in words) | 2 | |" in text and title != "twice"
    assert "weights" in handed_out.cells[-2].source and written.choose(["twice"])[0].solution[:40] not in text
    solutions = (tmp_path / "week" / "instructor" / "week-solutions.ipynb").read_text()
    assert "the reason given for it holds" in solutions
    hand_in("ada.ipynb", text=answered(handed_out, ANSWER))
    hand_in("bob.ipynb", text=answered(handed_out, written.PLACE))
    results = run(made, hand_in.folder, tmp_path)
    assert results["ada"]["answers"] == {"twice": ANSWER} and results["bob"]["answers"] == {}
    page = (tmp_path / "graded" / "marking.html").read_text()
    code = made.code("ada")
    assert code in page and "ada" not in page and "&lt;b&gt;w/b" in page and made.code("bob") not in page
    with open(tmp_path / "graded" / "scores.csv", newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert rows["ada"]["code"] == code and "twice is to be marked" in rows["ada"]["note"] and rows["bob"]["note"] == ""
    (tmp_path / "marks.csv").write_text(f'student,exercise,points,comment\n{code},twice,1.5,"+1 right, <half> a reason"\n')
    for _ in range(2):
        assert report.score(run(made, hand_in.folder, tmp_path)["ada"]) == 1.5
    feedback = (tmp_path / "graded" / "feedback" / "ada.html").read_text()
    assert f"<h2>{title} (1.5 of 2)</h2>" in feedback and "&lt;half&gt; a reason" in feedback and "&lt;b&gt;w/b" in feedback
    statistics = (tmp_path / "graded" / "statistics.html").read_text()
    assert f"<h2>{title}, in words" in statistics and "1 marked; mean 1.5 of 2" in statistics
    (tmp_path / "overrides.csv").write_text("student,exercise,points,comment\nada,twice,2,\n")
    assert report.score(run(made, hand_in.folder, tmp_path, overrides=tmp_path / "overrides.csv")["ada"]) == 2


def test_a_rubric_of_ones_own_gives_the_points(tmp_path, asked):
    path = tmp_path / "week" / "rubric.csv"
    assert "twice,1,the answer is right" in path.read_text()
    path.write_text("question;points;what earns them\ntwice;2,5;a picture\ntwice;1;a word\n")
    made = assignment.load(tmp_path / "week")
    assert made.full["twice"] == 3.5 and made.questions["twice"][0] == [2.5, "a picture"]
    again = assignment.make(tmp_path / "week", "week", ["softmax"], questions=["twice"])
    assert again.full["twice"] == 3.5 and "a picture" in path.read_text() and again.secret == asked[0].secret
    path.write_text("other,1,x\n")
    with pytest.raises(ValueError, match="line 1: no question 'other'; there are: twice"):
        assignment.load(tmp_path / "week")


@pytest.mark.parametrize("lost", ["id", "metadata"])
def test_answers_are_found_without_ids_or_metadata(lost, asked):
    made, handed_out = asked
    copy = json.loads(answered(handed_out, ANSWER))
    for cell in copy["cells"]:
        del cell[lost]
    copy["cells"].append({"cell_type": "markdown", "source": ["And ", "more.\x1b"]})
    read = handed_in.read_notebook(json.dumps(copy).encode(), made.questions)
    assert read.answers == {"twice": f"{ANSWER}\n\nAnd more. "}


@pytest.mark.parametrize("cells", [[{"cell_type": "markdown", "metadata": {"question": ["x"]}, "id": 3, "source": 5}],
                                   [{"cell_type": "markdown", "metadata": {"question": "twice"}, "source": [1, None]}], [3]])
def test_strange_answers_harm_nobody(cells):
    assert handed_in.read_notebook(json.dumps({"cells": cells}).encode(), ["twice"]).answers == {}


def test_questions_that_point_at_their_page_are_not_handed_out():
    known = written.all_questions()
    assert {"twice", "resnet-remove"} <= known.keys() and "hands-neuron" not in known
    assert all(question.text and question.solution and "```" not in question.text + question.solution
               and "{numref}" not in question.text for question in known.values())
    with pytest.raises(ValueError, match="stands by itself: hands-neuron"):
        written.choose(["hands-neuron"])


def test_what_the_command_line_can_set(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command = ["assignment", "w", "--exercises", "softmax", "--questions", "twice", "--points", "softmax=10"]
    assert main([*command, "--due", DUE, "--late", "10", "--days", "3"]) == 0
    said = capsys.readouterr().out
    assert "1 exercises, 1 answered in words, 12 points" in said and "Each day begun after it takes 10 % off." in said
    page = (tmp_path / "assignments" / "w" / "student" / "w.html").read_text()
    assert 'class="written"' in page and "Due 2026-10-09" in page
    for wrong, says in [(["--due", "Friday"], "expected a deadline"), (["--late", "10"], "needs a deadline"),
                        (["--points", "collapse=1"], "collapse"), (["--points", "softmax=x"], "got 'softmax=x'"),
                        (["--points", "softmax"], "got 'softmax'"), (["--due", DUE, "--days", "-1"], "got -1"),
                        (["--due", DUE, "--late", "200"], "expected percent")]:
        assert main([*command[:-2], *wrong]) == 1
        assert says in capsys.readouterr().err


@pytest.fixture
def policy(tmp_path, root, exercises):
    return assignment.make(tmp_path / "week", "week", list(exercises), root=root, worth={"softmax": 10}, due=DUE, late=10, days=3)


def test_points_of_ones_own_and_days_late(tmp_path, policy, hand_in):
    hours = {"ontime": -1, "later": 1, "next": 25, "never": 73, "ill": 30}
    for name, hour in hours.items():
        path = hand_in(f"{name}.ipynb", *solved())
        os.utime(path, (when := datetime.fromisoformat(DUE).timestamp() + 3600 * hour, when))
    (tmp_path / "marks.csv").write_text("ill,late,0,was ill\nnext,,-0.5,\n")
    results = run(policy, hand_in.folder, tmp_path)
    full = ALL - POINTS["softmax"] + 10
    got = {name: report.score(results[name]) for name in hours}
    assert got == {"ontime": full, "later": 0.9 * full, "next": 0.8 * full - 0.5, "never": 0, "ill": full}
    assert "2 days late: -3 points" in (tmp_path / "graded" / "feedback" / "next.html").read_text()
    assert "was ill" in (tmp_path / "graded" / "feedback" / "ill.html").read_text()
    half = hand_in("half.ipynb", *solved("dense_backward", softmax="def softmax(z):\n    e = np.exp(z)\n"
                                         "    return e / e.sum(1, keepdims=True)"))
    os.utime(half, (0, 10**9))
    assert report.score(run(policy, hand_in.folder, tmp_path)["half"]) == 5 + 2


@pytest.fixture
def berlin(monkeypatch):
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("due, handed_in, days", [
    ("2026-10-24 18:00", "2026-10-25 17:59", 1), ("2026-10-24 18:00", "2026-10-25 18:01", 2),  # a day of 25 hours
    ("2026-03-28 18:00", "2026-03-29 17:59", 1), ("2026-03-28 18:00", "2026-03-29 18:01", 2),  # and one of 23
    ("2026-10-24 18:00+02:00", "2026-10-25 17:30", 2), ("2026-10-24 18:00", "2026-10-24 18:00", 0)])
def test_a_day_late_is_a_day_of_the_calendar(due, handed_in, days, berlin):
    made = assignment.Assignment("w", "W", ["softmax"], "secret", due=due, late=10)
    assert decided.late(made, datetime.fromisoformat(handed_in).timestamp(), False)["days"] == days


@pytest.mark.parametrize("text, hour", [
    ("Thursday, 9 October 2025, 6:12 PM", 18), ("Donnerstag, 9. Oktober 2025, 18:12", 18), ("9 October 2025, 12:12 AM", 0),
    ("-", None), ("99 October 2025, 18:12", None)])
def test_moodle_says_when(text, hour):
    expected = datetime(2025, 10, 9, hour, 12).timestamp() if hour is not None else 0
    assert lms.moment(text) == expected


def test_an_lms_tells_lateness_in_its_own_way(tmp_path, policy, hand_in):
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(hand_in("x", *solved("softmax")), "roebob_LATE_102_5002_week.ipynb")
        archive.write(hand_in("y", *solved("softmax")), "doeada_101_5001_week.ipynb")
    bob, ada = (run(policy, packed, tmp_path)[name] for name in ("roebob_102", "doeada_101"))
    assert (bob["late"]["days"], ada["late"]["days"]) == (1, 0)
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("Identifier,Full name,Last modified (submission)\n"
                     'Participant 102,Bob,"Sunday, 11 October 2026, 6:12 PM"\nParticipant 101,Ada,-\n')
    results = run(policy, packed, tmp_path, students=lms.roster(sheet))
    assert results["roebob_102"]["late"]["days"] == 3 and results["doeada_101"]["late"]["days"] == 0


def test_a_page_of_a_group_does_not_say_what_a_members_file_is_called(tmp_path, course, hand_in):
    hand_in("ada/ada_v1.ipynb", "1 / 0", *solved())
    hand_in("ada/ada_v2.ipynb", "1 / 0", *solved())
    hand_in("bob.ipynb", "x = 1")
    groups = tmp_path / "groups.csv"
    groups.write_text("student,group\nada,1\nbob,1\n")
    run(course, hand_in.folder, tmp_path, groups=groups)
    one, other = ((tmp_path / "graded" / "feedback" / f"{name}.html").read_text() for name in ("ada", "bob"))
    assert "2 notebooks, graded ada_v2.ipynb" in one and "ada" not in other
    assert "cell 1: ZeroDivisionError" in one and "cell 1: ZeroDivisionError" in other


def test_questions_alone(tmp_path, hand_in):
    made = assignment.make(tmp_path / "week", "week", [], questions=["twice"])
    handed_out = nbformat.read(tmp_path / "week" / "student" / "week.ipynb", as_version=4)
    hand_in("ada.ipynb", text=answered(handed_out, ANSWER))
    hand_in("bob.ipynb", text=answered(handed_out, "{body} {marks} </script>"))
    (tmp_path / "marks.csv").write_text("ada,twice,1.5,\n")
    for _ in range(2):
        results = run(made, hand_in.folder, tmp_path)
        assert {name: (result["status"], report.score(result)) for name, result in results.items()} == {
            "ada": ("graded", 1.5), "bob": ("graded", 0)}
    page = (tmp_path / "graded" / "marking.html").read_text()
    assert page.count("<article") == 2 and "{body} {marks} &lt;/script&gt;" in page


def test_a_name_in_a_file_of_ones_own_may_be_typed_in_parts(tmp_path, course, hand_in):
    """As some systems do, and after what Excel says of itself; a comment may have lines."""
    hand_in("Ren\u00e9e.ipynb", *solved())
    (tmp_path / "marks.csv").write_text("sep=;\nStudent;Exercise\nRene\u0301e;;-1;\"so,\nand so\"\n\nRene\u0301e;Counter;0;\n")
    (tmp_path / "groups.csv").write_text("Student|Group\nRene\u0301e|1\n")
    result = run(course, hand_in.folder, tmp_path, groups=tmp_path / "groups.csv")["Ren\u00e9e"]
    assert report.score(result) == ALL - 2 and [row["comment"] for row in result["overrides"]] == ["so,\nand so", ""]
    with open(tmp_path / "marks.csv", "a") as file:
        file.write("nobody;;1;\n")
    with pytest.raises(ValueError, match="line 7: nobody"):
        run(course, hand_in.folder, tmp_path)


def test_a_group_shares_its_best(tmp_path, course, hand_in):
    hand_in("ada.ipynb", *solved())
    hand_in("bob.ipynb", *solved("softmax"))
    groups = tmp_path / "groups.csv"
    groups.write_text("student,group\nada,1\nbob,1\ncem,1\n")
    (tmp_path / "marks.csv").write_text("ada,Counter,0,no\ncem,,-1,did little\n")
    students = [lms.Submission("cem", note="nothing handed in"), lms.Submission("dan", note="nothing handed in")]
    results = run(course, hand_in.folder, tmp_path, students=students, groups=groups)
    assert {name: report.score(result) for name, result in results.items()} == {
        "ada": ALL - 1, "bob": ALL - 1, "cem": ALL - 2, "dan": 0}
    assert "what ada handed in" in results["cem"]["private"]
    assert "ada" not in (tmp_path / "graded" / "feedback" / "cem.html").read_text()
    groups.write_text("student,group\neva,1\n")
    with pytest.raises(ValueError, match="line 2: expected a student"):
        run(course, hand_in.folder, tmp_path, students=students, groups=groups)


def test_graded_again_is_what_ran_out_of_work_or_is_named(tmp_path, course, hand_in, monkeypatch):
    hand_in("ada.ipynb", *solved())
    hand_in("slow.ipynb", *solved(softmax="def softmax(z):\n    for k in range(10**5): k + 1\n"
                                  "    e = np.exp(z - z.max(1, keepdims=True))\n    return e / e.sum(1, keepdims=True)"))
    monkeypatch.setattr(runner, "EACH", 3 * 10**7)
    ran, one = [], grade._grade_one

    def noted(made, who, data, adapters, work):
        ran.append((who.student, len(adapters)))
        return one(made, who, data, adapters, work)
    monkeypatch.setattr(grade, "_grade_one", noted)

    def again(expected, **options):
        ran.clear()
        results = run(course, hand_in.folder, tmp_path, **options)
        assert sorted(ran) == expected
        return {name: report.score(result) for name, result in results.items()}
    assert again([("ada", 4), ("slow", 4)]) == {"ada": ALL, "slow": ALL - 2}
    assert again([], work=1)["slow"] == ALL - 2
    assert again([("slow", 4)], work=30) == {"ada": ALL, "slow": ALL}
    assert again([]) == {"ada": ALL, "slow": ALL}
    assert again([("ada", 4)], again=["ada"])["ada"] == ALL
    assert again([("ada", 1), ("slow", 1)], again=["softmax"], work=30) == {"ada": ALL, "slow": ALL}
    with pytest.raises(ValueError, match="neither student nor exercise: eva"):
        again([], again=["eva"])


OWN = """def softmax({z}):
    # {comment}
    {m} = {z}.max(axis=1, keepdims=True)
    {s} = np.zeros_like({z})
    for {i} in range({z}.shape[0]):
        for {j} in range({z}.shape[1]):
            {s}[{i}, {j}] = np.exp({z}[{i}, {j}] - {m}[{i}, 0])
        {s}[{i}] /= sum({s}[{i}])
    return {s}"""
NAMES = dict(z="z", m="m", s="s", i="i", j="j", comment="row by row")
OTHER = dict(z="scores", m="biggest", s="result", i="row", j="column", comment="my own work")


def test_similar_code_is_found_under_other_names(tmp_path, course, hand_in):
    for name in ("common1", "common2", "common3", "common4", "like the book"):
        hand_in(f"{name}.ipynb", *solved(softmax=solved()[1]))
    hand_in("ada.ipynb", *solved(softmax=OWN.format(**NAMES)))
    hand_in("bob.ipynb", "x = 1", *solved(softmax=OWN.format(**OTHER)), "def broken(:")
    hand_in("cem.ipynb", *solved(softmax="def softmax(z):\n    z = [[np.exp(v - max(row)) for v in row] for row in z.tolist()]\n"
                                 "    return np.array([[v / sum(row) for v in row] for row in z])"))
    solutions = tmp_path / "week" / "instructor" / "week-solutions.ipynb"
    run(course, hand_in.folder, tmp_path, solutions=solutions)
    page = (tmp_path / "graded" / "similarity.html").read_text()
    assert "<h2>ada and bob: 100 %</h2>" in page and "no proof" in page and "m = z.max(axis=1" in page
    assert not any(name in page for name in ("cem", "common", "like the book"))
    (tmp_path / "groups.csv").write_text("ada,1\nbob,1\n")
    run(course, hand_in.folder, tmp_path, solutions=solutions, groups=tmp_path / "groups.csv")
    assert "<h2>" not in (tmp_path / "graded" / "similarity.html").read_text()


def test_what_the_whole_class_wrote_says_nothing():
    same = [OWN.format(**NAMES)]
    assert len(similarity.pairs({str(k): same for k in range(3)}, [])) == 3
    assert not similarity.pairs({str(k): same for k in range(4)}, [])
    assert not similarity.pairs({"a": same, "b": same}, same)


@pytest.fixture
def to_mark(tmp_path, asked, hand_in, watched):
    """The page with the answers of ada and bob, in two tabs: the tabs, and what finds a student's card in one."""
    made, handed_out = asked
    for name in ("ada", "bob"):
        hand_in(f"{name}.ipynb", text=answered(handed_out, f"{ANSWER} {name}"))
    run(made, hand_in.folder, tmp_path)
    window = watched()
    tabs = [window.page, window.context.new_page()]
    for tab in tabs:
        tab.goto((tmp_path / "graded" / "marking.html").as_uri())
    return tabs, lambda tab, name: tab.locator(f"article[data-student='{made.code(name)}']")


def reads(field, text):
    """What waits until a field reads ``text``."""
    return functools.partial(expect(field).to_have_value, text)


def downloaded(tab, path):
    with tab.expect_download() as waiting:
        tab.locator("#download").click()
    waiting.value.save_as(path)


@pytest.mark.browser
def test_marking_in_a_browser(tmp_path, asked, hand_in, to_mark):
    (one, _), card = to_mark
    ada, made = card(one, "ada"), asked[0]
    for button in ada.locator("button").all():
        button.dblclick()  # by habit
    ada.locator("textarea").press("End")
    ada.locator("textarea").type(', "good"')
    assert one.locator("#count").inner_text() == "1 of 2 answers marked"
    again(one.reload, reads(ada.locator("input"), "2"))
    downloaded(one, tmp_path / "marks.csv")
    result = run(made, hand_in.folder, tmp_path)["ada"]
    assert report.score(result) == 2
    assert result["overrides"][0]["comment"] == '+1 the answer is right; +1 the reason given for it holds, "good"'
    assert result["code"] in marking.page(made, [result]) and "good" in marking.page(made, [result])


@pytest.mark.browser
def test_two_tabs_mark_together(tmp_path, to_mark):
    (one, other), card = to_mark
    card(one, "ada").locator("input").fill("1")
    other.locator("#count", has_text="1 of 2").wait_for()
    card(other, "bob").locator("input").fill("2")
    one.locator("#count", has_text="2 of 2").wait_for()
    again(one.reload, reads(card(one, "bob").locator("input"), "2"))
    reads(card(one, "ada").locator("input"), "1")()
    downloaded(other, tmp_path / "marks.csv")
    assert sorted(line.split(",", 1)[1] for line in (tmp_path / "marks.csv").read_text().splitlines()[1:]) == [
        'twice,1,""', 'twice,2,""']


@pytest.mark.browser
def test_the_wheel_scrolls_the_page_and_changes_no_points(to_mark):
    (one, _), card = to_mark
    one.set_viewport_size({"width": 800, "height": 200})
    card(one, "ada").locator("input").click()
    one.keyboard.type("1")
    one.mouse.wheel(0, -60)
    one.mouse.wheel(0, 160)
    one.wait_for_function("document.activeElement == document.body")
    assert card(one, "ada").locator("input").input_value() == "1"


@pytest.mark.browser
def test_what_was_changed_in_the_file_after_the_download_counts(tmp_path, asked, hand_in, to_mark):
    (one, _), card = to_mark
    card(one, "ada").locator("input").fill("1")
    downloaded(one, tmp_path / "marks.csv")
    again(one.reload, reads(card(one, "ada").locator("input"), "1"))  # it was not graded again: the file may be lost
    card(one, "bob").locator("textarea").fill("{body} later")
    table = (tmp_path / "marks.csv").read_text()
    (tmp_path / "marks.csv").write_text(table.replace(",1,", ",2,"))
    run(asked[0], hand_in.folder, tmp_path)
    again(one.reload, reads(card(one, "bob").locator("textarea"), "{body} later"))  # it was not downloaded yet
    reads(card(one, "ada").locator("input"), "2")()
    downloaded(one, tmp_path / "marks.csv")
    run(asked[0], hand_in.folder, tmp_path)
    again(one.reload, reads(card(one, "bob").locator("textarea"), "{body} later"))


@pytest.mark.browser
def test_marks_that_a_browser_does_not_keep_are_told(to_mark):
    (one, _), card = to_mark
    one.context.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
    one.reload()
    card(one, "ada").locator("input").fill("1")
    assert one.locator("#count").inner_text().startswith("1 of 2 answers marked. This browser keeps nothing")
    card(one, "bob").locator("input").fill("1")
    assert one.locator("#count").inner_text().startswith("2 of 2")


@pytest.mark.browser
def test_an_answer_is_written_on_the_page(tmp_path, asked, watched):
    from instructor import page
    made, handed_out = asked
    path = page.write(tmp_path / "week" / "student", made)
    window = watched()
    window.page.goto(path.as_uri())
    area = window.page.locator("textarea.written")
    area.fill(ANSWER)
    again(window.page.reload, reads(area, ANSWER))
    with window.page.expect_download() as waiting:
        window.page.locator("#download").click()
    waiting.value.save_as(tmp_path / "ada.ipynb")
    assert handed_in.read_notebook((tmp_path / "ada.ipynb").read_bytes(), made.questions).answers == {"twice": ANSWER}
    nbformat.validate(nbformat.read(tmp_path / "ada.ipynb", as_version=4))


@pytest.mark.browser
def test_two_tabs_hold_the_same_answer_name_and_notebook(tmp_path, asked, watched):
    from instructor import page
    made, handed_out = asked
    path = page.write(tmp_path / "week" / "student", made)
    handed_out.cells.append(nbformat.v4.new_code_cell("scratch = 1", id="scratch"))
    nbformat.write(handed_out, tmp_path / "begun.ipynb")
    window = watched()
    tabs = [window.page, window.context.new_page()]
    for tab in tabs:
        tab.goto(path.as_uri())
    one, other = tabs
    one.locator("#file").set_input_files(tmp_path / "begun.ipynb")
    one.locator("#opened", has_text="is open").wait_for()
    one.locator("textarea.written").fill(ANSWER)
    one.locator("#student").fill("ada")
    other.wait_for_function("document.querySelector('#student').value == 'ada'")
    with other.expect_download() as waiting:
        other.locator("#download").click()
    waiting.value.save_as(tmp_path / "made.ipynb")
    assert waiting.value.suggested_filename == "week-ada.ipynb"
    assert handed_in.read_notebook((tmp_path / "made.ipynb").read_bytes(), made.questions).answers == {"twice": ANSWER}
    assert nbformat.read(tmp_path / "made.ipynb", as_version=4).cells[-1].source == "scratch = 1"


@pytest.mark.browser
def test_a_browser_that_keeps_nothing_says_so(tmp_path, asked, watched):
    from instructor import page
    made, handed_out = asked
    path = page.write(tmp_path / "week" / "student", made)
    window = watched()
    window.context.add_init_script("Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }")
    window.page.goto(path.as_uri())
    window.page.locator("#file").set_input_files(tmp_path / "week" / "student" / "week.ipynb")
    window.page.locator("#opened", has_text="This browser cannot keep it").wait_for()
    window.page.locator("textarea.written").fill(ANSWER)
    assert "copy your answer" in window.page.locator("textarea.written + [role=alert]").inner_text()


def test_nbgrader_gets_a_question_to_mark_by_hand(asked):
    answer = nbgrader_export.source_notebook(asked[0]).cells[-1]
    facts = answer.metadata.nbgrader
    assert (answer.cell_type, facts.grade, facts.solution, facts.points, facts.grade_id) == ("markdown", True, True, 2, "twice")
