"""Storefront: what it composes, which tier reaches which, what the servers may do and are told, and every option."""

import base64
import functools
import json
import re
from typing import Any

import pulumi
import pulumi_aws as aws
from cloudpatterns.database import rds_certificates
from cloudpatterns.systems import Storefront
from cloudpatterns.systems.storefront import component, stores
from offline_preview.graph import Graph, Resource
from offline_preview.values import UNKNOWN

from tests.components.systems.storefronts import CERTIFICATE, OPERATORS, arguments, make
from tests.harness import record, refs

KEY = "arn:aws:kms:eu-west-1:123456789012:key/mine"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


@functools.cache
def base() -> Graph:
    return make()


@functools.cache
def with_operators() -> Graph:
    return make(operators=OPERATORS)


def components(graph: Graph) -> dict[str, str]:
    shop = graph.one("cloudpatterns:index:Storefront")
    return {child.name: child.type.removeprefix("cloudpatterns:index:") for child in graph.children(shop.urn) if "index" in child.type}


def groups(graph: Graph, name: str, *properties: str) -> set[str]:
    """Security groups that a resource stands behind."""
    return {found.name for found in graph.refs(graph.named(name), *properties) if found.type == "aws:ec2/securityGroup:SecurityGroup"}


def edges(graph: Graph) -> dict[str, tuple[str, int, int]]:
    """Each rule from one group to another: the group it belongs to, and protocol and ports."""
    found = {}
    for rule in graph.of_type(INGRESS, EGRESS):
        if "referencedSecurityGroupId" in rule.inputs:
            [own], [other] = refs(graph, rule, "securityGroupId"), refs(graph, rule, "referencedSecurityGroupId")
            ports = (rule.inputs["ipProtocol"], rule.inputs["fromPort"], rule.inputs["toPort"])
            found[f"{own} {'<-' if rule.type == INGRESS else '->'} {other}"] = ports
    return found


def others(graph: Graph) -> dict[str, dict[str, Any]]:
    """Each rule whose other side is no group: where it leads to or comes from, and the ports."""
    keys = ("cidrIpv4", "cidrIpv6", "prefixListId", "fromPort", "toPort")
    return {
        rule.name: {key: rule.inputs[key] for key in keys if key in rule.inputs}
        for rule in graph.of_type(INGRESS, EGRESS)
        if "referencedSecurityGroupId" not in rule.inputs
    }


def statements(graph: Graph) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in json.loads(graph.named("shop-role-policy").inputs["policy"])["Statement"]}


def boot_script(graph: Graph) -> str:
    return base64.b64decode(graph.named("shop-app-template").inputs["userData"]).decode()


TIERS = {
    "shop-firewall": "FunctionalFirewall",
    "shop-web": "LoadBalancer",
    "shop-waf": "WebApplicationFirewall",
    "shop-db": "RelationalDatabase",
    "shop-cache": "InMemoryCache",
    "shop-role": "WorkloadRole",
    "shop-app": "ScaleOut",
}


def test_composes_the_tiers_and_nothing_of_its_own() -> None:
    assert components(base()) == TIERS
    assert components(with_operators()) == {**TIERS, "shop-admin": "OperationalFirewall"}


def test_each_tier_accepts_only_the_one_before_it_by_reference_on_one_port() -> None:
    assert edges(base()) == {
        "shop-firewall-https -> shop-firewall-app": ("tcp", 8080, 8080),
        "shop-firewall-app <- shop-firewall-https": ("tcp", 8080, 8080),
        "shop-firewall-app -> shop-firewall-mysql": ("tcp", 3306, 3306),
        "shop-firewall-mysql <- shop-firewall-app": ("tcp", 3306, 3306),
        "shop-firewall-app -> shop-firewall-redis": ("tcp", 6379, 6379),
        "shop-firewall-redis <- shop-firewall-app": ("tcp", 6379, 6379),
    }
    assert others(base()) == {
        f"shop-firewall-{function}-from-internet-{family}-{port}": {key: everywhere, "fromPort": port, "toPort": port}
        for function, port in (("http", 80), ("https", 443))
        for family, key, everywhere in (("ipv4", "cidrIpv4", "0.0.0.0/0"), ("ipv6", "cidrIpv6", "::/0"))
    }


def test_each_tier_stands_in_its_subnets_behind_its_groups() -> None:
    graph = base()
    assert graph.named("shop-web-lb").inputs["subnets"] == ["subnet-public-a", "subnet-public-b"]
    assert graph.named("shop-app-group").inputs["vpcZoneIdentifiers"] == ["subnet-private-a", "subnet-private-b"]
    assert graph.named("shop-db-subnets").inputs["subnetIds"] == ["subnet-data-a", "subnet-data-b"]
    assert graph.named("shop-cache-subnets").inputs["subnetIds"] == ["subnet-data-a", "subnet-data-b"]
    assert groups(graph, "shop-web-lb", "securityGroups") == {"shop-firewall-http", "shop-firewall-https"}
    assert groups(graph, "shop-app-template", "networkInterfaces") == {"shop-firewall-app"}
    assert groups(graph, "shop-db-instance", "vpcSecurityGroupIds") == {"shop-firewall-mysql"}
    assert groups(graph, "shop-cache-cache", "securityGroupIds") == {"shop-firewall-redis"}
    assert {group.inputs["vpcId"] for group in graph.of_type("aws:ec2/securityGroup:SecurityGroup")} == {"vpc-1"}


def test_the_balancer_forwards_to_the_servers_behind_the_web_acl() -> None:
    graph = base()
    association = graph.named("shop-waf-load-balancer")
    assert refs(graph, association, "resourceArn") == ["shop-web-lb"]
    assert refs(graph, association, "webAclArn") == ["shop-waf-acl"]
    group = graph.named("shop-web-tg")
    assert (group.inputs["port"], group.inputs["healthCheck"]["path"]) == (8080, "/healthz")
    assert graph.named("shop-app-group").inputs["targetGroupArns"] == [group.outputs["arn"]]
    # The servers come only once the listener is there.
    assert "shop-web-https" in refs(graph, graph.named("shop-app-group"), "targetGroupArns")
    assert graph.named("shop-web-https").inputs["certificateArn"] == CERTIFICATE


def test_operators_groups_are_stacked_on_the_servers_alone() -> None:
    graph = with_operators()
    assert groups(graph, "shop-app-template", "networkInterfaces") == {"shop-firewall-app", "shop-admin-devops", "shop-admin-dba"}
    holders = {holder.name for holder in graph.resources if {"shop-admin-devops", "shop-admin-dba"} & set(refs(graph, holder))}
    assert holders == {"shop-app-template", "shop-admin-devops-ipv4-22", "shop-admin-dba-ipv4-22"}
    for role, cidr in (("devops", "10.250.10.0/24"), ("dba", "10.250.20.0/24")):
        rule, prefixes = graph.named(f"shop-admin-{role}-ipv4-22"), graph.named(f"shop-admin-{role}-ipv4")
        assert refs(graph, rule, "prefixListId") == [prefixes.name]
        assert [entry["cidr"] for entry in prefixes.inputs["entries"]] == [cidr]
    assert edges(graph) == edges(base())


def test_the_servers_role_logs_in_to_database_and_cache_writes_its_logs_and_opens_sessions() -> None:
    graph = base()
    database = graph.named("shop-db-instance")
    cache, user = graph.named("shop-cache-cache").outputs["arn"], graph.named("shop-cache-user").outputs["arn"]
    assert statements(graph) == {
        "SessionManager": {
            "Sid": "SessionManager",
            "Effect": "Allow",
            "Action": [
                "ssm:UpdateInstanceInformation",
                "ssmmessages:CreateControlChannel",
                "ssmmessages:CreateDataChannel",
                "ssmmessages:OpenControlChannel",
                "ssmmessages:OpenDataChannel",
            ],
            "Resource": ["*"],
        },
        "DatabaseLogin": {
            "Sid": "DatabaseLogin",
            "Effect": "Allow",
            "Action": ["rds-db:connect"],
            "Resource": [f"arn:aws:rds-db:eu-west-1:123456789012:dbuser:{database.outputs['resourceId']}/app"],
        },
        "Logs": {
            "Sid": "Logs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            "Resource": [f"{graph.named('shop-logs').outputs['arn']}:*"],
        },
        "CacheLogin": {"Sid": "CacheLogin", "Effect": "Allow", "Action": ["elasticache:Connect"], "Resource": [cache, user]},
    }


def test_the_application_may_have_more_rights_variables_and_packages() -> None:
    graph = make(
        servers__managed_policy_arns={"archive": "arn:aws:iam::123456789012:policy/archive"},
        servers__statements=[{"sid": "Orders", "actions": ["sqs:SendMessage"], "resources": ["arn:aws:sqs:eu-west-1:123456789012:orders"]}],
        servers__environment={"FEATURE": "on"},
        servers__packages=["python3.13"],
        servers__database_user="shop",
        servers__log_retention_days=30,
    )
    assert statements(graph).keys() - statements(base()).keys() == {"Orders"}
    attachment = graph.named("shop-role-policy-archive").inputs
    assert attachment == {"role": graph.named("shop-role-role").outputs["name"], "policyArn": "arn:aws:iam::123456789012:policy/archive"}
    assert statements(graph)["DatabaseLogin"]["Resource"][0].endswith("/shop")
    script = boot_script(graph)
    assert "PACKAGES=python3.13\n" in script
    assert "\nFEATURE=on'\n" in script
    assert "\nDATABASE_USER=shop\n" in script
    assert graph.named("shop-logs").inputs["retentionInDays"] == 30


def test_the_role_is_the_servers_own_and_complete_when_they_start() -> None:
    graph = base()
    trust = json.loads(graph.named("shop-role-role").inputs["assumeRolePolicy"])
    assert [one["Principal"] for one in trust["Statement"]] == [{"Service": ["ec2.amazonaws.com"]}]
    assert set(refs(graph, graph.named("shop-app-template"), "iamInstanceProfile")) == {"shop-role-profile", "shop-role-policy"}


def test_servers_are_told_where_everything_is_and_no_secret() -> None:
    graph = base()
    database = graph.named("shop-db-instance")
    script = boot_script(graph)
    environment = re.search(r"^APP_ENVIRONMENT='(.*?)'$", script, re.MULTILINE | re.DOTALL)
    assert environment is not None
    assert environment[1].splitlines() == [
        "DATABASE_ENGINE=mysql",
        f"DATABASE_HOST={database.outputs['address']}",
        f"DATABASE_PORT={database.outputs['port']}",
        "DATABASE_USER=app",
        f"CACHE_ENDPOINT={graph.named('shop-cache-cache').outputs['primaryEndpointAddress']}",
        "CACHE_PORT=6379",
        f"CACHE_NAME={graph.named('shop-cache-cache').id}",
        f"CACHE_USER={graph.named('shop-cache-user').outputs['userName']}",
        "CACHE_SERVERLESS=false",
    ]
    assert f"LOG_GROUP={graph.named('shop-logs').outputs['name']}\n" in script
    assert {"APP_PORT=8080", "HEALTH_CHECK_PATH=/healthz", "ARTIFACT_URI=''", "ARTIFACT_SHA256=''"} <= set(script.splitlines())
    # AWS makes the password and keeps it: there is none in the program's reach.
    assert database.inputs["manageMasterUserPassword"] is True
    assert not {"password", "passwordWo"} & database.inputs.keys()


def test_servers_trust_the_databases_of_their_region() -> None:
    assert rds_certificates("eu-west-1").strip() in boot_script(base())
    own = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
    script = boot_script(make(servers__database_certificates=own))
    assert f"DATABASE_CA='{own}'\n" in script
    assert "MIID" not in script


def test_the_user_data_fits_with_certificates_and_every_variable() -> None:
    graph = make(
        database__database_name="shop",
        servers__packages=["python3.13"],
        servers__artifact_uri="s3://b" + "u" * 62 + "/a",
        servers__artifact_sha256="0" * 64,
    )
    assert len(boot_script(graph).encode()) < 15_000


def test_a_named_database_gives_the_sql_of_the_applications_user() -> None:
    graph = make(database__database_name="shop")
    sql = graph.one("cloudpatterns:index:Storefront").outputs["database_user_sql"]
    assert "'app'" in sql
    assert "`shop`" in sql
    assert "\nDATABASE_NAME=shop\n" in boot_script(graph)


def test_outputs_are_where_things_are() -> None:
    graph = base()
    balancer = graph.named("shop-web-lb").outputs
    assert graph.one("cloudpatterns:index:Storefront").outputs == {
        "url": f"https://{balancer['dnsName']}",
        "load_balancer_arn": balancer["arn"],
        "load_balancer_dns_name": balancer["dnsName"],
        "load_balancer_zone_id": balancer["zoneId"],
        "target_group_arn": graph.named("shop-web-tg").outputs["arn"],
        "log_bucket_name": graph.named("shop-web-logs-bucket").outputs["bucket"],
        "distribution_id": "",
        "distribution_dns_name": "",
        "web_acl_arn": graph.named("shop-waf-acl").outputs["arn"],
        "log_group_name": graph.named("shop-logs").outputs["name"],
        "alarm_topic_arn": "",
        "auto_scaling_group_name": graph.named("shop-app-group").outputs["name"],
        "cluster_name": "",
        "service_name": "",
        "server_role_arn": graph.named("shop-role-role").outputs["arn"],
        "security_group_ids": {one: graph.named(f"shop-firewall-{one}").id for one in ("http", "https", "app", "mysql", "redis")},
        "database_endpoint": graph.named("shop-db-instance").outputs["endpoint"],
        "database_id": graph.named("shop-db-instance").outputs["identifier"],
        "database_kms_key_arn": graph.named("shop-db-key").outputs["arn"],
        "database_secret_arn": graph.named("shop-db-instance").outputs["masterUserSecrets"][0]["secretArn"],
        "database_user_sql": "",
        "reader_endpoint": "",
        "reader_sql": "",
        "cache_id": graph.named("shop-cache-cache").id,
        "cache_endpoint": graph.named("shop-cache-cache").outputs["primaryEndpointAddress"],
    }


def test_nothing_needs_what_a_preview_cannot_know() -> None:
    graph = make(mode="preview", operators=OPERATORS)
    assert {one.urn for one in graph.resources} == {one.urn for one in with_operators().resources}
    assert graph.named("shop-app-template").inputs["userData"] is UNKNOWN
    assert graph.one("cloudpatterns:index:Storefront").outputs["url"] is UNKNOWN


def test_production_is_protected_by_default() -> None:
    graph = base()
    assert graph.named("shop-web-lb").inputs["enableDeletionProtection"] is True
    assert graph.named("shop-web-logs-bucket").inputs["forceDestroy"] is False
    assert graph.named("shop-db-instance").inputs["deletionProtection"] is True
    assert graph.named("shop-cache-cache").options["protect"] is True
    assert {group.inputs["retentionInDays"] for group in graph.of_type("aws:cloudwatch/logGroup:LogGroup")} == {365}
    assert days_of_access_logs(graph) == 365


def days_of_access_logs(graph: Graph) -> int:
    rules = graph.named("shop-web-logs-lifecycle").inputs["rules"]
    return next(rule["expiration"]["days"] for rule in rules if "days" in rule.get("expiration", {}))


def test_protection_can_be_lifted_and_retention_shortened() -> None:
    graph = make(
        load_balancer__deletion_protection=False,
        load_balancer__force_destroy=True,
        load_balancer__log_retention_days=30,
        database__deletion_protection=False,
        database__log_retention_days=7,
        cache__deletion_protection=False,
        cache__log_retention_days=7,
        firewall={"log_retention_days": 7},
        servers__log_retention_days=7,
    )
    assert graph.named("shop-web-lb").inputs["enableDeletionProtection"] is False
    assert graph.named("shop-web-logs-bucket").inputs["forceDestroy"] is True
    assert graph.named("shop-db-instance").inputs["deletionProtection"] is False
    assert graph.named("shop-cache-cache").options.get("protect", False) is False
    assert {group.inputs["retentionInDays"] for group in graph.of_type("aws:cloudwatch/logGroup:LogGroup")} == {7}
    assert days_of_access_logs(graph) == 30


def test_the_logs_of_each_part_have_their_own_days() -> None:
    graph = make(database__log_retention_days=30, cache__log_retention_days=14, firewall={"log_retention_days": 7})
    days = {group.name: group.inputs["retentionInDays"] for group in graph.of_type("aws:cloudwatch/logGroup:LogGroup")}
    assert days == {
        "shop-db-logs-error": 30,
        "shop-db-logs-slowquery": 30,
        "shop-cache-logs-engine-log": 14,
        "shop-cache-logs-slow-log": 14,
        "shop-waf-logs": 7,
        "shop-logs": 365,
    }


def test_without_an_image_the_servers_run_amazon_linux_of_their_architecture() -> None:
    def image(**servers: Any) -> str:
        graph = make(servers={"min_size": 2, "max_size": 4, **servers})
        return graph.named("shop-app-template").inputs["imageId"]

    amazon_linux = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-"
    assert image(instance_types=["m7g.large"]) == f"{amazon_linux}arm64"
    assert image(instance_types=["m7i.large"]) == f"{amazon_linux}x86_64"
    assert image(instance_types=["m7g.large"], image_parameter="/golden/web") == "resolve:ssm:/golden/web"
    assert image(instance_types=["m7g.large"], image_id="ami-0abc1234def567890") == "ami-0abc1234def567890"


def test_dual_stack_gives_the_balancer_addresses_of_both_families() -> None:
    assert base().named("shop-web-lb").inputs["ipAddressType"] == "ipv4"
    assert make(dual_stack=True).named("shop-web-lb").inputs["ipAddressType"] == "dualstack"


def test_servers_have_no_egress_but_what_is_given() -> None:
    graph = make(internet_egress=True, endpoint_cidr="10.0.0.0/16", s3_prefix_list_id="pl-s3")
    added = {name: rule for name, rule in others(graph).items() if name not in others(base())}
    assert added == {
        "shop-firewall-app-to-outbound-443": {"cidrIpv4": "0.0.0.0/0", "fromPort": 443, "toPort": 443},
        "shop-firewall-app-to-endpoints-443": {"cidrIpv4": "10.0.0.0/16", "fromPort": 443, "toPort": 443},
        "shop-firewall-app-to-s3-443": {"prefixListId": "pl-s3", "fromPort": 443, "toPort": 443},
    }


def test_an_artifact_is_named_to_the_servers_and_may_be_read_by_them() -> None:
    uri, checksum = "s3://releases/shop/1.2.tar.gz", "0f" * 32
    graph = make(servers__artifact_uri=uri, servers__artifact_sha256=checksum)
    assert {f"ARTIFACT_URI={uri}", f"ARTIFACT_SHA256={checksum}"} <= set(boot_script(graph).splitlines())
    assert statements(graph).keys() - statements(base()).keys() == {"Artifact"}
    assert statements(graph)["Artifact"] == {
        "Sid": "Artifact",
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion"],
        "Resource": ["arn:aws:s3:::releases/shop/1.2.tar.gz"],
    }


def test_servers_may_read_every_version_of_an_artifact_that_is_named_after_it() -> None:
    """While an instance refresh is rolled back, servers start with the version before. So the role is the same for all versions."""
    found = []
    for version in ("0a" * 32, "0f" * 32):
        uri = f"s3://shop-artifacts/shop/{version}.tar.gz"
        graph = make(servers__artifact_uri=uri, servers__artifact_sha256=version, servers__artifact_kms_key_arn=KEY)
        found.append(statements(graph))
    assert found[0] == found[1]
    assert found[0]["Artifact"]["Resource"] == ["arn:aws:s3:::shop-artifacts/shop/*.tar.gz"]
    context = found[0]["ArtifactKey"]["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"]
    assert context == ["arn:aws:s3:::shop-artifacts", "arn:aws:s3:::shop-artifacts/shop/*.tar.gz"]


def test_an_artifact_under_a_key_may_be_decrypted_for_this_object_alone() -> None:
    uri = "s3://releases/shop/1.2.tar.gz"
    graph = make(servers__artifact_uri=uri, servers__artifact_sha256="0f" * 32, servers__artifact_kms_key_arn=KEY)
    assert statements(graph)["ArtifactKey"] == {
        "Sid": "ArtifactKey",
        "Effect": "Allow",
        "Action": ["kms:Decrypt"],
        "Resource": [KEY],
        "Condition": {
            "StringEquals": {"kms:ViaService": ["s3.eu-west-1.amazonaws.com"]},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::releases", "arn:aws:s3:::releases/shop/1.2.tar.gz"]},
        },
    }


def test_the_ids_that_callers_may_not_use_are_those_of_the_statements() -> None:
    aurora = {"engine": "aurora-mysql", "engine_version": "8.4", "instance_class": "db.r7g.large", "database_name": "shop"}
    graph = make(
        servers__artifact_uri="s3://releases/a",
        servers__artifact_sha256="0f" * 32,
        servers__artifact_kms_key_arn=KEY,
        database=aurora,
        read_replicas={},
    )
    assert set(statements(graph)) == set(component._SIDS)
    environment = re.search(r"^APP_ENVIRONMENT='(.*?)'$", boot_script(graph), re.MULTILINE | re.DOTALL)
    assert environment is not None
    assert {line.partition("=")[0] for line in environment[1].splitlines()} == stores.VARIABLES | stores.REPLICA_VARIABLES


def test_an_artifact_may_be_in_a_bucket_that_is_still_to_be_created() -> None:
    def program(mode: Any) -> Graph:
        def create() -> None:
            bucket = aws.s3.Bucket("releases")
            uri = pulumi.Output.concat("s3://", bucket.bucket, "/shop.tar.gz")
            args: Any = arguments({"servers__artifact_uri": uri, "servers__artifact_sha256": "0f" * 32})
            Storefront("shop", args)

        return record(create, mode=mode)

    graph = program("deployed")
    bucket = graph.named("releases").outputs["bucket"]
    assert f"ARTIFACT_URI=s3://{bucket}/shop.tar.gz" in boot_script(graph).splitlines()
    assert statements(graph)["Artifact"]["Resource"] == [f"arn:aws:s3:::{bucket}/shop.tar.gz"]
    assert "releases" in refs(program("preview"), program("preview").named("shop-role-policy"), "policy")


def test_scaling_follows_requests_when_asked_to() -> None:
    assert [one.name for one in base().of_type("aws:autoscaling/policy:Policy")] == ["shop-app-cpu", "shop-app-burst"]
    graph = make(servers__scaling={"requests_per_target": 600, "cpu_target_percent": 40})
    tracking = graph.named("shop-app-requests").inputs["targetTrackingConfiguration"]
    label = f"{graph.named('shop-web-lb').outputs['arnSuffix']}/{graph.named('shop-web-tg').outputs['arnSuffix']}"
    assert (tracking["targetValue"], tracking["predefinedMetricSpecification"]["resourceLabel"]) == (600, label)
    assert graph.named("shop-app-cpu").inputs["targetTrackingConfiguration"]["targetValue"] == 40


def test_a_domain_gives_a_certificate_an_address_and_the_url() -> None:
    graph = make(load_balancer={"domain_name": "shop.example.com", "hosted_zone_id": "Z0123"})
    assert graph.one("cloudpatterns:index:Storefront").outputs["url"] == "https://shop.example.com"
    assert graph.one("aws:acm/certificate:Certificate").inputs["domainName"] == "shop.example.com"
    # The listener waits for the validation of the certificate.
    assert "shop-web-certificate-validation" in refs(graph, graph.named("shop-web-https"), "certificateArn")
    records = {one.name: one.inputs["zoneId"] for one in graph.of_type("aws:route53/record:Record")}
    assert records == {"shop-web-certificate-record": "Z0123", "shop-web-alias-a": "Z0123"}


def test_a_key_of_the_caller_takes_the_place_of_keys_of_its_own() -> None:
    assert [one.name for one in base().of_type("aws:kms/key:Key")] == ["shop-db-key", "shop-cache-key"]
    graph = make(kms_key_arn=KEY)
    assert graph.of_type("aws:kms/key:Key") == []
    assert graph.named("shop-db-instance").inputs["kmsKeyId"] == KEY
    assert graph.named("shop-cache-cache").inputs["kmsKeyId"] == KEY
    assert graph.named("shop-logs").inputs["kmsKeyId"] == KEY


def test_alarms_tell_the_topics() -> None:
    def told(graph: Graph) -> set[str]:
        return {alarm.name for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm") if TOPIC in alarm.inputs["alarmActions"]}

    assert told(base()) == set()
    tiers = {name.split("-")[1] for name in told(make(alarm_topic_arns=[TOPIC]))}
    assert tiers == {"app", "db", "cache", "web"}


def test_addresses_hear_of_alarms_through_a_topic_that_is_created() -> None:
    graph = make(alarm_email_addresses=["ops@example.com"], alarm_topic_arns=[TOPIC])
    topic = graph.named("shop-alarms").outputs["arn"]
    assert graph.named("shop-alarms-email-ops@example.com").inputs["endpoint"] == "ops@example.com"
    alarms = graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert {alarm.name: {TOPIC, topic} - set(alarm.inputs["alarmActions"]) for alarm in alarms} == {alarm.name: set() for alarm in alarms}
    assert graph.one("cloudpatterns:index:Storefront").outputs["alarm_topic_arn"] == topic
    assert [one.name for one in base().of_type("aws:sns/topic:Topic")] == []
    # That topic is encrypted, and ElastiCache publishes to others only.
    assert graph.named("shop-cache-cache").inputs["notificationTopicArn"] == TOPIC
    assert "notificationTopicArn" not in make(alarm_email_addresses=["ops@example.com"]).named("shop-cache-cache").inputs


def test_postgres_has_its_own_function_and_port() -> None:
    graph = make(database__engine="postgres", database__engine_version="17")
    assert edges(graph)["shop-firewall-postgres <- shop-firewall-app"] == ("tcp", 5432, 5432)
    assert groups(graph, "shop-db-instance", "vpcSecurityGroupIds") == {"shop-firewall-postgres"}
    assert graph.one("cloudpatterns:index:Storefront").outputs["security_group_ids"].keys() == {"http", "https", "app", "postgres", "redis"}


def test_servers_and_stores_are_as_asked_for() -> None:
    graph = make(
        servers__app_port=9000,
        load_balancer__health_check_path="/up",
        servers__spot_percentage=50,
        servers__instance_types=["m7g.large", "m6g.large"],
        database__multi_az=False,
        database__apply_immediately=True,
        database__max_allocated_storage_gib=500,
        database__backup_retention_days=7,
        database__database_insights_mode="advanced",
        cache__replicas=2,
        cache__snapshot_retention_days=3,
        firewall={
            "rate_limit": 500,
            "blocked_cidrs": ["192.0.2.0/24"],
            "exceptions": [{"rule": "common/SizeRestrictions_BODY", "reason": "uploads"}],
        },
    )
    group = graph.named("shop-web-tg").inputs
    assert (group["port"], group["healthCheck"]["path"]) == (9000, "/up")
    assert edges(graph)["shop-firewall-app <- shop-firewall-https"] == ("tcp", 9000, 9000)
    assert {"APP_PORT=9000", "HEALTH_CHECK_PATH=/up"} <= set(boot_script(graph).splitlines())
    mix = graph.named("shop-app-group").inputs["mixedInstancesPolicy"]
    assert mix["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 50
    database = graph.named("shop-db-instance").inputs
    assert (database["multiAz"], database["maxAllocatedStorage"], database["backupRetentionPeriod"]) == (False, 500, 7)
    assert (database["databaseInsightsMode"], database["applyImmediately"]) == ("advanced", True)
    cache = graph.named("shop-cache-cache").inputs
    assert (cache["numCacheClusters"], cache["snapshotRetentionLimit"]) == (3, 3)
    assert graph.named("shop-waf-rate-limit").inputs["statement"]["rateBasedStatement"]["limit"] == 500
    assert [one.inputs["addresses"] for one in graph.of_type("aws:wafv2/ipSet:IpSet")] == [["192.0.2.0/24"]]
    [counted] = graph.named("shop-waf-common").inputs["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
    assert counted == {"name": "SizeRestrictions_BODY", "actionToUse": {"count": {}}}


def test_tags_reach_every_tier() -> None:
    def bearers(graph: Graph, tags: dict[str, str]) -> set[str]:
        return {one.name for one in graph.resources if tags.items() <= tags_of(one).items()}

    tagged = bearers(make(tags={"Owner": "shop"}, operators=OPERATORS), {"Owner": "shop"})
    assert {one.name for one in with_operators().resources if "tags" in one.inputs} == tagged


def tags_of(resource: Resource) -> dict[str, str]:
    tags = resource.inputs.get("tags") or {}
    return tags if isinstance(tags, dict) else {tag["key"]: tag["value"] for tag in tags}


def test_transforms_reach_the_children() -> None:
    def careful(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != "aws:lb/loadBalancer:LoadBalancer":
            return None
        return pulumi.ResourceTransformResult(props={**args.props, "idleTimeout": 30}, opts=args.opts)

    assert make(opts=pulumi.ResourceOptions(transforms=[careful])).named("shop-web-lb").inputs["idleTimeout"] == 30


def test_a_serverless_cache_goes_with_alarms_of_the_database() -> None:
    serverless = {"engine": "valkey", "engine_version": "8.1", "serverless": {"max_storage_gb": 10, "max_ecpu_per_second": 5000}}
    graph = make(cache=serverless, alarm_topic_arns=["arn:aws:sns:eu-west-1:123456789012:alarms"])
    assert len(graph.of_type("aws:elasticache/serverlessCache:ServerlessCache")) == 1
    alarms = {alarm.name.split("-")[1] for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms == {"app", "db", "web"}
