"""Problems of the section network, with their exact texts and commands."""

import pytest
from cloudpatterns.core.vocabulary import LOG_RETENTION_DAYS
from cloudpatterns.network import Network

from tests.harness import record
from tests.settings.configurations import ABSENT, SUBNET_CIDRS, VALID, broken, good, obey, problems
from tests.settings.expectations import TEXT, check_one, put, put_all, reported, rm, shown

WINDOW = {"name": "b", "days": ["MON"], "start": "03:00", "minutes": 30}
RETENTIONS = f"days, one of {', '.join(map(str, LOG_RETENTION_DAYS))}"
ZONE = "a zone of eu-west-1, eu-west-1a to eu-west-1f, each once"
CIDR_BLOCK = "an IPv4 network of /16 to /24 in CIDR notation"
NETWORK_KEYS = (
    "an object with the keys zones, cidr_block, subnet_prefixes, subnet_cidrs, dual_stack, interface_endpoints, network_acls, "
    "block_public_access, public_access_exclusions, flow_log_destination, flow_log_retention_days, flow_log_customer_key, flow_log_files, "
    "flow_log_aggregation_seconds, flow_log_force_destroy, nat"
)


ONE = [
    ("network.cidr_block", "10.20.0.0", "has no prefix length", CIDR_BLOCK, put("network.cidr_block", "10.20.0.0/16")),
    (
        "network.cidr_block",
        "10.20.0.5/16",
        "is an address inside the network, not its first address",
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
    (
        "network.zones",
        [],
        None,
        "2 to 6 zones of eu-west-1",
        put_all(**{"network.zones[0]": "eu-west-1a", "network.zones[1]": "eu-west-1b"}),
    ),
    (
        "network.zones",
        ["eu-west-1a"],
        "only one zone, and two are required by the load balancer, database.multi_az, cache.replicas",
        "2 to 6 zones of eu-west-1",
        put("network.zones[1]", "eu-west-1b"),
    ),
    (
        "network.zones",
        ["eu-west-1c"],
        "only one zone, and two are required by the load balancer, database.multi_az, cache.replicas",
        "2 to 6 zones of eu-west-1",
        put("network.zones[1]", "eu-west-1a"),
    ),
    ("network.zones[1]", "eu-west-1a", "is listed twice", ZONE, put("network.zones[1]", "eu-west-1b")),
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
        "2 to 6 zones of eu-west-1",
        rm("network.zones[6]"),
    ),
    ("network.dual_stack", "maybe", TEXT, "true or false", put("network.dual_stack", "false")),
    (
        "network.dual_stack",
        True,
        "private subnets would reach the internet over IPv6 outside the windows of on_demand",
        "false with nat.strategy on_demand",
        put("network.dual_stack", "false"),
    ),
    ("network.flow_log_retention_days", 0, "0 would keep the logs forever", RETENTIONS, put("network.flow_log_retention_days", 365)),
    (
        "network.flow_log_retention_days",
        31,
        "CloudWatch Logs does not support this retention",
        RETENTIONS,
        put("network.flow_log_retention_days", 60),
    ),
    (
        "network.flow_log_retention_days",
        9999,
        "CloudWatch Logs does not support this retention",
        RETENTIONS,
        put("network.flow_log_retention_days", 3653),
    ),
    (
        "network.flow_log_retention_days",
        True,
        "a boolean where a number is expected",
        RETENTIONS,
        put("network.flow_log_retention_days", 365),
    ),
    (
        "network.block_public_access",
        "on",
        None,
        "block-ingress or block-bidirectional, in one stack of the account and region",
        rm("network.block_public_access"),
    ),
    (
        "network.flow_log_destination",
        "S3",
        None,
        "cloud-watch-logs (a log group) or s3 (a bucket)",
        put("network.flow_log_destination", "cloud-watch-logs"),
    ),
    (
        "network.flow_log_aggregation_seconds",
        300,
        "flow logs do not support this interval",
        "60 or 600 seconds",
        put("network.flow_log_aggregation_seconds", 60),
    ),
    (
        "network.flow_log_aggregation_seconds",
        True,
        "a boolean where a number is expected",
        "60 or 600 seconds",
        put("network.flow_log_aggregation_seconds", 600),
    ),
    ("network.flow_log_customer_key", "maybe", TEXT, "true or false", put("network.flow_log_customer_key", "false")),
    (
        "network.flow_log_files",
        {"format": "parquet"},
        "the flow log does not go to a bucket",
        "only with flow_log_destination s3",
        rm("network.flow_log_files"),
    ),
    (
        "network.flow_log_force_destroy",
        True,
        "the flow log does not go to a bucket",
        "only with flow_log_destination s3",
        rm("network.flow_log_force_destroy"),
    ),
    (
        "network.interface_endpoints",
        ["ssm", "logs", "ssm"],
        "ssm is listed twice",
        "short names of AWS services, each once",
        rm("network.interface_endpoints[2]"),
    ),
    (
        "network.interface_endpoints[1]",
        "SSM",
        None,
        "the short name of a service such as ssm or ecr.api",
        put("network.interface_endpoints[1]", "ssm"),
    ),
    (
        "network.interface_endpoints",
        ["ssm"],
        "nat.strategy on_demand leaves the servers without internet egress, so no log of theirs reaches CloudWatch",
        "with nat.strategy none or on_demand: logs, and what else the servers call, each once",
        put("network.interface_endpoints[1]", "logs"),
    ),
    ("network.subnet_prefixes.private", 29, None, "16 to 28", put("network.subnet_prefixes.private", 20)),
    (
        "network.subnet_prefixes.public",
        28,
        None,
        "16 to 27, the smallest that a load balancer supports",
        put("network.subnet_prefixes.public", 24),
    ),
    ("network.subnet_prefixes.dmz", 20, "unknown key", "the keys public, private, data", rm("network.subnet_prefixes.dmz")),
    ("network.natt", {}, "unknown key; did you mean nat?", NETWORK_KEYS.replace("an object with ", ""), rm("network.natt")),
    (
        "network.nat",
        ABSENT,
        "is missing",
        "an object with the keys strategy, zone, windows, time_zone, instance_type, instance_revision, egress_ports",
        put("network.nat.strategy", "per_zone"),
    ),
    (
        "network.nat.strategy",
        "on-demand",
        None,
        "none (no internet egress), single (one NAT gateway), per_zone (one in each zone), regional (one regional NAT gateway), instance "
        "(a NAT instance) or on_demand (a NAT instance that runs in maintenance windows)",
        put("network.nat.strategy", "on_demand"),
    ),
    (
        "network.nat.instance_type",
        "nano",
        None,
        "an EC2 instance type, only with instance and on_demand",
        put("network.nat.instance_type", "t4g.micro"),
    ),
    (
        "network.nat.time_zone",
        "Europe/Berln",
        "not a time zone",
        "an IANA time zone such as Europe/Berlin or UTC, only with on_demand",
        put("network.nat.time_zone", "Europe/Berlin"),
    ),
    (
        "network.nat.time_zone",
        "???",
        "not a time zone",
        "an IANA time zone such as Europe/Berlin or UTC, only with on_demand",
        put("network.nat.time_zone", "Europe/Berlin"),
    ),
    (
        "network.nat.windows",
        [],
        "strategy on_demand opens only in windows",
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
        "a number; some YAML parsers convert an unquoted time to a number, so write it in quotes",
        'a time of day, "00:00" to "23:59", in quotes',
        put("network.nat.windows[0].start", "22:30"),
    ),
    (
        "network.nat.windows[0].start",
        2230,
        "a number; some YAML parsers convert an unquoted time to a number, so write it in quotes",
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
        "one of MON, TUE, WED, THU, FRI, SAT, SUN",
        put("network.nat.windows[0].days[1]", "TUE"),
    ),
    (
        "network.nat.windows[0].days",
        ["MON", "MON"],
        "MON is listed twice",
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
]


@pytest.mark.parametrize(("path", "value", "because", "allowed", "fix"), ONE, ids=lambda value: str(value)[:40])
def test_one_wrong_network_value_is_one_problem_and_its_command_fixes_it(path, value, because, allowed, fix):
    check_one(path, value, because, allowed, fix)


def test_zones_named_twice_get_zones_of_their_own():
    sections = broken({"network.zones": ["eu-west-1a", "eu-west-1a", "eu-west-1b", "x"]})
    assert [(key, fix) for key, _, _, fix in reported(sections)] == [
        ("network.zones[1]", (put("network.zones[1]", "eu-west-1c"),)),
        ("network.zones[3]", (put("network.zones[3]", "eu-west-1d"),)),
    ]
    (twice,) = [problem for problem in problems(broken({"network.zones[1]": "eu-west-1a"}), None) if problem.key != "aws:region"]
    assert twice.fix == (rm("network.zones[1]"),)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("zone", "eu-west-1a", "only with single or instance or on_demand"),
        ("egress_ports", [80, 443], "only with instance or on_demand"),
        ("instance_type", "t4g.nano", "only with instance or on_demand"),
        ("instance_revision", 2, "only with instance or on_demand"),
    ],
)
def test_gateways_in_each_zone_use_no_option_of_a_single_nat(name, value, allowed):
    sections = broken({"network.nat": {"strategy": "per_zone", name: value}})
    (problem,) = problems(sections)
    assert (problem.key, problem.given) == (f"cloudpatterns:network.nat.{name}", shown(value))
    assert (problem.because, problem.allowed) == ("strategy per_zone does not use it", allowed)
    assert problem.fix == (rm(f"network.nat.{name}"),)
    obey(problem.fix, sections)
    good(sections)


def test_a_nat_instance_takes_other_ports_and_each_once():
    nat = {"strategy": "instance", "zone": "eu-west-1b", "egress_ports": [443]}
    assert good(broken({"network.nat": nat})).network.nat.as_args() == {
        **nat,
        "instance_type": "t4g.micro",
        "instance_revision": 1,
        "windows": [],
    }
    (problem,) = problems(broken({"network.nat": {**nat, "egress_ports": [443, 443]}}))
    assert (problem.because, problem.fix) == ("443 is listed twice", (rm("network.nat.egress_ports[1]"),))
    (problem,) = problems(broken({"network.nat": {**nat, "egress_ports": [0]}}))
    assert (problem.allowed, problem.fix) == ("a port, 1 to 65535", (put("network.nat.egress_ports[0]", 443),))


def test_what_a_strategy_does_not_use_is_refused_piece_by_piece():
    sections = broken({"network.nat.strategy": "single", "network.nat.instance_type": "t4g.nano"})
    why = "strategy single does not use it"
    assert reported(sections) == [
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
    assert nat.instance_type == ("t4g.micro" if strategy == "instance" else None)


def test_a_day_long_window_touches_itself_on_the_next_day():
    ((key, _, because, fix),) = reported(broken({"network.nat.windows[0].minutes": 1440}))
    assert (key, because) == ("network.nat.windows[0]", "window patch overlaps or touches its own next day")
    assert fix == (put("network.nat.windows[0].minutes", 1439),)
    good(broken({"network.nat.windows[0].minutes": 1440, "network.nat.windows[0].days": ["MON"]}))


def test_windows_have_names_of_their_own():
    sections = broken({"network.nat.windows[1]": {**WINDOW, "name": "patch", "start": "12:00"}})
    ((key, given, because, fix),) = reported(sections)
    assert (key, given, because) == ("network.nat.windows[1].name", '"patch"', "another window has this name")
    assert fix == (put("network.nat.windows[1].name", "patch-1"),)
    obey(fix, sections)
    good(sections)


def test_derived_subnets_without_room_name_the_zone():
    ((key, given, because, fix),) = reported(broken({"network.subnet_prefixes": {"private": 17}}))
    assert (key, given) == ("network.zones[1]", '"eu-west-1b"')
    assert because == (
        "no room in 10.20.0.0/16 for the private subnet of zone eu-west-1b: it needs a /17, and with public /24, private /17, data /24 "
        "per zone the block has room for zone a alone"
    )
    assert fix == (rm("network.subnet_prefixes.private"),)
    ((key, _, because, fix),) = reported(broken({"network.cidr_block": "10.20.4.0/24", "network.zones[1]": "eu-west-1e"}))
    assert key == "network.zones[1]"
    assert because.startswith("no room in 10.20.4.0/24 for the public subnet of zone eu-west-1e: it needs a /27")
    assert fix == (put("network.cidr_block", "10.20.0.0/16"),)


@pytest.mark.parametrize(
    ("path", "value", "because", "fix"),
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
def test_explicit_subnets_are_reported_by_tier_and_zone(path, value, because, fix):
    sections = broken({"network.subnet_cidrs": SUBNET_CIDRS, f"network.subnet_cidrs.{path}": value})
    assert reported(sections) == [(f"network.subnet_cidrs.{path}", shown(value), because, (fix,))]
    obey((fix,), sections)
    good(sections)


def test_prefixes_and_explicit_subnets_exclude_each_other():
    sections = broken({"network.subnet_cidrs": SUBNET_CIDRS, "network.subnet_prefixes": {"data": 24}})
    assert reported(sections) == [
        (
            "network.subnet_prefixes",
            '{"data": 24}',
            "subnet_cidrs is set too, which defines the network of every subnet",
            (rm("network.subnet_prefixes"),),
        )
    ]


def test_a_wrong_kind_of_value_is_removed_before_its_parts_are_set():
    (problem,) = problems(broken({"network.zones": "eu-west-1a"}))
    assert problem.because == "text where a list is expected"
    assert problem.fix == (rm("network.zones"), put_all(**{"network.zones[0]": "eu-west-1a", "network.zones[1]": "eu-west-1b"}))


# --- network ACLs ---

OPERATORS = ["203.0.113.10/32", "2001:db8:1::/48"]
ACLS = {"network.nat": {"strategy": "single"}, "network.dual_stack": True, "network.network_acls": {"trusted_cidrs": OPERATORS}}
TRUSTED = "an IPv4 network of /8 or narrower or, with dual_stack, an IPv6 network of /16 or narrower"


def test_network_acls_have_defaults_of_their_own():
    assert good(VALID).network.network_acls is None
    acls = good(broken({**ACLS, "operators": [VALID["operators"][0]], "network.network_acls": {"trusted_cidrs": OPERATORS[:1]}}))
    assert acls.network.as_args()["network_acls"] == {
        "public_ports": [80, 443],
        "trusted_cidrs": OPERATORS[:1],
        "lattice_ports": [],
    }


@pytest.mark.parametrize(
    ("path", "value", "because", "fix"),
    [
        ("public_ports", [80, 8080], None, put("network.network_acls.public_ports[1]", 443)),
        (
            "public_ports",
            [443, 22],
            "an administration port, which is never opened to the internet: use Session Manager or a trusted network",
            put("network.network_acls.public_ports[1]", 443),
        ),
        ("public_ports", [443, 443], "443 is listed twice", rm("network.network_acls.public_ports[1]")),
        ("trusted_cidrs", [*OPERATORS, "0.0.0.0/0"], "the whole internet", put("network.network_acls.trusted_cidrs[2]", "10.250.0.0/16")),
        (
            "trusted_cidrs",
            [*OPERATORS, "128.0.0.0/2"],
            "far too broad for a network of one organisation",
            put("network.network_acls.trusted_cidrs[2]", "10.250.0.0/16"),
        ),
        (
            "trusted_cidrs",
            [*OPERATORS, "10.20.32.0/20"],
            "inside the VPC's 10.20.0.0/16, where all traffic is allowed anyway",
            rm("network.network_acls.trusted_cidrs[2]"),
        ),
        ("trusted_cidrs", [*OPERATORS, OPERATORS[0]], "203.0.113.10/32 is listed twice", rm("network.network_acls.trusted_cidrs[2]")),
    ],
)
def test_what_network_acls_cannot_admit_is_reported_and_fixed(path, value, because, fix):
    sections = broken({**ACLS, f"network.network_acls.{path}": value})
    ((_, _, found_because, found_fixes),) = reported(sections)
    assert (found_because, found_fixes) == (because, (fix,))
    obey(found_fixes, sections)
    # The example that takes a wrong value's place may stand beside it already.
    if "443" not in str(fix):
        good(sections)


@pytest.mark.parametrize(
    ("dual_stack", "name", "most", "values"),
    [
        (True, "public_ports", 3, [25, 80, 443, 465]),
        (False, "public_ports", 12, [443, *range(101, 114)]),
        (True, "trusted_cidrs", 6, [*OPERATORS, *(f"10.{number}.0.0/16" for number in range(100, 105))]),
        (False, "trusted_cidrs", 12, [OPERATORS[0], *(f"10.{number}.0.0/16" for number in range(100, 113))]),
        (True, "lattice_ports", 2, [80, 81, 443]),
        (False, "lattice_ports", 11, list(range(101, 113))),
    ],
)
def test_more_rules_than_aws_takes_are_reported_and_cut(dual_stack, name, most, values):
    acls = {"trusted_cidrs": OPERATORS if dual_stack else OPERATORS[:1], name: values}
    operators = VALID["operators"][: 2 if dual_stack else 1]
    sections = broken({**ACLS, "network.dual_stack": dual_stack, "network.network_acls": acls, "operators": operators})
    ((key, _, because, fix),) = reported(sections)
    assert (key, because) == (f"network.network_acls.{name}", f"{len(values)} exceed AWS's quota of rules")
    assert [problem.allowed for problem in problems(sections)] == [f"at most {most}"]
    obey(fix, sections)
    assert len(good(sections).network.as_args()["network_acls"][name]) == most
    record(lambda: Network("net", good(sections).network.as_args("nat")))


@pytest.mark.parametrize(
    ("dual_stack", "ports", "index"),
    [(True, [], 0), (True, [25, 80], 2), (True, [25, 80, 465], 2), (False, list(range(101, 113)), 11)],
)
def test_the_load_balancers_port_is_open(dual_stack, ports, index):
    """Where there is no room for another port, it takes the last one's place."""
    acls = {"trusted_cidrs": OPERATORS if dual_stack else OPERATORS[:1], "public_ports": ports}
    operators = VALID["operators"][: 2 if dual_stack else 1]
    sections = broken({**ACLS, "network.dual_stack": dual_stack, "network.network_acls": acls, "operators": operators})
    fix = put(f"network.network_acls.public_ports[{index}]", 443)
    why = "the load balancer in the public subnets listens on 443, and would not be reachable"
    assert reported(sections) == [("network.network_acls.public_ports", shown(ports), why, (fix,))]
    assert [problem.allowed for problem in problems(sections)] == ["443 among the ports"]
    obey((fix,), sections)
    assert good(sections).network.as_args()["network_acls"]["public_ports"] == [*ports[:index], 443]


def test_a_regional_nat_gateway_is_not_cut_off():
    changes = {"network.nat": {"strategy": "regional"}, "network.block_public_access": "block-bidirectional"}
    sections = broken(changes)
    why = "a regional NAT gateway is in none of the excluded public subnets, so private subnets would lose internet egress"
    fix = put("network.block_public_access", "block-ingress")
    assert reported(sections) == [("network.block_public_access", '"block-bidirectional"', why, (fix,))]
    assert [problem.allowed for problem in problems(sections)] == ["block-ingress with nat.strategy regional"]
    obey((fix,), sections)
    assert good(sections).network.block_public_access == "block-ingress"
    good(broken({**changes, "network.nat": {"strategy": "per_zone"}}))


def test_an_ipv6_network_is_trusted_with_ipv6_alone():
    sections = broken({**ACLS, "network.dual_stack": False, "operators": [VALID["operators"][0]]})
    assert reported(sections) == [
        (
            "network.network_acls.trusted_cidrs[1]",
            '"2001:db8:1::/48"',
            "an IPv6 network, but the VPC has no IPv6",
            (rm("network.network_acls.trusted_cidrs[1]"),),
        )
    ]


def test_operators_that_the_acl_keeps_out_are_reported_and_let_in():
    sections = broken({**ACLS, "network.network_acls": {"trusted_cidrs": ["10.250.0.0/16"]}})
    why = "the network ACL of the private subnets, where the servers are, does not allow it"
    assert reported(sections) == [
        ("operators[0].entries[0].cidr", '"203.0.113.10/32"', why, (put("network.network_acls.trusted_cidrs[1]", "203.0.113.10/32"),)),
        ("operators[1].entries[0].cidr", '"2001:db8:1::/48"', why, (put("network.network_acls.trusted_cidrs[2]", "2001:db8:1::/48"),)),
    ]
    obey([command for problem in problems(sections) for command in problem.fix], sections)
    good(sections)


def test_operators_inside_the_vpc_or_a_trusted_network_get_through():
    entries = [{"cidr": cidr, "description": "x"} for cidr in ("10.20.3.0/24", "10.250.7.0/24")]
    sections = broken(
        {
            **ACLS,
            "network.network_acls": {"trusted_cidrs": ["10.250.0.0/16"]},
            "operators": [{"name": "devops", "ports": [22], "entries": entries}],
        }
    )
    good(sections)


def test_a_flow_log_in_a_bucket_has_its_options():
    files = {"format": "parquet", "hive_partitions": True}
    changes = {"network.flow_log_destination": "s3", "network.flow_log_files": files, "network.flow_log_force_destroy": True}
    args = good(broken(changes)).network.as_args()
    assert args["flow_log_files"] == {**files, "hourly_partitions": False}
    assert (args["flow_log_destination"], args["flow_log_force_destroy"], args["flow_log_aggregation_seconds"]) == ("s3", True, 600)
