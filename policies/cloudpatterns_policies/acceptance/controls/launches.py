"""Launches of EC2 instances: tags in the metadata, and refreshes that go back."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import expand, read

_INSTANCE: Final = "aws:ec2/instance:Instance"
_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_GROUP: Final = "aws:autoscaling/group:Group"
_KEY: Final = re.compile(r"[0-9a-zA-Z\-_+=,.@:]{1,255}")
_RESERVED: Final = (".", "..", "_index")
_MOVING: Final = ("$Latest", "$Default")
_VERSIONS: Final = ("launchTemplate", "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification")

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="metadata-tag-keys",
    title="Tags that an instance sees in its metadata have keys that fit there",
    types=(_INSTANCE, _TEMPLATE),
    why="EC2 refuses to launch an instance whose tags, with access to them from the metadata, have other keys.",
    remediation="Write keys in letters, digits and + - = . , _ : @, without spaces and slashes; or leave instance_metadata_tags disabled.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html",
)
def metadata_tag_keys(resource: Resource) -> Iterator[Verdict]:
    if resource.get("metadataOptions.instanceMetadataTags") != "enabled":
        return
    for path in _tags(resource):
        tags = read(resource, path)
        for key in tags if isinstance(tags, dict) else ():
            if key in _RESERVED or not _KEY.fullmatch(key):
                yield Fail(f"has the tag {key}, whose key does not fit into the metadata", path)


@stack_control(
    id="refresh-rollback-version",
    title="An instance refresh that goes back knows what to go back to",
    severity=Severity.HIGH,
    types=(_GROUP,),
    why="EC2 Auto Scaling does not roll back with $Latest, $Default or an image from a Systems Manager parameter, and refuses the refresh.",
    remediation="Set version to latest_version of the launch template and write the image's id, or leave auto_rollback out.",
    url="https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_RefreshPreferences.html",
    pack="acceptance",
)
def refresh_rollback_version(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    if given(resource, "instanceRefresh.preferences.autoRollback") is not True:
        return
    for path in _VERSIONS:
        if given(resource, path) is None:
            continue
        version = given(resource, f"{path}.version")
        if version is None or is_given(resource, f"{path}.version", *_MOVING):
            yield Fail(f"rolls back refreshes, with the version {version or '$Default'} of the launch template", f"{path}.version")
        for name in ("id", "name", "launchTemplateId", "launchTemplateName"):
            template = target(stack, resource, f"{path}.{name}", _TEMPLATE)
            image = None if template is None else given(template, "imageId")
            if template is not None and isinstance(image, str) and image.startswith("resolve:ssm:"):
                yield Fail(f"rolls back refreshes, and the image of {template.name} is a Systems Manager parameter", path)
                break


def _tags(resource: Resource) -> Iterator[str]:
    if resource.type == _INSTANCE:
        yield "tags"
        return
    for path in expand(resource, "tagSpecifications.*"):
        if is_given(resource, f"{path}.resourceType", "instance"):
            yield f"{path}.tags"
