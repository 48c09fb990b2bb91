#!/bin/bash
# First boot of a web server on Amazon Linux 2023, as root by cloud-init. Idempotent: a second run changes nothing.
#
# Serves an artifact from S3, or a page of its own without one, on APP_PORT as an unprivileged user under systemd:
#   ARTIFACT_KIND app     its bin/start is run: it listens on $PORT and answers $HEALTH_CHECK_PATH itself;
#   ARTIFACT_KIND static  its files are served by nginx, without those whose names begin with a dot.
# With LOG_GROUP, the CloudWatch agent sends the output of this script and of the server, and nginx's requests, to that log group. It starts
# before everything that may fail: the reason of a failed boot is there also when the instance is gone.
# Everything it fetches is in S3 (the distribution's repositories as al2023-repos-<region>-de612dc2, and the artifact), so an S3
# gateway endpoint is enough and no NAT is needed: https://repost.aws/knowledge-center/ec2-al1-al2-update-yum-without-internet
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   APP_PORT           1024 to 65535
#   HEALTH_CHECK_PATH  such as /healthz
#   ARTIFACT_URI       s3://bucket/key of a .tar.gz, or empty
#   ARTIFACT_SHA256    its checksum in hexadecimal
#   ARTIFACT_KIND      app or static
#   PACKAGES           packages of Amazon Linux to install, with spaces between them
#   APP_ENVIRONMENT    lines of NAME=value for the application; never a secret, as user data can be read: pass its ARN
#   DATABASE_CA        certificates in PEM that the application is to trust as its database's, or empty
#   LOG_GROUP          name of a log group, or empty
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
retry_seconds="${BOOT_RETRY_SECONDS:-5}"
app_user=web
etc="$root/etc/web"
web="$root/srv/web"
changed=

warn() { printf 'boot: %s\n' "$1" >&2; }

fail() {
  warn "$1"
  exit 1
}

check_parameters() {
  local line
  if [[ ! ${APP_PORT:-} =~ ^[1-9][0-9]{3,4}$ ]] || ((APP_PORT < 1024 || APP_PORT > 65535)); then
    fail "APP_PORT is not a port from 1024 to 65535"
  fi
  [[ ${HEALTH_CHECK_PATH:-} =~ ^/[A-Za-z0-9._~/-]*$ ]] || fail "HEALTH_CHECK_PATH is not a plain URL path"
  if [[ -n ${ARTIFACT_URI:-} ]]; then
    [[ $ARTIFACT_URI =~ ^s3://[a-z0-9.-]+/. ]] || fail "ARTIFACT_URI is not s3://bucket/key"
    [[ ${ARTIFACT_SHA256:-} =~ ^[0-9a-f]{64}$ ]] || fail "ARTIFACT_SHA256 is not a SHA-256 checksum"
  fi
  [[ ${ARTIFACT_KIND:-} =~ ^(app|static)$ ]] || fail "ARTIFACT_KIND is not app or static"
  [[ ${PACKAGES:-} =~ ^([A-Za-z0-9][A-Za-z0-9._+-]*( |$))*$ ]] || fail "PACKAGES has a name that is not a package's"
  [[ ${LOG_GROUP:-} =~ ^[A-Za-z0-9_/.#-]*$ ]] || fail "LOG_GROUP is not the name of a log group"
  while IFS= read -r line; do
    [[ -z $line || $line =~ ^[A-Z][A-Z0-9_]*= ]] || fail "APP_ENVIRONMENT has a line that is not NAME=value"
  done <<<"${APP_ENVIRONMENT:-}"
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

install_packages() {
  if rpm --query --quiet "$@"; then return; fi
  retry dnf --assumeyes --quiet install "$@" || fail "cannot install $*; is the S3 gateway endpoint in the route table?"
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

metadata_region() {
  local token
  token="$(curl --fail --silent --show-error --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)"
  curl --fail --silent --show-error --max-time 5 --header "X-aws-ec2-metadata-token: $token" \
    http://169.254.169.254/latest/meta-data/placement/region
}

# Without the agent the server still serves, and the console says so: a repository that is away must not stop the shop.
send_logs() {
  local control="$root/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl"
  if [[ ! -x $control ]] && ! retry dnf --assumeyes --quiet install amazon-cloudwatch-agent logrotate; then
    warn "cannot install amazon-cloudwatch-agent, so no log reaches $LOG_GROUP; is the S3 gateway endpoint in the route table?"
    return
  fi
  # The agent replaces {instance_id}.
  write_file 0644 "$etc/logs.json" <<EOF
{"logs": {"logs_collected": {"files": {"collect_list": [
  {"file_path": "/var/log/cloud-init-output.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/boot"},
  {"file_path": "/var/log/web.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/server"},
  {"file_path": "/var/log/web/access.log", "log_group_name": "$LOG_GROUP", "log_stream_name": "{instance_id}/access"}
]}}}}
EOF
  "$control" -a fetch-config -m ec2 -s -c file:/etc/web/logs.json || warn "the CloudWatch agent does not start, so no log reaches $LOG_GROUP"
}

# Logs never fill the disk: they are looked at every hour, as a day is too long for a busy server. With dates in their names, a second
# rotation on one day would be skipped.
limit_logs() {
  write_file 0644 "$root/etc/logrotate.d/web" <<EOF
/var/log/web.log {
  maxsize 100M
  rotate 2
  copytruncate
  nodateext
  missingok
  notifempty
}
/var/log/web/access.log {
  su $app_user $app_user
  maxsize 100M
  rotate 2
  copytruncate
  nodateext
  missingok
  notifempty
}
EOF
  write_file 0644 "$root/etc/systemd/system/logrotate.timer.d/hourly.conf" <<EOF
[Timer]
OnCalendar=
OnCalendar=hourly
EOF
}

# The artifact is unpacked beside its place and moved there whole: a run that broke off leaves no half release.
fetch_release() {
  local place="$web/releases/$ARTIFACT_SHA256"
  if [[ -d $place ]]; then return; fi
  command -v aws >/dev/null || install_packages awscli-2
  work="$(mktemp -d "$web/releases/.new.XXXXXX")"
  trap 'rm -rf -- "$work"' EXIT
  retry aws s3 cp --only-show-errors "$ARTIFACT_URI" "$work/artifact.tar.gz" ||
    fail "cannot fetch $ARTIFACT_URI; is it there, and may the instance's role read it and use its key?"
  sha256sum --check --status - <<<"$ARTIFACT_SHA256  $work/artifact.tar.gz" || fail "the artifact's checksum is not ARTIFACT_SHA256"
  mkdir "$work/files"
  tar --extract --gzip --no-same-owner --no-same-permissions --file "$work/artifact.tar.gz" --directory "$work/files"
  # The server may read and run its files, and change none of them.
  chmod --recursive u+rwX,go+rX,go-w "$work/files"
  if [[ $ARTIFACT_KIND == app ]]; then
    [[ -f $work/files/bin/start ]] || fail "the artifact has no bin/start; files to be served are an artifact of the kind static"
    [[ -x $work/files/bin/start ]] || fail "the artifact's bin/start is not executable; pack it with its mode bits"
  else
    [[ -f $work/files/index.html ]] || fail "the artifact has no index.html; one with a bin/start is of the kind app"
  fi
  mv "$work/files" "$place"
}

install_release() {
  local release=default
  mkdir -p "$web/releases"
  if [[ -n ${ARTIFACT_URI:-} ]]; then
    release="$ARTIFACT_SHA256"
    fetch_release
  else
    write_file 0644 "$web/releases/default/index.html" <<<'<!doctype html><title>Ready</title><p>This server is ready.</p>'
  fi
  if [[ $(readlink "$web/current" || true) != "releases/$release" ]]; then
    ln -sfn "releases/$release" "$web/current.new"
    mv -fT "$web/current.new" "$web/current"
    changed=yes
  fi
}

write_environment() {
  local line value
  if [[ -n ${DATABASE_CA:-} ]]; then write_file 0644 "$etc/database-ca.pem" <<<"$DATABASE_CA"; fi
  {
    printf 'PORT="%s"\nHEALTH_CHECK_PATH="%s"\nAWS_REGION="%s"\n' "$APP_PORT" "$HEALTH_CHECK_PATH" "$AWS_REGION"
    if [[ -n ${DATABASE_CA:-} ]]; then printf 'DATABASE_CA_FILE="/etc/web/database-ca.pem"\n'; fi
    while IFS= read -r line; do
      if [[ -z $line ]]; then continue; fi
      # systemd's own quoting: inside double quotes a backslash and a double quote need a backslash.
      value="${line#*=}"
      value="${value//\\/\\\\}"
      value="${value//\"/\\\"}"
      printf '%s="%s"\n' "${line%%=*}" "$value"
    done <<<"${APP_ENVIRONMENT:-}"
  } | write_file 0600 "$etc/environment"
}

write_nginx_configuration() {
  local health=
  if [[ $HEALTH_CHECK_PATH != / ]]; then
    health="location = $HEALTH_CHECK_PATH { access_log off; default_type text/plain; return 200 \"ok\\n\"; }"
  fi
  write_file 0644 "$etc/nginx.conf" <<EOF
daemon off;
pid /run/web/nginx.pid;
error_log stderr warn;
worker_processes auto;
events { worker_connections 1024; }
http {
  include /etc/nginx/mime.types;
  default_type application/octet-stream;
  access_log /var/log/web/access.log;
  server_tokens off;
  sendfile on;
  # Longer than the load balancer's idle timeout of 60 seconds, or it meets connections that have just been closed.
  keepalive_timeout 75;
  client_body_temp_path /run/web/body;
  proxy_temp_path /run/web/proxy;
  fastcgi_temp_path /run/web/fastcgi;
  uwsgi_temp_path /run/web/uwsgi;
  scgi_temp_path /run/web/scgi;
  server {
    listen $APP_PORT default_server;
    listen [::]:$APP_PORT default_server;
    root /srv/web/current;
    index index.html;
    $health
    # What a folder holds by accident (.git, .env); certificate authorities and browsers look into .well-known.
    location ~ /\.(?!well-known/) { return 404; }
  }
}
EOF
}

write_unit() {
  write_file 0644 "$root/etc/systemd/system/web.service" <<EOF
[Unit]
Description=Web server
Wants=network-online.target
# Stopped before the agent, which then sends the last lines.
After=network-online.target amazon-cloudwatch-agent.service
StartLimitIntervalSec=0

[Service]
User=$app_user
Group=$app_user
EnvironmentFile=/etc/web/environment
WorkingDirectory=/srv/web/current
RuntimeDirectory=web
LogsDirectory=web
StandardOutput=append:/var/log/web.log
StandardError=inherit
ExecStart=$1
Restart=always
RestartSec=2
NoNewPrivileges=yes
CapabilityBoundingSet=
PrivateDevices=yes
PrivateTmp=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictSUIDSGID=yes

[Install]
WantedBy=multi-user.target
EOF
}

check_parameters
AWS_REGION="$(retry metadata_region)" || fail "the instance metadata service does not answer"
export AWS_REGION
if [[ -n ${LOG_GROUP:-} ]]; then send_logs; fi
id --user "$app_user" >/dev/null 2>&1 || useradd --system --user-group --no-create-home --shell /sbin/nologin "$app_user"
limit_logs
install_release
# A list of names, which are split here.
# shellcheck disable=SC2086
if [[ -n ${PACKAGES:-} ]]; then install_packages $PACKAGES; fi
write_environment
if [[ -n ${ARTIFACT_URI:-} && $ARTIFACT_KIND == app ]]; then
  write_unit /srv/web/current/bin/start
else
  install_packages nginx
  write_nginx_configuration
  write_unit "/usr/sbin/nginx -e stderr -c /etc/web/nginx.conf"
fi
systemctl daemon-reload
systemctl enable --now logrotate.timer || warn "logrotate does not run, so logs may fill the disk"
systemctl enable web.service
if [[ -n $changed ]]; then systemctl restart web.service; else systemctl start web.service; fi
if ! curl --fail --silent --show-error --output /dev/null --max-time 5 --retry 30 --retry-delay 2 --retry-all-errors \
  "http://127.0.0.1:$APP_PORT$HEALTH_CHECK_PATH"; then
  systemctl status --no-pager --full web.service >&2 || true
  fail "the server does not answer $HEALTH_CHECK_PATH on port $APP_PORT"
fi
