# Proves to the appliance that this release's catalog was applied.
include slipway::sentinel

include role::guestbook_front
