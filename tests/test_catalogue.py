"""The catalogue is what the components say, is drawn readably, and leads nowhere that is not there."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from cloudpatterns_pictures.layout import layout
from cloudpatterns_pictures.stage import scene_of
from cloudpatterns_pictures.svg import render
from offline_preview.graph import Graph, Resource
from offline_preview.outputs import class_of

from catalogue import limits
from catalogue.__main__ import FOLDER
from catalogue.pages import Pattern, index, page, patterns
from catalogue.quotas import SERVICES, Quota
from tests.pictures.geometry import loose, outside, overlapping, without_icons

PAGES = sorted(FOLDER.glob("*.md"))
QUOTAS = [quota for service in SERVICES for quota in service.quotas]


def anchors(file: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub names them."""
    titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
def test_a_page_and_its_picture_are_what_make_docs_writes_and_can_be_read(pattern: Pattern) -> None:
    graph = pattern.graph()
    assert (FOLDER / f"{pattern.slug}.md").read_text(encoding="utf-8") == page(pattern, graph), "run `make docs`"
    scene = scene_of(graph)
    placed = layout(scene)
    assert scene.things
    assert (overlapping(scene, placed), outside(scene, placed), loose(scene, placed)) == ([], [], [])
    drawn = (FOLDER / "pictures" / f"{pattern.slug}.svg").read_text(encoding="utf-8")
    assert without_icons(drawn) == without_icons(render(scene, placed)), "run `make docs`"


def test_the_index_is_what_make_docs_writes() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == index(), "run `make docs`"


def test_there_is_a_page_and_a_picture_of_each_pattern_and_no_other() -> None:
    slugs = {pattern.slug for pattern in patterns()}
    assert {file.stem for file in PAGES} == {"README", *slugs}
    assert {file.stem for file in FOLDER.glob("pictures/*")} == slugs


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_every_link_leads_somewhere(file: Path) -> None:
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        if "://" not in link and not (target.is_file() and (not anchor or anchor in anchors(target))):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
def test_a_page_has_its_limits_between_its_outputs_and_its_failures(pattern: Pattern) -> None:
    text = (FOLDER / f"{pattern.slug}.md").read_text(encoding="utf-8")
    titles = re.findall("^## (.+)$", text, re.MULTILINE)
    assert titles[titles.index("Outputs") :] == ["Outputs", "Limits and quotas", "When it fails", "Proof"]
    rows = re.findall(r"^\| (?:.+), per (?:.+) \(\[.*$", text, re.MULTILINE)
    assert len(rows) <= limits.MOST_ROWS
    assert rows or "None of its resources has a quota" in text


def test_a_quota_is_of_types_of_pulumi_aws_and_on_a_page() -> None:
    assert [type for quota in QUOTAS for type in quota.types if class_of(type) is None] == []
    # Pages are those of real graphs: what stands on none is registered by no example, or never among the tightest.
    lines = [line for file in PAGES for line in file.read_text(encoding="utf-8").splitlines()]
    shown = {(quota.scope, quota.name) for quota in named(*lines)}
    assert [quota for quota in QUOTAS if (quota.scope, quota.name) not in shown] == []


def test_every_quota_is_in_the_form_of_the_table() -> None:
    for quota in QUOTAS:
        texts = (quota.what, quota.scope, quota.name, quota.raised, str(quota.default))
        assert all(text and text == text.strip() and "|" not in text for text in texts), quota
        assert re.fullmatch("(yes|no)([,;] .+)?", quota.raised), quota
        assert re.fullmatch("(L-[0-9A-F]{8})?", quota.code), quota
        # A text begins with its number, written as a person reads it; a count is a number that Python reads.
        assert quota.default > 0 if isinstance(quota.default, int) else re.match(r"\d{1,3}(,\d{3})*\b(?!,\d)", quota.default), quota
        # What is counted within something is not of the account, and says by which input.
        assert not quota.within or quota.scope not in ("account", "Region"), quota
        assert isinstance(quota.default, str) or bool(quota.within) == (quota.scope not in ("account", "Region")), quota
    for service in SERVICES:
        assert re.fullmatch("[A-Za-z0-9-]+", service.code), service.code
        assert service.url.startswith("https://docs.aws.amazon.com/"), service.code


def test_no_quota_is_there_twice() -> None:
    codes = [quota.code for quota in QUOTAS if quota.code]
    names = [(service.code, quota.name, quota.scope) for service in SERVICES for quota in service.quotas]
    assert [one for one, times in Counter([*codes, *names, *(service.code for service in SERVICES)]).items() if times > 1] == []


def named(*lines: str) -> list[Quota]:
    """The quotas that rows of the table are about."""
    starts = {f"| {quota.what}, per {quota.scope} ([{quota.name}": quota for quota in QUOTAS}
    return [starts[start] for line in lines if (start := line.split("](")[0]) in starts]


def graph(*resources: tuple[str, str, Mapping[str, str]]) -> Graph:
    """A component with resources below it, one level and two, and another with an Elastic IP address."""
    own, other = (Resource(f"urn:{name}", f"cloudpatterns:index:{name}", name, custom=False) for name in ("Shop", "Other"))
    inner = Resource("urn:inner", "cloudpatterns:index:Inner", "inner", custom=False, parent=own.urn)
    below = [Resource(f"urn:{name}", type, name, custom=True, parent=inner.urn, inputs=dict(inputs)) for type, name, inputs in resources]
    beside = Resource("urn:beside", "aws:ec2/eip:Eip", "beside", custom=True, parent=other.urn)
    return Graph("shop", "dev", [own, other, inner, *below, beside])


def test_counts_are_of_the_pattern_and_of_the_place_with_the_most() -> None:
    addresses = [("aws:ec2/eip:Eip", f"address-{place}", {"region": region}) for place, region in enumerate(["a", "b", "b"])]
    rules = [("aws:cloudwatch/eventRule:EventRule", f"rule-{place}", {"eventBusName": bus}) for place, bus in enumerate("xxxyy")]
    lines = list(limits.section(graph(*addresses, *rules), "Shop"))
    rows = {quota.name: line.rsplit("|", 2)[1].strip() for line in lines for quota in named(line)}
    assert (rows["EC2-VPC Elastic IPs"], rows["Number of rules"]) == ("2", "3")
    # What is of the whole account is so in all Regions together.
    buckets = [("aws:s3/bucket:Bucket", f"bucket-{place}", {"region": region}) for place, region in enumerate("abb")]
    [row] = [line for line in limits.section(graph(*buckets), "Shop") for quota in named(line) if quota.scope == "account"]
    assert row.endswith("| 10,000 | yes, to 1,000,000 | 3 |")


def test_the_tightest_come_first_and_no_page_is_flooded() -> None:
    every: list[tuple[str, str, dict[str, str]]] = [
        (type, f"{place}", {}) for place, type in enumerate(dict.fromkeys(type for quota in QUOTAS for type in quota.types))
    ]
    lines = list(limits.section(graph(*every), "Shop"))
    shares = [
        int(line.split(" | ")[-1].strip(" |")) / quota.default for line in lines for quota in named(line) if isinstance(quota.default, int)
    ]
    assert len(shares) == limits.MOST_ROWS
    assert shares == sorted(shares, reverse=True)
    some = [("aws:lambda/function:Function", "work", {}), ("aws:dynamodb/table:Table", "table", {}), ("aws:iam/role:Role", "role", {})]
    names = [quota.name for quota in named(*limits.section(graph(*some), "Shop"))]
    # Rates and sizes of both services in turn; counts of which hardly anything is used last.
    assert names[:3] == ["Concurrent executions", "Per table", "Synchronous payload, Asynchronous payload"]
    assert names[-2:] == ["Roles per account", "Maximum number of tables"]


def test_what_has_no_quota_says_so() -> None:
    [line] = limits.section(graph(("aws:cloudwatch/metricAlarm:MetricAlarm", "alarm", {})), "Shop")
    assert line.startswith("None of its resources has a quota that ordinary growth reaches.")
