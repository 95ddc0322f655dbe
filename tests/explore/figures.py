"""Figures that between them use every kind of artist: ``FIGURES[name]()`` makes one.

Each run draws all their states, in every worker: they have few.
"""

from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from nnlib.explore import explore

x = np.linspace(-5, 5, 101)
grid = np.linspace(-3, 3, 40)
X, Y = np.meshgrid(grid, grid)
points = np.random.default_rng(0).normal(size=(60, 2))
epochs = np.arange(40)


def line(ax, w=1.0, b=0.0, activation="tanh"):
    f = {"tanh": np.tanh, "relu": lambda z: np.maximum(0, z), "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[activation]
    ax.axhline(0, color="0.8", lw=1)
    ax.plot(x, f(w * x + b), label=activation)
    ax.set(xlim=(-5, 5), ylim=(-1.2, 4.2), xlabel="input $x$", ylabel="activation", title=f"{activation}({w:g}x + {b:g})")


def field(ax, w1=1.0, w2=1.0):
    z = 1 / (1 + np.exp(-3 * np.tanh(w1 * X + 1) * np.tanh(Y * w2 - 0.5)))
    ax.imshow(z, extent=(-3, 3, -3, 3), origin="lower", cmap="RdBu", vmin=0, vmax=1)
    ax.scatter(*points.T, c=points[:, 0] * points[:, 1] > 0, cmap="RdBu", s=25)
    ax.contour(X, Y, w1 * X + w2 * Y, [0.0], colors="k")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")


def bars(ax, temperature=1.0):
    z = np.array([2.0, 1.0, 0.5, -1.0, 0.2])
    p = np.exp(z / temperature)
    p /= p.sum()
    drawn = ax.bar(["cat", "dog", "bird", "fish", "frog"], p, color=[f"C{i}" for i in range(5)])
    ax.bar_label(drawn, [f"{q:.2f}" for q in p])
    ax.text(2.5, 0.8, f"entropy {-(p * np.log(p)).sum():.2f}")
    ax.set(ylim=(0, 1), ylabel="probability")


def two_axes(axes, rate=0.1, steps=10):
    left, right = axes
    path = 4 * (1 - rate) ** np.arange(steps + 1)
    left.plot(x, x**2 / 2)
    left.plot(path, path**2 / 2, "o-")
    left.annotate("start", (4, 8), (1, 10), arrowprops=dict(arrowstyle="->"))
    right.semilogy(path**2 / 2 + 1e-9, label="loss")
    right.legend()
    right.set_xlabel("step")


def network(ax, hidden=3, weight=1.0):
    layers = [np.linspace(-1, 1, n) for n in (2, hidden, 1)]
    for i, (a, b) in enumerate(zip(layers, layers[1:], strict=False)):
        for p in a:
            for q in b:
                ax.plot([i, i + 1], [p, q], color="C0" if weight * p >= 0 else "C1", lw=0.5 + abs(weight * p), zorder=1)
    for i, layer in enumerate(layers):
        ax.scatter(np.full(len(layer), i), layer, s=500, color="w", edgecolor="0.3", zorder=2)
        for j, p in enumerate(layer):
            ax.text(i, p, f"${'xhy'[i]}_{j + 1}$", ha="center", va="center")
    ax.axis("off")


def autoscaled(ax, k=1.0, grid=False):
    ax.plot(x, k * x**2, label=f"k = {k:g}")
    ax.fill_between(x, 0, k * x**2, alpha=0.2)
    ax.legend(title="curve")
    ax.grid(grid)


def crowd(ax, count=3):
    """Different numbers of artists of several kinds in different states."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        ax.plot(rng.normal(size=5), rng.normal(size=5), marker="s")
    ax.scatter(*rng.normal(size=(2, 2 * count)), marker="^")
    if count % 2:
        ax.axvspan(-1, 0, alpha=0.2, hatch="//")
        ax.set_title("odd")
    ax.set_xticks(range(-count, count + 1))


def missing(ax, gap=10):
    """NaN and infinity in the data, and coordinates far outside."""
    y = np.sin(x) * np.where(np.arange(101) % gap == 0, np.nan, 1.0)
    ax.plot(x, y)
    ax.plot(x, np.exp(gap * x))
    ax.scatter([0, np.nan, 1], [0, 1, np.inf])
    ax.set_ylim(-2, 2)


def picture(axes, shift=0, smooth=False):
    """A grey photograph-like image alone on its axes, a coloured one with colour bar, and one of many colours."""
    a, b, c = axes
    base = 110 + 80 * np.sin(X * 2 + shift) * np.cos(Y * 3)
    a.imshow(base, cmap="gray", vmin=0, vmax=255)
    shown = b.imshow(base, vmin=0, vmax=255)
    b.figure.colorbar(shown, ax=b)
    colours = np.stack([base, base.T, 255 - base], axis=-1).astype(np.uint8)[::2, ::2]
    c.imshow(colours, interpolation="bilinear" if smooth else None)
    for ax in axes:
        ax.set_axis_off()


def scales(ax, base=10, side="left"):
    """Logarithmic axes, moved ticks, twins, offsets, formatted labels, spines at zero."""
    ax.loglog(np.arange(1, 50), np.arange(1.0, 50) ** 2 * base, base=base)
    ax.yaxis.set_ticks_position(side)
    ax.yaxis.set_label_position(side)
    ax.set_ylabel(f"base {base}")
    twin = ax.twinx() if side == "left" else ax.twiny()
    twin.plot([1, 2, 3], [1e7, 1e7 + base, 1e7 + 3])
    twin.ticklabel_format(axis="y" if side == "left" else "x", useOffset=True)
    twin.xaxis.set_major_formatter(lambda v, _: f"{v * base:.0f}%")
    ax.set_title("scales", loc="left")
    inset = ax.inset_axes([0.6, 0.1, 0.3, 0.3])
    inset.plot([0, 1], [0, base])
    inset.spines["left"].set_position("zero")
    for label in inset.get_xticklabels()[:base]:
        label.set_color("red")


def curves(ax, rate=0.1, dropout=0.2):
    rng = np.random.default_rng(int(rate * 1000) + int(dropout * 10))
    ax.plot(epochs, 2 * np.exp(-epochs * rate) + 0.1 * rng.normal(size=40), label="training")
    ax.plot(epochs, 2 * np.exp(-epochs * rate) + dropout + 0.1 * rng.normal(size=40), label="validation")
    ax.set(ylim=(0, 3), xlabel="epoch", ylabel="loss", title=f"rate {rate:g}")
    ax.legend(loc="upper right")


def wedges(ax, share=0.3):
    ax.pie([share, 1 - share], labels=["a", "b"], autopct="%.0f%%", explode=(share / 5, 0))
    ax.add_patch(plt.Circle((0, 0), share, fill=False, ls="--"))
    ax.quiver([0, 1], [0, 0], [share, 1], [1, share])


def grabbed(axes, px=1.0, py=0.5, rate=1.0, f="sine"):
    """Handles in two directions, along a curve and on a logarithmic axis, on two axes."""
    left, right = axes
    curve = {"sine": np.sin, "square": np.square}[f]
    left.plot(x, curve(x))
    left.plot([px], [py], "o")
    left.set(xlim=(-3, 3), ylim=(-1.5, 1.5), title=f"({px:g}, {py:g})")
    right.loglog([0.001, 100], [100, 0.001])
    right.plot([rate], [0.1 / rate], "s")


FIGURES = {
    "line": partial(
        explore, line, w=(-4.0, 4.0, 1.0), b=(-4.0, 4.0, 4.0), activation=["tanh", "relu", "sigmoid"],
        labels=dict(w="weight w", b="bias b"), title="A neuron with one input",
        describe=lambda w, b, activation: f"The curve {activation} of {w:g} x plus {b:g}.",
    ),
    "field": partial(explore, field, w1=(-3.0, 3.0, 2.0), w2=(-3.0, 3.0, 1.0), subplots=dict(figsize=(4.5, 4))),
    "bars": partial(explore, bars, temperature=[0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0],
                 describe=lambda temperature: f"Five bars at temperature {temperature:g}."),
    "two_axes": partial(
        explore, two_axes, rate=[0.0, 0.1, 0.5, 1.0, 2.0], steps=[5, 10, 20], subplots=dict(ncols=2, figsize=(8, 3.2)),
    ),
    "network": partial(explore, network, hidden=(1, 5), weight=(-2.0, 2.0, 1.0)),
    "autoscaled": partial(explore, autoscaled, k=(1.0, 5.0, 0.25), grid=False),
    "crowd": partial(explore, crowd, count=(0, 6)),
    "missing": partial(explore, missing, gap=(2, 12)),
    "picture": partial(explore, picture, shift=(0, 3), smooth=False, subplots=dict(ncols=3, figsize=(9, 3))),
    "scales": partial(explore, scales, base=[2, 3, 10], side={"on the left": "left", "on the right": "right"}),
    "curves": partial(explore, curves, rate=[0.001, 0.01, 0.1, 0.3, 1.0], dropout=(0.0, 0.5, 0.1)),
    "grabbed": partial(
        explore, grabbed, px=(-2.0, 2.0, 1.0), py=(-1.0, 1.0, 0.5), rate=[0.01, 0.1, 1.0, 10.0, 50.0],
        f=["sine", "square"], subplots=dict(ncols=2, figsize=(8, 3.2)),
        drag={
            "the point": ("px", "py"),
            "the place": ("px", -1.25),
            "on the curve": ("px", lambda px, f: {"sine": np.sin, "square": np.square}[f](px)),
            "the rate": dict(at=("rate", lambda rate: 0.1 / rate), moves="rate", ax=1),
        },
        goals={
            "Put the point at the top.": lambda py: py == 1.0,
            "Find the smallest rate.": (lambda rate: rate == 0.01, "It is at the left end."),
        },
    ),
    "wedges": partial(explore, wedges, share=(0.1, 0.9, 0.1), subplots=dict(layout="constrained")),
}  # fmt: skip
