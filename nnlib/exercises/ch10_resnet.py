"""Exercises of chapter 10, Residual networks and the classics."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="10_resnet",
    title="Laid out by hand",
    minutes=10,
    value=True,
    prerequisites=["transposed convolution", "stride", "padding"],
)
def paper_transposed():
    return np.array([-2.0, 4.0, 0.0, 3.0, -3.0])


@paper_transposed.mistake(
    "Nothing has been cut off: with padding 1 the first and the last number of a transposed convolution go."
)
def _():
    return np.array([2.0, -2.0, 4.0, 0.0, 3.0, -3.0, 6.0])


@paper_transposed.mistake(
    "The kernels lie one place apart. The stride says how far apart they are laid on the output, and it is 2."
)
def _():
    return np.array([-2.0, 7.0, -3.0])


@paper_transposed.mistake(
    "The kernel is turned round. Each input lays it down as it is, its first number first."
)
def _():
    return np.array([-2.0, 2.0, 0.0, 6.0, -3.0])


@paper_transposed.mistake(
    "Where two kernels overlap, their numbers add. In yours one of them is written over the other."
)
def _():
    return np.array([-2.0, 0.0, 0.0, 3.0, -3.0])


@paper_transposed.mistake(
    "Padding cuts numbers off here. In yours a zero has been added at each end, as an ordinary convolution does "
    "with its input."
)
def _():
    return np.array([0.0, 2.0, -2.0, 4.0, 0.0, 3.0, -3.0, 6.0, 0.0])


@exercise(
    chapter="10_resnet",
    title="Back through a block",
    minutes=15,
    prerequisites=["the residual block", "the backward pass of a dense layer", "ReLU"],
)
def residual_backward(x, W, dy):
    through_branch = (dy @ W.T) * (x > 0)
    return dy + through_branch, np.maximum(x, 0).T @ dy


@residual_backward.inputs
def _(rng):
    yield "one sample", 1, (rng.normal(size=(1, 3)), rng.normal(size=(3, 3)), rng.normal(size=(1, 3)))
    yield "a batch", 2, (rng.normal(size=(5, 4)), rng.normal(size=(4, 4)), rng.normal(size=(5, 4)))


@residual_backward.mistake(
    "The input is used twice, in the branch and on the shortcut, so two gradients reach it. Yours has one of them."
)
def _(x, W, dy):
    return (dy @ W.T) * (x > 0), np.maximum(x, 0).T @ dy


@residual_backward.mistake(
    "The ReLU stands in the branch alone. On the shortcut the gradient passes as it is, also where x is negative."
)
def _(x, W, dy):
    return (dy + dy @ W.T) * (x > 0), np.maximum(x, 0).T @ dy


@residual_backward.mistake(
    "On its way back through the branch the gradient meets the weights first and the ReLU last: "
    "the mask belongs to the units that x went into."
)
def _(x, W, dy):
    return dy + (dy * (x > 0)) @ W.T, np.maximum(x, 0).T @ dy


@residual_backward.mistake(
    "The branch is missing its ReLU on the way back: where x was negative, nothing of it went through."
)
def _(x, W, dy):
    return dy + dy @ W.T, np.maximum(x, 0).T @ dy


@residual_backward.mistake("What came into the weights was relu(x), not x: their gradient is made of that.")
def _(x, W, dy):
    return dy + (dy @ W.T) * (x > 0), x.T @ dy


@exercise(
    chapter="10_resnet",
    title="How often is a pixel covered?",
    minutes=15,
    prerequisites=["transposed convolution", "stride", "the checkerboard"],
)
def coverage(n, kernel, stride):
    count = np.zeros((n - 1) * stride + kernel, dtype=int)
    for place in range(n):
        count[place * stride : place * stride + kernel] += 1
    return count


@coverage.inputs
def _(rng):
    n = int(rng.integers(4, 30))
    yield "a stride of 1", 1, (n, 3, 1)
    yield "a kernel that is no multiple of the stride", 1, (n, 5, 2)
    yield "a stride larger than the kernel", 1, (n, 2, 3)


@coverage.mistake("Kernels that overlap are counted once. Each of them counts, so add where you set.")
def _(n, kernel, stride):
    count = np.zeros((n - 1) * stride + kernel, dtype=int)
    for place in range(n):
        count[place * stride : place * stride + kernel] = 1
    return count


@coverage.mistake("Your kernels lie one output apart. They lie one stride apart.")
def _(n, kernel, stride):
    count = np.zeros((n - 1) * stride + kernel, dtype=int)
    for place in range(n):
        count[place : place + kernel] += 1
    return count


@coverage.mistake(
    "The output ends too soon: the last kernel begins n − 1 strides in, and all of its numbers have room."
)
def _(n, kernel, stride):
    count = np.zeros(n * stride, dtype=int)
    for place in range(n):
        count[place * stride : place * stride + kernel] += 1
    return count


@coverage.mistake("A kernel that would stick out at an end is missing: there is one kernel for each input.")
def _(n, kernel, stride):
    count = np.zeros((n - 1) * stride + kernel, dtype=int)
    for place in range(n - 1):
        count[place * stride : place * stride + kernel] += 1
    return count
