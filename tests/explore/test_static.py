"""The static figure in the browser: right in every state, whichever way the reader moves it."""

import gzip
import io
import random
import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image

from nnlib.explore import engine
from nnlib.explore.page import page as standalone

STATES = 6
PHONE = {"width": 390, "height": 800}
SEVEN = ["line", "field", "bars", "two_axes", "network", "autoscaled", "curves"]


def test_every_state_is_matplotlibs_own(figure_name, made, opened, compare):
    figure = made(figure_name)
    watcher, [root] = opened(figure)
    rng = random.Random(figure_name)
    states = {figure.start, 0, figure.states - 1, *rng.sample(range(figure.states), min(STATES, figure.states))}
    for state in [figure.start, *rng.sample(sorted(states), len(states)), figure.start]:
        result = compare(root, figure, state)
        assert result["differences"] == [], f"{figure.values(state)}: {result['differences'][:3]}"
        assert result["elements"] > 5
        assert result["worst"] <= 0.051  # half a quantum is 0.025
    assert watcher.errors == [] and watcher.external == []


def test_mouse_and_keyboard_move_every_control(figure_name, made, opened, drive):
    figure = made(figure_name)
    watcher, [root] = opened(figure)
    assert drive(watcher.page, root, figure) >= 2 * len(figure.controls)
    assert watcher.errors == [] and watcher.external == []


def shifted(values, state):
    """The first number of a path, a fifth of a point further."""
    values[state] = re.sub(r"[\d.]+", lambda m: f"{float(m[0]) + 0.2:.2f}", values[state], count=1)


def recoloured(values, state):
    values[state] = values[state].replace("stroke: #", "stroke: #f", 1)[: len(values[state])]


def reworded(values, state):
    values[state] += "!"


def exchanged(values, state):
    values[state] = next(v for v in values if v != values[state])


@pytest.mark.parametrize(
    "name, attribute, corrupt, message",
    [
        ("curves", "d", shifted, "number"),
        ("autoscaled", "d", exchanged, "number"),
        ("network", "style", recoloured, "stroke"),
        ("bars", "#text", reworded, "!"),
        ("field", "href", exchanged, "pixels differ"),
        ("two_axes", "x", shifted, "number"),
        ("crowd", "#inner", exchanged, "element"),
    ],
)
def test_a_corrupted_difference_is_caught(static, arguments, monkeypatch, opened, compare, name, attribute, corrupt, message
):
    later = 2  # states after the start
    original = engine.compare

    def corrupted(trees, start):
        tree, slots = original(trees, start)
        slot = next(s for s in slots if s.name == attribute and s.values[start + later])
        corrupt(slot.values, start + later)
        return tree, slots

    monkeypatch.setattr(engine, "compare", corrupted)
    figure = arguments[name]()
    watcher, [root] = opened(figure)
    found = compare(root, figure, figure.start + later)["differences"]
    assert found and any(message in f for f in found), found
    assert compare(root, figure, figure.start)["differences"] == []


def test_values_are_read_out(made, opened):
    watcher, [root] = opened(made("line"))
    slider, output = root.query_selector("input"), root.query_selector("output")
    assert output.inner_text() == "1" and slider.get_attribute("aria-valuetext") == "1"
    slider.focus()
    watcher.page.keyboard.press("Home")
    assert output.inner_text() == "−4" and slider.get_attribute("aria-valuetext") == "−4"
    names = root.query_selector_all("label > span:first-child, .explore-row > span:first-child")
    assert [e.inner_text() for e in names] == ["weight w", "bias b", "activation"]


def test_reset_restores_the_start(made, opened, compare):
    figure = made("line")
    watcher, [root] = opened(figure)
    compare(root, figure, 0)
    watcher.page.click("text=Reset")
    assert compare(root, figure, figure.start, move=False)["differences"] == []
    assert root.query_selector("output").inner_text() == "1"


def test_play_moves_the_first_slider_until_it_is_stopped(made, opened):
    watcher, [root] = opened(made("bars"))
    page, value = watcher.page, lambda: root.query_selector("input").input_value()
    page.clock.install()
    start = value()
    page.click("text=Play")
    page.clock.run_for(700)
    assert value() != start
    page.click("text=Pause")
    stopped = value()
    page.clock.run_for(3000)
    assert value() == stopped and page.is_visible("text=Play")
    page.click("text=Play")
    page.focus("input")
    page.keyboard.press("Home")
    page.clock.run_for(3000)
    assert value() == "0" and page.is_visible("text=Play"), "the reader's own move must stop it"


def test_reduced_motion_offers_steps(made, opened):
    watcher, _ = opened(made("bars"), reduced_motion="reduce")
    page = watcher.page
    assert page.query_selector("text=Play") is None
    before = int(page.input_value("input"))
    page.click("text=Step")
    assert int(page.input_value("input")) == before + 1


def test_the_link_leads_back_to_the_state(made, opened, compare):
    figure = made("line")
    watcher, [root] = opened(figure)
    state = 20
    compare(root, figure, state)
    watcher.page.click("text=Link to this state")
    watcher.page.wait_for_function("location.hash")
    fragment = watcher.page.evaluate("location.hash")
    assert fragment.startswith("#explore=line&w=-")
    watcher, [root] = opened(figure, fragment=fragment)
    assert compare(root, figure, state, move=False)["differences"] == []


def test_a_printed_power_is_typed_in_the_link(static, opened):
    def draw(ax, rate=1.0):
        ax.plot([0, 1], [0, rate])

    watcher, _ = opened(static(draw, rate=[-3e-5, 1e-9, 1.0, 2.0, 30.0]), fragment="#rate=1e-9")
    for shown, typed in (("10⁻⁹", "rate=1e-9"), ("−3·10⁻⁵", "rate=-3e-5")):
        watcher.page.wait_for_function("shown => document.querySelector('output').textContent == shown", arg=shown)
        watcher.page.click("text=Link to this state")
        watcher.page.wait_for_function("typed => location.hash.endsWith(typed)", arg=typed)
        watcher.page.evaluate("location.hash = '#rate=-0.00003'")
    assert watcher.errors == []


def test_each_value_has_a_link_of_its_own(static, opened):
    labels = [("3.1", "3.10"), ("1", "1.0"), ("1e3", "1000"), ("16", "0x10"), ("a-b", "a−b"), ("0", " "), ("(1, 1)", "(−1, −1)")]
    figure = static(lambda ax, **kwargs: ax.set_axis_off(), **{f"v{i}": list(row) for i, row in enumerate(labels)})
    watcher, _ = opened(figure)
    lost = watcher.page.evaluate("""async () => {
        const selects = [...document.querySelectorAll('select')], lost = [];
        const show = k => {
            for (const select of selects) select.selectedIndex = k;
            selects[0].dispatchEvent(new Event('input', {bubbles: true}));
        };
        for (const k of [1, 0]) {
            show(k);
            const {hash} = document.querySelector('.explore-tools a');
            show(1 - k);
            const changed = new Promise(done => addEventListener('hashchange', done, {once: true}));
            location.hash = hash;
            await changed;
            lost.push(...selects.filter(select => select.selectedIndex != k).map(select => select.options[k].text));
        }
        return lost;
    }""")
    assert lost == []


def test_long_choices_stand_in_one_row(static, opened):
    def draw(ax, kind="plain", start="th", w=0.0):
        ax.plot([0, 1], [0, w])

    kinds, starts = ["plain", "shortcut", "shortcut, last weights 0"], ["the gradien", "the loss of the", "th", "z"]
    watcher, _ = opened(static(draw, kind=kinds, start=starts, w=(0.0, 1.0, 0.1)), viewport={"width": 1280, "height": 900})
    tops = watcher.page.evaluate("""[...document.querySelectorAll('.explore-segments')].map(
        row => new Set([...row.querySelectorAll('button')].map(button => button.getBoundingClientRect().top)).size)""")
    assert tops == [1, 1]


def test_no_goal_ends_with_a_word_alone_in_its_line(static, opened):
    text = "Find a rate at which nearly all of the curves stay below 95 % of 1."
    window, _ = opened(static(lambda ax, w=1: ax.plot([0, w]), w=[1, 2, 3], goals={text: lambda w: w == 2}))
    alone = window.page.locator(".explore-goal").evaluate("""goal => {
        const text = goal.firstChild, words = [...text.data.matchAll(/[^ ]+/g)], found = [];
        const top = word => {
            const range = document.createRange();
            range.setStart(text, word.index);
            range.setEnd(text, word.index + 1);
            return range.getBoundingClientRect().top;
        };
        for (let width = 180; width < 420; width += 5) {
            goal.style.width = width + 'px';
            const [last, one] = words.reverse().map(top);
            words.reverse();
            if (last != one) found.push(width);
        }
        return found;
    }""")
    assert alone == []


def test_a_fragment_names_its_figure(made, opened):
    one, two = made("bars"), made("autoscaled")
    values = "[...document.querySelectorAll('output')].map(e => e.textContent)"
    watcher, _ = opened(one, two, fragment="#explore=bars&temperature=20&k=3")
    assert watcher.page.evaluate(values) == ["20", "1.00"]
    watcher.page.evaluate("location.hash = '#k=4.50&grid=on'")
    watcher.page.wait_for_function(f"{values}[1] == '4.50'")
    assert watcher.page.evaluate(values) == ["20", "4.50"] and watcher.page.is_checked("input[type=checkbox]")
    for nonsense in ("#k=17", "#k=", "#", "#section", "#explore=nobody&k=2", "#%E0%A4%A"):
        watcher.page.evaluate("""fragment => new Promise(done => {
            addEventListener("hashchange", done, {once: true});
            location.hash = fragment;
        })""", nonsense)
        assert watcher.page.evaluate(values) == ["20", "4.50"]
    assert watcher.errors == []


def test_figures_on_one_page_do_not_disturb_each_other(made, opened, compare):
    names = ["crowd", "scales", "field", "two_axes"]
    watcher, roots = opened(*map(made, names))
    ids = watcher.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    for name, root in zip(names, roots, strict=True):
        assert compare(root, made(name), made(name).states - 1)["differences"] == []
    for name, root in zip(names, roots, strict=True):
        assert compare(root, made(name), made(name).states - 1, move=False)["differences"] == []
    assert watcher.errors == []


def test_the_same_figure_may_stand_twice_on_a_page(made, opened, compare):
    figure = made("crowd")
    watcher, roots = opened(figure, figure, figure)
    for state, root in enumerate(roots):
        compare(root, figure, state)
    ids = watcher.page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    for state, root in enumerate(roots):
        assert compare(root, figure, state, move=False)["differences"] == []


def test_seven_figures_of_few_states_weigh_at_most_100_kb(made):
    page = standalone(*(made(name).html for name in SEVEN))
    assert len(gzip.compress(page.encode())) <= 100_000


def test_the_description_follows_the_state(made, opened):
    watcher, [root] = opened(made("bars"))
    page = watcher.page
    page.focus("input")
    page.keyboard.press("Home")
    page.wait_for_function("document.querySelector('[aria-live]').textContent == 'Five bars at temperature 0.1.'")
    assert page.get_attribute(".explore svg", "aria-label") == "Five bars at temperature 0.1."
    assert page.get_attribute(".explore", "role") == "group"


def test_without_javascript_the_start_figure_shows(made, opened):
    watcher, [root] = opened(made("line"), java_script_enabled=False)
    page = watcher.page
    assert page.locator("noscript p").bounding_box()["height"] > 10
    assert page.get_attribute("fieldset", "disabled") is not None and page.query_selector("button") is None
    box = page.query_selector("img").bounding_box()
    assert box["width"] == pytest.approx(614, abs=1) and box["height"] == pytest.approx(346, abs=1)
    pixels = np.asarray(Image.open(io.BytesIO(page.locator("img").screenshot())).convert("RGB"), dtype=int)
    blue = abs(pixels - [0x00, 0x72, 0xB2]).sum(axis=-1) < 40
    assert blue.sum() > 300, "the curve is not there"


@pytest.mark.parametrize("name", ["line", "field", "two_axes"])
def test_a_phone_shows_the_figure_readable_and_touch_moves_it(made, opened, name):
    watcher, [root] = opened(made(name), viewport=PHONE, has_touch=True)
    page = watcher.page
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    heights = page.evaluate(
        "[...document.querySelectorAll('.explore svg text')].map(t => { const m = t.getScreenCTM();"
        " const s = t.querySelector('tspan') || t;"
        " return parseFloat(getComputedStyle(s).fontSize) * Math.hypot(m.a, m.b); })")
    assert sorted(heights)[len(heights) // 2] >= 8
    scrolls = page.evaluate("(e => e.scrollWidth > e.clientWidth)(document.querySelector('.explore-scroll'))")
    assert not scrolls and page.get_attribute(".explore-scroll", "tabindex") is None
    view = page.evaluate("(v => [v.width, v.height])(document.querySelector('.explore svg').viewBox.baseVal)")
    assert (view[1] > view[0]) == (name == "two_axes"), "axes side by side stand one below the other"
    slider = root.query_selector("input")
    box, before = slider.bounding_box(), root.query_selector("output").inner_text()
    assert box["height"] >= 24
    page.touchscreen.tap(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    page.wait_for_function("v => document.querySelector('output').textContent != v", arg=before)


def test_print_shows_the_picture_alone(made, opened):
    watcher, [root] = opened(made("line"))
    page = watcher.page
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    assert not page.is_visible("fieldset") and not page.is_visible("text=Reset") and page.is_visible(".explore svg")
    assert page.evaluate("getComputedStyle(document.querySelector('.explore svg')).filter") == "none"


def darken(page):
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.add_style_tag(content="html, body { background: #14181e; color: #ced6dd }")


def luminance(pixels):
    """Relative luminance of sRGB pixels (WCAG 2.2)."""
    c = pixels / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize("name", ["line", "field", "bars", "network"])
def test_letters_have_contrast_aa(made, opened, name):
    watcher, [root] = opened(made(name), device_scale_factor=3)
    boxes = [text.bounding_box() for text in root.query_selector_all("svg text")]
    boxes = [{side: round(3 * length) for side, length in box.items()} for box in boxes if box["width"] >= 4]
    assert len(boxes) >= 5
    for dark in (False, True):
        if dark:
            darken(watcher.page)
        shot = Image.open(io.BytesIO(watcher.page.screenshot(full_page=True))).convert("RGB")
        for box in boxes:
            x, y = box["x"], box["y"]
            letters = luminance(np.asarray(shot.crop((x, y, x + box["width"], y + box["height"])), dtype=float))
            assert (np.median(letters) < 0.1) == dark, "the background is not the page's"
            assert (letters.max() + 0.05) / (letters.min() + 0.05) >= 4.5


def test_in_the_dark_the_figures_ground_is_the_pages_and_pictures_keep_their_colours_but_dimmed(made, opened):
    watcher, [root] = opened(made("picture"))
    page = watcher.page
    light = np.asarray(Image.open(io.BytesIO(page.locator(".explore-picture").screenshot())).convert("RGB"), dtype=int)
    darken(page)
    dark = np.asarray(Image.open(io.BytesIO(page.locator(".explore-picture").screenshot())).convert("RGB"), dtype=int)
    assert (light[3, 3] == 255).all() and (abs(dark[3, 3] - [0x14, 0x18, 0x1E]) <= 1).all()
    boxes = page.evaluate("""[...document.querySelectorAll('svg + svg > g[clip-path]')].map(g => {
        const rect = document.getElementById(g.getAttribute('clip-path').match(/#(.*?)\\)/)[1]).firstElementChild;
        return ['x', 'y', 'width', 'height'].map(a => rect.getAttribute(a) * 4 / 3);
    })""")
    assert len(boxes) >= 3
    for x, y, w, h in np.round(boxes).astype(int):
        inner = np.s_[y + 3 : y + h - 3, x + 3 : x + w - 3]
        assert light[inner].std() > 10 and (abs(0.88 * light[inner] - dark[inner]) <= 1).all()


@pytest.mark.parametrize("viewport", [{"width": 1200, "height": 900}, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing(made, opened, viewport):
    watcher, _ = opened(*(made(name) for name in ("line", "field", "bars", "two_axes")), viewport=viewport)
    watcher.page.add_style_tag(content="body { background: #fff; color: #222; font-family: sans-serif }")
    watcher.page.evaluate("document.querySelector('main').prepend(Object.assign(document.createElement('h1'), "
                          "{textContent: 'Figures'}))")
    for dark in (False, True):
        if dark:
            darken(watcher.page)
        results = Axe().run(watcher.page)
        assert results.violations_count == 0, results.generate_report()
        assert any(p["id"] == "label" for p in results.response["passes"])


def test_axe_can_fail(made, opened):
    watcher, _ = opened(made("bars"))
    watcher.page.evaluate("document.querySelector('label').replaceWith(document.querySelector('input'))")
    assert "label" in {v["id"] for v in Axe().run(watcher.page).response["violations"]}


def test_focus_is_visible(made, opened):
    watcher, [root] = opened(made("line"))
    page = watcher.page
    for _ in range(6):
        page.keyboard.press("Tab")
        style = page.evaluate("(e => [e.localName, getComputedStyle(e).outlineStyle, getComputedStyle(e).outlineWidth])"
                              "(document.activeElement)")
        assert style[1:] == ["solid", "2px"], style
