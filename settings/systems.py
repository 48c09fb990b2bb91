"""The optional sections: each is a component of the package, which a stack has when the section is there.

A section takes the component's arguments. Where it stands (network, subnets, topics for alarms, tags) is by default where the stack has it.
What a stack does not have is not imported: the SDK's modules of all components are half of a preview.
"""

import functools
import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import pulumi
from cloudpatterns.core import ArgumentError, Component, declared
from pydantic_core import InitErrorDetails, to_jsonable_python

from settings.faults import Allowed, Context, Location, Model, Remove, Run, fault
from settings.options import options
from settings.refusals import steps
from settings.storefront import topics

SYSTEMS: Mapping[str, str] = {
    "monitoring": "cloudpatterns.operations:MonitoringIntegration",
    "audit": "cloudpatterns.security:AuditTrail",
    "user_directory": "cloudpatterns.security:UserDirectory",
    "golden_environment": "cloudpatterns.security:GoldenEnvironment",
    "cost": "cloudpatterns.operations:CostGuard",
    "office_hours": "cloudpatterns.operations:OfficeHours",
    "temporary_environment": "cloudpatterns.operations:TemporaryEnvironment",
    "backup": "cloudpatterns.storage:Snapshot",
    "secure_file_sharing": "cloudpatterns.systems:SecureFileSharing",
    "event_notification": "cloudpatterns.systems:EventNotification",
    "order_processing": "cloudpatterns.systems:OrderProcessing",
    "build_agents": "cloudpatterns.operations:BuildAgents",
    "stack_deployment": "cloudpatterns.operations:StackDeployment",
    "media_processing": "cloudpatterns.systems:MediaProcessing",
    "global_service": "cloudpatterns.systems:GlobalService",
    "legacy_backup": "cloudpatterns.systems:LegacyBackup",
}
"""By section, the component, in the order in which a program creates them."""

_SUBNETS = ("public_subnet_ids_by_zone", "private_subnet_ids_by_zone", "data_subnet_ids_by_zone", "subnet_ids_by_zone")
OF_NETWORK = ("vpc_id", *_SUBNETS)
"""Arguments that the stack's network gives a component."""
PLACED = (*OF_NETWORK, "alarm_topic_arns", "key_arns", "tags")
"""Arguments that the stack gives a component, unless its section does."""


@functools.cache
def component_of(section: str) -> type[Component]:
    """The component of a section."""
    module, _, name = SYSTEMS[section].partition(":")
    return getattr(importlib.import_module(module), name)


def arguments_of(section: str) -> type:
    """The declaration of the component's arguments."""
    constructor: Any = component_of(section).__init__
    return get_type_hints(constructor)["args"]


@functools.cache
def model_of(section: str) -> type[Model]:
    """The model of a section."""
    return options(arguments_of(section), optional=PLACED)


def description_of(section: str) -> str:
    """What the component does, in the first sentence of its documentation."""
    return (component_of(section).__doc__ or "").strip().split("\n\n")[0].replace("\n", " ").replace("``", "`")


def allowed_in(section: str) -> Allowed:
    """What is allowed as a section, and the least that is."""
    needs_something = any(info.is_required() for info in model_of(section).model_fields.values())
    return Allowed(f"an object with the arguments of {component_of(section).__name__}", None if needs_something else {})


@dataclass(frozen=True)
class System:
    """A component that a stack has."""

    section: str
    settings: Model

    @property
    def component(self) -> Any:
        """The class of the component."""
        return component_of(self.section)

    def name(self) -> str:
        """Name of the component in the stack: the section's, as names of resources are written."""
        return self.section.replace("_", "-")

    def arguments(self, place: Mapping[str, Any]) -> dict[str, Any]:
        """The component's arguments: its settings, and of ``place`` what it takes and they leave out."""
        taken = declared(arguments_of(self.section))
        return {**{name: value for name, value in place.items() if name in taken}, **_plain(self.settings)}


def _plain(value: Any) -> Any:
    """Settings as a component takes them: a folder as the archive of its files."""
    if isinstance(value, Model):
        # The component has the same defaults, and the stack gives it what its section leaves out.
        return {name: _plain(inner) for name, inner in value if name in value.model_fields_set and inner is not None}
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return pulumi.FileArchive(str(value)) if isinstance(value, Path) else to_jsonable_python(value)


def needs_network(section: str) -> bool:
    """Whether a component cannot do without the stack's network."""
    return any(name in OF_NETWORK for name in getattr(arguments_of(section), "__required_keys__", ()))


def components_accept(settings: Any, context: Context) -> Iterable[InitErrorDetails]:
    """What the components refuse beyond the limits of single settings: each rule is written once, in its component."""
    zones = {f"{context.region or 'eu-west-1'}{letter}": "subnet-0" for letter in "abc"}
    place: dict[str, Any] = {
        "vpc_id": "vpc-0",
        **dict.fromkeys(_SUBNETS, zones),
        "alarm_topic_arns": _topics(settings),
        **_watched(settings),
    }
    for section in SYSTEMS:
        if not isinstance(model := getattr(settings, section, None), Model):
            continue
        system = System(section, model)
        arguments = system.arguments(place)
        try:
            system.component.check(system.name(), arguments)
        except ArgumentError as error:
            for path, reason in error.problems:
                where = (section, *(steps(path, arguments) if path else ()))
                fix = [Remove(where)] if path and _is_there(model, where[1:]) else [Run("edit Pulumi.{stack}.yaml as the problem says")]
                yield fault(where, reason.rstrip("."), fix=fix)


def _topics(settings: Any) -> list[str]:
    """Topics as the storefront's alarms have them; that of e-mail addresses is known only after its creation."""
    front = getattr(settings, "storefront", None)
    found = topics(getattr(front, "alarm_topic_arns", ()))
    return [*found, "arn:aws:sns:eu-west-1:000000000000:alarms"] if getattr(front, "alarm_email_addresses", ()) else found


def _watched(settings: Any) -> dict[str, Any]:
    """What of the storefront is on a dashboard, as far as rules ask for it."""
    front = getattr(settings, "storefront", None)
    if not isinstance(front, Model):
        return {}
    groups = {} if getattr(front, "servers", None) is None else {"watched_auto_scaling_groups": {"shop": "shop"}}
    arn = "arn:aws:elasticloadbalancing:eu-west-1:000000000000:loadbalancer/app/shop/0"
    return {"watched_load_balancers": {"shop": {"load_balancer_arn": arn}}, **groups}


def _is_there(model: Any, place: Location) -> bool:
    node = _plain(model)
    for step in place:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True
