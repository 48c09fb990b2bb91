"""Whether a resource's policy allows everyone. AWS's own definition: a policy is public unless it is restricted to fixed values.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._documents import Statement, read_document
from cloudpatterns_policies.core import Fail, Resource, Unknown, Verdict

# Conditions that name the caller, or on whose behalf. `aws:SourceOwner` is what SNS's own default policy has.
_CALLER: Final = re.compile(r"aws:(principal(account|orgid|orgpaths|arn)|source(account|arn|owner|orgid|orgpaths|vpc|vpce)|userid)")
_ADDRESS: Final = re.compile(r"aws:sourceip")
_FIXED_ACCOUNT: Final = re.compile(r"arn:[^:]*:[^:]*:[^:]*:\d{12}:.*|o-[a-z0-9]{10,32}/.*|[A-Z]{21}:.*")
_WILD: Final = re.compile(r"[*?]|\$\{")
_WIDEST: Final = {4: 8, 6: 32}
"""The shortest prefix of a public network that still counts as fixed, by version of IP."""


def public_statements(document: list[Statement]) -> Iterator[Statement]:
    """Statements that allow something to everyone."""
    for statement in document:
        if statement.allow and statement.allows_everyone and not confined(statement):
            yield statement


def confined(statement: Statement) -> bool:
    """Whether a condition restricts the statement to fixed callers, sources or networks."""
    return any(all(is_fixed(value) for value in values) for values in statement.confined_by(_CALLER)) or any(
        all(_is_narrow(value) for value in values) for values in statement.confined_by(_ADDRESS)
    )


def is_fixed(value: str) -> bool:
    """Whether a value is fixed: it has no wildcard or variable, or only after a named account or organisation."""
    return bool(value) and (_WILD.search(value) is None or ("${" not in value and _FIXED_ACCOUNT.fullmatch(value) is not None))


def _is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.is_private or network.prefixlen >= _WIDEST[network.version]


def not_public(resource: Resource, path: str = "policy") -> list[Verdict]:
    """What is wrong with the policy document at `path`: one failure for each statement that allows everyone."""
    document = read_document(resource, path)
    if isinstance(document, Unknown | Fail):
        return [document]
    return [Fail(f"allows everyone in {statement.label}", path) for statement in public_statements(document)]
