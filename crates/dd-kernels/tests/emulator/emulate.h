// As much of CUDA's language as the kernels use, for an ordinary C++ compiler.
//
// Every thread of a block is a fibre with a stack of its own. A fibre runs until it waits at a barrier or a shuffle; the
// scheduler then runs the next one. A barrier opens when all threads of the block, or all lanes of the warp, have arrived;
// a launch in which nobody can go on is an error, and so is a thread that ends while others wait for it.

#pragma once
#define EMULATED
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#define __device__
#define __global__
#define __shared__ static
#define KERNEL(name) static void name
#define SHARED(type, name) type* name = (type*)emulate::shared_memory

using std::erfc;
using std::exp;
using std::log;
using std::min;
using std::sqrt;

struct Dim {
    unsigned x;
};
static Dim blockIdx, threadIdx, blockDim, gridDim;

inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

namespace emulate {

const unsigned WARP_SIZE = 32;
const size_t STACK_BYTES = 64 * 1024;

// Threads that wait for each other: a block, or a warp.
struct Barrier {
    unsigned members = 0, arrived = 0, ended = 0;
    uint64_t opened = 0;
};

struct Fibre {
    ucontext_t context;
    jmp_buf here;
    std::vector<char> stack;
    bool alive = false; // it has run a thread before, and waits for the next
    bool ended = false; // its thread of this block has
};

static char* shared_memory;
static std::vector<Fibre> fibres(1024);
static std::vector<Barrier> warps;
static std::vector<double> lane_values; // by warp, parity and lane
static std::vector<unsigned> shuffles;  // by thread
static Barrier block;
static unsigned current;
static bool progress;
static ucontext_t start_context;
static jmp_buf scheduler;
static const std::function<void()>* job;

[[noreturn]] inline void fail(const std::string& message);

// Back to the scheduler until it is this fibre's turn again.
inline void give_way() {
    unsigned self = current;
    if (_setjmp(fibres[self].here) == 0) _longjmp(scheduler, 1);
    threadIdx.x = self;
}

inline void arrive(Barrier& barrier) {
    if (barrier.ended > 0) fail("a thread has ended while others wait for it");
    uint64_t generation = barrier.opened;
    progress = true;
    if (++barrier.arrived == barrier.members) {
        barrier.arrived = 0;
        barrier.opened++;
        return;
    }
    while (barrier.opened == generation) give_way();
}

// Every lane's value is left for the others; two sets alternate, so that one barrier is enough.
template <class T> inline T exchange(T value, unsigned lane_mask) {
    unsigned self = current, warp = self / WARP_SIZE, lane = self % WARP_SIZE;
    double* values = &lane_values[(warp * 2 + shuffles[self]++ % 2) * WARP_SIZE];
    values[lane] = value;
    arrive(warps[warp]);
    return (T)values[lane ^ lane_mask];
}

inline void run_thread() {
    (*job)();
    Barrier& warp = warps[current / WARP_SIZE];
    if (block.arrived > 0 || warp.arrived > 0) fail("a thread ends while others wait for it");
    warp.ended++;
    block.ended++;
    fibres[current].ended = true;
    progress = true;
}

inline void body() {
    for (;;) {
        run_thread();
        give_way();
    }
}

inline void start(unsigned thread) {
    Fibre& fibre = fibres[thread];
    fibre.alive = true;
    getcontext(&fibre.context);
    fibre.stack.resize(STACK_BYTES);
    fibre.context.uc_stack.ss_sp = fibre.stack.data();
    fibre.context.uc_stack.ss_size = fibre.stack.size();
    fibre.context.uc_link = nullptr;
    makecontext(&fibre.context, body, 0);
    setcontext(&fibre.context);
}

// The current fibre begins, or goes on where it gave way.
inline void go_on() {
    if (!fibres[current].alive) start(current);
    _longjmp(fibres[current].here, 1);
}

// Runs one block; threads take their turns in ascending or descending order.
inline void run_block(unsigned threads, bool descending, const std::function<void()>& kernel) {
    job = &kernel;
    if (threads > fibres.size()) fail("more threads in a block than there are fibres");
    warps.assign((threads + WARP_SIZE - 1) / WARP_SIZE, Barrier());
    for (unsigned i = 0; i < threads; i++) warps[i / WARP_SIZE].members++;
    lane_values.assign(warps.size() * 2 * WARP_SIZE, 0);
    shuffles.assign(threads, 0);
    block = Barrier();
    block.members = threads;
    for (unsigned i = 0; i < threads; i++) fibres[i].ended = false;
    static unsigned ended, i; // survive the jumps
    for (ended = 0; ended < threads;) {
        progress = false;
        ended = 0;
        for (i = 0; i < threads; i++) {
            current = descending ? threads - 1 - i : i;
            if (!fibres[current].ended) {
                threadIdx.x = current;
                if (_setjmp(scheduler) == 0) go_on();
            }
            ended += fibres[current].ended;
        }
        if (!progress) fail("no thread can go on: some wait at a barrier that others never reach");
    }
}

} // namespace emulate

inline void __syncthreads() { emulate::arrive(emulate::block); }
inline void __syncwarp() { emulate::arrive(emulate::warps[emulate::current / emulate::WARP_SIZE]); }
template <class T> inline T __shfl_xor_sync(unsigned, T value, unsigned lane_mask) {
    return emulate::exchange(value, lane_mask);
}
