// What the kernels of the equivariant transformer's messages share: where things lie, and the filters.
//
// nodes    q [N, F], k [N, F], u [N, 3 F], v [N, 3, F], one after another; u holds C channels of s, a and b per head
// edges    basis [E, K], phi [E], d [E, 3]
// filters  before the activation, without bias, of the edges of one chunk: [edges, columns]; F columns of the key, then
//          3 F of the value in the order of u; either may be missing, then its filter is 1
//
// A chunk is the edges first .. end of whole targets; its arrays are counted from its first edge.

struct Nodes {
    const T *q, *k, *u, *v;

    __device__ Nodes(const T* nodes, unsigned n, unsigned f)
        : q(nodes), k(q + (size_t)n * f), u(k + (size_t)n * f), v(u + (size_t)n * 3 * f) {}
};

struct Geometry {
    const T *phi, *d;

    __device__ Geometry(const T* edges, unsigned e, unsigned basis) : phi(edges + (size_t)e * basis), d(phi + e) {}
};

struct Shape {
    unsigned atoms, edges, features, heads, basis, has_key, has_value;

    __device__ unsigned channels() const { return features / heads; }
    __device__ unsigned columns() const { return (has_key ? features : 0) + (has_value ? 3 * features : 0); }
    // Place of part s (0), a (1) or b (2) of a feature in a row of u.
    __device__ unsigned in_u(unsigned feature, unsigned part) const {
        unsigned c = channels();
        return feature / c * 3 * c + part * c + feature % c;
    }
};

struct Activation {
    A value, slope;
};

// SiLU and its derivative.
__device__ inline Activation silu_at(A x) {
    A s = A(1) / (A(1) + exp(-x));
    return {x * s, s * (A(1) + x * (A(1) - s))};
}

struct Filters {
    const T *chunk, *bias;
    Shape shape;
    unsigned first;

    __device__ Activation at(unsigned edge, unsigned column) const {
        return silu_at(wide(chunk[(edge - first) * (size_t)shape.columns() + column]) + wide(bias[column]));
    }
    __device__ Activation key(unsigned edge, unsigned feature) const {
        return shape.has_key ? at(edge, feature) : Activation{1, 0};
    }
    __device__ Activation value(unsigned edge, unsigned feature, unsigned part) const {
        unsigned start = shape.has_key ? shape.features : 0;
        return shape.has_value ? at(edge, start + shape.in_u(feature, part)) : Activation{1, 0};
    }
};
