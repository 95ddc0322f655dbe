"""What `make check` and the build say of a chapter that lacks something: the place, the cure, the line of CONTRIBUTING."""

import json
import re
import shutil
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import __main__ as commands
from book import check
from book.execute import RAN, find, fingerprint
from book.notebook import read
from nnlib.exercises import all_exercises

CHAPTER = "04_backpropagation"


@pytest.fixture
def folder(root, tmp_path):
    """A book of one chapter of this one."""
    (tmp_path / "chapters").mkdir()
    shutil.copy(root / "chapters" / f"{CHAPTER}.ipynb", tmp_path / "chapters")
    shutil.copy(root / "_toc.yml", tmp_path)
    return tmp_path


@pytest.fixture
def lacks(folder):
    """Changes the chapter, and gives what it lacks then."""

    def changed(change, rules=None):
        path = folder / "chapters" / f"{CHAPTER}.ipynb"
        notebook = read(path)
        change(notebook)
        path.write_text(json.dumps(notebook), encoding="utf-8")
        return check.lacks(path, rules)

    return changed


def first_code(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def never_run(notebook):
    first_code(notebook).execution_count = None


def run_alone(notebook):
    first_code(notebook).execution_count = 41


def edited(notebook):
    first_code(notebook).source += "\nx = 1"


def new_cell(notebook):
    """With the number it would have, had it run."""
    count = 1 + max(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    notebook.cells.append(new_code_cell("1 + 1", execution_count=count))


def other_output(notebook):
    first_code(notebook).outputs.append(new_output("stream", text="0.51\n"))


def no_output(notebook):
    cell = next(cell for cell in notebook.cells if cell.get("outputs"))
    cell.outputs = []


def without_fingerprints(notebook):
    del notebook.metadata[RAN]


def stored_widget(notebook):
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    first_code(notebook).outputs.append(new_output("display_data", data=view))


def widget_state(notebook):
    notebook.metadata["widgets"] = {}


def failed(notebook):
    first_code(notebook).outputs.append(new_output("error", ename="KeyError", evalue="'x'", traceback=[]))


def warned(notebook):
    first_code(notebook).outputs.append(new_output("stream", name="stderr", text="DeprecationWarning: old"))


def long_line(notebook):
    first_code(notebook).source += "\n" + "x" * 120
    notebook.metadata[RAN][first_code(notebook).id] = fingerprint(first_code(notebook))


def semicolon(notebook):
    first_code(notebook).source += "\nx;"


def machine(notebook):
    first_code(notebook).outputs.append(new_output("stream", name="stdout", text="see /" + "home/somebody/x"))


def without_seed(notebook):
    first_code(notebook).source += "\nx = np.random.rand(3)"


def without_ids(notebook):
    for cell in notebook.cells:
        del cell["id"]


def more_metadata(notebook):
    first_code(notebook).metadata["slideshow"] = True


def same_id(notebook):
    notebook.cells[1].id = notebook.cells[0].id


def second_title(notebook):
    notebook.cells.append(new_markdown_cell("# Another"))


def without_solution(notebook):
    for cell in notebook.cells:
        cell.source = re.sub(r"```\{solution\} ex-bp-memory\n.*?```", "", cell.source, flags=re.S)


def without_exercise(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace(":label: ex-product-gradient", ":label: ex-other")


def left_to_write(notebook):
    notebook.cells.append(new_markdown_cell("TODO: the worked example"))


def footnote(notebook):
    notebook.cells.append(new_markdown_cell("So it is.[^note]"))


def without(pattern):
    def change(notebook):
        for cell in notebook.cells:
            cell.source = re.sub(pattern, "", cell.source, flags=re.S)

    return change


def unasked(notebook):
    without(r"\?\*")(notebook)


def untimed(notebook):
    without(r"\*\*Builds on:\*\*")(notebook)


def aimless(notebook):
    without(r"goals=\{.*\n    \},")(notebook)


def other_title(notebook):
    for cell in notebook.cells:
        cell.source = cell.source.replace("```{exercise-start} ", "```{exercise-start} Not ")


def without_worth(notebook):
    without(r"\*\d+ minutes, \d+ points?\.\*")(notebook)


def unknown_term(notebook):
    notebook.cells.append(new_markdown_cell("A **flux** (通量无名) flows."))


def unlinked_mistake(notebook):
    notebook.cells.append(new_markdown_cell("(mistake-of-mine)=\n**Wrong.** Right."))


def typed_number(notebook):
    picture = '<div class="explore"><img src="data:image/svg+xml;charset=utf-8,<svg><text>loss -3e-05</text></svg>"></div>'
    first_code(notebook).outputs.append(new_output("display_data", data={"text/html": picture}))


def goal_without_stop(notebook):
    goal = '<div class="explore"><ul><li class="explore-goal" data-goal="it">Find it</li></ul></div>'
    first_code(notebook).outputs.append(new_output("display_data", data={"text/html": goal}))


def heavy(notebook):
    numbers = np.random.default_rng(0).integers(0, 10**9, 50_000).tolist()
    first_code(notebook).outputs.append(new_output("display_data", data={"text/html": f'<div class="explore">{numbers}</div>'}))


def printed_first(notebook):
    first_code(notebook).outputs.append(new_output("stream", name="stdout", text="0.5"))


def open_code_first(notebook):
    first_code(notebook).metadata = {}


def words_first(notebook):
    notebook.cells.insert(2, new_markdown_cell("Before we begin."))


CASES = {
    unasked: "asks nothing before its first section",
    untimed: "has no line **Time:** about an hour. **Builds on:**",
    aimless: "has 0 goals: explore(..., goals={...})",
    other_title: "calls an exercise 'Not ",
    without_worth: "does not end the task of ",
    unknown_term: "has the term 通量无名, which appendix/glossary.md lacks",
    unlinked_mistake: "has the mistake mistake-of-mine, to which appendix/mistakes.md has no link",
    never_run: "has not run: make chapters C=04_backpropagation",
    run_alone: "ran as number 41, not 1: make chapters C=",
    edited: "was edited after it ran, or its outputs were: make chapters C=",
    new_cell: "was edited after it ran, or its outputs were: make chapters C=",
    other_output: "was edited after it ran, or its outputs were: make chapters C=",
    no_output: "was edited after it ran, or its outputs were: make chapters C=",
    without_fingerprints: "does not say which source its outputs come from: make chapters C=",
    stored_widget: "stores a widget",
    widget_state: "stores the state of widgets",
    failed: "failed with KeyError: 'x'",
    warned: "writes to stderr: DeprecationWarning",
    long_line: "has 120 characters, and 110 fit",
    semicolon: "end a drawing with plt.show()",
    machine: "home/somebody",
    without_seed: "uses np.random.rand: draw from rng = np.random.default_rng(0), that each run gives the same",
    without_ids: "has no id: make chapters C=",
    more_metadata: "has the metadata slideshow",
    same_id: "has no id of its own, but fd3cc151: make chapters C=",
    second_title: "there is no other (2 found)",
    without_solution: "the exercise ex-bp-memory has no solution",
    left_to_write: "TODO: the worked example",
    footnote: "has a footnote",
    typed_number: "shows 'loss -3e-05' in its picture: typeset(...) makes it 'loss −3·10⁻⁵'",
    goal_without_stop: "has the goal 'Find it', without a full stop",
    printed_first: "print below the figure",
    open_code_first: "fold it (the tag hide-input)",
    words_first: "its words belong into the first cell",
    heavy: "bytes of live figures, and 300,000 fit",
}
STALE = [never_run, run_alone, edited, other_output, no_output, new_cell, without_fingerprints]
STALE += [stored_widget, widget_state, failed, warned, machine]


@pytest.mark.parametrize("change", CASES, ids=lambda change: change.__name__)
def test_what_is_lacking_is_said_with_its_place_and_its_rule(lacks, change):
    found = lacks(change)
    [said] = [line for line in found if CASES[change] in line][:1] or [f"not said: {found}"]
    assert re.match(r"04_backpropagation\.ipynb(, cell \d+ \(id [\w?-]+\))?: .*\[CONTRIBUTING\.md:[1-9]\d*\]$", said), said


FOLDERS = ("home/me", "mnt/disk", "var/folders/ab", "private/tmp", "content/x", "data/x")  # each below the root
MINE = [*("/" + name for name in FOLDERS), r"C:\Users\me\x.py", r"C:\\Users\\me", "<f at 0x7f0012345678>"]


@pytest.mark.parametrize("mine", MINE)
def test_each_path_of_a_machine_is_shown(lacks, mine):
    def change(notebook):
        text = f"{mine}/x, then far away from it, in the same output, also {mine}/x"
        first_code(notebook).outputs.append(new_output("stream", name="stdout", text=text))

    assert len(lacks(change, [check.RULES["outputs_name_no_machine"]])) == 2


@pytest.mark.parametrize("text", ["https://a.b/data/x", "train/content/x", "nnlib/data/mnist", r"A:\alpha and B: \n"])
def test_no_other_text_is_taken_for_a_path_of_a_machine(text):
    assert not check.MACHINE.search(text)


@pytest.mark.parametrize("change", [same_id, without_ids])
def test_of_ids_there_is_one_line_always_the_same(lacks, change, recwarn, capsys):
    first, again = lacks(change), lacks(lambda notebook: None)
    assert first == again and len([line for line in first if " no id" in line]) == 1
    assert len(first) == 2, "the other says that the cells are not those that ran"
    assert not recwarn and capsys.readouterr() == ("", "")


@pytest.mark.parametrize("source", ["random.random()", "np.random.seed(0)", "np.random.default_rng()", "numpy.random.normal(3)"])
def test_chance_without_a_seed_is_found(source):
    assert check.UNSEEDED.search(f"x = {source}") and not check.UNSEEDED.search("rng = np.random.default_rng(7); rng.random(3)")


def test_a_whole_chapter_lacks_nothing(lacks):
    assert lacks(lambda notebook: None) == []


def test_a_broken_cell_is_one_line_of_the_list(lacks):
    def change(notebook):
        first_code(notebook).source += "\nprint("

    [said] = [line for line in lacks(change) if "SyntaxError" in line]
    assert re.fullmatch(r"04_backpropagation\.ipynb: SyntaxError: .*\(cell \d+, line \d+\)", said)


def test_a_broken_registry_is_one_line_of_the_list(lacks, monkeypatch):
    def broken():
        raise ValueError("exercise 'shortcut' is both in 04_backpropagation and in 17_groups")

    monkeypatch.setattr("nnlib.exercises.all_exercises", broken)
    [said] = lacks(lambda notebook: None)
    assert said == f"{CHAPTER}.ipynb: ValueError: exercise 'shortcut' is both in 04_backpropagation and in 17_groups"


def test_a_registered_exercise_without_cells_is_named(lacks):
    def change(notebook):
        for cell in notebook.cells:
            cell.source = re.sub(r"ex-(?!bp-)[\w-]+", "ex-gone", cell.source)

    assert any("has no cells for the exercise ex-" in line and "nnlib/exercises/ch04_" in line for line in lacks(change))


def test_too_few_wrong_answers_are_counted(lacks, monkeypatch):
    entry = next(entry for entry in all_exercises().values() if entry.chapter == CHAPTER)
    monkeypatch.setattr(entry, "mistakes", entry.mistakes[:2])
    [said] = lacks(lambda notebook: None)
    assert f"has 2 wrong answers to {entry.name} in nnlib/exercises/ch{CHAPTER}.py: three to seven   [CONTRIBUTING.md:" in said


@pytest.mark.parametrize(
    "put, said",
    [
        ("shortcut_gradient: right on one; wrong on two", "says 'shortcut_gradient: right on one; wrong on two': mend it"),
        ("shortcut_gradient: wrong", "says 'shortcut_gradient: wrong': mend it"),
        ("", "shows no check: end it with check(shortcut_gradient)"),
    ],
)
def test_a_solution_that_is_not_right_is_named(lacks, put, said):
    def change(notebook):
        for cell in notebook.cells:
            for output in cell.get("outputs", []):
                if output.get("text", "").startswith("shortcut_gradient: right"):
                    output["text"] = put

    assert any(f"closes a solution that {said}, then make chapters C=" in line for line in lacks(change))


def test_an_entry_without_inputs_is_told_to_have_some(lacks, monkeypatch):
    entry = next(entry for entry in all_exercises().values() if entry.name == "shortcut_gradient")
    monkeypatch.setattr(entry, "_inputs", None)
    assert any("has no inputs for shortcut_gradient in nnlib/exercises/ch04_" in line for line in lacks(lambda notebook: None))


def test_a_chapter_that_is_not_listed_is_told_where(lacks, folder):
    toc = folder / "_toc.yml"
    toc.write_text(toc.read_text(encoding="utf-8").replace(f"  - file: chapters/{CHAPTER}\n", ""), encoding="utf-8")
    assert any(f"add `- file: chapters/{CHAPTER}` to _toc.yml" in line for line in lacks(lambda notebook: None))


CONTENTS = {
    "- file: chapters/{0}\n- file: chapters/{0}": "is listed 2 times: leave one line of _toc.yml",
    "- file: chapters/{0}\n   - file: x": "ScannerError: ",
    "- caption: a part without chapters": "is not listed: add ",
    "- file: chapters/{0}.ipynb": None,
    "- file: intro\n  sections:\n  - file: chapters/{0}": None,
}


@pytest.mark.parametrize("contents", CONTENTS)
def test_contents_of_any_form_are_read(lacks, folder, contents):
    (folder / "_toc.yml").write_text("parts:\n" + contents.format(CHAPTER), encoding="utf-8")
    found = lacks(lambda notebook: None, [check.RULES["listed_in_the_contents"]])
    assert CONTENTS[contents] in found[0] if CONTENTS[contents] else found == []


def test_a_chapter_that_is_listed_and_not_there_is_named(folder):
    toc = folder / "_toc.yml"
    toc.write_text(f"parts:\n- chapters:\n  - file: intro\n  - file: chapters/{CHAPTER}\n  - file: chapters/17_gone\n")
    assert check.gone(folder) == ["_toc.yml: lists chapters/17_gone, which is not there: remove the line"]


@pytest.mark.parametrize("name", ["7_more", "Untitled", "18 more", "00_zero"])
def test_a_notebook_that_is_not_named_as_a_chapter_is_told(folder, name):
    path = shutil.move(folder / "chapters" / f"{CHAPTER}.ipynb", folder / "chapters" / f"{name}.ipynb")
    [said] = check.lacks(path, [check.RULES["listed_in_the_contents"]])
    assert said.startswith(f"{name}.ipynb: is not named NN_topic, as 17_topic is: rename or remove it")


def test_a_chapter_has_several_names(root):
    [path] = find([CHAPTER])
    for name in ("04", f"chapters/{CHAPTER}", f"{CHAPTER}.ipynb", f"chapters/{CHAPTER}.ipynb"):
        assert find([name]) == [path]


def test_every_rule_is_a_sentence_of_contributing(root):
    guide = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [rule.__name__ for rule in check.RULES.values() if rule.said not in guide] == []


@pytest.mark.parametrize("change", STALE, ids=lambda change: change.__name__)
def test_the_build_is_told(lacks, change):
    assert lacks(change, [rule for rule in check.RULES.values() if rule.stale])


def test_the_build_refuses_stale_chapters_before_it_deletes_or_builds(monkeypatch, tmp_path):
    ran = []
    (tmp_path / "index.html").write_text("the last build")
    monkeypatch.setattr(commands, "HTML", str(tmp_path))
    monkeypatch.setattr(commands, "run", lambda *command, **options: ran.append(command) or 1)
    assert commands.build() == 1
    assert [command[1:] for command in ran] == [("-m", "book.check", "--stale")]
    assert (tmp_path / "index.html").exists()


def test_the_command_says_what_a_chapter_lacks(root):
    done = subprocess.run([sys.executable, "-m", "book.check", "04"], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.endswith("1 chapter: nothing is lacking\n")


PAGE = new_notebook(cells=[
    new_code_cell("losses = [1.25, 0.4567]\nprint(sum(range(44)))", outputs=[new_output("stream", text="mean 946, best 12,345")]),
    new_markdown_cell("$$\n37 x\n$$ (eq-a)\n\n| a | 78.5 |"),
])  # fmt: skip


@pytest.mark.parametrize(
    "sentence, found",
    [
        ("The sum is 946.", []),
        ("The sum is 947.", ["947"]),
        ("44 is the mean.", []),
        ("45 is the mean.", ["45"]),
        ("The best is 12,345, about 0.46, which is 46 %, or 1.3.", []),
        ("The best is 12,346, about 0.47, which is 47 %.", ["12,346", "0.47", "47"]),
        ("By the formula it is 37, and in the table 78.5.", []),
        ("In 1986, in chapters 13 and 14, it took 75 minutes, see {numref}`fig-99` and [there](https://a.b/88).", []),
        ("It has $555$ and `666` of its own.", []),
        ("A turn by 180 degrees.\n\n<!-- numbers: 180 -->", []),
    ],
)
def test_a_wrong_number_in_a_sentence_is_found(sentence, found):
    from book.numbers import unsupported

    page = nbformat.from_dict({**PAGE, "cells": [*PAGE.cells, new_markdown_cell(sentence)]})
    assert [number for _, number, _ in unsupported(page)] == found
