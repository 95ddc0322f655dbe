"""The computational graph of the scalar engine."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from nnlib.autodiff import Value, graph
from nnlib.explore.typeset import typeset
from nnlib.plots.colors import COLORS, GRADIENT, INK

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
    if not isinstance(result, Value):
        raise TypeError(f"computational_graph expects a Value, got {result!r}")

    def number(value):
        return typeset(fmt.format(value))

    nodes, column, row = _columns_and_rows(result)
    # Everything is reckoned in points, with the origin in the lower left corner.
    box_width, box_height, gap_x, gap_y = 54, 50, 50 if slopes else 14, 10
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
                                (number(node.data), 0, dict(color=INK)),
                                (number(node.grad), -15, dict(color=GRADIENT, style="italic"))):
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
                ax.text(*(start + (0.35 + 0.28 * k) * (stop - start)), number(slope), color=COLORS[3],
                        ha="center", va="center", fontsize=10 * scale, bbox=pad, zorder=5)
    return ax
