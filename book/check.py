"""What a chapter still lacks, and where CONTRIBUTING.md says so: ``python -m book check [CHAPTER ...]``.

``tests/chapters`` holds every chapter to these rules. The build asks for those marked as stale alone: a page shows what
its cells gave when they last ran.
"""

import ast
import gzip
import html
import re
import sys

import yaml

from book import numbers
from book.execute import CELL_METADATA, RAN, ROOT, find, fingerprint
from book.notebook import NAME, ChapterError, label_of, parts, read

FOLDERS = "home|root|Users|tmp|work|usr|opt|mnt|private|content|data|var/folders"
MACHINE = re.compile(rf"(?<![\w.])/(?:{FOLDERS})/|site-packages|\b[A-Z]:\\+\w[^\\\s]*\\| at 0x[0-9a-f]{{6,}}>")
UNSEEDED = re.compile(r"(?<![\w.])(?:(?:np|numpy)\.)?random\.(?!default_rng|Generator|SeedSequence)[a-z_]\w*|default_rng\(\s*\)")
NETWORK = re.compile(r"sys\.path|urllib|requests\.|urlopen|^\s*[!%]\s*(pip|wget|curl)", re.M)
RULES = {}


def rule(said, stale=False):
    """A rule is a generator of what a chapter lacks, as (number of the cell or None, words); ``said`` is CONTRIBUTING's."""

    def register(function):
        RULES[function.__name__] = function
        function.said, function.stale = said, stale
        return function

    return register


def code(notebook):
    """(number, cell) of the code cells; cells are counted from 1, as in the messages of ``make chapters``."""
    return [(k, cell) for k, cell in enumerate(notebook.cells, 1) if cell.cell_type == "code"]


def prose(notebook):
    return [(k, cell.source) for k, cell in enumerate(notebook.cells, 1) if cell.cell_type == "markdown"]


def registered(path):
    """The exercises of this chapter."""
    from nnlib.exercises import all_exercises

    return [entry for entry in all_exercises().values() if entry.chapter == path.stem]


def run(path):
    return f"make chapters C={path.stem}"


# What makes outputs stale -------------------------------------------------------------------------------


@rule("run a chapter and store its outputs", stale=True)
def every_cell_has_run_in_order(path, notebook):
    for expected, (k, cell) in enumerate(code(notebook), 1):
        if cell.execution_count != expected:
            ran = "has not run" if cell.execution_count is None else f"ran as number {cell.execution_count}, not {expected}"
            yield k, f"{ran}: {run(path)}"
            return


@rule("run a chapter and store its outputs", stale=True)
def outputs_belong_to_the_source(path, notebook):
    stored = notebook.metadata.get(RAN, {})
    cells = code(notebook)
    if cells and not any(cell.get("id") in stored for _, cell in cells):
        yield None, f"does not say which source its outputs come from: {run(path)}"
        return
    for k, cell in cells:
        if stored.get(cell.get("id")) != fingerprint(cell):
            yield k, f"was edited after it ran, or its outputs were: {run(path)}"


@rule("no widget is stored", stale=True)
def no_widgets_are_stored(path, notebook):
    if "widgets" in notebook.metadata:
        yield None, f"stores the state of widgets, as JupyterLab does: {run(path)}"
    for k, cell in code(notebook):
        if any("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in cell.outputs):
            yield k, f"stores a widget, whose scripts would come from elsewhere: {run(path)}"


@rule("without an error or a warning", stale=True)
def no_cell_failed(path, notebook):
    for k, cell in code(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                yield k, f"failed with {output.ename}: {output.evalue}"


def listed(book):
    """What _toc.yml lists, in its order."""

    def files(node):
        if not isinstance(node, (dict, list)):
            return []
        below = [name for each in (node.values() if isinstance(node, dict) else node) for name in files(each)]
        return ([str(node["file"]).removesuffix(".ipynb")] if "file" in node else []) + below

    with open(book / "_toc.yml", encoding="utf-8") as file:
        return files(yaml.safe_load(file))


def gone(book):
    """A line for each chapter that _toc.yml lists, and that is not there."""
    names = [name for name in listed(book) if name.startswith("chapters/") and not (book / f"{name}.ipynb").exists()]
    return [f"_toc.yml: lists {name}, which is not there: remove the line" for name in names]


@rule("Then list the chapter in", stale=True)
def listed_in_the_contents(path, notebook):
    times = listed(path.parent.parent).count(f"chapters/{path.stem}")
    if not re.fullmatch(NAME, path.stem):
        yield None, "is not named NN_topic, as 17_topic is: rename or remove it"
    elif not times:
        yield None, f"is not listed: add `- file: chapters/{path.stem}` to _toc.yml"
    elif times > 1:
        yield None, f"is listed {times} times: leave one line of _toc.yml"


# What a page and its readers need -----------------------------------------------------------------------


@rule("without an error or a warning", stale=True)
def no_cell_warns(path, notebook):
    for k, cell in code(notebook):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                yield k, f"writes to stderr: {output.text[:200]}"


@rule("cells have ids")
def cells_have_ids_of_their_own(path, notebook):
    seen = set()
    for k, cell in enumerate(notebook.cells, 1):
        if "id" not in cell:
            yield k, f"has no id: {run(path)} gives one to each cell"
            return
        if cell.id in seen:
            yield k, f"has no id of its own, but {cell.id}: {run(path)} gives it one"
        seen.add(cell.id)


@rule("metadata hold only")
def metadata_are_plain(path, notebook):
    extra = set(notebook.metadata) - {"kernelspec", "language_info", RAN}
    plain = notebook.metadata.get("language_info") == {"name": "python"}
    if extra or not plain or notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        what = ", ".join(sorted(extra)) or "a kernel or language of its own"
        yield None, f"has metadata beyond kernelspec, language_info and {RAN} ({what}): {run(path)} drops them"
    for k, cell in enumerate(notebook.cells, 1):
        if extra := set(cell.metadata) - set(CELL_METADATA):
            yield k, f"has the metadata {', '.join(sorted(extra))}: {run(path)} drops them"


@rule("no path or memory address of a machine is in an output", stale=True)
def outputs_name_no_machine(path, notebook):
    for k, cell in code(notebook):
        for output in cell.outputs:
            data = {kind: text for kind, text in output.get("data", {}).items() if kind.startswith(("text/", "image/svg"))}
            for text in [output.get("text", ""), *data.values()]:
                for found in MACHINE.finditer(text):
                    shown = text[max(0, found.start() - 20) : found.end() + 20]
                    yield k, f"shows {shown!r}, which is of one machine: print what every machine has, such as a name"


@rule("A second `make chapters` changes no byte")
def chance_has_a_seed(path, notebook):
    for k, cell in code(notebook):
        if found := UNSEEDED.search(cell.source):
            yield k, f"uses {found[0]}: draw from rng = np.random.default_rng(0), that each run gives the same"


@rule("nothing is downloaded")
def code_needs_no_network(path, notebook):
    for k, cell in code(notebook):
        if found := NETWORK.search(cell.source):
            yield k, f"uses {found[0].strip()}"


@rule("no cell ends with `;`")
def no_cell_ends_with_a_semicolon(path, notebook):
    for k, cell in code(notebook):
        if cell.source.rstrip().endswith(";"):
            yield k, "ends with a semicolon, and its value is stored all the same: end a drawing with plt.show()"


@rule("lines of code have at")
def lines_fit_the_page(path, notebook):
    for k, cell in code(notebook):
        width = 110 if {"hide-input", "remove-input"} & set(cell.metadata.get("tags", [])) else 88
        for number, line in enumerate(cell.source.splitlines(), 1):
            if len(line) > width:
                yield k, f"line {number} has {len(line)} characters, and {width} fit"


@rule("as does the alternative text of a plain picture")
def pictures_have_alternative_texts(path, notebook):
    for k, cell in code(notebook):
        if any("image/png" in output.get("data", {}) for output in cell.outputs):
            if len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) <= 20:
                yield k, "draws a picture: its metadata lack mystnb.image.alt, which says what the data show"


@rule("Short labels, no sentences inside the picture")
def pictures_print_numbers_as_a_book(path, notebook):
    from nnlib.explore.sphinx import letters
    from nnlib.explore.typeset import typeset

    for k, cell in code(notebook):
        for output in cell.outputs:
            for text in sorted(letters(output.get("data", {}).get("text/html", ""))):
                printed = typeset(text).replace("\N{NO-BREAK SPACE}", " ")
                if printed != text.replace("\N{NO-BREAK SPACE}", " "):
                    yield k, f"shows {text!r} in its picture: typeset(...) makes it {printed!r}"


@rule("weigh at most 300 kB together")
def figures_are_light(path, notebook):
    weights = {}
    for k, cell in code(notebook):
        for output in cell.outputs:
            if 'class="explore"' in (text := output.get("data", {}).get("text/html", "")):
                weights[k] = weights.get(k, 0) + len(gzip.compress(text.encode(), mtime=0))
    if sum(weights.values()) > 300_000:
        heaviest = max(weights, key=weights.get)
        yield heaviest, f"draws {weights[heaviest]:,} of the {sum(weights.values()):,} bytes of live figures, and 300,000 fit"


@rule("a sentence with its full stop")
def goals_are_sentences(path, notebook):
    for k, cell in code(notebook):
        for output in cell.outputs:
            for text in re.findall(r'<li class="explore-goal[^>]*>([^<]*)', output.get("data", {}).get("text/html", "")):
                if not text.endswith((".", "?", "!")):
                    yield k, f"has the goal {html.unescape(text)!r}, without a full stop"


@rule("A chapter follows one pattern")
def starts_with_its_one_title(path, notebook):
    titles = [
        line
        for _, text in prose(notebook)
        for line in re.sub(r"```.*?```", "", text, flags=re.S).splitlines()
        if line.startswith("# ")
    ]
    if len(titles) != 1 or not re.match(r"(\([\w-]+\)=\s+)?# ", notebook.cells[0].source):
        yield 1, f"the first cell begins with the chapter's title, `# Topic`, and there is no other ({len(titles)} found)"


@rule("A question the reader cannot yet answer, in italics")
def asks_a_question_first(path, notebook):
    opening = "\n".join(text for _, text in prose(notebook)).split("\n## ")[0]
    if not re.search(r"(?<!\*)\*[^*]+\?\*(?!\*)", opening):
        yield None, "asks nothing before its first section: a question in italics, *Why ...?*, for the cover too"


@rule("in the first screen, a live figure")
def opens_with_its_figure(path, notebook):
    for k, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code" and "explore(" in cell.source:
            return
        if cell.cell_type == "code" and (cell.outputs or "hide-input" not in cell.metadata.get("tags", [])):
            yield k, "stands before the first live figure: fold it (the tag hide-input), and print below the figure"
        if cell.cell_type == "markdown" and k > 1:
            yield k, "stands before the first live figure: its words belong into the first cell"


@rule("then one line, `**Time:** about an hour.")
def says_its_time_and_ground(path, notebook):
    if not any(re.search(r"\*\*Time:\*\* .*\*\*Builds on:\*\* ", text) for _, text in prose(notebook)):
        yield None, "has no line **Time:** about an hour. **Builds on:** {doc}`...`."


@rule("*After this chapter you can ...*")
def says_what_one_can_do_afterwards(path, notebook):
    if not any("After this chapter you can" in text for _, text in prose(notebook)):
        yield None, "does not say *After this chapter you can ...*"


@rule("Idea → formula → `nnlib` code → live figure")
def has_a_live_figure(path, notebook):
    if not any("explore(" in cell.source for _, cell in code(notebook)):
        yield None, "has no live figure: explore(draw, ...)"


@rule("at least three a chapter")
def has_three_goals(path, notebook):
    sources = [(k, re.sub(r"^[%!].*", "", cell.source, flags=re.M)) for k, cell in code(notebook)]
    trees = [ast.parse(source, f"cell {k}") for k, source in sources]
    words = [word for tree in trees for word in ast.walk(tree) if isinstance(word, ast.keyword)]
    goals = [word.value for word in words if word.arg == "goals"]
    count = sum(len(value.keys) if isinstance(value, ast.Dict) else 3 for value in goals)
    if count < 3:
        yield None, f"has {count} goals: explore(..., goals={{...}}) gives a figure something to find"


@rule("each below a target `(mistake-name)=`")
def mistakes_have_targets(path, notebook):
    made = re.findall(r"^\((mistake-[\w-]+)\)=", "\n".join(text for _, text in prose(notebook)), re.M)
    linked = (ROOT / "appendix" / "mistakes.md").read_text(encoding="utf-8")
    if not made:
        yield None, "has no common mistake below a target like (mistake-name)="
    for name in made:
        if f"<{name}>" not in linked:
            yield None, f"has the mistake {name}, to which appendix/mistakes.md has no link"


@rule("Summary, key terms, where to read more")
def ends_with_summary_terms_and_reading(path, notebook):
    text = "\n".join(text for _, text in prose(notebook))
    for wanted in ("## Summary", "**Key terms", "**Read more"):
        if wanted not in text:
            yield None, f"has no {wanted!r}"


@rule("two or more in code, two to think about, one to explore")
def exercises_of_each_kind(path, notebook):
    blocks = {}
    for part in parts(notebook):
        if part.kind:
            blocks.setdefault((part.kind, part.label), []).append(part)
    tasks = {label for kind, label in blocks if kind == "exercise"}
    solutions = {label for kind, label in blocks if kind == "solution"}
    known = {label_of(entry.name) for entry in registered(path)}
    registry = f"nnlib/exercises/ch{path.stem}.py"
    for label in sorted(known - tasks):
        yield None, f"has no cells for the exercise {label}, which {registry} registers"
    for label in sorted(label for label in tasks if not label.startswith("ex-")):
        yield None, f"the label {label!r} of an exercise does not begin with ex-"
    if len(known) < 2:
        yield None, f"has {len(known)} exercises in {registry}: two are to be answered in code"
    if len(tasks - known) < 3:
        yield None, f"has {len(tasks - known)} exercises without code: two are to think about, one to explore"
    for label in sorted(tasks ^ solutions):
        yield None, f"the exercise {label} has no solution" if label in tasks else f"the solution {label} has no exercise"
    for label in sorted(tasks - known):
        for part in blocks["exercise", label]:
            if part.cell.cell_type == "code" and "check(" in part.cell.source:
                yield part.number + 1, f"checks {label}, which {registry} does not register"


@rule("plausible wrong answers, each with the hint made for it")
def exercises_agree_with_the_registry(path, notebook):
    registry = f"nnlib/exercises/ch{path.stem}.py"
    for entry in registered(path):
        if not (entry.value or entry.adapter or entry._inputs):
            yield None, f"has no inputs for {entry.name} in {registry}: add @{entry.name}.inputs, or value=True for a number"
        if not 3 <= len(entry.mistakes) <= 7:
            yield None, f"has {len(entry.mistakes)} wrong answers to {entry.name} in {registry}: three to seven"
        task = [part for part in parts(notebook) if (part.kind, part.label) == ("exercise", label_of(entry.name))]
        if task and task[0].title != entry.title:
            yield task[0].number + 1, f"calls an exercise {task[0].title!r}, and {registry} calls it {entry.title!r}"
        worth = f"*{entry.minutes} minutes, {entry.points} point{'s' * (entry.points != 1)}.*"
        if task and not any(worth in part.cell.source for part in task):
            yield task[0].number + 1, f"does not end the task of {entry.name} with {worth}, as {registry} has it"


@rule("its solution too ends with `check(...)`")
def solutions_are_right(path, notebook):
    for entry in registered(path):
        cells = [part for part in parts(notebook) if (part.kind, part.label) == ("solution", label_of(entry.name))]
        texts = [output.get("text", "") for part in cells for output in part.cell.get("outputs", [])]
        said = [line for text in texts for line in text.splitlines() if line.startswith(f"{entry.name}: ")]
        if cells and not (said and re.match(r"\w+: right(?!.*; wrong)", said[-1])):
            what = f"says {said[-1]!r}: mend it" if said else f"shows no check: end it with check({entry.name})"
            yield cells[-1].number + 1, f"closes a solution that {what}, then {run(path)}"


@rule("stands in `appendix/glossary.md` with its Chinese counterpart")
def terms_are_in_the_glossary(path, notebook):
    glossary = (ROOT / "appendix" / "glossary.md").read_text(encoding="utf-8")
    for k, text in prose(notebook):
        for term in re.findall(r"[(（,，]\s*([\u4e00-\u9fff][\u4e00-\u9fff\w ]*)\)", text):
            if term not in glossary:
                yield k, f"has the term {term}, which appendix/glossary.md lacks"


@rule("No footnotes")
def no_footnotes(path, notebook):
    for k, text in prose(notebook):
        if re.search(r"\[\^\w+\]", text):
            yield k, "has a footnote"


@rule("A chapter follows one pattern")
def nothing_is_left_to_write(path, notebook):
    for k, cell in enumerate(notebook.cells, 1):
        for number, line in enumerate(cell.source.splitlines(), 1):
            if re.search(r"\bTODO\b", line):
                yield k, f"line {number} is still to be written: {line.strip()[:60]}"


def to_look_at(path):
    """Numbers in sentences that the page gives no source for: perhaps wrong, perhaps from elsewhere."""
    try:
        notebook = read(path)
    except ChapterError:  # as lacks says
        return []
    return [f"{path.name}, cell {k}: {number} in {words!r}" for k, number, words in numbers.unsupported(notebook)]


def lacks(path, rules=None):
    """What the chapter at ``path`` lacks, a line each, with the place in CONTRIBUTING.md that asks for it."""
    try:
        notebook = read(path)
    except ChapterError as error:
        return [str(error)]
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()
    found = []
    for each in rules or RULES.values():
        line = next((k for k, text in enumerate(guide, 1) if each.said in text), 0)
        try:
            for k, words in each(path, notebook):
                where = path.name if k is None else f"{path.name}, cell {k} (id {notebook.cells[k - 1].get('id', '?')})"
                found.append(f"{where}: {words}   [CONTRIBUTING.md:{line}]")
        except Exception as error:  # what a rule reads is broken: the code of a cell, the registry, _toc.yml
            found.append(f"{path.name}: {type(error).__name__}: {' '.join(str(error).split())}")
    return list(dict.fromkeys(found))


def main(arguments):
    only_stale = "--stale" in arguments
    rules = [each for each in RULES.values() if each.stale] if only_stale else None
    paths = find([name for name in arguments if name != "--stale"])
    found = [line for path in paths for line in lacks(path, rules)] or gone(ROOT)
    for line in found:
        print(line, file=sys.stderr if only_stale else sys.stdout)
    if only_stale and found:
        print("\nThe book shows what cells gave when they last ran: nothing was built.", file=sys.stderr)
    if only_stale:
        return int(bool(found))
    look = [line for path in paths for line in to_look_at(path)]
    if look:
        print("Numbers that nothing on the page gives; if right, name them there: <!-- numbers: 224 -->\n" + "\n".join(look))
    if not found:
        print(f"{len(paths)} chapter{'s' * (len(paths) != 1)}: nothing is lacking")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
