"""FSx, EBS, AWS Backup, and copies of buckets and tables."""

from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import backup_vaults, copies, file_systems, volumes
from cloudpatterns_policies.core import UNKNOWN

from tests.policies.acceptance.controls.cases import OTHERS, Case, Made, check, refers

THROUGHPUT = file_systems.fsx_throughput
SUBNET = "aws:ec2/subnet:Subnet"


def fsx(kind: str, deployment: Any, name: str, value: Any, **props: Any) -> dict[str, Made]:
    return {"x": Made(f"aws:fsx/{kind}", {"deploymentType": deployment, name: value, **props})}


LUSTRE, ZFS, ONTAP = "lustreFileSystem:LustreFileSystem", "openZfsFileSystem:OpenZfsFileSystem", "ontapFileSystem:OntapFileSystem"
UNIT, CAPACITY, PAIR = "perUnitStorageThroughput", "throughputCapacity", "throughputCapacityPerHaPair"
CASES = {
    "Lustre on SSD": Case(THROUGHPUT, fsx(LUSTRE, "PERSISTENT_2", UNIT, 250)),
    "Lustre of the first generation": Case(THROUGHPUT, fsx(LUSTRE, "PERSISTENT_1", UNIT, 50)),
    "Lustre on HDD": Case(THROUGHPUT, fsx(LUSTRE, "PERSISTENT_1", UNIT, 12, storageType="HDD")),
    "Lustre with another value": Case(
        THROUGHPUT, fsx(LUSTRE, "PERSISTENT_2", UNIT, 50), ("x", UNIT, "has 50; PERSISTENT_2 takes 125, 250, 500, 1000")
    ),
    "Lustre on HDD with another value": Case(
        THROUGHPUT, fsx(LUSTRE, "PERSISTENT_1", UNIT, 50, storageType="HDD"), ("x", UNIT, "has 50; PERSISTENT_1 takes 12, 40")
    ),
    "OpenZFS": Case(THROUGHPUT, fsx(ZFS, "MULTI_AZ_1", CAPACITY, 160)),
    "OpenZFS with another value": Case(
        THROUGHPUT, fsx(ZFS, "SINGLE_AZ_1", CAPACITY, 160), ("x", CAPACITY, "has 160; SINGLE_AZ_1 takes 64")
    ),
    "ONTAP": Case(THROUGHPUT, fsx(ONTAP, "MULTI_AZ_1", PAIR, 256)),
    "ONTAP with another value": Case(THROUGHPUT, fsx(ONTAP, "MULTI_AZ_2", PAIR, 256), ("x", PAIR, "has 256; MULTI_AZ_2 takes 384")),
    "a deployment type that nobody knows": Case(THROUGHPUT, fsx(ONTAP, "SINGLE_AZ_9", PAIR, 1)),
    "no throughput": Case(THROUGHPUT, fsx(LUSTRE, "SCRATCH_2", UNIT, None)),
    "throughput that is not known": Case(THROUGHPUT, fsx(ZFS, "SINGLE_AZ_1", CAPACITY, UNKNOWN), None, ("x", CAPACITY)),
    "a deployment type that is not known": Case(THROUGHPUT, fsx(ZFS, UNKNOWN, CAPACITY, 64), None, ("x", "deploymentType")),
}

SAME, ONCE = volumes.volume_zone, volumes.volume_attached_once


def attached(volume: Any, instance: dict[str, Any], **more: Any) -> dict[str, Made]:
    both = {"volumeId": "v", "instanceId": "i"}
    return {
        "v": Made("aws:ebs/volume:Volume", {"availabilityZone": volume}),
        "s": Made(SUBNET, {"availabilityZone": "eu-west-1b"}),
        "i": Made("aws:ec2/instance:Instance", instance, {"subnetId": "s"} if "subnetId" in instance else {}, **more),
        "x": Made("aws:ec2/volumeAttachment:VolumeAttachment", dict.fromkeys(both, UNKNOWN), both),
    }


DEVICES = [{"deviceName": "/dev/sdf"}]
CASES |= {
    "a volume in the zone": Case(SAME, attached("eu-west-1a", {"availabilityZone": "eu-west-1a"})),
    "a volume in another": Case(
        SAME,
        attached("eu-west-1a", {"availabilityZone": "eu-west-1b"}),
        ("x", "volumeId", "volume v in eu-west-1a to instance i in eu-west-1b"),
    ),
    "a volume outside the subnet's zone": Case(SAME, attached("eu-west-1a", {"subnetId": UNKNOWN}), ("x", "volumeId", "in eu-west-1b")),
    "a volume's zone that is not known": Case(SAME, attached(UNKNOWN, {"availabilityZone": "eu-west-1b"})),
    "an instance without a zone": Case(SAME, attached("eu-west-1a", {})),
    "an instance without devices": Case(ONCE, attached("eu-west-1a", {})),
    "an instance with devices": Case(
        ONCE, attached("eu-west-1a", {"ebsBlockDevices": DEVICES}), ("x", "instanceId", "instance i, which has ebsBlockDevices")
    ),
    "devices that are ignored": Case(
        ONCE, attached("eu-west-1a", {"ebsBlockDevices": DEVICES}, options={"ignoreChanges": ["ebsBlockDevices"]})
    ),
    "devices that are not known": Case(ONCE, attached("eu-west-1a", {"ebsBlockDevices": UNKNOWN})),
}

FITS, ORDER, NAMED = backup_vaults.backup_fits_vault_lock, backup_vaults.vault_lock_replaced_in_order, backup_vaults.restore_testing_name
LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"


def plan(lock: dict[str, Any], **rule: Any) -> dict[str, Made]:
    return {
        "v": Made("aws:backup/vault:Vault"),
        "l": refers(LOCK, "backupVaultName", "v", lock),
        "x": Made("aws:backup/plan:Plan", {"rules": [{"targetVaultName": UNKNOWN, **rule}]}, {"rules": "v"}),
    }


def kept(days: Any) -> dict[str, Any]:
    return {"lifecycle": {"deleteAfter": days}}


WHERE = "rules.0.lifecycle.deleteAfter"
RESTORE = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
CASES |= {
    "kept between the limits": Case(FITS, plan({"minRetentionDays": 7, "maxRetentionDays": 90}, **kept(30))),
    "kept too short": Case(FITS, plan({"minRetentionDays": 60}, **kept(30)), ("x", WHERE, "for 30 days, while l wants at least 60 days")),
    "kept too long": Case(FITS, plan({"maxRetentionDays": 90}, **kept(120)), ("x", WHERE, "for 120 days, while l wants at most 90 days")),
    "kept for ever": Case(FITS, plan({"maxRetentionDays": 90}), ("x", WHERE, "keeps backups for ever, while l wants at most 90")),
    "kept for ever without a limit": Case(FITS, plan({"minRetentionDays": 7})),
    "continuous under a lock": Case(
        FITS,
        plan({"minRetentionDays": 36}, enableContinuousBackup=True, **kept(40)),
        ("x", "rules.0.enableContinuousBackup", "end after 35 days, while l wants 36"),
    ),
    "days that are not known": Case(FITS, plan({"minRetentionDays": 60}, **kept(UNKNOWN))),
    "a lock that is not known": Case(FITS, plan({"minRetentionDays": UNKNOWN}, **kept(1))),
    "a lock without limits": Case(FITS, plan({}, **kept(1))),
    "rules that are not known": Case(FITS, {"x": Made("aws:backup/plan:Plan", {"rules": UNKNOWN})}),
    "a lock that is deleted first": Case(ORDER, {"x": Made(LOCK, options={"deleteBeforeReplace": True})}),
    "a lock that is not": Case(ORDER, {"x": Made(LOCK)}, ("x", "", "is written anew and then deleted by a change")),
    "a restore test with a name": Case(NAMED, {"x": Made(RESTORE, {"name": "shop"})}),
    "a restore test without": Case(NAMED, {"x": Made(RESTORE)}, ("x", "name", "has no name, and Pulumi makes up one with a hyphen")),
    "a name that is not known": Case(NAMED, {"x": Made(RESTORE, {"name": UNKNOWN})}, None, ("x", "name")),
}

VERSIONS, KEYS = copies.replication_after_versioning, copies.table_replica_keys
BUCKET = Made("aws:s3/bucket:Bucket")


def versioning(bucket: str, status: Any) -> Made:
    return refers("aws:s3/bucketVersioning:BucketVersioning", "bucket", bucket, {"versioningConfiguration": {"status": status}})


def replication(after: Any = ("va", "vb"), **made: Made) -> dict[str, Made]:
    props = {"bucket": UNKNOWN, "rules": [{"destination": {"bucket": UNKNOWN}}]}
    config = Made("aws:s3/bucketReplicationConfig:BucketReplicationConfig", props, {"bucket": "a", "rules": "b", OTHERS: after})
    return {"a": BUCKET, "b": BUCKET, **made, "x": config}


ON = {"va": versioning("a", "Enabled"), "vb": versioning("b", "Enabled")}
DESTINATION = "rules.0.destination.bucket"


def table(own: Any, replica: Any) -> dict[str, Made]:
    side = {} if own is None else {"serverSideEncryption": {"enabled": True, "kmsKeyArn": own}}
    made = {"regionName": "us-east-1", **({} if replica is None else {"kmsKeyArn": replica})}
    return {"x": Made("aws:dynamodb/table:Table", {**side, "replicas": [made]})}


PLACE = "replicas.0.kmsKeyArn"
CASES |= {
    "versions on both sides": Case(VERSIONS, replication(**ON)),
    "versions of the source that come later": Case(
        VERSIONS, replication(["vb"], **ON), ("x", "bucket", "does not wait for va, which gives a its versions")
    ),
    "versions of the destination that come later": Case(
        VERSIONS, replication(["va"], **ON), ("x", DESTINATION, "does not wait for vb, which gives b its versions")
    ),
    "no versions": Case(VERSIONS, replication([])),
    "a locked bucket": Case(VERSIONS, replication(["vb"], **ON, a=Made("aws:s3/bucket:Bucket", {"objectLockEnabled": True}))),
    "buckets of other stacks": Case(
        VERSIONS, {"x": Made("aws:s3/bucketReplicationConfig:BucketReplicationConfig", {"bucket": "shop", "rules": UNKNOWN})}
    ),
    "a key each": Case(KEYS, table("arn:aws:kms:::key/a", UNKNOWN)),
    "no key": Case(KEYS, table(None, None)),
    "a key for the table alone": Case(
        KEYS, table(UNKNOWN, None), ("x", PLACE, "has a replica that has none, while the table has a customer-managed key")
    ),
    "a key for the replica alone": Case(
        KEYS, table(None, UNKNOWN), ("x", PLACE, "has a replica that has a customer-managed key, while the table has none")
    ),
    "encryption that is not known": Case(
        KEYS,
        {"x": Made("aws:dynamodb/table:Table", {"serverSideEncryption": UNKNOWN, "replicas": [{}]})},
        None,
        ("x", "serverSideEncryption"),
    ),
    "replicas that are not known": Case(KEYS, {"x": Made("aws:dynamodb/table:Table", {"replicas": UNKNOWN})}, None, ("x", "replicas")),
}

DAYS, LIMITS, USED = backup_vaults.backup_rule_days, backup_vaults.vault_lock_days, copies.table_attributes_used
TABLE = "aws:dynamodb/table:Table"


def rule(**props: Any) -> dict[str, Made]:
    return {"x": Made("aws:backup/plan:Plan", {"rules": [props]})}


def cold(after: Any, days: Any) -> dict[str, Any]:
    return {"coldStorageAfter": after, "deleteAfter": days}


def lock(**props: Any) -> dict[str, Made]:
    return {"x": Made(LOCK, props)}


def attributes(*names: Any, **props: Any) -> dict[str, Made]:
    return {"x": Made(TABLE, {"hashKey": "id", "attributes": [{"name": name, "type": "S"} for name in names], **props})}


ENDS, COPY = "rules.0.lifecycle.deleteAfter", "rules.0.copyActions.0.lifecycle.deleteAfter"
CASES |= {
    "90 days in cold storage": Case(DAYS, rule(lifecycle=cold(30, 120))),
    "less than 90 days in cold storage": Case(
        DAYS, rule(lifecycle=cold(30, 119)), ("x", ENDS, "deletes after 119 days, less than 90 days after cold storage")
    ),
    "a copy of less than 90 days": Case(DAYS, rule(copyActions=[{"lifecycle": cold(1, 2)}]), ("x", COPY, "deletes after 2 days")),
    "continuous for 35 days": Case(DAYS, rule(enableContinuousBackup=True, lifecycle={"deleteAfter": 35})),
    "continuous for longer": Case(
        DAYS, rule(enableContinuousBackup=True, lifecycle={"deleteAfter": 36}), ("x", ENDS, "for 36 days; at most 35 are allowed")
    ),
    "continuous and cold": Case(
        DAYS,
        rule(enableContinuousBackup=True, lifecycle={"coldStorageAfter": 1}),
        ("x", "rules.0.lifecycle.coldStorageAfter", "moves continuous backups to cold storage"),
    ),
    "no lifecycle": Case(DAYS, rule()),
    "a day that is not known": Case(DAYS, rule(lifecycle=cold(30, UNKNOWN)), None, ("x", ENDS)),
    "limits in order": Case(LIMITS, lock(minRetentionDays=7, maxRetentionDays=90, changeableForDays=3)),
    "limits in disorder": Case(
        LIMITS, lock(minRetentionDays=91, maxRetentionDays=90), ("x", "minRetentionDays", "wants at least 91 days and at most 90")
    ),
    "a lock that is final at once": Case(
        LIMITS, lock(changeableForDays=2), ("x", "changeableForDays", "becomes final after 2 days; at least 3 are needed")
    ),
    "no limits": Case(LIMITS, lock()),
    "a limit that is not known": Case(LIMITS, lock(minRetentionDays=UNKNOWN), None, ("x", "minRetentionDays")),
    "attributes that are keys": Case(
        USED,
        attributes(
            "id",
            "at",
            "by",
            "of",
            "to",
            rangeKey="at",
            globalSecondaryIndexes=[{"hashKey": "by"}, {"keySchemas": [{"attributeName": "of"}]}],
            localSecondaryIndexes=[{"rangeKey": "to"}],
        ),
    ),
    "an attribute that is no key": Case(USED, attributes("id", "at"), ("x", "attributes.1", "defines the attribute at, which is no key")),
    "no attributes": Case(USED, {"x": Made(TABLE)}),
    "an attribute that is not known": Case(USED, attributes("id", UNKNOWN), None, ("x", "attributes.1.name")),
    "a key that is not known": Case(USED, attributes("id", "at", rangeKey=UNKNOWN), None, ("x", "rangeKey")),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)
