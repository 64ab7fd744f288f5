"""The administrator's view: SSH from a client on the LAN to the real gateway. Runs inside the lab's world."""

import subprocess

from gwimage.lab.course import Job
from gwimage.lab.gateway import Gateway
from gwimage.lab.hosts import Hosts, wait_for
from gwimage.lab.netns import run
from gwimage.lab.qemu import Machine, acceleration
from gwimage.lab.topology import derive

SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=60 -o LogLevel=ERROR"


def log_in(say, job: Job, key: str, target: str, command: str) -> dict[str, str]:
    """What the command printed by key, and what SSH said without one."""
    hosts = Hosts(derive(job.profile), job.dir)
    machine = Machine(job.image, job.shape, hosts.topology.cards, job.dir, acceleration())
    hosts.start()
    machine.prepare()
    gateway = Gateway(machine, 180)
    gateway.start(control=False)
    hosts.ask_for_leases()
    assert wait_for(lambda: gateway.ready() and hosts.lease("lan"), 180, gateway.alive)
    client = ["nsenter", "--net=/run/netns/client-lan", *SSH.split()]
    by_key = run([*client, "-o", "BatchMode=yes", "-i", key, target, command])
    other = [*client, "-o", "BatchMode=yes", "-o", "IdentityAgent=none", "-o", "IdentitiesOnly=yes", "-i", "/dev/null"]
    without = subprocess.run([*other, target, command], capture_output=True, text=True, check=False)
    gateway.stop()
    return {"by key": by_key, "without": without.stdout + without.stderr}
