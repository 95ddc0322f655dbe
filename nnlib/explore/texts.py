"""Formulas are parsed and texts laid out once, not in each state: matplotlib forgets both after each drawing."""

import contextlib
import functools
import re

import matplotlib as mpl
from matplotlib.mathtext import MathTextParser

from .internals import (
    formulas_by, layouts_by, lines_of, missing_in_formulas, missing_letters_by, setting, tell_missing, writes,
)  # fmt: skip

SETTINGS = [key for key in mpl.rcParams if key.startswith(("mathtext.", "font.", "text."))]
MANY = 5000
FORMULAS = "the font of formulas"
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")  # SVG has no place for them, and formulas have none
_layouts = {}


def _settings():
    return str([setting(key) for key in SETTINGS])


@functools.lru_cache(2000)
def _parse(output, text, dpi, font, antialiased, settings):
    with missing_in_formulas() as missing:
        return MathTextParser(output).parse(text, dpi, font, antialiased=antialiased), missing


class Parser:
    """matplotlib's parser with a memory that outlives it."""

    def __init__(self, output):
        self.output = output

    def parse(self, s, dpi=72, prop=None, *, antialiased=None):
        parsed, missing = _parse(self.output, s, dpi, prop.copy() if prop else None, antialiased, _settings())
        for code in missing:
            tell_missing(code, FORMULAS)
        return parsed


def _layout(lay_out, text, renderer):
    """matplotlib's ``lay_out`` with a memory: where the lines of a text are, seen from its anchor."""
    if CONTROL.search(text.get_text()):
        raise ValueError(
            f"explore: the text {text.get_text()!r} has a control character, which no picture shows; if a backslash is meant, "
            r'as in \beta, write r"..." with an r before the text: Python reads \b as one letter'
        )
    if text.get_wrap():
        return lay_out(text, renderer)  # depends on the room there is
    key = (
        type(writes(renderer)), text.get_figure(root=True).dpi, text.get_text(),
        hash(text.get_fontproperties()), text.get_rotation(), text.get_rotation_mode(), text.get_ha(), text.get_va(),
        *lines_of(text), text.get_usetex(), text.get_parse_math(), _settings(),
    )  # fmt: skip
    if key not in _layouts:
        if len(_layouts) >= MANY:
            _layouts.clear()
        missing = []
        with missing_letters_by(lambda _, *letter: missing.append(letter)):
            _layouts[key] = lay_out(text, renderer), missing
    layout, missing = _layouts[key]
    for letter in missing:
        tell_missing(*letter)
    return layout


@contextlib.contextmanager
def texts_remembered():
    """Drawings made meanwhile share one memory."""
    with formulas_by(lambda _, output: Parser(output)), layouts_by(_layout):
        yield
