"""With a kernel: real ipywidgets, the newest state only, errors in full."""

import json
import os
import re
import subprocess
import sys
import time
import types
import urllib.request

import ipywidgets
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest

from book.kernels import NamedKernelManager
from nnlib.explore import explore
from tests.conftest import SECONDS, end_all, free_ports

BURST = 60
CELL = """\
from nnlib.explore import explore
calls = []
def draw(ax, w=1.0, tint="blue"):
    calls.append(w)
    ax.plot([0, 1], [0, w], color=tint)
    ax.set_title(f"weight {w:g}")
    if w == 3.0:
        raise RuntimeError("three is too much")
figure = explore(draw, w=(-3.0, 3.0, 0.5), tint=["blue", "red"])
figure
"""


@pytest.fixture
def live(monkeypatch):
    """``explore`` as in a kernel, but here: a change is drawn at once, whatever loop the browser's driver runs."""
    monkeypatch.delenv("EXPLORE_STATIC", raising=False)

    def no_loop():
        raise RuntimeError("no running event loop")

    monkeypatch.setattr("nnlib.explore.live.asyncio", types.SimpleNamespace(get_running_loop=no_loop))
    return explore


def draw(ax, w=1.0, tint="blue"):
    ax.plot([0, 1], [0, w], color=tint)
    ax.set_title(f"weight {w:g}")
    if w == 3.0:
        raise RuntimeError("three is too much")


def test_a_moved_control_changes_the_picture(live):
    figure = live(draw, w=(-3.0, 3.0, 0.5), tint=["blue", "red"], labels=dict(w="weight"))
    weight, tint = figure.live.widgets.values()
    assert isinstance(weight, ipywidgets.SelectionSlider) and isinstance(tint, ipywidgets.ToggleButtons)
    assert weight.description == "weight" and weight.value == 1.0
    assert "weight 1<" in figure.live.picture.value and "#0000ff" in figure.live.picture.value
    weight.value = 2.5
    tint.value = "red"
    assert "weight 2.5<" in figure.live.picture.value and "#ff0000" in figure.live.picture.value
    assert repr(figure) == "explore: 2 controls, 26 states"
    bundle = figure._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle and "text/html" not in bundle


def test_an_error_is_shown_whole_and_goes_with_the_next_good_state(live):
    figure = live(draw, w=(-3.0, 3.0, 0.5))
    weight, before = figure.live.widgets["w"], figure.live.picture.value
    weight.value = 3.0
    message = figure.live.error.value
    assert message.count("RuntimeError: three is too much") == 1 and 'role="alert"' in message
    assert "Traceback" in message and "in draw" in message
    assert figure.live.picture.value == before
    weight.value = 2.0
    assert figure.live.error.value == "" and "weight 2<" in figure.live.picture.value


def test_ready_made_widgets_are_used_themselves(live):
    slider = ipywidgets.FloatSlider(value=0.5, min=0, max=1, step=0.25, description="share")
    figure = live(draw, w=slider)
    assert figure.live.widgets["w"] is slider
    assert figure.controls[0].label == "share" and figure.controls[0].values == [0.0, 0.25, 0.5, 0.75, 1.0]
    slider.value = 0.75
    assert "weight 0.75<" in figure.live.picture.value


def test_a_figure_keeps_the_settings_that_its_cell_saw(live):
    figure = live(draw, w=[1.0, 2.0])
    before = figure.live.picture.value
    with plt.style.context("dark_background"):
        figure.live.widgets["w"].index = 1
        assert figure.live.picture.value != before
        figure.live.widgets["w"].index = 0
        assert plt.rcParams["axes.facecolor"] == "black"
    assert figure.live.picture.value == before


def test_the_live_picture_is_matplotlibs_own(live, opened, compare):
    figure = live(draw, w=(-3.0, 3.0, 0.5), tint=["blue", "red"])
    figure.live.widgets["w"].value = -2.0
    state = next(s for s in range(figure.states) if figure.values(s) == {"w": -2.0, "tint": "blue"})
    _, [root] = opened(figure.live.picture.value)
    result = compare(root, figure, state, move=False)
    assert result["differences"] == [] and result["elements"] > 5


def test_a_picture_and_its_handles_come_in_one_message(live, monkeypatch):
    figure, sent = live(draw, w=(-3.0, 3.0, 0.5), tint=["blue", "red"], drag={"the end": (1.0, "w")}).live, []
    as_set = {str: lambda key: {key}, set: set}
    monkeypatch.setattr(type(figure.picture), "send_state", lambda _, key: sent.append(as_set[type(key)](key)))
    figure.widgets["w"].value = 2.0
    assert [keys for keys in sent if keys & {"value", "handles"}] == [{"value", "handles"}]


def test_describe_names_the_live_state(live):
    figure = live(draw, w=(-3.0, 3.0, 0.5), describe=lambda w: f"A line of slope {w:g} & more.")
    figure.live.widgets["w"].value = -2.0
    assert 'aria-label="A line of slope −2 &amp; more."' in figure.live.picture.value


def test_arrays_can_be_choices(live):
    a, b = np.arange(3.0), np.ones(3)
    figure = live(lambda ax, data=a: ax.plot(data) and ax.set_title(f"sum {data.sum():g}"), data={"A": a, "B": b})
    assert "sum 3<" in figure.live.picture.value
    b *= 2
    figure.live.widgets["data"].index = 1
    assert "sum 6<" in figure.live.picture.value


@pytest.mark.parametrize("choices", [
    {"zero": 0, "off": False}, {"int": 1, "float": 1.0}, [1, True], [float("nan"), 1.0], [0.5, np.float64("nan")],
], ids=str)  # fmt: skip
def test_choices_that_python_calls_equal_are_states_of_their_own(live, choices):
    drawn, values = [], list(choices.values() if isinstance(choices, dict) else choices)
    figure = live(lambda ax, k: drawn.append(k), k=choices)
    figure.live.widgets["k"].index = 1
    assert list(map(repr, drawn)) == list(map(repr, values)) and figure.live.error.value == ""


def test_a_ready_made_widget_draws_the_value_of_its_control(live):
    drawn, slider = [], ipywidgets.FloatSlider(value=0.5, min=0, max=1, step=0.1)
    live(lambda ax, w: drawn.append(w), w=slider)
    for value in (0.1 + 0.2, 0.33):
        slider.value = value
    assert drawn == [0.5, 0.3, 0.33]


def test_a_ready_made_choice_redraws_what_python_calls_equal(live):
    drawn, choice = [], ipywidgets.Dropdown(options=[("zero", 0), ("off", False)])
    figure = live(lambda ax, k: drawn.append(k), k=choice, drag={"it": dict(at=(lambda k: int(k is False), 0.0), moves="k")})
    choice.index = 1
    figure.live._grabbed(figure.live.picture, {"handle": 0, "key": "Home"}, [])
    assert list(map(repr, drawn)) == ["0", "False", "0"] and figure.live.error.value == ""


HELD = dict(w=(-3.0, 2.5, 0.5), b=(-2.0, 2.0, 0.5), drag={"the dot": ("w", "b"), "the foot": ("w", -2.0)},
            goals={"Find the corner.": lambda w, b: w == 2.5 and b == 2.0})  # fmt: skip


def dot(ax, w=1.0, b=0.0):
    ax.plot([w], [b], "o")
    ax.set(xlim=(-4, 4), ylim=(-3, 3), title=f"w {w:g} b {b:g}.")


def ask(figure, **message):
    figure.live._grabbed(figure.live.picture, message, [])
    return figure.live.values()


def test_handles_choose_the_state_that_is_nearest(live):
    figure = live(dot, **HELD)
    places = figure.live.picture.handles
    assert [h["text"] for h in places] == ["w 1.0, b 0.0", "w 1.0"]
    left, foot = places[0]["x"], places[1]["y"]
    assert ask(figure, handle=0, x=left + 0.1, y=places[0]["y"] - 0.1) == {"w": 2.0, "b": 1.0}
    assert "w 2 b 1." in figure.live.picture.value
    assert ask(figure, handle=1, x=left, y=0.1) == {"w": 1.0, "b": 1.0}
    assert ask(figure, handle=0, key="ArrowUp") == {"w": 1.0, "b": 1.5}
    assert ask(figure, handle=0, key="ArrowLeft") == {"w": 0.5, "b": 1.5}
    assert ask(figure, handle=1, key="ArrowUp") == {"w": 1.0, "b": 1.5}, "across its way"
    leaps = {"PageUp": 2.5, "Home": -3.0, "PageDown": -3.0, "End": 2.5}
    for key, w in leaps.items():
        assert ask(figure, handle=0, key=key) == {"w": w, "b": 1.5}
    assert ask(figure, handle=0, key="PageDown") == {"w": 0.0, "b": 1.5}
    assert figure.live.picture.handles[1]["y"] == pytest.approx(foot)
    before = figure.live.picture.answered
    assert ask(figure, handle=0, x=figure.live.picture.handles[0]["x"], y=figure.live.picture.handles[0]["y"])
    assert figure.live.picture.answered == before + 1, "each question is answered"
    assert "data-reached" not in figure.live.found.value
    assert ask(figure, handle=0, x=1.0, y=0.0) == {"w": 2.5, "b": 2.0}
    assert "data-reached" in figure.live.found.value


@pytest.fixture
def kernel(monkeypatch):
    """Runs code in a real kernel and returns what it printed; ``kernel.client`` talks to it."""
    monkeypatch.delenv("EXPLORE_STATIC", raising=False)
    manager = NamedKernelManager(kernel_name="python3")
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=SECONDS)

    def run(code):
        printed = []
        reply = client.execute_interactive(
            code, timeout=SECONDS, output_hook=lambda m: printed.append(m["content"].get("text", "")))
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed).strip()

    run.client = client
    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_a_dragged_slider_leaves_no_queue(kernel, tmp_path):
    """All the changes wait while the kernel is busy; one pause is then longer than a loaded machine needs to read them."""
    kernel(CELL)
    kernel("import nnlib.explore.live; nnlib.explore.live.PAUSE = 0.5")
    comm, drawn = kernel("print(figure.live.widgets['w'].comm.comm_id, len(calls))").split()
    session, channel = kernel.client.session, kernel.client.shell_channel
    sent = tmp_path / "sent"
    kernel.client.execute(f"import os, time\nwhile not os.path.exists({str(sent)!r}): time.sleep(0.01)")
    for i in range(BURST):
        state = {"method": "update", "state": {"index": i % 11}, "buffer_paths": []}
        channel.send(session.msg("comm_msg", {"comm_id": comm, "data": state}))
    sent.touch()
    last = -3.0 + 0.5 * ((BURST - 1) % 11)
    deadline = time.time() + SECONDS
    while time.time() < deadline:
        count, shown = kernel("print(len(calls), 'weight %g<' % calls[-1] in figure.live.picture.value)").split()
        newest = float(kernel("print(calls[-1])"))
        if newest == last and shown == "True":
            break
    assert newest == last and shown == "True"
    assert int(count) - int(drawn) < BURST / 2, "stale states were drawn"


PASSING = """\
import asyncio
import nnlib.explore.live

async def go(w):
    figure.live.widgets["w"].value = w
    while calls[-1] != w:
        await asyncio.sleep(0.01)

nnlib.explore.live.SETTLED = 3
await go(2.0)
await go(1.0)
await asyncio.sleep(3.5)
print("data-reached" in figure.live.found.value)
nnlib.explore.live.SETTLED = 0.01
await go(2.0)
while "data-reached" not in figure.live.found.value:
    await asyncio.sleep(0.01)
"""


def test_to_pass_through_a_goal_is_no_find(kernel):
    kernel(CELL.replace(', tint=["blue", "red"])', ', goals={"Find two.": lambda w: w == 2})'))
    assert kernel(PASSING) == "False"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on a free local port, with settings and files of its own: its address with the token."""
    folder = tmp_path_factory.mktemp("lab")
    config = folder / "config" / "labconfig"
    config.mkdir(parents=True)
    announcements = "@jupyterlab/apputils-extension:announcements"
    (config / "page_config.json").write_text(json.dumps({"disabledExtensions": {announcements: True}}))
    (folder / "files").mkdir()
    [port] = free_ports(1)
    token = "explore-test"
    environment = {k: v for k, v in os.environ.items() if k != "EXPLORE_STATIC"} | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
    }
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder / 'files'}",
        f"--IdentityProvider.token={token}", "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(10 * SECONDS):
            assert process.poll() is None, (folder / "log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token={token}", timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)

        def open_notebook(page, notebook):
            nbformat.write(notebook, folder / "files" / "figure.ipynb")
            page.goto(f"http://127.0.0.1:{port}/lab/tree/figure.ipynb?reset&token={token}")
            page.wait_for_selector(".jp-Notebook .jp-CodeCell")

        yield open_notebook
    finally:
        end_all(process)


def notebook(source):
    cell = nbformat.v4.new_code_cell(source)
    return nbformat.v4.new_notebook(
        cells=[cell], metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})


def test_in_jupyterlab_the_keyboard_moves_the_figure(lab, watched):
    watcher = watched(viewport={"width": 1200, "height": 900})
    sockets = []
    watcher.page.on("websocket", lambda s: sockets.append(s.url))
    page = watcher.page
    lab(page, notebook(CELL))
    page.wait_for_function("document.body.innerText.includes('Idle')")
    page.click(".jp-CodeCell .cm-content")
    page.keyboard.press("Shift+Enter")
    page.wait_for_selector(".jp-OutputArea .explore svg")
    title = ".jp-OutputArea .explore svg:has(text)"
    assert "weight 1" in page.text_content(title)
    handle = page.locator(".jp-OutputArea [role=slider]").first
    handle.focus()
    for wanted in ("1.5", "2"):
        page.keyboard.press("ArrowRight")
        page.wait_for_function(
            "t => document.querySelector('.explore svg').textContent.includes('weight ' + t)", arg=wanted)
    assert page.locator(".jp-OutputArea .explore svg").count() == 1, "a second figure"
    page.locator(".jp-OutputArea .widget-toggle-button", has_text="red").click()
    page.wait_for_selector(".explore svg path[style*='#ff0000']", state="attached")
    handle.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(".jp-OutputArea [role=alert]")
    assert page.text_content(".jp-OutputArea [role=alert]").count("RuntimeError: three is too much") == 1
    assert watcher.external == []
    assert all(re.match(r"ws://127\.0\.0\.1:", s) for s in sockets) and sockets


GRAB = """\
from nnlib.explore import explore
def draw(ax, w=1.0, b=0.0):
    ax.plot([w], [b], "o")
    ax.set(xlim=(-4, 4), ylim=(-3, 3), title=f"w {w:g} b {b:g}.")
explore(draw, w=(-3.0, 3.0, 0.5), b=(-2.0, 2.0, 0.5), drag={"the dot": ("w", "b"), "its shadow": ("w", 0.2)})
"""


def test_in_jupyterlab_a_handle_is_dragged_and_obeys_the_keys(lab, watched):
    watcher = watched(viewport={"width": 1200, "height": 900})
    page = watcher.page
    lab(page, notebook(GRAB))
    page.wait_for_function("document.body.innerText.includes('Idle')")
    page.click(".jp-CodeCell .cm-content")
    page.keyboard.press("Shift+Enter")
    handle = page.wait_for_selector(".jp-OutputArea .explore-handle")
    shown = "t => document.querySelector('.explore svg').textContent.includes(t)"
    page.wait_for_function(shown, arg="w 1 b 0.")
    box, picture = handle.bounding_box(), page.query_selector(".explore svg").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    right, down = picture["width"] * 0.775 / 8, picture["height"] * 0.77 / 6  # a unit in CSS pixels: matplotlib's own margins
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).ariaLabel", [x, y]) == "its shadow"
    page.mouse.move(x, y)  # on both: the dot is nearer
    page.mouse.down()
    page.mouse.move(x - 2 * right, y + down, steps=12)
    page.mouse.up()
    page.wait_for_function(shown, arg="w -1 b -1.")
    handle.focus()
    page.keyboard.press("Control+ArrowUp")  # is JupyterLab's own
    page.keyboard.press("ArrowUp")
    page.wait_for_function(shown, arg="w -1 b -0.5.")
    assert handle.get_attribute("aria-valuetext") == "w −1.0, b −0.5"
    page.keyboard.press("End")
    page.wait_for_function(shown, arg="w 3 b -0.5.")
    assert page.locator(".jp-OutputArea .explore svg").count() == 1 and watcher.external == []
    busy = re.compile(r"warning: Plugin \S+ .* to activate\.")  # JupyterLab's word for a busy machine
    assert [text for text in watcher.errors if not busy.match(text)] == []
