#!/bin/bash
# Start-up script of the NAT VM: lets nodes and pods reach the on-prem range through this machine, and nothing else.
# Runs at every boot as root; each run leaves the same state. The last line on the serial port is
#   nat-startup: ready …        or        nat-startup: failed REASON
# Settings are instance attributes, lists separated by commas or white space:
#   onprem-cidrs   destinations, such as 198.51.100.0/24
#   onprem-ports   TCP ports or ranges, such as 24224,24230-24239
#   source-cidrs   ranges of the nodes' subnet and of the pods
set -euo pipefail

readonly attributes=http://169.254.169.254/computeMetadata/v1/instance/attributes
readonly home=/etc/suiro-nat
# Sorts after 60-gce-network-security.conf of Google's images, which sets ip_forward=0.
readonly sysctl_file=/etc/sysctl.d/98-suiro-nat.conf
# Only ever lowers what the ends offer; VPCs with an MTU of 1460, 1500 or 8896 then all pass the internet's 1460.
readonly segment_bytes=1420
readonly health_port=8080
# Google's health checkers, and this machine itself.
readonly health_sources="35.191.0.0/16 130.211.0.0/22 127.0.0.0/8"
readonly conntrack_entries=262144

say() { echo "nat-startup: $*"; }

fail() {
  trap - ERR EXIT
  say "failed $*"
  exit 1
}

attribute() {
  curl --fail --silent --show-error --max-time 10 --retry 5 --retry-connrefused \
    --header 'Metadata-Flavor: Google' "$attributes/$1" | tr ',\n\t' '   ' | tr -s ' ' | sed 's/^ //; s/ $//'
}

check_cidr() {
  local name=$1 cidr=$2 octet
  local part='(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
  octet="$part\.$part\.$part\.$part"
  [[ $cidr =~ ^$octet/([1-9]|[12][0-9]|3[0-2])$ ]] ||
    fail "attribute $name: '$cidr' is not an IPv4 range such as 198.51.100.0/24 (a prefix of 0 is refused)"
}

check_port() {
  local from=${1%%-*} to=${1##*-}
  if [[ ! $1 =~ ^[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?$ ]] || ((from > to || to > 65535)); then
    fail "attribute onprem-ports: '$1' is not a port or a range of ports"
  fi
}

read_settings() {
  onprem_cidrs=$(attribute onprem-cidrs) || fail "the attribute onprem-cidrs cannot be read"
  onprem_ports=$(attribute onprem-ports) || fail "the attribute onprem-ports cannot be read"
  source_cidrs=$(attribute source-cidrs) || fail "the attribute source-cidrs cannot be read"
  [ -n "$onprem_cidrs" ] || fail "the attribute onprem-cidrs is empty"
  [ -n "$onprem_ports" ] || fail "the attribute onprem-ports is empty"
  [ -n "$source_cidrs" ] || fail "the attribute source-cidrs is empty"
  local item
  for item in $onprem_cidrs; do check_cidr onprem-cidrs "$item"; done
  for item in $source_cidrs; do check_cidr source-cidrs "$item"; done
  for item in $onprem_ports; do check_port "$item"; done
}

# The device of the default route: ens4 on current images, eth0 on old ones.
find_interface() {
  interface=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  [ -n "$interface" ] || fail "there is no IPv4 default route, so the interface is unknown"
}

# nftables needs no download on Debian 12. iptables serves images that have only that.
find_backend() {
  if nft list tables >/dev/null 2>&1; then
    backend=nft
  elif iptables -t nat -n -L POSTROUTING >/dev/null 2>&1; then
    backend=iptables
  else
    say "neither nft nor iptables works here; installing nftables"
    apt-get update -qq || say "the list of packages cannot be refreshed"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nftables ||
      fail "nftables cannot be installed"
    nft list tables >/dev/null || fail "nft is installed but does not work"
    backend=nft
  fi
}

commas() { echo "${1// /, }"; }

# One transaction: creating, deleting and filling the table leaves no moment without rules, and no doubled rule.
# Masquerade keeps the source port, so an established connection survives when this machine is replaced: the first
# packet towards on-prem re-creates the same mapping. What on-prem sends before that is dropped in `input`, since the
# kernel would answer it with a reset.
write_nft_rules() {
  cat >"$home/rules.nft.new" <<RULES
table ip suiro_nat
delete table ip suiro_nat
table ip suiro_nat {
  set sources { type ipv4_addr; flags interval; auto-merge; elements = { $(commas "$source_cidrs") }; }
  set onprem { type ipv4_addr; flags interval; auto-merge; elements = { $(commas "$onprem_cidrs") }; }
  set ports { type inet_service; flags interval; auto-merge; elements = { $(commas "$onprem_ports") }; }
  chain input {
    type filter hook input priority filter; policy accept;
    ip saddr @onprem ct state { new, invalid } drop
    tcp dport $health_port ip saddr != { $(commas "$health_sources") } drop
  }
  chain segments {
    type filter hook forward priority mangle; policy accept;
    tcp flags & (syn | rst) == syn tcp option maxseg size set $segment_bytes
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    iifname "$interface" oifname "$interface" ip saddr @sources ip daddr @onprem tcp dport @ports counter accept comment "towards on-prem"
    iifname "$interface" oifname "$interface" ip daddr @sources ct state established,related counter accept comment "back to the nodes"
    iifname "$interface" oifname "$interface" ip saddr @sources ip daddr @onprem ct state related counter accept comment "errors towards on-prem"
  }
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "$interface" ip saddr @sources ip daddr @onprem counter masquerade
  }
}
RULES
  nft -c -f "$home/rules.nft.new" || fail "nft refuses the rules"
  mv "$home/rules.nft.new" "$home/rules.nft"
}

# The same rules in chains of our own, refilled in one transaction for each table; each built-in chain jumps there once.
write_iptables_rules() {
  local source destination port ports=${onprem_ports//-/:}
  {
    echo '*mangle'
    echo ':SUIRO-SEGMENTS - [0:0]'
    echo "-A SUIRO-SEGMENTS -p tcp --tcp-flags SYN,RST SYN -m tcpmss --mss $((segment_bytes + 1)):65535 -j TCPMSS --set-mss $segment_bytes"
    echo COMMIT
    echo '*filter'
    for chain in INPUT HEALTH FORWARD SOURCES BACK; do echo ":SUIRO-$chain - [0:0]"; done
    for destination in $onprem_cidrs; do
      echo "-A SUIRO-INPUT -s $destination -m conntrack --ctstate NEW,INVALID -j DROP"
    done
    echo "-A SUIRO-INPUT -p tcp --dport $health_port -j SUIRO-HEALTH"
    for source in $health_sources; do echo "-A SUIRO-HEALTH -s $source -j RETURN"; done
    echo '-A SUIRO-HEALTH -j DROP'
    echo "-A SUIRO-FORWARD ! -i $interface -j DROP"
    echo "-A SUIRO-FORWARD ! -o $interface -j DROP"
    for destination in $onprem_cidrs; do
      for port in $ports; do
        echo "-A SUIRO-FORWARD -d $destination -p tcp --dport $port -j SUIRO-SOURCES"
      done
      echo "-A SUIRO-FORWARD -d $destination -m conntrack --ctstate RELATED -j SUIRO-SOURCES"
    done
    echo '-A SUIRO-FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j SUIRO-BACK'
    echo '-A SUIRO-FORWARD -j DROP'
    for source in $source_cidrs; do
      echo "-A SUIRO-SOURCES -s $source -j ACCEPT"
      echo "-A SUIRO-BACK -d $source -j ACCEPT"
    done
    echo COMMIT
    echo '*nat'
    echo ':SUIRO-NAT - [0:0]'
    for source in $source_cidrs; do
      for destination in $onprem_cidrs; do
        echo "-A SUIRO-NAT -s $source -d $destination -o $interface -j MASQUERADE"
      done
    done
    echo COMMIT
  } >"$home/rules.iptables.new"
  iptables-restore --noflush --test <"$home/rules.iptables.new" || fail "iptables refuses the rules"
  mv "$home/rules.iptables.new" "$home/rules.iptables"
}

# `load` is what both this script and the early boot unit run.
write_load() {
  if [ "$backend" = nft ]; then
    cat >"$home/load" <<'LOAD'
#!/bin/bash
exec nft -f /etc/suiro-nat/rules.nft
LOAD
  else
    cat >"$home/load" <<'LOAD'
#!/bin/bash
set -euo pipefail
jump() { iptables -t "$1" -C "$2" -j "$3" 2>/dev/null || iptables -t "$1" -I "$2" 1 -j "$3"; }
iptables-restore --noflush </etc/suiro-nat/rules.iptables
jump mangle FORWARD SUIRO-SEGMENTS
jump filter INPUT SUIRO-INPUT
jump filter FORWARD SUIRO-FORWARD
jump nat POSTROUTING SUIRO-NAT
LOAD
  fi
  chmod 755 "$home/load"
}

# `state` prints what holds, as key=value; its exit code says whether packets are translated now.
# `health` says the same as an HTTP answer to the health checker.
write_health() {
  cat >"$home/state" <<'STATE'
#!/bin/bash
healthy=0
read -r forwarding </proc/sys/net/ipv4/ip_forward
read -r count </proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || count=0
read -r max </proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null || max=0
if [ -e /etc/suiro-nat/rules.nft ] && nft list tables >/dev/null 2>&1; then
  backend=nft
  rule=$(nft list chain ip suiro_nat postrouting 2>/dev/null | grep masquerade)
  packets=$(sed -n 's/.*counter packets \([0-9]*\).*/\1/p' <<<"$rule")
else
  backend=iptables
  rule=''
  iptables -t nat -C POSTROUTING -j SUIRO-NAT 2>/dev/null &&
    rule=$(iptables -t nat -v -x -n -L SUIRO-NAT 2>/dev/null | grep MASQUERADE)
  packets=$(awk '{ sum += $1 } END { print sum + 0 }' <<<"$rule")
fi
[ "$forwarding" = 1 ] || healthy=1
[ -n "$rule" ] || healthy=1
((max == 0 || count * 100 < max * 95)) || healthy=1
echo "backend=$backend"
echo "forwarding=$forwarding"
echo "masquerade=$([ -n "$rule" ] && echo present || echo absent)"
echo "flows=${packets:-0}"
echo "conntrack=$count/$max"
echo "healthy=$([ $healthy = 0 ] && echo yes || echo no)"
exit $healthy
STATE
  cat >"$home/health" <<'HEALTH'
#!/bin/bash
while read -r -t 2 line && [ -n "${line%$'\r'}" ]; do :; done
if body=$(/etc/suiro-nat/state); then status='200 OK'; else status='503 Service Unavailable'; fi
printf 'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s\n' \
  "$status" "$((${#body} + 1))" "$body"
HEALTH
  chmod 755 "$home/state" "$home/health"
}

# At the next boot the rules are there before any network, and so before any packet could pass untranslated.
write_units() {
  cat >/etc/systemd/system/suiro-nat.service <<UNIT
[Unit]
Description=NAT rules towards on-prem
DefaultDependencies=no
After=local-fs.target
Before=systemd-sysctl.service network-pre.target
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=$home/load

[Install]
WantedBy=sysinit.target
UNIT
  cat >/etc/systemd/system/suiro-nat-health.socket <<UNIT
[Unit]
Description=Health answer of the NAT

[Socket]
ListenStream=$health_port
Accept=yes
MaxConnections=16

[Install]
WantedBy=sockets.target
UNIT
  cat >/etc/systemd/system/suiro-nat-health@.service <<UNIT
[Unit]
Description=Health answer of the NAT

[Service]
ExecStart=-$home/health
StandardInput=socket
StandardError=journal
RuntimeMaxSec=10
NoNewPrivileges=yes
ProtectSystem=full
ProtectHome=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW
UNIT
}

# After the rules: a first packet that passes before them would keep its flow untranslated for minutes.
forward_packets() {
  cat >"$sysctl_file" <<SYSCTL
net.ipv4.ip_forward = 1
net.ipv4.conf.all.send_redirects = 0
net.ipv4.conf.default.send_redirects = 0
SYSCTL
  sysctl -q -p "$sysctl_file" || fail "the kernel refuses to forward packets"
  sysctl -q -w "net.netfilter.nf_conntrack_max=$conntrack_entries" 2>/dev/null ||
    say "the table of connections keeps the kernel's own size"
}

start_units() {
  [ -d /run/systemd/system ] || return 0
  systemctl daemon-reload
  systemctl enable --quiet suiro-nat.service
  systemctl enable --quiet --now suiro-nat-health.socket
}

trap 'fail "at line $LINENO: $BASH_COMMAND"' ERR
mkdir -p "$home" /etc/sysctl.d /etc/systemd/system
read_settings
find_interface
find_backend
if [ "$backend" = nft ]; then
  rm -f "$home/rules.iptables"
  write_nft_rules
else
  rm -f "$home/rules.nft"
  write_iptables_rules
fi
write_load
"$home/load" || fail "the rules cannot be loaded"
write_health
write_units
forward_packets
start_units
state=$("$home/state") || fail "the rules are loaded but the state is not healthy: $(echo "$state" | tr '\n' ' ')"
say "ready interface=$interface $(echo "$state" | tr '\n' ' ')"
