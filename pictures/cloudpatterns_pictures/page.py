"""Pictures for a page with several: one style, each icon once, short names of resources, and a picture of each folded component."""

import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Final

from offline_preview.graph import Graph

from cloudpatterns_pictures.layout import layout
from cloudpatterns_pictures.scene import OUTSIDE, Arrow, Box, Scene, Thing
from cloudpatterns_pictures.stage import MOST, MOST_ARROWS, scene_of
from cloudpatterns_pictures.svg import STYLE as STYLE
from cloudpatterns_pictures.svg import Marks, icons, svg

_MOST_PARTS: Final = 400
"""A folded component of more is not drawn by itself: nobody would read it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a page."""

    title: str
    svg: str
    key: str = ""
    """The key of the folded component that it shows; empty for the stack."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The pictures of one stack: the whole, then each component that is folded in it; and all that they show."""

    pictures: tuple[Picture, ...]
    """Empty when the stack has nothing that a picture shows."""
    scenes: tuple[Scene, ...]

    @property
    def things(self) -> frozenset[str]:
        """The resources that are a thing in some picture, or a part of one."""
        return frozenset(urn for scene in self.scenes for thing in scene.things.values() for urn in thing.urns)

    @property
    def boxes(self) -> frozenset[str]:
        """The resources that are a box in some picture."""
        return frozenset(urn for scene in self.scenes for box in scene.boxes.values() for urn in box.urns)


def pictures_of(graph: Graph, name: Callable[[str], str], redact: Callable[[str], str] = str, most: int = MOST) -> Pictures:
    """The pictures of a stack: the whole, and each folded component that is not too large.

    ``name`` gives what stands for a URN in the page, ``redact`` a text without secrets.
    """
    scene = scene_of(graph, most)
    if not scene.things:
        return Pictures((), ())
    known = {OUTSIDE, *(resource.urn for resource in graph.resources)}
    folded = [thing for thing in scene.things.values() if thing.key not in known]
    scenes = {"": scene}
    if folded:
        whole = scene_of(graph, len(graph.resources), sys.maxsize)
        parts = {thing.key: _part(whole, thing.key) for thing in folded}
        scenes |= {key: part for key, part in parts.items() if len(part.things) <= _MOST_PARTS and len(part.arrows) <= MOST_ARROWS}
    clean = {key: _redacted(one, redact) for key, one in scenes.items()}
    marks = _Short(name, scenes.keys() - {""})
    pictures = (Picture(one.title, svg(one, layout(one), marks), marks.key(key) if key else "") for key, one in clean.items())
    return Pictures(tuple(pictures), tuple(clean.values()))


def all_icons(stacks: Sequence[Pictures]) -> str:
    """The icons of all pictures of a page."""
    return icons(scene for one in stacks for scene in one.scenes)


class _Short(Marks):
    """Numbers in the place of URNs, which are long; things in the order in which they are first seen."""

    def __init__(self, name: Callable[[str], str], folded: Set[str]) -> None:
        self._name, self._folded = name, folded
        self._keys: dict[str, str] = {OUTSIDE: OUTSIDE}

    def key(self, key: str) -> str:
        return self._keys.setdefault(key, f"k{len(self._keys)}")

    def box(self, box: Box) -> str:
        return f' data-urns="{self._names(box.urns)}"' if box.urns else ""

    def thing(self, thing: Thing) -> str:
        unfolds = f' data-unfolds="{self.key(thing.key)}"' if thing.key in self._folded else ""
        return f' data-key="{self.key(thing.key)}" data-urns="{self._names(thing.urns) or thing.key}"{unfolds}'

    def arrow(self, arrow: Arrow) -> str:
        return f' data-tail="{self.key(arrow.tail)}" data-head="{self.key(arrow.head)}"'

    label = arrow

    def _names(self, urns: Sequence[str]) -> str:
        return " ".join(dict.fromkeys(map(self._name, urns)))


def _part(whole: Scene, key: str) -> Scene:
    """A component and what it has to do with directly."""
    boxes = _boxes_in(whole.boxes, key)
    inside = {thing.key for thing in whole.things.values() if thing.box in boxes}
    arrows = [arrow for arrow in whole.arrows if arrow.tail in inside or arrow.head in inside]
    near = inside | {end for arrow in arrows for end in (arrow.tail, arrow.head)}
    things = {one: thing if one in inside else replace(thing, box="") for one, thing in whole.things.items() if one in near}
    boxes[key] = replace(boxes[key], parent="")
    return Scene(f"{whole.title}: {boxes[key].title}", boxes, things, arrows)


def _boxes_in(boxes: Mapping[str, Box], key: str) -> dict[str, Box]:
    inside = {key: boxes[key]}
    while more := {one.key: one for one in boxes.values() if one.parent in inside and one.key not in inside}:
        inside |= more
    return inside


def _redacted(scene: Scene, redact: Callable[[str], str]) -> Scene:
    return Scene(
        redact(scene.title),
        {key: replace(box, title=redact(box.title)) for key, box in scene.boxes.items()},
        {
            key: replace(thing, title=redact(thing.title), noun=redact(thing.noun), guards=[redact(one) for one in thing.guards])
            for key, thing in scene.things.items()
        },
        [replace(arrow, label=redact(arrow.label)) for arrow in scene.arrows],
    )
