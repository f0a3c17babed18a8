#!/bin/bash
# Builds checkers and fuzzers with sanitizers and runs each for so many seconds, one after the other; ends with the first that fails.
#   Tools/sanitize.sh SECONDS [CHECK ...]
# kernels:  check_conv fuzz_gemm_attention check_functions check_pool
# readers:  files onnx messages photographs
# threads:  restorations at once, and commands, under ThreadSanitizer
# SEED=N: fuzzers begin there, rather than anywhere.
# KERNELS=plain: products in Swift with kernels as they are.
set -eu -o pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
checks=("$@")
[ ${#checks[@]} -gt 0 ] || checks=(check_conv fuzz_gemm_attention check_functions check_pool files onnx messages photographs threads)
build=.build/sanitize
seed=${SEED:-$RANDOM}
mkdir -p "$build/findings"
compile=(clang -O1 -g -std=gnu11 -pthread -Wno-pass-failed -ISources/CKernels/include)
memory=(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fuse-ld=lld -Wno-unused-command-line-argument)
# Swift's ThreadSanitizer wants Swift's libdispatch.
swift=$(dirname "$(dirname "$(readlink -f "$(command -v clang)")")")/lib/swift/linux
threads=(-fsanitize=thread)
[ ! -e "$swift/libdispatch.so" ] || threads+=("-L$swift" "-Wl,-rpath,$swift" -ldispatch -lBlocksRuntime)
fuzzing=(-seed="$seed" -max_total_time="$seconds" -max_len=65536 -rss_limit_mb=4096 -artifact_prefix="$build/findings/" -print_final_stats=1 -verbosity=0)

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

# run COMMAND ...: what it says, with a margin.
run() { "$@" 2>&1 | sed 's/^/    /'; }

# product SANITIZER NAME: builds a product in Swift, and says where it is.
product() {
    # Most of such a build are the kernels, which have checks of their own.
    [ "${KERNELS:-}" != plain ] || set -- "$@" -Xcc -fno-sanitize=address
    swift build -c release --sanitize "$1" --scratch-path "$build/$1" --product "$2" "${@:3}" >&2
    echo "$build/$1/release/$2"
}

check() {
    case $1 in
    check_pool)
        "${compile[@]}" Tools/kernels/check_pool.c Sources/CKernels/parallel/pool.c "${threads[@]}" -o "$build/check_pool"
        run "$build/check_pool" "$seconds"
        ;;
    check_functions)
        # Of the vectors of AVX2, and of AVX-512 where there is that.
        for width in 8 16; do
            instructions=(-mavx2 -mfma)
            if [ $width = 16 ]; then
                grep -qw avx512vl /proc/cpuinfo || continue
                instructions+=(-mavx512f -mavx512bw -mavx512dq -mavx512vl)
            fi
            "${compile[@]}" "${memory[@]}" "${instructions[@]}" -DDD_VW=$width Tools/kernels/check_functions.c -lm -o "$build/check_functions"
            run "$build/check_functions" "$seconds"
        done
        ;;
    check_conv | fuzz_gemm_attention)
        objects
        "${compile[@]}" "${memory[@]}" "Tools/kernels/$1.c" "$build"/memory/*.o -lm -o "$build/$1"
        run "$build/$1" "$seconds"
        ;;
    files)
        program=$(product address fuzz-files)
        # Each of the eight kinds of file has its part of the time.
        run "$program" --seconds $((seconds / 8 + 1)) --seed "$seed" --work "$build/findings" Tools/fuzz/corpus/files/*
        ;;
    onnx)
        program=$(product address fuzz-onnx)
        run "$program" --seconds "$seconds" --seed "$seed" --run --work "$build/findings" Tools/fuzz/corpus
        ;;
    messages)
        clang++ -std=c++17 -g -O1 -fsanitize=fuzzer,address,undefined -DONNX_ML=1 -DONNX_NAMESPACE=onnx -ISources/COnnx/include \
            Tools/fuzz/fuzz_onnx_reader.cpp Sources/COnnx/onnx_reader.cpp -lonnx_proto -lprotobuf -o "$build/fuzz_onnx_reader"
        mkdir -p "$build/messages"
        run "$build/fuzz_onnx_reader" "${fuzzing[@]}" "$build/messages" Tools/fuzz/corpus
        ;;
    photographs)
        Tools/fuzz/build_fuzz_images.sh "$build/images"
        mkdir -p "$build/photographs"
        # libheif itself leaks where it refuses a file.
        ASAN_OPTIONS=detect_leaks=0 run "$build/images/fuzz_images" "${fuzzing[@]}" "$build/photographs" Tools/fuzz/corpus/images
        ;;
    threads)
        race=$(product thread race)
        program=$(product thread deblurdiff)
        run "$race" Models/small.ddiff.safetensors "$seconds"
        run "$program" run Models/cat-blurred.png -o "$build/cat.png" --no-resume --quiet
        run "$(product thread seeded-checkpoint)" --config Models/demo.yaml --seed 1 "$build/demo.safetensors"
        run "$program" convert "$build/demo.safetensors" --config Models/demo.yaml -o "$build/demo.ddiff.safetensors" --quiet
        ;;
    *)
        echo "there is no check $1" >&2
        return 1
        ;;
    esac
}

for name in "${checks[@]}"; do
    echo "$name, $seconds s"
    check "$name"
done
