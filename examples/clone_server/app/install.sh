#!/bin/bash
# Starts the web server of the pages in /srv/site at the first boot, of the master and of each clone.
set -euo pipefail
install -d -m 0755 /srv/web /srv/site
cat >/srv/web/server.py <<'SERVER'
@SERVER@
SERVER
cat >/etc/systemd/system/web.service <<'UNIT'
[Unit]
After=network-online.target
Wants=network-online.target

[Service]
ExecStart=/usr/bin/python3 /srv/web/server.py 8080 /srv/site
DynamicUser=yes
Restart=always

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now web.service
