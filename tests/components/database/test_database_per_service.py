"""DatabasePerService: no service's role or group reaches another's store, each store is protected, and every refusal."""

import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import DatabasePerService
from cloudpatterns.security import WorkloadRole
from offline_preview.graph import Graph

from tests.harness import record, refs

TABLE, INSTANCE, CLUSTER = "aws:dynamodb/table:Table", "aws:rds/instance:Instance", "aws:docdb/cluster:Cluster"
INGRESS, EGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
SUBNETS = {f"eu-west-1{zone}": f"subnet-{zone}" for zone in "ab"}
POSTGRES: Any = {
    "engine": "postgres",
    "engine_version": "17",
    "instance_class": "db.m7g.large",
    "allocated_storage_gib": 100,
    "database_name": "orders",
}
SERVICES: Any = {
    "basket": {"table": {"partition_key": {"name": "customer"}, "sort_key": {"name": "line"}, "ttl_attribute": "until"}},
    "wishes": {"table": {"partition_key": {"name": "customer"}}},
    "orders": {"relational": POSTGRES},
    "billing": {"relational": POSTGRES, "user_name": "billing"},
    "catalogue": {"documents": {}},
    "reviews": {"documents": {"instance_count": 3}},
}
PLACE: Any = {"services": SERVICES, "vpc_id": "vpc-1", "subnet_ids_by_zone": SUBNETS}


def stores(seen: dict[str, Any] | None = None, **args: Any) -> Graph:
    def program() -> None:
        made = DatabasePerService("shop", {**PLACE, **args})
        for service in {**PLACE, **args}["services"]:
            WorkloadRole(f"role-{service}", {"service": "ecs-tasks.amazonaws.com", "statements": made.statements(service)})
        outputs = (
            *("store_arns", "table_names", "addresses", "ports", "secret_arns", "connect_arns"),
            *("client_security_group_ids", "kms_key_arns"),
        )
        if seen is not None:
            seen["sql"] = made.user_sql("billing")
            pulumi.Output.all(**{output: getattr(made, output) for output in outputs}).apply(seen.update)

    return record(program, mode="deployed")


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        record(lambda: DatabasePerService("shop", {**PLACE, **args}))
    return error.value.problems


def allowed(graph: Graph, service: str) -> list[tuple[str, str]]:
    """Action and resource of everything that the role of a service may do."""
    policies = [one for one in graph.of_type("aws:iam/rolePolicy:RolePolicy") if one.name.startswith(f"role-{service}")]
    statements = [statement for one in policies for statement in json.loads(one.inputs["policy"])["Statement"]]
    return [(action, place) for statement in statements for action in statement["Action"] for place in statement["Resource"]]


def test_no_services_role_reaches_anothers_store() -> None:
    seen: dict[str, Any] = {}
    graph = stores(seen)
    resource_ids = {one.name: one.outputs["resourceId"] for one in graph.of_type(INSTANCE)}
    for service in SERVICES:
        own = {seen["store_arns"][service], seen["kms_key_arns"][service], seen["secret_arns"].get(service)}
        found = allowed(graph, service)
        assert found, service
        for action, place in found:
            if action == "rds-db:connect":
                # Its own instance, as its own user.
                user = SERVICES[service].get("user_name", "app")
                assert place.endswith(f":dbuser:{resource_ids[f'shop-{service}-instance']}/{user}")
                assert seen["connect_arns"][service] == place
            else:
                assert place in own, (service, action)
    # Nothing is shared: as many stores, keys and secrets as services that have one.
    for output, count in {"store_arns": 6, "kms_key_arns": 6, "secret_arns": 4, "client_security_group_ids": 4}.items():
        assert len(set(seen[output].values())) == count, output
    assert {action for action, _place in allowed(graph, "catalogue")} == {"secretsmanager:GetSecretValue"}


def test_a_table_has_a_stream_where_it_is_asked_for() -> None:
    seen: dict[str, Any] = {}
    services: Any = {
        "orders": {"table": {"partition_key": {"name": "id"}, "stream": True}},
        "basket": {"table": {"partition_key": {"name": "id"}}},
    }

    def program() -> None:
        DatabasePerService("shop", {"services": services}).stream_arns.apply(seen.update)

    graph = record(program, mode="deployed")
    tables = {one.name: (one.inputs.get("streamEnabled"), one.inputs.get("streamViewType")) for one in graph.of_type(TABLE)}
    assert tables == {"shop-orders-table": (True, "NEW_AND_OLD_IMAGES"), "shop-basket-table": (None, None)}
    assert seen == {"orders": graph.named("shop-orders-table").outputs["streamArn"]}


def test_no_services_group_reaches_anothers_store() -> None:
    graph = stores()
    ports = {"orders": 5432, "billing": 5432, "catalogue": 27017, "reviews": 27017}
    for kind, group, peer in ((INGRESS, "store", "client"), (EGRESS, "client", "store")):
        rules = graph.of_type(kind)
        # One rule a store, from one group, on one port: no other way in, nor from a client to anything else.
        assert sorted(
            (
                refs(graph, rule, "securityGroupId"),
                refs(graph, rule, "referencedSecurityGroupId"),
                rule.inputs["fromPort"],
                rule.inputs["toPort"],
            )
            for rule in rules
        ) == sorted(([f"shop-{service}-{group}"], [f"shop-{service}-{peer}"], port, port) for service, port in ports.items())
    for kind in (INSTANCE, CLUSTER):
        for store in graph.of_type(kind):
            service = store.name.split("-")[1]
            assert refs(graph, store, "vpcSecurityGroupIds") == [f"shop-{service}-store"]


def test_each_store_has_its_own_key_and_secret() -> None:
    graph = stores()
    for kind, argument in ((INSTANCE, "kmsKeyId"), (CLUSTER, "kmsKeyId"), (TABLE, "serverSideEncryption")):
        for store in graph.of_type(kind):
            service = store.name.split("-")[1]
            assert refs(graph, store, argument) == [f"shop-{service}-key", f"shop-{service}-key-policy"]
            assert store.inputs["tags"]["Service"] == service
    assert {store.inputs["manageMasterUserPassword"] for store in (*graph.of_type(INSTANCE), *graph.of_type(CLUSTER))} == {True}


def test_a_table_is_protected() -> None:
    basket = stores().named("shop-basket-table").inputs
    assert (basket["hashKey"], basket["rangeKey"], basket["ttl"]) == ("customer", "line", {"attributeName": "until", "enabled": True})
    assert (basket["deletionProtectionEnabled"], basket["pointInTimeRecovery"]["enabled"]) == (True, True)
    wishes: Any = {"wishes": {"table": {"partition_key": {"name": "customer"}, "deletion_protection": False}}}
    alone = record(lambda: DatabasePerService("shop", {"services": wishes}))
    assert alone.one(TABLE).inputs["deletionProtectionEnabled"] is False


def test_a_table_has_keys_and_indexes_as_those_of_other_components() -> None:
    services: Any = {
        "basket": {
            "table": {
                "partition_key": {"name": "customer"},
                "sort_key": {"name": "line", "type": "N"},
                "indexes": {"by-article": {"partition_key": {"name": "article"}}},
            }
        }
    }

    def program() -> None:
        made = DatabasePerService("shop", {"services": services})
        WorkloadRole("role-basket", {"service": "ecs-tasks.amazonaws.com", "statements": made.statements("basket")})

    graph = record(program, mode="deployed")
    table = graph.one(TABLE)
    assert [(one["name"], one["type"]) for one in table.inputs["attributes"]] == [("article", "S"), ("customer", "S"), ("line", "N")]
    assert [index["name"] for index in table.inputs["globalSecondaryIndexes"]] == ["by-article"]
    assert ("dynamodb:Query", f"{table.outputs['arn']}/index/*") in allowed(graph, "basket")


def test_the_longest_name_is_one_that_the_databases_of_services_leave_room_for() -> None:
    args: Any = {**PLACE, "services": {"orders": {"relational": POSTGRES}}}
    record(lambda: DatabasePerService("s" * 38, args))
    with pytest.raises(ArgumentError) as error:
        record(lambda: DatabasePerService("s" * 39, args))
    assert error.value.problems == [
        (
            "name",
            f"has 39 characters; the child {'s' * 39}-orders-monitoring would pass the 64 characters that AWS allows. "
            "Give the component a name of at most 38 characters.",
        )
    ]


def test_a_cluster_of_documents_is_protected() -> None:
    graph = stores(log_retention_days=30)
    cluster = graph.named("shop-catalogue-cluster")
    identifier = cluster.inputs["clusterIdentifier"]
    assert {
        key: cluster.inputs[key] for key in ("storageEncrypted", "deletionProtection", "skipFinalSnapshot", "backupRetentionPeriod")
    } == {
        "storageEncrypted": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "backupRetentionPeriod": 30,
    }
    assert cluster.inputs["enabledCloudwatchLogsExports"] == ["audit"]
    assert cluster.options["protect"] is True
    group = graph.named("shop-catalogue-logs-audit").inputs
    assert (group["name"], group["retentionInDays"]) == (f"/aws/docdb/{identifier}/audit", 30)
    parameters = graph.named("shop-catalogue-parameters").inputs
    assert parameters["family"] == "docdb5.0"
    assert parameters["parameters"] == [{"name": "audit_logs", "value": "enabled", "applyMethod": "pending-reboot"}]
    zones = [graph.named(f"shop-reviews-{number}").inputs["availabilityZone"] for number in (1, 2, 3)]
    assert zones == ["eu-west-1a", "eu-west-1b", "eu-west-1a"]
    assert graph.named("shop-catalogue-key").options["retainOnDelete"] is True


def test_a_cluster_of_documents_is_upgraded_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[str, Any] = {}
    original = pulumi.ResourceHook.__init__

    def note(self: Any, name: str, func: Any, opts: pulumi.ResourceHookOptions) -> None:
        assert opts.on_dry_run
        found[name] = func
        original(self, name, func, opts)

    monkeypatch.setattr(pulumi.ResourceHook, "__init__", note)

    def upgrade(**documents: Any) -> Graph:
        services: Any = {"catalogue": {"documents": {"engine_version": "8.0.0", **documents}}}
        graph = stores_of(services)
        versions = [{"engineVersion": version} for version in ("5.0.0", "8.0.0")]
        found["shop-catalogue-cluster-upgrade"](
            pulumi.ResourceHookArgs("urn", "id", "db", "type", old_inputs=versions[0], new_inputs=versions[1])
        )
        return graph

    def stores_of(services: Any) -> Graph:
        return record(lambda: DatabasePerService("shop", {**PLACE, "services": services}))

    with pytest.raises(ValueError, match=r"from version 5\.0\.0 to 8\.0\.0, another major version: set allow_major_version_upgrade"):
        upgrade()
    # In one request with the parameter group of the new family, at once: the old group cannot be deleted before.
    graph = upgrade(allow_major_version_upgrade=True, apply_immediately=True)
    cluster = graph.one(CLUSTER).inputs
    assert (cluster["allowMajorVersionUpgrade"], cluster["applyImmediately"]) == (True, True)
    assert graph.named("shop-catalogue-parameters").inputs["family"] == "docdb8.0"
    assert graph.named("shop-catalogue-1").inputs["applyImmediately"] is True


def test_a_relational_database_is_that_of_the_pattern() -> None:
    seen: dict[str, Any] = {}
    stores(seen)
    assert '"billing"' in seen["sql"]
    assert seen["ports"] == {"orders": 5432, "billing": 5432, "catalogue": 27017, "reviews": 27017}
    assert sorted(seen["addresses"]) == ["billing", "catalogue", "orders", "reviews"]


def test_stores_that_are_not_well_are_reported() -> None:
    names = {one.name for one in stores(alarm_topic_arns=[TOPIC]).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert names >= {"shop-basket-throttled", "shop-orders-cpu", "shop-catalogue-memory"}
    assert stores().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {"services": {"basket": {}}},
            [("services.basket.table", "exactly one of table, relational and documents is needed; none is given. Give one.")],
        ),
        (
            {"services": {"basket": {"table": {"partition_key": {"name": "a"}, "sort_key": {"name": "a"}}}}},
            [("services.basket.table.sort_key.name", "is 'a', the partition key. Name another attribute.")],
        ),
        (
            {"services": {"catalogue": {"documents": {"allow_major_version_upgrade": True}}}},
            [
                (
                    "services.catalogue.documents.apply_immediately",
                    "is missing; allow_major_version_upgrade needs it: DocumentDB would upgrade",
                )
            ],
        ),
        ({"vpc_id": None}, [("vpc_id", "is missing; the stores of orders, billing, catalogue, reviews are in a VPC. Give it.")]),
        (
            {"services": {"orders": {"relational": {**POSTGRES, "engine_version": "9"}}}},
            [("services.orders.relational.engine_version", "is '9'; ")],
        ),
        (
            {"services": {"orders": {"relational": POSTGRES, "user_name": "dbadmin"}}},
            [("services.orders.user_name", "is 'dbadmin', the master user, who keeps the password. Use another, such as app.")],
        ),
        (
            {"services": {"orders": {"relational": POSTGRES, "user_name": "My App"}}},
            [("services.orders.user_name", "is 'My App'; postgres takes 1 to 63 lower case letters,")],
        ),
        (
            {"services": {"wishes": {"table": {"partition_key": {"name": "customer"}}, "user_name": "shop"}}},
            [("services.wishes.user_name", "is 'shop'; it is for a relational database. Remove it.")],
        ),
    ],
)
def test_what_cannot_be_is_refused_first(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    found = refused(**args)
    assert [path for path, _reason in found] == [path for path, _reason in problems]
    assert all(reason.startswith(start) for (_, reason), (_, start) in zip(found, problems, strict=True))


def test_a_service_asks_for_its_own() -> None:
    def ask(method: str, service: str) -> None:
        getattr(DatabasePerService("shop", PLACE), method)(service)

    known = "orders, billing, catalogue, reviews"
    for method, service, reason in (
        ("statements", "search", "is 'search', which is not a service; known are basket, wishes, orders, billing, catalogue, reviews."),
        ("client_group_id", "basket", f"is 'basket', which is not a service with a store in the VPC; known are {known}."),
        ("user_sql", "basket", "is 'basket', which is not a service with a relational database; known are orders, billing."),
    ):
        with pytest.raises(ArgumentError) as error:
            record(lambda method=method, service=service: ask(method, service))
        assert error.value.problems == [("service", reason)]
