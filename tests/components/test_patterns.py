"""The patterns of the five source documents, by the subpackage that implements them: none is forgotten, and none is there by name alone."""

import inspect
import re
from pathlib import Path

import pytest

from tests.components.test_package import components

ROOT = Path(__file__).resolve().parents[2]
PATTERNS = {
    "network": "Network OnDemandNat ManagementNetwork FunctionalFirewall OperationalFirewall WebApplicationFirewall LoadBalancer"
    " MultiLoadBalancer FloatingIp ServiceDiscovery ZeroTrustNetwork ServiceMesh ApiGateway",
    "compute": "Stamp ScaleUp ScaleOut MultiServer MultiDatacenter CloneServer Bootstrap CloudDependencyInjection ContainerService"
    " DistributedProcessing AutoRecovery",
    "storage": "Snapshot OnDemandDisk HighAvailabilityStorage DurableBucket NfsSharing WebStorageArchive HybridBackup",
    "delivery": "DirectStorageHosting PrivateDataDelivery ContentDeliveryNetwork RenameDistribution UrlRewriting CacheProxy"
    " WeightedTransition DnsFailover LatencyRouting",
    "uploads": "WriteProxy DirectObjectUpload StorageIndex",
    "database": "RelationalDatabase ReadReplica InMemoryCache StateSharing ShardingWrite DatabasePerService Cqrs GlobalTable DataWarehouse"
    " SearchIndex",
    "messaging": "QueueWorker QueuingChain PriorityQueue JobObserver FanOut EventBus EventStream KafkaStream ScheduledTask Workflow",
    "resilience": "CircuitBreaker RetryPolicy DeepHealthCheck ShuffleSharding",
    "security": "SecretsVault UserDirectory WorkloadRole AuditTrail GoldenEnvironment",
    "operations": "MonitoringIntegration StackDeployment CostGuard DeliveryPipeline BuildAgents OfficeHours TemporaryEnvironment",
    "systems": "Storefront SecureFileSharing EventNotification LegacyBackup OrderProcessing MediaProcessing GlobalService",
}
"""All of them, 86, in the order of the catalogue."""
FIELDS = ("*Use when*", "*Not when*", "*Cost drivers*", "*Trade-offs*", "*Proven by*")
# What no document names, and several patterns use.
BESIDE = {"RegionalCertificates"}


def folder(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")


def shown() -> set[str]:
    """The components of the program's stacks, of the project that gives CI its roles, and of the examples."""
    golden = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests" / "golden").rglob("*.json"))
    identities = (ROOT / "bootstrap" / "__main__.py").read_text(encoding="utf-8")
    return {*re.findall(r"cloudpatterns:index:(\w+)", golden), *re.findall(r"import (DeliveryPipeline)\n", identities)}


def classes() -> dict[str, type]:
    return {one.__name__: one for one in components()}


@pytest.mark.parametrize("room", PATTERNS)
def test_every_pattern_has_component_tests_example_and_catalogue_fields(room: str) -> None:
    for name in sorted(PATTERNS[room].split()):
        component = classes()[name]
        assert component.__module__.split(".")[1] == room
        documentation = inspect.getdoc(component) or ""
        assert [field for field in FIELDS if field not in documentation] == [], name
        test = ROOT / "tests" / "components" / room / f"test_{folder(name)}.py"
        assert "\ndef test_" in test.read_text(encoding="utf-8"), test
        assert name in shown(), f"no stack and no example shows {name}"


def test_each_of_the_86_is_there_and_no_other() -> None:
    names = [name for names in PATTERNS.values() for name in names.split()]
    assert len(names) == len(set(names)) == 86
    assert classes().keys() == {*names, *BESIDE}
