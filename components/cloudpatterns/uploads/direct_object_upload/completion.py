"""The event of a clean upload, and the function that it invokes."""

from collections.abc import Sequence
from typing import NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Sender, allow_invocation, dead_letter_queue, queue_policy, send_statements, user_function
from cloudpatterns.blocks.malware_scan import ScannedBucket, scan_result_pattern
from cloudpatterns.core import Component, WorkloadStatementArgs, after, iam_statement
from cloudpatterns.uploads.direct_object_upload.arguments import DirectObjectUploadArgs

_EVENTS = "events.amazonaws.com"


class Completion(NamedTuple):
    """The rule for clean uploads, and the queue with what its function failed on."""

    rule_arn: pulumi.Output[str]
    dead_letter_queue_url: pulumi.Output[str]


def invoke_when_clean(
    component: Component,
    checked: DirectObjectUploadArgs,
    bucket: ScannedBucket,
    prefixes: Sequence[str],
    key_arn: pulumi.Output[str],
    read: Sequence[WorkloadStatementArgs],
) -> Completion:
    """Invokes the completion function with the result of each clean scan, at least once."""
    name, tags, topics = component.pulumi_resource_name, checked["tags"], checked["alarm_topic_arns"]
    rule = aws.cloudwatch.EventRule(
        f"{name}-completed",
        description=f"An upload to {name} is clean",
        event_pattern=pulumi.Output.json_dumps(scan_result_pattern(bucket.name, prefixes, clean=True)),
        tags=tags,
        opts=component.child(),
    )
    dead = dead_letter_queue(component, f"{name}-incomplete", key_arn, None, topics, tags, what="Uploads")
    admitted = queue_policy(component, f"{name}-incomplete-policy", dead, [Sender(_EVENTS, rule.arn)])
    dead_arn = after(dead.arn, admitted)
    function = user_function(
        component,
        f"{name}-completion",
        checked.get("completion_function"),
        checked.get("existing_completion_function"),
        description=f"Processes the clean uploads of {name}",
        statements=[*send_statements(dead_arn, key_arn), *[iam_statement({"conditions": {}, **one}) for one in read]],
        environment={"BUCKET": bucket.name},
        kms_key_arn=key_arn,
        alarm_topic_arns=topics,
        tags=tags,
    )
    waits: list[pulumi.Resource] = [allow_invocation(component, f"{name}-completed-permission", function.arn, _EVENTS, rule.arn)]
    if function.function is not None:
        # EventBridge only hands an event over: what the function fails at is Lambda's to retry and to keep.
        kept = aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-completion-failures",
            function_name=function.name,
            maximum_retry_attempts=2,
            destination_config={"on_failure": {"destination": dead_arn}},
            opts=component.child(),
        )
        waits.append(kept)
    aws.cloudwatch.EventTarget(
        f"{name}-completed-target",
        rule=rule.name,
        arn=function.arn,
        dead_letter_config={"arn": dead_arn},
        opts=component.child(depends_on=waits),
    )
    return Completion(rule.arn, after(dead.url, admitted))
