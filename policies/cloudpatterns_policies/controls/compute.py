"""Instances, and what launches them: launch templates, launch configurations, Spot requests, Auto Scaling groups."""

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
_BUILDS: Final = "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration"
_PROFILE: Final = "aws:iam/instanceProfile:InstanceProfile"
_SPOT_FLEET: Final = "aws:ec2/spotFleetRequest:SpotFleetRequest"
_VOLUME: Final = "aws:ebs/volume:Volume"
_GROUP: Final = "aws:autoscaling/group:Group"
_ATTACHMENTS: Final = ("aws:autoscaling/attachment:Attachment", "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment")
_SUBNETS: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
# Launches instances that cannot each have their own role.
_FLEETS: Final = (
    (_GROUP, "launchTemplate"),
    (_GROUP, "mixedInstancesPolicy"),
    ("aws:ec2/fleet:Fleet", "launchTemplateConfigs"),
    (_SPOT_FLEET, "launchTemplateConfigs"),
    ("aws:eks/nodeGroup:NodeGroup", "launchTemplate"),
)


def _from_template(resource: Resource, path: str) -> bool:
    """Whether an instance leaves a setting to its launch template, which is checked itself."""
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
    title="Instances require IMDSv2",
    severity=Severity.HIGH,
    types=(*_LAUNCHES, _BUILDS),
    why="With IMDSv1, anyone who can make the application fetch a URL can read the credentials of the instance's role.",
    remediation='Set metadata_options, or instance_metadata_options of an Image Builder infrastructure, with http_tokens="required".',
    url=f"{_EC2}#ec2-8",
    # EC2.170 (launch templates) is of low severity; an instance launched from the template falls under EC2.8.
    frameworks={"FSBP": ("EC2.8", "EC2.170", "AutoScaling.3"), "CIS 5.0": ("5.7",), "Checkov": ("CKV_AWS_79",)},
)
def imdsv2_required(resource: Resource) -> Verdict:
    options = "instanceMetadataOptions" if resource.type == _BUILDS else "metadataOptions"
    if _from_template(resource, options):
        return NotApplicable("takes its metadata options from its launch template")
    if resource.get(f"{options}.httpEndpoint") == "disabled" or resource.get(f"{options}.httpTokens") == "required":
        return Pass()
    return Fail("allows IMDSv1, metadata requests without a session token", f"{options}.httpTokens")


@control(
    id="imds-hop-limit",
    title="Instance metadata is not reachable from containers",
    severity=Severity.MEDIUM,
    types=_LAUNCHES,
    why="With a higher hop limit, containers, and hosts that the instance routes for, can read the credentials of its role.",
    remediation="Set metadata_options with http_put_response_hop_limit=1.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html",
    frameworks={"Checkov": ("CKV_AWS_341",)},
    config={
        "maximumHops": {
            "type": "integer",
            "minimum": 1,
            "maximum": 64,
            "default": 1,
            "description": "Maximum number of hops for a metadata response.",
        }
    },
)
def imds_hop_limit(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    hops = resource.get("metadataOptions.httpPutResponseHopLimit", 1)
    if hops <= config["maximumHops"] or resource.get("metadataOptions.httpEndpoint") == "disabled":
        return Pass()
    return Fail(f"has a metadata hop limit of {hops}", "metadataOptions.httpPutResponseHopLimit")


@control(
    id="instance-no-public-ip",
    title="Instances get no public IPv4 address when they start",
    severity=Severity.HIGH,
    types=(*_LAUNCHES, _SPOT_FLEET),
    why="An instance with a public address is one open port away from the internet, bypassing load balancer and web ACL.",
    remediation="Set associate_public_ip_address to False, and reach the instance through a load balancer or Session Manager.",
    url=f"{_EC2}#ec2-9",
    frameworks={"FSBP": ("EC2.9", "EC2.25", "Autoscaling.5"), "Checkov": ("CKV_AWS_88", "CKV_AWS_389")},
)
def instance_no_public_ip(resource: Resource) -> Iterator[Verdict]:
    # If omitted, the subnet decides; `subnet-no-public-ip` checks that.
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
    why="Without a role, applications need access keys, which nobody rotates, and Systems Manager cannot manage the instance.",
    remediation="Set iam_instance_profile to the profile of a role that allows what is needed; WorkloadRole creates both.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-roles-for-amazon-ec2.html",
    frameworks={"CIS 5.0": ("1.17",), "Checkov": ("CKV2_AWS_41",)},
)
def instance_role(resource: Resource, stack: Stack) -> Verdict:
    if sets_reference(stack, resource, "iamInstanceProfile", _PROFILE, computed=True):
        return Pass()
    if not from_provider(resource, "launchTemplate") and read(resource, "launchTemplate") is not None:
        return NotApplicable("takes its role from its launch template")
    if resource.type == _TEMPLATE and _only_for_instances_with_a_role(resource, stack):
        return NotApplicable("leaves the role to the instances launched from it")
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
    why="Anyone who obtains a snapshot or a discarded disk of an unencrypted volume can read it.",
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
    id="ebs-volume-customer-key",
    title="EBS volumes are encrypted under a customer-managed key",
    severity=Severity.LOW,
    types=(_VOLUME,),
    why="The AWS-managed key cannot be shared with another account, so its snapshots cannot be restored there, nor can its use be limited.",
    remediation="Set kms_key_id to the ARN of a customer-managed key; it replaces the volume.",
    url="https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption.html",
)
def ebs_volume_customer_key(resource: Resource) -> Verdict:
    if resource.is_unknown("kmsKeyId") or has_value(resource, "kmsKeyId"):
        return Pass()
    return Fail("has no customer-managed key", "kmsKeyId")


@control(
    id="instance-volumes-outlive",
    title="Data volumes outlive their instance",
    severity=Severity.MEDIUM,
    types=_INSTANCES,
    pack="operations",
    why="A replaced or terminated instance takes its data with it.",
    remediation="Create the volume as aws.ebs.Volume with aws.ec2.VolumeAttachment, or set delete_on_termination to False.",
    url="https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html",
)
def instance_volumes_outlive(resource: Resource) -> Iterator[Verdict]:
    for index in range(len(resource.get("ebsBlockDevices", ()))):
        path = f"ebsBlockDevices.{index}.deleteOnTermination"
        if resource.is_unknown(path):
            yield Unknown(path)
        elif _true(resource, path) or resource.get(path) is None:
            yield Fail(f"deletes {_device(resource, f'ebsBlockDevices.{index}')} when it is terminated", path)


@control(
    id="launch-template-volumes-encrypted",
    title="Launch templates encrypt their EBS volumes",
    severity=Severity.MEDIUM,
    types=(_TEMPLATE,),
    why="Each instance launched from the template gets an unencrypted disk, and anyone who obtains a snapshot of it can read it.",
    remediation="Set ebs with encrypted=True in each of block_device_mappings, including that of the root volume.",
    url=f"{_EC2}#ec2-181",
    frameworks={"FSBP": ("EC2.181",)},
)
def launch_template_volumes_encrypted(resource: Resource) -> Iterator[Verdict]:
    mappings = resource.get("blockDeviceMappings", ())
    if not mappings:
        yield Fail("does not encrypt its root volume", "blockDeviceMappings")
    for index in range(len(mappings)):
        path = f"blockDeviceMappings.{index}"
        # A mapping without `ebs` is an instance store volume, or removes a device of the image.
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
    title="EBS encryption by default is not disabled",
    severity=Severity.MEDIUM,
    types=("aws:ebs/encryptionByDefault:EncryptionByDefault",),
    why="Without it, every volume of the account and region that does not request encryption is created unencrypted.",
    remediation="Set enabled to True, or remove the resource.",
    url=f"{_EC2}#ec2-7",
    frameworks={"FSBP": ("EC2.7",), "CIS 5.0": ("5.1.1",), "Checkov": ("CKV_AWS_106",)},
)
def ebs_encryption_by_default(resource: Resource) -> Verdict:
    return Pass() if resource.get("enabled", True) else Fail("disables EBS encryption by default", "enabled")


@control(
    id="user-data-no-secrets",
    title="User data holds no secrets",
    severity=Severity.HIGH,
    types=(*_LAUNCHES, _SPOT_FLEET),
    why="Every process on the instance, and everyone who may describe the instance, can read its user data.",
    remediation="Keep the secret in Secrets Manager, allow the instance's role to read it, and remove it from user_data.",
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
    why="Launch configurations lack newer instance types and settings, cannot be versioned, and are deprecated by AWS.",
    remediation="Set launch_template, or mixed_instances_policy with one, in place of launch_configuration.",
    url=f"{_AUTO_SCALING}#autoscaling-9",
    frameworks={"FSBP": ("AutoScaling.9",), "Checkov": ("CKV_AWS_315",)},
)
def auto_scaling_launch_template(resource: Resource) -> Verdict:
    if any(resource.get(path) is not None for path in ("launchTemplate", "mixedInstancesPolicy.launchTemplate")):
        return Pass()
    # Its name may be unknown: then it comes from another resource.
    if read(resource, "launchConfiguration") is not None:
        return Fail("starts from a launch configuration", "launchConfiguration")
    return Fail("has no launch template", "launchTemplate")


@stack_control(
    id="auto-scaling-several-zones",
    title="Auto Scaling groups span several Availability Zones",
    severity=Severity.MEDIUM,
    types=(_GROUP,),
    why="When its only zone fails, the group cannot launch new instances.",
    remediation="Set vpc_zone_identifiers to subnets in several Availability Zones.",
    url=f"{_AUTO_SCALING}#autoscaling-2",
    frameworks={"FSBP": ("AutoScaling.2",)},
    config={
        "minimumZones": {
            "type": "integer",
            "minimum": 2,
            "maximum": 6,
            "default": 2,
            "description": "Minimum number of Availability Zones that a group spans.",
        }
    },
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
        # Where the subnets are in this stack, their zones count; several subnets may share a zone.
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
    why="Otherwise an instance that runs but no longer responds is never replaced.",
    remediation='Set health_check_type to "ELB".',
    url=f"{_AUTO_SCALING}#autoscaling-1",
    frameworks={"FSBP": ("AutoScaling.1",), "Checkov": ("CKV2_AWS_15",)},
)
def auto_scaling_load_balancer_health(resource: Resource, stack: Stack) -> Verdict:
    attached = any(has_value(resource, path, computed=True) for path in ("targetGroupArns", "loadBalancers", "trafficSources"))
    if not attached and not any(stack.referrers(resource, kind, "autoscalingGroupName") for kind in _ATTACHMENTS):
        return NotApplicable("is not behind a load balancer")
    kind = resource.get("healthCheckType") if has_value(resource, "healthCheckType", computed=True) else "EC2"
    return Pass() if "ELB" in kind.split(",") else Fail(f"uses only the {kind} health check", "healthCheckType")
