"""The appendices are complete: every public name, every term in both languages."""

import os
import re
import subprocess

import pytest

from book.notebook import chapter_paths


@pytest.fixture(scope="module")
def documented(html):
    from sphinx.util.inventory import InventoryFile

    with (html / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda base, path: path)
    return {name for kind, entries in inventory.items() if kind.startswith("py:") for name in entries}


def test_every_public_name_of_nnlib_is_in_the_reference(documented):
    import types

    import nnlib

    names = {
        name: value
        for name, value in vars(nnlib).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    missing = [
        name
        for name, value in names.items()
        if f"{getattr(value, 'function', value).__module__}.{name}" not in documented
    ]
    assert len(names) > 50 and missing == []


def test_every_term_of_the_glossary_is_in_both_languages(root):
    entries = re.search(
        r":sorted:\n(.*)```", (root / "appendix" / "glossary.md").read_text(encoding="utf-8"), re.S
    )[1]
    terms = [entry for entry in re.split(r"\n\n", entries.strip()) if entry]
    assert len(terms) > 100
    for entry in terms:
        *names, text = entry.splitlines()
        assert names and all(name and not name.startswith(" ") for name in names), entry
        assert re.match(r"  .*[\u4e00-\u9fff].*。 \S.*[.]", text), (
            f"{names[0]}: 中文 first, then one sentence"
        )


def test_no_term_stands_twice(root):
    text = (root / "appendix" / "glossary.md").read_text(encoding="utf-8")
    names = re.findall(r"^(?![`:#\s])(.+)$", text.split(":sorted:")[1], re.M)
    assert len(set(names)) == len(names)


def branch(root):
    """The branch that is tested, on a machine of continuous integration too."""
    done = subprocess.run(["git", "branch", "--show-current"], cwd=root, capture_output=True, text=True)
    return os.environ.get("GITHUB_HEAD_REF") or os.environ.get("GITHUB_REF_NAME") or done.stdout.strip()


def test_no_term_waits_for_its_chinese_on_the_published_branch(root):
    """Elsewhere 待译 stands for it, and a maintainer puts the term in its place before the merge."""
    waiting = [
        path.name
        for path in [root / "appendix" / "glossary.md", *chapter_paths(root)]
        if "待译" in path.read_text(encoding="utf-8")
    ]
    assert branch(root) != "main" or waiting == [], "待译: put the Chinese term"
