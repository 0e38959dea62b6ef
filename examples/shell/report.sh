#!/bin/sh
# The product: the end of a nightly backup. It mails the report to the administrator, and tells the operator what
# became of it. A report that may pass later is kept in ./unsent.
#
#   report.sh ADDRESS < report        status: 0 sent, 75 kept for later, 1 refused
set -u
address=$1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cat > "$folder/report"

{ printf 'From: backup@example.test\nTo: %s\nSubject: Backup report\n\n' "$address"; cat "$folder/report"; } |
    msmtp --host="$SMTP_HOST" --port="$SMTP_PORT" --timeout=10 --domain=backup.example.test \
        --from=backup@example.test -- "$address" 2> "$folder/told"
status=$?

# The reply decides, not the status: msmtp ends with 69 for "550 content refused" and for "connection refused" alike.
class=$(sed -n 's/^msmtp: server message: \([0-9]\)[0-9][0-9].*/\1/p' "$folder/told" | tail -n 1)
case $status:$class in
    0:*) echo "report: sent to $address" ;;
    *:5)
        echo "report: NOT sent, and never will be, to $address" >&2
        sed 's/^msmtp: /  /' "$folder/told" >&2
        exit 1
        ;;
    *)
        mkdir -p unsent && cp "$folder/report" "unsent/$(date +%Y%m%dT%H%M%S).txt"
        echo "report: kept in ./unsent, as $address cannot get it now" >&2
        sed 's/^msmtp: /  /' "$folder/told" >&2
        exit 75
        ;;
esac
