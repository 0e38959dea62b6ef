"""Sphinx's settings. The sources are staged first: ``python docs/build.py`` does both."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

import fakesmtp

project = "fakesmtp"
copyright = "the fakesmtp authors"
author = "the fakesmtp authors"
version = release = fakesmtp.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
root_doc = "index"

html_theme = "furo"
html_title = "fakesmtp"
html_static_path: list[str] = []
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

myst_heading_anchors = 4
suppress_warnings = ["misc.highlighting_failure"]  # consoles and JSON with "…" in them

smartquotes = False  # what stands in the text can be copied from it

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_member_order = "bysource"

nitpicky = True
nitpick_ignore_regex = [
    # Whatever the API pages do not list: names of the standard library, of attrs, and of rooms that are not public.
    (r"py:.*", r".*"),
]


def share_navigation(app: Any, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Pages that stand in no table of contents have the same margin, folder by folder: it is made once, not 400 times.

    To make it is half of the work of writing a page.
    """
    if "orphan" not in app.env.metadata.get(pagename, {}):
        return
    make, folder = context["toctree"], PurePosixPath(pagename).parent

    def toctree(**options: Any) -> str:
        key = folder, tuple(sorted(options.items()))
        if key not in _MARGINS:
            _MARGINS[key] = make(**options)
        return _MARGINS[key]

    context["toctree"] = toctree


def part_fields(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings of one line have their ``:param`` and ``:raises`` behind the sentence; Sphinx wants them below it."""
    parted: list[str] = []
    for line in lines:
        head, *fields = re.split(r"(?<=\S) (?=:(?:param|raises) )", line)
        parted += [head, *[part for field in fields for part in ("", field)]]
    lines[:] = parted


_MARGINS: dict[Any, str] = {}


def setup(app: Any) -> dict[str, bool]:
    """Before the theme, which asks for the margin at the usual priority."""
    app.connect("autodoc-process-docstring", part_fields)
    app.connect("html-page-context", share_navigation, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
