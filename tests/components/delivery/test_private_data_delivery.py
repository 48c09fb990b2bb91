import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import PrivateDataDelivery
from offline_preview.graph import Graph

from tests.components.delivery.test_private_data_delivery_signed import pair
from tests.harness import record, refs

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-a1b2c3"
SECRET_KEY = "arn:aws:kms:eu-west-1:123456789012:key/secrets"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
PUBLIC_KEY = "aws:cloudfront/publicKey:PublicKey"
GROUP = "aws:cloudfront/keyGroup:KeyGroup"
FUNCTION = "aws:lambda/function:Function"


def keys(*names: str, **more: Any) -> dict[str, Any]:
    return {name: {"public_key": pair(name)[0], "private_key_secret_arn": SECRET, **more} for name in names}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"domain_names": ["files.example.com"], "certificate_arn": CERTIFICATE, "signing_keys": keys("first"), **args}
    return record(lambda: PrivateDataDelivery("files", given), mode=mode)


def presigned(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"presigned": True, **args}
    return record(lambda: PrivateDataDelivery("files", given), mode=mode)


def statements(graph: Graph, name: str, field: str = "policy") -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs[field])["Statement"]


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        make(**args)
    return caught.value.problems


def test_unsigned_request_refused_by_every_behavior() -> None:
    graph = make()
    whole, group = graph.one(DISTRIBUTION).inputs, graph.one(GROUP)
    assert whole["defaultCacheBehavior"]["trustedKeyGroups"] == [group.outputs["id"]]
    assert "orderedCacheBehaviors" not in whole
    assert group.inputs["items"] == [graph.one(PUBLIC_KEY).outputs["id"]]


def test_open_are_the_named_paths_and_the_page_of_a_refusal() -> None:
    whole = make(open_paths=["/assets/*"], denied_page="errors/denied.html").one(DISTRIBUTION).inputs
    assert whole["defaultCacheBehavior"]["trustedKeyGroups"]
    behaviors = [(one["pathPattern"], one.get("trustedKeyGroups")) for one in whole["orderedCacheBehaviors"]]
    assert behaviors == [("/errors/denied.html", None), ("/assets/*", None)]
    assert whole["customErrorResponses"] == [
        {"errorCode": 403, "errorCachingMinTtl": 10, "responseCode": 403, "responsePagePath": "/errors/denied.html"}
    ]


def test_signed_urls_are_not_in_the_logs() -> None:
    graph = make()
    [delivery] = graph.of_type("aws:cloudwatch/logDelivery:LogDelivery")
    assert not {"cs-uri-query", "cs(Referer)"} & {*delivery.inputs["recordFields"]}
    firewall = graph.one("aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration")
    assert {"queryString": {}} in firewall.inputs["redactedFields"]
    [delivery] = make(log_query_strings=True).of_type("aws:cloudwatch/logDelivery:LogDelivery")
    assert {"cs-uri-query", "cs(Referer)"} <= {*delivery.inputs["recordFields"]}


def test_the_public_key_is_not_replaced_by_each_update() -> None:
    text = pair("first")[0]
    for given in (text, text.strip(), text.replace("\n", "\r\n"), f"\n{text}\n"):
        key = make(signing_keys={"first": {"public_key": given, "private_key_secret_arn": SECRET}}).one(PUBLIC_KEY).inputs
        assert key == {"comment": "Verifies what files-key-first signed", "encodedKey": text}
    assert text.endswith("-----\n")


def test_the_private_key_comes_from_outside() -> None:
    graph = make(signing_keys=keys("first", private_key_kms_key_arn=SECRET_KEY))
    assert not graph.of_type("aws:secretsmanager/secretVersion:SecretVersion", "tls:index/privateKey:PrivateKey")
    [read, decrypt, log] = statements(graph, "files-sign-policy")
    assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], [SECRET])
    assert (decrypt["Action"], decrypt["Resource"]) == (["kms:Decrypt"], [SECRET_KEY])
    assert log["Sid"] == "Log"
    assert [one["Sid"] for one in statements(make(), "files-sign-policy")] == ["ReadKey", "Log"]


def test_the_function_signs_for_the_distribution() -> None:
    graph = make(cookie_domain="example.com", default_expiry_seconds=60, max_expiry_seconds=120)
    function, key = graph.one(FUNCTION), graph.one(PUBLIC_KEY)
    assert (function.inputs["runtime"], function.inputs["handler"]) == ("nodejs24.x", "index.handler")
    assert function.inputs["environment"]["variables"] == {
        "URL": "https://files.example.com",
        "KEY_PAIR_ID": key.outputs["id"],
        "PUBLIC_KEY": pair("first")[0],
        "SECRET_ARN": SECRET,
        "COOKIE_DOMAIN": "example.com",
        "DEFAULT_SECONDS": "60",
        "MAX_SECONDS": "120",
    }
    # Nothing is signed with a key that CloudFront does not have.
    assert {"files-key-first", "files-keys"} <= set(refs(graph, function, "environment"))


def test_rotation_adds_a_key_before_it_signs() -> None:
    both = make(signing_keys=keys("first", "second"), sign_with="first")
    ids = [both.named(f"files-key-{name}").outputs["id"] for name in ("first", "second")]
    assert both.one(GROUP).inputs["items"] == ids
    assert both.one(FUNCTION).inputs["environment"]["variables"]["KEY_PAIR_ID"] == ids[0]
    # The old pair needs no secret any more once the new one signs, and its public key stays as it is.
    retired = {"first": {"public_key": pair("first")[0]}, **keys("second")}
    after = make(signing_keys=retired, sign_with="second")
    assert after.one(FUNCTION).inputs["environment"]["variables"]["PUBLIC_KEY"] == pair("second")[0]
    assert after.named("files-key-first").inputs == both.named("files-key-first").inputs


def test_the_bucket_answers_the_distribution_alone() -> None:
    graph = make()
    allowed = [one for one in statements(graph, "files-files-policy") if one["Effect"] == "Allow"]
    assert [one["Condition"] for one in allowed] == [{"StringEquals": {"aws:SourceArn": [graph.one(DISTRIBUTION).outputs["arn"]]}}]
    assert "files-cdn-distribution" in refs(graph, graph.named("files-key-policy"), "policy")


def test_the_copy_in_another_region_is_as_private() -> None:
    graph = make(replication={"region": "eu-central-1"}, open_paths=["/assets/*"])
    whole, arn = graph.one(DISTRIBUTION).inputs, graph.one(DISTRIBUTION).outputs["arn"]
    behaviors = [whole["defaultCacheBehavior"], *whole["orderedCacheBehaviors"]]
    assert [one["targetOriginId"] for one in behaviors] == ["files-or-copy"] * 2
    allowed = [one for one in statements(graph, "files-files-replica-policy") if one["Effect"] == "Allow"]
    assert [one["Condition"] for one in allowed] == [{"StringEquals": {"aws:SourceArn": [arn]}}]
    assert graph.named("files-replica-key").inputs["region"] == "eu-central-1"


def test_the_application_may_have_it_sign() -> None:
    [call] = statements(make(caller_role_names={"web": "shop-web"}), "files-caller-web")
    assert (call["Action"], call["Resource"]) == (["lambda:InvokeFunction"], [make().one(FUNCTION).outputs["arn"]])


def test_an_alarm_when_the_function_fails() -> None:
    graph = make(function_alarm_topic_arns=[TOPIC])
    alarm = graph.named("files-sign-errors").inputs
    assert (alarm["metricName"], alarm["dimensions"], alarm["alarmActions"]) == (
        "Errors",
        {"FunctionName": graph.one(FUNCTION).outputs["name"]},
        [TOPIC],
    )
    assert not make().of_type("aws:cloudwatch/metricAlarm:MetricAlarm")


def test_presigned_urls_need_no_cdn() -> None:
    graph = presigned(kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1")
    assert not graph.of_type(DISTRIBUTION, GROUP, PUBLIC_KEY)
    bucket, function, reader = graph.named("files-files-bucket"), graph.one(FUNCTION), graph.named("files-reader")
    assert (function.inputs["runtime"], function.inputs["environment"]["variables"]) == (
        "python3.13",
        {
            "BUCKET": bucket.outputs["bucket"],
            "READER_ROLE_ARN": reader.outputs["arn"],
            "DEFAULT_SECONDS": "600",
            "MAX_SECONDS": "3600",
        },
    )
    [trust] = statements(graph, "files-reader", "assumeRolePolicy")
    assert trust["Principal"] == {"AWS": [graph.named("files-sign-role").outputs["arn"]]}
    assert [(one["Action"], one["Resource"]) for one in statements(graph, "files-reader-policy")] == [
        (["s3:GetObject"], [f"{bucket.outputs['arn']}/*"]),
        (["kms:Decrypt"], ["arn:aws:kms:eu-west-1:123456789012:key/1"]),
    ]
    assert [one["Sid"] for one in statements(graph, "files-sign-policy")] == ["ActAsReader", "Log"]


def test_expired_request_refused_by_the_policy_of_the_bucket() -> None:
    graph = presigned(max_expiry_seconds=900)
    [old] = [one for one in statements(graph, "files-files-policy") if one.get("Sid") == "OldSignatures"]
    assert old == {
        "Sid": "OldSignatures",
        "Effect": "Deny",
        "Action": ["s3:GetObject"],
        "Resource": [f"{graph.named('files-files-bucket').outputs['arn']}/*"],
        "Principal": {"AWS": ["*"]},
        "Condition": {
            "StringEquals": {"s3:authType": ["REST-QUERY-STRING"]},
            "NumericGreaterThan": {"s3:signatureAge": ["900000"]},
        },
    }


def test_a_bucket_that_exists_is_not_changed() -> None:
    existing: Any = {"arn": "arn:aws:s3:::kept", "regional_domain_name": "kept.s3.eu-west-1.amazonaws.com"}
    graph = make(existing_bucket=existing, log_bucket_arn="arn:aws:s3:::logs")
    assert not graph.of_type("aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "aws:kms/key:Key")
    [origin] = graph.one(DISTRIBUTION).inputs["origins"]
    assert origin["domainName"] == "kept.s3.eu-west-1.amazonaws.com"
    graph = presigned(existing_bucket={"arn": "arn:aws:s3:::kept"})
    assert graph.one(FUNCTION).inputs["environment"]["variables"]["BUCKET"] == "kept"
    assert [one["Action"] for one in statements(graph, "files-reader-policy")] == [["s3:GetObject"]]


def given(method: str, **args: Any) -> tuple[Any, Graph]:
    found: list[Any] = []

    def program() -> None:
        files: Any = PrivateDataDelivery("files", {"presigned": True, **args})
        pulumi.Output.from_input(getattr(files, method)()).apply(found.append)

    graph = record(program, mode="deployed")
    return found[0], graph


def test_statements_for_other_roles_and_buckets() -> None:
    [call], graph = given("caller_statements")
    assert (call["actions"], call["resources"]) == (["lambda:InvokeFunction"], [graph.one(FUNCTION).outputs["arn"]])
    [write, key], graph = given("publisher_statements")
    assert write["actions"] == ["s3:DeleteObject", "s3:PutObject"]
    assert key["actions"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    [old], _ = given("bucket_statements", existing_bucket={"arn": "arn:aws:s3:::kept"})
    assert old["effect"] == "Deny"


def test_unknown_in_a_preview() -> None:
    assert make(mode="preview").one(DISTRIBUTION)
    assert presigned(mode="preview").one(FUNCTION)


def test_refused_arguments() -> None:
    secretless: Any = {"first": {"public_key": pair("first")[0]}}
    assert refused(signing_keys={}) == [
        ("signing_keys", "exactly one of signing_keys and presigned is needed; none is given. Give a pair of keys, or set presigned.")
    ]
    assert refused(signing_keys=keys("first", "second")) == [
        ("sign_with", "is missing; there are several keys. Name one of first, second.")
    ]
    assert refused(sign_with="third") == [("sign_with", "is 'third', which is not a key; known are first.")]
    assert refused(signing_keys=secretless) == [
        (
            "signing_keys.first.private_key_secret_arn",
            "is missing, and the function signs with this key. Give the secret with the private key.",
        )
    ]
    assert refused(default_expiry_seconds=90, max_expiry_seconds=60) == [
        ("default_expiry_seconds", "is 90, more than max_expiry_seconds 60. Lower it.")
    ]
    assert refused(existing_bucket={"arn": "arn:aws:s3:::kept"}) == [
        ("existing_bucket.regional_domain_name", "is missing; CloudFront reads the bucket there. Give it, or set presigned.")
    ]


@pytest.mark.parametrize("path", ["/*", "/**", "/?*"])
def test_a_path_that_opens_everything_is_refused(path: str) -> None:
    reason = f"is '{path}', which opens every object. Name the paths that are open, or use DirectStorageHosting."
    assert refused(open_paths=["/assets/*", path]) == [("open_paths.1", reason)]


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        (
            {"existing_bucket": {"arn": "kept", "regional_domain_name": "kept.s3.eu-west-1.amazonaws.com"}},
            "existing_bucket.arn",
            "is 'kept'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads",
        ),
        (
            {"existing_bucket": {"arn": "arn:aws:s3:::kept", "regional_domain_name": "kept.s3.amazonaws.com"}},
            "existing_bucket.regional_domain_name",
            "is 'kept.s3.amazonaws.com'; must be the host name of a bucket in its Region, no website endpoint, such as "
            "assets.s3.eu-west-1.amazonaws.com",
        ),
        (
            {"cookie_domain": "other.example"},
            "cookie_domain",
            "is 'other.example', and browsers would send its cookies to none of domain_names. Give files.example.com or a domain name "
            "above it.",
        ),
    ],
)
def test_what_would_never_work_is_refused(args: Any, path: str, reason: str) -> None:
    assert refused(**args) == [(path, reason)]


def test_destroy_takes_the_objects_of_all_buckets_when_it_may() -> None:
    def destroyed(graph: Graph) -> dict[str, bool]:
        return {one.name: one.inputs["forceDestroy"] for one in graph.of_type("aws:s3/bucket:Bucket")}

    buckets = ["files-files-bucket", "files-files-logs-bucket", "files-cdn-log-bucket"]
    assert destroyed(make()) == dict.fromkeys(buckets, False)
    assert destroyed(make(force_destroy=True)) == dict.fromkeys(buckets, True)
    assert destroyed(make(force_destroy=True, log_bucket_arn="arn:aws:s3:::logs")) == dict.fromkeys(buckets[:2], True)
    assert destroyed(presigned(force_destroy=True)) == dict.fromkeys(buckets[:2], True)


def test_a_firewall_that_other_distributions_have_too() -> None:
    web_acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/shop/1a2b3c"
    graph = make(web_acl_arn=web_acl, log_bucket_arn="arn:aws:s3:::logs")
    assert graph.one(DISTRIBUTION).inputs["webAclId"] == web_acl
    outputs = graph.one("cloudpatterns:index:PrivateDataDelivery").outputs
    assert [outputs[name] for name in ("web_acl_arn", "certificate_arn", "cdn_log_bucket_arn")] == [
        web_acl,
        CERTIFICATE,
        "arn:aws:s3:::logs",
    ]
    outputs = presigned().one("cloudpatterns:index:PrivateDataDelivery").outputs
    assert [outputs[name] for name in ("web_acl_arn", "certificate_arn", "cdn_log_bucket_arn")] == ["", "", ""]


def test_refused_keys() -> None:
    path = "signing_keys.first.public_key"
    reason = (
        "is no public key that CloudFront takes; it must be PEM (-----BEGIN PUBLIC KEY-----) of RSA with 2048 bits or ECDSA with P-256."
    )
    for wrong in ("K2JCJMDEHXQW5F", pair("first")[0].replace("M", "N", 1), "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----"):
        assert refused(signing_keys={"first": {"public_key": wrong, "private_key_secret_arn": SECRET}}) == [(path, reason)]
    private = {"first": {"public_key": pair("first")[1], "private_key_secret_arn": SECRET}}
    assert refused(signing_keys=private) == [
        (path, "is a private key; it belongs into a secret alone. Give the public key, and replace this pair.")
    ]
    twice = {**keys("first"), "again": {"public_key": pair("first")[0]}}
    assert refused(signing_keys=twice, sign_with="first") == [
        ("signing_keys.again.public_key", "is that of first as well; a key group has each key once. Remove one of them.")
    ]


def test_refused_with_presigned_urls() -> None:
    with pytest.raises(ArgumentError) as caught:
        presigned(max_expiry_seconds=7200, signing_keys=keys("first"), domain_names=["files.example.com"])
    reason = "a presigned URL ends with the session that signed it, which has 3600 seconds at most"
    assert caught.value.problems == [
        ("max_expiry_seconds", f"is 7200; {reason}. Lower it, or leave presigned out."),
        ("domain_names", "is for a CDN, and presigned URLs are S3's. Remove it, or leave presigned out."),
        ("signing_keys", "is for a CDN, and presigned URLs are S3's. Remove it, or leave presigned out."),
    ]
