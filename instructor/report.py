"""What grading leaves behind: scores as CSV, a page for each student, a zip of them for the LMS, statistics for the lecturer."""

import csv
import io
import zipfile
from collections import Counter
from html import escape

from instructor.lms import harmless

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
:root {{ color-scheme: light dark; --hint: #fff6dd; --right: #1a6b2f; --wrong: #a3261b; --bar: #0072b2 }}
@media (prefers-color-scheme: dark) {{ :root {{ --hint: #3a3116; --right: #7fcf95; --wrong: #ff9a8d; --bar: #56b4e9 }} }}
body {{ font: 16px/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em; overflow-wrap: anywhere }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #8888; padding: .2em .6em; text-align: left; overflow-wrap: break-word }}
.hint {{ background: var(--hint); padding: .4em .8em; border-left: 4px solid #d9a400 }}
blockquote {{ white-space: pre-wrap; margin: 0; padding-left: 1em; border-left: 3px solid #8888 }}
pre {{ overflow-x: auto }}
.right {{ color: var(--right) }}
.wrong {{ color: var(--wrong); overflow-wrap: anywhere }}
.bar {{ width: min(16em, 25vw) }}
.bar i {{ display: inline-block; height: .8em; background: var(--bar) }}
</style>
{body}
</html>
"""


LATE = "late"  # stands for an exercise where points by hand take the place of what lateness costs


def by_hand(result, name):
    """The points that an instructor gave for an exercise or question; None if there are none."""
    given = [row["points"] for row in result.get("overrides", ()) if row["exercise"] == name and row["points"] is not None]
    return given[0] if given else None


def points_of(result, name):
    """The points of one exercise or question: an instructor's, or what was earned."""
    given, done = by_hand(result, name), result["exercises"].get(name, {"points": 0})
    if given is not None:
        return given
    own = sum(case[1] for case in done.get("cases", ()))
    return short(done["points"] * result.get("full", {}).get(name, own) / own) if own else done["points"]


def short(points):
    """Points to two places, whole ones as such."""
    return int(points) if points == int(points) else round(points, 2)


def before_lateness(result):
    names = {*result["exercises"], *(row["exercise"] for row in result.get("overrides", ()))} - {"", LATE}
    return sum(points_of(result, name) for name in names)


def lateness(result):
    """What is taken off for being late, a number not above 0: by hand, or by the assignment's policy."""
    given = by_hand(result, LATE)
    return given if given is not None else -short(before_lateness(result) * result.get("late", {}).get("off", 0))


def score(result):
    """All points of one result, overrides and adjustments included; never less than 0."""
    added = sum(row["points"] or 0 for row in result.get("overrides", ()) if not row["exercise"])
    return short(max(before_lateness(result) + lateness(result) + added, 0))


def late_note(result):
    """A sentence on lateness; "" if there is nothing to say."""
    days, off = result.get("late", {}).get("days", 0), lateness(result)
    text = f"{days} day{'' if days == 1 else 's'} late" if days else ""
    return f"{text or 'late'}: {off:+g} points" if off else text


def open_answers(result, questions):
    """The questions that were answered and not yet marked."""
    return [name for name in questions if result.get("answers", {}).get(name) and by_hand(result, name) is None]


def scores_csv(assignment, results):
    """One row for each student, as CSV."""
    names = assignment.full
    rows = [["student", "status", *names, "score", "maximum", "code", "note"]]
    for result in sorted(results, key=lambda result: result["student"]):
        comments = [row["comment"] for row in result.get("overrides", ())]
        to_mark = [f"{name} is to be marked" for name in open_answers(result, assignment.questions)]
        note = "; ".join(filter(None, [late_note(result), result["note"], result["private"], *to_mark, *comments]))
        rows.append([result["student"], result["status"], *(points_of(result, name) for name in names), score(result),
                     assignment.points, assignment.code(result["student"]), note])
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def feedback(assignment, result, statuses):
    """The page for one student: nothing in it comes from another's submission."""
    body = [f"<h1>{escape(assignment.title)}</h1>",
            f"<p>{escape(result['student'])}: <strong>{score(result)} of {assignment.points:g} points</strong></p>"]
    if result["status"] != "graded":
        body.append(f"<p class=wrong>{escape(result['status'])}: {escape(statuses[result['status']])}.</p>")
    body += [f"<p>{escape(note)}</p>" for note in (late_note(result), result["note"]) if note]
    rows = result.get("overrides", ())
    for row in rows:
        if row["exercise"] in ("", LATE) and row["comment"]:
            change = "" if row["points"] is None or row["exercise"] else f" ({row['points']:+g} points)"
            body.append(f"<p class=hint>{escape(row['comment'])}{change}</p>")
    for entry in assignment.entries():
        done = result["exercises"].get(entry.name)
        body.append(f"<h2>{escape(entry.title)} ({points_of(result, entry.name)} of {assignment.full[entry.name]:g})</h2>")
        for row in rows:
            if row["exercise"] == entry.name:
                body.append(f"<p class=hint>{escape(row['comment'] or 'Marked by hand.')}</p>")
        if not done or not done["written"]:
            body.append("<p>Not written yet.</p>")
            continue
        body.append("<table><tr><th>case<th>points<th>")
        for label, points, fault in done["cases"]:
            verdict = f"<td class=wrong>{escape(fault)}" if fault else "<td class=right>right"
            body.append(f"<tr><td>{escape(label)}<td>{0 if fault else points} of {points}{verdict}")
        body.append("</table>")
        body += [f"<p class=hint>{escape(hint)}</p>" for hint in done["hints"]]
    for name, title in assignment.titles.items():
        answer = result.get("answers", {}).get(name, "")
        marked = "not marked yet" if open_answers(result, [name]) else f"{points_of(result, name)} of {assignment.full[name]:g}"
        body += [f"<h2>{escape(title)} ({marked})</h2>",
                 f"<blockquote>{escape(answer)}</blockquote>" if answer else "<p>Not written.</p>"]
        body += [f"<p class=hint>{escape(row['comment'])}</p>" for row in rows if row["exercise"] == name and row["comment"]]
    return PAGE.format(title=escape(f"{assignment.title}: {result['student']}"), body="\n".join(body))


def write_zip(path, files):
    """Write a zip for an LMS; ``files`` are pairs of the name that it expects and the text."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files):
            name, text = (part.encode("utf-8", "replace") for part in (name, text))
            archive.writestr(zipfile.ZipInfo(name.decode(), (2026, 1, 1, 0, 0, 0)), text)


def statistics(assignment, results):
    """The lecturer's page: how the class did on each exercise and case, and which mistakes were made how often."""
    there = [result for result in results if result["status"] == "graded"]
    body = [f"<h1>{escape(assignment.title)}</h1>",
            f"<p>{len(there)} of {len(results)} graded. The class's names are not on this page.</p>"]
    if there:
        scores = sorted(score(result) for result in there)
        middle = scores[len(scores) // 2]
        body += [f"<p>Score of the middle one: {middle:g} of {assignment.points:g}; mean {sum(scores) / len(scores):.1f}.</p>",
                 "<table><tr><th>points<th>students<th>"]
        bins = Counter(min(int(10 * value / max(assignment.points, 1)), 10) for value in scores)
        for k in range(11):
            low = k * assignment.points / 10
            body.append(f"<tr><td>from {low:g}<td>{bins[k]}{_bar(bins[k], max(bins.values()))}")
        body.append("</table>")
    for entry in assignment.entries():
        done = [result["exercises"][entry.name] for result in there if entry.name in result["exercises"]]
        written = [one for one in done if one["written"]]
        earned = [points_of(result, entry.name) for result in there]
        mean = sum(earned) / len(earned) if earned else 0
        body += [f"<h2>{escape(entry.title)} (<code>{escape(entry.name)}</code>)</h2>",
                 f"<p>Written by {len(written)} of {len(done)}; mean {mean:.1f} of {assignment.full[entry.name]:g} points.</p>",
                 "<table><tr><th>case<th>right<th>"]
        faults = Counter(label for one in written for label, _, fault in one["cases"] if not fault)
        labels = dict.fromkeys(label for one in done for label, _, _ in one["cases"])
        body += [f"<tr><td>{escape(label)}<td>{faults[label]}{_bar(faults[label], len(done))}" for label in labels]
        body.append("</table>")
        hints = Counter(hint for one in written for hint in one["hints"])
        if hints:
            body.append("<table><tr><th>how often<th>what was said")
            body += [f"<tr><td>{count}<td>{escape(hint)}" for hint, count in hints.most_common(8)]
            body.append("</table>")
    for name, title in assignment.titles.items():
        answered = [result for result in there if result.get("answers", {}).get(name)]
        marks = [by_hand(result, name) for result in answered if by_hand(result, name) is not None]
        mean = f"; mean {sum(marks) / len(marks):.1f} of {assignment.full[name]:g} points" if marks else ""
        body += [f"<h2>{escape(title)}, in words (<code>{escape(name)}</code>)</h2>",
                 f"<p>Answered by {len(answered)}, {len(marks)} marked{mean}.</p>"]
    return PAGE.format(title=escape(f"{assignment.title}: statistics"), body="\n".join(body))


def _bar(part, whole):
    return f'<td class=bar><i style="width: {100 * part / max(whole, 1):.0f}%"></i>'
