"""Arguments of ``GlobalService``: the table of all cells, what each cell runs, and the cells."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, FunctionOptions, Keys, Matches, TableKeyArgs, Unique
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    Cidr,
    HostedZoneId,
    KmsKeyArn,
    LogRetentionDays,
    Region,
    ShortNames,
    Tags,
)
from cloudpatterns.database import GlobalTableOptions
from cloudpatterns.messaging import QueueWorkerOptions
from cloudpatterns.network import ApiAuthorizerArgs, ApiGatewayOptions, ApiThrottle

HEALTH, CHECKERS = "health", "checkers"
"""The functions of the system itself, in each cell."""
CHECKERS_AUTHORIZER = "checkers"
"""The authorizer of the health check's route."""
_ByRegion = Keys(r"[a-z]{2}(-[a-z]+)+-\d", "the form of an AWS Region such as eu-west-1")
_Partition = Annotated[str, Matches(SHORT_NAME, SHORT_NAME_WORDS), Field(max_length=16)]
# A wildcard is a name of its own certificate.
_Name = Annotated[
    str, Matches(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", "a domain name without a wildcard such as api.example.com")
]


class GlobalServiceTableArgs(GlobalTableOptions):
    """A new table with a replica in each Region of a cell, see ``GlobalTable``."""

    region: Region
    """The table's own Region, from which the others are its replicas: another one replaces the table."""
    replica_regions: Annotated[list[Region], Field(min_length=1), Unique()]
    """Other Regions with a replica. One that is added gets all items; one that is removed loses its replica."""
    kms_key_arns_by_region: NotRequired[Annotated[dict[str, KmsKeyArn], _ByRegion, Field(default={})]]
    """Keys that are there, each of its Region. Other Regions get a new customer managed key."""


class GlobalServiceExistingTable(TypedDict):
    """A global table that is there, such as that of a ``GlobalService`` of another stack, and which is not changed."""

    arn: Annotated[
        pulumi.Input[str],
        Matches(
            r"arn:[^:]+:dynamodb:[^:]*:[^:]*:table/[A-Za-z0-9_.-]{3,255}",
            "the ARN of a table, such as arn:aws:dynamodb:eu-west-1:123456789012:table/profiles",
        ),
    ]
    """ARN of the table in any of its Regions: it has the same name in all."""
    kms_key_arns_by_region: Annotated[dict[str, KmsKeyArn], _ByRegion, Field(min_length=1)]
    """Its keys in the Regions of the cells."""
    partition_key: TableKeyArgs
    """Its partition key, for the health check, which reads an item."""
    sort_key: NotRequired[TableKeyArgs]
    """Its sort key. Default: none."""


class GlobalServiceRouteArgs(TypedDict):
    """A route of each cell's API, to exactly one of ``function`` and ``queue``, and who may call it, as in ``ApiGateway``."""

    function: NotRequired[str]
    """Name of a function in ``functions``. Exactly one of ``function`` and ``queue``."""
    queue: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the body of the request is a message for the ``worker`` of the same cell. Exactly one of ``function`` and ``queue``."""
    authorizer: NotRequired[str]
    """Name of the authorizer. Default: ``default_authorizer`` of ``api``."""
    scopes: NotRequired[Annotated[list[str], Unique(), Field(default=[], max_length=10)]]
    """OAuth scopes, of which the token needs one. Authorizers with tokens only."""
    iam_authorization: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether requests are signed and IAM decides, instead of an authorizer; IAM works in each Region by itself. Sign for all Regions
    (SigV4A, with the Region ``*``), which a REST API takes: a signature for one Region (SigV4) is refused by every cell of another one,
    where the client goes when that fails."""
    public: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether everybody may call the route."""
    model: NotRequired[str]
    """Name of the model of ``api`` that the body must match. REST only. Default: the body is not checked."""
    throttle: NotRequired[ApiThrottle]
    """Limit of the route in each cell. Default: that of the stage."""


class GlobalServiceHealthOptions(TypedDict):
    """How Route 53 finds that a cell fails: its API, its replica of the table and its queue, each in its own Region."""

    path: NotRequired[Annotated[str, Matches(r"/[A-Za-z0-9._~/-]{1,127}", "a path such as /health/deep"), Field(default="/health/deep")]]
    """Path of the check, which Route 53's checkers may call."""
    client_cidrs: NotRequired[Annotated[list[Cidr], Unique(), Field(default=[], max_length=50)]]
    """Networks that may call it as well, such as those of a monitor or of operators: the answer names what fails."""
    request_interval_seconds: NotRequired[Annotated[int, Choice(10, 30), Field(default=30)]]
    """How often each of Route 53's checkers asks; 10 costs more. A change replaces the health check."""
    failure_threshold: NotRequired[Annotated[int, Field(default=3, ge=1, le=10)]]
    """Answers in a row that change a checker's mind."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log of the check's function is kept."""


class GlobalServiceCellArgs(TypedDict):
    """A cell: one Region's API, functions, queue, key, logs and alarms."""

    region: Region
    """The Region of all that the cell needs. Another one replaces the cell: add a new cell, and drain the old one."""
    partition: NotRequired[_Partition]
    """The partition of customers that the cell serves, under its own name: ``c1`` is at ``c1.<domain_name>``. A partition has one cell in a
    Region, and the cells of other Regions for when that fails. Default: none, the cell serves ``domain_name`` itself."""
    drained: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the cell gets no clients, such as before it is changed or removed; its own name stays."""
    environment: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Environment variables of the functions and the worker in this cell, beside those of ``functions``. No secrets."""
    account_logging_role: NotRequired[Annotated[str, Choice("create", "existing")]]
    """As in ``ApiGateway``: ``create`` in one cell of each Region of the account, ``existing`` in the others. Needed on REST. Default:
    none, with HTTP."""
    web_acl_arn: NotRequired[pulumi.Input[str]]
    """A web ACL of the Region, instead of ``firewall`` of ``api``. REST only. Default: ``firewall``."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of the Region for the cell's queues, logs and environment, whose policy admits CloudWatch Logs. Default: a new
    key."""


class GlobalServiceOtherCellArgs(TypedDict):
    """A cell that another stack creates."""

    region: Region
    """Its Region."""
    partition: NotRequired[_Partition]
    """Its partition. Default: none, it serves ``domain_name`` itself."""


class GlobalServiceOptions(TypedDict):
    """What a user tunes of a ``GlobalService``: what each cell runs."""

    api: NotRequired[ApiGatewayOptions]
    """The API of each cell, see ``ApiGateway``. Needed with ``cells``."""
    functions: NotRequired[Annotated[dict[str, FunctionOptions], ShortNames, Field(default={}, max_length=20)]]
    """Functions of each cell by name. They find the replica of their Region in ``TABLE_NAME``, the worker's queue in ``QUEUE_URL``, their
    cell in ``CELL_NAME``, and in ``CELL_URLS_BY_REGION`` (JSON) where each Region of their partition is reached by itself. They may read
    and write the table and send to the queue in their own Region alone."""
    routes: NotRequired[Annotated[dict[str, GlobalServiceRouteArgs], Field(default={}, max_length=290)]]
    """Routes by method and path, such as ``GET /profiles/{id}``, beside that of ``health``. Needed with ``cells``."""
    authorizers: NotRequired[Annotated[dict[str, ApiAuthorizerArgs], Field(default={}, max_length=10)]]
    """Authorizers by name, see ``ApiGateway``. Nothing of one Region: a user pool fails with its Region, and the cells of all others with
    it. Tokens of an issuer outside AWS or a function among ``functions``, in each cell, do not."""
    worker: NotRequired[QueueWorkerOptions]
    """The queue of each cell and its ``function``, see ``QueueWorker``, with the same environment and rights as ``functions``. Messages
    stay in their Region: those of one that fails are processed when it is back. Default: the cells have no queue."""
    health: NotRequired[Annotated[GlobalServiceHealthOptions, Field(default={})]]
    """How a cell that fails is found."""


class GlobalServiceArgs(GlobalServiceOptions):
    """Arguments of ``GlobalService``."""

    domain_name: _Name
    """The name of the service. Each cell has another one for itself below it, its own name first: ``eu-west-1.api.example.com``."""
    hosted_zone_id: HostedZoneId
    """Public Route 53 hosted zone of the names."""
    table: NotRequired[GlobalServiceTableArgs]
    """The table of all cells, to create. Exactly one of ``table`` and ``existing_table``."""
    existing_table: NotRequired[GlobalServiceExistingTable]
    """The table of all cells, where another stack has it. Exactly one of ``table`` and ``existing_table``."""
    cells: NotRequired[Annotated[dict[str, GlobalServiceCellArgs], ShortNames, Field(default={}, max_length=50)]]
    """Cells of this stack by name, such as ``eu-west-1`` or ``c1-eu-west-1``. A stack without any has what all cells share,
    and other stacks have the cells."""
    other_cells: NotRequired[Annotated[dict[str, GlobalServiceOtherCellArgs], ShortNames, Field(default={}, max_length=200)]]
    """Cells by name that other stacks create: those of a partition get each other's clients when one fails. With those of this stack a
    partition is in two Regions at least."""
    certificate_arns_by_region: NotRequired[Annotated[dict[str, pulumi.Input[str]], _ByRegion, Field(default={})]]
    """ACM certificates for ``domain_name`` and all names one level below it, such as ``certificate_arns`` of the stack with the table.
    Needed with ``other_cells``: all certificates of a name share its validation record, which one stack has. Other
    Regions of a new table and of the cells get new ones."""
    alarm_topic_arns_by_region: NotRequired[Annotated[dict[str, AlarmTopicArns], _ByRegion, Field(default={})]]
    """SNS topics for the alarms of each Region, which notify topics of their own alone; those of us-east-1 hear of cells that Route 53
    finds unhealthy as well. Regions without topics have no alarms."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
