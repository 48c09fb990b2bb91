"""Services that a role trusts: their names, where one letter is wrong."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._near import is_one_letter_away
from cloudpatterns_policies.acceptance.controls.roles import TAKEN_ON
from cloudpatterns_policies.acceptance.iam_database import DatabaseError, database
from cloudpatterns_policies.core import UNKNOWN, Fail, Resource, Severity, Verdict, control

_DOMAIN: Final = ".amazonaws.com"
_SHORTEST: Final = 5
"""Of shorter names many differ in one letter."""
_SERVICES: Final = frozenset(
    {
        *(service for _, _, service in TAKEN_ON if len(service) >= _SHORTEST),
        *("application-autoscaling", "autoscaling", "bedrock", "cloudformation", "edgelambda", "elasticmapreduce", "lakeformation"),
        *("opensearchservice", "redshift", "sagemaker", "spotfleet"),
    }
)
"""Names of services that take on roles. One that is missing here is never reported."""

_refusal = partial(control, severity=Severity.HIGH, pack="acceptance")


@_refusal(
    id="trusted-service-exists",
    title="Roles trust services by names that AWS has",
    types=("aws:iam/role:Role",),
    why="IAM refuses a document with a principal that does not exist as malformed.",
    remediation="Write the service's name as its page has it.",
    url="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def trusted_service_exists(resource: Resource) -> Iterator[Verdict]:
    """Names that are one letter away from one that exists; of others nobody knows."""
    try:
        document = None if resource.is_unknown("assumeRolePolicy") else resource.json("assumeRolePolicy")
    except ValueError:
        return  # iam-statement-effective says it
    for name in dict.fromkeys(_named(document)):
        near = _near(name.removesuffix(_DOMAIN)) if name.endswith(_DOMAIN) else None
        if near is not None:
            yield Fail(f"would be refused: trusts {name}, a service that there is not; did you mean {near}{_DOMAIN}?", "assumeRolePolicy")


def _named(document: Any) -> Iterator[str]:
    """The services in a document, as far as it is known."""
    for statement in _list(document.get("Statement") if isinstance(document, dict) else None):
        principal = statement.get("Principal") if isinstance(statement, dict) else None
        for name in _list(principal.get("Service") if isinstance(principal, dict) else None):
            if isinstance(name, str):
                yield name


def _near(service: str) -> str | None:
    """The service whose name is one letter away from this one, which AWS does not have."""
    if service in _SERVICES:
        return None
    found = [one for one in sorted(_SERVICES) if is_one_letter_away(service, one)]
    try:
        # A prefix of actions is the name of a service, too.
        return found[0] if len(found) == 1 and database().service(service) is None else None
    except DatabaseError:
        return None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None or value is UNKNOWN else [value]
