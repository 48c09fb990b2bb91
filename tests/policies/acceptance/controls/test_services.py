"""What one service lets another do: policies of destinations, roles, and kinds of queues."""

import importlib
import json
from typing import Any

import pulumi_aws
import pytest
from cloudpatterns_policies.acceptance.controls import dead_letters, destinations, event_buses, event_sources, roles
from cloudpatterns_policies.core import UNKNOWN, Fail, Pass
from pulumi._types import resource_py_to_pulumi_names

from tests.policies.acceptance.controls.cases import OTHERS, Case, Made, check, refers
from tests.policies.helpers import resource, stack, verdicts

QUEUE, TOPIC, FUNCTION, BUCKET = (
    Made("aws:sqs/queue:Queue"),
    Made("aws:sns/topic:Topic"),
    Made("aws:lambda/function:Function"),
    Made("aws:s3/bucket:Bucket"),
)
QUEUE_POLICY = refers("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "q")
TOPIC_POLICY = refers("aws:sns/topicPolicy:TopicPolicy", "arn", "t")
BUCKET_POLICY = refers("aws:s3/bucketPolicy:BucketPolicy", "bucket", "b")
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
FIRST, PERMITTED = destinations.destination_policy_first, destinations.destination_permitted


def permission(service: Any) -> Made:
    return refers("aws:lambda/permission:Permission", "function", "f", {"principal": service})


def notification(name: str, item: str, *targets: str, after: str = "") -> Made:
    return Made(NOTIFICATION, {name: [{item: UNKNOWN} for _ in targets]}, {name: targets, **({OTHERS: after} if after else {})})


QUEUES = {"q": QUEUE, "p": QUEUE_POLICY}
CASES = {
    "a queue whose policy is first": Case(FIRST, {**QUEUES, "n": notification("queues", "queueArn", "q", after="p")}),
    "a queue whose policy may come later": Case(
        FIRST,
        {**QUEUES, "n": notification("queues", "queueArn", "q")},
        ("n", "queues.0.queueArn", "does not wait for p, which lets s3.amazonaws.com into q"),
    ),
    "a queue without a policy": Case(
        FIRST,
        {"q": QUEUE, "n": notification("queues", "queueArn", "q")},
        ("n", "queues.0.queueArn", "names queue q, which has no policy that lets s3.amazonaws.com in"),
    ),
    "a queue with a policy inside": Case(
        FIRST, {"q": Made("aws:sqs/queue:Queue", {"policy": UNKNOWN}), "n": notification("queues", "queueArn", "q")}
    ),
    "a policy that another resource waited for": Case(
        FIRST,
        {
            **QUEUES,
            "x": Made("aws:ssm/parameter:Parameter", {}, {OTHERS: "p"}),
            "n": notification("queues", "queueArn", "q", after="x"),
        },
    ),
    "a queue of another stack": Case(FIRST, {"n": Made(NOTIFICATION, {"queues": [{"queueArn": "arn:aws:sqs:eu-west-1:1:q"}]})}),
    "queues that are not known": Case(FIRST, {"n": Made(NOTIFICATION, {"queues": UNKNOWN})}),
    "no destination": Case(FIRST, {"n": Made(NOTIFICATION)}),
    "a topic": Case(
        FIRST,
        {"t": TOPIC, "p": TOPIC_POLICY, "n": notification("topics", "topicArn", "t")},
        ("n", "topics.0.topicArn", "does not wait for p"),
    ),
    "a function that lets the service in": Case(
        FIRST,
        {"f": FUNCTION, "p": permission("s3.amazonaws.com"), "n": notification("lambdaFunctions", "lambdaFunctionArn", "f", after="p")},
    ),
    "a function that lets another service in": Case(
        FIRST,
        {"f": FUNCTION, "p": permission("sns.amazonaws.com"), "n": notification("lambdaFunctions", "lambdaFunctionArn", "f", after="p")},
        ("n", "lambdaFunctions.0.lambdaFunctionArn", "names function f, which has no policy that lets s3.amazonaws.com in"),
    ),
    "a function that lets in whom nobody knows": Case(
        FIRST, {"f": FUNCTION, "p": permission(UNKNOWN), "n": notification("lambdaFunctions", "lambdaFunctionArn", "f", after="p")}
    ),
    "a trail": Case(
        FIRST,
        {"b": BUCKET, "p": BUCKET_POLICY, "x": refers("aws:cloudtrail/trail:Trail", "s3BucketName", "b")},
        ("x", "s3BucketName", "does not wait for p, which lets cloudtrail.amazonaws.com into b"),
    ),
    "a delivery channel": Case(
        FIRST,
        {"b": BUCKET, "x": refers("aws:cfg/deliveryChannel:DeliveryChannel", "s3BucketName", "b")},
        ("x", "s3BucketName", "names bucket b"),
    ),
    "a subscription to logs": Case(
        FIRST,
        {"f": FUNCTION, "x": refers("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn", "f")},
        ("x", "destinationArn", "logs.amazonaws.com"),
    ),
    "a rotation": Case(
        FIRST,
        {
            "f": FUNCTION,
            "p": permission("secretsmanager.amazonaws.com"),
            "x": refers("aws:secretsmanager/secretRotation:SecretRotation", "rotationLambdaArn", "f"),
        },
        ("x", "rotationLambdaArn", "does not wait for p"),
    ),
    "a target that may get events": Case(PERMITTED, {**QUEUES, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "q")}),
    "a target that gets no event": Case(
        PERMITTED,
        {"q": QUEUE, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "q")},
        ("x", "arn", "delivers to queue q, which has no policy that lets events.amazonaws.com in"),
    ),
    "a target by a role": Case(
        PERMITTED, {"q": QUEUE, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "q", {"roleArn": UNKNOWN})}
    ),
    "a target that is not known": Case(PERMITTED, {"q": QUEUE, "x": Made("aws:cloudwatch/eventTarget:EventTarget", {"arn": UNKNOWN})}),
    "dead letters that get nothing": Case(
        PERMITTED,
        {
            "q": QUEUE,
            "x": Made("aws:cloudwatch/eventTarget:EventTarget", {"deadLetterConfig": {"arn": UNKNOWN}}, {"deadLetterConfig": "q"}),
        },
        ("x", "deadLetterConfig.arn", "queue q"),
    ),
    "a subscription that gets nothing": Case(
        PERMITTED,
        {
            "f": FUNCTION,
            "p": permission("events.amazonaws.com"),
            "x": refers("aws:sns/topicSubscription:TopicSubscription", "endpoint", "f"),
        },
        ("x", "endpoint", "delivers to function f, which has no policy that lets sns.amazonaws.com in"),
    ),
    "a subscription of an address": Case(
        PERMITTED, {"x": Made("aws:sns/topicSubscription:TopicSubscription", {"endpoint": "ops@example.com"})}
    ),
}


def role(service: Any, effect: Any = "Allow") -> Made:
    statement = {"Effect": effect, "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return Made("aws:iam/role:Role", {"assumeRolePolicy": json.dumps({"Statement": [statement]})})


LAMBDA = refers("aws:lambda/function:Function", "role", "r")
TRUSTS, BY_ROLE = roles.role_trusts_service, roles.delivery_role
STREAM = Made("aws:kinesis/stream:Stream")
CASES |= {
    "a role that trusts": Case(TRUSTS, {"r": role("lambda.amazonaws.com"), "x": LAMBDA}),
    "a role that trusts several": Case(TRUSTS, {"r": role(["ec2.amazonaws.com", "lambda.amazonaws.com"]), "x": LAMBDA}),
    "a role in China": Case(
        TRUSTS, {"r": role("ec2.amazonaws.com.cn"), "x": refers("aws:iam/instanceProfile:InstanceProfile", "role", "r")}
    ),
    "a role that trusts a region's service": Case(
        TRUSTS,
        {
            "r": role("logs.eu-west-1.amazonaws.com"),
            "x": refers("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "roleArn", "r"),
        },
    ),
    "a role that trusts another": Case(
        TRUSTS,
        {"r": role("ec2.amazonaws.com"), "x": LAMBDA},
        ("x", "role", "takes on role r, which does not trust lambda.amazonaws.com"),
    ),
    "a role that denies": Case(TRUSTS, {"r": role("lambda.amazonaws.com", "Deny"), "x": LAMBDA}, ("x", "role", "does not trust")),
    "a role that trusts nobody": Case(
        TRUSTS, {"r": Made("aws:iam/role:Role", {"assumeRolePolicy": "{}"}), "x": LAMBDA}, ("x", "role", "does not trust")
    ),
    "a document that is not known": Case(
        TRUSTS, {"r": Made("aws:iam/role:Role", {"assumeRolePolicy": UNKNOWN}), "x": LAMBDA}, None, ("x", "assumeRolePolicy of r")
    ),
    "a principal that is not known": Case(
        TRUSTS,
        {
            "r": Made("aws:iam/role:Role", {"assumeRolePolicy": {"Statement": [{"Effect": "Allow", "Principal": {"Service": UNKNOWN}}]}}),
            "x": LAMBDA,
        },
        None,
        ("x", "assumeRolePolicy of r"),
    ),
    "a document that is none": Case(
        TRUSTS, {"r": Made("aws:iam/role:Role", {"assumeRolePolicy": "{"}), "x": LAMBDA}, None, ("x", "assumeRolePolicy of r")
    ),
    "a role of another stack": Case(TRUSTS, {"x": Made("aws:lambda/function:Function", {"role": "arn:aws:iam::1:role/r"})}),
    "a role inside a block": Case(
        TRUSTS,
        {
            "r": role("events.amazonaws.com"),
            "x": Made("aws:scheduler/schedule:Schedule", {"target": {"roleArn": UNKNOWN}}, {"target": "r"}),
        },
        ("x", "target.roleArn", "scheduler.amazonaws.com"),
    ),
    "a stream by a role": Case(
        BY_ROLE, {"s": STREAM, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "s", {"roleArn": UNKNOWN})}
    ),
    "a stream without a role": Case(
        BY_ROLE,
        {"s": STREAM, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "s")},
        ("x", "roleArn", "delivers to s, which needs a role"),
    ),
    "a queue without a role": Case(BY_ROLE, {"q": QUEUE, "x": refers("aws:cloudwatch/eventTarget:EventTarget", "arn", "q")}),
    "a destination that is not known": Case(BY_ROLE, {"s": STREAM, "x": Made("aws:cloudwatch/eventTarget:EventTarget", {"arn": UNKNOWN})}),
    "logs to a stream": Case(
        BY_ROLE,
        {"s": STREAM, "x": refers("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "destinationArn", "s")},
        ("x", "roleArn", "delivers to s"),
    ),
    "a topic to Firehose": Case(
        BY_ROLE,
        {
            "s": Made("aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream"),
            "x": refers("aws:sns/topicSubscription:TopicSubscription", "endpoint", "s"),
        },
        ("x", "subscriptionRoleArn", "delivers to s"),
    ),
}


def queue(fifo: Any = None, **props: Any) -> Made:
    return Made("aws:sqs/queue:Queue", {**({} if fifo is None else {"fifoQueue": fifo}), **props})


def redriven(fifo: Any) -> Made:
    return refers("aws:sqs/queue:Queue", "redrivePolicy", "d", {"fifoQueue": fifo})


SAME, STANDARD = dead_letters.dead_letters_same_kind, dead_letters.standard_queue_required
ARN = "arn:aws:sqs:eu-west-1:1:d"
CASES |= {
    "FIFO to FIFO": Case(SAME, {"d": queue(True), "x": redriven(True)}),
    "standard to standard": Case(SAME, {"d": queue(), "x": redriven(False)}),
    "FIFO to standard": Case(
        SAME, {"d": queue(), "x": redriven(True)}, ("x", "redrivePolicy", "sends what fails to d, which is standard, while x is FIFO")
    ),
    "standard to FIFO": Case(
        SAME, {"d": queue(True), "x": redriven(False)}, ("x", "redrivePolicy", "sends what fails to d, which is FIFO, while x is standard")
    ),
    "a kind that is not known": Case(SAME, {"d": queue(UNKNOWN), "x": redriven(True)}),
    "no dead letters": Case(SAME, {"x": queue(True)}),
    "dead letters by a known ARN": Case(
        SAME,
        {"d": queue(arn=ARN), "x": queue(True, redrivePolicy=json.dumps({"deadLetterTargetArn": ARN}))},
        ("x", "redrivePolicy", "while x is FIFO"),
    ),
    "a policy of its own": Case(
        SAME,
        {
            "d": queue(),
            "q": queue(True),
            "x": Made(
                "aws:sqs/redrivePolicy:RedrivePolicy",
                {"queueUrl": UNKNOWN, "redrivePolicy": UNKNOWN},
                {"queueUrl": "q", "redrivePolicy": "d"},
            ),
        },
        ("x", "redrivePolicy", "while q is FIFO"),
    ),
    "a subscription": Case(
        SAME,
        {
            "d": queue(True),
            "t": TOPIC,
            "x": Made(
                "aws:sns/topicSubscription:TopicSubscription",
                {"topic": UNKNOWN, "redrivePolicy": UNKNOWN},
                {"topic": "t", "redrivePolicy": "d"},
            ),
        },
        ("x", "redrivePolicy", "while t is standard"),
    ),
    "a standard queue for a schedule": Case(
        STANDARD,
        {
            "d": queue(),
            "x": Made("aws:scheduler/schedule:Schedule", {"target": {"deadLetterConfig": {"arn": UNKNOWN}}}, {"target": "d"}),
        },
    ),
    "a FIFO queue for a schedule": Case(
        STANDARD,
        {
            "d": queue(True),
            "x": Made("aws:scheduler/schedule:Schedule", {"target": {"deadLetterConfig": {"arn": UNKNOWN}}}, {"target": "d"}),
        },
        ("x", "target.deadLetterConfig.arn", "names d, which is FIFO"),
    ),
    "a FIFO topic for a bucket": Case(
        STANDARD,
        {"d": Made("aws:sns/topic:Topic", {"fifoTopic": True}), "x": notification("topics", "topicArn", "d")},
        ("x", "topics.0.topicArn", "names d, which is FIFO"),
    ),
    "a FIFO queue by its ARN": Case(
        STANDARD,
        {"x": Made(NOTIFICATION, {"queues": [{"queueArn": f"{ARN}.fifo"}]})},
        ("x", "queues.0.queueArn", f"names {ARN}.fifo, which is FIFO"),
    ),
    "a standard queue by its ARN": Case(STANDARD, {"x": Made(NOTIFICATION, {"queues": [{"queueArn": ARN}]})}),
    "a stream by its ARN": Case(
        BY_ROLE,
        {"x": Made("aws:cloudwatch/eventTarget:EventTarget", {"arn": "arn:aws:kinesis:eu-west-1:1:stream/s"})},
        ("x", "roleArn", "delivers to arn:aws:kinesis:eu-west-1:1:stream/s, which needs a role"),
    ),
    "a queue whose kind is not known": Case(STANDARD, {"d": queue(UNKNOWN), "x": notification("queues", "queueArn", "d")}),
    "nothing for what fails": Case(STANDARD, {"x": Made("aws:cloudwatch/eventTarget:EventTarget")}),
}

STREAMED = event_sources.table_stream_enabled


def table(**props: Any) -> dict[str, Made]:
    source = refers("aws:lambda/eventSourceMapping:EventSourceMapping", "eventSourceArn", "t")
    return {"t": Made("aws:dynamodb/table:Table", props), "x": source}


BUS, DISCOVERER = "aws:cloudwatch/eventBus:EventBus", refers("aws:schemas/discoverer:Discoverer", "sourceArn", "b")
RULE, ONCE = Made("aws:cloudwatch/eventRule:EventRule"), "at(2027-01-01T00:00:00)"


def rule(count: int, **props: Any) -> dict[str, Made]:
    return {"r": RULE, **{f"t{n}": refers("aws:cloudwatch/eventTarget:EventTarget", "rule", "r", props) for n in range(count)}}


def schedule(**props: Any) -> dict[str, Made]:
    return {"x": Made("aws:scheduler/schedule:Schedule", props)}


KEPT, IDS, FIVE = event_buses.one_time_schedule_kept, event_buses.event_target_ids, event_buses.event_rule_targets
CASES |= {
    "a table with a stream": Case(STREAMED, table(streamEnabled=True)),
    "a table with replicas": Case(STREAMED, table(replicas=[{"regionName": "us-east-1"}])),
    "a table whose stream is not known": Case(STREAMED, table(streamEnabled=UNKNOWN)),
    "a table with its stream off": Case(
        STREAMED, table(streamEnabled=False), ("x", "eventSourceArn", "reads table t, which has no stream")
    ),
    "a table without a stream": Case(STREAMED, table(), ("x", "eventSourceArn", "reads table t, which has no stream")),
    "a bus of AWS's key": Case(event_buses.schema_discovery_key, {"b": Made(BUS), "x": DISCOVERER}),
    "a bus under a key": Case(
        event_buses.schema_discovery_key,
        {"b": Made(BUS, {"kmsKeyIdentifier": UNKNOWN}), "x": DISCOVERER},
        ("x", "sourceArn", "discovers schemas on bus b, which has a customer-managed key"),
    ),
    "a bus that is not known": Case(
        event_buses.schema_discovery_key, {"x": Made("aws:schemas/discoverer:Discoverer", {"sourceArn": UNKNOWN})}
    ),
    "five targets": Case(FIVE, rule(5)),
    "six targets": Case(FIVE, rule(6), ("r", "", "has 6 targets; at most 5 are allowed")),
    "targets without ids": Case(IDS, rule(2)),
    "targets of one id": Case(IDS, rule(2, targetId="a"), ("r", "", "has 2 targets with the id a")),
    "targets whose ids are not known": Case(IDS, rule(2, targetId=UNKNOWN)),
    "a schedule that stays": Case(KEPT, schedule(scheduleExpression=ONCE, actionAfterCompletion="NONE")),
    "a schedule without an action": Case(KEPT, schedule(scheduleExpression=ONCE)),
    "a schedule that goes": Case(
        KEPT,
        schedule(scheduleExpression=ONCE, actionAfterCompletion="DELETE"),
        ("x", "actionAfterCompletion", "is deleted after it ran once"),
    ),
    "a schedule that runs often": Case(KEPT, schedule(scheduleExpression="rate(1 day)", actionAfterCompletion="DELETE")),
    "a schedule that is not known": Case(KEPT, schedule(scheduleExpression=UNKNOWN), None, ("x", "scheduleExpression")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)


def test_a_component_that_it_waits_for_counts_with_what_is_inside() -> None:
    component, made = resource("shop:index:Inbox", "c"), resource("aws:sqs/queue:Queue", "q")
    policy = resource("aws:sqs/queuePolicy:QueuePolicy", "p", {"queueUrl": UNKNOWN}, component, {"queueUrl": ["q"]})
    late = resource(NOTIFICATION, "n", {"queues": [{"queueArn": UNKNOWN}]}, component, {"queues": ["q"]})
    assert [name for name, verdict in verdicts(FIRST, stack(component, made, policy, late)) if isinstance(verdict, Fail)] == ["n"]
    waiting = resource(NOTIFICATION, "n", {"queues": [{"queueArn": UNKNOWN}]}, deps={"queues": ["q"], OTHERS: ["c"]})
    assert verdicts(FIRST, stack(component, made, policy, waiting)) == [("n", Pass())]


@pytest.mark.parametrize(("type_", "path"), [(type_, path) for type_, path, _ in roles.TAKEN_ON])
def test_the_provider_has_each_role(type_: str, path: str) -> None:
    module, name = type_.removeprefix("aws:").split("/")[0], type_.rpartition(":")[2]
    cls = getattr(importlib.import_module(f"{pulumi_aws.__name__}.{'lambda_' if module == 'lambda' else module}"), name)
    assert cls.pulumi_type == type_
    assert path.partition(".")[0] in resource_py_to_pulumi_names(cls).values()
