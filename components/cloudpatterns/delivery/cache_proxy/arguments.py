"""The arguments of ``CacheProxy``: what a user tunes, and where the proxies stand."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute import ScaleOutScaling, ScaleOutServerOptions
from cloudpatterns.core import Choice, Keys, Matches, Unique, WorkloadStatementArgs
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, LogRetentionDays, Port, SecurityGroupIds, SubnetIdsByZones, Tags
from cloudpatterns.network import LoadBalancerOptions

HOST_NAME = r"([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
BUCKET_HOST = r"[a-z0-9-]+\.s3\.[a-z0-9-]+\.amazonaws\.com(\.cn)?"


class CacheProxyService(TypedDict):
    """Servers or containers whose name Cloud Map, or a load balancer, has in DNS."""

    host_name: Annotated[pulumi.Input[str], Matches(HOST_NAME, "a host name in lower case such as articles.shop.internal")]
    """Name that resolves in the VPC, such as one of ``host_names`` of ``ServiceDiscovery``. It is resolved again when its TTL is over, and
    one address after the other is tried."""
    port: NotRequired[Port]
    """Port of the servers. Default: 80, for ``https`` 443."""
    protocol: NotRequired[Annotated[str, Choice("http", "https"), Field(default="http")]]
    """Protocol of the servers. ``https`` checks the certificate."""
    tls_server_name: NotRequired[Annotated[str, Matches(HOST_NAME, "a host name in lower case such as articles.shop.example")]]
    """Name in the servers' certificate. Default: ``host_name``."""


class CacheProxyBucket(TypedDict):
    """A private bucket, whose objects the proxies' role may read: the path of a request is the key of the object."""

    arn: Annotated[pulumi.Input[str], Matches(r"arn:[^:]+:s3:::[a-z0-9-]+", "the ARN of a bucket such as arn:aws:s3:::pictures")]
    """``bucket_arn`` of a ``DurableBucket``, for instance."""
    regional_domain_name: Annotated[
        pulumi.Input[str],
        Matches(BUCKET_HOST, "the host name of a bucket in its Region such as pictures.s3.eu-west-1.amazonaws.com"),
    ]
    """``bucket_regional_domain_name`` of the bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the objects, whose policy lets the account's roles use it. Default: the role may use no key."""


class CacheProxyOrigin(TypedDict):
    """Where the responses of a path come from: exactly one of ``service`` and ``bucket``."""

    service: NotRequired[CacheProxyService]
    """Servers or containers. Exactly one of this and ``bucket``."""
    bucket: NotRequired[CacheProxyBucket]
    """A private bucket. Exactly one of this and ``service``."""
    default_ttl_seconds: NotRequired[Annotated[int, Field(default=0, ge=0, le=31_536_000)]]
    """How long responses without Cache-Control and Expires are kept; 0 keeps none of them."""


class CacheProxyOptions(ScaleOutServerOptions):
    """What the proxies are, how many, where responses come from and how they are cached. Spot is not offered: a reclaimed proxy drains
    for two minutes at most. An image of yours is Amazon Linux 2023 with the SSM Agent, and with SELinux as it comes, permissive: enforcing,
    it would keep nginx from its cache.
    """

    origins: Annotated[
        dict[str, CacheProxyOrigin],
        Keys(r"/([A-Za-z0-9._~-]+/)*", "a path with a slash at both ends such as /pictures/"),
        Field(min_length=1, max_length=50),
    ]
    """Origins by the beginning of the path, of which the longest counts; ``/`` is for all others, which get 404 without it."""
    min_size: NotRequired[Annotated[int, Field(default=2, ge=2)]]
    """Fewest proxies, and the number at the first deployment."""
    max_size: Annotated[int, Field(ge=2)]
    """Most proxies."""
    scaling: NotRequired[Annotated[ScaleOutScaling, Field(default={})]]
    """When the group grows and shrinks."""
    load_balancer: LoadBalancerOptions
    """The load balancer, see ``LoadBalancer``. Its ``health_check_path`` (default: ``/cache-proxy/health``) is answered by the proxies
    themselves, whatever the origins do; ``deregistration_delay_seconds`` is above ``longest_request_seconds``."""
    longest_request_seconds: NotRequired[Annotated[int, Field(default=60, ge=5, le=3_000)]]
    """How long an origin may keep a request waiting, and for how long a proxy that is stopped completes its requests."""
    cache_gib: NotRequired[Annotated[int, Field(default=10, ge=1, le=10_000)]]
    """Size of each proxy's cache, on its root disk."""
    stale_hours: NotRequired[Annotated[int, Field(default=24, ge=1, le=8_760)]]
    """How long a copy stays that nobody asks for; while its origin is down, an old one is served for as long."""
    max_body_mib: NotRequired[Annotated[int, Field(default=10, ge=1, le=10_240)]]
    """Largest body of a request."""
    private_cookies: NotRequired[
        Annotated[list[Annotated[str, Matches(r"[A-Za-z0-9!#%&'*+.^_`|~-]{1,128}", "the name of a cookie")],], Unique()]
    ]
    """Cookies that make a request private: it goes to the origin, and its response is not cached. All others then change no response.
    Default: any cookie."""
    purge_max_errors: NotRequired[Annotated[int, Field(default=0, ge=0)]]
    """Proxies that may fail in a purge without a failure of it."""
    certificate_authorities: NotRequired[
        Annotated[pulumi.Input[str], Matches(r"-----BEGIN CERTIFICATE-----[\s\S]+", "certificates in PEM")]
    ]
    """Certificate authorities of services with ``https``, in PEM. Default: the public ones."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log group keeps the logs of the proxies."""


class CacheProxyArgs(CacheProxyOptions):
    """Arguments of ``CacheProxy``."""

    vpc_id: pulumi.Input[str]
    """The VPC."""
    subnet_ids_by_zone: SubnetIdsByZones
    """Private subnets of the proxies, one per zone. They reach the origins, S3, Systems Manager and CloudWatch Logs."""
    security_group_ids: SecurityGroupIds
    """Security groups of the proxies, which admit the load balancer's at ``target_port``."""
    load_balancer_subnet_ids_by_zone: SubnetIdsByZones
    """Subnets of the load balancer, in each zone of the proxies; public ones where it is not ``internal``."""
    load_balancer_security_group_ids: SecurityGroupIds
    """Security groups of the load balancer."""
    internal: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the load balancer has private addresses only."""
    target_port: NotRequired[Annotated[Port, Field(default=8080, ge=1024)]]
    """Port of the proxies, 1024 or above."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the proxies' role may do beside what they need."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the disks, see ``ScaleOut``. Default: the AWS managed key for EBS."""
    log_kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the log group; its policy must let CloudWatch Logs use it. Default: CloudWatch Logs' own."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of old copies that are served, of purges that failed, and of what group and load balancer report; at most
    four, or five without ``scaling.by_cpu``."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some, and of the instances, disks and network interfaces."""
