"""The small Python: CPython and NumPy as one WebAssembly module, for readers in a page and for the grader."""

import json
from pathlib import Path

DIST = Path(__file__).parent / "dist"
GUEST = Path(__file__).with_name("guest.py")


def begin(module="core"):
    """The code with which it begins, everywhere: what is in ``/book`` can be imported, and what was cut says so.

    With the ``module`` "full", so can what is in ``/full``, which is matplotlib and what it needs.
    """
    cut = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))["cut"][module]
    plots = '__import__("guest").with_plots()\n' if module == "full" else ""
    return f'import sys\nsys.path.append("/book")\n__import__("guest").refuse({cut!r})\n{plots}'
