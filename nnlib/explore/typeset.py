"""Numbers and quotes as a book prints them, where Python leaves ``-2``, ``3e-05`` and ``'``."""

import re

POWER = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)")
MINUS = re.compile(r"(?<![\w.)\]}])-(?=\.?\d)")
NEGATIVE_ZERO = re.compile("(?<![\\w.])\N{MINUS SIGN}(0(?:\\.0*)?)(?![\\d.])")
QUOTES = (
    (re.compile(r"(?<!\w)'(.+?)'(?!\w)"), r"‘\1’"),
    (re.compile(r'(?<!\w)"(.+?)"(?!\w)'), r"“\1”"),
    (re.compile(r"(?<=\w)'(?=\w)|(?<=s)'(?!\()"), "’"),
)
PERCENT = re.compile(r"(?<=\d)\s?%(?!\w)")
PRINTED = re.compile(r"(?:(\S*)·)?(\N{MINUS SIGN}?)10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)")
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN = 3  # up to this power of ten a number is written out


def typeset(text):
    """A text whose numbers and quotes are a book's: ``-2`` → "−2", ``-0.0`` → "0.0", ``3e-05`` → "3·10⁻⁵", ``15%`` → "15 %".

    For titles and labels: ``ax.set_title(typeset(f"after ten layers {size:.0e}"))``. A percent sign stays with its number.
    """
    text = NEGATIVE_ZERO.sub(r"\1", MINUS.sub("\N{MINUS SIGN}", POWER.sub(_power, text)))
    for straight, curved in QUOTES:
        text = straight.sub(curved, text)
    return PERCENT.sub("\N{NO-BREAK SPACE}%", text)


def _power(found):
    digits, exponent = found[1], int(found[2])
    if abs(exponent) <= PLAIN:
        decimals = len(digits.partition(".")[2])
        return f"{float(found[0]):.{max(0, decimals - exponent)}f}"
    power = "10" + str(exponent).translate(RAISED)
    return power if float(digits) == 1 else "-" + power if float(digits) == -1 else f"{digits}·{power}"


def plain(text):
    """Back to what ``float`` reads: "3·10⁻⁵" → ``3e-5``, "−2" → ``-2``."""
    found = PRINTED.fullmatch(text)
    if found:
        text = f"{found[2]}{found[1] or 1}e{found[3].translate({to: chr(of) for of, to in RAISED.items()})}"
    return text.replace("\N{MINUS SIGN}", "-")
