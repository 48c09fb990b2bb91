"""Where everything goes: Graphviz's `dot` with boxes as clusters. Sizes are fixed, so that no font of the machine changes a picture."""

import contextlib
import os
import unicodedata
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pygraphviz

from cloudpatterns_pictures.scene import OUTSIDE, Arrow, Box, Scene, Thing

ICON: Final = 48.0
"""The sides of an icon, in points, as all that follows."""
LINE: Final = 14.0
"""The height of a line of text."""
LARGE: Final = 12
SMALL: Final = 11
"""The sizes of texts: names and titles, and all others."""
TITLE: Final = 22.0
"""The height of a box's title."""
LABEL: Final = 14.0
"""The height of an arrow's label."""
GAP: Final = 4.0
"""Between an icon and what is around it: text, and tips of arrows."""
_HEIGHT: Final = ICON + 2 * GAP + 3 * LINE
"""The height of a thing: its icon, two lines for its name, and one for what it is."""
_NARROW: Final = 110.0
"""A longer name is broken in two."""
_WIDE: Final = 150.0
"""The most that a line of a name takes."""
_MARGIN: Final = 12.0
"""Between a box and what is in it."""
_WIDTHS: Final = dict(
    zip(
        map(chr, range(32, 127)),
        (
            278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
            556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
            667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
            556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
        ),
        strict=True,
    ),
) | {"\u00b7": 278, "\u00d7": 584}  # fmt: skip
"""The widths of characters in Arial and Helvetica: thousandths of the size of the text."""
_WIDEST: Final = 1000
"""The width of a character that is not among them."""
_PORT: Final = "icon"
_TIP: Final = 10.0
"""The length of an arrow's tip, as Graphviz has it."""
INDENT: Final = 10.0
"""Before the title of a box."""
GUARD: Final = 24.0
"""The sides of the icon of a web ACL, which stands at the upper right of what it guards."""
_BREAKS: Final = "-_./ "
_CUT: Final = "\u2026"
_PART: Final = 200.0
"""The sides of a part of a picture in which a free place is looked for."""
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


def text_width(text: str, size: int = LARGE) -> float:
    """What a text takes: every viewer draws it as wide as this, whatever its fonts."""
    # A letter with an accent is as wide as one without.
    return sum(_WIDTHS.get(unicodedata.normalize("NFD", letter)[0], _WIDEST) for letter in text) * size / 1000


def fitting(text: str, width: float) -> str:
    """As much of a text as fits."""
    if text_width(text) <= width:
        return text
    end = len(text)
    while end and text_width(text[:end]) + text_width(_CUT) > width:
        end -= 1
    return text[:end] + _CUT


def lines_of(thing: Thing) -> list[str]:
    """A thing's name in at most two lines, as even as its dashes allow."""
    name = thing.title
    if text_width(name) <= _NARROW:
        return [name]
    ends = [index + 1 for index, letter in enumerate(name[:-1]) if letter in _BREAKS]
    halves = [(name[:end], name[end:]) for end in ends]
    whole = [pair for pair in halves if max(map(text_width, pair)) <= _WIDE]
    if whole:
        return [part.strip() for part in min(whole, key=lambda pair: max(map(text_width, pair)))]
    if text_width(name) <= _WIDE:
        return [name]
    first = next(end for end in range(len(name), 0, -1) if text_width(name[:end]) <= _WIDE)
    first = max((end for end in ends if end <= first and text_width(name[:end]) > _WIDE / 2), default=first)
    return [name[:first], fitting(name[first:], _WIDE)]


def title_of(box: Box, area: Area) -> str:
    """A box's title, as far as it fits."""
    return fitting(box.title, area.width - 2 * INDENT)


def title_area(box: Box, area: Area) -> Area:
    """Where a box's title is."""
    return Area(area.x + INDENT, area.y + 6, text_width(title_of(box, area)), LINE)


def name_areas(thing: Thing, area: Area) -> Iterator[tuple[str, Area]]:
    """The lines below a thing's icon, and where each is: its name, then what it is."""
    for index, (text, size) in enumerate([*((line, LARGE) for line in lines_of(thing)), (thing.noun, SMALL)]):
        width = text_width(text, size)
        yield text, Area(area.x + (area.width - width) / 2, area.y + ICON + 2 * GAP + LINE * index, width, LINE)


def label_area(label: str, middle: Point) -> Area:
    """Where an arrow's label is."""
    width = text_width(label, SMALL)
    return Area(middle[0] - width / 2, middle[1] - LABEL / 2, width, LABEL)


def _width(thing: Thing) -> float:
    """The width of a thing: of its icon, with room for the one of a web ACL, or of its longest text."""
    texts = [*map(text_width, lines_of(thing)), text_width(thing.noun, SMALL)]
    return max(ICON + 2 * GUARD, *texts) + 2 * GAP


def layout(scene: Scene) -> Layout:
    """Places a scene. The same scene is placed in the same way each time."""
    picture = pygraphviz.AGraph(directed=True, strict=False, compound="true", rankdir="LR", nodesep="0.25", ranksep="0.6", newrank="true")
    picture.node_attr.update(shape="plain")
    picture.edge_attr.update(tailport=_PORT, headport=_PORT)
    # Names in Graphviz are short, and in the order of the scene.
    names = {key: f"t{index}" for index, key in enumerate(scene.things)}
    clusters = {key: f"cluster_{index}" for index, key in enumerate(scene.boxes)}
    for key, thing in scene.things.items():
        picture.add_node(names[key], label=_table(_width(thing)))
    _add_boxes(picture, scene, names, clusters)
    for index, arrow in enumerate(scene.arrows):
        label = _blank(text_width(arrow.label, SMALL) + 6, LABEL) if arrow.label else ""
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


def _add_boxes(picture: Any, scene: Scene, names: dict[str, str], clusters: dict[str, str]) -> None:
    # A node of an inner cluster is one of all those around it.
    inside: dict[str, list[str]] = {}
    for thing in scene.things.values():
        box = thing.box
        while box:
            inside.setdefault(box, []).append(names[thing.key])
            box = scene.boxes[box].parent
    children: dict[str, list[Box]] = {}
    for box in scene.boxes.values():
        children.setdefault(box.parent, []).append(box)

    def add(graph: Any, parent: str) -> None:
        for box in children.get(parent, ()):
            title = _blank(_title_width(box), TITLE)
            add(graph.add_subgraph(inside.get(box.key, []), name=clusters[box.key], label=title, margin=f"{_MARGIN:.0f}"), box.key)

    add(picture, "")


def _title_width(box: Box) -> float:
    return text_width(box.title) + 2 * INDENT


def _table(width: float) -> str:
    """A thing for Graphviz: arrows end at the sides of its upper part, where its icon is, or above it, and do not cross its text."""
    icon = f'<TD PORT="{_PORT}" FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{ICON + 2 * GAP:.0f}"></TD>'
    text = f'<TD FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{3 * LINE:.0f}"></TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR>{icon}</TR><TR>{text}</TR></TABLE>>'


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
    within: dict[str, list[str]] = {}
    for thing in scene.things.values():
        within.setdefault(thing.box, []).append(thing.key)
    for box in islands:
        inside = within[box]
        deepest = max(inside, key=lambda key: depths[key])
        column, last = (column, last) if column + depths[deepest] <= longest else (0, [])
        heads = {head for key in inside for head in following[key]}
        rows += [(tail, head) for tail in last for head in inside if head not in heads]
        column, last = column + depths[deepest], [_end_of(deepest, following, depths)]
    if OUTSIDE in scene.things:
        # It stands before everything, not above what would begin in the same column.
        led = {head for heads in following.values() for head in heads} | {head for _, head in rows}
        rows += [(OUTSIDE, key) for key in scene.things if key != OUTSIDE and key not in led]
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
    for start in following:
        # Not by recursion: lines may be longer than Python's stack.
        path, open_now = [(start, iter(following[start]))] if start not in depths else [], {start}
        while path:
            key, heads = path[-1]
            head = next((head for head in heads if head not in depths and head not in open_now), None)
            if head is not None:
                path.append((head, iter(following[head])))
                open_now.add(head)
            else:
                path.pop()
                open_now.discard(key)
                depths[key] = 1 + max((depths[head] for head in following[key] if head in depths and head != key), default=0)
    return depths


def _end_of(key: str, following: dict[str, list[str]], depths: dict[str, int]) -> str:
    while deeper := [head for head in following[key] if depths[head] == depths[key] - 1]:
        key = deeper[0]
    return key


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
        width = _width(scene.things[key])
        things[key] = Area(x - width / 2, y - _HEIGHT / 2, width, _HEIGHT)
    lines = []
    for index, arrow in enumerate(scene.arrows):
        edge = picture.get_edge(names[arrow.tail], names[arrow.head], f"a{index}")
        middle = edge.attr["lp"]
        points = _to_icons(_spline(edge.attr["pos"], point), things[arrow.tail], things[arrow.head])
        lines.append(Line(points, point(middle) if middle else None))
    placed = Layout(Area(0, 0, right - left, top - bottom), {key: boxes[key] for key in scene.boxes}, things, lines)
    return _with_free_labels(scene, placed)


def _with_free_labels(scene: Scene, placed: Layout) -> Layout:
    """Graphviz keeps labels from each other, not from the titles of clusters: such a label moves along its line to the next free place."""
    taken, lines = _Taken(), []
    for key, area in placed.boxes.items():
        taken.add(title_area(scene.boxes[key], area))
    for area in placed.things.values():
        taken.add(area)
    for arrow, line in zip(scene.arrows, placed.lines, strict=True):
        if line.label is not None:
            places = (label_area(arrow.label, point) for point in (line.label, *_along(line)))
            free = next((place for place in places if taken.is_free(place)), None)
            if free is not None:
                taken.add(free)
            line = Line(line.points, (free.x + free.width / 2, free.y + free.height / 2) if free else None)
        lines.append(line)
    return Layout(placed.size, placed.boxes, placed.things, lines)


class _Taken:
    """Where there is something already. Each place is asked of its own part of the picture alone."""

    def __init__(self) -> None:
        self._parts: dict[tuple[int, int], list[Area]] = {}

    def add(self, area: Area) -> None:
        for part in self._around(area):
            self._parts.setdefault(part, []).append(area)

    def is_free(self, area: Area) -> bool:
        return not any(overlap(area, other) for part in self._around(area) for other in self._parts.get(part, ()))

    @staticmethod
    def _around(area: Area) -> Iterator[tuple[int, int]]:
        for column in range(int(area.x // _PART), int((area.x + area.width) // _PART) + 1):
            for row in range(int(area.y // _PART), int((area.y + area.height) // _PART) + 1):
                yield column, row


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


def _to_icons(points: tuple[Point, ...], tail: Area, head: Area) -> tuple[Point, ...]:
    """An arrow from icon to icon, which are narrower than the things: the room between them and a side is empty."""
    *curve, tip = points
    start, end = _beside(curve[0], tail), _beside(tip, head)
    if start != curve[0]:
        curve = [start, start, curve[0], *curve]
    if end != tip:
        base = (end[0] + (_TIP if tip[0] > end[0] else -_TIP), end[1])
        curve = [*curve, curve[-1], base, base]
    return (*curve, end)


def _beside(point: Point, thing: Area) -> Point:
    """The point beside the icon of a thing at whose side a point is; the point itself above a thing."""
    middle, reach = thing.x + thing.width / 2, ICON / 2 + GAP
    return (middle - reach, point[1]) if point[0] < middle - reach else (middle + reach, point[1]) if point[0] > middle + reach else point


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]
