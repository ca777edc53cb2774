# vps-monitor in a container that watches its host, as a user without rights (65532), on a read-only root file system.
#
#   docker build -t vps-monitor .          (without access to a registry: make image)
#   docker run -d --name vps-monitor --restart unless-stopped \
#     --network host --uts host \
#     --read-only --cap-drop ALL --security-opt no-new-privileges --memory 160m --pids-limit 64 \
#     -v /proc:/host/proc:ro -v /:/host/root:ro,rslave \
#     -v /etc/vps-monitor:/etc/vps-monitor:ro -v vps-monitor:/var/lib/vps-monitor \
#     vps-monitor
#
# --network host: the webhook is reached the way the host reaches it; traffic and connections are read from
# /host/proc/1/net. --uts host: messages name the host. Disk use is measured where it is mounted: `paths: [/host/root]`.
# The configuration must be readable by the user: chown root:65532 config.yaml; chmod 640 config.yaml.
#
# Docker's containers are watched where its socket is mounted and its group is given:
#   -v /var/run/docker.sock:/var/run/docker.sock --group-add "$(stat -c %g /var/run/docker.sock)"
# Whoever can write to that socket is root on the host. docs/security.md has a proxy that lets only reading pass.

FROM rust:1-bookworm AS build
WORKDIR /source
COPY . .
RUN make static && systemd/container/root.sh "target/$(uname -m)-unknown-linux-gnu/release/vps-monitor" /image

FROM scratch
COPY --from=build /image /
# A new volume takes its owner and mode from this folder.
COPY --from=build --chown=65532:65532 /image/var/lib/vps-monitor /var/lib/vps-monitor
ENV STATE_DIRECTORY=/var/lib/vps-monitor
USER 65532:65532
VOLUME /var/lib/vps-monitor
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s CMD ["/vps-monitor", "status"]
ENTRYPOINT ["/vps-monitor", "--procfs", "/host/proc"]
CMD ["run"]
