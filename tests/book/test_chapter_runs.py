"""'Try this page': all cells of a chapter run in the page, in one Python with matplotlib, and its figures are drawn there."""

import io
import json
import math
import re
import statistics
import tarfile

import pytest

from book.notebook import chapter_paths, read
from book.python import extension
from tests.book import test_answering
from tests.book.test_answering import LOADED, PLAIN, Exercise, without_formulas
from tests.conftest import Watched

PAGE = "chapters/01_neurons.html"
gecko = test_answering.gecko
OTHERWISE = {  # cells whose text differs, by a word of their code
    "02_activations": ("timeit.repeat",),  # how fast one thing is beside another
    "04_backpropagation": ("import sympy", "sympy.Symbol", "sympy.diff",  # which is not in a page
                           "def seconds(function"),  # how fast one thing is beside another
    # Trainings that fork: other rounding in the last bit leads elsewhere, as between two processors. Beside each: how far apart
    # python -m tests.book.forks finds the sums of its weights after the first step that differs, and at the most later.
    "08_deep_networks": ("def image(kind)",),  # 4e-16, then 1e-1
    "10_resnet": ("split(X.reshape(-1", 'runs |= {', "def identity(shape", "for depth in (4, 32)"),  # 2e-9, then 5e-2
    "11_rnn": ("def growth(W", "RATE, NOISE, BACK ="),  # 5e-16, then 2e-1; the first measures how a difference of any size grows
    "12_lstm_gru": ("rates = (0.01, 0.03, 0.1, 0.3)", "def gru(rng, keep"),  # 3e-16, then 2e-1
    "13_attention": ("text = definitions()", "def seconds(layer, length)"),  # 6e-11, then 2e-2; the second measures time
    "14_boltzmann": ("rates, seeds = (0.001",),  # 2e-15, then a unit drawn otherwise: 4e-3
    "16_graphs": ("def zeros(shape, rng, dtype)",),  # 3e-8, then 2e-3
}
FIGURE = """
import matplotlib.pyplot as plt
from nnlib.explore import explore

def draw_square(ax, x=1.0):
    ax.plot([x], [x**2], "o")
    ax.set(xlim=(-3, 3), ylim=(0, 9), title="a square")

explore(draw_square, x=(-3.0, 3.0, 0.5), drag={"the point": ("x", lambda x: x**2)},
        describe=lambda x: f"x is {x}", goals={"Go to the left.": lambda x: x < 0})
"""
HOSTILE = """
class Hostile:
    def _repr_mimebundle_(self):
        return {"text/html": '<div class="explore"><img src="x" onerror="window.harmed=1"><img src="http://example.org/x.png">'
                             '<script>window.harmed=1</script><p style="background:url(x.png)">kept</p></div>'}
Hostile()
"""
RUN = """async (source) => {
    const root = document.querySelector("[data-name^=cell-]");
    root.setCode(source);
    root.querySelector("[data-action=run]").click();
    await new Promise(done => {
        const look = () => ["done", "failed", "stopped"].includes(root.dataset.state) && (watch.disconnect(), done());
        const watch = new MutationObserver(look);
        watch.observe(root, {attributes: true});
        look();
    });
    const shown = [...root.querySelector(".runnable-output").children];
    return shown.filter(part => part.tagName != "FIGCAPTION").map(part => part.innerText).join("\\n");
}"""


def stored(cell):
    """The text that a cell's outputs show beside its figures."""
    texts = [out.get("text") or out["data"]["text/plain"] + "\n" for out in cell.outputs
             if out.output_type == "stream" or out.output_type == "execute_result" and "text/html" not in out.data]
    return "".join(texts)


def as_shown(path):
    """[(source, stored text)] of a chapter's cells, as its page has them: two cells of drawing code are one fold."""
    cells = []
    follows = False
    for cell in read(path).cells:
        folded = cell.cell_type == "code" and "hide-input" in cell.metadata.get("tags", ())
        if folded and follows:
            cells[-1] = [f"{cells[-1][0]}\n\n\n{cell.source}", cells[-1][1] + stored(cell)]
        elif cell.cell_type == "code":
            cells.append([cell.source, stored(cell)])
        follows = folded and not cell.outputs
    return cells


def run(page):
    page.locator("[data-action=try]").click()
    page.locator(".runnable-page[data-state=done]").wait_for()


SHOWN = """() => [...document.querySelectorAll(".runnable")].map(root => [root.getCode(),
    [...root.querySelectorAll(".runnable-output > pre")].map(part => part.textContent).join("")])"""


def runs_as_stored(path, window, html):
    window.context.set_default_timeout(900_000)
    window.page.goto((html / "chapters" / f"{path.stem}.html").as_uri())
    run(window.page)
    found, wanted = window.page.evaluate(SHOWN), as_shown(path)
    assert [code for code, _ in found] == [source for source, _ in wanted]
    differ = [code for (code, got), (_, text) in zip(found, wanted, strict=True) if got != text]
    otherwise = OTHERWISE.get(path.stem, ())
    assert [code for code in differ if not any(word in code for word in otherwise)] == []
    assert [word for word in otherwise if not any(word in code for code, _ in wanted)] == []
    assert window.page.locator(".runnable-solved, .runnable-count").count() == 0, "the reader has solved nothing"
    assert window.errors == [] and window.external == []


@pytest.mark.browser
@pytest.mark.slow(every=16)
@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_every_cell_gives_its_stored_text(path, watched, html):
    runs_as_stored(path, watched(), html)


@pytest.mark.browser
def test_the_same_in_firefox(gecko, html, root):
    gecko.goto((html / "chapters/04_backpropagation.html").as_uri())
    found = gecko.evaluate("""async () => {
        document.querySelector("[data-action=try]").click();
        const bar = document.querySelector(".runnable-page");
        await new Promise(done => new MutationObserver(
            () => bar.dataset.state === "done" && done()).observe(bar, {attributes: true}));
        return (%s)();
    }""" % SHOWN)
    wanted = as_shown(root / "chapters/04_backpropagation.ipynb")
    differ = [code for (code, got), (_, text) in zip(found, wanted, strict=True) if got != text]
    assert [code for code in differ if not any(word in code for word in OTHERWISE["04_backpropagation"])] == []
    assert sum("sympy" in code for code in differ) == 3


def started(window, html):
    """Chapter 1 with its Python started, no cell run."""
    without_formulas(window.context)
    window.page.goto((html / PAGE).as_uri())
    window.page.wait_for_load_state("load")
    assert [url for url in window.requests if re.search(LOADED, url)] == []
    button = window.page.locator("[data-action=try]")
    assert re.fullmatch(r"Try this page \(loads 1\d MB, once\)", button.inner_text())
    button.click()
    window.page.locator(".runnable-page[data-state=running]").wait_for()
    window.page.locator(".runnable-page [data-action=stop]").click()
    window.page.locator(".runnable-page[data-state=done]").wait_for()
    return window


@pytest.fixture
def tried(watched, html):
    """A page of one's own, whose Python may be ended."""
    return started(watched(), html)


@pytest.fixture(scope="module")
def running(chromium, html):
    """A page whose Python goes on: each test runs cells of its own in it."""
    window = Watched(chromium)
    yield started(window, html)
    window.context.close()


@pytest.mark.browser
def test_a_figure_is_changed_and_moved(running):
    page = running.page
    page.evaluate(RUN, FIGURE)
    figure = page.locator(".explore[data-draws][data-ready][data-name=draw_square]")
    figure.wait_for()
    assert figure.locator("svg > image").count() == 1, "the picture stays an image"
    slider, handle, goal = figure.locator("input"), figure.locator(".explore-handle"), figure.locator(".explore-goal")
    before = handle.bounding_box()
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    page.locator(f"[data-draws][data-drawn='{slider.input_value()}']").wait_for()
    assert slider.input_value() == "5" and figure.locator("svg").get_attribute("aria-label") == "x is −0.5"
    page.wait_for_function("document.querySelector('[data-name=draw_square] .explore-goal').dataset.reached == ''")
    assert handle.bounding_box()["x"] < before["x"] and "Go to the left." in goal.inner_text()
    box = figure.locator("svg").bounding_box()
    page.mouse.move(*(handle.bounding_box()[k] + 14 for k in "xy"))
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.up()
    page.wait_for_function("[...document.querySelectorAll('[data-name=draw_square]')].every(e => +e.dataset.drawn > 9)")
    page.evaluate(RUN, FIGURE.replace("(-3.0, 3.0, 0.5)", "(-2.0, 2.0, 0.1)"))
    assert figure.locator("input").get_attribute("max") == "40"
    assert running.errors == [] and running.external == []


@pytest.mark.browser
def test_of_two_pictures_the_later_stays_though_it_is_there_sooner(running):
    """Browsers decode pictures beside each other."""
    page = running.page
    page.evaluate(RUN, FIGURE)
    figure = page.locator(".explore[data-draws][data-ready][data-name=draw_square]")
    figure.locator("input").focus()
    page.evaluate("""() => {
        const decode = Image.prototype.decode;
        Image.prototype.decode = function () {
            Image.prototype.decode = decode;
            return new Promise(go => { window.late = () => { go(); return new Promise(done => setTimeout(done)); }; });
        };
    }""")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("!!window.late")
    page.keyboard.press("ArrowRight")
    page.locator("[data-draws][data-drawn='10']").wait_for()
    picture = figure.locator("svg > image").get_attribute("href")
    page.evaluate("late()")
    assert figure.get_attribute("data-drawn") == "10" and figure.locator("svg > image").get_attribute("href") == picture


@pytest.mark.browser
def test_an_error_while_drawing_and_a_python_started_anew_are_told(tried):
    page = tried.page
    page.evaluate(RUN, FIGURE.replace('ax.plot(', 'assert x != 1.5, "not here"\n    ax.plot('))
    figure = page.locator(".explore[data-draws][data-ready]")
    figure.locator("input").focus()
    page.keyboard.press("ArrowRight")
    page.locator(".runnable-undrawn", has_text="AssertionError: not here").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator("[data-drawn='10']").wait_for()
    assert page.locator(".runnable-undrawn").count() == 0
    page.evaluate("nnPython.python.stop()")
    page.keyboard.press("ArrowRight")
    page.locator(".runnable-undrawn", has_text="run this cell again").wait_for()


@pytest.mark.browser
def test_what_python_shows_is_not_trusted(running):
    page = running.page
    assert page.evaluate(RUN, HOSTILE).strip() == "kept"
    output = page.locator("[data-name^=cell-] .runnable-output").first
    assert "onerror" not in output.inner_html() and "example.org" not in output.inner_html()
    assert output.locator("script").count() == 0 and output.locator("[style]").count() == 0
    assert page.evaluate("window.harmed") is None and running.external == []


@pytest.mark.browser
def test_two_tabs_show_what_was_written_last_in_any_cell(tried):
    cell, other = tried.page.locator("[data-name^=cell-]").first, tried.context.new_page()
    other.goto(tried.page.url)
    other.evaluate("name => localStorage.setItem(`nn:answer:${name}`, 'x = 7')", cell.get_attribute("data-name"))
    tried.page.wait_for_function("document.querySelector('[data-name^=cell-]').getCode() == 'x = 7'")


@pytest.mark.browser
def test_no_cell_runs_after_one_with_which_python_ended(tried):
    """Each would say that a name is not defined, and the page that every cell has run."""
    page = tried.page
    cells = page.locator(".runnable")
    cells.nth(1).evaluate("(root, text) => root.setCode(text)", "import os\nos._exit(3)")
    run(page)
    page.locator(".runnable-page", has_text=f"Stopped at cell 2 of {cells.count()}").wait_for()
    assert "exit code 3" in cells.nth(1).locator(".runnable-output").inner_text()
    assert cells.nth(2).locator(".runnable-output").is_hidden()


@pytest.mark.browser
def test_a_cell_that_runs_already_is_not_begun_again_by_the_page(tried):
    page = tried.page
    cells = page.locator(".runnable")
    for k, source in enumerate(("import time\ntime.sleep(2)\nprint('once')", "import os\nos._exit(3)")):
        cells.nth(k).evaluate("(root, text) => root.setCode(text)", source)
    cells.nth(0).locator("[data-action=run]").evaluate("button => button.click()")  # the cell may be folded
    page.locator("[data-action=try]").click()
    page.locator(".runnable-page", has_text="Stopped at cell 2 of").wait_for()
    assert cells.nth(0).locator(".runnable-output").inner_text().strip() == "once"


@pytest.mark.browser
def test_a_picture_a_missing_module_and_a_value(running):
    page = running.page
    said = page.evaluate(RUN, "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 4])\nplt.title('$x^2$')\nplt.show()\n1 + 1")
    assert said.strip() == "2"
    assert page.locator(".runnable-output > img[src^='data:image/png']").evaluate("image => image.naturalWidth") > 300


@pytest.mark.browser
def test_what_needs_a_missing_module_is_passed_over(running):
    page = running.page
    here = "sympy is not part of the Python in this page"
    more = f"{here}. This cell runs with make lab, or with Binder."
    said = page.evaluate(RUN, "import math, sympy\nfrom sympy import Symbol as S\nprint(math.tau > 6)")
    assert said.split() == f"True {here}; what needs it is passed over.".split()
    assert page.evaluate(RUN, "print(1)\nformula = sympy.Symbol('x')").split() == f"1 {more}".split()
    assert page.evaluate(RUN, "formula + 1").strip() == more and page.evaluate(RUN, "S('x')").strip() == more
    assert page.evaluate(RUN, "print(2)\nimport math\nreturn").startswith("  File")
    assert "NameError: name 'other' is not defined" in page.evaluate(RUN, "other")
    assert page.evaluate(RUN, "import sympy.core as formula, math\nformula = math.pi\nformula > 3").split()[0] == "True"


@pytest.mark.browser
def test_a_figure_is_redrawn_in_a_fraction_of_a_second(running):
    page = running.page
    page.evaluate(RUN, FIGURE)
    times = page.evaluate("""async () => {
        const times = [], figure = document.querySelector("[data-draws]").id;
        for (let state = 0; state < 12; state++) {
            const start = performance.now();
            await nnPython.python.run(`__import__("guest").draw(${JSON.stringify(figure)}, ${state})`);
            times.push(performance.now() - start);
        }
        return times;
    }""")
    plain = page.evaluate(PLAIN)
    assert statistics.median(times) < max(300, plain), "a busy machine is slow with all"


def test_the_cover_says_what_the_buttons_say(html, root):
    script = (html / "_static/python/page.js").read_text("utf-8")
    known = json.loads(script.split("\n", 1)[0].removeprefix("window.nnPython = ").rstrip(";"))
    size = {name: facts["bytes"] / 1e6 for name, facts in known["files"].items() if "bytes" in facts}
    core = math.ceil(size["core.wasm"] + size["core.zip"] + size["book.tar"])
    full = math.ceil(size["full.wasm"] + size["core.zip"] + size["book.tar"] + size["plots.tar"])
    assert re.findall(r"(\d+) MB", (root / "intro.md").read_text("utf-8")) == [str(core), str(full)]


def test_what_stands_beside_the_module_is_whole(root):
    with tarfile.open(fileobj=io.BytesIO(extension.plots(root))) as made:
        names = set(made.getnames())
    assert {"full/matplotlib/mpl-data/matplotlibrc", "full/matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf", "book/figures.py",
            "book/nnlib/explore/ondemand.py", "book/nnlib/plots/network.py", "book/nnlib/book.mplstyle"} <= names


@pytest.mark.browser
def test_an_exercise_is_answered_in_the_same_python(running):
    assert "not written yet" in Exercise(running.page, "signed_distance").check()
