"""The figure in a page with an interpreter behind it: the page's controls and handles, each state drawn when it is asked for.

With the environment variable ``EXPLORE_ON_DEMAND=1`` a figure is the HTML of a page with its start state alone. The page's script
asks for every other one by the event ``explore-draw``; whoever hears it calls :func:`answer`.
"""

import itertools
import os

from .encode import compress, encode
from .memo import AxisMemo
from .page import figure_html, standalone_svg
from .render import Images, images_alone, markup, tree_of

REMEMBERED = 100  # drawings of axes kept between states
figures, _numbers = {}, itertools.count()
_START = os.urandom(4).hex()  # a page can hold figures of an interpreter that is gone


class _Drawing:
    def __init__(self, explorer):
        self.explorer, self.memo = explorer, AxisMemo()

    def state(self, values):
        """The picture of a state as a tree, its images, and the figure as matplotlib has it."""
        with self.explorer.drawn(values) as figure:
            if len(self.memo.drawings) > REMEMBERED:
                self.memo = AxisMemo()
            self.memo.prepare(figure)
            images = Images()
            return tree_of(figure, images, self.memo), images, figure


def first(explorer):
    """The HTML of a figure in its start state.

    Where its handles are in the other states is taken from the axes of this one, until these states are drawn.
    """
    key, drawing = f"draws-{_START}-{next(_numbers)}", _Drawing(explorer)
    start = explorer.values(explorer.start)
    tree, images, figure = drawing.state(start)
    states = list(explorer.all_values())
    heads, names, play = explorer.heads()
    handles = [(h.name, [names.index(n) for n in h.moves], h.places(figure, states)) for h in explorer.handles]
    unknown = [[False] * len(states) for _ in explorer.goals]
    figures[key] = drawing
    return figure_html(
        tree, name=explorer.name, title=explorer.title, description=explorer.said(start),
        controls=explorer.controls, goals=explorer.goals, images=images, prefix=key, draws=True,
        payload=compress(encode([], len(states), images, heads, [], play, handles, unknown)),
        keep="all" if explorer.keeps(images_alone(figure), images) else "",  # the whole picture is one image
    )  # fmt: skip


def answer(key, state):
    """A state of the figure that :func:`first` gave the id ``key``: its picture, description, handles and goals."""
    drawing = figures[key]
    explorer, values = drawing.explorer, drawing.explorer.values(state)
    with explorer.names.back():
        tree, images, figure = drawing.state(values)
        return {
            "picture": images.inline(markup(standalone_svg(tree))),
            "said": explorer.said(values),
            "handles": [handle.place(figure, values) for handle in explorer.handles],
            "reached": [goal.reached(values) for goal in explorer.goals],
        }
