"""A fixed number of servers behind a load balancer.

Pattern: "Multi-Server" (Cloud Design Patterns for AWS).
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Any, NotRequired

import pulumi
from pydantic import Field

from cloudpatterns.blocks import Metric, alarm
from cloudpatterns.blocks.boot import SEVERAL_PARTS, SHELL, BootPart, multipart, parts_after
from cloudpatterns.compute.scale_out.arguments import ScaleOutArgs, ScaleOutServerOptions
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.compute.web_server.user_data import secret_reason
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Keys,
    Problem,
    WorkloadStatementArgs,
    declared,
    excludes,
    is_given,
    needs,
    one_of,
    pick,
    statement_problems,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, Port, SecurityGroupIds, SubnetIdsByZones, Tags
from cloudpatterns.network import LoadBalancer, LoadBalancerArgs, LoadBalancerOptions
from cloudpatterns.security import WorkloadRole, session_manager_statements

Environment = Annotated[
    dict[str, pulumi.Input[str]], Keys("[A-Z_][A-Z0-9_]*", "capital letters, digits and underscores such as TABLE_NAME"), Field(default={})
]
"""Environment variables of servers."""
_FILE = "/etc/cloudpatterns/server.env"
_END = "CLOUDPATTERNS_ENVIRONMENT"


class MultiServerOptions(ScaleOutServerOptions):
    """What the servers are, how many, and the side that clients see."""

    servers: Annotated[int, Field(ge=2, le=500)]
    """Number of servers, always: as many as the zones or more."""
    load_balancer: NotRequired[LoadBalancerOptions]
    """A new load balancer, see ``LoadBalancer``, without ``stickiness``. Exactly one of ``load_balancer`` and ``target_group_arns``."""
    alarm_cpu_percent: NotRequired[Annotated[int, Field(default=80, ge=10, le=100)]]
    """Average CPU over 15 minutes above which the alarm is raised: nothing else grows the group."""


class MultiServerArgs(MultiServerOptions):
    """Arguments of ``MultiServer``."""

    subnet_ids_by_zone: SubnetIdsByZones
    """Private subnets of the servers, one per zone."""
    security_group_ids: SecurityGroupIds
    """Security groups of the servers, which admit the load balancer's."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """The VPC. Needed with ``load_balancer``."""
    load_balancer_subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Subnets of the load balancer, public ones unless ``internal``, in each zone of the servers. Needed with ``load_balancer``."""
    internal: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the load balancer has private addresses only."""
    load_balancer_security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the load balancer. Needed with ``load_balancer``."""
    target_port: NotRequired[Port]
    """Port of the servers. Needed with ``load_balancer``."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(min_length=1)]]
    """Target groups of load balancers that are there, without stickiness. Exactly one of ``load_balancer`` and ``target_group_arns``."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot, see ``ScaleOut``, or ``Bootstrap.user_data``. Default: no script."""
    environment: NotRequired[Environment]
    """Environment variables, such as those of ``StateSharing``: kept in ``/etc/cloudpatterns/server.env`` for services
    (``EnvironmentFile=``), and exported in the script of ``user_data``, which begins with ``#!`` and a shell; the scripts of user data of
    several parts read the file. Never a secret: user data can be read."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the servers may do beside Session Manager, such as ``StateSharing.reader_statements()``. Not with ``instance_profile_arn``."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the servers. Default: a new role with ``statements``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks, see ``ScaleOut``. Default: the AWS managed key for EBS."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of fewer servers than ``servers``, of a high CPU, of failures, and of what the load balancer sees."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the instances, disks and network interfaces."""


class MultiServer(Component):
    """A fixed number of servers in two zones or more behind a load balancer (Cloud Design Patterns for AWS, "Multi-Server").

    Composes ``LoadBalancer``, or takes target groups, and ``ScaleOut`` with minimum, maximum and desired size alike and nothing that
    scales: a server that fails the load balancer's health check is replaced by a new one, in another zone where its own is lost.
    Replacements start before old servers end. Any server answers any request: the load balancer has no stickiness, and sessions are
    outside the servers::

        sessions = StateSharing("sessions", {})
        MultiServer("shop", {"environment": sessions.environment(), "statements": sessions.reader_statements(), ...})

    **Use when**: the load is known and steady, and one server must not be the only one.

    **Not when**: the load changes (``ScaleOut``), or database and cache have to survive a zone as well (``MultiDatacenter``).

    **Cost drivers**: the servers at all times, the load balancer, three to eight alarms.

    **Trade-offs**: the number does not follow the load, so it must carry the peak, and that with one server or one zone less.

    **Proven by**: controls ``auto-scaling-several-zones``, ``auto-scaling-load-balancer-health``, ``lb-several-zones``, ``zone-loss``;
    ``test_multi_server.py``.
    """

    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the servers."""
    instance_profile_arn: pulumi.Output[str]
    """Profile of the servers, given or new."""
    role_arn: pulumi.Output[str]
    """The servers' role; empty with ``instance_profile_arn``."""
    load_balancer_arn: pulumi.Output[str]
    """The load balancer; empty with ``target_group_arns``, as are the next three."""
    dns_name: pulumi.Output[str]
    """Host name of the load balancer."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    target_group_arn: pulumi.Output[str]
    """The load balancer's target group."""

    def __init__(self, name: str, args: MultiServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=_child_names)
        target_group_arns = self._targets(name, checked)
        given = checked.get("instance_profile_arn")
        self.role_arn = pulumi.Output.from_input("")
        if given is None:
            role = WorkloadRole(f"{name}-role", _role(checked), self.child())
            self.role_arn, given = role.role_arn, role.instance_profile_arn
        user_data = with_environment(self, checked.get("user_data"), checked["environment"])
        servers = ScaleOut(f"{name}-servers", _group(checked, target_group_arns, given, user_data), self.child())
        if checked["alarm_topic_arns"]:
            alarm(
                self,
                f"{name}-cpu",
                f"The servers of {name} have used more than {checked['alarm_cpu_percent']} percent of their CPU for 15 minutes, and their "
                "number is fixed",
                Metric("AWS/EC2", "CPUUtilization", {"AutoScalingGroupName": servers.auto_scaling_group_name}),
                checked["alarm_cpu_percent"],
                period_seconds=300,
                periods=3,
                actions=checked["alarm_topic_arns"],
                tags=checked["tags"],
            )
        self.auto_scaling_group_name, self.instance_profile_arn = servers.auto_scaling_group_name, servers.instance_profile_arn
        self.register()

    def _targets(self, name: str, checked: MultiServerArgs) -> list[pulumi.Input[str]]:
        given = checked.get("target_group_arns")
        empty = pulumi.Output.from_input("")
        self.load_balancer_arn = self.dns_name = self.zone_id = self.target_group_arn = empty
        if given is not None:
            return given
        balancer = LoadBalancer(f"{name}-web", _balancer(checked), self.child())
        self.load_balancer_arn, self.dns_name, self.zone_id = balancer.load_balancer_arn, balancer.dns_name, balancer.zone_id
        self.target_group_arn = balancer.target_group_arn
        return [balancer.target_group_arn]


def with_environment(
    component: Component, user_data: pulumi.Input[str] | None, environment: Mapping[str, pulumi.Input[str]]
) -> pulumi.Input[str] | None:
    """A boot script that has the variables, and keeps them in a file that a shell and systemd read alike; of several parts a script before
    them keeps them.

    :raises ArgumentError: for a script that no shell runs, and a value of several lines.
    """
    if not environment:
        return user_data

    def insert(resolved: dict[str, Any]) -> str:
        script, values = resolved["script"], resolved["values"]
        if problems := list(_environment_problems(script, values)):
            component.refuse(*problems)
        several = script.startswith(SEVERAL_PARTS)
        shebang, _, body = ("#!/bin/bash", "", "") if several else script.partition("\n")
        # https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#EnvironmentFile=
        lines = [f'{key}="{_quoted(value)}"' for key, value in values.items()]
        kept = ["install -d -m 0755 /etc/cloudpatterns", f"cat >{_FILE} <<'{_END}'", *lines, _END, f"set -a; . {_FILE}; set +a"]
        text = "\n".join([shebang, *kept, body])
        return multipart([BootPart("10-environment.sh", SHELL, text), *parts_after("20-application", script)]) if several else text

    return pulumi.Output.all(script="#!/bin/bash\n" if user_data is None else user_data, values=dict(environment)).apply(insert)


def _quoted(value: str) -> str:
    """A value between double quotes, which a shell and systemd undo alike."""
    return re.sub(r'([\\"$`])', r"\\\1", value)


def _environment_problems(script: str, values: Mapping[str, str]) -> Iterator[Problem]:
    if not script.startswith(SEVERAL_PARTS) and not re.match(r"#! */(usr/)?bin/(env )?(ba|da)?sh\b", script):
        yield "user_data", f"begins with {script[:15]!r}; environment needs a script of a shell. Begin it with #!/bin/bash."
    for key, value in values.items():
        if reason := secret_reason(key, value):
            yield f"environment.{key}", reason
        if re.search(r"[\x00-\x1f\x7f]", value):
            yield f"environment.{key}", "has several lines, or control characters. Give one line, or the name of where it is."


def _role(checked: MultiServerArgs) -> Any:
    return {
        "service": "ec2.amazonaws.com",
        "instance_profile": True,
        "description": "Servers of a fixed number: Session Manager, and what their application needs",
        "statements": [*session_manager_statements(), *checked["statements"]],
        "tags": checked["tags"],
    }


def _balancer_options(checked: MultiServerArgs) -> LoadBalancerOptions:
    options = checked.get("load_balancer")
    return {} if options is None else options


def _balancer(checked: MultiServerArgs) -> LoadBalancerArgs:
    given: Any = {
        **_balancer_options(checked),
        **pick(checked, "vpc_id", "target_port", "internal", "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": checked.get("load_balancer_subnet_ids_by_zone"),
        "security_group_ids": checked.get("load_balancer_security_group_ids"),
    }
    return given


def _group(
    checked: MultiServerArgs,
    target_group_arns: list[pulumi.Input[str]],
    instance_profile_arn: pulumi.Input[str],
    user_data: pulumi.Input[str] | None,
) -> ScaleOutArgs:
    script = {} if user_data is None else {"user_data": user_data}
    given: Any = {
        **pick(checked, *declared(ScaleOutServerOptions)),
        **pick(checked, "subnet_ids_by_zone", "security_group_ids", "kms_key_arn", "alarm_topic_arns", "tags"),
        **script,
        "min_size": checked["servers"],
        "max_size": checked["servers"],
        "scaling": {"by_cpu": False},
        "target_group_arns": target_group_arns,
        "instance_profile_arn": instance_profile_arn,
    }
    return given


def _child_names(checked: MultiServerArgs) -> dict[str, int]:
    return {"web-lb": 32} if checked.get("load_balancer") is not None else {}


def _problems(name: str, checked: MultiServerArgs) -> Iterator[Problem]:
    zones, servers = sorted(checked["subnet_ids_by_zone"]), checked["servers"]
    if servers < len(zones):
        yield (
            "servers",
            f"is {servers}, in {len(zones)} zones; a zone would have none. Raise it to {len(zones)} or more, or name fewer zones.",
        )
    yield from one_of(checked, "load_balancer", "target_group_arns")
    yield from excludes(checked, "instance_profile_arn", "statements", why="the profile's role is the caller's")
    yield from statement_problems(checked["statements"])
    for key, value in checked["environment"].items():
        # What others compute is judged when it is known.
        if reason := secret_reason(key, value if isinstance(value, str) else ""):
            yield f"environment.{key}", reason
    balancer, places = checked.get("load_balancer"), checked.get("load_balancer_subnet_ids_by_zone")
    for argument in ("vpc_id", "load_balancer_subnet_ids_by_zone", "load_balancer_security_group_ids", "target_port"):
        yield from needs(checked, "load_balancer", argument)
        yield from needs(checked, argument, "load_balancer")
    if balancer is not None and is_given(balancer, "stickiness"):
        yield "load_balancer.stickiness", "is given; sessions are outside the servers. Remove it, and keep them in StateSharing."
    if places is not None and (missing := [zone for zone in zones if zone not in places]):
        reason = f"has no subnet in {', '.join(missing)}, where servers are; they would get no requests. Name one in each zone."
        yield "load_balancer_subnet_ids_by_zone", reason
    yield from _part_problems(name, checked)


def _part_problems(name: str, checked: MultiServerArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    parts: list[tuple[type[Component], str, Any]] = [(ScaleOut, "servers", _group(checked, ["arn"], "arn", None))]
    whole = all(is_given(checked, argument) for argument in ("vpc_id", "load_balancer_subnet_ids_by_zone", "target_port"))
    if checked.get("load_balancer") is not None and whole and is_given(checked, "load_balancer_security_group_ids"):
        parts.append((LoadBalancer, "web", _balancer(checked)))
    options = _balancer_options(checked)
    for component, suffix, args in parts:
        try:
            component.check(f"{name}-{suffix}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit, and zones of another region are by the servers' own arguments.
                if not (path == "name" and reason.startswith("has ")) and not path.startswith("subnet_ids_by_zone"):
                    yield f"load_balancer.{path}" if component is LoadBalancer and path.split(".")[0] in options else path, reason
