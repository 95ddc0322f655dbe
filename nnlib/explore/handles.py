"""Handles: parts of the picture that the reader grabs, and goals that the reader reaches.

A handle has a position in every state and moves the controls that it names. Dragging picks, among the states that these
controls reach, the one whose handle lies nearest to the pointer. Positions are given in data coordinates; the drawn
axes turn them into points of the picture, so aspect, layout and logarithmic scales need no thought.
"""

import hashlib
import math
from collections.abc import Iterable
from numbers import Integral, Real

import numpy as np

from .controls import identifier, parameters_of
from .render import QUANTUM
from .typeset import typeset

ABSENT = -(2**15)  # of a handle that a state does not have
FORMS = '("x", "y"), ("x", 0.0), ("x", lambda x: ...) or dict(at=(..., ...), moves="x", ax=0)'


class Values:
    """Calls functions of a state with the values that they name: of the controls, else the defaults of ``draw``."""

    def __init__(self, draw, controls):
        parameters = parameters_of(draw).values()
        self.defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
        self.names, self._wanted = [c.name for c in controls], {}

    def check(self, function, what):
        """The function itself; refuses one that names what no state has."""
        if not callable(function):
            raise TypeError(f"explore: {what} must be a function of the values it names, got {function!r}")
        parameters = parameters_of(function)
        if parameters is None:
            raise TypeError(f"explore: {what} expects a function that names its values, as in lambda w: ..., got {function!r}")
        for p in parameters.values():
            known = p.name in self.names or p.name in self.defaults
            if not known and p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
                raise ValueError(
                    f"explore: {what} names {p.name!r}, which is no control; the controls are {', '.join(self.names)}"
                )
            if known and p.kind is p.POSITIONAL_ONLY:
                raise TypeError(f"explore: {what} gets its values by name: leave out the / behind {p.name}")
        return function

    def call(self, function, values):
        if function not in self._wanted:
            parameters = parameters_of(function)
            every = parameters is None or any(p.kind is p.VAR_KEYWORD for p in parameters.values())
            self._wanted[function] = list(parameters or ()), every
        names, every = self._wanted[function]
        everything = self.defaults | values
        named = {name: everything[name] for name in names if name in everything}
        return function(**(values | named if every else named))


class Handle:
    """One part of the picture that can be grabbed.

    Attributes
    ----------
    name : str
        What it is called by those who cannot see it.
    at : tuple of two
        Its coordinates: each the name of a control, a number, or a function of the values that it names.
    moves : list of str
        The controls that it moves.
    ax : int
        The axes that its coordinates belong to, counted as ``subplots`` makes them.
    """

    def __init__(self, name, spec, controls, values):
        what = f"drag={{{name!r}: ...}}"
        if not isinstance(name, str):
            raise TypeError(f"explore: {what} expects a text that says what the handle is, got {name!r}")
        self.name, self.ax, self.values, moves = typeset(name), 0, values, None
        if isinstance(spec, dict):
            unknown = set(spec) - {"at", "moves", "ax"}
            if unknown or "at" not in spec:
                raise ValueError(f"explore: {what} has {', '.join(map(repr, spec))}; a handle is one of: {FORMS}")
            at, moves, self.ax = spec["at"], spec.get("moves"), spec.get("ax", 0)
        else:
            at = spec
        if not isinstance(at, (tuple, list)) or len(at) != 2:
            raise ValueError(f"explore: {what} must give two coordinates, got {at!r}; a handle is one of: {FORMS}")
        at = tuple(map(identifier, at))
        if moves is None:
            moves = [a for a in at if isinstance(a, str)]
        if not isinstance(moves, Iterable):
            raise TypeError(f"explore: {what}: moves expects names of controls, got {moves!r}")
        self.at, self.moves = at, list(dict.fromkeys(map(identifier, [moves] if isinstance(moves, str) else moves)))
        by_name = {c.name: c for c in controls}
        for a in [*self.moves, *(a for a in at if isinstance(a, str))]:
            if a not in by_name:
                raise ValueError(f"explore: {what} names {a!r}, which is no control; the controls are {', '.join(by_name)}")
        for a in at:
            if isinstance(a, str):
                if not all(isinstance(v, Real) for v in by_name[a].values):
                    raise ValueError(f"explore: {what} takes {a!r} as a coordinate, but its values are no numbers")
            elif callable(a):
                values.check(a, what)
            elif not isinstance(a, Real):
                raise TypeError(f"explore: {what}: {a!r} is no coordinate; a handle is one of: {FORMS}")
        if not self.moves:
            raise ValueError(f'explore: {what} moves no control: name them, as in dict(at=(..., ...), moves="w")')
        if not isinstance(self.ax, Integral) or self.ax < 0:
            raise TypeError(f"explore: {what}: ax must be the number of the axes, counted from 0, got {self.ax!r}")

    def data(self, values):
        """Its data coordinates in a state."""
        found = [values[a] if isinstance(a, str) else self.values.call(a, values) if callable(a) else a for a in self.at]
        try:
            if any(isinstance(value, (str, np.complexfloating)) for value in found):
                raise TypeError
            return tuple(map(float, found))
        except (TypeError, ValueError):
            raise TypeError(f"explore: drag={{{self.name!r}: ...}} expects two numbers, got {found}") from None

    def points(self, figure, states):
        """Its places in the picture of ``figure``, in points from the left and from the top, (len(states), 2)."""
        made, what = figure.axes_made, f"explore: drag={{{self.name!r}: ...}} is on axes {self.ax}"
        if self.ax >= len(made):
            raise ValueError(f"{what} of {len(made)}")
        ax = made[self.ax]
        if hasattr(ax, "zaxis"):
            raise ValueError(f"{what}, which have three dimensions: two coordinates have no place there")
        if ax not in figure.axes:
            return np.full((len(states), 2), np.nan)
        with np.errstate(all="ignore"):
            found = ax.transData.transform([self.data(values) for values in states]) * 72 / figure.dpi
        return np.column_stack([found[:, 0], figure.get_figheight() * 72 - found[:, 1]])

    def places(self, figure, states):
        """Its :meth:`points` in quanta, as the page's script counts them; ABSENT where it has none."""
        return [
            (round(round(x, 6) * QUANTUM), round(round(y, 6) * QUANTUM))
            if math.isfinite(x) and math.isfinite(y) and max(abs(x), abs(y)) * QUANTUM < 2**15 - 1
            else (ABSENT, ABSENT)
            for x, y in self.points(figure, states)
        ]

    def place(self, figure, values):
        """Its place in the picture of one state; see :meth:`places`."""
        return self.places(figure, [values])[0]


class Goal:
    """Something to find: its text, a test of a state's values, and a hint for those who have searched for a while."""

    def __init__(self, text, spec, figure_name, values):
        test, *hint = spec if isinstance(spec, (tuple, list)) else (spec,)
        what = f"goals={{{text!r}: ...}}"
        if not isinstance(text, str) or len(hint) > 1 or not all(isinstance(h, str) for h in hint):
            raise TypeError(f"explore: {what} must be a text with a function, or with (function, hint), got {spec!r}")
        self.text, self.test, self.hint = text, values.check(test, what), hint[0] if hint else ""
        self.values = values
        # What a browser remembers it by: the same after every build, as long as figure and text keep their names.
        self.key = f"{figure_name}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"

    def reached(self, values):
        found = self.values.call(self.test, values)
        if not isinstance(found, (Real, np.bool_)) or found != found:
            raise TypeError(f"explore: goals={{{self.text!r}: ...}} expects True or False, got {found!r}")
        return bool(found)

    def check(self, reached, start):
        """Refuse a goal that nobody can reach, and one that everybody has reached before beginning."""
        if not any(reached):
            raise ValueError(f"explore: no state reaches the goal {self.text!r}")
        if reached[start]:
            raise ValueError(f"explore: the figure starts with its goal {self.text!r} reached")
