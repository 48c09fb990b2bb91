"""A stack in CloudFormation's form: every form of an entry, what is unknown, secret or foreign, and the way back."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.facts import cfn_type, facts
from cloudpatterns_policies.acceptance.translate import Template, translate
from cloudpatterns_policies.core import Resource

from tests.policies.helpers import UNKNOWN, resource, secret, stack

BUCKET, KEY, QUEUE = "aws:s3/bucket:Bucket", "aws:kms/key:Key", "aws:sqs/queue:Queue"


def properties(template: Template, name: str) -> dict[str, Any]:
    """CloudFormation's properties of the resource with that logical name."""
    [logical_id] = [one for one, origins in template.origins.items() if origins[()][0].name == name]
    return template.document["Resources"][logical_id]["Properties"]


def one(type: str, props: dict[str, Any], *others: Resource, **more: Any) -> dict[str, Any]:
    return properties(translate(stack(resource(type, "x", props, **more), *others)), "x")


FORMS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "as it is": (
        "aws:ec2/vpc:Vpc",
        {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": True},
        {"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": True},
    ),
    "a synonym": (QUEUE, {"visibilityTimeoutSeconds": 30.0}, {"VisibilityTimeout": 30}),
    "a document": (
        "aws:iam/role:Role",
        {"assumeRolePolicy": '{"Statement": [{"Effect": "Allow"}]}'},
        {"AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow"}]}},
    ),
    "an object": (
        "aws:ec2/instance:Instance",
        {"launchTemplate": {"id": "lt-0123456789", "version": "1"}},
        {"LaunchTemplate": {"LaunchTemplateId": "lt-0123456789", "Version": "1"}},
    ),
    "a list of objects": (
        "aws:lb/listener:Listener",
        {"defaultActions": [{"type": "forward", "targetGroupArn": "arn", "order": 1}]},
        {"DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn", "Order": 1}]},
    ),
    "one level further down": (
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"instanceType": "t4g.small", "name": "web"},
        {"LaunchTemplateName": "web", "LaunchTemplateData": {"InstanceType": "t4g.small"}},
    ),
    "one level higher": (
        "aws:lb/targetGroup:TargetGroup",
        {"healthCheck": {"path": "/", "timeout": 5}},
        {"HealthCheckPath": "/", "HealthCheckTimeoutSeconds": 5},
    ),
    "keys of a table and its index": (
        "aws:dynamodb/table:Table",
        {"name": "x", "hashKey": "a", "rangeKey": "b", "localSecondaryIndexes": [{"name": "i", "rangeKey": "c"}]},
        {
            "TableName": "x",
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b", "KeyType": "RANGE"}],
            "LocalSecondaryIndexes": [
                {
                    "IndexName": "i",
                    "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "c", "KeyType": "RANGE"}],
                }
            ],
        },
    ),
    "one of a list": ("aws:iam/instanceProfile:InstanceProfile", {"role": "web"}, {"Roles": ["web"]}),
    "one of a list of objects": ("aws:lb/listener:Listener", {"certificateArn": "arn"}, {"Certificates": [{"CertificateArn": "arn"}]}),
    "a map as pairs": ("aws:cloudwatch/metricAlarm:MetricAlarm", {"dimensions": {"A": "1"}}, {"Dimensions": [{"Name": "A", "Value": "1"}]}),
    "pairs as a map": (
        "aws:rds/parameterGroup:ParameterGroup",
        {"parameters": [{"name": "a", "value": "1"}], "description": "d"},
        {"Parameters": {"a": "1"}, "Description": "d"},
    ),
    "a word of the provider's": ("aws:lb/loadBalancer:LoadBalancer", {"internal": True}, {"Scheme": "internal"}),
    "a number of CloudFormation's": ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 7.0}, {"RetentionInDays": 7}),
    "tags are left out": (BUCKET, {"tags": {"a": "b"}, "forceDestroy": True}, {}),
}


@pytest.mark.parametrize(("type", "props", "expected"), FORMS.values(), ids=FORMS)
def test_each_form_of_an_entry(type: str, props: dict[str, Any], expected: dict[str, Any]) -> None:
    # A name that is not given is one of the provider's own.
    assert {name: value for name, value in one(type, props).items() if name in expected or "Ref" not in value} == expected


@pytest.mark.parametrize("value", [0, 0.0])
def test_a_number_with_a_meaning_of_the_providers_own_is_not_judged(value: float) -> None:
    assert one("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": value})["RetentionInDays"].keys() == {"Ref"}


def test_the_unknown_is_a_parameter_of_its_own() -> None:
    template = translate(
        stack(resource("aws:ec2/subnet:Subnet", "a", {"vpcId": UNKNOWN}), resource("aws:ec2/subnet:Subnet", "b", {"vpcId": UNKNOWN}))
    )
    names = [properties(template, name)["VpcId"]["Ref"] for name in ("a", "b")]
    assert len(set(names)) == 2
    assert {template.document["Parameters"][name]["Type"] for name in names} == {"String"}


def test_an_unknown_list_is_a_parameter_that_is_a_list() -> None:
    template = translate(stack(resource("aws:autoscaling/group:Group", "x", {"vpcZoneIdentifiers": UNKNOWN, "minSize": UNKNOWN})))
    found = properties(template, "x")
    assert template.document["Parameters"][found["VPCZoneIdentifier"]["Ref"]] == {"Type": "List<String>"}
    assert template.document["Parameters"][found["MinSize"]["Ref"]] == {"Type": "String"}


def test_no_secret_is_in_the_template() -> None:
    template = translate(
        stack(resource("aws:rds/instance:Instance", "x", {"username": secret("hunter2-hunter2"), "instanceClass": "db.t4g.micro"}))
    )
    assert "hunter2" not in json.dumps(template.document)
    assert properties(template, "x")["DBInstanceClass"] == "db.t4g.micro"


def test_what_another_resource_gave_is_not_judged_since_a_preview_makes_it_up() -> None:
    key = resource(KEY, "key", {"arn": "arn:aws:kms:eu-west-1:123456789012:key/made-up", "description": "Orders"})
    queue = resource(
        QUEUE, "x", {"kmsMasterKeyId": "arn:aws:kms:eu-west-1:123456789012:key/made-up", "name": "Orders"}, deps={"kmsMasterKeyId": ["key"]}
    )
    found = properties(translate(stack(queue, key)), "x")
    assert found.keys() == {"KmsMasterKeyId", "QueueName"}
    assert found["KmsMasterKeyId"] == {"Fn::GetAtt": ["R1", "Arn"]}
    # The same text without a dependency is the program's own.
    assert found["QueueName"] == "Orders"


def test_a_document_keeps_what_is_known_of_it() -> None:
    bucket = resource(BUCKET, "bucket", {"arn": "arn:aws:s3:::made-up"})
    document = json.dumps({"Statement": [{"Action": "s3:GetObject", "Resource": "arn:aws:s3:::made-up/*"}]})
    policy = resource("aws:s3/bucketPolicy:BucketPolicy", "x", {"policy": document}, deps={"policy": ["bucket"]})
    [statement] = properties(translate(stack(policy, bucket)), "x")["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"].keys()) == ("s3:GetObject", {"Ref"})


def test_what_is_part_of_a_resource_in_cloudformation_is_merged_into_it() -> None:
    versioning = resource(
        "aws:s3/bucketVersioning:BucketVersioning",
        "v",
        {"bucket": UNKNOWN, "versioningConfiguration": {"status": "Enabled"}},
        deps={"bucket": ["x"]},
    )
    template = translate(stack(resource(BUCKET, "x"), versioning))
    assert properties(template, "x") == {"VersioningConfiguration": {"Status": "Enabled"}}
    [logical_id] = template.origins
    owner, path = template.origin(logical_id, ("VersioningConfiguration", "Status"))
    assert (owner.name, path) == ("v", "versioningConfiguration.status")


def test_a_part_of_a_resource_elsewhere_is_that_of_one_that_stands_for_it() -> None:
    versioning = resource(
        "aws:s3/bucketVersioning:BucketVersioning", "v", {"bucket": "other", "versioningConfiguration": {"status": "Enabled"}}
    )
    template = translate(stack(versioning))
    assert properties(template, "v") == {"VersioningConfiguration": {"Status": "Enabled"}}
    assert template.stand_ins == template.incomplete == {"R0"}
    assert (template.not_judged, template.ids) == ([], {})
    assert not template.can_have("R0", (), "BucketName")


def test_types_that_the_table_does_not_know_are_named() -> None:
    template = translate(stack(resource("aws:acm/certificateValidation:CertificateValidation", "x"), resource("random:index:Id", "y")))
    assert [one.name for one, _ in template.not_judged] == ["x"]
    assert template.document["Resources"] == {}


def test_each_place_leads_back_to_the_resource_and_its_property() -> None:
    listener = resource("aws:lb/listener:Listener", "x", {"defaultActions": [{"type": "forward"}], "certificateArn": "arn", "port": 443})
    template = translate(stack(listener))
    [logical_id] = template.origins
    places = {
        ("Port",): "port",
        ("DefaultActions", 0, "Type"): "defaultActions.0.type",
        ("DefaultActions", 0, "Order"): "defaultActions.0",
        ("Certificates", 0, "CertificateArn"): "certificateArn",
        ("SslPolicy",): "",
    }
    assert {place: template.origin(logical_id, place)[1] for place in places} == places


def test_the_table_knows_more_than_three_hundred_types() -> None:
    assert cfn_type("aws:ec2/vpc:Vpc") == "AWS::EC2::VPC"
    assert cfn_type("aws:s3/bucketVersioning:BucketVersioning") is None
    assert cfn_type("aws:nothing/x:X") is None
    table = facts.__globals__["_table"]()
    assert len([token for token in table if cfn_type(token) is not None]) > 800
