"""Automatic differentiation in reverse mode (chapter 4): ``Value`` for numbers, ``Tensor`` for arrays.

Both remember how they were made, so that ``backward`` can go through the calculation in reverse and find the
derivative of its result with respect to everything in it. Afterwards ``grad`` of each node is that
derivative: every call of ``backward`` starts from zero (PyTorch adds to what an earlier call left).

References
----------
Linnainmaa, "Taylor expansion of the accumulated rounding error", 1976; Griewank and Walther, "Evaluating
derivatives", 2008.
"""

import math

import numpy as np

from nnlib import arithmetic, checks
from nnlib.operation import Operation


def graph(node):
    """List of all that ``node`` was made from, and itself: each after its ``parents``."""
    order, seen, stack = [], set(), [(node, False)]
    while stack:                                # no recursion, which a deep graph would overflow
        node, parents_done = stack.pop()
        if parents_done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent in reversed(node.parents))
    return order


class Value:
    """A number that remembers how it was made: from which ``parents``, with which ``slopes``.

    A slope is the derivative of this value with respect to that parent. ``data`` is the number, ``grad`` the
    derivative of the last ``backward``'s result, ``op`` the operation's sign, ``label`` a name for drawings.
    A copy, or what was pickled, remembers nothing of how it was made: it is a leaf. ``==`` asks whether two are the
    same node; numbers are compared as ``x.data``.

    Raises
    ------
    TypeError
        If the data is no real number, an exponent is no plain number, or a Value is asked for its truth.
    ValueError
        If the data is NaN, or an operation has no value or no derivative there.
    """

    def __init__(self, data, parents=(), slopes=(), op="", label=""):
        checks.number("Value", data=data)
        self.data, self.grad = _as_float(float, data), 0.0
        self.parents, self.slopes, self.op, self.label = parents, slopes, op, label

    def __getstate__(self):
        return {**vars(self), "parents": (), "slopes": (), "op": ""}

    def __bool__(self):
        raise TypeError("Value has no truth value of its own: take x.data")

    def backward(self):
        """Set ``grad`` of every value in the graph to d self / d value: the chain rule, last value first."""
        nodes = graph(self)
        for node in nodes:
            node.grad = 0.0
        self.grad = 1.0
        for node in reversed(nodes):
            for parent, slope in zip(node.parents, node.slopes):
                parent.grad += node.grad * slope            # a value used twice gets the sum

    def __add__(self, other):
        other = _value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0), "+")

    def __sub__(self, other):
        other = _value(other)
        return Value(self.data - other.data, (self, other), (1.0, -1.0), "-")

    def __mul__(self, other):
        other = _value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data), "*")

    def __truediv__(self, other):
        other = _value(other)
        if other.data == 0:
            raise ValueError("Value expects to be divided by something else than 0")
        y = self.data / other.data
        return Value(y, (self, other), (1 / other.data, -y / other.data), "/")

    def __pow__(self, n):
        checks.number("Value", exponent=n)
        power = _as_float(float, n)
        if math.isinf(power) or self.data < 0 and power % 1 != 0 or self.data == 0 and power < 1 and power != 0:
            raise ValueError(f"Value expects a power with a derivative, got {self.data} ** {n}")
        slope = power * _as_float(pow, self.data, power - 1) if n else 0.0
        return Value(_as_float(pow, self.data, power), (self,), (slope,), f"**{n}")

    def __neg__(self):
        return Value(-self.data, (self,), (-1.0,), "neg")

    def __radd__(self, other):
        return _value(other) + self

    def __rsub__(self, other):
        return _value(other) - self

    def __rmul__(self, other):
        return _value(other) * self

    def __rtruediv__(self, other):
        return _value(other) / self

    def exp(self):
        y = _as_float(math.exp, self.data)
        return Value(y, (self,), (y,), "exp")

    def log(self):
        if self.data <= 0:
            raise ValueError(f"log expects a positive Value, got {self.data}")
        return Value(math.log(self.data), (self,), (1 / self.data,), "log")

    def tanh(self):
        y = math.tanh(self.data)
        return Value(y, (self,), (1 - y * y,), "tanh")

    def relu(self):
        return Value(max(0.0, self.data), (self,), (float(self.data > 0),), "relu")

    def __repr__(self):
        return f"Value({self.label + ': ' if self.label else ''}data={self.data:.6g}, grad={self.grad:.6g})"


def _value(x):
    return x if isinstance(x, Value) else Value(x)


def _as_float(f, x, *n):
    """f(x, *n), and where it is too large the infinity that floats give, not Python's error."""
    try:
        return f(x, *n)
    except OverflowError:
        return -math.inf if x < 0 and (not n or n[0] % 2 == 1) else math.inf


class Tensor:
    """An array that remembers how it was made: the operation's tape.

    Any operation of nnlib takes Tensors and gives one: ``cross_entropy(relu(x @ W + b), labels)``. Arrays
    among its arguments are constants. ``data`` is the array; ``grad`` is None until ``backward``, then an array
    of the same shape. A copy, or what was pickled, has these two and remembers nothing: it is a leaf. ``==`` asks
    whether two are the same; numbers are compared as ``x.data``.

    Raises
    ------
    TypeError
        If the data does not hold real numbers.
    ValueError
        If the data holds NaN.
    """

    def __array_ufunc__(self, ufunc, method, *arguments, **options):
        """array + Tensor and np.exp(x) are operations of nnlib; what is none of them is refused."""
        op = getattr(arithmetic, ufunc.__name__, None)
        if not isinstance(op, Operation) or method != "__call__" or options or len(op.arrays) != len(arguments):
            raise TypeError(f"np.{ufunc.__name__} expects arrays, got a Tensor: take x.data, or nnlib's operations")
        return op(*arguments)

    def __array_function__(self, function, types, arguments, options):
        """np.mean(x) is x.mean(); other functions of NumPy are refused."""
        method = getattr(self, function.__name__, None)
        known = options.keys() <= {"axis", "keepdims"} and len(arguments) < 3      # NumPy's third is a dtype or an order
        if method is None or not arguments or arguments[0] is not self or not known:
            raise TypeError(f"np.{function.__name__} expects arrays, got a Tensor: take x.data, or nnlib's operations")
        return method(*arguments[1:], **options) if callable(method) else method

    def __array__(self, *_, **__):
        raise TypeError("NumPy expects arrays, got a Tensor: take x.data, or nnlib's operations")

    def __init__(self, data):
        self.data = checks.no_nan("Tensor", "data", data)
        if self.data.dtype.kind != "f":
            self.data = self.data.astype(float)
        self.grad, self.parents, self.pullback = None, (), None

    def __getstate__(self):
        return {**vars(self), "parents": (), "pullback": None}

    @classmethod
    def apply(cls, op, *arguments, **options):
        """The result of an operation, recorded. Arguments are Tensors, or arrays that count as constants."""
        places = [i for i, x in enumerate(arguments) if isinstance(x, cls)]
        y, pullback = op.vjp(*(x.data if isinstance(x, cls) else x for x in arguments), **options)

        def pull(dy):
            gradients = pullback(dy, input_grad=0 in places)
            for i in places:
                if gradients[i] is None:
                    raise ValueError(f"{op.__name__} expects {op.arrays[i]} as an array: it has no gradient, "
                                     "got a Tensor")
            return [gradients[i] for i in places]

        result = cls.__new__(cls)
        result.data, result.grad = y, None
        result.parents, result.pullback = tuple(arguments[i] for i in places), pull
        return result

    def backward(self, dy=1.0):
        """Set ``grad`` of every Tensor in the graph, starting from ``dy``, the gradient of this one.

        Raises
        ------
        ValueError
            If ``dy`` has another shape than this Tensor.
        """
        dy = np.array(dy, self.data.dtype)
        if dy.shape != self.data.shape:
            raise ValueError(f"backward expects dy of shape {self.data.shape}, got {dy.shape}")
        nodes = graph(self)
        for node in nodes:
            node.grad = None
        self.grad = dy
        for node in reversed(nodes):
            if node.pullback is None:
                node.grad = node.grad.copy()    # a leaf's gradient belongs to it alone
                continue
            for parent, gradient in zip(node.parents, node.pullback(node.grad)):
                parent.grad = gradient if parent.grad is None else parent.grad + gradient

    shape = property(lambda self: self.data.shape)
    T = property(lambda self: Tensor.apply(arithmetic.transpose, self))

    def __add__(self, other):
        return Tensor.apply(arithmetic.add, self, other)

    def __radd__(self, other):
        return Tensor.apply(arithmetic.add, other, self)

    def __sub__(self, other):
        return Tensor.apply(arithmetic.subtract, self, other)

    def __rsub__(self, other):
        return Tensor.apply(arithmetic.subtract, other, self)

    def __mul__(self, other):
        return Tensor.apply(arithmetic.multiply, self, other)

    def __rmul__(self, other):
        return Tensor.apply(arithmetic.multiply, other, self)

    def __truediv__(self, other):
        return Tensor.apply(arithmetic.divide, self, other)

    def __rtruediv__(self, other):
        return Tensor.apply(arithmetic.divide, other, self)

    def __matmul__(self, other):
        return Tensor.apply(arithmetic.matmul, self, other)

    def __rmatmul__(self, other):
        return Tensor.apply(arithmetic.matmul, other, self)

    def __pow__(self, exponent):
        return Tensor.apply(arithmetic.power, self, exponent=exponent)

    def __neg__(self):
        return Tensor.apply(arithmetic.multiply, self, -1)

    def __getitem__(self, at):
        return Tensor.apply(arithmetic.index, self, at=at)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        raise TypeError("Tensor has no truth value of its own: take x.data")

    def sum(self, axis=None, keepdims=False):
        return Tensor.apply(arithmetic.sum, self, axis=axis, keepdims=keepdims)

    def mean(self, axis=None, keepdims=False):
        return Tensor.apply(arithmetic.mean, self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape):
        return Tensor.apply(arithmetic.reshape, self, shape=shape[0] if len(shape) == 1 else shape)

    def transpose(self, *axes):
        return Tensor.apply(arithmetic.transpose, self, axes=axes[0] if len(axes) == 1 else axes or None)

    def exp(self):
        return Tensor.apply(arithmetic.exp, self)

    def log(self):
        return Tensor.apply(arithmetic.log, self)

    def __repr__(self):
        return f"Tensor({np.array2string(self.data, separator=', ', prefix='Tensor(')})"


Operation.tape = Tensor                         # from now on, an operation given a Tensor records itself
