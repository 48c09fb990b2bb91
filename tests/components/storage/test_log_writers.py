"""The statements of a bucket's policy that let services and the user's own principals in."""

import json

import pytest
from cloudpatterns.storage import DurableBucket, DurableBucketArgs
from offline_preview.graph import Graph

from tests.harness import record

ACCOUNT = "123456789012"


def make(args: DurableBucketArgs) -> Graph:
    return record(lambda: DurableBucket("store", args), mode="deployed")


def statements(graph: Graph, name: str) -> list[dict]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


OWN = "${aws:ResourceAccount}"


@pytest.mark.parametrize(
    ("writer", "expected"),
    [
        (
            {"service": "server_access"},
            [
                {
                    "Action": ["s3:PutObject"],
                    "Resource": ["BUCKET/*"],
                    "Principal": {"Service": ["logging.s3.amazonaws.com"]},
                    "Condition": {"StringEquals": {"aws:SourceAccount": [OWN]}},
                }
            ],
        ),
        (
            {"service": "load_balancer", "prefix": "web", "account_ids": [ACCOUNT]},
            [
                {
                    "Action": ["s3:PutObject"],
                    "Resource": [f"BUCKET/web/AWSLogs/{ACCOUNT}/*"],
                    "Principal": {"Service": ["logdelivery.elasticloadbalancing.amazonaws.com"]},
                }
            ],
        ),
        (
            {"service": "load_balancer", "account_ids": ["111111111111", "222222222222"]},
            [
                {
                    "Action": ["s3:PutObject"],
                    "Resource": ["BUCKET/AWSLogs/111111111111/*", "BUCKET/AWSLogs/222222222222/*"],
                    "Principal": {"Service": ["logdelivery.elasticloadbalancing.amazonaws.com"]},
                }
            ],
        ),
        (
            {"service": "log_delivery", "account_ids": ["111111111111"]},
            [
                {
                    "Action": ["s3:GetBucketAcl"],
                    "Resource": ["BUCKET"],
                    "Principal": {"Service": ["delivery.logs.amazonaws.com"]},
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": ["111111111111"]},
                        "ArnLike": {"aws:SourceArn": ["arn:aws:logs:*:111111111111:*"]},
                    },
                },
                {
                    "Action": ["s3:PutObject"],
                    "Resource": ["BUCKET/AWSLogs/111111111111/*"],
                    "Principal": {"Service": ["delivery.logs.amazonaws.com"]},
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": ["111111111111"], "s3:x-amz-acl": "bucket-owner-full-control"},
                        "ArnLike": {"aws:SourceArn": ["arn:aws:logs:*:111111111111:*"]},
                    },
                },
            ],
        ),
    ],
)
def test_log_writers_may_write_under_their_own_path(writer, expected):
    graph = make({"kind": "log_target", "log_writers": [writer]})
    arn = graph.named("store-bucket").outputs["arn"]
    wanted = [{"Effect": "Allow", **item, "Resource": [path.replace("BUCKET", arn) for path in item["Resource"]]} for item in expected]
    assert statements(graph, "store-policy")[1:] == wanted


def test_statements_of_the_user_join_the_policy():
    graph = make(
        {
            "kind": "data",
            "statements": [
                {"actions": ["s3:GetObject"], "principals": {"Service": ["cloudfront.amazonaws.com"]}, "paths": ["images/*"]},
                {
                    "effect": "Deny",
                    "actions": ["s3:DeleteObject"],
                    "principals": {"AWS": ["*"]},
                    "conditions": {"StringNotEquals": {"aws:PrincipalAccount": [ACCOUNT]}},
                },
            ],
        }
    )
    arn = graph.named("store-bucket").outputs["arn"]
    assert statements(graph, "store-policy")[1:] == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"{arn}/images/*"],
            "Principal": {"Service": ["cloudfront.amazonaws.com"]},
        },
        {
            "Effect": "Deny",
            "Action": ["s3:DeleteObject"],
            "Resource": [arn, f"{arn}/*"],
            "Principal": {"AWS": ["*"]},
            "Condition": {"StringNotEquals": {"aws:PrincipalAccount": [ACCOUNT]}},
        },
    ]
