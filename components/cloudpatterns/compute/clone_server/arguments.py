"""The arguments of ``CloneServer``, and the rules over several of them."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict
from zoneinfo import available_timezones

import pulumi
from pydantic import Field

from cloudpatterns.blocks.server import architecture
from cloudpatterns.compute.scale_out.arguments import ScaleOutArgs, ScaleOutOptions
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.compute.scale_up.arguments import ScaleUpArgs, ScaleUpOptions
from cloudpatterns.compute.scale_up.component import ScaleUp
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Matches,
    Problem,
    WorkloadStatementArgs,
    declared,
    excludes,
    is_given,
    needs,
    one_of,
    pick,
    statement_problems,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, ImageId, KmsKeyArn, SecurityGroupIds, SubnetIdsByZone, Tags

_OF_A_NEW_MASTER = ("master_subnet_id", "master_security_group_ids", "master_user_data", "master_statements")
_OF_CONTENT = ("existing_bucket_arn", "bucket_kms_key_arn", "log_bucket_name")


class CloneServerContent(TypedDict):
    """Files that the master publishes between two images, and the clones take over."""

    folder: Annotated[str, Matches(r"(/[A-Za-z0-9._-]+)+", "a folder from / such as /var/www/html")]
    """Folder of the files, on the master and on the clones. What is not in the master's folder is deleted from it on the clones; links,
    owners and modes do not arrive: files are root's, with mode 0644. Network file systems that are mounted below it, such as those of
    ``NfsSharing``, are left alone on both."""
    interval_minutes: NotRequired[Annotated[int, Field(default=5, ge=1, le=240)]]
    """Time between two looks at the files, on the master and on the clones."""


class CloneServerOptions(TypedDict):
    """What a user tunes of a ``CloneServer``."""

    clones: ScaleOutOptions
    """What the clones are, how many, and how they change, see ``ScaleOut``, without an image. The root disk is at least the master's."""
    first_image_id: ImageId
    """The image (AMI) that clones start from until there is one of the master, of the same CPU architecture and with AWS's tools: Amazon
    Linux 2023, or one of ``Stamp.image_ids``. They pass health checks only if it serves with ``user_data``; otherwise begin with a
    ``min_size`` of 0, and raise it after the first image. A change is ignored."""
    master: NotRequired[ScaleUpOptions]
    """A new master, see ``ScaleUp``. Exactly one of ``master`` and ``existing_master_arn``. One that is replaced begins anew: give it the
    newest image as ``image_id``, or the next image is that of an empty server."""
    schedule_expression: NotRequired[
        Annotated[
            str,
            Matches(
                r"rate\([1-9]\d* (hours?|days?)\)|cron\(\S+ \S+ \S+ \S+ \S+ \S+\)",
                "rate in hours or days, or cron with six fields, such as cron(0 3 * * ? *)",
            ),
            Field(default="cron(0 3 * * ? *)"),
        ]
    ]
    """When an image of the master is taken, in ``time_zone``; each replaces the clones."""
    time_zone: NotRequired[Annotated[str, Field(default="UTC")]]
    """IANA time zone of the schedule."""
    keep_images: NotRequired[Annotated[int, Field(default=5, ge=1, le=100)]]
    """Number of the newest images that are kept, with their snapshots."""
    reboot_master: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether EC2 reboots the master for each image, so that its file systems are consistent. Otherwise an image is what a power failure
    would leave."""
    content: NotRequired[CloneServerContent]
    """Files that reach the clones between two images, by a bucket. A change reaches a running master when ``content_script`` runs on it.
    Default: images alone."""


class CloneServerArgs(CloneServerOptions):
    """Arguments of ``CloneServer``."""

    subnet_ids_by_zone: SubnetIdsByZone
    """Private subnets of the clones, one per zone. Two zones or more, unless ``single_zone``. With ``content``, they reach S3."""
    security_group_ids: SecurityGroupIds
    """Security groups of the clones."""
    single_zone: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether a single zone is intended for the clones."""
    target_group_arns: NotRequired[Annotated[list[pulumi.Input[str]], Field(default=[])]]
    """Target groups that the clones register with; the master never does."""
    load_balancer_arn_suffix: NotRequired[pulumi.Input[str]]
    """``app/<name>/<id>`` of the load balancer. Needed with ``requests_per_target``."""
    target_group_arn_suffix: NotRequired[pulumi.Input[str]]
    """``targetgroup/<name>/<id>`` of a target group that has a listener. Needed with ``requests_per_target``."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot of a clone, which begins with ``#!``, or ``Bootstrap.user_data``; it runs after the content has arrived.
    Default: no script."""
    clone_statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the clones may do beside Session Manager and reading the content; never a write to the content."""
    existing_master_arn: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(
                r"arn:[^:]+:ec2:[^:]*:[^:]*:instance/i-[0-9a-f]+",
                "the ARN of an instance such as arn:aws:ec2:eu-west-1:123456789012:instance/i-0abc1234def567890",
            ),
        ]
    ]
    """An instance that exists as the master. With ``content``, run ``content_script`` on it once, as root. Exactly one of ``master`` and
    ``existing_master_arn``."""
    existing_master_role_name: NotRequired[pulumi.Input[str]]
    """Role of an existing master, which gets a policy to publish the content. Default: it has ``content_statements`` already."""
    master_subnet_id: NotRequired[pulumi.Input[str]]
    """Private subnet of a new master, which needs it. Default: none, with ``existing_master_arn``."""
    master_security_group_ids: NotRequired[Annotated[SecurityGroupIds, Field(default=[], min_length=0)]]
    """Security groups of a new master, which needs them: not those that admit the load balancer."""
    master_user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot of a new master, which begins with ``#!``, or ``Bootstrap.user_data``. Default: no script."""
    master_statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What a new master may do beside Session Manager and publishing the content."""
    existing_bucket_arn: NotRequired[pulumi.Input[str]]
    """A versioned bucket for the content, in which it gets keys that begin with the component's name. Default: a new bucket."""
    bucket_kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts the content; with ``existing_bucket_arn``, the one that the bucket uses. Default: a new key, or none."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the server access logs of the new bucket. Default: a new log target."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks of master and clones, see ``ScaleOut``. Default: the AWS managed key for EBS."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of images that failed, of content that was not published, and of what ``ScaleUp`` and ``ScaleOut`` report; at
    most four. Their policies must let ``events.amazonaws.com`` publish. With any, and ``content``, the master sends a metric, and so must
    reach CloudWatch."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, of instances, disks, images and snapshots, beside Name."""


def child_names(checked: CloneServerArgs) -> dict[str, int]:
    """AWS's limits of the names of children, by suffix."""
    rules = {"failed": 64} if checked["alarm_topic_arns"] else {}
    master = {"master-role-role": 64} if is_given(checked, "master") else {}
    bucket = {"content-logs-bucket": 63} if is_given(checked, "content") and not is_given(checked, "existing_bucket_arn") else {}
    return {"clone-role-role": 64, "automation-role": 64, "schedules-role": 64, **master, **rules, **bucket}


def master_args(checked: CloneServerArgs, instance_profile_arn: pulumi.Input[str], user_data: pulumi.Input[str] | None) -> ScaleUpArgs:
    """The arguments of a new master."""
    options: Any = checked.get("master")
    given: Any = {
        **pick(options, *declared(ScaleUpOptions)),
        **pick(checked, "kms_key_arn", "alarm_topic_arns", "tags"),
        "subnet_id": checked.get("master_subnet_id"),
        "security_group_ids": checked["master_security_group_ids"],
        "instance_profile_arn": instance_profile_arn,
        "user_data": user_data,
    }
    return given


def clone_args(
    checked: CloneServerArgs,
    image_parameter: pulumi.Input[str],
    instance_profile_arn: pulumi.Input[str],
    user_data: pulumi.Input[str] | None,
) -> ScaleOutArgs:
    """The arguments of the group of clones, whose root disk is the master's where nothing else is said."""
    options: Any = checked["clones"]
    master: Any = checked.get("master")
    own = {} if master is None else pick(master, "root_disk_gib", "root_device_name")
    disks = {**options["disks"], **{name: value for name, value in own.items() if not is_given(options["disks"], name)}}
    given: Any = {
        **pick(options, *declared(ScaleOutOptions)),
        **pick(checked, "subnet_ids_by_zone", "security_group_ids", "single_zone", "target_group_arns", "load_balancer_arn_suffix"),
        **pick(checked, "target_group_arn_suffix", "kms_key_arn", "alarm_topic_arns", "tags"),
        "disks": disks,
        "image_parameter": image_parameter,
        "instance_profile_arn": instance_profile_arn,
        "user_data": user_data,
    }
    return given


def problems(name: str, checked: CloneServerArgs) -> Iterator[Problem]:
    """What is wrong with the arguments."""
    # It begins the names of the document, the parameter and the images, and the keys of the content.
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
    if not re.fullmatch(r"(?!(aws|amazon|amzn|ssm))[A-Za-z0-9][A-Za-z0-9._-]*", name):
        reason = "letters, digits, dots, hyphens and underscores, and a beginning other than aws, amazon, amzn or ssm, are needed"
        yield "name", f"is {name!r}; {reason}. Rename the component."
    yield from one_of(checked, "master", "existing_master_arn")
    yield from excludes(checked, "existing_master_arn", *_OF_A_NEW_MASTER, why="they are of a new master")
    if not is_given(checked, "existing_master_arn"):
        yield from needs(checked, "master", "master_subnet_id", "master_security_group_ids")
    yield from needs(checked, "existing_master_role_name", "existing_master_arn", "content")
    for argument in _OF_CONTENT:
        yield from needs(checked, argument, "content")
    yield from excludes(checked, "existing_bucket_arn", "log_bucket_name", why="an existing bucket has its own access logs")
    content = checked.get("content")
    if content is not None and ".." in content["folder"].split("/"):
        yield "content.folder", f"is {content['folder']!r}; name the folder itself, without .. in it."
    if checked["time_zone"] not in ("UTC", *available_timezones()):
        yield "time_zone", f"is {checked['time_zone']!r}; must be an IANA time zone such as Europe/Berlin."
    for argument in ("clone_statements", "master_statements"):
        yield from statement_problems(checked[argument], argument)
    for argument in ("image_parameter", "image_id"):
        if is_given(checked["clones"], argument):
            yield f"clones.{argument}", "is given; the clones' image is the master's. Remove it, and see first_image_id."
    yield from _disk_problems(checked)
    yield from _part_problems(name, checked)


def _disk_problems(checked: CloneServerArgs) -> Iterator[Problem]:
    """Clones that could not start from an image of the master."""
    master, clones = checked.get("master"), checked["clones"]
    if master is None:
        return
    kind, other = architecture(master["instance_type"]), architecture(clones["instance_types"][0])
    if kind != other:
        reason = f"has {clones['instance_types'][0]} with {other}; the master's {master['instance_type']} has {kind}, and its image boots "
        yield "clones.instance_types", f"{reason}on that alone. Name types with {kind}."
    disks = clones["disks"]
    size, device = disks["root_disk_gib"], disks["root_device_name"]
    if is_given(disks, "root_disk_gib") and size < master["root_disk_gib"]:
        reason = f"is {size}; the image has the master's disk of {master['root_disk_gib']} GiB. Raise it, or leave it out."
        yield "clones.disks.root_disk_gib", reason
    if is_given(disks, "root_device_name") and device != master["root_device_name"]:
        yield "clones.disks.root_device_name", f"is {device}; the image has the master's {master['root_device_name']}. Leave it out."


def _part_problems(name: str, checked: CloneServerArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    parts: list[tuple[type[Component], str, Any]] = [(ScaleOut, "clones", clone_args(checked, "image", "arn", None))]
    if is_given(checked, "master") and is_given(checked, "master_subnet_id") and is_given(checked, "master_security_group_ids"):
        parts.append((ScaleUp, "master", master_args(checked, "arn", None)))
    options: Any = checked
    for component, part, args in parts:
        try:
            component.check(f"{name}-{part}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit, and zones of another region are by the component's own arguments.
                # The image of clones is none of their own arguments.
                if path == "name" or path.startswith("subnet_ids_by_zone.") or (part, path) == ("clones", "image_parameter"):
                    continue
                yield f"{part}.{path}" if path.split(".")[0] in options[part] else path, reason
