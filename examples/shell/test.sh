#!/bin/sh
# The suite, in plain sh: each test is one `fakesmtp exec`. Run it with ./test.sh
set -u
product=$(cd "$(dirname "$0")" && pwd)/report.sh
place=$(mktemp -d) || exit 1
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
failed=0

# play SCENARIO [OPTION…]: the product meets it; what it says is in $told, its status in $status.
play() {
    told=$(echo "All is well." | fakesmtp exec --quiet "$@" -- "$product" admin@example.test 2>&1)
    status=$?
}

# expect NAME STATUS GLOB: compare both.
expect() {
    case $told in
        $3) same=yes ;;
        *) same=no ;;
    esac
    if [ "$status" -eq "$2" ] && [ $same = yes ]; then
        echo "ok   $1"
    else
        failed=$((failed + 1))
        printf 'FAIL %s\n  expected status %s and %s\n  got      status %s and %s\n' "$1" "$2" "$3" "$status" "$told"
    fi
}

play healthy --save mail
expect "a report is sent" 0 "report: sent to admin@example.test"
told=$(cat mail/*.eml)
expect "and arrives with its subject and text" 0 "*Subject: Backup report*All is well.*"

play unknown-user
expect "an unknown administrator is named, with the server's words" 1 "*NOT sent*admin@example.test*550 5.1.1*"

play reject-message
expect "a report that is refused is not kept for ever" 1 "*NOT sent*550 5.7.1*"

play greylisting
expect "a report that is put off is kept" 75 "*kept in ./unsent*450 4.7.1*"
told=$(cat unsent/*.txt)
expect "as it was" 75 "All is well."

play refuse-connect
expect "a server that is down is told" 75 "*kept in ./unsent*cannot connect*"

# With --client fakesmtp itself judges: a client that claims success although it was refused fails, and so does one
# that claims failure although its mail was taken.
for scenario in split-replies mailbox-full crashes-mid-session quit-refused; do
    play --client --timeout 30s "$scenario"
    expect "it knows what became of its mail: $scenario" 0 "report: *"
done

[ "$failed" -eq 0 ] || { echo "$failed failed"; exit 1; }
