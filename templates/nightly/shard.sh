#!/bin/sh
# One shard of the night {{ night_text }}, as a task of a Slurm array: written by `slipway nightly submit --slurm`.
set -u
cd {{ project }} || exit
{{ program }} nightly --night {{ night }} --shard {{ shard }} --project {{ project }}
code=$?
# there was nothing to do
if [ "$code" = 3 ]; then exit 0; fi
exit "$code"
