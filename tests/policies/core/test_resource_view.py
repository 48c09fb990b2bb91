"""The view of one resource: paths, defaults, unknowns, JSON documents, secrets."""

import pytest
from cloudpatterns_policies.core import UNKNOWN, Resource, UnknownValueError
from pulumi.runtime.proto import analyzer_pb2

from tests.policies.helpers import resource, secret, urn

PROPS = {
    "plain": "x",
    "null": None,
    "off": False,
    "none": 0,
    "unknown": UNKNOWN,
    "nested": {"list": [{"a": 1}, UNKNOWN], "unknown": UNKNOWN, "null": None},
}
BUCKET = "aws:s3/bucket:Bucket"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("plain", "x"),
        ("off", False),
        ("none", 0),
        ("nested.list.0.a", 1),
        ("nested.list.0", {"a": 1}),
        ("null", "default"),
        ("missing", "default"),
        ("missing.below", "default"),
        ("null.below", "default"),
        ("nested.null.below.it", "default"),
        ("plain.below", "default"),
        ("nested.list.7", "default"),
        ("nested.list.-1", "default"),
        ("nested.list.a", "default"),
        ("nested.missing.0", "default"),
    ],
)
def test_get(path: str, value: object) -> None:
    view = resource(BUCKET, props=PROPS)
    assert view.get(path, "default") == value
    assert not view.is_unknown(path)


def test_get_without_default_gives_none() -> None:
    assert resource(BUCKET).get("missing") is None


@pytest.mark.parametrize("path", ["unknown", "unknown.below.0", "nested.unknown", "nested.list.1", "nested.list.1.deep"])
def test_unknown_raises_with_its_path(path: str) -> None:
    view = resource(BUCKET, "b", PROPS)
    assert view.is_unknown(path)
    with pytest.raises(UnknownValueError) as raised:
        view.get(path, "default")
    assert (raised.value.path, raised.value.urn) == (path, urn(BUCKET, "b"))
    assert str(raised.value) == f"the value at {path} is known only after deployment"


def test_a_container_with_an_unknown_inside_is_handed_out() -> None:
    view = resource(BUCKET, props=PROPS)
    assert view.get("nested.list")[0] == {"a": 1}
    assert view.get("nested.list")[1] is UNKNOWN
    assert view.unknown_paths() == ["nested.list.1", "nested.unknown", "unknown"]
    assert view.unknown_paths("nested.list") == ["nested.list.1"]
    assert view.unknown_paths("plain") == view.unknown_paths("missing") == []


def test_properties_are_decoded_once() -> None:
    view = resource(BUCKET, props=PROPS)
    assert view.raw is view.raw
    assert view.get("nested") is view.raw["nested"]


def test_json() -> None:
    view = resource(BUCKET, props={"text": '{"a": [1]}', "map": {"a": 1}, "bad": "{hunter2", "empty": "", "unknown": UNKNOWN})
    assert view.json("text") == {"a": [1]}
    assert view.json("map") == {"a": 1}
    assert view.json("missing") is None
    assert view.json("missing", {}) == {}
    assert view.json("empty", []) == []
    with pytest.raises(UnknownValueError):
        view.json("unknown")
    with pytest.raises(ValueError, match=r"^bad of x is not valid JSON: Expecting property name enclosed in double quotes$") as raised:
        view.json("bad")
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_secrets() -> None:
    view = resource(
        BUCKET, props={"a": secret({"b": "hunter2"}), "ab": "open", "doc": secret('{"k": "inner value"}'), "free": '{"k": "free"}'}
    )
    assert [view.is_secret(path) for path in ("a", "a.b", "ab", "free")] == [True, True, False, False]
    assert view.secrets == {"hunter2", '{"k": "inner value"}'}
    view.json("doc")
    view.json("free")
    assert view.secrets == {"hunter2", '{"k": "inner value"}', "inner value"}
    assert "hunter2" not in repr(view)
    assert repr(view) == f"Resource({BUCKET} x)"


def test_identity_in_a_stack() -> None:
    parent = resource("a:b:C", "parent")
    view = resource(BUCKET, "b", parent=parent, deps={"one": [parent]}, options={"protect": True})
    assert (view.urn, view.type, view.name) == (urn(BUCKET, "b"), BUCKET, "b")
    assert view.parent == parent.urn
    assert view.dependencies == (parent.urn,)
    assert view.property_dependencies == {"one": (parent.urn,)}
    assert view.options.protect is True


def test_identity_in_a_request_for_one_resource() -> None:
    request = analyzer_pb2.AnalyzeRequest(urn="urn:x", type=BUCKET, name="b")
    request.options.parent = "urn:parent"
    view = Resource(request)
    assert (view.parent, view.dependencies, view.property_dependencies, view.raw) == ("urn:parent", (), {}, {})
    assert view.message is request
