"""Sphinx extension: pages with figures of ``explore()`` get its style sheet and script, once each.

Add ``nnlib.explore.sphinx`` to ``extensions``, or to ``sphinx: extra_extensions`` of a Jupyter Book. A link with a
fragment ``#explore=...`` moves a figure: it refers to no heading, and a warning names a figure, control or value that
its page does not have.
"""

import html
import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from docutils import nodes
from docutils.transforms import Transform
from sphinx.util import logging

from .diff import INNER, TEXT
from .encode import decompress
from .page import css, script
from .typeset import plain

logger = logging.getLogger(__name__)

NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]+)?", re.IGNORECASE)  # as in explore.js
FILES = {"explore.css": css, "explore.js": script}


def add_to_page(app, pagename, templatename, context, doctree):
    body = context.get("body", "")
    if 'class="explore"' in body:
        app.add_css_file("explore.css")
        app.add_js_file("explore.js", defer="defer")
    for fault in dead_words(body):
        logger.warning(fault, location=pagename)


def dead_words(body):
    """What the links of a page want of its figures and do not get, in words."""
    words = [html.unescape(link) for link in re.findall(r'href="#(explore=[^"]*)"', body)]
    figures = {}
    if words:
        parts = re.split(r'<div class="explore" id="[^"]*" data-name="([^"]*)"', body)
        for name, part in zip(parts[1::2], parts[2::2], strict=True):
            figures.setdefault(html.unescape(name), []).append(controls(part))
    for word in words:
        (_, name), *wanted = parse_qsl(word, keep_blank_values=True)
        if name not in figures:
            yield f"#{word}: this page has no figure {name!r}; it has {', '.join(map(repr, figures)) or 'none'}"
        elif not any(all(value(text) in has.get(key, ()) for key, text in wanted) for has in figures[name]):
            yield f"#{word}: the figure {name!r} has no such state"


def head_of(part):
    """What a figure's payload says of controls and slots."""
    found = re.search(r'class="explore-data">([^<]*)<', part)
    if not found:
        return {"c": [], "s": []}
    return decompress(found[1])[0]


def controls(part):
    """``{name: labels}`` of the controls of a figure."""
    return {control["n"]: {value(label) for label in control["l"]} for control in head_of(part)["c"]}


def letters(part):
    """All that the picture of a figure, its read-outs and its goals say in any state."""
    head = head_of(part)
    pictures = re.findall(r'src="data:image/svg[^,]*,([^"]*)"', part)
    markup = [html.unescape(unquote(picture)) for picture in pictures] + re.findall(r'<li class="explore-goal.*?</li>', part)
    said = {label for control in head["c"] for label in control["l"]}
    for slot in head["s"]:
        if slot["a"] == TEXT:
            said.update(filter(None, slot["v"]))
        elif slot["a"] == INNER:
            markup += filter(None, slot["v"])
    return said.union(*(re.findall(r"<(?:text|tspan|li)[^>]*>([^<]+)<", text) for text in markup))


def value(text):
    """Labels are compared as numbers where they are numbers, as in the browser."""
    text = plain(text)
    return float(text) if NUMBER.fullmatch(text) else text


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
