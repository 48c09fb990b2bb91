"""Auto Scaling groups and what they start from: what AWS refuses, or resets."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Stack, Verdict, stack_control

_GROUP: Final = "aws:autoscaling/group:Group"
_POLICY: Final = "aws:autoscaling/policy:Policy"
_SCHEDULE: Final = "aws:autoscaling/schedule:Schedule"
_SIZES: Final = ("minSize", "maxSize", "desiredCapacity")


@stack_control(
    id="scheduled-sizes-set",
    title="Scheduled actions set all three sizes",
    severity=Severity.HIGH,
    types=(_SCHEDULE,),
    why="The provider sends 0 for a minimum or maximum that is left out: the action is refused, or stops all instances.",
    remediation="Set min_size, max_size and desired_capacity; -1 leaves one as it is.",
    url="https://www.pulumi.com/registry/packages/aws/api-docs/autoscaling/schedule/",
    pack="acceptance",
)
def scheduled_sizes_set(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """An action that sets something other than 0, and not everything."""
    sizes = {name: given(resource, name) for name in _SIZES}
    missing = [name for name in _SIZES[:2] if sizes[name] is None]
    if missing and any(size is not UNKNOWN and size is not None and size != 0 for size in sizes.values()):
        yield Fail(f"sends 0 for {' and '.join(missing)}, which the program leaves out", missing[0])


@stack_control(
    id="template-version-followed",
    title="Auto Scaling groups follow the launch template's newest version",
    severity=Severity.LOW,
    types=(_GROUP,),
    why="Without a version a group starts from the default version, which stays the first: changes of the template never arrive.",
    remediation="Set version to the template's latest_version, or update_default_version on the template.",
    url="https://docs.aws.amazon.com/autoscaling/ec2/userguide/launch-templates.html",
    pack="acceptance",
)
def template_version_followed(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """The group's own template, and that of a mixed-instances policy."""
    for path in ("launchTemplate", "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification"):
        if not isinstance(given(resource, path), dict):
            continue
        templates = stack.refs(resource, path.partition(".")[0], "aws:ec2/launchTemplate:LaunchTemplate")
        follows = len(templates) == 1 and _sets_default(templates[0])
        if is_given(resource, f"{path}.version", None, "$Default") and len(templates) == 1 and not follows:
            yield Fail(
                f"starts from the default version of {templates[0].name}, which no update of the template changes", f"{path}.version"
            )


@stack_control(
    id="desired-capacity-left-to-scaling",
    title="Auto Scaling groups that scale do not reset their desired capacity",
    severity=Severity.LOW,
    types=(_GROUP,),
    why="Scaling changes the desired capacity; each update of the group sets the program's number again, under load too.",
    remediation="Add desiredCapacity to ignore_changes, or leave desired_capacity out.",
    url="https://www.pulumi.com/docs/iac/concepts/options/ignorechanges/",
    pack="acceptance",
)
def desired_capacity_left_to_scaling(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    """A group with a scaling policy or a scheduled action in the stack."""
    if given(resource, "desiredCapacity") is None or "desiredCapacity" in resource.options.ignoreChanges:
        return
    scaling = [one.name for type in (_POLICY, _SCHEDULE) for one in stack.referrers(resource, type, "autoscalingGroupName")]
    if scaling:
        yield Fail(f"is also changed by {', '.join(sorted(scaling))}", "desiredCapacity")


def _sets_default(template: Resource) -> bool:
    value, fixed = given(template, "updateDefaultVersion"), given(template, "defaultVersion")
    return value is UNKNOWN or value is True or fixed is not None
