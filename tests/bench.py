"""The design's figures, measured side by side in one run: machines are shared and noisy, so the ratios count, not the seconds.

`make bench` runs it. It is no test: nothing here fails for being slow.
"""

import asyncio
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2
from offline_preview import outputs
from offline_preview.graph import Graph
from offline_preview.project import load_project
from offline_preview.record import record
from offline_preview.stack_config import load_stack_config
from offline_preview.values import UNKNOWN, Secret
from pulumi import _types
from pulumi.runtime.proto import resource_pb2
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[1]
PROJECT = "name: bench\nruntime: python\n"
PROGRAM = """
import pulumi_aws as aws
for number in range({size} // 5):
    vpc = aws.ec2.Vpc(f"v{{number}}", cidr_block="10.0.0.0/16")
    aws.ec2.Subnet(f"s{{number}}", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
    group = aws.ec2.SecurityGroup(f"g{{number}}", vpc_id=vpc.id, description="bench")
    aws.vpc.SecurityGroupIngressRule(
        f"r{{number}}", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8", description="in"
    )
    aws.s3.Bucket(f"b{{number}}", tags={{"Owner": "bench"}})
"""
# What hides quadratic growth: networks with chains of groups, balancers, fleets and databases, which the proofs walk.
NETWORKS = """
import pulumi_aws as aws
DOCUMENT = '{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",%s}}]}}'
TRUST = DOCUMENT % '"Principal":{{"Service":"ec2.amazonaws.com"}},"Action":"sts:AssumeRole"'
RIGHTS = DOCUMENT % '"Action":"sqs:SendMessage","Resource":"%s"'
for number in range({size} // 25):
    if number == 0 or not {shared}:
        vpc = aws.ec2.Vpc(f"vpc{{number}}", cidr_block="10.0.0.0/16")
        gateway = aws.ec2.InternetGateway(f"gateway{{number}}", vpc_id=vpc.id)
    table = aws.ec2.RouteTable(f"table{{number}}", vpc_id=vpc.id)
    aws.ec2.Route(f"route{{number}}", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)
    subnets = []
    for zone in ("a", "b"):
        subnet = aws.ec2.Subnet(f"s{{number}}{{zone}}", vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone=f"eu-west-1{{zone}}")
        aws.ec2.RouteTableAssociation(f"a{{number}}{{zone}}", subnet_id=subnet.id, route_table_id=table.id)
        subnets.append(subnet.id)
    groups = {{tier: aws.ec2.SecurityGroup(f"{{tier}}{{number}}", vpc_id=vpc.id, description="bench") for tier in ("web", "app", "data")}}
    for tier, port, source in (("web", 443, None), ("app", 8080, "web"), ("data", 3306, "app")):
        given = {{"referenced_security_group_id": groups[source].id}} if source else {{"cidr_ipv4": "0.0.0.0/0"}}
        aws.vpc.SecurityGroupIngressRule(
            f"{{tier}}-in{{number}}", security_group_id=groups[tier].id, ip_protocol="tcp", from_port=port, to_port=port, **given
        )
    balancer = aws.lb.LoadBalancer(f"balancer{{number}}", subnets=subnets, security_groups=[groups["web"].id])
    targets = aws.lb.TargetGroup(f"targets{{number}}", vpc_id=vpc.id, port=8080, protocol="HTTP")
    aws.lb.Listener(
        f"listener{{number}}", load_balancer_arn=balancer.arn, port=443,
        default_actions=[{{"type": "forward", "target_group_arn": targets.arn}}],
    )
    template = aws.ec2.LaunchTemplate(f"template{{number}}", vpc_security_group_ids=[groups["app"].id])
    aws.autoscaling.Group(
        f"fleet{{number}}", min_size=1, max_size=2, vpc_zone_identifiers=subnets, launch_template={{"id": template.id}},
        target_group_arns=[targets.arn],
    )
    place = aws.rds.SubnetGroup(f"place{{number}}", subnet_ids=subnets)
    aws.rds.Instance(
        f"data{{number}}", instance_class="db.t4g.micro", engine="mysql", db_subnet_group_name=place.name,
        vpc_security_group_ids=[groups["data"].id],
    )
    aws.s3.Bucket(f"bucket{{number}}")
    queue = aws.sqs.Queue(f"queue{{number}}")
    role = aws.iam.Role(f"role{{number}}", assume_role_policy=TRUST)
    aws.iam.RolePolicy(f"rights{{number}}", role=role.id, policy=queue.arn.apply(lambda arn: RIGHTS % arn))
"""
# What the profile of prod asks the network proofs; without statements they would have nothing to do.
PROFILE = {"no-path": {"statements": [{"from": "internet", "to": "aws:rds/*", "ports": "all"}]}}


class _EchoMonitor:
    """The least a monitor can do: the SDK's own cost is what is left."""

    def GetDeploymentInfo(self, _request: Any) -> resource_pb2.DeploymentInfo:
        features = (resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS, resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES)
        return resource_pb2.DeploymentInfo(supportedFeatures=features)

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:
        return resource_pb2.RegisterResourceResponse(urn=f"urn:pulumi:s::p::{request.type}::{request.name}", object=request.object)

    def RegisterResourceOutputs(self, _request: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, _request: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Log(self, _request: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def SetRootResource(self, _request: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()


def _sdk_alone(program: Callable[[], None]) -> None:
    pulumi.runtime.settings.ROOT.set(None)
    monitor = _EchoMonitor()
    pulumi.runtime.configure(pulumi.runtime.Settings(project="p", stack="s", dry_run=True, monitor=monitor, engine=monitor))
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(pulumi.runtime.run_in_stack(program))
    loop.close()


def _seconds(call: Callable[[], Any], times: int = 3) -> float:
    """The median of several runs."""
    found = []
    for _ in range(times):
        gc.collect()
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def _program(size: int, text: str = PROGRAM, *, shared: bool = False) -> Callable[[], None]:
    code = compile(text.format(size=size, shared=shared), "bench", "exec")
    return lambda: exec(code, {})


def _command(folder: Path, size: int) -> Callable[[], None]:
    """The whole command on a program of its own, with the packs of this repository."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    (folder / "__main__.py").write_text(PROGRAM.format(size=size))
    packs = [option for pack in sorted((ROOT / "policies").glob("*/PulumiPolicy.yaml")) for option in ("--policy-pack", str(pack.parent))]
    command = [sys.executable, "-m", "offline_preview", "--project", str(folder), *packs]
    return lambda: _quietly(command)


def _quietly(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"}, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)


def _analyze(graph: Graph) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The controls over a graph: by our own servicer, and as plain policies under the SDK's."""
    from cloudpatterns_policies.core import discover
    from cloudpatterns_policies.core.adapter import as_policies
    from cloudpatterns_policies.core.server import Analyzer
    from offline_preview.wire import Requests
    from pulumi_policy import EnforcementLevel
    from pulumi_policy.policy import _PolicyAnalyzerServicer

    controls = discover(pack=None)
    made = Requests(graph)
    requests, whole = [made.analyze(resource) for resource in made.resources()], made.analyze_stack()

    def run(servicer: Any) -> None:
        for request in requests:
            servicer.Analyze(request, None)
        servicer.AnalyzeStack(whole, None)

    own = Analyzer("bench", "0.0.1", controls)
    own.pack.configure({}, PROFILE)
    plain = _PolicyAnalyzerServicer("bench", "0.0.1", as_policies(controls), EnforcementLevel.ADVISORY, {})
    return (lambda: run(own)), (lambda: run(plain))


def _by_hand(graph: Graph) -> Callable[[], None]:
    """A program that registers the same custom resources, flat and with the values that were recorded."""

    def plain(value: Any) -> Any:
        if value is UNKNOWN:
            return "unknown"
        if isinstance(value, Secret):
            return pulumi.Output.secret(plain(value.value))
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        return [plain(item) for item in value] if isinstance(value, list) else value

    resources = [resource for resource in graph.resources if resource.custom and resource.type.startswith("aws:")]
    names = {
        kind: _types.resource_py_to_pulumi_names(cls)
        for kind in {resource.type for resource in resources}
        if (cls := outputs.class_of(kind))
    }
    values = [
        {name: plain(resource.inputs[wire]) for name, wire in names[resource.type].items() if wire in resource.inputs}
        for resource in resources
    ]

    def program() -> None:
        made: dict[str, Any] = {}
        for resource, inputs in zip(resources, values, strict=True):
            given = dict(inputs)
            for name, wire in names[resource.type].items():
                # As one writes it by hand: what comes from other resources comes as their outputs.
                sources = [made[urn].id for urn in resource.property_dependencies.get(wire, ()) if urn in made]
                if sources and name in given:
                    given[name] = pulumi.Output.all(*sources).apply(lambda _ids, value=given[name]: value)
            cls: Any = outputs.class_of(resource.type)
            made[resource.urn] = cls(resource.name, **given)

    return program


def _stack_program(stack: str) -> tuple[Callable[[], None], dict[str, str]]:
    config = load_stack_config(load_project(ROOT), stack, [], None)
    code = compile((ROOT / "__main__.py").read_text(), "__main__.py", "exec")
    return (lambda: exec(code, {"__name__": "__main__"})), dict(config.values)


def main() -> None:
    """Prints the table."""
    console = Console(highlight=False, width=150)
    table = Table("what", "seconds", "beside", "seconds", "ratio", "to hold", title="one run, medians")

    def row(what: str, seconds: float, beside: str, other: float, hold: str) -> None:
        table.add_row(what, f"{seconds:.2f}", beside, f"{other:.2f}", f"{seconds / other:.2f}", hold)

    small, large = _program(500), _program(5000)
    record(small)  # loads the SDK's modules
    recorded_small, recorded_large = _seconds(lambda: record(small)), _seconds(lambda: record(large), 1)
    alone_small, alone_large = _seconds(lambda: _sdk_alone(small)), _seconds(lambda: _sdk_alone(large), 1)
    with tempfile.TemporaryDirectory() as folder:
        whole = _seconds(_command(Path(folder, "small"), 500))
        row("offline preview, 500 resources, all packs, start included", whole, "SDK alone, without start", alone_small, "2.5 s")
    row("recording 500 resources", recorded_small, "SDK alone", alone_small, "1.5 times")
    row("recording 5,000 resources", recorded_large, "SDK alone", alone_large, "1.5 times")
    row("recording, a resource of 5,000 (ms)", recorded_large / 5, "a resource of 500 (ms)", recorded_small * 2, "1: linear")
    for kind, shared in (("many VPCs", False), ("one VPC", True)):
        judged = {}
        for size, hold in ((500, "0.5 s"), (5000, "6 s")):
            ours, plain = _analyze(record(_program(size, NETWORKS, shared=shared), deployed=True))
            judged[size] = _seconds(ours)
            if not shared:  # the plain SDK takes minutes, whatever the networks are
                row(f"every control, {size:,} resources in {kind}", judged[size], "plain pulumi_policy", _seconds(plain, 1), hold)
        row(f"every control, a resource of 5,000 in {kind} (ms)", judged[5000] / 5, "a resource of 500 (ms)", judged[500] * 2, "1: linear")
    program, config = _stack_program("prod")
    graph = record(program, project="cloudpatterns", stack="prod", config=config)
    hand = _by_hand(graph)
    row(
        f"the prod stack, {len(graph.resources)} resources, as components",
        _seconds(lambda: record(program, project="cloudpatterns", stack="prod", config=config), 7),
        "the same resources by hand",
        _seconds(lambda: record(hand), 7),
        "1.1 times",
    )
    console.print(table)


if __name__ == "__main__":
    main()
