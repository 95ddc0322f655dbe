"""Curves of a training run."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from nnlib import checks
from nnlib.plots.colors import COLORS


def loss_curves(history, ax=None, *, names=None):
    """Curves of a training run, one for each list in ``history``, epochs counted from 1.

    Parameters
    ----------
    history : History or mapping of str to lists of float
        For example ``{"loss": [...], "val_loss": [...]}``. Curves on validation data are dashed.
    names : list of str, or one of them, optional
        Which to draw; by default those whose name ends in ``loss``.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if not all(isinstance(name, str) for name in history):
        raise TypeError(f"loss_curves expects a history with names of lists, got {list(history)}")
    names = [name for name in history if name.endswith("loss")] if names is None else names
    names = [names] if isinstance(names, str) else list(names)
    missing = [name for name in names if name not in history]
    if missing or not names:
        raise ValueError(f"loss_curves expects names among {list(history)}, got {names}")
    ax = plt.gca() if ax is None else ax
    quantities = list(dict.fromkeys(name.removeprefix("val_") for name in names))
    for name in names:
        values = checks.shape("loss_curves", history[name], ("N",), name).astype(float)
        validation = name.startswith("val_")
        quantity = name.removeprefix("val_")
        color = COLORS[(2 * quantities.index(quantity) + validation) % len(COLORS)]
        ax.plot(np.arange(1, len(values) + 1), values, "--" if validation else "-", color=color,
                marker="." if len(values) == 1 else "",
                label=("validation " * validation + quantity).replace("_", " "))
    ax.set(xlabel="epoch", ylabel=quantities[0] if len(quantities) == 1 else "")
    if isinstance(locator := ax.xaxis.get_major_locator(), MaxNLocator):  # not of a log axis, nor of ticks that were set
        locator.set_params(integer=True)
    ax.grid(True)
    ax.legend()
    return ax
