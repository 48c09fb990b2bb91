"""Approved templates that people launch without the rights to create what is in them.

Pattern: "Security as Code" (Architecting for the Cloud): a golden environment, as products of AWS Service Catalog.
"""

import hashlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import notify_on_event, service_role
from cloudpatterns.core import (
    Component,
    Problem,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    by_name,
    document,
    excludes,
    iam_statement,
    one_of,
    pick,
    statement_problems,
)
from cloudpatterns.security.golden_environment.arguments import GoldenEnvironmentArgs, GoldenProduct, GoldenUser
from cloudpatterns.security.golden_environment.rights import SERVICE, launch_role_statements, stack_arn_prefix, user_statements
from cloudpatterns.storage import DurableBucket, DurableBucketArgs

_FAILED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "DELETE_FAILED")
_TEMPLATE = "CLOUD_FORMATION_TEMPLATE"


class _Product(NamedTuple):
    """A product, and the role that launches it."""

    product: aws.servicecatalog.Product
    role_arn: pulumi.Output[str]
    rules: list[pulumi.Resource]


class GoldenEnvironment(Component):
    """Templates that people launch with the rights of a role instead of their own (Architecting for the Cloud, "Security as Code").

    A portfolio of AWS Service Catalog has products, whose versions are templates of CloudFormation. Each product has a launch role: Service
    Catalog assumes it, and no person can. Who launches a product may call Service Catalog for these products and nothing else, so that what
    is in the templates, and the ``allowed_values`` of their parameters, is all that can be created.

    ``destroy`` removes the products and the portfolio. What people have launched stays, as stacks ``SC-...`` that Service Catalog no longer
    updates or ends with the launch role: end it first.

    **Use when**: teams create buckets, databases or whole environments by themselves, and only in the form that security has approved.

    **Not when**: those teams deploy with Pulumi themselves; then policy packs check what they write, and components give them the form.

    **Cost drivers**: what is launched, most of all; Service Catalog's calls beyond the first thousand of a month; the bucket with the
    templates and its key.

    **Trade-offs**: templates are those of CloudFormation; a launch role must have each right that a template needs, tags included; what was
    launched from an old version stays as it is until somebody updates it.

    **Proven by**: controls ``catalog-launch-constraint-once``, ``catalog-association-first``, ``iam-policy-no-escalation``,
    ``iam-policy-no-service-wildcard``; ``test_golden_environment.py``.
    """

    portfolio_id: pulumi.Output[str]
    """The portfolio, new or adopted."""
    product_ids: pulumi.Output[dict[str, str]]
    """Products by name, available after their constraints: nobody launches one without its launch role."""
    launch_role_arns: pulumi.Output[dict[str, str]]
    """Launch roles by the name of the product."""
    user_policy_arn: pulumi.Output[str]
    """Managed policy of those who launch the products, for roles, users and groups that are kept elsewhere."""
    template_bucket_name: pulumi.Output[str]
    """Bucket with the templates."""

    def __init__(self, name: str, args: GoldenEnvironmentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        bucket_args: DurableBucketArgs = {"kind": "data", **pick(checked, "kms_key_arn", "log_bucket_name", "tags")}
        self._bucket = DurableBucket(f"{name}-templates", bucket_args, self.child())
        self.template_bucket_name = self._bucket.bucket_name
        self.portfolio_id = self._portfolio(name)
        self._products = {key: self._product(f"{name}-{key}", key, product) for key, product in checked["products"].items()}
        self.product_ids = by_name({key: after(one.product.id, *one.rules) for key, one in self._products.items()})
        self.launch_role_arns = by_name({key: one.role_arn for key, one in self._products.items()})
        arns = [one.product.arn for one in self._products.values()]
        self._user_statements = user_statements(arns, checked["access_level"])
        policy = aws.iam.Policy(
            f"{name}-user-policy",
            description=f"Launches the products of {name}",
            policy=document(*self._user_statements),
            tags=checked["tags"],
            opts=self.child(),
        )
        self.user_policy_arn = policy.arn
        for key, user in checked["users"].items():
            self._user(f"{name}-{key}", user)
        if checked["alarm_topic_arns"]:
            self._notify(name, arns[0])
        self.register()

    def launch_statements(self) -> list[WorkloadStatementArgs]:
        """What somebody needs to launch the products, and to update and end what was launched, for the ``statements`` of a role."""
        return as_arguments(self._user_statements)

    def launch_role_statements(self, product: str) -> list[WorkloadStatementArgs]:
        """What a launch role needs beside the rights on what is in the templates of a product."""
        found = self.lookup(self._products, product, "product", "a product")
        return as_arguments(self._launch_statements(found.product.arn))

    def _portfolio(self, name: str) -> pulumi.Output[str]:
        checked, existing = self._checked, self._checked.get("existing_portfolio_id")
        if existing is not None:
            return pulumi.Output.from_input(existing)
        title = checked.get("title")
        portfolio = aws.servicecatalog.Portfolio(
            f"{name}-portfolio",
            # Not auto-named: people read it, and two portfolios may have the same.
            name=name if title is None else title,
            provider_name=checked["owner"],
            description=checked.get("description"),
            tags=checked["tags"],
            opts=self.child(),
        )
        return portfolio.id

    def _product(self, name: str, key: str, settings: GoldenProduct) -> _Product:
        checked, title = self._checked, settings.get("title")
        (first, *others) = settings["versions"]
        product = aws.servicecatalog.Product(
            f"{name}-product",
            name=key if title is None else title,
            owner=checked["owner"],
            type=_TEMPLATE,
            description=settings.get("description"),
            support_email=settings.get("support_email"),
            support_url=settings.get("support_url"),
            provisioning_artifact_parameters={"type": _TEMPLATE, **self._release(name, first, settings)},
            tags=checked["tags"],
            opts=self.child(),
        )
        before: pulumi.Resource = product
        for version in others:
            # One after the other: Service Catalog refuses changes of a product that is being changed.
            before = aws.servicecatalog.ProvisioningArtifact(
                f"{name}-version-{version}",
                product_id=product.id,
                type=_TEMPLATE,
                active=True,
                guidance="DEPRECATED" if settings["versions"][version]["deprecated"] else "DEFAULT",
                opts=self.child(depends_on=[before]),
                **self._release(name, version, settings),
            )
        return self._constrained(name, settings, product, before)

    def _release(self, name: str, version: str, settings: GoldenProduct) -> dict[str, Any]:
        """Name, description and URL of a version; the URL is available once the template is there."""
        content = settings["versions"][version]["template"]
        # Another text has another URL: Service Catalog reads a template once.
        key = f"{name}/{hashlib.sha256(content.encode()).hexdigest()}/{version}.template"
        template = aws.s3.BucketObjectv2(
            f"{name}-template-{version}",
            bucket=self._bucket.bucket_name,
            key=key,
            content=content,
            content_type="text/plain",
            # An object has ten tags at most, and default tags may be more.
            override_provider={"default_tags": {"tags": {}}},
            opts=self.child(),
        )
        url = pulumi.Output.concat("https://", self._bucket.bucket_regional_domain_name, "/", key)
        return {"name": version, "description": settings["versions"][version].get("description"), "template_url": after(url, template)}

    def _constrained(
        self, name: str, settings: GoldenProduct, product: aws.servicecatalog.Product, last_version: pulumi.Resource
    ) -> _Product:
        association = aws.servicecatalog.ProductPortfolioAssociation(
            f"{name}-association",
            portfolio_id=self.portfolio_id,
            product_id=product.id,
            # The product has all its versions before it is in the portfolio, and leaves it before them.
            opts=self.child(depends_on=[last_version]),
        )
        role_arn = self._launch_role(name, settings, product.arn)
        constraints: dict[str, tuple[str, Any]] = {"launch": ("LAUNCH", {"RoleArn": role_arn})}
        if settings["allowed_values"]:
            constraints["values"] = ("TEMPLATE", {"Rules": _rules(settings["allowed_values"])})
        tags = "ALLOWED" if settings["tag_changes"] else "NOT_ALLOWED"
        constraints["tags"] = ("RESOURCE_UPDATE", {"Version": "2.0", "Properties": {"TagUpdateOnProvisionedProduct": tags}})
        rules: list[pulumi.Resource] = [
            aws.servicecatalog.Constraint(
                f"{name}-{suffix}",
                portfolio_id=self.portfolio_id,
                product_id=product.id,
                type=kind,
                parameters=pulumi.Output.json_dumps(parameters),
                # The product is in the portfolio before it has constraints, and leaves it after them.
                opts=self.child(depends_on=[association]),
            )
            for suffix, (kind, parameters) in constraints.items()
        ]
        return _Product(product, role_arn, rules)

    def _launch_statements(self, place: pulumi.Output[str]) -> list[Statement]:
        return launch_role_statements(place, self._bucket.bucket_arn, self._bucket.kms_key_arn)

    def _launch_role(self, name: str, settings: GoldenProduct, place: pulumi.Output[str]) -> pulumi.Output[str]:
        existing = settings.get("existing_launch_role_arn")
        if existing is not None:
            return pulumi.Output.from_input(existing)
        statements = [*self._launch_statements(place), *[iam_statement(statement) for statement in settings["statements"]]]
        role = service_role(
            self,
            f"{name}-launch-role",
            SERVICE,
            f"Service Catalog launches {name}",
            statements={f"{name}-launch-role-policy": statements},
            permissions_boundary_arn=self._checked.get("permissions_boundary_arn"),
            tags=self._checked["tags"],
        )
        return role.arn

    def _user(self, name: str, user: GoldenUser) -> None:
        products = [resource for one in self._products.values() for resource in one.rules]
        aws.servicecatalog.PrincipalPortfolioAssociation(
            f"{name}-user",
            portfolio_id=self.portfolio_id,
            principal_arn=user["principal_arn"],
            principal_type="IAM",
            # Nobody sees a product before its launch role counts.
            opts=self.child(depends_on=products),
        )
        if user["attach_policy"]:
            aws.iam.RolePolicyAttachment(
                f"{name}-user-policy",
                role=pulumi.Output.from_input(user["principal_arn"]).apply(lambda arn: arn.rpartition("/")[2]),
                policy_arn=self.user_policy_arn,
                opts=self.child(),
            )

    def _notify(self, name: str, place: pulumi.Output[str]) -> None:
        """Of all products of the account and Region: a stack does not say which portfolio it is from."""
        detail = {"stack-id": [{"prefix": stack_arn_prefix(place)}], "status-details": {"status": [*_FAILED]}}
        notify_on_event(
            self,
            f"{name}-failed",
            "A product of Service Catalog could not be launched, updated or ended",
            pattern={"source": ["aws.cloudformation"], "detail-type": ["CloudFormation Stack Status Change"], "detail": detail},
            topic_arns=self._checked["alarm_topic_arns"],
            tags=self._checked["tags"],
        )


def _rules(allowed: dict[str, list[str]]) -> dict[str, Any]:
    """Rules of CloudFormation: https://docs.aws.amazon.com/servicecatalog/latest/adminguide/reference-template_constraint_rules.html."""
    return {
        f"Allowed{parameter}": {
            "Assertions": [
                {
                    "Assert": {"Fn::Contains": [values, {"Ref": parameter}]},
                    "AssertDescription": f"{parameter} is one of {', '.join(values)}",
                }
            ]
        }
        for parameter, values in allowed.items()
    }


def _child_names(checked: GoldenEnvironmentArgs) -> dict[str, int]:
    longest = max(checked["products"], key=len)
    bucket = "templates-logs-bucket" if checked.get("log_bucket_name") is None else "templates-bucket"
    return {bucket: 63, f"{longest}-launch-role": 64}


def _problems(checked: GoldenEnvironmentArgs) -> Iterator[Problem]:
    yield from excludes(checked, "existing_portfolio_id", "title", "description", why="an adopted portfolio is not changed")
    for key, product in checked["products"].items():
        path = f"products.{key}"
        yield from one_of(product, "statements", "existing_launch_role_arn", path=f"{path}.")
        yield from statement_problems(product["statements"], f"{path}.statements")
        first = next(iter(product["versions"]))
        for version, settings in product["versions"].items():
            if "Resources" not in settings["template"]:
                reason = "has no Resources: it is the text of a template of CloudFormation, not its path. Read the file."
                yield f"{path}.versions.{version}.template", reason
                continue
            for parameter in product["allowed_values"]:
                # They hold for all versions: https://docs.aws.amazon.com/servicecatalog/latest/adminguide/catalogs_constraints_template-constraints.html
                if not re.search(rf"\b{parameter}\b", settings["template"]):
                    reason = f"is no parameter of version {version}, which could not be launched. Name one of its Parameters."
                    yield f"{path}.allowed_values.{parameter}", reason
            if version == first and settings["deprecated"]:
                reason = "is True for the first version, which is part of the product. Set it for later versions only."
                yield f"{path}.versions.{version}.deprecated", reason
    for key, user in checked["users"].items():
        arn = user["principal_arn"]
        if user["attach_policy"] and isinstance(arn, str) and (":role/" not in arn or "/AWSReservedSSO_" in arn):
            reason = "is True for what is no role of yours. Set it to False, and give user_policy_arn to it where it is kept."
            yield f"users.{key}.attach_policy", reason
