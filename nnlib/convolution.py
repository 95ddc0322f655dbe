"""Convolution (chapter 9): a small window moves over an image, and every place gets the same treatment.

Images are (N, C, H, W): samples, channels, rows, columns. What deep learning calls convolution is strictly a
cross-correlation: the kernel is laid on the image as it is, without the flip of mathematics.
"""

import functools
import itertools

import numpy as np

from nnlib import checks
from nnlib.init import drawn, xavier_uniform, zeros
from nnlib.layers import Layer, Parameter
from nnlib.operation import operation


def output_size(size, kernel_size, stride=1, padding=0, dilation=1):
    """Number of places that a window has along one axis of ``size`` pixels.

    floor((size + 2 padding − dilation (kernel_size − 1) − 1) / stride) + 1

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
        raise ValueError(f"a window of {span} pixels (kernel_size {kernel_size}, dilation {dilation}) "
                         f"does not fit into {size} pixels with padding {padding}")
    return room // stride + 1


def receptive_field(*layers):
    """Number of input pixels along one axis that one output pixel sees.

    Each layer is ``(kernel_size, stride)`` or ``(kernel_size, stride, dilation)``, the first one first. A
    layer widens the field by dilation (kernel_size − 1) times the product of the strides before it.

    Raises
    ------
    TypeError, ValueError
        If a layer is not two or three integers of at least 1.
    """
    field, step = 1, 1
    for layer in layers:
        if len(layer) not in (2, 3):
            raise ValueError(f"receptive_field expects (kernel_size, stride[, dilation]), got {layer}")
        kernel_size, stride, dilation = (*layer, 1)[:3]
        checks.count("receptive_field", kernel_size=kernel_size, stride=stride, dilation=dilation)
        field += dilation * (kernel_size - 1) * step
        step *= stride
    return field


def pair(who, name, value, least=1):
    """(rows, columns) from one integer for both, or from two."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise ValueError(f"{who} expects {name} as one integer or (rows, columns), got {value!r}")
    for n in both:
        checks.count(who, least, **{name: n})
    return both


class Window:
    """Where a window stands on images of one shape, and which pixels it meets there. All options are
    pairs."""

    def __init__(self, image, kernel_size, stride, padding, dilation=(1, 1)):
        N, C, H, W = image
        (p, q), (kh, kw) = padding, kernel_size
        self.places = tuple(map(output_size, (H, W), kernel_size, stride, padding, dilation))
        self.frame = (N, C, H + 2 * p, W + 2 * q)
        self.inside = (..., slice(p, p + H), slice(q, q + W))
        self.overlap = stride[0] < kh or stride[1] < kw
        rows, columns = ([slice(i * d, i * d + s * (n - 1) + 1, s) for i in range(k)]
                         for k, s, d, n in zip(kernel_size, stride, dilation, self.places))
        # for each element of the kernel, an index of the framed image: the pixels it meets, one at each place
        self.taps = [(..., *tap) for tap in itertools.product(rows, columns)]

    def framed(self, x, value=0):
        """``x`` with its padding."""
        if x.shape == self.frame:
            return x
        padded = np.full(self.frame, value, x.dtype)
        padded[self.inside] = x
        return padded

    def gather(self, x):
        """The pixels that each element of the kernel meets: (N, C, H, W) -> (N, C, kh kw, H', W')."""
        columns = np.empty((*x.shape[:2], len(self.taps), *self.places), x.dtype)
        x = self.framed(x)
        for k, tap in enumerate(self.taps):
            columns[:, :, k] = x[tap]
        return columns

    def scatter(self, columns):
        """The way back: each number is added to the pixel it came from, or would come from."""
        image = np.zeros(self.frame, columns.dtype)
        for k, tap in enumerate(self.taps):
            met = image[tap]                    # a view; image[tap] += ... would copy it onto itself afterwards
            met += columns[:, :, k]
        return image[self.inside]


window_on = functools.lru_cache(maxsize=1000)(Window)   # in a training the same shapes come again and again


@operation("(N,C,H,W)")
def im2col(x, *, kernel_size, stride=1, padding=0, dilation=1):
    """The pixels under every window as a column, so that convolution becomes one matrix product.

    x (N, C, H, W) -> (N, C kh kw, H', W'): at (n, (c kh + u) kw + v, i, j) stands the pixel of channel c that
    kernel element (u, v) meets when the window is at place (i, j). Options and errors are as in
    :func:`conv2d`. The pullback adds every column back to the pixels it came from.

    References
    ----------
    Chellapilla, Puri and Simard, "High performance convolutional neural networks for document processing",
    2006.
    """
    who = "im2col"
    window = window_on(x.shape, pair(who, "kernel_size", kernel_size), pair(who, "stride", stride),
                       pair(who, "padding", padding, least=0), pair(who, "dilation", dilation))
    columns = window.gather(x)
    N, C, elements, *places = shape = columns.shape
    return columns.reshape(N, C * elements, *places), lambda dy: (window.scatter(dy.reshape(shape)),)


@operation("(N,C,H,W),(F,C,kh,kw),(F)")
def conv2d(x, W, b=None, *, stride=1, padding=0, dilation=1):
    """Two-dimensional convolution: every filter W[f] at every place of the image.

    y[n, f, i, j] = b[f] + Σ_c Σ_u Σ_v W[f, c, u, v] x[n, c, i stride + u dilation, j stride + v dilation],
    where x is the image in a frame of zeros, ``padding`` wide.

    Parameters
    ----------
    x : (N, C, H, W)
    W : (F, C, kh, kw)
        F filters, in PyTorch's layout.
    b : (F,) or None
    stride, padding, dilation : int or (int, int)
        For rows and columns. With stride 1 and padding = dilation (kernel_size − 1) / 2, which is whole for
        odd kernels, the image keeps its size.

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
    F = len(W)
    columns, scatter = im2col.function(x, kernel_size=W.shape[2:], stride=stride, padding=padding,
                                       dilation=dilation)
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


@operation("(N,C,L),(F,C,k),(F)")
def conv1d(x, W, b=None, *, stride=1, padding=0, dilation=1):
    """One-dimensional convolution: :func:`conv2d` of images one pixel high.

    x (N, C, L), W (F, C, k), b (F,) or None -> (N, F, L'). The options are integers, the errors those of
    :func:`conv2d`.
    """
    y, pullback = conv2d.function(x[:, :, None], W[:, :, None], b,
                                  stride=(1, stride), padding=(0, padding), dilation=(1, dilation))

    def pullback1d(dy, input_grad=True):
        dx, dW, db = pullback(dy[:, :, None], input_grad)
        return dx[:, :, 0] if input_grad else None, dW[:, :, 0], db

    return y[:, :, 0], pullback1d


class Conv2D(Layer):
    """Convolutional layer, :func:`conv2d`: x (N, in_channels, H, W) -> (N, out_channels, H', W').

    ``W`` (out_channels, in_channels, kh, kw) starts as ``init(shape, rng, dtype)``, ``b`` (out_channels,) as
    zeros; ``bias=False`` leaves b out. ``kernel_size``, ``stride``, ``padding`` and ``dilation`` are an
    integer or (rows, columns).

    Raises ``TypeError`` or ``ValueError`` for sizes out of range, for x of another shape or smaller than the
    kernel.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, bias=True, *,
                 init=xavier_uniform, rng=None, dtype=np.float64):
        who = "Conv2D"
        checks.count(who, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair(who, "kernel_size", kernel_size)
        self.options = dict(stride=pair(who, "stride", stride), dilation=pair(who, "dilation", dilation),
                            padding=pair(who, "padding", padding, least=0))
        shape = (out_channels, in_channels, *self.kernel_size)
        self.W = Parameter(drawn(who, init, shape, rng, dtype), "W")
        self.b = Parameter(zeros(out_channels, dtype=dtype), "b") if bias else None

    def vjp(self, x):
        return self.apply(conv2d, x, self.W, self.b, **self.options)

    def extra_repr(self):
        shown = {"kernel_size": self.kernel_size, **self.options, "bias": self.b is not None}
        options = ", ".join(f"{name}={value}" for name, value in shown.items())
        return f"in_channels={self.in_channels}, out_channels={self.out_channels}, {options}"
