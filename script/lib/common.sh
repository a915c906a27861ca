# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What every script starts with: the checkout as working directory, and how to speak to the user.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit

say() {
    printf '%s\n' "$*" >&2
}

die() {
    say "${0##*/}: $*"
    exit 2
}

# Prints the comment block that starts with "# Usage:" in the calling script.
usage() {
    sed -n '/^# Usage:/,/^[^#]/{/^#/s/^# \{0,1\}//p}' "$ROOT/script/${0##*/}"
}

# Answers --help and ends, when it is the first argument.
help_if_asked() {
    case "${1:-}" in
    -h | --help)
        usage
        exit 0
        ;;
    esac
}

# The directory that holds Valkey and Redis to compare with; script/peers fills it.
peers_directory() {
    printf '%s\n' "${STRATA_PEERS:-$ROOT/.peers/sid}"
}
