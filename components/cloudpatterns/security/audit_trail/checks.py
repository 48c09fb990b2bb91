"""Rules over several arguments of ``AuditTrail``, and the names of its children."""

import re
from collections.abc import Iterator

from cloudpatterns.core import Problem, excludes, is_given, needs
from cloudpatterns.security.audit_trail.arguments import AuditTrailArgs

_OF_A_NEW_TRAIL = ("data_events", "existing_trail_bucket_arn", "insights", "lock_mode", "log_retention_days", "organization_id")
_OF_NEW_BUCKETS = ("retention_days", "transitions", "log_bucket_name")


def child_names(checked: AuditTrailArgs) -> dict[str, int]:
    """The longest children's limits: buckets and rules."""
    names = {"switched-off": 64}
    if checked.get("existing_trail") is None:
        names |= {"trail-role": 64}
        if checked.get("existing_trail_bucket_arn") is None:
            names |= {"files-bucket": 63} if is_given(checked, "log_bucket_name") else {"files-logs-bucket": 63}
    if (recorder := checked.get("recorder")) is not None and recorder.get("existing_recorder_name") is None:
        names |= {"config-bucket": 63, "recorder-role": 64}
    return names


def audit_problems(name: str, checked: AuditTrailArgs) -> Iterator[Problem]:
    """What AWS would refuse, and what would have no effect."""
    if not re.fullmatch("[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", name):
        reason = f"is {name!r}; names of trails have letters and digits with single dashes between them, a letter first. Give such a name."
        yield "name", reason
    yield from excludes(checked, "existing_trail", *_OF_A_NEW_TRAIL, why="an adopted trail is not changed")
    yield from needs(checked, "existing_trail_bucket_arn", "kms_key_arn", why="the key's policy and the bucket's belong together")
    yield from excludes(checked, "existing_trail_bucket_arn", "lock_mode", why="the bucket has a lock of its own")
    yield from _bucket_problems(checked)
    yield from needs(checked, "hub", "recorder", why="AWS Config does its checks")
    inspector = checked.get("inspector")
    if inspector is not None:
        if checked.get("existing_trail") is not None and not inspector["account_ids"]:
            reason = "is missing; with existing_trail the stack's account is not known. Give it, as in ['123456789012']."
            yield "inspector.account_ids", reason
        if "LAMBDA_CODE" in inspector["resource_types"] and "LAMBDA" not in inspector["resource_types"]:
            yield "inspector.resource_types", "has LAMBDA_CODE without LAMBDA, on which it builds. Add LAMBDA."
    detector = checked.get("detector")
    if detector is not None:
        yield from excludes(detector, "existing_detector_id", "features", "runtime_monitoring", path="detector.", why="it is not changed")
    recorder = checked.get("recorder")
    if recorder is not None:
        yield from excludes(recorder, "existing_recorder_name", "frequency", path="recorder.", why="it is not changed")


def _bucket_problems(checked: AuditTrailArgs) -> Iterator[Problem]:
    """What is for new buckets, where there are none: nobody should believe that something is kept by it."""
    recorder = checked.get("recorder")
    if recorder is not None and recorder.get("existing_recorder_name") is None:
        return
    adopted = [name for name in ("existing_trail", "existing_trail_bucket_arn") if is_given(checked, name)]
    for argument in _OF_NEW_BUCKETS if adopted else ():
        if is_given(checked, argument):
            yield argument, f"is for new buckets; with {adopted[0]} and without a new recorder there are none. Remove it."
