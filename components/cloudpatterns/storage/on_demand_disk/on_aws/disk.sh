#!/bin/bash
# Joins EBS volumes to one disk, creates its file system, mounts it, and grows it after a volume was enlarged or added.
#
# It runs at every boot, and whenever Systems Manager's association has new sizes; any number of runs ends in the same state, also after a
# power failure between any two commands. It writes to a volume only when the volume is blank, or when a note on the root disk says that a
# run before it found the volume blank and began. A volume with anything else on it stops the script; the reason is in the log.
#
# Set before this line, by the component:
#   DISK_NAME               names the log, the units and the folder of the notes
#   DISK_VOLUMES            ids of the volumes, separated by spaces
#   DISK_LAYOUT             single, linear or striped
#   DISK_VOLUME_GROUP       LVM's volume group; not read with the layout single
#   DISK_STRIPE_KIB         size of a stripe; read with the layout striped
#   DISK_FILE_SYSTEM        xfs or ext4
#   DISK_MOUNT_PATH         where the disk is mounted
#   DISK_MOUNT_OPTIONS      options beside those that the script needs
#   DISK_ATTACH_SECONDS     how long to wait for the volumes
#   DISK_METRIC_NAMESPACE   namespace of the metric UsedPercent
#   BOOT_ROOT               a folder to write below instead of /, for tests
set -Eeuo pipefail
export LVM_SUPPRESS_FD_WARNINGS=1

root="${BOOT_ROOT:-}"
self="/usr/local/sbin/on-demand-disk-$DISK_NAME"
unit="on-demand-disk-$DISK_NAME"
notes="$root/var/lib/on-demand-disk/$DISK_NAME"
log="$root/var/log/on-demand-disk-$DISK_NAME.log"
fstab="$root/etc/fstab"
mount_path="$root$DISK_MOUNT_PATH"
read -ra volumes <<<"$DISK_VOLUMES"
devices=()

say() { printf '%s %s: %s\n' "$(date --utc +%FT%TZ)" "$unit" "$*" | tee -a "$log" >&2; }

stop() {
  trap - ERR
  say "stopped: $*"
  exit 1
}

# --- notes: what this instance began to write to ---

# On disk before the first write that it permits.
note() {
  printf '%s\n' "$2" >"$notes/$1.new"
  sync "$notes/$1.new"
  mv "$notes/$1.new" "$notes/$1"
  sync "$notes"
}

forget() {
  rm -f "$notes/$1"
  sync "$notes"
}

# --- what is on a device ---

# The type of the signature; nothing when there is none.
signature() {
  local found status=0
  found="$(blkid -p -o export "$1")" || status=$?
  case "$status" in
    0) [[ "$found" =~ (^|$'\n')TYPE=([^$'\n']+) ]] && echo "${BASH_REMATCH[2]}" || echo "partition table" ;;
    2) ;;
    *) echo "several signatures" ;;
  esac
}

uuid_of() { blkid -p -o value -s UUID "$1"; }

# A new volume reads as zeros. Data without a signature, of a database on the raw device for one, does not; nor does a volume that cannot
# be read.
is_blank() { [[ -z "$(signature "$1")" ]] && cmp --silent --bytes=1048576 "$1" /dev/zero; }

# Attachments come after the boot, and device names differ from boot to boot; the id of the volume does not.
# https://docs.aws.amazon.com/ebs/latest/userguide/nvme-ebs-volumes.html
find_devices() {
  local volume link deadline=$((SECONDS + DISK_ATTACH_SECONDS))
  for volume in "${volumes[@]}"; do
    link="$root/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volume/-/}"
    until [[ -b "$link" ]]; do
      ((SECONDS < deadline)) || stop "volume $volume is not attached after $DISK_ATTACH_SECONDS seconds"
      sleep 5
    done
    devices+=("$(readlink --canonicalize "$link")")
  done
}

install_tools() {
  local command="$1" package="$2" attempt
  for attempt in 1 2 3 4 5 6; do
    if command -v "$command" >/dev/null; then
      return 0
    fi
    dnf --quiet --assumeyes install "$package" || { say "attempt $attempt to install $package failed"; sleep 10; }
  done
  command -v "$command" >/dev/null || stop "$command is missing, and $package could not be installed"
}

# --- LVM ---

# Where LVM keeps a list of its devices, a volume that came from another instance is not on it.
list_device() {
  [[ ! -e "$root/etc/lvm/devices/system.devices" ]] || lvmdevices --yes --adddev "$1" >>"$log" 2>&1 || say "LVM does not list $1"
}

group_of() { pvs --noheadings -o vg_name "$1" | tr -d ' '; }

# Looks at every volume before it writes to any.
check_volumes() {
  local index found group
  for index in "${!devices[@]}"; do
    found="$(signature "${devices[index]}")"
    if [[ "$found" == LVM2_member ]]; then
      list_device "${devices[index]}"
      group="$(group_of "${devices[index]}")"
      [[ "$group" == "$DISK_VOLUME_GROUP" || (-z "$group" && -e "$notes/${volumes[index]}") ]] \
        || stop "volume ${volumes[index]} belongs to the volume group '$group', not to $DISK_VOLUME_GROUP; nothing was written to it"
    elif [[ -n "$found" ]]; then
      stop "volume ${volumes[index]} has data ($found); it is not used for LVM, and nothing was written to it"
    elif [[ ! -e "$notes/${volumes[index]}" ]]; then
      is_blank "${devices[index]}" || stop "volume ${volumes[index]} is not blank, and has no known signature; nothing was written to it"
    fi
  done
}

join_volumes() {
  local index new=() missing
  check_volumes
  for index in "${!devices[@]}"; do
    if [[ -z "$(signature "${devices[index]}")" ]]; then
      note "${volumes[index]}" pvcreate
      pvcreate --quiet --yes "${devices[index]}"
    fi
    [[ -n "$(group_of "${devices[index]}")" ]] || new+=("${devices[index]}")
  done
  if ((${#new[@]} == ${#devices[@]})); then
    vgcreate --quiet "$DISK_VOLUME_GROUP" "${new[@]}"
  elif ((${#new[@]})); then
    vgextend --quiet "$DISK_VOLUME_GROUP" "${new[@]}"
    say "added ${#new[@]} volumes"
  fi
  missing="$(vgs --noheadings -o vg_missing_pv_count "$DISK_VOLUME_GROUP" | tr -d ' ')"
  ((missing == 0)) || stop "$missing volumes of the volume group $DISK_VOLUME_GROUP are not attached; attach them, or remove them from it"
  for index in "${!volumes[@]}"; do
    [[ ! -e "$notes/${volumes[index]}" ]] || forget "${volumes[index]}"
  done
}

logical_volume() { lvs --noheadings -o lv_name "$DISK_VOLUME_GROUP" | tr -d ' '; }

create_logical_volume() {
  local found stripes=()
  found="$(logical_volume)"
  if [[ -z "$found" ]]; then
    [[ "$DISK_LAYOUT" != striped ]] || stripes=(--stripes "${#devices[@]}" --stripesize "${DISK_STRIPE_KIB}k")
    # Before the logical volume: it is of blank volumes, so whatever is found on it later was written by this script.
    [[ -e "$notes/file-system" ]] || note file-system "$(</proc/sys/kernel/random/uuid)"
    lvcreate --quiet --yes --wipesignatures y --name data --extents 100%FREE "${stripes[@]}" "$DISK_VOLUME_GROUP"
    found=data
  fi
  [[ "$found" != *$'\n'* ]] || stop "the volume group $DISK_VOLUME_GROUP has several logical volumes; this disk is one"
  disk="$root/dev/$DISK_VOLUME_GROUP/$found"
  [[ -b "$disk" ]] || vgchange --quiet --activate y "$DISK_VOLUME_GROUP"
  [[ -b "$disk" ]] || stop "the logical volume $DISK_VOLUME_GROUP/$found could not be activated"
}

# The metadata is written only where there is something to gain.
resize_physical_volume() {
  local size used start extent
  read -r size used start extent < <(pvs --noheadings --nosuffix --units b -o dev_size,pv_size,pe_start,vg_extent_size "$1")
  ((size - used - start < extent)) || pvresize --quiet "$1"
}

# A stripe needs free space on as many volumes at once: the one with the least of the largest decides.
extend_logical_volume() {
  local device stripes count
  for device in "${devices[@]}"; do
    resize_physical_volume "$device"
  done
  stripes="$(lvs --noheadings --segments -o stripes "${disk#"$root/dev/"}" | tr -d ' ' | tail -n 1)"
  while :; do
    count="$(pvs --noheadings -o pv_pe_count,pv_pe_alloc_count --select "vg_name=$DISK_VOLUME_GROUP" \
      | awk '{ print $1 - $2 }' | sort --numeric-sort --reverse | sed -n "${stripes}p")"
    ((count > 0)) || break
    lvextend --quiet --extents "+$((count * stripes))" "${disk#"$root/dev/"}"
    say "the logical volume has $((count * stripes)) extents more"
  done
  count="$(vgs --noheadings -o vg_free_count "$DISK_VOLUME_GROUP" | tr -d ' ')"
  ((count == 0)) || say "$count extents are not in use: $stripes stripes need as much on $stripes volumes"
}

# --- the file system ---

can_be_mounted() {
  local probe="$notes/probe" status=0
  mkdir -p "$probe"
  ! mountpoint --quiet "$probe" || umount "$probe"
  mount --types "$DISK_FILE_SYSTEM" --options ro "$1" "$probe" 2>>"$log" || return 1
  umount "$probe" || status=$?
  return "$status"
}

# The UUID is chosen before it is written, so that a file system of a run that was cut short is known to be this script's.
format() {
  local uuid
  uuid="$(<"$notes/file-system")"
  case "$DISK_FILE_SYSTEM" in
    xfs) mkfs.xfs -q -f -m "uuid=$uuid" "$1" ;;
    ext4) mkfs.ext4 -q -F -U "$uuid" "$1" ;;
  esac
  sync "$1"
  say "created the file system $DISK_FILE_SYSTEM $uuid"
}

create_file_system() {
  local found
  found="$(signature "$1")"
  if [[ -n "$found" && "$found" != "$DISK_FILE_SYSTEM" ]]; then
    stop "the disk has data ($found), not a file system $DISK_FILE_SYSTEM; nothing was written to it"
  elif [[ -z "$found" ]]; then
    if [[ ! -e "$notes/file-system" ]]; then
      is_blank "$1" || stop "the disk is not blank, and has no known signature; nothing was written to it"
      note file-system "$(</proc/sys/kernel/random/uuid)"
    fi
    format "$1"
  elif [[ -e "$notes/file-system" && "$(uuid_of "$1")" == "$(<"$notes/file-system")" ]]; then
    # Nobody has used it: the note goes before the first mount.
    can_be_mounted "$1" || format "$1"
  fi
  [[ ! -e "$notes/file-system" ]] || forget file-system
}

# By UUID, and without holding up a boot on which the volumes are missing.
write_fstab() {
  local line found
  line="UUID=$1 $DISK_MOUNT_PATH $DISK_FILE_SYSTEM $DISK_MOUNT_OPTIONS,nofail,x-on-demand-disk=$DISK_NAME 0 2"
  found="$(awk -v path="$DISK_MOUNT_PATH" '$1 !~ /^#/ && $2 == path' "$fstab")"
  [[ "$found" != "$line" ]] || return 0
  [[ -z "$found" || "$found" == *"x-on-demand-disk=$DISK_NAME "* ]] || stop "$DISK_MOUNT_PATH has another entry in /etc/fstab: $found"
  # Files below a mount point are hidden, and whoever wrote them would look for them in vain.
  if [[ -z "$found" ]] && ! mountpoint --quiet "$mount_path" && [[ -n "$(ls -A "$mount_path")" ]]; then
    stop "$DISK_MOUNT_PATH is not empty; move what is there"
  fi
  { awk -v path="$DISK_MOUNT_PATH" '$1 ~ /^#/ || $2 != path' "$fstab"; echo "$line"; } >"$fstab.new"
  chmod 0644 "$fstab.new"
  sync "$fstab.new"
  mv "$fstab.new" "$fstab"
  [[ -n "$root" ]] || systemctl daemon-reload
}

mount_disk() {
  local uuid
  uuid="$(uuid_of "$1")"
  mkdir -p "$mount_path"
  write_fstab "$uuid"
  if ! mountpoint --quiet "$mount_path"; then
    mount --types "$DISK_FILE_SYSTEM" --options "$DISK_MOUNT_OPTIONS" "$1" "$mount_path"
    say "mounted at $DISK_MOUNT_PATH"
  elif [[ "$(findmnt --noheadings --output UUID --mountpoint "$mount_path" | tail -n 1)" != "$uuid" ]]; then
    stop "another file system is mounted at $DISK_MOUNT_PATH"
  fi
}

# Neither does anything where the file system has all of its device.
grow_file_system() {
  case "$DISK_FILE_SYSTEM" in
    xfs) xfs_growfs -d "$mount_path" >>"$log" ;;
    ext4) resize2fs "$1" >>"$log" 2>&1 ;;
  esac
}

# --- every boot, and every minute ---

install_units() {
  local folder="$root/etc/systemd/system"
  mkdir -p "$folder"
  cat >"$folder/$unit.service" <<UNIT
[Unit]
Description=Disk $DISK_NAME at $DISK_MOUNT_PATH: joined, mounted and grown
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=3600
StartLimitBurst=5

[Service]
Type=oneshot
ExecStart=$self
TimeoutStartSec=$((DISK_ATTACH_SECONDS + 900))
Restart=on-failure
RestartSec=60

[Install]
WantedBy=multi-user.target
UNIT
  cat >"$folder/$unit-report.service" <<UNIT
[Unit]
Description=Reports to CloudWatch how full the disk $DISK_NAME is

[Service]
Type=oneshot
TimeoutStartSec=50
ExecStart=$self report
UNIT
  cat >"$folder/$unit-report.timer" <<UNIT
[Unit]
Description=Reports to CloudWatch every minute how full the disk $DISK_NAME is

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
UNIT
  systemctl daemon-reload
  systemctl enable "$unit.service"
  systemctl enable --now "$unit-report.timer"
}

metadata() {
  curl --silent --show-error --fail --max-time 5 --header "X-aws-ec2-metadata-token: $1" "http://169.254.169.254/latest/meta-data/$2"
}

# Nothing is reported while the disk is not mounted; the alarm on missing data says so. ext4 can run out of inodes before it is full.
report() {
  local token instance region used
  mountpoint --quiet "$mount_path" || stop "nothing is mounted at $DISK_MOUNT_PATH"
  used="$(df --output=pcent,ipcent "$mount_path" | tail -n 1 | tr -d '%-' | awk '{ print ($2 + 0 > $1 + 0) ? $2 : $1 }')"
  token="$(curl --silent --show-error --fail --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)"
  instance="$(metadata "$token" instance-id)"
  region="$(metadata "$token" placement/region)"
  # The AWS CLI is part of Amazon Linux.
  aws cloudwatch put-metric-data --region "$region" --namespace "$DISK_METRIC_NAMESPACE" --metric-name UsedPercent --unit Percent \
    --value "$used" --dimensions "Disk=$DISK_NAME,InstanceId=$instance" --cli-connect-timeout 10 --cli-read-timeout 10
}

configure() {
  # The boot and the association may come at the same time.
  exec 9>"$notes/lock"
  flock 9
  install_tools "mkfs.$DISK_FILE_SYSTEM" "$([[ "$DISK_FILE_SYSTEM" == xfs ]] && echo xfsprogs || echo e2fsprogs)"
  install_units
  find_devices
  if [[ "$DISK_LAYOUT" == single ]]; then
    disk="${devices[0]}"
  else
    install_tools pvcreate lvm2
    join_volumes
    create_logical_volume
  fi
  create_file_system "$disk"
  mount_disk "$disk"
  [[ "$DISK_LAYOUT" == single ]] || extend_logical_volume
  grow_file_system "$disk"
}

mkdir -p "$notes" "$(dirname "$log")"
trap 'say "stopped: $BASH_COMMAND failed with $? in line $LINENO"' ERR
case "${1:-configure}" in
  configure) configure ;;
  report) report ;;
  *) stop "unknown command '$1'; known are configure and report" ;;
esac
