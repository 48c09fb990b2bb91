"""An N-tier storefront (2025 guide, "N-tier"; Cloud Design Patterns for AWS, "Functional Firewall").

A web application firewall and a load balancer face the internet; servers in private subnets scale with the load; the
database and the cache sit in data subnets that have no way out. Each tier accepts only the one before it, by reference to
its security group. The servers' role reads the database's secret and connects to the cache, and nothing else.
"""

from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute import ScaleOut
from cloudpatterns.core import ArgumentError, Choice, Component
from cloudpatterns.core.component import check_names
from cloudpatterns.core.vocabulary import DeletionProtection, DualStack, KmsKeyArn, LogRetentionDays, Tags
from cloudpatterns.database import InMemoryCache, RelationalDatabase
from cloudpatterns.network import FunctionalFirewall, LoadBalancer, OperationalFirewall, WebApplicationFirewall
from cloudpatterns.network.operational_firewall import OperatorArgs
from cloudpatterns.network.web_application_firewall import CountRuleArgs, WebExceptionArgs
from cloudpatterns.security import WorkloadRole
from cloudpatterns.systems.storefront.role import server_statements
from cloudpatterns.systems.storefront.servers import request_tracking, user_data

_DATA_PORTS = {3306: "the database's", 5432: "the database's", 6379: "the cache's"}


class StorefrontServersArgs(TypedDict):
    """The servers, an Auto Scaling group."""

    instance_types: list[str]
    """EC2 types, the preferred first, all of one CPU architecture."""
    image_parameter: pulumi.Input[str]
    """SSM parameter with the id of the image, an Amazon Linux 2023 of the same architecture."""
    min_size: int
    """Fewest servers."""
    max_size: int
    """Most servers."""
    spot_percentage: NotRequired[int]
    """Share of Spot instances, 0 to 100. Default: 0."""
    cpu_target_percent: NotRequired[int]
    """Average CPU that scaling holds, 10 to 90. Default: 50."""
    requests_per_target: NotRequired[int]
    """Requests per minute and server that scaling holds as well. Default: not tracked."""
    app_port: NotRequired[Annotated[int, Field(default=8080, ge=1024, le=65535)]]
    """Port of the application, 1024 to 65535. Default: 8080."""
    health_check_path: NotRequired[Annotated[str, Field(default="/healthz", pattern="^/[A-Za-z0-9._~/-]*$")]]
    """Path that answers 200 while a server is well. Default: ``/healthz``."""
    # No wildcard: the role may read what stands here.
    artifact_uri: NotRequired[Annotated[str, Field(pattern=r"^s3://[a-z0-9.-]+/[^\x00-\x1f\x7f*?]+$")]]
    """The application, ``s3://bucket/key`` of a ``.tar.gz``. Default: a page that says that the server runs."""
    artifact_sha256: NotRequired[Annotated[str, Field(pattern="^[0-9a-f]{64}$")]]
    """SHA-256 of the artifact, 64 hexadecimal digits; needed with ``artifact_uri``."""


class StorefrontDatabaseArgs(TypedDict):
    """The database, see ``RelationalDatabase``."""

    engine: Annotated[str, Choice("mysql", "postgres")]
    """``mysql`` or ``postgres``."""
    engine_version: str
    """Version in standard support, such as ``8.4`` or ``17``."""
    instance_class: str
    """RDS instance class."""
    allocated_storage_gib: int
    """First size of the storage, 20 to 65536 GiB."""
    max_allocated_storage_gib: NotRequired[int]
    """Size up to which the storage grows by itself. Default: it does not grow."""
    multi_az: NotRequired[bool]
    """Whether a standby waits in a second zone. Default: True."""
    backup_retention_days: NotRequired[int]
    """Days that automated backups are kept, 1 to 35. Default: 30."""
    apply_immediately: NotRequired[bool]
    """Whether changes take effect now instead of in the maintenance window. Default: False."""
    deletion_protection: NotRequired[bool]
    """Whether the database refuses to be deleted. Default: True."""
    database_insights_mode: NotRequired[str]
    """``standard`` or ``advanced``. Default: ``standard``."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the database's logs are kept. Default: those of the storefront."""


class StorefrontCacheArgs(TypedDict):
    """The cache, see ``InMemoryCache``."""

    engine: str
    """``valkey`` or ``redis``."""
    engine_version: str
    """Version, such as ``8.1``."""
    node_type: str
    """ElastiCache node type."""
    replicas: NotRequired[int]
    """Copies in other zones, 0 to 5. Default: 1."""
    snapshot_retention_days: NotRequired[int]
    """Days that snapshots are kept, 0 to 35. Default: 7."""


class StorefrontFirewallArgs(TypedDict):
    """The web application firewall, see ``WebApplicationFirewall``."""

    rate_limit: NotRequired[int]
    """Requests that an address may send in five minutes. Default: 2000."""
    blocked_cidrs: NotRequired[list[str]]
    """Networks that are always blocked. Default: none."""
    allowed_cidrs: NotRequired[list[str]]
    """Networks that skip the other rules. Default: none."""
    count_rules: NotRequired[list[CountRuleArgs]]
    """Rules that count for a while instead of blocking. Default: none."""
    exceptions: NotRequired[list[WebExceptionArgs]]
    """Rules inside managed groups that count for good. Default: none, so that e.g. bodies over 8 KB are blocked."""


class StorefrontArgs(TypedDict):
    """Arguments of ``Storefront``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    public_subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """Public subnets of the load balancer, two zones at least."""
    private_subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """Private subnets of the servers, two zones at least."""
    data_subnet_ids_by_zone: dict[str, pulumi.Input[str]]
    """Data subnets of database and cache, two zones at least."""
    servers: StorefrontServersArgs
    """The servers."""
    database: StorefrontDatabaseArgs
    """The database."""
    cache: StorefrontCacheArgs
    """The cache."""
    certificate_arn: NotRequired[pulumi.Input[str]]
    """The certificate of the load balancer. Either this, or ``domain_name`` and ``hosted_zone_id``."""
    domain_name: NotRequired[str]
    """The name that the storefront serves; a certificate and alias records are made for it."""
    hosted_zone_id: NotRequired[pulumi.Input[str]]
    """The public Route 53 zone of ``domain_name``."""
    operators: NotRequired[Annotated[dict[str, OperatorArgs], Field(default={}, max_length=4)]]
    """Who may reach administrative ports of the servers, and from where, by role; at most four. Default: nobody; Session Manager
    opens a shell without a port."""
    firewall: NotRequired[Annotated[StorefrontFirewallArgs, Field(default={})]]
    """The web application firewall. Default: its own defaults."""
    endpoint_cidr: NotRequired[str]
    """Network of the VPC's interface endpoints, which the servers may reach on 443; usually the VPC's. Default: none."""
    s3_prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of S3, which the servers may reach on 443: Amazon Linux installs from there. Default: none."""
    internet_egress: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the servers may open HTTPS connections to the internet, through a NAT. Default: False."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether the load balancer and the cache refuse to be deleted, and the log bucket only goes when it is empty. The database
    has its own. Default: True."""
    access_log_retention_days: NotRequired[Annotated[int, Field(default=365, ge=1, le=3653)]]
    """Days that the load balancer's logs are kept, 1 to 3653. Default: 365."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the firewall's, database's and cache's logs are kept, one of CloudWatch's numbers. Default: 365."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of database and cache; its policy must let CloudWatch Logs use it. Default: a key for each is made."""
    alarm_topic_arns: NotRequired[list[pulumi.Input[str]]]
    """SNS topics that alarms tell. Default: none."""
    dual_stack: NotRequired[DualStack]
    """Whether the load balancer has IPv6 addresses as well; the public subnets must have them. Default: False."""
    tags: NotRequired[Tags]
    """Tags of everything that takes some. Default: none."""


# The boot script would refuse the same, but only once the endpoints are known: in the middle of a deployment.


class Storefront(Component):
    """An N-tier storefront in an existing network: firewall, balancer, servers, database, cache."""

    url: pulumi.Output[str]
    """Where the storefront answers: ``https://`` and the domain, or the load balancer's own name, which no certificate fits."""
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
        checked: Any = self._arguments.check(name, args)
        # The longest of the composed components' children whose AWS names have limits.
        check_names("Storefront", name, {"web-lb": 32, "web-tg": 32})
        if problems := _problems(checked):
            raise ArgumentError("Storefront", name, problems)
        super().__init__("Storefront", name, opts)
        tags = checked["tags"]
        servers, database_args, firewall_args = checked["servers"], checked["database"], _given(checked["firewall"])
        log_retention_days = checked["log_retention_days"]

        firewall = FunctionalFirewall(
            f"{name}-firewall",
            {"vpc_id": checked["vpc_id"], "functions": _functions(checked), "tags": tags},
            self.child(),
        )
        server_groups = list(firewall.group_ids("app"))
        if checked["operators"]:
            admin = OperationalFirewall(
                f"{name}-admin", {"vpc_id": checked["vpc_id"], "operators": _given(checked["operators"]), "tags": tags}, self.child()
            )
            server_groups += [admin.group_id(role) for role in checked["operators"]]

        balancer = LoadBalancer(
            f"{name}-web",
            {
                "vpc_id": checked["vpc_id"],
                "subnet_ids_by_zone": checked["public_subnet_ids_by_zone"],
                "security_group_ids": firewall.group_ids("http", "https"),
                "target_port": servers["app_port"],
                "health_check_path": servers["health_check_path"],
                "ip_address_type": "dualstack" if checked["dual_stack"] else "ipv4",
                "deletion_protection": checked["deletion_protection"],
                "force_destroy": not checked["deletion_protection"],
                "log_retention_days": checked["access_log_retention_days"],
                "tags": tags,
                **_given({key: checked[key] for key in ("certificate_arn", "domain_name", "hosted_zone_id")}),
            },
            self.child(),
        )
        web_firewall = WebApplicationFirewall(
            f"{name}-waf",
            {
                "associations": {"load-balancer": balancer.load_balancer_arn},
                "tags": tags,
                **_given({"log_retention_days": log_retention_days}),
                **firewall_args,
            },
            self.child(),
        )

        common = _given({"kms_key_arn": checked["kms_key_arn"], "alarm_topic_arns": checked["alarm_topic_arns"]})
        database = RelationalDatabase(
            f"{name}-db",
            {
                "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
                "security_group_ids": firewall.group_ids(database_args["engine"]),
                "tags": tags,
                **common,
                **_given({"log_retention_days": log_retention_days}),
                **_given(database_args),
            },
            self.child(),
        )
        cache = InMemoryCache(
            f"{name}-cache",
            {
                "subnet_ids_by_zone": checked["data_subnet_ids_by_zone"],
                "security_group_ids": firewall.group_ids("redis"),
                "deletion_protection": checked["deletion_protection"],
                "tags": tags,
                **common,
                **_given({"log_retention_days": log_retention_days}),
                **_given(checked["cache"]),
            },
            self.child(),
        )

        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Servers of a storefront: their database secret, their cache, Session Manager",
                "statements": server_statements(database, cache, servers["artifact_uri"]),
                "tags": tags,
            },
            self.child(),
        )
        fleet = ScaleOut(
            f"{name}-app",
            {
                "subnet_ids_by_zone": checked["private_subnet_ids_by_zone"],
                "security_group_ids": server_groups,
                "instance_types": servers["instance_types"],
                "image_parameter": servers["image_parameter"],
                "min_size": servers["min_size"],
                "max_size": servers["max_size"],
                "target_group_arns": [balancer.target_group_arn],
                "instance_profile_arn": role.instance_profile_arn,
                "user_data": user_data(servers, database, cache),
                "tags": tags,
                **_given({"alarm_topic_arns": checked["alarm_topic_arns"]}),
                **_given({"spot_percentage": servers["spot_percentage"]}),
                "scaling": _given({key: servers[key] for key in ("cpu_target_percent", "requests_per_target")}),
                **request_tracking(servers, balancer),
            },
            self.child(),
        )

        domain = checked["domain_name"]
        self.url = pulumi.Output.concat("https://", domain or balancer.dns_name)
        self.load_balancer_dns_name = balancer.dns_name
        self.load_balancer_zone_id = balancer.zone_id
        self.log_bucket_name = balancer.log_bucket_name
        self.web_acl_arn = web_firewall.web_acl_arn
        self.auto_scaling_group_name = fleet.auto_scaling_group_name
        self.server_role_arn = role.role_arn
        self.security_group_ids = firewall.security_group_ids
        self.database_endpoint = database.endpoint
        self.database_secret_arn = database.secret_arn
        self.cache_endpoint = cache.primary_endpoint
        self.register()


def _given(values: Any) -> Any:
    """What was given of checked arguments, at every depth: a component's own defaults are not overwritten by None."""
    if isinstance(values, dict):
        return {key: _given(value) for key, value in values.items() if value is not None}
    if isinstance(values, list):
        return [_given(value) for value in values]
    return values


def _problems(checked: Any) -> list[tuple[str, str]]:
    problems = [
        (
            f"operators.{role}.ports",
            f"has {port}, {_DATA_PORTS[port]} port; operators are admitted to the servers alone. Let the role have port 22, or Session "
            "Manager, and forward the port through a server.",
        )
        for role, operator in checked["operators"].items()
        for port in operator["ports"]
        if port in _DATA_PORTS
    ]
    if checked["certificate_arn"] is None and (checked["domain_name"] is None or checked["hosted_zone_id"] is None):
        reason = "is missing; HTTPS needs a certificate. Give certificate_arn, or both domain_name and hosted_zone_id, which make one."
        problems.append(("certificate_arn", reason))
    artifact = {key: checked["servers"][key] for key in ("artifact_uri", "artifact_sha256")}
    missing = [key for key, value in artifact.items() if value is None]
    if len(missing) == 1:
        problems.append((f"servers.{missing[0]}", "is missing; an artifact goes with its checksum. Give both, or neither."))
    return problems


def _functions(checked: Any) -> Any:
    egress: dict[str, Any] = {}
    if checked["endpoint_cidr"] is not None:
        egress["endpoints"] = {"ports": [443], "cidr": checked["endpoint_cidr"], "description": "Interface endpoints of the VPC"}
    if checked["s3_prefix_list_id"] is not None:
        egress["s3"] = {"ports": [443], "prefix_list_id": checked["s3_prefix_list_id"], "description": "S3 through its gateway endpoint"}
    if checked["internet_egress"]:
        egress["outbound"] = {"ports": [443], "cidr": "0.0.0.0/0", "description": "HTTPS to the internet through the NAT"}
    return {
        "http": {},
        "https": {},
        "app": {"ports": [checked["servers"]["app_port"]], "callers": ["https"], "egress": egress},
        # The firewall knows both engines as functions, by the same names.
        checked["database"]["engine"]: {"callers": ["app"]},
        "redis": {"callers": ["app"]},
    }
