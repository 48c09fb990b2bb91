"""Writes a stack file for each cell of a global service, by ``python examples/stacks/cells/write.py``.

Five partitions of customers, c1 to c5, each with a cell in four Regions. The cells share the table and the certificates of the stack
prod-cell-all, which is deployed first and destroyed last. What they are is in ``shared.json``, which ``pulumi stack output global_service
--json --stack prod-cell-all`` writes. After a change here or there, run this again.
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PARTITIONS = ("c1", "c2", "c3", "c4", "c5")
REGIONS = ("eu-west-1", "us-east-1", "us-west-2", "ap-northeast-1")
TOPIC = "arn:aws:sns:{}:123456789012:alarms"

FILE = """\
# yaml-language-server: $schema=../../../docs/settings.schema.json
# The cell {cell}: customers of the partition {partition} who are near {region}, and those of its other Regions when they fail.
# Written by write.py, like the files of all cells.
config:
  aws:region: {region}
  cloudpatterns:tags:
    Owner: platform
    CostCenter: cc-1234
    Environment: prod
    Cell: {cell}
  cloudpatterns:global_service:
    domain_name: players.example.com
    hosted_zone_id: Z0123456789ABCDEFGHIJ
    existing_table:
      arn: {table_arn}
      kms_key_arns_by_region: {{{region}: "{key_arn}"}}
      partition_key: {{name: id}}
    certificate_arns_by_region: {{{region}: "{certificate_arn}"}}
    api: {{kind: rest, firewall: {{rate_limit: 2000}}}}
    functions:
      profiles: {{code: examples/global_service/app/profiles}}
    worker:
      function: {{code: examples/global_service/app/exports}}
    routes:
      "GET /profiles/{{id}}": {{function: profiles, iam_authorization: true}}
      "PATCH /profiles/{{id}}": {{function: profiles, iam_authorization: true}}
      "POST /profiles/{{id}}/visits": {{function: profiles, iam_authorization: true}}
      POST /exports: {{queue: true, iam_authorization: true}}
    cells:
      # The first cell of a Region has the account's role for logs of API Gateway: it is deployed before the others.
      {cell}: {{region: {region}, partition: {partition}, account_logging_role: {logging}}}
    other_cells:
{others}
    alarm_topic_arns_by_region:
{topics}
"""


def cell_file(partition: str, region: str, shared: Any) -> str:
    """The stack file of a cell."""
    others = [f"      {partition}-{other}: {{region: {other}, partition: {partition}}}" for other in REGIONS if other != region]
    # Those of us-east-1 hear of cells that Route 53 finds unhealthy.
    topics = [f'      {one}: ["{TOPIC.format(one)}"]' for one in dict.fromkeys((region, "us-east-1"))]
    return FILE.format(
        cell=f"{partition}-{region}",
        partition=partition,
        region=region,
        table_arn=shared["table_arns"][region],
        key_arn=shared["table_kms_key_arns"][region],
        certificate_arn=shared["certificate_arns"][region],
        logging="create" if partition == PARTITIONS[0] else "existing",
        others="\n".join(others),
        topics="\n".join(topics),
    )


def files(shared: Any) -> dict[str, str]:
    """The stack files of all cells by their names."""
    return {
        f"Pulumi.prod-cell-{partition}-{region}.yaml": cell_file(partition, region, shared)
        for partition in PARTITIONS
        for region in REGIONS
    }


if __name__ == "__main__":
    for name, text in files(json.loads((FOLDER / "shared.json").read_text(encoding="utf-8"))).items():
        (FOLDER / name).write_text(text, encoding="utf-8")
