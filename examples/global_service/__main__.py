"""Global service: profiles of players and their visits, read and written in two Regions, each of which goes on without the other."""

from pathlib import Path
from typing import Any

import pulumi
from cloudpatterns.systems import GlobalService, GlobalServiceCellArgs

config = pulumi.Config()
app = Path(__file__).parent / "app"
drained: Any = config.require_object("drained_regions")
alarm_topic_arns: Any = config.require_object("alarm_topic_arns")


def cell(region: str) -> GlobalServiceCellArgs:
    """A Region's cell. The account's role for logs of API Gateway is created once in a Region."""
    return {"region": region, "account_logging_role": "create", "drained": region in drained}


players = GlobalService(
    "players",
    {
        "domain_name": config.require("domain_name"),
        "hosted_zone_id": config.require("hosted_zone_id"),
        "table": {"region": "eu-west-1", "replica_regions": ["us-east-1"], "partition_key": {"name": "id"}},
        "api": {"kind": "rest", "firewall": {"rate_limit": 2000}},
        "functions": {"profiles": {"code": pulumi.FileArchive(str(app / "profiles"))}},
        "worker": {"function": {"code": pulumi.FileArchive(str(app / "exports"))}},
        "routes": {
            "GET /profiles/{id}": {"function": "profiles", "iam_authorization": True},
            "PATCH /profiles/{id}": {"function": "profiles", "iam_authorization": True},
            "POST /profiles/{id}/visits": {"function": "profiles", "iam_authorization": True},
            "POST /exports": {"queue": True, "iam_authorization": True},
        },
        "cells": {region: cell(region) for region in ("eu-west-1", "us-east-1")},
        "alarm_topic_arns_by_region": alarm_topic_arns,
    },
)

pulumi.export("urls", players.urls)
pulumi.export("cell_urls", players.cell_urls)
pulumi.export("table_name", players.table_name)
pulumi.export("queue_urls", players.queue_urls)
