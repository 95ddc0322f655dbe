"""Convolution and pooling (chapter 9): a small window moves over an image, and every place gets the same treatment.

Images are (N, C, H, W): samples, channels, rows, columns. What deep learning calls convolution is, strictly, a
cross-correlation: the kernel is laid on the image as it is, without the flip of mathematics.
"""

import itertools

import numpy as np

from nnlib import checks
from nnlib.operation import operation


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """How many places a window has along one axis: floor((size + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1.

    Raises
    ------
    TypeError, ValueError
        If an argument is no integer in its range, or the window is wider than the padded axis.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, relationship 15.
    """
    checks.count("output_size", size=size, kernel_size=kernel_size, stride=stride, dilation=dilation)
    checks.count("output_size", least=0, padding=padding)
    span = dilation * (kernel_size - 1) + 1
    room = size + 2 * padding - span
    if room < 0:
        raise ValueError(f"a window {span} wide (kernel_size {kernel_size}, dilation {dilation}) does not fit into "
                         f"{size} pixels with padding {padding}")
    return room // stride + 1


def receptive_field(*layers):
    """How many input pixels along one axis one output pixel sees.

    Each layer is ``(kernel_size, stride)`` or ``(kernel_size, stride, dilation)``, from the input on. A layer widens the
    field by dilation (kernel_size - 1) times the product of the strides before it.

    Raises
    ------
    TypeError, ValueError
        If a layer is not two or three integers of at least 1.
    """
    field, step = 1, 1
    for layer in layers:
        if len(layer) not in (2, 3):
            raise ValueError(f"receptive_field expects (kernel_size, stride[, dilation]) for each layer, got {layer}")
        kernel_size, stride, dilation = (*layer, 1)[:3]
        checks.count("receptive_field", kernel_size=kernel_size, stride=stride, dilation=dilation)
        field += dilation * (kernel_size - 1) * step
        step *= stride
    return field


class _Window:
    """Where a window stands on images of one shape, and which pixels it meets there."""

    def __init__(self, who, x, kernel_size, stride, padding, dilation=1):
        checks.shape(who, x, ("N", "C", "H", "W"))
        kernel_size, stride, padding, dilation = (
            _pair(who, name, value) for name, value in
            dict(kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation).items())
        N, C, H, W = x.shape
        (p, q), (kh, kw) = padding, kernel_size
        self.places = tuple(map(output_size, (H, W), kernel_size, stride, padding, dilation))
        self.frame = (N, C, H + 2 * p, W + 2 * q)
        self.inside = (..., slice(p, p + H), slice(q, q + W))
        self.overlap = stride[0] < kh or stride[1] < kw
        rows, columns = ([slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)]
                         for k, s, d, n in zip(kernel_size, stride, dilation, self.places))
        # for each element of the kernel, the pixels that it meets: one at each place, as an index of the framed image
        self.taps = [(..., *tap) for tap in itertools.product(rows, columns)]

    def framed(self, x, value=0):
        """``x`` with its padding."""
        if x.shape == self.frame:
            return x
        padded = np.full(self.frame, value, x.dtype)
        padded[self.inside] = x
        return padded


def _pair(who, name, value):
    """(rows, columns) from one integer for both, or from two."""
    pair = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{who} expects {name} as one integer or (rows, columns), got {value!r}")
    return pair


@operation
def im2col(x, *, kernel_size, stride=1, padding=0, dilation=1):
    """The pixels under every window as a column, so that convolution becomes one matrix product.

    x (N, C, H, W) -> (N, C kh kw, H', W'): at (n, (c kh + u) kw + v, i, j) stands the pixel of channel c that kernel
    element (u, v) meets when the window is at place (i, j). Options and errors as in :func:`conv2d`. The pullback adds
    every column back to the pixels it came from.

    References
    ----------
    Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing", 2006.
    """
    window = _Window("im2col", x, kernel_size, stride, padding, dilation)
    N, C, elements = *x.shape[:2], len(window.taps)
    columns = np.empty((N, C, elements, *window.places), x.dtype)
    x = window.framed(x)
    for k, tap in enumerate(window.taps):
        columns[:, :, k] = x[tap]

    def pullback(dy):
        dy = dy.reshape(N, C, elements, *window.places)
        dx = np.zeros(window.frame, dy.dtype)
        for k, tap in enumerate(window.taps):
            dx[tap] += dy[:, :, k]
        return dx[window.inside],

    return columns.reshape(N, C * elements, *window.places), pullback


@operation
def conv2d(x, W, b=None, *, stride=1, padding=0, dilation=1):
    """Two-dimensional convolution, W[f] ⋆ x + b[f] for every filter f.

    y[n, f, i, j] = b[f] + Σ_c Σ_u Σ_v W[f, c, u, v] x[n, c, i stride + u dilation, j stride + v dilation], where x has
    got a frame of ``padding`` zeros.

    Parameters
    ----------
    x : (N, C, H, W)
    W : (F, C, kh, kw)
        F filters, in PyTorch's layout.
    b : (F,) or None
    stride, padding, dilation : int or (int, int)
        For rows and columns. With odd kernels, stride 1 and padding = dilation (kernel_size - 1) / 2 the image keeps its
        size.

    Returns
    -------
    (N, F, H', W'), where H' and W' are the :func:`output_size` of H and W

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, an option is out of range or the window does not fit into the image.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    checks.shape("conv2d", x, ("N", "C", "H", "W"), "x")
    checks.shape("conv2d", W, ("F", x.shape[1], "kh", "kw"), "W")
    F = len(W)
    if b is not None:
        checks.shape("conv2d", b, (F,), "b")
    columns, scatter = im2col.function(x, kernel_size=W.shape[2:], stride=stride, padding=padding, dilation=dilation)
    N, elements, *places = columns.shape
    P = places[0] * places[1]
    columns, rows = columns.reshape(N, elements, P), W.reshape(F, elements)
    y = rows @ columns                          # for each sample (F, C kh kw) (C kh kw, P)
    if b is not None:
        y += b[:, None]

    def pullback(dy, input_grad=True):
        dy = dy.reshape(N, F, P)
        dW = (dy @ columns.transpose(0, 2, 1)).sum(axis=0).reshape(W.shape)
        db = None if b is None else dy.sum(axis=(0, 2))
        return scatter(rows.T @ dy)[0] if input_grad else None, dW, db

    return y.reshape(N, F, *places), pullback


@operation
def conv1d(x, W, b=None, *, stride=1, padding=0, dilation=1):
    """One-dimensional convolution: :func:`conv2d` of images that are one pixel high.

    x (N, C, L), W (F, C, k), b (F,) or None -> (N, F, L'); options are integers, errors as in :func:`conv2d`.
    """
    checks.shape("conv1d", x, ("N", "C", "L"), "x")
    checks.shape("conv1d", W, ("F", x.shape[1], "k"), "W")
    y, pullback = conv2d.function(x[:, :, None], W[:, :, None], b,
                                  stride=(1, stride), padding=(0, padding), dilation=(1, dilation))

    def pullback1d(dy, input_grad=True):
        dx, dW, db = pullback(dy[:, :, None], input_grad)
        return dx if dx is None else dx[:, :, 0], dW[:, :, 0], db

    return y[:, :, 0], pullback1d


def _pooling_window(who, x, kernel_size, stride, padding):
    kernel_size, padding = _pair(who, "kernel_size", kernel_size), _pair(who, "padding", padding)
    window = _Window(who, x, kernel_size, kernel_size if stride is None else stride, padding)
    if any(2 * p > k for p, k in zip(padding, kernel_size)):
        raise ValueError(f"{who} expects padding of at most half the kernel_size {kernel_size}, got {padding}")
    return window


@operation
def max_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The largest pixel of each window, for every channel on its own. (N, C, H, W) -> (N, C, H', W').

    The gradient goes to that pixel; among equals, to the first, row by row. Padding never wins. ``stride`` is
    ``kernel_size`` unless given, so that windows lie side by side.

    Raises
    ------
    TypeError, ValueError
        If x is no batch of images, an option is out of range, or padding is more than half the kernel.

    References
    ----------
    Zhou and Chellappa, "Computation of optical flow using a neural network", 1988.
    """
    window = _pooling_window("max_pool2d", x, kernel_size, stride, padding)
    x = window.framed(x, -np.inf)
    y = x[window.taps[0]].copy()
    for tap in window.taps[1:]:
        np.maximum(y, x[tap], out=y)

    def pullback(dy):
        dx = np.zeros(window.frame, dy.dtype)
        waiting = np.ones(y.shape, bool)        # places whose maximum has not been met yet
        for tap in window.taps:
            hit = x[tap] == y
            hit &= waiting
            waiting ^= hit
            if window.overlap:
                dx[tap] += dy * hit
            else:
                np.multiply(dy, hit, out=dx[tap])
        return dx[window.inside],

    return y, pullback


@operation
def min_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The smallest pixel of each window: -max(-x). Options and errors as in :func:`max_pool2d`."""
    y, pullback = max_pool2d.function(-x, kernel_size=kernel_size, stride=stride, padding=padding)
    return -y, pullback                         # the two minus signs cancel in the derivative


@operation
def avg_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The mean of each window; zeros of the padding count, as in PyTorch. Options and errors as in :func:`max_pool2d`."""
    window = _pooling_window("avg_pool2d", x, kernel_size, stride, padding)
    x = window.framed(x)
    y = sum(x[tap] for tap in window.taps) / len(window.taps)

    def pullback(dy):
        dx, share = np.zeros(window.frame, dy.dtype), dy / len(window.taps)
        for tap in window.taps:
            dx[tap] += share
        return dx[window.inside],

    return y, pullback


@operation
def global_avg_pool2d(x):
    """The mean of each channel, (N, C, H, W) -> (N, C).

    References
    ----------
    Lin, Chen and Yan, "Network in network", 2014.
    """
    checks.shape("global_avg_pool2d", x, ("N", "C", "H", "W"))
    H, W = x.shape[2:]

    def pullback(dy):
        return np.broadcast_to(dy[:, :, None, None] / (H * W), (*dy.shape, H, W)).copy(),

    return x.mean(axis=(2, 3)), pullback
