"""Redirects of web paths to a CDN or another host, by a load balancer or a CloudFront function.

Pattern: "URL Rewriting" (Cloud Design Patterns for AWS).
"""

from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.edge import edge_code, edge_function, function_alarm
from cloudpatterns.core import Component
from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule, UrlRewritingArgs
from cloudpatterns.delivery.url_rewriting.checks import problems
from cloudpatterns.delivery.url_rewriting.table import CODE, function_settings


class UrlRewriting(Component):
    """Redirects by one table of rules, on a load balancer, at CloudFront, or both (Cloud Design Patterns for AWS, "URL Rewriting").

    Servers keep the paths of their files, and viewers get them from where they are now: ``{"path": "/images/*", "to_host":
    "cdn.example.com"}``. The rules become rules of a listener, or a CloudFront function for ``request_function_arn`` of a behavior. All
    lead to HTTPS and keep the query string. A table with a loop is refused, over chains of rules too.

    **Use when**: files have moved to a bucket behind a CDN, or pages to other paths or names.

    **Not when**: the pages are those of a ``DirectStorageHosting``, whose ``redirects`` are such rules; clients follow no
    redirects, or send more than they read (a 301 and a 302 turn POST into GET).

    **Cost drivers**: rules beyond ten count for the load balancer's capacity units; invocations of the function; a second request for each
    first one.

    **Trade-offs**: a redirect costs a round trip, and browsers keep a 301 for ever: try a rule with 302 first.

    **Proven by**: control ``alb-https-listener``; ``test_url_rewriting.py``, which runs the function, and ``test_url_rewriting_loops.py``.
    """

    function_arn: pulumi.Output[str]
    """ARN of the CloudFront function, for the behaviors of a CDN. Empty without ``cloudfront_function``."""
    function_name: pulumi.Output[str]
    """Name of the CloudFront function. Empty without ``cloudfront_function``."""

    def __init__(self, name: str, args: UrlRewritingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        self.function_arn = self.function_name = pulumi.Output.from_input("")
        listener_arn = checked.get("listener_arn")
        if listener_arn is not None:
            for key, rule in checked["rules"].items():
                self._listener_rule(f"{name}-{key}", listener_arn, rule)
        if checked["cloudfront_function"]:
            self._function(name)
        self.register()

    def _listener_rule(self, child_name: str, listener_arn: pulumi.Input[str], rule: RedirectRule) -> None:
        host, path = rule.get("to_host"), rule.get("to_path")
        aws.lb.ListenerRule(
            child_name,
            listener_arn=listener_arn,
            priority=rule["priority"],
            conditions=[
                {"host_header": {"values": rule["hosts"] or self._checked["domain_names"]}},
                {"path_pattern": {"values": [rule["path"]]}},
            ],
            actions=[
                {
                    "type": "redirect",
                    "redirect": {
                        "protocol": "HTTPS",
                        "port": "443",
                        "host": "#{host}" if host is None else host,
                        "path": "/#{path}" if path is None else path.replace("{path}", "#{path}"),
                        "query": "#{query}",
                        "status_code": f"HTTP_{rule['status']}",
                    },
                }
            ],
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _function(self, name: str) -> None:
        settings: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input(function_settings(self._checked, lambda host: host))
        code = settings.apply(partial(edge_code, CODE))
        function = edge_function(self, f"{name}-redirects", f"Redirects of {name}", code, tags=self._checked["tags"])
        self.function_arn, self.function_name = function.arn, function.name
        if topics := self._checked["alarm_topic_arns"]:
            description = f"The CloudFront function of {name}"
            function_alarm(self, f"{name}-redirects-failed", description, function, topics, self._checked["tags"])


def _child_names(checked: UrlRewritingArgs) -> dict[str, int]:
    return {"redirects": 64} if checked["cloudfront_function"] else {}
