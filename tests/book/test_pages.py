"""The built book as a reader opens it: from a folder, with no network, in a browser of any width."""

import gzip
import re
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.book.test_answering import TURNED, without_formulas
from tests.conftest import Watched, again

HTML = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(
    str(path.relative_to(HTML))
    for path in HTML.rglob("*.html")
    if "_static" not in path.parts and path.name not in ("index.html",)
) or ["the book is not built"]
READY = """async () => {
    await (window.MathJax?.startup?.promise ?? Promise.resolve());
    const deadline = Date.now() + 60000;
    while (document.querySelectorAll('.explore:has(fieldset):not([data-ready])').length && Date.now() < deadline)
        await new Promise(done => setTimeout(done, 50));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));  // fonts are asked for by the layout
    await document.fonts.ready;
}"""
BUDGET = 1_000_000


def weight(requests):
    """Bytes as a web server sends them: text compressed, fonts and pictures as they are. Later pages find most cached."""
    total = 0
    for url in {urlsplit(url).path for url in requests if url.startswith("file:")}:
        data = Path(unquote(url)).read_bytes()
        total += len(data) if url.endswith((".woff", ".woff2", ".png")) else len(gzip.compress(data, mtime=0))
    return total


# Most of axe's time goes into the colours of texts, and all of it grows with the page. So MathJax's formulas and words of code
# are thinned out first, and then the colours are measured on one text of each look, in both themes. All are looked at before
# the first is taken away: a look after each change would lay out the whole page again for every text.
ONE_OF_EACH = """() => {
    for (const formula of [...document.querySelectorAll('mjx-container')].slice(3)) formula.replaceWith('x');
    const words = [...document.querySelectorAll('.highlight pre span')].filter(
        word => !word.firstElementChild && word.textContent.trim() && word.getClientRects().length);
    const seen = new Set();
    for (const word of words)
        if (seen.has(word.className)) word.replaceWith(' '); else seen.add(word.className);
    return seen.size;
}"""
LOOKS = """() => {
    const grounds = new Map([[document, '']]);
    const ground = e => {  // what lies behind it, and what it is placed by
        if (!grounds.has(e)) {
            const style = getComputedStyle(e);
            const own = [style.backgroundColor, style.backgroundImage, style.opacity, style.filter, style.position].join(' ');
            const plain = own === 'rgba(0, 0, 0, 0) none 1 none static';
            grounds.set(e, ground(e.parentNode) + (plain ? '' : `|${own} ${e.tagName} ${e.className}`));
        }
        return grounds.get(e);
    };
    for (const e of document.body.querySelectorAll('*:not(svg, svg *)'))
        if ([...e.childNodes].some(node => node.nodeType === 3 && node.data.trim())) {
            const {color, fontSize, fontWeight} = getComputedStyle(e);
            e.look = [e.look, ground(e), color, fontSize, fontWeight].join(';');
        }
}"""
ONE_OF_EACH_LOOK = """() => {
    const seen = new Set();
    for (const e of [...document.body.querySelectorAll('*')].filter(e => e.look && e.getClientRects().length)) {
        if (!seen.has(e.look)) seen.add(e.look);
        else if (!e.firstElementChild) e.remove();
        else for (const node of e.childNodes) if (node.nodeType === 3) node.data = '';
    }
    return seen.size;
}"""


def grave(page, options):
    """What axe finds to be serious."""
    from axe_playwright_python.sync_playwright import Axe

    context = {"exclude": [[".citation-list"]]}  # docutils' roles for a bibliography are not ARIA's
    found = Axe().run(page, context, {"resultTypes": ["violations"], **options}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found if one["impact"] in ("serious", "critical")]


def pale(page, themes):
    """What axe finds to be of too little contrast in each theme. Leaves of the texts one of each look."""
    for theme in themes:
        page.evaluate(TURNED, theme)
        page.evaluate(LOOKS)
    page.evaluate(ONE_OF_EACH_LOOK)
    found = []
    for theme in reversed(themes):  # the last is shown
        page.evaluate(TURNED, theme)
        found += [(theme, *one) for one in grave(page, {"runOnly": ["color-contrast"]})]
    return found


@pytest.mark.browser
@pytest.mark.parametrize("theme, style", [
    ("light", "color: #aaa"), ("dark", "color: #555"), ("light", "background: #666"), ("dark", "opacity: 0.4"),
])  # fmt: skip
def test_one_pale_text_among_many_is_found(watched, tmp_path, theme, style):
    path = tmp_path / "page.html"
    texts = "<p>A text among others, with <a href='#'>a link</a>.</p>" * 20
    path.write_text(f"""<html lang="en"><style>html {{ background: #fff; color: #222 }} a {{ color: inherit }}
        html[data-theme=dark] {{ background: #222; color: #eee }} html[data-theme={theme}] .pale {{ {style} }}</style>
        <body>{texts}<div class="pale"><p>A text among others.</p></div>{texts}""")
    page = watched().page
    page.goto(path.as_uri())
    assert {found[0] for found in pale(page, ["light", "dark"])} == {theme}


RINGS_OVER_WORDS = """figure => {
    const inputs = [...figure.querySelectorAll('input[type=range]')], found = new Set(),
        words = () => [...figure.querySelectorAll('svg text')].filter(e => e.textContent.trim());
    function look(where) {
        for (const handle of figure.querySelectorAll('.explore-handle:not([hidden])')) {
            const box = handle.getBoundingClientRect(), inset = parseFloat(getComputedStyle(handle, '::after').left),
                ring = {left: box.left + inset, right: box.right - inset, top: box.top + inset, bottom: box.bottom - inset};
            for (const text of words()) {
                const word = text.getBoundingClientRect(),
                    across = Math.min(ring.right, word.right) - Math.max(ring.left, word.left),
                    down = Math.min(ring.bottom, word.bottom) - Math.max(ring.top, word.top);
                if (across > 3 && down > 3 && word.width * word.height > 0) found.add(
                    `${figure.dataset.name}: ${handle.getAttribute('aria-label')} over ${text.textContent.trim()} at ${where}`);
            }
        }
    }
    look('the start');
    for (const input of inputs) {
        const before = input.value;
        for (const end of [input.min, input.max]) {
            input.value = end;
            input.dispatchEvent(new Event('input', {bubbles: true}));
            look(`${input.closest('label').firstChild.textContent} ${end}`);
        }
        input.value = before;
        input.dispatchEvent(new Event('input', {bubbles: true}));
    }
    return [...found];
}"""
MEANT = {  # the handle is a window over what is written, or walks along it or among it
    "draw_slide", "draw_window", "draw_reverse", "draw_heads", "draw_plane"
}  # fmt: skip


def fits_a_phone(page):
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = page.evaluate("""() => [...document.querySelectorAll('article *')].filter(e => {
        const box = e.getBoundingClientRect();
        if (!box.width || box.right <= 391) return false;
        for (let p = e; p; p = p.parentElement) {
            const style = getComputedStyle(p);
            if (['auto', 'scroll', 'hidden'].includes(style.overflowX) || style.position === 'absolute') return false;
        }
        return true;
    }).map(e => e.outerHTML.slice(0, 120))""")
    assert wide == []
    cut = page.evaluate("""() => [...document.querySelectorAll('.explore')].filter(e => {
        for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
            if (getComputedStyle(p).overflowX !== 'visible'
                && p.getBoundingClientRect().left > e.getBoundingClientRect().left) return true;
        return false;
    }).map(e => e.id || e.outerHTML.slice(0, 120))""")
    assert cut == [], "a figure loses its left edge, which no scrolling brings back"
    scrolls = page.evaluate("""() => [...document.querySelectorAll('.explore-scroll')]
        .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.closest('.explore').dataset.name)""")
    assert scrolls == [], "a figure is wider than the phone"
    for figure in page.query_selector_all(".explore:has(.explore-handle)"):
        if figure.get_attribute("data-name") not in MEANT:
            assert figure.evaluate(RINGS_OVER_WORDS) == [], "at the ends of its sliders a handle covers a word"


@pytest.fixture(scope="module")
def windows(chromium):
    """One begins light, one dark. Each shows page after page: a new one would take longer than most pages."""
    made = {}
    for theme in ("light", "dark"):
        made[theme] = Watched(chromium, viewport={"width": 390, "height": 844}, has_touch=True, reduced_motion="reduce")
        made[theme].context.add_init_script(f"localStorage.mode = localStorage.theme = '{theme}'")
    yield made
    for each in made.values():
        each.context.close()


def shown(windows, html, name, width):
    """(window, themes): the page in one of the windows, half of the pages in the dark one."""
    themes = ["light", "dark"][:: -1 if PAGES.index(name) % 2 else 1]
    window = windows[themes[0]]
    window.page.goto("about:blank")
    for seen in (window.requests, window.external, window.errors):
        seen.clear()
    window.page.set_viewport_size({"width": width, "height": 844})
    window.page.goto((html / name).as_uri())
    window.page.evaluate(READY)
    return window, themes


@pytest.mark.browser
@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_phone_and_is_whole_without_network(windows, html, name):
    window, _ = shown(windows, html, name, 390)
    page = window.page
    fits_a_phone(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.evaluate(READY)
    assert window.external == [] and window.errors == []
    assert page.locator(".explore:has(fieldset):not([data-ready])").count() == 0, "a live figure is dead"
    outside = page.evaluate("""() => [...document.querySelectorAll('.explore-picture > svg')].flatMap(svg => {
        const hull = svg.getBoundingClientRect();
        return [...svg.querySelectorAll('text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.width && (box.left < hull.left - 1 || box.right > hull.right + 1 || box.top < hull.top - 1
                || box.bottom > hull.bottom + 1);
        }).map(text => `${svg.closest('.explore').dataset.name}: ${text.textContent.trim()}`);
    })""")
    assert outside == [], "letters stand outside their picture"
    assert page.locator("mjx-merror").count() == 0, page.locator("mjx-merror").first.inner_text()
    if page.locator(".math").count():
        assert page.locator("mjx-container").count() >= page.locator(".math").count(), "formulas were not set"
    assert page.locator("i.fa-solid").first.evaluate(
        "e => getComputedStyle(e, '::before').content.length > 2 && document.fonts.check('900 1em \"Font Awesome 6 Free\"')"
    ), "icons have no font"
    total = weight(window.requests)
    assert total < BUDGET, f"{total:,} bytes"


def by_turns(name):
    """Looks and roles come from styles and templates that pages of a kind share, so a fault of them is in today's pages too."""
    return pytest.param(name, marks=pytest.mark.slow(every=4)) if name.startswith(("chapters/", "appendix/nnlib/")) else name


@pytest.mark.browser
@pytest.mark.parametrize("name", [by_turns(name) for name in PAGES])
def test_page_is_accessible(windows, html, name):
    window, themes = shown(windows, html, name, 1280)
    window.page.evaluate(ONE_OF_EACH)
    assert grave(window.page, {"rules": {"color-contrast": {"enabled": False}}}) == []
    assert pale(window.page, themes) == []


@pytest.mark.browser
def test_the_way_to_the_top_covers_nothing(watched, html):
    window = watched()
    without_formulas(window.context)
    page = window.page
    page.goto((html / "chapters/02_activations.html").as_uri())
    page.evaluate(READY)
    for width in (1100, 700, 390):
        page.set_viewport_size({"width": width, "height": 800})
        for y in (3000, 2500):
            page.evaluate("""async y => {
                scrollTo({top: y, behavior: 'instant'});
                await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));  // the page has heard of it
            }""", y)
        page.wait_for_function("document.getElementById('pst-back-to-top').getClientRects().length")
        over = page.evaluate("""() => {
            const box = e => e.getBoundingClientRect(), top = box(document.getElementById('pst-back-to-top'));
            const header = box(document.querySelector('.bd-header-article'));
            const others = [...document.querySelectorAll('.bd-header-article :is(button, label, a)')].map(box);
            const meets = others.filter(b => b.width && b.left < top.right && top.left < b.right);
            return {below: top.bottom - header.bottom, meets: meets.length};
        }""")
        assert over["below"] <= 0 and over["meets"] == 0, width
        assert page.get_by_role("button", name="Back to top").is_visible()


BUSY = """milliseconds => {
    const add = EventTarget.prototype.addEventListener;
    EventTarget.prototype.addEventListener = function (kind, act, ...rest) {
        const later = event => setTimeout(() => act(event), milliseconds);
        return add.call(this, kind, kind == 'click' ? later : act, ...rest);
    };
}"""


@pytest.mark.browser
@pytest.mark.parametrize("milliseconds", [0, 400])
def test_dark_mode_is_chosen_and_kept(watched, html, milliseconds):
    """Also where the page answers late, as on a busy machine."""
    window = watched()
    if milliseconds:
        window.context.add_init_script(f"({BUSY})({milliseconds})")
    window.page.goto((html / "intro.html").as_uri())
    window.page.evaluate(READY)
    page = window.page
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    for before, after in (("light", "auto"), ("auto", "dark")):
        assert page.evaluate("document.documentElement.dataset.mode") == before
        page.locator(".theme-switch-button").first.click()
        page.wait_for_function("mode => localStorage.mode == mode", arg=after)
    page.wait_for_function("document.documentElement.dataset.theme == 'dark'")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor").startswith("rgb(1")
    again(page.reload, partial(page.wait_for_function, "document.documentElement.dataset.theme == 'dark'"))


@pytest.mark.browser
@pytest.mark.parametrize(
    "query, page_name",
    [
        ("sigmoid", "appendix/glossary"),
        ("激活函数", "appendix/glossary"),
        ("cross_entropy", "appendix/nnlib/losses"),
        ("perceptron", "chapters/01_neurons"),
    ],
)
def test_search_finds_without_a_server(watched, html, query, page_name):
    window = watched()
    window.page.goto((html / "search.html").as_uri() + f"?q={query}")
    window.page.locator(f"#search-results a[href*='{page_name}.html']").first.wait_for()
    assert window.external == [] and window.errors == []


@pytest.mark.browser
@pytest.mark.parametrize("query", ["perceptron", "momentum"])
def test_search_quotes_the_text_and_no_list_of_contents(watched, server, query):
    window = watched()
    window.page.goto(f"{server}/search.html?q={query}")
    quoted = window.page.locator("#search-results li:has(a[href*='chapters/']) p.context")
    quoted.filter(has_text=query).first.wait_for()
    for text in quoted.all_inner_texts():
        assert not text.startswith("Contents") and "\nContents" not in text, text
        assert not re.search(r"\d\.\d+\. .*\d\.\d+\. .*\d\.\d+\. ", text, re.S), f"a list of contents: {text}"


@pytest.mark.browser
def test_a_letter_leads_to_its_first_entry(watched, html):
    window = watched()
    window.page.goto((html / "appendix/glossary.html").as_uri())
    entries = window.page.locator("dl.glossary dt:not(dt + dt)")
    terms = entries.evaluate_all("all => all.map(e => [e.id, e.firstChild.textContent.trim()])")
    letters = window.page.locator(".glossary-letters a").evaluate_all("all => all.map(e => [e.hash.slice(1), e.textContent])")
    first = {}
    for identity, term in terms:
        letter = term[0].upper() if term[0].isascii() and term[0].isalpha() else "#"
        first.setdefault(letter, identity)
    assert len(letters) > 20 and letters == [[identity, letter] for letter, identity in first.items()]
    assert [letter for _, letter in letters] == sorted(letter for _, letter in letters)


@pytest.mark.browser
def test_what_opens_a_solution_is_called_by_it(watched, html):
    window = watched()
    without_formulas(window.context)
    window.page.goto((html / "chapters/04_backpropagation.html").as_uri())
    window.page.wait_for_selector(".toggle-button[aria-label^=Solution]")
    names = window.page.locator(".toggle-button").evaluate_all("all => all.map(e => e.getAttribute('aria-label'))")
    assert names and all(name.startswith("Solution to Exercise") for name in names)
    assert len(set(names)) == len(names)


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.ids, self.links, self.images = set(), [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.ids.add(attributes.get("id"))
        self.ids.add(attributes.get("name"))
        for key in ("href", "src"):
            if tag in ("a", "link", "script", "img") and attributes.get(key):
                self.links.append(attributes[key])
        if tag == "img":
            self.images.append(attributes)


@pytest.fixture(scope="module")
def parsed(html):
    pages = {}
    for path in html.rglob("*.html"):
        pages[path.resolve()] = parser = Links()
        parser.feed(path.read_text(encoding="utf-8"))
    return pages


def test_every_internal_link_leads_somewhere(parsed):
    broken = []
    for page, parser in parsed.items():
        for link in parser.links:
            parts = urlsplit(link)
            if parts.scheme or link.startswith(("//", "#explore=")):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if not target.exists():
                broken.append((page.name, link))
            elif target.name == "playground.html" and "=" in parts.fragment:
                continue  # a set-up: test_playground.py
            elif parts.fragment and target in parsed and unquote(parts.fragment) not in parsed[target].ids:
                broken.append((page.name, link))
    assert broken == []


def test_no_link_is_left_as_it_was_typed(html):
    assert [path.name for path in html.rglob("*.html") if "](#" in path.read_text(encoding="utf-8")] == []


def test_every_picture_has_an_alternative_text(parsed):
    bare = [
        (page.name, image.get("src"))
        for page, parser in parsed.items()
        for image in parser.images
        if not image.get("alt")
    ]
    assert bare == []


def test_every_icon_named_has_its_letter(html):
    """The pages carry only the part of the icon font that they use."""
    from fontTools.ttLib import TTFont

    letters, rules = set(), {}
    for path in html.glob("_static/vendor/fontawesome/webfonts/*.woff"):
        letters |= set(TTFont(path).getBestCmap())
        assert path.stat().st_size < 20_000
    sheet = (html / "_static" / "styles" / "pydata-sphinx-theme.css").read_text(encoding="utf-8")
    for selectors, code in re.findall(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', sheet):
        rules.update(dict.fromkeys(re.findall(r"fa-[\w-]+", selectors), int(code, 16)))
    named = {
        name
        for page in html.rglob("*.html")
        for classes in re.findall(r'class="([^"]*\bfa-[^"]*)"', page.read_text(encoding="utf-8"))
        for name in classes.split()
    }
    named = {name for name in named if name.startswith("fa-")} - {
        "fa-solid",
        "fa-brands",
        "fa-regular",
        "fa-lg",
    }
    assert {"fa-bars", "fa-moon", "fa-sun"} <= named <= set(rules)
    assert {rules[name] for name in named} <= letters
    admonitions = re.findall(r"--pst-icon-[\w-]+:\"([\ue000-\uf8ff])\"", sheet)
    assert len(admonitions) > 10 and {ord(letter) for letter in admonitions} <= letters


def test_nothing_is_loaded_from_elsewhere(html, parsed):
    for page in parsed:
        text = re.sub(r"<a [^>]*>", "", page.read_text(encoding="utf-8"))
        assert not re.search(
            r"""(?:src|href)=["'](?:https?:)?//|@import\s+url\(["']?http|unpkg|jsdelivr""", text
        ), page


def test_previous_and_next_join_all_pages_in_order(html, root):
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = [chapter for part in toc["parts"] for chapter in part["chapters"]]
    order = [toc["root"]] + [page["file"] for chapter in listed for page in (chapter, *chapter.get("sections", ()))]
    for here, there in zip(order, order[1:]):
        text = (html / f"{here}.html").read_text(encoding="utf-8")
        link = re.search(r'class="right-next"\s+href="([^"]+)"', text)
        assert (
            link
            and (html / f"{here}.html").parent.joinpath(link[1]).resolve()
            == (html / f"{there}.html").resolve()
        )


def test_chapters_are_all_listed_and_nothing_else_is(root):
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    listed = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    assert [name for name in listed if name.startswith("chapters/")] == [
        f"chapters/{path.stem}" for path in sorted((root / "chapters").glob("*.ipynb"))
    ]


@pytest.mark.browser
def test_a_live_figure_lies_on_the_page_itself_in_dark_mode(watched, html):
    window = watched()
    without_formulas(window.context)
    window.context.add_init_script(
        "localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark')"
    )
    window.page.goto((html / "chapters" / "01_neurons.html").as_uri())
    sheets = window.page.evaluate("""() => [...document.querySelectorAll('.text_html:has(.explore)')].map(
        e => getComputedStyle(e).backgroundColor)""")
    assert sheets and set(sheets) == {"rgba(0, 0, 0, 0)"}
