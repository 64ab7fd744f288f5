"""What Proxmox's machine type q35 has besides i440fx: OVMF firmware, and PCI bridges before the cards."""

from pathlib import Path

from gwimage.problem import ToolError

# PVE's, which could do Secure Boot, with variables that hold no keys: it is off
_FIRMWARE = [
    (Path(folder, f"OVMF_CODE{size}.secboot.fd"), Path(folder, f"OVMF_VARS{size}.fd"))
    for folder, size in (
        ("/usr/share/OVMF", "_4M"),
        ("/usr/share/pve-edk2-firmware", "_4M"),
        ("/usr/share/OVMF", ""),
    )
]
# PVE's pve-q35-4.0.cfg, as far as it moves the cards: root ports are buses 1-4, net0 sits on 6.
BRIDGES = [
    *(
        f"pcie-root-port,id=ich9-pcie-port-{n},multifunction=on,bus=pcie.0,addr=1c.{n - 1},port={n},chassis={n}"
        for n in (1, 2, 3, 4)
    ),
    "i82801b11-bridge,id=pcidmi,bus=pcie.0,addr=1e.0",
    "pci-bridge,id=pci.0,bus=pcidmi,addr=1.0,chassis_nr=1",
]


def firmware() -> tuple[Path, Path]:
    """OVMF's code and its blank variables. Raises ToolError if there is none."""
    for pair in _FIRMWARE:
        if all(path.exists() for path in pair):
            return pair
    raise ToolError(["qemu-system-x86_64"], 0, "no OVMF firmware found (Debian package ovmf)")
