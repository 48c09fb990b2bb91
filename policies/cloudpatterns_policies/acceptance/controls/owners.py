"""Two resources that own one thing: each update undoes the other's, or AWS refuses the second."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control


class _Part(NamedTuple):
    """A property of an owner that a resource of its own sets too."""

    owner: str
    property: str
    type: str
    """The type of the resource of its own."""
    by: str
    """The property in which it names the owner."""
    when: tuple[str, Any] | None = None
    """A property of it and its value where only some set this property."""


_BUCKET: Final = "aws:s3/bucket:Bucket"
_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
_ROLE: Final = "aws:iam/role:Role"
_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"
_SCALING: Final = "aws:autoscaling/group:Group"
_QUEUE: Final = "aws:sqs/queue:Queue"

_PARTS: Final = (
    _Part(_GROUP, "ingress", "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupId"),
    _Part(_GROUP, "egress", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "securityGroupId"),
    _Part(_GROUP, "ingress", "aws:ec2/securityGroupRule:SecurityGroupRule", "securityGroupId", ("type", "ingress")),
    _Part(_GROUP, "egress", "aws:ec2/securityGroupRule:SecurityGroupRule", "securityGroupId", ("type", "egress")),
    _Part("aws:ec2/routeTable:RouteTable", "routes", "aws:ec2/route:Route", "routeTableId"),
    _Part("aws:ec2/defaultRouteTable:DefaultRouteTable", "routes", "aws:ec2/route:Route", "routeTableId"),
    _Part("aws:ec2/networkAcl:NetworkAcl", "ingress", "aws:ec2/networkAclRule:NetworkAclRule", "networkAclId", ("egress", False)),
    _Part("aws:ec2/networkAcl:NetworkAcl", "egress", "aws:ec2/networkAclRule:NetworkAclRule", "networkAclId", ("egress", True)),
    _Part("aws:ec2/networkAcl:NetworkAcl", "subnetIds", "aws:ec2/networkAclAssociation:NetworkAclAssociation", "networkAclId"),
    _Part(_ENDPOINT, "policy", "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", "vpcEndpointId"),
    _Part(_ENDPOINT, "routeTableIds", "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation", "vpcEndpointId"),
    _Part(_ENDPOINT, "subnetIds", "aws:ec2/vpcEndpointSubnetAssociation:VpcEndpointSubnetAssociation", "vpcEndpointId"),
    _Part(_ENDPOINT, "securityGroupIds", "aws:ec2/securityGroupAssociation:SecurityGroupAssociation", "vpcEndpointId"),
    _Part(_ROLE, "inlinePolicies", "aws:iam/rolePolicy:RolePolicy", "role"),
    _Part(_ROLE, "managedPolicyArns", "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "role"),
    _Part(_BUCKET, "acl", "aws:s3/bucketAcl:BucketAcl", "bucket"),
    _Part(_BUCKET, "grants", "aws:s3/bucketAcl:BucketAcl", "bucket"),
    _Part(_BUCKET, "accelerationStatus", "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration", "bucket"),
    _Part(_BUCKET, "corsRules", "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration", "bucket"),
    _Part(_BUCKET, "lifecycleRules", "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "bucket"),
    _Part(_BUCKET, "logging", "aws:s3/bucketLogging:BucketLogging", "bucket"),
    _Part(_BUCKET, "objectLockConfiguration", "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "bucket"),
    _Part(_BUCKET, "policy", "aws:s3/bucketPolicy:BucketPolicy", "bucket"),
    _Part(_BUCKET, "replicationConfiguration", "aws:s3/bucketReplicationConfig:BucketReplicationConfig", "bucket"),
    _Part(_BUCKET, "requestPayer", "aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration", "bucket"),
    _Part(
        _BUCKET,
        "serverSideEncryptionConfiguration",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "bucket",
    ),
    _Part(_BUCKET, "versioning", "aws:s3/bucketVersioning:BucketVersioning", "bucket"),
    _Part(_BUCKET, "website", "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration", "bucket"),
    _Part(_SCALING, "targetGroupArns", "aws:autoscaling/attachment:Attachment", "autoscalingGroupName"),
    _Part(_SCALING, "loadBalancers", "aws:autoscaling/attachment:Attachment", "autoscalingGroupName"),
    _Part(_SCALING, "trafficSources", "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment", "autoscalingGroupName"),
    _Part(_QUEUE, "policy", "aws:sqs/queuePolicy:QueuePolicy", "queueUrl"),
    _Part(_QUEUE, "redrivePolicy", "aws:sqs/redrivePolicy:RedrivePolicy", "queueUrl"),
    _Part(_QUEUE, "redriveAllowPolicy", "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "queueUrl"),
    _Part("aws:sns/topic:Topic", "policy", "aws:sns/topicPolicy:TopicPolicy", "arn"),
    _Part("aws:secretsmanager/secret:Secret", "policy", "aws:secretsmanager/secretPolicy:SecretPolicy", "secretArn"),
    _Part("aws:kms/key:Key", "policy", "aws:kms/keyPolicy:KeyPolicy", "keyId"),
    _Part("aws:wafv2/webAcl:WebAcl", "rules", "aws:wafv2/webAclRule:WebAclRule", "webAclArn"),
    _Part("aws:route53/zone:Zone", "vpcs", "aws:route53/zoneAssociation:ZoneAssociation", "zoneId"),
    _Part("aws:elasticache/userGroup:UserGroup", "userIds", "aws:elasticache/userGroupAssociation:UserGroupAssociation", "userGroupId"),
    _Part("aws:opensearch/domain:Domain", "accessPolicies", "aws:opensearch/domainPolicy:DomainPolicy", "domainName"),
    _Part("aws:dynamodb/table:Table", "replicas", "aws:dynamodb/tableReplica:TableReplica", "globalTableArn"),
    _Part("aws:rds/cluster:Cluster", "iamRoles", "aws:rds/clusterRoleAssociation:ClusterRoleAssociation", "dbClusterIdentifier"),
)

_WHOLE: Final[Mapping[str, tuple[str, str]]] = {
    **{part.type: (part.owner, part.by) for part in _PARTS if part.owner == _BUCKET},
    "aws:s3/bucketNotification:BucketNotification": (_BUCKET, "bucket"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": (_BUCKET, "bucket"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": (_BUCKET, "bucket"),
    "aws:sqs/queuePolicy:QueuePolicy": (_QUEUE, "queueUrl"),
    "aws:sqs/redrivePolicy:RedrivePolicy": (_QUEUE, "queueUrl"),
    "aws:sns/topicPolicy:TopicPolicy": ("aws:sns/topic:Topic", "arn"),
    "aws:kms/keyPolicy:KeyPolicy": ("aws:kms/key:Key", "keyId"),
    "aws:secretsmanager/secretPolicy:SecretPolicy": ("aws:secretsmanager/secret:Secret", "secretArn"),
    "aws:efs/fileSystemPolicy:FileSystemPolicy": ("aws:efs/fileSystem:FileSystem", "fileSystemId"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("aws:ecr/repository:Repository", "repository"),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ("aws:ecr/repository:Repository", "repository"),
    "aws:backup/vaultPolicy:VaultPolicy": ("aws:backup/vault:Vault", "backupVaultName"),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": ("aws:ecs/cluster:Cluster", "clusterName"),
}
"""Types of which AWS holds one for each owner, with the owner's type and the property that names it. A second one replaces the first."""

_SINGLETONS: Final[Mapping[str, str]] = {
    "aws:accessanalyzer/analyzer:Analyzer": "type",
    "aws:apigateway/account:Account": "",
    "aws:backup/regionSettings:RegionSettings": "",
    "aws:cfg/deliveryChannel:DeliveryChannel": "",
    "aws:cfg/recorder:Recorder": "",
    "aws:ebs/defaultKmsKey:DefaultKmsKey": "",
    "aws:ebs/encryptionByDefault:EncryptionByDefault": "",
    "aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess": "",
    "aws:ec2/imageBlockPublicAccess:ImageBlockPublicAccess": "",
    "aws:ec2/instanceMetadataDefaults:InstanceMetadataDefaults": "",
    "aws:guardduty/detector:Detector": "",
    "aws:iam/accountPasswordPolicy:AccountPasswordPolicy": "",
    "aws:macie2/account:Account": "",
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": "",
    "aws:securityhub/account:Account": "",
    "aws:ec2/vpcBlockPublicAccessOptions:VpcBlockPublicAccessOptions": "",
}
"""Types of which an account has one in a region, with a property of which each value may have one."""


@stack_control(
    id="one-owner",
    title="Each setting is owned by one resource",
    severity=Severity.HIGH,
    types=tuple(dict.fromkeys(part.owner for part in _PARTS)),
    why="A property that holds the whole list removes what another resource adds, and that one adds it again: no deployment ends it.",
    remediation="Move everything into resources of their own, or everything into the property; or ignore changes of the property.",
    url="https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/",
    pack="acceptance",
)
def one_owner(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A property that is set, and a resource that sets it too."""
    for part in _PARTS:
        if part.owner != resource.type or part.property in resource.options.ignoreChanges:
            continue
        value = resource.inputs.raw.get(part.property)
        if not (isinstance(value, str | list | dict) and value):
            continue
        names = [other.name for other in stack.referrers(resource, part.type, part.by) if _sets(other, part)]
        if names:
            yield Fail(f"also holds what {', '.join(sorted(names))} {'set' if len(names) > 1 else 'sets'}", part.property)


@stack_control(
    id="one-of-its-kind",
    title="What AWS has once for each owner is declared once",
    severity=Severity.HIGH,
    types=tuple(_WHOLE),
    why="AWS keeps one of it: the second replaces the first, and which is second may differ from run to run.",
    remediation="Join them in one resource.",
    url="https://www.pulumi.com/registry/packages/aws/api-docs/s3/bucketnotification/",
    pack="acceptance",
)
def one_of_its_kind(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """All but the first by name, where the owner is certain."""
    owner_type, by = _WHOLE[resource.type]
    owners = stack.refs(resource, by, owner_type)
    if len(owners) == 1:
        rivals = [one for one in stack.referrers(owners[0], resource.type, by) if len(stack.refs(one, by, owner_type)) == 1]
        yield from _second(resource, rivals, f"replaces that of {owners[0].name} which {{first}} sets", by)


@stack_control(
    id="account-singleton",
    title="What an account has once in a region is declared once",
    severity=Severity.HIGH,
    types=tuple(_SINGLETONS),
    why="AWS has one of it in each account and region: the second is refused or replaces the first.",
    remediation="Keep one of them; where other stacks of the account need it too, give it a stack of its own.",
    url="https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html",
    pack="acceptance",
)
def account_singleton(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """All but the first by name, of those with the same provider and region."""
    place = _place(resource)
    rivals = [one for one in stack.of_type(resource.type) if _place(one) == place]
    yield from _second(resource, rivals, "is declared twice: {first} is the same setting of the account in this region", "")


def _sets(other: Resource, part: _Part) -> bool:
    if part.when is None:
        return True
    name, wanted = part.when
    found = given(other, name)
    return bool((found or False) is wanted) if isinstance(wanted, bool) else isinstance(found, str) and found == wanted


def _second(resource: Resource, rivals: Iterable[Resource], message: str, path: str) -> Iterator[Verdict]:
    first = min(rivals, key=lambda one: one.urn)
    if first is not resource:
        yield Fail(message.format(first=first.name), path)


def _place(resource: Resource) -> tuple[str, ...]:
    """Provider, region, and the kind where each has one; of what is unknown, the URN, which no other has."""
    kind = _SINGLETONS[resource.type]
    values = [given(resource, name) for name in ("region", kind) if name]
    if not all(value is None or isinstance(value, str) for value in values):
        return (resource.urn,)
    return (resource.message.provider.urn, *(value or "" for value in values))
