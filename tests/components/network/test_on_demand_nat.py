"""`OnDemandNat`: exactly the expected routes for every strategy, and a NAT instance that is open in its windows alone."""

import json
from importlib.resources import files
from typing import Any, cast

import pulumi
import pytest
from cloudpatterns.network import Network, OnDemandNat, OnDemandNatArgs
from cloudpatterns.network.on_demand_nat.instance import user_data
from offline_preview.graph import Graph

from tests.harness import record, refs

ROUTE, TABLE = "aws:ec2/route:Route", "aws:ec2/routeTable:RouteTable"
GATEWAY, EIP, INSTANCE = "aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip", "aws:ec2/instance:Instance"
SCHEDULE, DOCUMENT = "aws:scheduler/schedule:Schedule", "aws:ssm/document:Document"
ROLE, POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
COMPONENT = "cloudpatterns:index:OnDemandNat"
A, B, C = "eu-west-1a", "eu-west-1b", "eu-west-1c"
ZONES = [[A], [A, B], [A, B, C]]
STRATEGIES = ["none", "single", "per_zone", "regional", "instance", "on_demand"]
PATCH = {"name": "patch", "days": ["TUE", "SUN"], "start": "01:00", "minutes": 90}
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"


def nat(strategy: str, zones: list[str] | None = None, mode: str = "preview", **args: Any) -> Graph:
    """A network with the NAT in it; an argument of `...` is left out."""

    def program() -> None:
        network = Network("net", {"cidr_block": "10.20.0.0/16", "zones": zones or [A, B]})
        given: dict[str, Any] = {
            "strategy": strategy,
            "vpc_id": network.vpc_id,
            "vpc_cidr_block": network.vpc_cidr_block,
            "public_subnet_ids_by_zone": network.subnet_ids("public"),
            "private_route_table_ids_by_zone": network.route_table_ids("private"),
            **({"windows": [PATCH]} if strategy == "on_demand" else {}),
            **args,
        }
        OnDemandNat("nat", cast(OnDemandNatArgs, {key: value for key, value in given.items() if value is not ...}))

    return record(program, mode=cast(Any, mode))


def ways_out(graph: Graph) -> dict[str, str]:
    """Route table -> name of what its 0.0.0.0/0 leads to; a table with two such routes fails, as does any other route."""
    found = {}
    for route in graph.of_type(ROUTE):
        (table,) = refs(graph, route, "routeTableId")
        assert route.inputs["destinationCidrBlock"] == "0.0.0.0/0"
        assert table not in found
        (found[table],) = refs(graph, route, "gatewayId", "natGatewayId", "networkInterfaceId")
    return found


def made(graph: Graph) -> list[str]:
    return sorted(resource.name for resource in graph.children(graph.one(COMPONENT).urn))


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.one(POLICY, name).inputs["policy"])["Statement"]


def expected_target(strategy: str, zone: str) -> str:
    return {
        "single": "nat-gateway-eu-west-1a",
        "per_zone": f"nat-gateway-{zone}",
        "regional": "nat-gateway",
        "instance": "nat-interface",
        "on_demand": "nat-interface",
    }[strategy]


@pytest.mark.parametrize("zones", ZONES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_private_tables_lead_to_the_chosen_nat_and_data_tables_nowhere(strategy: str, zones: list[str]) -> None:
    graph = nat(strategy, zones)
    expected = {"net-public": "net-gateway"}
    if strategy != "none":
        expected |= {f"net-private-{zone}": expected_target(strategy, zone) for zone in zones}
    assert ways_out(graph) == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_removing_the_middle_zone_touches_its_children_alone(strategy: str) -> None:
    def shape(graph: Graph) -> dict[str, Any]:
        parent = graph.one(COMPONENT).urn
        return {
            f"{resource.type} {resource.name}": (
                resource.inputs,
                {key: refs(graph, resource, key) for key in resource.property_dependencies},
            )
            for resource in graph.children(parent)
        }

    with_b, without_b = shape(nat(strategy, [A, B, C])), shape(nat(strategy, [A, C]))
    assert without_b == {key: value for key, value in with_b.items() if not key.endswith(B)}


def test_none_makes_nothing() -> None:
    graph = nat("none", vpc_cidr_block=..., public_subnet_ids_by_zone=...)
    assert made(graph) == []
    assert graph.one(COMPONENT).outputs == {"public_ips": [], "nat_gateway_ids_by_zone": {}}


@pytest.mark.parametrize(("strategy", "places"), [("single", [A]), ("per_zone", [A, B])])
def test_nat_gateways_have_an_address_and_sit_in_public_subnets(strategy: str, places: list[str]) -> None:
    graph = nat(strategy, mode="deployed")
    assert made(graph) == sorted([f"nat-{kind}-{zone}" for kind in ("address", "gateway") for zone in places] + [f"nat-{A}", f"nat-{B}"])
    for zone in places:
        gateway = graph.one(GATEWAY, f"nat-gateway-{zone}")
        assert f"net-public-{zone}" in refs(graph, gateway, "subnetId")
        assert refs(graph, gateway, "allocationId") == [f"nat-address-{zone}"]
        assert gateway.inputs["connectivityType"] == "public"
        assert gateway.options["deleteBeforeReplace"] is True
        assert graph.one(EIP, f"nat-address-{zone}").inputs["domain"] == "vpc"
    outputs = graph.one(COMPONENT).outputs
    ids = {zone: graph.one(GATEWAY, expected_target(strategy, zone)).id for zone in (A, B)}
    assert outputs["nat_gateway_ids_by_zone"] == ids
    assert outputs["public_ips"] == [graph.one(EIP, f"nat-address-{zone}").outputs["publicIp"] for zone in places]


def test_a_gateway_waits_for_the_internet_gateway() -> None:
    graph = nat("single")
    assert "net-public-internet" in refs(graph, graph.one(GATEWAY), "subnetId")
    regional = nat("regional")
    assert "net-public-internet" in refs(regional, regional.one(GATEWAY), "vpcId")


def test_single_follows_the_given_zone() -> None:
    graph = nat("single", [A, B, C], zone=C)
    assert ways_out(graph) == {"net-public": "net-gateway", **{f"net-private-{zone}": f"nat-gateway-{C}" for zone in (A, B, C)}}


def test_a_regional_gateway_takes_the_vpc_and_addresses_of_awss_choice() -> None:
    graph = nat("regional", mode="deployed")
    assert made(graph) == ["nat-eu-west-1a", "nat-eu-west-1b", "nat-gateway"]
    inputs = graph.one(GATEWAY).inputs
    vpc = graph.one("aws:ec2/vpc:Vpc").id
    assert inputs == {"availabilityMode": "regional", "connectivityType": "public", "vpcId": vpc, "tags": {"Name": "nat"}}
    assert set(graph.one(COMPONENT).outputs["nat_gateway_ids_by_zone"].values()) == {graph.one(GATEWAY).id}
    addresses = graph.one(GATEWAY).outputs["regionalNatGatewayAddresses"]
    assert graph.one(COMPONENT).outputs["public_ips"] == [address["publicIp"] for address in addresses]


@pytest.mark.parametrize(
    ("strategy", "gateways"),
    [
        ("single", {f"-{A}": (f"nat-gateway-{A}", f"The NAT gateway in {A}")}),
        ("per_zone", {f"-{zone}": (f"nat-gateway-{zone}", f"The NAT gateway in {zone}") for zone in (A, B)}),
        ("regional", {"": ("nat-gateway", "The NAT gateway")}),
    ],
)
def test_a_gateway_that_is_full_or_drops_packets_is_reported(strategy: str, gateways: dict[str, tuple[str, str]]) -> None:
    graph = nat(strategy, mode="deployed", alarm_topic_arns=[TOPIC], tags={"Owner": "platform"})
    alarms = {alarm.name: alarm.inputs for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    for suffix, (gateway, which) in gateways.items():
        common = {
            "namespace": "AWS/NATGateway",
            "dimensions": {"NatGatewayId": graph.one(GATEWAY, gateway).id},
            "statistic": "Sum",
            "threshold": 0,
            "comparisonOperator": "GreaterThanThreshold",
            "treatMissingData": "notBreaching",
            "alarmActions": [TOPIC],
            "okActions": [TOPIC],
            "tags": {"Owner": "platform"},
        }
        assert alarms.pop(f"nat-gateway-ports{suffix}") == {
            **common,
            "alarmDescription": f"{which} finds no free port, and new connections fail: too many go to one destination",
            "metricName": "ErrorPortAllocation",
            "period": 300,
            "evaluationPeriods": 1,
        }
        assert alarms.pop(f"nat-gateway-drops{suffix}") == {
            **common,
            "alarmDescription": f"{which} has dropped packets in each of five minutes",
            "metricName": "PacketsDropCount",
            "period": 60,
            "evaluationPeriods": 5,
        }
    assert alarms == {}


@pytest.mark.parametrize("strategy", ["none", "single", "per_zone", "regional"])
def test_nothing_is_watched_where_nobody_is_told(strategy: str) -> None:
    topics = [TOPIC] if strategy == "none" else []
    assert nat(strategy, alarm_topic_arns=topics).of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


# --- the instance ---


@pytest.mark.parametrize("strategy", ["instance", "on_demand"])
def test_the_instance_is_a_router_with_its_address_before_it_boots(strategy: str) -> None:
    graph = nat(strategy, mode="deployed")
    interface, address = graph.named("nat-interface"), graph.one(EIP, "nat-instance-address")
    assert interface.inputs["sourceDestCheck"] is False
    assert f"net-public-{A}" in refs(graph, interface, "subnetId")
    assert refs(graph, interface, "securityGroups") == ["nat-group"]
    assert refs(graph, address, "networkInterface") == ["nat-interface"]
    instance = graph.one(INSTANCE)
    assert refs(graph, instance, "primaryNetworkInterface") == ["nat-interface"]
    assert address.urn in instance.dependencies
    assert instance.inputs["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}
    assert instance.inputs["instanceInitiatedShutdownBehavior"] == "stop"
    assert instance.inputs["userData"] == user_data("10.20.0.0/16", strategy == "on_demand", 1)
    for forbidden in ("associatePublicIpAddress", "subnetId", "vpcSecurityGroupIds", "sourceDestCheck", "ami"):
        assert forbidden not in instance.inputs


def test_the_instance_is_replaced_when_it_must_be_and_never_by_its_template() -> None:
    graph = nat("instance", mode="deployed")
    instance, template = graph.one(INSTANCE), graph.one("aws:ec2/launchTemplate:LaunchTemplate")
    assert instance.inputs["launchTemplate"] == {"id": template.id, "version": "1"}
    assert instance.inputs["userDataReplaceOnChange"] is True
    assert instance.options["deleteBeforeReplace"] is True
    assert instance.options["replaceOnChanges"] == ["instanceType"]
    assert instance.options["ignoreChanges"] == ["sourceDestCheck"]
    assert template.options["replaceOnChanges"] == ["imageId", "blockDeviceMappings"]


@pytest.mark.parametrize(("key", "disk"), [(None, {}), (KEY, {"kmsKeyId": KEY})])
def test_the_disk_is_encrypted(key: str | None, disk: dict[str, str]) -> None:
    template = nat("instance", kms_key_arn=key).one("aws:ec2/launchTemplate:LaunchTemplate")
    (mapping,) = template.inputs["blockDeviceMappings"]
    assert mapping == {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeType": "gp3", "deleteOnTermination": "true", **disk}}


def test_the_type_decides_the_image() -> None:
    graph = nat("instance", instance_type="t3.micro")
    assert graph.one(INSTANCE).inputs["instanceType"] == "t3.micro"
    image = graph.one("aws:ec2/launchTemplate:LaunchTemplate").inputs["imageId"]
    assert image == "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
    assert nat("instance").one(INSTANCE).inputs["instanceType"] == "t4g.micro"


def test_a_raised_revision_replaces_the_instance_and_nothing_else() -> None:
    def inputs(graph: Graph) -> dict[str, dict[str, Any]]:
        return {resource.name: resource.inputs for resource in graph.children(graph.one(COMPONENT).urn)}

    one, two = (inputs(nat("instance", mode="deployed", instance_revision=revision)) for revision in (1, 2))
    assert {name for name in one if one[name] != two[name]} == {"nat-instance"}
    changed = {key for key in one["nat-instance"] if one["nat-instance"][key] != two["nat-instance"][key]}
    # Changed user data replaces it, see above; RunInstances then reads the template's resolve:ssm: again.
    assert (changed, two["nat-instance"]["userDataReplaceOnChange"]) == ({"userData"}, True)
    assert two["nat-template"]["imageId"].startswith("resolve:ssm:")


@pytest.mark.parametrize(("given", "ports"), [(None, [80, 443]), ([8443, 22], [22, 8443])])
def test_the_group_lets_the_vpc_out_on_its_ports_and_itself_on_443(given: list[int] | None, ports: list[int]) -> None:
    graph = nat("instance", mode="deployed", egress_ports=given)
    own = sorted({*ports, 443})
    for kind, name, cidr, allowed in (("Ingress", "from-vpc", "10.20.0.0/16", ports), ("Egress", "to-internet", "0.0.0.0/0", own)):
        found = {}
        for rule in graph.of_type(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule"):
            assert refs(graph, rule, "securityGroupId") == ["nat-group"]
            found[rule.name] = [rule.inputs[key] for key in ("ipProtocol", "fromPort", "toPort", "cidrIpv4")]
        assert found == {f"nat-{name}-{port}": ["tcp", port, port, cidr] for port in allowed}


def test_systems_manager_looks_after_the_instance() -> None:
    graph = nat("instance", mode="deployed")
    attachment = graph.one("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    assert attachment.inputs["policyArn"] == "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    assert refs(graph, attachment, "role") == ["nat-instance-role"]
    assert refs(graph, graph.one(POLICY, "nat-instance-fence"), "role") == ["nat-instance-role"]
    assert statements(graph, "nat-instance-fence") == [{"Effect": "Deny", "Action": ["ssm:GetParameter*"], "Resource": ["*"]}]
    assert statements(graph, "nat-instance-heartbeat") == [
        {
            "Effect": "Allow",
            "Action": ["cloudwatch:PutMetricData"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"cloudwatch:namespace": "CloudPatterns/NatInstance"}},
        }
    ]
    # The profile's name comes only once the role has its policies.
    profile = refs(graph, graph.one(INSTANCE), "iamInstanceProfile")
    assert sorted(profile) == ["nat-instance-fence", "nat-instance-heartbeat", "nat-instance-profile", "nat-instance-ssm"]


def test_an_instance_that_is_always_on_is_recovered_and_rebooted() -> None:
    graph = nat("instance", mode="deployed", alarm_topic_arns=[TOPIC])
    alarms = {alarm.name: alarm.inputs for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    for name, metric, periods in (("recover", "StatusCheckFailed_System", 2), ("reboot", "StatusCheckFailed_Instance", 3)):
        alarm = alarms.pop(f"nat-{name}")
        assert (alarm["namespace"], alarm["metricName"], alarm["evaluationPeriods"], alarm["period"]) == ("AWS/EC2", metric, periods, 60)
        assert alarm["dimensions"] == {"InstanceId": graph.one(INSTANCE).id}
        assert alarm["alarmActions"] == [f"arn:aws:automate:eu-west-1:ec2:{name}", TOPIC]
    assert alarms.pop("nat-heartbeat") == {
        "alarmDescription": "The NAT instance has not reported for three minutes that it forwards packets: private subnets may have no "
        "internet egress",
        "namespace": "CloudPatterns/NatInstance",
        "metricName": "Heartbeat",
        "dimensions": {"InstanceId": graph.one(INSTANCE).id},
        "statistic": "SampleCount",
        "threshold": 1,
        "comparisonOperator": "LessThanThreshold",
        "period": 60,
        "evaluationPeriods": 3,
        "treatMissingData": "breaching",
        "alarmActions": [TOPIC],
        "okActions": [TOPIC],
        "tags": {},
    }
    assert alarms == {}
    assert graph.of_type(SCHEDULE, DOCUMENT) == []
    # They act also where nobody is to be told.
    assert {alarm.name for alarm in nat("instance").of_type("aws:cloudwatch/metricAlarm:MetricAlarm")} == {"nat-recover", "nat-reboot"}


def test_outputs_name_the_instance() -> None:
    graph = nat("on_demand", mode="deployed")
    assert graph.one(COMPONENT).outputs == {
        "public_ips": [graph.one(EIP).outputs["publicIp"]],
        "nat_gateway_ids_by_zone": {},
        "instance_id": graph.one(INSTANCE).id,
        "network_interface_id": graph.named("nat-interface").id,
        "security_group_id": graph.named("nat-group").id,
        "schedule_group_name": graph.one("aws:scheduler/scheduleGroup:ScheduleGroup").outputs["name"],
        "runbook_name": graph.one(DOCUMENT).outputs["name"],
        "runbook_role_arn": graph.one(ROLE, "nat-runbook-role").outputs["arn"],
    }


# --- schedules ---


def test_schedules_start_and_stop_the_instance_in_its_windows() -> None:
    night = {"name": "night", "days": ["FRI"], "start": "22:30", "minutes": 120}
    graph = nat("on_demand", mode="deployed", windows=[PATCH, night], time_zone="Europe/Berlin")
    found = {}
    for schedule in graph.of_type(SCHEDULE):
        inputs, target = schedule.inputs, schedule.inputs["target"]
        assert inputs["flexibleTimeWindow"] == {"mode": "OFF"}
        assert inputs["scheduleExpressionTimezone"] == "Europe/Berlin"
        assert refs(graph, schedule, "groupName") == ["nat-windows"]
        assert json.loads(target["input"]) == {"InstanceIds": [graph.one(INSTANCE).id]}
        assert target["roleArn"] == graph.one(ROLE, "nat-windows-role").outputs["arn"]
        assert graph.one(POLICY, "nat-windows-policy").urn in schedule.dependencies
        action = target["arn"].removeprefix("arn:aws:scheduler:::aws-sdk:ec2:")
        found[schedule.name] = (action, inputs["scheduleExpression"], target["retryPolicy"]["maximumEventAgeInSeconds"])
    assert found == {
        "nat-open-patch": ("startInstances", "cron(0 1 ? * TUE,SUN *)", 89 * 60),
        "nat-close-patch": ("stopInstances", "cron(30 2 ? * TUE,SUN *)", 167_400 // 2),
        "nat-close-again-patch": ("stopInstances", "cron(30 3 ? * TUE,SUN *)", 163_800 // 2),
        "nat-open-night": ("startInstances", "cron(30 22 ? * FRI *)", 119 * 60),
        "nat-close-night": ("stopInstances", "cron(30 0 ? * SAT *)", 88_200 // 2),
        "nat-close-again-night": ("stopInstances", "cron(30 1 ? * SAT *)", 84_600 // 2),
    }


def test_universal_time_skips_nothing_and_needs_no_second_closing() -> None:
    graph = nat("on_demand")
    assert sorted(schedule.name for schedule in graph.of_type(SCHEDULE)) == ["nat-close-patch", "nat-open-patch"]
    assert {schedule.inputs["scheduleExpressionTimezone"] for schedule in graph.of_type(SCHEDULE)} == {"UTC"}


@pytest.mark.parametrize("key", [None, KEY])
def test_the_schedules_role_changes_this_instance_alone(key: str | None) -> None:
    graph = nat("on_demand", mode="deployed", kms_key_arn=key)
    grant = {
        "Effect": "Allow",
        "Action": ["kms:CreateGrant"],
        "Resource": [KEY],
        "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}, "StringEquals": {"kms:ViaService": "ec2.eu-west-1.amazonaws.com"}},
    }
    assert statements(graph, "nat-windows-policy") == [
        {"Effect": "Allow", "Action": ["ec2:StartInstances", "ec2:StopInstances"], "Resource": [graph.one(INSTANCE).outputs["arn"]]},
        *([grant] if key else []),
    ]
    group = graph.one("aws:scheduler/scheduleGroup:ScheduleGroup").outputs["arn"]
    (trust,) = json.loads(graph.one(ROLE, "nat-windows-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["scheduler.amazonaws.com"]}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012", "aws:SourceArn": group}}


# --- the runbook ---


@pytest.mark.parametrize("key", [None, KEY])
def test_the_runbooks_role_starts_this_instance_and_writes_its_own_schedule(key: str | None) -> None:
    graph = nat("on_demand", mode="deployed", kms_key_arn=key)
    group = graph.one("aws:scheduler/scheduleGroup:ScheduleGroup").outputs["name"]
    start, describe, schedule, pass_role, *grants = statements(graph, "nat-runbook-policy")
    assert (start["Action"], start["Resource"]) == (["ec2:StartInstances"], [graph.one(INSTANCE).outputs["arn"]])
    assert (describe["Action"], describe["Resource"]) == (["ec2:DescribeInstances", "cloudwatch:GetMetricStatistics"], ["*"])
    assert schedule["Action"] == ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"]
    assert schedule["Resource"] == [f"arn:aws:scheduler:eu-west-1:123456789012:schedule/{group}/opened-by-hand"]
    assert (pass_role["Action"], pass_role["Resource"]) == (["iam:PassRole"], [graph.one(ROLE, "nat-windows-role").outputs["arn"]])
    assert pass_role["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    assert [grant["Action"] for grant in grants] == ([["kms:CreateGrant"]] if key else [])
    (trust,) = json.loads(graph.one(ROLE, "nat-runbook-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Principal"] == {"Service": ["ssm.amazonaws.com"]}
    assert trust["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnLike": {"aws:SourceArn": "arn:aws:ssm:eu-west-1:123456789012:automation-execution/*"},
    }


def runbook(graph: Graph) -> dict[str, Any]:
    document = graph.one(DOCUMENT)
    assert (document.inputs["documentType"], document.inputs["documentFormat"]) == ("Automation", "JSON")
    return json.loads(document.inputs["content"])


def test_the_runbook_has_the_structure_of_an_automation_document() -> None:
    graph = nat("on_demand", mode="deployed")
    content = runbook(graph)
    assert content.keys() == {"schemaVersion", "description", "assumeRole", "parameters", "mainSteps", "outputs"}
    assert content["schemaVersion"] == "0.3"
    assert content["assumeRole"] == graph.one(ROLE, "nat-runbook-role").outputs["arn"]
    parameter = content["parameters"].pop("Minutes")
    assert (parameter["type"], parameter["allowedPattern"], content["parameters"]) == ("String", "^[1-9][0-9]{0,2}$", {})
    steps = {step["name"]: step for step in content["mainSteps"]}
    assert list(steps) == ["settle", "open", "running", "forwards"]
    assert [step["action"] for step in steps.values()] == [
        *("aws:waitForAwsResourceProperty", "aws:executeScript", "aws:waitForAwsResourceProperty", "aws:executeScript"),
    ]
    assert all(step["onFailure"] == "Abort" for step in steps.values())
    assert [step.get("isEnd", False) for step in steps.values()] == [False, False, False, True]
    for step, states in (("settle", ["running", "stopped"]), ("running", ["running"])):
        assert steps[step]["inputs"] == {
            "Service": "ec2",
            "Api": "DescribeInstances",
            "InstanceIds": [graph.one(INSTANCE).id],
            "PropertySelector": "$.Reservations[0].Instances[0].State.Name",
            "DesiredValues": states,
        }
    for step, names in (("open", ["closes_at", "started_at"]), ("forwards", ["forwards_since"])):
        assert steps[step]["outputs"] == [{"Name": name, "Selector": f"$.Payload.{name}", "Type": "String"} for name in names]
    assert content["outputs"] == ["open.closes_at", "forwards.forwards_since"]
    # Systems Manager's limit of a document: https://docs.aws.amazon.com/general/latest/gr/ssm.html
    assert len(json.dumps(content).encode()) < 64 * 1024


def test_the_runbook_hands_the_tested_script_its_windows() -> None:
    graph = nat("on_demand", mode="deployed", time_zone="Europe/Berlin")
    inputs = runbook(graph)["mainSteps"][1]["inputs"]
    script = files("cloudpatterns").joinpath("network/on_demand_nat/on_aws/open_by_hand.py").read_text()
    assert (inputs["Script"], inputs["Runtime"], inputs["Handler"]) == (script, "python3.11", "handler")
    forwards = runbook(graph)["mainSteps"][3]["inputs"]
    assert (forwards["Script"], forwards["Runtime"], forwards["Handler"]) == (script, "python3.11", "wait_for_heartbeat")
    assert forwards["InputPayload"] == {
        "instance_id": graph.one(INSTANCE).id,
        "namespace": "CloudPatterns/NatInstance",
        "metric_name": "Heartbeat",
        "started_at": "{{ open.started_at }}",
        "closes_at": "{{ open.closes_at }}",
    }
    # Systems Manager would take two braces in the script for a parameter of its own.
    assert "{{" not in script
    assert inputs["InputPayload"] == {
        "minutes": "{{ Minutes }}",
        "instance_id": graph.one(INSTANCE).id,
        "schedule_name": "opened-by-hand",
        "schedule_group_name": graph.one("aws:scheduler/scheduleGroup:ScheduleGroup").outputs["name"],
        "schedule_role_arn": graph.one(ROLE, "nat-windows-role").outputs["arn"],
        "stop_target_arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances",
        "time_zone": "Europe/Berlin",
        "windows": [{"days": ["TUE", "SUN"], "start": "01:00", "minutes": 90}],
        "extra_stops": [{"days": ["TUE", "SUN"], "start": "03:30"}],
    }
    document = graph.one(DOCUMENT)
    assert {graph.one(POLICY, f"nat-{role}-policy").urn for role in ("windows", "runbook")} <= set(document.dependencies)


@pytest.mark.parametrize("strategy", ["single", "per_zone", "regional", "instance"])
def test_a_way_out_by_ipv6_only_matters_on_demand(strategy: str) -> None:
    assert len(ways_out(nat(strategy, dual_stack=True))) == 3


def test_windows_may_be_tuples_as_settings_hand_them() -> None:
    graph = nat("on_demand", windows=({**PATCH, "days": ("TUE",)},))
    assert graph.one(SCHEDULE, "nat-open-patch").inputs["scheduleExpression"] == "cron(0 1 ? * TUE *)"


def test_tags_reach_everything_that_has_tags() -> None:
    graph = nat("on_demand", tags={"Owner": "platform"})
    untaggable = {ROUTE, SCHEDULE, POLICY, "aws:iam/rolePolicyAttachment:RolePolicyAttachment"}
    tagged = [resource for resource in graph.children(graph.one(COMPONENT).urn) if resource.type not in untaggable]
    assert len(tagged) == 15
    assert {resource.name for resource in tagged if resource.inputs["tags"].get("Owner") != "platform"} == set()
    assert graph.one(INSTANCE).inputs["volumeTags"] == {"Name": "nat", "Owner": "platform"}


def test_transforms_reach_the_children() -> None:
    def program() -> None:
        def monitored(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            return pulumi.ResourceTransformResult({**args.props, "monitoring": True}, args.opts) if args.type_ == INSTANCE else None

        arguments: dict[str, Any] = {"vpc_id": "vpc-0a", "vpc_cidr_block": "10.0.0.0/16", "public_subnet_ids_by_zone": {A: "subnet-0a"}}
        given = cast(OnDemandNatArgs, {"strategy": "instance", **arguments, "private_route_table_ids_by_zone": {A: "rtb-0a"}})
        OnDemandNat("nat", given, pulumi.ResourceOptions(transforms=[monitored]))

    assert record(program).one(INSTANCE).inputs["monitoring"] is True


def test_a_start_or_stop_that_fails_for_good_is_told() -> None:
    graph = nat("on_demand", mode="deployed", alarm_topic_arns=[TOPIC])
    alarm = graph.one("aws:cloudwatch/metricAlarm:MetricAlarm", "nat-windows-dropped")
    assert refs(graph, alarm, "dimensions") == ["nat-windows"]
    del alarm.inputs["dimensions"], alarm.inputs["alarmDescription"], alarm.inputs["tags"]
    assert alarm.inputs == {
        "namespace": "AWS/Scheduler",
        "metricName": "InvocationDroppedCount",
        "statistic": "Sum",
        "period": 300,
        "evaluationPeriods": 1,
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC],
    }
    assert nat("on_demand").of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
