"""The notation page knows every letter that a chapter's formulas use."""

import re

import pytest

from book.notebook import ROOT, chapter_paths, read

MATH = re.compile(r"\$\$(.+?)\$\$|\$(.+?)\$", re.DOTALL)
UPRIGHT = re.compile(r"\\(?:text|operatorname|mathrm|mathsf|begin|end)\{[^}]*\}|\\[,;:!]")
GREEK = "alpha beta gamma delta epsilon varepsilon eta theta kappa lambda mu pi rho sigma tau phi varphi Delta Pi Phi".split()
LETTER = re.compile(rf"\\(?:{'|'.join(GREEK)})(?![A-Za-z])|(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])")
COUNTERS = set("ijklmn")  # said where they stand
SPOKEN = set("eAB")  # the number e; matrices and arrays of one exercise


def letters(text):
    return {letter for display, inline in MATH.findall(text) for letter in LETTER.findall(UPRIGHT.sub(" ", display or inline))}


def test_letters_are_found():
    assert letters(r"$\mathbf{w} \cdot x_j$ and $$\sigma(z) = \text{if } \hat y$$") == {"w", "x", "j", r"\sigma", "z", "y"}


@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_every_letter_of_a_chapter_is_on_the_notation_page(path):
    known = letters((ROOT / "appendix/notation.md").read_text(encoding="utf-8"))
    used = letters("\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown"))
    assert used - known - COUNTERS - SPOKEN == set()
