"""A picture as one SVG file: no script, no font and nothing else from outside; light and dark."""

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from PIL import Image

from cloudpatterns_pictures.kinds import DATA, EVENT, TRAFFIC
from cloudpatterns_pictures.layout import (
    GAP,
    GUARD,
    ICON,
    LINE,
    SMALL,
    Area,
    Layout,
    Line,
    label_area,
    name_areas,
    text_width,
    title_area,
    title_of,
)
from cloudpatterns_pictures.scene import Arrow, Box, Scene, Thing

_EDGE: Final = 24
GUARDED: Final = "security/waf-filtering-rule"
"""The icon of a web ACL beside what it guards."""
_LEGEND: Final = 24
"""The height of a row of the legend."""
_KEY: Final = 48
"""Before a text of the legend."""
STYLE: Final = """
.picture{--paper:#fff;--ink:#16191f;--soft:#5f6b7a;--line:#aab7b8;--region:#007d80;--vpc:#7b3ff2;--public:#55750a;--group:#cf2a41;
--traffic:#c7511f;--event:#d6116f;--data:#3a7d20;font:12px Arial,Helvetica,sans-serif}
@media screen and (prefers-color-scheme:dark){
.picture{--paper:#10161d;--ink:#e9ebed;--soft:#a5b1bf;--line:#5f6b7a;--region:#2fc7c9;--vpc:#b898ff;--public:#a4cf3e;--group:#ff8091;
--traffic:#ff9a5c;--event:#ff6bb3;--data:#7ccb5a}
.outline{filter:invert(1) hue-rotate(180deg)}
}
.paper{fill:var(--paper)}
text{fill:var(--ink)}
.box text,.thing>text,.port,.noun{paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.noun,.port{fill:var(--soft);font-size:11px}
.box{--tone:var(--soft)}
.box rect{fill:none;stroke:var(--tone);stroke-width:1.5}
.box text{fill:var(--tone)}
.region,.private{--tone:var(--region)}.vpc{--tone:var(--vpc)}.public{--tone:var(--public)}.group{--tone:var(--group)}
.region rect,.everywhere rect{stroke-dasharray:6 4}
.component rect,.subnet rect{stroke:var(--line)}
.group rect{stroke-dasharray:4 3}
.public rect,.private rect,.isolated rect{fill:var(--tone);fill-opacity:.1}
.traffic{--flow:var(--traffic)}.event{--flow:var(--event)}.data{--flow:var(--data)}
.arrow path{fill:none;stroke-width:1.5}
.event path{stroke-dasharray:7 4}.data path{stroke-dasharray:2 3}
.arrow path,.arrow polygon{stroke:var(--flow)}.arrow polygon{fill:var(--flow)}
.thing:hover text{font-weight:bold}
"""
_NAMES: Final = {TRAFFIC: "traffic that is allowed", EVENT: "events and messages", DATA: "data that may be read or written"}
_ACL: Final = "behind a web ACL"


class Marks:
    """The attributes by which a page finds the parts of a picture, each with a space before it."""

    def box(self, box: Box) -> str:
        """Those of a box."""
        return ""

    def thing(self, thing: Thing) -> str:
        """Those of a thing."""
        return f' data-urns="{escape(" ".join(thing.urns))}"'

    def arrow(self, arrow: Arrow) -> str:
        """Those of an arrow."""
        return f' data-tail="{escape(arrow.tail)}" data-head="{escape(arrow.head)}"'

    def label(self, arrow: Arrow) -> str:
        """Those of an arrow's label."""
        return ""


def render(scene: Scene, layout: Layout) -> str:
    """The SVG as a file of its own."""
    return svg(scene, layout, Marks(), f"<style>{STYLE}</style>\n", f"<defs>\n{icons([scene])}\n</defs>\n")


def svg(scene: Scene, layout: Layout, marks: Marks, style: str = "", defs: str = "") -> str:
    """The SVG, which takes its style and its icons from the page around it when they are not given."""
    rows = _rows(_keys(scene), layout.size.width)
    across = max([layout.size.width, *(sum(map(_key_width, row)) for row in rows)])
    width, height = across + 2 * _EDGE, layout.size.height + 2 * _EDGE + _LEGEND * len(rows)
    legend = "\n".join(_legend(rows))
    body = "\n".join(_body(scene, layout, marks))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}">\n<title>{escape(scene.title)}</title>\n{style}'
        f'<rect class="paper" width="100%" height="100%" rx="6"/>\n{defs}'
        f'<g transform="translate({_EDGE} {_EDGE})">\n{body}\n</g>\n'
        f'<g transform="translate({_EDGE} {layout.size.height + 2 * _EDGE:.0f})">\n{legend}\n</g>\n</svg>\n'
    )


def _body(scene: Scene, layout: Layout, marks: Marks) -> Iterator[str]:
    # Below the boxes, whose titles can then be read where a line crosses them.
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        yield _arrow(arrow, line, marks.arrow(arrow))
    for key, box in scene.boxes.items():
        yield _box(box, layout.boxes[key], marks.box(box))
    for key, thing in scene.things.items():
        yield _thing(thing, layout.things[key], marks.thing(thing))
    # Above everything that could cross them.
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        if arrow.label and line.label is not None:
            yield _text(arrow.label, label_area(arrow.label, line.label), f' class="port"{marks.label(arrow)}')


def _text(text: str, area: Area, attributes: str = "") -> str:
    """A text, which is as wide as the layout says in every viewer: not all have Arial."""
    place = f'x="{area.x:.1f}" y="{area.y + LINE - 4:.1f}" textLength="{area.width:.1f}" lengthAdjust="spacingAndGlyphs"'
    return f"<text{attributes} {place}>{escape(text)}</text>"


def _box(box: Box, area: Area, mark: str) -> str:
    place = f'x="{area.x:.1f}" y="{area.y:.1f}" width="{area.width:.1f}" height="{area.height:.1f}"'
    title = _text(title_of(box, area), title_area(box, area))
    return f'<g class="box {box.kind}"{mark}><rect {place} rx="4"/>{title}</g>'


def _thing(thing: Thing, area: Area, mark: str) -> str:
    middle, top = area.x + area.width / 2, area.y + GAP
    *names, noun = name_areas(thing, area)
    texts = "".join(_text(*name) for name in names) + (_text(*noun, ' class="noun"') if thing.noun else "")
    guard = f'<use href="#{_identifier(GUARDED)}" x="{middle + ICON / 2:.1f}" y="{area.y:.1f}"/>' if thing.guards else ""
    about = f"{thing.noun} {thing.title}".strip() + (f" behind web ACL {', '.join(thing.guards)}" if thing.guards else "")
    return (
        f'<g class="thing"{mark}><title>{escape(about)}</title>'
        f'<use href="#{_identifier(thing.icon)}" x="{middle - ICON / 2:.1f}" y="{top:.1f}"/>{guard}{texts}</g>'
    )


def _arrow(arrow: Arrow, line: Line, mark: str) -> str:
    (x, y), *curve, tip = line.points
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in curve)
    return f'<g class="arrow {arrow.kind}"{mark}><path d="M{x:.1f},{y:.1f}C{points}"/><polygon points="{_tip(curve[-1], tip)}"/></g>'


def _tip(base: tuple[float, float], tip: tuple[float, float]) -> str:
    dx, dy = tip[0] - base[0], tip[1] - base[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    across = (-dy / length * 4, dx / length * 4)
    corners = (tip, (base[0] + across[0], base[1] + across[1]), (base[0] - across[0], base[1] - across[1]))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)


def _keys(scene: Scene) -> list[str]:
    """What the legend explains: the kinds of arrows that there are, and the small icon of a web ACL."""
    kinds = {arrow.kind for arrow in scene.arrows}
    return [*(kind for kind in _NAMES if kind in kinds), *([_ACL] if any(thing.guards for thing in scene.things.values()) else [])]


def _key_width(key: str) -> float:
    return _KEY + text_width(_NAMES.get(key, key), SMALL) + 24


def _rows(keys: Sequence[str], width: float) -> list[list[str]]:
    """The parts of the legend in rows that are no wider than the picture."""
    rows: list[list[str]] = []
    for key in keys:
        if rows and sum(map(_key_width, [*rows[-1], key])) <= width:
            rows[-1].append(key)
        else:
            rows.append([key])
    return rows


def _legend(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for index, row in enumerate(rows):
        x, y = 0.0, _LEGEND * index + 4.0
        for key in row:
            name = _NAMES.get(key, key)
            if key in _NAMES:
                tip = f"{x + 42:.0f},{y:.0f} {x + 34:.0f},{y - 4:.0f} {x + 34:.0f},{y + 4:.0f}"
                line = f'<path d="M{x:.0f},{y:.0f}H{x + 34:.0f}"/><polygon points="{tip}"/>'
                yield f'<g class="arrow {key}">{line}</g>'
            else:
                yield f'<use href="#{_identifier(GUARDED)}" x="{x + 18:.0f}" y="{y - 12:.0f}"/>'
            yield _text(name, Area(x + _KEY, y - LINE / 2, text_width(name, SMALL), LINE), ' class="noun"')
            x += _key_width(key)


def icons(scenes: Iterable[Scene]) -> str:
    """The icons of pictures, each once."""
    things = [thing for scene in scenes for thing in scene.things.values()]
    sizes = {thing.icon: ICON for thing in things}
    if any(thing.guards for thing in things):
        sizes[GUARDED] = GUARD
    return "\n".join(_image(icon, size) for icon, size in sorted(sizes.items()))


def _image(icon: str, size: float) -> str:
    """The icon, which is marked if it has no background of its own: dark lines are turned into light ones on a dark page."""
    data, outline = _picture(icon)
    mark = ' class="outline"' if outline else ""
    return f'<image id="{_identifier(icon)}"{mark} width="{size:.0f}" height="{size:.0f}" href="data:image/png;base64,{data}"/>'


@cache
def _picture(icon: str) -> tuple[str, bool]:
    """The icon as base64, and whether most of it is clear. It has twice its size for screens with small pixels: a fifth of the original."""
    side = round(2 * ICON)
    with (files("resources") / "aws" / f"{icon}.png").open("rb") as file, Image.open(file) as original:
        small = original.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
    clear = sum(small.getchannel("A").histogram()[:128])
    buffer = io.BytesIO()
    small.quantize(64, Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii"), clear > side * side / 2


def _identifier(icon: str) -> str:
    return icon.replace("/", "-")
