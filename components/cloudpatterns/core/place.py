"""Whether zones are of the region that resources are created in, as far as a preview knows that."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from cloudpatterns.core.arguments import Problem

# eu-west-1a; a Local Zone, us-west-2-lax-1a; a Wavelength Zone, us-east-1-wl1-bos-wlz-1. Each begins with the name of its region.
# https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
_ZONE = re.compile(r"([a-z]{2,4}(?:-[a-z]+)+-\d+)(?:[a-z]|-[a-z0-9-]+)")


def region_of_zone(zone: str) -> str | None:
    """The region of an Availability Zone, Local Zone or Wavelength Zone by its name; None for any other text."""
    match = _ZONE.fullmatch(zone)
    return match[1] if match else None


def aws_provider(opts: pulumi.ResourceOptions | None) -> pulumi.ProviderResource | None:
    """The AWS provider that a component's children get by its options or its parent; None where it is the default provider."""
    if opts is None:
        return None
    given = opts.providers
    providers = given.values() if isinstance(given, Mapping) else given if isinstance(given, Sequence) else [given]
    own = next((one for one in (opts.provider, *providers) if one is not None and one.package == "aws"), None)
    return own if own is not None or opts.parent is None else opts.parent.get_provider("aws:index:Provider")


def zone_problems(checked: Mapping[str, Any], region: str | None, source: str, fix: str, path: str = "") -> Iterator[Problem]:
    """Zones of another region: the entries of ``zones`` and the keys of ``*_by_zone``, in nested arguments too.

    A ``region`` among the arguments is that of its own zones. ``source`` and ``fix`` say where the region is from, and how else to correct
    it, with a place for the other region's name. Where the region is unknown, None, nothing is wrong.
    """
    own = checked.get("region")
    if isinstance(own, str):
        region, source, fix = own, f"{path}region is", "correct region"
    for name, value in checked.items():
        if name == "zones" or name.endswith("_by_zone"):
            named = {zone: found for zone in value or () if isinstance(zone, str) and (found := region_of_zone(zone))}
            for zone, found in named.items() if region is not None else ():
                if found != region:
                    where = f"{path}{name}.{list(value).index(zone) if isinstance(value, Sequence) else zone}"
                    reason = f"is {zone!r}, a zone of {found}; {source} {region}. Name zones of {region}, or {fix.format(found)}."
                    yield where, reason
        elif isinstance(value, Mapping):
            yield from zone_problems(value, region, source, fix, f"{path}{name}.")


def in_region(region: str) -> Any:
    """A value of the option ``transformations`` that puts a component's children into a Region, but for those that have one already.

    A provider for each Region would lose what the stack configures for the default one: the role that it assumes, its default tags.
    """

    def place(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # Types of a Region have the property, given or not.
        if not args.type_.startswith("aws:") or not hasattr(type(args.resource), "region") or args.props.get("region") is not None:
            return None
        return pulumi.ResourceTransformationResult({**args.props, "region": region}, args.opts)

    return [place]
