"""Writes the table of arguments that the provider refuses together, which the control `accepted-arguments` judges by.

    python -m tests.policies.acceptance.generate_provider

It comes from the documentation of the arguments in the installed `pulumi_aws`, whose version requirements.txt pins: the sentences below,
and only where they have no condition and every name in them is an argument of the same block. Facts that the documentation leaves out
and that were read in the source of hashicorp/terraform-provider-aws stand in `IN_THE_SOURCE`. What is left out is never judged.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from cloudpatterns_policies.acceptance.provider import TABLE, Fact

from tests.policies.acceptance.models import sdk

_LIST = r"(?P<names>`\w+`(?:(?:, (?:and |or |a )?| and (?:a )?| or | nor | & |/)`\w+`)*)"
_TWO = r"(?P<names>`\w+` (?:or|and) `\w+`)"
_GIVEN = r"(?:specified|provided|set|configured|used|supplied|given|defined|present)"
_MUST = rf"(?:(?:must|should|has to|have to|needs to) be {_GIVEN}|is required|are required|required)"
_CANNOT = "(?:cannot|can't|must not|may not|can not)"
_CAN = rf"(?:can|may|should|must) be {_GIVEN}"
FORMS: Mapping[str, tuple[str, ...]] = {
    "excludes": (
        rf"(?:it )?conflicts? with (?:the )?{_LIST}(?: arguments?)?",
        rf"(?:is |this is )?(?:mutually exclusive|incompatible) with {_LIST}",
        rf"(?:this )?{_CANNOT} be {_GIVEN} (?:together |at the same time |in conjunction |along )?with {_LIST}",
        rf"(?:this )?cannot be {_GIVEN} if {_LIST} (?:is|are) (?:set|provided|specified|set to `true`)",
    ),
    "one": (
        rf"exactly one of (?:either )?{_LIST} (?:{_MUST}|must be populated)",
        rf"(?:you )?must specify either {_TWO},? but not both",
        rf"(?:note that )?either {_TWO},? (?:\(?but not both\)?,? {_MUST}|{_MUST},? but not both)",
    ),
    "most": (
        rf"(?:only|at most) one of {_LIST} {_CAN}",
        rf"exactly one of {_LIST} can be {_GIVEN}",
        rf"(?:you can |can )?(?:specify|use|set) (?:only one of|either) {_LIST}(?:,? but not both)?",
    ),
    "any": (
        rf"at least one of {_LIST} {_MUST}",
        rf"(?:either )?one of {_LIST} {_MUST}",
        rf"(?:you )?must specify (?:at least )?one of {_LIST}",
    ),
    "needs": (rf"if set, requires {_LIST}(?: to be set)?",),
    "needed": (rf"required (?:when|if) {_LIST} (?:is|are) (?:set|specified|provided|given)",),
}
"""What a sentence says, in whole and in lower case. `needed`: the argument is needed by those that it names."""

UNLIKE_ITS_DOCUMENTATION: Mapping[str, str] = {
    r"aws:cfg/aggregateAuthorization:\w+ .*": "`region` is also the argument that every resource has",
    r"aws:(?!ec2/ami:)[\w/]+:\w+ encrypted": "EC2 encrypts the volume of a snapshot at launch; only an image refuses both",
    r"aws:ec2/instance:Instance marketType": "spot is what there is with spot options, and the provider sends none otherwise",
    r"aws:rds/instance:Instance identifier": "the provider names an instance without an identifier",
    r"aws:ssm/patchBaseline:PatchBaseline approved\w+": "its own example has rules and approved patches",
}
"""Type and argument, a regular expression that matches both, whose sentences say what the provider does not do, with the reason."""

_RULE = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_TARGETS = (
    *("carrierGatewayId", "coreNetworkArn", "egressOnlyGatewayId", "gatewayId", "localGatewayId", "natGatewayId", "networkInterfaceId"),
    *("odbNetworkArn", "transitGatewayId", "vpcEndpointId", "vpcPeeringConnectionId"),
)
_SINGLE = ("dimensions", "extendedStatistic", "metricName", "namespace", "period", "statistic", "unit")
IN_THE_SOURCE: Mapping[str, tuple[Fact, ...]] = {
    # internal/service/autoscaling/group.go
    "aws:autoscaling/group:Group": (("", "one", "launchConfiguration", "launchTemplate", "mixedInstancesPolicy"),),
    # internal/service/cloudwatch/metric_alarm.go
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        ("", "most", "extendedStatistic", "statistic"),
        ("", "most", "threshold", "thresholdMetricId"),
        *(("", "most", *sorted(("metricQueries", name))) for name in _SINGLE),
    ),
    # internal/service/ec2/vpc_route.go
    "aws:ec2/route:Route": (
        ("", "one", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"),
        ("", "one", *_TARGETS),
        ("", "most", "carrierGatewayId", "destinationIpv6CidrBlock"),
        ("", "most", "destinationCidrBlock", "egressOnlyGatewayId"),
        ("", "most", "destinationPrefixListId", "vpcEndpointId"),
    ),
    # internal/service/elasticache/replication_group.go
    "aws:elasticache/replicationGroup:ReplicationGroup": (("", "most", "authToken", "userGroupIds"),),
    # internal/service/lambda/function.go
    "aws:lambda/function:Function": (("", "one", "code", "imageUri", "s3Bucket"),),
    # internal/service/rds/instance.go
    "aws:rds/instance:Instance": (("", "most", "replicateSourceDb", "username"),),
    # internal/service/sqs/queue.go
    "aws:sqs/queue:Queue": (("", "most", "kmsMasterKeyId", "sqsManagedSseEnabled"),),
    # internal/service/ec2/vpc_security_group_ingress_rule.go, which the egress rule shares
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (("", "one", *_RULE),),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (("", "one", *_RULE),),
}
"""Facts by type that the documentation does not state, with the file of the provider that has them."""

_FORMS = {kind: [re.compile(form) for form in forms] for kind, forms in FORMS.items()}
_SENTENCE = re.compile(r"[.:] +|\.$|\s*\n\s*|\*\*|; |\((?!but not both)|\) +(?!must)")
_NAME = re.compile(r"`(\w+)`")
_DEEPEST = 8


def lines() -> Iterator[str]:
    """The table: a line for each resource type of which something is judged, sorted. Token, tab, facts."""
    for type in sorted(sdk.resource_types(), key=lambda type: type.token):
        found = sorted(_shortest({*_block(type, type.inputs, "", ()), *IN_THE_SOURCE.get(type.token, ())}))
        if found:
            yield f"{type.token}\t{json.dumps(found, separators=(',', ':'))}"


def _shortest(facts: set[Fact]) -> Iterator[Fact]:
    """The facts without those that another one holds."""
    for fact in facts:
        path, kind, *names = fact
        wider = (other for other in facts if other != fact and other[0] == path and set(names) <= set(other[2:]))
        if not any((kind in ("any", "most") and other[1] == "one") or kind == other[1] == "most" for other in wider):
            yield fact


def _block(type: sdk.ResourceType, inputs: tuple[sdk.Input, ...], path: str, around: tuple[str, ...]) -> Iterator[Fact]:
    names = {_plain(one.name): one.name for one in inputs}
    for argument in inputs:
        if not any(re.fullmatch(one, f"{type.token} {argument.name}") for one in UNLIKE_ITS_DOCUMENTATION):
            for kind, named in _sentences(argument.prose):
                others = [_known(name, names) for name in named]
                yield from _facts(path, kind, argument.name, [name for name in others if name is not None], complete=None not in others)
        kind = argument.kind
        while kind.of is not None:
            kind = kind.of
        # Firewall rules hold each other.
        if kind.name == "block" and kind.block not in around and len(around) < _DEEPEST:
            inside = sdk.blocks(type.module).get(kind.block, ())
            yield from _block(type, inside, f"{path}.{argument.name}" if path else argument.name, (*around, kind.block))


def _sentences(prose: str) -> Iterator[tuple[str, list[str]]]:
    for sentence in _SENTENCE.split(prose.replace(".`", "`.")):
        text = sentence.strip(" .*>)").lower()
        for kind, forms in _FORMS.items():
            for form in forms:
                if (found := form.fullmatch(text)) is not None:
                    yield kind, _NAME.findall(found["names"])


def _facts(path: str, kind: str, argument: str, others: list[str], *, complete: bool) -> Iterator[Fact]:
    named = tuple(dict.fromkeys(others))
    if kind == "excludes":
        for other in named:
            if other != argument:
                yield (path, "most", *sorted((argument, other)))
    elif kind == "needed":
        for other in named if complete and len(named) == 1 else ():
            yield (path, "needs", other, argument)
    elif kind == "needs":
        for other in named:
            if other != argument:
                yield (path, "needs", argument, other)
    elif complete and argument in named and len(named) > 1:
        yield (path, kind, *sorted(named))


def _known(name: str, names: Mapping[str, str]) -> str | None:
    """The argument of a name in the documentation, which may have a block in the singular."""
    plain = _plain(name)
    return next((names[form] for form in (plain, f"{plain}s", f"{plain.removesuffix('y')}ies") if form in names), None)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def main() -> None:
    """Writes the table."""
    Path(str(TABLE)).write_text("\n".join(lines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
