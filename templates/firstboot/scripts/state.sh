# shellcheck shell=sh disable=SC2154
# Sourced after lib.sh: tells the state to everybody who watches (status files, serial line, banner).
# Each process costs a slow machine tens of milliseconds, so a change without anything odd in it starts one: mv.

# json VALUE: its JSON string, in $json; ASCII, so that a serial line of any setting carries it
json() {
    case $1 in
    *[!A-Za-z0-9\ ._:/+@,\;=\(\)\[\]{}\<\>\'%*!?#\&~^-]*) json=$("$here/json-string" "$1") ;;
    *) json=\"$1\" ;;
    esac
}

# the nonce of the host's test, in $nonce; nothing else gets from the hypervisor into a line
read_nonce() {
    first "$SLIPWAY_ROOT/sys/class/dmi/id/product_family"
    nonce=${line#slipway-smoke-}
    case $nonce in
    "$line" | *[!A-Za-z0-9-]*) nonce= ;;
    esac
}

# serial LINE: one write, on a line of its own even when the kernel left half of one; a machine without the port loses nothing
serial() {
    [ ! -e "$SLIPWAY_ROOT/dev/ttyS0" ] || { printf '\n%s\n' "$1" >>"$SLIPWAY_ROOT/dev/ttyS0"; } 2>/dev/null || :
}

# state NAME [ATTEMPT OF]: the machine is in this state now; FAILED and DEGRADED take stage, code, message, hint and the
# resources that failed from $stage and the failure file
state() {
    now=$1
    first "$run/seq"
    seq=$((${line:-0} + 1))
    read -r uptime _ <"$SLIPWAY_ROOT/proc/uptime"
    first "$SLIPWAY_ROOT/proc/sys/kernel/random/boot_id"
    boot=$line
    read_nonce
    code='' message='' hint='' failed='' why=
    case $now in
    FAILED | DEGRADED) explain ;;
    esac
    json "$SLIPWAY_RELEASE"
    head="{\"slipway\":1,\"seq\":$seq,\"boot\":\"$boot\",\"nonce\":\"$nonce\",\"release\":$json,\"state\":\"$now\""
    [ -z "${2-}" ] || head="$head,\"attempt\":$2,\"of\":$3"
    head="$head,\"uptime\":$uptime"
    publish "$@"
    serial "$head$why${failed:+,\"failed\":[$failed]}}"
    poke_banner
    say "state $now${2:+ $2/$3}${code:+ $code: $message}"
}

# reads the failure file into $code $message $hint, and their JSON into $why and $failed
explain() {
    code=UNKNOWN message='the stage ended without saying why'
    if [ -r "$failure" ]; then
        {
            IFS= read -r code
            IFS= read -r message
            IFS= read -r hint
            while IFS= read -r one; do
                json "$one"
                failed=${failed:+$failed,}$json
            done
        } <"$failure"
    fi
    json "$message"
    why=",\"stage\":\"$stage\",\"code\":\"$code\",\"message\":$json"
    json "$hint"
    why=$why,\"hint\":$json
}

# status.json: for HTTP, without the resources' own words, which may quote the site's data.
# status: the same for scripts, a value a line. Both appear whole, in one go.
publish() {
    umask 022
    [ -d "$run/new" ] || mkdir -p "$run/new"
    json "$SLIPWAY_PRODUCT"
    about=",\"product\":$json"
    json "$SLIPWAY_SITE"
    about="$about,\"site\":$json"
    first "$store/instance-id"
    about="$about,\"instance\":\"$line\""
    first "$store/ssh-fingerprint"
    about="$about,\"ssh_fingerprint\":\"$line\""
    first "$store/inputs/source"
    about="$about,\"settings\":\"${line:-profile}\""
    printf '%s\n' "$head$why$about}" >"$run/new/status.json"
    printf '%s\n' "$now" "${2-}" "${3-}" "${stage-}" "$code" "$message" "$hint" >"$run/new/status"
    printf '%s\n' "$seq" >"$run/new/seq"
    umask 077
    mv -f "$run/new/status.json" "$run/new/status" "$run/new/seq" "$run/"
    case $now in
    READY | FAILED | DEGRADED) keep "$store/outcome.json" <"$run/status.json" ;;
    esac
}

# the banner draws when it is told to; its number is a live process's or nobody's, both harmless
poke_banner() {
    first "$run/banner.pid"
    [ -z "$line" ] || kill -USR1 "$line" 2>/dev/null || :
}
