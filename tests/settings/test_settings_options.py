"""Sections that are the options of components: each option is a setting, with the default and the limits that the component declares."""

import json
from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Annotated, Any, NotRequired, TypedDict

import annotated_types
import pulumi
import pytest
from cloudpatterns.compute import ScaleOutOptions
from cloudpatterns.core import Choice, Matches, declared
from cloudpatterns.core.arguments import default_of, docstrings, metadata
from cloudpatterns.core.vocabulary import Cidr, LogRetentionDays, Ports
from cloudpatterns.database import InMemoryCacheOptions, ReadReplicaOptions, RelationalDatabaseOptions
from cloudpatterns.network import (
    LoadBalancerOptions,
    NatWindow,
    NetworkFlowLogFiles,
    NetworkOptions,
    NetworkSubnetCidrs,
    NetworkSubnetPrefixes,
    OnDemandNatOptions,
    WebApplicationFirewallOptions,
)
from cloudpatterns.network import NetworkAcls as NetworkAclsArgs
from cloudpatterns.systems import StorefrontLoadBalancerArgs, StorefrontServersArgs
from pydantic import BaseModel, Field, ValidationError

from settings import (
    Cache,
    Database,
    Firewall,
    FlowLogFiles,
    LoadBalancer,
    Nat,
    Network,
    NetworkAcls,
    ReadReplicas,
    Servers,
    SubnetCidrs,
    SubnetPrefixes,
    Window,
    schema,
)
from settings.faults import Allowed, Context
from settings.options import options

SECTIONS: list[tuple[type[BaseModel], type, set[str]]] = [
    (Network, NetworkOptions, set()),
    (NetworkAcls, NetworkAclsArgs, set()),
    (FlowLogFiles, NetworkFlowLogFiles, set()),
    (SubnetPrefixes, NetworkSubnetPrefixes, set()),
    (SubnetCidrs, NetworkSubnetCidrs, set()),
    (Nat, OnDemandNatOptions, set()),
    (Window, NatWindow, set()),
    (Database, RelationalDatabaseOptions, set()),
    # Without the options of RDS instances, of which the storefront has no replicas.
    (ReadReplicas, ReadReplicaOptions, {"instance_class", "max_allocated_storage_gib", "replicas", "deletion_protection"}),
    (Cache, InMemoryCacheOptions, set()),
    (Firewall, WebApplicationFirewallOptions, set()),
    (Servers, StorefrontServersArgs, set()),
    (LoadBalancer, StorefrontLoadBalancerArgs, set()),
]
# What a section declares itself, with the reason.
REDECLARED: dict[type[BaseModel], set[str]] = {
    # A block that is required and fits three tiers, zones of the region, a default that decides about others, and nested sections.
    Network: {"cidr_block", "zones", "flow_log_destination", "subnet_prefixes", "subnet_cidrs", "network_acls", "flow_log_files", "nat"},
    # Rules over single ports and networks.
    NetworkAcls: {"public_ports", "trusted_cidrs"},
    FlowLogFiles: set(),
    SubnetPrefixes: set(),
    SubnetCidrs: set(),
    # Defaults that only a NAT instance has, zones of the time zone database, and nested sections.
    Nat: {"instance_type", "instance_revision", "egress_ports", "time_zone", "windows"},
    Window: set(),
    # The engines of the program, versions in standard support (YAML reads them as numbers), and a first size.
    Database: {"engine", "engine_version", "allocated_storage_gib"},
    ReadReplicas: set(),
    # A version is required, and YAML reads it as a number.
    Cache: {"engine_version"},
    # Rules with a real date, and exceptions with the names of the groups.
    Firewall: {"count_rules", "exceptions"},
    # Examples of a statement.
    Servers: {"statements"},
    LoadBalancer: set(),
}
# Limits of the stack configuration alone.
NARROWED = {("Servers", "min_size"): (1, 1000), ("Servers", "max_size"): (1, 1000), ("SubnetPrefixes", "public"): (16, 27)}
# Settings that are not an option of the component, but another component's.
OWN = {Network: {"nat"}}
OPTIONS = [(section, args_type, name) for section, args_type, without in SECTIONS for name in declared(args_type) if name not in without]
INHERITED = [option for option in OPTIONS if option[2] not in REDECLARED[option[0]]]


def named(options: list[tuple[type[BaseModel], type, str]]) -> Any:
    return pytest.mark.parametrize(
        ("section", "args_type", "name"), options, ids=[f"{section.__name__}.{name}" for section, _, name in options]
    )


@pytest.mark.parametrize(("section", "args_type", "without"), SECTIONS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_option_of_the_component_is_a_setting_and_nothing_else_is(
    section: type[BaseModel], args_type: type, without: set[str]
) -> None:
    assert set(section.model_fields) - OWN.get(section, set()) == set(declared(args_type)) - without


@pytest.mark.parametrize(
    ("system", "component"), [(StorefrontServersArgs, ScaleOutOptions), (StorefrontLoadBalancerArgs, LoadBalancerOptions)]
)
def test_a_system_embeds_the_options_of_its_components(system: type, component: type) -> None:
    assert set(declared(component)) <= set(declared(system))


@pytest.mark.parametrize("section", REDECLARED, ids=lambda section: section.__name__)
def test_a_section_declares_no_option_a_second_time_but_for_a_reason(section: type[BaseModel]) -> None:
    assert set(section.__annotations__) - {"checks"} == REDECLARED[section]


def plain(value: Any) -> Any:
    """A default as its JSON: nested objects with their own defaults, lists as lists."""
    if isinstance(value, BaseModel):
        return {name: plain(inner) for name, inner in value if inner is not None}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@named(INHERITED)
def test_a_setting_has_the_default_of_the_option(section: type[BaseModel], args_type: type, name: str) -> None:
    field, hint = section.model_fields[name], declared(args_type)[name]
    required = name in getattr(args_type, "__required_keys__", ())
    assert field.is_required() is required
    if not required:
        default = default_of(hint)
        assert plain(field.default) == plain(default)


def definition(section: type[BaseModel]) -> Mapping[str, Any]:
    return json.loads(schema.document())["$defs"][section.__name__]["properties"]


def limits(property_: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema of a value, without the alternative null."""
    return next((one for one in property_.get("anyOf", ()) if one.get("type") != "null"), property_)


@named(INHERITED)
def test_a_setting_has_the_limits_of_the_option(section: type[BaseModel], args_type: type, name: str) -> None:
    property_, (_, found) = limits(definition(section)[name]), metadata(declared(args_type)[name])
    expected: dict[str, Any] = {}
    for limit in found:
        if isinstance(limit, annotated_types.Ge):
            expected["minimum"] = limit.ge
        elif isinstance(limit, annotated_types.Le):
            expected["maximum"] = limit.le
        elif isinstance(limit, Choice):
            expected["enum"] = list(limit.values)
        elif isinstance(limit, Matches):
            expected["pattern"] = f"^(?:{limit.pattern})$"
    if (section.__name__, name) in NARROWED:
        expected["minimum"], expected["maximum"] = NARROWED[section.__name__, name]
    assert {key: property_.get(key) for key in expected} == expected


@named(INHERITED)
def test_a_setting_is_described_in_the_words_of_the_option(section: type[BaseModel], args_type: type, name: str) -> None:
    property_ = definition(section)[name]
    # The words of a nested object stand with its definition where they are the same.
    nested = json.loads(schema.document())["$defs"].get(property_.get("$ref", "").rpartition("/")[2], {})
    descriptions = [property_.get("description", ""), nested.get("description", "")]
    assert any(description.startswith(docstrings(args_type)[name]) for description in descriptions)


class Inner(TypedDict):
    """A part."""

    size: Annotated[int, Field(ge=1, le=9)]
    """Size."""


class Outer(TypedDict):
    """Everything that an option can be."""

    name: Annotated[str, Matches("[a-z]+", "lower-case letters such as shop")]
    """Name."""
    days: NotRequired[LogRetentionDays]
    """Days."""
    ports: NotRequired[Annotated[Ports, Field(default=[80])]]
    """Ports."""
    network: NotRequired[Cidr]
    """Network."""
    parts: NotRequired[Annotated[dict[str, Inner], Field(default={})]]
    """Parts."""
    topic: NotRequired[pulumi.Input[str]]
    """Topic."""
    hidden: NotRequired[str]
    """Decided by the program."""


Section: Any = options(
    Outer,
    without=("hidden",),
    limits={"name": Annotated[str, Field(max_length=4)]},
    texts={"topic": Allowed("a topic", "alarms")},
)


def read(**given: Any) -> Any:
    return Section.model_validate(given, context=Context("eu-west-1"))


def refused(**given: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(ValidationError) as caught:
        read(**given)
    return [(error["loc"], error["msg"]) for error in caught.value.errors()]


def test_options_are_read_as_real_types_with_their_defaults() -> None:
    section = read(name="shop", network="10.0.0.0/8", parts={"one": {"size": 3}}, topic="arn")
    assert (section.network, section.ports, section.days, section.parts["one"].size) == (IPv4Network("10.0.0.0/8"), (80,), 365, 3)
    assert section.as_args() == {
        "name": "shop",
        "days": 365,
        "ports": [80],
        "network": "10.0.0.0/8",
        "parts": {"one": {"size": 3}},
        "topic": "arn",
    }


def test_limits_of_the_component_and_of_the_section_both_hold() -> None:
    assert [path for path, _ in refused(name="shops")] == [("name",)]
    assert refused(name="S") == [(("name",), "is 'S'; must be lower-case letters such as shop")]
    assert refused(name="shop", ports=[80, 80]) == [(("ports",), "80 is listed twice")]
    assert [path for path, _ in refused(name="shop", ports=[0])] == [("ports", 0)]
    assert [path for path, _ in refused(name="shop", parts={"one": {"size": 10}})] == [("parts", "one", "size")]
    assert [path for path, _ in refused(name="shop", network="10.0.0.1/8")] == [("network",)]
    assert [path for path, _ in refused(name="shop", hidden="x")] == [("hidden",)]
    assert [path for path, _ in refused()] == [("name",)]


def test_true_is_not_a_number() -> None:
    assert [path for path, _ in refused(name="shop", parts={"one": {"size": True}})] == [("parts", "one", "size")]


def test_texts_say_what_the_limits_allow_unless_they_are_given() -> None:
    properties = Section.model_json_schema()["properties"]
    assert {name: limits(property_)["x-allowed"] for name, property_ in properties.items() if name != "days"} == {
        "name": "lower-case letters such as shop; at most 4 characters",
        "ports": "a list; each once; each 1 to 65,535",
        "network": "a network such as 203.0.113.0/24 or 2001:db8::/32",
        "parts": "an object",
        "topic": "a topic",
    }
