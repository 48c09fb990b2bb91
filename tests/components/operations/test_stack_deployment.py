"""StackDeployment: typed outputs, no secret in parameters, a role and a policy of its own, drift that somebody hears of, other stacks."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import offline_preview.record
import pulumi
import pytest
from cloudpatterns.core import ArgumentError, looks_secret
from cloudpatterns.operations import StackDeployment, StackOutputError, StackOutputs
from cloudpatterns.operations.stack_deployment.arguments import read_statements
from cloudpatterns.operations.stack_deployment.template import UnreadableError, read
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:operations"
TEMPLATE = """
Parameters:
  Size: {Type: Number, Default: 5}
  Stage: {Type: String, AllowedValues: [test, live]}
Conditions: {Live: !Equals [!Ref Stage, live]}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    Properties: {BillingMode: PAY_PER_REQUEST}
  Index:
    Type: AWS::OpenSearchService::Domain
    Properties:
      AdvancedSecurityOptions:
        MasterUserOptions: {MasterUserPassword: "{{resolve:secretsmanager:index:SecretString:password}}"}
Outputs:
  TableName: {Value: !Ref Orders}
  Zones: {Value: !Join [",", !GetAZs ""]}
  Shards: {Value: "5"}
  Encrypted: {Value: "true"}
  Replica: {Value: !GetAtt Orders.Arn, Condition: Live}
"""
STATEMENTS: Any = [
    {
        "actions": ["dynamodb:CreateTable", "dynamodb:DescribeTable", "dynamodb:GetItem"],
        "resources": ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders-stack-*"],
    },
    {"actions": ["dynamodb:DeleteTable"], "resources": ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders-stack-*"]},
]
PLACE: Any = {"template": TEMPLATE, "parameters": {"Stage": "test"}, "statements": STATEMENTS, "alarm_topic_arns": [TOPIC]}
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/billing/1a2b3c4d"
RESOLVE = "{{resolve:secretsmanager:NAME:SecretString:KEY}}"


def given(**args: Any) -> Any:
    return {name: value for name, value in {**PLACE, **args}.items() if value is not None}


def deployed(name: str = "orders", **args: Any) -> Graph:
    return record(lambda: StackDeployment(name, given(**args)), mode="deployed")


def refused(name: str = "orders", **args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        deployed(name, **args)
    return error.value.problems


def with_stacks(program: Callable[[], Any], **outputs: Any) -> Graph:
    stacks = {"organization/network/prod": outputs}
    return offline_preview.record.record(program, config={"aws:region": "eu-west-1"}, stack_references=stacks)


def statements(graph: Graph, name: str) -> dict[str, tuple[list[str], list[str]]]:
    document = json.loads(graph.named(name).inputs["policy"])
    return {one.get("Sid", str(index)): (one["Action"], one["Resource"]) for index, one in enumerate(document["Statement"])}


def values_of(known: dict[str, str], **args: Any) -> dict[str, Any]:
    """The component's outputs, as they are when the stack has ``known``."""
    found: dict[str, Any] = {}

    def program() -> None:
        class Known(StackDeployment):
            def _stack(self, name: str) -> Any:
                stack = super()._stack(name)
                return SimpleNamespace(id=stack.id, name=stack.name, outputs=pulumi.Output.from_input(known))

        one = Known("orders", given(**args))
        for kind in ("texts", "numbers", "flags", "lists"):
            getattr(one, kind).apply(lambda value, kind=kind: found.update({kind: value}))

    record(program, mode="deployed")
    return found


OUTPUTS = {"TableName": "orders-1", "Zones": "eu-west-1a,eu-west-1b", "Shards": "5", "Encrypted": "true"}
KINDS = {"Zones": "list", "Shards": "number", "Encrypted": "flag"}


def test_outputs_are_typed() -> None:
    assert values_of(OUTPUTS, outputs=KINDS) == {
        "texts": {"TableName": "orders-1"},
        "numbers": {"Shards": 5.0},
        "flags": {"Encrypted": True},
        "lists": {"Zones": ["eu-west-1a", "eu-west-1b"]},
    }
    assert values_of({**OUTPUTS, "Zones": ""}, outputs=KINDS)["lists"] == {"Zones": []}
    assert values_of(OUTPUTS)["texts"] == OUTPUTS


@pytest.mark.parametrize(
    ("outputs", "args", "problem"),
    [
        (
            {**OUTPUTS, "Shards": "many"},
            {"outputs": KINDS},
            ("outputs.Shards", "is 'many' in the stack, which is no number. Declare it as text, or correct the template."),
        ),
        (
            {**OUTPUTS, "Encrypted": "yes"},
            {"outputs": KINDS},
            ("outputs.Encrypted", "is 'yes' in the stack, which is no flag. Declare it as text, or correct the template."),
        ),
        (
            OUTPUTS,
            {"outputs": {"Replica": "text"}},
            ("outputs.Replica", "is 'Replica', which is not an output of the stack; known are TableName, Zones, Shards, Encrypted."),
        ),
    ],
)
def test_an_output_that_is_missing_or_of_another_type_is_named(outputs: Any, args: Any, problem: tuple[str, str]) -> None:
    with pytest.raises(ArgumentError) as error:
        values_of(outputs, **args)
    assert error.value.problems == [problem]


def test_outputs_are_known_by_name_while_the_program_runs() -> None:
    names: list[list[str]] = []

    def program() -> None:
        texts: Any = StackDeployment("orders", given()).texts
        names.append([*texts.keys()])

    record(program)
    # One with a condition counts where it is named.
    assert names == [["TableName", "Zones", "Shards", "Encrypted"]]
    assert refused(outputs={"Table": "text"}) == [
        (
            "outputs.Table",
            "is 'Table', which is not an output of the template; known are TableName, Zones, Shards, Encrypted, Replica.",
        )
    ]


@pytest.mark.parametrize(
    ("parameters", "template", "problem"),
    [
        (
            {"Stage": "test"},
            TEMPLATE.replace("{Type: Number, Default: 5}", "{Type: String, NoEcho: true}"),
            (
                "template",
                "has the parameter Size with NoEcho, whose value Pulumi's state would keep and each preview change. Take the parameter "
                f"out, and write {RESOLVE} where the template uses it.",
            ),
        ),
        (
            {"Stage": "test"},
            TEMPLATE.replace("Size: {Type: Number, Default: 5}", "DbPassword: {Type: String, Default: hunter2}"),
            ("template", f"has a secret as the default of the parameter DbPassword. Write {RESOLVE} there."),
        ),
        (
            {"Stage": "test"},
            TEMPLATE.replace('"{{resolve:secretsmanager:index:SecretString:password}}"', "hunter2"),
            (
                "template",
                "has a secret in plain text in Resources.Index.Properties.AdvancedSecurityOptions.MasterUserOptions.MasterUserPassword. "
                f"Write {RESOLVE} there.",
            ),
        ),
        (
            {"Stage": "test"},
            TEMPLATE.replace("{BillingMode: PAY_PER_REQUEST}", "{SecretString: hunter2}"),
            ("template", f"has a secret in plain text in Resources.Orders.Properties.SecretString. Write {RESOLVE} there."),
        ),
        (
            {"Stage": "test", "DbPassword": "hunter2"},
            TEMPLATE.replace("Size: {Type: Number, Default: 5}", "DbPassword: {Type: String}"),
            ("parameters.DbPassword", f"may be a secret, which parameters do not hide. Give {RESOLVE} in its place."),
        ),
    ],
)
def test_no_secret_is_in_template_parameters(parameters: Any, template: str, problem: tuple[str, str]) -> None:
    problems = refused(parameters=parameters, template=template)
    assert problems == [problem]
    assert "hunter2" not in str(problems)


def test_a_secret_of_pulumi_is_no_parameter() -> None:
    reason = "is a secret, which parameters do not hide. Keep it in Secrets Manager, and give {{resolve:secretsmanager:...}}."
    with pytest.raises(ArgumentError) as error:
        record(lambda: StackDeployment("orders", given(parameters={"Stage": pulumi.Output.secret("test")})))
    assert error.value.problems == [("parameters.Stage", reason)]
    graph = record(lambda: StackDeployment("orders", given(parameters={"Stage": pulumi.Output.from_input("test")})))
    assert graph.named("orders-stack").inputs["parameters"] == {"Stage": "test"}


def test_a_dynamic_reference_is_a_parameter() -> None:
    template = TEMPLATE.replace("Size: {Type: Number, Default: 5}", "DbPassword: {Type: String}")
    reference = "{{resolve:secretsmanager:orders:SecretString:password}}"
    graph = deployed(template=template, parameters={"Stage": "test", "DbPassword": reference})
    assert graph.named("orders-stack").inputs["parameters"] == {"Stage": "test", "DbPassword": reference}
    assert looks_secret("DbPassword")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (
            {"parameters": {}},
            ("parameters.Stage", "is missing; the template has no default for it. Give it a value."),
        ),
        (
            {"parameters": {"Stage": "test", "Sise": "5"}},
            ("parameters.Sise", "is 'Sise', which is not a parameter of the template; known are Size, Stage."),
        ),
        (
            {"parameters": {"Stage": "production"}},
            ("parameters.Stage", "is none of the template's AllowedValues: test, live. Give one of them."),
        ),
        (
            {"template": TEMPLATE.replace("AllowedValues: [test, live]", "AllowedPattern: '[0-9]+'")},
            ("parameters.Stage", "does not match the template's AllowedPattern, [0-9]+. Correct it."),
        ),
        (
            {"template": "orders.yaml"},
            ("template", "has no Resources: it is the text of a template of CloudFormation, not its path. Read the file."),
        ),
        (
            {"template": "Resources:\n  A: [\n"},
            ("template", "is no YAML in line 3: expected the node content, but found '<stream end>'. Correct the text."),
        ),
        (
            {"template": f"{TEMPLATE}#{'x' * 51_200}"},
            (
                "template",
                f"has {len(TEMPLATE) + 51_201} bytes; CloudFormation takes 51200 in a request. "
                "Put it into a bucket, and give template_url.",
            ),
        ),
        (
            {"template": TEMPLATE.replace("AWS::DynamoDB::Table", "AWS::IAM::ManagedPolicy")},
            ("capabilities", "lacks CAPABILITY_IAM, which the template needs. Add it, once somebody has read what it creates."),
        ),
        (
            {
                "template": TEMPLATE.replace("AWS::DynamoDB::Table", "AWS::IAM::Role").replace("BillingMode:", "RoleName:"),
                "capabilities": ["CAPABILITY_IAM"],
            },
            ("capabilities", "lacks CAPABILITY_NAMED_IAM, which the template needs. Add it, once somebody has read what it creates."),
        ),
        (
            {"template": f"Transform: AWS::Serverless-2016-10-31\n{TEMPLATE}"},
            ("capabilities", "lacks CAPABILITY_AUTO_EXPAND, which the template needs. Add it, once somebody has read what it creates."),
        ),
        (
            {"kept_resources": ["Customers"]},
            ("kept_resources.0", "is 'Customers', which is not a resource of the template; known are Orders, Index."),
        ),
        (
            {"statements": STATEMENTS[1:]},
            (
                "drift_statements",
                "is missing; the detection of drift reads each resource with rights of its own. Name the actions, such as s3:GetBucket*.",
            ),
        ),
        (
            {"existing_stack_arn": STACK, "template": None, "statements": None, "drift_statements": STATEMENTS[:1]},
            ("existing_stack_arn", "excludes parameters: that stack is deployed elsewhere; both are given. Remove one of them."),
        ),
        (
            {"template": None},
            ("template", "exactly one of template, template_url and existing_stack_arn is needed; none is given. Give one."),
        ),
        ({"parameters": {"Stage": "test", "Size": 5}}, ("parameters.Size", "is [hidden]; must be text")),
        (
            {"alarm_topic_arns": ["alarms"]},
            (
                "alarm_topic_arns.0",
                "is 'alarms'; must be the ARN of a topic, such as arn:aws:sns:eu-west-1:123456789012:orders",
            ),
        ),
        *(
            (
                {"drift_schedule_expression": expression},
                (
                    "drift_schedule_expression",
                    f"is '{expression}'; must be rate(value unit), or cron with six fields of which the day of month or the day of week "
                    "is ?, such as cron(0 5 * * ? *)",
                ),
            )
            for expression in ("rate(daily)", "cron(0 5 * * *)", "cron(0 5 * * * *)", "cron(0 5 ? * ? *)")
        ),
        ({"time_zone": "Mars"}, ("time_zone", "is 'Mars'; a name of the IANA database is needed, such as Europe/Berlin.")),
        (
            {"parameters_from": {"Stage": {"stack": "organization/project/other", "output": "stage"}}},
            ("parameters_from.Stage", "is in parameters too. Remove one of them."),
        ),
        (
            {"parameters": {}, "parameters_from": {"Stage": {"stack": "organization/project/test", "output": "stage"}}},
            ("parameters_from.Stage.stack", "is organization/project/test, this very stack. Give the value itself in parameters."),
        ),
    ],
)
def test_what_cannot_be_deployed_is_refused_before_anything_is_created(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]


def test_a_name_that_cloudformation_refuses_is_refused() -> None:
    reason = "is 'orders_eu'; a stack has letters, digits and hyphens, a letter first. Rename the component."
    assert refused("orders_eu") == [("name", reason)]


def test_a_template_in_json_is_read_with_tabs_in_it() -> None:
    template = '{\n\t"Resources": {"Orders": {"Type": "AWS::SQS::Queue"}},\n\t"Outputs": {"Url": {"Value": {"Ref": "Orders"}}}\n}'
    assert read(template).outputs == {"Url": True}
    with pytest.raises(UnreadableError, match="is neither JSON nor YAML"):
        read('{"Resources": ')


def test_pulumi_protects_the_stack_and_a_policy_what_is_in_it() -> None:
    stack = deployed(kept_resources=["Index"], kept_types=["AWS::DynamoDB::Table"]).named("orders-stack")
    assert stack.options["protect"] is True
    kept = {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*"}
    assert json.loads(stack.inputs["policyBody"]) == {
        "Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {**kept, "Resource": "*", "Condition": {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table"]}}},
            {**kept, "Resource": ["LogicalResourceId/Index"]},
        ]
    }
    # A change of these would replace the stack.
    assert (stack.inputs["onFailure"], stack.inputs["timeoutInMinutes"]) == ("DELETE", 60)
    assert sorted(stack.options["ignoreChanges"]) == ["onFailure", "timeoutInMinutes"]
    unprotected = deployed(deletion_protection=False, kept_types=[]).named("orders-stack")
    assert not unprotected.options.get("protect")
    assert len(json.loads(unprotected.inputs["policyBody"])["Statement"]) == 1


def test_cloudformation_deploys_with_a_role_that_has_these_rights_alone() -> None:
    graph = deployed()
    stack, role = graph.named("orders-stack"), graph.named("orders-deployment-role")
    assert stack.inputs["iamRoleArn"] == role.outputs["arn"]
    # The stack is there after the rights, and goes before them.
    assert "orders-deployment-policy" in refs(graph, stack, "iamRoleArn")
    assert statements(graph, "orders-deployment-policy") == {
        "0": (STATEMENTS[0]["actions"], STATEMENTS[0]["resources"]),
        "1": (STATEMENTS[1]["actions"], STATEMENTS[1]["resources"]),
    }
    [trust] = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["cloudformation.amazonaws.com"]}
    given_role = "arn:aws:iam::123456789012:role/deploy"
    graph = deployed(statements=None, existing_deployment_role_arn=given_role, drift_statements=STATEMENTS[:1])
    assert graph.named("orders-stack").inputs["iamRoleArn"] == given_role
    assert "orders-deployment-role" not in {one.name for one in graph.resources}


def test_drift_is_detected_each_day_with_the_rights_to_read_alone() -> None:
    graph = deployed(time_zone="Europe/Dublin")
    one, stack = graph.named("orders-drift").inputs, graph.named("orders-stack")
    assert (one["scheduleExpression"], one["scheduleExpressionTimezone"]) == ("cron(0 5 * * ? *)", "Europe/Dublin")
    assert one["target"]["arn"] == "arn:aws:scheduler:::aws-sdk:cloudformation:detectStackDrift"
    assert json.loads(one["target"]["input"]) == {"StackName": stack.id}
    assert one["target"]["deadLetterConfig"] == {"arn": graph.named("orders-drift-undelivered").outputs["arn"]}
    assert statements(graph, "orders-drift-policy") == {
        "Detect": (["cloudformation:DetectStackDrift", "cloudformation:DetectStackResourceDrift"], [stack.id]),
        "Types": (["cloudformation:BatchDescribeTypeConfigurations"], ["*"]),
        "Park": (["sqs:SendMessage"], [graph.named("orders-drift-undelivered").outputs["arn"]]),
    }
    # Neither what writes nor what reads the table's items.
    assert statements(graph, "orders-drift-reading") == {"0": (["dynamodb:DescribeTable"], STATEMENTS[0]["resources"])}
    [trust] = json.loads(graph.named("orders-drift-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == {"ArnEquals": {"aws:SourceArn": graph.named("orders-drift-schedules").outputs["arn"]}}
    more: Any = [{"actions": ["es:DescribeDomain"], "resources": ["*"], "conditions": {}}]
    assert read_statements({**given(), "drift_statements": more}) == more


def test_a_wildcard_lets_the_detection_read_no_data() -> None:
    bucket = "arn:aws:s3:::orders-stack-*"
    wide: Any = [{"actions": ["s3:CreateBucket", "s3:Get*", "secretsmanager:Describe*"], "resources": [bucket, f"{bucket}/*"]}]

    def reading(**args: Any) -> list[tuple[str, list[str]]]:
        document = json.loads(deployed(statements=wide, **args).named("orders-drift-reading").inputs["policy"])
        return [(one["Effect"], one["Action"]) for one in document["Statement"]]

    deny = ("Deny", ["s3:GetObject", "s3:GetObjectVersion"])
    assert reading() == [("Allow", ["s3:Get*", "secretsmanager:Describe*"]), deny]
    # Who names the rights of the detection has those.
    assert reading(drift_statements=[{**wide[0], "actions": ["s3:Get*"]}]) == [("Allow", ["s3:Get*"])]


def test_topics_hear_of_drift_and_of_a_stack_that_failed() -> None:
    graph = deployed(alarm_topic_arns=[TOPIC, f"{TOPIC}-2"])
    stack = graph.named("orders-stack")
    drifted, failed = (json.loads(graph.named(f"orders-{name}").inputs["eventPattern"]) for name in ("drifted", "failed"))
    assert drifted == {
        "source": ["aws.cloudformation"],
        "detail-type": ["CloudFormation Drift Detection Status Change"],
        "detail": {
            "stack-id": [stack.id],
            "status-details": {"$or": [{"stack-drift-status": ["DRIFTED"]}, {"detection-status": ["DETECTION_FAILED"]}]},
        },
    }
    assert failed["detail-type"] == ["CloudFormation Stack Status Change"]
    assert failed["detail"]["stack-id"] == [stack.id]
    statuses = failed["detail"]["status-details"]["status"]
    assert {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "DELETE_COMPLETE"} <= {*statuses}
    assert not [status for status in statuses if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS")]
    targets = [one.inputs["arn"] for one in graph.of_type("aws:cloudwatch/eventTarget:EventTarget")]
    assert sorted(targets) == [TOPIC, TOPIC, f"{TOPIC}-2", f"{TOPIC}-2"]


def test_a_stack_that_is_deployed_elsewhere_is_watched_alone() -> None:
    outputs: dict[str, Any] = {}

    def program() -> None:
        args = given(template=None, parameters=None, statements=None, existing_stack_arn=STACK, drift_statements=STATEMENTS[:1])
        one = StackDeployment("billing", args)
        for name in ("stack_id", "stack_name", "deployment_role_arn", "texts"):
            getattr(one, name).apply(lambda value, name=name: outputs.update({name: value}))

    graph = record(program, mode="deployed")
    assert graph.of_type("aws:cloudformation/stack:Stack") == []
    assert outputs == {"stack_id": STACK, "stack_name": "billing", "deployment_role_arn": "", "texts": {}}
    assert json.loads(graph.named("billing-drift").inputs["target"]["input"]) == {"StackName": STACK}
    assert [one.name for one in graph.of_type("aws:iam/role:Role")] == ["billing-drift-role"]


def test_parameters_come_from_other_stacks() -> None:
    source = {"stack": "organization/network/prod"}
    args = given(
        template=None,
        template_url="https://templates.s3.eu-west-1.amazonaws.com/orders/7f3a.yaml",
        parameters_from={key: {**source, "output": key.lower()} for key in ("Vpc", "Subnets", "Size", "Open")},
    )
    graph = with_stacks(lambda: StackDeployment("orders", args), vpc="vpc-1", subnets=["subnet-1", "subnet-2"], size=3.0, open=False)
    assert graph.named("orders-stack").inputs["parameters"] == {
        "Stage": "test",
        "Vpc": "vpc-1",
        "Subnets": "subnet-1,subnet-2",
        "Size": "3",
        "Open": "false",
    }
    [reference] = graph.of_type("pulumi:pulumi:StackReference")
    assert reference.name == "orders-from-organization-network-prod"


def parameter_from(**outputs: Any) -> None:
    args = given(parameters={}, parameters_from={"Stage": {"stack": "organization/network/prod", "output": "stage"}})
    with_stacks(lambda: StackDeployment("orders", args), **outputs)


def test_a_missing_output_of_another_stack_is_named() -> None:
    message = (
        "organization/network/prod has no output stage; it has vpc_id, zones. Export it there and deploy that stack, or correct the name."
    )
    with pytest.raises(StackOutputError) as error:
        parameter_from(vpc_id="vpc-1", zones=[])
    assert str(error.value) == message


def test_a_secret_or_an_object_of_another_stack_is_no_parameter() -> None:
    with pytest.raises(ArgumentError) as error:
        parameter_from(stage={"name": "test"})
    reason = "is of type dict; text, a number, true or false, or a list of texts is needed."
    assert error.value.problems == [("parameters_from.Stage", reason)]
    with pytest.raises(ArgumentError) as error:
        parameter_from(stage=Secret("test"))
    assert [path for path, _ in error.value.problems] == ["parameters_from.Stage"]


def test_outputs_of_another_stack_are_typed() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        network = StackOutputs("organization/network/prod")
        subnets = network.texts_by_name("subnets", ["eu-west-1a", "eu-west-1b"])
        assert [*subnets.keys()] == ["eu-west-1a", "eu-west-1b"]
        asked = {
            "vpc": network.text("vpc"),
            "size": network.number("size"),
            "open": network.flag("open"),
            "zones": network.texts("zones"),
            "subnets": subnets,
            "any": network.value("subnets"),
        }
        for name, output in asked.items():
            output.apply(lambda value, name=name: found.update({name: value}))

    subnets = {"eu-west-1a": "subnet-1", "eu-west-1b": "subnet-2", "eu-west-1c": "subnet-3"}
    with_stacks(program, vpc="vpc-1", size=3, open=True, zones=["a"], subnets=subnets)
    two = {zone: subnets[zone] for zone in ("eu-west-1a", "eu-west-1b")}
    assert found == {"vpc": "vpc-1", "size": 3, "open": True, "zones": ["a"], "subnets": two, "any": subnets}


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda network: network.text("size"), "the output size of organization/network/prod is of type float; text is needed."),
        (lambda network: network.number("open"), "the output open of organization/network/prod is of type bool; a number is needed."),
        (lambda network: network.flag("size"), "the output size of organization/network/prod is of type float; true or false is needed."),
        (
            lambda network: network.texts("size"),
            "the output size of organization/network/prod is of type float; a list of texts is needed.",
        ),
        (
            lambda network: network.texts_by_name("subnets", ["eu-west-1z"]),
            "subnets of organization/network/prod has no eu-west-1z; it has eu-west-1a.",
        ),
    ],
)
def test_an_output_of_another_type_is_named(ask: Callable[[StackOutputs], Any], message: str) -> None:
    outputs = {"size": 3, "open": True, "subnets": {"eu-west-1a": "subnet-1"}}

    def program() -> None:
        pulumi.export("found", ask(StackOutputs("organization/network/prod")))

    with pytest.raises(StackOutputError) as error:
        with_stacks(program, **outputs)
    assert str(error.value) == message


def test_a_secret_of_another_stack_stays_one() -> None:
    secret: list[bool] = []

    async def ask(output: pulumi.Output[str]) -> None:
        secret.append(await output.is_secret())

    def program() -> None:
        pulumi.export("asked", pulumi.Output.from_input(ask(StackOutputs("organization/network/prod").text("key"))))

    with_stacks(program, key=Secret("x"))
    assert secret == [True]
