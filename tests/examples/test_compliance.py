"""Every example is clean under all three packs in the profile `prod`, without an exemption.

It takes a second or two for each example: the real packs judge what a user deploys when they copy one.
"""

import pytest
from offline_preview import cli

from tests.program import ROOT

EXAMPLES = (
    *(
        "api_gateway",
        "circuit_breaker",
        "deep_health_check",
        "distributed_processing",
        "event_bus",
        "event_stream",
        "fan_out",
        "job_observer",
        "kafka_stream",
    ),
    *("priority_queue", "queue_worker", "queuing_chain", "retry_policy", "scheduled_task", "shuffle_sharding", "workflow"),
)
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/Pulumi.yaml"))
EXAMPLES = (
    *("api_gateway", "circuit_breaker", "deep_health_check", "event_bus", "event_stream", "fan_out", "job_observer", "kafka_stream"),
    *("priority_queue", "queue_worker", "queuing_chain", "retry_policy", "scheduled_task", "shuffle_sharding", "snapshot", "workflow"),
    *("priority_queue", "queue_worker", "queuing_chain", "retry_policy", "scheduled_task", "shuffle_sharding"),
    *("cloud_dependency_injection", "high_availability_storage", "hybrid_backup", "web_storage_archive", "workflow"),
)
PACKS = ("security", "operations", "acceptance")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_clean_in_the_profile_of_production(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    packs = [option for pack in PACKS for option in ("--policy-pack", str(ROOT / "policies" / pack))]
    code = cli.main(["--project", str(ROOT / "examples" / example), *packs, "--profile", "prod"])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert "compliant: 0 mandatory" in shown
    assert "exempt" not in shown
