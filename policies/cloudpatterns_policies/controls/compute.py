"""Instances, and what makes them: launch templates, launch configurations, Spot requests, Auto Scaling groups."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._references import sets_reference
from cloudpatterns_policies.controls._user_data import secrets_in
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity, Stack, Unknown, Verdict, control, stack_control
from cloudpatterns_policies.graph.reading import from_provider, has_value, read

_EC2: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"
_AUTO_SCALING: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/autoscaling-controls.html"

_TEMPLATE: Final = "aws:ec2/launchTemplate:LaunchTemplate"
_CONFIGURATION: Final = "aws:ec2/launchConfiguration:LaunchConfiguration"
_INSTANCES: Final = ("aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest")
_LAUNCHES: Final = (*_INSTANCES, _TEMPLATE, _CONFIGURATION)
_PROFILE: Final = "aws:iam/instanceProfile:InstanceProfile"
_SPOT_FLEET: Final = "aws:ec2/spotFleetRequest:SpotFleetRequest"
_VOLUME: Final = "aws:ebs/volume:Volume"
_GROUP: Final = "aws:autoscaling/group:Group"
_ATTACHMENTS: Final = ("aws:autoscaling/attachment:Attachment", "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment")
_SUBNETS: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
# What makes instances that cannot be given a role each.
_FLEETS: Final = (
    (_GROUP, "launchTemplate"),
    (_GROUP, "mixedInstancesPolicy"),
    ("aws:ec2/fleet:Fleet", "launchTemplateConfigs"),
    (_SPOT_FLEET, "launchTemplateConfigs"),
    ("aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
)


def _from_template(resource: Resource, path: str) -> bool:
    """Whether an instance leaves a setting to its launch template, which is judged on its own."""
    return (
        not resource.is_unknown(path)
        and resource.get(path) is None
        and (resource.is_unknown("launchTemplate") or resource.get("launchTemplate") is not None)
    )


def _each(resource: Resource, items: str, *names: str) -> list[str]:
    """Paths of properties in each item of a list."""
    return [f"{items}.{index}.{name}" for index in range(len(resource.get(items, ()))) for name in names]


def _true(resource: Resource, path: str) -> bool:
    """Launch templates write booleans as text."""
    return str(resource.get(path, False)).lower() == "true"


@control(
    id="imdsv2-required",
    title="Instances answer metadata requests of version 2 only",
    severity=Severity.HIGH,
    types=_LAUNCHES,
    why="With version 1, whoever makes the application fetch a URL reads the credentials of the instance's role.",
    remediation='Set metadata_options with http_tokens="required".',
    url=f"{_EC2}#ec2-8",
    # EC2.170 (launch templates) is of low severity; what the template makes is then an instance under EC2.8.
    frameworks={"FSBP": ("EC2.8", "EC2.170", "AutoScaling.3"), "CIS 5.0": ("5.7",), "Checkov": ("CKV_AWS_79",)},
)
def imdsv2_required(resource: Resource) -> Verdict:
    if _from_template(resource, "metadataOptions"):
        return NotApplicable("takes its metadata options from its launch template")
    if resource.get("metadataOptions.httpEndpoint") == "disabled" or resource.get("metadataOptions.httpTokens") == "required":
        return Pass()
    return Fail("answers metadata requests without a session token", "metadataOptions.httpTokens")


@control(
    id="imds-hop-limit",
    title="Metadata stays on the instance",
    severity=Severity.MEDIUM,
    types=_LAUNCHES,
    why="With more hops, containers and whatever the instance routes for reach the credentials of its role.",
    remediation="Set metadata_options with http_put_response_hop_limit=1.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html",
    frameworks={"Checkov": ("CKV_AWS_341",)},
    config={
        "maximumHops": {"type": "integer", "minimum": 1, "maximum": 64, "default": 1, "description": "Hops a metadata answer may travel."}
    },
)
def imds_hop_limit(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    hops = resource.get("metadataOptions.httpPutResponseHopLimit", 1)
    if hops <= config["maximumHops"] or resource.get("metadataOptions.httpEndpoint") == "disabled":
        return Pass()
    return Fail(f"lets metadata answers travel {hops} hops", "metadataOptions.httpPutResponseHopLimit")


@control(
    id="instance-no-public-ip",
    title="Instances get no public IPv4 address when they start",
    severity=Severity.HIGH,
    types=(*_LAUNCHES, _SPOT_FLEET),
    why="An instance with a public address is one open port away from the internet, past balancer and web ACL.",
    remediation="Set associate_public_ip_address to False, and reach the instance through a load balancer or Session Manager.",
    url=f"{_EC2}#ec2-9",
    frameworks={"FSBP": ("EC2.9", "EC2.25", "Autoscaling.5"), "Checkov": ("CKV_AWS_88",)},
)
def instance_no_public_ip(resource: Resource) -> Iterator[Verdict]:
    # Left out, the subnet decides; `subnet-no-public-ip` sees to that.
    paths = ["associatePublicIpAddress"]
    if resource.type == _TEMPLATE:
        paths = _each(resource, "networkInterfaces", *paths)
    elif resource.type == _SPOT_FLEET:
        paths = _each(resource, "launchSpecifications", *paths)
    for path in paths:
        if resource.is_unknown(path):
            yield Unknown(path)
        elif _true(resource, path):
            yield Fail("asks for a public IPv4 address", path)


@stack_control(
    id="instance-role",
    title="Instances have a role",
    severity=Severity.MEDIUM,
    types=_LAUNCHES,
    why="Without a role, what calls AWS on the instance is given an access key, which nobody rotates; nor can Systems Manager reach it.",
    remediation="Set iam_instance_profile to the profile of a role that allows what is needed; WorkloadRole makes both.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html",
    frameworks={"CIS 5.0": ("1.17",), "Checkov": ("CKV2_AWS_41",)},
)
def instance_role(resource: Resource, stack: Stack) -> Verdict:
    if sets_reference(stack, resource, "iamInstanceProfile", _PROFILE, computed=True):
        return Pass()
    if not from_provider(resource, "launchTemplate") and read(resource, "launchTemplate") is not None:
        return NotApplicable("takes its role from its launch template")
    if resource.type == _TEMPLATE and _only_for_instances_with_a_role(resource, stack):
        return NotApplicable("leaves the role to the instances it makes")
    return Fail("has no role", "iamInstanceProfile")


def _only_for_instances_with_a_role(template: Resource, stack: Stack) -> bool:
    instances = [user for kind in _INSTANCES for user in stack.referrers(template, kind, "launchTemplate")]
    fleets = [user for kind, path in _FLEETS for user in stack.referrers(template, kind, path)]
    return (
        bool(instances)
        and not fleets
        and all(sets_reference(stack, instance, "iamInstanceProfile", _PROFILE, computed=True) for instance in instances)
    )


@control(
    id="ebs-volume-encrypted",
    title="EBS volumes are encrypted",
    severity=Severity.MEDIUM,
    types=(_VOLUME, *_INSTANCES, _CONFIGURATION),
    why="Snapshots and discarded disks of an unencrypted volume are readable by whoever gets hold of them.",
    remediation="Set encrypted to True on the volume, or in root_block_device and each of ebs_block_devices.",
    url=f"{_EC2}#ec2-3",
    frameworks={"FSBP": ("EC2.3",), "Checkov": ("CKV_AWS_3", "CKV_AWS_8")},
)
def ebs_volume_encrypted(resource: Resource) -> Iterator[Verdict]:
    if resource.type == _VOLUME:
        yield from _unencrypted(resource, "", f"volume {resource.name}")
        return
    if not _from_template(resource, "rootBlockDevice"):
        yield from _unencrypted(resource, "rootBlockDevice.", "root volume")
    for index in range(len(resource.get("ebsBlockDevices", ()))):
        yield from _unencrypted(resource, f"ebsBlockDevices.{index}.", _device(resource, f"ebsBlockDevices.{index}"))


@control(
    id="launch-template-volumes-encrypted",
    title="Launch templates encrypt their EBS volumes",
    severity=Severity.MEDIUM,
    types=(_TEMPLATE,),
    why="Each instance that the template makes gets an unencrypted disk, and snapshots of it are readable by whoever gets hold of them.",
    remediation="Give each of block_device_mappings, the root volume's included, ebs with encrypted=True.",
    url=f"{_EC2}#ec2-181",
    frameworks={"FSBP": ("EC2.181",)},
)
def launch_template_volumes_encrypted(resource: Resource) -> Iterator[Verdict]:
    mappings = resource.get("blockDeviceMappings", ())
    if not mappings:
        yield Fail("does not encrypt its root volume", "blockDeviceMappings")
    for index in range(len(mappings)):
        path = f"blockDeviceMappings.{index}"
        # A mapping without `ebs` is an instance store, or takes a device of the image away.
        if resource.is_unknown(f"{path}.ebs") or resource.get(f"{path}.ebs") is not None:
            yield from _unencrypted(resource, f"{path}.ebs.", _device(resource, path))


def _device(resource: Resource, path: str) -> str:
    name = None if resource.is_unknown(f"{path}.deviceName") else resource.get(f"{path}.deviceName")
    return f"volume {name}" if name else "a volume"


def _unencrypted(resource: Resource, prefix: str, volume: str) -> Iterator[Verdict]:
    path = f"{prefix}encrypted"
    if resource.is_unknown(path):
        yield Unknown(path)
    elif not _true(resource, path):
        yield Fail(f"does not encrypt {volume}", path)


@control(
    id="ebs-encryption-by-default",
    title="EBS encryption by default is not switched off",
    severity=Severity.MEDIUM,
    types=("aws:ebs/encryptionByDefault:EncryptionByDefault",),
    why="Every volume of the account and region that does not ask for encryption is then made without it.",
    remediation="Set enabled to True, or remove the resource.",
    url=f"{_EC2}#ec2-7",
    frameworks={"FSBP": ("EC2.7",), "CIS 5.0": ("5.1.1",), "Checkov": ("CKV_AWS_106",)},
)
def ebs_encryption_by_default(resource: Resource) -> Verdict:
    return Pass() if resource.get("enabled", True) else Fail("switches encryption by default off", "enabled")


@control(
    id="user-data-no-secrets",
    title="User data holds no secrets",
    severity=Severity.HIGH,
    types=(*_LAUNCHES, _SPOT_FLEET),
    why="Every process on the instance, and everyone who may describe it, can read its user data.",
    remediation="Keep the secret in Secrets Manager, let the instance's role read it, and take it out of user_data.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html",
    frameworks={"Checkov": ("CKV_AWS_46",)},
)
def user_data_no_secrets(resource: Resource) -> Iterator[Verdict]:
    paths = ["userData", "userDataBase64"]
    for path in _each(resource, "launchSpecifications", "userData") if resource.type == _SPOT_FLEET else paths:
        if resource.is_unknown(path):
            yield Unknown(path)
        else:
            for kind in secrets_in(resource.get(path, "")):
                yield Fail(f"holds {kind}", path)


@control(
    id="auto-scaling-launch-template",
    title="Auto Scaling groups start from launch templates",
    severity=Severity.MEDIUM,
    types=(_GROUP,),
    why="Launch configurations know no newer instance types or settings, cannot be versioned, and AWS gives them up.",
    remediation="Set launch_template, or mixed_instances_policy with one, in place of launch_configuration.",
    url=f"{_AUTO_SCALING}#autoscaling-9",
    frameworks={"FSBP": ("AutoScaling.9",), "Checkov": ("CKV_AWS_315",)},
)
def auto_scaling_launch_template(resource: Resource) -> Verdict:
    if any(resource.get(path) is not None for path in ("launchTemplate", "mixedInstancesPolicy.launchTemplate")):
        return Pass()
    # Its name may be unknown: it comes from another resource then.
    if read(resource, "launchConfiguration") is not None:
        return Fail("starts from a launch configuration", "launchConfiguration")
    return Fail("has no launch template", "launchTemplate")


@stack_control(
    id="auto-scaling-several-zones",
    title="Auto Scaling groups span several zones",
    severity=Severity.MEDIUM,
    types=(_GROUP,),
    why="When its only zone fails, the group has nowhere to start new instances.",
    remediation="Give vpc_zone_identifiers a subnet in each of several zones.",
    url=f"{_AUTO_SCALING}#autoscaling-2",
    frameworks={"FSBP": ("AutoScaling.2",)},
    config={"minimumZones": {"type": "integer", "minimum": 2, "maximum": 6, "default": 2, "description": "Zones a group spans at least."}},
)
def auto_scaling_several_zones(resource: Resource, stack: Stack, config: Mapping[str, Any]) -> Verdict:
    where = next((path for path in ("vpcZoneIdentifiers", "availabilityZones") if has_value(resource, path, computed=True)), "")
    if not where:
        return Fail("names no zones", "vpcZoneIdentifiers")
    items = resource.get(where)
    known = [item for index, item in enumerate(items) if not resource.is_unknown(f"{where}.{index}")]
    count = len(set(known)) + len(items) - len(known)
    if where == "vpcZoneIdentifiers":
        zones = [read(subnet, "availabilityZone") for subnet in stack.refs(resource, where, *_SUBNETS)]
        # Where the subnets are of this stack, their zones count; several may share one.
        if len(zones) >= len(items) and all(isinstance(zone, str) for zone in zones):
            count = min(count, len(set(zones)))
    if count >= config["minimumZones"]:
        return Pass()
    return Fail(f"spans {count} zone{'s' if count > 1 else ''}, not {config['minimumZones']}", where)


@stack_control(
    id="auto-scaling-load-balancer-health",
    title="Auto Scaling groups behind a load balancer use its health checks",
    severity=Severity.LOW,
    types=(_GROUP,),
    why="An instance that runs but no longer answers is never replaced.",
    remediation='Set health_check_type to "ELB".',
    url=f"{_AUTO_SCALING}#autoscaling-1",
    frameworks={"FSBP": ("AutoScaling.1",), "Checkov": ("CKV2_AWS_15",)},
)
def auto_scaling_load_balancer_health(resource: Resource, stack: Stack) -> Verdict:
    attached = any(has_value(resource, path, computed=True) for path in ("targetGroupArns", "loadBalancers", "trafficSources"))
    if not attached and not any(stack.referrers(resource, kind, "autoscalingGroupName") for kind in _ATTACHMENTS):
        return NotApplicable("is not behind a load balancer")
    kind = resource.get("healthCheckType") if has_value(resource, "healthCheckType", computed=True) else "EC2"
    return Pass() if "ELB" in kind.split(",") else Fail(f"goes by the {kind} health check alone", "healthCheckType")
