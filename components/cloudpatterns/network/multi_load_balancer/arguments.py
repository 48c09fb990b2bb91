"""Arguments of ``MultiLoadBalancer``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.blocks.security_group import MOST_RULES_PER_INTERFACE, RULES_PER_GROUP
from cloudpatterns.core import Keys
from cloudpatterns.core.vocabulary import Cidr, RuleDescription
from cloudpatterns.network.load_balancer import ListenerArgs, TargetArgs


class AudienceEntryArgs(TypedDict):
    """One network of an audience."""

    cidr: Cidr
    """The network."""
    description: RuleDescription
    """Whose network it is."""


class AudienceArgs(ListenerArgs):
    """One audience and its load balancer. At least one of ``internet``, ``entries``, ``prefix_list_id`` and
    ``client_security_group_ids``. No two audiences have the same certificate.
    """

    internet: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the internet may connect."""
    entries: NotRequired[Annotated[list[AudienceEntryArgs], Field(default=[])]]
    """Networks that may connect."""
    prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of networks that may connect. Default: none."""
    prefix_list_max_entries: NotRequired[Annotated[int, Field(default=10, ge=1, le=1000)]]
    """How many rules the prefix list counts as in the quota."""
    client_security_group_ids: NotRequired[
        Annotated[dict[str, pulumi.Input[str]], Field(default={}), Keys("[A-Za-z0-9-]+", "letters, digits and hyphens")]
    ]
    """Security groups that may connect, by a name of your choice."""


class MultiLoadBalancerArgs(TargetArgs):
    """Arguments of ``MultiLoadBalancer``."""

    audiences: Annotated[
        dict[str, AudienceArgs],
        Keys("(?!(fleet|logs)$)[a-z][a-z0-9]*", "lower-case letters and digits, a letter first, and is not fleet or logs"),
    ]
    """Two audiences or more, by name. For one, a ``LoadBalancer`` is enough."""
    fleet_security_group_id: NotRequired[pulumi.Input[str]]
    """Security group of the fleet, which receives the rules beside its own, which are not checked. Default: a new one without egress rules:
    add the groups of what the fleet calls to the fleet."""
    rules_per_group: NotRequired[Annotated[int, Field(default=RULES_PER_GROUP, ge=1, le=MOST_RULES_PER_INTERFACE)]]
    """The account's quota of rules per security group, direction and address family."""
