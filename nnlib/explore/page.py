"""The HTML of a figure: start picture, controls, goals, payload.

What all figures share, style sheet and script, is carried once a page and not in every figure: :func:`page` adds them
to a page of its own, and the Sphinx extension ``nnlib.explore.sphinx`` to every page that shows a figure. So the two can
be improved without drawing any figure again. Where neither is there, as in a stored notebook, the figure is its start
picture.
"""

import html
import re
import statistics
import xml.etree.ElementTree as ET
from pathlib import Path

from .render import markup
from .typeset import typeset

HERE = Path(__file__).parent
CSS_PIXELS = 96 / 72  # a point of matplotlib's SVG in CSS pixels
READABLE = 9  # CSS pixels: a figure shrinks until its letters have this size, then it scrolls


def figure_html(tree, *, name, title, description, controls, goals=(), payload, prefix, images, keep, draws=False):
    """The whole figure. Without controls it is the picture alone, in the same frame.

    The start picture is an ``img``, which also shows where neither scripts nor inline SVG are allowed, as in a notebook
    that is not trusted; the script puts its SVG in its place. A figure that ``draws`` keeps to images, and asks whoever
    hears it for each state.
    """
    escape = html.escape
    picture = images.inline(markup(standalone_svg(tree))).replace("%", "%25").replace("#", "%23").replace('"', "%22")
    size = f' data-draws="{" ".join(tree.get("viewBox").split()[2:])}"'
    head = (
        f'<div class="explore" id="{prefix}" data-name="{escape(name)}" role="group" aria-label="{escape(title)}"'
        f'{f" data-keep={keep}" if keep else ""}{size if draws else ""} style="{sizes(tree, controls)}">'
        + _frame(
            f'<img style="max-width:100%" alt="{escape(description or title)}" src="data:image/svg+xml;charset=utf-8,'
            f'{escape(picture, quote=False)}">'
        )
    )
    if not controls:
        return head + "</div>"
    rows = "".join(map(_control_html, controls))
    return (
        f'{head}<fieldset disabled hidden>{rows}</fieldset><div class="explore-tools"></div>'
        f'<p class="explore-said" aria-live="polite"></p>{goals_html(goals)}'
        "<noscript><p>The controls need JavaScript, or a notebook that is running.</p></noscript>"
        f'<script type="text/plain" class="explore-data">{payload}</script></div>'
    )


def live_html(tree, label, prefix, images):
    """The picture alone, as inline SVG."""
    attributes = f'viewBox="{tree.get("viewBox")}" role="img" aria-label="{html.escape(label)}"'
    svg = f"<svg {attributes}>{''.join(map(markup, tree))}</svg>"
    # Ids become the figure's own, so that several figures can share a page.
    svg = images.inline(re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{prefix}", svg))
    return f'<div class="explore" style="{sizes(tree)};--explore-margin:0">{_frame(svg)}</div>'


def _frame(picture):
    """It scales with its container and, below a readable size, scrolls."""
    return f'<div class="explore-scroll"><div class="explore-picture">{picture}</div></div>'


def standalone_svg(tree):
    svg = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg"} | tree.attrib)
    svg.extend(tree)
    return svg


def page(*figures, title="Figures"):
    """A page of its own around figures, to keep or to send."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{css()}</style></head>"
        f'<body><main>{"".join(figures)}</main><script>{script()}</script></body></html>\n'
    )


def sizes(tree, controls=()):
    """CSS variables: how wide the figure may and must be, and how wide the columns of the controls are."""
    width = float(tree.get("viewBox").split()[2])
    fonts = [float(n) for e in tree.iter() for n in re.findall(r"font[^;]*?([\d.]+)px", e.get("style", ""))]
    least = width * min(CSS_PIXELS, READABLE / statistics.median(fonts or [READABLE]))
    variables = {"width": f"{width * CSS_PIXELS:.0f}px", "least": f"{least:.0f}px"}
    if controls:
        longest = max(len(c.label) for c in controls)
        values = max((len(text) for c in controls if c.kind == "range" for text in c.labels), default=0)
        variables |= {"label": f"min({longest * 0.58 + 0.2:.1f}em, 45%)", "value": f"{values * 0.62:.1f}em"}
    return ";".join(f"--explore-{k}:{v}" for k, v in variables.items())


def css():
    """The style sheet without comments and superfluous white space."""
    text = re.sub(r"/\*.*?\*/", "", (HERE / "explore.css").read_text("utf-8"), flags=re.DOTALL)
    return re.sub(r"\s*([{};,>])\s*|(?<=:)\s+", r"\1", " ".join(text.split()))


def script():
    """The script without comments and indentation."""
    lines = (line.split("  //")[0].strip() for line in (HERE / "explore.js").read_text("utf-8").splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))


def _control_html(control):
    escape = html.escape
    label = f"<label><span>{escape(control.label)}</span>"
    if control.kind == "check":
        return f'{label}<input type="checkbox" autocomplete="off"{" checked" if control.start else ""}></label>'
    if control.kind == "select":
        options = "".join(
            f"<option{' selected' if i == control.start else ''}>{escape(text)}</option>"
            for i, text in enumerate(control.labels)
        )
        return f'{label}<select autocomplete="off">{options}</select></label>'
    text = escape(control.labels[control.start])
    return (
        f'{label}<input type="range" autocomplete="off" min="0" max="{len(control.values) - 1}" value="{control.start}"'
        f' aria-valuetext="{text}"><output aria-hidden="true">{text}</output></label>'
    )


def goals_html(goals, reached=()):
    """What there is to find, and what of it is reached. The key is what a browser remembers it by."""
    items = ""
    for g in goals:
        text, hint = (html.escape(typeset(said)) for said in (g.text, g.hint))
        hint = f' data-hint="{hint}"' if hint else ""
        found = " data-reached" if g in reached else ""
        items += f'<li class="explore-goal" data-goal="{html.escape(g.key)}"{hint}{found}>{text}</li>'
    return f'<ul class="explore-goals">{items}</ul>' if items else ""
