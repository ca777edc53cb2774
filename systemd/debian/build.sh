#!/bin/sh
# build.sh : makes target/debian/vps-monitor_VERSION_ARCH.deb of the release binary that is there.
#
# Made with dpkg-deb, which every Debian has, and not with cargo-deb: that takes minutes to compile before the first
# package, and would state the layout a second time. Here `make install` with DESTDIR is the layout.
set -eu

: "${BINARY:=target/release/vps-monitor}"
OUT=${OUT:-target/debian}
STAGE=$OUT/stage
NAME=vps-monitor
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ARCH=$(dpkg --print-architecture)

# One date for all files, so that the same sources give the same package.
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
export SOURCE_DATE_EPOCH

# Who made the package: as Debian's own tools ask it of the environment, else whoever made the last commit.
if test -n "${DEBEMAIL-}"; then
    MAINTAINER="${DEBFULLNAME:-$DEBEMAIL} <$DEBEMAIL>"
else
    MAINTAINER=$(git log -1 --format='%an <%ae>' 2>/dev/null || echo 'unknown <unknown@localhost>')
fi

# The newest symbol version of glibc that the binary asks for, none in a static one; and the compiler's runtime library, which
# only other linkers' binaries load.
depends() {
    # Packed relocations have a name of their own instead of a version.
    glibc=$(grep -aoE 'GLIBC_(2\.[0-9]+|ABI_DT_RELR)' "$BINARY" | sed 's/ABI_DT_RELR/2.36/' | sort -uV | tail -n 1)
    test -z "$glibc" || printf 'libc6 (>= %s), ' "${glibc#GLIBC_}"
    ! grep -qa 'libgcc_s\.so' "$BINARY" || printf 'libgcc-s1, '
    printf 'systemd'
}

stage_files() {
    umask 022
    rm -rf "$STAGE"
    DESTDIR=$STAGE PREFIX=/usr UNITDIR=/lib/systemd/system SYSUSERSDIR=/usr/lib/sysusers.d \
        ZSHDIR=/usr/share/zsh/vendor-completions BINARY=$BINARY systemd/install.sh install
    gzip -9n "$STAGE"/usr/share/man/man?/*
    doc=$STAGE/usr/share/doc/$NAME
    mkdir -p "$doc"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n'
        printf 'Files: *\nCopyright: %s\nLicense: Expat\n' \
            "$(sed -n 's/^Copyright (c) //p' LICENSE)"
        sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
        # The glyphs of its pictures, which are compiled in.
        printf '\nFiles: src/chart/font/*\nCopyright: 2014-2021 Adobe\nLicense: OFL-1.1\n'
        sed '1,/^$/d; s/^$/./; s/^/ /' share/font/OFL.txt
    } >"$doc/copyright"
    printf '%s (%s) stable; urgency=medium\n\n  * See CHANGELOG.md of the sources.\n\n -- %s  %s\n' \
        $NAME "$VERSION" "$MAINTAINER" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"
}

# The configuration is a conffile: dpkg keeps an edited one over an upgrade, and removes it at purge.
stage_control() {
    mkdir -p "$STAGE/DEBIAN"
    cat >"$STAGE/DEBIAN/control" <<END
Package: $NAME
Version: $VERSION
Architecture: $ARCH
Maintainer: $MAINTAINER
Section: admin
Priority: optional
Depends: $(depends)
Recommends: ca-certificates
Suggests: default-syslogd
Installed-Size: $(du -sk --exclude=DEBIAN "$STAGE" | cut -f1)
Description: host monitoring with alerts in a WeChat Work group
 One small program watches memory, swap, CPU, disks, network traffic,
 connections and Docker containers of this host, posts to a WeChat Work
 group when a threshold is reached and when that is over, and sends
 reports on a cron schedule.
END
    echo /etc/$NAME/config.yaml >"$STAGE/DEBIAN/conffiles"
    for script in postinst prerm postrm; do install -m 755 systemd/debian/$script "$STAGE/DEBIAN/$script"; done
    (cd "$STAGE" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) >"$STAGE/DEBIAN/md5sums"
}

test -x "$BINARY" || { echo "$BINARY is not there: run make build first" >&2; exit 1; }
stage_files
stage_control
dpkg-deb --root-owner-group --build "$STAGE" "$OUT/${NAME}_${VERSION}_$ARCH.deb"
rm -rf "$STAGE"
