"""``CloneServer``: master, clones, what the roles may do, and what takes the images."""

import base64
import json
from typing import Any

import pytest
from cloudpatterns.blocks.boot import SHELL, BootPart, multipart, parts_after
from cloudpatterns.compute import CloneServer
from cloudpatterns.compute.clone_server.documents import IMAGE_TAG
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.emulators.automation import errors
from tests.harness import record, refs

GROUP, INSTANCE, TEMPLATE = "aws:autoscaling/group:Group", "aws:ec2/instance:Instance", "aws:ec2/launchTemplate:LaunchTemplate"
PARAMETER, DOCUMENT, BUCKET = "aws:ssm/parameter:Parameter", "aws:ssm/document:Document", "aws:s3/bucket:Bucket"
ALARM, RULE = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/eventRule:EventRule"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:on-call"
TARGETS = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/0123456789abcdef"
ARN = "arn:aws:ec2:eu-west-1:123456789012:instance/i-0123456789abcdef0"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
FIRST = "ami-0abc1234def567890"
CLONES: dict[str, Any] = {
    "first_image_id": FIRST,
    "clones": {"instance_types": ["m7g.large"], "min_size": 2, "max_size": 4},
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-1", "eu-west-1b": "subnet-2"},
    "security_group_ids": ["sg-clones"],
    "target_group_arns": [TARGETS],
}
NEW: dict[str, Any] = {
    **CLONES,
    "master": {"instance_type": "m7g.large", "image_id": FIRST, "root_disk_gib": 30},
    "master_subnet_id": "subnet-1",
    "master_security_group_ids": ["sg-master"],
    "content": {"folder": "/var/www/html"},
}
OLD: dict[str, Any] = {**CLONES, "existing_master_arn": ARN}


def servers(mode: Any = "deployed", given: dict[str, Any] | None = None, **args: Any) -> Graph:
    arguments: Any = {**(NEW if given is None else given), **args}
    return record(lambda: CloneServer("shop", arguments), mode=mode)


def statements(graph: Graph, policy: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(policy).inputs["policy"])["Statement"]


def user_data(graph: Graph, template: str) -> str:
    return base64.b64decode(graph.one(TEMPLATE, template).inputs["userData"]).decode()


def steps(graph: Graph) -> dict[str, Any]:
    content = json.loads(graph.one(DOCUMENT).inputs["content"])
    assert errors(content) == []
    return {step["name"]: step for step in content["mainSteps"]}


def test_clones_never_write_back() -> None:
    graph = servers(clone_statements=[{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::uploads/*"]}])
    read, find, key, deny = statements(graph, "shop-clone-content")
    bucket = graph.one(BUCKET, "shop-content-bucket").outputs["arn"]
    assert (read["Action"], read["Resource"]) == (["s3:GetObject"], [f"{bucket}/shop/*"])
    assert (find["Action"], find["Condition"]) == (["s3:ListBucket"], {"StringLike": {"s3:prefix": ["shop/*"]}})
    assert key["Action"] == ["kms:Decrypt"]
    assert (deny["Effect"], deny["Resource"]) == ("Deny", [bucket, f"{bucket}/shop/*"])
    assert deny["Action"] == ["s3:AbortMultipartUpload", "s3:Delete*", "s3:Put*", "s3:Replicate*", "s3:RestoreObject"]
    # The policy is on the role before the first clone starts, and the clones have no other role.
    policy = graph.named("shop-clone-content")
    assert "shop-clone-role-role" in refs(graph, policy, "role")
    assert policy.urn in graph.one(TEMPLATE, "shop-clones-template").dependencies
    # Their script copies from the bucket alone.
    assert "MODE=clone" in user_data(graph, "shop-clones-template")
    assert "MODE=master" not in user_data(graph, "shop-clones-template")


def test_the_master_is_outside_the_balancers_write_path() -> None:
    graph = servers()
    assert graph.one(GROUP).inputs["targetGroupArns"] == [TARGETS]
    assert not [one for one in graph.resources if "targetGroupAttachment" in one.type or "autoscaling/attachment" in one.type]
    master = graph.one(INSTANCE)
    assert TARGETS not in json.dumps(master.inputs)
    assert master.inputs["vpcSecurityGroupIds"] == ["sg-master"]
    [interface] = graph.one(TEMPLATE, "shop-clones-template").inputs["networkInterfaces"]
    assert interface["securityGroups"] == ["sg-clones"]


def test_the_first_deployment_needs_no_image_of_the_master() -> None:
    graph = servers()
    parameter = graph.one(PARAMETER)
    # The provider keeps every parameter's value secret.
    values = (parameter.inputs["type"], parameter.inputs["dataType"], parameter.inputs["value"])
    assert values == ("String", "aws:ec2:image", Secret(FIRST))
    # The document writes it later, and a deployment does not undo that.
    assert parameter.options["ignoreChanges"] == ["value"]
    template = graph.one(TEMPLATE, "shop-clones-template")
    assert template.inputs["imageId"] == f"resolve:ssm:{parameter.outputs['name']}"
    assert parameter.urn in template.dependencies


def test_the_document_images_the_master_and_replaces_the_clones() -> None:
    graph = servers(
        keep_images=3,
        reboot_master=True,
        tags={"team": "shop"},
        clones={**CLONES["clones"], "scaling": {"protect_from_scale_in": True}},
    )
    found = steps(graph)
    assert next(iter(found)) == "alone"
    image, publish = found["image"]["inputs"], found["publish"]["inputs"]
    assert (image["InstanceId"], image["NoReboot"]) == (graph.one(INSTANCE).id, False)
    # A name that no other stack of the account has: its images must not be deleted with ours.
    mark = {"Key": IMAGE_TAG, "Value": graph.one(PARAMETER).outputs["name"]}
    tags = [{"Key": "Name", "Value": "shop"}, {"Key": "team", "Value": "shop"}, mark]
    assert image["TagSpecifications"] == [{"ResourceType": kind, "Tags": tags} for kind in ("image", "snapshot")]
    assert (publish["Name"], publish["DataType"]) == (graph.one(PARAMETER).outputs["name"], "aws:ec2:image")
    assert found["refresh"]["inputs"] == {
        **{"Service": "autoscaling", "Api": "StartInstanceRefresh", "AutoScalingGroupName": graph.one(GROUP).outputs["name"]},
        "Preferences": {"ScaleInProtectedInstances": "Refresh"},
    }
    assert found["clean"]["inputs"]["InputPayload"]["keep"] == "3"


@pytest.mark.parametrize("given", [NEW, OLD], ids=["new", "existing"])
def test_the_role_of_the_document_changes_this_master_s_images_alone(given: dict[str, Any]) -> None:
    graph = servers(given=given)
    create, tag, delete, describe, parameter, refresh, refreshes, *launch, executions, read = statements(graph, "shop-automation-policy")
    images = ["arn:aws:ec2:eu-west-1::image/*", "arn:aws:ec2:eu-west-1::snapshot/*"]
    assert create["Resource"] == [ARN if given is OLD else graph.one(INSTANCE).outputs["arn"], *images]
    mark = graph.one(PARAMETER).outputs["name"]
    own = {f"aws:RequestTag/{IMAGE_TAG}": mark}
    assert (tag["Resource"], tag["Condition"]) == (images, {"StringEquals": {"ec2:CreateAction": "CreateImage", **own}})
    assert (delete["Action"], delete["Resource"]) == (["ec2:DeregisterImage", "ec2:DeleteSnapshot"], images)
    assert delete["Condition"] == {"StringEquals": {f"aws:ResourceTag/{IMAGE_TAG}": mark}}
    assert (parameter["Resource"], refresh["Resource"]) == ([graph.one(PARAMETER).outputs["arn"]], [graph.one(GROUP).outputs["arn"]])
    # Nothing else changes anything.
    assert all("Describe" in action for one in (describe, refreshes, executions) for action in one["Action"])
    assert read["Action"] == ["ssm:GetAutomationExecution"]
    assert [one["Action"] for one in launch] == [["ec2:RunInstances"], ["ec2:CreateTags"], ["iam:PassRole"]]


def test_auto_scaling_lets_the_role_of_the_document_start_a_refresh() -> None:
    """It tries a launch of the group's template for who calls."""
    graph = servers()
    run, tag, hand = statements(graph, "shop-automation-policy")[7:10]
    place, template = "arn:aws:ec2:eu-west-1:123456789012:", graph.one(TEMPLATE, "shop-clones-template")
    assert run["Resource"] == [f"{place}*", "arn:aws:ec2:eu-west-1::image/*", "arn:aws:ec2:eu-west-1::snapshot/*"]
    assert run["Condition"] == {"ArnEquals": {"ec2:LaunchTemplate": f"{place}launch-template/{template.id}"}}
    kinds = [one["resourceType"] for one in template.inputs["tagSpecifications"]]
    assert (tag["Action"], tag["Resource"]) == (["ec2:CreateTags"], [f"{place}{kind}/*" for kind in kinds])
    assert tag["Condition"] == {"StringEquals": {"ec2:CreateAction": "RunInstances"}}
    assert hand["Resource"] == [graph.named("shop-clone-role-role").outputs["arn"]]
    assert hand["Condition"] == {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}}


def test_a_schedule_starts_the_document() -> None:
    graph = servers(schedule_expression="cron(0 4 ? * SUN *)", time_zone="Europe/Berlin")
    schedule = graph.one("aws:scheduler/schedule:Schedule")
    assert (schedule.inputs["scheduleExpression"], schedule.inputs["scheduleExpressionTimezone"]) == (
        "cron(0 4 ? * SUN *)",
        "Europe/Berlin",
    )
    assert json.loads(schedule.inputs["target"]["input"]) == {"DocumentName": graph.one(DOCUMENT).outputs["name"]}


def test_the_master_publishes_its_content_and_deletes_no_old_version() -> None:
    graph = servers(master_user_data="#!/bin/bash\ndnf install nginx\n", user_data="#!/bin/bash\nsystemctl start nginx\n")
    write, marker, find, key = statements(graph, "shop-master-content")
    bucket = graph.one(BUCKET, "shop-content-bucket").outputs["arn"]
    assert write["Action"] == ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"]
    assert (write["Resource"], marker["Resource"], find["Resource"]) == ([f"{bucket}/shop/*"], [f"{bucket}/shop/marker"], [bucket])
    assert key["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    for part, mode, last in (("master", "master", "dnf install nginx"), ("clones", "clone", "systemctl start nginx")):
        text = user_data(graph, f"shop-{part}-template")
        assert text.index("CONTENT_SCRIPT=") < text.index(f"MODE={mode}") < text.index(last)


def test_a_disk_of_a_clone_has_room_for_the_master_s() -> None:
    [disk] = servers().one(TEMPLATE, "shop-clones-template").inputs["blockDeviceMappings"]
    assert (disk["deviceName"], disk["ebs"]["volumeSize"]) == ("/dev/xvda", 30)
    clones = {**CLONES["clones"], "disks": {"root_disk_gib": 50}}
    assert servers(clones=clones).one(TEMPLATE, "shop-clones-template").inputs["blockDeviceMappings"][0]["ebs"]["volumeSize"] == 50


def test_an_existing_master_and_an_existing_bucket() -> None:
    bucket: dict[str, Any] = {"existing_bucket_arn": "arn:aws:s3:::files", "bucket_kms_key_arn": KEY}
    graph = servers(given=OLD, content={"folder": "/var/www/html"}, existing_master_role_name="wiki", **bucket)
    assert not graph.of_type(INSTANCE)
    assert not graph.of_type(BUCKET)
    outputs = graph.one("cloudpatterns:index:CloneServer").outputs
    assert (outputs["master_instance_id"], outputs["master_role_arn"], outputs["bucket_name"]) == ("i-0123456789abcdef0", "", "files")
    assert "MODE=master" in outputs["content_script"]
    policy = graph.named("shop-master-content")
    assert (policy.inputs["role"], statements(graph, policy.name)[0]["Resource"]) == ("wiki", ["arn:aws:s3:::files/shop/*"])
    assert [one["Resource"] for one in statements(graph, "shop-clone-content")][:3] == [
        ["arn:aws:s3:::files/shop/*"],
        ["arn:aws:s3:::files"],
        [KEY],
    ]


def test_an_existing_master_gets_what_it_needs_from_a_method() -> None:
    def program(**args: Any) -> None:
        arguments: Any = {**OLD, **args}
        found.extend(CloneServer("shop", arguments).content_statements())

    found: list[Any] = []
    record(lambda: program(content={"folder": "/var/www/html"}, alarm_topic_arns=[TOPIC]))
    assert [one.get("sid") for one in found] == ["WriteContent", "ReadMarker", "FindContent", "ContentKey", "Heartbeat"]
    assert found[-1]["conditions"] == {"StringEquals": {"cloudwatch:namespace": ["CloudPatterns/CloneServer"]}}
    with pytest.raises(ArgumentError, match="content: is missing, so nothing is published"):
        record(program)


def test_without_content_there_are_images_alone() -> None:
    graph = servers(content=None)
    assert not graph.of_type(BUCKET)
    assert "userData" not in graph.one(TEMPLATE, "shop-clones-template").inputs
    outputs = graph.one("cloudpatterns:index:CloneServer").outputs
    assert (outputs["bucket_name"], outputs["content_script"]) == ("", "")


def test_failed_images_and_stale_content_are_reported() -> None:
    graph = servers(alarm_topic_arns=[TOPIC], content={"folder": "/var/www/html", "interval_minutes": 10})
    failed = json.loads(graph.one(RULE, "shop-failed").inputs["eventPattern"])["detail"]
    assert failed["Definition"] == [graph.one(DOCUMENT).outputs["name"]]
    stale = graph.one(ALARM, "shop-content-stale").inputs
    bucket = graph.one(BUCKET, "shop-content-bucket").outputs["bucket"]
    assert (stale["namespace"], stale["metricName"], stale["dimensions"]) == (
        *("CloudPatterns/CloneServer", "ContentPublished"),
        {"Content": f"{bucket}/shop"},
    )
    assert (stale["threshold"], stale["period"], stale["evaluationPeriods"], stale["treatMissingData"]) == (1, 600, 3, "breaching")
    assert "HEARTBEAT=yes" in user_data(graph, "shop-master-template")
    assert {"shop-schedules-dropped", "shop-master-status-checks", "shop-clones-too-few-instances"} <= {
        one.name for one in graph.of_type(ALARM)
    }
    assert "HEARTBEAT=yes" not in user_data(servers(), "shop-master-template")


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        (
            {**NEW, "existing_master_arn": ARN},
            "master",
            "exactly one of master and existing_master_arn is needed; both are given. Remove one.",
        ),
        (
            {**NEW, "master_subnet_id": None},
            "master_subnet_id",
            "is missing; master needs it. Give it, or remove master.",
        ),
        (
            {**OLD, "master_user_data": "#!/bin/bash"},
            "existing_master_arn",
            "excludes master_user_data: they are of a new master; both are given. Remove one of them.",
        ),
        (
            {**OLD, "existing_master_role_name": "wiki"},
            "content",
            "is missing; existing_master_role_name needs it. Give it, or remove existing_master_role_name.",
        ),
        (
            {**OLD, "bucket_kms_key_arn": KEY},
            "content",
            "is missing; bucket_kms_key_arn needs it. Give it, or remove bucket_kms_key_arn.",
        ),
        (
            {**NEW, "clones": {**CLONES["clones"], "image_id": FIRST}},
            "clones.image_id",
            "is given; the clones' image is the master's. Remove it, and see first_image_id.",
        ),
        (
            {**NEW, "clones": {**CLONES["clones"], "instance_types": ["m7i.large"]}},
            "clones.instance_types",
            "has m7i.large with x86_64; the master's m7g.large has arm64, and its image boots on that alone. Name types with arm64.",
        ),
        (
            {**NEW, "clones": {**CLONES["clones"], "disks": {"root_disk_gib": 20}}},
            "clones.disks.root_disk_gib",
            "is 20; the image has the master's disk of 30 GiB. Raise it, or leave it out.",
        ),
        (
            {**NEW, "clones": {**CLONES["clones"], "disks": {"root_device_name": "/dev/sda1"}}},
            "clones.disks.root_device_name",
            "is /dev/sda1; the image has the master's /dev/xvda. Leave it out.",
        ),
        (
            {**NEW, "clones": {**CLONES["clones"], "min_size": 9}},
            "clones.min_size",
            "is 9, above max_size 4. Lower it or raise max_size.",
        ),
        (
            {**NEW, "master": {**NEW["master"], "time_zone": "Mars"}},
            "master.time_zone",
            "is 'Mars'; must be an IANA time zone such as Europe/Berlin.",
        ),
        ({**NEW, "time_zone": "Mars"}, "time_zone", "is 'Mars'; must be an IANA time zone such as Europe/Berlin."),
        (
            {**NEW, "content": {"folder": "/var/www/../html"}},
            "content.folder",
            "is '/var/www/../html'; name the folder itself, without .. in it.",
        ),
    ],
)
def test_what_cannot_work_is_refused(given: dict[str, Any], path: str, reason: str) -> None:
    arguments = {key: value for key, value in given.items() if value is not None}
    with pytest.raises(ArgumentError) as caught:
        servers(given=arguments)
    assert (path, reason) in caught.value.problems


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({**NEW, "clones": {**CLONES["clones"], "image_id": FIRST}}, "clones.image_id"),
        ({**OLD, "master": NEW["master"]}, "master"),
    ],
)
def test_one_mistake_has_one_message(given: dict[str, Any], path: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        servers(given=given)
    assert [place for place, _ in caught.value.problems] == [path]


def test_a_name_that_systems_manager_refuses() -> None:
    arguments: Any = NEW
    with pytest.raises(ArgumentError) as caught:
        record(lambda: CloneServer("ssm-shop", arguments))
    words = "letters, digits, dots, hyphens and underscores, and a beginning other than aws, amazon, amzn or ssm, are needed"
    assert caught.value.problems == [("name", f"is 'ssm-shop'; {words}. Rename the component.")]


def test_the_scripts_of_a_bootstrap_run_after_the_content() -> None:
    first, second = BootPart("10-first.sh", SHELL, "#!/bin/bash\nfirst\n"), BootPart("20-second.sh", SHELL, "#!/bin/bash\nsecond\n")
    text = user_data(servers(user_data=multipart([first, second])), "shop-clones-template")
    names = [f"20-application.sh-{part.name}" for part in (first, second)]
    assert [part.name for part in parts_after("x", text)] == [f"x-{name}" for name in ("10-content.sh", *names)]


def test_a_script_that_cloud_init_would_not_run_is_refused() -> None:
    with pytest.raises(ArgumentError, match="master_user_data: begins with 'echo'; a script is needed"):
        servers(master_user_data="echo")
