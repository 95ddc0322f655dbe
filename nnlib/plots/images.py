"""Many small images."""

import matplotlib.pyplot as plt
import numpy as np

from nnlib import checks
from nnlib.plots.colors import DIVERGING


def image_grid(images, ax=None, *, labels=None, columns=None, cmap=None, limits=None):
    """Many small images on one axes, in reading order.

    Parameters
    ----------
    images : array
        (N, H, W) or (N, 1, H, W) in grey, or (N, 3, H, W) in colours, 0..1, or integers 0..255, or 0 and 1 alone. Where
        a grey pixel is masked, NaN or infinite, nothing is drawn.
    labels : sequence, optional
        N short texts, each above its image.
    columns : int, optional
        Images in a row; by default as many as show the images largest.
    cmap : str or Colormap, optional
        Grey (1 is white) by default; where values below 0 occur, as in filters, blue to vermillion around 0.
    limits : (low, high), optional
        Values of the ends of the colour map: by default the smallest and the largest value, or ± the largest
        size, or 0 to at least 1 where all values are one.

    Returns
    -------
    matplotlib.axes.Axes
    """
    numbers = checks.numeric("image_grid", "images", images.data if np.ma.isMaskedArray(images) else images)
    whole = numbers.dtype.kind in "iu"
    images = np.ma.masked_invalid(np.ma.asarray(images, dtype=float))
    if images.ndim == 4 and images.shape[1] == 1:
        images = images[:, 0]
    if not (images.ndim == 3 or images.ndim == 4 and images.shape[1] == 3) or images.size == 0:
        raise ValueError(f"image_grid expects (N, H, W), (N, 1, H, W) or (N, 3, H, W), got {images.shape}")
    hidden = np.ma.getmaskarray(images)
    if hidden.all() or images.ndim == 4 and hidden.any():
        raise ValueError(f"image_grid expects finite values, got {hidden.sum()} of {images.size} that are not, or masked")
    count, height, width = len(images), *images.shape[-2:]
    if labels is not None and len(labels) != count:
        raise ValueError(f"image_grid expects {count} labels, got {len(labels)}")
    if columns is not None:
        checks.count("image_grid", columns=columns)
    if limits is not None and not (np.shape(limits) == (2,) and limits[0] <= limits[1]):
        raise ValueError(f"image_grid expects limits (low, high) with low <= high, got {limits}")
    ax = plt.gca() if ax is None else ax
    box = ax.get_window_extent()
    points = 72 / ax.figure.dpi
    title = 0 if labels is None else 15  # points above each image

    def scale(columns):
        rows = -(-count // columns)
        return max(min(box.width * points / (1.12 * columns * width),
                       (box.height * points - rows * title) / (1.12 * rows * height)), 0.1)

    if columns is None:
        columns = max(range(1, count + 1), key=scale)
    rows = -(-count // columns)
    across, down, head = 1.12 * width, 1.12 * height + title / scale(columns), title / scale(columns)

    low, high = (images.min(), images.max()) if limits is None else limits
    signed = low < 0
    if signed and limits is None:
        low, high = -np.abs(images).max(), np.abs(images).max()
    elif low == high and limits is None:
        low, high = 0, max(high, 1)
    if images.ndim == 4:
        most = 255 if whole and images.max() > 1 else 1
        if images.min() < -1e-6 or images.max() > most + 1e-6:
            raise ValueError(f"image_grid expects colours 0..1, or integers 0..255, got {images.min():g} to {images.max():g}")
        images = np.moveaxis(np.clip(images.data / most, 0, 1), 1, -1)
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
