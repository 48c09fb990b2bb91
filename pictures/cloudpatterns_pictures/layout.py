"""Where everything goes: Graphviz's `dot` with boxes as clusters. Sizes are fixed, so that no font of the machine changes a picture."""

import contextlib
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pygraphviz

from cloudpatterns_pictures.scene import OUTSIDE, Arrow, Box, Scene

WIDTH: Final = 150.0
HEIGHT: Final = 118.0
"""The size of a thing, in points."""
TITLE: Final = 22.0
"""The height of a box's title."""
LABEL: Final = 14.0
"""The height of an arrow's label."""
CHARACTER: Final = 6.2
"""The width of a character, at most of those in names."""
_ROW: Final = 4
"""Things without arrows stand in rows of so many."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """An arrow's line: the points of a Bezier spline, the last of which is the tip; and the middle of its label."""

    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is, in points."""

    size: Area
    boxes: dict[str, Area]
    things: dict[str, Area]
    """The things, by key."""
    lines: list[Line]
    """In the order of the scene's arrows."""

    def taken(self, scene: Scene) -> list[Area]:
        """Where there is text of things and boxes."""
        titles = [Area(area.x + 10, area.y + 6, text_width(scene.boxes[key].title), 14) for key, area in self.boxes.items()]
        names = [Area(area.x, area.y + 8, area.width, area.height - 12) for area in self.things.values()]
        return [*titles, *names]


def text_width(text: str) -> float:
    """The most that a text in small letters takes."""
    return len(text) * CHARACTER


def layout(scene: Scene) -> Layout:
    """Places a scene. The same scene is placed in the same way each time."""
    picture = pygraphviz.AGraph(directed=True, strict=False, compound="true", rankdir="LR", nodesep="0.25", ranksep="0.7", newrank="true")
    picture.node_attr.update(shape="box", fixedsize="true", width=_inches(WIDTH), height=_inches(HEIGHT), label="")
    # Names in Graphviz are short, and in the order of the scene.
    names = {key: f"t{index}" for index, key in enumerate(scene.things)}
    clusters = {key: f"cluster_{index}" for index, key in enumerate(scene.boxes)}
    for key in scene.things:
        picture.add_node(names[key])
    _add_boxes(picture, scene, names, clusters, "")
    for index, arrow in enumerate(scene.arrows):
        label = _blank(text_width(arrow.label) + 6, LABEL) if arrow.label else ""
        # The internet stands before everything: what leads out to it runs back.
        constraint = "false" if arrow.head == OUTSIDE else "true"
        picture.add_edge(names[arrow.tail], names[arrow.head], key=f"a{index}", label=label, constraint=constraint)
    _rows(picture, scene, names)
    with _without_fonts():
        picture.layout(prog="dot")
    return _read(picture, scene, names, clusters)


@contextlib.contextmanager
def _without_fonts() -> Generator[None]:
    """Keeps Graphviz from reading the machine's fonts: no size depends on them, and reading them prints warnings."""
    before = os.environ.get("FONTCONFIG_FILE")
    os.environ["FONTCONFIG_FILE"] = os.devnull
    try:
        yield
    finally:
        if before is None:
            del os.environ["FONTCONFIG_FILE"]
        else:
            os.environ["FONTCONFIG_FILE"] = before


def _add_boxes(picture: Any, scene: Scene, names: dict[str, str], clusters: dict[str, str], parent: str) -> None:
    for box in scene.boxes.values():
        if box.parent == parent and box.key != parent:
            # A node of an inner cluster is one of all those around it.
            inside = [names[thing.key] for thing in scene.things.values() if _is_in(scene, thing.box, box.key)]
            cluster = picture.add_subgraph(inside, name=clusters[box.key], label=_blank(_title_width(box), TITLE), margin="14")
            _add_boxes(cluster, scene, names, clusters, box.key)


def _is_in(scene: Scene, box: str, around: str) -> bool:
    while box and box != around:
        box = scene.boxes[box].parent
    return box == around


def _title_width(box: Box) -> float:
    return text_width(box.title) + 30


def _blank(width: float, height: float) -> str:
    """A label of a fixed size, whatever the fonts: the text itself is drawn later."""
    size = f'FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" {size}><TR><TD></TD></TR></TABLE>>'


def _rows(picture: Any, scene: Scene, names: dict[str, str]) -> None:
    """Things without arrows, and boxes that no arrow leaves, would all stand in one column: invisible edges make rows of them."""
    rows = [pair for keys in _lonely(scene).values() for row in _in_rows(keys) for pair in pairwise(row)]
    following: dict[str, list[str]] = {key: [] for key in scene.things}
    for tail, head in [*((arrow.tail, arrow.head) for arrow in scene.arrows if arrow.head != OUTSIDE), *rows]:
        following[tail].append(head)
    depths, islands = _depths(following), _islands(scene)
    longest, column = max([_ROW, *(depth for key, depth in depths.items() if scene.things[key].box not in islands)]), 0
    last: list[str] = []
    for box in islands:
        inside = [thing.key for thing in scene.things.values() if thing.box == box]
        deepest = max(inside, key=lambda key: depths[key])
        column, last = (column, last) if column + depths[deepest] <= longest else (0, [])
        heads = {head for key in inside for head in following[key]}
        rows += [(tail, head) for tail in last for head in inside if head not in heads]
        column, last = column + depths[deepest], [_end_of(deepest, following, depths)]
    for tail, head in rows:
        picture.add_edge(names[tail], names[head], key=f"row {tail} {head}", style="invis")


def _in_rows(keys: list[str]) -> list[list[str]]:
    """The keys in rows."""
    return [keys[start : start + _ROW] for start in range(0, len(keys), _ROW)]


def _lonely(scene: Scene) -> dict[str, list[str]]:
    """By box, the things without arrows."""
    connected = {end for arrow in scene.arrows for end in (arrow.tail, arrow.head)}
    lonely: dict[str, list[str]] = {}
    for thing in scene.things.values():
        if thing.key not in connected:
            lonely.setdefault(thing.box, []).append(thing.key)
    return lonely


def _islands(scene: Scene) -> list[str]:
    """The boxes of components that no arrow leaves or enters."""
    crossed = {scene.things[end].box for arrow in scene.arrows for end in (arrow.tail, arrow.head) if not _within_one(scene, arrow)}
    return [box.key for box in scene.boxes.values() if box.kind == "component" and box.key not in crossed]


def _within_one(scene: Scene, arrow: Arrow) -> bool:
    return scene.things[arrow.tail].box == scene.things[arrow.head].box


def _depths(following: dict[str, list[str]]) -> dict[str, int]:
    """By thing, the number of things on the longest line from it; a circle counts once."""
    depths: dict[str, int] = {}

    def depth(key: str, before: frozenset[str]) -> int:
        if key not in depths:
            depths[key] = 1 + max((depth(head, before | {key}) for head in following[key] if head not in before and head != key), default=0)
        return depths[key]

    for key in following:
        depth(key, frozenset())
    return depths


def _end_of(key: str, following: dict[str, list[str]], depths: dict[str, int]) -> str:
    while deeper := [head for head in following[key] if depths[head] == depths[key] - 1]:
        key = deeper[0]
    return key


def _inches(points: float) -> str:
    return f"{points / 72:.4f}"


def _read(picture: Any, scene: Scene, names: dict[str, str], clusters: dict[str, str]) -> Layout:
    left, bottom, right, top = _numbers(picture.graph_attr["bb"])

    def point(text: str) -> Point:
        x, y = _numbers(text)
        return (x - left, top - y)

    boxes: dict[str, Area] = {}
    keys = {name: key for key, name in clusters.items()}

    def walk(graph: Any) -> None:
        for cluster in graph.subgraphs():
            x0, y0, x1, y1 = _numbers(cluster.graph_attr["bb"])
            boxes[keys[cluster.name]] = Area(x0 - left, top - y1, x1 - x0, y1 - y0)
            walk(cluster)

    walk(picture)
    things: dict[str, Area] = {}
    for key, name in names.items():
        x, y = point(picture.get_node(name).attr["pos"])
        things[key] = Area(x - WIDTH / 2, y - HEIGHT / 2, WIDTH, HEIGHT)
    lines = []
    for index, arrow in enumerate(scene.arrows):
        edge = picture.get_edge(names[arrow.tail], names[arrow.head], f"a{index}")
        middle = edge.attr["lp"]
        lines.append(Line(_spline(edge.attr["pos"], point), point(middle) if middle else None))
    placed = Layout(Area(0, 0, right - left, top - bottom), {key: boxes[key] for key in scene.boxes}, things, lines)
    return _with_free_labels(scene, placed)


def _with_free_labels(scene: Scene, placed: Layout) -> Layout:
    """Graphviz keeps labels from each other, not from the titles of clusters: such a label moves along its line to the next free place."""
    taken, lines = placed.taken(scene), []
    for arrow, line in zip(scene.arrows, placed.lines, strict=True):
        if line.label is not None:
            width = text_width(arrow.label)
            places = (Area(x - width / 2, y - LABEL / 2, width, LABEL) for x, y in (line.label, *_along(line)))
            free = next((place for place in places if not any(overlap(place, other) for other in taken)), None)
            if free is not None:
                taken.append(free)
            line = Line(line.points, (free.x + width / 2, free.y + LABEL / 2) if free else None)
        lines.append(line)
    return Layout(placed.size, placed.boxes, placed.things, lines)


def overlap(one: Area, other: Area) -> bool:
    """Whether two rectangles have a point in common."""
    return one.x < other.x + other.width and other.x < one.x + one.width and one.y < other.y + other.height and other.y < one.y + one.height


def _along(line: Line) -> Iterator[Point]:
    """Places on, above and below a line, from its middle to its ends."""
    curve = line.points[:-1]
    points = [point for start in range(0, len(curve) - 3, 3) for point in _bezier(curve[start : start + 4])]
    order = sorted(range(len(points)), key=lambda index: (abs(index - len(points) // 2), index))
    for shift in (0.0, -12.0, 12.0, -24.0, 24.0):
        for index in order:
            x, y = points[index]
            yield (x, y + shift)


def _bezier(corners: Sequence[Point]) -> Iterator[Point]:
    for step in range(1, 8):
        t = step / 8
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        yield (
            sum(weight * x for weight, (x, _) in zip(weights, corners, strict=True)),
            sum(weight * y for weight, (_, y) in zip(weights, corners, strict=True)),
        )


def _spline(text: str, point: Any) -> tuple[Point, ...]:
    """The points of Graphviz's spline: `e,` is where the arrow's tip is."""
    parts = text.replace("\\\n", "").split()
    tips = [point(part[2:]) for part in parts if part.startswith("e,")]
    points = [point(part) for part in parts if not part.startswith(("e,", "s,"))]
    return (*points, *tips)


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]
