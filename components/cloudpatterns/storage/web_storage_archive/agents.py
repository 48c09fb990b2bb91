"""The boot script that has the CloudWatch agent of a server send log files to the archive's log group."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.storage.web_storage_archive.arguments import ArchivedFile

_SCRIPT = Path(__file__).parent / "on_aws" / "log_agent.sh"


def agent_script(name: str, files: Mapping[str, ArchivedFile], log_group_name: str) -> str:
    """The script with its parameters, as shell text that may stand behind other commands."""
    values = {"ARCHIVE": name, "LOG_GROUP": log_group_name, "AGENT_CONFIGURATION": agent_configuration(files, log_group_name)}
    return boot_script(_SCRIPT, values)


def agent_configuration(files: Mapping[str, ArchivedFile], log_group_name: str) -> str:
    """The agent's configuration, in which it replaces {instance_id}.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-Configuration-File-Details.html
    """
    collected: list[dict[str, Any]] = []
    for key, file in files.items():
        entry = {"file_path": file["path"], "log_group_name": log_group_name, "log_stream_name": f"{{instance_id}}/{key}"}
        more = {setting: file.get(setting) for setting in ("timestamp_format", "multi_line_start_pattern")}
        collected.append(entry | {setting: value for setting, value in more.items() if value is not None})
    return json.dumps({"logs": {"logs_collected": {"files": {"collect_list": collected}}}}, indent=1)
