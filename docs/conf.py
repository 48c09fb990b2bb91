"""The static site of the documents: `make site` builds it. It works offline, from a folder."""

from typing import Any

from docutils import nodes
from sphinx.addnodes import download_reference

project = "cloudpatterns"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "cloudpatterns"
html_static_path = ["_static"]
html_css_files = ["site.css"]
# Anchors as GitHub has them, so that the same links work in both.
myst_heading_anchors = 4
# `tests/test_docs.py` and `tests/test_catalogue.py` follow every link; those to folders of the repository lead nowhere on the site.
suppress_warnings = ["myst.xref_missing"]
# Pictures may be HTML, as GitHub takes them.
myst_enable_extensions = ["html_image"]
html_show_sourcelink = False
html_show_copyright = False


def setup(app: Any) -> None:
    """A click on a picture opens it, as on GitHub, where MyST would download it."""
    app.connect("doctree-read", _link_pictures, priority=100)


def _link_pictures(app: Any, doctree: nodes.document) -> None:
    for link in list(doctree.findall(download_reference)):
        for image in list(link.findall(nodes.image)):
            # Sphinx links images that have a scale to their files.
            image["scale"] = 100
            link.replace_self(image)
