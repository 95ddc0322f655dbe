"""The skeleton of a new chapter: every part of the pattern, and what is left is said."""

import json

import pytest

from book import check, execute, new


@pytest.fixture
def folder(tmp_path, root, monkeypatch):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "_toc.yml").write_text((root / "_toc.yml").read_text(encoding="utf-8"), encoding="utf-8")
    for name, value in execute.KERNEL_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(new, "ROOT", tmp_path)
    monkeypatch.setattr(new, "chapter_paths", lambda: sorted((tmp_path / "chapters").glob("*.ipynb")))
    return tmp_path


def test_a_new_chapter_runs_and_lacks_only_what_its_author_must_write(folder, capsys):
    assert new.main(["17_some_topic"]) == 0
    path = folder / "chapters" / "17_some_topic.ipynb"
    before = check.lacks(path)
    assert any("has not run: make chapters C=17_some_topic" in line for line in before)
    assert execute.execute(path)
    assert not execute.execute(path)
    left = [line for line in check.lacks(path) if "is still to be written" not in line]
    assert [line.split(": ", 1)[1].split("   [")[0] for line in left] == [
        "is not listed: add `- file: chapters/17_some_topic` to _toc.yml",
        "has the mistake mistake-some-topic-first, to which appendix/mistakes.md has no link",
        "has 0 exercises in nnlib/exercises/ch17_some_topic.py: two are to be answered in code",
        "checks ex-todo-1, which nnlib/exercises/ch17_some_topic.py does not register",
        "checks ex-todo-2, which nnlib/exercises/ch17_some_topic.py does not register",
    ]
    assert "make check C=17_some_topic" in capsys.readouterr().out


def test_a_number_is_taken_once_and_a_name_is_asked_for(folder, capsys):
    assert new.main(["17_topic"]) == 0
    assert new.main(["17_other"]) == 1 and "17 already" in capsys.readouterr().err
    for names in ([], ["topic"], ["17_Topic"], ["00_zero"], ["17_a", "18_b"]):
        assert new.main(names) == 2
    notebook = json.loads((folder / "chapters" / "17_topic.ipynb").read_text(encoding="utf-8"))
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])
