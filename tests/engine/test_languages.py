"""The same program in every language makes the same, by the plugin and the generated SDKs; and a wrong argument is told in each."""

import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cloudpatterns.plugin import components, package_schema, project_version, snippets

from sandbox.workspace import Workspace
from tests.engine import languages
from tests.engine.languages import LANGUAGES, done, type_check
from tests.engine.programs import in_account, new_stack
from tests.harness import record

ZONES = ["eu-west-1a", "eu-west-1b"]


def program() -> None:
    """The examples' program by import."""
    import pulumi
    from cloudpatterns.network import Network, OnDemandNat

    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    nat = OnDemandNat(
        "nat",
        {
            "strategy": "on_demand",
            "vpc_id": network.vpc_id,
            "vpc_cidr_block": network.vpc_cidr_block,
            "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "private_route_table_ids_by_zone": network.private_route_table_ids_by_zone,
            "windows": [{"name": "patch", "days": ["TUE", "THU"], "start": "02:00", "minutes": 120}],
            "egress_ports": [443],
        },
    )
    pulumi.export("addresses", nat.public_ips)


def names(urns: Iterator[str]) -> list[str]:
    """Types and names of what a program makes, whatever its project and its providers are called."""
    return sorted(urn.split("::", 2)[2] for urn in urns if "::pulumi:" not in urn)


def without_empty(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: without_empty(below) for key, below in part.items() if below not in (None, [], {})}
    return [without_empty(below) for below in part] if isinstance(part, list) else part


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Workspace]:
    """The workspace of a language, made once for all tests; each test has a stack of its own."""
    folder = tmp_path_factory.mktemp("languages")
    return functools.cache(lambda language: languages.make(folder / language, language))


@pytest.fixture
def typescript(ready: Callable[[str], Workspace]) -> Iterator[Callable[[str], Workspace]]:
    """Gives the project in TypeScript another program for one test."""
    found = ready("typescript")
    index = found.project / "index.ts"
    example = index.read_text(encoding="utf-8")

    def become(program: str) -> Workspace:
        index.write_text(program, encoding="utf-8")
        return found

    yield become
    index.write_text(example, encoding="utf-8")


def test_the_cli_reads_the_schema_as_it_is_made(ready: Callable[[str], Workspace]) -> None:
    version = project_version()
    read = json.loads(done(ready("yaml").pulumi("package", "get-schema", f"cloudpatterns@{version}")))
    made = package_schema(version)
    for part in ("resources", "types", "name", "version"):
        assert without_empty(read[part]) == without_empty(made[part])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_in_another_language_makes_what_it_makes_in_python(language: str, ready: Callable[[str], Workspace]) -> None:
    found = ready(language)
    stack = new_stack(found, "same")
    expected = names(resource.urn for resource in record(program).resources)
    assert len(expected) > 50
    assert f"{len(expected) + 1} to create" in done(found.pulumi("preview", "--stack", stack))
    done(found.pulumi("up", "--yes", "--skip-preview", "--stack", stack))
    assert names(resource["urn"] for resource in found.resources(stack)) == expected
    outputs = json.loads(done(found.pulumi("stack", "output", "--json", "--stack", stack)))
    assert list(outputs["privateSubnets"]) == ZONES
    assert all(subnet.startswith("subnet-") for subnet in outputs["privateSubnets"].values())
    assert len(outputs["addresses"]) == 1
    done(found.pulumi("preview", "--expect-no-changes", "--stack", stack))
    done(found.pulumi("destroy", "--yes", "--skip-preview", "--stack", stack))
    assert in_account(found, stack) == []


def test_the_examples_in_typescript_are_typed_as_the_sdk_is(typescript: Callable[[str], Workspace]) -> None:
    """Each in a scope of its own; the offline tests create what they create."""
    schema = package_schema(project_version())
    programs = [
        snippets.in_typescript(function, schema).splitlines() for component in components() if (function := snippets.example(component))
    ]
    assert len(programs) >= 20
    (head,) = {program[0] for program in programs}
    found = typescript("\n".join([head, *(line for program in programs for line in ("{", *program[1:], "}"))]))
    done(type_check(found))
    wrong = found.project / "index.ts"
    wrong.write_text(wrong.read_text(encoding="utf-8").replace('"on_demand"', '"on_demnd"'), encoding="utf-8")
    run = type_check(found)
    assert run.returncode != 0
    assert """Type '"on_demnd"' is not assignable to type 'OnDemandNatStrategy'.""" in run.stdout


HEAD = """
import * as cloudpatterns from "@pulumi/cloudpatterns";
import * as pulumi from "@pulumi/pulumi";

const zones = ["eu-west-1a", "eu-west-1b"];
const cidrBlock = "10.40.0.0/16";
"""


def test_provider_parent_transforms_and_secrets_reach_the_children(typescript: Callable[[str], Workspace]) -> None:
    found = typescript(
        HEAD
        + """
class Aws extends pulumi.ProviderResource {
    constructor(name: string, region: string) {
        super("aws", name, { region });
    }
}

const group = new pulumi.ComponentResource("example:index:Group", "group");
const ireland = new Aws("ireland", "eu-west-1");
const network = new cloudpatterns.Network("network", { cidrBlock, zones }, {
    parent: group,
    provider: ireland,
    protect: true,
    transforms: [({ type, props, opts }) =>
        type === "aws:ec2/vpc:Vpc" ? { props: { ...props, enableNetworkAddressUsageMetrics: true }, opts } : undefined],
});
new cloudpatterns.FunctionalFirewall("firewall", {
    vpcId: network.vpcId,
    functions: { http: { internet: true } },
    tags: { Ticket: pulumi.secret("canary-4711") },
}, { providers: [ireland] });
"""
    )
    stack = new_stack(found, "options")
    shown = done(found.pulumi("up", "--yes", "--skip-preview", "--stack", stack))
    resources = {resource["urn"].rpartition("::")[2]: resource for resource in found.resources(stack)}
    vpc, firewall = resources["network-vpc"], resources["firewall-http"]
    assert "::example:index:Group$cloudpatterns:index:Network$aws:ec2/vpc:Vpc::" in vpc["urn"]
    assert {resource["provider"].split("::")[-2] for resource in (vpc, firewall)} == {"ireland"}
    assert vpc["protect"]
    assert vpc["inputs"]["enableNetworkAddressUsageMetrics"] is True
    assert "ciphertext" in firewall["inputs"]["tags"]["Ticket"]
    state = found.pulumi("stack", "export", "--stack", stack).stdout
    assert "canary-4711" not in shown + state


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            'new cloudpatterns.Network("net", { cidrBlock, zones, flowLogRetentionDays: 8 })',
            ["flowLogRetentionDays: is 8; must be one of the days that CloudWatch Logs keeps: 1, 3, 5, "],
        ),
        (
            'new cloudpatterns.Network("net", { zones })',
            ["cidrBlock: exactly one of cidrBlock and ipv4NetmaskLength is needed; none is given. Give one."],
        ),
        (
            'new cloudpatterns.FunctionalFirewall("net", { vpcId: "vpc-1", functions: { app: { port: [80] } as any } })',
            ["functions.app.port: is not an argument; did you mean ports?"],
        ),
        (
            'new cloudpatterns.Network("net", { cidrBlock: pulumi.secret("canary-4711"), zones: pulumi.output(zones) } as any)',
            [
                "cidrBlock: is an output or a secret. It decides what is created, so it must be known when the program runs: give a plain "
                "value.",
                "zones: is an output or a secret. It decides what is created, so it must be known when the program runs: give a list of "
                "plain values.",
            ],
        ),
    ],
    ids=["value", "missing", "unknown", "output"],
)
def test_a_wrong_argument_is_told_in_the_callers_names(wrong: str, told: list[str], typescript: Callable[[str], Workspace]) -> None:
    found = typescript(f"{HEAD}{wrong};\n")
    stack = new_stack(found, f"wrong{abs(hash(wrong))}")
    run = found.pulumi("preview", "--stack", stack)
    text = run.stdout + run.stderr
    assert run.returncode != 0
    assert '"net" cannot be created:' in text
    for line in told:
        assert f"\n      {line}" in text
    assert not [sign for sign in ("Traceback", "Unexpected <class", "canary-4711") if sign in text]
