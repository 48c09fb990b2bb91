"""BuildAgents: pushes to the shop's repository are built by CodeBuild, and its long tests run on Spot instances that come with the jobs."""

from pathlib import Path

import pulumi
from cloudpatterns.operations import BuildAgents

config = pulumi.Config()
RUN_JOB = (Path(__file__).parent / "app" / "run-job.sh").read_text(encoding="utf-8")
SETUP = f"""dnf --assumeyes --quiet install git make
install -m 0755 /dev/stdin /usr/local/bin/run-job <<'END'
{RUN_JOB}END
"""
# The provider's default tags do not reach Auto Scaling groups and what they launch.
TAGS: dict[str, pulumi.Input[str]] = {"Owner": "platform", "CostCenter": "4711", "Environment": pulumi.get_stack()}
repository = config.require("repository")
topics: list[pulumi.Input[str]] = [config.require("alarm_topic_arn")]

builds = BuildAgents(
    "shop",
    {
        "builds": {
            "web": {
                "source": {"type": "GITHUB", "location": repository, "connection_arn": config.require("connection_arn")},
                # The accounts of the team, and no branch but the main one.
                "webhook": {"actor_pattern": "^(1234567|2345678)$", "branch_pattern": "^refs/heads/main$"},
                "variables": {"STAGE": "test"},
                "secrets": {"NPM_TOKEN": config.require("npm_secret_arn")},
            }
        },
        "alarm_topic_arns": topics,
    },
)

tests = BuildAgents(
    "tests",
    {
        "agents": {
            "instance_types": ["c7g.xlarge", "c6g.xlarge", "m7g.xlarge"],
            "max_size": 12,
            "setup_script": SETUP,
            "job_command": f"REPOSITORY={repository} /usr/local/bin/run-job",
            # One agent waits on working days, so that the first test of the morning does not.
            "hours": {"time_zone": "Europe/Dublin", "start": "08:00", "end": "18:00"},
        },
        "vpc_id": config.require("vpc_id"),
        "subnet_ids_by_zone": config.require_object("subnet_ids"),
        "alarm_topic_arns": topics,
        "tags": TAGS,
    },
)

# aws codebuild start-build --project-name ...
pulumi.export("project_names", builds.project_names)
# aws sqs send-message --queue-url ... --message-body '{"commit": "1a2b3c4", "suite": "checkout"}'
pulumi.export("queue_url", tests.queue_url)
