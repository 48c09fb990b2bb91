"""The HTML page: what is in it, what cannot be in it, and where it says that findings are."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from offline_preview import cli
from offline_preview.changes import Change, Changes, Gone, Property
from offline_preview.findings import Control, Finding, Known, PackReport, StackReport
from offline_preview.graph import Graph, Resource
from offline_preview.reports.html_paths import INTERNET, Places
from offline_preview.reports.html_report import render

from tests.harness import record
from tests.preview.conftest import STACK_URN, URN

LOGS = f"{URN}shop:index:Store$aws:s3/bucket:Bucket::logs"
REMEDY = "Set tags."
CONTROL = Control("tags", "own", "Buckets have tags", "", "mandatory", "high", REMEDY, "https://example.com/tags")
EMPTY = {
    "area",
    "base",
    "br",
    "circle",
    "col",
    "embed",
    "hr",
    "image",
    "img",
    "input",
    "link",
    "meta",
    "path",
    "polygon",
    "rect",
    "use",
    "wbr",
}
LOADING = {"src", "srcset", "background", "poster", "data", "action", "formaction", "xlink:href"}


class Page(HTMLParser):
    """The elements of a page with their attributes and texts, once it is known to be well-formed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("script", "style"):
            self.texts.append(data)

    def of(self, element: str, **attributes: str) -> list[dict[str, str]]:
        """The elements of a name that have these attributes, a class among others."""
        wanted = {key.strip("_"): value for key, value in attributes.items()}
        return [
            found
            for tag, found in self.elements
            if tag == element and all(value in found.get(key, "").split() for key, value in wanted.items())
        ]

    @property
    def words(self) -> str:
        """All that is to be read."""
        return " ".join(" ".join(self.texts).split())


def finding(**changes: Any) -> Finding:
    text = f"has no tags - tags. Remedy: {REMEDY}"
    return replace(Finding("tags", "own", "fail", "mandatory", "high", LOGS, text, REMEDY), **changes)


def report(graph: Graph, *findings: Finding, changes: Changes | None = None, **more: Any) -> StackReport:
    return StackReport(graph, (PackReport("own", "1", Path("own"), (CONTROL,), findings),), changes=changes, **more)


def test_it_has_verdict_findings_remedy_picture_and_tree(graph: Graph) -> None:
    page = Page(render([report(graph, finding(), finding(level="advisory", urn=STACK_URN))]))
    words = page.words
    assert words.startswith("Not compliant: dev - shop Skip to the results Not compliant: dev shop ")
    assert "dev Not compliant 1 mandatory, 1 advisory no profile 3 resources, 1 component" in words
    assert "Mandatory 1 finding high s3.Bucket logs tags store.py:7 has no tags. tags mandatory Fix: Set tags. More" in words
    assert "Advisory 1 finding high shop-dev" in words
    assert "Store store" in words.partition("Resources 4")[2]
    assert "Picture of dev" in words
    assert page.of("a", href="https://example.com/tags") == [{"href": "https://example.com/tags", "rel": "noreferrer"}] * 2
    entry, stack = page.of("article", class_="entry")
    [bucket] = [one for one in page.of("g", class_="thing") if one["data-urns"] == entry["data-at"]]
    assert bucket["data-key"]
    assert (entry["data-lit"], entry["data-severity"], entry["data-level"]) == (entry["data-at"], "high", "mandatory")
    assert "data-lit" not in stack


def test_it_lets_nothing_in_from_outside_and_runs_nothing_but_its_script(graph: Graph) -> None:
    page = Page(render([report(graph, finding())]))
    [policy] = [one["content"] for one in page.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]

    def hashed(tag: str) -> str:
        [text] = re.findall(rf"<{tag}>(.*?)</{tag}>", page.text, re.DOTALL)
        return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{hashed('style')}'; script-src 'sha256-{hashed('script')}';"
        " base-uri 'none'; form-action 'none'"
    )
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style" or name in LOADING], (tag, attributes)
        if tag != "a" and "href" in attributes:
            assert attributes["href"].startswith(("#", "data:image/png;base64,"))
    assert len(page.of("script")) == len(page.of("style")) == 1
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|innerHTML|eval\(", page.text)


def test_texts_of_the_program_and_the_packs_cannot_become_markup(graph: Graph) -> None:
    evil = '<img src=x onerror="alert(1)">\x1b</script><b>'
    graph.named("logs").source = evil
    found = finding(control=evil, message=f"{evil} - {evil}", severity='"><script>')
    gone = (Known("own", "tags", LOGS, evil),)
    change = Change("changed", LOGS, "aws:s3/bucket:Bucket", "logs", properties=(Property(evil, evil, {"x": evil}),), notes=(evil,))
    changes = Changes(evil, {}, (change,), (found,), (Gone(finding(message=evil), evil),))
    page = Page(render([report(graph, found, changes=changes, notes=(evil,), gone=gone)]))
    assert page.of("img") == []
    assert len(page.of("script")) == 1
    assert "\x1b" not in page.text
    assert page.words.count("onerror") >= 8
    assert page.of("a", href="javascript:alert(1)") == []


def test_a_link_that_is_none_is_not_followed(graph: Graph) -> None:
    control = replace(CONTROL, url='javascript:alert("x")')
    page = Page(render([StackReport(graph, (PackReport("own", "1", Path("own"), (control,), (finding(),)),))]))
    assert "javascript" not in page.text
    assert "Fix: Set tags." in page.words


def test_no_secret_is_in_it(graph: Graph) -> None:
    """The database's password is one."""
    text = "has the password correct horse - password"
    change = Change("changed", LOGS, "aws:s3/bucket:Bucket", "logs", properties=(Property("x", "correct horse", "[secret]"),))
    gone = (Known("own", "tags", LOGS, "correct horse"),)
    changes = Changes("main.json", {}, (change,), (), (Gone(finding(message=text)),))
    texts = render([report(graph, finding(message=text), changes=changes, notes=("correct horse",), gone=gone)])
    assert "correct horse" not in texts
    assert texts.count("[secret]") >= 5


def test_no_secret_is_in_the_picture() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block=pulumi.Output.secret("10.77.0.0/16"))
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.77.1.0/24", availability_zone="eu-west-1a")
        aws.ec2.Instance("server", ami="ami-1", instance_type="t3.micro", subnet_id=subnet.id)

    text = render([StackReport(record(program, mode="deployed"))])
    assert "10.77.0.0/16" not in text
    assert "Previewed without policy packs" in text
    assert 'class="box vpc"' in text


def test_what_is_accepted_undecided_or_gone_is_folded(graph: Graph) -> None:
    found = [
        finding(verdict="unknown", level="advisory"),
        finding(verdict="exempt", level="advisory"),
        finding(verdict="known", level="advisory"),
    ]
    page = Page(render([report(graph, *found, gone=(Known("own", "tags", LOGS, "had no tags"),), notes=("a note",))]))
    words = page.words
    assert words.startswith("Compliant - shop")
    assert "No findings." in words
    order = [
        words.index(f"{title} 1 ")
        for title in ("Checks without a verdict", "Exempted findings", "Findings of the baseline", "Findings of the baseline that are gone")
    ]
    assert order == sorted(order)
    assert "tags on s3.Bucket logs: had no tags" in words
    assert "a note" in words
    assert {one["class"]: "open" in one for one in page.of("details", class_="more")} == {
        "more unknown": False,
        "more exempt": False,
        "more known": False,
        "more gone": False,
        "more tree": False,
    }


def test_a_comparison_shows_new_findings_first_and_each_change(graph: Graph) -> None:
    queue = f"{URN}aws:sqs/queue:Queue::jobs"
    changes = Changes(
        "main.json",
        {},
        (
            Change("replaced", LOGS, "aws:s3/bucket:Bucket", "logs", properties=(Property("bucket", "a", "[unknown]", True),)),
            Change("removed", queue, "aws:sqs/queue:Queue", "jobs", notes=("it is kept in AWS",)),
        ),
        (finding(),),
        (Gone(finding(message="had no name"), "its resource is removed"),),
    )
    old = finding(message="is old - other")
    page = Page(render([report(graph, old, finding(), changes=changes)]))
    words = page.words
    assert words.index("New 1 finding") < words.index("Mandatory 1 finding")
    assert "1 replaced, 1 removed, 1 new finding, 1 finding gone" in words
    assert "\N{PLUS-MINUS SIGN} replaced s3.Bucket logs Property Before After bucket replaces it" in words
    assert "\N{MINUS SIGN} removed sqs.Queue jobs it is kept in AWS" in words
    assert "Findings gone 1 tags on s3.Bucket logs: had no name (its resource is removed)" in words
    assert [one.get("data-new") for one in page.of("article") if "data-severity" in one] == ["yes", None]
    assert page.of("input", name="new")
    assert "open" in page.of("details", class_="changes")[0]


def test_beside_an_id_in_a_change_is_the_resource_that_has_it(graph: Graph) -> None:
    graph.named("logs").id = "vpc-0a1b2c3d"
    values = (Property("vpcId", "vpc-0a1b2c3d", "vpc-ffffffff"), Property("name", "logs", "vpc-0a1b2c3d and more"))
    change = Change("changed", LOGS, "aws:s3/bucket:Bucket", "logs", properties=values)
    words = Page(render([report(graph, changes=Changes("main.json", {}, (change,), (), ()))])).words
    assert 'vpcId "vpc-0a1b2c3d" s3.Bucket logs "vpc-ffffffff" name "logs" "vpc-0a1b2c3d and more"' in words


def test_several_stacks_have_a_row_each_and_those_that_comply_are_folded(graph: Graph) -> None:
    other = Graph("shop", "prod", graph.resources, graph.outputs)
    page = Page(render([report(graph, finding()), report(other)]))
    assert [("open" in one, one["id"]) for one in page.of("details", class_="stack")] == [(True, "s0"), (False, "s1")]
    assert [one["href"] for one in page.of("a") if one["href"] in ("#s0", "#s1")] == ["#s0", "#s1"]
    identifiers = [one["id"] for _, one in page.elements if "id" in one]
    assert len(identifiers) == len(set(identifiers))


def test_without_the_package_there_is_no_picture_and_it_says_so(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    page = Page(render([report(graph, finding())]))
    assert page.of("svg") == []
    assert "There is no picture, because the package cloudpatterns-pictures is not installed beside offline-preview." in page.words
    assert "has no tags." in page.words
    assert not page.of("button", class_="show")


def test_of_many_stacks_those_that_do_not_comply_are_drawn(graph: Graph) -> None:
    stacks = [Graph("shop", f"cell-{number}", graph.resources) for number in range(26)]
    page = Page(render([report(one, *([finding()] if one.stack == "cell-25" else [])) for one in stacks]))
    assert len(page.of("svg", class_="picture")) == 24
    assert (
        page.words.count("There is no picture, because the page has those of 24 other stacks: --stack and --html, or --svg, draw this one.")
        == 2
    )
    assert "Picture of cell-25" in page.words
    assert "Picture of cell-22" in page.words
    assert "Picture of cell-23" not in page.words


def test_a_stack_that_is_too_large_to_draw_says_so(graph: Graph) -> None:
    graph.resources += [
        Resource(f"{URN}aws:sqs/queue:Queue::q{number}", "aws:sqs/queue:Queue", f"q{number}", True) for number in range(10_000)
    ]
    page = Page(render([report(graph, finding())]))
    assert "There is no picture, because the stack has more than 10,000 resources: --svg draws it." in page.words
    assert not page.of("svg", class_="picture")


def test_a_stack_without_anything_to_draw_says_so() -> None:
    page = Page(render([StackReport(record(lambda: aws.ssm.Parameter("parameter", type="String", value="x")))]))
    assert "There is no picture, because the stack has no resource that a picture shows." in page.words


def test_components_that_are_folded_have_pictures_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Shop(pulumi.ComponentResource):
        def __init__(self, name: str, topic: aws.sns.Topic) -> None:
            super().__init__("own:index:Shop", name)
            options = pulumi.ResourceOptions(parent=self)
            for number in range(60):
                queue = aws.sqs.Queue(f"{name}-{number}", opts=options)
                aws.sns.TopicSubscription(f"{name}-{number}", topic=topic.arn, protocol="sqs", endpoint=queue.arn, opts=options)

    def program() -> None:
        topic = aws.sns.Topic("topic")
        Shop("first", topic)
        Shop("second", topic)

    page = Page(render([StackReport(record(program, mode="deployed"))]))
    [folded] = [one for one in page.of("g", class_="thing") if "data-unfolds" in one]
    assert [one["data-part"] for one in page.of("details", class_="part")] == [folded["data-unfolds"]]
    assert len(page.of("svg", class_="picture")) == 2
    # The component's own, the topic that sends to it, and the queues of the other component.
    assert len(page.of("g", class_="thing")) == 60 + 1 + (60 + 2)
    assert len(page.of("image")) == len({one["id"] for one in page.of("image")}) == 3


NAMES = {
    "rule hole": "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "security group shop": "aws:ec2/securityGroup:SecurityGroup",
    "RDS cluster shop": "aws:rds/cluster:Cluster",
    "route hole": "aws:ec2/route:Route",
    "NAT gateway nat": "aws:ec2/natGateway:NatGateway",
}


def network() -> Graph:
    def program() -> None:
        vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
        group = aws.ec2.SecurityGroup("shop", vpc_id=vpc.id)
        aws.vpc.SecurityGroupIngressRule("hole", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
        aws.rds.Cluster("shop", engine="aurora-mysql", vpc_security_group_ids=[group.id])
        subnet = aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24")
        nat = aws.ec2.NatGateway("nat", subnet_id=subnet.id)
        table = aws.ec2.RouteTable("table", vpc_id=vpc.id)
        aws.ec2.Route("hole", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id)

    return record(program, mode="deployed")


@pytest.mark.parametrize(
    ("text", "said", "stops"),
    [
        ("has no tags.", "has no tags.", []),
        (
            "is reached by the internet on port 3306 (MySQL): internet -> rule hole -> security group shop -> RDS cluster shop.",
            "is reached by the internet on port 3306 (MySQL):",
            [[INTERNET], ["security group shop"], ["RDS cluster shop"]],
        ),
        (
            "allows the internet (0.0.0.0/0) on port 22 (SSH): rule hole -> security group shop -> RDS cluster shop.",
            "allows the internet (0.0.0.0/0) on port 22 (SSH):",
            [[INTERNET], ["security group shop"], ["RDS cluster shop"]],
        ),
        (
            "gives a data store an outbound route through NAT gateway nat: RDS cluster shop -> route hole (0.0.0.0/0 to NAT gateway nat).",
            "gives a data store an outbound route through NAT gateway nat:",
            [["RDS cluster shop"], ["NAT gateway nat"], [INTERNET]],
        ),
        (
            "is reached by two: internet -> network ACL vpc -> RDS cluster shop and 2 more",
            "is reached by two:",
            [[INTERNET], ["RDS cluster shop"]],
        ),
        ("is reached by a stranger: a stranger -> somewhere", "is reached by a stranger:", []),
    ],
)
def test_the_path_in_a_message_is_found_in_the_picture(text: str, said: str, stops: list[list[str]]) -> None:
    graph = network()
    urns = {label: graph.one(type_, label.split()[-1]).urn for label, type_ in NAMES.items()}
    boxes = {urns["security group shop"]}
    places = Places(graph, {urns["RDS cluster shop"], urns["NAT gateway nat"]}, boxes)
    route = places.route(text)
    assert route.text == said
    assert places.stops(route) == [[urns.get(label, label) for label in stop] for stop in stops]
    at = {label for stop in stops for label in stop}
    assert places.shown(route) == [any(label in hop.text for label in at) for hop in route.hops]


def test_what_is_not_in_the_picture_is_shown_by_what_uses_it_or_what_it_is_of() -> None:
    def program() -> None:
        bucket = aws.s3.Bucket("bucket")
        aws.s3.BucketPolicy("policy", bucket=bucket.id, policy="{}")
        role = aws.iam.Role("role", assume_role_policy="{}")
        aws.lambda_.Function("function", role=role.arn, handler="x", runtime="python3.13", code=pulumi.AssetArchive({}))
        key = aws.kms.Key("key")
        for number in range(5):
            aws.sqs.Queue(f"queue-{number}", kms_master_key_id=key.id)
        aws.iam.RolePolicy("permissions", role=role.name, policy="{}")
        aws.iam.User("user")

    graph = record(program, mode="deployed")
    shown = {"aws:s3/bucket:Bucket", "aws:lambda/function:Function", "aws:sqs/queue:Queue"}
    places = Places(graph, {resource.urn for resource in graph.resources if resource.type in shown}, frozenset())

    def named(name: str) -> list[str]:
        return [urn.rpartition("::")[2] for urn in places.of([graph.named(name).urn])]

    assert {name: named(name) for name in ("bucket", "policy", "role", "permissions", "key", "user")} == {
        "bucket": ["bucket"],
        "policy": ["bucket"],
        "role": ["function"],
        "permissions": ["function"],
        "key": [],
        "user": [],
    }


def test_the_command_writes_it(tmp_path: Path, project: Any, capfd: pytest.CaptureFixture[str]) -> None:
    folder = project()
    (folder / "__main__.py").write_text("import pulumi_aws as aws\naws.s3.Bucket('logs')\n", encoding="utf-8")
    assert cli.main(["--project", str(folder), "--html", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    capfd.readouterr()
    assert cli.main(["--project", str(folder), "--html", "-"]) == 0
    assert capfd.readouterr().out.startswith("<!doctype html>")
