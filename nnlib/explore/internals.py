"""What the figures use of matplotlib that it does not promise to keep: here, and nowhere else in this folder.

``NAMES`` has them by the class of the objects that have them. A test says which of them a newer matplotlib has given up.
"""

import contextlib
import logging
import sys

import matplotlib
import matplotlib.pyplot as plt
from matplotlib import textpath
from matplotlib.axis import Axis
from matplotlib.backends import backend_svg
from matplotlib.figure import Figure
from matplotlib.text import Text

NAMES = {
    "Text": ("_get_layout", "_multialignment", "_linespacing"),
    "XAxis": ("_get_tick", "_autolabelpos"),
    "Axes": ("_axis_map",),
    "Spine": ("_position", "_bounds"),
    "Figure": ("_align_label_groups",),
    "RendererSVG": ("_markers", "_clipd"),
    "MixedModeRenderer": ("_renderer",),
    "Affine2D": ("_parents",),
    "matplotlib": ("_text_helpers",),
    "backend_svg": ("_XMLWriter",),
    "pyplot": ("_get_backend_mod",),
}
# Links to owners, notifications and caches: no part of what an axis looks like.
LINKS = {
    "_axes", "axes", "_parent_figure", "figure", "axis", "_callbacks", "callbacks", "stale_callback", "_stale",
    "_remove_method", "_parents", "_renderer", "_sticky_edges",
}  # fmt: skip


@contextlib.contextmanager
def _asks(owner, name, function):
    """Meanwhile, ``owner.name(...)`` is ``function(original, ...)``."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *arguments, **options: function(original, *arguments, **options))
    try:
        yield
    finally:
        setattr(owner, name, original)


def setting(name):
    """The value of one of matplotlib's settings; its own lookup takes three times as long."""
    return dict.__getitem__(matplotlib.rcParams, name)


def settings_now():
    """All of matplotlib's settings but the backend, which it chooses when it first makes a figure."""
    now = dict(dict.items(matplotlib.rcParams))
    del now["backend"]
    return now


@contextlib.contextmanager
def settings(changed):
    """``with``: as ``plt.rc_context(changed)``, which takes a twentieth of a drawing, for it copies setting by setting."""
    kept = settings_now()
    try:
        dict.update(matplotlib.rcParams, changed)
        yield
    finally:
        dict.update(matplotlib.rcParams, kept)


@contextlib.contextmanager
def nothing_shown():
    """``with``: ``plt.show()``, ``show()``, ``figure.show()`` and IPython's ``display()`` show nothing."""

    def nothing(original, *arguments, **options):
        pass

    displays = contextlib.nullcontext()
    if "IPython" in sys.modules:  # a page's Python has none
        from IPython.utils.capture import capture_output

        displays = capture_output(stdout=False, stderr=False)
    with displays, _asks(plt._get_backend_mod(), "show", nothing), _asks(Figure, "show", nothing):
        yield


def layouts_by(function):
    """``with``: where the lines of a text are is ``function(original, text, renderer)``."""
    return _asks(Text, "_get_layout", function)


def formulas_by(function):
    """``with``: what parses formulas is ``function(original, output)``."""
    return _asks(textpath, "MathTextParser", function)


def missing_letters_by(function):
    """``with``: that no font of a text has a letter is told by ``function(original, code, fonts)``."""
    return _asks(matplotlib._text_helpers, "warn_on_missing_glyph", function)


def tell_missing(code, fonts):
    """What matplotlib does about a letter that the fonts of a text do not have."""
    matplotlib._text_helpers.warn_on_missing_glyph(code, fonts)


@contextlib.contextmanager
def missing_in_formulas():
    """``with``: the letters that formulas parsed meanwhile lack; matplotlib writes ¤ for them, and tells its log."""
    missing, log = [], logging.getLogger("matplotlib.mathtext")

    def noted(record):
        lacks = "does not have a glyph" in record.msg
        missing.extend(record.args[2:] if lacks else ())
        return not lacks

    log.addFilter(noted)
    try:
        yield missing
    finally:
        log.removeFilter(noted)


def written_by(writer, to):
    """``with``: what would be written to the file ``to`` as SVG goes to ``writer``; measuring a text takes another file."""
    return _asks(backend_svg, "_XMLWriter", lambda original, file: writer if file is to else original(file))


def ticks_by(function):
    """``with``: a tick that an axis makes is ``function(original, axis, major)``."""
    return _asks(Axis, "_get_tick", function)


def ticks_reset_by(function):
    """``with``: an axis whose ticks are to be made anew asks ``function(original, axis)``."""
    return _asks(Axis, "reset_ticks", function)


def lines_of(text):
    """How a text of several lines is set."""
    return text._multialignment, text._linespacing


def axis_of(ax):
    """All axes, in the sense of x and y, of a pair of axes."""
    return ax._axis_map.values()


def places_its_label(axis):
    """Whether matplotlib finds the place of the axis label."""
    return axis._autolabelpos


def place_of(spine):
    """Where a spine is, and from where to where it goes."""
    return str(spine._position), spine._bounds


def aligned_with(figure, ax):
    """Whether labels of these axes were aligned with those of others."""
    return any(len(group.get_siblings(ax)) > 1 for group in figure._align_label_groups.values())


def writes(renderer):
    """The renderer that vector graphics go to."""
    return getattr(renderer, "_renderer", renderer)


def definitions(renderer):
    """The markers and the clip rectangles that an SVG defines, once each; None where it is no SVG."""
    return (renderer._markers, renderer._clipd) if hasattr(renderer, "_markers") else None


def with_parents(state):
    """The state of an unpickled transform, its parents by the ``id`` that they have now."""
    return state | {"_parents": {id(parent): parent for parent in state["_parents"].values() if parent is not None}}
