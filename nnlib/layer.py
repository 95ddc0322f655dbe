"""What all layers share: parameters with their gradients, and the pass forward and back (chapter 4).

A layer's ``forward`` calls an operation and keeps its pullback; ``backward`` calls that pullback and adds to
the gradients of the parameters. All the calculus is in the operations.

``y = model(x)`` starts a new pass, and the layers forget what an earlier one left; ``model.backward(dy)``
carries dy back through it, once. A layer used twice in a pass keeps two pullbacks and takes them back in
reverse order; its gradients are the sum over both uses. Called alone, ``layer.forward(x)`` goes on with the
pass under way. The modes (``train``, ``eval``) change what dropout and batch norm do and nothing else:
gradients can be had in both, and what is kept for them is freed by the next pass.
"""

import numpy as np

from nnlib import checks


class Parameter:
    """A learned array ``value``, its gradient ``grad`` of the same shape (zeros at first) and a ``name``.

    Assigning to ``value`` copies into the array that is there, in its dtype, so that whoever holds that array
    sees the change.

    Raises
    ------
    TypeError
        If a value does not hold real numbers.
    ValueError
        If a new value or gradient has another shape.
    """

    def __init__(self, value, name):
        value = checks.numeric("Parameter", name, value)
        self._value = np.array(value, dtype=value.dtype if value.dtype.kind == "f" else np.float64)
        self._grad = None                       # stands for zeros, and costs nothing
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
        gradient = self._fitting(gradient)
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

    A subclass sets its parameters and parts (other layers, or a list of them) as attributes, and writes
    ``forward(x)``, most simply as ``return self.record(operation, x, *parameters, **options)``. Its
    ``backward`` then follows.

    Raises
    ------
    TypeError
        If the input does not hold real numbers.
    ValueError
        If the input holds NaN, or ``backward`` was called without a forward pass.
    """

    training = True
    _inside = False                             # is a pass under way, in any layer?
    _pass = 0                                   # the number of passes begun
    _recorded_in = None                         # the pass whose pullbacks this layer keeps, the latest last
    _pullbacks = ()

    def __call__(self, x, **options):
        """Start a new pass, after a check for NaN; within another layer's ``forward``, go on with its pass."""
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
        """Carry dy, the gradient with respect to the output, back: add to every ``grad``, and return dx.

        ``input_grad=False`` says that nobody needs dx, so that a layer may leave out that work.
        """
        if not self._pullbacks:
            raise ValueError(f"{type(self).__name__}.backward expects a forward pass for each call, got none")
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
            elif isinstance(part, (list, tuple)):
                yield from ((f"{name}.{i}", p) for i, p in enumerate(part) if isinstance(p, Layer))

    def layers_inside(self):
        """This layer and all layers in it, each once."""
        return list(self.named_layers().values())

    def named_layers(self):
        """Dictionary from path to layer, each once: itself as ``""``, then its parts, as ``"2.inner.0"``."""
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
        """Dictionary from path to parameter, as ``"2.inner.0.W"``, each once."""
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
        """Dictionary of this layer's arrays (not its parts') that are saved with the weights but not learned.

        They are the arrays in use: loading writes into them.
        """
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

    def summary(self, x):
        """Print each layer with its output shape and number of parameters, for an example batch x (N, ...)."""
        rows, counted, layers = [], set(), self.named_layers()
        modes = [(layer, layer.training) for layer in layers.values()]

        def traced(path, layer, forward):
            def run(x, **options):
                y = forward(x, **options)
                own = [p for p in vars(layer).values() if isinstance(p, Parameter)]
                new = {id(p): p.value.size for p in own if id(p) not in counted}
                counted.update(new)
                if own or not any(layer.children()):
                    shape = ", ".join(["N", *map(str, y.shape[1:])]) + ("," if y.ndim == 1 else "")
                    name = f"{path} {type(layer).__name__}".strip()
                    rows.append((name, f"({shape})", f"{sum(new.values()):,}"))
                return y
            return run
        self.eval()                             # running statistics stay as they are
        try:
            for path, layer in layers.items():
                layer.forward = traced(path, layer, layer.forward)
            self(x)
        finally:
            for layer, training in modes:
                layer.training = training
                vars(layer).pop("forward", None)
        total = sum(p.value.size for p in self.parameters())
        rows = [("layer", "output shape", "parameters"), *rows, ("total", "", f"{total:,}")]
        first, second, third = (max(len(row[i]) for row in rows) for i in range(3))
        for row in rows:
            print(f"{row[0]:<{first}}   {row[1]:<{second}}   {row[2]:>{third}}")

    def extra_repr(self):
        """What the printed name shows in its brackets."""
        return ""

    def __repr__(self):
        parts = [f"  ({name}): " + repr(part).replace("\n", "\n  ") for name, part in self.children()]
        inside = self.extra_repr() + ("\n" + "\n".join(parts) + "\n" if parts else "")
        return f"{type(self).__name__}({inside})"
