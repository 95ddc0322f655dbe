"""Speed and weight of live figures: ``python benchmarks/explore.py [FIGURE ...] [--chapters]``.

Prints, for each (or each named) figure of ``tests/explore/figures.py``, the time to draw a state in static mode, the
weight of its HTML, the time of a live redraw, and the time from a slider's event to the changed DOM in headless Chromium;
then the weight of a page with seven figures. With ``--chapters`` the browser's times are also taken for every figure
stored in ``chapters/``. Exits with status 1 if a limit is passed; process times leave out what other programs do meanwhile.
"""

import argparse
import gzip
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from nnlib.explore.page import page  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
LINES = ["line", "curves"]  # figures with one pair of axes and lines
SEVEN = ["line", "field", "bars", "two_axes", "network", "autoscaled", "curves"]
DOM_MEDIAN, DOM_P99, PAGE, DRAW, LIVE = 1.0, 16.0, 200_000, 20.0, 100.0  # ms, ms, bytes, ms, ms
TRIES = 3  # a time over its limit is taken again: other programs can only lengthen it
EVENTS = """async root => {
    const inputs = [...root.querySelectorAll('input, select')], times = [];
    let seed = 1;
    const below = n => (seed = seed * 16807 % 2147483647) % n;
    for (let i = 0; i < 400; i++) {
        const input = inputs[below(inputs.length)];
        if (input.type == 'checkbox') input.checked = !input.checked;
        else if (input.tagName == 'SELECT') input.selectedIndex = below(input.length);
        else input.value = below(+input.max + 1);
        const start = performance.now();
        input.dispatchEvent(new Event('input', {bubbles: true}));
        times.push(performance.now() - start);
        if (i % 10 == 9) await new Promise(requestAnimationFrame);
    }
    return times.sort((a, b) => a - b);
}"""


def load(path):
    spec = importlib.util.spec_from_file_location(f"loaded_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw_time(make):
    """A static figure, and the processor time of one of its states in ms."""
    os.environ["EXPLORE_STATIC"] = "1"
    times = []
    while not times or min(times) > DRAW and len(times) < TRIES:
        start = time.process_time()
        figure = make()
        times.append((time.process_time() - start) * 1e3 / figure.states)
    return figure, min(times)


def live_time(make, count=11):
    """Median time of a live redraw in ms."""
    os.environ["EXPLORE_STATIC"] = "0"
    live, times = make().live, []
    for _ in range(count):
        start = time.process_time()
        live.redraw()
        times.append((time.process_time() - start) * 1e3)
    assert not live.error.value, live.error.value
    return statistics.median(times)


def dom_times(browser, html):
    """Sorted times of 400 slider events in ms."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figure.html"
        path.write_text(page(html), encoding="utf-8")
        tab = browser.new_page()
        tab.goto(path.as_uri())
        tab.wait_for_selector(".explore[data-ready]")
        times = tab.query_selector(".explore").evaluate(EVENTS)
        tab.close()
    return times


def stored(chapter):
    for cell in json.loads(chapter.read_text("utf-8"))["cells"]:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", []))
            if 'class="explore-data"' in html:
                yield html


def main():
    plt.style.use("nnlib.book")
    figures = load(ROOT / "tests" / "explore" / "figures.py").FIGURES
    parser = argparse.ArgumentParser()
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(figures))
    parser.add_argument("--chapters", action="store_true", help="time the figures of the chapters too")
    asked = parser.parse_args()
    named = asked.figures
    if unknown := [name for name in named if name not in figures]:
        parser.error(f"there is no figure {', '.join(unknown)}; there are {', '.join(figures)}")
    over, pages = [], {}

    def check(name, what, value, limit):
        if value > limit:
            over.append(f"{name}: {what} {value:.4g}, at most {limit:.4g}")

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=load(ROOT / "book" / "__main__.py").browser(), args=["--no-sandbox", "--disable-gpu"])

        def dom(name, html):
            for _ in range(TRIES):
                times = dom_times(browser, html)
                median, p99 = statistics.median(times), times[int(0.99 * len(times))]
                if median <= DOM_MEDIAN and p99 <= DOM_P99:
                    break
            check(name, "slider to DOM, median ms", median, DOM_MEDIAN)
            check(name, "slider to DOM, 99th percentile ms", p99, DOM_P99)
            return median, p99

        draw_time(figures["bars"])  # fonts are read once
        print(f"{'figure':12} {'states':>6} {'draw ms':>8} {'live ms':>8} {'kB':>6} {'kB gz':>6} {'DOM ms':>7} {'p99':>6}")
        for name in named or figures:
            figure, draw = draw_time(figures[name])
            live = live_time(figures[name])
            pages[name] = figure.html
            median, p99 = dom(name, figure.html)
            if name in LINES:
                check(name, "ms to draw a state", draw, DRAW)
            check(name, "ms to redraw live", live, LIVE)
            size, packed = len(figure.html.encode()) / 1e3, len(gzip.compress(figure.html.encode())) / 1e3
            print(f"{name:12} {figure.states:6} {draw:8.1f} {live:8.1f} {size:6.1f} {packed:6.1f} {median:7.2f} {p99:6.2f}",
                  flush=True)
        if asked.chapters:
            for chapter in sorted((ROOT / "chapters").glob("*.ipynb")):
                for number, html in enumerate(stored(chapter)):
                    name = f"{chapter.stem} {number}"
                    median, p99 = dom(name, html)
                    print(f"{name:46} {len(html) / 1e3:6.1f} {'':6} {median:7.2f} {p99:6.2f}", flush=True)
        browser.close()
    if not named:
        weight = len(gzip.compress(page(*(pages[name] for name in SEVEN)).encode()))
        check("seven figures", "bytes gzipped", weight, PAGE)
        print(f"a page of seven figures: {weight / 1e3:.0f} kB gzipped")
    print("\n".join(["over the limit:", *over]) if over else "every limit is kept")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
