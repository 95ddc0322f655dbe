"""The static figure in the browser: right in every state, whichever way the reader moves it."""

import random
import re

import pytest

STATES = 6


def test_every_state_is_matplotlibs_own(figure_name, made, opened, compare):
    figure = made(figure_name)
    watcher, [root] = opened(figure)
    rng = random.Random(figure_name)
    states = {figure.start, 0, figure.states - 1, *rng.sample(range(figure.states), min(STATES, figure.states))}
    for state in [figure.start, *rng.sample(sorted(states), len(states)), figure.start]:
        result = compare(root, figure, state)
        assert result["differences"] == [], f"{figure.values(state)}: {result['differences'][:3]}"
        assert result["elements"] > 5
        assert result["worst"] <= 0.051  # half a quantum is 0.025; twice that where matplotlib prints a sum
    assert watcher.errors == [] and watcher.external == []
