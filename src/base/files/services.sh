# Runs in the root. networkd is off by default, and in some releases resolved and timesyncd are.
systemctl enable --quiet systemd-networkd.service systemd-resolved.service systemd-timesyncd.service ssh.service
# an appliance is updated by its releases, and its puppet runs are started by the converge unit
systemctl disable --quiet apt-daily.timer apt-daily-upgrade.timer
systemctl mask --quiet systemd-firstboot.service puppet.service
