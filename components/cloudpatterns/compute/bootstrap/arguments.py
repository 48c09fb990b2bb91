"""The arguments of ``Bootstrap``, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, NotRequired, TypedDict

import pulumi
from pydantic import Field

from cloudpatterns.compute.web_server.user_data import environment_problems
from cloudpatterns.core import Choice, Matches, Problem, WorkloadStatementArgs, excludes, is_given, looks_secret, statement_problems
from cloudpatterns.core.vocabulary import (
    SHORT_NAME,
    SHORT_NAME_WORDS,
    AlarmTopicArns,
    BucketArn,
    KmsKeyArn,
    LogRetentionDays,
    RoleName,
    Tags,
)

# What decides how the scripts themselves are run.
_RESERVED = ("AWS_REGION", "BASH_ENV", "ENV", "HOME", "IFS", "LD_LIBRARY_PATH", "LD_PRELOAD", "PATH", "SHELLOPTS")


class BootstrapScript(TypedDict):
    """A script that instances run once for each of its contents."""

    name: Annotated[str, Field(max_length=40), Matches(SHORT_NAME, f"{SHORT_NAME_WORDS} such as install-agent")]
    """Name, which is in the log and in the object's key."""
    content: pulumi.Input[str]
    """The script: its text, not its path, beginning with ``#!``. It runs as root, must survive being run twice, and holds no secret."""


class BootstrapTarget(TypedDict):
    """Running instances, by a tag."""

    key: Annotated[str, Matches(r"[A-Za-z0-9_.:/=+@-]{1,127}", "the key of a tag such as Name")]
    """Key of the tag."""
    value: Annotated[str, Field(min_length=1, max_length=256)]
    """Value of the tag."""


class BootstrapOptions(TypedDict):
    """What a user tunes of a ``Bootstrap``."""

    scripts: Annotated[list[BootstrapScript], Field(min_length=1, max_length=20)]
    """The scripts, in the order in which they run."""
    environment: NotRequired[Annotated[dict[str, pulumi.Input[str]], Field(default={})]]
    """Variables of the scripts: names, endpoints, ARNs of secrets, never the secrets, as user data can be read."""
    cloud_config: NotRequired[Annotated[str, Matches(r"#cloud-config\n(?s:.*)", "YAML for cloud-init that begins with #cloud-config")]]
    """Configuration of cloud-init (packages, users), which it applies before the scripts. Default: none."""
    on_failure: NotRequired[Annotated[str, Choice("stay", "power_off"), Field(default="stay")]]
    """What a new instance does whose scripts fail: ``stay`` (it goes on, for a look at its log), ``power_off`` (it stops, and an Auto
    Scaling group replaces it). Running instances stay."""
    log_retention_days: NotRequired[LogRetentionDays]
    """Days that the output of the scripts is kept."""


class BootstrapArgs(BootstrapOptions):
    """Arguments of ``Bootstrap``."""

    existing_bucket_arn: NotRequired[BucketArn]
    """A versioned bucket for the scripts, in which they get keys that begin with the component's name. Default: a new bucket."""
    kms_key_arn: NotRequired[KmsKeyArn]
    """The key that encrypts the scripts; with ``existing_bucket_arn``, the one that the bucket uses. Default: a new key, or none."""
    log_bucket_name: NotRequired[pulumi.Input[str]]
    """The bucket for the server access logs of the new bucket. Default: a new log target."""
    existing_role_name: NotRequired[RoleName]
    """Role of the instances, which gets a policy. Default: a new role and instance profile, with Session Manager."""
    create_role: NotRequired[Annotated[bool, Field(default=True)]]
    """Whether to create a role and instance profile. False where the instances' role takes ``read_statements()``, as that of
    ``MultiServer``, ``MultiDatacenter`` and ``CloudDependencyInjection``, which create it. Not with ``existing_role_name``."""
    statements: NotRequired[Annotated[list[WorkloadStatementArgs], Field(default=[])]]
    """More permissions of the new role: what the scripts, and the applications that they install, call."""
    running_instances: NotRequired[BootstrapTarget]
    """Instances on which Systems Manager runs changed scripts at each deployment, a quarter of them at a time, until the first fails: for
    instances that a deployment does not replace. A ``ScaleOut`` replaces its own when ``user_data`` changes. Default: only new instances
    run the scripts."""
    alarm_topic_arns: NotRequired[AlarmTopicArns]
    """SNS topics to notify of instances whose scripts failed."""
    tags: NotRequired[Tags]
    """Tags of every child that takes some."""


def argument_problems(name: str, checked: BootstrapArgs) -> Iterator[Problem]:
    """What is wrong with the arguments."""
    # It begins the keys of the scripts, the names of files on the instance and that of a document of Systems Manager.
    # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateDocument.html
    if not re.fullmatch(r"(?!(aws|amazon|amzn))[A-Za-z0-9][A-Za-z0-9._-]*", name):
        reason = "letters, digits, dots, hyphens and underscores, and a beginning other than aws, amazon or amzn, are needed"
        yield "name", f"is {name!r}; {reason}. Rename the component."
    names = [script["name"] for script in checked["scripts"]]
    for index, script in enumerate(checked["scripts"]):
        if names.index(script["name"]) != index:
            yield f"scripts.{index}.name", f"is {script['name']!r} twice. Name each script once."
        if isinstance(script["content"], str):
            yield from ((f"scripts.{index}.content", reason) for reason in script_problems(script["content"]))
    plain = {name: value for name, value in checked["environment"].items() if isinstance(value, str)}
    yield from environment_problems({**dict.fromkeys(checked["environment"], ""), **plain}, _RESERVED)
    if checked.get("running_instances") is not None:
        yield from ((f"environment.{name}", _BRACES) for name, value in plain.items() if "{{" in value)
    config = checked.get("cloud_config")
    if config is not None and _holds_secret(config):
        yield "cloud_config", "has a word that looks like a key or a password, and user data can be read. Fetch it in a script."
    yield from excludes(checked, "existing_bucket_arn", "log_bucket_name", why="an existing bucket has its own access logs")
    if checked.get("existing_role_name") is not None and not checked["create_role"]:
        yield "create_role", "is False, and existing_role_name is given, for which none is created anyway. Remove one of them."
    if not checked["create_role"] and checked["statements"]:
        yield "statements", "are for the new role, and create_role is False. Give them to the instances' role, with read_statements()."
    if checked.get("existing_role_name") is not None and checked["statements"]:
        yield "statements", "are for the new role. Give them to the existing role yourself, or leave existing_role_name out."
    yield from statement_problems(checked["statements"])


_BRACES = "has {{, which Systems Manager would replace on running instances. Fetch the value in a script, or leave running_instances out."


def script_problems(content: str) -> Iterator[str]:
    """What is wrong with the text of a script."""
    if not content.startswith("#!/"):
        yield f"begins with {content[:10]!r}; a script begins with its interpreter, such as #!/bin/bash. Pass the text, not the path."
    elif content.split("\n")[0].endswith("\r"):
        yield "has line ends of Windows, and its interpreter would not be found. Save it with line feeds alone."
    if _holds_secret(content):
        yield "has a word that looks like a key or a password, and Pulumi's state holds the script. Fetch it in the script by its ARN."


def resolved_problems(environment: Mapping[str, str], runs_again: bool) -> Iterator[Problem]:
    """What turned out to be wrong with variables that were not known before."""
    yield from environment_problems(environment, _RESERVED)
    if runs_again:
        yield from ((f"environment.{name}", _BRACES) for name, value in environment.items() if "{{" in value)


def _holds_secret(text: str) -> bool:
    # A word with a $ gets its value where it runs.
    return any(looks_secret("", word) for word in re.split(r"[\s'\"=]+", text) if "$" not in word) or "PRIVATE KEY-----" in text


def child_names(checked: BootstrapArgs) -> dict[str, int]:
    """Suffixes of children with AWS's limits for their names."""
    profile = {} if is_given(checked, "existing_role_name") or not checked["create_role"] else {"instance-role": 64}
    return {**profile, "bucket-bucket": 63}
