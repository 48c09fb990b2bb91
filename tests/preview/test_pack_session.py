"""Real packs in real processes."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from offline_preview import pack_process, pack_session
from offline_preview.engine_service import EngineServer
from offline_preview.errors import PreviewError
from offline_preview.findings import PackReport, Undecided
from offline_preview.graph import Graph
from offline_preview.pack_process import PackProcess, PackStack
from offline_preview.pack_session import PackSession
from offline_preview.packs import load_pack
from offline_preview.stack_config import StackConfig
from offline_preview.values import UNKNOWN

from tests.preview.conftest import STACK_URN, URN

Write = Callable[..., Path]
BUCKET = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::"

PLAIN = """
from pulumi_policy import *
from pulumi_policy.proxy import UnknownValueError

def tags(args, report):
    if args.resource_type == "aws:s3/bucket:Bucket" and not args.props.get("tags"):
        report("bucket has no tags, it is " + args.props["bucket"])
    if args.resource_type == "aws:rds/instance:Instance":
        report("the password is " + args.props["password"])

def stack(args, report):
    names = [r.name for r in args.resources]
    report("resources are " + ", ".join(names))
    for r in args.resources:
        if r.name == "db":
            report("depends on " + r.dependencies[0].name + ", parent " + r.parent.name, r.urn)
        if r.name == "data":
            report("its ARN is " + r.props["arn"], r.urn)

def size(args, report):
    if args.resource_type == "aws:s3/bucket:Bucket":
        report("max is %d" % args.get_config()["max"])

def fix(args):
    if args.resource_type == "aws:s3/bucket:Bucket":
        return {**args.props, "tags": {"Owner": "them"}}
    if args.resource_type == "aws:rds/instance:Instance":
        raise UnknownValueError("04da6b54-80e4-46f7-96ec-b56ff0331ba9", ["size"])

PolicyPack("plain", [
    ResourceValidationPolicy("tags", "Buckets have tags", tags, enforcement_level=EnforcementLevel.MANDATORY,
                             severity=Severity.HIGH, remediation_steps="Set tags.", url="https://example.com/tags"),
    StackValidationPolicy("stack", "The stack is right", stack, display_name="Right stack"),
    ResourceValidationPolicy("size", "Sizes are small", size, enforcement_level=EnforcementLevel.DISABLED,
                             config_schema=PolicyConfigSchema({"max": {"type": "integer", "default": 3, "minimum": 1}})),
    ResourceValidationPolicy("fix", "Tags are set", remediate=fix),
])
"""


@pytest.fixture
def run(tmp_path: Path, graph: Graph) -> Iterator[Callable[..., PackReport]]:
    """Starts a pack, configures it with a profile, checks the graph, and stops it."""
    logs: list[str] = []
    engine = EngineServer(logs.append)

    def session(folder: Path, profile: str | None = None) -> PackReport:
        stack = PackStack("shop", "dev", "organization", StackConfig({"aws:region": "eu-west-1", "shop:key": "v"}, ["shop:key"]))
        file = None
        if profile is not None:
            file = tmp_path / "profile.json"
            file.write_text(profile)
        process = PackProcess(load_pack(folder), stack, engine.address)
        opened = PackSession(process, stack, file)
        try:
            opened.prepare()
            return opened.check(graph)
        finally:
            opened.close()
            assert process._process.poll() is not None

    yield session
    engine.stop()


def messages(report: PackReport, control: str) -> list[tuple[str, str, str]]:
    """Resource, level and message of a control's findings."""
    return [(finding.urn, finding.level, finding.message) for finding in report.findings if finding.control == control]


@pytest.mark.usefixtures("either_children")
def test_a_plain_pack_finds_what_the_cli_would_find(pack: Write, run: Callable[..., PackReport]) -> None:
    report = run(pack(PLAIN))
    assert (report.name, report.version) == ("plain", "1.2.3")
    assert messages(report, "tags") == [
        (f"{BUCKET}logs", "mandatory", "Buckets have tags\nbucket has no tags, it is logs"),
        (f"{URN}aws:rds/instance:Instance::db", "mandatory", "Buckets have tags\nthe password is [secret]"),
    ]
    assert messages(report, "stack") == [
        (STACK_URN, "advisory", "The stack is right\nresources are shop-dev, default, store, logs, data, db"),
        (f"{BUCKET}data", "advisory", "The stack is right\nits ARN is arn:aws:s3:::data"),
        (f"{URN}aws:rds/instance:Instance::db", "advisory", "The stack is right\ndepends on logs, parent shop-dev"),
    ]
    assert messages(report, "size") == messages(report, "fix") == []
    tags = report.control("tags")
    assert (tags.title, tags.level, tags.severity, tags.remediation, tags.url) == (
        "Buckets have tags",
        "mandatory",
        "high",
        "Set tags.",
        "https://example.com/tags",
    )
    assert (report.control("stack").title, report.control("stack").severity) == ("Right stack", "unspecified")
    assert {(finding.severity, finding.remediation) for finding in report.findings} == {("high", "Set tags."), ("unspecified", "")}


def test_a_profile_sets_levels_and_properties(pack: Write, run: Callable[..., PackReport]) -> None:
    report = run(pack(PLAIN), '{"all": "disabled", "size": {"enforcementLevel": "mandatory", "max": 9}}')
    assert [(finding.control, finding.level, finding.message) for finding in report.findings] == [
        ("size", "mandatory", "Sizes are small\nmax is 9"),
        ("size", "mandatory", "Sizes are small\nmax is 9"),
    ]
    assert report.control("tags").level == "disabled"


def test_unknown_values_make_unknown_findings(pack: Write, run: Callable[..., PackReport], graph: Graph) -> None:
    graph.named("data").outputs["arn"] = UNKNOWN
    report = run(pack(PLAIN))
    assert [finding.verdict for finding in report.findings if finding.control == "stack"] == ["fail", "unknown"]


NAMES_UNKNOWNS = """
from pulumi_policy import *

def bucket(args, report):
    if args.name == "logs":
        args.not_applicable("[UNKNOWN] size of correct horse")
    args.not_applicable("of another kind")

def stack(args, report):
    report("[UNKNOWN] 2 checks cannot be decided")
    args.not_applicable("[UNKNOWN] account")

def named(args, report):
    args.not_applicable("[UNKNOWN] name of it at URN")

PolicyPack("names", [
    ResourceValidationPolicy("size", "Sizes are small", bucket, severity=Severity.HIGH),
    StackValidationPolicy("stack", "The stack is right", stack),
    StackValidationPolicy("named", "The bucket is right", named),
])
"""


def test_undecided_checks_that_a_pack_names_are_kept_beside_the_findings(pack: Write, run: Callable[..., PackReport]) -> None:
    report = run(pack(NAMES_UNKNOWNS.replace("URN", f"{BUCKET}data")))
    assert [(finding.control, finding.verdict) for finding in report.findings] == [("stack", "unknown")]
    assert report.undecided == (
        Undecided("size", "names", "high", f"{BUCKET}logs", "size of [secret]"),
        Undecided("stack", "names", "unspecified", STACK_URN, "account"),
        Undecided("named", "names", "unspecified", f"{BUCKET}data", "name of it"),
    )


def test_remediations_change_what_is_checked(pack: Write, run: Callable[..., PackReport]) -> None:
    report = run(pack(PLAIN), '{"fix": "remediate"}')
    assert [finding.urn for finding in report.findings if finding.control == "tags"] == [f"{URN}aws:rds/instance:Instance::db"]
    ((urn, level, message),) = messages(report, "fix")
    assert (urn, level) == (f"{URN}aws:rds/instance:Instance::db", "advisory")
    assert message.startswith("can't run remediation 'fix' from policy pack")
    assert [finding.verdict for finding in report.findings if finding.control == "fix"] == ["unknown"]


def test_a_misspelt_control_names_the_nearest(pack: Write, run: Callable[..., PackReport], tmp_path: Path) -> None:
    with pytest.raises(PreviewError) as error:
        run(pack(PLAIN), '{"tagz": "advisory"}')
    assert str(error.value) == f"{tmp_path}/profile.json: the pack has no control 'tagz'. Did you mean 'tags'?"


def test_a_pack_gets_the_stack_in_its_environment_and_its_own_folder(pack: Write, run: Callable[..., PackReport]) -> None:
    program = """
import os, pulumi
from pulumi_policy import *
def v(args, report):
    if args.resource_type == "pulumi:pulumi:Stack":
        report(" ".join([os.getcwd(), pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), os.environ["PULUMI_DRY_RUN"],
                         pulumi.Config("aws").require("region"), helper.WORD]))
import helper
PolicyPack("env", [ResourceValidationPolicy("v", "d", v)])
"""
    folder = pack(program)
    (folder / "helper.py").write_text("WORD = 'helped'\n")
    ((_, _, message),) = messages(run(folder), "v")
    assert message == f"d\n{folder} shop dev organization true eu-west-1 helped"


def broken(pack: Write, run: Callable[..., PackReport], program: str, profile: str | None = None) -> str:
    """The message of the error that a pack with this program ends in, after the part that names pack and stack."""
    folder = pack(program)
    with pytest.raises(PreviewError) as error:
        run(folder, profile)
    prefix = f"policy pack {folder}, stack dev: "
    assert str(error.value).startswith(prefix)
    return str(error.value).removeprefix(prefix)


def test_a_pack_that_does_not_start_shows_what_it_wrote(pack: Write, run: Callable[..., PackReport]) -> None:
    message = broken(pack, run, "import nonsense\n")
    assert message.startswith("does not start (it ended with exit code 1). It wrote:\n")
    assert message.endswith("\n    ModuleNotFoundError: No module named 'nonsense' (__main__.py:1)")


def test_a_pack_that_prints_before_its_port_is_told_so(pack: Write, run: Callable[..., PackReport]) -> None:
    message = broken(pack, run, "import time\nprint('hello', flush=True)\ntime.sleep(60)\n")
    assert message == (
        "printed 'hello' instead of its port, on the first line. Do not print before the policy pack is created; log to standard error."
    )


def test_a_pack_that_hangs_at_its_start_is_given_up(pack: Write, run: Callable[..., PackReport], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_process, "START_SECONDS", 0.2)
    message = broken(pack, run, "import time\ntime.sleep(60)\n")
    assert message.startswith("has not started within 0.2 s, so it was stopped.")


def test_a_pack_that_hangs_in_a_check_is_given_up(pack: Write, run: Callable[..., PackReport], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_session, "ANSWER_SECONDS", 0.5)
    program = """
import time
from pulumi_policy import *
PolicyPack("slow", [ResourceValidationPolicy("v", "d", lambda args, report: time.sleep(60))])
"""
    assert broken(pack, run, program).startswith("has not answered Analyze within 0.5 s, so it was stopped.")


def test_a_pack_that_dies_in_a_check_shows_its_exit_code(pack: Write, run: Callable[..., PackReport]) -> None:
    program = """
import os, sys
from pulumi_policy import *
def v(args, report):
    print("bye", file=sys.stderr, flush=True)
    os._exit(7)
PolicyPack("dying", [ResourceValidationPolicy("v", "d", v)])
"""
    message = broken(pack, run, program)
    assert message.startswith("stopped answering at Analyze (it ended with exit code 7). It wrote:\n    ")
    assert "bye" in message


def test_a_policy_that_raises_names_the_resource_and_hides_secrets(pack: Write, run: Callable[..., PackReport]) -> None:
    program = """
from pulumi_policy import *
def v(args, report):
    if args.resource_type == "aws:rds/instance:Instance":
        raise ValueError("cannot judge " + args.props["password"])
PolicyPack("raising", [ResourceValidationPolicy("v", "d", v)])
"""
    message = broken(pack, run, program)
    assert message.startswith(f"failed in Analyze on {URN}aws:rds/instance:Instance::db: cannot judge [secret].")
    assert "correct horse" not in message


REFUSING = """
import grpc, sys, time
from concurrent import futures
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2 as pb, analyzer_pb2_grpc as rpc, engine_pb2, engine_pb2_grpc
class Pack(rpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(sys.argv[1]))
        engine.SetRootResource(engine_pb2.SetRootResourceRequest(urn="urn:x"))
        engine.RequirePulumiVersion(engine_pb2.RequirePulumiVersionRequest(pulumi_version_range=">=3"))
        engine.StartDebugging(engine_pb2.StartDebuggingRequest())
        root = engine.GetRootResource(engine_pb2.GetRootResourceRequest()).urn
        engine.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message="root " + root))
        engine.Log(engine_pb2.LogRequest(severity=engine_pb2.DEBUG, message="nothing"))
        return pb.AnalyzerInfo(name="own", version="0.1", supportsConfig=SUPPORTS, policies=[pb.PolicyInfo(name="p", enforcementLevel=1)])
    def Configure(self, request, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "exemption 1 expired on 2020-01-01")
    def Analyze(self, request, context):
        return pb.AnalyzeResponse(diagnostics=[pb.AnalyzeDiagnostic(policyName="other", message="m", enforcementLevel=3, severity=4)])
server = grpc.server(futures.ThreadPoolExecutor(2))
rpc.add_AnalyzerServicer_to_server(Pack(), server)
print(server.add_insecure_port("127.0.0.1:0"))
server.start()
time.sleep(60)
"""


def test_a_configuration_that_the_pack_refuses_ends_in_its_reason(pack: Write, run: Callable[..., PackReport], tmp_path: Path) -> None:
    folder = pack(REFUSING.replace("SUPPORTS", "True"))
    with pytest.raises(PreviewError) as error:
        run(folder, "{}")
    assert str(error.value) == f"policy pack own refuses {tmp_path}/profile.json: exemption 1 expired on 2020-01-01"


def test_a_pack_may_lack_the_optional_methods(pack: Write, run: Callable[..., PackReport], graph: Graph) -> None:
    report = run(pack(REFUSING.replace("SUPPORTS", "False"), settings="runtime: python\n"))
    assert (report.version, len(report.findings)) == ("0.1", len(graph.resources))
    # A remediation that left a violation behind blocks.
    assert {(finding.control, finding.level, finding.severity) for finding in report.findings} == {("other", "mandatory", "critical")}


def test_a_profile_for_a_pack_that_takes_none_is_refused(pack: Write, run: Callable[..., PackReport], tmp_path: Path) -> None:
    with pytest.raises(PreviewError) as error:
        run(pack(REFUSING.replace("SUPPORTS", "False")), "{}")
    assert str(error.value) == f"{tmp_path}/profile.json: policy pack own accepts no configuration; remove the file."


def test_a_pack_can_talk_to_the_engine(pack: Write, run: Callable[..., PackReport]) -> None:
    logs: list[str] = []
    engine = EngineServer(logs.append)
    stack = PackStack("shop", "dev", "organization", StackConfig({}))
    process = PackProcess(load_pack(pack(REFUSING.replace("SUPPORTS", "False"))), stack, engine.address)
    session = PackSession(process, stack, None)
    try:
        session.prepare()
    finally:
        session.close()
        engine.stop()
    assert logs == ["root urn:x"]


def test_a_process_that_does_not_end_when_asked_is_killed(pack: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack_process, "STOP_SECONDS", 0.2)
    program = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1, flush=True)\ntime.sleep(60)\n"
    process = PackProcess(load_pack(pack(program)), PackStack("shop", "dev", "o", StackConfig({})), "127.0.0.1:1")
    assert process.port() == 1
    process.stop()
    process.stop()
    assert process._process.returncode == -9


def test_an_interpreter_that_cannot_run_is_an_error(pack: Write) -> None:
    folder = pack("", settings="runtime: {name: python, options: {virtualenv: venv}}\n")
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "python").touch()
    with pytest.raises(PreviewError, match=r"cannot be started with .*/venv/bin/python: Permission denied\.$"):
        PackProcess(load_pack(folder), PackStack("shop", "dev", "o", StackConfig({})), "127.0.0.1:1")


def test_a_packs_own_virtual_environment_is_activated(pack: Write) -> None:
    folder = pack("", settings="runtime: {name: python, options: {virtualenv: venv}}\n")
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "pyvenv.cfg").touch()
    script = folder / "venv" / "bin" / "python"
    script.write_text('#!/bin/sh\necho "$VIRTUAL_ENV" >&2\necho "${PATH%%:*}" >&2\n')
    script.chmod(0o755)
    process = PackProcess(load_pack(folder), PackStack("shop", "dev", "o", StackConfig({})), "127.0.0.1:1")
    with pytest.raises(PreviewError) as error:
        process.port()
    assert str(error.value).endswith(f"It wrote:\n    {folder}/venv\n    {folder}/venv/bin")


def test_tracebacks_are_cut_down() -> None:
    lines = [
        "before",
        "",
        "Traceback (most recent call last):",
        '  File "/lib/x.py", line 1, in main',
        "    call()",
        '  File "/pack/sub/a.py", line 2, in call',
        "    raise ValueError",
        '  File "/lib/y.py", line 3, in other',
        "",
        "ValueError: no luck",
        "after",
    ]
    assert pack_process.without_tracebacks(lines, Path("/pack")) == ["before", "ValueError: no luck (sub/a.py:2)", "after"]


def test_the_generated_modules_load_without_the_sdk() -> None:
    code = "import sys; from offline_preview import protos; protos.load('analyzer_pb2'); print('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
