"""Each broken variant of the program has the same findings, field by field, by `pulumi preview` and by `offline-preview --as preview`.

`--as deployed` invents what AWS would compute, so it judges what a preview leaves open. What it finds beyond that stands in `BEYOND`.
"""

import json
import re
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from offline_preview import cli
from offline_preview.findings import classify

from sandbox.workspace import PACKS
from tests.engine.conftest import ROOT, Engine
from tests.program import copy_project
from tests.test_broken_variants import AWS, VARIANTS, Variant

STACK = "prod"
OPTIONS = [
    part
    for pack in PACKS
    for part in ("--policy-pack", str(ROOT / "policies" / pack), "--policy-pack-config", str(ROOT / "policies" / pack / f"{STACK}.json"))
]
_COLOUR = re.compile(r"<\{%[^%]*%\}>")


class Found(NamedTuple):
    """A finding as the CLI and the offline preview both tell it."""

    control: str
    verdict: str
    level: str
    severity: str
    urn: str
    message: str

    @property
    def place(self) -> tuple[str, str]:
        return self.control, self.urn.rpartition("::")[2]


EVERYBODY = (
    "hole.arn.apply(lambda arn: json.dumps({'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Principal': '*',"
    " 'Action': ACTION, 'Resource': RESOURCE}]}))"
)
# The documents hold nothing that a preview does not know.
DOORS = """
def door(action, on="*"):
    statement = {"Sid": "Door", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": on}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

secret = aws.secretsmanager.Secret("hole-secret", policy=door("secretsmanager:GetSecretValue"))
aws.secretsmanager.SecretPolicy("hole-secret-policy", secret_arn=secret.arn, policy=door("secretsmanager:*"))
aws.opensearch.Domain("hole-search", domain_name="hole-search", access_policies=door("es:ESHttp*"))
images = aws.ecr.Repository("hole-images")
aws.ecr.RepositoryPolicy("hole-images-policy", repository=images.name, policy=door(["ecr:BatchGetImage", "ecr:PutImage"]))
aws.kms.Key("hole-key", policy=door("kms:*"))
files = aws.s3.Bucket("hole-files", bucket="hole-files")
aws.s3.BucketPolicy("hole-files-policy", bucket=files.id, policy=door(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::hole-files/*"))
"""
# The policies of the first two hold an ARN, so a preview does not know them.
MORE = {
    "a bucket that everybody may read": Variant(
        after=f"import json\n{AWS}hole = aws.s3.Bucket('hole')\naws.s3.BucketPolicy('hole-policy', bucket=hole.id, policy="
        + EVERYBODY.replace("ACTION", "'s3:GetObject'").replace("RESOURCE", "f'{arn}/*'")
        + ")\n",
        found={("s3-bucket-public-access-blocked", "hole"): "", ("s3-kms", "hole"): ""},
    ),
    "a queue that everybody may use": Variant(
        after=f"import json\n{AWS}hole = aws.sqs.Queue('hole', sqs_managed_sse_enabled=False)\n"
        "aws.sqs.QueuePolicy('hole-policy', queue_url=hole.id, policy="
        + EVERYBODY.replace("ACTION", "'sqs:*'").replace("RESOURCE", "arn")
        + ")\n",
        found={("sqs-encrypted", "hole"): ""},
    ),
    "five doors that everybody may open": Variant(
        after=f"import json\n{AWS}" + DOORS,
        found={
            ("secret-policy-not-public", "hole-secret"): "",
            ("secret-policy-not-public", "hole-secret-policy"): "",
            ("opensearch-policy-not-public", "hole-search"): "",
            ("ecr-policy-not-public", "hole-images-policy"): "",
            ("kms-key-not-public", "hole-key"): "",
            ("s3-policy-not-public", "hole-files-policy"): "",
        },
    ),
}
BROKEN = {**VARIANTS, **MORE}

# What --as deployed finds and a preview cannot, in the program as it is: the names of its endpoints' services hold the region, which every
# resource has as an output, so a preview cannot tell that none of them is EC2's.
ALWAYS_BEYOND = {("vpc-ec2-endpoint", "network-vpc")}
# And in the variants: the document holds the ARN of its resource, which is known only after deployment.
BEYOND = {
    "a bucket that everybody may read": {("s3-tls-only", "hole"), ("s3-policy-not-public", "hole-policy")},
    "a queue that everybody may use": {("sqs-not-public", "hole-policy")},
}


def _by_engine(engine: Engine, folder: Path) -> tuple[int, list[Found]]:
    """Exit code and findings of the CLI's preview, from the engine's own events: its text shows no URNs."""
    shutil.copy(engine.project / f"Pulumi.{STACK}.yaml", folder)  # the CLI's own: it holds the salt of the passphrase
    (folder / ".venv").symlink_to(engine.project / ".venv")
    log = folder / "events.json"
    there = replace(engine, project=folder, environment={**engine.environment, "PULUMI_DEBUG_COMMANDS": "true"})
    done = there.pulumi("preview", "--stack", STACK, *OPTIONS, "--event-log", str(log))
    assert log.exists(), done.stdout + done.stderr
    events = [event["policyEvent"] for line in log.read_text().splitlines() if "policyEvent" in (event := json.loads(line))]
    found = []
    for event in events:
        verdict, message = classify(_COLOUR.sub("", event["message"]).rstrip("\n"))
        found.append(Found(event["policyName"], verdict, event["enforcementLevel"], event["severity"], event["resourceUrn"], message))
    return done.returncode, sorted(found)


def _offline(folder: Path, mode: str) -> tuple[int, list[Found]]:
    report = folder / f"{mode}.json"
    code = cli.main(["--project", str(folder), "--stack", STACK, "--as", mode, *OPTIONS, "--json", str(report)])
    return code, sorted(Found(*(one[field] for field in Found._fields)) for one in json.loads(report.read_text())["findings"])


def _sure(found: Iterable[Found]) -> dict[tuple[str, str], set[Found]]:
    """The findings that are no unknowns, by control and resource."""
    places: dict[tuple[str, str], set[Found]] = {}
    for one in found:
        if one.verdict != "unknown":
            places.setdefault(one.place, set()).add(one)
    return places


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_variant_has_the_same_findings_by_the_real_engine(name: str, engine: Engine, tmp_path: Path) -> None:
    variant = BROKEN[name]
    theirs, ours = (copy_project(tmp_path / place, variant.before, variant.after) for place in ("engine", "offline"))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_by_engine, engine, theirs)
        previewed_code, previewed = _offline(ours, "preview")
        deployed_code, deployed = _offline(ours, "deployed")
        code, found = running.result()
    assert found == previewed
    assert set(variant.found) <= {one.place for one in found if one.level == "mandatory"}
    assert code != 0
    assert (previewed_code, deployed_code) == (1, 1)
    before, after = _sure(previewed), _sure(deployed)
    assert before.keys() - after.keys() == set()
    assert after.keys() - before.keys() == ALWAYS_BEYOND | BEYOND.get(name, set())
    # A preview knows the group and the gateway that are meant, although their ids are unknown.
    assert {place: before[place] for place in before if before[place] != after[place]} == {}


def test_there_are_ten_broken_variants() -> None:
    assert len(BROKEN) >= 10
    assert set(BEYOND) <= set(BROKEN)
