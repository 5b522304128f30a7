# shellcheck shell=sh disable=SC2154
# Sourced after lib.sh: reports the state to everybody who watches (status files, serial line, banner).
# Each process costs a slow machine tens of milliseconds, so a change with no odd characters starts only one: mv.

# json VALUE: its JSON string, in $json; ASCII, so that a serial line with any settings can carry it
json() {
    case $1 in
    *[!A-Za-z0-9\ ._:/+@,\;=\(\)\[\]{}\<\>\'%*!?#\&~^-]*) json=$("$here/json-string" "$1") ;;
    *) json=\"$1\" ;;
    esac
}

# the nonce of the host's test, in $nonce; nothing else from the hypervisor gets into a line
read_nonce() {
    first "$SLIPWAY_ROOT/sys/class/dmi/id/product_family"
    nonce=${line#slipway-smoke-}
    case $nonce in
    "$line" | *[!A-Za-z0-9-]*) nonce= ;;
    esac
}

# serial LINE: one write, on a line of its own even if the kernel left half of one; a machine without the port loses nothing
serial() {
    [ ! -e "$SLIPWAY_ROOT/dev/ttyS0" ] || { printf '\n%s\n' "$1" >>"$SLIPWAY_ROOT/dev/ttyS0"; } 2>/dev/null || :
}

# state NAME [ATTEMPT OF]: the machine is in this state now; FAILED and DEGRADED take the stage from $stage, and the code,
# message, hint and failed resources from the file $reason, or else from the failure file
state() {
    now=$1
    first "$run/seq"
    seq=$((${line:-0} + 1))
    read -r uptime _ <"$SLIPWAY_ROOT/proc/uptime"
    first "$SLIPWAY_ROOT/proc/sys/kernel/random/boot_id"
    boot=$line
    read_nonce
    facts
    code='' message='' hint='' failed='' why='' told='' next=
    case $now in
    FAILED | DEGRADED) explain "${reason:-$failure}" ;;
    esac
    if [ "$now" = "${unless-}" ] && [ "$code" = "$unless_code" ] && [ "$serving" = "$unless_serving" ] && [ -z "${news-}" ]; then
        return 0
    fi
    json "$SLIPWAY_RELEASE"
    head="{\"slipway\":1,\"seq\":$seq,\"boot\":\"$boot\",\"nonce\":\"$nonce\",\"release\":$json,\"state\":\"$now\""
    [ -z "${2-}" ] || head="$head,\"attempt\":$2,\"of\":$3"
    head="$head,\"uptime\":$uptime,\"serving\":$serves,\"configured\":$configured,\"run\":\"$ran\""
    publish "$@"
    serial "$head$why${failed:+,\"failed\":[$failed]}}"
    poke_banner
    say "state $now${2:+ $2/$3}${code:+ $code: $message}"
}

# what is true whatever the state is: whether the application answers (its last health check), whether the last finished run
# succeeded, and whether one has finished since the machine started
facts() {
    first "$run/serving"
    serving=${line:-no}
    serves=false configured=false ran=pending
    [ "$serving" != yes ] || serves=true
    ! stamped configured || configured=true
    [ ! -e "$run/ran" ] || ran="done"
}

# explain FILE: reads a failure file into $code $message $hint, and their JSON into $why and $failed; $told is what may be
# said over the network, where anybody may ask: no message of a resource or of the site
explain() {
    code=UNKNOWN message='the stage ended without saying why'
    if [ -r "$1" ]; then
        {
            IFS= read -r code
            IFS= read -r message
            IFS= read -r hint
            while IFS= read -r one; do
                json "$one"
                failed=${failed:+$failed,}$json
            done
        } <"$1"
    fi
    json "$hint"
    told=",\"stage\":\"$stage\",\"code\":\"$code\",\"hint\":$json"
    hint_json=$json
    json "$message"
    why=",\"stage\":\"$stage\",\"code\":\"$code\",\"message\":$json,\"hint\":$hint_json"
    first "$run/next"
    next=$line
    if [ -n "$next" ]; then
        told="$told,\"next_try\":$next" why="$why,\"next_try\":$next"
    fi
    [ "$1" = "$run/unhealthy" ] || resources "$1.resources"
}

# resources FILE: adds the counts and titles in it to $told
resources() {
    [ -r "$1" ] || return 0
    titles=
    {
        read -r total bad
        while IFS= read -r one; do
            json "$one"
            titles=${titles:+$titles,}$json
        done
    } <"$1"
    told="$told,\"resources\":{\"total\":${total:-0},\"failed\":${bad:-0},\"titles\":[$titles]}"
}

# status.json: for HTTP, what anybody may know.
# status: the same for scripts, one value per line, with the messages. Both appear whole, at once.
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
    printf '%s\n' "$head$told$about}" >"$run/new/status.json"
    printf '%s\n' "$now" "${2-}" "${3-}" "${stage-}" "$code" "$message" "$hint" "$serving" "$next" >"$run/new/status"
    printf '%s\n' "$seq" >"$run/new/seq"
    umask 077
    mv -f "$run/new/status.json" "$run/new/status" "$run/new/seq" "$run/"
    case $now in
    READY | FAILED | DEGRADED) keep "$store/outcome.json" <"$run/status.json" ;;
    esac
}

# settle [NEWS]: once a machine has been READY, its state follows from two independent facts: the last run, and the last
# health check. A line is written when the state changes, or when there is NEWS. Two programs report these facts, so one
# waits for the other.
settle() {
    news=${1-}
    {
        flock 9
        unless='' unless_code='' unless_serving=
        if [ -r "$run/status" ]; then
            { read -r unless; read -r _; read -r _; read -r _; read -r unless_code; read -r _; read -r _; read -r unless_serving; } <"$run/status"
        fi
        first "$run/serving"
        if stamped configured && [ "$line" = yes ]; then
            stage='' reason=
            state READY
        elif stamped configured; then
            stage=SERVING reason=$run/unhealthy
            state DEGRADED
        else
            reason=$run/failed
            if [ -e "$reason" ]; then
                first "$reason.stage"
                stage=$line
            else
                stage=CONVERGING
                printf '%s\n' LAST_RUN 'the last run before this start failed' \
                    'Another run begins now. What failed before: /var/log/puppet/converge.log' >"$reason"
            fi
            state DEGRADED
        fi
    } 9>"$run/lock"
    unless='' news='' reason=
}

# the banner redraws on this signal; the number belongs to a live process or to none, and both are harmless
poke_banner() {
    first "$run/banner.pid"
    [ -z "$line" ] || kill -USR1 "$line" 2>/dev/null || :
}
