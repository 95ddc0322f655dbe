"""What differs between the states of a figure: the start tree, and a list of slots with one value for each state."""

import xml.etree.ElementTree as ET
from dataclasses import dataclass

from .render import inner_markup, markup

INNER = "#inner"  # the slot holds the whole content of an element
TEXT = "#text"


@dataclass
class Slot:
    """One place in the start tree whose content depends on the state."""

    path: list  # indices of children, from the root
    name: str  # an attribute, TEXT or INNER
    values: list  # one for each state; None where the attribute is absent


def compare(trees, start):
    """Compare the trees of all states; returns the slots and changes ``trees[start]`` into the tree that carries them.

    Children are matched from the front and from the back by what matplotlib calls them. What remains between, if the
    states have different numbers of artists, is wrapped in one group and swapped whole.
    """
    slots = []
    _compare(trees, start, [], slots)
    return slots


def _compare(elements, start, path, slots):
    for name in sorted({key for e in elements for key in e.attrib if key != "kind"}):
        _add(slots, path, name, [e.get(name) for e in elements])
    children = [list(e) for e in elements]
    keys = [[(c.tag, c.get("kind")) for c in row] for row in children]
    front = _common([row for row in keys])
    back = _common([row[front:][::-1] for row in keys])
    if elements[0].tag == "text" and any(front < len(row) for row in keys):
        _add(slots, path, INNER, [inner_markup(e) for e in elements])  # a group has no place inside text
        return
    _add(slots, path, TEXT, [e.text or "" for e in elements])
    for i in range(front):
        _compare([row[i] for row in children], start, [*path, i], slots)
    after = front
    if any(front + back < len(row) for row in children):
        middles = [row[front : len(row) - back] for row in children]
        _add(slots, [*path, front], INNER, ["".join(map(markup, m)) for m in middles])
        wrapper = ET.Element("g")
        wrapper.extend(middles[start])
        parent = elements[start]
        for child in middles[start]:
            parent.remove(child)
        parent.insert(front, wrapper)
        after += 1
    for i in range(back):
        _compare([row[len(row) - back + i] for row in children], start, [*path, after + i], slots)


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
