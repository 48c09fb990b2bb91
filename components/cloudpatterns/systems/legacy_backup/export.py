"""The state machine that takes a snapshot of the hot copy, has RDS export it, and deletes it."""

from collections.abc import Sequence
from typing import Any

import pulumi

from cloudpatterns.core import Statement, account_of, as_arguments, partition_of, region_of

_SDK = "arn:aws:states:::aws-sdk:rds:"
# Of the start of the execution: a step that comes again names the same snapshot.
_STAMP = "$string($toMillis($states.context.Execution.StartTime))"
_SNAPSHOT_WAIT_SECONDS, _EXPORT_WAIT_SECONDS = 60, 300
_RETRY = {"attempts": 6, "base_seconds": 5, "cap_seconds": 120}
# What the caller of an export needs: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
_KEY_ACTIONS = ("CreateGrant", "Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey*", "ReEncrypt*", "RetireGrant")


def export_steps(
    name: str, instance_id: pulumi.Input[str], bucket_name: pulumi.Input[str], role_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str]
) -> list[Any]:
    """Snapshot, export, deletion of the snapshot; each waits until RDS says that it is done."""
    # An export's name has at most 60 characters.
    snapshot, task = f"{{% '{name}-export-' & {_STAMP} %}}", f"{{% '{name[:40]}-' & {_STAMP} %}}"
    status = "$states.input.steps.LookAtSnapshot.DbSnapshots[0].Status"
    export = "$uppercase($states.input.steps.LookAtExport.ExportTasks[0].Status)"
    return [
        {
            **_call("TakeSnapshot", "createDBSnapshot", {"DbInstanceIdentifier": instance_id, "DbSnapshotIdentifier": snapshot}),
            "catch": [{"errors": ["Rds.DbSnapshotAlreadyExistsException"], "next": "WaitForSnapshot"}],
        },
        {"name": "WaitForSnapshot", "wait": {"seconds": _SNAPSHOT_WAIT_SECONDS}},
        {**_call("LookAtSnapshot", "describeDBSnapshots", {"DbSnapshotIdentifier": snapshot}), "keep_result": True},
        _choice("SnapshotState", {f"{status} = 'available'": "Export", f"{status} = 'creating'": "WaitForSnapshot"}, "SnapshotFailed"),
        {"name": "SnapshotFailed", "fail": {"error": "SnapshotFailed", "cause": "RDS could not take the snapshot; see its events."}},
        {
            **_call(
                "Export",
                "startExportTask",
                {
                    "ExportTaskIdentifier": task,
                    "SourceArn": "{% $states.input.steps.LookAtSnapshot.DbSnapshots[0].DbSnapshotArn %}",
                    "S3BucketName": bucket_name,
                    "S3Prefix": "exports",
                    "IamRoleArn": role_arn,
                    "KmsKeyId": kms_key_arn,
                },
            ),
            "catch": [{"errors": ["Rds.ExportTaskAlreadyExistsException"], "next": "WaitForExport"}],
        },
        {"name": "WaitForExport", "wait": {"seconds": _EXPORT_WAIT_SECONDS}},
        {**_call("LookAtExport", "describeExportTasks", {"ExportTaskIdentifier": task}), "keep_result": True},
        _choice(
            "ExportState",
            {f"{export} = 'COMPLETE'": "DropSnapshot", f"{export} in ['FAILED', 'CANCELED']": "DropFailedSnapshot"},
            "WaitForExport",
        ),
        {**_call("DropFailedSnapshot", "deleteDBSnapshot", {"DbSnapshotIdentifier": snapshot})},
        {"name": "ExportFailed", "fail": {"error": "ExportFailed", "cause": "RDS could not export; describe-export-tasks has the cause."}},
        {**_call("DropSnapshot", "deleteDBSnapshot", {"DbSnapshotIdentifier": snapshot})},
    ]


def export_statements(
    name: str,
    instance_arn: pulumi.Output[str],
    role_arn: pulumi.Input[str],
    key_arns: Sequence[pulumi.Input[str]],
) -> Any:
    """What the state machine may do: with its own snapshots, the role of the export, and the keys by way of RDS."""
    prefix = pulumi.Output.concat("arn:", partition_of(instance_arn), ":rds:", region_of(instance_arn), ":", account_of(instance_arn))
    snapshots = pulumi.Output.concat(prefix, f":snapshot:{name}-export-*")
    via = {"StringLike": {"kms:ViaService": ["rds.*.amazonaws.com"]}}
    return as_arguments(
        [
            Statement(sid="Snapshot", actions=["rds:CreateDBSnapshot", "rds:DescribeDBSnapshots"], resources=[instance_arn, snapshots]),
            Statement(sid="Export", actions=["rds:DeleteDBSnapshot", "rds:StartExportTask"], resources=[snapshots]),
            # It is asked for by the name of the export, which is no resource of IAM.
            Statement(sid="LookAtExport", actions=["rds:DescribeExportTasks"], resources=[pulumi.Output.concat(prefix, ":*")]),
            Statement(
                sid="PassRole",
                actions=["iam:PassRole"],
                resources=[role_arn],
                conditions={"StringEquals": {"iam:PassedToService": ["export.rds.amazonaws.com"]}},
            ),
            Statement(sid="Keys", actions=[f"kms:{action}" for action in _KEY_ACTIONS], resources=[*key_arns], conditions=via),
        ]
    )


def bucket_statements(bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str]) -> list[Statement]:
    """What the role of an export may do: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Setup.html."""
    objects = pulumi.Output.concat(bucket_arn, "/*")
    return [
        Statement(sid="Objects", actions=["s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*"], resources=[objects]),
        Statement(sid="Bucket", actions=["s3:GetBucketLocation", "s3:ListBucket"], resources=[bucket_arn]),
        Statement(
            sid="Key",
            actions=["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
            resources=[kms_key_arn],
        ),
    ]


def _call(name: str, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "call": {"resource": f"{_SDK}{action}", "parameters": parameters},
        "keep_result": False,
        "timeout_seconds": 60,
        "retry": _RETRY,
    }


def _choice(name: str, rules: dict[str, str], otherwise: str) -> dict[str, Any]:
    found = [{"condition": f"{{% {condition} %}}", "next": step} for condition, step in rules.items()]
    return {"name": name, "choice": {"rules": found, "default": {"next": otherwise}}}
