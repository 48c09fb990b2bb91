#!/bin/bash
# First boot: installs the script that reads the configuration, its systemd service and timer, and runs it. A second run changes nothing.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   CONFIGURATION_SCRIPT  text of the script
#   REFRESH_MINUTES       time between two runs
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
script=/usr/local/sbin/cloudpatterns-configuration
changed=

fail() {
  printf 'configuration: %s\n' "$1" >&2
  exit 1
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

install_programs() {
  local attempt
  if command -v aws >/dev/null && command -v python3 >/dev/null; then return; fi
  for attempt in 1 2 3 4 5; do
    if dnf --assumeyes --quiet install awscli-2 python3; then return; fi
    sleep "$((attempt * retry_seconds))"
  done
  fail "cannot install awscli-2 and python3; is the S3 gateway endpoint in the route table?"
}

write_file 0755 "$root$script" <<<"$CONFIGURATION_SCRIPT"
write_file 0644 "$root/etc/systemd/system/cloudpatterns-configuration.service" <<END
[Unit]
Description=Reads the configuration of this instance by its tags
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=$script
TimeoutStartSec=15min

[Install]
WantedBy=multi-user.target
END
write_file 0644 "$root/etc/systemd/system/cloudpatterns-configuration.timer" <<END
[Unit]
Description=Reads the configuration of this instance every $REFRESH_MINUTES minutes

[Timer]
OnActiveSec=${REFRESH_MINUTES}min
OnUnitInactiveSec=${REFRESH_MINUTES}min
RandomizedDelaySec=10

[Install]
WantedBy=timers.target
END
if [[ -n $changed ]]; then systemctl daemon-reload; fi
# At every later boot as well: an instance that was stopped comes back with what was right then.
systemctl enable cloudpatterns-configuration.service || fail "the service is not enabled, so a later boot would not read the configuration"
# Before the first run: the timer tries again what fails now.
systemctl enable --now cloudpatterns-configuration.timer || fail "the timer does not start, so no change would be noticed"
install_programs
"$root$script"
