"""OrderProcessing: what it composes, who reaches what, and every refusal. How orders run is in ``test_order_processing_runs.py``."""

import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.systems import OrderProcessing
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_aBcDeFgHi"
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:ship"
FUNCTION, POLICY, TABLE = "aws:lambda/function:Function", "aws:iam/rolePolicy:RolePolicy", "aws:dynamodb/table:Table"


def service(name: str, action: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "action": action, "function": {"code": pulumi.AssetArchive({})}, **more}


SERVICES: Any = [
    service("stock", "Reserve", compensation="Release", refusals=["OutOfStock"]),
    service("payment", "Charge", compensation="Refund", refusals=["Declined"], circuit={"failures": 5}),
    service("shipping", "Ship", compensation="Recall"),
]
ARGS: Any = {
    "services": SERVICES,
    "api": {"kind": "rest"},
    "account_logging_role": "existing",
    "authorizer": {"user_pool": {"user_pool_arns": [POOL]}},
    "alarm_topic_arns": [TOPIC],
}


def make(mode: Any = "deployed", **args: Any) -> Graph:
    return record(lambda: OrderProcessing("shop", {**ARGS, **args}), mode=mode)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        make(**args)
    return error.value.problems


@pytest.fixture(scope="module")
def graph() -> Graph:
    return make()


def definition(graph: Graph) -> dict[str, Any]:
    return json.loads(graph.one("aws:sfn/stateMachine:StateMachine").inputs["definition"])


def statements(graph: Graph, name: str) -> list[dict[str, Any]]:
    return json.loads(graph.named(name).inputs["policy"])["Statement"]


def _actions(graph: Graph, policy: str, arn: str) -> list[str]:
    """What a policy allows on a resource."""
    return [action for one in statements(graph, policy) if arn in one["Resource"] for action in one["Action"]]


def environment(graph: Graph, name: str) -> dict[str, str]:
    return graph.named(name).inputs["environment"]["variables"]


def test_it_is_composed_of_the_patterns(graph: Graph) -> None:
    kinds = ("ApiGateway", "CircuitBreaker", "DatabasePerService", "DurableBucket", "EventBus", "Workflow")
    found = {kind: [one.name for one in graph.of_type(f"cloudpatterns:index:{kind}")] for kind in kinds}
    assert found == {
        "ApiGateway": ["shop-api"],
        "CircuitBreaker": ["shop-circuits"],
        "DatabasePerService": ["shop-stores"],
        "DurableBucket": ["shop-unannounced", "shop-unannounced-logs"],
        "EventBus": ["shop-events"],
        "Workflow": ["shop-saga"],
    }


def test_each_of_the_four_services_has_a_store_and_reaches_no_other(graph: Graph) -> None:
    tables = {one.name: one.outputs["arn"] for one in graph.of_type(TABLE) if "stores" in one.name}
    assert [*tables] == [f"shop-stores-{name}-table" for name in ("orders", "stock", "payment", "shipping")]
    for name in ("stock", "payment", "shipping"):
        every = [resource for one in statements(graph, f"shop-saga-{name}-policy") for resource in one["Resource"]]
        assert [arn for arn in every if arn in tables.values()] == [tables[f"shop-stores-{name}-table"]]
        assert refs(graph, graph.named(f"shop-saga-{name}"), "environment") != []
        assert environment(graph, f"shop-saga-{name}")["TABLE_NAME"] == graph.named(f"shop-stores-{name}-table").outputs["name"]


def test_the_store_of_orders_is_for_the_system_alone(graph: Graph) -> None:
    arn = graph.named("shop-stores-orders-table").outputs["arn"]
    users = {one.name: _actions(graph, one.name, arn) for one in graph.of_type(POLICY)}
    assert {name: actions for name, actions in users.items() if actions} == {
        "shop-saga-policy": ["dynamodb:UpdateItem"],
        "shop-api-function-entrance-policy": ["dynamodb:GetItem"],
    }


def test_an_order_passes_the_services_in_their_order_and_is_undone_in_the_reverse_one(graph: Graph) -> None:
    states = definition(graph)["States"]
    path, name = [], "Begin"
    while "Next" in states[name]:
        name = states[name]["Next"]
        path.append(name)
    assert path == ["Open", "Reserve", "Charge", "Ship", "Confirm", "Done"]
    undone = [name for name in states if name in ("Recall", "Refund", "Release", "Close")]
    assert undone == ["Recall", "Refund", "Release", "Close"]
    for step in path[:-2]:
        # Whatever a step failed of, its own compensation runs as well.
        assert {catcher["Next"] for catcher in states[step]["Catch"]} == {f"{step} uncertain"}


def test_refusals_are_not_retried_and_everything_else_is(graph: Graph) -> None:
    states = definition(graph)["States"]
    never, always = states["Charge"]["Retry"]
    assert never == {"ErrorEquals": ["Declined", "OutOfStock"], "MaxAttempts": 0}
    assert (always["ErrorEquals"], always["MaxAttempts"], always["JitterStrategy"]) == (["States.ALL"], 5, "FULL")
    [undo] = states["Refund"]["Retry"]
    assert (undo["ErrorEquals"], undo["MaxAttempts"], undo["MaxDelaySeconds"]) == (["States.ALL"], 9, 600)


def test_a_step_outlasts_its_function() -> None:
    services = [service("stock", "Reserve"), service("payment", "Charge", timeout_seconds=45), {**SERVICES[2], "function": None}]
    services[2] = {"name": "shipping", "action": "Ship", "function_arn": FUNCTION_ARN}
    states = definition(make(services=services))["States"]
    assert [states[name]["TimeoutSeconds"] for name in ("Reserve", "Charge", "Ship")] == [35, 45, 60]


def test_the_api_takes_orders_and_shows_them_to_callers_that_the_authorizer_knows(graph: Graph) -> None:
    paths = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])["paths"]
    assert {path: [*methods] for path, methods in paths.items()} == {"/orders": ["post"], "/orders/{id}": ["get"]}
    for path, method in (("/orders", "post"), ("/orders/{id}", "get")):
        assert paths[path][method]["security"] == [{"callers": []}]
    variables = environment(graph, "shop-api-function-entrance")
    assert variables["STATE_MACHINE_ARN"] == graph.one("aws:sfn/stateMachine:StateMachine").outputs["arn"]
    assert variables["ORDER_TABLE"] == graph.named("shop-stores-orders-table").outputs["name"]
    actions = {action for one in statements(graph, "shop-api-function-entrance-policy") for action in one["Action"]}
    assert {"states:StartExecution", "states:DescribeExecution", "dynamodb:GetItem", "kms:Decrypt", "kms:GenerateDataKey"} <= actions


def test_a_model_is_that_of_new_orders() -> None:
    graph = make(api={"kind": "rest", "models": {"Order": '{"type": "object"}'}}, order_model="Order")
    paths = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])["paths"]
    assert "requestBody" in paths["/orders"]["post"]
    assert "requestBody" not in paths["/orders/{id}"]["get"]


def test_pages_of_other_origins_may_send_the_key_and_read_the_location() -> None:
    cors = {"allowed_origins": ["https://www.example.com", "https://m.example.com"], "allow_credentials": True}
    graph = make(api={"kind": "rest", "cors": cors})
    preflight = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])["paths"]["/orders"]["options"]
    headers = preflight["x-amazon-apigateway-integration"]["responses"]["default"]["responseParameters"]
    assert headers["method.response.header.Access-Control-Allow-Headers"] == "'Authorization,Content-Type,Idempotency-Key'"
    assert headers["method.response.header.Access-Control-Expose-Headers"] == "'Location,Retry-After'"
    variables = environment(graph, "shop-api-function-entrance")
    assert variables["ALLOWED_ORIGINS"] == "https://www.example.com,https://m.example.com"
    assert variables["ALLOW_CREDENTIALS"] == "true"


def test_callers_may_sign_instead() -> None:
    seen: dict[str, str] = {}

    def program() -> None:
        args: Any = {**ARGS, "authorizer": None, "iam_authorization": True}
        shop = OrderProcessing("shop", args)
        shop.execution_arn.apply(lambda arn: seen.update(arn=arn))
        [call] = shop.invoke_statements()
        pulumi.Output.all(*call["resources"]).apply(lambda arns: seen.update(places=" ".join(arns)))

    graph = record(program, mode="deployed")
    paths = json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])["paths"]
    assert paths["/orders"]["post"]["security"] == [{"iam_": []}]
    assert seen["arn"].startswith("arn:aws:execute-api:")
    assert seen["places"] == f"{seen['arn']}/live/POST/orders {seen['arn']}/live/GET/orders/*"


def test_a_role_has_no_rights_to_place_orders_where_tokens_decide() -> None:
    def program() -> None:
        args: Any = ARGS
        with pytest.raises(ArgumentError) as caught:
            OrderProcessing("shop", args).invoke_statements()
        reason = "is not set, so a role's rights admit nobody. Set it, in place of authorizer."
        assert caught.value.problems == [("iam_authorization", reason)]

    record(program, mode="deployed")


def test_an_http_api_takes_them_as_well() -> None:
    jwt = {"jwt": {"issuer": "https://login.example.com/", "audiences": ["shop"]}}
    graph = make(api={"kind": "http"}, account_logging_role=None, authorizer=jwt, scopes=["orders"])
    routes = {one.inputs["routeKey"]: one.inputs for one in graph.of_type("aws:apigatewayv2/route:Route")}
    assert {key: (route["authorizationType"], route["authorizationScopes"]) for key, route in routes.items()} == {
        "POST /orders": ("JWT", ["orders"]),
        "GET /orders/{id}": ("JWT", ["orders"]),
    }


def test_the_payment_provider_is_called_through_its_circuit(graph: Graph) -> None:
    variables = environment(graph, "shop-saga-payment")
    assert json.loads(variables["CLOUDPATTERNS_BREAKER_PAYMENT"])["failures"] == 5
    table = graph.named("shop-circuits-table").outputs["arn"]
    assert [one["Condition"] for one in statements(graph, "shop-saga-payment-policy") if table in one["Resource"]] == [
        {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["payment"]}}
    ]
    assert not any(name.startswith("CLOUDPATTERNS_BREAKER") for name in environment(graph, "shop-saga-stock"))
    assert make(services=[service("stock", "Reserve")]).of_type("cloudpatterns:index:CircuitBreaker") == []


def test_the_functions_have_the_library_where_they_can(graph: Graph) -> None:
    assert all(len(graph.named(f"shop-saga-{name}").inputs["layers"]) == 2 for name in ("stock", "payment", "shipping"))
    image = {"name": "stock", "action": "Reserve", "function": {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/stock:1"}}
    node = {"name": "payment", "action": "Charge", "function": {"code": pulumi.AssetArchive({}), "runtime": "nodejs24.x"}}
    graph = make(services=[image, node])
    assert "layers" not in graph.named("shop-saga-stock").inputs
    assert len(graph.named("shop-saga-payment").inputs["layers"]) == 1


def test_events_come_from_the_stream_of_the_store_and_what_fails_is_kept_whole(graph: Graph) -> None:
    table = graph.named("shop-stores-orders-table")
    assert (table.inputs["streamEnabled"], table.inputs["streamViewType"]) == (True, "NEW_AND_OLD_IMAGES")
    source = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs
    assert source["eventSourceArn"] == table.outputs["streamArn"]
    assert source["startingPosition"] == "TRIM_HORIZON"
    assert source["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["maximumRecordAgeInSeconds"] < 86_400
    assert source["destinationConfig"]["onFailure"]["destinationArn"] == graph.named("shop-unannounced-bucket").outputs["arn"]
    variables = environment(graph, "shop-announcer")
    assert variables["EVENT_BUS_ARN"] == graph.one("aws:cloudwatch/eventBus:EventBus").outputs["arn"]
    assert variables["EVENT_SOURCE"] == "shop"
    assert environment(make(event_source="shop.orders"), "shop-announcer")["EVENT_SOURCE"] == "shop.orders"
    rights = {one["Sid"] for one in statements(graph, "shop-announcer-policy")}
    assert {"ReadStream", "FindStream", "ReadStreamKey", "KeepFailed", "FindBucket", "KeepFailedKey", "Announce"} <= rights


def test_rules_of_the_user_route_the_events() -> None:
    rule = {"event_pattern": {"source": ["shop"]}, "targets": {"mail": {"queue": {}}}}
    graph = make(events={"rules": {"mail": rule}})
    assert graph.named("shop-events-mail-rule").inputs["eventBusName"] == graph.one("aws:cloudwatch/eventBus:EventBus").outputs["name"]


def test_a_parked_order_raises_an_alarm_and_an_operator_may_go_on(graph: Graph) -> None:
    assert graph.named("shop-saga-parked-alarm").inputs["alarmActions"] == [TOPIC]
    assert definition(graph)["StartAt"] == "Parked?"
    seen: list[Any] = []
    graph = record(lambda: seen.extend(OrderProcessing("shop", ARGS).resume_statements()), mode="deployed")
    assert {action for one in seen for action in one["actions"]} >= {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "states:StartExecution",
        "kms:Decrypt",
    }


def test_the_alarm_on_parked_orders_says_how_to_go_on_with_them(graph: Graph) -> None:
    assert graph.named("shop-saga-parked-alarm").inputs["alarmDescription"] == (
        "Executions of shop-saga are half undone: a compensation failed. Their documents are in the queue shop-saga-parked. Fix the cause, "
        "then go on with them: python -m cloudpatterns_runtime.parked_executions"
    )


def test_failed_orders_raise_an_alarm_and_rejected_ones_do_not(graph: Graph) -> None:
    assert graph.named("shop-saga-failed").inputs["threshold"] == 0
    assert make(most_failed_orders=5).named("shop-saga-failed").inputs["threshold"] == 5
    choice = definition(graph)["States"]["Compensated?"]
    assert choice["Choices"][0] == {"Condition": '{% $states.input.error.Error in ["Declined", "OutOfStock"] %}', "Next": "Compensated"}
    assert make(alarm_topic_arns=[]).of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_a_store_in_the_vpc_admits_its_function_alone() -> None:
    postgres = {
        "engine": "postgres",
        "engine_version": "17",
        "instance_class": "db.m7g.large",
        "allocated_storage_gib": 100,
        "database_name": "stock",
    }
    subnets = {f"eu-west-1{zone}": f"subnet-{zone}" for zone in "ab"}
    function = {"code": pulumi.AssetArchive({}), "subnet_ids_by_zone": subnets, "security_group_ids": ["sg-egress"]}
    stock = {**SERVICES[0], "function": function, "store": {"relational": postgres}}
    graph = make(services=[stock], vpc_id="vpc-1", subnet_ids_by_zone=subnets)
    network = graph.named("shop-saga-stock").inputs["vpcConfig"]
    assert network["securityGroupIds"] == ["sg-egress", graph.named("shop-stores-stock-client").outputs["id"]]
    variables = environment(graph, "shop-saga-stock")
    assert variables["DATABASE_PORT"] == "5432"
    assert variables["DATABASE_HOST"] == graph.named("shop-stores-stock-instance").outputs["address"]
    assert "TABLE_NAME" not in variables
    assert "rds-db:connect" in {action for one in statements(graph, "shop-saga-stock-policy") for action in one["Action"]}


def test_an_existing_function_keeps_its_own_store() -> None:
    graph = make(services=[SERVICES[0], {"name": "shipping", "action": "Ship", "compensation": "Recall", "function_arn": FUNCTION_ARN}])
    assert [one.name for one in graph.of_type(TABLE)] == ["shop-stores-orders-table", "shop-stores-stock-table"]
    assert [one["Resource"] for one in statements(graph, "shop-saga-policy") if "lambda:InvokeFunction" in one["Action"]][1] == [
        FUNCTION_ARN
    ]


def test_a_preview_has_the_same_resources() -> None:
    assert {one.name for one in make("preview").resources} == {one.name for one in make().resources}


@pytest.mark.parametrize(
    ("args", "path", "reason"),
    [
        ({"iam_authorization": True}, "authorizer", "exactly one of authorizer and iam_authorization"),
        ({"api": {"kind": "rest", "default_authorizer": "x"}}, "api.default_authorizer", "is not for this API, whose authorizer"),
        ({"account_logging_role": None}, "account_logging_role", "is missing; an API of kind rest needs it."),
        (
            {"authorizer": {"function": {"function": "check"}}},
            "authorizer.function.function",
            "names a new function, and this API has none of yours. Give function_arn.",
        ),
        (
            {"services": [{**SERVICES[0], "function": {}}]},
            "services.0.function.code",
            "exactly one of code and image_uri is needed; none is given.",
        ),
        ({"order_model": "Order"}, "order_model", "is 'Order', which is not one of api.models; known are none."),
        (
            {"services": [service("orders", "Reserve")]},
            "services.0.name",
            "is 'orders', which is taken: orders. Choose another.",
        ),
        (
            {"services": [service("stock", "Open")]},
            "services.0.action",
            "is 'Open', which is taken: Close, Confirm, Open. Choose another.",
        ),
        (
            {"services": [service("stock", "Reserve", compensation="Reserve")]},
            "services.0.compensation",
            "is 'Reserve', which is taken: Close, Confirm, Open, Reserve. Choose another.",
        ),
        (
            {"services": [{"name": "stock", "action": "Reserve"}]},
            "services.0.function",
            "exactly one of function and function_arn is needed; none is given.",
        ),
        (
            {"services": [{"name": "stock", "action": "Reserve", "function_arn": FUNCTION_ARN, "circuit": {}}]},
            "services.0.circuit",
            "is for a new function; that of function_arn has its own. Remove it.",
        ),
        (
            {"services": [service("stock", "Reserve", store={"documents": {}})]},
            "services.0.function.subnet_ids_by_zone",
            "is missing; the store is in the VPC. Give it, with security_group_ids.",
        ),
        # What the composed components refuse, at the arguments of the system.
        ({"services": [service("stock", "Reserve", timeout_seconds=5)]}, "services.0.timeout_seconds", "is 5, below the 30"),
        (
            {"services": [service("stock", "Reserve", retry={"attempts": 3, "errors": ["States.ALL", "Lost"]})]},
            "services.0.retry.errors",
            "has States.ALL beside others; it stands alone. Remove the others.",
        ),
        (
            {
                "services": [service("stock", "Reserve", store={"table": {"partition_key": {"name": "id"}}, "documents": {}})],
                "vpc_id": "vpc-1",
                "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
            },
            "services.0.store.table",
            "exactly one of table, relational and documents is needed; both are given.",
        ),
        ({"authorizer": {}}, "authorizer.jwt", "exactly one of jwt, user_pool and function is needed; none is given."),
        ({"api": {"kind": "rest", "models": {"Order": "{"}}}, "api.models.Order", "is no JSON: "),
        (
            {"events": {"rules": {"mail": {"event_pattern": {"detail_type": ["OrderConfirmed"]}, "targets": {"mail": {"queue": {}}}}}}},
            "events.rules.mail.event_pattern.detail_type",
            "is 'detail_type', which is not a field of events; known are source, detail-type, detail, account, ",
        ),
        (
            {"authorizer": None, "iam_authorization": True, "scopes": ["orders"]},
            "iam_authorization",
            "excludes scopes: who signs requests has no token; both are given.",
        ),
        (
            {"services": [{**SERVICES[0], "function": {"code": pulumi.AssetArchive({}), "environment": {"TABLE_NAME": "x"}}}]},
            "services.0.function.environment.TABLE_NAME",
            "is set by the pattern. Choose another name.",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(args: dict[str, Any], path: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        # Nothing is there yet.
        OrderProcessing.check("shop", {**ARGS, **args})
    found = dict(caught.value.problems)
    assert [*found] == [path]
    assert found[path].startswith(reason)
