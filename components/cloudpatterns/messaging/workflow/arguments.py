"""The arguments of ``Workflow``: its steps, and where it stands."""

from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core import Choice, FunctionOptions, Keys, Matches, Unique, WorkloadStatementArgs
from cloudpatterns.core.vocabulary import AlarmTopicArns, KmsKeyArn, LogRetentionDays, Tags

# Results are kept under the step's name, so it is a name in paths and expressions. States get names that are longer by a few words.
_StepName = Annotated[
    str, Matches(r"[A-Za-z][A-Za-z0-9_]{0,49}", "a letter, and letters, digits and underscores after it, such as ShipOrder")
]
_Seconds = Annotated[int, Field(ge=1, le=31_536_000)]
_Errors = Annotated[list[str], Field(min_length=1), Unique()]
_ErrorName = Annotated[str, Matches(r"(?!States\.)[\w.]{1,256}", "a name that does not begin with States., such as OrderRejected")]
_Parameters = Annotated[dict[str, Any], Field(default={})]


class WorkflowRetryArgs(TypedDict):
    """Retries of a step, with full jitter: before each one a random wait up to a limit that doubles."""

    attempts: NotRequired[Annotated[int, Field(default=3, ge=1, le=10)]]
    """Attempts in all, the first included; 1 means no retry."""
    base_seconds: NotRequired[Annotated[int, Field(default=2, ge=1, le=300)]]
    """The longest wait before the first retry."""
    cap_seconds: NotRequired[Annotated[int, Field(default=60, ge=2, le=600)]]
    """The longest wait before any retry."""
    errors: NotRequired[_Errors]
    """Names of the errors to retry. Default: of a function, those of the Lambda service (``Lambda.ServiceException``,
    ``Lambda.TooManyRequestsException`` and others); of another service, every failure of the call but ``States.Timeout``; of a
    compensation, everything. The defaults of a compensation are 6 attempts."""


class WorkflowFunctionArgs(TypedDict):
    """A Lambda function to invoke; exactly one of ``name`` and ``function_arn``."""

    name: NotRequired[str]
    """One of ``functions`` of the workflow. Exactly one of ``name`` and ``function_arn``."""
    function_arn: NotRequired[pulumi.Input[str]]
    """An existing function, or a version or alias of it. Exactly one of ``name`` and ``function_arn``."""
    callback: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether the step goes on only after somebody has called SendTaskSuccess or SendTaskFailure with the ``task_token`` that the function
    gets beside its ``input`` (or beside ``document``, where there is no ``input``). One of ``functions`` may call them itself; another role
    needs ``callback_statements``."""


class WorkflowMessageArgs(TypedDict):
    """A message to a queue; its body is the ``input``."""

    queue_arn: pulumi.Input[str]
    """The queue."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The customer managed key of the queue. Default: none is needed."""
    parameters: NotRequired[_Parameters]
    """Further parameters of SendMessage in their own names, such as ``MessageGroupId``."""


class WorkflowNotificationArgs(TypedDict):
    """A message to a topic; its text is the ``input`` as JSON."""

    topic_arn: pulumi.Input[str]
    """The topic."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The customer managed key of the topic. Default: none is needed."""
    parameters: NotRequired[_Parameters]
    """Further parameters of Publish in their own names, such as ``Subject``."""


class WorkflowEventArgs(TypedDict):
    """An event to an EventBridge bus; its detail is the ``input``."""

    event_bus_arn: pulumi.Input[str]
    """The bus."""
    source: Annotated[str, Matches(r"(?!aws\.)[\w./-]{1,256}", "a source that does not begin with aws., such as shop.orders")]
    """The event's source."""
    detail_type: Annotated[str, Field(min_length=1, max_length=128)]
    """The event's detail type, such as ``OrderShipped``."""


class WorkflowItemArgs(TypedDict):
    """An item to write to a DynamoDB table."""

    table_arn: pulumi.Input[str]
    """The table."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The customer managed key of the table. Default: none is needed."""
    item: Annotated[dict[str, Any], Field(min_length=1)]
    """The item in DynamoDB's form, ``{"id": {"S": ...}}``, with expressions of the query language."""
    parameters: NotRequired[_Parameters]
    """Further parameters of PutItem in their own names, such as ``ConditionExpression``."""


class WorkflowUpdateArgs(TypedDict):
    """A change of an item of a DynamoDB table."""

    table_arn: pulumi.Input[str]
    """The table."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The customer managed key of the table. Default: none is needed."""
    key: Annotated[dict[str, Any], Field(min_length=1)]
    """The item's key in DynamoDB's form, ``{"id": {"S": ...}}``, with expressions of the query language."""
    update_expression: Annotated[str, Field(min_length=1)]
    """The change, such as ``SET #state = :paid``."""
    parameters: NotRequired[_Parameters]
    """Further parameters of UpdateItem in their own names, such as ``ExpressionAttributeValues``."""


class WorkflowCallArgs(TypedDict):
    """A call of any other service; what the role needs for it stands in ``statements`` of the workflow."""

    resource: Annotated[
        str,
        Matches(
            r"arn:aws(-cn|-us-gov)?:states:[a-z0-9-]*:\d*:[A-Za-z0-9-]+:[A-Za-z0-9:._-]+",
            "an integration of Step Functions such as arn:aws:states:::aws-sdk:s3:getObject",
        ),
    ]
    """The integration: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html."""
    parameters: NotRequired[_Parameters]
    """Parameters of the API, with expressions of the query language. ``input`` is not for such a call."""


class WorkflowTaskArgs(TypedDict):
    """What a step or a compensation does, its input, limits and retries."""

    function: NotRequired[WorkflowFunctionArgs]
    """Invokes a function. Exactly one of the kinds."""
    send_message: NotRequired[WorkflowMessageArgs]
    """Sends a message to a queue. Exactly one of the kinds."""
    publish: NotRequired[WorkflowNotificationArgs]
    """Publishes to a topic. Exactly one of the kinds."""
    put_event: NotRequired[WorkflowEventArgs]
    """Puts an event on a bus. Exactly one of the kinds."""
    put_item: NotRequired[WorkflowItemArgs]
    """Writes an item to a table. Exactly one of the kinds."""
    update_item: NotRequired[WorkflowUpdateArgs]
    """Changes an item of a table. Exactly one of the kinds."""
    call: NotRequired[WorkflowCallArgs]
    """Calls another service. Exactly one of the kinds."""
    input: NotRequired[dict[str, Any]]
    """What the function, message, notification or event gets, with expressions of the query language. Default: the whole document."""
    timeout_seconds: NotRequired[Annotated[int, Field(default=60, ge=1, le=31_536_000)]]
    """Seconds after which an attempt is given up; what it began may still happen."""
    heartbeat_seconds: NotRequired[_Seconds]
    """Seconds without SendTaskHeartbeat after which an attempt is given up, below ``timeout_seconds``; for ``callback``. Default: no
    heartbeat is expected."""
    retry: NotRequired[Annotated[WorkflowRetryArgs, Field(default={})]]
    """Retries."""


class WorkflowCompensationArgs(WorkflowTaskArgs):
    """What undoes a step after a later failure. It must be idempotent, and do nothing where the step did not happen."""

    name: NotRequired[_StepName]
    """Name of its state. Default: ``Undo`` and the step's name."""
    after_timeout: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether it also runs where the step itself failed in a way that leaves open whether it happened: a timeout, a lost answer of
    Lambda, a result that was too large."""
    after_failure: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether it also runs where the step itself failed in any way: for a step that may have acted before it failed, or of which an earlier
    attempt may still be running."""


class WorkflowWaitArgs(TypedDict):
    """A pause."""

    seconds: NotRequired[Annotated[int, Field(ge=1, le=31_536_000)]]
    """Seconds to wait. Exactly one of ``seconds`` and ``until``."""
    until: NotRequired[Annotated[str, Field(min_length=1)]]
    """Timestamp (``2026-12-24T18:00:00Z``), or the expression or path that gives one. Exactly one of ``seconds`` and ``until``."""


class WorkflowChoiceRuleArgs(TypedDict):
    """Where to go on a condition: to a sequence that then continues behind the choice, or to another step."""

    condition: NotRequired[Annotated[str, Field(min_length=1)]]
    """Required with ``JSONata``: an expression such as ``{% $states.input.input.total > 100 %}``."""
    test: NotRequired[dict[str, Any]]
    """Required with ``JSONPath``: a rule of Amazon States Language: ``{"Variable": "$.input.total", "NumericGreaterThan": 100}``."""
    sequence: NotRequired[str]
    """The sequence to run; it continues with the step behind the choice. Default: none."""
    next: NotRequired[str]
    """The step to go to, among those of the same sequence. Default: the step behind the choice."""


class WorkflowTargetArgs(TypedDict):
    """Where to go: a sequence that then continues behind this step, or another step of the same sequence."""

    sequence: NotRequired[str]
    """The sequence to run; it continues with the step behind this one. Default: none."""
    next: NotRequired[str]
    """The step to go to, among those of the same sequence. Default: the step behind this one."""


class WorkflowChoiceArgs(TypedDict):
    """Goes where the first rule that holds says."""

    rules: Annotated[list[WorkflowChoiceRuleArgs], Field(min_length=1)]
    """The rules, in their order."""
    default: NotRequired[Annotated[WorkflowTargetArgs, Field(default={})]]
    """Where to go when no rule holds; the step behind the choice unless it says otherwise."""


class WorkflowParallelArgs(TypedDict):
    """Sequences that run at the same time."""

    sequences: Annotated[list[str], Field(min_length=1, max_length=40), Unique()]
    """The sequences. With compensations in one of them, a failure in another does not stop it: all run to their ends, then those that
    finished are compensated."""


class WorkflowMapArgs(TypedDict):
    """A sequence for each item of a list."""

    items: Annotated[str, Field(min_length=1)]
    """The list: an expression (``{% $states.input.input.lines %}``) or path (``$.input.lines``). The sequence's steps find the item at
    ``item`` of their document."""
    sequence: str
    """The sequence."""
    max_concurrency: NotRequired[Annotated[int, Field(default=10, ge=1, le=40)]]
    """Items at the same time."""


class WorkflowFailArgs(TypedDict):
    """Ends the sequence as a failed step does: with the compensations of what has finished."""

    error: _ErrorName
    """Name of the error."""
    cause: NotRequired[Annotated[str, Field(default="", max_length=1024)]]
    """What it means."""


class WorkflowCatchArgs(WorkflowTargetArgs):
    """Where to go on an error instead of the compensations; the error stands at ``error`` of the document."""

    errors: _Errors
    """Names of the errors, as functions raise them or as Step Functions names them; ``States.ALL`` for all."""


class WorkflowStepArgs(WorkflowTaskArgs):
    """One step: exactly one of the kinds. What it needs besides, and what follows, stands beside it."""

    name: _StepName
    """Name of the step and its state, unique in the workflow. Its result is kept at ``steps.<name>`` of the document."""
    description: NotRequired[Annotated[str, Field(max_length=512)]]
    """What the step is for. Default: nothing."""
    wait: NotRequired[WorkflowWaitArgs]
    """Waits. Exactly one of the kinds."""
    choice: NotRequired[WorkflowChoiceArgs]
    """Decides where to go. Exactly one of the kinds."""
    parallel: NotRequired[WorkflowParallelArgs]
    """Runs sequences at the same time. Exactly one of the kinds."""
    map: NotRequired[WorkflowMapArgs]
    """Runs a sequence for each item of a list. Exactly one of the kinds."""
    saga: NotRequired[str]
    """Runs a sequence that compensates itself when it fails; then this step has failed, and ``catch`` may continue. Exactly one of the
    kinds."""
    values: NotRequired[Annotated[dict[str, Any], Field(min_length=1)]]
    """Keeps values at ``steps.<name>``, with expressions of the query language. Exactly one of the kinds."""
    fail: NotRequired[WorkflowFailArgs]
    """Fails. Exactly one of the kinds."""
    succeed: NotRequired[Annotated[bool, Field(default=False)]]
    """Ends the sequence here, with success."""
    keep_result: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether the result is kept in the document, which has at most 256 KiB; otherwise ``{}`` is."""
    catch: NotRequired[Annotated[list[WorkflowCatchArgs], Field(default=[])]]
    """Errors that do not fail the workflow."""
    compensation: NotRequired[WorkflowCompensationArgs]
    """What undoes the step, after it has finished and a later step has failed. Default: nothing."""
    next: NotRequired[str]
    """The step to go to afterwards, among those of the same sequence. Default: the one behind this one."""


class WorkflowOptions(TypedDict):
    """What a user tunes of a ``Workflow``."""

    steps: NotRequired[Annotated[list[WorkflowStepArgs], Field(default=[])]]
    """The steps in their order. Exactly one of ``steps`` and ``definition``."""
    sequences: NotRequired[
        Annotated[
            dict[str, list[WorkflowStepArgs]],
            Keys("[A-Za-z][A-Za-z0-9_-]{0,49}", "a letter, and letters, digits, underscores and hyphens after it"),
            Field(default={}),
        ]
    ]
    """Further lists of steps by name, each used by exactly one choice, parallel, map, saga or catch."""
    functions: NotRequired[
        Annotated[dict[str, FunctionOptions], Keys("[a-z][a-z0-9-]{0,30}", "lower-case letters, digits and hyphens"), Field(default={})]
    ]
    """New functions by name, which steps invoke."""
    definition: NotRequired[Any]
    """A definition in Amazon States Language, as a dictionary or as JSON text. Exactly one of ``steps`` and ``definition``. Every state
    that can fail needs a Catch for ``States.ALL``, or stands in one that has it, and every task a TimeoutSeconds."""
    states_without_catch: NotRequired[Annotated[list[str], Field(default=[]), Unique()]]
    """States of ``definition`` that may fail the execution without a Catch."""
    query_language: NotRequired[Annotated[str, Choice("JSONata", "JSONPath"), Field(default="JSONata")]]
    """Language of the expressions in ``steps``. A ``definition`` names its own."""
    express: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether executions are Express ones: at most five minutes, at least once, without a history, for frequent and short work. Changing it
    replaces the state machine."""
    refusals: NotRequired[Annotated[list[_ErrorName], Field(default=[]), Unique()]]
    """Names of errors that are answers rather than faults, such as ``OutOfStock``: a step that fails with one is not retried, and once all
    is compensated the execution succeeds, so that no alarm is raised: nor are there alarms on the errors of ``functions`` then, which count
    refusals as well. Of ``steps``, and of sequences of a choice or catch."""
    resume_parked: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether an execution whose input has a record of the parking queue at ``parked`` goes on with the compensations of that record, and
    succeeds when all are done; ``python -m cloudpatterns_runtime.parked_executions`` starts them. Who may start executions may then have
    anything compensated: not where the input is a client's own."""
    timeout_seconds: NotRequired[_Seconds]
    """Seconds after which an execution is ended, without compensations. Default: a day, or what the steps may take with their retries and
    compensations if that is more; 300 for Express."""
    park_failures: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether every failed execution of ``steps`` leaves a record in the queue, not only those whose compensation failed. Express
    executions have no history: give True where their input must not be lost."""
    log_level: NotRequired[Annotated[str, Choice("ALL", "ERROR", "FATAL"), Field(default="ERROR")]]
    """Which events of executions are logged."""
    include_execution_data: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether inputs and results are in the log, where whoever reads logs sees them."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the log is kept."""
    tracing: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether executions are traced by X-Ray."""
    data_key_reuse_seconds: NotRequired[Annotated[int, Field(default=300, ge=60, le=900)]]
    """Seconds that a data key is used again before Step Functions asks KMS for another."""
    most_failed_executions: NotRequired[Annotated[int, Field(default=0, ge=0, le=1_000_000)]]
    """Failed executions in five minutes above which an alarm is raised; compensated ones count."""


class WorkflowArgs(WorkflowOptions):
    """Arguments of ``Workflow``."""

    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """What the state machine may do beyond what its typed steps need: for ``call`` steps and a ``definition``."""
    parking_queue_arn: NotRequired[pulumi.Input[str]]
    """Queue for the records of failed compensations, whose owner watches it. Default: a new queue under the workflow's key, with an
    alarm."""
    parking_queue_kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key of ``parking_queue_arn``. Default: none is needed."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Key of the definition, the history, the log and the queue. Its policy must let ``logs.<region>.amazonaws.com`` use it for
    ``/aws/vendedlogs/states/*`` and ``delivery.logs.amazonaws.com`` decrypt. Default: a new customer managed key that does."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify when executions fail, and when a record is in the queue."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""
