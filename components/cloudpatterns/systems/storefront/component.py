"""An N-tier storefront (2025 guide, "N-tier"; Cloud Design Patterns for AWS, "Functional Firewall").

A web application firewall and a load balancer, or a CDN before it, face the internet; servers in private subnets scale with the load; the
database and the cache are in data subnets without internet egress. Each tier accepts only the one before it, by reference to
its security group. The role of the application logs in to the database and the cache as users of its own; that of servers writes its logs
and reads the application from S3, and nothing else. Containers on Fargate take the place of the servers by one setting.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pulumi

from cloudpatterns.blocks import alarm_topic, log_group
from cloudpatterns.blocks.distribution import EDGE_REGION
from cloudpatterns.blocks.server import amazon_linux
from cloudpatterns.compute import (
    ContainerService,
    ContainerServiceArgs,
    ContainerServiceOptions,
    ScaleOut,
    ScaleOutArgs,
    ScaleOutOptions,
    web_server_user_data,
)
from cloudpatterns.compute.web_server.user_data import user_data_problems
from cloudpatterns.core import (
    ArgumentError,
    Component,
    Problem,
    WorkloadStatementArgs,
    declared,
    is_given,
    needs,
    one_of,
    pick,
    region_of,
    region_of_zone,
)
from cloudpatterns.database import InMemoryCache, ReadReplica, RelationalDatabase, rds_certificates
from cloudpatterns.database.relational_database.engines import ENGINES
from cloudpatterns.delivery import (
    ContentDeliveryNetwork,
    RegionalCertificates,
)
from cloudpatterns.network import (
    FunctionalFirewall,
    FunctionalFirewallArgs,
    FunctionArgs,
    FunctionEgressArgs,
    FunctionPrefixListArgs,
    LoadBalancer,
    OperationalFirewall,
    OperationalFirewallArgs,
    WebApplicationFirewall,
)
from cloudpatterns.security import WorkloadRole, session_manager_statements
from cloudpatterns.systems.storefront.arguments import StorefrontArgs
from cloudpatterns.systems.storefront.front import (
    application_port,
    balancer_arguments,
    cdn_arguments,
    cdn_problems,
    front,
    front_parts,
    home_region,
    is_gradual,
    web_firewall_arguments,
)
from cloudpatterns.systems.storefront.moves import to_balancer, to_cdn, to_certificates, to_origin
from cloudpatterns.systems.storefront.stores import (
    Stores,
    application,
    artifact_statements,
    cache_arguments,
    database_arguments,
    database_function,
    environment,
    login_statements,
    replica_arguments,
    replica_problems,
    store_parts,
    variables,
)

# Beside what the stores tell the application, and instead of what the boot script tells servers.
_CONTAINER_VARIABLES = {"AWS_REGION", "DATABASE_CERTIFICATES", "HEALTH_CHECK_PATH", "PORT"}
_SIDS = ("Artifact", "ArtifactKey", "CacheLogin", "DatabaseLogin", "Logs", "Reads", "SessionManager")
_PREFIX_LIST_RULES = 55
"""What CloudFront's prefix list weighs: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/LocationsOfEdgeServers.html"""
_DATA_PORTS = {3306: "the database's", 5432: "the database's", 6379: "the cache's"}


class Storefront(Component):
    """An N-tier storefront in an existing network: firewall, balancer, servers or containers, database, cache.

    The application runs on ``servers`` or in ``containers``, which get the same variables, the same groups and the same logins. With
    ``read_replicas`` it also gets those of ``ReadReplica``, for ``cloudpatterns_runtime.replicas``. The certificate of the proxy that reads
    go through is one of Amazon's public ones: reads verify it with the system's roots, not with the certificates of RDS, which are for the
    database itself.

    **Use when**: a stateless web application, one relational database and a cache is to run with production-safe defaults.

    **Not when**: the application is serverless or made of many services; compose the patterns yourself.

    **Cost drivers**: the database (twice with ``multi_az``), its read replicas and their proxy, the servers or containers, the cache nodes,
    the load balancer's traffic, the rules of the web ACL and, with ``cdn``, what the CDN delivers.

    **Trade-offs**: one application per storefront; database and cache are in the same network; a replaced tier keeps the others. Behind a
    CDN and from behind it a storefront moves with its records and logs, not with its load balancer. Reads from replicas are late.

    **Proven by**: controls ``functional-firewall``, ``operational-firewall``, ``web-application-firewall``, ``alb-web-acl``,
    ``rds-private``, ``no-path``; ``test_storefront.py``, ``test_storefront_cdn.py``, ``test_storefront_reads.py``,
    ``test_storefront_moves.py``, ``test_storefront_containers.py``, ``test_golden.py``.
    """

    url: pulumi.Output[str]
    """URL of the storefront: ``https://`` and the domain, or the load balancer's own name, which no certificate fits."""
    load_balancer_arn: pulumi.Output[str]
    """ARN of the load balancer."""
    load_balancer_dns_name: pulumi.Output[str]
    """The load balancer's own host name, for records of your own."""
    load_balancer_zone_id: pulumi.Output[str]
    """The hosted zone of that name, for alias records."""
    target_group_arn: pulumi.Output[str]
    """The load balancer's target group, whose targets are the servers or containers."""
    log_bucket_name: pulumi.Output[str]
    """The bucket with the load balancer's access logs."""
    web_acl_arn: pulumi.Output[str]
    """The web ACL, of the load balancer or the CDN."""
    distribution_id: pulumi.Output[str]
    """Id of the CDN's distribution, for invalidations. Empty without ``cdn``."""
    distribution_dns_name: pulumi.Output[str]
    """CloudFront's own name of the distribution. Empty without ``cdn``."""
    log_group_name: pulumi.Output[str]
    """The log group of the application. Streams of servers: ``<instance id>/boot``, ``/server`` and, where nginx serves, ``/access``; of
    containers: ``task/<container>/<task id>``."""
    alarm_topic_arn: pulumi.Output[str]
    """The topic that sends alarms to ``alarm_email_addresses``, for alarms of your own. Empty without any."""
    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the servers. Empty with containers."""
    cluster_name: pulumi.Output[str]
    """The ECS cluster of the containers. Empty with servers."""
    service_name: pulumi.Output[str]
    """The ECS service of the containers. Empty with servers."""
    server_role_arn: pulumi.Output[str]
    """The application's role: that of the servers, or the task role of the containers."""
    security_group_ids: pulumi.Output[dict[str, str]]
    """Security groups by function: http, https, app, mysql or postgres, redis and, with ``read_replicas``, reads."""
    database_endpoint: pulumi.Output[str]
    """Address and port of the database."""
    database_id: pulumi.Output[str]
    """Identifier of the database's instance, or of its Aurora cluster."""
    database_kms_key_arn: pulumi.Output[str]
    """Customer managed key of the database, which a role of backups needs."""
    database_secret_arn: pulumi.Output[str]
    """The secret with user name and password of the database's master user."""
    database_user_sql: pulumi.Output[str]
    """SQL that creates the application's user, to be run once as the master user; it may be run again. Empty without ``database_name``."""
    reader_endpoint: pulumi.Output[str]
    """Address and port for reads, those of the proxy before the replicas. Empty without ``read_replicas``."""
    reader_sql: pulumi.Output[str]
    """SQL that creates the user of reads, to be run as the master user and, in PostgreSQL, then as the application's, whose tables it is
    about. Empty without ``read_replicas`` or ``database_name``."""
    cache_id: pulumi.Output[str]
    """Id of the cache's replication group, or name of the serverless cache."""
    cache_endpoint: pulumi.Output[str]
    """Address of the cache's primary node."""

    def __init__(self, name: str, args: StorefrontArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # The longest of the composed components' children whose AWS names have limits; the target group's has the same length.
        checked = self.begin(name, args, opts, problems=partial(_problems, name), names=lambda args: {f"{front(args)}-lb": 32})
        self._checked, self._tags = checked, checked["tags"]
        self.alarm_topic_arn = pulumi.Output.from_input("")
        if addresses := checked["alarm_email_addresses"]:
            self.alarm_topic_arn = alarm_topic(self, f"{name}-alarms", email_addresses=addresses, tags=self._tags)
            checked["alarm_topic_arns"] = [*checked["alarm_topic_arns"], self.alarm_topic_arn]
        firewall = FunctionalFirewall(f"{name}-firewall", _firewall(checked), self.child())
        balancer = self._front(name, firewall)
        stores = self._stores(name, firewall)
        database, cache, _ = stores
        empty = pulumi.Output.from_input("")
        self.auto_scaling_group_name = self.cluster_name = self.service_name = empty
        groups = self._groups(name, firewall)
        if checked.get("servers") is not None:
            self._servers(name, groups, balancer, stores)
        else:
            self._containers(name, groups, balancer, stores)
        self.load_balancer_dns_name, self.load_balancer_zone_id = balancer.dns_name, balancer.zone_id
        self.load_balancer_arn, self.target_group_arn = balancer.load_balancer_arn, balancer.target_group_arn
        self.log_bucket_name = balancer.log_bucket_name
        self.security_group_ids = firewall.security_group_ids
        self.database_endpoint, self.database_id, self.database_secret_arn = database.endpoint, database.instance_id, database.secret_arn
        self.database_kms_key_arn = database.kms_key_arn
        self._sql(stores)
        self.cache_id, self.cache_endpoint = cache.replication_group_id, cache.primary_endpoint
        self.register()

    def _front(self, name: str, firewall: FunctionalFirewall) -> LoadBalancer:
        """What faces the internet: the load balancer with its web ACL, or the CDN before it."""
        checked, domain = self._checked, self._checked["load_balancer"].get("domain_name")
        if checked.get("cdn") is not None:
            return self._behind_cdn(name, firewall)
        groups = firewall.group_ids("http", "https")
        balancer = LoadBalancer(f"{name}-{front(checked)}", balancer_arguments(checked, groups), to_balancer(self, name, domain))
        web_firewall = WebApplicationFirewall(f"{name}-waf", web_firewall_arguments(checked, balancer.load_balancer_arn), self.child())
        self.web_acl_arn = web_firewall.web_acl_arn
        self.url = pulumi.Output.concat("https://", balancer.dns_name if domain is None else domain)
        self.distribution_id = self.distribution_dns_name = pulumi.Output.from_input("")
        return balancer

    def _behind_cdn(self, name: str, firewall: FunctionalFirewall) -> LoadBalancer:
        checked, home = self._checked, home_region(self._checked)
        named = checked["load_balancer"]
        # Both have the name, and so the same validation record.
        certificates = RegionalCertificates(
            f"{name}-certificates",
            {
                "domain_names": [named["domain_name"]],
                "hosted_zone_id": named["hosted_zone_id"],
                "regions": list(dict.fromkeys((home, EDGE_REGION))),
                "tags": self._tags,
            },
            to_certificates(self, name, named["domain_name"]),
        ).certificate_arns
        # Another component than the one that faces the internet: a target group belongs to one load balancer.
        balancer = LoadBalancer(
            f"{name}-{front(checked)}", balancer_arguments(checked, firewall.group_ids("https"), certificates[home]), to_origin(self, name)
        )
        arguments = cdn_arguments(checked, balancer.load_balancer_arn, certificates[EDGE_REGION])
        cdn = ContentDeliveryNetwork(f"{name}-cdn", arguments, to_cdn(self, name, named["domain_name"]))
        self.url, self.web_acl_arn = cdn.url, cdn.web_acl_arn
        self.distribution_id, self.distribution_dns_name = cdn.distribution_id, cdn.dns_name
        return balancer

    def _stores(self, name: str, firewall: FunctionalFirewall) -> Stores:
        checked = self._checked
        database = RelationalDatabase(
            f"{name}-db", database_arguments(checked, firewall.group_ids(database_function(checked))), self.child()
        )
        cache = InMemoryCache(f"{name}-cache", cache_arguments(checked, firewall.group_ids("redis")), self.child())
        if checked.get("read_replicas") is None:
            self.reader_endpoint = pulumi.Output.from_input("")
            return Stores(database, cache, None)
        there = {"database_arn": database.instance_arn, "resource_id": database.resource_id, "kms_key_arn": database.kms_key_arn}
        reads = ReadReplica(f"{name}-reads", replica_arguments(checked, firewall.group_ids("reads"), **there), self.child())
        self.reader_endpoint = pulumi.Output.concat(reads.reader_host, ":", reads.reader_port.apply(str))
        return Stores(database, cache, reads)

    def _sql(self, stores: Stores) -> None:
        """The SQL of the users, where there is a database that it is about."""
        database_name = self._checked["database"].get("database_name")
        user = reader = ""
        if database_name is not None:
            user = stores.database.user_sql(application(self._checked)["database_user"])
            reader = "" if stores.reads is None else stores.reads.reader_sql(database_name)
        self.database_user_sql, self.reader_sql = pulumi.Output.from_input(user), pulumi.Output.from_input(reader)

    def _groups(self, name: str, firewall: FunctionalFirewall) -> list[pulumi.Input[str]]:
        """The security groups of the application: its function's, and those of the operators."""
        groups: list[pulumi.Input[str]] = [*firewall.group_ids("app")]
        if operators := self._checked["operators"]:
            admin = OperationalFirewall(f"{name}-admin", _admin(self._checked), self.child())
            groups += [admin.group_id(operator) for operator in operators]
        return groups

    def _servers(self, name: str, groups: Sequence[pulumi.Input[str]], balancer: LoadBalancer, stores: Stores) -> None:
        checked, servers = self._checked, self._checked["servers"]
        logs = log_group(self, f"{name}-logs", servers["log_retention_days"], kms_key_arn=checked.get("kms_key_arn"), tags=self._tags)
        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Servers of a storefront: their database, their cache, their logs, Session Manager",
                "statements": _server_statements(checked, stores, logs.arn),
                "managed_policy_arns": servers["managed_policy_arns"],
                "tags": self._tags,
            },
            self.child(),
        )
        user_data = web_server_user_data(
            **_plain_parameters(checked),
            artifact_uri=servers.get("artifact_uri"),
            artifact_sha256=servers.get("artifact_sha256"),
            environment={**environment(checked, stores), **servers["environment"]},
            database_certificates=_certificates(checked, stores.database),
            log_group_name=logs.name,
        )
        group = ScaleOut(
            f"{name}-app",
            {
                **_scale_out(checked, groups),
                **_targets(balancer),
                "instance_profile_arn": role.instance_profile_arn,
                "user_data": user_data,
            },
            self.child(),
        )
        self.log_group_name = logs.name
        self.auto_scaling_group_name, self.server_role_arn = group.auto_scaling_group_name, role.role_arn

    def _containers(self, name: str, groups: Sequence[pulumi.Input[str]], balancer: LoadBalancer, stores: Stores) -> None:
        checked, containers = self._checked, self._checked["containers"]
        told = {
            **environment(checked, stores),
            "AWS_REGION": region_of(stores.database.instance_arn),
            "DATABASE_CERTIFICATES": _certificates(checked, stores.database),
            "HEALTH_CHECK_PATH": checked["load_balancer"]["health_check_path"],
            "PORT": str(containers["port"]),
        }
        gradual: dict[str, Any] = {
            "alternate_target_group_arn": balancer.alternate_target_group_arn,
            "production_listener_rule_arn": balancer.production_listener_rule_arn,
        }
        args: ContainerServiceArgs = {
            **_service(checked, groups),
            **_targets(balancer),
            **(gradual if is_gradual(checked) else {}),
            "environment": {**told, **containers["environment"]},
            "statements": [*login_statements(checked, stores), *containers["statements"]],
        }
        service = ContainerService(f"{name}-app", args, self.child())
        self.log_group_name = service.log_group_name
        self.cluster_name, self.service_name, self.server_role_arn = service.cluster_name, service.service_name, service.task_role_arn


def _section(checked: StorefrontArgs) -> str:
    """The argument that says how the application runs."""
    return "containers" if checked.get("servers") is None else "servers"


def _targets(balancer: LoadBalancer) -> dict[str, Any]:
    return {
        "target_group_arns": [balancer.target_group_arn],
        "load_balancer_arn_suffix": balancer.arn_suffix,
        "target_group_arn_suffix": balancer.target_group_arn_suffix,
    }


def _certificates(checked: StorefrontArgs, database: RelationalDatabase) -> pulumi.Input[str]:
    """The certificates that the application trusts as its database's."""
    given = application(checked).get("database_certificates")
    return region_of(database.instance_arn).apply(rds_certificates) if given is None else given


def _firewall(checked: StorefrontArgs) -> FunctionalFirewallArgs:
    return {"vpc_id": checked["vpc_id"], "functions": _functions(checked), "tags": checked["tags"]}


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


def _service(checked: StorefrontArgs, group_ids: Sequence[pulumi.Input[str]]) -> ContainerServiceArgs:
    return {
        **pick(checked["containers"], *declared(ContainerServiceOptions)),
        **pick(checked, "kms_key_arn", "alarm_topic_arns", "tags"),
        "subnet_ids_by_zone": checked["private_subnet_ids_by_zone"],
        "security_group_ids": list(group_ids),
    }


def _application_parts(checked: StorefrontArgs) -> Iterator[tuple[type[Component], str, str, Any]]:
    """The components of the application, with made-up ids of others: class, suffix, argument and arguments."""
    targets = {"target_group_arns": ["arn"], "load_balancer_arn_suffix": "app/a/b", "target_group_arn_suffix": "targetgroup/a/b"}
    if checked.get("servers") is not None:
        yield ScaleOut, "app", "servers", {**_scale_out(checked, ["sg-0"]), **targets, "instance_profile_arn": "arn"}
        rights = pick(checked["servers"], "statements", "managed_policy_arns")
        yield WorkloadRole, "role", "servers", {"service": "ec2.amazonaws.com", **rights}
    else:
        gradual = {"alternate_target_group_arn": "arn", "production_listener_rule_arn": "arn"} if is_gradual(checked) else {}
        yield ContainerService, "app", "containers", {**_service(checked, ["sg-0"]), **targets, **gradual}


def _part_problems(name: str, checked: StorefrontArgs) -> Iterator[Problem]:
    """What the composed components would refuse: when the first of them exists it is too late. Ids of others are made up."""
    if checked["alarm_email_addresses"]:
        checked = {**checked, "alarm_topic_arns": [*checked["alarm_topic_arns"], "arn:aws:sns:eu-west-1:000000000000:alarms"]}
    parts: list[tuple[type[Component], str, str, Any]] = [
        (FunctionalFirewall, "firewall", "", _firewall(checked)),
        (LoadBalancer, front(checked), "load_balancer", balancer_arguments(checked, ["sg-0"], "arn")),
        *front_parts(checked),
        *store_parts(checked),
        *_application_parts(checked),
    ]
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
    if checked.get("servers") is None:
        return
    told = {**dict.fromkeys(sorted(variables(checked))), **checked["servers"]["environment"]}
    boot = user_data_problems(**_plain_parameters(checked), environment=told, database_certificates=_likely_certificates(checked))
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
    both = [*one_of(checked, "servers", "containers")]
    if both:
        # The rules below are about one of them.
        yield from both
        return
    missing = [*cdn_problems(checked)]
    yield from missing or _part_problems(name, checked)
    yield from replica_problems(checked)
    for role, operator in checked["operators"].items():
        for port in operator["ports"]:
            if port in _DATA_PORTS:
                reason = (
                    f"has {port}, {_DATA_PORTS[port]} port; operators reach the servers alone. Give the role port 22, or use Session "
                    "Manager, and forward the port through a server."
                )
                yield f"operators.{role}.ports", reason
    yield from _application_problems(checked)


def _application_problems(checked: StorefrontArgs) -> Iterator[Problem]:
    section, runs = _section(checked), application(checked)
    if (servers := checked.get("servers")) is not None:
        for argument, other in (
            *(("artifact_uri", "artifact_sha256"), ("artifact_sha256", "artifact_uri"), ("artifact_kms_key_arn", "artifact_uri")),
        ):
            yield from needs(servers, argument, other, path="servers.")
    yield from _certificate_problems(checked)
    master, user = checked["database"].get("master_username", "dbadmin"), runs["database_user"]
    if user == master:
        yield f"{section}.database_user", f"is {master!r}, the master user, who logs in with a password. Choose another name."
    elif problem := ENGINES[checked["database"]["engine"]].user_name_problem(user):
        yield f"{section}.database_user", f"is {user!r}; {problem}"
    for index, statement in enumerate(runs["statements"]):
        if (sid := statement.get("sid")) in _SIDS:
            yield f"{section}.statements.{index}.sid", f"is {sid!r}, which is a statement of the storefront. Choose another id."
    taken = variables(checked) if servers is not None else variables(checked) | _CONTAINER_VARIABLES
    for variable in sorted(taken & runs["environment"].keys()):
        yield f"{section}.environment.{variable}", "is set by the storefront. Choose another name."


def _certificate_problems(checked: StorefrontArgs) -> Iterator[Problem]:
    # Found out by the deployment, it would be too late.
    region = region_of_zone(next(iter(checked["data_subnet_ids_by_zone"])))
    if region is not None and application(checked).get("database_certificates") is None:
        try:
            rds_certificates(region)
        except ArgumentError as error:
            yield f"{_section(checked)}.database_certificates", f"is missing, and the region {error.problems[0][1]}"


def _database_functions(checked: StorefrontArgs) -> dict[str, FunctionArgs]:
    """The database, and the proxy before its readers, which the application calls and which calls the database."""
    function = database_function(checked)
    if checked.get("read_replicas") is None:
        return {function: {"callers": ["app"]}}
    port = ENGINES[checked["database"]["engine"]].port
    return {"reads": {"ports": [port], "callers": ["app"]}, function: {"callers": ["app", "reads"]}}


def _functions(checked: StorefrontArgs) -> dict[str, FunctionArgs]:
    egress: dict[str, FunctionEgressArgs] = {}
    cidr, prefix_list_id = checked.get("endpoint_cidr"), checked.get("s3_prefix_list_id")
    if cidr is not None:
        egress["endpoints"] = {"ports": [443], "cidr": cidr, "description": "Interface endpoints of the VPC"}
    if prefix_list_id is not None:
        egress["s3"] = {"ports": [443], "prefix_list_id": prefix_list_id, "description": "S3 through its gateway endpoint"}
    if checked["internet_egress"]:
        egress["outbound"] = {"ports": [443], "cidr": "0.0.0.0/0", "description": "HTTPS to the internet through the NAT"}
    cdn = checked.get("cdn")
    web: dict[str, FunctionArgs] = {"http": {}, "https": {}}
    if cdn is not None:
        listed: FunctionPrefixListArgs = {"id": cdn["prefix_list_id"], "description": "CloudFront", "entries": _PREFIX_LIST_RULES}
        web = {"https": {"internet": False, "prefix_lists": {"cloudfront": listed}}}
    return {
        **web,
        "app": {"ports": [application_port(checked)], "callers": ["https"], "egress": egress},
        **_database_functions(checked),
        "redis": {"callers": ["app"]},
    }


def _server_statements(checked: StorefrontArgs, stores: Stores, log_group_arn: pulumi.Output[str]) -> list[WorkloadStatementArgs]:
    """The permissions: database, replicas and cache by IAM login, the servers' logs, Session Manager, and the artifact if there is one."""
    servers = checked["servers"]
    return [
        *session_manager_statements(),
        *login_statements(checked, stores),
        {
            "sid": "Logs",
            "actions": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "resources": [pulumi.Output.concat(log_group_arn, ":*")],
        },
        *artifact_statements(servers, stores.database.instance_arn),
        *servers["statements"],
    ]
