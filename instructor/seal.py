"""Checks without solutions: inputs, expected results and the results of the plausible mistakes, as data.

A student's copy carries these instead of the registry, with the package that compares them: ``check`` then gives
the same verdicts and hints, and there is no solution to read. Where the answer is a number, its hash is compared.
"""

import base64
import inspect
import json
import textwrap
import zlib
from pathlib import Path

import numpy as np

from nnlib.exercises import judging
from nnlib.exercises.judging.judge import fingerprint
from nnlib.exercises.judging.plain import encode

PACKAGE = '''"""Checks of the exercises: inputs and expected results, without solutions."""

import json
from pathlib import Path

from nnlib.exercises.judging.sealed import checker

check = checker(json.loads(Path(__file__).with_name("keys.json").read_text(encoding="utf-8")))
'''
UNPACK = """import base64, json, sys, types, zlib
_files, _keys = json.loads(zlib.decompress(base64.b85decode({packed!r})))
for _file, _source in _files.items():
    _name = "judging" if _file == "__init__.py" else "judging." + _file[:-3]
    _module = sys.modules[_name] = types.ModuleType(_name)
    _module.__package__, _module.__path__ = "judging", []
    exec(_source, _module.__dict__)"""


def adapter_source(exercise):
    """The source of an exercise's adapter, as ``adapter``; "" if it has none. It needs ``np`` alone."""
    if exercise.adapter is None:
        return ""
    lines = textwrap.dedent(inspect.getsource(exercise.adapter)).split("\n")
    start = next(k for k, line in enumerate(lines) if line.startswith("def "))
    return "\n".join(["def adapter(" + lines[start].split("(", 1)[1], *lines[start + 1:]])


def key_to_json(exercise, rng):
    """The key of an exercise, for ``key_from_json``; adapters travel as source."""
    key = exercise.key(rng)
    hidden = rng.bytes(8).hex() if key.value and key.adapter is None else ""  # the result is the solution

    def sealed(arrays):
        return tuple(fingerprint(array, hidden) for array in arrays) if hidden else arrays
    with np.errstate(all="ignore"):
        mistakes = [(hint, [tuple(outcome._replace(arrays=sealed(outcome.arrays))) for outcome in outcomes])
                    for hint, outcomes in key.mistakes()]
    return encode({
        "name": key.name, "value": key.value, "adapter": adapter_source(exercise), "hidden": hidden,
        "rtol": key.rtol, "atol": key.atol, "keep_dtype": key.keep_dtype, "mistakes": mistakes,
        "cases": [tuple(case) for case in key.cases], "expected": list(map(sealed, key.expected))})


def keys_json(exercises, seed):
    """The keys of the exercises by name, for ``nnlib.exercises.judging.sealed.checker``."""
    return {exercise.name: key_to_json(exercise, np.random.default_rng(seed)) for exercise in exercises}


def write_package(folder, exercises, seed):
    """Write a package to ``folder`` that defines ``check``, needs NumPy only and holds no solution."""
    for name, source in judging.bundle().items():
        path = Path(folder, "judging", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    Path(folder, "keys.json").write_text(json.dumps(keys_json(exercises, seed), separators=(",", ":")), encoding="utf-8")
    Path(folder, "__init__.py").write_text(PACKAGE, encoding="utf-8")


def packed_source(exercises, seed):
    """Short code that makes the package ``judging`` and its ``_keys`` in memory: a notebook has no folder of its own."""
    content = json.dumps([judging.bundle(), keys_json(exercises, seed)], separators=(",", ":"))
    return UNPACK.format(packed=base64.b85encode(zlib.compress(content.encode(), 9)).decode())


def cell_source(exercises, seed):
    """A notebook cell that defines ``check``."""
    return ("# Run this cell first. It defines check(), which needs no network and holds no solutions.\n"
            f"{packed_source(exercises, seed)}\n"
            "from judging.sealed import checker\n"
            "check = checker(_keys)")
