"""What several folders of tests share: the built book, and a browser that can reach nothing but it."""

import contextlib
import functools
import http.server
import importlib.util
import itertools
import os
import random
import socket
import subprocess
import threading
from datetime import date
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

from book.arithmetic import ONE_ROUNDING

ROOT = Path(__file__).resolve().parent.parent
HTML = ROOT / "_build" / "html"
SECONDS = 120  # for what must come: a busy machine is no failure
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Pages of the book share a process. Else a busy Chromium can hand a page that is opened again an old copy of what is stored.
    "--process-per-site",
    "--site-per-process",  # as in every browser with windows, and not in one without: a frame of other rights has its own
]
os.environ.update(ONE_ROUNDING)  # here, before any test imports NumPy
# The same examples in each run, and as much time as they need: a busy machine is no failure.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_collection_modifyitems(config, items):
    """The slow ones first: else one worker ends with them, and the other waits.

    ``@pytest.mark.slow(every=3)``: in a run of all tests such a test has its turn every third day, neighbours on different
    days. Who names a room or a file gets all that is in it.
    """
    asked = any(Path(argument.split("::")[0]).name != "tests" for argument in config.args)
    turn = itertools.count(date.today().toordinal())
    for item in items:
        mark = item.get_closest_marker("slow")
        if mark and next(turn) % mark.kwargs.get("every", 1) and not asked:
            name = item.path.relative_to(ROOT).as_posix()
            item.add_marker(pytest.mark.skip(reason=f"not today's: make test P={name} takes it"))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def load(path):
    """Import a Python file of the repository by its path."""
    spec = importlib.util.spec_from_file_location(
        "_".join(path.relative_to(ROOT).with_suffix("").parts), path
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_ports(count):
    """Ports that stay free until a server takes them: no program is given one of them unasked.

    Clients are given ports from the system's own range, and a client that asks again and again for a server that does
    not listen yet can be given that very port, and connect to itself.
    """
    try:
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:
        first = 49152  # IANA's
    found = []
    while len(found) < count:
        port = random.SystemRandom().randrange(min(10_000, first - 2000), first)
        with socket.socket() as probe:
            if port not in found and probe.connect_ex(("127.0.0.1", port)):
                found.append(port)
    return found


def end_all(process):
    """End a program and all that it has started: tidily, or at once where that takes long on a busy machine."""
    try:
        started = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        started = []
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for each in started:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def html():
    """Folder of the built book."""
    if not (HTML / "index.html").exists():
        pytest.fail("These tests read the built book: run `make book` (python -m book book) first.")
    built = (HTML / "index.html").stat().st_mtime
    sources = [*(ROOT / "chapters").glob("*.ipynb"), *(ROOT / "appendix").glob("*.md"), *(ROOT / "nnlib").glob("*.py"),
               *(ROOT / "book" / "styles").iterdir(), *(ROOT / "book" / "python" / "page").glob("*.*"),
               ROOT / "book" / "python" / "guest.py", ROOT / "book" / "python" / "playground.py",
               ROOT / "intro.md", ROOT / "_toc.yml", ROOT / "_config.yml"]  # fmt: skip
    newer = [str(path.relative_to(ROOT)) for path in sources if path.stat().st_mtime > built]
    if newer:
        pytest.fail(f"The built book is older than {', '.join(newer[:3])}: run `make book` (python -m book book) first.")
    return HTML


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def server(html):
    """Address of the built book, served."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=html)) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


def again(visit, wait):
    """Visit a page until it shows what was stored: a browser writes in its own time, and on a busy machine reads old copies."""
    from playwright.sync_api import TimeoutError

    for _ in range(12):
        visit()
        try:
            return wait(timeout=SECONDS * 1000 / 12)
        except (AssertionError, TimeoutError) as error:
            said = error
    raise said


@pytest.fixture(scope="session")
def chromium():
    """A headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=load(ROOT / "book" / "__main__.py").browser(), headless=True, args=CHROMIUM_FLAGS
        )
        yield browser
        browser.close()


class Watched:
    """A page that can reach only local files and addresses, with what it asked for and what went wrong."""

    LOCAL = ("file:", "data:", "blob:", "http://127.0.0.1", "ws://127.0.0.1")

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(SECONDS * 1000)
        self.requests, self.external, self.errors = [], [], []
        self.context.route("**/*", self._route)
        self.page = self.context.new_page()
        self.page.on(
            "console",
            lambda m: self.errors.append(f"{m.type}: {m.text}") if m.type in ("error", "warning") else None,
        )
        self.page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        self.page.on(
            "requestfailed",
            lambda r: self.errors.append(f"not loaded: {r.url}") if r.url.startswith(self.LOCAL) else None,
        )

    def _route(self, route):
        url = route.request.url
        self.requests.append(url)
        if url.startswith(self.LOCAL):
            route.continue_()
        else:
            self.external.append(url)
            route.abort()


@pytest.fixture
def watched(chromium):
    """Makes a :class:`Watched` page: ``w = watched(viewport=...)``, then ``w.page``, ``w.errors``, ``w.external``."""
    made = []

    def make(**options):
        made.append(Watched(chromium, **options))
        return made[-1]

    yield make
    for each in made:
        each.context.close()
