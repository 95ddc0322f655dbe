"""``python -m instructor COMMAND``: what an instructor does, from the assignment to the scores."""

import argparse
import re
import sys
from pathlib import Path

from instructor import assignment, edition, grade, lms, page, report, written
from nnlib.exercises import all_exercises

ASSIGNMENTS = Path("assignments")
WEEK = """From Monday to Friday:

  list                                        the exercises, with chapter, minutes and points
  assignment week2 --exercises softmax ...    make the notebook or the page to hand out, in assignments/week2/student
  grade week2 submissions.zip                 scores, feedback and statistics, in assignments/week2/graded

And: student, edition (the book without and with solutions), nbgrader (export to a course).
Each command says more with --help, as in: {prog} grade --help
The whole story is in appendix/instructor_guide.md."""


def number(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def list_exercises(options):
    chapters = [str(chapter).zfill(2) for chapter in options.chapters]
    entries = [entry for entry in all_exercises().values()
               if not chapters or any(entry.chapter.startswith(chapter) for chapter in chapters)]
    if not entries:
        raise ValueError(f"no exercises in: {', '.join(options.chapters)}")
    wide = [max(len(text(entry)) for entry in entries) for text in (lambda e: e.chapter, lambda e: e.name)]
    print(f"{'chapter':{wide[0]}}  {'name':{wide[1]}}  min  points  title")
    for entry in entries:
        print(f"{entry.chapter:{wide[0]}}  {entry.name:{wide[1]}}  {entry.minutes:3}  {entry.points:6}  {entry.title}")
    print(f"{len(entries)} exercises, {sum(entry.minutes for entry in entries)} minutes, "
          f"{sum(entry.points for entry in entries)} points")
    asked = [question for question in written.all_questions().values()
             if not chapters or any(question.chapter.startswith(chapter) for chapter in chapters)]
    if asked:
        print("\nto answer in words:")
    for question in asked:
        print(f"{question.chapter:{wide[0]}}  {question.name:{wide[1]}}  {question.title}")


def make_edition(options):
    edition.make(options.command, options.out, book=not options.no_book)


def make_assignment(options):
    names = assignment.choose(options.exercises, options.chapters, options.questions)
    worth = {}
    for text in options.points:
        name, _, points = text.partition("=")
        if not re.fullmatch(r"\d+([.,]\d+)?", points):
            raise ValueError(f"expected --points such as softmax=5, got {text!r}")
        worth[name] = lms.points(points, "--points", 1)
    roster = lms.roster(options.roster) if options.roster else []
    students, folder = [one.student for one in roster], ASSIGNMENTS / options.name
    made = assignment.make(folder, options.name, names, options.title, students,
                           questions=options.questions, worth=worth, due=options.due, late=options.late, days=options.days)
    words = f", {len(made.questions)} answered in words" if made.questions else ""
    print(f"{made.title}: {len(names)} exercises{words}, {made.points:g} points")
    if made.due:
        print(assignment.deadline(made))
    print(f"hand out      {folder / 'student'}, or {page.write(folder / 'student', made, *students[:1])} alone")
    handed_out = {made.file(student) for student in students or [""]}
    older = sorted({path.name for path in (folder / "student").glob("*.ipynb")} - handed_out)
    if older:
        print(f"not of this   {', '.join(older[:5])}{f' and {len(older) - 5} more' * (len(older) > 5)}: left by an earlier run")
    own = [(f"{one.folder}/{made.file()}", (folder / "student" / made.file(one.student)).read_text("utf-8"))
           for one in roster if one.folder]
    if own:
        report.write_zip(folder / "student" / f"{made.name}-moodle.zip", own)
        print(f"to Moodle     {folder / 'student' / f'{made.name}-moodle.zip'}, as feedback files: to each the own notebook")
    print(f"keep          {folder / 'instructor'} and {folder / 'assignment.json'}")


def grade_submissions(options):
    if options.column and not options.merge:
        raise ValueError("--column says where in the gradebook of --merge")
    folder = ASSIGNMENTS / options.name
    chosen = assignment.load(folder)
    if options.merge:
        lms.merge(options.merge, {}, options.column)  # what is wrong with the file is said before grading
    everybody = options.roster or options.merge
    students = lms.roster(everybody) if everybody else ()
    out = folder / "graded"
    try:
        results = grade.grade(chosen, options.submissions, out, students, options.workers, take=options.take,
                              overrides=folder / "overrides.csv", work=options.work, marks=folder / "marks.csv",
                              groups=folder / "groups.csv", again=options.again,
                              solutions=folder / "instructor" / f"{options.name}-solutions.ipynb")
    except KeyboardInterrupt:
        print(f"\nStopped. What was graded is kept in {out}; the same command goes on.", file=sys.stderr)
        return 130
    counts = {status: sum(result["status"] == status for result in results) for status in grade.STATUSES}
    print(", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no submissions")
    print(f"scores        {out / 'scores.csv'}\nfeedback      {out / 'feedback.zip'}, to upload\n"
          f"statistics    {out / 'statistics.html'}")
    to_mark = sum(len(report.open_answers(result, chosen.questions)) for result in results)
    if chosen.questions:
        print(f"to mark       {to_mark} answers, in {out / 'marking.html'}")
    if options.merge:
        scores = {result["lms_id"]: (report.score(result), chosen.points, result["note"])
                  for result in results if result["lms_id"] and result["status"] != "missing"}
        text, filled = lms.merge(options.merge, scores, options.column)
        merged = out / Path(options.merge).name
        merged.write_bytes(text)
        print(f"upload        {merged}  ({filled} of {len(scores)} scores filled in)")
    return 0


def export_nbgrader(options):
    from instructor import nbgrader_export
    path = nbgrader_export.export(assignment.load(ASSIGNMENTS / options.name), options.course)
    print(f"written       {path}\nnext          nbgrader generate_assignment {options.name}")


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m instructor", description=__doc__)
    commands = parser.add_subparsers(dest="command")

    for name, text in [("student", "notebooks and book without any solution"),
                       ("edition", "notebooks and book with solutions, points and expected mistakes")]:
        command = commands.add_parser(name, help=text)
        command.add_argument("--no-book", action="store_true", help="notebooks only")
        command.add_argument("--out", type=Path, help=f"folder to write (default _build/{name})")
        command.set_defaults(run=make_edition)

    command = commands.add_parser("list", help="the exercises, with chapter, minutes and points")
    command.add_argument("chapters", nargs="*", metavar="NN")
    command.set_defaults(run=list_exercises)

    command = commands.add_parser("assignment", help="choose exercises, make the notebook and the page for students")
    command.add_argument("name")
    command.add_argument("--exercises", nargs="*", default=[], metavar="NAME")
    command.add_argument("--chapters", nargs="*", default=[], metavar="NN")
    command.add_argument("--questions", nargs="*", default=[], metavar="NAME", help="questions that are answered in words")
    command.add_argument("--points", nargs="*", default=[], metavar="NAME=POINTS", help="other points than the book's")
    command.add_argument("--due", default="", metavar="TIME", help='such as "2026-10-09 18:00"')
    command.add_argument("--late", type=float, default=0, metavar="PERCENT", help="taken off for each day begun after --due")
    command.add_argument("--days", type=int, help="after so many days nothing counts")
    command.add_argument("--title")
    command.add_argument("--roster", metavar="CSV", help="numbers of its own in each student's notebook")
    command.set_defaults(run=make_assignment)

    command = commands.add_parser("grade", help="grade a folder or an LMS zip of submissions")
    command.add_argument("name")
    command.add_argument("submissions")
    command.add_argument("--roster", metavar="CSV", help="list as missing who handed in nothing")
    command.add_argument("--merge", metavar="CSV", help="your Canvas gradebook or Moodle grading worksheet")
    command.add_argument("--column", help="Canvas: the assignment's column")
    command.add_argument("--take", choices=["latest", "best"], default="latest", help="of several notebooks of one student")
    command.add_argument("--work", type=number, default=1, metavar="N", help="N times the work that a submission may do")
    command.add_argument("--again", nargs="*", default=[], metavar="NAME", help="students or exercises to grade again")
    command.add_argument("--workers", type=number, help="submissions at a time (default: one for each core)")
    command.set_defaults(run=grade_submissions)

    command = commands.add_parser("nbgrader", help="export an assignment to an nbgrader course")
    command.add_argument("name")
    command.add_argument("course", help="the course's folder")
    command.set_defaults(run=export_nbgrader)

    for stream in (sys.stdout, sys.stderr):  # a console that has few letters
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    options = parser.parse_args(arguments)
    if options.command is None:
        print(WEEK.format(prog=parser.prog))
        return 0
    try:
        return options.run(options) or 0
    except (ValueError, OSError) as error:
        print(f"{parser.prog} {options.command}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
