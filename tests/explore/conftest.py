"""Static figures in a browser, and their comparison with matplotlib's own drawing of the same state."""

import functools
import importlib.util
import io
import itertools
import math
import random
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402

from nnlib.explore import explore  # noqa: E402
from nnlib.explore.encode import decompress  # noqa: E402
from nnlib.explore.page import page as standalone  # noqa: E402
from nnlib.explore.render import QUANTUM, RC  # noqa: E402

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


@pytest.fixture
def arguments():
    """What makes each figure of figures.py."""
    return FIGURES


@pytest.fixture(scope="session")
def made():
    """The static figures of figures.py, each drawn once for the whole session."""
    cache = {}

    def make(name):
        if name not in cache:
            with pytest.MonkeyPatch.context() as patch, plt.style.context("nnlib.book"):
                patch.setenv("EXPLORE_STATIC", "1")
                cache[name] = FIGURES[name]()
        return cache[name]

    return make


@functools.lru_cache(500)
def reference(figure, state):
    """matplotlib's own SVG of one state, and where its handles are, in quanta, made without any of explore's shortcuts."""
    values = figure.values(state)
    with figure.names.back(), plt.rc_context(RC):
        drawn, axes = plt.subplots(**(figure.subplots or {}))
        drawn.axes_made = drawn.axes
        figure.draw(axes, **values)
        buffer = io.StringIO()
        drawn.savefig(buffer, format="svg")
        places = [handle.place(drawn, values) for handle in figure.handles]
        plt.close(drawn)
    return buffer.getvalue(), places


def stored_places(root):
    """Where each handle is in each state, in quanta, as the page has it: ``[[(x, y), ...], ...]``."""
    head, block = decompress(root.query_selector(".explore-data").text_content())

    def integers(at):
        planes = np.frombuffer(block, np.uint8, 2 * head["n"], at).reshape(2, -1)
        return planes.T.copy().view("<i2").ravel().tolist()

    return [list(zip(integers(handle["x"]), integers(handle["y"]), strict=True)) for handle in head.get("h", ())]


READ_STATE = """root => [...root.querySelectorAll("input, select")].map(
    i => i.type == "checkbox" ? +i.checked : i.tagName == "SELECT" ? i.selectedIndex : +i.value)"""
SET_STATE = """(root, indices) => {
    const inputs = [...root.querySelectorAll("input, select")];
    inputs.forEach((input, i) => {
        if (input.type == "checkbox") input.checked = !!indices[i];
        else if (input.tagName == "SELECT") input.selectedIndex = indices[i];
        else input.value = indices[i];
    });
    inputs[0].dispatchEvent(new Event("input", {bubbles: true}));
}"""


def state_of(root, figure):
    """The state that the controls in the browser show."""
    return state_at(figure, root.evaluate(READ_STATE))


def state_at(figure, ks):
    """The state in which the controls have the values number ``ks``."""
    state = 0
    for control, k in zip(figure.controls, ks, strict=True):
        state = state * len(control.values) + k
    return state


def indices(figure, state):
    found = []
    for control in reversed(figure.controls):
        state, index = divmod(state, len(control.values))
        found.insert(0, index)
    return found


@pytest.fixture(scope="session")
def compare():
    """Shows a state in the browser and compares it with matplotlib's: elements, differences, worst error in points."""

    def shown(root, figure, state, move=True):
        if move:
            root.evaluate(SET_STATE, indices(figure, state))
        svg, _ = reference(figure, state)
        return root.evaluate(COMPARE, svg)

    return shown


def nearest(figure, number, places, state, point):
    """Distances of the states that a handle's controls reach from a state, nearest first: ``[(distance, state)]``."""
    moves = figure.handles[number].moves
    choices = [range(len(c.values)) if c.name in moves else [k]
               for c, k in zip(figure.controls, indices(figure, state), strict=True)]
    reached = [state_at(figure, ks) for ks in itertools.product(*choices)]
    return sorted((math.dist(places[s], point), s) for s in reached)


def grab(page, root, figure, number, places, compare, points):
    """Drag one handle to random points and press arrow keys on it; the number of moves. Each must be the right one.

    ``places`` are the stored ones; in each state that is shown they must be where matplotlib's own drawing has them.
    """
    handle, rng, moves = figure.handles[number], random.Random(number), 0
    element = root.query_selector_all(".explore-handle")[number]
    states = iter([figure.start, *random.Random(number).sample(range(figure.states), figure.states)])
    while not element.is_visible():  # a handle need not be there in every state
        root.evaluate(SET_STATE, indices(figure, next(states)))
    element.scroll_into_view_if_needed()
    box = root.query_selector("svg").bounding_box()
    width = float(root.query_selector("svg").get_attribute("viewBox").split()[2])
    scale = box["width"] / width / QUANTUM  # CSS pixels for a quantum

    def screen(point):
        return box["x"] + point[0] * scale, box["y"] + point[1] * scale

    def shown(state, what):
        result = compare(root, figure, state, move=False)
        assert result["differences"] == [], f"{what}: {result['differences'][:3]}"
        _, drawn = reference(figure, state)
        assert drawn[number] == places[state], f"{what}: the handle is stored elsewhere"
        lies = element.bounding_box()
        middle = lies["x"] + lies["width"] / 2, lies["y"] + lies["height"] / 2
        assert math.dist(middle, screen(places[state])) < 1, f"{what}: the handle lies elsewhere"

    for _ in range(points):
        before = state_of(root, figure)
        if not element.is_visible():
            break
        others = [root.query_selector_all(".explore-handle")[k] for k in range(len(figure.handles)) if k != number]
        for other in others:  # what lies on top is another test's
            other.evaluate("e => e.style.visibility = 'hidden'")
        target = (box["x"] + box["width"] * rng.uniform(0.05, 0.95), box["y"] + box["height"] * rng.uniform(0.05, 0.95))
        page.mouse.move(*screen(places[before]))
        page.mouse.down()
        page.mouse.move(*target, steps=3)
        page.mouse.up()
        for other in others:
            other.evaluate("e => e.style.visibility = ''")
        after = state_of(root, figure)
        point = (target[0] - box["x"]) / scale, (target[1] - box["y"]) / scale
        ranked = nearest(figure, number, places, before, point)
        here = next(d for d, s in ranked if s == after)
        assert here <= ranked[0][0] + 1 / scale, f"{handle.name}: {figure.values(after)} is not the nearest"
        shown(after, f"{handle.name}: dragged to {target}")
        moves += 1
    for key, by in {"ArrowLeft": (-1, 0), "ArrowRight": (1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}.items():
        before = state_of(root, figure)
        if not element.is_visible():
            break
        element.focus()
        page.keyboard.press(key)
        after = state_of(root, figure)
        if after != before:
            changed = [c.name for c, a, b in zip(figure.controls, indices(figure, before), indices(figure, after), strict=True)
                       if a != b]
            assert len(changed) == 1 and changed[0] in handle.moves, f"{handle.name}: {key} moves {changed}"
            here, there = places[before], places[after]
            along = sum((b - a) * d for a, b, d in zip(here, there, by, strict=True))
            assert along >= -0.38 * math.dist(here, there) - 1e-9, f"{handle.name}: {key} goes the other way"
            shown(after, f"{handle.name}: {key}")
            moves += 1
    assert moves, f"{handle.name} cannot be moved"
    return moves


@pytest.fixture(scope="session")
def drive(compare):
    """Moves every control of a figure by keyboard and by mouse; each move must change the state and show it right.

    Returns the number of moves; raises AssertionError at the first wrong one.
    """

    def each(page, root, figure, points=4):
        moves = 0

        def move(what, act):
            nonlocal moves
            before = state_of(root, figure)
            act()
            after = state_of(root, figure)
            assert after != before, f"{what} did not move the figure"
            result = compare(root, figure, after, move=False)
            assert result["differences"] == [], f"{what}, {figure.values(after)}: {result['differences'][:3]}"
            moves += 1

        inputs = root.query_selector_all("input, select")
        stored = stored_places(root)
        assert len(stored) == len(figure.handles)
        for number, places in enumerate(stored):
            moves += grab(page, root, figure, number, places, compare, points)
        assert len(inputs) == len(figure.controls)
        for control, element in zip(figure.controls, inputs, strict=True):
            if len(control.values) == 1:
                continue
            hidden = element.evaluate("e => e.hidden")  # few choices: buttons stand for it
            visible = element.evaluate_handle("e => e.parentNode").as_element() if hidden else element
            visible.scroll_into_view_if_needed()
            box = visible.bounding_box()
            left, right, y = box["x"] + 3, box["x"] + box["width"] - 3, box["y"] + box["height"] / 2

            def press(key):
                element.focus()  # noqa: B023
                page.keyboard.press(key)

            def drag():
                page.mouse.move(left, y)  # noqa: B023
                page.mouse.down()
                page.mouse.move(right, y, steps=6)  # noqa: B023
                page.mouse.up()

            name = control.name
            if control.kind == "check":
                move(f"{name}: Space", lambda: press("Space"))
                move(f"{name}: click", lambda: page.mouse.click((left + right) / 2, y))
            elif hidden:
                buttons = element.evaluate_handle("e => e.parentNode.querySelector('.explore-segments')")
                buttons = buttons.as_element().query_selector_all("button")
                for index in [*range(1, len(buttons)), 0]:
                    if index != element.evaluate("e => e.selectedIndex"):
                        move(f"{name}: button {index}", buttons[index].click)  # noqa: B023

                def arrow():
                    buttons[0].focus()  # noqa: B023
                    page.keyboard.press("ArrowRight")

                if element.evaluate("e => e.selectedIndex") != 1:
                    move(f"{name}: arrow key on buttons", arrow)
            elif control.kind == "select":
                last = element.evaluate("e => e.selectedIndex == e.length - 1")
                move(f"{name}: arrow key", lambda: press("ArrowUp" if last else "ArrowDown"))
                index = (element.evaluate("e => e.selectedIndex") + 1) % len(control.values)
                move(f"{name}: choice", lambda: element.select_option(index=index))
            else:
                if element.input_value() == "0":
                    move(f"{name}: End", lambda: press("End"))
                move(f"{name}: Home", lambda: press("Home"))
                move(f"{name}: ArrowRight", lambda: press("ArrowRight"))
                if len(control.values) > 2:  # a click on the thumb itself would move nothing
                    move(f"{name}: End", lambda: press("End"))
                move(f"{name}: click", lambda: page.mouse.click(left, y))
                move(f"{name}: drag", drag)
        return moves

    return each


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
