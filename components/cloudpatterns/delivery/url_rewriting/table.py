"""The table of rules in the forms of the CloudFront function and of the search for loops."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.delivery.url_rewriting.arguments import RedirectRule, UrlRewritingArgs
from cloudpatterns.delivery.url_rewriting.loops import Step

CODE = Path(__file__).parent / "on_aws" / "redirect.js"
"""The CloudFront function."""

_SAME_PATH = "/{path}"
# An output that is not known yet: no name of CloudFront or a load balancer is longer.
_UNKNOWN_HOST = "h" * 80


def known_host(host: pulumi.Input[str]) -> str:
    """A host for what is judged before outputs are known."""
    return host if isinstance(host, str) else _UNKNOWN_HOST


def ordered(checked: UrlRewritingArgs) -> list[tuple[str, RedirectRule]]:
    """The rules with their names, in the order in which they are tried."""
    return sorted(checked["rules"].items(), key=lambda one: one[1]["priority"])


def function_settings(checked: UrlRewritingArgs, text: Callable[[pulumi.Input[str]], pulumi.Input[str]]) -> dict[str, Any]:
    """What the function reads, in few bytes; ``text`` writes a host."""
    rules = []
    for _, rule in ordered(checked):
        settings: dict[str, Any] = {"path": rule["path"]}
        host, to = rule.get("to_host"), rule.get("to_path")
        if host is not None:
            settings["host"] = text(host)
        if to is not None:
            settings["to"] = to
        if rule["hosts"]:
            settings["hosts"] = rule["hosts"]
        if rule["status"] != 301:
            settings["status"] = rule["status"]
        rules.append(settings)
    return {"hosts": checked["domain_names"], "rules": rules}


def rule_step(checked: UrlRewritingArgs, name: str, rule: RedirectRule) -> Step:
    """A rule for the search for loops. A host that is not known yet is none of ``domain_names``."""
    start, host, given = rule["path"].removesuffix("*"), rule.get("to_host"), rule.get("to_path")
    to = _SAME_PATH if given is None else given
    kept = 1 if to.endswith("{path}") else len(start) if to.endswith("{rest}") else None
    return Step(
        name,
        rule["hosts"] or checked["domain_names"],
        start,
        not rule["path"].endswith("*"),
        None if host is None else known_host(host),
        to.removesuffix("{path}").removesuffix("{rest}"),
        kept,
    )
