#!/bin/sh
# unpack.sh ROOT PACKAGE...: unpacks Debian packages into ROOT and enters them there as installed,
# without running their scripts.
set -e
root=$1
shift
dpkg=$root/var/lib/dpkg
mkdir -p "$dpkg/info" "$dpkg/updates"
: >"$dpkg/available"
for package; do
    # Where /bin is a link to /usr/bin it stays one.
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
    name=$(dpkg-deb -f "$package" Package)
    entry=$name
    if [ "$(dpkg-deb -f "$package" Multi-Arch)" = same ]; then
        entry=$name:$(dpkg-deb -f "$package" Architecture)
    fi
    dpkg-deb --fsys-tarfile "$package" | tar -t | sed 's#^\.##; s#/$##; s#^$#/.#' >"$dpkg/info/$entry.list"
    {
        echo "Status: install ok installed"
        dpkg-deb -f "$package"
        echo
    } >>"$dpkg/status"
done
