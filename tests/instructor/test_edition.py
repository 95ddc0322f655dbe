"""The student edition holds no solution anywhere; the instructor's holds them all."""

import contextlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book.notebook import chapter_paths, parts, read, without_solutions
from instructor import edition
from instructor.__main__ import main
from nnlib.exercises import all_exercises


def everything(folder):
    """Name and text of every file, with what Sphinx packs unpacked."""
    for path in Path(folder).rglob("*"):
        if path.is_file():
            raw = path.read_bytes()
            if path.name == "objects.inv":
                raw += zlib.decompress(raw.split(b"zlib.\n", 1)[1])
            yield path, raw
            if path.name.endswith(".tar.gz"):  # what Python in the page finds
                with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
                    for member in archive.getmembers():
                        yield path / member.name, archive.extractfile(member).read()


def test_planted_canaries_are_gone(root, tmp_path):
    """In prose, code, output and metadata of the course's solutions."""
    assert sum(raw.count(b"canary") for _, raw in everything(root)) >= 16
    out = edition.make("student", tmp_path / "student", book=False, root=root)
    assert not [path for path, raw in everything(out) if b"canary" in raw.lower()]
    [path] = chapter_paths(out)
    text = path.read_text()
    assert text.count("The page goes on.") == 4 and text.count("raise NotImplementedError") == 3


def test_the_instructors_edition_has_solutions_and_rubrics(root, tmp_path):
    out = edition.make("edition", tmp_path / "edition", book=False, root=root)
    cells = [cell.source for cell in read(chapter_paths(out)[0]).cells]
    text = "\n".join(cells)
    assert text.count("canary") == 8 and "| large scores | 1 |" in text and "- np.exp overflows." in text
    solution = next(k for k, source in enumerate(cells) if "softmax sings" in source)
    rubric = next(k for k, source in enumerate(cells) if "| large scores" in source)
    following = next(k for k, source in enumerate(cells) if "ex-dense-backward" in source)
    assert solution < rubric < following


@pytest.fixture(scope="module")
def student(tmp_path_factory):
    """The real book's student edition, without its pages, as the command makes it."""
    folder = tmp_path_factory.mktemp("edition") / "student"
    with contextlib.redirect_stdout(io.StringIO()) as said:
        assert main(["student", "--no-book", "--out", str(folder)]) == 0
    assert str(folder / "chapters") in said.getvalue()
    return folder


def telling_lines():
    """Lines of the book's solutions, prose and code, that stand nowhere else in its chapters."""
    solutions, pages = set(), ""
    for path in chapter_paths():
        for part in parts(read(path)):
            if part.kind == "solution":
                solutions |= {line.strip() for line in part.cell.source.splitlines()}
            else:
                pages += part.cell.source + "\n"
    fences = re.compile(r"^(`{3}|:)|^check\(|^return$")
    return [line for line in solutions if len(line) > 25 and line not in pages and not fences.match(line)]


def no_solution_in(folder):
    """No telling line in any file: its notebooks, sources, package, and pages, without their markup, if it has any."""
    lines = telling_lines()
    assert len(lines) > 20

    def bare(text):
        return re.sub(r"[\s\\\"']+|<[^>]*>|&\w+;|&#\d+;", "", text)
    wanted = {bare(line): line for line in lines}
    library = "".join(path.read_text() for path in Path(edition.ROOT, "nnlib").glob("*.py"))
    found = []
    for path, raw in everything(folder):
        if path.suffix in (".ipynb", ".html", ".js", ".txt", ".py", ".md", ".json", ".inv"):
            text = bare(raw.decode("utf-8", "replace"))
            found += [(path.name, line) for key, line in wanted.items() if key and key in text and line not in library]
    assert not found


def test_no_line_of_a_solution_in_the_student_edition(student):
    no_solution_in(student)


@pytest.mark.slow(every=3)
def test_the_student_book_is_a_book_without_solutions(student):
    html = edition.build(student).parent
    no_solution_in(html)
    assert not list(html.rglob("instructor_guide*"))
    assert any(path.match("*.tar.gz/book/nnlib/exercises/keys.json") for path, _ in everything(html))
    contents = Path(edition.ROOT, "_toc.yml").read_text()
    listed = [path for path in chapter_paths() if f"chapters/{path.stem}" in contents]
    assert listed
    for path in listed:
        page = (html / "chapters" / f"{path.stem}.html").read_text()
        assert 'class="exercise' in page and 'class="solution' not in page
        buttons = re.findall(r"mybinder\.org/v2|btn-source-repository|github\.com/[^\"]*/issues/new", page)
        assert buttons == [], "they lead nowhere: the edition has no remote"
    assert not (student / "_build" / ".doctrees").exists()


def test_the_student_book_has_no_page_for_instructors(student):
    assert Path(edition.ROOT, f"{edition.GUIDE}.md").exists()
    assert not list(student.rglob("instructor_guide*"))
    assert edition.GUIDE not in (student / "_toc.yml").read_text()


def test_the_student_package_checks_without_a_reference(student):
    """In a Python that sees the student edition's nnlib alone, each of the book's mistakes gets its hint."""
    entry = all_exercises()["softmax"]
    script = ("import sys, numpy as np, nnlib\nfrom nnlib.exercises import check\n"
              f"assert nnlib.__file__.startswith({str(student)!r})\n"
              "assert not [name for name in sys.modules if name.startswith(('nnlib.exercises.ch', 'nnlib.exercises.reg'))]\n"
              "def softmax(z):\n    e = np.exp(z)\n    return e / e.sum(axis=1, keepdims=True)\ncheck(softmax)")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, cwd=student,
                          env={**os.environ, "PYTHONPATH": str(student)})
    assert done.returncode == 0, done.stderr
    assert entry.mistakes[0].hint.split(":")[0] in " ".join(done.stdout.split())


def test_on_the_command_line(tmp_path, capsys):
    """The student edition is made so above."""
    assert main(["edition", "--no-book", "--out", str(tmp_path / "edition")]) == 0
    assert str(tmp_path / "edition" / "chapters") in capsys.readouterr().out


def test_another_folder_is_not_overwritten(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match="not an edition"):
        edition.make("student", tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def cells(*sources):
    return new_notebook(cells=[new_code_cell(source[1:]) if source.startswith(">") else new_markdown_cell(source)
                               for source in sources])


def kinds(notebook):
    return [(part.kind, part.label, part.cell.source.split("\n")[-1]) for part in parts(notebook)]


def test_fences_may_share_a_cell():
    notebook = cells("before\n```{exercise-start} T\n:label: ex-a\n```\ntask", ">stub",
                     "```{exercise-end}\n```\n\n```{solution-start} ex-a\n```\nwhy", ">solution",
                     "```{solution-end}\n```\nafter")
    assert kinds(notebook) == [("", "", "before"), ("exercise", "ex-a", "task"), ("exercise", "ex-a", "stub"),
                               ("exercise", "ex-a", "```"), ("solution", "ex-a", "why"),
                               ("solution", "ex-a", "solution"), ("solution", "ex-a", "```"), ("", "", "after")]
    kept = without_solutions(notebook)
    assert [cell.source for cell in kept.cells][2:] == ["```{exercise-end}\n```", "after"]
    nbformat.validate(kept)


def test_directives_without_gates():
    notebook = cells("```{exercise} T\n:label: ex-a\ntask\n```\n\n````{solution} ex-a\n```python\nx\n```\n````\nafter")
    assert kinds(notebook) == [("exercise", "ex-a", "```"), ("solution", "ex-a", "````"), ("", "", "after")]


@pytest.mark.parametrize("sources", [
    ["```{exercise-start} T\n:label: ex-a\n```"],
    ["```{solution-end}\n```"],
    ["```{exercise-start} T\n:label: ex-a\n```", "```{solution-start} ex-a\n```"],
    ["```{solution-start} ex-a\n```", "```{exercise-end}\n```"],
])
def test_fences_that_do_not_close(sources):
    with pytest.raises(ValueError, match="^cell [12]: .*(is not closed|closes nothing)"):
        parts(cells(*sources))


