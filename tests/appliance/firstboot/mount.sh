# mount OPTIONS DEVICE FOLDER: a FAT or an ISO image, unpacked by programs that know them
while [ $# -gt 2 ]; do shift; done
if mcopy -s -i "$1" :: "$2" 2>/dev/null; then exit 0; fi
# xorriso treats anything as an empty disc
xorriso -osirrox on -indev "$1" -extract / "$2" >/dev/null 2>&1 && [ -n "$(ls "$2")" ]
