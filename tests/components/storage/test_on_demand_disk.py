import json
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import OnDemandDisk
from cloudpatterns.storage.on_demand_disk.script import revision
from offline_preview.graph import Graph

from tests.harness import record, refs

VOLUME, ATTACHMENT = "aws:ebs/volume:Volume", "aws:ec2/volumeAttachment:VolumeAttachment"
ASSOCIATION, DOCUMENT = "aws:ssm/association:Association", "aws:ssm/document:Document"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
TWO: Any = {"a": {"size_gib": 100}, "b": {"size_gib": 100, "device_name": "/dev/sdg"}}
ARGS: Any = {"volumes": TWO, "mount_path": "/srv/data", "availability_zone": "eu-west-1a", "instance_id": "i-0a"}


def make(mode: Any = "preview", **args: Any) -> Graph:
    return record(lambda: OnDemandDisk("data", {**ARGS, **args}), mode=mode)


def test_volumes_are_encrypted_and_attached() -> None:
    volumes: Any = {
        "a": {"size_gib": 500, "iops": 6000, "throughput_mib_per_second": 500},
        "b": {"size_gib": 100, "type": "io2", "iops": 10_000, "snapshot_id": "snap-0a", "device_name": "/dev/sdg"},
        "c": {"existing_volume_id": "vol-0c", "device_name": "/dev/sdh"},
    }
    graph = make(volumes=volumes, backup_tags={"backup": "daily"}, tags={"Owner": "shop"})
    first, second = graph.one(VOLUME, "data-a"), graph.one(VOLUME, "data-b")
    assert {key: first.inputs[key] for key in ("size", "type", "iops", "throughput", "availabilityZone", "encrypted", "finalSnapshot")} == {
        "size": 500,
        "type": "gp3",
        "iops": 6000,
        "throughput": 500,
        "availabilityZone": "eu-west-1a",
        "encrypted": True,
        "finalSnapshot": True,
    }
    assert first.inputs["tags"] == {"Name": "data-a", "backup": "daily", "Owner": "shop"}
    assert refs(graph, first, "kmsKeyId") == ["data-key", "data-key-policy"]
    assert (second.inputs["type"], second.inputs["iops"], second.inputs["snapshotId"]) == ("io2", 10_000, "snap-0a")
    assert graph.one(ATTACHMENT, "data-c-attachment").inputs == {
        "deviceName": "/dev/sdh",
        "instanceId": "i-0a",
        "volumeId": "vol-0c",
        "stopInstanceBeforeDetaching": True,
    }
    assert refs(graph, graph.one(ATTACHMENT, "data-a-attachment"), "volumeId") == ["data-a"]
    assert graph.one(ATTACHMENT, "data-a-attachment").options["deleteBeforeReplace"] is True


def test_a_volume_whose_numbers_are_taken_away_gets_those_of_its_type() -> None:
    # EBS keeps the number before, and the provider sends that of io2 when the type becomes gp3.
    volume = make().one(VOLUME, "data-a").inputs
    assert (volume["iops"], volume["throughput"]) == (3000, 125)
    fast = make(volumes={"a": {"size_gib": 100, "type": "io2", "iops": 50_000}}).one(VOLUME).inputs
    assert (fast["iops"], "throughput" in fast) == (50_000, False)


def test_a_deletion_waits_for_the_final_snapshot() -> None:
    assert make().one(VOLUME, "data-a").options["customTimeouts"] == {"delete": "24h"}


def test_volumes_outlive_the_instance() -> None:
    graph = make()
    for volume in graph.of_type(VOLUME):
        # Nothing of the instance is among what they depend on, and nobody deletes them by mistake.
        assert "instanceId" not in volume.inputs
        assert volume.options["protect"] is True
        assert volume.inputs["finalSnapshot"] is True
    assert graph.named("data-key").options["retainOnDelete"] is True
    kept = make(deletion_protection=False, retain_on_delete=True)
    for volume in kept.of_type(VOLUME):
        assert (volume.options["protect"], volume.options["retainOnDelete"], volume.inputs["finalSnapshot"]) == (False, True, False)
    gone = make(deletion_protection=False, final_snapshot=False)
    assert not gone.named("data-key").options["retainOnDelete"]


def test_the_association_runs_the_boot_script_when_sizes_change() -> None:
    def association(size: int) -> tuple[Graph, Any]:
        graph = make("deployed", volumes={"a": {"existing_volume_id": "vol-0a"}, "b": {"size_gib": size, "device_name": "/dev/sdg"}})
        return graph, graph.one(ASSOCIATION)

    graph, first = association(100)
    assert first.inputs["targets"] == [{"key": "InstanceIds", "values": ["i-0a"]}]
    assert first.inputs["scheduleExpression"] == "rate(30 minutes)"
    assert refs(graph, first, "name") == ["data-document"]
    assert {graph.one(VOLUME).urn, graph.one(ATTACHMENT, "data-b-attachment").urn} <= set(first.dependencies)
    # Volume ids differ from record to record here; the same script and sizes make the same revision.
    assert revision("script", {"a": None, "b": 100}) != revision("script", {"a": None, "b": 200})
    assert revision("script", {"a": None, "b": 100}) == revision("script", {"b": 100, "a": None})
    assert len(first.inputs["parameters"]["Revision"]) == 64
    document = json.loads(graph.one(DOCUMENT).inputs["content"])
    script = graph.one("cloudpatterns:index:OnDemandDisk").outputs["boot_script"]
    assert "\n".join(document["mainSteps"][0]["inputs"]["runCommand"]) == script.rstrip("\n")
    assert "{{" not in script
    assert "DISK_VOLUMES='vol-0a vol-" in script
    assert len(script.encode()) < 16 * 1024


def test_an_instance_may_come_later() -> None:
    later: Any = {key: value for key, value in ARGS.items() if key != "instance_id"}

    def program() -> None:
        disk = OnDemandDisk("data", later)
        disk.attach("i-0b", "server")

    graph = record(program)
    assert {one.inputs["instanceId"] for one in graph.of_type(ATTACHMENT)} == {"i-0b"}
    assert graph.named("data-policy").inputs["role"] == "server"
    assert record(lambda: OnDemandDisk("data", later)).of_type(ATTACHMENT) == []

    def twice() -> None:
        OnDemandDisk("data", ARGS).attach("i-0b")

    with pytest.raises(ArgumentError) as caught:
        record(twice)
    reason = "is given, or attach was called before; the volumes are at one instance. Remove one of them."
    assert caught.value.problems == [("instance_id", reason)]


def test_the_role_gets_what_the_agent_and_the_metric_need() -> None:
    graph = make("deployed", instance_role_name="server")
    statements = {one["Sid"]: one for one in json.loads(graph.named("data-policy").inputs["policy"])["Statement"]}
    document = graph.one(DOCUMENT).outputs["arn"]
    assert statements["DiskDocument"]["Resource"] == [document]
    assert statements["Associations"]["Resource"][2] == document
    assert [arn.split(":")[2] + ":" + arn.split(":")[5] for arn in statements["Associations"]["Resource"][:2]] == [
        "ec2:instance/*",
        "ssm:association/*",
    ]
    assert statements["DiskMetric"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": ["CloudPatterns/OnDemandDisk"]}}
    assert graph.one(ASSOCIATION).dependencies.count(graph.named("data-policy").urn) == 1


def test_alarms_where_somebody_reads_them() -> None:
    assert make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
    graph = make(alarm_topic_arns=[TOPIC], full_percent=70)
    full, mounted = graph.named("data-full").inputs, graph.named("data-mounted").inputs
    assert full["dimensions"] == mounted["dimensions"] == {"Disk": "data", "InstanceId": "i-0a"}
    assert (full["threshold"], full["treatMissingData"]) == (70, "notBreaching")
    assert (mounted["statistic"], mounted["comparisonOperator"], mounted["treatMissingData"]) == (
        "SampleCount",
        "LessThanThreshold",
        "breaching",
    )
    assert graph.named("data-stalled").inputs["metricName"] == "StatusCheckFailed_AttachedEBS"
    assert graph.named("data-credits").inputs["metricQueries"][0]["expression"] == "MIN([io, bytes])"
    assert refs(graph, graph.named("data-failed"), "eventPattern") == ["data-association"]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"availability_zone": None}, "availability_zone", "is missing; the new volumes need it. Give the zone of the instance's subnet."),
        ({"availability_zone": "eu-west-1"}, "availability_zone", "is 'eu-west-1'; must be a zone such as eu-west-1a"),
        ({"instance_id": "shop"}, "instance_id", "is 'shop'; must be the id of an instance such as i-0abc1234def567890"),
        ({"mount_path": "/etc/data"}, "mount_path", "is '/etc/data', in a folder of the operating system; choose one such as /srv/data."),
        ({"layout": "single"}, "layout", "is single, for one volume; there are 2. Use linear or striped."),
        ({"stripe_kib": 128}, "stripe_kib", "is for the layout striped; the layout is linear. Remove stripe_kib, or use striped."),
        (
            {"volumes": {"a": {"size_gib": 100}, "b": {"size_gib": 100}}},
            "volumes.b.device_name",
            "is /dev/sdf, as for a; each volume needs its own, /dev/sdf to /dev/sdp. It never changes later.",
        ),
        (
            {"layout": "striped", "volumes": {"a": {"size_gib": 100}, "b": {"size_gib": 90, "device_name": "/dev/sdg"}}},
            "volumes",
            "have different sizes (a 100, b 90 GiB); stripes use as much of each as the smallest has. Give them the same size.",
        ),
        (
            {"layout": "striped", "volumes": {"a": {"size_gib": 100}}},
            "layout",
            "is striped, for two volumes or more; there is one. Add a volume, or use linear.",
        ),
        ({"volumes": {"a": {"size_gib": 2, "type": "io2", "iops": 100}}}, "volumes.a.size_gib", "is 2; an io2 volume has at least 4 GiB."),
        (
            {"volumes": {"a": {"size_gib": 10, "type": "io2"}}},
            "volumes.a.iops",
            "is missing; an io2 volume needs it: 100 to 256,000, at most 1,000 for each GiB.",
        ),
        (
            {"volumes": {"a": {"size_gib": 10, "type": "io2", "iops": 10_001}}},
            "volumes.a.iops",
            "is 10001; io2 has at most 1,000 for each GiB, here 10,000.",
        ),
        (
            {"volumes": {"a": {"size_gib": 10, "type": "io2", "iops": 100, "throughput_mib_per_second": 125}}},
            "volumes.a.throughput_mib_per_second",
            "is for gp3; io2 has the throughput that its IOPS give. Remove it.",
        ),
        ({"volumes": {"a": {"size_gib": 10, "iops": 6000}}}, "volumes.a.iops", "is 6000; a gp3 volume of 10 GiB has 3,000 to 5,000."),
        (
            {"volumes": {"a": {"size_gib": 10, "throughput_mib_per_second": 751}}},
            "volumes.a.throughput_mib_per_second",
            "is 751; with 3,000 IOPS gp3 has at most 750. Raise iops.",
        ),
        (
            {"volumes": {"a": {"existing_volume_id": "vol-0a", "iops": 3000}}},
            "volumes.a.existing_volume_id",
            "excludes iops: an existing volume is not changed; both are given. Remove one of them.",
        ),
        (
            {"volumes": {"a": {}}},
            "volumes.a.size_gib",
            "exactly one of size_gib and existing_volume_id is needed; none is given. Give one.",
        ),
        (
            {"layout": "single", "volume_group_name": "old", "volumes": {"a": {"size_gib": 10}}},
            "volume_group_name",
            "is for LVM; the layout is single. Remove volume_group_name, or use linear or striped.",
        ),
        (
            {"instance_id": None, "instance_role_name": "server"},
            "instance_id",
            "is missing; instance_role_name needs it: the rights are for what the instance runs. Give it, or remove instance_role_name.",
        ),
    ],
)
def test_what_aws_or_the_script_would_refuse(args: Any, path: str, reason: str) -> None:
    given = {key: value for key, value in {**ARGS, **args}.items() if value is not None}
    with pytest.raises(ArgumentError) as caught:
        record(lambda: OnDemandDisk("data", given))  # ty: ignore[invalid-argument-type]
    assert caught.value.problems == [(path, reason)]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("my_data", "is 'my_data'; it names LVM's volume group and systemd units: letters, digits and hyphens, at most 61. Rename it."),
        ("amazon", "is 'amazon'; names of SSM documents cannot begin with aws-, amazon or amzn. Give the component another name."),
    ],
)
def test_names_that_cannot_be(name: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: OnDemandDisk(name, ARGS))
    assert caught.value.problems == [("name", reason)]
