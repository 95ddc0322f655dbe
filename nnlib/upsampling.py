"""Pixels in, pixels out (chapter 10): ways from a small map to a large one, and two paths side by side.

Each way up is a way down run backwards: a transposed convolution is what carries a convolution's gradient to
its input, unpooling what carries that of max pooling, nearest-neighbour upsampling that of average pooling,
times the number of pixels in a window.
"""

import math

import numpy as np

from nnlib import checks
from nnlib.convolution import pair, window_on
from nnlib.init import drawn, xavier_uniform, zeros
from nnlib.layers import Layer, Parameter, Sequential
from nnlib.operation import operation
from nnlib.pooling import avg_pool2d, max_pool2d


@operation("(N,C,H,W),(C,K,kh,kw),(K)")
def conv_transpose2d(x, W, b=None, *, stride=1, padding=0):
    """Transposed convolution: every pixel lays the kernel, times its value, on the output; overlaps add up.

    y[n, k, i, j] = b[k] + Σ x[n, c, p, q] W[c, k, u, v] over all c, p, q, u, v with p stride + u − padding = i
    and q stride + v − padding = j.

    Parameters
    ----------
    x : (N, C, H, W)
    W : (C, K, kh, kw)
        In PyTorch's layout: the filters of the convolution from K to C channels that goes the other way.
    b : (K,) or None
    stride, padding : int or (int, int)
        For rows and columns: how far apart the kernels are laid, and how many pixels are cut off at each edge.

    Returns
    -------
    (N, K, H', W') with H' = (H − 1) stride + kh − 2 padding, and W' likewise

    Raises
    ------
    TypeError, ValueError
        If the shapes do not match, an option is out of range or nothing is left inside the padding.

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
    """
    who = "conv_transpose2d"
    stride, padding = pair(who, "stride", stride), pair(who, "padding", padding, least=0)
    N, C, *places = x.shape
    K, *kernel_size = W.shape[1:]
    size = [(n - 1) * s + k - 2 * p for n, s, k, p in zip(places, stride, kernel_size, padding)]
    if min(size) < 1:
        raise ValueError(f"{who} expects padding that leaves a pixel, got {padding} for x {x.shape}, "
                         f"W {W.shape} and stride {stride}")
    window = window_on((N, K, *size), tuple(kernel_size), stride, padding)
    pixels, rows = x.reshape(N, C, math.prod(places)), W.reshape(C, -1)
    columns = rows.T @ pixels                   # for each sample (K kh kw, C) (C, H W)
    y = window.scatter(columns.reshape(N, K, len(window.taps), *places))
    if b is not None:
        y += b[:, None, None]

    def pullback(dy, input_grad=True):
        dcolumns = window.gather(dy).reshape(columns_shape)
        dW = (pixels @ dcolumns.transpose(0, 2, 1)).sum(axis=0).reshape(W.shape)
        db = None if b is None else dy.sum(axis=(0, 2, 3))
        return (rows @ dcolumns).reshape(x.shape) if input_grad else None, dW, db

    columns_shape = columns.shape
    return y, pullback


@operation("(N,C,H,W)")
def upsample2d(x, *, scale_factor):
    """Nearest-neighbour upsampling: every pixel becomes a block of equal pixels.

    x (N, C, H, W) -> (N, C, H rows, W columns), where ``scale_factor`` is an integer or (rows, columns). The
    gradient of a pixel is the sum over its block.

    Raises
    ------
    TypeError, ValueError
        If x is no (N, C, H, W), or ``scale_factor`` no integer of at least 1.
    """
    r, s = pair("upsample2d", "scale_factor", scale_factor)
    N, C, H, W = x.shape
    return (x.repeat(r, axis=2).repeat(s, axis=3),
            lambda dy: (dy.reshape(N, C, H, r, W, s).sum(axis=(3, 5)),))


@operation("(N,C,h,w),(N,C,H,W)")
def max_unpool2d(x, before, *, kernel_size):
    """Unpooling: each pixel goes back to where its window had its maximum; all others are 0.

    Windows lie side by side, as in :func:`max_pool2d` with no other option than ``kernel_size``; where several
    pixels are largest, the first one counts. ``before`` decides about places alone and gets no gradient.

    Parameters
    ----------
    x : (N, C, H', W')
    before : (N, C, H, W)
        The map as it was before pooling, which made H' x W' out of it.
    kernel_size : int or (int, int)

    Returns
    -------
    (N, C, H, W)

    Raises
    ------
    TypeError, ValueError
        If ``kernel_size`` is out of range, or x has another shape than the pooled map.

    References
    ----------
    Badrinarayanan, Kendall and Cipolla, "SegNet: A deep convolutional encoder-decoder architecture for image
    segmentation", 2017.
    """
    pooled, to_places = max_pool2d.function(before, kernel_size=kernel_size)
    checks.shape("max_unpool2d", x, pooled.shape, "x")
    rows, columns = pair("max_unpool2d", "kernel_size", kernel_size)
    largest = to_places(np.ones_like(x))[0]

    def pullback(dy):
        mean, _ = avg_pool2d.function(dy * largest, kernel_size=kernel_size)
        return mean * (rows * columns), None    # one pixel of each window is not 0: its mean tells it

    return to_places(x)[0], pullback


class ConvTranspose2D(Layer):
    """Transposed convolution, :func:`conv_transpose2d`: (N, in_channels, H, W) -> (N, out_channels, H', W').

    ``W`` (in_channels, out_channels, kh, kw) starts as ``init(shape, rng, dtype)``, ``b`` (out_channels,) as
    zeros; ``bias=False`` leaves b out. ``kernel_size``, ``stride`` and ``padding`` are an integer or (rows,
    columns).

    Raises ``TypeError`` or ``ValueError`` for sizes out of range or x of another shape.
    """

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, bias=True, *,
                 init=xavier_uniform, rng=None, dtype=np.float64):
        who = "ConvTranspose2D"
        checks.count(who, in_channels=in_channels, out_channels=out_channels)
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size = pair(who, "kernel_size", kernel_size)
        self.options = dict(stride=pair(who, "stride", stride), padding=pair(who, "padding", padding, least=0))
        shape = (in_channels, out_channels, *self.kernel_size)
        self.W = Parameter(drawn(who, init, shape, rng, dtype), "W")
        self.b = Parameter(zeros(out_channels, dtype=dtype), "b") if bias else None

    def vjp(self, x):
        return self.apply(conv_transpose2d, x, self.W, self.b, **self.options)

    def extra_repr(self):
        shown = {"kernel_size": self.kernel_size, **self.options, "bias": self.b is not None}
        options = ", ".join(f"{name}={value}" for name, value in shown.items())
        return f"in_channels={self.in_channels}, out_channels={self.out_channels}, {options}"


class Upsample2D(Layer):
    """Nearest-neighbour upsampling: the layer of :func:`upsample2d`, with its option."""

    def __init__(self, scale_factor):
        self.scale_factor = pair("Upsample2D", "scale_factor", scale_factor)

    def vjp(self, x):
        return self.apply(upsample2d, x, scale_factor=self.scale_factor)


class MaxUnpool2D(Layer):
    """Max pooling, layers at the smaller size, and back by :func:`max_unpool2d` to where the maxima had been.

    ``MaxUnpool2D(*layers, kernel_size=2)``: (N, C, H, W) -> (N, C, H, W), where the layers keep the shape.

    Raises
    ------
    TypeError, ValueError
        If ``kernel_size`` is out of range, x is no (N, C, H, W), or the layers change the shape.
    """

    def __init__(self, *layers, kernel_size):
        self.options = dict(kernel_size=pair("MaxUnpool2D", "kernel_size", kernel_size))
        self.inner = Sequential(*layers)

    def vjp(self, x):
        pooled, to_places = max_pool2d.vjp_in("MaxUnpool2D", 0, x, **self.options)
        y, through = self.inner.vjp(pooled)
        z, back = max_unpool2d.vjp(y, x, **self.options)

        def pullback(dz, input_grad=True):
            dpooled = through(back(dz)[0], input_grad)
            return to_places(dpooled)[0] if input_grad else None
        return z, pullback


class Concatenate(Layer):
    """Branches side by side: each gets the same x, and their outputs are stacked along the channels (axis 1).

    A branch ``Activation(identity)`` hands x itself on: that is the skip of a U-Net.

    Raises
    ------
    TypeError
        If a branch is no layer, or there is none.
    ValueError
        If the outputs differ in more than their channels.

    References
    ----------
    Szegedy and others, "Going deeper with convolutions", 2015; Ronneberger, Fischer and Brox, "U-Net", 2015.
    """

    context = property(lambda self: set().union(*(branch.context for branch in self.branches)))

    def __init__(self, *branches):
        if not branches or not all(isinstance(branch, Layer) for branch in branches):
            raise TypeError(f"Concatenate expects layers, got {branches!r}")
        self.branches = branches

    def vjp(self, x, **context):
        contexts = self.hand_on(self.branches, context)
        outputs, pullbacks = zip(*(branch.vjp(x, **its) for branch, its in zip(self.branches, contexts)))
        shapes = [y.shape for y in outputs]
        if any(len(shape) < 2 or shape[:1] + shape[2:] != shapes[0][:1] + shapes[0][2:] for shape in shapes):
            raise ValueError(f"Concatenate expects outputs that differ in their channels alone, got {shapes}")
        ends, y = np.cumsum([shape[1] for shape in shapes])[:-1], np.concatenate(outputs, axis=1)
        whole = y.shape

        def pullback(dy, input_grad=True):
            dy = checks.shape("Concatenate.backward", dy, whole, "dy")
            gradients = [back(part, input_grad) for back, part in zip(pullbacks, np.split(dy, ends, axis=1))]
            return sum(gradients) if input_grad else None
        return y, pullback
