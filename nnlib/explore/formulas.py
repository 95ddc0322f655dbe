"""Formulas in texts are parsed once, not twice for each state: matplotlib forgets them after each drawing."""

import contextlib
import functools

import matplotlib as mpl
from matplotlib import textpath
from matplotlib.mathtext import MathTextParser

SETTINGS = [key for key in mpl.rcParams if key.startswith(("mathtext.", "font."))]


@functools.lru_cache(2000)
def _parse(output, text, dpi, font, antialiased, settings):
    return MathTextParser(output).parse(text, dpi, font, antialiased=antialiased)


class Parser:
    """matplotlib's parser with a memory that outlives it."""

    def __init__(self, output):
        self.output = output

    def parse(self, s, dpi=72, prop=None, *, antialiased=None):
        settings = tuple(str(mpl.rcParams[key]) for key in SETTINGS)
        return _parse(self.output, s, dpi, prop.copy() if prop else None, antialiased, settings)


@contextlib.contextmanager
def formulas_remembered():
    """Drawings to SVG made meanwhile share one memory."""
    textpath.MathTextParser = Parser
    try:
        yield
    finally:
        textpath.MathTextParser = MathTextParser
