# a run that begins ahead waits for the master, unless it is recalled
if [ "$1" = --ahead ]; then
    shift
    echo begun >>"$SLIPWAY_ROOT/fake/runs"
    until [ -e "$SLIPWAY_ROOT/run/fake-master" ]; do /bin/sleep 0.005; done
else
    echo run >>"$SLIPWAY_ROOT/fake/runs"
fi
result() { printf '%s\n' "$1" >"$result.new" && mv "$result.new" "$result"; }
result=$1
[ -e "$SLIPWAY_ROOT/fake/ca/cert" ] || grep -q "MODE='apply'" "$SLIPWAY_ROOT/etc/slipway/slipway.conf" || {
    result '{"converged":false,"code":"MASTER","message":"no certificate","hint":"h","failed":[]}'
    exit 1
}
/bin/sleep 0.02
case $(cat "$SLIPWAY_ROOT/fake/puppet") in
ok) echo 'demo-1.0.0+b1' >"$SLIPWAY_ROOT/var/lib/slipway/converged-release" ;;
empty) ;;
once)
    echo ok >"$SLIPWAY_ROOT/fake/puppet"
    result '{"converged":false,"code":"RESOURCES","message":"one resource failed","hint":"h","failed":["File[/x]: no"]}'
    exit 1
    ;;
die) exit 2 ;;
*)
    result '{"converged":false,"code":"RESOURCES","message":"2 resources failed: \"ö\"","hint":"a\nb","total":120,"failed_count":2,"titles":["File[/ü]","Exec[mysql …]"],"failed":["File[/ü]: it`s $(bad) \"q\" \\ x","Exec[b]: \u001b[31mred"]}'
    exit 1
    ;;
esac
result '{"converged":true,"code":"","message":"","hint":"","failed":[]}'
