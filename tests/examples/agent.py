"""A stand-in for the CloudWatch agent: sends the lines of the files in its configuration to CloudWatch Logs, until it is ended.

It reads what an instance's agent reads, in the same form, and calls the real API; the real agent was tried by hand with such a
configuration. Called as ``amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -s -c file:<path>``, below ``BOOT_ROOT``.
"""

import json
import os
import sys
import time
from collections import defaultdict
from pathlib import Path

import boto3

INSTANCE = "i-0123456789abcdef0"


def main() -> None:
    """Sends every line once."""
    assert sys.argv[1:-1] == ["-a", "fetch-config", "-m", "ec2", "-s", "-c"], sys.argv
    root = Path(os.environ["BOOT_ROOT"])
    configuration = json.loads((root / sys.argv[-1].removeprefix("file:/")).read_text())
    if os.fork():
        # The service goes on after the command that starts it.
        return
    os.setsid()
    (Path(os.environ["STATE"]) / "agent").write_text(str(os.getpid()))
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in range(3):
        os.dup2(null, descriptor)
    logs = boto3.client("logs", region_name="eu-west-1")
    sent: dict[str, int] = defaultdict(int)
    while True:
        for entry in configuration["logs"]["logs_collected"]["files"]["collect_list"]:
            path, stream = root / entry["file_path"].lstrip("/"), entry["log_stream_name"].replace("{instance_id}", INSTANCE)
            lines = path.read_text().splitlines()[sent[stream] :] if path.exists() else []
            if lines:
                if not sent[stream]:
                    logs.create_log_stream(logGroupName=entry["log_group_name"], logStreamName=stream)
                events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines if line]
                logs.put_log_events(logGroupName=entry["log_group_name"], logStreamName=stream, logEvents=events)
                sent[stream] += len(lines)
        time.sleep(0.2)


if __name__ == "__main__":
    main()
