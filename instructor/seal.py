"""Checks without solutions: inputs, expected results and the results of the plausible mistakes, as data.

A student's copy carries these instead of the registry, with the code that compares them: ``check`` then gives
the same verdicts and hints, and there is no solution to read. Where the answer is a number, its hash is compared.
"""

import base64
import inspect
import json
import re
import textwrap
import zlib
from pathlib import Path

import numpy as np

import nnlib.exercises
from nnlib.exercises.judge import Case, Key, fingerprint
from nnlib.exercises.outcome import Outcome
from nnlib.exercises.plain import decode, encode

PACKAGE = Path(nnlib.exercises.__file__).parent


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
    hidden = key.value and key.adapter is None  # the result is the solution

    def sealed(arrays):
        return tuple(map(fingerprint, arrays)) if hidden else arrays
    with np.errstate(all="ignore"):
        mistakes = [(hint, [tuple(outcome._replace(arrays=sealed(outcome.arrays))) for outcome in outcomes])
                    for hint, outcomes in key.mistakes()]
    return encode({
        "name": key.name, "value": key.value, "adapter": adapter_source(exercise), "hidden": hidden,
        "rtol": key.rtol, "atol": key.atol, "keep_dtype": key.keep_dtype, "mistakes": mistakes,
        "cases": [tuple(case) for case in key.cases], "expected": list(map(sealed, key.expected))})


def key_from_json(tree):
    """The :class:`~nnlib.exercises.judge.Key` that ``key_to_json`` wrote."""
    data = decode(tree)
    scope = {"np": np}
    exec(data.pop("adapter"), scope)
    cases = [Case(*case) for case in data.pop("cases")]
    mistakes = [(hint, [Outcome(*outcome) for outcome in given]) for hint, given in data.pop("mistakes")]
    return Key(**data, cases=cases, adapter=scope.get("adapter"), mistakes=lambda: mistakes)


def module_source(exercises, seed):
    """Source of a module that defines ``check`` for exercises, needs NumPy only and holds no solution."""
    keys = {exercise.name: key_to_json(exercise, np.random.default_rng(seed)) for exercise in exercises}
    modules = [(PACKAGE / f"{name}.py").read_text(encoding="utf-8") for name in ("plain", "outcome", "judge")]
    code = re.sub(r"^from nnlib\.exercises.*\n", "", "\n\n".join(modules), flags=re.MULTILINE)
    return "\n\n".join([
        "import json",
        code,
        inspect.getsource(key_from_json),
        f"_KEYS = {json.dumps(keys, separators=(',', ':'))!r}",
        "def check(answer, name=None):\n"
        '    """Say what is right and what is wrong with an answer, with a hint. Prints; never raises."""\n'
        "    keys = {key: lambda tree=tree: key_from_json(tree) for key, tree in json.loads(_KEYS).items()}\n"
        "    check_against(keys, answer, name)\n",
    ])


def packed_source(exercises, seed):
    """Short code that makes the module, under the name ``_checks``."""
    packed = base64.b85encode(zlib.compress(module_source(exercises, seed).encode(), 9)).decode()
    return ("import base64, types, zlib\n"
            "_checks = types.ModuleType('checks')\n"
            f"exec(zlib.decompress(base64.b85decode({packed!r})), _checks.__dict__)")


def cell_source(exercises, seed):
    """A notebook cell that defines ``check``."""
    return ("# Run this cell first. It defines check(), which needs no network and holds no solutions.\n"
            f"{packed_source(exercises, seed)}\n"
            "check = _checks.check")
