"""Tags: owner, cost centre and environment of a resource."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.core import UNKNOWN, Fail, Pass, Resource, Severity, Stack, Unknown, Verdict, stack_control
from cloudpatterns_policies.core.values import Decoder
from cloudpatterns_policies.graph.reading import read

_AUTO_SCALING: Final = "aws:autoscaling/group:Group"
_OBJECTS: Final = ("aws:s3/bucketObject:BucketObject", "aws:s3/bucketObjectv2:BucketObjectv2", "aws:s3/objectCopy:ObjectCopy")
"""Objects are paid for by the tags of their bucket, and take ten tags at most.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html
"""


@stack_control(
    id="required-tags",
    title="Resources that support tags have the required tags",
    severity=Severity.MEDIUM,
    why="Nobody knows who owns an untagged resource, who pays for it, or whether it may be deleted.",
    remediation="Set the tags in tags, or for all resources in default_tags of the provider; an Auto Scaling group needs its own tags.",
    url="https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html",
    config={
        "requiredTags": {
            "type": "array",
            "items": {"type": "string"},
            "default": ["Owner", "CostCenter", "Environment"],
            "description": "Keys of the tags that are required, with a value.",
        }
    },
    pack="operations",
)
def required_tags(stack: Stack, config: Mapping[str, Any]) -> Iterator[tuple[Resource, Verdict]]:
    for resource in stack.resources:
        if _takes_tags(resource):
            yield resource, _missing_tags(resource, config["requiredTags"])


def _takes_tags(resource: Resource) -> bool:
    # The provider returns `tagsAll` for every resource that supports tags, except Auto Scaling groups.
    return (
        resource.type.startswith("aws:") and resource.type not in _OBJECTS and ("tagsAll" in resource.raw or resource.type == _AUTO_SCALING)
    )


def _missing_tags(resource: Resource, required: list[str]) -> Verdict:
    own = _own_tags(resource)
    if own is UNKNOWN:
        return Unknown("tags")
    tags = {**_defaults(resource), **own}
    missing = [key for key in required if tags.get(key) is not UNKNOWN and not tags.get(key)]
    return Fail(f"has no tag {', '.join(missing)}", "tags") if missing else Pass()


def _own_tags(resource: Resource) -> Any:
    """The resource's own tags, or `UNKNOWN`. The value of a tag may be `UNKNOWN` too."""
    tags = read(resource, "tags", computed=True)
    if isinstance(tags, list):
        keys = [(read(resource, f"tags.{index}.key"), read(resource, f"tags.{index}.value")) for index in range(len(tags))]
        return UNKNOWN if any(key is UNKNOWN for key, _ in keys) else dict(keys)
    return UNKNOWN if tags is UNKNOWN else tags or {}


def _defaults(resource: Resource) -> dict[str, Any]:
    """The default tags of the provider: from its output, and from its configuration."""
    if resource.type == _AUTO_SCALING:
        return {}
    shown = read(resource, "tagsAll")
    configured = Decoder().struct(resource.message.provider.properties).get("defaultTags")
    if isinstance(configured, str):
        # A provider's nested configuration is sent as JSON text.
        configured = json.loads(configured)
    tags = configured.get("tags") if isinstance(configured, dict) else None
    return {**(tags if isinstance(tags, dict) else {}), **(shown if isinstance(shown, dict) else {})}
