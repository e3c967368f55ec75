#!/bin/sh
# Install one Debian package if that can be done without asking anybody for anything; exit 1 if it cannot.
package=$1
export DEBIAN_FRONTEND=noninteractive

command -v apt-get >/dev/null || exit 1
if [ "$(id -u)" = 0 ]; then
    root=
elif sudo -n true 2>/dev/null; then
    root="sudo -n"
else
    exit 1
fi

# Everything slow is bounded; the installation itself is not, since dpkg must not be cut off half way.
fetch() { timeout 60 $root apt-get install -qq -y --no-install-recommends --download-only "$package" >/dev/null 2>&1; }

echo "Installing $package (Debian) …"
fetch || { timeout 60 $root apt-get update -qq >/dev/null 2>&1 && fetch; } || exit 1
$root apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 </dev/null
