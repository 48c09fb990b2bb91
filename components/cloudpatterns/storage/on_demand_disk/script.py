"""The script that joins, mounts and grows a disk: the text that the instance runs at boot and Systems Manager runs later."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from cloudpatterns.blocks import boot
from cloudpatterns.storage.on_demand_disk.arguments import OnDemandDiskOptions

METRIC_NAMESPACE, USED_PERCENT = "CloudPatterns/OnDemandDisk", "UsedPercent"
"""The metric that the instance publishes every minute while the disk is mounted, with the dimensions ``Disk`` and ``InstanceId``."""
REVISION = "Revision"
"""The parameter of the SSM document that changes with script and sizes, so that the association runs at once."""
_MOUNT_OPTIONS = "noatime,nodev,nosuid"
_END = "END_OF_ON_DEMAND_DISK"


def boot_script(name: str, checked: OnDemandDiskOptions, volume_ids: Sequence[str]) -> str:
    """A script that installs the disk's script, for later boots, and runs it; more lines may follow it."""
    path = f"/usr/local/sbin/on-demand-disk-{name}"
    return "\n".join(
        [
            "#!/bin/bash",
            "set -euo pipefail",
            # Whole or not at all.
            f"cat >{path}.new <<'{_END}'",
            disk_script(name, checked, volume_ids).rstrip("\n"),
            _END,
            f"chmod 0755 {path}.new",
            f"sync {path}.new",
            f"mv {path}.new {path}",
            path,
            "",
        ]
    )


def disk_script(name: str, checked: OnDemandDiskOptions, volume_ids: Sequence[str]) -> str:
    """The disk's script with its settings before it."""
    group, options = checked.get("volume_group_name"), checked.get("mount_options")
    settings: Mapping[str, str | int] = {
        "NAME": name,
        "VOLUMES": " ".join(volume_ids),
        "LAYOUT": checked["layout"],
        "VOLUME_GROUP": name if group is None else group,
        "STRIPE_KIB": checked["stripe_kib"],
        "FILE_SYSTEM": checked["file_system"],
        "MOUNT_PATH": checked["mount_path"],
        "MOUNT_OPTIONS": _MOUNT_OPTIONS if options is None else options,
        "ATTACH_SECONDS": checked["attach_timeout_seconds"],
        "METRIC_NAMESPACE": METRIC_NAMESPACE,
    }
    return boot.boot_script(Path(__file__).parent / "on_aws/disk.sh", {f"DISK_{key}": value for key, value in settings.items()})


def command_document(name: str, script: str) -> str:
    """An SSM document that runs the boot script.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-command-ssm-plugin-reference.html
    """
    return json.dumps(
        {
            "schemaVersion": "2.2",
            "description": f"Joins, mounts and grows the disk {name}",
            "parameters": {
                REVISION: {"type": "String", "description": "Another one runs the association again", "allowedPattern": "^[0-9a-f]{64}$"}
            },
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": "disk",
                    "precondition": {"StringEquals": ["platformType", "Linux"]},
                    "inputs": {"timeoutSeconds": "5400", "runCommand": script.splitlines()},
                }
            ],
        }
    )


def revision(script: str, sizes: Mapping[str, int | None]) -> str:
    """A digest of what the association must run again for."""
    return hashlib.sha256(json.dumps([script, sizes], sort_keys=True).encode()).hexdigest()
