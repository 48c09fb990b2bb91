#!/bin/bash
# Backs up folders to S3, and reports whether that was complete. Run by systemd; a second run at the same time ends at once.
#
# Nothing is deleted in the bucket: what is gone on the server stays there. S3 checks the SHA-256 of each file that it receives.
#
# Parameters are shell variables that the caller sets above this text, quoted: BACKUP, COMMON_NAME, BUCKET, REGION, NAMESPACE, FOLDERS
# (see install_backup.sh). AWS_CONFIG_FILE names the configuration with the credentials' process.
set -euo pipefail
export LC_ALL=C
umask 077

root="${BOOT_ROOT:-}" # another root folder, for tests
failed=

warn() { printf 'hybrid-backup: %s\n' "$1" >&2; }

report() {
  aws cloudwatch put-metric-data --region "$REGION" --namespace "$NAMESPACE" --metric-name "$1" --value "$2" --unit "$3" \
    --dimensions "Server=$COMMON_NAME" || warn "cannot report $1"
}

mkdir -p "$root/run/lock"
exec 9>"$root/run/lock/hybrid-backup-$BACKUP"
if ! flock --nonblock 9; then
  warn "the backup before this one still runs"
  exit 0
fi

# shellcheck disable=SC2153
read -r -a folders <<<"$FOLDERS"
for folder in "${folders[@]}"; do
  if [[ ! -d $root$folder ]]; then
    warn "$folder is not there, so it is not backed up"
    failed=yes
  elif ! aws s3 sync --region "$REGION" --no-follow-symlinks --only-show-errors --no-progress --checksum-algorithm SHA256 \
    "$root$folder" "s3://$BUCKET/$COMMON_NAME$folder"; then
    # Files that changed or could not be read meanwhile count as well.
    warn "the backup of $folder is not complete"
    failed=yes
  fi
done

if [[ -n $failed ]]; then
  report Failed 1 Count
  exit 1
fi
report Succeeded 1 Count
report Seconds "$SECONDS" Seconds
