"""Lambda functions, their permissions and URLs."""

from typing import Any

import pytest
from cloudpatterns_policies.controls import functions as controls
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

FUNCTION, PERMISSION = "aws:lambda/function:Function", "aws:lambda/permission:Permission"
URL = "aws:lambda/functionUrl:FunctionUrl"
RULE_ARN = "arn:aws:events:eu-west-1:123456789012:rule/nightly"
EVERYBODY = Fail("may be invoked by everyone (principal *)", "principal")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"principal": "123456789012"}, Pass()),
        ({"principal": "events.amazonaws.com"}, Pass()),
        ({"principal": "*"}, EVERYBODY),
        ({"principal": "*", "functionUrlAuthType": "AWS_IAM"}, EVERYBODY),
        ({"principal": "*", "sourceArn": "arn:aws:s3:::*"}, EVERYBODY),
        ({"principal": "*", "sourceAccount": "123456789012"}, Pass()),
        ({"principal": "*", "sourceArn": RULE_ARN}, Pass()),
        ({"principal": "*", "principalOrgId": "o-abcdefghij"}, Pass()),
        ({"principal": "*", "sourceArn": UNKNOWN}, Unknown("sourceArn")),
        ({"principal": "*", "sourceArn": UNKNOWN, "principalOrgId": "o-abcdefghij"}, Pass()),
        ({"principal": UNKNOWN}, Unknown("principal")),
    ],
)
def test_who_may_invoke(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.lambda_not_public, resource(PERMISSION, props=props)) == [expected]


OF_EVENTS = Fail("may be invoked for every customer of events", "sourceArn")
OF_BUCKETS = Fail("may be invoked for every account's buckets", "sourceAccount")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"principal": "events.amazonaws.com", "sourceArn": RULE_ARN}, Pass()),
        ({"principal": "events.amazonaws.com", "sourceAccount": "123456789012"}, Pass()),
        ({"principal": "events.amazonaws.com", "principalOrgId": "o-abcdefghij"}, Pass()),
        ({"principal": "events.amazonaws.com", "sourceArn": "arn:aws:events:*:*:rule/*"}, OF_EVENTS),
        ({"principal": "events.amazonaws.com.cn"}, OF_EVENTS),
        ({"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::bucket"}, OF_BUCKETS),
        ({"principal": "s3.amazonaws.com", "sourceAccount": "123456789012"}, Pass()),
        ({"principal": "123456789012"}, NotApplicable("is not for an AWS service")),
        ({"principal": "alexa-appkit.amazon.com", "eventSourceToken": "x"}, NotApplicable("is not for an AWS service")),
        ({"principal": UNKNOWN}, Unknown("principal")),
    ],
)
def test_for_whom_services_invoke(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.lambda_service_permission_confined, resource(PERMISSION, "p", props)) == [("p", expected)]


@pytest.mark.parametrize(
    ("principal", "path", "expected"),
    [
        ("events.amazonaws.com", "sourceArn", Pass()),
        ("events.amazonaws.com", "sourceAccount", Pass()),
        ("s3.amazonaws.com", "sourceAccount", Pass()),
        ("s3.amazonaws.com", "sourceArn", OF_BUCKETS),
    ],
)
def test_source_from_the_stack(principal: str, path: str, expected: Verdict) -> None:
    permission = resource(PERMISSION, "p", {"principal": principal, path: UNKNOWN}, deps={path: ["rule"]})
    found = verdicts(controls.lambda_service_permission_confined, stack(resource("x:y:Z", "rule"), permission))
    assert found == [("p", expected)]


def test_source_that_the_provider_or_nobody_in_the_stack_fills_in() -> None:
    left_out = resource(PERMISSION, "p", {"principal": "events.amazonaws.com", "sourceArn": UNKNOWN})
    assert verdicts(controls.lambda_service_permission_confined, stack(left_out)) == [("p", OF_EVENTS)]
    gone = {"sourceArn": ["urn:pulumi:test::project::x:y:Z::gone"]}
    elsewhere = resource(PERMISSION, "p", {"principal": "events.amazonaws.com", "sourceArn": UNKNOWN}, deps=gone)
    assert verdicts(controls.lambda_service_permission_confined, stack(elsewhere)) == [("p", Unknown("sourceArn"))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"runtime": "python3.13"}, Pass()),
        ({"runtime": "python99"}, Pass()),
        ({"runtime": "nodejs18.x"}, Fail("runs on nodejs18.x, which is no longer supported", "runtime")),
        ({}, Pass()),
        ({"packageType": "Image"}, NotApplicable("runs a container image, which contains its own runtime")),
        ({"runtime": UNKNOWN}, Unknown("runtime")),
        ({"packageType": UNKNOWN}, Unknown("packageType")),
    ],
)
def test_runtime(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.lambda_runtime_supported, resource(FUNCTION, props=props)) == [expected]


def test_ended_runtimes_can_be_chosen() -> None:
    function = resource(FUNCTION, props={"runtime": "python3.13"})
    expected = Fail("runs on python3.13, which is no longer supported", "runtime")
    assert verdicts(controls.lambda_runtime_supported, function, {"ended": ["python3.13"]}) == [expected]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"authorizationType": "AWS_IAM"}, Pass()),
        ({"authorizationType": "NONE"}, Fail("can be called by anyone", "authorizationType")),
        ({}, Fail("can be called by anyone", "authorizationType")),
        ({"authorizationType": UNKNOWN}, Unknown("authorizationType")),
    ],
)
def test_url(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.lambda_url_authenticated, resource(URL, props=props)) == [expected]


LAYER = "aws:lambda/layerVersionPermission:LayerVersionPermission"
SHARED = Fail("may be used by everyone (principal *)", "principal")


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"principal": "123456789012"}, Pass()),
        ({"principal": "*", "organizationId": "o-abcdefghij"}, Pass()),
        ({"principal": "*"}, SHARED),
        ({"principal": "*", "organizationId": ""}, SHARED),
        ({"principal": "*", "organizationId": UNKNOWN}, Unknown("organizationId")),
        ({"principal": UNKNOWN}, Unknown("principal")),
    ],
)
def test_layers(props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(controls.lambda_layer_not_public, resource(LAYER, props=props)) == [expected]


def test_the_whole_policy_of_a_function() -> None:
    def judged(principal: Any, **more: Any) -> list[Verdict]:
        statement = {"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction", "Resource": "*", **more}
        return verdicts(
            controls.lambda_not_public, resource("aws:lambda/resourcePolicy:ResourcePolicy", props={"policy": {"Statement": [statement]}})
        )

    assert (
        judged({"Service": "s3.amazonaws.com"})
        == judged("*", Condition={"StringEquals": {"aws:SourceAccount": "123456789012"}})
        == [Pass()]
    )
    assert judged("*") == [Fail("allows lambda:InvokeFunction to everyone (Principal *) in statement 1", "policy")]
    assert judged(UNKNOWN) == [Unknown("policy.Statement.0.Principal")]
