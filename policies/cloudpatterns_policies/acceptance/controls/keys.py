"""Keys that a service must be allowed to use before it accepts them."""

import json
from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

KEY: Final = "aws:kms/key:Key"
_KEY_POLICY: Final = "aws:kms/keyPolicy:KeyPolicy"
_LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"


@stack_control(
    id="log-group-key-policy",
    title="Keys of log groups admit CloudWatch Logs",
    severity=Severity.HIGH,
    types=(_LOG_GROUP,),
    why="CloudWatch Logs refuses a key whose policy does not allow the service of the region to use it.",
    remediation="Allow kms:Encrypt*, kms:Decrypt*, kms:ReEncrypt*, kms:GenerateDataKey* and kms:Describe* to logs.REGION.amazonaws.com.",
    url="https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    pack="acceptance",
)
def log_group_key_policy(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A key of the stack whose policy is known, or which has none."""
    keys = stack.refs(resource, "kmsKeyId", KEY)
    if len(keys) != 1:
        return
    documents = key_documents(keys[0], stack)
    if not any(may_admit(document, "logs") for document in documents):
        yield Fail(f"would be refused: the policy of {keys[0].name} does not allow CloudWatch Logs", "kmsKeyId")


def key_documents(key: Resource, stack: Stack) -> list[Any]:
    """The policies of a key, as far as the program gives them."""
    return [given(policy, "policy") for policy in stack.referrers(key, _KEY_POLICY, "keyId")] or [given(key, "policy")]


def may_admit(document: Any, service: str) -> bool:
    """Whether a key policy allows a service something, or may do so. The policy that AWS gives a key by default does not."""
    if document is None:
        return False
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError:
            return True
    statements = document.get("Statement") if isinstance(document, dict) else UNKNOWN
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", UNKNOWN) if isinstance(statement, dict) else UNKNOWN
        if principal is UNKNOWN or principal == "*":
            return True
        for kind in ("Service", "AWS"):
            named = principal.get(kind, ()) if isinstance(principal, dict) else UNKNOWN
            for name in named if isinstance(named, list | tuple) else [named]:
                if not isinstance(name, str) or name == "*" or (kind == "Service" and name.startswith(f"{service}.")):
                    return True
    return False
