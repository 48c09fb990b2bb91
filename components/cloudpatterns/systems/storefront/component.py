"""An N-tier storefront (2025 guide, "N-tier"; Cloud Design Patterns for AWS, "Functional Firewall").

A web application firewall and a load balancer face the internet; servers in private subnets scale with the load; the
database and the cache are in data subnets without internet egress. Each tier accepts only the one before it, by reference to
its security group. The servers' role reads the database's secret and connects to the cache, and nothing else.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pulumi

from cloudpatterns.blocks.server import amazon_linux
from cloudpatterns.compute import ScaleOut, ScaleOutArgs, ScaleOutOptions, web_server_user_data
from cloudpatterns.core import ArgumentError, Component, Problem, declared, is_given, needs, partition_of, pick, region_of
from cloudpatterns.database import InMemoryCache, InMemoryCacheArgs, RelationalDatabase, RelationalDatabaseArgs
from cloudpatterns.network import (
    FunctionalFirewall,
    FunctionalFirewallArgs,
    FunctionArgs,
    FunctionEgressArgs,
    LoadBalancer,
    LoadBalancerArgs,
    OperationalFirewall,
    OperationalFirewallArgs,
    WebApplicationFirewall,
    WebApplicationFirewallArgs,
)
from cloudpatterns.security import WorkloadRole, WorkloadStatementArgs, session_manager_statements
from cloudpatterns.systems.storefront.arguments import StorefrontArgs

_DATA_PORTS = {3306: "the database's", 5432: "the database's", 6379: "the cache's"}


class Storefront(Component):
    """An N-tier storefront in an existing network: firewall, balancer, servers, database, cache.

    **Use when**: a web application of stateless servers, one relational database and a cache is to run with production-safe defaults.

    **Not when**: the application is serverless or made of many services; compose the patterns yourself.

    **Cost drivers**: the database (twice with ``multi_az``), the servers, the cache nodes, the load balancer's traffic and the rules of the
    web ACL.

    **Trade-offs**: one application per storefront; database and cache are in the same network; a replaced tier keeps the others.

    **Proven by**: controls ``functional-firewall``, ``operational-firewall``, ``web-application-firewall``, ``alb-web-acl``,
    ``rds-private``; ``test_storefront.py``, ``test_golden.py``.
    """

    url: pulumi.Output[str]
    """URL of the storefront: ``https://`` and the domain, or the load balancer's own name, which no certificate fits."""
    load_balancer_dns_name: pulumi.Output[str]
    """The load balancer's own host name, for records of your own."""
    load_balancer_zone_id: pulumi.Output[str]
    """The hosted zone of that name, for alias records."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the load balancer's access logs."""
    web_acl_arn: pulumi.Output[str]
    """The web ACL."""
    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the servers."""
    server_role_arn: pulumi.Output[str]
    """The servers' role."""
    security_group_ids: pulumi.Output[dict[str, str]]
    """Security groups by function: http, https, app, mysql or postgres, redis."""
    database_endpoint: pulumi.Output[str]
    """Address and port of the database."""
    database_secret_arn: pulumi.Output[str]
    """The secret with user name and password of the database's master user."""
    cache_endpoint: pulumi.Output[str]
    """Address of the cache's primary node."""

    def __init__(self, name: str, args: StorefrontArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The longest of the composed components' children whose AWS names have limits; the target group's has the same length.
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names={"web-lb": 32})
        self._checked, self._tags = checked, checked["tags"]
        firewall = FunctionalFirewall(f"{name}-firewall", _firewall(checked), self.child())
        balancer = LoadBalancer(f"{name}-web", _balancer(checked, firewall.group_ids("http", "https")), self.child())
        web_firewall = WebApplicationFirewall(f"{name}-waf", _web_firewall(checked, balancer.load_balancer_arn), self.child())
        database_groups, cache_groups = firewall.group_ids(_database_function(checked)), firewall.group_ids("redis")
        database = RelationalDatabase(f"{name}-db", _database(checked, database_groups), self.child())
        cache = InMemoryCache(f"{name}-cache", _cache(checked, cache_groups), self.child())
        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Servers of a storefront: their database secret, their cache, Session Manager",
                "statements": _server_statements(database, cache, checked["servers"].get("artifact_uri")),
                "tags": self._tags,
            },
            self.child(),
        )
        servers = self._servers(name, firewall, balancer, role, self._user_data(database, cache))
        domain = checked["load_balancer"].get("domain_name")
        self.url = pulumi.Output.concat("https://", balancer.dns_name if domain is None else domain)
        self.load_balancer_dns_name, self.load_balancer_zone_id = balancer.dns_name, balancer.zone_id
        self.log_bucket_name, self.web_acl_arn = balancer.log_bucket_name, web_firewall.web_acl_arn
        self.auto_scaling_group_name, self.server_role_arn = servers.auto_scaling_group_name, role.role_arn
        self.security_group_ids = firewall.security_group_ids
        self.database_endpoint, self.database_secret_arn = database.endpoint, database.secret_arn
        self.cache_endpoint = cache.primary_endpoint
        self.register()

    def _user_data(self, database: RelationalDatabase, cache: InMemoryCache) -> pulumi.Output[str]:
        servers = self._checked["servers"]
        return web_server_user_data(
            app_port=servers["app_port"],
            health_check_path=self._checked["load_balancer"]["health_check_path"],
            artifact_uri=servers.get("artifact_uri"),
            artifact_sha256=servers.get("artifact_sha256"),
            environment={
                "DATABASE_ENDPOINT": database.endpoint,
                "DATABASE_SECRET_ARN": database.secret_arn,
                "CACHE_ENDPOINT": cache.primary_endpoint,
                "CACHE_PORT": cache.port.apply(str),
                # An IAM login signs a token for this cache and this user.
                # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-Connecting
                "CACHE_NAME": cache.replication_group_id,
                "CACHE_USER": cache.user_name,
            },
        )

    def _servers(
        self, name: str, firewall: FunctionalFirewall, balancer: LoadBalancer, role: WorkloadRole, user_data: pulumi.Output[str]
    ) -> ScaleOut:
        groups = firewall.group_ids("app")
        if operators := self._checked["operators"]:
            admin = OperationalFirewall(f"{name}-admin", _admin(self._checked), self.child())
            groups += [admin.group_id(operator) for operator in operators]
        return ScaleOut(
            f"{name}-app",
            {
                **_scale_out(self._checked, groups),
                "target_group_arns": [balancer.target_group_arn],
                "load_balancer_arn_suffix": balancer.arn_suffix,
                "target_group_arn_suffix": balancer.target_group_arn_suffix,
                "instance_profile_arn": role.instance_profile_arn,
                "user_data": user_data,
            },
            self.child(),
        )


def _firewall(checked: StorefrontArgs) -> FunctionalFirewallArgs:
    return {"vpc_id": checked["vpc_id"], "functions": _functions(checked), "tags": checked["tags"]}


def _balancer(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> LoadBalancerArgs:
    return {
        **checked["load_balancer"],
        "vpc_id": checked["vpc_id"],
        "subnet_ids_by_zone": checked["public_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
        "target_port": checked["servers"]["app_port"],
        "ip_address_type": "dualstack" if checked["dual_stack"] else "ipv4",
        "tags": checked["tags"],
    }


def _web_firewall(checked: StorefrontArgs, balancer_arn: pulumi.Input[str]) -> WebApplicationFirewallArgs:
    return {**checked["firewall"], "associations": {"load-balancer": balancer_arn}, "tags": checked["tags"]}


def _database(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> RelationalDatabaseArgs:
    return {
        **checked["database"],
        **pick(checked, "kms_key_arn", "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def _cache(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> InMemoryCacheArgs:
    # A serverless cache has no nodes to watch.
    alarms = () if is_given(checked["cache"], "serverless") else ("alarm_topic_arns",)
    return {
        **checked["cache"],
        **pick(checked, "kms_key_arn", "tags", *alarms),
        "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def _admin(checked: StorefrontArgs) -> OperationalFirewallArgs:
    return {"vpc_id": checked["vpc_id"], "operators": checked["operators"], "tags": checked["tags"]}


def _scale_out(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> ScaleOutArgs:
    servers = checked["servers"]
    image = {} if is_given(servers, "image_id") else {"image_parameter": amazon_linux(servers["instance_types"][0])}
    return {
        **image,
        **pick(servers, *declared(ScaleOutOptions)),
        **pick(checked, "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": checked["private_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def _part_problems(name: str, checked: StorefrontArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    balancer = {"target_group_arns": ["arn"], "load_balancer_arn_suffix": "app/a/b", "target_group_arn_suffix": "targetgroup/a/b"}
    parts: list[tuple[type[Component], str, str, Any]] = [
        (FunctionalFirewall, "firewall", "", _firewall(checked)),
        (LoadBalancer, "web", "load_balancer", _balancer(checked, ["sg-0"])),
        (WebApplicationFirewall, "waf", "firewall", _web_firewall(checked, "arn")),
        (RelationalDatabase, "db", "database", _database(checked, ["sg-0"])),
        (InMemoryCache, "cache", "cache", _cache(checked, ["sg-0"])),
        (ScaleOut, "app", "servers", {**_scale_out(checked, ["sg-0"]), **balancer, "instance_profile_arn": "arn"}),
    ]
    if checked["operators"]:
        parts.append((OperationalFirewall, "admin", "", _admin(checked)))
    options: dict[str, Any] = {**checked}
    for component, suffix, group, args in parts:
        try:
            component.check(f"{name}-{suffix}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit.
                if path != "name" or not reason.startswith("has "):
                    yield f"{group}.{path}" if group and path.split(".")[0] in options[group] else path, reason


def _problems(name: str, checked: StorefrontArgs) -> Iterator[Problem]:
    yield from _part_problems(name, checked)
    for role, operator in checked["operators"].items():
        for port in operator["ports"]:
            if port in _DATA_PORTS:
                reason = (
                    f"has {port}, {_DATA_PORTS[port]} port; operators reach the servers alone. Give the role port 22, or use Session "
                    "Manager, and forward the port through a server."
                )
                yield f"operators.{role}.ports", reason
    for argument, other in (("artifact_uri", "artifact_sha256"), ("artifact_sha256", "artifact_uri")):
        yield from needs(checked["servers"], argument, other, path="servers.")


def _database_function(checked: StorefrontArgs) -> str:
    """The function of the firewall that knows the engine's port."""
    return "mysql" if "mysql" in checked["database"]["engine"] else "postgres"


def _functions(checked: StorefrontArgs) -> dict[str, FunctionArgs]:
    egress: dict[str, FunctionEgressArgs] = {}
    cidr, prefix_list_id = checked.get("endpoint_cidr"), checked.get("s3_prefix_list_id")
    if cidr is not None:
        egress["endpoints"] = {"ports": [443], "cidr": cidr, "description": "Interface endpoints of the VPC"}
    if prefix_list_id is not None:
        egress["s3"] = {"ports": [443], "prefix_list_id": prefix_list_id, "description": "S3 through its gateway endpoint"}
    if checked["internet_egress"]:
        egress["outbound"] = {"ports": [443], "cidr": "0.0.0.0/0", "description": "HTTPS to the internet through the NAT"}
    return {
        "http": {},
        "https": {},
        "app": {"ports": [checked["servers"]["app_port"]], "callers": ["https"], "egress": egress},
        _database_function(checked): {"callers": ["app"]},
        "redis": {"callers": ["app"]},
    }


def _server_statements(database: RelationalDatabase, cache: InMemoryCache, artifact_uri: str | None) -> list[WorkloadStatementArgs]:
    """The permissions: the database's secret, the cache by IAM login, Session Manager, and the artifact if there is one."""
    secret, region = database.secret_arn, region_of(database.instance_arn)
    statements: list[WorkloadStatementArgs] = [
        *session_manager_statements(),
        {
            "sid": "DatabaseSecret",
            "actions": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
            "resources": [secret],
        },
        {
            # The key encrypts storage and logs as well; the role may only read the secret with it.
            "sid": "DatabaseSecretKey",
            "actions": ["kms:Decrypt"],
            "resources": [database.kms_key_arn],
            "conditions": {
                "StringEquals": {
                    "kms:ViaService": [pulumi.Output.concat("secretsmanager.", region, ".amazonaws.com")],
                    "kms:EncryptionContext:SecretARN": [secret],
                }
            },
        },
        {
            "sid": "CacheLogin",
            "actions": ["elasticache:Connect"],
            # The cache and the user: a login needs both.
            "resources": [cache.connect_arns.apply(lambda arns: arns[0]), cache.connect_arns.apply(lambda arns: arns[1])],
        },
    ]
    if artifact_uri is not None:
        artifact_arn = pulumi.Output.concat("arn:", partition_of(database.instance_arn), ":s3:::", artifact_uri.removeprefix("s3://"))
        statements.append({"sid": "Artifact", "actions": ["s3:GetObject", "s3:GetObjectVersion"], "resources": [artifact_arn]})
    return statements
