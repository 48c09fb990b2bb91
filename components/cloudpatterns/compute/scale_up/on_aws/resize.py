"""Looks at executions of the document that resizes an instance: whether one is alone, and what an interrupted one left behind.

Runs on Systems Manager's Python 3.11 with nothing but boto3.
"""

from collections.abc import Mapping
from typing import Any


def alone(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the first step. Raises RuntimeError, before anything is changed, when an older execution is still in progress."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    ssm = boto3.client("ssm")
    own = ssm.get_automation_execution(AutomationExecutionId=events["execution_id"])["AutomationExecution"]
    # The oldest goes on: of two that start at once exactly one does.
    rank = (own["ExecutionStartTime"], own["AutomationExecutionId"])
    older = [one for one in _in_progress(ssm, own["DocumentName"]) if one < rank]
    if older:
        raise RuntimeError(f"the execution {older[0][1]} resizes the instance already; start this one again when it is over")
    return {"alone": "yes"}


def interrupted(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of the repair: whether the execution had begun to stop the instance, and the type that the instance had before."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    ssm = boto3.client("ssm")
    execution = ssm.get_automation_execution(AutomationExecutionId=events["execution_id"])["AutomationExecution"]
    steps = {step["StepName"]: step for step in execution["StepExecutions"]}
    begun = steps.get("stop", {}).get("StepStatus", "Pending") != "Pending"
    # Another execution that is in progress starts the instance by itself.
    if not begun or _in_progress(ssm, execution["DocumentName"]):
        return {"restore": "no", "instance_type": "none"}
    outputs = {name.rpartition(".")[2]: values for name, values in steps["look"]["Outputs"].items()}
    return {"restore": "yes", "instance_type": outputs["instance_type"][0]}


def _in_progress(ssm: Any, document_name: str) -> list[tuple[Any, str]]:
    """Start and id of the document's executions that are in progress."""
    filters = [
        {"Key": "DocumentNamePrefix", "Values": [document_name]},
        {"Key": "ExecutionStatus", "Values": ["Pending", "InProgress", "Waiting", "Cancelling"]},
    ]
    pages = ssm.get_paginator("describe_automation_executions").paginate(Filters=filters)
    found = [one for page in pages for one in page["AutomationExecutionMetadataList"] if one["DocumentName"] == document_name]
    return sorted((one["ExecutionStartTime"], one["AutomationExecutionId"]) for one in found)
