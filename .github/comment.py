"""Writes a file into the comment of a pull request that ends with the same line, or into a new one: `comment.py NUMBER FILE`.

The comment is that of the workflow's own account, and links to `PAGE` where the environment has one. It needs `gh`, and `GH_TOKEN` and
`GH_REPO` in the environment.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

AUTHOR = "github-actions[bot]"


def gh(*words: str, body: str | None = None) -> str:
    """What the command ``gh api`` answers; a body is sent as JSON."""
    sent = () if body is None else ("--input", "-")
    given = None if body is None else json.dumps({"body": body})
    return subprocess.run(["gh", "api", *words, *sent], input=given, stdout=subprocess.PIPE, text=True, check=True).stdout


number, file = sys.argv[1:]
text = Path(file).read_text(encoding="utf-8")
mark = text.rstrip().rpartition("\n")[2]
if page := os.environ.get("PAGE"):
    text = text.rstrip().removesuffix(mark) + f"[The page with the picture]({page})\n\n{mark}\n"
comments = f"repos/{os.environ['GH_REPO']}/issues"
pages = json.loads(gh(f"{comments}/{int(number)}/comments?per_page=100", "--paginate", "--slurp"))
own = [item["id"] for page in pages for item in page if item["user"]["login"] == AUTHOR and item["body"].rstrip().endswith(mark)]
if own:
    gh(f"{comments}/comments/{own[-1]}", "--method", "PATCH", body=text)
else:
    gh(f"{comments}/{int(number)}/comments", body=text)
