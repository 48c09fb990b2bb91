"""The section "Limits and quotas" of a page: how much of AWS's quotas a pattern uses, and where AWS refuses more."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from offline_preview.graph import Graph, Resource

from catalogue.quotas import AS_OF, SERVICES, Quota, Service

MOST_ROWS: Final = 10
"""Rows of a page at most."""
FEWEST_COUNTS: Final = 2
"""Rows among them at least for what is counted, where so much is: they say what of the account is used up."""
EVERYWHERE: Final = ("cloudfront", "iam", "route53")
"""Codes of services that are not of a Region."""
TIGHT: Final = 0.01
"""The share of a quota from which it is tight: at most a hundred such instances fit."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota that the resources of a pattern have."""

    service: Service
    quota: Quota
    used: int | None
    """How many of the resources there are, where most are; none where it does not count resources."""

    @property
    def share(self) -> float:
        """The share of the quota that is used; 0 where it does not count resources."""
        return (self.used or 0) / self.quota.default if isinstance(self.quota.default, int) else 0.0

    @property
    def row(self) -> str:
        """Its row of the table."""
        quota = self.quota
        name = f"[{quota.name}]({self.service.url})" + (f", `{quota.code}`" if quota.code else "")
        default = quota.default if isinstance(quota.default, str) else f"{quota.default:,}"
        return f"| {quota.what}, per {quota.scope} ({name}) | {default} | {quota.raised} | {'-' if self.used is None else self.used} |"


def section(graph: Graph, component: str) -> Iterator[str]:
    """The section of a component, whose example has registered this graph."""
    shown = _shown(list(_limits(_own(graph, component))))
    if not shown:
        yield "None of its resources has a quota that ordinary growth reaches. Limits of the arguments are in [Arguments](#arguments)."
        return
    codes = dict.fromkeys(limit.service.code for limit in shown)
    yield f"AWS's defaults, looked up in {AS_OF}, the tightest first. `aws service-quotas list-service-quotas --service-code CODE`"
    yield f"shows yours; the codes here are {_listed(codes)}."
    if everywhere := [code for code in codes if code in EVERYWHERE]:
        yield f"Those of {_listed(everywhere)} are shown with `--region us-east-1` alone."
    yield from ("", "| quota | default | can be raised | this example uses |", "|---|---|---|---|")
    yield from (limit.row for limit in shown)
    yield ""
    yield "What is per Region is so in each Region of the account. The last column counts the pattern's own resources, not others of the"
    yield "example, such as its network; a dash stands for what resources do not tell: rates, sizes and numbers of other things. Limits of"
    yield "the arguments are in [Arguments](#arguments)."


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(f"`{code}`" for code in codes)


def _own(graph: Graph, component: str) -> list[Resource]:
    """The resources below the components of this name."""
    own, known = set[str](), graph.by_urn()

    def below(resource: Resource) -> bool:
        parent = known.get(resource.parent)
        return parent is not None and (parent.type == f"cloudpatterns:index:{component}" or parent.urn in own)

    # A parent is registered before its children.
    for resource in graph.resources:
        if below(resource):
            own.add(resource.urn)
    return [resource for resource in graph.resources if resource.urn in own]


def _limits(resources: list[Resource]) -> Iterator[Limit]:
    """The quotas that these resources have."""
    for service in SERVICES:
        for quota in service.quotas:
            limited = [one for one in resources if one.type in quota.types and _is_meant(one, quota.where or {})]
            region = "" if quota.scope == "account" else "region"
            places = Counter((str(one.inputs.get(region)), str(one.inputs.get(quota.within))) for one in limited)
            if places:
                yield Limit(service, quota, max(places.values()) if isinstance(quota.default, int) else None)


def _is_meant(resource: Resource, where: Mapping[str, Any]) -> bool:
    return all(name in resource.inputs if value is ... else resource.inputs.get(name) == value for name, value in where.items())


def _shown(limits: list[Limit]) -> list[Limit]:
    """First the counts of which much is used, by their share; then what is not counted, the first of each service, then the second; then
    the other counts, by their share.
    """
    counts = sorted((limit for limit in limits if limit.used is not None), key=lambda limit: -limit.share)
    tight = sum(limit.share >= TIGHT for limit in counts)
    others = [limit for limit in limits if limit.used is None]
    turns = [sum(other.service is limit.service for other in others[:place]) for place, limit in enumerate(others)]
    others = [limit for _, limit in sorted(zip(turns, others, strict=True), key=lambda pair: pair[0])]
    room = MOST_ROWS - min(len(counts), max(tight, FEWEST_COUNTS))
    return [*counts[:tight], *others[: max(room, 0)], *counts[tight:]][:MOST_ROWS]
