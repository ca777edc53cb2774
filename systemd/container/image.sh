#!/bin/sh
# image.sh BINARY [TAG] : the image that the Dockerfile describes, without its base image or a registry: docker import.
set -eu

binary=${1:?usage: image.sh BINARY [TAG]}
tag=${2:-vps-monitor:$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)}

root=$(mktemp -d)
trap 'rm -rf "$root" "$root.tar"' EXIT
systemd/container/root.sh "$binary" "$root"

# The instructions are the Dockerfile's own, so that the two ways give the same image.
set --
while read -r instruction; do set -- "$@" --change "$instruction"; done <<END
$(grep -E '^(ENV|USER|VOLUME|HEALTHCHECK|ENTRYPOINT|CMD) ' Dockerfile)
END
# The state belongs to the Dockerfile's USER: a new volume takes its owner and mode from the image's folder.
state=./var/lib/vps-monitor
tar -C "$root" --owner=0 --group=0 --numeric-owner --exclude=$state -cf "$root.tar" .
tar -C "$root" --owner=65532 --group=65532 --numeric-owner -rf "$root.tar" $state
docker import "$@" - "$tag" <"$root.tar"
