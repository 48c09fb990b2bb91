"""What AWS would refuse: our stacks, components and examples pass, and the controls report through a pack."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloudpatterns.plugin import examples
from cloudpatterns_policies.acceptance import engine
from cloudpatterns_policies.acceptance.controls import accepted
from cloudpatterns_policies.acceptance.judgement import gaps, judgements
from cloudpatterns_policies.core import Fail, Resource, Stack
from cloudpatterns_policies.core.pack import Pack
from cloudpatterns_policies.core.registry import discover
from offline_preview.graph import Graph
from offline_preview.wire import Requests

from tests.harness import record
from tests.policies.helpers import resource, stack, verdicts
from tests.program import ROOT, STACKS, folder_graph, program_graph

FAMILIES = (accepted.accepted_value, accepted.accepted_combination, accepted.accepted_reference)
EXAMPLES = sorted(file.parent.name for file in ROOT.glob("examples/*/Pulumi.yaml"))


def sent(graph: Graph) -> Stack:
    """The stack as a pack that keeps inputs has it."""
    requests = Requests(graph)
    found = Stack.sent(map(Resource, requests.analyze_stack().resources))
    given = {one.urn: Resource(requests.analyze(one)) for one in requests.resources()}
    for one in found.resources:
        one.inputs = given[one.urn]
    return found


def graphs() -> Iterator[tuple[str, Graph]]:
    """The stacks, the examples, and each component in its own."""
    for name in STACKS:
        yield name, program_graph(name)
    for name, example in inspect.getmembers(examples, inspect.isfunction):
        if example.__module__ == examples.__name__:
            yield name, record(example, mode="deployed")
    for name in EXAMPLES:
        yield f"examples/{name}", folder_graph(ROOT / "examples" / name, "dev", deployed=True)


def test_aws_accepts_our_stacks_components_and_examples() -> None:
    found = {name: [(one.resource.name, one.property, one.message) for one in judgements(sent(graph))] for name, graph in graphs()}
    assert {name: told for name, told in found.items() if told} == {}
    assert len(found) >= len(STACKS) + len(EXAMPLES) + 20
    assert gaps() == ()


def test_the_packs_controls_are_found_and_report_through_it() -> None:
    controls = discover("cloudpatterns_policies.acceptance.controls", pack="acceptance")
    assert {control.id for control in controls} >= {control.id for control in FAMILIES} | {"accepted-advice", "acceptance-complete"}
    pack = Pack([control for control in controls if control.id.startswith("accept")], keep_inputs=True)
    queue = resource("aws:sqs/queue:Queue", "x", {"fifoQueue": True, "name": "orders"})
    pack.analyze(queue)
    [finding] = [one for one in pack.analyze_stack(stack(queue)).findings if one.policy == "accepted-value"]
    assert (finding.level.value, finding.severity.label) == ("mandatory", "high")
    assert " - name. Remedy: Change the property as the finding says. https://docs.aws.amazon.com/" in finding.message


def test_each_of_ten_mistakes_in_a_program_is_refused() -> None:
    graph = folder_graph(Path(__file__).with_name("mistakes"), "dev", deployed=True)
    found = {one.resource.name for one in judgements(sent(graph)) if one.refused}
    assert found == {
        *("too-long", "no-ending", "crontab", "a-month", "every-45-seconds"),
        *("no-service", "fast-gp2", "at-the-same-time", "outside", "top"),
    }


def test_a_document_that_is_no_json_and_a_type_that_nobody_knows_leave_the_rest_judged() -> None:
    broken = resource("aws:sqs/queue:Queue", "broken", {"redrivePolicy": "{", "delaySeconds": 901})
    strange = resource("aws:brand/new:New", "strange", {"delaySeconds": 901})
    assert [(one.resource.name, one.property) for one in judgements(stack(broken, strange))] == [("broken", "delaySeconds")]


def test_a_missing_package_is_one_finding_of_the_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudformation_validate", None)
    alone = engine.Validator()
    monkeypatch.setattr(engine, "shared", lambda: alone)
    found = stack(resource("aws:sqs/queue:Queue", "x", {"delaySeconds": 901}), resource("aws:dax/cluster:Cluster", "y"))
    [(name, fail)] = verdicts(accepted.acceptance_complete, found)
    assert name == ""
    assert fail.message.startswith("was judged in part: cloudformation-validate is not installed: not judged by AWS's validator")
    assert [one for control in FAMILIES for one in verdicts(control, found) if isinstance(one[1], Fail)] == []
