#!/bin/bash
# Installs the worker and its unit; job-guard is there already.
cat >/usr/local/bin/worker.py <<'WORKER'
@WORKER@
WORKER
# The job itself: here it only takes its time.
cat >/usr/local/bin/render <<'JOB'
#!/bin/bash
echo "renders $1"
sleep 600
JOB
chmod 0755 /usr/local/bin/render
cat >/etc/systemd/system/worker.service <<'UNIT'
[Unit]
Description=Takes jobs from the queue
After=network-online.target

[Service]
ExecStart=/usr/bin/python3 /usr/local/bin/worker.py /usr/local/bin/render
Restart=on-failure
RestartSec=10

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now worker.service
