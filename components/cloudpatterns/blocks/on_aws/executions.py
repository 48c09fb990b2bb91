"""Looks at executions of an Automation document: whether one is alone, and what an interrupted one left behind.

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
        raise RuntimeError(f"the execution {older[0][1]} of this document is in progress; start this one again when it is over")
    return {"alone": "yes"}


def interrupted(events: Mapping[str, Any], _context: object) -> dict[str, str]:
    """Entry point of a repair: whether an execution had begun the step ``begun``, and the output ``output`` of its step ``found``."""
    import boto3  # Systems Manager's runtime has it; this package does not need it.

    ssm = boto3.client("ssm")
    execution = ssm.get_automation_execution(AutomationExecutionId=events["execution_id"])["AutomationExecution"]
    steps = {step["StepName"]: step for step in execution["StepExecutions"]}
    begun = steps.get(events["begun"], {}).get("StepStatus", "Pending") != "Pending"
    # Another execution that is in progress brings its work to an end by itself.
    if not begun or _in_progress(ssm, execution["DocumentName"]):
        return {"restore": "no", events["output"]: "none"}
    outputs = {name.rpartition(".")[2]: values for name, values in steps[events["found"]]["Outputs"].items()}
    return {"restore": "yes", events["output"]: outputs[events["output"]][0]}


def _in_progress(ssm: Any, document_name: str) -> list[tuple[Any, str]]:
    """Start and id of the document's executions that are in progress."""
    filters = [
        {"Key": "DocumentNamePrefix", "Values": [document_name]},
        {"Key": "ExecutionStatus", "Values": ["Pending", "InProgress", "Waiting", "Cancelling"]},
    ]
    pages = ssm.get_paginator("describe_automation_executions").paginate(Filters=filters)
    found = [one for page in pages for one in page["AutomationExecutionMetadataList"] if one["DocumentName"] == document_name]
    return sorted((one["ExecutionStartTime"], one["AutomationExecutionId"]) for one in found)
