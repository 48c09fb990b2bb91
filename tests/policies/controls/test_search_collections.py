"""Policies of OpenSearch Serverless."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import search_collections as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, verdicts

POLICY = "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy"
PRIVATE, KEY = controls.search_collection_private, controls.search_collection_customer_key
RULES = [{"ResourceType": "collection", "Resource": ["collection/shop"]}]
INVALID = Fail("is not a valid policy document", "policy")
OWNED = Fail("encrypts collections with a key that AWS owns", "policy")


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (json.dumps([{"Rules": RULES, "AllowFromPublic": False, "SourceVPCEs": ["vpce-1"]}]), [Pass()]),
        (json.dumps([{"Rules": RULES, "SourceVPCEs": ["vpce-1"]}]), [Pass()]),
        (
            json.dumps([{"Rules": RULES}, {"Rules": RULES, "AllowFromPublic": True}]),
            [Fail("opens collections to the internet in rule 2", "policy")],
        ),
        (json.dumps({"Rules": RULES, "AllowFromPublic": True}), [Fail("opens collections to the internet in rule 1", "policy")]),
        (
            [{"Rules": RULES, "AllowFromPublic": UNKNOWN}, {"AllowFromPublic": True}, UNKNOWN],
            [Unknown("policy"), Fail("opens collections to the internet in rule 2", "policy"), Unknown("policy")],
        ),
        ("{", [INVALID]),
        (UNKNOWN, [Unknown("policy")]),
        (None, [Pass()]),
    ],
)
def test_network_policy(document: Any, expected: list[Verdict]) -> None:
    assert verdicts(PRIVATE, resource(POLICY, props={"type": "network", "policy": document})) == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (json.dumps({"Rules": RULES, "AWSOwnedKey": False, "KmsARN": "arn:aws:kms:eu-west-1:123456789012:key/1"}), Pass()),
        (json.dumps({"Rules": RULES, "KmsARN": "arn:aws:kms:eu-west-1:123456789012:key/1"}), Pass()),
        (json.dumps({"Rules": RULES, "AWSOwnedKey": True}), OWNED),
        ({"Rules": RULES, "AWSOwnedKey": UNKNOWN}, Unknown("policy")),
        ("{", INVALID),
        (UNKNOWN, Unknown("policy")),
        (None, Pass()),
    ],
)
def test_encryption_policy(document: Any, expected: Verdict) -> None:
    assert verdicts(KEY, resource(POLICY, props={"type": "encryption", "policy": document})) == [expected]


@pytest.mark.parametrize(("control", "kind", "other"), [(PRIVATE, "network", "encryption"), (KEY, "encryption", "network")])
def test_a_policy_of_another_kind(control: Control, kind: str, other: str) -> None:
    document = json.dumps({"AllowFromPublic": True, "AWSOwnedKey": True})
    assert verdicts(control, resource(POLICY, props={"type": other, "policy": document})) == [NotApplicable(f"is no {kind} policy")]
    assert verdicts(control, resource(POLICY, props={"type": UNKNOWN, "policy": document})) == [Unknown("type")]


ACCESS = "aws:opensearch/serverlessAccessPolicy:ServerlessAccessPolicy"


def statement(permission: Any = ("aoss:ReadDocument",), resource_: Any = ("index/shop/products-*",)) -> dict[str, Any]:
    rule = {"ResourceType": "index", "Resource": [*resource_], "Permission": [*permission]}
    return {"Principal": ["arn:aws:iam::123456789012:role/web"], "Rules": [rule]}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (json.dumps([statement(), statement(["aoss:CreateIndex"], ["index/shop/*"])]), [Pass()]),
        (json.dumps([statement(), statement(["aoss:*"])]), [Fail("allows every action in statement 2", "policy")]),
        (json.dumps([statement(resource_=["index/*/*"])]), [Fail("reaches every collection in statement 1", "policy")]),
        (json.dumps([statement(resource_=["collection/*"])]), [Fail("reaches every collection in statement 1", "policy")]),
        (json.dumps(statement(["*"])), [Fail("allows every action in statement 1", "policy")]),
        ([statement([UNKNOWN])], [Unknown("policy")]),
        ([statement(resource_=[UNKNOWN])], [Unknown("policy")]),
        ([UNKNOWN, {"Rules": UNKNOWN}, {"Rules": [UNKNOWN]}, {}], [Unknown("policy")] * 3),
        ("{", [INVALID]),
        (UNKNOWN, [Unknown("policy")]),
        (None, [Pass()]),
    ],
)
def test_data_access_policy(document: Any, expected: list[Verdict]) -> None:
    assert verdicts(controls.search_collection_access, resource(ACCESS, props={"policy": document})) == expected
