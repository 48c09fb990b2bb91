"""The HTML page of the stack prod, broken in three ways, in Chromium: opened as a file, searched, filtered, its paths lit up, printed.

It takes some seconds for each of three previews of the stack with the pack security, which the acceptance of the page is about, and for one
of the export of such a stack. It shows what no other test does: that each path of a real stack is lit whole, alone, and to be read.
"""

import json
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from offline_preview import cli
from offline_preview.findings import StackReport
from offline_preview.graph import Graph
from offline_preview.reports.html_report import render

from tests.emulators import axe, browser
from tests.harness import record
from tests.program import copy_project
from tests.test_broken_variants import SECURITY, VARIANTS

WIDE, NARROW = (1400, 900), (400, 800)
MOVED = "the database moved to a public subnet, public, with its port open to everybody"
ROUTE = "a way out for a data subnet"
SSH = "SSH open to everybody over IPv6"
# By variant, a control whose finding names the path, and what is lit up then: boxes, things, and arrows from one to the other.
LIT = {
    MOVED: (
        "no-path",
        {"public subnets", "eu-west-1a", "shop-firewall-mysql"},
        {"Internet", "RDS cluster shop-db-cluster"},
        {("Internet", "RDS cluster shop-db-cluster")},
        0,
    ),
    ROUTE: (
        "private-subnet-nat",
        set(),
        {"Internet", "RDS cluster shop-db-cluster", "NAT gateway nat-gateway-eu-west-1a"},
        {("NAT gateway nat-gateway-eu-west-1a", "Internet")},
        1,
    ),
    SSH: (
        "functional-firewall",
        {"shop-admin-dba, shop-admin-devops, shop-firewall-app"},
        {"Internet", "Auto Scaling group shop-app-group"},
        set(),
        1,
    ),
}


@pytest.fixture(scope="module")
def chromium() -> Generator[Any]:
    if reason := browser.missing():
        pytest.skip(reason)
    # No name leads anywhere: the page is a file, and loads nothing.
    with browser.chromium(1) as started:
        yield started


@pytest.fixture(scope="module")
def files(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The pages of the variants, each compared with the one before it."""
    folder = tmp_path_factory.mktemp("pages")
    pages: dict[str, Path] = {}
    against: list[str] = []
    for number, name in enumerate(LIT):
        project = copy_project(folder / str(number), VARIANTS[name].before, VARIANTS[name].after)
        pages[name] = folder / f"{number}.html"
        pack = ("--stack", "prod", "--policy-pack", str(SECURITY), "--policy-pack-config", str(SECURITY / "prod.json"))
        earlier = folder / f"{number}.json"
        assert cli.main(["--project", str(project), *pack, "--html", str(pages[name]), "--json", str(earlier), *against]) == 1
        against = ["--against", str(earlier)]
    return pages


@contextmanager
def opened(chromium: Any, file: Path, size: tuple[int, int] = WIDE, scheme: str = "light") -> Generator[Any]:
    """A page in which nothing goes wrong and which asks for nothing but itself."""
    with browser.page(chromium, size) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url.partition(":")[0]))
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.goto(file.as_uri())
        yield page
        assert page.problems == []
        assert set(asked) <= {"file", "data"}


def texts(page: Any, selector: str) -> set[str]:
    return set(page.evaluate(f"[...document.querySelectorAll('{selector}')].map((one) => one.textContent)"))


def parts(page: Any, file: Path, selector: str) -> list[frozenset[str]]:
    """For each part of a picture, the names of the resources that it stands for."""
    resources = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))["resources"]
    found = page.evaluate(f"[...document.querySelectorAll('{selector}')].map((one) => one.dataset.urns.split(' '))")
    return [frozenset(resources[int(number)]["name"] if number.isdecimal() else number for number in numbers) for numbers in found]


def unreadable(page: Any) -> list[str]:
    """The lit things whose name is nowhere to be read in the part of the picture that is to be seen."""
    return page.evaluate(
        """() => {
            const room = document.querySelector(".canvas").getBoundingClientRect();
            const isSeen = (text) => {
                const area = text.getBoundingClientRect();
                const isInside = area.left >= room.left && area.right <= room.right && area.top >= room.top && area.bottom <= room.bottom;
                return area.height > 11 && isInside;
            };
            const lines = (thing) => [...thing.querySelectorAll(":scope > text:not(.noun)")];
            const name = (thing) => lines(thing).map((line) => line.textContent).join("");
            const again = [...document.querySelectorAll(".names text")].filter(isSeen).map((text) => text.textContent);
            const lit = [...document.querySelectorAll(".thing.lit")];
            return lit.filter((thing) => !lines(thing).every(isSeen) && !again.includes(name(thing))).map(name);
        }"""
    )


def shown(page: Any) -> list[str]:
    """The headings of the findings that are to be seen."""
    return page.locator(".findings .entry:visible h4").all_text_contents()


@pytest.mark.parametrize("name", LIT)
def test_a_page_is_small_and_opens(chromium: Any, files: Mapping[str, Path], name: str) -> None:
    assert files[name].stat().st_size < 3 * 2**20
    # In 0.1 to 0.3 s, when the machine does nothing else: what matters is that nothing is waited for.
    with opened(chromium, files[name]) as page:
        assert page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") > 0
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("size", [WIDE, NARROW])
@pytest.mark.parametrize("name", LIT)
def test_the_path_of_a_finding_is_lit_up(chromium: Any, files: Mapping[str, Path], name: str, size: tuple[int, int]) -> None:
    control, boxes, things, arrows, legs = LIT[name]
    with opened(chromium, files[name], size) as page:
        entry = page.locator(".entry[data-path]", has=page.locator("code", has_text=control)).first
        button = entry.get_by_role("button", name="Show the path in the picture")
        button.click()
        assert button.get_attribute("aria-pressed") == "true"
        assert texts(page, ".box.lit > text") == boxes
        assert {text.partition(",")[0] for text in texts(page, ".thing.lit title")} == things
        assert page.locator(".halo").count() == len(things)
        titles = page.evaluate(
            "Object.fromEntries([...document.querySelectorAll('.thing')].map((one) => [one.dataset.key, one.textContent]))"
        )
        lit = page.evaluate("[...document.querySelectorAll('.arrow.lit')].map((one) => [one.dataset.tail, one.dataset.head])")
        begins = {(tail, head) for tail, head in arrows if any(titles[a].startswith(tail) and titles[b].startswith(head) for a, b in lit)}
        assert (begins, len({tuple(ends) for ends in lit})) == (arrows, len(arrows))
        assert page.locator(".leg").count() == legs
        assert "Path: " in page.locator(".status").inner_text()
        assert unreadable(page) == []
        assert page.evaluate("document.querySelector('.canvas').getBoundingClientRect().top < innerHeight - 200")
        page.get_by_role("button", name="Back to the finding").click()
        assert button.evaluate("(one) => one === document.activeElement")
        page.keyboard.press("Escape")
        assert page.locator(".lit, .glow").count() == 0


STANDS_FOR = {"shop-app-template": "shop-app-group", "shop-db-subnets": "shop-db-cluster"}
"""What ends a path and is not in the picture, and what is there in its place."""


def named(hop: str, *, is_end: bool) -> set[str]:
    """The names in what a hop says, each at the end of its part: `route hole (0.0.0.0/0 to NAT gateway nat)` has two."""
    names = {part.split()[-1] for part in re.split(r"[(),]", hop) if part.strip()}
    return names | {STANDS_FOR[name] for name in names & STANDS_FOR.keys() if is_end}


@pytest.mark.parametrize("name", LIT)
def test_what_the_paths_name_is_lit_and_nothing_else(chromium: Any, files: Mapping[str, Path], name: str) -> None:
    with opened(chromium, files[name]) as page:
        entries = page.locator(".findings .entry[data-path]")
        assert entries.count() >= 1
        for entry in entries.all():
            hops = entry.locator(".hops li").all_text_contents()
            names_of = {hop: named(hop, is_end=hop in (hops[0], hops[-1])) for hop in hops}
            words = set().union(*names_of.values())
            if re.search("the internet|internet egress|outbound route", entry.inner_text()):
                words.add("internet")
            entry.get_by_role("button", name="Show the path in the picture").click()
            every, lit = parts(page, files[name], "[data-urns]"), parts(page, files[name], ".lit[data-urns]")
            assert lit == [names for names in every if names & words]
            bold = page.locator(".status b").all_text_contents()
            assert bold == [hop for hop in hops if any(names & names_of[hop] for names in lit)]


def deployed(value: Any) -> Any:
    """A value of a report without what a preview does not know: in an export there is nothing of the kind."""
    if isinstance(value, dict):
        return {key: deployed(inner) for key, inner in value.items() if inner != "[unknown]"}
    return [deployed(inner) for inner in value if inner != "[unknown]"] if isinstance(value, list) else value


def test_the_page_of_an_export_shows_the_same(chromium: Any, files: Mapping[str, Path], tmp_path: Path) -> None:
    """An export says nothing of the language of its program."""
    resources = json.loads(files[MOVED].with_suffix(".json").read_text(encoding="utf-8"))["resources"]
    known = ("urn", "type", "custom", "parent", "id", "inputs", "outputs", "dependencies", "propertyDependencies")
    exported = [{key: deployed(one[key]) for key in known if one[key] or key == "custom"} for one in resources]
    export, file = tmp_path / "export.json", tmp_path / "page.html"
    export.write_text(json.dumps({"version": 3, "deployment": {"resources": exported}}), encoding="utf-8")
    pack = ("--policy-pack", str(SECURITY), "--policy-pack-config", str(SECURITY / "prod.json"))
    assert cli.main(["--state", str(export), *pack, "--html", str(file), "--json", str(file.with_suffix(".json"))]) == 1
    seen = []
    for one in (files[MOVED], file):
        with opened(chromium, one) as page:
            page.locator(".entry", has=page.locator("code", has_text="no-path")).get_by_role("button").click()
            tree = page.evaluate("[...document.querySelectorAll('.tree li')].map((one) => one.id)")
            # An export does not say where in the program a resource is.
            headings = {re.sub(r" [\w/]+\.py:\d+$", "", heading) for heading in shown(page)}
            seen.append((len(tree), headings, sorted(map(sorted, parts(page, one, ".lit[data-urns]"))), page.locator(".arrow.lit").count()))
    assert seen[0] == seen[1]
    assert seen[0][3] == 1


def test_findings_are_filtered_by_severity_level_and_comparison(chromium: Any, files: Mapping[str, Path]) -> None:
    with opened(chromium, files[ROUTE]) as page:
        everything = shown(page)
        page.get_by_label("advisory").uncheck()
        assert shown(page) == everything[:1]
        page.get_by_label("advisory").check()
        page.get_by_label("high").uncheck()
        assert shown(page) == everything[1:]
        page.get_by_label("high").check()
        page.get_by_label("only new").check()
        assert shown(page) == everything[:1]
        assert page.locator("output").inner_text() == f"1 of {len(everything)} groups of findings"
        assert "New" in everything[0] or page.locator(".group h3").first.inner_text().startswith("New")


def test_the_search_finds_findings_changes_and_resources(chromium: Any, files: Mapping[str, Path]) -> None:
    with opened(chromium, files[ROUTE]) as page:
        search = page.get_by_role("searchbox", name="Search")
        search.fill("Route HOLE")
        assert len(shown(page)) == 1
        assert page.locator(".tree li:visible", has_text="ec2.Route hole").count() == 1
        assert page.locator(".change:visible h4").all_text_contents() == ["+ added ec2.Route hole"]
        search.fill("nothing is called so")
        assert (shown(page), page.locator(".tree:visible li:visible").count()) == ([], 0)
        search.fill("")
        assert page.locator(".tree > ul > li:visible").count() > 5


def test_a_thing_in_the_picture_leads_to_its_findings(chromium: Any, files: Mapping[str, Path]) -> None:
    with opened(chromium, files[MOVED]) as page:
        everything = shown(page)
        thing = page.get_by_role("button", name="RDS cluster shop-db-cluster")
        assert thing.locator(".spot.critical").count() == 1
        thing.focus()
        page.keyboard.press("Enter")
        assert 0 < len(shown(page)) < len(everything)
        assert page.locator("output").inner_text().endswith("at RDS cluster shop-db-cluster")
        page.keyboard.press("Escape")
        assert shown(page) == everything


def test_a_hop_leads_to_its_place_in_the_tree(chromium: Any, files: Mapping[str, Path]) -> None:
    with opened(chromium, files[MOVED]) as page:
        page.get_by_role("link", name="internet gateway network-gateway").first.click()
        assert page.locator(".tree li:target").inner_text().startswith("ec2.InternetGateway network-gateway")
        assert page.locator(".tree li:target").is_visible()


def test_it_is_printed_with_all_that_is_folded(chromium: Any, files: Mapping[str, Path]) -> None:
    with opened(chromium, files[MOVED], scheme="dark") as page:
        page.evaluate("addEventListener('beforeprint', () => { window.closed = document.querySelectorAll('details:not([open])').length })")
        pages = page.pdf(format="A4").count(b"/Type /Page\n")
        assert 4 < pages < 30
        assert page.evaluate("window.closed") == 0
        assert page.locator(".tree").get_attribute("open") is None
        page.emulate_media(media="print")
        assert not page.locator("form").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.querySelector('.paper')).fill") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_it_can_be_used_without_eyes_and_mouse(chromium: Any, files: Mapping[str, Path], size: tuple[int, int], scheme: str) -> None:
    if reason := axe.missing():
        pytest.skip(reason)
    with opened(chromium, files[MOVED], size, scheme) as page:
        assert axe.violations(page) == []
        page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
        page.locator(".show").first.focus()
        page.keyboard.press("Enter")
        assert axe.violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size[0]


def test_without_scripts_all_of_it_is_there_to_be_read(chromium: Any, files: Mapping[str, Path]) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(files[MOVED].as_uri())
    assert len(shown(page)) > 5
    assert page.locator("svg.picture").is_visible()
    assert page.locator("form:visible, button:visible").count() == 0
    page.get_by_text("Resources", exact=False).last.click()
    context.close()


def test_a_folded_component_unfolds_and_several_stacks_keep_apart(chromium: Any, tmp_path: Path) -> None:
    class Shop(pulumi.ComponentResource):
        def __init__(self, name: str) -> None:
            super().__init__("own:index:Shop", name)
            for number in range(50):
                aws.sqs.Queue(f"{name}-{number}", opts=pulumi.ResourceOptions(parent=self))

    def program() -> None:
        Shop("first")
        Shop("second")

    graph = record(program, mode="deployed")
    reports = [StackReport(Graph("shop", stack, graph.resources)) for stack in ("dev", "prod")]
    file = tmp_path / "report.html"
    file.write_text(render(reports), encoding="utf-8")
    with opened(chromium, file) as page:
        page.get_by_role("link", name="prod").click()
        assert page.locator("#s1").get_attribute("open") is not None
        page.locator("#s1").get_by_role("button", name="first", exact=False).click()
        part = page.locator("#s1 .part")
        assert part.get_attribute("open") is not None
        assert part.locator(".thing:visible").count() == 50
        assert page.locator("#s0 .part").get_attribute("open") is None
