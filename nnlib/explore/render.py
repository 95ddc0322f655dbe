"""One state of a figure: drawn by matplotlib, its SVG kept as a small tree in canonical form."""

import base64
import contextlib
import copyreg
import functools
import hashlib
import io
import pickle
import re
import warnings
import xml.etree.ElementTree as ET
from types import AsyncGeneratorType, CoroutineType, GeneratorType

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import FigureBase
from matplotlib.text import Text
from matplotlib.transforms import TransformNode
from PIL import Image

from .internals import (
    axis_of, missing_letters_by, nothing_shown, settings, settings_now, ticks_by, ticks_reset_by, with_parents, written_by,
)  # fmt: skip
from .texts import FORMULAS, texts_remembered

# Text stays text. Simplified paths and merged images would change their structure from state to state.
RC = {
    "svg.fonttype": "none",
    "svg.hashsalt": "explore",
    "svg.image_inline": True,
    "path.simplify": False,
    "image.interpolation": "none",
    "image.composite_image": False,
    "savefig.bbox": None,  # "tight" moves the picture away from its handles
}
METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))
QUANTUM = 20  # coordinates are kept to 1/20 point, which is 0.07 of a CSS pixel
COORDINATES = {"d", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "width", "height", "points", "viewBox"}
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
REFERENCE = re.compile(r"(?<=url\(#)[^)]+|(?<=^#).+")


class FreshAxes:
    """Makes an empty figure and its axes for each state: reading them from a pickle takes a quarter of the time."""

    def __init__(self, subplots):
        self.subplots, self.pickled = subplots or {}, None

    def __call__(self):
        if self.pickled:
            return pickle.loads(self.pickled)
        made = plt.subplots(**self.subplots)
        for ax in made[0].axes:
            for axis in axis_of(ax):
                for name in ("majorTicks", "minorTicks"):  # matplotlib makes them again when it asks for them;
                    vars(axis).pop(name, None)  # for an axis that was drawn before it seldom does
        with contextlib.suppress(pickle.PicklingError, TypeError, AttributeError):  # such as a projection of one's own
            buffer = io.BytesIO()
            _Pickler(buffer).dump(made)
            self.pickled = buffer.getvalue()
        return made


class _Pickler(pickle.Pickler):
    """Keeps matplotlib's transforms whole.

    A transform knows its parents by their ``id``, and matplotlib pickles these numbers. Where a new object is given one
    of them, it takes the place of a parent, which then never hears that axes were moved, and points to where they were.
    """

    def reducer_override(self, thing):
        if isinstance(thing, TransformNode):
            return copyreg.__newobj__, (type(thing),), thing.__getstate__(), None, None, _restore
        return NotImplemented


def _restore(node, state):
    node.__setstate__(with_parents(state))


@contextlib.contextmanager
def drawn(draw, values, fresh_axes=plt.subplots, told=None, aloud=True):
    """The figure that ``draw`` makes of ``values`` on what ``fresh_axes()`` returns; closed when done.

    Unless it is ``aloud``, nothing that ``draw`` prints is printed.

    Letters that no font has are told, and added to the set ``told``; those that are in it are not told again.
    """
    missing, told = {}, set() if told is None else told

    def note(_, code, fonts):
        if (fonts, code) not in told:
            told.add((fonts, code))
            missing.setdefault(fonts, set()).add(chr(code))

    with settings(RC), texts_remembered(), missing_letters_by(note), contextlib.ExitStack() as stack:
        before = plt.get_fignums()
        figure, axes = fresh_axes()
        figure.axes_made = figure.axes  # by which handles count: ``draw`` may remove some
        stack.enter_context(_ticks_as_made(figure))
        try:
            with nothing_shown(), contextlib.nullcontext() if aloud else contextlib.redirect_stdout(io.StringIO()):
                result = draw(axes, **values)
            if isinstance(result, (GeneratorType, CoroutineType, AsyncGeneratorType)):
                name, kind = getattr(draw, "__name__", "draw"), type(result).__name__
                if kind == "coroutine":
                    result.close()  # or Python warns that nobody waited for it
                raise TypeError(f"explore: {name}(ax) must draw when it is called, without yield or async, got {kind}")
            extra = [n for n in plt.get_fignums() if n not in (*before, figure.number)]
            owners = {_figure_of(r) for r in (result if isinstance(result, (list, tuple)) else [result])}
            if extra or owners - {None, figure}:
                name = getattr(draw, "__name__", "draw")
                raise ValueError(
                    f"explore: {name}(ax) must draw on the axes it is given, but it made a figure of its own; "
                    "use subplots= for its size and number of axes"
                )
            with settings(RC):  # whatever ``draw`` has set
                yield figure
        finally:
            for number in plt.get_fignums():
                if number not in before:
                    plt.close(number)
    for fonts, letters in missing.items():
        cure = (
            "in their place stands ¤. Write them outside of $...$."
            if fonts == FORMULAS
            else "a browser takes these letters from a font of its own, but on paper they are missing. "
            "Name a font that has them in plt.rcParams['font.family'], or write labels in others."
        )
        warnings.warn(f"explore: {fonts} has no {' '.join(sorted(letters))}: {cure}", stacklevel=1)


@contextlib.contextmanager
def _ticks_as_made(figure):
    """Ticks that matplotlib makes with the axes have the settings of then, and their grid lines clipped; so have those that
    :class:`FreshAxes` leaves to be made later.
    """
    then = settings_now()
    unmade = {axis: {True, False} for ax in figure.axes for axis in axis_of(ax) if "majorTicks" not in vars(axis)}

    def make(original, axis, major):
        first = major in unmade.get(axis, ())
        unmade.get(axis, set()).discard(major)
        with settings(then) if first else contextlib.nullcontext():
            tick = original(axis, major)
        tick.gridline.set_clip_path(axis.get_clip_path())
        tick.gridline.set_clip_box(axis.get_clip_box())
        return tick

    def reset(original, axis):
        unmade.pop(axis, None)
        original(axis)

    with ticks_by(make), ticks_reset_by(reset):
        yield


def _figure_of(result):
    if isinstance(result, FigureBase):
        return result.get_figure(root=True)
    return result.get_figure(root=True) if isinstance(result, Artist) else None


def save_pdf(figure):
    """The figure as PDF in base64, for books on paper: vector graphics are smaller than pixels here."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="pdf", metadata={"CreationDate": None})
    return base64.b64encode(buffer.getvalue()).decode()


def images_alone(figure):
    """Whether nothing is drawn over any image of the figure, so that images and the rest can be shown apart."""
    shown = [ax for ax in figure.axes if ax.images and not hasattr(ax, "_colorbar")]
    if not shown or not all(map(_alone, shown)):
        return False
    titles = figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()
    rest = {*figure.get_children()} - {figure.patch, *figure.axes} - {t for t in figure.texts if t.get_text() in titles}
    boxes = [(ax, ax.get_position()) for ax in figure.axes]
    return not rest and not any(
        ax is not other and box.overlaps(place.expanded(0.99, 0.99))
        for ax, box in boxes if ax in shown for other, place in boxes
    )  # fmt: skip


def _alone(ax):
    """Whether images are all that is drawn inside these axes: only what is known to lie outside may be there."""
    rest = {*ax.get_children()} - {*ax.images, *ax.spines.values(), ax.xaxis, ax.yaxis, ax.patch}
    axes = [axis for axis in (ax.xaxis, ax.yaxis) if ax.axison and axis.get_visible()]
    return (
        all(isinstance(t, Text) and t not in ax.texts and t.get_position()[1] >= 1 for t in rest)  # titles
        and all(s.get_position() == ("outward", 0.0) for s in ax.spines.values() if s.get_visible())
        and all(
            not ticks["gridOn"] and ticks.get("direction", plt.rcParams[f"{axis.axis_name}tick.direction"]) == "out"
            for axis in axes for ticks in map(axis.get_tick_params, ("major", "minor"))
        )
    )  # fmt: skip


class Images:
    """The images of all states by the hash of their pixels; how a PNG compresses them is no part of a state."""

    def __init__(self):
        self.pixels = {}

    def add(self, uri):
        data = base64.b64decode(uri.split(",", 1)[1])
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        key = "image:" + hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
        self.pixels[key] = pixels
        return key

    def lightness(self):
        """Mean lightness of all images, from 0 to 1."""
        return float(np.mean([p[..., :3].mean() / 255 for p in self.pixels.values()])) if self.pixels else 1.0

    def uri(self, key):
        buffer = io.BytesIO()
        Image.fromarray(self.pixels[key]).save(buffer, "PNG", optimize=True)
        return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()

    def inline(self, text):
        return re.sub(r"image:[0-9a-f]{16}", lambda m: self.uri(m[0]) if m[0] in self.pixels else m[0], text)


class _Writer:
    """Takes what matplotlib writes of an SVG as a tree: to write it as text and to read that takes a tenth of the time."""

    def __init__(self):
        self.open = [ET.Element("")]

    @property
    def root(self):
        return self.open[0][0]

    def start(self, tag, attrib=None, **extra):
        attributes = {k.removeprefix("xlink:"): v for k, v in ((attrib or {}) | extra).items() if v}
        self.open.append(ET.SubElement(self.open[-1], tag, attributes))
        return len(self.open) - 1

    def data(self, text):
        self.open[-1].text = (self.open[-1].text or "") + text

    def end(self, tag=None, indent=True):
        self.open.pop()

    def close(self, id):
        del self.open[id:]

    def element(self, tag, text=None, attrib=None, **extra):
        self.start(tag, attrib, **extra)
        if text:
            self.data(text)
        self.end()

    def comment(self, text):
        """Is no part of the picture."""

    def flush(self):
        """Has nothing to wait for."""


def tree_of(figure, images, memo=None):
    """matplotlib's own SVG of a figure as a canonical tree.

    Namespaces, metadata, comments and unused ids are gone; coordinates are rounded to the quantum; ids are numbered
    by their order; images stand in by the hash of their pixels. ``kind`` is what matplotlib calls a group
    (``line2d``, ``xtick``), by which two states are matched.
    """
    writer, file = _Writer(), io.StringIO()
    with written_by(writer, file):
        figure.savefig(file, format="svg", metadata=METADATA)
    root = writer.root
    for namespace in ("xmlns", "xmlns:xlink"):
        del root.attrib[namespace]
    if memo:
        memo.restore(root)
    for parent in root.iter():
        for child in list(parent):
            if child.tag in ("metadata", "style") or (child.tag == "defs" and not len(child)):
                parent.remove(child)
    names, counts = {}, {}
    elements = list(root.iter())
    referred = {name for e in elements for v in e.attrib.values() if "#" in v for name in REFERENCE.findall(v)}
    for e in elements:
        name = e.get("id")
        if name in referred:
            initial = e.tag[0]
            counts[initial] = counts.get(initial, -1) + 1
            names[name] = f"{initial}{counts[initial]}"
    for e in elements:
        e.text = e.text if e.tag in ("text", "tspan", "title") and (e.text or "").strip() else None
        e.tail = None
        attributes = {}
        for key, value in e.attrib.items():
            if key == "id":
                if value in referred:
                    attributes["id"] = names[value]
                elif e.tag == "g":
                    attributes["kind"] = re.sub(r"_\d+$", "", value)
            elif key == "href" and value.startswith("data:image/png"):
                attributes[key] = images.add(value)
            elif key in COORDINATES:
                attributes[key] = quantise(value)
            elif key == "transform":
                value = placed(value)
                if not value.startswith("rotate(0 "):
                    attributes[key] = value
            else:
                attributes[key] = REFERENCE.sub(lambda m: names.get(m[0], m[0]), value) if "#" in value else value
        e.attrib.clear()
        e.attrib.update(attributes)
    return root


@functools.lru_cache(20_000)
def quantise(text):
    """Round every number of a coordinate attribute to the quantum and drop superfluous white space."""
    return NUMBER.sub(lambda m: _decimal(round(float(m[0]) * QUANTUM) / QUANTUM), " ".join(text.split()))


@functools.lru_cache(20_000)
def placed(text):
    """Round every number of a transform to what :func:`_decimal` writes."""
    return NUMBER.sub(lambda m: _decimal(round(float(m[0]), 4)), text)


def _decimal(value):
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def copied(element):
    """A copy with all that is inside; faster than ``copy.deepcopy``."""
    copy = element.makeelement(element.tag, element.attrib)
    copy.text, copy.tail = element.text, element.tail
    copy.extend(map(copied, element))
    return copy


def markup(element):
    """The element as HTML-embeddable SVG text."""
    attributes = "".join(f' {k}="{_escape(v)}"' for k, v in element.attrib.items() if k != "kind")
    inner = inner_markup(element)
    return f"<{element.tag}{attributes}>{inner}</{element.tag}>" if inner else f"<{element.tag}{attributes}/>"


def inner_markup(element):
    text = _escape(element.text) if element.text else ""
    return text + "".join(map(markup, element))


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
