"""Exercises answered in the built page, in Chromium and Firefox, from a disk and from a server, no other host in reach."""

import contextlib
import functools
import gzip
import hashlib
import io
import json
import re

import numpy as np
import pytest

from book.notebook import chapter_paths, label_of, parts, read
from book.python import extension, scripts
from nnlib.exercises import all_exercises, check
from tests.book import firefox
from tests.conftest import SECONDS, again, free_ports

PAGE = "chapters/02_activations.html"
WRONG = "def softmax(z):\n    e = np.exp(z)\n    return e / e.sum(axis=1, keepdims=True)\n\n\ncheck(softmax)"
RIGHT = WRONG.replace("np.exp(z)", "np.exp(z - z.max(axis=1, keepdims=True))")
HEAD = 'Traceback (most recent call last):\n  File "<softmax>", line {}, in <module>\n'
LOADED = r"/_static/python/(?!page\.(js|css))"
PLAIN = """async () => {  // milliseconds of a loop: how slow is this machine now?
    const start = performance.now();
    await nnPython.python.run("sum(k * k for k in range(3_000_000))");
    return performance.now() - start;
}"""


def test_the_bundles_are_made_from_their_sources():
    """Else: python -m book scripts."""
    assert (scripts.BUNDLED / "sources.sha256").read_text().strip() == scripts.sources()
    licences = (scripts.BUNDLED / "LICENCES.txt").read_text(encoding="utf-8")
    wanted = json.loads((scripts.PAGE / "package.json").read_text())["dependencies"].keys() - {"esbuild"}
    assert all(f"\n{name} " in "\n" + licences for name in wanted)


def test_a_page_takes_for_granted_what_its_chapter_imports():
    for path in chapter_paths():
        source = extension.imports(read(path))
        assert "import numpy as np" in source and "from nnlib.exercises import check" in source
        assert not re.search("matplotlib|plots|explore", source)


def test_only_the_small_parts_of_nnlib_are_left_out(root):
    data = extension.book(root)
    names = set(re.findall(rb"book/[\w./]+\.(?:py|npz|csv)", data))
    assert {b"book/guest.py", b"book/nnlib/data/digits.npz", b"book/nnlib/exercises/judging/judge.py"} <= names
    data_sets = [path.name for path in (root / "nnlib/data").iterdir() if path.suffix in (".csv", ".npz", ".txt")]
    assert len(data_sets) > 3 and all(f"book/nnlib/data/{name}".encode() in data for name in data_sets)
    assert len(gzip.compress(data)) < 600_000 and data == extension.book(root)


# What is printed -----------------------------------------------------------------------------------------------------


def printed(function):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), np.errstate(all="ignore"):
        function()
    return out.getvalue()


@functools.cache
def cells():
    """[(what, source, what CPython prints)]: each exercise's stub and solution, and all of its wrong answers."""
    found = []
    for path in chapter_paths():
        for part in parts(read(path)):
            if part.kind and part.cell.cell_type == "code" and "check(" in part.cell.source:
                stored = "".join(out.get("text") or out["data"]["text/plain"] + "\n" for out in part.cell.outputs)
                found.append((f"{part.kind} {part.label}", part.cell.source, stored))
    for name, entry in all_exercises().items():
        source = f"e = all_exercises()[{name!r}]\nfor wrong in e.mistakes:\n    check(e.answer(wrong.answer), {name!r})"
        said = printed(lambda: [check(entry.answer(wrong.answer), name) for wrong in entry.mistakes])  # noqa: B023
        found.append((f"wrong answers to {label_of(name)}", source, said))
    return found


RUN_ALL = """async cells => {
    await nnPython.script(nnPython.at("python"));
    nnPython.before = [...Object.values(nnPython.imports), "from nnlib.exercises import all_exercises, check"].join("\\n");
    const found = [];
    for (const [what, source] of cells) {
        let text = "";
        await nnPython.python.cell(source, what, {output: (stream, part) => text += part});
        found.push(text);
    }
    return found;
}"""


@pytest.mark.browser
@pytest.mark.parametrize("browser, where", [("chromium", "disk"), ("firefox", "disk"), ("firefox", "server")])
def test_every_cell_of_an_exercise_prints_what_cpython_prints(browser, where, request, html, server):
    url = (html / PAGE).as_uri() if where == "disk" else f"{server}/{PAGE}"
    wanted = cells()
    assert len([what for what, *_ in wanted if what.startswith("wrong")]) == len(all_exercises())
    if browser == "firefox":
        page = request.getfixturevalue("gecko")
        page.goto(url)
        found = page.evaluate(RUN_ALL, [cell[:2] for cell in wanted])
    else:
        window = request.getfixturevalue("watched")()
        window.page.goto(url)
        found = window.page.evaluate(RUN_ALL, [cell[:2] for cell in wanted])
        assert window.errors == [] and window.external == []
    for (what, _, text), got in zip(wanted, found, strict=True):
        assert got == text, what


# What a reader does --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def gecko():
    if not firefox.PROGRAM:
        pytest.skip("no Firefox on the PATH")
    running = firefox.Firefox(free_ports(1)[0], SECONDS)
    yield running
    running.close()


class Exercise:
    """An exercise on a page."""

    def __init__(self, page, name="softmax"):
        self.page, self.name, self.root = page, name, page.locator(f".runnable[data-name={name}]")

    def button(self, action):
        return self.root.locator(f"[data-action={action}]")

    def write(self, text):
        self.root.evaluate("(root, text) => root.setCode(text)", text)

    def wait(self, *states):
        self.root.and_(self.page.locator(", ".join(f"[data-state={state}]" for state in states))).wait_for()

    def check(self, text=None, state="done"):
        if text is not None:
            self.write(text)
        self.button("run").click()
        self.wait(state)
        return self.root.locator(".runnable-output").inner_text()

    @property
    def text(self):
        return self.root.evaluate("root => root.getCode()")

    def reads(self, text):
        """What waits until it reads ``text``."""
        is_there = "([name, text]) => document.querySelector(`.runnable[data-name=${name}]`).getCode() === text"
        return functools.partial(self.page.wait_for_function, is_there, arg=[self.name, text])


@pytest.fixture
def opened(watched, html, server):
    def open_page(where="disk", page=PAGE, script=None, **options):
        window = watched(**options)
        without_formulas(window.context)
        if script:
            window.context.add_init_script(script)
        window.page.goto((html / page).as_uri() if where == "disk" else f"{server}/{page}")
        window.exercise = Exercise(window.page)
        return window

    return open_page


def without_formulas(context):
    """To set them takes longer than all else that a page does, and no exercise needs them."""
    context.route("**/mathjax/**", lambda route: route.fulfill(content_type="text/javascript", body=""))


@pytest.mark.browser
def test_nothing_is_loaded_before_the_first_click(opened):
    window = opened()
    window.exercise.wait("idle")
    window.page.wait_for_load_state("load")
    assert [url for url in window.requests if re.search(LOADED, url)] == []
    assert window.page.locator("iframe").count() == 0
    size = sum(len(gzip.compress((extension.HERE / "page" / name).read_bytes())) for name in ("page.js", "page.css"))
    assert size < 10_000
    assert re.search(r"loads \d+ MB", window.exercise.button("run").inner_text())


@pytest.mark.browser
@pytest.mark.parametrize("where", ["disk", "server"])
def test_a_reader_gets_a_hint_then_solves_it_and_finds_it_solved_again(where, opened, html, server):
    window = opened(where)
    page, exercise = window.page, window.exercise
    said = exercise.check(WRONG)
    assert said.startswith("softmax: right on ordinary scores; wrong") and "Hint: np.exp(1000) is inf" in said
    assert exercise.root.locator(".cell_output").is_hidden(), "what is stored belongs to the stub"
    assert exercise.button("run").inner_text() == "Check"
    assert "softmax: right on" in exercise.check(RIGHT)
    assert exercise.root.locator(".runnable-status").inner_text() == "✓ Right"
    tick, count = page.locator("#ex-softmax .runnable-solved"), page.locator(".bd-links .current > a .runnable-count")
    assert tick.inner_text() == "✓ solved" and re.match(r"✓ 1/\d", count.first.inner_text().strip())
    again(page.reload, tick.wait_for)
    assert exercise.text == RIGHT and exercise.button("run").inner_text() != "Check"
    cover = page.url.split("chapters/")[0] + "intro.html"
    again(lambda: page.goto(cover), page.locator("#map-2 .map-rings", has_text="solved 1 of").wait_for)
    assert re.search(r"read \d+ of", page.locator("#map-2 .map-rings").inner_text())
    assert "solved 1 of" in page.locator("#map-2 .map-rings").inner_text()
    assert re.match(r"✓ 1/\d", page.locator(".bd-links .runnable-count").first.inner_text().strip())
    assert window.errors == [] and window.external == []


FLOW = """async ([wrong, right]) => {
    const root = document.querySelector("[data-name=softmax]"), state = name => new Promise(done => {
        const look = () => root.dataset.state == name && (watch.disconnect(), done());
        const watch = new MutationObserver(look);
        watch.observe(root, {attributes: true});
        look();
    }), run = async (text, wanted) => {
        root.setCode(text);
        root.querySelector("[data-action=run]").click();
        await state(wanted);
        return root.querySelector(".runnable-output").innerText;
    };
    const said = [await run(wrong, "done"), await run(right, "done")];
    const stopped = run("while True: pass", "stopped");
    await state("running");
    root.querySelector("[data-action=stop]").click();
    return [...said, await stopped, await run(right, "done")];
}"""


@pytest.mark.browser
def test_the_same_in_firefox(gecko, html):
    gecko.goto((html / PAGE).as_uri())
    wrong, right, stopped, again = gecko.evaluate(FLOW, [WRONG, RIGHT])
    assert "wrong on large scores" in wrong and "right on" in right == again and "you stopped it" in stopped
    gecko.goto((html / PAGE).as_uri())
    assert gecko.evaluate("() => document.querySelector('[data-name=softmax]').getCode()") == RIGHT
    assert gecko.evaluate("() => document.querySelector('#ex-softmax .runnable-solved').innerText") == "✓ solved"


@pytest.mark.browser
def test_reset_brings_back_the_stub_as_it_stood(opened):
    window = opened()
    exercise, stub = window.exercise, window.exercise.text
    exercise.check(WRONG)
    reset = exercise.button("reset")
    reset.click()
    assert exercise.text == stub and exercise.root.locator(".cell_output").is_visible()
    assert reset.inner_text() == "Undo reset"
    reset.click()
    assert exercise.text == WRONG and reset.inner_text() == "Reset"
    reset.click()
    exercise.write(stub + "\n")
    assert reset.inner_text() == "Reset", "what is written anew is not undone"
    reset.click()
    reset.click()
    exercise.write(stub)
    exercise.check()
    reset.click()
    assert exercise.text == stub and reset.is_hidden(), "there is nothing to undo"
    again(window.page.reload, exercise.reads(stub))


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_no_reset_comes_to_stand_where_another_button_stood(width, opened):
    """Else the second of two clicks, or one that comes too late, would wipe an answer."""
    window = opened(viewport={"width": width, "height": 800})
    exercise, stood = window.exercise, []
    exercise.write("while True: pass")
    for action, state in (("edit", "idle"), ("run", "running"), ("stop", "stopped")):
        stood.append(exercise.button(action).bounding_box())
        exercise.button(action).click()
        exercise.wait(state)
        assert exercise.button("reset").is_disabled() == (state == "running")
    exercise.root.locator(".cm-content").wait_for()
    reset = exercise.button("reset").bounding_box()
    for box in stood[::2]:
        apart = [abs(reset[at] - box[at]) >= min(reset[size], box[size]) for at, size in (("x", "width"), ("y", "height"))]
        assert any(apart), (box, reset)


@pytest.mark.browser
def test_by_keyboard_alone(opened):
    window = opened()
    page, exercise = window.page, window.exercise
    exercise.button("edit").focus()
    page.keyboard.press("Enter")
    editor = exercise.root.locator(".cm-content")
    editor.and_(page.locator(":focus")).wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("def softmax(z):\nreturn None", delay=0)
    assert exercise.text == "def softmax(z):\n    return None", "a block is indented"
    page.keyboard.press("Tab")
    assert editor.evaluate("e => e == document.activeElement"), "Tab indents"
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert exercise.button("run").evaluate("e => e == document.activeElement"), "Escape, then Tab leaves"
    editor.focus()
    page.keyboard.press("Control+Enter")
    exercise.wait("done")
    assert exercise.root.locator(".runnable-status").get_attribute("role") == "status"
    assert exercise.root.locator(".runnable-output").get_attribute("aria-live") == "polite"
    exercise.write("while True: pass")
    focused = exercise.button("run").and_(page.locator(":focus"))
    exercise.button("run").focus()
    page.keyboard.press("Enter")
    exercise.wait("running")
    focused.wait_for()
    page.keyboard.press("Enter")  # it runs already
    exercise.button("stop").focus()
    page.keyboard.press("Enter")
    exercise.wait("stopped")
    focused.wait_for()


@pytest.mark.browser
def test_an_endless_loop_is_stopped_by_the_reader_and_by_a_limit(opened):
    window = opened()
    exercise = window.exercise
    exercise.write("print('begun')\nwhile True:\n    print('more')")
    exercise.button("run").click()
    exercise.root.locator(".runnable-output", has_text="begun").wait_for()
    exercise.button("stop").click()
    exercise.wait("stopped")
    assert "you stopped it" in exercise.root.locator(".runnable-output").inner_text()
    assert "right on" in exercise.check(RIGHT)
    said = window.page.evaluate("""() => nnPython.python.run('while True: pass', {limit: 300})
        .then(() => 'ended', error => error.kind + ': ' + error.message)""")
    assert said.startswith("stopped: it ran for 0.3 seconds")
    said = window.page.evaluate("""() => {
        const runs = [1, 2].map(() => nnPython.python.run('while True: pass').then(() => 'ended', error => error.kind));
        nnPython.python.stop();
        return Promise.all(runs);
    }""")
    assert said == ["stopped", "stopped"], "also what waits, and what has hardly begun"
    assert "right on" in exercise.check(RIGHT)
    assert window.errors == []


@pytest.mark.browser
def test_what_a_cell_may_take_is_bounded(opened):
    window = opened()
    exercise = window.exercise
    said = exercise.check("print('x' * 300_000)")
    assert 100_000 < len(said) < 101_000 and "only the first 100,000 characters" in said
    assert "MemoryError" in exercise.check("bytearray(10**9)")
    assert "exit code 3" in exercise.check("import os\nos._exit(3)", state="failed")
    assert "2" in exercise.check("1 + 1")


FULL = """kept = []
for size in (1 << 20, 1 << 10, 0):
    try:
        while True:
            kept.append(bytearray(size))
    except MemoryError:
        pass
"""


@pytest.mark.browser
def test_a_python_whose_memory_is_full_says_so_and_starts_anew(opened):
    """Also where just so much is left that Python's own words about it would come out, whole or in part."""
    exercise = opened().exercise
    for rest in ("", "del kept[-100:]", "del kept[-500:]\n1 / 0"):
        said = exercise.check(FULL + rest, state="failed")
        *before, full, kept = said.splitlines()
        assert full.startswith("Python is stopped: its memory is full") and kept.startswith("What you wrote is kept")
        assert not re.search("object|lost|guest|reactor", said)
    assert before[-1] in ("MemoryError", "ZeroDivisionError: division by zero")
    assert "right on" in exercise.check(RIGHT)


LOST = """async text => {
    const root = document.querySelector("[data-name=softmax]"), run = async (text, ...wanted) => {
        root.setCode(text);
        root.querySelector("[data-action=run]").click();
        while (!wanted.includes(root.dataset.state)) await new Promise(done => setTimeout(done, 50));
        return root.querySelector(".runnable-output").innerText.trim();
    }, killed = async () => { while (!localStorage.killed) await new Promise(done => setTimeout(done, 50)); };
    await run("1", "done");
    if (!text.startsWith("while")) await killed();
    const lost = run(text, "failed", "stopped"), kept = root.getCode();
    localStorage.told = JSON.stringify([await lost, kept, await run("2", "done")]);
}"""


@pytest.mark.browser
@pytest.mark.parametrize("victim, text", [("process", "3"), ("process", "while True: pass"), ("worker", "3")])
def test_a_python_that_is_ended_from_outside_is_missed_and_started_anew(victim, text, opened, server, chromium):
    """Idle or running, as by a browser that is short of memory: nobody is told."""
    window = opened("server")
    page, other, crashed = window.page, window.context.new_page(), []
    other.goto(f"{server}/search.html")  # Playwright gives up a page of which a process has died; what it says is read here
    page.evaluate(f"() => void ({LOST})({json.dumps(text)})")
    if text.startswith("while"):
        page.locator("[data-name=softmax][data-state=running]", has_text="while").wait_for()
    else:
        window.exercise.wait("done")
    if victim == "worker":
        page.frames[1].evaluate("worker.terminate()")
    else:
        browser = chromium.new_browser_cdp_session()
        browser.on("Target.targetCrashed", lambda event: crashed.append(event))
        browser.send("Target.setDiscoverTargets", {"discover": True, "filter": [{"type": "iframe"}]})
        mine = window.context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        frames = browser.send("Target.getTargets", {"filter": [{"type": "iframe"}]})["targetInfos"]
        (frame,) = [each for each in frames if each["browserContextId"] == mine]  # other tests keep pages open
        session = browser.send("Target.attachToTarget", {"targetId": frame["targetId"], "flatten": False})["sessionId"]
        message = json.dumps({"id": 1, "method": "Page.crash"})
        browser.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
        while not crashed:
            other.title()  # lets events come
    other.evaluate("localStorage.killed = 1")
    other.wait_for_function("localStorage.told")
    lost, kept, after = json.loads(other.evaluate("localStorage.told"))
    assert lost == "Python is stopped: the browser has ended it.\nWhat you wrote is kept. The next check starts Python anew."
    assert kept == text and after == "2"


@pytest.mark.browser
@pytest.mark.parametrize("source, said", [
    ("def f():\n    return 1 / 0\n\n\nf()", HEAD.format(5) + '''    f()
    ~^^
  File "<softmax>", line 2, in f
    return 1 / 0
           ~~^~~
ZeroDivisionError: division by zero
'''),
    ("for i in range(3)\n    pass", '''  File "<softmax>", line 1
    for i in range(3)
                     ^
SyntaxError: expected ':'
'''),
    ("exit()", HEAD.format(1) + "    exit()\n    ~~~~^^\nSystemExit: None\n"),
    ("import sqlite3", HEAD.format(1) + "    import sqlite3\n"
     "ModuleNotFoundError: Standard library module 'sqlite3' was not found\n"),
    ("import pandas", HEAD.format(1) + "    import pandas\nModuleNotFoundError: No module named 'pandas'\n"),
    ("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('no') from error", None),
    ("import time\nstart = time.monotonic()\ntime.sleep(0.1)\nround(time.monotonic() - start, 1) < 1", "True\n"),
    ("import time\nstart = time.process_time()\nsum(range(10**6))\ntime.get_clock_info('process_time')\n"
     "0 < time.process_time() - start < 10", "True\n"),
    ("from nnlib.data import digits\nX, y = digits()\nX.shape, int(y.sum())", "((1797, 1, 8, 8), 8070)\n"),
    ("print('é🎉')\n'é🎉'", "é🎉\n'é🎉'\n"),
    ("sum", "<built-in function sum>\n"),
])  # fmt: skip
def test_a_cell_reads_as_in_a_notebook(source, said, shared):
    got = shared.evaluate("""async source => {
        let text = "";
        await nnPython.script(nnPython.at("python"));
        await nnPython.python.cell(source, "softmax", {output: (stream, part) => text += part});
        return text;
    }""", source)
    if said is None:
        assert "direct cause" in got and got.count("<softmax>") == 2
    else:
        assert got == said
    assert "guest" not in got and "reactor" not in got


@pytest.fixture(scope="module")
def shared(chromium, html):
    page = chromium.new_page()
    page.goto((html / PAGE).as_uri())
    yield page
    page.close()


@pytest.mark.browser
def test_the_worker_has_no_network_and_sees_no_page(opened, server):
    window = opened("server")
    window.exercise.check("1 + 1")
    (worker,) = window.page.workers
    asked = len(window.requests)
    assert worker.evaluate("url => fetch(url).then(() => 'reached', () => 'refused')", server) == "refused"
    script = "url => { try { importScripts(url); return 'reached' } catch { return 'refused' } }"
    assert worker.evaluate(script, server) == "refused"
    assert worker.evaluate("new Promise(done => { try { const open = indexedDB.open('x'); open.onerror = () => done('refused'); "
                           "open.onsuccess = () => done('reached') } catch { done('refused') } })") == "refused"
    assert worker.evaluate("self.origin") == "null" and len(window.requests) == asked


@pytest.mark.browser
def test_a_lost_download_is_told_and_tried_again(opened):
    window = opened("server")
    exercise, lost = window.exercise, "**/core-*.zip.gz"
    window.context.route(lost, lambda route: route.abort())
    said = exercise.check(WRONG, state="failed")
    assert re.search(r"the download stopped after \d\.\d of \d\.\d MB", said) and "What you wrote is kept" in said
    window.context.unroute(lost)
    before = len([url for url in window.requests if "core-" in url])
    assert "wrong on large scores" in exercise.check()
    assert len([url for url in window.requests if "core-" in url]) == before + 1, "what was there is not loaded again"


@pytest.mark.browser
def test_a_download_cut_short_is_no_module(opened):
    window = opened("server")
    window.context.route("**/core-*.zip.gz", lambda route: route.fulfill(body=b"\x1f\x8b" + bytes(100)))
    assert "the download stopped" in window.exercise.check(WRONG, state="failed")
    assert window.exercise.text == WRONG


@pytest.mark.browser
def test_a_server_may_unpack_what_it_sends(opened, html):
    """As some do with every file called .gz, by Content-Encoding."""
    window = opened("server")

    def plain(route):
        packed = (html / "_static" / "python" / route.request.url.rsplit("/", 1)[1]).read_bytes()
        route.fulfill(body=gzip.decompress(packed))

    window.context.route("**/book-*.gz", plain)
    assert window.exercise.check("1 + 1").strip() == "2"


@pytest.mark.browser
def test_a_download_is_stopped(opened):
    window = opened("server")
    hold = []
    window.context.route("**/core-*.zip.gz", lambda route: hold.append(route))
    window.exercise.button("run").click()
    window.exercise.wait("loading")
    window.exercise.button("stop").click()
    window.exercise.wait("stopped")
    assert "you stopped the download" in window.exercise.root.locator(".runnable-output").inner_text()


@pytest.mark.browser
def test_a_download_that_was_stopped_is_begun_again_at_once(opened):
    """From a disk a script that was asked for still comes. Its attempt ends with it, the next one must not."""
    window = opened()
    exercise, held, first = window.exercise, {}, re.compile(r"/core-\w+\.(wasm|zip)\.gz\.0\.js")
    window.context.route(first, lambda route: held.update({first.search(route.request.url)[1]: route}))
    exercise.button("run").click()
    while len(held) < 2:
        window.page.evaluate("new Promise(requestAnimationFrame)")
    exercise.button("stop").click()
    held["wasm"].continue_()
    exercise.wait("stopped")
    exercise.button("run").click()
    exercise.wait("loading")
    held["zip"].continue_()
    exercise.wait("done", "failed")
    assert "not written yet" in exercise.root.locator(".runnable-output").inner_text()


@pytest.mark.browser
def test_a_reload_while_it_runs_loses_nothing(opened):
    window = opened()
    exercise, text = window.exercise, "while True:\n    pass"
    exercise.write(text)
    exercise.button("run").click()
    exercise.wait("running")
    again(window.page.reload, exercise.root.locator("pre", has_text="while True").wait_for)
    assert exercise.text == text and exercise.root.get_attribute("data-state") == "idle"


@pytest.mark.browser
@pytest.mark.parametrize("script", [
    "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('forbidden', 'SecurityError') }})",
    "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }",
])  # fmt: skip
def test_where_nothing_can_be_stored_all_works_and_a_line_says_so(script, opened):
    window = opened("server", script=script)
    window.exercise.write(WRONG)
    assert "right on" in window.exercise.check(RIGHT)
    other = Exercise(window.page, "collapse")
    other.write("1")
    for exercise in (window.exercise, other):
        assert "copy your answer" in exercise.root.locator("[role=alert]").inner_text(), "it stays, at each answer"
    assert window.page.locator("#ex-softmax .runnable-solved").is_visible()


@pytest.mark.browser
def test_two_tabs_show_what_was_written_last(opened):
    window = opened("server")
    other = window.context.new_page()
    other.goto(window.page.url)
    window.exercise.write(WRONG)
    twin = Exercise(other)
    other.wait_for_function("text => document.querySelector('[data-name=softmax]').getCode() == text", arg=WRONG)
    twin.check(RIGHT)
    window.page.locator("#ex-softmax .runnable-solved").wait_for()
    assert window.exercise.text == RIGHT


@pytest.mark.browser
def test_a_late_word_of_another_tab_writes_nothing_over(opened):
    window = opened("server")
    for told in ("older", None):
        stored = window.page.evaluate("""told => {
            const key = "nn:answer:softmax";
            localStorage.setItem(key, `newer than ${told}`);
            dispatchEvent(new StorageEvent("storage", {key, newValue: told}));
            return localStorage.getItem(key);
        }""", told)
        assert window.exercise.text == stored == f"newer than {'null' if told is None else told}"


@pytest.mark.browser
def test_a_page_that_is_come_back_to_shows_what_was_written_since(opened):
    """Browsers keep a page that was left, as it was, and tell it no news meanwhile."""
    window = opened("server")
    window.exercise.write("first")
    come_back = """text => {
        localStorage.setItem("nn:answer:softmax", text);
        dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true}));
    }"""
    window.page.evaluate(come_back, "second, longer work")
    assert window.exercise.text == "second, longer work"


@pytest.mark.browser
def test_an_old_browser_keeps_the_page_and_is_told_once_an_exercise(opened):
    window = opened(script="delete window.DecompressionStream")
    page = window.page
    assert page.locator(".runnable, .runnable-bar").count() == 0
    assert page.locator("#ex-softmax .runnable-old").count() == 1
    assert "softmax: not written yet" in page.locator("#ex-softmax").inner_text()


TURNED = """theme => {
    document.documentElement.dataset.theme = document.documentElement.dataset.mode = theme;
    for (const change of document.getAnimations()) if (change instanceof CSSTransition) change.finish();
}"""


@pytest.mark.browser
def test_an_answered_exercise_is_accessible_in_both_themes(opened):
    from axe_playwright_python.sync_playwright import Axe

    window = opened(reduced_motion="reduce")
    Exercise(window.page, "collapse").check("# a comment\nx = 3.0\nprint('text')\n1 / 0")
    window.exercise.check(RIGHT)
    for theme in ("light", "dark"):
        window.page.evaluate(TURNED, theme)
        found = Axe().run(window.page, {"include": [[".exercise"]]}, {"resultTypes": ["violations"]}).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")] == [], theme


@pytest.mark.browser
def test_a_phone_has_room_for_it(opened):
    window = opened(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    window.exercise.check(WRONG)
    assert window.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert window.exercise.button("run").bounding_box()["height"] >= 24


def test_versions_change_names(html):
    """So a browser may keep the files for ever."""
    known = json.loads(re.match(r"window\.nnPython = (.*);\n", (html / "_static/python/page.js").read_text())[1])
    for file in known["files"].values():
        data = (html / "_static" / "python" / file["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest()[:8] in file["name"]
    assert sum(known["files"][name]["bytes"] for name in ("core.wasm", "core.zip", "book.tar")) < 10e6
