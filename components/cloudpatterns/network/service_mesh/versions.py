"""A version of a service in the mesh: its target group, its health check, its targets and its share of the requests."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component
from cloudpatterns.network.service_mesh.arguments import MeshVersionArgs

WITHOUT_HEALTH_CHECK = ("alb", "lambda")
"""Target types that VPC Lattice does not check, and that take one target each.

https://docs.aws.amazon.com/vpc-lattice/latest/ug/register-targets.html
"""


def weights(versions: Mapping[str, MeshVersionArgs]) -> dict[str, pulumi.Input[int]]:
    """The versions that get requests without the canary's header, with their weights."""
    given = {key: weight for key, version in versions.items() if (weight := version.get("weight")) is not None}
    return given if given or len(versions) > 1 else dict.fromkeys(versions, 100)


def target_group(
    component: Component,
    child_name: str,
    version: MeshVersionArgs,
    vpc_id: pulumi.Input[str],
    tags: Mapping[str, pulumi.Input[str]],
) -> aws.vpclattice.TargetGroup:
    """The target group of a version, with the targets it begins with."""
    port = version.get("port")
    # Auto-named, so that a replacement exists before the listener leaves the old one.
    group = aws.vpclattice.TargetGroup(
        child_name,
        type=version["target_type"].upper(),
        config=_config(version, vpc_id),
        tags={"Name": child_name, **tags},
        opts=component.child(),
    )
    for key, target_id in version["targets"].items():
        aws.vpclattice.TargetGroupAttachment(
            f"{child_name}-target-{key}",
            target_group_identifier=group.id,
            target={"id": target_id} if port is None else {"id": target_id, "port": port},
            opts=component.child(),
        )
    return group


def _config(version: MeshVersionArgs, vpc_id: pulumi.Input[str]) -> aws.vpclattice.TargetGroupConfigArgsDict | None:
    # https://docs.aws.amazon.com/vpc-lattice/latest/APIReference/API_TargetGroupConfig.html
    if version["target_type"] == "lambda":
        return None
    config: aws.vpclattice.TargetGroupConfigArgsDict = {
        "vpc_identifier": vpc_id,
        "port": version["port"],
        "protocol": version["protocol"],
        "protocol_version": version["protocol_version"],
    }
    if version["target_type"] not in WITHOUT_HEALTH_CHECK:
        config["health_check"] = _health_check(version)
    return config


def _health_check(version: MeshVersionArgs) -> aws.vpclattice.TargetGroupConfigHealthCheckArgsDict:
    path, port = version.get("health_check_path"), version.get("health_check_port")
    return {
        # https://docs.aws.amazon.com/vpc-lattice/latest/ug/target-group-health-checks.html
        "enabled": version["protocol_version"] != "GRPC" or path is not None,
        "protocol": version["protocol"],
        "protocol_version": "HTTP1" if version["protocol_version"] == "HTTP1" else "HTTP2",
        "path": "/" if path is None else path,
        "port": version["port"] if port is None else port,
        "matcher": {"value": version["health_check_matcher"]},
        "health_check_interval_seconds": version["health_check_interval_seconds"],
        "health_check_timeout_seconds": version["health_check_timeout_seconds"],
        "healthy_threshold_count": version["healthy_threshold"],
        "unhealthy_threshold_count": version["unhealthy_threshold"],
    }
