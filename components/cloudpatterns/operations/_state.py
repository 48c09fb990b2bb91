"""Where the state of stacks is in a bucket of Pulumi's self-managed backend."""

import pulumi


def state_objects(bucket_arn: pulumi.Input[str], *stacks: str) -> list[pulumi.Output[str]]:
    """The objects of the state of ``project/stack``, where each part may have a ``*``."""
    paths = [".pulumi/meta.yaml"]
    for stack in stacks:
        paths += [f".pulumi/stacks/{stack}.*", f".pulumi/locks/organization/{stack}/*"]
        paths += [f".pulumi/{folder}/{stack}/*" for folder in ("history", "backups")]
    return [pulumi.Output.concat(bucket_arn, "/", path) for path in paths]
