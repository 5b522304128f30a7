# shellcheck shell=sh disable=SC2034
# Sourced by the scripts beside it: where things are, how to make a file durable, how a stage fails.
# SLIPWAY_ROOT is a folder that stands for / when the scripts are tested; on an appliance it is never set.

: "${SLIPWAY_ROOT=}"
here=${0%/*}
store=$SLIPWAY_ROOT/var/lib/slipway
run=$SLIPWAY_ROOT/run/slipway
sentinel=$store/converged-release
failure=$run/failure

# shellcheck source=/dev/null
. "$SLIPWAY_ROOT/etc/slipway/slipway.conf"
umask 022
mkdir -p "$run" "$store/stamps"
# what a stage leaves behind may quote secrets; files that everybody may read get their mode one by one
umask 077

# keep FILE [MODE]: writes stdin to FILE, whole and on the disk, or not at all
keep() {
    cat >"$1.new" && chmod "${2:-0644}" "$1.new" && sync "$1.new" && mv -f "$1.new" "$1" && sync "${1%/*}"
}

# A stage's stamp is written last: if it is there, everything that the stage made is on the disk.
stamped() { [ -e "$store/stamps/$1" ]; }
stamp() { printf '%s\n' "${2:-done}" | keep "$store/stamps/$1"; }
unstamp() {
    rm -f "$store/stamps/$1"
    sync "$store/stamps"
}

# first FILE: reads the first line into $line; empty if there is none
first() {
    line=
    [ -r "$1" ] && IFS= read -r line <"$1"
    return 0
}

say() { printf '%s\n' "$*" >&2; }

# fail CODE MESSAGE HINT: why the stage failed, for whoever started it; the reasons of single resources may follow in the same
# file
fail() {
    say "$1: $2"
    printf '%s\n%s\n%s\n' "$1" "$2" "$3" >"$failure"
    return 1
}

# tell_health yes|no: whether the application answers, for the program that reports the state
tell_health() {
    printf '%s\n' "$1" >"$run/serving.new" && mv -f "$run/serving.new" "$run/serving"
}
