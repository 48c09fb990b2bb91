"""Writes the table of properties that name another resource: ``python -m tests.policies.acceptance.generate_references``.

It has the properties that the table of facts can write: write that one first. What a property names is told by AWS's schemas (``format``,
``relationshipRef``), as the package cfn-lint carries them, or by its name, which ends in that of a type of the same service or of
``_EVERYWHERE``. ``_NAMED`` has what neither tells. Names of types and attributes only.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.policies.acceptance.generate import TABLE as FACTS
from tests.policies.acceptance.generate import _kind, _plain, _resolved, cfn_types, schemas

TABLE = Path(__file__).parents[3] / "policies/cloudpatterns_policies/acceptance/references.json"

_ENDINGS = ("", "s", "id", "ids", "arn", "arns", "name", "names", "identifier", "identifiers")
# Names that mean the same type in every service.
_EVERYWHERE = {
    "allocation": "AWS::EC2::EIP",
    "autoscalinggroup": "AWS::AutoScaling::AutoScalingGroup",
    "bucket": "AWS::S3::Bucket",
    "certificate": "AWS::CertificateManager::Certificate",
    "deliverystream": "AWS::KinesisFirehose::DeliveryStream",
    "eventbus": "AWS::Events::EventBus",
    "function": "AWS::Lambda::Function",
    "hostedzone": "AWS::Route53::HostedZone",
    "instanceprofile": "AWS::IAM::InstanceProfile",
    "kmskey": "AWS::KMS::Key",
    "iaminstanceprofile": "AWS::IAM::InstanceProfile",
    "lambdafunction": "AWS::Lambda::Function",
    "launchtemplate": "AWS::EC2::LaunchTemplate",
    "loadbalancer": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "loggroup": "AWS::Logs::LogGroup",
    "networkinterface": "AWS::EC2::NetworkInterface",
    "permissionsboundary": "AWS::IAM::ManagedPolicy",
    "role": "AWS::IAM::Role",
    "routetable": "AWS::EC2::RouteTable",
    "secret": "AWS::SecretsManager::Secret",
    "securitygroup": "AWS::EC2::SecurityGroup",
    "snstopic": "AWS::SNS::Topic",
    "statemachine": "AWS::StepFunctions::StateMachine",
    "subnet": "AWS::EC2::Subnet",
    "targetgroup": "AWS::ElasticLoadBalancingV2::TargetGroup",
    "topic": "AWS::SNS::Topic",
    "userpool": "AWS::Cognito::UserPool",
    "vpc": "AWS::EC2::VPC",
    "webacl": "AWS::WAFv2::WebACL",
}
# What is not the type of that name.
_NOT = {
    # Classic load balancers.
    ("AWS::AutoScaling::AutoScalingGroup", "LoadBalancerNames"),
    ("AWS::ECS::Service", "LoadBalancers/LoadBalancerName"),
    # A target group of VPC Lattice.
    ("AWS::ECS::Service", "VpcLatticeConfigurations/TargetGroupArn"),
    # Topics of Kafka.
    ("AWS::Lambda::EventSourceMapping", "Topics"),
    # Certificate authorities of RDS, and security groups of EC2-Classic.
    ("AWS::RDS::DBCluster", "CACertificateIdentifier"),
    ("AWS::RDS::DBInstance", "CACertificateIdentifier"),
    ("AWS::RDS::DBInstance", "DBSecurityGroups"),
    # Certificates of IAM.
    ("AWS::CloudFront::Distribution", "DistributionConfig/ViewerCertificate/IamCertificateId"),
    # Addresses.
    ("AWS::EC2::EIPAssociation", "EIP"),
    # HTTP methods.
    ("AWS::ApiGateway::Method", "HttpMethod"),
    # Images of containers.
    ("AWS::SageMaker::Model", "Containers/Image"),
    ("AWS::SageMaker::Model", "PrimaryContainer/Image"),
    # Topics of Kafka.
    ("AWS::DMS::Endpoint", "KafkaSettings/Topic"),
}
_QUEUE, _TOPIC, _FUNCTION = "AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Lambda::Function"
_STREAM, _MACHINE = "AWS::Kinesis::Stream", "AWS::StepFunctions::StateMachine"
_ALARM_ACTIONS = {_TOPIC: "", "AWS::AutoScaling::ScalingPolicy": "", "AWS::ApplicationAutoScaling::ScalingPolicy": "", _FUNCTION: "Arn"}
# Properties that several types can stand in, or whose names tell nothing, with the attribute that each takes.
_NAMED: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "AWS::AutoScaling::AutoScalingGroup": {"VPCZoneIdentifier": {"AWS::EC2::Subnet": ""}},
    "AWS::CloudWatch::Alarm": dict.fromkeys(("AlarmActions", "OKActions", "InsufficientDataActions"), _ALARM_ACTIONS),
    "AWS::EC2::Route": {"GatewayId": {"AWS::EC2::InternetGateway": "", "AWS::EC2::VPNGateway": ""}},
    "AWS::Events::Rule": {
        "Targets/Arn": {_QUEUE: "Arn", _TOPIC: "", _FUNCTION: "Arn", _STREAM: "Arn", _MACHINE: "", "AWS::ECS::Cluster": "Arn"},
        "Targets/DeadLetterConfig/Arn": {_QUEUE: "Arn"},
    },
    "AWS::IAM::Role": {"ManagedPolicyArns": {"AWS::IAM::ManagedPolicy": ""}},
    "AWS::Lambda::EventSourceMapping": {
        "EventSourceArn": {_QUEUE: "Arn", _STREAM: "Arn", "AWS::DynamoDB::Table": "StreamArn"},
        "DestinationConfig/OnFailure/Destination": {_QUEUE: "Arn", _TOPIC: ""},
    },
    _FUNCTION: {"DeadLetterConfig/TargetArn": {_QUEUE: "Arn", _TOPIC: ""}, "Layers": {"AWS::Lambda::LayerVersion": ""}},
    "AWS::Scheduler::Schedule": {
        "Target/Arn": {_QUEUE: "Arn", _TOPIC: "", _FUNCTION: "Arn", _STREAM: "Arn", _MACHINE: "", "AWS::ECS::Cluster": "Arn"},
        "Target/DeadLetterConfig/Arn": {_QUEUE: "Arn"},
    },
    "AWS::SNS::Subscription": {"Endpoint": {_QUEUE: "Arn", _FUNCTION: "Arn"}},
    "AWS::SQS::Queue": {"RedrivePolicy/deadLetterTargetArn": {_QUEUE: "Arn"}},
    "AWS::SQS::QueuePolicy": {"Queues": {_QUEUE: ""}},
    "AWS::WAFv2::WebACLAssociation": {
        "ResourceArn": {"AWS::ElasticLoadBalancingV2::LoadBalancer": "", "AWS::Cognito::UserPool": "Arn", "AWS::AppSync::GraphQLApi": "ARN"}
    },
}
# Types of which a reference gives something else than what their properties take, with the attribute to use.
_ATTRIBUTES = {"AWS::EC2::EIP": "AllocationId", "AWS::EC2::SecurityGroup": "GroupId"}


@cache
def _types(service: str) -> Mapping[str, str]:
    """A service's types that the table of facts can give, by plain name."""
    return {_plain(name.split("::")[2]): name for name in cfn_types().values() if name.split("::")[1] == service}


def attribute(type: str, name: str, *, arn: bool) -> str | None:
    """The attribute that gives what a property of that name takes; empty for `Ref`, None where there is none."""
    identifiers = [path.removeprefix("/properties/").lower() for path in schemas()[type].get("primaryIdentifier", [])]
    identifier = identifiers[0] if len(identifiers) == 1 else ""
    if not arn:
        takes_name = name.endswith(("name", "names"))
        return None if takes_name and not identifier.endswith("name") else _ATTRIBUTES.get(type, "")
    if identifier.endswith("arn"):
        return ""
    resource = _plain(type.split("::")[2])
    outputs = [path.removeprefix("/properties/") for path in schemas()[type].get("readOnlyProperties", [])]
    return next((output for output in outputs if _plain(output) in ("arn", f"{resource}arn")), None)


def _by_name(name: str, owner: str) -> str | None:
    """The type that a property's name ends in, the longest one."""
    plain = _plain(name)
    own = _plain(owner.split("::")[2])
    known = {**_EVERYWHERE, **_types(owner.split("::")[1])}
    for resource in sorted(known, key=lambda one: -len(one)):
        ending = next((end for end in _ENDINGS if plain == f"{resource}{end}" or (end and plain.endswith(f"{resource}{end}"))), None)
        # Its own name is not a reference; a short name is part of many words.
        if ending is not None and plain != f"{own}{ending}" and (plain == f"{resource}{ending}" or len(resource) > 5):
            return known[resource]
    return None


def _by_schema(schema: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """The types that a property's format or relation names, and whether it takes their ARN."""
    for part in (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ()), schema.get("items", {})):
        kind, _, what = str(part.get("format", "")).partition(".")
        if kind.startswith("AWS::") and what in ("Id", "Ids", "Arn", "Name"):
            yield kind.replace("::ACM::", "::CertificateManager::"), what == "Arn"
        relation = part.get("relationshipRef") or {}
        # A VPC's own security group is no VPC.
        if "typeName" in relation and not relation["propertyPath"].endswith("/DefaultSecurityGroup"):
            yield relation["typeName"], relation["propertyPath"].lower().endswith("arn")


def _targets(name: str, path: str, schema: Mapping[str, Any], owner: str) -> dict[str, str]:
    if (owner, path) in _NOT:
        return {}
    if (named := _NAMED.get(owner, {}).get(path)) is not None:
        return dict(named)
    plain = _plain(name)
    found = list(_by_schema(schema))
    if not found and (by_name := _by_name(name, owner)) is not None:
        # Other services than IAM take a role's ARN, whatever the property is called.
        takes_arn = plain.endswith(("arn", "arns")) or (by_name == "AWS::IAM::Role" and not owner.startswith("AWS::IAM::"))
        found = [(by_name, takes_arn)]
    forms: dict[str, str] = {}
    for kind, arn in found:
        if kind in cfn_types().values() and (given := attribute(kind, plain, arn=arn)) is not None:
            forms.setdefault(kind, given)
    return forms


def _written(entry: Any) -> Iterator[tuple[str, ...]]:
    """The paths in CloudFormation's form that an entry of the table of facts writes."""
    if isinstance(entry, str):
        yield (entry,)
        return
    name, kind, inside = entry
    here = (name,) if name else ()
    if kind in ("in", "item"):
        yield from ((*here, *rest) for rest in _written(inside))
    elif kind == "wrap-as":
        yield (*here, inside)
    elif kind == "parsed":
        yield from ((*here, *rest) for one in inside[2].values() for rest in _written(one))
    elif kind in ("object", "list", "wrap", "first", "up"):
        yield from ((*here, *rest) for one in inside.values() for rest in _written(one))
    else:
        yield here


def _forms(path: tuple[str, ...], owner: str) -> dict[str, str]:
    """What a property can refer to, when it is a text or a list of texts."""
    root: Mapping[str, Any] = schemas()[owner]
    part: Mapping[str, Any] = root
    for name in path:
        part = _resolved(part.get("items", {}), root) if "array" in _kind(part) else part
        part = _resolved(part.get("properties", {}).get(name, {}), root)
    item = _resolved(part.get("items", {}), root) if "array" in _kind(part) else part
    is_text = "string" in _kind(item) or not _kind(item)
    return _targets(path[-1], "/".join(path), {**part, **item}, owner) if is_text and "enum" not in item else {}


def table() -> dict[str, dict[str, dict[str, str]]]:
    """The table: type, path of the property, types and attributes."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for owner, properties, *rest in json.loads(FACTS.read_text(encoding="utf-8")).values():
        item = (rest[1],) if len(rest) == 2 else ()
        for path in ((*item, *path) for entry in properties.values() for path in _written(entry)):
            if forms := _forms(path, owner):
                found.setdefault(owner, {})["/".join(path)] = forms
    return {owner: dict(sorted(places.items())) for owner, places in sorted(found.items())}


def main() -> None:
    """Writes the table."""
    found = table()
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(places, separators=(',', ':'))}" for name, places in found.items())
    TABLE.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")
    print(f"{len(found)} types, {sum(map(len, found.values()))} properties")


if __name__ == "__main__":
    main()
