"""The CloudFront function of a ``DirectStorageHosting``: redirects of pages that have moved, and then the object of a path."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks.edge import chained_code, edge_code
from cloudpatterns.core import Problem
from cloudpatterns.delivery.direct_storage_hosting.arguments import DirectStorageHostingArgs
from cloudpatterns.delivery.url_rewriting.arguments import UrlRewritingArgs
from cloudpatterns.delivery.url_rewriting.checks import loop_problems, rules_problems, size_problems
from cloudpatterns.delivery.url_rewriting.loops import Step
from cloudpatterns.delivery.url_rewriting.table import CODE, function_settings, known_host, ordered, rule_step

_SITE = Path(__file__).parent / "on_aws" / "site.js"
# As the function has it.
_FILE = re.compile(r".*\.(?=[A-Za-z0-9]*[A-Za-z])[A-Za-z0-9]{1,16}")
# The name of a distribution that has no other one.
_OWN_NAME = "d111111abcdef8.cloudfront.net"


def function_code(checked: DirectStorageHostingArgs) -> str | pulumi.Output[str]:
    """The code of the function."""
    if not checked["redirects"]:
        return _site_code(checked)
    settings: pulumi.Output[dict[str, Any]] = pulumi.Output.from_input(function_settings(_table(checked), lambda host: host))
    return settings.apply(partial(_code, checked))


def redirect_problems(checked: DirectStorageHostingArgs) -> Iterator[Problem]:
    """What is wrong with the redirects: first one by one; if nothing, then loops, those through the site's own redirects too."""
    if not checked["redirects"]:
        return
    table = _table(checked)
    found = [*rules_problems(table), *size_problems(_code(checked, function_settings(table, known_host)))]
    for path, reason in found or loop_problems(_steps(checked)):
        yield f"redirects{path.removeprefix('rules')}", reason


def _table(checked: DirectStorageHostingArgs, domain_names: Sequence[str] = ()) -> UrlRewritingArgs:
    names = list(domain_names) or checked["domain_names"]
    table: Any = {"domain_names": names, "rules": checked["redirects"], "listener_arn": None, "cloudfront_function": True}
    return table


def _code(checked: DirectStorageHostingArgs, settings: dict[str, Any]) -> str:
    return chained_code(edge_code(CODE, settings), _site_code(checked))


def _site_code(checked: DirectStorageHostingArgs) -> str:
    host = checked["domain_names"][0] if checked["redirect_to_first_name"] else ""
    return edge_code(_SITE, {"index": checked["index_document"], "paths": checked["paths"], "host": host})


def _steps(checked: DirectStorageHostingArgs) -> list[Step]:
    """The redirects and those of the site, in the order in which they are tried."""
    first, *others = names = checked["domain_names"] or [_OWN_NAME]
    table = _table(checked, names)
    steps = [rule_step(table, name, rule) for name, rule in ordered(table)]
    if checked["redirect_to_first_name"]:
        steps.append(Step("redirect_to_first_name", others, "/", exact=False, host=first, begins="/", kept=1))
    if checked["paths"] == "folders":
        return [step._replace(begins=f"{step.begins}/") if _gets_slash(step, steps) else step for step in steps]
    return steps


def _gets_slash(step: Step, steps: Sequence[Step]) -> bool:
    """Whether a redirect leads to a fixed path that the site redirects to the folder of this name, and no other redirect comes before."""
    if step.kept is not None or step.begins.endswith("/") or _FILE.fullmatch(step.begins.rpartition("/")[2]):
        return False
    hosts = step.hosts if step.host is None else [step.host]
    return not any(other.matches(host, step.begins) for host in hosts for other in steps)
