"""The host between a program in another language and a component: names, checks and errors, without a CLI."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import Component
from cloudpatterns.network import FunctionalFirewall, OnDemandNat
from cloudpatterns.plugin import ComponentHost, components, project_version
from cloudpatterns.plugin.names import Names
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.server import ComponentInitError

from tests.components.test_package import components as defined
from tests.harness import record

ROOT = Path(__file__).resolve().parents[3]
FIREWALL = {"vpcId": "vpc-1", "functions": {"http": {"internet": True}, "my-app": {"ports": [8080.0], "callers": ["http"]}}}


@pytest.fixture(scope="module")
def host() -> ComponentHost:
    return ComponentHost(project_version())


@pytest.fixture(scope="module")
def names() -> Callable[[type[pulumi.ComponentResource]], Names]:
    def of(component: type[pulumi.ComponentResource]) -> Names:
        found = Analyzer("cloudpatterns").analyze([component])
        return Names(found["component_definitions"][component.__name__], found["type_definitions"])

    return of


def refused(host: ComponentHost, component: str, inputs: dict[str, Any]) -> list[str]:
    """The message of a component that cannot be created, line by line."""
    with pytest.raises(pulumi.InputPropertiesError) as caught:
        record(lambda: host.construct("it", f"cloudpatterns:index:{component}", inputs))
    assert type(caught.value) is pulumi.InputPropertiesError, "the SDK's server shows others as internal errors"
    assert caught.value.errors == [], "the CLI would show the values beside"
    assert caught.value.__suppress_context__
    return caught.value.message.splitlines()


def test_every_component_is_served() -> None:
    assert components() == sorted(defined(), key=lambda one: one.__name__)
    assert Component not in components()


def test_a_component_is_made_of_the_callers_names_and_floats(host: ComponentHost) -> None:
    graph = record(lambda: host.construct("it", "cloudpatterns:index:FunctionalFirewall", dict(FIREWALL)))
    direct = record(
        lambda: FunctionalFirewall(
            "it", {"vpc_id": "vpc-1", "functions": {"http": {"internet": True}, "my-app": {"ports": [8080], "callers": ["http"]}}}
        )
    )
    assert [(one.type, one.name, one.inputs) for one in graph.resources] == [(one.type, one.name, one.inputs) for one in direct.resources]


def test_outputs_go_back_by_the_callers_names(host: ComponentHost) -> None:
    made: list[Any] = []
    record(lambda: made.append(host.construct("it", "cloudpatterns:index:FunctionalFirewall", dict(FIREWALL))))
    assert list(made[0].state) == ["securityGroupIds"]


def test_a_wrong_value_is_told_in_the_callers_names(host: ComponentHost) -> None:
    inputs = {"strategy": "on_demand", "vpcId": "vpc-1", "privateRouteTableIdsByZone": {"a": "rtb-1"}, "egressPorts": [443.0, 80.5]}
    assert refused(host, "OnDemandNat", inputs) == [
        'OnDemandNat "it" cannot be created:',
        "  egressPorts.1: is 80.5; must be a whole number",
    ]


def test_what_is_no_argument_is_told_at_every_depth(host: ComponentHost) -> None:
    inputs = {"vpcId": "vpc-1", "vpc_id": "vpc-2", "zzz": 1, "functions": {"http": {"port": 80}}}
    known = ", ".join(sorted(host._component_defs["FunctionalFirewall"].inputs))
    assert refused(host, "FunctionalFirewall", inputs) == [
        'FunctionalFirewall "it" cannot be created:',
        "  functions.http.port: is not an argument; did you mean ports?",
        "  vpc_id: is not an argument; did you mean vpcId?",
        f"  zzz: is not an argument; known are {known}",
    ]


def test_an_output_where_the_shape_is_decided_is_told_without_its_value(host: ComponentHost) -> None:
    late = "is an output or a secret. It decides what is created, so it must be known when the program runs: give"

    def construct() -> Any:
        inputs = {
            "strategy": pulumi.Output.secret("canary"),
            "vpcId": pulumi.Output.secret("vpc-1"),
            "privateRouteTableIdsByZone": pulumi.Output.from_input({"a": "rtb-1"}),
            "alarmTopicArns": pulumi.Output.from_input(["arn"]),
            "egressPorts": [pulumi.Output.from_input(443)],
            "windows": pulumi.Output.from_input([]),
        }
        return host.construct("it", "cloudpatterns:index:OnDemandNat", inputs)

    with pytest.raises(pulumi.InputPropertiesError) as caught:
        record(construct)
    assert caught.value.message.splitlines() == [
        'OnDemandNat "it" cannot be created:',
        f"  alarmTopicArns: {late} a list, whose entries may be outputs.",
        f"  egressPorts.0: {late} a plain value.",
        f"  privateRouteTableIdsByZone: {late} a dictionary with plain keys, whose values may be outputs.",
        f"  strategy: {late} a plain value.",
        f"  windows: {late} a list of plain values.",
    ]


def test_a_value_of_another_type_is_left_to_the_component(host: ComponentHost) -> None:
    inputs = {"strategy": "none", "vpcId": 5.0, "privateRouteTableIdsByZone": "x", "windows": [[]]}
    told = refused(host, "OnDemandNat", inputs)
    assert [line.split(":")[0] for line in told[1:]] == ["  windows.0", "  vpcId", "  privateRouteTableIdsByZone"]


def test_a_fault_of_a_component_keeps_its_traceback(host: ComponentHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("ours")

    monkeypatch.setitem(host._components, "FunctionalFirewall", fail)
    with pytest.raises(ComponentInitError, match="ours"):
        host.construct("it", "cloudpatterns:index:FunctionalFirewall", dict(FIREWALL))


def test_paths_are_translated_and_keys_of_maps_are_not(names: Callable[[type[pulumi.ComponentResource]], Names]) -> None:
    firewall = names(FunctionalFirewall)
    assert firewall.in_path("vpc_id") == "vpcId"
    assert firewall.in_path("functions.vpc_id.egress.vpc_id.prefix_list_id") == "functions.vpc_id.egress.vpc_id.prefixListId"
    assert firewall.in_path("name") == "name"
    assert firewall.in_path("nothing.vpc_id.there") == "nothing.vpc_id.there"
    assert names(OnDemandNat).in_path("private_route_table_ids_by_zone.eu_west.more") == "privateRouteTableIdsByZone.eu_west.more"


def test_texts_are_translated_and_quoted_values_are_not(names: Callable[[type[pulumi.ComponentResource]], Names]) -> None:
    nat = names(OnDemandNat)
    assert nat.in_text("is 'vpc_id'; give vpc_id, `time_zone` or on_demand") == "is 'vpc_id'; give vpcId, `timeZone` or on_demand"
    assert nat.in_text("is True; must be True or False, not 'True' or None") == "is true; must be true or false, not 'True' or null"


def test_the_plugin_says_where_it_listens() -> None:
    started = subprocess.Popen(
        [sys.executable, str(ROOT / "components"), "127.0.0.1:1"], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert started.stdout is not None
        assert int(started.stdout.readline()) > 1023
    finally:
        started.kill()
        started.communicate()


def test_nothing_in_the_plugins_folder_comes_from_outside_it() -> None:
    """The CLI installs the folder alone: with the distributions that it names, and without the repository."""
    loaded = (
        "import runpy, sys; sys.path[:] = [path for path in sys.path if path not in ('', sys.argv[1])];"
        "runpy.run_path(sys.argv[1] + '/components'); import cloudpatterns.plugin as plugin; plugin.components();"
        "roots = {name.partition('.')[0] for name in sys.modules};"
        "print(sorted(roots & {'offline_preview', 'cloudpatterns_policies', 'settings', 'sandbox', 'tests', 'pulumi_policy'}))"
    )
    done = subprocess.run([sys.executable, "-c", loaded, str(ROOT)], cwd="/", capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
