"""What a picture shows: boxes in boxes, things in them, and arrows between the things."""

from dataclasses import dataclass, field
from typing import Final

DOT: Final = " \u00b7 "
"""Between the name of a box and what it is."""
OUTSIDE: Final = "internet"
"""The key of the internet."""


@dataclass(slots=True)
class Box:
    """A Region, a VPC, subnets, a security group."""

    key: str
    kind: str
    """`region`, `everywhere`, `component`, `vpc`, `public`, `private`, `isolated`, `subnets`, `subnet` or `group`: how it is drawn."""
    title: str
    parent: str = ""
    """The key of the box around it."""
    urns: list[str] = field(default_factory=list)
    """The resources that it is: a VPC, subnets, security groups; a component."""


@dataclass(slots=True)
class Thing:
    """One icon: a resource, or several alike."""

    key: str
    """The URN of the first."""
    icon: str
    title: str
    noun: str
    box: str = ""
    """The key of the box that it is in."""
    urns: list[str] = field(default_factory=list)
    """All resources that it stands for."""
    guards: list[str] = field(default_factory=list)
    """Names of the web ACLs before it."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """Something that flows."""

    tail: str
    head: str
    kind: str
    label: str = ""


@dataclass(slots=True)
class Scene:
    """A whole picture, in a fixed order."""

    title: str
    boxes: dict[str, Box] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)
    arrows: list[Arrow] = field(default_factory=list)
