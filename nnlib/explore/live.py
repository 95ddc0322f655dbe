"""The figure in a running kernel: ipywidgets for the controls, an HTML widget for the picture."""

import asyncio
import functools
import html
import itertools
import traceback

import ipywidgets
import matplotlib.pyplot as plt

from .memo import AxisMemo
from .page import css, live_html
from .render import Images, drawn, read_svg, save_svg

PAUSE = 0.01  # seconds between a change and its drawing: messages that are already waiting come first
REMEMBERED = 100  # drawings of axes kept between states
_numbers = itertools.count()


class LiveFigure:
    """Controls and picture of one figure.

    A change marks the picture as stale; one drawing, a moment later, shows the newest values. Changes that arrive
    while a state is being drawn wait as one, so a dragged slider never leaves a queue behind it.
    """

    def __init__(self, draw, controls, title, describe, subplots):
        self.draw, self.describe, self.title = draw, describe, title
        self.fresh_axes = functools.partial(plt.subplots, **(subplots or {}))
        self.prefix = f"live{next(_numbers)}-"
        width = max((len(c.label) for c in controls), default=0)
        self.widgets = {c.name: _widget(c, width) for c in controls}
        self.picture, self.error = ipywidgets.HTML(), ipywidgets.HTML()
        self._stale, self._memo = False, AxisMemo()
        for widget in self.widgets.values():
            widget.observe(self._changed, "value")
        style = ipywidgets.HTML(f"<style>{css()}</style>", layout={"display": "none"})
        self.box = ipywidgets.VBox([style, self.picture, *self.widgets.values(), self.error])
        self.redraw()

    def _changed(self, _change):
        if self._stale:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no event loop, no queue
            self.redraw()
            return
        self._stale = True
        loop.call_later(PAUSE, self.redraw)

    def redraw(self):
        """Draw the state that the controls show; an error is shown under them, whole, until a state draws again."""
        self._stale = False
        values = {name: widget.value for name, widget in self.widgets.items()}
        try:
            with drawn(self.draw, values, self.fresh_axes) as figure:
                if len(self._memo.drawings) > REMEMBERED:
                    self._memo = AxisMemo()
                self._memo.prepare(figure)
                images = Images()
                tree = read_svg(save_svg(figure), images, self._memo)
            label = str(self.describe(**values)) if self.describe else self.title
        except Exception:
            text = html.escape(traceback.format_exc())
            self.error.value = f'<pre role="alert" style="white-space: pre-wrap">{text}</pre>'
            return
        self.picture.value = live_html(tree, label, self.prefix, images)
        self.error.value = ""


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
    options = list(zip(control.labels, control.values, strict=True))
    return kind(options=options, index=control.start, **common)
