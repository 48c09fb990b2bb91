#!/bin/bash
# Makes an Amazon Linux 2023 instance a NAT router for the addresses of one VPC.
#
# As user data it runs once, on the first boot: it installs itself as a systemd unit, which then runs `configure` on that boot and every
# later one. So the rules survive reboots and stop/start, and a boot on which the package could not be fetched is mended by the next.
# A timer runs `heartbeat` every minute: it reports to CloudWatch only while the instance really forwards packets through the rules.
#
# Set before this line, by whoever makes the user data:
#   NAT_SOURCE_CIDR              IPv4 addresses that may use the router
#   NAT_METRIC_NAMESPACE         namespace of the metric Heartbeat
#   NAT_REVISION                 not read: another number makes another instance
#   NAT_CLOSE_AFTER_FIRST_BOOT   1: power off after the first boot, because the way out opens on a schedule; 0: stay up
#   NAT_INSTANCE_ROOT            a folder to write below instead of /, for tests
set -euo pipefail

root="${NAT_INSTANCE_ROOT:-}"
self=/usr/local/sbin/nat-instance
unit=nat-instance.service
heartbeat=nat-heartbeat
swap=/var/lib/nat-instance/swap
table=nat_instance
rules=/etc/nat-instance/nat-instance.nft
forwarding=/etc/sysctl.d/90-nat-instance.conf
closed_once=/var/lib/nat-instance/closed-after-first-boot

say() { echo "nat-instance: $*" >&2; }

check_settings() {
  if [[ ! "${NAT_SOURCE_CIDR:-}" =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$ ]]; then
    say "NAT_SOURCE_CIDR is '${NAT_SOURCE_CIDR:-}'; an IPv4 network such as 10.20.0.0/16 is needed"
    exit 2
  fi
}

# dnf is killed for memory on 512 MiB: https://github.com/amazonlinux/amazon-linux-2023/issues/404
# A swap file that cannot be made is no reason to give up: dnf may still come through.
make_swap() {
  local key value memory=0 swapped=0
  while read -r key value _; do
    case "$key" in
      MemTotal:) memory="$value" ;;
      SwapTotal:) swapped="$value" ;;
    esac
  done <"$root/proc/meminfo"
  if ((memory >= 700000 || swapped > 0)); then
    return 0
  fi
  if [[ ! -e "$root$swap" ]] && ! write_swap_file; then
    say "no swap file could be made"
    return 0
  fi
  swapon "$root$swap" || say "the swap file could not be used"
}

# Written, not allocated: a swap file has no holes. Renamed when it is whole, so that a boot that is cut short leaves none that is not.
write_swap_file() {
  mkdir -p "$root$(dirname "$swap")" \
    && dd if=/dev/zero of="$root$swap.new" bs=1M count=1024 status=none \
    && chmod 0600 "$root$swap.new" \
    && mkswap "$root$swap.new" \
    && mv "$root$swap.new" "$root$swap"
}

# Amazon Linux 2023 ships no packet filter, so this needs the internet: the address must be on the interface before the first boot.
install_packet_filter() {
  local attempt
  for attempt in 1 2 3 4 5 6; do
    if command -v nft >/dev/null; then
      return 0
    fi
    if dnf --quiet --assumeyes install nftables; then
      return 0
    fi
    say "attempt $attempt to install nftables failed"
    sleep 10
  done
  return 1
}

write_rules() {
  mkdir -p "$root$(dirname "$rules")"
  # Naming the table before deleting it makes the file load alike whether the table is there or not, in one transaction.
  cat >"$root$rules" <<RULES
table ip $table
delete table ip $table
table ip $table {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ip saddr $NAT_SOURCE_CIDR ip daddr != $NAT_SOURCE_CIDR accept
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr $NAT_SOURCE_CIDR ip daddr != $NAT_SOURCE_CIDR masquerade
  }
}
RULES
}

write_forwarding() {
  mkdir -p "$root$(dirname "$forwarding")"
  cat >"$root$forwarding" <<'SYSCTL'
net.ipv4.ip_forward = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
SYSCTL
}

# Rules first, forwarding last: nothing is ever forwarded unfiltered.
configure() {
  make_swap
  install_packet_filter
  write_rules
  nft -f "$root$rules"
  write_forwarding
  sysctl --quiet --load="$root$forwarding"
  say "routes $NAT_SOURCE_CIDR"
}

metadata() {
  curl --silent --show-error --fail --max-time 5 --header "X-aws-ec2-metadata-token: $1" "http://169.254.169.254/latest/meta-data/$2"
}

# The proof that the way out is open: the rules are loaded, the kernel forwards, and CloudWatch, which is outside, was reached. Whatever is
# missing leaves the metric without data, which the alarm and the runbook take for what it is.
report_heartbeat() {
  local token instance region on
  nft list chain ip "$table" postrouting >/dev/null
  nft list chain ip "$table" forward >/dev/null
  read -r on <"$root/proc/sys/net/ipv4/ip_forward"
  if [[ "$on" != 1 ]]; then
    say "net.ipv4.ip_forward is $on; no heartbeat"
    return 1
  fi
  token="$(curl --silent --show-error --fail --max-time 5 --request PUT --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
    http://169.254.169.254/latest/api/token)"
  instance="$(metadata "$token" instance-id)"
  region="$(metadata "$token" placement/region)"
  # The AWS CLI is part of the image.
  aws cloudwatch put-metric-data --region "$region" --namespace "$NAT_METRIC_NAMESPACE" --metric-name Heartbeat --unit Count --value 1 \
    --dimensions "InstanceId=$instance" --cli-connect-timeout 10 --cli-read-timeout 10
}

install_heartbeat() {
  cat >"$root/etc/systemd/system/$heartbeat.service" <<UNIT
[Unit]
Description=Reports to CloudWatch that the NAT router forwards

[Service]
Type=oneshot
TimeoutStartSec=50
ExecStart=$self heartbeat
UNIT
  # On the minute, so that each minute of the metric has one data point.
  cat >"$root/etc/systemd/system/$heartbeat.timer" <<UNIT
[Unit]
Description=Heartbeat of the NAT router

[Timer]
OnCalendar=minutely
AccuracySec=1s

[Install]
WantedBy=timers.target
UNIT
}

install_unit() {
  mkdir -p "$root$(dirname "$self")" "$root/etc/systemd/system"
  install -m 0755 "$0" "$root$self"
  cat >"$root/etc/systemd/system/$unit" <<UNIT
[Unit]
Description=NAT router for the VPC
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$self configure
Restart=on-failure
RestartSec=30

[Install]
WantedBy=multi-user.target
UNIT
  install_heartbeat
  systemctl daemon-reload
  if ! systemctl enable --now "$unit"; then
    say "the first run failed; systemd tries again, on this boot and on the next"
  fi
  systemctl enable --now "$heartbeat.timer" || say "there is no heartbeat until the next boot"
}

# Created outside a window, the instance would stay open until the next one closes. The mark keeps a second run from closing a window.
close_after_first_boot() {
  if [[ "${NAT_CLOSE_AFTER_FIRST_BOOT:-0}" != 1 || -e "$root$closed_once" ]]; then
    return 0
  fi
  mkdir -p "$root$(dirname "$closed_once")"
  touch "$root$closed_once"
  say "set up; powers off in a minute and waits for its schedule"
  shutdown -h +1
}

check_settings
case "${1:-first-boot}" in
  first-boot)
    install_unit
    close_after_first_boot
    ;;
  configure) configure ;;
  heartbeat) report_heartbeat ;;
  *)
    say "unknown command '$1'; known are configure and heartbeat"
    exit 2
    ;;
esac
