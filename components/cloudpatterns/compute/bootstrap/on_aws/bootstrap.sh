#!/bin/bash
# Runs scripts from S3 on an Amazon Linux 2023 instance, as root, in order, each once: after another run of this text only scripts are run
# whose content, or whose variables, have changed. It is the user data of new instances, and Systems Manager runs it on those that run.
#
# Every script is fetched and its SHA-256 compared before the first of them starts. The first failure ends the run. What the scripts write
# is in /var/log/bootstrap-<name>.log, in the console's log and in the log group, with the reason of a failure in the first line there.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   BOOTSTRAP_NAME         letters, digits and hyphens
#   BOOTSTRAP_BUCKET       the bucket's name
#   BOOTSTRAP_SCRIPTS      lines of <SHA-256> <object key> <name>
#   BOOTSTRAP_ENVIRONMENT  lines of NAME=value for the scripts; never a secret, as user data can be read
#   BOOTSTRAP_LOG_GROUP    name of a log group
#   BOOTSTRAP_ON_FAILURE   stay, or power_off: an Auto Scaling group replaces an instance that has stopped
set -euo pipefail
export LC_ALL=C
umask 077

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
folder="$root/var/lib/bootstrap/$BOOTSTRAP_NAME"
log="$root/var/log/bootstrap-$BOOTSTRAP_NAME.log"
ran=()
reason=
instance=

warn() { printf 'bootstrap: %s\n' "$1" >&2; }

fail() {
  reason="$1"
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

metadata() {
  local token
  token="$(curl --fail --silent --show-error --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)" &&
    curl --fail --silent --show-error --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
      "http://169.254.169.254/latest/meta-data/$1"
}

check_parameters() {
  local line
  [[ $BOOTSTRAP_BUCKET =~ ^[a-z0-9.-]+$ ]] || fail "BOOTSTRAP_BUCKET is not the name of a bucket"
  [[ $BOOTSTRAP_ON_FAILURE =~ ^(stay|power_off)$ ]] || fail "BOOTSTRAP_ON_FAILURE is not stay or power_off"
  while IFS= read -r line; do
    [[ $line =~ ^[0-9a-f]{64}\ [A-Za-z0-9/_.-]+\ [a-z0-9-]+$ ]] || fail "BOOTSTRAP_SCRIPTS has a line that is not <SHA-256> <object key> <name>"
  done <<<"$BOOTSTRAP_SCRIPTS"
  while IFS= read -r line; do
    [[ -z $line || $line =~ ^[A-Z][A-Z0-9_]*= ]] || fail "BOOTSTRAP_ENVIRONMENT has a line that is not NAME=value"
  done <<<"$BOOTSTRAP_ENVIRONMENT"
}

# The name of the file that says that a script has run: of its content, its variables and the instance, as an image of an instance has the
# files too.
marker() {
  local revision
  revision="$(printf '%s\n%s\n%s' "$instance" "$1" "$BOOTSTRAP_ENVIRONMENT" | sha256sum)"
  printf '%s/done/%s-%s' "$folder" "$2" "${revision%% *}"
}

fetch() {
  local sha="$1" key="$2" name="$3"
  retry aws s3 cp --only-show-errors "s3://$BOOTSTRAP_BUCKET/$key" "$work/$name" ||
    fail "cannot fetch s3://$BOOTSTRAP_BUCKET/$key; is it there, and may the instance's role read it and use its key?"
  sha256sum --check --status - <<<"$sha  $work/$name" ||
    fail "the SHA-256 of $name is not that of its deployment: the object was changed in the bucket, and nothing is run"
  chmod 0700 "$work/$name"
}

run_script() {
  local name="$1" line code=0
  warn "runs $name"
  (
    while IFS= read -r line; do
      if [[ -n $line ]]; then export "${line?}"; fi
    done <<<"$BOOTSTRAP_ENVIRONMENT"
    umask 022
    # cloud-init sets none, and installers ask for it.
    export HOME="${HOME:-/root}"
    cd "$root/"
    exec "$work/$name"
  ) </dev/null 9>&- || code=$? # What it leaves running must not hold the lock.
  [[ $code == 0 ]] || fail "the script $name ended with exit code $code"
}

run_scripts() {
  local sha key name file
  local -a todo=()
  while read -r sha key name; do
    file="$(marker "$sha" "$name")"
    if [[ -e $file ]]; then continue; fi
    fetch "$sha" "$key" "$name"
    todo+=("$name" "$file")
  done <<<"$BOOTSTRAP_SCRIPTS"
  set -- "${todo[@]}"
  while (($#)); do
    run_script "$1"
    : >"$2"
    ran+=("$1")
    shift 2
  done
}

# The end of the output as one log event, whose first line says how it ended.
send_log() {
  local text
  [[ -n $instance ]] || return 1
  text="$1"$'\n'"$(tail --bytes="+$((begin + 1))" "$log" | tail --bytes=8000 | tr --complement '\11\12\40-\176' '?')"
  text="${text//\\/\\\\}"
  text="${text//\"/\\\"}"
  text="${text//$'\t'/\\t}"
  text="${text//$'\n'/\\n}"
  printf '[{"timestamp": %s000, "message": "%s"}]' "$(date +%s)" "$text" >"$work/events.json"
  # In a network without access to CloudWatch Logs this ends after two minutes, not after half an hour; it tries five times by itself.
  local -a target=(--log-group-name "$BOOTSTRAP_LOG_GROUP" --log-stream-name "$instance" --cli-connect-timeout 10 --cli-read-timeout 30)
  # It is there after the first run.
  aws logs create-log-stream "${target[@]}" >/dev/null 2>&1 || true
  aws logs put-log-events "${target[@]}" --log-events "file://$work/events.json" >/dev/null
}

finish() {
  local code=$? end
  trap - EXIT
  set +e
  exec >&3 2>&4
  tail --bytes="+$((begin + 1))" "$log" >&2
  end="bootstrap: done: ${ran[*]}"
  if ((code != 0)); then end="bootstrap: failed: ${reason:-an error of the script itself, exit code $code}"; fi
  if ((code != 0 || ${#ran[@]})); then
    send_log "$end" || warn "the log cannot be written to $BOOTSTRAP_LOG_GROUP"
  fi
  rm -rf -- "$work"
  if ((code != 0)) && [[ $BOOTSTRAP_ON_FAILURE == power_off ]]; then
    warn "powers off in a minute, because the bootstrap failed"
    shutdown -h +1
  fi
  exit "$code"
}

mkdir -p "$folder/done" "$(dirname "$log")"
# User data and Systems Manager may come at the same time.
exec 9>"$folder/lock"
flock 9
work="$(mktemp -d "$folder/run.XXXXXX")"
touch "$log"
begin="$(stat --format=%s "$log")"
exec 3>&1 4>&2 >>"$log" 2>&1
trap finish EXIT
instance="$(retry metadata instance-id)" || fail "the instance metadata service does not answer"
AWS_REGION="$(retry metadata placement/region)" || fail "the instance metadata service does not answer"
export AWS_REGION
check_parameters
command -v aws >/dev/null || retry dnf --assumeyes --quiet install awscli-2 || fail "cannot install awscli-2"
run_scripts
