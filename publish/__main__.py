"""Publishes a build of the application: ``python -m publish --stack dev --artifact dist/storefront-app.tar.gz``.

Checks the archive, uploads it to the stack's artifact bucket under its SHA-256, and sets that as the version in the stack's settings: the
next ``up`` deploys it. With ``--set no`` the setting stays, and the version that it names must be in the bucket: that is what a deployment
checks before it changes anything. Exit code 0 when all of that held, 1 when something did not.
"""

import argparse
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from publish import archive
from publish.bucket import Bucket
from publish.problem import PublishError
from publish.stack import BUCKET_OUTPUT, IMAGE_SETTING, PLACE_SETTING, SETTING, Stack

_MOST_SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m publish", description="Publishes a build of the application as a version that the stack can run."
    )
    parser.add_argument("--stack", required=True, help="the stack, as in Pulumi.<stack>.yaml")
    parser.add_argument("--artifact", type=Path, help="the artifact: a .tar.gz file, or a folder, which is packed")
    parser.add_argument(
        "--set",
        choices=("yes", "no"),
        default="yes",
        dest="sets",
        help="no: leave the setting, and check that the version that it names is in the bucket (default: yes)",
    )
    wanted = parser.parse_args(arguments)
    try:
        if wanted.sets == "yes":
            _publish(wanted.stack, wanted.artifact)
        else:
            _prepare(wanted.stack, wanted.artifact)
    except PublishError as error:
        print(f"publish: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\npublish: stopped; the setting is unchanged", file=sys.stderr)
        return 130
    return 0


def _publish(name: str, artifact: Path | None) -> None:
    """Uploads an artifact and sets it as the version."""
    if artifact is None:
        raise PublishError(
            "ARTIFACT",
            given="nothing",
            problem="there is no artifact to publish",
            allowed="a .tar.gz file or a folder; without one only together with SET=no",
            fix=f"make publish STACK={name} ARTIFACT=dist/storefront-app.tar.gz",
        )
    stack = Stack(name)
    if stack.runs_containers:
        raise PublishError(
            "ARTIFACT",
            given=str(artifact),
            problem=f"stack {name} runs containers, and their version is an image",
            allowed="an artifact for a stack with servers; for containers an image that is pushed to a registry",
            fix=f"pulumi config set --stack {name} --path {IMAGE_SETTING} REPOSITORY@sha256:DIGEST",
        )
    if stack.place is not None:
        raise PublishError(
            f"{PLACE_SETTING} of stack {name}",
            given=stack.place,
            problem="the servers take the application from there, and not from the stack's artifact bucket",
            allowed="no such setting for artifacts that this command publishes",
            fix=f"pulumi config rm --stack {name} --path {PLACE_SETTING}",
        )
    with _checked(stack, artifact) as packed:
        bucket = stack.bucket()
        if bucket is None:
            raise _not_deployed(stack)
        version, before = _upload(Bucket(bucket, stack.region), artifact, packed), stack.version
    if before == version:
        print(f"{SETTING} of stack {name} names it already")
    else:
        stack.set_version(version)
        print(f"{SETTING} of stack {name} is now {version}; it was {before or 'not set'}")
    print(f"Next: make up STACK={name}, and commit Pulumi.{name}.yaml: workflows deploy what is committed.")


def _prepare(name: str, artifact: Path | None) -> None:
    """Before a deployment: uploads an artifact, if there is one, and checks that the version of the setting is in the bucket."""
    stack = Stack(name)
    if stack.runs_containers:
        print(f"Stack {name} runs containers, whose version is {IMAGE_SETTING}: nothing is uploaded or checked.")
        return
    if stack.place is not None:
        print(f"The servers of stack {name} take {stack.place}: nothing is uploaded or checked.")
        return
    found = stack.bucket()
    if found is None and stack.version is not None:
        raise _not_deployed(stack)
    if artifact is not None:
        with _checked(stack, artifact) as packed:
            if found is not None:
                _upload(Bucket(found, stack.region), artifact, packed)
    if found is None:
        print(f"Stack {name} has no artifact bucket yet, and no version: nothing to upload to. Deploy it, then publish.")
        return
    bucket = Bucket(found, stack.region)
    if stack.version is None:
        print(f"{SETTING} of stack {name} is not set: its servers run no artifact.")
    else:
        _check(stack, bucket, stack.version)


@contextmanager
def _checked(stack: Stack, artifact: Path) -> Generator[Path]:
    """The archive of an artifact, packed if it is a folder, once nothing is wrong with it."""
    if not artifact.exists():
        raise PublishError(
            "ARTIFACT",
            given=str(artifact),
            problem="does not exist",
            allowed="a .tar.gz file or a folder",
            fix="build it first, or correct the path",
        )
    wanted = stack.wanted
    with tempfile.TemporaryDirectory(prefix="publish-") as folder:
        path = artifact
        if artifact.is_dir():
            archive.refuse_private(artifact)
            path = Path(folder) / "packed.tar.gz"
            archive.pack(artifact, path)
            if opened := archive.opened_files(artifact):
                more = f" and {len(opened) - 1:,} more" if len(opened) > 1 else ""
                print(f"note: not everyone may read {opened[0]}{more} here; packed, every user of a server may")
        print(f"{artifact} has {archive.check(path, wanted, artifact)}; packed, {path.stat().st_size:,} bytes")
        yield path


def _upload(bucket: Bucket, artifact: Path, packed: Path) -> str:
    """Uploads an artifact; its version."""
    version = archive.sha256(packed)
    new = bucket.upload(packed, version)
    print(f"{artifact} is version {version}: {'uploaded to' if new else 'already in'} {bucket.place(version)}")
    return version


def _check(stack: Stack, bucket: Bucket, version: str) -> None:
    artifacts = bucket.artifacts()
    if any(artifact.version == version for artifact in artifacts):
        print(f"{SETTING} of stack {stack.name} is {version}, which is in the bucket.")
        return
    newest = "\n".join(["; its newest artifacts:", *map(str, artifacts[:_MOST_SHOWN])]) if artifacts else ", which has no artifacts"
    older = (
        f"\nor set one of those above:\npulumi config set --stack {stack.name} --path {SETTING} {artifacts[0].version}" if artifacts else ""
    )
    raise PublishError(
        f"{SETTING} of stack {stack.name}",
        given=version,
        problem=f"is not in the bucket {bucket.name}{newest}",
        allowed="the SHA-256 of an artifact in the bucket, 64 hexadecimal digits",
        fix=f"publish that artifact: make publish STACK={stack.name} ARTIFACT=...{older}",
    )


def _not_deployed(stack: Stack) -> PublishError:
    if stack.version is None:
        return PublishError(
            "STACK",
            given=stack.name,
            problem=f"has no artifact bucket yet: there is no stack output {BUCKET_OUTPUT}",
            allowed="a stack that is deployed",
            fix=f"make up STACK={stack.name}\nthen publish",
        )
    return PublishError(
        f"{SETTING} of stack {stack.name}",
        given=stack.version,
        problem=f"the stack has no artifact bucket yet (no stack output {BUCKET_OUTPUT}), so no artifact can be in it",
        allowed="no version until the stack is deployed once without one",
        fix=f"pulumi config rm --stack {stack.name} --path {SETTING}\ndeploy, then make publish STACK={stack.name} ARTIFACT=...",
    )


if __name__ == "__main__":
    sys.exit(main())
