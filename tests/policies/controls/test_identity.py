"""IAM policies, attachments, users and access keys."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import identity as controls
from cloudpatterns_policies.controls._escalation import ESCALATIONS, PASSING
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Severity, Unknown, Verdict, discover

from tests.policies.helpers import UNKNOWN, resource, verdicts

POLICY, ROLE = "aws:iam/policy:Policy", "aws:iam/role:Role"
DOCUMENTS = {
    POLICY: "policy",
    "aws:iam/rolePolicy:RolePolicy": "policy",
    "aws:iam/userPolicy:UserPolicy": "policy",
    "aws:iam/groupPolicy:GroupPolicy": "policy",
    "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy": "inlinePolicy",
}
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ADMIN, ATTACHED = controls.iam_policy_no_administrator, controls.iam_no_administrator_attachment
WILDCARD, ESCALATION = controls.iam_policy_no_service_wildcard, controls.iam_policy_no_escalation
NAMED, DECRYPT = controls.iam_policy_resources_named, controls.iam_policy_no_decrypt_on_all_keys
EVERY = controls.iam_policy_no_action_wildcard
USER, KEY = controls.iam_user_no_policy, controls.iam_no_access_key
OF_DOCUMENTS = [ADMIN, EVERY, WILDCARD, ESCALATION, NAMED, DECRYPT]

BUCKET = "arn:aws:s3:::shop/*"
GOOD = {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": [BUCKET]}


def allow(action: Any = None, on: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", **({"Action": action} if action else {}), **({"Resource": on} if on else {}), **more}


def judged(control: Control, *statements: dict[str, Any], config: dict[str, Any] | None = None) -> list[Verdict]:
    return verdicts(control, resource(POLICY, props={"policy": json.dumps({"Statement": list(statements)})}), config)


def failing(message: str) -> list[Fail]:
    return [Fail(message, "policy")]


ALL, ALL_BUT = "allows every action on every resource in statement 1", "on every resource in statement 1"


@pytest.mark.parametrize("control", OF_DOCUMENTS, ids=lambda control: control.id)
class TestEveryDocument:
    """What holds for each control that reads documents."""

    @pytest.mark.parametrize(("type", "path"), DOCUMENTS.items())
    def test_verdicts_of_each_kind_of_policy(self, control: Control, type: str, path: str) -> None:
        for document in (json.dumps({"Statement": GOOD}), {"Statement": [GOOD]}, json.dumps({"Statement": []}), None):
            assert verdicts(control, resource(type, props={path: document})) == [Pass()]
        assert verdicts(control, resource(type, props={path: UNKNOWN})) == [Unknown(path)]
        part = {"Statement": [{**GOOD, "Resource": [UNKNOWN]}]}
        assert verdicts(control, resource(type, props={path: part})) == [Unknown(f"{path}.Statement.0.Resource.0")]
        assert verdicts(control, resource(type, props={path: "no json"})) == [Fail("is not a valid policy document", path)]

    def test_inline_policies_of_a_role(self, control: Control) -> None:
        assert verdicts(control, resource(ROLE)) == [NotApplicable("has no inline policy")]
        assert verdicts(control, resource(ROLE, props={"inlinePolicies": UNKNOWN})) == [Unknown("inlinePolicies")]
        role = resource(ROLE, props={"inlinePolicies": [{"policy": json.dumps({"Statement": GOOD})}, {"policy": UNKNOWN}]})
        assert verdicts(control, role) == [Unknown("inlinePolicies.1.policy")]

    def test_denying_everything_is_fine(self, control: Control) -> None:
        assert judged(control, {"Effect": "Deny", "Action": "*", "Resource": "*"}) == [Pass()]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("*"), failing(ALL)),
        (allow(["s3:GetObject", "*:*"]), failing(ALL)),
        (allow("**", ["arn:aws:s3:::x", "arn:aws:*"]), failing(ALL)),
        (allow("*", Sid="Root"), failing("allows every action on every resource in statement Root")),
        (allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), failing(ALL)),
        (allow("*", None, NotResource=[BUCKET]), failing(f"allows every action on every resource but {BUCKET} in statement 1")),
        (allow(None, NotAction="s3:*"), failing(f"allows every action but s3:* {ALL_BUT}")),
        (
            allow(None, NotAction=["a:A", "b:B", "c:C", "d:D"]),
            failing(f"allows every action but a:A, b:B, c:C and 1 more {ALL_BUT}"),
        ),
        (allow(None, NotAction=["iam:*", "organizations:*"]), [Pass()]),
        (allow(None, BUCKET, NotAction="s3:*"), [Pass()]),
        (allow("*", BUCKET), [Pass()]),
        (allow("s3:*"), [Pass()]),
        (allow("?:?"), [Pass()]),
    ],
)
def test_administrator(statement: dict[str, Any], expected: list[Verdict]) -> None:
    assert judged(ADMIN, GOOD, statement) == [
        Fail(item.message.replace("statement 1", "statement 2"), item.where) if isinstance(item, Fail) else item for item in expected
    ]
    for control in OF_DOCUMENTS[2:]:
        if isinstance(expected[0], Fail):
            assert judged(control, statement) == [Pass()], f"{control.id} says again what {ADMIN.id} says"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("*"), failing("allows every action in statement 1")),
        (allow("*", BUCKET), failing("allows every action in statement 1")),
        (allow(["s3:GetObject", "*:*"], BUCKET, Sid="All"), failing("allows every action in statement All")),
        (allow("*", None, NotResource=[BUCKET]), failing("allows every action in statement 1")),
        (allow("*", BUCKET, Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), failing("allows every action in statement 1")),
        (allow("s3:*"), [Pass()]),
        (allow("s3:*", BUCKET), [Pass()]),
        (allow(None, NotAction="s3:*"), [Pass()]),
        ({"Effect": "Deny", "Action": "*", "Resource": BUCKET}, [Pass()]),
    ],
)
def test_every_action(statement: dict[str, Any], expected: list[Verdict]) -> None:
    assert judged(EVERY, statement) == expected


def test_checkovs_star_action_is_claimed_by_the_control_that_fails_on_it_everywhere() -> None:
    claiming = [control for control in discover() if "CKV_AWS_63" in control.frameworks.get("Checkov", ())]
    assert claiming == [EVERY]
    assert (EVERY.severity > Severity.LOW, EVERY.partial) == (True, {})


def test_the_failing_inline_policy_of_a_role_is_named() -> None:
    role = resource(ROLE, props={"inlinePolicies": [{"policy": json.dumps({"Statement": item})} for item in (GOOD, allow("*"))]})
    assert verdicts(ADMIN, role) == [Fail(ALL, "inlinePolicies.1.policy")]


@pytest.mark.parametrize(
    ("type", "props", "expected"),
    [
        (ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, Fail("attaches AdministratorAccess", "policyArn")),
        (ATTACHMENT, {"policyArn": "arn:aws-cn:iam::aws:policy/IAMFullAccess"}, Fail("attaches IAMFullAccess", "policyArn")),
        (ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, Pass()),
        (ATTACHMENT, {"policyArn": "arn:aws:iam::123456789012:policy/AdministratorAccess"}, Pass()),
        (ATTACHMENT, {"policyArn": UNKNOWN}, Unknown("policyArn")),
        (ATTACHMENT, {}, NotApplicable("attaches no managed policy")),
        (ROLE, {}, NotApplicable("attaches no managed policy")),
        (ROLE, {"managedPolicyArns": UNKNOWN}, Unknown("managedPolicyArns")),
        (ROLE, {"managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"]}, Pass()),
        (ROLE, {"managedPolicyArns": ["x", UNKNOWN]}, Unknown("managedPolicyArns.1")),
        *[
            (type, {path: "arn:aws:iam::aws:policy/AdministratorAccess"}, Fail("attaches AdministratorAccess", path))
            for type, path in [
                ("aws:iam/policyAttachment:PolicyAttachment", "policyArn"),
                ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "policyArn"),
                ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "policyArn"),
                ("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment", "managedPolicyArn"),
            ]
        ],
        *[
            (type, {path: ["x", "arn:aws:iam::aws:policy/AdministratorAccess"]}, Fail("attaches AdministratorAccess", f"{path}.1"))
            for type, path in [
                (ROLE, "managedPolicyArns"),
                ("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "policyArns"),
                ("aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive", "policyArns"),
                ("aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive", "policyArns"),
            ]
        ],
    ],
)
def test_attachments(type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(ATTACHED, resource(type, props=props)) == [expected]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("s3:*", BUCKET), failing("allows s3:* in statement 1")),
        (allow("*", BUCKET), [Pass()]),
        (allow(["*", "s3:*"], BUCKET), failing("allows s3:* in statement 1")),
        (allow(["i*:*", "s3:GetObject", "EC2:*"]), failing("allows i*:*, EC2:* in statement 1")),
        (allow(None, NotAction="iam:*"), failing("allows every action but iam:* in statement 1")),
        (allow(None, BUCKET, NotAction="s3:DeleteObject"), failing("allows every action but s3:DeleteObject in statement 1")),
        (allow("s3:Get*", BUCKET), [Pass()]),
    ],
)
def test_service_wildcard(statement: dict[str, Any], expected: list[Verdict]) -> None:
    assert judged(WILDCARD, statement) == expected


ROLES, OWN_ROLE = "arn:aws:iam::123456789012:role/*", "arn:aws:iam::123456789012:role/shop"
TAKES = "allows privilege escalation by"


@pytest.mark.parametrize("action", ESCALATIONS)
def test_each_escalation(action: str) -> None:
    assert judged(ESCALATION, allow(action.upper())) == failing(f"{TAKES} {action}")
    assert judged(ESCALATION, allow(action, f"arn:aws:{action.split(':')[0]}:eu-west-1:123456789012:thing/one")) == [Pass()]


@pytest.mark.parametrize(("service", "actions"), PASSING)
def test_each_way_to_pass_a_role(service: str, actions: tuple[str, ...]) -> None:
    use = allow(list(actions), "arn:aws:x:::only-one")
    message = f"{TAKES} iam:PassRole with {' and '.join(actions)}"
    assert judged(ESCALATION, allow("iam:PassRole", ROLES), use) == failing(message)
    assert judged(ESCALATION, use) == [Pass()]
    assert judged(ESCALATION, allow("iam:PassRole", ROLES), allow(list(actions[1:]), BUCKET)) == [Pass()]
    assert judged(ESCALATION, allow("iam:PassRole", OWN_ROLE), use) == [Pass()]
    for passed, expected in ((service, failing(message)), ("*", failing(message)), ("events.amazonaws.com", [Pass()])):
        condition = {"StringEquals": {"iam:PassedToService": passed}}
        assert judged(ESCALATION, allow("iam:PassRole", ROLES, Condition=condition), use) == expected


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (
            [allow("iam:*")],
            failing(f"{TAKES} iam:CreatePolicyVersion, iam:SetDefaultPolicyVersion, iam:CreateAccessKey and 10 more"),
        ),
        ([allow("iam:AttachRolePolicy", None, NotResource=OWN_ROLE)], failing(f"{TAKES} iam:AttachRolePolicy")),
        ([allow("iam:AttachRolePolicy", [BUCKET, ROLES])], failing(f"{TAKES} iam:AttachRolePolicy")),
        ([allow("iam:AttachRolePolicy", [OWN_ROLE, BUCKET])], [Pass()]),
        ([allow("iam:CreateAccessKey", "arn:aws:iam::*:user/${aws:username}")], [Pass()]),
        ([allow("iam:PutRolePolicy"), {"Effect": "Deny", "Action": "iam:Put*", "Resource": "*"}], [Pass()]),
        ([allow("iam:PutRolePolicy"), {"Effect": "Deny", "NotAction": "s3:*", "Resource": "*"}], [Pass()]),
        (
            [allow("iam:PutRolePolicy"), {"Effect": "Deny", "Action": "iam:Put*", "Resource": OWN_ROLE}],
            failing(f"{TAKES} iam:PutRolePolicy"),
        ),
        (
            [allow("iam:PutRolePolicy"), {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a:b": "true"}}}],
            failing(f"{TAKES} iam:PutRolePolicy"),
        ),
        *[
            ([allow("iam:AttachRolePolicy", Condition=condition)], expected)
            for condition, expected in [
                ({"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/ReadOnlyAccess"}}, [Pass()]),
                ({"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::123456789012:policy/edge"}}, [Pass()]),
                ({"StringLike": {"aws:ResourceTag/team": "shop"}}, [Pass()]),
                ({"StringLike": {"aws:ResourceTag/team": "*"}}, failing(f"{TAKES} iam:AttachRolePolicy")),
                ({"StringNotEquals": {"iam:PolicyARN": "x"}}, failing(f"{TAKES} iam:AttachRolePolicy")),
                ({"StringEqualsIfExists": {"aws:ResourceTag/team": "shop"}}, failing(f"{TAKES} iam:AttachRolePolicy")),
                ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, failing(f"{TAKES} iam:AttachRolePolicy")),
            ]
        ],
    ],
)
def test_escalation(statements: list[dict[str, Any]], expected: list[Verdict]) -> None:
    assert judged(ESCALATION, *statements) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (allow("s3:GetObject"), failing("allows s3:GetObject on every resource in statement 1")),
        (allow("s3:GetObject", [BUCKET, "arn:aws:*"]), failing("allows s3:GetObject on every resource in statement 1")),
        (allow("s3:GetObject", None, NotResource=BUCKET), failing("allows s3:GetObject on every resource in statement 1")),
        (allow(["ec2:DescribeVpcs", "ec2:Describe*"]), failing("allows ec2:Describe* on every resource in statement 1")),
        (allow(None, NotAction="iam:*"), failing("allows every action but iam:* on every resource in statement 1")),
        (allow(["ec2:DescribeVpcs", "AUTOSCALING:DescribeAuto*"]), [Pass()]),
        (allow("s3:GetObject", BUCKET), [Pass()]),
        (allow("s3:GetObject", Condition={"StringEquals": {"s3:ResourceTag/team": "shop"}}), [Pass()]),
        (
            allow("s3:GetObject", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}),
            failing("allows s3:GetObject on every resource in statement 1"),
        ),
    ],
)
def test_named_resources(statement: dict[str, Any], expected: list[Verdict]) -> None:
    assert judged(NAMED, statement) == expected


def test_more_actions_without_resources_can_be_configured() -> None:
    assert judged(NAMED, allow("iam:ListRoles"), config={"unscopedActions": ["IAM:ListRoles"]}) == [Pass()]


KEYS, ONE_KEY = "arn:aws:kms:*:123456789012:key/*", "arn:aws:kms:eu-west-1:123456789012:key/one"


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([allow("kms:Decrypt")], failing("allows kms:Decrypt with every key in statement 1")),
        ([allow("kms:*", KEYS)], failing("allows kms:Decrypt and kms:ReEncryptFrom with every key in statement 1")),
        ([allow("kms:ReEncrypt*", KEYS)], failing("allows kms:ReEncryptFrom with every key in statement 1")),
        (
            [allow("kms:Decrypt", Condition={"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}})],
            failing("allows kms:Decrypt with every key in statement 1"),
        ),
        ([allow("kms:Decrypt", [ONE_KEY, BUCKET])], [Pass()]),
        ([allow("kms:Encrypt")], [Pass()]),
        ([allow("kms:Decrypt"), {"Effect": "Deny", "Action": "kms:*", "Resource": "*"}], [Pass()]),
    ],
)
def test_decryption(statements: list[dict[str, Any]], expected: list[Verdict]) -> None:
    assert judged(DECRYPT, *statements) == expected
    # What is in order before it hides nothing.
    assert [type(found) for found in judged(DECRYPT, GOOD, *statements)] == [type(found) for found in expected]


ANY_ATTACHMENT = "aws:iam/policyAttachment:PolicyAttachment"


@pytest.mark.parametrize(
    ("type", "props", "expected"),
    [
        ("aws:iam/userPolicy:UserPolicy", {}, Fail("attaches a policy directly to a user", "user")),
        ("aws:iam/userPolicyAttachment:UserPolicyAttachment", {"user": UNKNOWN}, Fail("attaches a policy directly to a user", "user")),
        (ANY_ATTACHMENT, {"users": ["ann"]}, Fail("attaches a policy to users", "users")),
        (ANY_ATTACHMENT, {"roles": ["shop"]}, Pass()),
        (ANY_ATTACHMENT, {"users": UNKNOWN}, Unknown("users")),
    ],
)
def test_users(type: str, props: dict[str, Any], expected: Verdict) -> None:
    assert verdicts(USER, resource(type, props=props)) == [expected]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, Fail("is a long-lived access key", "status")),
        ("Active", Fail("is a long-lived access key", "status")),
        ("Inactive", Pass()),
        (UNKNOWN, Unknown("status")),
    ],
)
def test_access_keys(status: Any, expected: Verdict) -> None:
    assert verdicts(KEY, resource("aws:iam/accessKey:AccessKey", props={"status": status})) == [expected]


TRUST = controls.iam_role_trust_not_public


def trusted(*statements: Any) -> list[Verdict]:
    return verdicts(TRUST, resource(ROLE, props={"assumeRolePolicy": json.dumps({"Statement": list(statements)})}))


def trust(principal: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "sts:AssumeRole", **({"Principal": principal} if principal else {}), **more}


@pytest.mark.parametrize(
    "statement",
    [
        trust({"Service": "ec2.amazonaws.com"}),
        trust({"AWS": "arn:aws:iam::123456789012:root"}),
        trust("*", Effect="Deny"),
        trust("*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}),
        trust({"AWS": "*"}, Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}}),
    ],
)
def test_a_role_may_trust_known_principals(statement: dict[str, Any]) -> None:
    assert trusted(statement) == [Pass()]


@pytest.mark.parametrize(
    "statement",
    [
        trust("*"),
        trust({"AWS": "*"}),
        trust({"AWS": ["arn:aws:iam::123456789012:root", "*"]}),
        trust("*", Condition={"StringEquals": {"sts:ExternalId": "shop"}}),
        trust("*", Condition={"StringLike": {"aws:PrincipalArn": "*"}}),
        trust("*", Condition={"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}),
    ],
)
def test_a_role_may_not_trust_everybody(statement: dict[str, Any]) -> None:
    assert trusted(trust({"Service": "ec2.amazonaws.com"}), statement) == [
        Fail("allows sts:AssumeRole to everyone (Principal *) in statement 2", "assumeRolePolicy")
    ]


def test_a_role_may_not_trust_everybody_but_some() -> None:
    assert trusted(trust(None, NotPrincipal={"AWS": "arn:aws:iam::123456789012:root"})) == [
        Fail("allows sts:AssumeRole to everyone but arn:aws:iam::123456789012:root (NotPrincipal) in statement 1", "assumeRolePolicy")
    ]


def test_a_trust_that_is_unknown_or_missing() -> None:
    part = {"Statement": [trust({"AWS": UNKNOWN})]}
    assert verdicts(TRUST, resource(ROLE, props={"assumeRolePolicy": UNKNOWN})) == [Unknown("assumeRolePolicy")]
    assert verdicts(TRUST, resource(ROLE, props={"assumeRolePolicy": part})) == [Unknown("assumeRolePolicy.Statement.0.Principal.AWS")]
    assert verdicts(TRUST, resource(ROLE)) == [NotApplicable("sets no policy here")]
    assert verdicts(TRUST, resource(ROLE, props={"assumeRolePolicy": "no json"})) == [
        Fail("is not a valid policy document", "assumeRolePolicy")
    ]
