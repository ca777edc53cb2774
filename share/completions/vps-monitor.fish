# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_vps_monitor_global_optspecs
    string join \n config= state-dir= procfs= docker-socket= h/help V/version
end

function __fish_vps_monitor_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_vps_monitor_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_vps_monitor_using_subcommand
    set -l cmd (__fish_vps_monitor_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -s V -l version -d 'Print version'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "run" -d 'Run the agent: check, alert and report until SIGTERM or Ctrl-C'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "check" -d 'Measure once and print the readings; sends nothing, touches no state'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "metrics" -d 'Measure once and print the readings as metrics, in Prometheus\' text format'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "report" -d 'Measure once and print the status report'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "status" -d 'Show what the agent knows: readings, alerts, undelivered messages, last and next check, next report'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "silence" -d 'Hold the alerts of a target for a while, or while a command runs; held alerts are sent at the end'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "schedule" -d 'Print the next times a report is due'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "replay" -d 'Read recorded readings and print the messages that this configuration would have led to'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "history" -d 'Draw the recorded readings in the terminal, or print them as CSV or JSON'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "chart" -d 'Draw the recorded readings as a picture (PNG, SVG) or a page (HTML)'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "test-notify" -d 'Send one test message to every channel and print each answer'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "licenses" -d 'Print the licences of the program and of the font in its pictures'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "config" -d 'Check, show or make a configuration'
complete -c vps-monitor -n "__fish_vps_monitor_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -l once -d 'Make one check with its alerts, state and delivery, then exit: 0 if everything was delivered (whatever was found), 1 if something is still waiting. It waits up to a minute for a `for` to end; the next run continues a longer one'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l format -d 'text, json or nagios: a table (the default), one JSON object, or a Nagios plugin\'s output with performance data' -r -f -a "text\t''
json\t''
nagios\t''"
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -l json -d 'Print one JSON object'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand metrics" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand metrics" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand metrics" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand metrics" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -l send -d 'Send it to the channel as well'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand report" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -l json -d 'Print one JSON object'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -l why -d 'The reason, which `status` shows' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -a "list" -d 'List the silences'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -a "end" -d 'End a silence before its time'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and not __fish_seen_subcommand_from list end help" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from list" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from list" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from list" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from list" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from end" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from end" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from end" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from end" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from end" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the silences'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from help" -f -a "end" -d 'End a silence before its time'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand silence; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -s n -d 'How many times, 1 to 100000' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l cron -d 'Use this cron expression, in quotes, instead of the configuration\'s' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l timezone -d 'Use this time zone instead of the configuration\'s, such as Asia/Shanghai' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l after -d 'Times after this one (exclusive), such as 2026-02-04T09:00:00+08:00 [default: now]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand schedule" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l since -d 'The beginning: a length back from the end such as 24h or 7d, or a time such as 2026-02-04, "2026-02-04 15:30" (in the configuration\'s zone) or 2026-02-04T15:30:00+08:00 [default: 24h; of a replay 30d]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l until -d 'The end, in the same forms; a length is back from now [default: now]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -l text -d 'Print messages as people see them [default: JSON, an object a line]'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand replay" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l since -d 'The beginning: a length back from the end such as 24h or 7d, or a time such as 2026-02-04, "2026-02-04 15:30" (in the configuration\'s zone) or 2026-02-04T15:30:00+08:00 [default: 24h; of a replay 30d]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l until -d 'The end, in the same forms; a length is back from now [default: now]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l csv -d 'Print time,metric,target,value, the form that `replay` reads: a condition is 1 while it is well; of a summary the average'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l json -d 'Print a JSON object a line, for each check or summary'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -l ascii -d 'Draw with ASCII characters instead of Braille, as where the locale is not UTF-8'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -s o -l output -d 'The file that is written, whole or not at all: FILE.png, FILE.html or FILE.svg' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l since -d 'The beginning: a length back from the end such as 24h or 7d, or a time such as 2026-02-04, "2026-02-04 15:30" (in the configuration\'s zone) or 2026-02-04T15:30:00+08:00 [default: 24h; of a replay 30d]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l until -d 'The end, in the same forms; a length is back from now [default: now]' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -l dark -d 'Draw a dark picture'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand chart" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -l channel -d 'Only to the channel of this name' -r
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand test-notify" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand licenses" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand licenses" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand licenses" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand licenses" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand licenses" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -f -a "check" -d 'Print every problem of a configuration, or "ok"'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -f -a "show" -d 'Print the configuration in force, with defaults filled in and secrets masked'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -f -a "template" -d 'Print the annotated template'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -f -a "schema" -d 'Print the configuration\'s JSON Schema, for editors'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and not __fish_seen_subcommand_from check show template schema help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print nothing: the exit code says whether it is valid'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -l reload -d 'Judge it as a reload does, which refuses an empty one'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from show" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from show" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from show" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from show" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from template" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from template" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from template" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from template" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from template" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from schema" -l config -d 'Configuration file [default: $VPS_MONITOR_CONFIG, else /etc/vps-monitor/config.yaml if it exists, else built-in defaults]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from schema" -l state-dir -d 'Folder for alerts and undelivered messages [default: $STATE_DIRECTORY, else /var/lib/vps-monitor for root, ~/.local/state/vps-monitor for others]' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from schema" -l procfs -d 'Read /proc from this folder: the host\'s /proc mounted in a container, or a fixture' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from schema" -l docker-socket -d 'The Docker Engine\'s Unix socket, instead of the configuration\'s' -r -F
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from schema" -s h -l help -d 'Print help'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Print every problem of a configuration, or "ok"'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "show" -d 'Print the configuration in force, with defaults filled in and secrets masked'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "template" -d 'Print the annotated template'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "schema" -d 'Print the configuration\'s JSON Schema, for editors'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "run" -d 'Run the agent: check, alert and report until SIGTERM or Ctrl-C'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "check" -d 'Measure once and print the readings; sends nothing, touches no state'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "metrics" -d 'Measure once and print the readings as metrics, in Prometheus\' text format'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "report" -d 'Measure once and print the status report'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "status" -d 'Show what the agent knows: readings, alerts, undelivered messages, last and next check, next report'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "silence" -d 'Hold the alerts of a target for a while, or while a command runs; held alerts are sent at the end'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "schedule" -d 'Print the next times a report is due'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "replay" -d 'Read recorded readings and print the messages that this configuration would have led to'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "history" -d 'Draw the recorded readings in the terminal, or print them as CSV or JSON'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "chart" -d 'Draw the recorded readings as a picture (PNG, SVG) or a page (HTML)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "test-notify" -d 'Send one test message to every channel and print each answer'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "licenses" -d 'Print the licences of the program and of the font in its pictures'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "config" -d 'Check, show or make a configuration'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and not __fish_seen_subcommand_from run check metrics report status silence schedule replay history chart test-notify licenses config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from silence" -f -a "list" -d 'List the silences'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from silence" -f -a "end" -d 'End a silence before its time'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Print every problem of a configuration, or "ok"'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "show" -d 'Print the configuration in force, with defaults filled in and secrets masked'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "template" -d 'Print the annotated template'
complete -c vps-monitor -n "__fish_vps_monitor_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "schema" -d 'Print the configuration\'s JSON Schema, for editors'
