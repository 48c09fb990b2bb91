#!/bin/bash
# Configuration of an instance on Amazon Linux 2023 by its tags, as root: at boot, and by a systemd timer. A second run changes nothing.
#
# The tags app, env and role say where the configuration is: the parameters below /app/env/role, or the object
# app/env/role/configuration.json in S3. They become an environment file, which is replaced whole. Only a change restarts the unit. A failure
# leaves the file as it is, has its reason in the journal, and a non-zero exit.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   BUCKET  name of the bucket; empty for Parameter Store
#   UNIT    systemd unit that is restarted after a change, or empty
set -euo pipefail
export LC_ALL=C
umask 077

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-2}"
folder="$root/etc/cloudpatterns"
file="$folder/configuration.env"
# From a change until the unit has been restarted: a run that breaks off between the two leaves it to the next.
pending="$root/var/lib/cloudpatterns/configuration-changed"
wait=()

warn() { printf 'configuration: %s\n' "$1" >&2; }

fail() {
  warn "$1"
  exit 1
}

retry() {
  local attempt
  for attempt in 1 2 3 4 5; do
    if "$@"; then return 0; fi
    warn "attempt $attempt of 5 failed: $1"
    sleep "$((attempt * retry_seconds))"
  done
  return 1
}

metadata_token() {
  curl --fail --silent --show-error --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 300' \
    http://169.254.169.254/latest/api/token
}

metadata() {
  curl --fail --silent --show-error --max-time 5 --header "X-aws-ec2-metadata-token: $token" "http://169.254.169.254/latest/meta-data/$1"
}

# The value becomes a part of a path, so it has none of a path's own characters.
tag() {
  local value
  value="$(retry metadata "tags/instance/$1")" ||
    fail "the metadata has no tag $1; is the instance tagged, and instance_metadata_tags enabled?"
  [[ $value =~ ^[A-Za-z0-9_-]+$ ]] || fail "the tag $1 is not letters, digits, hyphens and underscores"
  printf '%s' "$value"
}

# The CLI follows the pages.
fetch() {
  if [[ -n ${BUCKET:-} ]]; then
    aws s3 cp --only-show-errors "s3://$BUCKET/$place/configuration.json" "$work/answer.json"
  else
    aws ssm get-parameters-by-path --path "/$place" --with-decryption --output json --query 'Parameters[].{Name: Name, Value: Value}' \
      >"$work/answer.json"
  fi
}

# Values between double quotes, which systemd and a shell undo alike. No value is ever shown.
render() {
  python3 - "$work/answer.json" <<'PYTHON'
import json, re, sys

try:
    with open(sys.argv[1], encoding="utf-8") as answer:
        found = json.load(answer)
except ValueError:
    sys.exit("configuration: the answer is not JSON")
if isinstance(found, list):
    found = {entry["Name"].rpartition("/")[2]: entry["Value"] for entry in found}
if not isinstance(found, dict) or not found:
    sys.exit("configuration: there are no values; an object of names and values is needed")
lines = []
for name, value in sorted(found.items()):
    if not re.fullmatch("[A-Z_][A-Z0-9_]*", name):
        sys.exit(f"configuration: {name!r} is not the name of a variable; capital letters, digits and underscores are needed")
    if not isinstance(value, str) or re.search(r"[\x00-\x09\x0b-\x1f\x7f]", value):
        sys.exit(f"configuration: the value of {name} is not text, or has control characters")
    quoted = re.sub(r'([\\"$`])', r"\\\1", value)
    lines.append(f'{name}="{quoted}"\n')
sys.stdout.buffer.write("".join(lines).encode())
PYTHON
}

mkdir -p "$root/run" "$folder" "$(dirname "$pending")"
exec 9>"$root/run/cloudpatterns-configuration.lock"
flock --wait 120 9 || fail "another run has not ended for two minutes"
work="$(mktemp -d "$folder/.new.XXXXXX")"
trap 'rm -rf -- "$work"' EXIT
token="$(retry metadata_token)" || fail "the instance metadata service does not answer"
AWS_REGION="$(retry metadata placement/region)" || fail "the metadata does not name the Region"
export AWS_REGION
# One at a time: the exit of a command substitution counts only in an assignment of its own.
app="$(tag app)"
env="$(tag env)"
role="$(tag role)"
place="$app/$env/$role"
retry fetch || fail "cannot read ${BUCKET:-Parameter Store} at $place; do the tags name the role's own path, and may it use the key?"
render >"$work/configuration.env" || fail "the configuration at $place cannot be used; the file stays as it is"
chmod 0600 "$work/configuration.env"
if ! cmp --silent "$work/configuration.env" "$file"; then
  touch "$pending"
  mv -f "$work/configuration.env" "$file"
  warn "the configuration at $place has changed"
fi
# Another owner's change of the mode does not last.
chmod 0600 "$file"
if [[ -e $pending ]]; then
  # At the first boot the unit is not there yet, and starts with the file later.
  if [[ -n ${UNIT:-} ]] && { systemctl is-enabled --quiet "$UNIT" || systemctl is-active --quiet "$UNIT"; }; then
    # A unit that is ordered after the service of this script starts when the script has ended: waiting for it here would never end.
    if [[ " $(systemctl show --property=After --value "$UNIT") " == *" cloudpatterns-configuration.service "* ]]; then wait=(--no-block); fi
    systemctl restart "${wait[@]}" "$UNIT" || fail "$UNIT does not restart with the new configuration; the next run tries again"
  fi
  rm -f "$pending"
fi
