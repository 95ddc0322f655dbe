"""What a classifier of two features says at every point."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from nnlib import checks, train
from nnlib.layer import Layer
from nnlib.plots.colors import COLORS, DIVERGING, INK, MARKERS


def _scores(predict, points):
    """What a model (in evaluation mode) or a function says of ``points`` (N, 2): (N,) or (N, K) floats."""
    if not callable(predict) or isinstance(predict, type):
        raise TypeError(f"decision_boundary expects predict as a layer or a function, got {predict!r}")
    scores = train.predict(predict, points) if isinstance(predict, Layer) else predict(points)
    scores = checks.numeric("decision_boundary", "scores", scores).astype(float)
    if scores.ndim == 2 and scores.shape[1] == 1:
        scores = scores[:, 0]
    if scores.ndim not in (1, 2) or len(scores) != len(points) or scores.size == 0:
        raise ValueError(f"decision_boundary expects predict to return (N,) or (N, K) for N = {len(points)} "
                         f"points, got {scores.shape}")
    return scores


def _labels(y, n):
    """The labels of n samples, (n,) numbers or words."""
    if np.size(y) != n:
        raise ValueError(f"decision_boundary expects y (N,) with N = {n}, got {np.shape(y)}")
    checks.unmasked("decision_boundary", "y", y)
    labels = np.array(np.ravel(y).tolist())
    if labels.dtype.kind not in "iufbU":
        raise TypeError(f"decision_boundary expects y as numbers or words, got {labels.dtype}")
    return checks.no_nan("decision_boundary", "y", labels) if labels.dtype.kind == "f" else labels


def _numbered(labels, scores):
    """(class, label) of each label."""
    whole = set(labels.tolist())
    if scores.ndim == 2:
        if not whole <= set(range(scores.shape[1])):
            raise ValueError(f"decision_boundary expects y in 0 to {scores.shape[1] - 1}, as there are {scores.shape[1]} "
                             f"scores, got {sorted(whole)}")
        return [(int(label), label) for label in labels]
    if whole <= {0, 1} or whole <= {-1, 1}:
        return [(int(label > 0), label) for label in labels]
    if len(whole) > 2:
        raise ValueError(f"decision_boundary expects y of at most two classes, as there is one score, got {len(whole)}")
    return list(enumerate(labels))


def decision_boundary(predict, X=None, y=None, ax=None, *, extent=None, level=0.0, limit=None, resolution=80,
                      cmap=DIVERGING):
    """Field of a classifier of two features, its decision line, and the samples.

    Parameters
    ----------
    predict : Layer or callable
        From points (N, 2) to one score each, (N,) or (N, 1), or to one score for each class, (N, K). A layer
        is asked in evaluation mode. Where a score is NaN, nothing is drawn.
    X, y : arrays, optional
        Samples (N, 2) and their classes (N,), drawn on top. With K scores they are 0 .. K − 1, and class k has the
        colour of its region, also where others are missing; with one score 0 and 1, −1 and 1, or any two in order.
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
        X = checks.no_nan("decision_boundary", "X", X).astype(float)
        if X.ndim != 2 or X.shape[1] != 2:
            raise ValueError(f"decision_boundary expects X of shape (N, 2), got {X.shape}")
        if not np.isfinite(X).all():
            raise ValueError("decision_boundary expects finite X, got infinite values")
        labels = np.zeros(len(X), dtype=int) if y is None else _labels(y, len(X))
    if extent is None and (X is None or not len(X)):
        raise ValueError("decision_boundary expects samples X or an extent (x0, x1, y0, y1), got neither")
    if extent is None:
        low, high = X.min(axis=0), X.max(axis=0)
        margin = 0.15 * np.where(high > low, high - low, 1.0)
        extent = (low[0] - margin[0], high[0] + margin[0], low[1] - margin[1], high[1] + margin[1])
    checks.shape("decision_boundary", extent, (4,), "extent")
    checks.count("decision_boundary", resolution=resolution)
    checks.number("decision_boundary", level=level)
    if limit is not None:
        checks.number("decision_boundary", 0, above=True, limit=limit)
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
        winner = np.ma.masked_where(np.isnan(scores).any(axis=1), scores.argmax(axis=1)).reshape(across.shape)
        ax.imshow(winner, cmap=pale, vmin=-0.5, vmax=classes - 0.5, **image)
        lines = [(scores[:, k] - np.delete(scores, k, axis=1).max(axis=1)).reshape(across.shape)
                 for k in range(classes)]
    for line in lines:
        if (line < 0).any() and (line > 0).any():
            ax.contour(across, up, line, levels=[0.0], colors=INK, linewidths=1.6, zorder=1)

    if X is not None:
        size = float(np.clip(5000 / max(len(X), 1), 16, 42))
        for k, label in _numbered(np.unique(labels), scores):
            marker = MARKERS[(k + k // len(COLORS)) % len(MARKERS)]  # the seventh class has the first's colour alone
            ax.scatter(*X[labels == label].T, s=size, color=INK if y is None else COLORS[k % len(COLORS)],
                       marker=marker, edgecolors="white", linewidths=0.7, zorder=2)
    ax.set(xlim=(x0, x1), ylim=(y0, y1))
    return ax
