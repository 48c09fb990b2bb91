"""What the provider refuses before it asks AWS: arguments that exclude or need each other."""

from collections.abc import Iterator

from cloudpatterns_policies.acceptance.provider import judge_arguments
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control


@stack_control(
    id="accepted-arguments",
    title="The provider accepts the arguments of each resource together",
    severity=Severity.HIGH,
    why="The provider refuses such arguments before it asks AWS, and nothing of the stack is deployed.",
    remediation="Remove or add the arguments that the finding names; the resource's page in Pulumi's registry describes each.",
    url="https://www.pulumi.com/registry/packages/aws/api-docs/",
    pack="acceptance",
)
def accepted_arguments(stack: Stack) -> Iterator[tuple[Resource, Verdict]]:
    """Arguments of which the provider takes one, or several only together."""
    for resource in stack.resources:
        for path, message in judge_arguments(resource):
            yield resource, Fail(f"would be refused by the provider: {message}", path)
