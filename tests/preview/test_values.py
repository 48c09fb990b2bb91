import copy
from typing import Any

import pytest
from google.protobuf import struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from offline_preview import values
from offline_preview.values import (
    UNKNOWN,
    Secret,
    decode,
    decode_struct,
    encode,
    encode_struct,
    from_json,
    plain,
    references,
    shown,
    to_json,
)
from pulumi.runtime import rpc
from pulumi_policy import proxy

scalars = st.none() | st.booleans() | st.integers(-(2**52), 2**52) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
trees = st.recursive(
    scalars | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | inner.map(Secret),
    max_leaves=10,
)


def normal(value: Any) -> Any:
    """Whole floats are the same number as the integer on the wire; compare them as what comes back."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Secret):
        return Secret(normal(value.value))
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    return value


@given(st.dictionaries(st.text(max_size=5), trees, max_size=4))
def test_what_goes_onto_the_wire_comes_back(fields: dict[str, Any]) -> None:
    assert decode_struct(encode_struct(fields)) == normal(fields)


@given(trees)
def test_what_goes_through_the_pipe_comes_back(value: Any) -> None:
    assert from_json(to_json(value)) == value


@pytest.mark.parametrize("wire", sorted(values.UNKNOWN_WIRES))
def test_every_kind_of_unknown_is_unknown(wire: str) -> None:
    assert decode(struct_pb2.Value(string_value=wire)) is UNKNOWN


def test_the_wire_is_that_of_the_sdk() -> None:
    typed = {value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_") and name.endswith("_VALUE")}
    assert typed | {rpc.UNKNOWN} == values.UNKNOWN_WIRES
    assert rpc.UNKNOWN == values.UNKNOWN_WIRE
    assert rpc._special_sig_key == values.SIGNATURE
    assert [
        rpc._special_secret_sig,
        rpc._special_asset_sig,
        rpc._special_archive_sig,
        rpc._special_resource_sig,
        rpc._special_output_value_sig,
    ] == [values.SECRET, values.ASSET, values.ARCHIVE, values.RESOURCE, values.OUTPUT_VALUE]


def test_an_output_value_is_its_value_a_secret_or_unknown() -> None:
    def output(**fields: Any) -> Any:
        return decode(encode({values.SIGNATURE: values.OUTPUT_VALUE, **fields}))

    assert output(value="x") == "x"
    assert output(value="x", secret=True) == Secret("x")
    assert output() is UNKNOWN


def test_an_unknown_is_neither_true_nor_false_and_stays_itself_when_copied() -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)
    assert copy.copy(UNKNOWN) is UNKNOWN
    assert copy.deepcopy({"a": UNKNOWN})["a"] is UNKNOWN
    assert repr(UNKNOWN) == "UNKNOWN"


def test_a_secret_never_shows_its_value() -> None:
    secret = Secret("hunter2")
    assert repr(secret) == "[secret]"
    assert f"{secret}" == "[secret]"
    assert shown({"a": [secret, UNKNOWN, 1], values.SIGNATURE: values.ASSET}) == {"a": ["[secret]", "[unknown]", 1]}
    assert secret != "hunter2"
    assert len({secret, Secret("hunter2"), Secret("other")}) == 2


def test_plain_unwraps_secrets_at_every_depth_as_packs_see_them() -> None:
    assert plain({"a": Secret({"b": [Secret("x")]}), "c": UNKNOWN}) == {"a": {"b": ["x"]}, "c": UNKNOWN}


def test_references_to_whole_resources_are_found_at_every_depth() -> None:
    reference = {values.SIGNATURE: values.RESOURCE, "urn": "urn:1", "id": ""}
    assert list(references({"a": [Secret(reference)], "b": "urn:2"})) == ["urn:1"]


def test_something_else_is_no_property_value() -> None:
    with pytest.raises(TypeError, match="a set is not a property value"):
        encode({1})
