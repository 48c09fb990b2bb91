"""The stacks of this folder as step outputs of a workflow: all of them, and those of dev and prod.

The environment is the part of the name before the first dash: prod-us-east-1 and prod-cell-2 are stacks of prod.
"""

import json
from pathlib import Path

names = sorted(path.name.removeprefix("Pulumi.").removesuffix(".yaml") for path in Path().glob("Pulumi.*.yaml"))
stacks = [{"stack": name, "environment": name.partition("-")[0]} for name in names]
print(f"stacks={json.dumps(stacks)}")
for environment in ("dev", "prod"):
    print(f"{environment}={json.dumps([stack for stack in stacks if stack['environment'] == environment])}")
