"""Service Mesh (2025 guide, "Service Mesh", "Traffic splitting for canary releases"): services that find, authenticate and watch each
other without code of their own, and releases that take their traffic step by step.

Creates VPC Lattice services with a TLS listener each, a target group with health checks per version, the weights between versions, a rule
that lets a header such as ``x-canary`` choose, auth policies that name the callers, access logs, and a service network for the VPC.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.core import Component, after, by_name, document
from cloudpatterns.network._lattice import grant_calls, join_network, log_destination, may_call, service_network
from cloudpatterns.network.service_mesh.arguments import (
    WITHOUT_HEALTH_CHECK,
    MeshServiceArgs,
    MeshVersionArgs,
    ServiceMeshArgs,
    child_names,
    problems,
    weights,
)

# The provider never sends a changed priority, so it is the same for ever; https://github.com/hashicorp/terraform-provider-aws/pull/30815
_CANARY_PRIORITY = 10


class ServiceMesh(Component):
    """Services with TLS, authenticated callers, health checks, access logs and weighted releases (2025 guide, "Service Mesh").

    Let the targets' security groups admit VPC Lattice's prefix list, ``com.amazonaws.<region>.vpc-lattice``, on the ports of the targets
    and of their health checks, and the callers' reach it; with IPv6 addresses also the second, ``com.amazonaws.<region>.ipv6.vpc-lattice``.
    A ``Network`` with ``network_acls`` needs those of the ports that are below 1024 in ``lattice_ports``.

    **Use when**: services call each other over HTTP or gRPC, and need TLS, authentication by IAM and canary releases without sidecars.

    **Not when**: calls are TCP or UDP (``ZeroTrustNetwork``), or come from the internet (a load balancer or API Gateway).

    **Cost drivers**: every service per hour, the data it processes, its requests, and the access logs.

    **Trade-offs**: callers sign their requests with SigV4; a version's port and protocol never change; VPC Lattice does not check the
    certificates of targets.

    **Proven by**: control ``zero-trust-network``; ``test_service_mesh.py``, which holds that weights are an input and that a release
    controller's changes are left alone.
    """

    service_network_id: pulumi.Output[str] | None
    """The service network; none without ``associate``."""
    service_arns: pulumi.Output[dict[str, str]]
    """ARNs of the services by name."""
    host_names: pulumi.Output[dict[str, str]]
    """Names that callers use, by service, available after the service has joined its network."""
    target_group_ids: pulumi.Output[dict[str, str]]
    """Target groups by ``<service>-<version>``, for a release controller or for registering targets, available after their routes."""
    log_group_name: pulumi.Output[str] | None
    """The new log group of the access logs; none with ``access_log_destination_arn``."""

    def __init__(self, name: str, args: ServiceMeshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(problems, name), names=child_names)
        self._services: dict[str, aws.vpclattice.Service] = {}
        self._target_group_ids: dict[str, pulumi.Output[str]] = {}
        destination_arn, self.log_group_name = log_destination(self, checked)
        prerequisites = {key: self._service(key, service, destination_arn) for key, service in checked["services"].items()}
        network_id, network_prerequisites = self._network()
        hosts: dict[str, pulumi.Output[str]] = {}
        for key, service in self._services.items():
            waits = [*prerequisites[key], *network_prerequisites]
            if network_id is not None:
                waits.append(join_network(self, key, service.id, network_id, checked["tags"], prerequisites[key]))
            custom = checked["services"][key].get("custom_domain_name")
            hosts[key] = after(service.dns_entries[0].domain_name if custom is None else custom, *waits)
        self.service_network_id = network_id
        self.service_arns = by_name({key: service.arn for key, service in self._services.items()})
        self.host_names = by_name(hosts)
        self.target_group_ids = by_name(self._target_group_ids)
        self.register()

    def service_arn(self, service: str) -> pulumi.Output[str]:
        """The ARN of a service.

        :raises ArgumentError: when there is no such service.
        """
        return self.lookup(self._services, service, "service_arn", "a service").arn

    def _service(self, key: str, args: MeshServiceArgs, log_destination_arn: pulumi.Output[str]) -> list[pulumi.Resource]:
        """Creates a service; a call fails until the returned resources exist."""
        name, tags = f"{self.pulumi_resource_name}-{key}", self._checked["tags"]
        service = self._services[key] = aws.vpclattice.Service(
            name,
            auth_type="AWS_IAM" if args["iam_auth"] else "NONE",
            custom_domain_name=args.get("custom_domain_name"),
            certificate_arn=args.get("certificate_arn"),
            tags={"Name": name, **tags},
            opts=self.child(),
        )
        prerequisites = self._routes(key, args, service)
        if args["iam_auth"]:
            policy = document(may_call(service.arn, list(args["callers"].values())))
            prerequisites += [aws.vpclattice.AuthPolicy(f"{name}-auth", resource_identifier=service.id, policy=policy, opts=self.child())]
        if self._checked["attach_role_policies"]:
            prerequisites += [grant_calls(self, f"{name}-caller-{caller}", role, [service.arn]) for caller, role in args["callers"].items()]
        aws.vpclattice.AccessLogSubscription(
            f"{name}-logs", resource_identifier=service.id, destination_arn=log_destination_arn, tags=tags, opts=self.child()
        )
        if (zone_id := args.get("hosted_zone_id")) is not None:
            entry = service.dns_entries[0]
            aws.route53.Record(
                f"{name}-alias",
                zone_id=zone_id,
                name=args["custom_domain_name"],
                type="A",
                aliases=[{"name": entry.domain_name, "zone_id": entry.hosted_zone_id, "evaluate_target_health": False}],
                opts=self.child(),
            )
        return prerequisites

    def _routes(self, key: str, args: MeshServiceArgs, service: aws.vpclattice.Service) -> list[pulumi.Resource]:
        name, tags = f"{self.pulumi_resource_name}-{key}", self._checked["tags"]
        groups = {version: self._target_group(f"{name}-{version}", version_args) for version, version_args in args["versions"].items()}
        # The whole action, not the weights in it: a list whose weights alone are ignored gets the wrong ones when it grows.
        # https://github.com/pulumi/pulumi-aws/issues/5772 https://github.com/pulumi/pulumi-aws/issues/5798
        external = args["external_weights"]
        listener = aws.vpclattice.Listener(
            f"{name}-https",
            service_identifier=service.id,
            protocol="HTTPS",
            port=args["port"],
            default_action={"forwards": [{"target_groups": _shares(groups, weights(args["versions"]))}]},
            tags=tags,
            opts=self.child(ignore_changes=["defaultAction"] if external else None),
        )
        routes: list[pulumi.Resource] = [listener]
        if (canary := args.get("canary")) is not None:
            header: aws.vpclattice.ListenerRuleMatchHttpMatchHeaderMatchArgsDict = {
                "name": canary["header_name"],
                "case_sensitive": False,
                "match": {"exact": canary["header_value"]},
            }
            rule = aws.vpclattice.ListenerRule(
                f"{name}-canary",
                service_identifier=service.id,
                listener_identifier=listener.listener_id,
                priority=_CANARY_PRIORITY,
                match={"http_match": {"header_matches": [header]}},
                action={"forward": {"target_groups": _shares(groups, canary["weights"])}},
                tags=tags,
                opts=self.child(ignore_changes=["action"] if external else None),
            )
            routes.append(rule)
        self._target_group_ids |= {f"{key}-{version}": after(group.id, *routes) for version, group in groups.items()}
        return routes

    def _target_group(self, child_name: str, version: MeshVersionArgs) -> aws.vpclattice.TargetGroup:
        """The target group of a version, with the targets it begins with."""
        port = version.get("port")
        # Auto-named, so that a replacement exists before the listener leaves the old one.
        group = aws.vpclattice.TargetGroup(
            child_name,
            type=version["target_type"].upper(),
            config=_config(version, self._checked["vpc_id"]),
            tags={"Name": child_name, **self._checked["tags"]},
            opts=self.child(),
        )
        for key, target_id in version["targets"].items():
            aws.vpclattice.TargetGroupAttachment(
                f"{child_name}-target-{key}",
                target_group_identifier=group.id,
                target={"id": target_id} if port is None else {"id": target_id, "port": port},
                opts=self.child(),
            )
        return group

    def _network(self) -> tuple[pulumi.Output[str] | None, list[pulumi.Resource]]:
        """The id of the network to join, and the resources without which a call through it fails."""
        checked, given = self._checked, self._checked.get("service_network_id")
        if not checked["associate"]:
            return None, []
        if given is not None:
            return pulumi.Output.from_input(given), []
        statements = [
            may_call(self._services[key].arn, list(service["callers"].values()))
            if service["iam_auth"]
            else may_call(self._services[key].arn, None, checked["vpc_id"])
            for key, service in checked["services"].items()
        ]
        network, prerequisites = service_network(self, checked, checked["vpc_id"], checked["security_group_ids"], statements)
        return network.id, prerequisites


def _shares(groups: Mapping[str, aws.vpclattice.TargetGroup], given: Mapping[str, pulumi.Input[int]]) -> list[Any]:
    return [{"target_group_identifier": groups[version].id, "weight": given[version]} for version in sorted(given)]


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
