"""The cache behaviors of a ``ContentDeliveryNetwork``: what the options leave open follows from the kind of the origin."""

import hashlib
import json
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.distribution import CACHE_POLICIES, REQUEST_POLICIES, Behavior, failover
from cloudpatterns.core import Component
from cloudpatterns.delivery.content_delivery_network.arguments import CdnBehaviorOptions, CdnCaching, ContentDeliveryNetworkArgs

KINDS = ("bucket", "load_balancer", "server")
"""The kinds of origins."""

_Config = aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgsDict


def origin_kind(checked: ContentDeliveryNetworkArgs, name: str) -> str:
    """The kind of an origin."""
    origin: Mapping[str, object] = checked["origins"][name]
    return next(kind for kind in KINDS if origin.get(kind) is not None)


def default_origin(checked: ContentDeliveryNetworkArgs) -> str:
    """Name of the origin of the default behavior."""
    named = checked["default_behavior"].get("origin")
    return next(iter(checked["origins"])) if named is None else named


def origin_names(checked: ContentDeliveryNetworkArgs, options: CdnBehaviorOptions) -> list[str]:
    """The origins of a behavior: one, or two with the one to fail over to."""
    first, second = options.get("origin"), options.get("failover_origin")
    return [default_origin(checked) if first is None else first, *([] if second is None else [second])]


def methods(checked: ContentDeliveryNetworkArgs, options: CdnBehaviorOptions) -> str:
    """The methods of a behavior, a key of ``METHODS``."""
    chosen = options.get("methods")
    if chosen is not None:
        return chosen
    first, *others = origin_names(checked, options)
    return "read" if origin_kind(checked, first) == "bucket" else "read_and_preflight" if others else "all"


def requests(checked: ContentDeliveryNetworkArgs, options: CdnBehaviorOptions) -> str:
    """What the origin gets of a request beside the cache key."""
    chosen, kinds = options.get("requests"), {origin_kind(checked, name) for name in origin_names(checked, options)}
    if chosen is not None:
        return chosen
    return "none" if kinds == {"bucket"} else "all" if kinds == {"load_balancer"} else "all_except_host"


def staged(checked: ContentDeliveryNetworkArgs) -> ContentDeliveryNetworkArgs:
    """The arguments with the behaviors of the staging distribution in place of the others."""
    staging = checked.get("staging")
    assert staging is not None, "there is a staging distribution"
    default, behaviors = staging.get("default_behavior"), staging.get("behaviors")
    return {
        **checked,
        "default_behavior": checked["default_behavior"] if default is None else default,
        "behaviors": checked["behaviors"] if behaviors is None else behaviors,
    }


def create_behavior(
    component: Component,
    checked: ContentDeliveryNetworkArgs,
    options: CdnBehaviorOptions,
    path_pattern: str | None,
    headers_policy_id: pulumi.Output[str],
    policies: dict[str, pulumi.Output[str]],
) -> Behavior:
    """A behavior. ``policies`` are the cache policies created so far, by what they say: equal ones are created once."""
    names = origin_names(checked, options)
    own_headers = options.get("response_headers_policy_id")
    functions = {"viewer-request": options.get("request_function_arn"), "viewer-response": options.get("response_function_arn")}
    return Behavior(
        origin_id="-or-".join(names),
        path_pattern=path_pattern,
        methods=methods(checked, options),
        cache_policy_id=_cache_policy_id(component, checked, options, policies),
        request_policy_id=REQUEST_POLICIES.get(requests(checked, options)),
        response_headers_policy_id=headers_policy_id if own_headers is None else own_headers,
        key_group_ids=options["key_group_ids"],
        function_arns={event: arn for event, arn in functions.items() if arn is not None},
    )


def failovers(checked: ContentDeliveryNetworkArgs) -> list[aws.cloudfront.DistributionOriginGroupArgsDict]:
    """The pairs of origins of all behaviors, each once."""
    pairs = [origin_names(checked, options) for options in [checked["default_behavior"], *checked["behaviors"]]]
    return [failover(*pair, checked["failover_codes"]) for pair in dict.fromkeys(tuple(pair) for pair in pairs if len(pair) == 2)]


def _cache_policy_id(
    component: Component, checked: ContentDeliveryNetworkArgs, options: CdnBehaviorOptions, policies: dict[str, pulumi.Output[str]]
) -> pulumi.Input[str]:
    existing, caching = options.get("cache_policy_id"), options.get("caching")
    if existing is not None:
        return existing
    if caching is None:
        cache, kinds = options.get("cache"), {origin_kind(checked, name) for name in origin_names(checked, options)}
        return CACHE_POLICIES[("optimized" if kinds == {"bucket"} else "disabled") if cache is None else cache]
    name = f"{component.pulumi_resource_name}-cache-{_caching_name(caching)}"
    if name not in policies:
        policies[name] = _cache_policy(component, name, caching)
    return policies[name]


def _caching_name(caching: CdnCaching) -> str:
    """A name by what the policy says, so that reordered behaviors keep their policies.

    CloudFront takes letters, digits, hyphens and underscores, and cookies and parameters have others: a digest stands for them.
    """
    times = f"{caching['min_seconds']}-{caching['default_seconds']}-{caching['max_seconds']}"
    keys = [sorted(caching["query_strings"]), sorted(name.lower() for name in caching["headers"]), sorted(caching["cookies"])]
    return f"{times}-{hashlib.sha256(json.dumps(keys).encode()).hexdigest()[:8]}" if any(keys) else times


def _cache_policy(component: Component, child_name: str, caching: CdnCaching) -> pulumi.Output[str]:
    queries, headers, cookies = caching["query_strings"], caching["headers"], caching["cookies"]
    key: _Config = {
        "enable_accept_encoding_brotli": True,
        "enable_accept_encoding_gzip": True,
        "query_strings_config": {"query_string_behavior": "none"},
        "headers_config": {"header_behavior": "none"},
        "cookies_config": {"cookie_behavior": "none"},
    }
    if queries == ["*"]:
        key["query_strings_config"] = {"query_string_behavior": "all"}
    elif queries:
        key["query_strings_config"] = {"query_string_behavior": "whitelist", "query_strings": {"items": queries}}
    if headers:
        key["headers_config"] = {"header_behavior": "whitelist", "headers": {"items": headers}}
    if cookies:
        key["cookies_config"] = {"cookie_behavior": "whitelist", "cookies": {"items": cookies}}
    return aws.cloudfront.CachePolicy(
        child_name,
        comment=f"Cache of {component.pulumi_resource_name}",
        min_ttl=caching["min_seconds"],
        default_ttl=caching["default_seconds"],
        max_ttl=caching["max_seconds"],
        parameters_in_cache_key_and_forwarded_to_origin=key,
        opts=component.child(),
    ).id
