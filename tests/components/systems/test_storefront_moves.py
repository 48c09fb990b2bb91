"""A storefront moves behind a CDN, and from behind it: records of the name stay those that Route 53 has, and the logs their bucket."""

from offline_preview.aliases import matched
from offline_preview.graph import Graph

from tests.components.systems.storefronts import CDN, NAMED, make

RECORD = "aws:route53/record:Record"


def kept(before: Graph, after: Graph) -> dict[str, str]:
    """Names after the move by those before, of what is found by an alias."""
    old = before.by_urn()
    found = matched(after, old)
    return {old[earlier].name: after.by_urn()[urn].name for urn, earlier in found.items() if urn != earlier}


def records(graph: Graph) -> set[str]:
    return {one.name for one in graph.of_type(RECORD)}


def test_behind_a_cdn_the_records_become_those_of_the_distribution() -> None:
    before, after = make(load_balancer=NAMED, dual_stack=True), make(load_balancer=NAMED, dual_stack=True, cdn=CDN)
    moved = kept(before, after)
    assert {old: new for old, new in moved.items() if old in records(before)} == {
        "shop-web-alias-a": "shop-cdn-alias-a-shop.example.com",
        "shop-web-alias-aaaa": "shop-cdn-alias-aaaa-shop.example.com",
        "shop-web-certificate-record": "shop-certificates-record-shop.example.com",
    }
    assert moved["shop-web-logs-bucket"] == "shop-origin-logs-bucket"
    # All of the bucket, and nothing else.
    assert {old for old in moved if old not in records(before)} == {
        one.name for one in before.resources if one.name == "shop-web-logs" or one.name.startswith("shop-web-logs-")
    }


def test_without_the_cdn_again_they_are_those_of_the_load_balancer() -> None:
    before, after = make(load_balancer=NAMED, cdn=CDN), make(load_balancer=NAMED)
    moved = kept(before, after)
    assert {old: new for old, new in moved.items() if old in records(before)} == {
        "shop-cdn-alias-a-shop.example.com": "shop-web-alias-a",
        "shop-certificates-record-shop.example.com": "shop-web-certificate-record",
    }
    assert moved["shop-origin-logs-bucket"] == "shop-web-logs-bucket"


def test_a_new_storefront_has_what_it_had() -> None:
    """Aliases name what is not there, and replace nothing."""
    for graph in (make(load_balancer=NAMED), make(load_balancer=NAMED, cdn=CDN), make()):
        assert kept(graph, graph) == {}
