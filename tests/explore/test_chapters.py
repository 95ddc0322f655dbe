"""Every live figure of the book, as stored, against matplotlib's own drawing, moved by mouse and keyboard."""

import random
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

import nnlib.explore
from nnlib.explore import Explorer

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))
STATES = 8


def stored_figures(cell):
    """(text/plain, text/html) of the figures among a cell's stored outputs."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if 'class="explore"' in data.get("text/html", ""):
            found.append((data["text/plain"], data["text/html"]))
    return found


def sweep(notebook, opened, compare, drive, monkeypatch):
    """Run a notebook; check each of its figures while the names that it draws from have their values.

    Returns the number of figures, the number of states compared, and the number of moves.
    """
    made, explore = [], nnlib.explore.explore

    def recorded(*args, **kwargs):
        made.append(explore(*args, **kwargs))
        with monkeypatch.context() as kernel:  # the same figure as in a kernel
            kernel.delenv("EXPLORE_STATIC")
            live = explore(*args, **kwargs).live
        assert not live.error.value, live.error.value
        return made[-1]

    drawn = Explorer._static

    def undrawn(self):  # all states of all figures: nbval draws them again and compares their content
        return ("", "") if self.controls else drawn(self)

    def named(text, controls):
        return text.split(", content")[0] if controls else text

    monkeypatch.setattr(nnlib.explore, "explore", recorded)
    monkeypatch.setattr(Explorer, "_static", undrawn)
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    figures = states = moves = 0
    code = [(number, cell) for number, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    while code and "explore(" not in code[-1][1].source and not stored_figures(code[-1][1]):
        code.pop()  # nbval runs what follows the last figure
    try:
        for number, cell in code:
            made.clear()
            result = shell.run_cell(cell.source, store_history=False, silent=True)
            if "raises-exception" not in cell.metadata.get("tags", []):
                result.raise_error()
            plt.close("all")
            stored = stored_figures(cell)
            assert len(made) == len(stored), f"cell {number} stores {len(stored)} figures of {len(made)}: make chapters"
            for figure, (plain, _) in zip(made, stored, strict=True):
                controls = bool(figure.controls)
                assert named(repr(figure), controls) == named(plain, controls), f"cell {number}: make chapters"
            for figure, (_, html) in zip(list(made), stored, strict=True):
                figures += 1
                where = f"cell {number}, {figure.name}"
                watcher, [root] = opened(html)
                if figure.controls:
                    rng = random.Random(where)
                    sample = [figure.start, *rng.sample(range(figure.states), min(STATES, figure.states))]
                    for state in sample:
                        differences = compare(root, figure, state, style=[])["differences"]
                        assert differences == [], f"{where}, {figure.values(state)}: {differences[:3]}"
                    states += len(sample)
                    moves += drive(watcher.page, root, figure, style=[])
                else:
                    assert root.query_selector("img").evaluate("e => e.complete && e.naturalWidth > 0"), where
                assert watcher.errors == [] and watcher.external == [], where
                watcher.context.close()
    finally:
        InteractiveShell.clear_instance()
        plt.close("all")
    return figures, states, moves


def test_there_are_chapters():
    assert CHAPTERS, "no notebook below chapters/: the sweep would test nothing"


@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_the_figures_of_a_chapter(path, opened, compare, drive, monkeypatch):
    notebook = nbformat.read(path, as_version=4)
    monkeypatch.chdir(path.parent)
    with plt.rc_context():
        plt.rcdefaults()
        figures, states, moves = sweep(notebook, opened, compare, drive, monkeypatch)
    print(f"{path.stem}: {figures} figures, {states} states compared, {moves} moves")
    assert figures == sum(len(stored_figures(cell)) for cell in notebook.cells)


SOURCE = """\
from nnlib.explore import explore
def draw(ax, w=1):
    ax.plot([0, w], color=colour)
explore(draw, w=(0, 5))
"""


def small_notebook(monkeypatch, colour="red"):
    """A notebook of two cells with its outputs, made here."""
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    names = {"colour": colour}
    exec(SOURCE, names)
    figure = nnlib.explore.explore(names["draw"], w=(0, 5))
    output = nbformat.v4.new_output("execute_result", data={"text/plain": repr(figure), "text/html": figure.html})
    return nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell("colour = 'red'"), nbformat.v4.new_code_cell(SOURCE, outputs=[output]),
        nbformat.v4.new_code_cell("colour = 'blue'"),
    ])  # fmt: skip


def test_the_sweep_passes_and_counts(opened, compare, drive, monkeypatch):
    assert sweep(small_notebook(monkeypatch), opened, compare, drive, monkeypatch) == (1, 7, 6)


def test_the_sweep_catches_a_stale_output(opened, compare, drive, monkeypatch):
    notebook = small_notebook(monkeypatch)
    notebook.cells[1].source = notebook.cells[1].source.replace("(0, 5)", "(0, 6)")
    with pytest.raises(AssertionError, match="cell 1.*make chapters"):
        sweep(notebook, opened, compare, drive, monkeypatch)


def test_the_sweep_catches_a_wrong_picture(opened, compare, drive, monkeypatch):
    with pytest.raises(AssertionError, match="stroke: #ff0000"):
        sweep(small_notebook(monkeypatch, colour="green"), opened, compare, drive, monkeypatch)


def test_the_sweep_catches_a_missing_figure(opened, compare, drive, monkeypatch):
    notebook = small_notebook(monkeypatch)
    notebook.cells[1].outputs.clear()
    with pytest.raises(AssertionError, match="cell 1.*make chapters"):
        sweep(notebook, opened, compare, drive, monkeypatch)
