"""What botocore's models judge: pairs of values from AWS's documentation, what is never judged, and the table they are read from."""

import inspect
import json
import re
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from cloudpatterns.plugin import examples
from cloudpatterns_policies.acceptance.models import TABLE, Problem, judge_models, judged, tokens
from cloudpatterns_policies.core import UNKNOWN, Resource, Stack
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.harness import record
from tests.policies.acceptance.models import generate, history, sdk, service
from tests.policies.acceptance.models.facts import Facts
from tests.policies.acceptance.models.names import names
from tests.policies.helpers import resource, secret, stack
from tests.program import ROOT
from tests.test_golden import PROGRAMS, shipped

CASES = yaml.safe_load((Path(__file__).parent / "models" / "cases.yaml").read_text(encoding="utf-8"))
PAIRS = [(token, *pair) for token, pairs in CASES.items() for pair in pairs]
EXAMPLES = [name for name, each in inspect.getmembers(examples, inspect.isfunction) if each.__module__ == examples.__name__]

FUNCTION = "aws:lambda/function:Function"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
ROLE = "aws:iam/role:Role"
RULE = "aws:cloudwatch/eventRule:EventRule"


def problems(*resources: Resource, skip: Any = lambda token, path: False) -> list[Problem]:
    return [problem for _, problem in judge_models(stack(*resources), skip)]


def places(*resources: Resource) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in problems(*resources)]


def written(value: Any) -> Any:
    """A value of the cases: `{of, times}` is a long text, or a list."""
    if not isinstance(value, dict):
        return value
    of, times = value["of"], value["times"]
    return of * times if len(of) == 1 else [f"{of}{number}" for number in range(times)]


def inputs(path: str, value: Any) -> Any:
    """Inputs that have a value at a path and nothing else."""
    for part in reversed(path.split(".")):
        value = [value] if part == "0" else {part: value}
    return value


def judge_graph(graph: Graph) -> list[tuple[Resource, Problem]]:
    sent = Stack.sent(Resource(message) for message in Requests(graph).analyze_stack().resources)
    return list(judge_models(sent, lambda token, path: False))


@pytest.mark.parametrize(("token", "path", "accepted", "refused", "kind"), PAIRS, ids=lambda value: str(value)[:50])
def test_what_aws_accepts_and_refuses(token: str, path: str, accepted: Any, refused: Any, kind: str) -> None:
    assert places(resource(token, props=inputs(path, written(accepted)))) == []
    assert places(resource(token, props=inputs(path, written(refused)))) == [(path, f"api-{kind}")]


def test_the_pairs_are_many_and_of_many_services() -> None:
    assert len(PAIRS) >= 120
    assert len({token.split("/")[0] for token in CASES}) >= 25


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_we_ship_is_accepted(program: str) -> None:
    assert judge_graph(shipped(program)) == []


@pytest.mark.parametrize(
    "name", [name for name, each in inspect.getmembers(examples, inspect.isfunction) if each.__module__ == examples.__name__]
)
@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_every_component_is_accepted(name: str, mode: Any) -> None:
    assert judge_graph(record(getattr(examples, name), mode=mode)) == []


@pytest.mark.parametrize(
    ("token", "props"),
    [
        ("aws:cognito/userPoolDomain:UserPoolDomain", {"domain": "auth.example.com"}),
        ("aws:connect/quickConnect:QuickConnect", {"quickConnectConfig": {"phoneConfigs": [{"phoneNumber": "+12345678912"}]}}),
        ("aws:connect/user:User", {"password": "Password123"}),
    ],
)
def test_a_value_of_the_documentation_that_the_model_is_wrong_about_is_accepted(token: str, props: dict[str, Any]) -> None:
    assert places(resource(token, props=props)) == []


@pytest.mark.parametrize(
    ("token", "props", "message"),
    [
        (FUNCTION, {"packageType": "zip"}, "is 'zip'; must be one of Zip, Image"),
        (FUNCTION, {"packageType": "z" * 100}, f"is '{'z' * 80}...'; must be one of Zip, Image"),
        (FUNCTION, {"packageType": secret("zip")}, "must be one of Zip, Image"),
        (FUNCTION, {"description": "x" * 300}, "has 300 characters; must have between 0 and 256"),
        (FUNCTION, {"description": secret("x" * 300)}, "must have between 0 and 256"),
        (MAPPING, {"batchSize": 10001}, "is 10001; must be between 1 and 10000"),
        (MAPPING, {"topics": ["a", "b"]}, "has 2 elements; must have 1"),
        ("aws:athena/workgroup:Workgroup", {"configuration": {"bytesScannedCutoffPerQuery": 1}}, "is 1; must be at least 10000000"),
        (RULE, {"name": "a b"}, r"must match the pattern [\.\-_A-Za-z0-9]+"),
    ],
)
def test_the_message_says_what_is_wrong_and_what_the_api_takes(token: str, props: dict[str, Any], message: str) -> None:
    (problem,) = problems(resource(token, props=props))
    assert problem.message == message


def test_the_link_leads_to_the_operation() -> None:
    (problem,) = problems(resource(FUNCTION, props={"packageType": "zip"}))
    assert problem.url == "https://docs.aws.amazon.com/goto/WebAPI/lambda-2015-03-31/CreateFunction"


def test_the_resource_is_the_one_with_the_problem() -> None:
    good, bad = resource(FUNCTION, "good", {"packageType": "Zip"}), resource(FUNCTION, "bad", {"packageType": "zip"})
    assert [found.name for found, _ in judge_models(stack(good, bad), lambda token, path: False)] == ["bad"]


@pytest.mark.parametrize(
    "props",
    [
        {"packageType": UNKNOWN, "architectures": UNKNOWN, "tracingConfig": UNKNOWN, "description": UNKNOWN},
        {"architectures": [UNKNOWN], "tracingConfig": {"mode": UNKNOWN}},
        {"packageType": None, "architectures": [None]},
        {"packageType": "", "description": ""},
        {"packageType": 3, "description": ["x"], "tracingConfig": "x"},
        {"runtime": "python9.99", "notAnInput": "x"},
    ],
    ids=["unknown", "unknown within", "null", "not set", "of another type", "not judged"],
)
def test_what_is_no_problem(props: dict[str, Any]) -> None:
    assert places(resource(FUNCTION, props=props)) == []


def test_a_type_without_facts_is_no_problem() -> None:
    assert places(resource("pulumi:pulumi:Stack"), resource("azure:core/resourceGroup:ResourceGroup", "y", {"name": "a b"})) == []


@pytest.mark.parametrize("value", [0, -1])
def test_a_number_that_stands_for_not_set_is_no_problem(value: int) -> None:
    assert places(resource(MAPPING, props={"batchSize": value})) == []
    assert places(resource(MAPPING, props={"batchSize": value - 2 if value else 20000})) == [("batchSize", "api-range")]


def test_a_document_is_not_measured_since_the_provider_writes_it_anew() -> None:
    assert places(resource(RULE, props={"eventPattern": '{"source": ["' + "x" * 5000 + '"]}'})) == []
    assert places(resource(RULE, props={"description": "x" * 5000})) == [("description", "api-length")]


def test_equal_elements_count_as_one_and_unknown_ones_may_be_equal() -> None:
    topic = "arn:aws:sns:eu-west-1:123456789012:t"
    assert places(resource(ALARM, props={"alarmActions": [topic] * 9})) == []
    assert places(resource(ALARM, props={"alarmActions": [UNKNOWN] * 9})) == []
    assert places(resource(ALARM, props={"alarmActions": [f"{topic}{number}" for number in range(6)]})) == [("alarmActions", "api-items")]


def test_elements_are_counted_where_the_api_wants_several() -> None:
    endpoint = "aws:cloudwatch/eventEndpoint:EventEndpoint"
    assert places(resource(endpoint, props={"eventBuses": [{"eventBusArn": UNKNOWN}, {"eventBusArn": UNKNOWN}]})) == []
    assert places(resource(endpoint, props={"eventBuses": [{"eventBusArn": UNKNOWN}]})) == [("eventBuses", "api-items")]


def test_a_block_may_stand_in_a_list_of_one() -> None:
    assert places(resource(FUNCTION, props={"tracingConfig": [{"mode": "On"}]})) == [("tracingConfig.0.mode", "api-enum")]


def test_a_value_from_another_resource_is_no_problem() -> None:
    role = resource(ROLE, "role", {"arn": "role-0123456 invented", "name": "not"})
    function = resource(FUNCTION, "f", {"role": "role-0123456 invented"}, deps={"role": ["role"]})
    assert places(role, function) == []
    assert places(role, resource(FUNCTION, "f", {"role": "not an ARN"}, deps={"role": ["role"]})) == [("role", "api-pattern")]
    assert places(role, resource(FUNCTION, "f", {"role": "role-0123456 invented"})) == [("role", "api-pattern")]


def test_a_name_that_nobody_has_written_is_matched_with_no_pattern() -> None:
    assert places(resource(RULE, props={"name": "get name-0926f74"})) == []
    assert places(resource(RULE, props={"name": "get name-0926f7"})) == [("name", "api-pattern")]


def test_a_pattern_with_one_anchor_says_nothing_of_the_other_end() -> None:
    target = "aws:efs/mountTarget:MountTarget"
    assert places(resource(target, props={"securityGroups": ["sg-0123456789 and more"]})) == []
    assert places(resource(target, props={"securityGroups": ["my sg-0123456789"]})) == [("securityGroups.0", "api-pattern")]


def test_a_long_text_is_matched_with_no_pattern() -> None:
    assert places(resource(FUNCTION, props={"handler": " " * 4096})) == [("handler", "api-pattern")]
    assert places(resource(FUNCTION, props={"handler": " " * 4097})) == []


def test_skip_is_asked_for_what_has_a_problem_without_indices() -> None:
    asked = []

    def skip(token: str, path: str) -> bool:
        asked.append((token, path))
        return path == "packageType"

    found = problems(resource(FUNCTION, props={"packageType": "zip", "architectures": ["amd64"], "description": "fine"}), skip=skip)
    assert [problem.path for problem in found] == ["architectures.0"]
    assert sorted(asked) == [(FUNCTION, "architectures"), (FUNCTION, "packageType")]


def test_what_is_judged_of_a_type() -> None:
    rule = judged("aws:cloudwatch/eventRule:EventRule")
    assert rule["name"] == ("pattern", "length")
    assert judged("aws:scheduler/schedule:Schedule")["flexibleTimeWindow.mode"] == ("enum",)
    assert judged(FUNCTION)["architectures"] == ("items", "enum")
    assert judged("aws:wafv2/webAcl:WebAcl")["rules.action.block.customResponse.responseCode"] == ("range",)
    assert judged("aws:none/none:None") == {}
    assert FUNCTION in tokens()


@pytest.mark.parametrize(
    ("token", "path"),
    [
        (FUNCTION, "runtime"),
        ("aws:ec2/instance:Instance", "instanceType"),
        ("aws:ebs/volume:Volume", "type"),
        ("aws:kms/key:Key", "customerMasterKeySpec"),
        ("aws:lb/listener:Listener", "sslPolicy"),
        ("aws:cloudfront/distribution:Distribution", "viewerCertificate.minimumProtocolVersion"),
        ("aws:eks/addon:Addon", "addonVersion"),
        ("aws:rds/proxy:Proxy", "engineFamily"),
    ],
)
def test_enumerations_that_grow_are_not_judged(token: str, path: str) -> None:
    assert "enum" not in judged(token).get(path, ())


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("aws:batch/jobQueue:JobQueue", "state"),
        ("aws:lb/listener:Listener", "protocol"),
        ("aws:mq/broker:Broker", "deploymentMode"),
        ("aws:dms/endpoint:Endpoint", "kafkaSettings.messageFormat"),
    ],
)
def test_enumerations_that_the_provider_takes_in_any_case_are_not_judged(token: str, path: str) -> None:
    assert "enum" not in judged(token).get(path, ())


def test_the_table_is_what_the_generator_makes() -> None:
    """Takes seconds: it reads the whole SDK, and botocore's models of its services."""
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE))
    if any(version(package) != pinned[package] for package in ("pulumi-aws", "botocore")):
        pytest.skip("the table is of the pinned versions")
    assert list(generate.lines(Facts(history.read(), names()))) == TABLE.read_text(encoding="utf-8").splitlines(), (
        "python -m tests.policies.acceptance.models.generate"
    )


def test_an_entry_of_the_names_is_of_something_that_there_is() -> None:
    known = names()
    types = {type.token: {each.name for each in type.inputs} for type in sdk.resource_types()}
    modules = {path.name for path in sdk.folder().iterdir()}
    services = set(service.names())
    assert known["services"].keys() | known["prefixes"].keys() <= modules
    assert {name for found in known["services"].values() for name in found} <= services
    assert known["operations"].keys() <= types.keys()
    for operation in filter(None, known["operations"].values()):
        name, _, verb = operation.partition(".")
        assert verb in service.load(name).operations
    for shape in known["any_case"]:
        name, _, enumeration = shape.partition(".")
        assert service.load(name).shapes[enumeration]["enum"]
    for place in (*known["members"], *known["unjudged"]):
        token, _, path = place.partition("#")[0].partition(".")
        assert path.split(".")[0] in types[token]


def table_patterns() -> Iterator[str]:
    yield from set(re.findall(r'"pattern":("(?:[^"\\]|\\.)*")', TABLE.read_text(encoding="utf-8")))


def test_every_pattern_is_one_for_python_and_quick() -> None:
    """None takes for ever: a text that nearly fits is what a bad pattern is slow at."""
    begin = time.process_time()
    for text in table_patterns():
        pattern = re.compile(json.loads(text), re.DOTALL)
        for value in ("a" * 200 + "!", "a-" * 100 + " ", "arn:aws:iam::123456789012:role/" + "a/" * 100 + "\n", "1." * 100 + "x y"):
            pattern.search(value)
            pattern.fullmatch(value)
    assert time.process_time() - begin < 5


def test_only_a_constraint_that_no_release_had_otherwise_is_stable() -> None:
    new = {"enum": ["a", "b"], "max": 10, "pattern": "x"}
    assert history.unchanged([{"enum": ["b", "a", "c"], "max": 10, "pattern": "x"}], new) == ["enum", "pattern", "max"]
    assert history.unchanged([{"enum": ["a"], "max": 5, "pattern": "y"}], new) == []
    assert history.unchanged([{"max": 10}, {"enum": ["a", "b"], "pattern": "x"}], new) == []
