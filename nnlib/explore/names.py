"""A figure keeps the names that its cell saw: a later cell may call something else ``x``, and the figure is moved after that."""

import types


def as_now(value, taken=None):
    """Functions, also in dicts, lists and tuples, whose global names mean from here on what they mean now.

    That goes for the functions that they call, too, where these come from the same module.
    """
    taken = {} if taken is None else taken
    if isinstance(value, types.FunctionType):
        names = value.__globals__
        if id(names) not in taken:
            taken[id(names)] = now = dict(names)
            now.update({name: _with(f, now) for name, f in names.items() if getattr(f, "__globals__", None) is names
                        and isinstance(f, types.FunctionType)})
        return _with(value, taken[id(names)])
    if isinstance(value, dict):
        return {key: as_now(part, taken) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(as_now(part, taken) for part in value)
    return value


def _with(function, names):
    made = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__, made.__qualname__ = function.__kwdefaults__, function.__qualname__
    made.__dict__.update(function.__dict__)
    return made
