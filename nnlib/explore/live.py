"""The figure in a running kernel: ipywidgets for the controls, a widget for the picture and its handles."""

import asyncio
import functools
import html
import itertools
import math
import traceback
from numbers import Real
from pathlib import Path

import anywidget
import ipywidgets
import matplotlib.pyplot as plt
import traitlets

from .controls import FEW, equal
from .memo import AxisMemo
from .page import css, goals_html, live_html
from .render import Images, drawn, tree_of

PAUSE = 0.01  # seconds between a change and its drawing: messages that are already waiting come first
SETTLED = 0.25  # seconds that a state must last to be a find, as in a page
REMEMBERED = 100  # drawings of axes kept between states
ARROWS = {"ArrowRight": (1, 0), "ArrowLeft": (-1, 0), "ArrowUp": (0, -1), "ArrowDown": (0, 1)}
LEAPS = {"PageUp": 5, "PageDown": -5, "Home": -math.inf, "End": math.inf}
_numbers = itertools.count()


class Grabbed(anywidget.AnyWidget):
    """A picture with handles; ``answered`` counts the messages that have been dealt with."""

    _esm = Path(__file__).with_name("live.js")
    value = traitlets.Unicode("").tag(sync=True)
    handles = traitlets.List([]).tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)


class LiveFigure:
    """Controls and picture of one figure.

    A change marks the picture as stale; one drawing, a moment later, shows the newest values. Changes that arrive
    while a state is being drawn wait as one, so a dragged slider never leaves a queue behind it.
    """

    def __init__(self, draw, controls, title, said, subplots, handles, goals, as_then):
        self.draw, self.said, self.title, self.controls = draw, said, title, controls
        self.handles, self.goals, self.reached = handles, goals, set()
        self.fresh_axes = functools.partial(plt.subplots, **(subplots or {}))
        self.prefix = f"live{next(_numbers)}-"
        width = max((len(c.label) for c in controls), default=0)
        self.widgets = {c.name: _widget(c, width) for c in controls}
        self.picture, self.error, self.found = Grabbed() if handles else ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._stale, self._memo, self._drawing, self._settling, self._told = False, AxisMemo(), None, None, set()
        for control in controls:  # to a ready-made widget 0 and False are one value: then only its index changes
            self.widgets[control.name].observe(self._changed, "value" if control.widget is None else ["value", "index"])
        style = ipywidgets.HTML(f"<style>{css()}</style>", layout={"display": "none"})
        self.box = ipywidgets.VBox([style, self.picture, *self.widgets.values(), self.found, self.error])
        self.redraw, self._grabbed = as_then(self.redraw), as_then(self._grabbed)
        self.redraw()
        if handles:
            self.picture.on_msg(self._grabbed)

    def _changed(self, _change):
        if not self._stale:
            self._stale = True
            _later(PAUSE, self.redraw)

    def redraw(self):
        """Draw the state that the controls show; an error is shown under them, whole, until a state draws again."""
        self._stale = False
        if self._settling:
            self._settling.cancel()
        values = self.values()
        try:
            with drawn(self.draw, values, self.fresh_axes, self._told) as figure:
                if len(self._memo.drawings) > REMEMBERED:
                    self._memo = AxisMemo()
                self._memo.prepare(figure)
                images = Images()
                tree = tree_of(figure, images, self._memo)
                if self.handles:
                    self._drawing = figure
                    places = [self._place(handle, figure, values) for handle in self.handles]
            label = self.said(values) or self.title
            reached = {goal for goal in self.goals if goal.reached(values)}
        except Exception:
            text = html.escape(traceback.format_exc())
            self.error.value = f'<pre role="alert" style="white-space: pre-wrap">{text}</pre>'
            return
        finally:
            if self.handles:
                self.picture.answered += 1
        with self.picture.hold_sync():  # one message: handles are never seen where they were in the picture before
            self.picture.value = live_html(tree, label, self.prefix, images)
            if self.handles:
                self.picture.handles = places
        self.error.value = ""
        if self.goals and self.found.value:  # a state in passing, and the one at the start, is no find
            self._settling = _later(SETTLED, lambda: self._tick(reached))
        elif self.goals:
            self._tick(())

    def _tick(self, reached):
        self.reached.update(reached)
        self.found.value = f'<div class="explore">{goals_html(self.goals, self.reached)}</div>'

    def values(self):
        """The values that the controls show."""
        return {c.name: self._value(c) for c in self.controls}

    def _value(self, control):
        try:
            return control.values[self._index(control)]
        except ValueError:  # a ready-made widget was given another value since
            return self.widgets[control.name].value

    def _index(self, control):
        widget = self.widgets[control.name]
        k = getattr(widget, "index", None)
        if k is not None and (control.widget is None or any(equal(v, widget.value) for v in control.values[k : k + 1])):
            return k
        return control._index(widget.value)

    def _place(self, handle, figure, values):
        """What the browser is told of a handle: its place as parts of the picture's width and height, and its values."""
        x, y = handle.points(figure, [values])[0] / (72 * figure.get_size_inches())
        shown = math.isfinite(x) and math.isfinite(y) and 0 <= x <= 1 and 0 <= y <= 1
        moved = [c for c in self.controls if c.name in handle.moves]
        return {
            "name": handle.name, "x": float(x) if shown else None, "y": float(y) if shown else None,
            "now": self._index(moved[0]), "last": len(moved[0].values) - 1,
            "text": ", ".join(f"{c.label} {c.labels[self._index(c)]}" for c in moved),
        }  # fmt: skip

    def _grabbed(self, _widget, message, _buffers):
        """Choose the state that a pointer or an arrow key asks for, as the page does; axes count as they are drawn now."""
        handle, now = self.handles[message["handle"]], self.values()
        moved = [c for c in self.controls if c.name in handle.moves]
        at = {c.name: self._index(c) for c in moved}
        by_name = {c.name: c for c in moved}
        if message.get("key") in LEAPS:
            name, *_ = at
            chosen = {name: min(max(at[name] + LEAPS[message["key"]], 0), len(by_name[name].values) - 1)}
        else:
            chosen = self._towards(handle, message, by_name, at, now)
        chosen = {name: k for name, k in chosen.items() if k != at[name]}
        for name, k in chosen.items():
            widget = self.widgets[name]
            if widget.has_trait("index"):
                widget.index = k
            else:
                widget.value = by_name[name].values[k]
        if not chosen:
            self.picture.answered += 1

    def _towards(self, handle, message, by_name, at, now):
        """The numbers of the values that lead from ``at`` to where a pointer is, or that way that an arrow points."""
        moved = list(by_name.values())
        if "key" in message:
            steps = [{c.name: at[c.name] + by} for c in moved for by in (1, -1) if 0 <= at[c.name] + by < len(c.values)]
        else:
            steps = [dict(zip(at, ks, strict=True)) for ks in itertools.product(*[range(len(c.values)) for c in moved])]
        states = [now | {n: by_name[n].values[k] for n, k in step.items()} for step in steps]
        here, *places = handle.points(self._drawing, [now, *states])
        if "key" in message:
            dx, dy = ARROWS[message["key"]]
            along = [((x - here[0]) * dx + (y - here[1]) * dy) / (math.dist((x, y), here) or 1) for x, y in places]
            best = max(range(len(steps)), key=lambda i: along[i] if math.isfinite(along[i]) else -1, default=None)
            if best is not None and along[best] > 0.38:
                return steps[best]
            if len(moved) == 1:  # across its way: one value on or back
                wanted = {moved[0].name: at[moved[0].name] + dx - dy}
                if wanted in steps and abs(along[steps.index(wanted)]) <= 0.38:
                    return wanted
            return {}
        width, height = 72 * self._drawing.get_size_inches()
        target = message["x"] * width, message["y"] * height
        far = [math.dist(p, target) if all(map(math.isfinite, p)) else math.inf for p in places]
        step = [sum(abs(k - at[n]) for n, k in s.items()) for s in steps]
        return steps[min(range(len(steps)), key=lambda i: (far[i], step[i]))]


def _later(seconds, call):
    """Call it then; at once where there is no event loop, and so no queue."""
    try:
        return asyncio.get_running_loop().call_later(seconds, call)
    except RuntimeError:
        return call()


def _widget(control, width):
    """The widget of a control; ``width`` letters are the longest label of the figure."""
    if control.widget is not None:
        return control.widget
    common = {
        "description": control.label,
        "style": {"description_width": f"{0.6 * width + 0.5:.1f}em"},
        "layout": {"width": "min(100%, 30rem)"},
    }
    if control.kind == "check":
        return ipywidgets.Checkbox(value=control.values[control.start], indent=False, **common)
    kind = ipywidgets.SelectionSlider if control.kind == "range" else ipywidgets.Dropdown
    if control.kind == "select" and len(control.values) <= FEW:
        kind = ipywidgets.ToggleButtons
        common["style"] |= {"button_width": "auto"}
        common["layout"] = {"width": "auto"}
    options = list(zip(control.labels, range(len(control.values)) if _by_index(control) else control.values, strict=True))
    return kind(options=options, index=control.start, **common)


def _by_index(control):
    """Whether the widget holds the number of a value: ipywidgets compares values. Arrays do not compare, 0 and False are equal,
    NaN is no equal of itself.
    """
    values = control.values
    plain = all(isinstance(v, (str, Real)) and v == v for v in values) and len(set(values)) == len(values)
    return control.widget is None and not plain
