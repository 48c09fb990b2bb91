"""Refuses to update a stack by a commit that is older than the one that updated it last: python3 .github/order.py STACK.

Runs of the workflow overtake each other: checks take longer for one commit than for the next, and approvals come in any order. What
updated a stack last is in its history, also when that update failed or was started by hand.
"""

import json
import subprocess
import sys


def output(*command: str) -> str:
    """What a command prints; its errors are shown, and end the step."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def holds(*command: str) -> bool:
    """Whether a command succeeds."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def is_before(commit: str, other: str) -> bool:
    """Whether a commit is an ancestor of another, or the same."""
    return holds("git", "merge-base", "--is-ancestor", commit, other)


def main(stack: str) -> int:
    """Says by which commit the stack was updated last. Returns the exit code: 1 refuses the update."""
    if output("git", "rev-parse", "--is-shallow-repository") == "true":
        print("::error::The order of commits needs the whole history: check out with fetch-depth 0.")
        return 1
    history = json.loads(output("pulumi", "stack", "history", "--stack", stack, "--json", "--page-size", "100", "--page", "1"))
    commits = [update["environment"].get("git.head") for update in history if update["kind"] == "update"]
    last, this = next(iter(commits), None), output("git", "rev-parse", "HEAD")
    if last is None:
        print(f"{stack} has no update by a commit yet.")
    elif not holds("git", "cat-file", "-e", f"{last}^{{commit}}"):
        print(f"::warning::{stack} was last updated by the commit {last}, which is on no branch; {this} replaces it.")
    elif is_before(last, this):
        print(f"{stack} was last updated by {last}, which {this} contains.")
    elif is_before(this, last):
        print(
            f"::error::{stack} was last updated by {last}, which is newer than {this}: this run would take its changes back, so nothing was"
            " changed. Use the run of the newest commit; to undo a change, revert its commit."
        )
        return 1
    else:
        print(f"::warning::{stack} was last updated by {last}, which is on another branch; {this} replaces it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
