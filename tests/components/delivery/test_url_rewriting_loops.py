"""The search for loops, beside a judge that follows redirects one by one."""

from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import UrlRewriting
from cloudpatterns.delivery.url_rewriting.loops import MOST_REDIRECTS, Step, endless
from hypothesis import example, given, settings
from hypothesis import strategies as st

HOSTS = ["a.example.com", "b.example.com"]


def refused(*rules: tuple[str, str | None, str | None], hosts: list[list[str]] | None = None) -> list[tuple[str, str]]:
    """What is said of rules with paths, hosts and paths to be sent to."""
    table: Any = {}
    for index, (path, host, to) in enumerate(rules):
        rule: dict[str, Any] = {"path": path, "priority": index + 1, "hosts": hosts[index] if hosts else []}
        table[f"r{index}"] = {**rule, **({"to_host": host} if host else {}), **({"to_path": to} if to else {})}
    try:
        UrlRewriting.check("web", {"domain_names": HOSTS, "cloudfront_function": True, "rules": table})
    except ArgumentError as error:
        return error.problems
    return []


def test_a_wildcard_stands_for_the_hosts_that_rules_lead_to() -> None:
    def step(host: str | None) -> Step:
        return Step("moved", ["*.example.com"], "/images/", False, host, "/", 1)

    assert list(endless([step("cdn.example.com")])) == [("moved", "leads to itself without an end")]
    assert list(endless([step("cdn.example.org")])) == []


HINT = "Send it to a path that no rule is for, or to another host."


@pytest.mark.parametrize(
    ("rules", "name", "reason"),
    [
        ([("/a", None, "/a")], "r0", "leads to itself without an end"),
        ([("/a*", None, "/ab")], "r0", "leads to itself without an end"),
        ([("/a/*", None, "/a/b/{rest}")], "r0", "leads to itself without an end"),
        ([("/*", None, "/v2/{path}")], "r0", "leads to itself without an end"),
        ([("/images/*", "b.example.com", None)], "r0", "leads to itself without an end"),
        ([("/a", None, "/b"), ("/b", None, "/a")], "r0", "is in a loop, r0 to r1 to r0"),
        ([("/a/*", None, "/b/{rest}"), ("/b/*", None, "/a/{rest}")], "r0", "is in a loop, r0 to r1 to r0"),
        ([("/x", None, "/a/1"), ("/a/*", None, "/b/{rest}"), ("/b/1", None, "/x")], "r0", "is in a loop, r0 to r1 to r2 to r0"),
        (
            [("/p/*", None, "/q/{rest}"), ("/q/a/*", None, "/p/b/{rest}"), ("/q/b/*", None, "/p/a/{rest}")],
            "r0",
            "is in a loop, r0 to r2 to r0 to r1 to r0",
        ),
        ([("/a/*", None, "/b/c/{rest}"), ("/b/*", None, "/a/{rest}")], "r0", "is in a loop, r0 to r1 to r0"),
    ],
)
def test_loops_refused(rules: list[Any], name: str, reason: str) -> None:
    assert (f"rules.{name}", f"{reason}. {HINT}") in refused(*rules)


@pytest.mark.parametrize(
    "rules",
    [
        [("/images/*", "cdn.example.com", None)],
        [("/old/*", None, "/{rest}")],
        [("/a/*", None, "/b/{rest}"), ("/b/c/*", None, "/{rest}")],
        # The first rule is for what the second one leads to, and leads away.
        [("/a/x", None, "/b"), ("/a/*", None, "/a/x")],
        [("/a/b/*", "cdn.example.com", None), ("/a/*", None, "/a/b/{rest}")],
    ],
)
def test_chains_with_an_end_are_not_refused(rules: list[Any]) -> None:
    assert refused(*rules) == []


def test_loops_over_hosts() -> None:
    """A redirect to the same path of another name is none only where that name has no such rule."""
    there, back = ("/*", "b.example.com", None), ("/shop/*", "a.example.com", None)
    assert refused(there, hosts=[["a.example.com"]]) == []
    assert refused(there, back, hosts=[["a.example.com"], ["b.example.com"]]) == [
        ("rules.r0", f"is in a loop, r0 to r1 to r0. {HINT}"),
    ]


def test_a_chain_that_browsers_give_up_is_refused() -> None:
    rules: list[Any] = [(f"/{number:02}/*", None, f"/{number + 1:02}/{{rest}}") for number in range(MOST_REDIRECTS + 1)]
    assert refused(*rules[:-1]) == []
    assert refused(*rules) == [("rules.r0", f"leads through more than 20 redirects, after which browsers give up. {HINT}")]


_PATHS = st.sampled_from(["/", "/a", "/b", "/a/", "/b/", "/a/b", "/a/b/", "/b/a/", "/a/a/"])


@st.composite
def steps(draw: st.DrawFn) -> list[Step]:
    found = []
    for index in range(draw(st.integers(1, 4))):
        start, exact, to = draw(_PATHS), draw(st.booleans()), draw(_PATHS)
        kept = draw(st.sampled_from([None, 1, len(start)]))
        hosts = draw(st.sampled_from([HOSTS, HOSTS[:1], HOSTS[1:]]))
        host = draw(st.sampled_from([None, *HOSTS, "cdn.example.com"]))
        found.append(Step(f"r{index}", hosts, start, exact, host, to, kept))
    return found


def never_ends(table: list[Step], host: str, path: str) -> bool:
    """What a browser would see, that follows many more redirects than any does."""
    for _ in range(200):
        step = next((one for one in table if one.matches(host, path)), None)
        if step is None:
            return False
        host, path = step.leads(host, path)
    return True


@settings(max_examples=300, deadline=None)
@given(steps(), st.lists(st.sampled_from(["a", "b", "a/", "b/", "c"]), max_size=5), st.sampled_from(HOSTS))
@example([Step("r0", HOSTS, "/a/", False, None, "/a/a/", 3)], [], "a.example.com")
def test_no_request_goes_on_for_ever_where_no_loop_is_found(table: list[Step], parts: list[str], host: str) -> None:
    if list(endless(table)):
        return
    assert not never_ends(table, host, "/" + "".join(parts))
