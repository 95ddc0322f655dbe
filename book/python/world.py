"""What a WebAssembly Python sees of a world: some files to read, a stream to print to, a clock and chance.

The functions of WASI preview 1 that Python calls, over files that are held in memory. Nothing here depends on the machine:
the clock follows the work, sleeping takes no time, chance has a seed. Each call costs fuel, about what it takes of time, so
that a program cannot pass the time outside. What is not here, as sockets, is refused.
"""

import hashlib
import posixpath
import struct

OUTPUT = 1 << 20  # bytes that are kept of what is printed between two runs
RECORDS = 9  # a descriptor that is no file: what is written to it is kept apart from what is printed
CALL = 150_000  # fuel of a call: so that a program that only calls takes no longer than one that only counts
CLOCK = 1_767_225_600 * 10**9  # nanoseconds at which every world begins: the year 2026
ROOT = 3  # the descriptor of /
BAD_DESCRIPTOR, INVALID, IS_FOLDER, NOT_THERE, NO_FOLDER, NOT_SUPPORTED, READ_ONLY = 8, 28, 31, 44, 54, 58, 69
UNKNOWN, FOLDER, FILE = 0, 3, 4  # kinds of files
CREATE, MUST_BE_FOLDER, EMPTY = 1, 2, 8  # flags of path_open
CHANGES = 1 << 6 | 1 << 8  # rights to write and to set the size
NATIVE = {"args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "proc_exit"}


class World:
    """The outside of one interpreter; ``attach`` gives it the interpreter's memory and fuel."""

    def __init__(self, files):
        self.files = {posixpath.normpath(path): bytes(content) for path, content in files.items()}
        wrong = [path for path in self.files if path.startswith(("/", ".."))]
        if wrong:
            raise ValueError(f"expected a path below the root, got {wrong[0]!r}")
        self.folders = {".": {}}
        for path in self.files:
            while path != ".":
                folder, name = posixpath.split(path)
                path = folder or "."
                self.folders.setdefault(path, {})[name] = None
        self.open, self.slept, self.drawn = {}, 0, 0
        self.printed, self.records = bytearray(), bytearray()

    def copy(self):
        """The same world for an interpreter that goes on from here."""
        other = World.__new__(World)
        other.__dict__.update(self.__dict__, open=dict(self.open), printed=bytearray(), records=bytearray())
        return other

    def attach(self, memory, fuel, now):
        """``memory.read(start, stop)`` and ``.write(data, start)``; ``fuel(n)`` takes fuel; ``now()`` is the work done."""
        self.memory, self.fuel, self.now = memory, fuel, now

    def function(self, name):
        """The function that WASI calls ``name``; None where the runtime's own has nothing to hide."""
        if name in NATIVE:
            return None
        known = getattr(self, f"_{name}", None)

        def call(*arguments):
            self.fuel(CALL)
            return known(*arguments) if known else READ_ONLY if name.startswith("path_") else NOT_SUPPORTED
        return call

    def _put(self, form, place, *values):
        self.memory.write(struct.pack(form, *values), place)
        return 0

    def _path(self, place, size):
        if size > 4096:
            return "?"
        return posixpath.normpath(self.memory.read(place, place + size).decode("utf-8", "surrogateescape").lstrip("/") or ".")

    def _kind(self, path):
        return FOLDER if path in self.folders else FILE if path in self.files else None

    def _fd_prestat_get(self, descriptor, place):
        return self._put("<II", place, 0, 1) if descriptor == ROOT else BAD_DESCRIPTOR

    def _fd_prestat_dir_name(self, descriptor, place, size):
        return self._put("1s", place, b"/") if descriptor == ROOT and size else BAD_DESCRIPTOR

    def _path_open(self, descriptor, _, place, size, flags, rights, __, ___, result):
        path = self._path(place, size)
        kind = self._kind(path)
        if flags & (CREATE | EMPTY) or kind == FILE and rights & CHANGES and not rights & 2:
            return READ_ONLY
        if kind is None:
            return NOT_THERE
        if flags & MUST_BE_FOLDER and kind == FILE:
            return NO_FOLDER
        if len(self.open) > 200:
            return 33  # too many open files
        number = next(number for number in range(RECORDS + 1, 999) if number not in self.open)
        self.open[number] = (path, 0)
        return self._put("<I", result, number)

    def _fd_close(self, descriptor):
        return 0 if self.open.pop(descriptor, None) else BAD_DESCRIPTOR

    def _fd_advise(self, *_):
        return 0

    def _fd_fdstat_set_flags(self, *_):
        return 0

    def _fd_fdstat_get(self, descriptor, place):
        if descriptor in self.open or descriptor == ROOT:
            kind = self._kind(self.open.get(descriptor, (".",))[0])
        elif descriptor in (0, 1, 2, RECORDS):
            kind = UNKNOWN
        else:
            return BAD_DESCRIPTOR
        return self._put("<BxHxxxxQQ", place, kind, 0, (1 << 29) - 1, (1 << 29) - 1)

    def _state(self, path, place):
        kind = self._kind(path)
        if kind is None:
            return NOT_THERE
        number = int.from_bytes(hashlib.md5(path.encode("utf-8", "surrogateescape")).digest()[:7], "big")
        size = len(self.files.get(path, b""))
        return self._put("<QQBxxxxxxxQQQQQ", place, 1, number, kind, 1, size, CLOCK, CLOCK, CLOCK)

    def _fd_filestat_get(self, descriptor, place):
        if descriptor in self.open or descriptor == ROOT:
            return self._state(self.open.get(descriptor, (".",))[0], place)
        if descriptor in (0, 1, 2, RECORDS):
            return self._put("<QQBxxxxxxxQQQQQ", place, 2, descriptor, UNKNOWN, 1, 0, CLOCK, CLOCK, CLOCK)
        return BAD_DESCRIPTOR

    def _path_filestat_get(self, descriptor, _, place, size, result):
        return self._state(self._path(place, size), result)

    def _path_readlink(self, *_):
        return INVALID

    def _parts(self, parts, count):
        return list(struct.iter_unpack("<II", self.memory.read(parts, parts + 8 * count))) if count <= 1024 else []

    def _read(self, parts, count, content, at):
        done = 0
        for place, size in self._parts(parts, count):
            part = content[at + done : at + done + size]
            self.fuel(len(part))
            self.memory.write(part, place)
            done += len(part)
        return done

    def _fd_read(self, descriptor, parts, count, result):
        if descriptor == 0:
            return self._put("<I", result, 0)
        if descriptor not in self.open:
            return BAD_DESCRIPTOR
        path, at = self.open[descriptor]
        if path in self.folders:
            return IS_FOLDER
        done = self._read(parts, count, self.files[path], at)
        self.open[descriptor] = (path, at + done)
        return self._put("<I", result, done)

    def _fd_pread(self, descriptor, parts, count, at, result):
        path = self.open.get(descriptor, ("?",))[0]
        if path not in self.files:
            return BAD_DESCRIPTOR
        return self._put("<I", result, self._read(parts, count, self.files[path], at & (1 << 62) - 1))

    def _fd_seek(self, descriptor, offset, whence, result):
        if descriptor not in self.open:
            return BAD_DESCRIPTOR
        path, at = self.open[descriptor]
        at = offset + (0, at, len(self.files.get(path, b"")))[whence % 3]
        if not 0 <= at < 1 << 62:
            return INVALID
        self.open[descriptor] = (path, at)
        return self._put("<Q", result, at)

    def _fd_tell(self, descriptor, result):
        return self._fd_seek(descriptor, 0, 1, result)

    def _fd_readdir(self, descriptor, place, size, cookie, result):
        path = self.open.get(descriptor, ("?",))[0]
        if path not in self.folders:
            return BAD_DESCRIPTOR
        names, out = sorted(self.folders[path]), b""
        for number in range(max(cookie, 0), len(names)):
            name = names[number].encode()
            kind = self._kind(posixpath.normpath(posixpath.join(path, names[number])))
            out += struct.pack("<QQIBxxx", number + 1, number + 1, len(name), kind) + name
            if len(out) >= size:
                break
        out = out[: size & (1 << 20) - 1]
        self.memory.write(out, place)
        return self._put("<I", result, len(out))

    def _fd_write(self, descriptor, parts, count, result):
        stream = {1: self.printed, 2: self.printed, RECORDS: self.records}.get(descriptor)
        if stream is None:
            return BAD_DESCRIPTOR
        limit, total = OUTPUT if descriptor != RECORDS else 16 * OUTPUT, 0
        for place, size in self._parts(parts, count):
            keep = min(size, max(limit - len(stream), 0))
            self.fuel(size)
            stream += self.memory.read(place, place + keep)
            total += size
        return self._put("<I", result, total)

    def _clock_time_get(self, _, __, result):
        return self._put("<Q", result, CLOCK + self.slept + self.now())

    def _clock_res_get(self, _, result):
        return self._put("<Q", result, 1)

    def _sched_yield(self):
        return 0

    def _poll_oneoff(self, asked, events, count, result):
        if not 0 < count <= 64:
            return INVALID
        for k in range(count):
            user, kind, wait, absolute = struct.unpack("<QBxxxxxxxxxxxxxxxQxxxxxxxxHxxxxxx", self.memory.read(asked, asked + 48))
            if kind == 0:
                now = CLOCK + self.slept + self.now()
                self.slept += max(wait - now, 0) if absolute & 1 else wait
            self._put("<QHBxxxxxxxxxxxxxxxxxxxxx", events, user, 0, kind)
            asked, events = asked + 48, events + 32
        return self._put("<I", result, count)

    def _random_get(self, place, size):
        if not 0 <= size <= 1 << 16:
            return INVALID
        self.fuel(8 * size)
        self.drawn += 1
        self.memory.write(hashlib.shake_128(self.drawn.to_bytes(8, "little")).digest(size), place)
        return 0
