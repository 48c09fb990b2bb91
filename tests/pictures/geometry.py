"""What lies on what in a picture, and what two pictures have in common."""

import re
from collections.abc import Iterator
from itertools import combinations

from cloudpatterns_pictures.layout import LABEL, Area, Layout, overlap, text_width
from cloudpatterns_pictures.scene import Scene
from cloudpatterns_pictures.svg import lines_of, title_of


def without_icons(picture: str) -> str:
    """An SVG without its icons, which another version of the library that makes them smaller packs differently."""
    return re.sub(r"data:image/png;base64,[^\"]+", "", picture)


def texts(scene: Scene, layout: Layout) -> Iterator[tuple[str, Area]]:
    """Every text with the rectangle that it takes."""
    for key, area in layout.boxes.items():
        title = title_of(scene.boxes[key], area)
        yield title, Area(area.x + 10, area.y + 6, text_width(title), 14)
    for key, area in layout.things.items():
        middle = area.x + area.width / 2
        for index, text in enumerate([*lines_of(scene.things[key]), scene.things[key].noun]):
            yield text, Area(middle - text_width(text) / 2, area.y + 60 + 14 * index, text_width(text), 14)
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        if arrow.label:
            assert line.label is not None, f"no place for {arrow.label}"
            x, y = line.label
            yield arrow.label, Area(x - text_width(arrow.label) / 2, y - LABEL / 2, text_width(arrow.label), LABEL)


def overlapping(scene: Scene, layout: Layout) -> list[tuple[str, str]]:
    """Texts that lie on each other."""
    return [(one, other) for (one, area), (other, second) in combinations(texts(scene, layout), 2) if overlap(area, second)]


def outside(scene: Scene, layout: Layout) -> list[str]:
    """Things that are not in their box, things that are in another's, and boxes that are not in the one around them."""
    found = []
    for key, thing in scene.things.items():
        around = set(_around(scene, thing.box))
        for box, area in layout.boxes.items():
            if overlap(layout.things[key], area) != (box in around) or (box in around and not _inside(layout.things[key], area)):
                found.append(f"{thing.title} and {scene.boxes[box].title}")
    for key, box in scene.boxes.items():
        if box.parent and not _inside(layout.boxes[key], layout.boxes[box.parent]):
            found.append(f"{box.title} in {scene.boxes[box.parent].title}")
    return found


def _around(scene: Scene, box: str) -> Iterator[str]:
    while box:
        yield box
        box = scene.boxes[box].parent


def _inside(inner: Area, outer: Area) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width
        and inner.y + inner.height <= outer.y + outer.height
    )
