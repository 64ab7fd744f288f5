"""Checks of generated files by Debian 13's own networkd, udev, resolved, nft and chrony, in a chroot of the tools tree.

Each check runs in private network, mount and process namespaces; nothing of the host is touched.
Every function returns complaints: none means that the program accepts the files silently.
"""

import functools
import re
import subprocess
from pathlib import Path

from gwimage.build import host, tools
from gwimage.build.progress import Steps

# networkd and resolved drop to their own users; with a read-only /sys networkd does not wait for udev
ENTER = r"""
set -eu
mount --bind "$TREE" "$TREE"
mount -t proc proc "$TREE/proc"
mount -t sysfs -o ro sys "$TREE/sys"
for dir in run tmp dev etc/systemd; do mount -t tmpfs -o mode=0755 tmpfs "$TREE/$dir"; done
for name in null zero urandom random; do touch "$TREE/dev/$name"; mount --bind "/dev/$name" "$TREE/dev/$name"; done
cp -r "$CONFIG/etc/systemd/." "$TREE/etc/systemd/"
chmod -R a+rX "$TREE/etc/systemd"
mkdir -p "$TREE/run/systemd/netif" "$TREE/run/systemd/resolve"
chroot "$TREE" chown systemd-network: /run/systemd/netif
chroot "$TREE" chown systemd-resolve: /run/systemd/resolve
ip link set lo up
export SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_COLOR=0 SYSTEMD_LOG_TIME=0
until_said() { # LOG PATTERN: wait for a line, 10 s at most
    tries=0
    until grep -qE "$2" "$1"; do tries=$((tries + 1)); [ $tries -lt 200 ] || break; sleep 0.05; done
}
"""
NETWORKD = r"""
# as PID 1 would (ImportCredential= of the unit); a key that is not baked in comes from the hypervisor
export CREDENTIALS_DIRECTORY=/run/credentials/systemd-networkd.service
mkdir -p "$TREE$CREDENTIALS_DIRECTORY"
for name in $(grep -rhoE '@network\.wireguard\.[a-z0-9.-]+' "$CONFIG/etc/systemd/network" | tr -d @); do
    cp "$CONFIG/etc/credstore/$name" "$TREE$CREDENTIALS_DIRECTORY/" 2> /dev/null ||
        head -c 32 /dev/urandom | base64 > "$TREE$CREDENTIALS_DIRECTORY/$name"
done
chroot "$TREE" chown -R systemd-network: "$CREDENTIALS_DIRECTORY"
chroot "$TREE" /usr/lib/systemd/systemd-networkd > "$TREE/tmp/log" 2>&1 & daemon=$!
until_said "$TREE/tmp/log" '^(Enumeration completed|Started\.|Could not)'
kill $daemon; wait $daemon || true
ip link add oracle type veth peer name oracle-peer
chroot "$TREE" udevadm test-builtin net_setup_link /sys/class/net/oracle >> "$TREE/tmp/log" 2>&1 || true
cat "$TREE/tmp/log"
"""
RESOLVED = r"""
chroot "$TREE" /usr/lib/systemd/systemd-resolved > "$TREE/tmp/log" 2>&1 & daemon=$!
until_said "$TREE/tmp/log" "Defaulting to hostname|Using system hostname|Failed"
sleep 0.3
kill $daemon; wait $daemon || true
cat "$TREE/tmp/log"
"""
FINE = re.compile(
    r"Successfully loaded\.$|^Parsed configuration file|Config file .* is applied|^Trying to open|inotify"
    r"|^/etc/systemd/network: |ID_NET_LINK_FILE|: Found matching \.net(work|dev) file: |: Configuring with "
)


@functools.cache
def tree() -> Path:
    """The tools tree of the build: Debian 13's programs."""
    steps = Steps(host.cache() / "test.log")
    mirror = host.mirror()
    return tools.tree(steps, tools.mkosi(steps, mirror), mirror)


def networkd(config: Path) -> list[str]:
    """Complaints about .network, .netdev, .link and networkd.conf; every file must have been loaded."""
    log = ask(ENTER + NETWORKD, config)
    assert "Enumeration completed" in log, log[-2000:]
    names = [path.name for path in (config / "etc/systemd/network").iterdir()]
    read = [name for name in names if name.endswith((".network", ".netdev"))]
    missing = [f"{name}: not loaded" for name in read if f"/{name}: Successfully" not in log]
    return _complaints(log) + missing


def resolved(config: Path) -> list[str]:
    log = ask(ENTER + RESOLVED, config)
    assert "hostname" in log, log[-2000:]  # it reached its own configuration
    return _complaints(log)


def nft(file: Path) -> list[str]:
    """Complaints of Debian 13's `nft -c` with this host's kernel."""
    argv = ["unshare", "--net", "chroot", str(tree()), "nft", "-c", "-f", "-"]
    done = subprocess.run(argv, input=file.read_text(), capture_output=True, text=True, timeout=60, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line] + ["failed"] * bool(done.returncode)


def chrony(config: Path) -> list[str]:
    """Complaints of Debian 13's `chronyd -p`, which only reads its configuration."""
    script = (
        'cp "$CONFIG/etc/chrony/chrony.conf" "$TREE/tmp"; chroot "$TREE" chronyd -p -f /tmp/chrony.conf 2>&1 >/dev/null || true'
    )
    return ask(ENTER + script, config).splitlines()


def units(files: list[Path]) -> list[str]:
    """Complaints of Debian 13's `systemd-analyze verify`, without those about missing executables."""
    script = ENTER + 'SYSTEMD_LOG_LEVEL=notice chroot "$TREE" systemd-analyze verify --man=no $UNITS 2>&1 || true'
    names = " ".join(f"/etc/systemd/system/{file.name}" for file in files)
    log = ask(script, files[0].parents[3], UNITS=names)
    return [line for line in log.splitlines() if any(file.name in line for file in files) and "is not executable" not in line]


def after(unit: str, config: Path) -> set[str]:
    """The units that one of Debian 13's own starts after, with the units and drop-ins of a configuration beside them."""
    # what it shows at the log level debug
    script = ENTER + 'chroot "$TREE" systemd-analyze verify --man=no "$UNIT" 2> /dev/null || true'
    shown = ask(script, config, UNIT=unit)
    assert f"Unit {unit}:" in shown, shown
    return set(re.findall(r"(?m)^\s*After: (\S+)", shown))


def ask(script: str, config: Path, **variables: str) -> str:
    argv = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", script]
    env = {"TREE": str(tree()), "CONFIG": str(config), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **variables}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _complaints(log: str) -> list[str]:
    return [
        line
        for line in log.splitlines()
        if re.search(r"/etc/systemd/(network|networkd\.conf|resolved\.conf)", line) and not FINE.search(line)
    ]
