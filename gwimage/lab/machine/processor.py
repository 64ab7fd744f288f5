"""The machine's processor: what Proxmox gives a VM without --cpu, with the limits of emulation where there is no KVM."""

import os
import subprocess
import time

_KVM = "kvm64,enforce,+kvm_pv_eoi,+kvm_pv_unhalt,+lahf_lm,+sep"


def acceleration() -> str:
    """`kvm` where it really runs a guest, else `tcg`: a nested /dev/kvm may open and then die."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    argv = ["qemu-system-x86_64", "-machine", "pc,accel=kvm", "-cpu", _KVM, "-m", "32"]
    argv += ["-nodefaults", "-display", "none", "-no-reboot", "-chardev", "stdio,id=log"]
    argv += ["-device", "isa-debugcon,iobase=0x402,chardev=log"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as qemu:
        os.set_blocking(qemu.stdout.fileno(), False)
        try:
            return "kvm" if _firmware_speaks(qemu, 3) else "tcg"
        finally:
            qemu.kill()


def _firmware_speaks(qemu: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether SeaBIOS logs its boot device, the end of its log: then guest code has run."""
    said = b""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and qemu.poll() is None:
        said += qemu.stdout.read() or b""
        if b"No bootable device" in said:
            return True
        time.sleep(0.05)
    return False


def cores(accel: str, wanted: int) -> int:
    """Number of cores; one under emulation: with two, QEMU 7.2 loses a race when the kernel patches its own text (an int3 oops)."""
    return wanted if accel == "kvm" else 1


def processor(accel: str, wanted: int) -> list[str]:
    """QEMU's arguments for the processor.

    Emulation hides cmpxchg16b: QEMU 7.2 now and then leaves a pointer's bits in EFLAGS after it, and the kernel, which
    allocates memory with it, dies of a double fault; seen with one core and with two.
    """
    cpu = _KVM if accel == "kvm" else "qemu64,-cx16"
    return ["-accel", accel, "-cpu", cpu, "-smp", str(cores(accel, wanted))]
