"""Controls: the abbreviations of ``ipywidgets.interact``, read into one small class."""

import inspect
import math
import re
import unicodedata
from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction
from numbers import Integral, Real

import numpy as np

from .typeset import typeset

FEW = 4  # up to so many values stand side by side as buttons
MANY = 10_000  # no slider has room for more values, and to list them takes long

TYPED = 8  # a number of so few digits is one that was typed: it is shown whole
NARROW = (np.float32, np.float16)
ADDRESS = re.compile(r"<lambda>|\bat 0x[0-9a-f]+>")  # is another one in each run

ACCEPTED = (
    "(low, high), (low, high, step), a list of values, a dict {label: value}, True or False, or an ipywidget "
    "with a finite number of values"
)


class Control:
    """One argument of the drawing function and the finite list of values that the reader can give it.

    Attributes
    ----------
    name : str
        The parameter of the drawing function.
    label : str
        What the reader sees beside the control.
    kind : {"range", "select", "check"}
        A slider over the values, a list to choose from (buttons side by side where the values are few), or a checkbox.
    values, labels : list
        The values that the drawing function gets, and how each is shown.
    start : int
        Index of the value that the figure starts with.
    widget : ipywidgets.Widget or None
        The ready-made widget that the control was given as.
    """

    def __init__(self, name, spec, default=inspect.Parameter.empty, label=None):
        self.name, self.widget, self.label = name, None, name if label in (None, "") else str(label)
        self._spec = spec
        numbers = isinstance(spec, tuple) and len(spec) in (2, 3) and all(map(_is_number, spec))
        if isinstance(spec, (bool, np.bool_)):
            self.kind, self.values, self.labels = "check", [False, True], ["off", "on"]
            default = bool(spec)
        elif numbers:
            self.values = _grid(name, *spec)
            self.kind = "range" if len(self.values) > FEW else "select"
            self.labels = fixed_point(self.values)
            if default is inspect.Parameter.empty:
                default = self.values[(len(self.values) - 1) // 2]
        elif isinstance(spec, dict):
            self.kind, self.labels, self.values = "select", [str(k) for k in spec], list(spec.values())
        elif hasattr(spec, "traits") and hasattr(spec, "comm"):
            default = self._read_widget(spec, label)
        elif isinstance(spec, (list, tuple, range)) or getattr(spec, "ndim", 0):
            dtype = getattr(spec, "dtype", None)
            if dtype in NARROW:
                spec = spec.astype(str).astype(float)
            elif str(dtype).endswith("64[ns]"):  # Python's own times have microseconds: these would be integers
                times = spec.astype(str(dtype).replace("ns", "us"))
                spec = times if (times == spec).all() else list(spec)
            self._read_list(_tidy(spec.tolist() if hasattr(spec, "tolist") else list(spec)))
        else:
            raise TypeError(f"explore: the control {name}={spec!r} is not one of: {ACCEPTED}")
        if not self.values:
            raise ValueError(f"explore: the control {name}={spec!r} has no values")
        for text, count in Counter(self.labels).items():
            if count > 1:
                raise ValueError(
                    f"explore: two values of the control {name} are both shown as {text!r}; "
                    "give each a label of its own, as in {label: value}"
                )
        self.start = 0 if default is inspect.Parameter.empty else self._index(default)

    def _read_list(self, values):
        if values and all(isinstance(v, tuple) and len(v) == 2 and isinstance(v[0], str) for v in values):
            self.kind, self.labels, self.values = "select", [v[0] for v in values], [v[1] for v in values]
        elif all(map(_is_number, values)):
            self.kind = "range" if len(values) > FEW else "select"
            self.values, self.labels = values, short_numbers(values)
        else:
            self.kind, self.values = "select", values
            self.labels = [str(v.__name__ if callable(v) and hasattr(v, "__name__") else v) for v in values]
            for label, value in zip(self.labels, values, strict=True):
                if ADDRESS.search(label):
                    raise TypeError(
                        f"explore: the control {self.name} expects a dictionary from label to value for what has no name, "
                        f"got {value!r}"
                    )

    def _read_widget(self, widget, label):
        """The values of a ready-made widget; returns the one that it starts with."""
        self.widget = widget
        if label in (None, ""):
            self.label = getattr(widget, "description", "") or self.name
        if hasattr(widget, "_options_values"):
            slider = "Slider" in type(widget).__name__
            self.kind = "range" if slider else "select"
            options = list(zip(widget._options_labels, widget._options_values, strict=True))
            self.labels, self.values = [o[0] for o in options], [o[1] for o in options]
        elif isinstance(getattr(widget, "value", None), bool):
            self.kind, self.values, self.labels = "check", [False, True], ["off", "on"]
        elif _is_number(getattr(widget, "value", None)) and hasattr(widget, "base"):
            exponents = _grid(self.name, widget.min, widget.max, widget.step)
            self.kind, self.values = "range", [float(f"{widget.base**e:.12g}") for e in exponents]
            self.labels = short_numbers(self.values)
        elif _is_number(getattr(widget, "value", None)) and hasattr(widget, "min") and hasattr(widget, "step"):
            self.kind, self.values = "range", _grid(self.name, widget.min, widget.max, widget.step or 1)
            self.labels = fixed_point(self.values)
        else:
            raise TypeError(
                f"explore: the control {self.name} is a {type(widget).__name__}, which has no finite list of values"
            )
        return widget.value

    def _index(self, value):
        for i, v in enumerate(self.values):
            if v is value or (type(v) is type(value) and equal(v, value)):
                return i
        if _is_number(value) and all(map(_is_number, self.values)):
            number, values = _plain(value), list(map(_plain, self.values))
            order = sorted(range(len(values)), key=lambda i: abs(values[i] - number))
            gaps = [abs(v - values[order[0]]) for v in values if v != values[order[0]]]
            if math.isclose(values[order[0]], number, rel_tol=1e-9, abs_tol=1e-9 * min(gaps, default=1)):
                return order[0]
            near = " and ".join(str(self.values[i]) for i in sorted(order[:2]))
            raise ValueError(
                f"explore: {self.name} starts at {value!r}, which is not a value of its control {self._spec!r}; "
                f"the nearest are {near}"
            )
        raise ValueError(
            f"explore: {self.name} starts at {value!r}, which is not among the values of its control: "
            + ", ".join(map(repr, self.values))
        )


def read_controls(draw, specs, labels=None):
    """The controls of ``draw``, in the order of ``specs``, checked against the parameters of ``draw``."""
    if not callable(draw):
        raise TypeError(f"explore expects a drawing function draw(ax, ...), got {draw!r}")
    name = getattr(draw, "__name__", type(draw).__name__)
    kinds = inspect.Parameter
    parameters = list((parameters_of(draw) or {}).values())
    positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    if not positional:
        raise ValueError(f"explore: {name}() must take the axes as its first argument: def {name}(ax, ...)")
    axes = positional[0].name
    named = {p.name: p for p in parameters if p.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)}
    named.pop(axes, None)
    takes_any = any(p.kind is kinds.VAR_KEYWORD for p in parameters)
    has = ", ".join(named) or "none besides the axes"
    for key in specs:
        if key == axes:
            raise ValueError(f"explore: {key!r} is the axes that {name}() draws on, not a control")
        if key == "explore":
            raise ValueError("explore: in a link, 'explore' is the figure: rename this parameter of the drawing function")
        if key not in named and not takes_any:
            raise ValueError(f"explore: {name}() has no parameter {key!r} for that control; its parameters are {has}")
    for key, parameter in named.items():
        if key not in specs and parameter.default is kinds.empty:
            raise ValueError(f"explore: {name}() needs a value for {key!r}: give it a control or a default")
    labels = {identifier(key): text for key, text in (labels or {}).items()}
    for key in labels:
        if key not in specs:
            raise ValueError(f"explore: labels names {key!r}, which is no control; the controls are {', '.join(specs)}")
    return [
        Control(key, spec, named[key].default if key in named else kinds.empty, labels.get(key))
        for key, spec in specs.items()
    ]


def parameters_of(function):
    """The parameters of a function by their names; None of a built-in function that hides them."""
    try:
        return inspect.signature(function).parameters
    except ValueError:
        return None


def identifier(name):
    """A name as Python keeps it: a parameter typed with the keyboard's µ has the Greek letter μ."""
    return unicodedata.normalize("NFKC", name) if isinstance(name, str) else name


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, (bool, np.timedelta64))


def _grid(name, low, high, step=None):
    """Values from ``low`` to ``high``, both included; the step is 1 for integers and 0.1 for floats, as in interact."""
    whole = all(isinstance(v, Integral) for v in (low, high, step) if v is not None)
    low, high, step = map(_plain, (low, high, (1 if whole else 0.1) if step is None else step))
    if not whole and not all(map(math.isfinite, (low, high, step))):
        raise ValueError(f"explore: the range of {name} must be finite, got ({low}, {high}, {step})")
    if step <= 0:
        raise ValueError(f"explore: the step of {name} must be positive, got {step}")
    if high < low:
        raise ValueError(f"explore: the range of {name} is empty: its low end {low} is above its high end {high}")
    # In decimals, as the author wrote them: 0.3 is 0.3 and not 0.30000000000000004, and zero has no sign.
    with localcontext(prec=700):
        first, last, by = (Decimal(v if whole else repr(float(v))) for v in (low, high, step))
        count = int((last - first) / by + Decimal("1e-9")) + 1
        if count > MANY:
            raise ValueError(f"explore: the range of {name} has {count} values, at most {MANY} fit: give it a larger step")
        if count == 1 and low < high:
            raise ValueError(
                f"explore: the step of {name}, {step}, leads from {low} beyond {high}: give it a smaller one, or write [] "
                "around a list of values"
            )
        if whole:
            return [int(low + i * step) for i in range(count)]
        places = 10 - math.floor(math.log10(step))
        return [float(round(first + i * by, places)) + 0.0 for i in range(count)]


def _plain(value):
    """A NumPy number as Python's: int8 overflows, and a float32 that is shown as 0.1 would be drawn as 0.10000000149."""
    return int(value) if isinstance(value, np.integer) else float(str(value)) if isinstance(value, np.floating) else value


def _tidy(values):
    """Numbers without the last digits that computing left behind: what ``np.linspace(0, 1, 11)`` means is 0.3."""
    values = [_plain(v) if isinstance(v, NARROW) else v for v in values]
    finite = [v for v in values if isinstance(v, float) and math.isfinite(v)]
    with np.errstate(all="ignore"):
        steps = np.diff(finite)
        even = len(finite) > 2 and np.allclose(steps, steps[0], rtol=1e-9, atol=0)
    noise = 1e-14 * max(map(abs, finite)) if even else 0

    def tidy(value):
        if not isinstance(value, float) or not math.isfinite(value):
            return value
        short = f"{value:.12g}"
        return 0.0 if abs(value) < noise else float(short if _digits(short) <= TYPED else value) + 0.0

    return [tidy(v) for v in values]


def _digits(text):
    return len(Decimal(text).normalize().as_tuple().digits)


def equal(a, b):
    try:
        return bool(a == b)
    except ValueError:  # arrays: a choice is found by what it is, not by what it holds
        return False


def short_number(value, digits=6):
    """``0.001`` → "0.001", ``-2.0`` → "−2", ``1e-9`` → "10⁻⁹"."""
    return typeset(str(value) if isinstance(value, (Integral, Fraction)) else f"{value:.{digits}g}")


def short_numbers(values):
    """As few digits as keep different values apart; one that has few has all of them."""
    own = [_digits(repr(float(v))) if isinstance(v, float) else 0 for v in values]
    for digits in range(6, 18):
        texts = [short_number(v, max(digits, n) if n <= TYPED else digits) for v, n in zip(values, own, strict=True)]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def fixed_point(values):
    """The numbers of an evenly spaced slider with the same number of decimals, so that the read-out does not jump."""
    if all(isinstance(v, Integral) for v in values):
        return [short_number(v) for v in values]
    if max(map(abs, values)) >= 1e16:
        return short_numbers(values)
    smallest = 1e-9 * min((abs(b - a) for a, b in zip(values, values[1:], strict=False) if a != b), default=1)
    for decimals in range(7):
        if all(math.isclose(round(v, decimals), v, rel_tol=0, abs_tol=smallest) for v in values):
            return [typeset(f"{v:.{decimals}f}") for v in values]
    return short_numbers(values)
