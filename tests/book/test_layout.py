"""How a chapter lies on the page: figures beside their text on wide screens, Story or Code, and on paper."""

import io
from functools import partial

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.book.test_answering import without_formulas
from tests.conftest import again

pytestmark = pytest.mark.browser
PAGE = "chapters/01_neurons.html"
READ = "JSON.parse(localStorage['nn:read:chapters/01_neurons'] || '{}')"


@pytest.fixture
def chapter(watched, html):
    def opened(width=1280, name=PAGE, formulas=False):
        window = watched(viewport={"width": width, "height": 900})
        if not formulas:
            without_formulas(window.context)
        window.page.goto((html / name).as_uri())
        window.page.wait_for_selector(".explore[data-ready]")
        window.page.evaluate("() => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(() => 0)")
        return window.page

    return opened


def test_on_a_wide_screen_a_figure_stays_in_view_beside_its_text(chapter):
    page = chapter(1600)
    group = next(g for g in page.query_selector_all(".beside") if g.query_selector(".beside-after > p"))
    text, figure = group.query_selector(".beside-after > p"), group.query_selector(":scope > .cell")
    text.evaluate("e => e.scrollIntoView({block: 'center', behavior: 'instant'})")
    left, right = text.bounding_box(), figure.bounding_box()
    assert left["x"] + left["width"] <= right["x"] and right["x"] + right["width"] <= 1600
    assert right["y"] < 900 and right["y"] + right["height"] > 0, "the figure has left the window"


def test_no_comma_behind_a_formula_begins_a_line(chapter):
    page = chapter(640, "chapters/14_boltzmann.html", formulas=True)
    commas = page.evaluate("""() => [...document.querySelectorAll('.bd-article p span.math')].flatMap(formula => {
        const range = document.createRange(), next = formula.nextSibling;
        if (!next || !/^[,.;:)]/.test(next.textContent) || !formula.getClientRects().length) return [];
        range.setStart(next, 0);
        range.setEnd(next, 1);
        return [range.getBoundingClientRect().left - formula.getBoundingClientRect().right];
    })""")
    assert len(commas) > 20 and max(map(abs, commas)) < 2


def test_in_the_dark_the_paper_of_a_picture_is_the_page(chapter):
    page = chapter()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 900})
        picture = page.locator(".explore-picture").nth(1)
        picture.scroll_into_view_if_needed()
        corner = Image.open(io.BytesIO(picture.screenshot())).convert("RGB").getpixel((2, 2))
        assert "rgb" + str(corner) == page.evaluate("getComputedStyle(document.body).backgroundColor"), width


def test_on_a_narrower_screen_it_stands_in_the_text(chapter):
    page = chapter(1280)
    group = next(g for g in page.query_selector_all(".beside") if g.query_selector(".beside-after > p"))
    figure, text = group.query_selector(":scope > .cell").bounding_box(), group.query_selector(".beside-after > p").bounding_box()
    assert figure["y"] + figure["height"] <= text["y"] + 1


def test_drawing_code_is_folded_until_the_reader_wants_code_and_that_is_kept(chapter):
    page = chapter()
    folds = page.locator("details.fold")
    assert folds.count() > 3 and page.locator("details.fold[open]").count() == 0
    together = page.evaluate("[...document.querySelectorAll('details.fold')].some(e => e.querySelector('details.fold'))")
    assert not together
    page.click("[data-set-code=code]")
    assert page.locator("details.fold[open]").count() == folds.count()
    assert page.get_attribute("[data-set-code=code]", "aria-pressed") == "true"
    again(page.reload, partial(expect(page.locator("details.fold[open]")).to_have_count, folds.count()))
    page.click("[data-set-code=story]")
    assert page.locator("details.fold[open]").count() == 0


def test_without_storage_the_switch_still_works(watched, html):
    window = watched()
    without_formulas(window.context)
    window.context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})")
    window.page.goto((html / PAGE).as_uri())
    window.page.click("[data-set-code=code]")
    assert window.page.locator("details.fold[open]").count() == window.page.locator("details.fold").count()


def test_on_paper_nothing_is_to_be_pressed_and_dark_becomes_light(chapter):
    page = chapter()
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    shown = "e => getComputedStyle(e).display != 'none'"
    assert not any(e.evaluate(shown) for e in page.query_selector_all(".explore-tools, details.fold > summary"))
    whole = """[...document.querySelectorAll('.cell_input pre')].some(e => {
      for (; !e.matches('.cell'); e = e.parentElement) {
        const {breakInside, display, overflowX} = getComputedStyle(e);
        if (breakInside == 'avoid' || display == 'flex' || overflowX != 'visible') return true;
      }
    })"""
    assert not page.evaluate(whole), "code that no page end may part leaves pages half empty"
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_where_the_reader_is_becomes_the_cover_s_way_back(chapter, html):
    page = chapter()
    sections = page.locator("article section:has(> h2)")
    sections.nth(1).locator("h2").evaluate("e => e.scrollIntoView({block: 'start', behavior: 'instant'})")
    wanted = sections.nth(1).get_attribute("id")
    page.wait_for_function(f"id => {READ}.at == id", arg=wanted)
    go = page.locator(".cover-continue")
    again(lambda: page.goto((html / "intro.html").as_uri()), go.wait_for)
    assert go.get_attribute("href") == f"{PAGE}#{wanted}" and go.inner_text().startswith("Continue: 1.")


@pytest.mark.parametrize("broken", ["{", '{"seen": 3}', "null", "[]"])
def test_what_cannot_be_read_is_nothing_read(watched, html, broken):
    window = watched()
    without_formulas(window.context)
    window.context.add_init_script(f"localStorage['nn:read:chapters/01_neurons'] ||= '{broken}'")
    window.page.goto((html / PAGE).as_uri())
    window.page.wait_for_function(f"{READ}.when > 0")
    assert window.page.evaluate(f"{READ}.seen") == [] and window.errors == []


def test_what_another_tab_has_read_stays_read(chapter):
    page = chapter()
    first, second = page.evaluate("[...document.querySelectorAll('article section:has(> h2)')].slice(0, 2).map(e => e.id)")
    page.evaluate("id => localStorage.setItem('nn:read:chapters/01_neurons', JSON.stringify({seen: [id, 'gone']}))", second)
    page.locator(f"[id='{first}'] > h2").evaluate("e => e.scrollIntoView({block: 'start', behavior: 'instant'})")
    page.wait_for_function(f"id => {READ}.at == id", arg=first)
    assert second in page.evaluate(f"{READ}.seen") and "gone" not in page.evaluate(f"{READ}.seen")
