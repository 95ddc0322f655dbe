"""One definition for a formula and its derivative.

An operation is written as a function that returns its value *and* its pullback: the function that carries the
gradient of a scalar from the operation's output back to its inputs (the vector-Jacobian product, "vjp", of
reverse-mode automatic differentiation; Griewank and Walther, *Evaluating Derivatives*, 2008, chapter 3). The same
definition serves three uses: the plain value, the layer, and the tape of :class:`nnlib.Tensor`.
"""

import functools

import numpy as np


class Operation:
    """A differentiable function of NumPy arrays.

    ``op(*arrays, **options)`` is the value; ``op.vjp(*arrays, **options)`` is the value and the pullback.
    ``pullback(dy)`` takes the gradient with respect to the output, in the output's shape, and returns a tuple with one
    gradient for each array argument, in that argument's shape (``None`` where there is none, as for labels).
    """

    def __init__(self, function, elementwise=False):
        functools.update_wrapper(self, function)
        self.vjp = function
        self.elementwise = elementwise

    def __call__(self, *arrays, **options):
        return self.vjp(*arrays, **options)[0]

    def derivative(self, x, **options):
        """Derivative of an element-wise operation at each element of ``x``, in the shape of ``x``."""
        if not self.elementwise:
            raise TypeError(f"{self.__name__} is not element-wise: its derivative is a Jacobian; use vjp")
        y, pullback = self.vjp(x, **options)
        return pullback(np.ones_like(y))[0]

    def __repr__(self):
        return f"<operation {self.__name__}>"


def operation(function=None, *, elementwise=False):
    """Decorator that turns ``function(*arrays, **options) -> (value, pullback)`` into an :class:`Operation`."""
    if function is None:
        return functools.partial(Operation, elementwise=elementwise)
    return Operation(function, elementwise)
