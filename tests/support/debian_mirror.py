"""A Debian mirror at "http://mirror.example/ ./" for a machine in the lab: a few real packages, unsigned."""

import hashlib
import subprocess
import sys
from pathlib import Path

from gwimage.build import host, tools
from gwimage.lab.hosts import Hosts
from gwimage.lab.netns import spawn


def fill(folder: Path, names: tuple[str, ...]) -> None:
    """Downloads packages of Debian 13 with the host's apt, and writes the index."""
    root = folder / "apt"
    root.mkdir(parents=True)
    tools.apt(root, "trixie", host.mirror(), ("update",), ("download", *names))
    index = ""
    for file in sorted(root.glob("*.deb")):
        raw, target = file.read_bytes(), folder / file.name.replace("%3a", "_")
        target.write_bytes(raw)
        control = subprocess.run(["dpkg-deb", "--field", file], capture_output=True, text=True, check=True).stdout
        index += f"{control}Filename: ./{target.name}\nSize: {len(raw)}\nSHA256: {hashlib.sha256(raw).hexdigest()}\n\n"
    (folder / "Packages").write_text(index)


def serve(hosts: Hosts, folder: Path) -> None:
    """Serves the mirror from the ISP until the world ends."""
    hosts.stop_isp()
    hosts.start_isp(more=[f"--address=/mirror.example/{hosts.topology.outside}"])
    argv = [sys.executable, "-m", "http.server", "80", "--directory", str(folder)]
    spawn("isp", argv, hosts.dir / "mirror.log")
