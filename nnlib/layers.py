"""Layers: operations that own their parameters (chapters 1, 4 and 8).

A layer's ``forward`` calls an operation and keeps its pullback; ``backward`` calls that pullback and adds to the
gradients of the parameters. All the calculus is in the operations.

One pass: ``y = model(x)`` starts a new forward pass, and the layers forget what an earlier one left;
``model.backward(dy)`` carries ``dy`` back through it, once. A layer used twice in a pass keeps two pullbacks and takes
them back in reverse order; its gradients are the sum of both uses. Called alone, ``layer.forward(x)`` goes on with the
pass under way. Modes (``train``, ``eval``) change what dropout and batch norm do and nothing else: gradients can be had
in both, and what is kept for them is freed by the next pass.
"""

import numpy as np

from nnlib import checks
from nnlib.activations import identity
from nnlib.init import xavier_uniform, zeros
from nnlib.operation import Operation, operation


class Parameter:
    """A learned array ``value``, its gradient ``grad`` of the same shape (zeros at first) and a ``name``.

    Assigning to ``value`` copies into the array that is there, in its dtype, so that whoever holds it sees the change.
    An array of another shape is refused (``ValueError``).
    """

    def __init__(self, value, name):
        value = checks.numeric("Parameter", name, value)
        self._value = np.array(value, dtype=value.dtype if value.dtype.kind == "f" else np.float64)
        self._grad = None                       # stands for zeros: filling and reading them back would cost time
        self.name = name

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, new):
        if new is not self._value:              # p.value -= step has changed it in place
            self._value[...] = self._fitting(new)

    @property
    def grad(self):
        if self._grad is None:
            self._grad = np.zeros_like(self._value)
        return self._grad

    @grad.setter
    def grad(self, new):
        if new is not self._grad:
            self._grad = np.array(self._fitting(new), self._value.dtype)

    def add_grad(self, gradient, copy=True):
        """Add to the gradient. With ``copy=False`` the first array after ``zero_grad`` is kept, not copied."""
        if gradient.shape != self._value.shape:
            raise ValueError(f"Parameter {self.name} expects a gradient {self._value.shape}, got {gradient.shape}")
        if self._grad is None:
            self._grad = gradient.astype(self._value.dtype, copy=copy)
        else:
            self._grad += gradient

    def zero_grad(self):
        """Set the gradient to zero."""
        self._grad = None

    def _fitting(self, new):
        new = checks.numeric("Parameter", self.name, new)
        if new.shape != self._value.shape:
            raise ValueError(f"Parameter {self.name} expects {self._value.shape}, got {new.shape}")
        return new

    def __repr__(self):
        return f"Parameter({self.name}, shape={self.value.shape}, dtype={self.value.dtype})"


class Layer:
    """Base of all layers.

    A subclass sets its parameters and parts (other layers, or a list of them) as attributes and writes ``forward(x)``,
    most simply as ``return self.record(operation, x, *parameters, **options)``; ``backward`` then follows.
    """

    training = True
    _inside = False                             # is a pass under way, in any layer?
    _pass = 0                                   # the number of passes begun
    _recorded_in = None                         # the pass whose pullbacks this layer keeps, the latest last
    _pullbacks = ()

    def __call__(self, x, **options):
        """Start a new pass, after a check for NaN; inside another layer's ``forward``, go on with the one under way."""
        if Layer._inside:
            return self.forward(x, **options)
        x = checks.numeric(type(self).__name__, "x", x)
        checks.no_nan(type(self).__name__, "x", x)
        Layer._inside = True
        Layer._pass += 1
        try:
            return self.forward(x, **options)
        finally:
            Layer._inside = False

    def forward(self, x):
        """The output for input ``x``, as part of the pass under way."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def record(self, op, x, *parameters, **options):
        """Run an operation on ``x`` and parameters of this layer; keep its pullback for ``backward``."""
        y, pullback = op.vjp(x, *[p._value for p in parameters], **options)
        if self._recorded_in != Layer._pass:
            self._recorded_in, self._pullbacks = Layer._pass, []
        self._pullbacks.append((pullback, parameters))
        return y

    def backward(self, dy, input_grad=True):
        """Carry ``dy``, the gradient with respect to the output, back: add to each parameter's ``grad``, return dx.

        ``input_grad=False`` says that nobody needs dx, so that a layer may skip that work.
        """
        if not self._pullbacks:
            raise ValueError(f"{type(self).__name__}.backward expects a forward pass before it: each is carried back once")
        pullback, parameters = self._pullbacks.pop()
        gradients = pullback(dy, input_grad)
        met_twice = len({id(g) for g in gradients}) < len(gradients)
        for parameter, gradient in zip(parameters, gradients[1:]):
            # an array that is a view, the caller's, or met twice has other holders
            shared = met_twice or gradient is dy or gradient.base is not None
            parameter.add_grad(gradient, copy=shared)
        return gradients[0]

    def children(self):
        """(name, layer) of each part."""
        for name, part in vars(self).items():
            if isinstance(part, Layer):
                yield name, part
            elif isinstance(part, (list, tuple)) and name != "_pullbacks":
                yield from ((f"{name}.{i}", p) for i, p in enumerate(part) if isinstance(p, Layer))

    def layers_inside(self, prefix=""):
        """This layer and all layers in it, each once."""
        return list(self.named_layers().values())

    def named_layers(self):
        """Dictionary from path, such as ``"2.inner.0"``, to layer: itself as ``""`` and all layers in it, each once."""
        found, seen = {}, set()

        def visit(path, layer):
            if id(layer) not in seen:
                seen.add(id(layer))
                found[path] = layer
                for name, part in layer.children():
                    visit(f"{path}.{name}" if path else name, part)
        visit("", self)
        return found

    def named_parameters(self):
        """Dictionary from path, such as ``"0.W"``, to parameter, each once."""
        found, seen = {}, set()
        for path, layer in self.named_layers().items():
            for name, p in vars(layer).items():
                if isinstance(p, Parameter) and id(p) not in seen:
                    seen.add(id(p))
                    found[f"{path}.{name}" if path else name] = p
        return found

    def parameters(self):
        """List of all parameters in this layer, each once."""
        return list(self.named_parameters().values())

    def buffers(self):
        """Dictionary of arrays of this layer (not of its parts) that are saved with the weights but not learned."""
        return {}

    def train(self):
        """Switch to training mode; returns the layer."""
        return self._switch(True)

    def eval(self):
        """Switch to evaluation mode; returns the layer."""
        return self._switch(False)

    def _switch(self, training):
        for layer in self.layers_inside():
            layer.training = training
        return self

    def zero_grad(self):
        """Set all gradients to zero."""
        for p in self.parameters():
            p.zero_grad()

    def extra_repr(self):
        """What the printed name shows in its brackets."""
        return ""

    def __repr__(self):
        parts = [f"  ({name}): " + repr(part).replace("\n", "\n  ") for name, part in self.children()]
        inside = self.extra_repr() + ("\n" + "\n".join(parts) + "\n" if parts else "")
        return f"{type(self).__name__}({inside})"


@operation
def dense(x, W, b=None):
    """Affine map y = x W + b, of each row: x (N, D), W (D, K), b (K,) or None -> (N, K).

    More axes may stand in front, as in (N, T, D). dx = dy Wᵀ, dW = xᵀ dy, db = the sum of dy over the rows.
    """
    checks.shape("dense", W, ("D", "K"), "W")
    checks.shape("dense", x, (..., "N", W.shape[0]), "x")
    rows = x if x.ndim == 2 else x.reshape(x[..., 0].size, W.shape[0])
    y = rows @ W
    if b is not None:
        checks.shape("dense", b, W.shape[1:], "b")
        y += b

    def pullback(dy, input_grad=True):
        drows = dy.reshape(y_shape)
        dx = (drows @ W.T).reshape(x.shape) if input_grad else None
        dW = rows.T @ drows
        return (dx, dW) if b is None else (dx, dW, drows.sum(axis=0))
    y_shape = y.shape
    return y.reshape(x.shape[:-1] + W.shape[1:]), pullback


class Dense(Layer):
    """Fully connected layer y = x W + b: x (N, in_features) or (N, T, in_features) -> the same with out_features.

    ``W`` (in_features, out_features) starts as ``init(shape, rng, dtype)``, ``b`` (out_features,) as zeros;
    ``bias=False`` leaves b out. float64 unless ``dtype`` says float32; the output has the dtype of the input.

    Raises ``ValueError`` if x has another shape.
    """

    def __init__(self, in_features, out_features, bias=True, *, init=xavier_uniform, rng=None, dtype=np.float64):
        checks.count("Dense", in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.W = Parameter(init((in_features, out_features), checks.generator("Dense", rng), dtype), "W")
        self.b = Parameter(zeros(out_features, dtype=dtype), "b") if bias else None

    def forward(self, x):
        if x.ndim not in (2, 3) or x.shape[-1] != self.in_features:
            raise ValueError(f"Dense expects (N, {self.in_features}), got {x.shape}")
        return self.record(dense, x, *((self.W,) if self.b is None else (self.W, self.b)))

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.b is not None}"


class Activation(Layer):
    """An activation as a layer: ``Activation(relu)``, ``Activation(leaky_relu, negative_slope=0.1)``.

    Arrays besides x become parameters: ``Activation(prelu, alpha=0.25)`` learns alpha.
    """

    def __init__(self, op, **options):
        if not isinstance(op, Operation):
            raise TypeError(f"Activation expects an operation such as relu, got {op!r}")
        self.op = op
        learned = [name for name in op.arrays[1:] if name in options]
        self.learned = [Parameter(options.pop(name), name) for name in learned]
        for p in self.learned:
            setattr(self, p.name, p)
        self.options = options

    def forward(self, x):
        return self.record(self.op, x, *self.learned, **self.options)

    def extra_repr(self):
        return ", ".join([self.op.__name__, *(f"{name}={value!r}" for name, value in self.options.items())])


class Sequential(Layer):
    """Layers one after the other. ``model[i]`` is the i-th, ``len(model)`` their number.

    ``backward(dy)`` returns None and skips the gradient of the input, which training does not need;
    ``backward(dy, input_grad=True)`` returns it.
    """

    def __init__(self, *layers):
        for layer in layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"Sequential expects layers, got {layer!r}")
        self.layers = layers
        learning = [i for i, layer in enumerate(layers) if layer.parameters()]
        self._first = learning[0] if learning else len(layers)     # nothing before it needs a gradient

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy, input_grad=False):
        for i in range(len(self.layers) - 1, -1 if input_grad else self._first - 1, -1):
            dy = self.layers[i].backward(dy, input_grad or i > self._first)
        return dy if input_grad else None

    def children(self):
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def __getitem__(self, i):
        return self.layers[i]

    def __len__(self):
        return len(self.layers)


class Residual(Layer):
    """Shortcut around layers: y = x + inner(x), so the inner layers learn the residual y - x.

    ``shortcut`` is a layer for the other path where shapes change (y = shortcut(x) + inner(x)).
    He, Zhang, Ren and Sun, *CVPR*, 2016.
    """

    def __init__(self, *layers, shortcut=None):
        self.inner = Sequential(*layers)
        self.shortcut = Activation(identity) if shortcut is None else shortcut

    def forward(self, x):
        straight, y = self.shortcut.forward(x), self.inner.forward(x)
        if straight.shape != y.shape:
            raise ValueError(f"Residual expects both paths of one shape, got {straight.shape} and {y.shape}")
        return straight + y

    def backward(self, dy, input_grad=True):
        inner, straight = self.inner.backward(dy, input_grad), self.shortcut.backward(dy, input_grad)
        return inner + straight if input_grad else None


@operation
def flatten(x):
    """Each sample as one row: (N, ...) -> (N, D)."""
    if x.ndim < 1:
        raise ValueError(f"flatten expects (N, ...), got {x.shape}")
    return x.reshape(len(x), int(np.prod(x.shape[1:]))), lambda dy: (dy.reshape(x.shape),)


class Flatten(Layer):
    """Each sample as one row: (N, ...) -> (N, D)."""

    def forward(self, x):
        return self.record(flatten, x)


@operation(integers=("indices",))
def embedding(indices, W):
    """Row W[i] for each index i: indices of any shape, integers 0 .. V - 1, W (V, D) -> indices.shape + (D,)."""
    checks.indices("embedding", "indices", indices, len(W))

    def pullback(dy):
        dW = np.zeros_like(W)
        np.add.at(dW, indices, dy)              # an index met twice gets both gradients
        return None, dW
    return W[indices], pullback


class Embedding(Layer):
    """A learned vector for each symbol: indices 0 .. num_embeddings - 1 of any shape -> indices.shape + (embedding_dim,).

    ``W`` (num_embeddings, embedding_dim) starts with standard normal numbers, as in PyTorch.
    Raises ``TypeError`` for indices that are no integers, ``ValueError`` for others than 0 .. num_embeddings - 1.
    """

    def __init__(self, num_embeddings, embedding_dim, *, rng=None, dtype=np.float64):
        checks.count("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        rng = checks.generator("Embedding", rng)
        self.W = Parameter(rng.standard_normal((num_embeddings, embedding_dim)).astype(dtype), "W")

    def forward(self, x):
        return self.record(embedding, x, self.W)

    def extra_repr(self):
        return f"num_embeddings={self.num_embeddings}, embedding_dim={self.embedding_dim}"
