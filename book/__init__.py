"""How the book is made: the commands behind ``make``, the Sphinx extension, styles and vendored assets."""
