"""Each chapter as it lies in the repository: run, whole, the same on every machine. book/check.py has the rules."""

import pytest

from book.check import RULES, lacks
from book.notebook import chapter_paths


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_nothing_is_lacking(path, rule):
    found = lacks(path, [RULES[rule]])
    assert not found, "\n" + "\n".join(found)
