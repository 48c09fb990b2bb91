"""EC2 Image Builder: what its infrastructure, pipelines and lifecycle policies need."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.reading import expand, has_value, read

_LOG_GROUPS: Final = {
    "aws:imagebuilder/imagePipeline:ImagePipeline": ("imageLogGroupName", "pipelineLogGroupName"),
    "aws:imagebuilder/image:Image": ("logGroupName",),
}
_OWN_LOGS: Final = "/aws/imagebuilder/"

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="image-builder-security-groups",
    title="An infrastructure in a subnet names its security groups",
    types=("aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration",),
    why="Image Builder refuses a subnet without security groups.",
    remediation="Set security_group_ids.",
    url="https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_CreateInfrastructureConfiguration.html",
)
def image_builder_security_groups(resource: Resource) -> Iterator[Verdict]:
    if has_value(resource, "subnetId") and not has_value(resource, "securityGroupIds"):
        yield Fail("has a subnet and no security groups", "securityGroupIds")


@_refusal(
    id="image-builder-execution-role",
    title="A build with its own workflows or log group has an execution role",
    types=tuple(_LOG_GROUPS),
    why="Image Builder refuses workflows, and a log group outside /aws/imagebuilder/, without a role.",
    remediation="Set execution_role to a role that imagebuilder.amazonaws.com takes on.",
    url="https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_CreateImagePipeline.html",
)
def image_builder_execution_role(resource: Resource) -> Iterator[Verdict]:
    if read(resource, "executionRole") is not None:
        return
    if (workflows := read(resource, "workflows")) is UNKNOWN:
        yield Unknown("workflows")
    elif workflows:
        yield Fail("has workflows and no execution role", "executionRole")
    else:
        yield from _logs_without_role(resource)


def _logs_without_role(resource: Resource) -> Iterator[Verdict]:
    for name in _LOG_GROUPS[resource.type]:
        path = f"loggingConfiguration.{name}"
        if (group := read(resource, path)) is UNKNOWN:
            yield Unknown(path)
        elif isinstance(group, str) and not group.startswith(_OWN_LOGS):
            yield Fail(f"writes logs to {group} and has no execution role", "executionRole")


@_refusal(
    id="image-builder-count-deletes",
    title="A lifecycle policy that counts images deletes them",
    types=("aws:imagebuilder/lifecyclePolicy:LifecyclePolicy",),
    why="Image Builder takes a number of images for the action DELETE alone.",
    remediation="Set type of filter to AGE, or type of action to DELETE.",
    url="https://docs.aws.amazon.com/imagebuilder/latest/userguide/image-lifecycle-rules.html",
)
def image_builder_count_deletes(resource: Resource) -> Iterator[Verdict]:
    for path in expand(resource, "policyDetails.*"):
        action, kind = resource.get(f"{path}.action.type"), resource.get(f"{path}.filter.type")
        if kind == "COUNT" and action != "DELETE":
            yield Fail(f"counts images for the action {action}", f"{path}.filter.type")
