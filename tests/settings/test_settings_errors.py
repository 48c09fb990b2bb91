"""How problems are reported: missing, malformed and unknown sections, all at once, secrets unseen, with their exact texts and commands."""

from typing import get_args, get_origin

import pulumi
import pytest
from pydantic import BaseModel

from settings import Settings, SettingsError, parse
from settings.errors import Reporter
from settings.systems import SYSTEMS
from tests.settings.configurations import ABSENT, VALID, broken, config, good, obey, problems
from tests.settings.expectations import put, put_all, reported, rm

CERTIFICATE = VALID["storefront"]["load_balancer"]["certificate_arn"]
ABROAD = CERTIFICATE.replace("eu-west-1", "us-east-1")
WINDOW = {"name": "b", "days": ["MON"], "start": "03:00", "minutes": 30}
NETWORK_KEYS = (
    "an object with the keys zones, cidr_block, subnet_prefixes, subnet_cidrs, dual_stack, interface_endpoints, network_acls, "
    "block_public_access, public_access_exclusions, flow_log_destination, flow_log_retention_days, flow_log_customer_key, flow_log_files, "
    "flow_log_aggregation_seconds, flow_log_force_destroy, nat"
)


@pytest.mark.parametrize("section", list(VALID))
def test_a_missing_section_is_one_problem_whose_command_gives_a_valid_one(section):
    for lacking in (broken({section: ABSENT}), broken({section: {}})) if section != "operators" else (broken({section: ABSENT}),):
        (problem,) = problems(lacking)
        assert (problem.key, problem.given, problem.because) == (f"cloudpatterns:{section}", "nothing", "the whole section is missing")
        fixed = broken({section: ABSENT})
        obey(problem.fix, fixed)
        good(fixed)


@pytest.mark.parametrize(
    ("text", "given", "because"),
    [
        ('{"zones":', '"{\\"zones\\":"', "not an object: and not JSON (Expecting value: line 1 column 10 (char 9))"),
        ("hello", '"hello"', "text where an object is expected"),
        ("[1]", "[1]", "not an object"),
        ("17", "17", "not an object"),
    ],
)
def test_a_malformed_section_is_one_problem(text, given, because):
    (problem,) = problems(broken({"network": text}))
    assert (problem.key, problem.given, problem.because, problem.allowed) == ("cloudpatterns:network", given, because, NETWORK_KEYS)
    assert problem.fix == (
        put_all(
            **{
                "network.zones[0]": "eu-west-1a",
                "network.zones[1]": "eu-west-1b",
                "network.cidr_block": "10.20.0.0/16",
                "network.nat.strategy": "per_zone",
            }
        ),
    )


def test_an_unknown_section_is_reported_with_the_nearest():
    (problem,) = problems(broken({"netwrok": {"a": 1}}))
    assert (problem.key, problem.given) == ("cloudpatterns:netwrok", '{"a": 1}')
    assert problem.because == "unknown key; did you mean cloudpatterns:network?"
    assert problem.allowed == f"the sections network, storefront, database, cache, operators, tags, {', '.join(SYSTEMS)}"
    assert problem.fix == ("pulumi config rm --stack dev 'cloudpatterns:netwrok'",)
    (other,) = problems(broken({"xyz": "1"}))
    assert other.because == "unknown key"


@pytest.mark.parametrize(("region", "given", "because"), [(None, "nothing", "is missing"), ("Ireland", '"Ireland"', None)])
def test_a_missing_or_wrong_region_is_the_only_problem(region, given, because):
    (problem,) = problems(VALID, region)
    assert (problem.key, problem.given, problem.because) == ("aws:region", given, because)
    assert problem.allowed == "the name of an AWS region, such as eu-west-1"
    assert problem.fix == ("pulumi config set --stack dev aws:region eu-west-1",)


def test_all_problems_are_reported_at_once_in_the_order_of_the_sections():
    sections = broken(
        {
            "cache.replicas": 9,
            "network.cidr_block": "x",
            "network.zones": ["eu-west-1a"],
            "storefront.servers.max_size": 1,
            "storefront.servers.app_port": 0,
            "tags.Owner": ABSENT,
            "tags.CostCenter": 7,
            "operators[0].name": "dba",
            "operators[0].ports[0]": 0,
            "zzz": "1",
        }
    )
    assert [key for key, *_ in reported(sections)] == [
        "network.cidr_block",
        "network.zones",
        "storefront.servers.app_port",
        "storefront.servers.min_size",
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
            "storefront.servers.max_size": "x",
            "storefront.servers.instance_types[1]": "t3.small",
            "network.nat.strategy": "x",
            "network.nat.windows[1]": WINDOW,
            "network.zones[1]": "eu-west-1a",
        }
    )
    assert sorted(key for key, *_ in reported(sections)) == [
        "network.nat.strategy",
        "network.nat.windows[1]",
        "network.zones[1]",
        "storefront.servers.instance_types[1]",
        "storefront.servers.max_size",
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
  fix:      pulumi config set --stack 'my stack' --path 'cloudpatterns:network.zones[1]' eu-west-1b

cloudpatterns:tags.Owner
  given:    nothing
  problem:  is missing; owner differs in case
  allowed:  every stack has the tags Owner, CostCenter and Environment
  fix:      pulumi config rm --stack 'my stack' --path 'cloudpatterns:tags.owner'
            pulumi config set --stack 'my stack' --path 'cloudpatterns:tags.Owner' platform"""
    )


def test_no_word_of_a_secret_section_shows():
    secret = broken(
        {
            "storefront.load_balancer.certificate_arn": ABROAD,
            "storefront.servers.min_size": 777,
            "storefront.load_balancer.health_check_path": "hush-hush",
        }
    )
    found = problems(secret, secret_keys=["cloudpatterns:storefront"])
    assert [(problem.key, problem.given, problem.because) for problem in found] == [
        ("cloudpatterns:storefront.servers.min_size", "[secret]", None),
        ("cloudpatterns:storefront.load_balancer.health_check_path", "[secret]", None),
        ("cloudpatterns:storefront.load_balancer.certificate_arn", "[secret]", None),
    ]
    assert found[1].fix == ("pulumi config set --stack dev --secret --path 'cloudpatterns:storefront.load_balancer.health_check_path'",)
    text = "".join(map(str, found))
    assert not any(word in text for word in ("hush", "777", "us-east-1", "00000000-0000"))


def test_an_unknown_key_of_a_secret_section_is_still_reported():
    (problem,) = problems(broken({"cache.engin": "hush-hush"}), secret_keys=["cloudpatterns:cache"])
    assert (problem.given, problem.because) == ("[secret]", "unknown key; did you mean engine?")
    assert problem.fix == ("pulumi config set --stack dev --secret --path 'cloudpatterns:cache.engine'", rm("cache.engin"))


def test_secret_regions_and_unreadable_secret_sections_stay_hidden():
    found = problems(
        broken({"network": "hush-hush"}), "hidden-region", secret_keys=["cloudpatterns:network", "aws:region", "cloudpatterns:zzz"]
    )
    assert [(problem.key, problem.given) for problem in found] == [("aws:region", "[secret]"), ("cloudpatterns:network", "[secret]")]
    (zone,) = problems(broken({"network.zones[1]": "eu-west-2b"}), secret_keys=["aws:region"])
    assert "eu-west-1" not in str(zone).replace('"eu-west-2b"', "")
    (unknown,) = problems(broken({"zzz": "hush-hush"}), secret_keys=["cloudpatterns:zzz"])
    assert unknown.given == "[secret]"


# --- misspelt keys ---

RENAMED = [
    ("cache.replcas", 2, "cache.replicas", [put("cache.replicas", 2)]),
    ("storefront.servers.package", "python3.13", "storefront.servers.packages", [put("storefront.servers.packages[0]", "python3.13")]),
    (
        "storefront.servers.scalin",
        {"cpu_target_percent": 60, "burst_cpu_percent": 80},
        "storefront.servers.scaling",
        [put_all(**{"storefront.servers.scaling.cpu_target_percent": 60, "storefront.servers.scaling.burst_cpu_percent": 80})],
    ),
    (
        "operators[0].max_entrys",
        "many",
        "operators[0].max_entries",
        [put("operators[0].max_entries", 10)],
    ),
]


@pytest.mark.parametrize(("wrong", "value", "right", "commands"), RENAMED)
def test_a_misspelt_key_is_renamed_with_its_value(wrong, value, right, commands):
    sections = broken({wrong: value})
    (problem,) = problems(sections)
    assert problem.because == f"unknown key; did you mean {right.rpartition('.')[2]}?"
    assert problem.fix == (*commands, rm(wrong))
    obey(problem.fix, sections)
    good(sections)


def test_a_misspelt_key_beside_the_right_one_is_only_removed():
    (problem,) = problems(broken({"storefront.servers.instance_type": "t4g.small"}))
    assert problem.fix == (rm("storefront.servers.instance_type"),)


def test_a_misspelt_required_key_is_one_problem():
    sections = broken(
        {"cache.node_type": ABSENT, "cache.node_typ": "cache.r7g.large", "operators[0].ports": ABSENT, "operators[0].port": 2222}
    )
    assert [problem.key for problem in problems(sections)] == ["cloudpatterns:cache.node_typ", "cloudpatterns:operators[0].port"]
    obey([command for problem in problems(sections) for command in problem.fix], sections)
    found = good(sections)
    assert (found.cache.node_type, found.operators[0].ports) == ("cache.r7g.large", (2222,))


def test_a_misspelt_section_is_renamed():
    sections = broken({"cache": ABSENT, "cach": VALID["cache"]})
    (problem,) = problems(sections)
    assert problem.because == "unknown key; did you mean cloudpatterns:cache?"
    assert problem.fix == (
        put_all(**{"cache.engine_version": "8.1", "cache.node_type": "cache.t4g.micro"}),
        "pulumi config rm --stack dev 'cloudpatterns:cach'",
    )
    obey(problem.fix[:-1], sections)
    del sections["cach"]
    assert good(sections).cache.node_type == VALID["cache"]["node_type"]


def test_what_looks_like_a_secret_is_never_shown():
    for path, value in (
        ("storefront.servers.environmnt", {"DB_PASSWORD": "hunter2"}),
        ("storefront.servers.environment", {"DB_PASSWORD": ["hunter2"], "OTHER": 5}),
        ("storefront.servers.environment", {"DB_PASSWORD": "hunter2", "OTHER": 5}),
        ("storefront.servers.DB_PASSWORD", "hunter2"),
        ("storefront.environment", {"MAIL": {"SMTP_PASSWORD": "hunter2"}}),
        ("storefront.servers.environment", ["amqp://shop:hunter2@mq"]),
        ("storefront.servers.environment", {"DB_PASSWORD": 1234567}),
        ("DB_PASSWORD", "hunter2"),
        ("storefrnt", {"servers": {"environment": {"DB_PASSWORD": "hunter2"}}}),
    ):
        text = "".join(map(str, problems(broken({path: value}))))
        assert "hunter2" not in text, path
        assert "1234567" not in text, path


# --- every fix does something ---


def required(model, place=()):
    """The places of required settings, also within the entries of lists and objects."""
    for name, info in model.model_fields.items():
        kind = info.annotation
        if info.is_required() and place:
            yield (*place, name)
        while get_args(kind) and not isinstance(kind, type):
            kind = get_args(kind)[0]
        inner, step = kind, name
        if get_origin(kind) is None and get_args(kind):
            inner = get_args(kind)[0]
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from required(inner, (*place, step))
        elif entries := [one for one in get_args(kind) if one is not ...]:
            entry = entries[-1]
            while get_args(entry) and not isinstance(entry, type):
                entry = get_args(entry)[0]
            if isinstance(entry, type) and issubclass(entry, BaseModel):
                yield from required(entry, (*place, step, 0 if len(entries) == 1 else "one"))


@pytest.mark.parametrize("place", list(required(Settings)), ids=lambda place: ".".join(map(str, place)))
def test_a_missing_setting_has_a_value_to_be_set(place):
    reporter = Reporter(Settings, "cloudpatterns", "dev", "eu-west-1", (), {})
    problem = reporter.problem({"loc": place, "type": "missing"})
    assert all(" set" in command for command in problem.fix), problem.fix
