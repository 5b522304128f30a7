# Runs a program, and ends it with everything that it started when the process that asked for it ends, however
# that happens: standard input is a pipe that nothing is ever written to, and its end is the sign. The kernel's
# signal at a parent's death would reach only the one process, and not the processes that it started.
set -eu
# signals end the waiting below, but not this shell: it still has to clean up (PIPE: nobody reads any more)
trap : HUP INT TERM PIPE
# the program's own folder, so that whatever it leaves when it is stopped is removed, too; users of a namespace
# must be able to pass through it
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/slipway.XXXXXXXXXX")
chmod 711 "$TMPDIR"
export TMPDIR
# for root, mmdebstrap would work in the machine's own namespaces: in these, its mounts and daemons end with it.
# A container may refuse them; there mmdebstrap works without mounts
if [ "$(id -u)" = 0 ] && unshare --mount --mount-proc --pid --fork true 2>/dev/null; then
    set -- unshare --mount --mount-proc --pid --fork --kill-child -- "$@"
fi
exec 3<&0
# a new session is also a new process group, which this shell is not in
setsid "$@" 3<&- </dev/null &
program=$!
# SIGTERM would be enough only if no part of the program ignored it, but mmdebstrap does while it waits for apt.
# The group exists a moment after the program. This must not keep the program's output open, whose reader waits
# for the end
{
    cat <&3
    until kill -s KILL -- "-$program" || ! kill -0 "$program"; do sleep 0.1; done
} >/dev/null 2>&1 &
watcher=$!
exec 3<&-
status=0
wait "$program" || status=$?
# a signal ends the waiting, but not the program
while kill -0 "$program" 2>/dev/null; do
    status=0
    wait "$program" || status=$?
done
# from here on the number may belong to another process
kill "$watcher" 2>/dev/null || true
# the last to be killed may still be writing; reaping them is up to the machine
patience=100
while [ "$patience" -gt 0 ] && kill -s 0 -- "-$program" 2>/dev/null; do
    patience=$((patience - 1))
    sleep 0.1
done
# only the users of a namespace can remove what they own; but they may not even list the folder itself
rm -rf "$TMPDIR" 2>/dev/null || {
    mmdebstrap --unshare-helper rm -rf "$TMPDIR"/* 2>/dev/null || true
    rm -rf "$TMPDIR" 2>/dev/null || true
}
exit "$status"
