"""Keeps one open issue of the stacks that differ from the program: `drift.py RUN`, after the jobs of the workflow `drift`.

The issue has the label `drift`. It is opened with the first difference, comments say which stacks have joined, and it is closed when no
stack differs any more. It needs `gh`, and `GH_TOKEN` and `GH_REPO` in the environment.
"""

import json
import os
import re
import subprocess
import sys
from typing import Any

AUTHOR = "github-actions[bot]"
LABEL = "drift"
TITLE = "What is deployed differs from the program"
JOB = re.compile(r"drift \((.+)\)")
"""The job of a stack."""
LINE = re.compile(r"^- `(.+?)`", re.MULTILINE)
"""The line of a stack in the issue."""
HEAD = """\
`pulumi preview --refresh` found differences in these stacks, or could not compare them; the log of each says which.

- Somebody has changed a resource past the program: take the change into the program, or let the next deployment undo it.
- A deployment has failed half-way: run it again.
- Access was denied: `docs/delivery.md` says what the plan role cannot read.
"""


def gh(path: str, *words: str, body: dict[str, Any] | None = None) -> Any:
    """What the command ``gh api`` answers; a body is sent as JSON."""
    sent = () if body is None else ("--input", "-")
    given = None if body is None else json.dumps(body)
    command = ["gh", "api", f"repos/{os.environ['GH_REPO']}/{path}", *words, *sent]
    return json.loads(subprocess.run(command, input=given, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main(run: int) -> None:
    """Opens, updates or closes the issue."""
    pages = gh(f"actions/runs/{run}/jobs?per_page=100", "--paginate", "--slurp")
    jobs = {name[1]: job for page in pages for job in page["jobs"] if (name := JOB.fullmatch(job["name"]))}
    differing = {stack: job["html_url"] for stack, job in sorted(jobs.items()) if job["conclusion"] != "success"}
    issues = gh(f"issues?state=open&labels={LABEL}&per_page=100")
    issue = next((one for one in issues if one["user"]["login"] == AUTHOR and "pull_request" not in one), None)
    body = "\n".join([HEAD, *(f"- `{stack}`: [log]({url})" for stack, url in differing.items()), ""])
    if issue is None:
        if differing:
            print(gh("issues", body={"title": TITLE, "body": body, "labels": [LABEL]})["html_url"])
        return
    path = f"issues/{issue['number']}"
    if not differing:
        gh(f"{path}/comments", body={"body": "No stack differs any more."})
        gh(path, "--method", "PATCH", body={"state": "closed", "state_reason": "completed"})
        return
    if issue["body"] != body:
        gh(path, "--method", "PATCH", body={"body": body})
    if joined := [stack for stack in differing if stack not in LINE.findall(issue["body"] or "")]:
        gh(f"{path}/comments", body={"body": f"These differ now, too: {', '.join(f'`{stack}`' for stack in joined)}."})


if __name__ == "__main__":
    main(int(sys.argv[1]))
