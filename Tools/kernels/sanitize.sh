#!/bin/bash
# Builds the kernels' checkers with sanitizers and runs each for so many seconds, one after the other; ends with the first that fails.
#   Tools/kernels/sanitize.sh SECONDS [CHECKER ...]
set -eu -o pipefail
cd "$(dirname "$0")/../.."

seconds=$1
shift
checkers=("$@")
[ ${#checkers[@]} -gt 0 ] || checkers=(check_conv fuzz_gemm_attention check_functions check_pool)
build=.build/sanitize
compile=(clang -O1 -g -std=gnu11 -pthread -Wno-pass-failed -ISources/CKernels/include)
memory=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fuse-ld=lld -Wno-unused-command-line-argument)
# Swift's ThreadSanitizer wants Swift's libdispatch.
swift=$(dirname "$(dirname "$(readlink -f "$(command -v clang)")")")/lib/swift/linux
threads=(-fsanitize=thread)
[ ! -e "$swift/libdispatch.so" ] || threads+=("-L$swift" "-Wl,-rpath,$swift" -ldispatch -lBlocksRuntime)

# The kernels' objects, made again when a source is newer.
objects() {
    local folder=$build/memory newest
    mkdir -p "$folder"
    newest=$(find Sources/CKernels -type f -printf '%T@ %p\n' | sort -n | tail -1 | cut -d' ' -f2-)
    for source in Sources/CKernels/*/*.c; do
        object=$folder/$(echo "$source" | tr / _).o
        [ "$object" -nt "$newest" ] || printf '%s\0' "-c" "$source" "-o" "$object"
    done | xargs -0 -r -n 4 -P "$(nproc)" "${compile[@]}" "${memory[@]}"
}

# run CHECKER: what it says, under its name.
run() {
    echo "$1, $seconds s"
    "$build/$1" "$seconds" | sed 's/^/    /'
}

for checker in "${checkers[@]}"; do
    source=Tools/kernels/$checker.c
    case $checker in
    check_pool)
        mkdir -p "$build"
        "${compile[@]}" "$source" Sources/CKernels/parallel/pool.c "${threads[@]}" -o "$build/$checker"
        run "$checker"
        ;;
    check_functions)
        # Of the vectors of AVX2, and of AVX-512 where there is that.
        for width in 8 16; do
            instructions=(-mavx2 -mfma)
            if [ $width = 16 ]; then
                grep -qw avx512vl /proc/cpuinfo || continue
                instructions+=(-mavx512f -mavx512bw -mavx512dq -mavx512vl)
            fi
            mkdir -p "$build"
            "${compile[@]}" "${memory[@]}" "${instructions[@]}" -DDD_VW=$width "$source" -lm -o "$build/$checker"
            run "$checker"
        done
        ;;
    *)
        objects
        "${compile[@]}" "${memory[@]}" "$source" "$build"/memory/*.o -lm -o "$build/$checker"
        run "$checker"
        ;;
    esac
done
