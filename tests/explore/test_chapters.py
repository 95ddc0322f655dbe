"""Every live figure of the book, as stored, against matplotlib's own drawing, moved by mouse and keyboard.

The figures are those that nbval's kernels drew, kept with the names they draw from: no chapter runs twice.
"""

import base64
import functools
import json
import random
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import nbformat
import pytest

from book import kept
from nnlib.explore import explore

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))
STATES = 2  # beside the start and all to which the moves lead; test_static.py compares more, of a figure of each kind


def stored_figures(cell):
    """(text/plain, text/html) of the figures among a cell's stored outputs."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if 'class="explore"' in data.get("text/html", ""):
            found.append((data["text/plain"], data["text/html"]))
    return found


def content(plain):
    """The fingerprint that the text of a figure tells; None of one without controls."""
    found = re.search(r"explore: [1-9].*, content (\w+)$", plain)
    return found and found[1]


def sweep(notebook, opened, compare, drive, folder=kept.FOLDER):
    """Check each figure of a notebook against the one that its cell drew.

    Returns the number of figures, the number of states compared, and the number of moves.
    """
    figures = states = moves = 0
    for number, cell in enumerate(notebook.cells):
        for plain, html in stored_figures(cell):
            watcher, [root] = opened(html)
            figures += 1
            if content(plain):
                try:
                    figure = kept.figure_of(content(plain), folder)
                except KeyError:
                    pytest.fail(f"cell {number}: no cell draws {plain}: make chapters")
                where = f"cell {number}, {figure.name}"
                assert repr(figure) == plain, where
                live = figure.in_kernel()
                assert not live.error.value, live.error.value
                rng = random.Random(where)
                sample = [figure.start, *rng.sample(range(figure.states), min(STATES, figure.states))]
                for state in sample:
                    differences = compare(root, figure, state)["differences"]
                    assert differences == [], f"{where}, {figure.values(state)}: {differences[:3]}"
                states += len(sample)
                moves += drive(watcher.page, root, figure, points=2)
            else:
                assert root.query_selector("img").evaluate("e => e.complete && e.naturalWidth > 0"), f"cell {number}"
            assert watcher.errors == [] and watcher.external == [], f"cell {number}"
            watcher.context.close()
    return figures, states, moves


def test_there_are_chapters():
    assert CHAPTERS, "no notebook below chapters/: the sweep would test nothing"


@pytest.mark.slow(every=4)
@pytest.mark.browser
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_figures_of_a_chapter(path, opened, compare, drive, monkeypatch, root):
    notebook = nbformat.read(path, as_version=4)
    named = {content(plain) for cell in notebook.cells for plain, _ in stored_figures(cell)} - {None}
    changed = max(source.stat().st_mtime for source in (root / "nnlib" / "explore").glob("*.py"))
    files = [kept.FOLDER / name for name in named]
    if not all(file.exists() and file.stat().st_mtime > changed for file in files):  # the part `chapters` has not run since
        subprocess.run([sys.executable, "-m", "book.validate", str(path)], cwd=root, capture_output=True)
    monkeypatch.chdir(path.parent)
    figures, states, moves = sweep(notebook, opened, compare, drive)
    print(f"{path.stem}: {figures} figures, {states} states compared, {moves} moves")


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A notebook of one figure, which a cell has drawn; a name that it draws from means something else later."""
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    names = {"explore": explore, "height": 3.0, "__name__": "__main__"}
    exec("def draw(ax, w=1):\n    ax.plot([0, 1, 2], [0, w, height], color=\"red\")\n    ax.set_ylim(0, 20)", names)
    figure = explore(names["draw"], w=(0, 9))
    kept.keep(figure, figure.content, tmp_path)
    names["height"] = 5.0
    output = nbformat.v4.new_output("execute_result", data={"text/plain": repr(figure), "text/html": figure.html})
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("explore(draw, w=(0, 9))", outputs=[output])])


def test_what_cannot_be_kept_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    lines = (x for x in range(3))
    figure = explore(lambda ax, w=1: ax.plot([0, w], label=str(bool(lines))), w=(0, 3))
    with pytest.raises(TypeError) as told:
        kept.keep(figure, figure.content, tmp_path)
    assert "cannot be kept" in told.value.__notes__[0] and list(tmp_path.iterdir()) == []


def test_a_remembered_function_is_remembered_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    height = functools.lru_cache(3)(lambda w: 2 * w)
    figure = explore(lambda ax, w=1: ax.plot([0, height(w)]), w=(0, 3))
    kept.keep(figure, figure.content, tmp_path)
    again = kept.figure_of(figure.content, tmp_path)
    [cell] = [cell.cell_contents for cell in again.draw.__closure__]
    assert cell(4) == 8 and cell.cache_info() == (0, 1, 3, 1)


def test_an_operation_of_a_cell_is_kept_whole(monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    names = {"__name__": "__main__"}
    exec("""import nnlib
@nnlib.operation(elementwise=True)
def double(x):
    return 2 * x, lambda dy: (2 * dy,)
def draw(ax, w=1.0):
    ax.plot([0, double(w)])""", names)
    figure = explore(names["draw"], w=(0.0, 3.0, 1.0))
    kept.keep(figure, figure.content, tmp_path)
    again = kept.figure_of(figure.content, tmp_path)
    assert again.draw.__globals__["double"] is not names["double"] and again.draw.__globals__["double"](3.0) == 6


@pytest.fixture
def swept(small, opened, compare, drive, tmp_path):
    """Sweeps the small notebook, its HTML changed by a function."""

    def run(change=lambda html: html):
        data = small.cells[0].outputs[0].data
        html = change(data["text/html"])
        assert change.__name__ == "<lambda>" or html != data["text/html"], "nothing was changed"
        data["text/html"] = html
        return sweep(small, opened, compare, drive, tmp_path)

    return run


@pytest.mark.browser
def test_the_sweep_passes_and_counts(swept):
    assert swept() == (1, 3, 6)


@pytest.mark.browser
def test_the_sweep_passes_a_figure_without_controls(swept, small):
    still = explore(lambda ax: ax.plot([0, 1]))
    small.cells[0].outputs[0].data.update({"text/plain": repr(still), "text/html": still.html})
    assert swept() == (1, 0, 0)


@pytest.mark.browser
def test_the_sweep_catches_a_figure_that_no_cell_draws(swept, small):
    data = small.cells[0].outputs[0].data
    data["text/plain"] = data["text/plain"][:-8] + "0" * 8
    with pytest.raises(pytest.fail.Exception, match="cell 0: no cell draws .*0{8}: make chapters"):
        swept()


def colour(html):
    return html.replace("%23ff0000", "%23008000", 1)


def number(html):
    """Another last number of the last state, in the compressed form."""
    [old] = re.findall(r"[A-Za-z0-9+/]{100,}={0,2}", html)
    data = bytearray(zlib.decompress(base64.b64decode(old)))
    length = struct.unpack("<I", data[:4])[0]
    entry = next(e for e in json.loads(data[4 : 4 + length])["s"] if e["k"] in "nv")
    last = 4 + length + entry["o"] + entry["m"] * entry["n"] - 1
    data[last] = (data[last] + 10) % 256
    return html.replace(old, base64.b64encode(zlib.compress(bytes(data), 9)).decode())


@pytest.mark.browser
@pytest.mark.parametrize("change, what", [(colour, "stroke: #008000"), (number, "number .* instead of")])
def test_the_sweep_catches_a_wrong_picture(swept, change, what):
    with pytest.raises(AssertionError, match=what):
        swept(change)
