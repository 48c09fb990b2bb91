"""Where IAM documents stand: resource type to the properties that hold one, and what each is for.

Documents of other languages are left out: Cedar of Verified Access and AgentCore, access and security policies of OpenSearch Serverless,
lifecycle, redrive, delivery, filter and data protection policies, and organizations' policies of tags, backups and AI services. A test
compares the table with the properties of the SDK that are called a policy.
"""

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Resource


class Kind(Enum):
    """What a document is for."""

    IDENTITY = "identity"
    """What a principal may do: policies of roles, users, groups, permission sets and sessions, and permissions boundaries."""
    TRUST = "trust"
    """Who may assume a role. It names no resources."""
    RESOURCE = "resource"
    """What may be done with one resource, or through one. Where it names no resource, its own is meant."""


_POLICY: Final = (
    *("aws:acmpca/policy:Policy", "aws:apigateway/domainName:DomainName", "aws:apigateway/restApi:RestApi"),
    *(
        "aws:apigateway/restApiPolicy:RestApiPolicy",
        "aws:backup/vaultPolicy:VaultPolicy",
        "aws:bedrock/agentcoreResourcePolicy:AgentcoreResourcePolicy",
    ),
    *(
        "aws:cloudwatch/eventBusPolicy:EventBusPolicy",
        "aws:codebuild/resourcePolicy:ResourcePolicy",
        "aws:dsql/clusterPolicy:ClusterPolicy",
    ),
    *("aws:dynamodb/resourcePolicy:ResourcePolicy", "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy"),
    *("aws:ecr/registryPolicy:RegistryPolicy", "aws:ecr/repositoryPolicy:RepositoryPolicy"),
    *("aws:ecrpublic/repositoryPolicy:RepositoryPolicy", "aws:efs/fileSystemPolicy:FileSystemPolicy"),
    *("aws:glacier/vaultLock:VaultLock", "aws:glue/resourcePolicy:ResourcePolicy", "aws:iot/policy:Policy"),
    *("aws:kinesis/resourcePolicy:ResourcePolicy", "aws:kms/externalKey:ExternalKey", "aws:kms/key:Key"),
    *("aws:kms/keyPolicy:KeyPolicy", "aws:kms/replicaExternalKey:ReplicaExternalKey", "aws:kms/replicaKey:ReplicaKey"),
    *("aws:lambda/resourcePolicy:ResourcePolicy", "aws:mediastore/containerPolicy:ContainerPolicy", "aws:msk/clusterPolicy:ClusterPolicy"),
    *("aws:networkfirewall/resourcePolicy:ResourcePolicy", "aws:oam/sinkPolicy:SinkPolicy"),
    *("aws:opensearchingest/resourcePolicy:ResourcePolicy", "aws:pinpoint/smsvoicev2ResourcePolicy:Smsvoicev2ResourcePolicy"),
    *("aws:redshift/resourcePolicy:ResourcePolicy", "aws:redshiftserverless/resourcePolicy:ResourcePolicy"),
    *("aws:s3/accessPoint:AccessPoint", "aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:s3/bucketV2:BucketV2"),
    *("aws:s3/filesFileSystemPolicy:FilesFileSystemPolicy", "aws:s3/vectorsVectorBucketPolicy:VectorsVectorBucketPolicy"),
    *("aws:s3control/accessGrantsInstanceResourcePolicy:AccessGrantsInstanceResourcePolicy", "aws:s3control/bucketPolicy:BucketPolicy"),
    *("aws:s3control/accessPointPolicy:AccessPointPolicy", "aws:s3control/objectLambdaAccessPointPolicy:ObjectLambdaAccessPointPolicy"),
    *("aws:schemas/registryPolicy:RegistryPolicy", "aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretPolicy:SecretPolicy"),
    *("aws:ses/identityPolicy:IdentityPolicy", "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy", "aws:sns/topic:Topic"),
    *("aws:sns/topicPolicy:TopicPolicy", "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"),
    *("aws:vpclattice/authPolicy:AuthPolicy", "aws:vpclattice/resourcePolicy:ResourcePolicy"),
)
"""Types with a resource policy in `policy`."""

_OF_PRINCIPALS: Final = (
    *("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy", "aws:iam/userPolicy:UserPolicy", "aws:iam/groupPolicy:GroupPolicy"),
    *("aws:eks/podIdentityAssociation:PodIdentityAssociation", "aws:transfer/access:Access", "aws:transfer/user:User"),
)
"""Types with an identity or session policy in `policy`."""

_DOCUMENT: Final = (
    *("aws:amp/resourcePolicy:ResourcePolicy", "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"),
    *("aws:codeartifact/domainPermissions:DomainPermissions", "aws:xray/resourcePolicy:ResourcePolicy"),
    "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy",
)
"""Types with a resource policy in `policyDocument`."""

ROLE: Final = "aws:iam/role:Role"
_ENDPOINTS_OF_ODB: Final = ("kmsPolicyDocument", "s3PolicyDocument", "stsPolicyDocument")

DOCUMENTS: Final[Mapping[str, Mapping[str, Kind]]] = {
    **{name: {"policy": Kind.RESOURCE} for name in _POLICY},
    **{name: {"policy": Kind.IDENTITY} for name in _OF_PRINCIPALS},
    **{name: {"policyDocument": Kind.RESOURCE} for name in _DOCUMENT},
    ROLE: {"assumeRolePolicy": Kind.TRUST, "inlinePolicies.*.policy": Kind.IDENTITY},
    "aws:cloudsearch/domainServiceAccessPolicy:DomainServiceAccessPolicy": {"accessPolicy": Kind.RESOURCE},
    "aws:cloudwatch/logDeliveryDestinationPolicy:LogDeliveryDestinationPolicy": {"deliveryDestinationPolicy": Kind.RESOURCE},
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": {"accessPolicy": Kind.RESOURCE},
    "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate": {"repositoryPolicy": Kind.RESOURCE},
    "aws:elasticsearch/domain:Domain": {"accessPolicies": Kind.RESOURCE},
    "aws:elasticsearch/domainPolicy:DomainPolicy": {"accessPolicies": Kind.RESOURCE},
    "aws:fsx/s3AccessPointAttachment:S3AccessPointAttachment": {"s3AccessPoint.policy": Kind.RESOURCE},
    "aws:glacier/vault:Vault": {"accessPolicy": Kind.RESOURCE},
    "aws:opensearch/domain:Domain": {"accessPolicies": Kind.RESOURCE},
    "aws:opensearch/domainPolicy:DomainPolicy": {"accessPolicies": Kind.RESOURCE},
    "aws:odb/network:Network": dict.fromkeys(_ENDPOINTS_OF_ODB, Kind.RESOURCE),
    "aws:organizations/policy:Policy": {"content": Kind.RESOURCE},
    "aws:organizations/resourcePolicy:ResourcePolicy": {"content": Kind.RESOURCE},
    "aws:rolesanywhere/profile:Profile": {"sessionPolicy": Kind.IDENTITY},
    "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy": {"details.policy": Kind.RESOURCE},
    "aws:s3tables/tableBucketPolicy:TableBucketPolicy": {"resourcePolicy": Kind.RESOURCE},
    "aws:s3tables/tablePolicy:TablePolicy": {"resourcePolicy": Kind.RESOURCE},
    "aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy": {"resourcePolicy": Kind.RESOURCE},
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": {"inlinePolicy": Kind.IDENTITY},
}
"""The documents of each resource type. `*` in a path is each item of a list."""

FILLED_IN: Final = frozenset(
    (
        *("aws:apigateway/domainName:DomainName", "aws:apigateway/restApi:RestApi", "aws:ec2/vpcEndpoint:VpcEndpoint"),
        *("aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", "aws:elasticsearch/domain:Domain", "aws:kms/externalKey:ExternalKey"),
        *("aws:kms/key:Key", "aws:kms/replicaExternalKey:ReplicaExternalKey", "aws:kms/replicaKey:ReplicaKey"),
        *(
            "aws:odb/network:Network",
            "aws:opensearch/domain:Domain",
            "aws:s3/accessPoint:AccessPoint",
            "aws:s3/bucket:Bucket",
            "aws:s3/bucketV2:BucketV2",
        ),
        *("aws:secretsmanager/secret:Secret", "aws:sns/topic:Topic", "aws:sqs/queue:Queue", ROLE),
    )
)
"""Types whose documents are outputs as well, which are unknown before deployment when the program sets none."""

# Other types of an organization's policies are no IAM documents.
_CONTROL_POLICIES: Final = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")


def places(resource: Resource) -> Iterator[tuple[str, Kind]]:
    """The paths of a resource's documents that are set or unknown."""
    if "type" in resource.raw and resource.type == "aws:organizations/policy:Policy":
        kind = resource.raw["type"]
        if kind is UNKNOWN or kind not in _CONTROL_POLICIES:
            return
    for path, kind in DOCUMENTS[resource.type].items():
        head, star, rest = path.partition(".*.")
        if not star or resource.is_unknown(head):
            yield from ((each, kind) for each in (head,) if resource.is_unknown(each) or resource.get(each) not in (None, ""))
            continue
        for index in range(len(resource.get(head, ()))):
            each = f"{head}.{index}.{rest}"
            if resource.is_unknown(each) or resource.get(each) not in (None, ""):
                yield each, kind
