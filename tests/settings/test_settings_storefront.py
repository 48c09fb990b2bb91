"""Problems of the section storefront, with their exact texts and commands."""

import pytest

from tests.settings.configurations import ABSENT, VALID, broken, good, obey, problems
from tests.settings.expectations import TEXT, check_one, put, reported, rm, shown

CERTIFICATE = VALID["storefront"]["load_balancer"]["certificate_arn"]
ABROAD = CERTIFICATE.replace("eu-west-1", "us-east-1")
CERTIFICATE_RULE = "certificate_arn, or domain_name and hosted_zone_id, for which a certificate is created; not both"


ONE = [
    (
        "storefront.servers.artifact_uri",
        "s3://releases/shop.tar.gz",
        "artifact_sha256, the checksum of the object there, is missing",
        "an object in S3, with artifact_sha256; or that alone, which `make publish` sets, for the stack's own bucket",
        rm("storefront.servers.artifact_uri"),
    ),
    (
        "storefront.servers.artifact_kms_key_arn",
        "arn:aws:kms:eu-west-1:123456789012:key/mine",
        "it is the key of the object at artifact_uri, which is not given; the stack's own bucket has a key of its own",
        "a text",
        rm("storefront.servers.artifact_kms_key_arn"),
    ),
    (
        "storefront.load_balancer.certificate_arn",
        ABSENT,
        "HTTPS needs a certificate",
        CERTIFICATE_RULE,
        put("storefront.load_balancer.certificate_arn", CERTIFICATE),
    ),
    (
        "storefront.load_balancer.certificate_arn",
        ABROAD,
        "the certificate is in us-east-1, and a load balancer needs one in its own region",
        "the ARN of an ACM certificate in eu-west-1",
        put("storefront.load_balancer.certificate_arn", CERTIFICATE),
    ),
    (
        "storefront.load_balancer.certificate_arn",
        "shop",
        "not the ARN of a certificate",
        "the ARN of an ACM certificate in eu-west-1",
        put("storefront.load_balancer.certificate_arn", CERTIFICATE),
    ),
    (
        "storefront.load_balancer.domain_name",
        "shop.example.com",
        "domain_name would create a second certificate",
        CERTIFICATE_RULE,
        rm("storefront.load_balancer.domain_name"),
    ),
    ("storefront.servers.app_port", "x", TEXT, "an unprivileged port, 1024 to 65535", put("storefront.servers.app_port", 8080)),
    ("storefront.servers.app_port", 80, None, "an unprivileged port, 1024 to 65535", put("storefront.servers.app_port", 8080)),
    (
        "storefront.load_balancer.health_check_path",
        "healthz",
        None,
        "a path that begins with a slash",
        put("storefront.load_balancer.health_check_path", "/healthz"),
    ),
    (
        "storefront.servers.instance_types",
        [],
        None,
        "at least one EC2 instance type, all of one CPU architecture, each once",
        put("storefront.servers.instance_types[0]", "t4g.small"),
    ),
    (
        "storefront.servers.instance_types[1]",
        "t4g.small",
        "t4g.small is listed twice",
        "at least one EC2 instance type, all of one CPU architecture, each once",
        rm("storefront.servers.instance_types[1]"),
    ),
    (
        "storefront.servers.instance_types[1]",
        "t3.small",
        "t3.small is x86_64, and the preferred t4g.small is arm64: one image cannot run on both",
        "types of one CPU architecture (Graviton: arm64, others: x86_64)",
        rm("storefront.servers.instance_types[1]"),
    ),
    (
        "storefront.servers.min_size",
        7,
        "more than max_size, which is 6",
        "servers, at least 1 and at most max_size",
        put("storefront.servers.max_size", 7),
    ),
    ("storefront.servers.min_size", 0, None, "servers, at least 1 and at most max_size", put("storefront.servers.min_size", 2)),
    (
        "storefront.servers.min_size",
        2.5,
        "a number where another type of value is expected",
        "servers, at least 1 and at most max_size",
        put("storefront.servers.min_size", 2),
    ),
    (
        "storefront.servers.max_size",
        None,
        "empty where another type of value is expected",
        "servers, at least min_size and at most 1000",
        put("storefront.servers.max_size", 6),
    ),
    ("storefront.servers.spot_percentage", 101, None, "percent, 0 to 100", put("storefront.servers.spot_percentage", 0)),
    (
        "storefront.servers.image_parameter",
        "/images/x86_64",
        "an image for x86_64, and t4g.small is arm64",
        "an image of the instance types' CPU architecture",
        put("storefront.servers.image_parameter", "/images/arm64"),
    ),
    (
        "storefront.servers.image_parameter",
        5,
        "a number where another type of value is expected: write it in quotes",
        "the name of an SSM parameter that holds an image id",
        put("storefront.servers.image_parameter", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"),
    ),
    (
        "storefront.firewall.rate_limit",
        9,
        None,
        "requests per address in five minutes, 10 to 2000000000",
        put("storefront.firewall.rate_limit", 2000),
    ),
    (
        "storefront.firewall.blocked_cidrs",
        ["192.0.2.0/24", "::/0"],
        "::/0 is the whole internet",
        "networks, none of them /0, each once",
        rm("storefront.firewall.blocked_cidrs[1]"),
    ),
    (
        "storefront.firewall.allowed_cidrs[0]",
        "192.0.2.7",
        "has no prefix length",
        "a network such as 203.0.113.0/24 or 2001:db8::/32",
        put("storefront.firewall.allowed_cidrs[0]", "192.0.2.7/32"),
    ),
]


@pytest.mark.parametrize(("path", "value", "because", "allowed", "fix"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_storefront_value_is_one_problem_and_its_command_fixes_it(path, value, because, allowed, fix):
    check_one(
        path,
        value,
        because,
        allowed,
        fix,
        ("storefront.servers.instance_types", ["t4g.small", "t4g.small"]) if value == "t4g.small" else None,
    )


def test_a_certificate_to_be_made_needs_both_name_and_zone():
    only_name = broken({"storefront.load_balancer.certificate_arn": ABSENT, "storefront.load_balancer.domain_name": "shop.example.com"})
    assert reported(only_name) == [
        (
            "storefront.load_balancer.hosted_zone_id",
            "nothing",
            "domain_name creates a certificate only together with it",
            (put("storefront.load_balancer.hosted_zone_id", "Z0123456789ABCDEFGHIJ"),),
        )
    ]
    only_zone = broken({"storefront.load_balancer.certificate_arn": ABSENT, "storefront.load_balancer.hosted_zone_id": "Z123"})
    assert [key for key, *_ in reported(only_zone)] == ["storefront.load_balancer.domain_name"]
    both = broken({"storefront.load_balancer.domain_name": "shop.example.com", "storefront.load_balancer.hosted_zone_id": "Z123"})
    assert reported(both) == [
        (
            "storefront.load_balancer.domain_name",
            '"shop.example.com"',
            "domain_name and hosted_zone_id would create a second certificate",
            (rm("storefront.load_balancer.domain_name"), rm("storefront.load_balancer.hosted_zone_id")),
        )
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("domain_name", "Shop.example.com"), ("domain_name", "shop"), ("hosted_zone_id", "shop")],
)
def test_names_and_zones_have_their_form(name, value):
    pair = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    changes = {f"storefront.load_balancer.{key}": other for key, other in {**pair, name: value}.items()}
    sections = broken({"storefront.load_balancer.certificate_arn": ABSENT, **changes})
    assert reported(sections) == [
        (f"storefront.load_balancer.{name}", f'"{value}"', None, (put(f"storefront.load_balancer.{name}", pair[name]),))
    ]


def test_the_domain_name_is_not_a_wildcard():
    sections = broken({"storefront.load_balancer": {"domain_name": "*.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}})
    fix = put("storefront.load_balancer.domain_name", "shop.example.com")
    assert reported(sections) == [
        ("storefront.load_balancer.domain_name", '"*.example.com"', "a wildcard, and this name is the address of the shop", (fix,))
    ]
    obey([fix], sections)
    good(sections)


def test_a_network_in_both_firewall_lists_is_reported():
    sections = broken({"storefront.firewall": {"blocked_cidrs": ["192.0.2.0/24"], "allowed_cidrs": ["192.0.2.0/24"]}})
    assert reported(sections) == [
        (
            "storefront.firewall.blocked_cidrs[0]",
            '"192.0.2.0/24"',
            "it is also in allowed_cidrs",
            (rm("storefront.firewall.blocked_cidrs[0]"),),
        )
    ]


def test_a_firewall_exception_is_handed_on():
    exception = {"rule": "common/SizeRestrictions_BODY", "reason": "customers upload pictures"}
    firewall = good(broken({"storefront.firewall": {"exceptions": [exception]}})).storefront.firewall
    assert firewall.as_args()["exceptions"] == [exception]


@pytest.mark.parametrize(("rule", "reason"), [("common", "why"), ("mine/rule", "why"), ("common/NoUserAgent_HEADER", "")])
def test_a_firewall_exception_names_one_rule_of_a_group_and_a_reason(rule, reason):
    wrong = "rule" if reason else "reason"
    faults = problems(broken({"storefront.firewall": {"exceptions": [{"rule": rule, "reason": reason}]}}))
    assert [problem.key for problem in faults] == [f"cloudpatterns:storefront.firewall.exceptions[0].{wrong}"]


@pytest.mark.parametrize(
    ("arn", "because"),
    [
        ("arn:aws:sns:us-east-1:123456789012:alarms", "the topic is in us-east-1, and an alarm can notify only topics in its own region"),
        ("alarms", "not the ARN of a topic"),
    ],
)
def test_alarms_notify_topics_of_the_stack_s_region(arn, because):
    sections = broken({"storefront.alarm_topic_arns": [arn]})
    (problem,) = problems(sections)
    assert (problem.key, problem.given, problem.because) == ("cloudpatterns:storefront.alarm_topic_arns[0]", shown(arn), because)
    assert problem.allowed == "the ARN of an SNS topic in eu-west-1"
    assert problem.fix == (put("storefront.alarm_topic_arns[0]", "arn:aws:sns:eu-west-1:123456789012:alarms"),)
    obey(problem.fix, sections)
    assert good(sections).storefront.as_args()["alarm_topic_arns"] == ["arn:aws:sns:eu-west-1:123456789012:alarms"]
