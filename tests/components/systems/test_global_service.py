"""GlobalService: what a cell has, that none needs another Region, who answers when one is lost, stacks of cells, and every refusal."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.systems import GlobalService
from offline_preview.graph import Graph, Resource

from tests.emulators.dns import HostedZones
from tests.harness import record, refs

IRELAND, VIRGINIA, TOKYO = "eu-west-1", "us-east-1", "ap-northeast-1"
REGIONS = (IRELAND, VIRGINIA, TOKYO)
NAME, ZONE = "api.example.com", "Z0123456789ABCDEFGHIJ"
LATENCIES = {IRELAND: 10, VIRGINIA: 90, TOKYO: 230}
CHECK, KEY, TABLE, POLICY = (
    "aws:route53/healthCheck:HealthCheck",
    "aws:kms/key:Key",
    "aws:dynamodb/table:Table",
    "aws:iam/rolePolicy:RolePolicy",
)
FUNCTION: Any = {"code": pulumi.AssetArchive({})}
CALLED: Any = {"iam_authorization": True}
ELSEWHERE = (
    "is of eu-west-1, not of us-east-1. The cell us-east-1 would fail with that Region. Give each cell its own: by environment of cells, "
    "or a stack for each cell."
)
_ARN_REGION = re.compile(r"arn:[a-z-]+:[a-z0-9-]+:([a-z]{2}(?:-[a-z]+)+-\d):")
_ENDPOINT_REGION = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com")


def topics(*regions: str) -> dict[str, list[str]]:
    return {region: [f"arn:aws:sns:{region}:123456789012:alarms"] for region in regions}


def cell(region: str, **more: Any) -> dict[str, Any]:
    return {"region": region, "account_logging_role": "existing", **more}


SHARED: Any = {"domain_name": NAME, "hosted_zone_id": ZONE}
PARTS: Any = {
    "api": {"kind": "rest", "firewall": {}},
    "functions": {"profiles": FUNCTION},
    "worker": {"function": FUNCTION},
    "routes": {
        "GET /profiles/{id}": {"function": "profiles", **CALLED},
        "POST /exports": {"queue": True, **CALLED},
    },
}
ARGS: Any = {
    **SHARED,
    **PARTS,
    "table": {
        "region": IRELAND,
        "replica_regions": [VIRGINIA, TOKYO],
        "partition_key": {"name": "id"},
        "sort_key": {"name": "n", "type": "N"},
    },
    "cells": {region: cell(region) for region in REGIONS},
    "alarm_topic_arns_by_region": topics(*REGIONS),
}
EXISTING: Any = {
    "arn": f"arn:aws:dynamodb:{VIRGINIA}:123456789012:table/profiles",
    "kms_key_arns_by_region": {IRELAND: f"arn:aws:kms:{IRELAND}:123456789012:key/1"},
    "partition_key": {"name": "id"},
}
ONE_CELL: Any = {
    **SHARED,
    **PARTS,
    "existing_table": EXISTING,
    "cells": {"c1-eu-west-1": cell(IRELAND, partition="c1")},
    "other_cells": {"c1-us-east-1": {"region": VIRGINIA, "partition": "c1"}, "c2-eu-west-1": {"region": IRELAND, "partition": "c2"}},
    "certificate_arns_by_region": {IRELAND: f"arn:aws:acm:{IRELAND}:123456789012:certificate/1"},
    "alarm_topic_arns_by_region": topics(IRELAND, VIRGINIA),
}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {key: value for key, value in {**ARGS, **args}.items() if value is not None}
    return record(lambda: GlobalService("play", given), mode=mode)


def make_one(**args: Any) -> Graph:
    given: Any = {key: value for key, value in {**ONE_CELL, **args}.items() if value is not None}
    return record(lambda: GlobalService("play", given), mode="deployed")


def refused(base: Any = ARGS, **args: Any) -> list[tuple[str, str]]:
    given: Any = {key: value for key, value in {**base, **args}.items() if value is not None}
    with pytest.raises(ArgumentError) as error:
        record(lambda: GlobalService("play", given))
    return error.value.problems


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make()


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def of_cell(graph: Graph, region: str) -> list[Resource]:
    """The resources of a cell, by their names."""
    return [one for one in graph.resources if one.type.startswith("aws:") and one.name.startswith(f"play-{region}-")]


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def needed(graph: Graph, resource: Resource, seen: set[str]) -> Iterator[Resource]:
    """What a resource needs, and what that needs. Records and the table are the two things that Regions share; they are not followed."""
    by_urn = graph.by_urn()
    for urn in {*resource.dependencies, *(urn for urns in resource.property_dependencies.values() for urn in urns)} - seen:
        seen.add(urn)
        target = by_urn[urn]
        if not target.type.startswith("aws:") or target.type.startswith("aws:route53/") or target.name == "play-table-table":
            continue
        yield target
        yield from needed(graph, target, seen)


@pytest.mark.parametrize("region", REGIONS)
def test_a_cell_needs_nothing_of_another_region(graph: Graph, region: str) -> None:
    parts = of_cell(graph, region)
    # The health checks' alarm is where Route 53 has its metrics, and not part of what serves.
    serving = [one for one in parts if not one.type.startswith("aws:route53/") and one.name != f"play-{region}-health-unhealthy"]
    assert len(serving) > 40
    seen: set[str] = set()
    for resource in [*serving, *(target for one in serving for target in needed(graph, one, seen))]:
        assert resource.inputs.get("region") in (region, None), resource.urn
        if resource.inputs.get("region") is None:
            # What has no Region at all.
            assert resource.type.split(":")[1].split("/")[0] in ("iam", "route53"), resource.urn
        for text in texts(resource.inputs):
            assert set(_ARN_REGION.findall(text)) <= {region}, (resource.urn, text)
            assert set(_ENDPOINT_REGION.findall(text)) <= {region}, (resource.urn, text)


@pytest.mark.parametrize("region", REGIONS)
def test_a_cell_has_everything_in_its_own_region(graph: Graph, region: str) -> None:
    kinds = {one.type.split("/")[1].split(":")[1] for one in of_cell(graph, region) if one.inputs.get("region") == region}
    assert {"Key", "RestApi", "Stage", "Function", "Queue", "LogGroup", "MetricAlarm", "WebAcl", "DomainName", "LayerVersion"} <= kinds
    assert refs(graph, graph.named(f"play-{region}-worker-queue"), "kmsMasterKeyId") == [f"play-{region}-key", f"play-{region}-key-policy"]
    domain = graph.named(f"play-{region}-domain").inputs
    assert domain["domainName"] == NAME
    assert f":acm:{region}:" in domain["regionalCertificateArn"]
    for alarm in [one for one in of_cell(graph, region) if one.type.endswith(":MetricAlarm")]:
        where = VIRGINIA if alarm.name.endswith("-unhealthy") else region
        assert (alarm.inputs["region"], alarm.inputs["alarmActions"]) == (where, topics(where)[where])


@pytest.mark.parametrize("region", REGIONS)
def test_functions_may_use_the_replica_of_their_own_region_alone(graph: Graph, region: str) -> None:
    for role in ("function-profiles", "worker-function"):
        by_sid = {one.get("Sid"): one for one in statements(graph, f"play-{region}-{role}-policy")}
        table, key = by_sid["GlobalTable"], by_sid["GlobalTableKey"]
        assert {arn.split(":")[3] for arn in table["Resource"]} == {region}
        assert {"dynamodb:GetItem", "dynamodb:UpdateItem"} <= set(table["Action"])
        suffix = "" if region == IRELAND else f"-{region}"
        assert key["Resource"] == [graph.named(f"play-table-key{suffix}").outputs["arn"]]
    environment = graph.named(f"play-{region}-function-profiles").inputs["environment"]["variables"]
    assert environment["TABLE_NAME"] == graph.named("play-table-table").outputs["name"]
    assert environment["CELL_NAME"] == region
    assert environment["QUEUE_URL"] == graph.named(f"play-{region}-worker-queue").outputs["url"]
    assert json.loads(environment["CELL_URLS_BY_REGION"]) == {one: f"https://{one}.{NAME}" for one in REGIONS}


def test_the_nearest_cell_answers(graph: Graph) -> None:
    for region in REGIONS:
        latencies = {**LATENCIES, region: 1}
        assert HostedZones(graph, latencies=latencies).answers(NAME) == {target(graph, region): 1}


def target(graph: Graph, region: str) -> str:
    return graph.named(f"play-{region}-domain").outputs["regionalDomainName"]


@pytest.mark.parametrize("lost", REGIONS)
def test_when_a_region_is_lost_the_others_answer(graph: Graph, lost: str) -> None:
    left = [region for region in REGIONS if region != lost]
    for nearest in REGIONS:
        latencies = {**LATENCIES, nearest: 1}
        zones = HostedZones(graph, dead_checks=[f"play-{lost}-health-check"], latencies=latencies)
        (answer,) = zones.answers(NAME)
        expected = min(left, key=lambda region: latencies[region])
        assert answer == target(graph, expected)
        # Requests that must reach one Region find it by its own name.
        assert zones.answers(f"{expected}.{NAME}") == {graph.named(f"play-{expected}-domain-own").outputs["regionalDomainName"]: 1}


def test_the_health_check_asks_the_cell_itself_for_what_it_stands_on(graph: Graph) -> None:
    for region in REGIONS:
        check = graph.named(f"play-{region}-health-check").inputs
        assert (check["fqdn"], check["resourcePath"]) == (f"{region}.{NAME}", "/health/deep")
        assert (check["type"], check["searchString"]) == ("HTTPS_STR_MATCH", "deep-health-ok")
        layers = json.loads(graph.named(f"play-{region}-function-health").inputs["environment"]["variables"]["LAYERS"])
        assert layers["table"]["region"] == layers["queue"]["region"] == region
        assert layers["table"]["key"] == {"id": {"S": "health"}, "n": {"N": "0"}}
        routes = json.loads(graph.named(f"play-{region}-api").inputs["body"])["paths"]
        assert set(routes) == {"/profiles/{id}", "/exports", "/health/deep"}


def test_the_table_is_in_each_region_with_a_key_there(graph: Graph) -> None:
    table = graph.named("play-table-table").inputs
    assert (table["region"], [one["regionName"] for one in table["replicas"]]) == (IRELAND, [VIRGINIA, TOKYO])
    assert all(one["pointInTimeRecovery"] and one["deletionProtectionEnabled"] for one in table["replicas"])
    assert [f":kms:{one['regionName']}:" in one["kmsKeyArn"] for one in table["replicas"]] == [True, True]


def test_certificates_of_all_regions_share_one_validation_record(graph: Graph) -> None:
    certificates = graph.of_type("aws:acm/certificate:Certificate")
    assert {one.inputs["region"] for one in certificates} == set(REGIONS)
    assert {(one.inputs["domainName"], *one.inputs["subjectAlternativeNames"]) for one in certificates} == {(NAME, f"*.{NAME}")}
    assert [one.name for one in graph.resources if "certificates-record" in one.name] == [f"play-certificates-record-{NAME}"]


def test_a_drained_cell_keeps_its_own_name_and_gets_no_clients() -> None:
    graph = make(cells={**ARGS["cells"], IRELAND: cell(IRELAND, drained=True)})
    zones = HostedZones(graph, latencies=LATENCIES)
    assert zones.answers(NAME) == {target(graph, VIRGINIA): 1}
    assert zones.answers(f"{IRELAND}.{NAME}")


def test_outputs(graph: Graph) -> None:
    outputs = graph.one("cloudpatterns:index:GlobalService").outputs
    assert outputs["urls"] == [f"https://{NAME}"]
    assert outputs["cell_urls"] == {region: f"https://{region}.{NAME}" for region in REGIONS}
    for name in ("execution_arns", "health_check_ids", "queue_urls", "dead_letter_queue_arns", "cell_kms_key_arns", "table_arns"):
        assert set(outputs[name]) == set(REGIONS), name
    assert {arn.split(":")[3] for arn in outputs["certificate_arns"].values()} == set(REGIONS)


def test_the_stack_with_what_all_cells_share_has_no_cell() -> None:
    graph = record(lambda: GlobalService("play", {**SHARED, "table": ARGS["table"]}), mode="deployed")
    outputs = graph.one("cloudpatterns:index:GlobalService").outputs
    assert (outputs["urls"], outputs["cell_urls"]) == ([], {})
    assert set(outputs["certificate_arns"]) == set(outputs["table_arns"]) == set(outputs["table_kms_key_arns"]) == set(REGIONS)
    assert not graph.of_type("aws:apigateway/restApi:RestApi", CHECK)


def test_a_stack_of_one_cell_adopts_the_table_and_certificates() -> None:
    graph = make_one()
    assert not graph.of_type("aws:acm/certificate:Certificate")
    assert [one.name for one in graph.of_type(TABLE)] == ["play-c1-eu-west-1-worker-idempotency"]
    by_sid = {one.get("Sid"): one for one in statements(graph, "play-c1-eu-west-1-function-profiles-policy")}
    arn = f"arn:aws:dynamodb:{IRELAND}:123456789012:table/profiles"
    assert by_sid["GlobalTable"]["Resource"] == [arn, f"{arn}/index/*"]
    assert by_sid["GlobalTableKey"]["Resource"] == [EXISTING["kms_key_arns_by_region"][IRELAND]]
    environment = graph.named("play-c1-eu-west-1-function-profiles").inputs["environment"]["variables"]
    assert environment["TABLE_NAME"] == "profiles"
    urls = {IRELAND: f"https://c1-eu-west-1.{NAME}", VIRGINIA: f"https://c1-us-east-1.{NAME}"}
    assert json.loads(environment["CELL_URLS_BY_REGION"]) == urls


def test_stacks_of_a_partition_share_its_name_by_latency() -> None:
    graph = make_one()
    (shared,) = [one.inputs for one in graph.of_type("aws:route53/record:Record") if one.inputs["name"] == f"c1.{NAME}"]
    assert (shared["setIdentifier"], shared["latencyRoutingPolicies"]) == (IRELAND, [{"region": IRELAND}])
    # A cell that is drained leaves its partition to the others.
    drained = make_one(cells={"c1-eu-west-1": cell(IRELAND, partition="c1", drained=True)})
    assert not [one for one in drained.of_type("aws:route53/record:Record") if one.inputs["name"] == f"c1.{NAME}"]


def test_the_stacks_of_a_partition_take_over_from_each_other() -> None:
    graphs: list[Graph] = []
    for region in REGIONS:
        others = {f"c1-{other}": {"region": other, "partition": "c1"} for other in REGIONS if other != region}
        kms = {region: f"arn:aws:kms:{region}:123456789012:key/1"}
        graphs.append(
            make_one(
                existing_table={**EXISTING, "kms_key_arns_by_region": kms},
                cells={f"c1-{region}": cell(region, partition="c1")},
                other_cells=others,
                certificate_arns_by_region={region: f"arn:aws:acm:{region}:123456789012:certificate/1"},
            )
        )
    # One hosted zone has the records of all stacks.
    zone = Graph("project", "all", [one for graph in graphs for one in graph.resources])
    for lost in REGIONS:
        left = min((one for one in REGIONS if one != lost), key=lambda region: LATENCIES[region])
        zones = HostedZones(zone, dead_checks=[f"play-c1-{lost}-health-check"], latencies={**LATENCIES, lost: 1})
        assert zones.answers(f"c1.{NAME}") == {zone.named(f"play-c1-{left}-domain").outputs["regionalDomainName"]: 1}


def test_two_partitions_in_two_regions_are_four_cells_under_two_names() -> None:
    cells = {f"{one}-{region}": cell(region, partition=one) for one in ("c1", "c2") for region in (IRELAND, VIRGINIA)}
    graph = make(cells=cells, worker=None, routes={"GET /profiles/{id}": {"function": "profiles", **CALLED}})
    names = [one.inputs["domainName"] for one in graph.of_type("aws:apigateway/domainName:DomainName")]
    # A name is once in a Region: https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-custom-domains.html
    placed = [(one.inputs["domainName"], one.inputs["region"]) for one in graph.of_type("aws:apigateway/domainName:DomainName")]
    assert len(set(placed)) == len(placed) == 8
    assert names.count(f"c1.{NAME}") == names.count(f"c2.{NAME}") == 2
    zones = HostedZones(graph, dead_checks=["play-c1-eu-west-1-health-check"], latencies=LATENCIES)
    domain = "regionalDomainName"
    assert zones.answers(f"c1.{NAME}") == {graph.named("play-c1-us-east-1-domain").outputs[domain]: 1}
    assert zones.answers(f"c2.{NAME}") == {graph.named("play-c2-eu-west-1-domain").outputs[domain]: 1}


def test_a_cell_without_a_worker_has_no_queue() -> None:
    graph = make(worker=None, routes={"GET /profiles/{id}": {"function": "profiles", **CALLED}})
    assert not graph.of_type("aws:sqs/queue:Queue")
    variables = graph.named("play-eu-west-1-function-profiles").inputs["environment"]["variables"]
    assert "QUEUE_URL" not in variables


def test_keys_and_web_acls_of_the_user_are_used() -> None:
    key = f"arn:aws:kms:{IRELAND}:123456789012:key/2"
    acl = f"arn:aws:wafv2:{IRELAND}:123456789012:regional/webacl/mine/1"
    graph = make(cells={**ARGS["cells"], IRELAND: cell(IRELAND, kms_key_arn=key, web_acl_arn=acl)})
    assert graph.named("play-eu-west-1-worker-queue").inputs["kmsMasterKeyId"] == key
    assert graph.named("play-eu-west-1-web-acl").inputs["webAclArn"] == acl
    assert {one.inputs["region"] for one in graph.of_type("aws:wafv2/webAcl:WebAcl")} == {VIRGINIA, TOKYO}


def test_the_check_of_a_cell_ends_before_its_api_stops_waiting() -> None:
    graph = make(api={"kind": "http"}, cells={region: {"region": region} for region in REGIONS})
    seconds = graph.named("play-eu-west-1-function-health").inputs["timeout"]
    wait = graph.named("play-eu-west-1-get-health-deep-integration").inputs["timeoutMilliseconds"]
    assert 1000 * seconds < wait


def test_callers_that_sign_may_call_every_cell() -> None:
    found: list[Any] = []
    record(lambda: found.extend(GlobalService("play", ARGS).invoke_statements("GET /profiles/{id}")))
    assert [one["sid"] for one in found] == ["CallCell1", "CallCell2", "CallCell3"]


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {"existing_table": EXISTING, "table": None},
            [
                (
                    f"cells.{region}.region",
                    f"is '{region}', where the table is not; it is in eu-west-1. Add the Region to kms_key_arns_by_region of "
                    "existing_table.",
                )
                for region in (VIRGINIA, TOKYO)
            ],
        ),
        (
            {"table": None},
            [("table", "exactly one of table and existing_table is needed; none is given. Give one.")],
        ),
        (
            {"cells": {IRELAND: cell(IRELAND)}},
            [("cells", "has eu-west-1 alone, whose clients would have no other Region. Add a cell, or name those of other_cells.")],
        ),
        (
            {"cells": {**ARGS["cells"], "second": cell(IRELAND)}},
            [
                (
                    "cells.second.region",
                    "is 'eu-west-1', where eu-west-1 serves the name without a partition. Give one of them another partition.",
                )
            ],
        ),
        (
            {
                "cells": {
                    IRELAND: cell(IRELAND, account_logging_role="create"),
                    "a": cell(VIRGINIA),
                    "b": cell(IRELAND, partition="c"),
                    "d": cell(VIRGINIA, partition="c"),
                }
                | {"b": cell(IRELAND, partition="c", account_logging_role="create")}
            },
            [
                (
                    "cells.b.account_logging_role",
                    "is 'create', as that of eu-west-1 in the same Region, which has one of an account. Set it to existing.",
                )
            ],
        ),
        (
            {"alarm_topic_arns_by_region": {IRELAND: topics(VIRGINIA)[VIRGINIA]}},
            [("alarm_topic_arns_by_region.eu-west-1.0", "is of us-east-1, not of eu-west-1. Give one of its own Region.")],
        ),
        (
            {"cells": {**ARGS["cells"], TOKYO: cell(TOKYO, kms_key_arn=f"arn:aws:kms:{IRELAND}:123456789012:key/2")}},
            [("cells.ap-northeast-1.kms_key_arn", "is of eu-west-1, not of ap-northeast-1. Give one of its own Region.")],
        ),
        (
            {"functions": {"profiles": {**FUNCTION, "environment": {"SECRET": f"arn:aws:secretsmanager:{IRELAND}:123456789012:secret:a"}}}},
            [
                (
                    "functions.profiles.environment.SECRET",
                    ELSEWHERE,
                )
            ],
        ),
        (
            {"functions": {"profiles": {"image_uri": f"123456789012.dkr.ecr.{IRELAND}.amazonaws.com/app:1"}}},
            [
                (
                    "functions.profiles.image_uri",
                    ELSEWHERE,
                )
            ],
        ),
        (
            {"functions": {"profiles": FUNCTION, "health": FUNCTION}},
            [("functions.health", "is the name of the system's own function. Choose another.")],
        ),
        (
            {"routes": {**PARTS["routes"], "GET /health/deep": {"function": "profiles", **CALLED}}},
            [("routes.GET /health/deep", "is the route of the health check. Choose another, or another path of health.")],
        ),
        (
            {"routes": {"GET /a": {"function": "other", **CALLED}}},
            [("routes.GET /a.function", "is 'other', which is not one of functions; known are profiles.")],
        ),
        (
            {"worker": None},
            [("routes.POST /exports.queue", "is True; without worker the cells have no queue. Give worker, or a function.")],
        ),
        (
            {"functions": {"profiles": {**FUNCTION, "environment": {"CELL_NAME": "a"}}}},
            [("functions.profiles.environment.CELL_NAME", "is set by the system. Choose another name.")],
        ),
        (
            {"routes": None},
            [("routes", "is missing; cells need it.")],
        ),
        (
            {"cells": {region: cell(region, drained=True) for region in REGIONS}},
            [
                (
                    "cells.ap-northeast-1.drained",
                    "is True, as of all that serve api.example.com, which would have no record. Leave one undrained.",
                )
            ],
        ),
        (
            {"alarm_topic_arns_by_region": topics(*REGIONS, "eu-west-2")},
            [
                (
                    "alarm_topic_arns_by_region.eu-west-2",
                    "is of a Region with neither a cell nor the table; known are eu-west-1, us-east-1, ap-northeast-1. Correct it, or "
                    "remove it.",
                )
            ],
        ),
        (
            {"table": {**ARGS["table"], "replica_regions": [VIRGINIA, TOKYO, IRELAND]}},
            [("table.replica_regions", "is 'eu-west-1', the table's own Region. Name another one.")],
        ),
    ],
)
def test_what_cannot_work_is_refused(args: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(**args) == problems


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        (
            {"certificate_arns_by_region": None},
            [
                (
                    "certificate_arns_by_region",
                    "has none of eu-west-1; other_cells needs it: one stack has their validation record. Give that stack's.",
                )
            ],
        ),
        (
            {"other_cells": {**ONE_CELL["other_cells"], "c1-eu-west-1": {"region": IRELAND, "partition": "c3"}}},
            [("other_cells.c1-eu-west-1", "is a cell of this stack, too. Remove it.")],
        ),
        (
            {"other_cells": {"c1": {"region": VIRGINIA, "partition": "c1"}}},
            [
                ("cells.c1-eu-west-1.partition", "is 'c1', the name of a cell: both would have one domain name. Choose another."),
                ("other_cells.c1.partition", "is 'c1', the name of a cell: both would have one domain name. Choose another."),
            ],
        ),
        (
            {"cells": None},
            [
                ("functions", "is for cells, and there are none. Give cells, or remove it."),
                ("worker", "is for cells, and there are none. Give cells, or remove it."),
                ("api", "is for cells, and there are none. Give cells, or remove it."),
                ("routes", "is for cells, and there are none. Give cells, or remove it."),
                ("other_cells", "is for cells, and there are none. Give cells, or remove it."),
                ("cells", "is missing; without a new table there would be nothing. Give one or more."),
            ],
        ),
        (
            {"worker": {"visibility_timeout_seconds": 60}},
            [("worker.function", "is missing; each cell needs its own. Give it.")],
        ),
    ],
)
def test_what_cannot_work_in_a_stack_of_one_cell_is_refused(args: Any, problems: list[tuple[str, str]]) -> None:
    assert refused(ONE_CELL, **args) == problems


def test_what_the_parts_refuse_has_the_place_where_the_system_has_it() -> None:
    cells = {region: {"region": region} for region in REGIONS}
    assert [path for path, _ in refused(cells=cells)] == [f"cells.{region}.account_logging_role" for region in REGIONS]
    http = {region: {"region": region} for region in REGIONS}
    (problem,) = refused(
        api={"kind": "http"}, cells=http, routes={**PARTS["routes"], "GET /a": {"function": "profiles", "model": "A", **CALLED}}
    )
    assert problem[0] == "routes.GET /a.model"
    (problem,) = refused(worker={"function": FUNCTION, "batch_size": 100})
    assert problem[0] == "worker.batch_size"
