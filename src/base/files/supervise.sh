# Runs a program, and ends it with everything that it started when whoever asked for it is gone, however that
# came about: standard input is a pipe that nothing is ever written to, and its end is that sign. The kernel's
# signal at a parent's death would reach the one process only, and not what that has started.
set -eu
# signals end the waiting below, and not this shell: it still has to clean up (PIPE: nobody reads any more)
trap : HUP INT TERM PIPE
# a folder of the program's own, so that what it forgets when it is stopped goes too; users of a namespace
# must pass through it
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/slipway.XXXXXXXXXX")
chmod 711 "$TMPDIR"
export TMPDIR
# for root mmdebstrap works in the machine's own namespaces: in these its mounts and daemons end with it.
# A container may refuse them; there mmdebstrap does without mounts
if [ "$(id -u)" = 0 ] && unshare --mount --mount-proc --pid --fork true 2>/dev/null; then
    set -- unshare --mount --mount-proc --pid --fork --kill-child -- "$@"
fi
exec 3<&0
# a session of its own is a process group of its own, which this shell is not in
setsid "$@" 3<&- </dev/null &
program=$!
# SIGTERM would do only if no part of the program ignored it, and mmdebstrap does while it waits for apt. The
# group exists a moment after the program. This must not hold on to the program's output, whose reader waits
# for the end
{
    cat <&3
    until kill -s KILL -- "-$program" || ! kill -0 "$program"; do sleep 0.1; done
} >/dev/null 2>&1 &
watcher=$!
exec 3<&-
status=0
wait "$program" || status=$?
# a signal ends the waiting, not the program
while kill -0 "$program" 2>/dev/null; do
    status=0
    wait "$program" || status=$?
done
# from here on the number may be another's
kill "$watcher" 2>/dev/null || true
# the last to be killed may still be writing; who reaps them is the machine's affair
patience=100
while [ "$patience" -gt 0 ] && kill -s 0 -- "-$program" 2>/dev/null; do
    patience=$((patience - 1))
    sleep 0.1
done
# what the users of a namespace own is theirs alone to remove; the folder itself they may not even list
rm -rf "$TMPDIR" 2>/dev/null || {
    mmdebstrap --unshare-helper rm -rf "$TMPDIR"/* 2>/dev/null || true
    rm -rf "$TMPDIR" 2>/dev/null || true
}
exit "$status"
