"""API Gateway: deployments of REST APIs."""

from collections.abc import Iterator
from typing import Final

from cloudpatterns_policies.acceptance.controls._given import given
from cloudpatterns_policies.acceptance.relations import target, waits_for
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, stack_control

_DEPLOYMENT: Final = "aws:apigateway/deployment:Deployment"
_API: Final = "aws:apigateway/restApi:RestApi"
_PARTS: Final = ("aws:apigateway/integration:Integration", "aws:apigateway/method:Method")
_PAGE: Final = "https://www.pulumi.com/registry/packages/aws/api-docs/apigateway/deployment/"


@stack_control(
    id="api-deployment-last",
    title="A deployment of a REST API waits for its methods and integrations",
    severity=Severity.HIGH,
    types=(_DEPLOYMENT,),
    why="A deployment is a copy of the API: API Gateway refuses it while a method has no integration, and what comes later is not in it.",
    remediation="Name methods and integrations in depends_on of the deployment, or their ids in triggers.",
    url=_PAGE,
    pack="acceptance",
)
def api_deployment_last(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    api = target(stack, resource, "restApi", _API)
    parts = [] if api is None else [item for type_ in _PARTS for item in stack.referrers(api, type_, "restApi")]
    late = [item.name for item in parts if not waits_for(stack, resource, item)]
    if late:
        yield Fail(f"does not wait for {', '.join(late[:3])}{f' and {len(late) - 3} more' if len(late) > 3 else ''}")


@stack_control(
    id="api-deployment-triggers",
    title="A deployment of a REST API is made again when the API changes",
    severity=Severity.LOW,
    types=(_DEPLOYMENT,),
    why="A change of a method or an integration reaches no stage until the API is deployed again.",
    remediation="Give triggers a hash of everything that the API is made of.",
    url=_PAGE,
    pack="acceptance",
)
def api_deployment_triggers(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    api = target(stack, resource, "restApi", _API)
    made = api is not None and any(stack.referrers(api, type_, "restApi") for type_ in _PARTS)
    if made and given(resource, "triggers") is None and given(resource, "variables") is None:
        yield Fail("has no triggers, so that later changes of the API are not deployed", "triggers")
