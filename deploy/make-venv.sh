#!/bin/sh
# Makes or refreshes a virtual environment with exactly pinned packages, and puts this checkout into it.
#
#   deploy/make-venv.sh DIRECTORY REQUIREMENTS
#
# PYTHON=... chooses the interpreter, by name or path; otherwise the first of python3, python3.13, .12, .11 that is 3.11 or newer.
set -eu

venv=$1
requirements=$2
root=$(cd "$(dirname "$0")/.." && pwd)

fail() {
    echo "make-venv: $*" >&2
    exit 1
}

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    # Where pyenv keeps an interpreter, its own python3.13 is a stand-in that refuses unless that version is chosen.
    kept=$(ls -d "$HOME/.pyenv/versions/${PYTHON#python}".*/bin/"${PYTHON:-none}" 2>/dev/null || true)
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11} $kept; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
}

apt_install() {
    sh "$root/deploy/apt-install.sh" "$@"
}

has_pip() {
    "$venv/bin/python" -m pip --version >/dev/null 2>&1
}

make_venv() {
    python=$(find_python)
    [ -n "$python" ] || [ -z "${PYTHON:-}" ] || fail "$PYTHON is no Python 3.11 or newer"
    [ -n "$python" ] || { apt_install python3 python3-venv && python=$(find_python); }
    [ -n "$python" ] || fail "no Python 3.11 or newer found; install one, or name it: make PYTHON=/path/to/python3"
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        apt_install "python$version-venv" ||
            fail "$python cannot make virtual environments; as root: apt-get install python$version-venv"
    fi
    "$python" -m venv --clear "$venv" || fail "$python -m venv $venv failed"
}

if ! has_pip || ! is_new_enough "$venv/bin/python"; then
    echo "making the virtual environment $venv ..." >&2
    make_venv
fi

echo "installing the packages of $requirements into $venv ..." >&2
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The locks hold setuptools too, which builds the entry in the next step without the network.
"$venv/bin/python" -m pip install -qq --prefer-binary --require-hashes --no-deps -r "$requirements" ||
    fail "pip could not install the packages of $requirements (see above; is the network there?)"
"$venv/bin/python" -m pip install -qq --no-deps --no-build-isolation --config-settings editable_mode=compat \
    -e "$root" || fail "pip could not install this checkout into $venv"
