"""Resource policies: no document that names principals allows everyone.

SQS, SNS, event buses, KMS keys, Lambda functions and the trust of roles have controls of their own, in other concerns, by the same
evaluation: a statement is open when its principal is `*` or NotPrincipal, no condition surely confines it to fixed callers, accounts,
organizations, VPCs or networks, and no Deny closes it again. `docs/resource-policies.md` lists every type that takes a document.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cloudpatterns_policies.controls._public_access import not_public
from cloudpatterns_policies.core import (
    UNKNOWN,
    Control,
    Fail,
    NotApplicable,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

# "We strongly recommend that you do not use a wildcard in Principal with an Allow effect, unless you intend public or anonymous access."
_PRINCIPAL: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous"
_S3: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/s3-controls.html"
_DOCS: Final = "https://docs.aws.amazon.com"

_DOMAINS: Final = ("aws:opensearch/domain:Domain", "aws:elasticsearch/domain:Domain")
_DOMAIN_POLICIES: Final = ("aws:opensearch/domainPolicy:DomainPolicy", "aws:elasticsearch/domainPolicy:DomainPolicy")
_REST_API: Final = "aws:apigateway/restApi:RestApi"
_REST_POLICY: Final = "aws:apigateway/restApiPolicy:RestApiPolicy"
_DOMAIN_NAME: Final = "aws:apigateway/domainName:DomainName"

# What everyone may do with a public registry: https://docs.aws.amazon.com/AmazonECR/latest/public/public-repository-policies.html
_PULLS: Final = ("ecr-public:BatchCheckLayerAvailability", "ecr-public:GetDownloadUrlForLayer", "ecr-public:Describe*", "ecr-public:List*")


def _policy(
    id: str,
    title: str,
    types: Sequence[str],
    why: str,
    *,
    path: str = "policy",
    severity: Severity = Severity.CRITICAL,
    url: str = _PRINCIPAL,
    frameworks: Mapping[str, tuple[str, ...]] | None = None,
    partial: Mapping[str, str] | None = None,
    harmless: Sequence[str] = (),
) -> Control:
    """A control that no document of some types allows everyone."""

    def check(resource: Resource) -> Iterator[Verdict]:
        return not_public(resource, harmless=harmless)

    return control(
        id=id,
        title=title,
        severity=severity,
        types=tuple(types),
        why=why,
        remediation=_remedy(path),
        url=url,
        frameworks=frameworks,
        partial=partial,
    )(check)


def _remedy(path: str) -> str:
    return f"Name accounts, roles or services as Principal in {path}, or add a condition such as StringEquals aws:PrincipalOrgID."


s3_policy_not_public = _policy(
    "s3-policy-not-public",
    "S3 bucket and access point policies allow only known callers",
    (
        *("aws:s3/bucketPolicy:BucketPolicy", "aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2", "aws:s3/accessPoint:AccessPoint"),
        *("aws:s3control/bucketPolicy:BucketPolicy", "aws:s3control/accessPointPolicy:AccessPointPolicy"),
        "aws:s3control/objectLambdaAccessPointPolicy:ObjectLambdaAccessPointPolicy",
        "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy",
        "aws:fsx/s3AccessPointAttachment:S3AccessPointAttachment",
    ),
    "Anyone on the internet could read, replace or delete objects; a public access block that is lifted later no longer stops them.",
    url=f"{_S3}#s3-2",
    frameworks={"FSBP": ("S3.2", "S3.3"), "Checkov": ("CKV_AWS_70",)},
    partial={
        "S3.2": "ACLs, which s3-acl-not-public checks, and the public access block of the account",
        "S3.3": "ACLs, which s3-acl-not-public checks, and the public access block of the account",
    },
)

s3_tables_policy_not_public = _policy(
    "s3-tables-policy-not-public",
    "S3 table bucket and table policies allow only known callers",
    ("aws:s3tables/tableBucketPolicy:TableBucketPolicy", "aws:s3tables/tablePolicy:TablePolicy"),
    "Every AWS account could query or change the tables.",
    path="resource_policy",
)

s3_vectors_policy_not_public = _policy(
    "s3-vectors-policy-not-public",
    "S3 vector bucket policies allow only known callers",
    ("aws:s3/vectorsVectorBucketPolicy:VectorsVectorBucketPolicy",),
    "Every AWS account could read or change the vectors, which carry the meaning of the documents that they were computed from.",
)

s3_access_grants_policy_not_public = _policy(
    "s3-access-grants-policy-not-public",
    "S3 Access Grants policies allow only known callers",
    ("aws:s3control/accessGrantsInstanceResourcePolicy:AccessGrantsInstanceResourcePolicy",),
    "Every AWS account could ask the instance for credentials to your buckets.",
)

secret_policy_not_public = _policy(
    "secret-policy-not-public",
    "Secret policies allow only known callers",
    ("aws:secretsmanager/secret:Secret", "aws:secretsmanager/secretPolicy:SecretPolicy"),
    "Every AWS account could read the secret where its key allows it, or replace or delete it.",
    url=f"{_DOCS}/secretsmanager/latest/apireference/API_PutResourcePolicy.html",
)

ecr_policy_not_public = _policy(
    "ecr-policy-not-public",
    "ECR repository and registry policies allow only known callers",
    (
        *("aws:ecr/repositoryPolicy:RepositoryPolicy", "aws:ecr/registryPolicy:RegistryPolicy"),
        "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate",
    ),
    "Every AWS account could pull images with the code and secrets in them, or push images that you then run.",
    frameworks={"Checkov": ("CKV_AWS_32",)},
)

ecr_public_push_not_public = _policy(
    "ecr-public-push-not-public",
    "ECR Public repository policies allow everyone to pull at most",
    ("aws:ecrpublic/repositoryPolicy:RepositoryPolicy",),
    "Every AWS account could push images under your name to all who trust it.",
    harmless=_PULLS,
)

cloudsearch_policy_not_public = _policy(
    "cloudsearch-policy-not-public",
    "CloudSearch access policies allow only known callers",
    ("aws:cloudsearch/domainServiceAccessPolicy:DomainServiceAccessPolicy",),
    "The endpoints are on the internet: anyone could search the documents, or replace them.",
    path="access_policy",
)

efs_policy_not_public = _policy(
    "efs-policy-not-public",
    "File system policies allow only known callers",
    ("aws:efs/fileSystemPolicy:FileSystemPolicy", "aws:s3/filesFileSystemPolicy:FilesFileSystemPolicy"),
    "Every client that reaches a mount target, also from a peered network, could mount the file system, even as root.",
    url=f"{_DOCS}/efs/latest/ug/access-control-block-public-access.html",
)

backup_vault_policy_not_public = _policy(
    "backup-vault-policy-not-public",
    "Backup vault policies allow only known callers",
    ("aws:backup/vaultPolicy:VaultPolicy",),
    "Every AWS account could copy backups out, or delete them before the data is held to ransom.",
)

glacier_vault_policy_not_public = _policy(
    "glacier-vault-policy-not-public",
    "Glacier vault policies allow only known callers",
    ("aws:glacier/vault:Vault", "aws:glacier/vaultLock:VaultLock"),
    "Every AWS account could read or delete archives.",
    path="access_policy or policy",
    frameworks={"Checkov": ("CKV_AWS_167",)},
)

logs_policy_not_public = _policy(
    "logs-policy-not-public",
    "CloudWatch Logs policies allow only known callers",
    (
        *("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy"),
        "aws:cloudwatch/logDeliveryDestinationPolicy:LogDeliveryDestinationPolicy",
    ),
    "Every AWS account could write forged events, which hide an attack and cost money.",
    path="policy_document or access_policy",
    severity=Severity.HIGH,
)

schema_registry_policy_not_public = _policy(
    "schema-registry-policy-not-public",
    "Schema registry policies allow only known callers",
    ("aws:schemas/registryPolicy:RegistryPolicy",),
    "Every AWS account could read the schemas of your events, or change those that consumers generate code from.",
    severity=Severity.HIGH,
)

kinesis_policy_not_public = _policy(
    "kinesis-policy-not-public",
    "Kinesis policies allow only known callers",
    ("aws:kinesis/resourcePolicy:ResourcePolicy",),
    "Every AWS account could read the stream, or write records that consumers trust.",
)

msk_policy_not_public = _policy(
    "msk-policy-not-public",
    "Kafka cluster policies allow only known callers",
    ("aws:msk/clusterPolicy:ClusterPolicy",),
    "Every AWS account could connect its VPC to the cluster.",
)

dynamodb_policy_not_public = _policy(
    "dynamodb-policy-not-public",
    "DynamoDB policies allow only known callers",
    ("aws:dynamodb/resourcePolicy:ResourcePolicy",),
    "Every AWS account could read or change the items of the table, or read its stream.",
)

dsql_policy_not_public = _policy(
    "dsql-policy-not-public",
    "Aurora DSQL cluster policies allow only known callers",
    ("aws:dsql/clusterPolicy:ClusterPolicy",),
    "The endpoint is on the internet: every AWS account could connect to the cluster.",
)

redshift_policy_not_public = _policy(
    "redshift-policy-not-public",
    "Redshift policies allow only known callers",
    ("aws:redshift/resourcePolicy:ResourcePolicy", "aws:redshiftserverless/resourcePolicy:ResourcePolicy"),
    "Every AWS account could restore snapshots, or write to the warehouse by an integration.",
)

glue_policy_not_public = _policy(
    "glue-policy-not-public",
    "Glue catalog policies allow only known callers",
    ("aws:glue/resourcePolicy:ResourcePolicy",),
    "Every AWS account could read or change the catalog of all data in the region.",
)

codeartifact_policy_not_public = _policy(
    "codeartifact-policy-not-public",
    "CodeArtifact policies allow only known callers",
    (
        "aws:codeartifact/domainPermissions:DomainPermissions",
        "aws:codeartifact/repositoryPermissionsPolicy:RepositoryPermissionsPolicy",
    ),
    "Every AWS account could download your packages, or publish versions that your builds install.",
    path="policy_document",
)

codebuild_policy_not_public = _policy(
    "codebuild-policy-not-public",
    "CodeBuild policies allow only known callers",
    ("aws:codebuild/resourcePolicy:ResourcePolicy",),
    "Every AWS account could read the builds of the project, and the values in their logs and environment.",
    severity=Severity.HIGH,
)

network_firewall_policy_not_public = _policy(
    "network-firewall-policy-not-public",
    "Network Firewall policies allow only known callers",
    ("aws:networkfirewall/resourcePolicy:ResourcePolicy",),
    "Every AWS account could use the rule groups, and learn what the firewall lets through.",
    severity=Severity.HIGH,
)

lattice_policy_not_public = _policy(
    "lattice-policy-not-public",
    "VPC Lattice policies allow only known callers",
    ("aws:vpclattice/authPolicy:AuthPolicy", "aws:vpclattice/resourcePolicy:ResourcePolicy"),
    "Every client of an associated network could call the services, also without credentials, and every account could associate its own.",
    severity=Severity.HIGH,
    url=f"{_DOCS}/vpc-lattice/latest/ug/auth-policies.html",
)

ses_policy_not_public = _policy(
    "ses-policy-not-public",
    "SES identity policies allow only known senders",
    ("aws:ses/identityPolicy:IdentityPolicy", "aws:sesv2/emailIdentityPolicy:EmailIdentityPolicy"),
    "Every AWS account could send mail from your domain, signed as yours.",
)

sms_policy_not_public = _policy(
    "sms-policy-not-public",
    "SMS and voice policies allow only known senders",
    ("aws:pinpoint/smsvoicev2ResourcePolicy:Smsvoicev2ResourcePolicy",),
    "Every AWS account could send messages from your numbers, at your cost.",
)

private_ca_policy_not_public = _policy(
    "private-ca-policy-not-public",
    "Private CA policies allow only known callers",
    ("aws:acmpca/policy:Policy",),
    "Every AWS account could issue certificates that your clients trust.",
)

mediastore_policy_not_public = _policy(
    "mediastore-policy-not-public",
    "MediaStore container policies allow only known callers",
    ("aws:mediastore/containerPolicy:ContainerPolicy",),
    "Anyone could read the media past the distribution in front, or replace them.",
    severity=Severity.HIGH,
)

xray_policy_not_public = _policy(
    "xray-policy-not-public",
    "X-Ray policies allow only known callers",
    ("aws:xray/resourcePolicy:ResourcePolicy",),
    "Every AWS account could write forged traces.",
    path="policy_document",
    severity=Severity.HIGH,
)

prometheus_policy_not_public = _policy(
    "prometheus-policy-not-public",
    "Prometheus workspace policies allow only known callers",
    ("aws:amp/resourcePolicy:ResourcePolicy",),
    "Every AWS account could query the metrics, or write series that trigger or silence alerts.",
    path="policy_document",
    severity=Severity.HIGH,
)

oam_sink_policy_not_public = _policy(
    "oam-sink-policy-not-public",
    "Monitoring sink policies allow only known accounts",
    ("aws:oam/sinkPolicy:SinkPolicy",),
    "Every AWS account could link its metrics, logs and traces to the monitoring account.",
    severity=Severity.HIGH,
)

ingestion_policy_not_public = _policy(
    "ingestion-policy-not-public",
    "OpenSearch Ingestion policies allow only known callers",
    ("aws:opensearchingest/resourcePolicy:ResourcePolicy",),
    "Every AWS account could create endpoints to the pipeline and feed it.",
    severity=Severity.HIGH,
)

sagemaker_models_policy_not_public = _policy(
    "sagemaker-models-policy-not-public",
    "SageMaker model group policies allow only known callers",
    ("aws:sagemaker/modelPackageGroupPolicy:ModelPackageGroupPolicy",),
    "Every AWS account could copy your models, or register one that you deploy.",
    path="resource_policy",
)

agentcore_policy_not_public = _policy(
    "agentcore-policy-not-public",
    "Bedrock AgentCore policies allow only known callers",
    ("aws:bedrock/agentcoreResourcePolicy:AgentcoreResourcePolicy",),
    "Every AWS account could run the agent, with its tools, permissions and memory, at your cost.",
)

organization_policy_not_public = _policy(
    "organization-policy-not-public",
    "The organization's resource policy delegates only to known accounts",
    ("aws:organizations/resourcePolicy:ResourcePolicy",),
    "Every account that the organization has or invites could manage what the policy delegates.",
    path="content",
)


@stack_control(
    id="opensearch-policy-not-public",
    title="OpenSearch access policies allow only known callers",
    severity=Severity.CRITICAL,
    types=(*_DOMAINS, *_DOMAIN_POLICIES),
    why="Outside a VPC and without fine-grained access control, anyone on the internet could read, change and delete all indexes.",
    remediation="Name roles as Principal in access_policies, set vpc_options, or enable advanced_security_options with a master user.",
    url=f"{_DOCS}/opensearch-service/latest/developerguide/ac.html",
)
def opensearch_policy_not_public(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if read(resource, "accessPolicies", computed=True) is None:
        yield NotApplicable("sets no policy here")
        return
    verdicts = list(not_public(resource))
    # What else keeps people out matters only for a document that is open.
    if not any(isinstance(verdict, Fail | Unknown) for verdict in verdicts):
        return
    domains = [resource] if resource.type in _DOMAINS else stack.refs(resource, "domainName", *_DOMAINS)
    for domain in domains:
        guard = _guard(domain)
        if guard is not None:
            yield guard
            return
    yield from verdicts


def _guard(domain: Resource) -> NotApplicable | Unknown | None:
    """What keeps people out of a domain whose policy is open, as AWS recommends in both cases.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html and vpc.html#vpc-security of the same guide.
    """
    if read(domain, "vpcOptions", computed=True):
        return NotApplicable(f"is in a VPC, where security groups admit the clients of {domain.name}")
    options = "advancedSecurityOptions"
    enabled, anonymous = (read(domain, f"{options}.{name}", computed=True) for name in ("enabled", "anonymousAuthEnabled"))
    if enabled is UNKNOWN or anonymous is UNKNOWN:
        return Unknown(f"{options} of {domain.name}")
    if enabled and not anonymous:
        return NotApplicable(f"has fine-grained access control, which authenticates the clients of {domain.name}")
    return None


@stack_control(
    id="api-private-policy-not-public",
    title="Policies of private APIs allow only known VPC endpoints or callers",
    severity=Severity.HIGH,
    types=(_REST_API, _REST_POLICY, _DOMAIN_NAME),
    why="A private API is reachable through every VPC endpoint of every AWS account: only its policy says whose.",
    remediation="Add the condition StringEquals aws:SourceVpce with your endpoints to the statement in policy.",
    url=f"{_DOCS}/apigateway/latest/developerguide/apigateway-resource-policies-examples.html",
)
def api_private_policy_not_public(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if read(resource, "policy", computed=True) is None:
        yield NotApplicable("sets no policy here")
        return
    holders = [resource] if resource.type != _REST_POLICY else stack.refs(resource, "restApiId", _REST_API)
    kinds = [_endpoint_types(holder) for holder in holders]
    if any(kind is not UNKNOWN and kind == "PRIVATE" for kind in kinds):
        yield from not_public(resource)
    elif any(kind is UNKNOWN for kind in kinds):
        yield Unknown("endpointConfiguration.types")
    else:
        yield NotApplicable("is not for a private API; api-method-authorized judges the policy of a public one")


def _endpoint_types(api: Resource) -> Any:
    types = read(api, "endpointConfiguration.types", computed=True)
    if types is UNKNOWN or isinstance(types, str):
        return types
    return next(iter(types or ()), None)
