#!/bin/bash
# Sets up the backup of a server outside AWS, as root, on any Linux with systemd. Idempotent: a second run changes nothing.
#
# The server needs the AWS CLI version 2, AWS's aws_signing_helper, openssl, and a certificate of the authority that IAM Roles Anywhere
# trusts, with its key, which never leaves the server. There is no long-lived AWS key: the helper signs for credentials of an hour.
# https://docs.aws.amazon.com/rolesanywhere/latest/userguide/credential-helper.html
#
# Parameters are shell variables that the caller sets above this text, quoted:
#   BACKUP            a short name of the backup, which names its files and units
#   COMMON_NAME       the CN of the server's certificate
#   REGION            the Region of bucket, trust anchor and metric
#   TRUST_ANCHOR_ARN, PROFILE_ARN, ROLE_ARN
#   BUCKET            name of the bucket
#   NAMESPACE         namespace of the metric
#   FOLDERS           absolute paths, with spaces between them
#   SCHEDULE          when it runs, as systemd's OnCalendar
#   JOB               the text of the job
# Variables of the environment say where the certificate is:
#   BACKUP_CERTIFICATE  default: /etc/hybrid-backup/certificate.pem
#   BACKUP_PRIVATE_KEY  default: /etc/hybrid-backup/private-key.pem
set -euo pipefail
export LC_ALL=C
umask 022

root="${BOOT_ROOT:-}" # another root folder, for tests
certificate="${BACKUP_CERTIFICATE:-$root/etc/hybrid-backup/certificate.pem}"
private_key="${BACKUP_PRIVATE_KEY:-$root/etc/hybrid-backup/private-key.pem}"
changed=

fail() {
  printf 'install-backup: %s\n' "$1" >&2
  exit 1
}

check_parameters() {
  [[ ${BACKUP:-} =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "BACKUP is not a short name"
  [[ ${BUCKET:-} =~ ^[a-z0-9][a-z0-9.-]+$ ]] || fail "BUCKET is not the name of a bucket"
  [[ ${COMMON_NAME:-} =~ ^[A-Za-z0-9][A-Za-z0-9._-]*$ ]] || fail "COMMON_NAME is not the name of a certificate"
  [[ ${ROLE_ARN:-} == arn:*:iam::*:role/* ]] || fail "ROLE_ARN is not the ARN of a role"
  [[ ${FOLDERS:-} =~ ^(/[A-Za-z0-9._-]+)+(\ (/[A-Za-z0-9._-]+)+)*$ ]] || fail "FOLDERS are not absolute paths"
  [[ -n ${SCHEDULE:-} && $SCHEDULE != *$'\n'* ]] || fail "SCHEDULE is not one line"
}

check_server() {
  local program subject
  for program in aws aws_signing_helper flock openssl systemctl; do
    command -v "$program" >/dev/null || fail "$program is not installed"
  done
  [[ -r $certificate ]] || fail "cannot read the certificate $certificate"
  [[ -r $private_key ]] || fail "cannot read the private key $private_key"
  [[ $(stat --format=%a "$private_key") =~ ^[0-7]?[0-7]00$ ]] || fail "others may read the private key: chmod 0600 $private_key"
  subject="$(openssl x509 -in "$certificate" -noout -subject -nameopt sep_multiline,lname)" || fail "$certificate is not a certificate in PEM"
  grep --quiet --line-regexp --fixed-strings "    commonName=$COMMON_NAME" <<<"$subject" ||
    fail "the certificate's common name is not $COMMON_NAME, so AWS would refuse it"
  openssl x509 -in "$certificate" -noout -checkend 0 >/dev/null || fail "the certificate has expired"
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

write_job() {
  local etc="$root/etc/hybrid-backup" helper
  helper="$(command -v aws_signing_helper) credential-process --certificate $certificate --private-key $private_key"
  helper+=" --trust-anchor-arn $TRUST_ANCHOR_ARN --profile-arn $PROFILE_ARN --role-arn $ROLE_ARN --region $REGION"
  printf '[default]\nregion = %s\ncredential_process = %s\n' "$REGION" "$helper" | write_file 0644 "$etc/$BACKUP.aws"
  printf '%s' "$JOB" | write_file 0755 "$root/usr/local/sbin/hybrid-backup-$BACKUP"
}

write_units() {
  local units="$root/etc/systemd/system"
  write_file 0644 "$units/hybrid-backup-$BACKUP.service" <<UNIT
[Unit]
Description=Backup $BACKUP to S3
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
Environment=AWS_CONFIG_FILE=$root/etc/hybrid-backup/$BACKUP.aws
# Keys in a file of root's would be used instead of the certificate.
Environment=AWS_SHARED_CREDENTIALS_FILE=/dev/null
ExecStart=$root/usr/local/sbin/hybrid-backup-$BACKUP
Nice=10
IOSchedulingClass=idle
PrivateTmp=yes
NoNewPrivileges=yes
UNIT
  write_file 0644 "$units/hybrid-backup-$BACKUP.timer" <<UNIT
[Unit]
Description=When the backup $BACKUP runs

[Timer]
OnCalendar=$SCHEDULE
RandomizedDelaySec=300
Persistent=true

[Install]
WantedBy=timers.target
UNIT
}

start_timer() {
  local timer="hybrid-backup-$BACKUP.timer"
  if [[ -n $changed ]]; then
    systemctl daemon-reload
    systemctl enable "$timer"
    # A timer that runs takes a new schedule by a restart.
    systemctl restart "$timer" || fail "systemd refuses the schedule $SCHEDULE"
  elif ! systemctl is-active --quiet "$timer" || ! systemctl is-enabled --quiet "$timer"; then
    systemctl enable --now "$timer"
  fi
}

check_parameters
check_server
write_job
write_units
start_timer
