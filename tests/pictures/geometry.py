"""What lies on what in a picture, and what two pictures have in common."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import combinations

from cloudpatterns_pictures.layout import GAP, ICON, Area, Layout, Point, overlap
from cloudpatterns_pictures.scene import Scene
from cloudpatterns_pictures.svg import render

_SPACE = "{http://www.w3.org/2000/svg}"


def without_icons(picture: str) -> str:
    """An SVG without its icons, which another version of the library that makes them smaller packs differently."""
    return re.sub(r"data:image/png;base64,[^\"]+", "", picture)


def texts(picture: str) -> Iterator[tuple[str, Area]]:
    """Every text and icon of an SVG, with the rectangle that it takes."""
    root = ET.fromstring(picture)
    sizes = {f"#{image.get('id')}": float(image.get("width", "")) for image in root.iter(f"{_SPACE}image")}
    for group in root.findall(f"{_SPACE}g"):
        right, down = map(float, re.findall(r"[\d.]+", group.get("transform", "")))
        for element in group.iter():
            x, y = right + float(element.get("x", "0")), down + float(element.get("y", "0"))
            if element.tag == f"{_SPACE}use":
                icon = element.get("href", "")
                yield icon, Area(x, y, sizes[icon], sizes[icon])
            elif element.tag == f"{_SPACE}text":
                # Lines are 14 points apart, and places are rounded to a tenth.
                yield element.text or "", Area(x, y - 10, float(element.get("textLength", "")), 13.5)


def overlapping(scene: Scene, layout: Layout) -> list[tuple[str, str]]:
    """Texts and icons that lie on each other, and labels for which there was no place."""
    found = sorted(texts(render(scene, layout)), key=lambda one: one[1].x)
    missing = [
        (arrow.label, "no place") for arrow, line in zip(scene.arrows, layout.lines, strict=True) if arrow.label and line.label is None
    ]
    return missing + [(one, other) for (one, area), (other, second) in combinations(found, 2) if overlap(area, second)]


def loose(scene: Scene, layout: Layout) -> list[str]:
    """Arrows that do not begin or end at the icon of their thing."""
    found = []
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        for point, key in ((line.points[0], arrow.tail), (line.points[-1], arrow.head)):
            if not _touches(point, layout.things[key]):
                found.append(f"{scene.things[arrow.tail].title} to {scene.things[arrow.head].title} at {scene.things[key].title}")
    return found


def _touches(point: Point, thing: Area) -> bool:
    left, top = thing.x + (thing.width - ICON) / 2, thing.y + GAP
    near = 2 * GAP
    return left - near <= point[0] <= left + ICON + near and top - near <= point[1] <= top + ICON + near


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
