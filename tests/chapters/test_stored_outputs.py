"""Each chapter as it lies in the repository: run, whole, the same on every machine. book/check.py has the rules."""

import pytest

from book.check import RULES, lacks
from book.notebook import chapter_paths

TO_MEND = {("11_rnn", "pictures_print_numbers_as_a_book"), ("14_boltzmann", "pictures_print_numbers_as_a_book")}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("path", chapter_paths(), ids=lambda path: path.stem)
def test_nothing_is_lacking(path, rule, request):
    if (path.stem, rule) in TO_MEND:
        request.applymarker(pytest.mark.xfail(reason="its pictures still say -0.00 and 1e+03"))
    found = lacks(path, [RULES[rule]])
    assert not found, "\n" + "\n".join(found)
