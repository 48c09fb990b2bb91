"""What AWS refuses, by AWS's own validator and by constraints that others reproduced on AWS: one control for each family."""

from collections.abc import Iterator
from functools import partial

from cloudpatterns_policies.acceptance.iam_database import DatabaseError, database
from cloudpatterns_policies.acceptance.judgement import gaps, judgements
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_URL = "https://github.com/aws-cloudformation/cloudformation-validate"
_TYPES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html"
_FIX = "Change the property as the finding says."
_COMMAND = "`python -m cloudpatterns_policies.acceptance TYPE` prints what AWS refuses for a type."

_refusal = partial(stack_control, severity=Severity.HIGH, remediation=_FIX, url=_TYPES, pack="acceptance")
"""A control of what AWS refuses: its id, its title and why."""


def _refused(stack: Stack, family: str) -> Iterator[tuple[Resource, Verdict]]:
    for one in judgements(stack):
        if one.refused and one.family == family:
            yield one.resource, Fail(f"would be refused by AWS: {one.message}", one.property)


@_refusal(
    id="accepted-value",
    title="AWS accepts the value of each property",
    why="A value that AWS refuses fails the deployment in the middle, when other resources exist already. " + _COMMAND,
)
def accepted_value(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Types, enums, patterns, lengths and ranges of single properties, and those that are missing or unknown."""
    return _refused(stack, "value")


@_refusal(
    id="accepted-combination",
    title="AWS accepts the properties of each resource together",
    why="Properties that exclude or need each other fail the deployment in the middle, when other resources exist already. " + _COMMAND,
)
def accepted_combination(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Several properties of one resource."""
    return _refused(stack, "combination")


@_refusal(
    id="accepted-reference",
    title="AWS accepts the resources of the stack together",
    why="Resources that do not fit each other fail the deployment in the middle, when other resources exist already. " + _COMMAND,
)
def accepted_reference(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Several resources."""
    return _refused(stack, "reference")


@stack_control(
    id="accepted-advice",
    title="AWS's validator has no advice",
    severity=Severity.LOW,
    why="What AWS accepts may still not do what was meant.",
    remediation="Read the page that the finding names; where what is there is meant, leave it.",
    url=_TYPES,
    pack="acceptance",
)
def accepted_advice(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """What the validator warns of."""
    for one in judgements(stack):
        if not one.refused:
            yield one.resource, Fail(f"is advised against by AWS's validator: {one.message}", one.property)


@stack_control(
    id="acceptance-complete",
    title="Everything that the pack can judge was judged",
    severity=Severity.LOW,
    why="Where a package is missing or of another version, a clean report says less than it seems to.",
    remediation="Install the packages that the finding names.",
    url=_URL,
    pack="acceptance",
)
def acceptance_complete(stack: Stack) -> Iterator[Verdict]:
    """What a missing package leaves out."""
    judgements(stack)
    for gap in (*gaps(), *_missing_database()):
        yield Fail(f"was judged in part: {gap}")


def _missing_database() -> Iterator[str]:
    try:
        database()
    except DatabaseError as error:
        yield str(error)
