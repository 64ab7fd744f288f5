"""Hints of servers that DHCP tells of, taken literally: then nothing is warned of, and the packets pass."""

import re

import pytest
import yaml
from click.testing import CliRunner

from gwimage.commands import main

ENTRY = re.compile(r"\{from: .*?\}")
TFTP = [("lan", "srv", "udp", 69), ("srv", "lan", "udp", 1024), ("srv", "lan", "udp", 65535)]
PROFILE = """version: 1
name: boot
release: 1.0.0
wans: {{wan: {{nic: net0, ipv4: dhcp}}}}
lans:
  lan: {{nic: net1, address: 10.10.10.1/24, dhcp: {{pool: 10.10.10.100-10.10.10.199, {told}}}}}
  srv: {{nic: net2, address: 10.10.20.1/24}}
"""
HOSTS = {"lan": "lan:10.10.10.100", "srv": "srv:10.10.20.5"}
BESIDE = [
    {"from": ["lan"], "to": ["srv"], "protocols": ["tcp"], "ports": [22]},
    {"from": ["srv"], "to": ["lan"], "protocols": ["udp"], "ports": [5000]},
]


@pytest.mark.parametrize("beside", [[], BESIDE], ids=["closed", "other ports open"])
@pytest.mark.parametrize(
    ("told", "asks"),
    [
        ("options: [{code: 150, type: ipv4, value: 10.10.20.5}]", TFTP),
        ("options: [{code: 66, type: string, value: 10.10.20.5}]", TFTP),
        ("pxe: {server: 10.10.20.5, file: boot.efi}", TFTP),
        ("pxe: {server: 10.10.20.5, file: 'http://10.10.20.5/boot.efi'}", [("lan", "srv", "tcp", 80)]),
        ("pxe: {server: 10.10.20.5, file: 'HTTPS://10.10.20.5/boot.efi'}", [("lan", "srv", "tcp", 443)]),
        ("pxe: {server: 10.10.10.5, file: 'http://10.10.20.5:8080/boot.efi'}", [("lan", "srv", "tcp", 8080)]),
        ("dns: [10.10.20.5]", [("lan", "srv", "udp", 53), ("lan", "srv", "tcp", 53)]),
        ("ntp: [10.10.20.5]", [("lan", "srv", "udp", 123)]),
    ],
)
def test_hints_taken_literally_open_the_way(tmp_path, told, asks, beside):
    file, entries = tmp_path / "boot.yaml", list(beside)
    for _ in range(4):
        file.write_text(PROFILE.format(told=told) + yaml.safe_dump({"firewall": {"allow": entries}}) * bool(entries))
        checked = CliRunner().invoke(main.cli, ["check", "--strict", str(file)])
        if checked.exit_code == 0:
            break
        hinted = [yaml.safe_load(entry) for entry in ENTRY.findall(checked.output.partition("hint:")[2])]
        assert hinted, checked.output
        entries += hinted
    assert checked.exit_code == 0, checked.output
    for start, end, protocol, port in asks:
        words = ["--from", HOSTS[start], "--to", HOSTS[end], f"--{protocol}", str(port)]
        passes = CliRunner().invoke(main.cli, ["explain", str(file), *words])
        assert passes.exit_code == 0, passes.output
