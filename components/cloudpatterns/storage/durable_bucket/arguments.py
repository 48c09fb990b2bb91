"""The arguments of ``DurableBucket``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Matches
from cloudpatterns.core.vocabulary import Conditions, KmsKeyArn, Region, Tags

STORAGE_CLASSES = ("STANDARD_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE")
"""From warm to cold: a lifecycle moves objects in this direction only. ONEZONE_IA is left out: it is not durable."""


class LogWriter(TypedDict):
    """A service that may write logs into a bucket of the kind ``log_target``."""

    service: Annotated[str, Choice("server_access", "load_balancer", "log_delivery")]
    """``server_access`` (S3 server access logs), ``load_balancer`` (access, connection and health check logs of application load
    balancers) or ``log_delivery`` (VPC flow logs, network load balancers and others that deliver through CloudWatch Logs)."""
    prefix: NotRequired[
        Annotated[str, Field(default=""), Matches("[^/].*[^/]|[^/]?", "a prefix without leading or trailing slash such as logs/web")]
    ]
    """The prefix that is set at the source of the logs."""
    account_ids: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Accounts whose logs are accepted; without any, the bucket's own. All services but ``server_access`` need them."""


class BucketStatement(TypedDict):
    """A statement of the bucket policy, beside those of the component."""

    actions: Annotated[list[str], Field(min_length=1)]
    """IAM actions (``s3:GetObject``)."""
    principals: Annotated[dict[str, list[pulumi.Input[str]]], Field(min_length=1)]
    """Principals by type (``Service``, ``AWS``)."""
    sid: NotRequired[str]
    """The statement's id. Default: no id."""
    effect: NotRequired[Annotated[str, Choice("Allow", "Deny"), Field(default="Allow")]]
    """Whether the statement allows or denies."""
    paths: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Object keys (``images/*``) that the statement is about; without any, the bucket itself and all its objects."""
    conditions: NotRequired[Conditions]
    """IAM conditions: operator to key to accepted values."""


class Transition(TypedDict):
    """A move of current objects to a cheaper storage class."""

    storage_class: Annotated[str, Choice(*STORAGE_CLASSES)]
    """Where the objects move."""
    days: Annotated[int, Field(ge=1)]
    """Days after an object's creation. STANDARD_IA takes at least 30."""


class ObjectLock(TypedDict):
    """The default retention of new objects: until it ends, no version can be deleted or overwritten."""

    mode: Annotated[str, Choice("GOVERNANCE", "COMPLIANCE")]
    """With ``GOVERNANCE`` some users may lift the lock; with ``COMPLIANCE`` nobody can, the root user included, and
    ``destroy`` leaves the bucket behind."""
    retention_days: Annotated[int, Field(ge=1, le=36500)]
    """Days that a new object stays locked."""


class Replication(TypedDict):
    """A replica of a bucket in another Region: versioned, encrypted, logged and, where the source is, locked."""

    region: Region
    """The replica's Region."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts the replica, in its Region. Default: a new customer managed key there."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the replica's server access logs, in its Region. Default: a new log target there."""
    statements: NotRequired[Annotated[list[BucketStatement], Field(default=[])]]
    """More statements of the replica's policy."""


class DurableBucketArgs(TypedDict):
    """Arguments of ``DurableBucket``."""

    kind: Annotated[str, Choice("data", "log_target")]
    """Whether the bucket keeps data, or receives the logs of other services."""
    existing_bucket_arn: NotRequired[pulumi.Input[str]]
    """A bucket to adopt: nothing is created or changed, and only ``kind`` and ``kms_key_arn`` go with it. Default: a new bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts the objects of a ``data`` bucket. Default: a new customer managed key."""
    access_logging: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether requests to a ``data`` bucket are logged; those to a log target never are."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the server access logs of a ``data`` bucket, under ``s3/``: same account and Region, writable for
    logging.s3.amazonaws.com. Default: a new log target."""
    log_writers: NotRequired[Annotated[list[LogWriter], Field(default=[])]]
    """The services that write into a ``log_target``; it needs one unless ``statements`` name them."""
    statements: NotRequired[Annotated[list[BucketStatement], Field(default=[])]]
    """More statements of the bucket policy."""
    retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days after which objects are deleted. Default: 365 for a ``log_target``; ``data`` is kept for ever."""
    noncurrent_retention_days: NotRequired[Annotated[int, Field(ge=1)]]
    """Days that an overwritten or deleted version is kept. Default: 90; 7 for a ``log_target``, so that logs are gone soon after
    ``retention_days``."""
    abort_multipart_upload_days: NotRequired[Annotated[int, Field(default=7, ge=1)]]
    """Days after which an unfinished upload is discarded."""
    transitions: NotRequired[Annotated[list[Transition], Field(default=[])]]
    """Moves to cheaper storage classes, from warm to cold."""
    small_object_transitions: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether objects below 128 KiB move as well, to the classes ``GLACIER`` and ``DEEP_ARCHIVE``. Each is stored there with 40 KB more,
    which often costs more than it saves."""
    object_lock: NotRequired[ObjectLock]
    """Write once, read many, for a ``data`` bucket; the replica is locked too. A lock cannot be removed later. Default: no lock."""
    replication: NotRequired[Replication]
    """A copy of a ``data`` bucket in another Region. Default: no copy."""
    region: NotRequired[Region]
    """The Region of the bucket. Default: the provider's."""
    force_destroy: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether destroying the stack deletes the objects as well; otherwise a bucket with objects cannot be destroyed."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
