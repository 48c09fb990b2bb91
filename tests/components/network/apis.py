"""Arguments of APIs for tests, and the graphs that come of them."""

import json
from typing import Any

from cloudpatterns.network import ApiGateway
from offline_preview.graph import Graph

from tests.harness import record

ACCOUNT = "123456789012"
FUNCTION = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:orders"
QUEUE = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:orders"
MACHINE = f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:orders"
BUS = f"arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/shop"
POOL = f"arn:aws:cognito-idp:eu-west-1:{ACCOUNT}:userpool/eu-west-1_aBcDeFgHi"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/00000000-0000-4000-8000-000000000001"
CERTIFICATE = f"arn:aws:acm:eu-west-1:{ACCOUNT}:certificate/00000000-0000-4000-8000-000000000001"
BALANCER = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:loadbalancer/app/orders/0123456789abcdef"
LISTENER = f"arn:aws:elasticloadbalancing:eu-west-1:{ACCOUNT}:listener/app/orders/0123456789abcdef/0123456789abcdef"
WEB_ACL = f"arn:aws:wafv2:eu-west-1:{ACCOUNT}:regional/webacl/shop/00000000-0000-4000-8000-000000000001"
TOPIC = f"arn:aws:sns:eu-west-1:{ACCOUNT}:alarms"

PEOPLE = {"user_pool": {"user_pool_arns": [POOL]}}
DECIDER = {"function": {"function_arn": f"{FUNCTION}-authorizer"}}
BUS_TARGET = {"event_bus_arn": BUS, "source": "shop", "detail_type": "Order received"}


def rest(**args: Any) -> dict[str, Any]:
    """Arguments of a REST API, with a public route to a function by default."""
    routes = {"GET /health": {"function_arn": FUNCTION, "public": True}}
    return {"kind": "rest", "account_logging_role": "existing", "routes": routes, **args}


def http(**args: Any) -> dict[str, Any]:
    """Arguments of an HTTP API, with a public route to a function by default."""
    return {"kind": "http", "routes": {"GET /health": {"function_arn": FUNCTION, "public": True}}, **args}


def make(args: Any) -> Graph:
    """The graph of an API named ``shop``."""
    return record(lambda: ApiGateway("shop", args), mode="deployed")


def definition(graph: Graph) -> dict[str, Any]:
    """The definition of a REST API."""
    return json.loads(graph.one("aws:apigateway/restApi:RestApi").inputs["body"])


def integration(graph: Graph, path: str, verb: str) -> dict[str, Any]:
    """The integration of a REST API's route."""
    return definition(graph)["paths"][path][verb]["x-amazon-apigateway-integration"]
