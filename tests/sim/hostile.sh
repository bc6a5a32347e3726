#!/bin/sh
# Requests that mean harm, to every route: the simulator must answer each or
# close, and live on. Build it with -Db_sanitize=address,undefined to make
# this worth most.
#   hostile.sh PATH/TO/airtable-sim        prints TAP; 77 without python3
set -u
sim=${1:?usage: hostile.sh PATH/TO/airtable-sim}
here=$(cd "$(dirname "$0")" && pwd)
command -v python3 >/dev/null || exit 77
exec python3 "$here/hostile.py" "$sim" "$here/data/smoke.json"
