// Sums along edges: filtered_sum, gin_message, and their gradients.
//
// Launch: one block of SLICES warps per (row of the result, 32 packs of columns).
// Bound: memory; two rows are read for each edge, every row of the result is written once.

// y_r = what `term` adds for r itself, and for the edges of r: those from offsets[r] to offsets[r + 1], by position or
// through `positions`.
template <int V, class Term>
__device__ void sum_edges(const unsigned* offsets, const unsigned* positions, T* y, unsigned width, const Term& term) {
    __shared__ A partial[SLICES][WARP * V];
    Place at = place(width, WARP * V);
    unsigned start = offsets[at.segment], end = offsets[at.segment + 1];
    bool inside = at.column < width;
    A sum[V];
    for (int j = 0; j < V; j++) sum[j] = 0;
    if (inside) {
        if (at.slice == 0) term.template own<V>(sum, at.segment, at.column);
        for (unsigned p = start + at.slice; p < end; p += SLICES) {
            term.template add<V>(sum, positions ? positions[p] : p, at.segment, at.column);
        }
    }
    for (int j = 0; j < V; j++) partial[at.slice][at.lane * V + j] = sum[j];
    __syncthreads();
    if (at.slice > 0 || !inside) return;
    Pack<T, V> total;
    for (int j = 0; j < V; j++) {
        for (int slice = 1; slice < SLICES; slice++) sum[j] += partial[slice][at.lane * V + j];
        put(total.at[j], sum[j]);
    }
    store<V>(y + at.segment * (size_t)width + at.column, total);
}

// One row of a matrix, from a column on.
template <int V> __device__ inline Pack<T, V> row(const T* x, unsigned number, unsigned width, unsigned column) {
    return load<V>(x + number * (size_t)width + column);
}

// a b, channel by channel.
struct Product {
    const T *a, *b;
    const unsigned *rows_a, *rows_b;
    unsigned width;

    template <int V> __device__ void own(A*, unsigned, unsigned) const {}
    template <int V> __device__ void add(A* sum, unsigned edge, unsigned, unsigned column) const {
        Pack<T, V> x = row<V>(a, rows_a[edge], width, column), f = row<V>(b, rows_b[edge], width, column);
        for (int j = 0; j < V; j++) sum[j] += wide(x.at[j]) * wide(f.at[j]);
    }
};

// (1 + eps) h of the atom itself, and max(0, h + bond) of its edges.
struct Rectified {
    const T *h, *bonds, *eps;
    const unsigned *atoms, *sources, *kinds;
    unsigned width;

    template <int V> __device__ void own(A* sum, unsigned atom, unsigned column) const {
        Pack<T, V> x = row<V>(h, atoms[atom], width, column);
        for (int j = 0; j < V; j++) sum[j] = (A(1) + wide(eps[0])) * wide(x.at[j]);
    }
    template <int V> __device__ void add(A* sum, unsigned edge, unsigned, unsigned column) const {
        Pack<T, V> x = row<V>(h, sources[edge], width, column), b = row<V>(bonds, kinds[edge], width, column);
        for (int j = 0; j < V; j++) {
            A y = wide(x.at[j]) + wide(b.at[j]);
            sum[j] += y > A(0) ? y : A(0);
        }
    }
};

// The gradient that comes back where mine + other > 0; `mine` are the rows of the result.
struct Returned {
    const T *mine, *other, *grad;
    const unsigned *rows_other, *targets;
    unsigned width;

    template <int V> __device__ void own(A*, unsigned, unsigned) const {}
    template <int V> __device__ void add(A* sum, unsigned edge, unsigned segment, unsigned column) const {
        Pack<T, V> x = row<V>(mine, segment, width, column), b = row<V>(other, rows_other[edge], width, column);
        Pack<T, V> g = row<V>(grad, targets[edge], width, column);
        for (int j = 0; j < V; j++) {
            if (wide(x.at[j]) + wide(b.at[j]) > A(0)) sum[j] += wide(g.at[j]);
        }
    }
};

template <class Term>
__device__ inline void sum_terms(const unsigned* offsets, const unsigned* positions, T* y, unsigned width,
                                 unsigned packed, const Term& term) {
    if (packed) {
        sum_edges<LANES>(offsets, positions, y, width, term);
    } else {
        sum_edges<1>(offsets, positions, y, width, term);
    }
}

KERNEL(filtered_sum)(const T* a, const T* b, const unsigned* rows_a, const unsigned* rows_b, const unsigned* offsets,
                     const unsigned* positions, T* y, unsigned width, unsigned packed) {
    sum_terms(offsets, positions, y, width, packed, Product{a, b, rows_a, rows_b, width});
}

KERNEL(gin_message)(const T* h, const T* bonds, const T* eps, const unsigned* atoms, const unsigned* sources,
                    const unsigned* kinds, const unsigned* offsets, const unsigned* positions, T* y, unsigned width,
                    unsigned packed) {
    sum_terms(offsets, positions, y, width, packed, Rectified{h, bonds, eps, atoms, sources, kinds, width});
}

KERNEL(gin_returned)(const T* mine, const T* other, const T* grad, const unsigned* rows_other, const unsigned* targets,
                     const unsigned* offsets, const unsigned* positions, T* y, unsigned width, unsigned packed) {
    sum_terms(offsets, positions, y, width, packed, Returned{mine, other, grad, rows_other, targets, width});
}
