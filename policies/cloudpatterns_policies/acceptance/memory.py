"""Which CloudFormation types a stack had the last time, so that the validator is built for them before the program has run.

A guess: types that are missing in it are added when the stack is judged, and too many cost nothing but time.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cloudpatterns_policies.acceptance.preflight import cache_folder, write_whole

_TYPE: Final = re.compile(r"[A-Za-z0-9]+(::[A-Za-z0-9]+)+")
_MOST: Final = 400

COMMON: Final = frozenset(
    f"AWS::{name}"
    for name in (
        *("EC2::VPC", "EC2::Subnet", "EC2::RouteTable", "EC2::Route", "EC2::SecurityGroup", "EC2::SecurityGroupIngress"),
        *("IAM::Role", "IAM::RolePolicy", "S3::Bucket", "KMS::Key", "Logs::LogGroup", "Lambda::Function", "SQS::Queue", "SNS::Topic"),
        *("ElasticLoadBalancingV2::LoadBalancer", "ElasticLoadBalancingV2::TargetGroup", "ElasticLoadBalancingV2::Listener"),
        *("CloudWatch::Alarm", "DynamoDB::Table", "RDS::DBInstance"),
    )
)
"""What many stacks have: the guess for one that is not remembered, as on a new machine."""


def recall(stack: str, folder: Path | None = None) -> frozenset[str]:
    """The types that were remembered for a stack, such as `project/prod`; none the first time."""
    path = _path(stack, folder)
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path is not None else []
    except (OSError, ValueError):
        return frozenset()
    names = found if isinstance(found, list) else []
    return frozenset(name for name in names[:_MOST] if isinstance(name, str) and _TYPE.fullmatch(name))


def remember(stack: str, types: Iterable[str], folder: Path | None = None) -> None:
    """Remembers the types of a stack; does nothing where the cache folder cannot be written to."""
    path = _path(stack, folder)
    if path is not None and (names := frozenset(types)) != recall(stack, folder):
        write_whole(path, json.dumps(sorted(names)).encode())


def _path(stack: str, folder: Path | None) -> Path | None:
    base = folder or cache_folder()
    return base / f"types-{hashlib.sha256(stack.encode()).hexdigest()[:32]}.json" if base is not None else None
