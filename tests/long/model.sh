#!/bin/bash
# Writing against its model, fresh seeds for LONG_S seconds.
set -u
log=$OUT/model.log
if ATFS_SECONDS=$LONG_S "$BUILD/tests/unit/test_model" >"$log" 2>&1; then
	echo "ok - $(sed -n 's/^# \([0-9]* seeds\)$/\1/p' "$log") of writing as the model says"
else
	echo "not ok - writing is not as the model says"
	grep -m1 -A3 'ATFS_SEED=' "$log" | sed 's/^/# /'
	seed=$(sed -n 's/.*ATFS_SEED=\([0-9]*\).*/\1/p' "$log" | head -1)
	echo "# again: ATFS_STEPS=1 ATFS_SEED=$seed $BUILD/tests/unit/test_model"
	tail -30 "$log" | sed 's/^/# /'
fi
