#!/bin/bash
# Prepares a caching proxy on Amazon Linux 2023: nginx with its configuration, the program that signs requests to S3, the one that purges,
# and the agent that sends the logs. A second run changes nothing. The reason of a failure is in the console's log.
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   NGINX_CONFIGURATION  text of the configuration file
#   PURGE_PROGRAM        text of purge.py
#   SIGN_PROGRAM         text of sign.py; empty without buckets
#   CERTIFICATES         certificate authorities (PEM) of origins; empty for those of the system
#   STOP_SECONDS         how long the proxy may take to complete its requests when it is stopped
#   HEALTH_CHECK_URL     what the proxy answers itself
#   LOG_GROUP            name of a log group
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
etc="$root/etc/cache-proxy"
programs="$root/usr/local/lib/cache-proxy"
units="$root/etc/systemd/system"
changed=

warn() { printf 'cache-proxy: %s\n' "$1" >&2; }

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

install_packages() {
  rpm --query --quiet nginx logrotate || retry dnf --assumeyes --quiet install nginx logrotate ||
    fail "cannot install nginx; is the S3 gateway endpoint in the route table?"
  # Without the agent the proxy still serves, and the console says so.
  rpm --query --quiet amazon-cloudwatch-agent || retry dnf --assumeyes --quiet install amazon-cloudwatch-agent ||
    warn "cannot install amazon-cloudwatch-agent, so no log reaches $LOG_GROUP"
}

write_certificates() {
  local system="$root/etc/pki/tls/certs/ca-bundle.crt"
  if [[ -n $CERTIFICATES ]]; then
    # S3 has a public certificate.
    { [[ -z $SIGN_PROGRAM ]] || cat "$system"; printf '%s\n' "$CERTIFICATES"; } | write_file 0644 "$etc/certificates.pem"
  else
    write_file 0644 "$etc/certificates.pem" <"$system"
  fi
}

# write_unit NAME DESCRIPTION COMMAND LINE...: a service as the user of nginx, which may change its own folders alone.
write_unit() {
  local name="$1" description="$2" command="$3"
  shift 3
  {
    printf '[Unit]\nDescription=%s\nWants=network-online.target\n' "$description"
    # Stopped before the agent, which then sends the last lines.
    printf 'After=network-online.target amazon-cloudwatch-agent.service cache-proxy-signer.service\nStartLimitIntervalSec=0\n\n'
    printf '[Service]\nUser=nginx\nGroup=nginx\nExecStart=%s\nRuntimeDirectory=%s\n' "$command" "$name"
    printf 'Restart=always\nRestartSec=2\nStandardOutput=append:/var/log/%s.log\nStandardError=inherit\n' "$name"
    if (($#)); then printf '%s\n' "$@"; fi
    printf 'NoNewPrivileges=yes\nCapabilityBoundingSet=\nPrivateDevices=yes\nPrivateTmp=yes\nProtectControlGroups=yes\nProtectHome=yes\n'
    printf 'ProtectKernelModules=yes\nProtectKernelTunables=yes\nProtectSystem=strict\nRestrictSUIDSGID=yes\n'
    printf 'RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX\n\n[Install]\nWantedBy=multi-user.target\n'
  } | write_file 0644 "$units/$name.service"
}

write_units() {
  # QUIT lets workers complete their requests, and a proxy without connections ends at once.
  write_unit cache-proxy "Caching proxy" "/usr/sbin/nginx -e stderr -c /etc/cache-proxy/nginx.conf" \
    "CacheDirectory=cache-proxy" "LogsDirectory=cache-proxy" "LimitNOFILE=65536" \
    "KillSignal=SIGQUIT" "KillMode=mixed" "TimeoutStopSec=$STOP_SECONDS"
  if [[ -n $SIGN_PROGRAM ]]; then
    write_unit cache-proxy-signer "Signatures of requests to S3" \
      "/usr/bin/python3 -u /usr/local/lib/cache-proxy/sign.py /run/cache-proxy-signer/signer.sock"
  fi
}

# Logs never fill the disk. They are cut where they are, so that nginx keeps its file.
limit_logs() {
  write_file 0644 "$root/etc/logrotate.d/cache-proxy" <<'END'
/var/log/cache-proxy.log /var/log/cache-proxy-signer.log {
  maxsize 100M
  rotate 2
  copytruncate
  nodateext
  missingok
  notifempty
}
/var/log/cache-proxy/access.log {
  su nginx nginx
  maxsize 100M
  rotate 2
  copytruncate
  nodateext
  missingok
  notifempty
}
END
  write_file 0644 "$units/logrotate.timer.d/hourly.conf" <<'END'
[Timer]
OnCalendar=
OnCalendar=hourly
END
}

send_logs() {
  local control="$root/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
  # The agent replaces {instance_id}.
  write_file 0644 "$etc/logs.json" <<END
{"logs": {"logs_collected": {"files": {"collect_list": [
  {"file_path": "/var/log/cloud-init-output.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/boot"},
  {"file_path": "/var/log/cache-proxy.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/errors"},
  {"file_path": "/var/log/cache-proxy-signer.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/signer"},
  {"file_path": "/var/log/cache-proxy/access.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/access"}
]}}}}
END
  if [[ -x $control ]]; then
    "$control" -a fetch-config -m ec2 -s -c file:/etc/cache-proxy/logs.json ||
      warn "the CloudWatch agent does not start, so no log reaches $LOG_GROUP"
  fi
}

install_packages
write_certificates
write_file 0644 "$etc/nginx.conf" <<<"$NGINX_CONFIGURATION"
write_file 0755 "$programs/purge.py" <<<"$PURGE_PROGRAM"
if [[ -n $SIGN_PROGRAM ]]; then write_file 0755 "$programs/sign.py" <<<"$SIGN_PROGRAM"; fi
write_units
limit_logs
send_logs
systemctl daemon-reload
systemctl enable --now logrotate.timer || warn "logrotate does not run, so logs may fill the disk"
for unit in ${SIGN_PROGRAM:+cache-proxy-signer.service} cache-proxy.service; do
  systemctl enable "$unit"
  if [[ -n $changed ]]; then systemctl restart "$unit"; else systemctl start "$unit"; fi
done
if ! curl --fail --silent --show-error --output /dev/null --max-time 5 --retry 30 --retry-delay 2 --retry-all-errors "$HEALTH_CHECK_URL"; then
  systemctl status --no-pager --full cache-proxy.service >&2 || true
  fail "the proxy does not answer $HEALTH_CHECK_URL"
fi
