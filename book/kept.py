"""The live figures that nbval's kernels draw, each kept with the names it draws from, as they then are.

So the tests that open the figures in a browser need not run the chapters a second time. A figure is found by its
content, which its stored output tells: one that no cell drew is not there.
"""

import copyreg
import functools
import io
import os
import pickle
import tempfile
from pathlib import Path

import cloudpickle

from nnlib import Operation
from nnlib.explore import Explorer

FOLDER = Path(__file__).resolve().parent.parent / "_build" / "figures"
START_UP = f"import sys; sys.path.append({str(FOLDER.parent.parent)!r}); __import__('book.kept').kept.start(); del sys"


class _Pickler(cloudpickle.Pickler):
    def reducer_override(self, thing):
        if isinstance(thing, functools._lru_cache_wrapper):
            return _cached, (thing.__wrapped__, thing.cache_parameters())
        if isinstance(thing, Operation) and thing.__module__ == "__main__":  # a cell's own: elsewhere its name means nothing
            return copyreg.__newobj__, (type(thing),), dict(vars(thing))
        return super().reducer_override(thing)


def _cached(function, parameters):
    return functools.lru_cache(**parameters)(function)


def keep(figure, content, folder=FOLDER):
    """Keep a figure under its content."""
    buffer = io.BytesIO()
    parts = {name: value for name, value in vars(figure).items() if name != "_fresh_axes"}
    try:
        _Pickler(buffer).dump(parts | {"content": content})
    except Exception as error:
        error.add_note(f"{figure.name} draws from what cannot be kept for the tests in a browser: make it in the function")
        raise
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        file.write(buffer.getvalue())
    os.replace(file.name, folder / content)


def figure_of(content, folder=FOLDER):
    """The figure with this content, to be drawn in any state; raises KeyError if no cell drew it."""
    try:
        parts = pickle.loads((folder / content).read_bytes())
    except FileNotFoundError:
        raise KeyError(content) from None
    figure = Explorer.__new__(Explorer)
    vars(figure).update(parts)
    return figure


def start():
    """From now on, keep each static figure of this process."""
    drawn = Explorer._static

    def static(self):
        html, content, pdf = drawn(self)
        if self.controls:
            keep(self, content)
        return html, content, pdf

    Explorer._static = static
