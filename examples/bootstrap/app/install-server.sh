#!/bin/bash
# nginx on PORT, with the pages of /srv/status. A second run changes nothing.
set -euo pipefail

root="${BOOT_ROOT:-}" # another root folder, for tests

rpm --query --quiet nginx || dnf --assumeyes --quiet install nginx
mkdir -p "$root/srv/status" "$root/etc/nginx/conf.d"
cat >"$root/etc/nginx/conf.d/status.conf" <<EOF
server {
  listen $PORT default_server;
  root /srv/status;
}
EOF
systemctl enable --now nginx.service
systemctl reload nginx.service
