# Runs on the build machine in mmdebstrap's namespace when the packages are installed; $1 is the root.
set -eu
root=$1

# GRUB's image for BIOS; the ESP's chain is signed and taken as it is
mkdir -p "$root/usr/lib/slipway/boot"
chroot "$root" grub-mkimage --format=i386-pc --compression=auto --prefix="$GRUB_PREFIX" \
    --output=/usr/lib/slipway/boot/core.img $GRUB_MODULES

# networkd is off by default here, and resolved in some releases
for unit in systemd-networkd systemd-resolved systemd-timesyncd ssh; do
    chroot "$root" systemctl enable --quiet "$unit.service"
done
# an appliance is updated by its releases, and its puppet runs are started by the converge unit
chroot "$root" systemctl disable --quiet apt-daily.timer apt-daily-upgrade.timer
chroot "$root" systemctl mask --quiet systemd-firstboot.service puppet.service
