"""What tests of single settings share: the commands that errors propose, and the one check of one wrong value."""

import json

from tests.settings.configurations import ABSENT, broken, good, obey, problems

TEXT = "text where another type of value is expected"
NUMBER_VERSION = "a number, of which YAML drops trailing zeros: write the version in quotes"
NAMES = "lower-case letters, digits and hyphens, a letter first, at most 32 characters, each name once"


def put(key, value):
    return f"pulumi config set --stack dev --path 'cloudpatterns:{key}' {value}"


def put_text(key, value):
    return f"pulumi config set --stack dev --path --type string 'cloudpatterns:{key}' {value}"


def put_all(**pairs):
    return "pulumi config set-all --stack dev --path " + " ".join(
        f"--plaintext 'cloudpatterns:{key}={value}'" for key, value in pairs.items()
    )


def rm(key):
    return f"pulumi config rm --stack dev --path 'cloudpatterns:{key}'"


def shown(value):
    text = "nothing" if value is ABSENT else json.dumps(value)
    return text if len(text) <= 160 else text[:160] + "..."


def reported(sections, **options):
    return [
        (problem.key.removeprefix("cloudpatterns:"), problem.given, problem.because, problem.fix)
        for problem in problems(sections, **options)
    ]


def check_one(path, value, because, allowed, fix, reported_at=None):
    """One wrong value is one problem, of exactly this text, and its command fixes it. `reported_at`: its key and value, if others."""
    sections = broken({path: value})
    key, given = reported_at or (path, value)
    (problem,) = problems(sections)
    assert (problem.key, problem.given, problem.because) == (f"cloudpatterns:{key}", shown(given), because)
    assert problem.allowed == allowed
    assert problem.fix == (fix,)
    obey(problem.fix, sections)
    good(sections)
