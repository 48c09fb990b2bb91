"""Route 53's answers to the records of a graph: by weights, latency and failover, among those that are healthy.

The rules are those of https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html and of the
pages of each routing policy. Shares are exact, so that no test depends on chance.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from offline_preview.graph import Graph, Resource

RECORD = "aws:route53/record:Record"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
CLOUDFRONT = "Z2FDTNDATAQYW2"
POLICIES = ("weightedRoutingPolicies", "latencyRoutingPolicies", "failoverRoutingPolicies")


class InvalidChangeBatch(Exception):
    """What Route 53 refuses."""


@dataclass
class HostedZones:
    """The records of a graph, deployed, and what is dead: health checks by name in the program, targets of aliases by DNS name."""

    graph: Graph
    dead_checks: Collection[str] = ()
    dead_targets: Collection[str] = ()
    latencies: Mapping[str, int] = field(default_factory=dict)
    """Milliseconds from the resolver to each Region."""

    def __post_init__(self) -> None:
        groups = {(record.inputs["name"], record.inputs["type"]) for record in self.graph.of_type(RECORD)}
        for name, kind in groups:
            self._accept(name, kind)
        for name, kind in groups:
            if kind == "CNAME" and len({other for one, other in groups if one == name}) > 1:
                raise InvalidChangeBatch(f"{name} has a CNAME record and others")

    def answers(self, name: str, kind: str = "A") -> dict[str, Fraction]:
        """What resolvers get for a name, an alias's own name or the values, with its share of the answers."""
        group = self._group(name, kind)
        shares: dict[str, Fraction] = defaultdict(Fraction)
        for urn, share in self._choose(group).items():
            shares[self._value(group[urn])] += share
        return {value: share for value, share in shares.items() if share}

    def _group(self, name: str, kind: str) -> dict[str, Resource]:
        return {one.urn: one for one in self.graph.of_type(RECORD) if (one.inputs["name"], one.inputs["type"]) == (name, kind)}

    def _choose(self, group: Mapping[str, Resource]) -> dict[str, Fraction]:
        healthy = [urn for urn, record in group.items() if self._is_healthy(record)]
        records = list(group.values())
        if not records:
            return {}
        policy = _policy(records[0])
        if policy is None:
            return {records[0].urn: Fraction(1)}
        if policy == "failoverRoutingPolicies":
            order = sorted(group, key=lambda urn: _rule(group[urn], policy)["type"])
            # With nobody healthy the primary answers.
            return {next((urn for urn in order if urn in healthy), order[0]): Fraction(1)}
        # Where all are unhealthy, all count as healthy.
        usable = healthy or list(group)
        if policy == "latencyRoutingPolicies":
            return {min(usable, key=lambda urn: self.latencies[_rule(group[urn], policy)["region"]]): Fraction(1)}
        return _by_weight({urn: _rule(group[urn], policy)["weight"] for urn in usable})

    def _is_healthy(self, record: Resource) -> bool:
        checks = self.graph.refs(record, "healthCheckId")
        if any(check.name in self.dead_checks and not check.inputs.get("disabled") for check in checks):
            return False
        if not checks and record.inputs.get("healthCheckId") in self.dead_checks:
            return False
        [alias] = record.inputs.get("aliases") or [None]
        return alias is None or not alias["evaluateTargetHealth"] or alias["name"] not in self.dead_targets

    def _value(self, record: Resource) -> str:
        [alias] = record.inputs.get("aliases") or [None]
        return alias["name"] if alias else ",".join(record.inputs["records"])

    def _accept(self, name: str, kind: str) -> None:
        records: Sequence[Resource] = list(self._group(name, kind).values())
        policies = {_policy(record) for record in records}
        if len(policies) > 1 or (None in policies and len(records) > 1):
            raise InvalidChangeBatch(f"the {kind} records of {name} have several routing policies")
        identifiers = Counter(record.inputs.get("setIdentifier") for record in records)
        if max(identifiers.values()) > 1:
            raise InvalidChangeBatch(f"{kind} records of {name} have the same identifier")
        for record in records:
            of_distribution = any(one.type == DISTRIBUTION for one in self.graph.refs(record, "aliases"))
            _accept_record(record, of_distribution)
        rules = Counter(str(_rule(record, str(_policy(record)))) for record in records if _policy(record))
        if policies & {"latencyRoutingPolicies", "failoverRoutingPolicies"} and max(rules.values()) > 1:
            raise InvalidChangeBatch(f"{kind} records of {name} have the same Region or part")


def _accept_record(record: Resource, of_distribution: bool) -> None:
    given = record.inputs
    policy = _policy(record)
    if bool(policy) != ("setIdentifier" in given):
        raise InvalidChangeBatch(f"{record.name} has a routing policy or an identifier, and not both")
    [alias] = given.get("aliases") or [None]
    if (alias is None) == ("records" not in given) or (alias is None) != ("ttl" in given):
        raise InvalidChangeBatch(f"{record.name} is no alias, and no record with a TTL either")
    if alias and (of_distribution or alias["zoneId"] == CLOUDFRONT) and alias["evaluateTargetHealth"]:
        raise InvalidChangeBatch(f"{record.name} evaluates the health of a distribution")
    if policy == "failoverRoutingPolicies" and _rule(record, policy)["type"] == "PRIMARY":
        if alias and not alias["evaluateTargetHealth"]:
            raise InvalidChangeBatch(f"{record.name} is a primary alias without evaluation")
        if not alias and "healthCheckId" not in given:
            raise InvalidChangeBatch(f"{record.name} is a primary without a health check")


def _policy(record: Resource) -> str | None:
    return next((policy for policy in POLICIES if record.inputs.get(policy)), None)


def _rule(record: Resource, policy: str) -> dict[str, Any]:
    [rule] = record.inputs[policy]
    return rule


def _by_weight(weights: Mapping[str, int]) -> dict[str, Fraction]:
    # Those of weight zero are considered when no other is left.
    if not any(weights.values()):
        return {urn: Fraction(1, len(weights)) for urn in weights}
    total = sum(weights.values())
    return {urn: Fraction(weight, total) for urn, weight in weights.items()}
