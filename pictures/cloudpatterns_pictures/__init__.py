"""Pictures of stacks, drawn from their real graph: what is where, and what can reach what."""

from offline_preview.graph import Graph

from cloudpatterns_pictures.layout import layout
from cloudpatterns_pictures.stage import scene_of
from cloudpatterns_pictures.svg import render


def draw(graph: Graph) -> str:
    """The picture of a stack as SVG: one file, without a script, which needs nothing from outside."""
    scene = scene_of(graph)
    return render(scene, layout(scene))
