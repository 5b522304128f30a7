#!/bin/sh
# Makes the one report of the night {{ night_text }}, when all its shards are over.
exec {{ program }} nightly report {{ night }} --project {{ project }}
