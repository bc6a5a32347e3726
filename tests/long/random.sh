#!/bin/bash
# Seeds of the random test of t_random.sh, one after another, for LONG_S
# seconds. A seed that fails is printed with the command that runs it again.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
STEPS=${STEPS:-300}
export STEPS
n=0
failed=0
while [ $SECONDS -lt "$LONG_S" ] && [ $failed -lt 5 ]; do
	SEED=$((RANDOM * 32768 + RANDOM))
	export SEED
	n=$((n + 1))
	if ! LIMIT=1800 "$ROOT/tests/mount/run" random_writers >"$OUT/random.log" 2>&1; then
		failed=$((failed + 1))
		echo "not ok - random writers, seed $SEED"
		echo "# replay: SEED=$SEED STEPS=$STEPS tests/run random_writers"
		sed 's/^/# /' "$OUT/random.log" | tail -60
	fi
done
echo "# $n seeds of $STEPS steps, $failed failed"
[ $failed -gt 0 ] || echo "ok - random writers"
