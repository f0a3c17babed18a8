#!/bin/bash
# Installs the Debian packages that the build needs, and those that are named, as far as they are missing. Without missing ones it asks for nothing.
set -eu

needed=(
    clang-format make mypy python3 pkg-config libopenblas-dev libpng-dev libturbojpeg0-dev libtiff-dev libwebp-dev libheif-dev liblcms2-dev libssl-dev libsqlite3-dev
    zlib1g-dev libonnx-dev libprotobuf-dev "$@"
)
missing=()
for package in "${needed[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "Install these packages as root first: ${missing[*]}" >&2; exit 1; }
    as_root=(sudo)
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
