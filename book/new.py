"""The skeleton of a new chapter, with every part of the pattern: ``python -m book new 17_topic``."""

import re
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

from book.execute import ROOT, normalise
from book.notebook import NAME, chapter_paths

IMPORTS = """import matplotlib.pyplot as plt
import numpy as np

import nnlib
from nnlib.exercises import check
from nnlib.explore import explore

plt.style.use("nnlib.book")"""
FIGURE = """x = np.linspace(-4, 4, 81)


def draw(ax, w=1.0):
    ax.plot(x, nnlib.sigmoid(w * x))
    ax.set(ylim=(-0.05, 1.05), xlabel="x")


explore(
    draw,
    w=(-3.0, 3.0, 0.5),
    title="TODO: what it shows",
    goals={
        "TODO: what there is to find.": lambda w: w < 0,
        "TODO: something else.": lambda w: w == 0,
        "TODO: and a third.": lambda w: w == 3,
    },
    describe=lambda w: f"TODO: what the data show at w = {w:g}.",
)"""


def cells(stem):
    """The cells of an empty chapter."""
    short = stem.split("_", 1)[1].replace("_", "-")
    title = short.replace("-", " ").capitalize()
    figure = {"figure": {"caption": "TODO: one sentence.", "name": f"fig-{short}-first"}}
    pages = [
        new_markdown_cell(
            f"(ch-{short})=\n# {title}\n\nTODO: what the reader sees. *TODO: a question that the reader cannot answer yet?*\n\n"
            "*TODO: what to commit to, what to drag, and what to look for.*"
        ),
        new_code_cell(IMPORTS, metadata={"tags": ["hide-input"]}),
        new_code_cell(FIGURE, metadata={"mystnb": figure}),
        new_markdown_cell(
            ":::{admonition} After this chapter you can\n:class: tip\n"
            "- TODO: three to five abilities that can be checked.\n\n"
            "**Time:** TODO: about an hour. **Builds on:** {doc}`01_neurons`.\n:::"
        ),
        new_markdown_cell(
            f"## TODO: the first idea\n\nTODO: idea, formula, code, figure, what you just saw.\n\n"
            f"$$\ny = \\sigma(w x)\n$$ (eq-{short}-first)\n\nTODO: a worked example small enough to check by hand."
        ),
        new_code_cell("print(nnlib.sigmoid(np.array([0.0])))"),
        new_markdown_cell(f"## Common mistakes\n\n(mistake-{short}-first)=\n**TODO: the wrong idea.** TODO: the right one."),
        new_markdown_cell("## Exercises"),
    ]
    for k in (1, 2):
        name = f"todo_{k}"  # of the entry in the registry
        label = f"ex-todo-{k}"
        task = f"```{{exercise-start}} TODO: title\n:label: {label}\n```\nTODO: the task.\n\n*10 minutes, 2 points.*"
        stub = f"def {name}(x):\n    raise NotImplementedError\n\n\ncheck({name})"
        solution = f"```{{exercise-end}}\n```\n\n```{{solution-start}} {label}\n:class: dropdown\n```\nTODO: one sentence."
        pages += [
            new_markdown_cell(task),
            new_code_cell(stub),
            new_markdown_cell(solution),
            new_code_cell(f"def {name}(x):\n    return x  # TODO\n\n\ncheck({name})"),
            new_markdown_cell("```{solution-end}\n```"),
        ]
    for name in ("why", "when", "hands"):
        label = f"ex-{short}-{name}"
        kind = "explore in the figure" if name == "hands" else "think about"
        task = f"```{{exercise}} TODO: title\n:label: {label}\nTODO: to {kind}.\n```"
        pages.append(new_markdown_cell(f"{task}\n\n```{{solution}} {label}\n:class: dropdown\nTODO.\n```"))
    pages.append(new_markdown_cell("## Summary\n\nTODO.\n\n**Key terms:** TODO.\n\n**Read more.** TODO."))
    return pages


def main(names):
    if len(names) != 1 or not re.fullmatch(NAME, names[0]):
        print("Name one chapter, with its number: make new C=17_topic", file=sys.stderr)
        return 2
    stem, path = names[0], ROOT / "chapters" / f"{names[0]}.ipynb"
    if path.exists() or any(other.stem[:3] == stem[:3] for other in chapter_paths()):
        print(f"There is a chapter {stem[:2]} already; take another number", file=sys.stderr)
        return 1
    notebook = nbformat.v4.new_notebook(cells=cells(stem))
    for k, cell in enumerate(notebook.cells):
        cell.id = f"{stem[:2]}-{k:03d}"
    normalise(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
    print(f"""chapters/{path.name} has every part of the pattern, and TODO where you write. Then
  - add `- file: chapters/{stem}` to _toc.yml
  - add its mistakes to appendix/mistakes.md, its terms to appendix/glossary.md
  - register two exercises in nnlib/exercises/ch{stem}.py (nnlib/exercises/__init__.py shows one whole)
  - make chapters C={stem}    runs it
  - make check C={stem}       says what it still lacks""")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
