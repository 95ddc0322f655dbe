"""``explore()`` itself: from a drawing function and its controls to a live figure or a static one."""

import contextlib
import functools
import gc
import itertools
import math
import os

from tqdm import tqdm

from .controls import fixed_point, read_controls
from .diff import compare
from .encode import compress, encode, fingerprint
from .memo import AxisMemo
from .page import figure_html
from .render import FreshAxes, Images, drawn, images_alone, markup, read_svg, save_pdf, save_svg

MAX_STATES = 1500
MAX_BYTES = 400_000
WHITISH = 0.75  # mean lightness above which an image is drawing on white rather than a picture


def explore(draw, *, title=None, describe=None, subplots=None, labels=None, **controls):
    """Turn a matplotlib drawing function into a figure that the reader can move.

    Parameters
    ----------
    draw : callable
        ``draw(ax, **values)`` draws one state with plain matplotlib on the axes it is given. With several axes the
        first argument is the array of axes. A parameter without a control keeps its default.
    title : str, optional
        Name of the figure for those who cannot see it; by default the name of ``draw``.
    describe : callable, optional
        ``describe(**values)`` returns the text alternative of one state: what the picture shows, in words.
    subplots : dict, optional
        Arguments of ``plt.subplots``, such as ``dict(ncols=2, figsize=(8, 3))``.
    labels : dict, optional
        ``{name: text}`` for controls whose parameter's name is not what the reader should see,
        such as ``labels=dict(w1="weight w₁")``.
    **controls
        One for each parameter of ``draw`` that the reader moves, as in ``ipywidgets.interact``:
        ``(low, high)`` or ``(low, high, step)`` is a slider (without a step: 1 for integers, 0.1 for floats), a list
        of numbers a slider over just these, another list or a dict ``{label: value}`` a choice, ``True`` or ``False``
        a checkbox, and an ipywidget is itself. The figure starts with the defaults of ``draw``, which must be values
        of the controls; without a default, in the middle of a slider or at the first value of a list.

    Returns
    -------
    Explorer
        Shows itself as the value of a notebook cell.

    Raises
    ------
    TypeError, ValueError
        For controls that do not fit ``draw``, for a ``draw`` that makes a figure of its own, and for more states or
        bytes than a page can carry; the message says which control to coarsen.
    """
    return Explorer(draw, read_controls(draw, controls, labels), title, describe, subplots)


@contextlib.contextmanager
def _collected_once_a_state():
    """Switch automatic garbage collection off: it takes a fifth of the time, for a figure is full of cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield functools.partial(gc.collect, 1)
    finally:
        if was_on:
            gc.enable()


class Explorer:
    """A figure with controls; see :func:`explore`."""

    def __init__(self, draw, controls, title=None, describe=None, subplots=None):
        self.draw, self.controls, self.describe, self.subplots = draw, controls, describe, subplots
        self.name = getattr(draw, "__name__", "figure").strip("_<>")
        self.title = title or self.name.replace("_", " ")
        if os.environ.get("EXPLORE_STATIC") == "1":
            self.live, self._fresh_axes = None, FreshAxes(subplots)
            self.html, self.content = self._static()
            with self._drawn(self.values(self.start)) as figure:
                self.pdf = save_pdf(figure)
        else:
            from .live import LiveFigure

            self.live = LiveFigure(draw, controls, self.title, describe, subplots)

    @property
    def states(self):
        """Number of states."""
        return math.prod(len(c.values) for c in self.controls)

    def __repr__(self):
        count, states = len(self.controls), self.states
        text = f"explore: {count} control{'s' * (count != 1)}, {states} state{'s' * (states != 1)}"
        return text if self.live else f"{text}, content {self.content}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        if self.live:
            return {**self.live.box._repr_mimebundle_(), "text/plain": repr(self)}
        return {"text/plain": repr(self), "text/html": self.html, "application/pdf": self.pdf}

    def values(self, state):
        """Arguments of ``draw`` in a state, counted as the controls' last value running fastest."""
        index = {}
        for control in reversed(self.controls):
            state, index[control.name] = divmod(state, len(control.values))
        return {c.name: c.values[index[c.name]] for c in self.controls}

    @property
    def start(self):
        """The state that the figure starts with."""
        state = 0
        for control in self.controls:
            state = state * len(control.values) + control.start
        return state

    def _static(self):
        if self.states > MAX_STATES:
            raise ValueError(self._too_much(f"{self.states} states, at most {MAX_STATES} fit", self.states / MAX_STATES))
        images, memo = Images(), AxisMemo()
        trees, descriptions, alone = [], [], True
        with _collected_once_a_state() as collect:
            for values in tqdm(self._all_values(), self.name, self.states, unit="state", disable=None):
                with self._drawn(values) as figure:
                    memo.prepare(figure)
                    alone = alone and images_alone(figure)
                    trees.append(read_svg(save_svg(figure), images, memo))
                    if self.describe:
                        descriptions.append(str(self.describe(**values)))
                del figure
                collect()
        start = self.start
        slots = compare(trees, start)
        heads = [{"n": c.name, "l": c.labels} for c in self.controls]
        ranges = [i for i, c in enumerate(self.controls) if c.kind == "range"]
        tree = trees[start]
        content = fingerprint(
            self.title, heads, [c.label for c in self.controls], start, descriptions, markup(tree),
            [(s.path, s.name, s.values) for s in slots],
        )  # fmt: skip
        payload = compress(encode(slots, self.states, images, heads, descriptions, ranges[0] if ranges else -1))
        page = figure_html(
            tree,
            name=self.name,
            title=self.title,
            description=descriptions[start] if descriptions else None,
            controls=self.controls,
            payload=payload,
            prefix=f"e{content}",
            images=images,
            keep=alone and images.lightness() < WHITISH,
        )
        if len(page) > MAX_BYTES:
            text = f"{len(page) / 1000:.0f} kB for {self.states} states, at most {MAX_BYTES / 1000:.0f} kB fit"
            raise ValueError(self._too_much(text, len(page) / MAX_BYTES))
        return page, content

    @contextlib.contextmanager
    def _drawn(self, values):
        """The figure of one state; whatever goes wrong with it says in which state."""
        try:
            with drawn(self.draw, values, self._fresh_axes) as figure:
                yield figure
        except Exception as error:
            state = ", ".join(f"{k}={v!r}" for k, v in values.items())
            error.add_note(f"explore: this happened in the state {state or 'without controls'}")
            raise

    def _all_values(self):
        names = [c.name for c in self.controls]
        return (dict(zip(names, v, strict=True)) for v in itertools.product(*[c.values for c in self.controls]))

    def _too_much(self, what, factor):
        """The message for a figure over its budget: which control to coarsen, and by how much."""
        sizes = " × ".join(f"{c.name} {len(c.values)}" for c in self.controls)
        control = max(self.controls, key=lambda c: (c.kind == "range", len(c.values)))
        count = max(2, math.floor(len(control.values) / factor))
        advice = f"give {control.name} at most {count} values instead of {len(control.values)}"
        if control.kind == "range" and len(control.values) > 1:
            span = control.values[-1] - control.values[0]
            step = fixed_point([float(f"{span / (count - 1):.2g}")])[0] if count > 1 else ""
            advice += f", for example a step of about {step}"
        return f"explore: {self.name} makes {what} ({sizes}): {advice}"
