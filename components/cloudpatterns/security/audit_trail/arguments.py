"""The arguments of ``AuditTrail``."""

from collections.abc import Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches, Unique
from cloudpatterns.core.vocabulary import AlarmTopicArns, BucketArn, KmsKeyArn, LogRetentionDays, ShortNames, Tags
from cloudpatterns.security.audit_trail.watches import WATCHES
from cloudpatterns.storage import Transition

DETECTOR_FEATURES = ("S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS")
"""Protection plans of GuardDuty that a new detector has switched on."""
STANDARDS: Mapping[str, str] = {
    "foundational": "aws-foundational-security-best-practices/v/1.0.0",
    "cis": "cis-aws-foundations-benchmark/v/3.0.0",
    "nist-800-53": "nist-800-53/v/5.0.0",
    "nist-800-171": "nist-800-171/v/2.0.0",
    "pci-dss": "pci-dss/v/4.0.1",
    "tagging": "aws-resource-tagging-standard/v/1.0.0",
}
"""Standards of Security Hub by the name that a user gives, as the end of their ARNs."""
RULES: Mapping[str, str] = {
    "trail-validated": "CLOUD_TRAIL_LOG_FILE_VALIDATION_ENABLED",
    "root-keys": "IAM_ROOT_ACCESS_KEY_CHECK",
    "root-mfa": "ROOT_ACCOUNT_MFA_ENABLED",
    "user-mfa": "MFA_ENABLED_FOR_IAM_CONSOLE_ACCESS",
    "admin-policies": "IAM_POLICY_NO_STATEMENTS_WITH_ADMIN_ACCESS",
    "public-reads": "S3_BUCKET_PUBLIC_READ_PROHIBITED",
    "public-writes": "S3_BUCKET_PUBLIC_WRITE_PROHIBITED",
    "public-databases": "RDS_INSTANCE_PUBLIC_ACCESS_CHECK",
    "plain-databases": "RDS_STORAGE_ENCRYPTED",
    "plain-volumes": "ENCRYPTED_VOLUMES",
    "open-ssh": "INCOMING_SSH_DISABLED",
}
"""Managed rules of AWS Config by default: what is wrong in any account.

https://docs.aws.amazon.com/config/latest/developerguide/managed-rules-by-aws-config.html
"""

_AccountId = Annotated[str, Matches(r"\d{12}", "an account's 12 digits such as 210987654321")]


class AuditDataEvents(TypedDict):
    """Events of a type of resource (reads and writes of objects, calls of functions), beside those of management."""

    resource_type: Annotated[str, Matches(r"AWS::\w+::\w+", "a type of CloudTrail's data events such as AWS::S3::Object")]
    """Type as CloudTrail names it, such as ``AWS::S3::Object``, ``AWS::Lambda::Function`` and ``AWS::DynamoDB::Table``."""
    arn_prefixes: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"arn:[^:]+:.+", "the beginning of ARNs such as arn:aws:s3:::invoices/")]],
            Unique(),
            Field(default=[], max_length=100),
        ]
    ]
    """Beginnings of the ARNs (``arn:aws:s3:::invoices/``); without any, all resources of the type, but not the bucket of the trail."""


class ExistingTrail(TypedDict):
    """A trail that is there, such as that of the organization."""

    trail_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:cloudtrail:[^:]+:\d{12}:trail/.+",
            "the ARN of a trail such as arn:aws:cloudtrail:eu-west-1:123456789012:trail/audit",
        ),
    ]
    """The trail; it is not changed."""
    log_group_name: pulumi.Input[str]
    """Log group of this account and Region that receives its events, which the alarms read."""


class AuditRule(TypedDict):
    """A managed rule of AWS Config."""

    identifier: Annotated[str, Matches("[A-Z][A-Z0-9_]*", "the identifier of a managed rule such as ENCRYPTED_VOLUMES")]
    """The rule's identifier, such as ``ENCRYPTED_VOLUMES``."""
    parameters: NotRequired[Annotated[dict[str, str], Field(default={})]]
    """Parameters of the rule, as texts: ``{"maxAccessKeyAge": "90"}``."""


class AuditRecorder(TypedDict):
    """AWS Config: what each resource looked like at any time, and rules about that. One for an account and Region."""

    existing_recorder_name: NotRequired[Annotated[str, Matches(r"[^:]{1,256}", "the name of a recorder, not its ARN, such as default")]]
    """A recorder to adopt, which runs: only the rules are created. Default: a new recorder, with a bucket of its own."""
    global_types: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether users, groups, roles and policies of IAM are recorded: in one Region of an account, or each is paid for several times."""
    frequency: NotRequired[Annotated[str, Choice("CONTINUOUS", "DAILY"), Field(default="CONTINUOUS")]]
    """``CONTINUOUS`` (each change) or ``DAILY`` (the last change of a day, which costs less where much changes)."""
    rules: NotRequired[Annotated[dict[str, AuditRule], ShortNames]]
    """Rules by name. Default: eleven about what is wrong in any account: the trail, root user, console users without MFA, policies that
    allow everything, public buckets and databases, disks without encryption, SSH from everywhere."""


class AuditDetector(TypedDict):
    """GuardDuty: findings about credentials and resources that behave as if they were stolen. One for an account and Region."""

    existing_detector_id: NotRequired[Annotated[str, Matches("[0-9a-f]{32}", "the id of a detector, 32 digits and letters a to f")]]
    """A detector to adopt: nothing of it is changed, and its findings are reported. Default: a new detector."""
    features: NotRequired[
        Annotated[list[Annotated[str, Choice(*DETECTOR_FEATURES)]], Unique(), Field(default=list(DETECTOR_FEATURES), max_length=5)]
    ]
    """Protection plans that are on; the others are switched off. Each is paid for by what it reads."""
    runtime_monitoring: NotRequired[bool]
    """Whether GuardDuty installs and reads its agent on instances, in ECS on Fargate and in EKS. Default: left as it is, which is off in a
    new detector."""
    alarm_severity: NotRequired[Annotated[float, Field(default=7, ge=1, le=10)]]
    """Severity from which a finding is reported: 7 is high, 9 critical."""


class AuditHub(TypedDict):
    """Security Hub CSPM: checks of standards, and the findings of all services in one place. One for an account and Region."""

    existing_hub_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:securityhub:[^:]+:\d{12}:hub/default",
                "the ARN of a hub such as arn:aws:securityhub:eu-west-1:123456789012:hub/default",
            ),
        ]
    ]
    """A hub to adopt: only the subscriptions of standards are created. Default: a new hub."""
    standards: NotRequired[
        Annotated[list[Annotated[str, Choice(*STANDARDS)]], Unique(), Field(default=["foundational"], max_length=len(STANDARDS))]
    ]
    """Standards that are checked. With an adopted hub, those that it does not have yet."""


class AuditInspector(TypedDict):
    """Inspector: known vulnerabilities of instances, images and functions. Once for an account and Region: leave it out where it is on."""

    account_ids: NotRequired[Annotated[list[_AccountId], Unique(), Field(default=[], max_length=100)]]
    """Accounts, where the stack's own is the delegated administrator; without any, the stack's own alone."""
    resource_types: NotRequired[
        Annotated[
            list[Annotated[str, Choice("EC2", "ECR", "LAMBDA", "LAMBDA_CODE")]],
            Unique(),
            Field(default=["EC2", "ECR", "LAMBDA", "LAMBDA_CODE"], min_length=1),
        ]
    ]
    """What is scanned."""


class AuditAnalyzer(TypedDict):
    """IAM Access Analyzer: what is open to those outside, and rights that nobody uses. Leave it out where an analyzer is there."""

    scope: NotRequired[Annotated[str, Choice("ACCOUNT", "ORGANIZATION"), Field(default="ACCOUNT")]]
    """``ACCOUNT`` (whoever is outside the account) or ``ORGANIZATION`` (whoever is outside the organization; in its management account or
    that of the delegated administrator)."""
    unused_access_days: NotRequired[Annotated[int, Field(ge=1, le=365)]]
    """Reports rights, keys and passwords that nobody used for that many days, paid for by user and role. Default: no such analyzer."""


class AuditTrailOptions(TypedDict):
    """What a user of ``AuditTrail`` tunes."""

    retention_days: NotRequired[Annotated[int, Field(default=365, ge=1, le=36_500)]]
    """Days that the buckets keep log files and configurations; log files are locked as long. Raising it holds for new files alone."""
    lock_mode: NotRequired[Annotated[str, Choice("GOVERNANCE", "COMPLIANCE"), Field(default="GOVERNANCE")]]
    """With ``GOVERNANCE`` those with the right ``s3:BypassGovernanceRetention`` can delete log files; with ``COMPLIANCE`` nobody can, the
    root user included, and ``destroy`` leaves bucket and key behind. It cannot be taken back: try ``GOVERNANCE`` first."""
    transitions: NotRequired[Annotated[list[Transition], Field(default=[])]]
    """Moves of log files and configurations to cheaper storage classes."""
    data_events: NotRequired[Annotated[list[AuditDataEvents], Field(default=[], max_length=50)]]
    """Data events that are recorded besides; each is paid for."""
    insights: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether CloudTrail looks for unusual rates of calls and errors; paid for by event."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group, which the alarms read, keeps events."""
    watches: NotRequired[
        Annotated[
            list[Annotated[str, Choice(*WATCHES)]],
            Unique(),
            Field(default=["key-deletion", "organization", "sign-in-without-mfa", "users"], max_length=len(WATCHES)),
        ]
    ]
    """More events that raise an alarm. Those on what deployments change all the time (``firewalls``, ``iam``, ``network``) are for accounts
    that only pipelines change."""
    alarm_hours_without_events: NotRequired[Annotated[int, Field(default=3, ge=1, le=24)]]
    """Hours without any event after which an alarm is raised: the trail was switched off, or cannot deliver. A new trail is in that
    state for its first minutes."""
    recorder: NotRequired[AuditRecorder]
    """AWS Config. Default: not created, and without rules."""
    detector: NotRequired[AuditDetector]
    """GuardDuty. Default: not created."""
    hub: NotRequired[AuditHub]
    """Security Hub CSPM; needs ``recorder``. Default: not created."""
    inspector: NotRequired[AuditInspector]
    """Inspector. Default: not switched on."""
    analyzer: NotRequired[AuditAnalyzer]
    """IAM Access Analyzer. Default: not created."""


class AuditTrailArgs(AuditTrailOptions):
    """Arguments of ``AuditTrail``: its options, and where it stands."""

    organization_id: NotRequired[Annotated[str, Matches("o-[a-z0-9]{10,32}", "the id of an organization such as o-exampleorgid")]]
    """Makes it the trail of all accounts of the organization; the stack's account is its management account. Default: a trail of the
    stack's account."""
    existing_trail: NotRequired[ExistingTrail]
    """A trail to adopt: alarms and the other services are created. Default: a new trail."""
    existing_trail_bucket_arn: NotRequired[BucketArn]
    """Bucket of the log files, such as one of an account for logs, with ``kms_key_arn``; it has a lock of its own, and a policy with the
    statements of ``trail_bucket_policy``. Default: a new bucket with object lock."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of log files, log group and configurations in this Region; its policy lets ``cloudtrail.amazonaws.com`` and the Region's
    CloudWatch Logs use it. Default: a new customer managed key."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of new buckets. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics that alarms and rules notify; their policies let ``cloudwatch.amazonaws.com`` and ``events.amazonaws.com`` publish.
    Without any, there are no alarms and rules."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
