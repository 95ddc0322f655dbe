"""An assignment's page, from the student's first click to the scores: no server, no installation, no other host."""

import json
from functools import partial
from pathlib import Path

import nbformat
import pytest

from instructor import assignment, grade, page, report
from instructor.__main__ import main
from nnlib.exercises import all_exercises
from tests.book import firefox
from tests.book.test_answering import Exercise
from tests.conftest import SECONDS, again, free_ports
from tests.instructor.course import ALL, SOLUTIONS, STUBS

pytestmark = pytest.mark.browser


@pytest.fixture
def opened(watched, tmp_path):
    """Opens a page of the assignment in ``tmp_path / "week"`` from the disk."""

    def open_page(**options):
        window = watched(**options)
        window.page.goto((tmp_path / "week" / "student" / "week.html").as_uri())
        return window

    return open_page


def download(window, folder, student=None):
    """What the button gives, and what is said about it."""
    if student is not None:
        window.page.locator("#student").fill(student)
    with window.page.expect_download() as waiting:
        window.page.locator("#download").click()
    path = folder / waiting.value.suggested_filename
    path.parent.mkdir(exist_ok=True)
    waiting.value.save_as(path)
    return path, window.page.locator("#downloaded").inner_text()


def answer(window, *names, answers=SOLUTIONS):
    for name in names:
        exercise = Exercise(window.page, name)
        said = exercise.check(exercise.text.replace(STUBS[name], answers[name]))
        assert exercise.root.locator(".runnable-status").inner_text() == "✓ Right", said


def grades(course, folder, out):
    return {result["student"]: result for result in grade.grade(course, folder, out, progress=False)}


def test_answered_downloaded_graded(tmp_path, course, opened):
    page.write(tmp_path / "week" / "student", course)
    window = opened()
    for name in STUBS:
        Exercise(window.page, name).wait("idle")
    answer(window, *STUBS)
    assert window.page.locator(".runnable-solved").count() == len(STUBS)
    path, said = download(window, tmp_path / "submissions", "ada_1001")
    assert path.name == "week-ada_1001.ipynb" and said == "week-ada_1001.ipynb is in your downloads."
    made, handed_out = (nbformat.read(each, as_version=4) for each in (path, tmp_path / "week" / "student" / "week.ipynb"))
    nbformat.validate(made)
    for cell in handed_out.cells:
        for name, stub in STUBS.items():
            cell.source = cell.source.replace(stub, SOLUTIONS[name])
    assert made == handed_out, "the same cells, ids and metadata, with the answers filled in"
    result = grades(course, path.parent, tmp_path / "graded")["ada_1001"]
    assert report.score(result) == ALL and result["note"] == ""
    assert window.errors == [] and window.external == []
    assert [url for url in window.requests if not url.startswith(("data:", "blob:"))] == [window.page.url]


def test_untouched_it_is_the_notebook_that_was_handed_out(tmp_path, course, opened):
    page.write(tmp_path / "week" / "student", course)
    path, said = download(opened(), tmp_path / "submissions")
    assert path.read_bytes() == (tmp_path / "week" / "student" / "week.ipynb").read_bytes()
    assert path.name == "week.ipynb" and said.endswith(f"Not answered: {', '.join(STUBS)}.")


def test_a_hint_a_reload_and_a_reset(tmp_path, course, opened):
    page.write(tmp_path / "week" / "student", course)
    window = opened()
    exercise = Exercise(window.page)
    stub = exercise.text
    wrong = stub.replace(STUBS["softmax"], SOLUTIONS["softmax"].replace(" - z.max(axis=1, keepdims=True)", ""))
    assert "Hint: np.exp overflows." in exercise.check(wrong)
    window.page.locator("#student").fill("../ada: 1")
    window.page.wait_for_function("Object.keys(localStorage).some(key => key.endsWith('answer:softmax'))")
    again(window.page.reload, exercise.reads(wrong))
    assert download(window, tmp_path / "submissions")[0].name == "week-_ada_ 1.ipynb"
    exercise.button("reset").click()
    assert exercise.text == stub


def test_assignments_and_chapters_keep_their_answers_apart(tmp_path, root, exercises, watched):
    window = watched()
    for name in ("one", "two"):
        made = assignment.make(tmp_path / name, name, ["softmax"], root=root)
        path = page.write(tmp_path / name / "student", made)
        window.page.goto(path.as_uri())
        assert Exercise(window.page).text.startswith(STUBS["softmax"])
        Exercise(window.page).write(name)
    both = "['nn:one-', 'nn:two-'].every(start => Object.keys(localStorage).some(key => key.startsWith(start)))"
    again(window.page.reload, partial(window.page.wait_for_function, both))
    assert {key.split("-")[0] for key in window.page.evaluate("Object.keys(localStorage)")} == {"nn:one", "nn:two"}


def test_a_notebook_begun_elsewhere_is_gone_on_with(tmp_path, course, opened):
    page.write(tmp_path / "week" / "student", course)
    begun = nbformat.read(tmp_path / "week" / "student" / "week.ipynb", as_version=4)
    for cell in begun.cells:
        cell.source = cell.source.replace(STUBS["parameters"], SOLUTIONS["parameters"])
    begun.cells.append(nbformat.v4.new_code_cell("scratch = 1", id="scratch"))
    nbformat.write(begun, tmp_path / "begun.ipynb")
    window = opened()
    answer(window, "softmax")
    asked = []
    window.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    window.page.locator("#file").set_input_files(tmp_path / "begun.ipynb")
    window.page.wait_for_function("document.querySelector('#file').value == ''")
    assert asked == ["Put the answers of begun.ipynb in place of what is written here?"]
    assert SOLUTIONS["softmax"] in Exercise(window.page).text
    Exercise(window.page).button("reset").click()
    window.page.locator("#file").set_input_files(tmp_path / "begun.ipynb")
    window.page.locator("#opened", has_text="begun.ipynb is open. Cells that you added (1) stay").wait_for()
    assert SOLUTIONS["parameters"] in Exercise(window.page, "parameters").text and len(asked) == 1
    answer(window, "softmax")
    path, _ = download(window, tmp_path / "submissions", "ada")
    assert nbformat.read(path, as_version=4).cells[-1].source == "scratch = 1"
    result = grades(course, path.parent, tmp_path / "graded")["ada"]
    assert {name for name, entry in result["exercises"].items() if entry["points"]} == {"softmax", "parameters"}


def of_week(cells, name="week"):
    return json.dumps({"metadata": {"assignment": {"name": name}}, "cells": cells})


REFUSED = [
    ("no", "is not a notebook."), ("[]", "is not a notebook of week."), ("null", "is not a notebook of week."),
    (of_week([], "other"), "is not a notebook of week."),
    (of_week([None]), "is not a notebook."), (of_week({}), "is not a notebook."),
    (of_week([{"id": "title", "source": ""}]), "lacks cells of the notebook"),
]  # fmt: skip


def test_another_file_is_refused(tmp_path, course, opened):
    page.write(tmp_path / "week" / "student", course)
    window = opened()
    for k, (text, says) in enumerate(REFUSED):
        Path(tmp_path, f"{k}.ipynb").write_text(text)
        window.page.locator("#file").set_input_files(tmp_path / f"{k}.ipynb")
        window.page.locator("#opened", has_text=f"{k}.ipynb {says}").wait_for()
        assert Exercise(window.page).text.startswith(STUBS["softmax"]) and window.errors == [], text


def test_with_numbers_of_ones_own_the_page_asks_for_the_notebook(tmp_path, root, exercises, opened):
    made = assignment.make(tmp_path / "week", "week", ["softmax"], students=["ada", "bob"], root=root)
    folder = tmp_path / "week" / "student"
    text = page.write(folder, made, "bob").read_text()
    assert "b85decode" not in text and '"ada"' not in text and '"bob"' not in text
    window = opened()
    exercise = Exercise(window.page)
    assert exercise.root.is_hidden() and window.page.locator("#download").is_hidden()
    window.page.locator("#file").set_input_files(folder / "week-bob.ipynb")
    exercise.wait("idle")
    answer(window, "softmax")
    window.page.wait_for_function("Object.keys(localStorage).some(key => key.endsWith('answer:softmax'))")
    again(window.page.reload, exercise.reads(exercise.text))
    assert exercise.root.is_visible()
    path, _ = download(window, tmp_path / "submissions")
    assert path.name == "week-bob.ipynb" and nbformat.read(path, as_version=4).metadata.assignment.student == "bob"
    assert report.score(grades(made, path.parent, tmp_path / "graded")["bob"]) == 2


def test_all_exercises_of_the_book_have_a_page(tmp_path, opened, monkeypatch):
    """Their formulas are read, and their checks come up in the page."""
    monkeypatch.chdir(tmp_path)
    names = list(all_exercises())
    chosen = assignment.Assignment("week", "All", names, "secret")
    blocks = {entry.name: assignment.exercise_cells(entry) for entry in chosen.entries()}
    folder = tmp_path / "week" / "student"
    folder.mkdir(parents=True)
    nbformat.write(assignment.student_notebook(chosen, blocks), folder / "week.ipynb")
    page.write(folder, chosen)
    window = opened()
    found = window.page.locator(".runnable").evaluate_all("roots => roots.map(root => root.dataset.name)")
    assert found == names
    assert not any("$" in text for text in window.page.locator(".exercise p").all_inner_texts())
    for name in (names[0], names[-1]):
        assert Exercise(window.page, name).check().startswith(f"{name}: not written yet")
    assert window.errors == []


def test_the_page_is_accessible_and_fits_a_phone(tmp_path, course, opened):
    from axe_playwright_python.sync_playwright import Axe

    page.write(tmp_path / "week" / "student", course)
    window = opened()
    answer(window, "softmax")
    for theme, width in (("light", 390), ("dark", 1280)):
        window.page.emulate_media(color_scheme=theme)
        window.page.set_viewport_size({"width": width, "height": 800})
        assert window.page.evaluate("document.documentElement.scrollWidth") <= width
        # an editor wider than a phone scrolls with its caret
        options = {"resultTypes": ["violations"], "rules": {"scrollable-region-focusable": {"enabled": False}}}
        found = Axe().run(window.page, None, options).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")] == [], theme


def test_an_old_browser_is_sent_to_jupyter(tmp_path, course, watched):
    path = page.write(tmp_path / "week" / "student", course)
    window = watched()
    window.context.add_init_script("delete window.DecompressionStream")
    window.page.goto(path.as_uri())
    assert "Else answer in the notebook, with Jupyter" in window.page.locator(".runnable-old").first.inner_text()
    assert window.page.locator("#download").is_hidden() and window.errors == []


IN_FIREFOX = """async answer => {
    const root = document.querySelector("[data-name=softmax]");
    root.setCode(answer);
    root.querySelector("[data-action=run]").click();
    await new Promise(done => {
        const watch = new MutationObserver(() => root.dataset.state == "done" && (watch.disconnect(), done()));
        watch.observe(root, {attributes: true});
    });
    const blob = new Promise(done => { URL.createObjectURL = made => (done(made.text()), "data:,"); });
    HTMLAnchorElement.prototype.click = () => {};
    document.querySelector("#download").click();
    return [root.querySelector(".runnable-status").innerText, await blob];
}"""


def test_the_same_in_firefox(tmp_path, course):
    if not firefox.PROGRAM:
        pytest.skip("no Firefox on the PATH")
    path = page.write(tmp_path / "week" / "student", course)
    running = firefox.Firefox(free_ports(1)[0], SECONDS)
    try:
        running.goto(path.as_uri())
        status, text = running.evaluate(IN_FIREFOX, f"{SOLUTIONS['softmax']}\n\n\ncheck(softmax)")
    finally:
        running.close()
    assert status == "✓ Right"
    handed_out = (tmp_path / "week" / "student" / "week.ipynb").read_text()
    assert nbformat.reads(text, 4).metadata == nbformat.reads(handed_out, 4).metadata


def test_the_command_makes_it(tmp_path, root, exercises, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assignment.make, "__defaults__", (*assignment.make.__defaults__[:-1], root))
    assert main(["assignment", "week", "--exercises", "softmax"]) == 0
    assert Path("assignments/week/student/week.html").exists()
    assert "week.html" in capsys.readouterr().out


@pytest.mark.parametrize("rosters", [["ada", ""], ["", "ada"], ["ada", "bob"]])
def test_a_page_is_made_of_this_run_not_of_what_an_earlier_one_left(rosters, tmp_path, root, exercises, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(assignment.make, "__defaults__", (*assignment.make.__defaults__[:-1], root))
    for name, student in zip(("softmax", "parameters"), rosters, strict=True):
        Path("roster.csv").write_text(f"student\n{student}\n")
        assert main(["assignment", "week", "--exercises", name, *(["--roster", "roster.csv"] if student else [])]) == 0
    text = Path("assignments/week/student/week.html").read_text()
    assert "parameters-title" in text and "softmax-title" not in text
    assert ('"notebook":null' in text) == bool(rosters[1])
    first = f"week-{rosters[0]}.ipynb" if rosters[0] else "week.ipynb"
    assert capsys.readouterr().out.count(f"not of this   {first}: left by an earlier run\n") == 1
