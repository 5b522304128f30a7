# Runs on the build machine in mmdebstrap's namespace; $1 is the root, PACKAGES what is installed in it. By apt
# itself: mmdebstrap's --include hands all packages to one dpkg call, which can neither remove what conflicts
# nor keep an order.
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
# shellcheck disable=SC2086 # a list of words
apt-get --yes --no-install-recommends -o Dpkg::Use-Pty=false -o Dir::Bin::dpkg=env \
    -o DPkg::Options::=--unset=TMPDIR -o DPkg::Options::=--unset=APT_CONFIG -o DPkg::Options::=dpkg \
    -o DPkg::Chroot-Directory="$1" install $PACKAGES
