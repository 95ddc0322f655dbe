"""Layers of units and the weights between them."""

import operator
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from nnlib import checks
from nnlib.explore.typeset import typeset
from nnlib.layers import Dense, Layer, Sequential
from nnlib.plots.colors import GRADIENT, INK, NEGATIVE, POSITIVE

PAPER = dict(facecolor="white", edgecolor="none", pad=0.8, alpha=0.9)  # behind numbers, so that no edge crosses them


def _in_a_row(model):
    """The layers of a model one after the other; one that is used twice comes twice."""
    if type(model).vjp is Sequential.vjp:
        return [part for layer in model.layers for part in _in_a_row(layer)]
    if not isinstance(model, Dense) and (any(model.children()) or any(p.value.ndim > 1 for p in model.parameters())):
        raise ValueError(f"network_diagram expects a model of Dense layers in a row, got {type(model).__name__}")
    return [model]


def _dense_parameters(model):
    """Weights [(n_in, n_out), ...] and biases [(n_out,) or None, ...] of a model's dense layers."""
    layers = [layer for layer in _in_a_row(model) if isinstance(layer, Dense)]
    sizes = [(layer.in_features, layer.out_features) for layer in layers]
    if not layers or any(a[1] != b[0] for a, b in zip(sizes, sizes[1:])):
        raise ValueError(f"network_diagram expects a model of Dense layers in a row, got {sizes}")
    return [layer.W.value for layer in layers], [layer.b and layer.b.value for layer in layers]


def _check_layers(name, arrays, shapes):
    """``arrays``, one for each entry of ``shapes``, as float arrays; None stays None."""
    if arrays is None:
        return [None] * len(shapes)
    if hasattr(arrays, "keys"):
        raise TypeError(f"network_diagram expects {name} as a list of arrays, got a {type(arrays).__name__}")
    if len(arrays) != len(shapes):
        raise ValueError(f"network_diagram expects {len(shapes)} arrays in {name}, got {len(arrays)}")
    checked = []
    for array, shape in zip(arrays, shapes):
        if array is not None:
            array = checks.numeric("network_diagram", name, array).astype(float)
            if [n for n in array.shape if n != 1] != [n for n in shape if n != 1]:  # (1, n) may be (n,), but not (3, 2) (2, 3)
                raise ValueError(f"network_diagram expects shape {shape} in {name}, got {array.shape}")
            array = array.reshape(shape)
        checked.append(array)
    return checked


def network_diagram(network, ax=None, *, weights=None, biases=None, values=None, gradients=None,
                    weight_gradients=None, labels=None, max_units=8, numbers=None, fmt="{:.2f}", label_gap=None):
    """Layers of units as columns of circles, joined by edges: colour is a weight's sign, width its size.

    Parameters
    ----------
    network : model or sequence of int
        A model of dense layers, whose weights and biases are drawn, or just the layers' sizes, ``[2, 3, 1]``.
    weights, biases : lists of arrays, optional
        One (n_in, n_out) and one (n_out,) for each layer of edges; they replace the model's.
    values, gradients : lists of arrays, optional
        One (n,) for each column of units: the number in the circle, and the one below it (dL/dz or dL/da, say
        which).
    weight_gradients : list of arrays, optional
        One (n_in, n_out) for each layer of edges, written below the weight.
    labels : list of lists of str, optional
        Name of each unit, above its circle.
    max_units : int
        Taller layers are shortened around an ellipsis, and their size is written below.
    numbers : bool, optional
        Whether weights are written on the edges; by default where there are at most six in a layer.
    fmt : str
        Format of every number.
    label_gap : float, optional
        Points that numbers on edges keep between each other where edges cross, if there is room; by default what
        one or two lines of letters need.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if isinstance(network, Layer):
        own_weights, own_biases = _dense_parameters(network)
        sizes = [len(own_weights[0])] + [W.shape[1] for W in own_weights]
        weights = own_weights if weights is None else weights
        if biases is None:  # beside edges without numbers they would say little
            biases = [b if _numbers(W, numbers) else None for W, b in zip(own_weights, own_biases)]
    else:
        try:
            sizes = [operator.index(n) for n in network]
        except TypeError as error:
            raise TypeError(f"network_diagram expects a model or the sizes of its layers, got {network!r}") from error
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"network_diagram expects at least two layer sizes, each at least 1, got {sizes}")
    checks.count("network_diagram", least=3, max_units=max_units)
    pairs = list(zip(sizes, sizes[1:]))
    weights = _check_layers("weights", weights, pairs)
    weight_gradients = _check_layers("weight_gradients", weight_gradients, pairs)
    biases = _check_layers("biases", biases, [(n,) for n in sizes[1:]])
    values = _check_layers("values", values, [(n,) for n in sizes])
    gradients = _check_layers("gradients", gradients, [(n,) for n in sizes])
    if labels is not None and len(labels) != len(sizes):
        raise ValueError(f"network_diagram expects {len(sizes)} lists in labels, got {len(labels)}")
    for k, names in enumerate(labels or ()):
        if names is not None and len(names) != sizes[k]:
            raise ValueError(f"network_diagram expects {sizes[k]} labels in column {k}, got {len(names)}")

    ax = plt.gca() if ax is None else ax
    columns = [_column(n, max(sizes), max_units) for n in sizes]
    tallest = min(max(sizes), max_units)

    # Circles and letters have sizes in points, so the room for them is reckoned in points too.
    box = ax.get_window_extent()
    width, height = box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi
    above = 18 if labels is not None else 3
    below = 14 * any(b is not None for b in biases) + 15 * any(g is not None for g in gradients) + 3
    below = max(below, 18 if max(sizes) > max_units else 0)
    diameter = float(np.clip(min(height / tallest - above - below - 5, 0.4 * width / len(sizes)), 9, 42))
    side, layers = diameter / 2 + 16, len(sizes) - 1
    point_x, point_y = layers / max(width - 2 * side, 1), 1 / max(height - diameter - above - below, 1)
    ax.set(xlim=(-side * point_x, layers + side * point_x),
           ylim=(-(diameter / 2 + below) * point_y, 1 + (diameter / 2 + above) * point_y))
    ax.axis("off")

    largest = max((abs(w) for W in weights if W is not None for w in W[np.isfinite(W)]), default=0.0) or 1.0
    for layer, (W, dW) in enumerate(zip(weights, weight_gradients)):
        start, stop = columns[layer], columns[layer + 1]
        t = _label_position(start, stop, nearest=(diameter / 2 + 20) * point_x,
                            enough=(label_gap or (26 if dW is None else 34)) * point_y)
        for i, y_in in start.items():
            for j, y_out in stop.items():
                w = None if W is None else W[i, j]
                _edge(ax, (layer, y_in), (layer + 1, y_out), w, largest)
                if _numbers(W, numbers):
                    place = layer + t, (1 - t) * y_in + t * y_out
                    _edge_label(ax, place, w, None if dW is None else dW[i, j], fmt)

    longest = max((len(fmt.format(v)) for column in values if column is not None for v in column), default=0)
    inside = min(12.0, (diameter - 5) / (0.62 * max(longest, 5)))
    for layer, column in enumerate(columns):
        ax.scatter([layer] * len(column), column.values(), s=diameter**2, facecolors="white", edgecolors=INK,
                   linewidths=1.4, zorder=4)
        for k, y in column.items():
            beside = partial(_beside, ax, (layer, y))
            if values[layer] is not None:
                beside(0, fmt.format(values[layer][k]), va="center", fontsize=inside)
            if labels is not None and labels[layer] is not None and labels[layer][k] is not None:
                beside(diameter / 2 + 3, str(labels[layer][k]), va="bottom", fontsize=12)
            foot = -diameter / 2 - 3
            if layer and biases[layer - 1] is not None:
                beside(foot, "b = " + fmt.format(biases[layer - 1][k]), va="top", fontsize=10, bbox=PAPER)
                foot -= 13
            if gradients[layer] is not None:
                beside(foot, fmt.format(gradients[layer][k]), va="top", fontsize=11, color=GRADIENT,
                       style="italic", bbox=PAPER)
        if sizes[layer] > max_units:
            gap = _heights(max_units, tallest)[max_units // 2]
            ax.text(layer, gap, "⋮", ha="center", va="center", fontsize=18)
            lowest = layer, min(column.values())
            _beside(ax, lowest, -diameter / 2 - 4, str(sizes[layer]), va="top", fontsize=12)
    return ax


def _numbers(W, numbers):
    """Whether the edges of a layer carry their numbers."""
    return W is not None and (W.size <= 6 if numbers is None else numbers)


def _column(n, largest, max_units):
    """Heights of the units that are drawn, by their number: all of them, or the ends around an ellipsis."""
    tallest = min(largest, max_units)
    if n <= max_units:
        return dict(enumerate(_heights(n, tallest)))
    top, bottom = max_units // 2, (max_units - 1) // 2  # one place is the ellipsis
    heights = _heights(max_units, tallest)
    return dict(zip([*range(top), *range(n - bottom, n)], [*heights[:top], *heights[max_units - bottom:]]))


def _heights(n, tallest):
    """Heights in 0..1 of ``n`` units, centred, the top one first; ``tallest``: of the tallest layer."""
    # A short layer spreads out a little, so that its edges' numbers have room.
    step = min(1 / (n - 1), 1.5 / (tallest - 1)) if n > 1 else 0.0
    return 0.5 + step * ((n - 1) / 2 - np.arange(n))


def _label_position(start, stop, nearest, enough):
    """Fraction of the way along a layer's edges for labels: ``enough`` apart, then near the middle."""
    if len(start) * len(stop) == 1 or nearest >= 0.5:
        return 0.5
    start, stop = np.array([*start.values()]), np.array([*stop.values()])

    def quality(t):
        gap = np.diff(np.sort(np.add.outer((1 - t) * start, t * stop).ravel())).min()
        return min(round(gap, 9), enough), -abs(t - 0.45)

    return max(np.linspace(nearest, 1 - nearest, 61), key=quality)


def _sign_color(w):
    return POSITIVE if w > 0 else NEGATIVE


def _edge(ax, start, stop, w, largest):
    strength = 0.5 if w is None else abs(w) / largest if np.isfinite(w) else 0.0
    ax.plot(*zip(start, stop), color="#999999" if w is None else _sign_color(w), zorder=1,
            linewidth=0.5 + 3.2 * strength, alpha=0.35 + 0.5 * strength, solid_capstyle="butt")


def _edge_label(ax, place, w, dw, fmt):
    _beside(ax, place, 0 if dw is None else 2, fmt.format(w), va="center" if dw is None else "bottom",
            color=_sign_color(w), fontsize=11, bbox=PAPER, zorder=3)
    if dw is not None:
        _beside(ax, place, -1, fmt.format(dw), va="top", color=GRADIENT, style="italic", fontsize=11,
                bbox=PAPER, zorder=3)


def _beside(ax, place, points, text, zorder=5, **style):
    """Text above or below a place, by so many points."""
    ax.annotate(typeset(text), place, (0, points), textcoords="offset points", ha="center", zorder=zorder, **style)
