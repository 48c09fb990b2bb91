"""Decoding off the wire: every kind of value, unknowns, secrets, and what keeps secrets out of text."""

import copy
import pickle

import pytest
from cloudpatterns_policies.core import UNKNOWN, Asset, ResourceReference, UnknownValueError
from cloudpatterns_policies.core.values import (
    ARCHIVE_SIGNATURE,
    ASSET_SIGNATURE,
    OUTPUT_SIGNATURE,
    RESOURCE_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN_SENTINELS,
    Decoder,
    Redactor,
    secret_texts,
)
from google.protobuf import struct_pb2
from pulumi.runtime import rpc
from pulumi_policy import proxy

from tests.policies.helpers import secret, wire


def decode(value: object) -> tuple[object, Decoder]:
    struct = struct_pb2.Struct()
    struct.update({"p": wire(value)})
    decoder = Decoder()
    return decoder.struct(struct)["p"], decoder


def output(**fields: object) -> dict[str, object]:
    return {SIGNATURE_KEY: OUTPUT_SIGNATURE, **fields}


@pytest.mark.parametrize(
    ("sent", "decoded"),
    [
        ("text", "text"),
        ("", ""),
        (True, True),
        (None, None),
        (22.0, 22),
        (0.5, 0.5),
        ([1, "a", None], [1, "a", None]),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 1}]}}),
        (output(value="v"), "v"),
        (output(), UNKNOWN),
        (output(value="v", secret=False), "v"),
        ({SIGNATURE_KEY: SECRET_SIGNATURE}, UNKNOWN),
        (ResourceReference("urn:a", "i-1"), ResourceReference("urn:a", "i-1")),
        (ResourceReference("urn:a", ""), ResourceReference("urn:a", "")),
        ({SIGNATURE_KEY: rpc._special_resource_sig, "urn": "urn:a"}, ResourceReference("urn:a", "")),
        ({SIGNATURE_KEY: rpc._special_resource_sig, "urn": "urn:a", "id": UNKNOWN}, ResourceReference("urn:a", "")),
        ({SIGNATURE_KEY: ASSET_SIGNATURE, "text": "t", "hash": "h"}, Asset(text="t", hash="h")),
        (
            {SIGNATURE_KEY: ARCHIVE_SIGNATURE, "assets": {"b": {SIGNATURE_KEY: ASSET_SIGNATURE, "path": "x"}}},
            Asset(assets=(("b", Asset(path="x")),), archive=True),
        ),
        ({SIGNATURE_KEY: ARCHIVE_SIGNATURE, "uri": "https://x"}, Asset(uri="https://x", archive=True)),
        ({SIGNATURE_KEY: "a kind of later years", "x": 1}, {"x": 1}),
    ],
)
def test_each_kind_of_value_decodes(sent: object, decoded: object) -> None:
    value, decoder = decode(sent)
    assert value == decoded
    assert type(value) is type(decoded)
    assert decoder.secrets == set()


@pytest.mark.parametrize("sentinel", sorted(UNKNOWN_SENTINELS))
def test_every_sentinel_is_unknown_at_any_depth(sentinel: str) -> None:
    assert decode(sentinel)[0] is UNKNOWN
    value, _ = decode({"a": [sentinel, "x"]})
    assert isinstance(value, dict)
    assert value["a"][0] is UNKNOWN
    assert value["a"][1] == "x"


def test_sentinels_are_those_of_the_sdk() -> None:
    typed = {value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and name.endswith("_VALUE")}
    assert typed | {rpc.UNKNOWN} == UNKNOWN_SENTINELS
    assert rpc._special_sig_key == SIGNATURE_KEY
    assert [
        rpc._special_secret_sig,
        rpc._special_asset_sig,
        rpc._special_archive_sig,
        rpc._special_resource_sig,
        rpc._special_output_value_sig,
    ] == [SECRET_SIGNATURE, ASSET_SIGNATURE, ARCHIVE_SIGNATURE, RESOURCE_SIGNATURE, OUTPUT_SIGNATURE]


def test_a_text_as_long_as_a_sentinel_is_a_text() -> None:
    assert decode("0" * 36)[0] == "0" * 36


@pytest.mark.parametrize(
    "use",
    [
        bool,
        str,
        len,
        iter,
        int,
        float,
        lambda value: value == "x",
        lambda value: value != "x",
        lambda value: "x" in value,
        lambda value: "x" in [value],
        lambda value: value["x"],
        lambda value: value.get("x"),
        lambda value: value < 1,
        lambda value: value + "x",
        lambda value: f"{value}",
        lambda value: range(value),
    ],
)
def test_unknown_answers_no_question(use: object) -> None:
    assert callable(use)
    with pytest.raises(UnknownValueError):
        use(UNKNOWN)


def test_unknown_survives_what_touches_no_value() -> None:
    assert repr(UNKNOWN) == "UNKNOWN"
    assert copy.copy({"a": UNKNOWN})["a"] is UNKNOWN
    assert {UNKNOWN: 1}[UNKNOWN] == 1
    assert [UNKNOWN] == [UNKNOWN]
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN
    assert not hasattr(UNKNOWN, "__wrapped__")


def test_secrets_are_decoded_and_remembered() -> None:
    value, decoder = decode(
        {
            "a": secret("hunter2"),
            "b": [secret({"c": "deep", "n": 123456, "port": 22, "t": True, "e": ""})],
            "p": secret(22),
            "d": output(value="o", secret=True),
        }
    )
    assert value == {"a": "hunter2", "b": [{"c": "deep", "n": 123456, "port": 22, "t": True, "e": ""}], "p": 22, "d": "o"}
    # The port beside a secret is none, or no message could name that port.
    assert decoder.secrets == {"hunter2", "deep", "123456", "22", "o"}
    assert sorted(decoder.secret_paths) == ["p.a", "p.b.0", "p.d", "p.p"]


def test_an_unknown_secret_has_no_text() -> None:
    value, decoder = decode(secret(UNKNOWN))
    assert value is UNKNOWN
    assert decoder.secrets == set()


def test_lines_and_assets_of_a_secret_are_secret() -> None:
    assert set(secret_texts("first line here\n  short\n")) == {"first line here\n  short\n", "first line here"}
    assert set(secret_texts(Asset(assets=(("a", Asset(text="inner")),)))) == {"inner"}


@pytest.mark.parametrize(
    ("secrets", "text", "redacted"),
    [
        (set(), "plain", "plain"),
        ({"hunter2"}, "has hunter2hunter2.", "has [secret][secret]."),
        ({"s", "22", "222"}, "security group s: port 22 of 222", "security group s: port 22 of 222"),
        ({"2222"}, "22222", "[secret]2"),
        ({"hunter", "hunter2"}, "hunter2", "[secret]"),
        ({"a.c+"}, "abc+ a.c+", "abc+ [secret]"),
        ({'say "hi"\n'}, repr('say "hi"\n'), "'[secret]'"),
        ({'say "hi"\n'}, '{"x": "say \\"hi\\"\\n"}', '{"x": "[secret]"}'),
    ],
)
def test_redaction(secrets: set[str], text: str, redacted: str) -> None:
    assert Redactor(secrets)(text) == redacted
