"""The playground: what it trains is the program that it shows, and a page that a reader can rely on."""

import contextlib
import io
import json
import re
import tarfile
from urllib.parse import unquote

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from book.python import extension, host, playground
from nnlib.plots.colors import NEGATIVE, POSITIVE
from tests.book import firefox
from tests.book.test_answering import PLAIN, TURNED
from tests.conftest import SECONDS, free_ports

PAGE = "appendix/playground.html"
POINTS = [[0, 1, 0], [1, 1.5, 1], [-1, 0.25, 1], [-2, -1, 0], [0.5, -0.5, 1]]


def setup(**changes):
    made = {name: option["default"] for name, option in playground.OPTIONS.items()}
    data = changes.get("data", made["data"])
    made["noise"] = playground.OPTIONS["noise"]["per"][data]
    if data == "saddle":
        made["loss"] = "mse"
    assert changes.keys() <= made.keys()
    return made | changes


RELU = {"activation": "relu", "init": "he_normal", "loss": "hinge", "lr": 0.1}
EXACT = [  # no exponential, logarithm or tanh in any of these
    RELU,
    RELU | {"data": "moons"},
    RELU | {"data": "xor", "loss": "mse"},
    RELU | {"data": "blobs", "layers": []},
    RELU | {"data": "saddle", "loss": "huber"},
    RELU | {"data": "own"},
    RELU | {"momentum": 0.9, "lr": 0.02},
    RELU | {"l1": 0.001, "l2": 0.01},
    RELU | {"dropout": 0.2, "batch": 7},
    RELU | {"norm": "yes"},
    RELU | {"activation": "leaky_relu", "layers": [10, 10, 10, 10, 10]},
    RELU | {"data": "saddle", "loss": "mae", "init": "xavier_uniform", "batch": 240},
]
CLOSE = [
    {},
    {"activation": "sigmoid", "data": "xor"},
    {"activation": "swish", "data": "moons"},
    RELU | {"loss": "binary_cross_entropy"},
    {"optimizer": "Adam", "lr": 0.01},
    {"optimizer": "RMSProp", "lr": 0.01, "data": "moons"},
    {"optimizer": "AdaGrad", "data": "blobs"},
]
EDITS = [[0, 0, 0, 0, 0.5], [40, 0, -1, 0, -0.25]]


def weights(names):
    return np.concatenate([p.value.ravel() for p in names["model"].parameters()])


@pytest.fixture(scope="module")
def small():
    """The Python that a page has, without a page."""
    archive = tarfile.open(fileobj=io.BytesIO(extension.book(extension.HERE.parents[1])))
    return host.Python({entry.name: archive.extractfile(entry).read() for entry in archive})


@pytest.mark.parametrize("changes", EXACT + CLOSE, ids=str)
def test_the_program_has_the_pages_weights_after_100_steps(changes, small):
    s = setup(**changes)
    points = POINTS if s["data"] == "own" else []
    status, said = small.run(f"""
import playground
training = playground.Training({s!r}, {points!r}, {EDITS!r})
training.advance(steps=100)
print(b"".join(p.value.tobytes() for p in training.model.parameters()).hex())
print(training.picture()[0]["code"])
""", 10**13)  # fmt: skip
    assert status == 0, said
    bits, _, code = said.partition("\n")
    names = {}
    exec(code, names)
    there, here = np.frombuffer(bytes.fromhex(bits)), weights(names)
    if changes in EXACT:
        assert np.array_equal(there, here)
    else:
        np.testing.assert_allclose(there, here, rtol=0, atol=1e-12)


def test_steps_in_any_portions_lead_to_the_same_weights():
    one, many = (playground.Training(setup(dropout=0.1), edits=EDITS) for _ in range(2))
    one.advance(steps=90)
    while many.step < 90:
        many.advance(until=90, seconds=0)
        many.picture()
    assert np.array_equal(weights(one.names), weights(many.names))


@pytest.mark.parametrize("changes", [{}, {"norm": "yes"}])
def test_an_epoch_is_a_whole_number_of_steps(changes):
    training = playground.Training(setup(batch=50, **changes))
    training.advance(epochs=1)
    assert training.epoch == 1 and training.step == len(training.X) // 50 + (not changes and len(training.X) % 50 > 0)


def test_the_program_is_short():
    text = "".join(playground.program(setup(), 100))
    assert sum(bool(line.strip()) and "import" not in line for line in text.splitlines()) <= 24
    assert max(map(len, text.splitlines())) <= 120


def test_what_was_set_by_hand_is_in_the_program_and_replaces_what_was_to_come():
    training = playground.Training(setup(), edits=[[5, 0, 0, 1, 2.0], [50, 0, 0, 0, 1.0]])
    training.advance(steps=10)
    training.edit(1, 0, 2, 0.5)
    training.edit(1, 0, 2, 0.75)
    training.edit(0, -1, 3, 1.5)
    assert training.edits == [[5, 0, 0, 1, 2.0], [10, 1, 0, 2, 0.75], [10, 0, -1, 3, 1.5]]
    training.advance(steps=60)
    names = {}
    exec(training.picture()[0]["code"], names)
    assert np.array_equal(weights(names), weights(training.names))


@pytest.mark.parametrize("changes", [{"data": "moons"}, {"data": "saddle"}, {"data": "xor", "activation": "identity"}])
def test_numbers_that_end_are_told(changes):
    training = playground.Training(setup(**(RELU | {"loss": "mse", "lr": 30} | changes)))
    while training.finite:
        training.advance(steps=1)
        numbers = training.picture()[0]  # also of numbers that have almost ended
        assert all(sum(layer["bins"]) in (0, 240 * layer["units"]) for layer in numbers["layers"])
    assert numbers["step"] < 1000
    assert "nan" not in str(playground._plain(numbers))
    assert playground._plain([1.0, np.nan, {"a": np.inf}]) == [1.0, None, {"a": None}]


def test_statistics_tell_units_that_are_alike_everywhere():
    training = playground.Training(setup(init="zeros", layers=[4]))
    hidden, output = training.picture()[0]["layers"]
    assert hidden["constant"] == 4 and output["units"] == 1 and hidden["weights"] == 0


# In the page ---------------------------------------------------------------------------------------------------------


class Playground:
    def __init__(self, page):
        self.page, self.root = page, page.locator("#network-playground")

    def field(self, name):
        return self.root.locator(f"[data-name={name}]")

    def unit(self, place):
        return self.root.locator(f"[data-unit='{place}']")

    def setup(self):
        return self.page.evaluate("nnPython.playground.parse(location.hash.slice(1)).setup")

    def active(self):
        self.page.wait_for_function("document.activeElement.dataset.name")

    def keys(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def press(self, action):
        self.root.locator(f"[data-action={action}]").click()

    def count(self):
        return int(re.search(r"[Ss]tep (\d+)", self.root.locator(".play-counts").inner_text())[1])

    def reach(self, step):
        self.page.wait_for_function(
            "step => +/step (\\d+)/i.exec(document.querySelector('.play-counts').textContent)[1] >= step", arg=step)

    def said(self, text):
        self.root.locator(".play-status", has_text=text).wait_for()

    @property
    def error(self):
        return self.root.locator(".play-error").inner_text()

    def code(self):
        if not self.root.locator("details").evaluate("e => e.open"):
            self.root.locator("summary").click()
        self.page.wait_for_function("document.querySelector('.play-code pre').textContent")
        return self.root.locator("pre").inner_text()


@pytest.fixture
def opened(watched, html, server):
    def open_page(fragment="", where="disk", **options):
        script = options.pop("script", None)
        window = watched(**options)
        if script:
            window.context.add_init_script(script)
        window.page.goto(((html / PAGE).as_uri() if where == "disk" else f"{server}/{PAGE}") + fragment)
        window.play = Playground(window.page)
        return window

    return open_page


def test_a_colour_means_what_it_means_in_the_figures():
    script = (extension.HERE / "page" / "playground.js").read_text(encoding="utf-8")
    light = json.loads(re.search(r"ends = dark \? .*? : (\[\[.*?\]\])", script)[1])
    assert light == [[round(255 * part) for part in to_rgb(colour)] for colour in (NEGATIVE, POSITIVE)]


@pytest.mark.browser
@pytest.mark.parametrize("where", ["disk", "server"])
def test_a_reader_runs_pauses_steps_and_resets(where, opened):
    window = opened(where=where)
    play = window.play
    window.page.wait_for_load_state("load")
    assert [url for url in window.requests if re.search(r"_static/python/(?!page\.(js|css)|playground\.(js|css))", url)] == []
    assert window.page.locator("iframe").count() == 0
    assert re.search(r"loads \d+ MB", play.root.locator("[data-action=run]").inner_text())
    play.press("run")
    play.reach(100)
    play.press("run")
    play.said("Paused at step")
    window.page.wait_for_function("document.querySelector('#network-playground').dataset.state == 'idle'")
    window.page.evaluate("nnPython.python.run('pass').then(() => 0)")  # what was under way is done
    before = play.count()
    play.press("step")
    play.said(f"Paused at step {before + 1}")
    assert len(play.root.locator("tbody tr").all()) == 3
    anew = "/^Step 0|step 0$/.test(document.querySelector('.play-counts').textContent)"
    nothing_said = "document.querySelector('.play-status').textContent == ''"
    play.press("reset")
    play.page.wait_for_function(f"{anew} && {nothing_said}")
    play.press("step")
    play.said("Paused at step 1")
    play.root.locator("[data-name=lr]").fill("0.1")
    play.root.locator("[data-name=lr]").press("Tab")
    play.page.wait_for_function(f"{anew} && {nothing_said}")
    assert window.errors == [] and window.external == []


@pytest.mark.browser
def test_run_pause_and_run_while_python_is_loaded_is_one_run(opened):
    window = opened()
    for _ in range(3):
        window.play.press("run")
    window.play.reach(1)
    at_once = window.page.evaluate("""() => new Promise(done => {
        const {python} = nnPython, run = python.run;
        let calls = 0, under_way = 0, most = 0;
        python.run = function (...given) {
            most = Math.max(most, ++under_way);
            if (++calls == 20) done(most);
            return run.apply(this, given).finally(() => { under_way--; });
        };
    })""")
    assert at_once == 1 and window.errors == []


@pytest.mark.browser
def test_the_link_is_the_state_and_the_code_has_its_weights(opened):
    link = "#data=moons&layers=4,3&activation=relu&init=he_normal&loss=hinge&edits=10:0:b:1:0.5&steps=60"
    window = opened(link)
    play = window.play
    play.press("run")
    play.said("Paused at step 60")
    names = {}
    exec(play.code(), names)
    play.root.locator("[data-unit='2.1']").click()
    shown = [float(x) for x in play.root.locator(".play-unit input").evaluate_all("all => all.map(each => each.value)")]
    model = names["model"]
    np.testing.assert_allclose(shown, [*model[2].W.value[:, 1], model[2].b.value[1]], rtol=1e-4)
    assert unquote(window.page.evaluate("location.hash")) == link
    field = play.root.locator(".play-unit input").first
    field.fill("1.25")
    field.press("Enter")
    window.page.wait_for_function("location.hash.includes('60:1:0:1:1.25')")
    assert "model[2].W.value[0, 1] = 1.25  # by hand, after step 60" in play.code()


@pytest.mark.browser
@pytest.mark.parametrize("fragment, said", [
    ("#lr=fast", "lr expects a number from 0 to 1000, got “fast”."),
    ("#lr=", "lr expects a number from 0 to 1000, got “”."),
    ("#batch=2.5", "batch expects a whole number from 1 to 240, got “2.5”."),
    ("#data=circles", "data expects spirals, moons, xor, blobs, saddle or own, got “circles”."),
    ("#data=constructor", "data expects spirals"),
    ("#loss=mae", "loss expects binary_cross_entropy, hinge or mse, got “mae”."),
    ("#data=saddle&loss=hinge", "loss expects mse, mae or huber, got “hinge”."),
    ("#layers=8,0", "layers expects up to 5 whole numbers from 1 to 10, as in 8,8, got “8,0”."),
    ("#layers=1,1,1,1,1,1", "layers expects up to 5 whole numbers"),
    ("#colour=red", "expects data, noise"),
    ("#data=own&points=9,9,1", "points expects up to 200 of x,y,class"),
    ("#edits=1:0:5:0:1", "edits expects up to 200 of step:layer:from:to:value that fit the layers"),
    ("#steps=-1", "steps expects a whole number from 0 to 100000, got “-1”."),
    ("#lr=%E0%A4%A", "lr expects a number"),
    ("#seed=<img src=x onerror=alert(1)>", "seed expects a whole number"),
])  # fmt: skip
def test_a_bad_link_is_told_in_one_line_and_the_page_stays_usable(fragment, said, opened):
    window = opened(fragment)
    assert said in window.play.error and "\n" not in window.play.error
    window.play.root.locator("[data-name=lr]").fill("0.5")
    window.play.root.locator("[data-name=lr]").press("Tab")
    assert window.play.root.locator(".play-error").is_hidden() and "lr=0.5" in window.page.url
    assert window.errors == [] and window.play.root.locator("img").count() == 0


@pytest.mark.browser
def test_a_bad_setting_is_refused_in_its_field(opened):
    play = opened().play
    rate = play.root.locator("[data-name=lr]")
    rate.fill("-1")
    rate.press("Tab")
    assert "Learning rate expects a number from 0 to 1000, got “-1”." in play.error and rate.input_value() == "0.3"


@pytest.mark.browser
def test_every_link_of_the_book_is_a_set_up(opened, html):
    pages = [path.read_text(encoding="utf-8") for path in html.rglob("*.html")]
    links = {link for page in pages for link in re.findall(r'href="[^"]*playground\.html#([^"]+=[^"]*)"', page)}
    links |= set(re.findall(r'href="#([^"]+=[^"]*)"', (html / PAGE).read_text(encoding="utf-8")))
    assert len(links) >= 6
    found = opened().page.evaluate("links => links.map(link => nnPython.playground.parse(link).errors.join())",
                                   [link.replace("&amp;", "&") for link in sorted(links)])  # fmt: skip
    assert found == [""] * len(links)


@pytest.mark.browser
def test_own_points_are_placed_by_hand_and_by_keyboard(opened):
    window = opened("#data=own&layers=3")
    play, page = window.play, window.page
    play.press("run")
    assert "at least two points" in play.error
    play.root.locator(".play-field").click(position={"x": 30, "y": 30})
    play.root.get_by_label("blue disc").check()
    play.root.get_by_label("x₁ of the next point").fill("1")
    play.root.get_by_role("button", name="Add", exact=True).press("Enter")
    assert re.search(r"points=-2\.\d+,2\.\d+,1;1,0,0", unquote(page.url))
    play.press("run")
    play.reach(20)
    play.press("run")
    assert "X = np.array([[-2." in play.code()


@pytest.mark.browser
def test_to_remove_all_points_can_be_undone(opened):
    play = opened("#data=own&points=1,1,1;-1,0,0").play
    for label, points in (("Remove all", False), ("Undo remove all", True), ("Remove all", False)):
        play.root.get_by_role("button", name=label, exact=True).click()
        assert ("points=" in play.page.url) == points
    play.root.locator(".play-field").click(position={"x": 30, "y": 30})
    assert play.root.get_by_role("button", name="Undo remove all").count() == 0, "there are new ones"


TYPED = {  # what is pressed or typed right after a number, before its field has been left, and what it leads to
    "a click into the next field": (lambda play: (play.field("batch").click(), play.keys("Control+a", "7", "Tab")), {"batch": 7}),
    "Tab to the next": (lambda play: (play.keys("Tab"), play.active(), play.keys("Tab")), {}),
    "a press of the plus": (lambda play: play.field("more").click(), {"layers": [8, 8, 4]}),
    "a unit": (lambda play: (play.unit("1.0").click(), play.root.locator(".play-unit").wait_for()), {}),
}


@pytest.mark.browser
@pytest.mark.parametrize("what", TYPED)
def test_what_follows_a_number_at_once_is_not_lost(what, opened):
    play = opened("#layers=8,8").play
    before = play.setup()
    play.field("lr").fill("0.1")
    TYPED[what][0](play)
    assert play.setup() == before | {"lr": 0.1} | TYPED[what][1]


@pytest.mark.browser
def test_the_wheel_turns_the_page_and_no_number(opened):
    play = opened(viewport={"width": 1280, "height": 500}).play
    play.field("lr").click()
    play.page.mouse.wheel(0, 200)
    play.page.wait_for_function("scrollY > 0")
    assert play.field("lr").input_value() == "0.3" and "lr" not in play.page.url


@pytest.mark.browser
def test_a_link_that_is_copied_while_it_runs_has_what_was_set_by_hand_and_the_step(opened):
    window = opened("#layers=2", script="navigator.clipboard.writeText = async text => { window.copied = text; }")
    play = window.play
    play.press("run")
    play.reach(1)
    play.root.locator("[data-unit='1.1']").click()
    play.root.locator(".play-unit input").first.fill("2.5")
    play.root.locator(".play-unit input").first.press("Enter")
    play.page.wait_for_function("location.hash.includes('edits=')")
    play.press("link")
    link = unquote(play.page.evaluate("window.copied")).partition("#")[2]
    assert re.search(r"edits=\d+:0:0:1:2.5&steps=\d+$", link)
    play = opened("#" + link).play
    play.said("The link leads to step")
    play.field("optimizer").select_option("Adam")
    assert ":0:0:1:2.5" in unquote(play.page.url), "the same weights for another optimiser"
    assert "steps=" not in play.page.url, "another set-up starts at step 0"


@pytest.mark.browser
def test_a_link_to_a_heading_arrives(opened, html):
    [*headings] = re.findall(r'href="#([\w-]+)"', (html / PAGE).read_text(encoding="utf-8"))
    window = opened(f"#{headings[-1]}")
    window.page.wait_for_function("scrollY > 0")
    assert window.page.evaluate("location.hash") == f"#{headings[-1]}"


@pytest.mark.browser
def test_the_program_is_that_of_the_set_up(opened):
    play = opened("#data=moons").play
    assert "moons(" in play.code()
    assert play.root.locator("[data-action=run]").inner_text() == "Run", "Python is here"
    play.field("data").select_option("own")
    assert play.root.locator("pre").inner_text() == "" and play.root.locator("[data-action=copy]").is_disabled()


@pytest.mark.browser
def test_a_step_that_a_link_leads_to_and_that_was_passed_stops_no_run(opened):
    play = opened("#steps=2").play
    for k in range(3):
        play.press("step")
        play.said(f"Paused at step {k + 1}")
    play.press("run")
    play.reach(200)


@pytest.mark.browser
def test_a_rate_that_is_too_large_ends_with_a_line(opened):
    window = opened("#data=moons&activation=relu&init=he_normal&loss=mse&lr=30")
    window.play.press("run")
    window.play.root.locator(".play-error", has_text="the numbers ended").wait_for()
    assert "A learning rate of 30 is too large here" in window.play.error
    window.play.root.locator("[data-name=lr]").fill("0.1")
    window.play.root.locator("[data-name=lr]").press("Tab")
    window.play.press("run")
    window.play.reach(50)


@pytest.mark.browser
def test_by_keyboard_alone(opened):
    window = opened("#layers=2")
    page, play = window.page, window.play
    play.root.locator("[data-action=step]").focus()
    page.keyboard.press("Enter")
    play.said("Paused at step 1")
    play.root.locator("[data-unit='1.1']").focus()
    assert "unit 2 of hidden layer 1 answers" in play.root.locator(".play-caption").first.inner_text()
    page.keyboard.press("Enter")
    play.root.locator(".play-unit input:focus").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.includes('edits=1:0:0:1:2')")
    play.root.get_by_role("button", name="Close").press("Enter")
    assert page.evaluate("document.activeElement.dataset.unit") == "1.1"
    more = play.root.locator("[data-name=more]")
    more.press("Enter")
    assert "layers=2,4" in page.url and more.evaluate("e => e == document.activeElement")


@pytest.mark.browser
def test_it_is_accessible_in_both_themes(opened):
    from axe_playwright_python.sync_playwright import Axe

    window = opened("#data=own&points=0,1,0;1,1,1&optimizer=Adam", reduced_motion="reduce")
    window.play.press("step")
    window.play.said("Paused at step 1")
    window.play.root.locator("[data-unit='1.0']").click()
    window.play.code()
    for theme in ("light", "dark"):
        window.page.evaluate(TURNED, theme)
        found = Axe().run(window.page, {"include": [["#network-playground"]]}, {"resultTypes": ["violations"]})
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found.response["violations"]] == [], theme


@pytest.mark.browser
def test_a_phone_has_room_for_it(opened):
    window = opened("#layers=10,10,10,10,10&steps=20", viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    window.play.press("run")
    window.play.said("Paused at step 20")
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
    boxes = [each.bounding_box() for each in window.play.root.locator(".play-node").all()]
    assert min(box["width"] for box in boxes) >= 24 and max(box["x"] + box["width"] for box in boxes) <= 390
    assert window.play.root.locator(".play-table").evaluate("e => e.scrollWidth <= e.clientWidth"), "columns are cut"
    heights = window.play.root.locator(".play-setup legend").evaluate_all("all => all.map(e => e.getBoundingClientRect().height)")
    assert len(set(heights)) == 1, "a heading stands in two lines"


@pytest.mark.browser
@pytest.mark.slow
def test_it_is_fast_enough_to_watch(opened):
    """On two quiet cores spirals with two layers of eight run at 40 epochs a second, 36 ms a picture (medians). What is ten times
    too slow fails here, and on a machine that is slow with all, what is slower than that."""
    window = opened()
    window.play.press("run")
    window.play.reach(50)
    measured = window.page.evaluate("""async () => {
        const counts = document.querySelector(".play-counts"), found = [];
        for (let turn = 0; turn < 3; turn++) {
            const times = [], epoch = () => +/Epoch (\\S+)/.exec(counts.textContent)[1];
            const first = epoch(), start = performance.now();
            let last = start;
            await new Promise(done => {
                const watch = new MutationObserver(() => {
                    times.push(performance.now() - last);
                    last = performance.now();
                    if (times.length === 40) { watch.disconnect(); done(); }
                });
                watch.observe(counts, {childList: true});
            });
            found.push([(epoch() - first) / (last - start) * 1e3, times.sort((a, b) => a - b)[20]]);
        }
        return found;
    }""")
    window.play.press("run")
    slow = max(1, window.page.evaluate(PLAIN) / 300)
    assert max(rate for rate, _ in measured) >= 4 / slow and min(time for _, time in measured) <= 360 * slow, (measured, slow)


@pytest.mark.browser
def test_in_firefox(html):
    if not firefox.PROGRAM:
        pytest.skip("no Firefox on the PATH")
    with contextlib.closing(firefox.Firefox(free_ports(1)[0], SECONDS)) as running:
        running.goto((html / PAGE).as_uri() + "#activation=relu&init=he_normal&loss=hinge&steps=100")
        code = running.evaluate("""async () => {
            const until = async (what) => { while (!what()) await new Promise(requestAnimationFrame); };
            document.querySelector("[data-action=run]").click();
            await until(() => /Paused at step 100/.test(document.querySelector(".play-status").textContent));
            document.querySelector(".play-code").open = true;
            const pre = document.querySelector(".play-code pre");
            await until(() => pre.textContent);
            return pre.textContent;
        }""")
        names = {}
        exec(code, names)
        assert len(names["losses"]) == 100
