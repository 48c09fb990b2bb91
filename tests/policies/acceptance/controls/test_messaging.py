"""What is accepted and does not work of queues, streams, workflows and APIs, or is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import api_stages, delivery_keys, destinations, event_sources, workflows
from cloudpatterns_policies.core import UNKNOWN, Fail, Pass

from tests.policies.acceptance.controls.cases import Case, Made, check, refers
from tests.policies.helpers import resource, stack, verdicts

MACHINE = "aws:sfn/stateMachine:StateMachine"


def one(type: str, /, **props: Any) -> dict[str, Made]:
    """A stack of one resource."""
    return {"x": Made(type, props)}


EXPRESS = workflows.express_integrations
FUNCTION_STEP = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}


def express(states: Mapping[str, Any] | None = None, kind: Any = "EXPRESS", **step: Any) -> dict[str, Made]:
    return one(MACHINE, type=kind, definition=json.dumps({"States": states or {"A": {**FUNCTION_STEP, **step}}}))


def refused(resource: str, step: str = "A") -> tuple[str, str, str]:
    return ("x", "definition", f"would be refused by AWS: step {step} calls {resource}, and the type is EXPRESS")


JOB, JOB2 = "arn:aws:states:::ecs:runTask.sync", "arn:aws:states:::states:startExecution.sync:2"
TOKEN, ACTIVITY = "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "arn:aws:states:eu-west-1:1:activity:sign"
CASES = {
    "an express workflow of functions": Case(EXPRESS, express()),
    "an express workflow of a function whose name ends as a job does": Case(
        EXPRESS, express(Resource="arn:aws:lambda:eu-west-1:1:function:orders-sync")
    ),
    **{f"an express workflow with {kind}": Case(EXPRESS, express(Resource=kind), refused(kind)) for kind in (JOB, JOB2, TOKEN, ACTIVITY)},
    "a job inside a map": Case(
        EXPRESS,
        express({"M": {"Type": "Map", "ItemProcessor": {"States": {"B": {**FUNCTION_STEP, "Resource": JOB}}}, "End": True}}),
        refused(JOB, "B"),
    ),
    "a distributed map": Case(
        EXPRESS,
        express({"M": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "States": {}}, "End": True}}),
        ("x", "definition", "would be refused by AWS: step M is a distributed map, and the type is EXPRESS"),
    ),
    "an inline map": Case(
        EXPRESS, express({"M": {"Type": "Map", "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, "States": {}}, "End": True}})
    ),
    "a standard workflow with a job": Case(EXPRESS, express(kind="STANDARD", Resource=JOB)),
    "a workflow without a type": Case(EXPRESS, one(MACHINE, definition=json.dumps({"States": {"A": {**FUNCTION_STEP, "Resource": JOB}}}))),
    "a type that is not known": Case(EXPRESS, express(kind=UNKNOWN, Resource=JOB), None, ("x", "type")),
    "an express workflow that is not known": Case(EXPRESS, one(MACHINE, type="EXPRESS", definition=UNKNOWN), None, ("x", "definition")),
}


STAGE = "aws:apigatewayv2/stage:Stage"
THROTTLE = api_stages.api_stage_throttle_set
LIMITS = {"throttlingBurstLimit": 20, "throttlingRateLimit": 10}


def zero(path: str, word: str, requests: str = "requests") -> tuple[str, str, str]:
    return ("x", path, f"answers all {requests} with 429: {word} is 0 when it is left out")


CASES |= {
    "a stage without settings": Case(THROTTLE, one(STAGE)),
    "a stage with empty settings": Case(THROTTLE, one(STAGE, defaultRouteSettings={})),
    "a stage with both limits": Case(THROTTLE, one(STAGE, defaultRouteSettings={**LIMITS, "detailedMetricsEnabled": True})),
    "a stage that is closed on purpose": Case(
        THROTTLE, one(STAGE, defaultRouteSettings={"throttlingBurstLimit": 0, "throttlingRateLimit": 0})
    ),
    "a stage with metrics alone": Case(
        THROTTLE,
        one(STAGE, defaultRouteSettings={"detailedMetricsEnabled": True}),
        zero("defaultRouteSettings.throttlingBurstLimit", "throttling_burst_limit"),
    ),
    "a stage without a rate": Case(
        THROTTLE,
        one(STAGE, defaultRouteSettings={"throttlingBurstLimit": 20}),
        zero("defaultRouteSettings.throttlingRateLimit", "throttling_rate_limit"),
    ),
    "a route without a burst": Case(
        THROTTLE,
        one(STAGE, routeSettings=[{"routeKey": "GET /a", **LIMITS}, {"routeKey": "GET /b", "throttlingRateLimit": 1}]),
        zero("routeSettings.1.throttlingBurstLimit", "throttling_burst_limit", "requests for GET /b"),
    ),
    "limits that are not known": Case(
        THROTTLE, one(STAGE, defaultRouteSettings={"throttlingBurstLimit": UNKNOWN, "throttlingRateLimit": UNKNOWN})
    ),
    "settings of a stage that are not known": Case(THROTTLE, one(STAGE, defaultRouteSettings=UNKNOWN, routeSettings=UNKNOWN)),
}

QUEUE, TOPIC, BUCKET = "aws:sqs/queue:Queue", "aws:sns/topic:Topic", "aws:s3/bucket:Bucket"
SUBSCRIPTION, BUS = "aws:sns/topicSubscription:TopicSubscription", "aws:cloudwatch/eventBus:EventBus"
PERMITTED = destinations.destination_permitted
QUEUE_POLICY = refers("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "dead")
SUBSCRIBED = refers(SUBSCRIPTION, "redrivePolicy", "dead")
CASES |= {
    "a subscription whose dead letters are let in": Case(PERMITTED, {"dead": Made(QUEUE), "p": QUEUE_POLICY, "x": SUBSCRIBED}),
    "a subscription whose dead letters are not": Case(
        PERMITTED,
        {"dead": Made(QUEUE), "x": SUBSCRIBED},
        ("x", "redrivePolicy", "delivers to queue dead, which has no policy that lets sns.amazonaws.com in"),
    ),
    "a bus whose dead letters are not let in": Case(
        PERMITTED,
        {"dead": Made(QUEUE), "x": Made(BUS, {"deadLetterConfig": {"arn": UNKNOWN}}, {"deadLetterConfig": "dead"})},
        ("x", "deadLetterConfig.arn", "delivers to queue dead, which has no policy that lets events.amazonaws.com in"),
    ),
}

KEY, TARGET = "aws:kms/key:Key", "aws:cloudwatch/eventTarget:EventTarget"
DELIVERY = delivery_keys.delivery_key_policy
ALARM, ARCHIVE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/eventArchive:EventArchive"


def admits(*services: str, effect: str = "Allow") -> str:
    names = [f"{service}.amazonaws.com" for service in services]
    return json.dumps({"Statement": [{"Effect": effect, "Action": "kms:*", "Resource": "*", "Principal": {"Service": names}}]})


def under(policy: Any, sender: Made, type: str = QUEUE, **more: Made) -> dict[str, Made]:
    """A queue or topic under a key, and who sends there."""
    key = Made(KEY, {} if policy is None else {"policy": policy})
    return {"k": key, "x": refers(type, "kmsMasterKeyId", "k"), "s": sender, **more}


def nothing(service: str, path: str = "kmsMasterKeyId", sender: str = " from s") -> tuple[str, str, str]:
    return ("x", path, f"gets nothing{sender}: the policy of its key k does not allow {service}.amazonaws.com")


SENDERS = {
    "events": [
        refers(TARGET, "arn", "x"),
        Made(TARGET, {"deadLetterConfig": {"arn": UNKNOWN}}, {"deadLetterConfig": "x"}),
        Made(BUS, {"deadLetterConfig": {"arn": UNKNOWN}}, {"deadLetterConfig": "x"}),
    ],
    "sns": [refers(SUBSCRIPTION, "endpoint", "x"), refers(SUBSCRIPTION, "redrivePolicy", "x")],
    "s3": [Made("aws:s3/bucketNotification:BucketNotification", {"queues": [{"queueArn": UNKNOWN}]}, {"queues": "x"})],
}
ALARMED = refers(ALARM, "alarmActions", "x")
CASES |= {
    **{
        f"a key that lets {service} in, {at}": Case(DELIVERY, under(admits("lambda", service), sender))
        for service, senders in SENDERS.items()
        for at, sender in enumerate(senders)
    },
    **{
        f"a key that does not let {service} in, {at}": Case(DELIVERY, under(admits("lambda"), sender), nothing(service))
        for service, senders in SENDERS.items()
        for at, sender in enumerate(senders)
    },
    "a topic of alarms": Case(DELIVERY, under(admits("cloudwatch"), ALARMED, TOPIC)),
    "a topic of alarms whose key does not let them in": Case(DELIVERY, under(admits("events"), ALARMED, TOPIC), nothing("cloudwatch")),
    "alarms and events, of which one is let in": Case(
        DELIVERY, under(admits("events"), ALARMED, TOPIC, t=refers(TARGET, "arn", "x")), nothing("cloudwatch")
    ),
    "many alarms are one finding": Case(DELIVERY, under(None, ALARMED, TOPIC, t=refers(ALARM, "okActions", "x")), nothing("cloudwatch")),
    "a key with AWS's policy": Case(DELIVERY, under(None, SENDERS["sns"][0]), nothing("sns")),
    "a key with a policy of its own": Case(
        DELIVERY,
        under(
            None,
            SENDERS["sns"][0],
            p=Made("aws:kms/keyPolicy:KeyPolicy", {"keyId": UNKNOWN, "policy": admits("sns")}, {"keyId": "k"}),
        ),
    ),
    "a key for all, under conditions": Case(
        DELIVERY, under(json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}}}), SENDERS["sns"][0])
    ),
    "a key whose policy is not known": Case(DELIVERY, under(UNKNOWN, SENDERS["sns"][0])),
    "a target with a role": Case(DELIVERY, under(None, Made(TARGET, {"arn": UNKNOWN, "roleArn": UNKNOWN}, {"arn": "x"}))),
    "a queue of programs": Case(DELIVERY, {"k": Made(KEY), "x": refers(QUEUE, "kmsMasterKeyId", "k")}),
    "a queue without a key": Case(DELIVERY, {"x": Made(QUEUE), "s": SENDERS["sns"][0]}),
    **{
        f"a key of {kind}": Case(DELIVERY, {"k": Made(KEY, {"policy": admits("events")}), "x": refers(kind, "kmsKeyIdentifier", "k")})
        for kind in (BUS, ARCHIVE)
    },
    **{
        f"a key that does not let in {kind}": Case(
            DELIVERY, {"k": Made(KEY), "x": refers(kind, "kmsKeyIdentifier", "k")}, nothing("events", "kmsKeyIdentifier", "")
        )
        for kind in (BUS, ARCHIVE)
    },
}

MAPPING, FUNCTION, ROLE = "aws:lambda/eventSourceMapping:EventSourceMapping", "aws:lambda/function:Function", "aws:iam/role:Role"
STREAM = "aws:kinesis/stream:Stream"
USABLE, WRITABLE = event_sources.source_key_usable, event_sources.failure_destination_writable


def allows(*actions: Any, effect: str = "Allow") -> Made:
    """An inline policy of the role."""
    document = {"Statement": [{"Effect": effect, "Action": list(actions), "Resource": "*"}]}
    return Made("aws:iam/rolePolicy:RolePolicy", {"role": UNKNOWN, "policy": json.dumps(document)}, {"role": "r"})


def account(principal: str = "arn:aws:iam::123456789012:root") -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": principal}}]})


def reads(policy: Made, key: Any = None, source: str = QUEUE, **more: Made) -> dict[str, Made]:
    """A function that reads a source under a key, with a role."""
    return {
        "k": Made(KEY, {} if key is None else {"policy": key}),
        "q": refers(source, "kmsMasterKeyId" if source == QUEUE else "kmsKeyId", "k"),
        "r": Made(ROLE),
        "p": policy,
        "f": refers(FUNCTION, "role", "r"),
        "x": Made(MAPPING, {"eventSourceArn": UNKNOWN, "functionName": UNKNOWN}, {"eventSourceArn": "q", "functionName": "f"}),
        **more,
    }


NO_DECRYPT = ("x", "functionName", "reads nothing: role r has no kms:Decrypt for key k of q")
CASES |= {
    "a role that may decrypt": Case(USABLE, reads(allows("sqs:*", "kms:Decrypt"))),
    "a role that may use keys": Case(USABLE, reads(allows("kms:*"))),
    "a role that may not decrypt": Case(USABLE, reads(allows("sqs:ReceiveMessage")), NO_DECRYPT),
    "a role that may not decrypt a stream": Case(USABLE, reads(allows("kinesis:*"), source=STREAM), NO_DECRYPT),
    "a role that is denied to decrypt": Case(USABLE, reads(allows("kms:Decrypt", effect="Deny")), NO_DECRYPT),
    "a key that leaves it to the account": Case(USABLE, reads(allows("sqs:*"), account()), NO_DECRYPT),
    "a key that leaves it to the account by its number": Case(USABLE, reads(allows("sqs:*"), account("123456789012")), NO_DECRYPT),
    "a key that names the role": Case(USABLE, reads(allows("sqs:*"), account("arn:aws:iam::123456789012:role/f"))),
    "a key that everybody may use": Case(USABLE, reads(allows("sqs:*"), account("*"))),
    "a key of a source that is not known": Case(USABLE, reads(allows("sqs:*"), UNKNOWN)),
    "a key whose own policy names the role": Case(
        USABLE,
        reads(
            allows("sqs:*"),
            kp=Made("aws:kms/keyPolicy:KeyPolicy", {"keyId": UNKNOWN, "policy": account("arn:aws:iam::1:role/f")}, {"keyId": "k"}),
        ),
    ),
    "a policy that is not known": Case(USABLE, reads(refers("aws:iam/rolePolicy:RolePolicy", "role", "r", {"policy": UNKNOWN}))),
    "a source without a key": Case(USABLE, {**reads(allows("sqs:*")), "q": Made(QUEUE)}),
    "a role of another stack that reads under a key": Case(USABLE, {**reads(allows("sqs:*")), "f": Made(FUNCTION, {"role": "arn"})}),
}

ON_FAILURE = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"


def parks(policy: Made, place: str = QUEUE, **more: Made) -> dict[str, Made]:
    """A function whose failed events are kept in `d`."""
    kept = {"functionName": UNKNOWN, "destinationConfig": {"onFailure": {"destination": UNKNOWN}}}
    return {
        "r": Made(ROLE),
        "p": policy,
        "d": Made(place),
        "f": refers(FUNCTION, "role", "r"),
        "x": Made(ON_FAILURE, kept, {"functionName": "f", "destinationConfig": "d"}),
        **more,
    }


def empty(action: str, path: str = "destinationConfig.onFailure.destination") -> tuple[str, str, str]:
    return ("x", path, f"keeps nothing in d: role r has no {action}")


PLACES = {
    QUEUE: ("sqs:SendMessage", "aws:sqs/queuePolicy:QueuePolicy", "queueUrl"),
    TOPIC: ("sns:Publish", "aws:sns/topicPolicy:TopicPolicy", "arn"),
    BUCKET: ("s3:PutObject", "aws:s3/bucketPolicy:BucketPolicy", "bucket"),
    BUS: ("events:PutEvents", "aws:cloudwatch/eventBusPolicy:EventBusPolicy", "eventBusName"),
}


def policy_of(place: str, effect: str = "Allow", **props: Any) -> Made:
    _, type_, by = PLACES[place]
    document = json.dumps({"Statement": [{"Effect": effect, "Action": "*", "Resource": "*", "Principal": {"AWS": "*"}}]})
    return Made(type_, {by: UNKNOWN, "policy": document, **props}, {by: "d"})


DEAD = {"deadLetterConfig": {"targetArn": UNKNOWN}, "role": UNKNOWN}
SCHEDULED = {"target": {"roleArn": UNKNOWN, "deadLetterConfig": {"arn": UNKNOWN}}}
MAPPED = {"functionName": UNKNOWN, "destinationConfig": {"onFailure": {"destinationArn": UNKNOWN}}}
CASES |= {
    **{f"a role that may write to {place}": Case(WRITABLE, parks(allows(action), place)) for place, (action, _, _) in PLACES.items()},
    **{
        f"a role that may not write to {place}": Case(WRITABLE, parks(allows("logs:*"), place), empty(action))
        for place, (action, _, _) in PLACES.items()
    },
    **{f"{place} that lets somebody in": Case(WRITABLE, parks(allows("logs:*"), place, dp=policy_of(place))) for place in PLACES},
    **{
        f"{place} that only denies": Case(WRITABLE, parks(allows("logs:*"), place, dp=policy_of(place, "Deny")), empty(action))
        for place, (action, _, _) in PLACES.items()
    },
    "a destination whose policy is not known": Case(WRITABLE, parks(allows("logs:*"), dp=policy_of(QUEUE, policy=UNKNOWN))),
    "a destination with a policy inside": Case(WRITABLE, parks(allows("logs:*"), d=Made(QUEUE, {"policy": UNKNOWN}))),
    "a function that may not be called": Case(WRITABLE, parks(allows("logs:*"), FUNCTION), empty("lambda:InvokeFunction")),
    "a function with a permission": Case(
        WRITABLE, parks(allows("logs:*"), FUNCTION, dp=refers("aws:lambda/permission:Permission", "function", "d"))
    ),
    "a role of failures that is not known": Case(
        WRITABLE, parks(refers("aws:iam/rolePolicy:RolePolicy", "role", "r", {"policy": UNKNOWN}))
    ),
    "a dead-letter queue of a function": Case(
        WRITABLE,
        {"r": Made(ROLE), "p": allows("logs:*"), "d": Made(QUEUE), "x": Made(FUNCTION, DEAD, {"role": "r", "deadLetterConfig": "d"})},
        empty("sqs:SendMessage", "deadLetterConfig.targetArn"),
    ),
    "a dead-letter queue of a mapping": Case(
        WRITABLE,
        parks(allows("logs:*"), x=Made(MAPPING, MAPPED, {"functionName": "f", "destinationConfig": "d"})),
        empty("sqs:SendMessage", "destinationConfig.onFailure.destinationArn"),
    ),
    "what succeeded": Case(
        WRITABLE,
        parks(
            allows("logs:*"),
            x=Made(
                ON_FAILURE,
                {"functionName": UNKNOWN, "destinationConfig": {"onSuccess": {"destination": UNKNOWN}}},
                {"functionName": "f", "destinationConfig": "d"},
            ),
        ),
        empty("sqs:SendMessage", "destinationConfig.onSuccess.destination"),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)


def test_policies_that_only_the_provider_computes_are_none() -> None:
    """In a preview, the attached policies of a role are unknown unless the program gives them."""
    made = reads(allows("sqs:*"))
    built = [resource(one.type, name, one.props, deps={key: [to] for key, to in one.deps.items()}) for name, one in made.items()]
    [role] = [one for one in built if one.name == "r"]
    previewed = resource(ROLE, "r", {"managedPolicyArns": UNKNOWN, "inlinePolicies": UNKNOWN})
    previewed.inputs = role
    whole = stack(*(previewed if one is role else one for one in built))
    assert verdicts(USABLE, whole) == [("x", Fail(NO_DECRYPT[2], NO_DECRYPT[1]))]
    previewed.inputs = previewed
    assert verdicts(USABLE, whole) == [("x", Pass())]
