"""Fixtures of the tests of systems."""

import json
from collections.abc import Generator

import pytest

from tests.components.systems.notifications import HISTORY, SECRET, System
from tests.emulators.channels import (
    BOT_TOKEN,
    MATTERMOST_PATH,
    ROUTING_KEY,
    SLACK_PATH,
    Channels,
    channels,
)
from tests.emulators.events import ACCOUNT
from tests.emulators.locked_moto import client


@pytest.fixture
def stand_ins() -> Generator[Channels]:
    """Stand-ins of the channels of ``EventNotification``."""
    with channels() as state:
        yield state


@pytest.fixture
def system(moto_account: None, monkeypatch: pytest.MonkeyPatch, stand_ins: Channels) -> System:
    """Queues, history, topic and secrets of ``EventNotification``, on moto."""
    sqs, sns, secrets = client("sqs"), client("sns"), client("secretsmanager")
    client("dynamodb").create_table(
        TableName=HISTORY,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "part")],
        BillingMode="PAY_PER_REQUEST",
    )
    topic_arn = sns.create_topic(Name="topic")["TopicArn"]
    urls: dict[str, str] = {}
    filters = {"pager": {"severity": ["critical", "error"]}}
    for name in ("events", "slack", "bot", "mattermost", "pager", "mail", "sms"):
        attributes = {}
        if name in ("events", "slack"):
            urls[f"{name}-dead-letters"] = sqs.create_queue(QueueName=f"{name}-dead-letters")["QueueUrl"]
            arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}-dead-letters"
            attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})}
        urls[name] = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        if name != "events":
            attributes = {"RawMessageDelivery": "true"}
            if name in filters:
                attributes["FilterPolicy"] = json.dumps(filters[name])
            queue_arn = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{name}"
            sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes=attributes)
    values = {
        "sender": SECRET,
        "slack": stand_ins.url(SLACK_PATH),
        "bot": json.dumps({"password": BOT_TOKEN}),
        "mattermost": stand_ins.url(MATTERMOST_PATH),
        "pager": ROUTING_KEY,
    }
    arns = {name: secrets.create_secret(Name=name, SecretString=value)["ARN"] for name, value in values.items()}
    return System(monkeypatch, urls, arns, topic_arn)
