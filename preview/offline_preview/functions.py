"""Answers to provider functions (``aws.get_region()``, ``aws.iam.get_policy_document()``...) without an account.

Results that do not depend on an account are computed; caller identity and region, and all other results, are invented from the
SDK's annotations: the CLI's preview would ask AWS here, which an offline preview cannot.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from offline_preview.arns import ACCOUNT, digest, dns_suffix, partition_of
from offline_preview.outputs import coerced
from offline_preview.outputs import result as invented_result
from offline_preview.values import plain


def invoke(token: str, arguments: Mapping[str, Any], region: str) -> dict[str, Any]:
    """The result of a function as properties: its arguments, and the result that AWS would return."""
    asked = plain(dict(arguments))
    region = asked.get("region") or region
    # Different arguments have different results: the subnets of one tier are not those of another.
    found = invented_result(token, region, json.dumps(asked, sort_keys=True, default=repr) if asked else "")
    if answer := _ANSWERS.get(token):
        found |= answer(asked, region)
    return {**found, **coerced(token, arguments)}


def is_computed(token: str) -> bool:
    """Whether the result of a function follows from its arguments, the caller and the region, and from nothing else in the account."""
    return token in _COMPUTED


def is_known(token: str, region: str) -> bool:
    """Whether a loaded SDK has the function."""
    return token in _ANSWERS or bool(invented_result(token, region))


def _caller(_arguments: dict[str, Any], region: str) -> dict[str, Any]:
    arn = f"arn:{partition_of(region)}:iam::{ACCOUNT}:user/offline"
    return {"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT, "userId": "AIDAOFFLINE"}


def _partition(_arguments: dict[str, Any], region: str) -> dict[str, Any]:
    partition, suffix = partition_of(region), dns_suffix(region)
    return {"partition": partition, "dnsSuffix": suffix, "id": partition, "reverseDnsPrefix": ".".join(reversed(suffix.split(".")))}


def _region(_arguments: dict[str, Any], region: str) -> dict[str, Any]:
    return {"name": region, "region": region, "id": region, "description": region, "endpoint": f"ec2.{region}.{dns_suffix(region)}"}


def _zones(_arguments: dict[str, Any], region: str) -> dict[str, Any]:
    names = [f"{region}{letter}" for letter in "abc"]
    return {"names": names, "zoneIds": [f"az{index}" for index in range(1, 4)], "groupNames": [region], "id": region}


def _subnets(arguments: dict[str, Any], region: str) -> dict[str, Any]:
    """A subnet in each of the zones: a single one would look like a fleet in one zone."""
    question = json.dumps(arguments, sort_keys=True, default=repr)
    return {"ids": [f"subnet-{digest(f'{question}{zone}')}" for zone in _zones(arguments, region)["names"]], "id": region}


def _registry_login(_arguments: dict[str, Any], region: str) -> dict[str, Any]:
    token = base64.b64encode(b"AWS:offline").decode()
    endpoint = f"https://{ACCOUNT}.dkr.ecr.{region}.{dns_suffix(region)}"
    return {"authorizationToken": token, "userName": "AWS", "password": "offline", "proxyEndpoint": endpoint}


def _policy_document(arguments: dict[str, Any], _region: str) -> dict[str, Any]:
    statements = [_statement(statement) for statement in arguments.get("statements") or ()]
    document: dict[str, Any] = {"Version": arguments.get("version") or "2012-10-17", "Statement": statements}
    if arguments.get("policyId"):
        document["Id"] = arguments["policyId"]
    return {"json": json.dumps(document, indent=2), "minifiedJson": json.dumps(document, separators=(",", ":")), "id": "policy-document"}


def _statement(statement: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"Sid": statement["sid"]} if statement.get("sid") else {}
    result["Effect"] = statement.get("effect") or "Allow"
    for source, target in (("actions", "Action"), ("notActions", "NotAction"), ("resources", "Resource"), ("notResources", "NotResource")):
        if values := statement.get(source):
            result[target] = values[0] if len(values) == 1 else values
    for source, target in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if entries := statement.get(source):
            result[target] = {entry["type"]: entry["identifiers"] for entry in entries}
            if result[target] == {"*": ["*"]}:
                result[target] = "*"
    conditions: dict[str, dict[str, Any]] = {}
    for entry in statement.get("conditions") or ():
        conditions.setdefault(entry["test"], {})[entry["variable"]] = entry["values"]
    return result | ({"Condition": conditions} if conditions else {})


_ANSWERS: Final[dict[str, Callable[[dict[str, Any], str], dict[str, Any]]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:ec2/getSubnets:getSubnets": _subnets,
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": _registry_login,
    "aws:ecr/getCredentials:getCredentials": _registry_login,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}

_COMPUTED: Final = frozenset(
    f"aws:{name}"
    for name in (
        *("index/getAvailabilityZones:getAvailabilityZones", "index/getCallerIdentity:getCallerIdentity"),
        *("index/getPartition:getPartition", "index/getRegion:getRegion", "iam/getPolicyDocument:getPolicyDocument"),
    )
)
