"""AWS Config: the recorder with a bucket of its own, and rules."""

import json
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import notify_on_event, service_role
from cloudpatterns.core import Component, Statement
from cloudpatterns.security.audit_trail.arguments import RULES, AuditRecorder, AuditRule, AuditTrailArgs
from cloudpatterns.security.audit_trail.trail import lasting_bucket_args
from cloudpatterns.storage import DurableBucket
from cloudpatterns.storage.durable_bucket.arguments import BucketStatement


class Recording(NamedTuple):
    """The recorder's name, available once it runs, and the bucket, if it is new."""

    name: pulumi.Output[str]
    running: list[pulumi.Resource]
    bucket: DurableBucket | None


def create_recorder(
    component: Component,
    name: str,
    checked: AuditTrailArgs,
    settings: AuditRecorder,
    *,
    kms_key_arn: pulumi.Output[str] | None,
    log_bucket_name: pulumi.Input[str] | None,
) -> Recording:
    """The recorder, a channel to a bucket, and its start, in the order that AWS Config wants."""
    existing = settings.get("existing_recorder_name")
    if existing is not None:
        return Recording(pulumi.Output.from_input(existing), [], None)
    bucket = _bucket(component, name, checked, kms_key_arn, log_bucket_name)
    role = service_role(
        component,
        f"{name}-recorder-role",
        "config.amazonaws.com",
        f"AWS Config records the resources of the account for {name}",
        managed_policies={f"{name}-recorder-role-reads": "service-role/AWS_ConfigRole"},
        statements={f"{name}-recorder-role-delivery": _delivery_statements(bucket)},
        tags=checked["tags"],
    )
    recorder = aws.cfg.Recorder(
        f"{name}-recorder",
        role_arn=role.arn,
        recording_group={"all_supported": True, "include_global_resource_types": settings["global_types"]},
        recording_mode={"recording_frequency": settings["frequency"]},
        # There is one in a Region: a second beside it is refused.
        opts=component.child(delete_before_replace=True),
    )
    channel = aws.cfg.DeliveryChannel(
        f"{name}-channel",
        s3_bucket_name=bucket.bucket_name,
        s3_kms_key_arn=bucket.kms_key_arn,
        snapshot_delivery_properties={"delivery_frequency": "TwentyFour_Hours"},
        opts=component.child(depends_on=[recorder], delete_before_replace=True),
    )
    # Started after the channel is there, and stopped before it is deleted: AWS Config refuses the last channel of a recorder that runs.
    status = aws.cfg.RecorderStatus(
        f"{name}-recorder-status", name=recorder.name, is_enabled=True, opts=component.child(depends_on=[channel])
    )
    return Recording(recorder.name, [status], bucket)


def create_rules(component: Component, name: str, checked: AuditTrailArgs, settings: AuditRecorder, recording: Recording) -> None:
    """The rules, and an event when a resource no longer complies with one of them."""
    given = settings.get("rules")
    rules: dict[str, AuditRule] = {key: {"identifier": identifier} for key, identifier in RULES.items()} if given is None else given
    created = [
        aws.cfg.Rule(
            f"{name}-{key}",
            source={"owner": "AWS", "source_identifier": rule["identifier"]},
            input_parameters=json.dumps(rule["parameters"], sort_keys=True) if rule.get("parameters") else None,
            tags=checked["tags"],
            opts=component.child(depends_on=recording.running),
        )
        for key, rule in rules.items()
    ]
    if not checked["alarm_topic_arns"] or not created:
        return
    notify_on_event(
        component,
        f"{name}-rule-broken",
        f"A resource does not comply with a rule of {name}",
        pattern={
            "source": ["aws.config"],
            "detail-type": ["Config Rules Compliance Change"],
            "detail": {
                "messageType": ["ComplianceChangeNotification"],
                # A pattern has 2048 characters, which are not enough for the names of fifty rules.
                "configRuleName": [{"prefix": f"{name}-"}],
                "newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]},
            },
        },
        topic_arns=checked["alarm_topic_arns"],
        tags=checked["tags"],
    )


def _bucket(
    component: Component,
    name: str,
    checked: AuditTrailArgs,
    kms_key_arn: pulumi.Output[str] | None,
    log_bucket_name: pulumi.Input[str] | None,
) -> DurableBucket:
    # AWS Config does not deliver to a bucket with a default retention, so that the policy alone denies deletion; lifecycle rules may.
    # https://docs.aws.amazon.com/config/latest/developerguide/manage-delivery-channel.html
    denied: BucketStatement = {
        "sid": "DenyDeletion",
        "effect": "Deny",
        "actions": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        "principals": {"AWS": ["*"]},
        "paths": ["*"],
    }
    args = lasting_bucket_args(checked, kms_key_arn, log_bucket_name)
    args["statements"] = [denied]
    return DurableBucket(f"{name}-config", args, component.child())


def _delivery_statements(bucket: DurableBucket) -> list[Statement]:
    """https://docs.aws.amazon.com/config/latest/developerguide/iamrole-permissions.html."""
    return [
        Statement(actions=["s3:GetBucketAcl", "s3:ListBucket"], resources=[bucket.bucket_arn]),
        Statement(
            actions=["s3:PutObject", "s3:PutObjectAcl"],
            resources=[pulumi.Output.concat(bucket.bucket_arn, "/AWSLogs/*")],
            conditions={"StringLike": {"s3:x-amz-acl": "bucket-owner-full-control"}},
        ),
        Statement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[bucket.kms_key_arn]),
    ]
