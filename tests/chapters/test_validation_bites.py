"""Making outputs and checking them, on a small notebook: the checks let through what is right, and only that."""

import json
import re
import subprocess
import sys

import nbformat
import pytest

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
