"""AWS's validator with the rules of cdk-preflight."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cloudpatterns_policies.acceptance import engine
from cloudpatterns_policies.acceptance.engine import Diagnostic, Validator
from cloudpatterns_policies.acceptance.preflight import Preflight, load
from cloudpatterns_policies.acceptance.unknowns import variants

from tests.policies.acceptance.distributions import BUCKETS, HEADER, install, rule
from tests.policies.acceptance.pairs import PAIRS, Pair

BUCKET = {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop"}}}


@pytest.fixture(scope="module")
def validator() -> Iterator[Validator]:
    found = Validator()
    found.prepare({pair.type for pair in PAIRS})
    yield found
    assert found.gaps == ()


def judge(validator: Validator, resources: Mapping[str, Any], region: str | None = None, account: str | None = None) -> list[Diagnostic]:
    types = {resource["Type"] for resource in resources.values()}
    return validator.judge({"Resources": resources}, types, region, account)


def fake(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: Any, **more: Any) -> Validator:
    """A validator with rules of our own."""
    install(monkeypatch, folder, *arguments, **more)
    return Validator(load(folder / "cache"))


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.type}-{pair.rule}")
def test_what_aws_accepts_and_refuses(validator: Validator, pair: Pair) -> None:
    def refused(properties: Mapping[str, Any]) -> list[Diagnostic]:
        judged = {"Resource": {"Type": pair.type, "Properties": {**pair.base, **properties}}, **pair.others}
        return [found for found in judge(validator, judged, pair.region) if found.refused]

    assert refused(pair.good) == []
    found = [diagnostic for diagnostic in refused(pair.bad) if (diagnostic.rule, diagnostic.path) == (pair.rule, pair.path)]
    assert len(found) == 1
    assert found[0].message
    assert found[0].logical_id == "Resource"
    assert found[0].url.startswith("https://docs.aws.amazon.com/")


def test_the_pairs_are_of_many_services() -> None:
    assert len(PAIRS) >= 30
    assert len({pair.type.split("::")[1] for pair in PAIRS}) >= 10


class TestDiagnostic:
    def test_of_the_schema(self, validator: Validator) -> None:
        resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 50_000}}}
        assert judge(validator, resources) == [
            Diagnostic(
                rule="F3034",
                severity="FATAL",
                refused=True,
                family="value",
                logical_id="Queue",
                path=("VisibilityTimeout",),
                message="50000 is greater than the maximum of 43200",
                url="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html",
                fix="Use a value in the range",
            )
        ]

    def test_of_preflight(self, validator: Validator) -> None:
        resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": True, "KmsMasterKeyId": "alias/shop"}}}
        (found,) = judge(validator, resources)
        assert (found.rule, found.severity, found.refused, found.family) == ("pf-sqs-sse-exclusive", "ERROR", True, "combination")
        assert "CreateQueue fails with" in found.message
        assert found.fix
        assert found.url.startswith("https://docs.aws.amazon.com/AWSSimpleQueueService/")

    def test_a_key_with_dots_is_one_part_of_the_path(self, validator: Validator) -> None:
        function = next(pair for pair in PAIRS if pair.rule == "E3717")
        resources = {"F": {"Type": function.type, "Properties": {**function.base, "Environment": {"Variables": {"1.a.b": "x"}}}}}
        assert {found.path for found in judge(validator, resources)} == {("Environment", "Variables", "1.a.b")}

    def test_a_value_outside_an_enum_that_grows_is_advice(self, validator: Validator) -> None:
        function = next(pair for pair in PAIRS if pair.rule == "E3717")
        resources = {"F": {"Type": function.type, "Properties": {**function.base, "Runtime": "python9.1"}}}
        assert [(found.rule, found.refused) for found in judge(validator, resources)] == [("W3030", False)]

    def test_runtimes_of_a_layer_are_those_of_the_schema(self, validator: Validator) -> None:
        def found(runtime: str) -> list[tuple[str, bool]]:
            properties = {"Content": {"S3Bucket": "releases", "S3Key": "layer.zip"}, "CompatibleRuntimes": [runtime]}
            resources = {"Layer": {"Type": "AWS::Lambda::LayerVersion", "Properties": properties}}
            return [(one.rule, one.refused) for one in judge(validator, resources)]

        assert [found(runtime) for runtime in ("python3.14", "nodejs24.x", "java25")] == [[], [], []]
        assert found("python9.1") == [("W3030", False)]

    def test_a_type_that_the_validator_does_not_know_is_no_finding(self, validator: Validator) -> None:
        assert judge(validator, {"New": {"Type": "AWS::Brand::New", "Properties": {"A": 1}}}) == []

    def test_a_type_that_cloudformation_does_not_have_in_the_region_is_no_finding(self, validator: Validator) -> None:
        assert judge(validator, {"App": {"Type": "AWS::AppRunner::Service", "Properties": {}}}, "eu-north-1") == []

    def test_a_place_in_a_list_is_told(self, validator: Validator) -> None:
        rule = {"Name": "a", "Priority": 1, "Statement": {"GeoMatchStatement": {"CountryCodes": ["CH"]}}, "VisibilityConfig": VISIBILITY}
        acl = {"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": VISIBILITY, "Rules": [rule]}
        found = judge(validator, {"Acl": {"Type": "AWS::WAFv2::WebACL", "Properties": acl}})
        assert [(one.rule, one.path) for one in found] == [("pf-wafv2-rule-action", ("Rules", 0))]

    @pytest.mark.parametrize(
        "resource",
        [
            {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "${aws:username} {{resolve:x}} AWS::Region"}},
            {"Type": "AWS::S3::Bucket", "Properties": {}, "DeletionPolicy": "Sometimes", "UpdatePolicy": {"X": 1}, "Metadata": []},
        ],
    )
    def test_what_concerns_templates_alone_is_no_finding(self, validator: Validator, resource: dict[str, Any]) -> None:
        assert judge(validator, {"Some_Name": resource}) == []

    def test_references_in_a_circle_are_no_finding(self, validator: Validator) -> None:
        def group(other: str) -> dict[str, Any]:
            source = {"Fn::GetAtt": [other, "GroupId"]}
            ingress = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "SourceSecurityGroupId": source}
            return {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "web", "SecurityGroupIngress": [ingress]}}

        assert judge(validator, {"A": group("B"), "B": group("A")}) == []

    def test_more_resources_than_a_template_may_have(self, validator: Validator) -> None:
        queues = {f"Q{number}": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": number}} for number in range(899, 1500)}
        assert len(judge(validator, queues)) == 1499 - 900


def unknown_in(value: Any) -> Iterator[Any]:
    """The value with each part of it in turn unknown."""
    if isinstance(value, Mapping):
        yield from ({**value, key: changed} for key, inside in value.items() for changed in unknown_in(inside))
    if isinstance(value, list):
        yield from ([*value[:at], changed, *value[at + 1 :]] for at, inside in enumerate(value) for changed in unknown_in(inside))
    yield {"Ref": "List" if isinstance(value, list) else "Text"}


PARAMETERS = {"List": {"Type": "List<String>"}, "Text": {"Type": "String"}}


VISIBILITY = {"CloudWatchMetricsEnabled": True, "MetricName": "web", "SampledRequestsEnabled": True}


@pytest.mark.parametrize(
    ("cause_path", "rules"), [("States.JsonToString($.error)", []), ("$.error", []), ("error", ["pf-sfn-asl-jsonpath-syntax"])]
)
def test_a_state_fail_takes_an_intrinsic_function_as_its_cause(validator: Validator, cause_path: str, rules: list[str]) -> None:
    """See https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html."""
    failed = {"Type": "Fail", "Error": "Failed", "CausePath": cause_path}
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/service", "Definition": {"StartAt": "Failed", "States": {"Failed": failed}}}
    found = judge(validator, {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}})
    assert [diagnostic.rule for diagnostic in found] == rules


class TestUnknown:
    @staticmethod
    def judge(validator: Validator, kind: str, properties: Any, others: Mapping[str, Any] | None = None) -> list[str]:
        resources = {"Resource": {"Type": kind, "Properties": properties}, **(others or {})}
        found = validator.judge({"Parameters": PARAMETERS, "Resources": resources}, {kind})
        return [diagnostic.rule for diagnostic in found if diagnostic.refused]

    @pytest.mark.parametrize("kind", sorted({pair.type for pair in PAIRS}))
    def test_it_is_never_a_finding(self, validator: Validator, kind: str) -> None:
        for pair in PAIRS:
            if pair.type == kind:
                for properties in unknown_in({**pair.base, **pair.good}):
                    if "Ref" not in properties:
                        assert self.judge(validator, kind, properties, pair.others) == [], properties

    def test_a_rule_that_takes_it_for_the_default(self, validator: Validator) -> None:
        table = next(pair for pair in PAIRS if pair.type == "AWS::DynamoDB::Table").base
        assert "pf-dynamodb-billing-throughput" in self.judge(validator, "AWS::DynamoDB::Table", {**table, "BillingMode": "PROVISIONED"})
        assert self.judge(validator, "AWS::DynamoDB::Table", {**table, "BillingMode": {"Ref": "Text"}}) == []

    def test_what_is_wrong_for_every_value_stays_a_finding(self, validator: Validator) -> None:
        properties = {"SqsManagedSseEnabled": True, "KmsMasterKeyId": {"Ref": "Text"}, "DelaySeconds": 901}
        assert self.judge(validator, "AWS::SQS::Queue", properties) == ["F3034", "pf-sqs-sse-exclusive"]

    def test_many_unknown_values_are_tried_in_parts(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        judged: list[int] = []
        ask = Validator._diagnostics

        def counted(self: Validator, document: Mapping[str, Any], region: str | None, **more: Any) -> Iterator[Diagnostic]:
            judged.append(len(document["Resources"]))
            return ask(self, document, region, **more)

        monkeypatch.setattr(Validator, "_diagnostics", counted)
        # What it finds does not depend on the unknown value, which it names.
        validator = fake(monkeypatch, tmp_path, [rule("pf-tags", f'{BUCKETS}; not resolve(name, "Properties.Tags.0.Value") == "shop"')])
        tags = [{"Key": f"k{number}", "Value": {"Ref": "Unknown"}} for number in range(20)]
        bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "shop", "Tags": [{"Key": "k", "Value": "x"}, *tags]}}
        template = {"Parameters": {"Unknown": {"Type": "String"}}, "Resources": {"Bucket": bucket}}
        assert [found.rule for found in validator.judge(template, {"AWS::S3::Bucket"})] == ["pf-tags"]
        assert judged[0] == 1
        assert len(judged) > 10
        assert max(judged) < 5

    def test_a_helper_that_a_rule_does_not_use_names_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        install(monkeypatch, tmp_path, [rule("pf-name")])
        (known,) = [one for one in load(tmp_path / "cache").of({"AWS::S3::Bucket"}) if one.id == "pf-name"]
        parameters = {"Unknown": {"Type": "String"}}
        properties = {"Resource": {"Ref": "Unknown"}}
        assert list(variants(known, '_pf_other(n) if object.get(n, "Resource", "") == "a"\n', properties, parameters)) == []
        assert list(variants(known, 'resources_of_type(n) := {"Resources", "a"}\n', properties, parameters)) == []
        assert {"Resource": "a"} in variants(known, 'resources_of_type(n) := {"Resource", "a"}\n', properties, parameters)


class TestRegion:
    def test_it_comes_with_each_template(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        condition = f'{BUCKETS}; data.cdk_preflight.deploy_region == "eu-west-1"; data.cdk_preflight.deploy_account == "123456789012"'
        validator = fake(monkeypatch, tmp_path, [rule("pf-region", condition)])
        found = [judge(validator, BUCKET, region, account) for region, account in TestRegion.places()]
        assert [[diagnostic.rule for diagnostic in diagnostics] for diagnostics in found] == [["pf-region"], [], [], []]
        assert len(validator._engines) == 1

    @staticmethod
    def places() -> list[tuple[str | None, str | None]]:
        return [("eu-west-1", "123456789012"), ("us-east-1", "123456789012"), ("eu-west-1", None), (None, None)]


class TestPreparing:
    def test_types_that_were_not_prepared_get_a_second_engine(self) -> None:
        validator = Validator()
        validator.prepare({"AWS::S3::Bucket"})
        resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"SqsManagedSseEnabled": True, "KmsMasterKeyId": "alias/shop"}}}
        for _ in range(2):
            assert [found.rule for found in judge(validator, resources | BUCKET)] == ["pf-sqs-sse-exclusive"]
            assert len(validator._engines) == 2

    def test_a_rule_of_two_types_is_compiled_once(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        kinds = ("AWS::S3::Bucket", "AWS::SQS::Queue")
        validator = fake(monkeypatch, tmp_path, [rule("pf-two", kinds=kinds), rule("pf-queue", kinds=kinds[1:])])
        validator.prepare(kinds[:1])
        found = judge(validator, BUCKET | {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {}}})
        assert [diagnostic.rule for diagnostic in found] == ["pf-queue", "pf-two"]
        assert [set(built.rules) for built in validator._engines] == [{"pf-two"}, {"pf-queue"}]

    def test_only_rules_of_the_types_are_compiled(self) -> None:
        validator = Validator()
        judge(validator, BUCKET)
        (built,) = validator._engines
        assert all({"AWS::S3::Bucket", "*"} & set(found.types) for found in built.rules.values())
        assert len(built.rules) < 80

    def test_rules_that_the_validator_has_by_itself_are_left_out(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        own = rule("pf-old", supersededBy={"engine": "1.8.0-beta"}), rule("pf-later", supersededBy={"engine": "99.0.0"}), rule("pf-new")
        assert [found.rule for found in judge(fake(monkeypatch, tmp_path, list(own)), BUCKET)] == ["pf-later", "pf-new"]


def broken(reason: str) -> str:
    return f"rules of cdk-preflight 2.0 fail and are not judged: {reason}"


class TestBrokenRules:
    GOOD = rule("pf-good")

    @pytest.mark.parametrize(
        "bad",
        [
            rule("pf-bad", "syntax {"),
            rule("pf-bad", f"{BUCKETS}; _pf_no_such(name)"),
            rule("pf-bad", f"{BUCKETS}; _pf_two == 1", before="_pf_two := 1 if true\n_pf_two := 2 if true"),
            rule("pf-bad", f"{BUCKETS}; _pf_f(name) == 1", before="_pf_f(n) := 1 if true\n_pf_f(n) := 2 if true"),
            rule("pf-bad") | {"rego": f'{HEADER}\nviolation contains {{"no": "diagnostic"}} if true\n'},
        ],
        ids=["syntax", "function", "rule conflict", "function conflict", "shape"],
    )
    @pytest.mark.parametrize("order", [1, -1])
    def test_it_does_not_take_the_others_down(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bad: dict[str, Any], order: int
    ) -> None:
        others = [rule(f"pf-other-{number}") for number in range(3)]
        validator = fake(monkeypatch, tmp_path, [self.GOOD, bad, *others][::order])
        for _ in range(2):
            found = judge(validator, BUCKET | {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}})
            assert sorted(diagnostic.rule for diagnostic in found) == ["F3034", "pf-good", "pf-other-0", "pf-other-1", "pf-other-2"]
            assert validator.gaps == (broken("pf-bad"),)

    def test_a_broken_helper_takes_those_that_need_it_down(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        helper = {"name": "_lib/bad", "rego": f"{HEADER}\n_pf_helper(name) if\n"}
        needing = [rule(f"pf-needs-{number}", f"{BUCKETS}; _pf_helper(name)") for number in range(5)]
        validator = fake(monkeypatch, tmp_path, [self.GOOD, *needing], [helper])
        assert [found.rule for found in judge(validator, BUCKET)] == ["pf-good"]
        assert validator.gaps == (broken("pf-needs-0, pf-needs-1, pf-needs-2 and 2 more"),)

    def test_many_broken_rules_end_the_search(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(engine, "_MOST_BROKEN", 2)
        validator = fake(monkeypatch, tmp_path, [rule(f"pf-bad-{number}", "syntax {") for number in range(9)])
        resources = {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 901}}}
        assert [found.rule for found in judge(validator, BUCKET | resources)] == ["F3034"]
        assert len(validator.gaps) == 4
        assert validator.gaps[-1] == broken("pf-bad-3, pf-bad-4, pf-bad-5 and 3 more")


class TestPackages:
    NOT_JUDGED = "not judged by it nor by cdk-preflight"

    def test_without_the_validator(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cloudformation_validate", None)
        validator = Validator()
        validator.prepare(["AWS::S3::Bucket"])
        assert judge(validator, BUCKET) == judge(validator, BUCKET) == []
        assert validator.gaps == (
            "cloudformation-validate is not installed: not judged by AWS's validator nor by cdk-preflight."
            " Install it with `pip install cloudformation-validate`",
        )

    @pytest.mark.parametrize("error", [OSError("libcloudformation.so: GLIBC_2.34 not found"), RuntimeError("no native library for riscv")])
    def test_a_validator_that_cannot_be_loaded(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        class Finder:
            def find_spec(self, name: str, *_: object) -> None:
                if name == "cloudformation_validate":
                    raise error

        monkeypatch.delitem(sys.modules, "cloudformation_validate", raising=False)
        monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
        validator = Validator()
        assert judge(validator, BUCKET) == []
        reason = f"{type(error).__name__}: {error}"
        assert validator.gaps == (f"cloudformation-validate 1.14.0 cannot be loaded here ({reason}): {self.NOT_JUDGED}",)

    def test_a_validator_of_another_version(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "cloudformation_validate", ModuleType("cloudformation_validate"))
        monkeypatch.setattr(engine.metadata, "version", lambda name: "0.4.0")
        validator = Validator()
        assert judge(validator, BUCKET) == []
        assert validator.gaps == (f"cloudformation-validate 0.4.0 is too old or too new (it has no CompositeEngine): {self.NOT_JUDGED}",)

    def test_a_validator_that_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import cloudformation_validate

        def fail(self: object, *_: object) -> None:
            raise ValueError("hunter2")

        monkeypatch.setattr(cloudformation_validate.CompositeEngine, "validate_template", fail)
        validator = Validator(Preflight())
        assert judge(validator, BUCKET) == []
        assert validator.gaps == ("cloudformation-validate failed (ValueError): not judged by it",)

    def test_without_preflight(self) -> None:
        validator = Validator(Preflight(problem="cdk-preflight is not installed: judged without its rules"))
        resources = {
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"DelaySeconds": 901, "SqsManagedSseEnabled": True, "KmsMasterKeyId": "alias/shop"},
            }
        }
        assert [found.rule for found in judge(validator, resources)] == ["F3034"]
        assert validator.gaps == ("cdk-preflight is not installed: judged without its rules",)
