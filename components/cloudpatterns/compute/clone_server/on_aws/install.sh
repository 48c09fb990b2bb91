#!/bin/bash
# Installs the script that brings the content of the master to the clones, with its systemd service and timer, and runs it once on a clone.
# At the first boot, as root; on a master that exists, by hand. A second run changes nothing.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   CONTENT_SCRIPT    text of the script
#   MODE              master or clone
#   INTERVAL_MINUTES  time between two runs
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
script=/usr/local/sbin/cloudpatterns-content
state="$root/var/lib/cloudpatterns-content"
changed=

fail() {
  printf 'content: %s\n' "$1" >&2
  exit 1
}

metadata() {
  curl --fail --silent --show-error --max-time 5 --retry 3 "${@:2}" "http://169.254.169.254/latest/$1" ||
    fail "the instance metadata service does not answer"
}

# write_file MODE PATH: the file gets what comes in, at once; notes whether that changed it.
write_file() {
  local new
  mkdir -p "$(dirname "$2")"
  new="$(mktemp "$2.XXXXXX")"
  cat >"$new"
  chmod "$1" "$new"
  if cmp --silent "$new" "$2"; then
    rm -f "$new"
  else
    mv -f "$new" "$2"
    changed=yes
  fi
}

install_aws() {
  local attempt
  if command -v aws >/dev/null; then return; fi
  for attempt in 1 2 3 4 5; do
    if dnf --assumeyes --quiet install awscli-2; then return; fi
    sleep "$((attempt * retry_seconds))"
  done
  fail "cannot install awscli-2; is the S3 gateway endpoint in the route table?"
}

token="$(metadata api/token --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60')"
instance="$(metadata meta-data/instance-id --header "X-aws-ec2-metadata-token: $token")"
# What the image carried is the state of another instance.
[[ $(cat "$state/instance" 2>/dev/null) == "$instance" ]] || rm -rf -- "$state"
write_file 0755 "$root$script" <<<"$CONTENT_SCRIPT"
write_file 0644 "$root/etc/systemd/system/cloudpatterns-content.service" <<END
[Unit]
Description=Brings the content of the master to the clones
Wants=network-online.target
After=network-online.target cloud-final.service

[Service]
Type=oneshot
ExecStart=$script
TimeoutStartSec=6h
END
write_file 0644 "$root/etc/systemd/system/cloudpatterns-content.timer" <<END
[Unit]
Description=Brings the content of the master to the clones every $INTERVAL_MINUTES minutes

[Timer]
OnActiveSec=${INTERVAL_MINUTES}min
OnUnitInactiveSec=${INTERVAL_MINUTES}min
RandomizedDelaySec=10

[Install]
WantedBy=timers.target
END
if [[ -n $changed ]]; then systemctl daemon-reload; fi
systemctl enable --now cloudpatterns-content.timer || fail "the timer does not start, so no content would arrive"
install_aws
# Last: from here on the script does its work.
if [[ ! -e $state/instance ]]; then printf '%s\n' "$instance" | write_file 0644 "$state/instance"; fi
# The master has no content at its first boot.
if [[ $MODE == clone ]]; then "$root$script"; fi
