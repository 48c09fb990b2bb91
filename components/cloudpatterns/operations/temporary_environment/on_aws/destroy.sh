#!/bin/bash
# Destroys a stack from its state alone, as a build of CodeBuild. Environment: STACK (organization/project/stack), PULUMI_BACKEND_URL,
# PULUMI_VERSION, RETRY_SECONDS (300 by default) and CANCEL (true to remove the stack's lock). A stack that is gone is a success; one with
# anything protected is refused before the first resource is deleted.
set -euo pipefail

if ! command -v pulumi > /dev/null; then
  archive="https://get.pulumi.com/releases/sdk/pulumi-v$PULUMI_VERSION-linux-arm64.tar.gz"
  curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 5 "$archive" | tar -xz -C "$HOME"
  PATH="$HOME/pulumi:$PATH"
fi

# Outside any project, Pulumi takes configuration and providers from the last deployment of the stack.
folder=$(mktemp -d)
cd "$folder"

if ! pulumi stack export --stack "$STACK" > state.json 2> error.txt; then
  if grep --quiet 'no stack named' error.txt; then
    echo "$STACK is gone already"
    exit 0
  fi
  cat error.txt >&2
  exit 1
fi

# Otherwise AWS would refuse halfway, after other resources are gone.
protected=$(jq --raw-output '
  def names: ["deletionProtection", "deletionProtectionEnabled", "enableDeletionProtection", "deleteProtection", "disableApiTermination",
    "terminationProtection", "terminationProtectionEnabled"];
  .deployment.resources[]?
  | select(
      (.protect == true)
      or any(.inputs? | objects | to_entries[]; (.key | IN(names[])) and (.value | . == true or . == "ACTIVE"))
    )
  | .urn' state.json)
if [ -n "$protected" ]; then
  echo "refused: $STACK has protected resources, and nothing was deleted. Remove their protection, or the expiry:" >&2
  echo "$protected" >&2
  exit 1
fi

# Without a deployment Pulumi finds no configuration to destroy with.
if [ "$(jq '.deployment.resources // [] | length' state.json)" = 0 ]; then
  pulumi stack rm --stack "$STACK" --yes --non-interactive
  echo "$STACK was empty, and is removed"
  exit 0
fi

# A build that was stopped, or a deployment that was killed, leaves its lock.
if [ "${CANCEL:-}" = true ]; then
  pulumi cancel --stack "$STACK" --yes --non-interactive
fi

destroy() {
  pulumi destroy --stack "$STACK" --yes --non-interactive --remove --message 'The environment has expired'
}

# One retry: the second run goes on where AWS was too slow, or throttled, and after a deployment that was still under way.
if ! destroy; then
  sleep "${RETRY_SECONDS:-300}"
  if ! destroy; then
    echo "$STACK is not destroyed, or not completely: the errors above say why. Then start the build again. If the stack is locked and" >&2
    echo "nobody works on it, add: --environment-variables-override name=CANCEL,value=true" >&2
    exit 1
  fi
fi
echo "$STACK is destroyed"
