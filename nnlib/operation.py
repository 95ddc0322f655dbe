"""One definition for a formula and its derivative.

An operation is a function that returns its value *and* its pullback: the function that carries the gradient of a
scalar from the operation's output back to its inputs (the vector-Jacobian product, "vjp", of reverse-mode
automatic differentiation). The same definition serves three uses: the plain value, the layer, and the tape of
:class:`nnlib.Tensor`. How to write one::

    @operation("(N,D),(D,K),(K)")               # shapes in NumPy's notation: each letter is one size
    def dense(x, W, b=None, *, scale=1.0):      # arrays first, the data before the weights; then options
        y = scale * (x @ W) + (0 if b is None else b)

        def pullback(dy, input_grad=True):      # dy has the shape of y
            dx = scale * (dy @ W.T) if input_grad else None
            return dx, scale * (x.T @ dy), None if b is None else dy.sum(axis=0)
        return y, pullback

- Arrays come in as float arrays of one precision (those of ``integers=("labels",)`` as they are), already checked
  against the shapes: ``dense expects W (3, K), got (4, 5)``. Shapes that the notation cannot say, and options, are
  checked in the function (``nnlib.checks``).
- The pullback gives one gradient for each array, None where there is none; it changes neither dy nor the arrays, for
  it may be called again. ``input_grad`` is there where leaving out the first gradient saves work; without it,
  ``pullback(dy)`` will do.
- ``@operation(elementwise=True)`` is for functions of each element, and gives them ``derivative``.

References
----------
Griewank and Walther, "Evaluating derivatives", 2008, chapter 3.
"""

import functools
import inspect

import numpy as np

from nnlib import checks


class Operation:
    """A differentiable function of NumPy arrays.

    ``op(*arrays, **options)`` is the value; ``op.vjp(*arrays, **options)`` is the value and the pullback.
    ``pullback(dy)`` takes the gradient with respect to the output, in the output's shape, and returns a tuple
    with one gradient for each array argument, in that argument's shape (None where there is none, as for
    labels). ``pullback(dy, input_grad=False)`` may leave out the first of them, where that saves work.

    The function's positional arguments are its arrays, its keyword-only arguments its options. Arrays may be
    given as anything NumPy understands. The first array of floats decides in which precision the operation
    works; arrays named in ``integers`` stay as they come. ``op(...)`` refuses NaN, ``op.vjp(...)`` lets it
    pass. A pullback holds the arrays and the value themselves, not copies: whoever changes them in place before
    calling it gets another gradient.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers.
    ValueError
        If an argument of ``op(...)`` holds NaN, shapes do not fit, or ``dy`` has another shape than the output.
    """

    tape = ()                                   # the class nnlib.autodiff.Tensor, once it is there

    def __init__(self, function, shapes="", integers=(), elementwise=False):
        functools.update_wrapper(self, function)
        self.function, self.integers, self.elementwise = function, integers, elementwise
        given = [p for p in inspect.signature(function).parameters.values() if p.kind == p.POSITIONAL_OR_KEYWORD]
        self.arrays = tuple(p.name for p in given)
        self.needed = {p.name for p in given if p.default is p.empty}
        self.shapes = checks.notation(shapes)
        self._saves = None                      # does its pullback take input_grad? Known after the first call
        if elementwise and self.__doc__:        # what holds for the derivative holds for the value
            formula, references, source = inspect.cleandoc(self.__doc__).partition("References\n")
            shared = inspect.getdoc(Operation.derivative).partition("\n\n")[2]
            self.__doc__ = "\n\n".join(filter(None, [formula.rstrip(), shared, references + source]))

    def __get__(self, instance, owner=None):
        return self                             # being a descriptor lets help(relu) show relu, not this class

    def __reduce__(self):
        return self.__qualname__                # pickled by name, as functions are

    def __call__(self, *arrays, **options):
        """The value, after a check for NaN; given a :class:`nnlib.Tensor`, a Tensor that remembers this."""
        arrays, options = self._by_position(arrays, options)
        if any(isinstance(x, self.tape) for x in arrays):
            return self.tape.apply(self, *arrays, **options)
        for name, x in zip(self.arrays, arrays):
            if x is not None:
                checks.no_nan(self.__name__, name, x)
        return self.vjp_in(None, 0, *arrays, **options)[0]

    def vjp(self, *arrays, **options):
        """The value and the pullback."""
        return self.vjp_in(None, 0, *arrays, **options)

    def vjp_in(self, layer, parameters, *arrays, **options):
        """:meth:`vjp` in a layer of that name: so many arrays after the first are its own, and say what x must be."""
        arrays, options = self._by_position(arrays, options)
        arrays = self._of_one_type(arrays)
        there = self._fit(layer, parameters, *[getattr(x, "shape", None) for x in arrays])
        y, pullback = checks.pair(self, self.function(*arrays, **options))
        if self._saves is None:
            self._saves = "input_grad" in inspect.signature(pullback).parameters
        y_shape, y_dtype = y.shape, y.dtype     # not y itself, which nobody may need any more

        def checked_pullback(dy, input_grad=True):
            if not (type(dy) is np.ndarray and dy.dtype is y_dtype):
                dy = np.asarray(checks.numeric(self.__name__, "dy", dy), y_dtype)
            if dy.shape != y_shape:
                raise ValueError(f"pullback of {self.__name__} expects dy {y_shape}, got {dy.shape}")
            gradients = pullback(dy) if input_grad or not self._saves else pullback(dy, input_grad=False)
            if not isinstance(gradients, tuple) or len(gradients) < there:
                got = len(gradients) if isinstance(gradients, tuple) else type(gradients).__name__
                raise TypeError(f"pullback of {self.__name__} expects a tuple with one gradient for each array, got {got}")
            return gradients
        return y, checked_pullback

    def derivative(self, x, **options):
        """Derivative of an element-wise operation at each element of ``x``; ``TypeError`` for any other operation.

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

    def _of_one_type(self, arrays):
        """The arrays as arrays, all of the float type of the first one that has any."""
        floats = [x.dtype for x in arrays if isinstance(x, np.ndarray) and x.dtype.char in "fd"]
        dtype, arrays = floats[0] if floats else None, list(arrays)
        for i, (name, x) in enumerate(zip(self.arrays, arrays)):
            if (x is not None or name in self.needed) and not (type(x) is np.ndarray and x.dtype is dtype):
                arrays[i] = x = checks.numeric(self.__name__, name, x)
                if name not in self.integers:
                    dtype = dtype or (x.dtype if x.dtype.kind == "f" else np.dtype(float))
                    arrays[i] = np.asarray(x, dtype)
        return arrays

    @functools.lru_cache(maxsize=1000)          # in a training the same shapes come again and again
    def _fit(self, layer, parameters, *shapes):
        """How many arrays are there. Refuses shapes that do not fit; in a layer the parameters come first: they fix the sizes."""
        sizes, given = {}, [*zip(self.arrays, shapes, self.shapes)]
        for name, got, expected in given[1:1 + parameters] + given[:1] + given[1 + parameters:]:
            if layer and name == self.arrays[0]:
                checks.fits(layer, got, expected, "", sizes, brief=True)
            elif got is not None:               # there is such an array
                checks.fits(self.__name__, got, expected, name if len(self.arrays) > 1 else "", sizes)
        return sum(shape is not None for shape in shapes)

    def __repr__(self):
        return f"<operation {self.__name__}>"


def operation(shapes="", *, elementwise=False, integers=()):
    """Decorator that turns ``function(*arrays, **options) -> (value, pullback)`` into an :class:`Operation`.

    ``shapes`` is NumPy's notation, ``"(N,D),(D,K),(K)"``: see ``nnlib.checks.notation``. Arrays beyond it may have
    any shape, and without options the decorator is plain ``@operation``.
    """
    if callable(shapes):
        return Operation(shapes)
    return functools.partial(Operation, shapes=shapes, integers=integers, elementwise=elementwise)
