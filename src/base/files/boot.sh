# Runs in the root. GRUB's image for BIOS; the ESP's chain is signed and taken as it is.
mkdir -p /usr/lib/slipway/boot
# shellcheck disable=SC2086 # a list of words
grub-mkimage --format=i386-pc --prefix="$GRUB_PREFIX" --output=/usr/lib/slipway/boot/core.img $GRUB_MODULES
