"""Buttons follow the clone's own remote: a fork's Binder button opens the fork, and without a remote there is none."""

import subprocess
import sys

import pytest

from book.extension import github_repository


def git(folder, *arguments):
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path):
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    return tmp_path


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/someone/nn-book.git",
        "https://github.com/someone/nn-book",
        "https://github.com/someone/nn-book/",
        "https://token@github.com/someone/nn-book.git",
        "git@github.com:someone/nn-book.git",
        "ssh://git@github.com/someone/nn-book.git",
        "ssh://git@github.com:22/someone/nn-book",
    ],
)
def test_every_form_of_a_github_remote_is_understood(clone, remote):
    git(clone, "remote", "add", "origin", remote)
    assert github_repository(clone) == ("https://github.com/someone/nn-book", "main")


@pytest.mark.parametrize(
    "remote",
    [
        "/somewhere/on/disk",
        "https://example.org/someone/nn-book.git",
        "https://github.com.example.org/someone/nn-book",
    ],
)
def test_another_remote_gives_no_buttons(clone, remote):
    git(clone, "remote", "add", "origin", remote)
    assert github_repository(clone) is None


def test_no_remote_or_no_repository_gives_no_buttons(clone, tmp_path_factory):
    assert github_repository(clone) is None
    assert github_repository(tmp_path_factory.mktemp("unpacked")) is None


def test_a_copy_inside_another_repository_gives_no_buttons(clone):
    git(clone, "remote", "add", "origin", "https://github.com/someone/dotfiles.git")
    (clone / "books").mkdir()
    assert github_repository(clone / "books") is None


def test_without_git_there_are_no_buttons(clone, monkeypatch):
    git(clone, "remote", "add", "origin", "https://github.com/someone/nn-book.git")
    monkeypatch.setenv("PATH", "")
    assert github_repository(clone) is None


def test_the_remote_s_default_branch_is_taken(clone):
    git(clone, "remote", "add", "origin", "https://github.com/someone/nn-book.git")
    git(clone, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    git(clone, "checkout", "--quiet", "-b", "my-change")
    assert github_repository(clone)[1] == "trunk"


SMALL_BOOK = {
    "_toc.yml": "format: jb-book\nroot: intro\nchapters:\n- file: chapters/01_small\n",
    "intro.md": "# A book\n",
    "references.bib": "",
}


def test_the_built_page_has_the_fork_s_buttons(root, clone):
    """That it has none without a remote, the student edition shows: tests/instructor/test_edition.py."""
    import nbformat

    for name, text in SMALL_BOOK.items():
        (clone / name).write_text(text, encoding="utf-8")
    (clone / "_config.yml").write_text((root / "_config.yml").read_text(encoding="utf-8"), encoding="utf-8")
    (clone / "book").symlink_to(root / "book", target_is_directory=True)
    (clone / "chapters").mkdir()
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Small")], metadata=metadata),
        clone / "chapters" / "01_small.ipynb",
    )
    git(clone, "remote", "add", "origin", "git@github.com:someone/nn-book.git")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from jupyter_book.cli.main import main; main()",
            "build",
            str(clone),
            "-W",
            "--keep-going",
            "-q",
        ],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    text = (clone / "_build" / "html" / "chapters" / "01_small.html").read_text(encoding="utf-8")
    binder = "https://mybinder.org/v2/gh/someone/nn-book/main?urlpath=lab/tree/chapters/01_small.ipynb"
    assert binder in text and "https://github.com/someone/nn-book/issues/new" in text
