"""``explore()`` itself: from a drawing function and its controls to a live figure or a static one."""

import contextlib
import functools
import gc
import itertools
import math
import os
from collections.abc import Callable

from tqdm import tqdm

from .controls import fixed_point, identifier, parameters_of, read_controls
from .diff import INNER, Shared, compare
from .encode import compress, encode, fingerprint
from .handles import Goal, Handle, Values
from .memo import AxisMemo
from .names import Names
from .page import figure_html
from .render import FreshAxes, Images, drawn, images_alone, markup, save_pdf, tree_of
from .typeset import typeset

MAX_STATES = 4000
MAX_BYTES = 400_000
WHITISH = 0.75  # mean lightness above which an image is drawing on white rather than a picture


def explore(
    draw, /, *, title=None, describe=None, subplots=None, labels=None, drag=None, goals=None, play=None,
    keep_colours=False, **controls,
):  # fmt: skip
    """Turn a matplotlib drawing function into a figure that the reader can move.

    ::

        explore(
            draw, x=(-3.0, 3.0, 0.1), y=(-2.0, 2.0, 0.1), f=["sine", "square"],
            drag={
                "the point": ("x", "y"),                      # its coordinates are the values of x and y
                "the threshold": ("x", 0.0),                  # along x, at a fixed height
                "the point on the curve": ("x", lambda x, f: F[f](x)),
                "the line": dict(at=(0.0, lambda w, b: -b / w), moves="b", ax=1),
            },
            goals={
                "Find the highest point.": lambda x, y: (x, y) == (1.0, 2.0),
                "Make the unit die.": (lambda b: b < -2, "Push the bias far down."),
            },
        )

    Parameters
    ----------
    draw : callable
        ``draw(ax, **values)`` draws one state with plain matplotlib on the axes it is given. With several axes the
        first argument is the array of axes. A parameter without a control keeps its default.
    title : str, optional
        Name of the figure for those who cannot see it; by default the name of ``draw``.
    describe : callable, optional
        Returns the text alternative of one state, of the values that it names: what the picture shows, in words.
    subplots : dict, optional
        Arguments of ``plt.subplots``, such as ``dict(ncols=2, figsize=(8, 3))``.
    labels : dict, optional
        ``{name: text}`` for controls whose parameter's name is not what the reader should see,
        such as ``labels=dict(w1="weight w₁")``.
    drag : dict, optional
        ``{what it is: where it is}``: parts of the picture that the reader grabs with mouse, pen, finger or arrow keys.
        Where it is, is given by two data coordinates; each is the name of a control (its value), a number, or a
        function of the values that it names (controls, or defaults of ``draw``). The handle moves the controls that
        are named as coordinates; ``dict(at=(..., ...), moves="b" or ("w1", "w2"), ax=0)`` says which it moves, and on
        which of several axes it is. Dragging picks, among the states that these controls reach, the one whose handle
        is nearest to the pointer. Where a coordinate is not finite, that state has no such handle.
    goals : dict, optional
        ``{text: test}`` or ``{text: (test, hint)}``: what the reader is to find, told below the figure and ticked when
        found. The test is a function of the values that it names; the hint comes after a while of searching. The
        browser remembers a tick by the names of figure and goal.
    play : str, optional
        The control that Play moves, by default the first slider.
    keep_colours : bool, optional
        The dark page shows the picture in its own colours on a light ground, for texts that speak of dark and light.
        By default lightness is turned round there, except in images on which nothing else is drawn.
    **controls
        One for each parameter of ``draw`` that the reader moves, as in ``ipywidgets.interact``:
        ``(low, high)`` or ``(low, high, step)`` is a slider (without a step: 1 for integers, 0.1 for floats), a list
        of numbers a slider over just these, another list or a dict ``{label: value}`` a choice, ``True`` or ``False``
        a checkbox, and an ipywidget is itself. Up to four values become buttons side by side. The figure starts with
        the defaults of ``draw``, which must be values of the controls; without a default, in the middle of a slider
        or at the first value of a list.

    Returns
    -------
    Explorer
        Shows itself as the value of a notebook cell.

    Raises
    ------
    TypeError, ValueError
        For controls, handles and goals that do not fit ``draw``, for a goal that no state reaches or that the start
        has reached, for a ``draw`` that makes a figure of its own or another picture of the same values, and for more
        states or bytes than a page can carry; the message says which control to coarsen.

    Notes
    -----
    A link in the text moves the figure, without scrolling and with a way back: ``[a steep one](#explore=draw&w=2)``,
    with the name of the drawing function and the values of those controls that change.

    Each state starts from matplotlib's settings as they are when the figure is made; what ``draw`` sets holds for that
    state alone. What it prints is printed for the start alone.
    """
    own = {
        "title": (title, str, "a text"), "describe": (describe, Callable, "a function"),
        "subplots": (subplots, dict, "a dict of arguments"), "labels": (labels, dict, "a dict of texts"),
        "drag": (drag, dict, "a dict of handles"), "goals": (goals, dict, "a dict of goals"), "play": (play, str, "a name"),
        "keep_colours": (keep_colours, bool, "True or False"),
    }  # fmt: skip
    parameters = callable(draw) and parameters_of(draw) or ()
    for name, (value, kind, what) in own.items():
        if value is not None and not isinstance(value, kind) or name in parameters and value not in (None, False):
            raise TypeError(
                f"explore: {name}= is {what}, got {value!r}; if it is meant as a control, "
                f"rename this parameter of the drawing function"
            )
    read = read_controls(draw, controls, labels)
    play = identifier(play)
    if play is not None and play not in controls:
        raise ValueError(f"explore: play names {play!r}, which is no control; the controls are {', '.join(controls)}")
    values = Values(draw, read)
    handles = [Handle(name, spec, read, values) for name, spec in (drag or {}).items()]
    found = [Goal(text, spec, name_of(draw), values) for text, spec in (goals or {}).items()]
    return Explorer(draw, read, title, describe, subplots, handles, found, play, keep_colours)


def name_of(draw):
    """What links and browsers know the figure by."""
    return getattr(draw, "__name__", "figure").strip("_<>")


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

    def __init__(
        self, draw, controls, title=None, describe=None, subplots=None, handles=(), goals=(), play=None,
        keep_colours=False,
    ):  # fmt: skip
        self.draw, self.controls, self.describe, self.subplots = draw, controls, describe, subplots
        self.handles, self.goals, self.play, self.keep_colours = handles, goals, play, keep_colours
        self.names = Names([draw, describe, *(h.at for h in handles), *(g.test for g in goals)])
        self.name, self._call, self._told = name_of(draw), Values(draw, controls).call, set()
        self.title = typeset(title or self.name.replace("_", " "))
        if os.environ.get("EXPLORE_STATIC") == "1":
            self.live, self._fresh_axes = None, FreshAxes(subplots)
            self.html, self.content, self.pdf = self._static()
        elif os.environ.get("EXPLORE_ON_DEMAND") == "1":
            from .ondemand import first

            self.live, self._fresh_axes, self.content, self.pdf = None, FreshAxes(subplots), None, None
            self._check_states()
            self.html = first(self)
        else:
            self.live = self.in_kernel()

    def in_kernel(self):
        """The same figure as a widget, whose states a kernel draws."""
        from .live import LiveFigure

        return LiveFigure(
            self.draw, self.controls, self.title, self.said, self.subplots, self.handles, self.goals, self.names.back()
        )  # fmt: skip

    @property
    def states(self):
        """Number of states."""
        return math.prod(len(c.values) for c in self.controls)

    def __repr__(self):
        count, states = len(self.controls), self.states
        text = f"explore: {count} control{'s' * (count != 1)}, {states} state{'s' * (states != 1)}"
        return text if self.live or not self.content else f"{text}, content {self.content}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        if self.live:
            return {**self.live.box._repr_mimebundle_(), "text/plain": repr(self)}
        bundle = {"text/plain": repr(self), "text/html": self.html, "application/pdf": self.pdf}
        return {kind: content for kind, content in bundle.items() if content}

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

    def _check_states(self):
        if self.states > MAX_STATES:
            raise ValueError(self._too_much(f"{self.states} states, at most {MAX_STATES} fit", self.states / MAX_STATES))

    def _static(self):
        self._check_states()
        start, images, memo, shared = self.start, Images(), AxisMemo(), Shared()
        trees, descriptions, alone = [], [], True
        places = [[] for _ in self.handles]
        reached = [[] for _ in self.goals]
        with _collected_once_a_state() as collect:
            for values in tqdm(self.all_values(), self.name, self.states, unit="state", disable=None):
                with self.drawn(values, aloud=False) as figure:
                    memo.prepare(figure)
                    alone = alone and images_alone(figure)
                    trees.append(shared(tree_of(figure, images, memo)))
                    if self.describe:
                        descriptions.append(self.said(values))
                    for handle, found in zip(self.handles, places, strict=True):
                        found.append(handle.place(figure, values))
                    for goal, found in zip(self.goals, reached, strict=True):
                        found.append(goal.reached(values))
                del figure
                collect()
        with self.drawn(self.values(start)) as figure:
            memo.prepare(figure)
            if shared(tree_of(figure, images, memo)) is not trees[start]:
                raise ValueError(
                    f"explore: {self.name} draws another picture when it is given the same values again. Take random numbers "
                    "from a seed inside it, as np.random.default_rng(0), and let it change nothing that it reads"
                )
            pdf = save_pdf(figure)
        for goal, found in zip(self.goals, reached, strict=True):
            goal.check(found, start)
        tree, slots = compare(trees, start)
        # A layer of images holds those of the start, as it is laid out: none may come, go or be laid out anew.
        alone = alone and not any(s.name == "viewBox" or s.name == INNER and any("<image" in v for v in s.values) for s in slots)
        heads, names, play = self.heads()
        handles = [
            (h.name, [names.index(n) for n in h.moves], found) for h, found in zip(self.handles, places, strict=True)
        ]
        content = fingerprint(
            self.title, heads, [c.label for c in self.controls], start, descriptions, markup(tree),
            [(s.path, s.name, s.values) for s in slots], *([handles] if handles else []),
            *([[(g.text, g.hint, found) for g, found in zip(self.goals, reached, strict=True)]] if self.goals else []),
        )  # fmt: skip
        payload = compress(encode(slots, self.states, images, heads, descriptions, play, handles, reached))
        page = figure_html(
            tree,
            name=self.name,
            title=self.title,
            description=descriptions[start] if descriptions else None,
            controls=self.controls,
            goals=self.goals,
            payload=payload,
            prefix=f"e{content}",
            images=images,
            keep=self.keeps(alone, images),
        )
        if len(page) > MAX_BYTES:
            text = f"{len(page) / 1000:.0f} kB for {self.states} states, at most {MAX_BYTES / 1000:.0f} kB fit"
            raise ValueError(self._too_much(text, len(page) / MAX_BYTES))
        return page, content, pdf

    def heads(self):
        """What the page's script is told of the controls, their names, and the one that Play moves (-1: none)."""
        names = [c.name for c in self.controls]
        ranges = [i for i, c in enumerate(self.controls) if c.kind == "range"]
        play = names.index(self.play) if self.play else ranges[0] if ranges else -1
        return [{"n": c.name, "l": c.labels} for c in self.controls], names, play

    def said(self, values):
        """The description of a state, its numbers as a book prints them, or None."""
        if not self.describe:
            return None
        if (text := self._call(self.describe, values)) is None:
            raise TypeError("explore: describe must return a text, got None; does it end without return?")
        return typeset(str(text))

    def keeps(self, alone, images):
        """What keeps its colours in the dark: "all", "images", which are ``alone`` where nothing is drawn over them, or ""."""
        return "all" if self.keep_colours else "images" if alone and images.lightness() < WHITISH else ""

    @contextlib.contextmanager
    def drawn(self, values, aloud=True):
        """The figure of one state; whatever goes wrong with it says in which state."""
        try:
            with self.names.back(), drawn(self.draw, values, self._fresh_axes, self._told, aloud) as figure:
                yield figure
        except Exception as error:
            state = ", ".join(f"{k}={v!r}" for k, v in values.items())
            error.add_note(f"explore: this happened in the state {state or 'without controls'}")
            raise

    def all_values(self):
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
