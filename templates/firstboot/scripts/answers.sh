# shellcheck shell=sh disable=SC2034,SC2154
# Sourced after lib.sh: how to check the application's health.

# answers FILE: whether the check in FILE (port, path, status, text, one per line) succeeds; $why says why not
answers() {
    { IFS= read -r port && IFS= read -r path && IFS= read -r status; IFS= read -r text; } <"$1"
    if ! got=$("$here/http-get" "$port" "$path" 2>&1); then
        why=$got
        return 1
    fi
    case $got in
    "$status"*) ;;
    *)
        why="http://127.0.0.1:$port$path answers ${got%%[!0-9]*}, not $status"
        return 1
        ;;
    esac
    case $got in
    *"$text"*) return 0 ;;
    esac
    why="the answer of http://127.0.0.1:$port$path does not contain '$text'"
    return 1
}
