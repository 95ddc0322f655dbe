"""Arrays, numbers and text as JSON, and back: what crosses between processes and files, never a pickle."""

import base64

import numpy as np


def encode(value):
    """A JSON tree for arrays, numbers, strings, None, and lists, tuples and string-keyed dicts of these."""
    if isinstance(value, (np.ndarray, np.generic)):
        array = np.ascontiguousarray(value)
        data = base64.b64encode(array.tobytes()).decode()
        return {"array": data, "dtype": array.dtype.str, "shape": list(np.shape(value))}
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, dict):
        return {"dict": {key: encode(item) for key, item in value.items()}}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"expected arrays, numbers, strings, None or lists of these, got {type(value).__name__}")


def decode(tree):
    """The value of a JSON tree that ``encode`` made; ValueError for any other tree, whoever wrote it."""
    if isinstance(tree, list):
        return [decode(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    try:
        if tree.keys() == {"tuple"}:
            return tuple(map(decode, tree["tuple"]))
        if tree.keys() == {"dict"}:
            return {key: decode(item) for key, item in tree["dict"].items()}
        dtype = np.dtype(str(tree["dtype"]))
        if dtype.kind not in "biufU" or dtype.kind != "U" and dtype.itemsize > 8:
            raise ValueError(f"dtype {dtype} is not a plain number or text")
        flat = np.frombuffer(base64.b64decode(tree["array"]), dtype)
        return flat.reshape([int(n) for n in tree["shape"]]).copy()
    except (AttributeError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a plain value: {type(error).__name__}") from None
