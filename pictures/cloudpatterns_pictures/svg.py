"""A picture as one SVG file: no script, no font and nothing else from outside; light and dark."""

import base64
import io
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import Final

from PIL import Image

from cloudpatterns_pictures.kinds import DATA, EVENT, TRAFFIC
from cloudpatterns_pictures.layout import TITLE, WIDTH, Area, Layout, Line, text_width
from cloudpatterns_pictures.scene import Arrow, Box, Scene, Thing

_ICON: Final = 48
_EDGE: Final = 24
GUARD: Final = "security/waf-filtering-rule"
"""The icon of a web ACL beside what it guards."""
_LEGEND: Final = 44
STYLE: Final = """
.picture{--paper:#fff;--ink:#16191f;--soft:#5f6b7a;--line:#aab7b8;font:12px Arial,Helvetica,sans-serif}
@media(prefers-color-scheme:dark){.picture{--paper:#10161d;--ink:#e9ebed;--soft:#9ba7b6;--line:#5f6b7a}}
.paper{fill:var(--paper)}
text{fill:var(--ink)}
.noun,.port{fill:var(--soft);font-size:11px}
.port{paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}
.box rect{fill:none;stroke-width:1.5}
.box text{font-size:12px}
.region rect{stroke:#00a4a6;stroke-dasharray:6 4}.region text{fill:#00a4a6}
.everywhere rect{stroke:var(--soft);stroke-dasharray:6 4}.everywhere text{fill:var(--soft)}
.component rect{stroke:var(--line)}.component text{fill:var(--soft)}
.vpc rect{stroke:#8c4fff}.vpc text{fill:#8c4fff}
.public rect{fill:#7aa116;fill-opacity:.1;stroke:#7aa116}.public text{fill:#7aa116}
.private rect{fill:#00a4a6;fill-opacity:.1;stroke:#00a4a6}.private text{fill:#00a4a6}
.isolated rect{fill:#5f6b7a;fill-opacity:.1;stroke:#5f6b7a}.isolated text{fill:var(--soft)}
.subnet rect{stroke:var(--line)}.subnet text{fill:var(--soft)}
.group rect{stroke:#dd344c;stroke-dasharray:4 3}.group text{fill:#dd344c}
.arrow path{fill:none;stroke-width:1.5}
.traffic{--flow:#c7511f}.event{--flow:#e7157b}.data{--flow:#3f8624}
.event path{stroke-dasharray:7 4}.data path{stroke-dasharray:2 3}
.arrow path,.arrow polygon{stroke:var(--flow)}.arrow polygon{fill:var(--flow)}
.thing:hover text{font-weight:bold}
"""
_NAMES: Final = {TRAFFIC: "traffic that can flow", EVENT: "events and messages", DATA: "data that a role may use"}


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
    width, height = max(layout.size.width, 560) + 2 * _EDGE, layout.size.height + 2 * _EDGE + _LEGEND
    body = "\n".join(_body(scene, layout, marks))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="picture" role="img" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}">\n<title>{escape(scene.title)}</title>\n{style}'
        f'<rect class="paper" width="100%" height="100%"/>\n{defs}'
        f'<g transform="translate({_EDGE} {_EDGE})">\n{body}\n</g>\n'
        f'<g transform="translate({_EDGE} {height - _LEGEND:.0f})">\n{_legend()}\n</g>\n</svg>\n'
    )


def _body(scene: Scene, layout: Layout, marks: Marks) -> Iterator[str]:
    for key, box in scene.boxes.items():
        yield _box(box, layout.boxes[key], marks.box(box))
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        yield _arrow(arrow, line, marks.arrow(arrow))
    for key, thing in scene.things.items():
        yield _thing(thing, layout.things[key], marks.thing(thing))
    # Above everything that could cross them.
    for arrow, line in zip(scene.arrows, layout.lines, strict=True):
        if arrow.label and line.label is not None:
            x, y = line.label
            mark = marks.label(arrow)
            yield f'<text class="port"{mark} x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{escape(arrow.label)}</text>'


def _box(box: Box, area: Area, mark: str) -> str:
    place = f'x="{area.x:.1f}" y="{area.y:.1f}" width="{area.width:.1f}" height="{area.height:.1f}"'
    return (
        f'<g class="box {box.kind}"{mark}><rect {place} rx="4"/>'
        f'<text x="{area.x + 10:.1f}" y="{area.y + TITLE - 4:.1f}">{escape(title_of(box, area))}</text></g>'
    )


def title_of(box: Box, area: Area) -> str:
    """A box's title, as far as it fits."""
    return _fitting(box.title, area.width - 16)


def _thing(thing: Thing, area: Area, mark: str) -> str:
    middle = area.x + WIDTH / 2
    lines = lines_of(thing)
    names = "".join(f'<tspan x="{middle:.1f}" dy="{14 if index else 0}">{escape(line)}</tspan>' for index, line in enumerate(lines))
    guard = f'<use href="#{_identifier(GUARD)}" x="{middle + 26:.1f}" y="{area.y + 4:.1f}"/>' if thing.guards else ""
    about = f"{thing.noun} {thing.title}".strip() + (f" behind web ACL {', '.join(thing.guards)}" if thing.guards else "")
    return (
        f'<g class="thing"{mark}><title>{escape(about)}</title>'
        f'<use href="#{_identifier(thing.icon)}" x="{middle - _ICON / 2:.1f}" y="{area.y + 8:.1f}"/>{guard}'
        f'<text y="{area.y + 72:.1f}" text-anchor="middle">{names}</text>'
        f'<text class="noun" x="{middle:.1f}" y="{area.y + 74 + 14 * len(lines):.1f}" text-anchor="middle">{escape(thing.noun)}</text></g>'
    )


def lines_of(thing: Thing) -> list[str]:
    """A thing's name in at most two lines, the first of which ends at a dash."""
    name = thing.title
    if text_width(name) <= WIDTH:
        return [name]
    most = int(WIDTH / text_width("x"))
    end = name.rfind("-", 0, most) + 1 or most
    return [name[:end], _fitting(name[end:], WIDTH)]


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


def _legend() -> str:
    parts, x = [], 0.0
    for kind, name in _NAMES.items():
        line = f'<path d="M{x:.0f},12H{x + 34:.0f}"/><polygon points="{x + 42:.0f},12 {x + 34:.0f},8 {x + 34:.0f},16"/>'
        parts.append(f'<g class="arrow {kind}">{line}</g>')
        parts.append(f'<text class="noun" x="{x + 48:.0f}" y="16">{name}</text>')
        x += 48 + text_width(name) + 24
    return "\n".join(parts)


def icons(scenes: Iterable[Scene]) -> str:
    """The icons of pictures, each once."""
    things = [thing for scene in scenes for thing in scene.things.values()]
    sizes = {thing.icon: _ICON for thing in things}
    if any(thing.guards for thing in things):
        sizes[GUARD] = _ICON // 2
    return "\n".join(
        f'<image id="{_identifier(icon)}" width="{size}" height="{size}" href="data:image/png;base64,{_picture(icon)}"/>'
        for icon, size in sorted(sizes.items())
    )


def _picture(icon: str) -> str:
    """The icon as base64, at twice its size for screens with small pixels: a fifth of the original's bytes."""
    with (files("resources") / "aws" / f"{icon}.png").open("rb") as file, Image.open(file) as original:
        small = original.convert("RGBA").resize((2 * _ICON, 2 * _ICON), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.quantize(64, Image.Quantize.FASTOCTREE).save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _identifier(icon: str) -> str:
    return icon.replace("/", "-")


def _fitting(text: str, width: float) -> str:
    most = int(width / (text_width("x")))
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"
