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
    """The resources of a report, and its mandatory findings: resource, type, property, and the rule, else the control."""
    alarms = []
    for one in report["findings"]:
        if one["level"] == "mandatory":
            message = one["message"].split(" Remedy: ")[0]
            rule, place = re.search(r"\(([\w-]+)\)[. ]", message), re.search(r" - ([\w.]+)\.$", message)
            *_, kind, name = one["urn"].split("::")
            found = {"resource": name, "type": kind.split("$")[-1], "property": place[1] if place else ""}
            alarms.append({**found, "rule": rule[1] if rule else one["control"]})
    return {"resources": sum(one["type"].startswith("aws:") for one in report["resources"]), "alarms": alarms}


def main() -> None:
    """Judges the Python programs again, with the explanations that there were; the exports stay as they are."""
    folder, revision = Path(sys.argv[1]), sys.argv[2]
    data = json.loads(RESULT.read_text(encoding="utf-8"))
    exports = data["sources"][1]
    known = {_key(one): one["why"] for one in data["alarms"]}
    found = {program.relative_to(folder).as_posix(): judge(program) for program in programs(folder)}
    alarms = [{"program": name, **alarm} for name, one in found.items() for alarm in one.get("alarms", ())]
    others = [one for one in data["alarms"] if one["program"] in data["exports"]]
    ran = {name: one["resources"] for name, one in found.items() if "resources" in one}
    first = {"name": "pulumi/examples, Python", "revision": revision, "programs": len(ran), "resources": sum(ran.values())}
    data |= {"sources": [first, exports], "alarms": [*({**one, "why": known.get(_key(one), "")} for one in alarms), *others]}
    data["not run"] = {name: one["error"] for name, one in found.items() if "error" in one}
    data["programs"] = ran
    RESULT.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")


def _key(alarm: dict[str, Any]) -> tuple[str, ...]:
    return tuple(alarm[name] for name in ("program", "resource", "property", "rule"))


if __name__ == "__main__":
    main()
