#!/usr/bin/env bats
# The same with bats. Run it with: bats report.bats

setup() {
    product=$BATS_TEST_DIRNAME/report.sh
    cd "$BATS_TEST_TMPDIR"
}

# play SCENARIO [OPTION…]: the product meets it; bats keeps $status and $output.
play() {
    run sh -c 'echo "All is well." | fakesmtp exec --quiet "$@"' play "$@" -- "$product" admin@example.test
}

@test "a report is sent" {
    play healthy --save mail
    [ "$status" -eq 0 ]
    [ "$output" = "report: sent to admin@example.test" ]
    grep -q "All is well." mail/*.eml
}

@test "an unknown administrator is named, with the server's words" {
    play unknown-user
    [ "$status" -eq 1 ]
    [[ $output == *"NOT sent"*"550 5.1.1 <admin@example.test>"* ]]
}

@test "a report that is put off is kept" {
    play greylisting
    [ "$status" -eq 75 ]
    grep -q "All is well." unsent/*.txt
}

@test "a report that is refused is not kept for ever" {
    play reject-message
    [ "$status" -eq 1 ]
    [ ! -e unsent ]
}
