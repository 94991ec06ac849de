"""Sphinx builds the site from the Markdown pages of this folder: `make docs`.

MyST reads them, so that they are plain Markdown and can be read on the forge, too. For that reason no page holds a
`toctree`: the order of the pages is `CONTENTS` below, which is added to the home page while it is read.
"""

from __future__ import annotations

from importlib.metadata import version as version_of
from typing import Any

project = "dualapp"
author = "dualapp authors"
copyright = "dualapp authors, BSD-3-Clause"
version = release = version_of("dualapp")

#: A new page has its name here, or the build fails.
CONTENTS = {
    "Tutorial": [
        "tutorial/index",
        "tutorial/pages",
        "tutorial/forms",
        "tutorial/database",
        "tutorial/login",
        "tutorial/uploads",
        "tutorial/events",
        "tutorial/background",
        "tutorial/tests",
        "tutorial/deployment",
    ],
    "How to": [
        "from-flask",
        "from-quart",
        "testing",
        "debugging",
        "deployment",
        "servers",
        "configuration",
        "templates",
        "uploads",
        "streaming",
        "websockets",
        "background-tasks",
        "middleware",
        "mounts",
        "typing",
        "extensions",
    ],
    "Concepts": [
        "concepts",
        "host-loop",
        "lifespan",
        "what-is-the-same",
        "benchmarks",
        "glossary",
    ],
    "Reference": [
        "reference/api",
        "reference/settings",
        "command-line",
        "reference/errors",
        "mistakes",
    ],
    "Contributing": [
        "architecture",
        "decisions",
        "benchmarks-details",
    ],
}

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns: list[str] = []
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_title = "dualapp"
html_show_sphinx = False
html_copy_source = html_show_sourcelink = False

# A link to a heading (page.md#heading) is checked, as is one to a page.
myst_heading_anchors = 3
# Docstrings have Markdown's code, `like this`.
default_role = "literal"
autodoc_member_order = "bysource"
autodoc_typehints = "none"
# The signatures as they stand in the code, not the values of their defaults.
autodoc_preserve_defaults = True


def add_contents(app: Any, page: str, source: list[str]) -> None:
    """Add the tables of contents to the source of the home page."""
    if page == "index":
        for caption, pages in CONTENTS.items():
            source[0] += "\n".join(["", "```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```", ""])


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", add_contents)
