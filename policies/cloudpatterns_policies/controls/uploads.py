"""Uploads: a bucket whose objects are scanned gives nobody an object that is not clean."""

from typing import Final

from cloudpatterns_policies.controls._buckets import BUCKETS, POLICY, settings
from cloudpatterns_policies.controls._documents import Statement, matches, read_document
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control

_PLAN: Final = "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan"
_PAGE: Final = "https://docs.aws.amazon.com/guardduty/latest/ug/tag-based-access-s3-malware-protection.html"
_TAG: Final = "s3:existingobjecttag/guarddutymalwarescanstatus"
_CLEAN: Final = ("NO_THREATS_FOUND",)
_READS: Final = ("s3:GetObject", "s3:GetObjectVersion")


@control(
    id="malware-scan-tagged",
    title="Malware protection plans tag objects with the result",
    severity=Severity.MEDIUM,
    types=(_PLAN,),
    why="GuardDuty scans, and neither deletes nor locks anything. Without the tag no policy can tell a clean object from another.",
    remediation='Set actions=[{"taggings": [{"status": "ENABLED"}]}].',
    url=_PAGE,
)
def malware_scan_tagged(resource: Resource) -> Verdict:
    if resource.is_unknown("actions"):
        return Unknown("actions")
    states = [tagging.get("status") for action in resource.get("actions", []) for tagging in action.get("taggings", [])]
    return Pass() if "ENABLED" in states else Fail("does not tag what it has scanned", "actions")


@stack_control(
    id="malware-scan-before-read",
    title="Objects that are scanned cannot be read before they are clean",
    severity=Severity.HIGH,
    types=(_PLAN,),
    why="A scan takes seconds to minutes, in which anybody with rights reads the upload, and a threat stays readable for ever.",
    remediation=(
        "Add to the policy of the bucket a Deny of s3:GetObject and s3:GetObjectVersion for Principal * with the condition "
        "StringNotEquals s3:ExistingObjectTag/GuardDutyMalwareScanStatus NO_THREATS_FOUND, and except the role of the plan by "
        "ArnNotEquals aws:PrincipalArn, as the components DirectObjectUpload and WriteProxy do."
    ),
    url=_PAGE,
)
def malware_scan_before_read(resource: Resource, stack: Stack) -> Verdict:
    buckets = [one for one in stack.refs(resource, "protectedResource") if one.type in BUCKETS]
    if not buckets:
        return NotApplicable("scans a bucket of another stack")
    prefixes = resource.get("protectedResource.s3Bucket.objectPrefixes", [])
    for policy in (one for bucket in buckets for one in settings(stack, bucket, POLICY)):
        document = read_document(policy, "policy")
        if isinstance(document, Unknown):
            return Unknown(f"policy of {policy.name}")
        if isinstance(document, Fail):
            return Fail("has a policy that is not a valid policy document", f"policy of {policy.name}")
        refusing = [statement for statement in document if _refuses_unscanned(statement)]
        if all(any(_covers(statement, action, prefix) for statement in refusing) for action in _READS for prefix in prefixes or [""]):
            return Pass()
    return Fail(f"scans {buckets[0].name}, whose policy lets objects be read that are not clean", "protectedResource")


def _refuses_unscanned(statement: Statement) -> bool:
    """Whether a statement denies everyone, but those that it excepts by name, what has not the tag."""
    tagged = [condition for condition in statement.conditions if condition[0] == "stringnotequals" and condition[1:] == (_TAG, _CLEAN)]
    others = [condition for condition in statement.conditions if condition not in tagged]
    return (
        not statement.allow
        and (("AWS", "*") in statement.principals or bool(statement.not_principals))
        and bool(tagged)
        and all("not" in operator and key == "aws:principalarn" for operator, key, _ in others)
    )


def _covers(statement: Statement, action: str, prefix: str) -> bool:
    # S3 refuses a policy that names another bucket, so that the rest of the ARN decides.
    objects = (resource.partition("/") for resource in statement.resources)
    return statement.names(action) and any(slash and matches(key, f"{prefix}\0") for _, slash, key in objects)
