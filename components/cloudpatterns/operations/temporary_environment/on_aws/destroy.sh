#!/bin/bash
# Destroys a stack from its state alone, as a build of CodeBuild. Environment: STACK (organization/project/stack), PULUMI_BACKEND_URL,
# PULUMI_VERSION. A stack that is gone is a success; one with anything protected is refused before the first resource is deleted.
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
  def is_on: . == true or . == "ACTIVE";
  .deployment.resources[]?
  | select(
      (.protect == true)
      or (.inputs.deletionProtection? | is_on)
      or (.inputs.deletionProtectionEnabled? | is_on)
      or (.inputs.enableDeletionProtection? | is_on)
      or (.inputs.disableApiTermination? | is_on)
    )
  | .urn' state.json)
if [ -n "$protected" ]; then
  echo "refused: $STACK has protected resources, and nothing was deleted. Remove their protection, or the expiry:" >&2
  echo "$protected" >&2
  exit 1
fi

# One retry: the second run goes on where AWS was too slow, or throttled.
pulumi destroy --stack "$STACK" --yes --non-interactive --remove --message 'The environment has expired' \
  || pulumi destroy --stack "$STACK" --yes --non-interactive --remove --message 'The environment has expired'
echo "$STACK is destroyed"
