"""FSx file systems: throughput that their deployment types have."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from cloudpatterns_policies.core import Fail, Resource, Severity, Verdict, control


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
