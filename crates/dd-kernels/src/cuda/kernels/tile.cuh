// What attention's kernels share: tiles of rows in shared memory, scores of a tile, dropout.
//
// A block works on one head of ROWS * WARPS rows (queries, or keys in the last kernel) of one segment; a warp owns ROWS
// of them and walks over the segment's other rows, WARP at a time, one per lane.

const int WARPS = 4;
const int ROWS = 4;
const int TILE = WARPS * ROWS;

// One head's columns of all rows.
struct Head {
    unsigned width, start, dim;
};

// Where a block works: rows first .. end of the segment begin .. end, of which it owns at most TILE from `first` on.
struct Work {
    unsigned begin, end, first, segment, head;
};

// `tiles` holds (segment, first row) pairs; blocks run over heads first.
__device__ inline Work work(const unsigned* offsets, const unsigned* tiles, unsigned heads) {
    unsigned tile = blockIdx.x / heads, segment = tiles[2 * tile];
    return {offsets[segment], offsets[segment + 1], tiles[2 * tile + 1], segment, blockIdx.x % heads};
}

// Copies rows first .. first + count of a head to shared memory, `stride` numbers apart; rows at or after `end` are 0.
__device__ inline void load_rows(const T* x, Head head, unsigned first, unsigned end, int count, A* to, unsigned stride) {
    for (unsigned i = threadIdx.x; i < count * head.dim; i += blockDim.x) {
        unsigned row = i / head.dim, d = i % head.dim;
        bool inside = first + row < end;
        to[row * stride + d] = inside ? wide(x[(first + row) * (size_t)head.width + head.start + d]) : A(0);
    }
}

// product[r] = row r of the warp's own rows times this lane's row.
__device__ inline void products(const A* own, const A* lanes_row, unsigned dim, A (&product)[ROWS]) {
    for (int r = 0; r < ROWS; r++) product[r] = 0;
    for (unsigned d = 0; d < dim; d++) {
        A theirs = lanes_row[d];
        for (int r = 0; r < ROWS; r++) product[r] += own[r * dim + d] * theirs;
    }
}

// sum[r][c] += over `count` lanes of weights[r][lane] * rows[lane][32 c + own lane].
template <int C>
__device__ inline void accumulate(const A (*weights)[WARP], const A* rows, unsigned stride, unsigned dim, unsigned count,
                                  A (&sum)[ROWS][C]) {
    unsigned lane = threadIdx.x % WARP;
    for (unsigned j = 0; j < count; j++) {
        for (int c = 0; c < C; c++) {
            if (c * WARP + lane < dim) {
                A value = rows[j * stride + c * WARP + lane];
                for (int r = 0; r < ROWS; r++) sum[r][c] += weights[r][j] * value;
            }
        }
    }
}

// Writes the warp's rows of a result, each times its scale.
template <int C>
__device__ inline void write_rows(T* y, Head head, unsigned first, unsigned end, const A (&scale)[ROWS],
                                  const A (&sum)[ROWS][C]) {
    unsigned lane = threadIdx.x % WARP;
    for (int r = 0; r < ROWS; r++) {
        for (int c = 0; c < C; c++) {
            if (first + r < end && c * WARP + lane < head.dim) {
                put(y[(first + r) * (size_t)head.width + head.start + c * WARP + lane], sum[r][c] * scale[r]);
            }
        }
    }
}

// Dropout of attention probabilities by the counter-based generator of src/rng.rs.
struct Dropout {
    u64 key;
    unsigned threshold; // nothing is dropped at threshold 0
    A kept;
    unsigned length;

    // 0 or 1 / (1 - rate), for a query and a key counted from the segment's first row.
    __device__ A factor(unsigned query, unsigned key_row) const {
        if (threshold == 0) return A(1);
        return drops(key, (u64)query * length + key_row, threshold) ? A(0) : kept;
    }
};

// Of one segment and head; without `ids` a segment's name is its number.
__device__ inline Dropout dropout_of(Work at, const u64* ids, u64 key, unsigned threshold, double kept) {
    u64 name = ids ? ids[at.segment] : at.segment;
    return {with(with(key, name), at.head), threshold, A(kept), at.end - at.begin};
}
