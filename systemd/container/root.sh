#!/bin/sh
# root.sh BINARY FOLDER : the image's file system in FOLDER: the static binary, the certificates that the webhook is
# checked with, folders to mount into, and nothing else: no shell, no libraries.
set -eu

binary=${1:?usage: root.sh BINARY FOLDER}
root=${2:?usage: root.sh BINARY FOLDER}
certificates=/etc/ssl/certs/ca-certificates.crt

install -D -m 755 "$binary" "$root/vps-monitor"
install -D -m 644 "$certificates" "$root$certificates"
install -d -m 755 "$root/etc/vps-monitor" "$root/host" "$root/var/lib"
install -d -m 700 "$root/var/lib/vps-monitor"
