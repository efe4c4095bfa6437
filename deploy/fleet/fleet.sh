#!/bin/sh
# Secrets and devices of a fleet: certificates, passwords, the broker's list of names.
# It starts nothing: `docker compose up -d` does. Needs openssl, and mosquitto_passwd or docker.
set -eu
umask 077

here=$(cd "$(dirname "$0")" && pwd)
# Where secrets/, data/ and .env lie; tests put them elsewhere.
state=${FLEET_STATE:-$here}
secrets=$state/secrets
passwords=$secrets/mosquitto/passwords
image=$(sed -n 's/^ *image: \(eclipse-mosquitto:.*\)$/\1/p' "$here/compose.yaml")

usage() {
    cat <<'END'
usage: fleet.sh init HOST             make certificates and passwords; HOST is the name or the
                                      address under which devices reach this machine
       fleet.sh add NAME              let a device in; prints what the device needs
       fleet.sh add --to DIR NAME...  the same for many, as files in DIR/NAME/
       fleet.sh remove NAME...        let devices in no more
       fleet.sh list                  the devices that are let in
       fleet.sh renew                 a new certificate for the broker, from the same authority
NAME is the camera's name in the device's config: letters, digits, "-", "_" and ".".
END
}

fail() {
    echo "fleet.sh: $1" >&2
    exit "${2:-1}"
}

misuse() {
    echo "fleet.sh: $1" >&2
    usage >&2
    exit 2
}

ready() {
    [ -f "$passwords" ] || fail "no secrets in $secrets; run \`fleet.sh init HOST\` first"
}

# A file that a container's own user must read: nobody else gets as far, the folder is closed.
put() {
    printf '%s' "$2" >"$secrets/$1"
    chmod "$3" "$secrets/$1"
}

random() {
    openssl rand -hex 24
}

# Appends the lines NAME:PASSWORD of the file `new` to the broker's list, with hashes in the
# passwords' place. No password is on a command line.
enrol() {
    new=$secrets/mosquitto/new
    if command -v mosquitto_passwd >/dev/null 2>&1; then
        mosquitto_passwd -U "$new" || fail "mosquitto_passwd could not hash the passwords"
    else
        docker run --rm --network none --user "$(id -u):$(id -g)" \
            -v "$secrets/mosquitto:/enrol" "$image" mosquitto_passwd -U /enrol/new ||
            fail "cannot hash passwords; install mosquitto_passwd (Debian: mosquitto) or docker"
    fi
    ! grep -qv '^[^:]*:\$7\$' "$new" || fail "mosquitto_passwd left a password in $new unhashed"
    cat "$new" >>"$passwords"
    rm -f "$new"
}

# Under which user broker and collector read these files: who made them, or the broker image's own
# user where that is root.
owner() {
    if [ "$(id -u)" = 0 ]; then echo 1883:1883; else echo "$(id -u):$(id -g)"; fi
}

# Gives the files to that user and tells a running broker to read them again.
reload() {
    [ "$(id -u)" != 0 ] || chown -R "$(owner)" "$secrets" "$state/data"
    if [ "$state" = "$here" ] && command -v docker >/dev/null 2>&1 &&
        [ -n "$(cd "$here" && docker compose ps -q mosquitto 2>/dev/null)" ]; then
        (cd "$here" && docker compose kill -s HUP mosquitto >/dev/null)
        echo "the broker has read its files again" >&2
    fi
}

certificate() {
    host=$(cat "$secrets/host")
    case $host in
    *[!0-9.]*) name=DNS:$host ;;
    *) name=IP:$host ;;
    esac
    case $host in *:*) name=IP:$host ;; esac
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
        -keyout "$secrets/mosquitto/server.key" -out "$secrets/server.csr" \
        -subj "/CN=fleet broker" 2>/dev/null
    # `mosquitto` is what the collector calls it.
    cat >"$secrets/server.ext" <<END
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $name, DNS:mosquitto
END
    openssl x509 -req -in "$secrets/server.csr" -CA "$secrets/ca.pem" -CAkey "$secrets/ca.key" \
        -CAcreateserial -days 1095 -sha256 -extfile "$secrets/server.ext" \
        -out "$secrets/mosquitto/server.pem" 2>/dev/null ||
        fail "openssl could not make the broker's certificate; is $secrets/ca.key there?"
    rm -f "$secrets/server.csr" "$secrets/server.ext"
}

init() {
    [ $# = 1 ] || misuse "init needs the name or the address of this machine"
    case $1 in
    '' | *[!A-Za-z0-9.:-]*) misuse "$1 is no name and no address" ;;
    esac
    [ ! -e "$secrets" ] || fail "$secrets is there already; move it away to begin anew: every device then needs a new password"
    command -v openssl >/dev/null 2>&1 || fail "openssl is missing; install it"
    mkdir -p "$secrets/mosquitto" "$state/data/mosquitto"
    put host "$1" 600
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 7300 -sha256 \
        -keyout "$secrets/ca.key" -out "$secrets/ca.pem" -subj "/CN=fleet authority" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign 2>/dev/null
    certificate
    : >"$passwords"
    collector=$(random)
    printf 'collector:%s\n' "$collector" >"$secrets/mosquitto/new"
    enrol
    put collector_mqtt_password "$collector" 600
    for secret in postgres collector_db grafana_db grafana_admin; do
        put "${secret}_password" "$(random)" 644
    done
    cat >"$state/.env" <<END
# Made by fleet.sh. Read by docker compose.
FLEET_USER=$(owner)
# Days that single events are kept; counts for each hour stay.
FLEET_KEEP_DAYS=90
END
    reload
    echo "made $secrets; next: docker compose up -d, then fleet.sh add NAME for each device"
}

# A name that is no pattern, no other's part of a topic, and not the collector's.
check_name() {
    case $1 in
    '' | .* | -* | *[!A-Za-z0-9._-]*) misuse "$1 cannot be a device's name" ;;
    collector) misuse "the name collector is taken" ;;
    esac
    [ ${#1} -le 64 ] || misuse "$1 is longer than 64 letters"
}

known() {
    cut -d: -f1 "$passwords" | grep -qxF "$1"
}

# The part of the agent's config for a device.
lines() {
    printf '%s\n' "camera = \"$1\"" '' '[mqtt]' "host = \"$host\"" "port = $port" 'tls = true' \
        'ca_file = "/etc/edge-agent/fleet-ca.pem"' "username = \"$1\"" \
        'password_file = "/etc/edge-agent/mqtt-password"' 'spool = "/var/lib/edge-agent/mqtt"'
}

add() {
    ready
    to=
    if [ "${1:-}" = --to ]; then
        [ $# -ge 3 ] || misuse "add --to needs a folder and names"
        to=$2
        shift 2
    fi
    [ $# -ge 1 ] || misuse "add needs a name"
    [ -n "$to" ] || [ $# = 1 ] || misuse "many at once need --to DIR"
    for name in "$@"; do
        check_name "$name"
    done
    twice=$({
        cut -d: -f1 "$passwords"
        printf '%s\n' "$@"
    } | sort | uniq -d | head -n 1)
    [ -z "$twice" ] || fail "$twice is let in already; \`fleet.sh remove $twice\` first to give it a new password"
    host=$(cat "$secrets/host")
    port=$(sed -n 's/^FLEET_MQTT_PORT=//p' "$state/.env")
    : "${port:=8883}"

    # One random text, 48 letters for each.
    openssl rand -hex $((24 * $#)) | tr -d '\n' | fold -w 48 >"$secrets/drawn"
    exec 3<"$secrets/drawn"
    for name in "$@"; do
        read -r password <&3 || [ -n "$password" ]
        printf '%s:%s\n' "$name" "$password"
        if [ -n "$to" ]; then
            mkdir -p "$to/$name"
            lines "$name" >"$to/$name/agent-part.toml"
            printf '%s\n' "$password" >"$to/$name/mqtt-password"
            cp "$secrets/ca.pem" "$to/$name/fleet-ca.pem"
        fi
    done >"$secrets/mosquitto/new"
    exec 3<&-
    rm -f "$secrets/drawn"
    enrol
    if [ -z "$to" ]; then
        cat <<END
# On the device, as root:
install -m 644 /dev/stdin /etc/edge-agent/fleet-ca.pem <<'PEM'
$(cat "$secrets/ca.pem")
PEM
install -m 640 -g edge-agent /dev/stdin /etc/edge-agent/mqtt-password <<'PASSWORD'
$password
PASSWORD
# In /etc/edge-agent/agent.toml (camera above the first table):
$(lines "$name")
END
    fi
    reload
}

remove() {
    ready
    [ $# -ge 1 ] || misuse "remove needs a name"
    for name in "$@"; do
        check_name "$name"
        known "$name" || fail "there is no device $name"
    done
    for name in "$@"; do
        # As texts: awk takes 7 and 007 for the same number.
        awk -F: -v name="$name" '($1 "") != (name "")' "$passwords" >"$passwords.new"
        mv "$passwords.new" "$passwords"
    done
    reload
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
init) init "$@" ;;
add) add "$@" ;;
remove) remove "$@" ;;
list)
    ready
    cut -d: -f1 "$passwords" | grep -vx collector || true
    ;;
renew)
    ready
    certificate
    reload
    ;;
help | -h | --help) usage ;;
*) misuse "there is no command \"$command\"" ;;
esac
