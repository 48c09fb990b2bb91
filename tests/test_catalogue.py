"""The catalogue is what the components say, is drawn readably, and leads nowhere that is not there."""

import re
from pathlib import Path

import pytest
from cloudpatterns_pictures.layout import layout
from cloudpatterns_pictures.stage import scene_of
from cloudpatterns_pictures.svg import render

from catalogue.__main__ import FOLDER
from catalogue.pages import Pattern, index, page, patterns
from tests.pictures.geometry import outside, overlapping, without_icons

PAGES = sorted(FOLDER.glob("*.md"))


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
def test_a_page_and_its_picture_are_what_make_docs_writes_and_can_be_read(pattern: Pattern) -> None:
    graph = pattern.graph()
    assert (FOLDER / f"{pattern.slug}.md").read_text(encoding="utf-8") == page(pattern, graph), "run `make docs`"
    scene = scene_of(graph)
    placed = layout(scene)
    assert (overlapping(scene, placed), outside(scene, placed)) == ([], [])
    drawn = (FOLDER / "pictures" / f"{pattern.slug}.svg").read_text(encoding="utf-8")
    assert without_icons(drawn) == without_icons(render(scene, placed)), "run `make docs`"


def test_the_index_is_what_make_docs_writes() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == index(), "run `make docs`"


def test_there_is_a_page_and_a_picture_of_each_pattern_and_no_other() -> None:
    slugs = {pattern.slug for pattern in patterns()}
    assert {file.stem for file in PAGES} == {"README", *slugs}
    assert {file.stem for file in FOLDER.glob("pictures/*")} == slugs


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_every_link_leads_somewhere(file: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if "://" not in link and not (target.is_file() and (not anchor or anchor in anchors(target))):
            dead.append(link)
    assert dead == []
