"""Each chapter as it lies in the repository: run, whole, the same on every machine."""

import re
from pathlib import Path

import nbformat
import pytest

CHAPTERS = sorted((Path(__file__).parents[2] / "chapters").glob("*.ipynb"))
PLAIN_CELL_METADATA = {"tags", "mystnb", "jupyter"}
MACHINE_PATHS = re.compile(r"/(?:home|root|Users|tmp|work|usr|opt)/|site-packages|[A-Z]:\\\\")

pytestmark = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell):
    for output in cell.outputs:
        yield output.get("text", "")
        for mime, data in output.get("data", {}).items():
            if mime.startswith("text/") or mime == "image/svg+xml":
                yield data


def test_every_code_cell_has_run_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run `make chapters`"


def test_no_cell_failed_or_warned(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error", f"cell {cell.id}: {output.ename}: {output.evalue}"
            assert output.get("name") != "stderr", f"cell {cell.id} writes to stderr: {output.text}"


def test_cell_ids_are_unique_and_there(path, notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert path.read_text(encoding="utf-8").count('"id": "') >= len(ids), (
        "an id that is not stored changes on each run"
    )


def test_metadata_is_plain(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info == {"name": "python"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= PLAIN_CELL_METADATA, f"cell {cell.id}"


def test_no_machine_paths_or_addresses_in_outputs(notebook):
    for cell in code_cells(notebook):
        for text in texts(cell):
            assert not MACHINE_PATHS.search(text), f"cell {cell.id}: {MACHINE_PATHS.search(text)}"
            assert not re.search(r" at 0x[0-9a-f]{6,}>", text), f"cell {cell.id} shows a memory address"


def test_no_widgets_are_stored(notebook):
    """Their scripts would come from a CDN; explore() stores a figure that needs none."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert "application/vnd.jupyter.widget-view+json" not in output.get("data", {}), f"cell {cell.id}"


def test_code_imports_plainly_and_needs_no_network(notebook):
    for cell in code_cells(notebook):
        found = re.search(
            r"sys\.path|urllib|requests\.|urlopen|^\s*[!%]\s*(pip|wget|curl)", cell.source, re.M
        )
        assert not found, f"cell {cell.id}: {found[0]}"


def test_a_cell_does_not_end_in_a_semicolon(notebook):
    for cell in code_cells(notebook):
        assert not cell.source.rstrip().endswith(";"), (
            f"cell {cell.id}: nbval shows the value all the same; end a drawing with plt.show()"
        )


def test_lines_fit_the_page(notebook):
    for cell in code_cells(notebook):
        hidden = {"hide-input", "remove-input"} & set(cell.metadata.get("tags", []))
        long = [line for line in cell.source.splitlines() if len(line) > (110 if hidden else 88)]
        assert not long, f"cell {cell.id}: {long[0]}"


def test_every_picture_has_an_alternative_text(notebook):
    for cell in code_cells(notebook):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt) > 20, f"cell {cell.id}: set mystnb.image.alt to what the data show"


def test_starts_with_one_title(notebook):
    headings = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in re.sub(r"```.*?```", "", cell.source, flags=re.S).splitlines()
        if line.startswith("# ")
    ]
    assert len(headings) == 1 and re.match(r"(\([\w-]+\)=\s+)?# ", notebook.cells[0].source)
