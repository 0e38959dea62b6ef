# Delivers one message with tcllib's smtp package, as its manual shows it: what is raised is an error, and what is
# returned is not looked at. Arguments: host, port, whether to use TLS, the sender, the recipients with commas between.

package require mime
package require smtp

lassign $argv host port tls sender recipients
set message [mime::initialize -canonical text/plain -string [read stdin]]
mime::setheader $message Subject "Test notification"
if {[catch {
    smtp::sendmessage $message -servers [list $host] -ports [list $port] -usetls $tls \
        -originator $sender -recipients $recipients -client client.example.test
} problem]} {
    puts stderr $problem
    exit 1
}
puts "The message was sent."
