"""Static figures in a browser, and their comparison with matplotlib's own drawing of the same state."""

import importlib.util
import io
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from nnlib.explore import explore  # noqa: E402
from nnlib.explore.page import page as standalone  # noqa: E402
from nnlib.explore.render import RC  # noqa: E402

HERE = Path(__file__).parent
COMPARE = (HERE / "compare.js").read_text("utf-8").split("\n", 2)[2]  # without its comment


def _load(name):
    spec = importlib.util.spec_from_file_location(f"explore_{name}", HERE / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FIGURES = _load("figures").FIGURES


def pytest_generate_tests(metafunc):
    if "figure_name" in metafunc.fixturenames:
        metafunc.parametrize("figure_name", FIGURES)


@pytest.fixture
def static(monkeypatch):
    """Makes ``explore`` produce static figures, in the style of the book."""
    monkeypatch.setenv("EXPLORE_STATIC", "1")
    with plt.style.context("nnlib.book"):
        yield explore
    assert not plt.get_fignums(), "a figure was left open"


@pytest.fixture(scope="session")
def made():
    """The static figures of figures.py, each drawn once for the whole session."""
    cache = {}

    def make(name):
        if name not in cache:
            with pytest.MonkeyPatch.context() as patch, plt.style.context("nnlib.book"):
                patch.setenv("EXPLORE_STATIC", "1")
                cache[name] = explore(**FIGURES[name])
        return cache[name]

    return make


def reference_svg(figure, state):
    """matplotlib's own SVG of one state, made without any of explore's code."""
    with plt.rc_context(RC):
        drawn, axes = plt.subplots(**(figure.subplots or {}))
        figure.draw(axes, **figure.values(state))
        buffer = io.StringIO()
        drawn.savefig(buffer, format="svg")
        plt.close(drawn)
    return buffer.getvalue()


SET_STATE = """(root, indices) => {
    const inputs = [...root.querySelectorAll("input, select")];
    inputs.forEach((input, i) => {
        if (input.type == "checkbox") input.checked = !!indices[i];
        else if (input.tagName == "SELECT") input.selectedIndex = indices[i];
        else input.value = indices[i];
    });
    inputs[0].dispatchEvent(new Event("input", {bubbles: true}));
}"""


def indices(figure, state):
    found = []
    for control in reversed(figure.controls):
        state, index = divmod(state, len(control.values))
        found.insert(0, index)
    return found


@pytest.fixture(scope="session")
def compare():
    """Shows a state in the browser and compares it with matplotlib's: elements, differences, worst error in points."""

    def shown(root, figure, state, move=True, style="nnlib.book"):
        if move:
            root.evaluate(SET_STATE, indices(figure, state))
        with plt.style.context(style):
            reference = reference_svg(figure, state)
        return root.evaluate(COMPARE, reference)

    return shown


@pytest.fixture
def opened(watched, tmp_path):
    """Opens figures on one page of their own, from a file; returns the page's watcher and the figures' elements."""

    def open_page(*figures, fragment="", **options):
        path = tmp_path / "page.html"
        path.write_text(standalone(*(f if isinstance(f, str) else f.html for f in figures)), encoding="utf-8")
        watcher = watched(**options)
        watcher.page.goto(path.as_uri() + fragment)
        if options.get("java_script_enabled", True):
            watcher.page.wait_for_function(
                "document.querySelectorAll('.explore[data-ready]').length"
                " == document.querySelectorAll('.explore fieldset').length")
        return watcher, watcher.page.query_selector_all(".explore")

    return open_page
