"""The section `storefront`: servers, load balancer, web application firewall and alarms."""

import re
import shlex
from collections.abc import Iterable
from datetime import date
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from cloudpatterns.blocks.server import amazon_linux, architecture
from cloudpatterns.core import Matches, WorkloadStatementArgs
from cloudpatterns.core.limits import Unique
from cloudpatterns.database import ReadReplicaOptions
from cloudpatterns.network import CountRuleArgs, WebApplicationFirewallOptions, WebExceptionArgs
from cloudpatterns.systems import StorefrontCdnArgs, StorefrontContainersArgs, StorefrontLoadBalancerArgs, StorefrontServersArgs
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import InitErrorDetails

from settings.faults import Allowed, Assign, Context, Model, Remove, Run, fault, refuse
from settings.fields import each_once, from_last
from settings.options import options

EXAMPLE_CERTIFICATE = "arn:aws:acm:{region}:123456789012:certificate/00000000-0000-4000-8000-000000000000"
_CERTIFICATE = re.compile(r"arn:aws[a-z-]*:acm:([a-z0-9-]+):\d{12}:certificate/[0-9a-fA-F-]{36}")
EXAMPLE_TOPIC = "arn:aws:sns:{region}:123456789012:alarms"
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}")


EXAMPLE_IMAGE = "123456789012.dkr.ecr.{region}.amazonaws.com/shop:1"
EXAMPLE_ACTION, EXAMPLE_RESOURCE = "s3:GetObject", "arn:aws:s3:::example-bucket/*"
EXAMPLE_SERVERS = {"instance_types": ["t4g.small"], "min_size": 2, "max_size": 6}
EXAMPLE_PREFIX_LIST = "pl-4fa04526"
EXAMPLE_CONTAINERS = {"image": EXAMPLE_IMAGE, "min_tasks": 2, "max_tasks": 6}
REPLICAS_ALLOWED = "an object, {} for the defaults, with database.engine aurora-mysql or aurora-postgresql"
_PUBLISH = Run("make publish STACK={stack} ARTIFACT=...")
_DIGITS = re.compile("[0-9a-f]{64}")


def _minimum_below_maximum(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    if servers.min_size > servers.max_size:
        yield fault(
            ("min_size",),
            f"more than max_size, which is {servers.max_size}",
            fix=[Assign(("max_size",), servers.min_size)],
            allowed="servers, at least 1 and at most max_size",
        )


def _one_architecture(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    first = servers.instance_types[0]
    wanted = architecture(first)
    for index, name in from_last(servers.instance_types):
        if architecture(name) != wanted:
            yield fault(
                ("instance_types", index),
                f"{name} is {architecture(name)}, and the preferred {first} is {wanted}: one image cannot run on both",
                fix=[Remove(("instance_types", index))],
                allowed="types of one CPU architecture (Graviton: arm64, others: x86_64)",
            )


def _image_of_architecture(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    wanted, image_parameter = architecture(servers.instance_types[0]), servers.image_parameter
    named = next((cpu for cpu in ("arm64", "x86_64") if cpu in (image_parameter or "")), None)
    if named is not None and named != wanted:
        yield fault(
            ("image_parameter",),
            f"an image for {named}, and {servers.instance_types[0]} is {wanted}",
            fix=[Assign(("image_parameter",), image_parameter.replace(named, wanted))],
            allowed="an image of the instance types' CPU architecture",
        )


def _artifact_has_a_version(servers: "Servers", context: Context) -> Iterable[InitErrorDetails]:
    if servers.artifact_uri is not None and servers.artifact_sha256 is None:
        # Not to be removed: the next deployment would take the application from the servers.
        download = f"aws s3 cp {shlex.quote(servers.artifact_uri)} artifact.tar.gz"
        setting = "pulumi config set --stack {stack} --path 'cloudpatterns:storefront.servers.artifact_sha256'"
        yield fault(
            ("artifact_uri",),
            "artifact_sha256, the checksum of the object there, is missing",
            fix=[Run(f'{download} && {setting} "$(sha256sum artifact.tar.gz | cut -c 1-64)"')],
            allowed="an object in S3, with artifact_sha256; or that alone, which `make publish` sets, for the stack's own bucket",
        )
    if servers.artifact_kms_key_arn is not None and servers.artifact_uri is None:
        yield fault(
            ("artifact_kms_key_arn",),
            "it is the key of the object at artifact_uri, which is not given; the stack's own bucket has a key of its own",
            fix=[Remove(("artifact_kms_key_arn",))],
        )


def _checksum(value: Any) -> Any:
    if isinstance(value, str) and not _DIGITS.fullmatch(value):
        lowered = value.strip().lower()
        raise refuse("in capital letters", lowered) if _DIGITS.fullmatch(lowered) else refuse("not the SHA-256 of an artifact", _PUBLISH)
    return value


class Statement(
    options(
        WorkloadStatementArgs,
        texts={
            "actions": Allowed(
                "a list of actions as service:Action, at least one; a part may be a wildcard (s3:Get*), every action of a service may not",
                [EXAMPLE_ACTION],
            ),
            "resources": Allowed("a list of ARNs, at least one; * only for actions that cannot be limited", [EXAMPLE_RESOURCE]),
            "sid": Allowed("letters and digits, each id once, and none of the storefront's own statements", None),
        },
    )
):
    """A statement of what the application may do."""


class Servers(
    options(
        StorefrontServersArgs,
        limits={
            "artifact_sha256": Annotated[str, BeforeValidator(_checksum)],
            "instance_types": Annotated[list, Unique()],
            "min_size": Annotated[int, Field(ge=1, le=1000)],
            "max_size": Annotated[int, Field(ge=1, le=1000)],
        },
        texts={
            "app_port": Allowed("an unprivileged port, 1024 to 65535", 8080),
            # Without it the servers would be replaced by those of the page that they are ready.
            "artifact_sha256": Allowed("64 hexadecimal digits in lower case, of an artifact that `make publish` uploaded", _PUBLISH),
            "database_user": Allowed(
                "1 to 32 lower-case letters, digits and _, a letter first; not the master user, and no name that the engine reserves", "app"
            ),
            "image_parameter": Allowed("the name of an SSM parameter that holds an image id", amazon_linux("t4g.small")),
            "instance_types": Allowed("at least one EC2 instance type, all of one CPU architecture, each once", ["t4g.small"]),
            "min_size": Allowed("servers, at least 1 and at most max_size", 2),
            "max_size": Allowed("servers, at least min_size and at most 1000", 6),
        },
    )
):
    """The servers, and what they serve."""

    checks = (_minimum_below_maximum, _one_architecture, _image_of_architecture, _artifact_has_a_version)

    statements: Annotated[
        tuple[Statement, ...],
        Allowed("a list of statements, each with actions and resources", [{"actions": [EXAMPLE_ACTION], "resources": [EXAMPLE_RESOURCE]}]),
    ] = ()
    """What the application may do beside what the storefront needs."""


def _fewest_below_most(containers: "Containers", context: Context) -> Iterable[InitErrorDetails]:
    if containers.min_tasks > containers.max_tasks:
        yield fault(
            ("min_tasks",),
            f"more than max_tasks, which is {containers.max_tasks}",
            fix=[Assign(("max_tasks",), containers.min_tasks)],
            allowed="tasks, at least 1 and at most max_tasks",
        )


class Containers(
    options(
        StorefrontContainersArgs,
        limits={
            "min_tasks": Annotated[int, Field(ge=1, le=5000)],
            "max_tasks": Annotated[int, Field(ge=1, le=5000)],
        },
        texts={
            "port": Allowed("an unprivileged port, 1024 to 65535", 8080),
            "image": Allowed("an image by its digest or by a tag other than latest", EXAMPLE_IMAGE),
            "database_user": Allowed(
                "1 to 32 lower-case letters, digits and _, a letter first; not the master user, and no name that the engine reserves", "app"
            ),
            "min_tasks": Allowed("tasks, at least 1 and at most max_tasks", 2),
            "max_tasks": Allowed("tasks, at least min_tasks and at most 5000", 6),
        },
    )
):
    """The containers, and what they serve."""

    checks = (_fewest_below_most,)

    statements: Annotated[
        tuple[Statement, ...],
        Allowed("a list of statements, each with actions and resources", [{"actions": [EXAMPLE_ACTION], "resources": [EXAMPLE_RESOURCE]}]),
    ] = ()
    """What the application may do beside what the storefront needs."""


def _certificate_of_region(load_balancer: "LoadBalancer", context: Context) -> Iterable[InitErrorDetails]:
    arn, region = load_balancer.certificate_arn, context.region
    found = _CERTIFICATE.fullmatch(arn) if arn else None
    if arn and not found:
        yield fault(("certificate_arn",), "not the ARN of a certificate")
    if found and region is not None and found[1] != region:
        fixed = arn.replace(f":acm:{found[1]}:", f":acm:{region}:", 1) if arn else arn
        yield fault(
            ("certificate_arn",),
            f"the certificate is in {found[1]}, and a load balancer needs one in its own region",
            fix=[Assign(("certificate_arn",), fixed)],
        )


def _one_certificate(load_balancer: "LoadBalancer", context: Context) -> Iterable[InitErrorDetails]:
    rule = "certificate_arn, or domain_name and hosted_zone_id, for which a certificate is created; not both"
    pair = {"domain_name": load_balancer.domain_name, "hosted_zone_id": load_balancer.hosted_zone_id}
    examples = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
    given = [name for name, value in pair.items() if value is not None]
    if load_balancer.certificate_arn is not None and given:
        because = f"{' and '.join(given)} would create a second certificate"
        yield fault((given[0],), because, fix=[Remove((name,)) for name in given], allowed=rule)
    elif load_balancer.certificate_arn is None and not given:
        example = EXAMPLE_CERTIFICATE.replace("{region}", context.region or "eu-west-1")
        yield fault(("certificate_arn",), "HTTPS needs a certificate", fix=[Assign(("certificate_arn",), example)], allowed=rule)
    elif load_balancer.certificate_arn is None and len(given) == 1:
        missing = next(name for name in pair if name not in given)
        because = f"{given[0]} creates a certificate only together with it"
        yield fault((missing,), because, fix=[Assign((missing,), examples[missing])], allowed=rule)


def _no_wildcard(value: str) -> str:
    if value.startswith("*."):
        raise refuse("a wildcard, and this name is the address of the shop", f"shop.{value[2:]}")
    return value


class LoadBalancer(
    options(
        StorefrontLoadBalancerArgs,
        limits={"domain_name": Annotated[str, Field(max_length=253), AfterValidator(_no_wildcard)]},
        texts={
            "domain_name": Allowed("a host name in lower case", "shop.example.com"),
            "health_check_path": Allowed("a path that begins with a slash", "/healthz"),
            "certificate_arn": Allowed("the ARN of an ACM certificate in {region}", EXAMPLE_CERTIFICATE),
            "hosted_zone_id": Allowed("the id of a public Route 53 zone, Z and capitals or digits", "Z0123456789ABCDEFGHIJ"),
        },
    )
):
    """The load balancer and its certificate."""

    checks = (_certificate_of_region, _one_certificate)


def _none_is_everything(value: tuple[IPv4Network | IPv6Network, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    # WAF's IP sets refuse /0: https://docs.aws.amazon.com/waf/latest/APIReference/API_IPSet.html
    everything = next((index for index, cidr in enumerate(value) if cidr.prefixlen == 0), None)
    if everything is not None:
        raise refuse(f"{value[everything]} is the whole internet", Remove((everything,)))
    return value


def _blocked_or_allowed(firewall: "Firewall", context: Context) -> Iterable[InitErrorDetails]:
    for index, cidr in from_last(firewall.blocked_cidrs):
        if cidr in firewall.allowed_cidrs:
            place = ("blocked_cidrs", index)
            yield fault(place, "it is also in allowed_cidrs", fix=[Remove(place)], allowed="each network in one of the two lists")


class CountRule(options(CountRuleArgs, limits={"rule": Annotated[str, Matches("[A-Za-z0-9_/-]{1,128}", "a rule such as rate-limit")]})):
    """A rule that temporarily counts instead of blocking."""

    until: Annotated[date, Allowed("the last day of counting, in quotes, at most 90 days ahead", "2026-12-31")]
    """The last day of counting."""


class RuleException(
    options(
        WebExceptionArgs,
        limits={
            "rule": Annotated[
                str,
                Matches(
                    "(ip-reputation|common|known-bad-inputs|sql-injection)/[A-Za-z0-9_-]{1,70}",
                    "a managed group and a rule of it, such as common/SizeRestrictions_BODY",
                ),
            ],
        },
        texts={"reason": Allowed("reason, 1 to 256 letters, digits, spaces and _.:/=+-@", "customers upload pictures")},
    )
):
    """A rule inside a managed group that counts permanently, because it does not fit the application."""


class Firewall(
    options(
        WebApplicationFirewallOptions,
        limits={name: Annotated[list, AfterValidator(_none_is_everything)] for name in ("blocked_cidrs", "allowed_cidrs")},
        texts={
            "rate_limit": Allowed("requests per address in five minutes, 10 to 2000000000", 2000),
            "blocked_cidrs": Allowed("networks, none of them /0, each once", ["198.51.100.0/24"]),
            "allowed_cidrs": Allowed("networks, none of them /0, each once", ["203.0.113.0/24"]),
        },
    )
):
    """The web application firewall in front of the load balancer or, with a CDN, of that."""

    checks = (_blocked_or_allowed,)

    count_rules: Annotated[
        tuple[CountRule, ...],
        Allowed("rules that count temporarily, each with its last day", [{"rule": "rate-limit", "until": "2026-12-31"}]),
    ] = ()
    """Rules that count instead of block, while they are rolled out."""
    exceptions: Annotated[
        tuple[RuleException, ...],
        Allowed(
            "rules of managed groups that count permanently, each with a reason",
            [{"rule": "common/SizeRestrictions_BODY", "reason": "customers upload pictures"}],
        ),
    ] = ()
    """Rules inside managed groups that count permanently. Without any, bodies over 8 KB are blocked."""


class Cdn(
    options(
        StorefrontCdnArgs,
        # The web ACL of the CDN is that of the section `firewall`.
        without=("firewall",),
        texts={
            "prefix_list_id": Allowed(
                "the id of AWS's prefix list com.amazonaws.global.cloudfront.origin-facing in {region}", EXAMPLE_PREFIX_LIST
            ),
            "alarm_topic_arns": Allowed("ARNs of SNS topics in us-east-1, each once", [EXAMPLE_TOPIC.replace("{region}", "us-east-1")]),
        },
    )
):
    """The CDN in front of the load balancer, which alone reaches it."""


def _fewest_readers_below_most(replicas: "ReadReplicas", context: Context) -> Iterable[InitErrorDetails]:
    if replicas.min_readers > replicas.max_readers:
        yield fault(
            ("min_readers",),
            f"more than max_readers, which is {replicas.max_readers}",
            fix=[Assign(("max_readers",), replicas.min_readers)],
            allowed="readers, at least 1 and at most max_readers",
        )


class ReadReplicas(
    options(
        ReadReplicaOptions,
        # Of RDS instances, of which there are none: the password of the storefront's is managed.
        without=("instance_class", "max_allocated_storage_gib", "replicas", "deletion_protection"),
        texts={
            "reader_user_name": Allowed("the name of a database user, neither database_user nor the master user", "reader"),
            "min_readers": Allowed("readers, at least 1 and at most max_readers", 1),
            "max_readers": Allowed("readers, at least min_readers and at most 15", 3),
        },
    )
):
    """The read replicas: readers of an Aurora cluster, which autoscaling adds and removes, behind a proxy."""

    checks = (_fewest_readers_below_most,)


def topics(arns: Iterable[str]) -> list[str]:
    """Those of some texts that are topics: the others are a problem already."""
    return [arn for arn in arns if _TOPIC.fullmatch(arn)]


def _topics_of_region(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    for index, arn in from_last(storefront.alarm_topic_arns):
        found, place = _TOPIC.fullmatch(arn), ("alarm_topic_arns", index)
        if not found:
            yield fault(place, "not the ARN of a topic")
        elif context.region is not None and found[1] != context.region:
            fixed = arn.replace(f":sns:{found[1]}:", f":sns:{context.region}:", 1)
            yield fault(
                place, f"the topic is in {found[1]}, and an alarm can notify only topics in its own region", fix=[Assign(place, fixed)]
            )


def _servers_or_containers(storefront: "Storefront", context: Context) -> Iterable[InitErrorDetails]:
    given: Any = context.sections.get("storefront", {})
    named = [name for name in ("servers", "containers") if given.get(name) is not None]
    if len(named) == 2:
        yield fault(
            ("containers",),
            "the application runs on servers or in containers, and both are given",
            fix=[Remove(("servers",))],
            allowed="servers or containers; remove the other",
        )
    elif not named:
        yield fault(
            ("servers",),
            "the application runs nowhere: neither servers nor containers are given",
            fix=[Assign(("servers",), EXAMPLE_SERVERS)],
            allowed="servers, or containers instead",
        )


class Storefront(Model):
    """The web shop: servers or containers, load balancer and firewall."""

    checks = (_topics_of_region, _servers_or_containers)

    servers: Annotated[Servers | None, Allowed("an object", EXAMPLE_SERVERS)] = None
    """The servers. Exactly one of `servers` and `containers`."""
    containers: Annotated[Containers | None, Allowed("an object", EXAMPLE_CONTAINERS)] = None
    """The containers. Exactly one of `servers` and `containers`."""
    load_balancer: Annotated[LoadBalancer, Allowed("an object", {"certificate_arn": EXAMPLE_CERTIFICATE})]
    """The load balancer and its certificate."""
    cdn: Annotated[Cdn | None, Allowed("an object", {"prefix_list_id": EXAMPLE_PREFIX_LIST})] = None
    """A CDN in front. The load balancer is then an internal one, and needs `domain_name` and `hosted_zone_id`. Default: the load balancer
    faces the internet."""
    read_replicas: Annotated[ReadReplicas | None, Allowed(REPLICAS_ALLOWED, {"max_readers": 3})] = None
    """Read replicas of the database, behind a proxy. They need an engine of Aurora. Default: none."""
    firewall: Annotated[Firewall, Allowed("settings of the web application firewall", None)] = Field(
        default_factory=dict, validate_default=True
    )
    """The web application firewall."""
    artifact_force_destroy: Annotated[bool, Allowed("true or false", False)] = False
    """Whether `pulumi destroy` deletes the bucket with the application's versions. It fails while there are any."""
    alarm_topic_arns: Annotated[
        tuple[Annotated[str, Allowed("the ARN of an SNS topic in {region}", EXAMPLE_TOPIC)], ...],
        AfterValidator(each_once),
        Allowed("ARNs of SNS topics in {region}, each once", [EXAMPLE_TOPIC]),
    ] = ()
    """SNS topics for alarms. Without topics and addresses, no alarms are created."""
    alarm_email_addresses: Annotated[
        tuple[
            Annotated[
                str, Matches(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address"), Allowed("an e-mail address", "operations@example.com")
            ],
            ...,
        ],
        AfterValidator(each_once),
        Allowed("e-mail addresses, each once", ["operations@example.com"]),
    ] = ()
    """Who hears of alarms by e-mail; each address is asked to confirm first."""

    @property
    def application(self) -> Servers | Containers:
        """The servers or the containers: a rule refuses neither and both."""
        application = self.containers if self.servers is None else self.servers
        if application is None:
            raise TypeError("a storefront without servers and containers is no valid one")
        return application
