#!/bin/bash
# Starts the web server at the first boot; its variables are in /etc/cloudpatterns/configuration.env.
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
EnvironmentFile=/etc/cloudpatterns/configuration.env
ExecStart=/usr/bin/python3 /srv/web/server.py
DynamicUser=yes
Restart=always

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now web.service
