"""LoadBalancer: the arguments that are refused, and what the messages say."""

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.network.load_balancer import LoadBalancer, LoadBalancerArgs

from tests.harness import record

BASE: LoadBalancerArgs = {
    "vpc_id": "vpc-1",
    "subnet_ids_by_zone": {"eu-west-1b": "subnet-b", "eu-west-1a": "subnet-a"},
    "security_group_ids": ["sg-1"],
    "target_port": 8080,
    "certificate_arn": "arn:aws:acm:eu-west-1:123456789012:certificate/mine",
}


def refused(args, name: str = "web") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: LoadBalancer(name, args))
    return caught.value.problems


BARE = {key: value for key, value in BASE.items() if key != "certificate_arn"}


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            BARE,
            [
                (
                    "certificate_arn",
                    "is missing, and so are domain_name and hosted_zone_id, which make a certificate. Give one or the other.",
                )
            ],
        ),
        (
            {**BASE, "domain_name": "www.example.org", "hosted_zone_id": "Z1"},
            [("certificate_arn", "excludes domain_name and hosted_zone_id, which make a certificate. Leave out one or the other.")],
        ),
        (
            {**BASE, "hosted_zone_id": "Z1"},
            [("certificate_arn", "excludes hosted_zone_id, which make a certificate. Leave out one or the other.")],
        ),
        (
            {**BARE, "domain_name": "www.example.org"},
            [("hosted_zone_id", "is missing; domain_name needs it to make a certificate. Give both, or certificate_arn alone.")],
        ),
        (
            {**BARE, "hosted_zone_id": "Z1"},
            [("domain_name", "is missing; hosted_zone_id needs it to make a certificate. Give both, or certificate_arn alone.")],
        ),
        (
            {**BASE, "subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}},
            [("subnet_ids_by_zone", "has eu-west-1a; a load balancer stands in two zones at least. Give a subnet in another.")],
        ),
        (
            {**BASE, "subnet_ids_by_zone": {}},
            [("subnet_ids_by_zone", "has no zone; a load balancer stands in two zones at least. Give a subnet in another.")],
        ),
        (
            {**BASE, "health_check_interval_seconds": 5},
            [
                (
                    "health_check_timeout_seconds",
                    "is 5; it must be below health_check_interval_seconds, 5. Lower it, or check less often.",
                )
            ],
        ),
        ({**BASE, "slow_start_seconds": 29}, [("slow_start_seconds", "is 29; 30 to 900, or 0 for none. Give at least 30.")]),
        (
            {**BASE, "slow_start_seconds": 30, "routing_algorithm": "least_outstanding_requests"},
            [("slow_start_seconds", "excludes the routing_algorithm least_outstanding_requests. Leave out one of the two.")],
        ),
        (
            {**BASE, "access_log_bucket_name": "logs", "log_retention_days": 30, "force_destroy": True},
            [
                (
                    key,
                    "excludes access_log_bucket_name: it is about a log bucket of the balancer's own. Leave out one of the two.",
                )
                for key in ("log_retention_days", "force_destroy")
            ],
        ),
    ],
)
def test_refused(args, problems):
    assert refused(args) == problems


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tls_policy", "ELBSecurityPolicy-2016-08"),
        ("tls_policy", "ELBSecurityPolicy-TLS13-1-0-2021-06"),
        ("security_group_ids", []),
        ("security_group_ids", ["sg"] * 6),
        ("target_port", 0),
        ("target_type", "lambda"),
        ("target_protocol", "TCP"),
        ("protocol_version", "HTTP3"),
        ("health_check_path", "health"),
        ("desync_mitigation_mode", "monitor"),
        ("ip_address_type", "ipv6"),
        ("idle_timeout_seconds", 4001),
        ("log_prefix", "web/"),
    ],
)
def test_values_are_checked(key, value):
    assert [path for path, _ in refused({**BASE, key: value})] == [key]


@pytest.mark.parametrize("name", ["my_web", "internal-web", "-web"])
def test_the_name_fits_a_load_balancer(name):
    assert refused(BASE, name=name) == [
        (
            "name",
            f"is {name!r}; names of load balancers have letters, digits and dashes and do not begin with internal-. "
            "Give the component such a name.",
        )
    ]


def test_the_name_leaves_room_for_the_children():
    record(lambda: LoadBalancer("n" * 21, BASE))
    [(path, reason)] = refused(BASE, name="n" * 22)
    assert path == "name"
    assert reason.endswith("Give the component a name of at most 21 characters.")
