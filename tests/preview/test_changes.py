"""A run compared with an earlier one, on programs of a few resources: each change in one test."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from offline_preview import changes
from offline_preview.changes import Change, Changes, Earlier, compared
from offline_preview.findings import Control, Finding, PackReport, StackReport, Undecided
from offline_preview.graph import Graph
from offline_preview.reports import json_report, markdown, terminal
from offline_preview.reports.groups import grouped

from tests.harness import record
from tests.preview.conftest import STACK_URN, URN
from tests.preview.test_cli import error, run

Program = Callable[[], Any]
Opts = pulumi.ResourceOptions
TEST = "urn:pulumi:test::project::"


def report_of(program: Program, mode: Any = "deployed", region: str = "eu-west-1") -> StackReport:
    return StackReport(record(program, mode=mode, config={"aws:region": region}), mode=mode)


def earlier_of(*reports: StackReport) -> Earlier:
    return Earlier("main.json", {report.stack: json.loads(json_report.render([report])) for report in reports})


def changes_of(before: Program, after: Program, mode: Any = "deployed", regions: tuple[str, str] = ("eu-west-1", "eu-west-1")) -> Changes:
    found = compared(report_of(after, mode, regions[1]), earlier_of(report_of(before, mode, regions[0]))).changes
    assert found is not None
    return found


def told(found: Changes) -> list[tuple[Any, ...]]:
    """Kind and name of each change, and its properties: path, before, after, and whether it replaces."""
    return [
        (one.kind, one.name, *((prop.path, prop.before, prop.after, prop.replaces) for prop in one.properties)) for one in found.resources
    ]


def bucket(name: str = "logs", opts: Opts | None = None, **arguments: Any) -> Program:
    return lambda: aws.s3.Bucket(name, **arguments, opts=opts)


def both(*programs: Program) -> Program:
    return lambda: [program() for program in programs]


def test_the_same_program_changes_nothing() -> None:
    found = changes_of(bucket(tags={"a": "b"}), bucket(tags={"a": "b"}))
    assert (found.resources, found.new, found.gone, found.counts()) == ((), (), (), {})


def test_added_and_removed_resources() -> None:
    found = changes_of(bucket("logs"), bucket("data"))
    assert told(found) == [("removed", "logs"), ("added", "data")]
    assert found.counts() == {"removed": 1, "added": 1}
    assert found.resources[0].urn == f"{TEST}aws:s3/bucket:Bucket::logs"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"tags": {"a": "b"}}, {"tags": {"a": "c", "x:y": "d"}}, [("tags.a", "b", "c"), ('tags["x:y"]', None, "d")]),
        ({"tags": {"a": "b"}}, {}, [("tags", {"a": "b"}, None)]),
        ({"force_destroy": True}, {"force_destroy": False}, [("forceDestroy", True, False)]),
        (
            {"policy": json.dumps({"Statement": [{"Action": "s3:Get*", "Effect": "Allow"}]})},
            {"policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": ["s3:Get*"]}]}, indent=1)},
            [("policy.Statement[0].Action", "s3:Get*", ["s3:Get*"])],
        ),
        (
            {"grants": [{"type": "Group", "permissions": [text]} for text in ("READ", "WRITE")]},
            {"grants": [{"type": "Group", "permissions": [text]} for text in ("FULL", "READ", "WRITE")]},
            [("grants[0]", None, {"type": "Group", "permissions": ["FULL"]})],
        ),
        ({"grants": [{"id": "a"}, {"id": "b"}]}, {"grants": [{"id": "a"}]}, [("grants[1]", {"id": "b"}, None)]),
    ],
)
def test_changed_properties_have_their_paths(before: dict[str, Any], after: dict[str, Any], expected: list[Any]) -> None:
    assert told(changes_of(bucket(**before), bucket(**after))) == [("changed", "logs", *((*item, False) for item in expected))]


def test_a_document_that_is_only_written_otherwise_is_no_change() -> None:
    assert told(changes_of(bucket(policy='{"a":1,"b":[2]}'), bucket(policy='{"b": [2], "a": 1}'))) == []


def test_secrets_are_never_shown() -> None:
    def program(password: str, secret: bool = True) -> Program:
        def made() -> None:
            value = pulumi.Output.secret(password) if secret else password
            aws.sqs.Queue("jobs", policy=value)

        return made

    found = changes_of(program("hunter22", secret=False), program("hunter22"))
    assert told(found) == [("changed", "jobs", ("policy", "[not secret]", "[secret]", False))]
    found = changes_of(bucket(tags={"a": "is hunter22"}), both(bucket(tags={"a": "is not"}), program("hunter22")))
    assert told(found)[0] == ("changed", "logs", ("tags.a", "is [secret]", "is not", False))
    assert "hunter22" not in json.dumps(found.to_json())
    # Nothing tells one secret from another here.
    assert told(changes_of(program("hunter22"), program("hunter23"))) == []


def vpc(cidr: str = "10.0.0.0/16", opts: Opts | None = None, name: str = "vpc") -> Program:
    def program() -> None:
        made = aws.ec2.Vpc(name, cidr_block=cidr, opts=opts)
        aws.ec2.Subnet("subnet", vpc_id=made.id, cidr_block="10.0.0.0/24", availability_zone="eu-west-1a")
        aws.ec2.VpcEndpoint("s3", vpc_id=made.id, service_name=made.region.apply(lambda region: f"com.amazonaws.{region}.s3"))
        aws.s3.Bucket("logs", tags={"vpc": made.arn, "range": made.cidr_block})

    return program


@pytest.mark.parametrize("mode", ["deployed", "preview"])
def test_what_needs_an_id_of_a_replaced_resource_changes_with_it(mode: Any) -> None:
    found = changes_of(vpc(), vpc("10.1.0.0/16"), mode)
    replaced = [("replaced", "vpc", ("cidrBlock", "10.0.0.0/16", "10.1.0.0/16", True))]
    for name in ("subnet", "s3"):
        (id_,) = [one.properties[0].before for one in found.resources if one.name == name]
        replaced.append(("replaced", name, ("vpcId", id_, "[unknown]", True)))
    shown = told(found)
    assert shown[0] == replaced[0]
    assert shown[1] == replaced[1]
    kind, name, *properties = shown[-1]
    assert (kind, name, [(path, after, forces) for path, _, after, forces in properties]) == (
        "changed",
        "logs",
        [("tags.range", "10.1.0.0/16", False), ("tags.vpc", "[unknown]", False)],
    )
    if mode == "deployed":
        # The region is computed, too, but is that of the replacement.
        assert shown[2] == replaced[2]


def test_a_renamed_resource_with_an_alias_is_neither_removed_nor_added() -> None:
    found = changes_of(vpc(), vpc(opts=Opts(aliases=[pulumi.Alias(name="vpc")]), name="net"))
    assert told(found) == [("renamed", "net")]
    assert found.resources[0].former == f"{TEST}aws:ec2/vpc:Vpc::vpc"
    found = changes_of(vpc(), vpc(name="net"))
    assert [(one.kind, one.name) for one in found.resources] == [
        ("replaced", "subnet"),
        ("replaced", "s3"),
        ("removed", "vpc"),
        ("changed", "logs"),
        ("added", "net"),
    ]


def test_a_component_takes_its_children_along() -> None:
    class Store(pulumi.ComponentResource):
        def __init__(self, name: str, opts: Opts | None = None) -> None:
            super().__init__("shop:index:Store", name, None, opts)
            aws.s3.Bucket(f"{name}-logs", opts=Opts(parent=self))
            aws.s3.Bucket(f"{name}-data", opts=Opts(parent=self))

    found = changes_of(lambda: Store("a"), lambda: Store("b", Opts(aliases=[pulumi.Alias(name="a")])))
    assert told(found) == [("renamed", "b"), ("renamed", "b-logs"), ("renamed", "b-data")]
    found = changes_of(lambda: Store("a"), lambda: Store("b"))
    groups = [(group.kind, group.first.name, [one.name for one in group.inside]) for group in grouped(found.resources)]
    assert groups == [("removed", "a", ["a-logs", "a-data"]), ("added", "b", ["b-logs", "b-data"])]


def test_an_alias_of_what_is_still_there_takes_nothing_from_it() -> None:
    after = both(bucket("copy", Opts(aliases=[pulumi.Alias(name="logs")])), bucket("logs"))
    assert told(changes_of(bucket("logs"), after)) == [("added", "copy")]


def test_options_that_ignore_and_force() -> None:
    ignoring = Opts(ignore_changes=["tags.a", "bucket", 'tags["x:y"]'])
    values: list[dict[str, Any]] = [{"bucket": name, "tags": {"a": name, "b": name, "x:y": name}} for name in ("one", "two")]
    one, other = values
    assert told(changes_of(bucket(**one), bucket(opts=ignoring, **other))) == [("changed", "logs", ("tags.b", "one", "two", False))]
    forcing = Opts(replace_on_changes=["tags.*"])
    found = changes_of(bucket(tags={"a": "one"}), bucket(opts=forcing, tags={"a": "two"}))
    assert told(found) == [("replaced", "logs", ("tags.a", "one", "two", True))]


def test_protection_and_retention_are_told() -> None:
    protect, retain = Opts(protect=True), Opts(retain_on_delete=True)
    refused, kept = "it is protected, so the update is refused", "it is kept in AWS"
    assert changes_of(bucket(opts=protect), lambda: None).resources[0].notes == (refused,)
    assert changes_of(bucket(opts=retain), lambda: None).resources[0].notes == (kept,)
    assert changes_of(bucket(opts=protect, bucket="a"), bucket(opts=protect, bucket="b")).resources[0].notes == (refused,)
    assert told(changes_of(bucket(opts=protect), bucket())) == [("changed", "logs", ("option protect", True, False, False))]


def test_a_version_that_counts_up_reaches_what_uses_it() -> None:
    def program(size: str) -> Program:
        def made() -> None:
            template = aws.ec2.LaunchTemplate("template", instance_type=size)
            version = template.latest_version.apply(str)
            aws.ec2.Instance("server", launch_template={"id": template.id, "version": version})

        return made

    found = told(changes_of(program("t3.micro"), program("t3.small")))
    assert found[0][:2] == ("replaced", "server")
    assert found[0][2][0::2] == ("launchTemplate.version", "[unknown]")
    assert found[1] == ("changed", "template", ("instanceType", "t3.micro", "t3.small", False))


def test_another_region_of_the_provider_replaces() -> None:
    program, regions = both(bucket(), bucket("fixed", region="eu-west-1")), ("eu-west-1", "eu-west-3")
    assert told(changes_of(program, program)) == []
    assert told(changes_of(program, program, regions=regions)) == [("replaced", "logs", ("region of the provider", *regions, True))]


def test_a_type_without_facts_is_told_as_such() -> None:
    def program(text: str) -> Program:
        return lambda: aws.mq.Configuration("mq", engine_type="ActiveMQ", engine_version="5.17", data="x", description=text)

    (change,) = changes_of(program("a"), program("b")).resources
    assert (change.kind, change.is_known) == ("changed", False)
    (change,) = changes_of(bucket(tags={"a": "b"}), bucket()).resources
    assert (change.kind, change.is_known) == ("changed", True)


def test_what_is_only_read_is_not_managed() -> None:
    assert told(changes_of(lambda: None, lambda: aws.s3.Bucket.get("there", "id"))) == []


def test_a_resource_that_is_imported_is_told_as_such() -> None:
    assert changes_of(lambda: None, bucket(opts=Opts(import_="logs"))).resources[0].notes == ("imported",)


LOGS = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"


def finding(control: str = "tags", urn: str = LOGS, message: str = "has no tags", **changed: Any) -> Finding:
    return replace(Finding(control, "own", "fail", "mandatory", "high", urn, f"{message}. Remedy: Do it.", "Do it."), **changed)


def judged(graph: Graph, *findings: Finding, undecided: tuple[Undecided, ...] = (), level: Any = "mandatory") -> StackReport:
    controls = tuple(Control(name, "own", level=level, remediation="Do it.") for name in ("tags", "size"))
    return StackReport(graph, (PackReport("own", "1", Path("own"), controls, findings, undecided=undecided),))


def settings(**variables: str) -> Program:
    return lambda: aws.lambda_.Function("app", role="arn:aws:iam::123456789012:role/app", environment={"variables": variables})


def task(*environment: tuple[str, str]) -> Program:
    documents = [{"name": "web", "environment": [{"name": name, "value": value} for name, value in environment]}]
    return lambda: aws.ecs.TaskDefinition("app", family="app", container_definitions=json.dumps(documents))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (settings(API_KEY="sk_old"), settings(API_KEY="sk_new"), [("environment.variables.API_KEY", "[secret]", "[secret]")]),
        (settings(LEVEL="a"), settings(LEVEL="b"), [("environment.variables.LEVEL", "a", "b")]),
        (settings(TOKEN_URL="a", TOKEN="t"), settings(TOKEN_URL="b", TOKEN="t"), [("environment.variables.TOKEN_URL", "a", "b")]),
        (settings(DATABASE="db://a:b@c"), settings(DATABASE="db://a:d@c"), [("environment.variables.DATABASE", "[secret]", "[secret]")]),
        (
            lambda: aws.lambda_.Function("app", role="arn:aws:iam::123456789012:role/app"),
            settings(DB_PASSWORD="sk_new", LEVEL="a"),
            [("environment", None, {"variables": {"DB_PASSWORD": "[secret]", "LEVEL": "a"}})],
        ),
        # An item that moves takes no value along, and of a list with a secret no value is shown.
        (
            task(("A", "1"), ("API_KEY", "sk_old")),
            task(("B", "2"), ("C", "3"), ("API_KEY", "sk_new")),
            [
                ("containerDefinitions[0].environment[0].name", "A", "B"),
                ("containerDefinitions[0].environment[0].value", "[secret]", "[secret]"),
                ("containerDefinitions[0].environment[1].name", "API_KEY", "C"),
                ("containerDefinitions[0].environment[1].value", "[secret]", "[secret]"),
                ("containerDefinitions[0].environment[2]", None, {"name": "API_KEY", "value": "[secret]"}),
            ],
        ),
    ],
)
def test_variables_that_are_secrets_by_their_names_are_not_shown(before: Program, after: Program, expected: list[Any]) -> None:
    found = changes_of(before, after)
    assert [(one.path, one.before, one.after) for one in found.resources[0].properties] == expected
    assert "sk_" not in json.dumps(found.to_json())


SERVER = f"{TEST}aws:ec2/instance:Instance::web"


def server(user_data: str = "", **tags: str) -> Graph:
    def program() -> None:
        options: Any = {"http_tokens": "required"}
        aws.ec2.Instance("web", ami="ami-1", user_data=user_data or None, tags=tags, metadata_options=options)

    return record(program)


@pytest.mark.parametrize("verdict", ["fail", "known", "exempt"])
@pytest.mark.parametrize(
    ("control", "message", "hides", "hides_tags"),
    [
        ("user-data-no-secrets", "holds a password - userData", True, False),
        ("user-data-no-secrets", "holds a password - userData.0.line", True, False),
        ("server-password-not-in-state", "has a password - userData", True, False),
        ("own", "has a password in plain text - userData", True, False),
        ("no-plaintext-password", "has a password", True, True),
        ("no-plaintext-password", "has a password - another.place", True, True),
        ("user-data-no-secrets", "holds a password - metadataOptions.0.line", False, False),
        ("secret-rotated", "is never rotated - userData", False, False),
    ],
)
def test_values_where_a_control_has_found_a_secret_are_not_shown(
    verdict: Any, control: str, message: str, hides: bool, hides_tags: bool
) -> None:
    one = finding(control, SERVER, message, verdict=verdict)
    plain, fixed = judged(server("password=hunter22", a="b"), one), judged(server(a="c"))
    other = judged(server("password=hunter23", a="b"), one)
    text = "[secret]" if hides else "password=hunter22"
    tag = ("[secret]", "[secret]") if hides_tags else ("b", "c")
    for before, after, expected in (
        (plain, fixed, [("tags.a", *tag), ("userData", text, None)]),
        (fixed, plain, [("tags.a", *tag[::-1]), ("userData", None, text)]),
        (plain, other, [("userData", text, text.replace("22", "23"))]),
    ):
        found = compared(after, earlier_of(before)).changes
        assert found is not None
        assert [(each.path, each.before, each.after) for each in found.resources[0].properties] == expected
        views = json_report.render([replace(after, changes=found)]), markdown.render([replace(after, changes=found)])
        assert not hides or "hunter" not in json.dumps(found.to_json()) + views[1]


def test_a_hidden_value_that_becomes_a_secret_is_shown_as_such() -> None:
    def secret() -> None:
        variables = {"API_KEY": pulumi.Output.secret("sk_new")}
        aws.lambda_.Function("app", role="arn:aws:iam::123456789012:role/app", environment={"variables": variables})

    found = changes_of(settings(API_KEY="sk_old"), secret)
    assert [one[2] for one in told(found)] == [("environment.variables.API_KEY", "[not secret]", "[secret]", False)]


def differing(before: StackReport, after: StackReport) -> tuple[list[str], list[tuple[str, str]]]:
    found = compared(after, earlier_of(before)).changes
    assert found is not None
    return [one.control for one in found.new], [(one.finding.control, one.reason) for one in found.gone]


def test_findings_are_new_or_gone(graph: Graph) -> None:
    assert differing(judged(graph, finding()), judged(graph, finding())) == ([], [])
    assert differing(judged(graph, finding()), judged(graph, finding("size"))) == (["size"], [("tags", "")])
    assert differing(judged(graph, finding()), judged(graph, finding(), finding())) == (["tags"], [])
    assert differing(judged(graph, finding(message="is 3 - rules[0]")), judged(graph, finding(message="is 3 - rules[1]"))) == ([], [])
    # Another remedy is no other finding.
    other = replace(finding(), message="has no tags. Remedy: Do that.", remediation="Do that.")
    assert differing(judged(graph, other), judged(graph, other)) == ([], [])


@pytest.mark.parametrize(
    ("after", "level", "undecided", "expected"),
    [
        ((finding(verdict="exempt"),), "mandatory", (), ([], [("tags", "it is exempted now")])),
        ((finding(verdict="known"),), "mandatory", (), ([], [("tags", "the baseline has it now")])),
        ((), "disabled", (), ([], [("tags", "its control is disabled now")])),
        ((), "mandatory", (Undecided("tags", "own", "high", LOGS, "tags"),), ([], [])),
    ],
)
def test_why_a_finding_is_gone(graph: Graph, after: Any, level: Any, undecided: Any, expected: Any) -> None:
    assert differing(judged(graph, finding()), judged(graph, *after, level=level, undecided=undecided)) == expected


def test_a_finding_goes_with_its_resource_and_comes_when_it_is_no_longer_exempted(graph: Graph) -> None:
    rest = replace_resources(graph)
    assert differing(judged(graph, finding()), judged(rest)) == ([], [("tags", "its resource is removed")])
    assert differing(judged(graph, finding(verdict="exempt")), judged(graph, finding())) == (["tags"], [])
    # A pack that is not run now tells nothing.
    assert differing(judged(graph, finding()), StackReport(graph)) == ([], [])


def replace_resources(graph: Graph) -> Graph:
    return Graph(graph.project, graph.stack, [one for one in graph.resources if one.urn != LOGS], graph.outputs)


def test_json_and_terminal_show_the_changes(graph: Graph) -> None:
    before = judged(graph, finding(urn=STACK_URN))
    earlier = earlier_of(before)
    rest = replace_resources(graph)
    rest.named("data").inputs = {"bucket": "other", "tags": {"Owner": "me"}}
    report = compared(judged(rest, finding("size", STACK_URN, "is large")), earlier)
    data = json.loads(json_report.render([report]))["changes"]
    assert (data["against"], data["before"]["mandatory"]) == ("main.json", 1)
    assert {kind: [one["name"] for one in data[kind]] for kind in changes.KINDS} == {
        "replaced": ["data"],
        "removed": ["logs"],
        "changed": [],
        "added": [],
        "renamed": [],
    }
    assert data["replaced"][0]["properties"] == [{"path": "bucket", "before": "data", "after": "other", "replaces": True}]
    assert ([one["control"] for one in data["findings"]["new"]], [one["reason"] for one in data["findings"]["gone"]]) == (["size"], [""])
    out = terminal.console(100)
    with out.capture() as capture:
        terminal.show(out, [report])
    text = "\n".join(line.rstrip() for line in capture.get().splitlines())
    assert (
        """
 CHANGES  against main.json: 1 replaced, 1 removed; 1 new finding, 1 finding gone
  ± s3.Bucket data
      bucket "data" → "other"  replaces it
  - s3.Bucket logs
  new finding size on shop-dev, mandatory
  finding gone tags on shop-dev, mandatory
"""
        in text
    )


def test_equal_changes_stand_together() -> None:
    before, after = (both(*(bucket(name, tags={"a": value}) for name in "abcde"), bucket("f", tags={"a": "1"})) for value in ("1", "2"))
    (group,) = grouped(changes_of(before, after).resources)
    assert [change.name for change in group.changes] == list("abcde")
    ((_, was, now),) = group.values(100)
    assert (was, now) == ('"1"', '"2"')


def test_of_long_values_the_difference_is_shown() -> None:
    one, two = (bucket(tags={"a": "x" * 500 + end}) for end in ("one", "two"))
    (group,) = grouped(changes_of(one, two).resources)
    ((_, before, after),) = group.values(60)
    assert (before, after) == (f'...{"x" * 20}one"', f'...{"x" * 20}two"')


SHOP = "import pulumi\nimport pulumi_aws as aws\naws.s3.Bucket('logs')\n"


def reported(tmp_path: Path, **changed: Any) -> Path:
    """A report of the project shop as a file."""
    file = tmp_path / "main.json"
    data = json.loads(json_report.render([StackReport(Graph("shop", "dev"))]))
    file.write_text(json.dumps({**data, **changed}))
    return file


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory."),
        ("", "is not valid JSON: Expecting value: line 1 column 1 (char 0)."),
        ("[]", "is not a report of offline-preview."),
        ('{"version": 3, "deployment": {}}', "is not a report of offline-preview."),
        ({"version": None}, "is a report of an older version of offline-preview, without what a comparison needs."),
        ({"version": 2}, "is a report of another version of offline-preview, without what a comparison needs."),
        ({"mode": "x"}, "is a damaged report: 'mode' is 'x'."),
        ({"stack": 1}, "is a damaged report: 'stack' is missing or of the wrong type."),
        ({"resources": [1]}, "is a damaged report: resource 1 has no valid urn, type, name, custom, parent, id, inputs, outputs, options."),
        (
            {"findings": [{}]},
            "is a damaged report: finding 1 does not have the texts control, pack, verdict, level, severity, urn, message, remediation.",
        ),
        ({"project": "other"}, "is of the project other, not of shop."),
        ({"stack": "prod"}, "has no stack dev; it has: prod."),
    ],
)
def test_a_file_that_is_no_report_of_the_stack(
    project: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str], content: Any, message: str
) -> None:
    folder, file = project(__main____py=SHOP), tmp_path / "main.json"
    if isinstance(content, dict):
        reported(tmp_path, **content)
    elif content is not None:
        file.write_text(content)
    fix = "Write it with --json FILE, on the code to compare with."
    assert error(capfd, folder, "--against", str(file)) == f"error: --against: {file} {message} {fix}\n"


def test_runs_of_two_kinds_are_not_compared(project: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder, file = project(), reported(tmp_path)
    assert error(capfd, folder, "--as", "preview", "--against", str(file)) == (
        f"error: --against: {file} was written with --as deployed, but this run is with --as preview. Use the same for both.\n"
    )


def test_a_stack_that_the_earlier_run_did_not_have_is_added(
    project: Callable[..., Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, file = project(Pulumi__qa__yaml="config: {aws:region: eu-west-1}\n"), reported(tmp_path)
    (folder / "__main__.py").write_text(SHOP)
    code, out, err = run(capfd, folder, "--against", str(file), "--json", "-")
    data = {stack["stack"]: stack["changes"] for stack in json.loads(out)}
    assert (code, "note: " + f"{file} does not have the stack qa: all of it is added.\n" in err) == (0, True)
    assert {name: ([one["name"] for one in found["added"]], found["before"] is None) for name, found in data.items()} == {
        "dev": (["logs"], False),
        "qa": (["logs"], True),
    }


def test_a_change_says_what_it_is() -> None:
    change = Change("changed", f"{TEST}a:b:C::c", "a:b:C", "c", is_known=False)
    assert change.to_json() == {
        "urn": f"{TEST}a:b:C::c",
        "type": "a:b:C",
        "name": "c",
        "custom": True,
        "former": "",
        "properties": [],
        "replacementKnown": False,
        "notes": [],
    }
