"""Keep of the theme's icon font only what the pages show: a few kilobytes of three hundred.

The theme comes with a style rule and a letter for each of FontAwesome's two thousand icons. Pages name icons by class
(``fa-moon``); style sheets name them by their letter.

The theme's style sheet itself is rewritten, for the theme has no switch for its icons: the sheet asks first for WOFF2
files, which only a further compressor could write, and its rules for icons are a fifth of it (85 kB). If a version of
the theme writes these rules in another way, nothing matches and the test of the icons fails.
"""

import re

from fontTools import subset
from fontTools.ttLib import TTFont

RULE = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}')
LETTER = re.compile(r"\\([ef][0-9a-f]{3})(?![0-9a-f])|([\ue000-\uf8ff])")


def letters(html):
    """Code points of the icons that the pages, scripts and style sheets below ``html`` name."""
    rules, sheets = {}, ""
    for path in html.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        for selectors, code in RULE.findall(text):
            for name in re.findall(r"fa-[\w-]+", selectors):
                rules[name] = int(code, 16)
        sheets += RULE.sub("", text)
    named = {int(code, 16) if code else ord(letter) for code, letter in LETTER.findall(sheets)}
    for path in [*html.rglob("*.html"), *html.rglob("*.js")]:
        for name in re.findall(r"fa-[\w-]+", path.read_text(encoding="utf-8")):
            if name in rules:
                named.add(rules[name])
    return named


def shrink(html):
    """Rewrite the fonts and the theme's style sheet in the built folder."""
    keep = letters(html)
    for path in html.glob("_static/vendor/fontawesome/webfonts/*.ttf"):
        font = TTFont(path, recalcTimestamp=False)
        options = subset.Options(notdef_outline=True, recommended_glyphs=False)
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=keep & set(font.getBestCmap()))
        subsetter.subset(font)
        font.flavor = "woff"
        font.save(path.with_suffix(".woff"))
        path.unlink()
        path.with_suffix(".woff2").unlink(missing_ok=True)
    sheet = html / "_static" / "styles" / "pydata-sphinx-theme.css"
    text = sheet.read_text(encoding="utf-8")
    text = re.sub(
        r'url\(([^)]*fontawesome[^)]*)\.woff2\) format\("woff2"\),url\([^)]*\.ttf\) format\("truetype"\)',
        r'url(\1.woff) format("woff")',
        text,
    )
    sheet.write_text(
        RULE.sub(lambda rule: rule[0] if int(rule[2], 16) in keep else "", text), encoding="utf-8"
    )
