"""The stand-in as the engine calls it: names, unknowns, outputs, refusals, faults."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc
import pytest
from offline_preview.values import UNKNOWN, Secret, decode_struct, encode_struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox import faults, processes
from sandbox.cloud import Cloud
from sandbox.provider import VERSION, StandInProvider

VPC, SUBNET = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet"


class AbortError(Exception):
    """What a call was ended with."""


class Context:
    """The part of a call's context that the provider uses."""

    def __init__(self) -> None:
        self.metadata: dict[str, Any] = {}

    def abort(self, code: grpc.StatusCode, message: str) -> None:
        assert code is grpc.StatusCode.UNKNOWN
        raise AbortError(message)

    def set_trailing_metadata(self, metadata: Any) -> None:
        self.metadata.update(metadata)


CONTEXT = Context()


def urn(token: str, name: str = "it") -> str:
    return f"urn:pulumi:s::p::cloudpatterns:index:Network${token}::{name}"


def check(provider: StandInProvider, token: str, news: dict[str, Any], olds: dict[str, Any] | None = None, **more: Any) -> Any:
    request = provider_pb2.CheckRequest(
        urn=urn(token, more.pop("name", "it")), news=encode_struct(news), olds=encode_struct(olds or {}), randomSeed=b"seed", **more
    )
    answer = provider.Check(request, CONTEXT)
    return [(one.property, one.reason) for one in answer.failures] or decode_struct(answer.inputs)


def create(
    provider: StandInProvider, token: str, inputs: dict[str, Any], *, preview: bool = False, name: str = "it"
) -> tuple[str, dict[str, Any]]:
    request = provider_pb2.CreateRequest(urn=urn(token, name), properties=encode_struct(inputs), preview=preview)
    answer = provider.Create(request, CONTEXT)
    return answer.id, decode_struct(answer.properties)


def update(
    provider: StandInProvider, token: str, identity: str, olds: Any, old_inputs: Any, news: Any, *, preview: bool = False
) -> dict[str, Any]:
    request = provider_pb2.UpdateRequest(
        id=identity,
        urn=urn(token),
        olds=encode_struct(olds),
        old_inputs=encode_struct(old_inputs),
        news=encode_struct(news),
        preview=preview,
    )
    return decode_struct(provider.Update(request, CONTEXT).properties)


def delete(provider: StandInProvider, token: str, identity: str) -> None:
    provider.Delete(provider_pb2.DeleteRequest(id=identity, urn=urn(token), properties=encode_struct({})), CONTEXT)


def wanted(text: str) -> StandInProvider:
    return StandInProvider(Cloud(), faults.Faults(faults.parse(text)))


@pytest.fixture
def provider() -> StandInProvider:
    made = StandInProvider(Cloud())
    made.Configure(provider_pb2.ConfigureRequest(args=encode_struct({"region": "eu-west-1"})), CONTEXT)
    return made


def test_a_name_is_made_up_once_and_kept(provider: StandInProvider) -> None:
    role = {"assumeRolePolicy": "{}"}
    first = check(provider, "aws:iam/role:Role", role)
    assert first == {**role, "name": "it-19b2585", "__defaults": ["name"]}
    assert check(provider, "aws:iam/role:Role", role, {**first, "name": "it-0000000"})["name"] == "it-0000000"
    # Only what was made up: a name that the program gave before, and does no longer, is not kept.
    assert check(provider, "aws:iam/role:Role", role, {"name": "mine"})["name"] == "it-19b2585"
    assert check(provider, "aws:iam/role:Role", {**role, "name": "mine"}) == {**role, "name": "mine"}
    assert check(provider, "aws:iam/role:Role", {**role, "namePrefix": "mine-"}) == {**role, "namePrefix": "mine-"}
    assert check(provider, "aws:iam/role:Role", {**role, "name": UNKNOWN}) == {**role, "name": UNKNOWN}


def test_a_name_is_of_the_kind_that_aws_takes(provider: StandInProvider) -> None:
    assert check(provider, "aws:s3/bucket:Bucket", {}, name="Logs") == {"bucket": "logs-19b2585", "__defaults": ["bucket"]}
    assert check(provider, "aws:lb/loadBalancer:LoadBalancer", {}, name="b" * 24)["name"] == "b" * 24 + "-19b2585"
    long = "b" * 25
    assert check(provider, "aws:lb/loadBalancer:LoadBalancer", {}, name=long) == [
        ("name", f"name would be '{long}-19b2585', generated from '{long}' and 8 characters more; the maximum is 32 characters")
    ]
    # No names: a VPC has none, and a record's is given.
    assert check(provider, VPC, {}) == {}
    assert check(provider, "aws:route53/record:Record", {"name": "shop", "type": "A", "zoneId": "Z"})["name"] == "shop"


def test_the_engines_own_naming_is_followed(provider: StandInProvider) -> None:
    options = provider_pb2.CheckRequest.AutonamingOptions
    proposed = options(proposed_name="stack-it", mode=options.ENFORCE)
    assert check(provider, "aws:sns/topic:Topic", {}, autonaming=proposed)["name"] == "stack-it"
    disabled = options(mode=options.DISABLE)
    refused = [("name", "name is required: auto-naming is disabled")]
    assert check(provider, "aws:sns/topic:Topic", {}, autonaming=disabled) == refused


def test_check_refuses_what_is_unknown_missing_or_of_another_type(provider: StandInProvider) -> None:
    assert check(provider, SUBNET, {"cidr": "10.0.0.0/24", "mapPublicIpOnLaunch": []}) == [
        ("vpcId", "vpcId is required"),
        ("cidr", "cidr is not a property of this resource"),
        ("mapPublicIpOnLaunch", "mapPublicIpOnLaunch is a list, but true or false is expected"),
    ]
    # As the real provider: a switch in a text is a switch, and what is null is not given.
    assert check(provider, SUBNET, {"vpcId": "vpc", "mapPublicIpOnLaunch": "true", "cidrBlock": None}) == {
        "vpcId": "vpc",
        "mapPublicIpOnLaunch": True,
    }


def test_a_preview_knows_the_inputs_and_makes_nothing(provider: StandInProvider) -> None:
    identity, found = create(provider, VPC, {"cidrBlock": "10.0.0.0/16"}, preview=True)
    assert identity == ""
    assert (found["cidrBlock"], found["arn"]) == ("10.0.0.0/16", UNKNOWN)
    assert provider._cloud is not None
    assert provider._cloud.living() == []


def test_two_that_are_made_alike_are_two(provider: StandInProvider) -> None:
    (first, found), (second, _other) = create(provider, VPC, {}), create(provider, VPC, {})
    assert first.startswith("vpc-")
    assert first != second
    assert (found["id"], found["region"]) == (first, "eu-west-1")
    assert found["arn"] == f"arn:aws:ec2:eu-west-1:123456789012:vpc/{first}"


def test_what_aws_knows_by_a_key_has_it_as_its_id(provider: StandInProvider) -> None:
    policy = {"role": "role", "name": "policy", "policy": "{}", "__defaults": ["name"]}
    assert create(provider, "aws:iam/rolePolicy:RolePolicy", policy)[0] == "role:policy"
    group = create(provider, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc-1"})[0]
    assert group.startswith("sg-")
    assert create(provider, "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", {"vpcId": "vpc-1"})[0] == group
    assert provider._cloud is not None
    assert len(provider._cloud.living()) == 2


def test_a_name_has_a_record_of_each_type(provider: StandInProvider) -> None:
    token, record = "aws:route53/record:Record", {"name": "shop.example.com", "zoneId": "Z0"}
    ids = [create(provider, token, {**record, "type": kind, "records": ["x"], "ttl": 60})[0] for kind in ("A", "AAAA")]
    assert ids == ["Z0_shop.example.com_A", "Z0_shop.example.com_AAAA"]


def test_an_update_keeps_what_aws_computed_drops_what_is_no_longer_given_and_renews_versions(provider: StandInProvider) -> None:
    template, given = "aws:ec2/launchTemplate:LaunchTemplate", {"name": "t", "description": "old", "imageId": "ami-1"}
    identity, olds = create(provider, template, given)
    assert olds["latestVersion"] == 1
    news = {"name": "t", "imageId": "ami-2"}
    expected = {**olds, "imageId": "ami-2", "latestVersion": 2}
    del expected["description"]
    assert update(provider, template, identity, olds, given, news, preview=True) == {**expected, "latestVersion": UNKNOWN}
    assert update(provider, template, identity, olds, given, news) == expected
    assert provider._cloud is not None
    assert [one.inputs["imageId"] for one in provider._cloud.living()] == ["ami-2"]


def test_read_gives_what_is_there_or_nothing(provider: StandInProvider) -> None:
    identity, found = create(provider, "aws:ssm/parameter:Parameter", {"type": "SecureString", "value": Secret("canary")})

    def read(properties: Any, inputs: Any) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(id=identity, urn=urn("aws:ssm/parameter:Parameter"), properties=properties, inputs=inputs)
        return provider.Read(request, CONTEXT)

    same = read(encode_struct(found), encode_struct({"type": "SecureString", "value": Secret("canary")}))
    assert (same.id, decode_struct(same.properties)) == (identity, found)
    imported = read(encode_struct({}), encode_struct({}))
    assert decode_struct(imported.inputs) == {"type": "SecureString", "value": Secret("")}
    delete(provider, "aws:ssm/parameter:Parameter", identity)
    assert read(encode_struct(found), encode_struct({})).id == ""


def test_an_order_that_aws_refuses_is_an_error_of_the_call(provider: StandInProvider) -> None:
    vpc, _found = create(provider, VPC, {})
    subnet, _found = create(provider, SUBNET, {"vpcId": vpc, "cidrBlock": "10.0.0.0/24"})
    with pytest.raises(AbortError, match=f"^DependencyViolation: Vpc {vpc} is in use by Subnet {subnet}$"):
        delete(provider, VPC, vpc)
    delete(provider, SUBNET, subnet)
    delete(provider, VPC, vpc)


def test_without_an_account_nothing_is_kept_and_nothing_refused() -> None:
    provider = StandInProvider()
    identity, found = create(provider, VPC, {})
    update(provider, VPC, "another", found, {}, {})
    request = provider_pb2.ReadRequest(id="another", urn=urn(VPC), properties=encode_struct({"a": 1}))
    assert decode_struct(provider.Read(request, CONTEXT).properties) == {"a": 1}
    delete(provider, VPC, identity)


def test_diff_and_the_provider_itself(provider: StandInProvider) -> None:
    request = provider_pb2.DiffRequest(
        urn=urn(VPC), old_inputs=encode_struct({"cidrBlock": "a", "tags": {}}), news=encode_struct({"cidrBlock": "b"})
    )
    found = provider.Diff(request, CONTEXT)
    assert (found.changes, list(found.diffs), list(found.replaces)) == (
        provider_pb2.DiffResponse.DIFF_SOME,
        ["cidrBlock", "tags"],
        ["cidrBlock"],
    )
    region = [encode_struct({"region": name}) for name in ("eu-west-1", "eu-central-1")]
    same = provider.DiffConfig(provider_pb2.DiffRequest(old_inputs=region[0], news=region[0]), CONTEXT)
    other = provider.DiffConfig(provider_pb2.DiffRequest(old_inputs=region[0], news=region[1]), CONTEXT)
    assert (list(same.replaces), list(other.replaces)) == ([], ["region"])
    assert provider.CheckConfig(provider_pb2.CheckRequest(news=region[0]), CONTEXT).inputs == region[0]
    assert provider.Handshake(None, CONTEXT).accept_secrets
    assert provider.GetPluginInfo(None, CONTEXT).version
    provider.Attach(None, CONTEXT)


def test_functions_answer_as_in_the_offline_preview(provider: StandInProvider) -> None:
    answer = provider.Invoke(provider_pb2.InvokeRequest(tok="aws:index/getRegion:getRegion", args=encode_struct({})), CONTEXT)
    assert decode_struct(getattr(answer, "return"))["region"] == "eu-west-1"


def test_a_failed_call_has_done_nothing_and_a_lost_one_everything() -> None:
    provider = wanted("create:1:fail,create:2:lost")
    assert provider._cloud is not None
    with pytest.raises(AbortError, match=r"^InternalError: a requested fault: create fail$"):
        create(provider, VPC, {})
    assert provider._cloud.living() == []
    with pytest.raises(AbortError, match=r"^RequestTimeout: a requested fault: create lost$"):
        create(provider, VPC, {})
    assert len(provider._cloud.living()) == 1
    create(provider, VPC, {})


def test_what_is_not_ready_in_time_is_told_with_its_id() -> None:
    provider, context = wanted("create:1:partial"), Context()
    request = provider_pb2.CreateRequest(urn=urn(VPC), properties=encode_struct({}))
    with pytest.raises(AbortError, match="timeout while waiting for state to become 'available'"):
        provider.Create(request, context)
    status = status_pb2.Status.FromString(context.metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert provider._cloud is not None
    assert [one.id for one in provider._cloud.living()] == [detail.id]
    assert list(detail.reasons) == [status.message]


def test_what_hangs_is_ended_by_cancel() -> None:
    provider = wanted("delete:1:hang")
    provider.Cancel(None, CONTEXT)
    with pytest.raises(AbortError, match="a requested fault: delete hang"):
        delete(provider, VPC, "vpc")


@pytest.mark.parametrize(("fault", "living"), [("crash", 0), ("crash-after", 1)])
def test_a_crash_ends_the_process_before_or_after(fault: str, living: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", gone)
    provider = wanted(f"create:1:{fault}")
    with pytest.raises(SystemExit, match="70"):
        create(provider, VPC, {})
    assert provider._cloud is not None
    assert len(provider._cloud.living()) == living


def test_a_read_fails_on_demand() -> None:
    provider = wanted("read:1:fail")
    with pytest.raises(AbortError, match="RequestLimitExceeded"):
        provider.Read(provider_pb2.ReadRequest(id="vpc", urn=urn(VPC)), CONTEXT)


def test_the_account_is_kept_in_a_file(tmp_path: Path) -> None:
    identity, _found = create(StandInProvider(Cloud(tmp_path / "account")), VPC, {})
    delete(StandInProvider(Cloud(tmp_path / "account")), VPC, identity)
    assert Cloud(tmp_path / "account").living() == []


def test_the_plugin_serves_until_the_engine_that_started_it_is_gone(tmp_path: Path) -> None:
    # Stands for the engine: starts the plugin, hands its port on, and lives until its input ends.
    engine = "import subprocess, sys; started = subprocess.Popen([sys.executable, '-m', 'sandbox.provider']); sys.stdin.read()"
    environment = {**os.environ, "STAND_IN_CLOUD": str(tmp_path / "account"), "STAND_IN_DELAY_MS": "1", "STAND_IN_FAULTS": "create:2:fail"}
    started = subprocess.Popen([sys.executable, "-c", engine], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    port = int(started.stdout.readline())
    plugin = processes.descendants(started.pid)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        request = provider_pb2.CreateRequest(urn=urn(VPC), properties=encode_struct({}))
        made = stub.Create(request)
        with pytest.raises(grpc.RpcError, match="InternalError: a requested fault"):
            stub.Create(request)
    assert [one.id for one in Cloud(tmp_path / "account").living()] == [made.id]
    started.kill()
    # The pipe is closed by the last who holds it: the plugin.
    assert started.stdout.read() == ""
    started.wait()
    assert len(plugin) == 1


def invoke(provider: StandInProvider, token: str) -> dict[str, Any]:
    answer = provider.Invoke(provider_pb2.InvokeRequest(tok=token, args=encode_struct({})), CONTEXT)
    return decode_struct(getattr(answer, "return"))


def test_what_no_account_was_asked_for_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    cloud = Cloud()
    provider = StandInProvider(cloud)
    assert invoke(provider, "aws:index/getRegion:getRegion")["region"] == "us-east-1"
    assert invoke(provider, "aws:ec2/getAmi:getAmi")["id"]
    assert "ids" in invoke(provider, "aws:ec2/getSubnets:getSubnets")
    assert cloud.invented() == ["aws:ec2/getAmi:getAmi", "aws:ec2/getSubnets:getSubnets"]


def test_a_function_that_the_sdk_does_not_have_is_refused() -> None:
    cloud = Cloud()
    with pytest.raises(AbortError) as refused:
        invoke(StandInProvider(cloud), "aws:ec2/getNothing:getNothing")
    assert str(refused.value) == f"the stand-in, which follows pulumi-aws {VERSION}, has no function aws:ec2/getNothing:getNothing"
    assert cloud.invented() == []


def test_the_region_is_that_of_the_environment_unless_the_stack_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert invoke(StandInProvider(), "aws:index/getRegion:getRegion")["region"] == "eu-north-1"
