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
import nbformat
import pytest

from book.kernels import NamedKernelManager
from nnlib.explore import explore
from tests.conftest import SECONDS, free_ports

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
    assert isinstance(weight, ipywidgets.SelectionSlider) and isinstance(tint, ipywidgets.Dropdown)
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


def test_the_live_picture_is_matplotlibs_own(live, opened, compare):
    figure = live(draw, w=(-3.0, 3.0, 0.5), tint=["blue", "red"])
    figure.live.widgets["w"].value = -2.0
    state = next(s for s in range(figure.states) if figure.values(s) == {"w": -2.0, "tint": "blue"})
    _, [root] = opened(figure.live.picture.value)
    result = compare(root, figure, state, move=False, style=[])
    assert result["differences"] == [] and result["elements"] > 5


def test_describe_names_the_live_state(live):
    figure = live(draw, w=(-3.0, 3.0, 0.5), describe=lambda w: f"A line of slope {w:g} & more.")
    figure.live.widgets["w"].value = 2.0
    assert 'aria-label="A line of slope 2 &amp; more."' in figure.live.picture.value


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
        process.terminate()
        process.wait(timeout=SECONDS)


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
    page.locator(".jp-OutputArea select").select_option("red")
    page.wait_for_selector(".explore svg path[style*='#ff0000']", state="attached")
    handle.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(".jp-OutputArea [role=alert]")
    assert page.text_content(".jp-OutputArea [role=alert]").count("RuntimeError: three is too much") == 1
    assert watcher.external == []
    assert all(re.match(r"ws://127\.0\.0\.1:", s) for s in sockets) and sockets
