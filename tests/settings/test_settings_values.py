"""What settings come to: types, defaults, and the ways YAML and the CLI write the same value."""

import zoneinfo
from ipaddress import IPv4Network, IPv6Network

import pulumi
import pytest
from pulumi.runtime.config import set_all_config
from pydantic import ValidationError

import settings
from tests.settings.configurations import ABSENT, SUBNET_CIDRS, VALID, broken, config, good, problems


def test_settings_are_typed_and_frozen():
    found = good(VALID)
    assert (found.stack, found.region) == ("dev", "eu-west-1")
    assert found.network.cidr_block == IPv4Network("10.20.0.0/16")
    assert found.network.zones == ("eu-west-1a", "eu-west-1b")
    assert found.operators[1].entries[0].cidr == IPv6Network("2001:db8:1::/48")
    assert found.tags == {"Owner": "platform", "CostCenter": "cc-1234", "Environment": "dev"}
    with pytest.raises(ValidationError, match="frozen"):
        setattr(found.network, "zones", ())  # noqa: B010  # a plain assignment would not pass the type check


def test_what_is_left_out_has_a_safe_default():
    found = good(VALID)
    assert found.network.flow_log_retention_days == 365
    assert found.network.dual_stack is False
    assert (found.network.network_acls, found.network.block_public_access, found.network.flow_log_files) == (None, None, None)
    assert (found.network.flow_log_destination, found.network.flow_log_aggregation_seconds) == ("cloud-watch-logs", 600)
    assert (found.network.flow_log_customer_key, found.network.flow_log_force_destroy) == (False, False)
    assert (found.network.nat.instance_type, found.network.nat.egress_ports, found.network.nat.zone) == ("t4g.micro", (80, 443), None)
    gateways = good(broken({"network.nat": {"strategy": "per_zone"}})).network.nat
    assert gateways.as_args() == {"strategy": "per_zone", "windows": []}
    assert found.network.public_access_exclusions is None
    servers, balancer, firewall = found.storefront.servers, found.storefront.load_balancer, found.storefront.firewall
    assert (servers.app_port, servers.spot_percentage, servers.scaling.cpu_target_percent) == (8080, 0, 50)
    assert (balancer.health_check_path, balancer.log_retention_days) == ("/healthz", 365)
    assert (balancer.deletion_protection, balancer.force_destroy) == (True, False)
    assert (firewall.rate_limit, firewall.blocked_cidrs, firewall.allowed_cidrs, firewall.count_rules) == (2000, (), (), ())
    assert (firewall.exceptions, firewall.log_retention_days) == ((), 365)
    base = found.database
    assert (base.multi_az, base.deletion_protection, base.backup_retention_days, base.log_retention_days) == (True, True, 30, 365)
    assert base.apply_immediately is False
    assert (base.allocated_storage_gib, base.max_allocated_storage_gib, base.database_insights_mode) == (20, None, "standard")
    assert (found.cache.engine, found.cache.replicas, found.cache.snapshot_retention_days) == ("valkey", 1, 7)
    assert (found.cache.deletion_protection, found.cache.log_retention_days) == (True, 365)
    assert found.operators[0].max_entries == 10
    utc = good(broken({"network.nat.time_zone": ABSENT}))
    assert utc.network.nat.time_zone == "UTC"


def test_an_image_is_as_given_and_else_for_the_component_to_choose():
    assert good(VALID).storefront.servers.image_parameter is None
    custom = good(broken({"storefront.servers.image_parameter": "/golden/web"})).storefront
    assert custom.servers.image_parameter == "/golden/web"
    fixed = good(broken({"storefront.servers.image_id": "ami-0abc1234def567890"})).storefront.as_args()["servers"]
    assert (fixed["image_id"], "image_parameter" in fixed) == ("ami-0abc1234def567890", False)


@pytest.mark.parametrize(
    ("instance_type", "architecture"),
    [
        *((name, "arm64") for name in ("a1.large", "t4g.nano", "c7gn.large", "im4gn.large", "is4gen.large", "x2gd.large", "g5g.xlarge")),
        *(
            (name, "x86_64")
            for name in ("t3.small", "g4dn.xlarge", "m7i-flex.large", "gr6.xlarge", "u-6tb1.metal", "m7a.large", "p5.48xlarge")
        ),
    ],
)
def test_image_of_another_architecture_than_the_types_is_refused(instance_type, architecture):
    other = {"arm64": "x86_64", "x86_64": "arm64"}[architecture]
    sections = broken({"storefront.servers.instance_types": [instance_type], "storefront.servers.image_parameter": f"/images/{other}"})
    (problem,) = problems(sections)
    assert problem.because == f"an image for {other}, and {instance_type} is {architecture}"


@pytest.mark.parametrize(
    ("path", "written", "means"),
    [
        ("database.engine_version", 8.4, "8.4"),
        ("database.engine_version", "8.4.7", "8.4.7"),
        ("cache.engine_version", 8.1, "8.1"),
        ("cache.engine_version", 9, "9.0"),
        ("cache.engine_version", 9.0, "9.0"),
        ("database.multi_az", "yes", True),
        ("database.multi_az", "off", False),
        ("storefront.servers.min_size", "2", 2),
        ("tags.CostCenter", "0123", "0123"),
    ],
)
def test_spellings_that_can_mean_one_thing_only_are_taken(path, written, means):
    value = good(broken({path: written}))
    for name in path.split("."):
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    assert value == means


def test_a_postgres_version_is_taken_as_number_when_whole():
    assert good(broken({"database.engine": "postgres", "database.engine_version": 17})).database.engine_version == "17"


def test_subnets_are_derived_or_as_given():
    assert str(good(VALID).network.subnets["data"]["eu-west-1b"]) == "10.20.103.0/24"
    sized = good(broken({"network.subnet_prefixes": {"data": 26}})).network
    assert {str(network.prefixlen) for network in sized.subnets["data"].values()} == {"26"}
    given = good(broken({"network.subnet_cidrs": SUBNET_CIDRS})).network
    assert {tier: {zone: str(cidr) for zone, cidr in by_zone.items()} for tier, by_zone in given.subnets.items()} == SUBNET_CIDRS


def test_a_single_copy_of_everything_still_needs_two_zones_for_the_load_balancer():
    sections = broken({"network.zones": ["eu-west-1a"], "database.multi_az": False, "cache.replicas": 0})
    (problem,) = problems(sections)
    assert problem.because == "only one zone, and two are required by the load balancer"


@pytest.fixture
def bare_machine():
    """A machine whose system has no time zones: the tzdata package stands in."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


def test_time_zones_are_known_on_a_bare_machine(bare_machine):
    assert good(broken({"network.nat.time_zone": "Europe/Berlin"})).network.nat.time_zone == "Europe/Berlin"
    for name in ("Mars/Olympus", "Europe", "../UTC", ""):
        assert [problem.given for problem in problems(broken({"network.nat.time_zone": name}))] == [f'"{name}"']


@pytest.fixture
def runtime(monkeypatch):
    monkeypatch.setattr(pulumi, "get_stack", lambda: "dev")
    yield
    set_all_config({}, [])


def test_load_reads_the_current_stack(runtime):
    set_all_config({**config(VALID), "cloudpatterns-other:x": "1", "aws:profile": "p"}, [])
    assert settings.load() == good(VALID)


def test_load_knows_secrets_and_unknown_keys(runtime):
    set_all_config(config(broken({"cache.replicas": 9, "zzz": "1"})), ["cloudpatterns:cache"])
    with pytest.raises(settings.SettingsError) as caught:
        settings.load()
    assert [(problem.key, problem.given) for problem in caught.value.problems] == [
        ("cloudpatterns:cache.replicas", "[secret]"),
        ("cloudpatterns:zzz", "1"),
    ]


def test_sections_cannot_be_made_around_parse():
    with pytest.raises(TypeError, match=r"call settings\.parse"):
        settings.Firewall()


def test_public_names_exist_and_are_listed():
    assert all(hasattr(settings, name) for name in settings.__all__)
    assert settings.__all__ == sorted(settings.__all__)
