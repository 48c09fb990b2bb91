"""Resource policies. What makes a statement open is in `test_public_access.py`; that each type is judged, in `test_open_documents.py`."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.controls import resource_policies as controls
from cloudpatterns_policies.core import UNKNOWN, Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import resource, stack, verdicts

DOMAIN, DOMAIN_POLICY = "aws:opensearch/domain:Domain", "aws:opensearch/domainPolicy:DomainPolicy"
API, API_POLICY, DOMAIN_NAME = (
    f"aws:apigateway/{name}" for name in ("restApi:RestApi", "restApiPolicy:RestApiPolicy", "domainName:DomainName")
)
NETWORK = "aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy"
NO_POLICY = NotApplicable("sets no policy here")
CONFINED = {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}


def document(action: Any, **fields: Any) -> str:
    return json.dumps({"Statement": [{"Sid": "Open", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*", **fields}]})


def found(action: str, path: str = "policy") -> Fail:
    return Fail(f"allows {action} to everyone (Principal *) in statement Open", path)


@pytest.mark.parametrize(
    ("control", "type", "path", "action"),
    [
        (controls.secret_policy_not_public, "aws:secretsmanager/secret:Secret", "policy", "secretsmanager:GetSecretValue"),
        (controls.secret_policy_not_public, "aws:secretsmanager/secretPolicy:SecretPolicy", "policy", "secretsmanager:*"),
        (controls.ecr_policy_not_public, "aws:ecr/repositoryPolicy:RepositoryPolicy", "policy", "ecr:BatchGetImage"),
        (controls.ecr_policy_not_public, "aws:ecr/repositoryCreationTemplate:RepositoryCreationTemplate", "repositoryPolicy", "ecr:*"),
        (controls.s3_policy_not_public, "aws:s3/bucketPolicy:BucketPolicy", "policy", "s3:GetObject"),
        (controls.s3_policy_not_public, "aws:s3/accessPoint:AccessPoint", "policy", "s3:PutObject"),
        (controls.glacier_vault_policy_not_public, "aws:glacier/vault:Vault", "accessPolicy", "glacier:*"),
        (controls.logs_policy_not_public, "aws:cloudwatch/logResourcePolicy:LogResourcePolicy", "policyDocument", "logs:PutLogEvents"),
        (controls.organization_policy_not_public, "aws:organizations/resourcePolicy:ResourcePolicy", "content", "organizations:*"),
    ],
)
def test_documents(control: Control, type: str, path: str, action: str) -> None:
    def judged(value: Any) -> list[Verdict]:
        return verdicts(control, resource(type, props={path: value}))

    assert judged(document(action)) == [found(action, path)]
    assert judged(document(action, Condition=CONFINED)) == [Pass()]
    assert judged(document(action, Principal={"AWS": "123456789012"})) == [Pass()]
    assert judged(UNKNOWN) == [Unknown(path)]
    assert judged("no document") == [Fail("is not a valid policy document", path)]
    assert judged(None) == judged("") == [NO_POLICY]


def test_a_policy_in_a_block() -> None:
    type = "aws:s3control/multiRegionAccessPointPolicy:MultiRegionAccessPointPolicy"
    one = resource(type, props={"details": {"name": "x", "policy": document(["s3:GetObject", "s3:PutObject"])}})
    assert verdicts(controls.s3_policy_not_public, one) == [found("s3:GetObject, s3:PutObject", "details.policy")]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (["ecr-public:GetDownloadUrlForLayer", "ecr-public:BatchCheckLayerAvailability"], Pass()),
        ("ecr-public:DescribeImages", Pass()),
        (["ecr-public:DescribeImages", "ecr-public:PutImage"], found("ecr-public:PutImage")),
        ("ecr-public:*", found("ecr-public:*")),
    ],
)
def test_public_images(action: Any, expected: Verdict) -> None:
    one = resource("aws:ecrpublic/repositoryPolicy:RepositoryPolicy", props={"policy": document(action)})
    assert verdicts(controls.ecr_public_push_not_public, one) == [expected]


def judged(control: Control, one: Resource, *others: Resource) -> list[Verdict]:
    return [verdict for name, verdict in verdicts(control, stack(one, *others)) if name == one.name]


OPEN_DOMAIN = found("es:ESHttp*", "accessPolicies")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, OPEN_DOMAIN),
        ({"vpcOptions": {}, "advancedSecurityOptions": {}}, OPEN_DOMAIN),
        ({"advancedSecurityOptions": {"enabled": False}}, OPEN_DOMAIN),
        ({"advancedSecurityOptions": {"enabled": True, "anonymousAuthEnabled": True}}, OPEN_DOMAIN),
        ({"vpcOptions": {"subnetIds": [UNKNOWN]}}, NotApplicable("is in a VPC, where security groups admit the clients of search")),
        (
            {"advancedSecurityOptions": {"enabled": True}},
            NotApplicable("has fine-grained access control, which authenticates the clients of search"),
        ),
        ({"advancedSecurityOptions": {"enabled": UNKNOWN}}, Unknown("advancedSecurityOptions of search")),
        # What the program left out, a preview shows as unknown.
        ({"advancedSecurityOptions": UNKNOWN, "vpcOptions": UNKNOWN}, OPEN_DOMAIN),
    ],
)
@pytest.mark.parametrize("service", ["opensearch", "elasticsearch"])
def test_search_domains(settings: dict[str, Any], expected: Verdict, service: str) -> None:
    control, policy = controls.opensearch_policy_not_public, {"accessPolicies": document("es:ESHttp*")}
    domain = f"aws:{service}/domain:Domain"
    assert judged(control, resource(domain, "search", {**policy, **settings})) == [expected]
    apart = resource(
        f"aws:{service}/domainPolicy:DomainPolicy", "policy", {**policy, "domainName": UNKNOWN}, deps={"domainName": ["search"]}
    )
    assert judged(control, apart, resource(domain, "search", {**settings, "accessPolicies": UNKNOWN})) == [expected]


def test_search_policies_that_are_confined_missing_or_unknown() -> None:
    control = controls.opensearch_policy_not_public
    assert judged(control, resource(DOMAIN, props={"accessPolicies": document("es:*", Condition=CONFINED)})) == [Pass()]
    assert judged(control, resource(DOMAIN)) == judged(control, resource(DOMAIN, props={"accessPolicies": UNKNOWN})) == [NO_POLICY]
    unknown = resource(DOMAIN_POLICY, "policy", {"accessPolicies": UNKNOWN}, deps={"accessPolicies": ["role"]})
    assert judged(control, unknown, resource("aws:iam/role:Role", "role")) == [Unknown("accessPolicies")]
    assert judged(control, resource(DOMAIN_POLICY, "policy", {"accessPolicies": document("es:ESHttp*"), "domainName": "elsewhere"})) == [
        OPEN_DOMAIN
    ]


PUBLIC_API = NotApplicable("is not for a private API; api-method-authorized judges the policy of a public one")


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ({"types": ["PRIVATE"]}, found("execute-api:Invoke")),
        ({"types": "PRIVATE"}, found("execute-api:Invoke")),
        ({"types": ["REGIONAL"]}, PUBLIC_API),
        ({"types": []}, PUBLIC_API),
        (None, PUBLIC_API),
        (UNKNOWN, PUBLIC_API),
        ({"types": UNKNOWN}, Unknown("endpointConfiguration.types")),
        ({"types": [UNKNOWN]}, Unknown("endpointConfiguration.types")),
    ],
)
def test_private_apis(endpoint: Any, expected: Verdict) -> None:
    control, policy = controls.api_private_policy_not_public, {"policy": document("execute-api:Invoke")}
    for type in (API, DOMAIN_NAME):
        assert judged(control, resource(type, props={**policy, "endpointConfiguration": endpoint})) == [expected]
    apart = resource(API_POLICY, "policy", {**policy, "restApiId": UNKNOWN}, deps={"restApiId": ["api"]})
    assert judged(control, apart, resource(API, "api", {"endpointConfiguration": endpoint})) == [expected]


def test_private_apis_that_are_confined_or_have_no_policy() -> None:
    control, private = controls.api_private_policy_not_public, {"endpointConfiguration": {"types": ["PRIVATE"]}}
    endpoint = {"StringEquals": {"aws:SourceVpce": "vpce-1"}}
    assert judged(control, resource(API, props={**private, "policy": document("execute-api:Invoke", Condition=endpoint)})) == [Pass()]
    assert (
        judged(control, resource(API, props=private)) == judged(control, resource(API, props={**private, "policy": UNKNOWN})) == [NO_POLICY]
    )
