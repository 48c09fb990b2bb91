"""Who may do what: the launch role that creates resources, and the policy of people who may only ask for them."""

from collections.abc import Sequence

import pulumi

from cloudpatterns.core import Statement, account_of, partition_of, region_of

SERVICE = "servicecatalog.amazonaws.com"

_STACK_ACTIONS = (
    *("CreateStack", "UpdateStack", "DeleteStack", "DescribeStacks", "DescribeStackEvents", "ListStackResources", "SetStackPolicy"),
    *("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "ListChangeSets", "TagResource", "UntagResource"),
)
_PRODUCT_ACTIONS = ("DescribeProduct", "DescribeProvisioningParameters", "ListLaunchPaths", "ProvisionProduct")
_LAUNCHED_ACTIONS = (
    *("DescribeProvisionedProduct", "GetProvisionedProductOutputs", "DescribeRecord", "ListRecordHistory", "ScanProvisionedProducts"),
    *("SearchProvisionedProducts", "UpdateProvisionedProduct", "TerminateProvisionedProduct"),
)


def stack_arn_prefix(place: pulumi.Input[str]) -> pulumi.Output[str]:
    """Beginning of the ARNs of the stacks that Service Catalog creates, in the account and Region of an ARN."""
    return pulumi.Output.concat("arn:", partition_of(place), ":cloudformation:", region_of(place), ":", account_of(place), ":stack/SC-")


def launch_role_statements(place: pulumi.Input[str], bucket_arn: pulumi.Input[str], kms_key_arn: pulumi.Input[str]) -> list[Statement]:
    """What each launch role needs besides the rights on what is in the templates.

    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/constraints-launch.html#constraints-launch-role
    """
    stacks = pulumi.Output.concat(stack_arn_prefix(place), "*")
    return [
        Statement(sid="Stacks", actions=[f"cloudformation:{action}" for action in _STACK_ACTIONS], resources=[stacks]),
        # Of a template that is no stack yet.
        Statement(sid="Templates", actions=["cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"], resources=["*"]),
        # Service Catalog keeps copies in buckets of its own.
        Statement(
            sid="Copies",
            actions=["s3:GetObject"],
            resources=[pulumi.Output.concat("arn:", partition_of(place), ":s3:::*/*")],
            conditions={"StringEquals": {"s3:ExistingObjectTag/servicecatalog:provisioning": "true"}},
        ),
        Statement(sid="Originals", actions=["s3:GetObject"], resources=[pulumi.Output.concat(bucket_arn, "/*")]),
        Statement(sid="OriginalsKey", actions=["kms:Decrypt"], resources=[kms_key_arn]),
    ]


def user_statements(product_arns: Sequence[pulumi.Input[str]], access_level: str) -> list[Statement]:
    """What people need to launch the products, and to update and end what they launched: nothing of any other service.

    https://docs.aws.amazon.com/servicecatalog/latest/adminguide/security_iam_service-with-iam-id-based-policies-examples.html
    """
    return [
        Statement(sid="Products", actions=[f"servicecatalog:{action}" for action in _PRODUCT_ACTIONS], resources=list(product_arns)),
        # They show products of one's portfolios alone.
        Statement(sid="Search", actions=["servicecatalog:SearchProducts", "servicecatalog:DescribeProductView"], resources=["*"]),
        Statement(
            sid="Launched",
            actions=[f"servicecatalog:{action}" for action in _LAUNCHED_ACTIONS],
            resources=["*"],
            conditions={"StringEquals": {f"servicecatalog:{access_level}Level": "self"}},
        ),
    ]
