"""Layers: operations that own their parameters (chapters 1, 8 and 10). What they share: :mod:`nnlib.layer`."""

import inspect
import math

import numpy as np

from nnlib import checks
from nnlib.activations import identity
from nnlib.init import drawn, normal, xavier_uniform, zeros
from nnlib.layer import Layer, Parameter, members_in
from nnlib.operation import Operation, operation


def _product(a, b, portable):
    """The matrix product a b; ``portable``: rounded product by product, summed in the same order everywhere."""
    return (a[:, :, None] * b).sum(axis=1) if portable else a @ b


@operation("(...,N,D),(D,K),(K)")
def dense(x, W, b=None, *, portable=False):
    """Affine map of every row, y = x W + b.

    Back: dx = dy Wᵀ, dW = xᵀ dy, and db is the sum of dy over the rows.

    Parameters
    ----------
    x : array (N, D), or (N, T, D) for sequences
    W : array (D, K)
    b : array (K,), or None
    portable : True gives the same numbers on every machine, to the last bit, in more time and memory: N D K numbers.
        Else the order of a sum and its rounding are left to the machine's own library.

    Returns
    -------
    Array (N, K) or (N, T, K).

    Raises
    ------
    ValueError
        If the shapes do not fit, or an array holds NaN.
    """
    rows = x if x.ndim == 2 else x.reshape(math.prod(x.shape[:-1]), len(W))
    y = _product(rows, W, portable)
    if b is not None:
        y += b

    def pullback(dy, input_grad=True):
        drows = dy.reshape(y_shape)
        dx = _product(drows, W.T, portable).reshape(x.shape) if input_grad else None
        dW = _product(rows.T, drows, portable)
        return (dx, dW) if b is None else (dx, dW, drows.sum(axis=0))
    y_shape = y.shape
    return y.reshape(x.shape[:-1] + W.shape[1:]), pullback


class Dense(Layer):
    """Fully connected layer, y = x W + b: (N, in_features) -> (N, out_features).

    A sequence (N, T, in_features) goes through step by step.

    Parameters
    ----------
    in_features, out_features : integers of at least 1
    bias : False leaves out b
    init : function of :mod:`nnlib.init` for ``W`` (in_features, out_features); ``b`` (out_features,) is zeros
    rng : numpy Generator; without one, weights differ each time
    dtype : float64 or float32, the fast one; the output has the dtype of the input
    portable : True gives the same numbers on every machine, see :func:`dense`

    Raises
    ------
    TypeError
        If a size is no integer, or ``rng`` no generator.
    ValueError
        If a size is below 1, or the input has another shape.
    """

    def __init__(self, in_features, out_features, bias=True, *,
                 init=xavier_uniform, rng=None, dtype=np.float64, portable=False):
        checks.count("Dense", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features, self.bias, self._portable = in_features, out_features, bias, portable
        self.W = Parameter(drawn("Dense", init, (in_features, out_features), rng, dtype), "W")
        self.b = Parameter(zeros(out_features, dtype=dtype), "b") if bias else None

    def vjp(self, x):
        return self.apply(dense, x, self.W, self.b, portable=self._portable)


class Activation(Layer):
    """An activation as a layer: ``Activation(relu)``, ``Activation(leaky_relu, negative_slope=0.1)``.

    Arrays besides x become parameters: ``Activation(prelu, alpha=0.25)`` learns alpha. Any shape goes in, and
    comes out.

    Raises
    ------
    TypeError
        If ``op`` is no operation of one array besides those given.
    """

    def __init__(self, op, **options):
        if not isinstance(op, Operation):
            raise TypeError(f"Activation expects an operation such as relu, got {op!r}")
        self.op = op
        try:
            inspect.signature(op).bind("x", **options)
        except TypeError as error:
            raise TypeError(f"Activation expects what {op.__name__} takes besides x: {error}") from error
        for name in op.arrays[1:]:
            setattr(self, name, Parameter(options.pop(name), name))
        if options and op.elementwise and not op.arrays[1:]:
            op(np.zeros(0), **options)          # refuses those out of range
        self.options = options

    def vjp(self, x):
        return self.apply(self.op, x, *(getattr(self, name) for name in self.op.arrays[1:]), **self.options)

    def extra_repr(self):
        return ", ".join([self.op.__name__, *(f"{name}={value!r}" for name, value in self.options.items())])


class Sequential(Layer):
    """Layers one after the other; ``model[i]`` is the i-th, ``model[:2]`` a Sequential of the first two, ``len(model)``
    their number.

    ``backward(dy)`` leaves out the gradient of the input, which training does not need, and returns None;
    ``backward(dy, input_grad=True)`` returns it. ``model(x, mask=mask)`` hands a mask to its recurrent layers,
    ``model(x, A=A)`` a graph to its graph layers.

    Raises
    ------
    TypeError
        If one of ``layers`` is no :class:`~nnlib.layer.Layer`.
    """

    kind, kinds = Layer, "layers"
    context = property(lambda self: set().union(*(layer.context for layer in self.layers)))
    _first = None, 0                            # of which layers, the first that learns: nothing before it needs a gradient

    def __init__(self, *layers):
        for layer in layers:
            if not isinstance(layer, self.kind):
                raise TypeError(f"{type(self).__name__} expects {self.kinds}, got {layer!r}")
        self.layers = layers

    def vjp(self, x, **context):
        layers, pullbacks = self.layers, []
        for layer, its in zip(layers, self.hand_on(layers, context)):
            x, pullback = checks.pair(layer, layer.vjp(x, **its))
            pullbacks.append(pullback)

        def pullback(dy, input_grad=True, **context):
            if not input_grad and self._first[0] is not layers:
                self._first = layers, next((i for i, layer in enumerate(layers) if layer.parameters()), len(layers))
            its, first = self.hand_on(layers, context), 0 if input_grad else self._first[1]
            for i in reversed(range(first, len(pullbacks))):
                dy = pullbacks[i](dy, input_grad or i > first, **its[i])
                if type(dy) is tuple:           # gradients that no parameter has been given
                    raise TypeError(f"{type(layers[i]).__name__} expects a pullback that gives dx alone, as of "
                                    f"self.apply(operation, x, *parameters), got {len(dy)} gradients")
            return dy if input_grad else None
        return x, pullback

    def backward(self, dy, input_grad=False):
        return super().backward(dy, input_grad)

    def members(self):                          # by number, and what a subclass may have besides
        vars(self).pop("_first", None)          # whoever looks through the layers may have changed them
        return members_in({**{str(i): layer for i, layer in enumerate(self.layers)}, **vars(self), "layers": None})

    def __getitem__(self, i):
        return Sequential(*self.layers[i]) if isinstance(i, slice) else self.layers[i]

    def __len__(self):
        return len(self.layers)


class Residual(Layer):
    """Shortcut around layers: y = x + inner(x), so that the inner layers learn the residual y − x.

    Where they change the shape, ``shortcut`` is a layer for the other path: y = shortcut(x) + inner(x).

    Raises
    ------
    TypeError
        If a part is no layer.
    ValueError
        If both paths do not come to one shape.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", 2016.
    """

    context = property(lambda self: {*self.inner.context, *self.shortcut.context})

    def __init__(self, *layers, shortcut=None):
        self.inner = Sequential(*layers)
        self.shortcut = Activation(identity) if shortcut is None else shortcut
        if not isinstance(self.shortcut, Layer):
            raise TypeError(f"Residual expects shortcut as a layer, got {shortcut!r}")

    def vjp(self, x, **context):
        of_inner, of_shortcut = self.hand_on((self.inner, self.shortcut), context)
        (straight, past), (y, through) = self.shortcut.vjp(x, **of_shortcut), self.inner.vjp(x, **of_inner)
        if straight.shape != y.shape:
            raise ValueError(f"Residual expects both paths of one shape, got {straight.shape} and {y.shape}")

        def pullback(dy, input_grad=True):
            inner, shortcut = through(dy, input_grad), past(dy, input_grad)
            return inner + shortcut if input_grad else None
        return straight + y, pullback


@operation
def flatten(x):
    """Each sample as one row: array (N, ...) -> (N, D). ``ValueError`` if x has no axes or holds NaN."""
    if x.ndim < 1:
        raise ValueError(f"flatten expects (N, ...), got {x.shape}")
    return x.reshape(len(x), math.prod(x.shape[1:])), lambda dy: (dy.reshape(x.shape),)


class Flatten(Layer):
    """Each sample as one row: (N, ...) -> (N, D)."""

    def vjp(self, x):
        return self.apply(flatten, x)


@operation("(...),(V,D)", integers=("indices",))
def embedding(indices, W):
    """The row W[i] for each index i; a row met twice gets the sum of both gradients.

    Parameters
    ----------
    indices : integers 0 .. V − 1, of any shape
    W : array (V, D)

    Returns
    -------
    Array of shape ``indices.shape + (D,)``.

    Raises
    ------
    TypeError
        If indices are no integers.
    ValueError
        If an index lies outside 0 .. V − 1, or W is no matrix.
    """
    checks.indices("embedding", "indices", indices, len(W))

    def pullback(dy):
        dW = np.zeros_like(W)
        np.add.at(dW, indices, dy)
        return None, dW
    return W[indices], pullback


class Embedding(Layer):
    """A learned vector for each symbol: indices of any shape -> one more axis, (embedding_dim,).

    Parameters
    ----------
    num_embeddings : number of symbols V; indices are 0 .. V − 1
    embedding_dim : length of the vectors
    rng : numpy Generator; without one, weights differ each time
    dtype : float64 or float32

    ``W`` (num_embeddings, embedding_dim) starts with standard normal numbers, as in PyTorch.

    Raises
    ------
    TypeError
        If indices or sizes are no integers.
    ValueError
        If an index lies outside the symbols, or a size is below 1.

    References
    ----------
    Bengio, Ducharme, Vincent and Jauvin, "A neural probabilistic language model", 2003.
    """

    def __init__(self, num_embeddings, embedding_dim, *, rng=None, dtype=np.float64):
        checks.count("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.W = Parameter(normal((num_embeddings, embedding_dim), checks.generator("Embedding", rng), dtype, std=1), "W")

    def vjp(self, x):
        return self.apply(embedding, x, self.W)
