"""AWS services that write logs into a bucket, and the bucket policy statements that each of them needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from cloudpatterns.core import Statement, partition_of
from cloudpatterns.storage.durable_bucket.arguments import LogWriter

# The account that owns the bucket, as IAM resolves it in the policy itself: a bucket's ARN has no account, and no data source
# is called. AWS's own example of the comparison:
# https://docs.aws.amazon.com/singlesignon/latest/userguide/baseline-KMS-key-policy.html
_OWN_ACCOUNT = "${aws:ResourceAccount}"


def writer_statements(bucket_arn: pulumi.Output[str], writers: Sequence[LogWriter]) -> list[Statement]:
    """The statements that let the services write into the bucket."""
    return [statement for writer in writers for statement in _STATEMENTS[writer["service"]](bucket_arn, writer)]


def _server_access(bucket_arn: pulumi.Output[str], writer: LogWriter) -> list[Statement]:
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html#grant-log-delivery-permissions-general
    files = [pulumi.Output.concat(bucket_arn, "/", _directory(writer), "*")]
    return [_put("logging.s3.amazonaws.com", files, {"StringEquals": {"aws:SourceAccount": writer["account_ids"] or [_OWN_ACCOUNT]}})]


def _load_balancer(bucket_arn: pulumi.Output[str], writer: LogWriter) -> list[Statement]:
    # One principal for all Regions: the accounts that Regions from before August 2022 used are the legacy form. The account in the path
    # keeps others out; a condition on the source is not part of the documented policy.
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html#attach-bucket-policy
    return [_put("logdelivery.elasticloadbalancing.amazonaws.com", _account_paths(bucket_arn, writer), {})]


def _log_delivery(bucket_arn: pulumi.Output[str], writer: LogWriter) -> list[Statement]:
    # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-permissions.html
    service, accounts = "delivery.logs.amazonaws.com", writer["account_ids"]
    sources = [pulumi.Output.concat("arn:", partition_of(bucket_arn), ":logs:*:", account, ":*") for account in accounts]
    source = {"StringEquals": {"aws:SourceAccount": accounts}, "ArnLike": {"aws:SourceArn": sources}}
    owned = {**source, "StringEquals": {**source["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        Statement(actions=["s3:GetBucketAcl"], resources=[bucket_arn], principals={"Service": [service]}, conditions=source),
        _put(service, _account_paths(bucket_arn, writer), owned),
    ]


def _put(service: str, files: list[pulumi.Output[str]], conditions: Mapping[str, Mapping[str, Any]]) -> Statement:
    return Statement(actions=["s3:PutObject"], resources=files, principals={"Service": [service]}, conditions=conditions)


_STATEMENTS = {"server_access": _server_access, "load_balancer": _load_balancer, "log_delivery": _log_delivery}


def _directory(writer: LogWriter) -> str:
    return f"{writer['prefix']}/" if writer["prefix"] else ""


def _account_paths(bucket_arn: pulumi.Output[str], writer: LogWriter) -> list[pulumi.Output[str]]:
    return [pulumi.Output.concat(bucket_arn, "/", _directory(writer), "AWSLogs/", account, "/*") for account in writer["account_ids"]]
