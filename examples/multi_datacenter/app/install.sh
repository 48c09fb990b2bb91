#!/bin/bash
# Starts the web server at the first boot; the variables are in the environment, and in /etc/cloudpatterns/server.env for the service.
set -euo pipefail
install -d -m 0755 /srv/web
cat >/srv/web/server.py <<'SERVER'
@SERVER@
SERVER
cat >/etc/systemd/system/web.service <<'UNIT'
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
EnvironmentFile=/etc/cloudpatterns/server.env
ExecStart=/usr/bin/python3 /srv/web/server.py
DynamicUser=yes
Restart=always

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now web.service
