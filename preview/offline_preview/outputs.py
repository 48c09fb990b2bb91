"""Outputs that AWS would compute, invented from the SDK's own annotations.

For ``--as deployed``: controls then see whole IAM documents instead of unknowns. Values are made up but have the right
form, are the same in every run, and differ between resources. A property that the user may set and
AWS otherwise chooses stays unknown, because inventing it would hide a missing setting. The exception is a resource's own name, which
Pulumi generates.
"""

import functools
import importlib
import inspect
import json
import re
import typing
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pulumi import _types
from pulumi.runtime import rpc

from offline_preview.arns import ACCOUNT, ID_PREFIXES, Subject, digest, dns_suffix, has_own_id, is_own_id, text_of
from offline_preview.arns import arn as arn_of
from offline_preview.arns import identity as identity_of
from offline_preview.templates import stack_outputs
from offline_preview.values import UNKNOWN, Secret

# The same prefixes for outputs that are ids of other resources: vpcId, defaultRouteTableId...
_ID_NAMES: Final = {
    f"{start}{kind.partition('/')[2]}id".lower(): prefix for kind, prefix in ID_PREFIXES.items() for start in ("", "default", "main")
} | {"imageid": "ami"}

# A resource whose id is its ARN, as the provider makes it.
_ID_IS_ARN: Final = frozenset(
    {
        "lb/loadBalancer:LoadBalancer",
        "lb/targetGroup:TargetGroup",
        "lb/listener:Listener",
        "lb/trustStore:TrustStore",
        "sns/topic:Topic",
        "secretsmanager/secret:Secret",
        "acm/certificate:Certificate",
        "iam/openIdConnectProvider:OpenIdConnectProvider",
        "iam/policy:Policy",
        "iam/samlProvider:SamlProvider",
        "sfn/stateMachine:StateMachine",
    }
)

_SWITCHES: Final = {"true": True, "false": False}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")

# Names that Pulumi generates. Other names that can be set refer to something else: `parameterGroupName`, `keyName`.
_OWN_NAMES: Final = frozenset({"name", "bucket", "identifier", "clusterIdentifier"})
# Inputs that describe the resource itself.
_OWN: Final = _OWN_NAMES | {"arn"}


@functools.cache
def class_of(type_token: str) -> type | None:
    """The SDK's class of a resource type, or None when no loaded SDK has it."""
    package, module, _name = (*type_token.split(":"), "", "")[:3]
    for registered in rpc._RESOURCE_MODULES.get(f"{package}:{module}", ()):
        info = getattr(registered, "mod_info", {})
        class_name = info.get("classes", {}).get(type_token)
        if class_name is not None:
            return getattr(importlib.import_module(info["fqn"]), class_name)
    return None


@functools.cache
def _members(type_token: str) -> tuple[dict[str, Any], frozenset[str], frozenset[str]]:
    """Of a resource type: output types, the outputs that are always there, and the names that are inputs too."""
    cls = class_of(type_token)
    if cls is None:
        return {}, frozenset(), frozenset()
    names = _types.resource_py_to_pulumi_names(cls)
    always = set()
    for python_name, pulumi_name in names.items():
        member = inspect.getattr_static(cls, python_name, None)
        getter = getattr(member, "fget", None)
        annotation = getattr(getter, "__annotations__", {}).get("return")
        if annotation is not None and type(None) not in typing.get_args(typing.get_args(annotation)[0]):
            always.add(pulumi_name)
    constructor = getattr(cls, "_internal_init", cls.__init__)
    inputs = {names.get(parameter, parameter) for parameter in inspect.signature(constructor).parameters}
    return _types.resource_types(cls), frozenset(always), frozenset(inputs)


def checked(type_token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the provider passes them on: switches and numbers that the program gives as text are what the resource holds.

    A document that it gives as an object, where the resource holds text, is JSON. With an unknown inside, all of it is unknown; with a
    secret inside, all of it is secret.
    """
    types, _always, _inputs = _members(type_token)
    return {name: _checked(value, types.get(name)) for name, value in inputs.items()}


def _checked(value: Any, kind: Any) -> Any:
    if isinstance(value, Secret):
        inner = _checked(value.value, kind)
        return inner if inner is UNKNOWN or isinstance(inner, Secret) else Secret(inner)
    if isinstance(value, str):
        if kind is bool and value in _SWITCHES:
            return _SWITCHES[value]
        return int(value) if kind is int and _INTEGER.fullmatch(value) else value
    if isinstance(value, list):
        items = typing.get_args(kind)
        return [_checked(item, items[0]) for item in value] if len(items) == 1 else value
    if isinstance(value, dict) and kind is str:
        return _document(value)
    if isinstance(value, dict) and isinstance(kind, type) and _types.is_output_type(kind):
        members = _types.output_type_types(kind)
        return {name: _checked(item, members.get(name)) for name, item in value.items()}
    return value


def _document(value: dict[str, Any]) -> Any:
    secret = False

    def plain(item: Any) -> Any:
        nonlocal secret
        if isinstance(item, Secret):
            secret = True
            return item.value
        raise TypeError(f"{type(item).__name__} is not known")

    try:
        text = json.dumps(value, default=plain, sort_keys=True, separators=(",", ":"))
    except TypeError:
        return UNKNOWN
    return Secret(text) if secret else text


def computed(type_token: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs of a preview: the inputs, and every other output that is always there as UNKNOWN."""
    _types_by_name, always, _inputs = _members(type_token)
    return {**dict.fromkeys(sorted(always), UNKNOWN), **inputs}


def invented(type_token: str, name: str, urn: str, inputs: Mapping[str, Any], region: str) -> tuple[str, dict[str, Any]]:
    """The id and the outputs that a deployment might have given."""
    types, always, settable = _members(type_token)
    token = type_token.split(":", 1)[1] if ":" in type_token else type_token
    region = text_of(inputs.get("region")) or region
    subject = Subject(token.split(":")[0], _physical_name(name, urn, inputs), urn, region, inputs)
    outputs: dict[str, Any] = dict(inputs)
    for output in sorted(always - set(inputs)):
        if output in settable and output not in _OWN:
            outputs[output] = region if output == "region" else UNKNOWN
        else:
            outputs[output] = _value(output, types.get(output), subject)
            if outputs[output] == {} and output != "tagsAll":
                outputs[output] = UNKNOWN  # a map whose keys AWS chooses: in an empty one, the keys that the program reads would be missing
    if token == "acm/certificate:Certificate" and "domainValidationOptions" not in inputs:
        outputs["domainValidationOptions"] = _validation_options(inputs, urn)
    if token == "cloudformation/stack:Stack" and "outputs" not in inputs:
        outputs["outputs"] = stack_outputs(subject)
    arn = outputs.get("arn")
    identity = arn if token in _ID_IS_ARN and isinstance(arn, str) else identity_of(subject)
    if type_token.startswith("aws:"):
        outputs["id"] = identity  # this provider also returns it as an output, by which controls resolve literal ids
    return identity, outputs


def _validation_options(inputs: Mapping[str, Any], urn: str) -> Any:
    """One for each name of a certificate, as ACM has them: a program looks up the one of its name."""
    others = inputs.get("subjectAlternativeNames") or []
    names: list[Any] = [inputs.get("domainName"), *others] if isinstance(others, list) else [None]
    if not all(isinstance(name, str) for name in names):
        return UNKNOWN
    records = {name: name.removeprefix("*.") for name in names}
    return [
        {
            "domainName": name,
            "resourceRecordName": f"_{digest(record, 32)}.{record}.",
            "resourceRecordType": "CNAME",
            "resourceRecordValue": f"_{digest(urn + record, 32)}.acm-validations.aws.",
        }
        for name, record in records.items()
    ]


@functools.cache
def _result_class(token: str) -> type | None:
    """The SDK's class of what a function gives, or None when no loaded SDK has the function."""
    package, _colon, rest = token.partition(":")
    module, _colon, function = rest.partition(":")
    place = module.split("/")[0]
    try:
        found = importlib.import_module(f"pulumi_{package}" + ("" if place in ("", "index") else f".{place}"))
    except ModuleNotFoundError:
        return None
    return getattr(found, f"{function[:1].upper()}{function[1:]}Result", None)


def result(token: str, region: str, question: str = "") -> dict[str, Any]:
    """An invented result of a provider's function, from the SDK's annotations; it depends on the arguments.

    Empty when no loaded SDK has the function.
    """
    members = _result_class(token)
    if members is None:
        return {}
    module, _colon, function = token.partition(":")[2].partition(":")
    noun = function.removeprefix("get")
    kind = _kind_of_function(module.split("/")[0], f"{noun[:1].lower()}{noun[1:]}")
    seed = f"{token}{question}"
    subject = Subject(kind, f"{function}-{digest(seed, 7)}", seed, region, {})
    return {name: _value(name, member, subject) for name, member in _types.resource_types(members).items()}


def _kind_of_function(module: str, noun: str) -> str:
    """The kind of what a function finds: `getSubnets` and `getAmiIds` find several."""
    single = f"{module}/{noun.removesuffix('Ids').removesuffix('s')}"
    return single if has_own_id(single) else f"{module}/{noun}"


def coerced(token: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """A function's arguments as its result repeats them: of the result's types."""
    members = _result_class(token)
    types = _types.resource_types(members) if members else {}
    return {name: _checked(value, types.get(name)) for name, value in arguments.items()}


def _is_name(output: str) -> bool:
    return output in _OWN_NAMES or output.endswith("Name")


def _physical_name(name: str, urn: str, inputs: Mapping[str, Any]) -> str:
    for key in ("name", "bucket", "identifier", "replicationGroupId", "clusterIdentifier"):
        if given := text_of(inputs.get(key)):
            return given
    return f"{name}-{digest(urn, 7)}"


def _value(output: str, kind_of_value: Any, subject: Subject) -> Any:
    origin = typing.get_origin(kind_of_value)
    if kind_of_value is str:
        return _string(output, subject)
    if kind_of_value is bool:
        return False
    if kind_of_value is int:
        return {"port": 443, "latestVersion": 1, "defaultVersion": 1}.get(output, 1)
    if kind_of_value is float:
        return 1.0
    if origin is not None and issubclass(origin, typing.Mapping):
        return {}
    if origin is not None:
        items = typing.get_args(kind_of_value)
        return [_value(output.removesuffix("s"), items[0], _part(subject, output))] if items else []
    if isinstance(kind_of_value, type):
        members = _types.output_type_types(kind_of_value)
        return {member: _value(member, member_type, _part(subject, member)) for member, member_type in members.items()}
    return UNKNOWN


def _part(subject: Subject, output: str) -> Subject:
    return replace(subject, urn=f"{subject.urn}.{output}")


def _string(output: str, subject: Subject) -> str:
    lower, urn = output.lower(), subject.urn
    if lower.endswith("arn"):
        return arn_of(subject, "" if output == "arn" else f"{subject.module}/{output.removesuffix('Arn') or 'resource'}")
    if output == "ownerId" or lower.endswith("accountid"):
        return ACCOUNT
    if "ipv6" in lower and "cidr" in lower:
        return f"2001:db8:{digest(urn, 4)}::/56"
    if "cidr" in lower:
        return f"10.{int(digest(urn, 2), 16)}.0.0/16"
    if is_own_id(subject.kind, output):
        return identity_of(subject)
    if lower in _ID_NAMES:
        return f"{_ID_NAMES[lower]}-{digest(urn + output)}"
    if lower.endswith(("ip", "ipaddress")):
        return f"10.255.{int(digest(urn, 2), 16)}.{int(digest(urn + 'ip', 2), 16)}"
    if lower.endswith("zoneid"):
        return f"Z{digest(urn, 20).upper()}"
    if output in ("bucketDomainName", "bucketRegionalDomainName"):
        return f"{subject.name}.s3.{f'{subject.region}.' if 'Regional' in output else ''}{dns_suffix(subject.region)}"
    if lower.endswith(("dnsname", "domainname", "endpoint", "address", "hostname", "url", "domain")):
        host = f"{subject.name}.{digest(urn, 8)}.{subject.region}.{dns_suffix(subject.region)}"
        return f"https://{host}" if lower.endswith("url") else host
    if output == "arnSuffix":
        return arn_of(subject).rsplit(":", 1)[1].removeprefix("loadbalancer/")
    if _is_name(output):
        return subject.name
    if output == "region":
        return subject.region
    return f"{output}-{digest(urn + output, 8)}"
