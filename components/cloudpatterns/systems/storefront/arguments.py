"""Arguments of ``Storefront``: the options of the components that it composes, and where it stands."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute import ContainerServiceOptions, ScaleOutOptions
from cloudpatterns.core import Choice, Matches, Unique, WorkloadStatementArgs
from cloudpatterns.core.vocabulary import (
    AlarmTopicArns,
    Cidr,
    DualStack,
    ImageParameter,
    KmsKeyArn,
    LogRetentionDays,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database import InMemoryCacheOptions, ReadReplicaOptions, RelationalDatabaseOptions
from cloudpatterns.delivery import ContentDeliveryNetworkOptions
from cloudpatterns.network import LoadBalancerOptions, OperatorArgs, WebApplicationFirewallOptions

# An unprivileged port. The boot script would refuse others, but only when the endpoints are known: in the middle of a deployment.
_AppPort = Annotated[int, Field(default=8080, ge=1024, le=65_535)]
_DatabaseUser = Annotated[
    str, Matches("[a-z][a-z0-9_]{0,31}", "1 to 32 lower-case letters, digits and _, a letter first"), Field(default="app")
]


class StorefrontContainersArgs(ContainerServiceOptions):
    """The containers, a service of ``ContainerService``, and what they serve. The image listens on ``$PORT``."""

    port: NotRequired[_AppPort]
    """Port on which the application listens."""
    database_user: NotRequired[_DatabaseUser]
    """The application's own user in the database, which logs in through IAM; ``database_user_sql`` creates it."""
    database_certificates: NotRequired[pulumi.Input[str]]
    """Certificates in PEM that the application trusts as its database's, in its variable ``DATABASE_CERTIFICATES``. Default: those of RDS
    in the region."""


class StorefrontServersArgs(ScaleOutOptions):
    """The servers, an Auto Scaling group of ``ScaleOut``, and what they serve."""

    image_parameter: NotRequired[ImageParameter]
    """SSM parameter that names the image, see ``ScaleOut``. Not with ``image_id``. Default: without ``image_id``, that of the newest Amazon
    Linux 2023 for the architecture of ``instance_types``."""
    app_port: NotRequired[_AppPort]
    """Port of the application."""
    # No wildcard: the role may read what stands here.
    artifact_uri: NotRequired[
        Annotated[
            pulumi.Input[str],
            Matches(r"s3://[a-z0-9.-]{3,63}/[^\x00-\x1f\x7f*?]{1,1024}", "an object in S3 such as s3://bucket/app.tar.gz"),
        ]
    ]
    """The application, a ``.tar.gz`` in S3. Default: a page that says that the server runs."""
    artifact_sha256: NotRequired[Annotated[str, Matches("[0-9a-f]{64}", "64 hexadecimal digits in lower case")]]
    """SHA-256 of the artifact, and so its version: another one replaces the servers. Required with ``artifact_uri``."""
    artifact_kind: NotRequired[Annotated[str, Choice("app", "static"), Field(default="app")]]
    """What the artifact is. ``app``: its executable ``bin/start`` listens on ``$PORT``. ``static``: files with an ``index.html``, served by
    nginx. A server whose artifact is something else fails its boot."""
    artifact_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the artifact, which the servers may then use. Default: none."""
    packages: NotRequired[
        Annotated[
            list[Annotated[str, Matches("[A-Za-z0-9][A-Za-z0-9._+-]*", "a package of Amazon Linux such as python3.13")]],
            Unique(),
            Field(default=[]),
        ]
    ]
    """Packages of Amazon Linux that are installed before the application starts."""
    environment: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """More environment variables of the application; never a secret, as user data can be read: pass its ARN."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the application may do beside what the storefront needs, as in ``WorkloadRole``."""
    managed_policy_arns: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={}, max_length=10)]]
    """Managed policies of the servers' role, by a short name of your choice, for what ``statements`` cannot say: see ``WorkloadRole``."""
    database_user: NotRequired[_DatabaseUser]
    """The application's own user in the database, which logs in through IAM; ``database_user_sql`` creates it."""
    database_certificates: NotRequired[pulumi.Input[str]]
    """Certificates in PEM that the application trusts as its database's. Default: those of RDS in the region."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of the servers are kept."""


class StorefrontLoadBalancerArgs(LoadBalancerOptions):
    """The load balancer, see ``LoadBalancer``."""

    health_check_path: NotRequired[
        Annotated[str, Matches("/[A-Za-z0-9._~/-]*", "a URL path such as /healthz"), Field(default="/healthz", max_length=1024)]
    ]
    """Path that answers 200 while a server or container is healthy."""
    log_retention_days: NotRequired[Annotated[int, Field(default=365, ge=1, le=3653)]]
    """Days that the access logs are kept."""


class StorefrontCdnArgs(ContentDeliveryNetworkOptions):
    """The CDN in front, see ``ContentDeliveryNetwork``, of which the load balancer is the only origin. Its web ACL is that of the
    storefront's ``firewall``. What no behaviour says otherwise about is not cached.
    """

    prefix_list_id: Annotated[pulumi.Input[str], Matches("pl-[0-9a-f]+", "the id of a managed prefix list such as pl-4fa04526")]
    """AWS's prefix list com.amazonaws.global.cloudfront.origin-facing in this Region. Its networks alone reach the load balancer; it counts
    as 55 rules."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics in us-east-1, where CloudFront's metrics are, which the CDN's alarm notifies."""


class StorefrontOptions(TypedDict):
    """What a user tunes of a storefront."""

    servers: NotRequired[StorefrontServersArgs]
    """The application on servers. Exactly one of ``servers`` and ``containers``."""
    containers: NotRequired[StorefrontContainersArgs]
    """The application in containers. Exactly one of ``servers`` and ``containers``. To change from one to the other replaces the target
    group and the application; network, firewalls, load balancer, database and cache stay, and so does the database's user."""
    load_balancer: StorefrontLoadBalancerArgs
    """The load balancer: a certificate at least, ``certificate_arn``, or ``domain_name`` with ``hosted_zone_id``."""
    cdn: NotRequired[StorefrontCdnArgs]
    """A CDN in front: the load balancer becomes an internal one in the private subnets, which CloudFront alone reaches. Needs the
    ``domain_name`` and ``hosted_zone_id`` of ``load_balancer``. Default: the load balancer faces the internet."""
    database: RelationalDatabaseOptions
    """The database, see ``RelationalDatabase``."""
    read_replicas: NotRequired[ReadReplicaOptions]
    """Readers of the database behind a proxy, see ``ReadReplica``; ``{}`` has the defaults. Needs Aurora: elsewhere RDS creates no replica
    of a database whose password it manages. The application verifies the proxy's certificate, one of Amazon's public ones, with the
    system's roots. Default: none."""
    cache: InMemoryCacheOptions
    """The cache, see ``InMemoryCache``."""
    firewall: NotRequired[Annotated[WebApplicationFirewallOptions, Field(default={})]]
    """The web application firewall, see ``WebApplicationFirewall``, at the load balancer or, with ``cdn``, at the CDN. Without exceptions,
    bodies over 8 KB are blocked."""
    alarm_email_addresses: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address such as operations@example.com")]],
            Unique(),
            Field(default=[]),
        ]
    ]
    """Who hears of alarms by e-mail: a topic is created for them. Each address is asked to confirm first, and hears nothing until then."""
    operators: NotRequired[Annotated[dict[str, OperatorArgs], Field(default={}, max_length=4)]]
    """Who may reach administrative ports of the servers or containers, and from where, by role. Session Manager and ECS Exec open a shell
    without a port."""


class StorefrontArgs(StorefrontOptions):
    """Arguments of ``Storefront``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    public_subnet_ids_by_zone: SubnetIdsByZones
    """Public subnets of the load balancer. With ``cdn`` they are not used."""
    private_subnet_ids_by_zone: SubnetIdsByZones
    """Private subnets of the servers or containers."""
    data_subnet_ids_by_zone: SubnetIdsByZones
    """Data subnets of database and cache."""
    endpoint_cidr: NotRequired[Cidr]
    """Network of the VPC's interface endpoints, which the application may reach on port 443; usually the VPC's. Default: no endpoints."""
    s3_prefix_list_id: NotRequired[pulumi.Input[str]]
    """Prefix list of S3, which the application may reach on port 443: packages of Amazon Linux and the layers of images come from there.
    Default: no access to S3."""
    internet_egress: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the application may open HTTPS connections to the internet, through a NAT."""
    dual_stack: NotRequired[DualStack]
    """Whether the load balancer has IPv6 addresses as well; the public subnets must have them."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of database and cache; its policy must let CloudWatch Logs use it. Default: a new key for each."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics that alarms notify, beside that of ``alarm_email_addresses``."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
