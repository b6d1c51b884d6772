#!/usr/bin/env bash
# Sets up all that Hark needs: usage  packaging/setup.sh run|test
#
# 1. system packages through apt, where they are missing and we may; else one line says which to install
# 2. a virtual environment in .venv, filled from requirements.lock (wheels only, every hash checked)
# 3. Hark itself in it, editable
#
# Each part leaves a stamp of what it was made from, so that a second run has nothing to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
purpose=${1:?usage: packaging/setup.sh run|test}
[[ $purpose == run || $purpose == test ]] || { echo "usage: packaging/setup.sh run|test" >&2; exit 2; }

say() { printf 'setup: %s\n' "$*" >&2; }
digest() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_stamped() { [[ -f .venv/stamps/$1 && $(<".venv/stamps/$1") == "$2" ]]; }
stamp() { mkdir -p .venv/stamps && printf '%s' "$2" >".venv/stamps/$1"; }

# --- system packages ---------------------------------------------------------------------------

wanted_packages() { # of the sections that serve this purpose
    awk -v test="$([[ $purpose == test ]] && echo 1)" '
        { sub(/#.*/, "") } /^\[/ { section = $1; next } NF && (section == "[run]" || test) { print $1 }
    ' packaging/system-packages.txt
}

missing_packages() { # a package counts as there when an installed one provides its name
    wanted_packages | sort -u | comm -23 - <(
        dpkg-query -W -f='${db:Status-Status}|${Package}, ${Provides}\n' |
            sed -n 's/^installed|//p' | tr ',' '\n' | sed 's/(.*//; s/ //g' | sort -u
    )
}

as_root() { # run a command as root; fails where we are not and may not become it
    if [[ $EUID == 0 ]]; then "$@"; elif command -v sudo >/dev/null; then sudo -n "$@"; else return 1; fi
}

updated=
apt_install() {
    as_root true 2>/dev/null || return 1
    if [[ -z $updated ]]; then
        as_root apt-get update -q >&2 || return 1
        updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
}

install_system_packages() {
    local stamp_now missing
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
        [[ $(uname -s) == Darwin ]] || say "no apt here: install what packaging/system-packages.txt names in your system's own way"
        return
    fi
    stamp_now=$(digest packaging/system-packages.txt)
    if is_stamped "system-$purpose" "$stamp_now"; then return; fi
    mapfile -t missing < <(missing_packages)
    if ((${#missing[@]})); then
        say "installing ${#missing[@]} system packages"
        if ! apt_install "${missing[@]}"; then
            say "please install, as root:  apt install ${missing[*]}"
            return
        fi
    fi
    stamp_system=$stamp_now
}

# --- Python ------------------------------------------------------------------------------------

is_usable() { # a Python of a version that Hark runs on, able to make a virtual environment
    "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if command -v "$candidate" >/dev/null && is_usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

install_python_packages() {
    local stamp_now python
    # The folder counts, too: a virtual environment cannot be moved.
    stamp_now=$(pwd | digest - requirements.lock pyproject.toml)
    if is_stamped python "$stamp_now" && .venv/bin/python -c '' 2>/dev/null; then return; fi
    if ! { is_usable .venv/bin/python && .venv/bin/python -m pip --version && grep -qF "$PWD/" .venv/bin/pip; } >/dev/null 2>&1; then
        if ! python=$(find_python); then
            say "no Python 3.11 to 3.13 with venv yet"
            if ! { command -v apt-get >/dev/null && apt_install python3 python3-venv && python=$(find_python); }; then
                say "please install Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt install python3-venv), or name one: make PYTHON=/path/to/python"
                exit 1
            fi
        fi
        say "making .venv with $python"
        rm -rf .venv
        "$python" -m venv .venv
    fi
    say "installing the Python packages of requirements.lock"
    # --no-deps: the lock file is complete, and leaves out what Hark does not use of a dependency's own list.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --require-hashes --no-deps --only-binary :all: -r requirements.lock
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input \
        --no-deps --no-build-isolation -e .
    stamp python "$stamp_now"
}

stamp_system=
install_system_packages
install_python_packages
if [[ -n $stamp_system ]]; then stamp "system-$purpose" "$stamp_system"; fi
