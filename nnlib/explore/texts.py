"""Formulas are parsed and texts laid out once, not in each state: matplotlib forgets both after each drawing."""

import contextlib
import functools

import matplotlib as mpl
from matplotlib import textpath
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

SETTINGS = [key for key in mpl.rcParams if key.startswith(("mathtext.", "font.", "text."))]
MANY = 5000
_layouts = {}
_lay_out = Text._get_layout


def _settings():
    return str([mpl.rcParams[key] for key in SETTINGS])


@functools.lru_cache(2000)
def _parse(output, text, dpi, font, antialiased, settings):
    return MathTextParser(output).parse(text, dpi, font, antialiased=antialiased)


class Parser:
    """matplotlib's parser with a memory that outlives it."""

    def __init__(self, output):
        self.output = output

    def parse(self, s, dpi=72, prop=None, *, antialiased=None):
        return _parse(self.output, s, dpi, prop.copy() if prop else None, antialiased, _settings())


def _layout(text, renderer):
    """``Text._get_layout`` with a memory: where the lines of a text are, seen from its anchor."""
    if text.get_wrap():
        return _lay_out(text, renderer)  # depends on the room there is
    key = (
        type(getattr(renderer, "_renderer", renderer)), text.get_figure(root=True).dpi, text.get_text(),
        hash(text.get_fontproperties()), text.get_rotation(), text.get_rotation_mode(), text.get_ha(), text.get_va(),
        text._multialignment, text._linespacing, text.get_usetex(), text.get_parse_math(), _settings(),
    )  # fmt: skip
    if key not in _layouts:
        if len(_layouts) >= MANY:
            _layouts.clear()
        _layouts[key] = _lay_out(text, renderer)
    return _layouts[key]


@contextlib.contextmanager
def texts_remembered():
    """Drawings made meanwhile share one memory."""
    textpath.MathTextParser, Text._get_layout = Parser, _layout
    try:
        yield
    finally:
        textpath.MathTextParser, Text._get_layout = MathTextParser, _lay_out
