"""Handles, goals and words that move figures: in Python what is refused, in a browser what the reader does."""

import html
import os
import random
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from playwright.sync_api import expect

from nnlib.explore import explore
from nnlib.explore.controls import Control
from nnlib.explore.page import page as standalone
from nnlib.explore.sphinx import head_of
from tests.conftest import again


def dot(ax, w=1.0, b=0.0, f="a"):
    ax.plot([w], [b], "o")
    ax.set(xlim=(-3, 3), ylim=(-3, 3))


CONTROLS = dict(w=(-2.0, 2.0, 0.5), b=(-2.0, 2.0, 0.5), f=["a", "b"])


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (dict(drag={"p": ("w", "c")}), ValueError, "names 'c', which is no control; the controls are w, b, f"),
        (dict(drag={"p": ("w", lambda c: c)}), ValueError, "names 'c', which is no control"),
        (dict(drag={"p": "w"}), ValueError, "must give two coordinates, got 'w'"),
        (dict(drag={"p": ("w", None)}), TypeError, "None is no coordinate"),
        (dict(drag={"p": ("f", 0.0)}), ValueError, "its values are no numbers"),
        (dict(drag={"p": (1.0, lambda w: w)}), ValueError, "moves no control"),
        (dict(drag={"p": dict(at=("w", 0.0), move="w")}), ValueError, "a handle is one of"),
        (dict(drag={"p": dict(at=("w", 0.0), ax=2)}), ValueError, "on axes 2 of 1"),
        (dict(drag={"p": dict(at=("w", 0.0), ax=-1)}), TypeError, "counted from 0"),
        (dict(drag=("w", "b")), TypeError, "drag= is a dict of handles"),
        (dict(goals={"G": 3}), TypeError, "must be a function"),
        (dict(goals={"G": (lambda w: w, "hint", 1)}), TypeError, "must be a text with a function"),
        (dict(goals={"G": lambda q: q}), ValueError, "names 'q', which is no control"),
        (dict(goals={"G": lambda w: w > 9}), ValueError, "no state reaches the goal 'G'"),
        (dict(goals={"G": lambda w: w == 1}), ValueError, "starts with its goal 'G' reached"),
        (dict(goals={"G": bool}), TypeError, "expects a function that names its values"),
        (dict(goals={"G": lambda w, /: w > 1}), TypeError, "gets its values by name: leave out the / behind w"),
        (dict(drag={"p": ("w", lambda w, /: w)}), TypeError, "gets its values by name: leave out the / behind w"),
        (dict(drag={"p": ("w", "b")}, subplots=dict(subplot_kw=dict(projection="3d"))), ValueError, "three dimensions"),
        (dict(drag={"p": dict(at=("w", 0.0), moves=5)}), TypeError, "moves expects names of controls, got 5"),
        (dict(drag={3: ("w", 0.0)}), TypeError, "expects a text that says what the handle is, got 3"),
        (dict(play="q"), ValueError, "play names 'q', which is no control"),
    ],
)
def test_what_does_not_fit_is_refused(static, arguments, error, words):
    with pytest.raises(error, match=re.escape(words)):
        static(dot, **CONTROLS, **arguments)


@pytest.mark.parametrize("arguments, words", [
    *((dict(goals={"G": lambda w, v=v: v}), f"goals={{'G': ...}} expects True or False, got {v!r}")
      for v in (None, float("nan"), "no", np.ones(2))),
    *((dict(drag={"p": ("w", lambda w, v=v: v)}), f"drag={{'p': ...}} expects two numbers, got [{{}}, {v!r}]")
      for v in (None, 1j, np.complex128(1j), "0.5", np.ones(2))),
    (dict(drag={"p": dict(at=("w", 0.0), ax=9)}), "drag={'p': ...} is on axes 9 of 1"),
])  # fmt: skip
def test_what_does_not_fit_a_state_is_named_in_both_modes(static, monkeypatch, arguments, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words.replace("{}", "-2.0"))):
        static(dot, **CONTROLS, **arguments)
    monkeypatch.setenv("EXPLORE_STATIC", "0")
    assert words.replace("{}", "1.0") in html.unescape(static(dot, **CONTROLS, **arguments).live.error.value)


def test_functions_of_a_state_get_the_values_that_they_name(static):
    goals = {"one": lambda f, **others: f == "b" and others == dict(w=1.0, b=0.0), "two": lambda c, **w: w["w"] == -2 and c == 7}
    figure = static(lambda ax, w=1.0, b=0.0, f="a", c=7: ax, **CONTROLS, goals=goals, describe=lambda b: f"height {b}",
                    drag={"p": dict(at=("w", 0.0), ax=np.int64(0))})  # fmt: skip
    assert 'alt="height 0.0"' in figure.html
    assert "w 1.0, b 0.0, f a" in static(dot, **CONTROLS, describe="w {w}, b {b}, f {f}".format).html


def test_a_drawing_function_that_hides_its_parameters_is_named(static):
    with pytest.raises(ValueError, match=r"int\(\) must take the axes as its first argument"):
        static(int, w=[1, 2])


def test_a_control_may_be_called_draw(static):
    assert static(lambda ax, draw=1: ax.plot([0, draw]), draw=[1, 2]).states == 2


@pytest.mark.parametrize("spec", [("w", "w"), dict(at=("w", "b"), moves=("w", "w"))], ids=str)
def test_a_handle_moves_each_control_once(static, spec):
    assert [h["m"] for h in head_of(static(dot, **CONTROLS, drag={"p": spec}).html)["h"]] == [[0]]


@pytest.mark.parametrize("own", [dict(labels={"on": True, "off": False}), dict(subplots={"one": 1}), dict(keep_colours=True),
                                 dict(title="a"), dict(play="w")], ids=str)  # fmt: skip
def test_a_parameter_that_may_be_meant_by_explores_own_is_refused(static, own):
    [name] = own
    scope = {}
    for default in ("", "=None"):
        exec(f"def draw(ax, w=1, *, {name}{default}): ...", scope)
        with pytest.raises(TypeError, match=f"explore: {name}= is .* rename this parameter of the drawing function"):
            static(scope["draw"], w=[1, 2], **own)
    assert static(scope["draw"], w=[1, 2]).states == 2, "the parameter keeps its default"


@pytest.mark.parametrize("typed", ["\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"])
def test_names_are_read_as_python_reads_them(static, typed):
    scope = {}
    exec(f"def draw(ax, {typed}=1.0, b=0.0): ax.plot([{typed}], [b])", scope)
    figure = static(scope["draw"], **eval(f"dict({typed}=[1.0, 2.0], b=[0.0, 1.0])"), labels={typed: "the mean"}, play=typed,
                    drag={"it": (typed, "b"), "its foot": dict(at=(typed, 0.0), moves=(typed, "b"))})  # fmt: skip
    assert figure.controls[0].label == "the mean" and figure.heads()[2] == 0
    assert [h.moves for h in figure.handles] == 2 * [["\N{GREEK SMALL LETTER MU}", "b"]]


@pytest.mark.parametrize("name", ["title", "describe", "labels", "subplots", "drag", "goals", "play", "keep_colours"])
def test_a_control_with_a_name_of_explores_own_is_refused(static, name):
    with pytest.raises(TypeError, match=f"explore: {name}= is .* rename this parameter of the drawing function"):
        static(lambda ax, **kwargs: None, **{name: (0, 4)})


def test_numbers_shown_are_numbers_drawn():
    shown = Control("w", (-2.1, 2.1, 0.7))
    assert [repr(v) for v in shown.values] == ["-2.1", "-1.4", "-0.7", "0.0", "0.7", "1.4", "2.1"]
    assert Control("w", np.linspace(0, 1, 11)).values == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    small = Control("w", (1e-11, 5e-11, 1e-11))
    assert small.values == [1e-11, 2e-11, 3e-11, 4e-11, 5e-11] and len(set(small.labels)) == 5
    assert Control("w", (0.0, 1.0, 1 / 3)).values == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert Control("w", (0.0, 0.3, 0.1)).values == [0.0, 0.1, 0.2, 0.3]
    assert Control("w", [np.pi, 1.0]).values == [np.pi, 1.0]
    close = Control("w", [1.0, 1.0000001, 1.0000002])
    assert len(set(close.labels)) == 3
    assert Control("w", [-0.0, 1.0]).labels == ["0", "1"]
    with pytest.raises(ValueError, match="two values of the control w are both shown as '1'"):
        Control("w", [1, 1, 2])
    with pytest.raises(ValueError, match="both shown as"):
        Control("w", {1: "a", "1": "b"})


def test_arrays_can_be_choices_and_show_leaves_nothing_behind(static):
    import matplotlib.pyplot as plt

    A, B = np.arange(3.0), np.ones(3)

    def shows(ax, data=A):
        ax.plot(data)
        plt.show()

    assert static(shows, data={"A": A, "B": B}).states == 2
    assert static(lambda ax, data=B: ax.plot(data), data={"A": A, "B": B}).start == 1


@pytest.mark.parametrize("show", ["plt.show()", "plt.show(block=False)", "show()", "pylab_show()", "ax.figure.show()"])
@pytest.mark.parametrize("where", ["1", "0"], ids=["static", "in a kernel"])
def test_nothing_is_shown_by_a_drawing_function(show, where, monkeypatch, recwarn):
    import matplotlib.pyplot as plt
    from matplotlib.backends import backend_agg
    from matplotlib.pylab import show as pylab_show

    monkeypatch.setenv("EXPLORE_STATIC", where)
    shown = []
    monkeypatch.setattr(plt._get_backend_mod(), "show", lambda *a, **k: shown.append("pyplot"))
    monkeypatch.setattr(backend_agg.FigureCanvasAgg.manager_class, "show", lambda self: shown.append("figure"))
    names = {"plt": plt, "show": plt.show, "pylab_show": pylab_show}
    exec(f"def draw(ax, w=1):\n    ax.plot([0, w])\n    {show}", names)
    figure = explore(names["draw"], w=[1, 2, 3])
    assert shown == [] and not list(recwarn) and not (figure.live and figure.live.error.value)
    plt.show()
    assert shown == ["pyplot"]


@pytest.mark.parametrize("where", ["1", "0"], ids=["static", "in a kernel"])
def test_nothing_is_displayed_by_a_drawing_function(where):
    code = """from nnlib.explore import explore
def draw(ax, w=1):
    ax.plot([0, w])
    display(ax.figure, "a text")
explore(draw, w=[1, 2, 3])
display("after")"""
    run = subprocess.run([sys.executable, "-m", "IPython", "--colors=NoColor", "-c", code],
                         text=True, capture_output=True, env={**os.environ, "EXPLORE_STATIC": where})
    assert run.stdout.split("\n", 1)[0] == "'after'", run.stdout + run.stderr


def test_what_a_drawing_function_prints_is_printed_once(static, capsys):
    static(lambda ax, w=2: print("state", w), w=[1, 2, 3])
    assert capsys.readouterr().out == "state 2\n"


ANYWHERE, GROWING = np.random.default_rng(0), []


@pytest.mark.parametrize("draw", [
    lambda ax, w: ax.plot(np.random.normal(size=3)),
    lambda ax, w: ax.plot(w + ANYWHERE.normal(size=3)),
    lambda ax, w: ax.set_title(str(random.random())),
    lambda ax, w: GROWING.append(w) or ax.plot(GROWING),
    lambda ax, w: ax.imshow(ANYWHERE.normal(size=(4, 4))),
], ids=["global", "generator", "random", "list", "image"])
def test_a_picture_that_does_not_follow_from_its_values_is_refused(draw, static):
    with pytest.raises(ValueError, match="lambda draws another picture when it is given the same values again") as caught:
        static(draw, w=[1.0, 2.0])
    assert caught.value.__notes__ == ["explore: this happened in the state w=1.0"]
    assert static(lambda ax, w: ax.plot(np.random.default_rng(0).normal(size=3)), w=[1.0, 2.0]).states == 2


@pytest.mark.parametrize("order", [[0], [1], [0, 1]])
def test_a_handle_stays_with_its_axes_when_others_are_removed(static, order):
    def draw(axes, w=1.0):
        for k in order:
            axes[k].remove()
        axes[2].set(xlim=(0, 2), ylim=(0, 2))

    figure = static(draw, w=(0.0, 2.0, 1.0), subplots=dict(ncols=3), drag={"p": dict(at=("w", 1.0), ax=2)})
    [handle] = figure.handles
    with figure.drawn({"w": 1.0}) as drawing:
        x, y = handle.points(drawing, [{"w": 1.0}])[0]
        box = drawing.axes_made[2].get_position()
        assert x == pytest.approx(72 * drawing.get_figwidth() * (box.x0 + box.x1) / 2)
    handle.ax = order[0]
    with figure.drawn({"w": 1.0}) as drawing:
        assert np.isnan(handle.points(drawing, [{"w": 1.0}])).all()


@pytest.mark.parametrize("rasterized", [False, True])
def test_colour_bars_meshes_and_pixels_draw(static, opened, compare, rasterized):
    def mesh(ax, k=1.0):
        shown = ax.pcolormesh(np.outer(np.arange(4), np.arange(5)) * k, rasterized=rasterized)
        ax.figure.colorbar(shown, ax=ax)

    figure = static(mesh, k=(1.0, 2.0, 0.2))
    _, [root] = opened(figure)
    for state in (0, 3, figure.start):
        assert compare(root, figure, state)["differences"] == []


@pytest.mark.parametrize("mode", ["1", "0"])
@pytest.mark.parametrize("text, words", [
    ("神经元", "DejaVu Sans has no 元 神 经: a browser"),
    ("$损失 x$", "the font of formulas has no 失 损: in their place stands ¤"),
])  # fmt: skip
def test_letters_that_the_font_lacks_are_told_once_for_each_figure(mode, text, words, monkeypatch):
    monkeypatch.setenv("EXPLORE_STATIC", mode)
    for _ in range(2):
        with pytest.warns(UserWarning) as told:
            figure = explore(lambda ax, k=1.0: ax.set_title(text), k=(1.0, 2.0, 0.2))
            if figure.live:
                figure.live.redraw()
        [one] = told
        assert str(one.message).startswith(f"explore: {words}")


def test_an_old_browser_keeps_the_picture_and_is_told(made, watched, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(standalone(made("line").html), encoding="utf-8")
    window = watched()
    window.context.add_init_script("delete window.DecompressionStream")
    window.page.goto(path.as_uri())
    root = window.page.locator(".explore")
    assert root.locator("p").last.inner_text() == "The controls of this figure need a newer browser."
    assert root.locator("img").evaluate("e => e.complete && e.naturalWidth > 0") and window.errors == []


def test_pages_carry_style_and_script_once(made):
    page = standalone(*(made(name).html for name in ("line", "bars")))
    assert page.count("<style>") == 1 and page.count("<script>") == 1
    assert "<style" not in made("line").html and "<script>" not in made("line").html


def settles(page, read, wanted):
    """Wait, frame by frame, until what is read is what is wanted."""
    for _ in range(3600):
        if read() == wanted:
            return
        page.evaluate("new Promise(requestAnimationFrame)")
    assert read() == wanted


def values_of(root, figure):
    indices = root.evaluate("r => [...r.querySelectorAll('input, select')].map("
                            "i => i.tagName == 'SELECT' ? i.selectedIndex : +i.value)")
    return {c.name: c.values[i] for c, i in zip(figure.controls, indices, strict=True)}


def test_a_finger_moves_a_handle_and_targets_are_large(made, opened):
    figure = made("grabbed")
    watcher, [root] = opened(figure, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = watcher.page
    handle = root.query_selector(".explore-handle")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    assert box["width"] >= 44 and box["height"] >= 44
    assert handle.evaluate("e => getComputedStyle(e).touchAction") == "none"
    assert root.query_selector(".explore-picture").evaluate("e => getComputedStyle(e).touchAction") == "auto"
    session = watcher.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = values_of(root, figure)
    for kind, points in (("touchStart", [dict(x=x, y=y)]), ("touchMove", [dict(x=x - 40, y=y - 20)]), ("touchEnd", [])):
        session.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=points))
    page.wait_for_function("() => !document.querySelector('[data-held]')")
    after = values_of(root, figure)
    assert after["px"] < before["px"] and after["py"] > before["py"] and after["rate"] == before["rate"]


def test_a_second_finger_takes_its_own_handle_and_the_first_lets_go(made, opened):
    figure = made("grabbed")
    watcher, [root] = opened(figure, viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    session = watcher.context.new_cdp_session(watcher.page)
    point, *_, rate = root.query_selector_all(".explore-handle")
    point.scroll_into_view_if_needed()

    def finger(handle, identity):
        box = handle.bounding_box()
        return dict(x=box["x"] + box["width"] / 2, y=box["y"] + box["height"] / 2, id=identity)

    one, two, before = finger(point, 1), finger(rate, 2), values_of(root, figure)
    moved = dict(one, x=one["x"] - 40)
    for kind, points in (("touchStart", [one]), ("touchStart", [one, two]), ("touchMove", [moved, two])):
        session.send("Input.dispatchTouchEvent", dict(type=kind, touchPoints=points))
    assert values_of(root, figure) == before
    session.send("Input.dispatchTouchEvent", dict(type="touchMove", touchPoints=[moved, dict(two, x=two["x"] - 60)]))
    session.send("Input.dispatchTouchEvent", dict(type="touchEnd", touchPoints=[]))
    watcher.page.wait_for_function("() => !document.querySelector('[data-held]')")
    after = values_of(root, figure)
    assert after["rate"] < before["rate"] and {**after, "rate": 0} == {**before, "rate": 0}


def test_handles_are_sliders_to_a_screen_reader(made, opened):
    watcher, [root] = opened(made("grabbed"))
    handle = root.query_selector(".explore-handle")
    assert [handle.get_attribute(a) for a in ("role", "aria-label", "aria-valuetext", "tabindex")] == [
        "slider", "the point", "px 1, py 0.5", "0"]
    handle.focus()
    watcher.page.keyboard.press("ArrowUp")
    assert handle.get_attribute("aria-valuetext") == "px 1, py 1.0"
    watcher.page.keyboard.press("Home")
    assert handle.get_attribute("aria-valuetext") == "px −2, py 1.0"


def test_a_goal_is_ticked_by_hand_and_remembered(made, opened):
    figure = made("grabbed")
    watcher, [root] = opened(figure)
    page = watcher.page
    goals = root.query_selector_all(".explore-goal")
    assert [g.inner_text() for g in goals] == ["Put the point at the top.", "Find the smallest rate."]
    root.query_selector_all(".explore-handle")[3].focus()
    page.keyboard.press("Home")
    page.wait_for_selector(".explore-goal[data-reached]")
    assert [g.get_attribute("data-reached") for g in goals] == [None, ""]
    assert goals[1].text_content() == "Found: Find the smallest rate."
    key = goals[1].get_attribute("data-goal")
    assert page.evaluate("k => localStorage.getItem('nn:goal:' + k)", key) == "1" and re.fullmatch(r"grabbed-\w{6}", key)
    again(page.reload, partial(expect(page.locator(".explore-goal[data-reached]")).to_have_count, 1))


def test_goals_work_without_storage_and_passing_through_is_no_find(made, opened):
    figure = made("grabbed")
    watcher, [root] = opened(figure)
    page = watcher.page
    page.evaluate("Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})")
    page.evaluate("""() => { const s = document.querySelectorAll('input')[1];
        for (const v of ['4', '2']) { s.value = v; s.dispatchEvent(new Event('input', {bubbles: true})); } }""")
    page.evaluate("new Promise(done => setTimeout(done, 500))")  # nothing may happen: that takes time to see
    assert page.locator(".explore-goal[data-reached]").count() == 0
    page.evaluate("""() => { const s = document.querySelectorAll('input')[1];
        s.value = '4'; s.dispatchEvent(new Event('input', {bubbles: true})); }""")
    page.wait_for_selector(".explore-goal[data-reached]")
    assert watcher.errors == []


def test_a_handle_that_keys_move_out_of_the_picture_stays_in_reach(static, opened):
    def draw(ax, k=1):
        ax.plot([k], [0.5], "o")
        ax.set(xlim=(-5, 5), ylim=(0, 1))

    figure = static(draw, k=(-9, 9), drag={"the point": ("k", 0.5)})
    watcher, [root] = opened(figure)
    handle = root.query_selector(".explore-handle")
    handle.focus()
    watcher.page.keyboard.press("End")
    assert values_of(root, figure) == {"k": 9} and handle.is_visible()
    box, picture = handle.bounding_box(), root.query_selector(".explore-picture").bounding_box()
    assert box["x"] + box["width"] / 2 <= picture["x"] + picture["width"] + 1
    watcher.page.keyboard.press("ArrowLeft")
    assert values_of(root, figure) == {"k": 8}
    root.query_selector("input").focus()
    handle.wait_for_element_state("hidden")


def test_after_a_reload_the_reader_is_where_he_was(made, opened):
    space = '<p style="height: 3000px">Text</p>'
    watcher, [root] = opened(made("line"), space)
    page = watcher.page
    page.click("text=Link to this state")

    def visit():  # where the reader is, a browser notes in its own time
        page.evaluate("scrollTo(0, 2000)")
        page.reload()
        page.wait_for_selector(".explore[data-ready]")

    again(visit, partial(page.wait_for_function, "scrollY == 2000"))
    page.evaluate("new Promise(done => setTimeout(done, 300))")  # nothing may happen: that takes time to see
    assert page.evaluate("scrollY") == 2000


WORD = '<p><a class="explore-word" href="#explore=grabbed&amp;px=-1&amp;f=square">left</a></p>'


@pytest.mark.parametrize("calm", [False, True])
def test_a_word_moves_the_figure_and_back_returns(made, opened, compare, calm):
    figure = made("grabbed")
    watcher, [root] = opened(WORD, figure, **(dict(reduced_motion="reduce") if calm else {}))
    page = watcher.page
    start = values_of(root, figure)
    length, address, scroll = page.evaluate("[history.length, location.href, scrollY]")
    page.dblclick("text=left")  # the second click is no other start
    page.wait_for_function("() => document.querySelector('input').value == '1'")
    settles(page, lambda: values_of(root, figure), start | {"px": -1.0, "f": "square"})
    assert page.evaluate("[history.length, location.href, scrollY]") == [length, address, scroll]
    under = "() => [...document.querySelectorAll('.explore-tools > *')].filter(e => !e.hidden).map(e => e.offsetLeft)"
    places = page.evaluate(under)
    page.click("text=Back")
    assert page.evaluate(under) == places[:-1], "nothing comes to stand under the pointer"
    page.wait_for_function("() => document.querySelector('input').value == '3'")
    settles(page, lambda: values_of(root, figure), start)
    page.wait_for_selector("text=Back", state="hidden")
    page.keyboard.press("Enter")  # once more: it is no Reset
    settles(page, lambda: values_of(root, figure), start)
    assert page.evaluate("document.activeElement.closest('fieldset') !== null")
    assert compare(root, figure, figure.start, move=False)["differences"] == []
    assert page.locator(".explore-goal[data-reached]").count() == 0


def test_few_choices_are_buttons(made, opened):
    watcher, [root] = opened(made("grabbed"))
    buttons = root.query_selector_all(".explore-segments [role=radio]")
    assert [b.inner_text() for b in buttons] == ["sine", "square"]
    assert all(b.bounding_box()["height"] >= 24 for b in buttons)
    assert [b.get_attribute("aria-checked") for b in buttons] == ["true", "false"]
    buttons[0].focus()
    watcher.page.keyboard.press("ArrowRight")
    assert [b.get_attribute("aria-checked") for b in buttons] == ["false", "true"]


@pytest.mark.parametrize("width", [390, 1280])
def test_choices_stand_in_one_row(static, opened, width):
    def draw(ax, lr=0.1, search="grid"):
        ax.plot([0, 1])

    figure = static(draw, lr=(0.1, 1.0, 0.1), search=["by hand", "grid", "random", "Bayesian"], labels=dict(lr="learning rate"))
    watcher, _ = opened(figure, viewport={"width": width, "height": 700})
    tops = "[...document.querySelectorAll('.explore-segments [role=radio]')].map(e => e.getBoundingClientRect().top)"
    assert len(set(watcher.page.evaluate(tops))) == 1


def test_choices_that_need_several_rows_fill_them(static, opened):
    def draw(ax, kind="many to one"):
        ax.plot([0, 1])

    kinds = ["many to one", "one to many", "many to many, in step", "many to many, one after the other"]
    watcher, _ = opened(static(draw, kind=kinds), viewport={"width": 390, "height": 700})
    boxes = watcher.page.evaluate("""[...document.querySelectorAll('.explore-segments [role=radio]')].map(
        button => button.getBoundingClientRect().toJSON())""")
    rows = sorted({box["top"] for box in boxes})
    rights = [max(box["right"] for box in boxes if box["top"] == top) for top in rows]
    assert len(rows) > 1 and max(rights) - min(rights) < 1
    assert all(below - above == boxes[0]["height"] - 1 for above, below in zip(rows, rows[1:]))  # one border between them


def test_no_choice_of_four_stands_alone_below_the_others(static, opened):
    def draw(ax, pair="one, one more"):
        ax.plot([0, 1])

    pairs = ["one, one more", "mix, twice the mix", "two to one", "six-ring, two rings"]
    watcher, _ = opened(static(draw, pair=pairs))
    seen = set()
    for width in range(240, 760, 40):
        watcher.page.set_viewport_size({"width": width, "height": 700})
        tops = watcher.page.evaluate("""[...document.querySelectorAll('.explore-segments [role=radio]')].map(
            button => button.getBoundingClientRect().top)""")
        seen.add(tuple(map(tops.count, sorted(set(tops)))))
    assert {(4,), (2, 2)} <= seen <= {(4,), (2, 2), (2, 1, 1), (1, 1, 2), (1, 1, 1, 1)}


def test_after_back_slider_and_picture_agree(made, opened, compare, tmp_path):
    figure = made("bars")
    watcher, [root] = opened(figure)
    page = watcher.page
    page.focus("input")
    page.keyboard.press("Home")
    (tmp_path / "other.html").write_text("<!doctype html><title>Other</title><p>Other</p>")
    page.goto((tmp_path / "other.html").as_uri())
    page.go_back()
    page.wait_for_selector(".explore[data-ready]")
    root = page.query_selector(".explore")
    state = int(root.query_selector("input").input_value())
    assert compare(root, figure, state, move=False)["differences"] == []


def test_on_a_phone_axes_stand_one_below_the_other_and_handles_go_with_them(made, opened, compare):
    figure = made("grabbed")
    watcher, [root] = opened(figure, viewport={"width": 390, "height": 900})
    page = watcher.page
    picture = root.query_selector(".explore-picture").bounding_box()
    boxes = [h.bounding_box() for h in root.query_selector_all(".explore-handle")]
    assert boxes[3]["y"] > picture["y"] + picture["height"] / 2 > boxes[0]["y"]
    x, y = boxes[3]["x"] + 14, boxes[3]["y"] + 14
    before = values_of(root, figure)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 60, steps=3)
    page.mouse.up()
    after = values_of(root, figure)
    assert after["rate"] > before["rate"] and after["px"] == before["px"]
    page.set_viewport_size({"width": 1000, "height": 900})
    page.wait_for_function("() => !document.querySelector('.explore svg [transform^=translate]')?.closest('g[transform]')"
                           "|| document.querySelector('.explore svg').viewBox.baseVal.width > 500")
    state = next(s for s in range(figure.states) if figure.values(s) == after)
    assert compare(root, figure, state, move=False)["differences"] == []
