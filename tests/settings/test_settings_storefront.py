"""Problems of the section storefront, with their exact texts and commands."""

import pytest

from tests.settings.configurations import ABSENT, VALID, broken, good, obey, problems
from tests.settings.expectations import TEXT, check_one, put, rm, shown, told

CERTIFICATE = VALID["storefront"]["certificate_arn"]
ABROAD = CERTIFICATE.replace("eu-west-1", "us-east-1")
CERTIFICATE_RULE = "certificate_arn, or domain_name and hosted_zone_id, with which a certificate is created; not both"


ONE = [
    ("storefront.certificate_arn", ABSENT, "HTTPS needs a certificate", CERTIFICATE_RULE, put("storefront.certificate_arn", CERTIFICATE)),
    (
        "storefront.certificate_arn",
        ABROAD,
        "the certificate is in us-east-1, and a load balancer needs one in its own region",
        "the ARN of an ACM certificate in eu-west-1",
        put("storefront.certificate_arn", CERTIFICATE),
    ),
    (
        "storefront.certificate_arn",
        "shop",
        "not the ARN of a certificate",
        "the ARN of an ACM certificate in eu-west-1",
        put("storefront.certificate_arn", CERTIFICATE),
    ),
    (
        "storefront.domain_name",
        "shop.example.com",
        "domain_name would make a second certificate",
        CERTIFICATE_RULE,
        rm("storefront.domain_name"),
    ),
    ("storefront.app_port", "x", TEXT, "an unprivileged port, 1024 to 65535", put("storefront.app_port", 8080)),
    ("storefront.app_port", 80, None, "an unprivileged port, 1024 to 65535", put("storefront.app_port", 8080)),
    ("storefront.health_check_path", "healthz", None, "a path that begins with a slash", put("storefront.health_check_path", "/healthz")),
    (
        "storefront.instance_types",
        [],
        None,
        "at least one EC2 instance type, all of one CPU architecture, each once",
        put("storefront.instance_types[0]", "t4g.small"),
    ),
    (
        "storefront.instance_types[1]",
        "t4g.small",
        "t4g.small is listed twice",
        "at least one EC2 instance type, all of one CPU architecture, each once",
        rm("storefront.instance_types[1]"),
    ),
    (
        "storefront.instance_types[1]",
        "t3.small",
        "t3.small is x86_64, and the preferred t4g.small is arm64: one image cannot run on both",
        "types of one CPU architecture (Graviton: arm64, others: x86_64)",
        rm("storefront.instance_types[1]"),
    ),
    ("storefront.min_size", 7, "more than max_size, which is 6", "servers, at least 1 and at most max_size", put("storefront.max_size", 7)),
    ("storefront.min_size", 0, None, "servers, at least 1 and at most max_size", put("storefront.min_size", 2)),
    (
        "storefront.min_size",
        2.5,
        "a number where another type of value is expected",
        "servers, at least 1 and at most max_size",
        put("storefront.min_size", 2),
    ),
    (
        "storefront.max_size",
        None,
        "empty where another type of value is expected",
        "servers, at least min_size and at most 1000",
        put("storefront.max_size", 6),
    ),
    ("storefront.spot_percentage", 101, None, "per cent, 0 to 100", put("storefront.spot_percentage", 0)),
    (
        "storefront.image_parameter",
        "/images/x86_64",
        "an image for x86_64, and t4g.small is arm64",
        "an image of the instance types' CPU architecture",
        put("storefront.image_parameter", "/images/arm64"),
    ),
    (
        "storefront.image_parameter",
        5,
        "a number where another type of value is expected: write it in quotes",
        "the name of an SSM parameter that holds an image id",
        put("storefront.image_parameter", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"),
    ),
    (
        "storefront.waf.rate_limit",
        9,
        None,
        "requests per address in five minutes, 10 to 2000000000",
        put("storefront.waf.rate_limit", 2000),
    ),
    (
        "storefront.waf.blocked_cidrs",
        ["192.0.2.0/24", "::/0"],
        "::/0 is the whole internet",
        "networks, none of them /0, each once",
        rm("storefront.waf.blocked_cidrs[1]"),
    ),
    (
        "storefront.waf.allowed_cidrs[0]",
        "192.0.2.7",
        "has no prefix length",
        "an IPv4 or IPv6 network in CIDR notation",
        put("storefront.waf.allowed_cidrs[0]", "192.0.2.7/32"),
    ),
]


@pytest.mark.parametrize(("path", "value", "because", "allowed", "fix"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_storefront_value_is_one_problem_and_its_command_fixes_it(path, value, because, allowed, fix):
    check_one(
        path, value, because, allowed, fix, ("storefront.instance_types", ["t4g.small", "t4g.small"]) if value == "t4g.small" else None
    )


def test_a_certificate_to_be_made_needs_both_name_and_zone():
    only_name = broken({"storefront.certificate_arn": ABSENT, "storefront.domain_name": "shop.example.com"})
    assert told(only_name) == [
        (
            "storefront.hosted_zone_id",
            "nothing",
            "domain_name creates a certificate only together with it",
            (put("storefront.hosted_zone_id", "Z0123456789ABCDEFGHIJ"),),
        )
    ]
    only_zone = broken({"storefront.certificate_arn": ABSENT, "storefront.hosted_zone_id": "Z123"})
    assert [key for key, *_ in told(only_zone)] == ["storefront.domain_name"]
    both = broken({"storefront.domain_name": "shop.example.com", "storefront.hosted_zone_id": "Z123"})
    assert told(both) == [
        (
            "storefront.domain_name",
            '"shop.example.com"',
            "domain_name and hosted_zone_id would make a second certificate",
            (rm("storefront.domain_name"), rm("storefront.hosted_zone_id")),
        )
    ]


@pytest.mark.parametrize(("name", "value"), [("domain_name", "Shop.example.com"), ("domain_name", "shop"), ("hosted_zone_id", "shop")])
def test_names_and_zones_have_their_form(name, value):
    pair = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    changes = {f"storefront.{key}": other for key, other in {**pair, name: value}.items()}
    sections = broken({"storefront.certificate_arn": ABSENT, **changes})
    assert told(sections) == [(f"storefront.{name}", f'"{value}"', None, (put(f"storefront.{name}", pair[name]),))]


def test_a_network_in_both_waf_lists_is_told():
    sections = broken({"storefront.waf": {"blocked_cidrs": ["192.0.2.0/24"], "allowed_cidrs": ["192.0.2.0/24"]}})
    assert told(sections) == [
        ("storefront.waf.blocked_cidrs[0]", '"192.0.2.0/24"', "it is also in allowed_cidrs", (rm("storefront.waf.blocked_cidrs[0]"),))
    ]


def test_a_firewall_exception_is_handed_on():
    exception = {"rule": "common/SizeRestrictions_BODY", "reason": "customers upload pictures"}
    waf = good(broken({"storefront.waf": {"exceptions": [exception]}})).storefront.waf
    assert waf.as_args()["exceptions"] == [exception]


@pytest.mark.parametrize(("rule", "reason"), [("common", "why"), ("mine/rule", "why"), ("common/NoUserAgent_HEADER", "")])
def test_a_firewall_exception_names_one_rule_of_a_group_and_a_reason(rule, reason):
    wrong = "rule" if reason else "reason"
    faults = problems(broken({"storefront.waf": {"exceptions": [{"rule": rule, "reason": reason}]}}))
    assert [problem.key for problem in faults] == [f"cloudpatterns:storefront.waf.exceptions[0].{wrong}"]


@pytest.mark.parametrize(
    ("arn", "because"),
    [
        ("arn:aws:sns:us-east-1:123456789012:alarms", "the topic is in us-east-1, and an alarm can notify only topics in its own region"),
        ("alarms", "not the ARN of a topic"),
    ],
)
def test_alarms_tell_topics_of_the_stack_s_region(arn, because):
    sections = broken({"storefront.alarm_topic_arns": [arn]})
    (problem,) = problems(sections)
    assert (problem.key, problem.given, problem.because) == ("cloudpatterns:storefront.alarm_topic_arns[0]", shown(arn), because)
    assert problem.allowed == "the ARN of an SNS topic in eu-west-1"
    assert problem.fix == (put("storefront.alarm_topic_arns[0]", "arn:aws:sns:eu-west-1:123456789012:alarms"),)
    obey(problem.fix, sections)
    assert good(sections).storefront.balancer()["alarm_topic_arns"] == ["arn:aws:sns:eu-west-1:123456789012:alarms"]
