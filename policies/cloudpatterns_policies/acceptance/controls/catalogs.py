"""Service Catalog: constraints on a product in a portfolio."""

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from cloudpatterns_policies.acceptance.controls._given import given, is_given
from cloudpatterns_policies.acceptance.relations import target, waits_for
from cloudpatterns_policies.core import Fail, Resource, Severity, Stack, Verdict, control, stack_control

_CONSTRAINT: Final = "aws:servicecatalog/constraint:Constraint"
_ASSOCIATION: Final = "aws:servicecatalog/productPortfolioAssociation:ProductPortfolioAssociation"
_PRODUCT: Final = "aws:servicecatalog/product:Product"
_PORTFOLIO: Final = "aws:servicecatalog/portfolio:Portfolio"
_PAGE: Final = "https://docs.aws.amazon.com/servicecatalog/latest/dg/API_CreateConstraint.html"

_refusal = partial(stack_control, severity=Severity.HIGH, types=(_CONSTRAINT,), url=_PAGE, pack="acceptance")


@_refusal(
    id="catalog-launch-constraint-once",
    title="A product in a portfolio has one launch constraint, and no stack set constraint beside it",
    why="Service Catalog refuses the second.",
    remediation="Keep one constraint of the type LAUNCH or STACKSET.",
)
def catalog_launch_constraint_once(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    kind, place = given(resource, "type"), _place(resource, stack)
    if place is None or not is_given(resource, "type", "LAUNCH", "STACKSET"):
        return
    for other in stack.of_type(_CONSTRAINT):
        rival = given(other, "type")
        counts = is_given(other, "type", *(("LAUNCH", "STACKSET") if kind == "LAUNCH" else ("LAUNCH",)))
        if other.urn < resource.urn and counts and _place(other, stack) == place:
            yield Fail(f"is a {kind} constraint beside {other.name}, a {rival} constraint", "type")


@_refusal(
    id="catalog-association-first",
    title="A constraint waits until the product is in the portfolio",
    why="Service Catalog refuses a constraint on a product that is not in the portfolio yet, and the removal of one that has constraints.",
    remediation="Name the aws.servicecatalog.ProductPortfolioAssociation in depends_on of the constraint.",
)
def catalog_association_first(resource: Resource, stack: Stack) -> Iterator[Verdict]:
    place = _place(resource, stack)
    if place is None:
        return
    associations = [item for item in stack.of_type(_ASSOCIATION) if _place(item, stack) == place]
    if not associations:
        yield Fail("is on a product that no association puts into the portfolio", "portfolioId")
    elif not any(waits_for(stack, resource, item) for item in associations):
        yield Fail(f"does not wait for {associations[0].name}, which puts the product into the portfolio", "portfolioId")


@control(
    id="catalog-launch-role",
    title="A launch constraint names a role by its ARN or by its name",
    severity=Severity.HIGH,
    types=(_CONSTRAINT,),
    why="Service Catalog refuses both together, and neither.",
    remediation="Give RoleArn or LocalRoleName in parameters.",
    url=_PAGE,
    pack="acceptance",
)
def catalog_launch_role(resource: Resource) -> Iterator[Verdict]:
    if resource.get("type") != "LAUNCH":
        return
    try:
        parameters: Any = resource.json("parameters", {})
    except ValueError:
        yield Fail("has parameters that are no JSON", "parameters")
        return
    names = [name for name in ("RoleArn", "LocalRoleName") if isinstance(parameters, dict) and name in parameters]
    if len(names) != 1:
        yield Fail("has both RoleArn and LocalRoleName" if names else "has neither RoleArn nor LocalRoleName", "parameters")


def _place(resource: Resource, stack: Stack) -> tuple[str, str] | None:
    """The product and the portfolio of a constraint or an association, where both are in the stack."""
    product, portfolio = target(stack, resource, "productId", _PRODUCT), target(stack, resource, "portfolioId", _PORTFOLIO)
    return None if product is None or portfolio is None else (product.urn, portfolio.urn)
