"""The design's figures, measured side by side in one run: machines are shared and noisy, so the ratios count, not the seconds.

`make bench` runs it. It is no test: nothing here fails for being slow.
"""

import asyncio
import gc
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
from google.protobuf import empty_pb2
from offline_preview.graph import Graph
from offline_preview.project import load_project
from offline_preview.record import record
from offline_preview.stack_config import load_stack_config
from pulumi.runtime.proto import resource_pb2
from rich.console import Console
from rich.table import Table

from sandbox import processes, workspace
from sandbox.workspace import PACKS, Workspace
from tests import flat

ROOT = Path(__file__).resolve().parents[1]
CELLS = ROOT / "examples" / "stacks" / "cells"
CDK = ROOT / "tests" / "bench_cdk"
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
# The stacks of cells are those of this repository's program, the others have resources by hand.
MIXED = """
import runpy
import pulumi
if pulumi.get_stack().startswith("prod-cell"):
    runpy.run_path({program!r}, run_name="__main__")
else:
{plain}
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


def _command(folder: Path, text: str, packs: Iterable[str] = PACKS, *, forgetful: bool = False) -> Callable[[], None]:
    """The whole command on a program of its own, with packs of this repository; `forgetful`, each time as on a new machine."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "Pulumi.dev.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    (folder / "__main__.py").write_text(text)
    options = [option for pack in packs for option in ("--policy-pack", str(ROOT / "policies" / pack))]
    command = [sys.executable, "-m", "offline_preview", "--project", str(folder), *options]
    cache = folder / "cache"

    def run() -> None:
        if forgetful:
            shutil.rmtree(cache, ignore_errors=True)
        _quietly(command, cache)

    run()  # compiles the modules, and fills the cache
    return run


def _many(folder: Path, count: int) -> Callable[[], None]:
    """The whole command on several stacks of 200 resources, with all packs."""
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text(PROJECT)
    (folder / "__main__.py").write_text(PROGRAM.format(size=200))
    _plain_stacks(folder, count)
    return lambda: _quietly(_judging(folder), folder / "cache")


def _hundred(folder: Path) -> list[str]:
    """The command on the stacks of all cells of a global service, and so many of 200 resources by hand that they are a hundred."""
    folder.mkdir()
    for name in ("Pulumi.yaml", "settings", "program", "examples", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    plain = textwrap.indent(PROGRAM.format(size=200), "    ")
    (folder / "__main__.py").write_text(MIXED.format(program=str(ROOT / "__main__.py"), plain=plain))
    (folder / "plain").mkdir()
    _plain_stacks(folder / "plain", 100 - len(list(CELLS.glob("Pulumi.*.yaml"))))
    files = [option for place in (CELLS, folder / "plain") for option in ("--config-file", str(place / "Pulumi.*.yaml"))]
    return [*_judging(folder), *files]


def _plain_stacks(folder: Path, count: int) -> None:
    for number in range(count):
        (folder / f"Pulumi.prod-{number}.yaml").write_text("config:\n  aws:region: eu-west-1\n")


def _judging(folder: Path) -> list[str]:
    options = [option for pack in PACKS for option in ("--policy-pack", str(ROOT / "policies" / pack))]
    return [sys.executable, "-m", "offline_preview", "--project", str(folder), "--profile", "prod", *options]


def _with_memory(command: list[str], cache: Path) -> tuple[float, float]:
    """Seconds of a command, and the most MiB that it and all that it starts had at a time; memory that they share counts once."""
    most = 0.0
    ended = threading.Event()

    def look() -> None:
        nonlocal most
        while not ended.wait(0.5):
            most = max(most, sum(_memory(one) for one in processes.descendants(os.getpid())))

    watch = threading.Thread(target=look)
    watch.start()
    begin = time.perf_counter()
    try:
        _quietly(command, cache)
    finally:
        seconds = time.perf_counter() - begin
        ended.set()
        watch.join()
    return seconds, most


def _memory(process: int) -> float:
    """MiB of a process, with its part of what it shares with others."""
    try:
        lines = Path("/proc", str(process), "smaps_rollup").read_text(encoding="utf-8").splitlines()
    except OSError:
        # It has ended meanwhile, or the system has no such file.
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def _saves(folder: Path, times: int = 9) -> float:
    """From a save to the verdict on a stack of 200 resources with all packs, under `--watch`: the median of several."""
    _many(folder, 1)
    command = [*_judging(folder), "--watch"]
    found = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for number in range(times + 1):
            begin = time.perf_counter()
            (folder / "__main__.py").write_text(f"{PROGRAM.format(size=200)}number = {number}\n")
            while not (line := process.stdout.readline()).endswith("watching. Ctrl-C ends it.\n"):
                if not line:
                    raise RuntimeError("--watch has ended")
            found.append(time.perf_counter() - begin)
        process.terminate()
        process.communicate()
    return statistics.median(found[2:])


def _quietly(command: list[str], cache: Path) -> None:
    environment = {**os.environ, "NO_COLOR": "1", "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
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


def _by_hand(graph: Graph, again: Callable[[Callable[[], None]], Graph]) -> tuple[str, Callable[[], None]]:
    """The program that registers the same custom resources flat, as text and as a function.

    Raises ``RuntimeError`` when what it registers is not the same, because then there is nothing to compare.
    """
    text = flat.source(graph)
    code = compile(text, "flat", "exec")

    def program() -> None:
        exec(code, {"__name__": "__main__"})

    if flat.registered(again(program)) != flat.registered(graph):
        raise RuntimeError("the flat program does not register what the components register")
    return text, program


def _previews(stack: str, text: str, times: int = 5) -> tuple[float, float] | None:
    """Median seconds of `pulumi preview` of the stack and of a flat program, in turns; None where there is no CLI.

    Both run in one workspace: the same plugin, settings and empty state.
    """
    if shutil.which("pulumi") is None:
        return None
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        components = workspace.make(Path(folder))
        _checked(components, "stack", "init", stack)
        hand = replace(components, project=Path(folder, "flat"))
        # The link to the environment stays a link.
        shutil.copytree(components.project, hand.project, symlinks=True)
        (hand.project / "__main__.py").write_text(text, encoding="utf-8")
        seconds: dict[Path, list[float]] = {one.project: [] for one in (components, hand)}
        for number in range(times + 1):
            for one in (components, hand):
                begin = time.perf_counter()
                _checked(one, "preview", "--stack", stack)
                if number > 0:  # the first one compiles the modules
                    seconds[one.project].append(time.perf_counter() - begin)
        return statistics.median(seconds[components.project]), statistics.median(seconds[hand.project])


def _checked(made: Workspace, *arguments: str) -> None:
    done = made.pulumi(*arguments)
    if done.returncode != 0:
        raise RuntimeError(done.stdout + done.stderr)


def _cdk(folder: Path, size: int) -> Callable[[], None] | None:
    """The app of `tests/bench_cdk` with cdk-nag; None where node or its packages are missing. BENCH_CDK is where they are installed."""
    installed = Path(os.environ.get("BENCH_CDK") or CDK) / "node_modules"
    if shutil.which("node") is None or not (installed / "cdk-nag").is_dir():
        return None
    environment = {**os.environ, "NODE_PATH": str(installed), "CDK_OUTDIR": str(folder)}
    report = folder / "validation-report.json"

    def run() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        # It ends with an error, since there are findings.
        done = subprocess.run(["node", str(CDK / "app.js"), str(size)], env=environment, capture_output=True, text=True, check=False)
        if not report.is_file():
            raise RuntimeError(done.stderr)

    run()
    return run


def _stack_program(stack: str, file: Path | None = None) -> tuple[Callable[[], None], dict[str, str]]:
    config = load_stack_config(load_project(ROOT), stack, [], file)
    code = compile((ROOT / "__main__.py").read_text(), "__main__.py", "exec")
    return (lambda: exec(code, {"__name__": "__main__"})), dict(config.values)


def main() -> None:
    """Prints the table."""
    console = Console(highlight=False, width=150)
    table = Table("what", "seconds", "beside", "seconds", "ratio", "to hold", title="one run, medians")

    def row(what: str, seconds: float, beside: str, other: float, hold: str) -> None:
        table.add_row(what, f"{seconds:.2f}", beside, f"{other:.2f}", f"{seconds / other:.2f}", hold)

    def prod(program: Callable[[], None]) -> Graph:
        return record(program, project="cloudpatterns", stack="prod", config=config)

    program, config = _stack_program("prod-cell-c1-eu-west-1", CELLS / "Pulumi.prod-cell-c1-eu-west-1.yaml")
    _, cell = _by_hand(prod(program), prod)
    small, large = _program(500), _program(5000)
    record(small)  # loads the SDK's modules
    recorded_small, recorded_large = _seconds(lambda: record(small)), _seconds(lambda: record(large), 1)
    alone_small, alone_large = _seconds(lambda: _sdk_alone(small)), _seconds(lambda: _sdk_alone(large), 1)
    with tempfile.TemporaryDirectory() as folder:
        whole = _seconds(_command(Path(folder, "small"), PROGRAM.format(size=500)))
        row("offline preview, 500 resources, all packs, start included", whole, "SDK alone, without start", alone_small, "2.8 s")
        many = NETWORKS.format(size=500, shared=False)
        others = _seconds(_command(Path(folder, "others"), many, [pack for pack in PACKS if pack != "acceptance"]), 5)
        for what, forgetful in (("first time", True), ("next time", False)):
            judged = _seconds(_command(Path(folder, what), many, forgetful=forgetful), 5)
            row(f"offline preview, 500 resources in networks, all packs, {what}", judged, "without acceptance", others, "0.8 s more")
        one, eleven = _seconds(_many(Path(folder, "one"), 1)), _seconds(_many(Path(folder, "eleven"), 11), 1)
        row(
            "each further stack of 200 resources, all packs",
            (eleven - one) / 10,
            "SDK alone, a stack",
            alone_small * 0.4,
            "1.5 times, and packs",
        )
        cells, alone_cell = len(list(CELLS.glob("Pulumi.*.yaml"))), _seconds(lambda: _sdk_alone(cell))
        _, least = _with_memory(_judging(Path(folder, "one")), Path(folder, "one", "cache"))
        hundred, most = _with_memory(_hundred(Path(folder, "hundred")), Path(folder, "hundred", "cache"))
        row(
            f"each further of 100 stacks, {cells} cells of a global service among them, all packs",
            (hundred - one) / 99,
            "SDK alone, a stack, cells by hand",
            (alone_small * 0.4 * (100 - cells) + alone_cell * cells) / 100,
            "1.5 times, and packs",
        )
        # The pack acceptance keeps the rules of every type that it has met, in as many processes as there are processors.
        row("memory of all processes of it at most (MiB)", most, "of one stack (MiB)", least, "5 times")
        if cdk := _cdk(Path(folder, "cdk"), 500):
            row("offline preview, 500 resources, all packs, start included", whole, "cdk and cdk-nag, the same", _seconds(cdk), "1")
        else:
            console.print(
                "skipped: cdk-nag on the same resources; install it with `npm ci --prefix tests/bench_cdk`, or name its folder: BENCH_CDK"
            )
        row("--watch: from save to verdict, 200 resources", _saves(Path(folder, "saves")), "first time", one, "0.8 s")
    row("recording 500 resources", recorded_small, "SDK alone", alone_small, "1.5 times")
    row("recording 5,000 resources", recorded_large, "SDK alone", alone_large, "1.5 times")
    row("recording, a resource of 5,000 (ms)", recorded_large / 5, "a resource of 500 (ms)", recorded_small * 2, "1: linear")
    for kind, shared in (("many VPCs", False), ("one VPC", True)):
        ours, plain = _analyze(record(_program(500, NETWORKS, shared=shared), deployed=True))
        ours_large, _ = _analyze(record(_program(5000, NETWORKS, shared=shared), deployed=True))
        small_seconds, large_seconds, beside = _seconds(ours), _seconds(ours_large), _seconds(plain, 1)
        row(f"every control, 500 resources in {kind}", small_seconds, "plain pulumi_policy", beside, "0.5 s")
        # It takes a minute and more for 5,000; were it linear, this would be its time.
        row(f"every control, 5,000 resources in {kind}", large_seconds, "ten times plain pulumi_policy on 500", beside * 10, "6 s")
        row(
            f"every control, a resource of 5,000 in {kind} (ms)",
            large_seconds / 5,
            "a resource of 500 (ms)",
            small_seconds * 2,
            "1: linear",
        )
    program, config = _stack_program("prod")
    graph = prod(program)
    text, hand = _by_hand(graph, prod)
    what = f"the prod stack, {len(graph.resources)} resources, as components"
    row(what, _seconds(lambda: prod(program), 7), "the same resources by hand", _seconds(lambda: prod(hand), 7), "1.1 times")
    if previews := _previews("prod", text):
        row("`pulumi preview` of the prod stack", previews[0], "of the same resources by hand", previews[1], "1.1 times")
    else:
        console.print("skipped: `pulumi preview` beside the same resources by hand, for there is no `pulumi` on PATH")
    console.print(table)


if __name__ == "__main__":
    main()
