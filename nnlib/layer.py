"""What all layers share: parameters with their gradients, and the pass forward and back (chapter 4).

A layer is an operation with parameters. Like an operation it gives a value and a pullback, ``y, pullback =
layer.vjp(x)``. Calling it keeps the pullback, and ``backward`` calls that, once::

    y = model(x)                        # y, model._pullback = model.vjp(x)
    model.backward(dy)                  # model._pullback(dy) adds to p.grad of every parameter p, and returns dx

All that a pullback needs it has with it. So layers share no state, a layer used twice gets the sum of both
gradients, and a model can be copied, pickled or asked for other values at any time. (It has the arrays themselves: do not
change x or y in place before ``backward``.) A model has one mode and one last call: it is for one thread at a time. How to
write one::

    class Dense(Layer):
        def __init__(self, in_features, out_features, *, rng=None):
            self.W = Parameter(xavier_uniform((in_features, out_features), rng), "W")
            self.b = Parameter(zeros(out_features), "b")

        def vjp(self, x):                                       # an operation with these parameters
            return self.apply(dense, x, self.W, self.b)

    class Twice(Layer):
        def __init__(self, inner):
            self.inner = inner                                  # parts: layers, or lists of them

        def vjp(self, x):                                       # parts: compose their pullbacks
            y, first = self.inner.vjp(x)
            z, second = self.inner.vjp(y)

            def pullback(dz, input_grad=True):
                return first(second(dz), input_grad)
            return z, pullback

The modes (``train``, ``eval``) change what dropout and batch norm do and nothing else: gradients can be had in both.
"""

import contextlib
import copy
import functools
import gc
import inspect
import numbers
import reprlib
import types
from collections import abc

import numpy as np

from nnlib import checks

UNKEPT, NAMELESS = (types.GeneratorType, map, filter, zip, abc.MappingView), (abc.Set, abc.Mapping, np.flatiter)


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

    __array_ufunc__ = None                      # X @ p is refused, not done with an array of one object

    def __array__(self, *_, **__):
        raise TypeError(f"NumPy expects arrays, got Parameter {self.name}: take its value, {self.name}.value")

    def _fitting(self, new):
        new = checks.numeric("Parameter", self.name, new)
        if new.shape != self._value.shape:
            raise ValueError(f"Parameter {self.name} expects {self._value.shape}, got {new.shape}")
        return new

    def __repr__(self):
        return f"Parameter({self.name}, shape={self.value.shape}, dtype={self.value.dtype})"


class Layer:
    """Base of all layers.

    A subclass sets its parameters and parts (other layers) as attributes, also in lists and dictionaries, and writes
    ``vjp``, most simply as ``return self.apply(operation, x, *parameters, **options)``.

    Raises
    ------
    TypeError
        If the input does not hold real numbers.
    ValueError
        If the input holds NaN, or ``backward`` was called without a forward pass.
    """

    training = True
    context = ()                                # options of vjp, as "mask", that a container hands on to who takes them
    _pullback = None                            # of the last call, until backward takes it

    def __init_subclass__(cls):
        if "__slots__" in vars(cls):            # which no file and no copy would have
            raise TypeError(f"{cls.__name__} expects parameters and parts as plain attributes, got __slots__")
        if "forward" in vars(cls):              # it would be passed over without a word
            raise TypeError(f"{cls.__name__} expects its calculation in vjp, which gives value and pullback, not in forward")
        cls._refuse_shared()

    @classmethod
    def _refuse_shared(cls):
        """Refuse parameters and parts of the class, which would be those of all instances."""
        for name, _ in members_in(vars(cls)):
            raise TypeError(f"{cls.__name__} expects parameters and parts set in __init__, got {name} for all its instances")

    def __setattr__(self, name, value):
        own = vars(Layer).get(name)             # a method gives way to a function alone, such as one that looks on
        if own is not None and (callable(own) and not inspect.isroutine(value) or isinstance(value, (Parameter, Layer))):
            raise TypeError(f"{type(self).__name__} expects {name} as in Layer, got {type(value).__name__}: give it another name")
        if isinstance(vars(self).get(name), Parameter) and not (value is None or isinstance(value, (Parameter, Layer))):
            raise TypeError(f"{type(self).__name__} expects {name} as a Parameter, got {type(value).__name__}: "
                            f"assign to {name}.value")
        super().__setattr__(name, value)

    def __call__(self, x, **options):
        """The output for input ``x``, after a check for NaN; keeps the pullback for ``backward``."""
        x = checks.no_nan(type(self).__name__, "x", x)
        self._pullback = None                   # lets go of what the last call kept, before there is more
        y, self._pullback = checks.pair(self, self.vjp(x, **options))
        return y

    def forward(self, x, **options):
        """The output alone: no pullback is kept, and that of a call stays. States and running statistics move on as in a
        call (``predict`` leaves them). NaN passes."""
        return checks.pair(self, self.vjp(x, **options))[0]

    def vjp(self, x):
        """The output for input ``x`` and the pullback: ``pullback(dy, input_grad=True)`` adds to ``grad`` of all
        parameters and returns dx, or with ``input_grad=False`` None, where that saves work."""
        raise NotImplementedError(f"{type(self).__name__} has no vjp")

    def apply(self, op, x, *parameters, **options):
        """The value of an operation on ``x`` and parameters of this layer, and its pullback.

        One of the parameters may be None. Where the operation takes further arrays, as the first state of a
        recurrent network, the pullback returns their gradients behind dx.
        """
        try:
            values = [None if p is None else p._value for p in parameters]
        except AttributeError:
            got = next(p for p in parameters if not (p is None or isinstance(p, Parameter)))
            raise TypeError(f"{type(self).__name__} expects parameters behind x in apply, got {type(got).__name__}") from None
        y, pullback = op.vjp_in(type(self).__name__, len(values), x, *values, **options)

        def add(dy, input_grad=True):
            dx, *gradients = pullback(dy, input_grad)
            met = {id(dy), id(dx)}
            for parameter, gradient in zip(parameters, gradients):
                if parameter is not None:
                    # an array that is a view, the caller's, or met twice has other holders
                    parameter.add_grad(gradient, copy=gradient.base is not None or id(gradient) in met)
                    met.add(id(gradient))
            more = gradients[len(parameters):]
            return (dx, *more) if more else dx
        return y, add

    def backward(self, dy, input_grad=True, **options):
        """Carry dy, the gradient with respect to the output, back: add to every ``grad``, and return dx.

        ``input_grad=False`` says that nobody needs dx, so that a layer may leave out that work.
        """
        pullback, self._pullback = self._pullback, None
        if pullback is None:
            raise ValueError(f"{type(self).__name__}.backward expects a forward pass for each call, got none")
        return pullback(dy, input_grad, **options)

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name != "_pullback"}

    def hand_on(self, layers, context):
        """For each of its parts what that takes of the context of a call. ``TypeError`` for what none of them takes."""
        for name, value in context.items():
            if value is not None and name not in self.context:
                raise TypeError(f"{type(self).__name__} expects no {name}, which it hands on to none of its layers, "
                                f"got {type(value).__name__}")
        return [context and {name: context[name] for name in layer.context if name in context} for layer in layers]

    def members(self):
        """(name, thing) of each parameter and part that this layer holds, also in lists, dictionaries and other objects."""
        return members_in(vars(self))

    def children(self):
        """(name, layer) of each part."""
        return ((name, thing) for name, thing in self.members() if isinstance(thing, Layer))

    def _inside(self, kind):
        """Dictionary from path to all of one kind, Layer or Parameter, in this layer, each once."""
        found, seen = {}, set()

        def visit(path, thing):
            if id(thing) not in seen:
                seen.add(id(thing))
                _add(found, path, thing)
                if isinstance(thing, Layer):
                    thing._refuse_shared()      # a container of the class may have been filled since
                    for name, inner in thing.members():
                        visit(f"{path}.{name}" if path else name, inner)
        visit("", self)
        return {path: thing for path, thing in found.items() if isinstance(thing, kind)}

    def named_layers(self):
        """Dictionary from path to layer, each once: itself as ``""``, then its parts, as ``"2.inner.0"``."""
        return self._inside(Layer)

    def layers_inside(self):
        """This layer and all layers in it, each once."""
        return list(self._inside(Layer).values())

    def named_parameters(self):
        """Dictionary from path to parameter, as ``"2.inner.0.W"``, each once."""
        return self._inside(Parameter)

    def parameters(self):
        """List of all parameters in this layer, each once."""
        return list(self._inside(Parameter).values())

    def named_arrays(self):
        """Dictionary from path to the array of each parameter and buffer: all that the layer has learned."""
        arrays = {path: p.value for path, p in self.named_parameters().items()}
        for path, layer in self.named_layers().items():
            for name, buffer in layer.buffers().items():
                _add(arrays, f"{path}.{name}" if path else name, buffer)
        return arrays

    def buffers(self):
        """Dictionary of this layer's arrays (not its parts') that are saved with the weights but not learned.

        They are the arrays in use: loading writes into them.
        """
        return {}

    def train(self, training=True):
        """Switch to training mode; returns the layer."""
        for layer in self.layers_inside():
            layer.training = training
        return self

    def eval(self):
        """Switch to evaluation mode; returns the layer."""
        return self.train(False)

    @contextlib.contextmanager
    def in_mode(self, training):
        """``with model.in_mode(training=False):`` the model is in that mode, and after it each layer in its own again."""
        before = [(layer, layer.training) for layer in self.layers_inside()]
        try:
            yield self.train(training)
        finally:
            for layer, mode in before:
                layer.training = mode

    def zero_grad(self):
        """Set all gradients to zero."""
        for p in self.parameters():
            p.zero_grad()

    def summary(self, x, **options):
        """Print each layer with its output shape and number of parameters, for a call with an example batch x (N, ...)."""
        rows, counted = [("layer", "output shape", "parameters")], set()
        model = copy.deepcopy(self).eval()      # whose states and running statistics nobody will miss

        def traced(path, layer, vjp):
            def run(x, **options):
                y, pullback = vjp(x, **options)
                own = [p for _, p in layer.members() if isinstance(p, Parameter)]
                if own or not any(layer.children()):
                    size = sum(p.value.size for p in own if p not in counted)
                    shape = checks.worded(("N", *y.shape[1:]), {})
                    rows.append((f"{path} {type(layer).__name__}".strip(), shape, f"{size:,}"))
                    counted.update(own)
                return y, pullback
            return run
        for path, layer in model.named_layers().items():
            layer.vjp = traced(path, layer, layer.vjp)
        model.forward(x, **options)
        rows.append(("total", "", f"{sum(p.value.size for p in self.parameters()):,}"))
        first, second, third = (max(map(len, column)) for column in zip(*rows))
        for name, shape, size in rows:
            print(f"{name:<{first}}   {shape:<{second}}   {size:>{third}}")

    def extra_repr(self):
        """What the printed name shows in its brackets: of the arguments of its making, the settings that it has kept."""
        kept = {**vars(self), **(options if isinstance(options := vars(self).get("options"), dict) else {})}
        return ", ".join(
            f"{p.name}={kept[p.name]!r}" for p in inspect.signature(type(self)).parameters.values()
            if p.name in kept and p.kind != p.VAR_POSITIONAL and not isinstance(kept[p.name], (Layer, np.random.Generator)))

    @reprlib.recursive_repr()
    def __repr__(self):
        parts = [f"  ({name}): " + repr(part).replace("\n", "\n  ") for name, part in self.children()]
        inside = self.extra_repr() + ("\n" + "\n".join(parts) + "\n" if parts else "")
        return f"{type(self).__name__}({inside})"


def members_in(things, path="", seen=None):
    """(path, thing) of all parameters and layers in a dictionary, and in its lists, tuples, dictionaries and objects.

    Refused is what gives no name that stays, such as a set or a generator. ``seen`` are those looked into before.
    """
    seen, todo = {} if seen is None else seen, [(path, iter(things.items()))]
    while todo:                                 # not by recursion: a list can be nested, a graph be long
        path, within = todo[-1]
        for name, thing in within:
            if isinstance(thing, (Parameter, Layer)):
                yield f"{path}{name}", thing
            elif id(thing) not in seen and not isinstance(thing, (str, bytes, numbers.Number)):
                seen[id(thing)] = thing
                nameless = thing.flat if isinstance(thing, np.ndarray) and thing.dtype == object else thing
                drawn = gc.get_referents(thing) if isinstance(thing, abc.Iterator) and not hasattr(thing, "__dict__") else ()
                if isinstance(thing, UNKEPT) or drawn and any(members_in(dict(enumerate(drawn)), f"{path}{name}.", seen)) or (
                        isinstance(nameless, NAMELESS) and any(isinstance(x, (Parameter, Layer)) for x in nameless)):
                    raise TypeError("Layer expects parameters and layers in lists, or in dictionaries as values, "
                                    f"got a {type(thing).__name__} as {path}{name}")
                todo.append((f"{path}{name}.", iter(_held(thing).items())))
                break
        else:
            todo.pop()


def _held(thing):
    """Dictionary of what a container, a partial function, a method or an object of one's own holds."""
    if isinstance(thing, abc.Mapping):
        return thing
    if isinstance(thing, (abc.MutableSequence, tuple)):
        return dict(enumerate(thing))
    if isinstance(thing, functools.partial):
        return {"func": thing.func, "args": thing.args, **thing.keywords}
    if isinstance(thing, types.MethodType):
        return {"__self__": thing.__self__}
    if isinstance(thing, (type, types.ModuleType, types.FunctionType)):
        return {}
    state = object.__getstate__(thing) if hasattr(thing, "__slots__") else getattr(thing, "__dict__", {})
    return {**(state[0] or {}), **state[1]} if isinstance(state, tuple) else state or {}


def _add(found, path, thing):
    if path in found:
        raise ValueError(f"Layer expects a name of its own for each parameter, part and buffer, got {path!r} twice")
    found[path] = thing
