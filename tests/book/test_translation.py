"""A Chinese edition will be made from the same notebooks: gettext must find every paragraph."""

import subprocess
import sys

import pytest


@pytest.mark.slow(every=3)
def test_messages_are_extracted(root, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from jupyter_book.cli.main import main; main()",
            "build",
            ".",
            "--path-output",
            str(tmp_path),
            "--builder",
            "custom",
            "--custom-builder",
            "gettext",
            "-W",
            "--keep-going",
            "-q",
        ],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    catalogues = {path.relative_to(tmp_path / "_build" / "gettext") for path in tmp_path.rglob("*.pot")}
    assert {str(path.with_suffix("")) for path in catalogues} >= {
        "intro",
        "appendix/glossary",
        *(f"chapters/{path.stem}" for path in (root / "chapters").glob("*.ipynb")),
    }
    text = (tmp_path / "_build" / "gettext" / "appendix" / "glossary.pot").read_text(encoding="utf-8")
    assert "神经元" in text


def test_chapters_have_no_footnotes(root):
    """They break in translation."""
    import re

    for path in (root / "chapters").glob("*.ipynb"):
        assert not re.search(r"\[\^\w+\]", path.read_text(encoding="utf-8")), path.name
