"""One example per component, as a small program: the schema's descriptions show it in each language.

A function is named after the component's module. Its statements create components, with arguments of plain values, constants of this
module, outputs (``network.vpc_id``) and entries of outputs (``firewall.security_group_ids["web"]``): what ``snippets`` can write in
every language. Tests run each function, and create from the YAML what the function creates.
"""

from cloudpatterns.compute import (
    AutoRecovery,
    Bootstrap,
    CloneServer,
    CloudDependencyInjection,
    ContainerService,
    DistributedProcessing,
    MultiDatacenter,
    MultiServer,
    ScaleOut,
    ScaleUp,
    Stamp,
)
from cloudpatterns.database import (
    Cqrs,
    DatabasePerService,
    DataWarehouse,
    GlobalTable,
    InMemoryCache,
    ReadReplica,
    RelationalDatabase,
    SearchIndex,
    ShardingWrite,
    StateSharing,
)
from cloudpatterns.delivery import (
    CacheProxy,
    ContentDeliveryNetwork,
    DirectStorageHosting,
    DnsFailover,
    LatencyRouting,
    PrivateDataDelivery,
    RegionalCertificates,
    RenameDistribution,
    UrlRewriting,
    WeightedTransition,
)
from cloudpatterns.messaging import (
    EventBus,
    EventStream,
    FanOut,
    JobObserver,
    KafkaStream,
    PriorityQueue,
    QueueWorker,
    QueuingChain,
    ScheduledTask,
    Workflow,
)
from cloudpatterns.network import (
    ApiGateway,
    FloatingIp,
    FunctionalFirewall,
    LoadBalancer,
    ManagementNetwork,
    MultiLoadBalancer,
    Network,
    OnDemandNat,
    OperationalFirewall,
    ServiceDiscovery,
    ServiceMesh,
    WebApplicationFirewall,
    ZeroTrustNetwork,
)
from cloudpatterns.operations import (
    BuildAgents,
    CostGuard,
    DeliveryPipeline,
    MonitoringIntegration,
    OfficeHours,
    StackDeployment,
    TemporaryEnvironment,
)
from cloudpatterns.resilience import CircuitBreaker, DeepHealthCheck, RetryPolicy, ShuffleSharding
from cloudpatterns.security import AuditTrail, GoldenEnvironment, SecretsVault, UserDirectory, WorkloadRole
from cloudpatterns.storage import (
    DurableBucket,
    HighAvailabilityStorage,
    HybridBackup,
    NfsSharing,
    OnDemandDisk,
    Snapshot,
    WebStorageArchive,
)
from cloudpatterns.systems import (
    EventNotification,
    GlobalService,
    LegacyBackup,
    MediaProcessing,
    OrderProcessing,
    SecureFileSharing,
    Storefront,
)
from cloudpatterns.uploads import DirectObjectUpload, StorageIndex, WriteProxy

ZONES = ["eu-west-1a", "eu-west-1b"]
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000001"
WORKER_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/worker@sha256:0000000000000000000000000000000000000000000000000000000000000001"
USER_POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi"
STAFF_CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/00000000-0000-4000-8000-000000000002"
APP_IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app@sha256:0000000000000000000000000000000000000000000000000000000000000002"
INTERNAL_BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/api/50dc6c495c0c9188"
SIGNING_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEjvpsm8iZkJyVeBgN7NuYpsj0mT5C
PZ67/d/XFtjxK68iOkwUhU0u0N7vB/eltGiZyBPFvzY4CYSRFhPhKfbi/g==
-----END PUBLIC KEY-----
"""
WEB_SERVER = """schemaVersion: 1.0
phases:
  - name: build
    steps:
      - {name: Install, action: ExecuteBash, inputs: {commands: [dnf --assumeyes install nginx, systemctl enable nginx]}}
  - name: test
    steps:
      - {name: Page, action: ExecuteBash, inputs: {commands: [curl --fail http://127.0.0.1/]}}
"""
GOLDEN_BUCKET = """Resources:
  Files:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
"""
ORDERS_TABLE = """Parameters:
  Billing: {Type: String}
Resources:
  Orders:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      BillingMode: !Ref Billing
      AttributeDefinitions: [{AttributeName: order, AttributeType: S}]
      KeySchema: [{AttributeName: order, KeyType: HASH}]
Outputs:
  TableName: {Value: !Ref Orders}
"""


def api_gateway() -> None:
    """An HTTP API in front of a function and a queue, for the clients of a user pool."""
    ApiGateway(
        "shop",
        {
            "kind": "http",
            "authorizers": {"customers": {"user_pool": {"user_pool_arns": [USER_POOL], "client_ids": ["1example23456789"]}}},
            "default_authorizer": "customers",
            "routes": {
                "GET /orders/{id}": {"function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:orders"},
                "POST /orders": {"queue": {"queue_arn": "arn:aws:sqs:eu-west-1:123456789012:orders"}},
            },
        },
    )


def audit_trail() -> None:
    """A trail under lock with alarms on the root user and on whoever switches it off, beside AWS Config and GuardDuty."""
    AuditTrail(
        "audit",
        {
            "retention_days": 400,
            "recorder": {},
            "detector": {},
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:security"],
        },
    )


def auto_recovery() -> None:
    """A licence server and a VPN server, which move to other hardware when theirs fails."""
    AutoRecovery(
        "hosts",
        {
            "region": "eu-west-1",
            "instance_ids": {"licence": "i-0abc1234def567890", "vpn": "i-0abc1234def567891"},
            "reboot": True,
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def bootstrap() -> None:
    """A script that new servers run, and that Systems Manager runs on those that are there."""
    Bootstrap(
        "boot",
        {
            "scripts": [{"name": "install-nginx", "content": "#!/bin/bash\nset -euo pipefail\ndnf --assumeyes --quiet install nginx\n"}],
            "environment": {"PORT": "8080"},
            "running_instances": {"key": "Name", "value": "web"},
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def build_agents() -> None:
    """Agents on Spot for long tests: one in working hours, more with the jobs, and none at night unless jobs wait."""
    BuildAgents(
        "tests",
        {
            "agents": {
                "instance_types": ["c7g.xlarge", "c6g.xlarge"],
                "max_size": 12,
                "setup_script": "dnf --assumeyes --quiet install git make",
                "job_command": "git clone --quiet https://github.com/example/shop.git . && make test",
                "hours": {"time_zone": "Europe/Dublin", "start": "08:00", "end": "18:00"},
            },
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids_by_zone": {"eu-west-1a": "subnet-0123456789abcdef0", "eu-west-1b": "subnet-0123456789abcdef1"},
        },
    )


def cache_proxy() -> None:
    """Proxies before the articles of a newspaper, which Cloud Map finds, and a bucket of pictures."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {
            "vpc_id": network.vpc_id,
            "functions": {
                "readers": {},
                "https": {"internet": False, "callers": ["readers"]},
                "proxies": {"ports": [8080], "callers": ["https"]},
            },
        },
    )
    pictures = DurableBucket("pictures", {"kind": "data"})
    CacheProxy(
        "cache",
        {
            "origins": {
                "/": {"service": {"host_name": "articles.news.internal", "port": 8000}},
                "/pictures/": {
                    "bucket": {
                        "arn": pictures.bucket_arn,
                        "regional_domain_name": pictures.bucket_regional_domain_name,
                        "kms_key_arn": pictures.kms_key_arn,
                    },
                    "default_ttl_seconds": 86400,
                },
            },
            "private_cookies": ["session"],
            "instance_types": ["t4g.small"],
            "max_size": 6,
            "load_balancer": {"certificate_arn": CERTIFICATE, "http_redirect": False},
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["proxies"]],
            "load_balancer_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "load_balancer_security_group_ids": [firewall.security_group_ids["https"]],
        },
    )


def circuit_breaker() -> None:
    """The circuits of two dependencies: one opens at half of the calls, one at five failures in a minute."""
    CircuitBreaker(
        "calls",
        {
            "dependencies": {"payments": {}, "card-bank": {"failures": 5, "window_seconds": 60}},
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def clone_server() -> None:
    """A master, and two to six clones that have its files five minutes later, and its installation the day after."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {"vpc_id": network.vpc_id, "functions": {"https": {"internet": True}, "web": {"ports": [80], "callers": ["https"]}, "master": {}}},
    )
    CloneServer(
        "blog",
        {
            "first_image_id": "ami-0abc1234def567890",
            "master": {"instance_type": "t4g.medium", "image_id": "ami-0abc1234def567890", "root_disk_gib": 20},
            "master_subnet_id": network.private_subnet_ids_by_zone["eu-west-1a"],
            "master_security_group_ids": [firewall.security_group_ids["master"]],
            "clones": {"instance_types": ["t4g.small"], "min_size": 2, "max_size": 6},
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["web"]],
            "content": {"folder": "/var/www/html"},
        },
    )


def cloud_dependency_injection() -> None:
    """Servers of one image that read what they need as web servers of production."""
    CloudDependencyInjection(
        "shop",
        {
            "app": "shop",
            "env": "prod",
            "role": "web",
            "parameters": {"CATALOGUE_HOST": "catalogue.internal.example.com"},
            "unit": "shop.service",
            "instance_types": ["m7g.large"],
            "image_parameter": IMAGE,
            "min_size": 2,
            "max_size": 6,
            "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
            "security_group_ids": ["sg-0123456789abcdef0"],
        },
    )


def container_service() -> None:
    """Two to ten tasks behind a load balancer."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"https": {"internet": True}, "app": {"callers": ["https"]}}}
    )
    web = LoadBalancer(
        "web",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["https"]],
            "target_port": 8080,
            "target_type": "ip",
            "certificate_arn": CERTIFICATE,
        },
    )
    ContainerService(
        "app",
        {
            "image": APP_IMAGE,
            "port": 8080,
            "min_tasks": 2,
            "max_tasks": 10,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["app"]],
            "target_group_arns": [web.target_group_arn],
            "load_balancer_arn_suffix": web.arn_suffix,
        },
    )


def content_delivery_network() -> None:
    """Pages from a bucket, and an API behind an internal load balancer, under one name."""
    ContentDeliveryNetwork(
        "shop",
        {
            "domain_names": ["shop.example.com"],
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "origins": {
                "pages": {"bucket": {"regional_domain_name": "shop-pages.s3.eu-west-1.amazonaws.com"}},
                "api": {"load_balancer": {"arn": INTERNAL_BALANCER, "domain_name": "api.example.com"}},
            },
            "default_behavior": {"origin": "pages"},
            "behaviors": [{"path_pattern": "/api/*", "origin": "api"}],
        },
    )


def cost_guard() -> None:
    """A budget of which people hear at a half and four fifths of it, and when the forecast reaches it; and unusual costs, daily."""
    CostGuard(
        "costs",
        {
            "budgets": {"all": {"limit": 2000}, "shop": {"limit": 500, "tag": {"key": "CostCenter", "values": ["4711"]}}},
            "email_addresses": ["operations@example.com"],
            "anomalies": {
                "existing_monitor_arns": ["arn:aws:ce::123456789012:anomalymonitor/00000000-0000-4000-8000-000000000001"],
            },
        },
    )


def cqrs() -> None:
    """Orders by their number for commands, and for queries by customer."""
    Cqrs(
        "orders",
        {
            "projections": {
                "customers": {
                    "attributes": ["customer", "placed_at", "total"],
                    "indexes": {"by-customer": {"partition_key": {"name": "customer"}, "sort_key": {"name": "placed_at"}}},
                },
            },
            "partition_key": {"name": "order"},
        },
    )


def data_warehouse() -> None:
    """Sales of a shop for reports, in the private subnets of three zones."""
    DataWarehouse(
        "sales",
        {
            "database_name": "sales",
            "max_capacity_rpus": 64,
            "subnet_ids_by_zone": {
                "eu-west-1a": "subnet-0aaaaaaaaaaaaaaaa",
                "eu-west-1b": "subnet-0bbbbbbbbbbbbbbbb",
                "eu-west-1c": "subnet-0cccccccccccccccc",
            },
            "security_group_ids": ["sg-0aaaaaaaaaaaaaaaa"],
        },
    )


def database_per_service() -> None:
    """Baskets in a table, a catalogue in DocumentDB: each service reaches its own store alone."""
    DatabasePerService(
        "shop",
        {
            "services": {"basket": {"table": {"partition_key": {"name": "customer"}}}, "catalogue": {"documents": {}}},
            "vpc_id": "vpc-0aaaaaaaaaaaaaaaa",
            "subnet_ids_by_zone": {"eu-west-1a": "subnet-0aaaaaaaaaaaaaaaa", "eu-west-1b": "subnet-0bbbbbbbbbbbbbbbb"},
        },
    )


def deep_health_check() -> None:
    """A private check of a database, each minute, which an alarm and a Route 53 health check follow."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"health": {}, "db": {"ports": [5432], "callers": ["health"]}}}
    )
    DeepHealthCheck(
        "shop",
        {
            "layers": {"database": {"tcp": {"host": "db.shop.internal", "port": 5432}}},
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["health"]],
        },
    )


def delivery_pipeline() -> None:
    """Roles for GitHub Actions, without a stored key."""
    DeliveryPipeline(
        "delivery",
        {
            "repository": "example-org/shop",
            "environments": {
                "prod": {
                    "apply_policy_arns": {"network": "arn:aws:iam::aws:policy/AmazonVPCFullAccess"},
                    "permissions_boundary_arn": "arn:aws:iam::123456789012:policy/boundary",
                },
            },
        },
    )


def direct_object_upload() -> None:
    """Avatars that browsers upload from one origin."""
    DirectObjectUpload(
        "uploads",
        {
            "forms": {"avatars": {"content_types": ["image/png", "image/jpeg"], "max_size_mib": 2}},
            "allowed_origins": ["https://shop.example.com"],
        },
    )


def direct_storage_hosting() -> None:
    """A documentation from a private bucket, with a copy in another Region."""
    DirectStorageHosting(
        "docs",
        {
            "domain_names": ["docs.example.com"],
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "replication": {"region": "eu-central-1"},
        },
    )


def distributed_processing() -> None:
    """Jobs on Fargate Spot that resize the pictures of an input bucket."""
    DistributedProcessing(
        "pictures",
        {
            "jobs": {"resize": {"image": WORKER_IMAGE, "cpu_units": 1024, "attempts": 5}},
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids_by_zone": {"eu-west-1a": "subnet-0123456789abcdef0", "eu-west-1b": "subnet-0123456789abcdef1"},
            "internet_egress": True,
        },
    )


def dns_failover() -> None:
    """A shop whose clients get a page from another Region while its deep health check fails."""
    DnsFailover(
        "shop",
        {
            "domain_name": "shop.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "primary": {
                "alias": {"dns_name": "shop-1.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"},
                "domain_name": "origin.shop.example.com",
            },
            "primary_region": "eu-west-1",
            "health_check": {"domain_name": "origin.shop.example.com"},
        },
    )


def durable_bucket() -> None:
    """A bucket whose objects are locked for a week."""
    DurableBucket("invoices", {"kind": "data", "object_lock": {"mode": "GOVERNANCE", "retention_days": 7}})


def event_bus() -> None:
    """A bus whose large orders reach a function, and all orders a queue."""
    EventBus(
        "shop",
        {
            "rules": {
                "orders": {"event_pattern": {"source": ["shop.orders"]}, "targets": {"ledger": {"queue": {}}}},
                "large": {
                    "event_pattern": {"source": ["shop.orders"], "detail": {"total": [{"numeric": [">", 1000]}]}},
                    "targets": {"check": {"function": {"image_uri": WORKER_IMAGE}}},
                },
            },
        },
    )


def event_notification() -> None:
    """Webhooks of a billing system, which Slack shows by day, and of which critical ones are pages."""
    EventNotification(
        "alerts",
        {
            "webhooks": {"billing": {"secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:billing-a1b2c3"}},
            "api": {"account_logging_role": "existing"},
            "channels": {
                "slack": {
                    "kind": "slack",
                    "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:slack-a1b2c3",
                    "quiet_hours": {"time_zone": "Europe/Berlin", "start": "20:00", "end": "07:00"},
                },
                "pager": {
                    "kind": "pagerduty",
                    "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:pagerduty-a1b2c3",
                    "severities": ["critical"],
                },
            },
        },
    )


def event_stream() -> None:
    """A stream on demand, a function that reads it, and an archive of all records."""
    EventStream(
        "sales",
        {
            "retention_hours": 72,
            "consumers": {"stock": {"function": {"image_uri": WORKER_IMAGE}, "parallelization_factor": 4}},
            "archive": {"prefix": "sales/"},
        },
    )


def fan_out() -> None:
    """A topic of orders; every order is shipped, and the paid ones get an invoice."""
    FanOut("orders", {"subscribers": {"shipping": {}, "invoices": {"filter_policy": {"state": ["paid"]}}}})


def floating_ip() -> None:
    """Two servers, of which one has the public address."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"web": {"ports": [443], "internet": True}}})
    FloatingIp(
        "site",
        {
            "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["web"]],
            "instance_type": "t4g.micro",
            "image_parameter": IMAGE,
        },
    )


def functional_firewall() -> None:
    """The internet reaches https, https reaches the application, and the application reaches the database."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    FunctionalFirewall(
        "firewall",
        {
            "vpc_id": network.vpc_id,
            "functions": {
                "https": {"internet": True},
                "app": {"ports": [8080], "callers": ["https"]},
                "mysql": {"callers": ["app"]},
            },
        },
    )


def global_service() -> None:
    """A cell of a stack of its own: it serves players from Ireland, and those of the cell in Virginia when that fails."""
    GlobalService(
        "players",
        {
            "domain_name": "players.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "existing_table": {
                "arn": "arn:aws:dynamodb:eu-west-1:123456789012:table/players",
                "kms_key_arns_by_region": {"eu-west-1": "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000000"},
                "partition_key": {"name": "id"},
            },
            "api": {"kind": "http"},
            "functions": {"profiles": {"image_uri": WORKER_IMAGE}},
            "routes": {"GET /profiles/{id}": {"function": "profiles", "iam_authorization": True}},
            "cells": {"eu-west-1": {"region": "eu-west-1"}},
            "other_cells": {"us-east-1": {"region": "us-east-1"}},
            "certificate_arns_by_region": {"eu-west-1": CERTIFICATE},
        },
    )


def global_table() -> None:
    """Profiles of players, which servers of two Regions read and write next to them."""
    GlobalTable("profiles", {"partition_key": {"name": "player"}, "replicas": {"us-east-1": {}}})


def golden_environment() -> None:
    """Buckets that developers launch without the right to create one."""
    GoldenEnvironment(
        "golden",
        {
            "owner": "Platform team",
            "products": {
                "bucket": {
                    "versions": {"v1": {"template": GOLDEN_BUCKET}},
                    "statements": [
                        {"actions": ["s3:CreateBucket", "s3:DeleteBucket", "s3:PutBucketTagging"], "resources": ["arn:aws:s3:::sc-*"]}
                    ],
                }
            },
            "users": {"developers": {"principal_arn": "arn:aws:iam::123456789012:role/developers"}},
        },
    )


def high_availability_storage() -> None:
    """Assets that web servers read and a CDN serves."""
    HighAvailabilityStorage(
        "shop", {"cdn_domain_name": "cdn.example.com", "release": "2026-11-30", "reader_role_names": {"web": "shop-web"}}
    )


def hybrid_backup() -> None:
    """The nightly backup of a database server outside AWS, which has a certificate of a private CA."""
    HybridBackup(
        "office",
        {
            "private_ca_arn": "arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/00000000-0000-4000-8000-000000000003",
            "servers": {"db": {"common_name": "db1.example.com", "folders": ["/var/backups"]}},
        },
    )


def in_memory_cache() -> None:
    """A cache with failover to the other zone."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"client": {}, "redis": {"callers": ["client"]}}})
    InMemoryCache(
        "cache",
        {
            "engine": "valkey",
            "node_type": "cache.t4g.small",
            "replicas": 1,
            "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["redis"]],
        },
    )


def job_observer() -> None:
    """None to twenty instances, as many as the jobs in the queue need."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"worker": {}}})
    JobObserver(
        "films",
        {
            "job_seconds": 600,
            "most_wait_seconds": 1200,
            "workers": {"instance_types": ["c7g.xlarge"], "image_parameter": IMAGE, "min_size": 0, "max_size": 20},
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["worker"]],
        },
    )


def kafka_stream() -> None:
    """A serverless cluster that the clients of one security group may reach."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"client": {}}})
    KafkaStream(
        "orders",
        {
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "vpc_id": network.vpc_id,
            "client_security_group_ids": {"client": firewall.security_group_ids["client"]},
        },
    )


def latency_routing() -> None:
    """An API in two Regions, whose clients get the nearest one that is healthy."""
    LatencyRouting(
        "api",
        {
            "domain_name": "api.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "regions": {
                "eu-west-1": {"alias": {"dns_name": "api-1.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"}},
                "us-east-2": {"alias": {"dns_name": "api-1.us-east-2.elb.amazonaws.com", "zone_id": "Z3AADJGX6KTTL2"}},
            },
        },
    )


def legacy_backup() -> None:
    """Two collections of a legacy API, copied every night and dumped every Sunday."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    LegacyBackup(
        "legacy",
        {
            "api": {
                "url": "https://legacy.example.com/export",
                "collections": {"customers": {"key_type": "bigint"}, "notes": {}},
                "secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:legacy-a1b2c3",
            },
            "driver_layer_arn": "arn:aws:lambda:eu-west-1:123456789012:layer:pg8000:1",
            "database": {"engine": "postgres", "engine_version": "17", "instance_class": "db.t4g.medium", "allocated_storage_gib": 50},
            "vpc_id": network.vpc_id,
            "private_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "data_subnet_ids_by_zone": network.data_subnet_ids_by_zone,
        },
    )


def load_balancer() -> None:
    """A public load balancer with HTTPS."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {"vpc_id": network.vpc_id, "functions": {"https": {"internet": True}, "app": {"ports": [8080], "callers": ["https"]}}},
    )
    LoadBalancer(
        "web",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["https"]],
            "certificate_arn": CERTIFICATE,
            "target_port": 8080,
        },
    )


def management_network() -> None:
    """A server with a network interface for business and one for administrators, who come by Client VPN."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    ManagementNetwork(
        "management",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "management_cidrs_by_zone": {"eu-west-1a": "10.40.255.0/26", "eu-west-1b": "10.40.255.64/26"},
            "admin_ports": [22],
            "client_vpn": {
                "server_certificate_arn": CERTIFICATE,
                "root_certificate_chain_arn": CERTIFICATE,
                "client_cidr_block": "10.250.0.0/22",
            },
            "servers": {"app": {"zone": "eu-west-1a", "instance_type": "t4g.micro", "image_parameter": IMAGE}},
        },
    )


def media_processing() -> None:
    """Photos of members as WebP in two sizes, from a CDN; the functions for forms and states are for routes of an API."""
    MediaProcessing(
        "media",
        {
            "pillow_layer_arn": "arn:aws:lambda:eu-west-1:123456789012:layer:pillow:1",
            "renditions": {"thumbnail": {"width": 128, "height": 128, "fit": "cover"}, "page": {"width": 1024, "height": 1024}},
            "cdn": {"domain_names": ["media.example.com"], "hosted_zone_id": "Z0123456789ABCDEFGHIJ"},
            "allowed_origins": ["https://www.example.com"],
        },
    )


def monitoring_integration() -> None:
    """A dashboard of an application, an alarm on its queue, and one that reports an outage once."""
    MonitoringIntegration(
        "shop",
        {
            "watched_auto_scaling_groups": {"web": "shop-web"},
            "watched_databases": {"orders": {"instance_id": "shop-orders"}},
            "watched_queues": {"mail": "shop-mail"},
            "agent": {"log_files": {"app": {"file_path": "/var/log/shop/app.log"}}},
            "alarms": {
                "mail-late": {
                    "description": "Mails wait for more than ten minutes: does the sender run?",
                    "metric": {
                        "namespace": "AWS/SQS",
                        "name": "ApproximateAgeOfOldestMessage",
                        "dimensions": {"QueueName": "shop-mail"},
                        "statistic": "Maximum",
                    },
                    "threshold": 600,
                    "missing_data": "notBreaching",
                    "periods": 5,
                },
            },
            "existing_alarm_arns": {"no-target": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:shop-web-no-healthy-target"},
            "composite_alarms": {
                "outage": {
                    "description": "The shop is down, and its mails wait",
                    "alarms": ["no-target", "mail-late"],
                    "least_in_alarm": 2,
                },
            },
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def multi_datacenter() -> None:
    """A service in two zones that carries its load when one of them is lost."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {
            "vpc_id": network.vpc_id,
            "functions": {"https": {}, "app": {"ports": [8080], "callers": ["https"]}, "postgres": {"callers": ["app"]}},
        },
    )
    MultiDatacenter(
        "shop",
        {
            "zones": ZONES,
            "vpc_id": network.vpc_id,
            "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "private_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "data_subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "load_balancer_security_group_ids": [firewall.security_group_ids["https"]],
            "server_security_group_ids": [firewall.security_group_ids["app"]],
            "database_security_group_ids": [firewall.security_group_ids["postgres"]],
            "target_port": 8080,
            "load_balancer": {"certificate_arn": CERTIFICATE, "http_redirect": False},
            "servers": {"needed_servers": 2, "instance_types": ["m7g.large"], "image_parameter": IMAGE},
            "database": {"engine": "postgres", "engine_version": "17", "instance_class": "db.r7g.large", "allocated_storage_gib": 100},
        },
    )


def multi_load_balancer() -> None:
    """The public and the staff reach the same servers, each by a load balancer of their own."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    MultiLoadBalancer(
        "edge",
        {
            "vpc_id": network.vpc_id,
            "target_port": 8080,
            "audiences": {
                "public": {
                    "subnet_ids_by_zone": network.public_subnet_ids_by_zone,
                    "certificate_arn": CERTIFICATE,
                    "internet": True,
                },
                "staff": {
                    "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
                    "certificate_arn": STAFF_CERTIFICATE,
                    "internal": True,
                    "entries": [{"cidr": "10.250.0.0/16", "description": "Office"}],
                },
            },
        },
    )


def multi_server() -> None:
    """Four servers behind a load balancer, whose sessions are in a table."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {"vpc_id": network.vpc_id, "functions": {"https": {}, "app": {"ports": [8080], "callers": ["https"]}}},
    )
    sessions = StateSharing("sessions", {})
    MultiServer(
        "shop",
        {
            "servers": 4,
            "instance_types": ["m7g.large"],
            "image_parameter": IMAGE,
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["app"]],
            "load_balancer": {"certificate_arn": CERTIFICATE, "http_redirect": False},
            "load_balancer_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "load_balancer_security_group_ids": [firewall.security_group_ids["https"]],
            "target_port": 8080,
            "environment": {"SESSION_TABLE": sessions.table_name},
            "statements": [{"actions": ["dynamodb:GetItem", "dynamodb:PutItem"], "resources": [sessions.table_arn]}],
        },
    )


def network() -> None:
    """A VPC in two zones, with public, private and data subnets."""
    Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES, "interface_endpoints": ["secretsmanager"]})


def nfs_sharing() -> None:
    """Uploads that the servers of two zones share, with a copy in another Region."""
    network = Network("network", {"cidr_block": "10.0.0.0/16", "zones": ZONES})
    NfsSharing(
        "files",
        {
            "vpc_id": network.vpc_id,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "access_points": {"uploads": {"path": "/shop/uploads", "uid": 1000, "gid": 1000}},
            "lifecycle": {"infrequent_access_days": 30},
        },
    )


def office_hours() -> None:
    """Working hours in Dublin, without Christmas; what has the tag Schedule=office-hours is stopped at night."""
    OfficeHours(
        "hours",
        {
            "time_zone": "Europe/Dublin",
            "start": "07:00",
            "end": "20:00",
            "holidays": ["2026-12-25", "2026-12-28"],
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def on_demand_disk() -> None:
    """Two volumes as one disk of an instance that is there."""
    OnDemandDisk(
        "data",
        {
            "volumes": {"first": {"size_gib": 100}, "second": {"size_gib": 100, "device_name": "/dev/sdg"}},
            "mount_path": "/srv/data",
            "availability_zone": "eu-west-1a",
            "instance_id": "i-0abc1234def567890",
            "instance_role_name": "database",
        },
    )


def on_demand_nat() -> None:
    """Internet egress of private subnets in a maintenance window."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    OnDemandNat(
        "nat",
        {
            "strategy": "on_demand",
            "vpc_id": network.vpc_id,
            "vpc_cidr_block": network.vpc_cidr_block,
            "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "private_route_table_ids_by_zone": network.private_route_table_ids_by_zone,
            "windows": [{"name": "patch", "days": ["TUE", "THU"], "start": "02:00", "minutes": 120}],
        },
    )


def operational_firewall() -> None:
    """A security group that admits the platform team's network by SSH."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    OperationalFirewall(
        "operators",
        {
            "vpc_id": network.vpc_id,
            "operators": {"platform": {"ports": [22], "entries": [{"cidr": "10.250.10.0/24", "description": "Platform team"}]}},
        },
    )


def order_processing() -> None:
    """Orders that reserve stock and are paid; when the payment fails, the stock is released."""
    OrderProcessing(
        "shop",
        {
            "services": [
                {
                    "name": "stock",
                    "action": "Reserve",
                    "compensation": "Release",
                    "function": {"image_uri": WORKER_IMAGE},
                    "refusals": ["OutOfStock"],
                },
                {
                    "name": "payment",
                    "action": "Charge",
                    "compensation": "Refund",
                    "function": {"image_uri": WORKER_IMAGE},
                    "refusals": ["Declined"],
                    "circuit": {"failures": 5},
                },
            ],
            "api": {"kind": "http"},
            "authorizer": {"jwt": {"issuer": "https://login.example.com/", "audiences": ["shop"]}},
        },
    )


def priority_queue() -> None:
    """Two queues and one function: 16 invocations at a time for urgent messages, 4 for the others."""
    PriorityQueue(
        "reports",
        {
            "priorities": [{"name": "urgent", "alarm_age_seconds": 120}, {"name": "normal"}],
            "function": {"image_uri": WORKER_IMAGE, "timeout_seconds": 60},
            "maximum_concurrency": 20,
        },
    )


def private_data_delivery() -> None:
    """Invoices that their receivers get by URLs of ten minutes, which a function signs for the shop."""
    PrivateDataDelivery(
        "invoices",
        {
            "domain_names": ["invoices.example.com"],
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "signing_keys": {
                "first": {
                    "public_key": SIGNING_KEY,
                    "private_key_secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:signing-a1b2c3",
                }
            },
            "caller_role_names": {"shop": "shop-web"},
        },
    )


def queue_worker() -> None:
    """A queue whose messages a function processes, five at a time."""
    QueueWorker("orders", {"function": {"image_uri": WORKER_IMAGE, "timeout_seconds": 60}, "maximum_concurrency": 5})


def queuing_chain() -> None:
    """Pictures that are checked and then converted, by as many functions as each stage needs."""
    QueuingChain(
        "pictures",
        {
            "stages": [
                {"name": "check", "function": {"image_uri": WORKER_IMAGE, "timeout_seconds": 10}},
                {
                    "name": "convert",
                    "function": {"image_uri": WORKER_IMAGE, "timeout_seconds": 120, "memory_mib": 2048},
                    "maximum_concurrency": 50,
                },
            ],
        },
    )


def read_replica() -> None:
    """One to four readers of an Aurora cluster behind a proxy."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {
            "vpc_id": network.vpc_id,
            "functions": {
                "client": {},
                "reads": {"ports": [5432], "callers": ["client"]},
                "db": {"ports": [5432], "callers": ["client", "reads"]},
            },
        },
    )
    orders = RelationalDatabase(
        "orders",
        {
            "engine": "aurora-postgresql",
            "engine_version": "17",
            "instance_class": "db.r8g.large",
            "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["db"]],
        },
    )
    ReadReplica(
        "reads",
        {
            "engine": "aurora-postgresql",
            "database_arn": orders.instance_arn,
            "resource_id": orders.resource_id,
            "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["reads"]],
            "max_readers": 4,
        },
    )


def regional_certificates() -> None:
    """Certificates of an API in two Regions and for CloudFront, with one validation record."""
    RegionalCertificates(
        "api",
        {
            "domain_names": ["api.example.com"],
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "regions": ["eu-west-1", "us-east-2", "us-east-1"],
        },
    )


def relational_database() -> None:
    """PostgreSQL in two zones."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"client": {}, "db": {"ports": [5432], "callers": ["client"]}}}
    )
    RelationalDatabase(
        "orders",
        {
            "engine": "postgres",
            "engine_version": "17",
            "instance_class": "db.m7g.large",
            "allocated_storage_gib": 100,
            "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["db"]],
        },
    )


def rename_distribution() -> None:
    """The scripts and styles of a shop, under names that change with their content."""
    RenameDistribution(
        "assets",
        {
            "folder": "examples/rename_distribution/web",
            "bucket_arn": "arn:aws:s3:::shop-assets",
            "kms_key_arn": "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000003",
        },
    )


def retry_policy() -> None:
    """Retries of calls that a function of 30 seconds makes, and of asynchronous invocations of another one."""
    RetryPolicy(
        "calls",
        {
            "attempts": 4,
            "call_timeout_seconds": 5,
            "caller_timeout_seconds": 30,
            "function_names": {"mail": "mailer"},
            "on_failure_arn": "arn:aws:sqs:eu-west-1:123456789012:failed-mails",
        },
    )


def scale_out() -> None:
    """Two to six servers in private subnets."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"https": {"internet": True}, "app": {"callers": ["https"]}}}
    )
    ScaleOut(
        "app",
        {
            "instance_types": ["m7g.large", "m6g.large"],
            "image_parameter": IMAGE,
            "min_size": 2,
            "max_size": 6,
            "subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["app"]],
        },
    )


def scale_up() -> None:
    """A server that is larger in working hours."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall",
        {"vpc_id": network.vpc_id, "functions": {"https": {"internet": True}, "app": {"ports": [8080], "callers": ["https"]}}},
    )
    ScaleUp(
        "licensed",
        {
            "instance_type": "m7g.large",
            "image_parameter": IMAGE,
            "subnet_id": network.private_subnet_ids_by_zone["eu-west-1a"],
            "security_group_ids": [firewall.security_group_ids["app"]],
            "schedules": {
                "morning": {"instance_type": "m7g.2xlarge", "schedule_expression": "cron(0 7 ? * MON-FRI *)"},
                "evening": {"instance_type": "m7g.large", "schedule_expression": "cron(0 19 ? * MON-FRI *)"},
            },
            "time_zone": "Europe/Berlin",
        },
    )


def scheduled_task() -> None:
    """A message to a queue, every 15 minutes."""
    ScheduledTask(
        "poll",
        {
            "schedule_expression": "rate(15 minutes)",
            "existing_queue": {"arn": "arn:aws:sqs:eu-west-1:123456789012:jobs"},
            "alarm_silence_hours": 1,
        },
    )


def search_index() -> None:
    """Products of a shop, which its web servers search and a function writes."""
    SearchIndex(
        "products",
        {
            "domain": {"engine_version": "OpenSearch_3.1"},
            "admin_role_arn": "arn:aws:iam::123456789012:role/search-admin",
            "reader_role_arns": {"web": "arn:aws:iam::123456789012:role/shop-web"},
            "writer_role_arns": {"indexer": "arn:aws:iam::123456789012:role/shop-indexer"},
            "subnet_ids_by_zone": {
                "eu-west-1a": "subnet-0aaaaaaaaaaaaaaaa",
                "eu-west-1b": "subnet-0bbbbbbbbbbbbbbbb",
                "eu-west-1c": "subnet-0cccccccccccccccc",
            },
            "security_group_ids": ["sg-0aaaaaaaaaaaaaaaa"],
        },
    )


def secrets_vault() -> None:
    """A secret that is generated, and rotated every 30 days."""
    SecretsVault("vault", {"secrets": {"session-key": {"description": "Signs sessions", "generate": True, "rotation": {"days": 30}}}})


def secure_file_sharing() -> None:
    """Confidential files of a firm, which its clients get by links that expire."""
    SecureFileSharing(
        "sharing",
        {
            "site_domain_name": "share.example.com",
            "files_domain_name": "files.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "users": {"domain_prefix": "example-partners"},
            "signing_keys": {
                "a": {
                    "public_key": SIGNING_KEY,
                    "private_key_secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:sharing-signing-a1b2c3",
                },
            },
            "account_logging_role": "existing",
        },
    )


def service_discovery() -> None:
    """A private domain in which services register themselves."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    ServiceDiscovery(
        "services",
        {"vpc_id": network.vpc_id, "domain_name": "svc.internal", "services": {"orders": {"description": "Takes orders"}}},
    )


def service_mesh() -> None:
    """One request in twenty goes to the new version, and only the web role is allowed to call."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"web": {}, "mesh": {"ports": [443], "callers": ["web"]}}}
    )
    web = WorkloadRole("web", {"service": "ec2.amazonaws.com", "instance_profile": True})
    ServiceMesh(
        "shop",
        {
            "vpc_id": network.vpc_id,
            "security_group_ids": [firewall.security_group_ids["mesh"]],
            "services": {
                "orders": {
                    "callers": {"web": web.role_arn},
                    "versions": {"v1": {"port": 8080, "weight": 95}, "v2": {"port": 8080, "weight": 5}},
                },
            },
        },
    )


def sharding_write() -> None:
    """Two databases that each write half of a shop's customers."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall(
        "firewall", {"vpc_id": network.vpc_id, "functions": {"client": {}, "db": {"ports": [5432], "callers": ["client"]}}}
    )
    ShardingWrite(
        "shop",
        {
            "shards": {"a": {}, "b": {}},
            "database": {
                "engine": "postgres",
                "engine_version": "17",
                "instance_class": "db.r7g.large",
                "allocated_storage_gib": 100,
                "database_name": "shop",
            },
            "subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "security_group_ids": [firewall.security_group_ids["db"]],
        },
    )


def shuffle_sharding() -> None:
    """Two of eight workers for each customer; services poll the queues."""
    ShuffleSharding(
        "orders",
        {
            "workers": {"w1": {}, "w2": {}, "w3": {}, "w4": {}, "w5": {}, "w6": {}, "w7": {}, "w8": {}},
            "most_overlap_probability": 0.04,
            "visibility_timeout_seconds": 60,
        },
    )


def snapshot() -> None:
    """Backups of everything with the tag Backup=yes: daily ones, and monthly ones that are copied to another Region."""
    Snapshot(
        "backups",
        {
            "rules": {
                "daily": {"frequency": "daily", "retention_days": 35},
                "monthly": {"frequency": "monthly", "retention_days": 365},
            },
            "selections": {"tagged": {"tags": {"Backup": "yes"}}},
            "lock": {"mode": "GOVERNANCE"},
            "copies": {"frankfurt": {"region": "eu-central-1", "rules": ["monthly"]}},
            "key_arns": ["arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-4000-8000-000000000001"],
        },
    )


def stack_deployment() -> None:
    """A template of CloudFormation with a parameter and an output, whose drift is reported."""
    StackDeployment(
        "orders",
        {
            "template": ORDERS_TABLE,
            "parameters": {"Billing": "PAY_PER_REQUEST"},
            "statements": [
                {
                    "actions": ["dynamodb:CreateTable", "dynamodb:DeleteTable", "dynamodb:DescribeTable", "dynamodb:UpdateTable"],
                    "resources": ["arn:aws:dynamodb:eu-west-1:123456789012:table/orders-stack-*"],
                }
            ],
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def stamp() -> None:
    """An image of a web server that is built and tested each Sunday, in two Regions."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    firewall = FunctionalFirewall("firewall", {"vpc_id": network.vpc_id, "functions": {"build": {}}})
    Stamp(
        "web",
        {
            "parent_image": "arn:aws:imagebuilder:eu-west-1:aws:image/amazon-linux-2023-arm64/x.x.x",
            "components": {"nginx": WEB_SERVER},
            "regions": ["eu-west-1", "eu-central-1"],
            "instance_types": ["t4g.medium"],
            "schedule": {"expression": "cron(0 3 ? * SUN *)"},
            "subnet_id": network.private_subnet_ids_by_zone["eu-west-1a"],
            "security_group_ids": [firewall.security_group_ids["build"]],
        },
    )


def state_sharing() -> None:
    """A table of sessions that end half an hour after the last request."""
    StateSharing("visits", {"idle_seconds": 1800, "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"]})


def storage_index() -> None:
    """An index of photos, which finds them by their owner."""
    photos = DurableBucket("photos", {"kind": "data"})
    StorageIndex("album", {"bucket_arn": photos.bucket_arn, "indexed_metadata": ["owner"]})


def storefront() -> None:
    """A web shop: firewall, load balancer, servers, database and cache."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    Storefront(
        "shop",
        {
            "vpc_id": network.vpc_id,
            "public_subnet_ids_by_zone": network.public_subnet_ids_by_zone,
            "private_subnet_ids_by_zone": network.private_subnet_ids_by_zone,
            "data_subnet_ids_by_zone": network.data_subnet_ids_by_zone,
            "load_balancer": {"certificate_arn": CERTIFICATE},
            "servers": {"instance_types": ["m7g.large"], "image_parameter": IMAGE, "min_size": 2, "max_size": 4},
            "database": {"engine": "mysql", "engine_version": "8.4", "instance_class": "db.r7g.large", "allocated_storage_gib": 100},
            "cache": {"engine": "valkey", "node_type": "cache.r7g.large", "replicas": 1},
        },
    )


def temporary_environment() -> None:
    """The environment of a pull request, which is destroyed after a week."""
    TemporaryEnvironment(
        "pr-42",
        {
            "stack": "organization/shop/pr-42",
            "expires_at": "2027-01-31T18:00:00",
            "time_zone": "Europe/Dublin",
            "state_bucket_arn": "arn:aws:s3:::state-1a2b3c4",
            "destroy_policy_arns": {"deploy": "arn:aws:iam::123456789012:policy/deploy"},
            "alarm_topic_arns": ["arn:aws:sns:eu-west-1:123456789012:operations"],
        },
    )


def url_rewriting() -> None:
    """Pictures that moved to a CDN: a load balancer redirects their old addresses."""
    UrlRewriting(
        "moved",
        {
            "domain_names": ["shop.example.com"],
            "listener_arn": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2",
            "rules": {"images": {"path": "/images/*", "priority": 100, "to_host": "pictures.example.com"}},
        },
    )


def user_directory() -> None:
    """Customers of a site, who sign in with an authenticator app."""
    UserDirectory(
        "customers",
        {
            "domain_prefix": "example-customers",
            "clients": {"site": {"callback_urls": ["https://shop.example.com/"], "logout_urls": ["https://shop.example.com/"]}},
            "groups": {"editors": {"description": "May change the catalogue"}},
        },
    )


def web_application_firewall() -> None:
    """A web ACL of a load balancer, with a limit of requests per address."""
    WebApplicationFirewall(
        "firewall",
        {
            "rate_limit": 2000,
            "associations": {"web": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/0123456789abcdef"},
        },
    )


def web_storage_archive() -> None:
    """The events of a log group, locked for a year and most of it in S3 Glacier."""
    WebStorageArchive("audit", {"log_groups": {"web": {"log_group": "/shop/web"}}, "lock_mode": "GOVERNANCE"})


def weighted_transition() -> None:
    """A twentieth of the clients of a shop go to a new load balancer, while that is healthy."""
    WeightedTransition(
        "shop",
        {
            "domain_name": "shop.example.com",
            "hosted_zone_id": "Z0123456789ABCDEFGHIJ",
            "weights": {"old": 95, "new": 5},
            "targets": {
                "old": {"alias": {"dns_name": "old-1.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"}},
                "new": {"alias": {"dns_name": "new-1.eu-west-1.elb.amazonaws.com", "zone_id": "Z32O12XQLNTSW2"}},
            },
        },
    )


def workflow() -> None:
    """An order that is charged and shipped; when shipping fails, the charge is refunded."""
    Workflow(
        "orders",
        {
            "functions": {
                "charge": {"image_uri": WORKER_IMAGE},
                "refund": {"image_uri": WORKER_IMAGE},
                "ship": {"image_uri": WORKER_IMAGE},
            },
            "steps": [
                {"name": "Charge", "function": {"name": "charge"}, "compensation": {"function": {"name": "refund"}}},
                {"name": "Ship", "function": {"name": "ship"}},
            ],
        },
    )


def workload_role() -> None:
    """A role of servers that read one bucket."""
    WorkloadRole(
        "app",
        {
            "service": "ec2.amazonaws.com",
            "instance_profile": True,
            "statements": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::invoices/*"]}],
        },
    )


def write_proxy() -> None:
    """Two partners that send files by SFTP from their networks."""
    WriteProxy(
        "partners",
        {
            "users": {
                "northwind": {"public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGz4sD2mQqkVvP1wq0yW2mJ1cJ0sD2mQqkVvP1wq0yW2"]},
                "contoso": {"public_keys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHz4sD2mQqkVvP1wq0yW2mJ1cJ0sD2mQqkVvP1wq0yW3"]},
            },
            "vpc_id": "vpc-0123456789abcdef0",
            "subnet_ids_by_zone": {"eu-west-1a": "subnet-0123456789abcdef0", "eu-west-1b": "subnet-0123456789abcdef1"},
            "internet_facing": True,
            "allowed_cidrs": ["203.0.113.0/24", "198.51.100.7/32"],
        },
    )


def zero_trust_network() -> None:
    """Only the declared connections exist: web to api, and api to the database."""
    network = Network("network", {"cidr_block": "10.40.0.0/16", "zones": ZONES})
    ZeroTrustNetwork(
        "shop",
        {
            "vpc_id": network.vpc_id,
            "apps": {"web": {}, "api": {}, "database": {}},
            "edges": [
                {"source": "web", "target": "api", "port": 8080},
                {"source": "api", "target": "database", "port": 5432},
            ],
        },
    )
