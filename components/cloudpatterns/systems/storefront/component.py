"""An N-tier storefront (2025 guide, "N-tier"; Cloud Design Patterns for AWS, "Functional Firewall").

A web application firewall and a load balancer face the internet; servers in private subnets scale with the load; the
database and the cache are in data subnets without internet egress. Each tier accepts only the one before it, by reference to
its security group. The servers' role logs in to the database and the cache as users of its own, writes its logs, reads the application
from S3, and nothing else.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pulumi

from cloudpatterns.blocks import alarm_topic, log_group
from cloudpatterns.blocks.server import amazon_linux
from cloudpatterns.compute import ScaleOut, ScaleOutArgs, ScaleOutOptions, web_server_user_data
from cloudpatterns.compute.web_server.user_data import user_data_problems
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    WorkloadStatementArgs,
    declared,
    is_given,
    needs,
    partition_of,
    pick,
    region_of,
    region_of_zone,
)
from cloudpatterns.database import InMemoryCache, InMemoryCacheArgs, RelationalDatabase, RelationalDatabaseArgs, rds_certificates
from cloudpatterns.database.relational_database.engines import ENGINES
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
from cloudpatterns.security import WorkloadRole, session_manager_statements
from cloudpatterns.systems.storefront.arguments import StorefrontArgs, StorefrontServersArgs

# What the storefront tells the application, see _environment.
_VARIABLES = {
    *("DATABASE_ENGINE", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_PORT", "DATABASE_USER"),
    *("CACHE_ENDPOINT", "CACHE_NAME", "CACHE_PORT", "CACHE_SERVERLESS", "CACHE_USER"),
}
_SIDS = ("Artifact", "ArtifactKey", "CacheLogin", "DatabaseLogin", "Logs", "SessionManager")
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
    target_group_arn: pulumi.Output[str]
    """The load balancer's target group, whose targets are the servers."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the load balancer's access logs."""
    web_acl_arn: pulumi.Output[str]
    """The web ACL."""
    log_group_name: pulumi.Output[str]
    """The log group of the servers: streams ``<instance id>/boot``, ``/server`` and, where nginx serves, ``/access``."""
    alarm_topic_arn: pulumi.Output[str]
    """The topic that sends alarms to ``alarm_email_addresses``, for alarms of your own. Empty without any."""
    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the servers."""
    server_role_arn: pulumi.Output[str]
    """The servers' role."""
    security_group_ids: pulumi.Output[dict[str, str]]
    """Security groups by function: http, https, app, mysql or postgres, redis."""
    database_endpoint: pulumi.Output[str]
    """Address and port of the database."""
    database_id: pulumi.Output[str]
    """Identifier of the database's instance, or of its Aurora cluster."""
    database_secret_arn: pulumi.Output[str]
    """The secret with user name and password of the database's master user."""
    database_user_sql: pulumi.Output[str]
    """SQL that creates the application's user, to be run once as the master user; it may be run again. Empty without ``database_name``."""
    cache_endpoint: pulumi.Output[str]
    """Address of the cache's primary node."""

    def __init__(self, name: str, args: StorefrontArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The longest of the composed components' children whose AWS names have limits; the target group's has the same length.
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names={"web-lb": 32})
        self._checked, self._tags = checked, checked["tags"]
        self.alarm_topic_arn = pulumi.Output.from_input("")
        if addresses := checked["alarm_email_addresses"]:
            self.alarm_topic_arn = alarm_topic(self, f"{name}-alarms", email_addresses=addresses, tags=self._tags)
            checked["alarm_topic_arns"] = [*checked["alarm_topic_arns"], self.alarm_topic_arn]
        firewall = FunctionalFirewall(f"{name}-firewall", _firewall(checked), self.child())
        balancer = LoadBalancer(f"{name}-web", _balancer(checked, firewall.group_ids("http", "https")), self.child())
        web_firewall = WebApplicationFirewall(f"{name}-waf", _web_firewall(checked, balancer.load_balancer_arn), self.child())
        database_groups, cache_groups = firewall.group_ids(_database_function(checked)), firewall.group_ids("redis")
        database = RelationalDatabase(f"{name}-db", _database(checked, database_groups), self.child())
        cache = InMemoryCache(f"{name}-cache", _cache(checked, cache_groups), self.child())
        logs = log_group(
            self, f"{name}-logs", checked["servers"]["log_retention_days"], kms_key_arn=checked.get("kms_key_arn"), tags=self._tags
        )
        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Servers of a storefront: their database, their cache, their logs, Session Manager",
                "statements": _server_statements(checked["servers"], database, cache, logs.arn),
                "managed_policy_arns": checked["servers"]["managed_policy_arns"],
                "tags": self._tags,
            },
            self.child(),
        )
        servers = self._servers(name, firewall, balancer, role, self._user_data(database, cache, logs.name))
        domain = checked["load_balancer"].get("domain_name")
        self.url = pulumi.Output.concat("https://", balancer.dns_name if domain is None else domain)
        self.load_balancer_dns_name, self.load_balancer_zone_id = balancer.dns_name, balancer.zone_id
        self.target_group_arn = balancer.target_group_arn
        self.log_bucket_name, self.web_acl_arn = balancer.log_bucket_name, web_firewall.web_acl_arn
        self.log_group_name = logs.name
        self.auto_scaling_group_name, self.server_role_arn = servers.auto_scaling_group_name, role.role_arn
        self.security_group_ids = firewall.security_group_ids
        self.database_endpoint, self.database_id, self.database_secret_arn = database.endpoint, database.instance_id, database.secret_arn
        named = checked["database"].get("database_name") is not None
        self.database_user_sql = pulumi.Output.from_input(database.user_sql(checked["servers"]["database_user"]) if named else "")
        self.cache_endpoint = cache.primary_endpoint
        self.register()

    def _user_data(self, database: RelationalDatabase, cache: InMemoryCache, log_group_name: pulumi.Output[str]) -> pulumi.Output[str]:
        servers = self._checked["servers"]
        certificates = servers.get("database_certificates")
        return web_server_user_data(
            **_plain_parameters(self._checked),
            artifact_uri=servers.get("artifact_uri"),
            artifact_sha256=servers.get("artifact_sha256"),
            environment={**_environment(self._checked, database, cache), **servers["environment"]},
            database_certificates=region_of(database.instance_arn).apply(rds_certificates) if certificates is None else certificates,
            log_group_name=log_group_name,
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
        **pick(checked, "alarm_topic_arns", "tags"),
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
    # ElastiCache publishes to no encrypted topic, which the one for e-mail addresses is: its events need a topic of the caller.
    no_events = bool(alarms and checked["alarm_email_addresses"]) and len(checked["alarm_topic_arns"]) == 1
    return {
        **checked["cache"],
        **pick(checked, "kms_key_arn", "tags", *alarms),
        **({"notification_topic_arn": ""} if no_events else {}),
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
    if checked["alarm_email_addresses"]:
        checked = {**checked, "alarm_topic_arns": [*checked["alarm_topic_arns"], "arn"]}
    balancer = {"target_group_arns": ["arn"], "load_balancer_arn_suffix": "app/a/b", "target_group_arn_suffix": "targetgroup/a/b"}
    parts: list[tuple[type[Component], str, str, Any]] = [
        (FunctionalFirewall, "firewall", "", _firewall(checked)),
        (LoadBalancer, "web", "load_balancer", _balancer(checked, ["sg-0"])),
        (WebApplicationFirewall, "waf", "firewall", _web_firewall(checked, "arn")),
        (RelationalDatabase, "db", "database", _database(checked, ["sg-0"])),
        (InMemoryCache, "cache", "cache", _cache(checked, ["sg-0"])),
        (ScaleOut, "app", "servers", {**_scale_out(checked, ["sg-0"]), **balancer, "instance_profile_arn": "arn"}),
    ]
    rights = pick(checked["servers"], "statements", "managed_policy_arns")
    parts.append((WorkloadRole, "role", "servers", {"service": "ec2.amazonaws.com", **rights}))
    if checked["operators"]:
        parts.append((OperationalFirewall, "admin", "", _admin(checked)))
    options: dict[str, Any] = {**checked}
    for component, suffix, group, args in parts:
        try:
            component.check(f"{name}-{suffix}", args)
        except ArgumentError as error:
            for path, reason in error.problems:
                # A name that is too long is reported by its own limit, and zones of another region are by the storefront's own arguments.
                if not (path == "name" and reason.startswith("has ")) and not path.startswith("subnet_ids_by_zone."):
                    yield f"{group}.{path}" if group and path.split(".")[0] in options[group] else path, reason
    variables = {**dict.fromkeys(_VARIABLES), **checked["servers"]["environment"]}
    boot = user_data_problems(**_plain_parameters(checked), environment=variables, database_certificates=_likely_certificates(checked))
    yield from ((f"servers.{path}", reason) for path, reason in boot)


def _likely_certificates(checked: StorefrontArgs) -> str:
    """The certificates of the servers, or, where they are not known yet, some that are as long."""
    given = checked["servers"].get("database_certificates")
    return given if isinstance(given, str) else rds_certificates("eu-west-1")


def _plain_parameters(checked: StorefrontArgs) -> dict[str, Any]:
    """Parameters of the boot script that are known before anything is created."""
    return {
        **pick(checked["servers"], "app_port", "artifact_kind", "packages"),
        "health_check_path": checked["load_balancer"]["health_check_path"],
    }


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
    servers = checked["servers"]
    for argument, other in (
        *(("artifact_uri", "artifact_sha256"), ("artifact_sha256", "artifact_uri"), ("artifact_kms_key_arn", "artifact_uri")),
    ):
        yield from needs(servers, argument, other, path="servers.")
    yield from _certificate_problems(checked)
    master, user = checked["database"].get("master_username", "dbadmin"), servers["database_user"]
    if user == master:
        yield "servers.database_user", f"is {master!r}, the master user, who logs in with a password. Choose another name."
    elif problem := ENGINES[checked["database"]["engine"]].user_name_problem(user):
        yield "servers.database_user", f"is {user!r}; {problem}"
    for index, statement in enumerate(servers["statements"]):
        if (sid := statement.get("sid")) in _SIDS:
            yield f"servers.statements.{index}.sid", f"is {sid!r}, which is a statement of the storefront. Choose another id."
    for variable in sorted(_VARIABLES & servers["environment"].keys()):
        yield f"servers.environment.{variable}", "is set by the storefront. Choose another name."


def _certificate_problems(checked: StorefrontArgs) -> Iterator[Problem]:
    # Found out by the deployment, it would be too late.
    region = region_of_zone(next(iter(checked["data_subnet_ids_by_zone"])))
    if region is not None and checked["servers"].get("database_certificates") is None:
        try:
            rds_certificates(region)
        except ArgumentError as error:
            yield "servers.database_certificates", f"is missing, and the region {error.problems[0][1]}"


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


def _environment(checked: StorefrontArgs, database: RelationalDatabase, cache: InMemoryCache) -> dict[str, pulumi.Input[str]]:
    """The variables that tell the application where database and cache are, and how to log in to them."""
    database_name = checked["database"].get("database_name")
    return {
        "DATABASE_ENGINE": _database_function(checked),
        "DATABASE_HOST": database.address,
        "DATABASE_PORT": database.port.apply(str),
        **({} if database_name is None else {"DATABASE_NAME": database_name}),
        "DATABASE_USER": checked["servers"]["database_user"],
        "CACHE_ENDPOINT": cache.primary_endpoint,
        "CACHE_PORT": cache.port.apply(str),
        # An IAM login signs a token for this cache and this user.
        # https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html#auth-iam-Connecting
        "CACHE_NAME": cache.replication_group_id,
        "CACHE_USER": cache.user_name,
        "CACHE_SERVERLESS": "true" if is_given(checked["cache"], "serverless") else "false",
    }


def _server_statements(
    servers: StorefrontServersArgs, database: RelationalDatabase, cache: InMemoryCache, log_group_arn: pulumi.Output[str]
) -> list[WorkloadStatementArgs]:
    """The permissions: database and cache by IAM login, the servers' logs, Session Manager, and the artifact if there is one."""
    statements: list[WorkloadStatementArgs] = [
        *session_manager_statements(),
        {"sid": "DatabaseLogin", "actions": ["rds-db:connect"], "resources": [database.connect_arn(servers["database_user"])]},
        {
            "sid": "CacheLogin",
            "actions": ["elasticache:Connect"],
            # The cache and the user: a login needs both.
            "resources": [cache.connect_arns.apply(lambda arns: arns[0]), cache.connect_arns.apply(lambda arns: arns[1])],
        },
        {
            "sid": "Logs",
            "actions": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "resources": [pulumi.Output.concat(log_group_arn, ":*")],
        },
    ]
    return [*statements, *_artifact_statements(servers, database.instance_arn), *servers["statements"]]


def _artifact_statements(servers: StorefrontServersArgs, regional_arn: pulumi.Output[str]) -> Iterator[WorkloadStatementArgs]:
    """What reading the artifact needs; ``regional_arn`` tells partition and region."""
    uri, key_arn = servers.get("artifact_uri"), servers.get("artifact_kms_key_arn")
    if uri is None:
        return
    # Named after its version, any version: a server that starts while a refresh is rolled back reads the one before.
    path = pulumi.Output.from_input(uri).apply(lambda text: text.removeprefix("s3://").replace(servers["artifact_sha256"], "*"))
    artifact_arn = pulumi.Output.concat("arn:", partition_of(regional_arn), ":s3:::", path)
    yield {"sid": "Artifact", "actions": ["s3:GetObject", "s3:GetObjectVersion"], "resources": [artifact_arn]}
    if key_arn is not None:
        yield {
            "sid": "ArtifactKey",
            "actions": ["kms:Decrypt"],
            "resources": [key_arn],
            "conditions": {
                "StringEquals": {"kms:ViaService": [pulumi.Output.concat("s3.", region_of(regional_arn), ".amazonaws.com")]},
                # The bucket where it uses a bucket key, else the object.
                "StringLike": {"kms:EncryptionContext:aws:s3:arn": [artifact_arn.apply(lambda arn: arn.partition("/")[0]), artifact_arn]},
            },
        }
