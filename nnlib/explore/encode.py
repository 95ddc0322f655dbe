"""Slots to bytes: numbers as differences from state to state, images as the tiles of one sheet, text as it is.

The payload is JSON (what the slots are) followed by a binary block (integers in byte planes, image sheets), deflated
and written in base64. Its layout is read by ``explore.js``.
"""

import base64
import hashlib
import io
import json
import math
import struct
import zlib

import numpy as np
from PIL import Image

from .diff import INNER
from .render import COORDINATES, NUMBER, QUANTUM

FEW = 8  # up to so many different values are cheaper as text than as columns of numbers
SHEET_PIXELS = 16_000_000  # browsers on phones decode no larger image


def encode(slots, states, images, controls, descriptions, play, handles=(), goals=()):
    """The payload of a figure, as bytes before compression.

    ``handles`` are (name, indices of the controls moved, (x, y) in quanta for each state), ``goals`` one list of truths
    for each goal.
    """
    block = _Block()
    entries = [_entry(slot, images, block) for slot in slots]
    head = {"q": QUANTUM, "n": states, "c": controls, "s": entries, "play": play}
    if descriptions:
        texts, index = _distinct(descriptions)
        head["d"] = {"v": texts, "ix": block.integers(index)}
    if handles:
        head["h"] = [
            {"n": name, "m": moves, "x": block.integers([p[0] for p in at]), "y": block.integers([p[1] for p in at])}
            for name, moves, at in handles
        ]
    if goals:
        head["g"] = [block.put(np.packbits(reached, bitorder="little").tobytes()) for reached in goals]
    head = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    return struct.pack("<I", len(head)) + head + bytes(block.data)


def compress(payload):
    return base64.b64encode(zlib.compress(payload, 9)).decode()


def decompress(packed):
    """What :func:`compress` was given: the JSON, read, and the binary block behind it."""
    payload = zlib.decompress(base64.b64decode(packed))
    start = 4 + struct.unpack("<I", payload[:4])[0]
    return json.loads(payload[4:start]), payload[start:]


def fingerprint(*parts):
    """A short hash of the states themselves: the same wherever the same states were drawn, whatever zlib compresses."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:8]


class _Block:
    """Binary data behind the JSON; equal pieces are stored once."""

    def __init__(self):
        self.data, self.offsets = bytearray(), {}

    def put(self, piece):
        if piece not in self.offsets:
            self.offsets[piece] = len(self.data)
            self.data += piece
        return self.offsets[piece]

    def integers(self, values, width=2):
        return self.put(_planes(values, width))


def _planes(integers, width):
    """Bytes: first the lowest of all integers, then the next."""
    return np.ravel(integers).astype(f"<i{width}").view(np.uint8).reshape(-1, width).T.tobytes()


def _distinct(values):
    position = {v: i for i, v in enumerate(dict.fromkeys(values))}
    return list(position), [position[v] for v in values]


def _entry(slot, images, block):
    """One slot of the payload: ``k`` says how its values are kept, ``ix`` which of them each state has."""
    values, index = _distinct(slot.values)
    entry = {"p": slot.path, "a": slot.name, "n": len(values)}
    coded = None
    if slot.name == "href" and all(v is not None and v in images.pixels for v in values):
        coded = _sheet([images.pixels[v] for v in values], block)
    elif slot.name in COORDINATES and len(values) > FEW and None not in values:
        coded = _numbers(values, block)
    if coded is None:
        inline = slot.name in ("href", INNER)
        coded = {"k": "s", "v": [images.inline(v) if inline and v else v for v in values]}
    return entry | coded | {"ix": block.integers(index)}


def _numbers(values, block):
    """Numbers in templates. With one template the columns that vary, else the numbers of every value."""
    templates, which, rows = {}, [], []
    for value in values:
        which.append(templates.setdefault(NUMBER.sub("#", value), len(templates)))
        rows.append([round(float(n) * QUANTUM) for n in NUMBER.findall(value)])
    if max((abs(n) for row in rows for n in row), default=0) >= 2**30:
        return None
    if len(templates) == 1:
        matrix = np.array(rows)
        varies = (matrix != matrix[0]).any(axis=0)
        literal, *rest = next(iter(templates)).split("#")
        for n, text, moves in zip(rows[0], rest, varies, strict=True):
            literal += ("#" if moves else f"{n / QUANTUM:.2f}".rstrip("0").rstrip(".")) + text
        deltas = np.diff(matrix[:, varies].T, axis=1, prepend=0)
        alike = np.diff(deltas, axis=0, prepend=0)  # the points of a curve move alike
        deltas = min(deltas, alike, key=lambda d: len(zlib.compress(_planes(d, _width(d)))))
        width = _width(deltas)
        entry = {"k": "n", "t": literal, "m": int(varies.sum()), "w": width, "d": int(deltas is alike)}
        return entry | {"o": block.integers(deltas, width)}
    if len(templates) > max(4, len(values) // 3):
        return None
    # A point is near the one before it: each number is kept as its difference from the number two places before.
    deltas = np.concatenate([np.concatenate([r[:2], np.subtract(r[2:], r[:-2])]) for r in rows]).astype(np.int64)
    width = _width(deltas)
    entry = {"k": "v", "t": list(templates), "q": which, "m": len(deltas), "w": width}
    return entry | {"o": block.integers(deltas, width)}


def _width(integers):
    return 2 if np.abs(integers).max(initial=0) < 2**15 else 4


def _sheet(tiles, block):
    """All images of a slot as one PNG: tiles with a border of one pixel, so that no tile bleeds into its neighbour."""
    if len({t.shape for t in tiles}) > 1:
        return None
    height, width, _ = tiles[0].shape
    columns = math.ceil(math.sqrt(len(tiles) * (height + 2) / (width + 2)))
    rows = math.ceil(len(tiles) / columns)
    if rows * columns * (height + 2) * (width + 2) > SHEET_PIXELS:
        raise ValueError(
            f"explore: {len(tiles)} images of {width} × {height} pixels are more than a browser can hold "
            f"({SHEET_PIXELS // 10**6} million pixels); use fewer states, or imshow with interpolation='none'"
        )
    sheet = np.zeros((rows * (height + 2), columns * (width + 2), 4), np.uint8)
    sheet[:] = tiles[0][0, 0]
    for i, tile in enumerate(tiles):
        y, x = i // columns * (height + 2), i % columns * (width + 2)
        sheet[y : y + height + 2, x : x + width + 2] = np.pad(tile, ((1, 1), (1, 1), (0, 0)), "edge")
    png = _png(sheet)
    return {"k": "i", "o": block.put(png), "m": len(png), "w": width, "h": height, "cols": columns, "rows": rows}


def _png(pixels):
    """The smallest PNG of an image: with a palette where 256 colours are enough."""
    colours, index = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
        return buffer.getvalue()
    order = _neighbours(colours.astype(float))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return _palette_png(rank[index.ravel()].reshape(pixels.shape[:2]).astype(np.uint8), colours[order])


def _neighbours(colours):
    """Order colours so that neighbours are alike: this recovers a colour map, and differences become small."""
    distance = ((colours[:, None] - colours[None]) ** 2).sum(axis=-1)
    current = int(np.unravel_index(distance.argmax(), distance.shape)[0])
    order, left = [], np.ones(len(colours), bool)
    while True:
        order.append(current)
        left[current] = False
        if not left.any():
            return np.array(order)
        current = int(np.where(left, distance[current], np.inf).argmin())


def _palette_png(index, palette):
    """An 8-bit palette PNG (W3C PNG specification, sections 5 and 9), under the filter that compresses best."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def filtered(number):
        rows = index if number == 0 else np.diff(index.astype(np.int16), axis=2 - number, prepend=0)
        return zlib.compress(np.insert(rows.astype(np.uint8), 0, number, axis=1).tobytes(), 9)

    height, width = index.shape
    transparency = chunk(b"tRNS", palette[:, 3].tobytes()) if (palette[:, 3] < 255).any() else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0))
        + chunk(b"PLTE", palette[:, :3].tobytes())
        + transparency
        + chunk(b"IDAT", min(map(filtered, range(3)), key=len))
        + chunk(b"IEND", b"")
    )
