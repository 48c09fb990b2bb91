"""Writes the catalogue."""

import sys
from pathlib import Path

from cloudpatterns_pictures import draw
from offline_preview.preview import Job, preview
from offline_preview.project import load_project

from catalogue.pages import index, page, patterns

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "catalogue"
STACK = ROOT / "docs" / "prod.svg"
"""The picture of the stack `prod`, which the README shows."""


def main() -> int:
    """Writes the index, the pages and the pictures, and removes those of patterns that are gone."""
    (FOLDER / "pictures").mkdir(parents=True, exist_ok=True)
    written = {FOLDER / "README.md": index()}
    for pattern in patterns():
        graph = pattern.graph()
        written[FOLDER / f"{pattern.slug}.md"] = page(pattern, graph)
        written[FOLDER / "pictures" / f"{pattern.slug}.svg"] = draw(graph)
    [report] = preview(Job(load_project(ROOT), ["prod"])).reports
    written[STACK] = draw(report.graph)
    for file, text in written.items():
        file.write_text(text, encoding="utf-8")
    for file in {*FOLDER.glob("*.md"), *FOLDER.glob("pictures/*.svg")} - written.keys():
        file.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
