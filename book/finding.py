"""Finding one's way: letters to jump to in a glossary, a search that works from a folder and quotes the text."""

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

# The theme's <main> begins with a list of contents for print, and holds the page's own list as well: of the page that it
# found, the search is to quote the article, without code and figures.
SEARCH = """
if (location.protocol === 'file:') DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
addEventListener('DOMContentLoaded', function () {
  var text = Search.htmlToText;
  Search.htmlToText = function (html, anchor) {
    var page = new DOMParser().parseFromString(html, 'text/html'), article = page.querySelector('article');
    if (!article) return text(html, anchor);
    article.querySelectorAll('.explore, .cell_input, .glossary-letters').forEach(function (part) { part.remove(); });
    page.body.replaceChildren(article);
    article.setAttribute('role', 'main');
    return text(page.documentElement.outerHTML, anchor);
  };
});
"""


def search(app, pagename, templatename, context, doctree):
    """The search page fetches the pages it found, to quote them; from ``file://`` a browser refuses that."""
    if pagename == "search":
        app.add_js_file(None, body=SEARCH)


def initial(term):
    """The letter a term stands under: # for what does not begin with one."""
    letter = term[:1].upper()
    return letter if letter.isascii() and letter.isalpha() else "#"


class GlossaryLetters(SphinxPostTransform):
    """Above a glossary, its letters; each leads to the first entry under it. Of an entry's names the first one counts."""

    default_priority = 200
    formats = ("html",)

    def run(self, **kwargs):
        for glossary in list(self.document.findall(addnodes.glossary)):
            first = {}
            for entry in glossary.findall(nodes.definition_list_item):
                term = entry.next_node(nodes.term)
                first.setdefault(initial(term.astext()), term["ids"][0])
            line = nodes.paragraph(classes=["glossary-letters"])
            for letter, target in first.items():
                line += [nodes.reference("", letter, refid=target, internal=True), nodes.Text(" ")]
            glossary.parent.insert(glossary.parent.index(glossary), line)


def setup(app):
    app.connect("html-page-context", search)
    app.add_post_transform(GlossaryLetters)
