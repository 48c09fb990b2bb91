"""What AWS would refuse: our stacks and examples pass, and mistakes are told at the program's own property."""

import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from cloudpatterns.plugin import examples
from cloudpatterns_policies.acceptance.controls import accepted
from cloudpatterns_policies.acceptance.judgement import gaps, judgements
from cloudpatterns_policies.core import Fail, Resource, Stack
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.registry import discover
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.harness import record
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts
from tests.program import ROOT, STACKS, folder_graph, program_graph

FAMILIES = (accepted.accepted_value, accepted.accepted_combination, accepted.accepted_reference)
EXAMPLES = sorted(file.parent.name for file in ROOT.glob("examples/*/Pulumi.yaml"))


def sent(graph: Graph) -> Stack:
    """The stack as a pack that keeps inputs has it."""
    requests = Requests(graph)
    found = Stack.sent(map(Resource, requests.analyze_stack().resources))
    given = {one.urn: Resource(requests.analyze(one)) for one in requests.resources()}
    for one in found.resources:
        one.inputs = given[one.urn]
    return found


def graphs() -> Iterator[tuple[str, Graph]]:
    """The stacks, the examples, and each component in its own."""
    for name in STACKS:
        yield name, program_graph(name)
    for name, example in inspect.getmembers(examples, inspect.isfunction):
        if example.__module__ == examples.__name__:
            yield name, record(example, mode="deployed")
    for name in EXAMPLES:
        yield f"examples/{name}", folder_graph(ROOT / "examples" / name, "dev", deployed=True)


def test_aws_accepts_our_stacks_components_and_examples() -> None:
    found = {name: [(one.resource.name, one.property, one.message) for one in judgements(sent(graph))] for name, graph in graphs()}
    assert {name: told for name, told in found.items() if told} == {}
    assert len(found) >= len(STACKS) + len(EXAMPLES) + 20
    assert gaps() == ()


ROLE = "arn:aws:iam::123456789012:role/web"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
CODE = {"s3Bucket": "releases-of-the-shop", "s3Key": "app.zip", "role": ROLE, "runtime": "python3.13", "handler": "index.handler"}
SCHEDULE = {"flexibleTimeWindow": {"mode": "OFF"}, "target": {"arn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "roleArn": ROLE}}
ALARM = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "namespace": "AWS/SQS",
    "metricName": "Age",
    "period": 60,
    "threshold": 1,
}
# Type, inputs, the property that is told, and a piece of the message.
MISTAKES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a timeout that is too long": ("aws:lambda/function:Function", {**CODE, "timeout": 1000}, "timeout", "900"),
    "too little memory": ("aws:lambda/function:Function", {**CODE, "memorySize": 64}, "memorySize", "128"),
    "an architecture that there is not": ("aws:lambda/function:Function", {**CODE, "architectures": ["arm"]}, "architectures.0", "arm"),
    "a FIFO queue without its ending": ("aws:sqs/queue:Queue", {"fifoQueue": True, "name": "orders"}, "name", ".fifo"),
    "a visibility timeout beyond twelve hours": (
        "aws:sqs/queue:Queue",
        {"visibilityTimeoutSeconds": 50_000},
        "visibilityTimeoutSeconds",
        "43200",
    ),
    "an alarm's operator": (
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        {**ALARM, "statistic": "Sum", "comparisonOperator": "Above"},
        "comparisonOperator",
        "Above",
    ),
    "an alarm's statistic": ("aws:cloudwatch/metricAlarm:MetricAlarm", {**ALARM, "statistic": "Mean"}, "statistic", "Mean"),
    "a retention that CloudWatch does not have": (
        "aws:cloudwatch/logGroup:LogGroup",
        {"name": "shop", "retentionInDays": 8},
        "retentionInDays",
        "8",
    ),
    "a key's deletion window": ("aws:kms/key:Key", {"deletionWindowInDays": 3}, "deletionWindowInDays", "7"),
    "a role's session": ("aws:iam/role:Role", {"assumeRolePolicy": TRUST, "maxSessionDuration": 60}, "maxSessionDuration", "3600"),
    "a backup retention beyond 35 days": (
        "aws:rds/instance:Instance",
        {"engine": "mysql", "instanceClass": "db.t4g.micro", "allocatedStorage": 20, "backupRetentionPeriod": 60},
        "backupRetentionPeriod",
        "35",
    ),
    "a monitoring interval": (
        "aws:rds/instance:Instance",
        {"engine": "mysql", "instanceClass": "db.t4g.micro", "allocatedStorage": 20, "monitoringInterval": 7},
        "monitoringInterval",
        "7",
    ),
    "a log bucket's storage class": (
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {"bucket": UNKNOWN, "rules": [{"id": "a", "status": "On", "expiration": {"days": 7}}]},
        "rules.0.status",
        "On",
    ),
    "a versioning status": (
        "aws:s3/bucketVersioning:BucketVersioning",
        {"bucket": UNKNOWN, "versioningConfiguration": {"status": "On"}},
        "versioningConfiguration.status",
        "On",
    ),
    "a schedule's window": (
        "aws:scheduler/schedule:Schedule",
        {**SCHEDULE, "scheduleExpression": "rate(1 minute)", "flexibleTimeWindow": {"mode": "NONE"}},
        "flexibleTimeWindow.mode",
        "NONE",
    ),
    "a target group's protocol": (
        "aws:lb/targetGroup:TargetGroup",
        {"port": 80, "protocol": "HTTP2", "vpcId": "vpc-0123456789abcdef0"},
        "protocol",
        "HTTP2",
    ),
    "a load balancer's type": (
        "aws:lb/loadBalancer:LoadBalancer",
        {"loadBalancerType": "web", "subnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]},
        "loadBalancerType",
        "web",
    ),
    "a volume's type": ("aws:ebs/volume:Volume", {"availabilityZone": "eu-west-1a", "size": 10, "type": "gp4"}, "type", "gp4"),
    "a table's billing": (
        "aws:dynamodb/table:Table",
        {
            "hashKey": "id",
            "attributes": [{"name": "id", "type": "S"}],
            "billingMode": "ON_DEMAND",
            "readCapacity": 1,
            "writeCapacity": 1,
        },
        "billingMode",
        "ON_DEMAND",
    ),
    # CloudFormation has no such property, or no such type: the API's model.
    "a certificate's export": (
        "aws:acm/certificate:Certificate",
        {"domainName": "shop.example.com", "options": {"export": "false"}},
        "options.export",
        "false",
    ),
    "a subscription's distribution": (
        "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter",
        {
            "name": "all",
            "logGroup": "shop",
            "filterPattern": "",
            "destinationArn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
            "distribution": "RANDOM",
        },
        "distribution",
        "RANDOM",
    ),
    "a file system's throughput": ("aws:efs/fileSystem:FileSystem", {"throughputMode": "fast"}, "throughputMode", "fast"),
}


def refusals(*resources: Resource) -> list[tuple[str, Fail]]:
    found = stack(*resources)
    return [(name, verdict) for control in FAMILIES for name, verdict in verdicts(control, found) if isinstance(verdict, Fail)]


@pytest.mark.parametrize(("type", "inputs", "where", "text"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told_at_the_programs_own_property(type: str, inputs: dict[str, Any], where: str, text: str) -> None:
    bucket = [resource("aws:s3/bucket:Bucket", "bucket")] if "bucket" in inputs else []
    found = refusals(resource(type, "x", inputs, deps={"bucket": ["bucket"]} if bucket else {}), *bucket)
    assert {(name, fail.where) for name, fail in found} == {("x", where)}
    assert any(text in fail.message for _, fail in found)
    assert all(fail.message.startswith("would be refused by AWS: ") and "https://docs.aws.amazon.com/" in fail.message for _, fail in found)


@pytest.mark.parametrize(("type", "inputs", "where", "text"), MISTAKES.values(), ids=MISTAKES)
def test_what_is_unknown_is_no_mistake(type: str, inputs: dict[str, Any], where: str, text: str) -> None:
    top = where.partition(".")[0]
    bucket = [resource("aws:s3/bucket:Bucket", "bucket")] if "bucket" in inputs else []
    changed = {**inputs, top: UNKNOWN}
    assert refusals(resource(type, "x", changed, deps={"bucket": ["bucket"]} if bucket else {}), *bucket) == []


def test_the_packs_controls_are_found_and_report_through_it() -> None:
    controls = discover("cloudpatterns_policies.acceptance.controls", pack="acceptance")
    assert {control.id for control in controls} >= {control.id for control in FAMILIES} | {"accepted-advice", "acceptance-complete"}
    pack = Pack([control for control in controls if control.id.startswith("accept")], keep_inputs=True)
    queue = resource("aws:sqs/queue:Queue", "x", {"fifoQueue": True, "name": "orders"})
    pack.analyze(queue)
    [finding] = [one for one in pack.analyze_stack(stack(queue)).findings if one.policy == "accepted-value"]
    assert (finding.level.value, finding.severity.label) == ("mandatory", "high")
    assert " - name. Remedy: Change the program as the finding says; " in finding.message
