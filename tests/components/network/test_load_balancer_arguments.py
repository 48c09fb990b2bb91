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


CERTIFICATE = "exactly one of certificate_arn and domain_name with hosted_zone_id is needed;"
BARE = {key: value for key, value in BASE.items() if key != "certificate_arn"}


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            BARE,
            [("certificate_arn", f"{CERTIFICATE} none is given. Give one.")],
        ),
        (
            {**BASE, "domain_name": "www.example.org", "hosted_zone_id": "Z123"},
            [("certificate_arn", f"{CERTIFICATE} both are given. Remove one.")],
        ),
        (
            {**BARE, "domain_name": f"{'a' * 53}.example.org", "hosted_zone_id": "Z123"},
            [("domain_name", "has 65 characters; a new certificate's has 64 at most. Shorten it.")],
        ),
        (
            {**BASE, "alternate_target_group": True, "stickiness": {}},
            [
                ("target_type", "is instance; alternate_target_group is for the containers of ECS, which need ip. Set it."),
                (
                    "alternate_target_group",
                    "excludes stickiness: a client's cookie would keep it with the containers that are replaced; both are given. "
                    "Remove one of them.",
                ),
            ],
        ),
        (
            {**BASE, "hosted_zone_id": "Z123"},
            [("certificate_arn", f"{CERTIFICATE} both are given. Remove one.")],
        ),
        (
            {**BARE, "domain_name": "www.example.org"},
            [("hosted_zone_id", "is missing; domain_name needs it. Give it, or remove domain_name.")],
        ),
        (
            {**BARE, "hosted_zone_id": "Z123"},
            [("domain_name", "is missing; hosted_zone_id needs it. Give it, or remove hosted_zone_id.")],
        ),
        (
            {**BASE, "subnet_ids_by_zone": {"eu-west-1a": "subnet-a"}},
            [("subnet_ids_by_zone", "has 1 entry; at least 2 are needed")],
        ),
        (
            {**BASE, "subnet_ids_by_zone": {}},
            [("subnet_ids_by_zone", "has 0 entries; at least 2 are needed")],
        ),
        (
            {**BASE, "health_check_interval_seconds": 5},
            [
                (
                    "health_check_timeout_seconds",
                    "is 5; it must be less than health_check_interval_seconds, 5. Lower it, or check less often.",
                )
            ],
        ),
        (
            {**BASE, "slow_start_seconds": 29},
            [("slow_start_seconds", "is 29; 30 to 900 is allowed, or 0 for no slow start. Give at least 30.")],
        ),
        (
            {**BASE, "slow_start_seconds": 30, "routing_algorithm": "least_outstanding_requests"},
            [
                (
                    "slow_start_seconds",
                    "excludes routing_algorithm: AWS has a slow start with round_robin only; both are given. Remove one of them.",
                )
            ],
        ),
        (
            {**BASE, "access_log_bucket_name": "logs", "log_retention_days": 30, "force_destroy": True},
            [
                (
                    "access_log_bucket_name",
                    f"excludes {key}: it is for a bucket that is created; both are given. Remove one of them.",
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
        ("alarm_5xx_percent", 0),
        ("alarm_5xx_percent", 51),
        ("alarm_unhealthy_minutes", 61),
        ("alarm_topic_arns", ["arn:aws:sns:eu-west-1:123456789012:alarms"] * 6),
    ],
)
def test_values_are_checked(key, value):
    assert [path for path, _ in refused({**BASE, key: value})] == [key]


@pytest.mark.parametrize("name", ["my_web", "internal-web", "-web"])
def test_the_name_fits_a_load_balancer(name):
    assert refused(BASE, name=name) == [
        (
            "name",
            f"is {name!r}; names of load balancers have letters, digits and hyphens and do not begin with a hyphen or internal-. "
            "Give the component such a name.",
        )
    ]


def test_the_name_leaves_room_for_the_children():
    record(lambda: LoadBalancer("n" * 21, BASE))
    assert refused(BASE, name="n" * 22) == [
        (
            "name",
            f"has 22 characters; the child {'n' * 22}-{child} would pass the 32 characters that AWS allows. "
            "Give the component a name of at most 21 characters.",
        )
        for child in ("lb", "tg")
    ]
