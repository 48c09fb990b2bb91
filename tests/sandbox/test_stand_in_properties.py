"""Check of the stand-in: what a resource type takes, and what it refuses."""

from typing import Any

import pytest
from offline_preview.values import ASSET, SIGNATURE, UNKNOWN, Secret

from sandbox.properties import Failure, failures, shape_of
from sandbox.provider import VERSION

GROUP = "aws:lb/targetGroup:TargetGroup"
BUCKET = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


@pytest.mark.parametrize(
    ("token", "inputs", "expected"),
    [
        (GROUP, {}, []),
        (GROUP, {"port": 80, "stickiness": {"type": "lb_cookie"}, "tags": {"a": "b"}, "__defaults": ["name"]}, []),
        (GROUP, {"prot": 80}, [Failure("prot", "is not a property of this resource")]),
        (GROUP, {"port": "eighty"}, [Failure("port", "is text, but a whole number is expected")]),
        (GROUP, {"port": True}, [Failure("port", "is true or false, but a whole number is expected")]),
        (GROUP, {"port": 8.5}, [Failure("port", "is a number, but a whole number is expected")]),
        (GROUP, {"protocol": ["HTTP"]}, [Failure("protocol", "is a list, but text is expected")]),
        (GROUP, {"protocol": {}}, [Failure("protocol", "is an object, but text is expected")]),
        (GROUP, {"connectionTermination": "maybe"}, [Failure("connectionTermination", "is text, but true or false is expected")]),
        (GROUP, {"healthCheck": {"paths": "/"}}, [Failure("healthCheck.paths", "is not a property of this resource")]),
        (GROUP, {"healthCheck": []}, [Failure("healthCheck", "is a list, but an object is expected")]),
        (GROUP, {"stickiness": {}}, [Failure("stickiness.type", "is required")]),
        (GROUP, {"targetFailovers": {}}, [Failure("targetFailovers", "is an object, but a list is expected")]),
        (GROUP, {"targetFailovers": [{"onDeregistration": "x"}]}, [Failure("targetFailovers[0].onUnhealthy", "is required")]),
        (GROUP, {"tags": "none"}, [Failure("tags", "is text, but an object is expected")]),
        (GROUP, {"tags": {"a": []}}, [Failure("tags.a", "is a list, but text is expected")]),
        # Not known yet, or not to be seen: taken, but judged where it can be.
        (
            GROUP,
            {"port": UNKNOWN, "healthCheck": Secret({"paths": 1})},
            [Failure("healthCheck.paths", "is not a property of this resource")],
        ),
        (GROUP, {"port": None}, []),
        # A text takes what can be written as one.
        (GROUP, {"protocol": 1}, []),
        # A resource of the same name as an object inside another one.
        (BUCKET, {"rules": [], "bucket": "b"}, []),
        (BUCKET, {}, [Failure("bucket", "is required"), Failure("rules", "is required")]),
        ("aws:ec2/vpc:Vpn", {}, [Failure("", f"the AWS provider has no resource type aws:ec2/vpc:Vpn in version {VERSION} of pulumi-aws")]),
        # One of several types: nothing is refused.
        ("aws:iam/role:Role", {"assumeRolePolicy": {"Version": "2012-10-17"}}, []),
        ("aws:lambda/function:Function", {"role": "r", "code": {SIGNATURE: ASSET, "text": "x"}}, []),
    ],
)
def test_check_takes_what_the_type_has_and_refuses_the_rest(token: str, inputs: dict[str, Any], expected: list[Failure]) -> None:
    assert failures(token, inputs) == expected


def test_the_shape_knows_what_is_required() -> None:
    shape = shape_of("aws:ec2/routeTableAssociation:RouteTableAssociation")
    assert shape is not None
    assert shape.required == {"routeTableId"}
    assert set(shape.kinds) == {"routeTableId", "gatewayId", "region", "subnetId"}
