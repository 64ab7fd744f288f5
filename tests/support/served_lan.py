"""Debian 13's own networkd and resolved serving a LAN with generated files, asked by busybox's udhcpc and nslookup.

In the private namespaces of the oracle, with the LAN as one cable, without firewall or outside.
"""

import re
from pathlib import Path

from tests.support import debian_oracle

UPSTREAM = "192.0.2.53"
SERVE = r"""
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 tmpfs "$TREE/var/lib/systemd"
mkdir "$TREE/var/lib/systemd/network"
chroot "$TREE" chown systemd-network: /var/lib/systemd/network
mount --bind "$CONFIG/etc/hosts" "$TREE/etc/hosts"
unshare --net sleep 60 & client=$!
until [ "$(readlink /proc/$client/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
ip link add "$LAN" type veth peer name "$LAN" netns $client
at() { nsenter -t $client -n "$@"; }
at ip link set "$LAN" up
chroot "$TREE" /usr/lib/systemd/systemd-networkd > "$TREE/tmp/log" 2>&1 & networkd=$!
until_said "$TREE/tmp/log" '^Started\.'
chroot "$TREE" networkctl persistent-storage yes >> "$TREE/tmp/log" 2>&1
# in a namespace of its own: the name would be the host's
unshare --uts sh -c 'hostname "$(cat "$CONFIG/etc/hostname")"; exec chroot "$TREE" /usr/lib/systemd/systemd-resolved' \
    > "$TREE/tmp/names" 2>&1 & resolved=$!
until_said "$TREE/tmp/log" 'Offering DHCPv4 leases'
until_said "$TREE/tmp/names" 'Defaulting to hostname|Using system hostname'
if [ "$ANSWERS" ]; then
    ip address add "$UPSTREAM/32" dev lo
    dnsmasq --keep-in-foreground --conf-file=/dev/null --no-hosts --no-resolv --user=root --pid-file= \
        --bind-interfaces --listen-address="$UPSTREAM" $ANSWERS > "$TREE/tmp/upstream" 2>&1 &
    until_said "$TREE/tmp/upstream" started
fi
if [ -e "$CONFIG/etc/chrony" ]; then
    # -x: the clock is the host's, and stays as it is
    mount -t tmpfs -o mode=0755 tmpfs "$TREE/var/lib/chrony"
    chroot "$TREE" chown _chrony: /var/lib/chrony
    cp "$CONFIG/etc/chrony/chrony.conf" "$TREE/tmp"
    chroot "$TREE" chronyd -x -d -f /tmp/chrony.conf > "$TREE/tmp/time" 2>&1 &
    until_said "$TREE/tmp/time" 'Initial frequency|Disabled control|Fatal'
fi
cat > "$TREE/tmp/lease" <<'END'
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
busybox ip addr flush dev "$interface"
busybox ip addr add "$ip/$mask" dev "$interface"
busybox env > /tmp/given
END
chmod 755 "$TREE/tmp/lease"
for mac in $MACS; do
    at ip link set "$LAN" down
    at ip link set "$LAN" address "$mac" up
    rm -f "$TREE/tmp/given"
    at chroot "$TREE" busybox udhcpc -f -q -n -t 4 -T 1 -i "$LAN" -s /tmp/lease $CODES > "$TREE/tmp/udhcpc" 2>&1 || true
    echo "LEASE $mac"
    cat "$TREE/tmp/given" || true
done
for name in $NAMES; do
    echo "NAME $name"
    at chroot "$TREE" busybox nslookup "$name" "$GATEWAY" || true
done
if [ -e "$CONFIG/etc/chrony" ]; then
    echo "NAME time"
    at chroot "$TREE" chronyd -Q -t 8 "server $GATEWAY iburst" 2>&1 || true
fi
kill -0 $networkd $resolved && echo ALIVE
"""


def lan(
    config: Path,
    name: str,
    gateway: str,
    macs: list[str],
    names: list[str] = (),
    codes: list[int] = (),
    answers: dict[str, list[str]] | None = None,
) -> tuple[dict, dict]:
    """udhcpc's variables by MAC address, none without a lease; resolved names and addresses by query.

    `time`: the client's clock error in seconds, if the gateway tells the time. answers: of a DNS server at UPSTREAM, which
    the profile must name, the addresses of names.
    """
    told = [f"--address=/{name}/{address}" for name, addresses in (answers or {}).items() for address in addresses]
    words = {"MACS": " ".join(macs), "NAMES": " ".join(names), "CODES": " ".join(f"-O {code}" for code in codes)}
    words |= {"ANSWERS": " ".join(told), "UPSTREAM": UPSTREAM}
    said = debian_oracle.ask(debian_oracle.ENTER + SERVE, config, LAN=name, GATEWAY=gateway, **words)
    assert said.endswith("ALIVE\n"), said[-2000:]
    parts = re.split(r"^(LEASE|NAME) (\S+)\n", said, flags=re.M)[1:]
    leases, found = {}, {}
    for kind, key, text in zip(parts[::3], parts[1::3], parts[2::3]):
        if kind == "LEASE":
            leases[key] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        elif key == "time":
            found[key] = re.findall(r"System clock wrong by (\S+) seconds", text)
        else:
            found[key] = sorted(set(re.findall(r"(?:^Address: |arpa\tname = )(\S+)$", text, re.M)) - {f"{gateway}:53"})
    return leases, found
