"""Step Functions, and the log groups that AWS takes by an ARN with an ending."""

import json
from collections.abc import Iterator
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_ENDING: Final = ":*"
_LOG_GROUPS: Final = {
    "aws:cloudtrail/trail:Trail": "cloudWatchLogsGroupArn",
    "aws:sfn/stateMachine:StateMachine": "loggingConfiguration.logDestination",
    "aws:transfer/server:Server": "structuredLogDestinations.*",
}


@control(
    id="log-group-arn-ending",
    title="The ARN of a log group ends in :* where AWS wants it",
    severity=Severity.HIGH,
    types=tuple(_LOG_GROUPS),
    why="arn of aws.cloudwatch.LogGroup has no such ending, and AWS refuses the log group without it.",
    remediation='Add the ending: pulumi.Output.concat(log_group.arn, ":*").',
    url="https://docs.aws.amazon.com/step-functions/latest/apireference/API_CloudWatchLogsLogGroup.html",
    pack="acceptance",
)
def log_group_arn_ending(resource: Resource) -> Iterator[Verdict]:
    for path in expand(resource, _LOG_GROUPS[resource.type]):
        arn = read(resource, path)
        if arn is UNKNOWN:
            yield Unknown(path)
        elif isinstance(arn, str) and ":logs:" in arn and not arn.endswith(_ENDING):
            yield Fail(f"names a log group by an ARN without the ending {_ENDING}", path)


@control(
    id="choice-has-default",
    title="A choice of a state machine has a default",
    severity=Severity.LOW,
    types=("aws:sfn/stateMachine:StateMachine",),
    why="An input that no rule matches ends the execution with States.NoChoiceMatched, which no Catch on a choice can handle.",
    remediation="Give the choice a Default.",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    pack="acceptance",
)
def choice_has_default(resource: Resource) -> Iterator[Verdict]:
    text = resource.get("definition")
    try:
        definition = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return  # accepted-value says it
    for name, state in _states(definition):
        if state.get("Type") == "Choice" and "Default" not in state:
            yield Fail(f"has the choice {name} without a Default", "definition")


def _states(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The states of a machine, with those inside maps and parallel branches."""
    if isinstance(value, dict):
        states = value.get("States")
        for name, state in states.items() if isinstance(states, dict) else ():
            if isinstance(state, dict):
                yield name, state
                for inside in (state.get("ItemProcessor"), state.get("Iterator"), *_list(state.get("Branches"))):
                    yield from _states(inside)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
