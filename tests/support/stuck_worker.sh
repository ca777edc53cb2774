#!/bin/sh
# Stands in for a worker that hangs in the kernel: it is killed, and its output stays open all the same, because what
# it started has it too. The sleep is in the worker's process group, which the test ends.
sleep 300 &
: >"$STUCK_FILE"
wait
