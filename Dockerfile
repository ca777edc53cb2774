# vps-monitor in a container that watches its host.
#
#   docker build -t vps-monitor .          (where no registry is at hand: make image)
#   docker run -d --name vps-monitor --restart unless-stopped \
#     --network host --uts host \
#     -v /proc:/host/proc:ro -v /:/host/root:ro,rslave \
#     -v /var/run/docker.sock:/var/run/docker.sock \
#     -v /etc/vps-monitor:/etc/vps-monitor:ro -v vps-monitor:/var/lib/vps-monitor \
#     vps-monitor
#
# --network host: the webhook's way out is the host's own; traffic and connections are read from /host/proc/1/net.
# --uts host: messages name the host. Disk use is measured where it is mounted: `paths: [/host/root]`.
# The socket gives whoever holds it the host: leave it out, and Docker is not watched.

FROM rust:1-bookworm AS build
WORKDIR /source
COPY . .
RUN make static && install -D "target/$(uname -m)-unknown-linux-gnu/release/vps-monitor" /image/vps-monitor \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
    && mkdir -p /image/etc/vps-monitor /image/host /image/var/lib/vps-monitor /image/tmp

FROM scratch
COPY --from=build /image /
ENV STATE_DIRECTORY=/var/lib/vps-monitor
ENTRYPOINT ["/vps-monitor", "--procfs", "/host/proc"]
CMD ["run"]
