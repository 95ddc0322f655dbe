"""What differs between the states of a figure: the start tree, and a list of slots with one value for each state."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from .render import copied, inner_markup, markup

INNER = "#inner"  # the slot holds the whole content of an element
TEXT = "#text"


@dataclass
class Slot:
    """One place in the start tree whose content depends on the state."""

    path: list  # indices of children, from the root
    name: str  # an attribute, TEXT or INNER
    values: list  # one for each state; None where the attribute is absent


class Shared:
    """Gives what is equal in the trees of all states the same elements: there is nothing left to compare in them."""

    def __init__(self):
        self.known = {}

    def __call__(self, element):
        element[:] = map(self, element)
        key = (element.tag, element.text, *element.items(), *map(id, element))
        return self.known.setdefault(key, element)


def compare(trees, start):
    """Compare the trees of all states, which may share elements; returns a copy of ``trees[start]`` and its slots.

    Children are matched from the front and from the back by what matplotlib calls them. What remains between, if the
    states have different numbers of artists, is wrapped in one group and swapped whole.
    """
    slots, own = [], copied(trees[start])
    _compare(trees, own, [], slots)
    return own, slots


def _compare(elements, own, path, slots):
    if all(e is elements[0] for e in elements):
        return
    for name in sorted({key for e in elements for key in e.attrib if key != "kind"}):
        _add(slots, path, name, [e.get(name) for e in elements])
    children = [list(e) for e in elements]
    keys = [[(c.tag, c.get("kind")) for c in row] for row in children]
    front = _common([row for row in keys])
    back = _common([row[front:][::-1] for row in keys])
    if elements[0].tag in ("text", "clipPath") and any(front < len(row) for row in keys):
        _add(slots, path, INNER, [inner_markup(e) for e in elements])  # a group has no place in there
        return
    _add(slots, path, TEXT, [e.text or "" for e in elements])
    for i in range(front):
        _compare([row[i] for row in children], own[i], [*path, i], slots)
    after = front
    if any(front + back < len(row) for row in children):
        middles = [row[front : len(row) - back] for row in children]
        _add(slots, [*path, front], INNER, ["".join(map(markup, m)) for m in middles])
        wrapper = ET.Element("g")
        wrapper.extend(own[front : len(own) - back])
        own[front : len(own) - back] = [wrapper]
        after += 1
    for i in range(back):
        _compare([row[len(row) - back + i] for row in children], own[after + i], [*path, after + i], slots)


def _add(slots, path, name, values):
    if any(v != values[0] for v in values):
        slots.append(Slot(path, name, values))


def _common(rows):
    """Length of the common front of several lists."""
    length = 0
    for items in zip(*rows, strict=False):
        if any(item != items[0] for item in items):
            break
        length += 1
    return length
