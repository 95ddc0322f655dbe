"""The cover's map of the chapters, made from what each chapter says of itself on its first screen.

A chapter's box *After this chapter you can* ends with its time and what it builds on; the opening's question, in
*italics*, is what the card asks. So the map needs no list of its own, and takes a new chapter without a change.
"""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import clean_astext

from book.notebook import chapter_paths, read

logger = logging.getLogger(__name__)


class Card(NamedTuple):
    """What the cover shows of a chapter. ``builds_on`` and ``joins`` hold document names."""

    name: str
    number: int
    title: str
    question: str
    time: str
    builds_on: tuple
    joins: tuple  # the nearest of these: those that no other one builds on in its turn
    exercises: tuple  # names, as check() knows them
    goals: tuple  # of the chapter's live figures


def opening(document):
    """The blocks before a chapter's first heading but its title."""
    section = next(document.findall(nodes.section))
    for child in section.children:
        if isinstance(child, nodes.section):
            return
        yield child


def question(blocks, titles):
    """The sentence in italics that asks; failing that the questions of the first paragraph, or its first sentence."""
    for block in blocks:
        for emphasis in block.findall(nodes.emphasis):
            if emphasis.astext().rstrip().endswith("?"):
                return clean_astext(emphasis)
    first = next(block for block in blocks if isinstance(block, nodes.paragraph)).deepcopy()
    for link in list(first.findall(addnodes.pending_xref)):
        if title := titles.get(f"chapters/{link['reftarget']}"):
            link.replace_self(nodes.Text(title.astext()))
    text = " ".join(clean_astext(first).split())
    sentences = re.split(r"(?<=[.?!])\s+", text)
    return " ".join(s for s in sentences if s.endswith("?")) or sentences[0]


def time_and_ground(blocks, name):
    """``(time, documents it builds on)`` of the line ``**Time:** ... **Builds on:** ...``, or None without one."""
    for block in blocks:
        for paragraph in block.findall(nodes.paragraph):
            time = re.match(r"Time:\s*(.*?)\.?\s*Builds on:", " ".join(paragraph.astext().split()))
            if time:
                folder = PurePosixPath(name).parent
                targets = [
                    xref["reftarget"] for xref in paragraph.findall(addnodes.pending_xref) if xref["reftype"] == "doc"
                ]
                return time[1], tuple(dict.fromkeys(str(folder / target) for target in targets))
    return None


def nearest(builds_on, all_of):
    """Those of ``builds_on`` from which none of the others is reached."""

    def reached(name):
        return {name}.union(*(reached(other) for other in all_of.get(name, ())))

    return tuple(
        name for name in builds_on if not any(name in reached(other) for other in builds_on if other != name)
    )


def parts(env):
    """``[(caption, [document name, ...]), ...]``: the chapters in reading order, part by part."""
    found = []
    for toctree in env.get_doctree(env.config.root_doc).findall(addnodes.toctree):
        names = [name for _, name in toctree["entries"] if number(name)]
        if names:
            found.append((toctree.get("caption") or "", names))
    return found


def number(name):
    """A chapter is numbered as its file is: 9 for ``chapters/09_cnn``; 0 for another page."""
    found = re.fullmatch(r"chapters/(\d+)_\w+", name)
    return int(found[1]) if found else 0


def tried(path):
    """Names of the exercises that a notebook checks, and of the goals of its figures."""
    cells = read(path).cells
    source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    html = "".join(out.get("data", {}).get("text/html", "") for cell in cells for out in cell.get("outputs", []))
    goals = re.findall(r'class="explore-goal"[^>]*data-goal="([^"]*)"', html)
    return tuple(dict.fromkeys(re.findall(r"^check\((\w+)", source, re.MULTILINE))), tuple(dict.fromkeys(goals))


def cards(env):
    """``[(caption, [Card, ...]), ...]`` of the whole book."""
    paths = {f"chapters/{path.stem}": path for path in chapter_paths(env.srcdir)}
    found, ground = [], {}
    for caption, names in parts(env):
        found.append((caption, made := []))
        for name in names:
            blocks = list(opening(env.get_doctree(name)))
            facts = time_and_ground(blocks, name)
            if facts is None:
                logger.warning("no line '**Time:** ... **Builds on:** ...' before the first section", location=name)
            time, builds_on = facts or ("", ())
            ground[name] = tuple(other for other in builds_on if number(other))
            title = clean_astext(env.titles[name])
            made.append((name, number(name), title, question(blocks, env.titles), time, ground[name], *tried(paths[name])))
    return [
        (caption, [Card(*card[:6], nearest(card[5], ground), *card[6:]) for card in made]) for caption, made in found
    ]


class chapter_map(nodes.General, nodes.Element):  # noqa: N801 - named as docutils names its nodes
    """Stands for the map until every chapter has been read."""


class ChapterMap(SphinxDirective):
    """``{chapter-map}`` shows the chapters as cards, joined by what they build on."""

    def run(self):
        return [chapter_map()]


class DrawMap(SphinxPostTransform):
    default_priority = 5

    def run(self, **kwargs):
        for node in list(self.document.findall(chapter_map)):
            if self.app.builder.format != "html":
                node.parent.remove(node)
                continue
            found = cards(self.env)
            context = {
                "parts": found,
                "titles": {card.name: card.title for _, made in found for card in made},
                "url": lambda name: self.app.builder.get_relative_uri(self.env.docname, name),
            }
            node.replace_self(nodes.raw("", self.app.builder.templates.render("map.html", context), format="html"))


def number_as_files(app, env):
    """Give each chapter the number of its file, also while an earlier one is missing."""

    def renumber(numbers, first):
        return type(numbers)([first, *numbers[1:]]) if numbers else numbers

    for name, toc in env.tocs.items():
        if first := number(name):
            env.toc_secnumbers[name] = {
                anchor: renumber(numbers, first) for anchor, numbers in env.toc_secnumbers.get(name, {}).items()
            }
            for reference in [*toc.findall(nodes.reference), env.titles[name]]:
                if "secnumber" in reference:
                    reference["secnumber"] = renumber(reference["secnumber"], first)
    TocTreeCollector().assign_figure_numbers(env)  # figures and equations follow
    return []


def setup(app):
    app.add_node(chapter_map)
    app.add_directive("chapter-map", ChapterMap)
    app.add_post_transform(DrawMap)
    app.connect("env-get-updated", number_as_files, priority=900)
