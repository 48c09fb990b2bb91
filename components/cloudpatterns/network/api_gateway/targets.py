"""What an API may do to the targets of its routes: its role, and the permissions of functions."""

from collections.abc import Iterator, Mapping

import pulumi

from cloudpatterns.blocks import allow_invocation, service_role
from cloudpatterns.core import Component, Statement
from cloudpatterns.network.api_gateway.arguments import ApiGatewayArgs, ApiRouteArgs
from cloudpatterns.network.api_gateway.routes import route_of

SERVICE = "apigateway.amazonaws.com"


def targets_role(component: Component, name: str, checked: ApiGatewayArgs) -> pulumi.Output[str] | None:
    """The ARN of a role with exactly the rights that the routes to queues, state machines and buses need; None where there are none."""
    statements = list(_statements(checked["routes"]))
    if not statements:
        return None
    role = service_role(
        component,
        f"{name}-role",
        SERVICE,
        f"Targets of the API {name}",
        statements={f"{name}-role-policy": statements},
        tags=checked["tags"],
    )
    return role.arn


def _statements(routes: Mapping[str, ApiRouteArgs]) -> Iterator[Statement]:
    queues = [queue for route in routes.values() if (queue := route.get("queue")) is not None]
    machines = [arn for route in routes.values() if (arn := route.get("state_machine_arn")) is not None]
    machine_keys = [key for route in routes.values() if (key := route.get("state_machine_kms_key_arn")) is not None]
    buses = [bus["event_bus_arn"] for route in routes.values() if (bus := route.get("event_bus")) is not None]
    keys = [key for queue in queues if (key := queue.get("kms_key_arn")) is not None]
    if queues:
        yield Statement(sid="Queues", actions=["sqs:SendMessage"], resources=_each_once([queue["queue_arn"] for queue in queues]))
    if keys:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
        yield Statement(
            sid="KeysOfQueues",
            actions=["kms:GenerateDataKey", "kms:Decrypt"],
            resources=_each_once(keys),
            conditions={"StringLike": {"kms:ViaService": "sqs.*.amazonaws.com"}},
        )
    if machines:
        yield Statement(sid="StateMachines", actions=["states:StartExecution"], resources=_each_once(machines))
    if machine_keys:
        # StartExecution uses the key of a state machine with the caller's rights, and else fails with KmsAccessDeniedException.
        # https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
        yield Statement(
            sid="KeysOfStateMachines",
            actions=["kms:GenerateDataKey", "kms:Decrypt"],
            resources=_each_once(machine_keys),
            conditions={"StringLike": {"kms:ViaService": "states.*.amazonaws.com"}},
        )
    if buses:
        yield Statement(sid="EventBuses", actions=["events:PutEvents"], resources=_each_once(buses))


def _each_once(arns: list[pulumi.Input[str]]) -> list[pulumi.Input[str]]:
    return [arn for number, arn in enumerate(arns) if not any(arn is other or _same(arn, other) for other in arns[:number])]


def _same(arn: pulumi.Input[str], other: pulumi.Input[str]) -> bool:
    return isinstance(arn, str) and isinstance(other, str) and arn == other


def permissions(
    component: Component, name: str, checked: ApiGatewayArgs, execution_arn: pulumi.Input[str], stage_name: str
) -> list[pulumi.Resource]:
    """Lets the API invoke each route's function, for that route of that stage alone, and its authorizers' functions."""
    found: list[pulumi.Resource] = []
    for key, route in checked["routes"].items():
        if (arn := route.get("function_arn")) is not None:
            source = pulumi.Output.concat(execution_arn, "/", stage_name, "/", route_of(key).source)
            found.append(allow_invocation(component, f"{name}-{route_of(key).child}-permission", arn, SERVICE, source))
    for key, authorizer in checked["authorizers"].items():
        if (function := authorizer.get("function")) is not None:
            # API Gateway gives an authorizer its id when it reads the definition: it is not known before, and one API's are alike.
            source = pulumi.Output.concat(execution_arn, "/authorizers/*")
            found.append(allow_invocation(component, f"{name}-authorizer-{key}-permission", function["function_arn"], SERVICE, source))
    return found


def invocation_uri(function_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    """How an integration or authorizer names a function, in the function's partition and Region."""
    return pulumi.Output.from_input(function_arn).apply(
        lambda arn: f"{service_uri(arn, 'lambda')}:path/2015-03-31/functions/{arn}/invocations"
    )


def service_uri(arn: str, service: str) -> str:
    """How an integration names a service, in the partition and Region of the target."""
    _, partition, _, region, *_ = arn.split(":")
    return f"arn:{partition}:apigateway:{region}:{service}"
