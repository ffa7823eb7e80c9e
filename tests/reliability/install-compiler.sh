#!/bin/sh
# Installs Debian's C compiler, which tests/reliability needs, where we may: as root, or with sudo that asks nothing.
set -eu

fail() {
    echo "install-compiler: $*" >&2
    exit 1
}

command -v apt-get >/dev/null 2>&1 || fail "no C compiler (gcc or cc) found, and no apt-get to install one with"
if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    fail "no C compiler (gcc or cc) found; as root: apt-get install gcc libc6-dev"
fi
echo "installing gcc and libc6-dev with apt-get ..." >&2
$sudo apt-get update -qq >&2 || echo "install-compiler: apt-get update failed, trying with the lists at hand" >&2
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev >&2
