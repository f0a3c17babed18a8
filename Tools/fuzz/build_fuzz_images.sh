#!/bin/bash
# Builds fuzz_images with AddressSanitizer and libFuzzer into a folder: the modules that it needs, one by one.
set -eu
out=$1
mkdir -p "$out"
objects=()
for module in CPNG CTIFF CLCMS; do
    for source in Sources/$module/*.c; do
        object=$out/$module-$(basename "$source").o
        clang -g -O1 -fsanitize=fuzzer-no-link,address,undefined -ISources/$module/include -c "$source" -o "$object"
        objects+=("$object")
    done
    printf 'module %s { header "%s" export * }\n' $module "$PWD/Sources/$module/include/$module.h" >"$out/$module.modulemap"
done
flags=(-parse-as-library -sanitize=fuzzer,address -g -O -wmo -swift-version 6 -package-name deblurdiff -I "$out")
for module in CPNG CTIFF CLCMS; do flags+=(-Xcc "-fmodule-map-file=$PWD/$out/$module.modulemap"); done
for module in CZlib CCrypto CJPEG CWebP CHEIF; do flags+=(-Xcc "-fmodule-map-file=$PWD/Sources/$module/module.modulemap"); done
# The log is a package's, and nobody here writes to it.
for module in Files Tensors Images; do
    mapfile -t sources < <(find Sources/$module -name '*.swift' -not -name Log.swift | sort)
    swiftc "${flags[@]}" -module-name $module -emit-module -emit-module-path "$out/$module.swiftmodule" -c "${sources[@]}" -o "$out/$module.o"
    objects+=("$out/$module.o")
done
swiftc "${flags[@]}" Tools/fuzz/fuzz_images.swift "${objects[@]}" -lpng -ltiff -llcms2 -lturbojpeg -lwebp -lheif -lz -lcrypto -lubsan -o "$out/fuzz_images"
