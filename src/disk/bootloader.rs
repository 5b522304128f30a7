//! GRUB for BIOS and the signed chain for UEFI.
