"""Settings under generated configurations: valid ones load, each wrong value is reported under its own key, and all at once."""

import copy
from contextlib import suppress

import pytest
from cloudpatterns.core.vocabulary import LOG_RETENTION_DAYS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settings import SettingsError, parse
from settings.cache import VERSIONS
from settings.database import AURORA, MAJOR_VERSIONS
from settings.network import DAYS
from tests.settings.configurations import VALID, broken, config, good, obey

RETENTION = st.sampled_from(LOG_RETENTION_DAYS)
NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,31}", fullmatch=True)
LETTERS = st.lists(st.sampled_from("abcdef"), min_size=2, max_size=6, unique=True)
TAG_TEXT = st.text(alphabet="abcXYZ019 +-=._:/@é", min_size=1, max_size=40)


@st.composite
def windows(draw):
    """Windows that lie on days of their own, within the day."""
    days = draw(st.permutations(DAYS))
    count = draw(st.integers(1, 3))
    result = []
    for index, name in enumerate(draw(st.lists(NAMES, min_size=count, max_size=count, unique=True))):
        start = draw(st.integers(0, 1430))
        minutes = draw(st.integers(1, 1439 - start))
        own = [day for position, day in enumerate(days) if position % count == index]
        result.append({"name": name, "days": own, "start": f"{start // 60:02}:{start % 60:02}", "minutes": minutes})
    return result


@st.composite
def networks(draw):
    region = "eu-west-1"
    nat = {"strategy": draw(st.sampled_from(["none", "single", "per_zone", "regional", "instance", "on_demand"]))}
    if nat["strategy"] == "on_demand":
        nat |= {"time_zone": draw(st.sampled_from(["Europe/Berlin", "UTC", "Asia/Tokyo"])), "windows": draw(windows())}
    length = draw(st.integers(16, 23))
    base = draw(st.integers(0, 255)) << 16
    return {
        "cidr_block": f"10.{base >> 16}.0.0/{length}",
        "zones": [f"{region}{letter}" for letter in draw(LETTERS)],
        "dual_stack": nat["strategy"] != "on_demand" and draw(st.booleans()),
        "flow_log_retention_days": draw(RETENTION),
        **draw(st.sampled_from([{}, {"flow_log_destination": "s3", "flow_log_files": {"format": "parquet"}}])),
        **draw(st.sampled_from([{}, {"network_acls": {"trusted_cidrs": ["192.0.2.0/24"]}}])),
        **({"interface_endpoints": ["logs"]} if nat["strategy"] in ("none", "on_demand") else {}),
        "nat": nat,
    }


@st.composite
def storefronts(draw):
    least = draw(st.integers(1, 100))
    certificate = VALID["storefront"]["load_balancer"]
    issued = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    types = draw(st.sampled_from([["t4g.small", "c7gn.large"], ["t3.small", "m5.large"], ["a1.medium"]]))
    return {
        "servers": {
            "instance_types": types,
            "min_size": least,
            "max_size": least + draw(st.integers(0, 100)),
            "spot_percentage": draw(st.integers(0, 100)) if len(types) > 1 else 0,
            "app_port": draw(st.integers(1024, 65535)),
        },
        "load_balancer": draw(st.sampled_from([certificate, issued])),
        "firewall": {"log_retention_days": draw(RETENTION)},
    }


@st.composite
def databases(draw):
    engine = draw(st.sampled_from(sorted(MAJOR_VERSIONS)))
    storage = draw(st.integers(20, 59000))
    major = draw(st.sampled_from(MAJOR_VERSIONS[engine]))
    minors = ["", ".mysql_aurora.3.10.0"] if (engine, major) == ("aurora-mysql", "8.0") else ["", ".3", ".12"]
    size = {"allocated_storage_gib": storage, "max_allocated_storage_gib": draw(st.integers(-(-storage * 11 // 10), 65536))}
    return {
        "engine": engine,
        "engine_version": major + draw(st.sampled_from(minors)),
        "instance_class": "db.r7g.large",
        **({} if engine in AURORA else size),
        "backup_retention_days": draw(st.integers(1, 35)),
        "database_insights_mode": draw(st.sampled_from(["standard", "advanced"])),
    }


@st.composite
def configurations(draw):
    engine = draw(st.sampled_from(sorted(VERSIONS)))
    operators = [
        {
            "name": name,
            "ports": draw(
                st.lists(st.integers(1, 65535).filter(lambda port: port not in (3306, 5432, 6379)), min_size=1, max_size=6, unique=True)
            ),
            "entries": [{"cidr": f"192.0.2.{host * 2}/32", "description": "x"} for host in range(draw(st.integers(1, 10)))],
        }
        for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    ]
    return {
        "network": draw(networks()),
        "storefront": draw(storefronts()),
        "database": draw(databases()),
        "cache": {
            "engine": engine,
            "engine_version": draw(st.sampled_from(VERSIONS[engine])),
            "node_type": "cache.r7g.large",
            "replicas": draw(st.integers(0, 5)),
            "snapshot_retention_days": draw(st.integers(0, 35)),
        },
        "operators": operators,
        "tags": {**draw(st.dictionaries(TAG_TEXT.map(lambda key: f"k{key}"), TAG_TEXT, max_size=5)), **VALID["tags"]},
    }


LESS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LESS
@given(configurations())
def test_valid_configurations_load_as_written(sections):
    found = good(sections)
    assert list(found.network.zones) == sections["network"]["zones"]
    assert found.network.nat.model_dump(mode="json", exclude_none=True)["windows"] == sections["network"]["nat"].get("windows", [])
    assert found.storefront.servers.max_size == sections["storefront"]["servers"]["max_size"]
    assert found.database.engine_version == sections["database"]["engine_version"]
    assert [operator.model_dump(mode="json", exclude={"max_entries"}) for operator in found.operators] == sections["operators"]
    assert dict(found.tags) == sections["tags"]
    layout = found.network.subnets
    assert all(network.subnet_of(found.network.cidr_block) for by_zone in layout.values() for network in by_zone.values())


WRONG = {
    "network.cidr_block": ["10.0.0.0/8", "x", 5],
    "network.zones[1]": ["us-east-1a", "eu-west-1"],
    "network.flow_log_retention_days": [0, 2, "x"],
    "network.dual_stack": ["perhaps", 7],
    "network.block_public_access": ["off", True],
    "network.flow_log_destination": ["firehose"],
    "network.flow_log_aggregation_seconds": [0, 61],
    "network.nat.strategy": ["two", None],
    "network.nat.windows[0].minutes": [0, 1441],
    "network.nat.windows[0].start": [1350, "25:00"],
    "storefront.servers.app_port": [0, 1023, 65536, True],
    "storefront.servers.max_size": [0, 1001, "x"],
    "storefront.servers.spot_percentage": [-1, 101],
    "storefront.servers.scaling.cpu_target_percent": [5, "x"],
    "storefront.firewall.log_retention_days": [4, 366],
    "storefront.load_balancer.deletion_protection": ["maybe"],
    "database.instance_class": ["t4g.micro", 5],
    "database.backup_retention_days": [0, 36],
    "database.multi_az": ["perhaps"],
    "cache.replicas": [-1, 6],
    "cache.node_type": ["m7g"],
    "operators[0].ports[0]": [0, 65536, 6379],
    "operators[0].entries[0].cidr": ["0.0.0.0/0", "0.0.0.0/1", "x"],
    "operators[1].entries[0].cidr": ["::/0"],
    "tags.Owner": [5, "a,b"],
    "tags.CostCenter": [True, 17],
}


@st.composite
def faults(draw):
    paths = draw(st.lists(st.sampled_from(sorted(WRONG)), min_size=1, max_size=8, unique=True))
    return {path: draw(st.sampled_from(WRONG[path])) for path in paths}


@LESS
@given(faults())
def test_every_wrong_value_is_reported_once_under_its_key_and_no_other(changes):
    with pytest.raises(SettingsError) as caught:
        good(broken(changes))
    keys = [problem.key.removeprefix("cloudpatterns:") for problem in caught.value.problems]
    assert sorted(keys) == sorted(changes)


@LESS
@given(faults(), st.lists(st.sampled_from(sorted(VALID)), max_size=2, unique=True))
def test_obeying_the_commands_ends_in_valid_settings(changes, missing):
    sections = {name: value for name, value in broken(changes).items() if name not in missing}
    for _ in range(3):
        try:
            parse(config(sections), "dev")
        except SettingsError as error:
            obey([command for problem in error.problems for command in problem.fix], sections)
        else:
            break
    good(sections)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@LESS
@given(ANYTHING, st.sampled_from(sorted(VALID)))
def test_no_value_whatever_makes_more_than_a_settings_error(value, section):
    sections = copy.deepcopy(VALID)
    mixed = isinstance(value, dict) and isinstance(sections[section], dict)
    sections[section] = sections[section] | value if mixed else value
    if mixed and (section == "tags" or not value):
        with suppress(SettingsError):
            good(sections)
        return
    with pytest.raises(SettingsError) as caught:
        good(sections)
    assert all(problem.fix for problem in caught.value.problems)
