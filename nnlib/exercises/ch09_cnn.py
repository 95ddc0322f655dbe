"""Exercises of chapter 09, Convolutional networks."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="09_cnn",
    title="Four numbers on paper",
    minutes=10,
    value=True,
    prerequisites=["convolution in two dimensions", "stride", "zero padding"],
)
def paper_convolution():
    return np.array([[-1.0, 4.0], [0.0, 1.0]])


@paper_convolution.mistake(
    "The kernel is turned by 180 degrees. That is true convolution; networks lay the kernel on the image as it is."
)
def _():
    return np.array([[1.0, 0.0], [6.0, 5.0]])


@paper_convolution.mistake(
    "These are the four windows of the bare image, one step apart. The frame of zeros comes first, and the steps are 2."
)
def _():
    return np.array([[6.0, 3.0], [1.0, 1.0]])


@paper_convolution.mistake(
    "The window has moved by one pixel. With stride 2 every second place is left out, in the rows and in the columns."
)
def _():
    image = np.pad(np.array([[1.0, 2.0, 0.0], [3.0, 1.0, 1.0], [0.0, 2.0, 4.0]]), 1)
    kernel = np.array([[1.0, 0.0], [2.0, -1.0]])
    return np.array([[(image[i : i + 2, j : j + 2] * kernel).sum() for j in range(4)] for i in range(4)])


@paper_convolution.mistake(
    "The kernel's rows and columns are swapped: its first row, 1 and 0, lies on the upper pixels."
)
def _():
    return np.array([[-1.0, 0.0], [6.0, -1.0]])


@exercise(
    chapter="09_cnn",
    title="Back through a stride",
    minutes=20,
    prerequisites=["the backward pass of convolution", "stride"],
)
def conv1d_input_gradient(dy, w, n, stride):
    dx = np.zeros(n)
    for i in range(len(dy)):
        dx[i * stride : i * stride + len(w)] += dy[i] * w
    return dx


@conv1d_input_gradient.inputs
def _(rng):
    yield "stride 1", 1, (rng.normal(size=6), rng.normal(size=3), 8, 1)
    yield "stride 2 with windows that overlap", 1, (rng.normal(size=4), rng.normal(size=3), 9, 2)
    yield "pixels at the end that no window reaches", 1, (rng.normal(size=3), rng.normal(size=2), 10, 3)


@conv1d_input_gradient.mistake(
    "An input under several windows gets a gradient from each of them, and these add. Yours keeps one alone."
)
def _(dy, w, n, stride):
    dx = np.zeros(n)
    for i in range(len(dy)):
        dx[i * stride : i * stride + len(w)] = dy[i] * w
    return dx


@conv1d_input_gradient.mistake(
    "The kernel is turned round. Seen from one output, the gradient lands where its window lay, "
    "with each weight on the input that it was multiplied with."
)
def _(dy, w, n, stride):
    dx = np.zeros(n)
    for i in range(len(dy)):
        dx[i * stride : i * stride + len(w)] += dy[i] * w[::-1]
    return dx


@conv1d_input_gradient.mistake(
    "Your window of output i begins at input i. It moved on by the stride, not by one."
)
def _(dy, w, n, stride):
    dx = np.zeros(n)
    for i in range(len(dy)):
        dx[i : i + len(w)] += dy[i] * w
    return dx


@conv1d_input_gradient.mistake(
    "Each input of a window gets the sum of the weights from you. It was multiplied by one of them, and gets that one."
)
def _(dy, w, n, stride):
    dx = np.zeros(n)
    for i in range(len(dy)):
        dx[i * stride : i * stride + len(w)] += dy[i] * w.sum()
    return dx


@exercise(
    chapter="09_cnn",
    title="Count a whole network",
    minutes=20,
    prerequisites=["channels and filters", "the output size", "pooling"],
)
def cnn_parameters(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + 2 * padding - kernel_size) // stride + 1
        if filters is not None:
            count += filters * (channels * kernel_size**2 + 1)
            channels = filters
    return count + (channels * size**2 + 1) * 10


@cnn_parameters.inputs
def _(rng):
    a, b, c = rng.permutation(np.arange(3, 11))[:3].tolist()
    yield "one convolution", 1, (9, 2, [(a, 3, 2, 0)])
    yield "convolution, pooling, convolution", 1, (16, 3, [(a, 3, 1, 1), (None, 3, 2, 0), (b, 3, 1, 1)])
    strides = [(a, 5, 2, 2), (b, 3, 2, 1), (c, 3, 1, 1), (None, 2, 2, 0)]
    yield "strides that leave a remainder", 1, (30, 2, strides)


@cnn_parameters.mistake(
    "A filter is as deep as its input: it has kernel_size × kernel_size weights for each channel that comes in."
)
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + 2 * padding - kernel_size) // stride + 1
        if filters is not None:
            count += filters * (kernel_size**2 + 1)
            channels = filters
    return count + (channels * size**2 + 1) * 10


@cnn_parameters.mistake("Biases are missing: each filter has one, and so has each of the ten units at the end.")
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + 2 * padding - kernel_size) // stride + 1
        if filters is not None:
            count += filters * channels * kernel_size**2
            channels = filters
    return count + channels * size**2 * 10


@cnn_parameters.mistake("A step that would not fit is not made: the size of a map is rounded down, not up.")
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = -(-(size + 2 * padding - kernel_size) // stride) + 1
        if filters is not None:
            count += filters * (channels * kernel_size**2 + 1)
            channels = filters
    return count + (channels * size**2 + 1) * 10


@cnn_parameters.mistake("The convolutions are right. The ten units at the end have biases too.")
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + 2 * padding - kernel_size) // stride + 1
        if filters is not None:
            count += filters * (channels * kernel_size**2 + 1)
            channels = filters
    return count + channels * size**2 * 10


@cnn_parameters.mistake("Padding lies on both sides, so it counts twice in the size.")
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + padding - kernel_size) // stride + 1
        if filters is not None:
            count += filters * (channels * kernel_size**2 + 1)
            channels = filters
    return count + (channels * size**2 + 1) * 10


@cnn_parameters.mistake("Pooling has no weights. It changes the size of the maps and nothing else.")
def _(size, channels, layers):
    count = 0
    for filters, kernel_size, stride, padding in layers:
        size = (size + 2 * padding - kernel_size) // stride + 1
        filters = channels if filters is None else filters
        count += filters * (channels * kernel_size**2 + 1)
        channels = filters
    return count + (channels * size**2 + 1) * 10
