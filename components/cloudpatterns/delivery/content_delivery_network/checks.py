"""What is wrong with the arguments of a ``ContentDeliveryNetwork`` together."""

from collections.abc import Iterator, Mapping
from typing import Any

from cloudpatterns.core import Problem, needs, one_of, unknown
from cloudpatterns.delivery._viewers import viewer_names, viewer_problems
from cloudpatterns.delivery.content_delivery_network.arguments import CdnBehaviorOptions, CdnCaching, ContentDeliveryNetworkArgs
from cloudpatterns.delivery.content_delivery_network.behaviors import KINDS, methods, origin_kind, origin_names, requests, staged


def child_names(checked: ContentDeliveryNetworkArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    buckets = {f"{name}-access": 64 for name, origin in checked["origins"].items() if origin.get("bucket") is not None}
    staging = {} if checked.get("staging") is None else {"staging-logs-source": 60}
    return {**viewer_names(checked), **staging, **buckets}


def problems(checked: ContentDeliveryNetworkArgs) -> Iterator[Problem]:
    """What is wrong with the arguments: first with each origin; if nothing, then with the behaviors too."""
    yield from viewer_problems(checked)
    broken = [problem for name in checked["origins"] for problem in _origin_problems(checked, name)]
    yield from broken or _behaviors_problems(checked)
    yield from _staging_problems(checked, bool(broken))
    for index, page in enumerate(checked["error_pages"]):
        yield from needs(page, "response_code", "page_path", path=f"error_pages.{index}.")
    twice: dict[str, list[str]] = {
        "behaviors": [one["path_pattern"] for one in checked["behaviors"]],
        "error_pages": [str(one["code"]) for one in checked["error_pages"]],
    }
    for path, values in twice.items():
        for value in dict.fromkeys(value for value in values if values.count(value) > 1):
            yield path, f"has {value} twice. Name each once."


def _origin_problems(checked: ContentDeliveryNetworkArgs, name: str) -> Iterator[Problem]:
    origin, path = checked["origins"][name], f"origins.{name}."
    yield from one_of(origin, *KINDS, path=path)
    if (balancer := origin.get("load_balancer")) is not None:
        inner = f"{path}load_balancer."
        yield from one_of(balancer, "arn", "existing_vpc_origin_id", path=inner)
        for one, other in (("security_group_id", "prefix_list_id"), ("prefix_list_id", "security_group_id")):
            yield from needs(balancer, one, other, path=inner)
        yield from _port_problems(balancer, inner)
    if (server := origin.get("server")) is not None:
        if bool(server["secret_headers"]) == server["public"]:
            found = "both are given" if server["public"] else "neither is given"
            reason = f"exactly one of secret_headers and public is needed; {found}. Give a header by which the origin knows CloudFront"
            yield f"{path}server.secret_headers", f"{reason}, or say that everybody may reach it."
        yield from _port_problems(server, f"{path}server.")


def _port_problems(origin: Mapping[str, Any], path: str) -> Iterator[Problem]:
    # https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_CustomOriginConfig.html
    if (port := origin["https_port"]) not in (80, 443) and port < 1024:
        yield f"{path}https_port", f"is {port}; CloudFront connects to 80, 443 and 1024 to 65,535. Choose one of them."


def _behaviors(checked: ContentDeliveryNetworkArgs) -> dict[str, CdnBehaviorOptions]:
    return {
        "default_behavior": checked["default_behavior"],
        **{f"behaviors.{index}": one for index, one in enumerate(checked["behaviors"])},
    }


def _behaviors_problems(checked: ContentDeliveryNetworkArgs, place: str = "") -> Iterator[Problem]:
    origins, behaviors = checked["origins"], _behaviors(checked)
    if checked["default_behavior"].get("origin") is None and len(origins) > 1:
        yield f"{place}default_behavior.origin", f"is missing; there are several origins. Name one of {', '.join(origins)}."
        return
    for path, options in behaviors.items():
        names = origin_names(checked, options)
        missing = [name for name in names if name not in origins]
        for name in missing:
            yield f"{place}{path}.{'origin' if name == names[0] else 'failover_origin'}", unknown(name, "an origin", origins)
        if not missing:
            yield from _behavior_problems(checked, options, f"{place}{path}")
    if place:
        return
    sides = [checked] if checked.get("staging") is None else [checked, staged(checked)]
    used = {name for side in sides for options in _behaviors(side).values() for name in origin_names(side, options)}
    for name in origins:
        if name not in used:
            yield f"origins.{name}", "is in no behavior. Name it in one, or remove it."


def _staging_problems(checked: ContentDeliveryNetworkArgs, broken: bool) -> Iterator[Problem]:
    staging = checked.get("staging")
    if staging is None:
        return
    default, behaviors = staging.get("default_behavior"), staging.get("behaviors")
    yield from needs(checked, "staging", "domain_names", why="CloudFront divides the viewers of a domain name")
    if default is None and behaviors is None:
        yield "staging", "has nothing of its own to try. Give default_behavior or behaviors, or remove it."
    elif not broken:
        yield from _behaviors_problems(staged(checked), "staging.")
    patterns = [one["path_pattern"] for one in (() if behaviors is None else behaviors)]
    for pattern in dict.fromkeys(pattern for pattern in patterns if patterns.count(pattern) > 1):
        yield "staging.behaviors", f"has {pattern} twice. Name each once."


def _behavior_problems(checked: ContentDeliveryNetworkArgs, options: CdnBehaviorOptions, path: str) -> Iterator[Problem]:
    names = origin_names(checked, options)
    kinds = [origin_kind(checked, name) for name in names]
    if len(names) == 2 and names[0] == names[1]:
        yield f"{path}.failover_origin", f"is {names[1]!r}, the origin itself. Name another."
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/high_availability_origin_failover.html
    if len(names) == 2 and methods(checked, options) == "all":
        reason = "CloudFront fails over for GET, HEAD and OPTIONS, and takes no other method there. Give another path to what writes"
        yield f"{path}.methods", f"is all; {reason}, or remove failover_origin."
    if "bucket" in kinds and methods(checked, options) == "all":
        yield f"{path}.methods", "is all; CloudFront only reads from a bucket here. Choose read or read_and_preflight."
    if "bucket" in kinds and requests(checked, options) == "all":
        yield f"{path}.requests", "is all; a bucket answers to its own name alone. Choose all_except_host, cors or none."
    cache = options.get("cache")
    if cache is not None and cache.startswith("origin") and requests(checked, options) != "all":
        # Host is in the cache key of these policies, and so in every request to the origin.
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html
        instead = "Use caching" if "bucket" in kinds else "Set requests to all, or use caching"
        yield f"{path}.cache", f"is {cache}, with which the origin gets the viewer's Host header. {instead} in place of cache."
    chosen = [name for name in ("cache", "caching", "cache_policy_id") if options.get(name) is not None]
    if len(chosen) > 1:
        yield f"{path}.{chosen[0]}", f"excludes {chosen[1]}: a behavior has one cache policy. Remove one of them."
    if (caching := options.get("caching")) is not None:
        yield from _caching_problems(caching, f"{path}.caching.")
        if any(header.lower() == "host" for header in caching["headers"]) and requests(checked, options) != "all":
            instead = "Remove it" if "bucket" in kinds else "Remove it, or set requests to all"
            yield f"{path}.caching.headers", f"has Host, which the origin gets then, and requests leaves it out. {instead}."


def _caching_problems(caching: CdnCaching, path: str) -> Iterator[Problem]:
    least, usual, most = caching["min_seconds"], caching["default_seconds"], caching["max_seconds"]
    if not least <= usual <= most:
        yield f"{path}default_seconds", f"is {usual}; it must be from min_seconds, {least}, to max_seconds, {most}. Change one of them."
    if most == 0:
        # CloudFront refuses keys and compression in a policy that keeps nothing.
        yield f"{path}max_seconds", "is 0, with which nothing is kept. Raise it, or set cache to disabled in place of caching."
    if any(header.lower() == "accept-encoding" for header in caching["headers"]):
        yield f"{path}headers", "has Accept-Encoding, by which CloudFront tells responses apart anyway. Remove it."
    if "*" in caching["query_strings"] and len(caching["query_strings"]) > 1:
        yield f"{path}query_strings", "has '*' and more; '*' alone means all. Remove the others."
