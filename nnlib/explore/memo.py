"""Drawing each x or y axis once, not once for each state.

Ticks and tick labels take most of the time of a small figure, and in most figures they never change. An axis whose
whole state has been seen before is not drawn again: a mark takes its place in the SVG, and :meth:`AxisMemo.restore`
puts the earlier drawing there. The state is read from every attribute of the axis; an axis that holds anything this
module does not know, such as a formatter function, is always drawn.
"""

import enum
import functools
import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.transforms import BboxBase, Transform

from .internals import LINKS, aligned_with, definitions, place_of, places_its_label, settings_now, writes
from .render import copied

MARK = "explore-axis"
PLAIN = frozenset((bool, int, float, complex, str, bytes, type(None)))


class Unknown(Exception):
    """An attribute whose influence on the drawing cannot be told."""


class AxisMemo:
    """The axes drawn so far in the states of one figure."""

    def __init__(self):
        self.drawings, self.boxes, self.places, self.groups, self.settings = {}, {}, {}, {}, settings_now()

    def prepare(self, figure):
        """Give the axes of a new figure, drawn on but not yet laid out, methods that look here first."""
        if settings_now() != self.settings:
            self.__init__()
        for ax in figure.axes:
            if type(ax) is not Axes or aligned_with(figure, ax):
                continue
            for axis in (ax.xaxis, ax.yaxis):
                if type(axis) in (XAxis, YAxis) and places_its_label(axis):
                    try:
                        state = _state(axis, set())
                    except Unknown:
                        continue
                    axis.draw = _Draw(self, axis, axis.draw, state)
                    axis.get_tightbbox = _TightBox(self, axis, axis.get_tightbbox, state)
                    axis.get_ticks_position = _TicksPosition(self, axis, axis.get_ticks_position, state)

    def restore(self, root):
        """Put the kept drawings where a parsed SVG has only their marks."""
        for parent in list(root.iter()):
            for place, element in enumerate(parent):
                name = element.get("id", "")
                if name.startswith(MARK):
                    key, kind = name.removeprefix(MARK).split("-")[:2]
                    if kind == "kept":
                        self.groups[key] = copied(element[0])
                    parent[place] = element[0] if kind == "kept" else copied(self.groups[key])


class _Method:
    def __init__(self, memo, axis, method, state):
        self.memo, self.axis, self.method, self.state = memo, axis, method, state

    def key(self):
        """All that the picture of the axis depends on, after layout."""
        ax = self.axis.axes
        figure = ax.get_figure(root=True)
        place = (*ax.bbox.bounds, *ax.viewLim.get_points().ravel(), *figure.bbox.bounds, figure.dpi)
        spines = tuple(
            (name, *place_of(s), s.get_visible(), s.get_linewidth()) for name, s in ax.spines.items()
        )
        return type(self.axis), self.state, ax.xaxis.get_scale(), ax.yaxis.get_scale(), place, spines


class _Draw(_Method):
    def __call__(self, renderer):
        defined = definitions(renderer)
        if defined is None:
            return self.method(renderer)  # pixels, as inside a rasterized artist or a colour bar
        if not self.axis.get_visible() or "draw_path" in vars(writes(renderer)):
            return self.method(renderer)  # nothing is written: this is the layout's rehearsal
        # Markers and clip rectangles are defined once in an SVG, by whoever comes first.
        markers, clips = map(dict, defined)
        key = (self.key(), tuple(markers.items()), tuple(clips))
        kept = self.memo.drawings.get(key)
        number = len(self.memo.drawings) if kept is None else kept[0]
        mark = f"{MARK}{number}-{'kept' if kept is None else 'mark'}"
        renderer.open_group(mark, gid=mark)
        if kept is None:
            self.method(renderer)
            new = ({k: v for k, v in now.items() if k not in before} for now, before in zip(defined, (markers, clips)))
            self.memo.drawings[key] = number, *new
        else:
            for now, new in zip(defined, kept[1:]):
                now.update(new)
            self.axis.stale = False
        return renderer.close_group(mark)


class _TightBox(_Method):
    def __call__(self, renderer=None, *, for_layout_only=False):
        key = (self.key(), for_layout_only)
        offset, label = self.axis.offsetText, self.axis.label
        if key not in self.memo.boxes:
            box = self.method(renderer, for_layout_only=for_layout_only)
            after = offset.get_text(), offset.get_position(), label.get_position()
            self.memo.boxes[key] = box, after
        box, (text, place, label_place) = self.memo.boxes[key]
        offset.set_text(text)  # what measuring leaves behind: the title makes room for the offset
        offset.set_position(place)
        label.set_position(label_place)
        return None if box is None else box.frozen()


class _TicksPosition(_Method):
    def __call__(self):
        if self.state not in self.memo.places:
            self.memo.places[self.state] = self.method()  # makes a tick, to see how it is drawn
        return self.memo.places[self.state]


def _state(value, seen):
    """A hashable copy of everything in ``value`` that can be seen in a picture."""
    if type(value) in PLAIN or isinstance(value, np.generic):
        return value
    if isinstance(value, (list, tuple)):
        return tuple([v if type(v) in PLAIN else _state(v, seen) for v in value])
    if isinstance(value, dict):
        return tuple((_state(k, seen), _state(v, seen)) for k, v in value.items())
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.shape, value.dtype.str, value.tobytes(), np.ma.getmaskarray(value).tobytes()
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, BboxBase):
        return value.get_points().tobytes()
    if isinstance(value, Transform) and value.is_affine:
        return value.get_matrix().tobytes()
    if isinstance(value, (set, frozenset)):
        return frozenset(_state(v, seen) for v in value)
    if isinstance(value, (itertools.count, np.ufunc)):
        return repr(value)
    if isinstance(value, functools.partial):  # what gives ticks the labels of set_xticks(places, labels)
        return _state((value.func, value.args, value.keywords), seen)
    if getattr(value, "__module__", "").startswith("matplotlib."):
        if callable(value) and hasattr(value, "__qualname__"):
            return value.__qualname__
        if id(value) in seen:
            return "seen"
        seen.add(id(value))
        attributes = getattr(value, "__dict__", None)
        if attributes is not None:
            parts = [(k, v if type(v) in PLAIN else _state(v, seen)) for k, v in attributes.items() if k not in LINKS]
            return type(value), tuple(parts)
    raise Unknown(type(value))
