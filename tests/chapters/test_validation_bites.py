"""Making outputs and checking them, on a small notebook: the checks let through what is right, and only that."""

import json
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


def altered(chapter, tmp_path, change):
    notebook = json.loads(chapter.read_text(encoding="utf-8"))
    change(notebook)
    path = tmp_path / "01_altered.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def test_a_second_run_changes_no_byte(root, chapter):
    before = chapter.read_bytes()
    assert run(root, "book.execute", chapter).returncode == 0
    assert chapter.read_bytes() == before


def test_true_outputs_pass(root, chapter):
    done = run(root, "book.validate", chapter)
    assert done.returncode == 0 and f"{len(CELLS)} passed" in done.stdout, done.stdout


def test_a_changed_number_is_refused_with_the_difference(root, chapter, tmp_path):
    def change(notebook):
        output = notebook["cells"][1]["outputs"][0]
        assert "".join(output["text"]) == "[0.   0.25 0.5 ]\n"
        output["text"] = ["[0.   0.26 0.5 ]\n"]

    done = run(root, "book.validate", altered(chapter, tmp_path, change))
    assert done.returncode == 1 and f"1 failed, {len(CELLS) - 1} passed" in done.stdout
    assert "[0.   0.26 0.5 ]" in done.stdout and "[0.   0.25 0.5 ]" in done.stdout


def test_a_live_figure_whose_states_changed_is_refused(root, chapter, tmp_path):
    def change(notebook):
        data = notebook["cells"][2]["outputs"][0]["data"]
        text = "".join(data["text/plain"])
        assert "content " in text
        data["text/plain"] = [text[:-1] + ("0" if text[-1] != "0" else "1")]

    done = run(root, "book.validate", altered(chapter, tmp_path, change))
    assert done.returncode == 1 and "content " in done.stdout


def test_the_compressed_forms_of_a_live_figure_are_not_compared(root, chapter, tmp_path):
    def change(notebook):
        data = notebook["cells"][2]["outputs"][0]["data"]
        html = "".join(data["text/html"])
        assert "explore" in html
        data["text/html"] = [html.replace("</script>", " </script>")]
        assert data["application/pdf"].startswith("JVBERi0")
        data["application/pdf"] = data["application/pdf"][:-8] + "AAAA"

    done = run(root, "book.validate", altered(chapter, tmp_path, change))
    assert done.returncode == 0, done.stdout


def test_a_missing_figure_is_refused(root, chapter, tmp_path):
    def change(notebook):
        notebook["cells"][3]["outputs"] = []

    assert run(root, "book.validate", altered(chapter, tmp_path, change)).returncode == 1


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
