#!/bin/sh
# firewall.sh: a guarded machine between an outside and a container behind it, each in its own network
# namespace. Prints what gets through while its ports are closed, and once they are open. SLIPWAY_ROOT
# is the machine's root.
set -eu
spawn() { # NAME COMMAND: in its own network namespace; its process in $NAME
    unshare --net sh -c "ip link set lo up; $2" &
    eval "$1=$!"
    # the namespace exists once it differs from ours
    while [ "$(readlink "/proc/$!/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
}
serve='use IO::Socket::INET; for my $p (@ARGV) { my ($k, $n) = split /:/, $p; next if fork;
    my $s = IO::Socket::INET->new(LocalPort => $n, Proto => $k, ($k eq "tcp" ? (Listen => 5) : ())) or die "$p: $!";
    if ($k eq "tcp") { while (my $c = $s->accept) { print $c "here\n"; close $c } }
    while ($s->recv(my $m, 10)) { $s->send("here") } } sleep 1000'
ask='use IO::Socket::INET; my ($k, $h, $n) = @ARGV; alarm 2;
    my $s = IO::Socket::INET->new(PeerAddr => $h, PeerPort => $n, Proto => $k, Timeout => 1) or exit 1;
    $s->send("x") if $k eq "udp"; $s->recv(my $m, 10); exit($m =~ /here/ ? 0 : 1)'
inside() { nsenter --net="/proc/$1/ns/net" sh -c "$2"; }

ip link set lo up
spawn guarded 'exec sleep 1000'
spawn container 'exec sleep 1000'
trap 'kill "$guarded" "$container"' EXIT
ip link add out0 type veth peer name eth0 netns "$guarded"
ip addr add 192.0.2.1/24 dev out0
ip link set out0 up
inside "$guarded" "ip link add docker0 type veth peer name c0 netns $container
    ip addr add 192.0.2.2/24 dev eth0; ip addr add 198.51.100.1/24 dev docker0; ip link set eth0 up; ip link set docker0 up
    ip route add default via 192.0.2.1; echo 1 >/proc/sys/net/ipv4/ip_forward
    nft 'add table ip nat; add chain ip nat pre { type nat hook prerouting priority -100; }
        add rule ip nat pre tcp dport 8080 dnat to 198.51.100.2:80; add rule ip nat pre tcp dport 8081 dnat to 198.51.100.2:80'"
inside "$container" 'ip addr add 198.51.100.2/24 dev c0; ip link set c0 up; ip route add default via 198.51.100.1'
ip route add 198.51.100.0/24 via 192.0.2.2
inside "$guarded" "exec perl -e '$serve' tcp:22 tcp:8008 tcp:80 tcp:443 tcp:3000 udp:514 udp:40000" & servers=$!
inside "$container" "exec perl -e '$serve' tcp:80" & more=$!
perl -e "$serve" tcp:5000 udp:5000 & outside=$!
trap 'kill "$servers" "$more" "$outside" "$guarded" "$container"; kill -- -$$' EXIT

tries() { # STAGE: a word for each connection that gets through
    for what in tcp:22 tcp:8008 tcp:80 tcp:443 tcp:3000 tcp:8080 tcp:8081 udp:514 udp:40000; do
        ! perl -e "$ask" "${what%:*}" 192.0.2.2 "${what#*:}" || printf '%s ' "$what"
    done
    ! perl -e "$ask" tcp 198.51.100.2 80 || printf 'routed '
    for who in "$guarded" "$container"; do
        for kind in tcp udp; do
            ! inside "$who" "perl -e '$ask' $kind 192.0.2.1 5000" || printf 'out:%s ' "$kind"
        done
    done
    ! inside "$guarded" "perl -e '$ask' tcp 127.0.0.1 3000" || printf 'lo '
    echo
}
# until all of them listen
until [ "$(inside "$guarded" 'ss -Hltun' | wc -l)" -ge 7 ] && [ "$(inside "$container" 'ss -Hltun' | wc -l)" -ge 1 ]; do sleep 0.1; done
for stage in closed open; do
    inside "$guarded" "'$SLIPWAY_ROOT/usr/lib/slipway/firewall' $stage"
    printf '%s: ' "$stage"
    tries
done
refused=0
for _ in $(seq 60); do perl -e "$ask" tcp 192.0.2.2 22 || refused=1 && [ "$refused" = 0 ] || break; done
[ "$refused" = 0 ] || echo 'guesses are slowed down'
