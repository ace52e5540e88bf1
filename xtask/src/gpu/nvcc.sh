#!/bin/sh
# Stands in front of nvcc, or in its place.
#
# Without REAL_NVCC it answers a build script's questions and writes empty outputs: enough for `cargo check`, no toolkit
# needed. With REAL_NVCC it compiles candle's kernels, but for those of quantised and mixture-of-experts layers, which
# take most of the time and are never called here: their objects hold the functions of STAND_INS, which stop the program.
folder=. output='' source='' mode='' objects=''
for word in "$@"; do
    case $word in
    --version)
        echo "Cuda compilation tools, release 13.0, V13.0.88"
        exit 0
        ;;
    --list-gpu-code)
        printf 'sm_80\nsm_90\n'
        exit 0
        ;;
    esac
    case $last in
    -o) output=$word ;;
    --output-directory) folder=$word ;;
    esac
    case $word in
    --ptx | --lib | -c) mode=$word ;;
    *.cu) source=$word ;;
    *.o) objects="$objects $word" ;;
    esac
    last=$word
done
name=$(basename "$source" .cu)
case $mode:$name in
*:moe_gguf) needed=no stand_ins=$STAND_INS ;;
*:moe_* | *:mmvq_* | *:mmq_* | *:quantized) needed=no stand_ins=/dev/null ;;
*) needed=yes ;;
esac
[ -n "$REAL_NVCC" ] || needed=no stand_ins=/dev/null

case $mode:$needed in
--lib:*)
    # shellcheck disable=SC2086 # a list of files
    exec ar rcs "$output" ${objects#* "$output"}
    ;;
*:yes) exec "$REAL_NVCC" "$@" ;;
--ptx:no) : >"$folder/$name.ptx" ;;
-c:no) exec cc -c -x c -o "$output" "$stand_ins" ;;
esac
