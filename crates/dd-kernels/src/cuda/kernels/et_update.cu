// The update of the equivariant transformer, from the projected vectors p [atoms, 3 axes, 3 parts, width], the projected
// messages o [atoms, 3 parts, width] and the vectors that have arrived [atoms, 1 + 3, width]:
// dx = (sum over axes of p1 p2) o2 + o3, dv = p3 o1 + arrived.
//
// Launch: any number of threads, each takes one channel of one atom at a time.
// Bound: memory; every number is read and written once.

const int AXES = 3;

KERNEL(et_update)(const T* p, const T* o, const T* arrived, T* y, u64 count, unsigned width) {
    for (size_t job = thread_number(); job < count; job += thread_count()) {
        size_t atom = job / width, channel = job % width;
        const T *mine = p + atom * 9 * width + channel, *message = o + atom * 3 * width + channel;
        const T* vectors = arrived + atom * 4 * width + channel;
        T* out = y + atom * 4 * width + channel;
        A dot = 0;
        for (int axis = 0; axis < AXES; axis++, mine += 3 * width) {
            dot += wide(mine[0]) * wide(mine[width]);
            size_t to = (axis + 1) * (size_t)width;
            put(out[to], wide(mine[2 * width]) * wide(message[0]) + wide(vectors[to]));
        }
        put(out[0], dot * wide(message[width]) + wide(message[2 * width]));
    }
}

// `out` = gradients of p, of o and of what has arrived, one after another.
KERNEL(et_update_backward)(const T* p, const T* o, const T* grad, T* out, u64 count, unsigned width) {
    for (size_t job = thread_number(); job < count; job += thread_count()) {
        size_t atom = job / width, channel = job % width;
        const T *mine = p + atom * 9 * width + channel, *message = o + atom * 3 * width + channel;
        const T* g = grad + atom * 4 * width + channel;
        T *dp = out + atom * 9 * width + channel, *d_o = out + 9 * count + atom * 3 * width + channel;
        T* d_arrived = out + 12 * count + atom * 4 * width + channel;
        A dx = wide(g[0]), through = dx * wide(message[width]), dot = 0, turned = 0;
        put(d_arrived[0], A(0));
        for (int axis = 0; axis < AXES; axis++, mine += 3 * width, dp += 3 * width) {
            size_t from = (axis + 1) * (size_t)width;
            A dv = wide(g[from]);
            dot += wide(mine[0]) * wide(mine[width]);
            turned += dv * wide(mine[2 * width]);
            put(dp[0], through * wide(mine[width]));
            put(dp[width], through * wide(mine[0]));
            put(dp[2 * width], dv * wide(message[0]));
            put(d_arrived[from], dv);
        }
        put(d_o[0], turned);
        put(d_o[width], dx * dot);
        put(d_o[2 * width], dx);
    }
}
