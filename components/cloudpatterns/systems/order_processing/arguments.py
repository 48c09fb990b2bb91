"""Arguments of ``OrderProcessing``: the services and their steps, the options of what it composes, and where it stands."""

from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, FunctionOptions, Matches, Unique
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    DeletionProtection,
    FunctionArn,
    LogRetentionDays,
    RegionalWebAclArn,
    SubnetIdsByZones,
    Tags,
)
from cloudpatterns.database import DatabasePerServiceServiceArgs
from cloudpatterns.messaging import EventBusOptions, WorkflowRetryArgs
from cloudpatterns.network import ApiAuthorizerArgs, ApiDomainArgs, ApiGatewayOptions
from cloudpatterns.resilience import CircuitBreakerDependencyOptions

ORDERS, OPEN, CLOSE, CONFIRM = "orders", "Open", "Close", "Confirm"
"""The service and the steps of the system itself."""
_ActionName = Annotated[
    str, Matches(r"[A-Za-z][A-Za-z0-9_]{0,49}", "a letter, and letters, digits and underscores after it, such as Charge")
]
_OWN_TABLE: Any = {"table": {"partition_key": {"name": "id"}, "ttl_attribute": "expires_at"}}
_STEP_RETRY = {"attempts": 6, "base_seconds": 2, "cap_seconds": 60, "errors": ["States.ALL"]}
_COMPENSATION_RETRY = {"attempts": 10, "base_seconds": 5, "cap_seconds": 600, "errors": ["States.ALL"]}


class OrderProcessingServiceArgs(TypedDict):
    """A service: what it does for an order, what undoes that, and its store."""

    name: Annotated[str, Matches(SHORT_NAME, SHORT_NAME_WORDS), Field(max_length=20)]
    """Name of the service, such as ``payment``, which names its children."""
    action: _ActionName
    """What it does, such as ``Charge``: the ``action`` that the function gets, and the name of the step."""
    compensation: NotRequired[_ActionName]
    """What undoes it, such as ``Refund``. It runs after a later step has failed, and after any failure of the service itself, because
    that may have acted: it must be idempotent, and keep an attempt that comes later from acting, as ``cloudpatterns_runtime.saga`` does.
    Default: there is nothing to undo."""
    function: NotRequired[FunctionOptions]
    """The service's function. It gets ``action``, ``order_id``, ``customer``, ``order``, ``steps`` with the results of the steps before,
    and for a compensation ``error``, the name of what failed. In Python it has the runtime library. Exactly one of ``function`` and
    ``function_arn``."""
    function_arn: NotRequired[FunctionArn]
    """An existing function, with a store of its own. Exactly one of ``function`` and ``function_arn``."""
    store: NotRequired[Annotated[DatabasePerServiceServiceArgs, Field(default=_OWN_TABLE)]]
    """The store of ``function``, see ``DatabasePerService``; else a table with the key ``id`` and the TTL attribute ``expires_at``. The
    function finds it in ``TABLE_NAME``, or in ``DATABASE_HOST``, ``DATABASE_PORT`` and ``DATABASE_SECRET_ARN``, and has the rights of the
    service's own store alone."""
    refusals: NotRequired[
        Annotated[list[Annotated[str, Matches(r"[\w.]{1,256}", "an error such as OutOfStock")]], Field(default=[]), Unique()]
    ]
    """Names of errors of the function that refuse the order, such as ``Declined``: they are not retried, and the order ends as ``REJECTED``
    with the name as its reason. After any other error it ends as ``FAILED``."""
    circuit: NotRequired[CircuitBreakerDependencyOptions]
    """The circuit of what the function calls, such as the payment provider, see ``CircuitBreaker``: for
    ``CircuitBreaker.from_environment`` with the service's name. Default: none."""
    timeout_seconds: NotRequired[Annotated[int, Field(ge=1, le=900)]]
    """Seconds after which an attempt is given up. Default: five more than those of ``function``; 60 for ``function_arn``."""
    retry: NotRequired[Annotated[WorkflowRetryArgs, Field(default=_STEP_RETRY)]]
    """Retries of the action."""
    compensation_retry: NotRequired[Annotated[WorkflowRetryArgs, Field(default=_COMPENSATION_RETRY)]]
    """Retries of the compensation, after which the order is parked. Those of the default take about half an hour."""


class OrderProcessingOptions(TypedDict):
    """What a user tunes of an ``OrderProcessing``."""

    services: Annotated[list[OrderProcessingServiceArgs], Field(min_length=1, max_length=10)]
    """The services in the order in which an order passes them; compensations run in the reverse order."""
    api: ApiGatewayOptions
    """The API, see ``ApiGateway``."""
    order_model: NotRequired[str]
    """Name of the model, among ``models`` of ``api``, that the body of a new order must match. REST only. Default: any JSON object."""
    scopes: NotRequired[Annotated[list[str], Unique(), Field(default=[], max_length=10)]]
    """OAuth scopes, of which the caller's token needs one."""
    events: NotRequired[Annotated[EventBusOptions, Field(default={})]]
    """The bus of the orders' events, see ``EventBus``, with rules for whom they concern. Detail types are ``OrderReceived``,
    ``OrderConfirmed``, ``OrderRejected`` and ``OrderFailed``."""
    event_source: NotRequired[
        Annotated[str, Matches(r"(?!aws\.)[\w./-]{1,256}", "a source that does not begin with aws., such as shop.orders")]
    ]
    """Source of the events. Default: the component's name."""
    most_failed_orders: NotRequired[Annotated[int, Field(default=0, ge=0, le=1_000_000)]]
    """Orders that fail in five minutes above which an alarm is raised; rejected ones do not count."""
    failed_record_retention_days: NotRequired[Annotated[int, Field(default=30, ge=2, le=3650)]]
    """Days that changes of orders that could not be announced are kept."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the logs of the system's own parts are kept; those of ``services`` and ``api`` have their own."""
    deletion_protection: NotRequired[DeletionProtection]
    """Whether AWS refuses to delete the table of orders; those of ``services`` have their own."""


class OrderProcessingArgs(OrderProcessingOptions):
    """Arguments of ``OrderProcessing``."""

    authorizer: NotRequired[ApiAuthorizerArgs]
    """Who may place orders and see them, each caller their own. Exactly one of ``authorizer`` and ``iam_authorization``."""
    iam_authorization: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether callers sign their requests (SigV4) and IAM decides; all sessions of a role see its orders. Exactly one of ``authorizer`` and
    ``iam_authorization``."""
    account_logging_role: NotRequired[Annotated[str, Choice("create", "existing")]]
    """As in ``ApiGateway``. Needed on REST. Default: none, with HTTP."""
    web_acl_arn: NotRequired[RegionalWebAclArn]
    """A regional AWS WAF web ACL. REST only. Default: none."""
    domain: NotRequired[ApiDomainArgs]
    """A custom domain name of the API. Default: its own."""
    vpc_id: NotRequired[pulumi.Input[str]]
    """VPC of stores that are ``relational`` or ``documents``. Needed with them."""
    subnet_ids_by_zone: NotRequired[SubnetIdsByZones]
    """Data subnets of these stores by zone. Needed with them."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """Bucket for the access logs of the bucket for changes that could not be announced. Default: a new one."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of failing orders and parked ones, open circuits, late events, and of what the composed components report."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
