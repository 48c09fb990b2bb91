"""The optional sections: each is a component, which stands where the stack has it unless its section says otherwise."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi
from cloudpatterns.network import Network

import settings


@dataclass(frozen=True)
class Place:
    """Where components of a stack stand."""

    network: Network | None
    alarm_topic_arns: list[pulumi.Input[str]]
    tags: dict[str, pulumi.Input[str]]
    parts: dict[str, Any] = field(default_factory=dict)
    """What the stack has, as arguments of what is about it: a dashboard, backups."""

    def arguments(self) -> dict[str, Any]:
        """What the stack gives a component, by the argument's name."""
        subnets: dict[str, Any] = {}
        if self.network is not None:
            tiers = {tier: self.network.subnet_ids(tier) for tier in ("public", "private", "data")}
            subnets = {f"{tier}_subnet_ids_by_zone": ids for tier, ids in tiers.items()}
            subnets |= {"vpc_id": self.network.vpc_id, "subnet_ids_by_zone": tiers["private"]}
        return {**subnets, **self.parts, "alarm_topic_arns": self.alarm_topic_arns, "tags": self.tags}


def schedule_tags(stack: settings.Settings) -> dict[str, pulumi.Input[str]]:
    """The tag by which the section `office_hours` finds what it stops; not that of a NAT, which has hours of its own."""
    hours: Any = next((system.settings for system in stack.systems if system.section == "office_hours"), None)
    return {} if hours is None else {hours.tag_key: hours.tag_value}


def deploy_systems(stack: settings.Settings, place: Place) -> None:
    """Creates the components of the optional sections; the outputs of each are one of the stack, by the section's name."""
    given = place.arguments()
    for system in stack.systems:
        made = system.component(system.name(), system.arguments(given))
        pulumi.export(system.section, dict(_outputs(made)))


def _outputs(component: pulumi.ComponentResource) -> Iterator[tuple[str, Any]]:
    for name in inspect.get_annotations(type(component)):
        if not name.startswith("_"):
            yield name, getattr(component, name)
