#!/bin/bash
# Mounts an access point of an EFS file system, with TLS and the instance's role, now and at every boot.
#
# Any number of runs ends in the same state. It waits for the mount target's name and tries again; the reason of a failure is in the log.
#
# Set before this line, by the component:
#   NFS_FILE_SYSTEM_ID    fs-...
#   NFS_ACCESS_POINT_ID   fsap-...
#   NFS_MOUNT_PATH        where the files are
#   NFS_ATTEMPTS          how often the mount is tried, ten seconds apart
#   BOOT_ROOT             a folder to write below instead of /, for tests
set -Eeuo pipefail

root="${BOOT_ROOT:-}"
fstab="$root/etc/fstab"
log="$root/var/log/nfs-sharing.log"
# Without an access point, TLS and IAM the file system's policy refuses the mount.
# https://docs.aws.amazon.com/efs/latest/ug/mount-fs-auto-mount-update-fstab.html
options="_netdev,nofail,tls,iam,accesspoint=$NFS_ACCESS_POINT_ID"
line="$NFS_FILE_SYSTEM_ID:/ $NFS_MOUNT_PATH efs $options 0 0"

say() { printf '%s nfs-sharing %s: %s\n' "$(date --utc +%FT%TZ)" "$NFS_MOUNT_PATH" "$*" | tee -a "$log" >&2; }

stop() {
  trap - ERR
  say "stopped: $*"
  exit 1
}

install_helper() {
  local attempt
  for ((attempt = 1; attempt <= NFS_ATTEMPTS; attempt++)); do
    if command -v mount.efs >/dev/null; then
      return 0
    fi
    dnf --quiet --assumeyes install amazon-efs-utils || { say "attempt $attempt to install amazon-efs-utils failed"; sleep 10; }
  done
  command -v mount.efs >/dev/null || stop "amazon-efs-utils could not be installed"
}

write_fstab() {
  local found
  found="$(awk -v path="$NFS_MOUNT_PATH" '$1 !~ /^#/ && $2 == path' "$fstab")"
  [[ "$found" != "$line" ]] || return 0
  [[ -z "$found" || "$found" == *" efs "* ]] || stop "another entry of /etc/fstab has the path: $found"
  { awk -v path="$NFS_MOUNT_PATH" '$1 ~ /^#/ || $2 != path' "$fstab"; echo "$line"; } >"$fstab.new"
  chmod 0644 "$fstab.new"
  sync "$fstab.new"
  mv "$fstab.new" "$fstab"
}

# The name of a mount target resolves up to a minute and a half after its creation.
mount_files() {
  local attempt
  if mountpoint --quiet "$root$NFS_MOUNT_PATH"; then
    return 0
  fi
  for ((attempt = 1; attempt <= NFS_ATTEMPTS; attempt++)); do
    if mount -t efs -o "$options" "$NFS_FILE_SYSTEM_ID:/" "$root$NFS_MOUNT_PATH" 2>>"$log"; then
      say "mounted"
      return 0
    fi
    say "attempt $attempt to mount failed"
    sleep 10
  done
  stop "$NFS_FILE_SYSTEM_ID cannot be mounted: do the mount target of this zone, port 2049 and the role's statements allow it?"
}

mkdir -p "$(dirname "$log")" "$root$NFS_MOUNT_PATH"
trap 'say "stopped: $BASH_COMMAND failed with $? in line $LINENO"' ERR
install_helper
write_fstab
mount_files
