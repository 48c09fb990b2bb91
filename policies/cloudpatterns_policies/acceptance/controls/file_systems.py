"""EFS mount targets, and the throughput of FSx file systems."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from cloudpatterns_policies.acceptance.relations import given, target
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control

_TARGET: Final = "aws:efs/mountTarget:MountTarget"
_FILE_SYSTEM: Final = "aws:efs/fileSystem:FileSystem"
_SUBNETS: Final = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")


class _Throughput(NamedTuple):
    """A property of throughput, and its values for some deployment types and, where it matters, storage type."""

    property: str
    deployments: tuple[str, ...]
    values: tuple[int, ...]
    storage: str = ""


_LUSTRE: Final = "aws:fsx/lustreFileSystem:LustreFileSystem"
_THROUGHPUT: Final = {
    _LUSTRE: (
        _Throughput("perUnitStorageThroughput", ("PERSISTENT_1",), (50, 100, 200), "SSD"),
        _Throughput("perUnitStorageThroughput", ("PERSISTENT_1",), (12, 40), "HDD"),
        _Throughput("perUnitStorageThroughput", ("PERSISTENT_2",), (125, 250, 500, 1000), "SSD"),
    ),
    "aws:fsx/openZfsFileSystem:OpenZfsFileSystem": (
        _Throughput("throughputCapacity", ("SINGLE_AZ_1",), (64, 128, 256, 512, 1024, 2048, 3072, 4096)),
        _Throughput("throughputCapacity", ("SINGLE_AZ_2", "MULTI_AZ_1"), (160, 320, 640, 1280, 2560, 3840, 5120, 7680, 10240)),
    ),
    "aws:fsx/ontapFileSystem:OntapFileSystem": (
        _Throughput("throughputCapacityPerHaPair", ("SINGLE_AZ_1", "MULTI_AZ_1"), (128, 256, 512, 1024, 2048, 4096)),
        _Throughput("throughputCapacityPerHaPair", ("MULTI_AZ_2",), (384, 768, 1536, 3072, 6144)),
    ),
}
"""What FSx takes, by its API: https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html"""


@stack_control(
    id="efs-mount-target-zone",
    title="A file system has one mount target in a zone, and a One Zone file system one in its own",
    severity=Severity.HIGH,
    types=(_TARGET,),
    why="EFS refuses a second mount target in a zone, and one outside the zone of a One Zone file system.",
    remediation="Keep one mount target for each Availability Zone of the file system.",
    url="https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html",
    pack="acceptance",
)
def efs_mount_target_zone(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    system, zone = target(stack, resource, "fileSystemId", _FILE_SYSTEM), _zone(resource, stack)
    if system is None or not isinstance(zone, str):
        return
    own = given(system, "availabilityZoneName")
    if isinstance(own, str) and own != zone:
        yield Fail(f"is in {zone}, while file system {system.name} is in {own} alone", "subnetId")
    for other in stack.referrers(system, _TARGET, "fileSystemId"):
        if other.urn < resource.urn and _zone(other, stack) == zone:
            yield Fail(f"is in {zone}, as {other.name} of the same file system is", "subnetId")


@control(
    id="fsx-throughput",
    title="The throughput of a file system is one that its deployment type has",
    severity=Severity.HIGH,
    types=tuple(_THROUGHPUT),
    why="FSx refuses other values.",
    remediation="Use one of the values that the finding names.",
    url="https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystem.html",
    pack="acceptance",
)
def fsx_throughput(resource: Resource) -> Iterator[Verdict]:
    for row in _THROUGHPUT[resource.type]:
        value = resource.get(row.property)
        if value is None or resource.get("deploymentType") not in row.deployments:
            continue
        if row.storage and resource.get("storageType", "SSD") != row.storage:
            continue
        if value not in row.values:
            allowed = ", ".join(map(str, row.values))
            yield Fail(f"has {value:g}; {resource.get('deploymentType')} takes {allowed}", row.property)


def _zone(mount: Resource, stack: Stack) -> Any:
    subnet = target(stack, mount, "subnetId", *_SUBNETS)
    return None if subnet is None else given(subnet, "availabilityZone")
