"""Bootstrap: scripts, bucket, user data, role and alarm, exactly; and every refusal. What runs is in ``test_bootstrap_script.py``."""

import base64
import email
import hashlib
import json
from typing import Any

import pulumi
import pytest
from cloudpatterns.compute import Bootstrap, CloudDependencyInjection, MultiServer, ScaleOut
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Graph

from tests.harness import record, refs

OBJECT = "aws:s3/bucketObjectv2:BucketObjectv2"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:alarms"
BUCKET = "arn:aws:s3:::releases"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
INSTALL = "#!/bin/bash\nset -euo pipefail\ndnf --assumeyes install nginx\n"
START = "#!/bin/bash\nset -euo pipefail\nsystemctl enable --now nginx\n"
SCRIPTS = [{"name": "install-nginx", "content": INSTALL}, {"name": "start", "content": START}]
Parts = dict[str | None, tuple[str, str]]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def made(name: str = "boot", **changes: Any) -> tuple[Graph, list[str]]:
    """The graph, and the user data."""
    texts: list[str] = []
    args: Any = {"scripts": SCRIPTS, **changes}
    graph = record(lambda: Bootstrap(name, args).user_data.apply(texts.append), mode="deployed")
    return graph, texts


def refused(name: str = "boot", **changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as error:
        made(name, **changes)
    return error.value.problems


def parts(user_data: str) -> Parts:
    message = email.message_from_string(user_data)
    return {part.get_filename(): (part.get_content_type(), str(part.get_payload())) for part in message.walk() if part.get_filename()}


def statements(graph: Graph, name: str = "boot-instance-policy") -> dict[str, Any]:
    document = json.loads(graph.named(name).inputs["policy"])
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_scripts_are_versioned_objects_whose_keys_hold_their_hash() -> None:
    graph, _ = made()
    objects = {item.name: item for item in graph.of_type(OBJECT)}
    assert sorted(objects) == ["boot-script-install-nginx", "boot-script-start"]
    for name, content in (("install-nginx", INSTALL), ("start", START)):
        one = objects[f"boot-script-{name}"]
        assert one.inputs["key"] == f"boot/{sha256(content)}/{name}"
        assert one.inputs["content"] == content
        # Ten tags at most, and default tags may be more.
        assert one.inputs["overrideProvider"] == {"defaultTags": {"tags": {}}}
        # An instance refresh that rolls back launches with the user data of before, which names the object of before.
        assert one.options["retainOnDelete"] is True
        assert refs(graph, one, "bucket")[0] == "boot-bucket-bucket"
    assert graph.named("boot-bucket-versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert graph.named("boot-bucket-bucket").inputs["forceDestroy"] is True


def test_one_key_encrypts_scripts_and_log() -> None:
    graph, _ = made()
    assert [key.name for key in graph.of_type("aws:kms/key:Key")] == ["boot-key"]
    assert "boot-key" in refs(graph, graph.named("boot-bucket-encryption"), "rules")
    assert refs(graph, graph.named("boot-log"), "kmsKeyId")[0] == "boot-key"
    policy = json.loads(graph.named("boot-key-policy").inputs["policy"])["Statement"][1]
    assert policy["Principal"] == {"Service": ["logs.eu-west-1.amazonaws.com"]}
    assert policy["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"].endswith(":log-group:boot-log-*")


def test_user_data_is_multipart_and_has_the_hashes() -> None:
    config = "#cloud-config\npackage_upgrade: true\n"
    _, [text] = made(cloud_config=config, environment={"PORT": "8080", "SIGN": "it's $(open)"})
    found = parts(text)
    assert list(found) == ["00-cloud-config", "01-bootstrap"]
    assert found["00-cloud-config"] == ("text/cloud-config", config)
    kind, runner = found["01-bootstrap"]
    assert kind == "text/x-shellscript"
    assert runner.startswith("#!/bin/bash\nBOOTSTRAP_NAME=boot\nBOOTSTRAP_BUCKET=")
    lines = "\n".join(
        f"{sha256(content)} boot/{sha256(content)}/{name} {name}" for name, content in (("install-nginx", INSTALL), ("start", START))
    )
    assert f"BOOTSTRAP_SCRIPTS='{lines}'\n" in runner
    assert "BOOTSTRAP_ENVIRONMENT='PORT=8080\nSIGN=it'\"'\"'s $(open)'\n" in runner
    # A script that is read from S3 does not fill the 16 KB.
    assert INSTALL not in text
    assert len(text.encode()) < 7_500


def test_the_same_scripts_are_the_same_user_data() -> None:
    assert made()[1] == made()[1]
    [changed], [before] = made(scripts=[SCRIPTS[0], {**SCRIPTS[1], "content": START + "true\n"}])[1], made()[1]
    assert changed != before


@pytest.mark.parametrize(
    ("changes", "path", "reason"),
    [
        (
            {"environment": {"DB_PASSWORD": "x"}},
            "environment.DB_PASSWORD",
            "is named like a secret, and user data can be read. Pass the secret's ARN as DB_PASSWORD_ARN and fetch it at run time.",
        ),
        (
            {"environment": {"KEY_ID": "AKIAABCDEFGHIJKLMNOP"}},
            "environment.KEY_ID",
            "has a value that looks like a secret, and user data can be read. Pass the secret's ARN as KEY_ID_ARN and fetch it at run "
            "time.",
        ),
        (
            {"cloud_config": "#cloud-config\nruncmd: [register glpat-abcdef]\n"},
            "cloud_config",
            "has a word that looks like a key or a password, and user data can be read. Fetch it in a script.",
        ),
        (
            {"scripts": [{"name": "a", "content": "#!/bin/bash\nexport TOKEN='ghp_abcdef'\n"}]},
            "scripts.0.content",
            "has a word that looks like a key or a password, and Pulumi's state holds the script. Fetch it in the script by its ARN.",
        ),
        (
            {"scripts": [{"name": "a", "content": "#!/bin/bash\ncat <<EOF\n-----BEGIN PRIVATE KEY-----\nEOF\n"}]},
            "scripts.0.content",
            "has a word that looks like a key or a password, and Pulumi's state holds the script. Fetch it in the script by its ARN.",
        ),
    ],
)
def test_no_secret_in_user_data(changes: dict[str, Any], path: str, reason: str) -> None:
    assert refused(**changes) == [(path, reason)]


def test_a_secret_that_turns_up_during_the_deployment_is_refused_too() -> None:
    late = pulumi.Output.from_input("AKIAABCDEFGHIJKLMNOP")
    [(path, _)] = refused(environment={"KEY_ID": late})
    assert path == "environment.KEY_ID"
    [(path, reason)] = refused(scripts=[{"name": "a", "content": pulumi.Output.from_input("echo\n")}])
    assert (path, reason[:20]) == ("scripts.0.content", "begins with 'echo\\n'")


def test_a_variable_of_a_script_may_name_a_password_that_it_fetches() -> None:
    fetch = '#!/bin/bash\nurl="postgres://app:$PASSWORD@db"\nTOKEN="$(aws ssm get-parameter --name /app/token)"\n'
    assert made(scripts=[{"name": "a", "content": fetch}])[1]


def test_the_role_reads_the_scripts_alone() -> None:
    graph, _ = made()
    found = statements(graph)
    assert list(found) == ["SessionManager", "Scripts", "ScriptsLog", "ScriptsKey"]
    bucket, key = graph.named("boot-bucket-bucket").outputs["arn"], graph.named("boot-key").outputs["arn"]
    assert (found["Scripts"]["Action"], found["Scripts"]["Resource"]) == (["s3:GetObject"], [f"{bucket}/boot/*"])
    assert (found["ScriptsKey"]["Action"], found["ScriptsKey"]["Resource"]) == (["kms:Decrypt"], [key])
    assert found["ScriptsLog"]["Resource"] == [f"{graph.named('boot-log').outputs['arn']}:*"]


def test_user_data_waits_for_the_scripts_and_the_rights() -> None:
    def program() -> None:
        boot = Bootstrap("boot", {"scripts": [{"name": "install-nginx", "content": INSTALL}]})
        ScaleOut(
            "web",
            {
                "instance_types": ["t4g.small"],
                "image_parameter": "/image",
                "min_size": 2,
                "max_size": 2,
                "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
                "security_group_ids": ["sg-1"],
                "user_data": boot.user_data,
                "instance_profile_arn": boot.instance_profile_arn,
            },
        )

    graph = record(program)
    template = graph.named("web-template")
    assert "boot-script-install-nginx" in refs(graph, template, "userData")
    assert {"boot-instance-policy", "boot-instance-profile"} <= {*refs(graph, template, "iamInstanceProfile")}


def test_scripts_go_into_an_existing_bucket() -> None:
    graph, [text] = made(existing_bucket_arn=BUCKET, kms_key_arn=KEY)
    assert graph.of_type("aws:s3/bucket:Bucket") == []
    assert {item.inputs["bucket"] for item in graph.of_type(OBJECT)} == {"releases"}
    assert "BOOTSTRAP_BUCKET=releases\n" in text
    found = statements(graph)
    assert found["Scripts"]["Resource"] == [f"{BUCKET}/boot/*"]
    assert found["ScriptsKey"]["Resource"] == [KEY]
    # A bucket without a key of its own needs no right on one.
    assert "ScriptsKey" not in statements(made(existing_bucket_arn=BUCKET)[0])


def test_an_existing_role_gets_a_policy() -> None:
    graph, [text] = made(existing_role_name="web-role")
    assert graph.of_type("aws:iam/role:Role") == []
    assert graph.named("boot-policy").inputs["role"] == "web-role"
    assert list(statements(graph, "boot-policy")) == ["Scripts", "ScriptsLog", "ScriptsKey"]
    assert text
    assert graph.one("cloudpatterns:index:Bootstrap").outputs["instance_profile_arn"] == ""


def servers_after(boot: Bootstrap) -> dict[str, Any]:
    """Arguments of servers with a role of their own."""
    return {
        "instance_types": ["t4g.small"],
        "image_parameter": "/image",
        "subnet_ids_by_zone": {"eu-west-1a": "subnet-a", "eu-west-1b": "subnet-b"},
        "security_group_ids": ["sg-1"],
        "user_data": boot.user_data,
        "statements": boot.read_statements(),
    }


def test_servers_with_a_role_of_their_own_run_the_scripts() -> None:
    def program() -> None:
        boot = Bootstrap("boot", {"scripts": [{"name": "install-nginx", "content": INSTALL}], "create_role": False})
        fixed: Any = {**servers_after(boot), "servers": 2, "target_group_arns": ["arn"], "environment": {"TABLE": "visits"}}
        MultiServer("shop", fixed)
        group: Any = {**servers_after(boot), "min_size": 2, "max_size": 2, "app": "shop", "env": "prod", "role": "web"}
        CloudDependencyInjection("web", group)

    graph = record(program, mode="deployed")
    assert {one.name for one in graph.of_type("aws:iam/role:Role")} == {"shop-role-role", "web-role-role"}
    assert graph.one("cloudpatterns:index:Bootstrap").outputs["instance_profile_arn"] == ""
    for policy in ("shop-role-policy", "web-role-policy"):
        assert {"Scripts", "ScriptsLog", "ScriptsKey"} <= {*statements(graph, policy)}
    for server, before in (("shop", "10-environment.sh"), ("web", "10-configuration.sh")):
        found = parts(base64.b64decode(graph.named(f"{server}-servers-template").inputs["userData"]).decode())
        # In the order of their names.
        first, second = sorted(str(part) for part in found)
        assert first == before
        assert second.endswith("-01-bootstrap")
        assert sha256(INSTALL) in found[second][1]


def test_another_role_gets_the_same_statements() -> None:
    lines: list[Any] = []
    record(lambda: lines.extend(Bootstrap("boot", {"scripts": [{"name": "a", "content": INSTALL}]}).read_statements()))
    assert [(line["sid"], line["actions"]) for line in lines] == [
        ("Scripts", ["s3:GetObject"]),
        ("ScriptsLog", ["logs:CreateLogStream", "logs:PutLogEvents"]),
        ("ScriptsKey", ["kms:Decrypt"]),
    ]


def test_the_new_role_gets_what_the_scripts_need() -> None:
    queue = "arn:aws:sqs:eu-west-1:123456789012:jobs"
    graph, _ = made(statements=[{"sid": "Jobs", "actions": ["sqs:ReceiveMessage"], "resources": [queue]}])
    assert statements(graph)["Jobs"]["Resource"] == [queue]


def test_running_instances_run_what_has_changed() -> None:
    graph, [text] = made(running_instances={"key": "Name", "value": "web"}, on_failure="power_off")
    run, association = graph.one("aws:ssm/document:Document"), graph.one("aws:ssm/association:Association")
    content = json.loads(run.inputs["content"])
    [step] = content["mainSteps"]
    assert (content["schemaVersion"], run.inputs["documentType"], step["action"]) == ("2.2", "Command", "aws:runShellScript")
    # An instance that serves is not stopped because a new script fails.
    command = "\n".join(step["inputs"]["runCommand"])
    assert "BOOTSTRAP_ON_FAILURE=stay\n" in command
    assert command.replace("BOOTSTRAP_ON_FAILURE=stay", "BOOTSTRAP_ON_FAILURE=power_off") in text
    # Systems Manager would replace it.
    assert "{{" not in command
    assert step["inputs"]["runCommand"][0] == "#!/bin/bash"
    assert association.inputs["targets"] == [{"key": "tag:Name", "values": ["web"]}]
    # A number: another content is another version, and the changed association runs at once.
    assert refs(graph, association, "documentVersion") == ["boot-run-again"]
    assert (association.inputs["maxConcurrency"], association.inputs["maxErrors"]) == ("25%", "0")
    found = statements(graph)
    assert found["AgentDocument"]["Resource"] == ["arn:aws:ssm:eu-west-1:123456789012:document/boot-run-again-*"]
    assert found["AgentMessages"]["Resource"] == ["*"]


def test_failures_are_counted_from_the_log() -> None:
    graph, _ = made(alarm_topic_arns=[TOPIC])
    counted, alarm = graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter"), graph.one("aws:cloudwatch/metricAlarm:MetricAlarm")
    assert refs(graph, counted, "logGroupName") == ["boot-log"]
    assert counted.inputs["pattern"] == '"bootstrap: failed:"'
    group = graph.one("aws:cloudwatch/logGroup:LogGroup").outputs["name"]
    # Of the log group: a component of this name in another stack has another metric.
    assert counted.inputs["metricTransformation"]["name"] == alarm.inputs["metricName"] == f"{group}-Failures"
    assert counted.inputs["metricTransformation"]["namespace"] == alarm.inputs["namespace"] == "CloudPatterns/Bootstrap"
    assert (alarm.inputs["threshold"], alarm.inputs["alarmActions"]) == (0, [TOPIC])
    assert made()[0].of_type("aws:cloudwatch/metricAlarm:MetricAlarm") == []


def test_user_data_that_is_too_long_is_refused() -> None:
    noise = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(500))
    [(path, reason)] = refused(environment={"NOISE": noise})
    assert path == "cloud_config and environment"
    assert reason.startswith("make user data of ")
    assert reason.endswith(" bytes, compressed; EC2 takes 16,384. Move some into a script.")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"scripts": [{"name": "a", "content": "boot/install.sh"}]},
            (
                "scripts.0.content",
                "begins with 'boot/insta'; a script begins with its interpreter, such as #!/bin/bash. Pass the text, not the path.",
            ),
        ),
        (
            {"scripts": [{"name": "a", "content": "#!/bin/bash\r\ntrue\r\n"}]},
            (
                "scripts.0.content",
                "has line ends of Windows, and its interpreter would not be found. Save it with line feeds alone.",
            ),
        ),
        (
            {"scripts": [SCRIPTS[0], SCRIPTS[0]]},
            ("scripts.1.name", "is 'install-nginx' twice. Name each script once."),
        ),
        (
            {"scripts": [{"name": "A/b", "content": INSTALL}]},
            ("scripts.0.name", "is 'A/b'; must be lower-case letters, digits and single hyphens, a letter first such as install-agent"),
        ),
        ({"environment": {"PATH": "/opt"}}, ("environment.PATH", "is set by the boot script. Choose another name.")),
        (
            {"environment": {"X": "{{ y }}"}, "running_instances": {"key": "Name", "value": "web"}},
            (
                "environment.X",
                "has {{, which Systems Manager would replace on running instances. Fetch the value in a script, or leave running_instances "
                "out.",
            ),
        ),
        (
            {"existing_bucket_arn": BUCKET, "log_bucket_name": "logs"},
            (
                "existing_bucket_arn",
                "excludes log_bucket_name: an existing bucket has its own access logs; both are given. Remove one of them.",
            ),
        ),
        (
            {"existing_role_name": "arn:aws:iam::123456789012:role/r"},
            (
                "existing_role_name",
                "is 'arn:aws:iam::123456789012:role/r'; must be the name of a role, not its ARN, such as shop-web",
            ),
        ),
        (
            {"existing_bucket_arn": "scripts"},
            ("existing_bucket_arn", "is 'scripts'; must be the ARN of a bucket, not its name, such as arn:aws:s3:::uploads"),
        ),
        (
            {"existing_role_name": "r", "create_role": False},
            ("create_role", "is False, and existing_role_name is given, for which none is created anyway. Remove one of them."),
        ),
        (
            {"create_role": False, "statements": [{"actions": ["s3:ListBucket"], "resources": [BUCKET]}]},
            ("statements", "are for the new role, and create_role is False. Give them to the instances' role, with read_statements()."),
        ),
        (
            {"existing_role_name": "r", "statements": [{"actions": ["s3:ListBucket"], "resources": [BUCKET]}]},
            ("statements", "are for the new role. Give them to the existing role yourself, or leave existing_role_name out."),
        ),
        ({"on_failure": "reboot"}, ("on_failure", "is 'reboot'; must be one of stay, power_off")),
        (
            {"cloud_config": "packages: []"},
            ("cloud_config", "is 'packages: []'; must be YAML for cloud-init that begins with #cloud-config"),
        ),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, Any], problem: tuple[str, str]) -> None:
    assert refused(**changes) == [problem]


@pytest.mark.parametrize("name", ["my boot", "aws-boot", "amazonboot", "boot/1"])
def test_a_name_that_keys_and_documents_cannot_hold_is_refused(name: str) -> None:
    reason = "letters, digits, dots, hyphens and underscores, and a beginning other than aws, amazon or amzn, are needed"
    assert ("name", f"is {name!r}; {reason}. Rename the component.") in refused(name)
