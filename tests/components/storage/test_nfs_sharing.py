import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.compute import ContainerService
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import NfsSharing
from offline_preview.graph import Graph

from tests.harness import record, refs

SYSTEM, TARGET, POINT = "aws:efs/fileSystem:FileSystem", "aws:efs/mountTarget:MountTarget", "aws:efs/accessPoint:AccessPoint"
IN, OUT = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
ROLE, TOPIC = "arn:aws:iam::123456789012:role/shop", "arn:aws:sns:eu-west-1:123456789012:alarms"
EXISTING = "arn:aws:elasticfilesystem:eu-west-1:123456789012:file-system/fs-0abc1234"
UPLOADS: Any = {"path": "/shop/uploads", "uid": 1000, "gid": 1001}
ARGS: Any = {
    "vpc_id": "vpc-1",
    "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
    "access_points": {"uploads": UPLOADS},
}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    return record(lambda: NfsSharing("files", {**ARGS, **args}), mode=mode)


def policy(graph: Graph) -> dict[str, Any]:
    statements = json.loads(graph.named("files-policy").inputs["policy"])["Statement"]
    return {one.get("Sid", one["Action"][-1]): one for one in statements}


def test_mount_only_through_tls_and_an_access_point() -> None:
    graph = make(access_points={"uploads": {**UPLOADS, "writer_role_arns": [ROLE]}, "reports": {**UPLOADS, "path": "/reports"}})
    statements, system = policy(graph), graph.one(SYSTEM).outputs["arn"]
    points = [graph.named(f"files-{key}").outputs["arn"] for key in ("uploads", "reports")]
    clients = [f"elasticfilesystem:Client{action}" for action in ("Mount", "Write", "RootAccess")]
    for sid in ("DenyWithoutTls", "DenyOtherAccessPoints", "DenyOutsideMountTargets"):
        statement = statements[sid]
        found = (statement["Effect"], statement["Action"], statement["Resource"], statement["Principal"])
        assert found == ("Deny", clients, [system], {"AWS": ["*"]})
    assert statements["DenyWithoutTls"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    # A mount without an access point has no such key, and a negated operator is true then.
    assert statements["DenyOtherAccessPoints"]["Condition"] == {"StringNotEquals": {"elasticfilesystem:AccessPointArn": points}}
    # A missing key does not deny here.
    assert statements["DenyOutsideMountTargets"]["Condition"] == {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "false"}}
    allowed = statements["elasticfilesystem:ClientWrite"]
    assert (allowed["Effect"], allowed["Principal"], allowed["Action"]) == ("Allow", {"AWS": [ROLE]}, clients[:2])
    assert allowed["Condition"] == {"StringEquals": {"elasticfilesystem:AccessPointArn": [points[0]]}}
    # Nobody mounts before the policy is there.
    for target in graph.of_type(TARGET):
        assert graph.named("files-policy").urn in target.dependencies


def test_port_2049_only_from_the_client_group() -> None:
    graph = make("preview", client_security_group_ids={"shop": "sg-shop"})
    rules = {rule.name: rule for rule in graph.of_type(IN)}
    assert set(rules) == {"files-from-clients", "files-from-client-shop"}
    for rule in rules.values():
        assert refs(graph, rule, "securityGroupId") == ["files-targets"]
        assert (rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"]) == (2049, 2049, "tcp")
        assert not {"cidrIpv4", "cidrIpv6", "prefixListId"} & {*rule.inputs}
    assert refs(graph, rules["files-from-clients"], "referencedSecurityGroupId") == ["files-clients"]
    assert rules["files-from-client-shop"].inputs["referencedSecurityGroupId"] == "sg-shop"
    assert {rule.name for rule in graph.of_type(OUT)} == {"files-by-clients", "files-by-client-shop"}
    for target in graph.of_type(TARGET):
        assert refs(graph, target, "securityGroups") == ["files-targets"]
        # In another subnet of its zone it is another mount target, and EFS takes one in a zone.
        assert target.options["deleteBeforeReplace"] is True
    assert {target.name for target in graph.of_type(TARGET)} == {"files-target-eu-west-1a", "files-target-eu-west-1b"}


def test_the_file_system_is_encrypted_backed_up_and_protected() -> None:
    graph = make("preview", lifecycle={"archive_days": 90, "back_on_access": True}, backup_tags={"backup": "daily"})
    system = graph.one(SYSTEM)
    assert (system.inputs["encrypted"], system.inputs["throughputMode"], system.options["protect"]) == (True, "elastic", True)
    assert refs(graph, system, "kmsKeyId") == ["files-key", "files-key-policy"]
    assert system.inputs["lifecyclePolicies"] == [
        {"transitionToIa": "AFTER_30_DAYS"},
        {"transitionToArchive": "AFTER_90_DAYS"},
        {"transitionToPrimaryStorageClass": "AFTER_1_ACCESS"},
    ]
    assert system.inputs["tags"] == {"Name": "files", "backup": "daily"}
    assert graph.named("files-backups").inputs["backupPolicy"] == {"status": "ENABLED"}
    assert not [one for one in make(automatic_backups=False).resources if one.name == "files-backups"]
    assert make(lifecycle={"infrequent_access_days": 1}).one(SYSTEM).inputs["lifecyclePolicies"] == [{"transitionToIa": "AFTER_1_DAY"}]


def test_an_access_point_is_a_folder_with_its_user() -> None:
    point = make().one(POINT)
    assert point.inputs["posixUser"] == {"uid": 1000, "gid": 1001}
    assert point.inputs["rootDirectory"] == {
        "path": "/shop/uploads",
        "creationInfo": {"ownerUid": 1000, "ownerGid": 1001, "permissions": "0750"},
    }


def test_an_existing_file_system_gets_policy_and_access_points() -> None:
    graph = make(existing_file_system_arn=EXISTING)
    assert graph.of_type(SYSTEM) == []
    assert graph.one(POINT).inputs["fileSystemId"] == "fs-0abc1234"
    assert policy(graph)["DenyWithoutTls"]["Resource"] == [EXISTING]
    assert graph.one("cloudpatterns:index:NfsSharing").outputs["kms_key_arn"] == ""


def test_the_copy_is_encrypted_in_its_region() -> None:
    graph = make("preview", replication={"region": "eu-central-1", "most_lag_minutes": 30}, alarm_topic_arns=[TOPIC])
    copy = graph.one(SYSTEM, "files-replica")
    assert (copy.inputs["region"], copy.inputs["encrypted"], copy.options["protect"]) == ("eu-central-1", True, True)
    assert refs(graph, copy, "kmsKeyId") == ["files-replica-key", "files-replica-key-policy"]
    assert copy.inputs["protection"] == {"replicationOverwrite": "DISABLED"}
    assert copy.options["ignoreChanges"] == ["protection"]
    replication = graph.named("files-replication")
    assert refs(graph, replication, "destination") == ["files-replica"]
    assert replication.options["deleteBeforeReplace"] is True
    lag = graph.named("files-replication-lag")
    assert (lag.inputs["threshold"], lag.inputs["treatMissingData"]) == (1800, "breaching")
    assert set(refs(graph, lag, "dimensions")) == {"files-files", "files-replica"}


def test_alarms_where_somebody_reads_them() -> None:
    alarms = "aws:cloudwatch/metricAlarm:MetricAlarm"
    assert make().of_type(alarms) == []
    assert {one.name for one in make(alarm_topic_arns=[TOPIC]).of_type(alarms)} == {"files-io", "files-throughput"}
    bursting = make(alarm_topic_arns=[TOPIC], throughput_mode="bursting")
    assert bursting.named("files-credits").inputs["metricName"] == "BurstCreditBalance"


def test_a_role_gets_one_access_point() -> None:
    found: list[Any] = []

    def program() -> None:
        files = NfsSharing("files", ARGS)
        found.extend([files.client_statements("uploads"), files.client_statements("uploads", read_only=True)])
        with pytest.raises(ArgumentError) as caught:
            files.client_statements("video")
        assert caught.value.problems == [("access_point", "is 'video', which is not an access point; known are uploads.")]

    record(program)
    [[writes], [reads]] = found
    assert writes["actions"] == ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    assert reads["actions"] == ["elasticfilesystem:ClientMount"]
    assert list(writes["conditions"]["StringEquals"]) == ["elasticfilesystem:AccessPointArn"]


def test_a_container_that_mounts_it_waits_for_its_policy_and_mount_targets() -> None:
    def program() -> None:
        files = NfsSharing("files", ARGS)
        volume: Any = {"file_system_arn": files.file_system_arn, "access_point_arn": files.access_point_arns["uploads"]}
        place: Any = {"subnet_ids_by_zone": ARGS["subnet_ids_by_zone"], "security_group_ids": [files.client_security_group_id]}
        task: Any = {"image": "shop:1.0", "min_tasks": 2, "max_tasks": 2, "mounts": {"/srv": {"volume": "files"}}}
        ContainerService("shop", {**place, **task, "volumes": {"files": {"file_system": volume}}})

    graph = record(program)
    [task] = graph.of_type("aws:ecs/taskDefinition:TaskDefinition")
    assert {"files-policy", "files-target-eu-west-1a", "files-target-eu-west-1b"} <= {*refs(graph, task, "volumes")}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"throughput_mode": "provisioned"},
            "provisioned_mib_per_second",
            "is missing; throughput_mode provisioned needs it. Give it, or use elastic.",
        ),
        (
            {"provisioned_mib_per_second": 10},
            "provisioned_mib_per_second",
            "is for throughput_mode provisioned; it is elastic. Remove provisioned_mib_per_second.",
        ),
        (
            {"throughput_mode": "bursting", "lifecycle": {"archive_days": 90}},
            "lifecycle.archive_days",
            "needs throughput_mode elastic or provisioned; it is bursting. Remove it, or use elastic.",
        ),
        ({"lifecycle": {"archive_days": 30}}, "lifecycle.archive_days", "is 30; it must be more than infrequent_access_days, 30."),
        (
            {"access_points": {"a": {**UPLOADS, "mount_path": "/srv/a"}, "b": {**UPLOADS, "mount_path": "/srv/a"}}},
            "access_points.b.mount_path",
            "is /srv/a, as for a; give each its own.",
        ),
        (
            {"access_points": {"a": {**UPLOADS, "path": "/shop/.."}}},
            "access_points.a.path",
            "is '/shop/..'; . and .. are no folders. Name the folder.",
        ),
        (
            {"existing_file_system_arn": EXISTING, "lifecycle": {}},
            "existing_file_system_arn",
            "excludes lifecycle: an adopted file system keeps its settings; both are given. Remove one of them.",
        ),
    ],
)
def test_what_efs_would_refuse(args: Any, path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    assert caught.value.problems == [(path, reason)]


# --- the mount script, in a real shell ---


class Machine:
    """A root folder, and commands that note how they were called; mount fails as often as a test says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        (folder / "bin").mkdir()
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc/fstab").write_text("UUID=root / xfs defaults 0 0\n")
        for name in ("awk", "chmod", "date", "dirname", "mkdir", "mv", "sync", "tee"):
            (folder / "bin" / name).symlink_to(shutil.which(name) or name)
        self.command("mount.efs", "")
        self.command("dnf", "exit 1")
        self.command("sleep", "")
        self.command("mountpoint", f"[[ -e {folder}/mounted ]]")
        self.command("mount", f": >{folder}/mounted")
        self.script = str(make().one("cloudpatterns:index:NfsSharing").outputs["mount_scripts"]["uploads"])

    def command(self, name: str, body: str) -> None:
        path = self.folder / "bin" / name
        path.write_text(f'#!/bin/bash\necho "{name} $*" >>{self.folder}/calls\n{body}\n')
        path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    @property
    def log(self) -> str:
        return (self.root / "var/log/nfs-sharing.log").read_text()

    def run(self) -> int:
        (self.folder / "calls").write_text("")
        environment = {"PATH": str(self.folder / "bin"), "BOOT_ROOT": str(self.root)}
        bash = shutil.which("bash") or "/bin/bash"
        return subprocess.run([bash, "-c", self.script], env=environment, capture_output=True, timeout=30, check=False).returncode


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_script_mounts_through_tls_iam_and_the_access_point_at_every_boot(machine: Machine) -> None:
    assert machine.run() == 0
    [mount] = [call for call in machine.calls if call.startswith("mount ")]
    options = mount.split(" -o ")[1].split()[0]
    assert options.startswith("_netdev,nofail,tls,iam,accesspoint=fsap-")
    root, entry = (machine.root / "etc/fstab").read_text().splitlines()
    assert root == "UUID=root / xfs defaults 0 0"
    assert entry.split()[1:] == ["/mnt/uploads", "efs", options, "0", "0"]


def test_the_second_run_of_the_mount_script_changes_nothing(machine: Machine) -> None:
    assert machine.run() == 0
    before = (machine.root / "etc/fstab").stat()
    assert machine.run() == 0
    after = (machine.root / "etc/fstab").stat()
    # Not the time of access: the script reads it.
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert not any(call.startswith("mount ") for call in machine.calls)


def test_a_name_that_does_not_resolve_yet_is_tried_again(machine: Machine) -> None:
    machine.command(
        "mount", f"[[ -e {machine.folder}/resolves ]] || {{ : >{machine.folder}/resolves; exit 1; }}; : >{machine.folder}/mounted"
    )
    assert machine.run() == 0
    assert "attempt 1 to mount failed" in machine.log
    assert machine.log.splitlines()[-1].endswith("/mnt/uploads: mounted")


def test_a_mount_that_is_refused_stops_with_its_reason_in_the_log(machine: Machine) -> None:
    machine.command("mount", 'echo "access denied by server" >&2; exit 32')
    assert machine.run() == 1
    assert "access denied by server" in machine.log
    reason = "cannot be mounted: do the mount target of this zone, port 2049 and the role's statements allow it?"
    assert machine.log.splitlines()[-1].endswith(reason)


def test_a_helper_that_cannot_be_installed_stops_it(machine: Machine) -> None:
    (machine.folder / "bin/mount.efs").unlink()
    assert machine.run() == 1
    assert machine.log.splitlines()[-1].endswith("stopped: amazon-efs-utils could not be installed")


def test_an_entry_of_somebody_else_in_fstab_stops_it(machine: Machine) -> None:
    (machine.root / "etc/fstab").write_text("LABEL=old /mnt/uploads xfs defaults 0 0\n")
    assert machine.run() == 1
    assert machine.log.splitlines()[-1].endswith("another entry of /etc/fstab has the path: LABEL=old /mnt/uploads xfs defaults 0 0")


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
def test_shellcheck_finds_nothing(machine: Machine, tmp_path: Path) -> None:
    script = tmp_path / "mount.sh"
    script.write_text(machine.script)
    subprocess.run(["shellcheck", str(script)], check=True)
