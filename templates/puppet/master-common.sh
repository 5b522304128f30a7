# Read by the master's scripts: names that they share with puppet.conf, and how to find out what the compiled
# jar was made from.
# shellcheck shell=sh disable=SC2034

domain={{ domain }}
server={{ server }}
cadir={{ cadir }}
ssldir={{ ssldir }}
vardir={{ vardir }}

made=/usr/lib/slipway/master
stock=/usr/share/puppetserver/puppetserver.jar
java=/usr/bin/java

# What the compiled jar depends on: the feature release of Java (its path names it; security updates
# within one keep compiled classes valid) and every jar of the class path by name, size and time. dpkg
# gives each version's files their own times, so an upgrade shows here without hashing 60 MB of jars at every
# start. A jar that was missing and now exists adds a line, so that shows too.
made_from() {
    readlink -f "$java"
    xargs stat -L -c '%n %s %Y' <"$1" 2>/dev/null || :
}
