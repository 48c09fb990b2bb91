"""The arguments of ``Stamp``, and the rules over them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
import yaml
from pydantic import Field

from cloudpatterns.blocks.server import architecture
from cloudpatterns.core import Matches, Problem, Unique, WorkloadStatementArgs, is_given, statement_problems
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    InstanceType,
    KmsKeyArn,
    LogRetentionDays,
    Region,
    RootDeviceName,
    SecurityGroupIds,
    ShortNames,
    Tags,
)

_RECIPE = r"arn:aws[a-z-]*:imagebuilder:[a-z0-9-]+:\d{12}:image-recipe/[a-z0-9_-]+/\d+\.\d+\.\d+"
_PARENT_IMAGE = "|".join(
    [
        r"arn:aws[a-z-]*:imagebuilder:[a-z0-9-]+:[^:]+:image/\S+",
        r"ami-[0-9a-f]+",
        r"ssm:\S+",
        # A product of AWS Marketplace.
        r"prod-[a-z0-9]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ]
)
_MANAGED_COMPONENT = r"arn:aws[a-z-]*:imagebuilder:[a-z0-9-]+:[^:]+:component/\S+"
_PHASES = ("build", "validate", "test")
_MOST_CHARACTERS = 16_000
"""https://docs.aws.amazon.com/imagebuilder/latest/APIReference/API_CreateComponent.html"""


class StampSchedule(TypedDict):
    """When the pipeline builds an image."""

    expression: Annotated[str, Matches(r"cron\(\S+ \S+ \S+ \S+ \S+ \S+\)", "cron with six fields, such as cron(0 3 ? * SUN *)")]
    """When, in ``time_zone``: ``cron(0 3 ? * SUN *)``."""
    time_zone: NotRequired[Annotated[str, Field(default="UTC")]]
    """IANA time zone of the expression."""
    only_with_updates: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a build waits for a newer parent image or component. It sees updates of Image Builder's own parent images alone."""


class StampOptions(TypedDict):
    """What a user tunes of a ``Stamp``."""

    parent_image: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(_PARENT_IMAGE, "the ARN of an Image Builder image (.../x.x.x), an AMI, or ssm: and the name of a parameter"),
        ]
    ]
    """Image that the build starts from: the ARN of an Image Builder image (``.../x.x.x``), an AMI, ``ssm:`` and the name of a parameter,
    or the id of a product of AWS Marketplace. Needed without ``existing_recipe_arn``."""
    components: NotRequired[Annotated[dict[str, str], Field(default={}), ShortNames]]
    """Documents of build and test components by name, as YAML text, in the order in which they run. At most 16,000 characters each, without
    secrets. A change of a text creates a new component, a new recipe and a new image."""
    managed_components: NotRequired[
        Annotated[
            list[
                Annotated[
                    pulumi.Input[str],
                    Matches(
                        _MANAGED_COMPONENT,
                        "the ARN of a component such as arn:aws:imagebuilder:eu-west-1:aws:component/amazon-cloudwatch-agent-linux/x.x.x",
                    ),
                ]
            ],
            Field(default=[]),
        ]
    ]
    """ARNs of components that exist, AWS's own among them, which run first."""
    regions: Annotated[list[Region], Field(min_length=1, max_length=16), Unique()]
    """Regions that get the image: first that of the provider, where it is built. A change builds a new image."""
    instance_types: NotRequired[Annotated[list[InstanceType], Field(default=["t3.medium"], min_length=1)]]
    """Types of the build instance, tried in order, of the parent image's CPU architecture."""
    root_disk_gib: NotRequired[Annotated[int, Field(default=10, ge=1, le=16_384)]]
    """Size of the image's root disk, at least that of the parent image."""
    root_device_name: NotRequired[RootDeviceName]
    """The parent image's root device."""
    schedule: NotRequired[StampSchedule]
    """When the pipeline builds. Default: when somebody starts it."""
    parameter_name: NotRequired[
        Annotated[
            str, Matches(r"/(?!(?i:aws|ssm))[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", "a name such as /images/shop, not below /aws or /ssm")
        ]
    ]
    """SSM parameter, the same in every Region. Default: ``/images/<name of the component>``."""
    keep_images: NotRequired[Annotated[int, Field(default=10, ge=2, le=1000)]]
    """Images of the current recipe that the lifecycle policy keeps; older ones and their snapshots are deleted in every Region. Those of
    earlier recipes stay."""
    keep_launched_days: NotRequired[Annotated[int, Field(default=90, ge=1, le=365)]]
    """Days for which it also keeps an older image that an instance was launched from."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that a new log group keeps the logs of builds."""
    launch_account_ids: NotRequired[
        Annotated[list[Annotated[str, Matches(r"\d{12}", "an account id of 12 digits")]], Field(default=[]), Unique()]
    ]
    """Other accounts that may launch the image."""


class StampArgs(StampOptions):
    """Arguments of ``Stamp``."""

    subnet_id: pulumi.Input[str]
    """Private subnet of the build instance, from which it reaches Systems Manager, Image Builder, CloudWatch Logs, S3 and the packages of
    the components: by a NAT, or by the endpoints ``ssm``, ``ssmmessages``, ``ec2messages``, ``imagebuilder`` and ``logs``."""
    security_group_ids: SecurityGroupIds
    """Security groups of the build instance; it needs outbound HTTPS and nothing inbound."""
    kms_key_arns: NotRequired[Annotated[dict[str, KmsKeyArn], Field(default={})]]
    """Keys of the images by Region, whose policies must let those who launch use them, and in the first Region CloudWatch Logs for
    ``/aws/imagebuilder/*``. Each Region that is missing here gets a new key, which stays after destroy."""
    existing_recipe_arn: NotRequired[Annotated[pulumi.Input[str], Matches(_RECIPE, "the ARN of an image recipe with its version")]]
    """A recipe that exists, whose disks must be encrypted. Default: a new recipe."""
    instance_profile_arn: NotRequired[pulumi.Input[str]]
    """Profile of the build instance, with the rights of ``EC2InstanceProfileForImageBuilder`` and ``AmazonSSMManagedInstanceCore``, and
    those that the components need. Default: a new one."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the components may do in AWS besides, with the new profile: read a bucket with packages, or a secret."""
    existing_log_group_arn: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[^:*]+(:\*)?", "the ARN of a log group")]
    ]
    """Log group of the builds, which a given instance profile must let write. Default: a new one, under the key of the first Region."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of builds and promotions that failed. Their policies must let ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the images."""


def child_names(checked: StampArgs) -> dict[str, int]:
    """AWS's limits of the names of children, by suffix."""
    profile = {} if is_given(checked, "instance_profile_arn") else {"build-role": 64}
    return {**profile, "execution-role": 64, "lifecycle-role": 64, "promote-role": 64}


def problems(checked: StampArgs) -> Iterator[Problem]:
    """What is wrong with the arguments taken together."""
    if is_given(checked, "existing_recipe_arn"):
        for name in ("parent_image", "components", "managed_components"):
            if is_given(checked, name) and checked.get(name):
                yield name, "cannot be given with existing_recipe_arn; the recipe has its own. Give one or the other."
    else:
        if not is_given(checked, "parent_image"):
            yield "parent_image", "is missing; a new recipe needs it. Give it, or an existing recipe (existing_recipe_arn)."
        if not (checked["components"] or checked["managed_components"]):
            yield "components", "is empty; a recipe has at least one component. Give one, or managed_components."
    if is_given(checked, "instance_profile_arn") and checked["statements"]:
        yield "statements", "are for the new profile. Give them to the role of instance_profile_arn, or leave that out."
    yield from statement_problems(checked["statements"])
    yield from _architecture_problems(checked)
    schedule = checked.get("schedule")
    if schedule is not None and schedule["time_zone"] not in ("UTC", *available_timezones()):
        yield "schedule.time_zone", f"is {schedule['time_zone']!r}; must be an IANA time zone such as Europe/Berlin."
    yield from _key_problems(checked)
    for name, text in checked["components"].items():
        if (problem := _document_problem(text)) is not None:
            yield f"components.{name}", problem


def _key_problems(checked: StampArgs) -> Iterator[Problem]:
    for region, key_arn in checked["kms_key_arns"].items():
        found = re.match(r"arn:[^:]+:kms:([^:]+):", key_arn) if isinstance(key_arn, str) else None
        if region not in checked["regions"]:
            reason = f"is not one of regions ({', '.join(checked['regions'])}); add the Region there, or leave the key out."
            yield f"kms_key_arns.{region}", reason
        elif found is not None and found[1] != region:
            yield f"kms_key_arns.{region}", f"is a key of {found[1]}; images need one of their Region. Give it, or leave it out."


def _architecture_problems(checked: StampArgs) -> Iterator[Problem]:
    """Build instances that could not boot the parent image, as far as its name tells."""
    parent = checked.get("parent_image")
    names = {"arm64": "arm64", "aarch64": "arm64", "x86": "x86_64"}
    kinds = {kind for name, kind in names.items() if isinstance(parent, str) and name in parent}
    if len(kinds) != 1:
        return
    [kind] = kinds
    for index, instance_type in enumerate(checked["instance_types"]):
        if (other := architecture(instance_type)) != kind:
            yield (
                f"instance_types.{index}",
                f"is {instance_type} with {other}; the parent image boots on {kind} alone. Name types with {kind}.",
            )


def _document_problem(text: str) -> str | None:
    # https://docs.aws.amazon.com/imagebuilder/latest/userguide/toe-use-documents.html
    if len(text) > _MOST_CHARACTERS:
        return f"has {len(text)} characters; a component has at most {_MOST_CHARACTERS}. Split it, or fetch the rest in a step."
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return f"is no YAML: {str(error).splitlines()[0]}. Correct the text."
    if not isinstance(document, dict) or not isinstance(document.get("phases"), list) or not document["phases"]:
        return "has no phases; a component has a list of phases, each with a name and steps."
    if str(document.get("schemaVersion")) != "1.0":
        return f"has the schemaVersion {document.get('schemaVersion')!r}; write schemaVersion: 1.0."
    for phase in document["phases"]:
        if not isinstance(phase, dict) or phase.get("name") not in _PHASES:
            return f"has the phase {phase.get('name') if isinstance(phase, dict) else phase!r}; must be one of {', '.join(_PHASES)}."
        steps = phase.get("steps")
        if (
            not isinstance(steps, list)
            or not steps
            or not all(isinstance(step, dict) and {"name", "action"} <= set(step) for step in steps)
        ):
            return f"has a phase {phase['name']} whose steps are not a list of steps, each with a name and an action."
    return None
