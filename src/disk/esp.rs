//! The EFI system partition: FAT32 as a pure function of its files.
