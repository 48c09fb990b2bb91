"""ARNs and ids of the form that AWS gives them.

Controls read both: what a role trusts, which resources a policy names, which region a certificate is in. Kinds without an entry here get
the form that is the most common, ``service:region:account:kind/name``.
"""

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from offline_preview.values import Secret

ACCOUNT: Final = "123456789012"

# Prefixes of ids that AWS generates, by type token without package and class.
ID_PREFIXES: Final = {
    "ec2/vpc": "vpc",
    "ec2/defaultVpc": "vpc",
    "ec2/subnet": "subnet",
    "ec2/defaultSubnet": "subnet",
    "ec2/routeTable": "rtb",
    "ec2/defaultRouteTable": "rtb",
    "ec2/internetGateway": "igw",
    "ec2/egressOnlyInternetGateway": "eigw",
    "ec2/natGateway": "nat",
    "ec2/eip": "eipalloc",
    "ec2/elasticIp": "eipalloc",
    "ec2/securityGroup": "sg",
    "ec2/defaultSecurityGroup": "sg",
    "vpc/securityGroupIngressRule": "sgr",
    "vpc/securityGroupEgressRule": "sgr",
    "ec2/networkAcl": "acl",
    "ec2/defaultNetworkAcl": "acl",
    "ec2/networkInterface": "eni",
    "ec2/managedPrefixList": "pl",
    "ec2/prefixList": "pl",
    "ec2/vpcEndpoint": "vpce",
    "ec2/vpcPeeringConnection": "pcx",
    "ec2/flowLog": "fl",
    "ec2/instance": "i",
    "ec2/launchTemplate": "lt",
    "ec2/ami": "ami",
    "ec2/amiCopy": "ami",
    "ec2/amiFromInstance": "ami",
    "ebs/volume": "vol",
    "ebs/ebsVolume": "vol",
    "ebs/snapshot": "snap",
    "ec2transitgateway/transitGateway": "tgw",
    "efs/fileSystem": "fs",
    "efs/accessPoint": "fsap",
}
# Ids of another form: see `_fields`.
_ID_FORMS: Final = {
    "cloudformation/stack": "arn:{partition}:cloudformation:{region}:{account}:stack/{name}/{uuid}",
    "kms/key": "{uuid}",
    "cloudfront/distribution": "E{code:.13}",
    "route53/zone": "Z{code:.20}",
    "cognito/userPool": "{region}_{code:.9}",
    "cognito/identityPool": "{region}:{uuid}",
}
# Outputs that repeat the id of their resource, besides `<kind>Id`.
_SAME_AS_ID: Final = {"ec2/ami": "imageId", "ec2/eip": "allocationId"}

# ARN services where the SDK's module has another name.
_SERVICES: Final = {
    "alb": "elasticloadbalancing",
    "apigatewayv2": "apigateway",
    "appautoscaling": "application-autoscaling",
    "cfg": "config",
    "cognito": "cognito-idp",
    "ebs": "ec2",
    "ec2transitgateway": "ec2",
    "efs": "elasticfilesystem",
    "elasticsearch": "es",
    "elb": "elasticloadbalancing",
    "lb": "elasticloadbalancing",
    "mq": "amazonmq",
    "msk": "kafka",
    "opensearch": "es",
    "sfn": "states",
    "vpc": "ec2",
}
_GLOBAL_SERVICES: Final = frozenset({"iam", "cloudfront", "route53", "s3", "organizations", "globalaccelerator", "shield", "budgets"})
# Services that separate kind and name with a colon in every ARN.
_COLON_SERVICES: Final = frozenset({"elasticache", "lambda", "states"})
# Services that write a kind of several words without hyphens.
_SOLID_SERVICES: Final = frozenset({"apprunner", "athena", "elasticache", "elasticloadbalancing", "memorydb"})

_LOAD_BALANCER: Final = "elasticloadbalancing:{here}:loadbalancer/{balancer}/{name}/{hex:.16}"
_TARGET_GROUP: Final = "elasticloadbalancing:{here}:targetgroup/{name}/{hex:.16}"
_SECRET: Final = "secretsmanager:{here}:secret:{name}-{hex:.6}"
_DATABASES: Final = {
    "cluster": "rds:{here}:cluster:{name}",
    "clusterParameterGroup": "rds:{here}:cluster-pg:{name}",
    "globalCluster": "rds::{account}:global-cluster:{name}",
    "parameterGroup": "rds:{here}:pg:{name}",
    "subnetGroup": "rds:{here}:subgrp:{name}",
}

# What follows the partition, by kind or by module: see `_fields`.
_FORMS: Final = {
    "acm/certificate": "acm:{here}:certificate/{uuid}",
    "alb/loadBalancer": _LOAD_BALANCER,
    "alb/targetGroup": _TARGET_GROUP,
    "apigateway/execution": "execute-api:{here}:{id}",
    "apigateway/restApi": "apigateway:{region}::/restapis/{id}",
    "apigatewayv2/api": "apigateway:{region}::/apis/{id}",
    "apigatewayv2/execution": "execute-api:{here}:{id}",
    "autoscaling": "autoscaling:{here}:autoScalingGroup:{hex:.8}:autoScalingGroupName/{name}",
    "backup/plan": "backup:{here}:backup-plan:{uuid}",
    "backup/vault": "backup:{here}:backup-vault:{name}",
    "cloudwatch/compositeAlarm": "cloudwatch:{here}:alarm:{name}",
    "cloudwatch/dashboard": "cloudwatch::{account}:dashboard/{name}",
    "cloudwatch/eventBus": "events:{here}:event-bus/{name}",
    "cloudwatch/eventRule": "events:{here}:rule/{bus}{name}",
    "cloudwatch/logGroup": "logs:{here}:log-group:{name}",
    "cloudwatch/metricAlarm": "cloudwatch:{here}:alarm:{name}",
    "codepipeline/pipeline": "codepipeline:{here}:{name}",
    "cognito/identityPool": "cognito-identity:{here}:identitypool/{id}",
    "cognito/userPool": "cognito-idp:{here}:userpool/{id}",
    **{f"{module}/{kind}": form for module in ("docdb", "neptune", "rds") for kind, form in _DATABASES.items()},
    **dict.fromkeys(("docdb", "neptune", "rds"), "rds:{here}:db:{name}"),
    "dynamodb/stream": "dynamodb:{here}:table/{name}/stream/2024-01-01T00:00:00.000",
    "ec2/ami": "ec2:{region}::image/{id}",
    "ec2/defaultSecurityGroup": "ec2:{here}:security-group/{id}",
    "ec2/eip": "ec2:{here}:elastic-ip/{id}",
    "ec2/flowLog": "ec2:{here}:vpc-flow-log/{id}",
    "ec2/managedPrefixList": "ec2:{here}:prefix-list/{id}",
    "ec2/natGateway": "ec2:{here}:natgateway/{id}",
    "ecs/service": "ecs:{here}:service/{cluster}/{name}",
    "ecs/taskDefinition": "ecs:{here}:task-definition/{family}:1",
    "iam/group": "iam::{account}:group{path}{name}",
    "iam/instanceProfile": "iam::{account}:instance-profile{path}{name}",
    "iam/openIdConnectProvider": "iam::{account}:oidc-provider/{issuer}",
    "iam/policy": "iam::{account}:policy{path}{name}",
    "iam/role": "iam::{account}:role{path}{name}",
    "iam/user": "iam::{account}:user{path}{name}",
    "kinesis/firehoseDeliveryStream": "firehose:{here}:deliverystream/{name}",
    "kms/alias": "kms:{here}:alias/{alias}",
    "lambda/invoke": "apigateway:{region}:lambda:path/2015-03-31/functions/arn:{partition}:lambda:{here}:function:{name}/invocations",
    "lambda/qualified": "lambda:{here}:function:{name}:1",
    "lb/loadBalancer": _LOAD_BALANCER,
    "lb/targetGroup": _TARGET_GROUP,
    "msk/cluster": "kafka:{here}:cluster/{name}/{uuid}-3",
    "msk/configuration": "kafka:{here}:configuration/{name}/{uuid}-3",
    "msk/serverlessCluster": "kafka:{here}:cluster/{name}/{uuid}-s1",
    "route53/healthCheck": "route53:::healthcheck/{id}",
    "route53/zone": "route53:::hostedzone/{id}",
    "s3": "s3:::{name}",
    "s3/accessPoint": "s3:{here}:accesspoint/{name}",
    "secretsmanager": _SECRET,
    "sfn/stateMachine": "states:{here}:stateMachine:{name}",
    "sns": "sns:{here}:{name}",
    "sqs": "sqs:{here}:{name}",
    "ssm/parameter": "ssm:{here}:parameter/{bare}",
    "vpc/securityGroupEgressRule": "ec2:{here}:security-group-rule/{id}",
    "vpc/securityGroupIngressRule": "ec2:{here}:security-group-rule/{id}",
    "wafv2/ipSet": "wafv2:{here}:{scope}/ipset/{name}/{uuid}",
    "wafv2/regexPatternSet": "wafv2:{here}:{scope}/regexpatternset/{name}/{uuid}",
    "wafv2/ruleGroup": "wafv2:{here}:{scope}/rulegroup/{name}/{uuid}",
    "wafv2/webAcl": "wafv2:{here}:{scope}/webacl/{name}/{uuid}",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A resource, or the result of a function, whose outputs are invented."""

    kind: str
    """The type token without package and class: ``ec2/vpc``."""
    name: str
    """Its name in AWS."""
    urn: str
    """What invented values are derived from."""
    region: str
    inputs: Mapping[str, Any]

    @property
    def module(self) -> str:
        """The SDK's module: ``ec2``."""
        return self.kind.split("/", 1)[0]


def digest(text: str, length: int = 17) -> str:
    """A stable hexadecimal text of the given length."""
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def partition_of(region: str) -> str:
    """The partition that a region belongs to, as the second part of ARNs."""
    return "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dns_suffix(region: str) -> str:
    """What the names of AWS's hosts in a region end in."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def text_of(value: Any) -> str:
    """A text, also one that is secret; empty for everything else."""
    value = value.value if isinstance(value, Secret) else value
    return value if isinstance(value, str) else ""


def has_own_id(kind: str) -> bool:
    """Whether AWS generates the ids of a kind."""
    return kind in ID_PREFIXES or kind in _ID_FORMS


def is_own_id(kind: str, output: str) -> bool:
    """Whether an output is the id that AWS generates."""
    names = ("id", f"{kind.rpartition('/')[2].lower()}id", _SAME_AS_ID.get(kind, "").lower())
    return has_own_id(kind) and output.lower() in names


def identity(subject: Subject) -> str:
    """The id, where it is not the ARN: one that AWS generates, or the name."""
    if prefix := ID_PREFIXES.get(subject.kind):
        return f"{prefix}-{digest(subject.urn)}"
    if form := _ID_FORMS.get(subject.kind):
        place = {"partition": partition_of(subject.region), "region": subject.region, "account": ACCOUNT, "name": subject.name}
        return form.format(**place, **_random(subject))
    return subject.name


def arn(subject: Subject, kind: str = "") -> str:
    """The ARN, or with ``kind`` that of something of this kind which belongs to it."""
    kind = kind or subject.kind
    module, _slash, noun = kind.partition("/")
    # RDS keeps its password in a secret, too.
    form = _SECRET if noun.lower().endswith("secret") else _FORMS.get(kind) or _FORMS.get(module) or _common(module, noun)
    return f"arn:{{partition}}:{form}".format(**_fields(subject))


def _common(module: str, noun: str) -> str:
    service = _SERVICES.get(module, module)
    words = noun.lower() if service in _SOLID_SERVICES else re.sub(r"\B([A-Z])", r"-\1", noun).lower()
    here = ":{account}" if service in _GLOBAL_SERVICES else "{here}"
    return f"{service}:{here}:{words}{':' if service in _COLON_SERVICES else '/'}{{id}}"


def _random(subject: Subject) -> dict[str, str]:
    return {"uuid": str(uuid.UUID(digest(subject.urn, 32))), "code": digest(subject.urn, 20).upper()}


def _fields(subject: Subject) -> dict[str, str]:
    """What the forms are filled with."""

    def given(key: str) -> str:
        return text_of(subject.inputs.get(key))

    bus = given("eventBusName").rpartition("/")[2]
    return {
        "partition": partition_of(subject.region),
        "region": subject.region,
        "account": ACCOUNT,
        "here": f"{subject.region}:{ACCOUNT}",
        "name": subject.name,
        "id": identity(subject),
        "hex": digest(subject.name, 16),
        "alias": subject.name.removeprefix("alias/"),
        "bare": subject.name.lstrip("/"),
        "balancer": {"network": "net", "gateway": "gwy"}.get(given("loadBalancerType"), "app"),
        "bus": f"{bus}/" if bus not in ("", "default") else "",
        "cluster": given("cluster").rpartition("/")[2] or "default",
        "family": given("family") or subject.name,
        "issuer": given("url").removeprefix("https://") or subject.name,
        "path": f"/{path}/" if (path := given("path").strip("/")) else "/",
        "scope": "global" if given("scope") == "CLOUDFRONT" else "regional",
        **_random(subject),
    }
