#!/bin/sh
# image.sh BINARY [TAG] : the image that the Dockerfile describes, without its base image or a registry: docker import.
#
# It holds the static binary, the certificates that the webhook is checked with, and nothing else: no shell, no libraries.
set -eu

binary=${1:?usage: image.sh BINARY [TAG]}
tag=${2:-vps-monitor:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}
certificates=/etc/ssl/certs/ca-certificates.crt

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
install -D -m 755 "$binary" "$root/vps-monitor"
install -D -m 644 "$certificates" "$root$certificates"
install -d -m 755 "$root/etc/vps-monitor" "$root/host" "$root/var/lib/vps-monitor" "$root/tmp"

# The instructions are the Dockerfile's own, so that the two ways give the same image.
set --
while read -r instruction; do set -- "$@" --change "$instruction"; done <<END
$(grep -E '^(ENV|ENTRYPOINT|CMD) ' Dockerfile)
END
tar -C "$root" --owner=0 --group=0 --numeric-owner -cf - . | docker import "$@" - "$tag"
