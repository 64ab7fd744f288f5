#!/bin/sh
# The door to gwimage: installs what this host lacks, then hands over.
#
#   ./build.sh           build and verify the image of profiles/homelab.yaml
#   ./build.sh test      run all tests
#   ./build.sh bench     all figures, beside the gateway that people make by hand (bench/report.py)
#   ./build.sh ARG...    gwimage ARG..., for example ./build.sh check my.yaml
set -eu

here=$(cd "$(dirname "$0")" && pwd)
case ${XDG_CACHE_HOME:-} in /*) cache=$XDG_CACHE_HOME/gwimage ;; *) cache=$HOME/.cache/gwimage ;; esac
PATH=$PATH:/usr/sbin:/sbin

say() { echo "build.sh: $*" >&2; }

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

lacking() { # packages that bring the commands and files this host does not have
    while read -r package things; do
        found=${package:+no}
        for thing in $things; do
            command -v "$thing" > /dev/null || [ -e "$thing" ] && found=yes
        done
        [ "$found" != no ] || echo "$package"
    done <<EOF
qemu-system-x86 qemu-system-x86_64
qemu-utils qemu-img
ovmf /usr/share/OVMF/OVMF_CODE_4M.fd /usr/share/pve-edk2-firmware/OVMF_CODE_4M.fd
dnsmasq-base dnsmasq
udhcpc udhcpc
e2fsprogs mkfs.ext4 e2fsck debugfs dumpe2fs
wireguard-go wireguard-go
iproute2 ip
tcpdump tcpdump
util-linux unshare nsenter
mount mount
uidmap newuidmap
$1
EOF
    python3 -c 'import ensurepip' 2> /dev/null || echo python3-venv
}

install_lacking() { # ["PACKAGE COMMAND..." lines for the tests]
    packages=$(lacking "${1:-}")
    if [ -n "$packages" ] && [ "$(id -u)" != 0 ] && ! command -v sudo > /dev/null; then
        say "this host lacks packages, and without sudo only root can install them. As root, once:"
        echo "apt-get update && apt-get install --no-install-recommends" $packages >&2
        exit 3
    fi
    apt-get indextargets --format '$(LABEL)' | grep -qx Debian && [ -z "$packages" ] && return
    say "reading package lists (apt-get update)"
    as_root apt-get -qq update || say "some package lists could not be read; going on with the others"
    [ -n "$packages" ] || return 0
    say "this host lacks:" $packages
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -y install --no-remove --no-install-recommends $packages > /dev/null || {
        say "apt did not install them; it may not remove anything for them. Install these yourself:" $packages
        exit 3
    }
}

python() { # the interpreter of a virtual environment with what pyproject.toml asks for
    key=$(python3 -c 'import sys; print(sys.executable, sys.version)' | cat - "$here/pyproject.toml" | sha256sum | cut -c 1-12)
    venv=$cache/venv-$key
    if [ ! -e "$venv/ready" ]; then
        say "installing gwimage's Python packages (once)"
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python" -c '
import tomllib
project = tomllib.load(open("'"$here"'/pyproject.toml", "rb"))["project"]
print("\n".join(project["dependencies"] + project["optional-dependencies"]["test"]))' > "$venv/requirements.txt"
        "$venv/bin/pip" -q --disable-pip-version-check install -r "$venv/requirements.txt" >&2
        touch "$venv/ready"
    fi
    echo "$venv/bin/python"
}

if [ "${1:-}" = test ] && [ "$(id -u)" != 0 ]; then
    say "the tests need root, for chroot and network namespaces: sudo ./build.sh test"
    exit 2
fi
[ "${1:-}" = test ] && for_tests='nftables nft
openssh-client ssh
procps ps'
install_lacking "${for_tests:-}"
python=$(python)
export PYTHONPATH="$here"
case ${1:-} in
    '')
        cd "$here"
        "$python" -m gwimage build profiles/homelab.yaml
        exec "$python" -m gwimage verify profiles/homelab.yaml
        ;;
    test)
        shift
        cd "$here"
        # more than there are processors: much of the time is waiting for silence
        exec "$python" -m pytest -n $(($(nproc) + 2)) --maxprocesses 5 --dist loadscope --no-loadscope-reorder "$@"
        ;;
    bench)
        shift
        cd "$here"
        exec "$python" -m bench.report "$@"
        ;;
    *) exec "$python" -m gwimage "$@" ;;
esac
