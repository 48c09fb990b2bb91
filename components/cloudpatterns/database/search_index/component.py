"""A search index: an OpenSearch domain, or a serverless collection.

Pattern: the choice of a search store (AWS Well-Architected Framework; 2025 guide).
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import create_key, logs_statement
from cloudpatterns.core import Component, Problem, Statement, account_of, document, excludes, is_given, one_of, partition_of, region_of
from cloudpatterns.database._shared import name_problems
from cloudpatterns.database.search_index.arguments import SearchIndexArgs, SearchIndexDomainArgs
from cloudpatterns.database.search_index.collection import create_collection
from cloudpatterns.database.search_index.domain import create_domain

_READ = ("es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost")
_WRITE = ("es:ESHttpDelete", "es:ESHttpPatch", "es:ESHttpPut")
_LONGEST_DOMAIN = 20
_MOST_ZONES = 3
# Families with disks of their own take no EBS volumes.
_OWN_DISKS = re.compile(r"(i\d|im\d|is\d|[cmr]\d[a-z]*d\.)")


class SearchIndex(Component):
    """A search index in a VPC, which takes signed requests over TLS alone (AWS Well-Architected and the 2025 guide, search choice).

    Creates an OpenSearch ``domain`` (servers in up to three zones, with fine-grained access control and four logs), or a serverless
    ``collection`` (with an endpoint in the VPC, and policies of network, encryption and data). Documents are encrypted under a customer
    managed key. Readers and writers are IAM roles: each gets a policy, and signs its requests for ``service``. The role of a function
    comes first, because the index names it, and the function needs the index::

        role = WorkloadRole("search", {"service": "lambda.amazonaws.com"})
        products = SearchIndex("products", {"reader_role_arns": {"web": role.role_arn}, ...})
        function = {"existing_role_arn": role.role_arn, "environment": {"SEARCH_URL": products.endpoint}, ...}

    In a domain the administrator's role maps the roles of readers and writers once, with the requests in ``access_requests``, from a
    server in the VPC; a collection needs nothing.

    **Use when**: people search texts, filter by many fields at once, or look for what is similar to a vector.

    **Not when**: a key finds the row (DynamoDB), or the index would be the only copy of the data: keep that elsewhere, and index it again.

    **Cost drivers**: nodes by the hour and their volumes; of a collection, compute units while it is used, and the endpoint by the hour.

    **Trade-offs**: a domain answers at once; a collection costs nothing at rest, and its first request after ten minutes waits for up to
    half a minute. What is written is found about a second later. Each domain takes one of the ten resource policies that CloudWatch Logs
    has in a Region.

    **Proven by**: controls ``search-domain-private``, ``search-domain-https``, ``search-domain-access-control``,
    ``search-collection-private``, ``search-collection-customer-key``, ``search-collection-access``; ``test_search_index.py``.
    """

    endpoint: pulumi.Output[str]
    """URL for requests, ``https://...``, which resolves to private addresses; of a collection, available after its policies."""
    dashboard_url: pulumi.Output[str]
    """URL of OpenSearch Dashboards, in the VPC."""
    service: pulumi.Output[str]
    """Service that requests are signed for: ``es`` of a domain, ``aoss`` of a collection."""
    index_name: pulumi.Output[str]
    """Name of the domain or collection."""
    index_arn: pulumi.Output[str]
    """ARN of the domain or collection."""
    vpc_endpoint_id: pulumi.Output[str]
    """Endpoint of the collection, which others can share. Empty with ``domain``."""
    access_requests: pulumi.Output[str]
    """Requests with which the administrator's role maps readers and writers of a domain, as Dashboards' Dev Tools takes them; they may be
    sent again. Empty with ``collection``."""
    kms_key_arn: pulumi.Output[str]
    """ARN of the key."""
    log_group_names: pulumi.Output[list[str]]
    """Log groups of a domain; empty with ``collection``."""

    def __init__(self, name: str, args: SearchIndexArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=lambda given: _problems(name, given), names=_child_names)
        self._checked = checked
        self.kms_key_arn = self._key(name)
        self.vpc_endpoint_id = self.access_requests = pulumi.Output.from_input("")
        self.log_group_names = pulumi.Output.from_input([])
        domain, collection = checked.get("domain"), checked.get("collection")
        if domain is not None:
            made = create_domain(self, name, checked, domain, self.kms_key_arn)
            self.service = pulumi.Output.from_input("es")
            self.endpoint = pulumi.Output.concat("https://", made.domain.endpoint)
            self.dashboard_url = pulumi.Output.concat("https://", made.domain.dashboard_endpoint)
            self.index_name, self.index_arn = made.domain.domain_name, made.domain.arn
            self.log_group_names = pulumi.Output.all(*[group.name for group in made.log_groups])
            self.access_requests = self._access_requests(name)
        elif collection is not None:
            found = create_collection(self, name, checked, collection, self.kms_key_arn)
            self.service = pulumi.Output.from_input("aoss")
            self.endpoint, self.dashboard_url = found.endpoint, found.collection.dashboard_endpoint
            self.index_name, self.index_arn, self.vpc_endpoint_id = found.name, found.collection.arn, found.vpc_endpoint_id
        self._policies(name)
        self.register()

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)
        # OpenSearch uses the key through grants of whoever creates the index.
        return create_key(
            self,
            f"{name}-key",
            f"Search index {name}",
            lambda arn: [logs_statement(arn, f"{name}-logs-*")] if is_given(self._checked, "domain") else [],
            tags=self._checked["tags"],
        )

    def _policies(self, name: str) -> None:
        """What each role may send: the network alone gives nobody anything."""
        checked = self._checked
        roles: dict[str, tuple[pulumi.Input[str], Sequence[str]]] = {"admin": (checked["admin_role_arn"], (*_READ, *_WRITE))}
        roles |= {f"reader-{key}": (arn, _READ) for key, arn in checked["reader_role_arns"].items()}
        roles |= {f"writer-{key}": (arn, (*_READ, *_WRITE)) for key, arn in checked["writer_role_arns"].items()}
        for suffix, (role_arn, actions) in roles.items():
            # A collection looks into its policy of data for what is allowed.
            statements = [Statement(sid="SearchIndex", actions=["aoss:APIAccessAll"], resources=[self.index_arn])]
            if is_given(checked, "domain"):
                statements = [Statement(sid="SearchIndex", actions=sorted(actions), resources=[pulumi.Output.concat(self.index_arn, "/*")])]
            elif suffix == "admin":
                statements.append(self._dashboards())
            aws.iam.RolePolicy(
                f"{name}-{suffix}",
                role=pulumi.Output.from_input(role_arn).apply(lambda arn: arn.rpartition("/")[2]),
                policy=document(*statements),
                opts=self.child(),
            )

    def _dashboards(self) -> Statement:
        """Dashboards of collections, which are one resource of the Region: what each user sees there is up to the policies of data."""
        arn = self.index_arn
        place = pulumi.Output.concat("arn:", partition_of(arn), ":aoss:", region_of(arn), ":", account_of(arn), ":dashboards/default")
        return Statement(sid="Dashboards", actions=["aoss:DashboardsAccessAll"], resources=[place])

    def _access_requests(self, name: str) -> pulumi.Output[str]:
        checked = self._checked
        readers, writers = (pulumi.Output.all(*roles.values()) for roles in (checked["reader_role_arns"], checked["writer_role_arns"]))
        patterns = checked["index_patterns"]
        return pulumi.Output.all(readers, writers).apply(lambda found: _requests(name, patterns, found[0], found[1]))


def _requests(name: str, patterns: Sequence[str], readers: Sequence[str], writers: Sequence[str]) -> str:
    """Requests to the security plugin: a role of its own for readers and one for writers, each mapped to IAM roles."""
    # https://docs.opensearch.org/latest/security/access-control/default-action-groups/
    kinds = {
        "reader": (readers, ["cluster_composite_ops_ro"], ["read"]),
        "writer": (writers, ["cluster_composite_ops"], ["crud", "create_index", "indices:admin/mapping/put"]),
    }
    lines: list[str] = []
    for kind, (roles, cluster, index) in kinds.items():
        rights = {"cluster_permissions": cluster, "index_permissions": [{"index_patterns": list(patterns), "allowed_actions": index}]}
        path = f"_plugins/_security/api/{{}}/{name}-{kind}"
        lines += [f"PUT {path.format('roles')}", json.dumps(rights), ""]
        lines += [f"PUT {path.format('rolesmapping')}", json.dumps({"backend_roles": list(roles)}), ""]
    return "\n".join(lines)


def _child_names(checked: SearchIndexArgs) -> dict[str, int]:
    return {"group": 32} if is_given(checked, "collection") else {}


def _problems(name: str, checked: SearchIndexArgs) -> Iterator[Problem]:
    yield from name_problems(name)
    yield from one_of(checked, "domain", "collection")
    for key in checked["reader_role_arns"].keys() & checked["writer_role_arns"].keys():
        if checked["reader_role_arns"][key] == checked["writer_role_arns"][key]:
            yield f"reader_role_arns.{key}", "is a writer too; writers read. Remove it here."
    domain, collection = checked.get("domain"), checked.get("collection")
    if domain is not None:
        yield from _domain_problems(name, checked, domain)
    if collection is not None:
        yield from excludes(checked, "collection", "create_service_linked_role", why="collections need no such role")
        if collection.get("existing_vpc_endpoint_id") is None and checked.get("vpc_id") is None:
            yield "vpc_id", "is missing; the new endpoint of the collection needs it. Give it, or collection.existing_vpc_endpoint_id."


def _domain_problems(name: str, checked: SearchIndexArgs, domain: SearchIndexDomainArgs) -> Iterator[Problem]:
    if len(name) > _LONGEST_DOMAIN:
        yield (
            "name",
            f"has {len(name)} characters; a domain's has 28 at most, 8 of them random. Give the component a name of at most "
            f"{_LONGEST_DOMAIN} characters.",
        )
    zones, nodes = len(checked["subnet_ids_by_zone"]), domain["instance_count"]
    if zones > _MOST_ZONES:
        yield "subnet_ids_by_zone", f"has {zones} zones; a domain is in one, two or three. Leave out {zones - _MOST_ZONES}."
    elif nodes < zones:
        yield "domain.instance_count", f"is {nodes}, less than the {zones} zones. Raise it, or give subnets in fewer zones."
    for argument in ("instance_type", "master_instance_type"):
        kind: Any = domain[argument]
        if kind.startswith("t2."):
            yield f"domain.{argument}", f"is {kind!r}, which cannot encrypt its storage. Use t3.small.search or larger."
    if _OWN_DISKS.match(domain["instance_type"]):
        yield "domain.instance_type", f"is {domain['instance_type']!r}, which takes no EBS volumes. Use another, such as r7g.large.search."
    if nodes > 10 and domain["instance_type"].startswith("t3."):
        yield (
            "domain.instance_count",
            f"is {nodes}; a domain has at most 10 nodes of t3. Lower it, or use r7g.large.search.",
        )
    if nodes > 10 and not domain["dedicated_masters"]:
        yield "domain.dedicated_masters", f"is False; {nodes} data nodes need dedicated masters. Set it to True."
    if domain["standby"]:
        yield from _standby_problems(zones, domain)


def _standby_problems(zones: int, domain: SearchIndexDomainArgs) -> Iterator[Problem]:
    if zones != _MOST_ZONES:
        yield "subnet_ids_by_zone", f"has {zones} zones; domain.standby needs three. Give a subnet in each of three, or remove standby."
    if not domain["dedicated_masters"]:
        yield "domain.dedicated_masters", "is False; standby needs dedicated masters. Set it to True, or remove standby."
    if domain["instance_count"] % _MOST_ZONES:
        yield "domain.instance_count", f"is {domain['instance_count']}; standby needs a multiple of three. Use 3 or 6."
