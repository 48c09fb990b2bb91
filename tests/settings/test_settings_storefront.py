"""Problems of the section storefront, with their exact texts and commands."""

import hashlib
import re

import pytest

from tests.settings.configurations import ABSENT, VALID, broken, good, obey, problems
from tests.settings.expectations import TEXT, check_one, put, put_text, reported, rm, shown

CERTIFICATE = VALID["storefront"]["load_balancer"]["certificate_arn"]
ABROAD = CERTIFICATE.replace("eu-west-1", "us-east-1")
DIGITS = "64 hexadecimal digits in lower case, of an artifact that `make publish` uploaded"
PUBLISH = "make publish STACK=dev ARTIFACT=..."
QUEUE = {"actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:orders"]}
ACTIONS = "a list of actions as service:Action, at least one; a part may be a wildcard (s3:Get*), every action of a service may not"
CERTIFICATE_RULE = "certificate_arn, or domain_name and hosted_zone_id, for which a certificate is created; not both"


ONE = [
    (
        "storefront.servers.artifact_sha256",
        "0F" * 32,
        "in capital letters",
        DIGITS,
        put("storefront.servers.artifact_sha256", "0f" * 32),
    ),
    (
        "storefront.servers.spot_percentage",
        101,
        None,
        "percent, 0 to 100",
        put("storefront.servers.spot_percentage", 0),
    ),
    (
        "storefront.servers.artifact_kms_key_arn",
        "arn:aws:kms:eu-west-1:123456789012:key/mine",
        "it is the key of the object at artifact_uri, which is not given; the stack's own bucket has a key of its own",
        "the ARN of a key, not its id or alias, such as arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
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


# --- the version of the application ---


@pytest.mark.parametrize("version", ["abc123", "", "0F", 17])
def test_a_wrong_version_is_published_not_removed(version):
    """Without the setting, a page replaces the application."""
    (problem,) = problems(broken({"storefront.servers.artifact_sha256": version}))
    assert (problem.key, problem.allowed) == ("cloudpatterns:storefront.servers.artifact_sha256", DIGITS)
    assert problem.fix == (PUBLISH,)


def test_a_misspelt_version_is_renamed_or_published():
    right, wrong = "storefront.servers.artifact_sha256", "storefront.servers.artifact_sha265"
    sections = broken({wrong: "0f" * 32})
    (problem,) = problems(sections)
    assert (problem.because, problem.fix) == ("unknown key; did you mean artifact_sha256?", (put(right, "0f" * 32), rm(wrong)))
    obey(problem.fix, sections)
    assert good(sections).storefront.servers.artifact_sha256 == "0f" * 32
    (problem,) = problems(broken({wrong: "abc123"}))
    assert problem.fix == (PUBLISH, rm(wrong))


def test_an_artifact_without_its_checksum_gets_it():
    (problem,) = problems(broken({"storefront.servers.artifact_uri": "s3://releases/shop.tar.gz"}))
    assert problem.because == "artifact_sha256, the checksum of the object there, is missing"
    assert problem.allowed == "an object in S3, with artifact_sha256; or that alone, which `make publish` sets, for the stack's own bucket"
    setting = put("storefront.servers.artifact_sha256", '"$(sha256sum artifact.tar.gz | cut -c 1-64)"')
    assert problem.fix == (f"aws s3 cp s3://releases/shop.tar.gz artifact.tar.gz && {setting}",)


# --- what the components refuse ---

REFUSED = [
    ("environment", {"db_host": "x"}, "environment.db_host", "is not the name of a variable", {"environment": {"DB_HOST": "x"}}),
    ("environment", {"PORT": "1"}, "environment.PORT", "is set by the boot script", {"environment": {}}),
    ("environment", {"DATABASE_HOST": "db"}, "environment.DATABASE_HOST", "is set by the storefront", {"environment": {}}),
    ("environment", {"MOTTO": "a\nb"}, "environment.MOTTO", "has a line break", {"environment": {"MOTTO": "a b"}}),
    ("environment", {"DB_PASSWORD": "hunter2"}, "environment.DB_PASSWORD", "is named like a secret", {"environment": {}}),
    ("environment", {"db_password": "hunter2"}, "environment.db_password", "is not the name of a variable", {"environment": {}}),
    ("environment", {"PAYMENTS": "sk_live_hunter2"}, "environment.PAYMENTS", "has a value that looks like a secret", {"environment": {}}),
    ("database_user", "root", "database_user", "is 'root'; the name is reserved by mysql", {"database_user": "app"}),
    ("database_user", "dbadmin", "database_user", "is 'dbadmin', the master user", {"database_user": "app"}),
    (
        "statements",
        [{**QUEUE, "actions": ["sqs:SendMessage", "*"]}],
        "statements[0].actions",
        "has * in statement 0; every action is not least privilege",
        {"statements": [{**QUEUE, "actions": ["sqs:SendMessage", "s3:GetObject"]}]},
    ),
    (
        "statements",
        [{**QUEUE, "actions": ["s3:*"]}],
        "statements[0].actions",
        "has s3:* in statement 0",
        {"statements": [{**QUEUE, "actions": ["s3:GetObject"]}]},
    ),
    (
        "statements",
        [{**QUEUE, "resources": ["arn:aws:sqs:eu-west-1:123456789012:a", "*"]}],
        "statements[0].resources",
        "is '*' with sqs:SendMessage in statement 0",
        {"statements": [{**QUEUE, "resources": ["arn:aws:sqs:eu-west-1:123456789012:a", "arn:aws:s3:::example-bucket/*"]}]},
    ),
    (
        "statements",
        [{"sid": "Logs", **QUEUE}],
        "statements[0].sid",
        "is 'Logs', which is a statement of the storefront",
        {"statements": [{"sid": "Logs1", **QUEUE}]},
    ),
]


@pytest.mark.parametrize(("name", "value", "key", "because", "fixed"), REFUSED, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize(
    "others", [{}, {"cache.replicas": 9, "database.multi_az": "x", "storefront.servers.app_port": 1}], ids=["alone", "with others"]
)
def test_what_a_component_refuses_is_a_problem_of_the_setting_beside_all_others(name, value, key, because, fixed, others):
    sections = broken({f"storefront.servers.{name}": value, **others})
    found = problems(sections)
    (problem,) = [problem for problem in found if problem.key == f"cloudpatterns:storefront.servers.{key}"]
    assert len(found) == 1 + len(others)
    assert problem.because.startswith(because)
    assert problem.given != "nothing"
    assert "hunter2" not in str(problem)
    obey([command for one in found for command in one.fix], sections)
    good(sections)
    assert {other: sections["storefront"]["servers"][other] for other in fixed} == fixed


def test_the_master_user_of_the_settings_is_the_one_that_the_application_may_not_be():
    sections = broken({"database.master_username": "app"})
    (problem,) = problems(sections)
    assert (problem.key, problem.given) == ("cloudpatterns:storefront.servers.database_user", '"app", the default')
    obey(problem.fix, sections)
    assert good(sections).storefront.servers.database_user == "shop"
    sections = broken({"database.master_username": "app", "database.multi_az": "x"})
    assert [key for key, *_ in reported(sections)] == ["storefront.servers.database_user", "database.multi_az"]
    # The engine's own rules, also where another setting of the database is wrong.
    sections = broken({"database.engine": "postgres", "database.multi_az": "x", "storefront.servers.database_user": "pg_app"})
    assert "storefront.servers.database_user" in [key for key, *_ in reported(sections)]


def test_a_database_user_in_capital_letters_is_told_what_is_allowed():
    (problem,) = problems(broken({"storefront.servers.database_user": "MyApp"}))
    assert problem.allowed == (
        "1 to 32 lower-case letters, digits and _, a letter first; not the master user, and no name that the engine reserves"
    )


def test_variables_without_room_in_user_data_are_counted():
    sections = broken({"storefront.servers.environment": {"SMALL": "x", "LARGE": hashlib.shake_256(b"x").hexdigest(9_000)}})
    (problem,) = problems(sections)
    assert problem.key == "cloudpatterns:storefront.servers.environment"
    assert re.match(r"takes 11,\d{3} bytes of user data, compressed; \d,\d{3} are left", problem.because)
    obey(problem.fix, sections)
    assert good(sections).storefront.servers.environment == {"SMALL": "x"}


def test_what_only_a_component_knows_of_other_sections_is_a_problem_of_theirs():
    sections = broken({"storefront.servers.instance_types": ["t4g.small"], "storefront.servers.spot_percentage": 50})
    (problem,) = problems(sections)
    assert problem.key == "cloudpatterns:storefront.servers.instance_types"
    obey(problem.fix, sections)
    assert good(sections).storefront.servers.spot_percentage == 0
    timeout = broken({"storefront.load_balancer.health_check_timeout_seconds": 120})
    (problem,) = problems(timeout)
    assert problem.key == "cloudpatterns:storefront.load_balancer.health_check_timeout_seconds"
    obey(problem.fix, timeout)
    good(timeout)


def test_one_alarm_topic_too_many_is_removed():
    topics = [f"arn:aws:sns:eu-west-1:123456789012:alarms-{number}" for number in range(5)]
    sections = broken({"storefront.alarm_topic_arns": topics})
    (problem,) = problems(sections)
    assert problem.because.startswith("has 5 entries")
    assert problem.fix == (rm("storefront.alarm_topic_arns[4]"),)
    obey(problem.fix, sections)
    good(sections)


# --- lists ---


def test_a_statement_without_its_actions_gets_an_example():
    sections = broken({"storefront.servers.statements": [{"resources": QUEUE["resources"]}]})
    (problem,) = problems(sections)
    assert (problem.because, problem.allowed) == ("is missing", ACTIONS)
    assert problem.fix == (put("storefront.servers.statements[0].actions[0]", "s3:GetObject"),)
    obey(problem.fix, sections)
    good(sections)


def test_a_single_entry_becomes_the_list_of_it():
    sections = broken({"storefront.servers.statements": [{**QUEUE, "actions": "sqs:ReceiveMessage"}]})
    (problem,) = problems(sections)
    assert (problem.because, problem.allowed) == ("text where a list is expected", ACTIONS)
    key = "storefront.servers.statements[0].actions"
    assert problem.fix == (rm(key), put(f"{key}[0]", "sqs:ReceiveMessage"))
    obey(problem.fix, sections)
    assert good(sections).storefront.servers.statements[0].actions == ("sqs:ReceiveMessage",)


def test_managed_policies_are_handed_on():
    policies = {"archive": "arn:aws:iam::123456789012:policy/archive"}
    assert (
        good(broken({"storefront.servers.managed_policy_arns": policies})).storefront.servers.as_args()["managed_policy_arns"] == policies
    )


def test_a_wrong_entry_does_not_hide_what_is_wrong_with_others():
    statements = [{"actions": []}, {**QUEUE, "actions": ["sqs:*"]}, "x"]
    environment = {"WORKERS": 4, "DEBUG": True, "DB_PASSWORD": "hunter2"}
    sections = broken({"storefront.servers.statements": statements, "storefront.servers.environment": environment})
    found = reported(sections)
    assert sorted(key.removeprefix("storefront.servers.") for key, *_ in found) == [
        "environment.DB_PASSWORD",
        "environment.DEBUG",
        "environment.WORKERS",
        "statements[0].actions",
        "statements[0].resources",
        "statements[1].actions",
        "statements[2]",
    ]
    fixes = {key: fix for key, _, _, fix in found}
    assert fixes["storefront.servers.environment.WORKERS"] == (put_text("storefront.servers.environment.WORKERS", 4),)
    assert fixes["storefront.servers.environment.DEBUG"] == (put_text("storefront.servers.environment.DEBUG", "true"),)
