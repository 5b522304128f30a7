# Runs on the build machine in mmdebstrap's namespace; $1 is the root, SCRIPT what runs in it: without a
# network, so that what it makes depends on the root alone. Its own loopback is there.
set -eu
export SCRIPT
# shellcheck disable=SC2016 # the inner shell expands them
unshare --net chroot "$1" sh -euc 'ip link set lo up 2>/dev/null || true; exec sh -euc "$SCRIPT"'
