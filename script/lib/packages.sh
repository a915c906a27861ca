# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The packages of Debian 12, Debian 13 and Ubuntu that Strata needs, by what they are needed for.
# "a|b" is one need with several names: the first name that the distribution knows is installed.

packages_of() {
    case "$1" in
    build)
        echo gcc libc6-dev meson ninja-build "pkgconf|pkg-config" \
            libjemalloc-dev libxxhash-dev libssl-dev libluajit-5.1-dev lua-cjson-dev libcmocka-dev
        ;;
    test)
        echo python3 python3-pytest python3-pytest-timeout python3-redis shellcheck pyflakes3 clang-format util-linux procps openssl git
        ;;
    fuzz)
        echo clang "libclang-rt-dev|libclang-rt-19-dev|libclang-common-14-dev"
        ;;
    clients)
        echo libhiredis-dev lua5.1 lua-redis ruby ruby-redis ruby-sidekiq php-cli php-redis \
            python3-celery python3-rq prometheus-redis-exporter
        # Node.js from elsewhere than Debian brings its own npm.
        command -v npm >/dev/null || echo npm
        ;;
    peers)
        echo debootstrap debian-archive-keyring
        ;;
    *)
        return 1
        ;;
    esac
}

package_is_installed() {
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Prints the needs of the named groups that no installed package meets.
missing_needs() {
    local group need name
    for group in "$@"; do
        for need in $(packages_of "$group"); do
            for name in ${need//|/ }; do
                package_is_installed "$name" && continue 2
            done
            echo "$need"
        done
    done
}

package_is_known() {
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

# Prints for each need the first name that apt knows, or fails and prints the needs that have none.
resolve_needs() {
    local need name found=() unknown=()
    for need in "$@"; do
        for name in ${need//|/ }; do
            package_is_known "$name" || continue
            found+=("$name")
            continue 2
        done
        unknown+=("$need")
    done
    [[ ${#unknown[@]} -eq 0 ]] || found=("${unknown[@]}")
    echo "${found[*]}"
    [[ ${#unknown[@]} -eq 0 ]]
}
