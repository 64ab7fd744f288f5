"""Building: what a failed, killed or second build leaves behind. The real mkosi runs."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from gwimage.build import host, image
from gwimage.build.host import Mirror
from gwimage.build.progress import Steps
from gwimage.compiler import compile
from gwimage.language import source
from gwimage.plan import File
from gwimage.problem import ToolError
from tests.support.paths import ROOT

HOMELAB = ROOT / "profiles" / "homelab.yaml"
GWIMAGE = [sys.executable, "-m", "gwimage"]


def test_a_failed_build_says_why_and_changes_nothing(tmp_path):
    files = compile(source.read(str(HOMELAB)))[0] | {"mkosi.conf.d/99.conf": File("[Output]\nNoSuchSetting=1\n")}
    (tmp_path / "homelab_1.0.0_amd64.raw").write_text("the image of yesterday")
    steps = Steps(tmp_path / "log", out=open(os.devnull, "w"))
    with pytest.raises(ToolError) as error:
        image.build(files, "homelab_1.0.0_amd64", tmp_path, steps, host.mirror())
    assert "NoSuchSetting" in error.value.stderr
    assert str(tmp_path / "log") in error.value.stderr
    assert "NoSuchSetting" in (tmp_path / "log").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["homelab_1.0.0_amd64.raw", "log"]
    assert (tmp_path / "homelab_1.0.0_amd64.raw").read_text() == "the image of yesterday"


def test_nft_is_asked_about_raw_rules_before_anything_is_built(tmp_path):
    rules = "[ip saddr 10.0.0.9 drop, 'ip saddr 10.0.0.9 tcp dprot 25 drop', masquerade, 'ip saddr @wans drop']"
    profile = tmp_path / "raw.yaml"
    profile.write_text(
        f"{HOMELAB.read_text()}firewall:\n  raw:\n    input: {rules}\n    srcnat: [ip daddr 10.0.0.9 masquerade]\n"
    )
    argv = [*GWIMAGE, "build", str(profile), "-o", str(tmp_path / "out")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    said = re.findall(r"error: nft says: (.*)", done.stderr)
    assert done.returncode == 1
    assert said == [
        "syntax error, unexpected string [firewall.raw.input.1]",
        "datatype mismatch, expected IPv4 address, expression has type network interface name [firewall.raw.input.3]",
    ]
    profile.write_text(profile.read_text().replace(rules, "[masquerade]"))  # only the kernel can tell, once all else is right
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert re.findall(r"error: nft says: (.*)", done.stderr) == [
        "Could not process rule: Operation not supported [firewall.raw.input.0]"
    ]
    assert [path.suffix for path in (tmp_path / "out").iterdir()] == [".log"]


def test_raw_rules_that_nft_takes(tmp_path):
    text = (ROOT / "tests/cases/raw/profile.yaml").read_text()
    files = compile(source.parse(text, "p"))[0]
    assert image.check_raw_rules(files, Steps(tmp_path / "log", open(os.devnull, "w")), host.mirror()) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_build_leaves_no_image_and_no_mkosi(tmp_path, how):
    out = tmp_path / "out"
    with subprocess.Popen(
        [*GWIMAGE, "build", str(HOMELAB), "-o", str(out)],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    ) as process:
        try:
            assert wait_for(lambda: list(out.glob(".building-*/scratch/*")), process), "mkosi did not start"
            process.send_signal(how)
            process.wait(60)
        finally:
            process.kill()
    assert process.returncode
    assert wait_for(lambda: not session(process.pid)), "something of the build goes on"
    assert not list(out.glob("homelab*.raw")) + list(out.glob("homelab*.qcow2"))
    if how == signal.SIGKILL:  # the next build cleans up after it
        assert list(out.glob(".building-*"))
        image._sweep(out)
    assert [path.name for path in out.iterdir()] == ["homelab_1.0.0_amd64.log"]


def test_the_mirror_comes_from_apt_or_from_the_user():
    own = host.mirror()
    assert own.main.startswith("http")
    given = host.mirror("https://mirror.example/debian")
    assert given == Mirror("https://mirror.example/debian", own.security)
    assert "URIs: https://mirror.example/debian\nSuites: trixie trixie-updates\n" in given.sources("trixie")
    text = Mirror("https://mirror.example/debian", "https://mirror.example/security").sources("trixie")
    assert "URIs: https://mirror.example/security\nSuites: trixie-security\n" in text


def test_a_mirror_list_and_a_cdrom_are_no_servers(tmp_path):
    (tmp_path / "list").write_text("https://mirror.example/debian\n")
    assert host._server(f"mirror+file:{tmp_path}/list/") == "https://mirror.example/debian"
    assert host._server("cdrom://Debian/") == ""


def session(leader: int) -> list[str]:
    """Processes that still run in the session of a killed leader."""
    argv = ["ps", "-s", str(leader), "-o", "args="]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()


def wait_for(answer, process=None, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not answer():
        if time.monotonic() > deadline or (process and process.poll() is not None):
            return False
        time.sleep(0.05)
    return True
