#!/bin/bash
# Prepares a build agent at its first boot, as root. A second run changes nothing.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   AGENT_SCRIPT  text of the agent
#   SETUP_SCRIPT  what the jobs need, or nothing
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
script=/usr/local/sbin/build-agent

fail() {
  printf 'build-agent: %s\n' "$1" >&2
  exit 1
}

install_aws() {
  local attempt
  if command -v aws >/dev/null; then return; fi
  for attempt in 1 2 3 4 5; do
    if dnf --assumeyes --quiet install awscli-2; then return; fi
    sleep "$((attempt * retry_seconds))"
  done
  fail "cannot install awscli-2; do the subnets reach the internet, or S3 by an endpoint?"
}

install_aws
if ! id -u builder >/dev/null 2>&1; then useradd --create-home --shell /bin/bash builder || fail "cannot add the user builder"; fi
if [[ -n $SETUP_SCRIPT ]]; then bash -euo pipefail -c "$SETUP_SCRIPT" || fail "setup_script ended with $?; the agent takes no jobs"; fi
mkdir -p "$root/usr/local/sbin" "$root/etc/systemd/system"
printf '%s\n' "$AGENT_SCRIPT" >"$root$script"
chmod 0755 "$root$script"
cat >"$root/etc/systemd/system/build-agent.service" <<END
[Unit]
Description=Takes jobs from the queue of build agents
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=$script
Restart=on-failure
RestartSec=10
KillMode=mixed
TimeoutStopSec=60

[Install]
WantedBy=multi-user.target
END
systemctl daemon-reload
systemctl enable --now build-agent.service || fail "the agent does not start"
