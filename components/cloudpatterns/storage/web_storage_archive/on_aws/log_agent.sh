#!/bin/bash
# Has the CloudWatch agent of a server send log files to a log group that is archived. As root, at the boot or later, on Amazon Linux 2023;
# where the agent is installed already, on any Linux with systemd. Idempotent: a second run changes nothing.
#
# Other configurations of the agent stay: this one is added to them. What is written with the agent's fetch-config later replaces it, so run
# this after scripts that do so.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   ARCHIVE              a short name of the archive, which names the configuration
#   LOG_GROUP            name of the log group
#   AGENT_CONFIGURATION  the agent's configuration, in JSON
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
agent="$root/opt/aws/amazon-cloudwatch-agent"
control="$agent/bin/amazon-cloudwatch-agent-ctl"

warn() { printf 'log-agent: %s\n' "$1" >&2; }

fail() {
  warn "$1"
  exit 1
}

check_parameters() {
  [[ ${ARCHIVE:-} =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "ARCHIVE is not a short name"
  [[ ${LOG_GROUP:-} =~ ^[A-Za-z0-9_/.#-]+$ ]] || fail "LOG_GROUP is not the name of a log group"
  [[ ${AGENT_CONFIGURATION:-} == \{*\} ]] || fail "AGENT_CONFIGURATION is not a JSON object"
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

install_agent() {
  if [[ -x $control ]]; then return; fi
  command -v dnf >/dev/null || fail "the CloudWatch agent is not installed, and there is no dnf to install it with"
  retry dnf --assumeyes --quiet install amazon-cloudwatch-agent ||
    fail "cannot install amazon-cloudwatch-agent, so no log reaches $LOG_GROUP; is the S3 gateway endpoint in the route table?"
  [[ -x $control ]] || fail "the package amazon-cloudwatch-agent has no $control"
}

is_running() { "$control" -a status | grep --quiet '"status": "running"'; }

# The agent keeps a copy of each configuration: one that is not there was replaced by another fetch-config.
is_configured() { cmp --silent "$1" "$2" && [[ -e $agent/etc/amazon-cloudwatch-agent.d/file_$ARCHIVE.json ]] && is_running; }

configure_agent() {
  local file="$root/etc/log-archive/$ARCHIVE.json" new
  mkdir -p "$root/etc/log-archive"
  new="$(mktemp "$file.XXXXXX")"
  printf '%s\n' "$AGENT_CONFIGURATION" >"$new"
  chmod 0644 "$new"
  if is_configured "$new" "$file"; then
    rm -f "$new"
    return
  fi
  mv -f "$new" "$file"
  # The agent starts with all of its configurations, and at each boot from now on.
  if ! "$control" -a append-config -m auto -s -c "file:$file"; then
    # The next run tries it again.
    rm -f "$file"
    fail "the CloudWatch agent refuses its configuration, so no log reaches $LOG_GROUP; see $agent/logs/configuration-validation.log"
  fi
}

check_parameters
install_agent
configure_agent
