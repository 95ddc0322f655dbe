"""How a chapter lies on the page: drawing code is folded, figures stand beside their text, no comma stands alone.

All work on the parsed chapter, so that a notebook needs no tags for it and stays readable in Jupyter.
"""

import re
from html import escape

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.transforms.post_transforms import SphinxPostTransform

BESIDE = 660  # CSS pixels: a figure drawn wider than this keeps the whole width of the page


def is_cell(node, has=""):
    """Whether a node is a code cell, or one that has a ``has``: "source" or "output"."""
    parts = [child.get("nb_element") for child in node.children if isinstance(child, nodes.Element)]
    return (
        isinstance(node, nodes.Element)
        and node.get("nb_element") == "cell_code"
        and (not has or f"cell_code_{has}" in parts)
    )


def html_of(cell):
    return "".join(raw.astext() for raw in cell.findall(nodes.raw) if "html" in raw.get("format", ""))


def draws(cell):
    """Whether the cell's output is a picture or a live figure."""
    return is_cell(cell, "output") and ('class="explore' in html_of(cell) or any(cell.findall(nodes.image)))


def width(cell):
    """CSS pixels of the cell's live figure, or None: it is a plain picture, or has no controls."""
    text = html_of(cell)
    found = re.search(r"--explore-width:(\d+)px", text) if "<fieldset" in text else None
    return int(found[1]) if found else None


def folded(cell):
    return is_cell(cell, "source") and cell.get("hide_mode") == "input"


class FoldDrawingCode(SphinxPostTransform):
    """Fold the code of every figure; make one fold of two that follow each other."""

    default_priority = 190  # before myst_nb makes the folds
    formats = ("html",)

    def run(self, **kwargs):
        for cell in list(self.document.findall(is_cell)):
            if draws(cell) and is_cell(cell, "source") and not cell.get("hide_mode"):
                cell["hide_mode"], cell["prompt_show"], cell["prompt_hide"] = "input", "", ""
        for cell in list(self.document.findall(folded)):
            follower = cell.next_node(descend=False, siblings=True)
            if follower is not None and folded(follower) and not is_cell(cell, "output"):
                follower.children[0][:0] = cell.children[0].children
                cell.parent.remove(cell)


class StandBeside(SphinxPostTransform):
    """Group each live figure with the text around it, from its instruction to the next figure's.

    The style sheet lays a group out as two columns on wide screens; elsewhere it changes nothing.
    """

    default_priority = 195
    formats = ("html",)

    def run(self, **kwargs):
        for section in list(self.document.findall(nodes.section)):
            blocks = [child for child in section.children if not isinstance(child, nodes.section)]
            for group in groups(blocks):
                self.wrap(section, *group)

    def wrap(self, section, before, figure, after):
        place = section.index((before or [figure])[0])
        made = nodes.container(classes=["beside"])
        for node in (*before, figure, *after):
            section.remove(node)
        made += nodes.container("", *before, classes=["beside-before"])
        made += figure
        made += nodes.container("", *after, classes=["beside-after"])
        section.insert(place, made)


class KeepTogether(SphinxPostTransform):
    """A formula stays in one line with the comma behind it and the bracket before it: a browser would part them."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs):
        for formula in list(self.document.findall(nodes.math)):
            parent, place = formula.parent, formula.parent.index(formula)
            left, right = (
                "".join(child for child in beside if isinstance(child, nodes.Text))
                for beside in (parent[max(place - 1, 0) : place], parent[place + 1 : place + 2])
            )
            before, after = re.search(r"[^\s\w]*$", left)[0], re.match(r"[^\s\w]*", right)[0]
            if before or after:
                whole = nodes.inline("", "", nodes.Text(before), formula, nodes.Text(after), classes=["together"])
                rest = [nodes.Text(left.removesuffix(before)), whole, nodes.Text(right.removeprefix(after))]
                parent[place - bool(left) : place + 1 + bool(right)] = rest


def groups(blocks):
    """``[(before, figure, after), ...]``: the figures among a section's blocks, each with the text it shares.

    Text between two figures belongs to the first, but for the paragraph that introduces the second.
    """
    found, run = [], []
    for node in blocks:
        size = width(node) if is_cell(node) else None
        wide = size and size > BESIDE
        if isinstance(node, nodes.title) or wide:
            close(found, run)
            run = []
        elif size and any(map(width_if_cell, run)):
            introduction = [run.pop()] if not is_cell(run[-1]) else []
            close(found, run)
            run = [*introduction, node]
        else:
            run.append(node)
    close(found, run)
    return found


def width_if_cell(node):
    return width(node) if is_cell(node) else None


def close(found, run):
    at = next((i for i, node in enumerate(run) if width_if_cell(node)), None)
    if at is not None and len(run) > 1:
        found.append((run[:at], run[at], run[at + 1 :]))


def visit_fold(translator, node):
    """A fold with a name of its own: a screen reader hears which figure's code it opens."""
    cell = node.parent
    caption = next(iter(cell.findall(nodes.caption)), None)
    name = f'<span class="visually-hidden">: {escape(caption.astext())}</span>' if caption is not None else ""
    translator.body.append(f'<details class="fold"><summary><span>Code</span>{name}</summary>\n')


def depart_fold(translator, node):
    translator.body.append("</details>\n")


def setup(app):
    app.add_post_transform(FoldDrawingCode)
    app.add_post_transform(StandBeside)
    app.add_post_transform(KeepTogether)
    app.add_node(HideCodeCellNode, override=True, html=(visit_fold, depart_fold))
