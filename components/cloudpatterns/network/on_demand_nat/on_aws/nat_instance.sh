#!/bin/bash
# Makes an Amazon Linux 2023 instance a NAT router for the addresses of one VPC.
#
# As user data it runs once, on the first boot: it installs itself as a systemd unit, which then runs `configure` on that boot and every
# later one. So the rules survive reboots and stop/start, and a boot on which the package could not be fetched is mended by the next.
#
# Set before this line, by whoever makes the user data:
#   NAT_SOURCE_CIDR              IPv4 addresses that may use the router
#   NAT_CLOSE_AFTER_FIRST_BOOT   1: power off after the first boot, because the way out opens on a schedule; 0: stay up
#   NAT_INSTANCE_ROOT            a folder to write below instead of /, for tests
set -euo pipefail

root="${NAT_INSTANCE_ROOT:-}"
self=/usr/local/sbin/nat-instance
unit=nat-instance.service
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
table ip nat_instance
delete table ip nat_instance
table ip nat_instance {
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
  install_packet_filter
  write_rules
  nft -f "$root$rules"
  write_forwarding
  sysctl --quiet --load="$root$forwarding"
  say "routes $NAT_SOURCE_CIDR"
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
  systemctl daemon-reload
  if ! systemctl enable --now "$unit"; then
    say "the first run failed; systemd tries again, on this boot and on the next"
  fi
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
  *)
    say "unknown command '$1'; configure is the only one"
    exit 2
    ;;
esac
