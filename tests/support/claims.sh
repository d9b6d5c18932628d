# For tests in bash: `expect` states a claim and goes on when it does not hold, `end_of_claims` fails when any did not.
# What is in the file $output is shown with a claim that failed. Sourced by them.

num_failed_claims=0

expect() {  # expect "what should hold" COMMAND...
  local claim=$1
  shift
  if "$@"; then return; fi
  num_failed_claims=$((num_failed_claims + 1))
  echo "FAILED: $claim"
  echo "    in: $*"
  sed 's/^/    /' "$output"
}

end_of_claims() {
  ((num_failed_claims == 0)) || { echo "$num_failed_claims claims failed"; exit 1; }
  echo "all claims hold"
}

# wait_until "what" COMMAND...: gives up, and ends the test, after 60 s.
wait_until() {
  local what=$1 deadline=$((SECONDS + 60))
  shift
  until "$@" 2>/dev/null; do
    ((SECONDS < deadline)) || { echo "FAILED: not after 60 s: $what"; cat "$output"; exit 1; }
    sleep 0.1
  done
}
