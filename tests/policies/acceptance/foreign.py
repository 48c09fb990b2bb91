"""Judges the Python programs of pulumi/examples, and keeps the result: ``python -m tests.policies.acceptance.foreign FOLDER REVISION``.

FOLDER is a checkout of https://github.com/pulumi/examples at that revision; what its programs import must be on PYTHONPATH. Each runs by
``offline-preview``, with the settings below where it asks for some. ``foreign.json`` has the result, with an explanation of each alarm,
and the exports of programs in other languages that were judged; both stand in ``docs/acceptance.md``.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PACK = ROOT / "policies/acceptance"
RESULT = Path(__file__).with_name("foreign.json")
_PASSWORD = "Secret-123456"
# What the programs ask for, under their own names.
SETTINGS = {
    "aws:region": "us-west-2",
    "cfg:autoscalingGroupSize": "2",
    "clusterDBName": "dev",
    "clusterDBPassword": _PASSWORD,
    "clusterDBUsername": "owner",
    "clusterIdentifier": "events",
    "clusterNodeType": "ra3.xlplus",
    "companyName": "acme",
    "companyStack": "acme/company/dev",
    "dbPassword": _PASSWORD,
    "departmentName": "it",
    "departmentStack": "acme/department/dev",
    "django-admin-name": "owner",
    "django-admin-password": _PASSWORD,
    "django-secret-key": "k" * 50,
    "dns-zone": "example.com",
    "domain": "api.example.com",
    "glueDBName": "events",
    "keyName": "deployer",
    "mystackpath": "acme/network/dev",
    "open-api-key": "sk-1",
    "pathToWebsiteContents": "./www",
    "privateKey": "a2V5",
    "publicKey": "ssh-rsa AAAA",
    "redis-password": _PASSWORD,
    "roleToAssumeARN": "arn:aws:iam::123456789012:role/deployer",
    "slackToken": "xoxb-1",
    "sql-admin-name": "owner",
    "sql-admin-password": _PASSWORD,
    "sql-user-name": "web",
    "sql-user-password": _PASSWORD,
    "targetDomain": "www.example.com",
    "teamName": "web",
    "unprivilegedUsername": "jane",
    "verificationToken": "t",
}
# What the programs read from other stacks.
_NETWORK = [f"subnet-0123456789abcdef{number}" for number in range(4)]
OUTPUTS = {
    "companyName": "acme",
    "departmentName": "it",
    "pulumi_vpc_name": "main",
    "pulumi_vpc_id": "vpc-0123456789abcdef0",
    "pulumi_vpc_cidr": "10.0.0.0/16",
    "pulumi_vpc_az_zones": 2,
    "pulumi_vpc_public_subnet_ids": _NETWORK[:2],
    "pulumi_vpc_private_subnet_ids": _NETWORK[2:],
    "pulumi_vpc_aws_tags": {},
}


def programs(folder: Path) -> list[Path]:
    """The folders of the Python programs for AWS."""
    found = {file.parent for file in folder.glob("aws-*/**/Pulumi.yaml") if (file.parent / "__main__.py").exists()}
    return sorted(one for one in found if any("pulumi_aws" in file.read_text(encoding="utf-8") for file in one.rglob("*.py")))


def judge(program: Path) -> dict[str, Any]:
    """How many resources a program has, and the alarms in them, or why it does not run."""
    name = re.findall(r"^name:\s*[\"']?([\w.-]+)", (program / "Pulumi.yaml").read_text(encoding="utf-8"), re.MULTILINE)[0]
    with tempfile.TemporaryDirectory() as folder:
        config, outputs, report = (Path(folder) / file for file in ("config.yaml", "outputs.json", "report.json"))
        (Path(folder) / "key").write_text("ssh-rsa AAAA", encoding="utf-8")
        settings = {**SETTINGS, "publicKeyPath": f"{folder}/key", "privateKeyPath": f"{folder}/key"}
        lines = (f"  {key if ':' in key else f'{name}:{key}'}: {json.dumps(value)}" for key, value in settings.items())
        config.write_text("\n".join(["config:", *lines, ""]), encoding="utf-8")
        outputs.write_text(json.dumps(OUTPUTS), encoding="utf-8")
        command = ["offline-preview", "--project", os.fspath(program), "--stack", "dev", "--config-file", os.fspath(config)]
        for other in ("company", "department", "network"):
            command += ["--stack-reference", f"acme/{other}/dev={outputs}"]
        command += ["--as", "preview", "--json", os.fspath(report)]
        command += ["--policy-pack", os.fspath(PACK), "--policy-pack-config", os.fspath(PACK / "prod.json")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if not report.exists():
            return {"error": " ".join(done.stderr.split())[:300]}
        found = json.loads(report.read_text(encoding="utf-8"))
    return summary(found[0] if isinstance(found, list) else found)


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """The resources and the mandatory findings of a report: control, type, name and message."""
    alarms = [one for one in report["findings"] if one["level"] == "mandatory"]
    return {
        "resources": sum(one["type"].startswith("aws:") for one in report["resources"]),
        "advice": len(report["findings"]) - len(alarms),
        "alarms": sorted(
            f"{one['control']} {one['urn'].split('::')[-1]}: {one['message'].split(' Remedy: ')[0].split(' https://')[0]}" for one in alarms
        ),
    }


def main() -> None:
    """Writes the result, with the explanations that it had."""
    folder, revision = Path(sys.argv[1]), sys.argv[2]
    data = json.loads(RESULT.read_text(encoding="utf-8"))
    known = {alarm: why for one in data["programs"].values() for alarm, why in one.get("alarms", {}).items()}
    data["revision"] = revision
    data["programs"] = {}
    for program in programs(folder):
        found = judge(program)
        if "alarms" in found:
            found["alarms"] = {alarm: known.get(alarm, "") for alarm in found["alarms"]}
        data["programs"][program.relative_to(folder).as_posix()] = found
        print(program.relative_to(folder), found)
    RESULT.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
