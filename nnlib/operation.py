"""One definition for a formula and its derivative.

An operation is written as a function that returns its value *and* its pullback: the function that carries the
gradient of a scalar from the operation's output back to its inputs (the vector-Jacobian product, "vjp", of
reverse-mode automatic differentiation). The same definition serves three uses: the plain value, the layer, and
the tape of :class:`nnlib.Tensor`.

References
----------
Griewank and Walther, "Evaluating derivatives", 2008, chapter 3.
"""

import functools
import inspect

import numpy as np

from nnlib import checks

ELEMENTWISE = """
Parameters
----------
x : array of any shape

Returns
-------
Array of the shape and dtype of ``x``.

Raises
------
TypeError
    If ``x`` does not hold real numbers, or an option is no number.
ValueError
    If ``x`` holds NaN, or an option is out of range.

"""


class Operation:
    """A differentiable function of NumPy arrays.

    ``op(*arrays, **options)`` is the value; ``op.vjp(*arrays, **options)`` is the value and the pullback.
    ``pullback(dy)`` takes the gradient with respect to the output, in the output's shape, and returns a tuple
    with one gradient for each array argument, in that argument's shape (None where there is none, as for
    labels). ``pullback(dy, input_grad=False)`` may leave out the first of them, where that saves work.

    The function's positional arguments are its arrays, its keyword-only arguments its options. Arrays may be
    given as anything NumPy understands. The first array of floats decides in which precision the operation
    works; arguments named in ``integers`` stay as they come. ``op(...)`` refuses NaN, ``op.vjp(...)`` lets it
    pass.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an argument of ``op(...)`` holds NaN, or ``dy`` has another shape than the output.
    """

    tape = ()                                   # the class nnlib.autodiff.Tensor, once it is there

    def __init__(self, function, elementwise, integers):
        if elementwise and function.__doc__:    # what they all share is said here, once
            formula, references, source = inspect.cleandoc(function.__doc__).partition("References\n")
            function.__doc__ = formula.rstrip() + "\n" + ELEMENTWISE + references + source
        functools.update_wrapper(self, function)
        self.function = function
        self.elementwise = elementwise
        self.integers = integers
        self.arrays = tuple(name for name, p in inspect.signature(function).parameters.items()
                            if p.kind == p.POSITIONAL_OR_KEYWORD)

    def __get__(self, instance, owner=None):
        return self                             # being a descriptor lets help(relu) show relu, not this class

    def __call__(self, *arrays, **options):
        """The value, after a check for NaN; given a :class:`nnlib.Tensor`, a Tensor that remembers this."""
        arrays, options = self._by_position(arrays, options)
        if any(isinstance(x, self.tape) for x in arrays):
            return self.tape.apply(self, *arrays, **options)
        arrays = self._convert(arrays)
        for name, x in zip(self.arrays, arrays):
            if x is not None:
                checks.no_nan(self.__name__, name, x)
        return self.function(*arrays, **options)[0]

    def vjp(self, *arrays, **options):
        """The value and the pullback."""
        arrays, options = self._by_position(arrays, options)
        y, pullback = self.function(*self._convert(arrays), **options)
        if isinstance(y, tuple):                # several outputs: their gradients come as the operation says
            return y, pullback
        can_skip = pullback.__code__.co_argcount > 1

        def checked_pullback(dy, input_grad=True):
            dy = np.asarray(dy, y_dtype)
            if dy.shape != y_shape:
                raise ValueError(f"pullback of {self.__name__} expects dy {y_shape}, got {dy.shape}")
            return pullback(dy) if input_grad or not can_skip else pullback(dy, input_grad=False)

        y_shape, y_dtype = y.shape, y.dtype     # not y itself, which nobody may need any more
        return y, checked_pullback

    def derivative(self, x, **options):
        """Derivative of an element-wise operation at each element of ``x``, in the shape of ``x``."""
        if not self.elementwise:
            raise TypeError(f"{self.__name__} is not element-wise: use jacobian, or vjp for one row of it")
        self(x, **options)                      # refuses NaN
        y, pullback = self.vjp(x, **options)
        return pullback(np.ones_like(y))[0]

    def jacobian(self, x, **options):
        """All partial derivatives, in the shape ``y.shape + x.shape``: one pullback for each element of y."""
        self(x, **options)
        y, pullback = self.vjp(x, **options)
        rows = [pullback(row.reshape(y.shape))[0] for row in np.eye(y.size, dtype=y.dtype)]
        return np.reshape(rows, y.shape + np.shape(x)).astype(y.dtype)

    def _by_position(self, arrays, options):
        """Arrays by keyword in their places; plain numbers for NumPy's, which would raise the precision."""
        if options:
            options = {name: o.item() if isinstance(o, np.generic) else o for name, o in options.items()}
            for name in self.arrays[len(arrays):]:
                if name not in options:
                    break
                arrays += (options.pop(name),)
        return arrays, options

    def _convert(self, arrays):
        """The arrays as arrays, all of one float type."""
        dtype = None
        for x in arrays:
            if isinstance(x, np.ndarray) and x.dtype.kind == "f":
                dtype = x.dtype
                break
        converted = list(arrays)
        for i, (name, x) in enumerate(zip(self.arrays, arrays)):
            if x is not None and not (isinstance(x, np.ndarray) and x.dtype is dtype):
                x = checks.numeric(self.__name__, name, x)
                if name not in self.integers:
                    dtype = dtype or (x.dtype if x.dtype.kind == "f" else np.dtype(float))
                    x = x.astype(dtype, copy=False)
                converted[i] = x
        return converted

    def __repr__(self):
        return f"<operation {self.__name__}>"


def operation(function=None, *, elementwise=False, integers=()):
    """Decorator that turns ``function(*arrays, **options) -> (value, pullback)`` into an :class:`Operation`."""
    if function is None:
        return functools.partial(Operation, elementwise=elementwise, integers=integers)
    return Operation(function, elementwise, integers)
