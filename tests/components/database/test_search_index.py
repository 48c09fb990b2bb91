"""SearchIndex: private, over TLS, with fine-grained access, as a domain and as a collection, and every refusal."""

import asyncio
import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import SearchIndex
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.security import WorkloadRole
from offline_preview.graph import Graph

from tests.harness import record, refs

DOMAIN, COLLECTION = "aws:opensearch/domain:Domain", "aws:opensearch/serverlessCollection:ServerlessCollection"
ENDPOINT, ACCESS = (
    "aws:opensearch/serverlessVpcEndpoint:ServerlessVpcEndpoint",
    "aws:opensearch/serverlessAccessPolicy:ServerlessAccessPolicy",
)
ALARM, GROUP = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/logGroup:LogGroup"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
ADMIN, WEB, INDEXER = (f"arn:aws:iam::123456789012:role/{name}" for name in ("admin", "team/web", "indexer"))
SUBNETS = {f"eu-west-1{zone}": f"subnet-{zone}" for zone in "abcd"}
PLACE: Any = {
    "admin_role_arn": ADMIN,
    "reader_role_arns": {"web": WEB},
    "writer_role_arns": {"indexer": INDEXER},
    "subnet_ids_by_zone": dict(list(SUBNETS.items())[:3]),
    "security_group_ids": ["sg-1"],
}
VERSION: Any = {"engine_version": "OpenSearch_3.1"}


def index(seen: dict[str, Any] | None = None, name: str = "products", **args: Any) -> Graph:
    def program() -> None:
        made = SearchIndex(name, {**PLACE, **args})
        outputs = (
            "endpoint",
            "dashboard_url",
            "service",
            "index_name",
            "index_arn",
            "vpc_endpoint_id",
            "access_requests",
            "log_group_names",
        )
        if seen is not None:
            pulumi.Output.all(**{output: getattr(made, output) for output in outputs}).apply(seen.update)

    return record(program, mode="deployed")


def domain(seen: dict[str, Any] | None = None, options: Any = None, **args: Any) -> Graph:
    return index(seen, domain={**VERSION, **(options or {})}, **args)


def collection(seen: dict[str, Any] | None = None, options: Any = None, **args: Any) -> Graph:
    return index(seen, collection=options or {}, **{"vpc_id": "vpc-1", **args})


def refused(name: str = "products", **args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        index(None, name, **args)
    return error.value.problems


@pytest.mark.parametrize("kind", [{"domain": {"engine_version": "OpenSearch_3.1"}}, {"collection": {}, "vpc_id": "vpc-1"}])
def test_a_function_has_both_the_address_and_the_role(kind: dict[str, Any]) -> None:
    seen: dict[str, Any] = {}

    def program() -> None:
        role = WorkloadRole("indexer", {"service": "lambda.amazonaws.com"})
        made = SearchIndex("products", {**PLACE, **kind, "writer_role_arns": {"indexer": role.role_arn}})
        code = pulumi.AssetArchive({"index.py": pulumi.StringAsset("")})
        function: Any = {"code": code, "existing_role_arn": role.role_arn, "environment": {"SEARCH_URL": made.endpoint}}
        QueueWorker("changes", {"function": function})
        pulumi.Output.all(arn=role.role_arn, url=made.endpoint).apply(seen.update)

    graph = record(program, mode="deployed")
    function = graph.named("changes-function").inputs
    assert (function["role"], function["environment"]["variables"]["SEARCH_URL"]) == (seen["arn"], seen["url"])
    role = graph.named("indexer-role").outputs["name"]
    assert {graph.named(name).inputs["role"] for name in ("changes-function-policy", "products-writer-indexer")} == {role}


def policy(graph: Graph, name: str, key: str = "policy") -> Any:
    return json.loads(graph.named(name).inputs[key])


def test_a_domain_is_private() -> None:
    made = domain().one(DOMAIN)
    assert made.inputs["vpcOptions"] == {"subnetIds": ["subnet-a", "subnet-b", "subnet-c"], "securityGroupIds": ["sg-1"]}
    assert "accessPolicies" not in made.inputs


def test_a_domain_speaks_tls_and_is_encrypted() -> None:
    graph = domain()
    made = graph.one(DOMAIN)
    assert made.inputs["domainEndpointOptions"] == {"enforceHttps": True, "tlsSecurityPolicy": "Policy-Min-TLS-1-2-PFS-2023-10"}
    assert made.inputs["nodeToNodeEncryption"] == {"enabled": True}
    assert made.inputs["encryptAtRest"] == {"enabled": True, "kmsKeyId": graph.named("products-key").outputs["arn"]}
    assert refs(graph, made, "encryptAtRest") == ["products-key", "products-key-policy"]


def test_a_domain_has_fine_grained_access() -> None:
    seen: dict[str, Any] = {}
    graph = domain(seen, index_patterns=["products-*"])
    assert graph.one(DOMAIN).inputs["advancedSecurityOptions"] == {
        "enabled": True,
        "internalUserDatabaseEnabled": False,
        "masterUserOptions": {"masterUserArn": ADMIN},
    }
    arn = f"{graph.one(DOMAIN).outputs['arn']}/*"
    read = ["es:ESHttpGet", "es:ESHttpHead", "es:ESHttpPost"]
    write = sorted([*read, "es:ESHttpDelete", "es:ESHttpPatch", "es:ESHttpPut"])
    roles = {"products-admin": ("admin", write), "products-reader-web": ("web", read), "products-writer-indexer": ("indexer", write)}
    for name, (role, actions) in roles.items():
        assert graph.named(name).inputs["role"] == role
        [statement] = policy(graph, name)["Statement"]
        assert (statement["Action"], statement["Resource"]) == (actions, [arn])
    lines = seen["access_requests"].splitlines()
    assert [line for line in lines if line.startswith("PUT")] == [
        "PUT _plugins/_security/api/roles/products-reader",
        "PUT _plugins/_security/api/rolesmapping/products-reader",
        "PUT _plugins/_security/api/roles/products-writer",
        "PUT _plugins/_security/api/rolesmapping/products-writer",
    ]
    bodies = [json.loads(line) for line in lines if line.startswith("{")]
    assert bodies == [
        {
            "cluster_permissions": ["cluster_composite_ops_ro"],
            "index_permissions": [{"index_patterns": ["products-*"], "allowed_actions": ["read"]}],
        },
        {"backend_roles": [WEB]},
        {
            "cluster_permissions": ["cluster_composite_ops"],
            "index_permissions": [
                {"index_patterns": ["products-*"], "allowed_actions": ["crud", "create_index", "indices:admin/mapping/put"]}
            ],
        },
        {"backend_roles": [INDEXER]},
    ]


def test_a_domain_writes_four_logs_that_it_alone_may_write() -> None:
    seen: dict[str, Any] = {}
    graph = domain(seen, log_retention_days=30)
    made = graph.one(DOMAIN)
    kinds = {"errors": "ES_APPLICATION_LOGS", "audit": "AUDIT_LOGS", "slow-writes": "INDEX_SLOW_LOGS", "slow-searches": "SEARCH_SLOW_LOGS"}
    groups = {group.name: group for group in graph.of_type(GROUP)}
    assert {group.inputs["retentionInDays"] for group in groups.values()} == {30}
    assert made.inputs["logPublishingOptions"] == [
        {"logType": kind, "cloudwatchLogGroupArn": groups[f"products-logs-{log}"].outputs["arn"], "enabled": True}
        for log, kind in kinds.items()
    ]
    assert "products-logs-policy" in refs(graph, made, "logPublishingOptions")
    assert seen["log_group_names"] == [groups[f"products-logs-{log}"].outputs["name"] for log in kinds]
    [statement] = policy(graph, "products-logs-policy", "policyDocument")["Statement"]
    assert statement["Principal"] == {"Service": ["es.amazonaws.com"]}
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": "123456789012"},
        "ArnEquals": {"aws:SourceArn": f"arn:aws:es:eu-west-1:123456789012:domain/{made.inputs['domainName']}"},
    }
    # 28 characters at most.
    assert made.inputs["domainName"] == groups["products-logs-errors"].outputs["name"].replace("-logs-errors", "")
    assert len(made.inputs["domainName"]) <= 28


def test_a_domain_spans_its_zones() -> None:
    made = domain().one(DOMAIN).inputs
    assert made["clusterConfig"] == {
        "instanceType": "r7g.large.search",
        "instanceCount": 3,
        "zoneAwarenessEnabled": True,
        "zoneAwarenessConfig": {"availabilityZoneCount": 3},
        "multiAzWithStandbyEnabled": False,
        "dedicatedMasterEnabled": True,
        "dedicatedMasterCount": 3,
        "dedicatedMasterType": "m7g.large.search",
    }
    assert made["ebsOptions"] == {"ebsEnabled": True, "volumeType": "gp3", "volumeSize": 100}
    assert made["autoTuneOptions"] == {"desiredState": "ENABLED"}
    assert made["offPeakWindowOptions"] == {"enabled": True, "offPeakWindow": {"windowStartTime": {"hours": 22, "minutes": 0}}}
    small: Any = {"instance_type": "t3.small.search", "instance_count": 1, "dedicated_masters": False, "off_peak_start": "03:30"}
    one = domain(options=small, subnet_ids_by_zone={"eu-west-1a": "subnet-a"}).one(DOMAIN).inputs
    assert one["clusterConfig"] == {
        "instanceType": "t3.small.search",
        "instanceCount": 1,
        "zoneAwarenessEnabled": False,
        "multiAzWithStandbyEnabled": False,
        "dedicatedMasterEnabled": False,
    }
    assert "autoTuneOptions" not in one
    assert one["offPeakWindowOptions"]["offPeakWindow"] == {"windowStartTime": {"hours": 3, "minutes": 30}}


def test_a_domain_that_is_not_well_is_reported() -> None:
    assert domain().of_type(ALARM) == []
    graph = domain(alarm_topic_arns=[TOPIC])
    made = graph.one(DOMAIN)
    suffixes = ("red", "yellow", "read-only", "storage", "memory", "cpu", "snapshot-failed", "key")
    assert [alarm.name for alarm in graph.of_type(ALARM)] == [f"products-{suffix}" for suffix in suffixes]
    storage = graph.named("products-storage").inputs
    assert (storage["comparisonOperator"], storage["threshold"], storage["statistic"]) == ("LessThanThreshold", 20_480, "Minimum")
    assert storage["dimensions"] == {"DomainName": made.outputs["domainName"], "ClientId": "123456789012"}


def test_the_role_that_an_account_shares_is_created_where_it_is_asked_for() -> None:
    role = "aws:iam/serviceLinkedRole:ServiceLinkedRole"
    assert domain().of_type(role) == []
    graph = domain(create_service_linked_role=True)
    assert graph.one(role).inputs["awsServiceName"] == "opensearchservice.amazonaws.com"
    assert graph.one(role).urn in graph.one(DOMAIN).dependencies
    # AWS refuses to delete it while a domain uses it: neither a destroy nor False may try.
    assert graph.one(role).options["retainOnDelete"] is True


def test_a_domain_waits_until_opensearch_sees_the_new_role(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    found: dict[str, Any] = {}
    original = pulumi.ResourceHook.__init__

    def note(self: Any, name: str, func: Any, *opts: Any) -> None:
        found[name] = func
        original(self, name, func, *opts)

    monkeypatch.setattr(pulumi.ResourceHook, "__init__", note)
    domain(create_service_linked_role=True)

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    # Not asyncio.run, which takes the loop of this process away.
    loop = asyncio.new_event_loop()
    loop.run_until_complete(found["products-service-role-seen"](None))
    loop.close()
    assert slept == [20]


def test_a_collection_is_private() -> None:
    seen: dict[str, Any] = {}
    graph = collection(seen)
    endpoint = graph.one(ENDPOINT)
    assert (endpoint.inputs["vpcId"], endpoint.inputs["securityGroupIds"]) == ("vpc-1", ["sg-1"])
    name = graph.one(COLLECTION).inputs["name"]
    assert policy(graph, "products-network") == [
        {
            "Rules": [
                {"ResourceType": "collection", "Resource": [f"collection/{name}"]},
                {"ResourceType": "dashboard", "Resource": [f"collection/{name}"]},
            ],
            "AllowFromPublic": False,
            "SourceVPCEs": [endpoint.id],
        }
    ]
    assert (seen["vpc_endpoint_id"], seen["service"], seen["access_requests"], seen["log_group_names"]) == (endpoint.id, "aoss", "", [])
    shared = collection(options={"existing_vpc_endpoint_id": "vpce-0abc"}, vpc_id=None)
    assert shared.of_type(ENDPOINT) == []
    assert policy(shared, "products-network")[0]["SourceVPCEs"] == ["vpce-0abc"]


def test_a_collection_is_encrypted_before_it_is_there() -> None:
    graph = collection()
    made = graph.one(COLLECTION)
    assert policy(graph, "products-encryption") == {
        "Rules": [{"ResourceType": "collection", "Resource": [f"collection/{made.inputs['name']}"]}],
        "AWSOwnedKey": False,
        "KmsARN": graph.named("products-key").outputs["arn"],
    }
    assert "products-encryption" in refs(graph, made, "name")


def test_who_has_the_endpoint_of_a_collection_can_connect() -> None:
    def program() -> None:
        given: Any = {"collection": {}, "vpc_id": "vpc-1", **PLACE}
        aws.ssm.Parameter("url", type="String", value=SearchIndex("products", given).endpoint)

    graph = record(program, mode="deployed")
    assert {"products-network", "products-access"} <= set(refs(graph, graph.named("url"), "value"))


def test_another_key_replaces_a_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    triggers: list[Any] = []
    original = aws.opensearch.ServerlessCollection.__init__

    def note(self: Any, *args: Any, opts: pulumi.ResourceOptions, **inputs: Any) -> None:
        pulumi.Output.from_input(opts.replacement_trigger).apply(triggers.append)
        original(self, *args, opts=opts, **inputs)

    monkeypatch.setattr(aws.opensearch.ServerlessCollection, "__init__", note)
    key_arn = "arn:aws:kms:eu-west-1:123456789012:key/1"
    graph = collection(kms_key_arn=key_arn)
    # OpenSearch Serverless encrypts a collection with the key of its beginning: it would lose its data with that key.
    assert triggers == [key_arn]
    assert graph.one(COLLECTION).options["protect"] is True


def test_a_collection_has_fine_grained_access() -> None:
    graph = collection(index_patterns=["products-*"])
    name = graph.one(COLLECTION).inputs["name"]
    found = json.loads(graph.one(ACCESS).inputs["policy"])
    read, write = ["aoss:DescribeIndex", "aoss:ReadDocument"], ["aoss:CreateIndex", "aoss:UpdateIndex", "aoss:WriteDocument"]
    assert [(rule["Principal"], rule["Rules"][0]["Resource"], rule["Rules"][0]["Permission"]) for rule in found] == [
        ([ADMIN], [f"index/{name}/*"], sorted([*read, *write, "aoss:DeleteIndex"])),
        ([WEB], [f"index/{name}/products-*"], read),
        ([INDEXER], [f"index/{name}/products-*"], sorted([*read, *write])),
    ]
    for child in ("products-admin", "products-reader-web", "products-writer-indexer"):
        statement, *more = policy(graph, child)["Statement"]
        assert (statement["Action"], statement["Resource"]) == (["aoss:APIAccessAll"], [graph.one(COLLECTION).outputs["arn"]])
        # Who reads and writes for an application needs no Dashboards.
        assert [one["Action"] for one in more] == ([["aoss:DashboardsAccessAll"]] if child == "products-admin" else [])
    dashboards = policy(graph, "products-admin")["Statement"][1]["Resource"]
    assert dashboards == ["arn:aws:aoss:eu-west-1:123456789012:dashboards/default"]


def test_a_collection_scales_from_nothing_to_its_ceiling() -> None:
    options: Any = {"type": "VECTORSEARCH", "max_search_ocus": 16}
    graph = collection(options=options, alarm_topic_arns=[TOPIC])
    group = graph.one("aws:opensearch/serverlessCollectionGroup:ServerlessCollectionGroup")
    assert (group.inputs["generation"], group.inputs["standbyReplicas"]) == ("NEXTGEN", "ENABLED")
    assert group.inputs["capacityLimits"] == [
        {"minIndexingCapacityInOcu": 0, "minSearchCapacityInOcu": 0, "maxIndexingCapacityInOcu": 8, "maxSearchCapacityInOcu": 16}
    ]
    made = graph.one(COLLECTION)
    assert (made.inputs["type"], made.inputs["collectionGroupName"]) == ("VECTORSEARCH", group.outputs["name"])
    [alarm] = graph.of_type(ALARM)
    expression = f'SELECT SUM("5xx") FROM "AWS/AOSS" WHERE CollectionId = \'{made.id}\''
    assert alarm.inputs["metricQueries"][0]["expression"] == expression


def test_deletion_is_refused_unless_it_is_asked_for() -> None:
    for made, kind in ((domain, DOMAIN), (collection, COLLECTION)):
        assert made().one(kind).options["protect"] is True
        assert made(deletion_protection=False).one(kind).options["protect"] is False


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({}, [("domain", "exactly one of domain and collection is needed; none is given. Give one.")]),
        (
            {"collection": {}},
            [("vpc_id", "is missing; the new endpoint of the collection needs it. Give it, or collection.existing_vpc_endpoint_id.")],
        ),
        (
            {"domain": VERSION, "reader_role_arns": {"web": WEB}, "writer_role_arns": {"web": WEB}},
            [("reader_role_arns.web", "is a writer too; writers read. Remove it here.")],
        ),
        (
            {"domain": VERSION, "subnet_ids_by_zone": SUBNETS},
            [("subnet_ids_by_zone", "has 4 zones; a domain is in one, two or three. Leave out 1.")],
        ),
        (
            {"domain": {**VERSION, "instance_count": 2}},
            [("domain.instance_count", "is 2, less than the 3 zones. Raise it, or give subnets in fewer zones.")],
        ),
        (
            {"domain": {**VERSION, "instance_type": "r6gd.large.search"}},
            [("domain.instance_type", "is 'r6gd.large.search', which takes no EBS volumes. Use another, such as r7g.large.search.")],
        ),
        (
            {"domain": {**VERSION, "instance_type": "t2.small.search"}},
            [("domain.instance_type", "is 't2.small.search', which cannot encrypt its storage. Use t3.small.search or larger.")],
        ),
        (
            {"domain": {**VERSION, "instance_type": "t3.medium.search", "instance_count": 12}},
            [("domain.instance_count", "is 12; a domain has at most 10 nodes of t3. Lower it, or use r7g.large.search.")],
        ),
        (
            {"domain": {**VERSION, "instance_count": 12, "dedicated_masters": False}},
            [("domain.dedicated_masters", "is False; 12 data nodes need dedicated masters. Set it to True.")],
        ),
        (
            {
                "domain": {**VERSION, "instance_count": 4, "dedicated_masters": False, "standby": True},
                "subnet_ids_by_zone": {"eu-west-1a": "subnet-a"},
            },
            [
                ("subnet_ids_by_zone", "has 1 zones; domain.standby needs three. Give a subnet in each of three, or remove standby."),
                ("domain.dedicated_masters", "is False; standby needs dedicated masters. Set it to True, or remove standby."),
                ("domain.instance_count", "is 4; standby needs a multiple of three. Use 3 or 6."),
            ],
        ),
        (
            {"domain": {"engine_version": "latest"}},
            [("domain.engine_version", "is 'latest'; must be a version such as OpenSearch_3.1")],
        ),
        (
            {"collection": {"max_search_ocus": 5}, "vpc_id": "vpc-1"},
            [("collection.max_search_ocus", "is 5; must be one of 2, 4, 8, 16, 32, 48, 64, 80, 96")],
        ),
    ],
)
def test_what_aws_refuses_is_refused_first(args: dict[str, Any], problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


def test_the_name_leaves_room_for_the_random_part() -> None:
    long = "products-of-all-shops"
    reason = "has 21 characters; a domain's has 28 at most, 8 of them random. Give the component a name of at most 20 characters."
    assert refused(long, domain=VERSION) == [("name", reason)]
    assert refused(long, collection={}, vpc_id="vpc-1") == [
        (
            "name",
            "has 21 characters; the child products-of-all-shops-group would pass the 32 characters that AWS allows. Give the component a "
            "name of at most 18 characters.",
        )
    ]
