# Runs a program, and ends its whole process group when whoever asked for it is gone, however that came
# about: standard input is a pipe that nothing is ever written to, and its end is that sign. The kernel's
# signal at a parent's death would reach the one process only, and not what that has started.
set -eu
# signals end the waiting below, and not this shell: it still has to clean up (PIPE: nobody reads any more)
trap : HUP INT TERM PIPE
# a folder of the program's own, so that what it forgets when it is stopped goes too; users of a namespace
# must pass through it
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/slipway.XXXXXXXXXX")
chmod 711 "$TMPDIR"
export TMPDIR
exec 3<&0
"$@" 3<&- </dev/null &
program=$!
# it must not hold on to the program's output, whose reader waits for the end
{ cat <&3; kill -TERM 0; } >/dev/null 2>&1 &
exec 3<&-
status=0
wait "$program" || status=$?
# a signal ends the waiting, not the program
while kill -0 "$program" 2>/dev/null; do
    status=0
    wait "$program" || status=$?
done
rm -rf "$TMPDIR" || true
exit "$status"
