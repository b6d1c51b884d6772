#!/usr/bin/env bash
# Runs a command on a virtual X display of its own, so that tests neither need a screen nor flash windows on yours.
# Without Xvfb it runs as it is: the tests then use Qt's off-screen platform where there is no display either.
set -euo pipefail
if ! command -v Xvfb >/dev/null; then exec "$@"; fi

number=$(mktemp)
exec 8>"$number"
Xvfb -displayfd 8 -screen 0 1600x1000x24 -nolisten tcp -noreset >/dev/null 2>&1 8>&8 &
server=$!
exec 8>&-
trap 'kill "$server" 2>/dev/null; rm -f "$number"' EXIT
until [[ -s $number ]]; do # Xvfb writes the number once it takes connections
    kill -0 "$server" 2>/dev/null || { echo "Xvfb did not start" >&2; exit 1; }
    sleep 0.05
done
unset WAYLAND_DISPLAY
DISPLAY=":$(<"$number")" QT_QPA_PLATFORM=xcb "$@"
