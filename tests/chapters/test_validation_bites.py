"""Making outputs and checking them, on a small notebook: the checks let through what is right, and only that."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

from book.execute import ChapterError, execute

CELLS = [
    "import matplotlib.pyplot as plt\nimport numpy as np\n\nfrom nnlib.explore import explore",
    "print(np.arange(3) / 4)",
    "explore(lambda ax, w=1.0: ax.plot([0, 1], [0, w]), w=(-1.0, 1.0, 0.5))",
    "fig, ax = plt.subplots()\nax.plot([1, 2, 3])\nplt.show()",
]


def run(root, module, path):
    return subprocess.run([sys.executable, "-m", module, str(path)], cwd=root, capture_output=True, text=True)


def write(path, cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def chapter(root, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("chapters") / "01_small.ipynb", CELLS)
    made = run(root, "book.execute", path)
    assert made.returncode == 0, made.stderr
    return path


def number(notebook):
    output = notebook["cells"][1]["outputs"][0]
    assert "".join(output["text"]) == "[0.   0.25 0.5 ]\n"
    output["text"] = ["[0.   0.26 0.5 ]\n"]


def states(notebook):
    data = notebook["cells"][2]["outputs"][0]["data"]
    text = "".join(data["text/plain"])
    assert "content " in text
    data["text/plain"] = [text[:-1] + ("0" if text[-1] != "0" else "1")]


def compressed(notebook):
    data = notebook["cells"][2]["outputs"][0]["data"]
    html = "".join(data["text/html"])
    assert "explore" in html
    data["text/html"] = [html.replace("</script>", " </script>")]
    assert data["application/pdf"].startswith("JVBERi0")
    data["application/pdf"] = data["application/pdf"][:-8] + "AAAA"


def missing(notebook):
    notebook["cells"][3]["outputs"] = []


def no_figure(notebook):
    notebook["cells"][2]["outputs"] = []


NOTEBOOKS = {"right": (compressed,), "wrong": (number, states, missing), "bare": (no_figure,)}


@pytest.fixture(scope="module")
def validated(root, chapter, tmp_path_factory):
    """What nbval says of the altered notebooks, all in one run: the part of its report that names a cell."""
    folder = tmp_path_factory.mktemp("altered")
    for name, changes in NOTEBOOKS.items():
        notebook = json.loads(chapter.read_text(encoding="utf-8"))
        for change in changes:
            change(notebook)
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    done = run(root, "book.validate", folder)
    assert done.returncode == 1, done.stdout

    def said(name, cell):
        sections = re.split(r"^_{5,}.*_{5,}$", done.stdout.split("= short test summary")[0], flags=re.M)
        return [section for section in sections if f"{name}, code cell {cell}" in section]

    said.failed = re.findall(r"^FAILED \S*?(\w+)\.ipynb::Cell (\d+)", done.stdout, re.M)
    said.passed = re.search(r"(\d+) failed, (\d+) passed", done.stdout)
    return said


def test_a_second_run_changes_no_byte(root, chapter):
    before = chapter.read_bytes()
    assert run(root, "book.execute", chapter).returncode == 0
    assert chapter.read_bytes() == before


def test_what_is_true_passes_and_what_is_altered_is_refused(validated):
    """Compressed forms are not compared: two machines need not compress alike."""
    assert sorted(validated.failed) == [("bare", "2"), ("wrong", "1"), ("wrong", "2"), ("wrong", "3")]
    assert validated.passed[0] == f"4 failed, {3 * len(CELLS) - 4} passed"


def test_a_refusal_shows_the_difference_and_the_cure(validated):
    [text] = validated("wrong", 2)
    assert "[0.   0.26 0.5 ]" in text and "[0.   0.25 0.5 ]" in text
    assert "wrong, code cell 2: the output is not the one stored. Meant? make chapters C=wrong" in text
    assert "execution failed" not in text
    [text] = validated("wrong", 3)
    assert "content " in text


def test_a_failing_chapter_is_named_with_its_cell_and_left_as_it_was(root, tmp_path):
    path = write(tmp_path / "02_broken.ipynb", ["x = 1", "print(x / 0)"])
    before = path.read_bytes()
    done = run(root, "book.execute", path)
    assert done.returncode == 1
    assert "02_broken.ipynb, cell 2" in done.stderr and "ZeroDivisionError: division by zero" in done.stderr
    assert path.read_bytes() == before


def test_an_unknown_chapter_is_said(root):
    done = run(root, "book.execute", "99_nowhere")
    assert done.returncode != 0 and "There is no chapter 99_nowhere" in done.stderr


def test_a_failing_cell_is_shown_with_its_line_and_function(root, tmp_path):
    path = write(tmp_path / "02_broken.ipynb", ["def f(x):\n    return 1 / x\n\n\nf(1)\nf(0)"])
    with pytest.raises(ChapterError, match="(?s)cell 1 .*line 6.* f\\(x\\).*-> 2 .*ZeroDivisionError"):
        execute(path)


def test_a_kernel_that_ended_is_told_with_what_ends_one(tmp_path):
    with pytest.raises(ChapterError, match="Kernel died: .* memory"):
        execute(write(tmp_path / "02_ended.ipynb", ["import os\nos._exit(1)"]))


def test_a_kernel_that_does_not_start_is_told_with_its_own_words_alone(root, tmp_path, monkeypatch):
    (tmp_path / "ipykernel_launcher.py").write_text("raise SystemExit('no kernel today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = run(root, "book.execute", write(tmp_path / "02_never.ipynb", ["1 + 1"]))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search("02_never.ipynb failed:\nKernel died .*\nno kernel today\n", done.stderr)


def test_what_a_kernel_says_as_it_ends_is_not_told_of_a_chapter_that_ran(root, tmp_path):
    noise = "import atexit\nimport logging\n\natexit.register(logging.getLogger('tornado').error, 'Uncaught exception')"
    done = run(root, "book.execute", write(tmp_path / "02_noisy.ipynb", [noise]))
    assert done.returncode == 0 and "Uncaught" not in done.stdout + done.stderr


def test_what_was_saved_while_a_chapter_ran_is_kept(tmp_path):
    for cells in (["1 + 1"], ["x = 1"]):  # with an output to store, and without
        path = write(tmp_path / "02_edited.ipynb", cells)
        execute(path)
        write(path, [*cells, "y = 1"])
        with pytest.raises(ChapterError, match="02_edited.ipynb was edited while it ran: run the command again"):
            execute(path, on_cell=lambda: path.write_text("the edit"))
        assert path.read_text() == "the edit"


def test_a_full_disk_leaves_the_notebook_and_nothing_else(tmp_path, monkeypatch):
    path = write(tmp_path / "02_full.ipynb", ["1 + 1"])
    before, put = path.read_bytes(), type(path).write_bytes

    def full(path, content):
        put(path, content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(path), "write_bytes", full)
    with pytest.raises(ChapterError, match="02_full.ipynb could not be written: No space left on device"):
        execute(path)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_what_is_no_chapter_is_told_and_the_others_run(root, tmp_path):
    whole = write(tmp_path / "02_whole.ipynb", ["1 + 1"])
    sides = "<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n"
    wrong = {
        "03_merged": ("{\n" + sides, ", line 2: has the marks of a merge"),
        "04_empty": ("", " is no notebook (Expecting value: line 1"),
        "05_marked": ("\ufeff{}", " is no notebook (Unexpected UTF-8 BOM"),
        "06_list": ("[]", " is no notebook"),
        "07_bare": ('{"cells": [{}]}', " is no notebook"),
    }
    for name, (text, _) in wrong.items():
        (tmp_path / f"{name}.ipynb").write_text(text, encoding="utf-8")
    for name, sources in {
        "08_open": ["```{exercise-start} T\n:label: ex-a\n```", "```{solution-start} ex-a\n```"],
        "09_last": ["```{solution-start} ex-a\n```", "x"],
        "10_ended": ["```{solution-end}\n```"],
    }.items():
        cells = [nbformat.v4.new_markdown_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    said = {name: words for name, (_, words) in wrong.items()} | {
        "08_open": ", cell 2: the exercise 'ex-a' (cell 1) is not closed: add its closing fence",
        "09_last": ", cell 2: the solution 'ex-a' (cell 1) is not closed: add its closing fence",
        "10_ended": ", cell 1: '```{solution-end}' closes nothing",
    }
    paths = [*map(str, sorted(tmp_path.glob("*.ipynb"), reverse=True))]
    for module in ("book.execute", "book.check", "book.validate"):
        done = subprocess.run([sys.executable, "-m", module, *paths], cwd=root, capture_output=True, text=True)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        for name, words in said.items():
            assert f"{name}.ipynb{words}" in done.stdout + done.stderr
    assert nbformat.read(whole, 4).cells[0].outputs
