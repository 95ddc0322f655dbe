"""Which submissions share unusual code: for the instructor to look at, never to decide by.

Code is compared as tokens in which names and numbers of one's own no longer matter. Runs of a few tokens that stand in the
handed-out notebook, in the solutions, or in many submissions say nothing and do not count.
"""

import io
import keyword
import tokenize
from collections import Counter
from html import escape
from itertools import combinations

from instructor import report

RUN = 12  # tokens that must follow each other
COMMON = 0.1  # a run in more than this part of the class, and in more than three, is everybody's
LEAST = 0.3  # pairs that share less of the shorter one's unusual runs are not shown
MOST = 30  # pairs that are shown
LONG = 50_000  # characters of one's code that are compared
CAVEAT = """Similar code is no proof of anything. A short task has few good answers; students who learnt together, or from the
same page, write alike; whoever copied and rewrote is not found. Read both, and talk to both, before you conclude."""
SKIPPED = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def tokens(source):
    """``(token, line)`` of Python code: names of one's own are ``n``, a number ``0``, a text ``s``."""
    found, after_dot = [], False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type in SKIPPED:
                continue
            text = token.string
            if token.type == tokenize.NAME:
                text = text if keyword.iskeyword(text) or after_dot else "n"
            elif token.type == tokenize.NUMBER:
                text = "0"
            elif token.type == tokenize.STRING:
                text = "s"
            found.append((text, token.start[0] - 1))
            after_dot = token.string == "."
    except (tokenize.TokenError, SyntaxError, ValueError):  # what comes before the fault counts
        pass
    return found


def runs(cells):
    """``{run of tokens: lines of code}`` in the cells of a notebook."""
    found, left = {}, LONG
    for source in cells:
        source, left = source[:left], max(left - len(source), 0)
        marked, lines = tokens(source), [line[:200] for line in source.split("\n")]
        for k in range(len(marked) - RUN + 1):
            run = tuple(text for text, _ in marked[k : k + RUN])
            found.setdefault(run, "\n".join(lines[marked[k][1] : marked[k + RUN - 1][1] + 1]))
    return found


def pairs(sources, known, together=lambda one, other: False):
    """``(shared part, student, student, shared code)``, the most similar first.

    ``sources`` maps students to the sources of their cells, ``known`` are cells that everybody has; two who work ``together``
    are left out.
    """
    everybody = runs(known).keys()
    own = {student: {run: text for run, text in runs(cells).items() if run not in everybody}
           for student, cells in sources.items()}
    often = Counter(run for found in own.values() for run in found)
    most = max(3, COMMON * len(own))
    rare = {student: {run for run in found if often[run] <= most} for student, found in own.items()}
    holders = {}
    for student, found in rare.items():
        for run in found:
            holders.setdefault(run, []).append(student)
    shared = Counter(pair for students in holders.values() for pair in combinations(sorted(students), 2))
    found = []
    for (one, other), count in shared.items():
        part = count / min(len(rare[one]), len(rare[other]))
        if part >= LEAST and count >= RUN and not together(one, other):
            code = dict.fromkeys(text for run, text in own[one].items() if run in rare[one] & rare[other])
            found.append((part, one, other, list(code)))
    return sorted(found, key=lambda pair: (-pair[0], pair[1:3]))


def page(assignment, found):
    """The report as HTML."""
    body = [f"<h1>{escape(assignment.title)}: similar code</h1>", f"<p class=hint>{CAVEAT}</p>",
            f"<p>{len(found)} pairs share at least {100 * LEAST:.0f} % of the unusual code of the one with less. What stands "
            "in the handed-out notebook, in the solutions, or in many submissions does not count.</p>"]
    for part, one, other, code in found[:MOST]:
        lines = list(dict.fromkeys(line for text in code for line in text.split("\n")))
        shown = "\n".join(lines[:40]) + ("\n..." if len(lines) > 40 else "")
        body += [f"<h2>{escape(one)} and {escape(other)}: {100 * part:.0f} %</h2>", f"<pre>{escape(shown)}</pre>"]
    return report.PAGE.format(title=escape(f"{assignment.title}: similar code"), body="\n".join(body))
