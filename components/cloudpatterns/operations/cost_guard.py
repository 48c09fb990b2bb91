"""Budgets, detection of anomalies and required tags: people hear of costs before a limit is reached.

Pattern: the cost pitfalls of the 2025 guide, and "Monitor usage proactively" (AWS Well-Architected).
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from cloudpatterns.blocks import alarm_topic, notify_on_event
from cloudpatterns.core import Choice, Component, Matches, Problem, Unique, by_name, one_of
from cloudpatterns.core.vocabulary import ShortNames, Tags, TopicArn

PUBLISHERS = {"Budgets": "budgets.amazonaws.com", "CostAnomalies": "costalerts.amazonaws.com"}
"""What publishes to the topic beside CloudWatch and EventBridge, by the id of its statement."""
_MOST_ALERTS = 10
"""Notifications of a budget: https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html"""
_MOST_CONFIG_TAGS = 6
"""Tags of the rule: https://docs.aws.amazon.com/config/latest/developerguide/required-tags.html"""
_IMPACT = "ANOMALY_TOTAL_IMPACT_"

_Email = Annotated[str, Matches(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address such as finance@example.com")]
_Emails = Annotated[list[_Email], Unique(), Field(default=[], max_length=10)]
_TagKey = Annotated[str, Matches(r"(?!aws:)[\w .:/=+@-]{1,128}", "the key of a tag such as CostCenter")]
_Percents = Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Unique(), Field(max_length=_MOST_ALERTS)]
_MonitorArn = Annotated[
    pulumi.Input[str],
    Matches(
        r"arn:[^:]+:ce:[^:]*:\d{12}:anomalymonitor/.+",
        "the ARN of an anomaly monitor, such as arn:aws:ce::123456789012:anomalymonitor/00000000-0000-4000-8000-000000000001",
    ),
]


class CostTagArgs(TypedDict):
    """What has one of some values of a tag, whose key is active as a cost allocation tag."""

    key: _TagKey
    """Key of the tag."""
    values: Annotated[list[Annotated[str, Field(min_length=1, max_length=256)]], Unique(), Field(min_length=1, max_length=50)]
    """Values of the tag."""


class CostBudgetArgs(TypedDict):
    """A limit of costs, and when people hear of it."""

    limit: Annotated[float, Field(gt=0, le=1_000_000_000)]
    """Costs of a period, in the account's currency."""
    period: NotRequired[Annotated[str, Choice("MONTHLY", "QUARTERLY", "ANNUALLY"), Field(default="MONTHLY")]]
    """Calendar period after which the costs begin at zero again."""
    actual_percents: NotRequired[Annotated[_Percents, Field(default=[50, 80, 100])]]
    """Percentages of the limit at which people hear of costs that have come up; at least one is below 100."""
    forecast_percents: NotRequired[Annotated[_Percents, Field(default=[100])]]
    """Percentages of the limit at which people hear of the costs that AWS forecasts for the period; at least one is 100 or below. AWS needs
    about five weeks of costs for a forecast."""
    tag: NotRequired[CostTagArgs]
    """Counts what has this tag alone. Default: all."""
    services: NotRequired[Annotated[list[str], Unique(), Field(default=[], max_length=50)]]
    """Counts these services alone, as Cost Explorer names them, such as ``Amazon Relational Database Service``. Without any, all."""
    account_ids: NotRequired[
        Annotated[
            list[Annotated[str, Matches(r"\d{12}", "an account id such as 123456789012")]], Unique(), Field(default=[], max_length=50)
        ]
    ]
    """Counts these accounts of the organization alone, in its management account. Without any, all."""
    email_addresses: NotRequired[Annotated[list[_Email], Unique(), Field(min_length=1, max_length=10)]]
    """Who hears of this budget. Default: ``email_addresses`` of the component."""


class CostAnomaliesArgs(TypedDict):
    """Detection of costs that are unusual for a service, an account or a tag."""

    existing_monitor_arns: NotRequired[Annotated[list[_MonitorArn], Field(default=[], max_length=100)]]
    """Monitors that exist. An account has one for all services at most, which AWS often creates itself: ``aws ce get-anomaly-monitors``
    shows it. Exactly one of ``existing_monitor_arns``, ``create_service_monitor`` and ``tag``."""
    create_service_monitor: NotRequired[Annotated[bool, Field(default=False)]]
    """Whether to create the account's one monitor of all services. AWS refuses a second one (*Limit exceeded on dimensional spend
    monitor creation*)."""
    tag: NotRequired[CostTagArgs]
    """A new monitor of the costs with this tag, in the management account of an organization. Exactly one of ``existing_monitor_arns``,
    ``create_service_monitor`` and ``tag``."""
    frequency: NotRequired[Annotated[str, Choice("IMMEDIATE", "DAILY", "WEEKLY"), Field(default="DAILY")]]
    """When people hear of anomalies: ``DAILY`` and ``WEEKLY`` by e-mail to ``email_addresses``, ``IMMEDIATE`` by the topic."""
    least_impact: NotRequired[Annotated[int, Field(default=100, ge=0, le=1_000_000_000)]]
    """Unexpected costs, in the account's currency, of which people hear."""
    least_impact_percent: NotRequired[Annotated[int, Field(default=20, ge=0, le=1_000_000)]]
    """And how much more than expected that is, in percent."""


class CostGuardOptions(TypedDict):
    """What a user tunes of a ``CostGuard``."""

    budgets: Annotated[dict[str, CostBudgetArgs], ShortNames, Field(min_length=1, max_length=50)]
    """Budgets by a short name. Without actions, as here, they are free of charge."""
    currency: NotRequired[Annotated[str, Field(default="USD"), Matches("[A-Z]{3}", "a currency such as USD")]]
    """Currency of the account's costs: that of AWS, not of its invoice."""
    email_addresses: NotRequired[_Emails]
    """Who hears of budgets and, daily or weekly, of anomalies; AWS sends these mails without a confirmation."""
    topic_email_addresses: NotRequired[_Emails]
    """Who also gets what the new topic sends: immediate anomalies, resources without tags, and budgets. SNS asks each to confirm first."""
    anomalies: NotRequired[CostAnomaliesArgs]
    """Detection of anomalies. Default: none."""
    cost_allocation_tags: NotRequired[Annotated[list[_TagKey], Unique(), Field(default=[], max_length=50)]]
    """Keys of tags to activate for budgets, reports and anomalies: a setting of the account that pays. AWS knows a key a day after its
    first use, so it is for a later deployment. They stay active when the component goes."""
    required_tags: NotRequired[Annotated[list[_TagKey], Unique(), Field(default=[], max_length=_MOST_CONFIG_TAGS)]]
    """Keys of tags without which a resource is reported, by a rule of AWS Config, whose recorder the account must have. The control
    ``required-tags`` refuses such a resource before it is deployed."""


class CostGuardArgs(CostGuardOptions):
    """Arguments of ``CostGuard``."""

    existing_topic_arn: NotRequired[TopicArn]
    """A topic whose policy and key let ``budgets.amazonaws.com``, ``costalerts.amazonaws.com`` and, with ``required_tags``,
    ``events.amazonaws.com`` and ``cloudwatch.amazonaws.com`` publish. Default: a new one, which does."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


class CostGuard(Component):
    """Budgets, anomalies and tags, of which people hear before a limit is reached (2025 guide, "Cost pitfalls").

    Each budget reports shares of its limit as costs come up, and a forecast that reaches it, by e-mail and to a topic. The topic is
    encrypted, and its policy and key admit the two services of billing, which drop their messages silently otherwise.

    **Use when**: somebody pays for an account, from its first day.

    **Not when**: an organization keeps budgets centrally: name the place in ``keptElsewhere`` of the control ``stack-budget``.

    **Cost drivers**: the topic's key, evaluations of the rule of AWS Config; budgets and anomaly detection are free of charge.

    **Trade-offs**: AWS updates costs up to three times a day, so a budget is hours late, an anomaly a day; it reports and stops nothing.

    **Proven by**: controls ``stack-budget``, ``required-tags``, ``alarm-topic-key``; ``test_cost_guard.py``.
    """

    topic_arn: pulumi.Output[str]
    """The topic, available after its policy, for a chat channel or a function of yours."""
    budget_names: pulumi.Output[dict[str, str]]
    """Names of the budgets in AWS by name."""
    monitor_arns: pulumi.Output[list[str]]
    """The monitors of anomalies. Empty without ``anomalies``."""

    def __init__(self, name: str, args: CostGuardArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=_problems, names=_child_names)
        given = checked.get("existing_topic_arn")
        self.topic_arn = (
            alarm_topic(self, f"{name}-alerts", email_addresses=checked["topic_email_addresses"], services=PUBLISHERS, tags=checked["tags"])
            if given is None
            else pulumi.Output.from_input(given)
        )
        for key in checked["cost_allocation_tags"]:
            # Budgets do not wait for it: AWS refuses a key that is not a day old yet, and people are to hear of costs all the same.
            aws.costexplorer.CostAllocationTag(
                f"{name}-tag-{key}",
                tag_key=key,
                status="Active",
                # A key is the account's: other budgets and reports use it too.
                opts=self.child(retain_on_delete=True),
            )
        self.budget_names = by_name({key: self._budget(key, budget).name for key, budget in checked["budgets"].items()})
        anomalies = checked.get("anomalies")
        self.monitor_arns = pulumi.Output.from_input([]) if anomalies is None else self._anomalies(name, anomalies)
        if checked["required_tags"]:
            self._required_tags(name)
        self.register()

    def _budget(self, key: str, budget: CostBudgetArgs) -> aws.budgets.Budget:
        addresses = budget.get("email_addresses")
        subscribers: Any = {
            "subscriber_email_addresses": self._checked["email_addresses"] if addresses is None else addresses,
            "subscriber_sns_topic_arns": [self.topic_arn],
        }
        alerts = [("ACTUAL", percent) for percent in budget["actual_percents"]]
        alerts += [("FORECASTED", percent) for percent in budget["forecast_percents"]]
        return aws.budgets.Budget(
            f"{self.pulumi_resource_name}-{key}",
            budget_type="COST",
            limit_amount=str(budget["limit"]),
            limit_unit=self._checked["currency"],
            time_unit=budget["period"],
            cost_filters=_filters(budget) or None,
            notifications=[
                {
                    "notification_type": kind,
                    "comparison_operator": "GREATER_THAN",
                    "threshold": percent,
                    "threshold_type": "PERCENTAGE",
                    **subscribers,
                }
                for kind, percent in alerts
            ],
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _anomalies(self, name: str, anomalies: CostAnomaliesArgs) -> pulumi.Output[list[str]]:
        monitors: list[pulumi.Input[str]] = [*anomalies["existing_monitor_arns"]]
        if not monitors:
            monitors = [self._monitor(f"{name}-monitor", anomalies).arn]
        immediate = anomalies["frequency"] == "IMMEDIATE"
        to_people: Any = [{"type": "EMAIL", "address": address} for address in self._checked["email_addresses"]]
        limits = (("ABSOLUTE", anomalies["least_impact"]), ("PERCENTAGE", anomalies["least_impact_percent"]))
        aws.costexplorer.AnomalySubscription(
            f"{name}-anomalies",
            frequency=anomalies["frequency"],
            monitor_arn_lists=monitors,
            # An immediate one takes topics alone, the others e-mail alone.
            subscribers=[{"type": "SNS", "address": self.topic_arn}] if immediate else to_people,
            threshold_expression={
                "ands": [
                    {
                        "dimension": {
                            "key": f"{_IMPACT}{kind}",
                            "match_options": ["GREATER_THAN_OR_EQUAL"],
                            "values": [str(least)],
                        }
                    }
                    for kind, least in limits
                ]
            },
            tags=self._checked["tags"],
            opts=self.child(),
        )
        return pulumi.Output.all(*monitors)

    def _monitor(self, child_name: str, anomalies: CostAnomaliesArgs) -> aws.costexplorer.AnomalyMonitor:
        tag = anomalies.get("tag")
        watched: Any = {"monitor_type": "DIMENSIONAL", "monitor_dimension": "SERVICE"}
        if tag is not None:
            # All fields, as AWS returns them: another text would replace the monitor, and what it has learned.
            others = dict.fromkeys(("And", "CostCategories", "Dimensions", "Not", "Or"))
            found = {"Key": tag["key"], "MatchOptions": None, "Values": tag["values"]}
            watched = {"monitor_type": "CUSTOM", "monitor_specification": json.dumps({**others, "Tags": found})}
        return aws.costexplorer.AnomalyMonitor(child_name, tags=self._checked["tags"], opts=self.child(), **watched)

    def _required_tags(self, name: str) -> None:
        keys = self._checked["required_tags"]
        rule = aws.cfg.Rule(
            f"{name}-required-tags",
            description=f"Resources have the tags {', '.join(keys)}",
            source={"owner": "AWS", "source_identifier": "REQUIRED_TAGS"},
            input_parameters=json.dumps({f"tag{number}Key": key for number, key in enumerate(keys, start=1)}),
            tags=self._checked["tags"],
            opts=self.child(),
        )
        notify_on_event(
            self,
            f"{name}-untagged",
            f"A resource has not all of the tags {', '.join(keys)}",
            # https://docs.aws.amazon.com/config/latest/developerguide/monitor-config-with-cloudwatchevents.html
            pattern={
                "source": ["aws.config"],
                "detail-type": ["Config Rules Compliance Change"],
                "detail": {
                    "messageType": ["ComplianceChangeNotification"],
                    "configRuleName": [rule.name],
                    "newEvaluationResult": {"complianceType": ["NON_COMPLIANT"]},
                },
            },
            topic_arns=[self.topic_arn],
            tags=self._checked["tags"],
        )


def _filters(budget: CostBudgetArgs) -> list[aws.budgets.BudgetCostFilterArgsDict]:
    """What a budget counts: each of the filters must fit."""
    tag = budget.get("tag")
    tagged = [] if tag is None else [f"user:{tag['key']}${value}" for value in tag["values"]]
    filters = {"TagKeyValue": tagged, "Service": budget["services"], "LinkedAccount": budget["account_ids"]}
    return [{"name": name, "values": values} for name, values in filters.items() if values]


def _child_names(checked: CostGuardArgs) -> dict[str, int]:
    names = dict.fromkeys(checked["budgets"], 100)
    if checked["required_tags"]:
        names["required-tags"] = 128
    return names


def _problems(checked: CostGuardArgs) -> Iterator[Problem]:
    existing = checked.get("existing_topic_arn")
    if existing is not None and checked["topic_email_addresses"]:
        reason = "excludes existing_topic_arn: they subscribe to the new topic; both are given. Remove one of them."
        yield "topic_email_addresses", reason
    topic_has_reader = existing is not None or bool(checked["topic_email_addresses"])
    for key, budget in checked["budgets"].items():
        yield from _budget_problems(f"budgets.{key}", budget)
        if not (topic_has_reader or checked["email_addresses"] or budget.get("email_addresses") is not None):
            yield f"budgets.{key}.email_addresses", "is missing; nobody would hear of the budget. Give email_addresses, here or above."
    anomalies = checked.get("anomalies")
    if anomalies is None:
        return
    yield from one_of(anomalies, "existing_monitor_arns", "create_service_monitor", "tag", path="anomalies.")
    if anomalies["frequency"] == "IMMEDIATE":
        if not topic_has_reader:
            reason = "is IMMEDIATE; that goes to the topic alone, which nobody reads. Give topic_email_addresses or existing_topic_arn."
            yield "anomalies.frequency", reason
    elif not checked["email_addresses"]:
        reason = f"is {anomalies['frequency']}; that goes to email_addresses alone, and there are none. Give some, or set IMMEDIATE."
        yield "anomalies.frequency", reason


def _budget_problems(path: str, budget: CostBudgetArgs) -> Iterator[Problem]:
    actual, forecast = budget["actual_percents"], budget["forecast_percents"]
    for name, percents, fits, words in (
        ("actual_percents", actual, [percent for percent in actual if percent < 100], "below 100"),
        ("forecast_percents", forecast, [percent for percent in forecast if percent <= 100], "of 100 or below"),
    ):
        if not fits:
            yield f"{path}.{name}", f"is {percents}; people are to hear before the limit is reached. Add one {words}."
    if len(actual) + len(forecast) > _MOST_ALERTS:
        reason = f"makes {len(actual) + len(forecast)} alerts with forecast_percents; AWS takes {_MOST_ALERTS}. Remove some."
        yield f"{path}.actual_percents", reason
