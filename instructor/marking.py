"""The page on which written answers are marked: side by side, without names."""

import json
import re
from html import escape
from pathlib import Path

from instructor import written
from instructor.page import to_html

PAGE = Path(__file__).with_name("marking.html")


def page(assignment, results):
    """The page on which answers are marked: side by side, without names, the rubric's lines as buttons."""
    markdown = to_html()
    body, known = [], {}
    for question in written.choose(assignment.questions):
        rubric = assignment.questions[question.name]
        given = [result for result in results if result.get("answers", {}).get(question.name) and not result.get("shared")]
        given.sort(key=lambda result: (len(result["answers"][question.name]), result["code"]))
        body += [f"<section data-question='{escape(question.name)}' data-most='{sum(row[0] for row in rubric):g}'>",
                 f"<h2>{escape(question.title)}</h2>", markdown.render(question.text),
                 f"<details><summary>The book's answer</summary>{markdown.render(question.solution)}</details>",
                 f"<p>{len(given)} answers, the shortest first; {len(results) - len(given)} without.</p><div class=answers>"]
        for result in given:
            body += [f"<article data-student='{result['code']}'><h3>{result['code']}</h3>"
                     f"<div class=answer>{escape(result['answers'][question.name])}</div><p>"]
            body += [f"<button type=button data-points='{points:g}'>+{points:g} {escape(text)}</button>"
                     for points, text in rubric]
            body.append("</p><p><label>Points <input type=number min=0 step=any></label> <label>Comment <textarea rows=2>"
                        "</textarea></label></p></article>")
            for row in result["overrides"]:
                if row["exercise"] == question.name:
                    known[f"{result['code']} {question.name}"] = [row["points"], row["comment"]]
        body.append("</div></section>")
    parts = {"title": escape(assignment.title), "marks": json.dumps(known).replace("<", r"\u003c"), "body": "\n".join(body)}
    return re.sub(r"\{(title|marks|body)\}", lambda found: parts[found[1]], PAGE.read_text(encoding="utf-8"))
