"""A chapter has one number: that of its file, wherever it is named."""

import ast
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHAPTERS = {int(path.stem[:2]): path for path in sorted((ROOT / "chapters").glob("*.ipynb"))}
MODULES = sorted(path for path in (ROOT / "nnlib").glob("*.py") if path.stem != "__init__")
EXERCISES = sorted((ROOT / "nnlib/exercises").glob("ch*.py"))


def cells(path, kind):
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in found if cell["cell_type"] == kind)


def pages():
    yield from ((path, cells(path, "markdown")) for path in CHAPTERS.values())
    for path in [ROOT / "intro.md", *(ROOT / "appendix").rglob("*.md"), *(ROOT / "instructor").rglob("*.md")]:
        yield path, path.read_text(encoding="utf-8")


def wrong_links(text):
    """Links whose words name another chapter than the one that they lead to."""
    links = re.findall(r"\{doc\}`([^`<]*)<[^`>]*?(\d+)_\w+>`", text)
    named = [(words, re.search(r"[Cc]hapter\s+(\d+)", words), int(file)) for words, file in links]
    return [(words, file) for words, number, file in named if number and int(number[1]) != file]


def test_files_are_numbered_without_a_gap():
    assert list(CHAPTERS) == list(range(1, len(CHAPTERS) + 1))


def test_a_link_names_the_chapter_that_it_leads_to():
    assert wrong_links("{doc}`chapter 9 </chapters/10_resnet>`, {doc}`Chapter 10 <10_resnet>`") == [("chapter 9 ", 10)]
    found = {str(path.relative_to(ROOT)): wrong_links(text) for path, text in pages()}
    assert not {name: links for name, links in found.items() if links}


def numbers_in_docstrings(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [n for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    # A comma before it: a chapter of another book, as in "Information retrieval", 1979, chapter 7.
    return {int(n) for node in documented for n in re.findall(r"(?<!\d, )chapters? (\d+)", ast.get_docstring(node) or "")}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_the_chapter_that_a_module_names_speaks_of_it(path):
    import nnlib

    own = {name for name in dir(nnlib) if getattr(getattr(nnlib, name), "__module__", "") == f"nnlib.{path.stem}"}
    for number in numbers_in_docstrings(path):
        told = (cells(CHAPTERS[number], "code") + cells(CHAPTERS[number], "markdown")).lower()
        words = {name.lower() for name in own}
        wrong = f"{path.name} names chapter {number}, which has no {sorted(words)}"
        assert not words or words & set(re.findall(r"\w+", told)), wrong


@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_exercises_are_those_of_the_chapter_of_their_number(path):
    number = int(re.match(r"ch(\d+)_", path.stem)[1])
    assert CHAPTERS[number].stem == path.stem.removeprefix("ch")
    assert numbers_in_docstrings(path) == {number}
