"""Host facilities: cache directory, Debian mirror, installed commands. Changes nothing outside the cache."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gwimage.problem import ToolError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Mirror:
    """Debian mirror: base URLs of the main and the security archive."""

    main: str
    security: str | None = None

    def sources(self, suite: str) -> str:
        """deb822 sources (sources.list(5)) of one suite, signed by Debian's keyring."""
        blocks = [(self.main, suite if suite == "sid" else f"{suite} {suite}-updates")]
        if self.security and suite != "sid":
            blocks.append((self.security, f"{suite}-security"))
        return "\n".join(
            f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {KEYRING}\n" for uri, suites in blocks
        )


def cache() -> Path:
    """Cache directory ${XDG_CACHE_HOME:-~/.cache}/gwimage, created if missing."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or "")
    path = (base if base.is_absolute() else Path.home() / ".cache") / "gwimage"
    path.mkdir(parents=True, exist_ok=True)
    return path


def mirror(given: str | None = None) -> Mirror:
    """Mirror of the host's own apt (apt-get(8), indextargets); `given` replaces its main archive only.

    Raises ToolError if apt knows no Debian archive.
    """
    argv = ("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
    found = {}
    for line in output(argv).splitlines():
        label, _, uri = line.partition(" ")
        if uri := _server(uri):
            found.setdefault(label, uri)
    if given or "Debian" in found:
        return Mirror(given or found["Debian"], found.get("Debian-Security"))
    raise ToolError(argv, 1, "apt knows no Debian archive on a server; run `apt-get update`, or give --mirror URL")


def _server(uri: str) -> str:
    """HTTP URL of a repository, or empty; resolves the mirror lists of Debian's cloud images (apt-transport-mirror(1))."""
    if uri.startswith("mirror+file:"):
        words = Path(uri.removeprefix("mirror+file:").rstrip("/")).read_text().split()
        uri = next((word for word in words if word.startswith(("http:", "https:"))), "")
    return uri if uri.startswith(("http:", "https:")) else ""


def output(argv: tuple[str, ...]) -> str:
    """Standard output of a short command. Raises ToolError if it is missing or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ToolError(argv, 127, f"{argv[0]}: not installed") from error
    if done.returncode:
        raise ToolError(argv, done.returncode, done.stderr)
    return done.stdout


def lacking(commands: dict[str, str]) -> list[str]:
    """Debian packages to install for the missing commands of {command: package}, sorted.

    Looks for the commands, not for installed packages.
    """
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return sorted({package for command, package in commands.items() if not shutil.which(command, path=path)})
