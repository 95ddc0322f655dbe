"""Sphinx extension: pages with figures of ``explore()`` get its style sheet and script, once each.

Add ``nnlib.explore.sphinx`` to ``extensions``, or to ``sphinx: extra_extensions`` of a Jupyter Book. A link with a
fragment ``#explore=...`` moves a figure; it refers to no heading, and nothing is said about it.
"""

from pathlib import Path

from docutils import nodes
from docutils.transforms import Transform

from .page import css, script

FILES = {"explore.css": css, "explore.js": script}


def add_to_page(app, pagename, templatename, context, doctree):
    if 'class="explore"' in context.get("body", ""):
        app.add_css_file("explore.css")
        app.add_js_file("explore.js", defer="defer")


def write_files(app, exception):
    if exception is None and app.builder.format == "html":
        for name, text in FILES.items():
            Path(app.outdir, "_static", name).write_text(text(), encoding="utf-8")


class LinkWords(Transform):
    """Before MyST looks for headings of that name."""

    default_priority = 800

    def apply(self):
        for link in self.document.findall(nodes.reference):
            if link.get("refuri", "").startswith("#explore="):
                link.attributes.pop("id_link", None)
                link["classes"] = [*link["classes"], "explore-word"]


def setup(app):
    app.add_transform(LinkWords)
    app.connect("html-page-context", add_to_page)
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
