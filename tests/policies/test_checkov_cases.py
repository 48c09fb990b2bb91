"""Controls that claim an id of Checkov decide as Checkov's own cases do, with properties in Pulumi's names.

Cases are from `tests/terraform` of https://github.com/bridgecrewio/checkov, one line for each resource.
"""

from typing import Any

import pytest
from cloudpatterns_policies.core import Control, Fail, discover

from tests.policies.helpers import resource, stack, verdicts

ALB, CLASSIC = "aws:lb/loadBalancer:LoadBalancer", "aws:elb/loadBalancer:LoadBalancer"
CLUSTER, ROLE = "aws:rds/cluster:Cluster", "aws:iam/role:Role"
WEB_ACL, REST_STAGE = "aws:wafv2/webAcl:WebAcl", "aws:apigateway/stage:Stage"
BLOCK = ("blockPublicAcls", "ignorePublicAcls", "blockPublicPolicy", "restrictPublicBuckets")
LAMBDA, PASSWORDS = "aws:lambda/function:Function", "aws:iam/accountPasswordPolicy:AccountPasswordPolicy"
DLM, SSL, KEY = "aws:dlm/lifecyclePolicy:LifecyclePolicy", "SSLNegotiationPolicyType", "AKIA" + "IOSFODNN7EXAMPLE"
FULL, READ = "arn:aws:iam::aws:policy/IAMFullAccess", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def document(action: Any, on: Any = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Action": action, "Effect": effect, "Resource": on}]}


def resource_policy(principal: Any = "*", **fields: Any) -> dict[str, Any]:
    statement = {"Action": ["s3:GetObject"], "Effect": "Allow", "Resource": "arn:aws:s3:::bucket/*", "Principal": principal, **fields}
    return {"Version": "2012-10-17", "Statement": [statement]}


def arn_equals(arn: str) -> dict[str, Any]:
    return {"ArnEquals": {"aws:PrincipalArn": arn}}


def acl(*grants: tuple[str, str]) -> dict[str, Any]:
    uri = "http://acs.amazonaws.com/groups/global/"
    return {
        "accessControlPolicy": {
            "grants": [{"permission": permission, "grantee": {"type": "Group", "uri": f"{uri}{group}"}} for group, permission in grants]
        }
    }


def trusted(**claims: Any) -> dict[str, Any]:
    provider = "arn:aws:iam::123456123456:oidc-provider/token.actions.githubusercontent.com"
    condition = {"StringLike": {f"token.actions.githubusercontent.com:{claim}": value for claim, value in claims.items()}}
    return {"Statement": [{"Effect": "Allow", "Principal": {"Federated": provider}, "Condition": condition if claims else {}}]}


def opens(first: int, last: int) -> dict[str, Any]:
    rule = {"networkAclId": "acl-1", "ruleNumber": 100, "ruleAction": "allow", "egress": False}
    return {**rule, "protocol": "tcp", "cidrBlock": "0.0.0.0/0", "fromPort": first, "toPort": last}


CASES = [
    *[
        ("CKV_AWS_70", kind, {"policy": policy}, fails)
        for kind in ("aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy")
        for policy, fails in (
            (resource_policy({"AWS": "*"}), True),
            (resource_policy({"AWS": ["*"]}), True),
            (resource_policy("*"), True),
            (resource_policy({"AWS": "some_arn"}), False),
            (resource_policy(Effect="Deny"), False),
            (resource_policy({"AWS": "*"}, Condition=arn_equals("arn:aws:iam::123456789012:user/username")), False),
            (resource_policy({"AWS": "*"}, Condition=arn_equals("arn:aws:iam::*")), True),
        )
    ],
    ("CKV_AWS_70", "aws:s3/bucket:Bucket", {"bucket": "bucket"}, False),
    *[
        (item, kind, {"acl": canned}, fails)
        for kind in ("aws:s3/bucket:Bucket", "aws:s3/bucketAcl:BucketAcl")
        for item, canned, fails in (
            ("CKV_AWS_20", "private", False),
            ("CKV_AWS_20", None, False),
            ("CKV_AWS_20", "public-read", True),
            ("CKV_AWS_20", "public-read-write", True),
            ("CKV_AWS_20", "website", True),
            ("CKV_AWS_20", "authenticated-read", True),
            ("CKV_AWS_57", "private", False),
            ("CKV_AWS_57", "public-read-write", True),
        )
    ],
    *[
        (item, "aws:s3/bucketAcl:BucketAcl", acl(*grants), fails)
        for item, grants, fails in (
            ("CKV_AWS_20", [("AllUsers", "READ")], True),
            ("CKV_AWS_57", [("AllUsers", "WRITE")], True),
            ("CKV_AWS_375", [("AllUsers", "FULL_CONTROL"), ("AllUsers", "READ_ACP")], True),
            ("CKV_AWS_375", [("Other", "FULL_CONTROL"), ("AllUsers", "READ_ACP")], True),
            ("CKV_AWS_375", [("Other", "FULL_CONTROL"), ("Other", "READ_ACP")], False),
            ("CKV2_AWS_43", [("AuthenticatedUsers", "READ_ACP")], True),
            ("CKV2_AWS_43", [], False),
        )
    ],
    ("CKV_AWS_392", "aws:s3/accessPoint:AccessPoint", {"publicAccessBlockConfiguration": dict.fromkeys(BLOCK, True)}, False),
    ("CKV_AWS_392", "aws:s3/accessPoint:AccessPoint", {}, False),
    ("CKV_AWS_392", "aws:s3/accessPoint:AccessPoint", {"publicAccessBlockConfiguration": dict.fromkeys(BLOCK, False)}, True),
    ("CKV_AWS_32", "aws:ecr/repositoryPolicy:RepositoryPolicy", {"policy": resource_policy(Action=["ecr:PutImage"])}, True),
    (
        "CKV_AWS_32",
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        {"policy": resource_policy({"AWS": ["arn:aws:iam::123456789012:user/pull-user-1"]})},
        False,
    ),
    ("CKV_AWS_32", "aws:ecr/repositoryPolicy:RepositoryPolicy", {"policy": ""}, False),
    ("CKV_AWS_167", "aws:glacier/vault:Vault", {"accessPolicy": resource_policy()}, True),
    ("CKV_AWS_167", "aws:glacier/vault:Vault", {"accessPolicy": resource_policy({"AWS": "arn:aws:iam::123456789012:root"})}, False),
    ("CKV_AWS_167", "aws:glacier/vault:Vault", {}, False),
    ("CKV_AWS_302", "aws:rds/snapshot:Snapshot", {}, False),
    ("CKV_AWS_302", "aws:rds/snapshot:Snapshot", {"sharedAccounts": ["all"]}, True),
    ("CKV_AWS_205", "aws:ec2/amiLaunchPermission:AmiLaunchPermission", {"group": "all"}, True),
    ("CKV_AWS_303", "aws:ssm/document:Document", {}, False),
    ("CKV_AWS_303", "aws:ssm/document:Document", {"permissions": {"type": "Share", "account_ids": "680235478471"}}, False),
    ("CKV_AWS_303", "aws:ssm/document:Document", {"permissions": {"type": "Share", "account_ids": "All"}}, True),
    ("CKV_AWS_69", "aws:mq/broker:Broker", {"publiclyAccessible": True}, True),
    ("CKV_AWS_69", "aws:mq/broker:Broker", {}, False),
    ("CKV_AWS_164", "aws:transfer/server:Server", {"endpointType": "PUBLIC"}, True),
    ("CKV_AWS_164", "aws:transfer/server:Server", {"endpointType": "VPC"}, False),
    ("CKV_AWS_164", "aws:transfer/server:Server", {}, True),
    *[
        ("CKV_AWS_63", kind, {path: statement}, fails)
        for kind, path in (
            ("aws:iam/policy:Policy", "policy"),
            ("aws:iam/rolePolicy:RolePolicy", "policy"),
            ("aws:iam/userPolicy:UserPolicy", "policy"),
            ("aws:iam/groupPolicy:GroupPolicy", "policy"),
            ("aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy", "inlinePolicy"),
        )
        for statement, fails in (
            (document("*"), True),
            (document(["*"], "foo"), True),
            (document(["ec2:Describe*"]), False),
            (document("*", effect="Deny"), False),
        )
    ],
    ("CKV_AWS_96", CLUSTER, {"engine": "aurora", "storageEncrypted": True}, False),
    ("CKV_AWS_96", CLUSTER, {"engine": "aurora", "engineMode": "serverless"}, False),
    ("CKV_AWS_96", CLUSTER, {"engine": "aurora", "engineMode": "serverless", "storageEncrypted": False}, False),
    ("CKV_AWS_96", CLUSTER, {"engine": "aurora", "engineMode": "provisioned"}, True),
    ("CKV_AWS_96", CLUSTER, {"engine": "aurora", "storageEncrypted": False}, True),
    ("CKV_AWS_324", CLUSTER, {"enabledCloudwatchLogsExports": ["audit"], "iamDatabaseAuthenticationEnabled": True}, False),
    ("CKV_AWS_324", CLUSTER, {"masterUsername": "username"}, True),
    ("CKV_AWS_389", "aws:ec2/launchConfiguration:LaunchConfiguration", {"associatePublicIpAddress": True}, True),
    ("CKV_AWS_389", "aws:ec2/launchConfiguration:LaunchConfiguration", {"associatePublicIpAddress": False}, False),
    *[
        ("CKV2_AWS_56", kind, {path: arn}, arn == FULL)
        for kind, path in (
            ("aws:iam/policyAttachment:PolicyAttachment", "policyArn"),
            ("aws:iam/userPolicyAttachment:UserPolicyAttachment", "policyArn"),
            ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "policyArn"),
            ("aws:iam/groupPolicyAttachment:GroupPolicyAttachment", "policyArn"),
            ("aws:ssoadmin/managedPolicyAttachment:ManagedPolicyAttachment", "managedPolicyArn"),
        )
        for arn in (FULL, READ)
    ],
    ("CKV2_AWS_56", ROLE, {"managedPolicyArns": [FULL]}, True),
    ("CKV2_AWS_56", ROLE, {"managedPolicyArns": [READ, FULL]}, True),
    ("CKV2_AWS_56", ROLE, {"managedPolicyArns": [READ]}, False),
    ("CKV2_AWS_56", ROLE, {}, False),
    ("CKV_AWS_328", ALB, {"loadBalancerType": "application", "desyncMitigationMode": "strictest"}, False),
    ("CKV_AWS_328", ALB, {"loadBalancerType": "application"}, False),
    ("CKV_AWS_328", ALB, {"loadBalancerType": "application", "desyncMitigationMode": "monitor"}, True),
    ("CKV_AWS_91", ALB, {"loadBalancerType": "application", "accessLogs": {"bucket": "logs", "enabled": True}}, False),
    ("CKV_AWS_91", ALB, {"loadBalancerType": "application", "accessLogs": {"bucket": "logs"}}, True),
    ("CKV_AWS_91", ALB, {"loadBalancerType": "application"}, True),
    ("CKV_AWS_91", ALB, {"loadBalancerType": "gateway"}, False),
    ("CKV_AWS_175", WEB_ACL, {"rules": [{"name": "rule", "priority": 1}]}, False),
    ("CKV_AWS_175", WEB_ACL, {}, True),
    ("CKV2_AWS_51", REST_STAGE, {"stageName": "example", "clientCertificateId": "certificateId"}, False),
    *[
        ("CKV_AWS_393", ROLE, {"assumeRolePolicy": trusted(**claims)}, expected)
        for claims, expected in (
            ({"aud": "sts.amazonaws.com", "sub": "repo:org/our-repo-name:*"}, False),
            ({"sub": "repo:myOrg/myRepo:ref:refs/heads/MyBranch"}, False),
            ({"sub": "repo:myOrg/*"}, False),
            ({}, True),
            ({"sub": "invalid"}, True),
            ({"sub": "*"}, True),
            ({"sub": "repo:*"}, True),
            ({"sub": "repo:myOrg*"}, True),
        )
    ],
    *[
        ("CKV_AWS_61", ROLE, {"assumeRolePolicy": {"Statement": [{"Effect": "Allow", "Principal": principal}]}}, expected)
        for principal, expected in (
            ({"AWS": "123123123123"}, True),
            ({"AWS": "arn:aws:iam::123123123123:root"}, True),
            ({"Service": "ecs-tasks.amazonaws.com"}, False),
        )
    ],
    ("CKV_AWS_45", LAMBDA, {"environment": {"variables": {"access_key": KEY, "secret_key": "x"}}}, True),
    ("CKV_AWS_45", LAMBDA, {"environment": {"variables": {"AWS_REGION": "eu-west-1"}}}, False),
    ("CKV_AWS_45", LAMBDA, {}, False),
    ("CKV2_AWS_34", "aws:ssm/parameter:Parameter", {"type": "SecureString", "name": "password", "value": "x"}, False),
    ("CKV2_AWS_34", "aws:ssm/parameter:Parameter", {"type": "String", "name": "password", "value": "hunter2"}, True),
    *[
        ("CKV_AWS_213", "aws:elb/loadBalancerPolicy:LoadBalancerPolicy", {"policyTypeName": SSL, "policyAttributes": attributes}, expected)
        for attributes, expected in (
            ([{"name": "Protocol-TLSv1.2", "value": "true"}, {"name": "Protocol-TLSv1", "value": "true"}], True),
            ([{"name": "Reference-Security-Policy", "value": "ELBSecurityPolicy-2016-08"}], True),
            ([{"name": "Reference-Security-Policy", "value": "ELBSecurityPolicy-TLS-1-1-2017-01"}], True),
            ([{"name": "Protocol-TLSv1.2", "value": "true"}], False),
            ([{"name": "Protocol-TLSv1", "value": "false"}], False),
            ([{"name": "Reference-Security-Policy", "value": "TLS-1-2-2017-01"}], False),
        )
    ],
    ("CKV_AWS_376", CLASSIC, {"listeners": [{"instanceProtocol": "http"}]}, True),
    ("CKV_AWS_376", CLASSIC, {"listeners": [{"instanceProtocol": "SSL", "lbProtocol": "https", "sslCertificateId": "foo"}]}, False),
    ("CKV_AWS_92", CLASSIC, {"accessLogs": {"bucket": "logs"}}, False),
    ("CKV_AWS_92", CLASSIC, {}, True),
    ("CKV_AWS_328", CLASSIC, {"desyncMitigationMode": "monitor"}, True),
    ("CKV_AWS_338", "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 3}, True),
    ("CKV_AWS_338", "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 0}, False),
    ("CKV_AWS_338", "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 365}, False),
    ("CKV_AWS_13", PASSWORDS, {"passwordReusePrevention": 24}, False),
    ("CKV_AWS_13", PASSWORDS, {"passwordReusePrevention": 5}, True),
    ("CKV_AWS_9", PASSWORDS, {"maxPasswordAge": 90}, False),
    ("CKV_AWS_9", PASSWORDS, {"maxPasswordAge": 91}, True),
    *[
        ("CKV_AWS_253", DLM, {"policyDetails": {"action": {"crossRegionCopies": [{"encryptionConfiguration": {"encrypted": on}}]}}}, not on)
        for on in (True, False)
    ],
    *[
        ("CKV_AWS_255", DLM, {"policyDetails": {"schedules": [{"crossRegionCopyRules": [{"encrypted": on}]}]}}, not on)
        for on in (True, False)
    ],
    ("CKV_AWS_352", "aws:ec2/networkAclRule:NetworkAclRule", opens(22, 22), False),
    ("CKV_AWS_352", "aws:ec2/networkAclRule:NetworkAclRule", opens(0, 65535), True),
]

# What Checkov fails and the control does not see, which the claim says.
NOT_COVERED = [
    ("CKV_AWS_205", "aws:ec2/amiLaunchPermission:AmiLaunchPermission", {"accountId": "123456789012"}),
    ("CKV_AWS_91", ALB, {"loadBalancerType": "network"}),
    ("CKV_AWS_393", ROLE, {"assumeRolePolicy": trusted(sub="workflow:github-actions:repo:myOrg/myRepo:ref:refs/heads/MyBranch")}),
    ("CKV_AWS_45", LAMBDA, {"environment": {"variables": {"value": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"}}}),
    ("CKV2_AWS_34", "aws:ssm/parameter:Parameter", {"type": "String", "name": "table", "value": "shop"}),
    ("CKV_AWS_127", CLASSIC, {"listeners": [{"lbProtocol": "http"}]}),
    ("CKV_AWS_376", CLASSIC, {"listeners": [{"instanceProtocol": "https", "lbProtocol": "https"}]}),
    ("CKV_AWS_338", "aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30}),
    ("CKV_AWS_352", "aws:ec2/networkAclRule:NetworkAclRule", {**opens(0, 65535), "ruleAction": "deny"}),
    ("CKV_AWS_175", "aws:waf/webAcl:WebAcl", {}),
    ("CKV_AWS_175", "aws:wafregional/webAcl:WebAcl", {}),
    ("CKV2_AWS_51", REST_STAGE, {"stageName": "example"}),
    ("CKV2_AWS_51", "aws:apigatewayv2/stage:Stage", {"name": "example-stage"}),
]


def claiming(item: str) -> list[Control]:
    found = [control for control in discover(pack=None) if item in control.frameworks.get("Checkov", ())]
    assert found
    return found


def fails(item: str, kind: str, props: dict[str, Any]) -> bool:
    one = resource(kind, "x", props)
    found: list[Any] = []
    for control in claiming(item):
        if kind in control.types:
            found += verdicts(control, one) if control.kind == "resource" else [verdict for _, verdict in verdicts(control, stack(one))]
    return any(isinstance(verdict, Fail) for verdict in found)


@pytest.mark.parametrize(("item", "kind", "props", "expected"), CASES)
def test_a_claim_decides_as_checkov_does(item: str, kind: str, props: dict[str, Any], expected: bool) -> None:
    assert any(kind in control.types for control in claiming(item))
    assert fails(item, kind, props) == expected


@pytest.mark.parametrize(("item", "kind", "props"), NOT_COVERED)
def test_a_claim_that_does_not_is_partial(item: str, kind: str, props: dict[str, Any]) -> None:
    assert not fails(item, kind, props)
    assert all(item in control.partial for control in claiming(item))
