"""Step Functions, and the log groups that AWS takes by an ARN with an ending."""

import re
from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.controls._state_machines import MACHINE, definition, states
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, read

_ENDING: Final = ":*"
_JOB: Final = re.compile(r".*\.sync(:2)?")
_LOG_GROUPS: Final = {
    "aws:cloudtrail/trail:Trail": "cloudWatchLogsGroupArn",
    MACHINE: "loggingConfiguration.logDestination",
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
    types=(MACHINE,),
    why="An input that no rule matches ends the execution with States.NoChoiceMatched, which no Catch on a choice can handle.",
    remediation="Give the choice a Default.",
    url="https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html",
    pack="acceptance",
)
def choice_has_default(resource: Resource) -> Iterator[Verdict]:
    for state in states(definition(resource)):
        if state.body.get("Type") == "Choice" and "Default" not in state.body:
            yield Fail(f"has the choice {state.name} without a Default", "definition")


@control(
    id="express-integrations",
    title="Express workflows wait for no job, callback or activity",
    severity=Severity.HIGH,
    types=(MACHINE,),
    why="Step Functions refuses them in a state machine of the type EXPRESS, and distributed maps too.",
    remediation='Set type to "STANDARD" in a new state machine, or call the service without .sync and .waitForTaskToken.',
    url="https://docs.aws.amazon.com/step-functions/latest/dg/choosing-workflow-type.html",
    pack="acceptance",
)
def express_integrations(resource: Resource) -> Iterator[Verdict]:
    if resource.get("type") != "EXPRESS":
        return
    for state in states(definition(resource)):
        if state.waits_for_callback or _JOB.fullmatch(state.resource):
            yield Fail(f"would be refused by AWS: step {state.name} calls {state.resource}, and the type is EXPRESS", "definition")
        processor = state.body.get("ItemProcessor")
        settings = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        if isinstance(settings, dict) and settings.get("Mode") == "DISTRIBUTED":
            yield Fail(f"would be refused by AWS: step {state.name} is a distributed map, and the type is EXPRESS", "definition")
