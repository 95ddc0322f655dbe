"""Numbers of a chapter's prose for which its page shows no source.

A source is an output, a cell's code, a formula, a table or code between words: the number itself, what rounds to it, or a
share of which it is the percentage. Years, times, points and numbers of chapters need none. What comes from elsewhere is
named in a comment of the same cell, ``<!-- numbers: 224, 51 -->``.

It finds slips where they can be found: of the last digits of this book's numbers, changed one by one, it notices nine in
ten where a number has three digits or more, one in four with two, and none with one: small numbers stand in every cell.
"""

import re

NUMBER = re.compile(r"(?<![\w.\-/])\d+(?:[.,]\d+)*(?!\w)")
DIGITS = re.compile(r"\d+(?:\.\d+)?")
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|^\|.*\|$|`[^`]*`", re.S | re.M)
ROLE = re.compile(r"\{\w[\w:]*\}`[^`]*`|^\([\w-]+\)=$|\]\([^)]*\)|^:[\w-]+:.*$", re.M)
FREE = re.compile(
    r"(?<!\d)(?:1[6-9]|20)\d\d(?!\d)|(?:[Cc]hapters?|[Ss]ections?|Part|Figure|Table) \d[\d., and]*|\d+ minutes?|\d+ points?"
)
SAID = re.compile(r"<!-- numbers: ([^>]*) -->")


def sources(notebook):
    """The numbers that the page shows outside its sentences, as text."""
    found = set()
    for cell in notebook.cells:
        texts = [cell.source.replace("_", "")] if cell.cell_type == "code" else FORMULA.findall(cell.source)
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), output.get("data", {}).get("text/plain", "")]
        for text in texts:
            found.update(DIGITS.findall(re.sub(r"(?<=\d)[,_](?=\d{3})", "", text)))
    return found


def has_source(number, found):
    if number in found:
        return True
    value, places = float(number), len(number.partition(".")[2])
    fractions = [float(text) for text in found if "." in text]
    half = 0.5000001 * 10**-places  # 1.25 may become 1.2 and 1.3
    return any(min(abs(x - value), abs(100 * x - value)) <= half for x in fractions)


def unsupported(notebook):
    """(number of the cell, number in the sentence, words around it)."""
    found = sources(notebook)
    for k, cell in enumerate(notebook.cells, 1):
        if cell.cell_type != "markdown":
            continue
        said = {number for names in SAID.findall(cell.source) for number in re.findall(r"[\d.]*\d", names.replace(",", " "))}
        prose = FREE.sub(" ", FORMULA.sub(" ", ROLE.sub(" ", SAID.sub("", cell.source))))
        for match in NUMBER.finditer(prose):
            number = match[0].replace(",", "")
            if number.count(".") < 2 and number not in said and not has_source(number, found):
                yield k, match[0], " ".join(prose[max(0, match.start() - 30) : match.end() + 20].split())
