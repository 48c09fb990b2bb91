import pytest
from offline_preview.graph import Graph, Resource
from offline_preview.values import RESOURCE, SIGNATURE, UNKNOWN, Secret, decode_struct
from offline_preview.wire import Requests, seconds

from tests.preview.conftest import URN


def test_analyze_gets_inputs_without_internal_keys_and_the_provider(graph: Graph) -> None:
    request = Requests(graph).analyze(graph.named("logs"))
    assert (request.type, request.name) == ("aws:s3/bucket:Bucket", "logs")
    assert decode_struct(request.properties) == {"bucket": "logs"}
    assert request.provider.urn == f"{URN}pulumi:providers:aws::default"
    assert decode_struct(request.provider.properties) == {"region": "eu-west-1"}
    assert request.options.parent == graph.named("store").urn


def test_analyze_stack_gets_outputs_parents_and_dependencies(graph: Graph) -> None:
    resources = {resource.name: resource for resource in Requests(graph).analyze_stack().resources}
    assert list(resources) == ["shop-dev", "default", "store", "logs", "data", "db"]
    assert decode_struct(resources["logs"].properties) == {"bucket": "logs", "arn": "arn:aws:s3:::logs"}
    assert resources["logs"].parent == graph.named("store").urn
    database = resources["db"]
    assert list(database.dependencies) == [graph.named("logs").urn]
    assert {key: list(value.urns) for key, value in database.propertyDependencies.items()} == {"password": [graph.named("logs").urn]}
    assert decode_struct(database.properties) == {"password": Secret("correct horse")}
    assert not resources["store"].HasField("provider")


def test_options_are_those_of_the_resource(graph: Graph) -> None:
    graph.named("logs").options.update(
        ignoreChanges=["tags"], deleteBeforeReplace=False, additionalSecretOutputs=["arn"], aliases=[{"name": "old"}]
    )
    requests = Requests(graph)
    options = requests.analyze(graph.named("logs")).options
    assert (list(options.ignoreChanges), list(options.additionalSecretOutputs), list(options.aliases)) == (["tags"], ["arn"], [])
    assert (options.deleteBeforeReplace, options.deleteBeforeReplaceDefined, options.protect) == (False, True, False)
    options = requests.analyze(graph.named("db")).options
    assert (options.deleteBeforeReplaceDefined, options.protect, options.customTimeouts.create) == (False, True, 5400.0)


def test_inputs_that_were_rewritten_are_used_instead(graph: Graph) -> None:
    logs = graph.named("logs")
    requests = Requests(graph, {logs.urn: {"bucket": "other"}})
    assert decode_struct(requests.analyze(logs).properties) == {"bucket": "other"}
    (found,) = [resource for resource in requests.analyze_stack().resources if resource.name == "logs"]
    assert decode_struct(found.properties) == {"bucket": "other", "arn": "arn:aws:s3:::logs"}


def test_packs_do_not_see_resources_that_are_only_read(graph: Graph) -> None:
    graph.resources.append(Resource(f"{URN}aws:ec2/vpc:Vpc::old", "aws:ec2/vpc:Vpc", "old", True, options={"external": True}))
    requests = Requests(graph)
    assert "old" not in [resource.name for resource in requests.resources()]
    assert "old" not in [resource.name for resource in requests.analyze_stack().resources]


def test_whole_resource_references_become_ids_or_urns(graph: Graph) -> None:
    def reference(**fields: object) -> dict[str, object]:
        return {SIGNATURE: RESOURCE, "urn": "urn:x", **fields}

    inputs = {
        "component": reference(),
        "known": [reference(id="vpc-1")],
        "unknown": {"deep": Secret(reference(id=""))},
        "open": reference(id=UNKNOWN),
        "__top": 1,
        "nested": {"__kept": 1},
    }
    graph.named("logs").inputs = inputs
    assert decode_struct(Requests(graph).analyze(graph.named("logs")).properties) == {
        "component": "urn:x",
        "known": ["vpc-1"],
        "unknown": {"deep": Secret(UNKNOWN)},
        "open": UNKNOWN,
        "nested": {"__kept": 1},
    }


@pytest.mark.parametrize(("text", "number"), [("1h30m", 5400.0), ("1.5s", 1.5), ("250ms", 0.25), ("", 0.0), (7, 7.0)])
def test_durations_are_seconds(text: object, number: float) -> None:
    assert seconds(text) == number
