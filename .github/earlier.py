"""Fetches the offline preview of `main`, an artifact of a deployment: `earlier.py NAME COMMIT`.

Writes `main-<commit>.json`, of the given commit or, while its checks run, of the newest one that has an artifact, and prints its name;
nothing when there is none. It needs `gh`, and `GH_TOKEN` and `GH_REPO` in the environment.
"""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

name, commit = sys.argv[1:]
repository = f"repos/{os.environ['GH_REPO']}"


def gh(path: str) -> bytes:
    """What the command ``gh api`` answers."""
    return subprocess.run(["gh", "api", f"{repository}/{path}"], stdout=subprocess.PIPE, check=True).stdout


found = []
for item in json.loads(gh(f"actions/artifacts?name={name}&per_page=100"))["artifacts"]:
    run = item["workflow_run"]
    # A pull request can have artifacts of any name, and a fork a branch of any name.
    if run["head_branch"] == "main" and run["head_repository_id"] == run["repository_id"] and not item["expired"]:
        found.append(item)
if found:
    # GitHub lists the newest first.
    chosen = next((item for item in found if item["workflow_run"]["head_sha"] == commit), found[0])
    with zipfile.ZipFile(io.BytesIO(gh(f"actions/artifacts/{chosen['id']}/zip"))) as archive:
        data = archive.read(f"{name}.json")
    file = Path(f"main-{chosen['workflow_run']['head_sha'][:7]}.json")
    file.write_bytes(data)
    print(file)
