"""The static site of the documents: `make site` builds it. It works offline, from a folder."""

project = "cloudpatterns"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "cloudpatterns"
# Anchors as GitHub has them, so that the same links work in both.
myst_heading_anchors = 4
# `tests/test_docs.py` and `tests/test_catalogue.py` follow every link; those to folders of the repository lead nowhere on the site.
suppress_warnings = ["myst.xref_missing"]
# Pictures may be HTML, as GitHub takes them.
myst_enable_extensions = ["html_image"]
html_show_sourcelink = False
html_show_copyright = False
