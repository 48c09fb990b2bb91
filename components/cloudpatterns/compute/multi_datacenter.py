"""The same service in two zones or more: load balancer, servers, database with a standby, cache.

Patterns: "Multi-Datacenter" (Cloud Design Patterns for AWS), "Web Application Hosting in the AWS Cloud" (AWS).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute.multi_server import Environment, MultiServer, MultiServerArgs
from cloudpatterns.compute.scale_out.arguments import ScaleOutServerOptions
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Matches,
    Problem,
    Statement,
    Unique,
    WorkloadStatementArgs,
    as_arguments,
    declared,
    is_given,
    needs,
    pick,
)
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, Port, SecurityGroupIds, SubnetIdsByZones, Tags
from cloudpatterns.database import (
    InMemoryCache,
    InMemoryCacheArgs,
    InMemoryCacheOptions,
    RelationalDatabase,
    RelationalDatabaseArgs,
    RelationalDatabaseOptions,
)
from cloudpatterns.network import LoadBalancerOptions

_TIERS = {
    "public_subnet_ids_by_zone": "the load balancer",
    "private_subnet_ids_by_zone": "the servers",
    "data_subnet_ids_by_zone": "the database",
}


class MultiDatacenterServersArgs(ScaleOutServerOptions):
    """The servers of each zone."""

    needed_servers: Annotated[int, Field(ge=1, le=250)]
    """Servers that carry the load. How many there are depends on ``spare_zone``."""
    spare_zone: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether ``needed_servers`` are left when a zone is lost (N+1): two zones have twice as many, three half as many again. Otherwise
    ``needed_servers`` are spread over the zones, and a loss leaves a part until AWS has started others, if it has some to give."""
    environment: NotRequired[Environment]
    """More environment variables of the servers, see ``MultiServer``; never a secret."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the servers may do beside Session Manager and the logins to database and cache, as in ``WorkloadRole``."""
    database_user: NotRequired[
        Annotated[str, Matches("[a-z][a-z0-9_]{0,31}", "1 to 32 lower-case letters, digits and _, a letter first"), Field(default="app")]
    ]
    """The servers' own user in the database, which logs in through IAM; ``database_user_sql`` creates it."""
    alarm_cpu_percent: NotRequired[Annotated[int, Field(default=80, ge=10, le=100)]]
    """Average CPU over 15 minutes above which the alarm is raised."""


class MultiDatacenterOptions(TypedDict):
    """What a user tunes of ``MultiDatacenter``."""

    zones: Annotated[list[str], Field(min_length=2, max_length=6), Unique()]
    """Availability Zones of all tiers, two or more."""
    servers: MultiDatacenterServersArgs
    """The servers."""
    load_balancer: LoadBalancerOptions
    """The load balancer, see ``LoadBalancer``, without ``stickiness``."""
    database: RelationalDatabaseOptions
    """The database with a standby (``multi_az``), see ``RelationalDatabase``."""
    cache: NotRequired[InMemoryCacheOptions]
    """A cache with a replica or more, or serverless, see ``InMemoryCache``. Default: no cache."""


class MultiDatacenterArgs(MultiDatacenterOptions):
    """Arguments of ``MultiDatacenter``. Maps by zone may have more zones than ``zones``, which are left out."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    public_subnet_ids_by_zone: SubnetIdsByZones
    """Subnets of the load balancer; private ones where it is ``internal``."""
    private_subnet_ids_by_zone: SubnetIdsByZones
    """Subnets of the servers."""
    data_subnet_ids_by_zone: SubnetIdsByZones
    """Subnets of database and cache."""
    load_balancer_security_group_ids: SecurityGroupIds
    """Security groups of the load balancer."""
    server_security_group_ids: SecurityGroupIds
    """Security groups of the servers, which admit the load balancer's."""
    database_security_group_ids: SecurityGroupIds
    """Security groups of the database, which admit the servers'."""
    cache_security_group_ids: NotRequired[SecurityGroupIds]
    """Security groups of the cache, which admit the servers'. Needed with ``cache``."""
    target_port: Port
    """Port of the servers."""
    nat_gateway_ids_by_zone: NotRequired[dict[str, pulumi.Input[str]]]
    """NAT gateways of the private subnets: checked, so that each zone has its own. Default: the servers need no internet egress, or have a
    regional NAT gateway."""
    internal: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the load balancer has private addresses only."""
    user_data: NotRequired[pulumi.Input[str]]
    """Script for the first boot of a server, see ``MultiServer``. Default: no script."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of database and cache; its policy must let CloudWatch Logs use it. Default: a new key for each."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics that the alarms of all tiers notify."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class MultiDatacenter(Component):
    """A service that survives the loss of a zone (Cloud Design Patterns for AWS, "Multi-Datacenter").

    Composes a load balancer and a fixed number of servers (``MultiServer``), a database with a standby (``RelationalDatabase``) and, where
    wanted, a cache with replicas (``InMemoryCache``), all in the same ``zones``. Fewer than two zones, and a tier that has fewer than the
    others, fail before anything is created. When a zone is lost, the load balancer leaves its servers out within a minute, database and
    cache fail over to another zone, and ``capacity_after_zone_loss`` servers are left: with ``spare_zone``, all that the load needs.

    The servers get the variables DATABASE_HOST, DATABASE_PORT, DATABASE_NAME, DATABASE_USER, and CACHE_ENDPOINT, CACHE_PORT, CACHE_NAME,
    CACHE_USER and CACHE_SERVERLESS; their role logs in to both through IAM.

    **Use when**: the service must go on when a zone fails, without waiting for new servers.

    **Not when**: the load changes by the hour (``Storefront``, which scales), or another Region must take over.

    **Cost drivers**: the servers, twice as many as needed in two zones, half as many again in three; the database twice; traffic between
    zones.

    **Trade-offs**: a failover of the database breaks connections for a minute or two. New servers in the zones that are left need
    capacity that AWS may not have at that time: ``spare_zone`` does not wait for it.

    **Proven by**: controls ``zone-loss``, ``tier-several-zones``, ``rds-instance-multi-az``, ``elasticache-failover``,
    ``lb-several-zones``; ``test_multi_datacenter.py``, which removes each zone from the graph.
    """

    server_count: pulumi.Output[int]
    """Number of servers in all zones."""
    capacity_after_zone_loss: pulumi.Output[int]
    """Servers that are left when the zone with the most of them is lost."""
    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the servers."""
    role_arn: pulumi.Output[str]
    """The servers' role."""
    load_balancer_arn: pulumi.Output[str]
    """The load balancer."""
    dns_name: pulumi.Output[str]
    """Host name of the load balancer."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records."""
    target_group_arn: pulumi.Output[str]
    """The load balancer's target group."""
    database_endpoint: pulumi.Output[str]
    """Address and port of the database."""
    database_secret_arn: pulumi.Output[str]
    """The secret with the master user's password."""
    database_user_sql: pulumi.Output[str]
    """SQL that creates the servers' user, to be run once as the master user. Empty without ``database_name``."""
    cache_endpoint: pulumi.Output[str]
    """Host name of the cache; empty without ``cache``."""

    def __init__(self, name: str, args: MultiDatacenterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names={"app-web-lb": 32})
        database = RelationalDatabase(f"{name}-db", _database(checked), self.child())
        cache = InMemoryCache(f"{name}-cache", _cache(checked), self.child()) if checked.get("cache") is not None else None
        application = _application(checked, _environment(checked, database, cache), _logins(checked, database, cache))
        servers = MultiServer(f"{name}-app", application, self.child())
        count, zones = server_count(checked["servers"], len(checked["zones"])), len(checked["zones"])
        self.server_count = pulumi.Output.from_input(count)
        self.capacity_after_zone_loss = pulumi.Output.from_input(count - math.ceil(count / zones))
        self.auto_scaling_group_name, self.role_arn = servers.auto_scaling_group_name, servers.role_arn
        self.load_balancer_arn, self.dns_name, self.zone_id = servers.load_balancer_arn, servers.dns_name, servers.zone_id
        self.target_group_arn = servers.target_group_arn
        self.database_endpoint, self.database_secret_arn = database.endpoint, database.secret_arn
        named = checked["database"].get("database_name") is not None
        self.database_user_sql = pulumi.Output.from_input(database.user_sql(checked["servers"]["database_user"]) if named else "")
        self.cache_endpoint = pulumi.Output.from_input("") if cache is None else cache.primary_endpoint
        self.register()


def server_count(servers: MultiDatacenterServersArgs, zones: int) -> int:
    """How many servers carry the load, when one of the zones is lost if ``spare_zone`` says so; at least one in each zone."""
    needed = servers["needed_servers"]
    # The same number in each zone: AWS spreads them evenly, and the largest zone may be the one that is lost.
    return zones * math.ceil(needed / (zones - 1)) if servers["spare_zone"] else max(needed, zones)


def _in_zones(checked: MultiDatacenterArgs, subnets: Mapping[str, pulumi.Input[str]]) -> dict[str, pulumi.Input[str]]:
    return {zone: subnets[zone] for zone in checked["zones"] if zone in subnets}


def _database(checked: MultiDatacenterArgs) -> RelationalDatabaseArgs:
    return {
        **checked["database"],
        **pick(checked, "kms_key_arn", "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": _in_zones(checked, checked["data_subnet_ids_by_zone"]),
        "security_group_ids": checked["database_security_group_ids"],
    }


def _cache(checked: MultiDatacenterArgs) -> InMemoryCacheArgs:
    options: Any = checked.get("cache")
    # A serverless cache has no nodes to watch.
    alarms = () if is_given(options, "serverless") else ("alarm_topic_arns",)
    given: Any = {
        **options,
        **pick(checked, "kms_key_arn", "tags", *alarms),
        "subnet_ids_by_zone": _in_zones(checked, checked["data_subnet_ids_by_zone"]),
        "security_group_ids": checked.get("cache_security_group_ids"),
    }
    return given


def _application(
    checked: MultiDatacenterArgs, environment: Mapping[str, pulumi.Input[str]], logins: Sequence[WorkloadStatementArgs]
) -> MultiServerArgs:
    servers = checked["servers"]
    given: Any = {
        **pick(servers, *declared(ScaleOutServerOptions), "alarm_cpu_percent"),
        **pick(checked, "vpc_id", "target_port", "user_data", "alarm_topic_arns", "tags"),
        "servers": server_count(servers, len(checked["zones"])),
        "load_balancer": {**checked["load_balancer"]},
        "internal": checked["internal"],
        "load_balancer_subnet_ids_by_zone": _in_zones(checked, checked["public_subnet_ids_by_zone"]),
        "load_balancer_security_group_ids": checked["load_balancer_security_group_ids"],
        "subnet_ids_by_zone": _in_zones(checked, checked["private_subnet_ids_by_zone"]),
        "security_group_ids": checked["server_security_group_ids"],
        "environment": {**environment, **servers["environment"]},
        "statements": [*logins, *servers["statements"]],
    }
    return given


def _environment(checked: MultiDatacenterArgs, database: RelationalDatabase, cache: InMemoryCache | None) -> dict[str, pulumi.Input[str]]:
    database_name, variables = checked["database"].get("database_name"), dict[str, pulumi.Input[str]]()
    if cache is not None:
        options: Any = checked.get("cache")
        variables = {
            "CACHE_ENDPOINT": cache.primary_endpoint,
            "CACHE_PORT": cache.port.apply(str),
            # An IAM login signs a token for this cache and this user.
            "CACHE_NAME": cache.replication_group_id,
            "CACHE_USER": cache.user_name,
            "CACHE_SERVERLESS": "true" if is_given(options, "serverless") else "false",
        }
    return {
        "DATABASE_HOST": database.address,
        "DATABASE_PORT": database.port.apply(str),
        **({} if database_name is None else {"DATABASE_NAME": database_name}),
        "DATABASE_USER": checked["servers"]["database_user"],
        **variables,
    }


def _logins(checked: MultiDatacenterArgs, database: RelationalDatabase, cache: InMemoryCache | None) -> list[WorkloadStatementArgs]:
    user = checked["servers"]["database_user"]
    logins = [Statement(sid="DatabaseLogin", actions=["rds-db:connect"], resources=[database.connect_arn(user)])]
    if cache is not None:
        # The cache and the user: a login needs both.
        arns = [cache.connect_arns.apply(lambda arns: arns[0]), cache.connect_arns.apply(lambda arns: arns[1])]
        logins.append(Statement(sid="CacheLogin", actions=["elasticache:Connect"], resources=arns))
    return as_arguments(logins)


def _problems(name: str, checked: MultiDatacenterArgs) -> Iterator[Problem]:
    by_zone: Any = checked
    tiers = {**_TIERS, **({"nat_gateway_ids_by_zone": "outbound access"} if is_given(checked, "nat_gateway_ids_by_zone") else {})}
    covered = True
    for argument, tier in tiers.items():
        if missing := [zone for zone in checked["zones"] if zone not in by_zone[argument]]:
            covered = False
            reason = f"has nothing in {', '.join(missing)}; {tier} would not survive the loss of another zone. Add it, or change zones."
            yield argument, reason
    if not checked["database"]["multi_az"]:
        yield "database.multi_az", "is False; the loss of its zone would take the database. Remove it."
    cache = checked.get("cache")
    if cache is not None and not is_given(cache, "serverless") and not cache["replicas"]:
        yield "cache.replicas", "is 0; the loss of its zone would take the cache. Give 1 or more, or remove it."
    yield from needs(checked, "cache", "cache_security_group_ids")
    yield from needs(checked, "cache_security_group_ids", "cache")
    if covered:
        yield from _part_problems(name, checked)


def _part_problems(name: str, checked: MultiDatacenterArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    parts: list[tuple[type[Component], str, str, Any]] = [
        (RelationalDatabase, "db", "database", _database(checked)),
        (MultiServer, "app", "servers", _application(checked, {}, [])),
    ]
    if checked.get("cache") is not None and is_given(checked, "cache_security_group_ids"):
        parts.append((InMemoryCache, "cache", "cache", _cache(checked)))
    options: Any = checked
    for component, suffix, group, args in parts:
        try:
            component.check(f"{name}-{suffix}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit, and zones of another region are by ``zones``.
                if not (path == "name" and reason.startswith("has ")) and "subnet_ids_by_zone." not in path:
                    place = "zones" if path == "subnet_ids_by_zone" else path
                    yield f"{group}.{path}" if path.split(".")[0] in options[group] else place, reason
