"""The agent of BuildAgents, run by a real shell with the real AWS CLI against emulated SQS, S3 and CloudWatch.

A call of the AWS CLI takes half a second, and each test makes five to fifteen.
"""

import inspect
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.blocks.boot import boot_script
from cloudpatterns.operations.build_agents import agents

from tests.emulators.instance import BASH, REGION, Done, Instance
from tests.program import ROOT

FOLDER = Path(inspect.getfile(agents)).parent / "on_aws"
STATE = "autoscaling/target-lifecycle-state"
# What Auto Scaling answers; the rest goes to the emulated account.
AUTO_SCALING = """
case "$1 $2" in
  "autoscaling describe-auto-scaling-instances") echo ci-group; exit ;;
  "autoscaling set-instance-protection") [[ ! -e $STATE/unprotectable ]]; exit ;;
  "autoscaling complete-lifecycle-action") exit ;;
esac
# Version 1 of the CLI has another address for SQS, whatever the variable says.
[[ $1 != sqs ]] || set -- "$@" --endpoint-url "$AWS_ENDPOINT_URL"
"""


@pytest.fixture(autouse=True)
def prepared(instance: Instance) -> None:
    """An instance in service whose AWS CLI reaches Auto Scaling too."""
    real = (instance.commands / "aws").read_text().splitlines()
    instance.stand_in("aws", "\n".join([AUTO_SCALING, *real[2:]]))
    instance.stand_in("runuser", 'shift 3; exec "$@"')
    instance.stand_in("chown")
    instance.stand_in("sleep", f"exec {shutil.which('sleep')} 0.3")
    instance.metadata.paths[STATE] = "InService"
    instance.environment["WAIT_SECONDS"] = "1"
    instance.account.client("s3").create_bucket(Bucket="cache", CreateBucketConfiguration={"LocationConstraint": REGION})


def queue(instance: Instance, *messages: str) -> str:
    sqs = instance.account.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    for message in messages:
        sqs.send_message(QueueUrl=url, MessageBody=message)
    return url


def agent(url: str, command: str, seconds: int = 60) -> str:
    settings = {"QUEUE_URL": url, "BUCKET": "cache", "JOB_COMMAND": command, "JOB_SECONDS": seconds, "HOOK": "end", "NAME": "ci-agents"}
    return boot_script(FOLDER / "agent.sh", settings)


def counts(instance: Instance, url: str) -> tuple[int, int]:
    """Messages that wait, and that an agent has."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = instance.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.1)


def logs(instance: Instance) -> list[str]:
    s3 = instance.account.client("s3")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="cache", Prefix="logs/").get("Contents", [])]
    return [s3.get_object(Bucket="cache", Key=key)["Body"].read().decode() for key in keys]


def work(instance: Instance, script: str, ended: Callable[[], Any]) -> Done:
    """Runs the agent until a condition holds, and then has Auto Scaling end the instance."""
    done: list[Done] = []
    thread = threading.Thread(target=lambda: done.append(instance.run(script)), daemon=True)
    thread.start()
    try:
        until(ended)
    finally:
        instance.metadata.paths[STATE] = "Terminated"
        thread.join(timeout=30)
    return done[0]


def protections(instance: Instance) -> list[str]:
    return [call[-1] for call in instance.calls("aws") if call[2:3] == ["set-instance-protection"]]


def test_jobs_run_one_after_the_other_and_how_they_ended_is_reported(instance: Instance) -> None:
    url = queue(instance, 'first\tline\n"second" $line')
    command = 'cat; printf " %s %s" "$CACHE_URL" "${JOB_ID:0:1}" >&2; touch leftover; exit 3'
    done = work(instance, agent(url, command), lambda: "--no-protected-from-scale-in" in protections(instance))
    assert (done.code, counts(instance, url)) == (0, (0, 0))
    [log] = logs(instance)
    assert log.startswith('first\tline\n"second" $line s3://cache/cache ')
    # Protected while the job ran, and not any more.
    assert protections(instance) == ["--protected-from-scale-in", "--no-protected-from-scale-in"]
    [metric] = instance.account.client("cloudwatch").list_metrics(Namespace="CloudPatterns/BuildAgents")["Metrics"]
    assert (metric["MetricName"], metric["Dimensions"]) == ("FailedJobs", [{"Name": "Agents", "Value": "ci-agents"}])
    [report] = [call for call in instance.calls("aws") if call[2:3] == ["put-metric-data"]]
    assert report[-2:] == ["--value", "1"]
    # The hook does not wait, and nothing of the job is left.
    assert [call[1:3] for call in instance.calls("aws")][-1] == ["autoscaling", "complete-lifecycle-action"]
    assert [*(instance.root / "var/lib/build-agent").iterdir()] == []


def test_a_job_that_takes_too_long_is_ended_and_kept_invisible_until_then(instance: Instance) -> None:
    url = queue(instance, "slow")
    instance.stand_in("pause", f"exec {shutil.which('sleep')} 30")
    done = work(instance, agent(url, "echo begun; pause", 3), lambda: logs(instance) and counts(instance, url) == (0, 0))
    assert "ended with 124" in done.stdout
    assert logs(instance) == ["begun\n"]
    extended = [call[-1] for call in instance.calls("aws") if call[2:3] == ["change-message-visibility"]]
    assert extended
    assert {*extended} == {"300"}


def test_an_agent_that_cannot_be_protected_gives_the_job_back(instance: Instance) -> None:
    url = queue(instance, "job")
    (instance.state / "unprotectable").touch()
    given_back = lambda: any(call[-1] == "0" for call in instance.calls("aws") if call[2:3] == ["change-message-visibility"])  # noqa: E731
    assert work(instance, agent(url, "echo ran"), given_back).code == 0
    until(lambda: counts(instance, url) == (1, 0))
    assert logs(instance) == []


def test_an_agent_that_cannot_be_protected_takes_no_other_job_until_it_can(instance: Instance) -> None:
    url = queue(instance, "job")
    unprotectable = instance.state / "unprotectable"
    unprotectable.touch()

    def can_be_protected_later() -> bool:
        if len(protections(instance)) >= 4:
            unprotectable.unlink(missing_ok=True)
        return counts(instance, url) == (0, 0) and protections(instance)[-1].startswith("--no-")

    assert work(instance, agent(url, "echo ran"), can_be_protected_later).code == 0
    received = [call for call in instance.calls("aws") if call[2:3] == ["receive-message"]]
    given_back = [call for call in instance.calls("aws") if call[2:3] == ["change-message-visibility"] and call[-1] == "0"]
    # Given back once, whatever the number of attempts: after three it would be parked.
    assert (len(given_back), logs(instance)) == (1, ["ran\n"])
    assert len(received) <= 3


def test_an_instance_that_is_taken_back_gives_the_job_to_another(instance: Instance) -> None:
    url = queue(instance, "job")
    script = instance.folder / "agent"
    instance.stand_in("pause", f'touch "$STATE/running"; exec {shutil.which("sleep")} 30')
    script.write_text(agent(url, "pause"))
    process = subprocess.Popen([BASH, str(script)], env=instance.variables(), cwd=instance.folder, stdout=subprocess.DEVNULL)
    try:
        until(lambda: (instance.state / "running").exists())
        # As systemd does when the instance shuts down.
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
    assert counts(instance, url) == (1, 0)
    assert logs(instance) == []


def test_the_first_boot_prepares_the_agent_and_a_second_one_changes_nothing(instance: Instance) -> None:
    script = boot_script(FOLDER / "install.sh", {"AGENT_SCRIPT": "#!/bin/bash\ntrue", "SETUP_SCRIPT": 'echo "$0" >"$STATE/set-up"'})
    assert instance.run(script).code == 0
    first = instance.tree()
    assert {"usr/local/sbin/build-agent", "etc/systemd/system/build-agent.service"} <= {*first}
    assert first["usr/local/sbin/build-agent"].startswith("755 #!/bin/bash\ntrue")
    assert (instance.state / "active-build-agent.service").exists()
    assert (instance.state / "set-up").exists()
    assert (instance.run(script).code, instance.tree()) == (0, first)
    assert len(instance.calls("useradd")) == 1


def test_without_what_jobs_need_the_agent_takes_none(instance: Instance) -> None:
    done = instance.run(boot_script(FOLDER / "install.sh", {"AGENT_SCRIPT": "true", "SETUP_SCRIPT": "exit 7"}))
    assert (done.code, done.stderr) == (1, "build-agent: setup_script ended with 7; the agent takes no jobs\n")
    assert instance.calls("systemctl") == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="no shellcheck on PATH")
@pytest.mark.parametrize("name", ["agent.sh", "install.sh"])
def test_shellcheck_finds_nothing(name: str, tmp_path: Path) -> None:
    script = tmp_path / name
    # Parameters stand before the text.
    text = (FOLDER / name).read_text()
    parameters = [line.split()[1] for line in text.splitlines() if line.startswith("#   ") and line.split()[1].isupper()]
    assert parameters
    script.write_text(text.replace("#!/bin/bash\n", "#!/bin/bash\n" + "".join(f"{one}=x\n" for one in parameters), 1))
    subprocess.run(["shellcheck", str(script)], check=True)


@pytest.mark.parametrize(
    ("message", "code", "calls"),
    [
        (
            '{"commit": "1a2b3c4", "suite": "checkout"}',
            0,
            [["clone", "--quiet", "https://git/shop.git", "shop"], ["checkout", "--quiet", "1a2b3c4"], ["test-checkout"]],
        ),
        ('{"commit": "main; reboot", "suite": "checkout"}', 2, []),
        ("", 2, []),
    ],
)
def test_the_job_of_the_example_tests_a_commit(instance: Instance, message: str, code: int, calls: list[list[str]]) -> None:
    for command in ("git", "make", "aws"):
        instance.stand_in(command)
    (instance.folder / "shop").mkdir()
    instance.environment |= {"REPOSITORY": "https://git/shop.git", "CACHE_URL": "s3://cache/cache"}
    script = ROOT / "examples" / "build_agents" / "app" / "run-job.sh"
    assert instance.run(f"{BASH} {script} <<'END'\n{message}\nEND\n").code == code
    assert [call[1:] for call in instance.calls() if call[0] in ("git", "make")] == calls
    synced = [call[4:] for call in instance.calls("aws")]
    assert synced == ([["s3://cache/cache/packages", "packages"], ["packages", "s3://cache/cache/packages"]] if not code else [])
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(script)], check=True)
