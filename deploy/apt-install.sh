#!/bin/sh
# Installs packages of Debian where we may: as root, or with a sudo that asks nothing. Says nothing of what apt-get says
# unless it fails. Status 1 if we may not, or if it failed.
#
#   deploy/apt-install.sh PACKAGE...
set -eu

command -v apt-get >/dev/null 2>&1 || exit 1
if [ "$(id -u)" -eq 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    exit 1
fi

said=$(mktemp)
trap 'rm -f "$said"' EXIT
echo "installing $* with apt-get ..." >&2
$sudo apt-get update -qq >"$said" 2>&1 || echo "apt-install: apt-get update failed, trying with the lists at hand" >&2
# shellcheck disable=SC2086  # no sudo is no word
if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>"$said" 2>&1; then
    cat "$said" >&2
    exit 1
fi
