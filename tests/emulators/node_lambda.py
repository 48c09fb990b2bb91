"""Runs Lambda functions in Node.js as Lambda does: one environment for several events, with clients of AWS that answer from a table."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest

_RUN = """
import { handler } from './index.mjs';
import { calls } from '@aws-sdk/client-secrets-manager';
const results = [];
for (const event of JSON.parse(process.argv[2])) {
    try {
        results.push({ result: await handler(event) });
    } catch (error) {
        results.push({ errorType: error.name, errorMessage: error.message });
    }
}
process.stdout.write(JSON.stringify({ results, calls }));
"""
_SECRETS = """
const secrets = JSON.parse(process.env.TEST_SECRETS);
export const calls = [];
export class GetSecretValueCommand { constructor(input) { this.input = input; } }
export class SecretsManagerClient {
    async send(command) {
        const id = command.input.SecretId;
        calls.push(id);
        if (!(id in secrets)) { throw new Error(`no secret ${id}`); }
        return { SecretString: secrets[id] };
    }
}
"""


class Answers(NamedTuple):
    """What the function returned, or failed with, for each event."""

    results: list[dict[str, Any]]
    secrets_read: list[str]
    """ARNs of the secrets that it read."""


def secrets_client() -> dict[str, str]:
    """Files of a client of Secrets Manager, which reads the secrets from the variable TEST_SECRETS, for beside a function."""
    module = "node_modules/@aws-sdk/client-secrets-manager"
    package = '{"name": "@aws-sdk/client-secrets-manager", "type": "module", "exports": "./index.js"}'
    return {f"{module}/package.json": package, f"{module}/index.js": _SECRETS}


def invoke(file: Path, environment: Mapping[str, str], secrets: Mapping[str, str], *events: Any) -> Answers:
    """Runs the function for the events, one after another."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    with TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(file, folder / "index.mjs")
        (folder / "run.mjs").write_text(_RUN)
        for path, text in secrets_client().items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        variables = {**environment, "TEST_SECRETS": json.dumps(secrets)}
        command = [node, "run.mjs", json.dumps(events)]
        done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    return Answers(answer["results"], answer["calls"])
