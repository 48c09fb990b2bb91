import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.uploads import WriteProxy
from offline_preview.graph import Graph

from tests.components.uploads.access import Request, allowed
from tests.harness import record, refs

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGz4sD2mQqkVvP1wq0yW2mJ1cJ0sD2mQqkVvP1wq0yW2"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:alice-AbCdEf"
SECRET_KEY = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000002"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SUBNETS = {"eu-west-1a": "subnet-0123456789abcdef0", "eu-west-1b": "subnet-0123456789abcdef1"}
WHERE: Any = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids_by_zone": SUBNETS, "allowed_cidrs": ["203.0.113.0/24"]}
USERS: Any = {"alice": {"public_keys": [KEY]}, "alice-2": {"public_keys": [KEY], "read": False}}
FTPS: Any = {
    "protocols": ["SFTP", "FTPS"],
    "certificate_arn": CERTIFICATE,
    "users": {"alice": {"password_secret_arn": SECRET, "password_kms_key_arn": SECRET_KEY, "public_keys": [KEY]}},
}
SERVER = "aws:transfer/server:Server"
CLEAN = {"s3:ExistingObjectTag/GuardDutyMalwareScanStatus": "NO_THREATS_FOUND"}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"users": USERS, **WHERE, **args}
    return record(lambda: WriteProxy("shop", given), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def policy(graph: Graph, name: str) -> dict[str, Any]:
    return json.loads(graph.named(name).inputs["policy"])


@pytest.mark.parametrize("by", ["role", "session"])
def test_a_user_sees_only_its_own_folder(by: str) -> None:
    graph = make()
    bucket = graph.named("shop-files-bucket").outputs["arn"]
    everything = {"Statement": [{"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"}]}
    role, session = policy(graph, "shop-user-alice-policy"), policy(graph, "shop-user-alice")
    # Each of the two ends at the folder, even where the other allows everything.
    identity, of_session = (role, everything) if by == "role" else (everything, session)
    principal = graph.named("shop-user-alice-role").outputs["arn"]

    def may(action: str, key: str = "", **context: str) -> bool:
        request = Request(principal, f"s3:{action}", f"{bucket}/{key}" if key else bucket, {"aws:SecureTransport": "true", **context})
        documents = {"identity": [identity], "session": of_session, "resource": policy(graph, "shop-files-policy")}
        return allowed(request._replace(context={**request.context, **CLEAN}), **documents)

    for action in ("PutObject", "GetObject", "DeleteObject"):
        assert may(action, "incoming/alice/orders.csv"), action
        for other in ("incoming/alice-2/orders.csv", "incoming/bob/a", "incoming/", "incoming/alice", "orders.csv", "incoming/Alice/a"):
            assert not may(action, other), (action, other)
    assert may("ListBucket", **{"s3:prefix": "incoming/alice/"})
    assert may("ListBucket", **{"s3:prefix": "incoming/alice/2026/"})
    for prefix in ("", "incoming/", "incoming/alice", "incoming/alice-2/"):
        assert not may("ListBucket", **{"s3:prefix": prefix}), prefix
    assert not may("ListBucket")
    for action in ("ListBucketVersions", "GetBucketPolicy", "PutBucketPolicy", "ListAllMyBuckets"):
        assert not may(action)
    for action in ("GetObjectVersion", "DeleteObjectVersion", "PutObjectAcl", "PutObjectTagging"):
        assert not may(action, "incoming/alice/orders.csv")


def test_a_users_root_is_its_folder() -> None:
    graph = make()
    user, bucket = graph.named("shop-user-alice").inputs, graph.named("shop-files-bucket").outputs["bucket"]
    assert (user["homeDirectoryType"], user["homeDirectoryMappings"]) == (
        "LOGICAL",
        [{"entry": "/", "target": f"/{bucket}/incoming/alice"}],
    )
    assert (user["userName"], len(user["policy"]) <= 2048) == ("alice", True)


def test_a_users_role_is_for_servers_of_the_account_wherever_the_key_is() -> None:
    for given in ({}, {"kms_key_arn": SECRET_KEY.replace("123456789012", "210987654321")}):
        trust = json.loads(make(**given).named("shop-user-alice-role").inputs["assumeRolePolicy"])["Statement"][0]
        assert trust["Principal"] == {"Service": ["transfer.amazonaws.com"]}
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


def test_a_key_keeps_its_name_when_another_goes_or_its_comment_changes() -> None:
    def keys(*bodies: str) -> dict[str, str]:
        found = make(users={"alice": {"public_keys": [*bodies]}}).of_type("aws:transfer/sshKey:SshKey")
        assert {one.inputs["userName"] for one in found} <= {"alice"}
        return {one.name: one.inputs["body"] for one in found}

    other = KEY.replace("AAAAI", "AAAAJ")
    both = keys(other, KEY)
    assert sorted(both.values()) == sorted((other, KEY))
    # In its place it would be imported once more, while the user still has it.
    assert keys(KEY).items() <= both.items()
    assert keys(f"{KEY} alice@laptop").keys() == keys(KEY).keys()


def test_a_user_that_only_writes_reads_nothing() -> None:
    graph = make()
    request = Request("role", "s3:GetObject", f"{graph.named('shop-files-bucket').outputs['arn']}/incoming/alice-2/a", CLEAN)
    assert not allowed(request, identity=[policy(graph, "shop-user-alice-2-policy")])
    assert allowed(request._replace(action="s3:PutObject"), identity=[policy(graph, "shop-user-alice-2-policy")])


def test_nobody_reads_an_upload_before_its_check() -> None:
    graph = make()
    bucket = graph.named("shop-files-bucket").outputs["arn"]
    for role, document in (("shop-user-alice-role", "shop-user-alice-policy"), ("shop-release-role", "shop-release-policy")):
        request = Request(graph.named(role).outputs["arn"], "s3:GetObject", f"{bucket}/incoming/alice/a", {"aws:SecureTransport": "true"})
        documents: Any = {"identity": [policy(graph, document)], "resource": policy(graph, "shop-files-policy")}
        assert not allowed(request, **documents)
        assert allowed(request._replace(context={**request.context, **CLEAN}), **documents)


def test_a_check_comes_before_the_release() -> None:
    graph = make()
    assert graph.one("aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan").inputs["protectedResource"]["s3Bucket"] == {
        "bucketName": graph.named("shop-files-bucket").outputs["bucket"],
        "objectPrefixes": ["incoming/"],
    }
    pattern = json.loads(graph.named("shop-completed").inputs["eventPattern"])
    assert pattern["detail"]["scanResultDetails"] == {"scanResultStatus": ["NO_THREATS_FOUND"]}
    release = graph.named("shop-release")
    assert graph.named("shop-completed-target").inputs["arn"] == release.outputs["arn"]
    assert release.inputs["environment"]["variables"] == {
        "BUCKET": graph.named("shop-files-bucket").outputs["bucket"],
        "PREFIX": "incoming/",
        "RELEASE_BUCKET": graph.named("shop-released-bucket").outputs["bucket"],
    }
    dead = graph.named("shop-incomplete").outputs["arn"]
    assert graph.named("shop-completion-failures").inputs["destinationConfig"] == {"onFailure": {"destination": dead}}
    assert graph.named("shop-released-events").inputs["eventbridge"] is True


def test_ftps_excludes_service_managed_users() -> None:
    graph = make(**FTPS)
    server = graph.one(SERVER).inputs
    assert (server["identityProviderType"], server["function"]) == ("AWS_LAMBDA", graph.named("shop-identity").outputs["arn"])
    assert (server["endpointType"], server["certificate"], server["protocols"]) == ("VPC", CERTIFICATE, ["SFTP", "FTPS"])
    assert server["sftpAuthenticationMethods"] == "PUBLIC_KEY_OR_PASSWORD"
    assert server["protocolDetails"] == {"setStatOption": "ENABLE_NO_OP", "tlsSessionResumptionMode": "ENFORCED", "passiveIp": "AUTO"}
    assert graph.of_type("aws:transfer/user:User") == []
    permission = graph.named("shop-identity-permission").inputs
    assert (permission["principal"], permission["sourceArn"]) == ("transfer.amazonaws.com", graph.one(SERVER).outputs["arn"])
    bucket = graph.named("shop-files-bucket").outputs["bucket"]
    parameter = graph.named("shop-user-alice").inputs
    assert parameter["name"] == f"/write-proxy/{bucket}/shop/alice"
    assert graph.named("shop-identity").inputs["environment"]["variables"] == {"PREFIX": f"/write-proxy/{bucket}/shop"}
    value = json.loads(parameter["value"].value)
    assert json.loads(value.pop("policy")) == policy(graph, "shop-user-alice-policy")
    assert value == {
        "role": graph.named("shop-user-alice-role").outputs["arn"],
        "home": f"/{bucket}/incoming/alice",
        "public_keys": [KEY],
        "password_secret_arn": SECRET,
    }
    rights = {one["Sid"]: one["Resource"] for one in policy(graph, "shop-identity-policy")["Statement"]}
    assert (rights["Passwords"], rights["PasswordKeys"]) == ([SECRET], [SECRET_KEY])
    without: Any = {**FTPS, "protocols": ["SFTP"], "certificate_arn": None}
    assert refused(**without) == [
        (
            "users.alice.password_secret_arn",
            "is for FTPS: the server's own users log in by key only. Remove it, or add FTPS to protocols.",
        )
    ]


def test_the_security_policy_is_a_current_one() -> None:
    assert make().one(SERVER).inputs["securityPolicyName"] == "TransferSecurityPolicy-2025-03"
    [(path, reason)] = refused(security_policy="TransferSecurityPolicy-2018-11")
    assert path == "security_policy"
    assert reason.startswith("is 'TransferSecurityPolicy-2018-11'; must be one of TransferSecurityPolicy-2025-03, ")


def test_only_named_networks_reach_the_server() -> None:
    graph = make(**FTPS, allowed_cidrs=["203.0.113.0/24", "2001:db8::/32"])
    rules = graph.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    ports = {(one.inputs.get("cidrIpv4") or one.inputs["cidrIpv6"], one.inputs["fromPort"], one.inputs["toPort"]) for one in rules}
    assert ports == {(cidr, *span) for cidr in ("203.0.113.0/24", "2001:db8::/32") for span in ((22, 22), (21, 21), (8192, 8200))}
    assert graph.one(SERVER).inputs["endpointDetails"]["securityGroupIds"] == [graph.named("shop-clients").id]
    given = make(allowed_cidrs=[], security_group_ids=["sg-0123456789abcdef0"])
    assert given.one(SERVER).inputs["endpointDetails"]["securityGroupIds"] == ["sg-0123456789abcdef0"]
    assert given.of_type("aws:ec2/securityGroup:SecurityGroup") == []


def test_an_internet_facing_server_has_an_address_in_each_zone() -> None:
    graph = make("preview", **FTPS, internet_facing=True)
    server = graph.one(SERVER)
    assert set(refs(graph, server, "endpointDetails")) == {"shop-clients", "shop-address-eu-west-1a", "shop-address-eu-west-1b"}
    assert server.inputs["protocolDetails"]["passiveIp"] == "0.0.0.0"
    assert make().of_type("aws:ec2/eip:Eip") == []
    # Another server could not have them before this one is gone.
    assert server.options["deleteBeforeReplace"] is True
    assert not make().one(SERVER).options.get("deleteBeforeReplace")


def test_logins_and_transfers_are_logged_under_the_key() -> None:
    graph = make("preview")
    assert refs(graph, graph.one(SERVER), "structuredLogDestinations") == ["shop-logs"]
    assert refs(graph, graph.named("shop-logs"), "kmsKeyId") == ["shop-key", "shop-key-policy"]
    assert make().one(SERVER).inputs["structuredLogDestinations"] == [f"{make().named('shop-logs').outputs['arn']}:*"]


def test_existing_buckets_are_not_changed() -> None:
    graph = make(existing_bucket={"arn": "arn:aws:s3:::in"}, existing_release_bucket={"arn": "arn:aws:s3:::out", "kms_key_arn": SECRET_KEY})
    assert [one for one in graph.resources if one.type.startswith("aws:s3/")] == []
    outputs = graph.one("cloudpatterns:index:WriteProxy").outputs
    assert (outputs["bucket_name"], outputs["release_bucket_name"]) == ("in", "out")
    assert "ReadCleanObjectsOnly" in outputs["bucket_policy"]
    rights = policy(graph, "shop-release-policy")["Statement"]
    assert [one["Resource"] for one in rights if one.get("Sid") == "ObjectsKey"] == [[SECRET_KEY]]


def test_readers_get_rights_to_released_files_alone() -> None:
    def program() -> None:
        given: Any = {"users": USERS, **WHERE}
        files, key = WriteProxy("shop", given).read_statements()
        pulumi.export("files", files["resources"])
        pulumi.export("key", key["resources"])

    graph = record(program, mode="deployed")
    assert graph.outputs["files"] == [f"{graph.named('shop-released-bucket').outputs['arn']}/*"]
    assert graph.outputs["key"] == [graph.named("shop-key").outputs["arn"]]


def test_topics_hear_of_functions_that_fail_and_of_refused_files() -> None:
    graph = make(**FTPS, alarm_topic_arns=[TOPIC])
    for name in ("shop-release-errors", "shop-identity-errors", "shop-incomplete-alarm"):
        assert graph.named(name).inputs["alarmActions"] == [TOPIC]
    assert graph.named("shop-scan-refused-topic-1").inputs["arn"] == TOPIC


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"allowed_cidrs": []},
            "allowed_cidrs",
            "exactly one of allowed_cidrs and security_group_ids is needed; none is given. Give one.",
        ),
        (
            {"security_group_ids": ["sg-0123456789abcdef0"]},
            "allowed_cidrs",
            "exactly one of allowed_cidrs and security_group_ids is needed; both are given. Remove one.",
        ),
        (
            {**FTPS, "certificate_arn": None},
            "certificate_arn",
            "is missing; FTPS needs it. Give it, or remove FTPS from protocols.",
        ),
        (
            {"certificate_arn": CERTIFICATE},
            "certificate_arn",
            "is for FTPS, which is not among protocols. Remove it, or add FTPS.",
        ),
        ({"users": {"al": {"public_keys": [KEY]}}}, "users.al", "has 2 characters; a login name has at least 3. Rename the user."),
        ({"users": {"alice": {}}}, "users.alice.public_keys", "is empty: the server's own users log in by key only. Give one."),
        (
            {**FTPS, "users": {"alice": {}}},
            "users.alice.password_secret_arn",
            "is missing, and so are public_keys: nobody could log in. Give one of them.",
        ),
        (
            {**FTPS, "protocols": ["FTPS"], "users": {"alice": {"public_keys": [KEY]}}},
            "users.alice.password_secret_arn",
            "is missing: keys are for SFTP, which is not among protocols. Give it, or add SFTP.",
        ),
        (
            {**FTPS, "users": {"alice": {"public_keys": [KEY], "password_kms_key_arn": SECRET_KEY}}},
            "users.alice.password_secret_arn",
            "is missing; password_kms_key_arn needs it. Give it, or remove password_kms_key_arn.",
        ),
        (
            {"existing_release_bucket": {"arn": "arn:aws:s3:::out"}, "release_retention_days": 3},
            "existing_release_bucket",
            "excludes release_retention_days: an existing bucket is not changed; both are given. Remove one of them.",
        ),
        (
            {"users": {"alice": {"public_keys": ["ssh-dss AAAA"]}}},
            "users.alice.public_keys.0",
            "is 'ssh-dss AAAA'; must be a public key in OpenSSH's form such as ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI...",
        ),
    ],
)
def test_what_cannot_be_created_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]
