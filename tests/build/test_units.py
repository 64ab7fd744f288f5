"""The order of the image's units, as Debian 13's systemd reads it."""

import shutil

import pytest

from gwimage.seed import stock_image
from tests.support import debian_oracle
from tests.support.paths import ROOT

IMAGE = ROOT / "gwimage/image/mkosi.extra"
UNITS = "usr/lib/systemd/system"


def brought(kind: str) -> list[str]:
    """Units and drop-ins of our images, or those that a seed brings to a stock image."""
    if kind == "stock":
        return [path for path in stock_image.PARTS if path.startswith(UNITS)]
    return [str(path.relative_to(IMAGE)) for path in (IMAGE / UNITS).rglob("*.*") if path.is_file()]


@pytest.mark.parametrize("kind", ["ours", "stock"])
def test_the_dns_server_listens_before_anyone_has_a_lease(tmp_path, kind):
    """networkd gives leases and announces DNS servers to IPv6; a unit of type notify is started when it listens."""
    for path in brought(kind):
        to = tmp_path / "etc/systemd/system" / path.removeprefix(f"{UNITS}/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(IMAGE / path, to)
    assert "systemd-resolved.service" in debian_oracle.after("systemd-networkd.service", tmp_path)
    assert "systemd-networkd.service" not in debian_oracle.after("systemd-resolved.service", tmp_path)


def test_a_stock_image_gets_all_that_networkd_needs():
    needed = {str(path.relative_to(IMAGE)) for path in (IMAGE / UNITS / "systemd-networkd.service.d").iterdir()}
    assert needed <= set(stock_image.PARTS)
