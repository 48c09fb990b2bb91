"""A version of a service in the mesh: its target group, its health check and its targets."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.core import Choice, Component

_WITHOUT_HEALTH_CHECK = ("alb", "lambda")


class MeshVersionArgs(TypedDict):
    """One version of a service."""

    weight: NotRequired[Annotated[pulumi.Input[int], Field(ge=0, le=999)]]
    """Its share of the requests, 0 to 999, in proportion to the other versions'. Default: all for an only version; none for one of
    several, which then serves no requests but those of ``canary``."""
    target_type: NotRequired[Annotated[str, Choice("instance", "ip", "alb", "lambda"), Field(default="instance")]]
    """``instance``, ``ip``, ``alb`` (an internal load balancer) or ``lambda``. Default: ``instance``."""
    port: NotRequired[Annotated[int, Field(ge=1, le=65535)]]
    """The port of the targets, 1 to 65535. Needed unless ``target_type`` is ``lambda``."""
    protocol: NotRequired[Annotated[str, Choice("HTTP", "HTTPS")]]
    """``HTTP`` or ``HTTPS`` to the targets, whose certificate is not checked. Default: ``HTTP``, for ``lambda`` none."""
    protocol_version: NotRequired[Annotated[str, Choice("HTTP1", "HTTP2", "GRPC")]]
    """``HTTP1``, ``HTTP2`` or ``GRPC``. Default: ``HTTP1``, for ``lambda`` none."""
    targets: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Targets by a name of your choice: ids of instances, addresses, or the ARN of a load balancer or function. Default: none; they
    register themselves, or a controller does it."""
    health_check_path: NotRequired[Annotated[str, Field(pattern="^/[a-zA-Z0-9@:%_+.~#?&/=-]*$", max_length=2048)]]
    """Path that answers when a target is well. Default: ``/``; none for ``GRPC``, which is checked over HTTP2 with a path, else not at all.
    Load balancers and functions are not checked."""
    health_check_port: NotRequired[Annotated[int, Field(ge=1, le=65535)]]
    """Port of the health check, 1 to 65535. Default: the targets' port."""
    health_check_matcher: NotRequired[Annotated[str, Field(pattern=r"^\d+([-,]\d+)*$")]]
    """Status codes that mean well, e.g. ``200`` or ``200-299``. Default: ``200``."""
    health_check_interval_seconds: NotRequired[Annotated[int, Field(ge=5, le=300)]]
    """Seconds between two checks, 5 to 300. Default: 15."""
    health_check_timeout_seconds: NotRequired[Annotated[int, Field(ge=1, le=120)]]
    """Seconds until a check has failed, 1 to 120. Default: 5."""
    healthy_threshold: NotRequired[Annotated[int, Field(ge=2, le=10)]]
    """Successes in a row until a target gets requests, 2 to 10. Default: 2."""
    unhealthy_threshold: NotRequired[Annotated[int, Field(ge=2, le=10)]]
    """Failures in a row until a target gets no more requests, 2 to 10. Default: 3."""


_CHECKS = ("path", "port", "matcher", "interval_seconds", "timeout_seconds")
_HEALTH_KEYS = (*(f"health_check_{key}" for key in _CHECKS), "healthy_threshold", "unhealthy_threshold")


def target_group(
    component: Component, name: str, args: Mapping[str, Any], vpc_id: pulumi.Input[str], tags: Mapping[str, pulumi.Input[str]]
) -> aws.vpclattice.TargetGroup:
    """The target group of a checked version, with the targets it begins with."""
    kind, port = args["target_type"], args["port"]
    # Auto-named, so that a replacement is there before the listener lets go of the old one.
    group = aws.vpclattice.TargetGroup(
        name,
        type=kind.upper(),
        # https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_TargetGroupConfig.html
        config=None if kind == "lambda" else _config(args, vpc_id),
        tags={"Name": name, **tags},
        opts=component.child(),
    )
    for target, target_id in args["targets"].items():
        aws.vpclattice.TargetGroupAttachment(
            f"{name}-target-{target}",
            target_group_identifier=group.id,
            target={"id": target_id} if port is None else {"id": target_id, "port": port},
            opts=component.child(),
        )
    return group


def _config(args: Mapping[str, Any], vpc_id: pulumi.Input[str]) -> aws.vpclattice.TargetGroupConfigArgsDict:
    protocol, version = args["protocol"] or "HTTP", args["protocol_version"] or "HTTP1"
    config: aws.vpclattice.TargetGroupConfigArgsDict = {
        "vpc_identifier": vpc_id,
        "port": args["port"],
        "protocol": protocol,
        "protocol_version": version,
    }
    if args["target_type"] not in _WITHOUT_HEALTH_CHECK:
        config["health_check"] = {
            # https://docs.aws.amazon.com/vpc-lattice/latest/ug/target-group-health-checks.html
            "enabled": version != "GRPC" or args["health_check_path"] is not None,
            "protocol": protocol,
            "protocol_version": "HTTP1" if version == "HTTP1" else "HTTP2",
            "path": args["health_check_path"] or "/",
            "port": args["health_check_port"] or args["port"],
            "matcher": {"value": args["health_check_matcher"] or "200"},
            "health_check_interval_seconds": args["health_check_interval_seconds"] or 15,
            "health_check_timeout_seconds": args["health_check_timeout_seconds"] or 5,
            "healthy_threshold_count": args["healthy_threshold"] or 2,
            "unhealthy_threshold_count": args["unhealthy_threshold"] or 3,
        }
    return config


def version_problems(path: str, args: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every fault of a version that its types do not show."""
    kind = args["target_type"]
    if kind != "lambda" and args["port"] is None:
        yield f"{path}.port", f"is missing; targets of the type {kind} listen on one. Give it."
    if kind == "lambda":
        for key in ("port", "protocol", "protocol_version"):
            if args[key] is not None:
                yield f"{path}.{key}", "is of no use to the target_type lambda. Leave it out."
    if kind in _WITHOUT_HEALTH_CHECK:
        for key in _HEALTH_KEYS:
            if args[key] is not None:
                yield f"{path}.{key}", f"is of no use to the target_type {kind}, which is not checked. Leave it out."
    # https://docs.aws.amazon.com/vpc-lattice/latest/ug/register-targets.html
    if kind in _WITHOUT_HEALTH_CHECK and len(args["targets"]) > 1:
        yield f"{path}.targets", f"has {len(args['targets'])} targets; the target_type {kind} takes one. Make a version of each."
