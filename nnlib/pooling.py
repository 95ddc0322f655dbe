"""Pooling (chapter 9): a window moves over each channel of an image and leaves one number at each place.

All but the global one take ``kernel_size``, ``stride`` and ``padding``, an integer or (rows, columns) each.
``stride`` is ``kernel_size`` unless given, so that windows lie side by side. They raise ``TypeError`` or
``ValueError`` if x is no (N, C, H, W), an option is out of range, padding is more than half the kernel, or no
window fits.
"""

import numpy as np

from nnlib.convolution import pair, window_on
from nnlib.layers import Layer
from nnlib.operation import operation


def _options(who, kernel_size, stride, padding):
    """The options as pairs."""
    kernel_size, padding = pair(who, "kernel_size", kernel_size), pair(who, "padding", padding, least=0)
    stride = kernel_size if stride is None else pair(who, "stride", stride)
    if any(2 * p > k for p, k in zip(padding, kernel_size)):
        raise ValueError(f"{who} expects padding <= half of kernel_size {kernel_size}, got {padding}")
    return kernel_size, stride, padding


@operation("(N,C,H,W)")
def max_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The largest pixel of each window, (N, C, H, W) -> (N, C, H', W'). Padding never wins.

    The gradient goes to that pixel; among equals to the first, row by row.

    References
    ----------
    Zhou and Chellappa, "Computation of optical flow using a neural network", 1988.
    """
    options = _options("max_pool2d", kernel_size, stride, padding)
    window = window_on(x.shape, *options)
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
            else:                               # faster
                np.multiply(dy, hit, out=dx[tap])
        return dx[window.inside],

    return y, pullback


@operation("(N,C,H,W)")
def min_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The smallest pixel of each window: −max(−x) of :func:`max_pool2d`."""
    y, pullback = max_pool2d.function(-x, kernel_size=kernel_size, stride=stride, padding=padding)
    return -y, pullback                         # the two signs cancel in the derivative


@operation("(N,C,H,W)")
def avg_pool2d(x, *, kernel_size, stride=None, padding=0):
    """The mean of each window, (N, C, H, W) -> (N, C, H', W'). Zeros of the padding count, as in PyTorch.

    The gradient is shared equally among the pixels of the window.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    options = _options("avg_pool2d", kernel_size, stride, padding)
    window = window_on(x.shape, *options)
    x = window.framed(x)
    y = sum(x[tap] for tap in window.taps) / len(window.taps)

    def pullback(dy):
        dx, share = np.zeros(window.frame, dy.dtype), dy / len(window.taps)
        for tap in window.taps:
            dx[tap] += share
        return dx[window.inside],

    return y, pullback


@operation("(N,C,H,W)")
def global_avg_pool2d(x):
    """The mean of each channel, (N, C, H, W) -> (N, C).

    References
    ----------
    Lin, Chen and Yan, "Network in network", 2014.
    """
    N, C, H, W = x.shape
    if H * W == 0:
        raise ValueError(f"global_avg_pool2d expects at least one pixel, got {x.shape}")

    def pullback(dy):
        return np.repeat(dy / (H * W), H * W).reshape(N, C, H, W),

    return x.mean(axis=(2, 3)), pullback


class _Pool2D(Layer):
    def __init__(self, kernel_size, stride=None, padding=0):
        kernel_size, stride, padding = _options(type(self).__name__, kernel_size, stride, padding)
        self.options = dict(kernel_size=kernel_size, stride=stride, padding=padding)

    def vjp(self, x):
        return self.apply(self.op, x, **self.options)


class MaxPool2D(_Pool2D):
    """The largest pixel of each window: the layer of :func:`max_pool2d`, with its options."""

    op = max_pool2d


class MinPool2D(_Pool2D):
    """The smallest pixel of each window: the layer of :func:`min_pool2d`, with its options."""

    op = min_pool2d


class AvgPool2D(_Pool2D):
    """The mean of each window: the layer of :func:`avg_pool2d`, with its options."""

    op = avg_pool2d


class GlobalAvgPool2D(Layer):
    """The mean of each channel, (N, C, H, W) -> (N, C): the layer of :func:`global_avg_pool2d`."""

    def vjp(self, x):
        return self.apply(global_avg_pool2d, x)
