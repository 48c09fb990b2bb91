"""The arguments of ``GoldenEnvironment``."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, Keys, Matches, WorkloadStatementArgs
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, RoleArn, ShortNames, Tags

_Text = Annotated[str, Field(min_length=1, max_length=2000)]


class GoldenVersion(TypedDict):
    """A version of a product: one template of CloudFormation."""

    template: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    """Text of the template, JSON or YAML. Another text is another version: give it a new name. Editing one replaces the version, and of
    the first one the whole product."""
    description: NotRequired[_Text]
    """What is new in it. Default: none."""
    deprecated: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether it can no longer be launched; what was launched from it can be updated. Not for the first version of a product."""


class GoldenProduct(TypedDict):
    """A product: what people launch."""

    versions: Annotated[
        dict[str, GoldenVersion],
        Keys("[A-Za-z0-9]+([._-][A-Za-z0-9]+)*", "letters and digits with single . _ or - between them"),
        Field(min_length=1, max_length=100),
    ]
    """Versions by name (``v1``), the first one first: new ones are added at the end."""
    title: NotRequired[Annotated[str, Field(min_length=1, max_length=100)]]
    """Name that people see. Default: the product's name in ``products``."""
    description: NotRequired[_Text]
    """What it is for. Default: none."""
    support_email: NotRequired[Annotated[str, Matches(r"[^@\s]+@[^@\s]+", "an address such as platform@example.com")]]
    """Who helps. Default: none."""
    support_url: NotRequired[Annotated[str, Matches("https?://.+", "a URL such as https://wiki.example.com/buckets")]]
    """Where it is explained. Default: none."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the launch role may do besides CloudFormation: create, change, tag and delete what is in the templates. Exactly one of
    ``statements`` and ``existing_launch_role_arn``."""
    existing_launch_role_arn: NotRequired[RoleArn]
    """A role that ``servicecatalog.amazonaws.com`` may assume, with all rights of ``launch_role_statements``. Default: a new role."""
    allowed_values: NotRequired[
        Annotated[
            dict[str, Annotated[list[str], Field(min_length=1, max_length=100)]],
            Keys("[A-Za-z0-9]+", "the name of a parameter of the template"),
            Field(default={}),
        ]
    ]
    """Values that a parameter of the template may have, by its name: a rule beside those of the template."""
    tag_changes: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether people may change the tags of what they launched."""


class GoldenUser(TypedDict):
    """Somebody who may launch the products."""

    principal_arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:iam::\d{12}:(role|user|group)/[\w+=,.@/-]+",
            "the ARN of one role, user or group such as arn:aws:iam::123456789012:role/developers",
        ),
    ]
    """A role, user or group; a pattern is not possible: who may create roles could give one a name that it matches."""
    attach_policy: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the policy of those who launch is attached to it, which must be a role then. Switch it off for users, groups and roles of IAM
    Identity Center (``AWSReservedSSO_...``), and give them ``user_policy_arn`` where they are kept."""


class GoldenEnvironmentOptions(TypedDict):
    """What a user of ``GoldenEnvironment`` tunes."""

    owner: Annotated[str, Field(min_length=1, max_length=50)]
    """Team that answers for the products; people see it."""
    products: Annotated[dict[str, GoldenProduct], ShortNames, Field(min_length=1, max_length=50)]
    """Products by name."""
    title: NotRequired[Annotated[str, Field(min_length=1, max_length=100)]]
    """Name of the portfolio. Default: the component's."""
    description: NotRequired[_Text]
    """Description of the portfolio. Default: none."""
    access_level: NotRequired[Annotated[str, Choice("user", "role"), Field(default="user")]]
    """Whose launched products somebody may see, update and end: ``user`` (one's own) or ``role`` (those of all with the same role)."""


class GoldenEnvironmentArgs(GoldenEnvironmentOptions):
    """Arguments of ``GoldenEnvironment``: its options, and where it stands."""

    users: NotRequired[Annotated[dict[str, GoldenUser], ShortNames, Field(default={}, max_length=100)]]
    """Who may launch the products, by name."""
    existing_portfolio_id: NotRequired[Annotated[pulumi.Input[str], Matches("port-[a-z0-9]+", "the id of a portfolio such as port-abc123")]]
    """A portfolio of this account to adopt, which gets the products and the users. Default: a new portfolio."""
    permissions_boundary_arn: NotRequired[pulumi.Input[str]]
    """A managed policy that the launch roles can never exceed. Default: no boundary."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the bucket with the templates. Default: a new customer managed key."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the server access logs of the bucket with the templates. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics that hear of launches that failed; their policies let ``events.amazonaws.com`` publish."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some; those of portfolio and product reach what is launched."""
