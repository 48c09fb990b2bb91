"""What `pulumi stack export` writes, read back."""

import io
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from offline_preview.errors import PreviewError
from offline_preview.graph import Resource
from offline_preview.state import BYTE_STRING, FLOAT, State, load_state
from offline_preview.values import ASSET, RESOURCE, SECRET, SIGNATURE, UNKNOWN, UNKNOWN_WIRE, Secret
from offline_preview.wire import Requests

from tests.preview.conftest import STACK_URN, URN

FIX = "Write it with `pulumi stack export --stack NAME --file FILE`."
STACK = {"urn": STACK_URN, "custom": False, "type": "pulumi:pulumi:Stack"}
BUCKET = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"
PROVIDER = f"{URN}pulumi:providers:aws::default"

Load = Callable[..., State]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


@pytest.fixture
def load(file: Path) -> Load:
    """Reads an export of the given resources after the stack's own; keyword arguments are the rest of the deployment."""

    def read(*resources: Any, **deployment: Any) -> State:
        file.write_text(json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": [STACK, *resources], **deployment}}))
        return load_state(file)

    return read


@pytest.fixture
def value(load: Load) -> Callable[[Any], Any]:
    """A property's value after it was read."""

    def read(exported: Any) -> Any:
        return load(bucket(inputs={"value": exported})).graph.named("logs").inputs["value"]

    return read


def bucket(**parts: Any) -> dict[str, Any]:
    return {"urn": BUCKET, "custom": True, "type": "aws:s3/bucket:Bucket", **parts}


def secret(**parts: Any) -> dict[str, Any]:
    return {SIGNATURE: SECRET, **parts}


def refused(load: Load, *resources: Any, **deployment: Any) -> str:
    with pytest.raises(PreviewError) as raised:
        load(*resources, **deployment)
    return str(raised.value)


def test_everything_that_packs_see_is_read(load: Load) -> None:
    provider = {"urn": PROVIDER, "custom": True, "type": "pulumi:providers:aws", "id": "77", "inputs": {"region": "eu-west-1"}}
    exported = bucket(
        id="logs-1",
        inputs={"bucket": "logs-1", "__defaults": []},
        outputs={"bucket": "logs-1", "arn": "arn:aws:s3:::logs-1"},
        parent=STACK_URN,
        protect=True,
        retainOnDelete=True,
        dependencies=[PROVIDER],
        propertyDependencies={"bucket": [PROVIDER], "tags": None, "acl": []},
        provider=f"{PROVIDER}::77",
        additionalSecretOutputs=["key"],
        ignoreChanges=["tags"],
        replaceOnChanges=["bucket"],
        aliases=[f"{URN}aws:s3/bucket:Bucket::old"],
        customTimeouts={"create": 90, "delete": 1.5, "read": None, "adopt": 3},
        importID="logs-0",
        deletedWith=STACK_URN,
        sourcePosition="project:///store.py#7,3",
        created="2026-01-01T00:00:00Z",
        taint=True,
    )
    graph = load(provider, exported).graph
    assert (graph.project, graph.stack) == ("shop", "dev")
    assert [resource.urn for resource in graph.resources] == [STACK_URN, PROVIDER, BUCKET]
    expected = Resource(
        urn=BUCKET,
        type="aws:s3/bucket:Bucket",
        name="logs",
        custom=True,
        parent=STACK_URN,
        inputs={"bucket": "logs-1", "__defaults": []},
        outputs={"bucket": "logs-1", "arn": "arn:aws:s3:::logs-1"},
        id="logs-1",
        dependencies=[PROVIDER],
        property_dependencies={"bucket": [PROVIDER]},
        options={
            "protect": True,
            "retainOnDelete": True,
            "ignoreChanges": ["tags"],
            "additionalSecretOutputs": ["key"],
            "replaceOnChanges": ["bucket"],
            "aliases": [f"{URN}aws:s3/bucket:Bucket::old"],
            "customTimeouts": {"create": 90, "delete": 1.5},
            "importId": "logs-0",
            "deletedWith": STACK_URN,
            "provider": f"{PROVIDER}::77",
        },
        source="store.py:7",
    )
    assert graph.named("logs").to_json() == expected.to_json()
    assert graph.resources[0].to_json() == Resource(STACK_URN, "pulumi:pulumi:Stack", "shop-dev", False).to_json()


def test_packs_get_inputs_one_by_one_and_outputs_together_with_edges_and_provider(load: Load) -> None:
    provider = {"urn": PROVIDER, "custom": True, "type": "pulumi:providers:aws", "id": "77", "inputs": {"region": "eu-west-1"}}
    exported = bucket(inputs={"a": 1}, outputs={"b": 2}, propertyDependencies={"a": [PROVIDER]}, provider=f"{PROVIDER}::77")
    graph = load(provider, exported).graph
    requests = Requests(graph)
    one = requests.analyze(graph.named("logs"))
    together = requests.analyze_stack().resources[2]
    assert (dict(one.properties), dict(together.properties)) == ({"a": 1}, {"b": 2})
    assert list(together.propertyDependencies["a"].urns) == [PROVIDER]
    assert dict(one.provider.properties) == {"region": "eu-west-1"}


def test_resources_that_are_only_read_are_kept_from_packs(load: Load) -> None:
    graph = load(bucket(external=True)).graph
    assert graph.named("logs").options == {"external": True}
    assert [resource.urn for resource in Requests(graph).resources()] == [STACK_URN]


def test_the_outputs_of_the_stack_are_the_graphs(load: Load, file: Path) -> None:
    assert load(bucket(outputs={"a": 1})).graph.outputs == {}
    stack = {**STACK, "outputs": {"token": secret(plaintext='"x"')}}
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [bucket(outputs={"a": 1}), stack]}}))
    assert load_state(file).graph.outputs == {"token": Secret("x")}


def test_a_name_may_hold_the_separator(load: Load) -> None:
    assert load(bucket(urn=f"{URN}aws:s3/bucket:Bucket::a::b")).graph.resources[1].name == "a::b"


def test_resources_that_wait_to_be_deleted_are_left_out_and_noted(load: Load, file: Path) -> None:
    state = load(bucket(id="new"), bucket(id="old", delete=True))
    assert [resource.id for resource in state.graph.of_type("aws:s3/bucket:Bucket")] == ["new"]
    assert state.notes == (f"{file}: ignored, because they are pending deletion: 1 of the resources.",)


def test_operations_that_were_not_finished_are_noted(load: Load, file: Path) -> None:
    state = load(pending_operations=[{"resource": bucket(), "type": "creating"}, {"resource": bucket()}])
    assert len(state.graph.resources) == 1
    end = f"{BUCKET} was not finished when the stack was exported. Fix: pulumi refresh, then export again."
    assert state.notes == (f"{file}: creating {end}", f"{file}: changing {end}")


def test_a_plain_export_has_no_notes(load: Load) -> None:
    assert load(bucket(), pending_operations=None).notes == ()


def test_secrets_in_plain_are_secrets(value: Callable[[Any], Any]) -> None:
    assert value(secret(plaintext='"hunter22"')) == Secret("hunter22")
    assert value({"a": [secret(plaintext='{"b": [1.0, null]}')]}) == {"a": [Secret({"b": [1, None]})]}
    assert value(secret(plaintext=json.dumps(UNKNOWN_WIRE))).value is UNKNOWN


def test_encrypted_secrets_are_unknown_and_counted(load: Load, file: Path) -> None:
    state = load(bucket(inputs={"a": secret(ciphertext="v1:x:y")}, outputs={"a": [secret(ciphertext="v1:x:y")]}))
    found = state.graph.named("logs")
    assert isinstance(found.inputs["a"], Secret)
    assert found.inputs["a"].value is UNKNOWN
    assert found.outputs["a"][0].value is UNKNOWN
    assert state.notes == (
        f"{file}: encrypted values, which cannot be read: 2. A control that needs one reports it as unknown."
        " `pulumi stack export --show-secrets` writes them in plain text: keep such a file secret.",
    )


def test_values(value: Callable[[Any], Any]) -> None:
    assert value([True, None, "x", 1, 1.5]) == [True, None, "x", 1, 1.5]
    assert value(UNKNOWN_WIRE) is UNKNOWN
    asset = {SIGNATURE: ASSET, "hash": "abc", "text": "hello"}
    assert value(asset) == asset
    assert value({SIGNATURE: BYTE_STRING, "value": "/2E="}) == "\N{REPLACEMENT CHARACTER}a"
    assert value({SIGNATURE: FLOAT, "value": "7ff0000000000000"}) == math.inf
    assert math.isnan(value({SIGNATURE: FLOAT, "value": "7ff8000000000001"}))


def test_numbers_are_what_the_engine_has(file: Path) -> None:
    text = json.dumps({"version": 3, "deployment": {"resources": [{**STACK, "outputs": {"n": "#"}}]}})
    for exported, number in (("2.0", 2), ("1e3", 1000), ("9007199254740993", 9007199254740992), ("0.1", 0.1), ("1e999", math.inf)):
        file.write_text(text.replace('"#"', exported))
        found = load_state(file).graph.outputs["n"]
        assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("exported", "read"),
    [
        ({}, {}),
        ({"id": "i-1", "packageVersion": "7"}, {"id": "i-1"}),
        ({"id": ""}, {"id": ""}),
        ({"id": {"V": "i-1"}}, {"id": "i-1"}),
        ({"id": {"V": None}}, {}),
        ({"id": {"V": {}}}, {"id": ""}),
    ],
)
def test_references_to_whole_resources(value: Callable[[Any], Any], exported: dict[str, Any], read: dict[str, Any]) -> None:
    base = {SIGNATURE: RESOURCE, "urn": BUCKET}
    assert value({**base, **exported}) == {**base, **read}


@pytest.mark.parametrize(
    ("position", "frames", "source"),
    [
        ("project:///a%20b/store.py#7,3", [], "a b/store.py:7"),
        ("project:///index.ts#12", ["project:///other.ts#1"], "index.ts:12"),
        ("project:///../lib/store.py#7", ["project:///../lib/store.py#9", "project:///__main__.py#4,1"], "__main__.py:4"),
        ("project:///.venv/lib/site-packages/x.py#7", ["", "project:///node_modules/x.js#7"], ""),
        ("https://x/y.py#7", [], ""),
        ("project:///main.go", [], ""),
        (None, [], ""),
    ],
)
def test_the_programs_own_line(load: Load, position: str | None, frames: list[str], source: str) -> None:
    trace = [{"sourcePosition": frame} for frame in frames]
    assert load(bucket(sourcePosition=position, stackTrace=[*trace, None])).graph.named("logs").source == source


def test_an_export_on_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    exported = json.dumps({"version": 3, "deployment": {"resources": [{**STACK, "inputs": {"a": secret(ciphertext="x")}}]}})
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(exported.encode())))
    state = load_state(Path("-"))
    assert state.graph.stack == "dev"
    assert state.notes[0].startswith("standard input: encrypted values")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_that_a_shell_has_written(file: Path, encoding: str) -> None:
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": [STACK]}}), encoding=encoding)
    assert load_state(file).graph.project == "shop"


def test_a_newer_version_is_read_when_its_features_are_known(file: Path) -> None:
    data = {"version": 4, "features": ["hooks", "taint"], "deployment": {"resources": [STACK]}}
    file.write_text(json.dumps(data))
    assert load_state(file).graph.project == "shop"
    known = "byteString, extensionParameterization, hooks, refreshBeforeUpdate, replaceWith, snippets-prototype, taint, views"
    for features in (["hooks", "magic"], "magic"):
        file.write_text(json.dumps({**data, "features": features}))
        with pytest.raises(PreviewError) as raised:
            load_state(file)
        assert str(raised.value) == f"--state: {file} uses unknown features: magic. Known: {known}."


NO_EXPORT = f" is not an export of a stack: it is not an object with a 'version' and a 'deployment'. {FIX}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f" is not valid JSON: Expecting value: line 1 column 1 (char 0). {FIX}"),
        ("[" * 100_000, f" is not valid JSON: maximum recursion depth exceeded while decoding a JSON array from a unicode string. {FIX}"),
        ("[]", NO_EXPORT),
        ('{"version": 3}', NO_EXPORT),
        ('{"version": 3, "deployment": []}', NO_EXPORT),
        ('{"version": 3, "checkpoint": {}}', f" is a backend's own state file, not an export. {FIX}"),
        ('{"deployment": {}}', " has version null; allowed are 3 and 4. Export it again with Pulumi 3."),
        ('{"version": 2, "deployment": {}}', " has version 2; allowed are 3 and 4. Export it again with Pulumi 3."),
        ('{"version": 5, "deployment": {}}', " has version 5; allowed are 3 and 4. Export it again with Pulumi 3."),
        (
            '{"version": 3, "deployment": {"manifest": {}}}',
            " contains no resources: nothing to check. Export a stack that has been deployed.",
        ),
        ('{"version": 3, "deployment": {"resources": {"a": 1}}}', f" is a damaged export: 'resources' is not a list. {FIX}"),
    ],
)
def test_what_is_no_export(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(PreviewError) as raised:
        load_state(file)
    assert str(raised.value) == f"--state: {file}{message}"


def test_a_file_that_is_not_there(file: Path) -> None:
    with pytest.raises(PreviewError) as raised:
        load_state(file)
    assert str(raised.value) == f"--state: {file} cannot be read: No such file or directory."


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        ([], "resource 2 has no URN"),
        ({"type": "a:b:C"}, "resource 2 has no URN"),
        (bucket(urn="urn:pulumi:dev::shop::x"), "resource 2 has no URN"),
        (bucket(urn="urn:other:dev::shop::x::y"), "resource 2 has no URN"),
        (bucket(type=None), f"{BUCKET} has no type"),
        (bucket(inputs=[]), f"{BUCKET}: 'inputs' is of the wrong type"),
        (bucket(dependencies="x"), f"{BUCKET}: 'dependencies' is of the wrong type"),
        (bucket(ignoreChanges=["a", 1]), f"{BUCKET}: 'ignoreChanges' is of the wrong type"),
        (bucket(aliases=[{"name": "x"}]), f"{BUCKET}: 'aliases' is of the wrong type"),
        (bucket(propertyDependencies={"a": "x"}), f"{BUCKET}: 'propertyDependencies' is of the wrong type"),
        (bucket(propertyDependencies={"a": [BUCKET], "b": [1]}), f"{BUCKET}: 'propertyDependencies' is of the wrong type"),
    ],
)
def test_damaged_resources(load: Load, file: Path, resource: Any, problem: str) -> None:
    assert refused(load, resource) == f"--state: {file} is a damaged export: {problem}. {FIX}"


@pytest.mark.parametrize(
    ("exported", "problem"),
    [
        (secret(), "a secret that does not have exactly one of 'plaintext' and 'ciphertext'"),
        (secret(plaintext='"a"', ciphertext="x"), "a secret that does not have exactly one of 'plaintext' and 'ciphertext'"),
        (secret(plaintext="hunter22"), "a secret that is not valid JSON"),
        ({SIGNATURE: RESOURCE}, "a malformed value"),
        ({SIGNATURE: BYTE_STRING, "value": "é"}, "a malformed value"),
        ({SIGNATURE: BYTE_STRING, "value": "a"}, "a malformed value"),
        ({SIGNATURE: FLOAT, "value": "7ff00000000000000"}, "a malformed value"),
        ({SIGNATURE: FLOAT, "value": "x"}, "a malformed value"),
        ({SIGNATURE: {"a": 1}}, "a value of an unknown kind, {'a': 1}"),
        ({SIGNATURE: "new"}, "a value of an unknown kind, new"),
    ],
)
def test_damaged_values(load: Load, file: Path, exported: Any, problem: str) -> None:
    message = refused(load, bucket(outputs={"value": {"in": [exported]}}))
    assert message == f"--state: {file} is a damaged export: {BUCKET}: 'value' contains {problem}. {FIX}"


@pytest.mark.parametrize(
    ("operations", "problem"),
    [
        ({"a": 1}, "'pending_operations' is not a list"),
        (["x"], "pending operation 1 has no URN"),
        ([{"resource": bucket(parent=1)}], f"{BUCKET}: 'parent' is of the wrong type"),
    ],
)
def test_damaged_operations(load: Load, file: Path, operations: Any, problem: str) -> None:
    assert refused(load, pending_operations=operations) == f"--state: {file} is a damaged export: {problem}. {FIX}"
