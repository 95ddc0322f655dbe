"""Sphinx extension: exercises that are answered in the page.

Pages get one small script. All else, the editor, Python and its packages, stands beside it under names that change with
the content, so that a browser may keep them for ever, and is loaded on a reader's first click. From a disk a page can
load scripts but cannot fetch; so what is fetched stands there once more, as scripts.
"""

import ast
import base64
import contextlib
import gzip
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import ReferenceRole

from book import cover
from book.notebook import chapter_paths, read
from book.python import DIST, GUEST, begin, host, playground

HERE = Path(__file__).parent
PIECE = 1 << 20  # bytes of a file in one script
PLAYGROUND = "appendix/playground"
LEFT_OUT = ("explore", "plots")  # parts of nnlib that need matplotlib
ZIP_NAMES = "encodings/cp437.pyc"  # how names in an .npz are written
STAND_INS = {  # for what is imported and, without tests and without TeX, not used
    "full/pyparsing/testing.py": b"pyparsing_test = None\n", "full/fontTools/__init__.py": b"", "full/fontTools/agl.py": b"",
    "full/tqdm/auto.py": b"from tqdm import tqdm, trange\ntqdm.monitor_interval = 0\n",  # the real one imports asyncio
}  # fmt: skip
SUFFIXES = (".py", ".json", ".csv", ".npz", ".txt", ".mplstyle", ".css", ".js")
COMPILE = """
import importlib.util, marshal
path = {path!r}
code = compile(open(path, "rb").read(), path, "exec", dont_inherit=True)
print(importlib.util.cache_from_source(path))
print((importlib.util.MAGIC_NUMBER + b"\\1" + bytes(11) + marshal.dumps(code)).hex())
"""


def imports(notebook):
    """What a chapter imports and this Python has, as source: its exercises take that for granted."""
    found = {}
    for cell in notebook.cells:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else ():
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                outer = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                node.names = [alias for alias in node.names if is_there(outer + alias.name)]
                if node.names:
                    found[ast.unparse(node)] = True
    return "\n".join(found)


def is_there(name):
    root, _, rest = name.partition(".")
    if root == "nnlib":
        return rest.split(".")[0] not in LEFT_OUT
    return root == "numpy" or root in sys.stdlib_module_names


def archive(files):
    """``{path: bytes}`` as a tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for name, data in files.items():
            if len(name) > 100:
                raise ValueError(f"expected a path of at most 100 letters, got {name}")
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def compiled(files):
    """``files``, and of each that is Python its bytecode (PEP 552, unchecked): half of a start went into compiling nnlib.

    The small Python makes it, since bytecode belongs to one version.
    """
    with contextlib.closing(host.Python(files)) as python:
        made = dict(files)
        for name in files:
            if name.endswith(".py"):
                status, said = python.run(COMPILE.format(path=f"/{name}"), host.START)
                if status:
                    raise ValueError(f"{name} cannot be compiled: {said}")
                path, code = said.split()
                made[path[1:]] = bytes.fromhex(code)
    return made


def nnlib_files(root, parts):
    """The files of nnlib that Python reads, as ``{path: bytes}``; ``parts`` says which of its parts."""
    return {
        f"book/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted((root / "nnlib").rglob("*"))
        if path.suffix in SUFFIXES and parts(path.relative_to(root).parts[1]) and "__pycache__" not in path.parts
    }


def plots(root):
    """What stands beside the full module: matplotlib and what it needs, and the parts of nnlib that draw."""
    files = {}
    with rest() as members:
        for name in members.namelist():
            files["full/" + name.replace("mpl-data/", "matplotlib/mpl-data/", 1)] = members.read(name)
    for name in STAND_INS:
        files.pop(f"{name}c", None)
    files |= STAND_INS
    files["full/matplotlib/mpl-data/matplotlibrc"] += b"\nfont.enable_last_resort: False\n"  # this font is not there
    ours = nnlib_files(root, lambda part: part in LEFT_OUT or part.endswith(".mplstyle"))
    ours["book/figures.py"] = GUEST.with_name("figures.py").read_bytes()
    return archive(files | compiled(ours))


def rest():
    """What of its own library the module ``core`` does not bring."""
    return zipfile.ZipFile(io.BytesIO(gzip.decompress((DIST / "full.zip.gz").read_bytes())))


def in_book(root, nnlib=True):
    """What Python finds in ``/book``, as ``{path: bytes}``: nnlib without what draws, and the guest."""
    files = {"book/guest.py": GUEST.read_bytes()}
    if nnlib:
        files[f"book/{ZIP_NAMES}"] = rest().read(ZIP_NAMES)
        files["book/playground.py"] = GUEST.with_name("playground.py").read_bytes()
        files |= nnlib_files(root, lambda part: part not in LEFT_OUT and not part.endswith(".mplstyle"))
    return files


def book(root, nnlib=True):
    """The same with its bytecode, as a tar file."""
    return archive(compiled(in_book(root, nnlib)))


def write(folder, root, nnlib=True):
    """Write all that a page may load to ``folder``; what ``page.js`` must know of it.

    Without ``nnlib`` that is what exercises with checks of their own need.
    """
    made = {name: (HERE / "page" / "bundled" / f"{name}.js").read_bytes() for name in ("editor", "worker")}
    made["python"] = (HERE / "page" / "python.js").read_bytes()
    packed = {"book.tar": gzip.compress(book(root, nnlib), mtime=0)}
    packed |= {name: (DIST / f"{name}.gz").read_bytes() for name in ("core.wasm", "core.zip")}
    if nnlib:
        made["chapter"] = (HERE / "page" / "chapter.js").read_bytes()
        packed |= {"full.wasm": (DIST / "full.wasm.gz").read_bytes(), "plots.tar": gzip.compress(plots(root), mtime=0)}
    folder.mkdir(parents=True, exist_ok=True)
    files = {}

    def put(name, data, suffix):
        hashed = hashlib.sha256(data).hexdigest()[:8]
        file = f"{name.replace('.', f'-{hashed}.', 1) if '.' in name else f'{name}-{hashed}'}{suffix}"
        (folder / file).write_bytes(data)
        files[name] = {"name": file}
        return file

    for name, data in made.items():
        put(name, data, ".js")
    for name, data in packed.items():
        file = put(name, data, ".gz")
        pieces = range(0, len(data), PIECE)
        for k, start in enumerate(pieces):
            text = base64.b64encode(data[start : start + PIECE]).decode()
            (folder / f"{file}.{k}.js").write_text(f'nnPython.piece("{name}",{k},"{text}")', encoding="ascii")
        files[name] |= {"bytes": len(data), "unpacked": int.from_bytes(data[-4:], "little"), "pieces": len(pieces)}
    for name in ("page.css", "playground.css"):
        (folder / name).write_bytes((HERE / "page" / name).read_bytes())
    return files


def prepare(app):
    if app.builder.format != "html":
        return
    static = Path(app.doctreedir).parent / "python-static"
    folder = static / "python"
    for old in folder.glob("*"):
        old.unlink()
    root = Path(app.srcdir)
    chapters = {f"chapters/{path.stem}": path for path in chapter_paths(root)}
    known = {
        "files": write(folder, root),
        "begin": {module: begin(module) for module in ("core", "full")},
        "imports": {name: imports(read(path)) for name, path in chapters.items()},
        "exercises": {name: cover.tried(path)[0] for name, path in chapters.items()},
    }
    script = (HERE / "page" / "page.js").read_text(encoding="utf-8")
    text = f"window.nnPython = {json.dumps(known, separators=(',', ':'))};\n{script}"
    (folder / "page.js").write_text(text, encoding="utf-8")
    known = {"options": playground.OPTIONS, "losses": {"classes": playground.CLASSES, "number": playground.NUMBER},
             "window": playground.WINDOW, "cells": playground.CELLS}  # fmt: skip
    script = (HERE / "page" / "playground.js").read_text(encoding="utf-8")
    (folder / "playground.js").write_text(f"nnPython.playground = {json.dumps(known)};\n{script}", encoding="utf-8")
    app.config.html_static_path.append(str(static))
    app.add_css_file("python/page.css")
    app.add_js_file("python/page.js", defer="defer")


def add_playground(app, pagename, templatename, context, doctree):
    if pagename == PLAYGROUND:
        app.add_css_file("python/playground.css")
        app.add_js_file("python/playground.js", defer="defer")


class Play(ReferenceRole):
    """``{play}`words <data=xor&layers=2>``` links to that set-up of the playground."""

    def run(self):
        here = self.env.docname == PLAYGROUND
        page = "" if here else self.env.app.builder.get_relative_uri(self.env.docname, PLAYGROUND)
        return [nodes.reference(self.rawtext, self.title, refuri=f"{page}#{self.target}", internal=True)], []


def setup(app):
    app.connect("builder-inited", prepare)
    app.connect("html-page-context", add_playground)
    app.add_role("play", Play())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
