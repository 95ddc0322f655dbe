"""The appendix of mistakes has each mistake that a chapter shows, and nothing else."""

import re
from pathlib import Path

from book.notebook import chapter_paths, read

ROOT = Path(__file__).parents[2]


def markdown(path):
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def test_each_mistake_can_be_linked_to():
    for path in chapter_paths():
        section = re.search(r"^## Common mistakes$(.*?)^## ", markdown(path), flags=re.S | re.M)
        assert section, f"{path.name} has no section Common mistakes"
        for before, mistake in re.findall(r"(?:^|\n)(.*)\n(\*\*.+)", section[1]):
            assert re.fullmatch(r"\(mistake-[a-z0-9-]+\)=", before), f"{path.name}: no (mistake-...)= above {mistake[:60]}"


def test_the_appendix_links_to_each_mistake_once():
    made = re.findall(r"^\((mistake-[a-z0-9-]+)\)=$", "\n".join(map(markdown, chapter_paths())), flags=re.M)
    linked = re.findall(r"<(mistake-[a-z0-9-]+)>", (ROOT / "appendix" / "mistakes.md").read_text("utf-8"))
    assert linked == made, "the same mistakes, in the order of the chapters"
    assert len(set(made)) == len(made) > 20
