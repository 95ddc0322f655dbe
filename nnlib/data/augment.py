"""Altered copies of images: shifted, turned, zoomed, noisy.

Each function takes one amount for all images or one for each, so that a random version is a matter of drawing
the amounts: ``rotate(images, rng.uniform(-15, 15, len(images)))``. ``augment`` draws them all.

Geometry is done backwards: for each pixel of the result, the point it comes from is found, and the four
pixels around that point are mixed by their distance (bilinear interpolation). Outside the image everything is
0. Whole-pixel shifts and quarter turns are therefore exact. Images keep their dtype.
"""

import numpy as np

from nnlib import checks


def _images(who, images):
    images = checks.numeric(who, "images", images)
    if images.dtype.kind != "f":
        raise TypeError(f"{who} expects images as floats, got {images.dtype}")
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise ValueError(f"{who} expects images (N, H, W) or (N, C, H, W), got {images.shape}")
    return images


def _amounts(who, name, amount, n):
    """One finite float for each of ``n`` images."""
    amount = np.asarray(amount, dtype=float)
    if amount.shape not in ((), (n,)):
        raise ValueError(f"{who} expects {name} as one number or {n}, got {amount.shape}")
    if not np.isfinite(amount).all():
        raise ValueError(f"{who} expects {name} to be finite, got {amount}")
    return np.broadcast_to(amount, (n,))


def _resample(images, down, right, degrees, factor):
    """Zoom about the centre, then turn, then shift: each image by its own amounts (N,)."""
    n, height, width = len(images), *images.shape[-2:]
    channels = images.shape[1] if images.ndim == 4 else 1
    pixels = np.zeros((n, channels, height + 2, width + 2), dtype=images.dtype)
    pixels[:, :, 1:-1, 1:-1] = images.reshape(n, channels, height, width)  # framed by zeros

    row, column = np.mgrid[:height, :width].astype(float)
    middle = (height - 1) / 2, (width - 1) / 2
    row, column = row - middle[0] - down[:, None, None], column - middle[1] - right[:, None, None]
    angle = np.deg2rad(degrees)[:, None, None]
    cos, sin, factor = np.cos(angle), np.sin(angle), factor[:, None, None]
    # Rows count downwards, so a turn to the left takes a point from the right of it.
    from_row = (cos * row + sin * column) / factor + middle[0]
    from_column = (cos * column - sin * row) / factor + middle[1]

    # Rounding keeps 0.9999999999 from reading a neighbour.
    from_row = np.clip(np.round(from_row, 9), -1, height) + 1
    from_column = np.clip(np.round(from_column, 9), -1, width) + 1
    top = np.minimum(from_row.astype(int), height)
    left = np.minimum(from_column.astype(int), width)
    below = (from_row - top).astype(images.dtype)[:, None]
    beside = (from_column - left).astype(images.dtype)[:, None]
    # Places in the flattened pixels: of image n, channel c and the pixel at the top left of each point.
    first = np.arange(n * channels).reshape(n, channels, 1, 1) * (height + 2) * (width + 2)
    place = first + (top * (width + 2) + left)[:, None]
    pixels = pixels.ravel()

    def mixed(place):
        return (1 - beside) * pixels[place] + beside * pixels[place + 1]

    return ((1 - below) * mixed(place) + below * mixed(place + width + 2)).reshape(images.shape)


def shift(images, down, right):
    """Move images by ``down`` and ``right`` pixels (fractions allowed, negative for up and left).

    Parameters
    ----------
    images : float array (N, H, W) or (N, C, H, W)
    down, right : float or (N,)

    Returns
    -------
    array of the same shape and dtype
    """
    images = _images("shift", images)
    n = len(images)
    return _resample(images, _amounts("shift", "down", down, n), _amounts("shift", "right", right, n),
                     np.zeros(n), np.ones(n))


def rotate(images, degrees):
    """Turn images about their centre, counter-clockwise, by one angle or (N,); else like :func:`shift`."""
    images = _images("rotate", images)
    n = len(images)
    return _resample(images, np.zeros(n), np.zeros(n), _amounts("rotate", "degrees", degrees, n), np.ones(n))


def zoom(images, factor):
    """Enlarge images about their centre by ``factor`` > 0, a number or (N,); else as :func:`shift`."""
    images = _images("zoom", images)
    n = len(images)
    factor = _amounts("zoom", "factor", factor, n)
    if (factor <= 0).any():
        raise ValueError(f"zoom expects factor > 0, got {factor.min()}")
    return _resample(images, np.zeros(n), np.zeros(n), np.zeros(n), factor)


def noise(images, std, *, rng=None):
    """Add normal noise with standard deviation ``std``, a number or (N,), to every pixel. Nothing is clipped.

    Parameters
    ----------
    images : float array (N, H, W) or (N, C, H, W)
    std : float or (N,)
    rng : numpy.random.Generator

    Returns
    -------
    array of the same shape and dtype
    """
    images = _images("noise", images)
    std = _amounts("noise", "std", std, len(images))
    if (std < 0).any():
        raise ValueError(f"noise expects std >= 0, got {std.min()}")
    normal = checks.generator("noise", rng).standard_normal(images.shape)
    return images + (std.reshape(-1, *[1] * (images.ndim - 1)) * normal).astype(images.dtype)


def augment(images, *, pixels=1.0, degrees=10.0, zoom=0.1, std=0.0, rng=None):
    """Shift, turn, zoom and noise, drawn anew for each image.

    Each image is moved by up to ``pixels`` both ways, turned by up to ``degrees``, and zoomed by a factor
    between 1 - ``zoom`` and 1 + ``zoom`` (all uniform), in one interpolation; then noise of standard
    deviation ``std`` is added.

    Parameters
    ----------
    images : float array (N, H, W) or (N, C, H, W)
    pixels, degrees, zoom, std : float
        At least 0; ``zoom`` below 1.
    rng : numpy.random.Generator

    Returns
    -------
    array of the same shape and dtype
    """
    images = _images("augment", images)
    checks.number("augment", 0, pixels=pixels, degrees=degrees, std=std)
    checks.number("augment", 0, 1, below=True, zoom=zoom)
    rng = checks.generator("augment", rng)
    n = len(images)
    moved = _resample(images, rng.uniform(-pixels, pixels, n), rng.uniform(-pixels, pixels, n),
                      rng.uniform(-degrees, degrees, n), rng.uniform(1 - zoom, 1 + zoom, n))
    return noise(moved, std, rng=rng) if std else moved
