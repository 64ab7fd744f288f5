# Runs in the lab's machine only, as root, by a system credential; the image knows nothing of it.
# Answers each line from the port with one framed report. MAY_OPEN is set in the control boot. SECRET_NAME: a name that only the lab's DNS servers know.
port=/dev/virtio-ports/gw.lab
until [ -e $port ]; do sleep 0.2; done
exec 3<> $port
part() { echo "@ $1"; shift; "$@" 2>&1; }
keys() { cat /state/ssh/*.pub 2> /dev/null; }
resolves() { getent ahostsv4 "$SECRET_NAME" | sed -n '1s/ .*//p'; }
baked() { for key in /etc/ssh/ssh_host_*; do [ ! -e "$key" ] || echo "$key"; done; }
report() {
    part state systemctl is-system-running
    part failed systemctl list-units --failed --plain --no-legend --no-pager
    part journal journalctl -b -p warning -o json --no-pager
    part machine-id cat /etc/machine-id
    part keys keys
    part baked baked
    part resolves resolves
    part time systemd-analyze time
    part ruleset nft list ruleset
    part release cat /etc/os-release
    part memory cat /proc/meminfo
    part connections cat /proc/sys/net/netfilter/nf_conntrack_max
}
sockets() {
    part listening ss -lntuH
    part counters cat /proc/net/snmp
    part counters6 cat /proc/net/snmp6
}
trusting() { # what sockets.py says
    for link in /proc/sys/net/ipv4/conf/*; do
        echo 0 > $link/rp_filter
        echo 1 > $link/accept_local
        echo 1 > $link/route_localnet
    done
}
units() {
    part manager systemctl show -p UserspaceTimestampMonotonic
    part units systemctl show '*.service' '*.target' -p Id -p CPUUsageNSec -p InactiveExitTimestampMonotonic -p ActiveEnterTimestampMonotonic
}
look() {
    part clock date +%s
    part journal journalctl -b -o short --no-hostname --no-pager
}
opened() {
    trusting
    for family in ip ip6; do part nft nft delete table $family io.systemd.nat; done
    part ruleset nft list ruleset
}
while true; do
    read -r order <&3 || { sleep 1; continue; }
    echo "@@ begin $order" >&3
    case "$order" in
        ready) part state timeout 300 systemctl is-system-running --wait ;;
        report) report ;;
        sockets) sockets ;;
        units) units ;;
        look) look ;;
        open) [ -z "$MAY_OPEN" ] || opened ;;
    esac >&3
    echo "@@ end $order" >&3
done
