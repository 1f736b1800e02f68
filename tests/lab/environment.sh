# shellcheck shell=bash
# A place to run a scenario in: a host, a guest image at a URL, and a node of this clone's build.
# Sourced by demo and scenario, which set:
#
#   env_name    of the pretend host, see there
#   env_dir     where all of it is kept; env_down removes it
#
# By default the host is a pretend one. HOST, USER and PASSWORD take a real one instead, to be
# reached over SSH, with NIC (of the flat network) and, where that host cannot fetch from this
# machine, IMAGE_URL. KVM=yes lets the VMs of a pretend host use /dev/kvm.

: "${env_name:=}" "${env_dir:=}"
lab=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
clone=$(realpath "$lab/../..")
state_dir=$clone/.demo
profile=${PROFILE:-dev}

step() { printf '\n==> %s\n' "$*" >&2; }
say() { printf '    %s\n' "$*" >&2; }
die() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# await SECONDS WHAT COMMAND... : until the command succeeds, or an end with WHAT
await() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@"; do
        [ $SECONDS -lt "$end" ] || die "$what"
        sleep 0.05
    done
}

is_taken() { (exec 7<>"/dev/tcp/127.0.0.1/$1"); } 2>/dev/null

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# ---- programs of this clone ----------------------------------------------------------------------

# Builds what runs, and only that; sets `bin` to the folder of the programs.
build() {
    local target programs=(cumulo cumulo-manager cumulo-kvm-agent cumulo-storage-agent)
    (cd "$clone" && cargo build --profile "$profile" "${programs[@]/#/--bin=}") >&2
    target=$(cd "$clone" && cargo metadata --no-deps --format-version 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    bin=$target/$profile
    [ "$profile" != dev ] || bin=$target/debug
}

# ---- daemons -------------------------------------------------------------------------------------

# A process is known by its number and its start time: numbers are used again.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# run_daemon FILE LOG COMMAND... : in a session of its own, its identity in FILE
run_daemon() {
    local file=$1 log=$2 pid
    shift 2
    setsid "$@" </dev/null >"$log" 2>&1 &
    pid=$!
    disown
    echo "$pid $(started_at "$pid")" >"$file"
}

is_running() {
    local pid since
    [ -f "$1" ] && read -r pid since <"$1" && [ -n "$since" ] && [ "$(started_at "$pid")" = "$since" ]
}

# stop_daemon FILE SECONDS : asks it to end, and makes it after that time
stop_daemon() {
    local pid end=$((SECONDS + $2))
    if is_running "$1"; then
        read -r pid _ <"$1"
        kill -TERM "$pid"
        while is_running "$1"; do
            [ $SECONDS -lt $end ] || kill -KILL "$pid" 2>/dev/null || true
            sleep 0.05
        done
    fi
    rm -f "$1"
}

# ---- the host ------------------------------------------------------------------------------------

# Each sets HOST_IP, HOST_USER, HOST_PASSWORD, NIC, IMAGE_URL and CALLBACK_LISTEN, and writes
# $env_dir/host-exec, a program that runs its one argument, a shell command line, on the host.
pretend_host_up() {
    HOST_USER=root HOST_PASSWORD=password
    "$lab/pretend-host" up --name "$env_name" --state "$env_dir/hosts" --password "$HOST_PASSWORD" \
        --nic-address 10.0.101.1/24 --serve "$env_dir/files" ${KVM:+--kvm} >"$env_dir/facts"
    # shellcheck source=/dev/null
    . "$env_dir/facts"
    IMAGE_URL=${IMAGE_URL:?}/guest.qcow2
    CALLBACK_LISTEN=${GATEWAY_IP:?}:7443 # for nobody but this host, and so free
    write_host_exec "$lab/pretend-host" run --name "$env_name" --state "$env_dir/hosts" -- bash -c
}

real_host_up() {
    local address port
    HOST_IP=$HOST HOST_USER=${USER:-root} HOST_PASSWORD=${PASSWORD:?for the host, besides HOST}
    CALLBACK_LISTEN=0.0.0.0:$(free_port)
    : "${NIC:?for a real HOST: the interface of its flat network}"
    (umask 077 && printf '%s\n' "$HOST_PASSWORD" >"$env_dir/password")
    write_host_exec sshpass -f "$env_dir/password" ssh -o StrictHostKeyChecking=accept-new \
        -o UserKnownHostsFile="$env_dir/known_hosts" -o LogLevel=ERROR "$HOST_USER@$HOST_IP"
    "$env_dir/host-exec" "ip -4 -o addr show to 10.0.101.0/24 | grep -q ." ||
        die "the host checks the VM by ping and needs an address in the scenario's network, such as: ip addr add 10.0.101.1/24 dev $NIC"
    if [ -z "${IMAGE_URL:-}" ]; then
        address=$(ip -4 route get "$HOST_IP" | sed -n 's/.* src \([0-9.]*\).*/\1/p')
        port=$(free_port)
        run_daemon "$env_dir/files.pid" "$env_dir/files.log" "$lab/serve-files" "$address" "$port" "$env_dir/files"
        IMAGE_URL=http://$address:$port/guest.qcow2
    fi
}

write_host_exec() {
    # shellcheck disable=SC2016  # $1 is the program's
    printf '#!/bin/bash\nexec%s "$1" </dev/null\n' "$(printf ' %q' "$@")" >"$env_dir/host-exec"
    chmod 700 "$env_dir/host-exec"
}

# ---- the whole -----------------------------------------------------------------------------------

# Needs `build` before. Sets NODE_URL besides the host's variables.
env_up() {
    local port=${PORT:-8080}
    mkdir -p "$env_dir/files"
    step "guest image"
    "$lab/guest-image" "$env_dir/files/guest.qcow2"
    step "host"
    if [ -n "${HOST:-}" ]; then real_host_up; else pretend_host_up; fi
    say "$HOST_IP, flat network on $NIC"
    step "management node"
    if [ -z "${PORT:-}" ] && is_taken "$port"; then port=$(free_port); fi
    NODE_URL=http://127.0.0.1:$port
    : >"$env_dir/cumulo.toml" # not the machine's own configuration, if it has one
    CUMULO_ADMIN_PASSWORD=password run_daemon "$env_dir/node.pid" "$env_dir/node.log" "$bin/cumulo-manager" \
        --config "$env_dir/cumulo.toml" --data-dir "$env_dir/data" --listen "127.0.0.1:$port" \
        --callback-listen "$CALLBACK_LISTEN" --ansible-dir "$clone/ansible" --agent-dir "$bin"
    await 30 "the node did not come up, see $env_dir/node.log" node_answers
    say "$NODE_URL, log in $env_dir/node.log"
}

node_answers() {
    is_running "$env_dir/node.pid" || {
        tail -n 20 "$env_dir/node.log" >&2
        die "the node ended"
    }
    curl --silent --output /dev/null --noproxy '*' --max-time 2 "$NODE_URL/zstack/v1/management-nodes/version"
}

# Ends and removes all of it, and is content with what is gone already.
env_down() {
    [ -d "$env_dir" ] || return 0
    stop_daemon "$env_dir/node.pid" 40
    stop_daemon "$env_dir/files.pid" 5
    if [ -d "$env_dir/hosts/$env_name" ]; then
        "$lab/pretend-host" down --name "$env_name" --state "$env_dir/hosts"
    fi
    rm -rf "$env_dir"
    rmdir --ignore-fail-on-non-empty "$state_dir"
}

# run_scenario FILE NAME : with the `cumulo` of this clone; reports to $env_dir/report.json. The values
# go through the environment, as one of them is a password.
run_scenario() {
    CUMULO_ENDPOINT=$NODE_URL HOST_IP=$HOST_IP HOST_PASSWORD=$HOST_PASSWORD IMAGE_URL=$IMAGE_URL NIC=$NIC \
        "$bin/cumulo" scenario "$1" --name "$2" --var HOST_IP --var HOST_PASSWORD --var IMAGE_URL --var NIC \
        --host-exec "$env_dir/host-exec" --report "$env_dir/report.json"
}
