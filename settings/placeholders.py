"""Finds the examples of the shipped stacks and of printed fixes in a stack's settings: `python -m settings.placeholders dev`.

A preview accepts them, so that the shipped stacks can be previewed. On AWS they fail, or alarms reach nobody: `make up` finds them first.
Exit code 0 without examples, 1 with some.
"""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from settings.errors import path_step

_EXAMPLES = {
    "the example account": re.compile(r"(?<!\d)123456789012(?!\d)"),
    "the example certificate": re.compile("00000000-0000-4000-8000-0{12}"),
    "an address of a domain for examples": re.compile(r"(.*@)?([\w-]+\.)*example\.(com|net|org)\Z"),
    "the example of a hosted zone": re.compile(r"Z0123456789ABCDEFGHIJ\Z"),
    "the example of a bucket": re.compile(r"arn:[a-z-]+:s3:::example-bucket"),
}


def examples(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Key, value and kind of each example in a stack's configuration."""
    for key, section in config.items():
        for place, text in _texts(section):
            # Of an ARN with several, the first says enough.
            kind = next((kind for kind, pattern in _EXAMPLES.items() if pattern.search(text)), None)
            if kind is not None:
                yield f"{key}{place}", text, kind


def _texts(node: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(value, place + path_step(str(name)))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _texts(value, place + path_step(index))
    elif isinstance(node, str):
        yield place, node


def main(arguments: Sequence[str]) -> int:
    """The command; its exit code."""
    (stack,) = arguments
    # A name may have the organization and the project in front.
    file = Path(f"Pulumi.{stack.rpartition('/')[2]}.yaml")
    if not file.exists():
        # The CLI says what is missing.
        return 0
    found = list(examples((yaml.safe_load(file.read_text(encoding="utf-8")) or {}).get("config") or {}))
    if not found:
        return 0
    lines = [f"error: {file} has {len(found)} value{' that is only an example' if len(found) == 1 else 's that are only examples'}:"]
    for key, text, kind in found:
        fix = f"pulumi config set --stack {shlex.quote(stack)} --path '{key}' ..."
        lines.append(f"\n{key}\n  given:    {text}\n  problem:  {kind}\n  allowed:  your own value\n  fix:      {fix}")
    lines.append(f"\nFor an emulator of AWS that has this account: make up STACK={shlex.quote(stack)} EXAMPLES=yes")
    print("\n".join(lines), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
