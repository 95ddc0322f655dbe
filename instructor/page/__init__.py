"""An assignment as one page: a browser is all that a student needs to answer it and to download the notebook to hand in.

The page is a single file with everything in it, the small Python too, so that it works from a disk, from any server and
from an LMS. What it downloads is the notebook that was handed out, with the answers filled in.
"""

import base64
import html
import json
import tempfile
from pathlib import Path
from string import Template

import nbformat
from latex2mathml.converter import convert
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

from book.notebook import ROOT, read
from book.python import begin, extension
from instructor.assignment import CHECKS, TITLE, table

HERE = Path(__file__).parent
PYTHON = extension.HERE / "page"
PACKED = ("core.wasm", "core.zip", "book.tar")


def write(folder, assignment, student=""):
    """Write the page of an assignment whose notebooks lie in ``folder``; its path.

    Where students have notebooks of their own, ``student`` is one of them. The page holds none of their numbers: it asks for
    the notebook first.
    """
    path = folder / f"{assignment.name}.html"
    path.write_text(page(assignment, read(folder / assignment.file(student))), encoding="utf-8")
    return path


def page(assignment, notebook):
    """The page's HTML, from one of the notebooks that are handed out."""
    files, contents = _files()
    stubs = {cell.id: cell.source for cell in notebook.cells
             if cell.cell_type == "code" and cell.id != CHECKS or cell.metadata.get("question")}
    known = {
        "files": files,
        "begin": {"core": begin()},
        "loaded": True,
        "exercises": {},
        "own": f"nn:{assignment.name}-{assignment.seed('page'):x}:",
        "instead": "Else answer in the notebook, with Jupyter.",
        "notebook": None if notebook.metadata.assignment.student else json.loads(nbformat.writes(notebook)),
        "assignment": {
            "name": assignment.name, "checks": CHECKS, "cells": [cell.id for cell in notebook.cells], "stubs": stubs},
    }
    pieces = [f'nnPython.piece("{name}",0,"{base64.b64encode(contents[name]).decode()}")' for name in PACKED]
    scripts = [contents[name].decode() for name in ("editor", "worker", "python")] + pieces
    scripts += [(PYTHON / "page.js").read_text(encoding="utf-8"), (HERE / "page.js").read_text(encoding="utf-8")]
    return Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(assignment.title),
        table=to_html().render(table(assignment)),
        exercises=exercises(notebook),
        style="\n".join(path.read_text(encoding="utf-8") for path in (PYTHON / "page.css", HERE / "page.css")),
        known=json.dumps(known, separators=(",", ":")).replace("<", r"\u003c"),  # no </script> in it
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def exercises(notebook):
    """The notebook's exercises as HTML, each a section; code cells become what ``page.js`` makes editors of."""
    markdown, made = to_html(), []
    for cell in notebook.cells:
        if cell.id in (TITLE, CHECKS):
            continue
        if cell.cell_type == "code":
            code = html.escape(cell.source)
            made.append(f'<div class="cell" data-cell="{cell.id}"><div class="cell_input"><pre>{code}\n</pre></div></div>')
        elif cell.metadata.get("question"):
            made.append(f'<textarea class="written" rows="8" data-cell="{cell.id}" data-name="{cell.metadata.question}" '
                        'aria-label="Your answer in words"></textarea>')
        else:
            text = markdown.render(cell.source)
            if text.startswith("<h2>"):
                made.append("</section>" * bool(made) + '<section class="exercise">')
                text = text.replace("<h2>", '<h2 class="admonition-title">', 1)
            made.append(text)
    return "\n".join([*made, "</section>"])


def to_html():
    """What renders a notebook's Markdown, formulas as MathML."""
    def math(content, options):
        return convert(content, display="block" if options["display_mode"] else "inline")

    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, double_inline=True, renderer=math)


def _files():
    """What a page of the book may load: its facts, and its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        files = extension.write(Path(folder), ROOT, nnlib=False)
        contents = {name: Path(folder, file["name"]).read_bytes() for name, file in files.items()}
    return {name: file | {"pieces": 1} for name, file in files.items()}, contents
