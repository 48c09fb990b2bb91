"""Each problem of the settings, with its exact key, value, allowed values and mending commands."""

import json

import pulumi
import pytest

from settings import SettingsError, parse
from settings.fields import LOG_RETENTION_DAYS
from tests.settings.configurations import ABSENT, SUBNET_CIDRS, VALID, broken, config, good, obey, problems

CERTIFICATE = VALID["storefront"]["certificate_arn"]
ABROAD = CERTIFICATE.replace("eu-west-1", "us-east-1")
WINDOW = {"name": "b", "days": ["MON"], "start": "03:00", "minutes": 30}
RETENTIONS = f"days, one of {', '.join(map(str, LOG_RETENTION_DAYS))}"
NAMES = "lower-case letters, digits and hyphens, a letter first, at most 32 characters, each name once"
ZONE = "a zone of eu-west-1, eu-west-1a to eu-west-1f, each once"
CIDR_BLOCK = "an IPv4 network of /16 to /24 in CIDR notation"
SUBNET = "a network of /16 to /28 inside the VPC for each zone, none overlapping another"
CERTIFICATE_RULE = "certificate_arn, or domain_name and hosted_zone_id, with which a certificate is made; not both"
DATABASE_VERSION = "mysql: 8.4 or 8.4.<minor>; postgres: 14 to 18, or with a minor such as 17.5; in quotes"
CACHE_VERSION = "valkey: 7.2, 8.0, 8.1, 8.2, 9.0, 9.1; redis: 6.2, 7.0, 7.1; in quotes"
STORAGE = "GiB, at least 10 % more than allocated_storage_gib (better 26 %) and at most 65536; without it, no growth"
MAX_ENTRIES = "1 to 60, at least the number of entries of one address family; times the ports at most 60"
TAG_VALUE = "a text of at most 256 letters, digits, spaces and + - = . _ : / @"
REQUIRED_TAGS = "every stack has the tags Owner, CostCenter and Environment"
ENTRY = "an IPv4 network of /8 or narrower or an IPv6 network of /32 or narrower, never the internet"
NETWORK_KEYS = (
    "an object with the keys cidr_block, zones, subnet_prefixes, subnet_cidrs, dual_stack, flow_log_retention_days, "
    "interface_endpoints, nat"
)
TEXT = "a text where another kind of value belongs"
NUMBER_VERSION = "a number, of which YAML drops trailing zeros: write the version in quotes"


def put(key, value):
    return f"pulumi config set --stack dev --path 'cloudpatterns:{key}' {value}"


def put_text(key, value):
    return f"pulumi config set --stack dev --path --type string 'cloudpatterns:{key}' {value}"


def put_all(**pairs):
    return "pulumi config set-all --stack dev --path " + " ".join(
        f"--plaintext 'cloudpatterns:{key}={value}'" for key, value in pairs.items()
    )


def rm(key):
    return f"pulumi config rm --stack dev --path 'cloudpatterns:{key}'"


ONE = [
    # network: the VPC's block
    ("network.cidr_block", "10.20.0.0", "has no prefix length", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    (
        "network.cidr_block",
        "10.20.0.5/16",
        "is an address inside the network, not the network's first one",
        CIDR_BLOCK,
        put("network.cidr_block", "10.20.0.0/16"),
    ),
    (
        "network.cidr_block",
        "10.20.0.0/15",
        "the wrong size for a network of three tiers",
        CIDR_BLOCK,
        put("network.cidr_block", "10.20.0.0/16"),
    ),
    (
        "network.cidr_block",
        "10.20.0.0/25",
        "the wrong size for a network of three tiers",
        CIDR_BLOCK,
        put("network.cidr_block", "10.20.0.0/16"),
    ),
    ("network.cidr_block", 7, "not a text", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    ("network.cidr_block", "hello", "not a network in CIDR notation", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    ("network.cidr_block", "2001:db8::/32", "an IPv6 network", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    ("network.cidr_block", ABSENT, "is missing", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    # network: zones
    (
        "network.zones",
        [],
        None,
        "1 to 6 zones of eu-west-1",
        put_all(**{"network.zones[0]": "eu-west-1a", "network.zones[1]": "eu-west-1b"}),
    ),
    (
        "network.zones",
        ["eu-west-1a"],
        "one zone only, and two are needed by the load balancer, database.multi_az, cache.replicas",
        "at least two zones",
        put("network.zones[1]", "eu-west-1b"),
    ),
    (
        "network.zones",
        ["eu-west-1c"],
        "one zone only, and two are needed by the load balancer, database.multi_az, cache.replicas",
        "at least two zones",
        put("network.zones[1]", "eu-west-1a"),
    ),
    ("network.zones[1]", "eu-west-1a", "is named twice", ZONE, put("network.zones[1]", "eu-west-1b")),
    (
        "network.zones[1]",
        "eu-west-2b",
        "is not a zone of eu-west-1 (local and wavelength zones are not supported)",
        ZONE,
        put("network.zones[1]", "eu-west-1b"),
    ),
    (
        "network.zones[0]",
        "eu-west-1-lax-1a",
        "is not a zone of eu-west-1 (local and wavelength zones are not supported)",
        ZONE,
        put("network.zones[0]", "eu-west-1a"),
    ),
    (
        "network.zones",
        [f"eu-west-1{letter}" for letter in "abcdefa"],
        "7 are too many",
        "1 to 6 zones of eu-west-1",
        rm("network.zones[6]"),
    ),
    # network: the rest
    ("network.dual_stack", "maybe", TEXT, "true or false", put("network.dual_stack", "false")),
    (
        "network.dual_stack",
        True,
        "private subnets would reach the internet by IPv6 outside the windows of on_demand",
        "false with nat.strategy on_demand",
        put("network.dual_stack", "false"),
    ),
    ("network.flow_log_retention_days", 0, "0 would keep the logs for ever", RETENTIONS, put("network.flow_log_retention_days", 365)),
    (
        "network.flow_log_retention_days",
        31,
        "CloudWatch Logs has no such retention",
        RETENTIONS,
        put("network.flow_log_retention_days", 60),
    ),
    (
        "network.flow_log_retention_days",
        9999,
        "CloudWatch Logs has no such retention",
        RETENTIONS,
        put("network.flow_log_retention_days", 3653),
    ),
    (
        "network.flow_log_retention_days",
        True,
        "a yes or no where a number belongs",
        RETENTIONS,
        put("network.flow_log_retention_days", 365),
    ),
    (
        "network.interface_endpoints",
        ["ssm", "s3", "ssm"],
        "ssm is named twice",
        "short names of AWS services, each once",
        rm("network.interface_endpoints[2]"),
    ),
    (
        "network.interface_endpoints[0]",
        "SSM",
        None,
        "a service's short name such as ssm or ecr.api",
        put("network.interface_endpoints[0]", "ssm"),
    ),
    ("network.subnet_prefixes.private", 29, None, "16 to 28", put("network.subnet_prefixes.private", 20)),
    ("network.subnet_prefixes.public", 28, None, "16 to 27, the smallest a load balancer takes", put("network.subnet_prefixes.public", 24)),
    ("network.subnet_prefixes.dmz", 20, "unknown key", "the keys public, private, data", rm("network.subnet_prefixes.dmz")),
    ("network.natt", {}, "unknown key; did you mean nat?", NETWORK_KEYS.replace("an object with ", ""), rm("network.natt")),
    # network: NAT
    (
        "network.nat",
        ABSENT,
        "is missing",
        "an object with the keys strategy, instance_type, time_zone, windows",
        put("network.nat.strategy", "per_zone"),
    ),
    (
        "network.nat.strategy",
        "on-demand",
        None,
        "none (no way out), single (one NAT gateway), per_zone (one in each zone), regional (one regional NAT gateway), instance "
        "(a NAT instance) or on_demand (a NAT instance that runs in maintenance windows)",
        put("network.nat.strategy", "on_demand"),
    ),
    (
        "network.nat.instance_type",
        "nano",
        None,
        "an EC2 instance type, with instance and on_demand only",
        put("network.nat.instance_type", "t4g.nano"),
    ),
    (
        "network.nat.time_zone",
        "Europe/Berln",
        "not a time zone",
        "an IANA time zone such as Europe/Berlin or UTC, with on_demand only",
        put("network.nat.time_zone", "Europe/Berlin"),
    ),
    (
        "network.nat.time_zone",
        "???",
        "not a time zone",
        "an IANA time zone such as Europe/Berlin or UTC, with on_demand only",
        put("network.nat.time_zone", "Europe/Berlin"),
    ),
    (
        "network.nat.windows",
        [],
        "strategy on_demand opens in windows alone",
        "at least one window with on_demand",
        put_all(
            **{
                "network.nat.windows[0].days[0]": "TUE",
                "network.nat.windows[0].name": "patch",
                "network.nat.windows[0].start": "02:00",
                "network.nat.windows[0].minutes": 120,
            }
        ),
    ),
    (
        "network.nat.windows[0].start",
        1350,
        "a number; some YAML readers make one of an unquoted time, so write it in quotes",
        'a time of day, "00:00" to "23:59", in quotes',
        put("network.nat.windows[0].start", "22:30"),
    ),
    (
        "network.nat.windows[0].start",
        2230,
        "a number; some YAML readers make one of an unquoted time, so write it in quotes",
        'a time of day, "00:00" to "23:59", in quotes',
        put("network.nat.windows[0].start", "02:00"),
    ),
    (
        "network.nat.windows[0].start",
        "2:30",
        "not a time of day",
        'a time of day, "00:00" to "23:59", in quotes',
        put("network.nat.windows[0].start", "02:30"),
    ),
    (
        "network.nat.windows[0].start",
        "24:00",
        "not a time of day",
        'a time of day, "00:00" to "23:59", in quotes',
        put("network.nat.windows[0].start", "02:00"),
    ),
    ("network.nat.windows[0].minutes", 0, None, "minutes, 1 to 1440 (a day)", put("network.nat.windows[0].minutes", 120)),
    ("network.nat.windows[0].minutes", 1441, None, "minutes, 1 to 1440 (a day)", put("network.nat.windows[0].minutes", 120)),
    (
        "network.nat.windows[0].days[1]",
        "TUESDAY",
        None,
        "a day: MON, TUE, WED, THU, FRI, SAT or SUN",
        put("network.nat.windows[0].days[1]", "TUE"),
    ),
    (
        "network.nat.windows[0].days",
        ["MON", "MON"],
        "MON is named twice",
        "at least one of MON, TUE, WED, THU, FRI, SAT, SUN, each once",
        rm("network.nat.windows[0].days[1]"),
    ),
    (
        "network.nat.windows[1]",
        WINDOW,
        "window b overlaps or touches window patch",
        "windows that end at least a minute before the next begins",
        put("network.nat.windows[0].minutes", 59),
    ),
    (
        "network.nat.windows[1]",
        {**WINDOW, "start": "04:00"},
        "window b overlaps or touches window patch",
        "windows that end at least a minute before the next begins",
        put("network.nat.windows[0].minutes", 119),
    ),
    (
        "network.nat.windows[1]",
        {**WINDOW, "start": "02:00"},
        "window b overlaps or touches window patch",
        "windows that end at least a minute before the next begins",
        rm("network.nat.windows[1]"),
    ),
    (
        "network.nat.windows[1]",
        {**WINDOW, "days": ["SUN"], "start": "23:00", "minutes": 200},
        "window b overlaps or touches window patch",
        "windows that end at least a minute before the next begins",
        put("network.nat.windows[1].minutes", 179),
    ),
    # storefront
    ("storefront.certificate_arn", ABSENT, "HTTPS needs a certificate", CERTIFICATE_RULE, put("storefront.certificate_arn", CERTIFICATE)),
    (
        "storefront.certificate_arn",
        ABROAD,
        "the certificate is in us-east-1, and a load balancer takes one of its own region only",
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
    ("storefront.app_port", "x", TEXT, "a port, 1 to 65535", put("storefront.app_port", 8080)),
    ("storefront.app_port", 65536, None, "a port, 1 to 65535", put("storefront.app_port", 8080)),
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
        "t4g.small is named twice",
        "at least one EC2 instance type, all of one CPU architecture, each once",
        rm("storefront.instance_types[1]"),
    ),
    (
        "storefront.instance_types[1]",
        "t3.small",
        "t3.small is x86_64, and the preferred t4g.small is arm64: one image cannot start both",
        "types of one CPU architecture (Graviton: arm64, others: x86_64)",
        rm("storefront.instance_types[1]"),
    ),
    ("storefront.min_size", 7, "more than max_size, which is 6", "servers, at least 1 and at most max_size", put("storefront.max_size", 7)),
    ("storefront.min_size", 0, None, "servers, at least 1 and at most max_size", put("storefront.min_size", 2)),
    (
        "storefront.min_size",
        2.5,
        "a number where another kind of value belongs",
        "servers, at least 1 and at most max_size",
        put("storefront.min_size", 2),
    ),
    (
        "storefront.max_size",
        None,
        "empty where another kind of value belongs",
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
        "a number where another kind of value belongs: write it in quotes",
        "the name of an SSM parameter that holds an image id",
        put("storefront.image_parameter", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"),
    ),
    (
        "storefront.waf.rate_limit",
        9,
        None,
        "requests per five minutes and address, 10 to 2000000000",
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
    # database
    ("database.engine", "mysq", None, "mysql or postgres", put("database.engine", "mysql")),
    (
        "database.engine_version",
        "8.0",
        "mysql has no such version in standard support",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    ("database.engine_version", 17.1, NUMBER_VERSION, DATABASE_VERSION, put("database.engine_version", "8.4")),
    (
        "database.engine_version",
        17,
        "mysql has no such version in standard support",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    (
        "database.engine_version",
        True,
        "a yes or no where another kind of value belongs: write it in quotes",
        DATABASE_VERSION,
        put("database.engine_version", "8.4"),
    ),
    (
        "database.engine",
        "postgres",
        "postgres has no such version in standard support",
        DATABASE_VERSION,
        put_text("database.engine_version", 18),
    ),
    (
        "database.instance_class",
        "t4g.micro",
        None,
        "an RDS instance class such as db.t4g.micro",
        put("database.instance_class", "db.t4g.micro"),
    ),
    ("database.allocated_storage_gib", 19, None, "GiB, 20 to 65536", put("database.allocated_storage_gib", 20)),
    ("database.max_allocated_storage_gib", 21, None, STORAGE, put("database.max_allocated_storage_gib", 100)),
    ("database.backup_retention_days", 0, None, "days, 1 to 35 (0 would switch backups off)", put("database.backup_retention_days", 30)),
    (
        "database.database_insights_mode",
        "advanced",
        "db.t4g.micro with mysql has no Performance Insights, which advanced needs",
        "standard, with mysql on t2, t3 and t4g micro and small",
        put("database.database_insights_mode", "standard"),
    ),
    # cache
    ("cache.engine", "redis", "ElastiCache has no such version of redis", CACHE_VERSION, put("cache.engine_version", "7.1")),
    ("cache.engine_version", 8.3, NUMBER_VERSION, CACHE_VERSION, put("cache.engine_version", "8.1")),
    ("cache.node_type", "t4g.micro", None, "an ElastiCache node type such as cache.t4g.micro", put("cache.node_type", "cache.t4g.micro")),
    ("cache.replicas", 6, None, "copies of each shard, 0 to 5; more than 0 needs two zones", put("cache.replicas", 1)),
    ("cache.snapshot_retention_days", 36, None, "days, 0 (no snapshots) to 35", put("cache.snapshot_retention_days", 7)),
    # operators
    ("operators[1].name", "devops", "another operator has this name", NAMES, put("operators[1].name", "devops-2")),
    ("operators[0].ports[0]", 0, None, "a port, 1 to 65535", put("operators[0].ports[0]", 22)),
    ("operators[0].ports", [22, 22], "22 is named twice", "at least one port, 1 to 65535, each once", rm("operators[0].ports[1]")),
    ("operators[0].entries[0].cidr", "0.0.0.0/0", "the whole internet", ENTRY, put("operators[0].entries[0].cidr", "203.0.113.10/32")),
    ("operators[0].entries[0].cidr", "::/0", "the whole internet", ENTRY, put("operators[0].entries[0].cidr", "203.0.113.10/32")),
    (
        "operators[0].entries[0].cidr",
        "128.0.0.0/1",
        "far too broad for an operator's network",
        ENTRY,
        put("operators[0].entries[0].cidr", "203.0.113.10/32"),
    ),
    (
        "operators[0].entries[0].cidr",
        "2001:db8::/31",
        "far too broad for an operator's network",
        ENTRY,
        put("operators[0].entries[0].cidr", "203.0.113.10/32"),
    ),
    (
        "operators[0].entries[0].description",
        "",
        None,
        "what the network is, 1 to 255 characters",
        put("operators[0].entries[0].description", "Office"),
    ),
    # tags
    ("tags.Owner", ABSENT, "is missing", REQUIRED_TAGS, put("tags.Owner", "platform")),
    ("tags.CostCenter", 1234, "a number, of which YAML drops zeros: write it in quotes", TAG_VALUE, put_text("tags.CostCenter", 1234)),
    ("tags.Owner", True, "a yes or no, not a text: write it in quotes", TAG_VALUE, put_text("tags.Owner", "true")),
    ("tags.Owner", "a, b", "has a character that AWS refuses", TAG_VALUE, put("tags.Owner", "'a- b'")),
    ("tags.Owner", "x" * 257, None, TAG_VALUE, put("tags.Owner", "platform")),
    (
        'tags["aws:x"]',
        "y",
        "AWS refuses this key",
        "a key of 1 to 128 letters, digits, spaces and + - = . _ : / @, not beginning with aws:",
        rm('tags["aws:x"]'),
    ),
]

# What is asked for in one place and told in another.
TOLD_AT = {
    ("storefront.instance_types[1]", "t4g.small"): ("storefront.instance_types", ["t4g.small", "t4g.small"]),
    ("database.engine", "postgres"): ("database.engine_version", "8.4"),
    ("cache.engine", "redis"): ("cache.engine_version", "8.1"),
}


def shown(value):
    text = "nothing" if value is ABSENT else json.dumps(value)
    return text if len(text) <= 160 else text[:160] + "..."


@pytest.mark.parametrize(("path", "value", "because", "allowed", "mend"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_value_is_one_problem_and_its_command_mends_it(path, value, because, allowed, mend):
    sections = broken({path: value})
    key, given = TOLD_AT.get((path, value) if isinstance(value, str) else None, (path, value))
    (problem,) = problems(sections)
    assert (problem.key, problem.given, problem.because) == (f"cloudpatterns:{key}", shown(given), because)
    assert problem.allowed == allowed
    assert problem.mend == (mend,)
    obey(problem.mend, sections)
    good(sections)


def told(sections, **options):
    return [
        (problem.key.removeprefix("cloudpatterns:"), problem.given, problem.because, problem.mend)
        for problem in problems(sections, **options)
    ]


def test_zones_named_twice_get_zones_of_their_own():
    sections = broken({"network.zones": ["eu-west-1a", "eu-west-1a", "eu-west-1b", "x"]})
    assert [(key, mend) for key, _, _, mend in told(sections)] == [
        ("network.zones[1]", (put("network.zones[1]", "eu-west-1c"),)),
        ("network.zones[3]", (put("network.zones[3]", "eu-west-1d"),)),
    ]
    (twice,) = [problem for problem in problems(broken({"network.zones[1]": "eu-west-1a"}), None) if problem.key != "aws:region"]
    assert twice.mend == (rm("network.zones[1]"),)


def test_what_a_strategy_does_not_use_is_refused_piece_by_piece():
    sections = broken({"network.nat.strategy": "single", "network.nat.instance_type": "t4g.nano"})
    why = "strategy single does not use it"
    assert told(sections) == [
        ("network.nat.instance_type", '"t4g.nano"', why, (rm("network.nat.instance_type"),)),
        ("network.nat.time_zone", '"Europe/Berlin"', why, (rm("network.nat.time_zone"),)),
        ("network.nat.windows", shown(VALID["network"]["nat"]["windows"]), why, (rm("network.nat.windows"),)),
    ]
    assert [problem.allowed for problem in problems(sections)] == [
        "only with instance or on_demand",
        "only with on_demand",
        "only with on_demand",
    ]


@pytest.mark.parametrize("strategy", ["none", "single", "per_zone", "regional", "instance"])
def test_every_other_strategy_stands_alone(strategy):
    nat = good(broken({"network.nat": {"strategy": strategy}})).network.nat
    assert (nat.time_zone, nat.windows) == (None, ())
    assert nat.instance_type == ("t4g.nano" if strategy == "instance" else None)


def test_a_day_long_window_touches_itself_on_the_next_day():
    ((key, _, because, mend),) = told(broken({"network.nat.windows[0].minutes": 1440}))
    assert (key, because) == ("network.nat.windows[0]", "window patch overlaps or touches its own next day")
    assert mend == (put("network.nat.windows[0].minutes", 1439),)
    good(broken({"network.nat.windows[0].minutes": 1440, "network.nat.windows[0].days": ["MON"]}))


def test_windows_have_names_of_their_own():
    sections = broken({"network.nat.windows[1]": {**WINDOW, "name": "patch", "start": "12:00"}})
    ((key, given, because, mend),) = told(sections)
    assert (key, given, because) == ("network.nat.windows[1].name", '"patch"', "another window has this name")
    assert mend == (put("network.nat.windows[1].name", "patch-1"),)
    obey(mend, sections)
    good(sections)


def test_derived_subnets_without_room_name_the_zone():
    ((key, given, because, mend),) = told(broken({"network.subnet_prefixes": {"private": 17}}))
    assert (key, given) == ("network.zones[1]", '"eu-west-1b"')
    assert because == (
        "no room in 10.20.0.0/16 for the private subnet of zone eu-west-1b: it needs a /17, and with public /24, private /17, data /24 "
        "per zone the block has room for zone a alone"
    )
    assert mend == (rm("network.subnet_prefixes.private"),)
    ((key, _, because, mend),) = told(broken({"network.cidr_block": "10.20.4.0/24", "network.zones[1]": "eu-west-1e"}))
    assert key == "network.zones[1]"
    assert because.startswith("no room in 10.20.4.0/24 for the public subnet of zone eu-west-1e: it needs a /27")
    assert mend == (put("network.cidr_block", "10.20.0.0/16"),)


@pytest.mark.parametrize(
    ("path", "value", "because", "mend"),
    [
        (
            "data.eu-west-1b",
            "10.20.1.0/25",
            "10.20.1.0/25, the data subnet of zone eu-west-1b, overlaps 10.20.1.0/24, the public subnet of zone eu-west-1b",
            put("network.subnet_cidrs.data.eu-west-1b", "10.20.3.0/24"),
        ),
        (
            "data.eu-west-1b",
            ABSENT,
            "the data subnet of zone eu-west-1b has no CIDR",
            put("network.subnet_cidrs.data.eu-west-1b", "10.20.3.0/24"),
        ),
        (
            "data.eu-west-1b",
            "10.21.0.0/24",
            "10.21.0.0/24, the data subnet of zone eu-west-1b, is not inside 10.20.0.0/16",
            put("network.subnet_cidrs.data.eu-west-1b", "10.20.3.0/24"),
        ),
        (
            "private.eu-west-1b",
            "10.20.32.0/29",
            "10.20.32.0/29, the private subnet of zone eu-west-1b, is not between /16 and /28",
            put("network.subnet_cidrs.private.eu-west-1b", "10.20.48.0/20"),
        ),
        (
            "public.eu-west-1c",
            "10.20.9.0/24",
            "eu-west-1c of the public tier is not one of the network's zones",
            rm("network.subnet_cidrs.public.eu-west-1c"),
        ),
        (
            "public.eu-west-1a",
            "10.20.0.0/28",
            "too small for a load balancer",
            put("network.subnet_cidrs.public.eu-west-1a", "10.20.0.0/27"),
        ),
    ],
)
def test_explicit_subnets_are_told_by_tier_and_zone(path, value, because, mend):
    sections = broken({"network.subnet_cidrs": SUBNET_CIDRS, f"network.subnet_cidrs.{path}": value})
    assert told(sections) == [(f"network.subnet_cidrs.{path}", shown(value), because, (mend,))]
    obey((mend,), sections)
    good(sections)


def test_prefixes_and_explicit_subnets_exclude_each_other():
    sections = broken({"network.subnet_cidrs": SUBNET_CIDRS, "network.subnet_prefixes": {"data": 24}})
    assert told(sections) == [
        (
            "network.subnet_prefixes",
            '{"data": 24}',
            "subnet_cidrs is set as well, and gives every subnet its network",
            (rm("network.subnet_prefixes"),),
        )
    ]


def test_a_certificate_to_be_made_needs_both_name_and_zone():
    only_name = broken({"storefront.certificate_arn": ABSENT, "storefront.domain_name": "shop.example.com"})
    assert told(only_name) == [
        (
            "storefront.hosted_zone_id",
            "nothing",
            "domain_name makes a certificate only together with it",
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
        ("storefront.waf.blocked_cidrs[0]", '"192.0.2.0/24"', "allowed_cidrs has it too", (rm("storefront.waf.blocked_cidrs[0]"),))
    ]


@pytest.mark.parametrize(
    ("start", "most", "because", "mend"),
    [
        (21, 23, "allocated_storage_gib is 21, so the least is 24", put("database.max_allocated_storage_gib", 42)),
        (65536, 65536, "allocated_storage_gib is 65536, so the least is 72090", rm("database.max_allocated_storage_gib")),
    ],
)
def test_storage_needs_ten_per_cent_to_grow(start, most, because, mend):
    sections = broken({"database.allocated_storage_gib": start, "database.max_allocated_storage_gib": most})
    assert told(sections) == [("database.max_allocated_storage_gib", str(most), because, (mend,))]
    assert problems(sections)[0].allowed == STORAGE
    good(broken({"database.allocated_storage_gib": 20, "database.max_allocated_storage_gib": 22}))


def entries(*cidrs):
    return [{"cidr": cidr, "description": "x"} for cidr in cidrs]


@pytest.mark.parametrize(
    ("cidrs", "last", "covers"),
    [
        (("10.0.0.0/8", "192.0.2.0/24", "11.0.0.0/8"), 2, "10.0.0.0/7"),
        (("2001:db8::/32", "2001:db9::/32"), 1, "2001:db8::/31"),
    ],
)
def test_entries_that_add_up_are_refused(cidrs, last, covers):
    ((key, given, because, mend),) = told(broken({"operators[0].entries": entries(*cidrs)}))
    assert (key, given) == (f"operators[0].entries[{last}].cidr", f'"{cidrs[last]}"')
    assert because == f"together with the other entries it covers {covers}"
    assert mend == (rm(f"operators[0].entries[{last}]"),)


def test_the_internet_in_halves_is_refused_twice():
    keys = [key for key, *_ in told(broken({"operators[0].entries": entries("0.0.0.0/1", "128.0.0.0/1")}))]
    assert keys == ["operators[0].entries[0].cidr", "operators[0].entries[1].cidr"]


def test_a_repeated_entry_is_refused():
    ((key, _, because, mend),) = told(broken({"operators[0].entries": entries("192.0.2.0/24", "192.0.2.0/24")}))
    assert (key, because, mend) == ("operators[0].entries[1].cidr", "another entry has it", (rm("operators[0].entries[1]"),))


@pytest.mark.parametrize(
    ("changes", "given", "because", "mend"),
    [
        (
            {"operators[0].ports": list(range(1, 20))},
            "10, the default",
            "10 entries for each of 19 ports are more than the 60 rules of a security group",
            put("operators[0].max_entries", 3),
        ),
        (
            {"operators[0].entries": entries(*(f"192.0.2.{n}/32" for n in range(0, 22, 2)))},
            "10, the default",
            "there are 11 entries",
            put("operators[0].max_entries", 11),
        ),
        (
            {
                "operators[0].entries": entries("192.0.2.0/32", "192.0.2.2/32"),
                "operators[0].ports": list(range(1, 32)),
                "operators[0].max_entries": 2,
            },
            "2",
            "2 entries for each of 31 ports are more than the 60 rules of a security group",
            rm("operators[0].ports[30]"),
        ),
        ({"operators[0].max_entries": 61}, "61", None, put("operators[0].max_entries", 10)),
    ],
)
def test_prefix_lists_fit_their_group(changes, given, because, mend):
    sections = broken(changes)
    assert told(sections) == [("operators[0].max_entries", given, because, (mend,))]
    assert problems(sections)[0].allowed == MAX_ENTRIES
    obey((mend,), sections)
    good(sections)


def test_empty_operators_are_refused():
    (problem,) = problems(broken({"operators": []}))
    assert (problem.key, problem.given, problem.allowed) == ("cloudpatterns:operators", "[]", "a list of at least one operator")
    assert problem.mend == (
        put_all(
            **{
                "operators[0].name": "devops",
                "operators[0].ports[0]": 22,
                "operators[0].entries[0].cidr": "203.0.113.10/32",
                "operators[0].entries[0].description": "Office",
            }
        ),
    )


def test_tags_that_differ_in_capitals_and_too_many_tags_are_told():
    assert told(broken({"tags.Owner": ABSENT, "tags.owner": "x"})) == [
        ("tags.Owner", "nothing", "is missing; owner differs in its capitals", (rm("tags.owner"), put("tags.Owner", "platform")))
    ]
    sections = broken({f"tags.k{n}": "v" for n in range(49)})
    ((key, _, because, mend),) = told(sections)
    assert (key, because, mend) == ("tags", "52 tags", (rm("tags.k47"), rm("tags.k48")))
    obey(mend, sections)
    assert len(good(sections).tags) == 50


@pytest.mark.parametrize("section", list(VALID))
def test_a_missing_section_is_one_problem_whose_command_gives_a_valid_one(section):
    for lacking in (broken({section: ABSENT}), broken({section: {}})) if section != "operators" else (broken({section: ABSENT}),):
        (problem,) = problems(lacking)
        assert (problem.key, problem.given, problem.because) == (f"cloudpatterns:{section}", "nothing", "the whole section is missing")
        mended = broken({section: ABSENT})
        obey(problem.mend, mended)
        good(mended)


@pytest.mark.parametrize(
    ("text", "given", "because"),
    [
        ('{"zones":', '"{\\"zones\\":"', "not an object: not JSON either (Expecting value: line 1 column 10 (char 9))"),
        ("hello", '"hello"', "a text where an object belongs"),
        ("[1]", "[1]", "not an object"),
        ("17", "17", "not an object"),
    ],
)
def test_a_malformed_section_is_one_problem(text, given, because):
    (problem,) = problems(broken({"network": text}))
    assert (problem.key, problem.given, problem.because, problem.allowed) == ("cloudpatterns:network", given, because, NETWORK_KEYS)
    assert problem.mend == (
        put_all(
            **{
                "network.cidr_block": "10.20.0.0/16",
                "network.zones[0]": "eu-west-1a",
                "network.zones[1]": "eu-west-1b",
                "network.nat.strategy": "per_zone",
            }
        ),
    )


def test_a_wrong_kind_of_value_is_removed_before_its_parts_are_set():
    (problem,) = problems(broken({"network.zones": "eu-west-1a"}))
    assert problem.because == TEXT
    assert problem.mend == (rm("network.zones"), put_all(**{"network.zones[0]": "eu-west-1a", "network.zones[1]": "eu-west-1b"}))


def test_an_unknown_section_is_told_with_the_nearest():
    (problem,) = problems(broken({"netwrok": {"a": 1}}))
    assert (problem.key, problem.given) == ("cloudpatterns:netwrok", '{"a": 1}')
    assert problem.because == "unknown key; did you mean cloudpatterns:network?"
    assert problem.allowed == "the sections network, storefront, database, cache, operators, tags"
    assert problem.mend == ("pulumi config rm --stack dev 'cloudpatterns:netwrok'",)
    (other,) = problems(broken({"xyz": "1"}))
    assert other.because == "unknown key"


@pytest.mark.parametrize(("region", "given", "because"), [(None, "nothing", "is missing"), ("Ireland", '"Ireland"', None)])
def test_a_missing_or_wrong_region_is_the_only_problem(region, given, because):
    (problem,) = problems(VALID, region)
    assert (problem.key, problem.given, problem.because) == ("aws:region", given, because)
    assert problem.allowed == "the name of an AWS region, such as eu-west-1"
    assert problem.mend == ("pulumi config set --stack dev aws:region eu-west-1",)


def test_all_problems_are_told_at_once_in_the_order_of_the_sections():
    sections = broken(
        {
            "cache.replicas": 9,
            "network.cidr_block": "x",
            "network.zones": ["eu-west-1a"],
            "storefront.max_size": 1,
            "storefront.app_port": 0,
            "tags.Owner": ABSENT,
            "tags.CostCenter": 7,
            "operators[0].name": "dba",
            "operators[0].ports[0]": 0,
            "zzz": "1",
        }
    )
    assert [key for key, *_ in told(sections)] == [
        "network.cidr_block",
        "network.zones",
        "storefront.app_port",
        "storefront.min_size",
        "cache.replicas",
        "operators[0].ports[0]",
        "operators[1].name",
        "tags.CostCenter",
        "tags.Owner",
        "zzz",
    ]


def test_a_wrong_value_hides_no_check_but_those_that_need_it():
    sections = broken(
        {
            "storefront.max_size": "x",
            "storefront.instance_types[1]": "t3.small",
            "network.nat.strategy": "x",
            "network.nat.windows[1]": WINDOW,
            "network.zones[1]": "eu-west-1a",
        }
    )
    assert sorted(key for key, *_ in told(sections)) == [
        "network.nat.strategy",
        "network.nat.windows[1]",
        "network.zones[1]",
        "storefront.instance_types[1]",
        "storefront.max_size",
    ]


def test_the_text_of_the_error_is_made_to_be_read():
    with pytest.raises(SettingsError) as caught:
        parse(config(broken({"network.zones[1]": "eu-west-2b", "tags.Owner": ABSENT, "tags.owner": "x"})), "my stack")
    assert isinstance(caught.value, pulumi.RunError)
    assert caught.value.stack == "my stack"
    assert (
        str(caught.value)
        == """\
The settings of stack my stack have 2 problems:

cloudpatterns:network.zones[1]
  given:    "eu-west-2b"
  problem:  is not a zone of eu-west-1 (local and wavelength zones are not supported)
  allowed:  a zone of eu-west-1, eu-west-1a to eu-west-1f, each once
  mend:     pulumi config set --stack 'my stack' --path 'cloudpatterns:network.zones[1]' eu-west-1b

cloudpatterns:tags.Owner
  given:    nothing
  problem:  is missing; owner differs in its capitals
  allowed:  every stack has the tags Owner, CostCenter and Environment
  mend:     pulumi config rm --stack 'my stack' --path 'cloudpatterns:tags.owner'
            pulumi config set --stack 'my stack' --path 'cloudpatterns:tags.Owner' platform"""
    )


def test_no_word_of_a_secret_section_shows():
    secret = broken({"storefront.certificate_arn": ABROAD, "storefront.min_size": 777, "storefront.health_check_path": "hush-hush"})
    found = problems(secret, secret_keys=["cloudpatterns:storefront"])
    assert [(problem.key, problem.given, problem.because) for problem in found] == [
        ("cloudpatterns:storefront.health_check_path", "[secret]", None),
        ("cloudpatterns:storefront.certificate_arn", "[secret]", None),
        ("cloudpatterns:storefront.min_size", "[secret]", None),
    ]
    assert found[0].mend == ("pulumi config set --stack dev --secret --path 'cloudpatterns:storefront.health_check_path'",)
    text = "".join(map(str, found))
    assert not any(word in text for word in ("hush", "777", "us-east-1", "00000000-0000"))


def test_an_unknown_key_of_a_secret_section_is_still_told():
    (problem,) = problems(broken({"cache.engin": "hush-hush"}), secret_keys=["cloudpatterns:cache"])
    assert (problem.given, problem.because, problem.mend) == ("[secret]", "unknown key; did you mean engine?", (rm("cache.engin"),))


def test_secret_regions_and_unreadable_secret_sections_stay_hidden():
    found = problems(
        broken({"network": "hush-hush"}), "hidden-region", secret_keys=["cloudpatterns:network", "aws:region", "cloudpatterns:zzz"]
    )
    assert [(problem.key, problem.given) for problem in found] == [("aws:region", "[secret]"), ("cloudpatterns:network", "[secret]")]
    (zone,) = problems(broken({"network.zones[1]": "eu-west-2b"}), secret_keys=["aws:region"])
    assert "eu-west-1" not in str(zone).replace('"eu-west-2b"', "")
    (unknown,) = problems(broken({"zzz": "hush-hush"}), secret_keys=["cloudpatterns:zzz"])
    assert unknown.given == "[secret]"
