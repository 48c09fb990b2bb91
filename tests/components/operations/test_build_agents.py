"""BuildAgents: machines on demand, agents that come from zero with the jobs and go with them, and what each of them may do."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.operations import BuildAgents
from cloudpatterns.operations.build_agents.agents import agent_steps
from offline_preview.graph import Graph

from tests.harness import record, refs

TOPIC, KEY = "arn:aws:sns:eu-west-1:123456789012:operations", "arn:aws:kms:eu-west-1:123456789012:key/1"
CONNECTION = "arn:aws:codeconnections:eu-west-1:123456789012:connection/1a2b3c4d"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:npm-AbCdEf"
SUBNETS = {"eu-west-1a": "subnet-1", "eu-west-1b": "subnet-2"}
WEB: Any = {
    "source": {"type": "GITHUB", "location": "https://github.com/example/shop.git", "connection_arn": CONNECTION},
    "webhook": {"actor_pattern": "^1$", "branch_pattern": "^refs/heads/main$"},
    "secrets": {"NPM_TOKEN": SECRET},
}
HOURS: Any = {"time_zone": "Europe/Dublin", "start": "08:00", "end": "18:00"}
AGENTS: Any = {"instance_types": ["c7g.large", "c6g.large"], "job_command": "make test", "max_size": 12, "hours": HOURS}
PLACE: Any = {"vpc_id": "vpc-1", "subnet_ids_by_zone": SUBNETS}


def made(**args: Any) -> Graph:
    return record(lambda: BuildAgents("ci", args), mode="deployed")  # ty: ignore[invalid-argument-type]


def builds(build: Any = None, **args: Any) -> Graph:
    return made(builds={"web": {**WEB, **(build or {})}}, **args)


def agents(group: Any = None, **args: Any) -> Graph:
    return made(agents={**AGENTS, **(group or {})}, **PLACE, **args)


def refused(**args: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        made(**args)
    return error.value.problems


def statements(graph: Graph, name: str) -> dict[str, dict[str, Any]]:
    document = json.loads(graph.named(name).inputs["policy"])
    return {one.get("Sid", str(index)): one for index, one in enumerate(document["Statement"])}


def test_builds_have_a_machine_on_demand_and_no_fleet() -> None:
    graph = builds()
    assert [one.type for one in graph.resources if "codebuild" in one.type] == [
        "aws:codebuild/project:Project",
        "aws:codebuild/webhook:Webhook",
    ]
    assert graph.of_type("aws:autoscaling/group:Group") == []
    project = graph.named("ci-web").inputs
    assert "fleet" not in project["environment"]
    assert project["environment"].get("privilegedMode") is None
    assert project["cache"] == {"type": "S3", "location": f"{graph.named('ci-bucket-bucket').outputs['bucket']}/cache/web"}
    assert project["logsConfig"]["cloudwatchLogs"]["groupName"] == graph.named("ci-logs").outputs["name"]
    assert project["encryptionKey"] == graph.named("ci-key").outputs["arn"]
    assert graph.named("ci-logs").inputs["kmsKeyId"] == graph.named("ci-key").outputs["arn"]
    assert project["environment"]["environmentVariables"] == [{"name": "NPM_TOKEN", "value": SECRET, "type": "SECRETS_MANAGER"}]
    assert project["source"]["auth"] == {"type": "CODECONNECTIONS", "resource": CONNECTION}
    # The project is there after its rights.
    assert "ci-web-policy" in refs(graph, graph.named("ci-web"), "serviceRole")


def test_a_webhook_takes_named_actors_and_branches_alone() -> None:
    [group] = builds().named("ci-web-webhook").inputs["filterGroups"]
    assert group["filters"] == [
        {"type": "EVENT", "pattern": "PUSH"},
        {"type": "ACTOR_ACCOUNT_ID", "pattern": "^1$"},
        {"type": "HEAD_REF", "pattern": "^refs/heads/main$"},
    ]
    assert [path for path, _ in refused(builds={"web": {**WEB, "webhook": {"branch_pattern": "main"}}})] == [
        "builds.web.webhook.actor_pattern"
    ]


def test_a_release_which_has_no_branch_starts_a_build_of_its_actor() -> None:
    def filters(*events: str) -> list[list[tuple[str, str]]]:
        groups = builds({"webhook": {**WEB["webhook"], "events": [*events]}}).named("ci-web-webhook").inputs["filterGroups"]
        return [[(one["type"], one["pattern"]) for one in group["filters"]] for group in groups]

    release = [("EVENT", "RELEASED"), ("ACTOR_ACCOUNT_ID", "^1$")]
    push = [("EVENT", "PUSH, PULL_REQUEST_CREATED"), ("ACTOR_ACCOUNT_ID", "^1$"), ("HEAD_REF", "^refs/heads/main$")]
    assert filters("PUSH", "RELEASED", "PULL_REQUEST_CREATED") == [push, release]
    assert filters("RELEASED") == [release]


def test_a_build_may_use_its_own_log_cache_secrets_and_connection_alone() -> None:
    graph = builds()
    bucket, key = graph.named("ci-bucket-bucket").outputs["arn"], graph.named("ci-key").outputs["arn"]
    found = statements(graph, "ci-web-policy")
    assert {sid: one["Resource"] for sid, one in found.items()} == {
        "Log": [f"{graph.named('ci-logs').outputs['arn']}:*"],
        "Cache": [f"{bucket}/cache/web", f"{bucket}/cache/web/*"],
        "Key": [key],
        "Secrets": [SECRET],
        "Connection": [CONNECTION],
    }
    [trust] = json.loads(graph.named("ci-web-role").inputs["assumeRolePolicy"])["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    more = builds({"secret_kms_key_arns": [KEY], "statements": [{"actions": ["s3:PutObject"], "resources": ["arn:aws:s3:::site/*"]}]})
    found = statements(more, "ci-web-policy")
    assert (found["SecretKeys"]["Resource"], found["6"]["Resource"]) == ([KEY], ["arn:aws:s3:::site/*"])


def test_builds_in_a_vpc_have_interfaces_in_these_subnets_alone() -> None:
    graph = builds(**PLACE)
    group = graph.named("ci-network").id
    assert graph.named("ci-web").inputs["vpcConfig"] == {"vpcId": "vpc-1", "subnets": [*SUBNETS.values()], "securityGroupIds": [group]}
    rule = graph.named("ci-to-internet").inputs
    assert (rule["fromPort"], rule["toPort"], rule["cidrIpv4"]) == (443, 443, "0.0.0.0/0")
    found = statements(graph, "ci-web-policy")
    here = "arn:aws:ec2:eu-west-1:123456789012"
    subnets = [f"{here}:subnet/{one}" for one in SUBNETS.values()]
    assert found["Interface"]["Resource"] == [*subnets, f"{here}:security-group/{group}", f"{here}:network-interface/*"]
    assert found["GiveInterface"]["Condition"] == {
        "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
        "ArnEquals": {"ec2:Subnet": subnets},
    }
    given = builds(**PLACE, security_group_ids=["sg-1"])
    assert given.named("ci-web").inputs["vpcConfig"]["securityGroupIds"] == ["sg-1"]
    assert given.of_type("aws:ec2/securityGroup:SecurityGroup") == []


def test_topics_hear_of_builds_that_fail_and_of_builds_that_wait() -> None:
    assert builds().of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []
    graph = builds({"most_failed": 2}, alarm_topic_arns=[TOPIC], most_queued_minutes=5)
    failed, queued = graph.named("ci-web-failed").inputs, graph.named("ci-web-queued").inputs
    assert (failed["metricName"], failed["statistic"], failed["threshold"], failed["alarmActions"]) == ("FailedBuilds", "Sum", 2, [TOPIC])
    assert (queued["metricName"], queued["statistic"], queued["threshold"]) == ("QueuedDuration", "Maximum", 300)
    assert failed["dimensions"] == {"ProjectName": graph.named("ci-web").outputs["name"]}


@dataclass
class Agent:
    """An instance: in service from a minute on, busy until another."""

    ready: int
    busy_until: int = -1


@dataclass
class Day:
    """CloudWatch and Auto Scaling, as far as the recorded group needs them, minute by minute from Monday, 00:00.

    SQS's metrics come a minute late, an instance boots for two minutes, and a job's instance is protected from scale-in.
    """

    graph: Graph
    jobs: dict[int, list[int]]
    """Lengths of the jobs that come, by the minute."""
    metrics: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    done: int = 0
    ended_busy: int = 0
    longest_wait: int = 0

    def play(self, minutes: int) -> "Day":
        inputs = self.graph.named("ci-agents-group").inputs
        minimum, desired, most = inputs["minSize"], inputs["desiredCapacity"], inputs["maxSize"]
        waiting: list[tuple[int, int]] = []
        agents: list[Agent] = []
        for now in range(minutes):
            minimum = self.minimum(now, minimum)
            waiting += [(now, length) for length in self.jobs.get(now, [])]
            for agent in agents:
                if agent.busy_until == now:
                    self.done += 1
                if agent.ready <= now and agent.busy_until <= now and waiting:
                    came, length = waiting.pop(0)
                    agent.busy_until = now + length
                    self.longest_wait = max(self.longest_wait, now - came)
            self.metrics.append(len(waiting) + sum(agent.busy_until > now for agent in agents))
            for name in ("jobs", "idle"):
                adjusted = self.adjusted(name)
                desired = desired if adjusted is None else adjusted
            desired = min(max(desired, minimum), most)
            idle = [agent for agent in agents if agent.busy_until <= now]
            for agent in idle[: max(0, len(agents) - desired)]:
                self.ended_busy += agent.busy_until > now
                agents.remove(agent)
            agents += [Agent(now + 2) for _ in range(desired - len(agents))]
            self.sizes.append(len(agents))
        return self

    def minimum(self, now: int, minimum: int) -> int:
        days = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
        for action in self.graph.of_type("aws:autoscaling/schedule:Schedule"):
            minute, hour, _, _, weekdays = action.inputs["recurrence"].split()
            if days[now // 1440 % 7] in weekdays.split(",") and now % 1440 == 60 * int(hour) + int(minute):
                minimum = action.inputs["minSize"]
        return minimum

    def adjusted(self, name: str) -> int | None:
        """The capacity that a policy sets while its alarm is raised, as it does each minute."""
        alarm, policy = self.graph.named(f"ci-agents-{name}-alarm").inputs, self.graph.named(f"ci-agents-{name}").inputs
        assert alarm["alarmActions"] == [self.graph.named(f"ci-agents-{name}").outputs["arn"]]
        # The metric is a minute late.
        seen = self.metrics[:-1][-alarm["evaluationPeriods"] :]
        threshold = alarm["threshold"]
        raised = [
            value >= threshold if alarm["comparisonOperator"] == "GreaterThanOrEqualToThreshold" else value < threshold for value in seen
        ]
        if len(seen) < alarm["evaluationPeriods"] or not all(raised):
            return None
        beyond = seen[-1] - threshold
        for step in policy["stepAdjustments"]:
            lower = float(step.get("metricIntervalLowerBound", -math.inf))
            upper = float(step.get("metricIntervalUpperBound", math.inf))
            # The upper bound of a step below the threshold belongs to it, the others to the next one.
            if lower <= beyond < upper or beyond < upper == 0:
                return step["scalingAdjustment"]
        raise AssertionError(f"no step for {beyond}")


def at(hour: int, minute: int = 0, day: int = 0) -> int:
    return 1440 * day + 60 * hour + minute


def test_out_of_hours_there_are_no_agents_unless_jobs_wait() -> None:
    day = Day(agents(), {at(2): [30], at(22): [10, 10, 10]}).play(1440)
    sizes = day.sizes
    assert {*sizes[: at(2)]} == {0}
    # One for the job of the night, from zero; gone ten minutes after its end.
    assert {*sizes[at(2, 3) : at(2, 33)]} == {1}
    assert {*sizes[at(2, 48) : at(8)]} == {0}
    assert max(sizes[at(22) : at(22, 30)]) == 3
    assert {*sizes[at(22, 30) :]} == {0}
    assert (day.done, day.ended_busy) == (4, 0)
    assert day.longest_wait <= 4


def test_in_hours_an_agent_waits_and_a_job_does_not() -> None:
    day = Day(agents(), {at(hour, 7): [5] for hour in range(9, 18)}).play(1440)
    assert min(day.sizes[at(8) : at(18)]) == 1
    assert {*day.sizes[at(18, 15) :]} == {0}
    assert (day.done, day.longest_wait) == (9, 0)


def test_days_off_have_no_agents_unless_jobs_wait() -> None:
    day = Day(agents(), {at(11, day=6): [15]}).play(7 * 1440)
    saturday, sunday = day.sizes[at(0, day=5) : at(0, day=6)], day.sizes[at(0, day=6) :]
    assert {*saturday} == {0}
    assert max(sunday) == 1
    assert sum(sunday) < 35
    assert day.done == 1


def test_without_hours_the_group_follows_the_jobs_alone() -> None:
    graph = agents({"hours": None, "idle_minutes": 5})
    assert graph.of_type("aws:autoscaling/schedule:Schedule") == []
    day = Day(graph, {at(10): [20]}).play(1440)
    assert sum(day.sizes) < 32
    assert day.done == 1


def test_a_burst_has_as_many_agents_as_are_allowed_and_ends_no_job() -> None:
    jobs = {at(14): [25] * 30, at(14, 40): [5] * 3, at(17, 55): [40, 5, 5]}
    day = Day(agents(), jobs).play(1440)
    assert max(day.sizes) == 12
    assert (day.done, day.ended_busy) == (36, 0)
    # The long one runs on after the end of the hours, alone.
    assert {*day.sizes[at(18, 10) : at(18, 30)]} == {1}
    assert day.sizes[-1] == 0


@pytest.mark.parametrize("most", [1, 2, 12, 20, 21, 50, 100])
def test_steps_have_an_agent_for_each_job_up_to_the_largest_group(most: int) -> None:
    steps = agent_steps(most)
    assert len(steps) <= 20
    assert steps[0]["metric_interval_lower_bound"] == "0"
    assert "metric_interval_upper_bound" not in steps[-1]
    assert [one["metric_interval_upper_bound"] for one in steps[:-1]] == [one["metric_interval_lower_bound"] for one in steps[1:]]
    for jobs in range(1, most + 5):
        [size] = [
            one["scaling_adjustment"]
            for one in steps
            if float(one["metric_interval_lower_bound"]) <= jobs - 1 < float(one.get("metric_interval_upper_bound", math.inf))
        ]
        assert min(jobs, most) <= size <= most
        assert size < jobs + -(-most // 20)


def test_the_metric_is_of_jobs_that_wait_or_run() -> None:
    graph = agents()
    alarm = graph.named("ci-agents-jobs-alarm").inputs
    queries = {one["id"]: one for one in alarm["metricQueries"]}
    assert queries["result"]["expression"] == "FILL(waiting, 0) + FILL(running, 0)"
    assert {key: one["metric"]["metricName"] for key, one in queries.items() if key != "result"} == {
        "waiting": "ApproximateNumberOfMessagesVisible",
        "running": "ApproximateNumberOfMessagesNotVisible",
    }
    assert {one["metric"]["dimensions"]["QueueName"] for key, one in queries.items() if key != "result"} == {
        graph.named("ci-jobs").outputs["name"]
    }
    idle = graph.named("ci-agents-idle-alarm").inputs
    # A queue that was quiet for six hours has no metrics: then nobody needs an agent.
    assert (alarm["treatMissingData"], idle["treatMissingData"], idle["evaluationPeriods"]) == ("notBreaching", "breaching", 10)


def test_agents_are_on_spot_in_private_subnets_with_the_rights_of_their_work() -> None:
    graph = agents()
    group = graph.named("ci-agents-group").inputs
    assert group["mixedInstancesPolicy"]["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 0
    assert (group["minSize"], group["maxSize"], group["vpcZoneIdentifiers"]) == (0, 12, [*SUBNETS.values()])
    found = statements(graph, "ci-agents-own-instance")["0"]
    assert found["Resource"] == [graph.named("ci-agents-group").outputs["arn"]]
    rights = statements(graph, "ci-agents-role-policy")
    assert rights["Receive"]["Resource"] == [graph.named("ci-jobs").outputs["arn"]]
    bucket = graph.named("ci-bucket-bucket").outputs["arn"]
    assert rights["Keep"]["Resource"] == [f"{bucket}/logs/*", f"{bucket}/cache/*"]
    assert rights["Cache"]["Resource"] == [f"{bucket}/cache/*"]
    hook = graph.named("ci-agents-end").inputs
    assert (hook["lifecycleTransition"], hook["heartbeatTimeout"]) == ("autoscaling:EC2_INSTANCE_TERMINATING", 3900)
    assert agents({"job_minutes": 600}).named("ci-agents-end").inputs["heartbeatTimeout"] == 7200


def test_a_lost_job_comes_back_three_times_and_then_somebody_hears_of_it() -> None:
    graph = agents(alarm_topic_arns=[TOPIC])
    queue = graph.named("ci-jobs").inputs
    assert json.loads(queue["redrivePolicy"])["maxReceiveCount"] == 3
    assert graph.named("ci-jobs-dead-letters-alarm").inputs["alarmActions"] == [TOPIC]
    failed, waiting = graph.named("ci-agents-job-failed").inputs, graph.named("ci-agents-job-waiting").inputs
    assert (failed["namespace"], failed["metricName"], failed["dimensions"]) == (
        "CloudPatterns/BuildAgents",
        "FailedJobs",
        {"Agents": "ci-agents"},
    )
    assert (waiting["metricName"], waiting["statistic"], waiting["evaluationPeriods"]) == (
        "ApproximateNumberOfMessagesVisible",
        "Minimum",
        20,
    )


def test_a_build_pulls_its_image_from_ecr() -> None:
    graph = builds({"image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tools/build:7"})
    rights = statements(graph, "ci-web-policy")
    assert rights["Images"]["Resource"] == ["arn:aws:ecr:eu-west-1:123456789012:repository/tools/build"]
    assert rights["RegistryLogin"]["Action"] == ["ecr:GetAuthorizationToken"]
    assert graph.named("ci-web").inputs["environment"]["imagePullCredentialsType"] == "SERVICE_ROLE"
    assert "Images" not in statements(builds(), "ci-web-policy")


def test_a_queue_that_exists_is_taken() -> None:
    arn = "arn:aws:sqs:eu-west-1:123456789012:jobs"
    graph = agents(existing_queue={"arn": arn, "kms_key_arn": KEY})
    assert [one.name for one in graph.of_type("aws:sqs/queue:Queue")] == []
    rights = statements(graph, "ci-agents-role-policy")
    assert (rights["Receive"]["Resource"], rights["ReceiveKey"]["Resource"]) == ([arn], [KEY])
    alarm = graph.named("ci-agents-jobs-alarm").inputs
    assert {one["metric"]["dimensions"]["QueueName"] for one in alarm["metricQueries"] if "metric" in one} == {"jobs"}


def test_others_start_builds_and_submit_jobs_with_their_own_rights() -> None:
    found: dict[str, Any] = {}

    def program() -> None:
        start = BuildAgents("ci", {"builds": {"web": WEB}})
        place: Any = {"agents": AGENTS, **PLACE}
        submit = BuildAgents("tests", place)
        found.update(start=start.start_statements(), submit=submit.submit_statements())
        for component, method in ((start, "submit_statements"), (submit, "start_statements")):
            with pytest.raises(ArgumentError):
                getattr(component, method)()

    record(program)
    assert found["start"][0]["actions"] == ["codebuild:BatchGetBuilds", "codebuild:StartBuild", "codebuild:StopBuild"]
    assert [one["sid"] for one in found["submit"]] == ["Send", "SendKey"]


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ({}, ("builds", "exactly one of builds and agents is needed; none is given. Give one.")),
        (
            {"agents": AGENTS},
            ("vpc_id", "is missing; agents are instances in a VPC. Give it, with subnet_ids_by_zone."),
        ),
        (
            {"builds": {"web": WEB}, "vpc_id": "vpc-1"},
            ("subnet_ids_by_zone", "is missing; vpc_id needs it. Give it, or remove vpc_id."),
        ),
        (
            {"builds": {"web": {**WEB, "variables": {"API_KEY": "x"}}}},
            ("builds.web.variables.API_KEY", "may be a secret, which everybody who may read the project would see. Give it in secrets."),
        ),
        (
            {"builds": {"web": {**WEB, "variables": {"CODEBUILD_X": "x"}}}},
            (
                "builds.web.variables.CODEBUILD_X",
                "is no variable; it must be the name of a variable such as STAGE, not with CODEBUILD_ in front. Rename it.",
            ),
        ),
        (
            {"builds": {"web": {**WEB, "environment_type": "LINUX_CONTAINER"}}},
            (
                "builds.web.image",
                "is aws/codebuild/amazonlinux-aarch64-standard:3.0, for other machines than LINUX_CONTAINER. Give an image for these.",
            ),
        ),
        (
            {"builds": {"web": {"source": {"type": "NO_SOURCE"}}}},
            ("builds.web.source.buildspec", "is missing; a build without a source needs the text of its specification. Give it."),
        ),
        (
            {"builds": {"web": {"source": {"type": "GITHUB"}}}},
            ("builds.web.source.location", "is missing; GITHUB needs it. Give it."),
        ),
        (
            {"builds": {"web": {**WEB, "source": {"type": "S3", "location": "sources/shop.zip"}}}},
            ("builds.web.webhook", "is given with S3; GITHUB, GITLAB, BITBUCKET have one. Remove it."),
        ),
        *(
            (
                {"builds": {"web": {"source": {"type": kind, "location": location}}}},
                ("builds.web.source.location", f"is '{location}'; {kind} needs {form}. Correct it."),
            )
            for kind, location, form in (
                ("GITHUB", "example/shop", "an https URL without credentials"),
                ("GITLAB", "git@gitlab.com:example/shop.git", "an https URL without credentials"),
                ("S3", "s3://sources/shop.zip", "a bucket and a key, such as sources/shop.zip"),
            )
        ),
        (
            {"builds": {"web": {"source": {"type": "NO_SOURCE", "buildspec": "buildspec.yml"}}}},
            (
                "builds.web.source.buildspec",
                "is 'buildspec.yml', a path, and a build without a source has no files. Give the text of the specification.",
            ),
        ),
        (
            {"builds": {"web": {**WEB, "secrets": {"NPM-TOKEN": SECRET}}}},
            (
                "builds.web.secrets.NPM-TOKEN",
                "is no variable; it must be the name of a variable such as STAGE, not with CODEBUILD_ in front. Rename it.",
            ),
        ),
        *(
            (
                {"builds": {"web": {**WEB, "webhook": {**WEB["webhook"], "actor_pattern": pattern}}}},
                (
                    "builds.web.webhook.actor_pattern",
                    f"is '{pattern}', which fits ids that have others in them, too. Write all of an id, such as ^(1234567|2345678)$.",
                ),
            )
            for pattern in ("1234567", "^1234567|2345678$", "^(1234567)", "^(1)|(2)$")
        ),
        (
            {"builds": {"web": {**WEB, "webhook": {**WEB["webhook"], "branch_pattern": "^refs/heads/(main$"}}}},
            (
                "builds.web.webhook.branch_pattern",
                "is '^refs/heads/(main$', no regular expression: missing ), unterminated subpattern at position 12. Correct it.",
            ),
        ),
        (
            {"agents": {**AGENTS, "instance_types": ["c7g.large", "c7i.large"]}, **PLACE},
            (
                "agents.instance_types",
                "has c7g.large (arm64) and c7i.large (x86_64); one image runs on one architecture. Choose types of the same.",
            ),
        ),
        (
            {"agents": AGENTS, "subnet_ids_by_zone": SUBNETS},
            ("vpc_id", "is missing; subnet_ids_by_zone needs it. Give it, or remove subnet_ids_by_zone."),
        ),
        (
            {
                "builds": {
                    "web": {
                        **WEB,
                        "source": {**WEB["source"], "type": "BITBUCKET"},
                        "webhook": {**WEB["webhook"], "events": ["PUSH", "RELEASED"]},
                    }
                }
            },
            ("builds.web.webhook.events", "has RELEASED, which BITBUCKET does not send. Remove it."),
        ),
        (
            {"agents": {**AGENTS, "hours": {**HOURS, "end": "07:00"}}, **PLACE},
            ("agents.hours.end", "is 07:00, not after start (08:00). Give a later one."),
        ),
        (
            {"agents": {**AGENTS, "hours": {**HOURS, "agents": 13}}, **PLACE},
            ("agents.hours.agents", "is 13, above max_size 12. Lower it or raise max_size."),
        ),
        (
            {"agents": {**AGENTS, "hours": {**HOURS, "time_zone": "Mars"}}, **PLACE},
            ("agents.hours.time_zone", "is 'Mars'; a name of the IANA database is needed, such as Europe/Berlin."),
        ),
        (
            {"agents": AGENTS, **PLACE, "existing_queue": {"arn": "arn:aws:sqs:eu-west-1:123456789012:jobs.fifo"}},
            (
                "existing_queue.arn",
                "is arn:aws:sqs:eu-west-1:123456789012:jobs.fifo, a FIFO queue, of which a lost job holds up the others. "
                "Give a standard one.",
            ),
        ),
    ],
)
def test_what_cannot_work_is_refused(args: Any, problem: tuple[str, str]) -> None:
    assert refused(**args) == [problem]
