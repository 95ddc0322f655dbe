"""Sphinx extension: a built folder that needs nothing else, with buttons that lead to its own repository."""

import re
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.ext.autodoc import FunctionDocumenter
from sphinx.util.docutils import SphinxDirective

import nnlib
from book import cover, finding, icons, layout
from book.notebook import chapter_paths, read
from book.python import extension as python

THEBE = ("THEBE_JS_URL", "sphinx-thebe.")


def github_repository(root):
    """``(url, branch)`` of the GitHub repository that ``root`` was cloned from, or None without such a remote."""

    def git(*args):
        try:
            done = subprocess.run(["git", "-C", str(root), *args], capture_output=True, text=True)
        except OSError:  # no git on this machine
            return ""
        return done.stdout.strip() if done.returncode == 0 else ""

    if git("rev-parse", "--show-prefix"):  # an unpacked copy inside somebody's other repository
        return None
    match = re.fullmatch(
        r"(?:https?://(?:[^@/]+@)?|ssh://git@|git@)github\.com(?::\d+)?[:/]([\w.-]+)/([\w.-]+?)(?:\.git)?/?",
        git("remote", "get-url", "origin"),
    )
    if not match:
        return None
    default = git("symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    return "https://github.com/" + "/".join(match.groups()), default or git("branch", "--show-current") or "main"


def add_repository_buttons(app, config):
    """Binder, source and issue buttons follow the clone's own remote: a fork's buttons open the fork."""
    repository = github_repository(app.confdir)
    if repository:
        url, branch = repository
        config.html_theme_options.update(
            repository_url=url,
            repository_branch=branch,
            use_repository_button=True,
            use_issues_button=True,
            launch_buttons={"binderhub_url": "https://mybinder.org", "notebook_interface": "jupyterlab"},
        )


def drop_thebe(app, pagename, templatename, context, doctree):
    """Thebe's scripts load from a CDN and log errors; the book's figures need no kernel."""

    def is_thebe(asset):
        text = f"{getattr(asset, 'filename', asset)} {getattr(asset, 'attributes', {}).get('body') or ''}"
        return any(mark in text for mark in THEBE)

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not is_thebe(asset)]


def drop_unused_files(app, exception):
    """Delete what no page loads: source maps, FontAwesome's script, Thebe, templates of the themes, most icons."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    for pattern in ("**/*.map", "scripts/fontawesome.js*", "sphinx-thebe.*", "*.html"):
        for path in static.glob(pattern):
            path.unlink()
    icons.shrink(Path(app.outdir))


class ChapterFigure(SphinxDirective):
    """``{chapter-figure} fig-name`` shows the live figure that a chapter stores under that name once more."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        for path in chapter_paths(self.env.srcdir):
            for cell in read(path).cells:
                if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
                    self.env.note_dependency(str(path))
                    shown = [output.get("data", {}).get("text/html") for output in cell.outputs]
                    figures = [nodes.raw("", html, format="html") for html in shown if html]
                    return [nodes.container("", *figures, classes=["shown-again"])]
        raise self.error(f"no chapter stores a figure named {name}")


class OperationDocumenter(FunctionDocumenter):
    """Entry of an ``@operation`` in the reference: it is an object, documented as the function it was written as."""

    objtype = "operation"
    directivetype = "function"
    priority = FunctionDocumenter.priority + 10

    @classmethod
    def can_document_member(cls, member, membername, isattr, parent):
        return isinstance(member, nnlib.Operation)

    def import_object(self, raiseerror=False):
        found = super().import_object(raiseerror)
        self.object = getattr(self.object, "function", self.object)
        return found

    def check_module(self):
        return self.object.__module__ == self.modname


def resolve_public_name(app, env, node, contnode):
    """``nnlib.relu`` in a docstring means the entry ``nnlib.activations.relu``."""
    name = node.get("reftarget", "").removeprefix("nnlib.")
    member = getattr(nnlib, name, None) if node.get("refdomain") == "py" and name.isidentifier() else None
    module = getattr(getattr(member, "function", member), "__module__", None)
    if module:
        full = f"{module}.{name}"
        return env.get_domain("py").resolve_xref(
            env, node["refdoc"], app.builder, "obj", full, node, contnode
        )


def setup(app):
    cover.setup(app)
    finding.setup(app)
    layout.setup(app)
    python.setup(app)
    app.connect("missing-reference", resolve_public_name)
    app.add_directive("chapter-figure", ChapterFigure)
    app.add_autodocumenter(OperationDocumenter)
    app.connect("config-inited", add_repository_buttons)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", drop_unused_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
