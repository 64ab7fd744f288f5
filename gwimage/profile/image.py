"""`image`: kernel, additional packages, state partition size, kind of seed."""

from dataclasses import dataclass

SMALLEST, LARGEST = 64, 64 * 1024  # MiB


@dataclass(frozen=True)
class Image:
    """Image settings; kernel: cloud or generic; state_size in MiB; seed: cloud-init, native or none."""

    kernel: str = "cloud"
    packages: tuple[str, ...] = ()
    state_size: int = SMALLEST
    seed: str = "cloud-init"


def parse(data: dict) -> Image:
    image = data.get("image", {})
    kernel, size = image.get("kernel", "auto"), image.get("state_size", f"{SMALLEST}M")
    mebibytes = int(size[:-1]) * (1024 if size[-1] == "G" else 1)
    # auto means cloud: no feature of a profile needs more than the cloud kernel today
    return Image(
        "cloud" if kernel == "auto" else kernel, tuple(image.get("packages", ())), mebibytes, image.get("seed", "cloud-init")
    )
