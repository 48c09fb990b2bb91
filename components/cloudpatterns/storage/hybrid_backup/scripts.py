"""The script that sets up the backup on a server."""

from collections.abc import Mapping
from pathlib import Path

from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.storage.hybrid_backup.arguments import BackupServer

_FOLDER = Path(__file__).parent / "on_aws"


def install_script(name: str, server: BackupServer, namespace: str, found: Mapping[str, str]) -> str:
    """The script with its parameters; ``found`` are what AWS gave: ``BUCKET``, ``REGION`` and the ARNs."""
    common = {"BACKUP": name, "COMMON_NAME": server["common_name"], "NAMESPACE": namespace, "FOLDERS": " ".join(server["folders"])}
    job = boot_script(_FOLDER / "backup_job.sh", {**common, "BUCKET": found["BUCKET"], "REGION": found["REGION"]}, comments=True)
    return boot_script(_FOLDER / "install_backup.sh", {**common, **found, "SCHEDULE": server["schedule"], "JOB": job}, comments=True)
