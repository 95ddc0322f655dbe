"""Pictures of networks and of their training, in matplotlib's own conventions.

Every function takes ``ax=None`` (the current axes, or new ones) and returns the axes it drew on. Nothing here
is needed to compute: ``import nnlib`` does not import this module.

One pair of colours runs through the book: blue for class 0 and for negative numbers, vermillion for class 1
and for positive ones (Okabe and Ito, *Color Universal Design*, 2008). It stays apart under every common
colour blindness.
"""

import math

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, ListedColormap, to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

COLORS = ["#0072B2", "#D55E00", "#009E73", "#AA4A8A", "#B98200", "#4C4C4C"]  # the cycle of book.mplstyle
MARKERS = "os^Dv*"
NEGATIVE, POSITIVE, GRADIENT, INK = COLORS[0], COLORS[1], "#00704F", "#222222"
DIVERGING = LinearSegmentedColormap.from_list("diverging", [NEGATIVE, "#ffffff", POSITIVE])


def _scores(predict, points):
    """What a model (in evaluation mode) or a function says of ``points`` (N, 2): (N,) or (N, K) floats."""
    if hasattr(predict, "forward"):
        from nnlib.train import predict as evaluate

        scores = evaluate(predict, points)
    else:
        scores = predict(points)
    scores = np.asarray(scores, dtype=float)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim not in (1, 2) or len(scores) != len(points):
        raise ValueError(f"decision_boundary expects predict to return (N,) or (N, K) for N = {len(points)} "
                         f"points, got {scores.shape}")
    return scores


def decision_boundary(predict, X=None, y=None, ax=None, *, extent=None, level=0.0, limit=None, resolution=80,
                      cmap=DIVERGING):
    """Field of a classifier of two features, its decision line, and the samples.

    Parameters
    ----------
    predict : Layer or callable
        From points (N, 2) to one score each, (N,) or (N, 1), or to one score for each class, (N, K). A layer
        is asked in evaluation mode.
    X, y : arrays, optional
        Samples (N, 2) and their classes (N,), drawn on top; each class has its colour and its marker.
    extent : (x0, x1, y0, y1), optional
        The window; otherwise the samples with a margin.
    level : float
        The score on the decision line: 0 for a logit (default), 0.5 for a probability.
    limit : float, optional
        Distance from ``level`` at which the colour is full; otherwise the largest in the window. Give it
        where several fields are to be compared. Not used with K > 1 scores: there each class has its region.
    resolution : int
        Cells of the field along each side.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if X is not None:
        X = np.asarray(X, dtype=float)
        if X.ndim != 2 or X.shape[1] != 2:
            raise ValueError(f"decision_boundary expects X of shape (N, 2), got {X.shape}")
        if y is not None and np.size(y) != len(X):
            raise ValueError(f"decision_boundary expects y (N,) with N = {len(X)}, got {np.shape(y)}")
    elif extent is None:
        raise ValueError("decision_boundary expects samples X or an extent (x0, x1, y0, y1), got neither")
    if extent is None:
        low, high = X.min(axis=0), X.max(axis=0)
        margin = 0.15 * np.where(high > low, high - low, 1.0)
        extent = (low[0] - margin[0], high[0] + margin[0], low[1] - margin[1], high[1] + margin[1])
    x0, x1, y0, y1 = extent
    ax = plt.gca() if ax is None else ax

    cells = (np.arange(resolution) + 0.5) / resolution
    across, up = np.meshgrid(x0 + cells * (x1 - x0), y0 + cells * (y1 - y0))
    scores = _scores(predict, np.column_stack([across.ravel(), up.ravel()]))
    image = dict(extent=extent, origin="lower", aspect="auto", interpolation="none", zorder=0)
    if scores.ndim == 1:
        field = scores.reshape(across.shape) - level
        limit = limit or np.abs(field[np.isfinite(field)]).max(initial=0.0) or 1.0
        # Half the strength of the colours, so that the samples stand out.
        ax.imshow(field, cmap=cmap, vmin=-1.6 * limit, vmax=1.6 * limit, **image)
        lines = [field]
    else:
        classes = scores.shape[1]
        colors = [COLORS[k % len(COLORS)] for k in range(classes)]
        pale = ListedColormap([0.35 * np.array(to_rgb(color)) + 0.65 for color in colors])
        winner = scores.argmax(axis=1).reshape(across.shape)
        ax.imshow(winner, cmap=pale, vmin=-0.5, vmax=classes - 0.5, **image)
        lines = [(scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)).reshape(across.shape)
                 for k in range(classes)]
    for line in lines:
        if np.nanmin(line) < 0 < np.nanmax(line):
            ax.contour(across, up, line, levels=[0.0], colors=INK, linewidths=1.6, zorder=1)

    if X is not None:
        labels = np.zeros(len(X), dtype=int) if y is None else np.ravel(y)
        size = float(np.clip(5000 / max(len(X), 1), 16, 42))
        for k, label in enumerate(np.unique(labels)):
            ax.scatter(*X[labels == label].T, s=size, color=INK if y is None else COLORS[k % len(COLORS)],
                       marker=MARKERS[k % len(MARKERS)], edgecolors="white", linewidths=0.7, zorder=2)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))
    return ax


def _dense_parameters(model):
    """Weights [(n_in, n_out), ...] and biases [(n_out,) or None, ...] of a model made of dense layers."""
    weights, biases = [], []
    for parameter in model.parameters():
        if parameter.value.ndim == 2:
            weights.append(parameter.value)
            biases.append(None)
        elif parameter.value.ndim == 1 and weights and parameter.value.size == weights[-1].shape[1]:
            biases[-1] = parameter.value
    if not weights:
        raise ValueError("network_diagram expects a model with at least one Dense layer, got none")
    return weights, biases


def _check_layers(name, arrays, shapes):
    """``arrays``, one for each entry of ``shapes``, as float arrays; None stays None."""
    if arrays is None:
        return [None] * len(shapes)
    if len(arrays) != len(shapes):
        raise ValueError(f"network_diagram expects {len(shapes)} arrays in {name}, got {len(arrays)}")
    checked = []
    for array, shape in zip(arrays, shapes):
        if array is not None:
            array = np.asarray(array, dtype=float)
            if array.size != math.prod(shape):
                raise ValueError(f"network_diagram expects shape {shape} in {name}, got {array.shape}")
            array = array.reshape(shape)
        checked.append(array)
    return checked


def _label_position(start, stop, nearest, enough):
    """Fraction of the way along a layer's edges for labels: ``enough`` apart, then near the middle."""
    if len(start) * len(stop) == 1 or nearest >= 0.5:
        return 0.5

    def quality(t):
        gap = np.diff(np.sort(np.add.outer((1 - t) * start, t * stop).ravel())).min()
        return min(round(gap, 9), enough), -abs(t - 0.45)

    return max(np.linspace(nearest, 1 - nearest, 61), key=quality)


def _heights(n, tallest):
    """Heights in 0..1 of ``n`` units, centred, the top one first; ``tallest``: of the tallest layer."""
    step = 0.0 if tallest == 1 else 1.0 / (tallest - 1)
    # A short layer spreads out a little, so that its edges' numbers have room.
    step *= 1.0 if n < 2 else min((tallest - 1) / (n - 1), 1.5)
    return 0.5 + step * ((n - 1) / 2 - np.arange(n))


def network_diagram(network, ax=None, *, weights=None, biases=None, values=None, gradients=None,
                    weight_gradients=None, labels=None, max_units=8, numbers=None, fmt="{:.2f}"):
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

    Returns
    -------
    matplotlib.axes.Axes
    """
    if hasattr(network, "parameters"):
        own_weights, own_biases = _dense_parameters(network)
        sizes = [len(own_weights[0])] + [W.shape[1] for W in own_weights]
        weights = own_weights if weights is None else weights
        biases = own_biases if biases is None else biases
    else:
        sizes = [int(n) for n in network]
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"network_diagram expects at least two layer sizes, each at least 1, got {sizes}")
    pairs = list(zip(sizes, sizes[1:]))
    weights = _check_layers("weights", weights, pairs)
    weight_gradients = _check_layers("weight_gradients", weight_gradients, pairs)
    biases = _check_layers("biases", biases, [(n,) for n in sizes[1:]])
    values = _check_layers("values", values, [(n,) for n in sizes])
    gradients = _check_layers("gradients", gradients, [(n,) for n in sizes])

    ax = plt.gca() if ax is None else ax
    top, bottom = max_units // 2, (max_units - 1) // 2
    shown = [np.arange(n) if n <= max_units else np.r_[:top, n - bottom:n] for n in sizes]
    slots = [min(n, max_units) for n in sizes]  # a shortened column keeps one slot for its ellipsis
    tallest = max(slots)
    columns = [np.delete(_heights(s, tallest), max_units // 2 if s < n else []) for s, n in zip(slots, sizes)]

    # Circles and letters have sizes in points, so the room for them is reckoned in points too.
    box = ax.get_window_extent()
    width, height = box.width * 72 / ax.figure.dpi, box.height * 72 / ax.figure.dpi
    above = 18 if labels is not None else 3
    below = 14 * any(b is not None for b in biases) + 15 * any(g is not None for g in gradients) + 3
    diameter = float(np.clip(min(height / tallest - above - below - 5, 0.4 * width / len(sizes)), 9, 42))
    side = diameter / 2 + 16
    margin = side * (len(sizes) - 1) / max(width - 2 * side, 1)
    ax.set_xlim(-margin, len(sizes) - 1 + margin)
    head, foot = diameter / 2 + above, diameter / 2 + max(below, 18 if max(sizes) > max_units else 0)
    unit = max(height - head - foot, 1)
    ax.set_ylim(-foot / unit, 1 + head / unit)
    ax.axis("off")

    # Labels start beyond the circles.
    nearest = (diameter / 2 + 20) * (len(sizes) - 1) / max(width - 2 * side, 1)
    largest = max((np.abs(W).max(initial=0.0) for W in weights if W is not None), default=0.0) or 1.0
    for layer, (n_in, n_out) in enumerate(pairs):
        W, dW = weights[layer], weight_gradients[layer]
        write = W is not None and (n_in * n_out <= 6 if numbers is None else numbers)
        t = _label_position(columns[layer], columns[layer + 1], nearest, (26 if dW is None else 34) / unit)
        for i, y_in in zip(shown[layer], columns[layer]):
            for j, y_out in zip(shown[layer + 1], columns[layer + 1]):
                w = None if W is None else W[i, j]
                strength = 0.5 if w is None else abs(w) / largest
                color = "#999999" if w is None else POSITIVE if w > 0 else NEGATIVE
                ax.plot([layer, layer + 1], [y_in, y_out], color=color, linewidth=0.5 + 3.2 * strength,
                        alpha=0.35 + 0.5 * strength, zorder=1, solid_capstyle="butt")
                if write:
                    x, y = layer + t, (1 - t) * y_in + t * y_out
                    pad = dict(facecolor="white", edgecolor="none", pad=0.8, alpha=0.9)
                    text = dict(textcoords="offset points", ha="center", bbox=pad, fontsize=11, zorder=3)
                    if dW is None:
                        ax.annotate(fmt.format(w), (x, y), (0, 0), color=color, va="center", **text)
                    else:
                        ax.annotate(fmt.format(w), (x, y), (0, 2), color=color, va="bottom", **text)
                        ax.annotate(fmt.format(dW[i, j]), (x, y), (0, -1), color=GRADIENT, va="top",
                                    style="italic", **text)

    longest = max((len(fmt.format(v)) for layer in values if layer is not None for v in layer), default=1)
    inside = min(12.0, (diameter - 5) / (0.62 * longest))
    for layer, n in enumerate(sizes):
        heights = columns[layer]
        ax.scatter([layer] * len(heights), heights, s=diameter**2, facecolors="white", edgecolors=INK,
                   linewidths=1.4, zorder=4)
        for k, y in zip(shown[layer], heights):
            def beside(text, dy, **style):
                ax.annotate(text, (layer, y), (0, dy), textcoords="offset points", ha="center", zorder=5,
                            **style)

            if values[layer] is not None:
                beside(fmt.format(values[layer][k]), 0, va="center", fontsize=inside)
            if labels is not None and labels[layer] is not None:
                beside(labels[layer][k], diameter / 2 + 3, va="bottom", fontsize=12)
            notes = []
            if layer and biases[layer - 1] is not None:
                notes.append(("b = " + fmt.format(biases[layer - 1][k]), dict(color=INK, fontsize=10)))
            if gradients[layer] is not None:
                notes.append((fmt.format(gradients[layer][k]),
                              dict(color=GRADIENT, fontsize=11, style="italic")))
            for line, (text, style) in enumerate(notes):
                beside(text, -diameter / 2 - 3 - 13 * line, va="top", **style)
        if n > max_units:
            gap = _heights(max_units, tallest)[max_units // 2]
            ax.text(layer, gap, "⋮", ha="center", va="center", fontsize=18)
            ax.annotate(str(n), (layer, heights[-1]), (0, -diameter / 2 - 4), textcoords="offset points",
                        ha="center", va="top", fontsize=12)
    return ax


OPERATORS = {"*": "×", "-": "−", "/": "÷", "neg": "−"}


def _apart(wanted):
    """Numbers in rising order, each at least 1 after the one before, as near as can be to those wanted."""
    blocks = []  # (sum of what is wanted of its members less their place, size): members touch each other
    for i, y in enumerate(wanted):
        blocks.append((y - i, 1))
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, size = blocks.pop()
            blocks[-1] = (blocks[-1][0] + total, blocks[-1][1] + size)
    starts = np.concatenate([np.full(size, total / size) for total, size in blocks])
    return starts + np.arange(len(starts))


def _columns_and_rows(result):
    """Nodes of the graph, and the column and row of each: leaves left, the result right, few crossings."""
    from nnlib.autodiff import graph

    nodes = graph(result)
    distance = dict.fromkeys(map(id, nodes), 0)  # longest way to the result
    near = {id(node): [] for node in nodes}  # parents and children
    for node in reversed(nodes):
        for parent in node.parents:
            distance[id(parent)] = max(distance[id(parent)], distance[id(node)] + 1)
            near[id(node)].append(id(parent))
            near[id(parent)].append(id(node))
    last = max(distance.values())
    column, row, leaves = {key: last - d for key, d in distance.items()}, {}, 0
    for node in nodes:  # a first order: each leaf takes the next row, all others stand between their parents
        if node.parents:
            row[id(node)] = float(np.mean([row[id(parent)] for parent in node.parents]))
        else:
            row[id(node)], leaves = float(leaves), leaves + 1
    stacks = [sorted((key for key in row if column[key] == k), key=row.get) for k in range(last + 1)]
    for _ in range(20):  # then each column draws near to its neighbours
        for stack in stacks:
            wanted = [np.mean([row[other] for other in near[key]] or row[key]) for key in stack]
            row |= zip(stack, _apart(wanted))
    return nodes, column, row


def computational_graph(result, ax=None, *, slopes=False, fmt="{:.3g}"):
    """The calculation behind a :class:`~nnlib.autodiff.Value`, from left to right: a box for each value.

    A box shows the label or the operation's sign, the value, and below it (green, slanted) the gradient: the
    derivative of the result with respect to this value, as the last ``backward`` left it.

    Parameters
    ----------
    result : Value
    ax : Axes, optional
        By default those of a new figure, large enough for the graph.
    slopes : bool
        Whether to write on each edge the slope that its gradient is multiplied with on the way back.
    fmt : str
        Format of every number.

    Returns
    -------
    matplotlib.axes.Axes
    """
    nodes, column, row = _columns_and_rows(result)
    # Everything is reckoned in points, with the origin in the lower left corner.
    box_width, box_height, gap_x, gap_y = 56, 50, 50 if slopes else 24, 10
    columns, rows = max(column.values()) + 1, max(row.values()) - min(row.values()) + 1
    need = np.array([columns * (box_width + gap_x) - gap_x, rows * (box_height + gap_y) - gap_y]) + 8
    if ax is None:
        ax = plt.figure(figsize=np.maximum(need / 72, 1)).add_axes((0, 0, 1, 1))
    window = ax.get_window_extent()
    size = np.array([window.width, window.height]) * 72 / ax.figure.dpi
    scale = min(1.0, *(size / need))
    ax.set(xlim=(0, size[0]), ylim=(0, size[1]))
    ax.axis("off")

    lowest, step = max(row.values()), scale * np.array([box_width + gap_x, box_height + gap_y])
    first = (size - scale * (need - 8)) / 2 + scale * np.array([box_width, box_height]) / 2
    middle = {key: first + step * [column[key], lowest - row[key]] for key in row}
    box_width, box_height = scale * box_width, scale * box_height
    for node in nodes:
        x, y = middle[id(node)]
        ax.add_patch(FancyBboxPatch(
            (x - box_width / 2, y - box_height / 2), box_width, box_height, edgecolor=INK, linewidth=1.1,
            boxstyle=f"round,pad=0,rounding_size={6 * scale}", zorder=3,
            facecolor="white" if node.parents else "#eef4f8"))
        sign = OPERATORS.get(node.op, node.op.replace("**", "^"))
        title = f"{node.label} ({sign})" if node.label and sign else node.label or sign
        for text, dy, style in ((title, 15, dict(color=INK, weight="bold")),
                                (fmt.format(node.data), 0, dict(color=INK)),
                                (fmt.format(node.grad), -15, dict(color=GRADIENT, style="italic"))):
            ax.text(x, y + dy * scale, text, fontsize=11 * scale, ha="center", va="center", zorder=4, **style)
        # Arrows arrive in the order of their parents' heights; a value used twice sends two.
        arrows = sorted(zip(node.parents, node.slopes), key=lambda arrow: row[id(arrow[0])])
        for k, (parent, slope) in enumerate(arrows):
            start = middle[id(parent)] + [box_width / 2, 0]
            spread = (k - (len(arrows) - 1) / 2) * -14 * scale
            stop = np.array([x - box_width / 2, y + spread])
            ax.add_patch(FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=9 * scale, shrinkA=0,
                                         shrinkB=0, color="#777777", linewidth=1.1, zorder=2))
            if slopes:
                pad = dict(facecolor="white", edgecolor="none", pad=0.6 * scale)
                ax.text(*(start + (0.35 + 0.28 * k) * (stop - start)), fmt.format(slope), color=COLORS[3],
                        ha="center", va="center", fontsize=10 * scale, bbox=pad, zorder=5)
    return ax


def loss_curves(history, ax=None, *, names=None):
    """Curves of a training run, one for each list in ``history``, epochs counted from 1.

    Parameters
    ----------
    history : History or mapping of str to lists of float
        For example ``{"loss": [...], "val_loss": [...]}``. Curves on validation data are dashed.
    names : list of str, optional
        Which of them to draw; by default those whose name ends in ``loss``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    names = [name for name in history if name.endswith("loss")] if names is None else list(names)
    missing = [name for name in names if name not in history]
    if missing or not names:
        raise ValueError(f"loss_curves expects names among {list(history)}, got {names}")
    ax = plt.gca() if ax is None else ax
    quantities = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    for name in names:
        values = np.asarray(history[name], dtype=float)
        validation = name.startswith("val_")
        color = COLORS[(2 * quantities.index(name.removeprefix("val_")) + validation) % len(COLORS)]
        ax.plot(np.arange(1, len(values) + 1), values, "--" if validation else "-", color=color,
                marker="." if len(values) == 1 else "",
                label=name.replace("val_", "validation ").replace("_", " "))
    ax.set(xlabel="epoch", ylabel=quantities[0] if len(quantities) == 1 else "")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(True)
    ax.legend()
    return ax


def image_grid(images, ax=None, *, labels=None, columns=None, cmap=None, limits=None):
    """Many small images on one axes, in reading order.

    Parameters
    ----------
    images : array
        (N, H, W) or (N, 1, H, W) in grey, or (N, 3, H, W) in colours, 0..1.
    labels : sequence, optional
        N short texts, each above its image.
    columns : int, optional
        Images in a row; by default as many, up to twelve, as show the images largest.
    cmap : str or Colormap, optional
        Grey (1 is white) by default; where values below 0 occur, as in filters, blue to vermillion around 0.
    limits : (low, high), optional
        Values of the ends of the colour map: by default the smallest and the largest value, or ± the largest
        size.

    Returns
    -------
    matplotlib.axes.Axes
    """
    images = np.asarray(images, dtype=float)
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if not (images.ndim == 3 or images.ndim == 4 and images.shape[1] == 3) or images.size == 0:
        raise ValueError(f"image_grid expects (N, H, W), (N, 1, H, W) or (N, 3, H, W), got {images.shape}")
    count, height, width = len(images), *images.shape[-2:]
    if labels is not None and len(labels) != count:
        raise ValueError(f"image_grid expects {count} labels, got {len(labels)}")
    ax = plt.gca() if ax is None else ax
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    title = 0 if labels is None else 15  # points above each image

    def scale(columns):
        rows = -(-count // columns)
        return max(min(box.width * points / (1.12 * columns * width),
                       (box.height * points - rows * title) / (1.12 * rows * height)), 0.1)

    if columns is None:
        columns = max(range(1, min(count, 12) + 1), key=scale)
    rows = -(-count // columns)
    across, down, head = 1.12 * width, 1.12 * height + title / scale(columns), title / scale(columns)

    low, high = (images.min(), images.max()) if limits is None else limits
    signed = low < 0
    if signed and limits is None:
        low, high = -np.abs(images).max(), np.abs(images).max()
    if images.ndim == 4:
        images = np.moveaxis(np.clip(images, 0, 1), 1, -1)
    for k, image in enumerate(images):
        x, y = k % columns * across, k // columns * down + head
        ax.imshow(image, cmap=cmap or (DIVERGING if signed else "gray"), vmin=low, vmax=high,
                  extent=(x, x + width, y + height, y), interpolation="none")
        if labels is not None:
            ax.text(x + width / 2, y - 0.02 * height, str(labels[k]), ha="center", va="bottom", fontsize=11)
    ax.set(xlim=(-0.02 * width, columns * across - 0.1 * width),
           ylim=(rows * down - 0.1 * height, -0.02 * height))
    ax.axis("off")
    return ax
