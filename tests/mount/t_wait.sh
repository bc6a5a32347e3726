# Many who wait, and one who need not.

# waiting N COMMAND...: N of it in the background, in pids. As started from a
# terminal: what a script puts into the background ignores Ctrl-C.
waiting() {
	local i n=$1
	shift
	pids=()
	for i in $(seq "$n"); do
		env --default-signal=INT "$@" >"$D/out.$i" 2>"$D/err.$i" &
		pids+=($!)
	done
}

# parked N: so many of them wait for an answer of ours
parked() {
	[ "$(grep -lsE 'request_wait|fuse' $(printf '/proc/%s/wchan ' "${pids[@]}") |
		wc -l)" -ge "$1" ]
}

# It may be that nobody has asked yet how it ended.
ended() {
	! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

slow_lists() {
	ctl POST /_sim/fault '{"match":{"kind":"list"},"count":-1,"action":"stall","ms":60000}' >/dev/null
}

test_P2_two_hundred_wait_for_one_table_while_a_cached_one_is_read() {
	sim; mnt
	cat "$M/CRM/Deals"/*.json >/dev/null
	pid=$(daemon_pid)
	slow_lists
	waiting 200 ls "$M/CRM/Contacts"
	within 20 parked 200
	threads=$(ls "/proc/$pid/task" | wc -l)
	[ "$threads" -le 24 ] || fail "$threads threads"
	start=$(date +%s%N)
	cat "$M/CRM/Deals"/*.json >/dev/null || fail cat
	ls -l "$M/CRM/Deals" >/dev/null || fail ls
	echo '{"Amount": 5}' >"$(ls -d "$M/CRM/Deals"/*.json | head -1)" || fail save
	ms=$((($(date +%s%N) - start) / 1000000))
	[ $ms -lt 3000 ] || fail "a cached table took $ms ms"
	# Ctrl-C of one, a kill of many, and the others go on waiting
	kill -INT "${pids[0]}"
	within 3 ended "${pids[0]}"
	kill -KILL "${pids[@]:1:100}"
	within 5 ended "${pids[100]}"
	kill -0 "${pids[150]}" || fail "ended too"
	ctl DELETE /_sim/fault >/dev/null
	kill -INT "${pids[@]:101:98}"
	# the stalled answer comes late; one reader is still there for it
	within 5 ended "${pids[198]}"
	kill -0 "${pids[199]}" || fail "the last one ended"
	kill -KILL "${pids[199]}"
	wait "${pids[@]}" 2>/dev/null
	: a killed reader is no failure of ours
}

test_P2_the_end_of_a_mount_does_not_wait_for_those_who_wait() {
	sim; mnt -o drain=1
	ls "$M/CRM" >/dev/null
	pid=$(daemon_pid)
	slow_lists
	waiting 20 ls "$M/CRM/Contacts"
	within 20 parked 20
	kill -TERM "$pid"
	within 10 ended "$pid"
	for p in "${pids[@]}"; do
		within 5 ended "$p"
	done
	grep -q . "$D/err.1" || fail "ls said nothing"
	! grep -q "No such file" "$D"/err.* || fail "a lie"
	! grep -q " $M " /proc/mounts || fail "still mounted"
}
