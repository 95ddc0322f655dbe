"""What a person decides beside the grader: points and comments by hand, groups, what being late costs."""

import math
from datetime import datetime, timedelta
from pathlib import Path

from instructor import lms, report


def read_overrides(path, assignment, students):
    """Points and comments by hand: ``{student: rows}`` from a CSV file ``student,exercise,points,comment``.

    A student may be named by the code of the marking page. Without an exercise, points are added to the sum, or taken off it;
    ``late`` for an exercise replaces what lateness costs. Raises ValueError, with file and line, for a name that is not there
    or points that are no number.
    """
    if path is None or not Path(path).exists():
        return {}
    found, codes = {}, {assignment.code(student): student for student in students}
    for line, cells in lms.rows(path, "student"):
        student, exercise, points, comment = (cells + [""] * 4)[:4]
        student = student.removeprefix("'")  # as scores.csv has it
        student = student if student in students else codes.get(student, student)
        if student not in students:
            raise ValueError(f"{path}, line {line}: nobody is called {student!r} in scores.csv")
        if exercise not in ("", report.LATE, *assignment.full):
            raise ValueError(f"{path}, line {line}: no exercise {exercise!r}; there are: {', '.join(assignment.full)}")
        least = 0 if exercise in assignment.full else -math.inf
        points = lms.points(points, path, line, least) if points else None
        if exercise == report.LATE and (points or 0) > 0:
            raise ValueError(f"{path}, line {line}: expected 0 or less for being late, got {points:g}")
        found.setdefault(student, []).append({"exercise": exercise, "points": points, "comment": comment})
    return found


def read_groups(path, students):
    """``{student: group}`` from the instructor's CSV file ``student,group``; ValueError for who is not there or in two."""
    if path is None or not Path(path).exists():
        return {}
    found = {}
    for line, cells in lms.rows(path, "student"):
        student, group = (cell.removeprefix("'") for cell in (cells + [""])[:2])
        if student not in students or not group or found.get(student, group) != group:
            raise ValueError(f"{path}, line {line}: expected a student in scores.csv and one group, got {cells[:2]}")
        found[student] = group
    return found


def share(results, team):
    """Give the best result of each group to all its members."""
    for group in set(team.values()):
        members = [result for result in results if team.get(result["student"]) == group]
        best = max(members, key=lambda result: (result["status"] == "graded", report.score(result)), default=None)
        for member in members:
            if member is not best and best["status"] == "graded":
                note = f"group {group}: what {best['student']} handed in"
                member |= {key: best[key] for key in ("status", "exercises", "answers", "late")} | {
                    "note": best["ran"],  # without what files are called, which may be a name
                    "private": "; ".join(filter(None, [member["private"], note])), "shared": True,
                    "overrides": member["overrides"] + [row for row in best["overrides"] if row["exercise"] in best["full"]]}


def late(assignment, when, said):
    """Days late, begun ones count, and the part of the points that this takes: by the time of the file, or what the LMS said."""
    days = int(said)
    if assignment.due and when:
        due = datetime.fromisoformat(assignment.due)
        days = max(math.ceil((datetime.fromtimestamp(when, due.tzinfo) - due) / timedelta(days=1)), 0)  # by the clock on the wall
    if not assignment.due or not days:
        return {"days": 0, "off": 0}
    over = assignment.days is not None and days > assignment.days
    return {"days": days, "off": 1 if over else min(days * assignment.late / 100, 1)}
