"""A queue as an argument: one that the user has already, and who sends to a new one."""

from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.core.limits import Matches
from cloudpatterns.core.vocabulary import KmsKeyArn, QueueArn


class ExistingQueue(TypedDict):
    """An SQS queue that somebody else deploys, with its own dead-letter queue, and which is not changed."""

    arn: QueueArn
    """ARN of the queue; one that ends in ``.fifo`` is a FIFO queue."""
    visibility_timeout_seconds: Annotated[int, Field(ge=0, le=43_200)]
    """The queue's visibility timeout, on which its consumers depend."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """Customer managed key that encrypts the queue. Default: none, it is encrypted by SQS itself."""


class QueueSender(TypedDict):
    """A service of AWS that may send to a queue, for one source."""

    service: Annotated[str, Matches(r"[a-z0-9-]+\.amazonaws\.com", "the principal of a service such as sns.amazonaws.com")]
    """The service: ``sns.amazonaws.com``, ``events.amazonaws.com``, ``s3.amazonaws.com``."""
    source_arn: pulumi.Input[str]
    """ARN of the topic, rule or bucket that it sends for, one of this account: a new key admits no other's."""
