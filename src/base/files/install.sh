# Runs on the build machine in mmdebstrap's namespace; $1 is the root, PACKAGES what is installed in it. By apt
# itself: mmdebstrap's --include hands all packages to one dpkg call, which can neither remove what conflicts
# nor keep an order.
set -eu
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
# shellcheck disable=SC2086 # a list of words
apt-get --yes --no-install-recommends -o Dpkg::Use-Pty=false -o Dir::Bin::dpkg=env \
    -o DPkg::Options::=--unset=TMPDIR -o DPkg::Options::=--unset=APT_CONFIG -o DPkg::Options::=dpkg \
    -o DPkg::Chroot-Directory="$1" install $PACKAGES
# Java's list of authorities has the time at which each came in: that of the package's script, so two builds
# would differ. Its form (JKS: entries, then SHA-1 over the password, a phrase and all before) is that of
# OpenJDK's sun.security.provider.JavaKeyStore; the password is the one that every Java knows.
authorities="$1/etc/ssl/certs/java/cacerts"
if [ -f "$authorities" ]; then
    # shellcheck disable=SC2016 # perl's variables
    perl -MDigest::SHA=sha1 -e '
        my ($file, $time) = @ARGV;
        open(my $in, "<:raw", $file) or die "$file: $!\n";
        my $all = do { local $/; <$in> };
        my ($magic, $version, $count) = unpack("N3", $all);
        exit 0 if $magic != 0xFEEDFEED or $version != 2;
        my $at = 12;
        for (1 .. $count) {
            my ($tag, $alias) = unpack("Nn", substr($all, $at, 6));
            exit 0 if $tag != 2;
            $at += 6 + $alias;
            substr($all, $at, 8) = pack("Q>", $time * 1000);
            my $type = unpack("n", substr($all, $at + 8, 2));
            $at += 10 + $type;
            $at += 4 + unpack("N", substr($all, $at, 4));
        }
        exit 0 if $at + 20 != length($all);
        my $password = join("", map { "\0$_" } split(//, "changeit"));
        substr($all, $at) = sha1($password . "Mighty Aphrodite" . substr($all, 0, $at));
        open(my $out, ">:raw", $file) or die "$file: $!\n";
        print $out $all;
        close($out) or die "$file: $!\n";
    ' "$authorities" "$SOURCE_DATE_EPOCH"
fi
