"""Links that move figures: a figure, a control or a value that the page does not have is named."""

import pytest

from nnlib.explore import explore
from nnlib.explore.sphinx import dead_words, letters


@pytest.mark.parametrize(
    "fragment, fault",
    [
        ("explore=grabbed&amp;px=-1&amp;f=square", None),
        ("explore=grabbed&amp;py=1", None),
        ("explore=grabbed&amp;py=0.3", "has no such state"),
        ("explore=grabbed&amp;q=1", "has no such state"),
        ("explore=grabbed&amp;f=cube", "has no such state"),
        ("explore=taken&amp;px=1", "no figure 'taken'; it has 'grabbed', 'bars'"),
    ],
)
def test_links_lead_to_states(made, fragment, fault):
    body = f'<p><a href="#{fragment}">x</a></p>' + made("grabbed").html + made("bars").html
    found = list(dead_words(body))
    assert found == [] if fault is None else len(found) == 1 and fault in found[0]


def test_a_page_without_figures_has_no_words_that_move_them():
    assert len(list(dead_words('<a href="#explore=line&amp;w=1">x</a>'))) == 1
    assert list(dead_words('<a href="#section">x</a>')) == []


def test_a_link_names_a_printed_power_as_it_is_typed(static):
    def draw(ax, rate=1e-9):
        ax.plot([0, 1], [0, rate])

    figure = explore(draw, rate=[1e-9, 3e-5, 40.0, -2.0, 1.0])
    links = "".join(f'<a href="#explore=draw&amp;rate={rate}">x</a>' for rate in ("1e-9", "0.00003", "4e1", "-2", "10⁻⁹"))
    assert list(dead_words(links + figure.html)) == []
    assert len(list(dead_words('<a href="#explore=draw&amp;rate=1e-8">x</a>' + figure.html))) == 1


@pytest.mark.parametrize("label, typed, leads", [
    ("1_000", "1000", False), ("nan", "nan", True), ("0x10", "16", False), ("16", "1.6e1", True), ("(−1, −1)", "(-1, -1)", True),
])  # fmt: skip
def test_a_link_is_read_as_in_the_browser(static, label, typed, leads):
    figure = static(lambda ax, v: None, v={label: 1, "other": 2})
    assert bool(list(dead_words(f'<a href="#explore=lambda&amp;v={typed}">x</a>' + figure.html))) != leads


def test_letters_are_those_of_every_state(static):
    def draw(ax, x=1, legend=False):
        ax.set_title(f"at {x}")
        if legend:
            ax.plot([0, 1], label="a line")
            ax.legend()

    figure = static(draw, x=(-1, 4), legend=False, goals={"Go to the end.": lambda x: x == 4})
    assert {"at -1", "at 1", "at 4", "a line", "−1", "Go to the end.", "on"} <= letters(figure.html)
    assert letters("<p>at 7</p>") == set()
