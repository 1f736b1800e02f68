# examine PACKAGE... -- SERVICE... : prints what the role wants to know of a host, as JSON.
# shellcheck shell=sh
set -eu

missing=
while [ "$1" != -- ]; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null) in
        ?i*) ;;
        *) missing="$missing${missing:+, }\"$1\"" ;;
    esac
    shift
done
shift

init=other
down=
if [ -d /run/systemd/system ]; then
    init=systemd
    for service in "$@"; do
        systemctl -q is-active "$service" && systemctl -q is-enabled "$service" ||
            down="$down${down:+, }\"$service\""
    done
fi

# Only what os-release promises to be plain goes into the answer as it is.
. /etc/os-release
printf '{ "system": "%s", "pretty": "%s", "machine": "%s", "init": "%s", "missing": [%s], "down": [%s] }\n' \
    "${ID:-unknown}-${VERSION_ID:-unknown}" "$(printf %s "${PRETTY_NAME:-an unknown system}" | tr -dc 'A-Za-z0-9 ()./_-')" \
    "$(uname -m)" "$init" "$missing" "$down"
