"""Rules over the arguments of a service mesh."""

from collections.abc import Iterator, Mapping

import pulumi

from cloudpatterns.core import Problem, declared, is_given, needs, unknown
from cloudpatterns.network._lattice import NAME_LIMITS, access_log_problems, lattice_name_problems
from cloudpatterns.network.service_mesh.arguments import MeshServiceArgs, MeshVersionArgs, ServiceMeshArgs
from cloudpatterns.network.service_mesh.versions import WITHOUT_HEALTH_CHECK, weights

_HEALTH_CHECK = [name for name in declared(MeshVersionArgs) if name.startswith("health_check") or name.endswith("healthy_threshold")]


def child_names(checked: ServiceMeshArgs) -> dict[str, int]:
    """AWS's limits for the names of children."""
    limits = {"network": NAME_LIMITS["network"]}
    for key, service in checked["services"].items():
        limits |= {key: NAME_LIMITS["service"], f"{key}-https": NAME_LIMITS["listener"], f"{key}-canary": NAME_LIMITS["rule"]}
        limits |= {f"{key}-{version}": NAME_LIMITS["target_group"] for version in service["versions"]}
    return limits


def problems(name: str, checked: ServiceMeshArgs) -> Iterator[Problem]:
    """Everything that is wrong with checked arguments."""
    yield from lattice_name_problems(name)
    yield from _network_problems(checked)
    yield from access_log_problems(checked)
    for key, service in checked["services"].items():
        yield from _service_problems(f"services.{key}", service)
        yield from _route_problems(f"services.{key}", service)


def _network_problems(checked: ServiceMeshArgs) -> Iterator[Problem]:
    creates_network = checked["associate"] and not is_given(checked, "service_network_id")
    if creates_network and not checked["security_group_ids"]:
        yield "security_group_ids", "is missing; a new service network needs a group that decides who in the VPC may reach it. Give one."
    if not creates_network and checked["security_group_ids"]:
        yield "security_group_ids", "is only for the VPC connection of a new service network. Remove it."
    if not checked["associate"] and is_given(checked, "service_network_id"):
        yield "service_network_id", "excludes associate = False, with which the services join no network. Remove one of them."


def _service_problems(path: str, service: MeshServiceArgs) -> Iterator[Problem]:
    if service["iam_auth"] and not service["callers"]:
        yield f"{path}.callers", "is empty, so nobody could call. Name the callers' roles, or set iam_auth to False."
    if not service["iam_auth"] and service["callers"]:
        yield f"{path}.callers", "needs iam_auth, which is False. Remove one of them."
    yield from needs(service, "custom_domain_name", "certificate_arn", path=f"{path}.")
    yield from needs(service, "certificate_arn", "custom_domain_name", path=f"{path}.")
    yield from needs(service, "hosted_zone_id", "custom_domain_name", path=f"{path}.")
    for key, version in service["versions"].items():
        yield from _version_problems(f"{path}.versions.{key}", version)


def _version_problems(path: str, version: MeshVersionArgs) -> Iterator[Problem]:
    kind = version["target_type"]
    if kind != "lambda" and not is_given(version, "port"):
        yield f"{path}.port", f"is missing; targets of the type {kind} listen on a port. Give it."
    excluded = ("port", "protocol", "protocol_version") if kind == "lambda" else ()
    for name in (*excluded, *(_HEALTH_CHECK if kind in WITHOUT_HEALTH_CHECK else ())):
        if is_given(version, name):
            yield f"{path}.{name}", f"is not supported on the target_type {kind}. Remove it."
    if kind in WITHOUT_HEALTH_CHECK and len(version["targets"]) > 1:
        yield f"{path}.targets", f"has {len(version['targets'])} targets; the target_type {kind} takes one. Add a version for each."


def _route_problems(path: str, service: MeshServiceArgs) -> Iterator[Problem]:
    versions, canary = service["versions"], service.get("canary")
    routed = weights(versions)
    canary_weights = canary["weights"] if canary else {}
    if _is_nothing(routed):
        yield f"{path}.versions", "have no weight above 0, so requests would have no target. Give one of them a weight."
    for version in canary_weights:
        if version not in versions:
            yield f"{path}.canary.weights.{version}", unknown(version, "a version", versions)
    if canary and _is_nothing(canary_weights):
        yield f"{path}.canary.weights", "have no weight above 0, so requests would have no target. Give one version a weight."
    if not service["external_weights"]:
        for version in (key for key in versions if key not in routed and key not in canary_weights):
            reason = "is missing, and no canary names the version. Give it a weight; with 0 it gets no requests yet."
            yield f"{path}.versions.{version}.weight", reason


def _is_nothing(given: Mapping[str, pulumi.Input[int]]) -> bool:
    return all(isinstance(weight, int) and weight == 0 for weight in given.values())
