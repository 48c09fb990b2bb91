"""The event of a clean upload, the function that it invokes, and the queue for what could not be delivered or processed."""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Sender,
    allow_invocation,
    create_key,
    dead_letter_queue,
    logs_statement,
    queue_policy,
    sender_statements,
)
from cloudpatterns.blocks.malware_scan import ScannedBucket, scan_result_pattern
from cloudpatterns.core import Component, after
from cloudpatterns.uploads._scanned_bucket import UploadBucketArgs

EVENTS = "events.amazonaws.com"


class CleanUploads(NamedTuple):
    """The rule for clean uploads, and the queue for those that its function fails on."""

    rule: aws.cloudwatch.EventRule
    dead_letter_queue_arn: pulumi.Output[str]
    dead_letter_queue_url: pulumi.Output[str]


def upload_key(component: Component, checked: UploadBucketArgs) -> pulumi.Output[str]:
    """The given key, or a new one for objects, logs of this component and failed events."""
    given, name = checked.get("kms_key_arn"), component.pulumi_resource_name
    if given is not None:
        return pulumi.Output.from_input(given)
    return create_key(
        component,
        f"{name}-key",
        f"Uploads of {name}, and what becomes of them",
        lambda arn: [logs_statement(arn, f"{name}-*"), *sender_statements(arn, [EVENTS])],
        tags=checked["tags"],
    )


def clean_uploads(
    component: Component, checked: UploadBucketArgs, bucket: ScannedBucket, prefixes: Sequence[str], key_arn: pulumi.Output[str]
) -> CleanUploads:
    """A rule for the results of clean scans, and a queue that it may send to."""
    name, tags = component.pulumi_resource_name, checked["tags"]
    rule = aws.cloudwatch.EventRule(
        f"{name}-completed",
        description=f"An upload to {name} is clean",
        event_pattern=pulumi.Output.json_dumps(scan_result_pattern(bucket.name, prefixes, clean=True)),
        tags=tags,
        opts=component.child(),
    )
    dead = dead_letter_queue(component, f"{name}-incomplete", key_arn, None, checked["alarm_topic_arns"], tags, what="Uploads")
    admitted = queue_policy(component, f"{name}-incomplete-policy", dead, [Sender(EVENTS, rule.arn)])
    return CleanUploads(rule, after(dead.arn, admitted), after(dead.url, admitted))


def invoke_when_clean(
    component: Component, uploads: CleanUploads, function_arn: pulumi.Output[str], function: aws.lambda_.Function | None
) -> None:
    """Invokes a function with each result, at least once; ``function`` is None where somebody else deploys it."""
    name = component.pulumi_resource_name
    waits: list[pulumi.Resource] = [allow_invocation(component, f"{name}-completed-permission", function_arn, EVENTS, uploads.rule.arn)]
    if function is not None:
        # EventBridge only hands an event over: what the function fails at is Lambda's to retry and to keep.
        kept = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-completion-failures",
            function_name=function.name,
            maximum_retry_attempts=2,
            destination_config={"on_failure": {"destination": uploads.dead_letter_queue_arn}},
            opts=component.child(),
        )
        waits.append(kept)
    aws.cloudwatch.EventTarget(
        f"{name}-completed-target",
        rule=uploads.rule.name,
        arn=function_arn,
        dead_letter_config={"arn": uploads.dead_letter_queue_arn},
        opts=component.child(depends_on=waits),
    )
