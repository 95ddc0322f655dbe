"""The cover: a card for each chapter, made from the chapter; what this reader has done; the first thing to move by hand."""

import json
import re

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def cover(watched, html):
    def opened(stored=(), script="", **options):
        window = watched(viewport={"width": 1280, "height": 720}, **options)
        for key, value in dict(stored).items():
            window.context.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)})")
        if script:
            window.context.add_init_script(script)
        window.page.goto((html / "intro.html").as_uri())
        window.page.wait_for_selector(".explore[data-ready]")
        window.page.wait_for_selector(".map-lines path", state="attached")
        return window

    return opened


def test_every_chapter_has_its_card_in_reading_order(cover, html, root):
    cards = cover().page.query_selector_all(".map-card")
    files = sorted((root / "chapters").glob("*.ipynb"))
    assert [card.get_attribute("data-page") for card in cards] == [f"chapters/{path.stem}" for path in files]
    for card, path in zip(cards, files, strict=True):
        page = (html / "chapters" / f"{path.stem}.html").read_text(encoding="utf-8")
        number, asks = int(path.stem[:2]), card.query_selector("p").inner_text().strip()
        assert card.query_selector(".map-number").inner_text().strip() == str(number)
        assert asks and re.search(r"\w", asks), f"{path.stem}: no question"
        assert f'<span class="section-number">{number}.' in page or f">{number}. <" in page


def test_lines_join_what_exists_and_no_chapter_stands_apart(cover):
    page = cover().page
    drawn = page.eval_on_selector_all(".map-lines path", "all => all.map(e => e.dataset.to)")
    joins = page.eval_on_selector_all(".map-card", "all => all.map(e => [e.dataset.page, e.dataset.joins])")
    names = {name for name, _ in joins}
    assert sorted(drawn) == sorted(name for name, wanted in joins for other in (wanted or "").split() if other in names)
    assert {name for name, _ in joins if name not in drawn} == {"chapters/01_neurons"}


def test_no_line_runs_behind_a_card(cover):
    page = cover().page
    for width in (390, 700, 1280, 1500):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("""width => {
            const cards = [...document.querySelectorAll(".map-card")].map(card => card.getBoundingClientRect());
            const covers = (c, p) => c.left + 1 < p.x && p.x < c.right - 1 && c.top + 1 < p.y && p.y < c.bottom - 1;
            return innerWidth === width && [...document.querySelectorAll(".map-lines path")].every(path => {
                const toPage = path.getScreenCTM(), length = path.getTotalLength();
                return Array.from({length: 100}, (_, k) => path.getPointAtLength(length * k / 99).matrixTransform(toPage))
                    .every(p => !cards.some(c => covers(c, p)));
            });
        }""", arg=width)


@pytest.mark.parametrize("width, height", [(1280, 720), (390, 844)])
def test_the_first_screen_holds_a_figure_with_all_its_controls_and_the_start(cover, width, height):
    page = cover().page
    page.set_viewport_size({"width": width, "height": height})
    for element in page.query_selector_all(".shown-again .explore-picture, .shown-again input, .cover-start"):
        box = element.bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= height, element.evaluate("e => e.outerHTML.slice(0, 100)")
    assert page.query_selector(".shown-again .explore-handle"), "nothing to grab"
    assert page.query_selector(".cover-start").get_attribute("href") == "chapters/01_neurons.html"
    assert not page.query_selector(".cover-continue, .map-rings"), "a new reader has done nothing"


@pytest.mark.parametrize("width", [1280, 390])
def test_one_pull_in_the_first_screen_moves_the_figure(cover, width):
    """No click, no scrolling, no reading before something moves."""
    page = cover().page
    page.set_viewport_size({"width": width, "height": 720})
    handle = page.query_selector(".shown-again .explore-handle").bounding_box()
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    assert 0 < y < 720 and page.evaluate("scrollY") == 0
    values = (".shown-again input", "all => all.map(e => e.value).join()")
    picture = (".shown-again .explore-picture svg", "all => all.map(e => e.innerHTML).join()")
    before = [page.eval_on_selector_all(*what) for what in (values, picture)]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=3)
    page.mouse.up()
    for what, old in zip((values, picture), before, strict=True):
        assert page.eval_on_selector_all(*what) != old


def test_who_comes_back_goes_on_where_reading_stopped_and_sees_rings(cover):
    plain = cover().page
    card = plain.query_selector(".map-card[data-page='chapters/01_neurons']")
    goal, exercise = (card.get_attribute(f"data-{kind}").split()[0] for kind in ("goals", "exercises"))
    place = {"seen": ["a", "b"], "of": 4, "at": "squash-it", "label": "1.2 Squash it", "when": 7}
    page = cover({
        "nn:read:chapters/01_neurons": json.dumps(place), f"nn:goal:{goal}": "1", f"nn:solved:{exercise}": "1",
    }).page  # fmt: skip
    go = page.query_selector(".cover-continue")
    assert go.inner_text() == "Continue: 1.2 Squash it"
    assert go.get_attribute("href") == "chapters/01_neurons.html#squash-it"
    [ring] = page.query_selector_all(".map-rings")
    assert re.fullmatch(r"read 2 of 4 · found 1 of \d+ · solved 1 of \d+", ring.inner_text().strip())
    assert ring.query_selector(".ring-read").get_attribute("stroke-dasharray") == "0.5 1"


def test_what_is_done_in_another_tab_is_shown(cover):
    window = cover()
    other = window.context.new_page()
    other.goto(window.page.url)
    exercise = other.get_attribute(".map-card[data-page='chapters/01_neurons']", "data-exercises").split()[0]
    other.evaluate("name => localStorage.setItem('nn:solved:' + name, '1')", exercise)
    window.page.wait_for_selector(".map-rings:has-text('solved 1 of')")
    read = {"seen": ["a"], "of": 2, "label": "2.1", "when": 1}
    other.evaluate("read => localStorage.setItem('nn:read:chapters/02_activations', JSON.stringify(read))", read)
    window.page.wait_for_selector(".cover-continue:has-text('2.1')")
    assert len(window.page.query_selector_all(".map-rings")) == 2 and len(window.page.query_selector_all(".cover-continue")) == 1


@pytest.mark.parametrize("broken", ["{", '{"seen": 3}', "null", "[]"])
def test_what_cannot_be_read_is_nothing_read(cover, broken):
    window = cover({"nn:read:chapters/01_neurons": broken})
    assert window.errors == [] and not window.page.query_selector(".cover-continue, .map-rings")


def test_without_storage_the_cards_are_links(cover):
    window = cover(script="Object.defineProperty(window, 'localStorage', {get() { throw new Error('refused'); }})")
    assert window.page.query_selector(".map-card a[href='chapters/02_activations.html']")
    assert not window.page.query_selector(".cover-continue, .map-rings")
