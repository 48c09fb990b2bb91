"""Instances that fetch versioned scripts at their first boot, check them and run them.

Pattern: "Bootstrap" (Cloud Design Patterns for AWS).
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import Metric, alarm, create_key, log_group, logs_statement
from cloudpatterns.blocks.boot import CLOUD_CONFIG, SHELL, BootPart, boot_script, multipart
from cloudpatterns.blocks.server import USER_DATA_BYTES, packed
from cloudpatterns.compute.bootstrap.arguments import BootstrapArgs, argument_problems, child_names, resolved_problems, script_problems
from cloudpatterns.core import Component, Statement, account_of, after, as_arguments, document, partition_of, pick, region_of
from cloudpatterns.core.statements import WorkloadStatementArgs
from cloudpatterns.security.workload_role import instance_profile, session_manager_statements
from cloudpatterns.storage.durable_bucket.component import DurableBucket

_RUNNER = Path(__file__).parent / "on_aws/bootstrap.sh"
_FAILURES = "Failures"
_NAMESPACE = "CloudPatterns/Bootstrap"
# An hour, as a first script may install much.
_SECONDS = 3600


class Bootstrap(Component):
    """User data that runs versioned scripts from S3 on new instances (Cloud Design Patterns for AWS, "Bootstrap").

    The scripts are objects whose keys hold their SHA-256; user data holds the hashes, so an object that was changed in the bucket is
    refused and nothing is run. All are fetched first, and run in order as root; the first failure ends the run, and its reason is in the
    log group. A script runs once on an instance for each content and set of variables. ``running_instances`` lets Systems Manager run what
    has changed on instances that are there already.

    Pass ``user_data`` and ``instance_profile_arn`` to ``ScaleOut``, ``ScaleUp`` or a launch template. ``MultiServer``, ``MultiDatacenter``
    and ``CloudDependencyInjection`` have a role of their own, which takes ``read_statements()``; set ``create_role`` to False then. Boot
    scripts of other components, such as ``NfsSharing.mount_scripts``, are ``scripts`` as any other. Objects of earlier deployments stay,
    because an instance refresh that rolls back launches with the earlier user data.

    **Use when**: instances start from a general image and need software or configuration that changes more often than the image.

    **Not when**: the set-up takes minutes: build it into an image (``Stamp``). Configuration that differs by role:
    ``CloudDependencyInjection``.

    **Cost drivers**: the customer managed keys of the bucket and the log; requests and stored scripts cost next to nothing.

    **Trade-offs**: what the scripts do adds to the boot time; a change of a script replaces the instances of a ``ScaleOut``, as their user
    data changes. An instance that cannot reach AWS reports nothing: health checks find it.

    **Proven by**: controls ``user-data-no-secrets``, ``iam-policy-resources-named``; ``test_bootstrap.py``, ``test_bootstrap_script.py``.
    """

    user_data: pulumi.Output[str]
    """User data in MIME parts, as plain text; available after the scripts and the role's policies."""
    instance_profile_arn: pulumi.Output[str]
    """Instance profile whose role may read the scripts. Empty with ``existing_role_name``, and when ``create_role`` is False."""
    bucket_name: pulumi.Output[str]
    """The bucket with the scripts."""
    log_group_name: pulumi.Output[str]
    """Log group with what the scripts wrote; a stream for each instance."""

    def __init__(self, name: str, args: BootstrapArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(argument_problems, name), names=child_names)
        description = f"Scripts and log of the bootstrap {name}"
        key_arn = create_key(self, f"{name}-key", description, lambda arn: [logs_statement(arn, f"{name}-log-*")], tags=checked["tags"])
        given = pick(checked, "existing_bucket_arn", "kms_key_arn", "log_bucket_name", "tags")
        if checked.get("existing_bucket_arn") is None:
            # Objects of earlier deployments stay, see the class; the program has all of them.
            given = {"kms_key_arn": key_arn, "force_destroy": True, **given}
        self._bucket = DurableBucket(f"{name}-bucket", {"kind": "data", **given}, self.child())
        self._log = log_group(self, f"{name}-log", checked["log_retention_days"], kms_key_arn=key_arn, tags=checked["tags"])
        scripts = [(script["name"], pulumi.Output.from_input(script["content"])) for script in checked["scripts"]]
        objects = [self._object(name, index, script, content) for index, (script, content) in enumerate(scripts)]
        self._alarm(name)
        lines = [content.apply(partial(_line, name, script)) for script, content in scripts]
        values = pulumi.Output.all(lines, {**checked["environment"]}, self._bucket.bucket_name, self._log.name)
        parameters = values.apply(lambda resolved: self._parameters(name, *resolved))
        rights = self._rights(name)
        self.user_data = after(parameters.apply(self._user_data), *objects, *rights)
        if (target := checked.get("running_instances")) is not None:
            self._run_again(name, after(parameters, *objects, *rights), target["key"], target["value"])
        self.bucket_name, self.log_group_name = self._bucket.bucket_name, self._log.name
        self.register()

    def read_statements(self) -> list[WorkloadStatementArgs]:
        """What an instance needs to run the scripts, for the ``statements`` of another role: the scripts, their key and the log."""
        return as_arguments(self._statements(self.pulumi_resource_name))

    def _object(self, name: str, index: int, script: str, content: pulumi.Output[str]) -> aws.s3.BucketObjectv2:
        def checked(text: str) -> str:
            if problems := [(f"scripts.{index}.content", reason) for reason in script_problems(text)]:
                self.refuse(*problems)
            return text

        return aws.s3.BucketObjectv2(
            f"{name}-script-{script}",
            bucket=self._bucket.bucket_name,
            key=content.apply(lambda text: f"{name}/{_sha256(text)}/{script}"),
            content=content.apply(checked),
            content_type="text/x-shellscript",
            # An object has ten tags at most, and default tags may be more.
            override_provider={"default_tags": {"tags": {}}},
            # A new content is another object, and the earlier user data still names the earlier one.
            opts=self.child(retain_on_delete=True),
        )

    def _statements(self, name: str) -> list[Statement]:
        statements = [
            # Whatever the hash: of an earlier deployment too.
            Statement(sid="Scripts", actions=["s3:GetObject"], resources=[pulumi.Output.concat(self._bucket.bucket_arn, f"/{name}/*")]),
            Statement(
                sid="ScriptsLog",
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[pulumi.Output.concat(self._log.arn, ":*")],
            ),
        ]
        if self._checked.get("existing_bucket_arn") is None or self._checked.get("kms_key_arn") is not None:
            statements.append(Statement(sid="ScriptsKey", actions=["kms:Decrypt"], resources=[self._bucket.kms_key_arn]))
        if self._checked.get("running_instances") is not None:
            statements += self._agent_statements()
        return statements

    def _agent_statements(self) -> list[Statement]:
        """What the agent of Systems Manager needs to run an association, beside Session Manager's actions.

        https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html
        """
        partition, place = partition_of(self._log.arn), pulumi.Output.concat(region_of(self._log.arn), ":", account_of(self._log.arn))
        associations = pulumi.Output.concat("arn:", partition, ":ssm:", place, ":association/*")
        instances = pulumi.Output.concat("arn:", partition, ":ec2:", place, ":instance/*")
        documents = pulumi.Output.concat("arn:", partition, ":ssm:", place, f":document/{self.pulumi_resource_name}-run-again-*")
        messages = [f"ec2messages:{action}" for action in ("AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint")]
        return [
            Statement(sid="AgentDocument", actions=["ssm:GetDocument", "ssm:DescribeDocument"], resources=[documents]),
            Statement(
                sid="AgentAssociation",
                actions=["ssm:ListInstanceAssociations", "ssm:UpdateInstanceAssociationStatus", "ssm:DescribeAssociation"],
                resources=[associations, instances],
            ),
            Statement(sid="AgentMessages", actions=[*messages, "ec2messages:GetMessages", "ec2messages:SendReply"], resources=["*"]),
        ]

    def _rights(self, name: str) -> list[pulumi.Resource]:
        checked = self._checked
        if (role_name := checked.get("existing_role_name")) is not None:
            self.instance_profile_arn = pulumi.Output.from_input("")
            policy = document(*self._statements(name))
            return [aws.iam.RolePolicy(f"{name}-policy", role=role_name, policy=policy, opts=self.child())]
        if not checked["create_role"]:
            self.instance_profile_arn = pulumi.Output.from_input("")
            return []
        statements = [*session_manager_statements(), *as_arguments(self._statements(name)), *checked["statements"]]
        self.instance_profile_arn = instance_profile(self, f"{name}-instance", None, statements, checked["tags"]).arn
        return []

    def _parameters(self, name: str, lines: list[str], environment: Mapping[str, str], bucket: str, group: str) -> dict[str, str | int]:
        checked = self._checked
        if problems := list(resolved_problems(environment, checked.get("running_instances") is not None)):
            self.refuse(*problems)
        return {
            "BOOTSTRAP_NAME": name,
            "BOOTSTRAP_BUCKET": bucket,
            "BOOTSTRAP_SCRIPTS": "\n".join(lines),
            "BOOTSTRAP_ENVIRONMENT": "\n".join(f"{key}={value}" for key, value in environment.items()),
            "BOOTSTRAP_LOG_GROUP": group,
            "BOOTSTRAP_ON_FAILURE": checked["on_failure"],
        }

    def _user_data(self, parameters: Mapping[str, str | int]) -> str:
        config = self._checked.get("cloud_config")
        parts = [] if config is None else [BootPart("00-cloud-config", CLOUD_CONFIG, config)]
        text = multipart([*parts, BootPart("01-bootstrap", SHELL, boot_script(_RUNNER, parameters))])
        if (size := len(packed(text))) > USER_DATA_BYTES:
            reason = f"make user data of {size:,} bytes, compressed; EC2 takes {USER_DATA_BYTES:,}. Move some into a script."
            self.refuse(("cloud_config and environment", reason))
        return text

    def _run_again(self, name: str, parameters: pulumi.Output[dict[str, str | int]], key: str, value: str) -> None:
        def content(given: dict[str, str | int]) -> dict[str, Any]:
            # An instance that serves is not stopped because a new script fails.
            text = boot_script(_RUNNER, {**given, "BOOTSTRAP_ON_FAILURE": "stay"})
            inputs = {"runCommand": text.split("\n"), "timeoutSeconds": str(_SECONDS)}
            step = {"action": "aws:runShellScript", "name": "bootstrap", "inputs": inputs}
            return {"schemaVersion": "2.2", "description": f"Runs the changed scripts of {name}", "mainSteps": [step]}

        run = aws.ssm.Document(
            f"{name}-run-again",
            document_type="Command",
            document_format="JSON",
            content=pulumi.Output.json_dumps(parameters.apply(content)),
            tags=self._checked["tags"],
            opts=self.child(),
        )
        aws.ssm.Association(
            f"{name}-run-again",
            name=run.name,
            # The number, not $LATEST: a new one changes the association, and Systems Manager runs it at once.
            document_version=run.latest_version,
            targets=[{"key": f"tag:{key}", "values": [value]}],
            # Never all instances at once.
            max_concurrency="25%",
            max_errors="0",
            compliance_severity="HIGH",
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _alarm(self, name: str) -> None:
        topic_arns = self._checked["alarm_topic_arns"]
        if not topic_arns:
            return
        # Another stack in the account and Region may have a component of the same name; the log group is this one's alone.
        metric = Metric(_NAMESPACE, pulumi.Output.concat(self._log.name, "-", _FAILURES), {}, "Sum")
        aws.cloudwatch.LogMetricFilter(
            f"{name}-failures",
            log_group_name=self._log.name,
            pattern='"bootstrap: failed:"',
            metric_transformation={"namespace": metric.namespace, "name": metric.name, "value": "1", "default_value": "0"},
            opts=self.child(),
        )
        alarm(
            self,
            f"{name}-failed",
            f"An instance could not run the scripts of {name}: the log group says which and why",
            metric,
            0,
            period_seconds=300,
            actions=topic_arns,
            # A failure that has passed is not a repair.
            ok_actions=[],
            tags=self._checked["tags"],
        )


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _line(name: str, script: str, content: str) -> str:
    sha256 = _sha256(content)
    return f"{sha256} {name}/{sha256}/{script} {script}"
